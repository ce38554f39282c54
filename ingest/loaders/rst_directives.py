"""Directives of reStructuredText and Sphinx to pieces: what each shows to a reader.

A directive that is not known shows its argument and its content, so that no text is lost.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.loaders.pieces import Piece, flat, table_rows
from ingest.loaders.rst_tables import Lines
from kb.types import BlockKind

if TYPE_CHECKING:
    from ingest.loaders.rst import Parser

_OPTION = re.compile(r":([A-Za-z][\w -]*):(?: +(.*))?\Z")
_NAME = re.compile(r"[~!]?([\w.]+)")


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: the first line's text, the lines up to options or a blank line, the options and the rest."""

    name: str
    first: str
    head: Lines
    options: Mapping[str, str]
    content: Lines
    line: int

    @property
    def argument(self) -> str:
        """The argument with its continuation lines."""
        return " ".join([self.first, *(text.strip() for _, text in self.head)]).strip()

    @property
    def everything(self) -> Lines:
        """The first line and all that follows, for directives whose argument is content."""
        first = [(self.line, self.first)] if self.first else []
        gap = [(self.line, "")] if self.content and (first or self.head) else []
        return [*first, *self.head, *gap, *self.content]


def make(name: str, first: str, body: Lines, line: int) -> Directive:
    """Return the directive `name` with its options taken out of `body`, which is dedented."""
    # Arguments and options stand right below the first line; after a blank line all is content.
    if not body or body[0][0] > line + 1:
        return Directive(name.lower(), first.strip(), [], {}, body, line)
    i = 0
    while i < len(body) and body[i][1] and not _OPTION.match(body[i][1]):
        i += 1
    head = body[:i]
    options: dict[str, str] = {}
    last = ""
    while i < len(body) and body[i][1]:
        if match := _OPTION.match(body[i][1]):
            last = match[1]
            options[last] = (match[2] or "").strip()
        elif last and body[i][1].startswith(" "):
            options[last] = f"{options[last]} {body[i][1].strip()}"
        else:
            break
        i += 1
    return Directive(name.lower(), first.strip(), head, options, body[i:], line)


def read(parser: Parser, given: Directive) -> list[Piece]:
    """Return what `given` shows."""
    show = _SHOWN.get(given.name) or _SHOWN.get(given.name.rsplit(":", 1)[-1]) or _unknown
    return show(parser, given)


def _nothing(parser: Parser, given: Directive) -> list[Piece]:
    return []


def _content(parser: Parser, given: Directive) -> list[Piece]:
    return parser.blocks(given.content if given.first else given.everything)


def _whole(parser: Parser, given: Directive) -> list[Piece]:
    return parser.blocks(given.everything)


def _unknown(parser: Parser, given: Directive) -> list[Piece]:
    if not given.first:
        return _whole(parser, given)
    return [parser.paragraph(given.argument, given.line), *parser.blocks(given.content)]


def _titled(parser: Parser, given: Directive) -> list[Piece]:
    return parser.under(given.argument, given.line, given.content)


def _rubric(parser: Parser, given: Directive) -> list[Piece]:
    return [parser.heading(given.argument, given.line), *parser.blocks(given.content)]


def _button(parser: Parser, given: Directive) -> list[Piece]:
    return parser.blocks(given.content) or [parser.paragraph(given.argument, given.line)]


def _lead(word: str, pieces: list[Piece], line: int) -> list[Piece]:
    """Put `word` before the first paragraph of `pieces`, or before all as a paragraph of its own."""
    if pieces and pieces[0].kind is BlockKind.PARAGRAPH:
        first = pieces[0]
        return [Piece(first.kind, f"{word} {first.text}", line), *pieces[1:]]
    return [Piece(BlockKind.PARAGRAPH, word, line), *pieces]


def _admonition(word: str) -> Callable[[Parser, Directive], list[Piece]]:
    def show(parser: Parser, given: Directive) -> list[Piece]:
        return _lead(f"{word}:", parser.blocks(given.everything), given.line)

    return show


def _version(words: str) -> Callable[[Parser, Directive], list[Piece]]:
    def show(parser: Parser, given: Directive) -> list[Piece]:
        version, _, more = given.argument.partition(" ")
        first = [(given.line, more), (given.line, "")] if more else []
        pieces = parser.blocks([*first, *given.content])
        lead = f"{words} {version}"
        return _lead(f"{lead}:" if pieces else f"{lead}.", pieces, given.line)

    return show


def _code(parser: Parser, given: Directive) -> list[Piece]:
    if "suppress" in given.options:
        return []
    caption = given.options.get("caption", "")
    head = [parser.paragraph(caption, given.line)] if caption else []
    lines = _bare([*given.head, *given.content])
    return [*head, Piece(BlockKind.CODE, "\n".join(text for _, text in lines), _first(lines, given.line))]


