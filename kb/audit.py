"""The audit behind `citewise doctor`: is what is stored sound, is it found, and what mends it where it is not.

Each check looks at one thing and never changes anything. Up to `ALL_BELOW` chunks every one is tried; of more, a random
sample whose size the check states.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from kb import lexical, schema, store
from kb.dense import ChromaIndex
from kb.errors import CatalogueBroken, CitewiseError, IndexMismatch, IndexUnavailable
from kb.knowledge import KnowledgeBase, Progress
from kb.run_audit import check_runs
from kb.text import terms
from kb.types import Chunk, SourceState

ALL_BELOW = 20_000
SAMPLE = 5_000
NEAR = 5
"""An own vector must come back among so many, for other texts can have the same vector."""
FAR = 200
SAME = 0.999
"""Cosine from which two vectors are the same but for rounding."""
MARGIN = 200 * 2**20
"""Bytes that should stay free beside a second copy of the home, which a rebuild and a forget write."""
SHOWN = 5
REBUILD = "citewise rebuild"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `fix` names the command that mends it, "" where nothing has to be done."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def _silent(done: int, total: int) -> None:
    """Report progress to nobody."""


def audit(kb: KnowledgeBase, *, progress: Progress = _silent) -> tuple[Check, ...]:
    """Look at everything in the home of `kb` and return what was found, in a fixed order.

    `progress` gets how many of the chunks to try were tried.
    """
    home = (_writable(kb.home), _space(kb.home), _catalogue(kb))
    # Where the database itself is damaged, what else it says means nothing.
    return (*home, *_contents(kb, progress)) if home[-1].ok else home


def _contents(kb: KnowledgeBase, progress: Progress) -> tuple[Check, ...]:
    chunks, of = _chosen(kb)
    tried = _Tried(progress, total=2 * len(chunks))
    return (
        _spans(kb, chunks, of),
        _words(kb, chunks, of, tried),
        _lexical_rows(kb),
        _fingerprints(kb),
        _cached(kb),
        _vectors(kb, chunks, of, tried),
        _leftovers(kb),
        _waiting(kb),
        _runs(kb),
        _failed(kb),
        _forgotten(kb),
    )


def _runs(kb: KnowledgeBase) -> Check:
    found = check_runs(kb.catalogue)
    good = f"all {found.runs:,} runs are whole, {found.points:,} points of metrics" if found.runs else "no runs"
    return _result("runs", found.wrong, good, "citewise forget SOURCE, then citewise ingest it again")


class _Tried:
    """Counts chunks tried over several checks, each of which has its share."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, n: int) -> None:
        self._done += n
        self._progress(min(self._done, self._total), self._total)


def _chosen(kb: KnowledgeBase) -> tuple[tuple[int, ...], str]:
    """Return the numbers of the chunks to try, and in words how many of how many they are."""
    numbers = kb.catalogue.chunk_numbers()
    if len(numbers) <= ALL_BELOW:
        return numbers, f"all {len(numbers)}"
    return tuple(sorted(random.sample(numbers, SAMPLE))), f"a random {SAMPLE} of {len(numbers)}"


def _result(name: str, wrong: Sequence[str], good: str, fix: str) -> Check:
    """Return a check that is ok when nothing is wrong, and else names the first few things that are."""
    if not wrong:
        return Check(name=name, ok=True, detail=good)
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return Check(name=name, ok=False, detail="; ".join(wrong[:SHOWN]) + more, fix=fix)


# -- the home ------------------------------------------------------------------------------------------------------


def _writable(home: Path) -> Check:
    probe = home / f".probe-{uuid.uuid4().hex}"
    wrong = []
    try:
        probe.write_bytes(b"x")
    except OSError as error:
        wrong = [f"{home} cannot be written: {error.strerror or error}"]
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return _result("home", wrong, f"{home} can be written", f"chmod -R u+rwX {home}")


def _space(home: Path) -> Check:
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    free, needed = shutil.disk_usage(home).free, size + MARGIN
    good = f"{free / 2**20:,.0f} MB are free, the home has {size / 2**20:,.0f} MB"
    short = f"{good}: a rebuild needs {needed / 2**20:,.0f} MB free"
    return _result("disk", [short] if free < needed else [], good, f"df -h {home}")


