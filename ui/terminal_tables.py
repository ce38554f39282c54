"""Answers over a table, runs or decisions in the terminal: values, how the question was read, what can be done next.

What is shown comes from the answer's JSON, so a stored answer looks as it did when it was given.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from assistant.dataset.say import show
from assistant.types import Answer
from assistant.wire import answer_json
from ui import terminal
from ui.run_table import short_id
from ui.terminal import Hanging, Origin, clean, code, plural
from ui.terminal_plots import bar, number_of, show_plot
from ui.terminal_runs import places

Json = Mapping[str, Any]

ORANGE = "bold dark_orange"
MARK = "(!)"
"""Stands before what was not understood, for where there is no colour."""
MOST_ROWS = 20
MOST_RUNS = 12
MOST_CHIPS = 40
SHORT_BAR = 16
HEAD = 14
"""Characters of a column's name on a line, where its values are narrower."""
WIDEST_HEAD = 70
MOST_NAMES = 6
MOST_VALUES = 40
NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?![\w])")
WIDEST_CELL = 32
"""Characters of a cell, and of a chip's text, before they are cut."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What a person types here to run a reading that waits, or the nearest reading number `{n}`."""

    run: str
    nearest: str


IN_CHAT = Ways(":run", ":{n}")
ON_THE_LINE = Ways("the same command with --anyway", "--nearest {n}")


def show_table_answer(out: Console, answer: Answer, *, origin: Origin, ways: Ways) -> None:
    """Print an answer over a table: its claims with their expressions, table or plot, reading, and what is next."""

    def show_passage(number: int) -> None:
        terminal.show_claim(out, answer.claims[number - 1], number, origin)

    show_given(out, answer_json(answer), show_passage=show_passage, ways=ways)


def show_given(out: Console, given: Json, *, show_passage: Callable[[int], None], ways: Ways) -> None:
    """Print an answer from its JSON; `show_passage` prints the claim of a number that cites documents."""
    has_quotes = not all(map(is_computed, given["claims"]))
    explained_first = given["abstained"] and given["reading"].get("route") == "decisions"
    if explained_first:
        _show_refusal(out, given)
        out.print()
    cited: list[Json] = []
    for number, claim in enumerate(given["claims"], 1):
        if is_computed(claim):
            _show_computed(out, claim, number, [one for one in claim["citations"] if one not in cited])
            cited += claim["citations"]
            out.print() if has_quotes else None
        else:
            show_passage(number)
    if given["abstained"] and not explained_first:
        _show_refusal(out, given)
    if not has_quotes and (given["claims"] or given["reading"].get("chips") or given["reading"].get("words")):
        out.print()
    _show_values(out, given)
    _show_result(out, given)
    show_reading(out, given["reading"])
    if given["reading"].get("unread") and not given["abstained"]:
        out.print(unread(given["reading"]["unread"]))
    _show_steps(out, given)
    if has_quotes:
        out.print(Hanging("Quotes   ", [Text(terminal.sureness(given["confidence"]), style="dim")]), end="")
    elif over_runs(given) and not given["abstained"]:
        out.print(Hanging("Values   ", [Text("computed from stored values", style="dim")]), end="")
    _show_end(out, given, ways)


def over_runs(given: Json) -> bool:
    """Tell whether an answer is one over runs."""
    return bool(given["reading"].get("route") == "runs")


def is_computed(claim: Json) -> bool:
    """Tell whether a claim was computed from a table, or from what stands in a history of runs."""
    return bool(claim["verdict"] == "computed")


def _show_refusal(out: Console, given: Json) -> None:
    """Print that there is no answer and why; what was not understood in orange, and marked where there is no colour."""
    title, why = "No answer yet." if _waits(given) else "No answer.", clean(" ".join(given["missing"]))
    if given["reading"].get("unread"):
        out.print(Text(title, style="bold"), Text(f"{MARK} {why}", style=ORANGE))
    else:
        out.print(Text(title, style="bold"), Text(why))


def _waits(given: Json) -> bool:
    reading = given["reading"]
    return bool(given["abstained"] and reading.get("link") and not reading.get("runs"))


# -- values --------------------------------------------------------------------------------------------------------


