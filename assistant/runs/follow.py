"""A question that follows up an earlier one over runs: another superlative, metric, group, run, place or condition."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from assistant.runs.build import Linker, linked
from assistant.runs.conditions import read_conditions
from assistant.runs.draft import Draft, run_filter
from assistant.runs.pieces import figure, group_of, superlative
from assistant.runs.reading import leftovers, scope_filters
from assistant.runs.types import RunReading
from kb.history import RunFilter, RunQuery

_LEAD = re.compile(r"^\W*(?:(?:and|or|but|so|then|also|what about|how about|same (?:for|with|but)|now)\b\W*)+", re.I)
_PLACES = ("source", "experiment", "tracker")


def followed(question: str, linker: Linker, previous: RunQuery) -> RunReading | None:
    """Return the reading of a question that changes an earlier query, None where it does not lean on one."""
    lead = _LEAD.match(question)
    if lead is None:
        return None
    draft = Draft(linked=linked(question[lead.end() :], linker))
    read_conditions(draft)
    query = _changed(draft, previous)
    if query is None or query == previous:
        return None
    unread = tuple(dict.fromkeys(leftovers(draft)))
    runs = not unread and not draft.doubts
    return RunReading(query=query, unread=unread, runs=runs, confidence=0.9 if runs else 0.4)


def _changed(draft: Draft, previous: RunQuery) -> RunQuery | None:
    changes: dict[str, Any] = {}
    word = superlative(draft)
    if word and previous.select in ("best", "worst", "best_step"):
        changes["select"] = "worst" if word == "worst" else "best" if previous.select == "worst" else previous.select
        changes["direction"] = word if word in ("maximize", "minimize") else None
    group = group_of(draft)
    if group is not None:
        changes["group_by"] = group
        changes["select"] = previous.select if previous.select in ("group", "count") else "group"
    metrics = draft.page.of("M")
    if len(metrics) == 1:
        link = draft.use(metrics[0])
        changes["metric"], changes["split"] = link.logged.name, link.logged.split
    figure(draft)
    if draft.figure:
        changes["figure"] = draft.figure
    filters = _filters(draft, previous)
    return replace(previous, **changes, filters=filters)


def _filters(draft: Draft, previous: RunQuery) -> tuple[RunFilter, ...]:
    """The earlier conditions, each replaced where the follow-up says another of its kind."""
    new: list[RunFilter] = list(scope_filters(draft))
    for element in draft.page.elements:
        if element.code == "C":
            new += element.item
        elif element.code == "R":
            new.append(run_filter(draft, element.item))
    named = {(one.field, one.name) for one in new}
    placed = any(one.field in _PLACES for one in new)
    kept = [
        one for one in previous.filters
        if (one.field, one.name) not in named and not (placed and one.field in (*_PLACES, "id"))
    ]  # fmt: skip
    return tuple(dict.fromkeys([*kept, *new]))
