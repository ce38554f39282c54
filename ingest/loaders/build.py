"""Collects blocks in reading order into a `Document`: text, exact spans, heading paths and anchors come out right."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kb.text import normalise
from kb.types import Anchor, Block, BlockKind, Document, Span

GAP = "\n\n"


class DocumentBuilder:
    """Add headings and bodies in reading order, then `build`; each loader uses one per document."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._anchors: list[Anchor] = []
        self._path: list[tuple[int, str]] = []

    @property
    def headings(self) -> tuple[str, ...]:
        """The heading path in force."""
        return tuple(title for _, title in self._path)

    def anchor(self, unit: str, value: str | int, *, after: int = 0) -> None:
        """Note that what is added next stands at `value` (`unit`: page, cell, line or key) of the original.

        With `after`, that holds from so many code points into it.
        """
        start = self._length + (len(GAP) if self._parts else 0) + after
        self._anchors.append(Anchor(offset=start, unit=unit, value=str(value)))

    def heading(self, text: str, level: int) -> None:
        """Add a heading of `level` (1 is outermost); it closes every open heading of that level or deeper."""
        title = " ".join(normalise(text).split())
        if not title:
            return
        self.close(level)
        self._path.append((level, title))
        self._append(BlockKind.HEADING, title, level)

    def close(self, level: int) -> None:
        """Close every open heading of `level` or deeper without adding text: what follows stands outside them."""
        self._path = [(depth, name) for depth, name in self._path if depth < level]

    def add(self, kind: BlockKind, text: str) -> None:
        """Add a body block; blank lines at its ends are dropped, empty text is ignored."""
        body = normalise(text).strip("\n").rstrip()
        if body.strip():
            self._append(kind, body, 0)

    def paragraph(self, text: str) -> None:
        """Add running text: line breaks and runs of white space become one space."""
        self.add(BlockKind.PARAGRAPH, " ".join(normalise(text).split()))

    def _append(self, kind: BlockKind, body: str, level: int) -> None:
        if self._parts:
            self._parts.append(GAP)
            self._length += len(GAP)
        span = Span(start=self._length, end=self._length + len(body))
        self._parts.append(body)
        self._length = span.end
        self._blocks.append(Block(kind=kind, span=span, headings=self.headings, level=level))

    def build(self, kind: str, title: str, metadata: Mapping[str, str] | None = None) -> Document:
        """Return the document; with an empty `title` the first heading stands in."""
        text = "".join(self._parts)
        first = next((b.span.of(text) for b in self._blocks if b.kind is BlockKind.HEADING), "")
        kept = tuple(a for a in self._anchors if a.offset < max(len(text), 1))
        return Document(
            kind=kind,
            title=title or first,
            text=text,
            blocks=tuple(self._blocks),
            anchors=kept,
            metadata=MappingProxyType(dict(metadata or {})),
        )
