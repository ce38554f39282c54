"""Figures over a question file: retrieval, answers, abstention, tables and latency, as `citewise eval` prints them.

Questions with `gold` are asked and scored, and with a folder of tables those with `answers` too (`evaluate_tables`);
where runs were ingested, those with `answer` as well (`evaluate_runs`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from assistant.evaluate_runs import RunOutcome, RunQuestion, ask_run, run_figures, run_question, run_row
from assistant.evaluate_tables import (
    TableOutcome,
    TableQuestion,
    ask_table,
    table_figures,
    table_question,
    table_row,
)
from assistant.runs.answer import RunAnswers
from assistant.tables import OpenTables
from assistant.types import Answer
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.metrics import auroc, comparable, mean, mrr, percentile, quote_within_words
from kb.types import Claim, Hit, SourceKey

WIDTHS = (250, 500, 1000, 2000)
SECTION_K = 5
MRR_K = 10
DEPTH = 50


class Asks(Protocol):
    """Answers one question; over a table as `evaluate_tables.AsksTables` says."""

    def ask(self, question: str, *args: Any, **over: Any) -> Answer:
        """Return the answer to `question`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """A place that answers a question: a section of a file, and a sentence in it as the file has it."""

    file: str
    section: str
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A line of a question file; `gold` is empty for one that cannot be answered, None for runs and tables."""

    id: str
    question: str
    gold: tuple[Gold, ...] | None
    part: str
    scored: bool = True
    table: TableQuestion | None = None
    runs: RunQuestion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A question with gold, what was found and answered, and how long the answer took in seconds."""

    question: Question
    hits: tuple[Hit, ...]
    answer: Answer
    seconds: float
    standing: int
    """Citations whose quote stands at its span."""

    @property
    def gold(self) -> tuple[Gold, ...]:
        """The places that answer the question; none where nothing does."""
        return self.question.gold or ()


Progress = Callable[[int, int], None]
"""Takes how many of how many questions were asked."""


