"""Pandas code for the steps that change rows or columns: as a line of a program, and as a link of a method chain."""

from __future__ import annotations

from typing import Any

from assistant.dataset import code_measures
from assistant.dataset.code_expr import Writer, literal
from assistant.dataset.code_frame import Template, assigned, bounds, filtered, over
from assistant.dataset.rows import PERIODS
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


def stepped(step: Any, frame: str, w: Writer, names: tuple[str, ...]) -> str:
    """Return code for the frame after a step; `names` are its columns before."""
    match step:
        case Filter():
            return filtered(frame, lambda d: w.mask(step.where, d))
        case Derive():
            return assigned(frame, {step.name: lambda d: w.series(step.value, d)})
        case Impute():
            return assigned(frame, {n: filling(step, n, w) for n in names}) if names else frame
        case DropMissing():
            return f"{frame}.dropna({f'subset={list(step.columns)!r}' if step.columns else ''})"
        case DropDuplicates():
            return f"{frame}.drop_duplicates({f'subset={list(step.columns)!r}' if step.columns else ''})"
        case DropColumns():
            return f"{frame}.drop(columns={list(step.columns)!r})"
        case Outliers():
            return outliers(step, frame, w)
        case Scale():
            return assigned(frame, {n: scaling(step.method, n, w) for n in step.columns})
        case Encode():
            return encoded(step, frame)
        case Sort():
            order = "" if not step.descending else ", ascending=False"
            by = repr(step.by[0]) if len(step.by) == 1 else repr(list(step.by))
            return f"{frame}.sort_values({by}{order}, kind='stable')"
        case Limit():
            return f"{frame}.head({max(step.n, 0)})"
        case Summarise():
            return summarised(step.by, step.measures, frame, w)
        case Resample():
            return resampled(step, frame, w)
    raise TypeError(f"no code for {type(step).__name__}")


def filling(step: Impute, name: str, w: Writer) -> Template:
    """Return code for a column with its missing values filled."""
    if step.how in ("forward", "backward"):
        return lambda d: f"{d}[{name!r}].{'ffill' if step.how == 'forward' else 'bfill'}()"
    if step.how == "interpolate":
        return lambda d: f"{d}[{name!r}].astype(float).interpolate()"
    if step.how == "constant":
        return lambda d: constant(step, name, w, d)
    if step.how == "mode":
        return lambda d: f"{d}[{name!r}].fillna({d}[{name!r}].mode().iloc[0])"
    return lambda d: f"{w.number(Col(name), d)}.fillna({w.number(Col(name), d)}.{step.how}())"


def constant(step: Impute, name: str, w: Writer, d: str) -> str:
    """Return code that fills a column with one value."""
    kind = w.kinds[name]
    if kind == "date":
        return f"{d}[{name!r}].fillna(pd.Timestamp({str(step.value)!r}))"
    value = str(step.value) if kind == "text" else step.value
    return f"{d}[{name!r}].{'astype(object).' if kind == 'text' else ''}fillna({literal(value)})"


def outside(values: str, method: str, factor: float, ddof: int) -> str:
    """Return code for where values lie outside the fences."""
    low, high = bounds(values, method, factor, ddof)
    return f"({values} < {low}) | ({values} > {high})"


def outliers(step: Outliers, frame: str, w: Writer) -> str:
    """Return code for what becomes of the rows outside the fences."""

    def values(d: str) -> str:
        return w.number(Col(step.column), d)

    def mask(d: str) -> str:
        return outside(values(d), step.method, step.factor, step.ddof)

    if step.action in ("keep", "remove"):
        return filtered(frame, mask if step.action == "keep" else lambda d: f"~({mask(d)})")
    if step.action == "flag":
        return assigned(frame, {step.name or f"{step.column}_outlier": mask})
    if step.action == "clip":
        return assigned(frame, {step.column: lambda d: clipped(values(d), step)})
    replaced: Template = lambda d: f"{values(d)}.astype(float).mask({mask(d)}, {values(d)}.{step.action}())"  # noqa: E731
    return assigned(frame, {step.column: replaced})


def clipped(values: str, step: Outliers) -> str:
    """Return code for values brought to the fences."""
    low, high = bounds(values, step.method, step.factor, step.ddof)
    return f"{values}.astype(float).clip({low}, {high})"


def scaling(method: str, name: str, w: Writer) -> Template:
    """Return code for a column scaled."""
    template = {
        "standard": "({0} - {0}.mean()) / {0}.std(ddof=0)",
        "minmax": "({0} - {0}.min()) / ({0}.max() - {0}.min())",
        "robust": "({0} - {0}.median()) / ({0}.quantile(0.75) - {0}.quantile(0.25))",
        "maxabs": "{0} / {0}.abs().max()",
        "log": "np.log({0}.where({0} > 0))",
    }[method]
    return lambda d: template.format(w.number(Col(name), d))


def encoded(step: Encode, frame: str) -> str:
    """Return code for categories made numbers."""
    if step.method == "onehot":
        return over(frame, lambda d: f"pd.get_dummies({d}, columns={list(step.columns)!r}, dtype=int)")
    return assigned(frame, {n: lambda d, n=n: f"{d}[{n!r}].rank(method='dense') - 1" for n in step.columns})  # type: ignore[misc]


def summarised(by: tuple[str, ...], measures: Any, frame: str, w: Writer) -> str:
    """Return code for one row for each group."""

    def template(d: str) -> str:
        written = {m.label: code_measures.by_group(m, by, d, w) for m in measures}
        columns = ", ".join(f"{label!r}: {code}" for label, code in written.items())
        groups = f"{d}.groupby({list(by)!r}, observed=True).size().index"
        counts = [m.label for m in measures if m.function in ("rows", "count")]
        filled = f".fillna({{{', '.join(f'{label!r}: 0' for label in counts)}}})" if counts else ""
        return f"pd.DataFrame({{{columns}}}, index={groups}){filled}.reset_index()"

    return over(frame, template)


def resampled(step: Resample, frame: str, w: Writer) -> str:
    """Return code for one row for each period."""
    period = PERIODS[step.every]
    starts: Template = lambda d: f"{d}[{step.time!r}].dt.to_period({period!r}).dt.start_time"  # noqa: E731
    return summarised((step.time,), step.measures, assigned(frame, {step.time: starts}), w)
