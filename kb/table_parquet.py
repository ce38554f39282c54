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
from kb.table_text import unique_names

_FRAME_FACTOR = 3
"""A frame is about this many times the encoded, unpacked size that a file's metadata states."""


def read_parquet(file: File, given: Mapping[str, Any], *, limit: int) -> Found:
    """Return the table of a Parquet file. Raises TableUnreadable for a broken one."""
    try:
        with parquet.ParquetFile(str(file.path)) as opened:
            size = sum(opened.metadata.row_group(at).total_byte_size for at in range(opened.metadata.num_row_groups))
            if max(file.size, size * _FRAME_FACTOR // 2) >= limit:
                return large_parquet(file, given, opened.schema_arrow, opened.metadata.num_rows)
            table = opened.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        why = f"the Parquet file is broken ({str(error).splitlines()[0][:120]})"
        raise TableUnreadable(file.path, why, hint="download or export it again") from None
    columns = named_columns(table)
    found = of_columns(file, columns[0], given, format_="parquet", text=None, notes=columns[1])
    return replace(found, rows=table.num_rows)


def large_parquet(file: File, given: Mapping[str, Any], schema: pa.Schema, rows: int) -> Found:
    """Return a large Parquet file's table: its columns by their own types, read where they lie."""
    names, renamed = unique_names(schema.names)
    chosen, dtypes = [], {}
    for at, name in enumerate(names):
        sql, dtypes[name] = _cast(name_literal(schema.names[at]), schema.field(at).type)
        chosen.append(f"{sql} AS {name_literal(name)}")
    source = f"SELECT {', '.join(chosen)} FROM read_parquet({file_literal(file.path)})"
    return Found(
        layout=changed(Layout(), format="parquet", types=given.get("types", {})),
        rows=rows,
        columns=names,
        dtypes=dtypes,
        notes=(*renamed, "read where it lies"),
        source=source,
        sampler=partial(sampled, file.path, source, rows=rows),
    )


def _cast(column: str, kind: pa.DataType) -> tuple[str, str]:
    """Return a column in the type that the frame of a smaller file would have, and that type's name."""
    if pa.types.is_boolean(kind):
        return column, "bool"
    if pa.types.is_integer(kind):
        return f"CAST({column} AS BIGINT)", "int64"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return f"CAST({column} AS DOUBLE)", "float64"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return f"CAST({column} AS TIMESTAMP)", "datetime64[us]"
    return f"CAST({column} AS VARCHAR)", "str"


def named_columns(table: pa.Table) -> tuple[dict[str, pa.ChunkedArray], tuple[str, ...]]:
    """Return the columns by name; a second column of one name gets a number."""
    names, notes = unique_names(table.column_names)
    return dict(zip(names, table.columns, strict=True)), notes
