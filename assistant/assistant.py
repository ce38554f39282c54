"""The whole path of an answer on one screen: read, gather, draft, verify, answer or abstain.

Synchronous; `stream` yields each claim as its check lands, then the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypedDict, Unpack

from assistant import suggest
from assistant.abstain import ConfidenceModel, shipped
from assistant.draft import ExtractiveDrafter, Scored
from assistant.evidence import gather
from assistant.features import measure
from assistant.reading import read
from assistant.runs.answer import RunAnswers, RunAsked
from assistant.types import Answer, Evidence, Reading, Turn
from assistant.verify import verify
from kb.clock import Clock
from kb.filters import Filters
from kb.knowledge import KnowledgeBase
from kb.search import SearchResult
from kb.types import Claim, Document, Hit, Verdict

if TYPE_CHECKING:
    from assistant.dataset.types import Profile
    from assistant.why import WhyAnswer
    from kb.tables import Table

PASSAGES = 10
"""Passages gathered as evidence."""


class Over(TypedDict, total=False):
    """How a question over a dataset is computed: constraints and the names wanted back, or the link of a reading."""

    target: str | None
    constraints: str
    format: str
    link: str | None


@dataclass(frozen=True, kw_only=True)
class Assistant:
    """Answers questions from one knowledge base. Safe to share between threads."""

    kb: KnowledgeBase
    max_claims: int = 5
    abstain_below: float | None = None
    _openers: dict[int, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)
    _profiles: dict[str, Profile] = field(default_factory=dict, repr=False, compare=False)

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        dataset: Table | None = None,
        **how: Unpack[Over],
    ) -> Answer:
        """Return the checked answer to `question`, a follow-up to the turns of `history` (newest last).

        With a `dataset`, the question is about it first; `how` says how to compute.
        """
        for item in self.stream(question, history=history, filters=filters, dataset=dataset, **how):
            if isinstance(item, Answer):
                return item
        raise AssertionError("a stream ends with its answer")

    def stream(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        dataset: Table | None = None,
        **how: Unpack[Over],
    ) -> Iterator[Reading | Claim | Answer]:
        """Yield the reading, each claim as its check lands, and at last the answer that holds them all."""
        if dataset is None:
            link = how.get("link")
            reasons = self._reasons(question) if link is None else ()
            yield from reasons or self._routed(question, history, filters, link)
            return
        from assistant.dataset.answer import Asked, TableAnswers  # pandas and scipy: not for a question to documents

        previous = next((turn.query for turn in reversed(history) if turn.query is not None), None)
        lookup = partial(self._elsewhere, history=history, filters=filters)
        tables = TableAnswers(lookup=lookup, embed=self.kb.embedder.embed, profiles=self._profiles)
        yield from tables.stream(Asked(question=question, table=dataset, previous=previous, **how))

    def _routed(
        self, question: str, history: Sequence[Turn], filters: Filters | None, link: str | None
    ) -> Iterator[Reading | Claim | Answer]:
        """Answer over the runs what is read in full as a question about them; else from the documents.

        Where the documents hold no answer either, a question that names something of the runs waits with its reading.
        """
        if not self.kb.catalogue.count("runs"):
            yield from self._documents(question, history, filters)
            return
        previous = next((turn.run_query for turn in reversed(history) if turn.run_query is not None), None)
        asked = RunAsked(question=question, link=link, previous=previous)
        read = self._runs.read(asked)
        if read.runs and read.query is not None:
            yield from self._runs.stream(asked)
        elif not read.named:
            yield from self._documents(question, history, filters)
        elif (found := self._looked_up(question, history, filters)) is not None:
            yield found.reading
            yield from found.claims
            yield found
        else:
            yield from self._runs.stream(asked)

    @cached_property
    def _runs(self) -> RunAnswers:
        return RunAnswers(catalogue=self.kb.catalogue)

    def _elsewhere(self, question: str, history: Sequence[Turn], filters: Filters | None) -> Answer | None:
        """Return what the runs or the documents answer, None where they hold no answer."""
        *_, answer = self._routed(question, history, filters, None)
        return answer if isinstance(answer, Answer) and not answer.abstained else None

    def why(self, question: str) -> WhyAnswer:
        """Return the decision that stands with its reasons, or that no reason was recorded and what the runs show."""
        from assistant.why import Why

        return Why(kb=self.kb).ask(question)

    def _reasons(self, question: str) -> Sequence[Reading | Claim | Answer]:
        """Return the answer to a *why* that the ledger or the runs tell of; nothing where the documents are asked."""
        from assistant.why_subject import is_why

        if not is_why(question):
            return ()
        from assistant.why_answer import answered

        return answered(self.kb, question)

    def profile(self, dataset: Table, target: str | None = None) -> Profile:
        """Return the profile of a dataset, made once for a target."""
        from assistant.dataset.answer import TableAnswers

        return TableAnswers(lookup=self._looked_up, profiles=self._profiles).profile(dataset, target)

    def _looked_up(self, question: str, history: Sequence[Turn] = (), filters: Filters | None = None) -> Answer | None:
        """Return what the documents answer, None where they hold no answer."""
        *_, answer = self._documents(question, history, filters)
        return answer if isinstance(answer, Answer) and not answer.abstained else None

    def _documents(
        self, question: str, history: Sequence[Turn], filters: Filters | None
    ) -> Iterator[Reading | Claim | Answer]:
        clock = Clock()
        reading = read(question, history=history, frequency=self.kb.term_frequency)
        yield reading
        clock.lap("read")
        found = self.kb.search(reading.question, k=PASSAGES, filters=filters)
        evidence = gather(found.hits)
        clock.lap("search")
        confidence = self.confidence(reading.question, found.hits)
        clock.lap("confidence")
        if not found.hits or confidence < self._threshold:
            yield self._abstention(question, reading, found, confidence, clock)
            return
        documents = {item.marker: self.kb.catalogue.document(item.hit.key) for item in evidence}
        scored = self._drafter.score(reading, evidence, documents)
        clock.lap("draft")
        claims = []
        for claim in self._claims(reading, scored, evidence, documents):
            if claim.verdict is Verdict.QUOTED:
                claims.append(claim)
                yield claim
        clock.lap("verify")
        if not claims:
            yield self._abstention(question, reading, found, confidence, clock)
            return
        yield Answer(
            question=question,
            reading=reading,
            abstained=False,
            confidence=confidence,
            claims=tuple(claims),
            suggestions=suggest.after(reading, found.hits, self.answers),
            evidence=found.hits,
            notes=found.notes,
            timings=clock.done(),
        )

    def _claims(
        self,
        reading: Reading,
        scored: Sequence[Scored],
        evidence: Sequence[Evidence],
        documents: Mapping[str, Document | None],
    ) -> Iterator[Claim]:
        at_hand = {item.marker: item for item in evidence}
        for draft in self._drafter.draft(reading, scored, evidence, documents, limit=self.max_claims):
            yield verify(draft, at_hand, documents)

    def _abstention(
        self, question: str, reading: Reading, found: SearchResult, confidence: float, clock: Clock
    ) -> Answer:
        nearest = found.hits[:3]
        return Answer(
            question=question,
            reading=reading,
            abstained=True,
            confidence=confidence,
            missing=suggest.missing(reading, found.hits, self.kb),
            nearest=nearest,
            suggestions=suggest.instead(nearest, self.answers) or self.openers(),
            evidence=found.hits,
            notes=found.notes,
            timings=clock.done(),
        )

    @property
    def has_openers(self) -> bool:
        """Tell whether `openers` returns at once."""
        return self.kb.catalogue.generation in self._openers

    def openers(self) -> tuple[str, ...]:
        """Return three questions that work on what is ingested."""
        generation = self.kb.catalogue.generation
        if generation not in self._openers:
            self._openers.clear()
            self._openers[generation] = suggest.openers(self.kb, self.answers)
        return self._openers[generation]

    def answers(self, question: str) -> bool:
        """Tell whether `question` would be answered and not refused."""
        return self.confidence(question, self.kb.search(question, k=PASSAGES).hits) >= self._threshold

    def confidence(self, question: str, hits: Sequence[Hit]) -> float:
        """Return the calibrated probability that `hits` answer `question`."""
        if not hits:
            return 0.0
        size = self.kb.catalogue.count("chunks")
        return self._model.confidence(measure(question, hits, frequency=self.kb.term_frequency, size=size))

    @property
    def _drafter(self) -> ExtractiveDrafter:
        return ExtractiveDrafter(embed=self.kb.embedder.embed, weigh=self.kb.term_weights)

    @property
    def _model(self) -> ConfidenceModel:
        return shipped()

    @property
    def _threshold(self) -> float:
        return self._model.threshold if self.abstain_below is None else self.abstain_below


def turn(answer: Answer) -> Turn:
    """Return what a later follow-up needs to know of an answer."""
    headings = tuple(cited.headings[-1] for claim in answer.claims for cited in claim.passages[:1] if cited.headings)
    query = answer.reading.table.query if answer.reading.table else None
    run_query = answer.reading.runs.query if answer.reading.runs else None
    return Turn(question=answer.reading.question, headings=headings, query=query, run_query=run_query)
