"""The table that stands open beside the chat: which one it is, its file as a `Table`, and its profile.

Tables are kept by their file's state, profiles by content. A profile is made in a thread, so that no page waits for it;
a saved reading whose table changed is run again there too.
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.dataset.types import Fact, Profile
from assistant.wire import answer_json
from kb import conversations, datasets, readings
from kb.datasets import Dataset
from kb.errors import BadInput, CitewiseError
from kb.readings import Saved
from kb.store import Catalogue
from ui import state
from ui.dataset_panel import About, SavedReading
from ui.figures import figure

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from assistant.dataset.steps import Query
    from kb.tables import Table

log = logging.getLogger("citewise.ui")
_NEEDED = ("kb.tables", "assistant.dataset.profile", "assistant.dataset.question", "assistant.dataset.compute")
_TABLES, _PROFILES, _QUESTIONS = 4, 32, 4


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A known table and its file as it is now."""

    dataset: Dataset
    table: Table

    @property
    def about(self) -> About:
        """What the panel says of the table at once."""
        from kb.tables import layout_json

        return About(
            name=self.table.name,
            fingerprint=self.table.fingerprint,
            rows=self.table.rows,
            columns=len(self.table.columns),
            layout=layout_json(self.table.layout),
            notes=self.table.notes,
            large=self.table.large,
        )


# -- which one -------------------------------------------------------------------------------------------------


def current() -> Dataset | None:
    """Return the table that is open, or None; one that was forgotten is not open any more."""
    id = st.session_state.get("dataset")
    found = datasets.get(state.knowledge().catalogue, id) if id else None
    if id and found is None:
        st.session_state["dataset"] = None
    return found


def choose(id: str | None) -> None:
    """Open another table, or none."""
    st.session_state["dataset"] = id
    for name in ("column", "value", "correcting"):
        st.session_state.pop(name, None)


def of_answer(answer: Mapping[str, Any]) -> str | None:
    """Return the id of the known table that a stored answer was over."""
    told = answer.get("dataset") or {}
    return _known(told.get("path"), told.get("fingerprint"))


def tables_of(answers: Sequence[Mapping[str, Any]]) -> list[Dataset | None]:
    """Return the known tables that stored answers were over, in order."""
    over = [answer.get("dataset") or {} for answer in answers]
    known = datasets.list_of(state.knowledge().catalogue) if any(over) else ()
    return [_among(known, told.get("path"), told.get("fingerprint")) for told in over]


def with_content(fingerprint: str | None) -> str | None:
    """Return the id of the known table with this content: the open one where it has it."""
    dataset = current()
    if dataset is not None and (fingerprint is None or dataset.fingerprint == fingerprint):
        return dataset.id
    return _known(None, fingerprint) or (dataset.id if dataset else None)


def _known(path: str | None, fingerprint: str | None) -> str | None:
    found = _among(datasets.list_of(state.knowledge().catalogue), path, fingerprint)
    return None if found is None else found.id


def _among(known: Sequence[Dataset], path: str | None, fingerprint: str | None) -> Dataset | None:
    same = next((one for one in known if path and str(one.path) == path), None)
    return same or next((one for one in known if fingerprint and one.fingerprint == fingerprint), None)


def of_chat(chat: str | None) -> str | None:
    """Return the id of the table that a conversation was last about."""
    if chat is None:
        return None
    last = conversations.turns(state.knowledge().catalogue, chat, last=20)
    return next((id for made in reversed(last) if (id := of_answer(made.answer))), None)


def words_of_runs(link: str) -> str | None:
    """Return the words of a link's reading over runs; None where it is one over a table, or damaged."""
    from kb.run_query import words
    from kb.run_wire import query_from_link

    try:
        return words(query_from_link(link))
    except BadInput:
        return None


@st.cache_data(show_spinner=False, max_entries=4)
def run_questions(generation: int) -> tuple[str, ...]:
    """Return questions about the runs that are answered, for a chat in which nothing was asked yet."""
    from kb.run_places import first_place, place_metrics, run_places

    del generation  # the key
    catalogue = state.knowledge().catalogue
    metrics = place_metrics(catalogue, first_place(run_places(catalogue)))[:2]
    tried = [*(f"Which run has the best {name}?" for name in metrics), "How many runs failed?"]
    return tuple(one for one in tried if not state.assistant().ask(one).abstained)[:2]


# -- its file --------------------------------------------------------------------------------------------------


def open_now(dataset: Dataset) -> Opened:
    """Return a table with its file as it is now. Raises CitewiseError where it cannot be read."""
    modified, size = _stamp(dataset.path)
    corrections = json.dumps(dict(dataset.corrections), sort_keys=True)
    found = _table(str(dataset.path), modified, size, corrections, dataset.name)
    if isinstance(found, CitewiseError):
        raise found
    if (dataset.fingerprint, dataset.rows, dataset.notes) != (found.fingerprint, found.rows, found.notes):
        dataset = datasets.opened(
            state.knowledge().catalogue,
            dataset.id,
            fingerprint=found.fingerprint,
            rows=found.rows,
            columns=len(found.columns),
            notes=found.notes,
        )
    return Opened(dataset=dataset, table=found)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        why = error.strerror or str(error)
        raise BadInput(f"{path} cannot be read: {why}", hint="put the file back, or close the table") from error
    return found.st_mtime_ns, found.st_size


