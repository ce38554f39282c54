"""What to draw beside a value, aggregated here so that a face only draws.

A query may name the kind of plot; else one is drawn where a person would rather look than read: a distribution, groups,
a relation, a trend. Points are a seeded sample where there are many, and the plot says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset.expr import mask, series
from assistant.dataset.scope import Scope, as_numbers, series_kind
from assistant.dataset.steps import Call, Col, Expr, Measure, Query, Resample, Summarise, Test
from assistant.dataset.types import Outcome, Plot
from assistant.dataset.values import tidy
from assistant.dataset.walk import Values, columns_of, condition_columns, inside, said, said_condition
from kb.errors import CitewiseError

MOST_POINTS = 2_000
MOST_BOXED = 50_000
MOST_BARS = 30
MOST_BOXES = 20
MOST_LINE = 500
BINS = 20
LINE_FROM = 13
"""Groups by a number are a line from this many on, bars below."""
NORMALITY = ("shapiro", "anderson", "ks", "dagostino", "jarque_bera")
WHOLE_COLUMN = frozenset(
    {
        "diff",
        "pct_change",
        "shift",
        "cumsum",
        "rolling_mean",
        "rank",
        "zscore",
        "minmax",
        "share_of_sum",
        "group_mean",
        "code",
    }
)
"""Functions whose values follow from other rows too, so that they cannot be taken from a sample."""
Draw = Callable[[Any, Outcome, Any, Values], Plot | None]


def of_value(step: Any, outcome: Outcome, rows: Any, values: Values, wanted: str) -> Plot | None:
    """Return the plot that helps with a value, of the wanted kind where one is named; None where there is none."""
    kind = wanted or usual(step, outcome)
    if kind not in DRAW or not isinstance(step, Measure | Test) or outcome.value is None:
        return None
    try:
        return DRAW[kind](step, outcome, rows, values)
    except CitewiseError:
        return None


def usual(step: Any, outcome: Outcome) -> str:
    """Return the kind of plot that a value has by itself."""
    if isinstance(step, Test):
        if step.kind in NORMALITY:
            return "histogram"
        return "heatmap" if step.kind == "chi2" else "box"
    if not isinstance(step, Measure):
        return ""
    if step.function == "correlations":
        return "heatmap" if step.options.get("pairs") else "bars"
    if step.function == "crosstab":
        return "heatmap"
    if isinstance(outcome.value, Mapping):
        return grouped_kind(step, outcome.value)
    by_function = {
        "correlation": "scatter", "covariance": "scatter", "histogram": "histogram", "skew": "histogram",
        "kurtosis": "histogram", "outliers": "box", "outlier_bounds": "box", "trend": "line",
    }  # fmt: skip
    return by_function.get(step.function, "")


def grouped_kind(step: Measure, value: Mapping[Any, Any]) -> str:
    """Return bars for a few groups, a line for many that are dates or numbers in order."""
    if step.function in ("types", "names") or len(value) < 2:
        return ""
    keys = list(value)
    if step.by and len(step.by) == 1 and not isinstance(keys[0], tuple) and len(keys) >= LINE_FROM:
        ordered = all(isinstance(key, int | float) and not isinstance(key, bool) for key in keys)
        return "line" if ordered or all(is_day(key) for key in keys) else "bars"
    return "bars"


def is_day(key: Any) -> bool:
    """Tell whether a key is an ISO date."""
    return isinstance(key, str) and len(key) >= 10 and key[:4].isdigit() and key[4] == "-" and key[7] == "-"


# -- by value ---------------------------------------------------------------------------------------------------------


def bars(step: Any, outcome: Outcome, rows: Any, values: Values) -> Plot | None:
    """Return bars for the groups of a value."""
    if not isinstance(outcome.value, Mapping):
        return None
    found = [(key, value) for key, value in outcome.value.items() if number(value)]
    x, color = keys_of(step, found)
    if not found:
        return None
    shown = tuple((*(key if isinstance(key, tuple) else (key,)), value) for key, value in found)
    shown = tuple(row for row in shown if len(row) == (3 if color else 2))
    title = titled(outcome.label, *((x, color) if color else (x,)))
    columns = (x, color, outcome.label) if color else (x, outcome.label)
    if len(set(columns)) < len(columns):
        columns = (*columns[:-1], f"{outcome.label} (value)")
    return Plot(kind="bars", columns=columns, rows=shown[: MOST_BARS * (4 if color else 1)], x=x, y=columns[-1],
                color=color, title=title)  # fmt: skip


def titled(label: str, *groups: str) -> str:
    """Return what is drawn by its groups, which a label that ends with them need not say again."""
    by = f" by {' and '.join(groups)}"
    return label if label.endswith(by) or f"{by} where " in label else label + by


def number(value: Any) -> bool:
    """Tell whether a value can be drawn as a size."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def keys_of(step: Any, found: list[tuple[Any, Any]]) -> tuple[str, str | None]:
    """Return what the groups are called, and what a second part of their key is."""
    width = len(found[0][0]) if found and isinstance(found[0][0], tuple) else 1
    names = [*step.by, *(said(expr) for expr in step.columns)] if isinstance(step, Measure) else []
    if not getattr(step, "by", ()) and getattr(step, "function", "") not in ("counts", "shares", "crosstab"):
        names = ["column", "other"]
    names = [*dict.fromkeys(names), "group", "value"]
    return names[0], names[1] if width > 1 else None


