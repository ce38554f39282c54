"""Which columns the run table shows when nobody chose any: what differs between the rows shown, none that is empty."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from kb.run_listing import Listing
from kb.run_places import is_inner
from ui.experiments_trees import value_of

_FIELDS = ("state", "started", "experiment")
_MOST = 6
_SHARE = 1 / 3
"""The part of the rows that has to have a column's value."""


def choices(found: Listing) -> tuple[str, ...]:
    """Return all columns that the runs found can fill."""
    named = dict.fromkeys(_FIELDS)
    for row in found.rows:
        named.update(dict.fromkeys(row.params))
        named.update(dict.fromkeys(metric.name for metric in row.metrics))
    for row in found.rows:
        named.update(dict.fromkeys(row.tags))
    return tuple(named)


def default(found: Listing, first: int, size: int) -> tuple[str, ...]:
    """Return the columns for the rows from `first`: what differs between them, then metrics while there is room."""
    page = replace(found, rows=found.rows[first : first + size], places=())
    fields = [name for name in ("state", "experiment") if len({value_of(row, name) for row in page.rows}) > 1]
    params = [name for name in page.differing() if _filled(page, name)]
    main = found.metric.name if found.metric else None
    others = [name for name in _metrics(page) if name != main and _filled(page, name)]
    names = [*params[: _MOST - 1], *others]
    return tuple(dict.fromkeys([*fields, *names[: _MOST - len(fields)]]))


def _filled(page: Listing, name: str) -> bool:
    there = sum(value_of(row, name) is not None for row in page.rows)
    return there > 0 and there >= _SHARE * len(page.rows)


def _metrics(page: Listing) -> list[str]:
    counts = Counter(name for row in page.rows for name in {metric.name: None for metric in row.metrics})
    return [name for name, _ in counts.most_common() if not is_inner(name)]
