"""What no run has tried, against candidates or the stored search space; and metrics that never moved."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select

from kb import schema
from kb.errors import BadInput
from kb.history import RunFilter, RunQuery, Scalar, Wanted
from kb.run_lists import distinct
from kb.run_plain import nothing, outcome
from kb.run_result import MOST_RUNS, RunResult, RunTable
from kb.run_rows import citation, cite_cells, refs
from kb.run_sql import conditions, folded, number_of, of_names
from kb.run_values import Asking, cells, measured

MOST_VALUES = 10_000
_SCOPE = frozenset({"experiment", "source", "dataset", "tracker", "id"})


def never_tried(asking: Asking) -> RunResult:
    """Answer never_tried: those candidates that no run that fits has.

    Without candidates they are the values of the stored search space (of integers and choices), else all values that
    any run of the same experiments and sources has. Raises BadInput for a continuous space.
    """
    query = asking.query
    if not query.wanted:
        raise BadInput("never tried of what?", hint="name a parameter, tag or field")
    wanted = query.wanted[0]
    found = measured(asking, asking.base, None)
    pks = [one.pk for one in found.readings]
    candidates, note = _candidates(asking, wanted)
    if wanted.field == "text":
        untried, cited = _never_mentioned(asking, candidates)
    else:
        have = cells(asking, wanted, pks, asking.base)
        seen = {key for cell in have.values() for key in _keys(cell.value)}
        untried = [one for one in candidates if not _keys(one) & seen]
        tried = {pk: cell for pk, cell in have.items() if cell.value is not None}
        cited = cite_cells(refs(asking, list(tried)[:MOST_RUNS]), tried)
    rows = tuple((one, one not in untried) for one in candidates[:MOST_RUNS])
    return outcome(
        asking, "never_tried", untried, found, None, cited=cited, notes=(note,) if note else (),
        rows=RunTable(columns=(wanted.name or wanted.field, "tried"), rows=rows,
                      more=max(len(candidates) - MOST_RUNS, 0)),
    )  # fmt: skip


def _keys(value: Scalar) -> set[Any]:
    """Return what a value is found by: the number that it is or spells, else its text without regard to case."""
    if value is None:
        return set()
    number = number_of(value)
    return {("number", number)} if number is not None else {folded(str(value))}


def _never_mentioned(asking: Asking, candidates: Sequence[Scalar]) -> tuple[list[Scalar], tuple[Any, ...]]:
    untried, named = [], []
    for one in candidates:
        filters = (RunFilter(field="text", op="contains", value=one),)
        within = [*asking.base, *conditions(asking.conn, asking.known, filters)]
        hits = measured(asking, within, None).readings
        if hits:
            named.append(hits[0].pk)
        else:
            untried.append(one)
    return untried, tuple(citation(ref, "run_id", ref.run_id) for ref in refs(asking, named[:MOST_RUNS]))


def _candidates(asking: Asking, wanted: Wanted) -> tuple[list[Scalar], str]:
    given = list(dict.fromkeys(asking.query.candidates))
    if given:
        return given, ""
    if wanted.field == "param":
        spaces = _spaces(asking, wanted)
        if spaces:
            values = [one for space in spaces for one in _enumerated(space, wanted.name or "")]
            return list(dict.fromkeys(values)), f"of the search space that was stored for {wanted.name}"
    if wanted.field == "text":
        raise BadInput("never tried of which ones?", hint="name the candidates")
    wide = RunQuery(
        select="distinct", wanted=(wanted,), filters=tuple(one for one in asking.query.filters if one.field in _SCOPE)
    )
    listed = distinct(Asking(asking.catalogue, asking.conn, wide))
    return list(listed.value), "of the values that any run has"


def _spaces(asking: Asking, wanted: Wanted) -> list[str]:
    p, r = schema.run_params, schema.runs
    scope = [one for one in asking.query.filters if one.field in _SCOPE]
    within = conditions(asking.conn, asking.known, scope)
    names = asking.meant(wanted, within)
    query = select(p.c.space).where(*of_names(p, names), p.c.space.is_not(None)).distinct()
    if within:
        query = query.where(p.c.run_id.in_(select(r.c.id).where(*within)))
    return [str(space) for space in asking.conn.scalars(query)]


def _enumerated(text: str, name: str) -> list[Scalar]:
    """Return the values of a search space. Raises BadInput for one that cannot be enumerated."""
    try:
        about = json.loads(text)
    except ValueError:
        about = None
    values = _values(about) if isinstance(about, dict) else about if isinstance(about, list) else None
    if values is None:
        hint = "name the values to look for"
        raise BadInput(f"the search space of {name!r} cannot be enumerated: {text[:80]}", hint=hint)
    return [one if isinstance(one, str | int | float | bool | None) else json.dumps(one) for one in values]


def _values(about: dict[str, Any]) -> list[Any] | None:
    inner = about.get("attributes")
    given = inner if isinstance(inner, dict) else about
    for key in ("choices", "values"):
        if isinstance(given.get(key), list):
            return list(given[key])
    low, high = given.get("low", given.get("min")), given.get("high", given.get("max"))
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    step = given.get("step", given.get("q"))
    if step is None and (
        str(about.get("name", "")).startswith("Int") or (isinstance(low, int) and isinstance(high, int))
    ):
        step = 1
    if not isinstance(step, int | float) or step <= 0 or (high - low) / step > MOST_VALUES:
        return None
    count = math.floor((high - low) / step + 1e-9) + 1
    return [low + n * step for n in range(count)]


# -- unchanged ---------------------------------------------------------------------------------------------------


def unchanged(asking: Asking) -> RunResult:
    """Answer unchanged: metrics whose last value is the same in all runs that fit and have it, two or more.

    Where only one run fits: metrics that kept one value over their steps.
    """
    found = measured(asking, asking.base, None)
    pks = [one.pk for one in found.readings]
    if not pks:
        return nothing(asking, found, None)
    rows = _same_within(asking, pks[0]) if len(pks) == 1 else _same_over(asking)
    value = list(dict.fromkeys(row.name for row in rows))
    refs_of = {ref.pk: ref for ref in refs(asking, list(dict.fromkeys(row.run for row in rows)))}
    cited = tuple(citation(refs_of[row.run], f"metrics.{row.name}", row.last, step=row.last_step, split=row.split)
                  for row in rows)  # fmt: skip
    return outcome(
        asking, "list", value, replace(found), None, runs=tuple(refs_of.values()), cited=cited,
        rows=RunTable(columns=("metric", "value", "times"), rows=tuple((row.name, row.last, row.n) for row in rows)),
    )  # fmt: skip


def _same_within(asking: Asking, pk: int) -> Iterable[Any]:
    m = schema.run_metrics
    query = select(m.c.name, m.c.split, m.c.last, m.c.last_step, m.c.run_id.label("run"), m.c.count.label("n"))
    same = query.where(m.c.run_id == pk, m.c.count > 1, m.c.odd == 0, m.c.low == m.c.high)
    return asking.conn.execute(same.order_by(m.c.name)).all()


def _same_over(asking: Asking) -> Iterable[Any]:
    m, r = schema.run_metrics, schema.runs
    kept = [r.c.loose == 0, *([] if asking.query.deleted else [r.c.deleted == 0])]
    n = func.count().label("n")
    query = (
        select(m.c.name, m.c.split, func.min(m.c.last).label("last"), n, func.min(m.c.run_id).label("run"))
        .add_columns(func.min(m.c.last_step).label("low_step"))
        .join(r, r.c.id == m.c.run_id)
        .where(*asking.base, *kept)
        .group_by(m.c.name, m.c.split)
        .having(n > 1, func.min(m.c.last) == func.max(m.c.last), func.count(m.c.last) == n)
        .order_by(m.c.name)
        .subquery()
    )
    own = m.alias()
    joined = select(query.c.name, query.c.split, query.c.last, query.c.n, query.c.run, own.c.last_step).join(
        own, (own.c.run_id == query.c.run) & (own.c.name == query.c.name)
        & own.c.split.is_not_distinct_from(query.c.split)
    )  # fmt: skip
    return asking.conn.execute(joined.order_by(query.c.name)).all()
