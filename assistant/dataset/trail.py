"""What a step that changes rows or columns did, in a few words."""

from __future__ import annotations

from typing import Any

from assistant.dataset.steps import (
    Derive,
    DropColumns,
    DropDuplicates,
    DropMissing,
    Encode,
    Filter,
    Impute,
    Limit,
    Outliers,
    Resample,
    Scale,
    Sort,
    Summarise,
)
from assistant.dataset.walk import said, said_condition

ACTIONS = {
    "keep": "kept the outliers of", "remove": "removed the outliers of", "mean": "put the mean in place of outliers of",
    "median": "put the median in place of outliers of", "clip": "brought to the fences the outliers of",
    "flag": "marked the outliers of",
}  # fmt: skip


def done(step: Any) -> str:
    """Return what a step did, in words."""
    match step:
        case Filter():
            return f"kept rows where {said_condition(step.where)}"
        case Derive():
            return f"added {step.name} = {said(step.value)}"
        case Impute():
            how = f"{step.value!r}" if step.how == "constant" else f"the {step.how}"
            return f"filled missing values of {listed(step.columns, 'every column')} with {how}"
        case DropMissing():
            return f"dropped rows that miss {listed(step.columns, 'any value')}"
        case DropDuplicates():
            return f"dropped rows that repeat an earlier one in {listed(step.columns, 'every column')}"
        case DropColumns():
            return f"left out {listed(step.columns, '')}"
        case Outliers():
            return f"{ACTIONS.get(step.action, step.action)} {step.column} ({step.method}, {step.factor:g})"
        case Scale():
            return f"scaled {listed(step.columns, '')} ({step.method})"
        case Encode():
            return f"made numbers of {listed(step.columns, '')} ({step.method})"
        case Sort():
            return f"sorted by {listed(step.by, '')}, {'greatest' if step.descending else 'least'} first"
        case Limit():
            return f"kept the first {step.n:,} rows"
        case Summarise():
            return f"one row for each {listed(step.by, '')}"
        case Resample():
            return f"one row for each {step.every} of {step.time}"
    return type(step).__name__


def listed(names: tuple[str, ...], otherwise: str) -> str:
    """Return names as a list in words."""
    return ", ".join(names) if names else otherwise
