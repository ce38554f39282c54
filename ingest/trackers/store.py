"""The databases that trackers keep: an SQLite file, or one on a PostgreSQL server, read through the same queries."""

from __future__ import annotations

import contextlib
import re
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ingest.trackers.access import Access
from ingest.trackers.database import Database
from ingest.trackers.files import Unreadable
from ingest.trackers.found import EVERYTHING, Found, Options
from kb.errors import BadInput, LoadFailed

SCHEMES = ("postgresql", "postgres")
_INSTALL = "install the driver with `pip install 'citewise[postgres]'`"


class Store(Protocol):
    """A database that is only read; `note` says what is missing of it."""

    note: str

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query with `?` for values. Raises Unreadable."""

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the column names of a table; none where there is no such table."""

    def tables(self) -> frozenset[str]:
        """Return the names of all tables."""

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""


class Remote:
    """A database behind a driver as it was when it was opened: one transaction that may only read.

    Raises Unreadable where it cannot be reached.
    """

    def __init__(self, uri: str) -> None:
        self.note = ""
        url = _with_driver(_url(uri))
        self._secret = url.password or ""
        self._columns: dict[str, tuple[str, ...]] = {}
        self._tables: frozenset[str] | None = None
        try:
            self._connection = _connected(url)
        except ModuleNotFoundError as error:
            raise Unreadable(f"the driver {error.name!r} is not there; {_INSTALL}") from error
        except SQLAlchemyError as error:
            raise Unreadable(f"the database cannot be reached: {self._why(error)}") from error
        self._end = weakref.finalize(self, _close, self._connection)

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query with `?` for values; whole tables come in parts. Raises Unreadable."""
        names = iter(range(len(values)))
        bound = text(re.sub(r"\?", lambda _: f":p{next(names)}", query))
        told = {f"p{number}": value for number, value in enumerate(values)}
        options = {} if values else {"stream_results": True, "max_row_buffer": 1000}
        try:
            with self._connection.execute(bound, told, execution_options=options) as found:
                for row in found:
                    yield tuple(row)
        except SQLAlchemyError as error:
            raise Unreadable(f"the database cannot be read: {self._why(error)}") from error

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the column names of a table; none where there is no such table."""
        if table not in self._columns:
            there = inspect(self._connection).get_columns(table) if table in self.tables() else []
            self._columns[table] = tuple(column["name"] for column in there)
        return self._columns[table]

    def tables(self) -> frozenset[str]:
        """Return the names of all tables."""
        if self._tables is None:
            try:
                self._tables = frozenset(inspect(self._connection).get_table_names())
            except SQLAlchemyError as error:
                raise Unreadable(f"the database cannot be read: {self._why(error)}") from error
        return self._tables

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        return int(next(self.rows(f'select count(*) from "{table}"'))[0])

    def _why(self, error: SQLAlchemyError) -> str:
        """Return what the driver says, on one line and without the password."""
        said = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        return said.replace(self._secret, "***") if self._secret else said


def _connected(url: URL) -> Connection:
    connection = create_engine(url, poolclass=NullPool).connect()
    if url.get_backend_name() == "postgresql":
        options: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        connection = connection.execution_options(**options)
    return connection


def _close(connection: Connection) -> None:
    with contextlib.suppress(SQLAlchemyError):  # A server that is gone cannot end its transaction
        connection.close()
    connection.engine.dispose()


def _url(uri: str) -> URL:
    """Return an address in parts. Raises Unreadable."""
    try:
        return make_url(uri)
    except (ArgumentError, ValueError) as error:
        raise Unreadable("the address cannot be read; write it as postgresql://USER@HOST/DATABASE") from error


def _with_driver(url: URL) -> URL:
    """Return an address with the driver that is an extra of ours, whatever driver MLflow or Optuna were given."""
    known = url.get_backend_name() in SCHEMES
    return url.set(drivername="postgresql+psycopg") if known else url


def opened(found: Found, indexes: Sequence[tuple[str, str]] = ()) -> Store:
    """Return the database of what was found. Raises Unreadable."""
    if found.uri:
        return Remote(found.access.uri if found.access is not None else found.uri)
    return Database(found.path, indexes=indexes)


def found_at(uri: str, kinds: Mapping[str, tuple[Any, str]], options: Options = EVERYTHING) -> list[Found]:
    """Return the histories in a database on a server: of each kind (what tells it by its tables, what is counted).

    Raises LoadFailed where it cannot be read, BadInput where it holds none.
    """
    try:
        store = Remote(uri)
        tables = store.tables()
        counts = {kind: store.count(table) for kind, (tells, table) in kinds.items() if tells(tables)}
    except Unreadable as error:
        raise LoadFailed(str(error), hint="check host, port, user and password (PGPASSWORD) of the database") from error
    place, here = shown(uri), Path()
    if not counts:
        raise BadInput(f"{place} holds no tables of MLflow or Optuna", hint="name the database that they write to")
    access = Access(uri=uri)
    return [
        Found(
            kind=kind,
            path=here,
            root=here,
            why=f"{kind.split('-')[0]} database with {count:,} {kinds[kind][1]}",
            count=count,
            uri=place,
            access=access,
            options=options,
        )
        for kind, count in counts.items()
    ]


def shown(uri: str) -> str:
    """Return an address without credentials and options. Raises Unreadable."""
    url = _url(uri)
    name = "postgresql" if url.get_backend_name() in SCHEMES else url.get_backend_name()
    return URL.create(name, host=url.host, port=url.port, database=url.database).render_as_string()
