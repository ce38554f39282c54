"""Expressions and conditions as DuckDB SQL: quoted names, bound parameters, no text of a person in the SQL itself.

What SQL cannot say as pandas does raises `NotInDuck`; the caller then takes the needed columns into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from assistant.dataset.conditions import Leaf, fold, map_leaves, plain
from assistant.dataset.scope import NUMBER, no_numbers
from assistant.dataset.steps import Call, Case, Col, Condition, Const, Cut, Expr, Ref, Replace
from assistant.dataset.walk import Values, kind_of, ref_value, said
from kb.errors import BadInput

ROW = "citewise row"
SPACE = "' \t\n\r\x0b\x0c'"
SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


class NotInDuck(Exception):
    """This is not computed in DuckDB here."""


def quoted(name: str) -> str:
    """Return a name as SQL."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Sql:
    """Writes SQL over columns of known kinds; literals go to `params` and are bound by name."""

    kinds: Mapping[str, str]
    values: Values
    params: dict[str, Any] = field(default_factory=dict)
    order: str = quoted(ROW)

    def bind(self, value: Any) -> str:
        """Return the placeholder of a literal."""
        name = f"cw{len(self.params)}_"
        self.params[name] = value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
        return f"${name}"

    def kind(self, expr: Expr) -> str:
        """Return the kind of value that an expression gives."""
        return kind_of(expr, self.kinds, self.values)

    def column(self, expr: Expr) -> str:
        """Return SQL for the values of an expression."""
        match expr:
            case Col():
                if self.kinds[expr.name] == "mixed":
                    raise NotInDuck
                return quoted(expr.name)
            case Const():
                return "NULL" if expr.value is None else self.bind(expr.value)
            case Ref():
                found = ref_value(expr, self.values)
                return "NULL" if found is None else self.bind(found)
            case Call():
                if expr.function not in CALLS:
                    raise NotInDuck
                return CALLS[expr.function](self, expr)
            case Case():
                return self.case(expr)
            case Cut():
                return self.cut(expr)
            case Replace():
                return self.replace(expr)

    def number(self, expr: Expr, what: str) -> str:
        """Return SQL for the values of an expression as floating point numbers."""
        kind = self.kind(expr)
        if kind not in ("number", "boolean"):
            raise no_numbers(said(expr), kind, [], what)
        return f"CAST({self.column(expr)} AS DOUBLE)"

    def date(self, expr: Expr) -> str:
        """Return SQL for the values of an expression as timestamps."""
        if isinstance(expr, Const):
            return self.bind(pd.Timestamp(str(expr.value)))
        if self.kind(expr) != "date":
            raise BadInput(f"the column {said(expr)!r} holds no dates", hint="make dates of it first")
        return self.column(expr)

    def text(self, expr: Expr) -> str:
        """Return SQL for texts; other kinds would be written differently than pandas does."""
        if self.kind(expr) != "text":
            raise NotInDuck
        return self.column(expr)

    def folded(self, expr: Expr) -> str:
        """Return SQL for texts without outer white space and in lower case."""
        return f"lower(trim({self.text(expr)}, {SPACE}))"

    def case(self, expr: Case) -> str:
        """Return SQL for the first branch that holds."""
        kinds = {self.kind(v) for v in (*(v for _, v in expr.branches), expr.otherwise) if v != Const(None)}
        if len(kinds) > 1:
            raise NotInDuck
        parts = [f"WHEN {self.mask(condition)} THEN {self.column(value)}" for condition, value in expr.branches]
        return (
            f"(CASE {' '.join(parts)} ELSE {self.column(expr.otherwise)} END)" if parts else self.column(expr.otherwise)
        )

    def cut(self, expr: Cut) -> str:
        """Return SQL for bins with given edges; others need all values at once."""
        if expr.how != "edges" or len(expr.edges) < 2 or list(expr.edges) != sorted(set(expr.edges)):
            raise NotInDuck
        value, labels = self.number(expr.value, "binning"), expr.labels or labels_of(expr)
        if len(labels) != len(expr.edges) - 1:
            raise NotInDuck
        parts = []
        for n, (low, high, label) in enumerate(zip(expr.edges, expr.edges[1:], labels, strict=False)):
            first, last = self.bind(float(low)), self.bind(float(high))
            opened = ">=" if not expr.right or n == 0 else ">"
            parts.append(f"WHEN {value} {opened} {first} AND {value} {'<=' if expr.right else '<'} {last}"
                         f" THEN {self.bind(label)}")  # fmt: skip
        return f"(CASE {' '.join(parts)} END)"

    def replace(self, expr: Replace) -> str:
        """Return SQL for values put in place of others."""
        kinds = {kind_of(Const(new), {}) for _, new in expr.pairs if new is not None}
        rest = expr.value if expr.otherwise is None else expr.otherwise
        if len(kinds | {self.kind(rest)} if rest != Const(None) else kinds) > 1:
            raise NotInDuck
        by_text = self.kind(expr.value) == "text"
        key, raw = (self.folded(expr.value) if by_text else self.column(expr.value)), self.column(expr.value)
        parts = [f"WHEN {key} = {self.bind(fold(old) if by_text else old)} THEN {self.column(Const(new))}"
                 for old, new in expr.pairs]  # fmt: skip
        return f"(CASE WHEN {raw} IS NULL THEN NULL {' '.join(parts)} ELSE {self.column(rest)} END)"

    def mask(self, condition: Condition) -> str:
        """Return SQL for where a condition holds; NULL where it is about a missing value."""

        def join(every: bool, parts: list[str]) -> str:
            return "(" + (" AND " if every else " OR ").join(parts) + ")" if parts else ("TRUE" if every else "FALSE")

        return str(map_leaves(plain(condition, self.kinds, self.values), self.leaf, join))

    def leaf(self, found: Leaf) -> str:
        """Return SQL for one plain comparison."""
        if found.op in ("missing", "present"):
            return f"({self.column(found.left)} IS {'' if found.op == 'missing' else 'NOT '}NULL)"
        if found.kind == "mixed":
            raise NotInDuck
        side: Callable[[Expr], str] = self.folded if found.kind == "text" else self.column
        left, op = side(found.left), found.op
        if found.kind == "boolean" and op not in ("eq", "ne", "in", "not_in"):
            left = f"CAST({left} AS DOUBLE)"
        if op.removeprefix("not_") in ("contains", "starts", "ends"):
            function = {"contains": "contains", "starts": "starts_with", "ends": "suffix"}[op.removeprefix("not_")]
            right = self.folded(found.right) if isinstance(found.right, Expr) else self.bind(found.right)
            return f"({'NOT ' if op.startswith('not_') else ''}{function}({left}, {right}))"
        if op in ("in", "not_in"):
            items = ", ".join(map(self.bind, found.right))
            return (
                f"({left} {'NOT ' if op == 'not_in' else ''}IN ({items}))"
                if items
                else ("FALSE" if op == "in" else "TRUE")
            )
        if op in ("between", "not_between"):
            low, high = map(self.bind, found.right)
            return f"({left} {'NOT ' if op == 'not_between' else ''}BETWEEN {low} AND {high})"
        return f"({left} {SIGNS[op]} {self.right(found, side)})"

    def right(self, found: Leaf, side: Callable[[Expr], str]) -> str:
        """Return SQL for the right side of a comparison."""
        if not isinstance(found.right, Expr):
            return self.bind(found.right)
        if isinstance(found.right, Ref):
            held = ref_value(found.right, self.values)
            return self.bind(
                fold(held) if found.kind == "text" else pd.Timestamp(held) if found.kind == "date" else held
            )
        return side(found.right)


