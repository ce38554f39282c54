"""What several rules on a question about runs read: its metric, which figure of it, superlatives, groups, two sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistant.dataset.tokens import stem
from assistant.runs.draft import Draft, Filters, run_filter, wanted
from assistant.runs.lexicon import BEST, HIGH, LOW, WORST
from assistant.runs.named import RunLink
from assistant.runs.names import NameLink
from assistant.runs.page import Element, Found
from kb.history import RunFilter, Wanted

Rule = Callable[[Draft], bool]


RUNS = "(?:runs?|trials?|experiments?|jobs?|trainings?|backtests?|attempts?|versions?|commits?|models?)"


STEP = r"(?:steps?|epochs?|iterations?|rounds?|batch(?:es)?|generations?|it)"


SUP = "(?:" + "|".join(sorted(HIGH | LOW | BEST | WORST, key=len, reverse=True)) + ")"


DEEP = r"(?:deepest|steepest|heaviest)"


AGGREGATES = {
    "mean": "mean", "average": "mean", "avg": "mean", "median": "median", "total": "sum", "sum": "sum", "std": "std",
    "deviation": "std", "spread": "std", "min": "min", "minimum": "min", "max": "max", "maximum": "max",
}  # fmt: skip


AGG = r"(?:mean|average|avg|median|total|sum|std|standard deviation)"


FIELDS: dict[str, Any] = {
    "status": "status", "statuses": "status", "state": "status", "states": "status", "experiment": "experiment",
    "study": "experiment", "studies": "experiment", "tracker": "tracker", "dataset": "dataset", "outcome": "status",
    "folder": "source", "source": "source", "sweep": "experiment", "name": "name",
}  # fmt: skip


FIELD = "(?:" + "|".join(FIELDS) + ")"


KINDS = frozenset(
    map(stem, ("model", "estimator", "classifier", "algorithm", "architecture", "method", "regressor", "net"))
)


def pick_metric(draft: Draft, element: Element | None = None) -> bool:
    """Take the metric that the question names; the only or the objective one where it names none."""
    if draft.metric is not None:
        return True
    found = [element] if element is not None else [e for e in draft.page.elements if e.code == "M" and not e.used]
    if found:
        names = {e.item.logged.name for e in found}
        if len(names) > 1:
            return False
        for each in found:
            draft.metric = draft.use(each)
        return True
    return _objective(draft)


def _objective(draft: Draft) -> bool:
    """The metric that a study optimises, where trackers say so and the question asks for it by that word or by none."""
    if not draft.linked.scope_links and not draft.page.of("R"):
        return False
    metrics = draft.linked.names.metrics
    told = [each for each in metrics if each.direction]
    names = {each.name for each in told}
    if len(names) == 1 and not [e for e in draft.page.elements if e.code in ("P", "T") and not e.used]:
        draft.page.take(r"objectives?(?: values?)?|target(?: values?)?")
        draft.metric = NameLink(0, 0, told[0], 1.0)
        return True
    return False


def figure(draft: Draft) -> None:
    """Which of a metric's points: final, first, ever."""
    page = draft.page
    last = [
        r"at (?:the )?(?:very )?end(?: of (?:the )?(?:training|run|runs|search))?",
        rf"(?:in|at|on|after|from) (?:the|its|their) (?:very )?(?:final|last) {STEP}",
        (
            rf"(?:final|last|ending)(?: (?:logged|recorded|reported|"
            rf"seen))?(?: (?:value|values|{STEP}|score))?(?: of)?(?: "
            rf"the)?"
        ),
        r"(?:did|do|does)? ?(?:we|it|they)? ?end(?:ed|s)?(?: up)?(?: with| at| on)?",
    ]
    if [1 for pattern in last if page.take(pattern)]:
        draft.figure = "last"
    elif page.take(
        rf"(?:first|initial|starting)(?: logged| recorded)?(?: {STEP})?(?: values?)?|at the (?:start|beginning)"
    ):
        draft.figure = "first"
    elif page.take(
        rf"ever|peak|at any (?:point|time|{STEP})|during (?:the |its )?(?:run|training)"
        rf"|(?:over|across|in|of) (?:all|any|every) (?:its |the )?{STEP}|anywhere"
    ):
        draft.figure = "best"


