"""Values to the JSON objects of the contract (`citewise … --json`), and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from assistant.dataset.types import Chip, Computation, Grid, Plot, TableReading
from assistant.dataset.wire import link, query_json
from assistant.plain import plain
from assistant.runs.types import RunReading
from assistant.types import Answer, DatasetInfo, Reading
from kb import run_wire
from kb.run_query import words
from kb.run_result import RunResult, RunTable
from kb.types import AnyCitation, Claim, DatasetCitation, DecisionCitation, Hit, RunCitation, SourceInfo


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


def citation_json(citation: AnyCitation) -> dict[str, Any]:
    """Return a citation of a passage, a value computed from a dataset, a stored value of a run, or a decision."""
    if isinstance(citation, RunCitation):
        return _run_citation(citation)
    if isinstance(citation, DecisionCitation):
        return {**asdict(citation)}
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


def _run_citation(citation: RunCitation) -> dict[str, Any]:
    return {
        "kind": citation.kind,
        "root": citation.root,
        "source": citation.source,
        "tracker": citation.tracker,
        "experiment": citation.experiment,
        "run_id": citation.run_id,
        "copy": citation.copy,
        "field": citation.field,
        "value": plain(citation.value),
        "step": citation.step,
        "split": citation.split,
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
    return {
        "question": answer.question,
        "abstained": answer.abstained,
        "missing": list(answer.missing),
        "confidence": round(answer.confidence, 4),
        "text": answer.text,
        "claims": [claim_json(claim) for claim in answer.claims],
        "reading": reading_json(answer.reading),
        "result": _result(answer),
        "suggestions": list(answer.suggestions),
        "nearest": [hit_json(hit, rank) for rank, hit in enumerate(answer.nearest, 1)],
        "evidence": [hit_json(hit, rank) for rank, hit in enumerate(answer.evidence, 1)],
        "notes": list(answer.notes),
        "usage": {},
        "timings": _rounded(answer.timings),
        **_dataset(answer.dataset),
        **_computation(answer.computation, answer.left_out),
        **_found(answer.found, answer.left_out),
    }


def reading_json(reading: Reading) -> dict[str, Any]:
    """Return what a question was taken to mean; over a dataset with its chips, each option a link that runs it."""
    query = {} if reading.table is not None else dict(reading.query)
    said = {
        "words": reading.words,
        "query": query,
        "unread": list(reading.unread),
        "route": reading.route,
        "question": reading.question,
    }
    if reading.table is not None:
        return {**said, **_table_reading(reading.table)}
    return said if reading.runs is None else {**said, **_run_reading(reading.runs)}


def _run_reading(read: RunReading) -> dict[str, Any]:
    chips = [
        {
            "kind": chip.kind,
            "text": chip.text,
            "said": chip.said,
            "note": chip.note,
            "sure": chip.sure,
            "drop": run_wire.link(chip.drop) if chip.drop else None,
            "options": [{"text": o.text, "note": o.note, "link": run_wire.link(o.query)} for o in chip.options],
        }
        for chip in read.chips
    ]
    return {
        "link": run_wire.link(read.query) if read.query else None,
        "runs": read.runs,
        "chips": chips,
        "nearest": [{"words": words(query), "link": run_wire.link(query)} for query in read.nearest],
    }


def _table_reading(read: TableReading) -> dict[str, Any]:
    return {
        "query": query_json(read.query) if read.query else {},
        "link": link(read.query) if read.query else None,
        "runs": read.runs,
        "chips": [_chip(chip) for chip in read.chips],
        "nearest": [{"words": words, "link": link(query)} for words, query in read.nearest],
    }


def _chip(chip: Chip) -> dict[str, Any]:
    return {
        "kind": chip.kind,
        "text": chip.text,
        "said": chip.said,
        "note": chip.note,
        "sure": chip.sure,
        "drop": link(chip.drop) if chip.drop else None,
        "options": [{"text": o.text, "note": o.note, "link": link(o.query)} for o in chip.options],
    }


def _result(answer: Answer) -> dict[str, Any]:
    made, found = answer.computation, answer.found
    if found is not None:
        runs = [{"run_id": run.run_id, "source": run.source} for run in found.runs]
        query = run_wire.query_json(found.query)
        return {"kind": found.kind, "value": plain(found.value), "metric": found.metric, "runs": runs, "query": query}
    if made is None:
        return {"kind": "none", "value": None, "metric": None, "runs": [], "query": None}
    values = dict(made.values) or {outcome.label: outcome.value for outcome in made.outcomes}
    return {"kind": "values", "value": plain(values), "metric": None, "runs": [], "query": query_json(made.query)}


def _dataset(info: DatasetInfo | None) -> dict[str, Any]:
    return {} if info is None else {"dataset": asdict(info)}


def _computation(made: Computation | None, left_out: Sequence[str]) -> dict[str, Any]:
    """Return what stands behind a computed answer: its table, plot, program, and how many rows each step left."""
    if made is None:
        return {}
    grid, plot = made.grid, made.plot
    return {
        "table": None if grid is None else {**_rows(grid), "more": grid.more},
        "plot": None if plot is None else {**asdict(plot), **_rows(plot)},
        "code": made.code,
        "trail": [{"words": step.words, "rows": step.rows} for step in made.trail],
        "checks": [check for outcome in made.outcomes for check in outcome.checks],
        "left_out": list(left_out),
    }


def _found(found: RunResult | None, left_out: Sequence[str]) -> dict[str, Any]:
    """Return the table behind an answer over runs, and which runs played no part."""
    if found is None:
        return {}
    return {"table": {**_rows(found.rows), "more": found.rows.more}, "left_out": list(left_out)}


def _rows(of: Grid | Plot | RunTable) -> dict[str, Any]:
    return {"columns": list(of.columns), "rows": [plain(row) for row in of.rows]}


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
