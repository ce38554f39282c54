"""Plain questions that compute with what is measured: differences of means, statistics of sums of columns, the second
highest, top shares, statistics of group statistics, rounding, and what a verb only hints at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.dataset.draft import Draft, Want
from assistant.dataset.grammar_logic import age_column
from assistant.dataset.grammar_settings import consume
from assistant.dataset.lexicon import ENTITIES
from assistant.dataset.link import Mention
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import (
    Call,
    Col,
    Compare,
    Const,
    Impute,
    Limit,
    Measure,
    Ref,
    Sort,
    Summarise,
)
from assistant.dataset.tokens import bag, number_value, stem

SCALARS = bag("mean median min max sum std var")
_ORDINALS = {"second": 2, "third": 3, "fourth": 4, "fifth": 5, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5}
_NTH = r"(?P<n>second|third|fourth|fifth)"


def read_early(draft: Draft, page: Page) -> None:
    """Read forms whose columns and values would be groups or conditions alone."""
    _differences(draft, page)
    _nth(draft, page)
    _top_share(draft, page)
    _missing_as(draft, page)
    _hints(draft, page)
    _whole_table(draft, page)


def read_late(draft: Draft, page: Page) -> None:
    """Read statistics of computed columns and of group statistics, once groups and conditions are known."""
    _of_groups(draft, page)
    _of_columns(draft, page)
    _two_statistics(draft, page)
    _different(draft, page)
    _depends(draft, page)


def _statistic(page: Page, code: str) -> str:
    function, _ = page.item(code)
    return function if function in SCALARS else ""


# -- a statistic here and there ---------------------------------------------------------------------------------------


def _differences(draft: Draft, page: Page) -> None:
    """`difference in mean x between A and B`, `how much higher is the mean x in A than in B`: A minus B."""
    gap = r"(?: (?:in|of|for|among|at|the|those|people|between|with))*"
    for found in page.find(
        rf"(?:difference|gap)(?: (?:in|of|between))* (?P<m>M\d+)(?: of)? (?P<c>{{C}}){gap} (?P<v>{{V}})"
        rf"(?: [a-z]+)? (?:and|vs|versus|to|from)(?: (?:that )?(?:of|for|in))? (?P<w>{{V}})"
    ):
        _difference(draft, found)
    for found in page.find(
        rf"how much (?:higher|larger|greater|more|bigger|longer|older|lower|smaller|less|shorter) (?:is|was|are)? ?"
        rf"(?P<m>M\d+) (?P<c>{{C}}){gap} (?P<v>{{V}})(?: [a-z]+)? (?:than|compared to){gap} (?P<w>{{V}})"
    ):
        _difference(draft, found)


def _difference(draft: Draft, found: Found) -> None:
    page, mention = found.page, found.items("C", "c")[0]
    first, second = found.items("V", "v")[0], found.items("V", "w")[0]
    function = _statistic(page, found.group("m"))
    if not function or not draft.numeric(mention.column) or first.column != second.column or first.others:
        return
    name, less = draft.use(mention), re.search(r"\b(?:lower|smaller|less|shorter)\b", found.said.lower())
    for key, value in (("#one", first), ("#two", second)):
        draft.use(value)
        where = Compare("eq", Col(value.column), Const(value.value))
        draft.want(
            Want(kind="measure", function=function, columns=(Col(name),), where=where, said=found.said,
                 extra={"key": key})
        )  # fmt: skip
    pair = (Ref("#two"), Ref("#one")) if less else (Ref("#one"), Ref("#two"))
    draft.wants.insert(len(draft.wants), Want(kind="measure", function="value", columns=(Call("sub", pair),)))
    found.take()


_ARITHMETIC = {"minus": "sub", "plus": "add", "times": "mul", "divided": "div", "-": "sub", "+": "add", "–": "sub"}
_SIGN = r"(?P<s>minus|plus|times|divided by|multiplied by|-|–|\+)"


def _two_statistics(draft: Draft, page: Page) -> None:
    """`mean a minus mean b`, `max minus min a`."""
    if draft.groups:
        return
    for found in page.find(rf"(?P<m>M\d+)(?: of)?(?: (?P<c>{{C}}))? {_SIGN} (?P<n>M\d+)(?: (?:of|in))? (?P<d>{{C}})"):
        one, two = _statistic(page, found.group("m")), _statistic(page, found.group("n"))
        last = found.items("C", "d")[0]
        first = found.items("C", "c")[0] if found.match.group("c") else last
        if not one or not two or not (draft.numeric(first.column) and draft.numeric(last.column)):
            continue
        for key, function, mention in (("#a", one, first), ("#b", two, last)):
            draft.want(Want(kind="measure", function=function, columns=(Col(draft.use(mention)),), extra={"key": key}))
        sign = _ARITHMETIC.get(found.group("s").split(" ")[0], "mul")
        draft.want(Want(kind="measure", function="value", columns=(Call(sign, (Ref("#a"), Ref("#b"))),)))
        found.take()


def _of_columns(draft: Draft, page: Page) -> None:
    """`mean of high minus low`, `mean difference between a and b`, `mean log price`, `total of a plus b by c`."""
    patterns = (
        rf"(?P<m>M\d+)(?: of)?(?: \()? (?P<c>{{C}}) {_SIGN} (?P<d>{{C}})(?: \))?",
        r"(?P<m>M\d+)(?: of)? (?P<s>difference|ratio|sum|product) (?:between|of) (?P<c>{C}) (?:and|to) (?P<d>{C})",
        r"(?P<m>M\d+)(?: of)? (?P<s>log|logarithm|square root|sqrt)(?: of)? (?P<c>{C})",
    )
    names = {"difference": "sub", "ratio": "div", "sum": "add", "product": "mul", "divided by": "div"}
    for pattern in patterns:
        for found in page.find(pattern):
            mentions, sign = found.items("C"), found.group("s")
            function, options = page.item(found.group("m"))
            if not all(draft.numeric(mention.column) for mention in mentions) or function == "range":
                continue
            if len({mention.column for mention in mentions}) != len(mentions):
                continue
            call = names.get(sign) or _ARITHMETIC.get(sign, "mul")
            if len(mentions) == 1:
                call = "log" if sign.startswith("log") else "sqrt"
            value = Call(call, tuple(Col(draft.use(mention)) for mention in mentions))
            by = tuple(name for name in draft.groups if name not in {mention.column for mention in mentions})
            draft.want(
                Want(kind="measure", function=function, columns=(value,), by=by, options=options, said=found.said)
            )
            found.take()


# -- ranks ------------------------------------------------------------------------------------------------------------


def _nth(draft: Draft, page: Page) -> None:
    """`second highest x`, `which group has the third lowest mean x`."""
    for found in page.find(
        rf"(?:which|what) (?P<g>{{C}}) (?:has|have|had) {_NTH} (?P<x>M\d+) (?P<m>M\d+)(?: of)? (?P<c>{{C}})"
    ):
        kind, function = _statistic(page, found.group("x")), _statistic(page, found.group("m"))
        group, mention = found.items("C", "g")[0], found.items("C", "c")[0]
        if kind in ("max", "min") and function and draft.numeric(mention.column):
            name = draft.use(mention)
            label = f"{function} of {name}"
            measure = Measure(label=label, function=function, columns=(Col(name),))
            steps = [Summarise(by=(draft.use(group),), measures=(measure,))]
            _last_of(draft, found, kind, label, (group.column, label), steps)
    for found in page.find(rf"{_NTH} (?P<x>M\d+)(?: value)?(?: of)? (?P<c>{{C}})(?! (?:by|per|for each|in each))"):
        kind, mention = _statistic(page, found.group("x")), found.items("C", "c")[0]
        if kind in ("max", "min") and draft.numeric(mention.column):
            name = draft.use(mention)
            _last_of(draft, found, kind, name, (name,), [])


def _last_of(
    draft: Draft, found: Found, kind: str, order: str, shown: tuple[str, ...], steps: Sequence[Summarise]
) -> None:
    n = _ORDINALS[found.group("n")]
    draft.after += [*steps, Sort(by=(order,), descending=kind == "max"), Limit(n)]
    for name in shown:
        draft.want(Want(kind="measure", function="last", columns=(Col(name),), clause=found.clause, said=found.said))
    found.take()


def _top_share(draft: Draft, page: Page) -> None:
    """`top 10 % by x`: the rows at or beyond that percentile of all rows."""
    for found in page.find(
        r"(?:of |for |among |in )?(?P<w>top|bottom) (?P<n>{N})(?: (?:of )?(?P<e>[a-z]+))? "
        r"(?:by|in|in terms of) (?P<c>{C})"
    ):
        value, percent = page.item(found.group("n"))
        mention, noun = found.items("C", "c")[0], found.match.groupdict().get("e") or ""
        if not percent or not 0 < value < 100 or not draft.numeric(mention.column):
            continue
        if noun and stem(noun) not in _STEMS | draft.linker.entity_stems:
            continue
        top, name = found.group("w") == "top", draft.use(mention)
        q = (100 - value if top else value) / 100
        edge = Measure(label=f"{q * 100:g}th percentile of {name}", function="quantile", columns=(Col(name),),
                       options={"q": q})  # fmt: skip
        draft.edges.append(edge)
        condition = Compare("ge" if top else "le", Col(name), Ref(edge.label))
        draft.limit(condition, found.clause, found.said, *found.span())
        found.take()


_STEMS = frozenset(stem(word) for word in ENTITIES)


def _missing_as(draft: Draft, page: Page) -> None:
    """`treating missing as zero`: the columns that are measured are filled first."""
    gone = r"(?:missing|nulls?|nan|empty)(?: (?:values?|ones|entries))?"
    for found in page.find(
        rf"(?:(?:treating|counting|taking|with|considering|if|and) )?{gone} (?:(?:are|is|were) )?"
        rf"(?:(?:treated|counted|taken|replaced|filled) )?(?:as|by|with) (?P<n>zeros?|N\d+)"
    ):
        number = 0 if found.group("n").startswith("zero") else number_value(page.item(found.group("n"))[0])
        names = _measured(draft, page, found)
        if len(names) == 1:
            step = Impute(columns=names, how="constant", value=number)
            if all(other != step for other, _ in draft.rows):
                draft.rows.append((step, found.said))
            found.take()


def _measured(draft: Draft, page: Page, found: Found) -> tuple[str, ...]:
    """The only number column that stands after a statistic."""
    line = page.line
    names = [page.item(code).column for code in re.findall(r"M\d+ (?:of )?(C\d+)", line)]
    return tuple(dict.fromkeys(name for name in names if draft.numeric(name)))


# -- statistics of groups ---------------------------------------------------------------------------------------------


def _of_groups(draft: Draft, page: Page) -> None:
    """`average of the highest x per g`, `median of the g means of x`: a statistic over one value for each group."""
    for found in page.find(r"(?P<m>M\d+) of (?P<n>M\d+)(?: of)? (?P<c>{C})"):
        if len(draft.groups) == 1:
            _summarised(draft, found, draft.groups[0])
    for found in page.find(r"(?P<m>M\d+) of (?P<g>{C}) (?P<n>M\d+)(?: (?:of|for) (?P<c>{C}))"):
        group = found.items("C", "g")[0]
        if draft.column(group.column).categorical and not draft.groups:
            draft.use(group)
            _summarised(draft, found, group.column)


def _summarised(draft: Draft, found: Found, group: str) -> None:
    page, mention = found.page, found.items("C", "c")[0]
    outer, inner = _statistic(page, found.group("m")), _statistic(page, found.group("n"))
    if not outer or not inner or not draft.numeric(mention.column) or draft.after or draft.wants:
        return
    name = draft.use(mention)
    label = f"{inner} of {name}"
    measure = Measure(label=label, function=inner, columns=(Col(name),))
    draft.after.append(Summarise(by=(group,), measures=(measure,)))
    draft.want(Want(kind="measure", function=outer, columns=(Col(label),), by=(), said=found.said))
    found.take()


# -- the whole table, relations ---------------------------------------------------------------------------------------


def _whole_table(draft: Draft, page: Page) -> None:
    for found in page.find(r"(?:correlations? (?:matrix|between all (?:columns|numeric columns))|heatmap)"):
        draft.want(
            Want(kind="measure", function="correlations", options={"method": draft.settings.method or "pearson",
                                                                    "pairs": True})
        )  # fmt: skip
        draft.plot = "heatmap"
        found.take()
    for found in page.find(
        r"(?:cross ?tab|crosstab|contingency table|cross tabulation)(?: (?:of|between|for))? "
        r"(?P<c>{C}) (?:and|by|vs|with) (?P<d>{C})"
    ):
        mentions = found.items("C")
        if all(draft.column(mention.column).categorical for mention in mentions):
            names = tuple(Col(draft.use(mention)) for mention in mentions)
            draft.want(Want(kind="measure", function="crosstab", columns=names, said=found.said))
            found.take()
    for found in page.find(
        r"(?:how many|number of|number of different) (?P<c>{C})(?= \?|$| are there| are in| do we| exist)"
    ):
        mention = found.items("C", "c")[0]
        column = draft.column(mention.column)
        plural = page.words[page.elements[found.span("c")[0]].end - 1].lower.endswith("s")
        if column.kind == "text" and plural and column.distinct < column.present:
            draft.want(Want(kind="measure", function="unique", columns=(Col(draft.use(mention)),), said=found.said))
            found.take()


def _different(draft: Draft, page: Page) -> None:
    """`is the difference in x between groups significant`: the test that fits the number of groups."""
    asked = re.search(r"\bsignificant(?:ly)?\b", page.text.lower())
    if not asked or draft.wants or not re.search(r"\bdiffer", page.text.lower()):
        return
    names = _free(draft, page)
    numbers = [each for each in names if draft.numeric(each.column) and each.column not in draft.groups]
    groups = [each for each in names if not draft.numeric(each.column)]
    group = draft.groups[0] if len(draft.groups) == 1 else groups[0].column if len(groups) == 1 else ""
    if len({each.column for each in numbers}) == 1 and group and draft.column(group).categorical:
        _compare_groups(draft, page, numbers[0], group)
        _use(page, bag("difference differences differ differs significant significantly statistically between in"))


def _depends(draft: Draft, page: Page) -> None:
    """`does a affect b`, `how does a depend on b`: a test between groups of a number column."""
    verb = r"(?:affects?|influences?|depends? on|relates? to|related to|impacts?|"
    verb += r"vary (?:by|with)|varies (?:by|with)|associated with|linked to)"
    for found in page.find(rf"(?:(?:how|does|do|is|are) )+(?P<c>{{C}})(?: strongly)? {verb} (?P<d>{{C}})"):
        mentions = found.items("C")
        numbers = [each for each in mentions if draft.numeric(each.column) and draft.column(each.column).yes is None]
        groups = [each for each in mentions if each not in numbers]
        if len(numbers) == len(groups) == 1 and draft.column(groups[0].column).categorical and not draft.wants:
            draft.use(groups[0])
            _compare_groups(draft, page, numbers[0], groups[0].column)
            found.take()


def _compare_groups(draft: Draft, page: Page, number: Mention, group: str) -> None:
    column = draft.column(group)
    if not 2 <= column.distinct <= 20:
        return
    kind, name = ("welch" if column.distinct == 2 else "anova"), draft.use(number)
    draft.want(Want(kind="test", function=kind, columns=(Col(name),), by=(group,), phase="post"))
    draft.want(Want(kind="measure", function="mean", columns=(Col(name),), by=(group,)))
    for element in page.elements:
        if element.code[0] == "C" and element.code[1:].isdigit() and element.item.column in (name, group):
            element.used = True


def _free(draft: Draft, page: Page) -> list[Mention]:
    return [e.item for e in page.elements if e.code[0] == "C" and e.code[1:].isdigit() and not e.used]


def _use(page: Page, words: frozenset[str]) -> None:
    for element in page.elements:
        element.used = element.used or element.code in words


# -- hints ------------------------------------------------------------------------------------------------------------

_VERBS = (
    (r"(?:earning|earns?|earned|making|paid)", bag("salary income wage wages pay earnings compensation")),
    (r"(?:worth|valued at|costing|costs?|priced at|priced)", bag("price value cost")),
    (r"(?:weighing|weighs?)", bag("weight mass")),
    (r"(?:taking|lasting|lasts?)", bag("duration time")),
)


def _hints(draft: Draft, page: Page) -> None:
    """`earning more than 50k`: the only column that the verb can mean, to be confirmed."""
    for verbs, nouns in _VERBS:
        columns = [c.name for c in draft.linker.columns if c.kind == "number" and nouns & set(c.parts)]
        if len(columns) != 1:
            continue
        for found in page.find(rf"(?:(?:who|that|which|are|is) )*{verbs} (?P<o>{{O}}) (?:\$ )?(?P<n>{{N}})"):
            value, percent = page.item(found.group("n"))
            if not percent:
                condition = Compare(page.item(found.group("o")), Col(columns[0]), Const(number_value(value)))
                draft.limit(condition, found.clause, found.said, *found.span())
                draft.doubts.append(f"{found.said}: {columns[0]}")
                found.take()
    _oldest(draft, page)


def _oldest(draft: Draft, page: Page) -> None:
    """`oldest employee's department`, `team of the youngest player`: a column where age is greatest or least."""
    age = age_column(draft)
    if age is None:
        return
    who = r"(?P<x>oldest|youngest) (?P<e>[a-z]+)"
    for found in page.find(rf"{who} (?P<c>{{C}})|(?P<d>{{C}}) of {who.replace('<x>', '<y>').replace('<e>', '<f>')}"):
        groups = found.match.groupdict()
        noun, word = groups["e"] or groups["f"] or "", groups["x"] or groups["y"]
        owned = groups["d"] or re.search(rf"{noun}['’]s", page.text, re.IGNORECASE)
        if owned and stem(noun) in _STEMS | draft.linker.entity_stems:
            name = draft.use(found.items("C")[0])
            function = "at_max" if word == "oldest" else "at_min"
            draft.want(
                Want(kind="measure", function=function, columns=(Col(name),), options={"at": age.name}, said=found.said)
            )
            found.take()


# -- rounding ---------------------------------------------------------------------------------------------------------

_NEAREST = re.compile(
    r",?\s*(?:and )?(?:rounded|round|rounding)(?: off)?(?: it| the result)? to (?:the )?"
    r"(?:nearest (?P<w>integer|whole number|ten|hundred|thousand|million)s?"
    r"|(?P<n>\d|one|two|three|four|no|zero) (?:decimals?(?: places?)?|digits?))",
    re.IGNORECASE,
)
_DIGITS = {"integer": 0, "whole number": 0, "ten": -1, "hundred": -2, "thousand": -3, "million": -6}
_COUNT = {"no": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4}


def read_rounding(draft: Draft) -> None:
    """How the values are to be rounded: decimals, or tens to millions as digits below nought."""
    match = _NEAREST.search(draft.page.text)
    if match is None or not draft.wants:
        return
    number = (match.group("n") or "").lower()
    digits = _DIGITS[match.group("w").lower()] if match.group("w") else _COUNT.get(number)
    draft.rounding = int(number) if digits is None else digits
    consume(draft.page, match)
