"""What differs along with the two sides of an effect, so that the effect may be its own or theirs."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import select

from kb import schema, store
from kb.run_put import leaf
from kb.run_repeats import SEEDS
from kb.run_result import Confounder
from kb.run_sql import fetched
from kb.run_values import Asking, Measured

APART = 0.5
"""Half of the runs of a side would have to change their value of a parameter for both sides to look the same."""
_SAMPLE = 500


def confounders(asking: Asking, first: Measured, second: Measured) -> tuple[tuple[Confounder, ...], tuple[str, ...]]:
    """Return the parameters, and the number of steps, that differ along with the split; notes say what was sampled.

    Parameters that the question splits by and seeds are no confounders; nor is what differs from run to run anyway.
    """
    pks = [_spaced([one.pk for one in side.readings]) for side in (first, second)]
    sampled = any(len(pk) < len(side.readings) for pk, side in zip(pks, (first, second), strict=True))
    tables = [_settings(asking, side) for side in pks]
    asked = {leaf(one.name) for one in (*asking.query.first, *asking.query.second, *asking.query.filters) if one.name}
    found = []
    for name in sorted({*tables[0], *tables[1]}):
        if leaf(name) in SEEDS or leaf(name) in asked:
            continue
        counts = [_counted(table.get(name, {}), side) for table, side in zip(tables, pks, strict=True)]
        if (one := _confounder(name, counts[0], counts[1])) is not None:
            found.append(one)
    notes = (f"what moved along was looked at in {sum(map(len, pks)):,} runs",) if sampled else ()
    return tuple(sorted(found, key=lambda one: not one.apart)), notes


def _spaced(pks: Sequence[int]) -> list[int]:
    """Return at most a sample of the runs, spread evenly over them."""
    return [pks[at * len(pks) // _SAMPLE] for at in range(_SAMPLE)] if len(pks) > _SAMPLE else list(pks)


def _settings(asking: Asking, pks: Sequence[int]) -> dict[str, dict[int, str]]:
    """Return what runs have of each parameter, and their greatest step as `steps`, as texts."""
    p, m = schema.run_params, schema.run_metrics
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for part in store.batches(pks):
        given = select(p.c.run_id, p.c.name, p.c.text).where(p.c.run_id.in_(part), p.c.kind != "unset")
        for pk, name, text in fetched(asking.conn, given):
            found[name][pk] = str(text)
        steps = select(m.c.run_id, m.c.last_step).where(m.c.run_id.in_(part), m.c.last_step.is_not(None))
        for pk, step in fetched(asking.conn, steps):
            found["steps"][pk] = str(max(step, int(found["steps"].get(pk, step))))
    return found


def _counted(have: dict[int, str], pks: Sequence[int]) -> Counter[str]:
    return Counter(have.get(pk, "not set") for pk in pks)


def _confounder(name: str, first: Counter[str], second: Counter[str]) -> Confounder | None:
    sizes = first.total(), second.total()
    if sizes[0] > 2 and sizes[1] > 2 and len(first) == sizes[0] and len(second) == sizes[1]:
        return None  # different in every run
    labels = {*first, *second}
    distance = math.fsum(abs(first[one] / sizes[0] - second[one] / sizes[1]) for one in labels) / 2
    if distance < APART:
        return None
    top = [tuple(sorted(side.items(), key=lambda item: (-item[1], item[0]))[:5]) for side in (first, second)]
    return Confounder(name=name, first=top[0], second=top[1], apart=not {*first} & {*second})
