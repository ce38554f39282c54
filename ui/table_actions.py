"""What clicks around answers do: run a reading, save it, keep a word, open a table, correct how the file is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from kb import aliases, readings
from kb.errors import BadInput
from ui import opened, palette, state
from ui.talk_runs import author

if TYPE_CHECKING:
    from assistant.dataset.steps import Query
    from assistant.dataset.types import ColumnProfile

Event = Mapping[str, Any]


def _open_chat(event: Event) -> None:
    """Go to a conversation with the table that it was about; a new chat keeps the one that is open."""
    id = str(event["id"])
    state.go_to(id)
    opened.choose(opened.of_chat(id))


def _run(event: Event) -> None:
    """Run a reading over the runs, on the table that it was read over, or on the one that is open.

    It is headed by its own words: the question that it came from may say something else.
    """
    link = str(event["link"])
    said = opened.words_of_runs(link)
    if said is None:
        from assistant.dataset.wire import query_from_link
        from assistant.dataset.words import words

        st.session_state["dataset"] = opened.with_content(event.get("fingerprint"))
        said = words(query_from_link(link))
    state.ask(said or str(event["question"]), link=link)


def _alias(event: Event) -> None:
    """Keep what a word means for the team, and ask the question that it stood in again."""
    catalogue = state.knowledge().catalogue
    aliases.choose(catalogue, str(event["word"]), str(event["meaning"]), by=author())
    state.ask(str(event["question"]))


def _open_decision(event: Event) -> None:
    state.close({})
    st.session_state["decision"] = str(event["id"])


def _open_run(event: Event) -> None:
    """Show a run of the palette on its page."""
    st.session_state.update(go="experiments", exp_run=int(event["run"]), exp_tab="Runs")


def _open_experiment(event: Event) -> None:
    """Show the runs of an experiment of the palette."""
    st.session_state.update(go="experiments", exp_place=str(event["place"]), exp_tab="Runs")
    for name in ("exp_run", "exp_comparing", "exp_metric", "exp_sort", "exp_columns", "exp_first"):
        st.session_state.pop(name, None)


def _run_saved(event: Event) -> None:
    saved = readings.get(state.knowledge().catalogue, str(event["id"]))
    if saved is None:
        raise BadInput("this saved reading was removed", hint="save it again from an answer")
    st.session_state["dataset"] = saved.dataset
    state.ask(saved.question, link=_link_of(saved.query), saved=saved.id)


def _link_of(query: Mapping[str, Any]) -> str:
    from assistant.dataset.wire import link, query_of

    return link(query_of(query))


def _save(event: Event) -> None:
    st.session_state["saving"] = dict(event)


def _forget_reading(event: Event) -> None:
    readings.remove(state.knowledge().catalogue, str(event["id"]))


def _accept_reading(event: Event) -> None:
    readings.accept(state.knowledge().catalogue, str(event["id"]))


def _value(event: Event) -> None:
    state.close({})
    st.session_state["value"] = dict(event)


def _open_dataset(event: Event) -> None:
    opened.choose(str(event["id"]))
    st.session_state["go"] = True


def _close_table(_: Event) -> None:
    opened.choose(None)


def _correct(_: Event) -> None:
    st.session_state["correcting"] = True


def _column(event: Event) -> None:
    st.session_state["column"] = str(event["column"])
    st.session_state["go"] = True


def _describe(event: Event) -> None:
    column = str(event["column"])
    _ask_query(column, f"What is in {column}?", palette.describe)


def _rows_with(event: Event) -> None:
    column, value = str(event["column"]), str(event["value"])
    _ask_query(column, f"How many rows have {column} = {value}?", lambda one: palette.rows_with(one, value))


def _ask_query(column: str, question: str, make: Callable[[ColumnProfile], Query]) -> None:
    from assistant.dataset.wire import link

    dataset = opened.current()
    looked = opened.looked(opened.open_now(dataset)) if dataset is not None else None
    one = next((c for c in looked.profile.columns if c.name == column), None) if looked is not None else None
    if one is None:
        raise BadInput(f"the open table has no column {column!r}", hint="open the table again")
    state.ask(question, link=link(make(one)))


ACTIONS: Mapping[str, Callable[[Event], None]] = {
    "open-chat": _open_chat,
    "run-reading": _run,
    "alias": _alias,
    "decision": _open_decision,
    "palette-run": _open_run,
    "palette-experiment": _open_experiment,
    "run-saved": _run_saved,
    "save": _save,
    "forget-reading": _forget_reading,
    "accept-reading": _accept_reading,
    "value": _value,
    "open-dataset": _open_dataset,
    "close-table": _close_table,
    "correct": _correct,
    "column": _column,
    "describe": _describe,
    "rows-with": _rows_with,
}
