"""Plots of computed values as Altair charts that read on light and on dark ground.

Fields get names of our own (`c0`, `c1`, …): Vega reads dots and brackets in a name as a path, and its tooltip reads a
title of `image` as the address of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt

Json = Mapping[str, Any]

ACCENT = "#189d8f"
"""A teal that stands at 3:1 or more against white and against the dark page."""
NEUTRAL = "#7d868c"
SCHEME = ("#189d8f", "#d9822b", "#6f7fd6", "#c4568b", "#7fa03a", "#9a7b56", "#3f9ccf", "#b65fd0")
LABELLED = 12
"""Bars that carry their number; more would run into each other."""
_HEIGHT = 300
_TALLEST = 620
_AXIS, _LEGEND, _ROW, _THIN, _BOX = 130, 70, 26, 14, 44
"""Pixels of title and axis, of a legend, of a bar alone and among others, and of a box."""
_MOST = 200


def chart(plot: Json) -> Any:
    """Return the chart of a plot, or None where there is nothing to draw."""
    draw = _KINDS.get(plot["kind"])
    if draw is None or not plot["rows"]:
        return None
    fields = _Fields(plot)
    made = draw(fields).properties(title=_title(plot), background="transparent", height=_height(fields))
    return made.configure_view(strokeWidth=0)


def _height(fields: _Fields) -> int:
    """Return a height in pixels: by the number of names for what lies across, else always the same."""
    across = {"bars": fields.plot["x"], "heatmap": fields.plot["y"], "box": fields.plot["x"]}.get(fields.plot["kind"])
    if across is None:
        return _HEIGHT
    names = fields.different(across) if across in fields.names else 1
    if fields.is_grouped():
        names, groups = min(names, _MOST), fields.different(fields.plot["color"])
        return min(_TALLEST, _AXIS + _LEGEND + names * max(_ROW, _THIN * groups + 8))
    return min(_TALLEST, _AXIS + names * (_BOX if fields.plot["kind"] == "box" else _ROW))


def caption(plot: Json) -> str:
    """Return what a plot shows, for those who cannot see it and for its sampled rows."""
    title = plot.get("title") or f"{plot['y']} by {plot['x']}"
    return f"{title} ({_sample(plot)})" if plot.get("sampled") else str(title)


def _sample(plot: Json) -> str:
    return f"a sample of {int(plot['sampled']):,} rows"


def _title(plot: Json) -> Any:
    lines = [_sample(plot)] if plot.get("sampled") else []
    return alt.TitleParams(
        text=str(plot.get("title") or ""), subtitle=lines, anchor="start", fontSize=14, offset=12, subtitleColor=NEUTRAL
    )


class _Fields:
    """A plot's rows as records under safe field names, with encodings that carry the real names as titles."""

    def __init__(self, plot: Json) -> None:
        self.plot = plot
        self.names = [str(name) for name in plot["columns"]]
        self.rows = [{f"c{at}": value for at, value in enumerate(row)} for row in plot["rows"]]
        self.data = alt.InlineData(values=self.rows)

    def at(self, name: str) -> str:
        """Return the safe name of a column."""
        return f"c{self.names.index(name)}"

    def has(self, *names: str) -> bool:
        """Tell whether the plot has all these columns."""
        return set(names) <= set(self.names)

    def is_grouped(self) -> bool:
        """Tell whether the bars of one place stand for several groups."""
        color = self.plot.get("color")
        return self.plot["kind"] == "bars" and color is not None and color != self.plot["x"]

    def different(self, name: str) -> int:
        """Return how many different values a column has."""
        return len(set(map(str, self.values(name))))

    def values(self, name: str) -> list[Any]:
        """Return a column's values that are not missing."""
        field = self.at(name)
        return [row[field] for row in self.rows if row[field] is not None]

    def kind(self, name: str) -> str:
        """Return Vega's type of a column: quantitative, temporal or nominal."""
        values = self.values(name)
        if values and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            return "quantitative"
        return "temporal" if values and all(_is_date(value) for value in values) else "nominal"

    def tooltip(self, names: Sequence[str] | None = None) -> list[Any]:
        """Return a tooltip of the real names with exact values."""
        return [
            alt.Tooltip(field=self.at(name), type=self.kind(name), title=titled(name))  # type: ignore[arg-type]
            for name in names or self.names
        ]

    def color(self) -> Any:
        """Return the colour of the marks: one, or by a column."""
        name = self.plot.get("color")
        if not name:
            return alt.value(ACCENT)
        if self.kind(name) == "quantitative" and len(set(self.values(name))) > len(SCHEME):
            return alt.Color(field=self.at(name), type="quantitative", title=titled(name))
        scale = alt.Scale(range=list(SCHEME))
        return alt.Color(
            field=self.at(name), type="nominal", title=titled(name), scale=scale, legend=alt.Legend(orient="bottom")
        )


def titled(name: str) -> str:
    """Return a name as a title that Vega's tooltip shows and never reads as a heading or a picture's address."""
    return f"{name}\u00a0" if name in ("image", "title") else name


def _is_date(value: Any) -> bool:
    text = str(value)
    return len(text) >= 8 and text[:4].isdigit() and text[4] in "-/" and text[-1].isdigit()


# -- kinds -----------------------------------------------------------------------------------------------------


def _histogram(fields: _Fields) -> Any:
    if not fields.has("low", "high", "count"):
        return _bars(fields)
    x = alt.X(field=fields.at("low"), type="quantitative", title=titled(fields.plot["x"]), bin="binned")
    y = alt.Y(field=fields.at("count"), type="quantitative", title="rows")
    base = alt.Chart(fields.data)
    high = alt.X2(field=fields.at("high"))
    return base.mark_bar(color=ACCENT, binSpacing=1).encode(x=x, x2=high, y=y, tooltip=fields.tooltip())


