"""The Experiments page: runs as a table that can be filtered, sorted and compared, and each run by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from kb import runs as stored
from kb.errors import CitewiseError, HomeNotFound
from kb.mentions import mentions
from kb.run_listing import Asked, Listing, listing
from kb.run_query import vocabulary
from kb.run_verify import cited_runs
from kb.runs import RunRow, history
from kb.store import Catalogue
from kb.types import RunCitation
from kb.vocabulary import Vocabulary
from ui import experiments_charts as charts
from ui import experiments_trees as trees
from ui import state
from ui.nodes import el
from ui.render import notice

PAGE = 50
_HELP = "Comparisons joined by and: lr<0.01 and model=xgb and state!=failed. ~ is contains; name in (a, b)."
_ANY = "Newest first"
_CITED = ("source", "tracker", "experiment", "run_id", "field", "value", "step", "split", "root", "copy")


def page() -> None:
    """Show the page."""
    st.html(state.ASSETS / "experiments.css")
    with st.container(key="experiments"):
        state.guarded(_experiments)


def _experiments() -> None:
    st.title("Experiments", anchor=False)
    try:
        catalogue = state.knowledge().catalogue
    except HomeNotFound:
        state.surface(trees.empty(), key="exp_empty")
        return
    known = vocabulary(catalogue)
    if not known.runs:
        state.surface(trees.empty(), key="exp_empty")
        return
    chosen = st.session_state.get("exp_run")
    if chosen is not None and (rows := stored.runs(catalogue, pks=[chosen])):
        _one(catalogue, rows[0])
    elif st.session_state.get("exp_comparing") and (rows := stored.runs(catalogue, pks=_picked())):
        _side_by_side(catalogue, rows)
    else:
        _table(catalogue, known)


# -- what a click does -------------------------------------------------------------------------------------------


def _picked() -> list[int]:
    return list(st.session_state.get("exp_picked", ()))


def _pick(event: Mapping[str, Any]) -> None:
    pk, picked = int(event["run"]), _picked()
    kept = [one for one in picked if one != pk] if pk in picked else [*picked, pk]
    st.session_state["exp_picked"] = kept[-trees.MOST_PICKED :]


def _open(event: Mapping[str, Any]) -> None:
    st.session_state["exp_run"] = int(event["run"])


def _back(_: Mapping[str, Any]) -> None:
    if st.session_state.pop("exp_run", None) is None:
        st.session_state.pop("exp_comparing", None)


def _open_cited(event: Mapping[str, Any]) -> None:
    """Open the run that a citation names."""
    given = event["citation"]
    citation = RunCitation(**{name: given.get(name) for name in _CITED if name in given})
    found = cited_runs(citation, state.knowledge().catalogue)
    st.session_state["go"] = "experiments"
    st.session_state["exp_run"] = found[0] if found else None


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


def _table(catalogue: Catalogue, known: Vocabulary) -> None:
    where, metric = _filter_line(known)
    first = int(st.session_state.get("exp_first", 0))
    asked = Asked(
        where=where,
        metric=metric,
        sort=st.session_state.get("exp_sort"),
        limit=max(first + PAGE, charts.MOST_LINES),
        deleted=bool(st.session_state.get("exp_deleted", False)),
    )
    try:
        found = listing(catalogue, asked)
    except CitewiseError as error:
        state.show(notice(error.message, error.hint))
        return
    columns = _columns(known, found)
    state.surface(el("div", "", trees.banner(found, deleted=asked.deleted)), key="exp_banner")
    first = first if first < found.total else 0
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
    _parallel(found, columns)


def _filter_line(known: Vocabulary) -> tuple[str, str | None]:
    """Show the filter and the metric; a change begins at the first row again."""
    left, right = st.columns([3, 2])
    where = left.text_input(
        "Filter", placeholder="lr<0.01 and state=finished", help=_HELP, key="exp_where", on_change=_to_the_top
    )
    names = sorted({one.name for one in known.metrics})
    chosen = right.selectbox("Best by", [_ANY, *names], key="exp_metric", on_change=_by_metric)
    return where, None if chosen == _ANY else chosen


def _by_metric() -> None:
    st.session_state.pop("exp_sort", None)
    _to_the_top()


def _to_the_top() -> None:
    st.session_state["exp_first"] = 0


def _columns(known: Vocabulary, found: Listing) -> tuple[str, ...]:
    """Let columns be chosen; until then they are parameters that differ between the runs shown."""
    every = ["state", "started", "experiment", *dict.fromkeys(one.name for one in known.logged)]
    default = st.session_state.get("exp_columns") or ["state", *found.differing()[:5]]
    shown = [name for name in default if name in every]
    key = "exp_columns_" + "_".join(str(every.index(name)) for name in shown)

    def keep() -> None:
        st.session_state["exp_columns"] = list(st.session_state[key])

    return tuple(st.multiselect("Columns", every, default=shown, key=key, on_change=keep))


def _parallel(found: Listing, columns: Sequence[str]) -> None:
    chart = charts.parallel(found, columns)
    if chart is not None:
        with st.expander("Parallel coordinates"):
            st.altair_chart(chart, width="stretch")


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
    if row.tags:
        with st.expander(f"Tags ({len(row.tags)})"):
            state.show(trees.tags(row.tags))


def _curves(catalogue: Catalogue, rows: Sequence[RunRow]) -> None:
    """Show the metrics of runs over their steps, one at a time, where they have more than one value."""
    names = list(dict.fromkeys(m.name for row in rows for m in row.metrics if m.figures.count > 1))
    if not names:
        return
    name = st.selectbox("Over its steps", names, key=f"exp_curve_{'_'.join(str(row.pk) for row in rows)}")
    called = zip(rows, trees.names_of(rows), strict=True)
    lines = [(label, points) for row, label in called if (points := history(catalogue, row.pk, name)) is not None]
    st.altair_chart(charts.curves(name, rows[0].step_unit, lines), width="stretch")
