"""What a question about runs asks for: rules on its page, the first that fits decides.

A rule takes the words it reads, sets the draft's parts, and tells whether it fitted.
"""

from __future__ import annotations

from assistant.runs.asks_aggregates import aggregate_by, aggregate_named, aggregates, duration, longest
from assistant.runs.asks_best import extremes, of_best
from assistant.runs.asks_compare import changed, compare, effect
from assistant.runs.asks_counts import counted, counts_by, distinct, unchanged
from assistant.runs.asks_never import never
from assistant.runs.asks_steps import best_step, epochs_by_run, limit_step, trend, windows
from assistant.runs.draft import Draft, wanted
from assistant.runs.names import NameLink
from assistant.runs.page import Element
from assistant.runs.pieces import RUNS, Rule, figure, pick_metric
from kb.history import Wanted


def why(draft: Draft) -> bool:
    """Reasons are not recorded with runs."""
    if draft.page.has(r"why|how come|reasons?|rationale|motivation|motivated|what made us|what for|justification"):
        draft.why = True
        return True
    return False


def traces(draft: Draft) -> bool:
    """What a traceback says."""
    found = draft.page.take(
        r"(?:what|which) (?:exception|error)(?: type| class| message)"
        r"? (?:killed|stopped|ended|crashed|made|did|was|broke|terminated|"
        r"caused|hit|brought)(?: (?:down|raised|by|in|the|crash|"
        r"fail|of))*"
        r"|(?:what|which) (?:exception|error) (?:was|did)"
    )
    kind = "exception" if found else ""
    if draft.page.take(
        r"(?:(?:died|failed|crashed|stopped|C) )?(?:on|with|because "
        r"of|due to|for|by|over)? ?(?:a|an|the)? ?missing (?:(?:python|"
        r"T|P) )?(?:module|package|library|import)(?: ,? ?which)"
        r"?"
    ):
        kind = "module"
    if not kind:
        return False
    tags = [t for t in draft.linked.names.logged if t.kind == "tag" and any("Traceback" in str(v) for v in t.values)]
    if len(tags) != 1:
        return False
    for element in draft.page.elements:
        if element.code == "C" and all(f.field == "state" for f in element.item):
            element.used, element.item = True, ()
    draft.select, draft.extract = "value", kind
    draft.fields["wanted"] = (Wanted(field="tag", name=tags[0].name),)
    return True


def listed(draft: Draft) -> bool:
    """Runs that meet conditions."""
    page = draft.page
    conditions = [e for e in page.elements if e.code == "C"]
    if not conditions or page.of("MPT"):
        return False
    if not page.has(r"which|list|any|what|show|are there|is there|name|give"):
        return False
    draft.select = "list"
    draft.fields["wanted"] = (Wanted(field="id"),)
    return True


def parameters(draft: Draft) -> bool:
    """Parameters of a run: those named, or all."""
    page = draft.page
    names = [e for e in page.of("PTM") if not e.used]
    everything = page.find(
        r"(?:all|every|full|whole|complete)(?: the| its| of the)"
        r"? (?:values?|params?|parameters|settings?|hyperparameters?|"
        r"config(?:uration)?|args)|(?:params?|config|configuration|"
        r"settings|hyperparameters|args|hparams)(?: \. yaml| yaml|"
        r" file)?"
    )
    if not names and everything:
        page.take(r"all (?:the )?values")
        while page.take(
            r"(?:what )?(?:in )?(?:params?|parameters|config|configuration|"
            r"settings|hyperparameters|args|hparams)(?: (?:\. )?(?:yaml|"
            r"json|file))?|values?|all|every|full|whole|yaml|\."
        ):
            pass
        draft.select = "params"
        return True
    if not names or any(e.code == "M" and not _is_setting(draft, e) for e in names):
        return False
    if page.has(rf"(?:which|what)(?: of)?(?: (?:the|our|these|those))* (?:S )*{RUNS}"):
        return False  # runs are asked for, by a condition that was not read
    draft.fields["wanted"] = tuple(dict.fromkeys(wanted(draft.use(e)) for e in names))
    draft.select = "params"
    page.take(r"how many|with")
    while page.take(r"settings?|config|params?|parameters|values?"):
        pass
    colon = page.find(
        r"(?P<w>[a-z]+) (?:settings|config|params|parameters|hyperparameters|"
        r"setup)(?: (?:in|of|for) [^:]*?)? :"
    )
    if colon and len(names) > 1:
        colon.use()
    return True


def _is_setting(draft: Draft, element: Element) -> bool:
    """A metric's name that is a parameter's as well: the parameter is asked for."""
    link: NameLink = element.item
    params = [each for each in (*link.same, *link.others) if each.kind == "param"]
    if len(params) != 1:
        return False
    element.item = NameLink(link.start, link.end, params[0], link.score)
    return True


def value(draft: Draft) -> bool:
    """One value of a metric."""
    page = draft.page
    figure(draft)
    elements = [e for e in page.of("M") if not e.used]
    if not elements or not pick_metric(draft):
        return False
    if len({e.item.runs for e in page.of("R")}) > 1:  # one value for each run that is named
        draft.select, draft.fields["group_by"] = "group", Wanted(field="id")
        return True
    draft.select = "value"
    return True


def objectives(draft: Draft) -> None:
    """`the objective` of trials: the one metric that a study optimises."""
    metrics = draft.linked.names.metrics
    told = [each for each in metrics if each.direction]
    if len({each.name for each in told}) != 1 or any(each.name.lower() == "objective" for each in metrics):
        return
    for element in draft.page.elements:
        if element.code in ("objective", "objectives"):
            element.code, element.item = "M", NameLink(0, 0, told[0], 1.0)


def not_that(draft: Draft) -> None:
    """`(not the averaged train_loss)`: a metric that is not meant."""
    for found in list(draft.page.all(r"(?:not|rather than|instead of) (?:the )?(?:[a-z]+ )?(?P<m>[MPT])")):
        found.use()
        for at in found.at():
            draft.page.elements[at].code = (
                "x" if draft.page.elements[at].code in "MPT" else draft.page.elements[at].code
            )
    for found in list(draft.page.all(r"(?:[a-z]+ ){1,3}\( (?P<m>[MP]) \)")):
        element = found.one("m")
        if element is not None and element.item.literal:  # words before a name in brackets explain it
            for at in found.at():
                other = draft.page.elements[at]
                other.used = other.used or (other is not element and other.code not in ("the", "of"))


FIRST_ASKS: tuple[Rule, ...] = (why, traces, windows, limit_step)
"""Asks whose words and numbers would be taken for conditions."""


ASKS: tuple[Rule, ...] = (
    changed, never, best_step, unchanged, effect, trend, compare, epochs_by_run, distinct,
    aggregate_by, counts_by, counted, duration, longest, aggregate_named, aggregates, of_best, extremes, listed,
    parameters, value,
)  # fmt: skip
