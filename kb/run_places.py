"""Where runs lie: the experiments of a catalogue, and the folders or files of runs that belong to none, with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select

from kb import schema
from kb.store import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlace:
    """Runs of one tracker under one root: those of an experiment, else those of one source.

    `runs` counts those that are not deleted, `measured` those of them that logged any metric, `latest` is the last
    start of a run. `title` tells places apart; `key` names one for as long as its runs are stored.
    """

    root_id: int
    tracker: str
    experiment: str | None
    source_id: int | None
    title: str
    runs: int
    measured: int
    latest: float | None

    @property
    def key(self) -> str:
        """A name for this place that other places do not have."""
        return f"{self.root_id}/{self.tracker}/{self.source_id or ''}/{self.experiment or ''}"

    def conditions(self) -> tuple[Any, ...]:
        """Return the SQL conditions on `schema.runs` that a run lies here."""
        r, s = schema.runs, schema.sources
        own = (r.c.tracker == self.tracker, r.c.experiment.is_not_distinct_from(self.experiment))
        if self.source_id is not None:
            return (*own, r.c.source_id == self.source_id)
        return (*own, r.c.source_id.in_(select(s.c.id).where(s.c.root_id == self.root_id)))


def run_places(catalogue: Catalogue) -> tuple[RunPlace, ...]:
    """Return the places where runs lie, the one with most runs first."""
    r, s, o, m = schema.runs, schema.sources, schema.roots, schema.run_metrics
    measured = r.c.id.in_(select(m.c.run_id))
    kept = case((r.c.deleted == 0, 1), else_=0)
    query = (
        select(
            s.c.root_id, o.c.uri, r.c.tracker, r.c.experiment, r.c.source_id, s.c.source,
            func.sum(kept).label("runs"),
            func.sum(case((measured, kept), else_=0)).label("measured"),
            func.max(r.c.started).label("latest"),
        )
        .join(s, s.c.id == r.c.source_id)
        .join(o, o.c.id == s.c.root_id)
        .where(r.c.loose == 0)
        .group_by(r.c.source_id, r.c.tracker, r.c.experiment)
        .order_by(r.c.source_id)
    )  # fmt: skip
    with catalogue.read() as conn:
        rows = conn.execute(query).all()
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        own = None if row.experiment is not None else row.source_id
        found.setdefault((row.root_id, row.tracker, row.experiment, own), []).append(row)
    places = zip(found, found.values(), _titles(found.values()), strict=True)
    made = (_place(key, same, title) for key, same, title in places)
    return tuple(sorted(made, key=lambda one: (-one.runs, one.title, one.key)))


def _place(key: tuple[Any, ...], rows: list[Any], title: str) -> RunPlace:
    root_id, tracker, experiment, source_id = key
    return RunPlace(
        root_id=root_id,
        tracker=tracker,
        experiment=experiment,
        source_id=source_id,
        title=title,
        runs=sum(row.runs for row in rows),
        measured=sum(row.measured for row in rows),
        latest=max((row.latest for row in rows if row.latest is not None), default=None),
    )


def _titles(places: Iterable[list[Any]]) -> list[str]:
    """Return what places are called; where names repeat, with the folder that was ingested, then with the tracker."""
    rows = [same[0] for same in places]
    plain = [_plain(row) for row in rows]
    names = Counter(plain)
    told = [
        f"{name} in {_leaf(row.uri)}" if names[name] > 1 and name != _leaf(row.uri) else name
        for row, name in zip(rows, plain, strict=True)
    ]
    again = Counter(told)
    return [f"{name} ({row.tracker})" if again[name] > 1 else name for row, name in zip(rows, told, strict=True)]


def _plain(row: Any) -> str:
    named = row.experiment or row.source
    return _leaf(row.uri) if named in ("", ".") else str(named)


def _leaf(uri: str) -> str:
    return uri.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or uri


def first_place(places: Iterable[RunPlace]) -> RunPlace | None:
    """Return the place to show first: the one with most runs that logged a metric, the most recent of equals."""
    measured = [one for one in places if one.measured]
    return max(measured, key=lambda one: (one.measured, one.latest or 0.0), default=None)


def place_metrics(catalogue: Catalogue, place: RunPlace | None) -> tuple[str, ...]:
    """Return the names of the metrics that runs of a place (or all runs) logged: those that most of them have first.

    Of equals the one whose better values are known comes first, then the one logged first; inner ones come last.
    """
    r, m = schema.runs, schema.run_metrics
    n, told = func.count().label("n"), func.count(m.c.direction).label("told")
    query = select(m.c.name, n, told, func.min(m.c.id).label("first")).group_by(m.c.name)
    if place is not None:
        query = query.join(r, r.c.id == m.c.run_id).where(r.c.loose == 0, *place.conditions())
    with catalogue.read() as conn:
        rows = conn.execute(query).all()
    return tuple(
        row.name for row in sorted(rows, key=lambda row: (is_inner(row.name), -row.n, not row.told, row.first))
    )


def is_inner(name: str) -> bool:
    """Tell whether a program keeps a name to itself: its last part begins with an underscore."""
    return name.rsplit(".", 1)[-1].startswith("_")
