"""Measure typed questions over a generated table: 1,000,000 rows by 20 columns, 40 questions, against plain pandas.

Each question is asked cold of everything but the frame itself: computing, checks, code and plot are all in its time.
"Plain" is the shown expression alone, as a person would type it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import figures
import numpy as np
import pandas as pd
from scipy import stats

from assistant.dataset import steps
from assistant.dataset.compute import compute
from assistant.dataset.steps import (
    All,
    Call,
    Case,
    Col,
    Compare,
    Condition,
    Const,
    Cut,
    Derive,
    DropMissing,
    Expr,
    Filter,
    Impute,
    Limit,
    Measure,
    Outliers,
    Query,
    Resample,
    Scale,
    Sort,
    Summarise,
)

N0, N1, G, T, D = Col("n0"), Col("n1"), Col("gaps"), Col("town"), Col("day")
WORDS = ("Rome", "Oslo", "Lima", "Kyoto", "Accra", "Quito", "Turin", "Basel")


def generated(rows: int) -> pd.DataFrame:
    """Return a frame of 20 columns: numbers, gaps, whole numbers, texts, dates, truths."""
    random = np.random.default_rng(1)
    columns: dict[str, Any] = {f"n{i}": random.normal(50, 10 + i, rows) for i in range(8)}
    columns["gaps"] = np.where(random.random(rows) < 0.1, np.nan, random.exponential(5, rows))
    columns |= {f"k{i}": random.integers(0, 10 ** (i + 1), rows) for i in range(4)}
    columns |= {name: random.choice(WORDS, rows) for name in ("town", "from", "to")}
    columns["sex"] = np.where(random.random(rows) < 0.05, None, random.choice(["male", "female"], rows))
    columns["name"] = np.char.add("id ", random.integers(0, 10**6, rows).astype(str))
    columns["day"] = pd.Timestamp("2015-01-01") + pd.to_timedelta(random.integers(0, 2500, rows), "D")
    columns["paid"] = random.random(rows) < 0.3
    return pd.DataFrame(columns)


def m(
    function: str, *columns: Expr, by: tuple[str, ...] = (), where: Condition | None = None, **options: Any
) -> Measure:
    """Return a measure labelled m."""
    return Measure(label="m", function=function, columns=columns, by=by, where=where, options=options)


def ask(kind: str, *columns: Expr, **fields: Any) -> steps.Test:
    """Return a test labelled m."""
    return steps.Test(label="m", kind=kind, columns=columns, **fields)


OVER = Compare("gt", N1, Const(55))
ROME = Compare("eq", T, Const("rome"))
BANDS = Case(
    branches=((Compare("gt", N0, Const(60)), Const("high")), (Compare("gt", N0, Const(40)), Const("mid"))),
    otherwise=Const("low"),
)
QUERIES: dict[str, tuple[Any, ...]] = {
    "rows": (m("rows"),),
    "missing by column": (m("missing"),),
    "mean": (m("mean", N0),),
    "mean with gaps": (m("mean", G),),
    "median": (m("median", G),),
    "deviation": (m("std", N0, ddof=0),),
    "skewness": (m("skew", N0),),
    "ninth decile": (m("quantile", G, q=0.9),),
    "mode": (m("mode", Col("k2")),),
    "unique texts": (m("unique", Col("name")),),
    "counts": (m("counts", T),),
    "most frequent of many": (m("counts", Col("name"), n=5),),
    "share": (m("share", of=OVER),),
    "mean of a town": (Filter(ROME), m("mean", N0)),
    "filter on numbers": (Filter(All((OVER, Compare("lt", G, Const(3))))), m("median", N0)),
    "filter on a year": (Filter(Compare("eq", D, Const("2017"))), m("rows")),
    "filter on part of a text": (Filter(Compare("contains", T, Const("o"))), m("mean", N0)),
    "count where": (m("rows", where=Compare("in", T, ("Rome", "Oslo"))),),
    "mean by text": (m("mean", N0, by=("town",)),),
    "median by text": (m("median", N0, by=("town",)),),
    "mean by two": (m("mean", N0, by=("town", "sex")),),
    "deviation by number": (m("std", N0, by=("k1",)),),
    "counts by text": (m("counts", T, by=("sex",)),),
    "ratio": (Derive("r", Call("div", (N0, N1))), m("mean", Col("r"))),
    "logarithm": (Derive("r", Call("log", (G,))), m("std", Col("r"))),
    "year of a date": (Derive("year", Call("year", (D,))), m("mean", N0, by=("year",))),
    "bands": (Derive("band", BANDS), m("counts", Col("band"))),
    "bins": (
        Derive("bin", Cut(value=N0, how="edges", edges=(-1000, 40, 60, 1000), labels=("a", "b", "c"))),
        m("mean", N1, by=("bin",)),
    ),
    "filled": (Impute(columns=("gaps",), how="median"), m("mean", G)),
    "without gaps": (DropMissing(("gaps", "sex")), m("rows")),
    "outliers": (m("outliers", G),),
    "outliers removed": (Outliers(column="n0", method="z", factor=3.0, action="remove"), m("mean", N0)),
    "scaled": (Scale(columns=("n0",), method="minmax"), m("median", N0)),
    "top ten": (Sort(by=("n0",), descending=True), Limit(10), m("mean", N1)),
    "best town": (
        Summarise(by=("town",), measures=(Measure(label="avg", function="mean", columns=(N0,)),)),
        m("at_max", T, at="avg"),
    ),
    "by month": (
        Resample(time="day", every="month", measures=(Measure(label="total", function="sum", columns=(N0,)),)),
        m("max", Col("total")),
    ),
    "correlation": (m("correlation", N0, G),),
    "t-test": (ask("t", N0, by="sex"),),
    "analysis of variance": (ask("anova", N0, by="town"),),
    "chi-square": (ask("chi2", T, Col("sex")),),
}


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measured(frame: pd.DataFrame, rounds: int) -> list[dict[str, Any]]:
    """Return for each question the median seconds of computing and of its plain expression."""
    found = []
    for name, given in QUERIES.items():
        query = Query(steps=given)
        code = compute(query, frame).outcomes[-1].expression
        plain = compile(code, name, "eval")
        names = {"df": frame, "pd": pd, "np": np, "stats": stats}
        ours = [timed(lambda query=query: compute(query, frame)) for _ in range(rounds)]
        theirs = [timed(lambda plain=plain, names=names: eval(plain, names)) for _ in range(rounds)]
        found.append(
            {"question": name, "seconds": ours, "ours": statistics.median(ours), "plain": statistics.median(theirs)}
        )
    return found


def report(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return spreads over all questions, the ratio to plain pandas, and the slowest."""
    slowest = sorted(found, key=lambda one: -one["ours"])[:8]
    return {
        "compute": figures.spread([seconds for one in found for seconds in one["seconds"]]),
        "plain": figures.spread([one["plain"] for one in found]),
        "ratio_of_totals": round(sum(one["ours"] for one in found) / sum(one["plain"] for one in found), 2),
        "median_ratio": round(statistics.median(one["ours"] / max(one["plain"], 1e-4) for one in found), 2),
        "over_300_ms": sum(one["ours"] > 0.3 for one in found),
        "slowest": {one["question"]: [round(one["ours"] * 1000), round(one["plain"] * 1000)] for one in slowest},
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    frame = generated(arguments.rows)
    print(json.dumps({"rows": len(frame), "columns": frame.shape[1], "questions": len(QUERIES),
                      **report(measured(frame, arguments.rounds))}, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
