"""What runs have: the figure of a metric that they are compared by, and cells of any parameter, tag, metric or field.

A figure comes from the stored summaries; packed points are read only for a window of steps, a mean over the steps, or
the number of steps.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, select

from kb import schema, store
from kb.errors import BadInput, DirectionUnknown
from kb.history import RunFilter, RunQuery, Scalar, Wanted, Window
from kb.run_names import Name, names, only, resolve
from kb.run_points import NO_STEP, Points
from kb.run_sql import conditions, of_names, params_meant
from kb.runs import histories
from kb.store import Catalogue

FAILED = frozenset({"failed", "killed", "pruned"})
FEW = 1000
_DECODED = frozenset({"mean", "steps"})
_TRIAL = re.compile(r"#(\d+)$")


class Reading(NamedTuple):
    """What one run has of the measure: `value` is NaN or infinite where it was logged so, None where it has none."""

    pk: int
    state: str
    value: float | None = None
    step: int | None = None
    direction: str | None = None
    metric_id: int | None = None

    @property
    def finite(self) -> bool:
        """Tell whether there is a number that can be compared."""
        return self.value is not None and math.isfinite(self.value)


class Cell(NamedTuple):
    """A run's value of what was wanted: typed, the text as logged, and the field that it is cited by."""

    value: Scalar
    text: str
    field: str
    step: int | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What runs are compared by: the figure of a metric, a numeric parameter, or a time."""

    wanted: Wanted
    found: tuple[Name, ...] = ()
    figure: str = "last"
    window: Window | None = None

    @property
    def label(self) -> str:
        """Its name as logged."""
        return self.found[0].name if self.found else self.wanted.name or self.wanted.field

    @property
    def split(self) -> str | None:
        """The split of a metric."""
        return self.found[0].split if self.wanted.field == "metric" and self.found else None

    @property
    def cited(self) -> str:
        """The field that its values are cited by."""
        if self.wanted.field == "metric":
            extra = f":{self.figure}" if self.figure in ("count", "mean", "steps") else ""
            return f"metrics.{self.label}{extra}"
        return f"params.{self.label}" if self.wanted.field == "param" else self.wanted.field


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The runs that have the measure, in the order of storing: with a finite value, and with an odd one."""

    readings: tuple[Reading, ...]
    odd: tuple[Reading, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    loose: bool = False


class Asking:
    """One question on one connection: the logged names, and the conditions that its filters mean."""

    def __init__(self, catalogue: Catalogue, conn: Connection, query: RunQuery) -> None:
        self.catalogue, self.conn, self.query = catalogue, conn, query
        self.known = names(catalogue, conn)
        self.base = conditions(conn, self.known, query.filters)

    def side(self, filters: Iterable[RunFilter]) -> list[Any]:
        """Return the conditions of the question and of one side of it."""
        return [*self.base, *conditions(self.conn, self.known, filters, scope=self.base)]

    def measure(self, within: Sequence[Any]) -> Measure | None:
        """Return what the runs under the conditions `within` are compared by; None where the question names nothing.

        Raises NameUnknown, NameAmbiguous.
        """
        query, window = self.query, self.query.window
        steps = window if window is not None and window.unit == "step" else None
        if query.metric is not None:
            found = self.metric(query.metric, within)
            return Measure(
                wanted=Wanted(field="metric", name=found.name), found=(found,), figure=query.figure, window=steps
            )
        if not query.wanted:
            return None
        wanted = query.wanted[0]
        return Measure(wanted=wanted, found=self.meant(wanted, within), figure=query.figure, window=steps)

    def metric(self, name: str, within: Sequence[Any]) -> Name:
        """Return the one metric that a name means. Raises NameUnknown, NameAmbiguous."""
        known = self.known["metric"]
        return only(known, name, resolve(self.conn, known, name, within, self.query.split))

    def meant(self, wanted: Wanted, within: Sequence[Any]) -> tuple[Name, ...]:
        """Return the logged names that a wanted parameter, tag or metric means; none for a run's own field."""
        if wanted.field not in self.known or wanted.name is None:
            return ()
        if wanted.field == "metric":
            return (self.metric(wanted.name, within),)
        if wanted.field == "param":
            return params_meant(self.conn, self.known["param"], wanted.name, within)
        return resolve(self.conn, self.known["tag"], wanted.name, within)


# -- which runs fit ----------------------------------------------------------------------------------------------


def measured(asking: Asking, within: Sequence[Any], measure: Measure | None) -> Measured:
    """Return the runs under the conditions with what they have of the measure; without one, just the runs.

    Deleted runs are left out unless asked for. Values that belong to an unknown run count only where no other run has
    the measure, and are never counted as runs.
    """
    rows = asking.conn.execute(_rows(within, measure, asking.query)).all()
    left: Counter[str] = Counter()
    kept = [row for row in rows if not row.deleted or asking.query.deleted]
    left["deleted"] = sum(1 for row in rows if row.deleted and not row.loose) if not asking.query.deleted else 0
    placed = _window_of_runs(asking, [row for row in kept if not row.loose])
    found = _readings(asking, placed, measure)
    loose = False
    if measure is not None and not any(one.value is not None for one in found):
        others = _readings(asking, [row for row in kept if row.loose], measure)
        if any(one.value is not None for one in others):
            found, loose = others, True
    if measure is None:
        return Measured(readings=tuple(found), left_out=_told(left))
    for one in found:
        if one.value is None:
            left["failed" if one.state in FAILED else f"without {measure.label}"] += 1
    odd = tuple(one for one in found if one.value is not None and not one.finite)
    left["odd values"] = len(odd)
    return Measured(
        readings=tuple(one for one in found if one.finite), odd=odd, left_out=_told(left), loose=loose
    )  # fmt: skip


def _told(left: Counter[str]) -> dict[str, int]:
    return {reason: count for reason, count in left.items() if count}


def _rows(within: Sequence[Any], measure: Measure | None, query: RunQuery) -> Any:
    r, m, p = schema.runs, schema.run_metrics, schema.run_params
    columns = [r.c.id, r.c.state, r.c.deleted, r.c.loose]
    if query.window is not None and query.window.unit == "run":
        columns += [r.c.started, r.c.run_id, r.c.experiment]
    if measure is None:
        return select(*columns).where(*within).order_by(r.c.id)
    if measure.wanted.field == "metric":
        name = measure.found[0]
        same = and_(m.c.run_id == r.c.id, m.c.name == name.name, m.c.split.is_not_distinct_from(name.split))
        found = select(*columns, m.c.id.label("metric_id"), m.c.direction, *_figure_columns(measure))
        return found.outerjoin(m, same).where(*within).order_by(r.c.id)
    if measure.wanted.field == "param":
        values = select(p.c.run_id, func.min(p.c.number).label("value"))
        rows = values.where(*of_names(p, measure.found)).group_by(p.c.run_id).subquery()
        return select(*columns, rows.c.value).outerjoin(rows, rows.c.run_id == r.c.id).where(*within).order_by(r.c.id)
    return select(*columns, _time(measure.wanted.field).label("value")).where(*within).order_by(r.c.id)


def _time(name: str) -> Any:
    r = schema.runs
    if name == "duration":
        return r.c.ended - r.c.started
    if name in ("started", "ended"):
        return r.c[name]
    raise BadInput(f"runs cannot be compared by their {name}", hint="name a metric, a numeric parameter or duration")


def _figure_columns(measure: Measure) -> tuple[Any, ...]:
    m = schema.run_metrics
    if measure.window is not None or measure.figure in _DECODED:
        return ()
    if measure.figure == "last":
        return m.c.last, m.c.last_step, m.c.last_odd
    if measure.figure == "first":
        return m.c.first, m.c.first_step
    return (m.c.count,) if measure.figure == "count" else (m.c.low, m.c.low_step, m.c.high, m.c.high_step, m.c.odd)


def _readings(asking: Asking, rows: Sequence[Any], measure: Measure | None) -> list[Reading]:
    if measure is None:
        return [Reading(row.id, row.state) for row in rows]
    if measure.wanted.field != "metric":
        return [Reading(row.id, row.state, row.value) for row in rows]
    given = asking.query.direction
    if measure.figure in ("best", "worst") and not given and any(row.metric_id and not row.direction for row in rows):
        raise DirectionUnknown(measure.label)
    if measure.window is not None or measure.figure in _DECODED:
        return _decoded(asking, rows, measure)
    read = _READ[measure.figure]
    return [
        Reading(row.id, row.state, *read(row, given or row.direction), row.direction, row.metric_id)
        if row.metric_id is not None
        else Reading(row.id, row.state)
        for row in rows
    ]


def _last(row: Any, _: str | None) -> tuple[float | None, int | None]:
    return (float(row.last_odd) if row.last is None else row.last), row.last_step


def _first(row: Any, _: str | None) -> tuple[float | None, int | None]:
    return (math.nan if row.first is None else row.first), row.first_step


def _low(row: Any, _: str | None) -> tuple[float | None, int | None]:
    return (math.nan if row.low is None else row.low), row.low_step


def _high(row: Any, _: str | None) -> tuple[float | None, int | None]:
    return (math.nan if row.high is None else row.high), row.high_step


def _best(row: Any, direction: str | None) -> tuple[float | None, int | None]:
    return _high(row, None) if direction == "maximize" else _low(row, None)


def _worst(row: Any, direction: str | None) -> tuple[float | None, int | None]:
    return _low(row, None) if direction == "maximize" else _high(row, None)


def _count(row: Any, _: str | None) -> tuple[float | None, int | None]:
    return row.count, None


_READ = {
    "last": _last, "first": _first, "low": _low, "high": _high, "best": _best, "worst": _worst, "count": _count,
}  # fmt: skip


# -- windows -----------------------------------------------------------------------------------------------------


def _decoded(asking: Asking, rows: Sequence[Any], measure: Measure) -> list[Reading]:
    """Return readings that need the points themselves."""
    points = histories(asking.conn, [row.metric_id for row in rows if row.metric_id is not None])
    found = []
    for row in rows:
        value: tuple[float | None, int | None] = (None, None)
        if row.metric_id is not None:
            direction = asking.query.direction or row.direction
            value = figure_of(windowed(points[row.metric_id], measure.window), measure.figure, direction)
        found.append(Reading(row.id, row.state, *value, row.direction, row.metric_id))
    return found


def windowed(points: Points, window: Window | None) -> Points:
    """Return the points whose steps lie in the window; `first_n` and `last_n` count points of those."""
    if window is None:
        return points
    keep = points.steps == points.steps
    if window.low is not None or window.high is not None:
        keep &= points.steps != NO_STEP
    if window.low is not None:
        keep &= points.steps >= window.low
    if window.high is not None:
        keep &= points.steps <= window.high
    at = keep.nonzero()[0]
    if window.first_n is not None:
        at = at[: max(window.first_n, 0)]
    if window.last_n is not None:
        at = at[max(len(at) - max(window.last_n, 0), 0) :]
    return Points(points.steps[at], points.values[at], points.times[at])


def figure_of(points: Points, figure: str, direction: str | None) -> tuple[float | None, int | None]:
    """Return a figure of points and its step; extremes are of finite values and stand where they are first reached."""
    if figure in ("count", "steps"):
        return (len(points) if figure == "count" else len(set(points.steps.tolist()))), None
    values = points.values.tolist()
    if not values:
        return None, None
    finite = [at for at, value in enumerate(values) if math.isfinite(value)]
    if figure == "mean":
        return (math.fsum(values[at] for at in finite) / len(finite) if finite else math.nan), None
    if figure in ("first", "last"):
        at = 0 if figure == "first" else len(values) - 1
        return values[at], step_at(points, at)
    if not finite:
        return math.nan, None
    largest = figure == "high" or (figure in ("best", "worst") and (figure == "best") == (direction == "maximize"))
    at = (max if largest else min)(finite, key=values.__getitem__)
    return values[at], step_at(points, at)


def step_at(points: Points, at: int) -> int | None:
    """Return the step of a point, None where none was logged."""
    step = int(points.steps[at])
    return None if step == NO_STEP else step


def _window_of_runs(asking: Asking, rows: Sequence[Any]) -> Sequence[Any]:
    window = asking.query.window
    return rows if window is None or window.unit != "run" else run_window(rows, window)


def run_window(rows: Sequence[Any], window: Window) -> list[Any]:
    """Return the runs in a window over their order; bounds are trial numbers where all have one, else places from 1."""
    numbers = [int(found.group(1)) if (found := _TRIAL.search(row.run_id)) else None for row in rows]
    trials = all(number is not None for number in numbers) and len({row.experiment for row in rows}) == 1
    order = sorted(range(len(rows)), key=lambda at: (
        (numbers[at] or 0, 0.0) if trials else (rows[at].started is None, rows[at].started or 0.0), rows[at].id
    ))  # fmt: skip
    places = [(numbers[at] if trials else place, rows[at]) for place, at in enumerate(order, 1)]
    low = -math.inf if window.low is None else window.low
    high = math.inf if window.high is None else window.high
    inside = [row for place, row in places if low <= (place or 0) <= high]
    if window.first_n is not None:
        inside = inside[: max(window.first_n, 0)]
    return inside if window.last_n is None else inside[max(len(inside) - max(window.last_n, 0), 0) :]


# -- cells -------------------------------------------------------------------------------------------------------


def cells(asking: Asking, wanted: Wanted, pks: Sequence[int], within: Sequence[Any]) -> dict[int, Cell]:
    """Return what each of the runs has of what is wanted; runs without it are not among them."""
    if wanted.field == "metric":
        return _metric_cells(asking, wanted, pks, within)
    if wanted.field in ("param", "tag"):
        return _named_cells(asking, wanted, pks, within)
    return _field_cells(asking, wanted, pks)


def _chosen(asking: Asking, query: Any, column: Any, pks: Sequence[int]) -> Iterable[Any]:
    """Yield the rows of runs: a few are asked for by their keys, of many all rows are read."""
    if len(pks) <= FEW:
        for part in store.batches(pks):
            yield from asking.conn.execute(query.where(column.in_(part)))
        return
    wanted = set(pks)
    yield from (row for row in asking.conn.execute(query) if row.run in wanted)


def _named_cells(asking: Asking, wanted: Wanted, pks: Sequence[int], within: Sequence[Any]) -> dict[int, Cell]:
    found = asking.meant(wanted, within)
    if wanted.field == "tag":
        t = schema.run_tags
        rows = _chosen(asking, select(t.c.run_id.label("run"), t.c.name, t.c.value).where(*of_names(t, found)),
                       t.c.run_id, pks)  # fmt: skip
        return {row.run: Cell(row.value, row.value, f"tags.{row.name}") for row in rows}
    p = schema.run_params
    query = select(p.c.run_id.label("run"), p.c.name, p.c.kind, p.c.text, p.c.number)
    rows = _chosen(asking, query.where(*of_names(p, found), p.c.kind != "unset"), p.c.run_id, pks)
    return {row.run: Cell(typed(row.kind, row.text, row.number), row.text or "", f"params.{row.name}") for row in rows}


def typed(kind: str, text: str | None, number: float | None) -> Scalar:
    """Return a stored parameter's value; whole numbers too long for a double are read from their text."""
    if kind == "int":
        if number is not None and abs(number) < 2**53:
            return int(number)
        return int(text) if text and re.fullmatch(r"[+-]?\d+", text.strip()) else number
    if kind == "float":
        return math.nan if number is None else number
    if kind == "bool":
        return (text or "").strip().lower() in ("true", "1", "yes", "on", "y", "t")
    return text if kind == "text" else None


def _metric_cells(asking: Asking, wanted: Wanted, pks: Sequence[int], within: Sequence[Any]) -> dict[int, Cell]:
    name = asking.metric(wanted.name or "", within)
    measure = Measure(wanted=wanted, found=(name,), figure=asking.query.figure)
    r, m = schema.runs, schema.run_metrics
    query = (
        select(r.c.id, r.c.id.label("run"), r.c.state, m.c.id.label("metric_id"), m.c.direction)
        .add_columns(*_figure_columns(measure))
        .join(m, m.c.run_id == r.c.id)
        .where(m.c.name == name.name, m.c.split.is_not_distinct_from(name.split))
    )
    rows = list(_chosen(asking, query, r.c.id, pks))
    return {
        one.pk: Cell(one.value, f"{one.value!r}", measure.cited, one.step, name.split)
        for one in _readings(asking, rows, measure)
        if one.value is not None
    }


FIELDS = {
    "id": "run_id", "source": "main_source", "state": "state", "status": "status", "name": "name",
    "experiment": "experiment", "dataset": "dataset", "tracker": "tracker", "started": "started", "ended": "ended",
    "parent": "parent",
}  # fmt: skip


def _field_cells(asking: Asking, wanted: Wanted, pks: Sequence[int]) -> dict[int, Cell]:
    r = schema.runs
    if wanted.field == "duration":
        column = r.c.ended - r.c.started
    elif wanted.field in FIELDS:
        column = r.c[FIELDS[wanted.field]]
    else:
        raise BadInput(f"a run's {wanted.field} is not a value that can be shown", hint="filter by it instead")
    name = FIELDS.get(wanted.field, wanted.field)
    query = select(r.c.id.label("run"), column.label("value")).where(column.is_not(None))
    return {row.run: Cell(row.value, str(row.value), name) for row in _chosen(asking, query, r.c.id, pks)}
