"""Charts of the Experiments page: metrics over their steps, and runs as lines over what they have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from kb.run_listing import Listing
from kb.run_points import NO_STEP, Points
from kb.runs import RunRow
from ui.experiments_trees import names_of, value_of
from ui.plots import ACCENT, SCHEME

MOST_POINTS = 2_000
MOST_LINES = 200
_FEWEST, _MOST_AXES = 2, 7


def curves(name: str, unit: str, lines: Sequence[tuple[str, Points]]) -> Any:
    """Return a metric of runs over its steps; of very many points, evenly many of them and always the last."""
    records = [
        {"run": run, "step": at if step == NO_STEP else step, "value": value}
        for run, points in lines
        for at, step, value in _thinned(points)
        if math.isfinite(value)
    ]
    chart = alt.Chart(alt.InlineData(values=records)).mark_line(point=len(records) <= 60, strokeWidth=2)
    color = alt.Color("run:N", title=None, scale=alt.Scale(range=list(SCHEME)), legend=alt.Legend(orient="bottom"))
    return chart.encode(
        x=alt.X("step:Q", title=unit, axis=alt.Axis(tickMinStep=1, format=",d")),
        y=alt.Y("value:Q", title=name, scale=alt.Scale(zero=False)),
        color=color if len(lines) > 1 else alt.value(ACCENT),
        tooltip=[alt.Tooltip("run:N"), alt.Tooltip("step:Q"), alt.Tooltip("value:Q")],
    ).properties(height=280, background="transparent")


def with_curves(rows: Sequence[RunRow], most: int) -> tuple[RunRow, ...]:
    """Return the first runs that have a metric with more than one value."""
    return tuple(row for row in rows if any(m.figures.count > 1 for m in row.metrics))[:most]


def _thinned(points: Points) -> list[tuple[int, int, float]]:
    every = max(1, len(points) // MOST_POINTS)
    places = sorted({*range(0, len(points), every), len(points) - 1}) if len(points) else []
    return [(at, int(points.steps[at]), float(points.values[at])) for at in places]


def parallel(found: Listing, columns: Sequence[str]) -> Any:
    """Return runs as lines over the numeric columns, each axis from its least to its greatest; None for too few."""
    metric = found.metric.name if found.metric else None
    names = [*(name for name in columns if name != metric), *([metric] if metric else [])]
    rows = found.rows[:MOST_LINES]
    axes = []
    for name in names:
        values = [value for row in rows if _is_number(value := value_of(row, name, found))]
        if len(values) > 1 and min(values) < max(values):
            axes.append((name, min(values), max(values)))
    axes = axes[-_MOST_AXES:]
    if len(axes) < _FEWEST:
        return None
    records = [
        {"run": called, "pk": row.pk, "axis": name, "at": (value - low) / (high - low), "value": value}
        for row, called in zip(rows, names_of(rows), strict=True)
        for name, low, high in axes
        if _is_number(value := value_of(row, name, found))
    ]
    chart = alt.Chart(alt.InlineData(values=records)).mark_line(opacity=0.45, strokeWidth=1.5, color=ACCENT)
    return chart.encode(
        x=alt.X("axis:N", title=None, sort=[name for name, _, _ in axes], axis=alt.Axis(labelAngle=0)),
        y=alt.Y("at:Q", title="least to greatest", axis=alt.Axis(labels=False, ticks=False)),
        detail="pk:N",
        tooltip=[alt.Tooltip("run:N"), alt.Tooltip("axis:N"), alt.Tooltip("value:Q")],
    ).properties(height=260, background="transparent")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
