"""Copies of uploaded files in the home: `uploads/HASH/NAME`, the same bytes once, gone when they are forgotten."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from kb.errors import BadInput, HomeUnwritable
from kb.types import SourceKey

FOLDER = "uploads"
MAX_BYTES = 2**30
"""What an upload may have; larger files are named by their path and read where they lie."""
_PIECE = 2**20
HASH_DIGITS = 16
_NAME_BYTES = 150
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\s]+')
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)")


class Stream(Protocol):
    """What is uploaded: an open file, or what a server hands over."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""


def safe_name(name: str) -> str:
    """Return a file name that means nothing to a shell, a path or another system, with its ending kept.

    >>> safe_name("../../etc/Umsätze 2024.CSV")
    'Umsätze_2024.CSV'
    """
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(c for c in unicodedata.normalize("NFC", last) if c.isprintable() or c == " ")
    kept = _NOT_IN_NAMES.sub("_", printable).strip("._ -")
    if _RESERVED.match(kept):
        kept = f"_{kept}"
    stem, dot, ending = kept.rpartition(".")
    if not dot or len(ending.encode()) > 12:
        stem, dot, ending = kept, "", ""
    return _cut(stem, _NAME_BYTES) + dot + ending or "upload"


def _cut(text: str, most: int) -> str:
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def keep(home: Path, name: str, stream: Stream) -> Path:
    """Copy `stream` into the home piece by piece and return where it lies.

    Raises BadInput for an empty upload and for one of more than 1 GB, HomeUnwritable.
    """
    folder = home / FOLDER
    part = folder / f".part-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        digest = _copy(stream, part, name)
        place = folder / digest[:HASH_DIGITS]
        place.mkdir(exist_ok=True)
        os.replace(part, place / safe_name(name))
    except OSError as error:
        raise HomeUnwritable(home, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return place / safe_name(name)


def _copy(stream: Stream, target: Path, name: str) -> str:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > MAX_BYTES:
                hint = "put it on this machine's disk and name its path: it is read where it lies"
                raise BadInput(f"{name!r} has more than the 1 GB that an upload may have", hint=hint)
            digest.update(piece)
            out.write(piece)
    if not size:
        raise BadInput(f"{name!r} is empty", hint="choose a file with something in it")
    return digest.hexdigest()


def is_kept(home: Path, path: Path) -> bool:
    """Tell whether `path` is a copy that `keep` made."""
    return path.parent.parent == home / FOLDER and not path.parent.name.startswith(".")


def remove(home: Path, path: Path) -> None:
    """Remove a copy that `keep` made, with its folder; any other path is left alone. Raises HomeUnwritable."""
    if not is_kept(home, path):
        return
    try:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()  # another name for the same bytes keeps it
    except OSError as error:
        raise HomeUnwritable(home, error.strerror or str(error)) from error


def remove_of(home: Path, keys: Iterable[SourceKey]) -> None:
    """Remove the uploaded copies of sources that were forgotten. Raises HomeUnwritable."""
    for key in keys:
        if not key.root.startswith("package:"):
            remove(home, Path(key.root) / key.source)
