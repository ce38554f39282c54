"""Fusing rankings: each ranking's scores are normalised over its best, then weighed and summed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def min_max(scores: Mapping[int, float]) -> dict[int, float]:
    """Map scores linearly to 0…1: the lowest present becomes 0, the highest 1 (Bruch et al. 2023, eq. 5)."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    width = high - low
    return {key: (score - low) / width if width > 0 else 1.0 for key, score in scores.items()}


def convex(rankings: Sequence[tuple[float, Mapping[int, float]]]) -> dict[int, float]:
    """Return the weighed sum of normalised scores by key; a key that a ranking lacks counts 0 there.

    The order of the rankings makes no difference, to the last bit.
    """
    keys = {key for _, scores in rankings for key in scores}
    return {key: math.fsum(weight * scores.get(key, 0.0) for weight, scores in rankings) for key in keys}


def best_first(scores: Mapping[int, float]) -> list[int]:
    """Return the keys by falling score, ties by key."""
    return sorted(scores, key=lambda key: (-scores[key], key))