def _show_computed(out: Console, claim: Json, number: int, citations: Sequence[Json]) -> None:
    """Print a computed claim, and the expression that gives its value or, where not said above, where it is stored."""
    expressions = dict.fromkeys(c["expression"] for c in claim["citations"] if c["kind"] == "dataset")
    body = Text(clean(claim["text"]), style="bold")
    below = [*(Text(clean(text), style="dim") for text in expressions), *places(citations)]
    out.print(Hanging(f"{number:>2} ", [body, *below]))


def _show_values(out: Console, given: Json) -> None:
    """Print the values by the names under which the question wanted them back, where it named any."""
    outputs = (given["reading"].get("query") or {}).get("outputs") or ()
    values = given["result"]["value"] if given["result"]["kind"] == "values" else None
    if outputs and isinstance(values, dict):
        out.print(Text("Values asked for", style="dim"))
        for name, value in values.items():
            out.print(Hanging("  ", [Text.assemble(f"{clean(name)} = ", (clean(show(value)), "bold"))]), end="")
        out.print()


def _show_result(out: Console, given: Json) -> None:
    """Print the plot, or the table, or a table with a bar in each line where the plot shows one of its columns."""
    table, plot = given.get("table"), given.get("plot")
    drawn = _drawn_column(table, plot)
    if plot and drawn is None:
        show_plot(out, plot)
    if table and (drawn is not None or not (plot and plot["kind"] in ("bars", "histogram", "line", "heatmap"))):
        rows, most = (_named_shortly(table), MOST_RUNS) if over_runs(given) else (table["rows"], MOST_ROWS)
        show_grid(out, table["columns"], rows, more=table.get("more", 0), drawn=drawn, most=most)
        out.print()


def _named_shortly(table: Json) -> Sequence[Sequence[Any]]:
    """Return the rows of a table of runs with long ids cut, so that more columns fit; the citations have them whole."""
    if table["columns"][:1] != ["run"]:
        return list(table["rows"])
    return [[short_id(row[0]) if isinstance(row[0], str) else row[0], *row[1:]] for row in table["rows"]]


def _drawn_column(table: Json | None, plot: Json | None) -> int | None:
    """Return the column of a table that is drawn as bars: the one of a plot that tells less, or the only numbers."""
    if not table:
        return None
    columns, rows = list(table["columns"]), table["rows"]
    if plot is None:
        return 1 if len(columns) == 2 and _are_named_numbers(rows) else None
    if plot["kind"] != "bars" or len(columns) <= len(plot["columns"]):
        return None
    return columns.index(plot["y"]) if plot["y"] in columns and len(rows) == len(plot["rows"]) else None


def _are_named_numbers(rows: Sequence[Sequence[Any]]) -> bool:
    return len(rows) > 1 and all(
        number_of(row[0]) is None and (row[1] is None or number_of(row[1]) is not None) for row in rows
    )


def show_grid(
    out: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    more: int = 0,
    drawn: int | None = None,
    most: int = MOST_ROWS,
) -> None:
    """Print rows under their columns, as many of both as fit, and say what was left out; bars for column `drawn`."""
    from rich.table import Table

    kept = rows[:most]
    cells = [[_cell(row[i]) for row in kept] for i in range(len(columns))]
    heads = [_head(name, column) for name, column in zip(columns, cells, strict=True)]
    fit = _fitting(out, heads, cells)
    grid = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim", pad_edge=False)
    for i in range(fit):
        numeric = all(isinstance(row[i], (int, float)) or row[i] is None for row in kept)
        grid.add_column(Text(heads[i]), justify="right" if numeric else "left", no_wrap=True)
    bars = _bars(out, [row[drawn] for row in kept]) if drawn is not None else []
    for line in range(len(kept)):
        grid.add_row(*(Text(cells[i][line]) for i in range(fit)), *bars[line : line + 1])
    out.print(Hanging("  ", [grid]), end="")
    left = len(rows) - len(kept) + more
    if left > 0:
        out.print(Text(f"  … and {plural(left, 'more row')}", style="dim"))
    if fit < len(columns):
        rest = ", ".join(_short(name) for name in columns[fit : fit + MOST_NAMES])
        more_names = f" and {len(columns) - fit - MOST_NAMES:,} more" if len(columns) - fit > MOST_NAMES else ""
        out.print(Hanging("  ", [Text(f"Not shown: {rest}{more_names}", style="dim")]), end="")


