"""Conditions on the rows: numbers, years and dates, categories, yes-or-no columns, missing values, top shares."""

from __future__ import annotations

import re
from typing import Any

from assistant.dataset.draft import Draft
from assistant.dataset.lexicon import ENTITIES, SEXES
from assistant.dataset.link import Mention
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import (
    All,
    AnyOf,
    Call,
    Col,
    Compare,
    Condition,
    Const,
    Expr,
    Measure,
    Not,
    Ref,
    Scalar,
)
from assistant.dataset.tokens import bag, number_value, stem

_BE = r"(?: (?:that|which|who|whose|is|are|was|were|be|being|has|have|had|with|of|value|values|falls?|lies?))*"
_RELATIVE = r"(?:(?:where|with|whose|when|having|for which|in which|for|of|if|and|who|that|are|is|have|has|had|only) )*"


def read_filters(draft: Draft, page: Page) -> None:
    """Read the conditions of a text into `draft.limits`."""
    for rule in (
        _between,
        _years,
        _compared,
        _compared_before,
        _numbered,
        _relative_to,
        _missing,
        _texts,
        _equal_value,
    ):
        rule(draft, page)


def _between(draft: Draft, page: Page) -> None:
    for low_high in (
        r"between (?P<a>{N}|{D}) and (?P<b>{N}|{D})",
        r"from (?P<a>{N}|{D}) (?:to|through|until|and) (?P<b>{N}|{D})",
    ):
        for found in page.find(rf"{_RELATIVE}(?P<c>{{C}}){_BE} {low_high}"):
            mention = found.items("C", "c")[0]
            low, high = (_operand(page, found.group(name)) for name in "ab")
            if _of_time(draft, found, mention.column, low):
                continue
            if draft.numeric(mention.column) or draft.linker.by_name[mention.column].kind == "date":
                if re.search(rf"(?<!\S)(?:each|every|per|by) {found.group('c')}", found.match.string):
                    draft.by.append((mention.column, found.clause))
                _add(draft, found, _between_condition(draft, mention.column, low, high), mention)


def _of_time(draft: Draft, found: Found, name: str, low: Scalar) -> bool:
    """Tell whether dates or years after a number column say when, not how much."""
    column = draft.linker.by_name[name]
    if column.kind == "date":
        return False
    if found.group("a").startswith("D"):
        return True
    year = isinstance(low, int) and 1500 <= low <= 2200 and "year" not in column.parts
    return year and column.high is not None and column.high < float(str(low)) and _year_column(draft) is not None


def _between_condition(draft: Draft, name: str, low: Scalar, high: Scalar) -> Condition:
    column = draft.column(name)
    left: Expr = Col(name)
    if column.kind == "date" and isinstance(low, int) and isinstance(high, int):
        left = Call("year", (left,))
    return Compare("between", left, (low, high))


def _years(draft: Draft, page: Page) -> None:
    patterns = (
        (r"(?:(?:in|during|for|over|of|within) )?(?:(?:years?|period) )?(?:between|"
         r"from) (?P<a>{N}) (?:to|and|through|until) (?P<b>{N})(?: inclusive)?", "between"),
        (r"(?:(?:for|in|of|during) )?(?:years? )?(?P<a>{N}) "
         r"(?:and|or) (?:beyond|later|after|onwards?|above)(?! [ND]\d)", "ge"),
        (r"(?:(?:for|in|of) )?(?:years? )?(?:since|from|starting(?: from| in)?) (?:years? )?(?P<a>{N})"
         r"(?: onwards?)?", "ge"),
        (r"(?:(?:for|in|of) )?(?:years? )?(?:after|beyond|later than|following) (?:years? )?(?P<a>{N})", "gt"),
        (r"(?:(?:for|in|of) )?(?:years? )?(?:before|prior to|earlier than|until) (?:years? )?(?P<a>{N})", "lt"),
        (r"(?:in|during|for|of)(?: (?:years?|either))* (?P<a>{N})(?:(?: ,)?(?: or| ,) {N})+", "in"),
        (r"(?:in|during|for|of|on|only)(?: (?:years?|only))* (?P<a>{N})(?! or N\d)", "eq"),
    )  # fmt: skip
    _column_years(draft, page)
    for pattern, op in patterns:
        for found in page.find(pattern):
            values = [page.item(code) for code in found.codes("N")]
            if all(_year_like(value) for value in values):
                _add_year(draft, found, op, [int(value[0]) for value in values])
    for found in page.find(r"(?P<o>{O}) (?P<a>{N})"):
        value = page.item(found.group("a"))
        if (
            _year_like(value)
            and _year_column(draft)
            and "year" in " ".join(e.code for e in page.elements[: found.span()[0]][-3:])
        ):
            _add_year(draft, found, page.item(found.group("o")), [int(value[0])])
    _dates(draft, page)


