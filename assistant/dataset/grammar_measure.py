"""What is measured: facts of the whole table, counts and shares of rows, statistics of columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assistant.dataset.draft import Draft, Limits, Want
from assistant.dataset.lexicon import ENTITIES, HARMLESS
from assistant.dataset.page import VERB, Found, Page
from assistant.dataset.steps import All, Case, Col, Condition, Const
from assistant.dataset.tokens import bag, stem

_ENTITY_STEMS = frozenset(stem(word) for word in ENTITIES)
_ROWS = r"(?:rows?|records?|entries|entry|observations?|samples?|instances?|data points?|cases|lines|examples?)"
_HOW_MANY = r"(?:how many|(?:total )?(?:number|count|counts) of(?: total)?|count)"
NUMERIC_ONLY = bag(
    "mean median std var sum skew kurtosis quantile iqr range sem cv mad outliers outlier_bounds correlation covariance"
)


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
        want_measure(draft, found, function)


def want_measure(
    draft: Draft, found: Found, function: str, names: tuple[str, ...] = (), *, options: Mapping[str, Any] | None = None,
    columns: tuple[Any, ...] | None = None, by: tuple[str, ...] | None = None, source: str = "question",
) -> None:  # fmt: skip
    """Want a measure that a match asks for, by the groups that were read unless told."""
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
        want_measure(draft, found, "missing_share" if found.match.group("share") else "missing")
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
            want_measure(draft, found, "missing_rows")
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
            want_measure(draft, found, "missing")


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
        want_measure(draft, found, "mean", columns=(hundred,))
    else:
        want_measure(draft, found, "missing_share" if share else "missing", (name,))


def _unique(draft: Draft, page: Page) -> None:
    different = r"(?:unique|distinct|different)"
    for found in page.find(
        rf"{_HOW_MANY} {different} (?:values? )?(?:(?:are there |there are |exist |of |in |for |does |do |"
        rf"has )+)?(?P<c>{{CS}})(?: have| has)?"
    ):
        for mention in found.items("C", "c"):
            want_measure(draft, found, "unique", (draft.use(mention),))
    for found in page.find(
        rf"(?:(?:which|what|list|show|are) )*(?:all )?{different} (?:values?|categories|entries|levels)"
        rf"? ?(?:(?:of|in|for) )?(?P<c>{{CS}})"
    ):
        for mention in found.items("C", "c"):
            want_measure(draft, found, "values", (draft.use(mention),))


# -- shares and counts ------------------------------------------------------------------------------------------------

_SHARE = r"(?P<word>percentages?|percent|proportions?|shares?|fractions?)"


def read_counts(draft: Draft, page: Page, limits: list[Condition]) -> None:
    """Shares and numbers of rows: with conditions, by value of a column, or of all."""
    for found in page.find(rf"{_SHARE} (?:of )?(?:\S+ )?(?:in |for |by |per |of )?each (?:of )?(?P<c>{{C}})"):
        mention = found.items("C", "c")[0]
        if not (draft.column(mention.column).kind == "number" and not draft.column(mention.column).whole):
            want_measure(draft, found, "shares", (draft.use(mention),))
    statistic = draft.plain and any(e.code[0] == "M" and e.code[1:].isdigit() and not e.used for e in page.elements)
    if len(draft.groups) == 1 and not limits and not statistic:
        for found in page.find(rf"{_SHARE}(?: of)?(?: (?:all|rows|records|[a-z]+s))*"):
            want_measure(draft, found, "shares", draft.groups, by=())
    if limits:
        for found in page.find(rf"{_SHARE}(?: of)?(?: (?:all|rows|records|total))*"):
            _share(draft, found)
    for found in page.find(
        r"(?:value counts?|counts?|frequency|frequencies|frequency distribution) (?:of|for|by|in)"
        r" (?:each |unique |every |values? )*(?P<c>{C})"
    ):
        want_measure(draft, found, "counts", (draft.use(found.items("C", "c")[0]),))
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
    asked = _asked_for(draft, found)
    condition = asked[0] if len(asked) == 1 else All(tuple(asked))
    if found.group("word").startswith("percent"):
        hundred = Case(branches=((condition, Const(100)),), otherwise=Const(0))
        want_measure(draft, found, "mean", columns=(hundred,))
    else:
        want_measure(draft, found, "share", options={"of": condition})
    draft.wants[-1].extra = {"consumed": tuple(asked)}


_AMONG = re.compile(r"(?:among|within|out of|in|for|of)\b")
_VERBS = bag("are is was were have has had who that which do does did be with having")


def _asked_for(draft: Draft, found: Found) -> list[Condition]:
    """The conditions that the share is of; the others say of which rows."""
    ordered = sorted(draft.limits, key=lambda limit: limit.at)
    if not draft.plain:
        among = _AMONG.match(ordered[-1].said.lower()) and not ordered[-1].said.lower().startswith("of")
        return [ordered[0 if among and len(ordered) > 1 else -1].condition]
    page, start = found.page, found.span()[0]
    base = [limit for limit in ordered if _base(page, limit) and len(ordered) > 1]
    rest = [limit for limit in ordered if limit not in base] or ordered[-1:]
    verbs = [i for i, e in enumerate(page.elements) if (e.code in _VERBS or _is_verb(page, i)) and i > start + 1]
    if not verbs and len(rest) > 1:
        draft.doubts.append("of which rows the share is")
    if verbs and len(rest) > 1:
        chain = [rest[-1]]
        for limit in reversed(rest[:-1]):
            if not _and_between(page, limit, chain[-1]) or _core(page, limit) < verbs[0]:
                break
            chain.append(limit)
        rest = chain[::-1]
    return [limit.condition for limit in rest]


def _is_verb(page: Page, index: int) -> bool:
    """`left the company`, `smoke`: a column said as a verb."""
    element = page.elements[index]
    if element.code[0] != "C" or not element.code[1:].isdigit():
        return False
    return element.item.score == VERB or " the " in page.said(index, index + 1).lower()


def _core(page: Page, limit: Limits) -> int:
    """Where the first column, value or number of a condition stands."""
    places = [i for i in range(limit.at, max(limit.end, limit.at + 1)) if page.elements[i].code[0] in "CVN"]
    return places[0] if places else limit.at


def _base(page: Page, limit: Limits) -> bool:
    said = limit.said.lower()
    before = page.elements[limit.at - 1].code if limit.at else ""
    return before in ("among", "within", "in") or (_AMONG.match(said) is not None and not said.startswith("of"))


def _and_between(page: Page, one: Limits, other: Limits) -> bool:
    words = [element.code for element in page.elements[one.end : _core(page, other)]]
    return "and" in words or "but" in words


def _rows(draft: Draft, page: Page) -> None:
    for found in page.find(rf"(?:{_HOW_MANY}|total) {_ROWS}(?: are there| there are| exist| do we have)?"):
        _count(draft, found)
    for found in page.find(rf"{_HOW_MANY}(?: (?P<e>[a-z]+))?"):
        noun = found.match.group("e") or ""
        if noun in ("of", "outliers", "outlier", "unique", "distinct", "different", "missing", "null", "duplicate"):
            continue
        if "outlier" in found.match.string[found.match.end() : found.match.end() + 20]:
            continue
        if noun == "" and found.said == "count" and any(c.parts == ("count",) for c in draft.linker.columns):
            draft.doubts.append("count: the rows or the column")
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
        want_measure(draft, found, "counts", (groups[0],), by=())
    elif len(groups) == 2:
        want_measure(draft, found, "crosstab", groups, by=())
    else:
        want_measure(draft, found, "rows")


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
                want_measure(draft, found, "quantile", (name,), options={"q": round(q, 6)}, source=source)


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
    last = -1
    for some_measures, some_columns in groups:
        if draft.plain and last >= 0 and some_measures and not _parted(page, last, min(some_measures + some_columns)):
            continue
        last = max([last, *some_measures, *some_columns])
        if some_measures:
            _pairs(draft, page, some_measures, some_columns, source)


def _nested(draft: Draft, page: Page) -> None:
    """`median of the mean …`: a statistic of a statistic, which the rules do not read."""
    for found in page.find(r"(?P<a>{M}) of (?P<b>{M})"):
        if found.page.item(found.group("b"))[0] not in ("sum", "range"):
            draft.doubts.append(f"{found.said}: one statistic of another")


_JOINING = bag("and , & of the for in as well along with plus both all each ( ) ~ : / - value values column columns")


def _side_by_side(draft: Draft, page: Page, measures: list[int], columns: list[int]) -> tuple[list[int], list[int]]:
    """The measures and columns that are lists: what other words part from them is left, and so unread."""
    usable = [index for index in columns if _measurable(draft, page, measures, index)]
    first = usable[:1]
    for index in usable[1:]:
        if not first or not _joined(page, first[-1], index):
            break
        first.append(index)
    some = measures[:1]
    for index in measures[1:]:
        if _joined(page, some[-1], index) or (first and some[-1] < first[0] < index):
            some.append(index)
    return some, first


def _owned(page: Page, column: int, measure: int) -> bool:
    """`price of the largest house`: the extreme is of the house, not of the price."""
    return bool({"of", "for", "with", "in", "at"} & {e.code for e in page.elements[column + 1 : measure]})


def _parted(page: Page, one: int, other: int) -> bool:
    """Tell whether one statistic ends and another begins between two places."""
    between = [e.code for e in page.elements[one + 1 : other]]
    return bool({"and", ",", "&", "then", "plus", "also", "~"} & set(between)) or not between


def _measurable(draft: Draft, page: Page, measures: list[int], index: int) -> bool:
    """Tell whether every measure makes sense of the column."""
    name = page.elements[index].item.column
    number = draft.numeric(name) or name in draft.derived
    if not number and draft.column(name).kind == "text":
        return not any(page.elements[at].item[0] in NUMERIC_ONLY | {"min", "max"} for at in measures)
    return number or not any(page.elements[at].item[0] in NUMERIC_ONLY for at in measures)


def _joined(page: Page, one: int, other: int) -> bool:
    between = [e for e in page.elements[one + 1 : other] if e.code[0] not in "CM" or not e.code[1:].isdigit()]
    return all(element.code in _JOINING for element in between)


def _pairs(draft: Draft, page: Page, measures: list[int], columns: list[int], source: str) -> None:
    if draft.plain:
        measures, columns = _side_by_side(draft, page, measures, columns)
        if measures and columns and _owned(page, columns[-1], measures[0]):
            return
    names = [draft.use(page.elements[index].item) for index in columns]
    known = bool(names)
    names = names or list(draft.focus)
    if not names or not measures:
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
