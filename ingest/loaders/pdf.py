"""PDF files to documents: paragraphs rebuilt from lines, headings from bookmarks or font sizes, anchored by page.

pypdf reads them; what it logs about damaged files stays inside. Time is bounded: a file whose pages take too long to
draw is given up with a reason.
"""

from __future__ import annotations

import logging
import re
import struct
import time
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from ingest.loaders.build import DocumentBuilder
from ingest.loaders.pdf_lines import Layout, Line, body_size, page_lines, passages, without_running
from kb.errors import LoadFailed
from kb.types import Anchor, Document

MAX_PAGES = 20_000
MAX_OUTLINE = 5_000
SECONDS = 60.0
SECONDS_PER_PAGE = 0.5
LONGEST_HEADING = 150

_BROKEN = (
    PyPdfError,
    zlib.error,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    NotImplementedError,
    OSError,
)
_NUMBERING = re.compile(
    r"^(?:chapter|section|appendix|part)?\s*(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*|[IVX]+)[.:)]?\s+", re.I
)
_NUMBERED = re.compile(r"\d+(\.\d+)*\.?\s+[A-Z]")
_PLACEHOLDER_TITLE = re.compile(r"untitled|microsoft word|\.(?:docx?|tex|dvi|indd|html?|pdf)$|^$|[/\\]", re.IGNORECASE)

# pypdf logs each oddity of a damaged file; without a handler Python would print them to stderr
_log = logging.getLogger("pypdf")
_log.addHandler(logging.NullHandler())
_log.propagate = False


class _TooSlow(Exception):
    """Drawing the pages takes longer than the file may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heading:
    """A heading before line `at` of all lines; `lines` of them are its own text."""

    at: int
    lines: int
    text: str
    level: int


def load(data: bytes, name: str) -> Document:
    """Return the text of the PDF `data`; metadata has its author and number of pages."""
    _check(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(data, name)
        except _TooSlow as error:
            raise LoadFailed("the PDF takes too long to read", hint="print it to a new PDF, or split it") from error
        except _BROKEN as error:
            raise _damaged("the PDF", error) from error


def _damaged(what: str, error: Exception) -> LoadFailed:
    detail = " ".join(str(error).split())[:120]
    return LoadFailed(f"{what} is damaged: {detail}", hint="open it in a viewer and save or print it again")


def _check(data: bytes) -> None:
    if not data:
        raise LoadFailed("the file is empty")
    if b"%PDF-" not in data[:1024]:
        raise LoadFailed("the file is not a PDF", hint="check that its extension says what it is")
    if b"%%EOF" not in data[-4096:] and b"startxref" not in data[-4096:]:
        raise LoadFailed("the PDF is cut off: its end is missing", hint="download or copy it again")


def _read(data: bytes, name: str) -> Document:
    reader = _open(data)
    raw = list(_pages(reader))
    if not raw:
        raise LoadFailed("the PDF has no pages", hint="it may be damaged: download or copy it again")
    pages = without_running(raw)
    lines = [line for page in pages for line in page]
    if not lines:
        raise LoadFailed(
            "the PDF has no text: its pages are pictures (scanned?)",
            hint="run OCR on it first, for example `ocrmypdf in.pdf out.pdf`",
        )
    headings = _from_outline(reader, lines) or _from_fonts(lines)
    document = _build(lines, headings, _metadata(reader, len(raw)))
    title = _title(reader) or _largest(raw[0]) or document.title
    return replace(document, title=title or PurePath(name).stem)


def _open(data: bytes) -> PdfReader:
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted:
        locked = LoadFailed("the PDF is encrypted", hint="save a copy without a password and ingest that")
        try:
            opened = reader.decrypt("")
        except DependencyError as error:
            raise locked from error
        if not opened:
            raise locked
    return reader


def _pages(reader: PdfReader) -> Iterator[list[Line]]:
    count = len(reader.pages)
    if count > MAX_PAGES:
        raise LoadFailed(f"the PDF has {count:,} pages, more than {MAX_PAGES:,}", hint="split it")
    deadline = time.monotonic() + SECONDS + SECONDS_PER_PAGE * count

    def check(*_: object) -> None:
        if time.monotonic() > deadline:
            raise _TooSlow

    for number, page in enumerate(reader.pages, start=1):
        check()
        try:
            yield page_lines(page, number, check)
        except _BROKEN as error:
            raise _damaged(f"page {number} of the PDF", error) from error


def _build(lines: Sequence[Line], headings: Sequence[_Heading], metadata: dict[str, str]) -> Document:
    builder = DocumentBuilder()
    starts: list[tuple[tuple[int, int], ...]] = []
    layout = Layout.of(lines)
    done = 0
    for heading in [*headings, _Heading(at=len(lines), lines=0, text="", level=1)]:
        for passage in passages(lines[done : heading.at], layout):
            builder.add(passage.kind, passage.text)
            starts.append(passage.pages)
        if heading.text.strip():
            builder.heading(heading.text, heading.level)
            starts.append(((0, lines[min(heading.at, len(lines) - 1)].page),))
        done = heading.at + heading.lines
    document = builder.build("pdf", "", metadata)
    return replace(document, anchors=tuple(_anchors(document, starts)))


def _anchors(document: Document, starts: Sequence[tuple[tuple[int, int], ...]]) -> Iterator[Anchor]:
    page = 0
    for block, pages in zip(document.blocks, starts, strict=True):
        for offset, number in pages:
            if number != page:
                page = number
                yield Anchor(offset=min(block.span.start + offset, block.span.end), unit="page", value=str(page))


def _from_outline(reader: PdfReader, lines: Sequence[Line]) -> list[_Heading]:
    """Find each bookmark's line on its page; one that has no line of its own heads its page."""
    first: dict[int, int] = {}
    for index, line in enumerate(lines):
        first.setdefault(line.page, index)
    found: list[_Heading] = []
    done = 0
    for title, page, level in _bookmarks(reader):
        if page not in first:
            continue
        start = max(done, first[page])
        heading = _find(lines, start, page, title, level) or _Heading(at=start, lines=0, text=title, level=level)
        done = heading.at + heading.lines
        found.append(heading)
    return found


