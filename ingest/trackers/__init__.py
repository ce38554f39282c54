"""Experiment histories: what lies in a folder (`detect`), and a reader per kind that yields its runs.

    for found in detect(folder):
        for item in READERS[found.kind](found, watch=watch, stop=stop):
            ...  # a Run, or a Problem that says what could not be read

Everything is read where it lies and read-only; artifacts, models and pickles are never opened. Runs come one by one;
the points of their metrics are read when `Run.history()` is asked for them, while the files are still there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ingest.trackers import (
    dvc_git,
    folders,
    mlflow_files,
    mlflow_sql,
    optuna_journal,
    optuna_sql,
    tables,
    wandb,
)
from ingest.trackers.detect import detect
from ingest.trackers.found import Found, Reader

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "mlflow": mlflow_files.read,
        "mlflow-sqlite": mlflow_sql.read,
        "optuna-sqlite": optuna_sql.read,
        "optuna-journal": optuna_journal.read,
        "wandb": wandb.read,
        "table": tables.read,
        "history": folders.read_histories,
        "results": folders.read_results,
        "folder": folders.read,
        "dvc-git": dvc_git.read,
        **dict.fromkeys(folders.FACETS, folders.read),
    }
)

__all__ = ["READERS", "Found", "detect"]
