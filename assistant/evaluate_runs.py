"""Questions over runs scored: numbers within a tolerance, labels by value, sets, pairs in order, and refusals of null.

`beyond_run` lines are kept and not scored. What is given is the contract's `result`: a kind, a value and run ids.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assistant.types import Answer

RUN_KINDS = ("best_run", "worst_run")
_OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuestion:
    """What a line of a question file asks of runs, and what is right."""

    kind: str
    answer: Any
    tolerance: float = 0.0
    run_ids: tuple[str, ...] = ()
    scope: str = "run"
    sign: str = ""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def scored(self) -> bool:
        """Tell whether runs and texts beside them are enough to answer it."""
        return self.scope != "beyond_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGiven:
    """An answer: its value (None: it abstained) and the ids of the runs that it names."""

    value: Any = None
    run_ids: tuple[str, ...] = ()
    words: str = ""
    unread: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = 0.0

    @property
    def abstained(self) -> bool:
        """Tell whether there is no answer."""
        return self.value is None


def run_question(value: Mapping[str, Any]) -> RunQuestion:
    """Return what a line with `answer` asks. Raises ValueError for a line that is malformed."""
    kind, tolerance = value.get("kind") or "value_lookup", value.get("tolerance")
    if not isinstance(kind, str):
        raise ValueError("`kind` is no text")
    if tolerance is not None and not isinstance(tolerance, (int, float)):
        raise ValueError("`tolerance` is no number")
    aliases = value.get("aliases") or {}
    return RunQuestion(
        kind=kind,
        answer=value["answer"],
        tolerance=float(tolerance or 0.0),
        run_ids=tuple(str(each) for each in value.get("run_ids") or ()),
        scope=str(value.get("scope") or "run"),
        sign=str(value.get("sign") or ""),
        aliases={str(key): tuple(map(str, names)) for key, names in aliases.items()},
    )


# -- comparing --------------------------------------------------------------------------------------------------------


def is_right(asked: RunQuestion, given: RunGiven) -> bool:
    """Tell whether an answer is right: by value, and for the best and worst run by a run that it names."""
    if asked.answer is None or given.abstained:
        return asked.answer is None and given.abstained
    if not _same_value(asked, given.value):
        return False
    if asked.kind in RUN_KINDS and asked.run_ids:
        named = {_text(each) for each in given.run_ids}
        return bool(named & {_text(each) for each in asked.run_ids})
    return True


def _same_value(asked: RunQuestion, given: Any) -> bool:
    wanted = asked.answer
    if isinstance(wanted, Mapping):
        if not isinstance(given, Mapping):
            return False
        labels = asked.kind in ("count_by", "mean_by_param")
        return all(_same_part(asked, wanted[key], _part(asked, given, key, labels)) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(given, (list, tuple)) and _same_set(asked, wanted, given)
    return _same_one(asked, wanted, given)


_MISSING = object()


def _part(asked: RunQuestion, given: Mapping[Any, Any], key: str, labels: bool) -> Any:
    """What an answer holds under a name: labels as whole values, parameters by their last dotted part."""
    for name, value in given.items():
        if _alias_same(asked, key, name):
            return value
    if not labels:
        leaf = _text(key).rsplit(".", 1)[-1]
        for name, value in given.items():
            if _text(name).rsplit(".", 1)[-1] == leaf:
                return value
    return _MISSING


def _same_part(asked: RunQuestion, wanted: Any, given: Any) -> bool:
    if given is _MISSING:
        return False
    if isinstance(wanted, list):
        if not isinstance(given, (list, tuple)) or len(given) != len(wanted):
            return False
        return all(_same_one(asked, one, other) for one, other in zip(wanted, given, strict=True))
    return _same_one(asked, wanted, given)


def _same_set(asked: RunQuestion, wanted: Sequence[Any], given: Iterable[Any]) -> bool:
    left = list(dict.fromkeys(_key(asked, each) for each in given))
    for each in wanted:
        match = next((one for one in left if _same_one(asked, each, one)), _MISSING)
        if match is _MISSING:
            return False
        left.remove(match)
    return not left


def _key(asked: RunQuestion, value: Any) -> Any:
    """An id's own name where it is given by another."""
    for name, others in asked.aliases.items():
        if _text(value) in {_text(name), *map(_text, others)}:
            return name
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _alias_same(asked: RunQuestion, wanted: Any, given: Any) -> bool:
    return _text(_key(asked, wanted)) == _text(_key(asked, given)) or _close(asked, wanted, given)


