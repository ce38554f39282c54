"""Ranked passages for a question: words and meaning together, fused, neighbours merged, repeats collapsed.

Both indexes only name candidates; each candidate is scored exactly, by its cached vectors and its BM25 score, and every
hit is hydrated through the catalogue, so what was forgotten cannot be found, whatever an index still holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kb import lexical
from kb.clock import Clock
from kb.dense import ChromaIndex
from kb.embed import Embedder
from kb.errors import HomeUnwritable, IndexUnavailable
from kb.filters import Filters
from kb.fuse import convex
from kb.rerank import Reranker
from kb.store import Candidate, Catalogue, ChunkRow
from kb.text import query_terms, shingles
from kb.types import Hit, Span

DEPTH = 200
"""Candidates taken from each index."""
LEXICAL_FIELDS = (1.0, 2.0, 1.0)
"""BM25 weights of place, headings and body."""
MEANING, WORDS, HEADING = 0.6, 0.4, 0.1
"""Weights of cosine, normalised BM25 and the cosine of the innermost heading."""
OWN, SECTION, DOCUMENT = 0.6, 0.3, 0.1
"""Shares of a passage's score: its own, its section's best, a third of the sum of its document's best three."""
CODE = 0.03
"""What a passage of nothing but code loses."""
JOIN_RANKS = 2
"""A neighbour ranked at most so many places later joins a passage."""
JOIN_WORDS = 200
REPEAT = 0.85
"""Share of common shingles from which two passages count as the same text."""
RERANKED = 30
_BM25_LIMIT = 2.2
"""A term adds at most (k1 + 1) times its weight to BM25; FTS5 has k1 = 1.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Hits, best first; `notes` say what was not looked at, `timings` are seconds by stage."""

    query: str
    hits: tuple[Hit, ...]
    notes: tuple[str, ...]
    timings: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    candidate: Candidate
    score: float
    parts: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Ranker:
    """Holds what a search needs; `index` opens the dense index in use."""

    catalogue: Catalogue
    embedder: Embedder
    index: Callable[[], ChromaIndex]
    reranker: Reranker | None = None

    def search(self, query: str, *, k: int, filters: Filters) -> SearchResult:
        """Return up to `k` passages for `query`, best first; no hits is not an error."""
        clock, notes = Clock(), list[str]()
        sources = self._sources(filters)
        terms = query_terms(query)
        words = self._lexical(terms, sources)
        clock.lap("lexical")
        vector = self.embedder.embed([query])[0] if query.strip() else None
        clock.lap("embed")
        near = self._dense(vector, sources, notes)
        clock.lap("dense")
        scored = self._scored(vector, self._shares(terms, words, near), {*near, *words})
        clock.lap("score")
        hits = self._reranked(query, self._passages(scored, max(3 * k, RERANKED)))
        clock.lap("hydrate")
        return SearchResult(query=query, hits=tuple(hits[:k]), notes=tuple(notes), timings=clock.done())

    def term_weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return each term's inverse document frequency, ln(1 + (N - n + .5) / (n + .5)) as in BM25."""
        with self.catalogue.read() as conn:
            size = lexical.size(conn)
            found = lexical.document_frequency(conn, terms)
        return {term: _idf(size, n) for term, n in found.items()}

    def _known(self, terms: Sequence[str]) -> list[tuple[str, float]]:
        """Return the terms that occur anywhere, with their weights."""
        with self.catalogue.read() as conn:
            size, found = lexical.size(conn), lexical.document_frequency(conn, terms)
        return [(term, _idf(size, n)) for term, n in found.items() if n]

    def _sources(self, filters: Filters) -> list[int] | None:
        if not filters:
            return None
        with self.catalogue.read() as conn:
            return sorted(conn.scalars(filters.source_ids()))

    def _lexical(self, terms: Sequence[str], sources: list[int] | None) -> dict[int, float]:
        with self.catalogue.read() as conn:
            return dict(lexical.search(conn, terms, limit=DEPTH, weights=LEXICAL_FIELDS, sources=sources))

    def _shares(self, terms: Sequence[str], words: Mapping[int, float], near: Sequence[int]) -> dict[int, float]:
        """Return each candidate's BM25 score as a share, 0…1, of the most that the terms could reach."""
        with self.catalogue.read() as conn:
            others = [n for n in near if n not in words]
            rest = lexical.scores(conn, terms, others, weights=LEXICAL_FIELDS)
        most = _BM25_LIMIT * sum(w for _, w in self._known(terms))
        return {n: max(0.0, score) / most for n, score in {**rest, **words}.items()} if most else {}

    def _dense(self, vector: np.ndarray | None, sources: list[int] | None, notes: list[str]) -> list[int]:
        if vector is None:
            return []
        try:
            found = self.index().search(vector, DEPTH, where=None if sources is None else {"source": sources})
        except (IndexUnavailable, HomeUnwritable) as error:
            if self.catalogue.count("chunks"):
                notes.append(f"searched by words only: {error.message}")
            return []
        return list(self.catalogue.numbers([id for id, _ in found]).values())

    def _scored(self, vector: np.ndarray | None, words: Mapping[int, float], numbers: set[int]) -> list[_Scored]:
        """Return the candidates with their scores, best first, ties by number."""
        candidates = self.catalogue.candidates(sorted(numbers))
        keys = [key for c in candidates.values() for key in (c.vector_key, c.heading_key) if key is not None]
        cosines = _cosines(vector, self.catalogue.vectors(keys))
        parts = {
            n: {
                "meaning": cosines.get(c.vector_key, 0.0),
                "words": words.get(n, 0.0),
                "heading": cosines.get(c.heading_key or "", 0.0),
            }
            for n, c in candidates.items()
        }
        weighted = ((MEANING, "meaning"), (WORDS, "words"), (HEADING, "heading"))
        base = convex([(weight, {n: p[name] for n, p in parts.items()}) for weight, name in weighted])
        sections = _grouped(base, {n: (c.document_id, c.section) for n, c in candidates.items()})
        documents = _grouped(base, {n: c.document_id for n, c in candidates.items()})
        scored = [
            _Scored(candidate=c, score=_total(base[n], sections[n], documents[n]) - CODE * c.code, parts=parts[n])
            for n, c in candidates.items()
        ]
        return sorted(scored, key=lambda item: (-item.score, item.candidate.n))

    def _passages(self, scored: Sequence[_Scored], limit: int) -> list[Hit]:
        """Hydrate the best, join neighbours of like rank, leave out what says nearly the same as a better one."""
        head = scored[:limit]
        rows = self.catalogue.chunks_numbered([item.candidate.n for item in head])
        found = [(rows[item.candidate.n], item) for item in head if item.candidate.n in rows]
        return _distinct([self._joined(group) for group in _grouped_neighbours(found)])

    def _joined(self, group: Sequence[tuple[ChunkRow, _Scored]]) -> Hit:
        """Return one hit for chunks that touch, with the text between them; its id is the best chunk's."""
        hit = _hit(*group[0])
        if len(group) == 1:
            return hit
        rows = sorted((row for row, _ in group), key=lambda row: row.chunk.span)
        span = Span(start=rows[0].chunk.span.start, end=rows[-1].chunk.span.end)
        headings = dict.fromkeys(path for row in rows for path in row.chunk.headings)
        text = self.catalogue.text(rows[0].document_id, span)
        return replace(hit, span=span, text=text, headings=tuple(headings), page=rows[0].chunk.page)

    def _reranked(self, query: str, hits: list[Hit]) -> list[Hit]:
        if self.reranker is None:
            return hits
        head = hits[:RERANKED]
        scores = self.reranker.score(query, [hit.text for hit in head])
        order = sorted(range(len(head)), key=lambda i: (-scores[i], i))
        return [replace(head[i], score=scores[i]) for i in order] + hits[RERANKED:]


