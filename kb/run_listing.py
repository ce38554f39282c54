"""The run table: runs under conditions, in an order, with the metric that they are compared by and what is hidden."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from kb import schema, store
from kb.records import Direction
from kb.run_names import Name, Names, names, only, resolve
from kb.run_places import RunPlace, is_inner
from kb.run_sql import conditions
from kb.run_where import where
from kb.runs import RunMetric, RunRow, runs
from kb.store import Catalogue

_FIELDS = frozenset({"started", "ended", "name", "experiment", "state", "tracker", "run_id", "dataset", "status"})

_LOOKED_AT = 200
_LONG = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants to see: conditions, a metric, an order (a name; `-name` descending), how many; of a place."""

    where: str = ""
    metric: str | None = None
    split: str | None = None
    sort: str | None = None
    limit: int | None = None
    deleted: bool = False
    within: RunPlace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The runs shown, in order, of `total` that fit; `places` are their ranks by the metric, ties with one rank.

    `hidden` says how many runs that fit are not among the total, and why.
    """

    rows: tuple[RunRow, ...]
    total: int
    metric: Name | None = None
    direction: Direction | None = None
    places: tuple[int, ...] = ()
    hidden: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def value(self, row: RunRow) -> RunMetric | None:
        """Return the metric of a run that the table is about."""
        if self.metric is None:
            return None
        name, split = self.metric.name, self.metric.split
        return next((m for m in row.metrics if (m.name, m.split) == (name, split)), None)

    def differing(self) -> tuple[str, ...]:
        """Return the parameters that are not the same in all runs shown.

        Those that most of them have come first; names that programs keep to themselves, and long texts, last.
        """
        seen: dict[str, list[Any]] = {}
        for row in self.rows:
            for name, param in row.params.items():
                seen.setdefault(name, []).append(param.text)
        apart = [n for n, texts in seen.items() if len(set(texts)) > 1 or 0 < len(texts) < len(self.rows)]
        return tuple(sorted(apart, key=lambda name: (_is_noise(name, seen[name]), -len(seen[name]))))


def _is_noise(name: str, texts: Sequence[str | None]) -> bool:
    return is_inner(name) or max(len(text or "") for text in texts) > _LONG


def listing(catalogue: Catalogue, asked: Asked) -> Listing:
    """Return the runs that fit. Raises BadInput, NameUnknown, NameAmbiguous."""
    r = schema.runs
    with catalogue.read() as conn:
        known = names(catalogue, conn)
        inside = asked.within.conditions() if asked.within else ()
        fits = [*inside, *conditions(conn, known, where(asked.where, known), scope=inside)]
        every = dict(conn.execute(select(r.c.id, r.c.deleted).where(r.c.loose == 0, *fits)).all())
        kept = [pk for pk, deleted in every.items() if asked.deleted or not deleted]
        hidden = {"deleted": len(every) - len(kept)} if len(every) > len(kept) else {}
        metric = _asked(conn, known["metric"], asked, fits)
        values = _values(conn, metric, kept) if metric else {}
        direction = _direction(conn, metric) if metric else None
        if metric is not None and (without := len(kept) - len(values)):
            hidden[f"without {asked.metric}"] = without
            kept = [pk for pk in kept if pk in values]
        order = _order(conn, known, asked, kept, values, direction, metric)
        shown = order if asked.limit is None else order[: asked.limit]
        if metric is None and (metric := _common(conn, shown)) is not None:
            direction = _direction(conn, metric)
    rows = runs(catalogue, pks=shown)
    ranks = _places([values.get(pk) for pk in order])[: len(shown)] if _by_metric(asked, metric) else ()
    notes = _notes(asked, metric, direction)
    return Listing(
        rows=rows, total=len(order), metric=metric, direction=direction, places=ranks, hidden=hidden, notes=notes
    )


def _asked(conn: Connection, known: Names, asked: Asked, fits: Sequence[Any]) -> Name | None:
    if asked.metric is None:
        return None
    return only(known, asked.metric, resolve(conn, known, asked.metric, fits, asked.split))


def _common(conn: Connection, pks: Sequence[int]) -> Name | None:
    """Return the metric with a direction that most of the runs shown have; of several the one logged first.

    Names that programs keep to themselves (`_runtime`) stand back behind all others.
    """
    m, counts, order = schema.run_metrics, Counter[tuple[str, str | None]](), list[tuple[str, str | None]]()
    query = select(m.c.name, m.c.split).where(m.c.direction.is_not(None)).order_by(m.c.id)
    for part in store.batches(pks[:_LOOKED_AT]):
        found = [(row.name, row.split) for row in conn.execute(query.where(m.c.run_id.in_(part)))]
        counts.update(found)
        order += found
    if not counts:
        return None
    name, split = max(counts, key=lambda key: (not is_inner(key[0]), counts[key], -order.index(key)))
    return Name(name=name, split=split, runs=counts[name, split])


def _values(conn: Connection, metric: Name, pks: Sequence[int]) -> dict[int, float]:
    m, found = schema.run_metrics, dict[int, float]()
    query = select(m.c.run_id, m.c.last).where(m.c.name == metric.name, m.c.split.is_not_distinct_from(metric.split))
    wanted = set(pks)
    for pk, last in conn.execute(query):
        if pk in wanted:
            found[pk] = math.nan if last is None else last
    return found


def _direction(conn: Connection, metric: Name) -> Direction | None:
    """Return the metric's direction where all runs agree on it."""
    m = schema.run_metrics
    query = (
        select(m.c.direction).distinct().where(m.c.name == metric.name, m.c.split.is_not_distinct_from(metric.split))
    )
    found = list(conn.scalars(query))
    return Direction(found[0]) if len(found) == 1 and found[0] else None


