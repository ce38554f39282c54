"""Strength of a relation between two columns, fast for screening and as pandas code for the facts that are shown.

Pearson's r; Spearman's rank correlation; Cramér's V corrected for bias (Bergsma 2013, J. Korean Stat. Soc. 42);
the correlation ratio η (Fisher 1925); p by the t distribution, chi-square and F.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from assistant.dataset.basis import Basis, col, num
from assistant.dataset.findings import Express

Floats = NDArray[np.float64]


def number_array(basis: Basis, name: str) -> Floats:
    """Return a column of the part as floats, NaN where missing or infinite."""
    seen = basis.seen[name]
    series = basis.part.frame[name]
    series = pd.to_numeric(series, errors="coerce") if seen.dtype == "object" else series
    array = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isinf(array), np.nan, array) if seen.infinite else array


def codes_of(series: pd.Series[Any]) -> NDArray[np.intp]:
    """Return the values as codes from 0, -1 where missing."""
    codes: NDArray[np.intp] = pd.factorize(series, use_na_sentinel=True)[0]
    return codes


def dot(a: Floats, b: Floats) -> float:
    """Return the sum of products on one thread: BLAS would start several, and wait for them on a busy machine."""
    return float((a * b).sum())


def pearson(a: Floats, b: Floats) -> tuple[float, int]:
    """Return r over the rows that have both, and their number; 0 where one of them does not vary."""
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    if a.size < 3:
        return 0.0, int(a.size)
    a, b = a - a.mean(), b - b.mean()
    down = (dot(a, a) * dot(b, b)) ** 0.5
    return (dot(a, b) / down if down > 1e-300 else 0.0), int(a.size)


def pearsons(arrays: Mapping[str, Floats]) -> dict[tuple[str, str], tuple[float, int]]:
    """Return `pearson` of each pair, with the arrays that miss nothing brought to length 1 only once."""
    units = {name: _unit(array) for name, array in arrays.items()}
    found = {}
    for a, b in combinations(arrays, 2):
        left, right = units[a], units[b]
        if left is None or right is None:
            found[a, b] = pearson(arrays[a], arrays[b])
        else:
            found[a, b] = dot(left, right), int(left.size)
    return found


def _unit(array: Floats) -> Floats | None:
    if array.size < 3 or np.isnan(array).any():
        return None
    centred = array - array.mean()
    length = dot(centred, centred) ** 0.5
    return centred / length if length > 1e-150 else None


def table_of(a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the rows by two columns of codes, leaving out what is missing and what is empty."""
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    if not a.size:
        return np.zeros((0, 0), dtype=np.int64)
    width = int(b.max()) + 1
    counts = np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).reshape(-1, width)
    used: NDArray[np.int64] = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    return used


def cramers_v(t: NDArray[np.int64]) -> tuple[float, float, int]:
    """Return the bias-corrected V, p of chi-square and n of a table of counts."""
    n = int(t.sum())
    if n < 3 or min(t.shape) < 2:
        return 0.0, 1.0, n
    r, c = t.sum(axis=1, keepdims=True), t.sum(axis=0, keepdims=True)
    phi = float((t / r * (t / c)).sum()) - 1
    k, m = t.shape
    p = float(stats.chi2.sf(n * phi, (k - 1) * (m - 1)))
    down = min(k - (k - 1) ** 2 / (n - 1), m - (m - 1) ** 2 / (n - 1)) - 1
    return (max(0.0, phi - (k - 1) * (m - 1) / (n - 1)) / down) ** 0.5 if down > 0 else 0.0, p, n


def eta(codes: NDArray[np.intp], values: Floats) -> tuple[float, float, int]:
    """Return the correlation ratio, p of the F test and n."""
    both = (codes >= 0) & ~np.isnan(values)
    codes, values = codes[both], values[both]
    if values.size < 3:
        return 0.0, 1.0, int(values.size)
    values = values - values.mean()
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=values)
    groups = int((counts > 0).sum())
    total = dot(values, values)
    between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())
    if total <= 1e-300 or groups < 2 or values.size <= groups:
        return 0.0, 1.0, int(values.size)
    share = min(1.0, between / total)
    f = share / (groups - 1) / max((1 - share) / (values.size - groups), 1e-300)
    return share**0.5, float(stats.f.sf(f, groups - 1, values.size - groups)), int(values.size)


def p_of_r(r: float, n: int) -> float:
    """Return the two-sided p of a correlation by the t distribution with n - 2 degrees of freedom."""
    if n < 3:
        return 1.0
    t = abs(r) * ((n - 2) / max(1 - r * r, 1e-300)) ** 0.5
    return float(2 * stats.t.sf(t, n - 2))


# -- as code ----------------------------------------------------------------------------------------------------------


def pearson_code(d: str, basis: Basis, a: str, b: str) -> str:
    """Return the code of Pearson's r of two columns."""
    return f"{num(d, basis.seen[a])}.corr({num(d, basis.seen[b])})"


def spearman_code(d: str, basis: Basis, a: str, b: str) -> str:
    """Return the code of Spearman's correlation of two columns."""
    return f"{num(d, basis.seen[a])}.corr({num(d, basis.seen[b])}, method='spearman')"


def v_code(a: str, b: str) -> str:
    """Return the code of the corrected V of two series, given by their code."""
    return (
        f"(lambda t: (lambda n, k, m, phi: (max(0.0, phi - (k - 1) * (m - 1) / (n - 1))"
        f" / (min(k - (k - 1) ** 2 / (n - 1), m - (m - 1) ** 2 / (n - 1)) - 1)) ** 0.5)"
        f"(t.sum(), t.shape[0], t.shape[1],"
        f" (t / t.sum(axis=1, keepdims=True) * (t / t.sum(axis=0, keepdims=True))).sum() - 1))"
        f"(pd.crosstab({a}, {b}).to_numpy())"
    )


def eta_code(group: str, value: str) -> str:
    """Return the code of the correlation ratio of a numeric series by groups, both given by their code."""
    return (
        f"(lambda v: (v.groupby({group}, observed=True).transform('mean').sub(v.mean()).pow(2).sum()"
        f" / v.sub(v.mean()).pow(2).sum()) ** 0.5)({value}.where({group}.notna()))"
    )


# -- of a mask --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """How strongly being missing goes with another column; `said` names the measure."""

    effect: float
    p: float
    n: int
    said: str
    code: Callable[[str, Basis, str, str], str]

    def express(self, basis: Basis, name: str, other: str) -> Express:
        """Return the expression of the effect."""
        return lambda d: self.code(d, basis, name, other)


def related(basis: Basis, mask: pd.Series[bool], other: str) -> Relation | None:
    """Return how a mask goes with a column: r with a number, V with groups, None with anything else."""
    if basis.computable(other):
        r, n = pearson(mask.to_numpy(dtype=np.float64), number_array(basis, other))
        return Relation(effect=abs(r), p=p_of_r(r, n), n=n, said="r =", code=_mask_r)
    if basis.seen[other].holds in ("nested", "mixed") or not 2 <= basis.seen[other].unique <= 50:
        return None
    v, p, n = cramers_v(table_of(mask.to_numpy().astype(np.intp), codes_of(basis.part.frame[other])))
    return Relation(effect=v, p=p, n=n, said="Cramér's V =", code=_mask_v)


def _mask_r(d: str, basis: Basis, name: str, other: str) -> str:
    return f"{col(d, name)}.isna().astype('float64').corr({num(d, basis.seen[other])})"


def _mask_v(d: str, basis: Basis, name: str, other: str) -> str:
    return v_code(f"{col(d, name)}.isna()", col(d, other))
