"""One pass over each column: what it holds, how often, and how it is spread; kinds and facts are read off this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assistant.dataset.types import NOTHING

Floats = NDArray[np.float64]

BARS = 12
HUGE = 1e70
"""Beyond this the fourth power of a double overflows, so moments and products are not computed."""
DISTINCT = 5000
"""Texts with more different values are looked at through the most frequent of them."""
SAID = 24
"""Longest label of a bar and longest example, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one pass found in a column.

    `holds` is number, boolean, date, text, labels (categories that are no texts), nested, mixed or nothing. `values`
    and `counts` are the different values and their rows, most frequent first, where they are not numbers or dates.
    """

    name: str
    dtype: str
    holds: str
    rows: int
    missing: int
    unique: int
    stats: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    bars: tuple[tuple[str, int], ...] = ()
    values: tuple[Any, ...] = ()
    counts: tuple[int, ...] = ()
    infinite: int = 0
    zeros: int = 0
    outside: int = 0
    """Values beyond 1.5 interquartile ranges from the quartiles."""
    most: int = 0
    """Rows of the most frequent value, where it was counted."""
    whole: bool = False
    """All values are whole numbers."""
    first: tuple[Any, ...] = ()
    """The first few values that are there."""
    rising: bool = False
    """Each value is above the one before."""

    @property
    def present(self) -> int:
        """Return how many rows are not missing."""
        return self.rows - self.missing

    @property
    def huge(self) -> bool:
        """Return whether values are too large for squares and products."""
        return (
            self.holds == "number" and bool(self.stats) and max(abs(self.stats["min"]), abs(self.stats["max"])) > HUGE
        )


def look(series: pd.Series[Any], name: str) -> Seen:
    """Return what a column holds."""
    rows, kind = len(series), series.dtype.kind
    missing = int(series.isna().sum())
    base: dict[str, Any] = {"name": name, "dtype": str(series.dtype), "rows": rows, "missing": missing}
    if missing == rows:
        return Seen(**base, holds="nothing", unique=0)
    if isinstance(series.dtype, pd.CategoricalDtype):
        texts = all(isinstance(value, str) for value in series.cat.categories)
        return _text(series.astype(object), base, "text" if texts else "labels")
    if kind == "M":
        return _dates(series, base)
    if kind in "iuf":
        return _numbers(series.to_numpy(dtype=np.float64, na_value=np.nan), base)
    if kind == "b":
        return _text(series.astype(object), base, "boolean")
    return _objects(series, base)


def _objects(series: pd.Series[Any], base: dict[str, Any]) -> Seen:
    inferred = "string" if isinstance(series.dtype, pd.StringDtype) else pd.api.types.infer_dtype(series, skipna=True)
    if inferred in ("string", "boolean"):
        return _text(series, base, "text" if inferred == "string" else "boolean")
    if inferred in ("integer", "floating", "mixed-integer-float"):
        numbers = pd.to_numeric(series, errors="coerce")
        if numbers.dtype.kind in "iuf" and int(numbers.isna().sum()) == base["missing"]:
            return _numbers(numbers.to_numpy(dtype=np.float64, na_value=np.nan), base)
    nested = series.map(lambda value: isinstance(value, list | dict | set | tuple | np.ndarray)).any()
    return _text(series.dropna().map(repr), base, "nested" if nested else "mixed")


# -- numbers ----------------------------------------------------------------------------------------------------------


def _numbers(array: Floats, base: dict[str, Any]) -> Seen:
    present = array[~np.isnan(array)]
    finite = present[np.isfinite(present)]
    infinite = int(present.size - finite.size)
    if not finite.size:
        return Seen(
            **base,
            holds="number",
            unique=len(set(present.tolist())),
            infinite=infinite,
            first=tuple(present[:3].tolist()),
        )
    stats = figures_of(finite)
    values, counts = _few(finite)
    unique = len(values) if values.size else int(pd.Series(finite).nunique())
    return Seen(
        **base, holds="number", unique=unique + len(set(present[np.isinf(present)].tolist())), stats=stats,
        bars=tuple((f"{v:.12g}", int(c)) for v, c in zip(values, counts, strict=True)) or histogram(finite, stats),
        infinite=infinite, zeros=int(np.count_nonzero(finite == 0)), outside=_outside(finite, stats),
        first=tuple(present[:3].tolist()), most=int(counts.max()) if counts.size else 0,
        whole=bool((np.mod(finite, 1) == 0).all()),
        rising=present.size > 1 and not infinite and bool((finite[1:] > finite[:-1]).all()),
    )  # fmt: skip


def _few(finite: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the values and counts where there are no more than fit into bars, else nothing."""
    none = np.empty(0), np.empty(0, dtype=np.int64)
    if np.unique(finite[:1000]).size > BARS:
        return none
    if finite.size > 1000 and pd.Series(finite).nunique() > BARS:
        return none
    values, counts = np.unique(finite, return_counts=True)
    return (values, counts) if values.size <= BARS else none


