"""reStructuredText to a `Document`, line by line: display text, exact structure, Sphinx's directives included.

docutils knows neither Sphinx's roles nor its directives and stops at the errors that real documentation is full of,
so this reader goes by layout alone: it never fails on markup, and what it does not know it keeps as text.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from ingest.loaders import rst_directives as directives
from ingest.loaders.build import DocumentBuilder
from ingest.loaders.pieces import Piece, emit, flat, join_items, list_item, table_rows
from ingest.loaders.reading import expand, read_text
from ingest.loaders.rst_inline import Inline
from ingest.loaders.rst_tables import GRID_TOP, SIMPLE_TOP, Lines, Row, grid_end, grid_rows, simple_end, simple_rows
from kb.types import BlockKind, Document

_DEEPEST = 40
_PUNCTUATION = frozenset(string.punctuation)
_LONGEST_RULE = 1000
_BULLET = re.compile(r"[*+\-•‣⁃](?: +|\Z)")
_ENUMERATOR = re.compile(r"(\(?(?:\d{1,9}|[A-Za-z]|[ivxlcdm]{1,8}|[IVXLCDM]{1,8}|#)[.)])(?: +|\Z)")
_FIELD = re.compile(r":(?![: ])((?:[^:\n]|:(?![ `]|\Z)){1,200})(?<! ):(?: +|\Z)(?!`)")
_OPTION = re.compile(
    r"((?:--?|/)[A-Za-z?][\w-]*(?:[ =]<?[\w.-]+>?)?(?:, --?[A-Za-z][\w-]*(?:[ =]<?[\w.-]+>?)?)*)(?:  +|\Z)"
)
_FOOTNOTE = re.compile(r"\[([#*]|#?[\w.:+-]{1,80})\](?: +|\Z)")
_DIRECTIVE = re.compile(r"([A-Za-z][\w+.:-]*?) ?::(?: +|\Z)")
_TEMPLATE = re.compile(r"(?:\{\{.*\}\}|\{%.*%\})\Z")
_FILE_WIDE = frozenset({"tocdepth"})
_CARD_RULES = frozenset({"+++", "^^^"})

Rule = Callable[["Parser", Lines, int, list[Piece]], int]


def load(data: bytes, name: str) -> Document:
    """Return the document of a reStructuredText file; raise `LoadFailed` where it is empty or binary."""
    return read(read_text(data, name, "reStructuredText"), name)


def read(text: str, name: str) -> Document:
    """Return the document of normalised reStructuredText."""
    builder = DocumentBuilder()
    lines = list(enumerate(expand(text), start=1))
    emit(Parser(Inline(text)).blocks(lines), builder)
    document = builder.build("rst", "")
    return document if document.title else builder.build("rst", name)


class Parser:
    """Reads dedented lines into pieces; `level` is the depth of the heading in force."""

    def __init__(self, inline: Inline) -> None:
        self.inline = inline
        self.level = 0
        self._styles: list[str] = []
        self._depth = 0
        self._flat = 0

    def blocks(self, lines: Lines) -> list[Piece]:
        """Return the pieces of `lines`."""
        if self._depth >= _DEEPEST:
            return self._too_deep(lines)
        self._depth += 1
        out: list[Piece] = []
        i = 0
        while i < len(lines):
            i = self._block(lines, i, out) if lines[i][1] else i + 1
        self._depth -= 1
        return out

    def _block(self, lines: Lines, i: int, out: list[Piece]) -> int:
        for rule in _RULES:
            after = rule(self, lines, i, out)
            if after > i:
                return after
        raise AssertionError("the paragraph rule takes every line")

    def _too_deep(self, lines: Lines) -> list[Piece]:
        text = " ".join(line.strip() for _, line in lines if line)
        return [Piece(BlockKind.PARAGRAPH, text, lines[0][0])] if text else []

    def inside(self, lines: Lines) -> list[Piece]:
        """Return the pieces of a list item, cell or quotation, where headings read as paragraphs."""
        self._flat += 1
        pieces = self.blocks(lines)
        self._flat -= 1
        return pieces

    def paragraph(self, text: str, line: int) -> Piece:
        """Return a paragraph of inline markup."""
        return Piece(BlockKind.PARAGRAPH, self.inline.show(text), line)

    def heading(self, title: str, line: int) -> Piece:
        """Return a heading one level below the one in force."""
        if self._flat:
            return self.paragraph(title, line)
        return Piece(BlockKind.HEADING, self.inline.show(title), line, self.level + 1)

    def under(self, title: str, line: int, content: Lines) -> list[Piece]:
        """Return `content` under a heading of its own that ends with it; without a title, `content` alone."""
        if not title:
            return self.blocks(content)
        head = self.heading(title, line)
        if self._flat:
            return [head, *self.blocks(content)]
        before = self.level
        self.level += 1
        body = self.blocks(content)
        self.level = before
        return [head, *body, Piece(None, "", line, before + 1)]

    def table(self, rows: list[Row], line: int) -> list[Piece]:
        """Return a table of rows of cells, each cell read as a text of its own."""
        cells = [[flat(self.inside(dedent(cell))) for cell in row] for row in rows]
        return [Piece(BlockKind.TABLE, table_rows(cells), line)]

    def items(self, lines: Lines) -> list[Lines]:
        """Return the contents of the bullet items in `lines`."""
        out: list[Lines] = []
        i = 0
        while i < len(lines):
            match = _BULLET.match(lines[i][1])
            body, after = _item(lines, i, match.end() if match else 0)
            if match or not out:
                out.append(body)
            else:
                out[-1] = [*out[-1], *body]
            i = after
        return out

    def definitions(self, lines: Lines) -> list[tuple[list[str], int, Lines]]:
        """Return (terms, line, definition) for each entry of a definition list or glossary."""
        out: list[tuple[list[str], int, Lines]] = []
        i = 0
        while i < len(lines):
            if not lines[i][1]:
                i += 1
                continue
            start = i
            while i < len(lines) and lines[i][1] and not lines[i][1].startswith(" "):
                i += 1
            terms = [text for _, text in lines[start:i]]
            body, after = indented(lines, i)
            out.append((terms, lines[start][0], body))
            i = max(after, i)
        return out

    # Rules: each returns the index after the block that starts at `i`, or `i` where it does not apply.

    def quote(self, lines: Lines, i: int, out: list[Piece]) -> int:
        if not lines[i][1].startswith(" "):
            return i
        body, after = indented(lines, i)
        out += self.inside(body)
        return after

    def title(self, lines: Lines, i: int, out: list[Piece]) -> int:
        text = lines[i][1]
        following = lines[i + 1][1] if i + 1 < len(lines) else ""
        if _is_rule(text) and following and i + 2 < len(lines):
            title = following.strip()
            if lines[i + 2][1] == text and len(text) >= min(4, len(title)) and not _is_rule(title):
                return self._section(title, lines[i][0], text[0] * 2, out, i + 3)
        if _is_rule(following) and len(following) >= min(4, len(text)) and not _is_rule(text):
            if following == "::" and len(text) > 2:
                return i
            return self._section(text, lines[i][0], following[0], out, i + 2)
        return i

    def _section(self, title: str, line: int, style: str, out: list[Piece], after: int) -> int:
        if self._flat:
            out.append(self.paragraph(title, line))
            return after
        if style not in self._styles:
            self._styles.append(style)
        self.level = self._styles.index(style) + 1
        out.append(Piece(BlockKind.HEADING, self.inline.show(title), line, self.level))
        return after

    def transition(self, lines: Lines, i: int, out: list[Piece]) -> int:
        text = lines[i][1]
        alone = i + 1 == len(lines) or not lines[i + 1][1]
        return i + 1 if alone and len(text) >= 4 and _is_rule(text) else i

    def explicit(self, lines: Lines, i: int, out: list[Piece]) -> int:
        number, text = lines[i]
        if text.startswith("__ "):
            return i + 1
        if text != ".." and not text.startswith(".. "):
            return i
        first = text[3:].strip()
        if not first and (i + 1 == len(lines) or not lines[i + 1][1]):
            return i + 1
        body, after = indented(lines, i + 1)
        if match := _FOOTNOTE.match(first):
            mark = match[1].lstrip("#") or "#"
            out += list_item(f"[{mark}] ", number, self.inside([(number, first[match.end() :]), *body]))
            out[-1] = _as_paragraph(out[-1])
        elif match := _DIRECTIVE.match(first):
            given = directives.make(match[1], first[match.end() :], body, number)
            out += directives.read(self, given)
        return after

    def doctest(self, lines: Lines, i: int, out: list[Piece]) -> int:
        if not lines[i][1].startswith(">>>"):
            return i
        end = i
        while end < len(lines) and lines[end][1]:
            end += 1
        out.append(code(lines[i:end]))
        return end

    def grid(self, lines: Lines, i: int, out: list[Piece]) -> int:
        if not GRID_TOP.match(lines[i][1]):
            return i
        end = grid_end(lines, i)
        out += self.table(grid_rows(lines[i:end]), lines[i][0])
        return end

    def simple(self, lines: Lines, i: int, out: list[Piece]) -> int:
        if not SIMPLE_TOP.match(lines[i][1]):
            return i
        end = simple_end(lines, i)
        out += self.table(simple_rows(lines[i:end]), lines[i][0])
        return end

    def bullets(self, lines: Lines, i: int, out: list[Piece]) -> int:
        items: list[list[Piece]] = []
        while i < len(lines) and (match := _BULLET.match(lines[i][1])):
            body, after = _item(lines, i, match.end())
            items.append(list_item("- ", lines[i][0], self.inside(body)))
            i = after
        out += join_items(items)
        return i

    def enumerated(self, lines: Lines, i: int, out: list[Piece]) -> int:
        items: list[list[Piece]] = []
        while i < len(lines) and (match := _ENUMERATOR.match(lines[i][1])):
            if not _enumerates(lines, i):
                break
            mark = match[1].replace("#", str(len(items) + 1))
            body, after = _item(lines, i, match.end())
            items.append(list_item(f"{mark} ", lines[i][0], self.inside(body)))
            i = after
        out += join_items(items)
        return i

    def fields(self, lines: Lines, i: int, out: list[Piece]) -> int:
        items: list[list[Piece]] = []
        while i < len(lines) and (match := _FIELD.match(lines[i][1])):
            body, after = _item(lines, i, match.end())
            if not (self._depth == 1 and not out and (not body or match[1] in _FILE_WIDE)):
                items.append(list_item(f"{self.inline.show(match[1])}: ", lines[i][0], self.inside(body)))
            i = after
        out += join_items(items)
        return i

    def options(self, lines: Lines, i: int, out: list[Piece]) -> int:
        items: list[list[Piece]] = []
        while i < len(lines) and (match := _OPTION.match(lines[i][1])):
            body, after = _item(lines, i, match.end())
            items.append(list_item(f"{match[1]}: ", lines[i][0], self.inside(body)))
            i = after
        out += join_items(items)
        return i

    def line_block(self, lines: Lines, i: int, out: list[Piece]) -> int:
        rows: list[str] = []
        start = i
        while i < len(lines) and (lines[i][1] == "|" or lines[i][1].startswith(("| ", " ") if rows else "| ")):
            rows.append(self.inline.show(lines[i][1].lstrip("|")))
            i += 1
        if rows:
            out.append(Piece(BlockKind.PARAGRAPH, "\n".join(row for row in rows if row), lines[start][0]))
        return i

    def definition(self, lines: Lines, i: int, out: list[Piece]) -> int:
        items: list[list[Piece]] = []
        while i + 1 < len(lines) and _defines(lines, i):
            body, after = indented(lines, i + 1)
            term = self.inline.show(lines[i][1])
            mark = f"{term} " if term[-1:] in ":.?!" else f"{term}: "
            items.append(list_item(mark, lines[i][0], self.inside(body)))
            i = after
            while i < len(lines) and not lines[i][1]:
                i += 1
        out += join_items(items)
        return i

    def text(self, lines: Lines, i: int, out: list[Piece]) -> int:
        end = i + 1
        while end < len(lines) and _goes_on(lines[end - 1][1], lines[end][1]):
            end += 1
        words = " ".join(text for _, text in lines[i:end])
        literal = words.endswith("::")
        if literal:
            words = words[:-1] if words[-3:-2] not in ("", " ") else words[:-2].rstrip()
        if words not in ("", ":") and words not in _CARD_RULES and not _TEMPLATE.match(words):
            out.append(self.paragraph(words, lines[i][0]))
        return self._literal(lines, end, out) if literal else end

    def _literal(self, lines: Lines, i: int, out: list[Piece]) -> int:
        """Take the literal block that a paragraph's `::` announced: indented, or each line quoted by one character."""
        body, after = indented(lines, i)
        if body:
            out.append(code(body))
            return after
        start = i
        while start < len(lines) and not lines[start][1]:
            start += 1
        mark = lines[start][1][:1] if start < len(lines) else ""
        if start == i or not mark or mark.isalnum() or lines[start][1].startswith(".. ") or mark in ":`*[":
            return i
        end = start
        while end < len(lines) and lines[end][1].startswith(mark):
            end += 1
        out.append(code(lines[start:end]))
        return end


