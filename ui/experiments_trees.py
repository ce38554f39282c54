"""The Experiments page as trees: the table of runs, what is hidden, runs side by side, and one run by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kb.cited_by import CitingAnswer
from kb.mentions import Mention
from kb.run_listing import Listing
from kb.runs import Param, RunMetric, RunRow
from ui.figures import exact, figure
from ui.nodes import Child, Node, button, el
from ui.render import snippet

Json = Mapping[str, Any]
MOST_PICKED = 6
_PARAMETERS = "Parameters"
_ANSWER = 240
_PLAIN = ("state", "started", "experiment")


def empty() -> Node:
    """Return the page of a knowledge base without runs, with the next step."""
    return el(
        "div",
        "cw-exp-empty",
        el("h3", "", "No experiments yet"),
        el(
            "p",
            "cw-note",
            "Add the folder or file that your tracker writes: mlruns or mlflow.db, an Optuna study, wandb, "
            "TensorBoard, Lightning, Hydra, Sacred or DVC folders, or a CSV of results. It is only read.",
        ),
        el("div", "cw-actions", button("cw-run", {"do": "go", "to": "library"}, "Add an experiment history")),
    )


def banner(listing: Listing, *, deleted: bool) -> Node | None:
    """Return what of the runs that fit is not shown, and the way to see it."""
    if not listing.hidden:
        return None
    whole = listing.total + sum(listing.hidden.values())
    told = ", ".join(f"{count:,} {reason}" for reason, count in listing.hidden.items())
    show = None
    if "deleted" in listing.hidden and not deleted:
        show = button("cw-link", {"do": "exp-deleted", "to": True}, "Show deleted runs")
    return el("div", "cw-exp-banner", el("span", "", f"{told} of {whole:,} runs, hidden"), show)


# -- the table ---------------------------------------------------------------------------------------------------


def name_of(row: RunRow) -> str:
    """Return what a person calls a run."""
    return row.name or row.run_id


def names_of(rows: Sequence[RunRow]) -> list[str]:
    """Return what several runs are called, told apart by their ids, and then by number, where names repeat."""
    names = [name_of(row) for row in rows]
    apart = [
        f"{name} ({row.run_id})" if names.count(name) > 1 and row.run_id != name else name
        for row, name in zip(rows, names, strict=True)
    ]
    return [f"{name} #{n}" if apart.count(name) > 1 else name for n, name in enumerate(apart, 1)]


def table(
    listing: Listing, columns: Sequence[str], *, picked: Sequence[int], sort: str | None, first: int, size: int
) -> Node:
    """Return the runs as a table: a box to pick each, its name to open it, and a column for each name chosen."""
    rows = listing.rows[first : first + size]
    metric = listing.metric.name if listing.metric else None
    shown = [*([metric] if metric else []), *(name for name in columns if name != metric)]
    head = el(
        "tr", "", el("th", "cw-exp-pick", ""), _heading("run", "name", sort), *(_heading(c, c, sort) for c in shown)
    )
    body = [_row(row, listing, shown, picked=row.pk in picked, at=first + n) for n, row in enumerate(rows)]
    return el(
        "div", "cw-exp-scroll", el("table", "cw-exp-table", el("thead", "", head), el("tbody", "", *body))
    )  # fmt: skip


def _heading(text: str, key: str, sort: str | None) -> Node:
    turned = f"-{key}" if sort != f"-{key}" else key
    mark = " ↓" if sort == f"-{key}" else " ↑" if sort == key else ""
    label = f"Sort by {text}, {'greatest' if turned.startswith('-') else 'least'} first"
    return el("th", "", button("cw-exp-sort", {"do": "exp-sort", "by": turned}, text + mark, label=label))


def _row(row: RunRow, listing: Listing, columns: Sequence[str], *, picked: bool, at: int) -> Node:
    box = button(
        "cw-exp-box cw-exp-picked" if picked else "cw-exp-box",
        {"do": "exp-pick", "run": row.pk},
        "✓" if picked else "",
        label=f"{'Leave out' if picked else 'Compare'} {name_of(row)}",
    )
    opened = button("cw-exp-open", {"do": "exp-open", "run": row.pk}, name_of(row), label=f"Open run {row.run_id}")
    marks = [el("span", "cw-exp-mark", "deleted")] if row.deleted else []
    if listing.places and listing.places.count(listing.places[at]) > 1:
        marks.append(el("span", "cw-exp-mark", f"ties at {listing.places[at]}"))
    cells = [el("td", "cw-exp-pick", box), el("td", "cw-exp-name", opened, *marks)]
    best = listing.metric.name if listing.metric else None
    cells += [_cell(value_of(row, name, listing), strong=name == best, logged=name in row.params) for name in columns]
    return el("tr", "cw-exp-chosen" if picked else "", *cells)


def _cell(value: Any, *, strong: bool = False, logged: bool = False) -> Node:
    """Return a cell; a parameter stands as it was logged, other numbers in few digits with the exact one on hover."""
    css = "cw-exp-number" if isinstance(value, int | float) and not isinstance(value, bool) else ""
    shown = str(value) if logged and value is not None else figure(value)
    return el("td", f"{css} cw-exp-strong".strip() if strong else css, shown, label=exact(value))


def value_of(row: RunRow, name: str, listing: Listing | None = None) -> Any:
    """Return what a run has under a column's name: a field, a metric's last value, a parameter or a tag."""
    if name in _PLAIN:
        return {"state": row.state.value, "started": moment(row.started), "experiment": row.experiment}[name]
    metric = listing.value(row) if listing and listing.metric and listing.metric.name == name else row.metric(name)
    if metric is not None:
        return metric.last
    if name in row.params:
        return row.params[name].value
    return row.tags.get(name)


def moment(seconds: float | None) -> str | None:
    """Return a time as a person reads it, in UTC."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def pages(first: int, size: int, total: int) -> Node | None:
    """Return the way to the runs before and after those shown."""
    if total <= size:
        return None
    back = button("cw-quiet", {"do": "exp-page", "to": max(first - size, 0)}, "Earlier rows") if first else None
    more = button("cw-quiet", {"do": "exp-page", "to": first + size}, "More rows") if first + size < total else None
    told = f"{first + 1:,} to {min(first + size, total):,} of {total:,} runs"
    return el("div", "cw-exp-pages", el("span", "cw-note", told), back, more)


