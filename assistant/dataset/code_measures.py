"""Pandas code for measures; `measures` computes the same without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assistant.dataset.code_expr import Writer
from assistant.dataset.code_frame import bounds, filtered, over
from assistant.dataset.steps import Col, Expr, Measure
from assistant.dataset.walk import said

Options = Mapping[str, Any]
Coder = Callable[[str, Options], str]


def option(name: str, default: Any, options: Options) -> str:
    """Return a keyword argument where it differs from what pandas takes by itself."""
    value = options.get(name, default)
    return "" if value == default else f"{name}={value!r}"


def spread(method: str) -> Coder:
    """Return the coder of std, var or sem with their degrees of freedom."""
    return lambda s, o: f"{s}.{method}({option('ddof', 1, o)})"


def outliers(s: str, options: Options) -> str:
    """Return code for the number of values outside the fences."""
    low, high = bounds(s, **options)
    return f"(({s} < {low}) | ({s} > {high})).sum()"


def skewness(s: str, options: Options) -> str:
    """Return code for skewness."""
    if not options.get("biased"):
        return f"{s}.skew()"
    return f"(({s} - {s}.mean()) ** 3).mean() / (({s} - {s}.mean()) ** 2).mean() ** 1.5"


def kurtosis(s: str, options: Options) -> str:
    """Return code for excess kurtosis."""
    if not options.get("biased"):
        return f"{s}.kurt()"
    return f"(({s} - {s}.mean()) ** 4).mean() / (({s} - {s}.mean()) ** 2).mean() ** 2 - 3"


def percent(options: Options) -> str:
    """Return the factor that makes percent of a share."""
    return " * 100" if options.get("percent") else ""


SCALARS: Mapping[str, Coder] = {
    "sum": lambda s, o: f"{s}.sum()",
    "mean": lambda s, o: f"{s}.mean()",
    "median": lambda s, o: f"{s}.median()",
    "std": spread("std"),
    "var": spread("var"),
    "sem": spread("sem"),
    "skew": skewness,
    "kurtosis": kurtosis,
    "quantile": lambda s, o: f"{s}.quantile({o.get('q', 0.5)!r})",
    "iqr": lambda s, o: f"{s}.quantile(0.75) - {s}.quantile(0.25)",
    "mad": lambda s, o: f"({s} - {s}.mean()).abs().mean()",
    "cv": lambda s, o: f"{s}.std({option('ddof', 1, o)}) / {s}.mean()",
    "range": lambda s, o: f"{s}.max() - {s}.min()",
    "outliers": outliers,
    "count": lambda s, o: f"{s}.count()",
    "missing": lambda s, o: f"{s}.isna().sum()",
    "missing_share": lambda s, o: f"{s}.isna().mean(){percent(o)}",
    "unique": lambda s, o: f"{s}.nunique()",
    "min": lambda s, o: f"{s}.min()",
    "max": lambda s, o: f"{s}.max()",
    "mode": lambda s, o: f"{s}.mode().iloc[0]",
    "first": lambda s, o: f"{s}.iloc[0]",
    "last": lambda s, o: f"{s}.iloc[-1]",
    "values": lambda s, o: f"{s}.tolist()" if o.get("all") else f"{s}.dropna().unique().tolist()",
    "counts": lambda s, o: f"{s}.value_counts(){headed(o)}.to_dict()",
    "shares": lambda s, o: f"({s}.value_counts(normalize=True){percent(o)}){headed(o)}.to_dict()",
    "histogram": lambda s, o: f"np.histogram({s}.dropna(), bins={int(o.get('bins', 10))})[0].tolist()",
    "top": lambda s, o: f"{s}.nlargest({int(o.get('n', 5))}).tolist()",
    "bottom": lambda s, o: f"{s}.nsmallest({int(o.get('n', 5))}).tolist()",
    "outlier_bounds": lambda s, o: f"[{', '.join(bounds(s, **o))}]",
}
RAW = frozenset(
    {"count", "missing", "missing_share", "unique", "min", "max", "mode", "first", "last", "values", "counts", "shares"}
)
"""Measures of any kind of column; the others are of numbers."""
METHODS = frozenset(
    {"sum", "mean", "median", "std", "var", "sem", "quantile", "count", "unique", "min", "max", "skew"}
)  # fmt: skip
"""What pandas has as a method of groups."""
FRAMES: Mapping[str, str] = {
    "rows": "len({0})",
    "columns": "{0}.shape[1]",
    "shape": "list({0}.shape)",
    "names": "list({0}.columns)",
    "types": "{0}.dtypes.astype(str).to_dict()",
    "missing": "{0}.isna().sum().to_dict()",
    "count": "{0}.count().to_dict()",
    "unique": "{0}.nunique().to_dict()",
    "missing_rows": "{0}.isna().any(axis=1).sum()",
}


def headed(options: Options) -> str:
    """Return the call that keeps the most frequent values."""
    return f".head({int(options['n'])})" if options.get("n") is not None else ""


def measured(measure: Measure, frame: str, w: Writer) -> str:
    """Return code for a measure over the rows of a frame."""
    where, function, options = measure.where, measure.function, measure.options
    if where is not None:
        frame = filtered(frame, lambda d: w.mask(where, d))
    if function == "value":
        return w.column(measure.columns[0], frame)
    if measure.by:
        return over(frame, lambda d: grouped(measure, d, w))
    if function == "share":
        return over(frame, lambda d: f"({w.mask(options['of'], d)}).mean(){percent(options)}")
    if function in PAIRS:
        return over(frame, lambda d: PAIRS[function](measure, d, w))
    if function == "duplicates":
        names = [expr.name for expr in measure.columns if isinstance(expr, Col)]
        return f"{frame}.duplicated({f'subset={names!r}' if names else ''}).sum()"
    if not measure.columns and function == "missing_share":
        return f"({frame}.isna().mean(){percent(options)}).to_dict()"
    if not measure.columns:
        return FRAMES[function].format(frame)
    if len(measure.columns) > 1:
        return over(frame, lambda d: several(measure, d, w))
    return over(frame, lambda d: single(function, measure.columns[0], d, w, options))


def several(measure: Measure, d: str, w: Writer) -> str:
    """Return code for a measure of several columns, by column."""
    simple = measure.function in SCALARS and all(isinstance(c, Col) and w.kind(c) == "number" for c in measure.columns)
    if simple and measure.function in METHODS - {"unique", "quantile"}:
        names = [c.name for c in measure.columns if isinstance(c, Col)]
        return f"{SCALARS[measure.function](f'{d}[{names!r}]', measure.options)}.to_dict()"
    items = (f"{said(c)!r}: {single(measure.function, c, d, w, measure.options)}" for c in measure.columns)
    return "{" + ", ".join(items) + "}"


def single(function: str, expr: Expr, d: str, w: Writer, options: Options) -> str:
    """Return code for a measure of one column."""
    return over(operand(function, expr, d, w), lambda s: SCALARS[function](s, options), "s")


def operand(function: str, expr: Expr, d: str, w: Writer) -> str:
    """Return code for the column that a measure is of."""
    if function in RAW or w.kind(expr) == "date":
        return w.series(expr, d)
    return w.number(expr, d)


def keyed(by: tuple[str, ...]) -> str:
    """Return code for the columns to group by."""
    return repr(by[0]) if len(by) == 1 else repr(list(by))


def grouped(measure: Measure, d: str, w: Writer) -> str:
    """Return code for a measure by group, as a dict."""
    if len(measure.columns) > 1 and measure.function not in PAIRS:
        return grouped_columns(measure, d, w)
    return f"{by_group(measure, measure.by, d, w)}.to_dict()"


def grouped_columns(measure: Measure, d: str, w: Writer) -> str:
    """Return code for a measure of several columns by group and column."""
    parts = []
    for expr in measure.columns:
        one = Measure(label="", function=measure.function, columns=(expr,), by=measure.by, options=measure.options)
        key = "(*key, " if len(measure.by) > 1 else "(key, "
        parts.append(f"**{{{key}{said(expr)!r}): v for key, v in {by_group(one, measure.by, d, w)}.items()}}")
    return "{" + ", ".join(parts) + "}"


def by_group(measure: Measure, by: tuple[str, ...], d: str, w: Writer) -> str:
    """Return code for a measure by group, as a Series over the groups."""
    if measure.where is not None and not measure.by:
        d = filtered(d, lambda name: w.mask(measure.where, name))  # type: ignore[arg-type]
    function, options = measure.function, measure.options
    if function == "rows":
        return f"{d}.groupby({keyed(by)}, observed=True).size()"
    if function == "share":
        keys = "[" + ", ".join(f"{d}[{name!r}]" for name in by) + "]" if len(by) > 1 else f"{d}[{by[0]!r}]"
        code = f"({w.mask(options['of'], d)}).groupby({keys}, observed=True).mean()"
        return f"({code} * 100)" if options.get("percent") else code
    if function in PAIRS or not measure.columns:
        one = Measure(label="", function=function, columns=measure.columns, options=options)
        return f"{d}.groupby({keyed(by)}, observed=True)[{d}.columns.tolist()].apply(lambda g: {measured(one, 'g', w)})"
    return by_group_column(measure, by, d, w)


def by_group_column(measure: Measure, by: tuple[str, ...], d: str, w: Writer) -> str:
    """Return code for a measure of one column by group."""
    function, options, expr = measure.function, measure.options, measure.columns[0]
    if isinstance(expr, Col) and (function in RAW or w.kind(expr) in ("number", "date")):
        groups = f"{d}.groupby({keyed(by)}, observed=True)[{expr.name!r}]"
    else:
        keys = "[" + ", ".join(f"{d}[{name!r}]" for name in by) + "]" if len(by) > 1 else f"{d}[{by[0]!r}]"
        groups = f"{operand(function, expr, d, w)}.groupby({keys}, observed=True)"
    if function == "counts":
        return f"{groups}.value_counts()"
    if function == "shares":
        code = f"{groups}.value_counts(normalize=True)"
        return f"({code} * 100)" if options.get("percent") else code
    if function in METHODS and not options.get("biased"):
        return SCALARS[function](groups, options)
    return f"{groups}.agg(lambda s: {SCALARS[function]('s', options)})"


# -- pairs of columns -------------------------------------------------------------------------------------------------


def correlation(measure: Measure, d: str, w: Writer) -> str:
    """Return code for a correlation over the rows that have both values."""
    a, b = (w.number(expr, d) for expr in measure.columns)
    method = measure.options.get("method", "pearson")
    return f"{a}.corr({b}{'' if method == 'pearson' else f', method={method!r}'})"


def covariance(measure: Measure, d: str, w: Writer) -> str:
    """Return code for a covariance."""
    a, b = (w.number(expr, d) for expr in measure.columns)
    return f"{a}.cov({b})"


def crosstab(measure: Measure, d: str, w: Writer) -> str:
    """Return code for a cross table, as a dict by the two values."""
    a, b = (w.series(expr, d) for expr in measure.columns)
    second = f"{b}.rename('second')" if measure.columns[0] == measure.columns[1] else b
    return f"pd.crosstab({a}, {second}).stack().to_dict()"


def correlations(measure: Measure, d: str, w: Writer) -> str:
    """Return code for the correlations of a column with others, strongest first."""
    options, names = measure.options, [c.name for c in measure.columns if isinstance(c, Col)]
    if len(names) < 2:
        names += [name for name in w.kinds if name not in names and w.kinds[name] == "number"]
    method = options.get("method", "pearson")
    argument = "" if method == "pearson" else f"method={method!r}"
    ranked = f".dropna().sort_values(key=abs, ascending=False, kind='stable'){headed(options)}.to_dict()"
    if options.get("pairs"):
        table = f"{d}[{names!r}].astype(float).corr({argument})"
        return f"{table}.where(np.triu(np.ones(({len(names)}, {len(names)})), 1) > 0).stack(){ranked}"
    others = f"{d}[{names[1:]!r}].astype(float)"
    return f"{others}.corrwith({w.number(Col(names[0]), d)}{', ' + argument if argument else ''}){ranked}"


def extreme(method: str) -> Callable[[Measure, str, Writer], str]:
    """Return the coder of a column's value in the row where another is greatest or least."""

    def run(measure: Measure, d: str, w: Writer) -> str:
        at = measure.options["at"]
        keys = w.series(Col(at) if isinstance(at, str) else at, d)
        return f"{w.series(measure.columns[0], d)}.loc[{keys}.{method}()]"

    return run


