"""A query in plain words, as the reading line shows it."""

from __future__ import annotations

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
    Derive,
    DropColumns,
    DropDuplicates,
    DropMissing,
    Encode,
    Expr,
    Filter,
    Fit,
    Impute,
    Limit,
    Measure,
    Not,
    Outliers,
    Query,
    Ref,
    Replace,
    Resample,
    Scale,
    Sort,
    Step,
    Summarise,
    Test,
)

NAMES = {
    "rows": "number of rows", "columns": "number of columns", "shape": "rows and columns", "names": "column names",
    "types": "column types", "missing": "missing values", "missing_share": "share of missing values",
    "missing_rows": "rows with a missing value", "duplicates": "duplicate rows", "unique": "number of different values",
    "values": "values", "counts": "rows by value", "shares": "share by value", "min": "least", "max": "greatest",
    "std": "standard deviation", "var": "variance", "sem": "standard error", "skew": "skewness",
    "iqr": "interquartile range",
    "mad": "mean absolute deviation", "cv": "coefficient of variation", "outliers": "number of outliers",
    "outlier_bounds": "outlier fences", "correlations": "correlations", "count": "present values",
}  # fmt: skip
TESTS = {
    "shapiro": "Shapiro-Wilk test", "anderson": "Anderson-Darling test", "ks": "Kolmogorov-Smirnov test of normality",
    "dagostino": "D'Agostino test", "jarque_bera": "Jarque-Bera test", "t": "t-test", "welch": "Welch's t-test",
    "mann_whitney": "Mann-Whitney test", "ks_2": "two-sample Kolmogorov-Smirnov test", "paired_t": "paired t-test",
    "wilcoxon": "Wilcoxon test", "anova": "ANOVA", "kruskal": "Kruskal-Wallis test", "levene": "Levene test",
    "bartlett": "Bartlett test", "chi2": "chi-square test", "one_sample_t": "one-sample t-test",
}  # fmt: skip
_SIGNS = {
    "eq": "=",
    "ne": "≠",
    "lt": "<",
    "le": "≤",
    "gt": ">",
    "ge": "≥",
    "contains": "contains",
    "starts": "starts with",
    "ends": "ends with",
}
_INFIX = {"add": "+", "sub": "−", "mul": "×", "div": "/", "pow": "^"}


def words(query: Query) -> str:
    """Say a query in plain words: what is measured, then by what, where and after which steps."""
    edges = _edges(query)
    yields = [step for step in query.steps if isinstance(step, (Measure, Test, Fit)) and step.label not in edges]
    decides = [step.label for step in query.steps if isinstance(step, Decide)]
    filters = [condition_words(step.where) for step in query.steps if isinstance(step, Filter)]
    others = [step_words(step) for step in query.steps if not isinstance(step, (Measure, Test, Fit, Decide, Filter))]
    period = _period(query)
    if period is not None:
        others.remove(step_words(period))
        said = [f"{yield_words(measure)} by {period.every} of {period.time}" for measure in period.measures]
        parts = ["; ".join(said)]
    else:
        parts = ["; ".join(dict.fromkeys(yield_words(step) for step in yields)) or "the rows"]
    if filters:
        parts.append("where " + " and ".join(filters))
    if others:
        parts.append("after: " + ", ".join(others))
    rounding = {output.digits for output in query.outputs if output.digits is not None and output.digits < 0}
    if len(rounding) == 1:
        parts.append(f"rounded to the nearest {10 ** -rounding.pop():,}")
    if decides:
        parts.append("and what follows for " + ", ".join(decides))
    return ", ".join(parts)


def _edges(query: Query) -> set[str]:
    """Labels of measures that only conditions refer to: these say them."""
    conditions = repr([step for step in query.steps if isinstance(step, (Filter, Derive))])
    return {
        step.label for step in query.steps if isinstance(step, Measure) and f"Ref(label={step.label!r}" in conditions
    }


def _period(query: Query) -> Resample | None:
    """The rows put together by time, where each measure only shows what was put together."""
    found = [step for step in query.steps if isinstance(step, Resample)]
    yields = [step for step in query.steps if isinstance(step, (Measure, Test, Fit))]
    if len(found) != 1 or query.steps[-len(yields) - 1] is not found[0]:
        return None
    shown = {measure.label for measure in found[0].measures}
    same = all(
        isinstance(step, Measure) and step.function == "sum" and step.by == (found[0].time,)
        and all(isinstance(column, Col) and column.name in shown for column in step.columns) for step in yields
    )  # fmt: skip
    return found[0] if same else None


def yield_words(step: Measure | Test | Fit) -> str:
    """Say what one measure, test or fit gives."""
    if isinstance(step, Fit):
        return f"{step.metric} of {step.model.replace('_', ' ')} for {step.target} from {', '.join(step.features)}"
    columns = " and ".join(expression_words(column) for column in step.columns)
    if isinstance(step, Test):
        by = f" by {step.by}" if step.by else ""
        return f"{TESTS.get(step.kind, step.kind)} of {columns}{by}"
    if step.function == "value":
        return columns
    name = measure_name(step)
    where = f" where {condition_words(step.where)}" if step.where is not None else ""
    by = f" by {' and '.join(step.by)}" if step.by else ""
    every = " by column" if step.function in ("missing", "missing_share") and not step.columns else ""
    return f"{name}{' of ' + columns if columns else ''}{every}{by}{where}"


