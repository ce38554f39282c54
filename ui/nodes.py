"""What a page shows of documents, as a tree of values that no text can break out of.

A tree becomes either escaped HTML (`html`) or JSON that `assets/surface.js` builds with `createElement` and text nodes
(`plain`). Neither reads Markdown, HTML, LaTeX or icons in a text, and no tag here can load or link to anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

_TAGS = """
article aside blockquote button code dd details div dl dt em footer h1 h2 h3 header li mark nav ol p pre section
small span strong summary table tbody td th thead tr ul
"""
TAGS = frozenset(_TAGS.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An element: a tag of `TAGS`, class names, children, and for a button the event that a click sends.

    `label` is read out and shown on hover; `focus` asks the page to bring this element into view; `share`, 0…1, is
    how much of a bar is filled, for the style sheet. The page itself does the events `copy` (of a `text`, or of the
    `address` of this page with another query) and `fold` (opens or closes what it stands in), asking nobody.
    """

    tag: str
    css: str = ""
    children: tuple[Node | str, ...] = ()
    event: Mapping[str, Any] | None = None
    label: str = ""
    focus: bool = False
    share: float | None = None

    def __post_init__(self) -> None:
        if self.tag not in TAGS:
            raise ValueError(f"expected one of {sorted(TAGS)}, got {self.tag!r}")


Child = Node | str


def el(tag: str, css: str = "", *children: Child | None, label: str = "", focus: bool = False) -> Node:
    """Return an element; children that are None are left out."""
    kept = tuple(child for child in children if child is not None)
    return Node(tag=tag, css=css, children=kept, label=label, focus=focus)


def button(css: str, event: Mapping[str, Any], *children: Child | None, label: str = "") -> Node:
    """Return a button that sends `event` when it is clicked."""
    kept = tuple(child for child in children if child is not None)
    return Node(tag="button", css=css, children=kept, event=dict(event), label=label)


def bar(css: str, share: float, *, label: str = "") -> Node:
    """Return a bar that is filled by `share`, kept within 0…1."""
    return Node(tag="span", css=css, label=label, share=round(min(1.0, max(0.0, share)), 4))


def html(node: Child) -> str:
    """Return the tree as HTML in which every text is escaped; its buttons do nothing."""
    if isinstance(node, str):
        return escape(node)
    inner = "".join(html(child) for child in node.children)
    label = f' title="{escape(node.label)}"' if node.label else ""
    off = ' type="button" disabled' if node.tag == "button" else ""
    share = f' style="--cw-share: {node.share}"' if node.share is not None else ""
    return f'<{node.tag} class="{escape(node.css)}"{label}{share}{off}>{inner}</{node.tag}>'


def plain(node: Child) -> Any:
    """Return the tree as JSON values for `assets/surface.js`."""
    if isinstance(node, str):
        return node
    made: dict[str, Any] = {"tag": node.tag, "css": node.css, "children": [plain(child) for child in node.children]}
    if node.event is not None:
        made["event"] = dict(node.event)
    if node.label:
        made["label"] = node.label
    if node.focus:
        made["focus"] = True
    if node.share is not None:
        made["share"] = node.share
    return made


def text_of(node: Child) -> str:
    """Return the text of a tree as a reader sees it, its pieces joined by spaces."""
    return node if isinstance(node, str) else " ".join(filter(None, (text_of(child) for child in node.children)))
