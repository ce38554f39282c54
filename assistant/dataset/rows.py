"""Steps that change the rows or columns of a pandas frame: a step and a frame in, a new frame out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset import measures
from assistant.dataset.expr import mask, numbers, series
from assistant.dataset.fences import fences
from assistant.dataset.scope import Scope, as_numbers, column, series_kind
from assistant.dataset.steps import (
    Col,
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
from kb.errors import BadInput

PERIODS: Mapping[str, str] = {"hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
MOST_CODES = 200


@singledispatch
def changed(step: Any, scope: Scope) -> pd.DataFrame:
    """Return the frame after a step."""
    raise BadInput(f"{type(step).__name__} is no step that changes rows", hint="see steps.py")


@changed.register
def _(step: Filter, scope: Scope) -> pd.DataFrame:
    return scope.frame[mask(step.where, scope)]


@changed.register
def _(step: Derive, scope: Scope) -> pd.DataFrame:
    return scope.frame.assign(**{step.name: series(step.value, scope)})


@changed.register
def _(step: Impute, scope: Scope) -> pd.DataFrame:
    frame = scope.frame
    names = step.columns or tuple(imputable(frame, step.how))
    return frame.assign(**{name: filled(column(frame, name), name, step) for name in names})


def imputable(frame: pd.DataFrame, how: str) -> list[str]:
    """Return the columns that an imputation without named columns fills."""
    gaps = [name for name in frame.columns if frame[name].isna().any()]
    if how in ("mean", "median", "interpolate"):
        return [name for name in gaps if series_kind(frame[name]) == "number"]
    return gaps


def filled(values: pd.Series, name: str, step: Impute) -> pd.Series:
    """Return a column with its missing values filled."""
    if step.how == "forward":
        return values.ffill()
    if step.how == "backward":
        return values.bfill()
    if step.how == "constant":
        return filled_with(values, step.value, name)
    if step.how == "mode":
        modes = values.mode()
        return values.fillna(modes.iloc[0]) if len(modes) else values
    found = as_numbers(values, name, f"filling with the {step.how}")
    if step.how == "interpolate":
        return found.astype("float64").interpolate()
    return found.fillna(found.mean() if step.how == "mean" else found.median())


def filled_with(values: pd.Series, value: Any, name: str) -> pd.Series:
    """Return a column with its missing values replaced by one value of the same kind."""
    kind = series_kind(values)
    if value is None:
        raise BadInput(f"no value was given to fill {name!r} with", hint="name the value")
    if kind == "number":
        if isinstance(value, str):
            raise BadInput(f"{name!r} holds numbers, so it cannot be filled with {value!r}", hint="give a number")
        return values.fillna(value)
    if kind == "date":
        return values.fillna(pd.Timestamp(str(value)))
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(object).fillna(value)
    return values.fillna(str(value) if kind == "text" else value)


@changed.register
def _(step: DropMissing, scope: Scope) -> pd.DataFrame:
    for name in step.columns:
        column(scope.frame, name)
    return scope.frame.dropna(subset=list(step.columns) or None)


@changed.register
def _(step: DropDuplicates, scope: Scope) -> pd.DataFrame:
    for name in step.columns:
        column(scope.frame, name)
    return scope.frame.drop_duplicates(subset=list(step.columns) or None)


@changed.register
def _(step: DropColumns, scope: Scope) -> pd.DataFrame:
    for name in step.columns:
        column(scope.frame, name)
    return scope.frame.drop(columns=list(step.columns))


@changed.register
def _(step: Outliers, scope: Scope) -> pd.DataFrame:
    frame, values = scope.frame, numbers(Col(step.column), scope, "finding outliers")
    low, high = fences(values, step.method, step.factor, step.ddof)
    outside = (values < low) | (values > high)
    match step.action:
        case "keep":
            return frame[outside]
        case "remove":
            return frame[~outside]
        case "flag":
            return frame.assign(**{step.name or f"{step.column}_outlier": outside})
        case "clip":
            return frame.assign(**{step.column: values.astype("float64").clip(low, high)})
        case "mean" | "median":
            middle = values.mean() if step.action == "mean" else values.median()
            return frame.assign(**{step.column: values.astype("float64").mask(outside, middle)})
    raise BadInput(f"outliers cannot be {step.action!r}", hint="keep, remove, mean, median, clip or flag")


@changed.register
def _(step: Scale, scope: Scope) -> pd.DataFrame:
    return scope.frame.assign(
        **{name: scaled(numbers(Col(name), scope, "scaling"), step.method) for name in step.columns}
    )


def scaled(values: pd.Series, method: str) -> pd.Series:
    """Return a column scaled; all missing where it has no spread."""
    with np.errstate(all="ignore"):
        found = SCALES[method](values)
    return found.where(np.isfinite(found))


SCALES: Mapping[str, Callable[[pd.Series], pd.Series]] = {
    "standard": lambda s: (s - s.mean()) / s.std(ddof=0),
    "minmax": lambda s: (s - s.min()) / (s.max() - s.min()),
    "robust": lambda s: (s - s.median()) / (s.quantile(0.75) - s.quantile(0.25)),
    "maxabs": lambda s: s / s.abs().max(),
    "log": lambda s: np.log(s.where(s > 0)),
}


@changed.register
def _(step: Encode, scope: Scope) -> pd.DataFrame:
    frame = scope.frame
    if step.method == "codes":
        return frame.assign(**{name: coded(column(frame, name)) for name in step.columns})
    for name in step.columns:
        if column(frame, name).nunique() > MOST_CODES:
            raise BadInput(f"{name!r} has more than {MOST_CODES} different values", hint="encode it with codes instead")
    return pd.get_dummies(frame, columns=list(step.columns), dtype=int)


def coded(values: pd.Series) -> pd.Series:
    """Return the place of each value among the sorted different values, from 0; missing stays missing."""
    found = values.astype("category").cat.codes.astype("int64")
    return found.where(values.notna()) if values.isna().any() else found


@changed.register
def _(step: Sort, scope: Scope) -> pd.DataFrame:
    for name in step.by:
        column(scope.frame, name)
    return scope.frame.sort_values(list(step.by), ascending=not step.descending, kind="stable")


@changed.register
def _(step: Limit, scope: Scope) -> pd.DataFrame:
    return scope.frame.head(max(step.n, 0))


@changed.register
def _(step: Summarise, scope: Scope) -> pd.DataFrame:
    return measures.summarised(step.by, step.measures, scope)


@changed.register
def _(step: Resample, scope: Scope) -> pd.DataFrame:
    time = column(scope.frame, step.time)
    if series_kind(time) != "date":
        raise BadInput(f"the column {step.time!r} holds no dates", hint="make dates of it first")
    if step.every not in PERIODS:
        raise BadInput(f"there is no period {step.every!r}", hint=", ".join(PERIODS))
    starts = time.dt.to_period(PERIODS[step.every]).dt.start_time
    frame = scope.frame.assign(**{step.time: starts})
    return measures.summarised((step.time,), step.measures, Scope(frame, scope.values))
