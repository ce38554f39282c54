"""Conditions on runs in a question's page: each that is read becomes one element C with its filters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from assistant.dataset.lexicon import COMPARISON_PHRASES
from assistant.dataset.tokens import bag
from assistant.runs.draft import Draft, value_filter
from assistant.runs.lexicon import RUN_NOUNS, STATE_OF
from assistant.runs.names import COMMON, NameLink
from assistant.runs.page import Element, Found
from kb.history import RunFilter, Scalar
from kb.vocabulary import Logged

_OPS = tuple((phrase, op) for phrase, op in COMPARISON_PHRASES)
_BE = (
    r"(?:(?:is|are|was|were|be|of|at|to|=|equals?|exactly|set|"
    r"stays?|stayed|remain(?:s|ed)?|the|a|value|values|about)"
    r" )*"
)
_NAN = r"(?:nans?|infs?|infinite|infinity)"
_EVERY = (
    r"(?: (?:in|at|over|for|through|across|during) (?:every|"
    r"each|all|any|the whole|the entire)(?: single)? ?(?:epochs?|"
    r"steps?|iterations?|points?|training|run)?)"
)


def read_conditions(draft: Draft) -> None:
    """Turn every condition of the page into an element C."""
    for rule in (
        promote,
        started_on, adjectives, skip_odd, odd, epochs_done, finished_states, switches,
        presence, fields_present,
        signs,
        metric_limits, number_limits, value_pairs, lone_values,
    ):  # fmt: skip
        rule(draft)


def merge(found: Found, filters: tuple[RunFilter, ...], group: int | str = 0) -> None:
    """Put a condition in place of the elements that said it."""
    found.page.merge(found.at(group), "C", filters)


def _each(draft: Draft, pattern: str, made: Callable[[Found], tuple[RunFilter, ...] | None]) -> None:
    """Merge each match into a condition; a match that gives none is passed over."""
    passed = 0
    while True:
        free = (f for f in draft.page.all(pattern) if not any(draft.page.elements[at].used for at in f.at()))
        found = next((f for i, f in enumerate(free) if i >= passed), None)
        if found is None:
            return
        filters = made(found)
        if filters is None:
            passed += 1
        else:
            merge(found, filters)


_OWN = bag("status state states experiment study dataset tracker source")
"""Fields of a run itself, whatever tags are called."""
_GAVE = bag("had has gave gives got reached achieved performed works worked did was is")


def promote(draft: Draft) -> None:
    """Common words that are a parameter's name where a number, `per` or `param` stands beside them."""
    elements = draft.page.elements
    for at, element in enumerate(elements):
        link = element.item
        if not isinstance(link, NameLink) or len(element.code) == 1:
            continue
        after = elements[at + 1].code if at + 1 < len(elements) else ""
        before = elements[at - 1].code if at else ""
        listed = _beside(elements, at)
        if element.code in _OWN and before in ("per", "by", "each"):
            continue
        step_like = element.code in ("step", "steps", "epoch", "iteration", "run", "runs", "trial", "version")
        cued = (
            listed
            or (after in ("N", "=", "param", "parameter", "values") and not step_like)
            or (before in ("per", "by", "each", "every", "param", "parameter") and link.score >= 0.9 and not step_like)
        )
        counted = before == "N" and link.score >= 0.97 and link.logged.kind == "param" and element.code not in RUN_NOUNS
        asked = before in ("which", "what") and after in _GAVE and not step_like and element.code not in RUN_NOUNS
        if (cued or counted or (asked and link.score >= 0.97)) and link.logged.kind in ("param", "tag", "metric"):
            element.code = {"metric": "M", "param": "P", "tag": "T"}[link.logged.kind]


def _beside(elements: list[Element], at: int) -> bool:
    """Tell whether an element stands in a list with names: `lr, epochs and growth`."""
    joints = (",", "and", "&", "/")
    before = at > 1 and elements[at - 1].code in joints and elements[at - 2].code in ("P", "T")
    after = at + 2 < len(elements) and elements[at + 1].code in joints and elements[at + 2].code in ("P", "T")
    return before or after


def adjectives(draft: Draft) -> None:
    """`frozen` where a parameter freeze was logged: it is set; `unfrozen`: it is not."""
    for at, element in enumerate(draft.page.elements):
        after = draft.page.elements[at + 1].code if at + 1 < len(draft.page.elements) else ""
        if element.code == "P" and (after in ("N", "=", "of", "is") or _is_name(draft, element)):
            continue
        known = element.code in COMMON or (len(element.code) == 1 and element.code not in "VP")
        if known or not draft.page.said(element).replace("-", "").isalpha():
            continue
        found = draft.linked.names.adjective(draft.page.said(element).lower())
        if found is not None:
            logged, there = found
            element.code, element.item = "C", (_switched(logged, there),)


