"""A question about runs as JSON and as a link, strict on the way back."""

from __future__ import annotations

from typing import Any

from kb import history
from kb.history import RunQuery
from kb.wire import Wire

_WIRE = Wire(RunQuery, "the query", vars(history))


def query_json(query: RunQuery) -> dict[str, Any]:
    """Return a query as plain JSON values; `is` names what each part is, and defaults are left out."""
    return _WIRE.json(query)


def query_of(data: Any) -> RunQuery:
    """Return the query that JSON values stand for; BadInput names what is unknown, missing or too large."""
    return _WIRE.of(data)


def link(query: RunQuery) -> str:
    """Return a query as a compact text that can stand in a URL."""
    return _WIRE.link(query)


def query_from_link(text: str) -> RunQuery:
    """Return the query of a link; BadInput where it was cut off, changed, or is too long."""
    return _WIRE.from_link(text)
