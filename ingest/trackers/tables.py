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
from ingest.trackers.columns import Column, Mapped, Role, bare, columns_of, likelihood, mapping_for, roles_of
from ingest.trackers.files import Unreadable
from ingest.trackers.found import Found, Stop, Watch, guarded, never, quiet, relative
from ingest.trackers.rows import rows_of
from ingest.trackers.values import dataset_of, moment, number, typed, whole
from kb.records import Direction, Point, Problem, Run, Scalar, Split, split_of, state_of

LOOKED_AT = 20_000
_MAX_GROUPED = 500_000
_ENOUGH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a table will be read: `kind` is runs (a run per row) or histories (a row per run and step)."""

    kind: str
    tracker: str
    rows: int
    roles: Mapping[str, Role]
    by: str | None
    directions: Mapping[str, Direction]

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
    long = step is not None and by is not None and _is_long(rows, by, step)
    if step is not None and not long:
        roles[step] = Role.PARAM
    return Plan(
        kind="histories" if long else "runs",
        tracker=tracker,
        rows=len({row.get(by) for row in rows}) if long and by is not None else len(rows),
        roles=roles,
        by=by,
        directions=_directions(tracker, roles, mapped),
    )


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
        return "sklearn"
    if "model" in names and names & {"score_val", "score_test"} and names & {"fit_time", "pred_time_val", "fit_order"}:
        roles.update(dict.fromkeys(names & {"stack_level", "can_infer", "fit_order"}, Role.PARAM))
        return "autogluon"
    if {"number", "value", "state"} <= names and names & {"datetime_start", "duration"}:
        roles |= {"number": Role.ID, "value": Role.METRIC, "state": Role.STATUS}
        return "optuna"
    if {"run_id", "status"} <= names and any(name.startswith("metrics.") for name in names):
        return "mlflow"
    if {"Name", "State"} <= names and names & {"Runtime", "Created", "Sweep", "ID"}:
        return "wandb"
    return "table"


def _is_cv(name: str) -> bool:
    return name.startswith(("mean_", "std_", "rank_")) or (name.startswith("split") and "_t" in name)


def _directions(tracker: str, roles: Mapping[str, Role], mapped: Mapped) -> dict[str, Direction]:
    """Return the directions that a library fixes (scikit-learn, AutoGluon: greater is better) or a person says."""
    told = {name: Direction(way) for name, way in mapped.directions.items() if way in tuple(Direction)}
    known = {}
    for name, role in roles.items():
        if role is Role.METRIC and tracker in ("sklearn", "autogluon"):
            if name.startswith(("mean_test_", "mean_train_", "split", "score_")):
                known[bare(name)] = Direction.MAXIMIZE
            elif name.startswith("rank_"):
                known[bare(name)] = Direction.MINIMIZE
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
    if how.kind == "histories":
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
        tags={
            bare(n): str(row[n]) for n, role in how.roles.items() if role is Role.TAG and row.get(n) not in (None, "")
        },
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
                bare(name),
                typed(cell) if isinstance(cell, str) else cell if isinstance(cell, int | float) else str(cell),
            )


def _points(row: Mapping[str, Any], how: Plan, step: int | None) -> Iterator[Point]:
    for name, role in how.roles.items():
        value = number(row.get(name)) if role is Role.METRIC else None
        if value is not None:
            label = bare(name)
            split = Split.VALID.value if how.tracker == "sklearn" and "_test_" in name else split_of(label)
            yield Point(label, value, step, None, split)


def _raw(row: Mapping[str, Any], how: Plan, role: Role) -> Any:
    return next(
        (row[name] for name, told in how.roles.items() if told is role and row.get(name) not in (None, "")), None
    )


def _first(row: Mapping[str, Any], how: Plan, role: Role) -> str | None:
    found = _raw(row, how, role)
    return None if found is None else str(found).strip()


def _grouped(path: Path, source: str, how: Plan) -> Iterator[Run | Problem]:
    """Yield the runs of a table with a row per run and step."""
    step = next(name for name, role in how.roles.items() if role is Role.STEP)
    first: dict[str, tuple[str, dict[str, Any]]] = {}
    points: dict[str, list[Point]] = {}
    for at, (place, row) in enumerate(rows_of(path)):
        if isinstance(row, Unreadable):
            yield Problem(source=source, place=place, reason=str(row))
            continue
        if at >= _MAX_GROUPED:
            yield Problem(source=source, place=place, reason=f"rows after the first {_MAX_GROUPED:,} were not read")
            break
        name = str(row.get(how.by or "") or "").strip()
        first.setdefault(name, (place, row))
        points.setdefault(name, []).extend(_points(row, how, whole(row.get(step))))
    for name, (place, cells) in first.items():
        run = _run(cells, how, source, (name, place, 0))
        yield replace(run, history=partial(iter, tuple(points[name])))
