"""Delimited text in memory: bytes to UTF-8, the header, and columns of texts, with ragged rows mended and counted."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from kb.errors import TableUnreadable
from kb.table_bytes import File
from kb.table_missing import PANDAS
from kb.table_sniff import Shape, fields_of, shape
from kb.text import decode

SAMPLE = 1 << 20
LONGEST = 16 << 20
"""A line longer than this is refused: what has such lines is no table of rows."""
_LINE_END = re.compile(rb"\r\n|\n|\r")
_WRONG_BYTES = bytes(set(range(32)) - {0, 1, 9, 10, 11, 12, 13, 26, 27, 28, 29, 30, 31})
_MARKS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FIELD_LIMIT = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The content of a file as UTF-8 without byte order mark and NUL bytes."""

    data: bytes
    encoding: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the rows begin (`offset` in bytes, `lines` in lines), what they look like, and the columns' names."""

    shape: Shape
    names: tuple[str, ...]
    offset: int
    lines: int
    quote: str = '"'
    notes: tuple[str, ...] = ()


def as_utf8(file: File, data: bytes, given: Mapping[str, Any]) -> Text:
    """Return the text of `data` in UTF-8. Raises TableUnreadable where it is no text."""
    encoding = given.get("encoding") or _wide(data)
    if encoding is None and not _valid_utf8(data):
        refuse_binary(file, data)
        encoding = decode(data[: SAMPLE * 4])[1]
    notes: list[str] = []
    if encoding in (None, "utf-8", "utf8", "ascii") and _valid_utf8(data):
        encoding, data = "utf-8", data.removeprefix(b"\xef\xbb\xbf")
    else:
        text = data.decode(encoding or "utf-8", "replace").removeprefix("\ufeff")
        data = text.encode("utf-8", "replace")
        notes.append(f"read as {encoding}")
        if lost := text.count("\ufffd"):
            notes.append(f"{lost:,} bytes are not valid {encoding}; they show as \ufffd")
    return _without_nul(file, data, str(encoding), notes)


def _wide(data: bytes) -> str | None:
    """Return UTF-16 or UTF-32 by byte order mark, or by the zero bytes of every other place."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    some = data[:4096]
    even, odd = some[::2].count(0), some[1::2].count(0)
    if len(some) >= 8 and max(even, odd) > 0.4 * len(some) / 2 and min(even, odd) * 10 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _valid_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without_nul(file: File, data: bytes, encoding: str, notes: list[str]) -> Text:
    refuse_binary(file, data)
    if count := data.count(0):
        data = data.replace(b"\0", b"")
        notes.append(f"{count:,} NUL bytes were left out")
    return Text(data=data, encoding=encoding, notes=tuple(notes))


def refuse_binary(file: File, data: bytes) -> None:
    """Raise TableUnreadable where the bytes are those of a program or an image rather than of text."""
    some = data[: SAMPLE // 4]
    wrong = len(some) - len(some.translate(None, _WRONG_BYTES))
    if wrong * 100 > len(some) or some.count(0) * 10 > len(some):
        why = "its bytes are not text (control characters throughout)"
        raise TableUnreadable(file.path, why, hint="export it as CSV, Parquet, Excel or JSON lines")


def refuse_long_line(file: File, data: bytes) -> None:
    """Raise TableUnreadable where no line ends within the first `LONGEST` bytes."""
    start = data[:LONGEST]
    if len(start) == LONGEST and b"\n" not in start and b"\r" not in start:
        raise _too_long(file)


def _too_long(file: File) -> TableUnreadable:
    why = f"it has a line or field of more than {LONGEST >> 20} MB"
    return TableUnreadable(file.path, why, hint="check that its rows end in line breaks and its quotes are closed")


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


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def columns_of(file: File, data: bytes, head: Head, quote: str) -> tuple[pa.Table, tuple[str, ...]]:
    """Return the rows as columns of texts named 0, 1, … with pandas' missing tokens as nulls, and notes."""
    body = data[head.offset :] if head.offset else data
    if not body.strip(b"\r\n"):
        empty = pa.table({str(at): pa.array([], pa.string()) for at in range(len(head.names))})
        return empty, ()
    if head.shape.delimiter == " ":
        body = re.sub(rb"(?m)^ +| +$", b"", re.sub(rb"[ \t]+", b" ", body))
    try:
        return _rectangular(body, head, quote), ()
    except pa.ArrowInvalid:
        return _mended(file, body, head, quote)