def figures_of(finite: Floats) -> Mapping[str, float]:
    """Return min, q1, median, q3, max, and mean and std where these do not overflow."""
    low, high = float(finite.min()), float(finite.max())
    q1, median, q3 = _quartiles(finite)
    found = {"min": low, "q1": q1, "median": median, "q3": q3, "max": high}
    if max(abs(low), abs(high)) <= HUGE:
        found["mean"] = float(finite.mean())
        if finite.size > 1:
            found["std"] = float(finite.std(ddof=1))
    return MappingProxyType(found)


def _quartiles(finite: Floats) -> tuple[float, float, float]:
    """Return the quartiles by linear interpolation, as pandas; huge values are halved first so that they fit."""
    places = [q * (finite.size - 1) for q in (0.25, 0.5, 0.75)]
    picks = sorted({p for place in places for p in (int(place), min(int(place) + 1, finite.size - 1))})
    parted = np.partition(finite, picks)
    found = []
    for place in places:
        low, high = float(parted[int(place)]), float(parted[min(int(place) + 1, finite.size - 1)])
        share = place - int(place)
        found.append(low if share == 0 or low == high else low * (1 - share) + high * share)
    return found[0], found[1], found[2]


def _outside(finite: Floats, stats: Mapping[str, float]) -> int:
    spread = stats["q3"] - stats["q1"]
    if not 0 < spread < HUGE:
        return 0
    low, high = stats["q1"] - 1.5 * spread, stats["q3"] + 1.5 * spread
    if stats["min"] >= low and stats["max"] <= high:
        return 0
    return int(np.count_nonzero((finite < low) | (finite > high)))


def histogram(finite: Floats, stats: Mapping[str, float]) -> tuple[tuple[str, int], ...]:
    """Return the counts in bins of equal width, labelled by their edges."""
    low, high = stats["min"], stats["max"]
    width = high / BARS - low / BARS
    if not 0 < width < np.inf:
        return ((f"{low:.4g}", int(finite.size)),)
    places = np.minimum((finite / width - low / width).astype(np.int64), BARS - 1).clip(0)
    counts = np.bincount(places, minlength=BARS)
    edges = [low + width * n for n in range(BARS)] + [high]
    return tuple((f"{edges[n]:.4g} – {edges[n + 1]:.4g}", int(counts[n])) for n in range(BARS))


# -- dates and texts --------------------------------------------------------------------------------------------------


def _dates(series: pd.Series[Any], base: dict[str, Any]) -> Seen:
    present = series.dropna()
    if isinstance(present.dtype, pd.DatetimeTZDtype):
        present = present.dt.tz_convert("UTC").dt.tz_localize(None)
    array = present.to_numpy()
    ticks = array.view(np.int64)
    low, high = int(ticks.min()), int(ticks.max())
    edges = np.array([low + (high - low) * n // BARS for n in range(BARS)]).astype(array.dtype)
    bars = histogram(ticks.astype(np.float64), {"min": float(low), "max": float(high)})
    days = np.datetime_as_string(edges, unit="D")
    stats = {"min": _iso(array.min()), "median": _iso(np.sort(array)[array.size // 2]), "max": _iso(array.max())}
    return Seen(
        **base, holds="date", unique=int(present.nunique()), stats=MappingProxyType(stats),
        bars=tuple((str(day), count) for day, (_, count) in zip(days, bars, strict=False)),
        first=tuple(_iso(moment) for moment in array[:3]),
        rising=ticks.size > 1 and bool((ticks[1:] >= ticks[:-1]).all()),
    )  # fmt: skip


def _iso(moment: np.datetime64) -> str:
    text = str(np.datetime_as_string(moment, unit="s"))
    return text.removesuffix("T00:00:00")


def _text(series: pd.Series[Any], base: dict[str, Any], holds: str) -> Seen:
    codes, found = pd.factorize(series, use_na_sentinel=True)
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    order = np.argsort(-counts, kind="stable")[:DISTINCT]
    values = tuple(found[int(n)] for n in order) if len(found) <= 1000 else tuple(np.asarray(found)[order].tolist())
    ranked = tuple(counts[order].tolist())
    return Seen(
        **base, holds=holds, unique=len(found), values=values, counts=ranked, bars=tops(values, ranked, base),
        first=values[:3], most=int(ranked[0]) if ranked else 0,
    )  # fmt: skip


def tops(values: tuple[Any, ...], counts: tuple[int, ...], base: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Return the most frequent values with their counts, and what is left as one bar."""
    shown = BARS if len(values) <= BARS else BARS - 1
    bars = [(short(value), int(count)) for value, count in zip(values[:shown], counts[:shown], strict=True)]
    rest = int(base["rows"] - base["missing"] - sum(counts[:shown]))
    return (*bars, ("other values", rest)) if rest > 0 else tuple(bars)


def short(value: Any) -> str:
    """Return a value as a short label."""
    text = " ".join(str(value).split())
    return text if len(text) <= SAID else text[: SAID - 1] + "…"
