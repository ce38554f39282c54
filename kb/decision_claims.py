"""The reasons of a decision as they are stored: claims with citations of the note, of the ledger, or of runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kb.types import (
    AnyCitation,
    Citation,
    Claim,
    DatasetCitation,
    DecisionCitation,
    RunCitation,
    SourceKey,
    Span,
    Verdict,
)

_KINDS = {"run": RunCitation, "dataset": DatasetCitation, "decision": DecisionCitation}


def claim_row(claim: Claim) -> dict[str, Any]:
    """Return a claim as JSON values."""
    cited = [_citation_row(citation) for citation in claim.citations]
    return {"text": claim.text, "verdict": claim.verdict.value, "probability": claim.probability, "citations": cited}


def claim_of(row: dict[str, Any], key: SourceKey | None) -> Claim:
    """Return a stored claim; a citation of the note itself is one of the source at `key`."""
    cited = tuple(_citation(one, key) for one in row["citations"])
    return Claim(text=row["text"], verdict=Verdict(row["verdict"]), probability=row["probability"], citations=cited)


def _citation_row(citation: AnyCitation) -> dict[str, Any]:
    row = asdict(citation)
    if isinstance(citation, Citation):
        row["span"] = [citation.span.start, citation.span.end]
    return row


def _citation(row: dict[str, Any], key: SourceKey | None) -> AnyCitation:
    if row["kind"] in _KINDS:
        return _KINDS[row["kind"]](**row)  # type: ignore[no-any-return]
    start, end = row["span"]
    owner = SourceKey(**row["key"])
    # A source moved to another root keeps its note; the row it hangs on knows where it is now.
    return Citation(
        key=key or owner,
        headings=tuple(row["headings"]),
        span=Span(start=start, end=end),
        quote=row["quote"],
        page=row["page"],
    )
