"""Weights & Biases runs as they lie on disk: the binary log, and the files beside it.

`config.yaml` (values wrapped in `value:`), `wandb-summary.json`, `wandb-metadata.json` and, of clients before 2020,
`wandb-history.jsonl`. Folders of one run id are one run: `latest-run` repeats a folder, a resumed run adds one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ingest.report import Step
from ingest.trackers import wandb_log as log
from ingest.trackers import wire
from ingest.trackers.files import Unreadable, lines_of, parse_json, read_mapping, read_text, version_of
from ingest.trackers.found import Found, Stop, Watch, guarded, never, quiet, relative
from ingest.trackers.values import dataset_of, flat, moment, number, points_of, scalars, whole
from kb.records import Direction, Point, Problem, Run, state_of

FOLDER = re.compile(r"(?:offline-)?run-(?P<day>\d{8})_(?P<time>\d{6})-(?P<id>[\w-]+)")
_LOG = re.compile(r"run-(?P<id>[\w-]+)\.wandb")
_MARKS = ("wandb-metadata.json", "wandb-summary.json", "wandb-history.jsonl")
_AXES = frozenset({"_step", "_runtime", "_timestamp", "_wandb"})


def is_run_folder(folder: Path, files: Sequence[str], folders: Sequence[str]) -> bool:
    """Tell whether a folder is a run's: by its name and what it holds, or by a log or W&B's own files in it."""
    if any(name.endswith(".wandb") and _LOG.fullmatch(name) for name in files):
        return True
    if any(mark in files for mark in _MARKS):
        return folder.name != "files"
    return "files" in folders and any((folder / "files" / mark).is_file() for mark in (*_MARKS, "config.yaml"))


def run_id(folder: Path) -> str:
    """Return the id of the run in a folder: of its log's name, else of the folder's."""
    for path in sorted(folder.glob("run-*.wandb")):
        match = _LOG.fullmatch(path.name)
        if match:
            return match["id"]
    match = FOLDER.fullmatch(folder.name)
    return match["id"] if match else folder.name


def by_id(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the folders of each run id, oldest first; links and copies such as `latest-run` only where alone."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(folders, key=lambda folder: (not FOLDER.fullmatch(folder.name), folder.name)):
        known = found.setdefault(run_id(folder), [])
        if FOLDER.fullmatch(folder.name) or not known:
            known.append(folder)
    return found


def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield the runs in the member folders, one per run id."""
    runs = by_id(found.members or (found.path,))
    for done, (name, folders) in enumerate(runs.items(), 1):
        if stop():
            return
        yield from guarded(partial(_run, name, folders, found.root), relative(folders[-1], found.root))
        if done % 20 == 0:
            watch(Step(stage="read", done=done, total=len(runs), current=found.source))


