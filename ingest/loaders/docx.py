"""Word files (DOCX) to documents: headings, paragraphs, lists, code and tables in document order.

The archive is measured and its XML searched for document types before anything is parsed, so that neither a zip bomb
nor an entity is ever expanded.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from lxml import etree

from ingest.loaders.build import DocumentBuilder
from kb.errors import LoadFailed
from kb.types import BlockKind, Document

MAX_UNPACKED = 200 << 20
MAX_XML = 64 << 20
MAX_PARTS = 10_000
MAX_RATIO = 100
RATIO_FROM = 20 << 20

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CODE_STYLE = re.compile(r"code|source|preformatted|verbatim|macro text|listing", re.IGNORECASE)
_MONOSPACED = re.compile(r"mono|courier|consol|menlo|code|typewriter", re.IGNORECASE)
_WRAPPERS = frozenset(map(qn, ("w:sdt", "w:sdtContent", "w:customXml", "w:ins", "w:moveTo", "w:smartTag")))
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_UNSHOWN = frozenset(map(qn, ("w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:instrText"))) | {
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
}
_TEXTS = frozenset((qn("w:t"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"))
_BROKEN = (
    OpcError,
    zipfile.BadZipFile,
    zlib.error,
    etree.LxmlError,
    KeyError,
    ValueError,
    AttributeError,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    IndexError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    """What a paragraph style means to us; `role` is title, heading, code, contents or text."""

    role: str = "text"
    level: int = 0
    listed: bool = False
    numbered: bool = False


def load(data: bytes, name: str) -> Document:
    """Return the Word file's body; title and author of its properties are metadata."""
    _check(data)
    try:
        return _read(data, name)
    except RecursionError as error:
        raise LoadFailed("the Word file nests its parts too deeply to be a document") from error
    except _BROKEN as error:
        raise LoadFailed(f"the Word file is damaged: {error}", hint="open it in Word and save it again") from error


def _read(data: bytes, name: str) -> Document:
    file = docx.Document(BytesIO(data))
    styles = _styles(file)
    builder = DocumentBuilder()
    _Writer(builder, styles).body(file.element.body)
    properties = {"title": file.core_properties.title, "author": file.core_properties.author}
    metadata = {key: " ".join(value.split()) for key, value in properties.items() if value and value.strip()}
    document = builder.build("docx", metadata.get("title", ""), metadata)
    if not document.blocks:
        raise LoadFailed("the Word file holds no text", hint="pictures of text need OCR before they can be read")
    return document if document.title else replace(document, title=PurePath(name).stem)


def _check(data: bytes) -> None:
    """Raise `LoadFailed` for anything but a sane DOCX archive; sizes are checked before a byte is unpacked."""
    if not data:
        raise LoadFailed("the file is empty")
    if data.startswith(_OLE):
        raise LoadFailed("the file is an encrypted or an old (.doc) Word file", hint="save it as DOCX, no password")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _check_sizes(archive.infolist(), len(data))
            if not any(info.filename.startswith("word/") for info in archive.infolist()):
                raise LoadFailed("the file is a zip archive, but no Word file")
            for info in archive.infolist():
                if info.filename.lower().endswith((".xml", ".rels")):
                    _check_xml(info.filename, archive.read(info))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise LoadFailed(
            f"the file is no readable DOCX archive: {error}", hint="check its extension, or save it again in Word"
        ) from error


def _check_sizes(parts: list[zipfile.ZipInfo], packed: int) -> None:
    """Check declared sizes; `zipfile` never unpacks more than a part declares."""
    total = sum(part.file_size for part in parts)
    largest = max((part.file_size for part in parts if part.filename.endswith((".xml", ".rels"))), default=0)
    bomb = total > RATIO_FROM and total > MAX_RATIO * packed
    if bomb or total > MAX_UNPACKED or largest > MAX_XML or len(parts) > MAX_PARTS:
        raise LoadFailed(
            f"the Word file would unpack to {total / 1e6:,.0f} MB in {len(parts):,} parts (a zip bomb?)",
            hint="remove large embedded files and save it again, or leave it out",
        )


def _check_xml(part: str, xml: bytes) -> None:
    """Refuse document types, in every encoding an XML parser guesses by itself: no entity is ever declared."""
    narrow = xml.replace(b"\0", b"")
    if b"<!DOCTYPE" in narrow or b"<!ENTITY" in narrow:
        raise LoadFailed(f"the Word file declares XML entities in {part}, which no word processor writes")
    if narrow and not narrow.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
        raise LoadFailed(f"the Word file's part {part} is not XML")


def _styles(file: Any) -> Mapping[str, _Style]:
    elements = {style.get(qn("w:styleId")): style for style in file.styles.element.findall(qn("w:style"))}
    return {key: _style(elements, key) for key in elements}


def _style(elements: Mapping[str, Any], key: str) -> _Style:
    """Read a style along its `basedOn` chain; the nearest style that says something wins."""
    seen: set[str] = set()
    listed = numbered = False
    nested = 0
    while key in elements and key not in seen:
        seen.add(key)
        element = elements[key]
        name = _value(element.find(qn("w:name"))).lower()
        listed = listed or element.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None or name.startswith("list ")
        numbered = numbered or name.startswith("list number")
        role, level = _role(name, element)
        if role != "text":
            return _Style(role=role, level=level)
        nested = nested or (int(name[-1]) - 1 if re.fullmatch(r"list .*[2-5]", name) else 0)
        key = _value(element.find(qn("w:basedOn")))
    return _Style(level=nested, listed=listed, numbered=numbered)


