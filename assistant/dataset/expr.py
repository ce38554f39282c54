"""Expressions and conditions over a pandas frame, computed directly: a column of values, or one value.

The pandas code that is shown for them is written by `code_expr`, independently of what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype

from assistant.dataset.conditions import Leaf, fold, map_leaves, plain, plural
from assistant.dataset.scope import NUMBER, Scope, as_numbers, column, compare, finite, series_kind, text_holds
from assistant.dataset.steps import Call, Case, Col, Condition, Const, Cut, Expr, Ref, Replace
from assistant.dataset.walk import ref_value, said
from kb.errors import BadInput


def evaluate(expr: Expr, scope: Scope) -> Any:
    """Return the values of an expression: a Series over the rows, or one value for literals and earlier values."""
    match expr:
        case Col():
            return column(scope.frame, expr.name)
        case Const():
            return expr.value
        case Ref():
            return ref_value(expr, scope.values)
        case Call():
            return call(expr, scope)
        case Case():
            return case(expr, scope)
        case Cut():
            return cut(expr, scope)
        case Replace():
            return replace(expr, scope)


def series(expr: Expr, scope: Scope) -> pd.Series:
    """Return the values of an expression as a Series over the rows."""
    found = evaluate(expr, scope)
    return found if isinstance(found, pd.Series) else pd.Series(found, index=scope.frame.index)


def numbers(expr: Expr, scope: Scope, what: str = "this") -> pd.Series:
    """Return the values of an expression as numbers; BadInput names a column that holds something else."""
    return as_numbers(series(expr, scope), said(expr), what)


# -- functions --------------------------------------------------------------------------------------------------------


def call(expr: Call, scope: Scope) -> Any:
    """Return the values of a function over expressions."""
    function = FUNCTIONS.get(expr.function)
    if function is None:
        raise BadInput(f"there is no function {expr.function!r}", hint="see FUNCTIONS")
    with np.errstate(all="ignore"):
        return function(expr, scope)


def operand(expr: Expr, scope: Scope, what: str) -> Any:
    """Return numbers, or one number."""
    found = evaluate(expr, scope)
    if isinstance(found, pd.Series):
        return as_numbers(found, said(expr), what)
    if found is None:
        return np.nan
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise BadInput(f"{what} needs numbers, got {found!r}", hint="give a number")
    return found


def arithmetic(word: str, fold_two: Callable[[Any, Any], Any]) -> Callable[[Call, Scope], Any]:
    """Return a function that folds its numeric arguments from the left."""

    def run(expr: Call, scope: Scope) -> Any:
        return reduce(fold_two, [operand(arg, scope, word) for arg in expr.args])

    return run


def divided(a: Any, b: Any) -> Any:
    """Return a / b with division by zero missing."""
    if isinstance(a, pd.Series) or isinstance(b, pd.Series):
        return finite(a / b)
    return a / b if b else np.nan


def remainder(a: Any, b: Any) -> Any:
    """Return a modulo b, missing where b is zero."""
    if isinstance(b, pd.Series):
        return a % b.where(b != 0)
    return a % b if b else a * np.nan


def power(a: Any, b: Any) -> Any:
    """Return a to the power b, missing where that is not a finite real number."""
    whole = isinstance(b, int) and b >= 0
    return finite((a if whole else a * 1.0) ** b)


def times(a: Any, b: Any) -> Any:
    """Return the product, in floating point where integers would overflow."""
    return a * b if fits(a) * fits(b) < 2.0**62 else a * 1.0 * b


def fits(a: Any) -> float:
    """Return the greatest magnitude of integer values; that of floats counts as 1, for they do not wrap round."""
    if isinstance(a, pd.Series):
        return float(np.abs(a.to_numpy().astype("float64")).max()) if a.dtype.kind in "iu" and len(a) else 1.0
    return abs(float(a)) if isinstance(a, int) else 1.0


def one(word: str, work: Callable[[Any], Any]) -> Callable[[Call, Scope], Any]:
    """Return a function of one numeric argument."""

    def run(expr: Call, scope: Scope) -> Any:
        found = operand(expr.args[0], scope, word)
        result = work(found)
        return result if isinstance(result, pd.Series) else finite(result)

    return run


def where(a: Any, good: Any) -> Any:
    """Return values where `good` holds, missing elsewhere."""
    return a.where(good) if isinstance(a, pd.Series) else a if good else np.nan


def over(word: str, work: Callable[[pd.Series, Any], Any]) -> Callable[[Call, Scope], pd.Series]:
    """Return a function of a numeric column and an optional number."""

    def run(expr: Call, scope: Scope) -> pd.Series:
        given = evaluate(expr.args[1], scope) if len(expr.args) > 1 else None
        return work(numbers(expr.args[0], scope, word), given)

    return run


def dated(work: Callable[[pd.Series], pd.Series]) -> Callable[[Call, Scope], pd.Series]:
    """Return a function of one date column."""

    def run(expr: Call, scope: Scope) -> pd.Series:
        return work(dates(expr.args[0], scope))

    return run


def dates(expr: Expr, scope: Scope) -> pd.Series:
    """Return the values of an expression as dates; BadInput names a column that holds something else."""
    found = series(expr, scope)
    if isinstance(expr, Const):
        return pd.to_datetime(found)
    if series_kind(found) != "date":
        raise BadInput(
            f"the column {said(expr)!r} holds {plural(series_kind(found))}, not dates", hint="make dates of it first"
        )
    return found


def texts(expr: Expr, scope: Scope) -> pd.Series:
    """Return the values of an expression as texts."""
    found = series(expr, scope)
    return found if series_kind(found) == "text" else found.astype("string")


def by_row(word: str, how: str) -> Callable[[Call, Scope], pd.Series]:
    """Return a function that aggregates its arguments by row, leaving missing ones out."""

    def run(expr: Call, scope: Scope) -> pd.Series:
        parts = pd.concat([numbers(arg, scope, word) for arg in expr.args], axis=1)
        return getattr(parts, how)(axis=1)

    return run


def joined(expr: Call, scope: Scope) -> pd.Series:
    """Return texts joined; missing where one is."""
    parts = [texts(arg, scope).astype("string") for arg in expr.args]
    return reduce(lambda a, b: a + b, parts).astype("str")


def to_number(expr: Call, scope: Scope) -> pd.Series:
    """Return the number that each text holds."""
    found = series(expr.args[0], scope)
    if series_kind(found) in ("number", "boolean"):
        return as_numbers(found, said(expr.args[0]), "number")
    held = found.astype("string").str.replace(",", "", regex=False).str.extract(NUMBER)[0]
    return pd.to_numeric(held, errors="coerce").astype("float64")


def to_date(expr: Call, scope: Scope) -> pd.Series:
    """Return the date that each text holds."""
    found = series(expr.args[0], scope)
    if series_kind(found) == "date":
        return found
    return pd.to_datetime(found.astype("string"), errors="coerce", format="mixed")


def days_between(expr: Call, scope: Scope) -> pd.Series:
    """Return b - a in days."""
    first, last = (dates(arg, scope) for arg in expr.args)
    return (last - first).dt.total_seconds() / 86400


def group_mean(expr: Call, scope: Scope) -> pd.Series:
    """Return the mean of a over the rows that share b."""
    value = numbers(expr.args[0], scope, "a mean")
    return value.groupby(series(expr.args[1], scope), observed=True).transform("mean")


def shifted(expr: Call, scope: Scope) -> pd.Series:
    """Return the value b rows before."""
    by = evaluate(expr.args[1], scope) if len(expr.args) > 1 else 1
    return series(expr.args[0], scope).shift(int(by))


def codes(expr: Call, scope: Scope) -> pd.Series:
    """Return the place of each value among the sorted different values, from 0."""
    found = series(expr.args[0], scope)
    places, uniques = pd.factorize(found)
    if not len(uniques):
        return pd.Series(np.nan, index=found.index)
    order = np.argsort(np.argsort(uniques.to_numpy() if hasattr(uniques, "to_numpy") else uniques, kind="stable"))
    placed = pd.Series(order[places], index=found.index)
    return placed if (places >= 0).all() else placed.where(pd.Series(places, index=found.index) >= 0)


def centred(a: pd.Series, _: Any) -> pd.Series:
    """Return z-scores with the population's standard deviation."""
    return finite((a - a.mean()) / a.std(ddof=0))


