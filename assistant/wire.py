"""Values to the JSON objects of the contract (`citewise … --json`), and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistant.plain import plain
from assistant.types import Answer
from kb.types import Citation, Claim, DatasetCitation, Hit, SourceInfo


def hit_json(hit: Hit, rank: int) -> dict[str, Any]:
    """Return a hit as in `search`."""
    return {
        "rank": rank,
        "chunk_id": hit.chunk_id,
        "collection": hit.key.collection,
        "root": hit.key.root,
        "source": hit.key.source,
        "kind": hit.kind,
        "title": hit.title,
        "headings": [list(path) for path in hit.headings],
        "start": hit.span.start,
        "end": hit.span.end,
        "page": hit.page,
        "cell": hit.cell,
        "version": hit.version,
        "text": hit.text,
        "score": round(hit.score, 6),
    }


def citation_json(citation: Citation | DatasetCitation) -> dict[str, Any]:
    """Return a citation of a passage, or of a value computed from a dataset."""
    if isinstance(citation, DatasetCitation):
        return {
            "kind": citation.kind,
            "dataset": citation.dataset,
            "fingerprint": citation.fingerprint,
            "expression": citation.expression,
            "value": plain(citation.value),
        }
    return {
        "kind": citation.kind,
        "collection": citation.key.collection,
        "root": citation.key.root,
        "source": citation.key.source,
        "headings": list(citation.headings),
        "page": citation.page,
        "start": citation.span.start,
        "end": citation.span.end,
        "quote": citation.quote,
    }


def claim_json(claim: Claim) -> dict[str, Any]:
    """Return a claim with its citations."""
    return {
        "text": claim.text,
        "verdict": claim.verdict.value,
        "probability": claim.probability,
        "form": claim.form,
        "citations": [citation_json(citation) for citation in claim.citations],
    }


def search_json(query: str, hits: Sequence[Hit], timings: Mapping[str, float], notes: Sequence[str]) -> dict[str, Any]:
    """Return the object that `search` prints."""
    ranked = [hit_json(hit, rank) for rank, hit in enumerate(hits, 1)]
    return {"query": query, "hits": ranked, "notes": list(notes), "timings": _rounded(timings)}


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return the object that `ask` prints."""
    reading = answer.reading
    return {
        "question": answer.question,
        "abstained": answer.abstained,
        "missing": list(answer.missing),
        "confidence": round(answer.confidence, 4),
        "text": answer.text,
        "claims": [claim_json(claim) for claim in answer.claims],
        "reading": {
            "words": reading.words,
            "query": dict(reading.query),
            "unread": list(reading.unread),
            "route": reading.route,
            "question": reading.question,
        },
        "result": {"kind": "none", "value": None, "metric": None, "runs": [], "query": None},
        "suggestions": list(answer.suggestions),
        "nearest": [hit_json(hit, rank) for rank, hit in enumerate(answer.nearest, 1)],
        "evidence": [hit_json(hit, rank) for rank, hit in enumerate(answer.evidence, 1)],
        "notes": list(answer.notes),
        "usage": {},
        "timings": _rounded(answer.timings),
    }


def source_json(source: SourceInfo) -> dict[str, Any]:
    """Return a source as in `sources`."""
    return {
        "collection": source.key.collection,
        "root": source.key.root,
        "source": source.key.source,
        "kind": source.kind,
        "state": source.state.value,
        "reason": source.reason,
        "title": source.title,
        "version": source.version,
        "metadata": dict(source.metadata),
        "documents": source.documents,
        "chunks": source.chunks,
        "runs": source.runs,
        "hash": source.hash,
    }


def _rounded(timings: Mapping[str, float]) -> dict[str, float]:
    return {name: round(seconds, 5) for name, seconds in timings.items()}
