"""Decisions that a note records: ADR sections, *Decision:* labels, or a header with a status; all spans exact.

A pure function over a document. What the references mean is left to `kb.ledger`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from kb.decision_words import dated, label_of, listed, references, stage_of, status_of
from kb.decisions import CURRENT, SUPERSEDED, Decision
from kb.text import normalise_spaces, sentences, trimmed
from kb.types import Block, BlockKind, Citation, Claim, Document, SourceKey, Span, Verdict

MAX_REASONS = 12
_LABEL = re.compile(r"(?:^|(?<=\s))(?:[-*•] )?([A-Z][A-Za-z]+(?: [A-Za-z]+){0,2})\s?:[ \t]*(?=\S|$)", re.MULTILINE)
_CAUSAL = re.compile(
    r"\b(?:because|since|due to|owing to|so that|in order to|as a result of|given that|reason|therefore|thus|hence|"
    r"caused by|thanks to|otherwise)\b",
    re.IGNORECASE,
)
_PACKAGES = ("package", "api")
_CONTEXT_NEEDED = frozenset(
    {"status", "context", "consequences", "alternatives", "reasons", "date", "by", "supersedes"}
)


@dataclass(slots=True)
class _Unit:
    """One decision's parts: spans of text by label, in the order of the document."""

    title: str
    parts: dict[str, list[Span]] = field(default_factory=dict)

    def add(self, label: str, span: Span) -> None:
        self.parts.setdefault(label, []).append(span)

    def text(self, label: str, document: Document) -> str:
        return " ".join(span.of(document.text) for span in self.parts.get(label, ()))

    @property
    def span(self) -> Span:
        spans = [span for found in self.parts.values() for span in found]
        return Span(start=min(span.start for span in spans), end=max(span.end for span in spans))


def decisions_of(document: Document, key: SourceKey) -> tuple[Decision, ...]:
    """Return the decisions that a document records, in its order."""
    if document.kind in _PACKAGES:
        return ()
    units = [*_sections(document), *_labelled(document)]
    units.sort(key=lambda unit: unit.span.start)
    if not units and (unit := _whole(document)) is not None:
        units = [unit]
    found: dict[str, Decision] = {}
    for unit in units:
        decision = _decision(unit, document, key, alone=len(units) == 1)
        if decision is not None:
            n = sum(one.title == decision.title for one in found.values())
            id = _id(key, decision.title, n)
            found[id] = replace(decision, id=id)
    return tuple(found.values())


def _id(key: SourceKey, title: str, n: int) -> str:
    """Return an id that stays when the note's text is edited: of the source, the title, and the place among equals."""
    parts = (key.collection, key.root, key.source, title, str(n))
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


# -- three forms ---------------------------------------------------------------------------------------------------


def _sections(document: Document) -> Iterator[_Unit]:
    """Yield ADRs: a heading *Decision* with others of an ADR beside it."""
    groups: dict[tuple[str, ...], dict[str, list[Span]]] = {}
    for block in document.blocks:
        for depth in range(len(block.headings), 0, -1):
            label = label_of(block.headings[depth - 1], heading=True)
            if label is None:
                continue
            parts = groups.setdefault(block.headings[: depth - 1], {})
            if block.kind is not BlockKind.HEADING:
                parts.setdefault(label, []).append(block.span)
            break
    for path, parts in groups.items():
        if "decision" in parts and (parts.keys() & _CONTEXT_NEEDED or len(path) > 0):
            unit = _Unit(title=path[-1] if path else document.title, parts=parts)
            _add_preamble(unit, document, path)
            yield unit


def _add_preamble(unit: _Unit, document: Document, path: tuple[str, ...]) -> None:
    """Add the labels that stand under an ADR's own title, before its sections."""
    for block in document.blocks:
        if block.headings == path and block.kind is not BlockKind.HEADING:
            for label, span in _labels(block, document):
                unit.add(label, span)


def _labelled(document: Document) -> Iterator[_Unit]:
    """Yield the decisions given by labels; what stands before the first of a section belongs to each of them."""
    sections: dict[tuple[str, ...], list[tuple[str, Span]]] = {}
    for block in document.blocks:
        if block.kind in (BlockKind.PARAGRAPH, BlockKind.LIST) and not _in_adr(block):
            sections.setdefault(block.headings, []).extend(_labels(block, document))
    for path, labels in sections.items():
        shared: list[tuple[str, Span]] = []
        unit: _Unit | None = None
        several = sum(label == "decision" for label, _ in labels) > 1
        for label, span in labels:
            if label == "decision":
                if unit is not None:
                    yield unit
                # Shared labels of a section with several decisions are not part of each one's own text.
                unit = _Unit(title=path[-1] if path else document.title)
                if not several:
                    for earlier, place in shared:
                        unit.add(earlier, place)
            if unit is None:
                shared.append((label, span))
            else:
                unit.add(label, span)
        if unit is not None:
            yield unit


def _in_adr(block: Block) -> bool:
    return any(label_of(heading, heading=True) == "decision" for heading in block.headings)


def _labels(block: Block, document: Document) -> Iterator[tuple[str, Span]]:
    """Yield the labelled parts of a block, each up to the next known label."""
    text = block.span.of(document.text)
    found = [(match, label) for match in _LABEL.finditer(text) if (label := label_of(match[1])) is not None]
    for at, (match, label) in enumerate(found):
        if at == 0 and block.kind is BlockKind.PARAGRAPH and match.start() > 0 and label != "decision":
            continue  # a word with a colon inside running text
        end = found[at + 1][0].start() if at + 1 < len(found) else len(text)
        span = trimmed(Span(start=match.end(), end=end).shift(block.span.start), document.text)
        if span is not None:
            yield label, span


