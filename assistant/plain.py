"""Computed values as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from assistant.dataset.say import show_key


def plain(value: Any) -> Any:
    """Return `value` as JSON: what is not a finite number becomes null, a date ISO 8601, a group's key its text."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {show_key(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    return plain(value.item()) if hasattr(value, "item") else str(value)
