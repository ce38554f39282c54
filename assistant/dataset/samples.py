"""The groups of values that a statistical test compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset.expr import mask, numbers
from assistant.dataset.scope import Scope, column
from assistant.dataset.steps import Col, Compare, Const, Expr, Test
from assistant.dataset.values import counted
from assistant.dataset.walk import said, said_condition
from kb.errors import BadInput

MOST_GROUPS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A named group of finite numbers; `gone` is how many missing ones were left out."""

    name: str
    values: Any
    gone: int = 0

    @property
    def n(self) -> int:
        """The number of values."""
        return len(self.values)


def sample(name: str, values: pd.Series) -> Sample:
    """Return a sample of the finite values."""
    held = values.to_numpy(dtype="float64", na_value=np.nan)
    held = held[np.isfinite(held)]
    return Sample(name=name, values=held, gone=len(values) - len(held))


def samples(test: Test, scope: Scope) -> tuple[Sample, ...]:
    """Return the groups that a test compares: by the values of a column, by conditions, or the columns themselves."""
    if not test.columns:
        raise BadInput(f"the test {test.kind} needs a column", hint="name a numeric column")
    if test.by is None and not test.samples:
        return tuple(sample(said(expr), numbers(expr, scope, "a test")) for expr in test.columns)
    if len(test.columns) != 1:
        raise BadInput("groups are compared in one column", hint="name one numeric column")
    return tuple(grouped(test, test.columns[0], scope))


def grouped(test: Test, expr: Expr, scope: Scope) -> Iterator[Sample]:
    """Yield the values of one column by group."""
    values = numbers(expr, scope, "a test")
    if test.samples:
        for condition in test.samples:
            yield sample(said_condition(condition), values[mask(condition, scope)])
    elif test.by is not None and test.groups:
        for group in test.groups:
            held = mask(Compare("eq", Col(test.by), Const(group)), scope)
            if not held.any():
                raise BadInput(f"{test.by!r} is never {group!r} here", hint="name two values that occur")
            yield sample(str(group), values[held])
    elif test.by is not None:
        groups = values.groupby(column(scope.frame, test.by), observed=True)
        if groups.ngroups > MOST_GROUPS:
            raise BadInput(f"{test.by!r} has {groups.ngroups:,} different values", hint="bin it, or name the groups")
        yield from (sample(str(name), part) for name, part in groups)


def only_two(found: tuple[Sample, ...], test: Test) -> None:
    """Raise BadInput unless there are two groups."""
    if len(found) != 2:
        names = ", ".join(one.name for one in found[:8])
        where = f"{test.by!r} has" if test.by else "there are"
        hint = "name two of them, or use anova or kruskal for several"
        raise BadInput(f"{test.kind} compares two groups; {where} {len(found)}: {names}", hint=hint)


def sizes(found: tuple[Sample, ...]) -> Iterator[str]:
    """Yield how large the groups are and what was left out."""
    if len(found) > 1:
        shown = ", ".join(f"{one.name} {one.n:,}" for one in found[:8])
        yield f"values by group: {shown}" + (", …" if len(found) > 8 else "")
    gone = sum(one.gone for one in found)
    if gone:
        yield f"{counted(gone, 'missing value')} left out"
