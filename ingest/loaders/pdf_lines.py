"""Lines of a PDF page with place and font, and what is built from them: body text without running headers, paragraphs.

A PDF stores glyphs, not text: everything here is a cue (gaps, indents, fonts), chosen so that a wrong guess moves a
line break and never a word.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from kb.text import normalise
from kb.types import BlockKind

EDGE_LINES = 3
MOST_PAGES = 0.4

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_BOLD = re.compile(r"bold|black|heavy|CMBX|SFBX|-BX", re.IGNORECASE)
_MONO = re.compile(r"mono|courier|consol|menlo|CMTT|SFTT|typewriter|code", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"(?:page\s*)?[-–—\s]*(?:#|[ivxlc]+)(?:\s*(?:of|/)\s*#)?[-–—\s]*", re.IGNORECASE)
_BULLET = re.compile(r"[•‣◦▪●○∙■–*-]\s+|\(?(?:\d{1,2}|[a-z])[.)]\s+")
_SURE_BULLET = re.compile(r"[•‣◦▪●○∙■]")
_SENTENCE_END = re.compile(r"[.!?:;][\"'”’)\]]*$")
_HYPHENATED = re.compile(r"([^\W\d_]+)[-\u00ad\u2010]$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of text; `x` and `y` are points from the page's lower left, `size` is the font's in points."""

    text: str
    page: int
    x: float
    y: float
    size: float
    bold: bool
    mono: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A block's text with the pages that start in it, as (offset in `text`, page)."""

    kind: BlockKind
    text: str
    pages: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    text: str
    x: float
    y: float
    size: float
    font: str


def page_lines(page: Any, number: int, check: Callable[..., None]) -> list[Line]:
    """Return the lines of a pypdf page in reading order; `check` is called before every drawing operation."""
    pieces: list[_Piece] = []

    def visit(text: str, cm: Sequence[float], tm: Sequence[float], font: Any, size: float) -> None:
        if text:
            pieces.append(_piece(text, cm, tm, font, size))

    page.extract_text(visitor_text=visit, visitor_operand_before=check)
    rows: list[list[_Piece]] = [[]]
    for piece in pieces:
        first, *more = piece.text.split("\n")
        rows[-1].append(_with_text(piece, first))
        rows += ([_with_text(piece, part)] for part in more)
    return [line for line in (_line(row, number) for row in rows) if line.text]


def _piece(text: str, cm: Sequence[float], tm: Sequence[float], font: Any, size: float) -> _Piece:
    name = str(font.get("/BaseFont", "")) if hasattr(font, "get") else ""
    a, b = tm[2] * cm[0] + tm[3] * cm[2], tm[2] * cm[1] + tm[3] * cm[3]
    return _Piece(
        text=text,
        x=tm[4] * cm[0] + tm[5] * cm[2] + cm[4],
        y=tm[4] * cm[1] + tm[5] * cm[3] + cm[5],
        size=abs(size) * math.hypot(a, b),
        font=name,
    )


def _with_text(piece: _Piece, text: str) -> _Piece:
    return _Piece(text=text, x=piece.x, y=piece.y, size=piece.size, font=piece.font)


def _line(row: list[_Piece], number: int) -> Line:
    inked = [piece for piece in row if piece.text.strip()]
    text = normalise("".join(piece.text for piece in row).translate(_LIGATURES)).replace("\n", " ")
    first = inked[0] if inked else _Piece(text="", x=0, y=0, size=0, font="")
    sizes: Counter[float] = Counter()
    for piece in inked:
        sizes[round(piece.size, 1)] += len(piece.text.strip())
    return Line(
        text=text.strip() if not inked or not _MONO.search(first.font) else text.rstrip(),
        page=number,
        x=first.x,
        y=first.y,
        size=sizes.most_common(1)[0][0] if sizes else 0.0,
        bold=bool(inked) and all(_BOLD.search(piece.font) for piece in inked),
        mono=bool(inked) and all(_MONO.search(piece.font) for piece in inked),
    )


