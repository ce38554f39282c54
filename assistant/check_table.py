"""The cells of a report's tables: runs down or across, metrics and parameters the other way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from assistant import check_judge as judge
from assistant.check_judge import NO_RECORD, Judged
from assistant.check_names import MetricMention, Names, ParamMention, RunMention
from assistant.check_numbers import Number, numbers
from assistant.check_text import Grid, blanked
from kb.store import Catalogue

Row = tuple[int, str, str, Judged]
_SCALE = ("%", "percent")


def judged_cells(grid: Grid, names: Names, catalogue: Catalogue) -> Iterator[Row]:
    """Yield line, cell, what it claims and what is stored, for each cell with a number that belongs to a run."""
    down = [names.run_of(row[0]) if row else None for row in grid.rows]
    across = [names.run_of(cell) for cell in grid.head]
    if sum(one is not None and bool(one.runs) for one in down) >= max(1, sum(bool(one and one.runs) for one in across)):
        yield from _down(grid, names, down, catalogue)
    elif any(one is not None and one.runs for one in across):
        yield from _across(grid, names, across, catalogue)


def _down(grid: Grid, names: Names, runs: Sequence[RunMention | None], catalogue: Catalogue) -> Iterator[Row]:
    heads = [_meant(cell, grid.lead, names) for cell in grid.head]
    for line, row, run in zip(grid.lines, grid.rows, runs, strict=True):
        if run is None and row and row[0] and any(one and one.runs for one in runs) and _has_metric(row, heads):
            run = RunMention(start=0, end=0, text=row[0], runs=())
        if run is None:
            continue
        for cell, head, name in list(zip(row, heads, grid.head, strict=False))[1:]:
            if head is not None and (judged := _judged(cell, run, head, name, catalogue)) is not None:
                yield line, cell, f"{row[0]}: {name} {cell}", judged


def _across(grid: Grid, names: Names, runs: Sequence[RunMention | None], catalogue: Catalogue) -> Iterator[Row]:
    for line, row in zip(grid.lines, grid.rows, strict=True):
        head = _meant(row[0], grid.lead, names) if row else None
        if head is None:
            continue
        for cell, run, name in list(zip(row, runs, grid.head, strict=False))[1:]:
            if run is not None and (judged := _judged(cell, run, head, row[0], catalogue)) is not None:
                yield line, cell, f"{name}: {row[0]} {cell}", judged


def _has_metric(row: Sequence[str], heads: Sequence[MetricMention | ParamMention | None]) -> bool:
    return any(isinstance(head, MetricMention) and _number(cell) for cell, head in zip(row, heads, strict=False))


def _meant(cell: str, lead: str, names: Names) -> MetricMention | ParamMention | None:
    """Return the metric or parameter that a header cell names; a split told above the table counts for it."""
    metrics = names.metrics_in(cell)
    if metrics:
        found = metrics[0]
        if found.split is None:
            above = {one.split for one in names.metrics_in(lead)} - {None}
            return replace(found, split=above.pop()) if len(above) == 1 else found
        return found
    params = names.params_in(cell)
    return params[0] if len(params) == 1 else None


def _number(cell: str) -> Number | None:
    found = list(numbers(blanked(cell)))
    return found[0] if found else None


def _judged(
    cell: str, run: RunMention, head: MetricMention | ParamMention, name: str, catalogue: Catalogue
) -> Judged | None:
    number = _number(cell)
    if number is None:
        return None
    if isinstance(head, ParamMention):
        judged = judge.param(number, run, head.leaf)
        return None if judged.status == NO_RECORD else judged
    if any(sign in name for sign in _SCALE):
        number = replace(number, percent=True)
    judged = judge.value(number, run, head, None, catalogue)
    if judged.status not in (judge.MATCHES, judge.ROUNDED) and "±" in cell:
        return Judged(status=NO_RECORD, said=f"a figure over several values; {judged.said}")
    return judged
