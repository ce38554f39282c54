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
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, case, func, literal, null, select

from kb import schema, store
from kb.errors import BadInput, DirectionUnknown
from kb.history import RunFilter, RunQuery, Scalar, Wanted, Window
from kb.run_names import Name, names, only, resolve
from kb.run_points import NO_STEP, Points
from kb.run_sql import conditions, fetched, of_names, params_meant
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
    rows = _runs(asking, _rows(within, measure, asking.query.direction))
    known, given = asking.known, asking.query.deleted
    kept = rows if given or not known.deleted else [row for row in rows if row[0] not in known.deleted]
    own = [row for row in kept if row[0] not in known.loose] if known.loose else kept
    found = _figured(asking, _window_of_runs(asking, own), measure)
    deleted = 0 if kept is rows else sum(1 for row in rows if row[0] in known.deleted and row[0] not in known.loose)
    if measure is None:
        return Measured(readings=tuple(found), left_out={"deleted": deleted} if deleted else {})
    if len(own) < len(kept) and not any(one.value is not None for one in found):
        others = _figured(asking, [row for row in kept if row[0] in known.loose], measure)
        if any(one.value is not None for one in others):
            return _parted(others, measure, deleted, loose=True)
    return _parted(found, measure, deleted)


_AS_READING = partial(tuple.__new__, Reading)  # without a call of Python for each of many runs


def _runs(asking: Asking, query: Any) -> list[Reading]:
    """Return the rows of a query whose columns are the fields of `Reading`."""
    return list(map(_AS_READING, fetched(asking.conn, query)))


def _parted(found: Sequence[Reading], measure: Measure, deleted: int, *, loose: bool = False) -> Measured:
    """Return the runs apart: with a finite value, with an odd one, and without, which are counted by the reason."""
    finite = [one for one in found if one[2] is not None and one[2] - one[2] == 0]
    odd, left = [], Counter({"deleted": deleted})
    for one in found if len(finite) < len(found) else ():
        if one[2] is None:
            left["failed" if one.state in FAILED else f"without {measure.label}"] += 1
        elif one[2] - one[2] != 0:
            odd.append(one)
    left["odd values"] = len(odd)
    told = {reason: count for reason, count in left.items() if count}
    return Measured(readings=tuple(finite), odd=tuple(odd), left_out=told, loose=loose)


def _rows(within: Sequence[Any], measure: Measure | None, direction: str | None) -> Any:
    """Return the query for runs, with the fields of `Reading` as columns."""
    r, m, p = schema.runs, schema.run_metrics, schema.run_params
    kept = select(r.c.id, r.c.state).where(*within).order_by(r.c.id)
    nothing = (null(), null(), null())
    if measure is None:
        return kept.add_columns(null(), *nothing)
    if measure.wanted.field == "metric":
        name = measure.found[0]
        same = and_(m.c.run_id == r.c.id, m.c.name == name.name, m.c.split.is_not_distinct_from(name.split))
        return kept.add_columns(*_figure_columns(measure, direction), m.c.direction, m.c.id).outerjoin(m, same)
    if measure.wanted.field == "param":
        values = select(p.c.run_id, func.min(p.c.number).label("value"))
        found = values.where(*of_names(p, measure.found)).group_by(p.c.run_id).subquery()
        return kept.add_columns(found.c.value, *nothing).outerjoin(found, found.c.run_id == r.c.id)
    return kept.add_columns(_time(measure.wanted.field), *nothing)


def _time(name: str) -> Any:
    r = schema.runs
    if name == "duration":
        return r.c.ended - r.c.started
    if name in ("started", "ended"):
        return r.c[name]
    raise BadInput(f"runs cannot be compared by their {name}", hint="name a metric, a numeric parameter or duration")


def _figure_columns(measure: Measure, given: str | None) -> tuple[Any, Any]:
    """Return value and step; for a last value that is no finite number its name, as text."""
    m, nothing = schema.run_metrics, null()
    if measure.window is not None or measure.figure in _DECODED:
        return nothing, nothing
    if measure.figure == "last":
        return func.coalesce(m.c.last, m.c.last_odd), m.c.last_step
    if measure.figure == "count":
        return m.c.count, nothing
    if measure.figure in ("best", "worst"):
        way = literal(given) if given else m.c.direction
        up = way == ("maximize" if measure.figure == "best" else "minimize")
        return case((up, m.c.high), else_=m.c.low), case((up, m.c.high_step), else_=m.c.low_step)
    return m.c[measure.figure], m.c[f"{measure.figure}_step"]


def _figured(asking: Asking, found: Sequence[Reading], measure: Measure | None) -> Sequence[Reading]:
    """Return runs as read with the figure that is asked for."""
    if measure is None or measure.wanted.field != "metric":
        return found
    if measure.figure in ("best", "worst") and not asking.query.direction and any(map(_undirected, found)):
        raise DirectionUnknown(measure.label)
    if measure.window is not None or measure.figure in _DECODED:
        return _decoded(asking, found, measure)
    return [one if type(one[2]) is float else _mended(one) for one in found]


