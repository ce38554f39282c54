"""The extractive drafter: the whole sentences, list items or code blocks that answer, quoted exactly, ordered to read.

Needs no language model. What it returns still has to pass `verify`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.types import Evidence, Reading
from assistant.verify import Draft
from kb.text import query_terms, sentences, trimmed
from kb.types import Block, BlockKind, Document, Span

Embed = Callable[[Sequence[str]], np.ndarray]
Weigh = Callable[[Sequence[str]], Mapping[str, float]]

PASSAGES = 6
"""Passages that sentences are taken from."""
CANDIDATES = 48
"""Most sentences compared by meaning; what is longer is cut by word overlap first."""
_MAX_WORDS = 80
_MIN_WORDS = 4
_ITEM = re.compile(r"(?m)^(?=\s*(?:[-*•]|\d+[.)])\s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A quotable stretch of a passage: a sentence, a list item, a table row or a code block."""

    marker: str
    rank: int
    span: Span
    text: str
    kind: BlockKind
    heading: str
    passage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A unit with how well it matches the question, and its vector."""

    unit: Unit
    score: float
    vector: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractiveDrafter:
    """Picks units by meaning, by the question's rare words and by the passage they stand in."""

    embed: Embed
    weigh: Weigh
    meaning: float = 0.6
    overlap: float = 0.25
    passage: float = 0.35
    repeat: float = 0.92

    def score(
        self, reading: Reading, evidence: Sequence[Evidence], documents: Mapping[str, Document | None]
    ) -> list[Scored]:
        """Return the units of the best passages with their scores, best first."""
        pool = [unit for unit in units(evidence[:PASSAGES], documents) if unit.kind is not BlockKind.CODE]
        if not pool:
            return []
        weights = self.weigh(query_terms(reading.question))
        shared = [_overlap(unit, weights) for unit in pool]
        order = sorted(range(len(pool)), key=lambda i: (-shared[i] - pool[i].passage, i))[:CANDIDATES]
        vectors = self.embed([reading.question, *(f"{pool[i].heading}: {pool[i].text}" for i in order)])
        scored = [
            Scored(unit=pool[i], score=self._total(float(v @ vectors[0]), shared[i], pool[i].passage), vector=v)
            for i, v in zip(order, vectors[1:], strict=True)
        ]
        return sorted(scored, key=lambda item: (-item.score, item.unit.rank, item.unit.span))

    def _total(self, meaning: float, shared: float, passage: float) -> float:
        return self.meaning * meaning + self.overlap * shared + self.passage * passage

    def draft(
        self,
        reading: Reading,
        scored: Sequence[Scored],
        evidence: Sequence[Evidence],
        documents: Mapping[str, Document | None],
        *,
        limit: int,
    ) -> list[Draft]:
        """Return up to `limit` drafts: the best unit of each of the best passages, then the next best; then code."""
        chosen = self._choose(scored, limit)
        drafts = [_draft(item.unit) for item in sorted(chosen, key=lambda item: (item.unit.rank, item.unit.span))]
        if reading.query.get("wants_code") and drafts:
            code = _code_near(chosen, units(evidence[:PASSAGES], documents))
            if code is not None:
                at = max((i for i, d in enumerate(drafts) if d.marker == code.marker), default=len(drafts) - 1)
                drafts.insert(at + 1, _draft(code))
        return drafts[: limit + 1] if len(drafts) <= limit else _without_last_text(drafts, limit)

    def _choose(self, scored: Sequence[Scored], limit: int) -> list[Scored]:
        chosen: list[Scored] = []
        for spread in (True, False):
            for item in scored:
                if len(chosen) >= limit:
                    return chosen
                taken = {other.unit.marker for other in chosen}
                if item in chosen or (spread and item.unit.marker in taken) or self._repeats(item, chosen):
                    continue
                chosen.append(item)
        return chosen

    def _repeats(self, item: Scored, chosen: Sequence[Scored]) -> bool:
        return any(float(item.vector @ other.vector) >= self.repeat for other in chosen)


