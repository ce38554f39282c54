"""Markdown to a `Document`: CommonMark with tables, front matter, and the directives of MyST and MkDocs as text."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.loaders.build import DocumentBuilder
from ingest.loaders.front import front_matter
from ingest.loaders.markdown_source import chunks, lead, tidy
from ingest.loaders.pieces import BULLET, Piece, emit, join_items, list_item, table_rows
from ingest.loaders.reading import expand, read_text
from ingest.loaders.rst import Parser
from ingest.loaders.rst_inline import Inline, role_text
from kb.types import BlockKind, Document

_DEEPEST = 40
_TAG = re.compile(r"<[^<>]{0,2000}>")
_HIDDEN = (
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<(?:script|style)\b", re.IGNORECASE), re.compile(r"</(?:script|style)\s*>", re.IGNORECASE)),
)
_DIRECTIVE = re.compile(r"\{([\w:+.-]+)\}\s*(.*)")
_ROLE = re.compile(r"\{([\w:+.-]{1,60})\}\Z")
_CODE_DIRECTIVES = frozenset(
    ("code", "code-block", "code-cell", "sourcecode", "ipython", "literalinclude", "prompt", "parsed-literal")
)
_DROPPED = frozenset(("toctree", "contents", "include", "image", "raw", "bibliography", "mermaid"))
_HEADING = re.compile(r"<h([1-6])\b[^<>]{0,300}>(.{1,500}?)</h\1>", re.IGNORECASE | re.DOTALL)
_OPTION = re.compile(r":[\w-]+:")


def load(data: bytes, name: str) -> Document:
    """Return the document of a Markdown file; raise `LoadFailed` where it is empty or binary."""
    return read(read_text(data, name, "Markdown"), name)


def read(text: str, name: str) -> Document:
    """Return the document of normalised Markdown; front matter becomes metadata."""
    metadata, skip = front_matter(text)
    return build(text, skip, name, kind="markdown", metadata=metadata)


def build(text: str, skip: int, name: str, *, kind: str, metadata: Mapping[str, str]) -> Document:
    """Return the document of `text` after its first `skip` lines; the title is the header's, a heading or `name`."""
    builder = DocumentBuilder()
    emit(pieces(text, skip), builder)
    document = builder.build(kind, metadata.get("title", ""), metadata)
    return document if document.title else builder.build(kind, name, metadata)


def pieces(text: str, skip: int = 0) -> list[Piece]:
    """Return the pieces of `text`, its first `skip` lines left out."""
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table").enable("strikethrough")
    out: list[Piece] = []
    for chunk in chunks(tidy(text, skip)):
        if chunk.plain:
            out.append(Piece(BlockKind.PARAGRAPH, " ".join(chunk.text.split()), chunk.line + 1))
        else:
            out += _Walk(parser, chunk.line).blocks(parser.parse(chunk.text))
    return out


class _Walk:
    """Turns one token stream into pieces; `line` is how many lines stand before it in the file."""

    def __init__(self, parser: MarkdownIt, line: int, *, nested: int = 0) -> None:
        self._parser = parser
        self._line = line
        self._nested = nested

    def blocks(self, tokens: Sequence[Token], *, headings: bool = True) -> list[Piece]:
        out: list[Piece] = []
        i = 0
        while i < len(tokens):
            after = _matching(tokens, i)
            out += self._block(tokens[i], tokens[i + 1 : after - 1], headings)
            i = after
        return out

    def _block(self, token: Token, inner: Sequence[Token], headings: bool) -> list[Piece]:
        line = self._at(token)
        match token.type:
            case "heading_open":
                kind = BlockKind.HEADING if headings else BlockKind.PARAGRAPH
                return [Piece(kind, _text(inner), line, int(token.tag[1:]) if headings else 0)]
            case "paragraph_open":
                return [Piece(BlockKind.PARAGRAPH, _text(inner), line)]
            case "fence":
                return self._fence(token, line)
            case "code_block":
                return [Piece(BlockKind.CODE, token.content, line)]
            case "html_block":
                return _html(token.content, line, headings)
            case "bullet_list_open":
                return self._list(inner, lambda item: BULLET)
            case "ordered_list_open":
                return self._list(inner, lambda item: f"{item.info}{item.markup} ")
            case "table_open":
                return [Piece(BlockKind.TABLE, table_rows(_rows(inner)), line)]
            case "blockquote_open":
                return self.blocks(inner, headings=False)
            case "inline":
                return [Piece(BlockKind.PARAGRAPH, _text([token]), line)]
        return []

    def _list(self, inner: Sequence[Token], marker: Callable[[Token], str]) -> list[Piece]:
        items: list[list[Piece]] = []
        i = 0
        while i < len(inner):
            after = _matching(inner, i)
            body = self.blocks(inner[i + 1 : after - 1], headings=False)
            items.append(list_item(marker(inner[i]), self._at(inner[i]), body))
            i = after
        return join_items(items)

    def _fence(self, token: Token, line: int) -> list[Piece]:
        match = _DIRECTIVE.match(token.info.strip())
        if not match or match[1] in _CODE_DIRECTIVES:
            return [Piece(BlockKind.CODE, _body(token.content) if match else token.content, line + 1)]
        return self._directive(match[1], match[2], token.content, line)

    def _directive(self, name: str, argument: str, content: str, line: int) -> list[Piece]:
        """Return a MyST directive's content as text, its name as lead word where it is an admonition."""
        if name in _DROPPED:
            return []
        if name == "math":
            return [Piece(BlockKind.PARAGRAPH, " ".join(_body(content).split()), line)]
        if name == "eval-rst":
            return _rst(content, line)
        body = _options_blanked(content)
        if self._nested >= 3:
            return [Piece(BlockKind.PARAGRAPH, " ".join(body.split()), line)]
        walk = _Walk(self._parser, line, nested=self._nested + 1)
        read = walk.blocks(self._parser.parse("\n".join(tidy(body, 0))), headings=False)
        first = lead(name, argument)
        if read and not argument and first and read[0].kind is BlockKind.PARAGRAPH:
            return [Piece(BlockKind.PARAGRAPH, f"{first} {read[0].text}", line), *read[1:]]
        return [Piece(BlockKind.PARAGRAPH, first, line), *read]

    def _at(self, token: Token) -> int:
        return self._line + (token.map[0] if token.map else 0) + 1


