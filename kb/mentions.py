"""Which documents speak of which runs: a run's id, its beginning as people shorten hashes, or a name only it has.

Derived from the catalogue, and made anew for what changed.
"""

from __future__ import annotations

import bisect
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from kb import schema, store
from kb.store import Catalogue
from kb.types import SourceKey, Span

STALE = "run_mentions_stale"
SHORTEST = 4
HASH_PREFIX = 7
MOST_PER_DOCUMENT = 5_000
_TOKEN = re.compile(r"\w+")
_TELLING = re.compile(r"\d|[_\-/.#:+]")
_OPENING, _CLOSING = frozenset("`\"'“«‘"), frozenset("`\"'”»’")
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A place in a document that names a run."""

    run: int
    document_id: int
    key: SourceKey
    title: str
    span: Span


def link(catalogue: Catalogue, keys: Sequence[SourceKey] | None = None) -> int:
    """Find mentions of runs in the documents of `keys`, or in all documents; return how many there are in those."""
    d = schema.documents
    with catalogue.read() as conn:
        names = _Names(conn)
        if keys is None:
            documents = list(conn.scalars(select(d.c.id)))
        else:
            ids = [id for key in keys if (id := store.source_id(conn, key)) is not None]
            documents = [x for part in store.batches(ids) for x in conn.scalars(_of_sources(part))]
    if keys is None:
        with catalogue.write() as conn:
            conn.execute(delete(schema.run_mentions))
    return sum(_link(catalogue, document, names) for document in documents) if names.known or keys is not None else 0


def _of_sources(ids: Sequence[int]) -> Select[Any]:
    return select(schema.documents.c.id).where(schema.documents.c.source_id.in_(ids))


def _link(catalogue: Catalogue, document: int, names: _Names) -> int:
    d, m = schema.documents, schema.run_mentions
    with catalogue.read() as conn:
        text = str(conn.scalar(select(d.c.text).where(d.c.id == document)) or "")
        old = conn.scalar(select(m.c.id).where(m.c.document_id == document))
    rows = [{"run_id": pk, "document_id": document, "start": a, "end": b} for pk, a, b in names.found(text)]
    if rows or old is not None:
        with catalogue.write() as conn:
            conn.execute(delete(m).where(m.c.document_id == document))
            if rows:
                conn.execute(insert(m), rows)
    return len(rows)


def mentions(catalogue: Catalogue, pk: int) -> tuple[Mention, ...]:
    """Return the places where documents mention a run, in order of document and place."""
    m, d, s, r, c = schema.run_mentions, schema.documents, schema.sources, schema.roots, schema.collections
    query = (
        select(m.c.document_id, m.c.start, m.c.end, d.c.title, s.c.source, r.c.uri, c.c.name)
        .join(d, d.c.id == m.c.document_id)
        .join(s, s.c.id == d.c.source_id)
        .join(r, r.c.id == s.c.root_id)
        .join(c, c.c.id == r.c.collection_id)
        .where(m.c.run_id == pk)
        .order_by(s.c.source, m.c.start)
    )
    with catalogue.read() as conn:
        rows = conn.execute(query).all()
    return tuple(
        Mention(
            run=pk,
            document_id=row.document_id,
            key=SourceKey(collection=row.name, root=row.uri, source=row.source),
            title=row.title,
            span=Span(start=row.start, end=row.end),
        )
        for row in rows
    )


class _Names:
    """What runs are called, by the first word of it; only what one run alone is called."""

    def __init__(self, conn: Connection) -> None:
        r = schema.runs
        called: dict[str, set[int]] = defaultdict(set)
        self.written: dict[str, str] = {}
        for row in conn.execute(select(r.c.id, r.c.run_id, r.c.name, r.c.aliases).where(r.c.loose == 0)):
            for name in {row.run_id, row.name or "", *json.loads(row.aliases)}:
                called[name.strip().lower()].add(row.id)
                self.written.setdefault(name.strip().lower(), name.strip())
        only = {name: next(iter(pks)) for name, pks in called.items() if len(pks) == 1 and _can_be_told(name)}
        self.known = bool(only)
        self.by_word: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name, pk in sorted(only.items(), key=lambda item: (-len(item[0]), item[0])):
            if first := _TOKEN.search(name):
                self.by_word[first.group()].append((name, pk))
        self.hashes = sorted(name for name in called if len(name) > HASH_PREFIX and _HEX.fullmatch(name))
        self.called = called

    def found(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Yield (run, start, end) for each mention in a text, the longest name at each place."""
        lower = text.lower()
        if len(lower) != len(text):  # a letter whose lower case is longer would move all offsets
            lower = "".join(low if len(low := c.lower()) == 1 else c for c in text)
        at, seen = 0, Counter[int]()
        for token in _TOKEN.finditer(lower):
            if token.start() < at or sum(seen.values()) >= MOST_PER_DOCUMENT:
                continue
            found = self._at(lower, text, token) or self._shortened(token)
            if found is not None:
                pk, start, at = found
                seen[pk] += 1
                yield pk, start, at

    def _at(self, lower: str, text: str, token: re.Match[str]) -> tuple[int, int, int] | None:
        for name, pk in self.by_word.get(token.group(), ()):
            start = token.start() - name.index(token.group())
            end = start + len(name)
            if start < 0 or not lower.startswith(name, start):
                continue
            # Plain words are the talk of any document: they name a run as it is written, several, or in quotes.
            plain = _TELLING.search(name) is None
            if plain and text[start:end] != self.written[name]:
                continue
            if _stands_alone(text, start, end, quoted=plain and " " not in name):
                return pk, start, end
        return None

    def _shortened(self, token: re.Match[str]) -> tuple[int, int, int] | None:
        """Return the run whose hash begins with a token that looks like the beginning of one."""
        word = token.group()
        if len(word) < HASH_PREFIX or not _HEX.fullmatch(word) or word.isdigit() or word.isalpha():
            return None
        place = bisect.bisect_left(self.hashes, word)
        near = [name for name in self.hashes[place : place + 2] if name.startswith(word)]
        if len(near) != 1 or len(self.called[near[0]]) != 1:
            return None
        return next(iter(self.called[near[0]])), token.start(), token.end()


def _can_be_told(name: str) -> bool:
    return len(name) >= SHORTEST and not name.replace(".", "").isdigit() and any(c.isalnum() for c in name)


def _stands_alone(text: str, start: int, end: int, *, quoted: bool) -> bool:
    """Tell whether a name is no part of a longer one, and stands in quotes where it has to."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    if quoted:
        return before in _OPENING and after in _CLOSING
    return not _joins(before) and not _joins(after)


def _joins(mark: str) -> bool:
    return mark.isalnum() or mark in ("_", "-")
