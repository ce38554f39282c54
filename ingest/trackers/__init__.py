"""Experiment histories: what lies in a folder (`detect`), and a reader per kind that yields its runs.

    for found in detect(folder):
        for item in READERS[found.kind](found, watch=watch, stop=stop):
            ...  # a Run, or a Problem that says what could not be read

Everything is read where it lies and read-only; artifacts, models and pickles are never opened. Runs come one by one;
the points of their metrics are read when `Run.history()` is asked for them, while the files are still there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from ingest.trackers import (
    dvc_git,
    folders,
    mlflow_files,
    mlflow_rest,
    mlflow_sql,
    optuna_journal,
    optuna_sql,
    tables,
    wandb,
)
from ingest.trackers.detect import address, detect, is_server
from ingest.trackers.found import Found, Options, Reader, Stop, Watch, guarded, never, quiet
from kb.records import Problem, Run, no_history


def _safely(reader: Reader) -> Reader:
    """Return a reader that never raises: what fails ends its part with a Problem, in the points of a run too."""

    def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
        for item in guarded(lambda: reader(found, watch=watch, stop=stop), found.source):
            if isinstance(item, Run) and item.history is not no_history:
                item = replace(item, history=partial(guarded, item.history, item.source))
            yield item

    return read


def _unreadable(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield why something that looks like a history cannot be read."""
    del watch, stop
    yield Problem(source=found.source, reason=found.why)


_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "mlflow": mlflow_files.read,
        "mlflow-postgres": mlflow_sql.read,
        "mlflow-server": mlflow_rest.read,
        "mlflow-sqlite": mlflow_sql.read,
        "optuna-postgres": optuna_sql.read,
        "optuna-sqlite": optuna_sql.read,
        "optuna-journal": optuna_journal.read,
        "wandb": wandb.read,
        "table": tables.read,
        "history": folders.read_histories,
        "results": folders.read_results,
        "folder": folders.read,
        "dvc-git": dvc_git.read,
        "unreadable": _unreadable,
        **dict.fromkeys(folders.FACETS, folders.read),
    }
)
READERS: Mapping[str, Reader] = MappingProxyType({kind: _safely(reader) for kind, reader in _READERS.items()})

__all__ = ["READERS", "Found", "Options", "address", "detect", "is_server"]