def _bare(lines: Lines) -> Lines:
    from ingest.loaders.rst import dedent

    return dedent(lines)


def _first(lines: Lines, line: int) -> int:
    return lines[0][0] if lines else line


def _math(parser: Parser, given: Directive) -> list[Piece]:
    lines = given.everything
    text = " ".join(text.strip() for _, text in lines if text.strip())
    return [Piece(BlockKind.PARAGRAPH, text, given.line)]


def _image(parser: Parser, given: Directive) -> list[Piece]:
    alt = given.options.get("alt", "")
    body = parser.blocks(given.content)
    return [parser.paragraph(alt, given.line), *body] if alt else body


def _table(parser: Parser, given: Directive) -> list[Piece]:
    return [*_caption(parser, given), *parser.blocks(given.content or given.head)]


def _caption(parser: Parser, given: Directive) -> list[Piece]:
    return [parser.paragraph(given.argument, given.line)] if given.first else []


def _csv_table(parser: Parser, given: Directive) -> list[Piece]:
    mark = given.options.get("delim", ",")
    mark = {"tab": "\t", "space": " "}.get(mark, mark[:1] or ",")
    header = [given.options["header"]] if given.options.get("header") else []
    lines = [text for _, text in given.content if text]
    try:
        rows = list(csv.reader([*header, *lines], delimiter=mark, skipinitialspace=True))
    except (csv.Error, TypeError, ValueError):
        rows = [[text] for text in [*header, *lines]]
    cells = [[parser.inline.show(cell) for cell in row] for row in rows]
    line = _first([entry for entry in given.content if entry[1]], given.line)
    return [*_caption(parser, given), Piece(BlockKind.TABLE, table_rows(cells), line)]


def _list_table(parser: Parser, given: Directive) -> list[Piece]:
    rows = [parser.items(row) for row in parser.items(given.content)]
    cells = [[flat(parser.inside(cell)) for cell in row] for row in rows]
    return [*_caption(parser, given), Piece(BlockKind.TABLE, table_rows(cells), _first(given.content, given.line))]


def _glossary(parser: Parser, given: Directive) -> list[Piece]:
    """Return each term as a heading over its definition, so that a definition is found by its term."""
    out: list[Piece] = []
    for terms, line, body in parser.definitions(_bare(given.everything)):
        out += parser.under(", ".join(terms), line, body)
    return out


def _names(parser: Parser, given: Directive) -> list[Piece]:
    names = [match[1] for _, text in given.content if (match := _NAME.match(text.strip()))]
    return [Piece(BlockKind.LIST, "\n".join(f"- {name}" for name in names), _first(given.content, given.line))]


_ADMONITIONS = "note warning tip hint important caution attention danger error todo"
_DROPPED = (
    "toctree contents currentmodule currentclass module highlight highlightlang include raw role default-role "
    "sectnum meta index tabularcolumns graphviz digraph literalinclude title testsetup testcleanup minigallery "
    "sectionauthor codeauthor header footer bibliography uml mermaid default-domain image-sg"
)
_CODES = (
    "code code-block code-cell sourcecode ipython prompt parsed-literal testcode testoutput doctest code-tab plot "
    "productionlist jupyter-execute console highlight-block"
)
_CONTAINERS = (
    "only ifconfig container div grid tabs tab-set hlist compound epigraph highlights pull-quote rst-class "
    "cssclass carousel card-carousel grid-item"
)

Shown = Callable[["Parser", Directive], list[Piece]]

_SHOWN: dict[str, Shown] = {
    **dict.fromkeys(_DROPPED.split(), _nothing),
    **dict.fromkeys(_CODES.split(), _code),
    **dict.fromkeys(_CONTAINERS.split(), _content),
    **{name: _admonition(name.capitalize()) for name in _ADMONITIONS.split()},
    "rubric": _rubric,
    **dict.fromkeys(("dropdown", "topic", "admonition", "sidebar", "collapse", "details"), _titled),
    **dict.fromkeys(("button-ref", "button-link"), _button),
    **dict.fromkeys(("figure", "image"), _image),
    "seealso": _admonition("See also"),
    "versionadded": _version("Added in version"),
    "versionchanged": _version("Changed in version"),
    "deprecated": _version("Deprecated since version"),
    "versionremoved": _version("Removed in version"),
    "math": _math,
    "table": _table,
    "csv-table": _csv_table,
    "list-table": _list_table,
    "glossary": _glossary,
    "autosummary": _names,
}
