"""What expressions and conditions refer to, which kind of value they give, and how a person would say them.

Kinds are number, boolean, date, text and mixed (a column that holds several).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assistant.dataset.steps import (
    All,
    AnyOf,
    Call,
    Case,
    Col,
    Compare,
    Condition,
    Const,
    Cut,
    Decide,
    Expr,
    Measure,
    Not,
    Ref,
    Replace,
    Scalar,
    Test,
)
from assistant.dataset.types import Outcome
from kb.errors import BadInput

Values = Mapping[str, Outcome]

TEXT_FUNCTIONS = frozenset({"lower", "concat", "weekday_name"})
SAME_FUNCTIONS = frozenset({"shift", "min_of", "max_of"})
SYMBOLS: Mapping[str, str] = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "pow": "**"}
OPERATORS: Mapping[str, str] = {
    "eq": "is", "ne": "is not", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "in": "is one of", "not_in": "is none of",
    "contains": "contains", "starts": "starts with", "ends": "ends with", "missing": "is missing",
    "present": "is present", "between": "is between",
}  # fmt: skip


def inside(expr: Expr) -> Iterator[Expr]:
    """Yield the expression and every expression inside it, conditions of cases included."""
    yield expr
    match expr:
        case Call():
            for arg in expr.args:
                yield from inside(arg)
        case Case():
            for condition, value in expr.branches:
                yield from of_condition(condition)
                yield from inside(value)
            yield from inside(expr.otherwise)
        case Cut():
            yield from inside(expr.value)
        case Replace():
            yield from inside(expr.value)
            if expr.otherwise is not None:
                yield from inside(expr.otherwise)


def of_condition(condition: Condition) -> Iterator[Expr]:
    """Yield every expression inside a condition."""
    match condition:
        case Compare():
            yield from inside(condition.left)
            if condition.right is not None and not isinstance(condition.right, tuple):
                yield from inside(condition.right)
        case Not():
            yield from of_condition(condition.part)
        case All() | AnyOf():
            for part in condition.parts:
                yield from of_condition(part)


def columns_of(expr: Expr) -> set[str]:
    """Return the names of the columns that an expression reads."""
    return {part.name for part in inside(expr) if isinstance(part, Col)}


def condition_columns(condition: Condition | None) -> set[str]:
    """Return the names of the columns that a condition reads."""
    return set() if condition is None else {part.name for part in of_condition(condition) if isinstance(part, Col)}


def measure_columns(measure: Measure) -> set[str]:
    """Return the names of the columns that a measure reads."""
    named = set().union(set(measure.by), *(columns_of(column) for column in measure.columns))
    named |= condition_columns(measure.where) | condition_columns(measure.options.get("of"))
    at = measure.options.get("at")
    return named | ({at} if isinstance(at, str) else columns_of(at) if at is not None else set())


def test_columns(test: Test) -> set[str]:
    """Return the names of the columns that a test reads."""
    named = set().union({test.by} if test.by else set(), *(columns_of(column) for column in test.columns))
    return named.union(*(condition_columns(sample) for sample in test.samples))


def refs_of(step: Measure | Test | Decide) -> set[str]:
    """Return the labels of the earlier values that a yielding step reads."""
    found: list[Expr] = []
    match step:
        case Measure():
            for column in step.columns:
                found.extend(inside(column))
            found.extend([] if step.where is None else of_condition(step.where))
        case Test():
            for column in step.columns:
                found.extend(inside(column))
        case Decide():
            for condition, _ in step.cases:
                found.extend(of_condition(condition))
    return {part.label for part in found if isinstance(part, Ref)}


def scalar_kind(value: Any) -> str:
    """Return the kind of one value."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "text"


def ref_value(ref: Ref, values: Values) -> Any:
    """Return what a reference stands for: an earlier value, one of its parts, or the value of one group."""
    outcome = values.get(ref.label)
    if outcome is None:
        known = ", ".join(values) or "none"
        raise BadInput(f"there is no earlier value {ref.label!r}", hint=f"earlier values: {known}")
    return picked(outcome, ref.part, ()) if ref.part else outcome.value


