"""The extractive drafter: the whole sentences, list items or code blocks that answer, quoted exactly, ordered to read.

Needs no language model. What it returns still has to pass `verify`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assistant.types import Evidence, Reading
from assistant.verify import Draft
from kb.text import kin, query_terms, sentences, trimmed
from kb.types import Block, BlockKind, Document, Span

Embed = Callable[[Sequence[str]], np.ndarray]
Weigh = Callable[[Sequence[str]], Mapping[str, float]]

PASSAGES = 8
"""Passages that sentences are taken from."""
CANDIDATES = 32
"""Most sentences compared by meaning; what is longer is cut by word overlap first."""
KEEP = 0.8
"""A claim is shown from this share of the best one's score on, and a neighbour sentence joins from there on."""
_MAX_WORDS = 80
_MIN_WORDS = 4
_CLAIM_WORDS = 60
"""A claim grows by its neighbour sentence up to so many words."""
_LEANS = re.compile(
    r"^(?:This|That|These|Those|It|They|Such|Both|Either|Neither|However|Therefore|Thus|Hence|Otherwise|Instead|Then|So|"
    r"Also|Moreover|Furthermore|Additionally|Similarly|Likewise|Consequently|Nevertheless|Conversely|But|And|Or|"
    r"In this|In that|In such|In both|In addition|In contrast|As a result|For this|For these|Here,)\b"
)
"""Openings that lean on the sentence before."""
_POINTS = re.compile(
    r"^(?:[-*•] )?(?:See|Refer|Please (?:see|refer|read|note)|For (?:more|further|details|additional)|Here (?:is|are)|"
    r"(?:The|An?) (?:figures?|plots?|images?|example|examples|code|snippet)\b.*\b(?:below|above|shows?|illustrates?)\b|"
    r"An? (?:example|illustration) )",
)
"""Sentences that only point elsewhere."""
_REFERENCES = frozenset({"references", "bibliography", "see also", "further reading", "external links"})
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
    block: int = 0

    @property
    def standing(self) -> float:
        """What its form takes off its score: lead-ins, pointers, references and formulas answer little alone."""
        letters = sum(len(word) for word in re.findall(r"[^\W\d_]{2,}", self.text))
        return (
            (0.15 if self.text.rstrip().endswith(":") else 0.0)
            + (0.3 if _POINTS.match(self.text) else 0.0)
            + (0.3 if self.heading.lower().strip(" :") in _REFERENCES else 0.0)
            + (0.3 if letters < 0.5 * len(self.text.replace(" ", "")) else 0.0)
        )


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
    floor: float = 0.6

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
            Scored(unit=pool[i], score=self._total(float(v @ vectors[0]), shared[i], pool[i]), vector=v)
            for i, v in zip(order, vectors[1:], strict=True)
        ]
        return sorted(scored, key=lambda item: (-item.score, item.unit.rank, item.unit.span))

    def _total(self, meaning: float, shared: float, unit: Unit) -> float:
        return self.meaning * meaning + self.overlap * shared + self.passage * unit.passage - unit.standing

    def draft(
        self,
        reading: Reading,
        scored: Sequence[Scored],
        evidence: Sequence[Evidence],
        documents: Mapping[str, Document | None],
        *,
        limit: int,
    ) -> list[Draft]:
        """Return up to `limit` drafts, the passage of the best unit first, each passage in reading order.

        The best unit of each passage comes before a second one of any; a sentence that leans on the one before brings
        that along; code stands after the sentence nearest to it, where the question asks how.
        """
        chosen = self._choose(scored, limit)
        pool = units(evidence[:PASSAGES], documents)
        lead = {item.unit.marker: place for place, item in reversed(list(enumerate(chosen)))}
        ordered = sorted(chosen, key=lambda item: (lead[item.unit.marker], item.unit.span))
        scores = {item.unit.span: item.score for item in scored}
        drafts = _without_overlap([_draft(_grown(item, pool, scores)) for item in ordered])
        if reading.query.get("wants_code") and drafts and (code := _code_near(chosen, pool)) is not None:
            at = max((i for i, d in enumerate(drafts) if d.marker == code.marker), default=len(drafts) - 1)
            drafts.insert(at + 1, _draft(code))
            return _without_last_text(drafts, limit)
        return drafts

    def _choose(self, scored: Sequence[Scored], limit: int) -> list[Scored]:
        chosen: list[Scored] = []
        worth = [item for item in scored if item.score >= self.floor * scored[0].score]
        for spread in (True, False):
            for item in worth:
                if len(chosen) >= limit:
                    return chosen
                taken = {other.unit.marker for other in chosen}
                if item in chosen or (spread and item.unit.marker in taken) or self._repeats(item, chosen):
                    continue
                chosen.append(item)
        return chosen

    def _repeats(self, item: Scored, chosen: Sequence[Scored]) -> bool:
        return any(float(item.vector @ other.vector) >= self.repeat for other in chosen)


def _grown(item: Scored, pool: Sequence[Unit], scores: Mapping[Span, float]) -> Unit:
    """Return the unit with the sentence before it where it leans on that, or the one after where that fits as well."""
    unit = item.unit
    same = [u for u in pool if u.marker == unit.marker and u.block == unit.block and u.kind is BlockKind.PARAGRAPH]
    at = next((i for i, u in enumerate(same) if u.span == unit.span), None)
    if at is None:
        return unit
    if at > 0 and _LEANS.match(unit.text):
        return _joined(same[at - 1], unit)
    if at + 1 < len(same) and scores.get(same[at + 1].span, 0.0) >= KEEP * item.score:
        return _joined(unit, same[at + 1])
    return unit


def _joined(first: Unit, second: Unit) -> Unit:
    """Return both units as one with the text between them, or the second alone where that is too long."""
    if len(first.text.split()) + len(second.text.split()) > _CLAIM_WORDS:
        return second if _LEANS.match(second.text) else first
    span = Span(start=first.span.start, end=second.span.end)
    gap = second.span.start - first.span.end
    return replace(first, span=span, text=f"{first.text}{' ' * gap}{second.text}")


def _without_overlap(drafts: Sequence[Draft]) -> list[Draft]:
    kept: list[Draft] = []
    for draft in drafts:
        if not any(draft.marker == other.marker and draft.span.overlaps(other.span) for other in kept):
            kept.append(draft)
    return kept


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
        for number, block in enumerate(document.blocks):
            if block.span.overlaps(item.hit.span) and block.kind is not BlockKind.HEADING:
                share = item.hit.score / top
                found += (replace(unit, block=number) for unit in _units_of(block, document, item, rank, share))
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
    return term in held or any(kin(term, other) for other in held)
