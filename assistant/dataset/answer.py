"""From a question about a dataset to its answer: facts of the profile, what to do about a column, or a computed value.

What is read in full is computed and said; what is not waits, with the nearest readings that run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from assistant.dataset import follow, looks, profile, question, say
from assistant.dataset.chips import chips
from assistant.dataset.compute import compute
from assistant.dataset.link import Embed, linker
from assistant.dataset.phrases import phrases
from assistant.dataset.steps import Query
from assistant.dataset.tokens import words_of
from assistant.dataset.types import Computation, Fact, Profile, TableReading
from assistant.dataset.wire import check, query_from_link
from assistant.dataset.words import words
from assistant.types import Answer, DatasetInfo, Reading
from kb.clock import Clock
from kb.errors import BadInput, CitewiseError
from kb.tables import Table
from kb.text import query_terms
from kb.types import Claim, Verdict

FACTS = 6
_BRIEF = 14
_WHOLE = ("shape", "kinds", "whole")
_WRONG = re.compile(
    r"\b(?:wrong|problems?|issues?|quality|odd|strange|suspicious|errors?)\b.*\b(?:data|dataset|table|file|columns?|it)\b"
    r"|\bwhat(?:'s| is) wrong\b|\b(?:data|dataset|table)\b.*\b(?:problems?|issues?|quality)\b",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"\blook (?:at|into) first\b|\bwhere (?:do|should|can) (?:i|we) (?:start|begin)\b|\bstands? out\b|\bwhat matters\b"
    r"|\b(?:most )?(?:interesting|important|notable)\b.*\b(?:data|dataset|table|facts?|things?)\b",
    re.IGNORECASE,
)
_OVERVIEW = re.compile(
    r"^\W*(?:describe|summari[sz]e|profile|(?:give me )?(?:an? )?(?:overview|summary|description) of|tell me about"
    r"|what(?:'s| is) in|explore)\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"\b(?:how|what) (?:should|do|can|could|would|must|shall) (?:i|we|one)\b|\bshould (?:i|we)\b|\bwhat to do\b"
    r"|\bhow (?:best )?to\b|\b(?:recommend|advice|advise|best way|good way|suggest)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question over a table; `link` runs the reading it holds, `previous` is the reading before, for follow-ups."""

    question: str
    table: Table
    target: str | None = None
    constraints: str = ""
    format: str = ""
    link: str | None = None
    previous: Query | None = None

    @property
    def is_plain(self) -> bool:
        """Tell whether this is a short question without constraints on how to compute it."""
        return not (self.constraints or self.format) and len(self.question.split()) <= _BRIEF


