"""Two sides held against each other: a metric, the parameters that differ, and the effect of a choice.

The interval of an effect is Welch's (B. L. Welch, The generalization of Student's problem when several different
population variances are involved, Biometrika 34, 1947) at 95 %, with the Welch-Satterthwaite degrees of freedom.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import not_, select

from kb import schema
from kb.errors import BadInput
from kb.run_moved import confounders
from kb.run_plain import aggregated, direction_of, mean, needed, nothing, outcome, std
from kb.run_result import MOST_RUNS, RunResult, RunTable
from kb.run_rows import cite_readings, refs, table
from kb.run_values import Asking, Measure, Measured, measured

CONFIDENCE = 0.95


def sides(asking: Asking) -> tuple[list[Any], list[Any]]:
    """Return the conditions of both sides; without a second one it is all that are not on the first."""
    if not asking.query.first:
        raise BadInput("a comparison needs two sides", hint="name the runs, or the values, to compare")
    first = asking.side(asking.query.first)
    if asking.query.second:
        return first, asking.side(asking.query.second)
    r = schema.runs
    return first, [*asking.base, not_(r.c.id.in_(select(r.c.id).where(*first)))]


def _both(asking: Asking) -> tuple[Measure, Measured, Measured, tuple[list[Any], list[Any]]]:
    both = sides(asking)
    measure = needed(asking, both[0])
    return measure, measured(asking, both[0], measure), _second(asking, measure, both[1]), both


def _second(asking: Asking, measure: Measure, within: Sequence[Any]) -> Measured:
    """Return the second side; the name is looked up there where the first side's is not logged."""
    found = measured(asking, within, measure)
    if measure.wanted.field != "metric" or found.readings or found.odd or asking.query.metric is None:
        return found
    return measured(asking, within, asking.measure(within) or measure)


def together(first: Measured, second: Measured) -> Measured:
    left = Counter(first.left_out)
    left.update(second.left_out)
    return Measured(
        readings=(*first.readings, *second.readings), odd=(*first.odd, *second.odd), left_out=dict(left),
        loose=first.loose or second.loose,
    )  # fmt: skip


# -- compare -----------------------------------------------------------------------------------------------------


def compare(asking: Asking) -> RunResult:
    """Answer compare: the metric on both sides and first - second; a side of several runs by the aggregate."""
    measure, first, second, both = _both(asking)
    found = together(first, second)
    how = asking.query.aggregate
    if how == "count":
        raise BadInput("two sides are compared by a value", hint="take mean, median, min, max, sum, std or best")
    best = direction_of(asking.query, found.readings, measure) if how == "best" and found.readings else None
    values = [aggregated(side.readings, how, best) for side in (first, second)]
    if values[0] is None or values[1] is None:
        return nothing(asking, found, measure, *missing(values))
    shown = (*first.readings, *second.readings)[:MOST_RUNS]
    who = refs(asking, [one.pk for one in shown])
    value = {"first": values[0], "second": values[1], "difference": values[0] - values[1]}
    return outcome(
        asking, "compare_runs", value, found, measure, runs=who, rows=_side_rows(asking, first, second, measure, both),
        cited=cite_readings(who, shown, measure), notes=tuple(_averaged(how, first, second)),
    )  # fmt: skip


def missing(values: Sequence[float | None]) -> Iterable[str]:
    names = ("first", "second")
    yield from (
        f"no run of the {name} side has a value" for name, one in zip(names, values, strict=True) if one is None
    )


def _averaged(how: str, first: Measured, second: Measured) -> Iterable[str]:
    for name, side in (("first", first), ("second", second)):
        if len(side.readings) > 1:
            yield f"the {name} value is the {how} of {len(side.readings)} runs"


def _side_rows(
    asking: Asking, first: Measured, second: Measured, measure: Measure, both: tuple[list[Any], list[Any]]
) -> RunTable:
    """Return the runs of both sides as one table, with the side as the first column."""
    del both
    left = first.readings[: MOST_RUNS // 2]
    right = second.readings[: MOST_RUNS // 2]
    found = table(asking, asking.base, (*left, *right), measure)
    names = ["first"] * len(left) + ["second"] * len(right)
    return replace(
        found, columns=("side", *found.columns),
        rows=tuple((name, *row) for name, row in zip(names, found.rows, strict=True)),
        more=len(first.readings) + len(second.readings) - len(names),
    )  # fmt: skip


# -- effect ------------------------------------------------------------------------------------------------------


def effect(asking: Asking) -> RunResult:
    """Answer effect: difference of the means (first - second), its interval, n per side, and what moved along."""
    measure, first, second, both = _both(asking)
    shared = {one.pk for one in first.readings} & {one.pk for one in second.readings}
    if shared:
        raise BadInput(f"{len(shared)} runs stand on both sides", hint="name two sides that exclude each other")
    found = together(first, second)
    values = [[one.value for one in side.readings if one.value is not None] for side in (first, second)]
    if not all(values):
        return nothing(asking, found, measure, *missing([None if not one else 0.0 for one in values]))
    low, high = welch(*values)
    value = {
        "difference": mean(values[0]) - mean(values[1]), "low": low, "high": high,
        "n_with": len(values[0]), "n_without": len(values[1]),
    }  # fmt: skip
    shown = (*first.readings, *second.readings)[:MOST_RUNS]
    who = refs(asking, [one.pk for one in shown])
    moved, notes = confounders(asking, first, second)
    return outcome(
        asking, "effect", value, found, measure, runs=who, rows=_side_rows(asking, first, second, measure, both),
        cited=cite_readings(who, shown, measure), confounders=moved, notes=(*_doubts(values), *notes),
        direction=_direction(asking, found, measure),
    )  # fmt: skip


def _direction(asking: Asking, found: Measured, measure: Measure) -> str | None:
    told = {one.direction for one in found.readings} - {None}
    return asking.query.direction or (told.pop() if len(told) == 1 and measure.wanted.field == "metric" else None)


def welch(first: Sequence[float], second: Sequence[float]) -> tuple[float | None, float | None]:
    """Return Welch's 95 % interval of the difference of two means; None without two runs and a spread on both sides."""
    from scipy import stats

    spreads = [std(first), std(second)]
    if spreads[0] is None or spreads[1] is None or not (spreads[0] or spreads[1]):
        return None, None
    parts = [spread**2 / len(side) for spread, side in zip(spreads, (first, second), strict=True) if spread is not None]
    variance = math.fsum(parts)
    down = math.fsum(part**2 / (len(side) - 1) for part, side in zip(parts, (first, second), strict=True))
    if down == 0:
        return None, None
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, variance**2 / down)) * math.sqrt(variance)
    middle = mean(first) - mean(second)
    return middle - half, middle + half


def _doubts(values: Sequence[Sequence[float]]) -> Iterable[str]:
    if min(map(len, values)) < 2:
        yield "one run on a side: there is no interval"
    elif all(len(set(side)) == 1 for side in values):
        yield "each side is one result repeated: there is no interval"
