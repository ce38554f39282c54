"""What a question about runs gives: `RunResult`, with the runs, the table and the citations behind its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kb.history import RunQuery
from kb.types import RunCitation

MOST_RUNS = 200
"""Runs that a result names, cites and shows; how many there are stands in `considered` and `RunTable.more`."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRef:
    """A run by what tells it apart: `pk` is its row, `source` where in `root` it stands."""

    pk: int
    source: str
    tracker: str
    experiment: str | None
    run_id: str
    name: str | None
    root: str = ""
    copy: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """The table behind an answer; `pks` are the runs of its rows, where its rows are runs."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    more: int = 0
    pks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A metric over runs that are equal in all parameters but the seed; `std` with n - 1, None for one run."""

    n: int
    mean: float
    std: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confounder:
    """Something that differs along with the two sides of an effect: how many runs of each side have which value."""

    name: str
    first: tuple[tuple[str, int], ...]
    second: tuple[tuple[str, int], ...]
    apart: bool
    """No value stands on both sides, so that its effect cannot be told from the one asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The answer to a `RunQuery`, as a program reads it.

    `kind` and `value` are as in the contract's `result`; `metric` and `split` are as logged. `considered` runs went
    into the value; `left_out` says how many did not, by reason. `ties` is how many runs share a best or worst value.
    """

    kind: str
    value: Any
    query: RunQuery
    metric: str | None = None
    split: str | None = None
    figure: str = "last"
    direction: str | None = None
    runs: tuple[RunRef, ...] = ()
    rows: RunTable = field(default_factory=RunTable)
    considered: int = 0
    left_out: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    ties: int = 0
    spread: Spread | None = None
    confounders: tuple[Confounder, ...] = ()
    notes: tuple[str, ...] = ()
    cited: tuple[RunCitation, ...] = ()
