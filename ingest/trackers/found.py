"""A place in a folder where runs lie, before any of them is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from ingest.report import Step
from ingest.trackers.access import Access
from ingest.trackers.files import Unreadable, version_of
from kb.records import Problem, Run

T = TypeVar("T")
Watch = Callable[[Step], None]
Stop = Callable[[], bool]
Reader = Callable[..., Iterator[Run | Problem]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to ask a server for, so that the rest need not travel; readers of files yield all and let others choose.

    `experiment` is a name or a pattern such as `churn-*` without regard to case (or an experiment's id), `since` the
    earliest start in seconds since 1970. With `lasts` a run's history is only the last value of each metric, which
    comes with the run itself, and its version tells so; not those whose versions are `known`: they are stored whole.
    """

    experiment: str | None = None
    since: float | None = None
    lasts: bool = False
    known: frozenset[str] = frozenset()

    def has_experiment(self, name: str, number: str = "") -> bool:
        """Tell whether the runs of an experiment are wanted."""
        if self.experiment is None:
            return True
        pattern = self.experiment.lower()
        return self.experiment == number or name.lower() == pattern or fnmatchcase(name.lower(), pattern)


EVERYTHING = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Runs of one kind at `path`: `why` says by what they were told, `count` how many there are where that is cheap.

    `root` is what was looked through; sources and run ids are relative to it. `members` are the run folders or files
    that belong together (empty: `path` is read as a whole), `beside` files elsewhere that tell of the only run.
    `loose` marks values that belong to one of the runs beside them without saying to which. Of a server `uri` is its
    address without credentials, and `path` and `root` mean nothing.
    """

    kind: str
    path: Path
    root: Path
    why: str
    count: int | None = None
    members: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    loose: bool = False
    uri: str = ""
    access: Access | None = field(default=None, repr=False, compare=False)
    options: Options = EVERYTHING

    @property
    def source(self) -> str:
        """Return the POSIX path relative to the root; the root itself is `.`, a root that is a file its name.

        Of a server, return its address.
        """
        return self.uri or relative(self.path, self.root)

    def version(self) -> str | None:
        """Return a hash of sizes and times where files alone hold the runs: unchanged, they need no reading.

        None where folders must be looked through; their runs have versions of their own.
        """
        files = self.members or (self.path,)
        if self.uri or not all(path.is_file() for path in files):
            return None
        ends = ("", "-wal", "-journal") if not self.members else ("",)
        return version_of(path.with_name(path.name + end) for path in files for end in ends)


def relative(path: Path, root: Path) -> str:
    """Return `path` relative to `root` in POSIX form."""
    if path == root:
        return "." if path.is_dir() else path.name
    return path.relative_to(root).as_posix()


def guarded(read: Callable[[], Iterable[T]], source: str) -> Iterator[T | Problem]:
    """Yield what `read` yields; where it fails, a Problem instead of the rest."""
    try:
        yield from read()
    except Unreadable as error:
        yield Problem(source=source, reason=str(error))
    except Exception as error:  # noqa: BLE001 - the border: what one run's files hold must not stop the others
        yield Problem(source=source, reason=f"{type(error).__name__}: {error}"[:500])


def quiet(_: Step) -> None:
    """Watch nothing."""


def never() -> bool:
    """Do not stop."""
    return False