_WHEN = (
    ("in|during", "eq"),
    ("after|later than", "gt"),
    ("before|earlier than", "lt"),
    ("since|from", "ge"),
    ("until|up to", "le"),
    ("on", "eq"),
)


def _column_years(draft: Draft, page: Page) -> None:
    """`where OrderDate is after 2020-06-30`, `VisitDate in 2021`: a date column named outright."""
    for word, op in _WHEN:
        for found in page.find(rf"{_RELATIVE}(?P<c>{{C}}){_BE} (?:{word}) (?P<n>{{N}}|{{D}})"):
            mention = found.items("C", "c")[0]
            column = draft.column(mention.column)
            left = Col(mention.column)
            if column.kind == "number" and "year" in column.parts and found.group("n").startswith("N"):
                if _year_like(page.item(found.group("n"))):
                    year = Const(int(page.item(found.group("n"))[0]))
                    _add(draft, found, Compare(op, left, year), mention)
                continue
            if column.kind != "date":
                continue
            if found.group("n").startswith("D"):
                _add(draft, found, date_condition(left, op, [str(page.item(found.group("n")))]), mention)
            elif _year_like(page.item(found.group("n"))):
                _add(
                    draft,
                    found,
                    Compare(op, Call("year", (left,)), Const(int(page.item(found.group("n"))[0]))),
                    mention,
                )


def _year_like(value: tuple[float, bool]) -> bool:
    return 1500 <= value[0] <= 2200 and value[0] == int(value[0]) and not value[1]


def _year_column(draft: Draft) -> Expr | None:
    for column in draft.linker.columns:
        if column.kind == "number" and "year" in column.parts and column.low is not None and column.low >= 1000:
            return Col(column.name)
    dates = [column.name for column in draft.linker.columns if column.kind == "date"]
    return Call("year", (Col(dates[0]),)) if len(dates) == 1 else None


def _add_year(draft: Draft, found: Found, op: str, years: list[int]) -> None:
    left = _year_column(draft)
    if left is None:
        return
    right: Expr | tuple[Scalar, ...] = tuple(years) if op in ("between", "in") else Const(years[0])
    _add(draft, found, Compare(op, left, right), None)


def _dates(draft: Draft, page: Page) -> None:
    dates = [column.name for column in draft.linker.columns if column.kind == "date"]
    if len(dates) != 1:
        return
    left = Col(dates[0])
    for pattern, op in (
        (r"(?:between|from) (?P<a>{D}) (?:and|to|through|until) (?P<b>{D})", "between"),
        (r"(?:since|from|starting(?: from| on)?) (?P<a>{D})(?: onwards?)?", "ge"),
        (r"(?:after|beyond|later than) (?P<a>{D})", "gt"),
        (r"(?:before|prior to|earlier than) (?P<a>{D})", "lt"),
        (r"(?:until|up to) (?P<a>{D})", "le"),
        (r"(?:in|during|for|on|of) (?P<a>{D})", "eq"),
    ):
        for found in page.find(pattern):
            values = [str(page.item(code)) for code in found.codes("D")]
            _add(draft, found, date_condition(left, op, values), None)


def date_condition(left: Expr, op: str, values: list[str]) -> Condition:
    """A comparison with days or whole months, as a half-open interval where it needs one."""
    if op == "between":
        return All((Compare("ge", left, Const(_first(values[0]))), Compare("lt", left, Const(_after(values[1])))))
    value = values[0]
    if op == "eq":
        return All((Compare("ge", left, Const(_first(value))), Compare("lt", left, Const(_after(value)))))
    if op in ("gt", "le"):
        return Compare("ge" if op == "gt" else "lt", left, Const(_after(value)))
    return Compare(op, left, Const(_first(value)))


