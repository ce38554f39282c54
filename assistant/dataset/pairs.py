"""Measures of how columns go together: correlation, covariance, cross tables, trends, and values at an extreme."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from assistant.dataset.expr import evaluate, numbers, series
from assistant.dataset.scope import Scope, as_numbers, series_kind
from assistant.dataset.steps import Col, Expr, Measure
from assistant.dataset.values import MOST_VALUES, Found, counted, tidy
from assistant.dataset.walk import said
from kb.errors import BadInput

STRENGTHS = ((0.1, "negligible"), (0.3, "weak"), (0.5, "moderate"), (0.9, "strong"), (np.inf, "very strong"))
"""Cohen (1988), Statistical Power Analysis: .1 small, .3 medium, .5 large; above .9 we say very strong."""
CORRELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "pearson": stats.pearsonr,
    "spearman": stats.spearmanr,
    "kendall": stats.kendalltau,
}
FLAT = 0.05


def strength(r: float) -> str:
    """Return how strong a correlation is, in words."""
    return next(word for bound, word in STRENGTHS if abs(r) < bound)


def two(measure: Measure, scope: Scope, what: str) -> tuple[pd.Series, pd.Series, tuple[str, ...]]:
    """Return two numeric columns over the rows that have both, and the check that says what was left out."""
    if len(measure.columns) != 2:
        raise BadInput(f"{what} needs two columns, got {len(measure.columns)}", hint="name two columns")
    a, b = (numbers(expr, scope, what).astype("float64") for expr in measure.columns)
    both = (np.isfinite(a) & np.isfinite(b)).to_numpy()
    gone = int((~both).sum())
    names = " or ".join(repr(said(expr)) for expr in measure.columns)
    return a[both], b[both], (f"{counted(gone, 'row')} without {names} left out",) if gone else ()


def correlation(measure: Measure, scope: Scope) -> Found:
    """Return r with p (two-sided), n and its strength."""
    method = measure.options.get("method", "pearson")
    if method not in CORRELATIONS:
        raise BadInput(f"there is no correlation {method!r}", hint="pearson, spearman or kendall")
    a, b, checks = two(measure, scope, "a correlation")
    why = unfit(a, b, measure)
    if why:
        return Found(value=None, rows=len(a), parts={"r": None, "p": None, "n": len(a)}, checks=(*checks, why))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = CORRELATIONS[method](a.to_numpy(), b.to_numpy())
    r, p = tidy(found.statistic), tidy(found.pvalue)
    if r is None:
        return Found(value=None, rows=len(a), parts={"n": len(a)}, checks=(*checks, "the correlation is not defined"))
    parts = {"r": r, "p": p, "n": len(a), "strength": strength(r), "direction": "positive" if r > 0 else "negative"}
    return Found(value=r, rows=len(a), parts=parts, checks=checks)


def unfit(a: pd.Series, b: pd.Series, measure: Measure) -> str | None:
    """Return why two columns have no correlation."""
    if len(a) < 2:
        return f"a correlation needs two rows with both values; there is {len(a)}"
    for values, expr in zip((a, b), measure.columns, strict=True):
        if values.min() == values.max():
            return f"{said(expr)!r} is constant, so nothing can be said about how it goes with another column"
    return None


def covariance(measure: Measure, scope: Scope) -> Found:
    """Return the sample covariance."""
    a, b, checks = two(measure, scope, "a covariance")
    value = tidy(a.cov(b)) if len(a) > 1 else None
    return Found(value=value, rows=len(a), checks=checks if value is not None else (*checks, "too few rows"))


def crosstab(measure: Measure, scope: Scope) -> Found:
    """Return rows by the values of two columns, pairs that do not occur included."""
    if len(measure.columns) != 2:
        raise BadInput("a cross table needs two columns", hint="name two columns")
    first, second = (series(expr, scope) for expr in measure.columns)
    if first.nunique() * second.nunique() > MOST_VALUES:
        raise BadInput("the cross table would have too many cells", hint="bin the columns first")
    table = cells(first, second)
    value = {(a, b): int(n) for a, row in zip(table.index, table.to_numpy(), strict=True)
             for b, n in zip(table.columns, row, strict=True)}  # fmt: skip
    return Found(value=tidy(value), rows=int(table.to_numpy().sum()))


def cells(first: pd.Series, second: pd.Series) -> pd.DataFrame:
    """Return the number of rows by the values of two columns, in their order, as `pd.crosstab` does."""
    (a, rows), (b, columns) = (pd.factorize(values, sort=True) for values in (first, second))
    both = (a >= 0) & (b >= 0)
    counts = np.bincount(a[both] * len(columns) + b[both], minlength=len(rows) * len(columns))
    table = pd.DataFrame(counts.reshape(len(rows), len(columns)), index=rows, columns=columns)
    return table.loc[table.any(axis=1), table.any(axis=0)]


def correlations(measure: Measure, scope: Scope) -> Found:
    """Return the correlation of the first column with the others, or of all pairs, strongest first."""
    method, n = measure.options.get("method", "pearson"), measure.options.get("n")
    names = others(measure, scope)
    wanted = combinations(names, 2) if measure.options.get("pairs") else ((names[0], name) for name in names[1:])
    found: dict[Any, float] = {}
    for first, second in wanted:
        r = scope.frame[first].astype("float64").corr(scope.frame[second].astype("float64"), method=method)
        if np.isfinite(r):
            found[(first, second) if measure.options.get("pairs") else second] = float(r)
    ranked = sorted(found.items(), key=lambda item: -abs(item[1]))
    return Found(value=dict(ranked[:n]), rows=len(scope.frame))


def others(measure: Measure, scope: Scope) -> list[str]:
    """Return the columns to correlate: those named, or all numeric ones after the first."""
    named = [expr.name for expr in measure.columns if isinstance(expr, Col)]
    for name in named:
        numbers(Col(name), scope, "a correlation")
    if len(named) > 1:
        return named
    frame = scope.frame
    return named + [name for name in frame.columns if name not in named and series_kind(frame[name]) == "number"]


def extreme(*, greatest: bool) -> Callable[[Measure, Scope], Found]:
    """Return the measure of a column's value in the row where another is greatest or least."""

    def run(measure: Measure, scope: Scope) -> Found:
        at = measure.options.get("at")
        if at is None or len(measure.columns) != 1:
            raise BadInput("this needs a column and the column that it is looked up by", hint="give options['at']")
        expr = Col(at) if isinstance(at, str) else at
        keys = series(expr, scope)
        if series_kind(keys) != "date":
            keys = as_numbers(keys, said(expr), "finding the greatest")
        if not keys.notna().any():
            return Found(value=None, rows=0, checks=(f"{said(expr)!r} has no values here",))
        place = keys.argmax() if greatest else keys.argmin()
        ties = int((keys == keys.iloc[place]).sum())
        checks = (f"{ties} rows tie; this is the first",) if ties > 1 else ()
        value = tidy(series(measure.columns[0], scope).iloc[place])
        if value is None:
            checks = (*checks, f"that row has no value in {said(measure.columns[0])!r}")
        return Found(value=value, rows=int(keys.count()), parts={"at": tidy(keys.iloc[place])}, checks=checks)

    return run


