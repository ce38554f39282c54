"""Numbers of a report that documents may hold: the same number in a sentence of the same words."""

from __future__ import annotations

from assistant.check_judge import MATCHES, Judged
from assistant.check_numbers import Number, numbers
from kb.knowledge import KnowledgeBase
from kb.text import query_terms, sentences

PASSAGES = 5
ALIKE = 0.5


def said_in(kb: KnowledgeBase, sentence: str, number: Number) -> Judged | None:
    """Return the document that says the same number in a sentence with half of the words of `sentence`, or None."""
    wanted = {term for term in query_terms(sentence) if not term.isdigit()}
    if not wanted:
        return None
    for hit in kb.search(sentence, k=PASSAGES).hits:
        for span in sentences(hit.text):
            said = span.of(hit.text)
            shared = len(wanted & set(query_terms(said))) / len(wanted)
            if shared >= ALIKE and any(one.value == number.value for one in numbers(said)):
                return Judged(status=MATCHES, said=f"{hit.key.source}: {said}")
    return None
