"""Progress on standard error, with rate and remaining time, and the two signals that end long work tidily."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from ingest.report import Step

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

EVERY = 2.0
"""Seconds between two lines where standard error is no terminal."""
STAGES = {
    "import": ("Importing", "packages"),
    "scan": ("Looking", "sources"),
    "read": ("Reading", "sources"),
    "runs": ("Reading", "runs"),
    "embed": ("Embedding", "passages"),
    "rebuild": ("Rebuilding", "passages"),
    "check": ("Checking", "passages"),
    "forget": ("Rewriting", "passages"),
    "unpack": ("Unpacking", "passages"),
    "eval": ("Asking", "questions"),
}


def say(text: str) -> None:
    """Print a line to standard error."""
    print(text, file=sys.stderr, flush=True)


def pace(step: Step, seconds: float, done_before: int = 0) -> str:
    """Return a step in words: done of total, rate and remaining time, after `seconds` since `done_before`."""
    verb, unit = STAGES.get(step.stage, (step.stage.capitalize(), ""))
    said = f"{verb} {step.done:,}/{step.total:,} {unit}".rstrip()
    rate = (step.done - done_before) / seconds if seconds > 0 else 0.0
    if rate <= 0 or step.done >= step.total:
        return said
    return f"{said} · {rate:,.1f}/s · {clock((step.total - step.done) / rate)} left"


def clock(seconds: float) -> str:
    """Return a duration as `m:ss` or `h:mm:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Lines:
    """Plain lines, at most one in `EVERY` seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._said = now()
        self._stage = ""
        self._began, self._first = self._said, 0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""

    def __call__(self, step: Step) -> None:
        """Take a step and print it where it is time for a line."""
        now = self._now()
        if step.stage != self._stage:
            self._stage, self._began, self._first = step.stage, now, step.done
        if now - self._said >= EVERY:
            self._said = now
            say(pace(step, now - self._began, self._first))


class Bars:
    """A moving bar for each stage, gone when it is done."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar: Bar = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._stage = ""
        self._task: Any = None
        self._began, self._first = 0.0, 0

    def __enter__(self) -> Bars:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, step: Step) -> None:
        """Take a step and move the bar."""
        now = time.monotonic()
        if step.stage != self._stage:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._stage, self._began, self._first = step.stage, now, step.done
            verb, _ = STAGES.get(step.stage, (step.stage.capitalize(), ""))
            self._task = self._bar.add_task(verb, total=step.total or None, rate="")
        rate = (step.done - self._first) / max(now - self._began, 1e-3)
        shown = f"{rate:,.0f}/s" if rate > 0 else ""
        self._bar.update(self._task, completed=step.done, total=step.total or None, rate=shown)


def follower() -> Lines | Bars:
    """Return bars where standard error is a terminal, else plain lines."""
    return Bars() if sys.stderr.isatty() else Lines()


def counted(watch: Callable[[Step], None], stage: str) -> Callable[[int, int], None]:
    """Return a `progress(done, total)` that reports to `watch` as `stage`."""
    return lambda done, total: watch(Step(stage=stage, done=done, total=total))


class Interrupts:
    """Ctrl-C and SIGTERM inside the `with` block: where work can stop between batches the first one asks for that.

    Where nothing would be lost anyway, and for the second signal, KeyboardInterrupt is raised at once.
    """

    def __init__(self) -> None:
        self.patient = False
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {name: signal.signal(name, self._take) for name in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.asked or not self.patient:
            raise KeyboardInterrupt
        self.asked = True
        say("Stopping after this batch; once more stops at once.")

    def stop(self) -> bool:
        """Tell whether work should stop."""
        return self.asked

    def watching(self, watch: Callable[[Step], None]) -> Callable[[Step], None]:
        """Return `watch`, which also notes from when on sources are read, batch by batch."""

        def take(step: Step) -> None:
            self.patient = step.stage in ("read", "runs", "embed")
            watch(step)

        return take
