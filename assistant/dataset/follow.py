"""Questions that lead on from a computed answer; the caller tries each before it offers it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pandas as pd

from assistant.dataset.steps import Col, Filter, Measure, Query
from kb.tables import Table

_FEW = 12


def questions(query: Query, table: Table) -> tuple[str, ...]:
    """Return questions about the columns that `query` used: other groups, the distribution, what else goes along."""
    used = [name for name in dict.fromkeys(_columns(query.steps)) if name in table.columns]
    if not used:
        return ()
    return tuple(dict.fromkeys(_about(used[0], used, query, table)))


def _about(name: str, used: list[str], query: Query, table: Table) -> Iterator[str]:
    grouped = any(isinstance(step, Measure) and step.by for step in query.steps)
    if _is_number(table, name):
        group = None if grouped else next((c for c in table.columns if c not in used and _is_category(table, c)), None)
        if group is not None:
            yield f"mean of {name} by {group}"
        other = next((c for c in table.columns if c not in used and _is_number(table, c)), None)
        if not any(isinstance(step, Filter) for step in query.steps):
            yield f"distribution of {name}"
        if other is not None:
            yield f"correlation between {name} and {other}"
    else:
        yield f"counts of {name}"
        number = next((c for c in table.columns if c not in used and _is_number(table, c)), None)
        if number is not None and _is_category(table, name):
            yield f"mean of {number} by {name}"
    yield f"how many missing values in {name}?"


def _columns(value: Any) -> Iterator[str]:
    """Yield the names of columns anywhere in steps."""
    if isinstance(value, Col):
        yield value.name
    elif isinstance(value, tuple):
        for part in value:
            yield from _columns(part)
    elif is_dataclass(value):
        for field in fields(value):
            held = getattr(value, field.name)
            if field.name in ("by", "columns", "features") and isinstance(held, tuple):
                yield from (part for part in held if isinstance(part, str))
            yield from _columns(held)


def _is_number(table: Table, name: str) -> bool:
    dtype = table.dtypes[name]
    return dtype.lower().startswith(("int", "uint", "float")) and not name.lower().endswith("id")


def _is_category(table: Table, name: str) -> bool:
    if table.large or _is_number(table, name) or table.dtypes[name].startswith("datetime"):
        return False
    seen: pd.Series = table.frame[name].head(1000)
    return 2 <= int(seen.nunique()) <= _FEW
