"""How confident an answer is, and when to say that the evidence is missing.

A small logistic model over a few features of the search; its coefficients are fitted by `tests/bench/fit_confidence.py`
and lie in `confidence.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceModel:
    """A logistic regression: features are brought to mean 0 and variance 1, weighed, and mapped to 0…1."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    threshold: float

    def confidence(self, features: Mapping[str, float]) -> float:
        """Return the probability that the passages answer the question."""
        terms = zip(self.names, self.means, self.scales, self.weights, strict=True)
        total = self.bias + math.fsum(weight * (features[name] - mean) / scale for name, mean, scale, weight in terms)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


@cache
def shipped() -> ConfidenceModel:
    """Return the model that ships with the package."""
    values = json.loads(files("assistant").joinpath("confidence.json").read_text("utf-8"))
    return ConfidenceModel(
        names=tuple(values["names"]),
        means=tuple(values["means"]),
        scales=tuple(values["scales"]),
        weights=tuple(values["weights"]),
        bias=values["bias"],
        threshold=values["threshold"],
    )
