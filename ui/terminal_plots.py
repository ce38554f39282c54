"""Small plots of block characters for the terminal: bars, histograms, boxes, lines, scatters and heat maps.

Every mark stands beside its number, so that nothing is told by a picture alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from assistant.dataset.say import show
from ui.terminal import clean

Json = Mapping[str, Any]
Rows = Sequence[Sequence[Any]]

MOST_BARS = 24
MOST_BINS = 12
"""More bins of a histogram are joined two by two."""
MOST_SERIES = 8
LABEL = 28
WIDEST_BAR = 40
_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_SCATTER = (56, 14)
"""Columns and lines of a scatter; each character holds 2 by 4 dots."""
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_COLOUR = "cyan"


def show_plot(out: Console, plot: Json) -> None:
    """Print a plot with its title, and of what size its sample was; nothing where there is nothing to see."""
    drawn = _drawn(out, plot)
    if not drawn:
        return
    title = clean(plot.get("title") or "")
    sampled = plot.get("sampled")
    note = f" (drawn from a sample of {sampled:,} rows)" if sampled else ""
    if title or note:
        out.print(Text.assemble((title, "bold"), (note, "dim")))
    for line in drawn:
        out.print(line)
    out.print()


def _drawn(out: Console, plot: Json) -> list[Text]:
    kind, rows = plot["kind"], [row for row in plot["rows"] if row]
    if not rows:
        return []
    if kind == "histogram":
        return _histogram(out, plot, rows)
    if kind == "box":
        return _boxes(out, plot, rows)
    if kind == "heatmap":
        return _heatmap(out, plot, rows)
    x, y = (_column(plot, rows, plot[name]) for name in ("x", "y"))
    if kind == "scatter":
        return _scatter(out, plot, x, y)
    if kind == "line":
        return _lines(out, plot, rows)
    labels = [*map(_label, x)]
    if plot.get("color") and plot["color"] != plot["x"]:
        labels = [f"{label} · {_label(c)}" for label, c in zip(labels, _column(plot, rows, plot["color"]), strict=True)]
    return bars(out, labels, y)


def _column(plot: Json, rows: Rows, name: str) -> list[Any]:
    at = list(plot["columns"]).index(name) if name in plot["columns"] else 0
    return [row[at] for row in rows]


def _label(value: Any) -> str:
    return clean(show(value)) if not isinstance(value, str) else clean(value) or "(empty)"


# -- bars ----------------------------------------------------------------------------------------------------------


def bars(out: Console, labels: Sequence[str], values: Sequence[Any]) -> list[Text]:
    """Return a line for each value: label, number, and a bar as long as the number is large."""
    numbers = [number_of(value) for value in values]
    top = max((abs(n) for n in numbers if n is not None), default=0.0)
    shown = [show(value) for value in values[:MOST_BARS]]
    left = min(LABEL, max((cell_len(label) for label in labels[:MOST_BARS]), default=0))
    middle = max(map(cell_len, shown), default=0)
    width = max(8, min(WIDEST_BAR, out.width - left - middle - 6))
    lines = [
        Text.assemble(f"  {_sized(label, left)}  {text:>{middle}}  ", (bar(out, number, top, width), _style(number)))
        for label, text, number in zip(labels, shown, numbers, strict=False)
    ]
    for line in lines:
        line.rstrip()
    more = len(values) - MOST_BARS
    return [*lines, Text(f"  … and {more:,} more", style="dim")] if more > 0 else lines


def bar(out: Console, number: float | None, top: float, width: int) -> str:
    """Return a bar that is `width` long for `top`; a number below zero is drawn in a lighter mark."""
    if number is None or not top:
        return ""
    eighths = round(abs(number) / top * width * 8)
    if number and not eighths:
        eighths = 1
    if not is_unicode(out):
        return ("#" if number > 0 else "-") * max(1, eighths // 8)
    if number < 0:
        return "░" * max(1, eighths // 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def is_unicode(out: Console) -> bool:
    """Tell whether the console can show block characters."""
    return out.encoding.lower().replace("-", "").startswith("utf")


def share(part: int, whole: int) -> str:
    """Return a part of a whole in percent, 0 and 100 only where that is exact."""
    if not part or part == whole:
        return "0%" if not part else "100%"
    percent = 100 * part / whole
    return "<0.1%" if percent < 0.1 else f"{min(percent, 99.9):.1f}%"


def _style(number: float | None) -> str:
    return "magenta" if number is not None and number < 0 else _COLOUR


def number_of(value: Any) -> float | None:
    """Return a value as a number that can be drawn, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _sized(text: str, width: int) -> str:
    short = text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
    return set_cell_size(short, width)


