"""Measures of a pandas frame: a measure and the rows in, its value with parts and checks out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset import pairs, whole
from assistant.dataset.expr import evaluate, mask, series
from assistant.dataset.fences import fences
from assistant.dataset.scope import Scope, as_numbers, column, series_kind
from assistant.dataset.steps import Measure
from assistant.dataset.values import MOST_VALUES, Found, counted, tidy
from assistant.dataset.walk import said
from kb.errors import BadInput

Scalars = Mapping[str, Callable[[pd.Series, Mapping[str, Any]], Any]]

NUMERIC: Scalars = {
    "sum": lambda s, o: total(s),
    "mean": lambda s, o: s.mean(),
    "median": lambda s, o: s.median(),
    "std": lambda s, o: s.std(ddof=o.get("ddof", 1)),
    "var": lambda s, o: s.var(ddof=o.get("ddof", 1)),
    "sem": lambda s, o: s.sem(ddof=o.get("ddof", 1)),
    "skew": lambda s, o: biased_skew(s) if o.get("biased") else s.skew(),
    "kurtosis": lambda s, o: biased_kurtosis(s) if o.get("biased") else s.kurt(),
    "quantile": lambda s, o: s.quantile(o.get("q", 0.5)),
    "iqr": lambda s, o: s.quantile(0.75) - s.quantile(0.25),
    "mad": lambda s, o: (s - s.mean()).abs().mean(),
    "cv": lambda s, o: ratio(s.std(ddof=o.get("ddof", 1)), s.mean()),
    "range": lambda s, o: s.max() - s.min(),
    "outliers": lambda s, o: outside(s, o),
}
ANY: Scalars = {
    "count": lambda s, o: int(s.count()),
    "missing": lambda s, o: int(s.isna().sum()),
    "missing_share": lambda s, o: s.isna().mean() * (100 if o.get("percent") else 1),
    "unique": lambda s, o: int(s.nunique()),
    "min": lambda s, o: least(s),
    "max": lambda s, o: greatest(s),
    "mode": lambda s, o: first_of(s.mode()),
    "first": lambda s, o: first_of(s),
    "last": lambda s, o: first_of(s.iloc[::-1]),
}
LISTS = ("values", "counts", "shares", "histogram", "top", "bottom", "outlier_bounds")
PAIRS = ("correlation", "covariance", "crosstab", "correlations", "trend", "at_max", "at_min")
NEED_NO_VALUE = frozenset({"missing", "missing_share", "count", "first", "last"})
QUICK = frozenset({"mean", "median", "sum", "min", "max", "count", "std", "var", "sem", "quantile", "unique"})


def measured(measure: Measure, scope: Scope) -> Found:
    """Return what a measure gives over the rows as they are."""
    inner = restricted(measure, scope)
    if measure.function == "value":
        return Found(value=tidy(evaluate(measure.columns[0], inner)), rows=len(inner.frame))
    if measure.by:
        can_group(measure)
        return grouped(measure, inner)
    if measure.function == "share":
        return share(measure, inner)
    if measure.function in whole.WHOLE and (not measure.columns or measure.function == "duplicates"):
        return whole.WHOLE[measure.function](measure, inner)
    if measure.function in PAIRS:
        return pairs.PAIRS[measure.function](measure, inner)
    if not measure.columns:
        raise BadInput(f"{measure.function} needs a column", hint="name one")
    if len(measure.columns) > 1:
        return several(measure, inner)
    return single(measure.function, series(measure.columns[0], inner), said(measure.columns[0]), measure.options)


def can_group(measure: Measure) -> None:
    """Raise BadInput for a measure that has no single value by group."""
    alone = measure.function in ("rows", "share", "missing_rows", "duplicates")
    listing = {"crosstab", "correlations", "values", "histogram", "top", "bottom", "outlier_bounds"}
    if measure.function in listing or not (measure.columns or alone):
        hint = "leave the groups out, or filter to one of them"
        raise BadInput(f"{measure.function} has no single value by group", hint=hint)


def restricted(measure: Measure, scope: Scope) -> Scope:
    """Return the rows that a measure is of."""
    if measure.where is None:
        return scope
    return Scope(scope.frame[mask(measure.where, scope)], scope.values)


def several(measure: Measure, scope: Scope) -> Found:
    """Return a measure of several columns, by column."""
    found = {said(c): single(measure.function, series(c, scope), said(c), measure.options) for c in measure.columns}
    checks = tuple(check for result in found.values() for check in result.checks)
    return Found(value={name: result.value for name, result in found.items()}, rows=len(scope.frame), checks=checks)


def single(function: str, values: pd.Series, name: str, options: Mapping[str, Any]) -> Found:
    """Return a measure of one column."""
    if function in LISTS:
        return whole.LISTS[function](values, name, options)
    raw = scalar(function, values, name, options)
    value, present = tidy(raw), int(values.count())
    checks = [] if function in NEED_NO_VALUE or present == len(values) else [left_out(len(values) - present, name)]
    if value is None:
        checks.append(no_value(function, name, present))
    rows = len(values) if function in NEED_NO_VALUE else present
    return Found(value=value, rows=rows, parts=extra(function, values, value), checks=tuple(checks))


def scalar(function: str, values: pd.Series, name: str, options: Mapping[str, Any]) -> Any:
    """Return one value of one column, as pandas gives it."""
    with np.errstate(all="ignore"):
        if function in ANY:
            return ANY[function](values, options)
        if function in NUMERIC:
            if function == "range" and series_kind(values) == "date":
                return values.max() - values.min()
            return NUMERIC[function](as_numbers(values, name, function), options)
    raise BadInput(f"there is no measure {function!r} of a column", hint="see MEASURES")


def extra(function: str, values: pd.Series, value: Any) -> Mapping[str, Any]:
    """Return the other results that come with a measure."""
    if function == "mode" and value is not None:
        return {"count": int((values == values.mode().iloc[0]).sum()), "ties": len(values.mode())}
    if function == "range" and value is not None:
        return {"min": tidy(values.min()), "max": tidy(values.max())}
    return {}


def left_out(n: int, name: str) -> str:
    """Return the check that says which rows a measure leaves out."""
    return f"{counted(n, 'row')} without a value in {name!r} left out"


def no_value(function: str, name: str, present: int) -> str:
    """Return why a measure has no value."""
    if function in ("first", "last"):
        return f"the {function} row has no value in {name!r}, or there are no rows"
    if present == 0:
        return f"{name!r} has no values here, so it has no {function}"
    return f"the {function} of {name!r} is not defined over {counted(present, 'value')}, or is too large for a number"


# -- scalars ----------------------------------------------------------------------------------------------------------


def total(values: pd.Series) -> Any:
    """Return the sum, in floating point where integers would overflow."""
    if values.dtype.kind not in "iu":
        return values.sum()
    rough = float(np.abs(values.to_numpy().astype("float64")).sum())
    return int(values.sum()) if rough < 2.0**62 else float(values.astype("float64").sum())


def ratio(a: float, b: float) -> float:
    """Return a / b, missing where b is zero."""
    return a / b if b else float("nan")


def biased_skew(values: pd.Series) -> float:
    """Return the Fisher-Pearson skewness without adjustment: m3 / m2^1.5."""
    shifted = values - values.mean()
    return ratio(float((shifted**3).mean()), float((shifted**2).mean()) ** 1.5)


def biased_kurtosis(values: pd.Series) -> float:
    """Return the excess kurtosis without adjustment: m4 / m2^2 - 3."""
    shifted = values - values.mean()
    return ratio(float((shifted**4).mean()), float((shifted**2).mean()) ** 2) - 3


def least(values: pd.Series) -> Any:
    """Return the least value, of texts the first in their order."""
    values = comparable(values)
    return values.min() if values.notna().any() else None


def greatest(values: pd.Series) -> Any:
    """Return the greatest value, of texts the last in their order."""
    values = comparable(values)
    return values.max() if values.notna().any() else None


def comparable(values: pd.Series) -> pd.Series:
    """Return values that can be put in order: mixed ones and categories as texts."""
    if isinstance(values.dtype, pd.CategoricalDtype) or series_kind(values) == "mixed":
        return values.dropna().astype(str)
    return values.dropna() if values.dtype.kind == "O" else values


def first_of(values: pd.Series) -> Any:
    """Return the first value, None where there is none."""
    return values.iloc[0] if len(values) else None


def outside(values: pd.Series, options: Mapping[str, Any]) -> int:
    """Return how many values lie outside the fences."""
    low, high = fences(values, **options)
    return int(((values < low) | (values > high)).sum())


def share(measure: Measure, scope: Scope) -> Found:
    """Return the share of rows where a condition holds."""
    if "of" not in measure.options:
        raise BadInput("a share needs the condition that it is the share of", hint="give options['of']")
    rows, holds = len(scope.frame), int(mask(measure.options["of"], scope).sum())
    times = 100 if measure.options.get("percent") else 1
    checks = () if rows else ("there are no rows, so there is no share",)
    return Found(value=holds / rows * times if rows else None, rows=rows, parts={"count": holds}, checks=checks)


# -- groups -----------------------------------------------------------------------------------------------------------


def grouped(measure: Measure, scope: Scope) -> Found:
    """Return a measure by group: `{group: value}`, the groups in order."""
    if len(measure.columns) > 1 and measure.function not in PAIRS:
        return grouped_columns(measure, scope)
    found = by_group(measure, measure.by, scope)
    if len(found) > MOST_VALUES:
        raise BadInput(f"there are {len(found):,} groups", hint="filter first, or summarise and take the top ones")
    return Found(value=tidy(found.to_dict()), rows=len(scope.frame), checks=group_checks(measure, scope, found))


def grouped_columns(measure: Measure, scope: Scope) -> Found:
    """Return a measure of several columns by group and column."""
    value: dict[Any, Any] = {}
    for expr in measure.columns:
        one = Measure(label="", function=measure.function, columns=(expr,), by=measure.by, options=measure.options)
        for key, item in by_group(one, measure.by, scope).items():
            value[(*(key if isinstance(key, tuple) else (key,)), said(expr))] = item
    return Found(value=tidy(value), rows=len(scope.frame))


def group_checks(measure: Measure, scope: Scope, found: pd.Series) -> tuple[str, ...]:
    """Return what a grouped measure leaves out, and which groups have no value."""
    checks = []
    for name in measure.by:
        gone = int(column(scope.frame, name).isna().sum())
        if gone:
            checks.append(left_out(gone, name))
    if measure.columns and measure.function not in PAIRS and measure.function not in NEED_NO_VALUE:
        gone = int(series(measure.columns[0], scope).isna().sum())
        if gone:
            checks.append(left_out(gone, said(measure.columns[0])))
    empty = int(found.isna().sum())
    if empty:
        checks.append(f"{counted(empty, 'group')} with no {measure.function}: too few values")
    return tuple(checks)


def by_group(measure: Measure, by: tuple[str, ...], scope: Scope) -> pd.Series:
    """Return a measure for each group, as a Series over the groups."""
    keys = [column(scope.frame, name) for name in by]
    keys = keys[0] if len(keys) == 1 else keys
    function, options = measure.function, measure.options
    if function == "rows":
        return scope.frame.groupby(keys, observed=True).size()
    if function == "share":
        held = pd.Series(mask(options["of"], scope), index=scope.frame.index)
        return held.groupby(keys, observed=True).mean() * (100 if options.get("percent") else 1)
    if function in PAIRS or not measure.columns:
        return by_parts(measure, by, scope)
    expr = measure.columns[0]
    values = series(expr, scope)
    if function in ("counts", "shares"):
        return counts_by(values, keys, measure)
    if function in NUMERIC:
        values = as_numbers(values, said(expr), function)
    if function in QUICK:
        return quick(values.groupby(keys, observed=True), function, options)
    if function not in ANY and function not in NUMERIC:
        raise BadInput(f"there is no {function} by group", hint="leave the groups out")
    return values.groupby(keys, observed=True).agg(lambda s: scalar(function, s, said(expr), options))


def quick(groups: Any, function: str, options: Mapping[str, Any]) -> pd.Series:
    """Return a measure that pandas has for groups."""
    if function == "unique":
        return groups.nunique()
    if function == "quantile":
        return groups.quantile(options.get("q", 0.5))
    if function in ("std", "var", "sem"):
        return getattr(groups, function)(ddof=options.get("ddof", 1))
    return getattr(groups, function)()


def counts_by(values: pd.Series, keys: Any, measure: Measure) -> pd.Series:
    """Return rows by group and value, in order of group, then most frequent first."""
    shares = measure.function == "shares"
    found = values.groupby(keys, observed=True).value_counts(normalize=shares)
    return found * 100 if shares and measure.options.get("percent") else found


def by_parts(measure: Measure, by: tuple[str, ...], scope: Scope) -> pd.Series:
    """Return a measure of several columns, or of the whole frame, for each group in turn."""
    one = Measure(label="", function=measure.function, columns=measure.columns, options=measure.options)
    groups = scope.frame.groupby(list(by) if len(by) > 1 else by[0], observed=True)
    if groups.ngroups > MOST_VALUES:
        raise BadInput(f"there are {groups.ngroups:,} groups", hint="filter first")
    return pd.Series({key: measured(one, Scope(part, scope.values)).value for key, part in groups}, dtype=object)


def summarised(by: tuple[str, ...], measures: tuple[Measure, ...], scope: Scope) -> pd.DataFrame:
    """Return one row for each group: its columns, then a column for each measure's label."""
    groups = scope.frame.groupby(list(by), observed=True).size()
    result = pd.DataFrame(index=groups.index)
    for measure in measures:
        inner = restricted(measure, scope)
        found = by_group(measure, by, inner).reindex(groups.index)
        result[measure.label] = found.fillna(0).astype("int64") if measure.function in ("rows", "count") else found
    return result.reset_index()
