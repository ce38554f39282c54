"""Parquet files: columns by their own types, nested ones as text; large files through DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from kb.errors import TableUnreadable
from kb.table_bytes import File
from kb.table_duck import file_literal, name_literal, sampled
from kb.table_layout import Found, Layout, changed
from kb.table_records import of_columns
from kb.table_sql import dtype_of, typed_sql
from kb.table_text import unique_names, unlike_names
from kb.table_typed import limited, plan_notes, planned
from kb.table_types import layout_with

ROWS = 20_000
_FRAME_FACTOR = 3
"""A frame is about this many times the encoded, unpacked size that a file's metadata states."""


def read_parquet(file: File, given: Mapping[str, Any], *, limit: int) -> Found:
    """Return the table of a Parquet file. Raises TableUnreadable for a broken one."""
    try:
        with parquet.ParquetFile(str(file.path)) as opened:
            size = sum(opened.metadata.row_group(at).total_byte_size for at in range(opened.metadata.num_row_groups))
            if max(file.size, size * _FRAME_FACTOR // 2) >= limit:
                return large_parquet(file, given, opened)
            table = opened.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        why = f"the Parquet file is broken ({str(error).splitlines()[0][:120]})"
        raise TableUnreadable(file.path, why, hint="download or export it again") from None
    columns = named_columns(table)
    found = of_columns(file, columns[0], given, format_="parquet", text=None, notes=columns[1])
    return replace(found, rows=table.num_rows)


def large_parquet(file: File, given: Mapping[str, Any], opened: parquet.ParquetFile) -> Found:
    """Return a large Parquet file's table: its columns by their own types, texts by their first rows."""
    names, renamed = unique_names(opened.schema_arrow.names)
    names, cased = unlike_names(names)
    batch = next(opened.iter_batches(ROWS), None)
    head = pa.Table.from_batches([batch] if batch is not None else [], opened.schema_arrow).rename_columns(list(names))
    texts = {name: column for name, column in zip(names, head.columns, strict=True) if pa.types.is_string(column.type)}
    layout = changed(Layout(), format="parquet", types=given.get("types", {}))
    plans, _ = planned(texts, given, layout)
    chosen, dtypes = [], {}
    for at, name in enumerate(names):
        column = name_literal(opened.schema_arrow.names[at])
        sql, dtypes[name] = _cast(column, head.column(at))
        if name in plans:
            sql, dtypes[name] = typed_sql(column, name, plans[name]), dtype_of(plans[name], texts[name])
        chosen.append(f"{sql} AS {name_literal(name)}")
    source = f"SELECT {', '.join(chosen)} FROM read_parquet({file_literal(file.path)})"
    rows = opened.metadata.num_rows
    return Found(
        layout=changed(layout, **layout_with(layout, plans)),
        rows=rows,
        columns=names,
        dtypes=dtypes,
        notes=(*renamed, *cased, *limited(plan_notes(texts, plans)), "read where it lies"),
        source=source,
        sampler=partial(sampled, file.path, source, rows=rows),
    )


def _cast(column: str, head: pa.ChunkedArray) -> tuple[str, str]:
    """Return a column in the type that the frame of a smaller file would have, and that type's name."""
    kind, gaps = head.type, bool(head.null_count)
    if pa.types.is_boolean(kind):
        return column, "object" if gaps else "bool"
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return f"CAST({column} AS BIGINT)", "float64" if gaps else "int64"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return f"CAST({column} AS DOUBLE)", "float64"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return f"CAST({column} AS TIMESTAMP)", "datetime64[us]"
    return f"CAST({column} AS VARCHAR)", "str"


def named_columns(table: pa.Table) -> tuple[dict[str, pa.ChunkedArray], tuple[str, ...]]:
    """Return the columns by name; a second column of one name gets a number."""
    names, notes = unique_names(table.column_names)
    return dict(zip(names, table.columns, strict=True)), notes
