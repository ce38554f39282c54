"""Plain files that tell of a run without a tracker: a mapping of metrics (metrics.json) or settings (config.yaml)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ingest.trackers.files import Unreadable, parse_json, parse_yaml, read_text, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.rows import named_in
from ingest.trackers.values import dataset_of, flat, number
from ingest.trackers.words import is_measured, is_metric, is_param, words
from kb.records import Point, Problem, Run, Scalar, split_of

_MAX = 2**20
_CONFIG = re.compile(
    r"(?:(?:train(?:ing)?|model|run|experiment|exp)[_-]?)?(?:config|cfg|params|parameters|args|arguments|hparams|hyper_?params|"
    r"hyperparameters|opt|options|settings|best_params|training_args|adapter_config)\.(?:ya?ml|json)",
    re.IGNORECASE,
)
_RESULT_WORDS = frozenset(
    "metric metrics result results score scores evaluation eval performance report summary test validation".split()  # noqa: SIM905
)
_PARTS = ("params", "parameters", "hyperparameters", "hparams", "config", "args", "settings", "best_params")
_MEASURES = ("metrics", "results", "scores")


def is_config(name: str) -> bool:
    """Tell whether a file's name is one that settings are kept under."""
    return _CONFIG.fullmatch(name) is not None


def values_of(path: Path) -> dict[str, Any] | None:
    """Return the mapping in a small JSON or YAML file, None where it holds none."""
    try:
        text = read_text(path, _MAX)
        value = parse_json(text) if path.suffix == ".json" else parse_yaml(text)
    except Unreadable:
        return None
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) and value else None


def is_result(path: Path) -> bool:
    """Tell whether a file holds the metrics of one run."""
    if path.suffix not in (".json", ".yaml", ".yml") or is_config(path.name):
        return False
    named = bool(set(words(path.stem)) & _RESULT_WORDS)
    if not named and path.suffix != ".json":
        return False
    value = values_of(path)
    if value is None or named_in(value) is not None:
        return False
    try:
        told = flat(value, separator="/")
    except Unreadable:
        return False
    numbers = [name for name, item in told.items() if number(item) is not None and not isinstance(item, bool)]
    metrics = [name for name in numbers if is_metric(name)]
    return bool(metrics) and (named or len(metrics) * 2 > len(told))


def results(folder: Folder) -> list[str]:
    """Return the names of the files in a folder that hold the metrics of one run."""
    return [name for name in folder.files if is_result(folder.path / name)]


def read_result(path: Path, folder: Folder, run_id: str, *, loose: bool = False) -> Iterator[Run | Problem]:
    """Yield the run that a file of metrics tells of; settings beside the metrics are its parameters."""
    value = values_of(path)
    if value is None:
        yield Problem(source=folder.of(path.name), reason="it holds no mapping that can be read")
        return
    params = dict(_settings(value))
    yield Run(
        tracker="results",
        run_id=run_id,
        source=folder.of(path.name),
        params=params,
        dataset=dataset_of(params),
        loose=loose,
        version=version_of([path]),
        history=partial(_points, path),
    )


def _settings(value: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    """Yield what is set rather than measured: a part of that name, text, and numbers that are named as settings."""
    for key, item in value.items():
        if key in _PARTS and isinstance(item, Mapping):
            yield from flat(item).items()
        elif key not in _MEASURES and not isinstance(item, Mapping | list):
            yield from ((name, told) for name, told in flat({key: item}).items() if not _is_measure(name, told))


def _is_measure(name: str, value: Scalar) -> bool:
    found = None if isinstance(value, bool) else number(value)
    if found is None:
        return False
    if is_metric(name) or is_measured(name):
        return True
    return not is_param(name) and found % 1 != 0


def _points(path: Path) -> Iterator[Point | Problem]:
    for key, item in (values_of(path) or {}).items():
        if key in _PARTS and isinstance(item, Mapping):
            continue
        inside = item if key in _MEASURES and isinstance(item, Mapping) else {key: item}
        for name, value in flat(inside, separator="/").items():
            if _is_measure(name, value):
                yield Point(name, number(value) or 0.0, None, None, split_of(name))


def _read_results(folder: Folder) -> Iterator[Run | Problem]:
    for name in results(folder):
        yield from read_result(folder.path / name, folder, folder.source)


def read_config(folder: Folder, name: str, *, loose: bool = False) -> Iterator[Run | Problem]:
    """Yield the settings in a file as a run without metrics."""
    value = values_of(folder.path / name)
    if value is None:
        yield Problem(source=folder.of(name), reason="it holds no mapping that can be read")
        return
    params = flat(value)
    yield Run(
        tracker="settings",
        run_id=folder.source,
        source=folder.of(name),
        params=params,
        dataset=dataset_of(params),
        loose=loose,
        version=version_of([folder.path / name]),
    )


def _read_configs(folder: Folder) -> Iterator[Run | Problem]:
    for name in filter(is_config, folder.files):
        yield from read_config(folder, name)


RESULTS = Facet(is_here=lambda folder: bool(results(folder)), read=_read_results, why="a file of metrics")
CONFIG = Facet(is_here=lambda folder: any(map(is_config, folder.files)), read=_read_configs, why="a file of settings")
