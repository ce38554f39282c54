"""HTML pages to documents: the main content only, with code, lists, tables and Sphinx API entries kept as structure.

lxml parses; nothing is fetched, no entity or script is run, and hidden or navigational parts are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import lxml.html
from lxml import etree

from ingest.loaders.build import DocumentBuilder
from kb.errors import LoadFailed
from kb.text import decode
from kb.types import BlockKind, Document

MAX_BYTES = 128 << 20
MAX_TAGS = 1_000_000
MAX_DEPTH = 150
TOO_DEEP = "the page nests its elements too deeply to be a document"
LONG_SIGNATURE = 100


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DROPPED = _names(
    "script style template noscript svg canvas iframe object embed audio video button input select textarea dialog "
    "nav header footer aside"
)
_KEPT_ASIDES = ("footnote", "citation", "topic", "admonition")
_BLOCKS = _names(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form hgroup "
    "hr h1 h2 h3 h4 h5 h6 header html li main menu nav ol p pre section summary table tbody tfoot thead td th tr ul"
)
_LEVELS = {f"h{n}": n for n in range(1, 7)}
_LISTS = frozenset({"ul", "ol", "menu"})
_HIDDEN = (
    "//*[@hidden or @aria-hidden='true' or contains(translate(@style, ' ', ''), 'display:none')"
    " or contains(translate(@style, ' ', ''), 'visibility:hidden')"
    " or @role='navigation' or @role='search' or @role='banner' or @role='contentinfo']"
)
_LEADS = "//p[contains(@class, 'admonition-title')] | //aside/span[@class='label'] | //div/span[@class='label']"
_PERMALINKS = (
    "//a[contains(@class, 'headerlink') or contains(@class, 'anchor-link') or contains(@class, 'permalink')"
    " or contains(@class, 'hash-link') or contains(@class, 'viewcode-') or contains(@class, 'heading-anchor')]"
    " | //span[contains(@class, 'viewcode-link')]"
    " | //td[contains(@class, 'linenos')] | //span[contains(@class, 'linenos')]"
)
_MARKS = frozenset({"", "¶", "#", "§", "🔗"})
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)


def load(data: bytes, name: str) -> Document:
    """Return the main content of the HTML page `data`."""
    root = _parse(data)
    _prune(root)
    builder = DocumentBuilder()
    try:
        main = _main(root)
        _Writer(builder).flow(main)
    except RecursionError as error:
        raise LoadFailed(TOO_DEEP) from error
    document = builder.build("html", _title(root, main), _metadata(root))
    if not document.blocks:
        raise LoadFailed(
            "the page holds no text", hint="if it is drawn by JavaScript, save it from the browser and ingest that file"
        )
    return document if document.title else replace(document, title=PurePath(name).stem)


def _parse(data: bytes) -> Any:
    if not data.strip():
        raise LoadFailed("the file is empty")
    if len(data) > MAX_BYTES or data.count(b"<") > MAX_TAGS:
        raise LoadFailed("the page is too large to read as one document", hint="split it into several pages")
    text = _decode(data)
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = lxml.html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise LoadFailed(f"the page cannot be parsed as HTML: {error}") from error
    if any("depth" in entry.message for entry in parser.error_log):
        raise LoadFailed(TOO_DEEP)
    return root


def _decode(data: bytes) -> str:
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        raise LoadFailed("the file is binary, not HTML", hint="check that its extension says what it is")
    declared = _META_CHARSET.search(data[:4096])
    if declared:
        try:
            return data.decode(declared[1].decode("ascii"))
        except (LookupError, ValueError):
            pass
    return decode(data)[0]


def _prune(root: Any) -> None:
    """Empty what is not shown; emptied elements stay as inline ones so that the text after them keeps its place."""
    for element in [*root.iter(*_DROPPED), *root.xpath(_HIDDEN), *root.xpath(_PERMALINKS)]:
        if element.tag == "aside" and any(word in element.get("class", "") for word in _KEPT_ASIDES):
            continue
        if element.tag in ("body", "html", "main") or element.getparent() is None:
            continue
        titles = _own_titles(element) if element.tag == "header" else []
        element.clear(keep_tail=True)
        element.tag = "div" if titles or element.tag in _BLOCKS else "span"
        element.extend(titles)
    _join_leads(root)


def _join_leads(root: Any) -> None:
    """Put what stands apart on the page by style only (kinds, "Note", footnote marks) into the text it belongs to."""
    for kind in root.iter("span"):
        if kind.get("class") == "classifier" and kind.text and not kind.text.lstrip().startswith(":"):
            kind.text = f" : {kind.text}"  # the colon of "name : type" is drawn by Sphinx's style sheet
    for lead in root.xpath(_LEADS):
        following = lead.getnext()
        if following is not None and following.tag == "p":
            title = _inline(lead)
            mark = "" if title.endswith(("]", ":", ".")) or not title else ":"
            following.text = f"{title}{mark} {following.text or ''}"
            lead.clear(keep_tail=True)


def _own_titles(header: Any) -> list[Any]:
    """Return the headings of a `header` that belongs to the content and not to the site."""
    inside = any(parent.tag in ("main", "article") for parent in header.iterancestors())
    return list(header.iter("h1", "h2")) if inside else []


def _main(root: Any) -> Any:
    """Return the element that holds the content: `main`, or the one `article` that makes up most of it."""
    body = root.find("body")
    whole = root if body is None else body
    main = next((element for element in root.xpath("//main | //*[@role='main']") if _size(element)), whole)
    articles = list(main.iterdescendants("article"))
    if len(articles) == 1 and 2 * _size(articles[0]) > _size(main):
        return articles[0]
    return main


def _size(element: Any) -> float:
    """Return the number of characters that `element` shows."""
    return float(element.xpath("string-length(normalize-space(.))"))


def _title(root: Any, main: Any) -> str:
    """Return the content's first `h1` where `title` starts with it (the rest is the site's name), else `title`."""
    title = _heading(root.find(".//head/title"))
    first = next((text for text in map(_heading, main.iter("h1")) if text), "")
    return first if not title or (first and title.startswith(first)) else title


def _heading(element: Any) -> str:
    if element is None:
        return ""
    for link in element.iter("a"):
        if _inline(link) in _MARKS:
            link.text = ""
    return _inline(element).rstrip("¶").rstrip()


def _metadata(root: Any) -> dict[str, str]:
    found = {"language": root.get("lang", "")}
    for meta in root.iter("meta"):
        key = (meta.get("name") or meta.get("property") or "").lower().removeprefix("article:")
        if key in ("author", "date", "description", "generator"):
            found.setdefault(key, " ".join((meta.get("content") or "").split()))
    return {key: value for key, value in found.items() if value}


def _inline(element: Any) -> str:
    """Return the display text of `element` as one line."""
    return " ".join(_text(element).split())


def _text(element: Any) -> str:
    if not len(element):
        return element.text or ""
    pieces: list[str] = []
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            gap = node is not element and (node.tag in _BLOCKS or node.tag == "br")
            pieces += ["\n" if gap else "", node.text or ""]
        elif node is not element:
            pieces += ["\n" if node.tag in _BLOCKS else "", node.tail or ""]
    return "".join(pieces)


class _Writer:
    """Walks block elements in order and hands them to the builder; loose inline text between them is a paragraph."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._level = 0
        self._depth = 0
        self._in_entry = False
        self._loose: list[str] = []

    def flow(self, element: Any) -> None:
        """Add what `element` holds."""
        if self._depth >= MAX_DEPTH:
            self._loose.append(_text(element))
            self._flush()
            return
        self._depth += 1
        self._loose.append(element.text or "")
        for child in element:
            self._child(child)
            self._loose.append(child.tail or "")
        self._flush()
        self._depth -= 1

    def _child(self, child: Any) -> None:
        if child.tag in _BLOCKS:
            self._flush()
            self._block(child)
        elif len(child) and next(child.iterdescendants("p", "pre", "div", "ul", "ol", "table"), None) is not None:
            self.flow(child)
        else:
            self._loose.append("\n" if child.tag == "br" else _text(child))

    def _flush(self) -> None:
        text, self._loose = "".join(self._loose), []
        if text.strip():
            self._builder.paragraph(text)

    def _block(self, element: Any) -> None:
        tag = element.tag
        if tag in _LEVELS:
            self._level = _LEVELS[tag]
            self._builder.heading(_heading(element), self._level)
        elif tag == "p" and "rubric" in element.get("class", "").split():
            self._builder.heading(_heading(element), self._level + 1)
        elif tag == "p" and (not len(element) or element.find(".//pre") is None):
            self._builder.paragraph(_inline(element))
        elif tag == "pre":
            self._builder.add(BlockKind.CODE, _code(element))
        elif tag in _LISTS:
            self._builder.add(BlockKind.LIST, "\n".join(_list_lines(element, 0)))
        elif tag == "dl":
            self._definitions(element)
        elif tag == "table" and not _is_layout(element):
            self._table(element)
        else:
            self.flow(element)

    def _definitions(self, element: Any) -> None:
        if not any("sig" in child.get("class", "").split() for child in element.iter("dt")):
            self._fields(element)
            return
        outer, self._level, self._in_entry = (self._level, self._in_entry), self._level + 1, True
        for child in element:
            if child.tag == "dt":
                self._signature(_heading(child))
            else:
                self.flow(child)
        self._builder.close(self._level)
        self._level, self._in_entry = outer

    def _fields(self, element: Any) -> None:
        """An API entry's fields (Parameters, Returns) head their own lists; other definitions are one list."""
        fields = list(element) if self._in_entry and "field-list" in element.get("class", "") else []
        for child in fields:
            if child.tag == "dt":
                self._builder.heading(_heading(child).rstrip(":"), self._level + 1)
            else:
                self.flow(child)
        if not fields:
            self._builder.add(BlockKind.LIST, "\n".join(_definition_lines(element, 0)))

    def _signature(self, signature: str) -> None:
        """A long signature heads its entry by name and stands in full below, so that heading paths stay readable."""
        if len(signature) <= LONG_SIGNATURE:
            self._builder.heading(signature, self._level)
            return
        self._builder.heading(signature.partition("(")[0], self._level)
        self._builder.add(BlockKind.CODE, signature)

    def _table(self, element: Any) -> None:
        caption = element.find("caption")
        if caption is not None:
            self._builder.paragraph(_heading(caption))
        rows = (" | ".join(_inline(cell) for cell in row if cell.tag in ("td", "th")) for row in element.iter("tr"))
        self._builder.add(BlockKind.TABLE, "\n".join(row for row in rows if row.strip(" |")))


