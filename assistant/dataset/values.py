"""Values as they are stored and shown: plain numbers, texts, ISO dates, and None for what is missing or not finite."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

MOST_VALUES = 10_000
"""More groups or values than this are no answer that a person can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a measure, a test or a fit gave, before it is labelled."""

    value: Any
    rows: int
    parts: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[str, ...] = ()


def tidy(value: Any) -> Any:
    """Return a value of numpy or pandas as plain Python; missing and infinite ones are None, dates ISO texts."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_ | np.integer):
        return value.item()
    if isinstance(value, Mapping):
        return {tidy(key): tidy(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(tidy(item) for item in value)
    if isinstance(value, list | np.ndarray | pd.Series | pd.Index):
        return [tidy(item) for item in value]
    return tidy_time(value)


def tidy_time(value: Any) -> Any:
    """Return a date as ISO text, a span of time in days, and anything else as text."""
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, datetime.timedelta | np.timedelta64):
        return pd.Timedelta(value) / pd.Timedelta(days=1)
    if isinstance(value, datetime.datetime | np.datetime64):
        stamp = pd.Timestamp(value)
        if stamp is pd.NaT:
            return None
        return stamp.date().isoformat() if stamp == stamp.normalize() and stamp.tzinfo is None else stamp.isoformat()
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def rounded(value: Any, digits: int | None) -> Any:
    """Return a value with its floats rounded half-even to `digits`, as Python and pandas do."""
    if digits is None or isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Mapping):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(rounded(item, digits) for item in value)
    return round(value, digits)


def counted(n: int, word: str) -> str:
    """Return a number with its noun."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
