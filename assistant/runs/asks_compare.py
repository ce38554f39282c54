"""Questions that compare: what changed between two runs, a metric on two sides, the effect of a setting."""

from __future__ import annotations

from typing import Any

from assistant.runs.draft import Draft
from assistant.runs.names import NameLink
from assistant.runs.page import Found
from assistant.runs.pieces import AGG, SIDE, figure, pick_metric, side, two_sides
from kb.history import RunFilter, Wanted


def changed(draft: Draft) -> bool:
    """Parameters that differ between two runs."""
    page = draft.page
    runs = page.of("R")
    if len(runs) != 2 or [e for e in page.elements if e.code == "M"]:
        return False
    words = (
        r"(?:what|which) (?:did (?:we|they|you) )?(?:changed?|differs?|"
        r"differed)|(?:config|configs|settings?|params?|parameters|"
        r"args|hyperparameters?) (?:diffs?|differences?)"
        r"|differ(?:s|ed|ence|ences|ent)?|diff|changed?|changes"
    )
    if not page.take(words):
        return False
    while page.take(
        rf"{words}|(?:config|configuration|params?|parameters|settings?|"
        rf"args|hyperparameters?|hparams)(?: (?:yaml|\. yaml|file|"
        rf"values?))?|values?|between|vs|versus|from|to"
    ):
        pass
    aside = page.take(
        r"(?:(?:,|apart from|except(?: for)?|besides|ignoring|other "
        r"than|not counting) )?((?:(?:the )?[\w]+|P|T|,|and|&)(?: "
        r"(?:[a-z_]+|P|T|,|and|&))*?) aside|(?:apart from|except(?: "
        r"for)?|besides|ignoring|other than|not counting) ((?:(?:[a-z_]+|"
        r"P|T|,|and|&) ?)+)"
    )
    if aside:
        draft.fields["wanted"] = _left_aside(draft, aside)
    draft.fields["first"], draft.fields["second"] = (side(draft, each) for each in runs)
    draft.select = "changed"
    return True


def _left_aside(draft: Draft, found: Found) -> tuple[Wanted, ...]:
    """Parameters that a comparison is to leave out; each word must be the start of one."""
    names = []
    for at in found.at(1) or found.at(2):
        element = draft.page.elements[at]
        if isinstance(element.item, NameLink):
            names.append(element.item.logged.name)
            element.used = True
    return tuple(Wanted(field="param", name=name) for name in names)


def effect(draft: Draft) -> bool:
    """What a setting did to a metric: the mean with it minus the mean without."""
    page = draft.page
    verb = (
        r"(?:help(?:ed|s)?|hurt(?:s)?|improved?|harm(?:ed)?|matter(?:ed)"
        r"?|boost(?:ed)?|lower(?:ed)?|raised?|reduced?|increased?|"
        r"affect(?:ed)?|make|made|pay off|worsen(?:ed)?|better|worse)"
    )
    if not page.has(
        rf"(?:did|does|do|is|was|were|are|has) (?:[^\s]+ )*?(?:{verb}|beats?|outperform(?:s|ed)?)"
        rf"|(?:effect|impact|influence) of (?:[^\s]+ )*?on"
    ):
        return False
    if not pick_metric(draft, page.of("M")[0] if page.of("M") else None):
        return False
    minus = page.find(rf"(?P<a>{SIDE}) minus (?P<b>{SIDE})")
    over = page.find(
        rf"(?:did|does|is|was|were|are|do) (?P<a>{SIDE}) (?:[^\s]+ "
        rf")*?{verb} (?:[^\s]+ )*?(?:over|than|compared (?:to|with)"
        rf"|versus|vs|against|relative to) (?P<b>{SIDE})"
    )
    beat = page.find(rf"(?P<a>{SIDE}) (?:beats?|outperform(?:s|ed)?) (?P<b>{SIDE})")
    for found in (minus, over, beat):
        if found is not None and _effect_sides(draft, found):
            return True
    alone = page.find(rf"(?:did|does|do) (?P<a>{SIDE}) (?:[^\s]+ )*?{verb}")
    alone = alone or page.find(rf"(?:effect|impact|influence) of (?P<a>{SIDE}) (?:[^\s]+ )*?on")
    return alone is not None and _effect_alone(draft, alone)