def trend(measure: Measure, d: str, w: Writer) -> str:
    """Return code for the slope of the least-squares line."""
    time = measure.columns[1] if len(measure.columns) > 1 else measure.options.get("time")
    expr = Col(time) if isinstance(time, str) else time
    y = f"y={w.number(measure.columns[0], d)}"
    if expr is None:
        x = f"x=np.arange(len({d}), dtype=float)"
    elif w.kind(expr) == "date":
        x = f"x=({w.column(expr, d)} - pd.Timestamp('1970-01-01')).dt.total_seconds() / 86400"
    else:
        x = f"x={w.number(expr, d)}"
    both = f"{d}.assign({x}, {y})[['x', 'y']].astype(float).dropna()"
    return f"{both}.pipe(lambda xy: stats.linregress(xy['x'], xy['y']).slope)"


PAIRS: Mapping[str, Callable[[Measure, str, Writer], str]] = {
    "correlation": correlation,
    "covariance": covariance,
    "crosstab": crosstab,
    "correlations": correlations,
    "at_max": extreme("idxmax"),
    "at_min": extreme("idxmin"),
    "trend": trend,
}


def parts(measure: Measure, frame: str, w: Writer) -> dict[str, str]:
    """Return code for the parts of a measure that an answer may name, where there are any."""
    where = measure.where
    if where is not None:
        frame = filtered(frame, lambda d: w.mask(where, d))
    if measure.by:
        return {}
    if measure.function == "shape":
        return {"rows": f"len({frame})", "columns": f"{frame}.shape[1]"}
    if measure.function == "correlation":
        return correlation_parts(measure, frame, w)
    if measure.function == "share":
        return {"count": over(frame, lambda d: f"({w.mask(measure.options['of'], d)}).sum()")}
    if measure.function == "trend":
        whole = over(frame, lambda d: trend(measure, d, w)).removesuffix(".slope)")
        return {"slope": f"{whole}.slope)", "p": f"{whole}.pvalue)", "r": f"{whole}.rvalue)"}
    return column_parts(measure, frame, w)


