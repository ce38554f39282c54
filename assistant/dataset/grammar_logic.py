"""Conditions of a plain question that need its logic: what is excluded, yes-or-no columns, a column against another,
numbers said behind (`65 or over`, `aged 30 to 40`), none of something, and which conditions stand side by side with or.
"""

from __future__ import annotations

import itertools

from assistant.dataset.draft import Draft, Limits
from assistant.dataset.lexicon import ENTITIES
from assistant.dataset.link import Column, Mention
from assistant.dataset.page import VERB, Found, Page
from assistant.dataset.steps import AnyOf, Col, Compare, Condition, Const, Scalar
from assistant.dataset.tokens import bag, number_value, stem

_STEMS = frozenset(stem(word) for word in ENTITIES)
_RELATIVE = r"(?:(?:where|with|whose|when|having|for|of|if|and|who|that|which|are|is|have|has|had|only|but|among) )*"
_NOT = (
    r"(?:(?:but |and |, )?(?:all )?(?:(?:all|everyone|everybody|everything|anyone) but|exclud(?:ing|e|es|ed)|"
    r"except(?: for| from| in| of)?|omit(?:ting)?|"
    r"non|n't|ignoring|disregarding|"
    r"(?:not|never)(?: (?:counting|including|include|considering|in|from|for|at|on|of|with|among|by|being|"
    r"those|ones))*|"
    r"without|outside(?: of)?|besides|(?:other|apart|aside) (?:than|from)(?: for)?|leaving out|OTHER(?: for)?)"
    r"(?: (?:in|from|for|those|ones|people|of))*)"
)


def read_logic(draft: Draft, page: Page) -> None:
    """Read what is excluded, flags, comparisons of columns and numbers said behind, into `draft.limits`."""
    _excluded_values(draft, page)
    _listed_values(draft, page)
    _stated_flags(draft, page)
    _held_flags(draft, page)
    _against_columns(draft, page)
    _said_behind(draft, page)
    _ages(draft, page)
    _none_of(draft, page)
    _numbers_before(draft, page)


def _limit(draft: Draft, found: Found, condition: Condition, *mentions: Mention) -> None:
    for mention in mentions:
        draft.use(mention)
    draft.limit(condition, found.clause, found.said, *found.span())
    found.take()


def _negation(page: Page) -> str:
    """The words that exclude, with the symbols of `other than` on this page."""
    others = [e.code for e in page.elements if e.code[0] == "O" and e.code[1:].isdigit() and e.item == "ne"]
    return _NOT.replace("OTHER", "(?:" + "|".join(others or ["#"]) + ")")


def _excluded_values(draft: Draft, page: Page) -> None:
    inside = r"(?:(?:in|from|for|of|at) )?"
    for found in page.find(
        rf"{_RELATIVE}(?:(?P<c>{{C}}) )?(?:(?:is|are|was|were) )*neither {inside}(?P<v>{{V}}) nor {inside}(?P<w>{{V}})"
    ):
        mentions = found.items("V")
        names = {mention.column for mention in (*mentions, *found.items("C"))}
        if len(names) == 1:
            _limit(draft, found, none_of(names.pop(), tuple(mention.value for mention in mentions)), *mentions)
    negation = _negation(page)
    for found in page.find(rf"{_RELATIVE}(?P<c>{{C}}) (?:(?:is|are|was|were) )?{negation} (?:either )?(?P<v>{{VS}})"):
        if _grouped(found):
            continue
        column, mentions = found.items("C", "c")[0], found.items("V", "v")
        values = tuple(dict.fromkeys(mention.value for mention in mentions))
        if all(mention.column == column.column for mention in mentions):
            _limit(draft, found, none_of(column.column, values), column, *mentions)
    for found in page.find(rf"{_RELATIVE}(?P<c>{{C}}) (?:(?:is|are|was|were) )?{negation} (?P<n>{{NS}})"):
        column = found.items("C", "c")[0]
        numbers = tuple(number_value(item[0]) for item in found.items("N", "n"))
        if draft.column(column.column).whole and not any(item[1] for item in found.items("N", "n")):
            _limit(draft, found, none_of(column.column, numbers), column)
    for found in page.find(rf"(?:(?:that|who|which|where|with|is|are|was|were) )*{negation} (?P<v>{{VS}})"):
        mentions = found.items("V", "v")
        names = {mention.column for mention in mentions}
        if len(names) != 1 or (found.said.lower().startswith(("where", "with")) and "C" in found.match.group()):
            continue
        values = tuple(dict.fromkeys(mention.value for mention in mentions))
        _limit(draft, found, none_of(mentions[0].column, values), *mentions)


