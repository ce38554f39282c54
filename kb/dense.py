"""Vectors and their filter fields, found by cosine similarity: the only door to Chroma.

The catalogue is the truth; an index can be thrown away and filled again. It holds ids, vectors and filter fields, never
text. A folder has one writer at a time: `add` and `remove` take a file lock per batch, and so does opening, because
Chroma replays its log into files when it opens. Each batch moves the folder's generation, which says to others that
what they hold in memory is old: a writer reopens first, a reader reopens in the background while it goes on answering.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kb.errors import BadInput, CitewiseError, HomeUnwritable, IndexMismatch, IndexUnavailable
from kb.locks import write_lock
from kb.seal import check_seal, read_seal, seal, sync_stamp

if TYPE_CHECKING:
    from chromadb.api import ServerAPI
    from chromadb.api.models.Collection import Collection
    from chromadb.config import System

Vector = NDArray[np.float32]
Where = Mapping[str, Sequence[str | int]]
T = TypeVar("T")

COLLECTION = "chunks"
LOCK = "write.lock"
GENERATION = "generation"
"""A file whose size moves before each batch, and is odd while Chroma may be writing its vector files."""
UNKNOWN = -1
BATCH = 500
"""Items per lock: short enough for a reader to get in between."""
RESERVE = 16 << 20
"""Bytes that stay free on the disk."""
WIDE = 4
"""How many times `k` a filtered search looks at before Chroma filters, which takes .25 s for 66,000 matches."""
SETTLE = 2.0
"""Seconds between two reopenings while another process keeps writing."""
HNSW_SYNC = 1000
"""Records after which Chroma writes its vector files, .2 s at 100,000; up to so many are replayed at each opening."""
HNSW = {
    "space": "cosine",
    "ef_construction": 200,
    "max_neighbors": 24,
    "ef_search": 200,
    "batch_size": 100,
    "sync_threshold": HNSW_SYNC,
}
"""Recall@100 of .998 over 100,000 clustered vectors."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorItem:
    """A vector of unit length under an id; `fields` are what a search can filter by, never text or paths."""

    id: str
    vector: Vector
    fields: Mapping[str, str | int]


class VectorIndex(Protocol):
    """Finds the vectors nearest to a vector."""

    def add(self, items: Sequence[VectorItem]) -> None:
        """Add or replace items; adding the same twice changes nothing."""

    def remove(self, ids: Sequence[str]) -> None:
        """Remove what is stored under `ids`; unknown ids are no error."""

    def search(self, vector: Vector, k: int, where: Where | None = None) -> list[tuple[str, float]]:
        """Return up to `k` (id, cosine similarity), best first, ties by id.

        `where` names allowed values by field: an item must match one value of every field named.
        """

    def ids(self) -> set[str]:
        """Return every id that is stored."""

    def count(self) -> int:
        """Return how many items are stored."""


