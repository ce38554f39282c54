"""Run folders: what several trackers left in one folder is one run, told by each from its side.

The first facet in `FACETS` gives the run its id; the others, and the plain files that go with it, complete it. A Hydra
output folder with exactly one run of another tracker below it is that run's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from ingest.report import Step
from ingest.trackers import (
    dvc,
    huggingface,
    hydra,
    lightning,
    plain,
    sacred,
    steps,
    tensorboard,
    ultralytics,
    wandb,
)
from ingest.trackers.folder import Facet, Folder, listed
from ingest.trackers.found import Found, Stop, Watch, guarded, never, quiet, relative
from kb.records import Problem, Run, merged

FACETS: Mapping[str, Facet] = MappingProxyType(
    {
        "sacred": sacred.FACET,
        "ultralytics": ultralytics.FACET,
        "lightning": lightning.FACET,
        "huggingface": huggingface.FACET,
        "hydra": hydra.FACET,
        "dvc": dvc.FACET,
        "tensorboard": tensorboard.FACET,
    }
)
_PLAIN: Mapping[str, Facet] = MappingProxyType({"config": plain.CONFIG, "steps": steps.FACET, "results": plain.RESULTS})
_OWN_ID = frozenset({"wandb", "sacred"})
_DEEP = 3


def kinds(folder: Folder) -> list[str]:
    """Return the trackers that left a run in a folder, the one that names it first."""
    return [kind for kind, facet in FACETS.items() if facet.is_here(folder)]


def is_plain_run(folder: Folder) -> bool:
    """Tell whether a folder without a tracker is a run: settings beside exactly one history or file of metrics."""
    if not plain.CONFIG.is_here(folder):
        return False
    histories = [name for name, _ in steps.histories(folder)]
    return len(histories) == 1 or (not histories and len(plain.results(folder)) == 1)


def nested(folder: Folder) -> Path | None:
    """Return the one run folder below a Hydra folder, None where there are none or several."""
    found: list[Path] = []
    _nested(folder, found, _DEEP)
    return found[0] if len(found) == 1 else None


def _nested(folder: Folder, found: list[Path], deep: int) -> None:
    for name in folder.folders:
        if len(found) > 1 or name.startswith("."):
            continue
        below = folder.below(name)
        if wandb.is_run_folder(below.path, below.files, below.folders) or kinds(below):
            found.append(below.path)
            if hydra.FACET.is_here(below):
                found.append(below.path)
        elif deep > 1:
            _nested(below, found, deep - 1)


def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield the runs in the member folders."""
    members = found.members or (found.path,)
    for done, path in enumerate(members, 1):
        if stop():
            return
        yield from guarded(partial(_run, listed(path, found.root), found), relative(path, found.root))
        if done % 20 == 0 or done == len(members):
            watch(Step(stage="read", done=done, total=len(members), current=relative(path, found.root)))


def _run(folder: Folder, found: Found) -> Iterator[Run | Problem]:
    here = kinds(folder)
    facets = [FACETS[kind] for kind in here]
    also = {name for name in _PLAIN if all(name in facet.also for facet in facets)}
    facets += [facet for name, facet in _PLAIN.items() if name in also and facet.is_here(folder)]
    run: Run | None = None
    for item in _told(folder, facets, found):
        if isinstance(item, Problem):
            yield item
        else:
            run = item if run is None else merged(run, item)
    if run is None:
        return
    run = replace(run, loose=found.loose)
    if "hydra" in here:
        below = nested(folder)
        for item in _read_nested(below, found.root) if below is not None else ():
            if isinstance(item, Problem):
                yield item
            else:
                run = merged(item, run) if item.tracker in _OWN_ID else merged(run, item)
    yield run


def _told(folder: Folder, facets: list[Facet], found: Found) -> Iterator[Run | Problem]:
    for facet in facets:
        yield from guarded(partial(facet.read, folder), folder.source)
    for path in found.beside:
        at = listed(path.parent, found.root)
        config = plain.is_config(path.name)
        yield from plain.read_config(at, path.name) if config else plain.read_result(path, at, folder.source)


def _read_nested(path: Path, root: Path) -> Iterator[Run | Problem]:
    folder = listed(path, root)
    kind = "wandb" if wandb.is_run_folder(path, folder.files, folder.folders) else "folder"
    below = Found(kind=kind, path=path, root=root, why="", members=(path,))
    yield from wandb.read(below) if kind == "wandb" else read(below)


def read_histories(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield the member files as runs, each with a row per step."""
    members = found.members or (found.path,)
    for path in members:
        if stop():
            return
        source = relative(path, found.root)
        history = steps.history_of(path, source)
        if history is None:
            yield Problem(source=source, reason="no rows with a step and metrics can be read in it")
            continue
        yield steps.run_of(path, history, listed(path.parent, found.root), source)
    watch(Step(stage="read", done=len(members), total=len(members), current=found.source))


def read_results(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield the member files as runs, each with its metrics (or, of settings alone, its parameters)."""
    members = found.members or (found.path,)
    for path in members:
        if stop():
            return
        folder, source = listed(path.parent, found.root), relative(path, found.root)
        if plain.is_config(path.name):
            yield from plain.read_config(folder, path.name, loose=found.loose)
        else:
            yield from plain.read_result(path, folder, source, loose=found.loose)
    watch(Step(stage="read", done=len(members), total=len(members), current=found.source))