def _grouped(found: Found) -> bool:
    """Tell whether the column stands behind a word of grouping."""
    start = found.span("c")[0]
    return bool(start) and found.page.elements[start - 1].code in ("by", "per", "each", "every", "across")


def none_of(name: str, values: tuple[Scalar, ...]) -> Condition:
    """The column holds none of the values; a missing one does not count."""
    return Compare("ne", Col(name), Const(values[0])) if len(values) == 1 else Compare("not_in", Col(name), values)


def _listed_values(draft: Draft, page: Page) -> None:
    """`where department is Sales or HR`."""
    for found in page.find(
        rf"{_RELATIVE}(?P<c>{{C}}) (?:(?:is|are|was|were|in|being|equals|either|one|of|O\d+) )+"
        rf"(?P<v>{{V}}(?:(?: ,)?(?: or| ,) {{V}})+)"
    ):
        column, mentions = found.items("C", "c")[0], found.items("V", "v")
        operators = found.items("O")
        if all(op == "eq" for op in operators) and all(mention.column == column.column for mention in mentions):
            values = tuple(dict.fromkeys(mention.value for mention in mentions))
            _limit(draft, found, Compare("in", Col(column.column), values), column, *mentions)


# -- yes or no --------------------------------------------------------------------------------------------------------


def _flag(draft: Draft, found: Found, *, yes: bool) -> bool:
    mention = found.items("C", "c")[0]
    column = draft.column(mention.column)
    if column.yes is None:
        return False
    _limit(draft, found, Compare("eq", Col(column.name), Const(column.yes if yes else column.no)), mention)
    return True


def _stated_flags(draft: Draft, page: Page) -> None:
    for found in page.find(
        rf"{_RELATIVE}(?P<c>{{C}}) (?:(?:is|are|was|were|of|being|equals|O\d+|:) )+(?P<v>yes|no|true|false|N\d+)"
    ):
        word = found.group("v")
        if any(op != "eq" for op in found.items("O")):
            continue
        if word.startswith("N"):
            known = draft.column(found.items("C", "c")[0].column)
            number = number_value(page.item(word)[0])
            if known.yes is None or number not in (known.yes, known.no):
                continue
            _flag(draft, found, yes=number == known.yes)
        else:
            _flag(draft, found, yes=word in ("yes", "true"))


def _held_flags(draft: Draft, page: Page) -> None:
    """`with a garage`, `without a garage`, `excluding returned orders`, `not remote`, `returned orders only`."""
    negation = _negation(page)
    noun = r"(?= (?P<e>[a-z]+)(?: |$)|$)"
    for found in page.find(
        rf"(?:(?:that|who|which|and|but|are|is|were|was|did|do|does|have|has|had|been|be|from) )*{negation} "
        rf"(?:(?:been|be|have|has|had|a) )*(?P<c>{{C}})(?! (?:O|N)\d+)"
    ):
        if not _compares(found):
            _flag(draft, found, yes=False)
    for found in page.find(r"(?:(?:that|who|which) )?(?:with|having|have|has|had) (?P<c>{C})(?! (?:O|N)\d+| is| are)"):
        if not _compares(found):
            _flag(draft, found, yes=True)
    for found in page.find(
        r"(?:(?:that|who|which) )(?:(?:have|has|had|were|was|are|is|been|got) )*(?P<c>{C})(?! (?:O|N|V)\d+| is| are)"
    ):
        _flag(draft, found, yes=True)
    for found in page.find(r"(?P<e>[a-z]+) (?P<c>{C})(?= \?| \.|$| in | and | by | per |, )"):
        mention = found.items("C", "c")[0]
        if stem(found.group("e")) in _STEMS | draft.linker.entity_stems and mention.score == VERB:
            _flag_only(draft, found)
    for found in page.find(
        r"(?P<w>V\d+|~|[a-z]+) (?P<c>{C})(?= \?| \.|$| in | by | per |, | who | that | O\d| with | aged )"
    ):
        named = page.said(*found.span("c")).lower()
        before = found.group("w")
        column = found.items("C", "c")[0].column.lower()
        plural = named.endswith("s") and not named.endswith("ss") and not column.endswith("s")
        who = stem(before) in _STEMS | draft.linker.entity_stems
        spoken = plural and (before[0] in "V~" or before in ("of", "for", "among"))
        spoken = spoken or (" the " in f" {named} " and (who or before[0] == "V"))
        if spoken and not _compares(found) and not _shared(page, found):
            _flag_only(draft, found)
    for found in page.find(r"(?:with |and |but |have |has |, )no (?P<c>{C})"):
        _flag(draft, found, yes=False)
    for found in page.find(rf"(?P<w>(?:for|of|among|in|from|only|many|,|and) )(?P<c>{{C}}){noun}"):
        start = found.span()[0]
        before = page.elements[start - 1].code if start else ""
        entity = stem(found.match.groupdict().get("e") or "") in _STEMS | draft.linker.entity_stems
        grouped = before in ("by", "per", "each")
        asks = {"are", "is", "were", "was", "have", "has", "had"} & {e.code for e in page.elements[found.span()[1] :]}
        shared = before in ("share", "percentage", "proportion", "percent", "fraction", "rate") and not asks
        if entity and not grouped and not shared and not _compares(found):
            _flag_only(draft, found)