def _matching(tokens: Sequence[Token], i: int) -> int:
    """Return the index after the token that closes the one at `i`."""
    depth = 0
    for k in range(i, len(tokens)):
        depth += tokens[k].nesting
        if depth <= 0:
            return k + 1
    return len(tokens)


def _rows(tokens: Sequence[Token]) -> Iterable[list[str]]:
    row: list[str] = []
    for token in tokens:
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(_text([token]))
        elif token.type == "tr_close":
            yield row


def _text(tokens: Iterable[Token]) -> str:
    """Return inline tokens as display text on one line."""
    return " ".join("".join(_inline(token.children or ()) for token in tokens).split())


def _inline(children: Sequence[Token]) -> str:
    out: list[str] = []
    for token in children:
        if token.type in ("text", "text_special"):
            out.append(token.content)
        elif token.type == "code_inline":
            role = _ROLE.search(out[-1]) if out else None
            if role:
                out[-1] = out[-1][: role.start()]
            out.append(role_text(role[1], token.content) if role else token.content)
        elif token.type == "image":
            out.append(token.content if not token.children else _inline(token.children))
        elif token.type in ("softbreak", "hardbreak") or token.content[:3] == "<br":
            out.append(" ")
    return "".join(out)


def _rst(content: str, line: int) -> list[Piece]:
    lines = [(line + i, text) for i, text in enumerate(expand(content), start=1)]
    return Parser(Inline(content)).inside(lines)


def _html(source: str, line: int, headings: bool) -> list[Piece]:
    """Return the paragraphs of raw HTML; one heading in it, as projects centre their title, is a heading."""
    match = _HEADING.search(source) if headings else None
    parts = [source] if not match else [source[: match.start()], source[match.end() :]]
    out = [[Piece(BlockKind.PARAGRAPH, text, line) for text in strip_html(part)] for part in parts]
    if not match:
        return out[0]
    title = Piece(BlockKind.HEADING, " ".join(strip_html(match[2])), line, int(match[1]))
    return [*out[0], title, *out[1]]


def strip_html(source: str) -> list[str]:
    """Return the text of raw HTML, one entry per paragraph; tags, comments, scripts and styles are gone."""
    for opened, closed in _HIDDEN:
        source = _without(source, opened, closed)
    bare = html.unescape(_TAG.sub(" ", source))
    parts = (" ".join(part.split()) for part in re.split(r"\n[ \t]*\n", bare))
    return [part for part in parts if part]


def _without(source: str, opened: re.Pattern[str], closed: re.Pattern[str]) -> str:
    """Return `source` without what stands between `opened` and `closed`; one that is never closed is kept."""
    out: list[str] = []
    position = 0
    while (first := opened.search(source, position)) and (last := closed.search(source, first.end())):
        out.append(source[position : first.start()])
        position = last.end()
    return " ".join([*out, source[position:]])


def _body(content: str) -> str:
    """Return a directive's content without its options."""
    return _options_blanked(content).strip("\n")


def _options_blanked(content: str) -> str:
    """Return `content` with its leading option lines blanked, so that line numbers stay right."""
    lines = content.split("\n")
    i = 0
    while i < len(lines) and _OPTION.match(lines[i]):
        lines[i] = ""
        i += 1
    return "\n".join(lines)
