"""Ranked passages for a question: words and meaning together, fused, neighbours merged, repeats collapsed.

Every hit is hydrated through the catalogue, so what was forgotten cannot be found, whatever an index still holds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kb import lexical
from kb.dense import ChromaIndex
from kb.embed import Embedder
from kb.errors import HomeUnwritable, IndexUnavailable
from kb.filters import Filters
from kb.fuse import best_first, convex, min_max
from kb.rerank import Reranker
from kb.store import Catalogue, ChunkRow
from kb.text import query_terms, shingles
from kb.types import Hit, Span

DEPTH = 200
"""Candidates taken from each index."""
DENSE_WEIGHT = 0.7
LEXICAL_FIELDS = (1.0, 2.0, 1.0)
"""BM25 weights of title, headings and body."""
REPEAT = 0.85
"""Share of common shingles from which two passages count as the same text."""
RERANKED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Hits, best first; `notes` say what was not looked at, `timings` are seconds by stage."""

    query: str
    hits: tuple[Hit, ...]
    notes: tuple[str, ...]
    timings: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Ranker:
    """Holds what a search needs; `index` opens the dense index in use."""

    catalogue: Catalogue
    embedder: Embedder
    index: Callable[[], ChromaIndex]
    reranker: Reranker | None = None

    def search(self, query: str, *, k: int, filters: Filters) -> SearchResult:
        """Return up to `k` passages for `query`, best first; no hits is not an error."""
        clock = _Clock()
        notes: list[str] = []
        sources = self._sources(filters)
        words = self._lexical(query, sources)
        clock.lap("lexical")
        meaning = self._dense(query, sources, notes)
        clock.lap("dense")
        scores = convex([(DENSE_WEIGHT, min_max(meaning)), (1 - DENSE_WEIGHT, min_max(words))])
        rows = self._hydrated(best_first(scores)[: max(4 * k, RERANKED)])
        hits = [_hit(row, scores[row.n]) for row in rows]
        hits = _merged(_distinct(self._reranked(query, hits)))[:k]
        clock.lap("hydrate")
        return SearchResult(query=query, hits=tuple(hits), notes=tuple(notes), timings=clock.done())

    def term_weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return each term's inverse document frequency, ln(1 + (N - n + .5) / (n + .5)) as in BM25."""
        with self.catalogue.read() as conn:
            size = lexical.size(conn)
            found = lexical.document_frequency(conn, terms)
        return {term: math.log(1 + (size - n + 0.5) / (n + 0.5)) for term, n in found.items()}

    def _sources(self, filters: Filters) -> list[int] | None:
        if not filters:
            return None
        with self.catalogue.read() as conn:
            return sorted(conn.scalars(filters.source_ids()))

    def _lexical(self, query: str, sources: list[int] | None) -> dict[int, float]:
        with self.catalogue.read() as conn:
            ranked = lexical.search(conn, query_terms(query), limit=DEPTH, weights=LEXICAL_FIELDS, sources=sources)
        return dict(ranked)

    def _dense(self, query: str, sources: list[int] | None, notes: list[str]) -> dict[int, float]:
        try:
            index = self.index()
            [vector] = self.embedder.embed([query])
            found = dict(index.search(vector, DEPTH, where=None if sources is None else {"source": sources}))
        except (IndexUnavailable, HomeUnwritable) as error:
            if self.catalogue.count("chunks"):
                notes.append(f"searched by words only: {error.message}")
            return {}
        rows = self.catalogue.chunks(list(found))
        return {row.n: found[id] for id, row in rows.items()}

    def _hydrated(self, numbers: Sequence[int]) -> list[ChunkRow]:
        rows = self.catalogue.chunks_numbered(numbers)
        return [rows[n] for n in numbers if n in rows]

    def _reranked(self, query: str, hits: list[Hit]) -> list[Hit]:
        if self.reranker is None:
            return hits
        head = hits[:RERANKED]
        scores = self.reranker.score(query, [hit.text for hit in head])
        order = sorted(range(len(head)), key=lambda i: (-scores[i], i))
        return [head[i] for i in order] + hits[RERANKED:]


class _Clock:
    def __init__(self) -> None:
        self._begin = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name] = now - self._last
        self._last = now

    def done(self) -> dict[str, float]:
        return {"total": time.perf_counter() - self._begin, **self._laps}


def _hit(row: ChunkRow, score: float) -> Hit:
    return Hit(
        chunk_id=row.chunk.id,
        key=row.key,
        kind=row.kind,
        title=row.title,
        headings=row.chunk.headings,
        span=row.chunk.span,
        text=row.chunk.text,
        score=score,
        page=row.chunk.page,
        cell=row.chunk.cell,
        version=row.version,
    )


def _distinct(hits: Sequence[Hit]) -> list[Hit]:
    """Leave out passages that say nearly the same as a better one."""
    kept: list[tuple[Hit, frozenset[int]]] = []
    for hit in hits:
        mine = shingles(hit.text)
        if not any(_overlap(mine, theirs) >= REPEAT for _, theirs in kept):
            kept.append((hit, mine))
    return [hit for hit, _ in kept]


def _overlap(a: frozenset[int], b: frozenset[int]) -> float:
    return len(a & b) / max(1, min(len(a), len(b)))


def _merged(hits: Sequence[Hit]) -> list[Hit]:
    return list(hits)


__all__ = ["Ranker", "SearchResult", "Span", "np", "replace"]
