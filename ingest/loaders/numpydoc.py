"""Docstrings to blocks: NumPy and Google sections as sub-headings, one entry a parameter, doctests as code.

`sections` splits a docstring, `render` writes it below the heading in force; inline markup reads as display text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import cleandoc

from ingest.loaders.build import DocumentBuilder
from ingest.loaders.pieces import Piece, list_item
from ingest.loaders.reading import expand
from ingest.loaders.rst import Parser
from ingest.loaders.rst_inline import Inline
from kb.text import normalise
from kb.types import BlockKind

Lines = list[tuple[int, str]]

_ENTRIES = frozenset(
    {
        "Parameters",
        "Other Parameters",
        "Keyword Arguments",
        "Attributes",
        "Methods",
        "Returns",
        "Yields",
        "Receives",
        "Raises",
        "Warns",
    }
)
_NAMED_LATER = frozenset({"Returns", "Yields", "Receives"})
_GOOGLE = {
    "args": "Parameters",
    "arguments": "Parameters",
    "parameters": "Parameters",
    "params": "Parameters",
    "keyword args": "Keyword Arguments",
    "keyword arguments": "Keyword Arguments",
    "other parameters": "Other Parameters",
    "attributes": "Attributes",
    "methods": "Methods",
    "return": "Returns",
    "returns": "Returns",
    "yield": "Yields",
    "yields": "Yields",
    "raises": "Raises",
    "warns": "Warns",
    "note": "Notes",
    "notes": "Notes",
    "example": "Examples",
    "examples": "Examples",
    "see also": "See Also",
    "references": "References",
    "warning": "Warnings",
    "warnings": "Warnings",
    "todo": "Todo",
}
_UNDERLINE = re.compile(r"(-{3,}|={3,})\Z")
_TITLE = re.compile(r"[A-Z][\w /-]{1,40}\Z")
_GOOGLE_TITLE = re.compile(r"([A-Z][A-Za-z ]{2,20}):{1,2}\Z")
_GOOGLE_ENTRY = re.compile(
    r"(\*{0,2}[A-Za-z_][\w.]*(?:, ?\*{0,2}[A-Za-z_][\w.]*)*) ?(?:\((.{1,300}?)\))?:(?: +(.*))?\Z"
)
_CITED = re.compile(r"\.\. \[([^\]]{1,40})\]\s*(.*)\Z")
_FIELD = re.compile(r":(param|parameter|arg|argument|keyword|type|returns?|rtype|raises?|yields?)\b([^:]*):\s*(.*)\Z")
_DASH = " — "


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled part of a docstring (the first has no title); `google` says that its entries are Google's."""

    title: str
    lines: tuple[str, ...]
    google: bool = False


def sections(docstring: str) -> tuple[Section, ...]:
    """Split a docstring at its section titles."""
    lines = expand(normalise(cleandoc(docstring)))
    found: list[Section] = []
    title, google, body = "", False, list[str]()
    at = 0
    while at < len(lines):
        skip, name, is_google = _header(lines, at)
        if not skip:
            body.append(lines[at])
            at += 1
            continue
        found.append(Section(title=title, lines=tuple(body), google=google))
        title, google, body = name, is_google, []
        at += skip
    found.append(Section(title=title, lines=tuple(body), google=google))
    return tuple(section for section in found if section.title or any(section.lines))


def _header(lines: list[str], at: int) -> tuple[int, str, bool]:
    """Return how many lines the section title at `at` takes (0: none), the title, and whether it is Google's."""
    line = lines[at]
    following = lines[at + 1] if at + 1 < len(lines) else ""
    if _UNDERLINE.match(following) and _TITLE.match(line):
        return 2, _GOOGLE.get(line.lower(), line) if line.lower() != "note" else line, False
    match = _GOOGLE_TITLE.match(line)
    if match and match[1].lower() in _GOOGLE and following.startswith(" "):
        return 1, _GOOGLE[match[1].lower()], True
    return 0, "", False


def summary(docstring: str) -> str:
    """Return the first paragraph of a docstring as one line of display text."""
    lines = cleandoc(normalise(docstring)).split("\n\n", 1)[0]
    return Inline("").show(" ".join(lines.split()))


def render(builder: DocumentBuilder, docstring: str, *, level: int) -> None:
    """Write a docstring below the heading in force; its sections become headings of `level`."""
    writer = _Writer(builder, Inline(docstring), level)
    for section in sections(docstring):
        writer.section(section)


