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
class SyncReport:
    """Counts of sources, the chunks they have now, the texts embedded for them, and the seconds it took."""

    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: tuple[Failure, ...] = ()
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Progress of a sync: `stage` is scan, read or embed; `done` of `total` sources or chunks; the `current` one."""

    stage: str
    done: int
    total: int
    current: str = ""