def _shared(page: Page, found: Found) -> bool:
    """Tell whether a share of the flag itself is asked for, which has rules of its own."""
    start = found.span("c")[0]
    lead = {element.code for element in page.elements[max(0, start - 2) : start]}
    asks = {"are", "is", "were", "was", "have", "has"} & {e.code for e in page.elements[start:]}
    return bool(lead & bag("share percentage proportion percent fraction rate by per each")) and not asks


def _flag_only(draft: Draft, found: Found) -> None:
    """A flag before a noun; `many` of how many stays for the count."""
    if _flag(draft, found, yes=True):
        start = found.span("c")[0]
        for element in found.page.elements[found.span()[0] : start]:
            element.used = element.code == "~" or (
                element.used and element.code in ("for", "among", "only", "and", ",")
            )


def _compares(found: Found) -> bool:
    """Tell whether both sides of the flag are spoken of: they are groups."""
    name = found.items("C", "c")[0].column
    said = [e for e in found.page.elements if e.code[0] == "C" and e.code[1:].isdigit() and e.item.column == name]
    return len(said) > 1


# -- a column against another -----------------------------------------------------------------------------------------

_GREATER = r"(?P<gt>exceed(?:s|ed|ing)?|(?:above|over)|(?:greater|higher|larger|more|bigger|better) than)"
_LESS = r"(?P<lt>below|under|(?:less|lower|smaller|fewer) than)"
_OPS = {"gt": "gt", "lt": "lt"}


def _against_columns(draft: Draft, page: Page) -> None:
    """`where high exceeds low`, `price above list_price`, `more goals than assists`."""
    be = r"(?:(?:is|was|are|were|did|be|strictly) )*"
    gap = r"(?:(?:its|their|of) )*"
    for found in page.find(rf"{_RELATIVE}(?P<c>{{C}}) {be}(?:{_GREATER}|{_LESS}|(?P<o>{{O}})) {gap}(?P<d>{{C}})"):
        groups = found.match.groupdict()
        op = page.item(groups["o"]) if groups["o"] else "gt" if groups["gt"] else "lt"
        _compare_columns(draft, found, op)
    for found in page.find(
        rf"{_RELATIVE}(?P<w>more|fewer|less|higher|lower|greater|larger|smaller) (?P<c>{{C}}) than (?P<d>{{C}})"
    ):
        _compare_columns(draft, found, "gt" if found.group("w") in ("more", "higher", "greater", "larger") else "lt")


def _compare_columns(draft: Draft, found: Found, op: str) -> None:
    first, second = found.items("C", "c")[0], found.items("C", "d")[0]
    kinds = {draft.column(each.column).kind for each in (first, second)}
    if first.column != second.column and (
        kinds == {"number"} or kinds == {"date"} or (kinds == {"text"} and op in ("eq", "ne"))
    ):
        _limit(draft, found, Compare(op, Col(first.column), Col(second.column)), first, second)


