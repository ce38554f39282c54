"""The columns of a table as the reading sees them: kind, distinct values with counts, which value says yes.

At most `MOST_VALUES` distinct values of a column are kept, so a text with millions of them costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from assistant.dataset.tokens import identifier_words

if TYPE_CHECKING:
    from assistant.dataset.steps import Scalar

MOST_VALUES = 1000
MANY_COLUMNS = 1000
"""In a wider table the values of number columns are not counted."""


class Rows(Protocol):
    """What of a table the reading needs."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> int: ...
    @property
    def large(self) -> bool: ...
    @property
    def frame(self) -> pd.DataFrame: ...
    def sample(self, n: int = 50_000) -> pd.DataFrame: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as the reading sees it: `kind` number, text, date or boolean; `values` with counts, most frequent first.

    `values` is empty where there are more than `MOST_VALUES`; `yes` is the value that says so in a two-valued column.
    """

    name: str
    kind: str
    parts: tuple[str, ...]
    values: tuple[tuple[Any, int], ...] = ()
    distinct: int = 0
    present: int = 0
    whole: bool = False
    low: float | None = None
    high: float | None = None
    yes: Any = None
    no: Any = None

    @property
    def categorical(self) -> bool:
        """Tell whether grouping by it makes sense at a glance."""
        return self.kind in ("text", "boolean") or (self.whole and self.distinct <= 20)


@lru_cache(maxsize=32)
def columns_of(fingerprint: str, names: tuple[str, ...], table: Held) -> tuple[tuple[Column, ...], dict[str, Any]]:
    frame = table.rows.sample() if table.rows.large else table.rows.frame
    return tuple(_describe(name, frame[name], brief=len(names) > MANY_COLUMNS) for name in names), {}


@dataclass(frozen=True)
class Held:
    """A table as a cache's argument: two of the same fingerprint are one."""

    fingerprint: str
    rows: Rows = field(compare=False)


def _describe(name: str, values: pd.Series, *, brief: bool) -> Column:
    kind = _kind(values)
    present = int(values.notna().sum())
    whole = kind == "number" and _whole(values)
    distinct = present if brief and kind == "number" and not whole else _distinct(values, kind, present)
    counts = values.value_counts() if 0 < distinct <= MOST_VALUES and not (brief and kind == "number") else None
    pairs = tuple((_plain(key), int(n)) for key, n in counts.items()) if counts is not None else ()
    yes, no = _yes_no([value for value, _ in pairs]) if distinct == 2 else (None, None)
    low = high = None
    if kind == "number" and present:
        low, high = float(values.min()), float(values.max())
    return Column(
        name=name, kind=kind, parts=identifier_words(name), values=pairs, distinct=distinct, present=present,
        whole=whole, low=low, high=high, yes=yes, no=no,
    )  # fmt: skip


def _distinct(values: pd.Series, kind: str, present: int) -> int:
    """How many values differ; of fractions that differ in most of the first rows, as many as there are."""
    if kind == "number" and pd.api.types.is_float_dtype(values) and values.head(5000).nunique() > MOST_VALUES:
        return present
    return int(values.nunique())


def _kind(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "date"
    return "number" if pd.api.types.is_numeric_dtype(values) else "text"


def _whole(values: pd.Series) -> bool:
    finite = values.dropna()
    return bool(len(finite)) and bool(np.all(np.mod(finite.to_numpy(dtype=float)[:10_000], 1) == 0))


def _plain(value: Any) -> Scalar:
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return str(pd.Timestamp(value).isoformat())
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _yes_no(values: list[Any]) -> tuple[Any, Any]:
    for yes, no in (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("1", "0")):
        found = {str(value).lower(): value for value in values}
        if set(found) == {yes, no}:
            return found[yes], found[no]
    return None, None