def _is_layout(table: Any) -> bool:
    if table.get("role") == "presentation":
        return True
    return any(next(table.iterdescendants(tag), None) is not None for tag in ("table", "pre", "h1", "h2", "h3"))


def _code(pre: Any) -> str:
    """Return the text of `pre` verbatim; only a line break element is a line break."""
    for line_break in pre.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")
    return "".join(pre.itertext())


def _list_lines(element: Any, depth: int) -> Iterator[str]:
    ordered = element.tag == "ol"
    number = 1
    for child in element:
        if child.tag in _LISTS:
            yield from _list_lines(child, depth + 1)
        elif child.tag == "li":
            yield from _entry_lines(child, f"{number}. " if ordered else "- ", depth)
            number += 1


def _definition_lines(element: Any, depth: int) -> Iterator[str]:
    term = ""
    for child in element:
        if child.tag == "dt":
            if term:
                yield "  " * depth + f"- {term}"
            term = _heading(child)
        elif child.tag == "dd":
            yield from _entry_lines(child, f"- {term} — " if term else "- ", depth)
            term = ""
        elif child.tag == "div":
            yield from _definition_lines(child, depth)
    if term:
        yield "  " * depth + f"- {term}"


_NESTED: dict[str, Callable[[Any, int], Iterator[str]]] = {
    "ul": _list_lines,
    "ol": _list_lines,
    "menu": _list_lines,
    "dl": _definition_lines,
}


def _entry_lines(element: Any, mark: str, depth: int) -> Iterator[str]:
    """Yield an entry's own text on one line, then its nested lists and code, indented below it."""
    own: list[str] = []
    below: list[str] = []
    _split_entry(element, own, below, depth)
    head = " ".join("".join(own).split())
    if head or below:
        yield "  " * depth + f"{mark}{head}".rstrip().removesuffix(" —")
    yield from below


def _split_entry(element: Any, own: list[str], below: list[str], depth: int) -> None:
    own.append(element.text or "")
    for child in element:
        if child.tag in _NESTED and depth < MAX_DEPTH:
            below += _NESTED[child.tag](child, depth + 1)
        elif child.tag == "pre":
            below += ("  " * (depth + 1) + line for line in _code(child).strip("\n").split("\n"))
        elif _holds_structure(child) and depth < MAX_DEPTH:
            _split_entry(child, own, below, depth)
        else:
            own += [" " if child.tag in _BLOCKS or child.tag == "br" else "", _text(child)]
        own.append(" " if child.tag in _BLOCKS else "")
        own.append(child.tail or "")


def _holds_structure(element: Any) -> bool:
    return next(element.iterdescendants("ul", "ol", "menu", "dl", "pre"), None) is not None
