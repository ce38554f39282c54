"""What a job's own process does: waits for its turn, runs the function for its kind, says how far it is, ends the row.

The functions come from the worker's module, so that this one knows no work; `kb.jobs` starts and stops such processes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, select, update

from kb import schema
from kb.errors import CitewiseError
from kb.jobs import ACTIVE, JobState, folder_of, is_attended, is_held
from kb.store import Catalogue

BEAT_SECONDS = 0.4
ALIVE_SECONDS = 5.0
LOG_LINES = 300
_LINE = 500
_TURN_SECONDS = 0.6
_LOCK_SECONDS = 10.0
_NICENESS = 10

Function = Callable[[Path, Mapping[str, Any], "Work"], Mapping[str, Any]]
"""Does one kind of work: gets the home, the request and its `Work`; returns JSON values."""


class Work:
    """What a function at work holds: it says how far it is, logs, and asks whether to stop.

    All three only touch memory; a thread brings them to the row and back, so that work never waits for the database.
    """

    def __init__(self, catalogue: Catalogue, id: str, attempt: int, *, log: str = "") -> None:
        self._catalogue = catalogue
        self._mine = (schema.jobs.c.id == id, schema.jobs.c.attempt == attempt)
        self._progress: tuple[str, float, float | None] = ("", 0.0, None)
        self._log = deque(log.splitlines(), LOG_LINES)
        self._changed = True
        self._asked = threading.Event()
        self._over = threading.Event()
        self._written = 0.0
        self._thread = threading.Thread(target=self._beat, name="citewise-beat", daemon=True)
        self.saw_stop = False

    def report(self, stage: str, done: float = 0.0, total: float | None = None) -> None:
        """Say in words what is being done and how far it is."""
        self._progress, self._changed = (stage, done, total), True

    def log(self, text: str) -> None:
        """Add a line to the log, which keeps the latest."""
        line = " ".join(text.split())[:_LINE]
        self._log.append(f"{time.strftime('%H:%M:%S')} {line}")
        self._changed = True

    def stop(self) -> bool:
        """Tell whether to end after what is at hand."""
        self.saw_stop = self.saw_stop or self._asked.is_set()
        return self.saw_stop

    def ask_to_stop(self, *_: object) -> None:
        """Ask the function to stop, as a signal does."""
        self._asked.set()

    def __enter__(self) -> Work:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            try:
                self._exchange()
            except CitewiseError as error:
                print(f"the job's row could not be written: {error.message}", file=sys.stderr, flush=True)

    def _exchange(self) -> None:
        j = schema.jobs
        if self._changed or time.time() - self._written > ALIVE_SECONDS:
            self._changed = False
            with self._catalogue.write() as conn:
                conn.execute(update(j).where(*self._mine, j.c.state == JobState.RUNNING).values(**self._values()))
            self._written = time.time()
        with self._catalogue.read() as conn:
            asked = conn.scalar(select(j.c.stop).where(*self._mine, j.c.state == JobState.RUNNING))
        if asked is None or asked:  # None: somebody else took the job over, or removed it
            self._asked.set()

    def _values(self) -> dict[str, Any]:
        stage, done, total = self._progress
        now = time.time()
        log = "\n".join(self._log)
        return {"stage": stage, "done": done, "total": total, "log": log, "updated": now, "heartbeat": now}

    def end(self, state: JobState, result: Mapping[str, Any]) -> None:
        """Write the last state; nothing is written where another attempt has taken the job over."""
        ended = {**self._values(), "state": state, "result": json.dumps(result), "stage": ""}
        with self._catalogue.write() as conn:
            conn.execute(update(schema.jobs).where(*self._mine, schema.jobs.c.state.in_(ACTIVE)).values(**ended))


def main(functions: Mapping[str, Function], arguments: Sequence[str] | None = None) -> int:
    """Do the job that the command line names; `functions` maps its kind to what does it. Returns an exit status."""
    parser = argparse.ArgumentParser(description="Does one job of a knowledge base, which it was started for.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--job", required=True)
    named = parser.parse_args(arguments)
    return run(named.home, named.job, functions)


def run(home: Path, id: str, functions: Mapping[str, Function]) -> int:
    """Do the job `id` of `home` and return an exit status: 0 done, stopped or not ours to do, 1 failed."""
    _give_way()
    catalogue = Catalogue.open(home / "catalogue.db")
    lock = FileLock(folder_of(catalogue) / f"{id}.lock", fallback_to_soft=False)
    try:
        lock.acquire(_LOCK_SECONDS, poll_interval=0.02)  # who looks whether it is held holds it for an instant
    except Timeout:
        return 0  # another process is at work on it
    try:
        return _take(catalogue, home, id, functions)
    finally:
        catalogue.close()
        lock.release()


def _give_way() -> None:
    """Let programs that somebody waits for, such as the app, go first."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)


