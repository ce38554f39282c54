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

    `level` is a heading's depth. A piece of no kind closes the headings of `level` and deeper.
    """

    kind: BlockKind | None
    text: str
    line: int
    level: int = 0


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
                builder.add(piece.kind, piece.text)


def list_item(marker: str, line: int, pieces: Iterable[Piece]) -> list[Piece]:
    """Return one list item: LIST pieces in order, with the code and the tables between them."""
    out: list[Piece] = []
    rows: list[str] = []
    start, fresh = line, True
    for piece in pieces:
        if piece.kind is None or not piece.text.strip():
            continue
        if fresh and piece.kind is not BlockKind.PARAGRAPH and marker != BULLET:
            rows.append(marker.rstrip())
        if piece.kind in (BlockKind.CODE, BlockKind.TABLE):
            out += _flush(rows, start)
            out.append(piece)
            rows = []
        else:
            start = start if rows or fresh else piece.line
            first = marker if fresh and piece.kind is not BlockKind.LIST else INDENT
            rows += _indented(piece.text, first)
        fresh = False
    if fresh and marker != BULLET:
        rows.append(marker.rstrip())
    return out + _flush(rows, start)


def _indented(text: str, first: str) -> list[str]:
    head, *rest = text.split("\n")
    return [first + head, *(INDENT + row for row in rest)]


def _flush(rows: Sequence[str], line: int) -> list[Piece]:
    return [Piece(BlockKind.LIST, "\n".join(rows), line)] if rows else []


def join_items(items: Iterable[Sequence[Piece]]) -> list[Piece]:
    """Return the items of one list with neighbouring LIST pieces joined, one item a line."""
    out: list[Piece] = []
    rows: list[str] = []
    start = 0
    for piece in (piece for item in items for piece in item):
        if piece.kind is BlockKind.LIST:
            start = start if rows else piece.line
            rows.append(piece.text)
            continue
        out += _flush(rows, start)
        out.append(piece)
        rows = []
    return out + _flush(rows, start)


def flat(pieces: Iterable[Piece]) -> str:
    """Return the text of `pieces` on one line, as a table's cell needs it."""
    return " ".join(" ".join(piece.text.split()) for piece in pieces if piece.kind is not None)


def table_rows(rows: Iterable[Sequence[str]]) -> str:
    """Return a table's rows as lines, cells joined by " | "; rows without any text are left out."""
    return "\n".join(" | ".join(cells) for cells in rows if any(cell.strip() for cell in cells))
