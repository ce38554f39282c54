"""JSON lines, and JSON arrays of records: each record a row, each key a column."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from kb.errors import TableUnreadable
from kb.table_bytes import File
from kb.table_encoding import Text
from kb.table_layout import Found, Layout, changed
from kb.table_missing import PANDAS
from kb.table_text import unique_names
from kb.table_typed import typed
from kb.table_types import without

MOST_BAD = 0.5
HINT = 'each row must be an object such as {"name": "a", "size": 3}'


def read_lines(file: File, text: Text, given: Mapping[str, Any]) -> Found:
    """Return the table of a file with one JSON object a line; lines that are none are left out and counted."""
    try:
        table = arrow_json.read_json(
            io.BytesIO(text.data),
            read_options=arrow_json.ReadOptions(block_size=min(max(len(text.data), 1 << 20), 32 << 20)),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        records, notes = _records(file, text.data)
        return _of_records(file, records, given, format_="jsonl", text=text, notes=notes)
    columns = {name: table.column(at) for at, name in enumerate(table.column_names)}
    return of_columns(file, columns, given, format_="jsonl", text=text)


def _records(file: File, data: bytes) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the objects of lines one by one, and a note on the lines that hold none."""
    kept, bad, lines = [], [], 0
    for at, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        lines += 1
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            kept.append(record)
        else:
            bad.append(at)
    if not kept or len(bad) > MOST_BAD * lines:
        raise TableUnreadable(file.path, f"{len(bad):,} of its {lines:,} lines are no JSON objects", hint=HINT)
    shown = ", ".join(map(str, bad[:5])) + ", …" * (len(bad) > 5)
    return kept, (f"{len(bad):,} lines are no JSON objects and were left out (line {shown})",) if bad else ()


def read_json(file: File, text: Text, given: Mapping[str, Any]) -> Found:
    """Return the table of a JSON file: a list of records, or an object of columns or with one list of records."""
    try:
        content = json.loads(text.data)
    except RecursionError:
        raise TableUnreadable(file.path, "its JSON is nested too deeply", hint=HINT) from None
    except ValueError as error:
        why = f"its JSON is broken ({error})"
        raise TableUnreadable(file.path, why, hint="check that the file is complete") from None
    records, notes = _found_records(file, content)
    return _of_records(file, records, given, format_="json", text=text, notes=notes)


def _found_records(file: File, content: Any) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    if isinstance(content, list):
        return _listed(file, content), ()
    if isinstance(content, dict):
        if isinstance(content.get("data"), list) and isinstance(content.get("columns"), list):
            names = [str(name) for name in content["columns"]]
            rows = [row for row in content["data"] if isinstance(row, list)]
            return [dict(zip(names, row, strict=False)) for row in rows], ()
        lists = {key: value for key, value in content.items() if isinstance(value, list)}
        records = {key: value for key, value in lists.items() if value and isinstance(value[0], dict)}
        if len(records) == 1:
            key, value = next(iter(records.items()))
            return _listed(file, value), (f"the rows are the list under {key!r}",)
        if len(lists) == len(content) and len({len(value) for value in lists.values()}) == 1:
            return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)], ()
        if content and all(isinstance(value, dict) for value in content.values()):
            index = list(dict.fromkeys(key for column in content.values() for key in column))
            return [{name: column.get(key) for name, column in content.items()} for key in index], ()
        if content:
            return [content], ("the file holds one record",)
    raise TableUnreadable(file.path, "its JSON holds no records", hint=HINT)


def _listed(file: File, content: list[Any]) -> list[dict[str, Any]]:
    if all(isinstance(row, dict) for row in content) and content:
        return content
    if content and all(isinstance(row, list) for row in content):
        width = max(map(len, content))
        named = content[0] if len(content[0]) == width and all(isinstance(cell, str) for cell in content[0]) else None
        names = [str(cell) for cell in named] if named else [f"column_{at + 1}" for at in range(width)]
        return [dict(zip(names, row, strict=False)) for row in content[bool(named) :]]
    raise TableUnreadable(file.path, "its JSON list holds no records", hint=HINT)


