"""What is measured: counts, shares, statistics by group, extremes and where they stand, top rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assistant.dataset.draft import Draft, Want
from assistant.dataset.lexicon import ENTITIES, HARMLESS
from assistant.dataset.link import Mention
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import Case, Col, Condition, Const, Limit, Measure, Sort, Step, Summarise
from assistant.dataset.tokens import bag, stem

_ENTITY_STEMS = frozenset(stem(word) for word in ENTITIES)
_ROWS = r"(?:rows?|records?|entries|entry|observations?|samples?|instances?|data points?|cases|lines|examples?)"
_HOW_MANY = r"(?:how many|(?:total )?(?:number|count|counts) of(?: total)?|count)"
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
NUMERIC_ONLY = bag(
    "mean median std var sum skew kurtosis quantile iqr range sem cv mad outliers outlier_bounds correlation covariance"
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
            from assistant.dataset.steps import Compare

            draft.limit(Compare("in", Col(name), values), found.clause, found.said)
        found.take()


# -- of the whole table -----------------------------------------------------------------------------------------------


def read_table_facts(draft: Draft, page: Page) -> None:
    """Shape, columns, types, missing values, duplicates, different values, outlier counts."""
    _simple(draft, page, r"shape|dimensions?|(?:size of (?:dataset|data|table))", "shape")
    _simple(draft, page, rf"{_HOW_MANY} rows and columns|rows and columns", "shape")
    _simple(draft, page, rf"{_HOW_MANY} (?:columns?|features?|variables?|attributes?|fields)", "columns")
    _simple(
        draft,
        page,
        r"(?:columns?|features?|variables?) names?|names? of (?:all )?(?:columns?|features?|variables)|"
        r"(?:list|what are|which are|show) (?:all )?(?:columns|features|variables)",
        "names",
    )
    _simple(
        draft,
        page,
        r"(?:data )?types? of (?:each |every |all )?(?:columns?|features?|variables?)|(?:columns?|data) types?|dtypes?",
        "types",
    )
    _simple(draft, page, rf"(?:{_HOW_MANY} )?duplicate(?:d|s)?(?: (?:rows|records|entries|values))?", "duplicates")
    _missing(draft, page)
    _unique(draft, page)


def _simple(draft: Draft, page: Page, pattern: str, function: str) -> None:
    for found in page.find(pattern):
        _want(draft, found, function)


def _want(
    draft: Draft, found: Found, function: str, names: tuple[str, ...] = (), *, options: Mapping[str, Any] | None = None,
    columns: tuple[Any, ...] | None = None, by: tuple[str, ...] | None = None, source: str = "question",
) -> None:  # fmt: skip
    exprs = columns if columns is not None else tuple(Col(name) for name in names)
    groups = draft.groups if by is None else by
    draft.want(
        Want(
            kind="measure", function=function, columns=exprs, by=tuple(name for name in groups if name not in names),
            options=options or {}, clause=found.clause, said=found.said, source=source,
        )
    )  # fmt: skip
    found.take()


_MISSING = r"(?:missing|null|nan|na|empty)(?: or (?:missing|null|nan|na))?(?: (?:values?|entries|data|records|cells))?"
_NULL_IN = r"(?: (?:exist|present|are|is|were|there|found|do|we|have))*"


def _missing(draft: Draft, page: Page) -> None:
    share = r"(?:percentage|percent|proportion|share|fraction) of"
    inside = r"(?:in|for|of|from|within)"
    for found in page.find(
        rf"(?P<share>{share} )?(?:{_HOW_MANY} )?(?:{share} )?{_MISSING}{_NULL_IN} (?:per column|by column|"
        rf"{inside} (?:each|every|all) (?:of )?(?:columns?|features?|variables?))"
    ):
        _want(draft, found, "missing_share" if found.match.group("share") else "missing")
    for found in page.find(
        rf"(?P<share>{share} )?(?:{_HOW_MANY} )?(?:{share} )?{_MISSING}{_NULL_IN} {inside} (?P<c>{{CS}})"
    ):
        if _handled_elsewhere(found):
            continue
        for mention in found.items("C", "c"):
            draft.use(mention)
            _want_missing(draft, found, mention.column, share=bool(found.match.group("share")))
    for found in page.find(
        rf"{_HOW_MANY} (?:\S+ )?(?:have|has|had|with|contain|contains|containing|are) (?:at least N\d+ |"
        rf"O\d+ N\d+ |any )?{_MISSING}(?: {inside} (?P<c>{{C}}))?"
    ):
        mentions = found.items("C", "c")
        if mentions:
            draft.use(mentions[0])
            _want_missing(draft, found, mentions[0].column, share=False)
        else:
            _want(draft, found, "missing_rows")
    for found in page.find(
        rf"{_HOW_MANY} (?:\S+ )?(?:are |have |with )?(?:missing|lack|lacking|without) (?P<c>{{C}})|"
        rf"(?P<d>{{C}}) (?:{_HOW_MANY} )?{_MISSING}"
    ):
        mention = found.items("C")[0]
        draft.use(mention)
        _want_missing(draft, found, mention.column, share=False)
    for found in page.find(
        rf"(?:{_HOW_MANY} |which columns have |are there (?:any )?|is there (?:any )?)"
        rf"{_MISSING}{_NULL_IN}(?: in (?:dataset|data|table))?"
    ):
        if not _handled_elsewhere(found):
            _want(draft, found, "missing")


def _handled_elsewhere(found: Found) -> bool:
    """`fill missing values in …` and `ignore rows with missing values in …` change rows, and are read there."""
    before = [element.code for element in found.page.elements[: found.span()[0]]][-5:]
    return any(
        word.startswith(
            ("fill", "replac", "imput", "handl", "remov", "drop", "ignor", "exclud", "delet", "eliminat", "omit")
        )
        for word in before
    )


def _want_missing(draft: Draft, found: Found, name: str, *, share: bool) -> None:
    percent = "percent" in found.said.lower()
    if share and percent:
        from assistant.dataset.steps import Compare

        hundred = Case(branches=((Compare("missing", Col(name), None), Const(100)),), otherwise=Const(0))
        _want(draft, found, "mean", columns=(hundred,))
    else:
        _want(draft, found, "missing_share" if share else "missing", (name,))


def _unique(draft: Draft, page: Page) -> None:
    different = r"(?:unique|distinct|different)"
    for found in page.find(
        rf"{_HOW_MANY} {different} (?:values? )?(?:(?:are there |there are |exist |of |in |for |does |do |"
        rf"has )+)?(?P<c>{{CS}})(?: have| has)?"
    ):
        for mention in found.items("C", "c"):
            _want(draft, found, "unique", (draft.use(mention),))
    for found in page.find(
        rf"(?:(?:which|what|list|show|are) )*(?:all )?{different} (?:values?|categories|entries|levels)"
        rf"? ?(?:(?:of|in|for) )?(?P<c>{{CS}})"
    ):
        for mention in found.items("C", "c"):
            _want(draft, found, "values", (draft.use(mention),))


# -- shares and counts ------------------------------------------------------------------------------------------------

_SHARE = r"(?P<word>percentages?|percent|proportions?|shares?|fractions?)"


def read_counts(draft: Draft, page: Page, limits: list[Condition]) -> None:
    """Shares and numbers of rows: with conditions, by value of a column, or of all."""
    for found in page.find(rf"{_SHARE} (?:of )?(?:\S+ )?(?:in |for |by |per |of )?each (?:of )?(?P<c>{{C}})"):
        mention = found.items("C", "c")[0]
        if not (draft.column(mention.column).kind == "number" and not draft.column(mention.column).whole):
            _want(draft, found, "shares", (draft.use(mention),))
    if len(draft.groups) == 1 and not limits:
        for found in page.find(rf"{_SHARE}(?: of)?(?: (?:all|rows|records|[a-z]+s))*"):
            _want(draft, found, "shares", draft.groups, by=())
    if limits:
        for found in page.find(rf"{_SHARE}(?: of)?(?: (?:all|rows|records|total))*"):
            _share(draft, found)
    for found in page.find(
        r"(?:value counts?|counts?|frequency|frequencies|frequency distribution) (?:of|for|by|in)"
        r" (?:each |unique |every |values? )*(?P<c>{C})"
    ):
        _want(draft, found, "counts", (draft.use(found.items("C", "c")[0]),))
    _identified(draft, page)
    _rows(draft, page)


def _identified(draft: Draft, page: Page) -> None:
    """`how many countries` where a column names each row: the rows are counted."""
    for found in page.find(rf"{_HOW_MANY} (?P<c>{{C}})"):
        mention = found.items("C", "c")[0]
        column = draft.column(mention.column)
        if column.kind == "text" and column.distinct == column.present:
            draft.use(mention)
            _count(draft, found)


def _share(draft: Draft, found: Found) -> None:
    """`share of A that are B`: of the rows that A leaves, those where B holds; `B among A` says it the other way."""
    ordered = sorted(draft.limits, key=lambda limit: limit.at)
    among = re.match(r"(?:among|within|out of|in|for)\b", ordered[-1].said.lower()) is not None and len(ordered) > 1
    condition = ordered[0 if among else -1].condition
    if found.group("word").startswith("percent"):
        hundred = Case(branches=((condition, Const(100)),), otherwise=Const(0))
        _want(draft, found, "mean", columns=(hundred,))
    else:
        _want(draft, found, "share", options={"of": condition})
    draft.wants[-1].extra = {"consumed": condition}


def _rows(draft: Draft, page: Page) -> None:
    for found in page.find(rf"(?:{_HOW_MANY}|total) {_ROWS}(?: are there| there are| exist| do we have)?"):
        _count(draft, found)
    for found in page.find(rf"{_HOW_MANY}(?: (?P<e>[a-z]+))?"):
        noun = found.match.group("e") or ""
        if noun in ("of", "outliers", "outlier", "unique", "distinct", "different", "missing", "null", "duplicate"):
            continue
        if "outlier" in found.match.string[found.match.end() : found.match.end() + 20]:
            continue
        if (
            re.match(r" (?:\S+ ){0,3}(?:it|this|that|them|those|these|one)\b", found.match.string[found.match.end() :])
            and not draft.limits
        ):
            draft.doubts.append("what `it` stands for")
        _count(draft, found)
        if noun and not (noun in HARMLESS or stem(noun) in _ENTITY_STEMS or stem(noun) in draft.linker.entity_stems):
            page.elements[found.span()[1] - 1].used = False


def _count(draft: Draft, found: Found) -> None:
    groups = draft.groups
    if len(groups) == 1:
        _want(draft, found, "counts", (groups[0],), by=())
    elif len(groups) == 2:
        _want(draft, found, "crosstab", groups, by=())
    else:
        _want(draft, found, "rows")


# -- statistics of columns --------------------------------------------------------------------------------------------


def read_statistics(draft: Draft, page: Page, source: str = "question") -> None:
    """Lists of statistics of lists of columns: `mean and median of a and b`, `average age`, `90th percentile of x`."""
    _percentiles(draft, page, source)
    _nested(draft, page)
    _chunks(draft, page, source)


def _percentiles(draft: Draft, page: Page, source: str) -> None:
    for found in page.find(r"(?P<n>{NS}) (?:percentiles?|quantiles?)(?: (?:of|for|in))*(?: (?P<c>{CS}))?"):
        names = [draft.use(mention) for mention in found.items("C", "c")] or _of_sentence(draft, page, found)
        for value, percent in found.items("N", "n"):
            q = value / 100 if value > 1 or percent else value
            for name in names:
                _want(draft, found, "quantile", (name,), options={"q": round(q, 6)}, source=source)


def _of_sentence(draft: Draft, page: Page, found: Found) -> list[str]:
    """The columns of the sentence that a percentile stands in, else the one in focus."""
    names = [
        draft.use(element.item)
        for index, element in enumerate(page.elements)
        if element.code[0] == "C" and element.code[1:].isdigit() and page.clause(index) == found.clause
    ]
    numbers = [name for name in dict.fromkeys(names) if draft.numeric(name) and name not in draft.groups]
    return numbers or list(draft.focus[:1])


def _chunks(draft: Draft, page: Page, source: str) -> None:
    """Sequences of measures and columns inside a sentence: a new pair starts where a measure follows a column."""
    sentence: list[int] = []
    for index, element in enumerate([*page.elements]):
        if element.code in (".", "?", "!", ";"):
            _sentence(draft, page, sentence, source)
            sentence = []
        elif not element.used and element.code[0] in "MC" and element.code[1:].isdigit():
            sentence.append(index)
    _sentence(draft, page, sentence, source)


def _sentence(draft: Draft, page: Page, indexes: list[int], source: str) -> None:
    groups: list[tuple[list[int], list[int]]] = []
    leading_columns = bool(indexes) and page.elements[indexes[0]].code[0] == "C"
    measures: list[int] = []
    columns: list[int] = []
    for index in indexes:
        if page.elements[index].code[0] == "M":
            if measures and columns and not leading_columns:
                groups.append((measures, columns))
                measures, columns = [], []
            measures.append(index)
        elif leading_columns and measures and columns:
            groups.append((measures, columns))
            measures, columns, leading_columns = [], [index], False
            leading_columns = True
        else:
            columns.append(index)
    groups.append((measures, columns))
    for some_measures, some_columns in groups:
        if some_measures:
            _pairs(draft, page, some_measures, some_columns, source)


def _nested(draft: Draft, page: Page) -> None:
    """`median of the mean …`: a statistic of a statistic, which the rules do not read."""
    for found in page.find(r"(?P<a>{M}) of (?P<b>{M})"):
        if found.page.item(found.group("b"))[0] not in ("sum", "range"):
            draft.doubts.append(f"{found.said}: one statistic of another")


def _pairs(draft: Draft, page: Page, measures: list[int], columns: list[int], source: str) -> None:
    names = [draft.use(page.elements[index].item) for index in columns]
    known = bool(names)
    names = names or list(draft.focus)
    if not names:
        return
    clause = page.clause(measures[0])
    said = page.said(min(measures + columns), max(measures + columns) + 1)
    for index in measures:
        function, options = page.elements[index].item
        for name in names:
            if function in NUMERIC_ONLY and not draft.numeric(name) and name not in draft.derived:
                return
            by = tuple(group for group in draft.groups if group != name)
            draft.want(
                Want(
                    kind="measure",
                    function=function,
                    columns=(Col(name),),
                    by=by,
                    options=options,
                    clause=clause,
                    said=said,
                    source=source,
                )
            )
        page.elements[index].used = True
    for index in columns:
        page.elements[index].used = True
    if known:
        draft.focus = tuple(dict.fromkeys(names))


# -- extremes ---------------------------------------------------------------------------------------------------------


def read_extremes(draft: Draft, page: Page) -> None:
    """Where a column is greatest or least, which group leads, and the first rows by an order."""
    _leading_group(draft, page)
    _tops(draft, page)
    _where_extreme(draft, page)


_EXTREME = r"(?P<x>M\d+|most|fewest)"


def _extreme(found: Found, name: str = "x") -> str:
    word = found.group(name)
    if word in ("most", "fewest"):
        return "max" if word == "most" else "min"
    function = found.page.item(word)[0]
    return function if function in ("max", "min") else ""


def _leading_group(draft: Draft, page: Page) -> None:
    """`which region has the highest mean charges`: a table of groups, then where it is greatest."""
    has = r"(?: (?!C\d|M\d|most|fewest)\S+){1,3}"
    for found in page.find(
        rf"(?:(?:which|what|find|identify|name) )(?P<g>{{C}}){has} {_EXTREME} (?P<m>M\d+)(?: (?:of|in|for)"
        rf")*(?: (?P<c>{{C}}))"
    ):
        kind, group, column = _extreme(found), found.items("C", "g")[0], found.items("C", "c")[0]
        function, options = page.item(found.group("m"))
        if kind and function not in ("max", "min"):
            measure = Measure(
                label=f"{function} of {column.column}",
                function=function,
                columns=(Col(column.column),),
                options=options,
            )
            _lead(draft, found, group, measure, kind, column)
    for found in page.find(r"(?:which|what) (?P<g>{C})(?: (?!M\d|C\d)\S+){0,3}? (?P<x>most|fewest) (?P<c>{C})"):
        kind, group, column = _extreme(found), found.items("C", "g")[0], found.items("C", "c")[0]
        if draft.numeric(column.column) and not _crosses(found):
            name = column.column
            _lead(
                draft, found, group, Measure(label=f"sum of {name}", function="sum", columns=(Col(name),)), kind, column
            )
    for found in page.find(
        rf"(?:(?:which|what) )(?P<g>{{C}}){has} {_EXTREME} (?:(?:number|count) of )?(?:rows|records|"
        r"entries|[a-z]+s)(?= [?.~]| in| ~|$)"
    ):
        kind, group = _extreme(found), found.items("C", "g")[0]
        if kind:
            _lead(draft, found, group, Measure(label="rows", function="rows"), kind, None)


def _said_again(draft: Draft, page: Page, function: str, column: str) -> None:
    """`What is the average price of that region?` after the region was asked for: nothing new."""
    for found in page.find(
        r"(?P<m>{M}) (?P<c>{C})(?: (?:of|for|in) (?:that|this|those) (?:{C}|\S+))?|(?:that|this) (?P<n>{M})"
    ):
        code = found.match.group("m") or found.match.group("n")
        mentions = found.items("C", "c") if found.match.group("c") else []
        if page.item(code)[0] == function and all(mention.column == column for mention in mentions):
            found.take()


def _lead(draft: Draft, found: Found, group: Mention, measure: Measure, kind: str, column: Mention | None) -> None:
    name = draft.use(group)
    if column is not None:
        draft.use(column)
    draft.after.append(Summarise(by=(name,), measures=(measure,)))
    if column is not None:
        _said_again(draft, found.page, measure.function, column.column)
    _want(draft, found, f"at_{kind}", (name,), options={"at": measure.label}, by=())
    draft.want(
        Want(
            kind="measure",
            function=kind,
            columns=(Col(measure.label),),
            clause=found.clause,
            said=found.said,
            extra={"as": measure.function, "of": "" if column is None else column.column},
        )
    )


def _tops(draft: Draft, page: Page) -> None:
    """`top 5 countries by population`, `5 highest fares`."""
    order = r"(?P<way>top|bottom|first|last|highest|lowest|largest|smallest|M\d+)"
    for found in page.find(
        rf"{order} (?P<n>{{N}}) (?P<c>{{C}})(?: (?:by|with|in terms of|based on|according to|ranked by|"
        rf"sorted by)(?: (?P<m>M\d+)(?: of)?)? (?P<b>{{C}}))?"
    ):
        if page.item(found.group("n"))[1]:
            continue
        _top(draft, found)
    for found in page.find(r"(?P<n>{N}) (?P<way>M\d+) (?P<c>{C})"):
        if _way(found) and not page.item(found.group("n"))[1]:
            _top(draft, found)


def _way(found: Found) -> str:
    way = found.group("way")
    if way.startswith("M"):
        function = found.page.item(way)[0]
        return {"max": "max", "min": "min"}.get(function, "")
    return "max" if way in ("top", "highest", "largest") else "min" if way in ("bottom", "lowest", "smallest") else ""


def _top(draft: Draft, found: Found) -> None:
    way, n = _way(found), int(found.page.item(found.group("n"))[0])
    if not way or n < 1:
        return
    shown = draft.use(found.items("C", "c")[0])
    order = draft.use(found.items("C", "b")[0]) if found.match.groupdict().get("b") else shown
    if order != shown and draft.column(shown).distinct < draft.column(shown).present:
        _top_groups(draft, found, shown, order, n)
        return
    steps: list[Step] = [Sort(by=(order,), descending=way == "max"), Limit(n)]
    draft.after += steps
    _want(draft, found, "values", (shown,), options={"all": True}, by=())
    if order != shown:
        draft.want(
            Want(
                kind="measure",
                function="values",
                columns=(Col(order),),
                options={"all": True},
                clause=found.clause,
                said=found.said,
            )
        )


def _top_groups(draft: Draft, found: Found, shown: str, order: str, n: int) -> None:
    """Groups ranked by a statistic of a column; without one it is their sum, which waits to be confirmed."""
    code = found.match.groupdict().get("m") or ""
    function, options = found.page.item(code) if code else ("sum", {})
    if not code:
        draft.doubts.append(f"several rows share a {shown}: summed")
    label = f"{function} of {order}"
    measure = Measure(label=label, function=function, columns=(Col(order),), options=options)
    draft.after += [
        Summarise(by=(shown,), measures=(measure,)),
        Sort(by=(label,), descending=_way(found) == "max"),
        Limit(n),
    ]
    _want(draft, found, "values", (shown,), options={"all": True}, by=())
    draft.want(Want(kind="measure", function="values", columns=(Col(label),), options={"all": True}, said=found.said))


def _where_extreme(draft: Draft, page: Page) -> None:
    """`fare of the passenger with the highest age`, `date with the highest close`, `x where y is greatest`."""
    link = (
        r"(?: (?:of|for|recorded|during|on|in|at|from|by|when|where|with|which|that|who|has|had|have|"
        r"whose|is|are|was|had|corresponding|to|\S+)){0,8}?"
    )
    for found in page.find(
        rf"(?P<c>{{CS}}){link} (?:with|where|when|has|had|having|whose) {_EXTREME} (?:value (?:of|in) |"
        rf"of )?(?P<b>{{C}})"
    ):
        kind = _extreme(found)
        if kind and not _crosses(found):
            _at(draft, found, kind)
    for found in page.find(
        r"(?P<c>{CS})(?: \S+){0,5}? (?:where|when|whose|at which) (?P<b>{C}) (?:is|was|reached|reaches|"
        r"are)(?: (?:at|its|their))* (?P<x>M\d+)"
    ):
        kind = _extreme(found)
        if kind and not _crosses(found):
            _at(draft, found, kind)
    for found in page.find(r"(?:which|what) (?P<c>{C})(?: (?:has|had|have|is|recorded))* (?P<x>M\d+) (?P<b>{C})"):
        kind = _extreme(found)
        if kind:
            _at(draft, found, kind)


def _crosses(found: Found) -> bool:
    return any(mark in found.match.group().split(" ") for mark in (".", "?", ";", "~"))


def _at(draft: Draft, found: Found, kind: str) -> None:
    at = draft.use(found.items("C", "b")[0])
    names = [draft.use(mention) for mention in found.items("C", "c")]
    if not draft.numeric(at) or at in names:
        return
    for name in names:
        _want(draft, found, f"at_{kind}", (name,), options={"at": at}, by=())
    draft.want(Want(kind="measure", function=kind, columns=(Col(at),), clause=found.clause, said=found.said))
    draft.focus = tuple(names)
