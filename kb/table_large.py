"""Text tables too large for memory: planned from blocks across the file, counted exactly, read through DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kb.errors import TableTooLarge, TableUnreadable
from kb.table_bytes import File, start_of
from kb.table_duck import SEED, connection, file_literal, literal, name_literal, sampled
from kb.table_encoding import Text, as_utf8
from kb.table_layout import Found, Layout, changed
from kb.table_missing import PANDAS
from kb.table_ragged import LONGEST
from kb.table_sql import dtype_of, typed_sql
from kb.table_text import Head, columns_of, head_of, refuse_long_line, unlike_names
from kb.table_typed import frame_of, limited, plan_notes, planned
from kb.table_types import Plan, convert, layout_with

HEAD = 4 << 20
BLOCKS, BLOCK = 63, 256 << 10
ENCODINGS = {"utf-8": "utf-8", "latin-1": "latin-1", "iso-8859-1": "latin-1", "utf-16": "utf-16"}
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_BEYOND_LATIN_1 = frozenset("€‚„…†‡‰ŠŒŽ‘’“”•–—™šœžŸ")
SPOTS = 1000
"""A sample is taken as neighbouring lines at this many places."""
COUNTED_FAST = 32 << 20
"""Bytes from which lines are counted without parsing; below, DuckDB counts, which knows quotes left open."""


def read_large(file: File, kind: str, given: Mapping[str, Any], *, limit: int) -> Found:
    """Return what is in a large text file. Raises TableTooLarge where DuckDB cannot read it where it lies."""
    start = start_of(file, LONGEST)
    if kind != "json":
        refuse_long_line(file, start)
    text = as_utf8(file, start[:HEAD], given)
    if text.encoding == "windows-1252" and not _BEYOND_LATIN_1 & set(text.data.decode("utf-8", "replace")):
        text = replace(text, encoding="latin-1")
    if ENCODINGS.get(text.encoding) is None:
        why = f"a file of this size in {text.encoding} cannot be read where it lies"
        raise TableTooLarge(file.path, why, hint="convert it to UTF-8 or to Parquet")
    if kind == "csv":
        return _delimited(file, text, given)
    from kb.table_large_json import read_large_json

    return read_large_json(file, kind, text, given)


def _delimited(file: File, text: Text, given: Mapping[str, Any]) -> Found:
    head = head_of(file, text.data, given)
    names, cased = unlike_names(head.names)
    head = replace(head, names=names, notes=(*head.notes, *cased))
    quote = given.get("quote", head.quote)
    if head.shape.delimiter == " ":
        why = "fields parted by runs of spaces are not read from a file of this size"
        raise TableTooLarge(file.path, why, hint="convert it to a CSV or Parquet file")
    table = _sample_columns(file, text, head, quote)
    columns = dict(zip(head.names, table.columns, strict=True))
    layout = changed(
        Layout(),
        compression=file.compression,
        encoding=text.encoding,
        delimiter=head.shape.delimiter,
        quote=quote,
        header=head.shape.header,
        skip=head.shape.skip,
        types=given.get("types", {}),
    )
    plans, fields = planned(columns, given, layout)
    layout = changed(layout, **fields, **layout_with(layout, plans))
    rows, source, mended = _counted(file, head, quote, layout, plans)
    sampler = None
    if (
        not file.compression
        and layout.encoding == "utf-8"
        and not mended
        and not _broken_over_lines(table)
        and rows > 4 * SPOTS
    ):
        sampler = partial(lines_sample, file, head, quote, plans, source, rows)
    return Found(
        layout=layout,
        rows=rows,
        columns=head.names,
        dtypes={name: dtype_of(made, columns[name]) for name, made in plans.items()},
        notes=(*text.notes, *head.notes, *limited(plan_notes(columns, plans)), *mended, sampled_note(table.num_rows)),
        source=source,
        sampler=sampler or partial(sampled, file.path, source, rows=rows),
    )


def sampled_note(rows: int) -> str:
    """Say that types were detected from a part of the rows."""
    return f"read where it lies; types and notes were taken from {rows:,} rows across the file"


def _sample_columns(file: File, text: Text, head: Head, quote: str) -> pa.Table:
    """Return the rows of the file's start and of blocks across it as texts; blocks that do not fit are left out."""
    first, _ = columns_of(file, _whole_rows(text.data, quote), head, quote)
    parts = [first]
    bare = Head(shape=head.shape, names=head.names, offset=0, lines=0)
    for block in _blocks(file) if text.encoding == "utf-8" and not file.compression else ():
        try:
            part, notes = columns_of(file, block, bare, quote)
        except (TableUnreadable, pa.ArrowInvalid):
            continue
        if not notes:
            parts.append(part)
    return pa.concat_tables(parts)


