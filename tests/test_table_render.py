"""What the page shows of a table and of answers over it: numbers, tables, steps, facts, columns, the palette."""

from __future__ import annotations

import math

import pytest
import table_answers as given
from hypothesis import given as for_all
from hypothesis import strategies as some
from test_reading_line import events, walk

from assistant.dataset.steps import Col, Compare, Const, Filter
from ui import dataset_panel, palette, render, table_answer
from ui.dataset_panel import About, SavedReading
from ui.figures import figure, number, share
from ui.nodes import bar, el, html, plain, text_of

ABOUT = About(
    name="riders.csv",
    fingerprint="f" * 64,
    rows=891,
    columns=3,
    layout={"format": "csv", "delimiter": ";", "decimal": ",", "encoding": "utf-8", "missing": ["", "?"]},
)


def shown(answer: dict[str, object]) -> str:
    """Return an answer's text, above and below its plot."""
    parts = [*table_answer.above(answer, asked=1.0, dataset="d"), *table_answer.below(answer)]
    return text_of(el("div", "", *parts))


# -- numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (math.nan, "–"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (3.0, "3"),
        (29.69911764705882, "29.70"),
        (0.012345678, "0.01235"),
        (1234567.891, "1,234,567.9"),
        (1e-12, "1.000e-12"),
        (1e308, "1.000e+308"),
        (math.inf, "∞"),
        (10**400, "∞"),
        ({"a": 1.5, "b": 2}, "a: 1.500, b: 2"),
        ([1, 2], "1, 2"),
    ],
)
def test_numbers_have_few_digits(value: object, said: str) -> None:
    assert figure(value) == said


@for_all(some.one_of(some.floats(), some.integers(), some.booleans(), some.text()))
def test_every_value_can_be_shown(value: object) -> None:
    assert isinstance(html(number(value)), str)


def test_the_exact_value_is_in_the_label() -> None:
    assert number(29.69911764705882).label == "29.69911764705882"
    assert number(1234567).label == ""


def test_a_share_is_whole_or_nothing_only_where_it_is() -> None:
    assert [share(n, 100_000) for n in (0, 1, 20_000, 99_999, 100_000)] == [
        "0 %",
        "under 0.1 %",
        "20 %",
        "99.9 %",
        "100 %",
    ]


def test_a_bar_holds_a_number_and_nothing_else() -> None:
    assert plain(bar("cw-spark", 7.0))["share"] == 1.0
    assert 'style="--cw-share: 0.25"' in html(bar("cw-spark", 0.25))


# -- an answer -------------------------------------------------------------------------------------------------


def test_the_answer_comes_before_its_reading() -> None:
    text = shown(given.answer())
    assert text.index("Mean of age by sex: female") < text.index("Read as") < text.index("261 of 314 rows")


def test_an_answer_shows_rows_checks_and_code_that_can_be_copied() -> None:
    text = shown(given.answer())
    assert "314 rows" in text
    assert "177 rows without an age" in text
    assert "over 891 rows of" in text
    copied = [event["text"] for event in events(*table_answer.below(given.answer())) if event["do"] == "copy"]
    assert copied == [given.answer()["code"]]


def test_a_computed_value_opens_with_its_turn() -> None:
    opened = [e for e in events(*table_answer.above(given.answer(), asked=2.5)) if e["do"] == "value"]
    assert (opened[0]["asked"], opened[0]["citation"]["expression"][:2]) == (2.5, "df")


def test_a_long_table_is_folded_and_says_what_is_left_out() -> None:
    grid = {"columns": ["n"], "rows": [[n] for n in range(30)], "more": 12}
    made = table_answer.table(grid)
    assert "Show 20 more rows" in text_of(made)
    assert "12 further rows" in text_of(made)
    assert sum(node.tag == "td" for node in walk(made)) == 30


def test_a_waiting_answer_is_not_run_and_says_why() -> None:
    text = shown(given.waiting())
    assert "Not run yet" in text
    assert "Run this reading" in text
    assert "Show code" not in text


