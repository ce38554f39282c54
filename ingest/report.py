"""What a sync did, as a value that the faces print."""

from __future__ import annotations

from dataclasses import dataclass

from kb.types import SourceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A source that could not be read, and why."""

    key: SourceKey
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """What became of the runs of the histories that were looked through; `left_out` were not wanted."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """Counts of sources, the chunks they have now, the texts embedded for them, and the seconds it took.

    `partial` are sources of which something could not be read, `runs` what became of the runs among them.
    """

    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: tuple[Failure, ...] = ()
    partial: tuple[Failure, ...] = ()
    runs: RunCounts = RunCounts()
    mentions: int = 0
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Progress of a sync: `stage` is scan, read, runs or embed; `done` of `total` sources, runs or chunks."""

    stage: str
    done: int
    total: int
    current: str = ""
