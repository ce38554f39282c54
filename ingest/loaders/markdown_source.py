"""Prepares Markdown for the parser, line numbers kept: admonitions as text, and what no parser should see set apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_COLON_FENCE = re.compile(r" {0,3}:{3,}\s*(?:\{([\w:+.-]+)\}|([A-Za-z][\w-]*))?\s*(.*)\Z")
_CALLOUT = re.compile(r"(?:!!!|\?\?\?)\+?\s+([A-Za-z][\w-]*)\s*(?:\"(.*)\")?\s*\Z")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ALERT = re.compile(r"(\s*>\s*)\[!([A-Za-z]{1,20})\]\s*\Z")
_LONGEST = 100_000


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
    callout = False
    for i, line in enumerate(lines):
        if match := _FENCE.match(line):
            fence = _toggle(fence, match[1], line)
        elif not fence:
            callout = (callout and (not line or line.startswith("    "))) or _CALLOUT.match(line) is not None
            lines[i] = _plain(line, callout)
    return lines


def _toggle(fence: str, mark: str, line: str) -> str:
    if not fence:
        return mark
    closes = mark[0] == fence[0] and len(mark) >= len(fence) and not line.strip().strip(mark[0])
    return "" if closes else fence


def _plain(line: str, callout: bool) -> str:
    """Return one line outside of code with an admonition's mark as its lead word."""
    if match := _CALLOUT.match(line):
        return f"{match[1].capitalize()}: {match[2] or ''}".rstrip()
    if callout and line.startswith("    "):
        return line[4:]
    if match := _ALERT.match(line):
        return f"{match[1]}{match[2].capitalize()}:"
    if line.lstrip(" ").startswith(":::") and (match := _COLON_FENCE.match(line)):
        name = match[1] or match[2]
        return f"{name.replace('-', ' ').capitalize()}: {match[3]}".rstrip() if name else match[3]
    return line


def chunks(lines: Sequence[str]) -> Iterator[Chunk]:
    """Yield the lines in parts that parse in bounded time: a run of text too long for markup is set apart."""
    start = 0
    size = 0
    for i, line in enumerate(lines):
        size = size + len(line) if line else 0
        if size > _LONGEST:
            begin = _run_start(lines, i, start)
            yield Chunk("\n".join(lines[start:begin]), start)
            yield Chunk("\n".join(lines[begin : i + 1]), begin, plain=True)
            start, size = i + 1, 0
    yield Chunk("\n".join(lines[start:]), start)


def _run_start(lines: Sequence[str], i: int, start: int) -> int:
    while i > start and lines[i - 1]:
        i -= 1
    return i