def _bookmarks(reader: PdfReader) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []

    def visit(items: Sequence[Any], level: int) -> None:
        for item in items[:MAX_OUTLINE]:
            if isinstance(item, list):
                visit(item, level + 1)
            elif len(found) < MAX_OUTLINE and str(item.title or "").strip():
                number = reader.get_destination_page_number(item)
                found.append((" ".join(str(item.title).split()), -1 if number is None else number + 1, level))

    try:
        visit(reader.outline, 1)
    except _BROKEN:
        return []
    return sorted(found, key=lambda entry: entry[1])


def _find(lines: Sequence[Line], start: int, page: int, title: str, level: int) -> _Heading | None:
    wanted = _key(title)
    for at in range(start, len(lines)):
        if lines[at].page != page:
            return None
        text = ""
        for count, line in enumerate(lines[at : at + 3], start=1):
            text = f"{text} {line.text}".strip()
            if wanted and _key(text) == wanted:
                return _Heading(at=at, lines=count, text=text, level=level)
    return None


def _key(text: str) -> str:
    bare = _NUMBERING.sub("", text.strip()) or text
    return re.sub(r"[\W_]+", "", bare).lower()


def _from_fonts(lines: Sequence[Line]) -> list[_Heading]:
    """Take short lines in a larger font as headings, by size, and below them bold lines that are numbered."""
    body = body_size(lines)
    large = [_is_large(line, body) for line in lines]
    lengths = [len(line.text) for line in lines]
    if sum(length for length, big in zip(lengths, large, strict=True) if big) > 0.2 * sum(lengths):
        return []
    sizes = sorted({round(line.size * 2) for line, big in zip(lines, large, strict=True) if big}, reverse=True)[:5]
    found: list[_Heading] = []
    for at, line in enumerate(lines):
        if large[at] and round(line.size * 2) in sizes:
            _grow(found, lines, at, sizes.index(round(line.size * 2)) + 1)
        elif _is_bold_numbered(line):
            found.append(_Heading(at=at, lines=1, text=line.text, level=len(sizes) + 1))
    return found


def _grow(found: list[_Heading], lines: Sequence[Line], at: int, level: int) -> None:
    """Add the heading line `at`, joined to the one before where that heading wrapped."""
    line, last = lines[at], found[-1] if found else None
    if last and last.level == level and last.at + last.lines == at and last.lines < 4:
        before = lines[at - 1]
        if before.page == line.page and 0 < before.y - line.y < 1.6 * line.size:
            found[-1] = replace(last, lines=last.lines + 1, text=f"{last.text} {line.text}")
            return
    found.append(_Heading(at=at, lines=1, text=line.text, level=level))


def _is_large(line: Line, body: float) -> bool:
    words = any(char.isalpha() for char in line.text)
    return line.size >= 1.12 * body > 0 and words and not line.mono and 2 < len(line.text) <= LONGEST_HEADING


def _is_bold_numbered(line: Line) -> bool:
    return line.bold and len(line.text) <= 100 and bool(_NUMBERED.match(line.text)) and not line.text.endswith(".")


def _title(reader: PdfReader) -> str:
    title = " ".join(_property(reader, "title").split())
    return "" if _PLACEHOLDER_TITLE.search(title) else title


def _largest(page: Sequence[Line]) -> str:
    """Return the first page's largest line, where it is larger than the rest of that page."""
    line = max(page, key=lambda line: line.size, default=None)
    return line.text if line and _is_large(line, 1.25 * body_size(page)) else ""


def _metadata(reader: PdfReader, pages: int) -> dict[str, str]:
    author = " ".join(_property(reader, "author").split())
    return {"pages": str(pages)} | ({"author": author} if author else {})


def _property(reader: PdfReader, name: str) -> str:
    try:
        value = getattr(reader.metadata, name, None)
    except _BROKEN:
        return ""
    return value if isinstance(value, str) else ""