def _rectangular(body: bytes, head: Head, quote: str) -> pa.Table:
    names = [str(at) for at in range(len(head.names))]
    quoted = bool(quote) and quote.encode() in body
    options = arrow_csv.ParseOptions(
        delimiter=head.shape.delimiter, quote_char=quote or False, newlines_in_values=quoted, ignore_empty_lines=True
    )
    block = min(max(len(body) // 8, 1 << 20), 8 << 20) if len(names) < 1000 else 32 << 20
    reads = arrow_csv.ReadOptions(column_names=names, block_size=block)
    converts = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=list(PANDAS),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        check_utf8=False,
    )
    source = pa.BufferReader(body)
    table = arrow_csv.read_csv(source, read_options=reads, parse_options=options, convert_options=converts)
    return table.drop_columns([names[-1]]) if head.shape.empty_last else table


def _mended(file: File, body: bytes, head: Head, quote: str) -> tuple[pa.Table, tuple[str, ...]]:
    """Read rows one by one: pad those that are short, drop blank surplus fields, leave out those that hold more."""
    ragged = _Ragged()
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
    with _LongFields(file):
        for line, row in _rows(body.decode("utf-8", "replace"), head, quote):
            if (kept := ragged.fitted(line, row, len(head.names))) is not None:
                writer.writerow(kept)
    if ragged.left > max(ragged.kept, 1):
        why = f"most of its rows have more fields than the header's {len(head.names)}"
        raise TableUnreadable(file.path, why, hint="check the delimiter, or set delimiter, quote or skip by hand")
    plain = Head(shape=replace(head.shape, delimiter=","), names=head.names, offset=0, lines=0)
    data = written.getvalue().encode("utf-8")
    table = _rectangular(data, plain, '"') if data else columns_of(file, b"", plain, '"')[0]
    return table, tuple(ragged.told())


def _rows(text: str, head: Head, quote: str) -> Iterator[tuple[int, list[str]]]:
    style: dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=head.shape.delimiter, **style)
    last = 0
    for row in reader:
        if row:
            yield head.lines + last + 1, row
        last = reader.line_num


class _LongFields:
    """Allow fields up to LONGEST while csv reads; the limit is the module's own, so one reader at a time."""

    def __init__(self, file: File) -> None:
        self.file = file

    def __enter__(self) -> None:
        _FIELD_LIMIT.acquire()
        self.before = csv.field_size_limit(LONGEST)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        csv.field_size_limit(self.before)
        _FIELD_LIMIT.release()
        if isinstance(error, csv.Error):
            raise _too_long(self.file) from error


class _Ragged:
    """Counts rows that do not have as many fields as there are columns, and remembers the first lines of them."""

    def __init__(self) -> None:
        self.short: list[int] = []
        self.surplus: list[int] = []
        self.kept = self.shorts = self.left = 0

    def fitted(self, line: int, row: list[str], width: int) -> list[str] | None:
        """Return the row with `width` fields, or None where it holds more values than there are columns."""
        if len(row) > width:
            if any(cell.strip() for cell in row[width:]):
                self.left += 1
                self.surplus += [line] * (self.left <= 5)
                return None
            row = row[:width]
        elif len(row) < width:
            self.shorts += 1
            self.short += [line] * (self.shorts <= 5)
            row = row + [""] * (width - len(row))
        self.kept += 1
        return row

    def told(self) -> Iterable[str]:
        """Say what was done to which lines."""
        if self.shorts:
            where = _lines(self.short, self.shorts)
            yield f"{_rows_word(self.shorts)} fewer fields than columns; the rest is missing (line{where})"
        if self.left:
            where = _lines(self.surplus, self.left)
            yield f"{_rows_word(self.left)} more fields than columns, and left out (line{where})"


def _rows_word(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"


def _lines(lines: Sequence[int], count: int) -> str:
    shown = ", ".join(str(line) for line in lines)
    return f"s {shown}" * (count > 1) + f" {shown}" * (count == 1) + ", …" * (count > len(lines))
