"""What a search tells about whether its passages answer the question: the features of the confidence model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from assistant.draft import Scored
from assistant.types import Evidence, Reading
from kb.text import query_terms

Weigh = Callable[[Sequence[str]], Mapping[str, float]]


def measure(reading: Reading, evidence: Sequence[Evidence], scored: Sequence[Scored], weigh: Weigh) -> dict[str, float]:
    """Return the features of one question by name."""
    top = evidence[0].hit.parts
    weights = weigh(query_terms(reading.question))
    held = set(query_terms(" ".join(item.hit.text for item in evidence[:3])))
    total = sum(weights.values()) or 1.0
    return {
        "dense": top.get("dense", 0.0),
        "sentence": scored[0].score if scored else 0.0,
        "coverage": sum(w for term, w in weights.items() if term in held) / total,
        "unread": float(len(reading.unread)),
    }
