"""Filters on runs as SQL conditions with bound parameters; nothing that a person wrote ever becomes SQL text.

Texts compare without regard to the case of ASCII letters and to outer white space. A comparison of any kind, `ne` and
`not_in` too, holds only for runs that have the value; `missing` is for those that do not. A date is read as the span
of time that it names: `le` 2024-05 is until the end of May.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, false, func, not_, or_, select, true

from kb import schema
from kb.errors import BadInput
from kb.history import RunFilter, Scalar
from kb.run_names import Known, Name, Names, ambiguous, only, resolve
from kb.run_put import leaf

WHITE = " \t\n\r\x0b\x0c"
LARGEST = 1.7976931348623157e308
NUMBERED = ("lt", "le", "gt", "ge", "between")
STATED = frozenset({"state", "status", "name", "experiment", "dataset", "tracker", "parent"})
TIMES = frozenset({"started", "ended"})
FIGURES_STORED = frozenset({"last", "first", "low", "high", "best", "worst", "count"})
EPOCHS = ("epochs", "num_epochs", "n_epochs", "nepochs", "max_epochs", "num_train_epochs", "total_epochs", "epoch")


def conditions(conn: Connection, known: Known, filters: Iterable[RunFilter], *, scope: Sequence[Any] = ()) -> list[Any]:
    """Return the SQL conditions on `schema.runs` that the filters mean together.

    Names are looked up among the runs that the other conditions leave. Raises NameUnknown, NameAmbiguous, BadInput.
    """
    given = tuple(filters)
    plain = [_plain(conn, known, one) for one in given if one.field not in ("param", "tag", "metric")]
    within = [*scope, *plain]
    named = [_named(conn, known, one, within) for one in given if one.field in ("param", "tag", "metric")]
    return [*plain, *named]


# -- values ------------------------------------------------------------------------------------------------------


def folded(text: str) -> str:
    """Return a text as it is compared: outer white space off, ASCII letters small."""
    return re.sub("[A-Z]+", lambda found: found.group().lower(), text.strip(WHITE))


def fold(column: Any) -> Any:
    """Return the same of a column."""
    return func.lower(func.rtrim(func.ltrim(column, WHITE), WHITE))


def number_of(value: Any) -> float | None:
    """Return a finite or infinite number that a value is or spells, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found


def _many(one: RunFilter) -> tuple[Scalar, ...]:
    return one.value if isinstance(one.value, tuple) else (one.value,)


def _compared(one: RunFilter, numbers: Any, read: Any = number_of) -> Any:
    """Return a comparison of a column of numbers."""
    values = [read(value) for value in _many(one)]
    if any(value is None for value in values) or (one.op == "between") != (len(values) == 2):
        raise BadInput(f"{one.field} {one.op} {one.value!r} needs numbers", hint="give a number, or two for between")
    if one.op == "between":
        return numbers.between(min(values), max(values))
    (bound,) = values
    return {"lt": numbers < bound, "le": numbers <= bound, "gt": numbers > bound, "ge": numbers >= bound}[one.op]


def _texts(one: RunFilter, column: Any) -> Any:
    """Return a condition on a column of texts that are there."""
    if one.op in ("eq", "in"):
        return or_(*(_is_text(value, column) for value in _many(one)))
    if one.op in ("ne", "not_in"):
        return and_(column.is_not(None), *(not_(_is_text(value, column)) for value in _many(one)))
    if one.op == "contains":
        return or_(*(_contains(value, column) for value in _many(one)))
    raise BadInput(f"{one.field} cannot be compared by {one.op}", hint="use eq, ne, in, contains, missing or present")


def _is_text(value: Scalar, column: Any) -> Any:
    return func.coalesce(fold(column) == folded(str(value)), false())


def _contains(value: Scalar, column: Any) -> Any:
    return func.lower(column).like(f"%{escaped(folded(str(value)))}%", escape="!")


