"""A question about the experiment history as a value: `RunQuery`, which becomes SQL on the catalogue and nothing else.

`kb.run_query` runs it; `assistant.runs` reads one out of a sentence. Names are those that were logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Scalar = str | int | float | bool | None

Select = Literal[
    "best",  # the run or runs with the best value of `metric`; all that tie
    "worst",
    "list",  # runs, or with `wanted` the values of what it names
    "count",  # runs, or with `group_by` runs by value
    "value",  # one value of the one run that fits: `metric` at `figure`, or what `wanted` names
    "mean",
    "median",
    "min",
    "max",
    "sum",
    "std",
    "group",  # `metric` aggregated by `aggregate` for each value of `group_by`
    "params",  # parameters (all, or `wanted`) of the run that fits
    "compare",  # `metric` of `first` and of `second`
    "changed",  # parameters that differ between `first` and `second`
    "best_step",  # step and value of the best (or `figure`) point of `metric` in the run that fits
    "trend",  # of `metric` over steps in a run, or over runs in order of their start (`over`)
    "effect",  # difference of the mean of `metric` between `first` (with) and `second` (without)
    "distinct",  # different values of what `wanted` names, or of `metric` over the steps
    "never_tried",  # those of `candidates` (or of the search space) that no run that fits has for `wanted`
    "unchanged",  # metrics whose last value is the same in all runs that fit
]
Figure = Literal["last", "first", "best", "worst", "low", "high", "count", "mean", "steps"]
"""Which figure of a metric's points; best and worst by the metric's direction."""
Field = Literal[
    "param", "tag", "metric", "state", "status", "name", "id", "experiment", "source", "dataset", "tracker", "started",
    "ended", "duration", "parent", "text", "finished_epochs",
]  # fmt: skip
Operator = Literal[
    "eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "between", "contains", "missing", "present", "odd"
]
"""`odd`: a metric's value is NaN or infinite. Texts compare without regard to case and outer white space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """A condition on runs. `name` is a parameter's, tag's or metric's, whole or its last dotted part."""

    field: Field
    op: Operator = "eq"
    name: str | None = None
    value: Scalar | tuple[Scalar, ...] = None
    figure: Figure = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list, a value, a group or a comparison is of: a parameter, tag, metric or another field of a run."""

    field: Field
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of steps (`unit` step) or of runs in the order of their start or trial number (`unit` run).

    Bounds are inclusive; None is open. `first_n` and `last_n` count from the ends instead.
    """

    unit: Literal["step", "run"] = "step"
    low: float | None = None
    high: float | None = None
    first_n: int | None = None
    last_n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """What a question about runs means; every field but `select` may be left out where it has no part.

    Deleted runs are left out unless `deleted`; runs that failed count only where a question is not about a metric, or
    where they have the metric (`states` empty: any). `limit` is how many runs of a list, best first.
    """

    select: Select
    metric: str | None = None
    split: str | None = None
    figure: Figure = "last"
    direction: Literal["maximize", "minimize"] | None = None
    filters: tuple[RunFilter, ...] = ()
    first: tuple[RunFilter, ...] = ()
    second: tuple[RunFilter, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    group_by: Wanted | None = None
    aggregate: Literal["mean", "median", "min", "max", "sum", "std", "count", "best"] = "mean"
    candidates: tuple[Scalar, ...] = ()
    over: Literal["steps", "runs"] = "steps"
    window: Window | None = None
    second_window: Window | None = None
    order_by: Wanted | None = None
    descending: bool = True
    limit: int | None = None
    deleted: bool = False
    skip_odd: bool = False
    """Leave NaN and infinite values out (they are otherwise told, and never best)."""
    below: float | None = None
    above: float | None = None
    """For best_step with `figure` first: the first step whose value lies below or above."""
    labels: tuple[str, ...] = field(default=())
    """Other columns to show beside the answer."""
