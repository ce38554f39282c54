"""Answers over tables as terminal text: what is shown, at which width, with and without colour."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from assistant.dataset.types import ColumnProfile, Fact, Profile
from ui.terminal_plots import bars, heights, share, show_plot
from ui.terminal_profile import show_column, show_columns
from ui.terminal_tables import IN_CHAT, ON_THE_LINE, Ways, show_computation, show_given, show_grid, show_options

EXPRESSION = "df.groupby('town')['price'].mean()"
CHIPS = [
    {"kind": "measure", "text": "mean", "said": "mean", "sure": True, "options": [], "drop": None},
    {"kind": "column", "text": "price", "said": "cost", "sure": False, "options": [], "drop": None},
    {
        "kind": "group", "text": "by town", "said": "by town", "note": "2 values", "sure": True, "drop": "d",
        "options": [{"text": "by street", "note": "9 values", "link": "s"}],
    },
]  # fmt: skip


def given(**changes: Any) -> dict[str, Any]:
    """Return the JSON of an answer over a table."""
    cited = {"kind": "dataset", "dataset": "homes.csv", "fingerprint": "0" * 64, "expression": EXPRESSION, "value": 3}
    claim = {"text": "Mean of price by town: Ulm: 3; Bonn: 4.", "verdict": "computed", "citations": [cited]}
    reading = {"words": "mean of price by town", "query": {}, "unread": [], "chips": CHIPS, "link": "l", "runs": True}
    empty: dict[str, Any] = {name: [] for name in ("missing", "notes", "suggestions", "trail", "checks", "left_out")}
    return {
        **empty, "question": "mean cost by town", "abstained": False, "claims": [claim], "reading": reading,
        "result": {"kind": "values", "value": {"Ulm": 3, "Bonn": 4}}, "table": None, "plot": None, "code": "",
        "dataset": {"name": "homes.csv", "rows": 1200, "columns": 7}, **changes,
    }  # fmt: skip


def waiting() -> dict[str, Any]:
    """Return the JSON of an answer that waits for its reading to be run."""
    nearest = [{"words": "median of price", "link": "n"}]
    reading = {**given()["reading"], "unread": ["blorbs"], "runs": False, "nearest": nearest}
    return given(abstained=True, claims=[], missing=["“blorbs” is not known."], reading=reading)


def screen(width: int = 80, **more: Any) -> Console:
    return Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False, **more)


def text(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def shown(answer: dict[str, Any], ways: Ways = IN_CHAT, **more: Any) -> str:
    out = screen(**more)
    show_given(out, answer, show_passage=lambda number: out.print(f"passage {number}"), ways=ways)
    return text(out)


def test_values_come_first_then_the_reading_as_numbered_chips() -> None:
    said = shown(given(trail=[{"words": "where sold", "rows": 80}], left_out=["3 rows lack a price."]))
    places = [said.index(part) for part in ("Ulm: 3", EXPRESSION, "[1] mean", "1,200 rows", "3 rows lack a price")]
    assert places == sorted(places)
    assert "[2] price? (from “cost”)" in said
    assert "where sold: 80 rows" in said


def test_a_claim_that_cites_documents_is_shown_as_one() -> None:
    claims = [*given()["claims"], {"text": "Quoted.", "verdict": "quoted", "citations": [{"kind": "passage"}]}]
    said = shown(given(claims=claims, confidence=0.9))
    assert "passage 2" in said
    assert "High confidence (90%)" in said


def test_unread_words_are_orange_and_marked_where_there_is_no_colour() -> None:
    plain = shown(waiting())
    assert "(!) “blorbs” is not known." in plain
    assert "\x1b" not in plain
    assert "38;5;208m(!) “blorbs”" in shown(waiting(), force_terminal=True, color_system="256")


def test_words_that_were_not_understood_stay_marked_when_the_reading_was_run_all_the_same() -> None:
    assert "(!) Not understood: “blorbs”" in shown(given(reading={**given()["reading"], "unread": ["blorbs"]}))


@pytest.mark.parametrize(
    ("ways", "run", "nearest"), [(IN_CHAT, ":run", ":1  "), (ON_THE_LINE, "--anyway", "--nearest 1")]
)
def test_a_reading_that_waits_says_how_it_and_the_nearest_are_run(ways: Ways, run: str, nearest: str) -> None:
    said = shown(waiting(), ways)
    assert "No answer yet." in said
    assert run in said
    assert f"{nearest}" in said
    assert "median of price" in said


@pytest.mark.parametrize("width", [40, 80, 120])
def test_nothing_runs_past_the_width(width: int) -> None:
    rows = [[f"a name that is long {i}", *range(30)] for i in range(50)]
    table = {"columns": ["name", *(f"column {i}" for i in range(30))], "rows": rows, "more": 7}
    said = shown(given(table=table), width=width)
    assert max(map(len, said.splitlines())) <= width
    assert "… and 37 more rows" in said
    assert "Not shown: column" in said


def test_values_asked_for_by_name_are_listed() -> None:
    reading = {**given()["reading"], "query": {"outputs": [{"name": "mean_price"}]}}
    said = shown(given(reading=reading, result={"kind": "values", "value": {"mean_price": 3.25}}))
    assert "mean_price = 3.25" in said


def test_a_table_that_tells_more_than_its_plot_gets_the_bars() -> None:
    table = {"columns": ["town", "mean", "rows"], "rows": [["Ulm", 3, 9], ["Bonn", 4, 1]], "more": 0}
    plot = {"kind": "bars", "columns": ["town", "mean"], "rows": [["Ulm", 3], ["Bonn", 4]], "x": "town", "y": "mean"}
    lines = shown(given(table=table, plot=plot)).splitlines()
    assert "█" * 16 in next(line for line in lines if line.strip().startswith("Bonn"))


def test_no_cell_can_steer_the_terminal_or_break_the_line() -> None:
    out = screen()
    show_grid(out, ["a\x1b[31m", "b"], [["x\ny\x9b2J", "[bold]z"]])
    assert "\x1b" not in text(out)
    assert "\x9b" not in text(out)
    assert "[bold]z" in text(out)
    assert len(text(out).splitlines()) == 2


def test_options_are_numbered_with_their_counts() -> None:
    out = screen()
    show_options(out, 3, CHIPS[2])
    assert "1  by street  9 values" in text(out)
    assert ":set 3 N or :set 3 VALUE or :drop 3" in text(out)


def test_options_of_a_number_are_told_from_another_number() -> None:
    out = screen()
    show_options(out, 1, {**CHIPS[2], "text": "price > 40"})
    assert "#1  by street" in text(out)
    assert ":set 1 #N or :set 1 VALUE" in text(out)


def test_a_computed_claim_opens_with_expression_value_and_program() -> None:
    out = screen()
    show_computation(out, given()["claims"][0], "import pandas as pd\n")
    for part in (f"expression  {EXPRESSION}", "value       3", "fingerprint 000000000000", "import pandas as pd"):
        assert part in text(out)


# -- plots ---------------------------------------------------------------------------------------------------------


def test_bars_are_as_long_as_their_numbers() -> None:
    lines = [line.plain for line in bars(screen(), ["a", "b", "c"], [1, 2, None])]
    assert lines[1].count("█") == 2 * lines[0].count("█") > 0
    assert lines[2].endswith("not defined")


def test_a_value_below_zero_is_drawn_lighter_and_a_small_one_is_still_seen() -> None:
    lines = [line.plain for line in bars(screen(), ["a", "b", "c"], [-5, 1000, 0.001])]
    assert "░" in lines[0]
    assert lines[2].rstrip()[-1] == "▏"


def test_a_console_without_unicode_gets_plain_marks() -> None:
    out = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=80)
    assert "####" in bars(out, ["a"], [1])[0].plain


def test_heights_average_what_does_not_fit() -> None:
    assert heights([0, 1], 10) == "▁█"
    assert len(heights(list(range(1000)), 50)) == 50
    assert heights([2, 2, 2], 10) == "▁▁▁"


def plot(kind: str, columns: str, *rows: list[Any], color: str | None = None, y: str = "") -> dict[str, Any]:
    names = columns.split()
    return {"kind": kind, "columns": names, "rows": rows, "x": names[0], "y": y or names[1], "color": color}


PLOTS = (
    (plot("histogram", "low high count", [0, 5, 3], [5, 10, 9], y="count"), "5 – 10 9"),
    (plot("box", "sex min q1 median q3 max", ["f", 1, 2, 3, 4, 9], y="age"), "1 · 2 · 3 · 4 · 9"),
    (plot("scatter", "a b", [1, 2], [3, 4], [5, None]), "across: a; up: b; 2 points"),
    (plot("line", "t v", ["2020", 1], ["2021", 2]), "2021 2"),
    (plot("line", "t v", *([i, i] for i in range(99))), "first 0, least 0, greatest 98, last 98"),
    (plot("heatmap", "a b r", ["x", "y", 0.5], color="r"), "0.50"),
)


@pytest.mark.parametrize(("drawn", "part"), PLOTS)
@pytest.mark.parametrize("width", [40, 80])
def test_every_kind_of_plot_shows_its_numbers(drawn: dict[str, Any], part: str, width: int) -> None:
    out = screen(width)
    show_plot(out, {"title": "A title", "sampled": 500, **drawn})
    assert part in " ".join(text(out).split())
    assert "sample of 500 rows" in " ".join(text(out).split())
    assert max(map(len, text(out).splitlines())) <= width


def test_many_bins_are_joined_and_lose_no_count() -> None:
    out = screen()
    show_plot(out, plot("histogram", "low high count", *([i, i + 1, 10] for i in range(25)), y="count"))
    lines = text(out).splitlines()
    assert next(line.split()[:4] for line in lines if "–" in line) == ["0", "–", "4", "40"]
    assert sum(int(line.split()[3]) for line in lines if "–" in line) == 250


def test_a_plot_without_rows_shows_nothing() -> None:
    out = screen()
    show_plot(out, {"title": "t", **plot("bars", "a b")})
    assert text(out) == ""


def test_a_share_is_0_or_100_only_where_it_is_exact() -> None:
    assert [share(part, 10_000) for part in (0, 1, 1234, 9_999, 10_000)] == ["0%", "<0.1%", "12.3%", "99.9%", "100%"]


# -- profile -------------------------------------------------------------------------------------------------------

AGE = ColumnProfile(
    name="age", kind="number", dtype="float64", missing=3, unique=40, bars=(("1", 3), ("9", 8)),
    stats={"min": 1.0, "max": 90.0}, unit="years",
)  # fmt: skip
TOWN = ColumnProfile(name="town", kind="category", dtype="object", missing=0, unique=2, bars=(("Ulm", 7), ("Bonn", 3)))
MISSES = Fact(kind="missing", text="age misses 3 of 10 values.", value=3, expression="x", columns=("age",))
PROFILE = Profile(name="homes.csv", fingerprint="f", rows=10, columns=(AGE, TOWN), target="town", facts=(MISSES,))


def test_columns_show_kind_missing_and_a_small_distribution() -> None:
    out = screen()
    show_columns(out, PROFILE)
    age, town = text(out).splitlines()[1:]
    assert "number (years)" in age
    assert "30.0%" in age
    assert "▁█" in age
    assert "1 – 90" in age
    assert "category, target" in town
    assert "Ulm 7, Bonn 3" in town


def test_one_column_shows_its_distribution_and_its_facts() -> None:
    out = screen()
    show_column(out, PROFILE, "age")
    assert "40 different values, 3 of 10 missing" in text(out)
    assert "age misses 3 of 10 values." in text(out)