def escaped(text: str) -> str:
    """Return a text with what LIKE would read as a pattern escaped by `!`; SQLite would end it at a NUL."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_").replace("\x00", "\uffff")


# -- what a run is -----------------------------------------------------------------------------------------------


def _plain(conn: Connection, known: Known, one: RunFilter) -> Any:
    r = schema.runs
    if one.field in STATED:
        return _stated(one, r.c[one.field])
    if one.field in TIMES:
        return _timed(one, r.c[one.field])
    if one.field == "source":
        return _source(known, one)
    special = {"duration": _duration, "id": _id, "text": _anywhere, "finished_epochs": _epochs}
    return special[one.field](conn, one)


def _stated(one: RunFilter, column: Any) -> Any:
    if one.op in ("missing", "present") or one.value is None:
        there = and_(column.is_not(None), column != "")
        return there if one.op in ("present", "ne") else not_(there)
    return _texts(one, column)


def _timed(one: RunFilter, column: Any) -> Any:
    if one.op in ("missing", "present"):
        return column.is_(None) if one.op == "missing" else column.is_not(None)
    spans = [span(value) for value in _many(one)]
    first, last = spans[0][0], spans[-1][1]
    inside = [and_(column >= low, column < high) if low < high else column == low for low, high in spans]
    if one.op in ("ne", "not_in"):
        return and_(column.is_not(None), *(not_(condition) for condition in inside))
    exact = spans[-1][0] == last
    found = {
        "eq": or_(*inside),
        "in": or_(*inside),
        "lt": column < first,
        "ge": column >= first,
        "gt": column > last if exact else column >= last,
        "le": column <= last if exact else column < last,
        "between": and_(column >= first, column <= last if exact else column < last),
    }.get(one.op)
    if found is None:
        raise BadInput(f"{one.field} cannot be compared by {one.op}", hint="use eq, lt, le, gt, ge or between")
    return found


_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


def span(value: Scalar) -> tuple[float, float]:
    """Return the seconds since 1970 from which and up to which a date goes (UTC); the same twice for a moment."""
    at = None if isinstance(value, str) and _DATE.fullmatch(value.strip()) else number_of(value)
    if at is not None:
        return at, at
    text = str(value).strip()
    try:
        if (date := _DATE.fullmatch(text)) is None:
            moment = datetime.fromisoformat(text)
            found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            return found, found
        year, month, day = (int(part) if part else None for part in date.groups())
        first = datetime(year or 1, month or 1, day or 1, tzinfo=UTC)
        if day:
            last = first + timedelta(days=1)
        elif month:
            last = (first + timedelta(days=31)).replace(day=1)
        else:
            last = datetime(first.year + 1, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{value!r} is no date: {error}", hint="write 2024-05-17, 2024-05 or 2024") from error
    return first.timestamp(), last.timestamp()


def _duration(conn: Connection, one: RunFilter) -> Any:
    del conn
    column = schema.runs.c.ended - schema.runs.c.started
    if one.op in ("missing", "present"):
        return column.is_(None) if one.op == "missing" else column.is_not(None)
    return _numbers(one, column)


def _numbers(one: RunFilter, column: Any) -> Any:
    if one.op in NUMBERED:
        return _compared(one, column)
    values = [found for value in _many(one) if (found := number_of(value)) is not None]
    if one.op in ("eq", "in"):
        return and_(column.is_not(None), column.in_(values))
    if one.op in ("ne", "not_in"):
        return and_(column.is_not(None), column.not_in(values))
    raise BadInput(f"{one.field} cannot be compared by {one.op}", hint="use eq, ne, in, lt, le, gt, ge or between")


def _id(conn: Connection, one: RunFilter) -> Any:
    """Return the condition that a run is named: by id or alias, else by the ends of its id, else by its name."""
    r = schema.runs
    if one.op in ("missing", "present"):
        return true() if one.op == "present" else false()
    if one.op == "contains":
        return or_(_texts(one, r.c.run_id), _texts(one, r.c.aliases))
    found = or_(*(_called(conn, str(value)) for value in _many(one)))
    if one.op not in ("eq", "in", "ne", "not_in"):
        raise BadInput(f"ids cannot be compared by {one.op}", hint="use eq, ne, in, not_in or contains")
    return found if one.op in ("eq", "in") else not_(found)


def _called(conn: Connection, value: str) -> Any:
    r, wanted = schema.runs, folded(value)
    quoted = escaped(folded(json.dumps(value.strip(WHITE))))
    tiers = (
        or_(fold(r.c.run_id) == wanted, func.lower(r.c.aliases).like(f"%{quoted}%", escape="!")),
        func.lower(r.c.run_id).like(f"%/{escaped(wanted)}", escape="!"),
        *([_on_path(wanted)] if "/" in wanted else []),
        func.coalesce(fold(r.c.name) == wanted, false()),
    )
    for tier in tiers:
        if conn.execute(select(r.c.id).where(tier).limit(1)).first() is not None:
            return tier
    return false()


def _on_path(wanted: str) -> Any:
    """Return the condition that a run's path starts and ends as a shorter one does: a/train for x/a/runs/train."""
    first, last = wanted.split("/", 1)
    return ("/" + func.lower(schema.runs.c.run_id)).like(f"%/{escaped(first)}/%/{escaped(last)}", escape="!")