def _histogram(out: Console, plot: Json, rows: Rows) -> list[Text]:
    names = list(plot["columns"])
    low, high, count = (names.index(name) if name in names else at for at, name in enumerate(("low", "high", "count")))
    bins = [(row[low], row[high], row[count]) for row in rows]
    while len(bins) > MOST_BINS:
        pairs = (bins[i : i + 2] for i in range(0, len(bins), 2))
        bins = [(pair[0][0], pair[-1][1], sum(n for *_, n in pair)) for pair in pairs]
    labels = _right([f"{show(left)} – {show(right)}" for left, right, _ in bins])
    return bars(out, labels, [n for *_, n in bins])


def _right(labels: Sequence[str], least: int = 0) -> list[str]:
    width = max((least, *map(cell_len, labels)))
    return [" " * (width - cell_len(label)) + label for label in labels]


# -- boxes ---------------------------------------------------------------------------------------------------------


def _boxes(out: Console, plot: Json, rows: Rows) -> list[Text]:
    """Return a box for each group on one scale: its least, quartiles and greatest, and the five numbers."""
    names = [str(name) for name in plot["columns"]]
    at = [i for i in range(len(names)) if all(number_of(row[i]) is not None for row in rows)][:5]
    if len(at) < 5:
        return []
    named = [i for i in range(len(names)) if i not in at]
    fives = [[float(row[i]) for i in at] for row in rows[:MOST_BARS]]
    low, high = min(five[0] for five in fives), max(five[-1] for five in fives)
    labels = [_label(row[named[0]]) if named else _label(plot.get("y") or "") for row in rows[:MOST_BARS]]
    left = min(LABEL, max(map(cell_len, labels)))
    width = max(12, min(WIDEST_BAR, out.width - left - 6))
    lines = []
    for label, five in zip(labels, fives, strict=True):
        lines.append(Text.assemble(f"  {_sized(label, left)}  ", (_box(out, five, low, high, width).rstrip(), _COLOUR)))
        lines.append(Text(f"  {'':{left}}  {' · '.join(show(value) for value in five)}", style="dim"))
    head = f"  {'':{left}}  {' · '.join(clean(names[i]) for i in at)}"
    return [Text(head, style="dim"), *lines]


def _box(out: Console, five: Sequence[float], low: float, high: float, width: int) -> str:
    span = (high - low) or 1.0
    a, b, m, c, d = (round((value - low) / span * (width - 1)) for value in five)
    line, body, middle = ("─", "█", "│") if is_unicode(out) else ("-", "=", "|")
    cells = [" "] * width
    for i in range(a, d + 1):
        cells[i] = body if b <= i <= c else line
    cells[m] = middle
    return "".join(cells)


# -- lines and scatters --------------------------------------------------------------------------------------------


def _lines(out: Console, plot: Json, rows: Rows) -> list[Text]:
    """Return bars for few points; else a row of heights for each series, with its first, least, greatest and last."""
    x, y = (_column(plot, rows, plot[name]) for name in ("x", "y"))
    color = plot.get("color")
    if not color and len(rows) <= MOST_BARS:
        return bars(out, [*map(_label, x)], y)
    names = _column(plot, rows, color) if color else [plot["y"]] * len(rows)
    series: dict[str, list[tuple[Any, Any]]] = {}
    for name, at, value in zip(names, x, y, strict=True):
        series.setdefault(_label(name), []).append((at, value))
    lines = []
    for name, points in list(series.items())[:MOST_SERIES]:
        lines += _series(out, name, points)
    more = len(series) - MOST_SERIES
    return [*lines, Text(f"  … and {more:,} more lines", style="dim")] if more > 0 else lines


