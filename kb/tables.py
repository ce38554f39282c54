"""A table file as a value: how it was read, its rows and columns, its frame, or a DuckDB view where it is large.

Readers stand in the `table_…` modules beside this one; what a column means is left to the dataset rooms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from kb.errors import TableTooLarge
from kb.table_bytes import File, available_memory, fingerprint, identify
from kb.table_duck import connection
from kb.table_layout import Found, Layout, checked, layout_json, layout_of
from kb.table_readers import read

__all__ = ["LARGE", "SEED", "Layout", "Table", "layout_json", "layout_of", "open_table"]

LARGE = 512 << 20
"""Files of this many bytes are read where they lie."""
SEED = 7


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table file that was opened.

    `fingerprint` is the SHA-256 of the file's content; of a large file, of its size and 64 blocks of it (a note says
    so). `columns` are unique. `notes` say in words what was detected, mended or left out.
    """

    name: str
    path: Path
    fingerprint: str
    layout: Layout
    rows: int
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    large: bool = False
    dtypes: Mapping[str, str] = field(default_factory=dict)
    source: str = field(default="", repr=False)
    sampler: Callable[[int], Any] | None = field(default=None, repr=False, compare=False)
    kept: Any = field(default=None, repr=False, compare=False)

    @property
    def frame(self) -> pd.DataFrame:
        """Return all rows as a frame. Raises TableTooLarge for a large table."""
        if self.kept is None:
            why = f"its {self.rows:,} rows do not fit in memory"
            raise TableTooLarge(self.path, why, hint="use `sample()`, or `duck()` for exact figures")
        return self.kept

    def sample(self, n: int = 50_000) -> pd.DataFrame:
        """Return `n` rows from all over the file, the same ones each time; all rows where there are no more."""
        if self.kept is None:
            return self.sampler(min(n, self.rows)) if self.sampler else self.frame
        if self.rows <= n:
            return self.kept.copy()
        return self.kept.sample(n=n, random_state=SEED).sort_index().reset_index(drop=True)

    def duck(self) -> duckdb.DuckDBPyConnection:
        """Return a new DuckDB connection with the typed view `data` of all rows; it can read nothing else.

        A value of a large file that does not fit its column's type raises duckdb.Error with the value in its message.
        """
        return connection(self.path, self.source, self.kept)


def open_table(
    path: Path | str,
    *,
    corrections: Mapping[str, Any] | None = None,
    name: str | None = None,
    large_from: int = LARGE,
) -> Table:
    """Open the table in the file at `path`, with its layout detected and the fields in `corrections` as given.

    Files of `large_from` bytes or more, or too large for a quarter of the free memory, are read where they lie.
    Raises TableUnreadable, TableTooLarge (a packed file that unpacks past the limit), and BadInput for corrections.
    """
    given = checked(corrections)
    file = identify(Path(path).absolute())
    limit = min(large_from, _memory_limit())
    print_, whole = fingerprint(file.path, whole_below=max(large_from, 1))
    found = read(file, given, limit=limit)
    if not whole:
        found = replace(found, notes=(*found.notes, "the fingerprint is that of the size and 64 blocks of the file"))
    return _table(file, found, print_, name)


def _memory_limit() -> int:
    """Return how large a file may be for its frame (about twice its size) to fit in a quarter of the free memory."""
    return available_memory() // 8


def _table(file: File, found: Found, print_: str, name: str | None) -> Table:
    return Table(
        name=name or file.path.name,
        path=file.path,
        fingerprint=print_,
        layout=found.layout,
        rows=found.rows,
        columns=found.columns,
        notes=found.notes,
        large=found.frame is None,
        dtypes=found.dtypes,
        source=found.source,
        sampler=found.sampler,
        kept=found.frame,
    )
