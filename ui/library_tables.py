"""Tables, saved readings and unanswered questions on the library page, and what their buttons do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from kb import datasets, readings
from kb.datasets import Dataset
from kb.errors import BadInput, CitewiseError
from kb.readings import Saved, Unanswered
from kb.store import Catalogue
from ui import library_trees as trees
from ui import opened, state
from ui.nodes import el

# -- tables --------------------------------------------------------------------------------------------------------


def tables(known: Sequence[Dataset]) -> None:
    """Show the tables known."""
    state.surface(trees.tables(known), key="tables")
    _ask_before_forgetting()


def _open(event: Mapping[str, Any]) -> None:
    _chat_over(str(event["id"]))


def _chat_over(dataset: str | None) -> None:
    """Go to a new chat, with a table beside it where one is named."""
    state.ACTIONS["new-chat"]({})
    opened.choose(dataset)


def _forget_table(event: Mapping[str, Any]) -> None:
    st.session_state["forget_table"] = str(event["id"])


def _keep_table() -> None:
    st.session_state.pop("forget_table", None)


def _ask_before_forgetting() -> None:
    asked = st.session_state.get("forget_table")
    dataset = datasets.get(state.knowledge().catalogue, asked) if asked else None
    if dataset is None:
        _keep_table()
    else:
        _forget_dialog(dataset)


@st.dialog("Forget this table?", on_dismiss=_keep_table)
def _forget_dialog(dataset: Dataset) -> None:
    catalogue = state.knowledge().catalogue
    saved = readings.list_of(catalogue, dataset=dataset.id)
    state.show(trees.forget_table(dataset, len(saved)))
    yes, no = st.columns(2)
    if no.button("Keep it", width="stretch"):
        _keep_table()
        st.rerun()
    if yes.button("Forget it", type="primary", width="stretch"):
        for one in saved:
            readings.remove(catalogue, one.id)
        datasets.forget(catalogue, dataset.id)
        _keep_table()
        if st.session_state.get("dataset") == dataset.id:
            opened.choose(None)
        st.rerun()


# -- saved readings ------------------------------------------------------------------------------------------------


def saved() -> None:
    """Show the saved readings, and run those that were asked to run."""
    catalogue = state.knowledge().catalogue
    known = {one.id: one for one in datasets.list_of(catalogue)}
    asked = st.session_state.pop("run_reading", None)
    if asked is not None and (one := readings.get(catalogue, asked)) is not None:
        state.guarded(lambda: run(catalogue, one))
    state.surface(trees.saved(readings.list_of(catalogue), known), key="saved")
    _ask_for_a_name(catalogue)


def run(catalogue: Catalogue, one: Saved) -> None:
    """Run a saved reading over its table as it is now and keep what that gave.

    Raises BadInput where its table is not known any more or the reading does not fit it, TableUnreadable.
    """
    dataset = datasets.get(catalogue, one.dataset)
    if dataset is None:
        raise BadInput(f"the table of {one.name!r} was forgotten", hint="add it again, or remove the reading")
    with st.spinner(f"Running {one.name} …"):
        values, fingerprint = _values(one, dataset)
    readings.mark(catalogue, one.id, values, fingerprint)


def _values(one: Saved, dataset: Dataset) -> tuple[Mapping[str, Any], str]:
    from assistant.dataset.wire import link, query_of
    from assistant.wire import answer_json

    table = opened.open_now(dataset).table
    answer = answer_json(state.assistant().ask(one.question, dataset=table, link=link(query_of(one.query))))
    values = opened.values(answer)
    if answer["abstained"] or not values:
        why = " ".join(answer["missing"]) or "it gives no values"
        raise BadInput(f"{one.name!r} cannot be run on {dataset.name} as it is now: {why}", hint="ask it anew")
    return values, table.fingerprint


def _run(event: Mapping[str, Any]) -> None:
    st.session_state["run_reading"] = str(event["id"])


def _rename(event: Mapping[str, Any]) -> None:
    st.session_state["rename_reading"] = str(event["id"])


def _named() -> None:
    st.session_state.pop("rename_reading", None)


def _ask_for_a_name(catalogue: Catalogue) -> None:
    asked = st.session_state.get("rename_reading")
    one = readings.get(catalogue, asked) if asked else None
    if one is None:
        _named()
    else:
        _rename_dialog(one)


@st.dialog("Rename this reading", on_dismiss=_named)
def _rename_dialog(one: Saved) -> None:
    name = st.text_input("Name", value=one.name, max_chars=120)
    if st.button("Rename", type="primary"):
        try:
            readings.rename(state.knowledge().catalogue, one.id, name)
        except CitewiseError as error:
            state.show(el("p", "cw-reason", error.message))
            return
        _named()
        st.rerun()


# -- what could not be answered ------------------------------------------------------------------------------------


def unanswered() -> None:
    """Show the questions that got no answer."""
    kb = state.knowledge()
    asked = _unanswered(str(kb.home), readings.asked_so_far(kb.catalogue), kb.catalogue)
    state.surface(trees.unanswered(asked), key="unanswered")


@st.cache_data(show_spinner=False, max_entries=4)
def _unanswered(home: str, stamp: tuple[int, int, int], _catalogue: Catalogue) -> tuple[Unanswered, ...]:
    del home, stamp  # the key
    return readings.unanswered(_catalogue)


def _ask_again(event: Mapping[str, Any]) -> None:
    about = str(event.get("table") or "")
    known = datasets.list_of(state.knowledge().catalogue)
    _chat_over(next((one.id for one in known if about and one.name == about), None))
    state.ask(str(event["question"]))


def _seen(_: Mapping[str, Any]) -> None:
    st.session_state.pop("added", None)


ACTIONS = {
    "lib-seen": _seen,
    "dataset": _open,
    "lib-forget-table": _forget_table,
    "lib-run-reading": _run,
    "lib-rename-reading": _rename,
    "lib-ask": _ask_again,
}
