"""The catalogue: one SQL database that holds what is known; every index is derived from it.

Plain SQLAlchemy Core, so that another database can stand behind it; what only SQLite does is set in `_connect`.
Each public write is one transaction: it happens whole or not at all.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Connection, Engine, Select, bindparam, create_engine, delete, event, func, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from kb import lexical, schema
from kb.errors import CatalogueBroken, CitewiseError, HomeUnwritable
from kb.migrations import migrate
from kb.types import Anchor, Block, BlockKind, Chunk, Document, SourceInfo, SourceKey, SourceState, Span

BUSY_SECONDS = 60
T = TypeVar("T")
_VARIABLES = 500  # values per IN list; SQLite's oldest limit is 999
_MANY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow:
    """A chunk as the catalogue holds it, ready to show, embed or index; `place` counts a document's chunks from 0."""

    n: int
    chunk: Chunk
    key: SourceKey
    source_id: int
    document_id: int
    place: int
    kind: str
    title: str
    version: str | None
    vector_key: str
    heading_key: str | None
    dense: bool
    collection_id: int
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What ranking needs to know of a chunk, without its text."""

    n: int
    document_id: int
    start: int
    section: str
    code: float
    vector_key: str
    heading_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorKeys:
    """Where a chunk's vectors lie in the cache: its own, and its innermost heading's (None without headings)."""

    vector: str
    heading: str | None


class Catalogue:
    """The SQL database of one home. Open with `Catalogue.open`; safe to share between threads."""

    def __init__(self, engine: Engine, path: Path | None) -> None:
        self.engine = engine
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Catalogue:
        """Open or create the catalogue at `path` and migrate it.

        Raises CatalogueBroken, CatalogueTooNew, HomeUnwritable.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HomeUnwritable(path.parent, error.strerror or str(error)) from error
        read_only = path.exists() and _is_read_only(path)
        engine = _connect(path, read_only=read_only)
        catalogue = cls(engine, path)
        with catalogue._explained():
            if not read_only:
                migrate(engine, path)
        return catalogue

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent state."""
        with self._explained(), self.engine.connect() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a write transaction: committed at the end, undone on any error."""
        with self._explained(), self.engine.connect().execution_options(citewise_write=True) as conn, conn.begin():
            yield conn

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._explain(error) from error
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> Exception:
        text = str(getattr(error, "orig", error))
        where = self.path or Path(str(self.engine.url))
        if any(sign in text for sign in ("readonly", "read-only", "full", "unable to open", "disk I/O")):
            return HomeUnwritable(where.parent, text)
        if any(sign in text for sign in ("malformed", "not a database")):
            return CatalogueBroken(where, text)
        if "locked" in text:
            return CitewiseError(
                f"the catalogue stayed locked for {BUSY_SECONDS} s by another process",
                hint="wait for the other process to end, then run the command again",
            )
        return error

    # -- meta ------------------------------------------------------------------------------------------------

    def get(self, key: str, default: str = "") -> str:
        """Return the value kept under `key`."""
        with self.read() as conn:
            return get_meta(conn, key, default)

    def put(self, key: str, value: str) -> None:
        """Keep `value` under `key`."""
        with self.write() as conn:
            put_meta(conn, key, value)

    @property
    def generation(self) -> int:
        """A number that moves with each change of what can be found."""
        return int(self.get("generation", "0"))

    # -- sources ---------------------------------------------------------------------------------------------

    def sources(self, ids: Sequence[int] | None = None) -> tuple[SourceInfo, ...]:
        """Return the sources (all, or those with `ids`) in order of collection, root and name."""
        s, r, c, d, k = schema.sources, schema.roots, schema.collections, schema.documents, schema.chunks
        docs = select(d.c.source_id, func.count().label("n")).group_by(d.c.source_id).subquery()
        pieces = (
            select(d.c.source_id, func.count().label("n"))
            .join(k, k.c.document_id == d.c.id)
            .group_by(d.c.source_id)
            .subquery()
        )
        q = schema.runs
        counted = select(q.c.source_id, func.count().label("n")).where(q.c.loose == 0)
        ran = counted.group_by(q.c.source_id).subquery()
        query = (
            select(s, r.c.uri, c.c.name.label("collection"), docs.c.n.label("docs"), pieces.c.n.label("pieces"))
            .add_columns(ran.c.n.label("ran"))
            .join(r, r.c.id == s.c.root_id)
            .join(c, c.c.id == r.c.collection_id)
            .outerjoin(docs, docs.c.source_id == s.c.id)
            .outerjoin(pieces, pieces.c.source_id == s.c.id)
            .outerjoin(ran, ran.c.source_id == s.c.id)
            .order_by(c.c.name, r.c.uri, s.c.source)
        )
        with self.read() as conn:
            found = [row for part in _parts(ids, query, s.c.id) for row in conn.execute(part).mappings()]
        return tuple(_source_info(row) for row in found)

    def roots(self) -> tuple[tuple[str, str], ...]:
        """Return (collection, uri) of each root."""
        r, c = schema.roots, schema.collections
        with self.read() as conn:
            rows = conn.execute(
                select(c.c.name, r.c.uri).join(c, c.c.id == r.c.collection_id).order_by(c.c.name, r.c.uri)
            )
            return tuple((name, uri) for name, uri in rows)

    def source_ids(self, keys: Iterable[SourceKey]) -> dict[SourceKey, int]:
        """Return the ids of those sources that are stored."""
        with self.read() as conn:
            return {key: found for key in keys if (found := source_id(conn, key)) is not None}

    def document(self, key: SourceKey) -> Document | None:
        """Return the stored document of a source, or None."""
        d = schema.documents
        with self.read() as conn:
            source = source_id(conn, key)
            row = conn.execute(select(d).where(d.c.source_id == source).order_by(d.c.id)).mappings().first()
        return _document(row) if row else None

    def text(self, document_id: int, span: Span) -> str:
        """Return the text of a stored document at `span`."""
        d = schema.documents
        query = select(func.substr(d.c.text, span.start + 1, len(span))).where(d.c.id == document_id)
        with self.read() as conn:
            return str(conn.scalar(query) or "")

    # -- chunks ----------------------------------------------------------------------------------------------

    def chunks(self, ids: Sequence[str]) -> dict[str, ChunkRow]:
        """Return the chunks that are stored among `ids`, with their text."""
        with self.read() as conn:
            return {row.chunk.id: row for row in _rows(conn, schema.chunks.c.id, ids)}

    def chunks_numbered(self, numbers: Sequence[int]) -> dict[int, ChunkRow]:
        """Return the chunks that are stored among `numbers`, with their text."""
        with self.read() as conn:
            return {row.n: row for row in _rows(conn, schema.chunks.c.n, numbers)}

    def candidates(self, numbers: Sequence[int]) -> dict[int, Candidate]:
        """Return what ranking needs of the chunks that are stored among `numbers`."""
        k = schema.chunks
        query = select(k.c.n, k.c.document_id, k.c.start, k.c.headings, k.c.code, k.c.vector_key, k.c.heading_key)
        with self.read() as conn:
            rows = [row for part in batches(numbers) for row in conn.execute(_in(k.c.n, part, query))]
        return {
            row.n: Candidate(
                n=row.n,
                document_id=row.document_id,
                start=row.start,
                code=row.code,
                section=json.dumps(json.loads(row.headings)[:1]),
                vector_key=row.vector_key,
                heading_key=row.heading_key,
            )
            for row in rows
        }

    def numbers(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers of the chunks that are stored among `ids`."""
        k = schema.chunks
        with self.read() as conn:
            rows = [row for part in batches(ids) for row in conn.execute(_in(k.c.id, part, select(k.c.id, k.c.n)))]
        return {row.id: row.n for row in rows}

    def document_chunks(self, document_id: int) -> tuple[ChunkRow, ...]:
        """Return a document's chunks in reading order."""
        k = schema.chunks
        with self.read() as conn:
            numbers = conn.scalars(select(k.c.n).where(k.c.document_id == document_id).order_by(k.c.start)).all()
            rows = _rows(conn, k.c.n, numbers)
        return tuple(sorted(rows, key=lambda row: row.chunk.span))

    def chunk_numbers(self) -> tuple[int, ...]:
        """Return the numbers of all chunks in order."""
        with self.read() as conn:
            return tuple(conn.scalars(select(schema.chunks.c.n).order_by(schema.chunks.c.n)))

    def waiting(self, limit: int, after: int = 0) -> tuple[int, ...]:
        """Return the numbers of up to `limit` chunks past number `after` that the dense index does not hold."""
        k = schema.chunks
        query = select(k.c.n).where(k.c.dense == 0, k.c.n > after).order_by(k.c.n).limit(limit)
        with self.read() as conn:
            return tuple(conn.scalars(query))

    def count(self, table: str = "chunks") -> int:
        """Return the number of rows of `table`."""
        with self.read() as conn:
            return int(conn.scalar(select(func.count()).select_from(schema.metadata.tables[table])) or 0)

    def count_waiting(self) -> int:
        """Return how many chunks the dense index does not hold yet."""
        k = schema.chunks
        with self.read() as conn:
            return int(conn.scalar(select(func.count()).where(k.c.dense == 0)) or 0)

    # -- vectors ---------------------------------------------------------------------------------------------

    def vectors(self, keys: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the cached vectors among `keys`, float32 of shape (dim,)."""
        v = schema.vectors
        with self.read() as conn:
            rows = [row for part in batches(sorted(set(keys))) for row in conn.execute(_in(v.c.key, part, select(v)))]
        return {row.key: np.frombuffer(row.vector, dtype=np.float32) for row in rows}

    def put_vectors(self, items: Mapping[str, np.ndarray]) -> None:
        """Cache vectors under their keys; keys already there keep their vector."""
        v = schema.vectors
        with self.write() as conn:
            wanted = batches(sorted(items))
            known = {key for part in wanted for key in conn.scalars(_in(v.c.key, part, select(v.c.key)))}
            rows = [
                {"key": key, "vector": np.asarray(vector, dtype=np.float32).tobytes()}
                for key, vector in items.items()
                if key not in known
            ]
            if rows:
                conn.execute(insert(v), rows)


# -- inside a transaction ------------------------------------------------------------------------------------


def get_meta(conn: Connection, key: str, default: str = "") -> str:
    """Return the value kept under `key`."""
    value = conn.scalar(select(schema.meta.c.value).where(schema.meta.c.key == key))
    return default if value is None else str(value)


def put_meta(conn: Connection, key: str, value: str) -> None:
    """Keep `value` under `key`."""
    if conn.execute(update(schema.meta).where(schema.meta.c.key == key).values(value=value)).rowcount == 0:
        conn.execute(insert(schema.meta).values(key=key, value=value))


def touch(conn: Connection) -> int:
    """Move the generation on, so that readers look again; return the new number.

    The vocabulary that is kept of the last one goes at once: it may name what was just forgotten.
    """
    conn.execute(delete(schema.run_vocabulary))
    number = int(get_meta(conn, "generation", "0")) + 1
    put_meta(conn, "generation", str(number))
    return number


def root_id(conn: Connection, collection: str, uri: str) -> int:
    """Return the id of a root, made where it is new."""
    c, r = schema.collections, schema.roots
    owner = conn.scalar(select(c.c.id).where(c.c.name == collection))
    if owner is None:
        owner = conn.execute(insert(c).values(name=collection)).inserted_primary_key[0]  # type: ignore[index]
    found = conn.scalar(select(r.c.id).where(r.c.collection_id == owner, r.c.uri == uri))
    if found is None:
        found = conn.execute(insert(r).values(collection_id=owner, uri=uri)).inserted_primary_key[0]  # type: ignore[index]
    return int(found)


def set_source(conn: Connection, key: SourceKey, **values: Any) -> int:
    """Insert or update a source's row and return its id."""
    s = schema.sources
    values = {"updated": time.time(), **values}
    found = source_id(conn, key)
    if found is None:
        row = {"kind": "", "hash": "", "state": SourceState.PENDING.value, **values}
        made = conn.execute(insert(s).values(root_id=root_id(conn, key.collection, key.root), source=key.source, **row))
        return int(made.inserted_primary_key[0])  # type: ignore[index]
    conn.execute(update(s).where(s.c.id == found).values(**values))
    return found


def put_document(
    conn: Connection, source_id: int, place: str, document: Document, chunks: Sequence[tuple[Chunk, VectorKeys]]
) -> None:
    """Replace a source's document and chunks, and index the chunks by words.

    `place` is the source's name. Chunks that are the same keep their row and their place in the dense index.
    """
    d, k = schema.documents, schema.chunks
    old = {row.id: row for row in conn.execute(select(k).join(d).where(d.c.source_id == source_id))}
    old_document = conn.scalar(select(d.c.id).where(d.c.source_id == source_id))
    row = {**_document_row(document), "source_id": source_id}
    if old_document is None:
        old_document = conn.execute(insert(d).values(**row)).inserted_primary_key[0]  # type: ignore[index]
    else:
        conn.execute(update(d).where(d.c.id == old_document).values(**row))
    new = {chunk.id: (chunk, keys) for chunk, keys in chunks}
    same = {
        id for id in new.keys() & old.keys() if _chunk_row(*new[id]) == {f: old[id]._mapping[f] for f in _CHUNK_FIELDS}
    }
    _drop_chunks(conn, [(row.n, row.id) for id, row in old.items() if id not in same])
    lexical.remove(conn, [old[id].n for id in same])
    places = {id: place for place, id in enumerate(new)}
    fresh = [{**_chunk_row(*new[id]), "document_id": old_document, "place": places[id]} for id in new if id not in same]
    if fresh:
        conn.execute(insert(k), fresh)
    if moved := [{"b_id": id, "b_place": places[id]} for id in same if old[id].place != places[id]]:
        conn.execute(update(k).where(k.c.id == bindparam("b_id")).values(place=bindparam("b_place")), moved)
    numbers = {r.id: r.n for r in conn.execute(select(k.c.id, k.c.n).where(k.c.document_id == old_document))}
    lexical.add(conn, [_lexical(numbers[chunk.id], place, chunk) for chunk, _ in new.values()])


def lexical_row(row: ChunkRow) -> tuple[int, str, str, str]:
    """Return a chunk as the lexical index takes it: number, place, headings (each once), body."""
    return _lexical(row.n, row.key.source, row.chunk)


def _lexical(n: int, place: str, chunk: Chunk) -> tuple[int, str, str, str]:
    headings = dict.fromkeys(heading for path in chunk.headings for heading in path)
    return n, place, " ".join(headings), chunk.text


def drop_source(conn: Connection, source_id: int) -> None:
    """Remove a source with its document, chunks, words and unshared vectors; queue its ids for the dense index."""
    d, k = schema.documents, schema.chunks
    rows = conn.execute(select(k.c.n, k.c.id).join(d).where(d.c.source_id == source_id)).all()
    _drop_chunks(conn, [(row.n, row.id) for row in rows])
    conn.execute(delete(d).where(d.c.source_id == source_id))
    owner = conn.scalar(select(schema.sources.c.root_id).where(schema.sources.c.id == source_id))
    conn.execute(delete(schema.sources).where(schema.sources.c.id == source_id))
    if conn.scalar(select(func.count()).where(schema.sources.c.root_id == owner)) == 0:
        conn.execute(delete(schema.roots).where(schema.roots.c.id == owner))


def settle_states(conn: Connection) -> None:
    """Call each source *searchable* whose chunks the dense index all holds, and *lexical* otherwise."""
    s, d, k = schema.sources, schema.documents, schema.chunks
    lagging = select(d.c.source_id).join(k, k.c.document_id == d.c.id).where(k.c.dense == 0)
    lexical_, searchable = SourceState.LEXICAL.value, SourceState.SEARCHABLE.value
    conn.execute(update(s).where(s.c.state == searchable, s.c.id.in_(lagging)).values(state=lexical_))
    conn.execute(update(s).where(s.c.state == lexical_, s.c.id.not_in(lagging)).values(state=searchable))


def drop_unused_vectors(conn: Connection) -> int:
    """Remove cached vectors that no chunk needs any more; return how many."""
    v, k = schema.vectors, schema.chunks
    used = select(k.c.vector_key).union(select(k.c.heading_key).where(k.c.heading_key.is_not(None)))
    return conn.execute(delete(v).where(v.c.key.not_in(used))).rowcount


def drop_empty_collections(conn: Connection) -> None:
    """Remove collections that have no root left."""
    c, r = schema.collections, schema.roots
    conn.execute(delete(c).where(c.c.id.not_in(select(r.c.collection_id))))


def _drop_chunks(conn: Connection, rows: Sequence[tuple[int, str]]) -> None:
    lexical.remove(conn, [n for n, _ in rows])
    k, queue = schema.chunks, schema.dense_removals
    for part in batches([id for _, id in rows]):
        known = set(conn.scalars(_in(queue.c.chunk_id, part, select(queue.c.chunk_id))))
        if fresh := [{"chunk_id": id} for id in part if id not in known]:
            conn.execute(insert(queue), fresh)
        conn.execute(delete(k).where(k.c.id.in_(part)))


# -- rows to values --------------------------------------------------------------------------------------------

_CHUNK_FIELDS = ("id", "start", "end", "headings", "page", "cell", "code", "vector_key", "heading_key")


def _chunk_row(chunk: Chunk, keys: VectorKeys) -> dict[str, Any]:
    return {
        "id": chunk.id,
        "start": chunk.span.start,
        "end": chunk.span.end,
        "headings": json.dumps(chunk.headings, ensure_ascii=False),
        "page": chunk.page,
        "cell": chunk.cell,
        "code": chunk.code,
        "vector_key": keys.vector,
        "heading_key": keys.heading,
    }


def _document_row(document: Document) -> dict[str, Any]:
    blocks = [[b.kind.value, b.span.start, b.span.end, b.headings, b.level] for b in document.blocks]
    anchors = [[a.offset, a.unit, a.value] for a in document.anchors]
    return {
        "kind": document.kind,
        "title": document.title,
        "text": document.text,
        "blocks": json.dumps(blocks, ensure_ascii=False),
        "anchors": json.dumps(anchors, ensure_ascii=False),
        "metadata": json.dumps(dict(document.metadata), ensure_ascii=False),
    }


def _document(row: Any) -> Document:
    blocks = tuple(
        Block(kind=BlockKind(kind), span=Span(start=start, end=end), headings=tuple(headings), level=level)
        for kind, start, end, headings, level in json.loads(row["blocks"])
    )
    anchors = tuple(Anchor(offset=o, unit=u, value=v) for o, u, v in json.loads(row["anchors"]))
    return Document(
        kind=row["kind"],
        title=row["title"],
        text=row["text"],
        blocks=blocks,
        anchors=anchors,
        metadata=json.loads(row["metadata"]),
    )


def _source_info(row: Any) -> SourceInfo:
    return SourceInfo(
        key=SourceKey(collection=row["collection"], root=row["uri"], source=row["source"]),
        kind=row["kind"],
        state=SourceState(row["state"]),
        reason=row["reason"],
        hash=row["hash"],
        version=row["version"],
        title=row["title"],
        documents=row["docs"] or 0,
        chunks=row["pieces"] or 0,
        runs=row["ran"] or 0,
        metadata=json.loads(row["metadata"]),
        updated=row["updated"],
    )


def rows_numbered(conn: Connection, numbers: Sequence[int]) -> list[ChunkRow]:
    """Return the chunks among `numbers`, with their text."""
    return _rows(conn, schema.chunks.c.n, numbers)


def dump_metadata(values: Mapping[str, str]) -> str:
    """Return a document's metadata as it is stored."""
    return json.dumps(dict(values), ensure_ascii=False)


def _rows(conn: Connection, column: Any, values: Sequence[Any]) -> list[ChunkRow]:
    k, d, s, r, c = schema.chunks, schema.documents, schema.sources, schema.roots, schema.collections
    query = (
        select(k, d.c.title, d.c.source_id)
        .add_columns(s.c.source, s.c.kind, s.c.version, s.c.metadata.label("source_metadata"), r.c.uri)
        .add_columns(c.c.name, c.c.id.label("collection_id"))
        .join(d, d.c.id == k.c.document_id)
        .join(s, s.c.id == d.c.source_id)
        .join(r, r.c.id == s.c.root_id)
        .join(c, c.c.id == r.c.collection_id)
    )
    rows = [row for part in batches(list(values)) for row in conn.execute(_in(column, part, query))]
    bodies = _bodies(conn, rows)
    return [_chunk(row, bodies[row.n]) for row in rows]


def _bodies(conn: Connection, rows: Sequence[Any]) -> dict[int, str]:
    """Return the texts of chunks by number; a document that many are of is read once, as substr begins at its front."""
    d, k = schema.documents, schema.chunks
    many = {id for id, n in Counter(row.document_id for row in rows).items() if n >= _MANY}
    texts = {id: str(conn.scalar(select(d.c.text).where(d.c.id == id))) for id in many}
    bodies = {row.n: texts[row.document_id][row.start : row.end] for row in rows if row.document_id in many}
    query = select(k.c.n, func.substr(d.c.text, k.c.start + 1, k.c.end - k.c.start).label("body"))
    for part in batches([row.n for row in rows if row.document_id not in many]):
        bodies |= {row.n: row.body for row in conn.execute(_in(k.c.n, part, query.join(d, d.c.id == k.c.document_id)))}
    return bodies


def _chunk(row: Any, body: str) -> ChunkRow:
    chunk = Chunk(
        id=row.id,
        span=Span(start=row.start, end=row.end),
        text=body,
        headings=tuple(tuple(path) for path in json.loads(row.headings)),
        page=row.page,
        cell=row.cell,
        code=row.code,
    )
    return ChunkRow(
        n=row.n,
        chunk=chunk,
        key=SourceKey(collection=row.name, root=row.uri, source=row.source),
        source_id=row.source_id,
        document_id=row.document_id,
        place=row.place,
        kind=row.kind,
        title=row.title,
        version=row.version,
        vector_key=row.vector_key,
        heading_key=row.heading_key,
        dense=bool(row.dense),
        collection_id=row.collection_id,
        metadata=json.loads(row.source_metadata),
    )


def source_id(conn: Connection, key: SourceKey) -> int | None:
    """Return the id of a source, or None where it is not stored."""
    row = conn.execute(source_row(key)).first()
    return None if row is None else int(row.id)


def source_row(key: SourceKey) -> Select[Any]:
    """Return the query for a source's row."""
    s, r, c = schema.sources, schema.roots, schema.collections
    return (
        select(s)
        .join(r, r.c.id == s.c.root_id)
        .join(c, c.c.id == r.c.collection_id)
        .where(c.c.name == key.collection, r.c.uri == key.root, s.c.source == key.source)
    )


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut `values` into pieces that fit one IN list."""
    return (values[at : at + _VARIABLES] for at in range(0, len(values), _VARIABLES))


def _in(column: Any, values: Sequence[Any], query: Any) -> Any:
    return query.where(column.in_(values))


def _parts(ids: Sequence[int] | None, query: Any, column: Any) -> Iterator[Any]:
    return iter([query]) if ids is None else (_in(column, part, query) for part in batches(ids))


# -- SQLite ------------------------------------------------------------------------------------------------------


def _is_read_only(path: Path) -> bool:
    # Never by opening it: closing it again would drop the locks that SQLite holds on it for this whole process.
    if not os.access(path, os.W_OK):
        return True
    try:
        probe = path.parent / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)  # another process may probe at the same moment
    except OSError:
        return True
    return False


def _connect(path: Path, *, read_only: bool) -> Engine:
    """Return an engine for the file; WAL, foreign keys, and bytes of deleted rows overwritten."""
    # A read-only folder cannot hold the WAL's shared memory; immutable reads the file as it stands.
    url = f"sqlite:///file:{path}?mode=ro&immutable=1&uri=true" if read_only else f"sqlite:///{path}"
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event below opens transactions
        settings = ["foreign_keys=ON", "secure_delete=ON", "cache_size=-65536", "temp_store=MEMORY"]
        if not read_only:
            settings += ["journal_mode=WAL", "synchronous=NORMAL"]
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").close()

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        writing = conn.get_execution_options().get("citewise_write", False)
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def compact(catalogue: Catalogue) -> None:
    """Rewrite the database file so that nothing removed is left in it or in its write-ahead log."""
    with catalogue.write() as conn:
        lexical.purge(conn)
    with catalogue._explained(), catalogue.engine.connect() as conn:
        raw = conn.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            raw.execute(statement).fetchall()


def defects(catalogue: Catalogue) -> list[str]:
    """Return what SQLite finds wrong with the file: damaged pages, rows that point nowhere; empty where it is sound."""
    with catalogue.read() as conn:
        pages = [str(row[0]) for row in conn.exec_driver_sql("PRAGMA quick_check(20)")]
        orphans = [
            f"a row of {row[0]} points to a row of {row[2]} that is not there"
            for row in conn.exec_driver_sql("PRAGMA foreign_key_check")
        ]
    return [line for line in pages if line != "ok"] + orphans


def snapshot(catalogue: Catalogue, target: Path) -> None:
    """Write one consistent state of the live database to the file `target`, with nothing in it that was removed."""
    with catalogue.read() as conn:
        raw = conn.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        conn.rollback()
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            raw.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").close()
            copy.execute("VACUUM").close()
        finally:
            copy.close()
