"""JSON lines and JSON arrays too large for memory, read through DuckDB."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa

from kb.errors import TableUnreadable
from kb.table_bytes import File
from kb.table_duck import connection, file_literal, literal, name_literal, sampled
from kb.table_encoding import Text
from kb.table_layout import Found, Layout, changed
from kb.table_records import HINT
from kb.table_sql import dtype_of, typed_sql
from kb.table_typed import limited, plan_notes, planned
from kb.table_types import layout_with

ROWS = 20_000


def read_large_json(file: File, kind: str, text: Text, given: Mapping[str, Any]) -> Found:
    """Return the table of a large file of JSON records; its columns are the keys of its first records."""
    names = _keys(text.data, kind)
    if not names:
        raise TableUnreadable(file.path, "its JSON holds no records", hint=HINT)
    reader = _reader(file, kind, names)
    columns, rows = _first_rows(file, names, reader)
    layout = changed(Layout(), format=kind, compression=file.compression, types=given.get("types", {}))
    plans, fields = planned(columns, given, layout)
    layout = changed(layout, **fields, **layout_with(layout, plans))
    chosen = ", ".join(f"{typed_sql(name_literal(name), name, plans[name])} AS {name_literal(name)}" for name in names)
    source = f"SELECT {chosen} FROM {reader}"
    return Found(
        layout=layout,
        rows=rows,
        columns=tuple(names),
        dtypes={name: dtype_of(made, columns[name]) for name, made in plans.items()},
        notes=(
            *limited(plan_notes(columns, plans)),
            f"read where it lies; types were taken from its first {ROWS:,} rows",
        ),
        source=source,
        sampler=partial(sampled, file.path, source, rows=rows),
    )


def _keys(data: bytes, kind: str) -> list[str]:
    """Return the keys of the records that stand whole in `data`, in order."""
    text, at = data.decode("utf-8", "replace"), 0
    decoder, names = json.JSONDecoder(), dict[str, None]()
    at = text.find("{")
    while at >= 0:
        try:
            record, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        names.update(dict.fromkeys(record))
        at = text.find("{", end)
    return list(names)


def _reader(file: File, kind: str, names: list[str]) -> str:
    kinds = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    written = "array" if kind == "json" else "newline_delimited"
    packed = f", compression={literal(file.compression)}" if file.compression else ""
    return f"read_json({file_literal(file.path)}, format='{written}', columns={{{kinds}}}{packed})"


def _first_rows(file: File, names: list[str], reader: str) -> tuple[dict[str, pa.ChunkedArray], int]:
    """Return the first rows as texts, and the exact number of rows."""
    try:
        with connection(file.path, f"SELECT * FROM {reader}") as made:
            head: pa.Table = made.sql(f"SELECT * FROM data LIMIT {ROWS}").to_arrow_table()
            row = made.execute("SELECT count(*) FROM data").fetchone()
    except duckdb.Error as error:
        why = f"its JSON is broken ({str(error).splitlines()[0][:160]})"
        raise TableUnreadable(file.path, why, hint="check that the file is complete") from None
    return {name: head.column(at).cast(pa.string()) for at, name in enumerate(names)}, int(row[0]) if row else 0
