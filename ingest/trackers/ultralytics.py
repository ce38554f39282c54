"""Ultralytics (and YOLOv5) training folders: args.yaml or opt.yaml, and results.csv with padded headers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ingest.trackers.files import Unreadable, read_mapping, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.steps import csv_history, header
from ingest.trackers.values import dataset_of, flat
from kb.records import Point, Problem, Run, Scalar, Split, no_history, split_of

_CONFIGS = ("args.yaml", "opt.yaml", "hyp.yaml")
_OWN = frozenset({"task", "imgsz", "img_size", "close_mosaic", "weights", "single_cls"})


def _is_here(folder: Folder) -> bool:
    if folder.has("results.csv"):
        try:
            names = header(folder.path / "results.csv")[0]
        except Unreadable:
            return False
        return names[:1] == ["epoch"] and any(
            name.startswith(("metrics/", "train/box", "x/lr", "lr/pg")) for name in names
        )
    if not folder.has("args.yaml"):
        return False
    try:
        return len(_OWN & set(read_mapping(folder.path / "args.yaml"))) >= 2
    except Unreadable:
        return False


def _read(folder: Folder) -> Iterator[Run | Problem]:
    params: dict[str, Scalar] = {}
    for name in _CONFIGS:
        try:
            params.update(flat(read_mapping(folder.path / name)) if folder.has(name) else {})
        except Unreadable as error:
            yield Problem(source=folder.of(name), reason=str(error))
    told = params.get("name")
    yield Run(
        tracker="ultralytics",
        run_id=folder.source,
        source=folder.source,
        experiment=folder.source.rpartition("/")[0] or None,
        name=str(told) if told else folder.path.name,
        params=params,
        dataset=dataset_of(params),
        aliases=(folder.path.name,) if folder.path.name != folder.source else (),
        step_unit="epoch",
        version=version_of(folder.path / name for name in (*_CONFIGS, "results.csv")),
        history=partial(_history, folder) if folder.has("results.csv") else no_history,
    )


def _history(folder: Folder) -> Iterator[Point | Problem]:
    """Yield the epochs; `metrics/…` are measured on the validation set."""
    path = folder.path / "results.csv"
    names = header(path)[0]
    splits = {name: Split.VALID.value if name.startswith("metrics/") else split_of(name) for name in names}
    yield from csv_history(path, folder.of("results.csv"), splits=splits)


FACET = Facet(is_here=_is_here, read=_read, why="args.yaml and results.csv")
