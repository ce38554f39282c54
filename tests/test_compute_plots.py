"""What is drawn beside a value: aggregated exactly, sampled where there are many points, and said so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assistant.dataset import steps
from assistant.dataset.compute import compute
from assistant.dataset.steps import Col, Compare, Const, Measure, Query, Resample, Summarise
from assistant.dataset.types import Plot

RANDOM = np.random.default_rng(2)
N = 3000
FRAME = pd.DataFrame(
    {
        "x": RANDOM.normal(size=N),
        "y": RANDOM.normal(size=N),
        "sex": RANDOM.choice(["a", "b"], N),
        "town": RANDOM.choice(["p", "q", "r"], N),
        "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N), "D"),
        "age": RANDOM.integers(0, 80, N),
    }
)
X, Y = Col("x"), Col("y")


def drawn(step: Any, plot: str = "", frame: pd.DataFrame = FRAME) -> Plot | None:
    """Return the plot of a query with one step."""
    return compute(Query(steps=(step,), plot=plot), frame).plot


def m(function: str, *columns: Any, by: tuple[str, ...] = (), **options: Any) -> Measure:
    """Return a measure labelled m."""
    return Measure(label="m", function=function, columns=columns, by=by, options=options)


def ask(kind: str, *columns: Any, **fields: Any) -> steps.Test:
    """Return a test labelled t."""
    return steps.Test(label="t", kind=kind, columns=columns, **fields)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (m("mean", X, by=("sex",)), "bars"),
        (m("mean", X, by=("age",)), "line"),
        (m("rows", by=("sex", "town")), "bars"),
        (m("counts", Col("town")), "bars"),
        (m("skew", X), "histogram"),
        (m("histogram", X, bins=7), "histogram"),
        (m("outliers", X), "box"),
        (m("correlation", X, Y), "scatter"),
        (m("correlations", X), "bars"),
        (m("correlations", pairs=True), "heatmap"),
        (m("crosstab", Col("sex"), Col("town")), "heatmap"),
        (m("trend", X, Col("day")), "line"),
        (m("trend", X), "line"),
        (ask("shapiro", X), "histogram"),
        (ask("t", X, by="sex"), "box"),
        (ask("anova", X, by="town"), "box"),
        (ask("welch", X, samples=(Compare("lt", Y, Const(0)), Compare("ge", Y, Const(0)))), "box"),
        (ask("paired_t", X, Y), "box"),
        (ask("chi2", Col("sex"), Col("town")), "heatmap"),
        (Summarise(by=("town",), measures=(m("mean", X),)), "bars"),
        (Resample(time="day", every="month", measures=(m("mean", X),)), "line"),
    ],
)
def test_a_value_is_drawn_as_a_person_would_look_at_it(step: Any, kind: str) -> None:
    plot = drawn(step)
    assert plot is not None
    assert (plot.kind, len(plot.columns)) == (kind, len(plot.rows[0]))
    assert plot.kind in ("box", "histogram") or {plot.x, plot.y} <= set(plot.columns)
    assert len(set(plot.columns)) == len(plot.columns)


def test_a_plain_number_needs_no_plot() -> None:
    assert drawn(m("mean", X)) is None


@pytest.mark.parametrize(("kind", "rows"), [("histogram", 20), ("box", 1)])
def test_the_plot_that_was_asked_for_is_drawn(kind: str, rows: int) -> None:
    plot = drawn(m("mean", X), kind)
    assert plot is not None
    assert (plot.kind, len(plot.rows)) == (kind, rows)


def test_a_histogram_counts_every_row() -> None:
    plot = drawn(m("skew", X))
    assert plot is not None
    assert sum(row[2] for row in plot.rows) == N


def test_a_box_holds_its_five_numbers() -> None:
    plot = drawn(ask("t", X, by="sex"))
    assert plot is not None
    known = FRAME.groupby("sex")["x"].quantile([0, 0.25, 0.5, 0.75, 1])
    assert plot.rows[0] == ("a", *(pytest.approx(value) for value in known["a"]))


def test_many_points_are_sampled_and_said_to_be() -> None:
    plot, few = drawn(m("correlation", X, Y)), drawn(m("correlation", X, Y), frame=FRAME.head(50))
    assert plot is not None
    assert few is not None
    assert (len(plot.rows), plot.sampled) == (2000, 2000)
    assert (len(few.rows), few.sampled) == (50, None)


def test_the_same_points_are_drawn_each_time() -> None:
    assert drawn(m("correlation", X, Y)) == drawn(m("correlation", X, Y))


def test_a_plot_that_cannot_be_drawn_is_left_out() -> None:
    assert drawn(m("unique", Col("sex")), "scatter") is None
    assert drawn(m("unique", Col("sex")), "histogram") is None
