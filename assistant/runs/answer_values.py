"""The value of a reading over runs: its query under every spelling of a name, joined where that has a meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from assistant.runs.types import RunReading
from kb.directions import infer
from kb.errors import BadInput, CitewiseError, DirectionUnknown, NameAmbiguous, NameUnknown, SeveralFit
from kb.history import RunFilter, RunQuery, Wanted
from kb.run_plain import LOOSE

_EXCEPTION = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning|Timeout)\b)", re.MULTILINE)
_MODULE = re.compile(r"No module named ['\"]?([\w.]+)")


class Valued(Protocol):
    """A query's result, as far as it is looked at here."""

    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


R = TypeVar("R", bound=Valued)


def answered_values(reading: RunReading, run: Callable[[RunQuery], R]) -> R | None:
    """Return the result of a reading; None where no spelling has one or several have it and cannot be joined.

    Raises what running raised where no spelling has a result: NameUnknown, NameAmbiguous, SeveralFit, DirectionUnknown.
    """
    if reading.query is None:
        return None
    found: list[R] = []
    failed: CitewiseError | None = None
    for query in (reading.query, *reading.variants):
        try:
            found += _existing(query, run)
        except (NameUnknown, NameAmbiguous, SeveralFit, DirectionUnknown, BadInput) as error:
            failed = failed or error
    if not found:
        if failed is not None:
            raise failed
        return None
    if reading.which and found[0].kind in ("best_run", "worst_run") and LOOSE in found[0].notes:
        return None  # the values stand in a file that does not say which run they are of
    if reading.of_best and len(found) == 1:
        return _of_best(reading, found[0], run)
    if reading.label and len(found) == 1:
        return _labelled(reading, found[0], run)
    made = found[0] if len(found) == 1 else _joined(reading.query, found)
    if made is not None and reading.shift and isinstance(made.value, dict):
        made = replace(made, value={k: v + reading.shift for k, v in made.value.items()})  # type: ignore[type-var]
    return _extracted(made, reading.extract) if made is not None else None


def _existing(query: RunQuery, run: Callable[[RunQuery], R]) -> list[R]:
    """The result, where there is a value; of one parameter that several runs do not agree in, its different values."""
    named = any(one.field in ("id", "name") for one in query.filters)
    try:
        result = run(query)
    except SeveralFit:
        if query.select != "params" or len(query.wanted) != 1 or named:
            raise
        result = run(replace(query, select="distinct"))
    empty = result.value is None or (result.value == {} and query.select != "changed")
    return [] if empty else [result]


def _of_best(reading: RunReading, best: Any, run: Callable[[RunQuery], R]) -> R | None:
    """The parameters of the best run, where all that tie have the same."""
    query = reading.query
    if query is None or query.metric is None:
        return None
    equal = RunFilter(field="metric", name=query.metric, value=best.value, figure=query.figure)
    filters = (*query.filters, equal)
    named = run(RunQuery(select="params", filters=filters, wanted=reading.of_best))
    return named if isinstance(named.value, dict) and len(named.value) == len(reading.of_best) else None


def _labelled(reading: RunReading, best: R, run: Callable[[RunQuery], R]) -> R | None:
    """The best value with what it is known by, where all runs that have it agree."""
    query = reading.query
    if query is None or query.metric is None:
        return None
    equal = RunFilter(field="metric", name=query.metric, value=best.value, figure=query.figure)
    named = run(
        replace(
            query, select="distinct", metric=None, split=None, figure="last", filters=(*query.filters, equal),
            wanted=(Wanted(field="param", name=reading.label),), labels=(), direction=None,
        )
    )  # fmt: skip
    if not isinstance(named.value, list) or len(named.value) != 1:
        return None
    value = {"label": named.value[0], "value": best.value}
    return replace(best, kind="best_model", value=value)  # type: ignore[type-var]


def _joined(query: RunQuery, found: Sequence[R]) -> R | None:
    """The best of several bests; nothing else can be joined."""
    if query.select not in ("best", "worst"):
        first = found[0]
        return first if all(each.value == first.value for each in found) else None
    told = infer(query.metric or "")
    up = (query.direction or (str(told.direction) if told else "maximize")) == "maximize"
    return (max if up == (query.select == "best") else min)(found, key=lambda result: result.value)


def _extracted(result: R, what: str) -> R | None:
    """The exception or missing module that a traceback names."""
    if not what:
        return result
    pattern = _EXCEPTION if what == "exception" else _MODULE
    named = pattern.findall(str(result.value))
    return replace(result, value=named[-1]) if named else None  # type: ignore[type-var]