def _idf(size: int, n: int) -> float:
    return math.log(1 + (size - n + 0.5) / (n + 0.5))


def _cosines(vector: np.ndarray | None, cached: Mapping[str, np.ndarray]) -> dict[str, float]:
    if vector is None or not cached:
        return {}
    scores = np.stack(list(cached.values())) @ vector
    return dict(zip(cached, scores.tolist(), strict=True))


def _grouped(base: Mapping[int, float], places: Mapping[int, Hashable]) -> dict[int, list[float]]:
    """Return by chunk the scores of all candidates of its place, best first."""
    by_place: dict[Hashable, list[float]] = {}
    for n, score in base.items():
        by_place.setdefault(places[n], []).append(score)
    ranked = {place: sorted(found, reverse=True) for place, found in by_place.items()}
    return {n: ranked[place] for n, place in places.items()}


def _total(own: float, section: Sequence[float], document: Sequence[float]) -> float:
    return OWN * own + SECTION * section[0] + DOCUMENT * math.fsum(document[:3]) / 3


def _grouped_neighbours(found: Sequence[tuple[ChunkRow, _Scored]]) -> list[list[tuple[ChunkRow, _Scored]]]:
    """Walk down the ranking: a chunk next to a passage of its section, ranked little later, joins it."""
    groups: list[tuple[int, list[tuple[ChunkRow, _Scored]]]] = []
    for rank, (row, item) in enumerate(found):
        for first, group in groups:
            if rank - first <= JOIN_RANKS and _touches(row, [other for other, _ in group]):
                group.append((row, item))
                break
        else:
            groups.append((rank, [(row, item)]))
    return [group for _, group in groups]


def _touches(row: ChunkRow, group: Sequence[ChunkRow]) -> bool:
    if row.document_id != group[0].document_id or row.chunk.headings[:1] != group[0].chunk.headings[:1]:
        return False
    if sum(len(r.chunk.text.split()) for r in (row, *group)) > JOIN_WORDS:
        return False
    return any(abs(row.place - other.place) == 1 for other in group)


def _distinct(hits: Sequence[Hit]) -> list[Hit]:
    kept: list[tuple[Hit, frozenset[int]]] = []
    for hit in hits:
        mine = shingles(hit.text)
        if not any(_overlap(mine, theirs) >= REPEAT for _, theirs in kept):
            kept.append((hit, mine))
    return [hit for hit, _ in kept]


def _hit(row: ChunkRow, item: _Scored) -> Hit:
    return Hit(
        chunk_id=row.chunk.id,
        key=row.key,
        kind=row.kind,
        title=row.title,
        headings=row.chunk.headings,
        span=row.chunk.span,
        text=row.chunk.text,
        score=item.score,
        page=row.chunk.page,
        cell=row.chunk.cell,
        version=row.version,
        parts=item.parts,
    )


def _overlap(a: frozenset[int], b: frozenset[int]) -> float:
    return len(a & b) / max(1, min(len(a), len(b)))
