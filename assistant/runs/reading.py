"""A question about runs read without a model: linked words, conditions, what is asked, one query, what is unread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rapidfuzz import process

from assistant.dataset.lexicon import GLUE
from assistant.dataset.tokens import stem
from assistant.runs.asks import ASKS, FIRST_ASKS, not_that, objectives
from assistant.runs.asks_steps import at_step
from assistant.runs.build import Linker, linked
from assistant.runs.chips import chips_of
from assistant.runs.conditions import read_conditions
from assistant.runs.draft import Draft, run_filter
from assistant.runs.lexicon import HARMLESS, HARMLESS_STEMS, RUN_NOUNS, TASK_WORDS, WORK_NOUNS
from assistant.runs.page import Element
from assistant.runs.tokens import key_of
from assistant.runs.types import RunReading
from kb.history import RunFilter, RunQuery
from kb.vocabulary import Vocabulary

__all__ = ["Linker", "read"]

_MONTHS = frozenset(
    [
        "jan",
        "feb",
        "mar",
        "apr",
        "may",
        "jun",
        "jul",
        "aug",
        "sep",
        "oct",
        "nov",
        "dec",
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
    ]
)


def read(question: str, linker: Linker) -> RunReading:
    """Read a question about the runs that `linker` knows."""
    draft = Draft(linked=linked(question, linker))
    not_that(draft)
    objectives(draft)
    done = False
    for rule in FIRST_ASKS:
        before = snapshot(draft)
        done = rule(draft)
        if done:
            break
        restore(draft, before)
    at_step(draft)
    read_conditions(draft)
    for rule in () if done else ASKS:
        before = snapshot(draft)
        if rule(draft):
            break
        restore(draft, before)
    _currents(draft)
    return reading_of(draft)


def snapshot(draft: Draft) -> tuple[Any, ...]:
    """The state of a draft that a rule may spoil."""
    elements = [(e, e.code, e.item, e.used) for e in draft.page.elements]
    return elements, dict(draft.fields), draft.metric, draft.figure, list(draft.doubts), list(draft.mentions)


def restore(draft: Draft, before: tuple[Any, ...]) -> None:
    """Undo what a rule did that did not fit."""
    elements, draft.fields, draft.metric, draft.figure, draft.doubts, draft.mentions = before
    draft.select = ""
    draft.page.elements = [element for element, *_ in elements]
    for element, code, item, used in elements:
        element.code, element.item, element.used = code, item, used


def _currents(draft: Draft) -> None:
    """`current`, `right now`: the run that started last, or without times the one nearest to the top of its folder."""
    page = draft.page
    if not page.has(r"current(?:ly)?|right now|now|latest|most recent|newest"):
        return
    runs = [(at, run) for at, run in enumerate(draft.linked.linker.vocabulary.runs) if run.scope in _with_metric(draft)]
    if not runs or page.has(r"latest (?:step|epoch|value)"):
        return
    timed = [(run.started, at) for at, run in runs if run.started is not None]
    if len(timed) == len(runs):
        chosen = max(timed)[1]
    else:
        depth = sorted((run.source.count("/"), at) for at, run in runs)
        if len(depth) > 1 and depth[0][0] == depth[1][0]:
            return
        chosen = depth[0][1]
    page.take(r"current(?:ly)?|right now|now|latest|most recent|newest")
    named = draft.linked.linker.vocabulary.runs[chosen]
    draft.filters.append(RunFilter(field="id", op="in", value=(named.run_id,)))
    if named.source:
        draft.notes.append(f"taken as current: {named.run_id}")


def _with_metric(draft: Draft) -> frozenset[int]:
    """The scopes a question is about, only those that logged its metric."""
    if draft.metric is None:
        return draft.linked.scopes
    return draft.linked.scopes & {at for each in (draft.metric.logged, *draft.metric.same) for at in each.scopes}


def reading_of(draft: Draft) -> RunReading:
    """The reading of what the rules found."""
    unread = tuple(dict.fromkeys(leftovers(draft)))
    known = bool(draft.linked.scope_links or draft.mentions or draft.page.of("MRCPT"))
    if draft.why or not draft.select:
        absent = _absent(draft, unread)
        return RunReading(
            query=None, unread=unread, why=draft.why, notes=tuple(draft.notes), absent=absent, named=known
        )  # fmt: skip
    query = query_of(draft)
    if draft.linked.scopes == draft.linked.linker.scopes.everything and draft.metric and draft.metric.same:
        draft.doubts.append(draft.metric.logged.name)  # several histories have such a metric, and none is named
    runs = not unread and not draft.doubts
    return RunReading(
        query=query, variants=tuple(_variants(draft, query)), chips=chips_of(draft, query), unread=unread, runs=runs,
        confidence=1.0 if runs else 0.5, extract=draft.extract, shift=draft.shift, label=draft.label,
        which=_asks_which(draft),
        of_best=draft.of_best, notes=tuple(draft.notes), absent=_absent(draft, unread), named=known,
    )  # fmt: skip


def _asks_which(draft: Draft) -> bool:
    """Tell whether a run is asked for, not only a value."""
    return draft.page.has(
        r"(?:which|wich|what) (?:(?:[a-z]+|S|of) ){0,3}(?:runs?|"
        r"models?|trials?|versions?|experiments?)"
    )


def _absent(draft: Draft, unread: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Words that nothing logged in these places is called by, each with the names there that look most like it."""
    names = sorted({each.name for each in draft.linked.names.logged if each.kind != "tag"})
    found = []
    for word in unread:
        if len(word) >= 3 and any(character.isalpha() for character in word):
            near = process.extract(word, names, limit=3, score_cutoff=68, processor=str.lower)
            found.append((word, tuple(name for name, _, _ in near)))
    return tuple(found)