def _bars(out: Console, values: Sequence[Any]) -> list[Text]:
    numbers = [number_of(value) for value in values]
    top = max((abs(number) for number in numbers if number is not None), default=0.0)
    return [Text(bar(out, number, top, SHORT_BAR), style="cyan") for number in numbers]


def _cell(value: Any) -> str:
    return "–" if value is None else _short(show(value))


def _head(name: str, cells: Sequence[str]) -> str:
    """Return a column's name on as many lines as its values are narrow."""
    width = max(HEAD, *(cell_len(cell) for cell in cells)) if cells else HEAD
    return "\n".join(textwrap.wrap(_short(name, WIDEST_HEAD), width, break_long_words=False)) or "–"


def _short(text: Any, widest: int = WIDEST_CELL) -> str:
    said = clean(str(text)).replace("\n", "␤").replace("\t", " ")
    return said if len(said) <= widest else f"{said[: widest - 1]}…"


def _fitting(out: Console, heads: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """Return how many columns fit side by side, at least one."""
    used = 0
    for i, head in enumerate(heads):
        used += max(map(cell_len, (*head.split("\n"), *cells[i]))) + 2
        if used > out.width - 2 and i:
            return i
    return len(heads)


# -- the reading ---------------------------------------------------------------------------------------------------


def show_reading(out: Console, reading: Json) -> None:
    """Print what the question was taken to mean; of one about runs the words, for its chips are parts of them."""
    if reading.get("route") == "runs" and reading.get("words") and reading.get("chips"):
        out.print(Hanging("Read as  ", [Text(clean(reading["words"]))]), end="")
        for line in _packed([*_chips(reading["chips"])], out.width - 9):
            out.print(Text.assemble("         ", line))
        return
    show_chips(out, reading)


def show_chips(out: Console, reading: Json) -> None:
    """Print what the question was taken to mean as numbered chips."""
    chips = reading.get("chips") or ()
    if chips:
        for mark, line in zip(_marks("Read as  "), _packed([*_chips(chips)], out.width - 9), strict=False):
            out.print(Text.assemble((mark, "dim"), line))
    elif reading.get("words"):
        out.print(Hanging("Read as  ", [Text(clean(reading["words"]))]), end="")


def unread(words: Sequence[str]) -> Text:
    """Return the words that were not understood: orange, and marked for where there is no colour."""
    named = ", ".join(f"“{clean(word)}”" for word in words)
    return Text(f"{MARK} Not understood: {named}", style=ORANGE)


def _marks(first: str) -> Iterator[str]:
    yield first
    while True:
        yield " " * len(first)


def _chips(chips: Sequence[Json]) -> Iterator[Text]:
    for number, chip in enumerate(chips[:MOST_CHIPS], 1):
        yield chip_text(number, chip)
    if len(chips) > MOST_CHIPS:
        yield Text(f"… and {len(chips) - MOST_CHIPS} more", style="dim")


def chip_text(number: int, chip: Json) -> Text:
    """Return a chip: its number, what was understood, and where that is a guess the words that led to it."""
    sure, said = chip.get("sure", True), chip.get("said", "")
    text = Text.assemble((f"[{number}] ", "dim"), (_short(chip["text"]), "bold cyan" if sure else ORANGE))
    if not sure:
        text.append(f"? (from “{_short(said)}”)" if said else "?", style="dim")
    return text


def _packed(parts: Sequence[Text], width: int) -> Iterator[Text]:
    """Yield lines of parts, two spaces apart, none of them broken."""
    line = Text()
    for part in parts:
        if line and cell_len(line.plain) + 2 + cell_len(part.plain) > width:
            yield line
            line = Text()
        line = Text.assemble(line, "  ", part) if line else part.copy()
    if line:
        yield line


def show_options(out: Console, number: int, chip: Json) -> None:
    """Print what a chip could stand for instead, numbered; with `#` where a plain number would be another value."""
    said = f", read from “{clean(chip['said'])}”" if chip.get("said") else ""
    note = f" ({clean(chip['note'])})" if chip.get("note") else ""
    out.print(Text.assemble(f"{chip['kind']} ", (clean(chip["text"]), "bold cyan"), note, said))
    mark = "#" if has_number(chip) else ""
    options = chip.get("options") or ()
    for n, option in enumerate(options, 1):
        note = f"  {clean(option['note'])}" if option.get("note") else ""
        out.print(Hanging(f"{mark + str(n):>5}  ", [Text.assemble(clean(option["text"]), (note, "dim"))]), end="")
    ways = [f":set {number} {mark}N"] if options else []
    ways += [f":set {number} VALUE"] if options or said or mark else []
    ways += [f":drop {number}"] if chip.get("drop") else []
    out.print(Text(f"Change it with {' or '.join(ways)}." if ways else "It cannot be changed by itself.", style="dim"))


def has_number(chip: Json) -> bool:
    """Tell whether a chip holds a number, which another one can be put in place of."""
    return bool(NUMBER.search(chip["text"]))


# -- steps and what comes next -------------------------------------------------------------------------------------


def _show_steps(out: Console, given: Json) -> None:
    """Print which rows the values come from, what was checked, and what was left out."""
    dataset = given.get("dataset")
    if dataset and not given["abstained"]:
        size = f"{plural(dataset['rows'], 'row')}, {plural(dataset['columns'], 'column')}"
        steps = "".join(f" → {clean(s['words'])}: {plural(s['rows'], 'row')}" for s in given.get("trail") or ())
        out.print(Hanging("From     ", [Text(f"{clean(dataset['name'])}: {size}{steps}", style="dim")]), end="")
    for title, said in (("Checks", given.get("checks")), ("Left out", given.get("left_out"))):
        for sentence in said or ():
            out.print(Hanging(f"{title:<9}", [Text(clean(sentence))]), end="")
    for note in given["notes"]:
        out.print(Hanging("Note     ", [Text(clean(note), style="yellow")]), end="")


def _show_end(out: Console, given: Json, ways: Ways) -> None:
    nearest = given["reading"].get("nearest") or ()
    if _waits(given):
        out.print()
        out.print(Hanging("", [Text.assemble("Run this reading: ", (ways.run, "bold"))]), end="")
    if nearest and given["abstained"]:
        out.print()
        out.print("Nearest readings, which run:")
        for n, one in enumerate(nearest, 1):
            how = ways.nearest.format(n=n)
            out.print(Hanging(f"  {how}  ", [Text(clean(one["words"]))]), end="")
    terminal.show_suggestions(out, "You could ask:" if given["abstained"] else "Ask next:", given["suggestions"])


# -- an answer looked into -----------------------------------------------------------------------------------------


def show_computation(out: Console, claim: Json, program: str) -> None:
    """Print how a claim was computed: expression, value, fingerprint of the data, and the program that gives it."""
    out.print(Text(clean(claim["text"]), style="bold"))
    for cited in claim["citations"]:
        if cited["kind"] != "dataset":
            continue
        out.print()
        out.print(Hanging("expression  ", [code(out, cited["expression"])]), end="")
        out.print(Hanging("value       ", _values(cited["value"])), end="")
        known = f"{clean(cited['dataset'])} (fingerprint {clean(cited['fingerprint'][:12])})"
        out.print(Hanging("data        ", [Text(known)]), end="")
    if program:
        out.print()
        show_code(out, program)


def _values(value: Any) -> list[RenderableType]:
    """Return a value in full: a group on a line each."""
    if not isinstance(value, Mapping):
        return [Text(clean(str(value)))]
    lines = [f"{name}: {one}" for name, one in list(value.items())[:MOST_VALUES]]
    more = len(value) - MOST_VALUES
    return [Text(clean(line)) for line in (*lines, *([f"… and {more:,} more"] if more > 0 else []))]


def show_code(out: Console, program: str) -> None:
    """Print a program as it stands, ready to be copied."""
    out.print(code(out, program.rstrip("\n")), soft_wrap=True)
