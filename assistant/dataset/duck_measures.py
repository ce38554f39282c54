"""Measures as DuckDB SQL, exact over all rows; what SQL cannot say as pandas does raises `NotInDuck`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from assistant.dataset.duck_expr import ROW, NotInDuck, Sql, quoted
from assistant.dataset.measures import NEED_NO_VALUE, can_group, left_out, no_value
from assistant.dataset.pairs import strength
from assistant.dataset.scope import no_numbers
from assistant.dataset.steps import Col, Expr, Filter, Measure
from assistant.dataset.values import MOST_VALUES, Found, counted, tidy
from assistant.dataset.walk import Values, said
from kb.errors import BadInput

UNORDERED = frozenset(
    {"rows", "columns", "shape", "names", "count", "missing", "missing_share", "missing_rows", "unique", "min", "max",
     "range", "sum", "mean", "median", "mode", "std", "var", "sem", "quantile", "iqr", "cv", "outliers", "share",
     "outlier_bounds", "correlation", "covariance", "crosstab", "histogram", "top", "bottom", "value"}
)  # fmt: skip
Options = Mapping[str, Any]


def spread(kind: str, options: Options) -> str:
    """Return SQL for the variance, deviation or standard error with its degrees of freedom."""
    ddof = int(options.get("ddof", 1))
    var = f"(CASE WHEN count({{0}}) > {ddof} THEN var_pop({{0}}) * count({{0}}) / (count({{0}}) - {ddof}) END)"
    return {"var": var, "std": f"sqrt({var})", "sem": f"sqrt({var} / count({{0}}))"}[kind]


NUMERIC: Mapping[str, Callable[[Options], str]] = {
    "sum": lambda o: "coalesce(sum({0}), 0)",
    "mean": lambda o: "avg({0})",
    "median": lambda o: "median({0})",
    "std": lambda o: spread("std", o),
    "var": lambda o: spread("var", o),
    "sem": lambda o: spread("sem", o),
    "quantile": lambda o: f"quantile_cont({{0}}, {float(o.get('q', 0.5))!r})",
    "iqr": lambda o: "(quantile_cont({0}, 0.75) - quantile_cont({0}, 0.25))",
    "cv": lambda o: f"({spread('std', o)} / nullif(avg({{0}}), 0))",
    "range": lambda o: "(max({0}) - min({0}))",
}
ANY: Mapping[str, Callable[[Options], str]] = {
    "count": lambda o: "count({0})",
    "missing": lambda o: "count(*) - count({0})",
    "missing_share": lambda o: f"((count(*) - count({{0}})) * {100.0 if o.get('percent') else 1.0} / count(*))",
    "unique": lambda o: "count(DISTINCT {0})",
    "min": lambda o: "min({0})",
    "max": lambda o: "max({0})",
}


def operand(function: str, expr: Expr, rows: Any, w: Sql) -> str:
    """Return SQL for the column that a measure is of; BadInput where it needs numbers and the column holds others."""
    kind = w.kind(expr)
    if function in ANY:
        return w.column(expr)
    if kind not in ("number", "boolean"):
        if function == "range" and kind == "date":
            raise NotInDuck
        code = w.column(expr)
        found = rows.run(f"SELECT DISTINCT {code} FROM ({rows.sql}) WHERE {code} IS NOT NULL LIMIT 3", w.params)
        raise no_numbers(said(expr), kind, [row[0] for row in found.fetchall()], function)
    exact = function == "sum" and isinstance(expr, Col) and kind == "number"
    return w.column(expr) if exact else f"CAST({w.column(expr)} AS DOUBLE)"


def aggregate(measure: Measure, rows: Any, w: Sql) -> str:
    """Return SQL for a measure as an aggregate, over the rows of a group where there are groups."""
    function, options = measure.function, measure.options
    only = f" FILTER (WHERE {w.mask(measure.where)})" if measure.where is not None else ""
    if function == "rows":
        return f"count(*){only}"
    if function == "share" and not only:
        return (
            f"(avg(CASE WHEN {w.mask(options['of'])} THEN 1.0 ELSE 0.0 END) * {100 if options.get('percent') else 1})"
        )
    template = NUMERIC.get(function) or ANY.get(function)
    if template is None or len(measure.columns) != 1:
        raise NotInDuck
    column = operand(function, measure.columns[0], rows, w)
    if only:
        held = f"(CASE WHEN {w.mask(measure.where)} THEN {column} END)" if measure.where is not None else column
        if function in ("missing", "missing_share", "sum"):
            raise NotInDuck
        return template(options).format(held)
    return template(options).format(column)


def measured(measure: Measure, rows: Any, values: Values) -> Found:
    """Return what a measure gives over rows in DuckDB."""
    if measure.function == "value":
        found: Found = rows.make(rows.head(0)).found(measure, values)
        return replace(found, rows=rows.count())
    if measure.where is not None:
        rows = rows.stepped(Filter(measure.where), values)
    w = rows.writer(values)
    if measure.by:
        can_group(measure)
        return grouped(measure, rows, w)
    if measure.function in WHOLE and not measure.columns:
        return WHOLE[measure.function](measure, rows, w)
    if measure.function == "share":
        return share(measure, rows, w)
    if measure.function in PAIRS:
        return PAIRS[measure.function](measure, rows, w)
    if not measure.columns:
        raise NotInDuck
    if len(measure.columns) > 1:
        return several(measure, rows, values)
    if measure.function in LISTS:
        return LISTS[measure.function](measure, rows, w)
    return single(measure, rows, w)


def several(measure: Measure, rows: Any, values: Values) -> Found:
    """Return a measure of several columns, by column."""
    found = {}
    for expr in measure.columns:
        one = Measure(label="", function=measure.function, columns=(expr,), options=measure.options)
        found[said(expr)] = measured(one, rows, values)
    checks = tuple(check for result in found.values() for check in result.checks)
    return Found(value={name: result.value for name, result in found.items()}, rows=rows.count(), checks=checks)


def fetch(rows: Any, w: Sql, chosen: str, rest: str = "") -> list[tuple[Any, ...]]:
    """Return what a selection over the rows gives."""
    return list(rows.run(f"SELECT {chosen} FROM ({rows.sql}) {rest}", w.params).fetchall())


def single(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return a measure of one column."""
    function, expr = measure.function, measure.columns[0]
    plain = Measure(label="", function=function, columns=measure.columns, options=measure.options)
    code, column = aggregate(plain, rows, w), w.column(expr)
    value, present, size = fetch(rows, w, f"{code}, count({column}), count(*)")[0]
    value, name = tidy(value), said(expr)
    checks = [] if function in NEED_NO_VALUE or present == size else [left_out(size - present, name)]
    if value is None:
        checks.append(no_value(function, name, present))
    parts = {}
    if function == "range" and value is not None:
        parts = dict(zip(("min", "max"), map(tidy, fetch(rows, w, f"min({column}), max({column})")[0]), strict=True))
    return Found(value=value, rows=size if function in NEED_NO_VALUE else present, parts=parts, checks=tuple(checks))


