"""A tracking server is read over its REST interface: last values first, histories behind, errors in words."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from ingest.runs_sync import wanted
from ingest.sync import sync
from kb import runs
from kb.knowledge import KnowledgeBase
from kb.types import SourceState


@dataclass
class Tracking:
    """A small tracking server: what it holds, which statuses it answers first, and what it was asked."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    points: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    token: str | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, run_id: str, values: list[float | str], *, deleted: bool = False) -> None:
        """Add a run whose metric has these values at steps 0, 1, …"""
        steps = [
            {"key": "val_auc", "value": value, "step": str(step), "timestamp": str(1700000000000 + step)}
            for step, value in enumerate(values)
        ]
        info = {"run_id": run_id, "run_name": f"n-{run_id}", "status": "FINISHED", "start_time": 1700000000000,
                "lifecycle_stage": "deleted" if deleted else "active", "experiment_id": "1"}  # fmt: skip
        data = {"metrics": steps[-1:], "params": [{"key": "lr", "value": "1e-3"}], "tags": []}
        self.runs[run_id] = {"info": info, "data": data}
        self.points[run_id, "val_auc"] = steps

    def answer(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what MLflow would, two runs or points a page."""
        if path.endswith("experiments/search"):
            return {"experiments": [{"experiment_id": "1", "name": "churn", "lifecycle_stage": "active"}]}
        if path.endswith("runs/search"):
            return _page("runs", list(self.runs.values()), asked)
        return _page("metrics", self.points[asked["run_id"], asked["metric_key"]], asked)


def _page(name: str, listed: list[Any], asked: dict[str, Any]) -> dict[str, Any]:
    first = int(asked.get("page_token") or 0)
    more = {"next_page_token": str(first + 2)} if first + 2 < len(listed) else {}
    return {name: listed[first : first + 2], **more}


@pytest.fixture
def tracking() -> Iterator[Tracking]:
    """A running tracking server with three runs."""
    held = Tracking()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._do(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._do({key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()})

        def _do(self, asked: dict[str, Any]) -> None:
            path = urlsplit(self.path).path
            held.asked.append(path.rsplit("/", 1)[-1])
            status = held.statuses.pop(0) if held.statuses else 200
            if held.token and self.headers.get("Authorization") != f"Bearer {held.token}":
                status = 401
            body = json.dumps(held.answer(path, asked) if status == 200 else {"message": "no"}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    held.add("a1", [0.5, 0.9, 0.8])
    held.add("b2", ["NaN"])
    held.add("c3", [0.7, 0.75], deleted=True)
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def values(kb: KnowledgeBase, run_id: str) -> list[float]:
    """Return the stored points of a run's metric."""
    (row,) = runs.find(kb.catalogue, run_id)
    points = runs.history(kb.catalogue, row.pk, "val_auc")
    assert points is not None
    return points.values.tolist()


def test_a_server_gives_runs_with_their_histories(kb: KnowledgeBase, tracking: Tracking) -> None:
    report = sync(kb, [f"{tracking.url}/"])
    assert (report.added, report.runs.added, report.failed, report.partial) == (1, 3, (), ())
    (info,) = kb.catalogue.sources()
    assert (info.key.source, info.kind, info.runs) == (tracking.url, "mlflow-server", 3)
    assert info.state is SourceState.SEARCHABLE
    assert values(kb, "a1") == [0.5, 0.9, 0.8]
    (row,) = runs.find(kb.catalogue, "c3")
    assert (row.experiment, row.name, row.deleted, row.params["lr"].text) == ("churn", "n-c3", True, "1e-3")
    (odd,) = runs.find(kb.catalogue, "b2")[0].metrics
    assert str(odd.last) == "nan"


def test_ingesting_again_asks_for_no_history_of_runs_that_stayed_the_same(
    kb: KnowledgeBase, tracking: Tracking
) -> None:
    sync(kb, [tracking.url])
    tracking.asked.clear()
    again = sync(kb, [tracking.url])
    assert (again.unchanged, again.runs.unchanged, tracking.asked.count("get-history")) == (1, 3, 0)
    tracking.add("a1", [0.5, 0.9, 0.8, 0.95])
    tracking.asked.clear()
    assert sync(kb, [tracking.url]).runs.updated == 1
    assert (values(kb, "a1"), tracking.asked.count("get-history")) == ([0.5, 0.9, 0.8, 0.95], 2)
    del tracking.runs["b2"]
    assert sync(kb, [tracking.url]).runs.removed == 1


def test_last_values_are_there_before_histories_and_a_stop_goes_on_later(kb: KnowledgeBase, tracking: Tracking) -> None:
    report = sync(kb, [tracking.url], stop=lambda: "get-history" in tracking.asked)
    assert (report.runs.added, report.stopped) == (3, True)
    assert (values(kb, "a1"), values(kb, "c3")) == ([0.5, 0.9, 0.8], [0.75])
    assert sync(kb, [tracking.url]).runs.unchanged == 3
    assert values(kb, "c3") == [0.7, 0.75]


def test_what_passes_is_asked_again_and_what_does_not_is_explained(kb: KnowledgeBase, tracking: Tracking) -> None:
    tracking.statuses = [429, 503]
    assert sync(kb, [tracking.url]).runs.added == 3
    tracking.token = "s3cret"
    report = sync(kb, [tracking.url])
    (failure,) = report.partial
    assert "asks for a log-in (401)" in failure.reason
    assert "set MLFLOW_TRACKING_TOKEN" in failure.reason
    assert runs.count(kb.catalogue, deleted=True) == 3


def test_a_server_that_is_not_there_is_a_failed_source(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    report = sync(kb, ["http://127.0.0.1:9"])
    assert "cannot be reached" in report.failed[0].reason
    assert [info.state for info in kb.catalogue.sources()] == [SourceState.FAILED]


def test_a_server_is_asked_only_for_wanted_runs(kb: KnowledgeBase, tracking: Tracking) -> None:
    assert sync(kb, [tracking.url], want=wanted("other", None)).runs.added == 0
    assert sync(kb, [tracking.url], want=wanted("CHURN", None)).runs.added == 3


def test_a_dry_run_counts_the_runs_of_a_server(tracking: Tracking, tmp_path_factory: pytest.TempPathFactory) -> None:
    from ui.cli import app

    home = str(tmp_path_factory.mktemp("none") / "home")
    result = CliRunner().invoke(app, ["--home", home, "ingest", tracking.url, "--dry-run", "--json"])
    assert [one["runs"] for one in json.loads(result.stdout)["histories"]] == [3]
    assert "get-history" not in tracking.asked


def test_forgetting_a_server_removes_its_runs(kb: KnowledgeBase, tracking: Tracking) -> None:
    sync(kb, [tracking.url])
    kb.forget(tracking.url)
    assert runs.count(kb.catalogue, deleted=True) == 0


# -- the real one --------------------------------------------------------------------------------------------------


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    """The address of a real tracking server, started here with `mlflow` or what CITEWISE_MLFLOW names."""
    program = os.environ.get("CITEWISE_MLFLOW") or (shutil.which("mlflow") if _is_whole() else None)
    if program is None:
        pytest.skip("no whole mlflow is installed; CITEWISE_MLFLOW names an mlflow program")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "server", "--backend-store-uri", f"sqlite:///{tmp_path}/m.db", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [*command, "--workers", "1"], stdout=log, stderr=log, cwd=tmp_path, start_new_session=True
        ) as process,
    ):
        try:
            _wait(url)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _is_whole() -> bool:
    return all(importlib.util.find_spec(name) for name in ("mlflow", "alembic", "graphene", "docker"))


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    pytest.fail("the tracking server did not start")


