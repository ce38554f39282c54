"""Optuna's SQLite and PostgreSQL storages of any version; several studies in one file are several experiments."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ingest.report import Step
from ingest.trackers.files import Unreadable
from ingest.trackers.found import Found, Stop, Watch, never, quiet
from ingest.trackers.optuna_values import (
    Spaces,
    Study,
    Trial,
    attribute,
    direction_of,
    metric_names,
    run_of,
)
from ingest.trackers.store import Store, opened
from kb.records import Problem, Run

_BATCH = 1000
_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}


def is_optuna(tables: frozenset[str]) -> bool:
    """Tell whether a database with these tables is Optuna's."""
    return {"studies", "trials", "trial_params"} <= tables


def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield every trial of every study as a run; a database that turns out damaged ends with a Problem."""
    done, spaces = 0, Spaces()
    try:
        database = opened(found)
        studies = _studies(database)
        for first, last in _spans(database):
            if stop():
                return
            for study_id, trial in _trials(database, first, last):
                study = studies.get(study_id)
                if study is None:
                    yield Problem(source=found.source, place=f"trial {trial.number}", reason="its study is missing")
                    continue
                yield run_of(study, trial, found.source, spaces)
                done += 1
            watch(Step(stage="read", done=done, total=found.count or 0, current=found.source))
        if database.note:
            yield Problem(source=found.source, reason=f"{done} trials were read; {database.note}")
    except Unreadable as error:
        yield Problem(source=found.source, reason=f"{done} trials were read, then: {error}")


def _studies(database: Store) -> dict[int, Study]:
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for table in ("study_system_attributes", "study_user_attributes"):
        if table in database.tables():
            for study, key, value in database.rows(f'select study_id, "key", value_json from {table}'):
                tags[study][str(key)] = attribute(value)
    studies = {}
    for study, name in database.rows("select study_id, study_name from studies"):
        told = {f"study.{key}": value for key, value in tags[study].items() if key != "study:metric_names"}
        directions = _directions(database, study)
        studies[study] = Study(name=str(name), directions=directions, names=metric_names(tags[study]), tags=told)
    return studies


def _directions(database: Store, study: int) -> list[Any]:
    """Return a study's directions: of a table of their own, or of a column in storages before several objectives."""
    if "study_directions" in database.tables():
        query = "select direction from study_directions where study_id = ? order by objective"
    elif "direction" in database.columns("studies"):
        query = "select direction from studies where study_id = ?"
    else:
        return [None]
    return [direction_of(row[0]) for row in database.rows(query, (study,))]


def _spans(database: Store) -> Iterator[tuple[int, int]]:
    """Yield ranges of trial ids that hold about _BATCH trials each."""
    ids = [row[0] for row in database.rows("select trial_id from trials order by trial_id")]
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        yield batch[0], batch[-1]


def _trials(database: Store, first: int, last: int) -> Iterator[tuple[int, Trial]]:
    columns = database.columns("trials")
    wanted = ("number", "state", "datetime_start", "datetime_complete", "value")
    names = ", ".join(name if name in columns else "null" for name in wanted)
    query = f"select trial_id, study_id, {names} from trials where trial_id between ? and ? order by trial_id"
    trials: dict[int, tuple[int, Trial]] = {}
    for trial, study, number, state, started, ended, value in database.rows(query, (first, last)):
        values = [] if value is None else [float(value)]
        made = Trial(
            number=-1 if number is None else number, state=str(state), started=started, ended=ended, values=values
        )
        trials[trial] = (study, made)
    by_id = {trial: made for trial, (_, made) in trials.items()}
    _add_values(database, by_id, (first, last))
    _add_params(database, by_id, (first, last))
    _add_tags(database, by_id, (first, last))
    yield from trials.values()


def _add_params(database: Store, trials: dict[int, Trial], span: tuple[int, int]) -> None:
    query = (
        "select trial_id, param_name, param_value, distribution_json from trial_params"
        " where trial_id between ? and ? order by param_id"
    )
    for trial, name, value, text in database.rows(query, span):
        if trial in trials:
            trials[trial].params[str(name)] = (value, str(text))


def _add_values(database: Store, trials: dict[int, Trial], span: tuple[int, int]) -> None:
    """Add objectives and intermediate values; before several objectives, `trial_values` held the latter."""
    columns = database.columns("trial_values")
    if "objective" in columns:
        kind = "value_type" if "value_type" in columns else "null"
        query = f"select trial_id, objective, value, {kind} from trial_values where trial_id between ? and ?"
        for trial, _, value, told in database.rows(f"{query} order by trial_id, objective", span):
            if trial in trials:
                trials[trial].values.append(_value(value, told))
    for table, column in (("trial_intermediate_values", "intermediate_value"), ("trial_values", "value")):
        there = database.columns(table)
        if "step" in there:
            kind = f"{column}_type" if f"{column}_type" in there else "null"
            query = f"select trial_id, step, {column}, {kind} from {table} where trial_id between ? and ?"
            for trial, step, value, told in database.rows(f"{query} order by trial_id, step", span):
                if trial in trials:
                    trials[trial].steps.append((step, _value(value, told)))


def _add_tags(database: Store, trials: dict[int, Trial], span: tuple[int, int]) -> None:
    """Add user attributes, and the system's where they tell something; the oldest storages number trials there."""
    for table in ("trial_system_attributes", "trial_user_attributes"):
        if table not in database.tables():
            continue
        query = f'select trial_id, "key", value_json from {table} where trial_id between ? and ?'
        for trial, key, value in database.rows(query, span):
            if trial not in trials:
                continue
            if key == "_number":
                trials[trial].number = int(attribute(value))
            else:
                trials[trial].tags[str(key)] = attribute(value)


def _value(value: Any, told: Any) -> float:
    if told in _INFINITE:
        return _INFINITE[told]
    return math.nan if value is None else float(value)
