"""A question about a table read without a model: linked words, grammar rules, then one query; or what was not read."""

from __future__ import annotations

import re

from assistant.dataset.asks import Ask, asks_of
from assistant.dataset.assemble import assemble
from assistant.dataset.check_read import unread_words
from assistant.dataset.chips import chips_of
from assistant.dataset.decide import take_rules
from assistant.dataset.draft import Draft, Limits
from assistant.dataset.earlier import followed, follows
from assistant.dataset.edits import is_sound
from assistant.dataset.grammar_derive import new_names, read_bins, read_derived, read_transforms, without_aside
from assistant.dataset.grammar_extreme import read_extremes
from assistant.dataset.grammar_filter import read_filters, read_flags, read_values
from assistant.dataset.grammar_group import read_groups
from assistant.dataset.grammar_idioms import read_early, read_late, read_rounding
from assistant.dataset.grammar_logic import join_alternatives, read_logic
from assistant.dataset.grammar_measure import read_counts, read_statistics, read_table_facts
from assistant.dataset.grammar_plain import (
    dated_parts,
    read_idioms,
    read_named_rows,
    read_periods,
    read_plain,
    read_when,
    read_who,
)
from assistant.dataset.grammar_rows import finish_outliers, read_rows
from assistant.dataset.grammar_settings import settle
from assistant.dataset.grammar_tests import read_fits, read_group_tests, read_normality, read_relations
from assistant.dataset.link import Embed, Linker, Rows, linker, neighbours
from assistant.dataset.nearest import nearest_of
from assistant.dataset.page import page_of
from assistant.dataset.steps import Col, Compare, Condition, Const, Expr, Query, Scalar
from assistant.dataset.tokens import bag
from assistant.dataset.types import TableReading
from assistant.dataset.words import words

__all__ = ["read", "words"]


def read(
    question: str,
    table: Rows,
    *,
    constraints: str = "",
    format: str = "",
    embed: Embed | None = None,
    previous: Query | None = None,
) -> TableReading:
    """Read a question about `table`; `format` names what is wanted back, `previous` is the query it may follow up."""
    asks = asks_of(format, constraints)
    link = linker(table, embed)
    draft = draft_of(question, link, constraints, asks)
    if previous is not None and not asks and follows(question):
        followed_up = follow_up(question, link, previous)
        if followed_up is not None:
            return followed_up
    reading = reading_of(draft)
    if embed is not None and not reading.runs and (guesses := _guesses(link, reading)):
        guessed = reading_of(draft_of(question, link.with_guesses(guesses), constraints, asks))
        if guessed.query is not None and len(guessed.unread) < len(reading.unread):
            return guessed
    return reading


_MEANS_NEARLY = 0.45
"""The least cosine at which a word is taken for a column, to be confirmed."""


def _guesses(link: Linker, reading: TableReading) -> list[tuple[str, str]]:
    """Words that were not read, each with the column that means nearly the same."""
    found = []
    for word in reading.unread[:4]:
        if word.isalpha() and len(word) > 3:
            near = neighbours(link, word.lower())
            if near and near[0][0] >= _MEANS_NEARLY and (len(near) == 1 or near[0][0] - near[1][0] > 0.05):
                found.append((word, near[0][1]))
    return found


def follow_up(question: str, link: Linker, previous: Query) -> TableReading | None:
    """The reading of a question that changes an earlier query, None where it does not."""
    draft = Draft(linker=link, page=page_of(question, link), notes=page_of("", link))
    read_periods(draft, draft.page)
    _select(draft)
    query = followed(draft, previous, question)
    return None if query is None else finished(draft, query, [])


def draft_of(question: str, link: Linker, constraints: str, asks: tuple[Ask, ...]) -> Draft:
    """Apply all rules to a question and its constraints."""
    both = f"{question}\n{constraints}"
    parts = dated_parts(question, link)
    names = new_names(both, link)
    link = link.with_columns(*(part.name for part in parts))
    link = link.with_columns(*names).with_aliases(aliases(both, link))
    draft = Draft(
        linker=link, page=page_of(without_aside(question, names), link), notes=page_of(constraints, link), asks=asks
    )
    draft.page.strict = draft.plain
    draft.derives += parts
    settle(draft.settings, draft.page)
    settle(draft.settings, draft.notes)
    _define(draft, names)
    read_periods(draft, draft.page)
    _select(draft)
    _measure(draft, both)
    return draft


def _define(draft: Draft, names: tuple[str, ...]) -> None:
    """Row steps and new columns, from the constraints first: they are the more exact."""
    for page in (draft.notes, draft.page):
        read_bins(draft, page, names)
        read_derived(draft, page, names)
    draft.focus = tuple(name for name in draft.derived[-1:] if name in names)
    for page in (draft.page, draft.notes):
        read_rows(draft, page)
        read_transforms(draft, page)


def _select(draft: Draft) -> None:
    if draft.plain:
        read_early(draft, draft.page)
        read_logic(draft, draft.page)
    for page in (draft.page, draft.notes):
        read_extremes(draft, page)
        read_named_rows(draft, page)
        read_when(draft, page)
        read_filters(draft, page)
        read_groups(draft, page)
        read_table_facts(draft, page)
    if draft.plain:
        _doubt_pairs(draft)
    read_values(draft, draft.page)
    read_flags(draft, draft.page)
    if draft.plain:
        join_alternatives(draft)
    _regroup(draft)