def _source(known: Known, one: RunFilter) -> Any:
    """Return the condition that runs lie in a folder or file named so; where none does, in or below such a folder."""
    if one.op in ("missing", "present"):
        return true() if one.op == "present" else false()
    if one.op not in ("eq", "in", "ne", "not_in", "contains"):
        raise BadInput(f"sources cannot be compared by {one.op}", hint="use eq, ne, in, not_in or contains")
    given = [folded(str(value)) for value in _many(one)]
    if one.op == "contains":
        return or_(*(_lies(f"%{escaped(value)}%") for value in given))
    exact = [value for value in given if value in known.sources]
    below = [f"%/{escaped(value.strip('/'))}/%" for value in given if value not in known.sources]
    found = or_(*(_holds(value) for value in exact), *(_lies(pattern) for pattern in below))
    return not_(found) if one.op in ("ne", "not_in") else found


def _holds(folder: str) -> Any:
    """Return the condition that `kb.vocabulary.scope_source` of a run is `folder`."""
    r = schema.runs
    place, start = func.lower(r.c.main_source), escaped(folder)
    is_file = or_(place.like("%.db"), place.like("%.sqlite"))
    itself = and_(place == folder, or_(r.c.place != "", place.not_like("%/%"), is_file))
    inside = and_(place.like(f"{start}/%", escape="!"), place.not_like(f"{start}/%/%", escape="!"))
    return or_(itself, and_(inside, r.c.place == "", not_(is_file)))


def _lies(pattern: str) -> Any:
    """Return the condition that a run's history, its root, its place or one of its files fits a pattern."""
    r, s, o = schema.runs, schema.sources, schema.roots

    def like(column: Any) -> Any:
        return func.lower("/" + column + "/").like(pattern, escape="!")

    inside = select(s.c.id).join(o, o.c.id == s.c.root_id).where(or_(like(s.c.source), like(o.c.uri)))
    files = func.replace(func.replace(r.c.files, '"', "/"), "], ", "/")
    return or_(r.c.source_id.in_(inside), like(r.c.main_source), func.lower(files).like(pattern, escape="!"))


