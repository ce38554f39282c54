"""Plain text to a `Document`: paragraphs unwrapped; lists, code, logs and fixed layouts keep their lines."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence

from ingest.loaders.build import DocumentBuilder
from ingest.loaders.pieces import Piece, emit
from ingest.loaders.reading import expand, read_text
from kb.types import BlockKind, Document

Lines = list[tuple[int, str]]

_UNDERLINES = frozenset("=-~#*^\"'`+")
_ITEM = re.compile(r" {0,12}(?:[-*+•‣◦–]|\(?(?:\d{1,3}|[a-zA-Z])[.)]) +\S")
_LOG = re.compile(
    r"\s*(?:\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d|\[?\d\d:\d\d:\d\d|\[\d+\]\s|[Ee]poch\s+\[?\d+|[Ss]tep\s+\d+"
    r"|\[?(?:DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL|TRACE)\b|Traceback \(most recent|  File \")"
)
_CODE = re.compile(
    r"\s*(?:def |class |import |from \S+ import |for .+:$|if .+:$|elif .+:$|else:$|while .+:$|try:$|return\b|raise |"
    r"print\(|@\w|#include|>>> |\.\.\. |\$ |% |#!/|[\w.\[\]\"']+ = \S|</?\w+[ >/])|.*[;{}]$"
)
_PAIR = re.compile(r"\s*[\w][\w ./()-]{0,40}(?::| =|=) ?\S")
_GAP = re.compile(r"\S(?: {2,}|\t+)\S")
_SHORT = 60
_LONGEST_HEADING = 80


def load(data: bytes, name: str) -> Document:
    """Return the document of a plain text file; raise `LoadFailed` where it is empty or binary."""
    return build(read_text(data, name, "text"), 0, name, kind="text", metadata={})


def build(text: str, skip: int, name: str, *, kind: str, metadata: Mapping[str, str]) -> Document:
    """Return the document of `text` after its first `skip` lines; the title is the header's, a heading or `name`."""
    builder = DocumentBuilder()
    emit(pieces(text, skip), builder)
    document = builder.build(kind, metadata.get("title", ""), metadata)
    return document if document.title else builder.build(kind, name, metadata)


def pieces(text: str, skip: int = 0) -> list[Piece]:
    """Return the pieces of `text`, its first `skip` lines left out."""
    lines = list(enumerate(expand(text), start=1))[skip:]
    styles: list[str] = []
    out: list[Piece] = []
    for block in _paragraphs(lines):
        out += _block(block, styles)
    return out


def _paragraphs(lines: Lines) -> Iterator[Lines]:
    block: Lines = []
    for number, line in lines:
        if line:
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _block(block: Lines, styles: list[str]) -> Iterator[Piece]:
    if title := _underlined(block):
        yield Piece(BlockKind.HEADING, title, block[0][0], _level(block[1][1][0], styles))
        block = block[2:]
    elif _shouts(block):
        yield Piece(BlockKind.HEADING, block[0][1], block[0][0], _level("A", styles))
        return
    block = [entry for entry in block if not _is_rule(entry[1])]
    if block:
        yield _body(block)


def _level(style: str, styles: list[str]) -> int:
    """Return a heading's level by the order in which the styles of headings appear."""
    if style not in styles:
        styles.append(style)
    return styles.index(style) + 1


def _underlined(block: Lines) -> str:
    """Return the title of a block whose second line is a rule about as long as the first, or nothing."""
    if len(block) < 2 or len(block[0][1]) > _LONGEST_HEADING or _is_rule(block[0][1]):
        return ""
    title, rule = block[0][1].strip(), block[1][1].strip()
    fits = rule[0] in _UNDERLINES and _is_rule(rule) and len(rule) >= min(len(title), 3) and len(rule) <= 2 * _SHORT
    return title if fits and not block[0][1].startswith("    ") else ""


def _shouts(block: Lines) -> bool:
    """Tell whether the block is one short line of capitals that ends like a title."""
    text = block[0][1]
    if len(block) > 1 or len(text) > _LONGEST_HEADING or text.startswith("    ") or text[-1] in ".,;!?)]}>":
        return False
    letters = sum(c.isalpha() for c in text)
    return letters >= 3 and letters * 2 > len(text) and text == text.upper() and not _LOG.match(text)


def _is_rule(text: str) -> bool:
    bare = text.strip()
    return 3 <= len(bare) <= 200 and bare[0] in string.punctuation and bare == bare[0] * len(bare)


def _body(block: Lines) -> Piece:
    number, texts = block[0][0], [text for _, text in block]
    if _ITEM.match(texts[0]) and (len(texts) == 1 or any(map(_ITEM.match, texts[1:])) or _hangs(texts)):
        return Piece(BlockKind.LIST, "\n".join(_items(texts)), number)
    if _is_code(texts):
        return Piece(BlockKind.CODE, "\n".join(_dedented(texts)), number)
    if len(texts) > 1 and _most(_PAIR, texts) and max(map(len, texts)) <= 2 * _SHORT:
        return Piece(BlockKind.LIST, "\n".join(text.strip() for text in texts), number)
    return Piece(BlockKind.PARAGRAPH, " ".join(" ".join(texts).split()), number)


def _hangs(texts: Sequence[str]) -> bool:
    """Tell whether all lines after the first are indented, as an item's continuation is."""
    return all(text.startswith(" ") for text in texts[1:])


def _is_code(texts: Sequence[str]) -> bool:
    if all(text.startswith("    ") for text in texts):
        return True
    if _most(_LOG, texts) or _most(_CODE, texts):
        return True
    return len(texts) > 1 and _most(_GAP, texts) and max(map(len, texts)) <= 4 * _SHORT


def _most(pattern: re.Pattern[str], texts: Sequence[str]) -> bool:
    """Tell whether more than 60 % of the lines show `pattern`; lines too long for a person's hand never do."""
    hits = sum(1 for text in texts if len(text) <= 2000 and pattern.search(text))
    return hits * 10 > len(texts) * 6


def _dedented(texts: Sequence[str]) -> list[str]:
    indent = min(len(text) - len(text.lstrip(" ")) for text in texts)
    return [text[indent:] for text in texts]


def _items(texts: Sequence[str]) -> list[str]:
    """Return one line per list item, continuation lines joined to theirs."""
    base = min(len(text) - len(text.lstrip(" ")) for text in texts)
    rows: list[list[str]] = []
    for text in texts:
        if _ITEM.match(text):
            rows.append([text[base:]])
        else:
            rows[-1].append(text.strip())
    return [" ".join(row) for row in rows]
