"""The pieces of a reading as chips: what each stands for, what else it could be, and the query without it."""

from __future__ import annotations

from assistant.dataset.draft import Draft
from assistant.dataset.steps import Query
from assistant.dataset.types import Chip


def chips_of(draft: Draft, query: Query) -> tuple[Chip, ...]:
    """A chip for each piece of the query."""
    return ()
