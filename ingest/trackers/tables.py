"""Tables of results: a run per row, or several runs' histories in one table.

scikit-learn's `cv_results_`, AutoGluon's leaderboards, exports of W&B, MLflow and Optuna are told by their columns;
of any other table `columns` decides what is what. `plan` says it before anything is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ingest.report import Step
from ingest.trackers.columns import MISSING, Column, Mapped, Role, bare, columns_of, likelihood, mapping_for, roles_of
from ingest.trackers.files import Unreadable
from ingest.trackers.found import Found, Stop, Watch, guarded, never, quiet, relative
from ingest.trackers.rows import rows_of
from ingest.trackers.values import dataset_of, measured, moment, number, typed, whole
from ingest.trackers.words import is_param
from kb.records import Direction, Point, Problem, Run, Scalar, Split, split_of, state_of

LOOKED_AT = 5_000
_MAX_GROUPED = 500_000
_ENOUGH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a table will be read: `kind` is runs (a run per row), histories (a row per run and step) or splits.

    `rows` is the number of runs, None of tables too long to be looked at as a whole.
    `labels` are the names under which columns are kept: without the prefixes that exports add.
    """

    kind: str
    tracker: str
    rows: int | None
    roles: Mapping[str, Role]
    by: str | None
    directions: Mapping[str, Direction]
    labels: Mapping[str, str]

    def words(self) -> str:
        """Return the plan in words, to be shown before the table is read."""
        parts = []
        for role in (Role.ID, Role.NAME, Role.PARAM, Role.METRIC):
            names = [name or "(first column)" for name, told in self.roles.items() if told is role]
            if names:
                more = f" and {len(names) - 6} more" if len(names) > 6 else ""
                parts.append(f"{role.value}: {', '.join(names[:6])}{more}")
        return "; ".join(parts)


def plan(path: Path, root: Path) -> Plan | None:
    """Return how a table would be read, None where it holds no runs. Raises Unreadable."""
    mapped = mapping_for(path, root)
    if mapped.kind in ("ignore", "history"):
        return None
    rows = [row for _, row in islice(rows_of(path), LOOKED_AT) if isinstance(row, dict)]
    columns = columns_of(rows)
    roles = roles_of(columns, mapped)
    tracker = _tracker(columns, roles)
    if mapped.kind != "runs" and tracker == "table" and likelihood(path, roles, columns, len(rows)) < _ENOUGH:
        return None
    by = _by(roles, columns, len(rows))
    step = next((name for name, role in roles.items() if role is Role.STEP), None)
    kind = "histories" if step is not None and by is not None and _is_long(rows, by, step) else "runs"
    if step is not None and kind == "runs":
        roles[step] = Role.PARAM
    if kind == "runs" and Role.SPLIT in roles.values():
        kind = "splits"
        by = by or next((name for name, role in roles.items() if role is Role.NAME), None)
        for name, column in columns.items():
            if roles[name] is Role.PARAM and column.numeric and not is_param(name):
                roles[name] = Role.METRIC
    labels = {name: _label(name, tracker) for name in roles}
    how = Plan(
        kind=kind,
        tracker=tracker,
        rows=len(rows),
        roles=roles,
        by=by,
        directions=_directions(tracker, labels, roles, mapped),
        labels=labels,
    )
    if kind != "runs":
        how = replace(how, rows=len({_group(row, how) for row in rows}))
    return replace(how, rows=None) if len(rows) == LOOKED_AT else how


def _label(name: str, tracker: str) -> str:
    start = {"sklearn": "param_", "optuna": "params_"}.get(tracker)
    return name.removeprefix(start) if start and name != start else bare(name)


def _group(row: Mapping[str, Any], how: Plan) -> tuple[str, ...]:
    """Return what rows of one run have in common: its id or, of splits, all that is set."""
    if how.kind == "histories":
        return (str(row.get(how.by or "") or "").strip(),)
    kept = (Role.ID, Role.NAME, Role.PARAM, Role.EXPERIMENT)
    return tuple(str(row.get(name) or "") for name, role in how.roles.items() if role in kept)


