"""Excel workbooks (.xlsx): which sheet, where its table begins, and the values that its cells show."""

from __future__ import annotations

import datetime
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
import pyarrow as pa

from kb.errors import TableTooLarge, TableUnreadable
from kb.table_bytes import File
from kb.table_layout import Found, changed
from kb.table_missing import PANDAS
from kb.table_records import column_of, of_columns
from kb.table_sniff import shape_of_cells
from kb.table_text import unique_names

MOST_UNPACKED = 2 << 30
BROKEN = (
    zipfile.BadZipFile,
    ParseError,
    OSError,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
)
_ERRORS = ("#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!")
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]+\d+:[A-Z]+\d+)"')
Row = tuple[Any, ...]


def read_sheet(file: File, given: Mapping[str, Any], *, limit: int) -> Found:
    """Return the table of one sheet: the one that `given` names, else the first that holds rows."""
    _refuse_bomb(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            name, rows, notes = _rows(file, str(given.get("sheet", "")))
            notes = (*notes, *_inside(file, name, rows))
    except BROKEN as error:
        why = f"the workbook is broken ({str(error)[:120] or type(error).__name__})"
        raise TableUnreadable(file.path, why, hint="save it again in a spreadsheet program, or as CSV") from None
    return _table(file, name, rows, given, notes)


def _refuse_bomb(file: File) -> None:
    with zipfile.ZipFile(file.path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MOST_UNPACKED:
        why = f"the workbook unpacks to {size >> 20:,} MB, the limit is {MOST_UNPACKED >> 20:,} MB"
        raise TableTooLarge(file.path, why, hint="export the sheet as CSV or Parquet and open that")


@contextmanager
def _opened(file: File, *, values: bool = False) -> Iterator[Any]:
    """Open a workbook for reading: the `values` stored with formulas, or the formulas."""
    with file.path.open("rb") as raw:
        book = openpyxl.load_workbook(raw, read_only=True, data_only=values)
        try:
            yield book
        finally:
            book.close()


def sheets_of(file: File) -> tuple[str, ...]:
    """Return the names of a workbook's sheets of cells."""
    with _opened(file) as book:
        return tuple(sheet.title for sheet in book.worksheets)


def _rows(file: File, wanted: str) -> tuple[str, list[Row], tuple[str, ...]]:
    with _opened(file, values=True) as book:
        names = [sheet.title for sheet in book.worksheets]
        if wanted and wanted not in names:
            raise TableUnreadable(file.path, f"it has no sheet {wanted!r}", hint=f"its sheets are {', '.join(names)}")
        for name in [wanted] if wanted else names:
            rows = trimmed(book[name].iter_rows(values_only=True))
            if rows or name == wanted:
                break
        if not names or not rows:
            raise TableUnreadable(file.path, "its sheets hold no values", hint="check which workbook was saved")
        told = (f"sheet {name!r} of {len(names)}: {', '.join(map(repr, names[:10]))}",) if len(names) > 1 else ()
        return name, rows, told


def trimmed(rows: Iterator[Row]) -> list[Row]:
    """Return rows without the empty ones at the end and the empty cells at their right."""
    kept: list[Row] = []
    blank = 0
    for row in rows:
        width = next((at + 1 for at in range(len(row) - 1, -1, -1) if row[at] not in (None, "")), 0)
        if width:
            kept += [()] * blank
            kept.append(row[:width])
        blank = 0 if width else blank + 1
    return kept


def _inside(file: File, name: str, rows: Sequence[Row]) -> Iterator[str]:
    """Say what stands in the sheet's own file that values alone do not show: merged cells, formulas without value."""
    formulas, merged = _markup(file, name)
    if merged:
        yield f"{len(merged)} merged areas (such as {merged[0]}): their value stands in the first cell only"
    if formulas:
        without = _without_value(file, name)
        if without:
            how = "save the workbook in a spreadsheet program to store them"
            yield f"{len(without):,} formulas have no stored value and read as missing (such as {without[0]}): {how}"
        else:
            yield "formulas read as the values stored with them"


def _markup(file: File, name: str) -> tuple[bool, list[str]]:
    """Tell whether a sheet has formulas, and its merged areas, from its XML."""
    with _opened(file) as book:
        path = book[name]._worksheet_path
    formulas, merged, tail = False, list[str](), b""
    with zipfile.ZipFile(file.path) as archive, archive.open(path) as opened:
        while part := opened.read(1 << 20):
            part = tail + part
            formulas = formulas or b"<f>" in part or b"<f " in part
            merged += [found.decode() for found in _MERGED.findall(part)]
            tail = part[part.rfind(b"<") :][-200:] if b"<" in part else b""
    return formulas, merged


def _without_value(file: File, name: str) -> list[str]:
    """Return the cells whose formula has no stored value."""
    found = []
    with _opened(file, values=True) as shown, _opened(file) as written:
        for values, formulas in zip(shown[name].iter_rows(), written[name].iter_rows(), strict=False):
            for value, formula in zip(values, formulas, strict=False):
                if value.value is None and formula.value is not None:
                    found.append(str(getattr(formula, "coordinate", "?")))
    return found


def _table(file: File, name: str, rows: Sequence[Row], given: Mapping[str, Any], notes: Sequence[str]) -> Found:
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows[:500]]
    found = shape_of_cells(texts, dict(given))
    body = [row for row in rows[found.skip + found.header :] if any(cell not in (None, "") for cell in row)]
    width = max([len(row) for row in body] + [len(found.names)])
    raw = [*found.names, *[""] * (width - len(found.names))]
    if not found.header:
        raw = [f"column_{at + 1}" for at in range(width)]
    names, renamed = unique_names(raw)
    columns = {title: cells([row[at] if at < len(row) else None for row in body]) for at, title in enumerate(names)}
    told = [*notes, *renamed]
    if found.skip:
        told.append(f"{found.skip} rows above the header left out")
    if found.units:
        told.append("the row under the header looks like units or descriptions; it was kept as a row")
    made = of_columns(file, columns, given, format_="excel", text=None, notes=tuple(told), sheet=name)
    return replace(made, layout=changed(made.layout, header=found.header, skip=found.skip))


def cells(values: Sequence[Any]) -> pa.ChunkedArray:
    """Return the values of cells as one column: numbers, booleans, dates, or text where they are mixed."""
    plain = [None if isinstance(value, str) and value in (*PANDAS, *_ERRORS) else value for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if kinds and kinds <= {datetime.datetime, datetime.date}:
        whole = [_moment(value) for value in plain]
        return pa.chunked_array([pa.array(whole, pa.timestamp("us"))])
    if len(kinds) > 1 and not kinds <= {int, float}:
        plain = [None if value is None else _shown(value) for value in plain]
    return column_of(plain)


def _moment(value: Any) -> datetime.datetime | None:
    if value is None or isinstance(value, datetime.datetime):
        return value
    return datetime.datetime(value.year, value.month, value.day)


def _shown(value: Any) -> str:
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
