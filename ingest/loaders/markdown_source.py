"""Prepares Markdown for the parser, line numbers kept: admonitions as text, and what no parser should see set apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_COLON_FENCE = re.compile(r" {0,3}:{3,}\s*(?:\{([\w:+.-]+)\}|([A-Za-z][\w-]*))?\s*(.*)\Z")
_CALLOUT = re.compile(r"(?:!!!|\?\?\?)\+?\s+([A-Za-z][\w-]*)[\w -]*(?:\"(.*)\")?\s*\Z")
_TAB = re.compile(r"===\+?!?\s+\"(.*)\"\s*\Z")
_LABEL = re.compile(r"\([\w.:-]{1,100}\)=\Z")
_OPTION = re.compile(r"\s*:[\w-]+:(?:\s|\Z)")
_CONTAINERS = frozenset(("div", "container", "grid", "grid-item", "tab-set", "tabs", "card-carousel", "only")) | {
    *("eval-rst", "glossary", "table"),
}
_LEADS = {
    "seealso": "See also:",
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
}
_ADMONITIONS = frozenset(("note", "warning", "tip", "hint", "important", "caution", "attention", "danger", "error")) | {
    *(
        "todo",
        "info",
        "success",
        "abstract",
        "question",
        "failure",
        "bug",
        "example",
        "quote",
        "summary",
        "tldr",
        "faq",
    ),
    *("check", "done", "see-also"),
}
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ALERT = re.compile(r"(\s*>\s*)\[!([A-Za-z]{1,20})\]\s*\Z")
_MARKER = re.compile(r" {0,12}(?:[-*+>|#]|\d{1,9}[.)])(?:\s|\Z|[^*])")
_LONGEST = 30_000
_LONGEST_GAP = 1_000
_MOST_BRACKETS = 3_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the source and the number of lines before it; a plain one is shown without being parsed."""

    text: str
    line: int
    plain: bool = False


def tidy(text: str, skip: int) -> list[str]:
    """Return the lines of `text` with admonitions as text and the first `skip` lines blank."""
    lines = text.split("\n")
    lines[:skip] = [""] * skip
    fence = ""
    callout = opened = False
    for i, line in enumerate(lines):
        if match := _FENCE.match(line):
            fence = _toggle(fence, match[1], line)
        elif line and not fence:
            if opened and _OPTION.match(line):
                lines[i] = ""
                continue
            callout = (callout and line.startswith("    ")) or bool(_CALLOUT.match(line) or _TAB.match(line))
            opened = line.lstrip(" ").startswith(":::")
            lines[i] = _plain(line, callout)
    return lines


def lead(name: str, argument: str) -> str:
    """Return what a directive's first line says to a reader: an admonition's word, a title, or nothing."""
    name = name.lower()
    if name in _CONTAINERS:
        return ""
    word = _LEADS.get(name) or (f"{name.replace('-', ' ').capitalize()}:" if name in _ADMONITIONS else "")
    return f"{word} {argument}".strip()


def _toggle(fence: str, mark: str, line: str) -> str:
    if not fence:
        return mark
    closes = mark[0] == fence[0] and len(mark) >= len(fence) and not line.strip().strip(mark[0])
    return "" if closes else fence


def _plain(line: str, callout: bool) -> str:
    """Return one line outside of code with an admonition's mark as its lead word."""
    if match := _CALLOUT.match(line):
        return lead(match[1], match[2] or "") or match[1]
    if match := _TAB.match(line):
        return match[1]
    if callout and line.startswith("    "):
        return line[4:]
    if match := _ALERT.match(line):
        return match[1] + lead(match[2], "")
    if line.lstrip(" ").startswith(":::") and (match := _COLON_FENCE.match(line)):
        return lead(match[1] or match[2] or "", match[3])
    return "" if _LABEL.match(line) else line


def chunks(lines: Sequence[str]) -> Iterator[Chunk]:
    """Yield the lines in parts that parse in bounded time; a paragraph too heavy for markup is set apart as plain.

    Reading links takes time that grows with the square of the brackets, hence the limits.
    """
    start = end = 0
    for begin, after, fenced in _segments(lines):
        heavy = not fenced and _heavy(lines[begin:after])
        if heavy or begin - end > _LONGEST_GAP:
            yield Chunk("\n".join(lines[start:end]), start)
            start = begin
        if heavy:
            yield Chunk("\n".join(lines[begin:after]), begin, plain=True)
            start = after
        end = after
    yield Chunk("\n".join(lines[start:end]), start)


def _heavy(lines: Sequence[str]) -> bool:
    size = sum(map(len, lines))
    if size > _LONGEST:
        return True
    return size > _MOST_BRACKETS and sum(line.count("[") + line.count("<") for line in lines) > _MOST_BRACKETS


def _segments(lines: Sequence[str]) -> Iterator[tuple[int, int, bool]]:
    """Yield (begin, after, fenced) for each fence and each run of lines that could be one paragraph."""
    fence = ""
    begin = -1
    for i, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            fence = _toggle(fence, mark[1], line) if mark else fence
            if fence:
                continue
            yield begin, i + 1, True
            begin = -1
        elif mark or not line or _MARKER.match(line):
            if begin >= 0:
                yield begin, i, False
            fence = mark[1] if mark else ""
            begin = i if line else -1
        elif begin < 0:
            begin = i
    if begin >= 0:
        yield begin, len(lines), bool(fence)
