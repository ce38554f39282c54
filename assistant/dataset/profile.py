"""What is known of a table before anyone asks: kinds, spreads, and ranked facts that each carry their computation.

Text and value of a fact come from its expression (`findings`); what is looked for stands in `facts_*`, what a dataset
is compared with others by in `meta`, and which facts to show first in `looks`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from assistant.dataset import (
    facts_leaks,
    facts_missing,
    facts_pairs,
    facts_rows,
    facts_target,
    facts_text,
    facts_values,
)
from assistant.dataset.basis import SLOW, Basis
from assistant.dataset.columns import Seen, look, short
from assistant.dataset.facts_target import Guess
from assistant.dataset.findings import Source
from assistant.dataset.kinds import kind_of
from assistant.dataset.looks import about_column, first_looks, problems, questions
from assistant.dataset.meta import meta_of, similarity
from assistant.dataset.names import unit_of
from assistant.dataset.types import ColumnProfile, Fact, Profile

if TYPE_CHECKING:
    from kb.tables import Table

__all__ = ["about_column", "first_looks", "problems", "profile", "profile_frame", "questions", "similarity"]


def profile(table: Table, *, target: str | None = None, today: date | None = None) -> Profile:
    """Return the profile of a table; of a large one all but its rows and missing values is that of a sample."""
    began = time.perf_counter()
    basis = _of_large(table, today) if table.large else _of_frame(table.frame, today)
    return _profile(basis, table.name, table.fingerprint, target, began)


def profile_frame(
    frame: pd.DataFrame, *, name: str = "table", target: str | None = None, today: date | None = None
) -> Profile:
    """Return the profile of a frame in memory."""
    return _profile(_of_frame(frame, today), name, "", target, time.perf_counter())


def _profile(basis: Basis, name: str, fingerprint: str, target: str | None, began: float) -> Profile:
    found = facts_target.guess(basis, target) if basis.rows else None
    facts = sorted(_facts(basis, found), key=lambda fact: (-fact.weight, fact.kind, fact.columns))
    return Profile(
        name=name, fingerprint=fingerprint, rows=basis.rows,
        columns=tuple(_column(basis, seen) for seen in basis.seen.values()), facts=tuple(facts),
        target=found.name if found else None, task=found.task if found else None,
        meta=MappingProxyType(meta_of(basis, found)), sampled=basis.part.sampled, seconds=time.perf_counter() - began,
    )  # fmt: skip


def _facts(basis: Basis, found: Guess | None) -> Iterator[Fact]:
    yield from facts_rows.shape(basis)
    if not basis.rows:
        return
    target = found.name if found else None
    yield from facts_rows.kinds(basis)
    yield from facts_rows.duplicates(basis)
    yield from facts_rows.groups(basis)
    yield from facts_rows.time_order(basis)
    yield from facts_missing.missing(basis)
    yield from facts_missing.disguised(basis)
    yield from facts_missing.together(basis)
    yield from facts_missing.depends(basis, found)
    yield from facts_values.constants(basis)
    yield from facts_values.outliers(basis)
    yield from facts_values.shapes(basis)
    yield from facts_values.strange(basis)
    yield from facts_values.units(basis)
    yield from facts_text.texts(basis)
    yield from facts_pairs.correlations(basis, target)
    yield from facts_pairs.associations(basis, target)
    if found:
        yield from facts_target.target(basis, found)
        yield from facts_leaks.leaks(basis, found)
        yield from facts_pairs.with_target(basis, found)


# -- basis ------------------------------------------------------------------------------------------------------------


def _of_frame(frame: pd.DataFrame, today: date | None) -> Basis:
    whole = Source(frame=frame)
    part = whole
    if len(frame) > SLOW:
        drawn = frame.sample(n=SLOW, random_state=0)
        part = Source(frame=drawn, code=f"df.sample(n={SLOW}, random_state=0)", sampled=SLOW)
    seen = _look(frame)
    missing = {name: column.missing for name, column in seen.items()}
    return _basis(whole, part, len(frame), missing, seen, today)


def _of_large(table: Table, today: date | None) -> Basis:
    frame = table.sample()
    source = Source(frame=frame, sampled=len(frame))
    rows, missing = _counted(table)
    return _basis(source, source, rows, missing, _look(frame), today)


def _basis(
    whole: Source, part: Source, rows: int, missing: dict[str, int], seen: dict[str, Seen], today: date | None
) -> Basis:
    kinds = {name: kind_of(column) for name, column in seen.items()}
    return Basis(
        whole=whole, part=part, rows=rows, missing=missing, seen=seen, kinds=kinds, today=today or date.today()
    )  # fmt: skip


def _look(frame: pd.DataFrame) -> dict[str, Seen]:
    return {name: look(frame[name], name) for name in frame.columns}


def _counted(table: Table) -> tuple[int, dict[str, int]]:
    """Count rows and missing values of all of a large table where it lies; not-a-number counts as missing."""
    connection = table.duck()
    try:
        described = connection.execute("DESCRIBE data").fetchall()
        counts = ", ".join(_present(str(name), str(kind)) for name, kind, *_ in described)
        found = connection.execute(f"SELECT count(*), {counts} FROM data").fetchone() or ()
    finally:
        connection.close()
    rows = int(found[0])
    return rows, {str(one[0]): rows - int(n) for one, n in zip(described, found[1:], strict=True)}


def _present(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return (
        f"count_if({quoted} IS NOT NULL AND NOT isnan({quoted}))" if kind in ("DOUBLE", "FLOAT") else f"count({quoted})"
    )


# -- columns ----------------------------------------------------------------------------------------------------------


def _column(basis: Basis, seen: Seen) -> ColumnProfile:
    kind = basis.kinds[seen.name]
    return ColumnProfile(
        name=seen.name, kind=kind, dtype=seen.dtype, missing=basis.missing[seen.name], unique=seen.unique,
        bars=seen.bars, stats=seen.stats, examples=tuple(_example(value) for value in seen.first),
        unit=unit_of(seen.name) if kind in ("number", "ordinal") else "",
    )  # fmt: skip


def _example(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else short(value)
