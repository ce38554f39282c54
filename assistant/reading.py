"""From a question to its reading: completed from earlier turns where it leans on them, with the words nobody knows.

A reading is shown above every answer, so that a person sees what was looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from assistant.types import Reading, Turn
from kb.text import is_identifier, query_terms, words

Frequency = Callable[[Sequence[str]], dict[str, int]]

_LEANS = re.compile(
    r"^\s*(?:and|or|but|so|then|also|what about|how about|same (?:for|with|question)|what if|why(?: not| is that)?\W*$"
    r"|in (?:that|this) case)\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:it|its|this|that|these|those|they|them|their|there|one|ones|former|latter)\b", re.IGNORECASE
)
_LEAD = re.compile(
    r"^\s*(?:(?:and|or|but|so|then|also|what about|how about|same (?:for|with)|what if)\b[\s,:]*)+", re.IGNORECASE
)
_FOR = re.compile(
    r"\b(for|in|with|on|of|to|using)\s+((?:an?\s+|the\s+)?[\w.-]+(?:\s+[\w.-]+)?)\s*\??\s*$", re.IGNORECASE
)
_HOW = re.compile(
    r"\bhow\s+(?:do|to|can|should|would|could|does one|i|we)\b|\b(?:examples?|code|snippet|syntax)\b",
    re.IGNORECASE,
)
_FEW = 3


def wants_code(question: str) -> bool:
    """Tell whether a question asks how to do something, so that code helps."""
    return _HOW.search(question) is not None


def read(question: str, *, history: Sequence[Turn], frequency: Frequency) -> Reading:
    """Return what `question` means after the turns of `history`, newest last.

    `frequency` tells in how many chunks each term occurs; terms that occur in none are unread.
    """
    asked = " ".join(question.split())
    completed = complete(asked, history)
    looked_up = query_terms(completed)
    known = frequency(looked_up)
    unread = tuple(word for word in _shown(completed) if _is_unknown(word, known))
    lead = "follow-up, looked up as" if completed != asked else "looked up"
    return Reading(
        route="docs",
        question=completed,
        words=f"{lead}: {completed}",
        query={"terms": list(dict.fromkeys(looked_up)), "wants_code": wants_code(completed)},
        unread=unread,
    )


def complete(question: str, history: Sequence[Turn]) -> str:
    """Return the question made whole: a follow-up gets what it leans on from the latest turn.

    "and for regression?" after "metrics for classification?" becomes "metrics for regression?"; where nothing can be
    put in place of something else, the earlier question is put before the follow-up.
    """
    if not history or not _is_follow_up(question):
        return question
    before = history[-1].question.rstrip(" ?.!")
    rest = _LEAD.sub("", question).strip(" ?.!")
    if not rest:
        return question
    new, old = _FOR.search(rest), _FOR.search(before)
    if new and old and rest.lower().startswith(new.group(1).lower()) and new.group(1).lower() == old.group(1).lower():
        return f"{before[: old.start()]}{rest}?"
    return f"{before}, {rest}?"


def _is_follow_up(question: str) -> bool:
    if _LEANS.match(question):
        return True
    topics = query_terms(question)
    return len(topics) <= _FEW and bool(_POINTS.search(question)) and not any(is_identifier(w) for w in words(question))


def _shown(question: str) -> list[str]:
    """Return the question's words that carry a topic, each once, as they were typed."""
    return list(dict.fromkeys(word for word in words(question) if query_terms(word) != [] and _has_topic(word)))


def _has_topic(word: str) -> bool:
    return query_terms(f"{word} topic") != ["topic"] and any(c.isalpha() for c in word)


def _is_unknown(word: str, known: dict[str, int]) -> bool:
    found = [known.get(term, 0) for term in query_terms(word)]
    return bool(found) and max(found) == 0
