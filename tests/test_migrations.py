"""A catalogue is migrated whole or not at all, with a backup before, and a newer one is never touched."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from ingest.sync import sync
from kb.errors import CatalogueTooNew
from kb.knowledge import KnowledgeBase
from kb.migrations import MIGRATIONS, backup, migrate
from kb.store import Catalogue


def add_column(conn: Connection) -> None:
    """A later migration, as one will be."""
    conn.execute(text("ALTER TABLE sources ADD COLUMN owner TEXT"))


def fail(conn: Connection) -> None:
    """A migration that does something and then fails."""
    conn.execute(text("DROP TABLE turns"))
    conn.execute(text("INSERT INTO nowhere VALUES (1)"))


@pytest.fixture
def old(kb: KnowledgeBase, pages: Path) -> Path:
    """A closed catalogue with four sources in today's schema."""
    sync(kb, [str(pages)])
    kb.close()
    return kb.home / "catalogue.db"


def sources(path: Path) -> int:
    """Return how many sources a catalogue file holds, read by plain SQLite."""
    with sqlite3.connect(path) as conn:
        [(n,)] = conn.execute("SELECT count(*) FROM sources").fetchall()
    conn.close()
    return int(n)


def schema_of(path: Path) -> str:
    """Return the schema's number and tables as SQLite tells them."""
    with sqlite3.connect(path) as conn:
        number = conn.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        tables = conn.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    conn.close()
    return f"{number} {tables}"


def test_a_migration_is_applied_once_with_a_backup_before(old: Path) -> None:
    engine = Catalogue.open(old).engine
    for _ in range(2):
        migrate(engine, old, migrations=(*MIGRATIONS, add_column))
    engine.dispose()
    [saved] = (old.parent / "backups").iterdir()
    assert "owner" in schema_of(old)
    assert "owner" not in schema_of(saved)
    assert sources(old) == sources(saved) == 4


def test_a_failed_migration_leaves_the_catalogue_as_it_was(old: Path) -> None:
    before, engine = schema_of(old), Catalogue.open(old).engine
    with pytest.raises(Exception, match="nowhere"):
        migrate(engine, old, migrations=(*MIGRATIONS, fail))
    engine.dispose()
    assert schema_of(old) == before
    assert sources(old) == 4


def test_steps_before_the_failed_one_stay(old: Path) -> None:
    engine = Catalogue.open(old).engine
    with pytest.raises(Exception, match="nowhere"):
        migrate(engine, old, migrations=(*MIGRATIONS, add_column, fail))
    engine.dispose()
    assert "owner" in schema_of(old)
    assert "turns" in schema_of(old)


def test_a_newer_catalogue_is_refused_and_not_touched(old: Path) -> None:
    with sqlite3.connect(old) as conn:
        conn.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    conn.close()
    before = schema_of(old)
    with pytest.raises(CatalogueTooNew) as caught:
        Catalogue.open(old)
    assert caught.value.found == 99
    assert "upgrade" in caught.value.hint
    assert schema_of(old) == before
    assert not (old.parent / "backups").exists()


def test_a_new_catalogue_needs_no_backup(kb: KnowledgeBase) -> None:
    assert kb.catalogue.path is not None
    assert not (kb.home / "backups").exists()


def test_a_backup_of_a_live_catalogue_is_complete(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    assert kb.catalogue.path is not None
    assert sources(backup(kb.catalogue.path, "test")) == 4


def test_two_openers_make_one_schema(tmp_path: Path) -> None:
    engines = [create_engine(f"sqlite:///{tmp_path / 'catalogue.db'}") for _ in range(2)]
    for engine in engines:
        migrate(engine, tmp_path / "catalogue.db")
        engine.dispose()
    assert schema_of(tmp_path / "catalogue.db").startswith(f"('{len(MIGRATIONS)}',)")


def test_a_catalogue_of_the_first_schema_gets_room_for_jobs_datasets_and_readings(old: Path) -> None:
    with sqlite3.connect(old) as conn:
        for table in ("jobs", "datasets", "readings"):
            conn.execute(f"DROP TABLE {table}")
        conn.execute("CREATE TABLE jobs (id VARCHAR(32) PRIMARY KEY, kind VARCHAR, pid INTEGER)")
        conn.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    conn.close()
    Catalogue.open(old).close()
    assert all(name in schema_of(old) for name in ("heartbeat", "CREATE TABLE datasets", "CREATE TABLE readings"))
    assert sources(old) == 4


def test_a_catalogue_of_the_second_schema_gets_room_for_runs_and_decisions(old: Path) -> None:
    with sqlite3.connect(old) as conn:
        for table in ("runs", "run_params", "run_metrics", "metric_points", "decisions", "team_aliases"):
            conn.execute(f"DROP TABLE {table}")
        conn.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, params VARCHAR)")
        conn.execute("CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id INTEGER)")
        conn.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
    conn.close()
    Catalogue.open(old).close()
    assert all(f"CREATE TABLE {name}" in schema_of(old) for name in ("run_params", "metric_points", "decisions"))
    assert "CREATE TABLE metrics" not in schema_of(old)
    assert sources(old) == 4


def test_a_catalogue_of_the_third_schema_gets_room_for_the_names_of_its_runs(old: Path) -> None:
    with sqlite3.connect(old) as conn:
        conn.execute("DROP TABLE run_vocabulary")
        conn.execute("UPDATE meta SET value = '3' WHERE key = 'schema'")
    conn.close()
    Catalogue.open(old).close()
    assert "CREATE TABLE run_vocabulary" in schema_of(old)
    assert sources(old) == 4


def test_a_catalogue_of_the_fourth_schema_gets_the_whole_index_of_parameters(old: Path) -> None:
    with sqlite3.connect(old) as conn:
        conn.execute("DROP INDEX run_params_texts")
        conn.execute("CREATE INDEX run_params_texts ON run_params (leaf, text)")
        conn.execute("UPDATE meta SET value = '4' WHERE key = 'schema'")
    conn.close()
    Catalogue.open(old).close()
    assert "run_params_texts ON run_params (leaf, text, run_id, name, kind, number)" in schema_of(old)
    assert sources(old) == 4
