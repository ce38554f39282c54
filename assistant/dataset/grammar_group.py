"""What rows are grouped by: columns after `by` and `each`, both sides of a yes-or-no column, values side by side."""

from __future__ import annotations

from assistant.dataset.draft import Draft
from assistant.dataset.link import Mention
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import Col, Compare

_EACH = (
    r"(?:(?:different|unique|distinct|level|levels|value|values|type|types|category|categories|group|"
    r"groups|individual|of|possible|combination|combinations) )*"
)
_BY = (
    r"(?:(?:(?:grouped|grouping|broken down|broken|split|segmented|separated|categorized|aggregated|"
    r"group|stratified|data|separately) )*"
    r"(?:by|per|for each|for every|in each|within each|across|of each|at each|from each|on each|"
    r"among|for different|of different|across each|across all|"
    r"between different|for all|under each|over each|with each|each|as function of|against|over))"
)


def read_groups(draft: Draft, page: Page) -> None:
    """Read the columns that rows are grouped by."""
    for found in page.find(
        rf"{_BY} {_EACH}(?P<c>{{CS}})(?: (?:wise|groups?|category|categories|level|class|classes))?"
    ):
        mentions = found.items("C", "c")
        if found.group(0).split(" ")[0] == "among" and draft.column(mentions[0].column).yes is not None:
            continue
        banded = found.said.lower().endswith(("group", "groups", "category", "categories", "level"))
        if banded and any(
            draft.column(m.column).kind == "number" and draft.column(m.column).distinct > 20 for m in mentions
        ):
            continue
        weak = found.group(0).split(" ")[0] in ("among", "against", "over", "for")
        if _all_but(draft, found, mentions) or _divides(draft, found, mentions):
            continue
        if all(_groups_well(draft, mention) for mention in mentions) and not (
            weak and not _all_categorical(draft, mentions)
        ):
            _group(draft, found, mentions)
    for found in page.find(
        r"(?:differ|differs|difference|differences|vary|varies|compare|compares|changes)(?: (?!\.|\?)\S+){0,4}? "
        r"(?:between|across|among) (?P<c>{C})(?! (?:and|,|to|vs) )"
    ):
        if (
            _all_categorical(draft, found.items("C", "c"))
            and draft.column(found.items("C", "c")[0].column).kind != "number"
        ):
            mention = found.items("C", "c")[0]
            draft.use(mention)
            draft.by.append((mention.column, found.clause))
            found.take("c")
    for found in page.find(r"(?P<c>{C}) (?:wise|by (?P=c))"):
        _group(draft, found, found.items("C", "c"))
    _flag_groups(draft, page)
    _value_groups(draft, page)


def _all_but(draft: Draft, found: Found, mentions: list[Mention]) -> bool:
    """`for all wards except surgery`: which rows, not by what."""
    if not draft.plain or not found.said.lower().startswith(("for all", "across all")):
        return False
    for limit in draft.limits:
        condition = limit.condition
        if (
            isinstance(condition, Compare)
            and condition.op in ("ne", "not_in")
            and condition.left == Col(mentions[0].column)
        ):
            found.take()
            return True
    return False


def _divides(draft: Draft, found: Found, mentions: list[Mention]) -> bool:
    """`salary per child` beside a number of children may ask for a ratio: a number column has to be named as it is."""
    per = found.match.group().split(" ")[0] == "per"
    return draft.plain and per and any(draft.column(m.column).kind == "number" and m.score < 0.97 for m in mentions)


def _groups_well(draft: Draft, mention: Mention) -> bool:
    column = draft.column(mention.column)
    if column.distinct > max(50, column.present // 2):
        return False
    return column.kind != "number" or mention.column in draft.derived or column.whole or column.distinct <= 30


def _all_categorical(draft: Draft, mentions: list[Mention]) -> bool:
    return all(draft.column(mention.column).categorical for mention in mentions)


def _group(draft: Draft, found: Found, mentions: list[Mention]) -> None:
    for mention in mentions:
        draft.use(mention)
        if mention.column not in draft.groups:
            draft.by.append((mention.column, found.clause))
    found.take()


def _flag_groups(draft: Draft, page: Page) -> None:
    """`smokers and non smokers`, `eligible compared to not eligible`: both sides of a yes-or-no column."""
    middle = (
        r"(?: (?!C\d)\S+){0,6}? (?:and|or|vs|versus|compared to|compared with|than|from) (?:(?:those|people|(?!C\d)\S+)"
        r" ){0,3}?(?:(?:who|that) )?(?:is |are |were |was |have |has )?"
    )
    for pattern in (
        rf"(?P<c>{{C}}){middle}(?:not |non |without )(?P<d>{{C}})",
        rf"(?:not |non |without )(?P<c>{{C}}){middle}(?P<d>{{C}})",
    ):
        for found in page.find(pattern):
            first, second = found.items("C", "c")[0], found.items("C", "d")[0]
            if first.column == second.column and draft.column(first.column).distinct == 2:
                _group(draft, found, [first])


def _value_groups(draft: Draft, page: Page) -> None:
    """`compare male and female`, `A vs B`, `for males and females separately`: values of one column side by side."""
    lists = list(
        page.find(
            r"(?:(?:for|of|among|in|from|between|by|compare|both) )*(?P<v>{V}(?:(?: \S+){0,2}? (?:, and|and|vs|"
            r"versus|,|compared to|compared with|than|from|from that of|to)(?: (?:those|people|individuals|in|for|of|"
            r"with|and))*) {V})(?:(?: ,)?(?: and)? {V})*"
        )
    )
    for found in lists:
        mentions = found.items("V")
        names = {mention.column for mention in mentions}
        if len(names) != 1 or len({mention.value for mention in mentions}) < 2:
            continue
        name = mentions[0].column
        for mention in mentions:
            draft.use(mention)
        if name not in draft.groups:
            draft.by.append((name, found.clause))
        values = tuple(dict.fromkeys(mention.value for mention in mentions))
        if len(values) < draft.column(name).distinct:
            draft.limit(Compare("in", Col(name), values), found.clause, found.said)
        found.take()
