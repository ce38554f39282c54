"""Questions after what was never tried: of candidates, of a range of numbers, or of what others have."""

from __future__ import annotations

from assistant.runs.draft import Draft, wanted
from assistant.runs.page import Found
from kb.history import Wanted


def never(draft: Draft) -> bool:
    """What no run has: of candidates, of a range, or of what others have."""
    page = draft.page
    cue = (
        r"(?:never|skip(?:ped|s)?|untried|untested|not (?:yet )?(?:been "
        r")?(?:tried|tested|used|run|evaluated|cross - validated)"
        r"|(?:haven't|didn't|hasn't) (?:we )?(?:yet )?(?:tried|try|"
        r"tested|test|used|use|run)|missing|no run)"
    )
    if not page.has(cue):
        return False
    return _never_range(draft) or _never_of(draft, cue) or _never_state(draft)


def _never_range(draft: Draft) -> bool:
    page = draft.page
    found = page.find(r"(?:in|from|between|of)? ?(?P<low>N) (?:\. \.|-|–|to|and|through|until|\. \. \.) (?P<high>N)")
    names = [e for e in page.elements if e.code == "P"]
    low, high = (found.one("low"), found.one("high")) if found else (None, None)
    if found is None or len(names) != 1 or low is None or high is None or low.number is None or high.number is None:
        return False
    if high.number - low.number > 1000 or low.number != int(low.number) or high.number != int(high.number):
        return False
    found.use()
    draft.fields["candidates"] = tuple(range(int(low.number), int(high.number) + 1))
    return _never_named(draft, wanted(draft.use(names[0])))


def _never_named(draft: Draft, what: Wanted) -> bool:
    draft.select = "never_tried"
    draft.fields["wanted"] = (what,)
    draft.page.take(
        r"(?:which|what|did|does|do|has|have|any|ones|values?|of|"
        r"never|skip(?:ped)?|miss(?:ing)?|not|been|tried|tested|"
        r"used?|ran?|run|yet)(?: [a-z]+)*? (?:skip|miss)"
    )
    while draft.page.take(
        r"never|skip(?:ped|s)?|untried|untested|missing|tried|tested|"
        r"used|use|never|evaluated|cross (?:- )?validated|validated|"
        r"cross|yet"
    ):
        pass
    return True


def _never_of(draft: Draft, cue: str) -> bool:
    """`of A, B and C, which were never used`: at least one of them must be known, so that it is clear what they are."""
    page = draft.page
    found = page.find(
        r"(?:of|among|from|out of|between|:) (?P<list>(?:[^\s]+ "
        r")+?(?:and|or|&) [^\s]+(?: \. [^\s]+)?) (?:, )?(?:which|what|is|was|are|"
        r"did|were|any)"
    )
    if not found:
        found = page.find(
            r"(?:which|what) (?:of|among|from|out of) (?P<list>(?:[^\s]+ "
            r")+?(?:and|or|&) [^\s]+(?: \. [^\s]+)?) (?:was|were|did|is|has|have|never)"
        )
    if not found:
        return False
    names = _listed(draft, found)
    what = _kind_of(draft, names)
    if what is None:
        return False
    for at in found.at(0):
        element = page.elements[at]
        element.used = True
        if element.code == "C":
            element.item = ()
        elif element.code in "RMP":
            element.item = None
            element.code = "x"
    draft.fields["candidates"] = tuple(names)
    _modifiers(draft)
    return _never_named(draft, what)


def _listed(draft: Draft, found: Found) -> list[str]:
    """The candidates as they were written."""
    places = found.at("list")
    text = draft.page.text[draft.page.elements[places[0]].start : draft.page.elements[places[-1]].end]
    parts = text.replace(" and ", ",").replace(" or ", ",").replace("&", ",").split(",")
    return [part.strip().strip("'\"") for part in parts if part.strip()]


def _kind_of(draft: Draft, names: list[str]) -> Wanted | None:
    """What candidates are of: the named parameter, the parameter that has one of them as value, or the runs' names."""
    page, index = draft.page, draft.linked.names
    known = {name.lower() for name in names}
    holders = [
        each for each in index.params
        if any(str(v).lower() in known and index.scopes & places.keys() for v, places in each.values.items())
    ]  # fmt: skip
    said = [e for e in page.elements if e.code == "P"]
    for element in said:
        if element.item.logged in holders or not holders:
            return wanted(draft.use(element))
    if len(holders) == 1:
        return Wanted(field="param", name=holders[0].name)
    runs = [run for run in draft.linked.linker.vocabulary.runs if run.scope in draft.linked.scopes]
    if any((run.name or "").lower() in known for run in runs):
        return Wanted(field="name")
    return Wanted(field="id") if any(run.run_id.lower() in known for run in runs) else None


def _modifiers(draft: Draft) -> None:
    """Words that only describe the candidates, between `which` and what they are."""
    page = draft.page
    for at, element in enumerate(page.elements):
        after = page.elements[at + 1] if at + 1 < len(page.elements) else None
        before = page.elements[at - 1] if at else None
        if before is not None and before.code in ("which", "what") and after is not None and after.code == "P":
            element.used = True


def _never_state(draft: Draft) -> bool:
    """`Which entry points never had a finished run`: those that occur, without those that occur in such runs."""
    page = draft.page
    found = page.find(r"(?:which|what) (?P<name>[PT])(?: values?)? (?:[^\s]+ )*?never (?:[^\s]+ )*?(?P<c>C)")
    element, condition = (found.one("name"), found.one("c")) if found else (None, None)
    if found is None or element is None or condition is None:
        return False
    link = draft.use(element)
    scopes = draft.linked.scopes
    values = [v for v, places in link.logged.values.items() if scopes & places.keys()]
    if not values or not link.logged.whole:
        return False
    found.use("c")
    while page.take(r"never|had|got|one|single|a"):
        pass
    draft.fields["candidates"] = tuple(values)
    return _never_named(draft, wanted(link))
