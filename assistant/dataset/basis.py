"""What all facts are computed from: the frames, the columns as seen, their kinds, and the code that names a column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from assistant.dataset.columns import Seen
from assistant.dataset.findings import Express, Source

SLOW = 50_000
"""Rows of the sample that slow figures are taken from."""
PAIRED = 40
"""At most so many columns of each sort are compared in pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """`whole` holds all rows (of a large table: the sample), `part` at most `SLOW` of them.

    `rows` and `missing` are exact, also where `whole` is a sample.
    """

    whole: Source
    part: Source
    rows: int
    missing: Mapping[str, int]
    seen: Mapping[str, Seen]
    kinds: Mapping[str, str]
    today: date

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Return the names of the columns of these kinds, in the order of the table."""
        return tuple(name for name, kind in self.kinds.items() if kind in kinds)

    def numbers(self) -> tuple[str, ...]:
        """Return the columns that can be computed with: numbers, ordinals and booleans that hold numbers."""
        return tuple(name for name in self.of_kind("number", "ordinal", "boolean") if self.computable(name))

    def computable(self, name: str) -> bool:
        """Return whether a column holds finite numbers whose squares do not overflow."""
        seen = self.seen[name]
        return seen.holds == "number" and bool(seen.stats) and not seen.huge and seen.unique > 1

    def groups(self, most: int = 50) -> tuple[str, ...]:
        """Return the columns whose few values make groups."""
        return tuple(name for name in self.of_kind("category", "ordinal", "boolean") if self.grouping(name, most))

    def grouping(self, name: str, most: int = 50) -> bool:
        """Return whether the values of a column make groups."""
        seen, kind = self.seen[name], self.kinds[name]
        named = kind in ("category", "ordinal", "boolean")
        return named and 2 <= seen.unique <= most and seen.holds not in ("mixed", "nested")

    def share(self, count: float) -> float:
        """Return a count as a share of all rows."""
        return count / self.rows if self.rows else 0.0


def col(d: str, name: str) -> str:
    """Return the code of a column."""
    return f"{d}[{name!r}]"


def num(d: str, seen: Seen) -> str:
    """Return the code of a column as numbers, with infinite values taken as missing."""
    code = col(d, seen.name)
    if seen.dtype == "object":
        code = f"pd.to_numeric({code}, errors='coerce')"
    elif seen.dtype[0] in "IUFB":
        code = f"{code}.astype('float64')"
    return f"{code}.replace([np.inf, -np.inf], np.nan)" if seen.infinite else code


def after(name: str, code: str) -> Express:
    """Return the expression of what follows a column."""
    return lambda d: f"{col(d, name)}{code}"


def after_num(seen: Seen, code: str) -> Express:
    """Return the expression of what follows a column as numbers."""
    return lambda d: f"{num(d, seen)}{code}"


def listed(names: Iterable[str]) -> str:
    """Return the code of a list of columns."""
    return f"[{', '.join(repr(name) for name in names)}]"


def literal(value: Any) -> str:
    """Return the code of a value; whole floats are written as integers where they are exact."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return repr(int(value))
    return repr(value)
