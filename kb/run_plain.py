"""Best and worst runs, aggregates and groups.

Best goes by the question's direction, else by the metric's own; equal values tie exactly, and NaN or infinite ones are
never best. Standard deviations divide by n - 1.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from kb.errors import BadInput, DirectionUnknown
from kb.history import RunQuery, Scalar
from kb.run_repeats import spread_of
from kb.run_result import MOST_RUNS, RunResult, RunTable
from kb.run_rows import cite_cells, cite_readings, refs, table
from kb.run_values import Asking, Cell, Measure, Measured, Reading, cells, measured

LOOSE = "these values stand in a file that does not say which run made them"


def direction_of(query: RunQuery, readings: Iterable[Reading], measure: Measure) -> str:
    """Return which values are better. Raises DirectionUnknown."""
    if query.direction is not None:
        return query.direction
    told = {one[4] for one in readings} - {None}
    if measure.wanted.field != "metric" or len(told) != 1:
        raise DirectionUnknown(measure.label)
    return str(told.pop())


def ranked(readings: Sequence[Reading], direction: str) -> list[Reading]:
    """Return the readings, best first, equal ones in the order of storing."""
    return sorted(readings, key=itemgetter(2), reverse=direction == "maximize")  # stable, also in reverse


def outcome(asking: Asking, kind: str, value: Any, found: Measured, measure: Measure | None, **more: Any) -> RunResult:
    """Return a result over what was measured; `more` are fields of it."""
    known: dict[str, Any] = {
        "metric": measure.label if measure and measure.wanted.field == "metric" else None,
        "split": measure.split if measure else None,
        "figure": asking.query.figure,
        "considered": len(found.readings),
        "left_out": found.left_out,
    }
    notes = (*more.pop("notes", ()), *((LOOSE,) if found.loose else ()))
    return RunResult(kind=kind, value=value, query=asking.query, notes=notes, **{**known, **more})


def nothing(asking: Asking, found: Measured, measure: Measure | None, *notes: str) -> RunResult:
    """Return that there is no answer, with what was left out and why."""
    return outcome(asking, "none", None, found, measure, notes=notes)


def needed(asking: Asking, within: Sequence[Any]) -> Measure:
    """Return what runs are compared by. Raises BadInput where the question does not say."""
    measure = asking.measure(within)
    if measure is None:
        raise BadInput(f"{asking.query.select} of what?", hint="name a metric, a numeric parameter or duration")
    return measure


# -- best, worst, least, greatest --------------------------------------------------------------------------------


def best(asking: Asking) -> RunResult:
    """Answer best and worst: the value, and all runs that have it; with a group, the label of the best group."""
    query = asking.query
    measure = needed(asking, asking.base)
    found = measured(asking, asking.base, measure)
    if not found.readings:
        return nothing(asking, found, measure)
    way = direction_of(query, found.readings, measure)
    if query.group_by is not None:
        return _best_group(asking, found, measure, way)
    order = ranked(found.readings, _turned(way) if query.select == "worst" else way)
    value = order[0].value
    ties = [one for one in order if one[2] == value]
    who = refs(asking, [one.pk for one in ties[:MOST_RUNS]])
    cited = cite_readings(who, ties, measure)
    if query.wanted and query.metric is not None:
        cited += cite_cells(who, cells(asking, query.wanted[0], [ref.pk for ref in who], asking.base))
    return outcome(
        asking, f"{query.select}_run", value, found, measure, direction=way, runs=who, ties=len(ties), cited=cited,
        rows=table(asking, asking.base, order, measure), spread=spread_of(asking, ties[0], found.readings, measure),
    )  # fmt: skip


def _turned(direction: str) -> str:
    return "minimize" if direction == "maximize" else "maximize"


def _best_group(asking: Asking, found: Measured, measure: Measure, way: str) -> RunResult:
    groups, lacking = grouped(asking, found, asking.base)
    values = {label: aggregated(ones, asking.query.aggregate, way) for label, ones in groups.items()}
    there = {label: value for label, value in values.items() if value is not None}
    if not there:
        return nothing(asking, found, measure)
    largest = (way == "maximize") == (asking.query.select == "best")
    value = (max if largest else min)(there.values())
    labels = [label for label, one in there.items() if one == value]
    inside = groups[labels[0]]
    behind = [one for one in inside if one.value == value] or inside
    who = refs(asking, [one.pk for one in behind[:MOST_RUNS]])
    return outcome(
        asking, "best_model", {"label": labels[0], "value": value}, found, measure, direction=way, runs=who,
        ties=len(labels), rows=_group_rows(asking, groups, there), cited=cite_readings(who, behind, measure),
        left_out={**found.left_out, **lacking},
        notes=(f"equal: {', '.join(map(str, labels))}",) if len(labels) > 1 else (),
    )  # fmt: skip


def extreme(asking: Asking) -> RunResult:
    """Answer min and max: the number itself, whatever counts as better, and the runs that have it."""
    measure = needed(asking, asking.base)
    found = measured(asking, asking.base, measure)
    if not found.readings:
        return nothing(asking, found, measure)
    way = "maximize" if asking.query.select == "max" else "minimize"
    order = ranked(found.readings, way)
    ties = [one for one in order if one[2] == order[0].value]
    who = refs(asking, [one.pk for one in ties[:MOST_RUNS]])
    return outcome(
        asking, "value", order[0].value, found, measure, runs=who, ties=len(ties),
        rows=table(asking, asking.base, order, measure), cited=cite_readings(who, ties, measure),
    )  # fmt: skip


# -- aggregates --------------------------------------------------------------------------------------------------


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean, summed without loss."""
    return math.fsum(values) / len(values)


