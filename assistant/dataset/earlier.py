"""A question that follows up an earlier one: `and by sex?`, `only for 2015`, `the median?`, `same for age`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from assistant.dataset.draft import Draft
from assistant.dataset.edits import relabelled, with_column
from assistant.dataset.page import Element, Page
from assistant.dataset.steps import (
    Col,
    Compare,
    Condition,
    Expr,
    Filter,
    Limit,
    Measure,
    Outliers,
    Query,
    Resample,
    Sort,
    Step,
    Summarise,
)
from assistant.dataset.tokens import bag

_CUE = re.compile(
    r"^\W*(?:and|but|now|then|also|only|just|same|what about|how about|instead|without|excluding|except|for|by|per|in|"
    r"the same|do the same|again|split|break|grouped?|filter|restrict|use|with|not)\b",
    re.IGNORECASE,
)
_CUE_WORDS = bag(
    """and but now then also only just same what about how instead do the again it that this split break down filter
    restrict use with for by per in without excluding except remove removing outliers outlier to of is are"""
)
_BRIEF = 9


def follows(question: str) -> bool:
    """Tell whether a question's form leans on an earlier one."""
    return bool(_CUE.match(question)) and len(question.split()) <= _BRIEF


def followed(draft: Draft, previous: Query, question: str) -> Query | None:
    """The earlier query changed as the question says, None where it says nothing of the kind."""
    query = _measured(draft, _pointed(draft, previous))
    query = _narrowed(query, [limit.condition for limit in draft.limits])
    query = _grouped(query, draft.groups)
    if re.search(r"without (?:the )?outliers|(?:remov|exclud)\w* (?:the )?outliers", question, re.IGNORECASE):
        query = _cleaned(query)
    if query.steps == previous.steps:
        return None
    for element in draft.page.elements:
        if element.code in _CUE_WORDS:
            element.used = True
    return relabelled(replace(query, outputs=()))


def _pointed(draft: Draft, query: Query) -> Query:
    """`same for age`: another column in place of the one that was measured."""
    names = [e.item.column for e in _free(draft.page, "C") if draft.numeric(e.item.column)]
    measured = _measured_columns(query)
    if len(set(names)) != 1 or len(set(measured)) != 1 or names[0] == measured[0]:
        return query
    for element in _free(draft.page, "C"):
        element.used = True
        draft.use(element.item)
    return with_column(query, measured[0], names[0])


def _free(page: Page, kind: str) -> list[Element]:
    return [e for e in page.elements if not e.used and e.code[0] == kind and e.code[1:].isdigit()]


def _measured(draft: Draft, query: Query) -> Query:
    """`the median?`: another statistic of the same column."""
    wanted = [element.item for element in _free(draft.page, "M")]
    if not wanted:
        return query
    first = True
    steps: list[Step] = []
    for step in query.steps:
        if isinstance(step, Measure) and step.columns and step.function not in ("correlation", "at_max", "at_min"):
            if first:
                steps += [_as(step, function, options) for function, options in wanted]
            first = False
        else:
            steps.append(step)
    for element in _free(draft.page, "M"):
        element.used = True
    return replace(query, steps=tuple(steps))


def _as(step: Measure, function: str, options: Mapping[str, Any]) -> Measure:
    """The same column by another statistic."""
    return replace(step, label=f"{function} {step.label}", function=function, options=options)


def _narrowed(query: Query, conditions: list[Condition]) -> Query:
    """More conditions; one on a column that was restricted before takes the place of that."""
    steps = list(query.steps)
    for condition in conditions:
        left = condition.left if isinstance(condition, Compare) else None
        steps = [step for step in steps if left is None or not _restricts(step, left)]
        steps.insert(_filter_place(steps), Filter(condition))
    return replace(query, steps=tuple(steps))


def _restricts(step: Step, left: Expr) -> bool:
    return isinstance(step, Filter) and isinstance(step.where, Compare) and step.where.left == left


def _filter_place(steps: list[Step]) -> int:
    late = (Measure, Summarise, Resample, Sort, Limit, Outliers)
    return next((index for index, step in enumerate(steps) if isinstance(step, late)), len(steps))


def _grouped(query: Query, groups: tuple[str, ...]) -> Query:
    """Measures for each group; `and by sex` adds to the groups there are."""
    if not groups or any(isinstance(step, (Summarise, Resample)) for step in query.steps):
        return query
    steps: list[Step] = []
    for step in query.steps:
        if isinstance(step, Measure) and step.function == "rows":
            by = tuple(dict.fromkeys((*step.by, *groups)))
            step = replace(
                step, function="counts" if len(by) == 1 else "crosstab", columns=tuple(map(Col, by[:2])), by=()
            )
        elif isinstance(step, Measure) and step.function == "counts" and len(step.columns) == 1:
            step = replace(step, function="crosstab", columns=(*step.columns, Col(groups[0])))
        elif isinstance(step, Measure):
            named = {column.name for column in step.columns if isinstance(column, Col)}
            step = replace(step, by=tuple(dict.fromkeys((*step.by, *(g for g in groups if g not in named)))))
        steps.append(step)
    return replace(query, steps=tuple(steps))


def _cleaned(query: Query) -> Query:
    names = _measured_columns(query)
    if not names:
        return query
    steps = list(query.steps)
    at = next(index for index, step in enumerate(steps) if isinstance(step, Measure))
    steps.insert(at, Outliers(column=names[0], action="remove"))
    return replace(query, steps=tuple(steps))


def _measured_columns(query: Query) -> list[str]:
    """The first column of each measure."""
    firsts = [step.columns[0] for step in query.steps if isinstance(step, Measure) and step.columns]
    return [column.name for column in firsts if isinstance(column, Col)]