FUNCTIONS: Mapping[str, Callable[[Call, Scope], Any]] = {
    "add": arithmetic("addition", lambda a, b: a + b),
    "sub": arithmetic("subtraction", lambda a, b: a - b),
    "mul": arithmetic("multiplication", times),
    "div": arithmetic("division", divided),
    "mod": arithmetic("a remainder", remainder),
    "pow": arithmetic("a power", power),
    "abs": one("a magnitude", abs),
    "neg": one("negation", lambda a: -a),
    "sqrt": one("a square root", lambda a: np.sqrt(where(a, a >= 0))),
    "square": one("a square", lambda a: times(a, a)),
    "log": one("a logarithm", lambda a: np.log(where(a, a > 0))),
    "log10": one("a logarithm", lambda a: np.log10(where(a, a > 0))),
    "log2": one("a logarithm", lambda a: np.log2(where(a, a > 0))),
    "log1p": one("a logarithm", lambda a: np.log1p(where(a, a > -1))),
    "exp": one("an exponential", lambda a: finite(np.exp(a))),
    "round": over("rounding", lambda a, b: a.round(int(b or 0))),
    "mean_of": by_row("a mean", "mean"),
    "min_of": by_row("a minimum", "min"),
    "max_of": by_row("a maximum", "max"),
    "year": dated(lambda d: d.dt.year),
    "quarter": dated(lambda d: d.dt.quarter),
    "month": dated(lambda d: d.dt.month),
    "day": dated(lambda d: d.dt.day),
    "weekday": dated(lambda d: d.dt.day_of_week),
    "weekday_name": dated(lambda d: d.dt.day_name()),
    "hour": dated(lambda d: d.dt.hour),
    "days_between": days_between,
    "lower": lambda expr, scope: texts(expr.args[0], scope).str.lower(),
    "length": lambda expr, scope: texts(expr.args[0], scope).str.len(),
    "concat": joined,
    "number": to_number,
    "date": to_date,
    "is_missing": lambda expr, scope: series(expr.args[0], scope).isna().astype("int64"),
    "diff": over("a difference", lambda a, b: a.diff()),
    "pct_change": over("a change", lambda a, b: finite(a.pct_change(fill_method=None))),
    "shift": shifted,
    "cumsum": over("a running sum", lambda a, b: a.cumsum()),
    "rolling_mean": over("a rolling mean", lambda a, b: a.rolling(int(b)).mean()),
    "rank": over("a rank", lambda a, b: a.rank()),
    "zscore": over("a z-score", centred),
    "minmax": over("scaling", lambda a, b: finite((a - a.min()) / (a.max() - a.min()))),
    "share_of_sum": over("a share", lambda a, b: finite(a / a.sum())),
    "group_mean": group_mean,
    "code": codes,
}