def picking(count: int) -> Node | None:
    """Return what can be done with the runs that were picked."""
    if not count:
        return None
    told = f"{count} run{'s' if count > 1 else ''} picked"
    compare = button("cw-run", {"do": "exp-compare"}, f"Compare {count} runs") if count > 1 else None
    note = el("span", "cw-note", told if count > 1 else f"{told}; pick another one to compare")
    return el("div", "cw-exp-picking", note, compare, button("cw-link", {"do": "exp-clear"}, "Clear"))


# -- side by side ------------------------------------------------------------------------------------------------


def compared(rows: Sequence[RunRow]) -> Node:
    """Return runs side by side with only what differs between them."""
    headings = (_run_heading(row, name) for row, name in zip(rows, names_of(rows), strict=True))
    head = el("tr", "", el("th", "", ""), *headings)
    params = list(_differing(rows, _params_of(rows)))
    metrics = list(_differing(rows, _metrics_of(rows)))
    same = (len(_params_of(rows)) - len(params), len(_metrics_of(rows)) - len(metrics))
    body = [*_section(_PARAMETERS, params, len(rows)), *_section("Metrics, last value", metrics, len(rows))]
    alike = " and ".join(
        f"{n} {name}{'s' * (n != 1)}" for n, name in zip(same, ("parameter", "metric"), strict=True) if n
    )
    note = f"The same in all, and not shown: {alike}." if alike else ""
    if not params:
        body.insert(0, el("tr", "", el("td", "cw-note", "No parameter differs.")))
    return el(
        "div", "cw-exp-compared",
        el("div", "cw-exp-head", el("h2", "", f"{len(rows)} runs compared"), _back()),
        el("div", "cw-exp-scroll", el("table", "cw-exp-table", el("thead", "", head), el("tbody", "", *body))),
        el("p", "cw-note", note) if note else None, focus=True,
    )  # fmt: skip


def _back() -> Node:
    return button("cw-quiet", {"do": "exp-back"}, "Back to the runs")


def _run_heading(row: RunRow, name: str) -> Node:
    event = {"do": "exp-open", "run": row.pk}
    return el("th", "", button("cw-exp-open", event, name, label=f"Open run {row.run_id}"))


def _params_of(rows: Sequence[RunRow]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name, param in row.params.items() if param.kind != "unset"))


def _metrics_of(rows: Sequence[RunRow]) -> list[str]:
    return list(dict.fromkeys(metric.name for row in rows for metric in row.metrics))