def share(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return the share of rows where a condition holds."""
    if "of" not in measure.options:
        raise NotInDuck
    holds, size = fetch(rows, w, f"count(*) FILTER (WHERE {w.mask(measure.options['of'])}), count(*)")[0]
    times = 100 if measure.options.get("percent") else 1
    checks = () if size else ("there are no rows, so there is no share",)
    return Found(value=holds / size * times if size else None, rows=size, parts={"count": holds}, checks=checks)


# -- groups -----------------------------------------------------------------------------------------------------------


def grouped(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return a measure by group."""
    keys = [w.column(Col(name)) for name in measure.by]
    count = "count(*)"
    if measure.function in ("counts", "shares") and len(measure.columns) == 1:
        return grouped_counts(measure, rows, w, keys)
    if len(measure.columns) > 1:
        raise NotInDuck
    plain = Measure(label="", function=measure.function, columns=measure.columns, options=measure.options)
    code = aggregate(plain, rows, w)
    present = f"count({w.column(measure.columns[0])})" if measure.columns else count
    where = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    rest = f"WHERE {where} GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)} LIMIT {MOST_VALUES + 1}"
    found = fetch(rows, w, f"{', '.join(keys)}, {code}, {present}, {count}", rest)
    if len(found) > MOST_VALUES:
        raise BadInput(
            f"there are more than {MOST_VALUES:,} groups", hint="filter first, or summarise and take the top"
        )
    return Found(value=keyed(found, len(keys)), rows=rows.count(), checks=group_checks(measure, rows, w, found))


def keyed(found: list[tuple[Any, ...]], width: int) -> dict[Any, Any]:
    """Return rows as a dict by their first columns."""
    return {tidy(row[0] if width == 1 else row[:width]): tidy(row[width]) for row in found}


def group_checks(measure: Measure, rows: Any, w: Sql, found: list[tuple[Any, ...]]) -> tuple[str, ...]:
    """Return what a grouped measure leaves out, and which groups have no value."""
    names = list(measure.by)
    skips = bool(measure.columns) and measure.function not in NEED_NO_VALUE
    columns = [w.column(Col(name)) for name in names] + ([w.column(measure.columns[0])] if skips else [])
    gone = fetch(rows, w, ", ".join(f"count(*) - count({column})" for column in columns))[0]
    labels = names + ([said(measure.columns[0])] if skips else [])
    checks = [left_out(n, name) for n, name in zip(gone, labels, strict=True) if n]
    empty = sum(tidy(row[len(names)]) is None for row in found)
    return (
        (*checks, f"{counted(empty, 'group')} with no {measure.function}: too few values") if empty else tuple(checks)
    )


def grouped_counts(measure: Measure, rows: Any, w: Sql, keys: list[str]) -> Found:
    """Return rows by group and value."""
    column = w.column(measure.columns[0])
    where = " AND ".join(f"{key} IS NOT NULL" for key in (*keys, column))
    listed = ", ".join(keys)
    code = "count(*)"
    if measure.function == "shares":
        times = 100.0 if measure.options.get("percent") else 1.0
        code = f"count(*) * {times} / sum(count(*)) OVER (PARTITION BY {listed})"
    rest = (
        f"WHERE {where} GROUP BY {listed}, {column} ORDER BY {listed}, count(*) DESC, {column} LIMIT {MOST_VALUES + 1}"
    )
    found = fetch(rows, w, f"{listed}, {column}, {code}", rest)
    if len(found) > MOST_VALUES:
        raise BadInput(f"there are more than {MOST_VALUES:,} groups", hint="filter first")
    return Found(value=keyed(found, len(keys) + 1), rows=rows.count(), checks=group_checks(measure, rows, w, []))


# -- whole tables -----------------------------------------------------------------------------------------------------


def by_column(template: str) -> Callable[[Measure, Any, Sql], Found]:
    """Return a measure of every column at once."""

    def run(measure: Measure, rows: Any, w: Sql) -> Found:
        if measure.function == "missing_share" and measure.options.get("percent"):
            raise NotInDuck
        chosen = ", ".join(template.format(quoted(name)) for name in rows.names)
        return Found(value=dict(zip(rows.names, map(tidy, fetch(rows, w, chosen)[0]), strict=True)), rows=rows.count())

    return run


def shape(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return rows and columns."""
    size, width = rows.count(), len(rows.names)
    return Found(value=[size, width], rows=size, parts={"rows": size, "columns": width})


def missing_rows(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return how many rows miss a value."""
    gap = " OR ".join(f"{quoted(name)} IS NULL" for name in rows.names)
    return Found(value=fetch(rows, w, f"count(*) FILTER (WHERE {gap})")[0][0], rows=rows.count())


def duplicates(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return how many rows repeat an earlier one."""
    names = [expr.name for expr in measure.columns if isinstance(expr, Col)] or rows.names
    size = rows.count()
    different = f"SELECT count(*) FROM (SELECT DISTINCT {', '.join(map(quoted, names))} FROM ({rows.sql}))"
    return Found(value=size - rows.run(different, w.params).fetchone()[0], rows=size)


WHOLE: Mapping[str, Callable[[Measure, Any, Sql], Found]] = {
    "rows": lambda m, r, w: Found(value=r.count(), rows=r.count()),
    "columns": lambda m, r, w: Found(value=len(r.names), rows=r.count()),
    "names": lambda m, r, w: Found(value=list(r.names), rows=r.count()),
    "shape": shape,
    "missing": by_column("count(*) - count({0})"),
    "missing_share": by_column("(count(*) - count({0})) / count(*)"),
    "count": by_column("count({0})"),
    "unique": by_column("count(DISTINCT {0})"),
    "missing_rows": missing_rows,
    "duplicates": duplicates,
}


# -- lists ------------------------------------------------------------------------------------------------------------


def ranked(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return counts or shares by value, most frequent first, the first to appear of ties."""
    expr, n = measure.columns[0], measure.options.get("n")
    column, name = w.column(expr), said(expr)
    if not rows.numbered:
        raise NotInDuck
    limit = MOST_VALUES + 1 if n is None else int(n) + 1
    rest = (f"WHERE {column} IS NOT NULL GROUP BY {column}"
            f" ORDER BY count(*) DESC, min({quoted(ROW)}) LIMIT {limit}")  # fmt: skip
    found = fetch(rows, w, f"{column}, count(*)", rest)
    if n is None and len(found) > MOST_VALUES:
        raise BadInput(
            f"{name!r} has more than {MOST_VALUES:,} different values", hint="ask for the most frequent ones"
        )
    size, present = fetch(rows, w, f"count(*), count({column})")[0]
    checks = [left_out(size - present, name)] if size > present else []
    if n is not None and 0 < n < len(found) and found[n - 1][1] == found[n][1]:
        checks.append(f"other values of {name!r} are as frequent as the last one shown")
    kept = found if n is None else found[:n]
    times = (
        1
        if measure.function == "counts"
        else (100 if measure.options.get("percent") else 1) / present
        if present
        else 1
    )
    return Found(value={tidy(k): v * times for k, v in kept}, rows=present, checks=tuple(checks))


def extreme(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return the greatest or least values."""
    column = operand(measure.function, measure.columns[0], rows, w)
    way, n = "DESC" if measure.function == "top" else "ASC", int(measure.options.get("n", 5))
    found = fetch(rows, w, column, f"WHERE {column} IS NOT NULL ORDER BY {column} {way} LIMIT {n}")
    return Found(value=[tidy(row[0]) for row in found], rows=fetch(rows, w, f"count({column})")[0][0])


def histogram(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return counts in bins of equal width: how many values reach each edge, and the differences."""
    expr = measure.columns[0]
    column, bins = operand("histogram", expr, rows, w), int(measure.options.get("bins", 10))
    low, high, size = fetch(rows, w, f"min({column}), max({column}), count({column})", f"WHERE isfinite({column})")[0]
    if not size or bins > 200:
        raise NotInDuck
    edges = np.histogram_bin_edges([low, high], bins=bins)
    reach = ", ".join(f"count(*) FILTER (WHERE {column} >= {w.bind(float(edge))})" for edge in edges[:-1])
    counts = [*fetch(rows, w, reach, f"WHERE isfinite({column})")[0], 0]
    return Found(value=[a - b for a, b in pairwise(counts)], rows=size, parts={"edges": tidy(edges)})


def bounds(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return the two fences, or how many values lie outside them."""
    expr, options = measure.columns[0], measure.options
    if not isinstance(expr, Col) or rows.kinds[expr.name] not in ("number", "boolean"):
        raise NotInDuck
    method = options.get("method", "iqr")
    factor = options.get("factor")
    factor = {"iqr": 1.5, "z": 3.0, "percentile": 5.0}.get(method, 0.0) if factor is None else factor
    ends = rows.fences(expr.name, method, factor, options.get("ddof", 0))
    if ends is None:
        raise NotInDuck
    column = f"CAST({quoted(expr.name)} AS DOUBLE)"
    low, high = map(w.bind, ends)
    outside, present, size = fetch(
        rows, w, f"count(*) FILTER (WHERE {column} < {low} OR {column} > {high}), count({column}), count(*)"
    )[0]
    if measure.function == "outlier_bounds":
        return Found(value=list(ends), rows=present, parts={"low": ends[0], "high": ends[1]})
    checks = (left_out(size - present, expr.name),) if size > present else ()
    return Found(value=outside, rows=present, checks=checks)


def mode(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return the most frequent value, the least of ties."""
    expr = measure.columns[0]
    column, name = w.column(expr), said(expr)
    counted_ = fetch(
        rows, w, f"{column}, count(*)", f"WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY 2 DESC, 1 LIMIT 1"
    )
    size, present = fetch(rows, w, f"count(*), count({column})")[0]
    checks = [left_out(size - present, name)] if size > present else []
    if not counted_:
        return Found(value=None, rows=0, checks=(*checks, no_value("mode", name, 0)))
    value, n = counted_[0]
    alike = f"WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) = {int(n)}"
    tied = f"SELECT count(*) FROM (SELECT 1 FROM ({rows.sql}) {alike})"
    parts = {"count": n, "ties": rows.run(tied, w.params).fetchone()[0]}
    return Found(value=tidy(value), rows=present, parts=parts, checks=tuple(checks))


LISTS: Mapping[str, Callable[[Measure, Any, Sql], Found]] = {
    "counts": ranked,
    "shares": ranked,
    "top": extreme,
    "bottom": extreme,
    "histogram": histogram,
    "outliers": bounds,
    "outlier_bounds": bounds,
    "mode": mode,
    "duplicates": duplicates,
}


# -- pairs ------------------------------------------------------------------------------------------------------------


def correlation(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return Pearson's r with its p, as scipy gives them: r follows a beta distribution under independence."""
    if measure.options.get("method", "pearson") != "pearson" or len(measure.columns) != 2:
        raise NotInDuck
    a, b = (operand("a correlation", expr, rows, w) for expr in measure.columns)
    both = f"FILTER (WHERE {a} IS NOT NULL AND {b} IS NOT NULL AND isfinite({a}) AND isfinite({b}))"
    chosen = f"corr({a}, {b}) {both}, count(*) {both}, count(*), stddev_pop({a}) {both}, stddev_pop({b}) {both}"
    r, n, size, first, second = fetch(rows, w, chosen)[0]
    if n < 3 or not first or not second:
        raise NotInDuck
    r = max(-1.0, min(1.0, r))
    p = float(2 * stats.beta(n / 2 - 1, n / 2 - 1, loc=-1, scale=2).sf(abs(r)))
    names = " or ".join(repr(said(expr)) for expr in measure.columns)
    checks = (f"{counted(size - n, 'row')} without {names} left out",) if size > n else ()
    parts = {"r": r, "p": p, "n": n, "strength": strength(r), "direction": "positive" if r > 0 else "negative"}
    return Found(value=r, rows=n, parts=parts, checks=checks)


def covariance(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return the sample covariance."""
    if len(measure.columns) != 2:
        raise NotInDuck
    a, b = (operand("a covariance", expr, rows, w) for expr in measure.columns)
    value, n = fetch(rows, w, f"covar_samp({a}, {b}), count(*) FILTER (WHERE {a} IS NOT NULL AND {b} IS NOT NULL)")[0]
    if n < 2:
        raise NotInDuck
    names = " or ".join(repr(said(expr)) for expr in measure.columns)
    size = rows.count()
    return Found(
        value=tidy(value), rows=n, checks=(f"{counted(size - n, 'row')} without {names} left out",) if size > n else ()
    )


def crosstab(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return rows by the values of two columns, pairs that do not occur included."""
    if len(measure.columns) != 2:
        raise NotInDuck
    a, b = (w.column(expr) for expr in measure.columns)
    rest = f"WHERE {a} IS NOT NULL AND {b} IS NOT NULL GROUP BY {a}, {b} LIMIT {MOST_VALUES + 1}"
    found = {(tidy(x), tidy(y)): n for x, y, n in fetch(rows, w, f"{a}, {b}, count(*)", rest)}
    first, second = sorted({x for x, _ in found}), sorted({y for _, y in found})
    if len(first) * len(second) > MOST_VALUES:
        raise BadInput("the cross table would have too many cells", hint="bin the columns first")
    return Found(value={(x, y): found.get((x, y), 0) for x in first for y in second}, rows=sum(found.values()))


def at_extreme(measure: Measure, rows: Any, w: Sql) -> Found:
    """Return the value of a column in the first row where another is greatest or least."""
    at = measure.options.get("at")
    if at is None or len(measure.columns) != 1:
        raise NotInDuck
    expr = Col(at) if isinstance(at, str) else at
    if w.kind(expr) not in ("number", "date", "boolean") or not rows.numbered:
        raise NotInDuck
    key, value = w.column(expr), w.column(measure.columns[0])
    way = "DESC" if measure.function == "at_max" else "ASC"
    found = fetch(rows, w, f"{value}, {key}", f"WHERE {key} IS NOT NULL ORDER BY {key} {way}, {quoted(ROW)} LIMIT 1")
    if not found:
        raise NotInDuck
    ties, present = fetch(rows, w, f"count(*) FILTER (WHERE {key} = {w.bind(found[0][1])}), count({key})")[0]
    checks = (f"{ties} rows tie; this is the first",) if ties > 1 else ()
    if found[0][0] is None:
        checks = (*checks, f"that row has no value in {said(measure.columns[0])!r}")
    return Found(value=tidy(found[0][0]), rows=present, parts={"at": tidy(found[0][1])}, checks=checks)


PAIRS: Mapping[str, Callable[[Measure, Any, Sql], Found]] = {
    "correlation": correlation,
    "covariance": covariance,
    "crosstab": crosstab,
    "at_max": at_extreme,
    "at_min": at_extreme,
}
