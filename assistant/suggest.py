"""What to say where the evidence is missing, and questions that work on what is there."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.types import Reading
from kb.knowledge import KnowledgeBase
from kb.types import Hit, SourceInfo, SourceState

MOST = 3
_EMPTY_TITLES = """
introduction overview example examples notes note see also references parameters returns attributes usage
summary contents index background raises yields methods installation warning tip api changelog
"""
_NO_TOPICS = frozenset(_EMPTY_TITLES.split())


def missing(reading: Reading, hits: Sequence[Hit], kb: KnowledgeBase) -> tuple[str, ...]:
    """Return sentences that say what is missing for an answer."""
    if not kb.catalogue.count("chunks"):
        return ("Nothing is ingested yet, so there is nothing to answer from.",)
    if not reading.query.get("terms"):
        return ("There is no question here that could be looked up.",)
    said = []
    if reading.unread:
        named = ", ".join(f"“{word}”" for word in reading.unread)
        verb = "does" if len(reading.unread) == 1 else "do"
        said.append(f"{named} {verb} not occur in anything ingested.")
    said.append(
        "The passages found do not answer this with enough confidence." if hits else "No passage was found for this."
    )
    return tuple(said)


def instead(hits: Sequence[Hit], kb: KnowledgeBase) -> tuple[str, ...]:
    """Return up to three questions near the one refused that the knowledge base can answer."""
    asked = [question for hit in hits if (question := _about(hit))]
    return tuple(dict.fromkeys(asked))[:MOST] or openers(kb)


def after(reading: Reading, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Return up to three questions that lead on from an answer: about the sections found but not at the top."""
    asked = [question for hit in hits[1:] if (question := _about(hit))]
    known = reading.question.lower()
    return tuple(q for q in dict.fromkeys(asked) if q.lower() != known)[:MOST]


def openers(kb: KnowledgeBase) -> tuple[str, ...]:
    """Return three questions that work on what is ingested, from its largest sources of different places."""
    ready = [s for s in kb.catalogue.sources() if s.state in (SourceState.SEARCHABLE, SourceState.LEXICAL)]
    ranked = sorted(ready, key=lambda s: (-s.chunks, s.key.source))
    asked: dict[str, None] = {}
    for source in _spread(ranked):
        if question := _about_title(source.title):
            asked.setdefault(question)
        if len(asked) == MOST:
            break
    return tuple(asked)


def _spread(sources: Sequence[SourceInfo]) -> list[SourceInfo]:
    """Order sources so that those of different roots and folders come first."""
    seen: dict[tuple[str, str], int] = {}
    keyed = []
    for source in sources:
        place = (source.key.root, source.key.source.split("/")[0])
        seen[place] = seen.get(place, 0) + 1
        keyed.append((seen[place], source))
    return [source for _, source in sorted(keyed, key=lambda pair: pair[0])]


def _about(hit: Hit) -> str | None:
    path = hit.headings[0] if hit.headings else ()
    for title in reversed(path):
        if question := _about_title(title):
            return question
    return _about_title(hit.title)


def _about_title(title: str) -> str | None:
    clean = title.strip(" .:#")
    if not clean or clean.lower() in _NO_TOPICS or len(clean) > 80 or not any(c.isalpha() for c in clean):
        return None
    return clean if clean.endswith("?") else f"What should I know about {clean}?"
