"""An ingest that is killed goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpora import write_generated, write_pages
from fakes import HashingEmbedder
from states import State, complaints, state

from ingest.split import FINGERPRINT
from kb.knowledge import KnowledgeBase

DRIVER = Path(__file__).with_name("driver.py")
FILES = 60
SLOW = "0.003"
"""Seconds per text: reading, words and vectors each take a good part of the time, so each gets killed."""


def start(home: Path, folder: Path) -> subprocess.Popen[str]:
    """Start an ingest and return its process once it is about to work."""
    command = [sys.executable, str(DRIVER), "ingest", str(home), str(folder), SLOW]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    return process


def finish(process: subprocess.Popen[str]) -> None:
    """Wait until an ingest has ended well."""
    process.communicate(timeout=120)
    assert process.returncode == 0


def kill_after(seconds: float, home: Path, folder: Path) -> bool:
    """Start an ingest and kill it after `seconds` of work; tell whether it was still at work."""
    process = start(home, folder)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def seen(home: Path) -> State:
    """Open a home, audit it and return its state."""
    with KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        assert complaints(kb) == []
        return state(kb)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty generated pages and a few written ones."""
    return write_pages(write_generated(tmp_path_factory.mktemp("corpus"), FILES))


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[State, float]:
    """The state after an ingest that nobody disturbed, and the seconds that it took."""
    home = tmp_path_factory.mktemp("whole") / "home"
    process = start(home, folder)
    began = time.monotonic()
    finish(process)
    seconds = time.monotonic() - began
    return seen(home), seconds


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(10))
def test_an_ingest_killed_at_a_random_moment_resumes_as_if_uninterrupted(
    moment: int, folder: Path, whole: tuple[State, float], tmp_path: Path
) -> None:
    expected, seconds = whole
    share = (moment + random.random()) / 10
    kill_after(share * seconds, tmp_path / "home", folder)
    finish(start(tmp_path / "home", folder))
    assert seen(tmp_path / "home") == expected, f"killed after {share:.0%} of {seconds:.2f} s"


@pytest.mark.slow
def test_an_ingest_killed_again_and_again_gets_done(folder: Path, whole: tuple[State, float], tmp_path: Path) -> None:
    expected, seconds = whole
    for _ in range(5):
        kill_after(random.uniform(0.1, 0.3) * seconds, tmp_path / "home", folder)
    finish(start(tmp_path / "home", folder))
    assert seen(tmp_path / "home") == expected