def query_of(draft: Draft) -> RunQuery:
    """The query of a draft."""
    filters = [*scope_filters(draft), *draft.filters]
    for element in draft.page.elements:
        if element.code == "C" and element.item and not _is_side(draft, element):
            element.used = True
            filters += element.item
        elif element.code == "R" and not _is_side(draft, element):
            element.used = True
            filters.append(run_filter(draft, element.item))
    filters = merged_ids(filters)
    metric = draft.metric.logged if draft.metric else None
    figure: Any = draft.figure or "last"
    if draft.figure == "best" and draft.select not in ("best", "worst", "best_step", "value", "group"):
        figure = "best"
    return RunQuery(
        select=draft.select,  # type: ignore[arg-type]
        metric=metric.name if metric else None,
        split=metric.split if metric else None,
        figure=figure,
        filters=tuple(dict.fromkeys(filters)),
        **draft.fields,
    )


def _is_side(draft: Draft, element: Element) -> bool:
    return element.used and draft.select in ("compare", "changed", "effect")


def merged_ids(filters: list[RunFilter]) -> list[RunFilter]:
    """Several named runs are any of them."""
    ids = [f for f in filters if f.field == "id" and f.op == "in"]
    if len(ids) < 2:
        return filters
    values = [set(f.value) for f in ids if isinstance(f.value, tuple)]
    common = set.intersection(*values)
    kept = common or set.union(*values)
    return [f for f in filters if f not in ids] + [RunFilter(field="id", op="in", value=tuple(sorted(kept, key=str)))]


def scope_filters(draft: Draft) -> Iterator[RunFilter]:
    """The conditions that keep a query to the scopes it is about."""
    scopes, all_ = draft.linked.linker.vocabulary.scopes, draft.linked.linker.scopes.everything
    left = draft.linked.scopes
    if left == all_:
        return
    roots = tuple(dict.fromkeys(scopes[at].root for at in sorted(left)))
    inside = {at for at, scope in enumerate(scopes) if scope.root in roots}
    if len(inside) < len(scopes):
        yield RunFilter(field="source", op="in", value=roots)
    if inside == left:
        return
    sources = tuple(dict.fromkeys(scopes[at].source for at in sorted(left)))
    yield RunFilter(field="source", op="in", value=sources)
    inside = {at for at in inside if scopes[at].source in sources}
    if inside == left:
        return
    experiments = tuple(dict.fromkeys(scopes[at].experiment for at in sorted(left)))
    if None not in experiments:
        yield RunFilter(field="experiment", op="in", value=experiments)
        inside = {at for at in inside if scopes[at].experiment in experiments}
    if inside != left:
        yield RunFilter(field="tracker", op="in", value=tuple(dict.fromkeys(scopes[at].tracker for at in sorted(left))))


def _variants(draft: Draft, query: RunQuery) -> Iterator[RunQuery]:
    """The query under other spellings of its metric."""
    link = draft.metric
    if link is not None and link.same:
        seen = {(query.metric, query.split)}
        for other in link.same:
            if other.kind == "metric" and (other.name, other.split) not in seen:
                seen.add((other.name, other.split))
                yield replace(query, metric=other.name, split=other.split)


def leftovers(draft: Draft) -> Iterator[str]:
    """Words that no rule has used and that may matter, as they were typed."""
    elements = draft.page.elements
    for at, element in enumerate(elements):
        if element.used or element.code in ("S", "C", "R"):
            continue
        code = element.code
        if code in ("M", "P", "T", "V", "N") or (
            any(character.isalnum() for character in code) and not _harmless(code, elements, at, draft)
        ):
            yield draft.page.said(element)


def _harmless(code: str, elements: list[Element], at: int, draft: Draft) -> bool:
    if code in HARMLESS or code in GLUE or code in RUN_NOUNS or code in WORK_NOUNS or len(code) == 1:
        return True
    if code in ("early", "earlier", "old", "older", "previous"):
        scopes = draft.linked.linker.vocabulary.scopes
        return not any(scopes[each].timed for each in draft.linked.scopes)
    if draft.linked.scope_links and (code in TASK_WORDS or _of_place(code, elements, at, draft)):
        return True
    return len(code) > 3 and stem(code) in HARMLESS_STEMS


def _of_place(code: str, elements: list[Element], at: int, draft: Draft) -> bool:
    """Tell whether a word belongs to a place's name beside it, or describes it: `the S spam pipeline`."""
    before = elements[at - 1].code if at else ""
    after = elements[at + 1].code if at + 1 < len(elements) else ""
    scopes = draft.linked.linker.scopes
    if "S" in (before, after):
        texts = {f"{scopes.scopes[each].root} {scopes.scopes[each].source}" for each in draft.linked.scopes}
        if stem(code) in {stem(word) for text in texts for word in key_of(text).split()}:
            return True
    return before == "S" and after in WORK_NOUNS and stem(code) in scopes.words


def linker(vocabulary: Vocabulary) -> Linker:
    """Return the linker of a vocabulary."""
    return Linker(vocabulary)
