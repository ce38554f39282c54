"""Numbered migrations of the catalogue; the file is backed up before one runs, and a newer file is never touched."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

from kb import lexical, schema
from kb.errors import CatalogueTooNew


def _first(conn: Connection) -> None:
    schema.metadata.create_all(conn)
    lexical.create(conn)


def _jobs_datasets_readings(conn: Connection) -> None:
    schema.jobs.drop(conn, checkfirst=True)  # nothing was ever kept in the first one
    schema.metadata.create_all(conn, tables=[schema.jobs, schema.datasets, schema.readings])


RUNS = ("runs", "run_params", "run_tags", "run_metrics", "metric_points", "run_directions", "run_mentions")


def _runs_and_decisions(conn: Connection) -> None:
    for name in ("metrics", "runs", "decisions"):  # nothing was ever kept in the first ones
        conn.execute(text(f"DROP TABLE IF EXISTS {name}"))
    made = [schema.metadata.tables[name] for name in (*RUNS, "team_aliases", "decisions")]
    schema.metadata.create_all(conn, tables=made)


def _kept_vocabulary(conn: Connection) -> None:
    schema.metadata.create_all(conn, tables=[schema.run_vocabulary])


def _whole_index_of_params(conn: Connection) -> None:
    conn.execute(text("DROP INDEX IF EXISTS run_params_texts"))
    schema.run_params_texts.create(conn)


# Append only: the number of a migration is its place, and a released one never changes.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _first,
    _jobs_datasets_readings,
    _runs_and_decisions,
    _kept_vocabulary,
    _whole_index_of_params,
)


def version(conn: Connection) -> int:
    """Return the number of migrations that the catalogue has seen; 0 for an empty file."""
    if not inspect(conn).has_table("meta"):
        return 0
    value = conn.execute(select(schema.meta.c.value).where(schema.meta.c.key == "schema")).scalar()
    return int(value or 0)


def migrate(
    engine: Engine,
    path: Path | None = None,
    *,
    migrations: tuple[Callable[[Connection], None], ...] = MIGRATIONS,
) -> None:
    """Bring the catalogue to the newest schema, each step in a transaction of its own.

    A file that already holds data is copied to `backups/` beside it first. Raises CatalogueTooNew.
    """
    with engine.connect() as conn:
        found = version(conn)
    if found > len(migrations):
        raise CatalogueTooNew(found, len(migrations))
    if 0 < found < len(migrations) and path is not None:
        backup(path, f"before-schema-{found + 1}")
    for number in range(found + 1, len(migrations) + 1):
        _step(engine, number, migrations[number - 1])


def _step(engine: Engine, number: int, change: Callable[[Connection], None]) -> None:
    try:
        with engine.execution_options(citewise_write=True).begin() as conn:
            if version(conn) >= number:
                return
            change(conn)
            conn.execute(schema.meta.delete().where(schema.meta.c.key == "schema"))
            conn.execute(schema.meta.insert().values(key="schema", value=str(number)))
    except IntegrityError:
        with engine.connect() as conn:
            if version(conn) < number:
                raise


def backup(path: Path, label: str) -> Path:
    """Copy a live SQLite file consistently to `backups/` beside it and return the copy's path."""
    folder = path.parent / "backups"
    folder.mkdir(exist_ok=True)
    target = folder / f"{path.stem}-{label}-{time.strftime('%Y%m%d-%H%M%S')}.db"
    source = sqlite3.connect(path)
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    return target