def _is_long(rows: list[dict[str, Any]], by: str, step: str) -> bool:
    """Tell whether rows are steps of runs: names repeat, and no step occurs twice for a name."""
    pairs = [(row.get(by), row.get(step)) for row in rows]
    return len({name for name, _ in pairs}) * 2 <= len(pairs) and len(set(pairs)) == len(pairs)


def _tracker(columns: Mapping[str, Column], roles: dict[str, Role]) -> str:
    """Name the library that wrote a table, and mend the roles of columns whose meaning it fixes."""
    names = set(columns)
    if any(name.startswith("mean_test_") for name in names) and (
        "params" in names or any(name.startswith("param_") for name in names)
    ):
        roles.update({name: Role.IGNORE for name in names if name == "params"})
        roles.update({name: Role.METRIC for name in names if _is_cv(name)})
        roles.update({name: Role.PARAM for name in names if name.startswith("param_")})
        return "sklearn"
    if "model" in names and names & {"score_val", "score_test"} and names & {"fit_time", "pred_time_val", "fit_order"}:
        roles.update(dict.fromkeys(names & {"stack_level", "can_infer", "fit_order"}, Role.PARAM))
        return "autogluon"
    if {"number", "value", "state"} <= names and names & {"datetime_start", "duration"}:
        roles |= {"number": Role.ID, "value": Role.METRIC, "state": Role.STATUS}
        roles.update({name: Role.PARAM for name in names if name.startswith("params_")})
        return "optuna"
    if {"run_id", "status"} <= names and any(name.startswith("metrics.") for name in names):
        return "mlflow"
    if {"Name", "State"} <= names and names & {"Runtime", "Created", "Sweep", "ID"}:
        return "wandb"
    return "table"


def _is_cv(name: str) -> bool:
    return name.startswith(("mean_", "std_", "rank_")) or (name.startswith("split") and "_t" in name)


def _directions(
    tracker: str, labels: Mapping[str, str], roles: Mapping[str, Role], mapped: Mapped
) -> dict[str, Direction]:
    """Return the directions that a library fixes (scikit-learn, AutoGluon: greater is better) or a person says."""
    told = {name: Direction(way) for name, way in mapped.directions.items() if way in tuple(Direction)}
    known = {}
    for name, role in roles.items():
        if role is Role.METRIC and tracker in ("sklearn", "autogluon"):
            if name.startswith(("mean_test_", "mean_train_", "split", "score_")):
                known[labels[name]] = Direction.MAXIMIZE
            elif name.startswith("rank_"):
                known[labels[name]] = Direction.MINIMIZE
    return {**known, **told}


def _by(roles: Mapping[str, Role], columns: Mapping[str, Column], rows: int) -> str | None:
    """Return the column whose values are the runs' ids: an identifier, else a name that no two rows share."""
    for name, role in roles.items():
        if role is Role.ID:
            return name
    named = [name for name, role in roles.items() if role is Role.NAME]
    steps = any(role is Role.STEP for role in roles.values())
    return next((name for name in named if len(columns[name].distinct) == rows or steps), None)