def _by_metric(asked: Asked, metric: Name | None) -> bool:
    return metric is not None and asked.metric is not None and asked.sort is None


def _order(
    conn: Connection, known: Mapping[str, Names], asked: Asked, pks: Sequence[int], values: Mapping[int, float],
    direction: Direction | None, metric: Name | None,
) -> list[int]:  # fmt: skip
    if _by_metric(asked, metric):
        return _sorted(pks, values, descending=direction is not Direction.MINIMIZE)
    if asked.sort is None:
        return _sorted(pks, _fields(conn, "started", pks), descending=True)
    name = asked.sort.removeprefix("-").strip()
    keys = _fields(conn, name.lower(), pks) if name.lower() in _FIELDS else _logged(conn, known, name, pks)
    return _sorted(pks, keys, descending=asked.sort.startswith("-"))


def _sorted(pks: Sequence[int], keys: Mapping[int, Any], *, descending: bool) -> list[int]:
    """Return runs in the order of their keys, those without one (or NaN) last; equal ones as they were stored."""
    there = [pk for pk in pks if (key := keys.get(pk)) is not None and key == key]
    texts = any(isinstance(keys[pk], str) for pk in there)
    there.sort(key=lambda pk: str(keys[pk]).lower() if texts else keys[pk], reverse=descending)
    placed = set(there)
    return [*there, *(pk for pk in pks if pk not in placed)]


def _fields(conn: Connection, name: str, pks: Sequence[int]) -> dict[int, Any]:
    r = schema.runs
    wanted = set(pks)
    return {pk: key for pk, key in conn.execute(select(r.c.id, r.c[name])).all() if pk in wanted}


def _logged(conn: Connection, known: Mapping[str, Names], name: str, pks: Sequence[int]) -> dict[int, Any]:
    """Return the values of a parameter, else of a metric."""
    p, wanted = schema.run_params, set(pks)
    if any(bool(tier) for tier in known["param"].tiers(name)):
        meant = [one.name for one in resolve(conn, known["param"], name)]
        rows = conn.execute(select(p.c.run_id, p.c.number, p.c.text).where(p.c.name.in_(meant))).all()
        numbers = all(row.number is not None for row in rows if row.text is not None)
        return {row.run_id: row.number if numbers else row.text for row in rows if row.run_id in wanted}
    return _values(conn, only(known["metric"], name, resolve(conn, known["metric"], name)), pks)


def _places(values: Sequence[float | None]) -> tuple[int, ...]:
    """Return ranks from 1; equal values share one."""
    ranks, before = list[int](), None
    for number, value in enumerate(values, 1):
        ranks.append(ranks[-1] if ranks and value == before else number)
        before = value
    return tuple(ranks)


def _notes(asked: Asked, metric: Name | None, direction: Direction | None) -> tuple[str, ...]:
    if _by_metric(asked, metric) and direction is None:
        return (f"it is not known whether high or low is better for {asked.metric!r}: highest first",)
    return ()
