"""Check a report that a person wrote: every number and comparison against the runs and documents that are stored.

Each claim is bound to the run, metric, split and step that its sentence or table names; what is no claim is left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from assistant import check_judge as judge
from assistant.check_bind import Bindings, Bound, bind
from assistant.check_judge import CONTRADICTS, MATCHES, NO_RECORD, WRONG, Judged
from assistant.check_names import MetricMention, RunMention, base_of, distinct, names_for
from assistant.check_numbers import around
from assistant.check_table import judged_cells
from assistant.check_text import Grid, Sentence, parts
from kb import runs as run_store
from kb import schema
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.runs import RunRow
from kb.store import Catalogue
from kb.types import AnyCitation

LONGEST = 5_000_000
MOST_RIVALS = 5_000
MOST_NEAR = 50

_HOW = r"(?:is|was|are|were|did|does|performs?|performed|works?|worked)?\s*(?:slightly |clearly |much |far |even )?"
_BETTER = (
    r"beats?|beating|outperform(?:s|ed|ing)?|surpass(?:es|ed|ing)?|(?:is|was|are|were)?\s*ahead of|exceed(?:s|ed)|tops|"
    rf"{_HOW}(?:better than|superior to)|won against|wins over|improve[sd]? (?:on|upon|over)"
)
_WORSE = (
    rf"{_HOW}(?:worse than|inferior to)|underperform(?:s|ed)|los(?:es|t) (?:to|against)|trails|(?:is|was)?\s*behind|"
    r"falls? short of|(?:is|was) (?:beaten|outperformed|surpassed) by|"
    r"(?:is |was |does |did )?not (?:do )?(?:quite )?as (?:good|well) as"
)
_COMPARED = re.compile(rf"\b(?:(?P<worse>{_WORSE})|(?P<better>{_BETTER}))\b", re.IGNORECASE)
_RELATION = re.compile(r"\b(?P<sense>higher|lower|larger|smaller|greater)\b.{0,80}?\bthan\b", re.IGNORECASE)
_SENSES = {"higher": "higher", "larger": "higher", "greater": "higher", "lower": "lower", "smaller": "lower"}
_EXTREME = re.compile(r"\b(best|worst|highest|lowest|top|greatest|smallest|largest|leading|winning)\b", re.IGNORECASE)
_EXTREMES = {
    "best": "best", "top": "best", "leading": "best", "winning": "best", "worst": "worst", "highest": "highest",
    "greatest": "highest", "largest": "highest", "lowest": "lowest", "smallest": "lowest",
}  # fmt: skip
_OF_A_RUN = re.compile(
    r"\A\s+(?:epoch|step|iteration|checkpoint|guess|practice|case|effort|of (?:its|the) )", re.IGNORECASE
)
_NO_SUPERLATIVE = re.compile(r"(?:\b(?:its|second|third|next|one of the|among the)\s+|'s\s+|-)\Z", re.IGNORECASE)
_ABOUT = re.compile(r"(?:\b(?:about|roughly|around|almost|nearly|circa|approximately|close to|some)|~|≈)\s*\Z", re.I)
_NEGATED = re.compile(r"(?:\b(?:not|never|cannot|fails? to|failed to|neither)|n't)\s+(?:\w+\s+){0,2}\Z", re.IGNORECASE)
_SPREAD = re.compile(r"±|\+/-|\b(?:mean|average|averaged|median|std|standard deviation|on average)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A claim of the report: where it stands, what it says, and what is stored about it."""

    line: int
    claim: str
    value: str | None
    status: str
    said: str
    citations: tuple[AnyCitation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A report's claims in its order."""

    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that contradict what is stored."""
        return tuple(one for one in self.findings if one.status in WRONG)

    @property
    def counts(self) -> dict[str, int]:
        """How many claims there are by status."""
        return dict(Counter(one.status for one in self.findings))


def check(kb: KnowledgeBase, text: str) -> Checked:
    """Return every claim of a report with what is stored about it. Raises BadInput for a text that is none."""
    if len(text) > LONGEST:
        raise BadInput(f"a report of more than {LONGEST:,} characters", hint="check its parts one after the other")
    if "\x00" in text[:10_000]:
        raise BadInput("the report is no text", hint="write it as Markdown or plain text")
    return Checked(findings=tuple(_Checking(kb, text).findings()))


class _Checking:
    """One report against one knowledge base."""

    def __init__(self, kb: KnowledgeBase, text: str) -> None:
        self.kb = kb
        self.parts = tuple(parts(text))
        self.names = names_for(kb.catalogue, text)
        self._rivals: dict[str | None, tuple[RunRow, ...]] = {}

    def findings(self) -> Iterator[Finding]:
        for part in self.parts:
            if isinstance(part, Grid):
                yield from self._cells(part)
            else:
                yield from self._sentence(part)

    def _cells(self, grid: Grid) -> Iterator[Finding]:
        for line, cell, told, judged in judged_cells(grid, self.names, self.kb.catalogue):
            yield Finding(
                line=line, claim=told, value=cell, status=judged.status, said=judged.said, citations=judged.cited
            )

    # -- sentences -------------------------------------------------------------------------------------------

    def _sentence(self, sentence: Sentence) -> Iterator[Finding]:
        bound = bind(sentence, self.names)
        for one in bound.numbers:
            judged = self._number(one, bound, sentence)
            if judged is not None:
                yield _finding(sentence, one.number.start, one.number.text, judged)
        for at, judged in (*self._comparisons(sentence, bound), *self._extremes(sentence, bound)):
            yield _finding(sentence, at, None, judged)

    def _number(self, one: Bound, bound: Bindings, sentence: Sentence) -> Judged | None:
        if one.role == "param" and one.param is not None:
            return judge.param(one.number, one.run, one.param.leaf) if one.run else None
        if one.role == "difference":
            if one.run is None or one.second is None:
                return None
            return judge.difference(one.number, one.run, one.second, one.metric)
        if one.role == "count":
            return self._count(one, sentence)
        if one.role in ("above", "below"):
            return judge.bounded(one.number, one.run, one.metric, one.role == "above") if one.run else None
        if one.role == "from" and one.run:
            return judge.moved_from(one.number, one.run, one.metric, self.kb.catalogue)
        if one.role == "best_step" and one.run and one.metric:
            return judge.best_step(one.number, one.run, one.metric)
        if one.role != "metric":
            return None
        return self._value(one, sentence)

    def _value(self, one: Bound, sentence: Sentence) -> Judged | None:
        step = int(one.step.value) if one.step is not None else None
        if one.run is None:
            return self._of_no_run(one, sentence) if one.metric else None
        judged = judge.value(one.number, one.run, one.metric, step, self.kb.catalogue)
        if judged.status == judge.WRONGLY and _ABOUT.search(sentence.plain, 0, one.number.start):
            return Judged(status=judge.ROUNDED, said=judged.said, cited=judged.cited)
        if judged.status in (CONTRADICTS, NO_RECORD, judge.WRONGLY) and _SPREAD.search(sentence.plain):
            return Judged(status=NO_RECORD, said=f"a figure over several runs or values; {judged.said}")
        return judged

    def _of_no_run(self, one: Bound, sentence: Sentence) -> Judged | None:
        assert one.metric is not None
        judged = judge.any_run(one.number, one.metric, self._at_hand() or stored_near(self.kb.catalogue, one))
        if judged.status == NO_RECORD:
            return self._in_documents(one, sentence) or judged
        return self._extreme_value(one, sentence, judged) or judged

    def _extreme_value(self, one: Bound, sentence: Sentence, judged: Judged) -> Judged | None:
        """Judge a value said to be the best of all, whoever's it is: no run of the same experiment may be better."""
        match = _EXTREME.search(sentence.plain, 0, one.number.start)
        if match is None or one.metric is None or not judged.cited or _OF_A_RUN.match(sentence.plain, match.end()):
            return None
        cited = judged.cited[0]
        if not self._at_hand() and not self._one_experiment(one.metric):
            return None
        rivals = self._of_experiment(cited.experiment, ())
        owner = next((run for run in rivals if run.run_id == cited.run_id), None)
        if owner is None:
            return None
        mention = RunMention(start=0, end=0, text=owner.run_id, runs=(owner,))
        found = judge.extreme(mention, one.metric, _EXTREMES[match[1].lower()], rivals)
        return found if found.status == CONTRADICTS else None

    def _one_experiment(self, metric: MetricMention) -> bool:
        """Tell whether a metric was logged in one experiment only, so that *the best* can mean nothing else."""
        m, r = schema.run_metrics, schema.runs
        names = sorted(self.names.metrics.get(metric.base, ()))
        query = select(r.c.experiment).join(m, m.c.run_id == r.c.id).where(m.c.name.in_(names[:100])).distinct()
        with self.kb.catalogue.read() as conn:
            return len(conn.execute(query.limit(2)).all()) == 1

    def _in_documents(self, one: Bound, sentence: Sentence) -> Judged | None:
        """Return where a document says the same number of the same matter."""
        from assistant.check_documents import said_in

        return said_in(self.kb, sentence.text, one.number)

    def _at_hand(self) -> tuple[RunRow, ...]:
        """Return the runs of the experiments that the report's runs belong to."""
        named = [run for rows in self.names.by_name.values() for run in rows]
        found = {run.pk: run for key in {run.experiment for run in named} for run in self._of_experiment(key, named)}
        return tuple(found.values())

    def _of_experiment(self, experiment: str | None, named: Sequence[RunRow]) -> tuple[RunRow, ...]:
        if experiment is None:
            return tuple(run for run in named if run.experiment is None)
        if experiment not in self._rivals:
            found = run_store.runs(self.kb.catalogue, experiment=experiment, deleted=False, loose=False)
            self._rivals[experiment] = found[:MOST_RIVALS]
        return self._rivals[experiment]

    def _count(self, one: Bound, sentence: Sentence) -> Judged | None:
        """Judge a number of runs where the sentence or the heading names the experiment."""
        named = [run for rows in self.names.by_name.values() for run in rows]
        text = f"{sentence.text} {sentence.lead}".lower()
        told = {run.experiment for run in named if run.experiment and run.experiment.lower() in text}
        if len(told) != 1 or re.search(
            r"\b(?:plan|next|more|another|of the|failed|best|last|first)\b", sentence.text, re.I
        ):
            return None
        (experiment,) = told
        n = len(self._of_experiment(experiment, named))
        status = MATCHES if int(one.number.value) == n else CONTRADICTS
        return Judged(status=status, said=f"{n} runs are stored in {experiment}")

    # -- comparisons -----------------------------------------------------------------------------------------

    def _comparisons(self, sentence: Sentence, bound: Bindings) -> Iterator[tuple[int, Judged]]:
        for match in (*_COMPARED.finditer(sentence.plain), *_RELATION.finditer(sentence.plain)):
            before = [run for run in bound.runs if run.end <= match.start()]
            after = [run for run in bound.runs if run.start >= match.end()]
            metric = _metric_near(bound, match.start(), match.end())
            if not before or not after or metric is None:
                continue
            first, second = before[-1], after[0]
            if not first.runs or not second.runs:
                continue
            if _NEGATED.search(sentence.plain, 0, match.start()):
                continue
            if "sense" in match.groupdict():
                yield match.start(), judge.order(first, second, metric, _SENSES[match["sense"].lower()])
            elif match["worse"]:
                yield match.start(), judge.order(second, first, metric, "better")
            else:
                yield match.start(), judge.order(first, second, metric, "better")

    def _extremes(self, sentence: Sentence, bound: Bindings) -> Iterator[tuple[int, Judged]]:
        match = _EXTREME.search(sentence.plain)
        runs = {run.text for run in bound.runs}
        if match is None or len(runs) != 1 or not bound.runs[0].runs:
            return
        if _OF_A_RUN.match(sentence.plain, match.end()) or _NO_SUPERLATIVE.search(sentence.plain, 0, match.start()):
            return
        if re.search(rf"\bof\s+[`*]*{re.escape(bound.runs[0].text)}\b", sentence.plain):
            return
        metric = _metric_near(bound, match.start(), match.end())
        if metric is None:
            return
        run = bound.runs[0]
        rivals = self._of_experiment(run.runs[0].experiment, run.runs)
        yield match.start(), judge.extreme(run, metric, _EXTREMES[match[1].lower()], rivals)


def _metric_near(bound: Bindings, start: int, end: int) -> MetricMention | None:
    """Return the metric that a comparison is about: the nearest one that the sentence names, else what it leans on."""
    if bound.metrics:
        return min(bound.metrics, key=lambda one: min(abs(one.start - end), abs(start - one.end)))
    return next((one.metric for one in bound.numbers if one.metric is not None), None)


def _finding(sentence: Sentence, at: int, value: str | None, judged: Judged) -> Finding:
    return Finding(
        line=sentence.line(at),
        claim=sentence.text.strip(),
        value=value,
        status=judged.status,
        said=judged.said,
        citations=judged.cited,
    )


def stored_near(catalogue: Catalogue, one: Bound) -> tuple[RunRow, ...]:
    """Return runs whose last value of the metric may be the number, whatever they are called."""
    assert one.metric is not None
    m = schema.run_metrics
    with catalogue.read() as conn:
        names = [name for name in distinct(conn, m.c.name) if base_of(name) == one.metric.base]
        near = m.c.last.between(*around(one.number))
        query = select(m.c.run_id).where(m.c.name.in_(names[:100]), near).order_by(m.c.run_id).limit(MOST_NEAR)
        pks = list(dict.fromkeys(conn.scalars(query)))
    return run_store.runs(catalogue, pks=pks, deleted=False)


def check_json(file: str, checked: Checked) -> dict[str, Any]:
    """Return the object that `check` prints."""
    from assistant.wire import citation_json

    return {
        "file": file,
        "ok": not checked.wrong,
        "counts": checked.counts,
        "claims": [
            {
                "line": one.line,
                "claim": one.claim,
                "value": one.value,
                "status": one.status,
                "detail": one.said,
                "citations": [citation_json(cited) for cited in one.citations],
            }
            for one in checked.findings
        ],
    }