def _first(value: str) -> str:
    return value if len(value) > 7 else f"{value}-01"


def _after(value: str) -> str:
    """The day after a day, or the first of the month after a month."""
    import datetime

    if len(value) > 7:
        return (datetime.date.fromisoformat(value[:10]) + datetime.timedelta(days=1)).isoformat()
    year, month = int(value[:4]), int(value[5:7])
    return f"{year + month // 12}-{month % 12 + 1:02d}-01"


def _compared(draft: Draft, page: Page) -> None:
    """`fare over 50`, `age is at least 18`, `DIR equal to 180 degrees`."""
    for found in page.find(
        rf"{_RELATIVE}(?P<c>{{C}})(?: (?:rates?|levels?|scores?|amount|price|count))?{_BE} (?P<o>{{O}})"
        rf"(?: (?:\$|zero))? (?P<n>{{N}}|{{D}}|{{V}}|zero)"
        r"(?: (?:degrees|years?(?: old)?|dollars|usd|units))?"
    ):
        mention = found.items("C", "c")[0]
        value = 0 if found.group("n") == "zero" else _operand(page, found.group("n"))
        op = page.item(found.group("o"))
        column = draft.column(mention.column)
        if isinstance(value, str) and found.group("n").startswith("D"):
            _add(draft, found, date_condition(Col(mention.column), op, [value]), mention)
        elif column.kind == "date" and isinstance(value, int) and 1000 < value < 3000:
            _add(draft, found, Compare(op, Call("year", (Col(mention.column),)), Const(value)), mention)
        elif column.kind != "text" or op in ("eq", "ne"):
            _add(draft, found, Compare(op, Col(mention.column), Const(value)), mention)


def _compared_before(draft: Draft, page: Page) -> None:
    """`more than 3 rooms`, `at least 2 children`, `older than 60` where an age column stands."""
    for found in page.find(rf"{_RELATIVE}(?P<o>{{O}}) (?:\$ )?(?P<n>{{N}}) (?P<c>{{C}})"):
        mention = found.items("C", "c")[0]
        if draft.numeric(mention.column):
            _add(
                draft,
                found,
                Compare(page.item(found.group("o")), Col(mention.column), Const(_operand(page, found.group("n")))),
                mention,
            )
    for found in page.find(rf"{_RELATIVE}(?P<o>{{O}}) (?P<n>{{N}})(?: years?(?: old)?| years of age)?"):
        said = found.said.lower()
        ages = [column.name for column in draft.linker.columns if column.parts == ("age",) and column.kind == "number"]
        if len(ages) == 1 and any(
            word in said for word in ("older", "younger", "years old", "years of age", "over", "under", "above")
        ):
            before = page.elements[found.span()[0] - 1].code if found.span()[0] else ""
            people = stem(before) in _PEOPLE or (draft.plain and _of_sex(page, found.span()[0] - 1))
            if "older" in said or "younger" in said or "years" in said or people:
                _add(
                    draft,
                    found,
                    Compare(page.item(found.group("o")), Col(ages[0]), Const(_operand(page, found.group("n")))),
                    None,
                )


def _of_sex(page: Page, index: int) -> bool:
    """Tell whether a value before an age says what people: `men under 30`."""
    known = {*SEXES, *(other for others in SEXES.values() for other in others)} - {"m", "f"}
    if index < 0 or page.elements[index].code[0] not in "V~":
        return False
    others = [i for i, e in enumerate(page.elements) if e.code[0] == "V" and page.said(i, i + 1).lower() in known]
    return page.said(index, index + 1).lower() in known and others == [index]


_PEOPLE_STEMS = frozenset(stem(word) for word in ENTITIES)
_PEOPLE = bag(
    "people person passenger customer patient employe employee player individual student client user men women adult"
)


