"""The rows that a value was computed from: what the steps before it left, a few of them, in the columns it read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kb.errors import CitewiseError

if TYPE_CHECKING:
    from assistant.dataset.steps import Query
    from assistant.dataset.types import Grid
    from kb.tables import Table

ROWS, COLUMNS = 8, 12


def rows_behind(query: Query | None, table: Table) -> Mapping[str, Any] | None:
    """Return the first rows as a result table's JSON; None where they cannot be had without the values."""
    from assistant.dataset.checked import needed
    from assistant.dataset.compute import YIELDS, compute
    from assistant.dataset.steps import Query

    if query is None:
        return None
    steps = tuple(step for step in query.steps if not isinstance(step, YIELDS))
    try:
        grid = compute(Query(steps=steps), table).grid
    except CitewiseError:
        return None
    return None if grid is None else shown(grid, needed(query), table.columns)


def shown(grid: Grid, read: set[str] | None, known: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the columns that were read and those that the steps made; all of a narrow table where that is open."""
    of_table = set(known)
    wanted = [c for c in grid.columns if read is None or c in read or c not in of_table] or list(grid.columns)
    at = [grid.columns.index(name) for name in wanted[:COLUMNS]]
    rows = [[row[number] for number in at] for row in grid.rows[:ROWS]]
    return {"columns": wanted[:COLUMNS], "rows": rows, "more": grid.more + max(0, len(grid.rows) - ROWS)}