def picked(outcome: Outcome, part: str | None, group: tuple[Scalar, ...]) -> Any:
    """Return one part or one group of an outcome; texts match without regard to case and outer white space."""
    if part is not None and part in outcome.parts and not group:
        return outcome.parts[part]
    source = (
        outcome.parts.get(part) if part is not None and isinstance(outcome.parts.get(part), Mapping) else outcome.value
    )
    wanted = group or ((part,) if part is not None else ())
    if not wanted:
        return outcome.value
    if isinstance(source, Mapping):
        for key, value in source.items():
            if same_key(key if isinstance(key, tuple) else (key,), wanted):
                return value
        known = ", ".join(str(key) for key in list(source)[:8])
        raise BadInput(f"{outcome.label!r} has no group {', '.join(map(str, wanted))}", hint=f"it has {known}")
    known = ", ".join(outcome.parts) or "none"
    raise BadInput(f"{outcome.label!r} has no part {', '.join(map(str, wanted))}", hint=f"its parts: {known}")


def same_key(key: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    """Tell whether a group's key is the one wanted."""
    if len(key) != len(wanted):
        return False
    return all(a == b or str(a).strip().lower() == str(b).strip().lower() for a, b in zip(key, wanted, strict=True))


def kind_of(expr: Expr, kinds: Mapping[str, str], values: Values | None = None) -> str:
    """Return the kind of value that an expression gives, given the columns' kinds and the earlier values."""
    match expr:
        case Col():
            return kinds[expr.name]
        case Const():
            return scalar_kind(expr.value)
        case Ref():
            return "number" if values is None else scalar_kind(ref_value(expr, values))
        case Call():
            return call_kind(expr, kinds, values)
        case Case():
            present = [value for _, value in expr.branches if value != Const(None)] + [expr.otherwise]
            return kind_of(present[0], kinds, values)
        case Cut():
            return "text"
        case Replace():
            return replaced_kind(expr, kinds, values)


def call_kind(expr: Call, kinds: Mapping[str, str], values: Values | None) -> str:
    """Return the kind of value that a function gives."""
    if expr.function in TEXT_FUNCTIONS:
        return "text"
    if expr.function == "date":
        return "date"
    if expr.function in SAME_FUNCTIONS:
        return kind_of(expr.args[0], kinds, values)
    return "number"


def replaced_kind(expr: Replace, kinds: Mapping[str, str], values: Values | None) -> str:
    """Return the kind of a column after its values were replaced."""
    found = {scalar_kind(new) for _, new in expr.pairs if new is not None}
    if expr.otherwise is None:
        found.add(kind_of(expr.value, kinds, values))
    elif expr.otherwise != Const(None):
        found.add(kind_of(expr.otherwise, kinds, values))
    return found.pop() if len(found) == 1 else "mixed"


def said(expr: Expr) -> str:
    """Return an expression as a person would write it."""
    match expr:
        case Col():
            return expr.name
        case Const():
            return "missing" if expr.value is None else str(expr.value)
        case Ref():
            return f"{expr.part} of {expr.label}" if expr.part else expr.label
        case Call() if expr.function in SYMBOLS:
            return "(" + f" {SYMBOLS[expr.function]} ".join(map(said, expr.args)) + ")"
        case Call():
            return f"{expr.function.replace('_', ' ')}({', '.join(map(said, expr.args))})"
        case Case():
            parts = [f"{said(value)} where {said_condition(condition)}" for condition, value in expr.branches]
            return "; ".join([*parts, f"else {said(expr.otherwise)}"])
        case Cut():
            return f"{said(expr.value)} in bins"
        case Replace():
            return f"{said(expr.value)} with {', '.join(f'{old} as {new}' for old, new in expr.pairs[:5])}"


def said_condition(condition: Condition) -> str:
    """Return a condition as a person would write it."""
    match condition:
        case Compare():
            return said_compare(condition)
        case Not():
            return f"not ({said_condition(condition.part)})"
        case All():
            return " and ".join(map(nested, condition.parts)) or "always"
        case AnyOf():
            return " or ".join(map(nested, condition.parts)) or "never"


def nested(condition: Condition) -> str:
    """Return a condition in brackets where it has several parts."""
    words = said_condition(condition)
    return f"({words})" if isinstance(condition, All | AnyOf) and len(condition.parts) > 1 else words


def said_compare(compare: Compare) -> str:
    """Return a comparison as a person would write it."""
    left, word = said(compare.left), OPERATORS[compare.op]
    if compare.op in ("missing", "present") or compare.right is None:
        return f"{left} {word if compare.op in ('missing', 'present') else 'is missing'}"
    if isinstance(compare.right, tuple):
        joint = " and " if compare.op == "between" else ", "
        return f"{left} {word} {joint.join(map(str, compare.right))}"
    return f"{left} {word} {said(compare.right)}"