def measure_name(step: Measure) -> str:
    """The name of a measure with its options."""
    options = step.options
    if step.function == "quantile":
        return f"{float(options.get('q', 0.5)) * 100:g}th percentile"
    if step.function == "share":
        return f"share of rows where {condition_words(options['of'])}"
    if step.function in ("at_max", "at_min"):
        return f"where {options.get('at')} is {'greatest' if step.function == 'at_max' else 'least'}, the value"
    if step.function in ("correlation", "correlations"):
        return f"{str(options.get('method', 'pearson')).capitalize()} {step.function}"
    if step.function == "outliers":
        return f"number of outliers ({options.get('method', 'iqr')}, {options.get('factor', 1.5):g})"
    if step.function in ("std", "var") and options.get("ddof") == 0:
        return f"population {NAMES[step.function]}"
    return NAMES.get(step.function, step.function)


def step_words(step: Step) -> str:
    """Say one step that changes rows or columns."""
    if isinstance(step, Derive):
        return f"{step.name} = {expression_words(step.value)}"
    if isinstance(step, Impute):
        how = repr(step.value) if step.how == "constant" else step.how
        return f"missing {', '.join(step.columns) or 'values'} filled with {how}"
    if isinstance(step, DropMissing):
        return f"rows missing {', '.join(step.columns) or 'any value'} dropped"
    if isinstance(step, Outliers):
        done = {
            "keep": "only outliers kept",
            "remove": "outliers removed",
            "clip": "outliers clipped",
            "flag": "outliers flagged",
        }
        return (
            f"{step.column} {done.get(step.action, f'outliers replaced with the {step.action}')} ("
            f"{step.method}, {step.factor:g})"
        )
    return _plain_step(step)


def _plain_step(step: Step) -> str:
    if isinstance(step, DropDuplicates):
        return "duplicate rows dropped"
    if isinstance(step, DropColumns):
        return f"without {', '.join(step.columns)}"
    if isinstance(step, Scale):
        return f"{', '.join(step.columns)} scaled ({step.method})"
    if isinstance(step, Encode):
        return f"{', '.join(step.columns)} encoded ({step.method})"
    if isinstance(step, Sort):
        return f"sorted by {', '.join(step.by)}{' descending' if step.descending else ''}"
    if isinstance(step, Limit):
        return f"first {step.n} rows"
    if isinstance(step, Summarise):
        return f"by {', '.join(step.by)}: {', '.join(yield_words(measure) for measure in step.measures)}"
    if isinstance(step, Resample):
        return f"by {step.every} of {step.time}: {', '.join(yield_words(measure) for measure in step.measures)}"
    return type(step).__name__


def expression_words(expr: Expr) -> str:
    """Say an expression as a formula."""
    if isinstance(expr, Col):
        return expr.name
    if isinstance(expr, Const):
        return value_words(expr.value)
    if isinstance(expr, Ref):
        return f"{expr.label}{' ' + expr.part if expr.part else ''}"
    if isinstance(expr, Call):
        inner = [expression_words(each) for each in expr.args]
        if expr.function in _INFIX:
            return "(" + f" {_INFIX[expr.function]} ".join(inner) + ")"
        return f"{expr.function.replace('_', ' ')}({', '.join(inner)})"
    if isinstance(expr, Case):
        cases = [f"{expression_words(value)} where {condition_words(condition)}" for condition, value in expr.branches]
        return f"{', '.join(cases)}, else {expression_words(expr.otherwise)}"
    if isinstance(expr, Cut):
        return f"{expression_words(expr.value)} in bins by {expr.how}"
    return f"{expression_words(expr.value)} with values replaced" if isinstance(expr, Replace) else str(expr)


def condition_words(condition: Condition) -> str:
    """Say a condition."""
    if isinstance(condition, All):
        return " and ".join(condition_words(part) for part in condition.parts)
    if isinstance(condition, AnyOf):
        return "(" + " or ".join(condition_words(part) for part in condition.parts) + ")"
    if isinstance(condition, Not):
        return f"not ({condition_words(condition.part)})"
    return _compare_words(condition)


def _compare_words(condition: Compare) -> str:
    left = expression_words(condition.left)
    if condition.op in ("missing", "present"):
        return f"{left} is {condition.op}"
    if isinstance(condition.right, tuple):
        values = [value_words(value) for value in condition.right]
        if condition.op == "between":
            return f"{left} from {' to '.join(values)}"
        return f"{left} {'is one of' if condition.op == 'in' else 'is none of'} {', '.join(values)}"
    right = expression_words(condition.right) if condition.right is not None else "missing"
    return f"{left} {_SIGNS.get(condition.op, condition.op)} {right}"


def value_words(value: Any) -> str:
    """Say a value."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
