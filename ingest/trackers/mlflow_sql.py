"""MLflow's database, SQLite or PostgreSQL, of any schema version: the tables and columns are read that are there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from ingest.report import Step
from ingest.trackers.files import Unreadable
from ingest.trackers.found import Found, Stop, Watch, never, quiet
from ingest.trackers.store import Store, opened
from ingest.trackers.values import dataset_of, milliseconds, mlflow_value, typed_params
from kb.records import Point, Problem, Run, split_of, state_of

_BY_RUN = tuple((table, "run_uuid") for table in ("metrics", "latest_metrics", "params", "tags"))


def is_mlflow(tables: frozenset[str]) -> bool:
    """Tell whether a database with these tables is MLflow's."""
    return {"experiments", "runs", "metrics", "params"} <= tables


def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield the runs of an MLflow database; one that turns out damaged ends with a Problem."""
    done = 0
    try:
        database = opened(found, _BY_RUN)
        experiments = _experiments(database)
        for row in _runs(database):
            if stop():
                return
            yield _run(database, row, experiments, found.source)
            done += 1
            if done % 500 == 0:
                watch(Step(stage="read", done=done, total=found.count or 0, current=found.source))
        if database.note:
            yield Problem(source=found.source, reason=f"{done} runs were read; {database.note}")
    except Unreadable as error:
        yield Problem(source=found.source, reason=f"{done} runs were read, then: {error}")


def _dicts(database: Store, table: str, order: str) -> Iterator[dict[str, Any]]:
    columns = database.columns(table)
    by = f' order by "{order}"' if order in columns else ""
    names = ", ".join(f'"{name}"' for name in columns)
    for row in database.rows(f'select {names} from "{table}"{by}'):
        yield dict(zip(columns, row, strict=True))


def _experiments(database: Store) -> dict[Any, tuple[str, bool]]:
    return {
        row["experiment_id"]: (str(row.get("name") or row["experiment_id"]), row.get("lifecycle_stage") == "deleted")
        for row in _dicts(database, "experiments", "experiment_id")
    }


def _runs(database: Store) -> Iterator[dict[str, Any]]:
    return _dicts(database, "runs", "start_time")


def _pairs(database: Store, table: str, run: str) -> dict[str, str]:
    query = f'select "key", value from "{table}" where run_uuid = ? order by "key"'
    return {str(key): str(value) for key, value in database.rows(query, (run,)) if value is not None}


def _run(database: Store, row: dict[str, Any], experiments: dict[Any, tuple[str, bool]], source: str) -> Run:
    run = row["run_uuid"]
    tags = _pairs(database, "tags", run) if "tags" in database.tables() else {}
    texts = _pairs(database, "params", run)
    params, raw = typed_params(texts)
    experiment, gone = experiments.get(row.get("experiment_id"), (str(row.get("experiment_id")), False))
    data, data_tags = _inputs(database, run)
    return Run(
        tracker="mlflow",
        run_id=str(run),
        source=source,
        experiment=experiment,
        name=tags.get("mlflow.runName") or row.get("name") or None,
        status=row.get("status"),
        state=state_of(row.get("status")),
        params=params,
        raw_params=raw,
        tags={**told(row), **tags, **data_tags},
        dataset=data or dataset_of(params),
        started=milliseconds(row.get("start_time")),
        ended=milliseconds(row.get("end_time")),
        parent=tags.get("mlflow.parentRunId"),
        deleted=gone or row.get("lifecycle_stage") == "deleted",
        version=_version(database, run, [sorted(row.items()), experiment, gone, texts, tags, data_tags]),
        history=partial(_history, database, run, source),
    )


def _version(database: Store, run: str, parts: list[Any]) -> str | None:
    """Return a hash that changes with the run and its metrics; None of stores that do not keep the latest values."""
    if "latest_metrics" not in database.tables():
        return None
    query = 'select "key", value, step, timestamp from latest_metrics where run_uuid = ? order by "key"'
    count = next(database.rows("select count(*) from metrics where run_uuid = ?", (run,)))
    told = repr([parts, count, list(database.rows(query, (run,)))])
    return hashlib.sha256(told.encode()).hexdigest()[:20]


def told(row: dict[str, Any]) -> dict[str, str]:
    """Return the columns of a run that MLflow's file store keeps as tags, under the names that they have there."""
    names = {"user_id": "mlflow.user", "source_name": "mlflow.source.name", "source_type": "mlflow.source.type"}
    return {tag: str(row[column]) for column, tag in names.items() if row.get(column)}


def _inputs(database: Store, run: str) -> tuple[str | None, dict[str, str]]:
    if not {"inputs", "datasets"} <= database.tables():
        return None, {}
    query = (
        "select d.name, d.digest, d.dataset_source from inputs i join datasets d on d.dataset_uuid = i.source_id"
        " where i.destination_type = 'RUN' and i.destination_id = ? order by d.name"
    )
    rows = list(database.rows(query, (run,)))
    tags = {f"dataset.{name}.digest": str(digest) for name, digest, _ in rows}
    tags |= {f"dataset.{name}.source": str(place) for name, _, place in rows if place}
    return ", ".join(dict.fromkeys(str(name) for name, _, _ in rows)) or None, tags


def _history(database: Store, run: str, source: str) -> Iterator[Point | Problem]:
    columns = database.columns("metrics")
    step = "step" if "step" in columns else "null"
    odd = "is_nan" if "is_nan" in columns else "0"
    query = (
        f'select "key", value, {step}, timestamp, {odd} from metrics where run_uuid = ?'
        f' order by "key", {step}, timestamp, value'
    )
    try:
        for name, value, at, time, nan in database.rows(query, (run,)):
            yield Point(str(name), mlflow_value(value, nan), at, milliseconds(time), split_of(str(name)))
    except Unreadable as error:
        yield Problem(source=source, place=f"run {run}", reason=str(error))