def _is_name(draft: Draft, element: Element) -> bool:
    """Tell whether a word is a parameter's name just as it was logged."""
    leaf: str = element.item.logged.leaf
    return draft.page.said(element).lower() == leaf.lower()


def _switched(logged: Logged, on: bool) -> RunFilter:
    """The condition that something is set: true, or for what is no switch, anything but none."""
    if any(isinstance(value, bool) for value in logged.values):
        return RunFilter(field="param", name=logged.name, value=on)
    op: Any = "ne" if on else "eq"
    return RunFilter(field="param", op=op, name=logged.name, value=None)


def skip_odd(draft: Draft) -> None:
    """`ignoring NaN runs`: leave them out."""
    leave = (
        r"(?:leav(?:e|ing)|ignor(?:e|ing)|exclud(?:e|ing)|without|"
        r"except|skip(?:ping)?|drop(?:ping)?|minus|not counting|"
        r"disregarding)"
    )
    found = draft.page.take(
        rf"{leave} (?:out )?(?:(?:the|all|any) )*{_NAN}(?: (?:ones|runs?|values?|versions?|trials?))?(?: out| aside)?"
    )
    if found:
        draft.fields["skip_odd"] = True


def odd(draft: Draft) -> None:
    """`have NaN generator loss`, `loss is NaN`."""
    lead = r"(?:(?:blew up|diverged|exploded) (?:, )?(?:i . e . )?(?:, )?(?:so )?)?"
    pattern = (
        rf"{lead}(?:(?:have|has|had|with|having|whose|a|an|got|ended "
        rf"with|show|shows) )*{_NAN} (?:(?:as|for|in|the|final|last|"
        rf"a) )*(M)|(M) {_BE}(?:(?:went|goes|turned|became|become|"
        rf"end(?:ed|s)?|up|as|to) )*{_NAN}"
    )

    def made(found: Found) -> tuple[RunFilter, ...]:
        element = found.one(1) or found.one(2)
        assert element is not None
        return (RunFilter(field="metric", op="odd", name=draft.limited(element)),)

    _each(draft, pattern, made)


def epochs_done(draft: Draft) -> None:
    verbs = r"(?:got through|made it through|ran|went through|completed|finished|reached|did|trained for|get through)"
    _each(
        draft,
        (
            rf"{verbs} (?:all|every|the full number)(?: of)?(?: (?:their|"
            rf"its|the|his|configured|planned|requested|set|\d+|max))"
            rf"* (?:epochs?|P)"
        ),
        lambda found: (RunFilter(field="finished_epochs", op="eq", value=True),),
    )


def finished_states(draft: Draft) -> None:
    """`failed`, `never finished`, `did not complete`."""
    states = "|".join(sorted(STATE_OF, key=len, reverse=True))
    negated = r"(?:not|never|didn't|don't|doesn't|didnt|n't|hasn't|haven't|un)"
    fill = r"(?:(?:actually|properly|really|ever|successfully|cleanly|have|has|had|been|was|were|get|got) )*"

    def made(found: Found) -> tuple[RunFilter, ...] | None:
        state = STATE_OF[found.text("state")]
        if found.text("state") in ("complete", "running", "failure", "broke") and not found.text("not"):
            return None
        op: Any = "ne" if found.text("not") else "eq"
        return (RunFilter(field="state", op=op, value=state),)

    _each(
        draft,
        rf"(?:(?P<not>{negated}) )?{fill}(?P<state>{states})(?: (?:properly|cleanly|successfully|ok|normally))?",
        made,
    )


def presence(draft: Draft) -> None:
    """`logged no params whatsoever`, `with tracked params`, `have metric values`, `without M`."""
    what = r"(?P<what>params?|parameters?|hyperparameters?|metrics?(?: values?)?|P|M|T|tags?)"
    lead = (
        r"(?:(?:log|logged|have|has|had|having|with|recorded|stored|carry|contain|actually|really|tracked|any|that) )"
    )
    no = r"(?:(?P<no>no|without|lacking|missing|lack|not a single|never logged|zero|0) )"

    def made(found: Found) -> tuple[RunFilter, ...] | None:
        element = found.one("what")
        text, missing = found.text("what"), bool(found.text("no"))
        op: Any = "missing" if missing else "present"
        if text in ("P", "M", "T") and element is not None:
            link = draft.use(element)
            return (RunFilter(field=link.logged.kind, op=op, name=link.logged.name),)  # type: ignore[arg-type]
        kind: Any = "metric" if text.startswith("metric") else "tag" if text.startswith("tag") else "param"
        return (RunFilter(field=kind, op=op),)

    _each(
        draft,
        (
            rf"{lead}*{no}(?:(?:any|logged|tracked|recorded|stored) )"
            rf"*{what}(?: (?:whatsoever|at all|logged|values?|recorded)"
            rf")*"
        ),
        made,
    )
    _each(
        draft,
        (
            r"(?:with|have|has|having|logged|had|carry) (?:(?:any|tracked|"
            r"recorded|stored|actual|logged) )*(?P<no>)(?P<what>params|"
            r"parameters|hyperparameters|metrics|metric values?)(?: "
            r"(?:at all|logged|values?))*(?! (?:yaml|file|json|\.))"
        ),
        made,
    )
    _each(
        draft,
        (
            r"(?:(?:launched|started|run|ran|called) )?(?:with|having|"
            r"that (?:have|has|had)) (?:(?:any|a|an|command|line|explicit)"
            r" )*(?P<no>)(?P<what>T)(?! (?:N|V|=|of))"
        ),
        made,
    )


