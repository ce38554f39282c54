"""Values of an experiment history: runs, the points of their metrics, and what could not be read.

A run's points are not kept with it: `Run.history()` reads them anew, one after the other, so that a history of millions
of points never lies in memory. `summarise` makes what is stored per metric from one pass over them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

Scalar = str | int | float | bool | None
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Split(StrEnum):
    """The part of the data that a metric was measured on."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"


class State(StrEnum):
    """How a run ended, in one vocabulary; `Run.status` keeps the tracker's own word."""

    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    PRUNED = "pruned"
    RUNNING = "running"
    WAITING = "waiting"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """Which values of a metric are better, where the tracker says so."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Point(NamedTuple):
    """One logged value. NaN and infinities stay what they are: `value` is then nan or ±inf.

    `step` is None where none was logged; `time` is in seconds since 1970, UTC.
    """

    name: str
    value: float
    step: int | None = None
    time: float | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that could not be read: where it stands, what is wrong, and what is missing because of it."""

    source: str
    reason: str
    place: str = ""


History = Callable[[], Iterator[Point | Problem]]


def no_history() -> Iterator[Point | Problem]:
    """Yield nothing: the history of a run that logged no value."""
    return iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training or evaluation as its tracker recorded it.

    `run_id` is the tracker's own id, else the POSIX path of the run's folder relative to the root; `copy` counts runs
    of one source that carry the same id. Nested parameters are flattened with dots and lists kept as JSON text;
    `raw_params` holds the logged text where the typed value reads differently. `space` is the search space as JSON
    text by parameter. `sources` are all files or folders that tell of this run, `source` the main one; `place` is the
    line, row or trial in it. `loose` marks values whose file does not say which of the runs beside it made them: they
    are not counted as a run. `version` changes when a run's files change (None: unknown, compare the content).
    `zoned` is False where times were logged without a zone and are taken as UTC.
    """

    tracker: str
    run_id: str
    source: str
    experiment: str | None = None
    name: str | None = None
    status: str | None = None
    state: State = State.UNKNOWN
    params: Mapping[str, Scalar] = field(default_factory=lambda: NOTHING)
    raw_params: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    space: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    tags: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    dataset: str | None = None
    started: float | None = None
    ended: float | None = None
    zoned: bool = True
    parent: str | None = None
    deleted: bool = False
    loose: bool = False
    copy: int = 0
    place: str = ""
    aliases: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    directions: Mapping[str, Direction] = field(default_factory=lambda: NOTHING)
    step_unit: str = "step"
    version: str | None = None
    history: History = field(default=no_history, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is kept of one metric's points: extremes are of finite values and None where there is none.

    `last` is the value at the greatest step, and of several there the one that came last. `odd` counts NaN and
    infinite values.
    """

    name: str
    split: str | None
    count: int
    odd: int
    first: float
    first_step: int | None
    last: float
    last_step: int | None
    last_time: float | None
    low: float | None = None
    low_step: int | None = None
    high: float | None = None
    high_step: int | None = None


def summarise(points: Iterable[Point | Problem]) -> tuple[Metric, ...]:
    """Return one `Metric` per name and split, in the order of their first points; problems are passed over."""
    found: dict[tuple[str, str | None], _Summary] = {}
    for point in points:
        if isinstance(point, Problem):
            continue
        key = (point.name, point.split)
        summary = found.get(key)
        if summary is None:
            found[key] = _Summary(point)
        else:
            summary.add(point)
    return tuple(summary.metric() for summary in found.values())


