"""MLflow's file store: a folder per experiment, in it a folder per run, in it a file per parameter, metric and tag.

Deleted runs and the experiments in `.trash` are read too and marked. Nothing under `artifacts` is ever opened.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ingest.report import Step
from ingest.trackers.files import MAX_BYTES, Unreadable, as_text, lines_of, parse_yaml, read_text
from ingest.trackers.found import Found, Stop, Watch, guarded, never, quiet, relative
from ingest.trackers.values import MAX_TEXT, dataset_of, milliseconds, number, typed_params
from kb.records import Point, Problem, Run, split_of, state_of

_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_FLAT_LINE = re.compile(r"([A-Za-z_]\w*): ?(.*)")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_./:+%@-][^#'\"{}\[\]&*!|>]*")


def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield the runs of a file store, of one of its experiments, or of a single run folder."""
    done = 0
    for folder in experiments(found.path):
        about = _experiment(folder, found.root)
        for path in run_folders(folder):
            if stop():
                return
            yield from guarded(partial(_run, path, found.root, about), relative(path, found.root))
            done += 1
            if done % 100 == 0:
                watch(Step(stage="read", done=done, total=found.count or 0, current=found.source))


def experiments(store: Path) -> list[Path]:
    """Return the experiment folders of a store, those in its trash last; an experiment or run is its own."""
    if (store / "meta.yaml").is_file() and (is_experiment(store) or is_experiment(store.parent)):
        return [store if is_experiment(store) else store.parent]
    trash = store / ".trash"
    folders = [*_folders(store), *(_folders(trash) if trash.is_dir() else ())]
    return [folder for folder in folders if is_experiment(folder)]


def is_experiment(folder: Path) -> bool:
    """Tell whether a folder is an MLflow experiment's: its meta.yaml names where artifacts go.

    One whose meta.yaml was lost is told by the runs in it.
    """
    head = _head(folder / "meta.yaml")
    if head:
        return re.search(rb"^artifact_location:", head, re.MULTILINE) is not None and b"experiment_id" in head
    if not (folder.name.isdigit() or folder.parent.name == "mlruns") or not folder.is_dir():
        return False
    return any(b"run_uuid:" in _head(run / "meta.yaml") for run in _folders(folder)[:20])


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def run_folders(experiment: Path) -> list[Path]:
    """Return the run folders of an experiment."""
    apart = {"datasets", "models", "traces", "tags"}
    return [path for path in _folders(experiment) if path.name not in apart and not path.name.startswith(".")]


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and entry.name != ".trash"]
    return [folder / name for name in sorted(names)]


def _experiment(folder: Path, root: Path) -> dict[str, Any]:
    """Return an experiment's meta with its data sets by id; a meta that cannot be read leaves its folder's name."""
    try:
        meta = _meta(folder / "meta.yaml")
    except Unreadable:
        meta = {}
    datasets = {}
    for path in _folders(folder / "datasets") if (folder / "datasets").is_dir() else ():
        try:
            datasets[path.name] = _meta(path / "meta.yaml")
        except Unreadable:
            continue
    return {
        "name": str(meta.get("name") or folder.name),
        "deleted": meta.get("lifecycle_stage") == "deleted" or folder.parent.name == ".trash",
        "datasets": datasets,
    }


def _run(folder: Path, root: Path, about: dict[str, Any]) -> Iterator[Run | Problem]:
    source = relative(folder, root)
    try:
        meta = _meta(folder / "meta.yaml")
    except Unreadable as error:
        meta = {}
        yield Problem(source=f"{source}/meta.yaml", reason=f"the run's status and times are missing: {error}")
        if not (folder / "params").is_dir() and not (folder / "metrics").is_dir():
            return
    tags = _values(folder / "tags")
    params, raw = typed_params(_values(folder / "params"))
    status = meta.get("status")
    known = status if isinstance(status, str) else _STATUS.get(status or 0)
    data, data_tags = _inputs(folder, about["datasets"])
    yield Run(
        tracker="mlflow",
        run_id=str(meta.get("run_id") or meta.get("run_uuid") or folder.name),
        source=source,
        experiment=about["name"],
        name=tags.get("mlflow.runName") or str(meta.get("run_name") or meta.get("name") or "") or None,
        status=known,
        state=state_of(known),
        params=params,
        raw_params=raw,
        tags={**tags, **data_tags},
        dataset=data or dataset_of(params),
        started=milliseconds(meta.get("start_time")),
        ended=milliseconds(meta.get("end_time")),
        parent=tags.get("mlflow.parentRunId"),
        deleted=about["deleted"] or meta.get("lifecycle_stage") == "deleted",
        version=_version(folder),
        history=partial(_history, folder / "metrics", f"{source}/metrics"),
    )