def std(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation, None for fewer than two values."""
    if len(values) < 2:
        return None
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


AGGREGATES: dict[str, Callable[[Sequence[float]], float | None]] = {
    "mean": mean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "sum": math.fsum,
    "std": std,
    "count": len,
}


def aggregated(readings: Sequence[Reading], aggregate: str, direction: str | None) -> float | None:
    """Return an aggregate of the values; `best` by the direction."""
    values = [one[2] for one in readings if one[2] is not None]
    if not values:
        return None
    if aggregate == "best":
        return max(values) if direction == "maximize" else min(values)
    return AGGREGATES[aggregate](values)


def aggregate(asking: Asking) -> RunResult:
    """Answer mean, median, sum and std over the runs' values; odd values are left out and told."""
    if asking.query.group_by is not None:
        return group(asking)
    measure = needed(asking, asking.base)
    found = measured(asking, asking.base, measure)
    value = aggregated(found.readings, asking.query.select, None)
    if value is None:
        return nothing(asking, found, measure)
    who = refs(asking, [one.pk for one in found.readings[:MOST_RUNS]])
    return outcome(
        asking, "value", value, found, measure, runs=who, rows=table(asking, asking.base, found.readings, measure),
        cited=cite_readings(who, found.readings, measure),
    )  # fmt: skip


# -- groups ------------------------------------------------------------------------------------------------------

Groups = dict[str, list[Reading]]


def grouped(asking: Asking, found: Measured, within: Sequence[Any]) -> tuple[Groups, dict[str, int]]:
    """Return the runs by their value of `group_by`, and how many have none; equal numbers are one group."""
    by = asking.query.group_by
    assert by is not None
    have = cells(asking, by, [one.pk for one in found.readings], within)
    labels: dict[Any, str] = {}
    groups: Groups = defaultdict(list)
    sorted_in: dict[int, list[Reading]] = {}  # runs with the same value share a cell
    for one in found.readings:
        cell = have.get(one[0])
        if cell is None:
            continue
        inside = sorted_in.get(id(cell))
        if inside is None:
            if cell.value is None:
                continue
            inside = sorted_in[id(cell)] = groups[labels.setdefault(same(cell.value), label(cell))]
        inside.append(one)
    lacking = len(found.readings) - sum(map(len, groups.values()))
    return dict(groups), {f"without {by.name or by.field}": lacking} if lacking else {}


def same(value: Scalar) -> Any:
    """Return what makes a value the same as another: numbers by size, NaN to itself, texts as they are."""
    if isinstance(value, bool) or value is None:
        return (type(value).__name__, value)
    if isinstance(value, int | float):
        return ("number", "nan" if value != value else value)
    return ("text", value)


def label(cell: Cell) -> str:
    """Return how a group is called: the value as logged."""
    return cell.text.strip() if cell.text else str(cell.value)


def group(asking: Asking) -> RunResult:
    """Answer group, and counts by value: a number for each value that was logged."""
    query = asking.query
    if query.group_by is None:
        raise BadInput("a group needs something to group by", hint="name a parameter, tag or field")
    measure = None if query.select == "count" and query.metric is None else asking.measure(asking.base)
    found = measured(asking, asking.base, measure)
    groups, lacking = grouped(asking, found, asking.base)
    how = {"group": query.aggregate, "count": "count"}.get(query.select, query.select)
    way = direction_of(query, found.readings, measure) if how == "best" and measure is not None else None
    if measure is None or how == "count":
        values: dict[str, float | None] = {name: len(ones) for name, ones in groups.items()}
    else:
        values = {name: aggregated(ones, how, way) for name, ones in groups.items()}
    there = {name: value for name, value in values.items() if value is not None}
    shown = [one for ones in groups.values() for one in ones][:MOST_RUNS]
    who = refs(asking, [one.pk for one in shown]) if measure is not None else ()
    return outcome(
        asking, "group", there, found, measure, direction=way, rows=_group_rows(asking, groups, there), runs=who,
        considered=sum(map(len, groups.values())), left_out={**found.left_out, **lacking},
        cited=cite_readings(who, shown, measure) if measure is not None else (),
    )  # fmt: skip


def _group_rows(asking: Asking, groups: Groups, values: dict[str, float]) -> RunTable:
    from kb.run_result import RunTable

    by = asking.query.group_by
    assert by is not None
    order = sorted(values, key=lambda name: (-values[name], name))
    rows = tuple((name, values[name], len(groups[name])) for name in order[:MOST_RUNS])
    what = "count" if asking.query.select == "count" else asking.query.metric or "value"
    return RunTable(columns=(by.name or by.field, what, "runs"), rows=rows, more=max(len(order) - MOST_RUNS, 0))
