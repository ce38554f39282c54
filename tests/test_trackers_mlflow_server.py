"""A real `mlflow server`, started here: what MLflow itself reports is what is read, also over its death and return."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from runs_of import fingerprint

from ingest.trackers import READERS, Options, detect, mlflow_rest
from ingest.trackers.rest import Patience
from kb import runs
from kb.records import Point, Problem, Run, Split, summarise
from kb.store import Catalogue, set_source
from kb.types import SourceKey

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(importlib.util.find_spec(name) for name in ("mlflow", "flask", "graphene", "huey")),
        reason="needs mlflow and what its server is made of",
    ),
]
STORY = Path(__file__).with_name("mlflow_story.py")
OF_COLUMNS = ("mlflow.user", "mlflow.source.")  # tags that we make where a run has only the column
HASTY = Patience(timeout=20, tries=2, first=0.05)


@dataclass
class Served:
    """An MLflow server over a database of its own; killed and started again as the tests want."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        return self.folder / "mlflow.db"

    def start(self) -> None:
        call = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        call += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self.database}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                call, cwd=self.folder, env=quiet(), stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + 120
        while not answers(f"{self.uri}/health"):
            if self.process.poll() is not None or time.monotonic() > until:
                pytest.fail((self.folder / "log").read_text()[-2000:])
            time.sleep(0.2)

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def quiet() -> dict[str, str]:
    """Return the environment without access to other servers and without calls home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "NO_PROXY": "127.0.0.1"}


def answers(uri: str) -> bool:
    try:
        with urllib.request.urlopen(uri, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def told(uri: str, *verbs: str) -> dict[str, dict[str, Any]]:
    """Return what MLflow reports of the runs on a server, by their ids."""
    call = [sys.executable, str(STORY), uri, *verbs]
    done = subprocess.run(call, env=quiet(), capture_output=True, text=True, check=True)
    return {run["run_id"]: run for run in json.loads(done.stdout.splitlines()[-1])}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Served(tmp_path_factory.mktemp("server"), port)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def story(served: Served) -> dict[str, dict[str, Any]]:
    """What MLflow reports of the logged history."""
    return told(served.uri, "log")


def runs_at(uri: str, **options: Any) -> dict[str, Run]:
    (found,) = detect(uri, options=Options(**options))
    items = list(READERS[found.kind](found))
    assert [item for item in items if isinstance(item, Problem)] == []
    return {item.run_id: item for item in items if isinstance(item, Run)}


def as_told(run: Run) -> dict[str, Any]:
    """Return a run as the story tells it."""
    points = [point for point in run.history() if isinstance(point, Point)]
    history: dict[str, list[tuple[int, int, str]]] = {}
    for point in points:
        history.setdefault(point.name, []).append((point.step or 0, round((point.time or 0) * 1000), odd(point.value)))
    return {
        "run_id": run.run_id,
        "experiment": run.experiment,
        "name": run.name,
        "status": run.status,
        "started": None if run.started is None else round(run.started * 1000),
        "ended": None if run.ended is None else round(run.ended * 1000),
        "deleted": run.deleted,
        "params": {name: run.raw_params.get(name, str(value)) for name, value in run.params.items()},
        "tags": {name: value for name, value in run.tags.items() if not name.startswith(("dataset.", *OF_COLUMNS))},
        "metrics": {metric.name: odd(metric.last) for metric in summarise(points)},
        "history": {name: [list(item) for item in sorted(items)] for name, items in history.items()},
        "data": [run.dataset] if run.dataset else [],
    }


def differences(found: dict[str, Run], story: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between runs that were read and what MLflow reports of them."""
    assert found.keys() == story.keys()
    pairs = ((name, key, as_told(run)[key], story[name][key]) for name, run in found.items() for key in story[name])
    return {f"{name} {key}": (ours, theirs) for name, key, ours, theirs in pairs if ours != theirs}


def odd(value: float) -> str:
    """Return a value as MLflow's database gives it back: infinities are its greatest numbers there."""
    greatest = {"inf": "1.7976931348623157e+308", "-inf": "-1.7976931348623157e+308"}
    return greatest.get(repr(value), repr(value))


