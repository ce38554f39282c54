"""Other programs' SQLite databases, read without a trace.

A database at rest is opened read-only and immutable: no lock, no `-shm` or `-wal` beside it. One with frames still in
its write-ahead log (or a hot journal) is copied with it to a private temporary folder and read there, so that the
latest rows are seen and the original stays as it is. So is one that lacks an index without which reading run by run
would take for ever, and one that was cut off, of which what is there is read. The copy is removed when the last reader
of it is gone.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ingest.trackers.files import Unreadable

_MAGIC = b"SQLite format 3\0"


def is_sqlite(path: Path) -> bool:
    """Tell whether a file begins like an SQLite database."""
    try:
        with path.open("rb") as file:
            return file.read(16) == _MAGIC
    except OSError:
        return False


class Database:
    """A read-only view of an SQLite file as it is now; `note` says what is missing of a file that was cut off.

    Raises Unreadable where nothing can be read.
    """

    def __init__(self, path: Path, *, indexes: Sequence[tuple[str, str]] = ()) -> None:
        self.path = path
        self.note = _cut_off(path)
        self._columns: dict[str, tuple[str, ...]] = {}
        self._tables: frozenset[str] | None = None
        self._folder: str | None = None
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = self._open(path)
            if not self.note:
                self._index(_missing_indexes(self._connection, indexes))
        except (sqlite3.Error, Unreadable) as error:
            _close(self._connection, self._folder)
            raise Unreadable(f"the database cannot be read: {error}") from error
        self._end = weakref.finalize(self, _close, self._connection, self._folder)

    def _index(self, missing: Sequence[tuple[str, str]]) -> None:
        if missing and self._connection is not None:
            self._connection.close()
            self._connection = self._open(self._copy(self.path))
            for table, column in missing:
                self._connection.execute(f'create index "cw_{table}_{column}" on "{table}" ("{column}")')

    def _open(self, path: Path) -> sqlite3.Connection:
        if self._folder is None and (_has_pending(path) or self.note):
            path = self._copy(path)
        uri = f"file:{quote(str(path))}"
        uri += "?mode=rw" if self._folder else "?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        connection.execute("pragma query_only = " + ("off" if self._folder else "on"))
        return connection

    def _copy(self, path: Path) -> Path:
        """Copy a database with its log; a writer that is busy meanwhile is waited for, up to a few tries."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="citewise-")
        target = Path(self._folder) / "copy.db"
        files = [(path, target), *((_beside(path, end), _beside(target, end)) for end in ("-wal", "-journal"))]
        try:
            for _ in range(5):
                before = [_stamp(source) for source, _ in files]
                for source, copy in files:
                    copy.unlink(missing_ok=True)
                    if source.exists():
                        shutil.copyfile(source, copy)
                if before == [_stamp(source) for source, _ in files]:
                    break
            if self.note:
                os.truncate(target, _told_size(path))
        except OSError as error:
            raise Unreadable(f"it has rows in its log and cannot be copied to read them: {error.strerror}") from error
        return target

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query. Raises Unreadable where the file is damaged."""
        assert self._connection is not None
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise Unreadable(f"the database is damaged: {error}") from error

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the column names of a table; none where there is no such table."""
        if table not in self._columns:
            self._columns[table] = tuple(row[1] for row in self.rows(f'pragma table_info("{table}")'))
        return self._columns[table]

    def tables(self) -> frozenset[str]:
        """Return the names of all tables."""
        if self._tables is None:
            found = self.rows("select name from sqlite_master where type = 'table'")
            self._tables = frozenset(row[0] for row in found)
        return self._tables

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        return int(next(self.rows(f'select count(*) from "{table}"'))[0])


def _told_size(path: Path) -> int:
    """Return the size that a database's header tells (its format, section 1.3), 0 where it tells none."""
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100 or head[24:28] != head[92:96]:
        return 0
    page, count = struct.unpack(">H", head[16:18])[0], struct.unpack(">I", head[28:32])[0]
    return int((65536 if page == 1 else page) * count)


def _cut_off(path: Path) -> str:
    """Return in words what is missing at the end of a database, nothing where it is whole."""
    try:
        told, there = _told_size(path), path.stat().st_size
    except OSError:
        return ""
    pending = _has_pending(path)
    return f"the file is cut off: {there:,} of {told:,} bytes are there" if told > there and not pending else ""


def _missing_indexes(connection: sqlite3.Connection, wanted: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the wanted (table, column) pairs without an index that leads with the column, of tables worth one."""
    missing = []
    for table, column in wanted:
        columns = {row[1] for row in connection.execute(f'pragma table_info("{table}")')}
        if column not in columns or not _is_long(connection, table):
            continue
        leads = [
            next(iter(connection.execute(f'pragma index_info("{row[1]}")')), (None, None, None))[2]
            for row in connection.execute(f'pragma index_list("{table}")')
        ]
        if column not in leads:
            missing.append((table, column))
    return missing


def _is_long(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f'select 1 from "{table}" limit 1 offset 20000').fetchone() is not None


def _has_pending(path: Path) -> bool:
    return any(_stamp(_beside(path, end))[0] > 0 for end in ("-wal", "-journal"))


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _close(connection: sqlite3.Connection | None, folder: str | None) -> None:
    if connection is not None:
        connection.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