@dataclass(frozen=True, kw_only=True)
class TableAnswers:
    """Answers over datasets; `lookup` answers from the documents, None where they hold no answer."""

    lookup: Callable[[str], Answer | None]
    embed: Embed | None = None
    profiles: dict[str, Profile] = field(default_factory=dict, repr=False, compare=False)

    def profile(self, table: Table, target: str | None = None) -> Profile:
        """Return the table's profile, made once for a target."""
        key = f"{table.fingerprint} {target or ''}"
        if key not in self.profiles:
            self.profiles[key] = profile.profile(table, target=target)
        return self.profiles[key]

    def stream(self, asked: Asked) -> Iterator[Reading | Claim | Answer]:
        """Yield the reading, each claim as it is computed, and at last the answer that holds them all."""
        clock = Clock()
        if asked.link:
            yield from self._run(asked, linked(asked), clock)
        elif asked.is_plain and (facts := self._facts(asked)):
            yield from self._told(asked, facts, clock)
        elif asked.is_plain and _ADVICE.search(asked.question):
            yield from self._advised(asked, clock)
        else:
            yield from self._read(asked, clock)

    # -- computed --------------------------------------------------------------------------------------------------

    def _read(self, asked: Asked, clock: Clock) -> Iterator[Reading | Claim | Answer]:
        read = question.read(
            asked.question,
            asked.table,
            constraints=asked.constraints,
            format=asked.format,
            embed=self.embed,
            previous=asked.previous,
        )
        clock.lap("read")
        if read.runs and read.query is not None:
            yield from self._run(asked, read, clock)
        elif (found := self._documented(asked, read)) is not None:
            yield found.reading
            yield from found.claims
            yield found
        else:
            yield _reading(asked, read)
            yield self._waiting(asked, read, clock)

    def _documented(self, asked: Asked, read: TableReading) -> Answer | None:
        """Return what the documents answer to a question that names nothing of the table."""
        if read.query is not None or named_columns(asked.question, asked.table):
            return None
        return self.lookup(asked.question)

    def _run(self, asked: Asked, read: TableReading, clock: Clock) -> Iterator[Reading | Claim | Answer]:
        assert read.query is not None
        shown = _reading(asked, read)
        yield shown
        try:
            made = compute(read.query, asked.table)
        except BadInput as error:
            yield _failed(asked, shown, error, clock)
            return
        clock.lap("compute")
        said = phrases(read.query)
        claims = tuple(say.claims(made, said, asked.table.name, asked.table.fingerprint))
        yield from claims
        yield Answer(
            question=asked.question,
            reading=shown,
            abstained=False,
            confidence=read.confidence,
            claims=claims,
            suggestions=self._next(asked, read.query),
            notes=made.notes,
            timings=clock.done(),
            dataset=info(asked.table),
            computation=made,
            left_out=left_out(made, said, asked.table.rows),
        )

    def _waiting(self, asked: Asked, read: TableReading, clock: Clock) -> Answer:
        return Answer(
            question=asked.question,
            reading=_reading(asked, read),
            abstained=True,
            confidence=read.confidence,
            missing=missing(asked.table, read),
            suggestions=()
            if read.nearest
            else tuple(self._tried(asked, looks.questions(self.profile(asked.table, asked.target)))),
            timings=clock.done(),
            dataset=info(asked.table),
        )

    def _next(self, asked: Asked, query: Query) -> tuple[str, ...]:
        return tuple(self._tried(asked, follow.questions(query, asked.table)))

    def _openers(self, asked: Asked) -> tuple[str, ...]:
        return tuple(self._tried(asked, looks.questions(self.profile(asked.table, asked.target))))

    def _tried(self, asked: Asked, questions: Sequence[str]) -> Iterator[str]:
        """Yield up to three of the questions, only such as run."""
        running = (one for one in questions if question.read(one, asked.table).runs)
        yield from islice(running, 3)

    # -- told from the profile -------------------------------------------------------------------------------------

    def _facts(self, asked: Asked) -> tuple[Fact, ...]:
        """Return the facts that a question about the whole dataset, or about all of a column, asks for."""
        text, named = asked.question, named_columns(asked.question, asked.table)
        if _FIRST.search(text):
            return looks.first_looks(self.profile(asked.table, asked.target))
        if _WRONG.search(text) and not _ADVICE.search(text):
            found = looks.problems(self.profile(asked.table, asked.target))
            return tuple(f for f in found if not named or set(named) & set(f.columns)) or found[:0]
        if not _OVERVIEW.search(text):
            return ()
        known = self.profile(asked.table, asked.target)
        if named:
            return tuple(f for name in named for f in looks.about_column(known, name))
        return tuple(sorted(known.facts, key=lambda fact: fact.kind not in _WHOLE))

    def _told(self, asked: Asked, facts: Sequence[Fact], clock: Clock) -> Iterator[Reading | Claim | Answer]:
        shown = Reading(route="dataset", question=asked.question, words=f"facts about {asked.table.name}")
        yield shown
        claims = tuple(say.fact_claim(f, asked.table.name, asked.table.fingerprint) for f in facts[:FACTS])
        yield from claims
        yield self._from_facts(asked, shown, claims, facts, clock)

    def _from_facts(
        self, asked: Asked, shown: Reading, claims: tuple[Claim, ...], facts: Sequence[Fact], clock: Clock
    ) -> Answer:
        asks = [fact.ask for fact in facts if fact.ask]
        return Answer(
            question=asked.question,
            reading=shown,
            abstained=False,
            confidence=1.0,
            claims=claims,
            suggestions=(*asks[:1], *self._openers(asked))[:3],
            timings=clock.done(),
            dataset=info(asked.table),
        )

    # -- documentation meets data ----------------------------------------------------------------------------------

    def _advised(self, asked: Asked, clock: Clock) -> Iterator[Reading | Claim | Answer]:
        """Answer what to do about named columns with their facts, then with what the documents say about such."""
        named = named_columns(asked.question, asked.table)
        if not named:
            yield from self._read(asked, clock)
            return
        known = self.profile(asked.table, asked.target)
        facts = [fact for name in named for fact in looks.about_column(known, name)]
        about = relevant(facts, asked.question)
        found = self._looked_up(asked, named, about)
        facts = about or by_weight(facts)[:2]
        words_ = f"facts about {', '.join(named)}" + (f", and looked up: {found.reading.question}" if found else "")
        shown = Reading(route="advice", question=asked.question, words=words_)
        yield shown
        clock.lap("advice")
        claims = tuple(say.fact_claim(f, asked.table.name, asked.table.fingerprint) for f in facts)
        claims += found.claims[:3] if found else ()
        yield from claims
        answer = self._from_facts(asked, shown, claims, facts, clock)
        if found is None:
            said = "Nothing ingested says with enough confidence what to do about it; this is what the data shows."
            yield replace(answer, notes=(said,))
        else:
            yield replace(answer, confidence=found.confidence, evidence=found.evidence)

    def _looked_up(self, asked: Asked, named: Sequence[str], facts: Sequence[Fact]) -> Answer | None:
        """Return what the documents say: best of these very columns, else of columns of their kind."""
        kinds = {column.name: column.kind for column in self.profile(asked.table, asked.target).columns}
        general = asked.question
        for name in named:
            general = re.sub(rf"['\"`]?\b{re.escape(name)}\b['\"`]?", f"a {kinds.get(name, '')} column", general)
        tried = dict.fromkeys([asked.question, *(fact.ask for fact in facts if fact.ask), general])
        answers = [found for one in islice(tried, 4) if (found := self.lookup(one)) is not None]
        return max(answers, key=lambda answer: (_names(answer, named), answer.confidence), default=None)