def _differing(rows: Sequence[RunRow], names: Iterable[str]) -> Iterable[tuple[str, list[Any]]]:
    for name in names:
        values = [value_of(row, name) for row in rows]
        if len({(type(value).__name__, repr(value)) for value in values}) > 1:
            yield name, values


def _section(title: str, lines: Sequence[tuple[str, list[Any]]], width: int) -> Iterable[Node]:
    logged = title == _PARAMETERS
    if lines:
        yield el("tr", "cw-exp-section", el("th", "", title), *(el("td", "") for _ in range(width)))
    for name, values in lines:
        yield el("tr", "", el("th", "cw-exp-line", name), *(_or_unset(value, logged=logged) for value in values))


def _or_unset(value: Any, *, logged: bool) -> Node:
    return el("td", "cw-note", "not set") if value is None else _cell(value, logged=logged)


# -- one run -----------------------------------------------------------------------------------------------------


def run_head(row: RunRow) -> Node:
    """Return who a run is, in which state, from when, and where it stands."""
    facts: list[tuple[str, Child | None]] = [
        ("Run", row.run_id if row.name else None),
        ("Experiment", row.experiment),
        ("State", f"{row.state.value} ({row.status})" if row.status else row.state.value),
        ("Started", moment(row.started)),
        ("Took", _took(row)),
        ("Tracker", row.tracker),
        ("Data", row.dataset),
        ("Source", ", ".join(row.files) or row.main_source),
        ("Place", row.place),
    ]
    shown = [part for name, value in facts if value for part in (el("dt", "", name), el("dd", "", value))]
    mark = el("span", "cw-exp-mark", "deleted") if row.deleted else None
    head = el("div", "cw-exp-head", el("h2", "", name_of(row)), mark, _back())
    return el("div", "cw-exp-run", head, el("dl", "cw-exp-facts", *shown), focus=True)


def _took(row: RunRow) -> str | None:
    if row.started is None or row.ended is None:
        return None
    return f"{row.ended - row.started:,.1f} s"


def metrics(found: Sequence[RunMetric]) -> Node:
    """Return a run's metrics: last and best value with their steps."""
    head = el("tr", "", *(el("th", "", text) for text in ("Metric", "Last", "Step", "Best", "Step", "Values")))
    body = (
        el(
            "tr", "", el("th", "cw-exp-line", m.name), _cell(m.last), _cell(m.figures.last_step), _cell(m.best),
            _cell(m.best_step), _cell(m.figures.count),
        )
        for m in found
    )  # fmt: skip
    return el("div", "cw-exp-scroll", el("table", "cw-exp-table", el("thead", "", head), el("tbody", "", *body)))


def params(found: Iterable[Param]) -> Node:
    """Return a run's parameters as logged."""
    rows = [
        el("tr", "", el("th", "cw-exp-line", one.name), _cell(one.value, logged=True))
        for one in found
        if one.kind != "unset"
    ]
    return el("div", "cw-exp-scroll", el("table", "cw-exp-table", el("tbody", "", *rows)))


def tags(found: Mapping[str, str]) -> Node:
    """Return a run's tags."""
    rows = (el("tr", "", el("th", "cw-exp-line", name), el("td", "", value)) for name, value in found.items())
    return el("div", "cw-exp-scroll", el("table", "cw-exp-table", el("tbody", "", *rows)))


def mentioned(found: Sequence[Mention]) -> Node:
    """Return the documents that speak of a run, each as a button that opens the place."""
    return el("ul", "cw-exp-list", *(el("li", "", _place(one)) for one in found))


def cited_in(found: Sequence[CitingAnswer]) -> Node:
    """Return the stored answers that cite a run, each as a button that opens its conversation."""
    return el("ul", "cw-exp-cards", *(_answer(one) for one in found))


def _answer(one: CitingAnswer) -> Node:
    event = {"do": "open-chat", "id": one.conversation}
    opened = button("cw-exp-open", event, one.question, label=f"Open the conversation {one.title}")
    head = el("div", "cw-exp-card-head", opened, el("span", "cw-note", moment(one.asked) or ""))
    return el("li", "cw-exp-card", head, el("p", "cw-note", snippet(" ".join(one.claims), _ANSWER)))


def _place(one: Mention) -> Node:
    event = {
        "do": "open", "collection": one.key.collection, "root": one.key.root, "source": one.key.source,
        "start": one.span.start, "end": one.span.end, "quote": "",
    }  # fmt: skip
    return button("cw-chip", event, el("span", "cw-chip-source", one.title or one.key.source), label=one.key.source)