def switches(draft: Draft) -> None:
    """`had freeze set`, `with augment off`."""

    def made(found: Found) -> tuple[RunFilter, ...] | None:
        element = found.one("p")
        if element is None:
            return None
        on = found.text("how") in ("set", "enabled", "on", "activated", "turned on", "switched on")
        return (_switched(draft.use(element).logged, on),)

    how = r"(?P<how>set|enabled|on|activated|turned on|switched on|off|disabled|unset|not set|turned off)"
    _each(draft, rf"(?:(?:have|has|had|with|having|were|was) )?(?P<p>P) {how}(?! (?:to|N|V|the))", made)


def fields_present(draft: Draft) -> None:
    """`that has an end time`."""
    field_: dict[str, Any] = {"end": "ended", "start": "started", "finish": "ended"}
    _each(
        draft,
        r"(?:have|has|had|with|logged|log|report(?:ed)?) (?:a|an|any) (?:(?:final|last) )?(?P<m>M)"
        r"(?: (?:logged|recorded|stored|values?|at all))*(?! (?:N|"
        r"above|below|over|under|of|is|was|[<>=]|higher|lower|better|"
        r"worse|greater|less|more|at|different|equal|other|not|non|nan|between|under))",
        lambda found: (RunFilter(field="metric", op="present", name=draft.limited(found.one("m"))),),  # type: ignore[arg-type]
    )
    _each(
        draft,
        r"(?:that |which )?(?:has|have|had|with|having) (?:a|an|the)? ?(end|start|finish) (?:time|date|timestamp)",
        lambda found: (RunFilter(field=field_[found.text(1)], op="present"),),
    )


def number_of(element: Element, logged: Logged | None) -> float | int:
    """A number as it was logged: a percentage of a share is that share."""
    number = element.number if element.number is not None else 0.0
    if element.percent:
        known = [v for v in (logged.values if logged else ()) if isinstance(v, (int, float))]
        if not known or max(known) <= 1:
            number /= 100
    return int(number) if number == int(number) else number


def metric_limits(draft: Draft) -> None:
    """`return different from zero`, `show 0.0 as last Train loss`, `mAP50 zero in every epoch`, `loss above 2`."""
    figure = r"(?P<figure>(?:(?:final|last|first|initial|best|ever|peak|logged) )*)"
    tail = rf"(?P<every>{_EVERY})?"
    for phrase, op in (*_OPS, (r"not", "ne"), (r"", "eq")):
        comparing = f"(?:{phrase}) " if phrase else ""
        _each(draft, rf"{figure}(?P<m>M) {_BE}{comparing}{_BE}(?P<n>N){tail}", lambda f, op=op: _limit(draft, f, op))  # type: ignore[misc]
        if phrase != "not":
            _each(
                draft,
                (
                    rf"(?:(?:show|shows|showed|have|has|had|with|reached|got|"
                    rf"logged) )?{comparing}(?P<n>N) (?:as|for) (?:(?:the|their|"
                    rf"its) )*{figure}(?P<m>M){tail}"
                ),
                lambda f, op=op: _limit(draft, f, op),  # type: ignore[misc]
            )


def signs(draft: Draft) -> None:
    """`a negative return`, `loss is negative`."""

    def made(found: Found) -> tuple[RunFilter, ...] | None:
        element = found.one("m") or found.one("n")
        if element is None:
            return None
        op: Any = "lt" if "negative" in found.text(0) else "gt"
        return (RunFilter(field="metric", op=op, name=draft.limited(element), value=0),)

    lead = r"(?:(?:had|have|has|with|got|ended with|ended at|ended|end|ends|a) )*"
    _each(draft, rf"{lead}(?:negative|positive) (?:(?:final|last) )?(?P<m>M)|(?P<n>M) {_BE}(?:negative|positive)", made)


