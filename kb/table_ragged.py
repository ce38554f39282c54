"""Rows that do not have as many fields as there are columns: which can be kept, and what is said of them."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from kb.errors import TableUnreadable
from kb.table_bytes import File

LONGEST = 16 << 20
"""A line longer than this is refused: what has such lines is no table of rows."""
_FIELD_LIMIT = threading.Lock()


def mended(file: File, body: bytes, *, width: int, delimiter: str, quote: str, line: int) -> tuple[bytes, Ragged]:
    """Return the rows of `body` as even CSV of `width` quoted fields, and what that took; `line` lines stand above.

    Short rows are padded, blank surplus fields dropped, and rows that hold more values than columns left out.
    Raises TableUnreadable where most rows would be.
    """
    ragged = Ragged()
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
    style: dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    with _LongFields(file):
        reader = csv.reader(io.StringIO(body.decode("utf-8", "replace"), newline=""), delimiter=delimiter, **style)
        at = line + 1
        for row in reader:
            if row and (kept := ragged.fitted(at, row, width)) is not None:
                writer.writerow(kept)
            at = line + reader.line_num + 1
    if ragged.left > ragged.kept:
        why = f"most of its rows have more fields than the {width} of the header"
        raise TableUnreadable(file.path, why, hint="check the delimiter, or set delimiter, quote or skip by hand")
    return written.getvalue().encode("utf-8"), ragged


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
            raise too_long(self.file) from error


class Ragged:
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


def too_long(file: File) -> TableUnreadable:
    """Return the error for a file with a line past `LONGEST`."""
    why = f"it has a line or field of more than {LONGEST >> 20} MB"
    return TableUnreadable(file.path, why, hint="check that its rows end in line breaks and its quotes are closed")
