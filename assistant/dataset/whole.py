"""Measures of a whole frame, and those of one column that give a list or a count for each value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset.fences import fences
from assistant.dataset.scope import Scope, as_numbers, column
from assistant.dataset.steps import Col, Measure
from assistant.dataset.values import MOST_VALUES, Found, counted, tidy
from kb.errors import BadInput

Options = Mapping[str, Any]


def shape(measure: Measure, scope: Scope) -> Found:
    """Return rows and columns."""
    rows, columns = scope.frame.shape
    return Found(value=[rows, columns], rows=rows, parts={"rows": rows, "columns": columns})


def by_column(work: Callable[[pd.DataFrame, Options], pd.Series]) -> Callable[[Measure, Scope], Found]:
    """Return a measure of a frame that gives one value for each column."""

    def run(measure: Measure, scope: Scope) -> Found:
        return Found(value=tidy(work(scope.frame, measure.options).to_dict()), rows=len(scope.frame))

    return run


def of_frame(work: Callable[[pd.DataFrame], Any]) -> Callable[[Measure, Scope], Found]:
    """Return a measure of a frame that gives one value."""

    def run(measure: Measure, scope: Scope) -> Found:
        return Found(value=tidy(work(scope.frame)), rows=len(scope.frame))

    return run


def duplicates(measure: Measure, scope: Scope) -> Found:
    """Return how many rows repeat an earlier one, in the named columns or in all."""
    names = [expr.name for expr in measure.columns if isinstance(expr, Col)]
    for name in names:
        column(scope.frame, name)
    found = int(scope.frame.duplicated(subset=names or None).sum())
    return Found(value=found, rows=len(scope.frame))


WHOLE: Mapping[str, Callable[[Measure, Scope], Found]] = {
    "rows": of_frame(len),
    "columns": of_frame(lambda f: f.shape[1]),
    "shape": shape,
    "names": of_frame(lambda f: list(f.columns)),
    "types": by_column(lambda f, o: f.dtypes.astype(str)),
    "missing": by_column(lambda f, o: f.isna().sum()),
    "missing_share": by_column(lambda f, o: f.isna().mean() * (100 if o.get("percent") else 1)),
    "count": by_column(lambda f, o: f.count()),
    "unique": by_column(lambda f, o: f.nunique()),
    "missing_rows": of_frame(lambda f: int(f.isna().any(axis=1).sum())),
    "duplicates": duplicates,
}


def different(values: pd.Series, name: str, options: Options) -> Found:
    """Return the different values in order of appearance, or all of them."""
    found = values.to_numpy(dtype=object) if options.get("all") else values.dropna().unique()
    if len(found) > MOST_VALUES:
        raise BadInput(f"{name!r} has {len(found):,} values here", hint="take the first ones, or count them")
    return Found(value=tidy(list(found)), rows=len(values), parts={"count": len(found)})


def counts(values: pd.Series, name: str, options: Options) -> Found:
    """Return rows by value, most frequent first."""
    found = values.value_counts()
    if isinstance(values.dtype, pd.CategoricalDtype):
        found = found[found > 0]
    return listed(found, values, name, options)


def shares(values: pd.Series, name: str, options: Options) -> Found:
    """Return the share of rows by value, of the rows that have one."""
    found = values.value_counts(normalize=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        found = found[found > 0]
    return listed(found * 100 if options.get("percent") else found, values, name, options)


def listed(found: pd.Series, values: pd.Series, name: str, options: Options) -> Found:
    """Return the first counts, with a check for what is missing and what is tied."""
    n, gone = options.get("n"), int(values.isna().sum())
    checks = [f"{counted(gone, 'row')} without a value in {name!r} left out"] if gone else []
    if n is not None and 0 < n < len(found) and found.iloc[n - 1] == found.iloc[n]:
        checks.append(f"other values of {name!r} are as frequent as the last one shown")
    found = found if n is None else found.head(n)
    if len(found) > MOST_VALUES:
        raise BadInput(f"{name!r} has {len(found):,} different values", hint="ask for the most frequent ones")
    return Found(value=tidy(found.to_dict()), rows=len(values) - gone, checks=tuple(checks))


def histogram(values: pd.Series, name: str, options: Options) -> Found:
    """Return counts in bins of equal width."""
    held = as_numbers(values, name, "a histogram").dropna().astype("float64")
    held = held[np.isfinite(held)]
    if not len(held):
        return Found(value=[], rows=0, checks=(f"{name!r} has no values here",))
    if not np.isfinite(held.max() - held.min()):
        return Found(value=[], rows=len(held), checks=(f"{name!r} spans too wide a range for bins",))
    found, edges = np.histogram(held, bins=int(options.get("bins", 10)))
    return Found(value=found.tolist(), rows=len(held), parts={"edges": tidy(edges)})


def extreme(*, top: bool) -> Callable[[pd.Series, str, Options], Found]:
    """Return the measure that lists the n greatest or least values."""

    def run(values: pd.Series, name: str, options: Options) -> Found:
        held = as_numbers(values, name, "a top list").dropna().sort_values(ascending=not top, kind="stable")
        return Found(value=tidy(held.head(int(options.get("n", 5))).tolist()), rows=len(held))

    return run


def bounds(values: pd.Series, name: str, options: Options) -> Found:
    """Return the two fences outside which values are outliers."""
    held = as_numbers(values, name, "finding outliers")
    low, high = (tidy(fence) for fence in fences(held, **options))
    return Found(value=[low, high], rows=int(held.count()), parts={"low": low, "high": high})


LISTS: Mapping[str, Callable[[pd.Series, str, Options], Found]] = {
    "values": different,
    "counts": counts,
    "shares": shares,
    "histogram": histogram,
    "top": extreme(top=True),
    "bottom": extreme(top=False),
    "outlier_bounds": bounds,
}