def _role(name: str, element: Any) -> tuple[str, int]:
    heading = re.fullmatch(r"heading (\d)", name)
    if heading:
        return "heading", int(heading[1])
    if name == "title":
        return "title", 0
    if re.fullmatch(r"toc( \d| heading)?|table of figures", name):
        return "contents", 0
    if _CODE_STYLE.search(name):
        return "code", 0
    outline = _value(element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}"))
    return ("heading", int(outline) + 1) if outline.isdigit() and int(outline) < 9 else ("text", 0)


def _value(element: Any) -> str:
    return "" if element is None else element.get(qn("w:val")) or ""


class _Writer:
    """Walks the body in order; neighbouring list items and neighbouring code lines become one block."""

    def __init__(self, builder: DocumentBuilder, styles: Mapping[str, _Style]) -> None:
        self._builder = builder
        self._styles = styles
        self._titled = 0
        self._pending: list[str] = []
        self._pending_kind = BlockKind.LIST
        self._numbers: dict[tuple[int, bool], int] = {}

    def body(self, element: Any) -> None:
        """Add the blocks of a body, a cell or a content control."""
        self._blocks(element)
        self._flush()

    def _blocks(self, element: Any) -> None:
        for child in element:
            if child.tag == qn("w:p"):
                self._paragraph(child)
            elif child.tag == qn("w:tbl"):
                self._flush()
                self._table(child)
            elif child.tag in _WRAPPERS:
                self._blocks(child)

    def _paragraph(self, paragraph: Any) -> None:
        text = _text(paragraph)
        properties = paragraph.find(qn("w:pPr"))
        style = self._style_of(properties)
        code = style.role == "code" or _is_monospaced(paragraph)
        if code:
            self._gather(BlockKind.CODE, text)
        elif not text.strip():
            return
        elif style.role in ("title", "heading"):
            self._flush()
            self._titled = max(self._titled, style.role == "title")
            self._builder.heading(text, style.level + self._titled)
        elif style.role == "contents":
            return
        elif style.listed or (properties is not None and properties.find(qn("w:numPr")) is not None):
            self._gather(BlockKind.LIST, self._item(properties, style, text))
        else:
            self._flush()
            self._builder.paragraph(text)

    def _style_of(self, properties: Any) -> _Style:
        if properties is None:
            return _Style()
        outline = _value(properties.find(qn("w:outlineLvl")))
        if outline.isdigit() and int(outline) < 9:
            return _Style(role="heading", level=int(outline) + 1)
        return self._styles.get(_value(properties.find(qn("w:pStyle"))), _Style())

    def _item(self, properties: Any, style: _Style, text: str) -> str:
        depth = _value(properties.find(f"{qn('w:numPr')}/{qn('w:ilvl')}"))
        level = min(int(depth), 8) if depth.isdigit() else style.level
        if self._pending_kind is not BlockKind.LIST or not self._pending:
            self._numbers = {}
        key = (level, style.numbered)
        self._numbers = {at: count for at, count in self._numbers.items() if at == key or at[0] < level}
        self._numbers[key] = self._numbers.get(key, 0) + 1
        mark = f"{self._numbers[key]}." if style.numbered else "-"
        return f"{'  ' * level}{mark} {' '.join(text.split())}"

    def _gather(self, kind: BlockKind, line: str) -> None:
        if self._pending_kind is not kind:
            self._flush()
        self._pending_kind = kind
        self._pending.append(line)

    def _flush(self) -> None:
        lines, self._pending = self._pending, []
        self._builder.add(self._pending_kind, "\n".join(lines))

    def _table(self, table: Any) -> None:
        rows = [
            [cell for cell in row if cell.tag == qn("w:tc")]
            for row in table.xpath("./w:tr | ./w:sdt/w:sdtContent/w:tr")
        ]
        if len(rows) == 1 and len(rows[0]) == 1:
            self.body(rows[0][0])  # a frame around text, not a table
            return
        lines = (" | ".join(_cell(cell) for cell in row) for row in rows)
        self._builder.add(BlockKind.TABLE, "\n".join(line for line in lines if line.strip(" |")))


def _cell(cell: Any) -> str:
    return " ".join(" ".join(_text(paragraph) for paragraph in cell.iter(qn("w:p"))).split())


def _text(paragraph: Any) -> str:
    return "".join(_pieces(paragraph))


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag in _UNSHOWN or (child.tag == qn("w:r") and _is_vanished(child)):
            continue
        if child.tag in _TEXTS:
            yield child.text or ""
        elif child.tag in _BREAKS:
            yield _BREAKS[child.tag]
        else:
            yield from _pieces(child)


def _is_vanished(run: Any) -> bool:
    hidden = run.find(f"{qn('w:rPr')}/{qn('w:vanish')}")
    return hidden is not None and _value(hidden) not in ("0", "false", "off")


def _is_monospaced(paragraph: Any) -> bool:
    """Tell whether every run that shows text names a monospaced font."""
    runs = [run for run in paragraph.findall(qn("w:r")) if any(text.text for text in run.findall(qn("w:t")))]
    return bool(runs) and all(_MONOSPACED.search(_font(run)) for run in runs)


def _font(run: Any) -> str:
    fonts = run.find(f"{qn('w:rPr')}/{qn('w:rFonts')}")
    return "" if fonts is None else fonts.get(qn("w:ascii")) or ""
