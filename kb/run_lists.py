"""Counts, lists, different values, and the value of the one run that a question is about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from kb.errors import SeveralFit
from kb.history import Scalar, Wanted
from kb.run_plain import direction_of, group, needed, nothing, outcome, ranked, same
from kb.run_result import MOST_RUNS, RunResult
from kb.run_rows import cite_cells, cite_readings, refs, table
from kb.run_sql import number_of
from kb.run_steps import distinct_points
from kb.run_values import Asking, Cell, Measure, Measured, Reading, cells, measured


def count(asking: Asking) -> RunResult:
    """Answer count: of runs (that have the metric, where one is named), or of different values of what is wanted."""
    query = asking.query
    if query.group_by is not None:
        return group(asking)
    if query.wanted:
        listed = distinct(asking)
        return replace(listed, kind="count", value=len(listed.value))
    measure = asking.measure(asking.base)
    found = measured(asking, asking.base, measure)
    have = _present(asking, found)
    who = refs(asking, [one.pk for one in have[:MOST_RUNS]])
    return outcome(
        asking, "count", 0 if found.loose else len(have), found, measure, runs=who, considered=len(have),
        rows=table(asking, asking.base, have, measure), left_out=_without_odd(asking, found),
    )  # fmt: skip


def _present(asking: Asking, found: Measured) -> list[Reading]:
    """Return the runs that have the measure, with odd values too unless they are to be skipped."""
    odd = () if asking.query.skip_odd else found.odd
    return sorted((*found.readings, *odd), key=itemgetter(0))


def _without_odd(asking: Asking, found: Measured) -> dict[str, int]:
    return {name: n for name, n in found.left_out.items() if name != "odd values" or asking.query.skip_odd}


def listing(asking: Asking) -> RunResult:
    """Answer list: ids of runs, or the different values of what is wanted, in order; of at most `limit` runs."""
    query = asking.query
    measure = asking.measure(asking.base) if query.metric is not None else None
    found = measured(asking, asking.base, measure)
    order = ordered(asking, found, measure)
    shown = order if query.limit is None else order[: query.limit]
    who = refs(asking, [one.pk for one in shown[:MOST_RUNS]])
    cited = cite_readings(who, shown, measure) if measure else ()
    if query.wanted:
        value, more = _wanted_values(asking, shown)
        cited = (*cited, *(one for have in more for one in cite_cells(who, have)))
    else:
        value = [ref.run_id for ref in (who if len(shown) <= MOST_RUNS else refs(asking, [one.pk for one in shown]))]
    return outcome(
        asking, "list", value, found, measure, runs=who, rows=table(asking, asking.base, shown, measure), cited=cited,
        considered=len(order), left_out=_without_odd(asking, found),
    )  # fmt: skip


def _wanted_values(asking: Asking, shown: Sequence[Reading]) -> tuple[list[Any], list[dict[int, Cell]]]:
    pks = [one.pk for one in shown]
    have = [cells(asking, wanted, pks, asking.base) for wanted in asking.query.wanted]
    if len(have) == 1:
        values = {same(have[0][pk].value): have[0][pk].value for pk in reversed(pks) if pk in have[0]}
        return list(reversed(values.values())), have
    return [[one[pk].value if pk in one else None for one in have] for pk in pks], have


def ordered(asking: Asking, found: Measured, measure: Measure | None) -> list[Reading]:
    """Return the runs in the order asked for: by `order_by`, else best first, else as they were stored."""
    query, present = asking.query, _present(asking, found)
    if query.order_by is not None:
        have = cells(asking, query.order_by, [one.pk for one in present], asking.base)
        there = [one for one in present if one.pk in have and have[one.pk].value == have[one.pk].value]
        kept = {one.pk for one in there}
        numbers = all(number_of(have[one.pk].value) is not None for one in there)
        there.sort(key=lambda one: _key(have[one.pk].value, numbers), reverse=query.descending)
        return there + [one for one in present if one.pk not in kept]
    if measure is None:
        return present
    told = {one.direction for one in found.readings} - {None}
    fallback = "maximize" if query.descending else "minimize"
    way = query.direction or (told.pop() if len(told) == 1 else fallback)
    return [*ranked(found.readings, str(way)), *(one for one in present if not one.finite)]


def _key(value: Scalar, numbers: bool) -> Any:
    return number_of(value) if numbers else str(value)


def distinct(asking: Asking) -> RunResult:
    """Answer distinct: the different values of what is wanted, in the order they were first logged."""
    query = asking.query
    if not query.wanted:
        return distinct_points(asking)
    wanted: Wanted = query.wanted[0]
    measure = asking.measure(asking.base) if query.metric is not None else None
    found = measured(asking, asking.base, measure)
    present = _present(asking, found)
    have = cells(asking, wanted, [one.pk for one in present], asking.base)
    firsts: dict[Any, Reading] = {}
    seen: set[int] = set()  # runs with the same value share a cell
    for one in present:
        cell = have.get(one.pk)
        if cell is not None and id(cell) not in seen and cell.value is not None:
            seen.add(id(cell))
            firsts.setdefault(same(cell.value), one)
    value = [have[one.pk].value for one in firsts.values()]
    shown = list(firsts.values())
    who = refs(asking, [one.pk for one in shown[:MOST_RUNS]])
    lacking = len(present) - len(have)
    left = {**_without_odd(asking, found), **({f"without {wanted.name or wanted.field}": lacking} if lacking else {})}
    return outcome(
        asking, "list", value, found, measure, runs=who, rows=table(asking, asking.base, shown, measure),
        cited=cite_cells(who, have), considered=len(present), left_out=left,
    )  # fmt: skip


# -- one run -----------------------------------------------------------------------------------------------------


def value(asking: Asking) -> RunResult:
    """Answer value: of the one run that fits, or of the first in the order asked for; all that fit may agree.

    With a metric and something wanted it is that of the best run. Raises SeveralFit.
    """
    query = asking.query
    measure = needed(asking, asking.base)
    found = measured(asking, asking.base, measure if query.metric is not None or not query.wanted else None)
    if query.wanted:
        return _wanted_value(asking, found, measure if query.metric is not None else None)
    order = ordered(asking, found, measure)
    chosen = order[: query.limit] if query.limit is not None else order
    if query.limit is None and query.order_by is not None:
        chosen = order[:1]
    if not chosen:
        return nothing(asking, found, measure)
    if len({same(one.value) for one in chosen}) > 1:
        raise _several(asking, chosen, measure.label)
    who = refs(asking, [one.pk for one in chosen[:MOST_RUNS]])
    first = chosen[0].value
    shown = str(first) if first is not None and not math.isfinite(first) else first
    return outcome(
        asking, "value", shown, found, measure, runs=who, rows=table(asking, asking.base, chosen, measure),
        cited=cite_readings(who, chosen, measure), considered=len(chosen), left_out=_without_odd(asking, found),
    )  # fmt: skip


def _several(asking: Asking, chosen: Sequence[Reading], what: str) -> SeveralFit:
    return SeveralFit(len(chosen), what, tuple(ref.run_id for ref in refs(asking, [one.pk for one in chosen[:20]])))


def chosen_runs(asking: Asking, found: Measured, measure: Measure | None) -> list[Reading]:
    """Return the runs that a question about one run is of: the best by the metric, the first by order, or all."""
    query = asking.query
    if measure is not None and found.readings and query.order_by is None:
        order = ranked(found.readings, direction_of(query, found.readings, measure))
        return [one for one in order if one.value == order[0].value]
    order = ordered(asking, found, measure)
    if query.order_by is not None:
        return order[: query.limit or 1]
    return order if query.limit is None else order[: query.limit]


def _wanted_value(asking: Asking, found: Measured, measure: Measure | None) -> RunResult:
    wanted = asking.query.wanted[0]
    chosen = chosen_runs(asking, found, measure)
    have = cells(asking, wanted, [one.pk for one in chosen], asking.base)
    there = [one for one in chosen if one.pk in have]
    if not there:
        return nothing(asking, found, measure, f"{wanted.name or wanted.field} is not set")
    if len({same(have[one.pk].value) for one in there}) > 1:
        raise _several(asking, there, wanted.name or wanted.field)
    who = refs(asking, [one.pk for one in there[:MOST_RUNS]])
    cited = cite_cells(who, have) + (cite_readings(who, there, measure) if measure else ())
    return outcome(
        asking, "value", have[there[0].pk].value, found, measure, runs=who, cited=cited, considered=len(chosen),
        rows=table(asking, asking.base, there, measure),
    )  # fmt: skip