def evaluate(
    assistant: Asks,
    kb: KnowledgeBase,
    questions: Path,
    *,
    data: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Return the figures over the file `questions` in the contract's `eval` shape.

    The tables asked about lie in `data`; without it questions over tables are only counted. Raises BadInput for a file
    that cannot be read, with the number of the line.
    """
    lines = read_questions(questions)
    docs = [line for line in lines if line.gold is not None]
    over_tables = [line for line in lines if line.table is not None and data is not None]
    run_answers = RunAnswers(catalogue=kb.catalogue)
    over_runs = [line for line in lines if line.runs is not None] if kb.catalogue.count("runs") else []
    total = len(docs) + len(over_tables) + len(over_runs)
    if docs:
        assistant.ask(docs[0].question)  # warm: models and indexes are opened by the first question
    opened, done = OpenTables(data), count(1)
    outcomes: list[Outcome] = []
    tables: list[TableOutcome] = []
    for line in docs:
        outcomes.append(_outcome(assistant, kb, line))
        progress(next(done), total)
    for line in over_tables:
        tables.append(_table_outcome(assistant, opened, line))
        progress(next(done), total)
    runs: list[RunOutcome] = []
    for line in over_runs:
        assert line.runs is not None
        runs.append(ask_run(line.id, line.question, line.runs, run_answers.ask))
        progress(next(done), total)
    rest = [line for line in lines if line.gold is None and line not in over_tables and line not in over_runs]
    seconds = [o.seconds for o in outcomes] + [o.seconds for o in tables] + [o.given.seconds for o in runs]
    return {
        "file": str(questions),
        "n": len(lines),
        "retrieval": _retrieval([o for o in outcomes if o.gold]),
        "answers": _answers([o for o in outcomes if o.gold], outcomes),
        "abstention": _abstention(outcomes),
        "runs": run_figures(runs) if runs else _unsupported([line for line in rest if line.part == "runs"]),
        "tables": table_figures(tables) if data else _unsupported([line for line in rest if line.part == "tables"]),
        "latency": {"p50": round(percentile(seconds, 50), 4), "p95": round(percentile(seconds, 95), 4)},
        "by_question": [
            *(_row(outcome) for outcome in outcomes),
            *(table_row(outcome) for outcome in tables),
            *(run_row(outcome) for outcome in runs),
            *(_unsupported_row(line) for line in rest),
        ],
    }


def _table_outcome(assistant: Asks, opened: OpenTables, line: Question) -> TableOutcome:
    assert line.table is not None
    return ask_table(assistant, opened.get, line.id, line.question, line.table)


def _outcome(assistant: Asks, kb: KnowledgeBase, line: Question) -> Outcome:
    began = time.perf_counter()
    answer = assistant.ask(line.question)
    seconds = time.perf_counter() - began
    hits = kb.search(line.question, k=DEPTH).hits
    standing = sum(kb.verify(citation) for claim in answer.claims for citation in claim.passages)
    return Outcome(question=line, hits=hits, answer=answer, seconds=seconds, standing=standing)


# -- figures -------------------------------------------------------------------------------------------------------


def _retrieval(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    within = {str(w): _share([_quote_within(o, w) for o in outcomes]) for w in WIDTHS}
    sections = [_section_hits(o) for o in outcomes]
    return {
        "n": len(outcomes),
        "quote_within": within,
        f"section_hit@{SECTION_K}": _share([any(hits[:SECTION_K]) for hits in sections]),
        f"mrr@{MRR_K}": round(mrr(sections, MRR_K), 4),
    }


def _answers(answerable: Sequence[Outcome], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    cited = sum(len(claim.passages) for o in outcomes for claim in o.answer.claims)
    return {
        "n": len(answerable),
        "answered": sum(not o.answer.abstained for o in answerable),
        "hit": _share([_answer_hit(o) for o in answerable]),
        "citations": cited,
        "quotes_at_span": round(sum(o.standing for o in outcomes) / cited, 4) if cited else None,
    }


def _abstention(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    answerable = [bool(o.gold) for o in outcomes]
    refused = [o.answer.abstained for o in outcomes]
    area = auroc(answerable, [o.answer.confidence for o in outcomes])
    return {
        "answerable": sum(answerable),
        "unanswerable": len(answerable) - sum(answerable),
        "auroc": None if area is None else round(area, 4),
        "true_refusals": sum(r and not a for r, a in zip(refused, answerable, strict=True)),
        "false_refusals": sum(r and a for r, a in zip(refused, answerable, strict=True)),
    }


def _unsupported(lines: Sequence[Question]) -> dict[str, Any]:
    scored = sum(line.scored for line in lines)
    return {"n": scored, "not_scored": len(lines) - scored, "supported": False, "right": 0, "refusals": 0}


def _row(outcome: Outcome) -> dict[str, Any]:
    sections, answer = _section_hits(outcome), outcome.answer
    right = _answer_hit(outcome) if outcome.gold else answer.abstained
    return {
        "id": outcome.question.id,
        "part": "docs",
        "right": right,
        "answerable": bool(outcome.gold),
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "section_rank": sections.index(True) + 1 if True in sections else None,
        "quote_within": next((w for w in WIDTHS if _quote_within(outcome, w)), None),
        "seconds": round(outcome.seconds, 4),
    }


def _unsupported_row(line: Question) -> dict[str, Any]:
    return {"id": line.id, "part": line.part, "right": False, "supported": False}


def _share(flags: Sequence[bool]) -> float:
    return round(mean([float(flag) for flag in flags]), 4)


# -- one question --------------------------------------------------------------------------------------------------


def _quote_within(outcome: Outcome, width: int) -> bool:
    """Tell whether any gold quote stands within the first `width` words of the passages."""
    return any(
        quote_within_words(gold.quote, [(_is_file(h.key, gold.file), h.text) for h in outcome.hits], width)
        for gold in outcome.gold
    )


def _section_hits(outcome: Outcome) -> list[bool]:
    """Tell for each passage whether it overlaps a gold section."""
    return [
        any(
            _is_file(hit.key, gold.file) and any(_is_inside(path, gold.section) for path in hit.headings)
            for gold in outcome.gold
        )
        for hit in outcome.hits
    ]


def _answer_hit(outcome: Outcome) -> bool:
    return not outcome.answer.abstained and any(_cites(c, g) for c in outcome.answer.claims for g in outcome.gold)


def _cites(claim: Claim, gold: Gold) -> bool:
    return any(
        _is_file(citation.key, gold.file) and _is_inside(citation.headings, gold.section) for citation in claim.passages
    )


def _is_file(key: SourceKey, file: str) -> bool:
    """Tell whether a source is `file`: the same, or its path ends so, for roots may lie at any height."""
    return key.source == file or f"/{key.root}/{key.source}".endswith(f"/{file}")


def _is_inside(path: Sequence[str], section: str) -> bool:
    """Tell whether a heading path leads through `section`: what stands under a sub-section stands in it too."""
    wanted = comparable(section)
    return any(comparable(heading) == wanted for heading in path)


# -- reading -------------------------------------------------------------------------------------------------------


def read_questions(path: Path) -> tuple[Question, ...]:
    """Read a question file, one JSON object a line. Raises BadInput with the number of a line that is malformed."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}", hint="name a JSON Lines file in UTF-8") from error
    return tuple(_questions(text, path))


def _questions(text: str, path: Path) -> Iterator[Question]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield _question(json.loads(line), number)
        except (ValueError, RecursionError) as error:
            hint = "each line is a JSON object with `question` and one of `gold`, `answer`, `answers`"
            raise BadInput(f"{path}, line {number}: {error}", hint=hint) from error


def _question(value: Any, number: int) -> Question:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    if not isinstance(value.get("question"), str) or not value["question"].strip():
        raise ValueError("`question` is missing or no text")
    part = next((part for field, part in _PARTS.items() if field in value), None)
    if part is None:
        raise ValueError("there is none of `gold`, `answer` and `answers`")
    return Question(
        id=str(value.get("id", number)),
        question=value["question"],
        gold=_golds(value["gold"]) if part == "docs" else None,
        part=part,
        scored=value.get("scope") != "beyond_run",
        table=table_question(value) if part == "tables" else None,
        runs=run_question(value) if part == "runs" else None,
    )


_PARTS = {"gold": "docs", "answers": "tables", "answer": "runs"}


def _golds(value: Any) -> tuple[Gold, ...]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("`gold` is not a list of objects")
    return tuple(_gold(item) for item in value)


def _gold(item: Mapping[str, Any]) -> Gold:
    values = {field: item.get(field, "") for field in ("file", "section", "quote")}
    if not values["file"] or not all(isinstance(value, str) for value in values.values()):
        raise ValueError("a gold needs `file`, and `section` and `quote` as texts")
    return Gold(**values)
