"""Rows of tables of results, whatever file they lie in: CSV, JSON lists, JSON lines, Excel sheets, nested JSON."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ingest.trackers.files import Unreadable, read_json
from ingest.trackers.steps import csv_rows, jsonl_rows, unique
from ingest.trackers.values import flat, number
from ingest.trackers.words import is_metric
from kb.records import Problem, split_of

Row = tuple[str, dict[str, Any] | Unreadable]
SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm"})
_MAX_SHEET = 8 * 2**20
_MAX_UNZIPPED = 300 * 2**20
_LISTS = ("runs", "results", "trials", "experiments", "models", "records", "data", "model_results", "comparison")


def rows_of(path: Path) -> Iterator[Row]:
    """Yield (place, row) of a table file; a row that cannot be read is an Unreadable. Raises Unreadable."""
    if path.suffix in (".csv", ".tsv"):
        yield from ((f"line {line}", row) for line, row in csv_rows(path))
    elif path.suffix in (".jsonl", ".ndjson"):
        yield from _json_lines(path)
    elif path.suffix == ".json":
        yield from _json(path)
    else:
        yield from _sheets(path)


def _json_lines(path: Path) -> Iterator[Row]:
    for line, row in jsonl_rows(path, ""):
        yield f"line {line}", Unreadable(row.reason) if isinstance(row, Problem) else dict(flat(row))


def _json(path: Path) -> Iterator[Row]:
    value = read_json(path)
    items = value if isinstance(value, list) else _listed(value)
    if items is not None:
        for at, item in enumerate(items, 1):
            yield f"entry {at}", flat(item) if isinstance(item, Mapping) else Unreadable("it is no mapping")
    else:
        for name, item in (named_in(value) or {}).items():
            yield f"entry {name}", {"": str(name), **flat(item)}


def _listed(value: Any) -> list[Any] | None:
    """Return the list of mappings that a JSON object wraps under one of the usual names."""
    if not isinstance(value, Mapping):
        return None
    for name in _LISTS:
        found = value.get(name)
        if isinstance(found, list) and len(found) > 0 and all(isinstance(item, Mapping) for item in found):
            return found
    return None


def named_in(value: Any, deep: int = 3) -> Mapping[str, Any] | None:
    """Return the mapping from names to metrics that a JSON object is or, under one of the usual names, holds."""
    if is_named(value):
        return value  # type: ignore[no-any-return]
    inside = value.items() if isinstance(value, Mapping) and deep else ()
    found = [named_in(item, deep - 1) for key, item in inside if len(value) == 1 or key in _LISTS]
    return next((item for item in found if item is not None), None)


def is_named(value: Any) -> bool:
    """Tell whether a JSON object maps names (models, runs) to metrics, and not splits or classes of one result."""
    if not isinstance(value, Mapping) or len(value) < 2 or not all(isinstance(v, Mapping) for v in value.values()):
        return False
    if any("support" in item for item in value.values()) or all(split_of(str(key)) for key in value):
        return False
    measured = [any(is_metric(str(k)) and number(v) is not None for k, v in item.items()) for item in value.values()]
    return all(measured)


def _sheets(path: Path) -> Iterator[Row]:
    """Yield the rows of an Excel file's sheets, each with its first row that is no title as the header."""
    from openpyxl import load_workbook

    if path.stat().st_size > _MAX_SHEET:
        raise Unreadable("it is too large for an Excel file of results")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > _MAX_UNZIPPED:
                raise Unreadable("it unpacks to more than an Excel file of results ever holds")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(path, read_only=True, data_only=True)
        try:
            for sheet in book.worksheets:
                yield from _sheet(sheet.title, sheet.iter_rows(values_only=True))
        finally:
            book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise Unreadable(f"it is no Excel file that can be read: {error}") from error


def _sheet(title: str, rows: Iterator[tuple[Any, ...]]) -> Iterator[Row]:
    names: list[str] | None = None
    for at, row in enumerate(rows, 1):
        if names is None:
            if sum(cell is not None for cell in row) > 1:
                names = unique(["" if cell is None else str(cell).strip() for cell in row])
        elif any(cell is not None for cell in row):
            yield f"{title}!{at}", {name: cell for name, cell in zip(names, row, strict=False) if cell is not None}