def _numbered(draft: Draft, page: Page) -> None:
    """`floor 1`, `doors = 4` said without a sign, where the column has that value."""
    for found in page.find(
        rf"{_RELATIVE}(?P<c>{{C}})(?: (?:is|are|was|were|of|equals|number|value|:))* (?P<n>{{NS}})(?: degrees)?"
    ):
        mention = found.items("C", "c")[0]
        column = draft.column(mention.column)
        values = [number_value(page.item(code)[0]) for code in found.codes("N", "n")]
        known = {value for value, _ in column.values}
        if column.whole and column.distinct <= 1000 and all(value in known for value in values):
            condition = (
                Compare("eq", Col(column.name), Const(values[0]))
                if len(values) == 1
                else Compare("in", Col(column.name), tuple(values))
            )
            _add(draft, found, condition, mention)


def _relative_to(draft: Draft, page: Page) -> None:
    """`income above the median`, `price higher than its mean`: compared with a statistic of the same column."""
    for found in page.find(rf"{_RELATIVE}(?P<c>{{C}}){_BE} (?P<o>{{O}}) (?P<m>{{M}})(?: (?:of )?(?P<d>{{C}}))?"):
        mention, op = found.items("C", "c")[0], page.item(found.group("o"))
        function = page.item(found.group("m"))[0]
        same = not found.match.group("d") or found.items("C", "d")[0].column == mention.column
        if draft.numeric(mention.column) and same and function in ("mean", "median"):
            edge = Measure(
                label=f"{function} of all {mention.column}", function=function, columns=(Col(mention.column),)
            )
            if edge not in draft.edges:
                draft.edges.append(edge)
            _add(draft, found, Compare(op, Col(mention.column), Ref(edge.label)), mention)


def _missing(draft: Draft, page: Page) -> None:
    for pattern, op in (
        (rf"{_RELATIVE}(?:missing|null|unknown|empty) (?P<c>{{C}})", "missing"),
        (r"(?:where|with|whose|when|having) (?P<c>{C}) (?:is|are|was)? ?(?:missing|null|unknown|empty)", "missing"),
        (
            r"(?:where|with|whose|when|having) (?P<c>{C}) (?:is|are|was)? ?(?:not (?:missing|null|unknown|"
            r"empty)|present|known)",
            "present",
        ),
        (rf"{_RELATIVE}(?:non missing|non null|known|valid) (?P<c>{{C}})", "present"),
    ):
        for found in page.find(pattern):
            before = page.line.split(" ")[: found.span()[0]]
            if (
                op == "missing"
                and found.match.group().split(" ")[0] in ("missing", "null", "unknown", "empty")
                and (not before or before[-1] != "with")
            ):
                continue
            mention = found.items("C", "c")[0]
            _add(draft, found, Compare(op, Col(mention.column), None), mention)


def _texts(draft: Draft, page: Page) -> None:
    for verb, op in (
        ("contain(?:s|ing)?|includ(?:es|ing)", "contains"),
        ("start(?:s|ing)? with|begin(?:s|ning)? with", "starts"),
        ("end(?:s|ing)? with", "ends"),
    ):
        for found in page.find(rf"{_RELATIVE}(?P<c>{{C}}) (?:that )?(?:{verb}) (?P<t>\S+)"):
            index = found.span("t")[0]
            mention = found.items("C", "c")[0]
            if draft.column(mention.column).kind == "text":
                text = page.said(index, index + 1).strip("'\"")
                _add(draft, found, Compare(op, Col(mention.column), Const(text)), mention)


def _equal_value(draft: Draft, page: Page) -> None:
    """`Sex is female`, `region = north`, and `non smoker`-like negations of a value."""
    for found in page.find(
        rf"{_RELATIVE}(?P<c>{{C}})(?: (?:is|are|was|were|of|equals|value|in|:|being))* (?P<not>not )"
        rf"?(?P<v>{{V}})(?! (?:and|or|,|vs|versus) (?:not )?V)"
    ):
        column, value = found.items("C", "c")[0], found.items("V", "v")[0]
        same = _in_column(value, column.column)
        if same is not None:
            op = "ne" if found.match.group("not") else "eq"
            _add(draft, found, Compare(op, Col(column.column), Const(same)), column)


