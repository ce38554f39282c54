"""The spread of a metric over repeats: runs of one experiment that are equal in all parameters but the seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from kb import schema, store
from kb.run_result import Spread
from kb.run_values import Asking, Measure, Reading

SEEDS = frozenset(
    {"seed", "random_state", "random_seed", "rng_seed", "rng", "np_seed", "torch_seed", "seed_everything"}
    | {"manual_seed", "seeds", "data_seed", "split_seed"}
)
"""Last dotted parts of parameters that say which random numbers a run drew."""
_MOST_PROBES = 40


def spread_of(asking: Asking, reading: Reading, readings: Sequence[Reading], measure: Measure) -> Spread | None:
    """Return the spread over the repeats of a run among those measured, None where it was not repeated."""
    if measure.wanted.field != "metric" or len(readings) < 2:
        return None
    same = repeats(asking.conn, reading.pk)
    values = [one.value for one in readings if one.pk in same and one.value is not None]
    if len(values) < 2:
        return None
    middle = math.fsum(values) / len(values)
    std = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))
    return Spread(n=len(values), mean=middle, std=std, low=min(values), high=max(values))


def repeats(conn: Connection, pk: int) -> set[int]:
    """Return the runs of the same experiment and history with the same parameters, the run itself too."""
    own = _settings(conn, [pk])[pk]
    if not own:
        return {pk}
    r, p = schema.runs, schema.run_params
    me = conn.execute(select(r.c.source_id, r.c.experiment).where(r.c.id == pk)).one()
    query = select(r.c.id).where(r.c.source_id == me.source_id, r.c.experiment.is_not_distinct_from(me.experiment))
    for name, text in sorted(own.items())[:_MOST_PROBES]:
        has = select(p.c.id).where(p.c.run_id == r.c.id, p.c.name == name, p.c.text.is_not_distinct_from(text))
        query = query.where(has.correlate(r).exists())
    near = [int(id) for id in conn.scalars(query)]
    return {one for one, settings in _settings(conn, near).items() if settings == own} | {pk}


def _settings(conn: Connection, pks: Sequence[int]) -> dict[int, dict[str, str | None]]:
    """Return the parameters of runs as logged, without the seeds."""
    p = schema.run_params
    query = select(p.c.run_id, p.c.name, p.c.text).where(p.c.leaf.not_in(sorted(SEEDS)), p.c.kind != "unset")
    found: dict[int, dict[str, Any]] = {pk: {} for pk in pks}
    for part in store.batches(pks):
        for row in conn.execute(query.where(p.c.run_id.in_(part))):
            found[row.run_id][row.name] = row.text
    return found
