"""Questions about the points of a metric: its best step, its trend, its different values; and trends over runs.

A trend is flat where first and last differ by at most a thousandth of the larger of the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select

from kb import schema, store
from kb.errors import BadInput, SeveralFit
from kb.history import RunQuery, Window
from kb.run_plain import direction_of, mean, needed, nothing, outcome
from kb.run_points import Points
from kb.run_result import MOST_RUNS, RunResult, RunTable
from kb.run_rows import citation, cite_readings, measured_label, refs, table
from kb.run_values import Asking, Measure, Measured, Placed, Reading, figure_of, measured, run_window, step_at, windowed
from kb.runs import histories

TOLERANCE = 1e-3


def way(first: float, last: float) -> str:
    """Return how a value moved: up, down or flat."""
    if abs(last - first) <= TOLERANCE * max(abs(first), abs(last)):
        return "flat"
    return "up" if last > first else "down"


def _having(asking: Asking, measure: Measure) -> Measured:
    """Return the runs that have the metric; figures and windows are taken from the points later."""
    whole = replace(measure, figure="last", window=None)
    return measured(asking, asking.base, whole)


def _all(found: Measured) -> list[Reading]:
    return sorted((*found.readings, *found.odd), key=lambda one: one.pk)


# -- the best step -----------------------------------------------------------------------------------------------


def best_step(asking: Asking) -> RunResult:
    """Answer best_step: where the metric was best, low or high first; or the step that first lay below or above."""
    measure = needed(asking, asking.base)
    found = _having(asking, measure)
    present = _all(found)
    if not present:
        return nothing(asking, found, measure)
    figure = asking.query.figure if asking.query.figure in ("low", "high", "worst", "first") else "best"
    direction = direction_of(asking.query, present, measure) if figure in ("best", "worst") else None
    points = histories(asking.conn, [one.metric_id for one in present if one.metric_id is not None])
    inside = {one.pk: windowed(points[one.metric_id or 0], measure.window) for one in present}
    at = {one.pk: _point(asking.query, inside[one.pk], figure, direction) for one in present}
    there = {pk: point for pk, point in at.items() if point is not None}
    if not there:
        return nothing(asking, found, measure, "no step has such a value")
    value, step, pks = _first_of(there, figure, direction)
    who = refs(asking, pks[:MOST_RUNS])
    asked = figure == "first" and (asking.query.below is not None or asking.query.above is not None)
    return outcome(
        asking, "value" if asked else "best_step", step if asked else {"step": step, "value": value}, found, measure,
        runs=who, ties=len(pks),
        considered=len(present), direction=direction, rows=curve(inside[pks[0]], measure.label),
        cited=tuple(citation(ref, f"metrics.{measure.label}", value, step=there[ref.pk][1], split=measure.split)
                    for ref in who),
        notes=(f"{len(present)} runs fit; this is over all of them",) if len(present) > 1 else (),
    )  # fmt: skip


def _point(query: RunQuery, points: Points, figure: str, direction: str | None) -> tuple[float, int | None] | None:
    """Return the value and step meant in one run, None where it has none."""
    if figure == "first":
        for at, value in enumerate(points.values.tolist()):
            if math.isfinite(value) and _passes(query, value):
                return value, step_at(points, at)
        return None
    value, step = figure_of(points, figure, direction)
    return None if value is None or not math.isfinite(value) else (value, step)


def _passes(query: RunQuery, value: float) -> bool:
    return (query.below is None or value < query.below) and (query.above is None or value > query.above)


def _first_of(
    there: dict[int, tuple[float, int | None]], figure: str, direction: str | None
) -> tuple[float, int | None, list[int]]:
    """Return value, step and runs of the point that stands out among runs; all runs that reach it at that step."""
    if figure == "first":
        pk = min(there, key=lambda one: (there[one][1] is None, there[one][1] or 0, one))
        return *there[pk], [pk]
    largest = figure == "high" or (figure != "low" and (figure == "best") == (direction == "maximize"))
    value = (max if largest else min)(value for value, _ in there.values())
    pks = [pk for pk, (one, _) in there.items() if one == value]
    return value, there[pks[0]][1], pks


def curve(points: Points, name: str) -> RunTable:
    """Return points as a table of steps and values, the first and last of many."""
    steps, values = points.steps.tolist(), points.values.tolist()
    rows = [(step_at(points, at), value) for at, (_, value) in enumerate(zip(steps, values, strict=True))]
    half = MOST_RUNS // 2
    shown = rows if len(rows) <= MOST_RUNS else [*rows[:half], *rows[-half:]]
    return RunTable(columns=("step", name), rows=tuple(shown), more=len(rows) - len(shown))


# -- trends ------------------------------------------------------------------------------------------------------


def trend(asking: Asking) -> RunResult:
    """Answer trend: first and last value, or the means of two windows, and the direction between them."""
    measure = needed(asking, asking.base)
    over_runs = asking.query.over == "runs"
    return _over_runs(asking, measure) if over_runs else _over_steps(asking, measure)


def _over_steps(asking: Asking, measure: Measure) -> RunResult:
    if measure.wanted.field != "metric":
        raise BadInput("only a metric moves over steps", hint="name a metric, or ask for the trend over runs")
    found = _having(asking, measure)
    present = _all(found)
    if not present:
        return nothing(asking, found, measure)
    if len(present) > 1:
        ids = tuple(ref.run_id for ref in refs(asking, [one.pk for one in present[:20]]))
        raise SeveralFit(len(present), f"the course of {measure.label}", ids)
    whole = histories(asking.conn, [present[0].metric_id or 0])[present[0].metric_id or 0]
    sides = _ends(whole, measure.window, asking.query.second_window)
    if sides is None:
        return nothing(asking, found, measure, "fewer than two finite values lie there")
    (first, firsts), (last, lasts) = sides
    (ref,) = refs(asking, [present[0].pk])
    cited = tuple(
        citation(ref, f"metrics.{measure.label}", value, step=step, split=measure.split)
        for value, step in dict.fromkeys((firsts[0], firsts[-1], lasts[0], lasts[-1]))
    )
    odd = len(whole) - len(_finite(whole))
    return outcome(
        asking, "trend", {"first": first, "last": last, "direction": way(first, last)}, found, measure, runs=(ref,),
        considered=1, rows=curve(windowed(whole, measure.window if not asking.query.second_window else None),
                                 measure.label), cited=cited,
        notes=(f"{odd} of {len(whole)} values are NaN or infinite and left out",) if odd else (),
    )  # fmt: skip


End = tuple[float, list[tuple[float, int | None]]]


def _ends(points: Points, first: Window | None, second: Window | None) -> tuple[End, End] | None:
    """Return both ends of a course with the points they come from: single points, or means over two windows."""
    if second is not None:
        windows = [_finite(windowed(points, one if one and one.unit == "step" else None)) for one in (first, second)]
        if not all(windows):
            return None
        means = [(mean([value for value, _ in one]), one) for one in windows]
        return means[0], means[1]
    inside = _finite(windowed(points, first))
    if len(inside) < 2:
        return None
    return (inside[0][0], inside[:1]), (inside[-1][0], inside[-1:])


def _finite(points: Points) -> list[tuple[float, int | None]]:
    return [(value, step_at(points, at)) for at, value in enumerate(points.values.tolist()) if math.isfinite(value)]


def _over_runs(asking: Asking, measure: Measure) -> RunResult:
    """Return the trend over runs in the order of their start or trial number."""
    query = asking.query
    asking.query = replace(query, window=None)
    found = measured(asking, asking.base, measure)
    asking.query = query
    by_pk = {one.pk: one for one in found.readings}
    order = run_window(_places(asking, [*by_pk, *(one.pk for one in found.odd)]), Window(unit="run"))
    if query.second_window is not None:
        sides = [[by_pk[row.pk] for row in run_window(order, one or Window(unit="run")) if row.pk in by_pk]
                 for one in (query.window, query.second_window)]  # fmt: skip
    else:
        rows = order if query.window is None or query.window.unit != "run" else run_window(order, query.window)
        inside = [by_pk[row.pk] for row in rows if row.pk in by_pk]
        sides = [inside[:1], inside[-1:]] if len(inside) > 1 else [[], []]
    if not all(sides):
        return nothing(asking, found, measure, "fewer than two runs with a value lie there")
    first, last = (mean([one.value for one in side if one.value is not None]) for side in sides)
    shown = list(dict.fromkeys((*sides[0], *sides[1])))
    who = refs(asking, [one.pk for one in shown[:MOST_RUNS]])
    return outcome(
        asking, "trend", {"first": first, "last": last, "direction": way(first, last)}, found, measure, runs=who,
        rows=table(asking, asking.base, shown, measure), cited=cite_readings(who, shown, measure),
        considered=len(shown),
    )  # fmt: skip


def _places(asking: Asking, pks: Sequence[int]) -> list[Placed]:
    r = schema.runs
    query = select(r.c.id, r.c.started, r.c.run_id, r.c.experiment)
    return [Placed(*row) for part in store.batches(pks) for row in asking.conn.execute(query.where(r.c.id.in_(part)))]


# -- different values --------------------------------------------------------------------------------------------


def distinct_points(asking: Asking) -> RunResult:
    """Answer distinct for a metric: the different values over its steps, in the order they were first logged."""
    measure = needed(asking, asking.base)
    found = _having(asking, measure)
    present = _all(found)
    if not present:
        return nothing(asking, found, measure)
    points = histories(asking.conn, [one.metric_id for one in present if one.metric_id is not None])
    firsts: dict[float | str, tuple[int, float, int | None]] = {}
    for one in present:
        inside = windowed(points[one.metric_id or 0], measure.window)
        for at, value in enumerate(inside.values.tolist()):
            if math.isfinite(value) or not asking.query.skip_odd:
                firsts.setdefault(str(value) if value != value else value, (one.pk, value, step_at(inside, at)))
    value = [one if math.isfinite(one) else str(one) for _, one, _ in firsts.values()]
    shown = list(firsts.values())[:MOST_RUNS]
    who = {ref.pk: ref for ref in refs(asking, list(dict.fromkeys(pk for pk, _, _ in shown)))}
    return outcome(
        asking, "list", value, found, measure, runs=tuple(who.values()), considered=len(present),
        rows=RunTable(columns=("run", measured_label(measure), "step"), more=len(firsts) - len(shown),
                      rows=tuple((who[pk].run_id, one, step) for pk, one, step in shown)),
        cited=tuple(citation(who[pk], f"metrics.{measure.label}", one, step=step, split=measure.split)
                    for pk, one, step in shown),
    )  # fmt: skip