def _undirected(one: Reading) -> bool:
    return one.metric_id is not None and one.direction is None


def _mended(one: Reading) -> Reading:
    """Return a reading whose value is no finite number, or not there, as it was logged."""
    if one.metric_id is None or isinstance(one.value, int):
        return one
    return one._replace(value=math.nan if one.value is None else float(one.value))


# -- windows -----------------------------------------------------------------------------------------------------


def _decoded(asking: Asking, found: Sequence[Reading], measure: Measure) -> list[Reading]:
    """Return readings with values that need the points themselves."""
    points = histories(asking.conn, [one.metric_id for one in found if one.metric_id is not None])
    made = []
    for one in found:
        value: tuple[float | None, int | None] = (None, None)
        if one.metric_id is not None:
            direction = asking.query.direction or one.direction
            value = figure_of(windowed(points[one.metric_id], measure.window), measure.figure, direction)
        made.append(Reading(one.pk, one.state, *value, one.direction, one.metric_id))
    return made


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


def _window_of_runs(asking: Asking, found: Sequence[Reading]) -> Sequence[Reading]:
    window, r = asking.query.window, schema.runs
    if window is None or window.unit != "run":
        return found
    by_pk = {one.pk: one for one in found}
    placed = _chosen(asking, select(r.c.id, r.c.started, r.c.run_id, r.c.experiment), r.c.id, list(by_pk))
    inside = run_window(sorted((Placed(*row) for row in placed), key=itemgetter(0)), window)
    return [by_pk[one.pk] for one in inside]


class Placed(NamedTuple):
    """What orders runs."""

    pk: int
    started: float | None
    run_id: str
    experiment: str | None


def run_window(rows: Sequence[Placed], window: Window) -> list[Placed]:
    """Return the runs in a window over their order; bounds are trial numbers where all have one, else places from 1."""
    numbers = [int(found.group(1)) if (found := _TRIAL.search(row.run_id)) else None for row in rows]
    trials = all(number is not None for number in numbers) and len({row.experiment for row in rows}) == 1
    order = sorted(range(len(rows)), key=lambda at: (
        (numbers[at] or 0, 0.0) if trials else (rows[at].started is None, rows[at].started or 0.0), rows[at].pk
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
    """Return the rows of runs, whose key comes first: a few are asked for by it, of many all rows are read."""
    if len(pks) <= FEW:
        return [row for part in store.batches(pks) for row in fetched(asking.conn, query.where(column.in_(part)))]
    wanted = set(pks)
    return (row for row in fetched(asking.conn, query) if row[0] in wanted)


def _named_cells(asking: Asking, wanted: Wanted, pks: Sequence[int], within: Sequence[Any]) -> dict[int, Cell]:
    found = asking.meant(wanted, within)
    if wanted.field == "tag":
        t = schema.run_tags
        tags = select(t.c.run_id, t.c.name, t.c.value).where(*of_names(t, found))
        return {pk: Cell(value, value, f"tags.{name}") for pk, name, value in _chosen(asking, tags, t.c.run_id, pks)}
    p = schema.run_params
    # without the leaf, SQLite looks a few runs up by their keys and does not read all that have the name
    named = of_names(p, found) if len(pks) > FEW else [p.c.name.in_([one.name for one in found])]
    query = select(p.c.run_id, p.c.name, p.c.kind, p.c.text, p.c.number).where(*named, p.c.kind != "unset")
    rows = _chosen(asking, query if len(pks) > FEW else query.order_by(p.c.id), p.c.run_id, pks)
    made = _Shared()
    return {row[0]: made[row[1:]] for row in rows}


class _Shared(dict[tuple[str, str, str | None, float | None], Cell]):
    """The cells of a parameter's values, made once each: the same value stands in many runs."""

    def __missing__(self, key: tuple[str, str, str | None, float | None]) -> Cell:
        name, kind, text, number = key
        cell = self[key] = Cell(typed(kind, text, number), text or "", f"params.{name}")
        return cell


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
        select(r.c.id, r.c.state, *_figure_columns(measure, asking.query.direction), m.c.direction, m.c.id)
        .join(m, m.c.run_id == r.c.id)
        .where(m.c.name == name.name, m.c.split.is_not_distinct_from(name.split))
    )
    rows = list(map(_AS_READING, _chosen(asking, query, r.c.id, pks)))
    return {
        one.pk: Cell(one.value, f"{one.value!r}", measure.cited, one.step, name.split)
        for one in _figured(asking, rows, measure)
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
    query = select(r.c.id, column).where(column.is_not(None))
    return {pk: Cell(value, str(value), name) for pk, value in _chosen(asking, query, r.c.id, pks)}