def column_parts(measure: Measure, frame: str, w: Writer) -> dict[str, str]:
    """Return code for the parts of a measure of one column."""
    if len(measure.columns) != 1:
        return {}
    templates: dict[str, Callable[[str], str]] = {}
    if measure.function == "outlier_bounds":
        low, high = (lambda s, side=side: bounds(s, **measure.options)[side] for side in (0, 1))
        templates = {"low": low, "high": high}
    elif measure.function == "mode":
        templates = {"count": lambda s: f"{s}.value_counts().max()", "ties": lambda s: f"len({s}.mode())"}
    elif measure.function == "range":
        templates = {"min": lambda s: f"{s}.min()", "max": lambda s: f"{s}.max()"}
    expr = measure.columns[0]

    def written(template: Callable[[str], str]) -> str:
        return over(frame, lambda d: over(operand(measure.function, expr, d, w), template, "s"))

    return {name: written(template) for name, template in templates.items()}


def correlation_parts(measure: Measure, frame: str, w: Writer) -> dict[str, str]:
    """Return code for r, p and n of a correlation."""
    a, b = measure.columns
    function = {"spearman": "spearmanr", "kendall": "kendalltau"}.get(measure.options.get("method", ""), "pearsonr")

    def both(d: str) -> str:
        return f"pd.DataFrame({{'x': {w.number(a, d)}, 'y': {w.number(b, d)}}}).astype(float).dropna()"

    pairs = over(frame, both)
    test = f"{pairs}.pipe(lambda d: stats.{function}(d['x'], d['y']))"
    return {"r": f"{test}.statistic", "p": f"{test}.pvalue", "n": f"len({pairs})"}