def superlative(draft: Draft) -> str:
    """Take a superlative: best, worst, maximize or minimize; empty where there is none."""
    page = draft.page
    spread = page.take(
        r"(?:varied|varies|vary|fluctuated|scattered|differed) (least|most)|(?:most|least) (stable|consistent|variable)"
    )
    if spread:
        least = spread.text(1) == "least" or ("most" in spread.text(0) and spread.text(2) in ("stable", "consistent"))
        page.take(r"across (?:the )?(?:folds?|seeds?|splits?)")
        page.take(r"std|standard deviation|variance")
        return "minimize" if least else "maximize"
    found = page.take(rf"{SUP}|{DEEP}|fastest|quickest|shortest|longest|slowest")
    if not found:
        return ""
    word = found.text(0)
    page.take(SUP) if word in BEST | WORST else None
    if word in BEST:
        return "best"
    if word in WORST:
        return "worst"
    if word in LOW or word in ("fastest", "quickest", "shortest"):
        return "minimize"
    return "deep" if word in ("deepest", "steepest", "heaviest") else "maximize"


def apply_superlative(draft: Draft, word: str) -> None:
    """Set select and direction by a superlative."""
    draft.select = "worst" if word == "worst" else "best"
    if word in ("maximize", "minimize"):
        draft.fields["direction"] = word
    elif word == "deep" and draft.metric is not None:
        highs = [each.high for each in (draft.metric.logged, *draft.metric.same) if each.high is not None]
        high = max(highs, default=None)
        draft.fields["direction"] = "minimize" if high is not None and high <= 0 else "maximize"


def group_of(draft: Draft) -> Wanted | None:
    """Take what results are grouped by."""
    found = draft.page.take(
        rf"(?:per|by|for each|for every|grouped by|split by|in each|"
        rf"each|broken down by|depending on|across) (?:the )?(?:different "
        rf"|values? of )?"
        rf"(?:(?P<name>[PT])(?: (?:value|values|setting|settings|"
        rf"param|parameter|file|files|name))?|(?P<field>{FIELD}|"
        rf"run|runs|version|trial|model))"
    )
    if not found:
        return None
    element = found.one("name")
    if element is not None:
        return wanted(draft.use(element))
    word = found.text("field")
    return Wanted(field=FIELDS.get(word, "id"))


def side(draft: Draft, element: Element) -> Filters:
    """The runs that a condition or a run's name stands for."""
    element.used = True
    if element.code == "R":
        link: RunLink = element.item
        return (run_filter(draft, link),)
    filters: Filters = element.item
    return filters


def _shared(draft: Draft, first: Filters, second: Filters) -> tuple[Filters, Filters]:
    """What is said of the first side alone but holds for both: `small model frozen vs unfrozen`."""
    named = {(one.field, one.name) for one in second}
    if len(first) <= len(second) or not named <= {(one.field, one.name) for one in first}:
        return first, second
    draft.filters += [one for one in first if (one.field, one.name) not in named]
    return tuple(one for one in first if (one.field, one.name) in named), second


def two_sides(draft: Draft, found: Found, *groups: str) -> bool:
    """Set first and second from two groups of conditions."""
    sides = []
    for group in groups:
        filters: list[RunFilter] = []
        for at in found.at(group):
            element = draft.page.elements[at]
            if element.code in "CR" and len(element.code) == 1:
                filters += side(draft, element)
        sides.append(tuple(dict.fromkeys(filters)))
    if not all(sides) or sides[0] == sides[1]:
        return False
    sides = list(_shared(draft, sides[0], sides[1]))
    draft.fields["first"], draft.fields["second"] = sides
    found.use()
    return True


SIDE = (
    r"(?:(?:the|a|an|run|runs|plain|using|with|of|S|trials?)"
    r" )*(?:[CR](?: (?:and )?[C])*)(?: (?:runs?|trials?|ones?|"
    r"side|init|model|models|S|hydra run))*"
)