# -- the catalogue -------------------------------------------------------------------------------------------------


def _catalogue(kb: KnowledgeBase) -> Check:
    try:
        wrong = store.defects(kb.catalogue)
    except CatalogueBroken as error:
        wrong = [error.message]
    fix = "move the home away, then `citewise unpack FILE` with a pack made before, or `citewise ingest` again"
    return _result("catalogue", wrong, "the database is sound", fix)


def _rows(kb: KnowledgeBase, numbers: Sequence[int]) -> Iterator[list[store.ChunkRow]]:
    for part in store.batches(numbers):
        yield list(kb.catalogue.chunks_numbered(part).values())


def _spans(kb: KnowledgeBase, numbers: Sequence[int], of: str) -> Check:
    """A chunk's id is the hash of its source, span and text, so one that moved or changed no longer fits it."""
    wrong = [
        f"{row.key.source} at {row.chunk.span.start}–{row.chunk.span.end} is not what was stored"
        for rows in _rows(kb, numbers)
        for row in rows
        if Chunk.make_id(row.key, row.chunk.span, row.chunk.text) != row.chunk.id or not row.chunk.text
    ]
    again = "citewise forget SOURCE, then citewise ingest it again"
    return _result("spans", wrong, f"{of} chunks equal their document's text at their span", again)


def _failed(kb: KnowledgeBase) -> Check:
    wrong = [
        f"{source.key.source}: {source.reason}"
        for source in kb.catalogue.sources()
        if source.state is SourceState.FAILED or source.reason
    ]
    fix = "mend the file and run `citewise ingest` on it again, or `citewise forget SOURCE`"
    return _result("sources", wrong, f"{kb.catalogue.count('sources')} sources were read", fix)


def _forgotten(kb: KnowledgeBase) -> Check:
    half = kb.catalogue.get("uncompacted") == "1"
    wrong = ["a forget was interrupted: bytes of what was forgotten may still be in the files"] if half else []
    return _result("forgotten", wrong, "nothing is half forgotten", REBUILD)


# -- the lexical index ---------------------------------------------------------------------------------------------


def _words(kb: KnowledgeBase, numbers: Sequence[int], of: str, tried: _Tried) -> Check:
    wrong = []
    for rows in _rows(kb, numbers):
        with kb.catalogue.read() as conn:
            for row in rows:
                own = terms(row.chunk.text)
                if own and not lexical.holding(conn, own, [row.n]):
                    wrong.append(f"{row.key.source} at {row.chunk.span.start}")
        tried.add(len(rows))
    return _result("words", wrong, f"{of} chunks are found by their own words", REBUILD)


def _lexical_rows(kb: KnowledgeBase) -> Check:
    with kb.catalogue.read() as conn:
        indexed, stored = lexical.numbers(conn), set(conn.scalars(select(schema.chunks.c.n)))
    wrong = []
    if stored - indexed:
        wrong.append(f"{len(stored - indexed)} chunks are missing from the index of words")
    if indexed - stored:
        wrong.append(f"the index of words holds {len(indexed - stored)} chunks that are no longer stored")
    return _result("word index", wrong, f"it holds {len(indexed)} chunks, those that are stored", REBUILD)


# -- the dense index -----------------------------------------------------------------------------------------------


def _fingerprints(kb: KnowledgeBase) -> Check:
    wrong = []
    try:
        kb.check_fingerprints()
    except IndexMismatch as error:
        wrong = [error.message]
    return _result("settings", wrong, "the indexes were made with the settings in force", REBUILD)


