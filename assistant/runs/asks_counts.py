"""Questions after how many runs there are, by what, which values occur, and what never changed."""

from __future__ import annotations

from assistant.runs.draft import Draft, wanted
from assistant.runs.names import NameLink
from assistant.runs.pieces import FIELD, FIELDS, RUNS, group_of
from kb.history import Wanted


def unchanged(draft: Draft) -> bool:
    """Metrics that are the same in all runs."""
    found = draft.page.take(
        r"(?:which|what) (?:[a-z]+ )*?(?:S )?metrics?(?: \( s \))"
        r"? (?:never|did not|didn't|have not|haven't) (?:moved?|"
        r"changed?|var(?:y|ied)|budged?)|(?:which|what) (?:[a-z]+ "
        r")*?(?:S )?metrics?(?: \( s \))? (?:stayed|remained|were|"
        r"was|is|are) (?:the same|constant|identical|unchanged)"
    )
    found = found or draft.page.take(
        r"(?:which|what) S metrics?(?: \( s \))? (?:never|did not|didn't) (?:moved?|changed?|var(?:y|ied)|budged?)"
    )
    if found:
        draft.select = "unchanged"
    return found is not None


def distinct(draft: Draft) -> bool:
    """Different values of a parameter, a tag, or of a metric over the steps."""
    page = draft.page
    found = page.find(
        r"(?:distinct|different|unique|various) (?:values? (?:of|"
        r"for) )?(?:the )?(?P<n>[PTM])(?: values?)?|(?:which|what)"
        r" (?:values? (?:of|for) )(?:the )?(?P<o>[PT])|(?:which|"
        r"what) (?P<p>[PT]) values|(?:values? )(?:of|for) (?:the "
        r")?(?P<q>[PT]) (?:were|have been|did we|was|are)|list (?:all "
        r")?(?:the )?(?P<r>[PT])(?= (?:in|of|used|that|S|for|from)"
        r")"
    )
    if not found or page.has(r"how many (?:distinct|different|unique)"):
        return False
    element = next((e for e in map(found.one, ("n", "o", "p", "q", "r")) if e is not None), None)
    if element is None:
        return False
    if element.code == "M":
        draft.metric = draft.use(element)
    else:
        draft.fields["wanted"] = (wanted(draft.use(element)),)
    found.use()
    for other in page.elements:  # the same thing, named before
        if other.code in ("P", "T", "M") and not other.used and _same_thing(other.item, element.item):
            other.used = True
    while page.take(
        r"list|constant (?:or|vs) (?:scheduled|varying|decayed)|"
        r"scheduled (?:or|vs) constant|constant|tried|tested|used|"
        r"explored|swept"
    ):
        pass
    draft.select = "distinct"
    return True


def _same_thing(one: NameLink, other: NameLink) -> bool:
    return (
        one.logged == other.logged
        or one.logged in other.others
        or other.logged in one.others
        or (one.logged.leaf.lower() == other.logged.leaf.lower())
    )


def counts_by(draft: Draft) -> bool:
    """Runs by the value of something."""
    page = draft.page
    many = r"(?:how many|number of|count of|nr of|no of|how often)"
    also = page.find(rf"{many} (?:[^\s]+ )*?(?:, )?(?:and )?(?:in|for|at|from|by) (?:which|what) (?P<f>{FIELD})")
    if also:
        draft.fields["group_by"] = Wanted(field=FIELDS[also.text("f")])
        for found in (page.take(many), page.take(rf"(?:and )?(?:in|for|at|from|by) (?:which|what) {FIELD}")):
            del found
        draft.select = "count"
        return True
    each = page.find(
        r"how often (?:was|were|did|is|has|have) (?:we )?(?:each|"
        r"every) (?P<n>[PT])(?: (?:file|value|setting|option|name)"
        r"s?)?(?: (?:been )?(?:used|tried|chosen|run|picked))?(?: "
        r"as (?:the )?[a-z]+)?"
    )
    if each:
        element = each.one("n")
        assert element is not None
        draft.fields["group_by"] = wanted(draft.use(element))
        each.use()
        draft.select = "count"
        return True
    field_counts = page.take(
        rf"(?P<f>{FIELD}) (?:counts?|distribution|breakdown)|(?:counts?|"
        rf"breakdown|distribution|numbers?) (?:by|per|of) (?P<g>{FIELD})"
    )
    if field_counts:
        name = field_counts.text("f") or field_counts.text("g")
        draft.fields["group_by"] = Wanted(field=FIELDS[name])
        draft.select = "count"
        return True
    if not page.has(rf"(?:{many}|counts?|breakdown|distribution)") or page.of("M"):
        return False
    group = group_of(draft)
    if group is None:
        return False
    page.take(many)
    _spelled(draft)
    draft.fields["group_by"] = group
    draft.select = "count"
    return True


def _spelled(draft: Draft) -> None:
    """`as the strategy param was spelled`: says again what runs are grouped by."""
    found = draft.page.find(
        r",? ?(?:exactly )?as (?:the )?(?P<n>[PT]) (?:param |parameter "
        r"|value |tag )?(?:was|is|were) (?:spelled|spelt|written|"
        r"logged|named)"
    )
    if found:
        found.use()


_COUNTING = frozenset(
    ["how", "many", "number", "of", "count", "nr", "no", "total", "the", "these", "our", "different", "distinct"]
)


def counted(draft: Draft) -> bool:
    """How many runs there are, or how many studies or different values."""
    page = draft.page
    different = page.find(r"(?:how many|number of) (?:different|distinct|unique) (?P<p>[PT])(?: values| settings)?")
    element = different.one("p") if different else None
    if different is not None and element is not None:
        draft.fields["wanted"] = (wanted(draft.use(element)),)
        different.use()
        draft.select = "count"
        return True
    if page.take(r"(?:how many|number of)(?: [a-z]+| S| different| distinct)? (?:studies|sweeps)"):
        draft.select = "count"
        draft.fields["wanted"] = (Wanted(field="experiment"),)
        return True
    found = page.find(
        rf"(?:how many|number of|count(?: of)?|nr of|no of|total "
        rf"number of)(?: (?:of the N|of the|of these|of our|of|different|"
        rf"distinct|single|actual|individual|separate|total|stored|"
        rf"N|S|C|[a-z]+) ?)*? ?(?:{RUNS}|S|C|ones)"
    )
    if not found or page.has(r"(?:how many|number of) (?:different |distinct )?[PTM](?! C)"):
        return False
    for at in found.at():
        element = page.elements[at]
        element.used = element.used or element.code in _COUNTING or element.code == "N"
    draft.select = "count"
    while page.take(r"at|different|distinct|stored|values"):
        pass
    return True