def _whole_rows(data: bytes, quote: str) -> bytes:
    """Return the start of a text up to the last line end that stands outside of quotation marks."""
    mark = quote.encode()
    kept = data[: data.rfind(b"\n") + 1]
    for _ in range(20):
        if not mark or kept.count(mark) % 2 == 0:
            break
        kept = kept[: kept.rfind(b"\n", 0, kept.rfind(mark)) + 1]
    return kept or data


def _blocks(file: File) -> Iterator[bytes]:
    """Yield whole lines from places spread evenly over the file."""
    with file.path.open("rb") as opened:
        for number in range(1, BLOCKS + 1):
            opened.seek(max(0, (file.size - BLOCK) * number // BLOCKS))
            part = opened.read(BLOCK)
            yield part[part.find(b"\n") + 1 : part.rfind(b"\n") + 1]


def _broken_over_lines(table: pa.Table) -> bool:
    return any(pc.any(pc.match_substring_regex(column, r"[\r\n]")).as_py() for column in table.columns)


def _counted(
    file: File, head: Head, quote: str, layout: Layout, plans: Mapping[str, Plan]
) -> tuple[int, str, tuple[str, ...]]:
    """Return the exact number of rows, the SQL of the typed rows, and notes on ragged ones."""
    source = _source(file, head, quote, layout, plans, lenient=False)
    worth = not file.compression and file.path.stat().st_size >= COUNTED_FAST
    if worth and (rows := fast_count(file, head, quote)) is not None:
        return rows, source, ()
    try:
        with connection(file.path, source) as made:
            return _one(made, f"SELECT count(*) FROM {_reader(file, head, quote, layout, lenient=False)}"), source, ()
    except duckdb.Error:
        return _counted_leniently(file, head, quote, layout, plans)


def _counted_leniently(
    file: File, head: Head, quote: str, layout: Layout, plans: Mapping[str, Plan]
) -> tuple[int, str, tuple[str, ...]]:
    source = _source(file, head, quote, layout, plans, lenient=True)
    reader = _reader(file, head, quote, layout, lenient=True)[:-1] + ", store_rejects=true, rejects_limit=1000)"
    try:
        with connection(file.path, source) as made:
            rows = _one(made, f"SELECT count(*) FROM {reader}")
            lost = made.execute("SELECT DISTINCT line FROM reject_errors ORDER BY line").fetchall()
    except duckdb.Error as error:
        why = f"its rows cannot be told apart ({str(error).splitlines()[0][:160]})"
        raise TableUnreadable(file.path, why, hint="check the delimiter and the quotes, or set them by hand") from None
    lines = ", ".join(str(line) for (line,) in lost[:5]) + ", …" * (len(lost) > 5)
    many = f"{len(lost):,}{' or more' * (len(lost) >= 1000)}"
    told = (
        [f"{many} rows have more fields than columns, or odd quotes, and were left out (lines {lines})"] if lost else []
    )
    return rows, source, (*told, "rows with fewer fields than columns were filled with missing values")


def _one(made: duckdb.DuckDBPyConnection, query: str) -> int:
    ((count,),) = made.execute(query).fetchall()
    return int(count)


def fast_count(file: File, head: Head, quote: str) -> int | None:
    """Count rows as line ends, or return None where only a parser can tell: quotes, blank lines, or ragged rows.

    Rows are even when there are exactly one fewer delimiters a row than columns.
    """
    lines = delimiters = 0
    buffer = bytearray(1 << 20)
    view, codes = memoryview(buffer), np.frombuffer(buffer, np.uint8)
    before = 10
    with file.path.open("rb", buffering=0) as opened:
        offset = head.offset + (3 if opened.read(3) == b"\xef\xbb\xbf" else 0)
        opened.seek(0)
        if _LONE_RETURN.search(opened.read(offset)):
            return None
        while count := opened.readinto(view):
            part = codes[:count]
            ends = part == 10
            if _needs_parser(part, ends, before, quote):
                return None
            lines += int(np.count_nonzero(ends))
            delimiters += int(np.count_nonzero(part == ord(head.shape.delimiter)))
            before = int(part[-1])
    rows = lines + (before != 10)
    return rows if lines and delimiters == rows * (len(head.names) - 1 + head.shape.empty_last) else None


def _needs_parser(part: np.ndarray[Any, Any], ends: np.ndarray[Any, Any], before: int, quote: str) -> bool:
    """Tell whether a block, after the byte `before`, has quotes, blank lines, or other line ends than LF and CRLF."""
    if quote and np.count_nonzero(part == ord(quote)):
        return True
    if (ends[1:] & ends[:-1]).any() or (before == 10 and ends[0]) or (before == 13 and not ends[0]):
        return True
    returns = part == 13
    if not returns.any():
        return False
    lone = returns[:-1] & ~ends[1:]
    after_end = returns[1:] & ends[:-1]
    return bool(lone.any() or after_end.any() or (before == 10 and returns[0]))


def _reader(file: File, head: Head, quote: str, layout: Layout, *, lenient: bool) -> str:
    """Return the call of read_csv that gives texts c0, c1, … of every row."""
    kinds = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(head.names) + head.shape.empty_last))
    tokens = ", ".join(literal(token) for token in PANDAS)
    options = [
        f"auto_detect=false, header=false, skip={head.lines}, delim={literal(layout.delimiter)}",
        f"quote={literal(quote)}, escape={literal(quote)}, columns={{{kinds}}}, nullstr=[{tokens}]",
        f"encoding={literal(ENCODINGS[layout.encoding])}",
    ]
    if file.compression:
        options.append(f"compression={literal(file.compression)}")
    if lenient:
        options.append("null_padding=true, ignore_errors=true, parallel=false")
    return f"read_csv({file_literal(file.path)}, {', '.join(options)})"


