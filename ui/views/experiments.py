"""The Experiments page: runs as a table that can be filtered, sorted and compared, and each run by itself.

Beside them stand what holds something against the runs: *Tried?* for a configuration, *Check a report* for a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import streamlit as st

from kb import runs as stored
from kb.cited_by import citing
from kb.errors import CitewiseError, HomeNotFound
from kb.mentions import mentions
from kb.run_listing import Asked, Listing, listing
from kb.run_places import RunPlace, first_place, place_metrics, run_places
from kb.run_query import vocabulary
from kb.run_verify import cited_runs
from kb.runs import RunRow, history
from kb.store import Catalogue
from kb.types import RunCitation
from ui import experiments_charts as charts
from ui import experiments_columns, experiments_report, experiments_tried, state
from ui import experiments_trees as trees
from ui.nodes import el
from ui.render import counted, notice

PAGE = 50
MOST_CURVES = 6
RUNS, TRIED, REPORT = "Runs", "Tried?", "Check a report"
_HELP = "Comparisons joined by and: lr<0.01 and model=xgb and state!=failed. ~ is contains; name in (a, b)."
_ANY = "Newest first"
_ALL = "All experiments"
_CITED = ("source", "tracker", "experiment", "run_id", "field", "value", "step", "split", "root", "copy")
_KEPT = ("exp_where", "exp_metric", "exp_place", "exp_tried_text", "exp_report_text", "exp_report_only")
"""What was typed or chosen, which Streamlit would forget while a run is shown instead."""


def page() -> None:
    """Show the page."""
    st.html(state.ASSETS / "experiments.css")
    for name in _KEPT:
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]
    with st.container(key="experiments"):
        state.guarded(_experiments)


def _experiments() -> None:
    st.title("Experiments", anchor=False)
    try:
        kb = state.knowledge()
    except HomeNotFound:
        state.surface(trees.empty(), key="exp_empty")
        return
    known = vocabulary(kb.catalogue)
    if not known.runs:
        state.surface(trees.empty(), key="exp_empty")
        return
    shown = {
        RUNS: lambda: _runs(kb.catalogue),
        TRIED: lambda: experiments_tried.tab(kb.catalogue),
        REPORT: lambda: experiments_report.tab(kb, known),
    }
    for tab, show in zip(st.tabs(list(shown), key="exp_tab", on_change="rerun"), shown.values(), strict=True):
        if tab.open:
            with tab:
                state.guarded(show)


def _runs(catalogue: Catalogue) -> None:
    chosen = st.session_state.get("exp_run")
    if chosen is not None and (rows := stored.runs(catalogue, pks=[chosen])):
        _one(catalogue, rows[0])
    elif st.session_state.get("exp_comparing") and (rows := stored.runs(catalogue, pks=_picked())):
        _side_by_side(catalogue, rows)
    else:
        _table(catalogue)


# -- what a click does -------------------------------------------------------------------------------------------


def _picked() -> list[int]:
    return list(st.session_state.get("exp_picked", ()))


def _pick(event: Mapping[str, Any]) -> None:
    pk, picked = int(event["run"]), _picked()
    kept = [one for one in picked if one != pk] if pk in picked else [*picked, pk]
    st.session_state["exp_picked"] = kept[-trees.MOST_PICKED :]


def _open(event: Mapping[str, Any]) -> None:
    _show_run(int(event["run"]))


def _show_run(pk: int | None) -> None:
    """Show a run in the first tab; the way back leads to the tab that it was opened from."""
    st.session_state["exp_run"] = pk
    st.session_state["exp_from"] = st.session_state.get("exp_tab") or RUNS
    st.session_state["exp_tab"] = RUNS


def _back(_: Mapping[str, Any]) -> None:
    if st.session_state.pop("exp_run", None) is None:
        st.session_state.pop("exp_comparing", None)
    st.session_state["exp_tab"] = st.session_state.pop("exp_from", RUNS)


def _open_cited(event: Mapping[str, Any]) -> None:
    """Open the run that a citation names."""
    given = event["citation"]
    citation = RunCitation(**{name: given.get(name) for name in _CITED if name in given})
    found = cited_runs(citation, state.knowledge().catalogue)
    st.session_state["go"] = "experiments"
    _show_run(found[0] if found else None)


def _sort(event: Mapping[str, Any]) -> None:
    st.session_state["exp_sort"], st.session_state["exp_first"] = str(event["by"]), 0


state.listen(
    {
        "run": _open_cited,
        "exp-pick": _pick,
        "exp-open": _open,
        "exp-back": _back,
        "exp-sort": _sort,
        "exp-clear": lambda _: st.session_state.update(exp_picked=[]),
        "exp-compare": lambda _: st.session_state.update(exp_comparing=True),
        "exp-deleted": lambda event: st.session_state.update(exp_deleted=bool(event["to"])),
        "exp-page": lambda event: st.session_state.update(exp_first=int(event["to"])),
    }
)


# -- the table ---------------------------------------------------------------------------------------------------


def _table(catalogue: Catalogue) -> None:
    with st.container(key="exp_lines"):
        place, metric = _place_line(catalogue)
        where, beside = _filter_line()
    first = int(st.session_state.get("exp_first", 0))
    asked = Asked(
        where=where,
        metric=metric,
        sort=st.session_state.get("exp_sort"),
        limit=max(first + PAGE, charts.MOST_LINES),
        deleted=bool(st.session_state.get("exp_deleted", False)),
        within=place,
    )
    try:
        found = listing(catalogue, asked)
    except CitewiseError as error:
        state.show(notice(error.message, error.hint))
        return
    first = first if first < found.total else 0
    with beside:
        columns = _columns(found, first)
    if banner := trees.banner(found, deleted=asked.deleted):
        state.surface(banner, key="exp_banner")
    state.surface(
        el(
            "div",
            "",
            trees.picking(len(_picked())),
            trees.table(found, columns, picked=_picked(), sort=asked.sort, first=first, size=PAGE),
            trees.pages(first, PAGE, found.total),
            *(el("p", "cw-note", note) for note in found.notes),
        ),
        key="exp_table",
    )
    _pictures(catalogue, found, columns, first)


def _place_line(catalogue: Catalogue) -> tuple[RunPlace | None, str | None]:
    """Show the experiments, where there are several, and the metric; return what is chosen, None for all and none."""
    places = run_places(catalogue)
    if len(places) < 2:
        return None, _metric_box(catalogue, None)
    left, right = st.columns([3, 2])
    with left:
        place = _place_box(places)
    with right:
        return place, _metric_box(catalogue, place)


def _place_box(places: Sequence[RunPlace]) -> RunPlace | None:
    by_key = {one.key: one for one in places}
    told = {"": f"{_ALL} · {counted(sum(one.runs for one in places), 'run')}"}
    told |= {one.key: f"{one.title} · {counted(one.runs, 'run')}" for one in places}
    if st.session_state.get("exp_place") not in told:
        best = first_place(places)
        st.session_state["exp_place"] = best.key if best else ""
    chosen = st.selectbox(
        "Experiment", list(told), format_func=told.__getitem__, key="exp_place", on_change=_another_place
    )
    return by_key.get(chosen)


def _another_place() -> None:
    for name in ("exp_metric", "exp_sort", "exp_columns"):
        st.session_state.pop(name, None)
    _to_the_top()


def _metric_box(catalogue: Catalogue, place: RunPlace | None) -> str | None:
    names = place_metrics(catalogue, place)
    if st.session_state.get("exp_metric", _ANY) not in (_ANY, *names):
        st.session_state.pop("exp_metric")
    chosen = st.selectbox("Best by", [_ANY, *names], key="exp_metric", on_change=_by_metric)
    return None if chosen == _ANY else chosen


def _filter_line() -> tuple[str, Any]:
    """Show the filter; return it with the place beside it. A change begins at the first row again."""
    row = st.container(horizontal=True, vertical_alignment="bottom", key="exp_filter_row")
    where = row.text_input(
        "Filter", placeholder="lr<0.01 and state=finished", help=_HELP, key="exp_where", on_change=_to_the_top
    )
    return where, row


def _by_metric() -> None:
    st.session_state.pop("exp_sort", None)
    _to_the_top()


def _to_the_top() -> None:
    st.session_state["exp_first"] = 0


def _columns(found: Listing, first: int) -> tuple[str, ...]:
    """Let columns be chosen; until then they are what differs between the rows shown."""
    chosen = st.session_state.get("exp_columns")
    shown = experiments_columns.default(found, first, PAGE) if chosen is None else tuple(chosen)
    every = list(dict.fromkeys((*experiments_columns.choices(found), *shown)))
    key = f"exp_columns_{_mark(shown)}"

    def keep() -> None:
        st.session_state["exp_columns"] = list(st.session_state[key])

    with st.popover("Columns", key="exp_columns_box"):
        return tuple(st.multiselect("Columns shown", every, default=shown, key=key, on_change=keep))


def _mark(names: Sequence[str]) -> str:
    """Return a short key for names; a widget with another key begins anew."""
    return f"{crc32(chr(31).join(names).encode()):08x}"


def _pictures(catalogue: Catalogue, found: Listing, columns: Sequence[str], first: int) -> None:
    """Show the runs that are picked, else those that fit, as lines over their columns and over their steps."""
    picked = stored.runs(catalogue, pks=_picked())
    lines = replace(found, rows=picked, places=()) if len(picked) > 1 else found
    chart = charts.parallel(lines, columns)
    if chart is not None:
        with st.expander("Parallel coordinates", key="exp_parallel"):
            state.show(el("p", "cw-note", _which(lines.rows[: charts.MOST_LINES], found.total, picked=len(picked) > 1)))
            st.altair_chart(chart, width="stretch")
    rows = charts.with_curves(picked or found.rows[first : first + PAGE], MOST_CURVES)
    if rows:
        with st.expander("Curves", key="exp_curves"):
            state.show(el("p", "cw-note", _which(rows, found.total, picked=bool(picked))))
            _curves(catalogue, rows)


def _which(rows: Sequence[RunRow], total: int, *, picked: bool) -> str:
    if picked:
        return f"The {counted(len(rows), 'run')} you picked."
    if len(rows) == total:
        return f"The {counted(total, 'run')} shown; pick runs in the table to see only those."
    return f"The first {len(rows):,} of {counted(total, 'run')}; pick runs in the table to see only those."


# -- runs by themselves ------------------------------------------------------------------------------------------


def _side_by_side(catalogue: Catalogue, rows: Sequence[RunRow]) -> None:
    state.surface(trees.compared(rows), key="exp_compared")
    _curves(catalogue, rows)


def _one(catalogue: Catalogue, row: RunRow) -> None:
    state.surface(trees.run_head(row), key="exp_head")
    if row.metrics:
        state.show(el("h3", "cw-exp-title", "Metrics"))
        state.show(trees.metrics(row.metrics))
        _curves(catalogue, [row])
    if row.params:
        state.show(el("h3", "cw-exp-title", "Parameters"))
        state.show(trees.params(row.params.values()))
    if found := mentions(catalogue, row.pk):
        state.show(el("h3", "cw-exp-title", "Documents that mention it"))
        state.surface(trees.mentioned(found), key="exp_mentions")
    if answers := citing(catalogue, row):
        state.show(el("h3", "cw-exp-title", "Answers that cite it"))
        state.surface(trees.cited_in(answers), key="exp_answers")
    if row.tags:
        with st.expander(f"Tags ({len(row.tags)})"):
            state.show(trees.tags(row.tags))


def _curves(catalogue: Catalogue, rows: Sequence[RunRow]) -> None:
    """Show the metrics of runs over their steps, one at a time, where they have more than one value."""
    names = list(dict.fromkeys(m.name for row in rows for m in row.metrics if m.figures.count > 1))
    if not names:
        return
    name = st.selectbox("Over its steps", names, key=f"exp_curve_{_mark(names)}")
    called = zip(rows, trees.names_of(rows), strict=True)
    lines = [(label, points) for row, label in called if (points := history(catalogue, row.pk, name)) is not None]
    st.altair_chart(charts.curves(name, rows[0].step_unit, lines), width="stretch")