# -- numbers ----------------------------------------------------------------------------------------------------------

_UP = r"(?:or|and) (?:over|above|more|older|higher|greater|up|upwards?|longer|larger|later)"
_DOWN = r"(?:or|and) (?:under|below|less|fewer|younger|lower|smaller|shorter)"


def _said_behind(draft: Draft, page: Page) -> None:
    """`quantity of 10 or more`, `3 or more rooms`, `aged 65 or over`, `65+`."""
    be = r"(?:(?:is|are|was|were|of|:) )*"
    for op, tail in (("ge", rf"(?:{_UP}|\+)"), ("le", _DOWN)):
        for pattern in (rf"(?P<c>{{C}}) {be}(?P<n>{{N}}) {tail}", rf"(?P<n>{{N}}) {tail} (?P<c>{{C}})"):
            for found in page.find(rf"{_RELATIVE}{pattern}"):
                mention, (value, percent) = found.items("C", "c")[0], page.item(found.group("n"))
                if draft.numeric(mention.column) and not percent:
                    _limit(draft, found, Compare(op, Col(mention.column), Const(number_value(value))), mention)


def age_column(draft: Draft) -> Column | None:
    """The only number column that holds ages."""
    ages = [column for column in draft.linker.columns if "age" in column.parts and column.kind == "number"]
    return ages[0] if len(ages) == 1 else None


def _ages(draft: Draft, page: Page) -> None:
    """`aged 30 to 40`, `aged 65 or over`, `between 30 and 40 years old`, `under 21` of people."""
    column = age_column(draft)
    if column is None:
        return
    years = r"(?: (?:years?(?: (?:old|of age))?|inclusive|~))*"
    aged = rf"{_RELATIVE}(?:aged?|ages|in age group)(?: from| between| C\d+)*"
    pair = r"(?P<a>{N}) (?:to|and|-|–|through) (?P<b>{N})"
    for pattern in (rf"{aged} {pair}{years}", rf"{_RELATIVE}(?:between|from) {pair} years(?: old| of age)"):
        for found in page.find(pattern):
            low, high = (number_value(page.item(found.group(key))[0]) for key in "ab")
            _limit(draft, found, Compare("between", Col(column.name), (low, high)))
    for op, tail in (("ge", rf"(?:{_UP}|\+)"), ("le", _DOWN)):
        for found in page.find(rf"{_RELATIVE}(?P<w>aged?|who|are|people|those)? ?(?P<n>{{N}}){years} {tail}{years}"):
            old = "older" in found.said.lower() or "younger" in found.said.lower() or "year" in found.said.lower()
            if (found.group("w").startswith("age") or old) and not page.item(found.group("n"))[1]:
                _limit(draft, found, Compare(op, Col(column.name), Const(number_value(page.item(found.group("n"))[0]))))
    for found in page.find(rf"{aged} (?P<o>{{O}})? ?(?P<n>{{N}}){years}"):
        op = page.item(found.group("o")) if found.match.groupdict().get("o") else "eq"
        _limit(draft, found, Compare(op, Col(column.name), Const(number_value(page.item(found.group("n"))[0]))))


def _none_of(draft: Draft, page: Page) -> None:
    """`with no discount`, `zero goals`, `without children`: nought of a number that counts or may be nought."""
    for found in page.find(rf"{_RELATIVE}(?P<w>no|zero|without) (?P<c>{{C}})"):
        mention = found.items("C", "c")[0]
        column = draft.column(mention.column)
        nought = column.kind == "number" and column.yes is None and column.low == 0
        if nought and column.present == _rows(draft, column):
            _limit(draft, found, Compare("eq", Col(column.name), Const(0)), mention)


def _rows(draft: Draft, column: Column) -> int:
    """The most values that any column has: the number of rows, as far as the reading knows it."""
    return max(each.present for each in draft.linker.columns)