def _anywhere(conn: Connection, one: RunFilter) -> Any:
    """Return the condition that a text stands in a run's names, parameters or tags."""
    del conn
    r, p, t = schema.runs, schema.run_params, schema.run_tags

    def stands(value: Scalar) -> Any:
        columns = (r.c.name, r.c.run_id, r.c.experiment, r.c.dataset, r.c.status)
        in_params = select(p.c.run_id).where(or_(_contains(value, p.c.text), _contains(value, p.c.name)))
        in_tags = select(t.c.run_id).where(or_(_contains(value, t.c.value), _contains(value, t.c.name)))
        own = or_(*(func.coalesce(_contains(value, column), false()) for column in columns))
        return or_(own, r.c.id.in_(in_params), r.c.id.in_(in_tags))

    found = or_(*(stands(value) for value in _many(one)))
    return not_(found) if one.op in ("ne", "not_in", "missing") else found


def _epochs(conn: Connection, one: RunFilter) -> Any:
    """Return the condition that a run came as far as the number of epochs that its parameters ask for.

    Steps count from 0 unless they were seen to start at 1. Where they may be batches, they must meet the number.
    """
    del conn
    r, p, m = schema.runs, schema.run_params, schema.run_metrics
    steps = m.c.last_step + case((and_(m.c.first_step == 1, m.c.count > 1), 0), else_=1)
    counted = m.c.last + case((m.c.first == 0, 1), else_=0)
    reached = or_(
        and_(r.c.step_unit == "epoch", steps >= p.c.number),
        and_(m.c.leaf.in_(("epoch", "epochs")), counted >= p.c.number),
        and_(r.c.step_unit == "step", m.c.leaf.not_in(("epoch", "epochs")), steps == p.c.number),
        and_(r.c.step_unit == "step", m.c.last_step == p.c.number),
    )
    done = (
        select(p.c.id)
        .join(m, m.c.run_id == p.c.run_id)
        .where(p.c.run_id == r.c.id, p.c.leaf.in_(EPOCHS), p.c.number > 0, reached)
        .correlate(r)
        .exists()
    )
    wanted = one.op in ("eq", "present") and one.value is not False
    return done if wanted else not_(done)


# -- what a run logged -------------------------------------------------------------------------------------------


def _named(conn: Connection, known: dict[str, Names], one: RunFilter, scope: Sequence[Any]) -> Any:
    if one.field == "param":
        return _param(conn, known["param"], one, scope)
    if one.field == "tag":
        return _tag(conn, known["tag"], one, scope)
    if one.name is None:
        inside = schema.runs.c.id.in_(select(schema.run_metrics.c.run_id))
        return not_(inside) if one.op == "missing" else inside
    name = only(known["metric"], one.name, resolve(conn, known["metric"], one.name, scope))
    return _metric(one, name)


def fetched(conn: Connection, query: Any) -> Any:
    """Return the rows of a query as SQLite's own tuples, which are several times faster than rows with names."""
    return conn.execute(query).cursor


def of_names(table: Any, found: Sequence[Name]) -> list[Any]:
    """Return the conditions that a row is of one of these names; they use the index over leaves."""
    conditions = [table.c.name.in_([one.name for one in found])]
    if "leaf" in table.c:
        conditions.insert(0, table.c.leaf.in_(sorted({leaf(one.name) for one in found})))
    return conditions


def _param(conn: Connection, known: Names, one: RunFilter, scope: Sequence[Any]) -> Any:
    p, r = schema.run_params, schema.runs
    found = params_meant(conn, known, one.name, scope) if one.name is not None else ()
    rows = select(p.c.run_id).where(*(of_names(p, found) if found else ()), p.c.kind != "unset")
    if one.op in ("missing", "present"):
        return r.c.id.not_in(rows) if one.op == "missing" else r.c.id.in_(rows)
    if one.op == "eq" and one.value is None:
        return or_(r.c.id.not_in(rows), r.c.id.in_(rows.where(p.c.kind == "none")))
    return r.c.id.in_(rows.where(_param_value(one)))


