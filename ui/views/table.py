"""What the chat page shows of a table: choosing one, turns over it, its panel, its dialogs and the palette."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from kb import conversations, datasets, readings
from kb.conversations import Turn
from kb.datasets import Dataset
from kb.errors import BadInput, CitewiseError
from ui import (
    behind,
    choosing,
    correcting,
    dataset_panel,
    opened,
    palette,
    palette_runs,
    plots,
    render,
    state,
    table_answer,
)  # fmt: skip
from ui.dataset_panel import SavedReading, Seen
from ui.nodes import Node, el
from ui.opened import Looked, Opened

_POLL_SECONDS = 0.4
_SOURCES = 400


# -- choosing a table ------------------------------------------------------------------------------------------


def choice() -> None:
    """Show the button that opens a table: one of those known, a file on this machine, or an upload."""
    id = st.session_state.get("dataset")
    # Another key is another popover, and that one is shut: it closes once a table was chosen.
    made = f"table-choice-{id}-{st.session_state.get('uploads', 0)}"
    button, box = st.container(key="table_choice"), "Change table" if id else "Open a table"
    with button, st.popover(box, key=made), st.container(key="table_choice_box"):
        state.guarded(_choice)


def _choice() -> None:
    known = datasets.list_of(state.knowledge().catalogue)
    number = st.session_state.setdefault("uploads", 0)
    file = st.file_uploader("Upload CSV, TSV, Excel, Parquet or JSON lines", key=f"upload-{number}")
    if file is not None:
        st.session_state["uploads"] = number + 1  # the next draw has an empty uploader, so nothing is taken twice
        added = datasets.add_upload(state.knowledge().catalogue, file.name, file)
        _opened(added)
    with st.form("by_path", clear_on_submit=True, border=False, enter_to_submit=True):
        path = st.text_input("Or a file on this machine", placeholder="/data/sales.csv")
        if st.form_submit_button("Open this file") and path.strip():
            _opened(datasets.add_path(state.knowledge().catalogue, path.strip()))
    if known:
        state.surface(choosing.known(known, st.session_state.get("dataset")), key="known-tables")


def _opened(dataset: Dataset) -> None:
    opened.choose(dataset.id)
    st.rerun()


def welcome(dataset: Dataset) -> None:
    """Show a chat about a table in which nothing was asked yet."""
    with st.spinner("Reading the table …"):
        now = opened.open_now(dataset)
    made = opened.looked(now)
    state.surface(choosing.welcome(now.about, made.questions if made else ()), key="welcome-table")


# -- turns -----------------------------------------------------------------------------------------------------


def turn(made: Turn, dataset: Dataset | None, *, is_new: bool) -> None:
    """Show a turn; a plot stands between two trees. `dataset` is the known table that it was over."""
    if not table_answer.is_over_table(made.answer):
        state.surface(render.turn(made, is_new=is_new), key=f"turn-{made.asked}")
        return
    heading = render.question(made.question, focus=is_new)
    now = dataset.fingerprint if dataset else None
    above = list(table_answer.above(made.answer, asked=made.asked, dataset=dataset.id if dataset else None))
    below = list(table_answer.below(made.answer, fingerprint=now))
    spec = None if made.answer["abstained"] else _spec(made.answer.get("plot"))
    if spec is None:
        state.surface(el("article", "cw-turn", heading, *above, *below), key=f"turn-{made.asked}")
        return
    state.surface(el("article", "cw-turn cw-turn-top", heading, *above), key=f"turn-{made.asked}")
    st.vega_lite_chart(spec, width="stretch", key=f"plot-{made.asked}")
    state.surface(el("div", "cw-turn-rest", *below), key=f"rest-{made.asked}")


def _spec(plot: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return _drawn(json.dumps(plot)) if plot else None


@st.cache_data(show_spinner=False, max_entries=200)
def _drawn(plot: str) -> dict[str, Any] | None:
    """Return a plot as Vega-Lite; Altair takes longer over one than a page that is drawn anew should."""
    chart = plots.chart(json.loads(plot))
    return None if chart is None else dict(chart.to_dict())


# -- the panel -------------------------------------------------------------------------------------------------


def panel() -> None:
    """Show the panel of the open table; while its profile is being made, look again every moment."""
    dataset = opened.current()
    if dataset is None:
        return
    with st.container(key="table_panel"):
        try:
            now = _open(dataset)
        except CitewiseError as error:
            state.surface(dataset_panel.broken(dataset.name, error.message, error.hint), key="table")
            return
        is_over = _is_over(now)
        _draw(now)
        if not is_over:
            st.fragment(_wait, run_every=_POLL_SECONDS)(now)


def _open(dataset: Dataset) -> Opened:
    with st.spinner("Reading the table …"):
        return opened.open_now(dataset)


def _is_over(now: Opened) -> bool:
    return not (opened.is_looking(now) or opened.is_checking(now))


def _wait(now: Opened) -> None:
    """Draw the page anew once there is more to show. The panel stands outside: a click in it is for the whole page."""
    if _is_over(now):
        st.rerun()


def _draw(now: Opened) -> None:
    column, made = st.session_state.get("column", ""), opened.looked(now)
    seen = Seen(profile=made.profile, first=made.first, wrong=made.wrong) if made else None
    is_looking = opened.is_looking(now)
    tree = dataset_panel.panel(now.about, seen, opened.saved(now.dataset), column=column, is_looking=is_looking)
    state.surface(tree, key="table")


def value_panel(event: Mapping[str, Any], chat: str | None) -> None:
    """Show how a value was computed: its expression, the steps with their rows, some of these, and the code."""
    cited = event["citation"]
    made = _turn_of(event.get("asked"), chat)
    dataset = opened.current()
    is_now = dataset is not None and dataset.fingerprint == cited["fingerprint"]
    moved = not is_now and made is not None and dataset is not None and opened.of_answer(made.answer) == dataset.id
    rows = _rows(made, dataset) if made is not None and dataset is not None and is_now else None
    with st.container(key="passage_panel"):
        state.surface(dataset_panel.value(cited, list(_inside(made, rows)), stale=moved), key="value")


def _turn_of(asked: float | None, chat: str | None) -> Turn | None:
    if asked is None or chat is None:
        return None
    return next((t for t in conversations.turns(state.knowledge().catalogue, chat) if t.asked == asked), None)


def _rows(made: Turn, dataset: Dataset) -> Mapping[str, Any] | None:
    return behind.rows_behind(opened.query_of_turn(made.answer), opened.open_now(dataset).table)


def _inside(made: Turn | None, rows: Mapping[str, Any] | None) -> Iterator[Node]:
    if made is None:
        return
    trail, code = made.answer.get("trail"), made.answer.get("code")
    if trail or rows:
        yield el("p", "cw-label", "The rows it was computed from")
    if trail:
        yield table_answer.steps(trail)
    if rows:
        yield table_answer.table({**rows, "more": 0})
        yield el("p", "cw-note", f"The first of them; {rows['more']:,} more follow.") if rows["more"] else el("p", "")
    if code:
        yield el("p", "cw-label", "The whole program")
        yield table_answer.listing(code)


# -- dialogs and the palette -----------------------------------------------------------------------------------


def dialogs() -> None:
    """Show the dialog that was asked for, if any."""
    if st.session_state.get("correcting"):
        _correcting()
    elif st.session_state.get("saving"):
        _saving(st.session_state["saving"])


def _correcting() -> None:
    dataset = opened.current()
    if dataset is None:
        st.session_state.pop("correcting", None)
        return
    try:
        now = opened.open_now(dataset)
        correcting.dialog(dataset, now.table.columns, now.about.layout)
    except CitewiseError:
        correcting.dialog(dataset, (), {})


def _not_saving() -> None:
    st.session_state.pop("saving", None)


@st.dialog("Save this reading", on_dismiss=_not_saving)
def _saving(event: Mapping[str, Any]) -> None:
    state.show(el("p", "cw-name", str(event["words"])))
    state.show(el("p", "cw-hint", "It stands in the table's panel, and runs again when the table changes."))
    with st.form("saving_form", border=False):
        name = st.text_input("Name", max_chars=120, placeholder="for example: mean age of women")
        if st.form_submit_button("Save", type="primary"):
            state.guarded(lambda: _save(event, name))


def _save(event: Mapping[str, Any], name: str) -> None:
    made = _turn_of(event["asked"], st.session_state.get("chat"))
    dataset = opened.of_answer(made.answer) if made else None
    if made is None or dataset is None:
        raise BadInput("the table of this reading is not known any more", hint="open the table and ask again")
    readings.save(
        state.knowledge().catalogue,
        name=name,
        dataset=dataset,
        question=made.question,
        query=made.answer["reading"]["query"],
        values=opened.values(made.answer),
        fingerprint=made.answer["dataset"]["fingerprint"],
    )
    _not_saving()
    st.rerun()


def offer() -> None:
    """Have Ctrl+K find columns, values, saved readings, tables, experiments, runs and sources, and do commands."""
    catalogue = state.knowledge().catalogue
    dataset = opened.current()
    made, saved = _at_hand(dataset) if dataset else (None, ())
    hand = palette.AtHand(
        profile=made.profile if made else None,
        saved=saved,
        tables=[(one.id, one.name) for one in datasets.list_of(catalogue)],
        sources=catalogue.sources()[:_SOURCES],
        runs=palette_runs.items(catalogue),
        table_is_open=dataset is not None,
    )
    state.palette(palette.items(hand))


def _at_hand(dataset: Dataset) -> tuple[Looked | None, tuple[SavedReading, ...]]:
    try:
        return opened.looked(opened.open_now(dataset)), opened.saved(dataset)
    except CitewiseError:  # the panel says what is wrong; the palette does without it
        return None, ()
