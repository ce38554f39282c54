"""From a question about runs to its answer: read, run, and said with citations; what is not read in full waits.

What was never logged is refused with the nearest names that were; a question after reasons is left to the decisions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assistant.runs import reading, say
from assistant.runs.alias_notes import cited
from assistant.runs.answer_values import answered_values
from assistant.runs.build import Linker
from assistant.runs.follow import followed
from assistant.runs.linked import reading_of_link
from assistant.runs.types import RunReading
from assistant.types import Answer, Reading
from kb.aliases import listed
from kb.clock import Clock
from kb.errors import BadInput, CitewiseError
from kb.history import RunQuery
from kb.run_query import run, vocabulary, words
from kb.run_result import RunResult
from kb.run_wire import link, query_from_link, query_json
from kb.store import Catalogue
from kb.types import Claim

ROUTE = "runs"
_RECORD = 'No reason was recorded; `citewise decide --stage STAGE --choice "WHAT" --because "WHY"` records one.'


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAsked:
    """A question about runs; `link` runs the reading it holds, `previous` is the query before, for follow-ups."""

    question: str
    link: str | None = None
    previous: RunQuery | None = None


@dataclass(frozen=True, kw_only=True)
class RunAnswers:
    """Answers over the runs of a catalogue."""

    catalogue: Catalogue
    _kept: dict[str, Linker] = field(default_factory=dict, repr=False, compare=False)

    def linker(self) -> Linker:
        """Return the names that questions are tied to, as of the catalogue's generation."""
        known = vocabulary(self.catalogue)
        aliases = self._aliases()
        key = f"{known.version} {hash(tuple(sorted(aliases.items())))}"
        if key not in self._kept:
            self._kept.clear()
            self._kept[key] = Linker(known, aliases)
        return self._kept[key]

    def _aliases(self) -> dict[str, str]:
        return {alias.word: alias.meaning for alias in listed(self.catalogue)}

    def read(self, asked: RunAsked) -> RunReading:
        """Return how a question is read. Raises BadInput for a link that holds no query."""
        if asked.link:
            return reading_of_link(query_from_link(asked.link), self.linker())
        linker = self.linker()
        if asked.previous is not None:
            changed = followed(asked.question, linker, asked.previous)
            if changed is not None and changed.runs:
                return changed
        return cited(reading.read(asked.question, linker), linker.aliases)

    def stream(self, asked: RunAsked) -> Iterator[Reading | Claim | Answer]:
        """Yield the reading, each claim, and at last the answer that holds them all."""
        clock = Clock()
        read = self.read(asked)
        clock.lap("read")
        shown = shown_reading(asked.question, read)
        yield shown
        if not read.runs or read.query is None:
            yield _waiting(asked, shown, read, clock)
            return
        try:
            found = answered_values(read, lambda query: run(query, self.catalogue))
        except CitewiseError as error:
            yield _refused(asked, shown, (error.message, error.hint), clock)
            return
        clock.lap("compute")
        if found is None:
            yield _refused(asked, shown, (f"No run gives this: {shown.words}.",), clock)
            return
        yield from self._said(asked, shown, read, found, clock)

    def _said(
        self, asked: RunAsked, shown: Reading, read: RunReading, found: RunResult, clock: Clock
    ) -> Iterator[Claim | Answer]:
        claims = say.claims(found, shown.words)
        yield from claims
        yield Answer(
            question=asked.question,
            reading=shown,
            abstained=False,
            confidence=read.confidence,
            claims=claims,
            notes=(*read.notes, *found.notes),
            timings=clock.done(),
            left_out=say.left_out(found),
            found=found,
        )

    def ask(self, question: str, *, previous: RunQuery | None = None, link: str | None = None) -> Answer:
        """Return the answer to one question."""
        for item in self.stream(RunAsked(question=question, previous=previous, link=link)):
            if isinstance(item, Answer):
                return item
        raise AssertionError("a stream ends with its answer")


def shown_reading(question: str, read: RunReading) -> Reading:
    """Return a reading as every answer holds one."""
    said = words(read.query) if read.query is not None else ""
    if read.query is not None and read.of_best:
        said = f"{', '.join(one.name or one.field for one in read.of_best)} of the run with the {said}"
    query: dict[str, Any] = query_json(read.query) if read.query is not None else {}
    return Reading(route=ROUTE, question=question, words=said, query=query, unread=read.unread, runs=read)


def _waiting(asked: RunAsked, shown: Reading, read: RunReading, clock: Clock) -> Answer:
    return Answer(
        question=asked.question, reading=shown, abstained=True, confidence=read.confidence, missing=missing(read),
        notes=read.notes, timings=clock.done(),
    )  # fmt: skip


def _refused(asked: RunAsked, shown: Reading, why: tuple[str, ...], clock: Clock) -> Answer:
    return Answer(
        question=asked.question, reading=shown, abstained=True, confidence=0.0,
        missing=tuple(one for one in why if one), timings=clock.done(),
    )  # fmt: skip


def missing(read: RunReading) -> tuple[str, ...]:
    """Return sentences that say why a question was not answered."""
    if read.why:
        return ("Runs record what was done and what came of it, not why.", _RECORD)
    if read.unread:
        named = ", ".join(f"“{word}”" for word in read.unread)
        verb = "is" if len(read.unread) == 1 else "are"
        near = [f"nearest to “{word}” that was logged: {', '.join(names)}" for word, names in read.absent if names]
        said = f"{named} {verb} not tied to a run, a metric, a parameter or an operation."
        return (said, *(f"{one[:1].upper()}{one[1:]}." for one in near[:3]))
    if read.query is None:
        return ("Nothing in this question could be read as a question about runs.",)
    return ("This reading rests on a guess, so it was not run.",)


def run_link(query: RunQuery) -> str:
    """Return the link that runs a query. Raises BadInput for one that cannot be written."""
    if not query.select:
        raise BadInput("a query selects something", hint="ask the question again")
    return link(query)
