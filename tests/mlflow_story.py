"""A history logged with the real MLflow to the server named in the arguments; prints what MLflow itself reports of it.

Run in a process of its own, for MLflow's imports are many and not free of warnings.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType


def log(client: mlflow.MlflowClient) -> None:
    """Log runs of every kind: long, odd, nested, failed, running, deleted, with data, and a deleted experiment."""
    churn, gone = client.create_experiment("churn"), client.create_experiment("gone")
    parent = client.create_run(churn, run_name="parent").info.run_id
    points = [Metric("val/loss", 1 / (n + 1), 1700000000000 + n, n) for n in range(600)]
    client.log_batch(parent, metrics=points, params=[Param("lr", "0.10"), Param("opt/name", "007")])
    client.log_batch(
        parent, metrics=[Metric("val/loss", 0.5, 1700000000000, 599), Metric("back", 1.0, 1700000000000, -3)]
    )
    odd = {"nan": float("nan"), "up": float("inf"), "down": float("-inf"), "tiny": 5e-324, "neg": -0.25}
    client.log_batch(parent, metrics=[Metric(name, value, 1700000000000, 2) for name, value in odd.items()])
    data = DatasetInput(Dataset("iris", "abc", "s3", "s3://d"), [InputTag("mlflow.data.context", "train")])
    client.log_inputs(parent, [data])
    client.set_terminated(parent)
    for number in range(30):
        child = client.create_run(churn, tags={"mlflow.parentRunId": parent}, start_time=1700000000000 + number)
        values = [Metric("acc", number / 30 + n / 1000, 1700000000000 + n, n) for n in range(number)]
        client.log_batch(child.info.run_id, metrics=values, tags=[RunTag("note", "zwei\nZeilen é")])
        if number % 3:
            client.set_terminated(child.info.run_id, status="FAILED" if number % 3 == 1 else "KILLED")
        if number % 10 == 9:
            client.delete_run(child.info.run_id)
    client.create_run(gone)
    client.delete_experiment(gone)


def reported(client: mlflow.MlflowClient) -> list[dict[str, Any]]:
    """Return what MLflow reports of every run."""
    found = client.search_experiments(view_type=ViewType.ALL)
    names = {experiment.experiment_id: experiment.name for experiment in found}
    runs = client.search_runs(list(names), run_view_type=ViewType.ALL, max_results=5000)
    return [_reported(client, run, names[run.info.experiment_id]) for run in runs]


def _reported(client: mlflow.MlflowClient, run: Any, experiment: str) -> dict[str, Any]:
    info, data = run.info, run.data
    history = {
        name: sorted((m.step, m.timestamp, repr(m.value)) for m in client.get_metric_history(info.run_id, name))
        for name in data.metrics
    }
    return {
        "run_id": info.run_id,
        "experiment": experiment,
        "name": info.run_name,
        "status": info.status,
        "started": info.start_time,
        "ended": info.end_time,
        "deleted": info.lifecycle_stage == "deleted",
        "params": data.params,
        "tags": data.tags,
        "metrics": {name: repr(value) for name, value in data.metrics.items()},
        "history": history,
        "data": [entry.dataset.name for entry in run.inputs.dataset_inputs] if run.inputs else [],
    }


if __name__ == "__main__":
    _, uri, *verbs = sys.argv
    mlflow.set_tracking_uri(uri)
    asking = mlflow.MlflowClient()
    if "log" in verbs:
        log(asking)
    print(json.dumps(reported(asking)))