class ChromaIndex:
    """A `VectorIndex` in a folder of its own, safe for several threads and processes."""

    def __init__(self, folder: Path, dim: int, *, timeout: float = 60.0) -> None:
        """Open the index in `folder`; wait up to `timeout` seconds for a writer's batch.

        Raise IndexUnavailable when it is not there or damaged, IndexMismatch when it holds vectors of another size,
        HomeUnwritable and WriterBusy.
        """
        self.folder = folder
        self.dim = dim
        self._timeout = timeout
        self._guard = threading.Lock()
        self._changing = threading.Lock()
        self._follower: threading.Thread | None = None
        self._open = self._connect()

    @classmethod
    def create(cls, folder: Path, dim: int, *, timeout: float = 60.0) -> ChromaIndex:
        """Open the index in `folder`, made empty where there is none."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / GENERATION).touch()
        except OSError as error:
            raise HomeUnwritable(folder, str(error)) from error
        return cls(folder, dim, timeout=timeout)

    def add(self, items: Sequence[VectorItem]) -> None:
        """Add or replace items, a batch at a time; whole batches are kept when the process dies."""
        for item in items:
            if item.vector.shape != (self.dim,):
                raise ValueError(f"the vector of {item.id} has shape {item.vector.shape}, expected ({self.dim},)")
        for part in self._parts(list({item.id: item for item in items}.values())):
            with self._writing(len(part)) as collection:
                _upsert(collection, part)

    def remove(self, ids: Sequence[str]) -> None:
        """Remove what is stored under `ids`; bytes stay in Chroma's files until a fresh folder replaces this one."""
        for part in self._parts(sorted(set(ids))):
            with self._writing(len(part)) as collection:
                collection.delete(ids=part)

    def search(self, vector: Vector, k: int, where: Where | None = None) -> list[tuple[str, float]]:
        """Return up to `k` (id, cosine similarity), best first, ties by id; what others write follows in seconds."""
        self._follow()
        if k < 1 or any(not values for values in (where or {}).values()):
            return []
        try:
            return self._search(vector, k, where)
        except IndexUnavailable:
            # What is in memory can be too old for what the database says by now; what else is wrong shows again.
            if not self.refresh():
                raise
            return self._search(vector, k, where)

    def _search(self, vector: Vector, k: int, where: Where | None) -> list[tuple[str, float]]:
        with self._reading() as collection:
            if not where:
                return _ranked(collection.query(query_embeddings=[vector], n_results=k, include=["distances"]))
            near = _nearest_that_match(collection, vector, k, where)
            return near if len(near) == k else _filtered(collection, vector, k, where)

    def ids(self) -> set[str]:
        """Return every id that is stored, as of now."""
        with self._reading() as collection:
            return set(collection.get(include=[])["ids"])

    def count(self) -> int:
        """Return how many items are stored, as of now."""
        with self._reading() as collection:
            return int(collection.count())

    def missing(self, expected: set[str]) -> set[str]:
        """Return those of `expected` that a search cannot find, after taking in what other processes wrote."""
        self.refresh()
        return expected - self.ids()

    def refresh(self) -> bool:
        """Take in at once what other processes wrote; tell whether there was anything."""
        if self._open.generation == self._generation():
            return False
        with self._changing:
            self._swap(self._connect())
        return True

    def reopen(self) -> None:
        """Drop what is in memory and read the folder again."""
        with self._changing:
            self._swap(self._connect())

    def settle(self) -> None:
        """Make Chroma write its log into its vector files, so that opening is fast: call it when an ingest ends."""
        with self._changing, self._locked():
            if read_seal(self.folder).unsynced < 2:
                return
            if self._open.generation != self._generation():
                self._swap(self._connect_locked())
            with self._sealed(HNSW_SYNC):
                # Chroma has no call for it, but writes when it opens more records than its threshold.
                self._reopen_with_threshold(2)
                self._reopen_with_threshold(HNSW_SYNC)
            if read_seal(self.folder).unsynced:
                seal(self.folder, 1)

    def _reopen_with_threshold(self, records: int) -> None:
        with _translated(self.folder):
            self._open.set_threshold(records)
            self._swap(_Connection(self.folder, self.dim, UNKNOWN))

    def close(self) -> None:
        """Let go of the folder's files; the index cannot be used afterwards."""
        follower = self._follower
        if follower is not None:
            follower.join()
        with self._guard:
            self._open.retire()

    def _follow(self) -> None:
        moved = self._open.generation != self._generation()
        if not moved or time.monotonic() - self._open.since < SETTLE:
            return
        with self._guard:
            if self._follower is None or not self._follower.is_alive():
                self._follower = threading.Thread(target=self._follow_quietly, name="index-follower", daemon=True)
                self._follower.start()

    def _follow_quietly(self) -> None:
        try:
            self.refresh()
        except CitewiseError as error:
            _log.info("the index could not be reopened yet: %s", error)

    @contextmanager
    def _reading(self) -> Iterator[Collection]:
        with self._guard:
            connection = self._open
            connection.users += 1
        try:
            with _translated(self.folder):
                yield connection.collection
        finally:
            with self._guard:
                connection.leave()

    def _parts(self, records: list[T]) -> Iterator[list[T]]:
        """Cut `records` into batches so that the one that makes Chroma write its files is short: one record."""
        start, due = 0, False
        while start < len(records):
            room = HNSW_SYNC - 1 - read_seal(self.folder).unsynced
            # The count can be too high (unknown ids that were removed): then one record does not make Chroma write.
            size = min(BATCH, room) if room > 0 else BATCH if due else 1
            due = room <= 0
            yield records[start : start + size]
            start += size

    @contextmanager
    def _writing(self, n: int) -> Iterator[Collection]:
        with self._changing, self._locked():
            if self._open.generation != self._generation():
                self._swap(self._connect_locked())
            with self._sealed(n), self._reading() as collection:
                yield collection

    @contextmanager
    def _sealed(self, n: int) -> Iterator[None]:
        """Tell the others before a batch of `n` records that what they hold is old, and seal the folder after it."""
        unsynced, stamp = read_seal(self.folder).unsynced + n, sync_stamp(self.folder)
        _ensure_room(self.folder, unsynced * 8 * (self.dim + 128))
        seal(self.folder, unsynced)
        # Only a batch that makes Chroma write its vector files can leave them half-written; others are in its log.
        risky = unsynced >= HNSW_SYNC
        self._open.generation = self._move_generation(1 if risky else 2)
        whole = True
        try:
            yield
        except CitewiseError:
            whole, self._open.generation = False, UNKNOWN
            raise
        finally:
            if whole:
                seal(self.folder, unsynced if stamp == sync_stamp(self.folder) else 0)
                self._open.generation = self._move_generation(1 if risky else 0)

    def _connect(self) -> _Connection:
        with self._locked():
            return self._connect_locked()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._generation()
        with write_lock(self.folder / LOCK, self._timeout):
            yield

    def _connect_locked(self) -> _Connection:
        generation = self._generation()
        if generation % 2:
            # Chroma writes its files in place: loading half-written ones can end the process or ask for 300 GB.
            raise IndexUnavailable(self.folder, "a batch was not finished: its process died or the disk was full")
        check_seal(self.folder)
        with _translated(self.folder):
            return _Connection(self.folder, self.dim, generation)

    def _swap(self, fresh: _Connection) -> None:
        with self._guard:
            old, self._open = self._open, fresh
            old.retire()

    def _generation(self) -> int:
        try:
            return (self.folder / GENERATION).stat().st_size
        except OSError as error:
            raise IndexUnavailable(self.folder, "it is no longer there") from error

    def _move_generation(self, by: int) -> int:
        """Make the generation `by` more and return it."""
        try:
            with (self.folder / GENERATION).open("ab") as file:
                file.write(b"." * by)
        except OSError as error:
            raise HomeUnwritable(self.folder, str(error)) from error
        return self._generation()