class _Summary:
    """The running figures of one metric."""

    __slots__ = ("count", "first", "first_at", "high", "highest", "last", "last_at", "low", "lowest", "odd")

    def __init__(self, point: Point) -> None:
        self.first = self.last = point
        self.first_at = self.last_at = -math.inf if point.step is None else point.step
        self.count = self.odd = 0
        self.low: Point | None = None
        self.high: Point | None = None
        self.lowest, self.highest = math.inf, -math.inf
        self.add(point)

    def add(self, point: Point) -> None:
        _, value, step, _, _ = point
        at = -math.inf if step is None else step
        self.count += 1
        if at >= self.last_at:
            self.last, self.last_at = point, at
        if at < self.first_at:
            self.first, self.first_at = point, at
        if value - value != 0:  # NaN or infinite
            self.odd += 1
            return
        if value < self.lowest:
            self.low, self.lowest = point, value
        if value > self.highest:
            self.high, self.highest = point, value

    def metric(self) -> Metric:
        low, high = self.low, self.high
        return Metric(
            name=self.first.name,
            split=self.first.split,
            count=self.count,
            odd=self.odd,
            first=self.first.value,
            first_step=self.first.step,
            last=self.last.value,
            last_step=self.last.step,
            last_time=self.last.time,
            low=low.value if low else None,
            low_step=low.step if low else None,
            high=high.value if high else None,
            high_step=high.step if high else None,
        )


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SPLITS = {
    Split.TRAIN: frozenset({"train", "training", "trn"}),
    Split.VALID: frozenset({"val", "valid", "validation", "dev", "eval", "evaluation", "cv", "oof"}),
    Split.TEST: frozenset({"test", "testing", "tst", "holdout", "heldout"}),
}
_SPLIT_CACHE: dict[str, str | None] = {}


def split_of(name: str) -> str | None:
    """Return the split that a metric's name tells (`val_loss`, `train/acc`, `testAUC`); None for none or several."""
    if name not in _SPLIT_CACHE:
        if len(_SPLIT_CACHE) > 100_000:
            _SPLIT_CACHE.clear()
        words = {word.lower() for word in _WORD.findall(name)}
        told = [str(split) for split, names in _SPLITS.items() if words & names]
        _SPLIT_CACHE[name] = told[0] if len(told) == 1 else None
    return _SPLIT_CACHE[name]


_STATES = {
    State.FINISHED: {"finished", "completed", "complete", "success", "succeeded", "done", "ok"},
    State.FAILED: {"failed", "fail", "failure", "crashed", "error", "timeout"},
    State.KILLED: {"killed", "interrupted", "stopped", "cancelled", "canceled", "aborted", "preempted"},
    State.PRUNED: {"pruned"},
    State.RUNNING: {"running", "started"},
    State.WAITING: {"waiting", "queued", "scheduled", "pending"},
}
_STATE_OF = {word: state for state, words in _STATES.items() for word in words}


def state_of(status: str | None) -> State:
    """Return the state that a tracker's own word means."""
    return _STATE_OF.get((status or "").strip().lower(), State.UNKNOWN)


def merged(first: Run, second: Run) -> Run:
    """Return `first` completed by `second`, which tells of the same training.

    What `first` says stands; parameters, tags and metrics that only `second` has are added.
    """
    return replace(
        first,
        experiment=first.experiment or second.experiment,
        name=first.name or second.name,
        status=first.status or second.status,
        state=first.state if first.state is not State.UNKNOWN else second.state,
        params={**second.params, **first.params},
        raw_params={**{k: v for k, v in second.raw_params.items() if k not in first.params}, **first.raw_params},
        space={**second.space, **first.space},
        tags={**second.tags, **first.tags},
        dataset=first.dataset or second.dataset,
        started=first.started if first.started is not None else second.started,
        ended=first.ended if first.ended is not None else second.ended,
        zoned=first.zoned and second.zoned,
        parent=first.parent or second.parent,
        aliases=_once((*first.aliases, *((second.run_id,) if second.run_id != first.run_id else ()), *second.aliases)),
        sources=_once((*(first.sources or (first.source,)), *(second.sources or (second.source,)))),
        directions={**second.directions, **first.directions},
        version=f"{first.version};{second.version}" if first.version and second.version else None,
        history=_joined(first.history, second.history),
    )


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _joined(first: History, second: History) -> History:
    if first is no_history or second is no_history:
        return second if first is no_history else first

    def both() -> Iterator[Point | Problem]:
        seen = set()
        for point in first():
            if isinstance(point, Point):
                seen.add(point.name)
            yield point
        yield from (point for point in second() if isinstance(point, Problem) or point.name not in seen)

    return both
