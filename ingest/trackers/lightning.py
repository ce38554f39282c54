"""PyTorch Lightning's CSV logger and the hparams.yaml of its loggers: a folder `version_N` per run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from ingest.trackers.files import Unreadable, read_mapping, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.steps import csv_history
from ingest.trackers.values import dataset_of, flat
from kb.records import Point, Problem, Run, no_history

_VERSION = re.compile(r"version_\d+")


def _is_here(folder: Folder) -> bool:
    events = any(".tfevents." in name for name in folder.files)
    named = _VERSION.fullmatch(folder.path.name) is not None
    return (folder.has("hparams.yaml") and (named or events or folder.has("metrics.csv"))) or (
        named and folder.has("metrics.csv")
    )


def _read(folder: Folder) -> Iterator[Run | Problem]:
    try:
        config = read_mapping(folder.path / "hparams.yaml") if folder.has("hparams.yaml") else {}
        params = flat(config)
    except Unreadable as error:
        params = {}
        yield Problem(source=folder.of("hparams.yaml"), reason=str(error))
    parent = folder.source.rpartition("/")[0]
    yield Run(
        tracker="lightning",
        run_id=folder.path.name if _VERSION.fullmatch(folder.path.name) else folder.source,
        source=folder.source,
        experiment=parent or None,
        params=params,
        dataset=dataset_of(params),
        aliases=(folder.source,),
        version=version_of(folder.path / name for name in ("hparams.yaml", "metrics.csv")),
        history=partial(_history, folder) if folder.has("metrics.csv") else no_history,
    )


def _history(folder: Folder) -> Iterator[Point | Problem]:
    try:
        yield from csv_history(folder.path / "metrics.csv", folder.of("metrics.csv"))
    except Unreadable as error:
        yield Problem(source=folder.of("metrics.csv"), reason=str(error))


FACET = Facet(is_here=_is_here, read=_read, why="hparams.yaml and metrics.csv", also=frozenset({"results"}))
