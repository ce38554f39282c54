"""The chat page: a conversation with its answers, the list of chats, and the panel of an opened citation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from assistant.types import Answer, Reading
from assistant.types import Turn as Earlier
from assistant.wire import answer_json, claim_json
from kb import conversations
from kb.conversations import Turn
from kb.errors import CitewiseError, HomeNotFound
from kb.types import Claim, SourceKey, SourceState
from ui import render, state
from ui.nodes import el

WINDOW = 12
"""Turns shown at first; a rerun over hundreds is slow."""
_REMEMBERED = 4


def page() -> None:
    """Show the conversation and answer what is asked."""
    state.guarded(_conversation)


def _conversation() -> None:
    asked = st.chat_input("Ask a question", max_chars=2000) or st.session_state.pop("asked", None)
    with st.container(key="reading_column"):
        turns = _turns(st.session_state["chat"])
        if not turns:
            st.session_state["chat"] = None  # a chat that was deleted, or an address that was mistyped
        _name_in_address(st.session_state["chat"])
        for made in turns:
            is_new = made.asked == st.session_state.get("newest")
            state.surface(render.turn(made, is_new=is_new), key=f"turn-{made.asked}")
        if asked and asked.strip():
            _answer(asked.strip(), turns, st.session_state["chat"])
        elif not turns:
            _empty()


def restore() -> None:
    """Take up the conversation that the address names, so that a reload goes on where it was."""
    if "chat" not in st.session_state:
        st.session_state["chat"] = st.query_params.get("c")


def _name_in_address(current: str | None) -> None:
    if current is None:
        st.query_params.pop("c", None)
    elif st.query_params.get("c") != current:
        st.query_params["c"] = current


def _turns(current: str | None) -> Sequence[Turn]:
    if current is None:
        return ()
    shown = WINDOW * (1 + st.session_state.get("earlier", 0))
    turns = conversations.turns(state.knowledge().catalogue, current, last=shown + 1)
    if len(turns) > shown:
        state.surface(render.earlier(), key="earlier-turns")
    return turns[-shown:]


def _empty() -> None:
    try:
        sources = state.knowledge().catalogue.sources()
    except HomeNotFound:
        sources = ()
    passages = sum(source.chunks for source in sources)
    if passages:
        ready = sum(source.chunks > 0 for source in sources)
        state.surface(render.welcome(state.first_questions(), ready, passages), key="welcome")
    else:
        state.show(render.nothing_yet(sum(source.state is SourceState.FAILED for source in sources)))


def _answer(question: str, turns: Sequence[Turn], current: str | None) -> None:
    """Answer under the eyes of the person, claim by claim; keep the turn; show the page again with live buttons."""
    with st.container(key="live"):
        state.show(render.question(question))
        state.guarded(lambda: _keep(question, _stream(question, turns), current))


def _stream(question: str, turns: Sequence[Turn]) -> Answer:
    at = 1
    with st.spinner("Looking through the sources …"):
        for item in state.assistant().stream(question, history=earlier(turns)):
            if isinstance(item, Answer):
                return item
            if isinstance(item, Reading):
                state.show(render.reading({"words": item.words, "question": item.question, "unread": item.unread}))
            elif isinstance(item, Claim):
                state.show(el("div", "cw-fresh", render.claim(claim_json(item), at)))
                at += len(item.citations)
    raise AssertionError("a stream ends with its answer")


def _keep(question: str, answer: Answer, current: str | None) -> None:
    catalogue = state.knowledge().catalogue
    if current is None:
        current = conversations.start(catalogue, question)
        st.session_state["chat"] = current
    conversations.append(catalogue, current, question, answer_json(answer))
    st.session_state["newest"] = next((made.asked for made in conversations.turns(catalogue, current, last=1)), None)
    st.rerun()


def earlier(turns: Sequence[Turn]) -> tuple[Earlier, ...]:
    """Return what a follow-up needs of the latest stored turns."""
    return tuple(_earlier(made.answer, made.question) for made in turns[-_REMEMBERED:])


def _earlier(answer: dict[str, Any], asked: str) -> Earlier:
    paths = [
        cited["headings"] for claim in answer["claims"] for cited in claim["citations"][:1] if cited.get("headings")
    ]
    looked_up = answer.get("reading", {}).get("question") or asked
    return Earlier(question=looked_up, headings=tuple(path[-1] for path in paths))


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
    """Show the opened citation in its document, at the right or, where that is too narrow, over the page's foot."""
    cited = st.session_state.get("place")
    if cited is None:
        return
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
