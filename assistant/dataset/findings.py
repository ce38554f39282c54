"""How a fact is made: its value comes from running its own expression, its sentence from value and parts.

So `expression` gives `value` by construction, and a number can only reach the text through value or parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset.types import NOTHING, Fact

Express = Callable[[str], str]
"""From the code of a frame (`df`, or a sample of it) to an expression over it."""

TINY = 0.0001
"""A p-value below this is said to be below it."""
LISTED = 40
"""At most so many facts of one kind: more would be computed for nobody to read."""

BANDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        # What makes every later score wrong: mend it before anything is fitted.
        "leak": (0.88, 1.0),
        "order_leak": (0.82, 0.94),
        "target": (0.72, 0.86),
        "imbalance": (0.55, 0.84),
        "missing_target": (0.74, 0.9),
        "known_after": (0.6, 0.72),
        # What decides how rows may be split.
        "groups": (0.66, 0.8),
        "panel": (0.66, 0.78),
        "time_order": (0.6, 0.7),
        "duplicate_rows": (0.5, 0.8),
        "few_rows": (0.6, 0.8),
        # What hides or distorts values.
        "numbers_as_text": (0.5, 0.72),
        "missing_token": (0.5, 0.72),
        "sentinel": (0.5, 0.72),
        "impossible": (0.48, 0.74),
        "infinite": (0.55, 0.7),
        "mixed_types": (0.48, 0.68),
        "missing": (0.4, 0.7),
        "missing_depends": (0.45, 0.68),
        "missing_together": (0.36, 0.55),
        "spelling": (0.42, 0.6),
        "dates_as_text": (0.42, 0.5),
        "future_dates": (0.4, 0.56),
        "duplicate_columns": (0.4, 0.55),
        "constant": (0.4, 0.5),
        "whitespace": (0.32, 0.48),
        "huge_values": (0.4, 0.5),
        "near_constant": (0.3, 0.4),
        "high_cardinality": (0.34, 0.5),
        "nested": (0.34, 0.46),
        "identifier": (0.34, 0.44),
        "index_column": (0.36, 0.44),
        # What changes a model a little.
        "outliers": (0.24, 0.42),
        "skew": (0.2, 0.36),
        "rare_categories": (0.22, 0.34),
        "correlation": (0.24, 0.46),
        "association": (0.22, 0.44),
        "target_relation": (0.36, 0.54),
        # What one would like to know.
        "zeros": (0.12, 0.26),
        "booleans_as_text": (0.12, 0.16),
        "units": (0.06, 0.1),
        "kinds": (0.08, 0.1),
        "shape": (0.1, 0.12),
        "whole": (0.05, 0.06),
        "note": (0.02, 0.04),
    }
)
"""Lowest and highest weight by kind. Within its band a fact rises with its strength, most often the share of rows it
touches: leaks and problems of the target stand above how to split, that above hidden and missing values, these above
outliers and shapes, and those above curiosities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The frame that expressions run on, the code that makes it from `df`, and its size where it is a sample."""

    frame: pd.DataFrame
    code: str = "df"
    sampled: int | None = None
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Values by expression: what was asked for to choose a fact is not computed again to make it."""

    def run(self, express: Express) -> Any:
        """Return the plain value of an expression over this frame."""
        code = express("df")
        if code not in self.known:
            with np.errstate(all="ignore"):
                self.known[code] = plain(eval(code, {"pd": pd, "np": np, "df": self.frame}))
        return self.known[code]


def plain(value: Any) -> Any:
    """Return numpy and pandas values as Python's own."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, pd.Series):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | pd.Index):
        return [plain(v) for v in value.tolist()]
    return value


def weight(kind: str, strength: float) -> float:
    """Return the weight of a fact of `kind`, by its strength from 0 to 1."""
    low, high = BANDS[kind]
    return round(low + (high - low) * min(max(strength, 0.0), 1.0), 4)


# -- text -------------------------------------------------------------------------------------------------------------


def shown_name(name: str) -> str:
    """Return a column's name as it stands in a sentence: in quotes unless it is one plain word."""
    flat = " ".join(name.split())
    flat = flat if len(flat) <= 80 else flat[:79] + "…"
    return flat if re.fullmatch(r"[^\W\d][\w.]*", flat) else f"“{flat}”"


def shown_percent(share: float) -> str:
    """Return a share as a percentage of one decimal, of more where that would read as none or all."""
    said = f"{100 * share:.1f}"
    if 0 < share < 1 and said in ("0.0", "100.0"):
        said = f"{100 * share:.3g}" if share < 0.5 else f"{100 * share:.6g}"
    return f"{said.removesuffix('.0')}%"


def shown_number(value: float) -> str:
    """Return a number with thousands separated, floats to four digits."""
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0 or 1e-4 <= abs(value) < 1e15:
        digits = f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
        if abs(value) < 1000 and not value.is_integer() and float(digits).is_integer():
            digits = f"{value:.7g}"
        return f"{value:,.2f}".rstrip("0").rstrip(".") if "e" in digits else digits
    return f"{value:.3g}"


def shown_text(value: str) -> str:
    """Return a text value in quotes, cut where it is long."""
    flat = " ".join(value.split()) if value.strip() else value
    return f"'{flat if len(flat) <= 40 else flat[:39] + '…'}'"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that renders itself: `%` as a percentage, `p` as a p-value, `raw` as it is."""

    value: Any

    def __format__(self, spec: str) -> str:
        if spec == "%":
            return shown_percent(self.value)
        if spec == "p":
            return f"p < {TINY}" if self.value < TINY else f"p = {self.value:.2g}"
        if spec == "raw":
            return str(self.value)
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            return shown_number(self.value)
        return shown_text(str(self.value))


def make(
    kind: str, template: str, express: Express, source: Source, *, columns: tuple[str, ...] = (), strength: float = 0.0,
    known: Any = None, ask: str = "", trust: float = 1.0,
    more: Mapping[str, Any] = NOTHING, **parts: Any,
) -> Fact:  # fmt: skip
    """Return a fact: its value by running `express` on `source` (or `known`, counted elsewhere).

    `{0}`, `{1}` in the template are the columns, `{value}` and `{NAME}` the value and parts (`more` are parts too).
    """
    sampled, parts = source.sampled if known is None else None, {**parts, **more}
    value = source.run(express) if known is None else known
    if sampled is not None:
        template, parts = "In a sample of {sample} rows, " + template, {**parts, "sample": sampled}
    fields = {name: Shown(part) for name, part in parts.items()}
    text = template.format(*(shown_name(c) for c in columns), value=Shown(value), **fields)
    return Fact(
        kind=kind, value=value, text=text if template.startswith("{") else text[:1].upper() + text[1:],
        expression=express("df" if known is not None else source.code), columns=columns,
        weight=round(weight(kind, strength) * trust, 4), parts=MappingProxyType(parts), ask=ask,
    )  # fmt: skip
