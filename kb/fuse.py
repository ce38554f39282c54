"""Fusing rankings: their scores, each on a scale of its own, weighed and summed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def convex(rankings: Sequence[tuple[float, Mapping[int, float]]]) -> dict[int, float]:
    """Return the weighed sum of scores by key (Bruch et al. 2023, eq. 3); a key that a ranking lacks counts 0 there.

    The order of the rankings makes no difference, to the last bit.
    """
    keys = {key for _, scores in rankings for key in scores}
    return {key: math.fsum(weight * scores.get(key, 0.0) for weight, scores in rankings) for key in keys}
