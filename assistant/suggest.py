"""What to say where the evidence is missing, and questions that work on what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from assistant.types import Reading
from kb.knowledge import KnowledgeBase
from kb.text import is_identifier
from kb.types import Hit, SourceInfo, SourceState

Works = Callable[[str], bool]
"""Tells whether a question gets an answer."""

MOST = 3
MOST_TRIED = 4
AFTER = 2
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


def instead(hits: Sequence[Hit], works: Works) -> tuple[str, ...]:
    """Return up to three questions near the one refused that the knowledge base answers."""
    return _first((question for hit in hits if (question := _about(hit))), works)


def after(reading: Reading, hits: Sequence[Hit], works: Works) -> tuple[str, ...]:
    """Return up to two questions that lead on from an answer: about the sections found but not at the top."""
    known = {reading.question.lower(), (_about(hits[0]) or "").lower() if hits else ""}
    asked = dict.fromkeys(question for hit in hits[1:] if (question := _about(hit)) and question.lower() not in known)
    return _first(islice(asked, AFTER), works)


def openers(kb: KnowledgeBase, works: Works) -> tuple[str, ...]:
    """Return three questions that work on what is ingested, from its largest sources of different places."""
    ready = [s for s in kb.catalogue.sources() if s.state in (SourceState.SEARCHABLE, SourceState.LEXICAL)]
    ranked = sorted(ready, key=lambda s: (-s.chunks, s.key.source))
    return _first((q for source in _spread(ranked) if (q := _about_title(source.title))), works)


def _first(questions: Iterable[str], works: Works) -> tuple[str, ...]:
    """Return the first three that work, looking at no more than a few."""
    tried = islice(dict.fromkeys(questions), MOST_TRIED)
    return tuple(islice((question for question in tried if works(question)), MOST))


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
    """Return a question about the innermost section of a hit that has a telling title."""
    path = hit.headings[0] if hit.headings else ()
    for depth in range(len(path), 0, -1):
        if (question := _about_title(path[depth - 1], path[depth - 2] if depth > 1 else "")) is not None:
            return question
    return _about_title(hit.title)


def _about_title(title: str, parent: str = "") -> str | None:
    clean = title.strip(" .:#")
    if not clean or clean.lower() in _NO_TOPICS or len(clean) > 80 or not any(c.isalpha() for c in clean):
        return None
    if clean.endswith("?"):
        return clean
    vague = len(clean.split()) == 1 and not is_identifier(clean) and 0 < len(parent) <= 60
    return (
        f"What should I know about {clean} in {parent.strip(' .:#')}?"
        if vague
        else f"What should I know about {clean}?"
    )
