"""Questions after the best or worst run, what it is known by, and its settings."""

from __future__ import annotations

from assistant.dataset.tokens import stem
from assistant.runs.draft import Draft, wanted
from assistant.runs.names import NameLink
from assistant.runs.page import Element, Found
from assistant.runs.pieces import DEEP, KINDS, SUP, apply_superlative, figure, pick_metric, superlative
from assistant.runs.tokens import plain_words


def extremes(draft: Draft) -> bool:
    """The run with the best, worst, highest or lowest value of a metric."""
    page = draft.page
    if not page.has(
        rf"{SUP}|{DEEP}|(?:varied|varies|vary) (?:least|most)|(?:most|least) (?:stable|consistent)|fastest|slowest"
    ):
        return False
    label = page.find(
        r"(?:and )?(?:the |its |which |what )?(?P<n>[PT])(?: \?|"
        r" of it|$)|(?:which|what) (?P<o>[PT]) (?:had|has|gave|got|"
        r"reached|was|is|achieved|performed|did|works?|worked)|best "
        r"(?:(?:[a-z]+|S) )*?(?P<p>P) (?:for|of|in)"
    )
    word = superlative(draft)
    if not word:
        return False
    if not pick_metric(draft) or draft.metric is None:
        spread = [m for m in draft.linked.names.metrics if stem("std") in m.name.lower()] if word else []
        if word not in ("minimize", "maximize") or len(spread) != 1:
            if not _objective_labelled(draft, label):
                return False
        else:
            draft.metric = NameLink(0, 0, spread[0], 1.0)
    if label:
        element = next((e for e in map(label.one, ("n", "o", "p")) if e is not None and not e.used), None)
        if element is not None and element is label.one("p") and not _value_too(draft):
            draft.of_best = (wanted(draft.use(element)),)
            _described(draft, element)
        elif element is not None:
            name = draft.use(element).logged.name
            _described(draft, element)
            draft.fields["labels"] = (name,)
            if set(plain_words(name)) & KINDS or element is label.one("o"):
                draft.label = name
    figure(draft)
    apply_superlative(draft, word)
    while page.take(rf"how (?:deep|high|low|much|good|bad|big|large|far)|the|{SUP}"):
        pass
    return True


def _value_too(draft: Draft) -> bool:
    """Tell whether the best value is asked for beside what had it: `and its objective`."""
    return draft.page.has(
        r"and (?:its|the|what|how)(?: (?:the|final|best|much|high|"
        r"low|objective|value|score|it|was|is))* ?(?:M|value|score|"
        r"objective)?"
    )


def _described(draft: Draft, element: Element) -> None:
    """Words before a bare symbol describe it: `window width h`."""
    elements = draft.page.elements
    at = elements.index(element)
    while at and len(element.item.logged.leaf) <= 2 and not elements[at - 1].used:
        at -= 1
        if elements[at].code in ("S", "C", "R", ",", "the"):
            break
        elements[at].used = True


def _objective_labelled(draft: Draft, label: Found | None) -> bool:
    """`best h for the study`: by the study's objective, naming a parameter."""
    if label is None:
        return False
    element = next((e for e in map(label.one, ("n", "o", "p")) if e is not None), None)
    told = [each for each in draft.linked.names.metrics if each.direction]
    if element is None or len({each.name for each in told}) != 1:
        return False
    draft.metric = NameLink(0, 0, told[0], 1.0)
    draft.page.take(r"(?:and )?(?:its |the )?objectives?(?: values?)?")
    element.used = True
    draft.of_best = (wanted(element.item),)
    _described(draft, element)
    return True


def of_best(draft: Draft) -> bool:
    """Parameters of the best run: `what lr did the best trial use`, `batch size of the run with the lowest loss`."""
    page = draft.page
    names = [e for e in page.of("PT") if not e.used]
    lead = page.find(
        rf"(?:what|which) (?:(?:P|T|,|and|&) )+(?:did|does|was|were)"
        rf" (?:[^\s]+ )*?(?:{SUP})|(?:P|T) (?:of|for|in|used by)"
        rf" (?:[^\s]+ )*?(?:run|runs|trial|model|version|one|S|C)"
        rf" (?:with|that had|having) (?:the )?(?:{SUP})|(?:P|T) "
        rf"(?:of|for|in) (?:the |our )?(?:{SUP}) (?:[a-zS]+ ){{0,2}}(?:run|"
        rf"trial|model|version)"
    )
    if not names or lead is None:
        return False
    word = superlative(draft)
    metrics = [e for e in page.of("M") if not e.used]
    if not word:
        return False
    if not metrics:
        told = [each for each in draft.linked.names.metrics if each.direction]
        if len({each.name for each in told}) != 1:
            return False
        draft.metric = NameLink(0, 0, told[0], 1.0)
    elif not pick_metric(draft):
        return False
    draft.of_best = tuple(dict.fromkeys(wanted(draft.use(e)) for e in names))
    figure(draft)
    apply_superlative(draft, word)
    return True
