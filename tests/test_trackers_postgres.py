"""MLflow's and Optuna's databases through SQLAlchemy: on SQLite everywhere, on PostgreSQL where its programs are."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from runs_of import fingerprint, metric, points
from test_trackers_mlflow import database

from ingest.trackers import READERS, address, detect, is_server
from ingest.trackers.access import Access
from ingest.trackers.store import Remote
from kb.errors import BadInput, LoadFailed
from kb.records import Problem, Run

needs_driver = pytest.mark.skipif(importlib.util.find_spec("psycopg") is None, reason="needs psycopg")
SECRET = "s3cr3t-word"


def read(found: Any) -> dict[str, Run]:
    items = list(READERS[found.kind](found))
    assert [item for item in items if isinstance(item, Problem)] == []
    return {item.run_id: item for item in items if isinstance(item, Run)}


def remotely(path: Path) -> Any:
    """Return what lies in an SQLite file, to be read as from a server."""
    (found,) = detect(path)
    return replace(found, uri="shown", access=Access(uri=f"sqlite:///file:{path}?mode=ro&uri=true"))


def plain(run: Run) -> dict[str, Any]:
    """Return what can be compared of a run, wherever it was read."""
    kept = ("run_id", "experiment", "name", "status", "params", "raw_params", "tags", "started", "ended", "parent")
    known = {name: getattr(run, name) for name in (*kept, "deleted", "dataset", "directions", "space")}
    return {**known, "history": [repr(point) for point in run.history()]}


def study(uri: str, name: str = "s") -> None:
    """Log a study with pruned, failed and infinite trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -1, 1, log=False)
        trial.suggest_categorical("kind", ["a", None, 3])
        trial.report(x, 1)
        trial.set_user_attr("note", [1, "é"])
        if trial.number == 3:
            raise optuna.TrialPruned
        if trial.number == 4:
            raise ValueError
        return float("inf") if trial.number == 5 else x

    with storage(uri) as kept:
        made = optuna.create_study(storage=kept, study_name=name, direction="maximize")
        made.optimize(objective, n_trials=12, catch=(ValueError,))


@contextmanager
def storage(uri: str) -> Iterator[optuna.storages.RDBStorage]:
    """An Optuna storage whose connections are closed behind it."""
    kept = optuna.storages.RDBStorage(uri)
    yield kept
    kept.remove_session()
    kept.engine.dispose()


def test_an_mlflow_database_reads_the_same_through_a_driver(tmp_path: Path) -> None:
    with database(tmp_path / "mlflow.db") as connection:
        rows = [("a", 0.5, 1, 0), ("a", 0.75, 2, 0), ("a", 0.0, 3, 1), ("b", 1.7976931348623157e308, 0, 0)]
        connection.executemany("insert into metrics values (?, ?, 1700000000000, 'r1', ?, ?)", rows)
    connection.close()
    before = fingerprint(tmp_path)
    found = remotely(tmp_path / "mlflow.db")
    there, here = read(found), read(detect(tmp_path)[0])
    assert {name: plain(run) for name, run in there.items()} == {name: plain(run) for name, run in here.items()}
    assert there["r1"].source == "shown"
    assert fingerprint(tmp_path) == before


def test_an_optuna_database_reads_the_same_through_a_driver(tmp_path: Path) -> None:
    study(f"sqlite:///{tmp_path}/optuna.db")
    there, here = read(remotely(tmp_path / "optuna.db")), read(detect(tmp_path)[0])
    assert len(there) == 12
    assert {name: plain(run) for name, run in there.items()} == {name: plain(run) for name, run in here.items()}


def test_a_driver_cannot_write(tmp_path: Path) -> None:
    database(tmp_path / "mlflow.db").close()
    store = Remote(f"sqlite:///file:{tmp_path}/mlflow.db?mode=ro&uri=true")
    with pytest.raises(Exception, match="readonly"):
        list(store.rows("delete from runs"))


def test_a_runs_version_changes_with_its_points(tmp_path: Path) -> None:
    with database(tmp_path / "mlflow.db") as connection:
        connection.execute(
            "create table latest_metrics (key text, value float, timestamp int, step int, run_uuid text)"
        )
        connection.execute("insert into latest_metrics values ('a', 1.0, 1700000000000, 5, 'r1')")
    before = {name: run.version for name, run in read(detect(tmp_path)[0]).items()}
    with connection:
        connection.execute("insert into metrics values ('a', 0.5, 1700000000000, 'r1', 2, 0)")
    connection.close()
    after = {name: run.version for name, run in read(detect(tmp_path)[0]).items()}
    assert None not in before.values()
    assert {name for name in before if before[name] != after[name]} == {"r1"}


@needs_driver
def test_a_database_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(LoadFailed, match="cannot be reached") as error:
        detect(f"postgresql://ann:{SECRET}@127.0.0.1:1/mlflow")
    assert SECRET not in f"{error.value.message} {error.value.hint}"