def line(step: Any, outcome: Outcome, rows: Any, values: Values) -> Plot | None:
    """Return a line over the groups in their order, or over time for a trend."""
    if not isinstance(outcome.value, Mapping):
        return trend(step, outcome, rows, values)
    found = [(key, value) for key, value in outcome.value.items() if number(value) and not isinstance(key, tuple)]
    x, y = keys_of(step, found)[0], outcome.label
    if len(found) < 2:
        return None
    kept = found[:: -(-len(found) // MOST_LINE)]
    return Plot(kind="line", columns=(x, y if y != x else f"{y} (value)"), rows=tuple(kept), x=x,
                y=y if y != x else f"{y} (value)", title=titled(y, x))  # fmt: skip


def heatmap(step: Any, outcome: Outcome, rows: Any, values: Values) -> Plot | None:
    """Return a table of pairs as colours."""
    if isinstance(step, Test):
        columns = (*step.columns, *((Col(step.by),) if step.by else ()))
        table = rows.found(Measure(label="rows", function="crosstab", columns=columns), values)
        return heatmap(
            Measure(label="rows", function="crosstab", columns=columns), outcome_of("rows", table.value), rows, values
        )
    if not isinstance(outcome.value, Mapping):
        return None
    shown = tuple((*key, value) for key, value in outcome.value.items() if isinstance(key, tuple) and len(key) == 2)
    if not 1 < len(shown) <= 900:
        return None
    names = ("column", "other") if step.function == "correlations" else tuple(said(expr) for expr in step.columns[:2])
    names = names if len(set(names)) == 2 else ("first", "second")
    what = "r" if step.function == "correlations" else outcome.label
    what = what if what not in names else f"{what} (value)"
    return Plot(
        kind="heatmap",
        columns=(*names, what),
        rows=shown,
        x=names[0],
        y=names[1],
        color=what,
        title=titled(what, *names),
    )


def outcome_of(label: str, value: Any) -> Outcome:
    """Return a value under a label."""
    return Outcome(label=label, step=0, value=value, expression="", rows=0)


# -- by column --------------------------------------------------------------------------------------------------------


def column_of(step: Any, rows: Any) -> Expr | None:
    """Return the first column of a step."""
    return step.columns[0] if step.columns else None


def histogram(step: Any, outcome: Outcome, rows: Any, values: Values) -> Plot | None:
    """Return counts in bins of equal width, over all rows."""
    expr = column_of(step, rows)
    if expr is None:
        return None
    bins = int(step.options.get("bins", BINS))
    where = step.where if isinstance(step, Measure) else None
    found = rows.found(
        Measure(label="", function="histogram", columns=(expr,), where=where, options={"bins": bins}), values
    )
    edges = found.parts.get("edges", [])
    shown = tuple(zip(edges, edges[1:], found.value, strict=False))
    return Plot(kind="histogram", columns=("low", "high", "count"), rows=shown, x=said(expr), y="count",
                title=f"distribution of {said(expr)}") if shown else None  # fmt: skip


def sampled(exprs: tuple[Expr, ...], names: set[str], rows: Any, most: int) -> tuple[pd.DataFrame, int | None] | None:
    """Return the columns that expressions read, of all rows or a sample; None where a sample would change values."""
    size = rows.count()
    whole = any(isinstance(part, Call) and part.function in WHOLE_COLUMN for expr in exprs for part in inside(expr))
    if size > most and whole:
        return None
    return rows.pull(names.union(*(columns_of(expr) for expr in exprs)), most=most), most if size > most else None


def scatter(step: Any, outcome: Outcome, rows: Any, values: Values) -> Plot | None:
    """Return the points of two columns."""
    if len(step.columns) != 2 or (isinstance(step, Measure) and step.by):
        return None
    where = step.where if isinstance(step, Measure) else None
    found = sampled(step.columns, condition_columns(where), rows, MOST_POINTS)
    if found is None:
        return None
    scope = Scope(found[0], values)
    points = pd.DataFrame({n: drawn(expr, scope) for n, expr in enumerate(step.columns)})
    points = points if where is None else points[mask(where, scope)]
    x, y = (said(expr) for expr in step.columns)
    return pointed("scatter", points.dropna(), x, y, found[1])


def drawn(expr: Expr, scope: Scope) -> pd.Series:
    """Return values that can be drawn: numbers, or dates."""
    values = series(expr, scope)
    return values if series_kind(values) == "date" else as_numbers(values, said(expr), "a plot").astype("float64")


def pointed(kind: str, points: pd.DataFrame, x: str, y: str, sample: int | None) -> Plot | None:
    """Return a plot of pairs."""
    if points.empty:
        return None
    other = y if y != x else f"{y} (again)"
    shown = tuple((tidy(a), tidy(b)) for a, b in points.itertuples(index=False, name=None))
    return Plot(kind=kind, columns=(x, other), rows=shown, x=x, y=other, title=f"{y} by {x}", sampled=sample)


def trend(step: Any, outcome: Outcome, rows: Any, values: Values) -> Plot | None:
    """Return the values of a column over time, or over the rows."""
    if not step.columns:
        return None
    time = step.columns[1] if len(step.columns) > 1 else step.options.get("time")
    expr = Col(time) if isinstance(time, str) else time
    found = sampled(step.columns[:1] if expr is None else (step.columns[0], expr), set(), rows, MOST_LINE)
    if found is None:
        return None
    scope = Scope(found[0], values)
    x = pd.Series(found[0].index, index=found[0].index) if expr is None else drawn(expr, scope)
    if expr is None and found[1] is not None and isinstance(found[0].index, pd.RangeIndex):
        return None
    points = pd.DataFrame({0: x, 1: drawn(step.columns[0], scope)}).dropna().sort_values(0, kind="stable")
    return pointed("line", points, "row" if expr is None else said(expr), said(step.columns[0]), found[1])


def box(step: Any, outcome: Outcome, rows: Any, values: Values) -> Plot | None:
    """Return the five numbers of a column by group."""
    if not step.columns:
        return None
    samples = step.samples if isinstance(step, Test) else ()
    by = step.by if isinstance(step, Test) else (step.by[0] if step.by else None)
    names = set().union({by} if by else set(), *(condition_columns(sample) for sample in samples))
    where = step.where if isinstance(step, Measure) else None
    found = sampled(tuple(step.columns), names | condition_columns(where), rows, MOST_BOXED)
    if found is None:
        return None
    frame = found[0] if where is None else found[0][mask(where, Scope(found[0], values))]
    groups = boxes(step, by, samples, Scope(frame, values))
    shown = tuple((name, *five(part)) for name, part in groups[:MOST_BOXES] if len(part))
    y = said(step.columns[0]) if len(step.columns) == 1 else "value"
    x = by or ("group" if samples or len(step.columns) > 1 else "column")
    columns = (x, "min", "q1", "median", "q3", "max")
    if x in columns[1:] or not shown:
        return None
    return Plot(kind="box", columns=columns, rows=shown, x=x, y=y, title=f"{y} by {x}" if by else y, sampled=found[1])


def boxes(step: Any, by: str | None, samples: Any, scope: Scope) -> list[tuple[str, pd.Series]]:
    """Return the groups of values to draw as boxes."""
    columns = [(said(expr), as_numbers(series(expr, scope), said(expr), "a plot").dropna()) for expr in step.columns]
    if samples:
        held = [(said_condition(sample), mask(sample, scope)) for sample in samples]
        values = as_numbers(series(step.columns[0], scope), "", "a plot")
        return [(name, values[where].dropna()) for name, where in held]
    if by is None:
        return columns
    keys = scope.frame[by]
    return [(str(tidy(name)), part) for name, part in columns[0][1].groupby(keys, observed=True)]


def five(values: pd.Series) -> tuple[Any, ...]:
    """Return least, quartiles and greatest."""
    return tuple(tidy(value) for value in np.quantile(values.to_numpy(dtype="float64"), [0, 0.25, 0.5, 0.75, 1]))


DRAW: Mapping[str, Draw] = {
    "bars": bars,
    "line": line,
    "heatmap": heatmap,
    "histogram": histogram,
    "scatter": scatter,
    "box": box,
}


# -- rows -------------------------------------------------------------------------------------------------------------


def of_rows(query: Query, rows: Any) -> Plot | None:
    """Return the plot of summarised rows where nothing is measured of them."""
    steps = [step for step in query.steps if isinstance(step, Summarise | Resample)]
    if not steps or any(isinstance(step, Measure | Test) for step in query.steps):
        return None
    last = steps[-1]
    x = last.time if isinstance(last, Resample) else last.by[0]
    labels = [measure.label for measure in last.measures if measure.label in rows.names]
    if x not in rows.names or not labels or (isinstance(last, Summarise) and len(last.by) > 1):
        return None
    most = MOST_LINE if isinstance(last, Resample) else MOST_BARS
    head = rows.head(most)
    shown = tuple((tidy(a), tidy(b)) for a, b in zip(head[x], head[labels[0]], strict=True) if number(tidy(b)))
    kind = query.plot if query.plot in ("bars", "line") else "line" if isinstance(last, Resample) else "bars"
    return (
        Plot(kind=kind, columns=(x, labels[0]), rows=shown, x=x, y=labels[0], title=titled(labels[0], x))
        if shown
        else None
    )
