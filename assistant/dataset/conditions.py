"""Conditions brought to one plain form that pandas, DuckDB and the shown code share.

`plain` moves every `Not` down to the comparisons, so that a missing value never holds, brings literals to the kind of
what they are compared with, and turns dates and partial dates ("2015", "2015-03") into half-open periods.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from assistant.dataset.steps import All, AnyOf, Compare, Condition, Const, Expr, Not, Ref, Scalar
from assistant.dataset.walk import Values, kind_of, ref_value, said
from kb.errors import BadInput

Kinds = Mapping[str, str]
OPPOSITE = {
    "eq": "ne", "lt": "ge", "le": "gt", "in": "not_in", "between": "not_between", "contains": "not_contains",
    "starts": "not_starts", "ends": "not_ends", "missing": "present",
}  # fmt: skip
OPPOSITES: Mapping[str, str] = OPPOSITE | {opposite: op for op, opposite in OPPOSITE.items()}
TEXT_ONLY = ("contains", "starts", "ends", "not_contains", "not_starts", "not_ends")
TRUE, FALSE = frozenset({"true", "yes", "y", "t", "1", "1.0"}), frozenset({"false", "no", "n", "f", "0", "0.0"})
PARTIAL = (
    (re.compile(r"\d{4}"), lambda t: pd.Timestamp(f"{t}-01-01"), pd.DateOffset(years=1)),
    (re.compile(r"\d{4}-\d{2}"), lambda t: pd.Timestamp(f"{t}-01"), pd.DateOffset(months=1)),
    (re.compile(r"\d{4}-?[Qq][1-4]"), lambda t: pd.Period(t.replace("-", "")).start_time, pd.DateOffset(months=3)),
    (re.compile(r"\d{4}-\d{2}-\d{2}"), pd.Timestamp, pd.DateOffset(days=1)),
    (re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"), pd.Timestamp, pd.DateOffset(minutes=1)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison in plain form: `right` is an expression or values of `kind`, texts folded, dates as Timestamps."""

    op: str
    left: Expr
    right: Any
    kind: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Plain conditions of which all (`every`) or at least one must hold."""

    every: bool
    parts: tuple[Plain, ...]


Plain = Leaf | Joined


def plain(condition: Condition, kinds: Kinds, values: Values | None = None, *, holds: bool = True) -> Plain:
    """Return the plain form of a condition (of its opposite where `holds` is False)."""
    match condition:
        case Not():
            return plain(condition.part, kinds, values, holds=not holds)
        case All() | AnyOf():
            every = isinstance(condition, All) is holds
            return Joined(every, tuple(plain(part, kinds, values, holds=holds) for part in condition.parts))
        case Compare():
            op = condition.op if holds else OPPOSITES[condition.op]
            return compared(op, condition, kinds, values)


def compared(op: str, compare: Compare, kinds: Kinds, values: Values | None) -> Plain:
    """Return the plain form of one comparison."""
    left, right = compare.left, compare.right
    if op in ("missing", "present"):
        return Leaf(op, left, None, kind_of(left, kinds, values))
    if isinstance(right, Const) and right.value is None:
        right = None
    if right is None:
        if op not in ("eq", "ne"):
            raise BadInput(f"{said(left)} cannot be compared with nothing", hint="name a value")
        return Leaf("missing" if op == "eq" else "present", left, None, kind_of(left, kinds, values))
    if not isinstance(right, tuple) and not isinstance(right, Const):
        return between_columns(op, left, right, kinds, values)
    return with_literals(op, left, right if isinstance(right, tuple) else (right.value,), kind_of(left, kinds, values))


def between_columns(op: str, left: Expr, right: Expr, kinds: Kinds, values: Values | None) -> Leaf:
    """Return the plain comparison of two expressions, of which neither is a literal on the right."""
    first, second = kind_of(left, kinds, values), kind_of(right, kinds, values)
    if isinstance(right, Ref) and values is not None and ref_value(right, values) is None:
        raise BadInput(f"{said(right)} has no value to compare {said(left)} with", hint="see why in its checks")
    alike = first == second or {first, second} <= {"number", "boolean"}
    if not alike and not (first == "date" and isinstance(right, Ref)) and "mixed" not in (first, second):
        raise BadInput(
            f"{said(left)} holds {plural(first)} and {said(right)} {plural(second)}, so they cannot be compared",
            hint="compare columns of the same kind",
        )
    return Leaf(op, left, right, first if alike else "date" if first == "date" else "text")


def with_literals(op: str, left: Expr, literals: tuple[Scalar, ...], kind: str) -> Plain:
    """Return the plain comparison of an expression with one or several literals."""
    if op in ("between", "not_between") and (len(literals) != 2 or None in literals):
        raise BadInput(f"between needs two values, got {literals!r}", hint="give a least and a greatest value")
    if kind == "date":
        return with_dates(op, left, literals)
    if op in TEXT_ONLY or kind in ("text", "mixed"):
        return with_texts(op, left, literals, kind)
    read = numeric if kind == "number" else truth
    found = tuple(read(literal, left) for literal in literals if literal is not None)
    return Leaf(op, left, found if op in ("in", "not_in", "between", "not_between") else found[0], kind)


def with_texts(op: str, left: Expr, literals: tuple[Scalar, ...], kind: str) -> Leaf:
    """Return the plain comparison of texts, folded on both sides."""
    if op in ("lt", "le", "gt", "ge", "between", "not_between") and any(not isinstance(t, str) for t in literals):
        raise BadInput(
            f"{said(left)} holds text, so it cannot be greater or less than {literals[0]!r}",
            hint="name a numeric column, or compare with a text",
        )
    found = tuple(fold(literal) for literal in literals if literal is not None)
    single = op not in ("in", "not_in", "between", "not_between")
    return Leaf(op, left, found[0] if single else found, "mixed" if kind in ("number", "boolean", "mixed") else "text")


def with_dates(op: str, left: Expr, literals: tuple[Scalar, ...]) -> Plain:
    """Return the plain comparison of dates, each literal a period."""
    periods = [period(literal, left) for literal in literals if literal is not None]
    if op in TEXT_ONLY:
        raise BadInput(
            f"{said(left)} holds dates, which contain no text", hint="compare with a date such as 2015-03-31"
        )
    start, end = periods[0][0], periods[-1][1]
    if op in ("lt", "ge"):
        return Leaf(op, left, start, "date")
    if op in ("le", "gt"):
        return Leaf("lt" if op == "le" else "ge", left, end, "date")
    if op in ("eq", "between", "ne", "not_between"):
        return within(left, start, end, holds=op in ("eq", "between"))
    holds = op == "in"
    return Joined(not holds, tuple(within(left, first, last, holds=holds) for first, last in periods))


def within(left: Expr, start: pd.Timestamp, end: pd.Timestamp, *, holds: bool) -> Joined:
    """Return the condition that a date lies in a half-open period, or that it lies outside."""
    parts = (Leaf("ge" if holds else "lt", left, start, "date"), Leaf("lt" if holds else "ge", left, end, "date"))
    return Joined(holds, parts)


def period(literal: Scalar, left: Expr) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the half-open period that an ISO date, a part of one, or a year as a number means."""
    text = str(literal).strip()
    try:
        for pattern, start, length in PARTIAL:
            if pattern.fullmatch(text):
                first = start(text)
                return first, first + length
        moment = pd.Timestamp(text)
        if moment.tzinfo is not None:
            moment = moment.tz_convert("UTC").tz_localize(None)
    except (ValueError, OverflowError) as error:
        raise BadInput(
            f"{said(left)} holds dates and {literal!r} is none", hint="write a date as 2015, 2015-03 or 2015-03-31"
        ) from error
    return moment, moment + pd.Timedelta(seconds=1)


