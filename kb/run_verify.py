"""A run's citation read again: whether the value still stands there."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import Connection, select

from kb import schema
from kb.run_points import NO_STEP
from kb.run_values import FIELDS, figure_of, typed
from kb.runs import histories
from kb.store import Catalogue
from kb.types import RunCitation


def verify_run(citation: RunCitation, catalogue: Catalogue) -> bool:
    """Tell whether the cited run holds the cited value at its field, step and split."""
    with catalogue.read() as conn:
        return any(_holds(conn, citation, pk) for pk in _cited(conn, citation))


def cited_runs(citation: RunCitation, catalogue: Catalogue) -> tuple[int, ...]:
    """Return the rows of the runs that a citation names: one, unless their history was ingested twice."""
    with catalogue.read() as conn:
        return tuple(_cited(conn, citation))


def _cited(conn: Connection, citation: RunCitation) -> list[int]:
    r, s, o = schema.runs, schema.sources, schema.roots
    query = select(r.c.id).where(
        r.c.tracker == citation.tracker, r.c.run_id == citation.run_id, r.c.copy == citation.copy,
        r.c.main_source == citation.source, r.c.experiment.is_not_distinct_from(citation.experiment),
    )  # fmt: skip
    if citation.root:
        query = query.join(s, s.c.id == r.c.source_id).join(o, o.c.id == s.c.root_id).where(o.c.uri == citation.root)
    return [int(pk) for pk in conn.scalars(query)]


def _holds(conn: Connection, citation: RunCitation, pk: int) -> bool:
    kind, _, name = citation.field.partition(".")
    if kind == "metrics" and name:
        return _metric_holds(conn, citation, pk, name)
    if kind == "params" and name:
        return _param_holds(conn, citation, pk, name)
    if kind == "tags" and name:
        t = schema.run_tags
        return citation.value in conn.scalars(select(t.c.value).where(t.c.run_id == pk, t.c.name == name)).all()
    return _field_holds(conn, citation, pk)


def alike(first: Any, second: Any) -> bool:
    """Tell whether two values are the same: NaN is, true and 1 are not."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, float) and isinstance(second, float) and math.isnan(first) and math.isnan(second):
        return True
    return bool(first == second)


def _metric_holds(conn: Connection, citation: RunCitation, pk: int, name: str) -> bool:
    m = schema.run_metrics
    found = select(m.c.id, m.c.name, m.c.direction).where(
        m.c.run_id == pk, m.c.split.is_not_distinct_from(citation.split), m.c.name.in_((name, name.rpartition(":")[0]))
    )
    rows = {row.name: row for row in conn.execute(found)}
    if not rows:
        return False
    row = rows.get(name) or next(iter(rows.values()))
    points = histories(conn, [row.id])[row.id]
    if row.name != name:
        return alike(figure_of(points, name.rpartition(":")[2], row.direction)[0], citation.value)
    at = points.steps == (NO_STEP if citation.step is None else citation.step)
    return any(alike(value, citation.value) for value in points.values[at].tolist())


def _param_holds(conn: Connection, citation: RunCitation, pk: int, name: str) -> bool:
    p = schema.run_params
    row = conn.execute(select(p.c.kind, p.c.text, p.c.number).where(p.c.run_id == pk, p.c.name == name)).first()
    return alike(typed(row.kind, row.text, row.number) if row else None, citation.value)


def _field_holds(conn: Connection, citation: RunCitation, pk: int) -> bool:
    r = schema.runs
    if citation.field == "duration":
        return alike(conn.scalar(select(r.c.ended - r.c.started).where(r.c.id == pk)), citation.value)
    if citation.field not in FIELDS.values():
        return False
    return alike(conn.scalar(select(r.c[citation.field]).where(r.c.id == pk)), citation.value)
