"""Questions over tables and their figures, as `citewise eval --data DIR` prints them."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from assistant.plain import plain
from assistant.types import Answer
from kb.errors import CitewiseError

if TYPE_CHECKING:
    from kb.tables import Table

CLOSE = 1e-6
"""Two numbers are equal within this."""


class AsksTables(Protocol):
    """Answers one question over a table."""

    def ask(self, question: str, *, dataset: Table, constraints: str, format: str) -> Answer:
        """Return the answer to `question` under `constraints`, with the values that `format` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuestion:
    """What a line of a question file asks of a table: the values it wants back by name, and what it demands."""

    file: str
    answers: tuple[tuple[str, Any], ...]
    constraints: str = ""
    format: str = ""
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOutcome:
    """What came of a question: the values by name, or none where it was refused, and the error where there was one."""

    id: str
    asked: TableQuestion
    values: Mapping[str, Any] | None
    seconds: float
    words: str = ""
    unread: tuple[str, ...] = ()
    error: str | None = None

    @property
    def hits(self) -> tuple[bool, ...]:
        """Tell for each value that was wanted whether it is right."""
        given = self.values or {}
        return tuple(same(expected, found(given, name)) for name, expected in self.asked.answers)

    @property
    def right(self) -> bool:
        """Tell whether all values that were wanted are right."""
        return self.values is not None and all(self.hits)


def table_question(value: Mapping[str, Any]) -> TableQuestion:
    """Return what a line with `answers` asks. Raises ValueError for a line that is malformed."""
    answers, texts = value["answers"], {name: value.get(name) or "" for name in ("constraints", "format", "file_name")}
    if not isinstance(answers, list) or not answers or not all(_is_pair(pair) for pair in answers):
        raise ValueError("`answers` is not a list of (name, value) pairs")
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"`{name}` is no text")
    if not texts["file_name"].strip():
        raise ValueError("a question with `answers` needs the `file_name` of its table")
    return TableQuestion(
        file=texts["file_name"],
        answers=tuple((name, expected) for name, expected in answers),
        constraints=texts["constraints"],
        format=texts["format"],
        level=None if value.get("level") is None else str(value["level"]),
    )


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)


def ask_table(
    assistant: AsksTables, opened: Callable[[str], Table], id: str, question: str, asked: TableQuestion
) -> TableOutcome:
    """Ask one question; what goes wrong with it is a refusal that keeps its error. Opening the table takes no time."""
    began = time.perf_counter()
    try:
        table = opened(asked.file)
        began = time.perf_counter()
        answer = assistant.ask(question, dataset=table, constraints=asked.constraints, format=asked.format)
        seconds = time.perf_counter() - began
    except Exception as error:  # noqa: BLE001 - the border: one question's failure must not end an evaluation
        message = error.message if isinstance(error, CitewiseError) else f"{type(error).__name__}: {error}"
        return TableOutcome(id=id, asked=asked, values=None, seconds=time.perf_counter() - began, error=message)
    return TableOutcome(
        id=id,
        asked=asked,
        values=None if answer.abstained else values_of(answer),
        seconds=seconds,
        words=answer.reading.words,
        unread=answer.reading.unread,
    )


def values_of(answer: Answer) -> Mapping[str, Any]:
    """Return the values by name that an answer computed, as JSON values; none where it computed none."""
    made = answer.computation
    return {} if made is None else {name: plain(value) for name, value in made.values.items()}


# -- comparing -----------------------------------------------------------------------------------------------------


def found(values: Mapping[str, Any], name: str) -> Any:
    """Return the value under `name`, which may differ in case and outer white space; None where there is none."""
    if name in values:
        return values[name]
    wanted = name.strip().casefold()
    return next((value for key, value in values.items() if key.strip().casefold() == wanted), None)


def same(expected: Any, given: Any) -> bool:
    """Tell whether two values are equal: as numbers where both are, lists by element, else as texts without case."""
    if given is None:
        return expected is None or _text(expected) in ("none", "nan")
    wanted, got = (_elements(value) for value in (expected, given))
    if wanted is not None or got is not None:
        wanted, got = ([value] if items is None else items for items, value in ((wanted, expected), (got, given)))
        return len(wanted) == len(got) and all(same(a, b) for a, b in zip(wanted, got, strict=True))
    first, second = number(expected), number(given)
    if first is None or second is None:
        return _text(expected) == _text(given)
    return first == second or abs(first - second) <= CLOSE or (math.isnan(first) and math.isnan(second))


def _elements(value: Any) -> list[Any] | None:
    """Return the elements of a list, or of a text that writes one in brackets; None for a single value."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if not isinstance(value, str) or not re.fullmatch(r"\s*[\[(].*[\])]\s*", value, re.DOTALL):
        return None
    inner = value.strip()[1:-1]
    return [part.strip().strip("'\"") for part in inner.split(",")] if inner.strip() else []


def number(value: Any) -> float | None:
    """Return the number that a value is or writes (`1,234.5`, `12 %`), else None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip().removesuffix("%").replace(",", "").strip()
    try:
        return float(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    return str(value).strip().strip("'\"").casefold()


# -- figures -------------------------------------------------------------------------------------------------------


def table_figures(outcomes: Sequence[TableOutcome]) -> dict[str, Any]:
    """Return the contract's `tables` part."""
    levels = sorted({o.asked.level for o in outcomes if o.asked.level is not None})
    hits = [hit for o in outcomes for hit in o.hits]
    return {
        **_counts(outcomes),
        "not_scored": 0,
        "supported": True,
        "errors": sum(o.error is not None for o in outcomes),
        "values": len(hits),
        "values_right": _share(sum(hits), len(hits)),
        "by_level": {level: _counts([o for o in outcomes if o.asked.level == level]) for level in levels},
    }


def _counts(outcomes: Sequence[TableOutcome]) -> dict[str, Any]:
    answered = [o for o in outcomes if o.values is not None]
    right = sum(o.right for o in outcomes)
    return {
        "n": len(outcomes),
        "answered": len(answered),
        "right": right,
        "share_right": _share(right, len(outcomes)),
        "right_of_answered": _share(right, len(answered)),
        "refusals": len(outcomes) - len(answered),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def table_row(outcome: TableOutcome) -> dict[str, Any]:
    """Return a question's row: what was wanted, what was answered, how it was read, and the error if there was one."""
    row = {
        "id": outcome.id,
        "part": "tables",
        "right": outcome.right,
        "supported": True,
        "abstained": outcome.values is None,
        "answered": None if outcome.values is None else dict(outcome.values),
        "expected": dict(outcome.asked.answers),
        "values_right": sum(outcome.hits),
        "file_name": outcome.asked.file,
        "level": outcome.asked.level,
        "reading": outcome.words,
        "unread": list(outcome.unread),
        "seconds": round(outcome.seconds, 4),
    }
    return row if outcome.error is None else {**row, "error": outcome.error}
