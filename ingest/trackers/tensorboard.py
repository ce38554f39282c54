"""TensorBoard runs: the event files of a folder and of the folders below it that belong to the same run.

Below a folder with event files, `SummaryWriter.add_scalars` and `add_hparams` make folders of their own; Keras writes
`train` and `validation` side by side. Both are one run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ingest.trackers import event_file, wire
from ingest.trackers.files import Unreadable, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.found import relative
from ingest.trackers.values import dataset_of
from kb.records import Point, Problem, Run, split_of, state_of

_DEEP = 4
# What add_hparams names its folder: the time in seconds
_STAMP = re.compile(r"\d{9,}(?:\.\d+)?")
PARTS = {"train": "train", "validation": "valid", "valid": "valid", "val": "valid", "eval": "valid", "test": "test"}


def event_files(folder: Folder) -> list[str]:
    """Return the names of the event files in a folder, oldest first."""
    return [name for name in folder.files if ".tfevents." in name and not name.endswith(".profile-empty")]


def parts(folder: Folder) -> list[str]:
    """Return the folders below that hold the splits of one run: at least two of train, validation and test."""
    named = [name for name in folder.folders if name in PARTS and event_files(folder.below(name))]
    return named if len(named) > 1 else []


def _is_here(folder: Folder) -> bool:
    return bool(event_files(folder)) or bool(parts(folder))


def belongs(folder: Folder) -> list[str]:
    """Return the names of the folders below whose event files belong to the run of this folder."""
    return list(dict.fromkeys(name.partition("/")[0] for name in _below(folder)))


def _below(folder: Folder) -> list[str]:
    """Return the paths of the folders below, relative to this one, that hold event files of its run."""
    if not event_files(folder):
        return parts(folder)
    return [name for name in _with_events(folder, "", _DEEP) if _is_part(folder.path / name, name)]


def _with_events(folder: Folder, prefix: str, deep: int) -> Iterator[str]:
    for name in folder.folders:
        below = folder.below(name)
        if event_files(below):
            yield prefix + name
        if deep > 1:
            yield from _with_events(below, f"{prefix}{name}/", deep - 1)


def _is_part(path: Path, name: str) -> bool:
    """Tell a folder of splits, of add_hparams or of add_scalars from a run of its own."""
    if name in PARTS or _STAMP.fullmatch(name):
        return True
    files = sorted(file for file in path.iterdir() if ".tfevents." in file.name)
    return any(_series(tag, name) != tag for tag in _tags(files[0], most=20))


def all_files(folder: Folder) -> list[tuple[Path, str]]:
    """Return the event files of a run with the path of the folder below in which each lies (empty: in itself)."""
    found = [(folder.path / name, "") for name in event_files(folder)]
    for name in _below(folder):
        found += [(folder.path / name / file, name) for file in event_files(folder.below(name))]
    return found


def _read(folder: Folder) -> Iterator[Run | Problem]:
    files = all_files(folder)
    told: dict[str, Any] = {}
    for path, _ in files:
        told = {**told, **{key: value for key, value in _hparams(path).items() if value}}
    params = told.get("params") or {}
    status = told.get("status")
    yield Run(
        tracker="tensorboard",
        run_id=folder.source,
        source=folder.source,
        experiment=folder.source.rpartition("/")[0] or None,
        name=folder.path.name,
        status=status,
        state=state_of(status),
        params=params,
        dataset=dataset_of(params),
        started=told.get("started", told.get("first")),
        ended=told.get("ended"),
        sources=tuple(relative(path, folder.root) for path, _ in files),
        version=version_of(path for path, _ in files),
        history=partial(_history, files, folder.root),
    )


def _hparams(path: Path, most: int = 50) -> dict[str, Any]:
    """Return what the hparams plugin wrote at the beginning of a file, and when its first event was."""
    told: dict[str, Any] = {}
    for count, (_, event) in enumerate(event_file.events(path)):
        if isinstance(event, Unreadable) or count > most:
            break
        try:
            told.update(event_file.hparams(event))
        except Unreadable:
            continue
        if count == 0:
            told["first"] = wire.double(event, 1)
    return told


def _history(files: list[tuple[Path, str]], root: Path) -> Iterator[Point | Problem]:
    names = {tag for path, below in files if not below for tag in _tags(path)} if any(b for _, b in files) else set()
    for path, below in files:
        split = PARTS.get(below)
        source = relative(path, root)
        for offset, event in event_file.events(path):
            try:
                if isinstance(event, Unreadable):
                    raise event
                step, time = wire.integer(event, 2), wire.double(event, 1)
                for tag, value in event_file.scalars(event):
                    name = _series(tag, below)
                    if below and not split and name == tag and tag in names:
                        name = f"{below}/{tag}"
                    yield Point(name, value, step, time, split or split_of(name))
            except Unreadable as error:
                yield Problem(source=source, place=f"byte {offset}", reason=str(error))


def _tags(path: Path, most: int | None = None) -> set[str]:
    found: set[str] = set()
    for _, event in islice(event_file.events(path), most):
        if not isinstance(event, Unreadable):
            try:
                found.update(tag for tag, _ in event_file.scalars(event))
            except Unreadable:
                continue
    return found


def _series(tag: str, below: str) -> str:
    """Return the name of a series of `add_scalars`, whose folder is `<tag>_<key>` (slashes as `_`) or `<tag>/<key>`."""
    for start in (tag.replace("/", "_") + "_", f"{tag}/"):
        if below.startswith(start):
            return f"{tag}/{below[len(start) :]}"
    return tag


FACET = Facet(is_here=_is_here, read=_read, why="event files", also=frozenset({"results", "config", "steps"}))
