"""Which run and which metric a number of a sentence belongs to, by where the words stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from assistant.check_names import MetricMention, Names, ParamMention, RunMention
from assistant.check_numbers import Number, numbers
from assistant.check_text import Sentence, blanked

MOST_NUMBERS = 60
"""Numbers that a sentence is read for; what has more is no sentence."""

_BREAK = re.compile(
    r";|:(?=\s)|(?:,\s*|\s+)(?:while|whereas|but|although|versus|vs\.?|compared (?:to|with)|against|than|instead of)\s+"
    r"|,\s+(?:and\s+)?(?=[\w`*])",
    re.IGNORECASE,
)
_STEP_BEFORE = re.compile(r"\b(?:step|epoch|iteration|round|batch no\.?)s?\s*(?:no\.?\s*)?[:=#]?\s*\Z", re.IGNORECASE)
_STEP_AFTER = re.compile(
    r"\A\s*-?\s*(?:training\s+|boosting\s+)?(?:steps?|epochs?|iterations?|rounds?)\b", re.IGNORECASE
)
_BEST_STEP = re.compile(r"\b(?:best|peak|optimal)\s+(?:step|epoch|iteration|round)\b", re.IGNORECASE)
_RUNS_AFTER = re.compile(r"\A\s+(?:\w+\s+){0,2}?(?:runs?|trials?|experiments?|trainings?)\b", re.IGNORECASE)
_BY = re.compile(
    r"\b(?:by|(?:gap|difference|margin|gain|improvement|drop|increase|decrease|delta) of)"
    r"\s*(?:about|around|roughly|only|just|some|~|≈)?\s*\Z",
    re.IGNORECASE,
)
_GAP = re.compile(r"\b(?:gap|difference|margin|delta|distance) between\b", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s+(?:about\s+|around\s+|roughly\s+|~)?\Z", re.IGNORECASE)
_TO = re.compile(r"\A[\s`*)]*(?:\(?[^\d(]{0,12}\)?)?\s*(?:to|→|->|up to|down to)\s+", re.IGNORECASE)
_NO_CLAIM = re.compile(
    r"\b(?:target|goal|aim(?:ed|ing)?|hope[ds]?|should|would|could|might|plan(?:ned|s)?|expect(?:ed)? (?:to|a|an)"
    r"|need(?:s|ed)? to|require[ds]?|neither|nor|never|not|[a-z]+n't|if|until|unless)\b",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\b(?P<up>above|over|more than|at least|greater than|higher than|exceed(?:s|ed|ing)?|beyond|past)\s+\Z"
    r"|\b(?P<down>below|under|less than|at most|lower than|smaller than|no more than)\s+\Z",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\A\s*(?:percentage\s+|absolute\s+)?(?:points?\s+)?"
    r"(?:better|worse|higher|lower|more|less|larger|smaller|faster|slower|points?|ahead|behind|above|below)\b",
    re.IGNORECASE,
)
_JOINS = re.compile(r"\A[\s(*`_]*(?:(?:in|on|of|for|as|points of)\s+)?(?:the\s+|its\s+)?[*`_]*\Z", re.IGNORECASE)
_LINK_WORDS = "of|for|in|\x00+|is|was|at|to|=|:|≈|~|about|around|roughly|up to|with|reached|stands at|equals?|:=|→"
_TIMES = re.compile(r"\A\s*(?:times|×|x|-?\s?fold)\b", re.IGNORECASE)
_ON_ITS_WAY = re.compile(
    r"\A[\s%]*(?:after|at|in|by)\s+(?:the\s+)?(?:one|two|three|four|five|six|ten|first|second|third|start|beginning)\b",
    re.IGNORECASE,
)
_LINKS = re.compile(rf"\A[\s`*_)]*(?:(?:{_LINK_WORDS})[\s`*]*){{0,3}}\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A number with what it belongs to; `role` is metric, difference, from,
    above, below, step, best_step, param, count or other.

    `runs` are the runs that it may be of (of a difference: the first side), `second` the other side of a difference.
    `unknown` is a name that looks like a run's and is none.
    """

    number: Number
    role: str
    run: RunMention | None = None
    second: RunMention | None = None
    metric: MetricMention | None = None
    param: ParamMention | None = None
    step: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bindings:
    """All that a sentence names, and its numbers with what they belong to."""

    runs: tuple[RunMention, ...]
    metrics: tuple[MetricMention, ...]
    numbers: tuple[Bound, ...]


def bind(sentence: Sentence, names: Names) -> Bindings:
    """Return the numbers of a sentence, each bound to the run, metric, step or parameter that it belongs to."""
    return _Binder(sentence, names).bindings()


