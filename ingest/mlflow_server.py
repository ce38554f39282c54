"""An MLflow tracking server over its REST interface: read only, page by page, with MLflow's own variables.

`MLFLOW_TRACKING_TOKEN`, `MLFLOW_TRACKING_USERNAME` and `_PASSWORD`, `MLFLOW_TRACKING_SERVER_CERT_PATH`,
`MLFLOW_TRACKING_CLIENT_CERT_PATH`, `MLFLOW_TRACKING_INSECURE_TLS`, `MLFLOW_HTTP_REQUEST_TIMEOUT` and
`MLFLOW_HTTP_REQUEST_MAX_RETRIES` are honoured, and the proxy variables that every program knows.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from ingest.trackers.values import dataset_of, milliseconds, mlflow_value, typed_params, whole
from kb.errors import CitewiseError
from kb.records import Point, Problem, Run, split_of, state_of

API = "/api/2.0/mlflow/"
PAGE = 1000
POINTS = 25_000
RETRIES = 4
TIMEOUT = 120.0
LONGEST_WAIT = 60.0
_LATER = frozenset({429, 500, 502, 503, 504})
_WHY = {
    401: ("the server asks who you are", "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD"),
    403: ("you may not read this", "ask for read access, or use another token"),
    404: ("there is no MLflow server at this address", "check the address, with the path that a proxy puts before it"),
    429: ("the server has too many requests to answer", "run it again later: it goes on from here"),
}


class ServerFailed(CitewiseError):
    """A tracking server that did not answer as it should: `url`, and `status` where it answered at all."""

    def __init__(self, url: str, reason: str, hint: str, status: int | None = None) -> None:
        said = f" ({status})" if status is not None else ""
        super().__init__(f"{url}: {reason}{said}", hint=hint)
        self.url = url
        self.status = status


def is_server(source: str) -> bool:
    """Tell whether a source is the address of a server."""
    return source.lower().startswith(("http://", "https://"))


def address(source: str) -> str:
    """Return a server's address in one form."""
    return source.split("#", 1)[0].rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment of the server."""

    id: str
    name: str
    deleted: bool


class Server:
    """A server at `url`; `env` holds MLflow's variables. Close it after use."""

    def __init__(
        self, url: str, env: Mapping[str, str] = os.environ, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.url = address(url)
        self._sleep = sleep
        self._retries = int(env.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES") or RETRIES)
        timeout = float(env.get("MLFLOW_HTTP_REQUEST_TIMEOUT") or TIMEOUT)
        self._client = httpx.Client(timeout=timeout, verify=_verified(env), **_identity(env))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def experiments(self) -> tuple[Experiment, ...]:
        """Return all experiments, deleted ones too. Raises ServerFailed."""
        found = self._pages("experiments/search", {"max_results": PAGE, "view_type": "ALL"}, "experiments")
        return tuple(
            Experiment(id=str(e["experiment_id"]), name=str(e.get("name", "")), deleted=_is_deleted(e)) for e in found
        )

    def runs(self, experiment: Experiment, since: float | None = None) -> Iterator[dict[str, Any]]:
        """Yield the runs of an experiment as the server tells them, with last values. Raises ServerFailed."""
        asked: dict[str, Any] = {"experiment_ids": [experiment.id], "max_results": PAGE, "run_view_type": "ALL"}
        asked["order_by"] = ["attributes.start_time ASC"]
        if since is not None:
            asked["filter"] = f"attributes.start_time >= {round(since * 1000)}"
        return self._pages("runs/search", asked, "runs")

    def points(self, run_id: str, metric: str) -> Iterator[Point]:
        """Yield the points of a metric. Raises ServerFailed."""
        asked: dict[str, Any] = {"run_id": run_id, "metric_key": metric, "max_results": POINTS}
        token = ""
        while True:
            told = self._ask("GET", "metrics/get-history", params={**asked, **({"page_token": token} if token else {})})
            yield from (_point(one) for one in told.get("metrics", ()))
            token = told.get("next_page_token") or ""
            if not token:
                return

    def _pages(self, path: str, asked: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            told = self._ask("POST", path, json={**asked, **({"page_token": token} if token else {})})
            yield from told.get(name, ())
            token = told.get("next_page_token") or ""
            if not token:
                return

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return the server's answer; what may pass is asked again after a while."""
        for attempt in range(self._retries + 1):
            wait = min(LONGEST_WAIT, 0.5 * 2**attempt)
            try:
                answer = self._client.request(method, f"{self.url}{API}{path}", **more)
            except httpx.TransportError as error:
                if attempt == self._retries or isinstance(error, httpx.UnsupportedProtocol):
                    raise self._unreachable(error) from error
            else:
                if answer.status_code not in _LATER or attempt == self._retries:
                    return self._read(answer)
                wait = _asked_wait(answer, wait)
            self._sleep(wait)
        raise AssertionError("every attempt returns or raises")

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code != 200:
            reason, hint = _WHY.get(
                answer.status_code, (_said(answer), "look into the server's log, then run it again")
            )
            raise ServerFailed(self.url, reason, hint, answer.status_code)
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ServerFailed(self.url, "what answers is no MLflow server", _WHY[404][1], answer.status_code)
        return told

    def _unreachable(self, error: httpx.TransportError) -> ServerFailed:
        if isinstance(error, httpx.TimeoutException):
            hint = "MLFLOW_HTTP_REQUEST_TIMEOUT sets how many seconds to wait; run it again: it goes on from here"
            return ServerFailed(self.url, "the server did not answer in time", hint)
        if "CERTIFICATE" in str(error).upper():
            hint = "name the authority's file in MLFLOW_TRACKING_SERVER_CERT_PATH"
            return ServerFailed(self.url, "the server's certificate is not trusted", hint)
        hint = "check the address, that the server runs, and HTTPS_PROXY and NO_PROXY where there is a proxy"
        return ServerFailed(self.url, f"it cannot be reached: {error}", hint)


def _verified(env: Mapping[str, str]) -> Any:
    if env.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return False
    authority = env.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    return ssl.create_default_context(cafile=authority) if authority else True


def _identity(env: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    token, user = env.get("MLFLOW_TRACKING_TOKEN"), env.get("MLFLOW_TRACKING_USERNAME")
    if user:
        found["auth"] = (user, env.get("MLFLOW_TRACKING_PASSWORD", ""))
    elif token:
        found["headers"] = {"Authorization": f"Bearer {token}"}
    if certificate := env.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"):
        found["cert"] = certificate
    return found


def _asked_wait(answer: httpx.Response, wait: float) -> float:
    try:
        return min(LONGEST_WAIT, float(answer.headers.get("Retry-After", wait)))
    except ValueError:
        return wait


def _said(answer: httpx.Response) -> str:
    try:
        told = answer.json()
        return str(told.get("message") or told.get("error_code") or "it answered with an error")[:300]
    except (ValueError, AttributeError):
        return "it answered with an error"


def _is_deleted(about: Mapping[str, Any]) -> bool:
    return bool(about.get("lifecycle_stage") == "deleted")


def _point(one: Mapping[str, Any]) -> Point:
    name = str(one.get("key", ""))
    step, at = whole(one.get("step", 0)), milliseconds(one.get("timestamp"))
    return Point(name, mlflow_value(one.get("value", 0.0)), step, at, split_of(name))


# -- runs ----------------------------------------------------------------------------------------------------------


def digest(told: Mapping[str, Any]) -> str:
    """Return what changes when the server tells something else of a run."""
    text = json.dumps(told, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def run_of(server: Server, experiment: Experiment, told: Mapping[str, Any], version: str, *, full: bool) -> Run:
    """Return a run as the server tells it: with its last values, or `full` with all points, asked for when needed."""
    info, data = told.get("info", {}), told.get("data", {})
    tags = _pairs(data.get("tags", ()))
    params, raw = typed_params(_pairs(data.get("params", ())))
    id = str(info.get("run_id") or info.get("run_uuid"))
    last = tuple(_point(one) for one in data.get("metrics", ()))
    datasets, told_of = _datasets(told.get("inputs", {}))
    return Run(
        tracker="mlflow",
        run_id=id,
        source=server.url,
        place=f"run {id}",
        experiment=experiment.name,
        name=tags.get("mlflow.runName") or info.get("run_name") or None,
        status=info.get("status"),
        state=state_of(info.get("status")),
        params=params,
        raw_params=raw,
        tags={**tags, **told_of},
        dataset=datasets or dataset_of(params),
        started=milliseconds(info.get("start_time")),
        ended=milliseconds(info.get("end_time")),
        parent=tags.get("mlflow.parentRunId"),
        deleted=experiment.deleted or _is_deleted(info),
        version=version,
        history=partial(_history, server, id, last) if full else partial(iter, last),
    )


def _pairs(listed: Any) -> dict[str, str]:
    return {str(one["key"]): str(one.get("value", "")) for one in listed if "key" in one}


def _datasets(inputs: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    listed = [one.get("dataset", {}) for one in inputs.get("dataset_inputs", ())]
    names = dict.fromkeys(str(one["name"]) for one in listed if one.get("name"))
    tags = {f"dataset.{one.get('name')}.digest": str(one["digest"]) for one in listed if one.get("digest")}
    return ", ".join(names) or None, tags


def _history(server: Server, run_id: str, last: tuple[Point, ...]) -> Iterator[Point | Problem]:
    for point in last:
        try:
            yield from server.points(run_id, point.name)
        except ServerFailed as error:
            if error.status in (401, 403):
                raise
            reason = f"the points of {point.name!r} are missing: {error.message}"
            yield point
            yield Problem(source=server.url, place=f"run {run_id}", reason=reason)
