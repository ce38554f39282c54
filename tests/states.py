"""The state of a knowledge base as a value, so that two of them can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from kb import lexical, schema
from kb.audit import audit
from kb.knowledge import KnowledgeBase
from kb.text import query_terms

QUERIES = ("max_depth of trees", "scale features", "lolin minu", "Ost ul gra mar", "average precision churn", "vize")


@dataclass(frozen=True)
class State:
    """Everything that can be told from outside: rows, words, vectors and what questions find."""

    sources: frozenset[tuple[Any, ...]]
    documents: frozenset[tuple[str, str]]
    chunks: frozenset[tuple[Any, ...]]
    cached: frozenset[str]
    words: tuple[tuple[tuple[str, float], ...], ...]
    vectors: frozenset[str]
    found: tuple[tuple[tuple[str, float], ...], ...]


def state(kb: KnowledgeBase) -> State:
    """Return the state of `kb`, without row numbers and times."""
    infos = kb.catalogue.sources()
    rows = kb.catalogue.chunks_numbered(kb.catalogue.chunk_numbers())
    documents = {info.key.source: kb.catalogue.document(info.key) for info in infos}
    with kb.catalogue.read() as conn:
        cached = frozenset(conn.scalars(select(schema.vectors.c.key)))
    return State(
        sources=frozenset((i.key, i.kind, i.state, i.hash, i.title, i.chunks, i.reason) for i in infos),
        documents=frozenset((name, document.text) for name, document in documents.items() if document),
        chunks=frozenset(
            (r.chunk.id, r.chunk.span, r.chunk.text, r.chunk.headings, r.key, r.vector_key, r.dense)
            for r in rows.values()
        ),
        cached=cached,
        words=tuple(_by_words(kb, query) for query in QUERIES),
        vectors=frozenset(kb.index().ids()) if kb.catalogue.get("dense_folder") else frozenset(),
        found=tuple(_found(kb, query) for query in QUERIES),
    )


def _by_words(kb: KnowledgeBase, query: str) -> tuple[tuple[str, float], ...]:
    with kb.catalogue.read() as conn:
        ranked = lexical.search(conn, query_terms(query), limit=1000, weights=(1.0, 2.0, 1.0))
    rows = kb.catalogue.chunks_numbered([n for n, _ in ranked])
    return _ordered((rows[n].chunk.id, score) for n, score in ranked)


def _found(kb: KnowledgeBase, query: str) -> tuple[tuple[str, float], ...]:
    return _ordered((hit.chunk_id, hit.score) for hit in kb.search(query, k=10).hits)


def _ordered(pairs: Any) -> tuple[tuple[str, float], ...]:
    """Order by score and id, for the order of ties is that of row numbers."""
    rounded = ((id_, round(score, 4)) for id_, score in pairs)
    return tuple(sorted(rounded, key=lambda pair: (-pair[1], pair[0])))


def complaints(kb: KnowledgeBase) -> list[str]:
    """Return what the audit finds wrong, apart from the disk, which is the machine's."""
    return [f"{check.name}: {check.detail}" for check in audit(kb) if not check.ok and check.name != "disk"]