# -- cases, bins, replacements ----------------------------------------------------------------------------------------


def case(expr: Case, scope: Scope) -> pd.Series:
    """Return the value of the first branch whose condition holds."""
    found = [evaluate(value, scope) for _, value in expr.branches] + [evaluate(expr.otherwise, scope)]
    place = np.full(len(scope.frame), len(found) - 1)
    for number, (condition, _) in reversed(list(enumerate(expr.branches))):
        place[mask(condition, scope)] = number
    if not any(isinstance(value, pd.Series) for value in found):
        return picked(found, place, scope)
    result = pd.Series(None, index=scope.frame.index, dtype=object)
    for number, value in enumerate(found):
        here = place == number
        result[here] = value[here] if isinstance(value, pd.Series) else value
    return result.infer_objects()


def picked(values: list[Any], places: Any, scope: Scope) -> pd.Series:
    """Return one of a few values for each row, by its place."""
    return pd.Series(pd.Series(values).array.take(places), index=scope.frame.index)


def cut(expr: Cut, scope: Scope) -> pd.Series:
    """Return the bin of each value, as an ordered category of texts."""
    value = numbers(expr.value, scope, "binning")
    labels = list(expr.labels) or None
    try:
        if expr.how == "edges":
            found = pd.cut(value, list(expr.edges), labels=labels, right=expr.right, include_lowest=True)
        elif expr.how == "width":
            found = pd.cut(value, expr.n, labels=labels, right=expr.right)
        else:
            found = pd.qcut(value, expr.n, labels=labels, duplicates="raise" if labels else "drop")
    except ValueError as error:
        raise BadInput(
            f"{said(expr.value)} cannot be binned: {error}", hint="give other edges or fewer bins"
        ) from error
    return found if labels else found.cat.rename_categories(str)


