"""A question about runs in plain words, as it stands above its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from kb.history import RunFilter, RunQuery, Scalar, Wanted, Window

_FIGURES = {
    "last": "last value", "first": "first value", "best": "best value", "worst": "worst value", "low": "lowest value",
    "high": "highest value", "count": "number of values", "mean": "mean over the steps", "steps": "number of steps",
}  # fmt: skip
_FIELDS = {
    "id": "run id", "source": "source", "started": "start", "ended": "end", "finished_epochs": "planned epochs",
    "text": "names, parameters and tags",
}  # fmt: skip
_COMPARED = {
    "eq": "", "ne": "not", "lt": "below", "le": "at most", "gt": "above", "ge": "at least", "in": "one of",
    "not_in": "none of", "between": "between", "contains": "containing",
}  # fmt: skip
_AGGREGATES = {
    "mean": "mean", "median": "median", "min": "least", "max": "greatest", "sum": "sum", "std": "standard deviation",
    "count": "number of runs", "best": "best",
}  # fmt: skip


def words(query: RunQuery) -> str:
    """Return what a question asks in plain words."""
    window = "" if query.select == "trend" else _window(query.window)
    tail = [*_order(query), *(["deleted ones too"] if query.deleted else [])]
    tail += ["without NaN and infinite values"] if query.skip_odd else []
    return ", ".join([" ".join(part for part in (_ASKED[query.select](query), window) if part), *tail])


def _over(query: RunQuery) -> str:
    return f", over {_conditions(query.filters) or 'all runs'}"


def _ranking(query: RunQuery) -> str:
    word: str = query.select
    if query.direction is not None:
        word = "highest" if (query.direction == "maximize") == (query.select == "best") else "lowest"
    if query.group_by is not None:
        best = f"{_value(query.group_by)} with the {word} {_AGGREGATES[query.aggregate]} {_measured(query)}"
        return best + _over(query)
    beside = [one for one in query.wanted if query.metric is not None]
    return f"{word} {_measured(query)}{_over(query)}" + (f", and its {_list(map(_value, beside))}" if beside else "")


def _measured(query: RunQuery) -> str:
    """Return the measure with its split and figure."""
    if query.metric is None:
        return _list(map(_value, query.wanted)) or "value"
    split = f"{query.split}, " if query.split else ""
    return f"{query.metric} ({split}{_FIGURES[query.figure]})"


def _listed(query: RunQuery) -> str:
    most = f"first {query.limit} " if query.limit else ""
    by = f", by {_measured(query)}" if query.metric else ""
    what = _list(map(_value, query.wanted))
    return f"{most}{what}{_over(query)}{by}" if what else f"{most}{_conditions(query.filters) or 'runs'}{by}"


def _counted(query: RunQuery) -> str:
    if query.wanted:
        return f"number of different values of {_list(map(_value, query.wanted))}{_over(query)}"
    having = f" that logged {query.metric}" if query.metric else ""
    by = f" by {_value(query.group_by)}" if query.group_by else ""
    return f"number of {_conditions(query.filters) or 'runs'}{having}{by}"


def _one_value(query: RunQuery) -> str:
    if query.wanted and query.metric:
        return f"{_list(map(_value, query.wanted))} of the run with the best {_measured(query)}{_over(query)}"
    return (_measured(query) if query.metric else _list(map(_value, query.wanted))) + _of(query)


def _aggregate(query: RunQuery) -> str:
    by = f" by {_value(query.group_by)}" if query.group_by else ""
    return f"{_AGGREGATES[query.select]} {_measured(query)}{by}{_over(query)}"


def _grouped(query: RunQuery) -> str:
    by = _value(query.group_by) if query.group_by else "?"
    if query.metric is None and not query.wanted:
        return f"number of {_conditions(query.filters) or 'runs'} by {by}"
    return f"{_AGGREGATES[query.aggregate]} {_measured(query)} by {by}{_over(query)}"


def _params(query: RunQuery) -> str:
    what = _list(map(_value, query.wanted)) or "parameters"
    best = f"{what} of the run with the best {_measured(query)}{_over(query)}"
    return best if query.metric else what + _of(query)


def _compared(query: RunQuery) -> str:
    return f"{_measured(query)} of {_side(query.first)} against {_side(query.second)}{_among(query)}"


def _differing(query: RunQuery) -> str:
    aside = f" (apart from {_list(map(_value, query.wanted))})" if query.wanted else ""
    what = f"parameters{aside} that differ between"
    if not query.first and not query.second:
        return f"{what} the best and the second best run by {_measured(query)}{_over(query)}"
    return f"{what} {_side(query.first)} and {_side(query.second)}{_among(query)}"


def _step(query: RunQuery) -> str:
    if query.figure == "first":
        bounds = [f"{word} {_scalar(value)}" for word, value in (("below", query.below), ("above", query.above))
                  if value is not None]  # fmt: skip
        return f"first step with {query.metric or 'a value'} {' and '.join(bounds)}".rstrip() + _of(query)
    figure = {"low": "lowest", "high": "highest", "worst": "worst"}.get(query.figure, "best")
    return f"step of the {figure} {query.metric}{_of(query)}"


def _trend(query: RunQuery) -> str:
    over = "the steps" if query.over == "steps" else "runs in the order of their start"
    told = " against ".join(filter(None, map(_window, (query.window, query.second_window))))
    name = query.metric if query.over == "steps" and query.metric else _measured(query)
    return f"how {name} moves over {over}{f', {told}' if told else ''}{_of(query)}"


def _effect(query: RunQuery) -> str:
    against = _side(query.second) if query.second else "the other runs"
    return f"mean {_measured(query)} of {_side(query.first)} less that of {against}{_among(query)}"


def _distinct(query: RunQuery) -> str:
    if query.wanted:
        return f"different values of {_list(map(_value, query.wanted))}{_over(query)}"
    return f"different values of {query.metric} over the steps{_of(query)}"


def _never(query: RunQuery) -> str:
    what = _list(map(_value, query.wanted))
    out_of = f" out of {_scalars(query.candidates)}" if query.candidates else ""
    return f"values of {what}{out_of} that none of the {_conditions(query.filters) or 'runs'} has"


def _same(query: RunQuery) -> str:
    return f"metrics that never moved{_over(query)}"


_ASKED: dict[str, Callable[[RunQuery], str]] = {
    "best": _ranking, "worst": _ranking, "list": _listed, "count": _counted, "value": _one_value, "mean": _aggregate,
    "median": _aggregate, "min": _aggregate, "max": _aggregate, "sum": _aggregate, "std": _aggregate,
    "group": _grouped, "params": _params, "compare": _compared, "changed": _differing, "best_step": _step,
    "trend": _trend, "effect": _effect, "distinct": _distinct, "never_tried": _never,
    "unchanged": _same,
}  # fmt: skip


def _of(query: RunQuery) -> str:
    return f" of {_conditions(query.filters) or 'all runs'}"


def _among(query: RunQuery) -> str:
    return f", among {_conditions(query.filters)}" if query.filters else ""


def _side(filters: Sequence[RunFilter]) -> str:
    return _conditions(filters) or "all runs"


def _conditions(filters: Sequence[RunFilter]) -> str:
    if not filters:
        return ""
    states = [one for one in filters if one.field == "state" and one.op == "eq"]
    rest = [one for one in filters if one not in states]
    kind = f"{' '.join(str(one.value) for one in states)} runs".strip()
    return f"{kind} with {' and '.join(map(condition, rest))}" if rest else kind


def condition(one: RunFilter) -> str:
    """Return a condition in words."""
    name = one.name or _FIELDS.get(one.field, {"param": "parameters", "tag": "tags"}.get(one.field, one.field))
    if one.field == "metric" and one.figure != "last":
        name = f"{name} ({_FIGURES[one.figure]})"
    if one.field == "finished_epochs":
        return "fewer than the planned epochs" if one.value is False or one.op == "missing" else "all planned epochs"
    if one.op in ("missing", "present", "odd"):
        return {"missing": f"no {name}", "present": f"any {name}", "odd": f"{name} NaN or infinite"}[one.op]
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    if one.field in ("started", "ended"):
        values = tuple(map(_date, values))
    given = " and ".join(map(_scalar, values)) if one.op == "between" else _list(map(_scalar, values))
    return " ".join(part for part in (name, _COMPARED[one.op], given) if part)


def _date(value: Scalar) -> Scalar:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        return datetime.fromtimestamp(value, UTC).isoformat(" ", "seconds")
    except (OverflowError, ValueError, OSError):
        return value


def _scalar(value: Scalar) -> str:
    if value is None:
        return "not set"
    return "true" if value is True else "false" if value is False else str(value)


def _scalars(values: Sequence[Scalar]) -> str:
    shown = _list(map(_scalar, values[:12]))
    return f"{shown} and {len(values) - 12} more" if len(values) > 12 else shown


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)


def _value(wanted: Wanted) -> str:
    return wanted.name or _FIELDS.get(wanted.field, wanted.field)


def _window(window: Window | None) -> str:
    if window is None:
        return ""
    unit = "steps" if window.unit == "step" else "runs"
    if window.first_n is not None:
        return f"in the first {window.first_n} {unit}"
    if window.last_n is not None:
        return f"in the last {window.last_n} {unit}"
    low, high = (None if one is None else f"{one:g}" for one in (window.low, window.high))
    if low is not None and high is not None:
        return f"in {unit} {low} to {high}"
    return f"in {unit} from {low}" if low is not None else f"in {unit} up to {high}" if high is not None else ""


def _order(query: RunQuery) -> Iterable[str]:
    if query.order_by is not None:
        yield f"by {_value(query.order_by)}, {'greatest' if query.descending else 'least'} first"
