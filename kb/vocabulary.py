"""All names that a team's runs logged, each with where and how often: what a question's words can be tied to.

Made from runs as their readers yield them, or by `kb.run_query` from the catalogue; both give the same value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kb.records import Metric, Run, Scalar

MOST_VALUES = 1000
NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Runs that lie together: one tracker and experiment under one folder or file.

    `source` is that folder's or file's path in the ingested `root` (its last part), as filters on `source` name it.
    `states` counts runs by state; `timed` tells how many have a start; `loose` are values beside runs that are none
    themselves.
    """

    tracker: str
    experiment: str | None
    source: str
    root: str = ""
    runs: int = 0
    loose: int = 0
    deleted: int = 0
    timed: int = 0
    datasets: tuple[str, ...] = ()
    states: Mapping[str, int] = field(default_factory=lambda: NOTHING)

    def __hash__(self) -> int:
        return hash((self.tracker, self.experiment, self.source))


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A parameter, metric or tag (`kind`): in how many runs of which scope (its index) it occurs.

    `values` counts runs by value and scope, up to 1,000 different ones (`whole` False: there are more). Of a metric,
    `points` is the most points one run has, `low` and `high` are over all runs, `direction` where a tracker told it.
    """

    kind: str
    name: str
    split: str | None = None
    scopes: Mapping[int, int] = field(default_factory=lambda: NOTHING)
    values: Mapping[Scalar, Mapping[int, int]] = field(default_factory=lambda: NOTHING)
    whole: bool = True
    low: float | None = None
    high: float | None = None
    points: int = 0
    direction: str | None = None

    def __hash__(self) -> int:
        return hash((self.kind, self.name, self.split))

    @property
    def runs(self) -> int:
        """In how many runs it was logged."""
        return sum(self.scopes.values())

    @property
    def leaf(self) -> str:
        """The last dotted part of the name."""
        return self.name.rsplit(".", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A run's names: its tracker's id, its display name, others that its files give it, and where it stands."""

    scope: int
    run_id: str
    name: str | None = None
    aliases: tuple[str, ...] = ()
    source: str = ""
    started: float | None = None
    loose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Everything that questions about runs can name; `version` changes whenever it does."""

    scopes: tuple[Scope, ...] = ()
    params: tuple[Logged, ...] = ()
    metrics: tuple[Logged, ...] = ()
    tags: tuple[Logged, ...] = ()
    runs: tuple[Named, ...] = ()
    version: str = ""

    @property
    def logged(self) -> tuple[Logged, ...]:
        """Parameters, metrics and tags."""
        return (*self.params, *self.metrics, *self.tags)


def vocabulary(runs: Iterable[tuple[Run, tuple[Metric, ...]]], version: str = "") -> Vocabulary:
    """Return the names that runs and the summaries of their metrics hold."""
    made = _Gathering()
    for run, metrics in runs:
        made.add(run, metrics)
    return made.done(version)


def scope_source(source: str, run_id: str, place: str) -> str:
    """Return the folder or file that holds a run and its like: for a run that is a folder, the one above it."""
    if place or not source or "/" not in source or source.rsplit("/", 1)[-1].lower().endswith((".db", ".sqlite")):
        return source
    return source.rsplit("/", 1)[0]


@dataclass(slots=True)
class _Scoped:
    runs: int = 0
    loose: int = 0
    deleted: int = 0
    timed: int = 0
    datasets: dict[str, None] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Entry:
    scopes: dict[int, int] = field(default_factory=dict)
    values: dict[Scalar, dict[int, int]] = field(default_factory=dict)
    whole: bool = True
    low: float | None = None
    high: float | None = None
    points: int = 0
    direction: str | None = None

    def count(self, scope: int) -> None:
        self.scopes[scope] = self.scopes.get(scope, 0) + 1

    def see(self, value: Scalar, scope: int) -> None:
        if value not in self.values and len(self.values) >= MOST_VALUES:
            self.whole = False
            return
        places = self.values.setdefault(value, {})
        places[scope] = places.get(scope, 0) + 1


class _Gathering:
    """Counts that grow run by run."""

    def __init__(self) -> None:
        self.scopes: dict[tuple[str, str | None, str], tuple[int, _Scoped]] = {}
        self.entries: dict[tuple[str, str, str | None], _Entry] = {}
        self.names: list[Named] = []

    def add(self, run: Run, metrics: tuple[Metric, ...]) -> None:
        scope = self._scope(run)
        for name, value in run.params.items():
            entry = self._entry("param", name)
            entry.count(scope)
            entry.see(value, scope)
        for name, tag in run.tags.items():
            entry = self._entry("tag", name)
            entry.count(scope)
            entry.see(tag, scope)
        for metric in metrics:
            self._metric(run, metric, scope)
        self.names.append(
            Named(
                scope=scope, run_id=run.run_id, name=run.name, aliases=run.aliases, source=run.source,
                started=run.started, loose=run.loose,
            )
        )  # fmt: skip

    def _scope(self, run: Run) -> int:
        key = (run.tracker, run.experiment, scope_source(run.source, run.run_id, run.place))
        at, seen = self.scopes.setdefault(key, (len(self.scopes), _Scoped()))
        seen.runs += not run.loose
        seen.loose += run.loose
        seen.deleted += run.deleted
        seen.timed += run.started is not None
        seen.states[str(run.state)] = seen.states.get(str(run.state), 0) + 1
        if run.dataset:
            seen.datasets[run.dataset] = None
        return at

    def _entry(self, kind: str, name: str, split: str | None = None) -> _Entry:
        return self.entries.setdefault((kind, name, split), _Entry())

    def _metric(self, run: Run, metric: Metric, scope: int) -> None:
        entry = self._entry("metric", metric.name, metric.split)
        entry.count(scope)
        entry.points = max(entry.points, metric.count)
        if metric.low is not None and metric.high is not None:
            entry.low = metric.low if entry.low is None else min(entry.low, metric.low)
            entry.high = metric.high if entry.high is None else max(entry.high, metric.high)
        told = run.directions.get(metric.name)
        entry.direction = entry.direction or (str(told) if told else None)

    def done(self, version: str) -> Vocabulary:
        return Vocabulary(
            scopes=tuple(_frozen(key, seen) for key, (_, seen) in self.scopes.items()),
            params=self._logged("param"),
            metrics=self._logged("metric"),
            tags=self._logged("tag"),
            runs=tuple(self.names),
            version=version,
        )

    def _logged(self, kind: str) -> tuple[Logged, ...]:
        return tuple(
            Logged(
                kind=kind, name=name, split=split, scopes=entry.scopes, values=entry.values, whole=entry.whole,
                low=entry.low, high=entry.high, points=entry.points, direction=entry.direction,
            )
            for (field_, name, split), entry in self.entries.items()
            if field_ == kind
        )  # fmt: skip


def _frozen(key: tuple[str, str | None, str], seen: _Scoped) -> Scope:
    tracker, experiment, source = key
    return Scope(
        tracker=tracker, experiment=experiment, source=source, runs=seen.runs, loose=seen.loose,
        deleted=seen.deleted, timed=seen.timed, datasets=tuple(seen.datasets), states=seen.states,
    )  # fmt: skip
