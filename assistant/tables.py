"""Tables opened once each in a process, and kept while they fit in memory: for batches and evaluations."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.errors import CitewiseError

if TYPE_CHECKING:
    from kb.tables import Table

KEPT = 2**30
"""Bytes of table files whose frames are kept at a time."""
Open = Callable[..., "Table"]


class OpenTables:
    """Opens a table file the first time it is asked for; a file that changed since is opened again."""

    def __init__(self, folder: Path | None = None, *, keep: int = KEPT, opener: Open | None = None) -> None:
        self._folder = folder
        self._keep = keep
        self._opener = opener
        self._tables: OrderedDict[tuple[object, ...], tuple[int, Table | CitewiseError]] = OrderedDict()

    def get(self, file: str, corrections: Mapping[str, Any] | None = None) -> Table:
        """Return the table in `file`, relative to the folder; raises what opening it raised, without trying again."""
        path = (self._folder or Path()) / Path(file).expanduser()
        key = (str(path), json.dumps(dict(corrections or {}), sort_keys=True, default=str), *_state(path))
        if key not in self._tables:
            self._tables[key] = (_size(path), self._open(path, corrections))
            self._make_room()
        self._tables.move_to_end(key)
        found = self._tables[key][1]
        if isinstance(found, CitewiseError):
            raise found
        return found

    def _open(self, path: Path, corrections: Mapping[str, Any] | None) -> Table | CitewiseError:
        try:
            return (self._opener or _opener())(path, corrections=corrections or None)
        except CitewiseError as error:
            return error

    def _make_room(self) -> None:
        while len(self._tables) > 1 and sum(size for size, _ in self._tables.values()) > self._keep:
            self._tables.popitem(last=False)


def _opener() -> Open:
    from kb.tables import open_table  # here, for it imports pandas

    return open_table


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _size(path: Path) -> int:
    return _state(path)[1]