def params_meant(conn: Connection, known: Names, name: str, scope: Sequence[Any]) -> tuple[Name, ...]:
    """Return the parameters that a name means. Raises NameAmbiguous where one run has two of them that differ."""
    p, r = schema.run_params, schema.runs
    found = resolve(conn, known, name, scope)
    if len(found) > 1:
        apart = (
            select(p.c.run_id)
            .where(*of_names(p, found), p.c.run_id.in_(select(r.c.id).where(*scope)) if scope else true())
            .group_by(p.c.run_id)
            .having(func.count(p.c.text.distinct()) > 1)
        )
        if conn.execute(apart.limit(1)).first() is not None:
            raise ambiguous("parameter", name, found)
    return found


def _param_value(one: RunFilter) -> Any:
    p = schema.run_params
    there = p.c.kind.not_in(("none", "unset"))
    if one.op in NUMBERED:
        return _compared(one, p.c.number)
    if one.op == "contains":
        return _texts(one, p.c.text)
    if one.op == "odd":
        return or_(and_(p.c.kind == "float", p.c.number.is_(None)), func.abs(p.c.number) > LARGEST)
    equal = or_(*(_is_param(value) for value in _many(one)))
    return and_(there, equal) if one.op in ("eq", "in") else and_(there, not_(equal))


def _is_param(value: Scalar) -> Any:
    p = schema.run_params
    if value is None:
        return p.c.kind == "none"
    found = _is_text(value, p.c.text)
    number = number_of(value)
    if number is None:
        return found
    return or_(found, func.coalesce(p.c.number == number, false()))


def _tag(conn: Connection, known: Names, one: RunFilter, scope: Sequence[Any]) -> Any:
    t, r = schema.run_tags, schema.runs
    found = resolve(conn, known, one.name, scope) if one.name is not None else ()
    rows = select(t.c.run_id).where(*(of_names(t, found) if found else ()))
    if one.op in ("missing", "present") or one.value is None:
        return r.c.id.in_(rows) if one.op in ("present", "ne") else r.c.id.not_in(rows)
    if one.op in ("eq", "in"):
        return r.c.id.in_(rows.where(or_(*(_is_tag(value) for value in _many(one)))))
    return r.c.id.in_(rows.where(_texts(one, t.c.value)))


def _is_tag(value: Scalar) -> Any:
    spelled = {folded(str(value))}
    number = number_of(value)
    if number is not None and not isinstance(value, str):
        spelled |= {repr(number).lower(), *([str(int(number))] if number.is_integer() else [])}
    return fold(schema.run_tags.c.value).in_(sorted(spelled))


def figure_column(figure: str) -> Any:
    """Return the column of `run_metrics` that holds a figure; NULL for a best value without a direction."""
    m = schema.run_metrics
    best, worst = (m.c.high, m.c.low), (m.c.low, m.c.high)
    if figure in ("best", "worst"):
        high, low = best if figure == "best" else worst
        return case((m.c.direction == "maximize", high), (m.c.direction == "minimize", low))
    return m.c[figure]


def _metric(one: RunFilter, name: Name) -> Any:
    m, r = schema.run_metrics, schema.runs
    rows = select(m.c.run_id).where(*of_names(m, (name,)), m.c.split.is_not_distinct_from(name.split))
    if one.op in ("missing", "present"):
        return r.c.id.not_in(rows) if one.op == "missing" else r.c.id.in_(rows)
    if one.op == "odd":
        first = or_(m.c.first.is_(None), func.abs(m.c.first) > LARGEST)
        return r.c.id.in_(rows.where({"last": m.c.last_odd.is_not(None), "first": first}.get(one.figure, m.c.odd > 0)))
    if one.figure not in FIGURES_STORED:
        raise BadInput(f"runs cannot be filtered by the {one.figure} of a metric", hint="use its last, best or count")
    column = figure_column(one.figure)
    if one.figure == "first":
        column = case((func.abs(m.c.first) <= LARGEST, m.c.first))
    return r.c.id.in_(rows.where(_numbers(one, column)))
