"""Which sources a search looks at: a value, understood by the catalogue, the lexical and the dense index alike."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, or_, select

from kb import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Keep sources of these collections, kinds and places; an empty tuple keeps all.

    `sources` are names as `citewise sources` shows them, or folders above them (`doc/modules`).
    """

    collections: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.collections or self.kinds or self.sources)

    def source_ids(self) -> Select[tuple[int]]:
        """Return the query for the ids of the sources that pass."""
        s, r, c = schema.sources, schema.roots, schema.collections
        query = select(s.c.id).join(r, r.c.id == s.c.root_id).join(c, c.c.id == r.c.collection_id)
        if self.collections:
            query = query.where(c.c.name.in_(self.collections))
        if self.kinds:
            query = query.where(s.c.kind.in_(self.kinds))
        if self.sources:
            inside = [s.c.source.startswith(name.rstrip("/") + "/", autoescape=True) for name in self.sources]
            query = query.where(or_(s.c.source.in_(self.sources), r.c.uri.in_(self.sources), *inside))
        return query
