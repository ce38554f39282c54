"""Optuna's storages hold for Citewise what Optuna itself reports, whatever version wrote them."""

from __future__ import annotations

import json
import math
import sqlite3
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial
from runs_of import fingerprint, metric, points, read_all, runs_in

from kb.records import Direction, Run, State

optuna.logging.set_verbosity(optuna.logging.ERROR)


def storage_at(folder: Path, kind: str) -> BaseStorage:
    if kind == "sqlite":
        return RDBStorage(f"sqlite:///{folder / 'study.db'}")
    return JournalStorage(JournalFileBackend(str(folder / "study.log")))


def objective(trial: optuna.Trial) -> float:
    depth = trial.suggest_int("depth", 1, 8)
    lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    kind = trial.suggest_categorical("kind", ["rf", "svm", None, 3])
    trial.set_user_attr("note", f"kind {kind}")
    for step in range(depth):
        trial.report(lr * step, step)
    if trial.number == 3:
        raise optuna.TrialPruned
    if trial.number == 4:
        raise ZeroDivisionError
    return depth * lr


def assert_same(runs: dict[str, Run], study: optuna.Study) -> None:
    for trial in study.trials:
        run = runs[f"{study.study_name}#{trial.number}"]
        assert run.params == trial.params
        assert run.status == trial.state.name
        steps = dict(points(run, "intermediate_value"))
        assert steps == pytest.approx(trial.intermediate_values)
        told = [value for _, value in points(run, "value")]
        assert told == ([] if trial.value is None else [trial.value])
        assert all(run.tags[key] == value for key, value in trial.user_attrs.items())
        assert set(run.space) == set(trial.distributions)


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_every_trial_is_a_run_pruned_and_failed_ones_too(tmp_path: Path, kind: str) -> None:
    study = optuna.create_study(storage=storage_at(tmp_path, kind), study_name="first", direction="maximize")
    study.set_user_attr("who", "ann")
    study.optimize(objective, n_trials=8, catch=ZeroDivisionError)
    before = fingerprint(tmp_path)
    runs = runs_in(tmp_path)
    assert len(runs) == 8
    assert_same(runs, study)
    assert (runs["first#3"].state, runs["first#4"].state) == (State.PRUNED, State.FAILED)
    assert runs["first#0"].directions == {"value": Direction.MAXIMIZE}
    assert runs["first#0"].tags["study.who"] == "ann"
    assert json.loads(runs["first#0"].space["depth"])["attributes"]["high"] == 8
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_several_objectives_have_their_names_and_directions(tmp_path: Path, kind: str) -> None:
    study = optuna.create_study(
        storage=storage_at(tmp_path, kind), study_name="two", directions=["minimize", "maximize"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.set_metric_names(["loss", "acc"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 0.5), n_trials=2)
    run = runs_in(tmp_path)["two#1"]
    assert run.directions == {"loss": Direction.MINIMIZE, "acc": Direction.MAXIMIZE}
    assert metric(run, "acc").last == 0.5


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_infinite_values_and_waiting_trials_are_kept(tmp_path: Path, kind: str) -> None:
    study = optuna.create_study(storage=storage_at(tmp_path, kind), study_name="odd")
    study.add_trial(create_trial(value=math.inf, intermediate_values={1: -math.inf, 2: math.nan}))
    study.enqueue_trial({"x": 1})
    runs = runs_in(tmp_path)
    assert metric(runs["odd#0"], "value").last == math.inf
    assert metric(runs["odd#0"], "intermediate_value").first == -math.inf
    assert metric(runs["odd#0"], "intermediate_value").odd == 2
    assert runs["odd#1"].state is State.WAITING


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_studies_in_one_storage_are_experiments_and_deleted_ones_are_gone(tmp_path: Path, kind: str) -> None:
    storage = storage_at(tmp_path, kind)
    for name in ("a", "b", "c"):
        optuna.create_study(storage=storage, study_name=name).add_trial(create_trial(value=1.0))
    optuna.delete_study(study_name="b", storage=storage)
    assert {run.experiment for run in runs_in(tmp_path).values()} == {"a", "c"}


TRIALS = st.lists(
    st.tuples(
        st.integers(-5, 5),
        st.floats(0, 1),
        st.sampled_from(["x", "y"]),
        st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]),
        st.dictionaries(st.integers(0, 9), st.floats(allow_nan=False), max_size=3),
    ),
    max_size=5,
)
SPACE: dict[str, Any] = {
    "i": IntDistribution(-5, 5),
    "f": FloatDistribution(0, 1),
    "c": CategoricalDistribution(["x", "y"]),
}


@settings(max_examples=10)
@given(TRIALS)
def test_whatever_optuna_reports_of_a_trial_its_run_holds(
    tmp_path_factory: pytest.TempPathFactory, trials: Any
) -> None:
    folder = tmp_path_factory.mktemp("storage")
    study = optuna.create_study(storage=storage_at(folder, "journal"), study_name="s")
    for i, f, c, state, steps in trials:
        made = create_trial(
            state=state,
            value=f if state is TrialState.COMPLETE else None,
            params={"i": i, "f": f, "c": c},
            distributions=SPACE,
            intermediate_values=steps,
        )
        study.add_trial(made)
    runs = runs_in(folder) if trials else {}
    assert_same(runs, study)


def test_a_storage_from_before_several_objectives_is_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.executescript(
        """
        create table studies (study_id integer primary key, study_name text, direction text);
        create table trials (trial_id integer primary key, study_id integer, state text, value float,
                             datetime_start text, datetime_complete text);
        create table trial_params (param_id integer primary key, trial_id integer, param_name text, param_value float,
                                   distribution_json text);
        create table trial_values (trial_value_id integer primary key, trial_id integer, step integer, value float);
        create table trial_system_attributes (trial_id integer, key text, value_json text);
        create table trial_user_attributes (trial_id integer, key text, value_json text);
        insert into studies values (1, 'old', 'MINIMIZE');
        insert into trials values (9, 1, 'COMPLETE', 0.25, '2019-05-01 10:00:00', '2019-05-01 10:00:05.5');
        insert into trial_system_attributes values (9, '_number', '4');
        insert into trial_values values (1, 9, 0, 0.9), (2, 9, 1, 0.4);
        insert into trial_params values
          (1, 9, 'lr', 0.01, '{"name": "LogUniformDistribution", "attributes": {"low": 0.001, "high": 0.1}}'),
          (2, 9, 'n', 3.0, '{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 5}}'),
          (3, 9, 'k', 1.0, '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b"]}}');
        """
    )
    connection.close()
    run = runs_in(tmp_path)["old#4"]
    assert run.params == {"lr": 0.01, "n": 3, "k": "b"}
    assert (run.directions, metric(run, "value").last) == ({"value": Direction.MINIMIZE}, 0.25)
    assert points(run, "intermediate_value") == [(0, 0.9), (1, 0.4)]
    assert run.ended is not None
    assert run.started is not None
    assert (run.ended - run.started, run.zoned) == (5.5, False)


def test_a_journal_whose_writer_was_killed_tells_where_it_ends(tmp_path: Path) -> None:
    study = optuna.create_study(storage=storage_at(tmp_path, "journal"), study_name="s")
    study.add_trial(create_trial(value=1.0))
    with (tmp_path / "study.log").open("a") as file:
        file.write('{"op_code": 5, "trial_')
    (run,), (problem,) = read_all(tmp_path)
    assert run.run_id == "s#0"
    assert problem.place == "line 3"
    assert "ends in the middle" in problem.reason
