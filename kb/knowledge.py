"""The knowledge base of one home: add, forget, search, verify, rebuild.

Holds the catalogue and the indexes derived from it together. Splitting and loading are others' work (`ingest`);
ranking is `kb.search`, auditing `kb.audit`.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, select, update

from kb import conversations, decision_notes, decisions, directions, jobs, lexical, schema, store, uploads
from kb.dense import ChromaIndex, VectorItem, destroy
from kb.embed import Embedder, vector_key
from kb.errors import IndexMismatch, IndexUnavailable, SourceNotFound
from kb.filters import Filters
from kb.locks import write_lock
from kb.rerank import Reranker
from kb.search import Ranker, SearchResult
from kb.store import Catalogue, ChunkRow, VectorKeys
from kb.text import embedding_text, leaf_heading
from kb.types import Chunk, Citation, Document, SourceInfo, SourceKey, SourceState

EMBED_BATCH = 128
LOCK_SECONDS = 300.0
SETTLE_SECONDS = 1.0

Progress = Callable[[int, int], None]
Split = Callable[[Document, SourceKey], Sequence[Chunk]]


def _silent(done: int, total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild did; `embedded` is 0 as long as model and splitter stayed the same."""

    chunks: int
    embedded: int
    seconds: float


class KnowledgeBase:
    """Everything known in one home. Safe to share between threads; several processes may open the same home."""

    def __init__(self, home: Path, *, embedder: Embedder, splitter: str = "", reranker: Reranker | None = None) -> None:
        """Open the knowledge base in folder `home`, made where there is none.

        `splitter` names the rules that chunks are made by. Raises HomeUnwritable, CatalogueBroken, CatalogueTooNew.
        """
        self.home = home
        self.embedder = embedder
        self.splitter = splitter
        self.catalogue = Catalogue.open(home / "catalogue.db")
        self._ignore_in_git()
        self._index: ChromaIndex | None = None
        self._opening = threading.RLock()
        self._settled = 0.0
        self.ranker = Ranker(catalogue=self.catalogue, embedder=embedder, index=self.index, reranker=reranker)

    def close(self) -> None:
        """Let go of files and connections."""
        if self._index is not None:
            self._index.close()
            self._index = None
        self.catalogue.close()

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- adding ----------------------------------------------------------------------------------------------

    def add(
        self, key: SourceKey, document: Document, chunks: Sequence[Chunk], *, hash: str, version: str | None = None
    ) -> None:
        """Store a source's document and chunks, found by words from now on; `embed_waiting` does the rest.

        Replaces what was stored under `key`; chunks that stayed the same keep their vectors. Raises IndexMismatch.
        """
        self.check_fingerprints()
        keyed = [(chunk, self._keys(document.title, chunk)) for chunk in chunks]
        row = {"kind": document.kind, "hash": hash, "version": version, "title": document.title, "reason": None}
        state = SourceState.LEXICAL.value
        meta = store.dump_metadata(document.metadata)
        with self.catalogue.write() as conn:
            source = store.set_source(conn, key, state=state, metadata=meta, **row)
            store.put_document(conn, source, key.source, document, keyed)
            decisions.renew(conn, source, decision_notes.decisions_of(document, key))
            store.touch(conn)

    def fail(self, key: SourceKey, *, kind: str, hash: str, reason: str) -> None:
        """Keep why a source could not be read; what was stored of an earlier version stays as it is."""
        with self.catalogue.write() as conn:
            known = conn.execute(store.source_row(key)).mappings().first()
            if known is not None and known["state"] in (SourceState.LEXICAL.value, SourceState.SEARCHABLE.value):
                kept = f"{reason} (the version of before is still searchable)"
                store.set_source(conn, key, reason=kept, state=known["state"], hash="")
                return
            store.set_source(conn, key, kind=kind, hash=hash, state=SourceState.FAILED.value, reason=reason)

    def embed_waiting(self, progress: Progress = _silent, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Give each chunk that has none its place in the dense index; return how many texts were embedded.

        Works batch by batch and can be stopped or killed at any moment: what is done stays done, and an index that a
        killed writer left damaged is filled anew from the vector cache.
        """
        self.check_fingerprints()
        total, done, embedded, after = self.catalogue.count_waiting(), 0, 0, 0
        while not stop() and (numbers := self.catalogue.waiting(EMBED_BATCH, after)):
            embedded += self._embed(list(self.catalogue.chunks_numbered(numbers).values()))
            self._put_dense(numbers)
            after, done = numbers[-1], done + len(numbers)
            progress(done, max(total, done))
        self._put_dense(())
        self.index().settle()
        return embedded

    def _keys(self, title: str, chunk: Chunk) -> VectorKeys:
        model, leaf = self.embedder.fingerprint, leaf_heading(title, chunk)
        return VectorKeys(
            vector=vector_key(model, embedding_text(title, chunk)), heading=vector_key(model, leaf) if leaf else None
        )

    def _embed(self, rows: Sequence[ChunkRow]) -> int:
        wanted = {row.vector_key: embedding_text(row.title, row.chunk) for row in rows}
        wanted |= {row.heading_key: leaf_heading(row.title, row.chunk) for row in rows if row.heading_key is not None}
        known = self.catalogue.vectors(list(wanted))
        texts = {key: text for key, text in wanted.items() if key not in known}
        if texts:
            vectors = self.embedder.embed(list(texts.values()))
            self.catalogue.put_vectors(dict(zip(texts, vectors, strict=True)))
        return len(texts)

    def _put_dense(self, numbers: Sequence[int]) -> None:
        """Under the writer's lock: drop what is queued for removal, add chunks that still stand, mark them."""
        with self._dense_lock():
            index = self._writable_index()
            self._drain_removals(index)
            rows = [row for row in self.catalogue.chunks_numbered(numbers).values() if not row.dense]
            items = self._items(rows)
            index.add(items)
            held = {item.id for item in items}
            with self.catalogue.write() as conn:
                # By number: another process may have replaced a chunk by one of the same id and another vector.
                self._mark_dense(conn, [row.n for row in rows if row.chunk.id in held])

    def _mark_dense(self, conn: Connection, numbers: Sequence[int]) -> None:
        for part in store.batches(numbers):
            conn.execute(update(schema.chunks).where(schema.chunks.c.n.in_(part)).values(dense=1))
        # Looking at every source costs too much to do it per batch.
        if not numbers or time.monotonic() - self._settled > SETTLE_SECONDS:
            store.settle_states(conn)
            self._settled = time.monotonic()
        store.touch(conn)

    def _writable_index(self) -> ChromaIndex:
        """Return the index to write to, filled anew from the vector cache where a killed writer left it damaged."""
        try:
            return self.index(create=True)
        except IndexUnavailable:
            return self._refill_locked(_silent)

    def _drain_removals(self, index: ChromaIndex) -> None:
        queue = schema.dense_removals
        with self.catalogue.read() as conn:
            queued = list(conn.scalars(select(queue.c.chunk_id)))
            back = set(self.catalogue.chunks(queued))
        gone = [id for id in queued if id not in back]
        if gone:
            index.remove(gone)
        if queued:
            with self.catalogue.write() as conn:
                for part in store.batches(queued):
                    conn.execute(delete(queue).where(queue.c.chunk_id.in_(part)))

    def _items(self, rows: Sequence[ChunkRow]) -> list[VectorItem]:
        vectors = self.catalogue.vectors([row.vector_key for row in rows])
        return [
            VectorItem(
                id=row.chunk.id,
                vector=vectors[row.vector_key],
                fields={"collection": row.collection_id, "kind": row.kind, "source": row.source_id},
            )
            for row in rows
            if row.vector_key in vectors
        ]

    # -- removing --------------------------------------------------------------------------------------------

    def drop(self, keys: Sequence[SourceKey]) -> None:
        """Remove sources; they cannot answer from now on. Their bytes leave the files with `forget`."""
        with self.catalogue.write() as conn:
            for key in keys:
                if (source := store.source_id(conn, key)) is not None:
                    store.drop_source(conn, source)
            store.drop_unused_vectors(conn)
            store.drop_empty_collections(conn)
            directions.prune(conn)
            store.touch(conn)

    def forget(self, name: str, *, progress: Progress = _silent) -> tuple[SourceKey, ...]:
        """Remove a source, or everything under a root or collection, without a trace; return what went.

        At once for answers; then the files are rewritten, so that neither text, words, vectors nor stored answers of it
        stay behind. Raises SourceNotFound.
        """
        keys = tuple(source.key for source in self.find_sources(name))
        if not keys:
            raise SourceNotFound(name, self._nearest(name))
        with self.catalogue.write() as conn:
            store.put_meta(conn, "uncompacted", "1")
            conversations.scrub(conn, set(keys))
            jobs.scrub(conn)
        self.drop(keys)
        with self.catalogue.write() as conn:
            directions.prune(conn, corrected=True)
        uploads.remove_of(self.home.absolute(), keys)
        self.compact(progress)
        return keys

    def compact(self, progress: Progress = _silent) -> None:
        """Rewrite all files so that only what is stored now is in them."""
        self._refill_dense(progress)
        backups = self.home / "backups"
        if backups.is_dir():
            shutil.rmtree(backups)
        store.compact(self.catalogue)
        self.catalogue.put("uncompacted", "0")
        store.compact(self.catalogue)

    def find_sources(self, name: str) -> tuple[SourceInfo, ...]:
        """Return the sources meant by a name: a source, a path, a folder, a root, a package or a collection."""
        absolute = str(Path(name).expanduser().resolve())
        return tuple(s for s in self.catalogue.sources() if _is_meant(s.key, name.rstrip("/") or "/", absolute))

    def _nearest(self, name: str) -> tuple[str, ...]:
        import difflib

        return tuple(difflib.get_close_matches(name, [s.key.source for s in self.catalogue.sources()], n=3, cutoff=0.5))

    # -- finding ---------------------------------------------------------------------------------------------

    def search(self, query: str, k: int = 10, filters: Filters | None = None) -> SearchResult:
        """Return the `k` best passages. Raises IndexMismatch."""
        self.check_fingerprints()
        return self.ranker.search(query, k=k, filters=filters or Filters())

    def verify(self, citation: Citation) -> bool:
        """Tell whether the cited text still stands, to the letter, at its span of the stored document."""
        document = self.catalogue.document(citation.key)
        return document is not None and citation.span.of(document.text) == citation.quote != ""

    def term_frequency(self, terms: Sequence[str]) -> dict[str, int]:
        """Return in how many chunks each term occurs, endings folded."""
        with self.catalogue.read() as conn:
            return lexical.document_frequency(conn, terms)

    def term_weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return each term's inverse document frequency, ln(1 + (N - n + .5) / (n + .5)) as in BM25."""
        return self.ranker.term_weights(terms)

    # -- indexes ---------------------------------------------------------------------------------------------

    def index(self, *, create: bool = False) -> ChromaIndex:
        """Return the dense index in use, opened again where another process replaced it.

        Raises IndexUnavailable where it is damaged, or where there is none yet and `create` is false.
        """
        with self._opening:
            name = self.catalogue.get("dense_folder")
            if self._index is not None and self._index.folder.name == name:
                return self._index
            if self._index is not None:
                self._index.close()
                self._index = None
            self._index = self._opened(name) if name else self._made(create)
            return self._index

    def _made(self, create: bool) -> ChromaIndex:
        if not create:
            raise IndexUnavailable(self.home / "chroma", "nothing is embedded yet")
        name = self._new_folder()
        made = ChromaIndex.create(self.home / "chroma" / name, self.embedder.dim)
        self.catalogue.put("dense_folder", name)
        self._remove_other_folders(name)  # left by a process that died between the two lines above
        return made

    def _opened(self, name: str) -> ChromaIndex:
        try:
            return ChromaIndex(self.home / "chroma" / name, self.embedder.dim)
        except IndexUnavailable:
            now = self.catalogue.get("dense_folder")
            if now == name:
                raise
            return self._opened(now)  # another process put a fresh folder in its place meanwhile

    def check_fingerprints(self) -> None:
        """Keep on first use what shapes the index; raise IndexMismatch where it differs later."""
        current = {"embedding_model": self.embedder.fingerprint, "splitter": self.splitter}
        with self.catalogue.read() as conn:
            stored = {what: store.get_meta(conn, f"fingerprint:{what}") for what in current}
        if not any(stored.values()):
            with self.catalogue.write() as conn:
                for what, value in current.items():
                    stored[what] = store.get_meta(conn, f"fingerprint:{what}", value)
                    store.put_meta(conn, f"fingerprint:{what}", stored[what])
        for what, value in current.items():
            if stored[what] != value:
                raise IndexMismatch(what, stored[what], value)

    def rebuild(self, progress: Progress = _silent, *, split: Split | None = None) -> Rebuilt:
        """Re-make every index from the catalogue; nothing is embedded again unless model or splitter changed.

        `split` re-makes the chunks from the stored documents where the splitter changed.
        """
        began = time.perf_counter()
        if split is not None and self.catalogue.get("fingerprint:splitter") not in ("", self.splitter):
            self._split_again(split)
        self._rekey()
        for what, value in (("embedding_model", self.embedder.fingerprint), ("splitter", self.splitter)):
            self.catalogue.put(f"fingerprint:{what}", value)
        self._refill_lexical()
        embedded = 0
        numbers = self.catalogue.chunk_numbers()
        for part in store.batches(numbers):
            embedded += self._embed(list(self.catalogue.chunks_numbered(part).values()))
        with self.catalogue.write() as conn:
            store.drop_unused_vectors(conn)
        if self.catalogue.get("uncompacted") == "1":  # a forget was interrupted
            self.compact(progress)
        else:
            self._refill_dense(progress)
        return Rebuilt(chunks=len(numbers), embedded=embedded, seconds=time.perf_counter() - began)

    def _split_again(self, split: Split) -> None:
        for source in self.catalogue.sources():
            document = self.catalogue.document(source.key)
            if document is not None:
                keyed = [(chunk, self._keys(document.title, chunk)) for chunk in split(document, source.key)]
                with self.catalogue.write() as conn:
                    found = store.set_source(conn, source.key)
                    store.put_document(conn, found, source.key.source, document, keyed)

    def _rekey(self) -> None:
        if self.catalogue.get("fingerprint:embedding_model") == self.embedder.fingerprint:
            return
        for part in store.batches(self.catalogue.chunk_numbers()):
            rows = self.catalogue.chunks_numbered(part).values()
            with self.catalogue.write() as conn:
                for row in rows:
                    keys = self._keys(row.title, row.chunk)
                    values = {"vector_key": keys.vector, "heading_key": keys.heading, "dense": 0}
                    conn.execute(update(schema.chunks).where(schema.chunks.c.n == row.n).values(**values))

    def _refill_lexical(self) -> None:
        numbers = self.catalogue.chunk_numbers()
        with self.catalogue.write() as conn:
            lexical.drop(conn)
            lexical.create(conn)
            for part in store.batches(numbers):
                rows = store.rows_numbered(conn, part)
                lexical.add(conn, [store.lexical_row(row) for row in rows])
            store.touch(conn)

    def _refill_dense(self, progress: Progress) -> None:
        with self._dense_lock():
            self._refill_locked(progress)

    def _refill_locked(self, progress: Progress) -> ChromaIndex:
        """Fill a fresh folder from the vector cache, point to it, and remove the folders of before."""
        name = self._new_folder()
        fresh = ChromaIndex.create(self.home / "chroma" / name, self.embedder.dim)
        numbers, held = self.catalogue.chunk_numbers(), list[int]()
        for part in store.batches(numbers):
            rows = list(self.catalogue.chunks_numbered(part).values())
            items = self._items(rows)
            fresh.add(items)
            added = {item.id for item in items}
            held += [row.n for row in rows if row.chunk.id in added]
            progress(len(held), len(numbers))
        fresh.settle()
        with self.catalogue.write() as conn:
            store.put_meta(conn, "dense_folder", name)
            conn.execute(update(schema.chunks).values(dense=0))
            conn.execute(delete(schema.dense_removals))
            self._mark_dense(conn, held)
            store.settle_states(conn)
        with self._opening:
            if self._index is not None:
                self._index.close()
            self._index = fresh
        self._remove_other_folders(name)
        return fresh

    def _remove_other_folders(self, name: str) -> None:
        for folder in (self.home / "chroma").iterdir():
            if folder.is_dir() and folder.name != name:
                destroy(folder)

    def _new_folder(self) -> str:
        return secrets.token_hex(6)

    def _dense_lock(self) -> AbstractContextManager[None]:
        return write_lock(self.home / "dense.lock", LOCK_SECONDS)

    def _ignore_in_git(self) -> None:
        ignore = self.home / ".gitignore"
        if not ignore.exists():
            try:
                ignore.write_text("*\n", "utf-8")
            except OSError:
                return  # a read-only home is read as it is


def _is_meant(key: SourceKey, name: str, absolute: str) -> bool:
    exact = (key.source, key.root, key.collection, f"{key.root}/{key.source}", f"{key.root}:{key.source}")
    path = str(Path(key.root) / key.source) if key.root.startswith("/") else ""
    inside = path.startswith(absolute.rstrip("/") + "/") or path == absolute
    return name in exact or absolute == key.root or inside or key.source.startswith(name + "/")