def _whole(document: Document) -> _Unit | None:
    """Return a note as one decision where its header gives a decision, or a status or predecessor as decisions have."""
    meta = document.metadata
    told = "decision" in meta or "supersedes" in meta or status_of(meta.get("status", "")) is not None
    body = [block for block in document.blocks if block.kind is not BlockKind.HEADING]
    if not told or not body:
        return None
    unit = _Unit(title=document.title)
    for block in body:
        if block.kind in (BlockKind.PARAGRAPH, BlockKind.LIST):
            unit.add(_innermost(block) or "body", block.span)
    return unit if unit.parts else None


def _innermost(block: Block) -> str | None:
    return next((label for h in reversed(block.headings) if (label := label_of(h, heading=True)) is not None), None)


# -- a unit to a decision ------------------------------------------------------------------------------------------


def _decision(unit: _Unit, document: Document, key: SourceKey, *, alone: bool) -> Decision | None:
    meta: Mapping[str, str] = document.metadata if alone else {}
    choice = _choice(unit, document, meta)
    if not choice:
        return None
    said = {name: unit.text(name, document) or meta.get(name, "") for name in _FIELDS}
    status, by = _status(said["status"] or meta.get("status", "")), references(said["status"], after="by")
    newer = (*by, *listed(said["superseded by"] or meta.get("superseded_by", "")))
    older = (*references(said["status"], after="supersedes"), *listed(said["supersedes"]))
    text = f"{choice} {unit.title} {unit.text('decision', document)}"
    return Decision(
        stage=stage_of(said["stage"], text),
        title=unit.title,
        choice=choice,
        status=SUPERSEDED if newer else status,
        alternatives=tuple(listed(said["alternatives"])),
        reasons=tuple(_reasons(unit, document, key)),
        runs=tuple(listed(said["runs"])),
        columns=tuple(listed(said["columns"])),
        by=normalise_spaces(said["by"] or meta.get("author", "")) or None,
        made=_made(said["date"] or document.metadata.get("date", ""), unit.title),
        dataset=normalise_spaces(said["dataset"]) or document.metadata.get("dataset") or None,
        supersedes=older,
        superseded_by=newer,
        key=key,
        span=unit.span,
    )


_FIELDS = (
    "status", "superseded by", "supersedes", "stage", "alternatives", "runs", "columns", "by", "date", "dataset",
)  # fmt: skip


def _choice(unit: _Unit, document: Document, meta: Mapping[str, str]) -> str:
    for span in unit.parts.get("decision", ()):
        for sentence in _sentences(span, document):
            return normalise_spaces(sentence.of(document.text))
    return normalise_spaces(meta.get("decision", "")) or unit.title


def _status(said: str) -> str:
    return status_of(said) or CURRENT


def _made(date: str, title: str) -> float:
    found = dated(date) or dated(title)
    return datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp() if found else 0.0


def _reasons(unit: _Unit, document: Document, key: SourceKey) -> Iterator[Claim]:
    """Yield the reasons, most telling first: those called so, causal sentences, then the context; each quoted."""
    told = [*_of(unit, document, "reasons")]
    told += [span for span in _of(unit, document, "decision", "body") if _CAUSAL.search(span.of(document.text))]
    told += _of(unit, document, "context")
    if not told:
        told += list(_of(unit, document, "consequences", "body"))
    for span in list(dict.fromkeys(told))[:MAX_REASONS]:
        yield Claim(text=span.of(document.text), verdict=Verdict.QUOTED, citations=(_cited(span, document, key),))


def _of(unit: _Unit, document: Document, *labels: str) -> list[Span]:
    spans = [span for label in labels for span in unit.parts.get(label, ())]
    return [sentence for span in spans for sentence in _sentences(span, document)]


def _sentences(span: Span, document: Document) -> Iterator[Span]:
    """Yield the sentences of a part, item by item where it is a list, without their bullets."""
    start = span.start
    for line in span.of(document.text).split("\n"):
        bullet = re.match(r"\s*(?:[-*•]|\d{1,3}[.)])\s+", line)
        at = start + (bullet.end() if bullet else 0)
        for sentence in sentences(document.text[at : start + len(line)]):
            yield sentence.shift(at)
        start += len(line) + 1


def _cited(span: Span, document: Document, key: SourceKey) -> Citation:
    block = next((block for block in document.blocks if block.span.overlaps(span)), None)
    page = document.locate(span.start, "page")
    return Citation(
        key=key,
        headings=block.headings if block else (),
        span=span,
        quote=span.of(document.text),
        page=int(page) if page and page.isdigit() else None,
    )


def causal(text: str) -> bool:
    """Tell whether a sentence gives a reason, by its words."""
    return _CAUSAL.search(text) is not None


def reasons_in(document: Document, key: SourceKey, spans: Sequence[Span]) -> tuple[Citation, ...]:
    """Return the sentences inside `spans` that give a reason, as citations."""
    found = (sentence for span in spans for sentence in _sentences(span, document))
    return tuple(_cited(one, document, key) for one in found if causal(one.of(document.text)))
