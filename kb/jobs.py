"""Long work as rows that a process of its own does: start, watch, stop and resume it from anywhere by its id.

A worker holds its job's lock file as long as it lives, and the system frees that when it dies: this, not a process
number that may belong to somebody else by now, tells whether anyone is at work. What the worker does is `kb.work`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from kb import schema
from kb.errors import BadInput, HomeUnwritable
from kb.store import Catalogue

STALE_SECONDS = 120.0
"""A worker that was silent for longer is taken for lost, though its process may still be there, put to sleep."""
START_SECONDS = 60.0
"""How long a process may take to begin."""
KEPT = 50
"""Jobs that are over and still listed."""
_KILL_SECONDS = 10.0
_STDERR_LINES = 8


class JobState(StrEnum):
    """Waiting for its turn, at work, ended well, ended by an error, stopped by a person, or gone without a word."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


ACTIVE = frozenset({JobState.WAITING, JobState.RUNNING})
RESUMABLE = frozenset({JobState.FAILED, JobState.STOPPED, JobState.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as its row and its lock tell; times are seconds since 1970.

    `stage` says in words what is being done, `done` of `total` how far that is (None: it cannot be told). `log` holds
    the latest lines. `result` is what the work gave, or `{"error", "hint"}`. `stopping`: a person asked it to stop.
    """

    id: str
    kind: str
    worker: str
    request: Mapping[str, Any]
    state: JobState
    stage: str
    done: float
    total: float | None
    log: tuple[str, ...]
    result: Mapping[str, Any] | None
    created: float
    updated: float
    heartbeat: float
    attempt: int
    stopping: bool
    pid: int | None

    @property
    def is_active(self) -> bool:
        """Tell whether it waits or is at work."""
        return self.state in ACTIVE

    @property
    def can_resume(self) -> bool:
        """Tell whether `resume` would take it up."""
        return self.state in RESUMABLE

    @property
    def error(self) -> str:
        """Why it failed; "" where it did not."""
        return str((self.result or {}).get("error", ""))


# -- watching ------------------------------------------------------------------------------------------------------


def get(catalogue: Catalogue, id: str) -> Job | None:
    """Return a job, or None where there is none of that id."""
    row = _row(catalogue, id)
    return None if row is None else _seen(catalogue, row)


def recent(catalogue: Catalogue, limit: int = 20) -> tuple[Job, ...]:
    """Return the latest jobs, newest first."""
    j = schema.jobs
    with catalogue.read() as conn:
        rows = conn.execute(select(j).order_by(j.c.created.desc(), j.c.id).limit(limit)).mappings().all()
    return tuple(job for row in rows if (job := _seen(catalogue, row)) is not None)


def _row(catalogue: Catalogue, id: str) -> RowMapping | None:
    with catalogue.read() as conn:
        return conn.execute(select(schema.jobs).where(schema.jobs.c.id == id)).mappings().first()


def _seen(catalogue: Catalogue, row: RowMapping) -> Job | None:
    """Return the job of a row, lost where nobody is at work on it; None where it went meanwhile."""
    if JobState(row["state"]) not in ACTIVE or is_attended(folder_of(catalogue), row):
        return _job(row, _state(row), ())
    # It may have ended between the look at its row and the look at its lock.
    again = _row(catalogue, row["id"])
    if again is None or JobState(again["state"]) not in ACTIVE or again["attempt"] != row["attempt"]:
        return None if again is None else _job(again, JobState(again["state"]), ())
    return _job(again, JobState.LOST, _last_words(folder_of(catalogue) / f"{row['id']}.err"))


def _state(row: RowMapping) -> JobState:
    silent = time.time() - row["heartbeat"] > STALE_SECONDS
    return JobState.LOST if row["state"] in ACTIVE and silent else JobState(row["state"])


def is_attended(folder: Path, row: RowMapping) -> bool:
    """Tell whether a process holds the job of a row, or was started for it a moment ago."""
    if is_held(folder / f"{row['id']}.lock"):
        return True
    starting = row["state"] == JobState.WAITING and time.time() - row["queued"] < START_SECONDS
    return starting and (row["pid"] is None or _exists(row["pid"]))


def is_held(path: Path) -> bool:
    """Tell whether a process holds the lock file."""
    if not path.exists():
        return False
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return True  # a home that can only be read: nothing can be told, so nothing is done
    lock.release()
    return False


def _exists(pid: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_words(path: Path) -> tuple[str, ...]:
    try:
        said = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return tuple(line for line in said if line.strip())[-_STDERR_LINES:]


def _job(row: RowMapping, state: JobState, last_words: tuple[str, ...]) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        worker=row["worker"],
        request=json.loads(row["request"]),
        state=state,
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        log=(*row["log"].splitlines(), *last_words),
        result=json.loads(row["result"]) if row["result"] else None,
        created=row["created"],
        updated=row["updated"],
        heartbeat=row["heartbeat"],
        attempt=row["attempt"],
        stopping=bool(row["stop"]),
        pid=row["pid"],
    )


# -- starting and stopping -----------------------------------------------------------------------------------------


def start(catalogue: Catalogue, kind: str, request: Mapping[str, Any], *, worker: str) -> Job:
    """Begin work in a process of its own and return its job at once.

    The process is `python -m WORKER --home HOME --job ID` and outlives this one; jobs of one kind take turns. Raises
    HomeUnwritable.
    """
    id, now = secrets.token_hex(8), time.time()
    times = {"created": now, "queued": now, "updated": now, "heartbeat": now}
    row = {"id": id, "kind": kind, "worker": worker, "request": json.dumps(request), "state": JobState.WAITING}
    with catalogue.write() as conn:
        conn.execute(insert(schema.jobs).values(**row, **times))
        gone = _clear(conn)
    for old in gone:
        _remove_files(folder_of(catalogue), old)
    return _launch(catalogue, id, worker)


def stop(catalogue: Catalogue, id: str) -> Job:
    """Ask a job to stop after the batch at hand; asked again, end its process. Raises BadInput for an unknown id."""
    job = _known(catalogue, id)
    j = schema.jobs
    if job.is_active and not job.stopping:
        with catalogue.write() as conn:
            conn.execute(update(j).where(j.c.id == id, j.c.state.in_(ACTIVE)).values(stop=1, updated=time.time()))
    elif job.is_active or job.state is JobState.LOST:
        _kill(catalogue, job)
        with catalogue.write() as conn:
            ended = {"state": JobState.STOPPED, "stage": "", "updated": time.time()}
            conn.execute(update(j).where(j.c.id == id, j.c.state.in_(ACTIVE)).values(**ended))
    return _known(catalogue, id)


def resume(catalogue: Catalogue, id: str) -> Job:
    """Take up a job that was stopped, failed or was lost; any other is returned as it is.

    Raises BadInput for an unknown id, HomeUnwritable.
    """
    job = _known(catalogue, id)
    if not job.can_resume:
        return job
    if job.state is JobState.LOST:
        _kill(catalogue, job)
    j, now = schema.jobs, time.time()
    times = {"queued": now, "updated": now, "heartbeat": now}
    fresh = {"state": JobState.WAITING, "stop": 0, "attempt": job.attempt + 1, "stage": "", "result": None, "pid": None}
    # Whoever comes first takes it up; the attempt tells a worker of before, should it still be there, to go.
    mine = (j.c.id == id, j.c.attempt == job.attempt, j.c.state != JobState.DONE)
    with catalogue.write() as conn:
        took = conn.execute(update(j).where(*mine).values(**fresh, **times)).rowcount
    return _launch(catalogue, id, job.worker) if took else _known(catalogue, id)


def _known(catalogue: Catalogue, id: str) -> Job:
    job = get(catalogue, id)
    if job is None:
        raise BadInput(f"there is no job {id!r}", hint="it may have been cleared away; start the work again")
    return job


def home_of(catalogue: Catalogue) -> Path:
    """Return the home that the catalogue lies in."""
    assert catalogue.path is not None, "jobs need a home on disk"
    return catalogue.path.parent.absolute()


def folder_of(catalogue: Catalogue) -> Path:
    """Return the folder of lock files and of what workers wrote to standard error."""
    return home_of(catalogue) / "jobs"


def _launch(catalogue: Catalogue, id: str, worker: str) -> Job:
    folder, home = folder_of(catalogue), home_of(catalogue)
    # -P: a folder of the person's that is named like one of our packages must not come before ours.
    command = [sys.executable, "-P", "-m", worker, "--home", str(home), "--job", id]
    try:
        folder.mkdir(exist_ok=True)
        with (folder / f"{id}.err").open("wb") as said:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
    except OSError as error:
        _give_up(catalogue, id, error)
        raise HomeUnwritable(home, error.strerror or str(error)) from error
    # Somebody has to take note of its end, or it would stay in the process table as long as this process lives.
    threading.Thread(target=process.wait, name=f"citewise-job-{id}", daemon=True).start()
    j = schema.jobs
    with catalogue.write() as conn:
        conn.execute(update(j).where(j.c.id == id, j.c.pid.is_(None)).values(pid=process.pid))
    return _known(catalogue, id)


def _give_up(catalogue: Catalogue, id: str, error: OSError) -> None:
    j, why = schema.jobs, {"error": f"no process could be started: {error}", "hint": "mend that and resume the job"}
    with contextlib.suppress(Exception), catalogue.write() as conn:  # the first error is the one to tell
        conn.execute(update(j).where(j.c.id == id).values(state=JobState.FAILED, result=json.dumps(why)))


def _kill(catalogue: Catalogue, job: Job) -> None:
    """End the process that holds a job, with those that it started, and wait until it let go."""
    lock = folder_of(catalogue) / f"{job.id}.lock"
    deadline = time.monotonic() + _KILL_SECONDS
    while job.pid is not None and is_held(lock) and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix" and os.getpgid(job.pid) == job.pid:
                os.killpg(job.pid, signal.SIGKILL)
            else:
                os.kill(job.pid, signal.SIGTERM)
        time.sleep(0.02)


def _clear(conn: Connection) -> list[str]:
    """Remove the rows of jobs that ended long ago and return their ids."""
    j = schema.jobs
    ended = select(j.c.id).where(j.c.state.not_in(ACTIVE)).order_by(j.c.created.desc()).offset(KEPT)
    gone = list(conn.scalars(ended))
    if gone:
        conn.execute(delete(j).where(j.c.id.in_(gone)))
    return gone


def scrub(conn: Connection) -> None:
    """Empty the logs and results of jobs that are over: they name sources, one of which is being forgotten."""
    j = schema.jobs
    conn.execute(update(j).where(j.c.state.not_in(ACTIVE)).values(log="", result=None))


def _remove_files(folder: Path, id: str) -> None:
    for name in (f"{id}.lock", f"{id}.err"):
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)