def trend(measure: Measure, scope: Scope) -> Found:
    """Return the slope of the least-squares line, for a day of time or a row."""
    time = measure.columns[1] if len(measure.columns) > 1 else measure.options.get("time")
    expr = Col(time) if isinstance(time, str) else time
    y = numbers(measure.columns[0], scope, "a trend").astype("float64")
    x = moments(expr, scope)
    both = (np.isfinite(x) & np.isfinite(y)).to_numpy()
    x, y = x[both], y[both]
    if len(x) < 2 or x.min() == x.max():
        return Found(value=None, rows=len(x), checks=("a trend needs two different points in time",))
    order = np.argsort(x.to_numpy(), kind="stable")
    fit = stats.linregress(x.to_numpy(), y.to_numpy())
    sure = fit.pvalue < FLAT
    first, last = y.iloc[order[0]], y.iloc[order[-1]]
    direction = ("up" if fit.slope > 0 else "down") if sure else "flat"
    parts = {"slope": fit.slope, "p": fit.pvalue, "r": fit.rvalue, "first": first, "last": last, "direction": direction}
    value = tidy(fit.slope)
    checks = () if value is not None else ("the slope is too large for a number",)
    return Found(value=value, rows=len(x), parts={name: tidy(part) for name, part in parts.items()}, checks=checks)


def moments(expr: Expr | None, scope: Scope) -> pd.Series:
    """Return the x of a trend: days since 1970, numbers, or the row number."""
    if expr is None:
        return pd.Series(np.arange(len(scope.frame), dtype="float64"), index=scope.frame.index)
    values = evaluate(expr, scope)
    if series_kind(values) == "date":
        return (values - pd.Timestamp("1970-01-01")).dt.total_seconds() / 86400
    return as_numbers(values, said(expr), "a trend").astype("float64")


PAIRS: Mapping[str, Callable[[Measure, Scope], Found]] = {
    "correlation": correlation,
    "covariance": covariance,
    "crosstab": crosstab,
    "correlations": correlations,
    "at_max": extreme(greatest=True),
    "at_min": extreme(greatest=False),
    "trend": trend,
}