def _in_column(mention: Mention, name: str) -> Any:
    """The value that the mention means in one column, None where that column lacks it."""
    places = ((mention.column, mention.value), *mention.others)
    return next((value for column, value in places if column == name), None)


def read_values(draft: Draft, page: Page) -> None:
    """Values standing alone restrict the rows: `male passengers`; several of one column joined are any of them."""
    for found in page.find(
        r"(?:(?:for|of|among|in|from|to|at|only|by|within|are|is|were) )*(?P<not>(?:not|non|excluding|"
        r"except|without) )?(?P<v>{VS})"
    ):
        mentions: list[Mention] = found.items("V", "v")
        names = {mention.column for mention in mentions}
        if len(names) != 1 and " or " in f" {found.group('v')} ":
            continue
        if len(names) != 1:
            for mention in mentions if len(names) > 1 else ():
                _add(draft, found, Compare("eq", Col(mention.column), Const(mention.value)), mention)
            continue
        name = mentions[0].column
        values = tuple(dict.fromkeys(mention.value for mention in mentions))
        condition: Condition = (
            Compare("eq", Col(name), Const(values[0])) if len(values) == 1 else Compare("in", Col(name), values)
        )
        if found.match.group("not"):
            condition = Compare("ne", Col(name), Const(values[0])) if len(values) == 1 else Not(condition)
        _add(draft, found, condition, mentions[0])


def read_flags(draft: Draft, page: Page) -> None:
    """Yes-or-no columns said of what a row is: `smokers`, `customers who churned`, `not married`, `non smokers`."""
    for found in page.find(
        r"(?:(?:for|of|among|in|from|only|by) )*(?:(?:people|those|individuals|players|\S+) )?(?:who|"
        r"that|which|\S+) (?:is|are|were|was|have|has|had|do|did|does)?"
        r" ?(?P<not>not |n't |never )?(?P<c>{C})(?! (?:O|N|is|are)\d*)"
    ):
        _flag(draft, found, relative=True)
    for found in page.find(
        r"(?:(?:for|of|among|in|from|only|by|are|is|were|how many) )+(?P<not>not |non )?(?P<c>{C})"
        r"(?= (?:are|is|do|did|people|passengers|customers|individuals|employees|patients|players|\.|\?|~)|$)"
    ):
        _flag(draft, found, relative=False)


def _flag(draft: Draft, found: Found, *, relative: bool) -> None:
    mention = found.items("C", "c")[0]
    column = draft.column(mention.column)
    words = found.match.group().split(" ")
    verb = found.said.split()[-1].lower()
    acted = verb.endswith("ed") and stem(words[-2] if len(words) > 1 else "") in _PEOPLE_STEMS
    said_of = bool(set(words) & {"who", "that", "which", "are", "is", "were", "was", "not", "did"})
    if column.yes is None or (relative and not acted and not said_of):
        return
    value = column.no if found.match.group("not") else column.yes
    draft.use(mention)
    draft.limit(Compare("eq", Col(column.name), Const(value)), found.clause, found.said, *found.span())
    start, _ = found.span()
    for offset, code in enumerate(words):
        if code in _OF_FLAGS or code == found.group("c"):
            found.page.elements[start + offset].used = True
    found.taken = True


_OF_FLAGS = bag("not non never who that which is are was were has have had do does did for among only n't")


def _operand(page: Page, code: str) -> Scalar:
    item = page.item(code)
    if code.startswith("N"):
        return number_value(item[0])
    return item.value if isinstance(item, Mention) else str(item)


def _add(draft: Draft, found: Found, condition: Condition, mention: Mention | None) -> None:
    if mention is not None:
        draft.use(mention)
    for value in found.items("V"):
        draft.use(value)
    draft.limit(condition, found.clause, found.said, *found.span())
    found.take()


def combined(conditions: list[Condition]) -> Condition:
    """All of the conditions; two values of one column asked for together are any of them."""
    return conditions[0] if len(conditions) == 1 else All(tuple(conditions))


def either(conditions: list[Condition]) -> Condition:
    """Any of the conditions."""
    return conditions[0] if len(conditions) == 1 else AnyOf(tuple(conditions))
