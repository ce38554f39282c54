"""What a search tells about whether its passages answer the question: the features of the confidence model."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

from kb.text import kin, query_terms, terms
from kb.types import Hit

Frequency = Callable[[Sequence[str]], Mapping[str, int]]

NAMES = ("meaning", "coverage", "tool")
TOP = 3
_TOOL = re.compile(r"\b(?:in|using|with|on|via|for|from)\s+(?:(?:the|a|an|my)\s+)?([^\W_][\w.-]*)", re.IGNORECASE)
_AT_HAND = 0.6
"""What is left of a tool's strangeness when the passages at the top name it."""


def measure(question: str, hits: Sequence[Hit], *, frequency: Frequency, size: int) -> dict[str, float]:
    """Return the features of one question: each lies in 0…1.

    `frequency` tells in how many of the `size` chunks each term occurs. *meaning*: the best cosine; *coverage*: the
    share of the question's term weight that the first passage holds; *tool*: how strange to the knowledge base a tool
    is that the question names ("in Keras", "with PySpark"), 0 where it names none.
    """
    topics = list(dict.fromkeys(query_terms(question)))
    return {
        "meaning": max((hit.parts.get("meaning", 0.0) for hit in hits), default=0.0),
        "coverage": _coverage(topics, hits, frequency, size),
        "tool": _strangest_tool(question, hits, frequency, size),
    }


def _coverage(topics: Sequence[str], hits: Sequence[Hit], frequency: Frequency, size: int) -> float:
    found = frequency(topics)
    weights = {term: math.log(1 + (size - n + 0.5) / (n + 0.5)) for term, n in found.items()}
    total = math.fsum(weights.values())
    if not hits or total <= 0:
        return 0.0
    held = set(terms(_whole(hits[0])))
    return math.fsum(weight for term, weight in weights.items() if _holds(held, term)) / total


def _strangest_tool(question: str, hits: Sequence[Hit], frequency: Frequency, size: int) -> float:
    held = {term for hit in hits[:TOP] for term in terms(_whole(hit))}
    return max((_strangeness(name, held, frequency, size) for name in tools(question)), default=0.0)


def tools(question: str) -> list[str]:
    """Return the names with a capital letter that follow in, using, with, on, via, for or from."""
    names = (match.group(1).strip(".-") for match in _TOOL.finditer(question))
    return [name for name in names if any(c.isupper() for c in name)]


def _strangeness(name: str, held: set[str], frequency: Frequency, size: int) -> float:
    """Return 1 for a name that occurs nowhere, 0 for one that occurs everywhere; its least strange part counts."""
    parts = [part for part in terms(name) if len(part) > 1] or [name.lower()]
    counts = frequency(parts)
    strangeness = min(1 - math.log(1 + n) / math.log(2 + size) for n in counts.values())
    return strangeness * (_AT_HAND if any(_holds(held, part) for part in parts) else 1.0)


def _whole(hit: Hit) -> str:
    headings = " ".join(title for path in hit.headings for title in path)
    return f"{hit.key.source} {hit.title} {headings} {hit.text}"


def _holds(held: set[str], term: str) -> bool:
    return term in held or any(kin(term, other) for other in held)