def labels_of(expr: Cut) -> tuple[str, ...]:
    """Return the names that pandas gives bins."""
    edges = list(expr.edges)
    bins = pd.cut(pd.Series(edges, dtype="float64"), edges, right=expr.right, include_lowest=True)
    return tuple(str(interval) for interval in bins.cat.categories)


# -- functions --------------------------------------------------------------------------------------------------------

Coder = Callable[[Sql, Call], str]


def numeric(template: str, word: str = "this") -> Coder:
    """Return the coder that fills numbers into a template as {0}, {1}."""
    return lambda w, e: template.format(*(w.number(arg, word) for arg in e.args))


def joined(sign: str, word: str) -> Coder:
    """Return the coder of an operator between numbers."""
    return lambda w, e: "(" + f" {sign} ".join(w.number(arg, word) for arg in e.args) + ")"


def divided(w: Sql, e: Call) -> str:
    """Return SQL for a quotient, missing where the divisor is zero."""
    first, *rest = (w.number(arg, "division") for arg in e.args)
    return "(" + " / ".join([first, *(f"nullif({part}, 0)" for part in rest)]) + ")"


def dated(template: str) -> Coder:
    """Return the coder that fills dates into a template."""
    return lambda w, e: template.format(*(w.date(arg) for arg in e.args))