def destroy(folder: Path) -> None:
    """Remove a closed index with all its bytes; who still has it open gets IndexUnavailable at the next call."""
    try:
        # First, so that an interrupted removal does not leave a folder that opens as a smaller index.
        (folder / GENERATION).unlink(missing_ok=True)
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HomeUnwritable(folder, str(error)) from error


class _Connection:
    """One opening of a folder: Chroma's system, its collection, and who is using it.

    `chromadb.PersistentClient` shares one system per path in a process, so that closing one client does not reopen
    the other's; this owns its system.
    """

    def __init__(self, folder: Path, dim: int, generation: int) -> None:
        self.generation = generation
        self.since = time.monotonic()
        self.users = 0
        self._retired = False
        self._system = _start(folder)
        try:
            self.collection = _collection(self._system, dim)
            # Chroma loads its files and replays its log at the first query; here the write lock is held.
            self.collection.query(query_embeddings=[np.eye(1, dim, dtype=np.float32)[0]], n_results=1, include=[])
        except BaseException:
            self._system.stop()
            raise

    def set_threshold(self, records: int) -> None:
        """Change after how many records Chroma writes its files; it holds from the next opening on."""
        server: ServerAPI = self._system.instance(_chromadb().api.ServerAPI)
        server._modify(id=self.collection.id, new_configuration={"hnsw": {"sync_threshold": records}})

    def retire(self) -> None:
        """Close as soon as nobody is using it."""
        self._retired = True
        self._close_if_idle()

    def leave(self) -> None:
        """Note that one user is done."""
        self.users -= 1
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._retired and not self.users:
            self._system.stop()


def _start(folder: Path) -> System:
    chroma = _chromadb()
    settings = chroma.config.Settings(
        _env_file=None,
        chroma_api_impl="chromadb.api.rust.RustBindingsAPI",
        is_persistent=True,
        persist_directory=str(folder),
        anonymized_telemetry=False,
        allow_reset=False,
        migrations="apply",
        migrations_hash_algorithm="md5",
    )
    system = chroma.config.System(settings)
    system.instance(chroma.api.ServerAPI)
    system.start()
    return system


