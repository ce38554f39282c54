"""Hugging Face trainers: trainer_state.json and the result files, and LLaMA-Factory's trainer_log.jsonl.

A training's checkpoints each hold the state so far; the furthest of them is the run where the folder itself has none.
`training_args.bin` is a pickle and never opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ingest.trackers.files import Unreadable, parse_json, read_mapping, read_text, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.steps import json_history, jsonl_history
from ingest.trackers.values import dataset_of, flat, points_of
from kb.records import Direction, Point, Problem, Run, Split

_STATE, _LOG, _ADAPTER = "trainer_state.json", "trainer_log.jsonl", "adapter_config.json"
_RESULTS = tuple(f"{name}_results.json" for name in ("all", "train", "eval", "test", "predict"))
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_MAX_STATE = 400 * 2**20
_TAGS = ("best_model_checkpoint", "best_global_step", "global_step", "trial_name")
_APART = frozenset({*_TAGS, "log_history", "best_metric", "stateful_callbacks", "trial_params", "epoch", "total_flos"})


def _state_file(folder: Folder) -> Path | None:
    if folder.has(_STATE):
        return folder.path / _STATE
    steps = sorted((int(match[1]), name) for name in folder.folders if (match := _CHECKPOINT.fullmatch(name)))
    for _, name in reversed(steps):
        path = folder.path / name / _STATE
        if path.is_file():
            return path
    return None


def is_checkpoint(folder: Folder) -> bool:
    """Tell whether a folder is a checkpoint of the run above it."""
    return _CHECKPOINT.fullmatch(folder.path.name) is not None


def _is_here(folder: Folder) -> bool:
    return _state_file(folder) is not None or folder.has(_LOG)


def _read(folder: Folder) -> Iterator[Run | Problem]:
    path = _state_file(folder)
    state: Mapping[str, Any] = {}
    if path is not None:
        try:
            state = _state(path)
        except Unreadable as error:
            yield Problem(source=folder.of(path.relative_to(folder.path).as_posix()), reason=str(error))
    params = flat({key: value for key, value in state.items() if key not in _APART and not isinstance(value, list)})
    params |= flat(state.get("trial_params") or {})
    if folder.has(_ADAPTER):
        try:
            params |= flat(read_mapping(folder.path / _ADAPTER))
        except Unreadable as error:
            yield Problem(source=folder.of(_ADAPTER), reason=str(error))
    files = [path] if path else []
    files += [folder.path / name for name in (_LOG, *_RESULTS) if folder.has(name)]
    yield Run(
        tracker="huggingface",
        run_id=folder.source,
        source=folder.source,
        experiment=folder.source.rpartition("/")[0] or None,
        params=params,
        tags={key: str(state[key]) for key in _TAGS if state.get(key) is not None},
        dataset=dataset_of(params),
        sources=tuple(folder.of(file.relative_to(folder.path).as_posix()) for file in files),
        directions=_direction(state),
        version=version_of(files),
        history=partial(_history, folder, path),
    )


def _state(path: Path) -> Mapping[str, Any]:
    state = parse_json(read_text(path, _MAX_STATE))
    if not isinstance(state, Mapping):
        raise Unreadable("it holds no mapping")
    return state


def _direction(state: Mapping[str, Any]) -> dict[str, Direction]:
    """Return the direction of the metric whose best value the trainer kept, where its log tells which that is."""
    best, rows = state.get("best_metric"), state.get("log_history")
    if not isinstance(best, int | float) or not isinstance(rows, list):
        return {}
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items() if isinstance(row, Mapping) else ():
            if str(name).startswith("eval_") and isinstance(value, int | float):
                found.setdefault(str(name), []).append(value)
    told = {}
    for name, values in found.items():
        if best in (min(values), max(values)) and min(values) != max(values):
            told[name] = Direction.MINIMIZE if best == min(values) else Direction.MAXIMIZE
    return told if len(told) == 1 else {}


def _history(folder: Folder, path: Path | None) -> Iterator[Point | Problem]:
    seen: set[str] = set()
    splits = {"loss": Split.TRAIN.value}
    rows = (_state(path).get("log_history") or []) if path is not None else []
    for point in json_history([row for row in rows if isinstance(row, Mapping)], splits):
        if isinstance(point, Point):
            seen.add(point.name)
        yield point
    if folder.has(_LOG):
        for point in jsonl_history(folder.path / _LOG, folder.of(_LOG)):
            if isinstance(point, Problem):
                yield point
            elif point.name not in seen:
                yield point._replace(split=splits.get(point.name, point.split))
    yield from _results(folder, seen)


def _results(folder: Folder, seen: set[str]) -> Iterator[Point | Problem]:
    """Yield the final results that the log does not hold."""
    for name in _RESULTS:
        if not folder.has(name):
            continue
        try:
            values = read_mapping(folder.path / name)
        except Unreadable as error:
            yield Problem(source=folder.of(name), reason=str(error))
            continue
        for point in points_of(values, None):
            if point.name not in seen:
                seen.add(point.name)
                yield point


FACET = Facet(is_here=_is_here, read=_read, why="trainer_state.json", also=frozenset())