_RULES: tuple[Rule, ...] = (
    Parser.quote,
    Parser.simple,
    Parser.title,
    Parser.transition,
    Parser.explicit,
    Parser.doctest,
    Parser.grid,
    Parser.bullets,
    Parser.enumerated,
    Parser.fields,
    Parser.options,
    Parser.line_block,
    Parser.definition,
    Parser.text,
)


def code(lines: Lines) -> Piece:
    """Return `lines` verbatim as a code piece."""
    kept = [(number, text) for number, text in lines]
    while kept and not kept[0][1]:
        kept.pop(0)
    return Piece(BlockKind.CODE, "\n".join(text for _, text in kept), kept[0][0] if kept else 0)


def dedent(lines: Lines) -> Lines:
    """Return `lines` without their common indent and without blank lines at the ends."""
    first, last = 0, len(lines)
    while first < last and not lines[first][1]:
        first += 1
    while last > first and not lines[last - 1][1]:
        last -= 1
    kept = lines[first:last]
    indent = min((len(text) - len(text.lstrip(" ")) for _, text in kept if text), default=0)
    return [(number, text[indent:]) for number, text in kept] if indent else kept


def indented(lines: Lines, i: int) -> tuple[Lines, int]:
    """Return the indented block that starts at `i` or after blank lines, dedented, and the index after it."""
    end = i
    while end < len(lines) and (not lines[end][1] or lines[end][1].startswith(" ")):
        end += 1
    return dedent(lines[i:end]), end