def _of_records(
    file: File,
    records: Sequence[dict[str, Any]],
    given: Mapping[str, Any],
    *,
    format_: str,
    text: Text,
    notes: tuple[str, ...] = (),
) -> Found:
    names = list(dict.fromkeys(key for record in records for key in record))
    columns = {name: column_of([record.get(name) for record in records]) for name in names}
    return of_columns(file, columns, given, format_=format_, text=text, notes=notes)


def column_of(values: Sequence[Any]) -> pa.ChunkedArray:
    """Return values of any kinds as one Arrow column; kinds that do not go together become text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds:
        if kinds == {int} and all(abs(value) < 2**63 for value in values if value is not None):
            return pa.chunked_array([pa.array(values, pa.int64())])
        return pa.chunked_array([pa.array([None if v is None or v != v else float(v) for v in values], pa.float64())])
    if kinds == {bool}:
        return pa.chunked_array([pa.array(values, pa.bool_())])
    return pa.chunked_array([pa.array([_as_text(value) for value in values], pa.string())])


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(value, ensure_ascii=False, default=str)


def of_columns(
    file: File,
    columns: Mapping[str, pa.ChunkedArray],
    given: Mapping[str, Any],
    *,
    format_: str,
    text: Text | None,
    notes: tuple[str, ...] = (),
    sheet: str = "",
) -> Found:
    """Return the table of named Arrow columns; texts among them are read like those of a CSV file."""
    if not columns:
        raise TableUnreadable(file.path, "it has no columns", hint="check the export or download")
    names, renamed = unique_names([str(name) for name in columns])
    nested = tuple(name for name, column in zip(names, columns.values(), strict=True) if is_nested(column.type))
    notes = (*notes, *((f"nested values show as JSON text in {', '.join(map(repr, nested[:5]))}",) if nested else ()))
    tokens = PANDAS if format_ == "excel" else ()
    plain = {name: as_plain(column, tokens) for name, column in zip(names, columns.values(), strict=True)}
    layout = changed(
        Layout(),
        format=format_,
        compression=file.compression,
        encoding=text.encoding if text else "utf-8",
        sheet=sheet,
        types=given.get("types", {}),
    )
    return typed(plain, layout, given, (*(text.notes if text else ()), *renamed, *notes))


def is_nested(kind: pa.DataType) -> bool:
    """Tell whether a column's values are lists, objects or maps."""
    return bool(pa.types.is_nested(kind))


def as_plain(column: pa.ChunkedArray, tokens: tuple[str, ...]) -> pa.ChunkedArray:
    """Return a column of any Arrow type as int64, float64, bool, timestamp, or text without the missing `tokens`."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_plain(pc.cast(column, kind.value_type), tokens)
    if pa.types.is_nested(kind):
        return pa.chunked_array([pa.array([_as_text(value) for value in column.to_pylist()], pa.string())])
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_unsigned_integer(kind) and kind.bit_width == 64:
        return _or_text(column, pa.int64())
    if pa.types.is_integer(kind):
        return pc.cast(column, pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return pc.cast(column, pa.float64(), safe=False)
    if pa.types.is_timestamp(kind):
        return pc.cast(column, pa.timestamp(kind.unit)) if kind.tz else column
    if pa.types.is_date(kind):
        return pc.cast(column, pa.timestamp("us"), safe=False)
    return _texts(column, tokens)


def _or_text(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    try:
        return pc.cast(column, wanted)
    except pa.ArrowInvalid:
        return pc.cast(column, pa.string())


def _texts(column: pa.ChunkedArray, tokens: tuple[str, ...]) -> pa.ChunkedArray:
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        shown = [None if value is None else value.decode("utf-8", "replace") for value in column.to_pylist()]
        column = pa.chunked_array([pa.array(shown, pa.string())])
    try:
        column = pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        column = pa.chunked_array([pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())])
    return without(column, tokens) if tokens else column
