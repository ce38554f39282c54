"""What the tests of the tracker readers share: reading everything in a folder, and telling whether bytes changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingest.trackers import READERS, detect
from kb.records import Metric, Point, Problem, Run, summarise


def read_all(path: Path) -> tuple[list[Run], list[Problem]]:
    """Return the runs in a folder or file, and every problem met, those of the histories too."""
    runs: list[Run] = []
    problems: list[Problem] = []
    for found in detect(path):
        for item in READERS[found.kind](found):
            if isinstance(item, Problem):
                problems.append(item)
            else:
                runs.append(item)
                problems += [point for point in item.history() if isinstance(point, Problem)]
    return runs, problems


def runs_in(path: Path) -> dict[str, Run]:
    """Return the runs in a folder or file by their ids; nothing there may be unreadable."""
    runs, problems = read_all(path)
    assert problems == []
    assert len({run.run_id for run in runs}) == len(runs)
    return {run.run_id: run for run in runs}


def only_run(path: Path) -> Run:
    """Return the one run in a folder or file."""
    (run,) = runs_in(path).values()
    return run


def points(run: Run, name: str) -> list[tuple[int | None, float]]:
    """Return the (step, value) pairs of a metric."""
    return [(point.step, point.value) for point in run.history() if isinstance(point, Point) and point.name == name]


def metric(run: Run, name: str) -> Metric:
    """Return the summary of a metric."""
    (found,) = (item for item in summarise(run.history()) if item.name == name)
    return found


def fingerprint(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(path: Path, text: str) -> Path:
    """Write a text file, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
