"""The value of a reading over runs: its query under every spelling of a name, joined where that has a meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from assistant.runs.types import RunReading
from kb.directions import infer
from kb.history import RunQuery

_EXCEPTION = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning|Timeout)\b)", re.MULTILINE)
_MODULE = re.compile(r"No module named ['\"]?([\w.]+)")


class Valued(Protocol):
    """A query's result, as far as it is looked at here."""

    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> Any: ...


R = TypeVar("R", bound=Valued)


def answered_values(reading: RunReading, run: Callable[[RunQuery], R]) -> R | None:
    """Return the result of a reading; None where no spelling has one or several have it and cannot be joined."""
    if reading.query is None:
        return None
    results = [run(query) for query in (reading.query, *reading.variants)]
    found = [result for result in results if result.value is not None and result.value != {}]
    if not found:
        return None
    result = found[0] if len(found) == 1 else _joined(reading.query, found)
    if result is not None and reading.shift and isinstance(result.value, dict):
        result = replace(result, value={k: v + reading.shift for k, v in result.value.items()})  # type: ignore[type-var]
    return _extracted(result, reading.extract) if result is not None else None


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