def test_addresses_are_kept_without_credentials() -> None:
    assert address(f"http://ann:{SECRET}@host:5000/#/experiments/1") == "http://host:5000"
    assert address(f"postgresql+psycopg2://ann:{SECRET}@host/db?sslmode=require") == "postgresql://host/db"
    assert [is_server(uri) for uri in ("https://h", "postgres://h/d", "sqlite:///a", "mlruns")] == [
        True,
        True,
        False,
        False,
    ]


# -- a PostgreSQL server of our own ----------------------------------------------------------------------------


def user() -> str | None:
    """Return who may run PostgreSQL, which root may not."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server, started here, that asks for a password."""
    programs = {name: shutil.which(name) for name in ("initdb", "pg_ctl")}
    if None in programs.values():
        pytest.skip("PostgreSQL's programs are not installed")
    home = Path(tempfile.mkdtemp(prefix="citewise-pg-"))
    (home / "password").write_text(SECRET)
    if user() is not None:
        for path in (home, home / "password"):
            shutil.chown(path, user())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(*command: str) -> None:
        subprocess.run(command, check=True, user=user(), cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    data, options = str(home / "data"), f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
    call(str(programs["initdb"]), "-D", data, "-U", "ann", "--pwfile", str(home / "password"), "-A", "md5")
    call(str(programs["pg_ctl"]), "-D", data, "-w", "-l", str(home / "log"), "-o", options, "start")
    yield f"postgresql://ann:{SECRET}@127.0.0.1:{port}"
    call(str(programs["pg_ctl"]), "-D", data, "-w", "-m", "immediate", "stop")
    shutil.rmtree(home, ignore_errors=True)


def create(server: str, name: str) -> str:
    """Make a database on a server and return its address."""
    import psycopg

    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    return f"{server}/{name}"


@needs_driver
def test_an_optuna_storage_on_postgresql_reads_as_optuna_reports_it(postgres: str) -> None:
    uri = create(postgres, "studies")
    study(uri.replace("postgresql:", "postgresql+psycopg:"))
    (found,) = detect(uri)
    assert (found.kind, found.count, SECRET in repr(found)) == ("optuna-postgres", 12, False)
    read_runs = read(found)
    with storage(uri.replace("postgresql:", "postgresql+psycopg:")) as kept:
        trials = optuna.load_study(study_name="s", storage=kept).trials
    for trial in trials:
        run = read_runs[f"s#{trial.number}"]
        assert (run.params, run.status) == (trial.params, trial.state.name)
        assert points(run, "intermediate_value") == list(trial.intermediate_values.items())
        assert [value for _, value in points(run, "value")] == (trial.values or [])
        assert run.directions == {"value": "maximize"}


LOG = """
import sys, math
from mlflow.entities import Metric, Param, RunTag, RunStatus
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
store = SqlAlchemyStore(sys.argv[1], "artifacts")
experiment = store.create_experiment("churn")
for number in range(3):
    run = store.create_run(experiment, "ann", 1700000000000, [RunTag("note", "é")], "owl").info.run_id
    values = [Metric("loss", 1 / (n + 1), 1700000000000, n) for n in range(5)]
    values += [Metric("nan", math.nan, 1700000000000, 0), Metric("up", math.inf, 1700000000000, 0)]
    store.log_batch(run, values, [Param("lr", "0.10")], [])
    if number == 2:
        store.delete_run(run)
"""


@needs_driver
@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="needs mlflow")
def test_an_mlflow_database_on_postgresql_is_read(postgres: str, tmp_path: Path) -> None:
    uri = create(postgres, "tracking")
    call = [sys.executable, "-c", LOG, uri.replace("postgresql:", "postgresql+psycopg:")]
    subprocess.run(call, check=True, cwd=tmp_path, capture_output=True)
    (found,) = detect(uri.replace("postgresql:", "postgresql+psycopg2:"))
    assert (found.kind, found.count, SECRET in repr(found)) == ("mlflow-postgres", 3, False)
    assert found.source == uri.replace(f"ann:{SECRET}@", "")
    runs = read(found)
    assert [run.deleted for run in runs.values()].count(True) == 1
    for run in runs.values():
        assert (run.experiment, run.params, run.raw_params, run.tags["note"]) == (
            "churn",
            {"lr": 0.1},
            {"lr": "0.10"},
            "é",
        )
        assert points(run, "loss") == [(n, 1 / (n + 1)) for n in range(5)]
        assert (metric(run, "nan").odd, metric(run, "up").last, run.version is not None) == (1, float("inf"), True)


@needs_driver
def test_a_database_without_histories_and_a_wrong_password_are_told(postgres: str) -> None:
    uri = create(postgres, "empty")
    with pytest.raises(BadInput, match="holds no tables of MLflow or Optuna"):
        detect(uri)
    with pytest.raises(LoadFailed, match="password authentication failed") as error:
        detect(uri.replace(SECRET, "wr0ng"))
    assert "wr0ng" not in error.value.message
    with pytest.raises(LoadFailed, match='database "none" does not exist'):
        detect(f"{postgres}/none")


@needs_driver
def test_nothing_can_be_written_to_postgresql(postgres: str) -> None:
    store = Remote(f"{postgres}/postgres")
    with pytest.raises(Exception, match="read-only transaction"):
        list(store.rows("create table t as select cast(? as int) as a", (1,)))
