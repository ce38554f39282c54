"""Values of an answer: what a question was taken to mean, what was gathered, and what is said with which citations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from assistant.dataset.steps import Query
from assistant.dataset.types import Computation, TableReading
from assistant.runs.types import RunReading
from kb.history import RunQuery
from kb.run_result import RunResult
from kb.types import Claim, Hit

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a question was taken to mean: in `words`, as a `query` value, and which of its words were not understood.

    `question` is what was looked up: the question itself, or a follow-up completed from the turns before it. `table`
    is how a question over a dataset was read, `runs` how one over runs was.
    """

    route: str
    question: str
    words: str
    query: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    unread: tuple[str, ...] = ()
    table: TableReading | None = None
    runs: RunReading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """Which dataset an answer is about."""

    name: str
    fingerprint: str
    path: str
    rows: int
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A passage gathered for a question under a marker that is random per request, so that no text can forge it."""

    marker: str
    hit: Hit


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is shown: checked claims, or an abstention that says what is missing and what was nearest.

    `confidence` is the calibrated probability that the claims answer the question; it says nothing about whether they
    are true to their sources, which the verdicts do. An answer over a dataset holds its `computation`, one over runs
    what was `found`; `left_out` says which rows, runs and values played no part.
    """

    question: str
    reading: Reading
    abstained: bool
    confidence: float
    claims: tuple[Claim, ...] = ()
    missing: tuple[str, ...] = ()
    nearest: tuple[Hit, ...] = ()
    suggestions: tuple[str, ...] = ()
    evidence: tuple[Hit, ...] = ()
    notes: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    dataset: DatasetInfo | None = None
    computation: Computation | None = None
    left_out: tuple[str, ...] = ()
    found: RunResult | None = None

    @property
    def text(self) -> str:
        """The claims as one text, or what the abstention says."""
        if self.abstained:
            return " ".join(self.missing)
        return "\n\n".join(claim.text for claim in self.claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An earlier exchange of a conversation: the question as it was looked up, and the headings that answered it.

    `query` is how a question over a dataset was read, `run_query` how one over runs was, for follow-ups.
    """

    question: str
    headings: tuple[str, ...] = ()
    query: Query | None = None
    run_query: RunQuery | None = None
