"""The audit of stored runs: every point of every metric can be read, and there are as many as the summary says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from kb import schema, store
from kb.runs import histories
from kb.store import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsChecked:
    """What was looked at, and what is wrong, in words."""

    runs: int
    points: int
    wrong: tuple[str, ...]


def check_runs(catalogue: Catalogue) -> RunsChecked:
    """Read every point of every metric and compare it with what its summary says."""
    m, wrong, points = schema.run_metrics, list[str](), 0
    with catalogue.read() as conn:
        runs = int(conn.scalar(select(func.count()).select_from(schema.runs)) or 0)
        for part in store.batches(list(conn.scalars(select(m.c.id)))):
            found, said = _part(conn, part)
            points += found
            wrong += said
    return RunsChecked(runs=runs, points=points, wrong=tuple(wrong))


def _part(conn: Connection, ids: Sequence[int]) -> tuple[int, list[str]]:
    try:
        return _compared(conn, ids)
    except ValueError:
        if len(ids) == 1:
            return 0, [f"{_named(conn, ids[0])} has points that cannot be read"]
    points, wrong = 0, list[str]()
    for id in ids:
        found, said = _part(conn, [id])
        points += found
        wrong += said
    return points, wrong


def _compared(conn: Connection, ids: Sequence[int]) -> tuple[int, list[str]]:
    m = schema.run_metrics
    rows = conn.execute(select(m.c.id, m.c.count.label("n"), m.c.last).where(m.c.id.in_(ids))).all()
    found, points, wrong = histories(conn, ids), 0, list[str]()
    for row in rows:
        own = found[row.id]
        points += len(own)
        if len(own) != row.n or (row.last is not None and own.values[-1] != row.last):
            wrong.append(f"{_named(conn, row.id)} has other points than its summary says")
    return points, wrong


def _named(conn: Connection, metric_id: int) -> str:
    m, r = schema.run_metrics, schema.runs
    row = conn.execute(select(m.c.name, r.c.run_id).join(r, r.c.id == m.c.run_id).where(m.c.id == metric_id)).one()
    return f"metric {row.name!r} of run {row.run_id!r}"
