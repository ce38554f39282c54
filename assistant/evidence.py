"""Gather what could answer a question: passages, each under a marker that is random per request."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from assistant.types import Evidence
from kb.types import Hit


def gather(hits: Sequence[Hit]) -> tuple[Evidence, ...]:
    """Return `hits` as evidence in their order; a document cannot forge a marker, since it is drawn now."""
    run = secrets.token_hex(4)
    return tuple(Evidence(marker=f"e{run}.{number}", hit=hit) for number, hit in enumerate(hits, 1))