def _series(out: Console, name: str, points: Sequence[tuple[Any, Any]]) -> list[Text]:
    values = [n for _, value in points if (n := number_of(value)) is not None]
    if not values:
        return []
    said = f"first {show(values[0])}, least {show(min(values))}, greatest {show(max(values))}, last {show(values[-1])}"
    head = Text.assemble("  ", (name, "bold"), f"  {_label(points[0][0])} to {_label(points[-1][0])}: {said}")
    drawn = heights(values, min(out.width - 4, 72))
    return [head, Text(f"  {drawn}", style=_COLOUR)] if is_unicode(out) else [head]


def heights(values: Sequence[float], width: int) -> str:
    """Return a row of block characters as high as the values; more values than `width` are averaged."""
    if len(values) > width:
        edges = [round(i * len(values) / width) for i in range(width + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges) if b > a]
    low, high = min(values), max(values)
    top = len(_HEIGHTS) - 1
    return "".join(_HEIGHTS[round((value - low) / (high - low) * top) if high > low else 0] for value in values)


def _scatter(out: Console, plot: Json, x: Sequence[Any], y: Sequence[Any]) -> list[Text]:
    points = [
        (a, b) for a, b in zip(map(number_of, x), map(number_of, y), strict=True) if a is not None and b is not None
    ]
    if len(points) < 2 or not is_unicode(out):
        return []
    wide, high = min(_SCATTER[0], out.width - 20), _SCATTER[1]
    left, right = min(p[0] for p in points), max(p[0] for p in points)
    bottom, top = min(p[1] for p in points), max(p[1] for p in points)
    grid = [[0] * wide for _ in range(high)]
    for a, b in points:
        column = round((a - left) / ((right - left) or 1) * (wide * 2 - 1))
        line = round((top - b) / ((top - bottom) or 1) * (high * 4 - 1))
        grid[line // 4][column // 2] |= _DOTS[line % 4][column % 2]
    marks = _right([show(top), *[""] * (high - 2), show(bottom)])
    drawn = [
        Text.assemble((f"  {mark} ", "dim"), ("".join(chr(0x2800 + cell) for cell in cells), _COLOUR))
        for mark, cells in zip(marks, grid, strict=True)
    ]
    pad = " " * (cell_len(marks[0]) + 3)
    scale = f"{pad}{show(left)}{' ' * max(1, wide - cell_len(show(left)) - cell_len(show(right)))}{show(right)}"
    axes = f"{pad}across: {_label(plot['x'])}; up: {_label(plot['y'])}; {len(points):,} points"
    return [*drawn, Text(scale, style="dim"), Text(axes, style="dim")]


def _heatmap(out: Console, plot: Json, rows: Rows) -> list[Text]:
    """Return the cells as numbers with two digits, as many columns as fit."""
    across, down = (list(dict.fromkeys(map(_label, _column(plot, rows, plot[name])))) for name in ("x", "y"))
    value = plot.get("color") or next((n for n in plot["columns"] if n not in (plot["x"], plot["y"])), plot["y"])
    keys = zip(map(_label, _column(plot, rows, plot["x"])), map(_label, _column(plot, rows, plot["y"])), strict=True)
    cells = dict(zip(keys, _column(plot, rows, value), strict=True))
    left, cell = min(16, max(map(cell_len, down))), 9
    fit = max(1, (out.width - left - 2) // (cell + 1))
    head = f"  {'':{left}} " + " ".join(
        _right([_sized(name, min(cell, cell_len(name))) for name in across[:fit]], cell)
    )
    lines = [
        Text(f"  {_sized(row, left)} " + " ".join(f"{_cell(cells.get((name, row))):>{cell}}" for name in across[:fit]))
        for row in down[:MOST_BARS]
    ]
    return [Text(head, style="dim"), *lines]


def _cell(value: Any) -> str:
    number = number_of(value)
    return "–" if number is None else f"{number:,}" if isinstance(value, int) else f"{number:.2f}"
