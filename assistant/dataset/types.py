"""Values that the dataset rooms share: what was computed and how, facts of a profile, and the chips of a reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from assistant.dataset.steps import Query

NOTHING: Mapping[str, Any] = MappingProxyType({})

# -- computing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One value of a query: a number, text, list, or `{group: value}`; `parts` hold a test's, a fit's other results.

    `expression` is pandas code over the frame `df` that gives `value`; `rows` is how many rows it was computed from;
    `checks` say which assumptions were tested, with what result, and which values were left out.
    """

    label: str
    step: int
    value: Any
    expression: str
    rows: int
    parts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What a step did, in words, and how many rows were there after it."""

    words: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What to draw: `rows` of the named `columns` in order; `sampled` is the size of the sample drawn, None for all.

    `x`, `y`, `color` are names of `columns`. A histogram has columns low, high, count; a box has its five numbers.
    """

    kind: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    x: str
    y: str
    color: str | None = None
    title: str = ""
    sampled: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A small result table: at most 200 rows; `more` rows were left out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """All that a query gave: outcomes in the order of its yielding steps, by-names `values`, the trail, the code.

    `values` holds each `Output` by its name, rounded as asked. `code` is a whole pandas program that prints them.
    """

    query: Query
    outcomes: tuple[Outcome, ...]
    values: Mapping[str, Any]
    trail: tuple[Trail, ...]
    code: str
    grid: Grid | None = None
    plot: Plot | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What a chip could stand for instead: its text, a note with its count, and the query that it leads to."""

    text: str
    note: str
    query: Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A piece of a reading: `kind` is column, value, number, measure, filter, group, step, test, model or plot.

    `said` are the words of the question it was read from; `sure` is False for a fuzzy or embedding match.
    """

    kind: str
    text: str
    said: str = ""
    note: str = ""
    sure: bool = True
    options: tuple[Option, ...] = ()
    drop: Query | None = None
    """The query without this piece, where that still means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReading:
    """What a question was taken to ask of a table.

    `query` is None where nothing could be read. `runs` tells whether it may run without being confirmed: no number
    or noun of the question is unread. `nearest` are other readings that run, best first, at most three.
    """

    words: str
    query: Query | None
    chips: tuple[Chip, ...] = ()
    unread: tuple[str, ...] = ()
    runs: bool = False
    confidence: float = 0.0
    nearest: tuple[tuple[str, Query], ...] = ()


# -- profile ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A computed sentence about a table: `expression` is pandas code over `df` that gives `value`.

    Every number in `text` is `value` or stands in `parts`. `weight`, 0…1, is how much it would change what one does
    next; `ask` is a question about what to do, for the documentation.
    """

    kind: str
    text: str
    value: Any
    expression: str
    columns: tuple[str, ...] = ()
    weight: float = 0.0
    parts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    ask: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """A column: `kind` is number, category, ordinal, date, text, identifier, constant, boolean or empty.

    `bars` is its small distribution, (label, count) in order; `stats` holds min, mean, median, max, std, q1, q3 where
    they make sense; `unit` is what its name says (kg, %, USD, days).
    """

    name: str
    kind: str
    dtype: str
    missing: int
    unique: int
    bars: tuple[tuple[str, int], ...] = ()
    stats: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    examples: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of a table before anyone asks; facts are ranked by weight, best first.

    `sampled` is the number of rows that slow figures were taken from, None where all were used. `meta` holds the
    meta-features by name, for similarity between datasets.
    """

    name: str
    fingerprint: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    facts: tuple[Fact, ...]
    target: str | None = None
    task: str | None = None
    meta: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    sampled: int | None = None
    seconds: float = 0.0
