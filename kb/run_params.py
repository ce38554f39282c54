"""The parameters of a run, and those in which two runs differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select

from kb import runs as stored
from kb import schema
from kb.errors import BadInput, SeveralFit
from kb.history import Scalar, Wanted
from kb.run_compare import missing, sides, together
from kb.run_lists import chosen_runs
from kb.run_plain import direction_of, nothing, outcome, ranked, same
from kb.run_result import MOST_RUNS, RunResult, RunTable
from kb.run_rows import citation, cite_readings, refs
from kb.run_values import Asking, Cell, Measured, Reading, cells, measured
from kb.runs import Param, RunRow


def changed(asking: Asking) -> RunResult:
    """Answer changed: parameters that differ between the two sides, `wanted` ones aside; null is not set.

    Without sides and with a metric it is the best run against the second best. A parameter in which the runs of one
    side differ among themselves is left out and told.
    """
    found, pairs = _pair(asking)
    if not all(pairs):
        return nothing(asking, found, None, *missing([None if not one else 0.0 for one in pairs]))
    agreed = [agreement(side) for side in pairs]
    mixed = sorted({*agreed[0][1], *agreed[1][1]})
    aside = _left_aside(asking)
    value: dict[str, list[Scalar]] = {}
    for name in dict.fromkeys((*agreed[0][0], *agreed[1][0])):
        ends = [params[name].value if name in params else None for params, _ in agreed]
        if name not in mixed and name not in aside and same(ends[0]) != same(ends[1]):
            value[name] = ends
    who = refs(asking, [row.pk for side in pairs for row in side[:MOST_RUNS]])
    firsts = [next(ref for ref in who if ref.pk == side[0].pk) for side in pairs]
    cited = tuple(citation(ref, f"params.{name}", ends[at]) for name, ends in value.items()
                  for at, ref in enumerate(firsts))  # fmt: skip
    rows = tuple((name, *ends) for name, ends in value.items())
    return outcome(
        asking, "compare_params", value, found, None, runs=who, cited=cited, considered=sum(map(len, pairs)),
        rows=RunTable(columns=("parameter", *(ref.run_id for ref in firsts)), rows=rows[:MOST_RUNS]),
        notes=tuple(f"{name} differs between the runs of one side" for name in mixed if name not in aside),
    )  # fmt: skip


def _pair(asking: Asking) -> tuple[Measured, list[list[RunRow]]]:
    if asking.query.first:
        both = [measured(asking, side, None) for side in sides(asking)]
        found = together(*both)
        return found, [_whole(asking, side.readings) for side in both]
    measure = asking.measure(asking.base) if asking.query.metric is not None else None
    if measure is None:
        raise BadInput("what changed between which runs?", hint="name two runs, or a metric for the best two")
    found = measured(asking, asking.base, measure)
    order = ranked(found.readings, direction_of(asking.query, found.readings, measure)) if found.readings else []
    return found, [_whole(asking, order[:1]), _whole(asking, order[1:2])]


def _whole(asking: Asking, readings: Sequence[Reading]) -> list[RunRow]:
    return list(stored.runs(asking.catalogue, pks=[one.pk for one in readings[:MOST_RUNS]]))


def agreement(rows: Sequence[RunRow]) -> tuple[dict[str, Param], list[str]]:
    """Return the parameters in which runs agree (or that only some set, alike), and the names in which they differ."""
    params: dict[str, Param] = {}
    mixed: dict[str, None] = {}
    for row in rows:
        for name, param in row.params.items():
            if param.kind != "unset" and same(params.setdefault(name, param).value) != same(param.value):
                mixed[name] = None
    set_by_all = {name for name in params if all(name in row.params for row in rows)}
    mixed.update(dict.fromkeys(name for name in params if name not in set_by_all))
    return {name: one for name, one in params.items() if name not in mixed}, list(mixed)


def _left_aside(asking: Asking) -> set[str]:
    known = asking.known["param"]
    wanted = [one.name for one in asking.query.wanted if one.field == "param" and one.name]
    return {one.name for name in wanted for tier in known.tiers(name) for one in tier}


def params(asking: Asking) -> RunResult:
    """Answer params: all parameters of the run that fits, or the wanted parameters, tags and fields.

    With a metric it is the best run. Of several runs, what they agree in; what differs is told. Raises SeveralFit
    where they agree in nothing.
    """
    measure = asking.measure(asking.base) if asking.query.metric is not None else None
    found = measured(asking, asking.base, measure)
    if not found.readings and measure is None:
        found = _loose(asking, found)
    chosen = chosen_runs(asking, found, measure)
    if not chosen:
        return nothing(asking, found, measure)
    have, mixed, notes = _agreed_cells(asking, chosen)
    if not have and mixed:
        ids = tuple(ref.run_id for ref in refs(asking, [one.pk for one in chosen[:20]]))
        raise SeveralFit(len(chosen), ", ".join(mixed[:5]), ids)
    who = refs(asking, [one.pk for one in chosen[:MOST_RUNS]])
    by_pk = {ref.pk: ref for ref in who}
    cited = tuple(citation(by_pk[pk], cell.field, cell.value, step=cell.step, split=cell.split)
                  for pk, cell in have.values() if pk in by_pk)  # fmt: skip
    cited += cite_readings(who, chosen, measure) if measure else ()
    value = {name: cell.value for name, (_, cell) in have.items()}
    told = tuple(f"{name} differs between the {len(chosen)} runs that fit" for name in mixed)
    return outcome(
        asking, "run_params" if have else "none", value if have else None, found, measure, runs=who, cited=cited,
        rows=RunTable(columns=("parameter", "value"), rows=tuple(value.items())[:MOST_RUNS]), considered=len(chosen),
        notes=(*told, *notes),
    )  # fmt: skip


def _loose(asking: Asking, found: Measured) -> Measured:
    """Return the values that belong to an unknown run where no run fits."""
    r = schema.runs
    rows = asking.conn.execute(select(r.c.id, r.c.state).where(*asking.base, r.c.loose == 1).order_by(r.c.id)).all()
    return replace(found, readings=tuple(Reading(row.id, row.state) for row in rows), loose=bool(rows))


def _agreed_cells(
    asking: Asking, chosen: Sequence[Reading]
) -> tuple[dict[str, tuple[int, Cell]], list[str], list[str]]:
    """Return what the chosen runs agree in, with a run that has it, the names in which they differ, and notes."""
    if not asking.query.wanted:
        agreed, mixed = agreement(_whole(asking, chosen))
        first = chosen[0].pk
        have = {name: (first, Cell(one.value, one.text or "", f"params.{name}")) for name, one in agreed.items()}
        return have, mixed, []
    have, mixed, notes = {}, [], []
    pks = [one.pk for one in chosen]
    for wanted in asking.query.wanted:
        found = cells(asking, wanted, pks, [*asking.base, schema.runs.c.id.in_(pks[:MOST_RUNS])])
        by_name: dict[str, list[tuple[int, Cell]]] = defaultdict(list)
        for pk in pks:
            if pk in found:
                by_name[_called(wanted, found[pk])].append((pk, found[pk]))
        for name, ones in by_name.items():
            if len({same(one.value) for _, one in ones}) > 1:
                mixed.append(name)
            else:
                have[name] = ones[0]
        if len(found) < len(pks):
            some = f" in {len(pks) - len(found)} of the {len(pks)} runs that fit" if found else ""
            notes.append(f"{wanted.name or wanted.field} is not set{some}")
    return have, mixed, notes


def _called(wanted: Wanted, cell: Cell) -> str:
    return wanted.field if wanted.name is None else cell.field.split(".", 1)[1]
