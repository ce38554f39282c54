"""The same queries over pandas, over DuckDB, by their shown expression and by their shown program: one value each."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assistant.dataset import steps
from assistant.dataset.compute import compute
from assistant.dataset.steps import (
    All,
    AnyOf,
    Call,
    Case,
    Col,
    Compare,
    Condition,
    Const,
    Cut,
    Derive,
    DropColumns,
    DropDuplicates,
    DropMissing,
    Encode,
    Expr,
    Filter,
    Impute,
    Limit,
    Measure,
    Not,
    Outliers,
    Query,
    Ref,
    Replace,
    Resample,
    Scale,
    Sort,
    Step,
    Summarise,
)
from assistant.dataset.values import tidy
from kb.tables import Table, open_table

N = 400
SEX, PLACE, SOLD, FLAG = Col("sex"), Col("the place's name"), Col("sold"), Col("flag")
X, Y, K, G = Col("x"), Col("y 💶"), Col("k"), Col("gaps")


def made() -> pd.DataFrame:
    """Return a frame with numbers, gaps, texts in several spellings, dates and truths."""
    random = np.random.default_rng(11)
    days = pd.Timestamp("2014-11-20") + pd.to_timedelta(random.integers(0, 700, N), "D")
    frame = pd.DataFrame(
        {
            "x": random.normal(50, 12, N).round(3),
            "y 💶": random.exponential(3, N).round(4),
            "k": random.integers(-3, 9, N),
            "gaps": random.normal(1000, 1, N).round(2),
            "sex": random.choice(["male", "Female", "female ", "other"], N),
            "the place's name": random.choice(["Rome", "Oslo", "New York", "são paulo", "Rio 7", "12,5 km"], N),
            "sold": days.strftime("%Y-%m-%d"),
            "flag": random.random(N) < 0.4,
            "__class__": random.choice(list("ab"), N),
        }
    )
    frame.loc[random.choice(N, 40, replace=False), "gaps"] = np.nan
    frame.loc[random.choice(N, 25, replace=False), "sex"] = None
    frame.loc[random.choice(N, 10, replace=False), "sold"] = None
    return pd.concat([frame, frame.head(5)], ignore_index=True)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, Table]:
    """Return the same file as a table in memory and as one that is read where it lies."""
    path = tmp_path_factory.mktemp("tables") / "data.csv"
    made().to_csv(path, index=False)
    small, large = open_table(path), open_table(path, large_from=1)
    assert (small.large, large.large) == (False, True)
    return small, large


def m(
    function: str, *columns: Expr, by: tuple[str, ...] = (), where: Condition | None = None, **options: Any
) -> Measure:
    """Return a measure labelled m."""
    return Measure(label="m", function=function, columns=columns, by=by, where=where, options=options)


def call(function: str, *args: Expr) -> Call:
    """Return a function over expressions."""
    return Call(function, args)


def derived(value: Expr, function: str = "sum") -> tuple[Step, ...]:
    """Return a derived column, measured."""
    return Derive("new", value), m(function, Col("new"))


def kept(where: Condition) -> tuple[Step, ...]:
    """Return a filter and the number of rows after it."""
    return Filter(where), m("rows")


ONE = (
    "sum",
    "mean",
    "median",
    "std",
    "var",
    "sem",
    "skew",
    "kurtosis",
    "quantile",
    "iqr",
    "mad",
    "cv",
    "range",
    "outliers",
    "count",
    "missing",
    "missing_share",
    "unique",
    "min",
    "max",
    "mode",
    "first",
    "last",
    "histogram",
    "top",
    "bottom",
    "outlier_bounds",
)
GROUPED = (
    "sum",
    "mean",
    "median",
    "std",
    "var",
    "sem",
    "skew",
    "kurtosis",
    "quantile",
    "iqr",
    "mad",
    "cv",
    "range",
    "count",
    "missing",
    "missing_share",
    "unique",
    "min",
    "max",
    "mode",
    "outliers",
)
WHOLE = (
    "rows",
    "columns",
    "shape",
    "names",
    "missing",
    "missing_share",
    "count",
    "unique",
    "missing_rows",
    "duplicates",
)
CASE = Case(
    branches=((Compare("ge", X, Ref("q")), Const("High")), (Compare("gt", X, Const(40)), Const("Mid"))),
    otherwise=Const("Low"),
)
BINS = Cut(value=X, how="edges", edges=(0.0, 40.0, 60.0, 100.0), labels=("a", "b", "c"))
OVER = Compare("gt", X, Const(55))
QUERIES: dict[str, tuple[Step, ...]] = {
    "chi-square": (steps.Test(label="m", kind="chi2", columns=(SEX, PLACE)),),
    "t-test": (steps.Test(label="m", kind="t", columns=(G,), by="flag"),),
    "normality of some": (Filter(Compare("gt", X, Const(50))), steps.Test(label="m", kind="shapiro", columns=(Y,))),
    **{f"{f} of gaps": (m(f, G),) for f in ONE},
    **{f"{f} of whole numbers": (m(f, K),) for f in ONE},
    **{f"{f} by sex": (m(f, G, by=("sex",)),) for f in GROUPED},
    **{f"{f} of the table": (m(f),) for f in WHOLE},
    **{f"{f} where": (m(f, X, where=OVER),) for f in ("mean", "count", "iqr")},
    "skew as scipy has it": (m("skew", X, biased=True),),
    "kurtosis as scipy has it": (m("kurtosis", X, biased=True),),
    "population deviation": (m("std", G, ddof=0),),
    "population deviation by group": (m("std", G, by=("sex",), ddof=0),),
    "ninth decile": (m("quantile", X, q=0.9),),
    "ninth decile by group": (m("quantile", X, by=("sex",), q=0.9),),
    "counts": (m("counts", SEX),),
    "most frequent": (m("counts", K, n=3),),
    "shares in percent": (m("shares", SEX, percent=True),),
    "counts by group": (m("counts", FLAG, by=("sex",)),),
    "shares by group": (m("shares", K, by=("sex",)),),
    "share that": (m("share", of=OVER),),
    "share by group": (m("share", by=("sex",), of=OVER, percent=True),),
    "rows by two": (m("rows", by=("sex", "flag")),),
    "mean by two": (m("mean", X, by=("sex", "__class__")),),
    "means of several": (m("mean", X, G, K),),
    "means of several by group": (m("mean", X, K, by=("sex",)),),
    "mean of a sum by group": (m("mean", call("add", X, G), by=("sex",)),),
    "values": (m("values", PLACE),),
    "all values": (m("values", G, all=True),),
    "mean of truths": (m("mean", FLAG),),
    "sum of truths by group": (m("sum", FLAG, by=("sex",)),),
    "first date": (m("min", SOLD),),
    "last date by group": (m("max", SOLD, by=("sex",)),),
    "text at the greatest": (m("at_max", PLACE, at="x"),),
    "text at the least": (m("at_min", PLACE, at="gaps"),),
    "pearson": (m("correlation", X, G),),
    "spearman": (m("correlation", K, Y, method="spearman"),),
    "kendall": (m("correlation", K, Y, method="kendall"),),
    "pearson by group": (m("correlation", X, G, by=("sex",)),),
    "covariance": (m("covariance", X, G),),
    "correlations": (m("correlations", X),),
    "strongest pair": (m("correlations", pairs=True, n=2),),
    "crosstab": (m("crosstab", SEX, FLAG),),
    "trend over time": (m("trend", X, SOLD),),
    "trend over rows": (m("trend", G),),
    "duplicates in a column": (m("duplicates", SEX),),
    "outliers by z": (m("outliers", Y, method="z", factor=2.0, ddof=1),),
    "difference of means": (
        Measure(label="a", function="mean", columns=(X,)),
        Measure(label="b", function="mean", columns=(Y,)),
        m("value", call("sub", Ref("a"), Ref("b"))),
    ),
    "texts are": kept(Compare("eq", SEX, Const(" FEMALE"))),
    "texts are not": kept(Compare("ne", SEX, Const("female"))),
    "texts are of": kept(Compare("in", SEX, ("Male", "other"))),
    "texts are not of": kept(Not(Compare("in", SEX, ("Male", "other")))),
    "texts contain": kept(Compare("contains", PLACE, Const("R"))),
    "texts do not contain": kept(Not(Compare("contains", SEX, Const("FE")))),
    "texts start": kept(Compare("starts", PLACE, Const("ri"))),
    "texts end": kept(Compare("ends", PLACE, Const("O"))),
    "texts after": kept(Compare("ge", PLACE, Const("oslo"))),
    "numbers are not": kept(Compare("ne", K, Const(3))),
    "numbers between": kept(Compare("between", G, (999, 1000.5))),
    "numbers not between": kept(Not(Compare("between", G, (999, 1000.5)))),
    "numbers of": kept(Compare("in", K, (1, "2", 3.0))),
    "columns compared": kept(Compare("gt", X, call("mul", Y, Const(10)))),
    "missing": kept(Compare("missing", G)),
    "present or large": kept(AnyOf((Compare("present", SEX), OVER))),
    "neither": kept(Not(AnyOf((Compare("gt", G, Const(1000)), Compare("eq", SEX, Const("male")))))),
    "all of": kept(All((OVER, Not(Compare("eq", SEX, Const("male")))))),
    "truths": kept(Compare("eq", FLAG, Const("yes"))),
    "a year": kept(Compare("eq", SOLD, Const("2015"))),
    "not a month": kept(Compare("ne", SOLD, Const("2015-03"))),
    "before a day": kept(Compare("lt", SOLD, Const("2015-06-30"))),
    "up to a quarter": kept(Compare("le", SOLD, Const("2015-Q2"))),
    "between months": kept(Compare("between", SOLD, ("2015-01", "2015-08"))),
    "over the mean": (Measure(label="a", function="mean", columns=(X,)), *kept(Compare("gt", X, Ref("a")))),
    **{
        f"{f} of a positive": derived(call(f, Y))
        for f in ("sqrt", "square", "log", "log10", "log2", "log1p", "abs", "neg", "exp")
    },
    **{
        f"{f} of any": derived(call(f, K))
        for f in ("sqrt", "log", "square", "abs", "cumsum", "diff", "zscore", "minmax", "rank", "share_of_sum")
    },
    **{f"{f} of gaps in order": derived(call(f, G)) for f in ("cumsum", "diff", "pct_change", "shift", "rank")},
    **{f"{f} of a date": derived(call(f, SOLD)) for f in ("year", "quarter", "month", "day", "weekday", "hour")},
    "weekday names": (Derive("new", call("weekday_name", SOLD)), m("counts", Col("new"))),
    "sum of three": derived(call("add", X, K, Const(1))),
    "difference": derived(call("sub", X, FLAG)),
    "product": derived(call("mul", K, G)),
    "ratio": derived(call("div", X, K), "mean"),
    "remainder": derived(call("mod", K, Const(3))),
    "remainder of columns": derived(call("mod", X, K)),
    "power": derived(call("pow", Y, Const(0.5))),
    "whole power": derived(call("pow", K, Const(2))),
    "rounded": derived(call("round", X, Const(1))),
    "mean of columns": derived(call("mean_of", X, G)),
    "least of columns": derived(call("min_of", X, G, K)),
    "greatest with a number": derived(call("max_of", G, Const(1000))),
    "days between": derived(call("days_between", SOLD, Const("2016-12-31")), "mean"),
    "length": derived(call("length", PLACE)),
    "joined": (Derive("new", call("concat", SEX, Const("-"), PLACE)), m("unique", Col("new"))),
    "number in text": derived(call("number", PLACE)),
    "gaps as numbers": derived(call("is_missing", G)),
    "group mean": derived(call("group_mean", G, SEX)),
    "codes": derived(call("code", PLACE)),
    "rolling mean": derived(call("rolling_mean", X, Const(3))),
    "two back": derived(call("shift", X, Const(2))),
    "cases": (
        Measure(label="q", function="quantile", columns=(X,), options={"q": 0.75}),
        Derive("new", CASE),
        m("counts", Col("new")),
    ),
    "bins": (Derive("new", BINS), m("mean", Y, by=("new",))),
    "bins without names": (
        Derive("new", Cut(value=X, how="edges", edges=(0.0, 50.0, 100.0), right=False)),
        m("rows", by=("new",)),
    ),
    "bins of equal width": (Derive("new", Cut(value=X, how="width", n=4)), m("rows", by=("new",))),
    "quartiles": (
        Derive("new", Cut(value=X, how="quantiles", n=4, labels=("a", "b", "c", "d"))),
        m("mean", X, by=("new",)),
    ),
    "replaced": (Derive("new", Replace(value=SEX, pairs=(("FEMALE", "f"), ("male", "m")))), m("counts", Col("new"))),
    "replaced by numbers": derived(Replace(value=SEX, pairs=(("female", 1),), otherwise=Const(0))),
    "replaced or another column": derived(Replace(value=K, pairs=((-3, 100),), otherwise=X)),
    **{
        f"filled with the {how}": (Impute(columns=("gaps",), how=how), m("std", G))
        for how in ("mean", "median", "mode", "forward", "backward", "interpolate")
    },
    "filled with a number": (Impute(columns=("gaps",), how="constant", value=0), m("mean", G)),
    "filled with a word": (Impute(columns=("sex",), how="constant", value="none"), m("counts", SEX)),
    "filled everywhere": (Impute(how="median"), m("mean", G)),
    "filled with the mode by text": (Impute(columns=("sex",), how="mode"), m("counts", SEX)),
    "without gaps": (DropMissing(), m("mean", X)),
    "without some gaps": (DropMissing(("gaps",)), m("rows")),
    "without repeats": (DropDuplicates(), m("sum", X)),
    "first of each": (DropDuplicates(("sex",)), m("sum", X)),
    "without columns": (DropColumns(("x", "k")), m("shape")),
    **{
        f"outliers: {a}": (Outliers(column="y 💶", action=a), m("mean", Y))
        for a in ("keep", "remove", "mean", "median", "clip")
    },
    "outliers by deviation": (Outliers(column="gaps", method="z", factor=2.0, action="remove"), m("rows")),
    "outliers by percentile": (Outliers(column="x", method="percentile", factor=5, action="remove"), m("mean", X)),
    "outliers marked": (Outliers(column="y 💶", action="flag", name="far"), m("mean", X, by=("far",))),
    **{
        f"scaled: {s}": (Scale(columns=("y 💶", "gaps"), method=s), m("mean", G, Y))
        for s in ("standard", "minmax", "robust", "maxabs", "log")
    },
    "codes of texts": (Encode(columns=("sex",)), m("mean", SEX)),
    "one-hot": (Encode(columns=("__class__",), method="onehot"), m("sum", Col("__class___a"))),
    "sorted": (Sort(by=("gaps",), descending=True), m("first", PLACE)),
    "last of sorted": (Sort(by=("sex", "k")), Limit(37), m("last", X)),
    "top five": (Sort(by=("x",), descending=True), Limit(5), m("mean", Y)),
    "best group": (
        Summarise(
            by=("the place's name",),
            measures=(
                Measure(label="avg", function="mean", columns=(X,)),
                Measure(label="n", function="rows", where=OVER),
            ),
        ),
        m("at_max", PLACE, at="avg"),
    ),
    "groups over groups": (
        Summarise(by=("sex", "flag"), measures=(Measure(label="avg", function="median", columns=(G,)),)),
        Filter(Compare("gt", Col("avg"), Const(1000))),
        m("mean", Col("avg"), by=("sex",)),
    ),
    "by month": (
        Resample(time="sold", every="month", measures=(Measure(label="total", function="sum", columns=(X,)),)),
        Derive("growth", call("pct_change", Col("total"))),
        m("mean", Col("growth")),
    ),
    "by week": (
        Resample(time="sold", every="week", measures=(Measure(label="n", function="rows"),)),
        m("max", Col("n")),
    ),
    "by quarter": (
        Resample(time="sold", every="quarter", measures=(Measure(label="t", function="mean", columns=(G,)),)),
        m("at_max", SOLD, at="t"),
    ),
}


def close(a: Any, b: Any) -> bool:
    """Tell whether two values are equal, floats to nine digits."""
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and set(a) == set(b) and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float | int) and isinstance(b, float | int):
        return bool(a == pytest.approx(b, rel=1e-9, abs=1e-9))
    return bool(a == b)


@pytest.mark.parametrize("name", QUERIES)
def test_the_shown_expression_gives_the_shown_value(name: str, tables: tuple[Table, Table]) -> None:
    frame = tables[0].frame
    for outcome in compute(Query(steps=QUERIES[name]), tables[0]).outcomes:
        shown = tidy(eval(outcome.expression, {"df": frame, "pd": pd, "np": np, "stats": stats}))
        assert outcome.value is not None
        assert close(shown, outcome.value), f"{outcome.expression}\n{shown}\n{outcome.value}"


@pytest.mark.parametrize("name", QUERIES)
def test_the_shown_program_prints_the_shown_values(name: str, tables: tuple[Table, Table]) -> None:
    found = compute(Query(steps=QUERIES[name]), tables[0])
    names: dict[str, Any] = {}
    with contextlib.chdir(tables[0].path.parent), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        exec(found.code, names)
    for outcome in found.outcomes:
        assert close(tidy(names["answers"][outcome.label]), outcome.value), found.code


@pytest.mark.parametrize("name", QUERIES)
def test_duckdb_gives_what_pandas_gives(name: str, tables: tuple[Table, Table]) -> None:
    small, large = (compute(Query(steps=QUERIES[name]), table) for table in tables)
    assert [trail.rows for trail in small.trail] == [trail.rows for trail in large.trail]
    for one, other in zip(small.outcomes, large.outcomes, strict=True):
        assert close(one.value, other.value), f"{one.value}\n{other.value}"
        assert (one.rows, one.checks) == (other.rows, other.checks)
        assert close(one.parts, other.parts)
        assert one.expression == other.expression
