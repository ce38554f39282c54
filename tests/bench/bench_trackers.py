"""How fast histories are found and read: MLflow file store and database, Optuna, CSV, TensorBoard, W&B.

    python tests/bench/bench_trackers.py --runs 1000

Each line says runs (and points) per second of processor time, and the peak memory of the process so far.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from test_trackers_tensorboard import event, scalar, write_events
from test_trackers_wandb import history, log, run_record, write_log

from ingest.trackers import READERS, detect
from kb.records import Run, summarise

METRICS, STEPS = 10, 100
CURVE = "".join(f"17000000{step:05} {1 / (step + 1)} {step}\n" for step in range(STEPS))
META = (
    "artifact_uri: x\nend_time: 1700000060000\nexperiment_id: '1'\nlifecycle_stage: active\nrun_id: {run}\nstatus: 3\n"
)


def mlflow_files(folder: Path, runs: int) -> None:
    experiment = folder / "mlruns" / "1"
    experiment.mkdir(parents=True)
    (experiment / "meta.yaml").write_text("artifact_location: x\nexperiment_id: '1'\nname: e\n")
    for number in range(runs):
        run = experiment / f"{number:032}"
        for kind in ("params", "metrics", "tags"):
            (run / kind).mkdir(parents=True)
        (run / "meta.yaml").write_text(META.format(run=run.name))
        for at in range(METRICS):
            (run / "params" / f"p{at}").write_text(str(at / 3))
            (run / "metrics" / f"m{at}").write_text(CURVE)


def mlflow_database(folder: Path, runs: int) -> None:
    connection = sqlite3.connect(folder / "mlflow.db")
    connection.executescript(
        """
        create table experiments (experiment_id integer primary key, name text, lifecycle_stage text);
        create table runs (run_uuid text primary key, name text, status text, start_time bigint, end_time bigint,
                           lifecycle_stage text, experiment_id integer);
        create table metrics (key text, value float, timestamp bigint, run_uuid text, step bigint, is_nan boolean);
        create table params (key text, value text, run_uuid text);
        create table tags (key text, value text, run_uuid text);
        insert into experiments values (1, 'e', 'active');
        """
    )
    names = [f"{number:032}" for number in range(runs)]
    connection.executemany("insert into runs values (?, 'n', 'FINISHED', 1, 2, 'active', 1)", ((run,) for run in names))
    params = ((f"p{at}", str(at / 3), run) for run in names for at in range(METRICS))
    connection.executemany("insert into params values (?, ?, ?)", params)
    rows = ((f"m{m}", 1 / (s + 1), run, s) for run in names for m in range(METRICS) for s in range(STEPS))
    connection.executemany("insert into metrics values (?, ?, 1700000000000, ?, ?, 0)", rows)
    connection.commit()
    connection.close()


def optuna_database(folder: Path, runs: int) -> None:
    connection = sqlite3.connect(folder / "optuna.db")
    connection.executescript(
        """
        create table studies (study_id integer primary key, study_name text);
        create table study_directions (study_id integer, direction text, objective integer);
        create table trials (trial_id integer primary key, number integer, study_id integer, state text,
                             datetime_start text, datetime_complete text);
        create table trial_params (param_id integer primary key, trial_id integer, param_name text, param_value float,
                                   distribution_json text);
        create table trial_values (trial_id integer, objective integer, value float);
        insert into studies values (1, 's');
        insert into study_directions values (1, 'MAXIMIZE', 0);
        """
    )
    space = json.dumps({"name": "FloatDistribution", "attributes": {"low": 0, "high": 1, "log": False, "step": None}})
    when = "2024-01-01 00:00:00.000001"
    connection.executemany(
        "insert into trials values (?, ?, 1, 'COMPLETE', ?, ?)", ((n, n, when, when) for n in range(runs))
    )
    connection.executemany("insert into trial_values values (?, 0, ?)", ((n, n / runs) for n in range(runs)))
    params = ((n, f"p{at}", at / 3, space) for n in range(runs) for at in range(METRICS))
    connection.executemany("insert into trial_params values (null, ?, ?, ?, ?)", params)
    connection.commit()
    connection.close()


def csv_table(folder: Path, runs: int) -> None:
    rows = [f"run{n},rf,{n % 7},{n / runs},{n / runs / 2},0.5" for n in range(runs)]
    text = "name,model,max_depth,lr,val_accuracy,test_auc\n" + "\n".join(rows) + "\n"
    (folder / "results.csv").write_text(text)


def tensorboard(folder: Path, runs: int) -> None:
    for number in range(max(1, runs // 10)):
        events = (event(step, *(scalar(f"m{at}", step) for at in range(METRICS))) for step in range(STEPS))
        write_events(folder / "tb" / f"r{number}", *events)


def wandb(folder: Path, runs: int) -> None:
    for number in range(max(1, runs // 10)):
        rows = (history(step, **{f"m{at}": step / 3 for at in range(METRICS)}) for step in range(STEPS))
        write_log(folder, log(run_record(f"id{number:06}", {"lr": 0.1}), *rows), run=f"id{number:06}")


HISTORIES: dict[str, Callable[[Path, int], None]] = {
    "mlflow file store": mlflow_files,
    "mlflow database": mlflow_database,
    "optuna database": optuna_database,
    "csv": csv_table,
    "tensorboard": tensorboard,
    "wandb": wandb,
}


def measure(name: str, folder: Path) -> None:
    began = time.process_time()
    found = detect(folder)
    seconds = time.process_time() - began
    began = time.process_time()
    runs = [item for place in found for item in READERS[place.kind](place) if isinstance(item, Run)]
    listed = time.process_time() - began
    points = sum(metric.count for run in runs for metric in summarise(run.history()))
    read = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:18} {len(runs):7,} runs  found in {seconds:6.2f} s  {len(runs) / listed:9,.0f} runs/s without and"
        f" {len(runs) / read:9,.0f} runs/s with {points:10,} points ({points / read:10,.0f}/s)  {memory:6,.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--only", choices=sorted(HISTORIES))
    arguments = parser.parse_args()
    for name, write in HISTORIES.items():
        if arguments.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), arguments.runs)
                measure(name, Path(folder))


if __name__ == "__main__":
    main()
