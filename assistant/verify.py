"""Check a draft against what is stored: every gate fails closed.

A draft's citation must come from the evidence at hand, and its quote must stand, to the letter and as whole units of
text, at its span of the stored document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assistant.types import Evidence
from kb.text import normalise_spaces
from kb.types import Citation, Claim, Document, Span, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A sentence that wants to be a claim: `text` as it would be shown, resting on `span` of the evidence `marker`."""

    text: str
    marker: str
    span: Span
    form: str = "text"


def verify(draft: Draft, evidence: Mapping[str, Evidence], documents: Mapping[str, Document | None]) -> Claim:
    """Return `draft` as a claim with its verdict: *quoted* where its text stands at its span, *unsupported* otherwise.

    `documents` are the stored documents by marker, read now.
    """
    item, document = evidence.get(draft.marker), documents.get(draft.marker)
    if item is None or document is None:
        return Claim(text=draft.text, verdict=Verdict.UNSUPPORTED, citations=(), probability=0.0, form=draft.form)
    citation = cite(item, document, draft.span)
    stands = draft.span.end <= len(document.text) and _same(draft.text, citation.quote, draft.form)
    verdict = Verdict.QUOTED if stands else Verdict.UNSUPPORTED
    return Claim(
        text=draft.text, verdict=verdict, citations=(citation,), probability=1.0 if stands else 0.0, form=draft.form
    )


def cite(item: Evidence, document: Document, span: Span) -> Citation:
    """Return the citation of `span` in the document that `item` comes from."""
    block = next((b for b in document.blocks if b.span.overlaps(span)), None)
    page = document.locate(span.start, "page")
    return Citation(
        key=item.hit.key,
        headings=block.headings if block else (),
        span=span,
        quote=span.of(document.text),
        page=int(page) if page and page.isdigit() else None,
    )


def _same(text: str, quote: str, form: str) -> bool:
    """Tell whether a shown text is the quote: code to the letter, prose but for white space."""
    if not quote.strip():
        return False
    return text == quote if form == "code" else normalise_spaces(text) == normalise_spaces(quote)
