"""Which reader opens a file: by its first bytes, its ending and what a person said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kb.errors import TableUnreadable
from kb.table_bytes import File, is_bomb, past_limit, start_of
from kb.table_encoding import SAMPLE, as_utf8
from kb.table_layout import Found, Layout, changed
from kb.table_parquet import read_parquet
from kb.table_records import read_json, read_lines
from kb.table_sheets import read_sheet
from kb.table_text import columns_of, head_of, quick_columns, refuse_long_line
from kb.table_typed import typed

FREE = ("types", "dates", "missing", "decimal", "thousands")
"""Corrections that need the texts of all columns."""
MOST_JSON = 64 << 20
"""A list of records takes many times its size while it is parsed; larger ones are read by DuckDB."""


def read(file: File, given: Mapping[str, Any], *, limit: int) -> Found:
    """Return what is in `file`; one larger than `limit` bytes unpacked is read where it lies."""
    if file.container == "parquet":
        return read_parquet(file, given, limit=limit)
    if file.container == "excel":
        return read_sheet(file, given, limit=limit)
    kind = given.get("format") or _kind(file)
    if kind in ("parquet", "excel"):
        raise TableUnreadable(file.path, f"it is no {kind} file", hint="leave the format to be detected")
    large = file.size >= (min(limit, MOST_JSON) if kind == "json" else limit)
    data = b"" if large else start_of(file, limit + 1)
    if large or len(data) > limit:
        return _read_large(file, kind, given, limit=limit)
    if kind in ("json", "jsonl"):
        text = as_utf8(file, data, given)
        if kind == "jsonl":
            refuse_long_line(file, text.data)
        return {"json": read_json, "jsonl": read_lines}[kind](file, text, given)
    return read_delimited(file, data, given)


def _read_large(file: File, kind: str, given: Mapping[str, Any], *, limit: int) -> Found:
    from kb.table_large import read_large

    if file.compression in ("bz2", "xz", "zip") or is_bomb(file, limit):
        raise past_limit(file, limit)
    return read_large(file, kind, given, limit=limit)


def _kind(file: File) -> str:
    """Return csv, jsonl or json, by the first line rather than the ending."""
    start = start_of(file, SAMPLE)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        start = as_utf8(file, start, {}).data
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"[" and file.suffix == ".json":
        return "json"
    if text[:1] == b"[" and text[1:].lstrip()[:1] in (b"{", b"[", b"]"):
        return "json"
    if text[:1] != b"{":
        return "csv"
    try:
        return "jsonl" if isinstance(json.loads(text.split(b"\n", 1)[0]), dict) and file.suffix != ".json" else "json"
    except (ValueError, RecursionError):
        return "jsonl" if file.suffix in (".jsonl", ".ndjson") else "json"


def read_delimited(file: File, data: bytes, given: Mapping[str, Any]) -> Found:
    """Return the table in delimited text."""
    text = as_utf8(file, data, given)
    refuse_long_line(file, text.data)
    head = head_of(file, text.data, given)
    quote = given.get("quote", head.quote)
    quick = None if any(given.get(name) for name in FREE) else quick_columns(file, text.data, head, quote)
    table, notes = quick or columns_of(file, text.data, head, quote)
    names = head.names[: table.num_columns]
    layout = changed(
        Layout(),
        format="csv",
        compression=file.compression,
        encoding=text.encoding,
        delimiter=head.shape.delimiter,
        quote=quote,
        header=head.shape.header,
        skip=head.shape.skip,
        types=given.get("types", {}),
    )
    columns = dict(zip(names, table.columns, strict=True))
    return typed(columns, layout, given, (*text.notes, *head.notes, *notes))
