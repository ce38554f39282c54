"""Results over runs as sentences with the runs they stand on; every number is a value of the result or of its query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assistant.dataset.say import show
from kb.run_query import words
from kb.run_result import RunRef, RunResult
from kb.types import Claim, RunCitation, Verdict

MOST_CITED = 12
MOST_SHOWN = 20
_UNITS = {"duration": " s"}


def claims(result: RunResult, said: str = "") -> tuple[Claim, ...]:
    """Return what a result says: the answer first, then what one must know to read it rightly."""
    lead = said or words(result.query)
    first = Claim(
        text=f"{lead[:1].upper()}{lead[1:]}: {_value(result)}.",
        verdict=Verdict.COMPUTED,
        citations=result.cited[:MOST_CITED],
    )
    return (first, *(_claim(text, result.cited) for text in _more(result)))


def _claim(text: str, cited: tuple[RunCitation, ...]) -> Claim:
    return Claim(text=text, verdict=Verdict.COMPUTED, citations=cited[:MOST_CITED])


def _value(result: RunResult) -> str:
    value = result.value
    match result.kind:
        case "best_run" | "worst_run":
            return f"{show(value)}, {_runs(result.runs)}"
        case "best_model":
            return f"{show(value['label'])} with {show(value['value'])}, {_runs(result.runs)}"
        case "best_step":
            return f"{show(value['value'])} at step {show(value['step'])}"
        case "compare_runs":
            return (
                f"{show(value['first'])} against {show(value['second'])}, a difference of {show(value['difference'])}"
            )
        case "compare_params":
            return _changed(value)
        case "effect":
            return _effect(value)
        case "trend":
            return f"from {show(value['first'])} to {show(value['last'])}: {value['direction']}"
        case "list" | "never_tried":
            return _listed(value)
    if isinstance(value, Mapping):
        return _pairs(value)
    unit = _UNITS.get(result.query.wanted[0].field, "") if result.query.wanted else ""
    return f"{show(value)}{unit}{_of_run(result)}"


def _of_run(result: RunResult) -> str:
    if result.kind == "value" and result.query.select == "value" and len(result.runs) == 1:
        return f", {_runs(result.runs)}"
    return ""


def _runs(runs: tuple[RunRef, ...]) -> str:
    if not runs:
        return "no run"
    named = ", ".join(f"run {one.run_id}" + (f" ({one.name})" if one.name and one.name != one.run_id else "")
                      for one in runs[:3])  # fmt: skip
    more = len(runs) - 3
    return f"{named} and {more:,} more" if more > 0 else named


def _pairs(value: Mapping[Any, Any]) -> str:
    shown = "; ".join(f"{key}: {show(one)}" for key, one in list(value.items())[:MOST_SHOWN])
    more = len(value) - MOST_SHOWN
    return f"{shown}; and {more:,} more" if more > 0 else shown or "none"


def _listed(value: list[Any]) -> str:
    shown = ", ".join(show(one) for one in value[:MOST_SHOWN])
    more = len(value) - MOST_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown or "none"


def _changed(value: Mapping[str, list[Any]]) -> str:
    if not value:
        return "no parameter differs"
    return "; ".join(f"{name}: {_set(pair[0])} → {_set(pair[1])}" for name, pair in list(value.items())[:MOST_SHOWN])


def _set(value: Any) -> str:
    return "not set" if value is None else show(value)


def _effect(value: Mapping[str, Any]) -> str:
    counts = f"{show(value['n_with'])} runs with and {show(value['n_without'])} without"
    low, high = value.get("low"), value.get("high")
    if low is None or high is None:
        return f"{show(value['difference'])}, from {counts}; too few to tell how sure that is"
    interval = f"95 % interval {show(low)} to {show(high)}, {counts}"
    if low <= 0 <= high:
        return f"no clear difference ({show(value['difference'])}, {interval})"
    return f"{show(value['difference'])} ({interval})"


def _more(result: RunResult) -> Iterator[str]:
    if result.ties > 1:
        yield f"{result.ties:,} runs share this value."
    if result.spread is not None and result.spread.n > 1:
        one = result.spread
        spread = f", standard deviation {show(one.std)}" if one.std is not None else ""
        yield (
            f"Over {one.n:,} runs that differ in the seed alone it is {show(one.mean)} on average{spread}, from "
            f"{show(one.low)} to {show(one.high)}."
        )
    apart = [one.name for one in result.confounders if one.apart]
    if apart:
        yield f"The two sides differ in {', '.join(apart[:5])} as well, so this cannot be told from what those do."


def left_out(result: RunResult) -> tuple[str, ...]:
    """Return which runs played no part and why, in words."""
    return tuple(f"{count:,} {'run' if count == 1 else 'runs'}: {why}" for why, count in result.left_out.items())
