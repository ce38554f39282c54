"""Stored runs: put them (`put_runs`), read them back as values, find one by what a person calls it, its history.

What a question about many runs needs is SQL in `kb.run_query`; this gives whole runs.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from kb import schema, store
from kb.directions import Told, correct_direction, directions
from kb.records import Direction, Metric, Scalar, State
from kb.run_points import Points, single, unpack
from kb.run_put import Stored, put_runs
from kb.store import Catalogue
from kb.types import SourceKey

__all__ = [
    "Param",
    "Points",
    "RunMetric",
    "RunRow",
    "Stored",
    "Told",
    "correct_direction",
    "count",
    "directions",
    "find",
    "histories",
    "history",
    "put_runs",
    "runs",
]

SHORTEST_PREFIX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A parameter as stored: its typed value, the `text` as logged, `number` where it is one, its search `space`.

    `kind` is int, float, bool, text, none, or unset for one that has a search space and no value.
    """

    name: str
    value: Scalar
    text: str | None
    number: float | None
    kind: str
    space: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMetric:
    """A metric of a stored run: its row's key, its figures, and which values are better."""

    id: int
    figures: Metric
    direction: Direction | None = None

    @property
    def name(self) -> str:
        """The metric's name as logged."""
        return self.figures.name

    @property
    def split(self) -> str | None:
        """The part of the data it was measured on."""
        return self.figures.split

    @property
    def last(self) -> float:
        """The value at the greatest step; NaN and infinities are what they are."""
        return self.figures.last

    @property
    def best(self) -> float | None:
        """The best finite value by the direction; None where there is none or the direction is not known."""
        if self.direction is None:
            return None
        return self.figures.high if self.direction is Direction.MAXIMIZE else self.figures.low

    @property
    def best_step(self) -> int | None:
        """The step of the best value."""
        if self.direction is None:
            return None
        return self.figures.high_step if self.direction is Direction.MAXIMIZE else self.figures.low_step


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as the catalogue holds it: `pk` is its row, `source` the history it was ingested from.

    `main_source` and `files` are the files in that history that tell of it, `place` the line, row or trial there.
    """

    pk: int
    source: SourceKey
    source_id: int
    tracker: str
    experiment: str | None
    run_id: str
    copy: int
    name: str | None
    status: str | None
    state: State
    params: Mapping[str, Param]
    tags: Mapping[str, str]
    metrics: tuple[RunMetric, ...]
    dataset: str | None
    started: float | None
    ended: float | None
    zoned: bool
    parent: str | None
    deleted: bool
    loose: bool
    aliases: tuple[str, ...]
    main_source: str
    files: tuple[str, ...]
    place: str
    step_unit: str

    def metric(self, name: str, split: str | None = None) -> RunMetric | None:
        """Return the metric with this name (and split where one is given), or None."""
        return next((m for m in self.metrics if m.name == name and split in (None, m.split)), None)


def count(catalogue: Catalogue, *, deleted: bool = False, loose: bool = False) -> int:
    """Return how many runs are stored; deleted ones, and values that belong to an unknown run, only where asked."""
    r = schema.runs
    with catalogue.read() as conn:
        return int(conn.scalar(select(func.count()).select_from(r).where(*_kept(deleted, loose))) or 0)


def runs(
    catalogue: Catalogue,
    *,
    pks: Sequence[int] | None = None,
    source_id: int | None = None,
    experiment: str | None = None,
    deleted: bool = True,
    loose: bool = True,
) -> tuple[RunRow, ...]:
    """Return stored runs with all that belongs to them: those with `pks` in that order, else all in order of storing.

    `source_id` and `experiment` narrow; `deleted` and `loose` say whether such runs are among them.
    """
    r = schema.runs
    conditions = list(_kept(deleted, loose))
    if source_id is not None:
        conditions.append(r.c.source_id == source_id)
    if experiment is not None:
        conditions.append(r.c.experiment == experiment)
    query = _query().where(*conditions).order_by(r.c.id)
    with catalogue.read() as conn:
        if pks is None:
            return tuple(_filled(conn, conn.execute(query).mappings().all()))
        rows = [row for part in store.batches(pks) for row in conn.execute(query.where(r.c.id.in_(part))).mappings()]
        places = {pk: place for place, pk in enumerate(pks)}
        return tuple(_filled(conn, sorted(rows, key=lambda row: places[row["id"]])))


def history(catalogue: Catalogue, pk: int, metric: str, split: str | None = None) -> Points | None:
    """Return the points of a run's metric in the order of their steps, None where the run has no such metric.

    Of several splits of one name the first is meant where none is given. Raises ValueError for damaged points.
    """
    m = schema.run_metrics
    query = select(m.c.id).where(m.c.run_id == pk, m.c.name == metric).order_by(m.c.id)
    if split is not None:
        query = query.where(m.c.split == split)
    with catalogue.read() as conn:
        id = conn.scalar(query)
        return None if id is None else histories(conn, [int(id)])[int(id)]


def histories(conn: Connection, metric_ids: Sequence[int]) -> dict[int, Points]:
    """Return the points of metrics by the ids of their rows. Raises ValueError for damaged points."""
    m, p = schema.run_metrics, schema.metric_points
    query = (
        select(m.c.id, m.c.count.label("n"), m.c.last, m.c.last_odd, m.c.last_step, m.c.last_time, p.c.points)
        .outerjoin(p, p.c.metric_id == m.c.id)
    )  # fmt: skip
    found = {}
    for part in store.batches(metric_ids):
        for row in conn.execute(query.where(m.c.id.in_(part))):
            if row.points is None and row.n != 1:
                raise ValueError(f"{row.n} points of a metric are missing")
            last = float(row.last_odd) if row.last is None else row.last
            found[row.id] = single(last, row.last_step, row.last_time) if row.points is None else unpack(row.points)
    return found


# -- finding one -------------------------------------------------------------------------------------------------


def find(catalogue: Catalogue, text: str) -> tuple[RunRow, ...]:
    """Return the runs that `text` names: by id, else alias, else name, else a path's end, else an id's beginning.

    Letter case is disregarded; several are returned where several are meant equally well.
    """
    wanted = text.strip().strip("/").lower()
    if not wanted:
        return ()
    r = schema.runs
    with catalogue.read() as conn:
        for condition in _meanings(wanted):
            rows = conn.execute(_query().where(condition).order_by(r.c.deleted, r.c.id)).mappings().all()
            if rows:
                return tuple(_filled(conn, rows))
    return ()


def _meanings(wanted: str) -> Iterable[Any]:
    """Yield conditions, the strictest first."""
    r = schema.runs
    id, like = func.lower(r.c.run_id), _escaped(wanted)
    yield id == wanted
    yield func.lower(r.c.aliases).like(f"%{_escaped(json.dumps(wanted))}%", escape="!")
    yield func.lower(r.c.name) == wanted
    place = func.lower(r.c.main_source)
    ends = (column.like(f"%/{like}", escape="!") for column in (id, place))
    yield or_(*ends, place == wanted, func.lower(r.c.files).like(f"%{_escaped(json.dumps(wanted))}%", escape="!"))
    if "/" in wanted:
        yield id.in_([wanted.split("/", n)[-1] for n in range(1, wanted.count("/") + 1)])
    if len(wanted) >= SHORTEST_PREFIX:
        yield id.like(f"{like}%", escape="!")


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


# -- rows to values ----------------------------------------------------------------------------------------------


def _kept(deleted: bool, loose: bool) -> Iterable[Any]:
    r = schema.runs
    if not deleted:
        yield r.c.deleted == 0
    if not loose:
        yield r.c.loose == 0


def _query() -> Any:
    r, s, o, c = schema.runs, schema.sources, schema.roots, schema.collections
    return (
        select(r, s.c.source, o.c.uri, c.c.name.label("collection"))
        .join(s, s.c.id == r.c.source_id)
        .join(o, o.c.id == s.c.root_id)
        .join(c, c.c.id == o.c.collection_id)
    )


def _filled(conn: Connection, rows: Sequence[Any]) -> Iterable[RunRow]:
    pks = [row["id"] for row in rows]
    params = _children(conn, schema.run_params, pks)
    tags = _children(conn, schema.run_tags, pks)
    metrics = _children(conn, schema.run_metrics, pks)
    for row in rows:
        pk = row["id"]
        yield RunRow(
            pk=pk,
            source=SourceKey(collection=row["collection"], root=row["uri"], source=row["source"]),
            params={param["name"]: _param(param) for param in params[pk]},
            tags={tag["name"]: tag["value"] for tag in tags[pk]},
            metrics=tuple(_metric(metric) for metric in metrics[pk]),
            state=State(row["state"]),
            zoned=bool(row["zoned"]),
            deleted=bool(row["deleted"]),
            loose=bool(row["loose"]),
            aliases=tuple(json.loads(row["aliases"])),
            files=tuple(json.loads(row["files"])),
            **{name: row[name] for name in _AS_IS},
        )


_AS_IS = (
    "source_id", "tracker", "experiment", "run_id", "copy", "name", "status", "dataset", "started", "ended", "parent",
    "main_source", "place", "step_unit",
)  # fmt: skip


def _children(conn: Connection, table: Any, pks: Sequence[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for part in store.batches(pks):
        for row in conn.execute(select(table).where(table.c.run_id.in_(part)).order_by(table.c.id)).mappings():
            found[row["run_id"]].append(row)
    return found


def _param(row: Any) -> Param:
    names = ("name", "text", "number", "kind", "space")
    return Param(value=_value(row), **{name: row[name] for name in names})


def _value(row: Any) -> Scalar:
    """Return a parameter's typed value; whole numbers too long for a double are read from their text."""
    kind, text, number = row["kind"], row["text"], row["number"]
    if kind == "int":
        return int(number) if number is not None and abs(number) < 2**53 else _whole(text, number)
    if kind == "float":
        return math.nan if number is None else float(number)
    if kind == "bool":
        return str(text).strip().lower() in ("true", "1", "yes", "on", "y", "t")
    return text if kind == "text" else None


def _whole(text: str, number: float | None) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None if number is None else int(number)


def _metric(row: Any) -> RunMetric:
    names = (
        "name", "split", "count", "odd", "first_step", "last_step", "last_time", "low", "low_step", "high", "high_step",
    )  # fmt: skip
    figures = Metric(
        first=math.nan if row["first"] is None else row["first"],
        last=float(row["last_odd"]) if row["last"] is None else row["last"],
        **{name: row[name] for name in names},
    )
    direction = Direction(row["direction"]) if row["direction"] else None
    return RunMetric(id=row["id"], figures=figures, direction=direction)
