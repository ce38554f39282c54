"""Meta-features of a dataset, and how alike two datasets are by them.

Simple, statistical and information-theoretic ones follow Michie, Spiegelhalter and Taylor (1994, Machine Learning,
Neural and Statistical Classification, ch. 7); similarity compares what both have, as Feurer, Springenberg and Hutter
(2015, AAAI) do for warm starts, here over features that are scaled to differ by about 1 between unlike datasets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import exp, log, log10

import numpy as np

from assistant.dataset.associate import number_array, pearsons
from assistant.dataset.basis import Basis
from assistant.dataset.facts_target import Guess
from assistant.dataset.landmarks import landmarks

COMPARED = 20
"""At most so many numeric columns are compared in pairs for the mean correlation."""
SCALES: Mapping[str, float] = {
    "log_rows": 2, "log_columns": 1, "log_rows_per_column": 2, "log_classes": 1, "skewness": 1.5, "kurtosis": 2,
    "log_categories": 1, "numeric": 0.5, "categorical": 0.5, "text": 0.5, "dates": 0.5, "missing": 0.3,
}  # fmt: skip
"""By how much a feature differs between datasets that are unlike; 0.5 where it is not named."""


def meta_of(basis: Basis, found: Guess | None) -> dict[str, float]:
    """Return the meta-features by name, plain floats; those that do not apply are absent."""
    pairs = [*_simple(basis), *_spread(basis), *(_of_target(basis, found) if found else ())]
    return {name: round(float(value), 6) for name, value in pairs}


def _simple(basis: Basis) -> Iterator[tuple[str, float]]:
    """Yield sizes as decimal logarithms and shares of kinds and of missing values."""
    columns = len(basis.seen)
    yield "log_rows", log10(basis.rows + 1)
    yield "log_columns", log10(columns + 1)
    if not columns or not basis.rows:
        return
    yield "log_rows_per_column", log10(basis.rows / columns)
    yield "numeric", len(basis.of_kind("number")) / columns
    yield "categorical", len(basis.of_kind("category", "ordinal", "boolean")) / columns
    yield "text", len(basis.of_kind("text")) / columns
    yield "dates", len(basis.of_kind("date")) / columns
    yield "missing", sum(basis.missing.values()) / (basis.rows * columns)
    yield "columns_with_missing", sum(n > 0 for n in basis.missing.values()) / columns
    if grouped := [basis.seen[name].unique for name in basis.of_kind("category")]:
        yield "log_categories", float(np.mean(np.log10(grouped)))


def _spread(basis: Basis) -> Iterator[tuple[str, float]]:
    """Yield means over the numeric columns: log(1 + |skewness|), log(1 + |kurtosis|), outliers and |r|."""
    names = [name for name in basis.of_kind("number") if basis.computable(name)][:COMPARED]
    arrays = {name: number_array(basis, name) for name in names}
    shapes = [shape for array in arrays.values() if (shape := _moments(array[~np.isnan(array)]))]
    if shapes:
        yield "skewness", float(np.mean([log(1 + abs(skew)) for skew, _ in shapes]))
        yield "kurtosis", float(np.mean([log(1 + abs(kurtosis)) for _, kurtosis in shapes]))
        yield "outliers", float(np.mean([basis.seen[name].outside / basis.seen[name].present for name in names]))
    if len(names) > 1:
        yield "correlation", float(np.mean([abs(r) for r, _ in pearsons(arrays).values()]))


def _moments(values: np.ndarray) -> tuple[float, float] | None:
    """Return skewness and excess kurtosis as standardised moments, None where the values do not vary."""
    if values.size < 3:
        return None
    centred = values - values.mean()
    size = float(np.abs(centred).max())
    if size <= 0:
        return None
    scaled = centred / size
    variance = float((scaled**2).mean())
    return float((scaled**3).mean()) / variance**1.5, float((scaled**4).mean()) / variance**2 - 3


def _of_target(basis: Basis, found: Guess) -> Iterator[tuple[str, float]]:
    """Yield the task, the entropy of the classes as a share of the highest, the rarest class, and the landmarks."""
    yield from ((task, float(found.task == task)) for task in ("binary", "multiclass", "regression"))
    if found.task != "regression":
        counts = basis.part.frame[found.name].value_counts().to_numpy()
        shares = counts[counts > 0] / counts.sum()
        if len(shares) > 1:
            yield "class_entropy", float(-(shares * np.log(shares)).sum() / log(len(shares)))
            yield "log_classes", log10(len(shares))
            yield "rarest_class", float(shares.min() * len(shares))
    yield from landmarks(basis, found).items()


def similarity(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Return how alike two datasets are by their meta-features, 0 to 1: symmetric, 1 for equal ones.

    It is exp(-d), d the mean over all features of |a - b| by scale, 1 for a feature that only one of them has.
    """
    names = sorted(a.keys() | b.keys())
    if not names:
        return 1.0
    apart = [abs(a[n] - b[n]) / SCALES.get(n, 0.5) if n in a and n in b else 1.0 for n in names]
    return exp(-sum(apart) / len(apart))