def _without_last_text(drafts: list[Draft], limit: int) -> list[Draft]:
    while len(drafts) > limit:
        last = max(i for i, d in enumerate(drafts) if d.form == "text")
        del drafts[last]
    return drafts


def _draft(unit: Unit) -> Draft:
    form = "code" if unit.kind is BlockKind.CODE else "text"
    return Draft(text=unit.text, marker=unit.marker, span=unit.span, form=form)


def _code_near(chosen: Sequence[Scored], pool: Sequence[Unit]) -> Unit | None:
    """Return the code block that stands nearest after the best sentence of the best passage that has one."""
    blocks = [unit for unit in pool if unit.kind is BlockKind.CODE]
    for item in chosen:
        same = [code for code in blocks if code.marker == item.unit.marker]
        if same:
            after = [code for code in same if code.span.start >= item.unit.span.end]
            return after[0] if after else same[-1]
    return None


def units(evidence: Sequence[Evidence], documents: Mapping[str, Document | None]) -> list[Unit]:
    """Return the quotable units of each passage in reading order; each stands wholly inside its passage."""
    top = max((item.hit.score for item in evidence), default=1.0) or 1.0
    found: list[Unit] = []
    for rank, item in enumerate(evidence):
        document = documents.get(item.marker)
        if document is None:
            continue
        for block in document.blocks:
            if block.span.overlaps(item.hit.span) and block.kind is not BlockKind.HEADING:
                found += _units_of(block, document, item, rank, item.hit.score / top)
    return found


def _units_of(block: Block, document: Document, item: Evidence, rank: int, passage: float) -> Iterator[Unit]:
    heading = block.headings[-1] if block.headings else document.title
    for span in _cut(block, document.text):
        text = span.of(document.text)
        size = len(text.split())
        if not item.hit.span.covers(span) or size > _MAX_WORDS * 2 or (size < _MIN_WORDS and block.kind != "code"):
            continue
        yield Unit(
            marker=item.marker, rank=rank, span=span, text=text, kind=block.kind, heading=heading, passage=passage
        )


def _cut(block: Block, text: str) -> Iterator[Span]:
    """Yield the spans of a block's sentences, items or rows; code stays whole."""
    body = block.span.of(text)
    if block.kind is BlockKind.CODE:
        yield block.span
    elif block.kind is BlockKind.PARAGRAPH:
        yield from (span.shift(block.span.start) for span in sentences(body))
    elif block.kind is BlockKind.TABLE:
        yield from (span.shift(block.span.start) for span in _lines(body))
    else:
        yield from (span.shift(block.span.start) for span in _items(body))


def _lines(body: str) -> Iterator[Span]:
    start = 0
    for line in body.splitlines(keepends=True):
        if (kept := trimmed(Span(start=start, end=start + len(line)), body)) is not None:
            yield kept
        start += len(line)


def _items(body: str) -> Iterator[Span]:
    """Yield each list item; a long one by its sentences."""
    starts = [match.start() for match in _ITEM.finditer(body)] or [0]
    for start, end in zip(starts, [*starts[1:], len(body)], strict=True):
        kept = trimmed(Span(start=start, end=end), body)
        if kept is None:
            continue
        if len(kept.of(body).split()) <= _MAX_WORDS:
            yield kept
        else:
            yield from (span.shift(kept.start) for span in sentences(kept.of(body)))


def _overlap(unit: Unit, weights: Mapping[str, float]) -> float:
    """Return the share of the question's term weight that the unit and its heading hold."""
    total = sum(weights.values())
    if not total:
        return 0.0
    held = set(query_terms(f"{unit.heading} {unit.text}"))
    return sum(weight for term, weight in weights.items() if _has(term, held)) / total


def _has(term: str, held: set[str]) -> bool:
    return term in held or (len(term) > 4 and any(_kin(term, other) for other in held))


def _kin(a: str, b: str) -> bool:
    """Tell whether two words differ in their ending only."""
    short = min(len(a), len(b))
    return short >= 5 and a[: max(5, short - 2)] == b[: max(5, short - 2)] and abs(len(a) - len(b)) <= 4
