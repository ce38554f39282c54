"""DVC pipelines (params.yaml, dvc.lock, metrics files) and DVCLive: the state of a folder is one run.

The states of a repository's earlier commits are read by `dvc_git`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ingest.trackers.files import Unreadable, parse_json, parse_yaml, read_text, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.steps import csv_history
from ingest.trackers.values import dataset_of, flat, points_of, whole
from kb.records import Point, Problem, Run, Scalar

_MAX_TABLES = 2_000
_PLOTS = "plots/metrics"


class Tree(Protocol):
    """Where a state's files are read: a working folder, or a commit."""

    def text(self, name: str) -> str | None:
        """Return the text of a file by its POSIX path, None where it is not there. Raises Unreadable."""
        ...


class Disk:
    """The files of a working folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def text(self, name: str) -> str | None:
        """Return the text of a file in the folder; a path that leads out of it is not followed."""
        path = self.folder / name
        if ".." in Path(name).parts or Path(name).is_absolute() or not path.is_file():
            return None
        return read_text(path)


def live_folder(folder: Folder) -> str | None:
    """Return where DVCLive wrote, relative to the run's folder: `dvclive`, or `.` where the folder itself is one."""
    if "dvclive" in folder.folders and _is_live(folder.below("dvclive")):
        return "dvclive"
    return "." if folder.path.name != "dvclive" and _is_live(folder) and folder.has("metrics.json") else None


def _is_live(folder: Folder) -> bool:
    if "plots" in folder.folders and (folder.path / _PLOTS).is_dir():
        return True
    return folder.path.name == "dvclive" and folder.has("metrics.json")


def _is_here(folder: Folder) -> bool:
    if folder.has("dvc.lock") or live_folder(folder):
        return True
    return folder.has("dvc.yaml", "params.yaml")


def _read(folder: Folder) -> Iterator[Run | Problem]:
    state = State(Disk(folder.path), live_folder(folder))
    yield from (Problem(source=folder.of(name), reason=reason) for name, reason in state.problems)
    yield state.run(folder, run_id=folder.source)


class State:
    """What the DVC files of a tree tell."""

    def __init__(self, tree: Tree, live: str | None) -> None:
        self.tree, self.live = tree, live
        self.problems: list[tuple[str, str]] = []
        self.lock = self.mapping("dvc.lock")
        self.pipeline = self.mapping("dvc.yaml")
        self.params = self._params()

    def mapping(self, name: str) -> dict[str, Any]:
        """Return the mapping in a YAML or JSON file, empty where there is none; what is wrong with it is kept."""
        try:
            text = self.tree.text(name)
            value = None if text is None else parse_json(text) if name.endswith(".json") else parse_yaml(text)
        except Unreadable as error:
            self.problems.append((name, str(error)))
            return {}
        return value if isinstance(value, dict) else {}

    def _params(self) -> dict[str, Scalar]:
        """Return the parameters that dvc.lock says were used, and what params.yaml (or DVCLive's) says besides."""
        used: dict[str, Scalar] = {}
        for stage in _mappings(self._stages()):
            for values in _mappings(stage.get("params")):
                used.update(flat(values))
        files = ["params.yaml", *([f"{self.live}/params.yaml"] if self.live and self.live != "." else [])]
        for name in files:
            used = {**flat(self.mapping(name)), **used}
        return used

    def _stages(self) -> Any:
        stages = self.lock.get("stages")
        # Locks of DVC 1 are the stages themselves.
        return stages if isinstance(stages, Mapping) else {k: v for k, v in self.lock.items() if k != "schema"}

    def metric_files(self) -> list[str]:
        """Return the files of metrics that the pipeline names, and those of DVCLive."""
        named = [*_names(self.pipeline.get("metrics"))]
        for stage in _mappings(self.pipeline.get("stages")):
            named += _names(stage.get("metrics"))
        if self.live:
            named.append("metrics.json" if self.live == "." else f"{self.live}/metrics.json")
        return [name for name in dict.fromkeys(named) if name.endswith((".json", ".yaml", ".yml"))]

    def tags(self) -> dict[str, str]:
        """Return the hashes of what the stages read and wrote: they tell whether data or model changed."""
        tags = {}
        for name, stage in (self._stages() or {}).items():
            for side in ("deps", "outs"):
                for item in stage.get(side) or () if isinstance(stage, Mapping) else ():
                    if isinstance(item, Mapping) and item.get("md5"):
                        tags[f"dvc.{name}.{side}.{item.get('path')}"] = str(item["md5"])
        return tags

    def run(self, folder: Folder, *, run_id: str) -> Run:
        """Return the state as a run."""
        told = ["params.yaml", "dvc.lock", "dvc.yaml", *self.metric_files()]
        live = [f"{self.live}" if self.live != "." else folder.source] if self.live else []
        return Run(
            tracker="dvc" if self.lock or self.pipeline else "dvclive",
            run_id=run_id,
            source=folder.source,
            params=self.params,
            tags=self.tags(),
            dataset=dataset_of(self.params),
            aliases=tuple(folder.of(name) for name in live if name != folder.source),
            sources=tuple(folder.of(name) for name in told if (folder.path / name).is_file()),
            version=version_of(folder.path / name for name in told),
            history=partial(self._history, folder),
        )

    def _history(self, folder: Folder) -> Iterator[Point | Problem]:
        """Yield DVCLive's steps, then the final values of metrics that have none."""
        seen = set()
        for path, name in plots(folder, self.live):
            for point in csv_history(path, folder.of(path.relative_to(folder.path).as_posix())):
                if isinstance(point, Point):
                    point = point._replace(name=name)
                    seen.add(name)
                yield point
        yield from (point for point in self.finals() if point.name not in seen)

    def finals(self) -> Iterator[Point]:
        """Yield the values in the files of metrics, each name once."""
        seen = set()
        for name in self.metric_files():
            values = self.mapping(name)
            step = whole(values.get("step"))
            for point in points_of({key: item for key, item in values.items() if key != "step"}, step):
                if point.name not in seen:
                    seen.add(point.name)
                    yield point


def plots(folder: Folder, live: str | None) -> list[tuple[Path, str]]:
    """Return DVCLive's tables of steps with the names of their metrics."""
    top = folder.path / (live or ".") / _PLOTS
    if live is None or not top.is_dir():
        return []
    paths = sorted(path for path in top.rglob("*.tsv") if path.is_file())[:_MAX_TABLES]
    return [(path, path.relative_to(top).with_suffix("").as_posix()) for path in paths]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, Mapping)]


def _names(value: Any) -> list[str]:
    """Return the paths of a list whose items are paths or mappings from a path to its options."""
    items = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    names = [str(next(iter(item))) if isinstance(item, Mapping) and item else item for item in items]
    return [name for name in names if isinstance(name, str)]


FACET = Facet(is_here=_is_here, read=_read, why="dvc.lock, dvc.yaml or DVCLive's files")
