"""Which parameters, metrics and tags were logged, and which of them a name means: whole, then by its last parts.

The names of a catalogue are read once per generation.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import process
from sqlalchemy import Connection, func, select

from kb import schema
from kb.errors import NameAmbiguous, NameUnknown
from kb.run_put import leaf
from kb.store import Catalogue, get_meta
from kb.vocabulary import scope_source

TABLES = {"param": schema.run_params, "metric": schema.run_metrics, "tag": schema.run_tags}


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A logged name, with the split of a metric, and in how many runs it stands."""

    name: str
    split: str | None
    runs: int


class Names:
    """All logged names of one kind."""

    def __init__(self, kind: str, found: Iterable[Name]) -> None:
        self.kind = kind
        self.all = tuple(found)
        self._by_leaf: dict[str, list[Name]] = defaultdict(list)
        for one in self.all:
            self._by_leaf[leaf(one.name)].append(one)

    def tiers(self, name: str) -> Iterator[list[Name]]:
        """Yield the names that `name` may mean: exactly, but for letter case, by their last dotted parts."""
        near = self._by_leaf.get(leaf(name), [])
        yield [one for one in near if one.name == name]
        yield [one for one in near if one.name.lower() == name.lower()]
        wanted = _dotted(name)
        yield [one for one in near if _dotted(one.name) == wanted or _dotted(one.name).endswith("." + wanted)]

    def nearest(self, name: str) -> tuple[str, ...]:
        """Return logged names that look like `name`, best first."""
        found = process.extract(name, sorted({one.name for one in self.all}), limit=3, score_cutoff=60)
        return tuple(one for one, _, _ in found)


def _dotted(name: str) -> str:
    return name.strip("./ ").replace("/", ".").lower()


class Known(dict[str, Names]):
    """The logged names by kind (param, metric, tag), and which runs are no plain ones.

    `sources` are the folders and files that hold runs, small; `deleted` and `loose` are keys of runs.
    """

    def __init__(self, conn: Connection) -> None:
        super().__init__((kind, Names(kind, _read(conn, kind))) for kind in TABLES)
        r = schema.runs
        rows = conn.execute(select(r.c.main_source, r.c.place != "").distinct())
        self.sources = frozenset(
            scope_source(source, "", "placed" if placed else "").lower() for source, placed in rows
        )
        self.deleted = frozenset(conn.scalars(select(r.c.id).where(r.c.deleted != 0)))
        self.loose = frozenset(conn.scalars(select(r.c.id).where(r.c.loose != 0)))


_known: weakref.WeakKeyDictionary[Catalogue, tuple[int, Known]] = weakref.WeakKeyDictionary()


def names(catalogue: Catalogue, conn: Connection) -> Known:
    """Return what was logged as it is in the catalogue's generation."""
    generation = int(get_meta(conn, "generation", "0"))
    known = _known.get(catalogue)
    if known is None or known[0] != generation:
        known = _known[catalogue] = (generation, Known(conn))
    return known[1]


def _read(conn: Connection, kind: str) -> Iterator[Name]:
    table = TABLES[kind]
    columns = [table.c.name, table.c.split] if kind == "metric" else [table.c.name]
    query = select(*columns, func.count().label("runs")).group_by(*columns).order_by(*columns)
    for row in conn.execute(query):
        yield Name(name=row.name, split=row.split if kind == "metric" else None, runs=row.runs)


def resolve(
    conn: Connection, known: Names, name: str, scope: Sequence[Any] = (), split: str | None = None
) -> tuple[Name, ...]:
    """Return the logged names that `name` means among runs under the conditions `scope`, of `split` where given.

    Several are returned where several are meant equally well. Where none of them stands in the scope, what it means
    elsewhere is returned. Raises NameUnknown.
    """
    tiers = [[one for one in tier if split in (None, one.split)] for tier in known.tiers(name)]
    meant = {one for tier in tiers for one in tier}
    if not meant:
        raise NameUnknown(known.kind, name, known.nearest(name))
    first = next(tier for tier in tiers if tier)
    if len(meant) == 1 or not scope:
        return tuple(first)
    counts = _within(conn, known.kind, meant, scope)
    for tier in tiers:
        found = [Name(name=one.name, split=one.split, runs=counts[key])
                 for one in tier if (key := (one.name, one.split)) in counts]  # fmt: skip
        if found:
            return tuple(found)
    return tuple(first)


def only(known: Names, name: str, found: Sequence[Name]) -> Name:
    """Return the one name found. Raises NameAmbiguous for several."""
    if len(found) > 1:
        raise ambiguous(known.kind, name, found)
    return found[0]


def ambiguous(kind: str, name: str, found: Sequence[Name]) -> NameAmbiguous:
    """Return the error that lists what a name may mean, most frequent first."""
    ranked = sorted(found, key=lambda one: (-one.runs, one.name, one.split or ""))
    return NameAmbiguous(kind, name, tuple((one.name, one.split, one.runs) for one in ranked))


def _within(
    conn: Connection, kind: str, meant: Iterable[Name], scope: Sequence[Any]
) -> dict[tuple[str, str | None], int]:
    table, r = TABLES[kind], schema.runs
    columns = [table.c.name, table.c.split] if kind == "metric" else [table.c.name]
    query = (
        select(*columns, func.count().label("runs"))
        .join(r, r.c.id == table.c.run_id)
        .where(table.c.name.in_(sorted({one.name for one in meant})), *scope)
        .group_by(*columns)
    )
    if kind != "tag":
        query = query.where(table.c.leaf.in_(sorted({leaf(one.name) for one in meant})))
    return {(row.name, row.split if kind == "metric" else None): row.runs for row in conn.execute(query)}
