"""What there is to ingest: files, folders, globs and installed packages become a list of found sources.

Nothing is read here beyond the first bytes that tell a file's kind.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.detect import IGNORED_DIRS, SUPPORTED, detect_kind
from kb.errors import BadInput
from kb.types import SourceKey

PACKAGE = "package:"
MAX_BYTES = 200 * 2**20
_HEAD = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A source that is there: `read` gives its bytes. A source that cannot be read has its `problem` instead."""

    key: SourceKey
    kind: str
    read: Callable[[], bytes]
    version: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one SOURCE argument stands for.

    `whole` names the part of the root that was looked at completely (a prefix of source names, "" for all of it), so
    that what is stored there and was not found is gone; None where only single files were named.
    """

    collection: str
    root: str
    found: tuple[Found, ...]
    whole: str | None
    skipped: int = 0


def scan(
    source: str, *, collection: str = "default", kind: str | None = None, roots: Iterable[str] = ()
) -> tuple[Scan, ...]:
    """Return what `source` (a file, folder, glob or `package:NAME`) stands for.

    `roots` are the roots already stored: a path inside one keeps that root. Raises BadInput where nothing is there.
    """
    if kind is not None and kind not in SUPPORTED:
        raise BadInput(f"unknown kind {kind!r}", hint=f"kinds are: {', '.join(sorted(SUPPORTED))}")
    if source.startswith(PACKAGE):
        return (_package(source, collection),)
    path = Path(source).expanduser()
    if path.is_dir():
        return (_folder(path.resolve(), collection, kind, roots),)
    if path.exists():
        return (_files([_absolute(path)], collection, kind, roots),)
    matches = [_absolute(Path(name)) for name in sorted(glob.glob(str(path), recursive=True))]
    if not matches:
        hint = "name a file, a folder, a glob in quotes, or an installed package as package:NAME"
        raise BadInput(f"there is nothing at {source!r}", hint=hint)
    folders = [_folder(match, collection, kind, roots) for match in matches if match.is_dir()]
    files = [match for match in matches if match.is_file()]
    return (*folders, *((_files(files, collection, kind, roots),) if files else ()))


def _package(source: str, collection: str) -> Scan:
    from ingest.loaders.package import discover

    found = tuple(
        Found(
            key=SourceKey(collection=collection, root=source, source=item.source),
            kind="package",
            read=_constant(item.data),
            version=item.version,
        )
        for item in discover(source.removeprefix(PACKAGE))
    )
    return Scan(collection=collection, root=source, found=found, whole="")


def _constant(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def _folder(path: Path, collection: str, kind: str | None, roots: Iterable[str]) -> Scan:
    root = _root_of(path, roots) or path
    found, skipped = [], 0
    for item in _walk(path):
        if isinstance(item, OSError):
            found.append(_unreadable(Path(str(item.filename)), root, collection, item))
            continue
        made = _file(item, root, collection, kind, explicit=False)
        if made is None:
            skipped += 1
        else:
            found.append(made)
    whole = "" if root == path else f"{path.relative_to(root).as_posix()}/"
    return Scan(collection=collection, root=str(root), found=tuple(found), whole=whole, skipped=skipped)


def _files(paths: Sequence[Path], collection: str, kind: str | None, roots: Iterable[str]) -> Scan:
    common = Path(os.path.commonpath([path.parent for path in paths]))
    root = _root_of(common, roots) or common
    found = [_file(path, root, collection, kind, explicit=True) for path in paths]
    return Scan(collection=collection, root=str(root), found=tuple(f for f in found if f is not None), whole=None)


def _walk(top: Path) -> Iterator[Path | OSError]:
    """Yield the files below `top` in a fixed order, and an error for each folder that cannot be listed.

    Linked folders are not followed: they loop, or lead out of what the user named.
    """
    errors: list[OSError] = []
    for folder, folders, files in os.walk(top, onerror=errors.append):
        yield from errors
        errors.clear()
        folders[:] = sorted(
            name for name in folders if name not in IGNORED_DIRS and not Path(folder, name).is_symlink()
        )
        yield from (Path(folder, name) for name in sorted(files))
    yield from errors


def _file(path: Path, root: Path, collection: str, kind: str | None, *, explicit: bool) -> Found | None:
    """Return the source at `path`; None for a file of a kind that is no document, unless it was named itself."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        size = path.stat().st_size
    except OSError as error:
        return None if path.is_symlink() and not explicit else _unreadable(path, root, collection, error)
    is_kind = kind or detect_kind(path.name, head)
    if is_kind is None and not explicit:
        return None
    problem = None
    if is_kind is None:
        problem = f"not a kind of document that can be read; name one with --kind ({', '.join(sorted(SUPPORTED))})"
    elif size > MAX_BYTES:
        problem = f"the file has {size / 2**20:.0f} MB, more than the {MAX_BYTES // 2**20} MB that a document may have"
    key = SourceKey(collection=collection, root=str(root), source=_relative(path, root))
    return Found(key=key, kind=is_kind or "unknown", read=path.read_bytes, problem=problem)


def _unreadable(path: Path, root: Path, collection: str, error: OSError) -> Found:
    key = SourceKey(collection=collection, root=str(root), source=_relative(path, root))
    reason = f"cannot be read: {error.strerror or error}"
    return Found(key=key, kind="unknown", read=path.read_bytes, problem=reason)


def _relative(path: Path, root: Path) -> str:
    name = path.relative_to(root).as_posix()
    # A name that is not valid text in the file system's encoding still needs one that can be stored and printed.
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _absolute(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _root_of(path: Path, roots: Iterable[str]) -> Path | None:
    """Return the outermost stored root that holds `path`."""
    holding = [Path(root) for root in roots if root.startswith("/") or os.path.isabs(root)]
    inside = [root for root in holding if path == root or root in path.parents]
    return min(inside, key=lambda root: len(root.parts), default=None)


def suggest(folder: Path, limit: int = 2000) -> dict[str, int]:
    """Count by kind what could be ingested in `folder`, looking at no more than `limit` files."""
    counts: dict[str, int] = {}
    for number, item in enumerate(_walk(folder)):
        if number >= limit:
            break
        if isinstance(item, Path) and (found := _file(item, folder, "", None, explicit=False)) and not found.problem:
            counts[found.kind] = counts.get(found.kind, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