def numeric(literal: Scalar, left: Expr) -> int | float:
    """Return a literal as a number."""
    if isinstance(literal, int | float):
        return literal
    try:
        number = float(str(literal).replace(",", ""))
    except ValueError as error:
        hint = "compare it with a number, or name the column that holds this text"
        raise BadInput(f"{said(left)} holds numbers, so it cannot be compared with {literal!r}", hint=hint) from error
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def truth(literal: Scalar, left: Expr) -> bool:
    """Return a literal as true or false."""
    text = str(literal).strip().lower()
    if text in TRUE | FALSE:
        return text in TRUE
    raise BadInput(f"{said(left)} holds true and false, so it cannot be {literal!r}", hint="say true or false")


def fold(value: Any) -> Any:
    """Return a text without outer white space and in lower case; a number as text where it is compared with text."""
    return str(value).strip().lower()


def plural(kind: str) -> str:
    """Return what a column of a kind holds, in words."""
    return {"number": "numbers", "boolean": "true and false", "date": "dates", "text": "text"}.get(kind, "mixed values")


def map_leaves(form: Plain, leaf: Callable[[Leaf], Any], join: Callable[[bool, list[Any]], Any]) -> Any:
    """Return what `leaf` and `join` make of a plain condition, from the leaves up."""
    if isinstance(form, Leaf):
        return leaf(form)
    return join(form.every, [map_leaves(part, leaf, join) for part in form.parts])
