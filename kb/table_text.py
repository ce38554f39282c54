"""Delimited text in memory: the header, and columns of texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from kb.errors import TableUnreadable
from kb.table_bytes import File
from kb.table_encoding import SAMPLE
from kb.table_missing import PANDAS
from kb.table_ragged import LONGEST, mended, too_long
from kb.table_sniff import Shape, fields_of, shape
from kb.table_types import leading_zeros, plain_number

_LINE_END = re.compile(rb"\r\n|\n|\r")
PROBE = 128 << 10
_ROW_START = re.compile(rb"[^\r\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the rows begin (`offset` in bytes, `lines` in lines), what they look like, and the columns' names."""

    shape: Shape
    names: tuple[str, ...]
    offset: int
    lines: int
    quote: str = '"'
    notes: tuple[str, ...] = ()


def refuse_long_line(file: File, data: bytes) -> None:
    """Raise TableUnreadable where no line ends within the first `LONGEST` bytes."""
    start = data[:LONGEST]
    if len(start) == LONGEST and b"\n" not in start and b"\r" not in start:
        raise too_long(file)


def head_of(file: File, data: bytes, given: Mapping[str, Any]) -> Head:
    """Return what the start of a UTF-8 text says about its rows. Raises TableUnreadable where nothing is in it."""
    sample = data[:SAMPLE]
    lines = re.split(r"\r\n|\n|\r", sample.decode("utf-8", "ignore"))
    if len(data) > SAMPLE and len(lines) > 1:
        lines.pop()
    if not any(line.strip() for line in lines):
        raise TableUnreadable(file.path, "there is nothing but blank lines in it", hint="check the export or download")
    quote = given.get("quote", _quote(lines))
    found = shape(lines, suffix=file.suffix, quote=quote, given=dict(given))
    taken = _header_lines(lines, found, quote) if found.header else found.skip
    ends = [match.end() for match, _ in zip(_LINE_END.finditer(data), range(taken), strict=False)]
    names, notes = unique_names(found.names or tuple(f"column_{at + 1}" for at in range(found.fields)))
    offset = 0 if not taken else (ends[-1] if len(ends) == taken else len(data))
    return Head(shape=found, names=names, offset=offset, lines=taken, quote=quote, notes=(*_told(found, lines), *notes))


def _quote(lines: Sequence[str]) -> str:
    some = lines[:50]
    if any('"' in line for line in some):
        return '"'
    single = [line for line in some if re.search(r"(?:^|[,;\t|])'[^']*'(?:[,;\t|]|$)", line)]
    return "'" if len(single) * 2 > len([line for line in some if line.strip()]) else '"'


def _header_lines(lines: Sequence[str], found: Shape, quote: str) -> int:
    """Count the lines up to the end of the header, which may hold quoted line breaks."""
    for taken in range(found.skip + 1, min(len(lines), found.skip + 50) + 1):
        rows = [row for row in fields_of(lines[found.skip : taken], found.delimiter, quote) if row]
        if rows and (not quote or "".join(lines[found.skip : taken]).count(quote) % 2 == 0):
            return taken
    return found.skip + 1


def _told(found: Shape, lines: Sequence[str]) -> Iterator[str]:
    if found.delimiter not in (",", "\t"):
        yield f"fields are parted by {found.delimiter!r}"
    if above := [line.strip() for line in lines[: found.skip] if line.strip()]:
        first = above[0] if len(above[0]) <= 60 else above[0][:59] + "…"
        yield f"{len(above)} line{'s' * (len(above) > 1)} above the header left out ({first!r})"
    if not found.header:
        yield "the first line looks like values: columns are named column_1, column_2, …"
    if found.unnamed_first:
        yield "the header has one name fewer than the rows have fields: the first column is unnamed"
    if found.units:
        yield "the row under the header looks like units or descriptions; it was kept as a row"