def _told(url: str, path: str, **values: Any) -> dict[str, Any]:
    answer = httpx.post(f"{url}/api/2.0/mlflow/{path}", json=values, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.slow
def test_a_real_server_is_stored_as_it_tells_itself(kb: KnowledgeBase, real: str) -> None:
    experiment = _told(real, "experiments/create", name="churn")["experiment_id"]
    for number in range(3):
        run = _told(real, "runs/create", experiment_id=experiment, run_name=f"r{number}", start_time=1700000000000)
        id = run["run"]["info"]["run_id"]
        steps = ({"value": 0.5 + s / 10, "step": s, "timestamp": 1700000000000 + s} for s in range(4))
        metrics = [{"key": "val_auc", **step} for step in steps]
        _told(real, "runs/log-batch", run_id=id, metrics=metrics, params=[{"key": "lr", "value": "1e-3"}])
    _told(real, "runs/delete", run_id=id)
    assert sync(kb, [real]).runs.added == 3
    rows = {row.name: row for row in runs.runs(kb.catalogue)}
    assert {name: row.deleted for name, row in rows.items()} == {"r0": False, "r1": False, "r2": True}
    for row in rows.values():
        assert (row.experiment, row.params["lr"].text, row.started) == ("churn", "1e-3", 1700000000.0)
        assert values(kb, row.run_id) == [0.5, 0.6, 0.7, 0.8]
    assert sync(kb, [real]).runs.unchanged == 3
