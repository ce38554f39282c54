"""What the pages share: the open knowledge base, what stands in the session, and the door to `assets/surface.js`."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from assistant.assistant import Assistant
from kb import conversations
from kb.errors import CitewiseError
from kb.knowledge import KnowledgeBase
from kb.settings import Settings, load
from ui.nodes import Node, html, plain
from ui.render import notice
from ui.workspace import find_home, open_assistant, open_knowledge_base

ASSETS = Path(__file__).parent / "assets"
log = logging.getLogger("citewise.ui")

_surface = st.components.v2.component(
    "citewise_surface", js=(ASSETS / "surface.js").read_text("utf-8"), isolate_styles=False
)


_palette = st.components.v2.component(
    "citewise_palette", js=(ASSETS / "palette.js").read_text("utf-8"), isolate_styles=False
)


def surface(node: Node, *, key: str) -> None:
    """Show a tree; what is clicked in it is done by its action of `ACTIONS`."""
    _surface(data=plain(node), key=key, on_event_change=lambda: _clicked(key))


def palette(items: Sequence[Mapping[str, Any]], *, key: str = "palette_box") -> None:
    """Have Ctrl+K offer items; what is chosen is done by its action of `ACTIONS`."""
    _palette(data={"items": list(items)}, key=key, on_event_change=lambda: _clicked(key))


def show(node: Node) -> None:
    """Show a tree in which nothing can be clicked."""
    st.html(html(node))


def styles() -> None:
    """Put the app's style sheets on the page."""
    for name in ("app.css", "table.css"):
        st.html(ASSETS / name)


def listen(actions: Mapping[str, Callable[[Mapping[str, Any]], None]]) -> None:
    """Have the clicks of a page's own events done by `actions`."""
    ACTIONS.update(actions)


def _clicked(key: str) -> None:
    event = getattr(st.session_state[key], "event", None)
    if isinstance(event, Mapping) and (action := ACTIONS.get(str(event.get("do")))) is not None:
        guarded(lambda: action(event))


# -- what a click does ---------------------------------------------------------------------------------------


def ask(question: str, *, link: str | None = None, saved: str | None = None) -> None:
    """Have a question answered by the chat page, or the reading that `link` holds run under it.

    It stays pending until its answer is stored, so that a page that is drawn anew meanwhile loses or repeats nothing.
    """
    st.session_state["pending"] = {"question": question.strip(), "link": link, "saved": saved}
    st.session_state["go"] = True


def _ask(event: Mapping[str, Any]) -> None:
    ask(str(event["question"]))


def _open(event: Mapping[str, Any]) -> None:
    close({})
    st.session_state["place"] = {
        name: event[name] for name in ("collection", "root", "source", "start", "end", "quote")
    }
    st.session_state["around"] = AROUND


def _more(_: Mapping[str, Any]) -> None:
    st.session_state["around"] = st.session_state.get("around", AROUND) * 4


def close(_: Mapping[str, Any]) -> None:
    """Close the citation that is open."""
    for name in ("place", "value", "decision"):
        st.session_state.pop(name, None)


def _new_chat(_: Mapping[str, Any]) -> None:
    go_to(None)


def _open_chat(event: Mapping[str, Any]) -> None:
    go_to(str(event["id"]))


def go_to(conversation: str | None) -> None:
    """Go to a conversation, or to a new one."""
    st.session_state["go"] = True
    st.session_state["chat"] = conversation
    st.session_state["earlier"] = 0
    st.session_state.pop("pending", None)
    close({})


def _go(event: Mapping[str, Any]) -> None:
    st.session_state["go"] = str(event["to"])


def _doubt(event: Mapping[str, Any]) -> None:
    st.session_state["doubted"] = event.get("id")


def _delete_chat(event: Mapping[str, Any]) -> None:
    conversations.remove(knowledge().catalogue, str(event["id"]))
    st.session_state["doubted"] = None
    if st.session_state.get("chat") == event["id"]:
        go_to(None)


def _earlier(_: Mapping[str, Any]) -> None:
    st.session_state["earlier"] = st.session_state.get("earlier", 0) + 1


def _page(event: Mapping[str, Any]) -> None:
    st.session_state["page"] = int(event["to"])


def _forget(event: Mapping[str, Any]) -> None:
    st.session_state["forget"] = {name: str(event[name]) for name in ("collection", "root", "source")}


def _update(event: Mapping[str, Any]) -> None:
    st.session_state["update"] = dict(event)


ACTIONS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "ask": _ask,
    "open": _open,
    "more": _more,
    "close": close,
    "new-chat": _new_chat,
    "open-chat": _open_chat,
    "go": _go,
    "doubt-chat": _doubt,
    "delete-chat": _delete_chat,
    "earlier": _earlier,
    "page": _page,
    "forget": _forget,
    "update": _update,
}
AROUND = 1200
"""Characters of a document shown on each side of a citation at first."""


# -- the knowledge base ----------------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """Return the settings, read once."""
    return load()


@st.cache_resource(show_spinner=False)
def _opened(home: Path) -> KnowledgeBase:
    return open_knowledge_base(home, settings(), warm=True)


def knowledge() -> KnowledgeBase:
    """Return the open knowledge base of this app. Raises CitewiseError."""
    return _opened(find_home(settings().home))


@st.cache_resource(show_spinner=False)
def _assistant(home: Path, _kb: KnowledgeBase) -> Assistant:
    return open_assistant(_kb, settings())


def assistant() -> Assistant:
    """Return the assistant over the knowledge base, always the same one: it remembers the profiles it made."""
    kb = knowledge()
    return _assistant(kb.home, kb)


# -- borders ---------------------------------------------------------------------------------------------------


def guarded(act: Callable[[], None]) -> None:
    """Run `act`; show what went wrong in words and keep the app alive. Streamlit's own signals pass."""
    try:
        act()
    except CitewiseError as error:
        show(notice(error.message, error.hint))
    except Exception:
        log.exception("the app could not do what was asked")
        show(notice("Something went wrong in Citewise itself.", "Try again; the terminal it runs in has the details."))


def is_local(address: str | None) -> bool:
    """Tell whether a server address can be reached from this machine only; no address means every network."""
    if address in ("localhost", None):
        return address == "localhost"
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
