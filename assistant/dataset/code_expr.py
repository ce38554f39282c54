"""Pandas code for expressions and conditions, as a person would write it; `expr` computes the same without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from assistant.dataset.conditions import TEXT_ONLY, Leaf, fold, map_leaves, plain
from assistant.dataset.scope import NUMBER
from assistant.dataset.steps import Call, Case, Col, Condition, Const, Cut, Expr, Ref, Replace
from assistant.dataset.walk import SYMBOLS, Values, kind_of

INFINITE = ".replace([np.inf, -np.inf], np.nan)"
OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


@dataclass(frozen=True, slots=True)
class Writer:
    """What the code is written for: the kinds of the columns, earlier values, and the code that stands for them."""

    kinds: Mapping[str, str]
    values: Values
    ref: Callable[[Ref], str]

    def kind(self, expr: Expr) -> str:
        """Return the kind of value that an expression gives."""
        return kind_of(expr, self.kinds, self.values)

    def column(self, expr: Expr, d: str) -> str:
        """Return code for the values of an expression over the frame called `d`."""
        match expr:
            case Col():
                return f"{d}[{expr.name!r}]"
            case Const():
                return repr(expr.value)
            case Ref():
                return self.ref(expr)
            case Call():
                return CALLS[expr.function](self, expr, d)
            case Case():
                return self.case(expr, d)
            case Cut():
                return self.cut(expr, d)
            case Replace():
                return self.replace(expr, d)

    def series(self, expr: Expr, d: str) -> str:
        """Return code for an expression as a column, a literal spread over the rows."""
        code = self.column(expr, d)
        if not isinstance(expr, Const | Ref):
            return code
        dtype = ", dtype=object" if isinstance(expr, Const) and expr.value is None else ""
        return f"pd.Series({code}, index={d}.index{dtype})"

    def number(self, expr: Expr, d: str) -> str:
        """Return code for the values of an expression as numbers."""
        code = self.column(expr, d)
        return f"{code}.astype(float)" if self.kind(expr) == "boolean" and not isinstance(expr, Const | Ref) else code

    def text(self, expr: Expr, d: str) -> str:
        """Return code for the values of an expression as texts."""
        code = self.column(expr, d)
        return code if self.kind(expr) == "text" else f"{code}.astype('string')"

    def folded(self, expr: Expr, d: str) -> str:
        """Return code for texts without outer white space and in lower case."""
        if self.kind(expr) == "text":
            return f"{self.column(expr, d)}.str.strip().str.lower()"
        return f"{self.column(expr, d)}.map(lambda v: str(v).strip().lower(), na_action='ignore')"

    def case(self, expr: Case, d: str) -> str:
        """Return code for the first branch that holds."""
        branches = ", ".join(f"({self.mask(c, d)}, {self.column(value, d)})" for c, value in expr.branches)
        return f"{self.series(expr.otherwise, d)}.case_when([{branches}])"

    def cut(self, expr: Cut, d: str) -> str:
        """Return code for bins."""
        value, labels = self.number(expr.value, d), f", labels={list(expr.labels)!r}" if expr.labels else ""
        right = "" if expr.right else ", right=False"
        if expr.how == "edges":
            edges = "[" + ", ".join(map(literal, expr.edges)) + "]"
            code = f"pd.cut({value}, {edges}{labels}{right}, include_lowest=True)"
        elif expr.how == "width":
            code = f"pd.cut({value}, {expr.n}{labels}{right})"
        else:
            code = f"pd.qcut({value}, {expr.n}{labels or ', duplicates=' + repr('drop')})"
        return code if labels else f"{code}.cat.rename_categories(str)"

    def replace(self, expr: Replace, d: str) -> str:
        """Return code for values put in place of others."""
        by_text = self.kind(expr.value) in ("text", "mixed")
        pairs = {(fold(old) if by_text else old): new for old, new in expr.pairs}
        key, code = "str(v).strip().lower()" if by_text else "v", self.column(expr.value, d)
        if expr.otherwise is None:
            return f"{code}.map(lambda v: {pairs!r}.get({key}, v), na_action='ignore')"
        if isinstance(expr.otherwise, Const | Ref):
            rest = self.column(expr.otherwise, d)
            return f"{code}.map(lambda v: {pairs!r}.get({key}, {rest}), na_action='ignore')"
        known = f"{self.folded(expr.value, d) if by_text else code}.isin({list(pairs)!r})"
        new = f"{code}.map(lambda v: {pairs!r}.get({key}), na_action='ignore').astype(object)"
        rest = self.column(expr.otherwise, d)
        return f"{new}.mask(~{known} & {code}.notna(), {rest}).infer_objects()"

    def mask(self, condition: Condition, d: str) -> str:
        """Return code for where a condition holds."""
        form = plain(condition, self.kinds, self.values)

        def join(every: bool, parts: list[str]) -> str:
            if not parts:
                return f"pd.Series({every}, index={d}.index)"
            return (" & " if every else " | ").join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]

        return str(map_leaves(form, lambda found: self.leaf(found, d), join))

    def leaf(self, found: Leaf, d: str) -> str:
        """Return code for where one plain comparison holds."""
        raw = self.series(found.left, d)
        if found.op in ("missing", "present"):
            return f"{raw}.isna()" if found.op == "missing" else f"{raw}.notna()"
        if found.kind in ("text", "mixed"):
            return self.text_leaf(found, raw, d)
        left = self.number(found.left, d) if found.kind == "boolean" and found.op not in ("eq", "ne") else raw
        present = f"{raw}.notna()"
        if found.op in ("in", "not_in"):
            code = f"{left}.isin([{', '.join(map(literal, found.right))}])"
            return code if found.op == "in" else f"~{code} & {present}"
        if found.op in ("between", "not_between"):
            code = f"{left}.between({literal(found.right[0])}, {literal(found.right[1])})"
            return code if found.op == "between" else f"~{code} & {present}"
        if not isinstance(found.right, Expr):
            code = f"{left} {OPERATORS[found.op]} {literal(found.right)}"
            return f"({code}) & {present}" if found.op == "ne" else code
        right = self.column(found.right, d)
        code = f"{left} {OPERATORS[found.op]} {right}"
        both = present if isinstance(found.right, Const | Ref) else f"{present} & {right}.notna()"
        return f"({code}) & {both}" if found.op == "ne" else code

    def text_leaf(self, found: Leaf, raw: str, d: str) -> str:
        """Return code for where a comparison of folded texts holds."""
        left, present, op = self.folded(found.left, d), f"{raw}.notna()", found.op
        if isinstance(found.right, Expr) and not isinstance(found.right, Ref):
            both = f"{present} & {self.column(found.right, d)}.notna()"
            right = self.folded(found.right, d)
        else:
            both, right = present, repr(found.right)
            if isinstance(found.right, Ref):
                right = f"str({self.ref(found.right)}).strip().lower()"
        if op.removeprefix("not_") in TEXT_ONLY:
            method = {"contains": "contains", "starts": "startswith", "ends": "endswith"}[op.removeprefix("not_")]
            plainly = ", regex=False" if method == "contains" else ""
            code = f"{left}.str.{method}({right}{plainly}, na=False)"
            return f"~{code} & {both}" if op.startswith("not_") else code
        if op in ("in", "not_in"):
            code = f"{left}.isin({list(found.right)!r})"
            return code if op == "in" else f"~{code} & {both}"
        if op in ("between", "not_between"):
            code = f"{left}.fillna('').between({found.right[0]!r}, {found.right[1]!r})"
            return f"{'~' if op.startswith('not_') else ''}{code} & {both}"
        if op == "eq":
            return f"{left} == {right}"
        return f"({left}.fillna('') {OPERATORS[op]} {right}) & {both}"


def literal(value: Any) -> str:
    """Return code for a literal; a date as ISO text, which pandas compares with dates."""
    if isinstance(value, pd.Timestamp):
        return repr(value.date().isoformat() if value == value.normalize() else value.isoformat(sep=" "))
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "np.inf" if value > 0 else "-np.inf"
    return repr(value)


# -- functions --------------------------------------------------------------------------------------------------------

Coder = Callable[[Writer, Call, str], str]


def joined(symbol: str) -> Coder:
    """Return the coder of an operator between numbers."""

    def run(w: Writer, expr: Call, d: str) -> str:
        return "(" + f" {symbol} ".join(w.number(arg, d) for arg in expr.args) + ")"

    return run


def divided(w: Writer, expr: Call, d: str) -> str:
    """Return code for a quotient, what division by zero gives made missing."""
    code = joined("/")(w, expr, d)
    safe = all(isinstance(arg, Const) and arg.value for arg in expr.args[1:]) or not series_like(expr)
    return code if safe else f"{code}{INFINITE}"


def remainder(w: Writer, expr: Call, d: str) -> str:
    """Return code for a remainder."""
    a, b = (w.number(arg, d) for arg in expr.args)
    if isinstance(expr.args[1], Const | Ref):
        return f"({a} % {b})"
    return f"({a} % {b}.where({b} != 0))"


def power(w: Writer, expr: Call, d: str) -> str:
    """Return code for a power."""
    a, b = (w.number(arg, d) for arg in expr.args)
    exponent = expr.args[1]
    if isinstance(exponent, Const) and isinstance(exponent.value, int) and exponent.value >= 0:
        return f"({a} ** {b})"
    return f"(({a} * 1.0) ** {b})" + (INFINITE if series_like(expr) else "")


def series_like(expr: Expr) -> bool:
    """Tell whether an expression gives a column rather than one value."""
    if isinstance(expr, Call):
        return any(series_like(arg) for arg in expr.args)
    return not isinstance(expr, Const | Ref)


def form(template: str) -> Coder:
    """Return the coder that fills numeric arguments into a template as {0}, {1}."""

    def run(w: Writer, expr: Call, d: str) -> str:
        return template.format(*(w.number(arg, d) for arg in expr.args))

    return run


def plainly(template: str) -> Coder:
    """Return the coder that fills arguments of any kind into a template."""

    def run(w: Writer, expr: Call, d: str) -> str:
        return template.format(*(w.column(arg, d) for arg in expr.args))

    return run


def textual(template: str) -> Coder:
    """Return the coder that fills texts into a template."""

    def run(w: Writer, expr: Call, d: str) -> str:
        return template.format(*(w.text(arg, d) for arg in expr.args))

    return run


def guarded(function: str, condition: str) -> Coder:
    """Return the coder of a function of numpy that is defined only where the condition holds."""

    def run(w: Writer, expr: Call, d: str) -> str:
        value = w.number(expr.args[0], d)
        return f"np.{function}({value}.where({value} {condition}))" if series_like(expr) else f"np.{function}({value})"

    return run


def by_row(method: str) -> Coder:
    """Return the coder of an aggregate over columns by row."""

    def run(w: Writer, expr: Call, d: str) -> str:
        if all(isinstance(arg, Col) and w.kind(arg) == "number" for arg in expr.args):
            names = [arg.name for arg in expr.args if isinstance(arg, Col)]
            return f"{d}[{names!r}].{method}(axis=1)"
        parts = ", ".join(
            f"pd.Series({w.number(arg, d)}, index={d}.index)" if isinstance(arg, Const | Ref) else w.number(arg, d)
            for arg in expr.args
        )
        return f"pd.concat([{parts}], axis=1).{method}(axis=1)"

    return run


def concat(w: Writer, expr: Call, d: str) -> str:
    """Return code for texts joined."""
    parts = [
        repr(str(arg.value)) if isinstance(arg, Const) else f"{w.column(arg, d)}.astype('string')" for arg in expr.args
    ]
    return "(" + " + ".join(parts) + ").astype('str')"


def to_number(w: Writer, expr: Call, d: str) -> str:
    """Return code for the number that each text holds."""
    if w.kind(expr.args[0]) in ("number", "boolean"):
        return w.number(expr.args[0], d)
    text = f"{w.column(expr.args[0], d)}.astype('string').str.replace(',', '', regex=False)"
    return f"pd.to_numeric({text}.str.extract({NUMBER!r})[0], errors='coerce').astype(float)"


def to_date(w: Writer, expr: Call, d: str) -> str:
    """Return code for the date that each text holds."""
    code = w.column(expr.args[0], d)
    if w.kind(expr.args[0]) == "date":
        return code
    return f"pd.to_datetime({code}.astype('string'), errors='coerce', format='mixed')"


def days_between(w: Writer, expr: Call, d: str) -> str:
    """Return code for b - a in days."""
    a, b = (f"pd.Timestamp({arg.value!r})" if isinstance(arg, Const) else w.column(arg, d) for arg in expr.args)
    return f"(({b} - {a}).dt.total_seconds() / 86400)"


def group_mean(w: Writer, expr: Call, d: str) -> str:
    """Return code for the mean over the rows that share a value."""
    value, key = w.number(expr.args[0], d), w.column(expr.args[1], d)
    return f"{value}.groupby({key}, observed=True).transform('mean')"


def shift(w: Writer, expr: Call, d: str) -> str:
    """Return code for the value some rows before."""
    by = w.column(expr.args[1], d) if len(expr.args) > 1 else "1"
    return f"{w.column(expr.args[0], d)}.shift({by})"


def absolute(w: Writer, expr: Call, d: str) -> str:
    """Return code for a magnitude."""
    return f"abs({w.number(expr.args[0], d)})"


CALLS: Mapping[str, Coder] = {
    **{name: joined(symbol) for name, symbol in SYMBOLS.items()},
    "div": divided,
    "mod": remainder,
    "pow": power,
    "abs": absolute,
    "neg": form("(-{0})"),
    "sqrt": guarded("sqrt", ">= 0"),
    "square": form("({0} ** 2)"),
    "log": guarded("log", "> 0"),
    "log10": guarded("log10", "> 0"),
    "log2": guarded("log2", "> 0"),
    "log1p": guarded("log1p", "> -1"),
    "exp": form("np.exp({0})"),
    "round": lambda w, e, d: f"{w.number(e.args[0], d)}.round({w.column(e.args[1], d) if len(e.args) > 1 else 0})",
    "mean_of": by_row("mean"),
    "min_of": by_row("min"),
    "max_of": by_row("max"),
    "year": plainly("{0}.dt.year"),
    "quarter": plainly("{0}.dt.quarter"),
    "month": plainly("{0}.dt.month"),
    "day": plainly("{0}.dt.day"),
    "weekday": plainly("{0}.dt.day_of_week"),
    "weekday_name": plainly("{0}.dt.day_name()"),
    "hour": plainly("{0}.dt.hour"),
    "days_between": days_between,
    "lower": textual("{0}.str.lower()"),
    "length": textual("{0}.str.len()"),
    "concat": concat,
    "number": to_number,
    "date": to_date,
    "is_missing": plainly("{0}.isna().astype(int)"),
    "diff": form("{0}.diff()"),
    "pct_change": form("{0}.pct_change(fill_method=None)" + INFINITE),
    "shift": shift,
    "cumsum": form("{0}.cumsum()"),
    "rolling_mean": form("{0}.rolling({1}).mean()"),
    "rank": form("{0}.rank()"),
    "zscore": form("(({0} - {0}.mean()) / {0}.std(ddof=0))" + INFINITE),
    "minmax": form("(({0} - {0}.min()) / ({0}.max() - {0}.min()))" + INFINITE),
    "share_of_sum": form("({0} / {0}.sum())" + INFINITE),
    "group_mean": group_mean,
    "code": plainly("({0}.rank(method='dense') - 1)"),
}
