"""Trees of an answer over a table, runs or decisions: values, reading, what was left out, the table and the code.

A plot stands between two trees, so an answer comes in two parts: `above` and `below` it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ui import reading_line, render, run_answer
from ui.figures import exact, figure
from ui.nodes import Node, button, el

Json = Mapping[str, Any]
ROUTES = frozenset({"dataset", "advice", "runs", "decisions"})
_NOTES = 2
_REST = "the code gives them all"
FOLDED = 10
"""Rows of a result table that are shown before it is opened."""


def is_over_table(given: Json) -> bool:
    """Tell whether a stored answer is one over a table, runs or decisions."""
    return given.get("reading", {}).get("route") in ROUTES


def above(given: Json, *, asked: float | None = None, dataset: str | None = None) -> Iterator[Node]:
    """Yield what stands above the plot: the claims, the reading, and what was left out."""
    claims = list(render.claims(run_answer.once(given["claims"]), asked=asked))
    if given["abstained"]:
        yield reading_line.line(given, dataset=dataset, asked=asked)
        yield _refusal(given)
        yield from claims
        yield from run_answer.notes(given)
        return
    if claims:
        listed = isinstance((given.get("result") or {}).get("value"), list)
        many = " cw-answer-many" if listed or _is_many(given["claims"]) else ""
        yield el("div", f"cw-answer-first{many}", claims[0])
    yield from claims[1:]
    yield reading_line.line(given, dataset=dataset, asked=asked)
    yield from _left_out(given)


def _is_many(claims: Sequence[Json]) -> bool:
    """Tell whether an answer says many values: no single one of them is to stand in large letters."""
    if len(claims) > 1 and claims[1]["verdict"] == "computed":
        return True
    return any(isinstance(cited.get("value"), (Mapping, list)) for cited in claims[0]["citations"])


def _left_out(given: Json) -> Iterator[Node]:
    lead = "Left out: " if _route(given) == "runs" else ""
    notes = [f"{lead}{note}" for note in given.get("left_out", ())]
    notes += [] if _route(given) == "decisions" else given.get("notes", ())
    yield from run_answer.notes(given)
    told = [el("p", "cw-note cw-left-out", render.stopped(note)) for note in notes]
    yield from told[:_NOTES]
    if len(told) > _NOTES:
        lead = f"{len(told) - _NOTES} more on what was left out"
        yield el("details", "cw-folded cw-left-more", el("summary", "", lead), *told[_NOTES:])


def _refusal(given: Json) -> Node:
    return el(
        "section",
        "cw-refusal",
        el("p", "cw-refusal-title", _why_not(given)),
        *(el("p", "", render.stopped(missing)) for missing in given.get("missing", ())),
        *reading_line.confirm(given),
    )


def _why_not(given: Json) -> str:
    read = given["reading"]
    if read.get("route") == "decisions":
        return "No reason was recorded"
    if not read.get("link"):
        return "Not computed"
    guess = read.get("route") == "runs" and not read.get("unread")
    return f"Not run yet: {'it rests on a guess' if guess else 'a part of the question was not understood'}"


def _route(given: Json) -> str:
    return str(given["reading"].get("route", ""))


def below(given: Json, *, fingerprint: str | None = None) -> Iterator[Node]:
    """Yield what stands below the plot: the table, how it was computed, the code, and what to ask next.

    `fingerprint` is that of the table's content now, for an answer over an earlier state of it to say so.
    """
    if not given["abstained"]:
        if given.get("table"):
            yield table(given["table"], rest=run_answer.REST if _route(given) == "runs" else _REST)
        yield from _how(given)
        yield _footer(given)
        yield from _again(given, fingerprint)
    if given.get("suggestions"):
        yield render.suggestions("You could ask instead" if given["abstained"] else "Ask next", given["suggestions"])


# -- the table -------------------------------------------------------------------------------------------------


def table(grid: Json, *, rest: str = _REST) -> Node:
    """Return a result table that scrolls in its own box; a long one is folded behind its first rows.

    `rest` says where the rows are that are not in it.
    """
    rows = grid["rows"]
    shown = el("div", "cw-grid-box", _grid(grid["columns"], rows[:FOLDED], _numeric(grid)))
    if len(rows) <= FOLDED:
        return el("div", "cw-grid-part", shown, _more(grid, rest))
    whole = el("div", "cw-grid-box", _grid(grid["columns"], rows[FOLDED:], _numeric(grid), first=FOLDED))
    lead = el("summary", "", f"Show {len(rows) - FOLDED:,} more rows")
    return el("div", "cw-grid-part", shown, el("details", "cw-folded", lead, whole, _more(grid, rest)))


def _more(grid: Json, rest: str) -> Node | None:
    more = int(grid.get("more") or 0)
    return el("p", "cw-note", f"{more:,} further rows are left out here; {rest}.") if more else None


def _numeric(grid: Json) -> tuple[bool, ...]:
    columns = range(len(grid["columns"]))
    return tuple(all(_is_number(row[at]) for row in grid["rows"] if row[at] is not None) for at in columns)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _grid(columns: Sequence[str], rows: Sequence[Sequence[Any]], numeric: Sequence[bool], *, first: int = 0) -> Node:
    css = ["cw-right" if one else "" for one in numeric]
    head = el("tr", "", *(el("th", f"cw-name {kind}".strip(), str(c)) for c, kind in zip(columns, css, strict=True)))
    body = [el("tr", "", *(_cell(value, kind) for value, kind in zip(row, css, strict=True))) for row in rows]
    return el("table", "cw-grid", el("thead", "", head), el("tbody", "", *body))


def _cell(value: Any, css: str) -> Node:
    shown, whole = figure(value), exact(value)
    label = whole if whole != shown and whole != shown.replace(",", "") else ""
    return el("td", f"cw-name {css}".strip(), shown, label=label)


# -- how it was computed ---------------------------------------------------------------------------------------


def _how(given: Json) -> Iterator[Node]:
    trail, checks, code = given.get("trail", ()), given.get("checks", ()), given.get("code", "")
    if trail or checks:
        yield el("details", "cw-folded cw-how", el("summary", "", _how_lead(trail, checks)), *_steps(trail, checks))
    if code:
        yield el("details", "cw-folded cw-show-code", el("summary", "", "Show code"), listing(code))


def _how_lead(trail: Sequence[Json], checks: Sequence[str]) -> str:
    parts = [render.counted(len(trail), "step")] if trail else []
    parts += [render.counted(len(checks), "check")] if checks else []
    rows = f", {render.counted(int(trail[-1]['rows']), 'row')} at the end" if trail else ""
    return f"How it was computed: {' and '.join(parts)}{rows}"


def _steps(trail: Sequence[Json], checks: Sequence[str]) -> Iterator[Node]:
    if trail:
        yield steps(trail)
    if checks:
        yield el("p", "cw-label", "Checked")
        yield el("ul", "cw-checks", *(el("li", "", render.stopped(check)) for check in checks))


def steps(trail: Sequence[Json]) -> Node:
    """Return the steps of a computation, each with the number of rows that were there after it."""
    rows = (
        el(
            "li",
            "",
            el("span", "cw-name", one["words"]),
            el("span", "cw-rows", render.counted(int(one["rows"]), "row")),
        )
        for one in trail
    )
    return el("ol", "cw-trail", *rows)


def listing(code: str, *, name: str = "Copy code") -> Node:
    """Return code with a button that copies it."""
    return el(
        "div",
        "cw-listing",
        button("cw-quiet cw-copy", {"do": "copy", "text": code}, name),
        el("pre", "cw-code", el("code", "", code)),
    )


def _footer(given: Json) -> Node:
    where = given.get("dataset") or {}
    over = [f"over {render.counted(int(where['rows']), 'row')} of "] if where.get("rows") is not None else []
    name = el("span", "cw-name", str(where.get("name", ""))) if where else None
    return el(
        "footer",
        "cw-footer",
        el("span", "cw-verdict", render.verdict(given["claims"], over=run_answer.over(given))),
        render.confidence(given["confidence"]) if any(c["verdict"] == "quoted" for c in given["claims"]) else None,
        el("span", "", *over, name) if where else None,
    )


def _again(given: Json, fingerprint: str | None) -> Iterator[Node]:
    """Yield, where the table has changed since, that it has, with a button that runs the reading anew."""
    before, read = (given.get("dataset") or {}).get("fingerprint"), given["reading"]
    if fingerprint is None or before in (None, fingerprint):
        return
    runs = {"question": read["question"], "fingerprint": fingerprint}
    again = button("cw-link", reading_line.run(read["link"], runs), "Run it again") if read.get("link") else None
    yield el("p", "cw-changed cw-since", "The table has changed since. ", again)