def _bars(fields: _Fields) -> Any:
    x, y = fields.plot["x"], fields.plot["y"]
    place = alt.Y(
        field=fields.at(x),
        type="nominal",
        title=titled(x),
        sort=None,
        axis=alt.Axis(labelLimit=160, labelOverlap=len(fields.rows) > 40),
    )
    size = alt.X(field=fields.at(y), type="quantitative", title=titled(y))
    base = alt.Chart(fields.data).encode(y=place, x=size, tooltip=fields.tooltip())
    if fields.is_grouped():
        beside = alt.YOffset(field=fields.at(fields.plot["color"]))
        return base.mark_bar().encode(color=fields.color(), yOffset=beside)
    bars = base.mark_bar(color=ACCENT)
    return bars + _numbers(base, fields, y) if len(fields.rows) <= LABELLED else bars


def _numbers(base: Any, fields: _Fields, y: str) -> Any:
    text = alt.Text(field=fields.at(y), type="quantitative", format=_format(fields.values(y)))
    return base.mark_text(align="left", dx=4, color=NEUTRAL).encode(text=text)


def _format(values: Sequence[Any]) -> str:
    return ",.0f" if all(float(value).is_integer() for value in values) else ",.4~g"


def _line(fields: _Fields) -> Any:
    x, y = fields.plot["x"], fields.plot["y"]
    points = len(fields.rows) <= 60
    across = alt.X(field=fields.at(x), type=fields.kind(x), title=titled(x))  # type: ignore[arg-type]
    up = alt.Y(field=fields.at(y), type="quantitative", title=titled(y), scale=alt.Scale(zero=False))
    base = alt.Chart(fields.data)
    return base.mark_line(point=points).encode(x=across, y=up, color=fields.color(), tooltip=fields.tooltip())


def _scatter(fields: _Fields) -> Any:
    x, y = fields.plot["x"], fields.plot["y"]
    apart = alt.Scale(zero=False)
    across = alt.X(field=fields.at(x), type=fields.kind(x), title=titled(x), scale=apart)  # type: ignore[arg-type]
    up = alt.Y(field=fields.at(y), type=fields.kind(y), title=titled(y), scale=apart)  # type: ignore[arg-type]
    opacity = 0.75 if len(fields.rows) < 400 else 0.35
    base = alt.Chart(fields.data)
    marks = base.mark_circle(size=36, opacity=opacity)
    return marks.encode(x=across, y=up, color=fields.color(), tooltip=fields.tooltip())


def _box(fields: _Fields) -> Any:
    """Draw boxes from five numbers by group, the first column being the group where there are six."""
    five = [name for name in fields.names if name in _FIVE]
    if len(five) < len(_FIVE):
        return _box_of_rows(fields)
    group = fields.plot["x"] if fields.plot["x"] in fields.names and fields.plot["x"] not in _FIVE else None
    place: dict[str, Any] = {"tooltip": fields.tooltip()}
    if group is not None:
        title = titled(group) if len(fields.rows) > 1 else None
        place["y"] = alt.Y(field=fields.at(group), type="nominal", title=title, sort=None)
    base = alt.Chart(fields.data).encode(**place)
    return alt.layer(*_box_parts(base, fields))


_FIVE = ("min", "q1", "median", "q3", "max")


def _box_parts(base: Any, fields: _Fields) -> Sequence[Any]:
    def across(name: str) -> Any:
        scale = alt.Scale(zero=False)
        return alt.X(field=fields.at(name), type="quantitative", title=titled(fields.plot["y"]), scale=scale)

    def to(name: str) -> Any:
        return alt.X2(field=fields.at(name))

    return (
        base.mark_rule(color=NEUTRAL).encode(x=across("min"), x2=to("max")),
        base.mark_bar(size=22, color=ACCENT, opacity=0.75).encode(x=across("q1"), x2=to("q3")),
        base.mark_tick(size=22, thickness=2, color=SCHEME[1]).encode(x=across("median")),
    )


def _box_of_rows(fields: _Fields) -> Any:
    x, y = fields.plot["x"], fields.plot["y"]
    across = alt.X(field=fields.at(y), type="quantitative", title=titled(y), scale=alt.Scale(zero=False))
    base = alt.Chart(fields.data)
    place = alt.Y(field=fields.at(x), type="nominal", title=titled(x), sort=None)
    return base.mark_boxplot(color=ACCENT).encode(x=across, y=place)


def _heatmap(fields: _Fields) -> Any:
    x, y = fields.plot["x"], fields.plot["y"]
    value = fields.plot.get("color") or next(name for name in fields.names if name not in (x, y))
    across = alt.X(field=fields.at(x), type="nominal", title=titled(x), sort=None)
    up = alt.Y(field=fields.at(y), type="nominal", title=titled(y), sort=None)
    scheme = (
        alt.Scale(scheme="tealblues")
        if min(fields.values(value), default=0) >= 0
        else alt.Scale(scheme="blueorange", domainMid=0)
    )
    color = alt.Color(field=fields.at(value), type="quantitative", title=titled(value), scale=scheme)
    return alt.Chart(fields.data).mark_rect().encode(x=across, y=up, color=color, tooltip=fields.tooltip())


_KINDS: Mapping[str, Callable[[_Fields], Any]] = {
    "histogram": _histogram,
    "bars": _bars,
    "line": _line,
    "scatter": _scatter,
    "box": _box,
    "heatmap": _heatmap,
}
