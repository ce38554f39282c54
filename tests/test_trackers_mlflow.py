"""MLflow's file store and its database, of old and new versions, read without touching a byte."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import pytest
from runs_of import fingerprint, metric, only_run, points, read_all, runs_in, write

from ingest.trackers import READERS, detect
from kb.records import Run, State

EXPERIMENT = "artifact_location: file:///x\nexperiment_id: '1'\nlifecycle_stage: active\nname: first try\n"
META = """\
artifact_uri: file:///x/artifacts
end_time: 1700000060000
experiment_id: '1'
lifecycle_stage: {stage}
run_id: {run}
run_name: swift-owl
run_uuid: {run}
start_time: 1700000000500
status: {status}
user_id: ann
"""


def store(folder: Path) -> Path:
    write(folder / "mlruns" / "1" / "meta.yaml", EXPERIMENT)
    write(folder / "mlruns" / "0" / "meta.yaml", EXPERIMENT.replace("'1'", "'0'").replace("first try", "Default"))
    return folder / "mlruns"


def add_run(experiment: Path, run: str, *, stage: str = "active", status: int = 3) -> Path:
    write(experiment / run / "meta.yaml", META.format(run=run, stage=stage, status=status))
    for kind in ("params", "metrics", "tags", "artifacts"):
        (experiment / run / kind).mkdir()
    return experiment / run


def test_a_run_keeps_params_metrics_with_steps_tags_times_and_status(tmp_path: Path) -> None:
    run = add_run(store(tmp_path) / "1", "a" * 32)
    write(run / "params" / "lr", "0.1")
    write(run / "params" / "code", "007")
    write(run / "params" / "note", "two\nlines: 'x'")
    write(run / "metrics" / "val" / "loss", "1700000001000 0.5 0\n1700000002000 0.25 10\n1700000002000 nan 20\n")
    write(run / "tags" / "mlflow.runName", "renamed")
    found = only_run(tmp_path)
    assert found.params == {"lr": 0.1, "code": "007", "note": "two\nlines: 'x'"}
    assert points(found, "val/loss")[:2] == [(0, 0.5), (10, 0.25)]
    assert metric(found, "val/loss").odd == 1
    assert (found.name, found.experiment, found.status, found.state) == ("renamed", "first try", "FINISHED", "finished")
    assert (found.started, found.ended) == (1700000000.5, 1700000060.0)
    assert (found.run_id, found.source) == ("a" * 32, f"mlruns/1/{'a' * 32}")


def test_deleted_runs_and_experiments_are_kept_and_marked(tmp_path: Path) -> None:
    mlruns = store(tmp_path)
    add_run(mlruns / "1", "alive")
    add_run(mlruns / "1", "dead", stage="deleted")
    write(mlruns / ".trash" / "7" / "meta.yaml", EXPERIMENT.replace("active", "deleted"))
    add_run(mlruns / ".trash" / "7", "buried")
    assert {run: found.deleted for run, found in runs_in(tmp_path).items()} == {
        "alive": False,
        "dead": True,
        "buried": True,
    }


def test_nested_runs_name_their_parent_and_inputs_their_data_set(tmp_path: Path) -> None:
    mlruns = store(tmp_path)
    child = add_run(mlruns / "1", "child")
    write(child / "tags" / "mlflow.parentRunId", "parent")
    write(mlruns / "1" / "datasets" / "d1" / "meta.yaml", "name: iris\ndigest: abc\nsource: s3://data\n")
    write(
        child / "inputs" / "i1" / "meta.yaml",
        "source_id: d1\nsource_type: DATASET\ntags:\n  mlflow.data.context: train\n",
    )
    found = only_run(tmp_path)
    assert (found.parent, found.dataset) == ("parent", "iris")
    assert found.tags["dataset.iris.digest"] == "abc"
    assert found.tags["dataset.iris.mlflow.data.context"] == "train"


def test_metrics_of_the_first_stores_had_no_step_and_seconds(tmp_path: Path) -> None:
    run = add_run(store(tmp_path) / "1", "old")
    write(run / "metrics" / "auc", "1500000000 0.7\n1500000100 0.8\n")
    assert points(only_run(tmp_path), "auc") == [(None, 0.7), (None, 0.8)]
    assert metric(only_run(tmp_path), "auc").last_time == 1500000100


def test_the_last_value_is_the_one_that_mlflow_reports(tmp_path: Path) -> None:
    run = add_run(store(tmp_path) / "1", "a")
    write(run / "metrics" / "m", "1700000002000 3.0 5\n1700000001000 9.0 1\n1700000002000 7.0 5\n")
    assert metric(only_run(tmp_path), "m").last == 7.0


def test_a_line_that_was_cut_off_is_told_and_the_others_read(tmp_path: Path) -> None:
    run = add_run(store(tmp_path) / "1", "killed", status=1)
    write(run / "metrics" / "loss", "1700000001000 0.5 0\n1700000002000 0.2")
    (found,), (problem,) = read_all(tmp_path)
    assert points(found, "loss") == [(0, 0.5)]
    assert (problem.place, found.state) == ("line 2", State.RUNNING)
    assert "ends in the middle" in problem.reason


def test_a_run_whose_meta_is_broken_is_told_and_the_others_read(tmp_path: Path) -> None:
    mlruns = store(tmp_path)
    add_run(mlruns / "1", "good")
    write(add_run(mlruns / "1", "bad") / "meta.yaml", "status: [3\n")
    runs, (problem,) = read_all(tmp_path)
    assert {run.run_id: run.state for run in runs} == {"good": State.FINISHED, "bad": State.UNKNOWN}
    assert problem.source == "mlruns/1/bad/meta.yaml"


def test_an_experiment_that_lost_its_meta_is_told_by_its_runs(tmp_path: Path) -> None:
    mlruns = store(tmp_path)
    add_run(mlruns / "1", "a")
    (mlruns / "1" / "meta.yaml").unlink()
    assert only_run(tmp_path).experiment == "1"


def test_an_experiment_or_a_run_alone_can_be_read(tmp_path: Path) -> None:
    mlruns = store(tmp_path)
    run = add_run(mlruns / "1", "one")
    assert only_run(mlruns / "1").run_id == "one"
    assert only_run(run).run_id == "one"


def test_artifacts_models_and_pickles_are_never_opened(tmp_path: Path) -> None:
    run = add_run(store(tmp_path) / "1", "a")
    trap = tmp_path / "sprung"
    poison = f"cos\nsystem\n(S'touch {trap}'\ntR."
    for name in ("model.pkl", "MLmodel", "metrics.json", "results.csv"):
        write(run / "artifacts" / "model" / name, poison).chmod(0)
    assert only_run(tmp_path).run_id == "a"
    assert not trap.exists()


def database(path: Path, *, old: bool = False, wal: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    if wal:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma wal_autocheckpoint = 0")
    step = "" if old else ", step bigint default 0, is_nan boolean default 0"
    connection.executescript(
        f"""
        create table experiments (experiment_id integer primary key, name text, lifecycle_stage text);
        create table runs (run_uuid text primary key, name text, status text, start_time bigint, end_time bigint,
                           user_id text, lifecycle_stage text, experiment_id integer);
        create table metrics (key text, value float, timestamp bigint, run_uuid text{step});
        create table params (key text, value text, run_uuid text);
        create table tags (key text, value text, run_uuid text);
        insert into experiments values (1, 'first', 'active'), (2, 'gone', 'deleted');
        insert into runs values ('r1', 'owl', 'FAILED', 1700000000000, 1700000005000, 'ann', 'active', 1);
        insert into runs values ('r2', '', 'RUNNING', 1700000001000, null, 'ann', 'deleted', 1);
        insert into runs values ('r3', '', 'FINISHED', 1700000001000, null, 'ann', 'active', 2);
        insert into params values ('depth', '7', 'r1');
        insert into tags values ('mlflow.parentRunId', 'r2', 'r1');
        """
    )
    return connection


def test_a_database_of_todays_schema_is_read(tmp_path: Path) -> None:
    with database(tmp_path / "mlflow.db") as connection:
        rows = [("a", 0.5, 1, 0), ("a", 0.75, 2, 0), ("a", 0.0, 3, 1), ("b", 1.7976931348623157e308, 0, 0)]
        connection.executemany("insert into metrics values (?, ?, 1700000000000, 'r1', ?, ?)", rows)
    connection.close()
    runs = runs_in(tmp_path)
    assert (runs["r1"].params, runs["r1"].parent, runs["r1"].name) == ({"depth": 7}, "r2", "owl")
    assert points(runs["r1"], "a")[:2] == [(1, 0.5), (2, 0.75)]
    assert math.isnan(metric(runs["r1"], "a").last)
    assert metric(runs["r1"], "b").last == math.inf
    assert [runs[run].deleted for run in ("r1", "r2", "r3")] == [False, True, True]


def test_a_database_from_before_steps_and_nan_is_read(tmp_path: Path) -> None:
    with database(tmp_path / "old.db", old=True) as connection:
        connection.execute("insert into metrics values ('a', 0.5, 1700000000000, 'r1')")
    connection.close()
    before = fingerprint(tmp_path)
    assert points(runs_in(tmp_path)["r1"], "a") == [(None, 0.5)]
    assert fingerprint(tmp_path) == before


def test_rows_that_only_the_log_of_an_open_database_holds_are_seen_and_nothing_is_changed(tmp_path: Path) -> None:
    connection = database(tmp_path / "mlflow.db", wal=True)
    connection.execute("insert into runs values ('r4', 'late', 'RUNNING', 1, null, 'ann', 'active', 1)")
    connection.commit()
    before = fingerprint(tmp_path)
    assert "mlflow.db-wal" in before
    assert set(runs_in(tmp_path)) == {"r1", "r2", "r3", "r4"}
    assert fingerprint(tmp_path) == before
    connection.close()
    assert set(runs_in(tmp_path)) == {"r1", "r2", "r3", "r4"}


def test_a_stores_version_changes_with_the_rows_in_its_log(tmp_path: Path) -> None:
    connection = database(tmp_path / "mlflow.db", wal=True)
    (before,) = detect(tmp_path)
    first = before.version()
    assert first == detect(tmp_path)[0].version()
    connection.execute("insert into runs values ('r4', 'late', 'RUNNING', 1, null, 'ann', 'active', 1)")
    connection.commit()
    assert before.version() != first
    connection.close()


def test_a_database_at_rest_in_wal_mode_gets_no_files_beside_it(tmp_path: Path) -> None:
    database(tmp_path / "mlflow.db", wal=True).close()
    assert len(runs_in(tmp_path)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_many_points_without_an_index_are_indexed_in_a_copy(tmp_path: Path) -> None:
    with database(tmp_path / "mlflow.db") as connection:
        rows = [("a", n / 10, n, 0) for n in range(30_000)]
        connection.executemany("insert into metrics values (?, ?, 1700000000000, 'r1', ?, ?)", rows)
    connection.close()
    before = fingerprint(tmp_path)
    assert metric(runs_in(tmp_path)["r1"], "a").count == 30_000
    assert fingerprint(tmp_path) == before


def test_a_truncated_database_gives_what_can_be_read_and_says_so(tmp_path: Path) -> None:
    with database(tmp_path / "mlflow.db") as connection:
        rows = [("a", n / 10, n, 0) for n in range(30_000)]
        connection.executemany("insert into metrics values (?, ?, 1700000000000, 'r1', ?, ?)", rows)
    connection.close()
    data = (tmp_path / "mlflow.db").read_bytes()
    (tmp_path / "mlflow.db").write_bytes(data[: len(data) // 2])
    runs, problems = read_all(tmp_path)
    assert {run.run_id for run in runs} == {"r1", "r2", "r3"}
    assert any("the file is cut off" in problem.reason for problem in problems)
    assert any("the database is damaged" in problem.reason for problem in problems)


def test_a_database_is_named_by_its_uri_too(tmp_path: Path) -> None:
    database(tmp_path / "mlflow.db").close()
    (found,) = detect(f"sqlite:///{tmp_path}/mlflow.db")
    assert (found.kind, found.count, found.source) == ("mlflow-sqlite", 3, "mlflow.db")


def test_reading_stops_when_asked_and_is_watched(tmp_path: Path) -> None:
    mlruns = store(tmp_path)
    for number in range(250):
        add_run(mlruns / "1", f"r{number:03}")
    (found,) = detect(tmp_path)
    steps: list[int] = []
    read = READERS["mlflow"](found, watch=lambda step: steps.append(step.done), stop=lambda: len(steps) > 1)
    assert sum(isinstance(item, Run) for item in read) == 200
    assert steps == [100, 200]


@pytest.mark.parametrize("stage", ["active", "deleted"])
def test_a_runs_version_changes_with_its_files(tmp_path: Path, stage: str) -> None:
    run = add_run(store(tmp_path) / "1", "a", stage=stage)
    write(run / "metrics" / "m", "1700000001000 1.0 0\n")
    before = only_run(tmp_path).version
    assert only_run(tmp_path).version == before
    with (run / "metrics" / "m").open("a") as file:
        file.write("1700000002000 2.0 1\n")
    assert only_run(tmp_path).version != before
