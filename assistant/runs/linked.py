"""The reading of a link: the query it holds, with chips made from it, since there are no words to make them of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assistant.runs.build import Linker
from assistant.runs.chips import MOST_OPTIONS, condition_chips
from assistant.runs.tokens import key_of
from assistant.runs.types import RunChip, RunOption, RunReading
from kb.history import RunQuery
from kb.vocabulary import Logged


def reading_of_link(query: RunQuery, linker: Linker) -> RunReading:
    """Return a query as a reading that runs."""
    chips = (*_metric(query, linker), *condition_chips(query))
    return RunReading(query=query, chips=chips, runs=True, confidence=1.0, named=True)


def _metric(query: RunQuery, linker: Linker) -> Iterator[RunChip]:
    """Yield the metric with those whose names are like it."""
    if query.metric is None:
        return
    names = linker.names(linker.scopes.everything)
    last = key_of(query.metric).rpartition(" ")[2]  # `val_auc`: what else is an auc
    found = [each for text in (query.metric, last) if text for _, each in names.scored(text)]
    near = [each for each in dict.fromkeys(found) if each.kind == "metric"]
    own = next((each for each in near if (each.name, each.split) == (query.metric, query.split)), None)
    options = tuple(
        RunOption(text=each.name, note=_note(each), query=replace(query, metric=each.name, split=each.split))
        for each in near
        if each is not own
    )
    note = _note(own) if own else query.split or ""
    yield RunChip(kind="metric", text=query.metric, note=note, options=options[:MOST_OPTIONS])


def _note(logged: Logged) -> str:
    count = sum(logged.scopes.values())
    split = f"{logged.split}, " if logged.split else ""
    return f"{split}{count:,} {'run' if count == 1 else 'runs'}"
