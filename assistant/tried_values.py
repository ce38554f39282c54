"""Values near a number that nobody tried: between it and its tried neighbours, and beyond where it is at an end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_WIDE_GAP = 1.5
_SHARE = 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class NearValues:
    """A parameter of a configuration: whether its own value was tried, and near values that were not."""

    param: str
    value: float
    tried: bool
    values: tuple[float, ...]


def near_values(param: str, value: float, tried: Sequence[float]) -> NearValues:
    """Return near values of a parameter that are not in `tried` (sorted)."""
    whole = all(float(one).is_integer() for one in (value, *tried))
    positive = min(value, *tried) > 0
    found = dict.fromkeys(_candidates(value, tried, whole=whole, positive=positive))
    return NearValues(
        param=param,
        value=value,
        tried=_in(value, tried),
        values=tuple(sorted(one for one in found if not _in(one, tried) and not math.isclose(one, value))),
    )


def _candidates(value: float, tried: Sequence[float], *, whole: bool, positive: bool) -> Iterator[float]:
    below = max((one for one in tried if one < value and not math.isclose(one, value)), default=None)
    above = min((one for one in tried if one > value and not math.isclose(one, value)), default=None)
    span = max(*tried, value) - min(*tried, value)
    if whole and span <= 64:
        yield from (float(n) for n in (value - 1, value + 1) if not (positive and n <= 0))
        return
    for low, high in ((below, value), (value, above)):
        if low is None or high is None:
            yield from _beyond(value, below, above, up=high is None, whole=whole, positive=positive)
        elif _is_gap(low, high, span, positive):
            middle = math.sqrt(low * high) if positive and high / low > _WIDE_GAP else (low + high) / 2
            yield _tidy(middle, whole)


def _beyond(
    value: float, below: float | None, above: float | None, *, up: bool, whole: bool, positive: bool
) -> Iterator[float]:
    """Yield one value past the end of what was tried, as far from it as its neighbour on the other side."""
    neighbour = below if up else above
    if neighbour is None:
        if positive:
            yield _tidy(value * 2 if up else value / 2, whole)
        return
    if positive and (factor := max(value, neighbour) / min(value, neighbour)) > _WIDE_GAP:
        beyond = value * factor if up else value / factor
    else:
        beyond = value + (value - neighbour)
    # A share stays a share.
    if not (positive and beyond <= 0) and not (value <= 1 and beyond > 1):
        yield _tidy(beyond, whole)


def _is_gap(low: float, high: float, span: float, positive: bool) -> bool:
    return (positive and high / low > _WIDE_GAP) or (span > 0 and (high - low) / span > _SHARE)


def _tidy(value: float, whole: bool) -> float:
    return float(round(value)) if whole else float(f"{value:.2g}")


def _in(value: float, tried: Sequence[float]) -> bool:
    return any(math.isclose(value, one, rel_tol=1e-9, abs_tol=1e-300) for one in tried)
