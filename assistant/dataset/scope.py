"""What expressions are computed over: the rows with the kinds of their columns, numbers out of columns, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype

from assistant.dataset.conditions import plural
from assistant.dataset.types import Outcome
from kb.errors import BadInput

NUMBER = r"([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)"


class Kinds(Mapping[str, str]):
    """The kind of each column of a frame, found when it is first asked for."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.known: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self.known:
            self.known[name] = series_kind(column(self.frame, name))
        return self.known[name]

    def __iter__(self) -> Any:
        return iter(self.frame.columns)

    def __len__(self) -> int:
        return len(self.frame.columns)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may read: the rows as they are now, and the values found before."""

    frame: pd.DataFrame
    values: Mapping[str, Outcome] = field(default_factory=dict)
    kinds: Kinds = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", Kinds(self.frame))


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column by its exact name."""
    if name not in frame.columns:
        shown = ", ".join(map(str, list(frame.columns)[:12]))
        raise BadInput(f"there is no column {name!r} at this step", hint=f"columns: {shown}")
    return frame[name]


def series_kind(series: pd.Series) -> str:
    """Return the kind of values that a column holds: number, boolean, date, text or mixed."""
    dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    if pd.api.types.is_object_dtype(dtype):
        return object_kind(series)
    return "text" if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype) else "mixed"


def object_kind(series: pd.Series) -> str:
    """Return the kind of values that a column of Python objects holds."""
    found = pd.api.types.infer_dtype(series, skipna=True)
    return {"string": "text", "empty": "text", "boolean": "boolean"}.get(found, "mixed")


def as_numbers(found: pd.Series, name: str, what: str) -> pd.Series:
    """Return numbers and truths as numbers; BadInput says what another column holds."""
    kind = series_kind(found)
    if kind == "number":
        return found.astype("float64") if isinstance(found.dtype, ExtensionDtype) else found
    if kind == "boolean":
        return found.astype("float64" if found.isna().any() else "int64")
    if found.notna().any():
        raise no_numbers(name, kind, list(found.dropna().unique()[:3]), what)
    return pd.Series(np.nan, index=found.index)


def no_numbers(name: str, kind: str, examples: list[Any], what: str) -> BadInput:
    """Return the error that says what a column holds where numbers are needed."""
    shown = ", ".join(repr(str(value)) for value in examples)
    hint = "name a numeric column, or make numbers of it first"
    return BadInput(f"the column {name!r} holds {plural(kind)} ({shown}); {what} needs numbers", hint=hint)


def finite(values: Any) -> Any:
    """Return values with the infinite ones missing."""
    if isinstance(values, pd.Series):
        return values.where(np.isfinite(values)) if values.dtype.kind == "f" else values
    return values if values is not None and np.isfinite(values) else None


def compare(op: str, left: Any, right: Any) -> Any:
    """Return where `left op right` holds."""
    if op in ("in", "not_in"):
        inside = left.isin(list(right))
        return inside if op == "in" else ~inside
    if op in ("between", "not_between"):
        inside = (left >= right[0]) & (left <= right[1])
        return inside if op == "between" else ~inside
    return ORDER[op](left, right)


ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def text_holds(op: str, text: str, right: Any) -> bool:
    """Tell whether one comparison of folded texts holds."""
    if op.startswith("not_"):
        return not text_holds(op.removeprefix("not_"), text, right)
    match op:
        case "in":
            return text in right
        case "between":
            return bool(right[0] <= text <= right[1])
        case "contains":
            return right in text
        case "starts":
            return text.startswith(right)
        case "ends":
            return text.endswith(right)
    return bool(ORDER[op](text, right))
