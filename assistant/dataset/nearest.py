"""Readings near a question that was not read in full: what was understood, with less or with what is like it."""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz import fuzz, process

from assistant.dataset.draft import Draft
from assistant.dataset.edits import is_sound
from assistant.dataset.link import Column, Linker, neighbours
from assistant.dataset.steps import Col, Filter, Measure, Query
from assistant.dataset.words import words, yield_words

MOST = 3
_NEAR = 60.0


def nearest_of(draft: Draft, query: Query | None, unread: tuple[str, ...]) -> tuple[tuple[str, Query], ...]:
    """At most three readings that run, best first, each in words."""
    known = frozenset(draft.linker.by_name) - frozenset(draft.derived)
    found: dict[str, Query] = {}
    for each in _candidates(draft, query, unread):
        if is_sound(each, known):
            found.setdefault(words(each), each)
        if len(found) == MOST:
            break
    return tuple(found.items())


def _candidates(draft: Draft, query: Query | None, unread: tuple[str, ...]) -> Iterator[Query]:
    if query is not None:
        yield query
    measured = [
        element.item for element in draft.page.elements if element.code[0] == "M" and element.code[1:].isdigit()
    ]
    functions = [function for function, _ in measured] or ["mean"]
    columns = [*_mentioned(draft), *_alike(draft.linker, unread)]
    filters = tuple(Filter(limit.condition) for limit in draft.limits)
    for name in dict.fromkeys(columns):
        column = draft.linker.by_name[name]
        for function in dict.fromkeys(functions):
            yield _about(column, function, draft.groups, filters)
    if not columns:
        yield Query(steps=(Measure(label="number of rows", function="rows"),))
        yield Query(steps=(Measure(label="column names", function="names"),))
        yield Query(steps=(Measure(label="missing values", function="missing"),))


def _mentioned(draft: Draft) -> list[str]:
    """Columns that the question speaks of, numbers first."""
    names = [e.item.column for e in draft.page.elements if e.code[0] == "C" and e.code[1:].isdigit()]
    own = [name for name in dict.fromkeys(names) if name in draft.linker.by_name and name not in draft.derived]
    return sorted(own, key=lambda name: draft.column(name).kind != "number")


def _about(column: Column, function: str, groups: tuple[str, ...], filters: tuple[Filter, ...]) -> Query:
    """A measure that fits the column's kind, by the groups that were read."""
    by = tuple(group for group in groups if group != column.name)
    if column.kind != "number":
        step = Measure(label="x", function="counts", columns=(Col(column.name),))
    elif function in ("mean", "median", "min", "max", "sum", "std", "var", "skew", "kurtosis", "iqr", "range"):
        step = Measure(label="x", function=function, columns=(Col(column.name),), by=by)
    else:
        step = Measure(label="x", function="mean", columns=(Col(column.name),), by=by)
    named = Measure(label=yield_words(step), function=step.function, columns=step.columns, by=step.by)
    return Query(steps=(*filters, named))


def _alike(linker: Linker, unread: tuple[str, ...]) -> list[str]:
    """Columns spelt or meant like the words that were not read."""
    names = {" ".join(column.parts): column.name for column in linker.columns if column.present}
    found: list[str] = []
    for word in unread[:6]:
        if len(word) > 2 and word[0].isalpha():
            close = process.extract(word.lower(), list(names), scorer=fuzz.WRatio, limit=2, score_cutoff=_NEAR)
            found += [names[text] for text, _, _ in close]
    phrase = " ".join(word for word in unread if word.isalpha())
    return [*found, *(name for cosine, name in neighbours(linker, phrase) if cosine > 0.35)]