def _source(file: File, head: Head, quote: str, layout: Layout, plans: Mapping[str, Plan], *, lenient: bool) -> str:
    chosen = [f"{typed_sql(f'c{at}', name, plans[name])} AS {name_literal(name)}" for at, name in enumerate(head.names)]
    return f"SELECT {', '.join(chosen)} FROM {_reader(file, head, quote, layout, lenient=lenient)}"


def lines_sample(
    file: File, head: Head, quote: str, plans: Mapping[str, Plan], source: str, rows: int, n: int
) -> pd.DataFrame:
    """Return `n` rows from all over a file whose rows are lines, typed as planned; the same ones each time."""
    if n * 4 > rows:
        return sampled(file.path, source, n, rows=rows)
    parts = list(_spots(file, head, n, SEED))
    bare = Head(shape=head.shape, names=head.names, offset=0, lines=0)
    table, _ = columns_of(file, b"".join(parts), bare, quote)
    columns = dict(zip(head.names, table.columns, strict=True))
    frame = frame_of({name: convert(column, lenient(plans[name])) for name, column in columns.items()})
    if len(frame) <= n:
        return frame
    return frame.sample(n=n, random_state=SEED).sort_index().reset_index(drop=True)


def lenient(made: Plan) -> Plan:
    """Return a plan that reads what does not fit as missing."""
    return replace(made, force=True) if made.kind in ("integer", "float") else made


def _spots(file: File, head: Head, n: int, seed: int) -> Iterator[bytes]:
    """Yield whole lines at random places, each line at most once."""
    spots = min(SPOTS, max(n, 1))
    wanted = -(-n * 11 // (spots * 10))
    places = np.sort(np.random.default_rng(seed).integers(head.offset, file.size, spots))
    done = head.offset
    with file.path.open("rb") as opened:
        for place in places.tolist():
            opened.seek(max(place, done))
            if place > done or done == head.offset:
                done = opened.tell()
                if done > head.offset:
                    done += len(opened.readline(LONGEST))
            lines = [line for _ in range(wanted) if (line := opened.readline(LONGEST))]
            done += sum(map(len, lines))
            yield b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)
