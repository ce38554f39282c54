"""Trees around choosing a table: those that are known, and a chat about one in which nothing was asked yet."""

from __future__ import annotations

from collections.abc import Sequence

from kb.datasets import Dataset
from ui.dataset_panel import About
from ui.nodes import Node, button, el
from ui.render import counted, suggestions

_MOST = 30


def known(found: Sequence[Dataset], current: str | None) -> Node:
    """Return the tables that are known as buttons that open them."""
    rows = [_known(one, is_open=one.id == current) for one in found[:_MOST]]
    return el("div", "cw-known-tables", el("p", "cw-label", "Or one that is known"), el("div", "cw-known", *rows))


def _known(one: Dataset, *, is_open: bool) -> Node:
    size = f"{one.rows:,} × {one.columns:,}" if one.rows is not None and one.columns is not None else ""
    note = "open now" if is_open else size if one.is_there else "its file is gone"
    event = {"do": "open-dataset", "id": one.id}
    return button(
        "cw-known-one", event, el("span", "cw-name", one.name), el("span", "cw-note", note), label=str(one.path)
    )


def welcome(about: About, questions: Sequence[str]) -> Node:
    """Return the page of a chat about a table, with questions that work on it."""
    size = f"{counted(about.rows, 'row')} and {counted(about.columns, 'column')} are ready."
    lede = "Ask in plain words. Every number is computed from the table and shows the expression that gives it."
    return el(
        "section",
        "cw-welcome",
        el("h1", "cw-name", f"Ask about {about.name}"),
        el("p", "cw-lede", lede),
        suggestions("Try one of these", questions) if questions else None,
        el("p", "cw-note", f"{size} What it was understood to mean stands under every answer, and can be changed."),
    )
