"""One writer at a time, across processes: a lock that the system frees when its holder dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kb.errors import HomeUnwritable, WriterBusy

_POLL = 0.01


@contextmanager
def write_lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file `path` inside the `with` block; wait up to `timeout` seconds for it.

    Who waits holds `path`.next meanwhile, so that a process which takes the lock again and again, batch after batch,
    lets the others in between. Raise WriterBusy when the time is over and HomeUnwritable when there is no place for
    a lock file. A lock is not re-entrant.
    """
    if not path.parent.is_dir():
        # filelock would make the folder, also one that was removed on purpose.
        raise HomeUnwritable(path.parent, "there is no such folder")
    deadline = time.monotonic() + timeout
    turnstile = FileLock(f"{path}.next", fallback_to_soft=False)
    lock = FileLock(path, fallback_to_soft=False)
    try:
        with turnstile.acquire(_left(deadline), poll_interval=_POLL):
            lock.acquire(_left(deadline), poll_interval=_POLL)
    except Timeout as error:
        raise WriterBusy(path, timeout) from error
    except (OSError, NotImplementedError) as error:
        raise HomeUnwritable(path.parent, str(error)) from error
    try:
        yield
    finally:
        lock.release()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