def _limit(draft: Draft, found: Found, op: str) -> tuple[RunFilter, ...] | None:
    metric, number = found.one("m"), found.one("n")
    if metric is None or number is None or _steps_follow(found):
        return None
    name = draft.limited(metric)
    link: NameLink = metric.item
    figure: Any = "last"
    every = found.text("every")
    if "first" in found.text("figure") or "initial" in found.text("figure"):
        figure = "first"
    elif every:
        figure = "low" if op in ("gt", "ge") else "high"
        if "any" in every.split():
            figure = "high" if op in ("gt", "ge") else "low"
    elif any(word in found.text("figure") for word in ("best", "ever", "peak")):
        figure = "best"
    value = number_of(number, link.logged)
    filters = [RunFilter(field="metric", op=op, name=name, value=value, figure=figure)]  # type: ignore[arg-type]
    if every and op == "eq" and value == 0:
        filters.append(RunFilter(field="metric", op=op, name=name, value=value, figure="low"))  # type: ignore[arg-type]
    return tuple(filters)


def _steps_follow(found: Found) -> bool:
    last = found.at(0)[-1] + 1
    after = found.page.elements[last : last + 1]
    return bool(after) and (after[0].code in ("-", "–", "P") or after[0].code in RUN_NOUNS)


def number_limits(draft: Draft) -> None:
    """`batch size 5`, `lr = 0.1`, `kn above 20`, `22 trees`, `3-cluster`."""
    for phrase, op in (*_OPS, (r"", "eq")):
        comparing = f"(?:{phrase}) " if phrase else ""
        _each(draft, rf"(?P<p>P) {_BE}{comparing}{_BE}(?P<n>N)(?! (?:- )?P)", lambda f, op=op: _param(draft, f, op))  # type: ignore[misc]
    _each(draft, r"(?P<n>N) (?:- )?(?P<p>P)(?! (?:= )?N)", lambda f: _param(draft, f, "eq"))
    _each(draft, rf"(?P<p>P) {_BE}(?P<n>N)", lambda f: _param(draft, f, "eq"))


def _param(draft: Draft, found: Found, op: str) -> tuple[RunFilter, ...] | None:
    param, number = found.one("p"), found.one("n")
    if param is None or number is None or not isinstance(param.item, NameLink) or _steps_follow(found):
        return None
    link = draft.use(param)
    value: Scalar = number_of(number, link.logged)
    return (RunFilter(field="param", op=op, name=link.logged.name, value=value),)  # type: ignore[arg-type]


def value_pairs(draft: Draft) -> None:
    """A value beside its own name: `optimizer adam`, `adam optimizer`."""

    def made(found: Found) -> tuple[RunFilter, ...] | None:
        name, value = found.one("p"), found.one("v")
        if name is None or value is None:
            return None
        link = _value_of(value.item, name.item.logged, draft)
        if link is None:
            return None
        name.used = True
        draft.mentions.append(link)
        return (value_filter(link),)

    _each(draft, rf"(?P<p>[PT]) {_BE}(?P<v>V)", made)
    _each(draft, r"(?P<v>V) (?:- )?(?P<p>[PT])", made)


def _value_of(link: NameLink, logged: Logged, draft: Draft) -> NameLink | None:
    """The same value as one of a given name, where it has it."""
    if link.logged == logged:
        return NameLink(link.start, link.end, logged, 1.0, value=link.value, is_value=True, contains=link.contains)
    if logged in link.others:
        return NameLink(link.start, link.end, logged, 1.0, value=link.value, is_value=True, contains=link.contains)
    return None


def lone_values(draft: Draft) -> None:
    """A value by itself is a condition on what has it."""
    for element in draft.page.elements:
        if element.code == "V":
            link = element.item
            draft.mentions.append(link)
            if not link.sure:
                draft.doubts.append(draft.page.said(element))
            element.code, element.item = "C", (value_filter(link),)


_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), start=1,
    )
    for name in names.split()
}  # fmt: skip


def started_on(draft: Draft) -> None:
    """`22 Jan`: runs that started on that day, of the year in which some did."""
    months = "|".join(_MONTHS)
    linked = draft.linked
    starts = [
        datetime.fromtimestamp(run.started, UTC)
        for run in linked.linker.vocabulary.runs
        if run.scope in linked.scopes and run.started is not None
    ]

    def made(found: Found) -> tuple[RunFilter, ...] | None:
        element, month = found.one("n") or found.one("o"), _MONTHS[found.text("m") or found.text("p")]
        day = element.number if element is not None else None
        year = found.one("y")
        years = {at.year for at in starts if at.month == month and at.day == day}
        years = years if year is None else {int(year.number or 0)}
        if len(years) != 1 or day is None:
            return None
        return (RunFilter(field="started", value=f"{years.pop()}-{month:02d}-{int(day):02d}"),)

    _each(
        draft,
        (
            rf"(?:on |from )?(?:(?P<n>N) (?:of )?(?P<m>{months})|(?P<p>{months})"
            rf" (?P<o>N))(?: ,)?(?: (?P<y>N))?"
        ),
        made,
    )