def _names(answer: Answer, columns: Sequence[str]) -> bool:
    """Tell whether the answer quotes what is said of one of the columns."""
    said = " ".join(claim.text for claim in answer.claims)
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said) for name in columns)


def by_weight(facts: Sequence[Fact]) -> list[Fact]:
    """Return facts, each once, the weightiest first."""
    return sorted({fact.text: fact for fact in facts}.values(), key=lambda fact: -fact.weight)


def relevant(facts: Sequence[Fact], text: str) -> list[Fact]:
    """Return at most two facts that words of the question are about, the weightiest first."""
    asked = _telling(text)
    return [fact for fact in by_weight(facts) if asked & _telling(f"{fact.kind} {fact.ask}")][:2]


def _telling(text: str) -> set[str]:
    return {term for term in query_terms(text.replace("_", " ")) if len(term) > 3}


def named_columns(text: str, table: Table) -> tuple[str, ...]:
    """Return the columns that a text surely names, in the order it names them."""
    mentions = linker(table).mentions(text, words_of(text))
    found = sorted((mention for mention in mentions if mention.sure and not mention.is_value), key=lambda m: m.start)
    return tuple(dict.fromkeys(mention.column for mention in found))


def linked(asked: Asked) -> TableReading:
    """Return the reading that a link holds. Raises BadInput where it does not fit the table."""
    query = query_from_link(asked.link or "")
    if problems := check(query, asked.table.columns):
        raise BadInput(f"this reading does not fit {asked.table.name}: {problems[0]}", hint="ask the question again")
    return TableReading(
        words=words(query), query=query, chips=chips(query, linker(asked.table)), runs=True, confidence=1.0
    )


def missing(table: Table, read: TableReading) -> tuple[str, ...]:
    """Return sentences that say why a question was not computed."""
    if read.unread:
        named = ", ".join(f"“{word}”" for word in read.unread)
        verb = "is" if len(read.unread) == 1 else "are"
        return (f"{named} {verb} not tied to a column, a value or an operation of {table.name}.",)
    if read.query is None:
        return (f"Nothing in this question could be read as a question about {table.name}.",)
    return ("This reading rests on a guess, so it was not run.",)


def left_out(made: Computation, said: Sequence[str], whole_rows: int) -> tuple[str, ...]:
    """Return which of the table's rows played no part because they lack a value, in words, each once."""
    rows = [whole_rows, *(step.rows for step in made.trail)]
    told = []
    for outcome, phrase in zip(made.outcomes, said, strict=True):
        whole = min((r for r in rows if r >= outcome.rows), default=outcome.rows)
        if 0 < outcome.rows < whole and "missing" not in phrase:
            told.append(f"{phrase}: from {outcome.rows:,} of {whole:,} rows, the others lack a value.")
    return tuple(dict.fromkeys(told))


def info(table: Table) -> DatasetInfo:
    """Return which dataset an answer is about."""
    return DatasetInfo(
        name=table.name,
        fingerprint=table.fingerprint,
        path=str(table.path),
        rows=table.rows,
        columns=len(table.columns),
    )


def _reading(asked: Asked, read: TableReading) -> Reading:
    said = read.words or (words(read.query) if read.query else "")
    return Reading(route="dataset", question=asked.question, words=said, unread=read.unread, table=read)


def _failed(asked: Asked, shown: Reading, error: CitewiseError, clock: Clock) -> Answer:
    return Answer(
        question=asked.question,
        reading=shown,
        abstained=True,
        confidence=0.0,
        missing=tuple(filter(None, (error.message, error.hint))),
        timings=clock.done(),
        dataset=info(asked.table),
    )


def is_sound(claims: Sequence[Claim]) -> bool:
    """Tell whether every claim passed its check."""
    return all(claim.verdict in (Verdict.COMPUTED, Verdict.QUOTED) for claim in claims)
