"""Real experiment histories: every run of them is found once, and nothing beside them changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runs_of import fingerprint, read_all

pytestmark = pytest.mark.shared_data


def histories(shared_data: Path) -> list[Path]:
    folder = shared_data / "runs"
    if not folder.is_dir():
        pytest.skip(f"there are no experiment histories at {folder}")
    return sorted(path for path in folder.iterdir() if (path / "SOURCE.json").is_file())


def told(path: Path) -> int:
    return int(json.loads((path / "SOURCE.json").read_text("utf-8"))["distinct_runs"])


def test_every_history_has_the_runs_that_its_collector_counted(shared_data: Path) -> None:
    counted = {path.name: told(path) for path in histories(shared_data)}
    found = {path.name: sum(not run.loose for run in read_all(path)[0]) for path in histories(shared_data)}
    assert found == counted


def test_all_histories_are_read_as_one_folder_too(shared_data: Path) -> None:
    runs, _ = read_all(shared_data / "runs")
    assert sum(not run.loose for run in runs) == sum(map(told, histories(shared_data)))
    keys = [(run.source, run.experiment, run.run_id, run.copy) for run in runs]
    assert len(set(keys)) == len(keys)


def test_reading_leaves_every_byte_and_adds_no_file(shared_data: Path) -> None:
    for path in histories(shared_data):
        before = fingerprint(path)
        read_all(path)
        assert fingerprint(path) == before


def test_detecting_promises_the_runs_that_reading_yields(shared_data: Path) -> None:
    from ingest.trackers import READERS, detect
    from kb.records import Run

    for path in histories(shared_data):
        for found in detect(path):
            runs = [item for item in READERS[found.kind](found) if isinstance(item, Run)]
            assert found.count is None or sum(not run.loose for run in runs) == found.count, found
