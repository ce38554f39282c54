"""The histories of a tracking server's runs: in bulk and ahead where one run after the other is asked for, else singly.

A server answers one metric of many runs at once (`get-history-bulk`, which older ones and some gateways lack) or one
metric of one run in pages (`get-history`). How many runs are asked for together follows from what came so far, so that
neither an answer is cut off nor much lies in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ingest.trackers.access import Refused
from ingest.trackers.rest import Server
from ingest.trackers.values import milliseconds, mlflow_value, whole
from kb.records import Point, Problem, split_of

BULK = "ajax-api/2.0/mlflow/metrics/get-history-bulk"
SINGLE = "api/2.0/mlflow/metrics/get-history"
_THREADS = 4
_MOST_RUNS = 100  # A server refuses more in one question
_AHEAD_POINTS = 200_000
Points = list[Point | Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A run whose history may be asked for: its id and the last point of each metric."""

    run_id: str
    lasts: tuple[Point, ...]


@dataclass(slots=True)
class Histories:
    """How to ask a server for histories, and what was learnt while asking: whether it answers in `bulk`.

    `most` is the number of points at which a server cuts its answer off.
    """

    server: Server
    most: int = 25_000
    bulk: bool = True
    longest: int = 100  # points of a metric of a run, so far

    def page(self, runs: Sequence[Asked]) -> Page:
        """Return the histories of runs that are likely to be asked for in this order."""
        return Page(self, runs)

    def fetch(self, runs: Sequence[Asked]) -> dict[str, Points]:
        """Return the points of runs by their ids; what cannot be read is a Problem after the metric's last value."""
        by_metric: dict[str, list[Asked]] = defaultdict(list)
        for run in runs:
            for last in run.lasts:
                by_metric[last.name].append(run)
        tasks = [(name, some) for name, asked in by_metric.items() for some in self._grouped(asked)]
        found: dict[tuple[str, str], Points] = {}
        with ThreadPoolExecutor(_THREADS) as pool:
            for answer in pool.map(lambda task: self._metric(*task), tasks):
                found.update(answer)
        return {run.run_id: [p for last in run.lasts for p in found[run.run_id, last.name]] for run in runs}

    def _grouped(self, runs: Sequence[Asked]) -> Iterator[Sequence[Asked]]:
        size = min(_MOST_RUNS, max(1, int(self.most / (1.2 * self.longest)))) if self.bulk else 1
        for start in range(0, len(runs), size):
            yield runs[start : start + size]

    def _metric(self, name: str, runs: Sequence[Asked]) -> dict[tuple[str, str], Points]:
        """Return one metric's points of runs; what does not come whole for many is asked for in halves."""
        if len(runs) > 1 and self.bulk:
            answer = self._together(name, runs)
            if answer is not None:
                return answer
            if self.bulk:
                half = len(runs) // 2
                return {**self._metric(name, runs[:half]), **self._metric(name, runs[half:])}
        return {(run.run_id, name): self._alone(name, run) for run in runs}

    def _together(self, name: str, runs: Sequence[Asked]) -> dict[tuple[str, str], Points] | None:
        """Return the points of several runs, None where they do not come; `bulk` ends where a server has it not."""
        query = {"run_id": [run.run_id for run in runs], "metric_key": name, "max_results": self.most}
        try:
            told = _listed(self.server.get(BULK, query))
        except Refused as error:
            if error.status not in (None, 401, 429, 502, 503, 504):
                self.bulk = False
            return None
        if len(told) >= self.most:
            return None
        found: dict[tuple[str, str], list[dict[str, Any]]] = {(run.run_id, name): [] for run in runs}
        for item in told:
            found.get((str(item.get("run_id")), name), []).append(item)
        return {key: self._points(name, items) for key, items in found.items()}

    def _alone(self, name: str, run: Asked) -> Points:
        items: list[dict[str, Any]] = []
        query: dict[str, Any] = {"run_id": run.run_id, "metric_key": name, "max_results": self.most}
        try:
            while True:
                answer = self.server.get(SINGLE, query)
                items += _listed(answer)
                token = answer.get("next_page_token")
                if not token or token == query.get("page_token"):
                    return self._points(name, items)
                query["page_token"] = token
        except Refused as error:
            return [*self._points(name, items), *self._failed(name, run, error)]

    def _points(self, name: str, items: Sequence[Mapping[str, Any]]) -> Points:
        self.longest = max(self.longest, len(items))
        split = split_of(name)
        made = [point_of(item, name, split) for item in items]
        made.sort(key=lambda point: (point.step or 0, point.time or 0.0, point.value == point.value, point.value))
        return list(made)

    def _failed(self, name: str, run: Asked, error: Refused) -> Points:
        """Return what is known of a metric whose history did not come."""
        reason = f"only its last value was read: {error}"
        problem = Problem(source=self.server.uri, place=f"run {run.run_id}, metric {name}", reason=reason)
        return [*(last for last in run.lasts if last.name == name), problem]


def _listed(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = answer.get("metrics") or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Refused("a history came in an unknown form", status=200)
    return found


def point_of(item: Mapping[str, Any], name: str, split: str | None) -> Point:
    """Return a metric as a server writes it."""
    step = whole(item.get("step") or 0)
    return Point(name, mlflow_value(item.get("value")), step, milliseconds(item.get("timestamp")), split)


@dataclass(slots=True)
class Page:
    """Histories of some runs. Asked for one after the other, ever more are fetched at once, else each alone."""

    histories: Histories
    runs: Sequence[Asked]
    _ready: dict[str, Points] = field(default_factory=dict)
    _expected: int = 0
    _ahead: int = 0

    def points(self, index: int) -> Iterator[Point | Problem]:
        """Yield the points of a run by its place in the page."""
        run = self.runs[index]
        if run.run_id not in self._ready:
            self._fetch(index)
        self._expected = index + 1
        yield from self._ready.pop(run.run_id)

    def _fetch(self, index: int) -> None:
        self._ahead = min(2 * self._ahead, _MOST_RUNS) if index == self._expected and self._ahead else 1
        asked = self.runs[index : index + self._ahead]
        self._ready = self.histories.fetch(asked)
        each = max(1, sum(map(len, self._ready.values())) // len(asked))
        self._ahead = max(1, min(self._ahead, _AHEAD_POINTS // (2 * each)))