def test_computed_and_quoted_claims_are_told_apart() -> None:
    computed = {"verdict": "computed"}
    assert render.verdict([computed]) == "1 value, computed from the table"
    assert render.verdict([computed, {"verdict": "quoted"}]) == "1 computed value and 1 quote, each checked"


def test_an_answer_over_an_earlier_state_of_the_table_can_be_run_again() -> None:
    answer = given.answer()
    same, changed = (list(table_answer.below(answer, fingerprint=print_)) for print_ in ("f" * 64, "e" * 64))
    assert not [event for event in events(*same) if event["do"] == "run-reading"]
    assert [event["fingerprint"] for event in events(*changed) if event["do"] == "run-reading"] == ["e" * 64]


def test_hostile_texts_of_an_answer_stay_text() -> None:
    answer = given.hostile()
    made = html(el("div", "", *table_answer.above(answer), *table_answer.below(answer)))
    assert "<script" not in made
    assert "&lt;script&gt;" in made


# -- the panel -------------------------------------------------------------------------------------------------


def test_the_panel_shows_facts_as_questions_and_columns_with_what_is_missing() -> None:
    made = dataset_panel.panel(ABOUT, given.seen())
    assert "20 % missing" in text_of(made)
    assert {"do": "ask", "question": "How do I impute missing values?"} in events(made)
    assert "1 more" in text_of(made)
    assert "duplicate rows" in text_of(made)


def test_the_panel_says_that_it_is_looking_before_there_is_a_profile() -> None:
    text = text_of(dataset_panel.panel(ABOUT, None))
    assert "891 rows × 3 columns" in text
    assert "Looking at 3 columns" in text
    assert "semicolon" in text


def test_a_column_that_is_looked_for_is_opened_and_brought_into_view() -> None:
    made = dataset_panel.panel(ABOUT, given.seen(), column="sex")
    focused = [node for node in walk(made) if node.focus]
    assert [text_of(node).split()[0] for node in focused] == ["sex"]
    assert sum("cw-open" in node.css for node in walk(made)) == 1


def test_a_saved_reading_whose_answer_changed_is_marked() -> None:
    saved = [
        SavedReading(id="1", name="mean", words="mean of age", changed="mean: 29.1, was 28"),
        SavedReading(id="2", name="n", words="rows"),
    ]
    made = dataset_panel.panel(ABOUT, given.seen(), saved)
    assert [node.label for node in walk(made) if node.css == "cw-changed"] == ["mean: 29.1, was 28"]


def test_a_value_that_is_opened_has_all_its_digits() -> None:
    cited = given.answer()["claims"][0]["citations"][0]
    assert "27.915708812260537" in text_of(dataset_panel.value(cited, []))
    assert "29.69911764705882" in text_of(dataset_panel.value({**cited, "value": 29.69911764705882}, []))


def test_hostile_columns_stay_text() -> None:
    made = html(dataset_panel.panel(ABOUT, given.seen()))
    assert "<script" not in made
    assert "__class__" in made


# -- the palette -----------------------------------------------------------------------------------------------


def test_the_palette_offers_commands_columns_values_and_tables() -> None:
    hand = palette.AtHand(profile=given.profile(), tables=(("id", "other.csv"),), table_is_open=True)
    items = palette.items(hand)
    assert {item["kind"] for item in items} == {"command", "column", "value", "table"}
    assert items[0]["text"] == "New chat"
    assert {"do": "open-dataset", "id": "id"} in [item["event"] for item in items]


def test_a_wide_table_does_not_weigh_on_the_palette() -> None:
    column = given.profile().columns[0]
    items = palette.items(palette.AtHand(profile=given.profile(columns=(column,) * 16_000)))
    assert sum(item["kind"] == "column" for item in items) == palette.MOST


def test_a_column_and_a_value_are_readings() -> None:
    age, sex, *_ = given.profile().columns
    assert [step.function for step in palette.describe(age).steps][:3] == ["count", "missing", "mean"]  # type: ignore[union-attr]
    assert palette.describe(sex).plot == "bars"
    assert palette.rows_with(sex, "male").steps[0] == Filter(Compare("eq", Col("sex"), Const("male")))
    assert palette.rows_with(age, "3").steps[0] == Filter(Compare("eq", Col("age"), Const(3.0)))