def _same_one(asked: RunQuestion, wanted: Any, given: Any) -> bool:
    if wanted is None or given is None:
        return wanted is given
    if _close(asked, wanted, given):
        return True
    return _number(wanted) is None and _text(_key(asked, wanted)) == _text(_key(asked, given))


def _close(asked: RunQuestion, wanted: Any, given: Any) -> bool:
    first, second = _number(wanted), _number(given)
    if first is None or second is None:
        return False
    if asked.sign == _OPEN:
        first, second = abs(first), abs(second)
    return first == second or abs(first - second) <= asked.tolerance or (math.isnan(first) and math.isnan(second))


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(str(value).strip().strip("'\""))
    except ValueError:
        return None


def _text(value: Any) -> str:
    return str(value).strip().strip("'\"").strip().casefold()


# -- figures ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """A question over runs and what came of it."""

    id: str
    asked: RunQuestion
    given: RunGiven

    @property
    def right(self) -> bool:
        """Tell whether the answer is right."""
        return is_right(self.asked, self.given)


def ask_run(id: str, question: str, asked: RunQuestion, ask: Callable[[str], Answer]) -> RunOutcome:
    """Ask one question; what goes wrong with it is a refusal that keeps its error."""
    began = time.perf_counter()
    try:
        given = given_by(ask(question))
    except Exception as error:  # noqa: BLE001 - the border: one question's failure must not end an evaluation
        given = RunGiven(error=f"{type(error).__name__}: {error}")
    return RunOutcome(id=id, asked=asked, given=replace(given, seconds=time.perf_counter() - began))


def given_by(answer: Answer) -> RunGiven:
    """Return the value and the runs of an answer; a text from documents is no value."""
    found = None if answer.abstained else answer.found
    return RunGiven(
        value=None if found is None else found.value,
        run_ids=() if found is None else tuple(run.run_id for run in found.runs),
        words=answer.reading.words,
        unread=answer.reading.unread,
    )


def run_figures(outcomes: Sequence[RunOutcome]) -> dict[str, Any]:
    """Return the contract's `runs` part; `beyond_run` lines are counted in `not_scored` alone."""
    scored = [o for o in outcomes if o.asked.scored]
    null = [o for o in scored if o.asked.answer is None]
    kinds = sorted({o.asked.kind for o in scored})
    return {
        **_counts(scored),
        "not_scored": len(outcomes) - len(scored),
        "supported": True,
        "errors": sum(o.given.error is not None for o in scored),
        "null": len(null),
        "null_refused": sum(o.given.abstained for o in null),
        "by_kind": {kind: _counts([o for o in scored if o.asked.kind == kind]) for kind in kinds},
    }


def _counts(outcomes: Sequence[RunOutcome]) -> dict[str, Any]:
    answered = [o for o in outcomes if not o.given.abstained]
    right = sum(o.right for o in outcomes)
    return {
        "n": len(outcomes),
        "answered": len(answered),
        "right": right,
        "share_right": _share(right, len(outcomes)),
        "right_of_answered": _share(sum(o.right for o in answered), len(answered)),
        "refusals": len(outcomes) - len(answered),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def run_row(outcome: RunOutcome) -> dict[str, Any]:
    """Return a question's row: what was wanted, what was answered, how it was read."""
    row = {
        "id": outcome.id,
        "part": "runs",
        "kind": outcome.asked.kind,
        "scored": outcome.asked.scored,
        "right": outcome.right,
        "supported": True,
        "abstained": outcome.given.abstained,
        "answered": outcome.given.value,
        "expected": outcome.asked.answer,
        "runs": list(outcome.given.run_ids[:20]),
        "reading": outcome.given.words,
        "unread": list(outcome.given.unread),
        "seconds": round(outcome.given.seconds, 4),
    }
    return row if outcome.given.error is None else {**row, "error": outcome.given.error}