def _item(lines: Lines, i: int, width: int) -> tuple[Lines, int]:
    """Return a list item's content, its marker of `width` cut off, and the index after the item.

    A line indented less than the content, but indented, still belongs to the item, and so do lines indented further.
    """
    number, text = lines[i]
    rest, after = indented(lines, i + 1)
    first = text[width:]
    kept = lines[i + 1 : after]
    if not first:
        return rest, after
    body = [(n, t[width:] if not t[:width].strip() else t.lstrip(" ")) for n, t in kept]
    over = min((len(t) - len(t.lstrip(" ")) for _, t in body if t), default=0)
    if over and not _opens(first):
        body = [(n, t[over:]) for n, t in body]
    return [(number, first), *body], after


def _opens(text: str) -> bool:
    """Tell whether `text` opens something whose own lines are indented further."""
    return text.endswith("::") or text.startswith(".. ") or bool(_BULLET.match(text) or _ENUMERATOR.match(text))


def _is_rule(text: str) -> bool:
    """Tell whether `text` is one punctuation character repeated, as under a title."""
    return text[:1] in _PUNCTUATION and len(text) <= _LONGEST_RULE and text == text[0] * len(text)


def _enumerates(lines: Lines, i: int) -> bool:
    """Tell whether the line after an enumerator fits a list, so that "A. Author" opening a paragraph does not."""
    if i + 1 >= len(lines) or not lines[i + 1][1]:
        return True
    following = lines[i + 1][1]
    return following.startswith(" ") or _ENUMERATOR.match(following) is not None


def _defines(lines: Lines, i: int) -> bool:
    term, following = lines[i][1], lines[i + 1][1]
    if not term or term.startswith((" ", ".. ", ">>>")) or term.endswith("::"):
        return False
    return following.startswith(" ") and not _BULLET.match(term) and not _FIELD.match(term)


def _goes_on(before: str, line: str) -> bool:
    """Tell whether `line` belongs to the paragraph whose last line is `before`."""
    if not line or line.startswith(" "):
        return False
    if line.startswith(".. ") and _DIRECTIVE.match(line[3:]):
        return False
    return not (before.endswith(":") and line.startswith(("- ", "* ")))


def _as_paragraph(piece: Piece) -> Piece:
    return Piece(BlockKind.PARAGRAPH, piece.text, piece.line) if piece.kind is BlockKind.LIST else piece
