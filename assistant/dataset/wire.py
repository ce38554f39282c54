"""The JSON and the link of a query, and what keeps it from running on a table."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any

from assistant.dataset import steps
from assistant.dataset.checked import problems
from assistant.dataset.steps import Query
from kb.wire import DEPTH, JSON_BYTES, LINK_BYTES, MOST_ITEMS, MOST_TEXT, Wire

__all__ = [
    "DEPTH", "JSON_BYTES", "LINK_BYTES", "MOST_ITEMS", "MOST_TEXT", "check", "link", "query_from_link", "query_json",
    "query_of",
]  # fmt: skip

_WIRE = Wire(Query, "the query", vars(steps), (*typing.get_args(steps.Condition), *typing.get_args(steps.Expr)))


def query_json(query: Query) -> dict[str, Any]:
    """Return a query as plain JSON values; `is` names what each step and expression is."""
    return _WIRE.json(query)


def query_of(data: Any) -> Query:
    """Return the query that JSON values stand for; BadInput names what is unknown, missing or too large."""
    return _WIRE.of(data)


def link(query: Query) -> str:
    """Return a query as a compact text that can stand in a URL."""
    return _WIRE.link(query)


def query_from_link(text: str) -> Query:
    """Return the query of a link; BadInput where it was cut off, changed, or is too long."""
    return _WIRE.from_link(text)


def check(query: Query, columns: Iterable[str]) -> tuple[str, ...]:
    """Return what keeps a query from running on a table with these columns, in words; nothing where it can."""
    return tuple(problems(query, tuple(columns)))