def _cached(kb: KnowledgeBase) -> Check:
    """Chunks in the dense index need their vector in the cache too: a rebuild takes it from there."""
    k, v = schema.chunks, schema.vectors
    lost = select(func.count()).select_from(k.outerjoin(v, v.c.key == k.c.vector_key)).where(k.c.dense == 1)
    short = select(func.count()).select_from(v).where(func.length(v.c.vector) != 4 * kb.embedder.dim)
    with kb.catalogue.read() as conn:
        missing, odd = conn.scalar(lost.where(v.c.key.is_(None))) or 0, conn.scalar(short) or 0
    wrong = [f"{missing} chunks have no vector in the cache"] if missing else []
    wrong += [f"{odd} vectors are not of length {kb.embedder.dim}"] if odd else []
    return _result("vector cache", wrong, f"it holds {kb.catalogue.count('vectors')} vectors", REBUILD)


def _vectors(kb: KnowledgeBase, numbers: Sequence[int], of: str, tried: _Tried) -> Check:
    name, good = "vectors", f"{of} chunks are found by their own vectors, those that wait apart"
    stored = set(_dense_ids(kb))
    try:
        index = kb.index()
        index.refresh()
        held = index.ids()
        wrong = [f"{row.key.source} at {row.chunk.span.start}" for row in _unfound(kb, index, numbers, tried)]
    except IndexUnavailable as error:
        return _result(name, [error.message] if stored else [], "nothing is embedded yet", REBUILD)
    except CitewiseError as error:
        return Check(name=name, ok=False, detail=error.message, fix=REBUILD)
    if stored - held:
        wrong.append(f"{len(stored - held)} chunks are missing from the vector index")
    if extra := len(held - stored - _queued(kb) - set(_dense_ids(kb, 0))):
        wrong.append(f"the vector index holds {extra} chunks that are no longer stored")
    return _result(name, wrong, good, REBUILD)


def _unfound(kb: KnowledgeBase, index: ChromaIndex, numbers: Sequence[int], tried: _Tried) -> Iterator[store.ChunkRow]:
    """Yield chunks of the dense index that their cached vector does not find, nor another chunk with that vector."""
    for rows in _rows(kb, numbers):
        dense = [row for row in rows if row.dense]
        vectors = kb.catalogue.vectors([row.vector_key for row in dense])
        same = _ids_by_vector(kb, list(vectors))
        for row in dense:
            vector = vectors.get(row.vector_key)
            if vector is None or len(vector) != index.dim:
                continue  # told by the check of the cache
            ids = same[row.vector_key]
            if not _finds(index, vector, ids, NEAR) and not _finds(index, vector, ids, FAR):
                yield row
        tried.add(len(rows))


def _finds(index: ChromaIndex, vector: np.ndarray, ids: set[str], k: int) -> bool:
    """Tell whether `vector` finds one of `ids` among the first `k`, stored with the same vector."""
    return any(id in ids and similarity > SAME for id, similarity in index.search(vector, k))


def _ids_by_vector(kb: KnowledgeBase, keys: Sequence[str]) -> Mapping[str, set[str]]:
    k = schema.chunks
    found: dict[str, set[str]] = {key: set() for key in keys}
    with kb.catalogue.read() as conn:
        for part in store.batches(keys):
            for id, key in conn.execute(select(k.c.id, k.c.vector_key).where(k.c.vector_key.in_(part))):
                found[key].add(id)
    return found


def _dense_ids(kb: KnowledgeBase, dense: int = 1) -> Sequence[str]:
    with kb.catalogue.read() as conn:
        return conn.scalars(select(schema.chunks.c.id).where(schema.chunks.c.dense == dense)).all()


def _queued(kb: KnowledgeBase) -> set[str]:
    with kb.catalogue.read() as conn:
        return set(conn.scalars(select(schema.dense_removals.c.chunk_id)))


def _leftovers(kb: KnowledgeBase) -> Check:
    folder, used = kb.home / "chroma", kb.catalogue.get("dense_folder")
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name != used) if folder.is_dir() else []
    wrong = [f"{folder / name} is a vector index that is no longer used" for name in names]
    return _result("leftovers", wrong, "no index of before is left over", REBUILD)


def _waiting(kb: KnowledgeBase) -> Check:
    n, total = kb.catalogue.count_waiting(), kb.catalogue.count("chunks")
    wrong = [f"{n} of {total} chunks are found by words only: an ingest is running or was stopped"] if n else []
    return _result("waiting", wrong, f"all {total} chunks are found by meaning too", REBUILD)
