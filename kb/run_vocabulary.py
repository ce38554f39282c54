"""All names that the catalogue's runs logged, as `kb.vocabulary` has them; read once per generation and kept."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from kb import schema
from kb.errors import CitewiseError
from kb.records import Scalar
from kb.run_values import typed
from kb.run_vocabulary_kept import keep, kept
from kb.store import Catalogue, get_meta
from kb.vocabulary import MOST_VALUES, Logged, Named, Scope, Vocabulary, scope_source

_known: weakref.WeakKeyDictionary[Catalogue, Vocabulary] = weakref.WeakKeyDictionary()
_INFERRED = "its name says"


def vocabulary(catalogue: Catalogue) -> Vocabulary:
    """Return everything that questions about the catalogue's runs can name, as of its generation."""
    with catalogue.read() as conn:
        version = get_meta(conn, "generation", "0")
        known = _known.get(catalogue)
        if known is not None and known.version == version:
            return known
        found = kept(conn, version)
        known = _known[catalogue] = found or _read(conn, version)
    if found is None:
        with suppress(CitewiseError), catalogue.write() as conn:  # without it the next process only counts again
            keep(conn, known)
    return known


def _read(conn: Connection, version: str) -> Vocabulary:
    places = _Places(conn)
    return Vocabulary(
        scopes=places.scopes(),
        params=_logged("param", _values(conn, places, schema.run_params)),
        metrics=_metrics(conn, places),
        tags=_logged("tag", _values(conn, places, schema.run_tags)),
        runs=tuple(places.named),
        version=version,
    )


@dataclass(slots=True)
class _Counts:
    """The running figures of one scope."""

    runs: int = 0
    loose: int = 0
    deleted: int = 0
    timed: int = 0
    datasets: dict[str, None] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        self.runs += not row.loose
        self.loose += bool(row.loose)
        self.deleted += bool(row.deleted)
        self.timed += row.started is not None
        self.states[row.state] = self.states.get(row.state, 0) + 1
        if row.dataset:
            self.datasets[row.dataset] = None


class _Places:
    """Which scope each run belongs to. Runs of one group of columns mostly share a scope, so that SQL can count."""

    def __init__(self, conn: Connection) -> None:
        r, s, o = schema.runs, schema.sources, schema.roots
        self.keys: dict[tuple[str, str | None, str, str], int] = {}
        self.counts: list[_Counts] = []
        self.named: list[Named] = []
        self.of_run: dict[int, int] = {}
        self.of_group: dict[tuple[int, str, str | None], int | None] = {}
        columns = (
            r.c.id, r.c.source_id, r.c.tracker, r.c.experiment, r.c.run_id, r.c.name, r.c.aliases, r.c.main_source,
            r.c.place, r.c.started, r.c.state, r.c.dataset, r.c.loose, r.c.deleted, o.c.uri,
        )  # fmt: skip
        rooted = select(*columns).join(s, s.c.id == r.c.source_id).join(o, o.c.id == s.c.root_id)
        for row in conn.execute(rooted.order_by(r.c.id)):
            self._add(row)

    def _add(self, row: Any) -> None:
        place = scope_source(row.main_source, row.run_id, row.place)
        key = (row.tracker, row.experiment, place, row.uri.rstrip("/").rsplit("/", 1)[-1])
        at = self.keys.setdefault(key, len(self.keys))
        if at == len(self.counts):
            self.counts.append(_Counts())
        self.counts[at].add(row)
        self.of_run[row.id] = at
        group = (row.source_id, row.tracker, row.experiment)
        if self.of_group.setdefault(group, at) != at:
            self.of_group[group] = None
        aliases = () if row.aliases == "[]" else tuple(json.loads(row.aliases))
        self.named.append(
            Named(
                scope=at, run_id=row.run_id, name=row.name, aliases=aliases, source=row.main_source,
                started=row.started, loose=bool(row.loose),
            )
        )  # fmt: skip

    def scopes(self) -> tuple[Scope, ...]:
        return tuple(
            Scope(
                tracker=tracker, experiment=experiment, source=source, root=root, runs=seen.runs, loose=seen.loose,
                deleted=seen.deleted, timed=seen.timed, datasets=tuple(seen.datasets), states=seen.states,
            )
            for (tracker, experiment, source, root), seen in zip(self.keys, self.counts, strict=True)
        )  # fmt: skip

    @property
    def mixed(self) -> list[int]:
        """The histories whose runs lie in several scopes that their experiment does not tell."""
        return sorted({source for (source, _, _), at in self.of_group.items() if at is None})