def _take(catalogue: Catalogue, home: Path, id: str, functions: Mapping[str, Function]) -> int:
    stopped = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        attempt = _turn(catalogue, id, stopped)
        if attempt is None:
            return 0
        return _work(catalogue, home, id, attempt, functions)
    finally:
        signal.signal(signal.SIGTERM, before)


def _turn(catalogue: Catalogue, id: str, stopped: threading.Event) -> int | None:
    """Wait until the jobs of this kind that came before are over; return the attempt, None where there is no job."""
    j = schema.jobs
    while True:
        with catalogue.write() as conn:
            row = conn.execute(select(j).where(j.c.id == id)).mappings().first()
            if row is None or row["state"] not in ACTIVE:
                return None
            ahead = _ahead(conn, catalogue, id, row["kind"], row["queued"])
            values: dict[str, Any] = {"pid": os.getpid(), "heartbeat": time.time()}
            if row["stop"] or stopped.is_set():
                values |= {"state": JobState.STOPPED, "updated": time.time(), "stage": ""}
            elif ahead:
                values |= {"stage": "Waiting for another job to end"}
            else:
                values |= {"state": JobState.RUNNING, "updated": time.time(), "stage": "Starting"}
            conn.execute(update(j).where(j.c.id == id).values(**values))
        if "state" in values:
            return int(row["attempt"]) if values["state"] is JobState.RUNNING else None
        time.sleep(_TURN_SECONDS)


def _ahead(conn: Connection, catalogue: Catalogue, id: str, kind: str, queued: float) -> bool:
    """Tell whether another job of this kind is at work, or waits for longer than this one."""
    j = schema.jobs
    others = select(j).where(j.c.kind == kind, j.c.id != id, j.c.state.in_(ACTIVE))
    folder = folder_of(catalogue)
    for row in conn.execute(others).mappings():
        running = row["state"] == JobState.RUNNING
        if running and is_held(folder / f"{row['id']}.lock"):
            return True
        if not running and (row["queued"], row["id"]) < (queued, id) and is_attended(folder, row):
            return True
    return False


def _work(catalogue: Catalogue, home: Path, id: str, attempt: int, functions: Mapping[str, Function]) -> int:
    j = schema.jobs
    with catalogue.read() as conn:
        row = conn.execute(select(j.c.kind, j.c.request, j.c.log).where(j.c.id == id)).one()
    work = Work(catalogue, id, attempt, log=row.log)
    signal.signal(signal.SIGTERM, _patiently(work))
    with work:
        state, result = _outcome(lambda: functions[row.kind](home, json.loads(row.request), work), work)
    work.end(state, result)
    return 1 if state is JobState.FAILED else 0


def _patiently(work: Work) -> Callable[[int, FrameType | None], None]:
    """Return what a signal to end does: ask, and let the next one end the process."""

    def take(number: int, frame: FrameType | None) -> None:
        work.ask_to_stop()
        signal.signal(number, signal.SIG_DFL)

    return take


def _outcome(act: Callable[[], Mapping[str, Any]], work: Work) -> tuple[JobState, Mapping[str, Any]]:
    try:
        result = act()
    except CitewiseError as error:
        work.log(f"Error: {error.message}")
        return JobState.FAILED, {"error": error.message, "hint": error.hint}
    except Exception as error:  # noqa: BLE001 - the border: how a job ended must be in its row, whatever went wrong
        traceback.print_exc()
        said = f"unexpected {type(error).__name__}: {error}"[:_LINE]
        work.log(f"Error: {said}")
        return JobState.FAILED, {"error": said, "hint": "resume it; if that fails again, please report it"}
    return (JobState.STOPPED if work.saw_stop else JobState.DONE), result