@st.cache_resource(show_spinner=False, max_entries=_TABLES)
def _table(path: str, modified: int, size: int, corrections: str, name: str) -> Table | CitewiseError:
    """Open a file once for each state of it; what cannot be read is not read again at every click."""
    from kb.tables import open_table

    try:
        return open_table(Path(path), corrections=json.loads(corrections), name=name)
    except CitewiseError as error:
        return error


# -- its profile -----------------------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def threads() -> ThreadPoolExecutor:
    """Return the threads for what no page waits for."""
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="citewise-profile")


@st.cache_resource(show_spinner=False)
def warm() -> None:
    """Load in a thread what a first question over a table needs, once for the app."""
    threads().submit(_load)


def _load() -> None:
    for name in _NEEDED:
        importlib.import_module(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at a table gave: its profile, what to look at first, what is wrong, and questions that run."""

    profile: Profile
    first: tuple[Fact, ...]
    wrong: tuple[Fact, ...]
    questions: tuple[str, ...]


@st.cache_resource(show_spinner=False, max_entries=_PROFILES)
def _looking(fingerprint: str, layout: str, _table: Table) -> Future[Looked]:
    del fingerprint, layout  # the key
    return threads().submit(_look, _table, state.assistant())


def _look(table: Table, assistant: Assistant) -> Looked:
    from assistant.dataset.profile import first_looks, problems, questions

    made = assistant.profile(table)
    running = tuple(islice((one for one in questions(made) if _runs(one, table)), _QUESTIONS))
    return Looked(profile=made, first=first_looks(made), wrong=problems(made), questions=running)


def _runs(question: str, table: Table) -> bool:
    from assistant.dataset.question import read

    return read(question, table).runs


def looked(opened: Opened) -> Looked | None:
    """Return what a look at the table gave, or None while it goes on or where it failed."""
    made = _look_at(opened)
    if not made.done():
        return None
    if error := made.exception():
        log.error("the profile of %s could not be made", opened.table.name, exc_info=error)
        return None
    return made.result()


def is_looking(opened: Opened) -> bool:
    """Tell whether the table's profile is still being made."""
    return not _look_at(opened).done()


def _look_at(opened: Opened) -> Future[Looked]:
    return _looking(opened.table.fingerprint, repr(opened.table.layout), opened.table)


# -- saved readings --------------------------------------------------------------------------------------------


def saved(dataset: Dataset) -> tuple[SavedReading, ...]:
    """Return the saved readings of a table."""
    return tuple(_shown(one) for one in readings.list_of(state.knowledge().catalogue, dataset=dataset.id))


def _shown(one: Saved) -> SavedReading:
    said = "; ".join(f"{c.name}: {figure(c.after)}, was {figure(c.before)}" for c in one.changes)
    return SavedReading(id=one.id, name=one.name, words=one.question, changed=said)


@st.cache_resource(show_spinner=False, max_entries=_PROFILES)
def _checked(id: str, fingerprint: str, _opened: Opened) -> Future[int]:
    del id, fingerprint  # the key
    catalogue, assistant = state.knowledge().catalogue, state.assistant()
    return threads().submit(
        lambda: sum(_check(catalogue, assistant, one, _opened) for one in stale(catalogue, _opened))
    )


def is_checking(opened: Opened) -> bool:
    """Run saved readings of a changed table again, once, in a thread; tell whether that is still going on."""
    return not _checked(opened.dataset.id, opened.table.fingerprint, opened).done()


def stale(catalogue: Catalogue, opened: Opened) -> list[Saved]:
    """Return the saved readings that last ran on other content than the table has now."""
    found = readings.list_of(catalogue, dataset=opened.dataset.id)
    return [one for one in found if (one.last_fingerprint or one.fingerprint) != opened.table.fingerprint]


def _check(catalogue: Catalogue, assistant: Assistant, one: Saved, opened: Opened) -> int:
    from assistant.dataset.wire import link, query_of

    try:
        answer = assistant.ask(one.question, dataset=opened.table, link=link(query_of(one.query)))
        readings.mark(catalogue, one.id, values(answer_json(answer)), opened.table.fingerprint)
    except CitewiseError as error:
        log.warning("the saved reading %r was not run again: %s", one.name, error.message)
        return 0
    return 1


def query_of_turn(answer: Mapping[str, Any]) -> Query | None:
    """Return how a stored question over a table was read, for a follow-up to it."""
    read = answer.get("reading") or {}
    if read.get("route") != "dataset" or not read.get("query"):
        return None
    from assistant.dataset.wire import query_of

    try:
        return query_of(read["query"])
    except BadInput:  # stored by an earlier version
        return None


def values(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a stored answer by name, for a saved reading to be compared with."""
    found = (answer.get("result") or {}).get("value")
    return dict(found) if isinstance(found, Mapping) else {}
