"""A report as what can be checked: sentences and table cells with their lines; what is no claim is blanked out.

Dates, versions, references to figures and pages, links, code and numbering leave their room as spaces, so that every
position stays what it is in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.text import sentences
from kb.types import Span

LONGEST_SENTENCE = 2_000

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_NO_CLAIM = re.compile(
    r"https?://\S+|www\.\S+|(?<=\])\([^)\s]*\)|<!--.*?-->|<[^<>\s][^<>]{0,200}>"
    r"|\b\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:T[\d:.+Z-]*)?\b(?!\s*%)|\b\d{1,2}\.\d{1,2}\.\d{4}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?{_MONTH}(?:,? \d{{4}})?\b"
    rf"|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?\b"
    rf"|\b{_MONTH} (?:19|20)\d\d\b|\bQ[1-4](?:\s?(?:19|20)\d\d)?\b|\b\d{{1,2}}:\d{{2}}(?::\d{{2}})?\b"
    r"|\b[vV]\d+(?:\.\d+)*\b|\b\d+\.\d+\.\d+\S*|[<>=~!]=\s?\d+(?:\.\d+)*"
    r"|\b(?:[Pp]ython|CUDA|cuDNN|[Vv]ersion|[Rr]elease|[Tt]orch|[Pp]y[Tt]orch|numpy|pandas|scikit-learn|sklearn|tensorflow"
    r"|TensorFlow|[Uu]buntu|[Ll]ightgbm|[Xx]gboost|Java|R)[ -]v?\d+(?:\.\d+)+"
    r"|\b(?:[Ff]ig(?:ure|s|\.)?|[Tt]ab(?:le|\.)|[Ss]ec(?:tion|t?\.)?|[Cc]h(?:apter|\.)|[Aa]ppendix|[Ee]q(?:uation|\.)?|[Pp]ages?"
    r"|pp?\.|[Ll]ines?|[Ww]eek|[Ss]lide|[Ii]ssue|[Tt]icket|PR|[Ss]print|[Rr]oom|[Dd]ay|[Pp]hase|[Pp]art)\s?#?\d+(?:\.\d+)*(?:[-–]\d+)?"
    r"|(?<!\w)#\d+|\[\d+(?:[,–-]\s?\d+)*\]|\[\^\w+\]|\b\d+(?:st|nd|rd|th)\b|§\s?\d+(?:\.\d+)*"
)
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*)$")
_ITEM = re.compile(r"^(\s*(?:[-*+•]|\d{1,3}[.)])\s+)")
_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_YEAR = re.compile(r"\b(?:in|since|of|from|until|by|during|early|late|mid)\s+(?:19|20)\d\d\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence: `text` as written, `plain` with what is no claim blanked; `lines` the line of each character.

    `lead` is the heading above and the last line before that ends with a colon, which it may lean on.
    """

    text: str
    plain: str
    lines: tuple[int, ...]
    lead: str = ""
    before: str = ""

    def line(self, at: int) -> int:
        """Return the line that the character at `at` stands on."""
        return self.lines[min(at, len(self.lines) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table: header cells, rows of cells with the line of each row, and the heading or caption it stands under."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    lead: str = ""


def blanked(text: str) -> str:
    """Return `text` with what is no claim as spaces."""
    text = _YEAR.sub(lambda match: " " * len(match[0]), text)
    return _NO_CLAIM.sub(lambda match: " " * len(match[0]), text)


def parts(text: str) -> Iterator[Sentence | Grid]:
    """Yield the sentences and tables of a Markdown report in their order."""
    walker = _Walk(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    yield from walker.parts()


class _Walk:
    """Goes down the lines of a report."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.heading = self.intro = self.before = ""

    def parts(self) -> Iterator[Sentence | Grid]:
        at = self._front()
        while at < len(self.lines):
            line = self.lines[at]
            if fence := _FENCE.match(line):
                at = self._closed(at, fence[1])
            elif heading := _HEADING.match(line):
                self.heading, self.intro, self.before = heading[2], "", ""
                at += 1
            elif "|" in line and at + 1 < len(self.lines) and _RULE.match(self.lines[at + 1]):
                grid, at = self._grid(at)
                yield grid
            elif not line.strip() or (line.startswith(("    ", "\t")) and not _ITEM.match(line)):
                at += 1
            else:
                paragraph, at = self._paragraph(at)
                yield from paragraph

    def _front(self) -> int:
        """Return the number of lines that front matter takes."""
        if self.lines and self.lines[0].strip() == "---":
            for at in range(1, min(len(self.lines), 200)):
                if self.lines[at].strip() in ("---", "..."):
                    return at + 1
        return 0

    def _closed(self, at: int, fence: str) -> int:
        for end in range(at + 1, len(self.lines)):
            if self.lines[end].strip().startswith(fence):
                return end + 1
        return len(self.lines)

    def _grid(self, at: int) -> tuple[Grid, int]:
        end = at + 2
        while end < len(self.lines) and "|" in self.lines[end] and self.lines[end].strip():
            end += 1
        rows = tuple(_cells(self.lines[n]) for n in range(at + 2, end))
        lead = f"{self.heading} {self.intro} {self.before}"
        return Grid(head=_cells(self.lines[at]), rows=rows, lines=tuple(range(at + 3, end + 1)), lead=lead), end

    def _paragraph(self, at: int) -> tuple[list[Sentence], int]:
        """Return the sentences of the lines that belong together from `at` on."""
        text, lines = "", list[int]()
        end = at
        while end < len(self.lines) and self._goes_on(at, end):
            line = self.lines[end]
            marker = _ITEM.match(line)
            body = (" " * len(marker[1]) + line[marker.end() :]) if marker else line.lstrip(">")
            text += body + " "
            lines += [end + 1] * (len(body) + 1)
            end += 1
        found = []
        for span in (piece for whole in sentences(text) for piece in _pieces(whole, text)):
            said = span.of(text)
            found.append(
                Sentence(
                    text=said,
                    plain=blanked(said),
                    lines=tuple(lines[span.start : span.end]),
                    lead=f"{self.heading} {self.intro}".strip(),
                    before=self.before,
                )
            )
            self.before = said
        if text.rstrip().endswith(":"):
            self.intro = text.strip()
        elif not _ITEM.match(self.lines[at]):
            self.intro = ""
        if not _ITEM.match(self.lines[at]):
            self.before = found[-1].text if found else ""
        else:
            self.before = ""
        return found, end

    def _goes_on(self, start: int, at: int) -> bool:
        line = self.lines[at]
        if at == start:
            return True
        table = "|" in line and at + 1 < len(self.lines) and _RULE.match(self.lines[at + 1])
        return bool(line.strip()) and not (_ITEM.match(line) or _HEADING.match(line) or _FENCE.match(line) or table)


def _pieces(span: Span, text: str) -> Iterator[Span]:
    """Cut what is too long for a sentence at white space."""
    start = span.start
    while span.end - start > LONGEST_SENTENCE:
        space = text.rfind(" ", start + 1, start + LONGEST_SENTENCE)
        cut = space if space > start else start + LONGEST_SENTENCE
        yield Span(start=start, end=cut)
        start = cut
    yield Span(start=start, end=span.end)


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return tuple(cell.strip().strip("*`_ ").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner))
