"""Runs into the catalogue: upserted in batches of one transaction each, so that a killed ingest goes on where it was.

A run is known by experiment, run id and copy within its source. Its history is read only where its version is new;
where its reader gives none, what it holds is compared.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from kb import directions, schema, store
from kb.directions import Told
from kb.records import Metric, Point, Problem, Run, Scalar, summarise
from kb.run_points import Gathered, pack
from kb.store import Catalogue

BATCH_RUNS = 500
BATCH_BYTES = 16 * 2**20
MAX_PROBLEMS = 1000
_FORMAT = "1"  # moves when what is stored of a run changes, so that stored runs are read again
_LONGEST = 2**63 - 1

Key = tuple[str | None, str, int]
_Packed = tuple[dict[str, Any], bytes | None]
"""A metric as a row, and its points where there is more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What putting runs did. Without `complete` it was stopped: nothing was removed, and it goes on when run again."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    problems: tuple[Problem, ...] = ()
    complete: bool = True


def put_runs(
    catalogue: Catalogue,
    source_id: int,
    runs: Iterable[Run | Problem],
    *,
    watch: Callable[[int], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    whole: bool = True,
) -> Stored:
    """Bring the stored runs of a source in line with `runs`: all that it has now, and problems met on the way.

    Runs that are not among them any more are removed, but for those that a problem may have hidden; none where `runs`
    are not the `whole` of the source. `watch` is told how many runs were seen; `stop` is asked after each.
    """
    putting = _Putting(catalogue, source_id)
    for item in runs:
        if isinstance(item, Problem):
            putting.problem(item)
            continue
        putting.run(item)
        watch(putting.seen)
        if stop():
            return putting.done(complete=False)
    return putting.done(complete=not stop(), whole=whole)


@dataclass(slots=True)
class _Prepared:
    """A run as rows: `pk` is None for one that is not stored yet."""

    row: dict[str, Any]
    pk: int | None
    params: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    metrics: list[_Packed] = field(default_factory=list)
    size: int = 0


class _Putting:
    """One pass over the runs of a source."""

    def __init__(self, catalogue: Catalogue, source_id: int) -> None:
        self.catalogue, self.source_id = catalogue, source_id
        with catalogue.read() as conn:
            self.known = directions.corrections(conn)
            self.stored = _stored(conn, source_id)
        self.keys: set[Key] = set()
        self.batch: list[_Prepared] = []
        self.told: dict[tuple[str | None, str], Told | None] = {}
        self.kept: set[tuple[str | None, str]] = set()
        self.problems: list[Problem] = []
        self.added = self.updated = self.unchanged = self.seen = self.size = self.met = 0

    def problem(self, problem: Problem) -> None:
        """Keep what could not be read; endless ones are cut."""
        self.met += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def run(self, run: Run) -> None:
        """Take one run: nothing where it is stored as it is, else a place in the batch."""
        self.seen += 1
        key = self._key(run)
        pk, version = self.stored.get(key, (None, None))
        if run.version is not None and version == f"{_FORMAT}:{run.version}":
            self.unchanged += 1
            return
        prepared = self._prepare(run, key, pk)
        if prepared.row["version"] == version:
            self.unchanged += 1
            return
        self.batch.append(prepared)
        self.size += prepared.size
        if len(self.batch) >= BATCH_RUNS or self.size > BATCH_BYTES:
            self.flush()

    def _key(self, run: Run) -> Key:
        """Return the run's key; a run that comes under the key of another is a copy more."""
        copy = run.copy
        while (key := (_text(run.experiment), _text(run.run_id), copy)) in self.keys:
            copy += 1
        self.keys.add(key)
        return key

    def _prepare(self, run: Run, key: Key, pk: int | None) -> _Prepared:
        row = {**_row(run), "source_id": self.source_id, "experiment": key[0], "run_id": key[1], "copy": key[2]}
        prepared = _Prepared(row=row, pk=pk, params=_params(run), tags=_tags(run))
        before = self.met
        for metric, points in self._history(run):
            told = self._direction(run, metric.name)
            values = {**_metric(metric), "direction": told.direction.value if told else None}
            prepared.metrics.append((values, points))
        if pk is not None and self.met > before:
            prepared.metrics = self._longest(pk, prepared.metrics)
        prepared.size = 200 + sum(len(points or b"") + 100 for _, points in prepared.metrics)
        # What could not be read whole is read again next time, so that its problems are told again.
        sure = run.version is not None and self.met == before
        row["version"] = f"{_FORMAT}:{run.version}" if sure else _digest(prepared)
        return prepared

    def _longest(self, pk: int, read: Sequence[_Packed]) -> list[_Packed]:
        """Return metrics that were read up to a problem, each as it is stored where more of it is stored."""
        with self.catalogue.read() as conn:
            kept = _stored_metrics(conn, pk)
        for values, points in read:
            key = (values["name"], values["split"])
            if key not in kept or kept[key][0]["count"] <= values["count"]:
                kept[key] = (values, points)
        return list(kept.values())

    def _history(self, run: Run) -> Iterator[tuple[Metric, bytes | None]]:
        gathered: dict[tuple[str, str | None], Gathered] = {}
        metrics = summarise(self._gathering(run, gathered))
        for metric in metrics:
            points = gathered[metric.name, metric.split]
            yield metric, pack(points.sorted()) if metric.count > 1 else None

    def _gathering(self, run: Run, gathered: dict[tuple[str, str | None], Gathered]) -> Iterator[Point]:
        for point in run.history():
            if isinstance(point, Problem):
                self.problem(point)
                continue
            if point.step is not None and not -_LONGEST <= point.step <= _LONGEST:
                point = point._replace(step=None)  # 64 bits do not hold it
            if not point.name.isascii():
                point = point._replace(name=_text(point.name))
            points = gathered.get((point.name, point.split))
            if points is None:
                points = gathered[point.name, point.split] = Gathered()
            points.add(point)
            yield point

    def _direction(self, run: Run, metric: str) -> Told | None:
        key = (run.experiment, metric)
        if key not in self.told or metric in run.directions:
            told = directions.decide(metric, run.experiment, run.tracker, run.directions.get(metric), self.known)
            self.told[key] = told
        return self.told[key]

    def flush(self) -> None:
        """Write the batch in one transaction."""
        if not self.batch:
            return
        new = [told for told in self.told.values() if told and (told.experiment, told.metric) not in self.kept]
        fresh = sum(prepared.pk is None for prepared in self.batch)
        with self.catalogue.write() as conn:
            _write(conn, self.batch)
            directions.keep(conn, new)
            store.touch(conn)
        self.kept |= {(told.experiment, told.metric) for told in new}
        self.added += fresh
        self.updated += len(self.batch) - fresh
        self.batch, self.size = [], 0

    def done(self, *, complete: bool, whole: bool = True) -> Stored:
        """Write what is left and remove what is gone."""
        self.flush()
        removed = self._remove_gone() if complete and whole else 0
        return Stored(
            added=self.added,
            updated=self.updated,
            unchanged=self.unchanged,
            removed=removed,
            problems=tuple(self.problems),
            complete=complete,
        )

    def _remove_gone(self) -> int:
        gone = [pk for key, (pk, _) in self.stored.items() if key not in self.keys]
        if gone and self.problems:
            gone = self._not_hidden(gone)
        if gone:
            with self.catalogue.write() as conn:
                for part in store.batches(gone):
                    conn.execute(delete(schema.runs).where(schema.runs.c.id.in_(part)))
                directions.prune(conn)
                store.touch(conn)
        return len(gone)

    def _not_hidden(self, pks: Sequence[int]) -> list[int]:
        """Return those runs that no problem may have hidden: it stands at none of their files."""
        r = schema.runs
        query = select(r.c.id, r.c.main_source, r.c.files, r.c.place)
        with self.catalogue.read() as conn:
            rows = [row for part in store.batches(pks) for row in conn.execute(query.where(r.c.id.in_(part)))]
        if len(self.problems) >= MAX_PROBLEMS:
            return []
        return [
            row.id
            for row in rows
            if not any(
                _hides(problem, (row.main_source, *json.loads(row.files)), row.place) for problem in self.problems
            )
        ]


def _hides(problem: Problem, files: Sequence[str], place: str) -> bool:
    if problem.place and place and problem.place != place:
        return False
    at = problem.source
    return any(
        at in (".", file) or f"{file}/".startswith(f"{at}/") or f"{at}/".startswith(f"{file}/") for file in files
    )


def _stored(conn: Connection, source_id: int) -> dict[Key, tuple[int, str | None]]:
    r = schema.runs
    query = select(r.c.id, r.c.experiment, r.c.run_id, r.c.copy, r.c.version).where(r.c.source_id == source_id)
    return {(row.experiment, row.run_id, row.copy): (row.id, row.version) for row in conn.execute(query)}


def _stored_metrics(conn: Connection, pk: int) -> dict[tuple[str, str | None], _Packed]:
    m, p = schema.run_metrics, schema.metric_points
    names = [column for column in m.c if column.name not in ("id", "run_id")]
    query = select(*names, p.c.points).join_from(m, p, p.c.metric_id == m.c.id, isouter=True).where(m.c.run_id == pk)
    rows = (dict(row) for row in conn.execute(query).mappings())
    return {(row["name"], row["split"]): (row, row.pop("points")) for row in rows}


# -- runs to rows ----------------------------------------------------------------------------------------------


def _row(run: Run) -> dict[str, Any]:
    return {
        "tracker": run.tracker,
        "name": _text(run.name),
        "status": _text(run.status),
        "state": run.state.value,
        "dataset": _text(run.dataset),
        "started": _finite(run.started),
        "ended": _finite(run.ended),
        "zoned": int(run.zoned),
        "parent": _text(run.parent),
        "deleted": int(run.deleted),
        "loose": int(run.loose),
        "main_source": _text(run.source),
        "place": _text(run.place),
        "step_unit": run.step_unit,
        "aliases": json.dumps(run.aliases),
        "files": json.dumps(run.sources or (run.source,)),
    }


def _params(run: Run) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for logged, value in run.params.items():
        text, space = run.raw_params.get(logged), run.space.get(logged)
        kind, number, plain = _typed(value)
        name = _text(logged)
        rows[name] = {
            "name": name,
            "leaf": leaf(name),
            "text": _text(text) if text is not None else plain,
            "number": number,
            "kind": kind,
            "space": _text(space),
        }
    for name, space in run.space.items():
        if name not in rows:
            row = {"name": _text(name), "leaf": leaf(name), "text": None, "number": None}
            rows[name] = {**row, "kind": "unset", "space": _text(space)}
    return list(rows.values())


def leaf(name: str) -> str:
    """Return the last dotted part of a parameter's name in lower case; of `a/b` and `a.b` that is `b`."""
    last = name.rstrip("./").replace("/", ".").rsplit(".", 1)[-1]
    return (last or name).strip().lower()


def _typed(value: Scalar) -> tuple[str, float | None, str | None]:
    """Return a parameter's kind, what it is as a number, and its text."""
    if value is None:
        return "none", None, None
    if isinstance(value, bool):
        return "bool", None, str(value)
    if isinstance(value, int):
        return "int", _number(value), str(value)
    if isinstance(value, float):
        return "float", None if math.isnan(value) else value, repr(value)
    return "text", None, _text(value)


def _number(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _tags(run: Run) -> list[dict[str, Any]]:
    return [{"name": _text(name), "value": _text(value)} for name, value in run.tags.items()]


def _metric(metric: Metric) -> dict[str, Any]:
    whole = math.isfinite(metric.last)
    return {
        "name": _text(metric.name),
        "leaf": leaf(metric.name),
        "split": metric.split,
        "count": metric.count,
        "odd": metric.odd,
        "first": None if math.isnan(metric.first) else metric.first,
        "first_step": metric.first_step,
        "last": metric.last if whole else None,
        "last_step": metric.last_step,
        "last_time": _finite(metric.last_time),
        "last_odd": None if whole else str(metric.last),
        "low": metric.low,
        "low_step": metric.low_step,
        "high": metric.high,
        "high_step": metric.high_step,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _text(value: Any) -> Any:
    """Return a text that can be stored: half a surrogate pair is written as its escape."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _digest(prepared: _Prepared) -> str:
    """Return a version made of all that is stored of a run, for readers that give none."""
    told = [prepared.row, prepared.params, prepared.tags, [values for values, _ in prepared.metrics]]
    digest = hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=12)
    for _, points in prepared.metrics:
        digest.update(points or b"-")
    return f"{_FORMAT}:={digest.hexdigest()}"


# -- rows to the catalogue -------------------------------------------------------------------------------------

_CHILDREN = (schema.run_params, schema.run_tags, schema.run_metrics)


def _write(conn: Connection, batch: Sequence[_Prepared]) -> None:
    """Insert new runs and renew changed ones; these keep their key, so that what points to them still does."""
    changed = [prepared for prepared in batch if prepared.pk is not None]
    if changed:
        _renew(conn, changed)
    _insert_runs(conn, [prepared for prepared in batch if prepared.pk is None])
    for table, attribute in ((schema.run_params, "params"), (schema.run_tags, "tags")):
        if rows := [{"run_id": one.pk, **row} for one in batch for row in getattr(one, attribute)]:
            conn.execute(insert(table), rows)
    _insert_metrics(conn, batch)


def _insert_runs(conn: Connection, fresh: Sequence[_Prepared]) -> None:
    """Insert runs and take their keys; asking for them in one go is many times quicker than row by row."""
    if not fresh:
        return
    r = schema.runs
    before = int(conn.scalar(select(func.max(r.c.id))) or 0)
    conn.execute(insert(r), [prepared.row for prepared in fresh])
    query = select(r.c.id, r.c.experiment, r.c.run_id, r.c.copy)
    query = query.where(r.c.id > before, r.c.source_id == fresh[0].row["source_id"])
    pks = {(row.experiment, row.run_id, row.copy): row.id for row in conn.execute(query)}
    for prepared in fresh:
        row = prepared.row
        prepared.pk = pks[row["experiment"], row["run_id"], row["copy"]]


def _insert_metrics(conn: Connection, batch: Sequence[_Prepared]) -> None:
    m = schema.run_metrics
    rows = [{"run_id": one.pk, **values} for one in batch for values, _ in one.metrics]
    if not rows:
        return
    conn.execute(insert(m), rows)
    ids: dict[tuple[int, str, str | None], int] = {}
    query = select(m.c.id, m.c.run_id, m.c.name, m.c.split)
    for part in store.batches([one.pk for one in batch]):
        ids |= {(row.run_id, row.name, row.split): row.id for row in conn.execute(query.where(m.c.run_id.in_(part)))}
    packed = [
        {"metric_id": ids[int(one.pk or 0), values["name"], values["split"]], "points": points}
        for one in batch
        for values, points in one.metrics
        if points is not None
    ]
    if packed:
        conn.execute(insert(schema.metric_points), packed)


def _renew(conn: Connection, changed: Sequence[_Prepared]) -> None:
    pks = [int(prepared.pk or 0) for prepared in changed]
    for table in _CHILDREN:
        for part in store.batches(pks):
            conn.execute(delete(table).where(table.c.run_id.in_(part)))
    names = [name for name in changed[0].row if name != "source_id"]
    row: dict[str, Any] = {name: bindparam(f"b_{name}") for name in names}
    values = [{"b_id": p.pk, **{f"b_{name}": p.row[name] for name in names}} for p in changed]
    conn.execute(update(schema.runs).where(schema.runs.c.id == bindparam("b_id")).values(row), values)