class _Binder:
    """One sentence with all that it names."""

    def __init__(self, sentence: Sentence, names: Names) -> None:
        self.sentence, self.names = sentence, names
        self.text = sentence.plain
        self.runs = names.runs_in(self.text)
        # A name is no number and no metric: `f1-7` is a run.
        self.clean = _without(self.text, self.runs)
        self.metrics = names.metrics_in(self.clean)
        self.params = tuple(p for p in names.params_in(self.clean) if not _inside(p, self.metrics))
        bare = _without(self.clean, self.metrics)
        self.all = tuple(islice(numbers(_without(bare, self.params)), MOST_NUMBERS))
        self.clauses = self._clauses()

    def bindings(self) -> Bindings:
        roles = {id(number): self._role(number) for number in self.all}
        figures = [number for number in self.all if roles[id(number)] == "metric"]
        zipped = self._zipped(figures)
        steps = [number for number in self.all if roles[id(number)] == "step"]
        found = []
        for number in self.all:
            role = roles[id(number)]
            run = zipped.get(id(number)) or self._run_for(number)
            first, second = self._sides(number) if role == "difference" else (run, None)
            found.append(
                Bound(
                    number=number,
                    role=role,
                    run=first,
                    second=second,
                    metric=self._metric_for(number) or self._lent,
                    param=self._param_for(number),
                    step=self._step_for(number, steps) if role == "metric" else None,
                )
            )
        return Bindings(runs=self.runs, metrics=self.metrics, numbers=tuple(found))

    # -- roles -----------------------------------------------------------------------------------------------

    def _role(self, number: Number) -> str:
        before, after = self.clean[: number.start], self.clean[number.end :]
        if not number.decimal and _BEST_STEP.search(before) and self.metrics:
            return "best_step"
        if not number.decimal and (_STEP_BEFORE.search(before) or _STEP_AFTER.match(after)):
            return "step"
        if self._param_for(number) is not None:
            return "param"
        if not number.decimal and _RUNS_AFTER.match(after):
            return "count"
        if number.unit or _TIMES.match(after):
            return "other"
        gap = _GAP.search(before) is not None
        if (gap or _BY.search(before) or _POINTS.match(after)) and len(self.runs) >= 2:
            return "difference"
        if number.decimal or self._is_linked(number):
            named = self._metric_for(number) or self._lent or self.runs
            clause = self.clean[self._clause(number.start)[0] : number.start]
            return self._figure(before, after) if named and not _NO_CLAIM.search(clause) else "other"
        return "other"

    def _figure(self, before: str, after: str) -> str:
        """Return how a figure is meant: as a value, as where it came from, or as a bound."""
        if (_FROM.search(before) and _TO.match(after)) or _ON_ITS_WAY.match(after):
            return "from"
        bound = _BOUND.search(before)
        if bound and not any(run.end > bound.start() for run in self.runs if run.start < len(before)):
            return "above" if bound["up"] else "below"
        return "metric"

    def _is_linked(self, number: Number) -> bool:
        """Tell whether a whole number stands right beside a metric: `accuracy of 87`, `87 accuracy`."""
        before = any(_LINKS.match(self.clean[m.end : number.start]) for m in self.metrics if m.end <= number.start)
        after = any(_JOINS.match(self.clean[number.end : m.start]) for m in self.metrics if m.start >= number.end)
        return before or after

    def _param_for(self, number: Number) -> ParamMention | None:
        for param in reversed(self.params):
            if param.end <= number.start and _LINKS.match(self.clean[param.end : number.start]):
                return param
        for param in self.params:
            gap = self.clean[number.end : param.start]
            if param.start >= number.end and len(gap) <= 2 and not gap.strip(" `*"):
                return param
        return None

    def _step_for(self, number: Number, steps: Sequence[Number]) -> Number | None:
        return min(steps, key=lambda step: abs(step.start - number.start), default=None)

    # -- metrics ---------------------------------------------------------------------------------------------

    def _metric_for(self, number: Number) -> MetricMention | None:
        """Return the metric right after the number, else the last one before it, else the next, in its clause first."""
        for mention in self.metrics:
            if mention.start >= number.end and _JOINS.match(self.clean[number.end : mention.start]):
                return mention
        start, end = self._clause(number.start)
        near = self._nearest(number, start, end) or self._parallel(number, start, end)
        return near or self._nearest(number, 0, len(self.text))

    def _nearest(self, number: Number, start: int, end: int) -> MetricMention | None:
        inside = [m for m in self.metrics if start <= m.start and m.end <= end]
        before = [m for m in inside if m.end <= number.start]
        return before[-1] if before else next(iter(inside), None)

    def _parallel(self, number: Number, start: int, end: int) -> MetricMention | None:
        """Return the metric at the same place in the clause before: `A has 0.8 AUC and 0.7 F1; B has 0.9 and 0.6`."""
        mine = [one for one in self.all if start <= one.start < end and one.decimal]
        earlier = [clause for clause in self.clauses if clause[1] <= start]
        if len(mine) < 2 or not earlier or number not in mine:
            return None
        told = [m for m in self.metrics if earlier[-1][0] <= m.start < earlier[-1][1]]
        return told[mine.index(number)] if len(told) == len(mine) else None

    @cached_property
    def _lent(self) -> MetricMention | None:
        """Return the one metric that the line before, or the heading above, speaks of."""
        for text in (self.sentence.before, self.sentence.lead):
            found = self.names.metrics_in(blanked(text)) if text else ()
            kinds = {(one.base, one.split) for one in found}
            if len(kinds) == 1:
                return found[0]
        return None

    # -- runs ------------------------------------------------------------------------------------------------

    def _zipped(self, figures: Sequence[Number]) -> dict[int, RunMention]:
        """Return runs by number where as many figures of one metric as runs are named: they go in the same order."""
        by_metric: dict[object, list[Number]] = {}
        for number in figures:
            metric = self._metric_for(number) or self._lent
            by_metric.setdefault((metric.base, metric.split) if metric else None, []).append(number)
        runs = list({run.text: run for run in reversed(self.runs)}.values())[::-1]
        if len(runs) < 2:
            return {}
        lists = [found for found in by_metric.values() if len(found) == len(runs)]
        return {id(n): run for found in lists for n, run in zip(found, runs, strict=True)}

    def _run_for(self, number: Number) -> RunMention | None:
        if not self.runs:
            return self._run_before
        if (found := self._in_brackets(number)) is not None:
            return found
        start, end = self._clause(number.start)
        inside = [run for run in self.runs if start <= run.start and run.end <= end]
        before = [run for run in inside if run.end <= number.start]
        if before:
            return before[-1]
        if inside:
            return inside[0]
        earlier = [run for run in self.runs if run.end <= number.start]
        return earlier[-1] if earlier else self.runs[0]

    def _in_brackets(self, number: Number) -> RunMention | None:
        """Return the run of `0.9 (RUN)`, of `RUN (0.9)`, or that stands with the number inside brackets."""
        text = self.text
        opened = text.rfind("(", 0, number.start)
        if opened >= 0 and ")" not in text[opened : number.start]:
            closed = text.find(")", number.end)
            inside = [
                run for run in self.runs if opened < run.start and run.end <= (closed if closed >= 0 else len(text))
            ]
            if inside:
                return inside[0]
            before = [run for run in self.runs if run.end <= opened]
            return before[-1] if before else None
        match = re.match(r"[\s`*%]*(?:\w+[\s`*]*){0,4}\(", text[number.end :])
        if match:
            at = number.end + match.end()
            closed = text.find(")", at)
            inside = [run for run in self.runs if at <= run.start and run.end <= (closed if closed >= 0 else len(text))]
            if inside and not any(at <= other.start < closed for other in self.all):
                return inside[0]
        return None

    @cached_property
    def _run_before(self) -> RunMention | None:
        """Return the one run that the sentence before or the heading above speaks of."""
        for text in (self.sentence.before, self.sentence.lead):
            found = self.names.runs_in(blanked(text)) if text else ()
            if len({run.text for run in found}) == 1:
                return found[0]
        return None

    def _sides(self, number: Number) -> tuple[RunMention | None, RunMention | None]:
        before = [run for run in self.runs if run.end <= number.start]
        pair = before[-2:] if len(before) >= 2 else list(self.runs[:2])
        return (pair[0], pair[1]) if len(pair) == 2 else (None, None)

    # -- clauses ---------------------------------------------------------------------------------------------

    def _clauses(self) -> list[tuple[int, int]]:
        """Return the stretches between words that part clauses, where both sides hold a run or a number."""
        cuts = [0]
        for match in _BREAK.finditer(self.clean):
            if self._inside_brackets(match.start()):
                continue
            plain = match[0].strip().startswith(",") and match[0].strip(" ,").lower() in ("", "and")
            later = [run for run in self.runs if run.start >= match.end()]
            if not plain or (later and any(cuts[-1] <= run.start < match.start() for run in self.runs)):
                cuts.append(match.end())
        return list(zip(cuts, [*cuts[1:], len(self.text)], strict=True))

    def _inside_brackets(self, at: int) -> bool:
        return self.text.count("(", 0, at) > self.text.count(")", 0, at)

    def _clause(self, at: int) -> tuple[int, int]:
        return next((one for one in reversed(self.clauses) if one[0] <= at), (0, len(self.text)))


def _without(text: str, mentions: Sequence[RunMention | MetricMention | ParamMention]) -> str:
    """Return a text with mentions blanked by letters, so that no digit of theirs counts as a number."""
    for mention in mentions:
        text = text[: mention.start] + "\x00" * (mention.end - mention.start) + text[mention.end :]
    return text


def _inside(param: ParamMention, metrics: Sequence[MetricMention]) -> bool:
    return any(m.start <= param.start and param.end <= m.end for m in metrics)