def without_running(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Drop headers, footers and page numbers: lines at a page's edge that return, digits aside, on other pages."""
    edges = [{_masked(line.text) for line in _edge(page)} for page in pages]
    counts = Counter(key for keys in edges for key in keys)
    often = {key for key, count in counts.items() if count >= max(3, MOST_PAGES * len(pages))}
    kept = []
    for index, page in enumerate(pages):
        near = Counter(key for keys in edges[max(0, index - 4) : index + 5] for key in keys)
        edge = {id(line) for line in _edge(page)}
        outer = {id(line) for line in (*page[:1], *page[-1:])}
        kept.append(
            [
                line
                for line in page
                if not (id(line) in edge and _masked(line.text) in often)
                and not (id(line) in outer and _is_running(line.text, near))
                and not (id(line) in outer and len(pages) > 1 and _PAGE_NUMBER.fullmatch(_masked(line.text)))
            ]
        )
    return kept


def _is_running(text: str, near: Counter[str]) -> bool:
    """A chapter's header changes with the chapter: it carries the page number and returns on pages near by."""
    masked = _masked(text)
    return len(text) < 120 and "#" in masked and near[masked] >= 2 and any(c.isalpha() for c in masked)


def _edge(page: Sequence[Line]) -> list[Line]:
    return [*page[:EDGE_LINES], *page[-EDGE_LINES:]]


def _masked(text: str) -> str:
    return re.sub(r"\d+", "#", " ".join(text.split())).lower()


def body_size(lines: Sequence[Line]) -> float:
    """Return the font size that most of the text is set in."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def passages(lines: Sequence[Line], layout: Layout) -> Iterator[Passage]:
    """Rebuild paragraphs, lists and code from the lines of a stretch of text without headings."""
    group: list[list[Line]] = []
    for line in lines:
        if group and layout.continues(group[-1], line):
            group[-1].append(line)
            continue
        if group and not _same_block(group[-1], line):
            yield _passage(group, layout.words)
            group = []
        group.append([line])
    if group:
        yield _passage(group, layout.words)


def _same_block(unit: Sequence[Line], line: Line) -> bool:
    """List items stand together in one block, and so do lines of code."""
    if unit[0].mono:
        return line.mono
    return bool(_BULLET.match(unit[0].text) and _BULLET.match(line.text) and not line.mono)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is usual in a file: distance of lines (points), their length (characters), and the words that occur."""

    leading: float
    width: float
    words: frozenset[str]

    @staticmethod
    def of(lines: Sequence[Line]) -> Layout:
        pairs = [(a, b) for a, b in pairwise(lines) if a.page == b.page and a.y - b.y > 1]
        lengths = sorted(len(line.text) for line in lines)
        return Layout(
            leading=median([a.y - b.y for a, b in pairs]) if pairs else 12.0,
            width=float(lengths[len(lengths) * 9 // 10]) if lengths else 80.0,
            words=frozenset(word.lower() for line in lines for word in _WORD.findall(line.text)),
        )

    def continues(self, unit: Sequence[Line], line: Line) -> bool:
        """Tell whether `line` goes on the paragraph or list item that `unit` holds."""
        last, first = unit[-1], unit[0]
        if line.mono or last.mono or self._starts_item(last, first, line):
            return False
        gap = last.y - line.y
        ended = bool(_SENTENCE_END.search(last.text))
        if last.page != line.page or gap < -2:
            return not ended and (line.text[:1].islower() or bool(_HYPHENATED.search(last.text)))
        if gap > 1.4 * self.leading or abs(last.size - line.size) > 0.15 * max(last.size, 1):
            return False
        if _BULLET.match(first.text) and line.x < first.x - 1:
            return False
        indented = line.x - last.x > 0.8 * line.size and len(unit) > 1
        return not (ended and (indented or len(last.text) < 0.7 * self.width))

    def _starts_item(self, last: Line, first: Line, line: Line) -> bool:
        if not _BULLET.match(line.text):
            return False
        opened = last.y - line.y > 1.1 * self.leading or last.text.endswith((":", "."))
        return opened or bool(_SURE_BULLET.match(line.text) or _BULLET.match(first.text))


def _passage(group: Sequence[Sequence[Line]], words: frozenset[str]) -> Passage:
    if group[0][0].mono:
        return _code([line for unit in group for line in unit])
    listed = bool(_BULLET.match(group[0][0].text)) and (len(group) > 1 or bool(_SURE_BULLET.match(group[0][0].text)))
    text, pages = "", list[tuple[int, int]]()
    for unit in group:
        text += "\n" if text else ""
        for index, line in enumerate(unit):
            part = " ".join(line.text.split())
            text = _joined(text, words, part) if index else text
            pages.append((len(text), line.page))
            text += _SURE_BULLET.sub("-", part, count=1) if listed and not index else part
    return Passage(kind=BlockKind.LIST if listed else BlockKind.PARAGRAPH, text=text, pages=_starts(pages))


def _joined(text: str, words: frozenset[str], following: str) -> str:
    """Return `text` ready to take `following`: a word broken at the line's end is mended, else a space is added."""
    broken = _HYPHENATED.search(text[-80:])
    if not broken or not following[:1].islower():
        return f"{text} "
    tail = _WORD.match(following)
    whole = f"{broken[1]}-{tail[0] if tail else ''}".lower()
    if whole in words and whole.replace("-", "") not in words:
        return text  # the hyphen belongs to the word: it stands unbroken elsewhere
    return text[:-1]


def _code(lines: Sequence[Line]) -> Passage:
    """Keep code line by line; indentation comes back from where lines start, as most PDFs drop leading spaces."""
    left = min(line.x for line in lines)
    text, pages = "", list[tuple[int, int]]()
    for line in lines:
        text += "\n" if text else ""
        pages.append((len(text), line.page))
        columns = 0 if line.text.startswith(" ") else round((line.x - left) / max(0.6 * line.size, 1))
        text += " " * min(max(columns, 0), 60) + line.text
    return Passage(kind=BlockKind.CODE, text=text, pages=_starts(pages))


def _starts(pages: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    changes = [pages[0], *(now for before, now in pairwise(pages) if now[1] != before[1])]
    return tuple(changes)