def _run(name: str, folders: list[Path], root: Path) -> Iterator[Run | Problem]:
    """Yield one run, read from all its folders, what is newer winning, and before it what could not be read."""
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    told = _Told()
    for folder in folders:
        yield from told.take(folder, root)
        for target, source in ((config, told.config), (summary, told.summary)):
            target.update(source)
    params = flat({key: value for key, value in config.items() if key != "_wandb"})
    meta = told.metadata
    status = told.status() or str(meta.get("state") or "")
    started, zoned = moment(told.started if told.started is not None else meta.get("startedAt"))
    ended = moment(meta.get("heartbeatAt"))[0]
    yield Run(
        tracker="wandb",
        run_id=told.run_id or name,
        source=relative(folders[-1], root),
        experiment=told.project or meta.get("project") or None,
        name=told.name or meta.get("displayName") or None,
        status=status or None,
        state=state_of(status),
        params=params,
        tags=told.tags(),
        dataset=dataset_of(params),
        started=started,
        ended=ended,
        zoned=zoned,
        sources=tuple(relative(folder, root) for folder in folders),
        directions=told.directions,
        version=version_of(path for folder in folders for path in _files(folder)),
        history=partial(_history, tuple(folders), summary, root),
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a run that are read."""
    yield from sorted(folder.glob("run-*.wandb"))
    for place in (folder / "files", folder):
        yield from (place / name for name in ("config.yaml", *_MARKS, "description.md") if (place / name).is_file())


class _Told:
    """What the files of a run's folder tell of it."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.directions: dict[str, Direction] = {}
        self.run_id = self.project = self.name = self.group = self.notes = self.job = ""
        self.labels: list[str] = []
        self.started: float | None = None
        self.exit: int | None = None

    def take(self, folder: Path, root: Path) -> Iterator[Problem]:
        """Read a folder; yield what could not be read."""
        logs = [path for path in _files(folder) if path.suffix == ".wandb"]
        for path in logs:
            yield from self._take_log(path, relative(path, root))
        for path in _files(folder):
            try:
                self._take_file(path)
            except Unreadable as error:
                yield Problem(source=relative(path, root), reason=str(error))

    def _take_file(self, path: Path) -> None:
        if path.name == "config.yaml":
            values = {key: _unwrapped(value) for key, value in read_mapping(path).items() if key != "wandb_version"}
            self.config = {**self.config, **values}
        elif path.name == "wandb-summary.json":
            self.summary = {**self.summary, **read_mapping(path)}
        elif path.name == "wandb-metadata.json":
            self.metadata = {**self.metadata, **read_mapping(path)}
        elif path.name == "description.md":
            self.notes = self.notes or read_text(path).strip()

    def _take_log(self, path: Path, source: str) -> Iterator[Problem]:
        for offset, record in log.records(path):
            if isinstance(record, Unreadable):
                yield Problem(source=source, place=f"byte {offset}", reason=str(record))
                continue
            try:
                self._take_record(record)
            except Unreadable as error:
                yield Problem(source=source, place=f"byte {offset}", reason=str(error))

    def _take_record(self, record: wire.Message) -> None:
        if log.RUN in record:
            self._take_run(wire.inner(record, log.RUN))
        elif log.CONFIG in record:
            self.config.update(log.items(wire.inner(record, log.CONFIG)))
        elif log.SUMMARY in record:
            self.summary.update(log.items(wire.inner(record, log.SUMMARY)))
        elif log.METRIC in record:
            metric = wire.inner(record, log.METRIC)
            goal = {1: Direction.MINIMIZE, 2: Direction.MAXIMIZE}.get(wire.integer(metric, 8))
            if goal:
                self.directions[wire.text(metric, 1)] = goal
        elif log.EXIT in record:
            self.exit = wire.integer(wire.inner(record, log.EXIT), 1)

    def _take_run(self, run: wire.Message) -> None:
        self.run_id, self.project = wire.text(run, 1), wire.text(run, 3)
        self.config.update(log.items(wire.inner(run, 4)))
        self.group, self.job, self.name = wire.text(run, 6), wire.text(run, 7), wire.text(run, 8)
        self.notes = wire.text(run, 9)
        self.labels = [label.decode("utf-8", "replace") for label in run.get(10, ())]
        if 17 in run and self.started is None:
            when = wire.inner(run, 17)
            self.started = wire.integer(when, 1) + wire.integer(when, 2) / 1e9

    def status(self) -> str:
        """Return how the run ended by its exit code, nothing where none was written."""
        return "" if self.exit is None else "finished" if self.exit == 0 else "failed"

    def tags(self) -> dict[str, str]:
        """Return what describes the run besides its configuration."""
        told = {"group": self.group, "job_type": self.job, "notes": self.notes, "tags": ", ".join(self.labels)}
        if self.exit is not None:
            told["exitcode"] = str(self.exit)
        return {
            **scalars({k: v for k, v in self.metadata.items() if k != "email"}),
            **{k: v for k, v in told.items() if v},
        }


def _unwrapped(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and "value" in value and set(value) <= {"value", "desc"} else value


def _history(folders: tuple[Path, ...], summary: Mapping[str, Any], root: Path) -> Iterator[Point | Problem]:
    """Yield the logged rows, then what only the summary holds."""
    seen: dict[str, float] = {}
    for folder in folders:
        for row, problem in _rows(folder, root):
            if problem is not None:
                yield problem
                continue
            step, time = whole(row.get("_step")), number(row.get("_timestamp"))
            for point in points_of(_media_free(row), step, time, separator="."):
                seen[point.name] = point.value
                yield point
    step, time = whole(summary.get("_step")), number(summary.get("_timestamp"))
    rest = points_of(_media_free(summary), step, time, separator=".")
    yield from (point for point in rest if point.name not in seen)
    runtime = number(summary.get("_runtime") or flat(summary).get("_wandb.runtime"))
    if runtime is not None:
        yield Point("_runtime", runtime, step, time)


def _media_free(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out W&B's own axes, and histograms, tables, images and graphs, which it marks by `_type`."""
    return {key: value for key, value in values.items() if not _is_apart(key, value)}


def _is_apart(key: str, value: Any) -> bool:
    if key in _AXES or key.startswith("_wandb."):
        return True
    return isinstance(value, list) or (isinstance(value, Mapping) and "_type" in value)


def _rows(folder: Path, root: Path) -> Iterator[tuple[dict[str, Any], Problem | None]]:
    for path in _files(folder):
        if path.suffix == ".wandb":
            yield from _log_rows(path)
        elif path.name == "wandb-history.jsonl":
            yield from _json_rows(path, relative(path, root))


def _log_rows(path: Path) -> Iterator[tuple[dict[str, Any], Problem | None]]:
    """Yield the rows of a log; what cannot be read was told when the run was."""
    for _, record in log.records(path):
        if isinstance(record, Unreadable) or log.HISTORY not in record:
            continue
        try:
            history = wire.inner(record, log.HISTORY)
            row = dict(log.items(history))
            if 2 in history:
                row.setdefault("_step", wire.integer(wire.inner(history, 2), 1))
        except Unreadable:
            continue
        yield row, None


def _json_rows(path: Path, source: str) -> Iterator[tuple[dict[str, Any], Problem | None]]:
    for count, line in lines_of(path):
        try:
            row = parse_json(line) if line.strip() else {}
        except Unreadable as error:
            yield {}, Problem(source=source, place=f"line {count}", reason=str(error))
            continue
        if isinstance(row, dict) and row:
            yield row, None
