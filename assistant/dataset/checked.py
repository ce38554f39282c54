"""What keeps a query from running on a table: columns, labels and names that are not there; and what a query reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rapidfuzz import fuzz, process, utils

from assistant.dataset.steps import (
    FUNCTIONS,
    MEASURES,
    Call,
    Decide,
    Derive,
    DropColumns,
    DropDuplicates,
    DropMissing,
    Encode,
    Filter,
    Fit,
    Impute,
    Limit,
    Measure,
    Outliers,
    Query,
    Resample,
    Scale,
    Sort,
    Summarise,
    Test,
)
from assistant.dataset.walk import (
    columns_of,
    condition_columns,
    inside,
    measure_columns,
    of_condition,
    refs_of,
    test_columns,
)

NEAR = 60.0
WHOLE = frozenset({"columns", "shape", "names", "types", "missing_rows"})
MAYBE_WHOLE = frozenset({"missing", "missing_share", "count", "unique", "duplicates"})


def reads(step: Any) -> set[str]:
    """Return the names of the columns that a step reads."""
    match step:
        case Filter():
            return condition_columns(step.where)
        case Derive():
            return columns_of(step.value)
        case Impute() | DropMissing() | DropDuplicates() | DropColumns() | Scale() | Encode():
            return set(step.columns)
        case Outliers():
            return {step.column}
        case Sort():
            return set(step.by)
        case Summarise():
            return set(step.by).union(*(measure_columns(measure) for measure in step.measures))
        case Resample():
            return {step.time}.union(*(measure_columns(measure) for measure in step.measures))
        case Measure():
            return measure_columns(step)
        case Test():
            return test_columns(step)
        case Fit():
            return {*step.features, *([step.target] if step.target else [])}
    return set()


def reads_all(step: Any) -> bool:
    """Tell whether a step reads every column."""
    match step:
        case Impute() | DropMissing() | DropDuplicates():
            return not step.columns
        case DropColumns():
            return True
        case Measure():
            return whole(step)
        case Summarise() | Resample():
            return any(whole(measure) for measure in step.measures)
    return False


def whole(measure: Measure) -> bool:
    """Tell whether a measure reads every column."""
    if measure.function == "correlations":
        return len(measure.columns) < 2
    return measure.function in WHOLE or (measure.function in MAYBE_WHOLE and not measure.columns)


def needed(query: Query) -> set[str] | None:
    """Return the columns that a query reads, None where it reads or shows all of them."""
    yields = [isinstance(step, Measure | Test | Fit | Decide) for step in query.steps]
    if not yields or not yields[-1] or any(reads_all(step) for step in query.steps):
        return None
    return set().union(*(reads(step) for step in query.steps))


def after(step: Any, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the columns after a step, None where they follow from the values."""
    match step:
        case Derive():
            return names if step.name in names else (*names, step.name)
        case DropColumns():
            return tuple(name for name in names if name not in step.columns)
        case Outliers() if step.action == "flag":
            return (*names, step.name or f"{step.column}_outlier")
        case Encode() if step.method == "onehot":
            return None
        case Summarise():
            return (*step.by, *(measure.label for measure in step.measures))
        case Resample():
            return (step.time, *(measure.label for measure in step.measures))
    return names


def problems(query: Query, columns: Iterable[str]) -> Iterator[str]:
    """Yield what keeps a query from running on a table with these columns, in words."""
    names: tuple[str, ...] | None = tuple(columns)
    labels: list[str] = []
    for number, step in enumerate(query.steps, start=1):
        if names is not None:
            yield from (missing(name, names) for name in sorted(reads(step) - set(names)))
        yield from unknown_words(step)
        if isinstance(step, Measure | Test | Fit | Decide):
            if not isinstance(step, Fit):
                yield from (f"there is no earlier value {ref!r}" for ref in sorted(refs_of(step) - set(labels)))
            if step.label in labels:
                yield f"two values are called {step.label!r}"
            labels.append(step.label)
        elif names is not None:
            names = after(step, names)
        if isinstance(step, Limit) and step.n < 0:
            yield f"step {number} keeps {step.n} rows"
    yield from (f"{output.name!r} wants {output.label!r}, which no step gives" for output in query.outputs
                if output.label not in labels)  # fmt: skip


def unknown_words(step: Any) -> Iterator[str]:
    """Yield functions and measures of a step that do not exist."""
    measures = (step,) if isinstance(step, Measure) else getattr(step, "measures", ())
    yield from (f"there is no measure {m.function!r}" for m in measures if m.function not in MEASURES)
    found: list[Any] = []
    for expr in (*(getattr(step, "value", None),), *(column for m in measures for column in m.columns)):
        if expr is not None and not isinstance(expr, str | int | float):
            found.extend(inside(expr))
    if isinstance(step, Filter):
        found.extend(of_condition(step.where))
    yield from (f"there is no function {part.function!r}" for part in found
                if isinstance(part, Call) and part.function not in FUNCTIONS)  # fmt: skip


def missing(name: str, names: tuple[str, ...]) -> str:
    """Return that a column is not there, with the nearest names."""
    near = [str(found[0]) for found in process.extract(
        name, names, scorer=fuzz.WRatio, processor=utils.default_process, limit=3, score_cutoff=NEAR)]  # fmt: skip
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return f"there is no column {name!r}{hint}"
