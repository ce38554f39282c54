"""A small history of runs that tests ask about."""

from __future__ import annotations

from kb import runs
from kb.knowledge import KnowledgeBase
from kb.records import Point, Run, State
from kb.store import set_source
from kb.types import SourceKey

AUCS = {"anna": 0.91, "bert": 0.85, "cleo": 0.88}


def put(kb: KnowledgeBase, name: str = "mlruns") -> SourceKey:
    """Store four runs of one experiment, one of which failed, under a source."""
    key = SourceKey(collection="default", root="/data", source=name)
    with kb.catalogue.write() as conn:
        id = set_source(conn, key, kind="mlflow", state="lexical")
    made = [_run(run, name, auc) for run, auc in AUCS.items()]
    runs.put_runs(kb.catalogue, id, [*made, _failed(name)])
    return key


def _run(name: str, source: str, auc: float) -> Run:
    values = (Point("val_auc", auc - 0.1, 1), Point("val_auc", auc, 2), Point("test_auc", auc - 0.05, 2))
    return Run(
        tracker="mlflow", run_id=f"{name}0001", name=name, experiment="churn", source=f"{source}/1/{name}",
        params={"lr": auc / 10, "model": "forest"}, state=State.FINISHED, started=1000.0, ended=1060.0,
        history=lambda: iter(values),
    )  # fmt: skip


def _failed(source: str) -> Run:
    return Run(
        tracker="mlflow", run_id="dora0001", name="dora", experiment="churn", source=f"{source}/1/dora",
        params={"lr": 9.0, "model": "forest"}, state=State.FAILED, history=lambda: iter(()),
    )  # fmt: skip
