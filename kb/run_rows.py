"""What stands behind an answer over runs: who the runs are, the table of them, and the citation of each value shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from kb import schema, store
from kb.errors import NameAmbiguous, NameUnknown
from kb.history import RunQuery, Wanted
from kb.run_result import MOST_RUNS, RunRef, RunTable
from kb.run_values import FIELDS, Asking, Cell, Measure, Reading, cells
from kb.types import RunCitation

_NAMED = ("param", "tag", "metric")


def refs(asking: Asking, pks: Sequence[int]) -> tuple[RunRef, ...]:
    """Return who the runs are, in the order given."""
    r, s, o = schema.runs, schema.sources, schema.roots
    query = (
        select(r.c.id, r.c.main_source, r.c.tracker, r.c.experiment, r.c.run_id, r.c.name, r.c.copy, o.c.uri)
        .join(s, s.c.id == r.c.source_id)
        .join(o, o.c.id == s.c.root_id)
    )
    found = {}
    for part in store.batches(pks):
        for row in asking.conn.execute(query.where(r.c.id.in_(part))):
            found[row.id] = RunRef(
                pk=row.id, source=row.main_source, tracker=row.tracker, experiment=row.experiment, run_id=row.run_id,
                name=row.name, root=row.uri, copy=row.copy,
            )  # fmt: skip
    return tuple(found[pk] for pk in pks if pk in found)


def citation(ref: RunRef, field: str, value: Any, *, step: int | None = None, split: str | None = None) -> RunCitation:
    """Return the citation of a stored value of a run."""
    return RunCitation(
        source=ref.source, tracker=ref.tracker, experiment=ref.experiment, run_id=ref.run_id, field=field,
        value=value, step=step, split=split, root=ref.root, copy=ref.copy,
    )  # fmt: skip


def cite_readings(runs: Iterable[RunRef], readings: Iterable[Reading], measure: Measure) -> tuple[RunCitation, ...]:
    """Return the citation of each run's value of the measure; a mean over steps is cited as such."""
    by_pk = {one.pk: one for one in readings}
    return tuple(
        citation(ref, measure.cited, one.value, step=one.step, split=measure.split)
        for ref in runs
        if (one := by_pk.get(ref.pk)) is not None and one.value is not None and _stored(measure, one)
    )


def _stored(measure: Measure, one: Reading) -> bool:
    """Tell whether the value can be read again: not the lack of a finite one, nor a figure of a window."""
    if measure.figure in ("best", "worst", "low", "high") and not one.finite:
        return False
    return measure.window is None or measure.figure not in ("count", "mean", "steps")


def cite_cells(runs: Iterable[RunRef], found: dict[int, Cell]) -> tuple[RunCitation, ...]:
    """Return the citation of each run's cell."""
    return tuple(
        citation(ref, cell.field, cell.value, step=cell.step, split=cell.split)
        for ref in runs
        if (cell := found.get(ref.pk)) is not None
    )


def table(
    asking: Asking, within: Sequence[Any], readings: Sequence[Reading], measure: Measure | None = None
) -> RunTable:
    """Return the first runs as rows: who they are, what the question names of them, and the measure."""
    shown = readings[:MOST_RUNS]
    who = refs(asking, [one.pk for one in shown])
    columns: list[tuple[str, list[Any]]] = [("run", [ref.run_id for ref in who])]
    if any(ref.name and ref.name != ref.run_id for ref in who):
        columns.append(("name", [ref.name for ref in who]))
    if len({ref.experiment for ref in who}) > 1:
        columns.append(("experiment", [ref.experiment for ref in who]))
    if len({one.state for one in shown}) > 1:
        columns.append(("state", [one.state for one in shown]))
    columns += _extra(asking, within, [ref.pk for ref in who], measure)
    if measure is not None:
        columns.append((measured_label(measure), [one.value for one in shown]))
        if any(one.step is not None for one in shown):
            columns.append(("step", [one.step for one in shown]))
    return RunTable(
        columns=tuple(name for name, _ in columns),
        rows=tuple(zip(*(values for _, values in columns), strict=True)),
        more=max(len(readings) - len(shown), 0),
        pks=tuple(ref.pk for ref in who),
    )


def measured_label(measure: Measure) -> str:
    """Return the heading of the measure's column."""
    return measure.label if measure.figure == "last" else f"{measure.label} ({measure.figure})"


def _extra(
    asking: Asking, within: Sequence[Any], pks: Sequence[int], measure: Measure | None
) -> Iterable[tuple[str, list[Any]]]:
    """Yield a column for each parameter, tag or field that the question names."""
    seen = {"run", "name", "experiment", "state", "id"}
    if measure is not None:
        seen |= {measure.label, measured_label(measure)}
    for wanted in (label_of(asking, one) for one in shown_beside(asking.query)):
        name = wanted.name or FIELDS.get(wanted.field, wanted.field)
        if name in seen or wanted.field == "id":
            continue
        seen.add(name)
        try:
            found = cells(asking, wanted, pks, within)
        except NameAmbiguous:  # a column more or less beside the answer is no reason to refuse it
            continue
        yield name, [found[pk].value if pk in found else None for pk in pks]


def shown_beside(query: RunQuery) -> Iterable[Wanted]:
    """Yield what a question names besides its measure, and so should be seen beside the answer."""
    yield from (wanted for wanted in query.wanted if wanted.field != "text")
    for one in (query.group_by, query.order_by):
        if one is not None:
            yield one
    for condition in (*query.filters, *query.first, *query.second):
        if condition.field in _NAMED and condition.name is not None:
            yield Wanted(field=condition.field, name=condition.name)
    yield from (Wanted(field="text", name=label) for label in query.labels)


def label_of(asking: Asking, wanted: Wanted) -> Wanted:
    """Return a column asked for by its bare name as the parameter, metric, tag or field that it is."""
    if wanted.field != "text":
        return wanted
    name = wanted.name or ""
    if name.lower() in FIELDS or name.lower() == "duration":
        return Wanted(field=name.lower())  # type: ignore[arg-type]
    for kind in _NAMED:
        if any(asking.known[kind].tiers(name)):
            return Wanted(field=kind, name=name)  # type: ignore[arg-type]
    raise NameUnknown("parameter, metric or tag", name)
