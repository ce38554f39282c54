"""A small server that speaks MLflow's REST as documented, from runs kept in memory, and fails as it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Scripted:
    """What the server holds, how it behaves, and what it was asked."""

    experiments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    histories: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    failures: list[Answer] = field(default_factory=list)
    fail_paths: dict[str, Answer] = field(default_factory=dict)
    page: int = 1000
    most: int = 25_000
    bulk: bool = True
    filters: bool = True
    list_only: bool = False
    delay: float = 0.0
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    uri: str = ""

    def add_experiment(self, number: str, name: str, *, stage: str = "active") -> None:
        self.experiments.append({"experiment_id": number, "name": name, "lifecycle_stage": stage})

    def add_run(self, run_id: str, *, experiment: str = "1", points: int = 1, metrics: Any = (), **told: Any) -> None:
        """Add a run whose metrics count down from `points` to 1."""
        info = {"run_id": run_id, "run_uuid": run_id, "experiment_id": experiment, "status": "FINISHED"}
        info |= {"start_time": 1700000000000 + len(self.runs), "lifecycle_stage": "active", **told.pop("info", {})}
        entries = []
        for name in metrics:
            self.histories[run_id, name] = [
                {"key": name, "value": points - n, "timestamp": 1700000000000 + n, "step": n, "run_id": run_id}
                for n in range(points)
            ]
            entries.append(self.histories[run_id, name][-1])
        data = {"metrics": entries, "params": told.pop("params", []), "tags": told.pop("tags", [])}
        self.runs.append({"info": info, "data": data, **told})

    def asked_for(self, verb: str) -> list[dict[str, Any]]:
        """Return the questions put to an address that ends so."""
        return [query for _, path, query in self.asked if path.endswith(verb)]

    def answer(self, path: str, query: dict[str, Any]) -> Answer:
        time.sleep(self.delay)
        if self.failures:
            return self.failures.pop(0)
        verb = path.partition("/mlflow/")[2]
        if verb in self.fail_paths:
            return self.fail_paths[verb]
        known = {"runs/search": self._runs, "metrics/get-history": self._history}
        if self.list_only:
            known["experiments/list"] = lambda _: {"experiments": self.experiments}
        else:
            known["experiments/search"] = lambda query: self._paged("experiments", self.experiments, query)
        if self.bulk and path.startswith("/ajax-api/"):
            known["metrics/get-history-bulk"] = self._bulk
        if verb not in known:
            return 404, {}, b"<html>Not Found</html>"
        if "filter" in query and not self.filters:
            return said(400, "Invalid attribute key")
        return 200, {}, json.dumps(known[verb](query)).encode()

    def _paged(self, name: str, items: list[Any], query: dict[str, Any]) -> dict[str, Any]:
        start = int(query.get("page_token") or 0)
        size = min(self.page, int(query.get("max_results") or 1000))
        token = {"next_page_token": str(start + size)} if start + size < len(items) else {}
        return {name: items[start : start + size], **token}

    def _runs(self, query: dict[str, Any]) -> dict[str, Any]:
        since = int(query.get("filter", "0").split()[-1])
        found = [
            run
            for run in self.runs
            if run["info"]["experiment_id"] in query["experiment_ids"] and run["info"]["start_time"] >= since
        ]
        return self._paged("runs", found, query)

    def _history(self, query: dict[str, Any]) -> dict[str, Any]:
        items = self.histories[query["run_id"][0], query["metric_key"][0]]
        return self._paged("metrics", items, {name: values[0] for name, values in query.items()})

    def _bulk(self, query: dict[str, Any]) -> dict[str, Any]:
        assert len(query["run_id"]) <= 100
        items = [item for run in query["run_id"] for item in self.histories[run, query["metric_key"][0]]]
        return {"metrics": items[: self.most]}


def said(status: int, message: str, **headers: str) -> Answer:
    """Return an error in MLflow's form."""
    body = json.dumps({"error_code": "SOME_ERROR", "message": message}).encode()
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


@contextmanager
def serving(script: Scripted, context: Any = None) -> Iterator[Scripted]:
    """Serve what is scripted on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(parse_qs(urlsplit(self.path).query))

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, query: dict[str, Any]) -> None:
            path = urlsplit(self.path).path
            script.asked.append((self.command, path, query))
            script.headers.append({**dict(self.headers), "target": self.path})
            status, headers, body = script.answer(path, query)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: Any) -> None:
            """Stay silent about clients that went away."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    script.uri = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