def by_row(template: str) -> Coder:
    """Return the coder of an aggregate by row."""
    return lambda w, e: template.format(", ".join(w.number(arg, "this") for arg in e.args))


def held_number(w: Sql, e: Call) -> str:
    """Return SQL for the number that each text holds."""
    if w.kind(e.args[0]) in ("number", "boolean"):
        return w.number(e.args[0], "number")
    found = f"regexp_extract(replace({w.text(e.args[0])}, ',', ''), {w.bind(NUMBER)}, 1)"
    return f"try_cast(nullif({found}, '') AS DOUBLE)"


def rounded(w: Sql, e: Call) -> str:
    """Return SQL for rounding half to even."""
    digits = e.args[1].value if len(e.args) > 1 and isinstance(e.args[1], Const) else 0
    return f"round_even({w.number(e.args[0], 'rounding')}, {int(digits or 0)})"


def before(template: str) -> Coder:
    """Return the coder of a window over the rows in their order: {0} the value, {n} how many rows before."""

    def run(w: Sql, e: Call) -> str:
        steps = e.args[1].value if len(e.args) > 1 and isinstance(e.args[1], Const) else 1
        if not isinstance(steps, int) or steps < 0:
            raise NotInDuck
        value = w.column(e.args[0]) if e.function == "shift" else w.number(e.args[0], e.function)
        return template.format(value, n=steps, order=w.order)

    return run


def grouped_mean(w: Sql, e: Call) -> str:
    """Return SQL for the mean over the rows that share a value."""
    value, key = w.number(e.args[0], "a mean"), w.column(e.args[1])
    return f"CASE WHEN {key} IS NULL THEN NULL ELSE avg({value}) OVER (PARTITION BY {key}) END"


ORDERED = frozenset({"diff", "pct_change", "shift", "cumsum"})
CALLS: Mapping[str, Coder] = {
    "add": joined("+", "addition"),
    "sub": joined("-", "subtraction"),
    "mul": joined("*", "multiplication"),
    "div": divided,
    "mod": numeric("({0} - {1} * floor({0} / nullif({1}, 0)))"),
    "abs": numeric("abs({0})"),
    "neg": numeric("(-{0})"),
    "sqrt": numeric("(CASE WHEN {0} >= 0 THEN sqrt({0}) END)"),
    "square": numeric("({0} * {0})"),
    "log": numeric("(CASE WHEN {0} > 0 THEN ln({0}) END)"),
    "log10": numeric("(CASE WHEN {0} > 0 THEN log10({0}) END)"),
    "log2": numeric("(CASE WHEN {0} > 0 THEN log2({0}) END)"),
    "log1p": numeric("(CASE WHEN {0} > -1 THEN ln(1 + {0}) END)"),
    "round": rounded,
    "mean_of": by_row("list_avg([{0}])"),
    "min_of": by_row("least({0})"),
    "max_of": by_row("greatest({0})"),
    "year": dated("year({0})"),
    "quarter": dated("quarter({0})"),
    "month": dated("month({0})"),
    "day": dated("day({0})"),
    "weekday": dated("(isodow({0}) - 1)"),
    "weekday_name": dated("dayname({0})"),
    "hour": dated("hour({0})"),
    "days_between": dated("((epoch_us({1}) - epoch_us({0})) / 86400000000.0)"),
    "lower": lambda w, e: f"lower({w.text(e.args[0])})",
    "length": lambda w, e: f"length({w.text(e.args[0])})",
    "concat": lambda w, e: "(" + " || ".join(w.text(arg) for arg in e.args) + ")",
    "number": held_number,
    "is_missing": lambda w, e: f"CAST({w.column(e.args[0])} IS NULL AS INTEGER)",
    "diff": before("({0} - lag({0}) OVER (ORDER BY {order}))"),
    "pct_change": before("({0} / nullif(lag({0}) OVER (ORDER BY {order}), 0) - 1)"),
    "shift": before("lag({0}, {n}) OVER (ORDER BY {order})"),
    "cumsum": before("CASE WHEN {0} IS NULL THEN NULL ELSE sum({0}) OVER (ORDER BY {order}) END"),
    "zscore": numeric("(({0} - avg({0}) OVER ()) / nullif(stddev_pop({0}) OVER (), 0))"),
    "minmax": numeric("(({0} - min({0}) OVER ()) / nullif(max({0}) OVER () - min({0}) OVER (), 0))"),
    "share_of_sum": numeric("({0} / nullif(sum({0}) OVER (), 0))"),
    "group_mean": grouped_mean,
}
