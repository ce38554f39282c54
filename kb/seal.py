"""What the files of an index folder looked like after the last batch, so that damage is noticed before they are opened.

Chroma opens shortened files without an error, and then misses vectors, invents neighbours or ends the process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kb.errors import HomeUnwritable, IndexUnavailable

SEAL = "seal.json"
DATABASE = "chroma.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Sizes in bytes by file, and how many records at most are only in Chroma's log, not yet in its vector files."""

    sizes: Mapping[str, int]
    unsynced: int


def seal(folder: Path, unsynced: int) -> None:
    """Note the sizes that the files in `folder` have now."""
    try:
        sizes = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.glob("*/*") if p.is_file()}
        sizes[DATABASE] = (folder / DATABASE).stat().st_size
        fresh = folder / f"{SEAL}.new"
        fresh.write_text(json.dumps({"sizes": sizes, "unsynced": unsynced}), encoding="utf-8")
        fresh.replace(folder / SEAL)
    except OSError as error:
        raise HomeUnwritable(folder, str(error)) from error


def read_seal(folder: Path) -> Seal:
    """Return the seal of `folder`, an empty one where none was made yet."""
    try:
        values = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return Seal(sizes=values["sizes"], unsynced=values["unsynced"])
    except FileNotFoundError:
        return Seal(sizes={}, unsynced=0)
    except (OSError, ValueError, KeyError) as error:
        raise IndexUnavailable(folder, str(error)) from error


def check_seal(folder: Path) -> None:
    """Raise IndexUnavailable when a file is lost or has another size than was sealed."""
    for name, size in read_seal(folder).sizes.items():
        found = (folder / name).stat().st_size if (folder / name).exists() else 0
        # The database may grow between two batches; it is never made smaller.
        if found < size or (found > size and name != DATABASE):
            raise IndexUnavailable(folder, f"{name} has {found} bytes, expected {size}")


def sync_stamp(folder: Path) -> tuple[tuple[int, int], ...]:
    """Return a value that changes when Chroma writes its vector files: the id map is the last of them."""
    maps = (path.stat() for path in sorted(folder.glob("*/index_metadata.pickle")))
    return tuple((found.st_mtime_ns, found.st_size) for found in maps)