def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield the runs of the member tables."""
    paths = found.members or (found.path,)
    for done, path in enumerate(paths, 1):
        if stop():
            return
        yield from guarded(partial(_table, path, found.root), relative(path, found.root))
        watch(Step(stage="read", done=done, total=len(paths), current=relative(path, found.root)))


def _table(path: Path, root: Path) -> Iterator[Run | Problem]:
    source = relative(path, root)
    how = plan(path, root)
    if how is None:
        return
    if how.kind != "runs":
        yield from _grouped(path, source, how)
        return
    copies: Counter[str] = Counter()
    for at, (place, row) in enumerate(rows_of(path), 1):
        if isinstance(row, Unreadable):
            yield Problem(source=source, place=place, reason=str(row))
            continue
        name = str(row.get(how.by) or "").strip() if how.by is not None else ""
        if not name:
            name = f"{source}#{at}"
        yield _run(row, how, source, (name, place, copies[name]))
        copies[name] += 1


def _run(row: Mapping[str, Any], how: Plan, source: str, key: tuple[str, str, int]) -> Run:
    params = dict(_params(row, how))
    status = _first(row, how, Role.STATUS)
    started, zoned = moment(_raw(row, how, Role.TIME))
    return Run(
        tracker=how.tracker,
        run_id=key[0],
        source=source,
        experiment=_first(row, how, Role.EXPERIMENT) or source,
        name=_first(row, how, Role.NAME),
        status=status,
        state=state_of(status),
        params=params,
        tags=dict(_tags(row, how)),
        dataset=dataset_of(params),
        started=started,
        zoned=zoned,
        copy=key[2],
        place=key[1],
        directions=how.directions,
        history=partial(iter, tuple(_points(row, how, None))),
    )


def _params(row: Mapping[str, Any], how: Plan) -> Iterator[tuple[str, Scalar]]:
    """Yield the parameters of a row; a column that names the model is one too, since runs are compared by it."""
    for name, role in how.roles.items():
        cell = row.get(name)
        if role in (Role.PARAM, Role.NAME) and name and cell is not None and cell != "":
            yield (
                how.labels[name],
                typed(cell) if isinstance(cell, str) else cell if isinstance(cell, int | float) else str(cell),
            )


def _tags(row: Mapping[str, Any], how: Plan) -> Iterator[tuple[str, str]]:
    """Yield what describes a row; what stands in place of a number (`crash`) or says more (`0.5 ± 0.1`) too."""
    for name, role in how.roles.items():
        cell = row.get(name)
        if cell is None or str(cell).strip().lower() in MISSING:
            continue
        if role is Role.TAG or (role is Role.METRIC and number(cell) is None):
            yield how.labels[name], str(cell)


def _points(row: Mapping[str, Any], how: Plan, step: int | None) -> Iterator[Point]:
    told = split_of(_first(row, how, Role.SPLIT) or "")
    for name, role in how.roles.items():
        value = measured(row.get(name)) if role is Role.METRIC else None
        if value is not None:
            label = how.labels[name]
            split = Split.VALID.value if how.tracker == "sklearn" and "_test_" in name else told or split_of(label)
            yield Point(label, value, step, None, split)


def _raw(row: Mapping[str, Any], how: Plan, role: Role) -> Any:
    return next(
        (row[name] for name, told in how.roles.items() if told is role and row.get(name) not in (None, "")), None
    )


def _first(row: Mapping[str, Any], how: Plan, role: Role) -> str | None:
    found = _raw(row, how, role)
    return None if found is None else str(found).strip()


def _grouped(path: Path, source: str, how: Plan) -> Iterator[Run | Problem]:
    """Yield the runs of a table with several rows for each: one per step, or one per split."""
    first: dict[tuple[str, ...], tuple[int, str, dict[str, Any]]] = {}
    points: dict[tuple[str, ...], list[Point]] = {}
    for at, (place, row) in enumerate(rows_of(path)):
        if isinstance(row, Unreadable):
            yield Problem(source=source, place=place, reason=str(row))
            continue
        if at >= _MAX_GROUPED:
            yield Problem(source=source, place=place, reason=f"rows after the first {_MAX_GROUPED:,} were not read")
            break
        group = _group(row, how)
        first.setdefault(group, (at + 1, place, row))
        points.setdefault(group, []).extend(_points(row, how, whole(_raw(row, how, Role.STEP))))
    copies: Counter[str] = Counter()
    for group, (number_, place, cells) in first.items():
        name = str(cells.get(how.by or "") or "").strip() or f"{source}#{number_}"
        run = _run(cells, how, source, (name, place, copies[name]))
        copies[name] += 1
        yield replace(run, history=partial(iter, tuple(points[group])))