@dataclass(slots=True)
class _Entry:
    scopes: dict[int, int] = field(default_factory=dict)
    values: dict[Scalar, dict[int, int]] = field(default_factory=dict)
    whole: bool = True

    def add(self, value: Scalar, scope: int, count: int) -> None:
        self.scopes[scope] = self.scopes.get(scope, 0) + count
        if value not in self.values and len(self.values) >= MOST_VALUES:
            self.whole = False
            return
        places = self.values.setdefault(value, {})
        places[scope] = places.get(scope, 0) + count


def _values(conn: Connection, places: _Places, table: Any) -> dict[str, _Entry]:
    """Return how often each value of each parameter or tag occurs in each scope."""
    found: dict[str, _Entry] = {}
    for row, value, scope in sorted(_counted(conn, places, table), key=lambda item: item[0].first):
        found.setdefault(row.name, _Entry()).add(value, scope, row.n)
    return found


def _counted(conn: Connection, places: _Places, table: Any) -> Iterable[tuple[Any, Scalar, int]]:
    r, is_param = schema.runs, table is schema.run_params
    own = [table.c.name, *([table.c.kind, table.c.text, table.c.number] if is_param else [table.c.value])]
    kept = [table.c.kind != "unset"] if is_param else []
    group = [r.c.source_id, r.c.tracker, r.c.experiment]
    counted = [func.count().label("n"), func.min(table.c.id).label("first")]
    whole = select(*own, *group, *counted).join(r, r.c.id == table.c.run_id).where(*kept)
    for row in conn.execute(whole.where(r.c.source_id.not_in(places.mixed)).group_by(*own, *group)):
        yield row, _value(row, is_param), places.of_group[row.source_id, row.tracker, row.experiment] or 0
    single = select(*own, table.c.run_id, *counted).join(r, r.c.id == table.c.run_id).where(*kept)
    for row in conn.execute(single.where(r.c.source_id.in_(places.mixed)).group_by(*own, table.c.run_id)):
        yield row, _value(row, is_param), places.of_run[row.run_id]


def _value(row: Any, is_param: bool) -> Scalar:
    return typed(row.kind, row.text, row.number) if is_param else row.value


def _logged(kind: str, entries: dict[str, _Entry]) -> tuple[Logged, ...]:
    return tuple(
        Logged(kind=kind, name=name, scopes=entry.scopes, values=entry.values, whole=entry.whole)
        for name, entry in entries.items()
    )


def _metrics(conn: Connection, places: _Places) -> tuple[Logged, ...]:
    m = schema.run_metrics
    query = (
        select(m.c.name, m.c.split, func.min(m.c.low).label("low"), func.max(m.c.high).label("high"))
        .add_columns(func.max(m.c.count).label("points"), func.min(m.c.id).label("first"))
        .group_by(m.c.name, m.c.split)
    )
    told, scopes = _told(conn), _metric_scopes(conn, places)
    return tuple(
        Logged(
            kind="metric", name=row.name, split=row.split, scopes=scopes[row.name, row.split], low=row.low,
            high=row.high, points=row.points, direction=told.get(row.name),
        )
        for row in sorted(conn.execute(query), key=lambda row: row.first)
    )  # fmt: skip


def _metric_scopes(conn: Connection, places: _Places) -> dict[tuple[str, str | None], dict[int, int]]:
    m, r = schema.run_metrics, schema.runs
    group = [r.c.source_id, r.c.tracker, r.c.experiment]
    found: dict[tuple[str, str | None], dict[int, int]] = {}

    def add(row: Any, scope: int) -> None:
        counts = found.setdefault((row.name, row.split), {})
        counts[scope] = counts.get(scope, 0) + row.n

    own = [m.c.name, m.c.split]
    counted = select(*own, func.count().label("n"), *group).join(r, r.c.id == m.c.run_id)
    for row in conn.execute(counted.where(r.c.source_id.not_in(places.mixed)).group_by(*own, *group)):
        add(row, places.of_group[row.source_id, row.tracker, row.experiment] or 0)
    single = select(*own, m.c.run_id, func.count().label("n")).join(r, r.c.id == m.c.run_id)
    for one in conn.execute(single.where(r.c.source_id.in_(places.mixed)).group_by(*own, m.c.run_id)):
        add(one, places.of_run[one.run_id])
    return found


def _told(conn: Connection) -> dict[str, str]:
    """Return the directions that a tracker or a person told, by metric."""
    d = schema.run_directions
    query = select(d.c.metric, d.c.direction).where(d.c.reason.not_like(f"{_INFERRED}%"))
    return {row.metric: row.direction for row in conn.execute(query.order_by(d.c.corrected, d.c.id))}
