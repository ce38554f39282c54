"""Stand-ins for what is heavy or remote: small, exact and without a network."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from kb.dense import Vector, VectorItem, Where
from kb.text import terms


class MemoryIndex:
    """A `VectorIndex` in memory that compares with every vector."""

    def __init__(self) -> None:
        self._items: dict[str, VectorItem] = {}

    def add(self, items: Sequence[VectorItem]) -> None:
        """Add or replace items."""
        self._items.update({item.id: item for item in items})

    def remove(self, ids: Sequence[str]) -> None:
        """Remove what is stored under `ids`."""
        for id_ in ids:
            self._items.pop(id_, None)

    def search(self, vector: Vector, k: int, where: Where | None = None) -> list[tuple[str, float]]:
        """Return up to `k` (id, cosine similarity), best first, ties by id."""
        rules = (where or {}).items()
        match = [i for i in self._items.values() if all(i.fields.get(name) in values for name, values in rules)]
        scored = ((item.id, float(item.vector @ vector)) for item in match)
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[: max(k, 0)]

    def ids(self) -> set[str]:
        """Return every id that is stored."""
        return set(self._items)

    def count(self) -> int:
        """Return how many items are stored."""
        return len(self._items)


class HashingEmbedder:
    """An `Embedder` without a model: a text's vector is the sum of fixed random vectors of its words.

    `embedded` counts the texts it was given, so that a test can tell what was embedded again.
    """

    def __init__(self, dim: int = 48, name: str = "hashing") -> None:
        self.dim = dim
        self.fingerprint = f"{name}/{dim}"
        self.embedded = 0
        self._words: dict[str, Vector] = {}

    def embed(self, texts: Sequence[str]) -> Vector:
        """Return a unit vector for each text; the same text always has the same vector."""
        self.embedded += len(texts)
        rows = np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(len(texts), self.dim)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def _vector(self, text: str) -> Vector:
        found = [self._word(term) for term in sorted(terms(text))] or [self._word("")]
        return np.sum(found, axis=0, dtype=np.float64).astype(np.float32)

    def _word(self, term: str) -> Vector:
        if term not in self._words:
            seed = zlib.crc32(term.encode("utf-8", "surrogatepass"))
            self._words[term] = np.random.default_rng(seed).standard_normal(self.dim).astype(np.float32)
        return self._words[term]