def _meta(path: Path) -> dict[str, Any]:
    """Return a meta.yaml's mapping; flat ones, as nearly all are, are read without a YAML parser. Raises Unreadable."""
    text = read_text(path)
    values: dict[str, Any] = {}
    for line in text.splitlines():
        match = _FLAT_LINE.fullmatch(line)
        if match is None or not _simple(match[2]):
            break
        values[match[1]] = _scalar(match[2])
    else:
        return values
    parsed = parse_yaml(text)
    if not isinstance(parsed, dict):
        raise Unreadable("it holds no mapping")
    return parsed


def _simple(value: str) -> bool:
    quoted = len(value) > 1 and value[0] == value[-1] == "'" and "'" not in value[1:-1]
    return quoted or value in ("", "[]") or (_PLAIN_VALUE.fullmatch(value) is not None and ": " not in value)


def _scalar(value: str) -> Any:
    if value.startswith("'"):
        return value[1:-1]
    if value.isdigit() and (value == "0" or not value.startswith("0")):
        return int(value)
    return None if value in ("", "null", "~", "[]") else value


def _values(folder: Path) -> dict[str, str]:
    """Return the contents of the files in a folder by their names, subfolders joined with `/`."""
    found = {}
    for name, path in _files(folder):
        try:
            with open(path, "rb") as file:
                found[name] = as_text(file.read(MAX_TEXT))
        except OSError:
            continue
    return found


def _files(folder: Path | str, prefix: str = "") -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.path


def _version(folder: Path) -> str:
    """Return the newest change among a run's files: a file's own time for metrics, which are appended to."""
    newest, size = 0, 0
    for path in (folder / "meta.yaml", folder / "params", folder / "tags"):
        try:
            newest = max(newest, os.stat(path).st_mtime_ns)
        except OSError:
            continue
    for _, metric in _files(folder / "metrics"):
        stat = os.stat(metric)
        newest, size = max(newest, stat.st_mtime_ns), size + stat.st_size
    return f"{newest:x}-{size:x}"


def _inputs(folder: Path, datasets: dict[str, Any]) -> tuple[str | None, dict[str, str]]:
    """Return the names of the data sets that a run used, and what is known of each as tags."""
    names, tags = [], {}
    inputs = folder / "inputs"
    for path in _folders(inputs) if inputs.is_dir() else ():
        try:
            meta = _meta(path / "meta.yaml")
        except Unreadable:
            continue
        data = datasets.get(str(meta.get("source_id"))) or {}
        name = str(data.get("name") or meta.get("source_id") or path.name)
        names.append(name)
        told = {**{k: data.get(k) for k in ("digest", "source")}, **_mapping(meta.get("tags"))}
        tags.update({f"dataset.{name}.{key}": str(value) for key, value in told.items() if value})
    return ", ".join(dict.fromkeys(names)) or None, tags


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _history(folder: Path, source: str) -> Iterator[Point | Problem]:
    """Yield the points of all metrics, each metric's in the order of step, time and value."""
    for name, path in _files(folder):
        points: list[Point] = []
        for point in _metric(name, Path(path), f"{source}/{name}"):
            if isinstance(point, Problem):
                yield point
            else:
                points.append(point)
        points.sort(key=lambda point: (point.step or 0, point.time or 0.0, point.value))
        yield from points


def _metric(name: str, path: Path, source: str) -> Iterator[Point | Problem]:
    split = split_of(name)
    try:
        for count, line in _lines(path):
            point = _point(name, split, line)
            if point is not None:
                yield point
            elif line.strip():
                why = "no value can be read in" if line.endswith("\n") else "the file ends in the middle of"
                yield Problem(source=source, place=f"line {count}", reason=f"{why} {line.strip()[:80]!r}")
    except Unreadable as error:
        yield Problem(source=source, reason=str(error))


def _point(name: str, split: str | None, line: str) -> Point | None:
    """Return the point of a line `time value step` (of old stores without a step); None where it is cut off."""
    parts = line.split()
    if len(parts) == 3:
        with contextlib.suppress(ValueError):  # What nearly every line looks like, at a third of the time
            return Point(name, float(parts[1]), int(parts[2]), milliseconds(int(parts[0])), split)
    if len(parts) < (2 if line.endswith("\n") else 3):
        return None
    value = number(parts[1])
    step = int(parts[2]) if len(parts) > 2 and parts[2].lstrip("-").isdigit() else None
    return None if value is None else Point(name, value, step, milliseconds(parts[0]), split)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines; a small file, as nearly all are, is read at once."""
    if path.stat().st_size > MAX_BYTES:
        yield from lines_of(path)
    else:
        yield from enumerate(read_text(path).splitlines(keepends=True), 1)
