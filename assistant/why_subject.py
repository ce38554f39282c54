"""What a *why* question is about: its words without those that only ask, and how well a text speaks of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kb.text import kin, query_terms, terms

_WHY = re.compile(
    r"\bwhy\b|\bhow come\b|\breasons? (?:for|behind|why|that|to)\b|\brationale\b|\bfor what reasons?\b"
    r"|\bwhat(?:'s|s| is| was| were)? (?:the )?(?:reasons?|behind|motivat\w+|rationale)\b"
    r"|\bwhat (?:made|led|drove|motivated) (?:us|the team|you|them|everybody|people)\b",
    re.IGNORECASE,
)
_TEAM = re.compile(
    r"\b(?:we|our|us|team|did|was|were|chose|chosen|decided|picked|dropped|switched|don't|didn't)\b", re.IGNORECASE
)
_ASKING_WORDS = """
why reason reasons rationale behind decide decided decision decisions choose chose chosen choosing choice pick picked
use used uses using switch switched team explain make made happen happened come led set sets give gave given got gone
run runs running replace replaced somebody someone anybody people stand stands standing motivated instead rather
anymore still exactly us drove what
"""
_ASKING = frozenset((*_ASKING_WORDS.split(), "topicword"))
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])%?")
_TOPIC = "topicword"
_KIN = 0.8
_IRREGULAR = """
keep kept; freeze froze frozen; take took taken; leave left; grow grew grown; rise rose risen; fall fell fallen;
go went;
build built; write wrote written; throw threw thrown; choose chose chosen; hold held; begin began begun; lose lost;
send sent; spend spent; bring brought; buy bought; find found; feed fed; break broke broken; raise raised; lower lowered
"""
_FORMS = {form: forms[0] for forms in map(str.split, _IRREGULAR.split(";")) for form in forms}
_ABSENT_NUMBER = 0.5

Part = tuple[float, frozenset[str], tuple[float, ...]]
"""How telling a text is, its terms and its numbers."""
Weigh = Callable[[Sequence[str]], Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The words and numbers a question is about, each with its weight: the rarer, the heavier."""

    weights: Mapping[str, float]
    numbers: tuple[float, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words that carry the question."""
        return tuple(self.weights)

    def share(self, parts: Sequence[Part]) -> float:
        """Return how much of the subject, 0…1, is spoken of in `parts`."""
        got = total = 0.0
        for word, weight in self.weights.items():
            total += weight
            got += weight * max((telling * _match(word, found) for telling, found, _ in parts), default=0.0)
        if self.weights and not got:
            return 0.0  # the same number alone tells nothing
        mean = total / len(self.weights) if self.weights else 1.0
        for number in self.numbers:
            strength = max((telling for telling, _, numbers in parts if number in numbers), default=0.0)
            total += mean if strength else mean * _ABSENT_NUMBER
            got += mean * strength
        return got / total if total else 0.0


def is_why(question: str) -> bool:
    """Tell whether a question asks for a reason."""
    return _WHY.search(question) is not None


def of_team(question: str) -> bool:
    """Tell whether a question is about what somebody did, and not about how things are."""
    return _TEAM.search(question) is not None


def subject(question: str, weigh: Weigh) -> Subject:
    """Return what a why question is about."""
    bare = _NUMBER.sub(" ", question)
    # With a word of topic in it, a question of none gives none.
    kept = [word for word in dict.fromkeys(query_terms(f"{bare} {_TOPIC}")) if word not in _ASKING and len(word) > 1]
    found = weigh(kept) if kept else {}
    most = max(found.values(), default=1.0)
    return Subject(weights={word: found.get(word, most) or most for word in kept}, numbers=numbers_of(question))


def numbers_of(text: str) -> tuple[float, ...]:
    """Return the numbers that stand alone in a text."""
    found = (float(match[0].rstrip("%").replace(",", "")) for match in _NUMBER.finditer(text))
    return tuple(dict.fromkeys(number for number in found if math.isfinite(number)))


def part(telling: float, *texts: str) -> Part:
    """Return texts as a part that a subject can be looked for in; `telling` is how much it counts there."""
    joined = " ".join(texts)
    return telling, frozenset(terms(joined)), numbers_of(joined)


def _match(word: str, found: frozenset[str]) -> float:
    if word in found:
        return 1.0
    base = _FORMS.get(word, word)
    return _KIN if any(kin(word, other) or _FORMS.get(other) == base for other in found) else 0.0
