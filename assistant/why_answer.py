"""A *why* asked in conversation: the answer in the shape of every other, or nothing where the documents are asked."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.types import Answer, Reading
from assistant.why import Why, WhyAnswer
from assistant.why_subject import of_team
from kb.clock import Clock
from kb.knowledge import KnowledgeBase
from kb.types import Claim

ROUTE = "decisions"


def answered(kb: KnowledgeBase, question: str) -> Sequence[Reading | Claim | Answer]:
    """Return reading, claims and answer of a *why* that the ledger or the runs tell of.

    That no reason was recorded is said where somebody's choice is asked for and runs show it; else nothing is returned,
    and the documents may know how things are.
    """
    if not (kb.catalogue.count("decisions") or kb.catalogue.count("runs")):
        return ()
    clock = Clock()
    found = Why(kb=kb).ask(question)
    clock.lap("why")
    told = bool(found.decisions or found.runs) if not found.abstained else bool(found.runs) and of_team(question)
    if not told:
        return ()
    answer = _answer(found, clock)
    return (answer.reading, *answer.claims, answer)


def _answer(found: WhyAnswer, clock: Clock) -> Answer:
    reading = Reading(route=ROUTE, question=found.question, words=found.words, unread=found.unread)
    return Answer(
        question=found.question,
        reading=reading,
        abstained=found.abstained,
        confidence=round(found.share, 4) if not found.abstained else 0.0,
        claims=found.claims,
        missing=found.missing,
        suggestions=(),
        notes=(*found.notes, *found.suggestions),
        timings=clock.done(),
    )