def unique_names(raw: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return column names made unique as pandas does (`a`, `a.1`), and notes on what was changed."""
    stripped = [name.strip("\ufeff \t\r\n\xa0") for name in raw]
    notes = []
    if spaced := [name for name, was in zip(stripped, raw, strict=True) if name != was and name]:
        notes.append(f"white space around {_listed(spaced)} was left out")
    blank = [at for at, name in enumerate(stripped) if not name]
    if blank:
        have = "1 column has" if len(blank) == 1 else f"{len(blank):,} columns have"
        notes.append(f"{have} no name; named {_listed([f'Unnamed: {at}' for at in blank])}")
    named = [name or f"Unnamed: {at}" for at, name in enumerate(stripped)]
    taken, counts, made = set(named), dict[str, int](), list[str]()
    for name in named:
        seen = counts.get(name, -1) + 1
        while seen and f"{name}.{seen}" in taken:
            seen += 1
        counts[name] = seen
        made.append(f"{name}.{seen}" if seen else name)
        taken.add(made[-1])
    if twice := list(dict.fromkeys(name for name, now in zip(named, made, strict=True) if name != now)):
        others = [now for now, name in zip(made, named, strict=True) if now != name]
        notes.append(f"{_listed(twice)} named more than one column; the others are named {_listed(others)}")
    return tuple(made), tuple(notes)


def unlike_names(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names that differ in more than case, as SQL needs them, and a note where one was changed."""
    taken, made = set[str](), list[str]()
    for name in names:
        at, now = 1, name
        while now.lower() in taken:
            at, now = at + 1, f"{name}_{at}"
        taken.add(now.lower())
        made.append(now)
    changed = [now for now, name in zip(made, names, strict=True) if now != name]
    note = f"names that differ only in case cannot be told apart here; some are now {_listed(changed)}"
    return tuple(made), (note,) if changed else ()


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def columns_of(file: File, data: bytes, head: Head, quote: str) -> tuple[pa.Table, tuple[str, ...]]:
    """Return the rows as columns of texts named 0, 1, … with pandas' missing tokens as nulls, and notes."""
    width = len(head.names) + head.shape.empty_last
    if not _ROW_START.search(data, head.offset):
        return pa.table({str(at): pa.array([], pa.string()) for at in range(len(head.names))}), ()
    if head.shape.delimiter == " ":
        data = data[: head.offset] + re.sub(rb"(?m)^ +| +$", b"", re.sub(rb"[ \t]+", b" ", data[head.offset :]))
    notes: tuple[str, ...] = ()
    try:
        table = rectangular(file, data, head, quote, width)
    except _Ragged:
        body, ragged = mended(
            file, data[head.offset :], width=width, delimiter=head.shape.delimiter, quote=quote, line=head.lines
        )
        even = Head(shape=replace(head.shape, delimiter=","), names=head.names, offset=0, lines=0)
        try:
            table, notes = rectangular(file, body, even, '"', width), tuple(ragged.told())
        except _Ragged as error:
            why = "its rows cannot be told apart"
            raise TableUnreadable(file.path, why, hint="set delimiter, quote or skip by hand") from error
    table = table.select(range(len(head.names)))
    if quote and _swallowed(table, data, head, quote):
        plain, _ = columns_of(file, data, head, "")
        return plain, ("a quotation mark is opened and not closed: quotation marks were read as plain characters",)
    return table, notes


class _Ragged(Exception):
    """Rows are not all as wide as the header."""


def _swallowed(table: pa.Table, data: bytes, head: Head, quote: str) -> bool:
    """Tell whether an unclosed quotation mark took the rest of the rows for one field."""
    if not table.num_rows or data.count(quote.encode(), head.offset) % 2 == 0:
        return False
    last = [str(column[-1].as_py() or "") for column in table.columns]
    return any("\n" in text.rstrip("\r\n") and head.shape.delimiter in text for text in last)


Kinds = Mapping[str, pa.DataType]
NO_KINDS: Kinds = {}


def quick_columns(file: File, data: bytes, head: Head, quote: str) -> tuple[pa.Table, tuple[str, ...]] | None:
    """Return what `columns_of` does, with columns of numbers as such already, or None where rows are uneven.

    Which these are is guessed from the first rows; a column that turns out to hold anything else is read as texts.
    """
    end = data.rfind(b"\n", head.offset, head.offset + PROBE) + 1
    if len(data) < 4 * PROBE or end <= head.offset or head.shape.delimiter == " ":
        return None
    if quote and data.count(quote.encode(), head.offset) % 2:
        return None
    width = len(head.names) + head.shape.empty_last
    try:
        kinds = _number_kinds(rectangular(file, data[:end], head, quote, width))
        for _ in range(4):
            try:
                table = rectangular(file, data, head, quote, width, kinds)
                return table.select(range(len(head.names))), ()
            except _Misread as error:
                kinds = {name: kind for name, kind in kinds.items() if name != error.args[0]}
    except _Ragged:
        pass
    return None


def _number_kinds(sample: pa.Table) -> Kinds:
    """Return the type of the columns that hold numbers only and none that begins with a needless zero."""
    found = {name: plain_number(sample[name]) for name in sample.column_names if not leading_zeros(sample[name])}
    return {name: pair[1].type for name, pair in found.items() if pair is not None and not pair[0].long}


class _Misread(Exception):
    """The column named by the first argument holds more than numbers."""


_MISREAD = re.compile(r"In CSV column #(\d+)")


def rectangular(file: File, data: bytes, head: Head, quote: str, width: int, kinds: Kinds = NO_KINDS) -> pa.Table:
    """Return rows that all have `width` fields as columns of texts, or of `kinds`.

    Raises TableUnreadable for an endless line.
    """
    names = [str(at) for at in range(width)]
    quoted = bool(quote) and data.find(quote.encode(), head.offset) >= 0
    options = arrow_csv.ParseOptions(
        delimiter=head.shape.delimiter, quote_char=quote or False, newlines_in_values=quoted, ignore_empty_lines=True
    )
    converts = arrow_csv.ConvertOptions(
        column_types={**dict.fromkeys(names, pa.string()), **kinds},
        null_values=list(PANDAS),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        check_utf8=False,
    )
    block = min(max(len(data) // 8, 1 << 20), 8 << 20)
    while block <= LONGEST * 2:
        reads = arrow_csv.ReadOptions(column_names=names, block_size=block)
        source = pa.BufferReader(pa.py_buffer(data).slice(head.offset))
        try:
            return arrow_csv.read_csv(source, read_options=reads, parse_options=options, convert_options=converts)
        except pa.ArrowInvalid as error:
            if kinds and (at := _MISREAD.search(str(error))):
                raise _Misread(at.group(1)) from error
            if "straddling" not in str(error):
                raise _Ragged from error
        block *= 4
    raise too_long(file)