def _effect_sides(draft: Draft, found: Found) -> bool:
    if not two_sides(draft, found, "a", "b"):
        return False
    first, second = draft.fields["first"], draft.fields["second"]
    for element in draft.page.elements:  # the same conditions said again, or named only in part
        if element.code == "C" and not element.used and set(element.item) & {*first, *second}:
            element.used, element.item = True, ()
        elif element.code == "C" and element.used:
            element.item = ()
    _finish_effect(draft)
    return True


def _effect_alone(draft: Draft, found: Found) -> bool:
    """With it against all others that do not have it."""
    element = next((draft.page.elements[at] for at in found.at("a") if draft.page.elements[at].code == "C"), None)
    if element is None or len(element.item) != 1:
        return False
    condition: RunFilter = element.item[0]
    others = [one for other in draft.page.of("C") for one in other.item if one.name == condition.name]
    if any(one != condition for one in others):
        return False  # two values of it are named: how they are compared was not read
    opposite: dict[str, Any] = {
        "ne": "eq",
        "eq": "ne",
        "present": "missing",
        "missing": "present",
        "gt": "le",
        "lt": "ge",
        "ge": "lt",
        "le": "gt",
    }
    if condition.op not in opposite:
        return False
    draft.fields["first"] = (condition,)
    draft.fields["second"] = (
        RunFilter(field=condition.field, op=opposite[condition.op], name=condition.name, value=condition.value),
    )
    found.use()
    element.item = ()
    for other in draft.page.of("C"):
        if not other.used and other.item and other.item[0].name == condition.name:
            other.used, other.item = True, ()
    _finish_effect(draft)
    return True


def _finish_effect(draft: Draft) -> None:
    verb = (
        r"help(?:ed|s)?|hurts?|improved?|harm(?:ed)?|matter(?:ed)"
        r"?|boost(?:ed)?|lower(?:ed)?|raised?|reduced?|increased?|"
        r"better|worse|worsen(?:ed)?"
    )
    draft.select = "effect"
    figure(draft)
    while draft.page.take(
        rf"{verb}|did|effect of|impact of|(?:mean |average )?differences?(?: "
        rf"(?:of|in) (?:the )?(?:means?|averages?))?|n(?: (?:per|"
        rf"on each|for each|of each|in each) (?:side|group|arm))?|"
        rf"{AGG}|with n|minus|over|than|per side|compared (?:to|"
        rf"with)|on"
    ):
        pass


def compare(draft: Draft) -> bool:
    """One metric of two runs, or of two kinds of runs."""
    page = draft.page
    cue = (
        r"vs|versus|compared? (?:to|with)|difference|gap|how close|"
        r"by how much|how much|minus|against|higher|lower|better|"
        r"worse|between"
    )
    if not page.has(cue) or not pick_metric(draft, page.of("M")[0] if page.of("M") else None):
        return False
    found = page.find(
        rf"(?P<a>{SIDE}) (?:, )?(?:vs|versus|minus|against|and|compare[sd]? "
        rf"(?:to|with)|(?:lower|higher|better|worse|smaller|larger|"
        rf"greater|less) than|than|over|or|to|,)(?: \.)? (?:(?:that|"
        rf"of|the|"
        rf"to) )*(?P<b>{SIDE})"
    )
    if found is None or not two_sides(draft, found, "a", "b"):
        return False
    for element in page.of("C"):
        if element.used:
            element.item = ()
    draft.select = "compare"
    for other in page.of("M"):
        if other.item.logged.name == (draft.metric.logged.name if draft.metric else ""):
            other.used = True
    figure(draft)
    flip = page.take(r"(?:of )?(?:the )?(second|latter)(?: one)?")
    if flip:
        draft.fields["first"], draft.fields["second"] = draft.fields["second"], draft.fields["first"]
    while page.take(
        rf"{cue}|big|large|(?:the )?(?:first|former)(?: one)?|how|gap|close|far apart|apart|differ(?:ence)?"
    ):
        pass
    return True
