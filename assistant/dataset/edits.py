"""Changed queries: a column, a value, a number or a measure put in place of another, a step left out, all by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

from assistant.dataset.steps import (
    Col,
    Decide,
    Derive,
    Filter,
    Fit,
    Measure,
    Query,
    Ref,
    Resample,
    Step,
    Summarise,
    Test,
)
from assistant.dataset.words import yield_words

YIELDS = (Measure, Test, Fit)


def renamed(value: Any, old: str, new: str) -> Any:
    """The same value with a column's name replaced wherever it stands as a column."""
    if isinstance(value, Col):
        return Col(new) if value.name == old else value
    if isinstance(value, tuple):
        return tuple(renamed(part, old, new) for part in value)
    if isinstance(value, Mapping):
        return MappingProxyType({key: _option(key, part, old, new) for key, part in value.items()})
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{each.name: _field(each.name, getattr(value, each.name), old, new) for each in fields(value)}
        )
    return value


_NAMES = frozenset({"by", "columns", "features"})
_NAME = frozenset({"column", "target", "time", "by"})


def _option(key: str, value: Any, old: str, new: str) -> Any:
    return new if key == "at" and value == old else renamed(value, old, new)


def _field(name: str, value: Any, old: str, new: str) -> Any:
    if name in _NAMES and isinstance(value, tuple):
        return tuple(new if part == old else renamed(part, old, new) for part in value)
    if name in _NAME and value == old:
        return new
    return renamed(value, old, new)


def with_column(query: Query, old: str, new: str) -> Query:
    """The query over another column in place of one."""
    return relabelled(replace(query, steps=tuple(renamed(step, old, new) for step in query.steps)))


def with_group(query: Query, old: str, new: str) -> Query:
    """The query grouped by another column; names that want the value of a group of the old one are left out."""
    steps = tuple(_regrouped(step, old, new) for step in query.steps)
    outputs = tuple(output for output in query.outputs if not output.group)
    return relabelled(replace(query, steps=steps, outputs=outputs))


def _regrouped(step: Step, old: str, new: str) -> Step:
    if isinstance(step, Measure) and old in step.by:
        return replace(step, by=tuple(new if name == old else name for name in step.by))
    if isinstance(step, Test) and step.by == old:
        return replace(step, by=new, groups=())
    return step


def with_step(query: Query, old: Step, new: Step | None) -> Query:
    """The query with one step changed or left out."""
    steps = tuple(new if step is old else step for step in query.steps)
    return relabelled(replace(query, steps=tuple(step for step in steps if step is not None)))


def relabelled(query: Query) -> Query:
    """Give every value the label that says what it now is, and carry references and outputs along."""
    labels: dict[str, str] = {}
    taken: set[str] = set()
    steps: list[Step] = []
    for step in query.steps:
        if isinstance(step, YIELDS) and _named_by_words(step):
            label = _free(yield_words(step), taken)
            labels[step.label] = label
            step = replace(step, label=label)
        if isinstance(step, (*YIELDS, Decide)):
            taken.add(step.label)
        steps.append(step)
    moved = tuple(repointed(step, labels) for step in steps)
    outputs = tuple(replace(output, label=labels.get(output.label, output.label)) for output in query.outputs)
    known = {step.label for step in moved if isinstance(step, (*YIELDS, Decide))}
    return replace(query, steps=moved, outputs=tuple(output for output in outputs if output.label in known))


def _named_by_words(step: Measure | Test | Fit) -> bool:
    """A label that later steps use as a column's name is left alone."""
    return " before" not in step.label


def _free(label: str, taken: set[str]) -> str:
    number = 2
    found = label
    while found in taken:
        found = f"{label} ({number})"
        number += 1
    return found


def repointed(value: Any, labels: Mapping[str, str]) -> Any:
    """The value with every reference to a label pointing to its new name."""
    if isinstance(value, Ref):
        return replace(value, label=labels.get(value.label, value.label))
    if isinstance(value, tuple):
        return tuple(repointed(part, labels) for part in value)
    if isinstance(value, (Filter, Derive, Decide)) or (is_dataclass(value) and not isinstance(value, (type, *YIELDS))):
        return replace(value, **{each.name: repointed(getattr(value, each.name), labels) for each in fields(value)})
    return value


def columns_in(value: Any) -> Iterator[str]:
    """The names of columns anywhere in a value, in order."""
    if isinstance(value, Col):
        yield value.name
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if key == "at":
                yield str(part)
            yield from columns_in(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from columns_in(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            held = getattr(value, each.name)
            if each.name in _NAMES and isinstance(held, tuple):
                yield from (part for part in held if isinstance(part, str))
            elif each.name in _NAME and isinstance(held, str):
                yield held
            yield from columns_in(held)


def added_columns(query: Query) -> frozenset[str]:
    """Names of columns that the steps themselves add."""
    names: set[str] = set()
    for step in query.steps:
        if isinstance(step, Derive):
            names.add(step.name)
        if isinstance(step, (Summarise, Resample)):
            names.update(measure.label for measure in step.measures)
    return frozenset(names)


def is_sound(query: Query, known: frozenset[str]) -> bool:
    """Tell whether every column stands in the table or is added before it is used, and something is measured."""
    have = set(known)
    for step in query.steps:
        used = set(columns_in(step)) - {getattr(step, "name", "")}
        if isinstance(step, Derive):
            have.add(step.name)
        if getattr(step, "action", "") == "flag":
            have.add(step.name)  # type: ignore[union-attr]
        if isinstance(step, (Summarise, Resample)):
            used -= {measure.label for measure in step.measures}
        if not used <= have:
            return False
        if isinstance(step, Summarise):
            have = {*step.by, *(measure.label for measure in step.measures)}
        if isinstance(step, Resample):
            have = {step.time, *(measure.label for measure in step.measures)}
    return any(isinstance(step, YIELDS) for step in query.steps)
