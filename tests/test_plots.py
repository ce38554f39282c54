"""Plots as Vega-Lite specifications: what they show, and that no name in them is read as anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
import table_answers as given
from hypothesis import given as for_all
from hypothesis import strategies as some

from ui import plots


def plot(kind: str, columns: list[str], rows: list[list[Any]], **more: Any) -> dict[str, Any]:
    """Return a plot's JSON with x and y as its first two columns."""
    x, y = columns[0], columns[-1]
    base = {
        "kind": kind,
        "columns": columns,
        "rows": rows,
        "x": x,
        "y": y,
        "color": None,
        "title": "T",
        "sampled": None,
    }
    return {**base, **more}


PLOTS = [
    plot("bars", ["sex", "n"], [["f", 1], ["m", 2.5]]),
    plot("bars", ["sex", "class", "n"], [["f", 1, 3], ["m", 2, 4]], color="class"),
    plot("histogram", ["low", "high", "count"], [[0, 1, 3], [1, 2, 4]], x="age", y="count"),
    plot("line", ["day", "n"], [["2020-01-01", 1], ["2020-01-02", 2]]),
    plot("scatter", ["a", "b"], [[1, 2], [2, None]], sampled=2),
    plot("box", ["g", "min", "q1", "median", "q3", "max"], [["m", 1, 2, 3, 4, 5]], y="age"),
    plot("box", ["min", "q1", "median", "q3", "max"], [[1, 2, 3, 4, 5]], x="age", y="age"),
    plot("heatmap", ["a", "b", "r"], [["x", "y", -0.5]], y="b", color="r"),
]


def spec(made: dict[str, Any]) -> dict[str, Any]:
    """Return a plot as Vega-Lite."""
    return dict(plots.chart(made).to_dict())


@pytest.mark.parametrize("made", PLOTS, ids=lambda made: made["kind"])
def test_every_kind_is_drawn_on_no_ground_of_its_own(made: dict[str, Any]) -> None:
    drawn = spec(made)
    assert drawn["background"] == "transparent"
    assert drawn["title"]["text"] == "T"
    assert drawn["height"] >= 120


def test_a_sampled_plot_says_so() -> None:
    made = plot("scatter", ["a", "b"], [[1, 2]], sampled=5000)
    assert spec(made)["title"]["subtitle"] == ["a sample of 5,000 rows"]
    assert plots.caption(made) == "T (a sample of 5,000 rows)"


def test_few_bars_carry_their_number_and_many_do_not() -> None:
    few = spec(plot("bars", ["g", "n"], [[str(n), n] for n in range(12)]))
    many = spec(plot("bars", ["g", "n"], [[str(n), n] for n in range(13)]))
    assert "text" in json.dumps(few["layer"][1]["mark"])
    assert "layer" not in many


def test_dates_lie_on_a_time_axis_and_years_do_not() -> None:
    assert spec(PLOTS[3])["encoding"]["x"]["type"] == "temporal"
    assert spec(plot("line", ["year", "n"], [[1999, 1], [2000, 2]]))["encoding"]["x"]["type"] == "quantitative"


def test_nothing_is_drawn_of_nothing_or_of_an_unknown_kind() -> None:
    assert plots.chart(plot("bars", ["g", "n"], [])) is None
    assert plots.chart(plot("pie", ["g", "n"], [["a", 1]])) is None


@for_all(some.text(min_size=1), some.text(min_size=1))
def test_no_name_becomes_a_field_or_a_tooltip_with_a_meaning(one: str, two: str) -> None:
    if one == two:
        return
    drawn = spec(plot("scatter", [one, two], [[1, 2]]))
    encoding = drawn["encoding"]
    assert {encoding["x"]["field"], encoding["y"]["field"]} == {"c0", "c1"}
    assert not {tip["title"] for tip in encoding["tooltip"]} & {"image", "title"}


def test_a_column_called_image_is_no_picture() -> None:
    titles = [tip["title"] for tip in spec(given.hostile()["plot"])["layer"][0]["encoding"]["tooltip"]]
    assert "image" not in titles
    assert titles[0].strip() == "image"