def _doubt_pairs(draft: Draft) -> None:
    """`A in the north and B in the south` are two pairs of values, not every one of A and B."""
    names = [e.item.column for e in draft.page.elements if e.code[0] == "V" and e.code[1:].isdigit()]
    if any(one == third != second for one, second, third in zip(names, names[1:], names[2:], strict=False)):
        draft.doubts.append("which values go together")


def _regroup(draft: Draft) -> None:
    """Two values of one column asked for side by side are groups: no row has both."""
    draft.limits = [limit for limit in draft.limits if not _of_a_group(draft, limit.condition)]
    equal: dict[Expr, list[Limits]] = {}
    for limit in draft.limits:
        if (
            isinstance(limit.condition, Compare)
            and limit.condition.op == "eq"
            and isinstance(limit.condition.left, Col)
        ):
            equal.setdefault(limit.condition.left, []).append(limit)
    for left, limits in equal.items():
        values = tuple(value for limit in limits for value in _constant(limit.condition))
        if len(values) < 2 or not isinstance(left, Col):
            continue
        draft.limits = [limit for limit in draft.limits if limit not in limits]
        if re.search(r"(?<!\S)or(?!\S)", draft.page.line):
            draft.limit(Compare("in", left, values), limits[0].clause, limits[0].said)
            continue
        if left.name not in draft.groups:
            draft.by.append((left.name, limits[0].clause))
        if len(values) < draft.column(left.name).distinct:
            draft.limit(Compare("in", left, values), limits[0].clause, limits[0].said)


def _of_a_group(draft: Draft, condition: Condition) -> bool:
    """Tell whether a condition keeps one value of a column that rows are grouped by: it only explains its code."""
    if not isinstance(condition, Compare) or condition.op != "eq" or not isinstance(condition.left, Col):
        return False
    return condition.left.name in draft.groups


def _constant(condition: Condition) -> tuple[Scalar, ...]:
    """The value that a column is compared with, if there is one."""
    if isinstance(condition, Compare) and isinstance(condition.right, Const):
        return (condition.right.value,)
    return ()


def _measure(draft: Draft, text: str) -> None:
    conditions = [limit.condition for limit in draft.limits]
    if draft.plain:
        read_late(draft, draft.page)
    read_idioms(draft, draft.page)
    for page, source in ((draft.page, "question"), (draft.notes, "constraints")):
        read_relations(draft, page, source)
        read_counts(draft, page, conditions)
        read_statistics(draft, page, source)
    read_fits(draft, draft.page, draft.notes)
    read_normality(draft, draft.page, text)
    read_group_tests(draft, draft.page, text)
    finish_outliers(draft, text)
    read_plain(draft, draft.page)
    take_rules(draft)
    read_who(draft, draft.page)
    if draft.plain:
        read_rounding(draft)


_APPOSITION = re.compile(r"((?:[A-Za-z][\w/&'-]*\s+){0,5}[A-Za-z][\w/&'-]*)\s*\(([^()]{1,40})\)")
_LEAD = bag("the a an of in between and for on to with is that by each from column columns")


def aliases(text: str, link: Linker) -> tuple[tuple[str, str], ...]:
    """Names that a text itself gives to columns: `number of guests (Gst)`."""
    found: list[tuple[str, str]] = []
    for match in _APPOSITION.finditer(text):
        name = _named_column(match.group(2), link)
        words_before = match.group(1).split()
        while words_before and words_before[0].lower() in _LEAD:
            words_before.pop(0)
        cut = max((index for index, word in enumerate(words_before) if word.lower() in _LEAD - {"of"}), default=-1)
        phrase = " ".join(words_before[cut + 1 :])
        if name and phrase:
            found.append((phrase, name))
    return tuple(found)


def _named_column(text: str, link: Linker) -> str | None:
    text = text.strip().strip("'\"")
    for column in link.columns:
        if column.name.strip().lower() == text.lower():
            return column.name
    scored = link.scored(tuple(text.lower().split()))
    return scored[0][1] if scored and scored[0][0] >= 0.7 and len(text) > 1 else None


def reading_of(draft: Draft) -> TableReading:
    """The reading of what the rules have found."""
    query, unbound = assemble(draft)
    return finished(draft, query, unbound)


def finished(draft: Draft, query: Query | None, unbound: list[str]) -> TableReading:
    """A query with what is unread of its question, whether it may run, its chips and what is near."""
    unread = tuple(dict.fromkeys([*unread_words(draft, query), *unbound]))
    sure = all(mention.sure for mention in draft.mentions) and not draft.doubts
    runs = query is not None and not unread and sure
    added = frozenset(draft.derived) - {*draft.in_place, *draft.encoded}
    known = frozenset(draft.linker.by_name) - added
    if query is not None and not is_sound(query, known):
        query, runs = None, False
    near = () if runs else nearest_of(draft, query, unread)
    if query is None:
        return TableReading(words="", query=None, unread=unread, nearest=near)
    return TableReading(
        words=words(query), query=query, chips=chips_of(draft, query), unread=unread, runs=runs,
        confidence=1.0 if runs else 0.5, nearest=near,
    )  # fmt: skip
