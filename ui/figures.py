"""Numbers as a person reads them: few digits on the page, the exact value in the label; and counts with their noun."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ui.nodes import Node, el

_DIGITS = 4
_WIDEST = 1e15
_MOST = 12


def figure(value: Any) -> str:
    """Return a value for a table or a tag: numbers in about four digits, other values as they are."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < _WIDEST else _short(float(value) if abs(value) < 1e300 else math.inf)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return _listed([f"{name}: {figure(inner)}" for name, inner in value.items()])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _listed([figure(inner) for inner in value])
    return str(value)


def _number(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value.is_integer() and abs(value) < _WIDEST:
        return f"{int(value):,}"
    size = abs(value)
    if size >= _WIDEST or size < 1e-4:
        return _short(value)
    if size >= 1000:
        return f"{value:,.1f}"
    return f"{value:.{max(0, _DIGITS - 1 - math.floor(math.log10(size)))}f}"


def _short(value: float) -> str:
    return f"{value:.{_DIGITS - 1}e}" if math.isfinite(value) else "∞"


def _listed(parts: Sequence[str]) -> str:
    more = len(parts) - _MOST
    return ", ".join(parts[:_MOST]) + (f" and {more:,} more" if more > 0 else "")


def exact(value: Any) -> str:
    """Return a value in full, for a label."""
    return "" if value is None else str(value)


def number(value: Any, css: str = "") -> Node:
    """Return a value with its exact form as the label where that says more."""
    shown, whole = figure(value), exact(value)
    plain = shown.replace(",", "")
    return el("span", css, shown, label=whole if whole not in (shown, plain, f"{plain}.0") else "")


def share(part: float, whole: float) -> str:
    """Return a part of a whole as a percentage that is 0 or 100 only where that is exact."""
    if not whole or not part:
        return "0 %"
    ratio = 100 * part / whole
    if part == whole:
        return "100 %"
    return (
        "under 0.1 %" if ratio < 0.1 else f"{min(ratio, 99.9):.1f} %" if ratio < 10 or ratio > 99 else f"{ratio:.0f} %"
    )