class _Writer:
    """Writes sections to a builder, each by its own rule; what has no rule is prose."""

    def __init__(self, builder: DocumentBuilder, inline: Inline, level: int) -> None:
        self._builder = builder
        self._inline = inline
        self._level = level

    def section(self, section: Section) -> None:
        lines = list(section.lines)
        if section.title:
            self._builder.heading(section.title, self._level)
        if section.google:
            lines = cleandoc("\n".join(["", *lines])).split("\n")
        if section.title in _ENTRIES:
            self._entries(section, lines)
        elif section.title == "See Also" and not section.google:
            self._add(_see_also(lines, self._inline))
        elif section.title == "References":
            self._add(_references(lines, self._inline))
        else:
            self._prose(lines)

    def _entries(self, section: Section, lines: list[str]) -> None:
        split = _google_entries(lines, section.title) if section.google else _numpy_entries(lines)
        for head, body in split:
            if not head:
                self._prose(body)
                continue
            shown = self._inline.show(head) if "`" in head or "\\" in head else head
            pieces = Parser(self._inline).inside(list(enumerate(body, start=1)))
            prose = bool(pieces) and pieces[0].kind is BlockKind.PARAGRAPH
            self._add(list_item(shown + (_DASH if prose else " "), 1, pieces))

    def _prose(self, lines: list[str]) -> None:
        for part in _split_fields(lines):
            if part.title:
                self._builder.heading(part.title, self._level)
                self._entries(part, list(part.lines))
            else:
                self._add(_joined_doctests(Parser(self._inline).blocks(list(enumerate(part.lines, start=1)))))

    def _add(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if piece.kind is BlockKind.HEADING:
                self._builder.heading(piece.text, self._level + piece.level)
            elif piece.kind is not None:
                self._builder.add(piece.kind, piece.text)


def _numpy_entries(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield (head, dedented description): a head stands at the margin, its description is indented."""
    head, body = "", list[str]()
    for index, line in enumerate(lines):
        if not line or line.startswith(" ") or (not head and not _begins_entry(lines, index)):
            body.append(line)
            continue
        yield from _entry(head, body)
        head, body = line, []
    yield from _entry(head, body)


def _begins_entry(lines: list[str], index: int) -> bool:
    """Tell whether a line at the margin opens an entry; prose before the entries and bare directives do not."""
    line = lines[index]
    if line.startswith((".. ", ">>>", "- ", "* ")):
        return False
    following = next((text for text in lines[index + 1 :] if text), "")
    alone = index + 1 == len(lines) or not lines[index + 1]
    return " : " in line or following.startswith(" ") or (alone and len(line.split()) <= 4)


def _entry(head: str, body: list[str]) -> Iterator[tuple[str, list[str]]]:
    if head or any(body):
        yield " ".join(head.split()), cleandoc("\n".join(["", *body])).split("\n")


def _google_entries(lines: list[str], title: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (head, description) of `name (type): text` entries; returned values may have no name."""
    head, body = "", list[str]()
    for line in lines:
        match = _GOOGLE_ENTRY.match(line) if not line.startswith(" ") else None
        if match is None and title in _NAMED_LATER and not head and line and not body:
            kind, colon, text = line.partition(": ")
            match_head, rest = (kind, text) if colon and len(kind) <= 60 else ("", line)
            head, body = match_head, [rest]
            continue
        if match is None:
            body.append(line)
            continue
        yield from _google_entry(head, body)
        head = f"{match[1]} : {match[2]}" if match[2] else match[1]
        body = [match[3] or ""]
    yield from _google_entry(head, body)


def _google_entry(head: str, body: list[str]) -> Iterator[tuple[str, list[str]]]:
    if head or any(body):
        rest = cleandoc("\n".join(["", *body[1:]])).split("\n") if len(body) > 1 else []
        yield head, [*body[:1], *rest]


def _split_fields(lines: list[str]) -> Iterator[Section]:
    """Split prose at Sphinx field lists (`:param x: …`); their fields become sections of entries."""
    fields: dict[str, list[str]] = {}
    types: dict[str, str] = {}
    prose: list[str] = []
    target = prose
    for line in lines:
        match = _FIELD.match(line)
        if match is None:
            target = target if not line or line.startswith(" ") else prose
            target.append(line)
            continue
        kind, name, text = match[1], match[2].strip(), match[3]
        if kind in ("type", "rtype"):
            types[name] = text
            target = []
            continue
        target = fields.setdefault(_field_title(kind), [])
        target += [name or "value", f"    {text}"]
    if any(prose):
        yield Section(title="", lines=tuple(prose))
    for title, entries in fields.items():
        yield Section(title=title, lines=tuple(_typed(entries, types, title)))


def _field_title(kind: str) -> str:
    if kind.startswith(("param", "arg", "keyword")):
        return "Parameters"
    return {"return": "Returns", "raise": "Raises", "yield": "Yields"}[kind.rstrip("s")]


def _typed(entries: list[str], types: dict[str, str], title: str) -> Iterator[str]:
    for line in entries:
        name = line if not line.startswith(" ") else ""
        kind = types.get(name) or (types.get("") if title == "Returns" and name == "value" else None)
        if name == "value" and kind:
            yield kind
        else:
            yield f"{line} : {kind}" if name and kind else line


def _see_also(lines: list[str], inline: Inline) -> Iterator[Piece]:
    """Yield one LIST piece: related objects, one a line, each with what it does."""
    rows: list[str] = []
    for line in lines:
        text = inline.show(line)
        if not text:
            continue
        if line.startswith(" ") and rows:
            rows[-1] += f" {text}" if " : " in rows[-1] else f" : {text}"
        else:
            rows.append(text)
    yield Piece(BlockKind.LIST, "\n".join(rows), 1)


def _references(lines: list[str], inline: Inline) -> Iterator[Piece]:
    """Yield one LIST piece with the references, one a line, each marked as the text cites it."""
    rows: list[str] = []
    fresh = True
    for line in lines:
        match = _CITED.match(line)
        if match:
            rows.append(f"[{match[1].lstrip('#')}] {match[2]}".rstrip())
        elif line and rows and not fresh:
            rows[-1] += f" {line.strip()}"
        elif line:
            rows.append(line.strip())
        fresh = not line
    yield Piece(BlockKind.LIST, "\n".join(inline.show(row) for row in rows), 1)


def _joined_doctests(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Join doctests that stand directly below each other: blank lines within an example do not end it."""
    last: Piece | None = None
    for piece in pieces:
        both = last and last.kind is BlockKind.CODE and piece.kind is BlockKind.CODE and piece.text.startswith(">>>")
        if last and both:
            last = Piece(BlockKind.CODE, f"{last.text}\n\n{piece.text}", last.line)
            continue
        if last:
            yield last
        last = piece
    if last:
        yield last
