"""A folder that was listed once, as the readers of run folders look at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.trackers.found import relative
from kb.records import Problem, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The names in a folder: files, and folders that are no links."""

    path: Path
    root: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def source(self) -> str:
        """Return the POSIX path relative to the root."""
        return relative(self.path, self.root)

    def has(self, *names: str) -> bool:
        """Tell whether all these files are here."""
        return all(name in self.files for name in names)

    def of(self, name: str) -> str:
        """Return the source of a file in this folder."""
        return relative(self.path / name, self.root)

    def below(self, name: str) -> Folder:
        """Return a folder in this one."""
        return listed(self.path / name, self.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One tracker's way of leaving a run in a folder: how it is told and read, which plain files go with it."""

    is_here: Callable[[Folder], bool]
    read: Callable[[Folder], Iterator[Run | Problem]]
    why: str
    also: frozenset[str] = frozenset()


def listed(path: Path, root: Path) -> Folder:
    """List a folder; one that cannot be opened has nothing in it."""
    files, folders = [], []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.is_file():
                    files.append(entry.name)
    except OSError:
        pass
    return Folder(path=path, root=root, files=tuple(sorted(files)), folders=tuple(sorted(folders)))