def test_what_mlflow_reports_of_every_run_is_read(served: Served, story: dict[str, dict[str, Any]]) -> None:
    found = runs_at(served.uri)
    assert len(found) == 32
    assert differences(found, story) == {}


def test_nested_failed_deleted_and_running_runs_are_told_apart(
    served: Served, story: dict[str, dict[str, Any]]
) -> None:
    found = runs_at(served.uri)
    (parent,) = (run for run in found.values() if run.name == "parent")
    assert sum(run.parent == parent.run_id for run in found.values()) == 30
    states = [run.state for run in found.values()]
    assert (states.count("failed"), states.count("killed"), states.count("finished")) == (10, 10, 1)
    assert sum(run.deleted for run in found.values()) == 4
    assert (parent.dataset, parent.tags["dataset.iris.mlflow.data.context"]) == ("iris", "train")
    assert {point.split for point in parent.history() if isinstance(point, Point)} >= {Split.VALID}


def test_the_server_and_its_database_tell_the_same(served: Served, story: dict[str, dict[str, Any]]) -> None:
    (found,) = detect(served.database)
    items = [item for item in READERS[found.kind](found) if isinstance(item, Run)]
    assert differences({run.run_id: run for run in items}, story) == {}


def test_filters_are_the_servers(served: Served, story: dict[str, dict[str, Any]]) -> None:
    assert len(runs_at(served.uri, experiment="gone")) == 1
    (found,) = detect(served.uri, options=Options(experiment="churn", since=1700000000.010))
    assert (found.count, found.why) == (21, "MLflow tracking server: 21 runs in 1 experiments")
    lasts = runs_at(served.uri, lasts=True)
    assert all(len(list(run.history())) <= 7 for run in lasts.values())


def test_reading_changes_nothing(served: Served, story: dict[str, dict[str, Any]]) -> None:
    before = fingerprint(served.folder)
    for run in runs_at(served.uri).values():
        list(run.history())
    after = fingerprint(served.folder)
    assert {name for name in before if name != "log" and before[name] != after.get(name)} == set()


def many(database: Path, count: int) -> None:
    """Add an experiment of many runs to a server's database."""
    with sqlite3.connect(database, timeout=30) as connection:
        connection.execute(
            "insert into experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
            " last_update_time) values (77, 'many', '', 'active', 0, 0)"
        )
        ids = [f"{number:032x}" for number in range(count)]
        connection.executemany(
            "insert into runs (run_uuid, start_time, name, user_id, status, lifecycle_stage, experiment_id,"
            " artifact_uri, source_type) values (?, ?, 'one', 'ann', 'FINISHED', 'active', 77, '', 'LOCAL')",
            [(run, 1690000000000 + number) for number, run in enumerate(ids)],
        )
        rows = [(run, "loss", 1 / (step + 1), 1690000000000 + step, step, 0) for run in ids for step in range(20)]
        names = "(run_uuid, key, value, timestamp, step, is_nan)"
        connection.executemany(f"insert into metrics {names} values (?, ?, ?, ?, ?, ?)", rows)
        connection.executemany(f"insert into latest_metrics {names} values (?, ?, ?, ?, ?, ?)", rows[19::20])
    connection.close()


def test_a_thousand_runs_are_read_over_the_servers_death_and_return(
    served: Served, story: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    many(served.database, 1000)
    (found,) = detect(served.uri, options=Options(experiment="many"))
    assert found.count == 1000
    catalogue = Catalogue.open(tmp_path / "catalogue.db")
    key = SourceKey(collection="default", root=served.uri, source=served.uri)
    with catalogue.write() as conn:
        source = set_source(conn, key, kind=found.kind, state="lexical")

    def seen(count: int) -> None:
        if count == 600:
            served.kill()

    first = runs.put_runs(catalogue, source, mlflow_rest.read(found, patience=HASTY), watch=seen, whole=False)
    assert 600 <= first.added < 1000
    assert any("cannot be reached" in problem.reason for problem in first.problems)
    served.start()
    again = runs.put_runs(catalogue, source, mlflow_rest.read(found, patience=HASTY), whole=False)
    assert (again.problems, first.added + again.added, again.unchanged > 300) == ((), 1000, True)
    rows = runs.runs(catalogue)
    assert {len(runs.history(catalogue, row.pk, "loss") or ()) for row in rows} == {20}
    catalogue.close()