def _numbers_before(draft: Draft, page: Page) -> None:
    """`3 bedroom houses`, `with 2 or 3 bedrooms`, `exactly 3 rooms`."""
    for found in page.find(r"(?:(?P<w>with|having|have|has|had|of|for|in|O\d+) )(?P<n>{NS}) (?P<c>{C})(?! (?:O|N)\d+)"):
        mention = found.items("C", "c")[0]
        column = draft.column(mention.column)
        if found.group("w").startswith("O") and page.item(found.group("w")) != "eq":
            continue
        numbers = tuple(number_value(item[0]) for item in found.items("N", "n"))
        known = {value for value, _ in column.values}
        if not column.categorical and not (column.whole and column.distinct <= 50):
            continue
        if column.kind != "number" or any(item[1] for item in found.items("N", "n")) or not set(numbers) <= known:
            continue
        if len(numbers) == 1:
            _limit(draft, found, Compare("eq", Col(column.name), Const(numbers[0])), mention)
        elif " and " not in found.group("n"):
            _limit(draft, found, Compare("in", Col(column.name), numbers), mention)


# -- or ---------------------------------------------------------------------------------------------------------------

_BETWEEN = bag(
    "where who that which with whose when either those people have has had is are was were in for from of than the"
)


def join_alternatives(draft: Draft) -> None:
    """Conditions with `or` between them hold one or the other, where it is plain which belong together."""
    _same_again(draft)
    limits = sorted(draft.limits, key=lambda limit: limit.at)
    chains: list[list[Limits]] = []
    for limit in limits:
        if chains and _alternative(draft.page, chains[-1][-1], limit):
            chains[-1].append(limit)
        else:
            chains.append([limit])
    for place, chain in enumerate(chains):
        before, after = chains[:place], chains[place + 1 :]
        if len(chain) > 1 and _plain(draft.page, chain, before, after):
            _unite(draft, chain)


def _same_again(draft: Draft) -> None:
    """`below 20 or above 60`: the second comparison is of the same column."""
    page = draft.page
    for found in page.find(r"or (?:(?:is|are|was|were) )?(?P<o>{O}) (?P<n>{N})"):
        start, end = found.span()
        before = next((limit.condition for limit in draft.limits if limit.end == start), None)
        value, percent = page.item(found.group("n"))
        if isinstance(before, Compare) and before.op in ("lt", "le", "gt", "ge") and not percent:
            condition = Compare(page.item(found.group("o")), before.left, Const(number_value(value)))
            draft.limit(condition, found.clause, found.said, start + 1, end)
            for element in page.elements[start + 1 : end]:
                element.used = True


def _alternative(page: Page, one: Limits, other: Limits) -> bool:
    """Tell whether only `or` and words that lead over stand between two conditions."""
    gap = [element.code for element in page.elements[one.end : other.at]]
    lead = page.elements[other.at].code if other.at < len(page.elements) else ""
    return (
        "or" in gap and all(code == "or" or code in _BETWEEN or stem(code) in _STEMS for code in gap) and lead != "and"
    )


def _plain(page: Page, chain: list[Limits], before: list[list[Limits]], after: list[list[Limits]]) -> bool:
    """Tell whether it is clear what an `or` joins: nothing else is joined to it by `and` or stands before one side."""
    lefts = {repr(limit.condition.left) if isinstance(limit.condition, Compare) else "" for limit in chain}
    if not before and not after:
        return True
    if len(lefts) != 1 or "" in lefts:
        return False
    joined = [
        *(page.elements[each[-1].end : chain[0].at] for each in before),
        *(page.elements[chain[-1].end : each[0].at] for each in after),
    ]
    leads = page.elements[chain[0].at : chain[0].at + 1] + [page.elements[each[0].at] for each in after]
    return not any(element.code in ("and", ",", "but") for gap in joined for element in gap) and not any(
        element.code in ("and", "but") for element in leads
    )


def _unite(draft: Draft, chain: list[Limits]) -> None:
    for one, other in itertools.pairwise(chain):
        for element in draft.page.elements[one.end : other.at]:
            element.used = True
    parts = tuple(limit.condition for limit in chain)
    joined = Limits(
        condition=AnyOf(parts), clause=chain[0].clause, said=draft.page.said(chain[0].at, chain[-1].end),
        at=chain[0].at, end=chain[-1].end,
    )  # fmt: skip
    draft.limits = [
        joined if limit is chain[0] else limit for limit in draft.limits if limit is chain[0] or limit not in chain
    ]
