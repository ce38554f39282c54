"""`citewise runs`: the run table in the terminal, as wide as it is, and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.running import Json, command, emit, opened

if TYPE_CHECKING:
    from rich.console import Console

    from kb.run_listing import Listing
    from kb.runs import RunMetric, RunRow

SHOWN = 30
WIDEST_CELL = 24
SHORT_ID = 8
LONG_HASH = 16


@command("runs")
def runs_command(
    ctx: typer.Context,
    where: Annotated[
        str, typer.Option("--where", metavar="CONDITIONS", help='Such as "lr<0.01 and model=xgb and state!=failed".')
    ] = "",
    metric: Annotated[str | None, typer.Option("--metric", metavar="M", help="Compare by it, best first.")] = None,
    split: Annotated[str | None, typer.Option("--split", metavar="S", help="train, valid or test.")] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="NAME", help="Order by a field, parameter or metric; -NAME: down."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Show so many runs.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Show deleted runs too.")] = False,
    as_json: Json = False,
) -> None:
    """List the runs of the experiment history, with the parameters that differ."""
    from kb.run_listing import Asked, listing

    with opened(ctx) as (kb, _):
        shown = limit if limit is not None or as_json else SHOWN
        asked = Asked(where=where, metric=metric, split=split, sort=sort, limit=shown, deleted=deleted)
        found = listing(kb.catalogue, asked)
    if as_json:
        emit(listing_json(found))
        return
    from ui import terminal

    show_listing(terminal.console(), found)


# -- JSON ----------------------------------------------------------------------------------------------------------


def listing_json(found: Listing) -> dict[str, Any]:
    """Return the object that `runs` prints."""
    metric = {"name": found.metric.name, "split": found.metric.split} if found.metric else None
    places = found.places or (None,) * len(found.rows)
    return {
        "runs": [{"rank": place, **run_json(row)} for place, row in zip(places, found.rows, strict=True)],
        "total": found.total,
        "hidden": dict(found.hidden),
        "metric": metric and {**metric, "direction": found.direction.value if found.direction else None},
        "notes": list(found.notes),
    }


def run_json(row: RunRow) -> dict[str, Any]:
    """Return a run as in `runs`; numbers that JSON does not know are told by name."""
    several = Counter(metric.name for metric in row.metrics)
    return {
        "source": row.main_source,
        "history": row.source.source,
        "root": row.source.root,
        "collection": row.source.collection,
        "tracker": row.tracker,
        "experiment": row.experiment,
        "run_id": row.run_id,
        "name": row.name,
        "state": row.state.value,
        "status": row.status,
        "deleted": row.deleted,
        "started": row.started,
        "ended": row.ended,
        "params": {name: _plain(param.value) for name, param in row.params.items()},
        "metrics": {metric_label(m, several[m.name] > 1): _plain(m.last) for m in row.metrics},
    }


def metric_label(metric: RunMetric, with_split: bool) -> str:
    """Return a metric's name, with the split where its run has several of one name."""
    return f"{metric.name} ({metric.split})" if with_split and metric.split else metric.name


def _plain(value: Any) -> Any:
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


# -- the terminal --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as texts, the first one its head."""

    head: str
    cells: tuple[str, ...]
    right: bool = False

    @property
    def width(self) -> int:
        """The characters it needs, with the gap before the next."""
        return max(len(text) for text in (self.head, *self.cells)) + 2


def show_listing(out: Console, found: Listing) -> None:
    """Print runs with what tells them apart, as many columns as fit, and what is not shown."""
    from rich.table import Table
    from rich.text import Text

    from ui.terminal import clean

    if found.rows:
        columns, left = fitting(found, out.width)
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(Text(clean(column.head)), justify="right" if column.right else "left", no_wrap=True)
        for cells in zip(*(column.cells for column in columns), strict=True):
            table.add_row(*(Text(clean(cell)) for cell in cells))
        out.print(table)
    for line in said(found, left if found.rows else 0):
        out.print(Text(clean(line), style="dim"))


def said(found: Listing, left: int) -> list[str]:
    """Return what a person should know of a table: how many runs, what is hidden, what did not fit."""
    total = found.total + sum(found.hidden.values())
    noun = "run" if found.total == 1 else "runs"
    lines = [f"{len(found.rows):,} of {found.total:,} {noun} shown" if found.rows else "No run fits."]
    if found.metric is not None and found.rows:
        by = {"maximize": ", higher is better", "minimize": ", lower is better"}
        way = by.get(found.direction.value, "") if found.direction else ""
        split = f" ({found.metric.split})" if found.metric.split else ""
        lines[0] += f"; {found.metric.name}{split}: last value{way}"
    lines += [f"{n:,} of {total:,} {why}, hidden" for why, n in found.hidden.items()]
    if left:
        lines.append(f"{left:,} more {'parameter differs' if left == 1 else 'parameters differ'}; --json shows all")
    return [*lines, *found.notes]


def fitting(found: Listing, width: int) -> tuple[list[_Column], int]:
    """Return the columns that fit into a width, and how many parameters that differ do not."""
    columns = _fixed(found)
    used, left = sum(column.width for column in columns), 0
    for name in found.differing():
        column = _param_column(found, name)
        if any(column.cells == other.cells and not column.right for other in columns):
            continue
        if left == 0 and used + column.width <= width + 2:
            columns.append(column)
            used += column.width
        else:
            left += 1
    return columns, left


def _fixed(found: Listing) -> list[_Column]:
    rows = found.rows
    columns = [_Column("run", tuple(short_id(row.run_id) for row in rows))]
    if found.places:
        columns.insert(0, _Column("#", _ranks(found.places), right=True))
    if any(row.name and row.name != row.run_id for row in rows):
        columns.append(_Column("name", tuple(_cut(row.name or "") for row in rows)))
    if len({row.experiment for row in rows}) > 1:
        columns.append(_Column("experiment", tuple(_cut(row.experiment or "") for row in rows)))
    if {row.state.value for row in rows} - {"finished", "unknown"}:
        columns.append(_Column("state", tuple("deleted" if row.deleted else row.state.value for row in rows)))
    if found.metric is not None:
        values = tuple(number(metric.last) if (metric := found.value(row)) else "" for row in rows)
        columns.append(_Column(_cut(found.metric.name), values, right=True))
    return columns


def _param_column(found: Listing, name: str) -> _Column:
    params = [row.params.get(name) for row in found.rows]
    numbers = all(param is None or param.number is not None or param.text is None for param in params)
    texts = tuple(_cut(param.text or "") if param is not None else "" for param in params)
    leaf = name.rsplit(".", 1)[-1]
    unique = sum(other.rsplit(".", 1)[-1] == leaf for other in found.differing()) == 1
    return _Column(_cut(leaf if unique else name), texts, right=numbers)


def _ranks(places: Sequence[int]) -> tuple[str, ...]:
    """Return ranks as texts; those that several share are marked by `=`."""
    shared = Counter(places)
    return tuple(f"{place}=" if shared[place] > 1 else str(place) for place in places)


def short_id(run_id: str) -> str:
    """Return a run's id as it is shown: long hashes by their beginning, long paths by their end."""
    if len(run_id) >= LONG_HASH and run_id.isalnum():
        return run_id[:SHORT_ID]
    return run_id if len(run_id) <= WIDEST_CELL else f"…{run_id[1 - WIDEST_CELL :]}"


def number(value: float) -> str:
    """Return a number as it is shown: whole where it is short, else its first digits."""
    text = repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return text if len(text) <= 12 else f"{value:.8g}"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDEST_CELL else f"{text[: WIDEST_CELL - 1]}…"
