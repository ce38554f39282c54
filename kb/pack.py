"""The whole home as one verified file, and back.

A pack is a zip: `manifest.json`, then the members it lists with size and SHA-256. Only what cannot be derived goes in:
the catalogue, as one consistent snapshot, and the tables that were uploaded. Chroma's files are filled again from the
vectors in it, settings and their keys are never in it; tables named by a path stay where they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from kb import datasets, store, uploads
from kb.errors import BadInput, CitewiseError, HomeUnwritable, ModelUnavailable
from kb.knowledge import KnowledgeBase, Progress

FORMAT = 1
MANIFEST = "manifest.json"
CATALOGUE = "catalogue.db"
_PIECE = 1 << 20
_MANIFEST_BYTES = 1 << 20
# What the standard library raises for a damaged archive; RuntimeError where it claims to be encrypted
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, NotImplementedError, RuntimeError
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A pack file as it was written or read: its size, and how much is in it."""

    path: Path
    bytes: int
    sources: int
    chunks: int


class _StoredVectors:
    """Stands where an embedder would while indexes are filled from stored vectors: nothing is embedded."""

    def __init__(self, fingerprint: str, dim: int) -> None:
        self.fingerprint = fingerprint
        self.dim = dim

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Refuse: all vectors are stored."""
        raise ModelUnavailable(self.fingerprint, f"{len(texts)} texts have no stored vector", hint="pack again")


def _silent(done: int, total: int) -> None:
    """Report progress to nobody."""


def pack(kb: KnowledgeBase, path: Path) -> Packed:
    """Write everything stored in `kb` to the file `path`; it appears whole or not at all.

    Others may read and write the home meanwhile. Raises HomeUnwritable where `path` cannot be written.
    """
    with _explained(path.parent), _beside(path) as folder:
        store.snapshot(kb.catalogue, folder / CATALOGUE)
        members = {CATALOGUE: folder / CATALOGUE, **_tables(kb)}
        manifest = _manifest(kb, members)
        fresh = folder / "pack.zip"
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
            for name, member in members.items():
                archive.write(member, name)
        _flush(fresh)
        os.replace(fresh, path)
    return _packed(path, manifest)


def unpack(path: Path, home: Path, *, progress: Progress = _silent) -> Packed:
    """Make the folder `home` from the pack file `path`; `home` must not exist, or be empty.

    Every byte is checked before anything appears at `home`. Raises BadInput for a file that is no sound pack,
    CatalogueTooNew and HomeUnwritable.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise BadInput(f"{home} is not empty", hint="name a folder that does not exist yet with --home")
    with _explained(home.parent), _beside(home) as folder:
        fresh = folder / "home"
        fresh.mkdir()
        manifest = _extract(path, fresh)
        _fill(fresh, manifest, progress)
        if home.exists():
            home.rmdir()
        os.replace(fresh, home)
    return _packed(path, manifest)


def _tables(kb: KnowledgeBase) -> dict[str, Path]:
    """Return the uploaded tables that are there, by their names in a pack."""
    kept = (one.path for one in datasets.list_of(kb.catalogue) if one.uploaded and one.is_there)
    return {path.relative_to(kb.home.absolute()).as_posix(): path for path in kept}


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _manifest(kb: KnowledgeBase, members: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made": time.time(),
        "embedding_model": kb.embedder.fingerprint,
        "dim": kb.embedder.dim,
        "splitter": kb.splitter,
        "sources": kb.catalogue.count("sources"),
        "chunks": kb.catalogue.count("chunks"),
        "members": {name: _facts(path) for name, path in members.items()},
    }


def _packed(path: Path, manifest: Mapping[str, Any]) -> Packed:
    size = path.stat().st_size
    return Packed(path=path, bytes=size, sources=manifest["sources"], chunks=manifest["chunks"])


def _extract(path: Path, folder: Path) -> dict[str, Any]:
    """Write the members of a pack into `folder` and return the manifest, all of it checked."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read_manifest(archive, path)
            for name, facts in manifest["members"].items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, (folder / name).open("wb") as target:
                    _copy(source, target, facts, path)
    except _DAMAGED as error:
        raise _unsound(path, str(error)) from error
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}", hint="name a file that `citewise pack` made") from error
    return manifest


def _read_manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    info = archive.getinfo(MANIFEST)
    if info.file_size > _MANIFEST_BYTES:
        raise _unsound(path, "its manifest is too long")
    manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
    if manifest["format"] > FORMAT:
        raise BadInput(
            f"{path} has pack format {manifest['format']}, this program knows {FORMAT}",
            hint="upgrade citewise (`pip install -U citewise`)",
        )
    # Only names of these two forms ever become a path.
    names, listed = sorted(archive.namelist()), dict(manifest["members"])
    odd = sorted(name for name in listed if name != CATALOGUE and not _is_upload(name, listed[name]))
    if odd or CATALOGUE not in listed or names != sorted({*listed, MANIFEST}):
        raise _unsound(path, f"it holds members that no pack has: {odd or sorted({*names} - {*listed, MANIFEST})}")
    if not all(isinstance(manifest[name], int) for name in ("dim", "sources", "chunks")):
        raise _unsound(path, "its manifest is not complete")
    return manifest


def _is_upload(name: str, facts: Mapping[str, Any]) -> bool:
    """Tell whether a member is named as `kb.uploads` names the copy of a file with that hash."""
    folder, _, rest = name.partition("/")
    digits, _, last = rest.partition("/")
    fits = str(facts["sha256"]).startswith(digits) and len(digits) == uploads.HASH_DIGITS
    return folder == uploads.FOLDER and fits and digits.isalnum() and uploads.safe_name(last) == last


def _copy(source: IO[bytes], target: IO[bytes], facts: Mapping[str, Any], path: Path) -> None:
    """Copy a member piece by piece, never more than it should have, and check what came."""
    digest, left = hashlib.sha256(), int(facts["bytes"])
    while piece := source.read(min(_PIECE, left + 1)):
        left -= len(piece)
        if left < 0:
            break
        digest.update(piece)
        target.write(piece)
    if left != 0 or digest.hexdigest() != facts["sha256"]:
        raise _unsound(path, "its contents are not what was packed")


def _fill(home: Path, manifest: Mapping[str, Any], progress: Progress) -> None:
    """Check the catalogue that was unpacked and fill the vector index from it."""
    stored = _StoredVectors(str(manifest["embedding_model"]), manifest["dim"])
    with KnowledgeBase(home, embedder=stored, splitter=str(manifest["splitter"])) as kb:
        if wrong := store.defects(kb.catalogue):
            raise BadInput(f"the packed catalogue is damaged: {wrong[0]}", hint="use another pack file")
        try:
            kb.compact(progress)
        except ValueError as error:
            raise BadInput(f"the packed vectors cannot be used: {error}", hint="use another pack file") from error


def _unsound(path: Path, reason: str) -> BadInput:
    return BadInput(f"{path} is not a sound pack: {reason}", hint="copy it again, or use another pack file")


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give an empty folder on the same disk as `path`, gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except CitewiseError:
        raise
    except OSError as error:
        raise HomeUnwritable(folder, error.strerror or str(error)) from error


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
