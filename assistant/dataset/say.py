"""Computed values as sentences, each with the expression that gives its value.

A sentence holds no number but those of its outcome, as `show` renders them, and those that the query itself names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from assistant.dataset.steps import Test
from assistant.dataset.types import Computation, Fact, Outcome
from kb.types import Claim, DatasetCitation, Verdict

MOST_GROUPS = 12
MOST_VALUES = 20
_SMALL, _LARGE = 1e-4, 1e15
_CONCLUDED = ("significant", "alpha")
_PLURAL = re.compile(r"(?:rows|values|missing values|present values|duplicate rows)\b(?! by value)", re.I)


def show(value: Any, digits: int | None = None) -> str:
    """Return a value as a person reads it: thousands apart, six significant digits unless `digits` are asked for."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "not defined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _number(value, digits)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "; ".join(f"{show_key(key)}: {show(one, digits)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(show(one, digits) for one in value)
    return str(value)


def show_key(key: Any) -> str:
    """Return a group's key: `male`, or `male, 3` where groups have several columns."""
    if isinstance(key, tuple):
        return ", ".join(show_key(part) for part in key)
    return str(key) if isinstance(key, (int, str)) and not isinstance(key, bool) else show(key)


def _number(value: float, digits: int | None) -> str:
    if math.isinf(value):
        return "infinite"
    if digits is not None:
        return f"{value:,.{max(0, digits)}f}"
    if value == 0 or _SMALL <= abs(value) < _LARGE:
        whole = len(str(int(abs(value))))
        text = f"{value:,.{max(0, 6 - whole) if abs(value) >= 1 else 6}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.6g}"


def claims(computation: Computation, phrases: Sequence[str], name: str, fingerprint: str) -> Iterator[Claim]:
    """Yield a claim for each outcome; `phrases` say what each is: `mean of age, where sex is male`."""
    for outcome, phrase in zip(computation.outcomes, phrases, strict=True):
        cited = DatasetCitation(
            dataset=name, fingerprint=fingerprint, expression=outcome.expression, value=outcome.value
        )
        text = sentence(outcome, phrase, _digits(computation, outcome))
        step = computation.query.steps[outcome.step]
        if isinstance(step, Test) and (said := conclusion(step, outcome)):
            text = f"{text.removesuffix('.')}: {said}."
        yield checked(text, outcome, phrase, cited)


NORMAL = frozenset({"shapiro", "anderson", "ks", "dagostino", "jarque_bera"})
SPREAD = frozenset({"levene", "bartlett"})


def conclusion(step: Test, outcome: Outcome) -> str:
    """Return what a test's p says at its alpha, in words that claim no more than a test can."""
    significant, alpha = outcome.parts.get("significant"), show(outcome.parts.get("alpha", step.alpha))
    if not isinstance(significant, bool):
        return ""
    if step.kind in NORMAL:
        said = ("not normally distributed", "no departure from a normal distribution found")
    elif step.kind in SPREAD:
        said = ("the variances differ", "no significant difference in variances")
    elif step.kind == "chi2":
        said = ("the two are associated", "no significant association")
    else:
        said = ("a significant difference", "no significant difference")
    return f"{said[0] if significant else said[1]} at alpha {alpha}"


def fact_claim(fact: Fact, name: str, fingerprint: str) -> Claim:
    """Return a fact of a profile as a claim."""
    cited = DatasetCitation(dataset=name, fingerprint=fingerprint, expression=fact.expression, value=fact.value)
    return Claim(text=fact.text, verdict=Verdict.COMPUTED, citations=(cited,))


def _digits(computation: Computation, outcome: Outcome) -> int | None:
    asked = {o.digits for o in computation.query.outputs if o.label == outcome.label and o.part is None}
    return asked.pop() if len(asked) == 1 else None


def sentence(outcome: Outcome, phrase: str, digits: int | None = None) -> str:
    """Return one sentence that says an outcome."""
    lead = phrase[:1].upper() + phrase[1:]
    value = outcome.value
    if outcome.parts and not isinstance(value, (Mapping, list, tuple)):
        return f"{lead}: {_parts(outcome)}."
    if isinstance(value, Mapping):
        return f"{lead}: {_some(list(value.items()), digits)}."
    if isinstance(value, (list, tuple)):
        shown = ", ".join(show(one, digits) for one in value[:MOST_VALUES])
        more = len(value) - MOST_VALUES
        return f"{lead}: {shown or 'none'}{f' and {more:,} more' if more > 0 else ''}."
    if value is None:
        return f"{lead} is not defined{f': {outcome.checks[0]}' if outcome.checks else ''}."
    verb = "are" if _PLURAL.match(phrase) and value != 1 else "is"
    return f"{lead} {verb} {show(value, digits)}."


def _some(pairs: Sequence[tuple[Any, Any]], digits: int | None) -> str:
    if not pairs:
        return "no group has a value"
    shown = "; ".join(f"{show_key(key)}: {show(value, digits)}" for key, value in pairs[:MOST_GROUPS])
    more = len(pairs) - MOST_GROUPS
    return shown + (f"; and {more:,} more in the table" if more > 0 else "")


def _parts(outcome: Outcome) -> str:
    known = {name: value for name, value in outcome.parts.items() if value is not None and name not in _CONCLUDED}
    numbers = [f"{name} = {show(value)}" for name, value in known.items() if not isinstance(value, str)]
    words = [value for value in known.values() if isinstance(value, str)]
    return "; ".join(filter(None, (", ".join(numbers), ", ".join(words))))


# -- the check -------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?", re.I)


def checked(text: str, outcome: Outcome, phrase: str, cited: DatasetCitation) -> Claim:
    """Return the sentence as a claim: *computed* where each of its numbers is one of its outcome or of its phrase."""
    known = {*_NUMBER.findall(phrase), *_NUMBER.findall(" ".join(_rendered(outcome)))}
    stands = all(number in known for number in _NUMBER.findall(text))
    verdict = Verdict.COMPUTED if stands else Verdict.UNSUPPORTED
    return Claim(text=text, verdict=verdict, citations=(cited,), probability=1.0 if stands else 0.0)


def _rendered(outcome: Outcome) -> Iterator[str]:
    """Yield each way in which a value of the outcome may stand in a sentence."""
    for value in (outcome.value, *outcome.parts.values()):
        for digits in (None, *range(11)):
            yield show(value, digits)
    yield from outcome.checks[:1]
    for value in (outcome.value, *outcome.parts.values()):
        if isinstance(value, (Mapping, list, tuple)):
            yield show(len(value) - MOST_GROUPS)
            yield show(len(value) - MOST_VALUES)
    yield from (name for name in outcome.parts)
