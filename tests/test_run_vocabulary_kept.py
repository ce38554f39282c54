"""All names that runs logged are kept in the catalogue: the same when read back, and gone when the runs move."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from kb import run_vocabulary, run_vocabulary_kept, schema, store
from kb.records import Point, Run, State
from kb.run_query import vocabulary
from kb.runs import put_runs
from kb.store import Catalogue, set_source
from kb.types import SourceKey
from kb.vocabulary import Vocabulary

RUNS = [
    Run(
        tracker="test",
        run_id=f"run {n}",
        name=None if n % 2 else "named \u00e9 \u2028",
        source="logs/x.csv",
        aliases=("short",) if n == 1 else (),
        state=State.FAILED if n == 2 else State.FINISHED,
        params={"lr": value, "opt": ["Adam", None][n % 2]},
        tags={"user": "someone"},
        dataset="mnist" if n else None,
        started=float(n) if n else None,
        deleted=n == 3,
        history=lambda: iter([Point("loss", 0.5, 0), Point("loss", math.inf, 1)]),
    )
    for n, value in enumerate((0.1, 1, 10**30, math.nan, math.inf, "text", True, 0.1))
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed catalogue with eight runs."""
    catalogue = Catalogue.open(tmp_path / "catalogue.db")
    key = SourceKey(collection="default", root="history", source="logs")
    with catalogue.write() as conn:
        source = set_source(conn, key, kind="runs", hash="1", state="lexical", updated=0.0)
    put_runs(catalogue, source, RUNS)
    catalogue.close()
    return tmp_path / "catalogue.db"


def opened(path: Path) -> Vocabulary:
    """Return the vocabulary as a new process finds it."""
    catalogue = Catalogue.open(path)
    try:
        return vocabulary(catalogue)
    finally:
        catalogue.close()


def kept(path: Path) -> int:
    """Return how many vocabularies a catalogue keeps."""
    catalogue = Catalogue.open(path)
    with catalogue.read() as conn:
        count = conn.scalar(select(func.count()).select_from(schema.run_vocabulary))
    catalogue.close()
    return int(count or 0)


def test_a_new_process_reads_the_names_that_the_last_one_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(path)
    assert kept(path) == 1
    monkeypatch.delattr(run_vocabulary, "_read")
    assert repr(opened(path)) == repr(first)  # NaN is no value that equals itself


def test_what_is_kept_goes_when_the_catalogue_changes(path: Path) -> None:
    before = opened(path)
    catalogue = Catalogue.open(path)
    with catalogue.write() as conn:
        conn.execute(delete(schema.runs).where(schema.runs.c.run_id == "run 5"))
        store.touch(conn)
    catalogue.close()
    assert kept(path) == 0
    assert len(before.runs) - len(opened(path).runs) == 1
    assert kept(path) == 1


def test_names_that_an_older_program_kept_are_made_anew(path: Path) -> None:
    first = opened(path)
    catalogue = Catalogue.open(path)
    with catalogue.write() as conn:
        conn.execute(update(schema.run_vocabulary).values(code=0, packed=b"old"))
    catalogue.close()
    assert repr(opened(path)) == repr(first)
    assert kept(path) == 1


def test_an_older_catalogue_without_room_for_names_has_none_kept(path: Path) -> None:
    catalogue = Catalogue.open(path)
    with catalogue.engine.connect() as conn:
        conn.exec_driver_sql("DROP TABLE run_vocabulary")
        conn.commit()
    with catalogue.read() as conn:
        assert run_vocabulary_kept.kept(conn, "1") is None
    catalogue.close()
