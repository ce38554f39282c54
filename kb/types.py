"""Values of the knowledge base: documents and their spans, chunks, hits, citations, claims.

Offsets are code points of a document's normalised text, half-open. Scores live on `Hit`; higher is better.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A half-open range of code points, `start <= end`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got {self.start} and {self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """Return the part of `text` that this span covers."""
        return text[self.start : self.end]

    def overlaps(self, other: Span) -> bool:
        """Tell whether at least one code point is shared."""
        return self.start < other.end and other.start < self.end

    def covers(self, other: Span) -> bool:
        """Tell whether `other` lies inside this span."""
        return self.start <= other.start and other.end <= self.end

    def shift(self, by: int) -> Span:
        """Return the same range moved by `by` code points."""
        return Span(start=self.start + by, end=self.end + by)


class BlockKind(StrEnum):
    """What a block of a document is; splitting keeps code, lists and tables whole where they fit."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    CODE = "code"
    LIST = "list"
    TABLE = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One structural unit of a document's text.

    `headings` is the path in force at the block, outermost first; a heading's own path includes itself.
    `level` is a heading's depth from 1 and 0 for everything else.
    """

    kind: BlockKind
    span: Span
    headings: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """From `offset` on, the text stands at `value` (`unit`: page, cell, line or key) of the original file."""

    offset: int
    unit: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A source's text in normalised form, with its structure and a map back to the original.

    `text` is what is quoted, cited and shown. `blocks` are ordered and disjoint, and every character of `text`
    outside them is white space. `anchors` are ordered by offset.
    """

    kind: str
    title: str
    text: str
    blocks: tuple[Block, ...]
    anchors: tuple[Anchor, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    def locate(self, offset: int, unit: str) -> str | None:
        """Return the last anchor's value of `unit` at or before `offset`, or None."""
        found = None
        for anchor in self.anchors:
            if anchor.offset > offset:
                break
            if anchor.unit == unit:
                found = anchor.value
        return found


class SourceState(StrEnum):
    """How far a source has come: planned, found by words, found by meaning too, or given up with a reason."""

    PENDING = "pending"
    LEXICAL = "lexical"
    SEARCHABLE = "searchable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKey:
    """Where a source lives: `source` is the POSIX path relative to `root`, a qualified name, or a tracker's URI."""

    collection: str
    root: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A source's row as the faces show it; `reason` says why a failed source failed and what to do."""

    key: SourceKey
    kind: str
    state: SourceState
    reason: str | None
    hash: str
    version: str | None = None
    title: str = ""
    documents: int = 0
    chunks: int = 0
    runs: int = 0
    metadata: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    updated: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """An indexed unit: `text` is exactly the document's text at `span`.

    `headings` holds each heading path that the span touches, outermost heading first. `id` is the hash of source,
    span and text. `code` is the share of its characters that stand in code blocks.
    """

    id: str
    span: Span
    text: str
    headings: tuple[tuple[str, ...], ...] = ()
    page: int | None = None
    cell: int | None = None
    code: float = 0.0

    @staticmethod
    def make_id(key: SourceKey, span: Span, text: str) -> str:
        """Return the id of a chunk at `span` of the source at `key`: 32 hexadecimal digits."""
        place = "\x1f".join((key.collection, key.root, key.source, str(span.start), str(span.end), text))
        return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage found: one chunk, or neighbouring chunks merged, with where it stands and how well it matches."""

    chunk_id: str
    key: SourceKey
    kind: str
    title: str
    headings: tuple[tuple[str, ...], ...]
    span: Span
    text: str
    score: float
    page: int | None = None
    cell: int | None = None
    version: str | None = None
    parts: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


class Verdict(StrEnum):
    """How a claim is known; the first two are certain by construction."""

    QUOTED = "quoted"
    COMPUTED = "computed"
    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A place in a stored document: `quote` is exactly the document's text at `span`."""

    key: SourceKey
    headings: tuple[str, ...]
    span: Span
    quote: str
    page: int | None = None
    kind: str = "passage"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCitation:
    """A computed value: `expression` is pandas code over the frame `df` of the dataset at `fingerprint`."""

    dataset: str
    fingerprint: str
    expression: str
    value: Any
    kind: str = "dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCitation:
    """A stored value of a run: `field` is `metrics.NAME`, `params.NAME`, `tags.NAME`, or a run's own field (`state`).

    `source` is where in the ingested `root` the run stands, or its tracker's URI; `copy` tells runs of one id apart.
    `step` and `split` are those of a metric's value. A parameter that is not set is cited with the value None.
    """

    source: str
    tracker: str
    experiment: str | None
    run_id: str
    field: str
    value: Any
    step: int | None = None
    split: str | None = None
    root: str = ""
    copy: int = 0
    kind: str = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCitation:
    """Words of a recorded decision: `source` is the note that records it, or `ledger`; `status` is as of the answer."""

    decision_id: str
    status: str
    source: str
    quote: str
    collection: str = ""
    root: str = ""
    kind: str = "decision"


AnyCitation = Citation | DatasetCitation | RunCitation | DecisionCitation


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence shown to a person, the citations under it, and how it is known.

    `form` says how to show it: `text` as prose, `code` as a code block.
    """

    text: str
    verdict: Verdict
    citations: tuple[AnyCitation, ...]
    probability: float = 1.0
    form: str = "text"

    @property
    def passages(self) -> tuple[Citation, ...]:
        """The citations that stand in documents."""
        return tuple(citation for citation in self.citations if isinstance(citation, Citation))
