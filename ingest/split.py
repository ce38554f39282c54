"""Documents to chunks along their structure: headings, paragraphs, code, lists and tables stay whole where they fit.

A chunk is a span of the document. No text is lost: every character outside white space is in a chunk, or in a heading
that is on the path of a chunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kb.text import sentences, trimmed
from kb.types import Block, BlockKind, Chunk, Document, SourceKey, Span

MAX_WORDS = 60
"""A chunk's words: chosen on the dev questions, a plateau from 60 to 80."""
MIN_WORDS = 40
"""Smaller neighbours, sections too, are put together."""
MAX_CHARS = 20 * MAX_WORDS
"""The same bound for text without spaces: Chinese, minified code, base64."""
FINGERPRINT = f"structure/{MAX_WORDS}/{MIN_WORDS}/2"

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A stretch of text that is not cut further, with its section and its size in words."""

    span: Span
    headings: tuple[str, ...]
    kind: BlockKind
    words: int
    block: int


def split(document: Document, key: SourceKey) -> tuple[Chunk, ...]:
    """Return the chunks of `document`, stored at `key`, in reading order; their spans are disjoint."""
    pieces = list(_pieces(document))
    groups = _merged(_packed(_sections(pieces)))
    return tuple(_chunk(document, key, group) for group in groups)


def count_words(text: str) -> int:
    """Return the words of `text`, counting a long run without spaces as several."""
    return sum(1 + len(word) // 40 for word in _WORD.findall(text))


def _pieces(document: Document) -> Iterator[_Piece]:
    """Yield each block, or its parts where it is too long; a heading counts where nothing follows below it."""
    blocks = document.blocks
    for number, block in enumerate(blocks):
        if block.kind is BlockKind.HEADING and not _is_leaf(blocks, number):
            continue
        for span in _cut(block, document.text):
            words = count_words(span.of(document.text))
            yield _Piece(span=span, headings=block.headings, kind=block.kind, words=words, block=number)


def _is_leaf(blocks: Sequence[Block], number: int) -> bool:
    """Tell whether a heading has neither body nor sub-heading, so that only a chunk of its own can hold it."""
    heading = blocks[number]
    following = blocks[number + 1] if number + 1 < len(blocks) else None
    return following is None or (following.kind is BlockKind.HEADING and following.level <= heading.level)


def _cut(block: Block, text: str) -> Iterator[Span]:
    """Yield the block's span, or spans along its sentences, items, rows or lines that are each small enough."""
    body = block.span.of(text)
    if count_words(body) <= MAX_WORDS and len(body) <= MAX_CHARS:
        yield block.span
        return
    parts = sentences(body) if block.kind is BlockKind.PARAGRAPH else _lines(body)
    for span in _filled(list(_small(parts, body)), body):
        yield span.shift(block.span.start)


def _lines(text: str) -> Iterator[Span]:
    start = 0
    for line in text.splitlines(keepends=True):
        yield Span(start=start, end=start + len(line))
        start += len(line)


def _small(parts: Iterable[Span], text: str) -> Iterator[Span]:
    """Cut parts that are too long at white space, and where there is none after a fixed number of characters."""
    for part in parts:
        piece = part.of(text)
        if count_words(piece) <= MAX_WORDS and len(piece) <= MAX_CHARS:
            yield part
            continue
        start, size = part.start, 0
        for word in _WORD.finditer(piece):
            for at in range(word.start(), word.end(), MAX_CHARS // 2):
                end = part.start + min(at + MAX_CHARS // 2, word.end())
                if size >= MAX_WORDS or end - start > MAX_CHARS:
                    yield Span(start=start, end=part.start + at)
                    start, size = part.start + at, 0
                size += 1 + (end - part.start - at) // 40
        yield Span(start=start, end=part.end)


def _filled(parts: Sequence[Span], text: str) -> list[Span]:
    """Join neighbouring parts as long as they fit; white space at the ends is left out."""
    spans: list[Span] = []
    start, size = 0, 0
    for number, part in enumerate(parts):
        words = count_words(part.of(text))
        if number and (size + words > MAX_WORDS or part.end - parts[start].start > MAX_CHARS):
            spans.append(Span(start=parts[start].start, end=parts[number - 1].end))
            start, size = number, 0
        size += words
    if parts:
        spans.append(Span(start=parts[start].start, end=parts[-1].end))
    return [kept for span in spans if (kept := trimmed(span, text)) is not None]


def _sections(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    """Yield the runs of pieces that stand under the same headings."""
    run: list[_Piece] = []
    for piece in pieces:
        if run and piece.headings != run[-1].headings:
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _packed(sections: Iterable[list[_Piece]]) -> Iterator[list[_Piece]]:
    """Yield groups that fit a chunk, never over a section's end; code and lists stay with their lead-in."""
    for section in sections:
        group: list[_Piece] = []
        size = 0
        for unit in _units(section):
            words = sum(piece.words for piece in unit)
            if group and (size + words > MAX_WORDS or unit[-1].span.end - group[0].span.start > MAX_CHARS):
                yield group
                group, size = [], 0
            group, size = group + unit, size + words
        yield group


def _units(section: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Yield pieces with the lead-in before them, where both fit one chunk."""
    unit: list[_Piece] = []
    for piece in section:
        follows = bool(unit) and piece.kind in (BlockKind.CODE, BlockKind.LIST, BlockKind.TABLE)
        leads = bool(unit) and unit[-1].kind is BlockKind.PARAGRAPH and unit[-1].block != piece.block
        fits = bool(unit) and piece.span.end - unit[0].span.start <= MAX_CHARS
        if follows and leads and fits and sum(p.words for p in unit) + piece.words <= MAX_WORDS:
            unit.append(piece)
            continue
        if unit:
            yield unit
        unit = [piece]
    if unit:
        yield unit


def _merged(groups: Iterable[list[_Piece]]) -> Iterator[list[_Piece]]:
    """Join a small group with the next where they are kin: one section in the other, or siblings."""
    held: list[_Piece] = []
    for group in groups:
        if held and _may_join(held, group):
            held = held + group
            continue
        if held:
            yield held
        held = group
    if held:
        yield held


def _may_join(left: Sequence[_Piece], right: Sequence[_Piece]) -> bool:
    sizes = sum(p.words for p in left), sum(p.words for p in right)
    if min(sizes) >= MIN_WORDS or sum(sizes) > MAX_WORDS:
        return False
    if right[-1].span.end - left[0].span.start > MAX_CHARS:
        return False
    a, b = left[0].headings, right[0].headings
    return a[: len(b)] == b or b[: len(a)] == a or (len(a) == len(b) and a[:-1] == b[:-1])


def _chunk(document: Document, key: SourceKey, group: Sequence[_Piece]) -> Chunk:
    span = Span(start=group[0].span.start, end=group[-1].span.end)
    text = span.of(document.text)
    code = sum(len(piece.span) for piece in group if piece.kind is BlockKind.CODE)
    return Chunk(
        id=Chunk.make_id(key, span, text),
        span=span,
        text=text,
        headings=tuple(dict.fromkeys(piece.headings for piece in group)),
        page=_number(document.locate(span.start, "page")),
        cell=_number(document.locate(span.start, "cell")),
        code=round(code / max(1, len(text)), 3),
    )


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isdigit() else None
