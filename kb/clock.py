"""Seconds by stage of one piece of work."""

from __future__ import annotations

import time


class Clock:
    """Starts when it is made; `lap` names the time since the lap before."""

    def __init__(self) -> None:
        self._begin = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """End a stage; a name that comes again is added to."""
        now = time.perf_counter()
        self._laps[name] = self._laps.get(name, 0.0) + now - self._last
        self._last = now

    def done(self) -> dict[str, float]:
        """Return the seconds of each stage, and their `total`."""
        return {"total": time.perf_counter() - self._begin, **self._laps}
