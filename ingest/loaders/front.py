"""Headers of text files: YAML front matter and leading `Key: value` lines to plain strings. Nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType

import yaml

NOTE_KEYS = frozenset({"author", "date", "dataset", "status", "supersedes"})
KNOWN_KEYS = NOTE_KEYS | {"tags", "title"}
_LONGEST_HEADER = 20_000
_LONGEST_VALUE = 1_000
_FENCE = re.compile(r"---[ \t]*\n")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_PAIR = re.compile(r"[*_]{0,2}([A-Za-z][A-Za-z _-]{0,40}?)[*_]{0,2}:[*_]{0,2}(?:[ \t]+(\S.{0,2000}))?\Z")
_DATE_FORMS = ("%d %B %Y", "%B %d, %Y", "%d %b %Y", "%b %d, %Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d")


def front_matter(text: str) -> tuple[Mapping[str, str], int]:
    """Return the YAML front matter of `text` as plain strings and the number of lines it takes.

    Where YAML cannot read it, lines of `key: value` still count; anything else stays text: nothing and 0.
    """
    head = text[:_LONGEST_HEADER]
    opened = _FENCE.match(head)
    closed = _CLOSE.search(head, opened.end()) if opened else None
    if not opened or not closed:
        return MappingProxyType({}), 0
    source = head[opened.end() : closed.start()]
    values = _yaml(source)
    if values is None:
        values = _pairs(source)
    if values is None:
        return MappingProxyType({}), 0
    return _plain(values), head.count("\n", 0, closed.start()) + 1


def _yaml(source: str) -> dict[str, object] | None:
    # BaseLoader builds strings, lists and mappings only, and leaves dates as they are written.
    try:
        values = yaml.load(source, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if values in (None, ""):
        return {}
    return values if isinstance(values, dict) and all(isinstance(key, str) for key in values) else None


def _pairs(source: str) -> dict[str, object] | None:
    """Return the lines of `source` as pairs, or None where one of them is not a pair."""
    matches = [_PAIR.match(line.strip()) for line in source.split("\n") if line.strip()]
    if not matches or not all(matches):
        return None
    return {match[1]: match[2] or "" for match in matches if match}


def _plain(values: Mapping[str, object]) -> Mapping[str, str]:
    """Return scalars and flat lists of scalars as strings; what is nested deeper is left out."""
    out: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            value = ", ".join(value)
        if isinstance(value, str) and value.strip():
            out[_key(key)] = _value(_key(key), value)
    return MappingProxyType(out)


def leading_pairs(text: str) -> tuple[Mapping[str, str], int]:
    """Return the `Key: value` lines that open `text`, up to a blank line, and the number of lines they take.

    They count as a header only where every line is a pair and a key of a note is among them.
    """
    out: dict[str, str] = {}
    lines = text[:_LONGEST_HEADER].split("\n")[:40]
    start = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    i = start
    while i < len(lines) and lines[i].strip():
        match = _PAIR.match(lines[i].strip())
        if not match:
            return MappingProxyType({}), 0
        if match[2]:
            out[_key(match[1])] = _value(_key(match[1]), match[2])
        i += 1
    of_note = len(out.keys() & NOTE_KEYS)
    if not of_note or (of_note < 2 and not out.keys() <= KNOWN_KEYS):
        return MappingProxyType({}), 0
    return MappingProxyType(out), i


def _key(key: str) -> str:
    return "_".join(key.lower().split())


def _value(key: str, value: str) -> str:
    text = " ".join(value.split())[:_LONGEST_VALUE]
    return iso_date(text) if key == "date" else text


def iso_date(text: str) -> str:
    """Return `text` as an ISO date where it is one in a common form, else unchanged."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        pass
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    return text
