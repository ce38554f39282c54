"""Pieces of a text in reading order, between a format's parser and the `DocumentBuilder`; lists are rendered here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.loaders.build import DocumentBuilder
from kb.types import BlockKind

BULLET = "- "
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Piece:
    """A block to be: its display text and the 1-based line where it starts.

    `level` is a heading's depth. A piece of no kind closes the headings of `level` and deeper. `lines` holds the line
    of each row of a list's text.
    """

    kind: BlockKind | None
    text: str
    line: int
    level: int = 0
    lines: tuple[int, ...] = ()


def emit(pieces: Iterable[Piece], builder: DocumentBuilder) -> None:
    """Add `pieces` to `builder`, each with its line as anchor."""
    for piece in pieces:
        if piece.kind is None:
            builder.close(piece.level)
        elif piece.text.strip():
            builder.anchor("line", piece.line)
            if piece.kind is BlockKind.HEADING:
                builder.heading(piece.text, piece.level)
            else:
                _mark(piece, builder)
                builder.add(piece.kind, piece.text)


def _mark(piece: Piece, builder: DocumentBuilder) -> None:
    """Note where in a list a new line of the source begins."""
    offset, last = 0, piece.line
    for row, line in zip(piece.text.split("\n") if piece.lines else (), piece.lines, strict=True):
        if line != last:
            builder.anchor("line", line, after=offset)
            last = line
        offset += len(row) + 1


Rows = list[tuple[str, int]]


def list_item(marker: str, line: int, pieces: Iterable[Piece]) -> list[Piece]:
    """Return one list item: LIST pieces in order, with the code and the tables between them."""
    out: list[Piece] = []
    rows: Rows = []
    fresh = True
    for piece in pieces:
        if piece.kind is None or not piece.text.strip():
            continue
        if fresh and piece.kind is not BlockKind.PARAGRAPH and marker != BULLET:
            rows.append((marker.rstrip(), line))
        if piece.kind in (BlockKind.CODE, BlockKind.TABLE):
            out += [*_flush(rows), piece]
            rows = []
        else:
            first = marker if fresh and piece.kind is not BlockKind.LIST else INDENT
            rows += _indented(piece, first, line if fresh else piece.line)
        fresh = False
    if fresh and marker != BULLET:
        rows.append((marker.rstrip(), line))
    return out + _flush(rows)


def _indented(piece: Piece, first: str, line: int) -> Rows:
    head, *rest = _rows(piece)
    return [(first + head[0], line), *((INDENT + text, number) for text, number in rest)]


def _rows(piece: Piece) -> Rows:
    texts = piece.text.split("\n")
    return list(zip(texts, piece.lines or [piece.line] * len(texts), strict=True))


def _flush(rows: Rows) -> list[Piece]:
    if not rows:
        return []
    text, lines = "\n".join(text for text, _ in rows), tuple(line for _, line in rows)
    return [Piece(BlockKind.LIST, text, lines[0], lines=lines)]


def join_items(items: Iterable[Sequence[Piece]]) -> list[Piece]:
    """Return the items of one list with neighbouring LIST pieces joined, one item a line."""
    out: list[Piece] = []
    rows: Rows = []
    for piece in (piece for item in items for piece in item):
        if piece.kind is BlockKind.LIST:
            rows += _rows(piece)
        else:
            out += [*_flush(rows), piece]
            rows = []
    return out + _flush(rows)


def flat(pieces: Iterable[Piece]) -> str:
    """Return the text of `pieces` on one line, as a table's cell needs it."""
    return " ".join(" ".join(piece.text.split()) for piece in pieces if piece.kind is not None)


def table_rows(rows: Iterable[Sequence[str]]) -> str:
    """Return a table's rows as lines, cells joined by " | "; rows without any text are left out."""
    return "\n".join(" | ".join(cells) for cells in rows if any(cell.strip() for cell in cells))