def _chromadb() -> Any:
    """Import Chroma when an index is opened: it costs half a second."""
    try:
        import chromadb
    except ValueError as error:
        # Chroma reads the environment and the working folder's .env when it is imported.
        raise BadInput(
            f"Chroma does not start: {error}", hint="look at the .env file in this folder and at CHROMA_* variables"
        ) from error
    return chromadb


def _collection(system: System, dim: int) -> Collection:
    chroma = _chromadb()
    from chromadb.api.models.Collection import Collection

    server: ServerAPI = system.instance(chroma.api.ServerAPI)
    try:
        model = server.get_collection(COLLECTION)
    except chroma.errors.NotFoundError:
        model = server.create_collection(COLLECTION, configuration={"hnsw": HNSW})
    if model.dimension not in (None, dim):
        raise IndexMismatch("vectors of size", str(model.dimension), str(dim))
    return Collection(client=server, model=model, embedding_function=None)


def _upsert(collection: Collection, items: Sequence[VectorItem]) -> None:
    collection.upsert(
        ids=[item.id for item in items],
        embeddings=[np.asarray(item.vector, dtype=np.float32) for item in items],
        metadatas=[dict(item.fields) or None for item in items],
    )


def _nearest_that_match(collection: Collection, vector: Vector, k: int, where: Where) -> list[tuple[str, float]]:
    """Return those of the nearest `WIDE` times `k` that match, at most `k`: fast when many items match."""
    found = collection.query(query_embeddings=[vector], n_results=WIDE * k, include=["distances", "metadatas"])
    match = {
        id_
        for id_, fields in zip(found["ids"][0], found["metadatas"][0], strict=True)
        if all((fields or {}).get(name) in values for name, values in where.items())
    }
    return [pair for pair in _ranked(found) if pair[0] in match][:k]


def _filtered(collection: Collection, vector: Vector, k: int, where: Where) -> list[tuple[str, float]]:
    """Return the nearest that match by Chroma's own filter: its time grows with the number of items that match."""
    found = collection.query(query_embeddings=[vector], n_results=k, where=_clause(where), include=["distances"])
    return _ranked(found)


def _ranked(found: Mapping[str, Any]) -> list[tuple[str, float]]:
    pairs = zip(found["ids"][0], found["distances"][0], strict=True)
    return sorted(((id_, 1.0 - distance) for id_, distance in pairs), key=lambda pair: (-pair[1], pair[0]))


def _clause(where: Where) -> dict[str, Any] | None:
    """Write `where` in Chroma's language, in which a list of values has one type."""
    parts = [_either(name, values) for name, values in sorted(where.items())]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"$and": parts}


def _either(name: str, values: Sequence[str | int]) -> dict[str, Any]:
    by_type = [[v for v in values if isinstance(v, kind)] for kind in (str, int)]
    parts = [{name: {"$in": found}} for found in by_type if found]
    return parts[0] if len(parts) == 1 else {"$or": parts}


def _ensure_room(folder: Path, size: int) -> None:
    """Raise HomeUnwritable unless `size` bytes and a reserve are free: a disk full half-way costs the index."""
    free = shutil.disk_usage(folder).free
    if free < RESERVE + size:
        raise HomeUnwritable(folder, f"{free >> 20} MB are free, {(RESERVE + size) >> 20} MB are needed")


_UNWRITABLE = ("readonly database", "is full", "disk i/o error", "read-only", "permission denied", "no space left")


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Turn Chroma's errors into ours: what cannot be written, and everything else as an index that is unavailable."""
    chroma = _chromadb()
    try:
        yield
    except (chroma.errors.ChromaError, RuntimeError, OSError) as error:
        raise _ours(folder, error) from error
    except BaseException as error:
        # A panic of Chroma's Rust part derives from BaseException and has no importable name.
        if type(error).__name__ != "PanicException":
            raise
        raise _ours(folder, error) from error


def _ours(folder: Path, error: BaseException) -> CitewiseError:
    reason = str(error)
    full = folder.exists() and shutil.disk_usage(folder).free < 1 << 20
    if full or any(sign in reason.lower() for sign in _UNWRITABLE):
        return HomeUnwritable(folder, reason)
    return IndexUnavailable(folder, reason)