def replace(expr: Replace, scope: Scope) -> pd.Series:
    """Return a column with values put in place of others; texts match folded, missing stays missing."""
    found = series(expr.value, scope)
    by_text = series_kind(found) in ("text", "mixed")
    pairs = {(fold(old) if by_text else old): new for old, new in expr.pairs}
    places, uniques = pd.factorize(found)
    keys = [fold(value) if by_text else value for value in uniques]
    rest = None if expr.otherwise is None else evaluate(expr.otherwise, scope)
    if not isinstance(rest, pd.Series):
        kept = list(uniques) if expr.otherwise is None else [rest] * len(keys)
        return picked([*(pairs.get(k, old) for k, old in zip(keys, kept, strict=True)), None], places, scope)
    result = picked([*(pairs.get(key) for key in keys), None], places, scope).astype(object)
    unknown = np.array([*(key not in pairs for key in keys), False], dtype=bool)[places]
    result[unknown] = rest[unknown].astype(object)
    return result.infer_objects()


# -- conditions -------------------------------------------------------------------------------------------------------


def mask(condition: Condition, scope: Scope) -> Any:
    """Return where a condition holds, as a boolean array over the rows."""
    size = len(scope.frame)

    def join(every: bool, parts: list[Any]) -> Any:
        start = np.full(size, every)
        return reduce(np.logical_and if every else np.logical_or, parts, start)

    return map_leaves(plain(condition, scope.kinds, scope.values), lambda found: leaf(found, scope), join)


def leaf(found: Leaf, scope: Scope) -> Any:
    """Return where one plain comparison holds."""
    left = series(found.left, scope)
    if found.op in ("missing", "present"):
        return (left.isna() if found.op == "missing" else left.notna()).to_numpy()
    if found.kind in ("text", "mixed"):
        return text_leaf(found, left, scope)
    present = left.notna().to_numpy()
    right = found.right
    if isinstance(right, Expr):
        right = evaluate(right, scope)
        if found.kind == "date" and isinstance(right, str):
            right = pd.Timestamp(right)
        present = present & right.notna().to_numpy() if isinstance(right, pd.Series) else present
    if found.kind == "boolean" or (found.kind == "number" and isinstance(left.dtype, ExtensionDtype)):
        left = left.astype("float64")
    return np.asarray(compare(found.op, left, right), dtype=bool) & present


def text_leaf(found: Leaf, left: pd.Series, scope: Scope) -> Any:
    """Return where a comparison of folded texts holds: once for each different text, then by its place."""
    if isinstance(found.right, Expr):
        return text_columns(found, left, series(found.right, scope))
    places, uniques = pd.factorize(left)
    hits = [text_holds(found.op, fold(value), found.right) for value in uniques]
    return np.array([*hits, False], dtype=bool)[places]


def text_columns(found: Leaf, left: pd.Series, right: pd.Series) -> Any:
    """Return where a comparison of two columns of folded texts holds."""
    both = left.notna().to_numpy() & right.notna().to_numpy()
    folded = [side.astype(str).str.strip().str.lower().to_numpy(dtype=object) for side in (left, right)]
    result = np.zeros(len(left), dtype=bool)
    result[both] = [text_holds(found.op, a, b) for a, b in zip(folded[0][both], folded[1][both], strict=True)]
    return result
