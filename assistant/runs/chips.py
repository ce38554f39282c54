"""The pieces of a reading over runs as chips: what each stands for, what else it could be, and the query without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assistant.runs.draft import Draft
from assistant.runs.names import NameLink
from assistant.runs.types import RunChip, RunOption
from kb.history import RunFilter, RunQuery, Wanted
from kb.run_words import condition
from kb.vocabulary import Logged

MOST_OPTIONS = 12


def chips_of(draft: Draft, query: RunQuery) -> tuple[RunChip, ...]:
    """Return a chip for each piece of the query: its metric, what it asks for, its group, its conditions."""
    return (*_metric(draft, query), *_wanted(draft, query), *condition_chips(query))


def _note(logged: Logged, draft: Draft) -> str:
    split = f"{logged.split}, " if logged.split else ""
    return f"{split}{draft.linked.names.count(logged):,} runs"


def _said(draft: Draft, link: NameLink) -> str:
    tokens = draft.page.tokens
    if link.end <= link.start:
        return ""
    return draft.page.text[tokens[link.start].start : tokens[link.end - 1].end]


def _metric(draft: Draft, query: RunQuery) -> Iterator[RunChip]:
    link = draft.metric
    if link is None or query.metric is None:
        return
    near = dict.fromkeys([*link.same, *link.others])
    options = tuple(
        RunOption(text=other.name, note=_note(other, draft), query=replace(query, metric=other.name, split=other.split))
        for other in near
        if other.kind == "metric"
    )
    yield RunChip(
        kind="metric", text=query.metric, said=_said(draft, link), note=_note(link.logged, draft),
        sure=link.sure and link.logged.name not in draft.doubts, options=options[:MOST_OPTIONS],
    )  # fmt: skip


def _wanted(draft: Draft, query: RunQuery) -> Iterator[RunChip]:
    known = {(link.logged.kind, link.logged.name): link for link in draft.mentions if not link.is_value}
    for wanted in (*query.wanted, *((query.group_by,) if query.group_by else ())):
        link = known.get((wanted.field, wanted.name or ""))
        if link is None:
            continue
        options = tuple(
            RunOption(text=other.name, note=_note(other, draft), query=_instead(query, wanted, other))
            for other in link.others
            if other.kind != "metric"
        )
        yield RunChip(
            kind=wanted.field, text=wanted.name or wanted.field, said=_said(draft, link),
            note=_note(link.logged, draft), sure=link.sure, options=options[:MOST_OPTIONS],
        )  # fmt: skip


def _instead(query: RunQuery, wanted: Wanted, other: Logged) -> RunQuery:
    new = Wanted(field=other.kind, name=other.name)  # type: ignore[arg-type]
    if query.group_by == wanted:
        return replace(query, group_by=new)
    return replace(query, wanted=tuple(new if one == wanted else one for one in query.wanted))


def condition_chips(query: RunQuery) -> Iterator[RunChip]:
    """Yield a chip for each condition of a query, which can be left out."""
    for one in query.filters:
        yield RunChip(kind="scope" if one.field in ("source", "experiment", "tracker") else "filter",
                      text=condition(one), drop=_without(query, one))  # fmt: skip


def _without(query: RunQuery, one: RunFilter) -> RunQuery:
    return replace(query, filters=tuple(other for other in query.filters if other != one))
