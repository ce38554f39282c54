"""The chat page: a conversation with its answers, the list of chats, and the panel of an opened citation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from assistant.types import Answer, Reading
from assistant.types import Turn as Earlier
from assistant.wire import answer_json, claim_json
from kb import conversations, readings
from kb.conversations import Turn
from kb.decisions import ledger
from kb.errors import BadInput, CitewiseError, HomeNotFound
from kb.history import RunQuery
from kb.run_wire import query_of
from kb.types import Claim, SourceKey, SourceState
from ui import decision_panel, opened, render, state, table_answer
from ui.nodes import Node, el
from ui.table_actions import ACTIONS
from ui.views import table

WINDOW = 12
"""Turns shown at first; a rerun over hundreds is slow."""
_REMEMBERED = 4
state.listen(ACTIONS)


def page() -> None:
    """Show the conversation and answer what is asked."""
    state.guarded(_conversation)


def _conversation() -> None:
    st.chat_input(_placeholder(), max_chars=2000, key="ask_box", on_submit=_submitted)
    table.choice()
    with st.container(key="reading_column"):
        turns = _turns(st.session_state["chat"])
        if not turns:
            st.session_state["chat"] = None  # a chat that was deleted, or an address that was mistyped
        _name_in_address("c", st.session_state["chat"])
        _name_in_address("d", st.session_state.get("dataset"))
        tables = opened.tables_of([made.answer for made in turns])
        for made, dataset in zip(turns, tables, strict=True):
            table.turn(made, dataset, is_new=made.asked == st.session_state.get("newest"))
        pending = st.session_state.get("pending")
        if pending:
            _answer(pending, turns, st.session_state["chat"])
        elif not turns:
            _empty()
    table.dialogs()


def _placeholder() -> str:
    return "Ask about the table, or the documents" if st.session_state.get("dataset") else "Ask a question"


def _submitted() -> None:
    asked = st.session_state.get("ask_box")
    if asked and asked.strip():
        state.ask(asked)


def restore() -> None:
    """Take up what the address names, so that a reload goes on where it was and a link opens what it is about."""
    if "chat" in st.session_state:
        return
    chat, link = st.query_params.get("c"), st.query_params.pop("r", None)
    st.session_state["chat"] = chat
    state.guarded(lambda: opened.choose(st.query_params.get("d") or opened.of_chat(chat)))
    if link and (st.session_state.get("dataset") or "d" not in st.query_params):
        state.ask(opened.words_of_runs(link) or "", link=link)


def _name_in_address(name: str, value: str | None) -> None:
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def _turns(current: str | None) -> Sequence[Turn]:
    if current is None:
        return ()
    shown = WINDOW * (1 + st.session_state.get("earlier", 0))
    turns = conversations.turns(state.knowledge().catalogue, current, last=shown + 1)
    if len(turns) > shown:
        state.surface(render.earlier(), key="earlier-turns")
    return turns[-shown:]


def _empty() -> None:
    dataset = opened.current()
    if dataset is not None:
        table.welcome(dataset)
        return
    try:
        sources = state.knowledge().catalogue.sources()
    except HomeNotFound:
        sources = ()
    passages, runs = sum(source.chunks for source in sources), sum(source.runs for source in sources)
    if passages or runs:
        ready = sum(source.chunks > 0 for source in sources)
        _welcome(ready, passages, runs)
    else:
        failed = sum(source.state is SourceState.FAILED for source in sources)
        state.surface(render.nothing_yet(failed), key="nothing-yet")


def _welcome(ready: int, passages: int, runs: int) -> None:
    """Show the page at once; its questions follow when each has been tried."""
    place = st.empty()
    if not state.assistant().has_openers:
        with place.container():
            state.show(render.welcome(None, ready, passages, runs))
    about_runs = opened.run_questions(state.knowledge().catalogue.generation) if runs else ()
    questions = (*about_runs, *(state.assistant().openers() if passages else ()))
    with place.container():
        state.surface(render.welcome(questions, ready, passages, runs), key="welcome")


# -- answering -------------------------------------------------------------------------------------------------


def _answer(pending: dict[str, Any], turns: Sequence[Turn], current: str | None) -> None:
    """Answer under the eyes of the person, claim by claim; keep the turn; show the page again with live buttons.

    What is pending goes once its answer is stored, or cannot be had; a draw that is broken off leaves it there.
    """
    with st.container(key="live"):
        if pending["question"]:
            state.show(render.question(pending["question"]))
        state.guarded(lambda: _keep(pending, _stream(pending, turns), current))
    st.session_state.pop("pending", None)


def _stream(pending: dict[str, Any], turns: Sequence[Turn]) -> Answer:
    at, over, computed = 1, _over(pending), False
    top, foot = st.container(), st.container()
    lead, line = foot, top
    with st.spinner("Computing …" if over else "Looking through the sources …"):
        for item in state.assistant().stream(pending["question"], history=earlier(turns), **over):
            if isinstance(item, Answer):
                return item
            if isinstance(item, Reading):
                # A computed answer comes first, as it will stand; what is read is known before it.
                computed = item.route in table_answer.ROUTES
                lead, line = (top, foot) if computed else (foot, top)
                with line:
                    state.show(_live_reading(item))
            elif isinstance(item, Claim):
                with lead:
                    state.show(el("div", "cw-fresh", _live_claim(item, at, first=computed and at == 1)))
                at += len(item.citations)
    raise AssertionError("a stream ends with its answer")


def _over(pending: dict[str, Any]) -> dict[str, Any]:
    """Return what a question is asked over; a reading over runs takes no table. Raises BadInput for a damaged link."""
    dataset, link = opened.current(), pending["link"]
    if link and opened.words_of_runs(link) is not None:
        return {"link": link}
    if dataset is None:
        if link:
            raise BadInput("this link holds no reading over runs", hint="copy it again, or ask the question")
        return {}
    return {"dataset": opened.open_now(dataset).table, "link": link}


def _live_reading(read: Reading) -> Node:
    if read.route in table_answer.ROUTES:
        return el("p", "cw-line", el("span", "cw-lead", "Read as"), el("span", "cw-said cw-name", read.words))
    return render.reading({"words": read.words, "question": read.question, "unread": read.unread})


def _live_claim(claim: Claim, at: int, *, first: bool) -> Node:
    made = render.claim(claim_json(claim), at)
    return el("div", "cw-answer-first", made) if first else made


def _keep(pending: dict[str, Any], answer: Answer, current: str | None) -> None:
    catalogue, given = state.knowledge().catalogue, answer_json(answer)
    question = pending["question"] or given["reading"]["words"] or "A shared reading"
    if current is None:
        current = conversations.start(catalogue, question)
        st.session_state["chat"] = current
    conversations.append(catalogue, current, question, given)
    if pending["saved"] and not answer.abstained:
        readings.mark(catalogue, pending["saved"], opened.values(given), given["dataset"]["fingerprint"])
    st.session_state.pop("pending", None)
    st.session_state["newest"] = next((made.asked for made in conversations.turns(catalogue, current, last=1)), None)
    st.rerun()


def earlier(turns: Sequence[Turn]) -> tuple[Earlier, ...]:
    """Return what a follow-up needs of the latest stored turns."""
    return tuple(_earlier(made.answer, made.question) for made in turns[-_REMEMBERED:])


def _earlier(answer: dict[str, Any], asked: str) -> Earlier:
    paths = [
        cited["headings"] for claim in answer["claims"] for cited in claim["citations"][:1] if cited.get("headings")
    ]
    read = answer.get("reading", {})
    return Earlier(
        question=read.get("question") or asked,
        headings=tuple(path[-1] for path in paths),
        query=opened.query_of_turn(answer),
        run_query=_run_query(read),
    )


def _run_query(read: dict[str, Any]) -> RunQuery | None:
    """Return how an earlier question over runs was read; None where it was not, or by a version that read otherwise."""
    if read.get("route") != "runs" or not read.get("query"):
        return None
    try:
        return query_of(read["query"])
    except BadInput:
        return None


# -- beside the turns ------------------------------------------------------------------------------------------


def sidebar() -> None:
    """Show the list of chats; what keeps the knowledge base shut is said by the page."""
    try:
        catalogue = state.knowledge().catalogue
    except CitewiseError:
        return
    recent = conversations.recent(catalogue)
    tree = render.chats(recent, st.session_state.get("chat"), st.session_state.get("doubted"))
    state.surface(tree, key="chats")


def panel() -> None:
    """Show what is opened: a citation in its document or a value's computation, at the right or over the foot."""
    if st.session_state.get("place") is not None:
        _passage(st.session_state["place"])
    elif st.session_state.get("decision") is not None:
        _decision(st.session_state["decision"])
    elif st.session_state.get("value") is not None:
        table.value_panel(st.session_state["value"], st.session_state.get("chat"))


def _decision(id: str) -> None:
    known = ledger(state.knowledge().catalogue)
    with st.container(key="passage_panel"):
        state.surface(decision_panel.panel(known, known.get(id)), key="shown-decision")


def _passage(cited: dict[str, Any]) -> None:
    kb = state.knowledge()
    key = SourceKey(collection=cited["collection"], root=cited["root"], source=cited["source"])
    document = kb.catalogue.document(key)
    ids = list(kb.catalogue.source_ids([key]).values())
    sources = kb.catalogue.sources(ids) if ids else ()
    around = int(st.session_state.get("around", state.AROUND))
    with st.container(key="passage_panel"):
        if document is None or not sources:
            state.surface(render.gone(cited), key="passage")
        else:
            state.surface(render.passage(document, sources[0], cited, around), key="passage")
