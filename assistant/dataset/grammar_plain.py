"""What people type without ceremony: distributions, changes over time, comparisons, the most common, rates, trends."""

from __future__ import annotations

import re

from assistant.dataset.draft import Draft, Want
from assistant.dataset.lexicon import ENTITIES
from assistant.dataset.link import Column, Linker
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import Call, Col, Compare, Const, Derive, Limit, Measure, Resample, Sort
from assistant.dataset.tokens import bag, stem

_ADDITIVE = bag(
    """sale sales revenue amount quantity qty units count total volume profit cost orders spend spending income visits
    deaths cases births rainfall precipitation production goals points runs passengers votes"""
)
_PEOPLE = frozenset(stem(word) for word in ENTITIES)


def read_plain(draft: Draft, page: Page) -> None:
    """Read forms that name no statistic; only what nothing else has read is left for them."""
    _trend(draft, page)
    _over_time(draft, page)
    if not draft.wants:
        _dependent(draft, page)
        _distribution(draft, page)
        _compared(draft, page)
        _listed(draft, page)


def read_idioms(draft: Draft, page: Page) -> None:
    """Read forms whose words would be something else alone: a rate, a span, the most common value."""
    _rates(draft, page)
    _span(draft, page)
    _most_common(draft, page)
    _changes(draft, page)


def _changes(draft: Draft, page: Page) -> None:
    """`mean percentage change of price`: a statistic of the change from row to row."""
    for found in page.find(
        r"(?P<m>{M})(?: (?:daily|monthly|yearly|annual|of))* percentage changes? (?:of|in|for) (?P<c>{C})"
    ):
        mention = found.items("C", "c")[0]
        function, options = page.item(found.group("m"))
        if draft.numeric(mention.column):
            change = Call("mul", (Call("pct_change", (Col(draft.use(mention)),)), Const(100)))
            draft.want(Want(kind="measure", function=function, columns=(change,), options=options, said=found.said))
            found.take()


def dated_parts(text: str, linker: Linker) -> tuple[Derive, ...]:
    """`which month has …`: the part of the only date column, where no column holds it."""
    dates = [column.name for column in linker.columns if column.kind == "date"]
    match = re.search(r"\b(?:which|what) (month|year|quarter|hour|day of the week|weekday)\b", text, re.IGNORECASE)
    if match is None or len(dates) != 1:
        return ()
    part = match.group(1).lower()
    if any(part in column.parts for column in linker.columns):
        return ()
    function = "weekday_name" if part in ("weekday", "day of the week") else part
    return (Derive(part, Call(function, (Col(dates[0]),))),)


def _measure(draft: Draft, found: Found, function: str, *names: str, **options: object) -> None:
    by = tuple(group for group in draft.groups if group not in names)
    columns = tuple(Col(name) for name in names)
    draft.want(
        Want(
            kind="measure",
            function=function,
            columns=columns,
            by=by,
            options=options,
            clause=found.clause,
            said=found.said,
        )
    )
    found.take()


def _rates(draft: Draft, page: Page) -> None:
    """`churn rate by contract`: the share of yes in a yes-or-no column."""
    for found in page.find(
        r"(?P<c>{C}) (?:rates?|percentage|share|proportion)|(?:rate|proportion|share) of (?P<d>{C})"
    ):
        mention = found.items("C")[0]
        column = draft.column(mention.column)
        if column.yes is not None and not (draft.plain and found.match.group("d") and draft.wants):
            draft.use(mention)
            condition = Compare("eq", Col(column.name), Const(column.yes))
            _measure(draft, found, "share", of=condition)


def _span(draft: Draft, page: Page) -> None:
    """`difference between the highest and lowest price`."""
    for found in page.find(
        r"(?:difference|gap|spread) between (?P<a>M\d+) and (?P<b>M\d+)(?: (?:of|in|for))? (?P<c>{C})"
    ):
        functions = {page.item(found.group(key))[0] for key in "ab"}
        mention = found.items("C", "c")[0]
        if functions == {"max", "min"} and draft.numeric(mention.column):
            _measure(draft, found, "range", draft.use(mention))


def _most_common(draft: Draft, page: Page) -> None:
    often = r"(?:most|M\d+) (?:common|frequent|popular|frequently occurring|often|prevalent)"
    for found in page.find(
        rf"(?:which |what )?(?P<c>{{C}}) (?:is |are |was |occurs |appears )?{often}|{often} (?P<d>{{C}})"
    ):
        mention = found.items("C")[0]
        if mention.column not in draft.groups:
            _measure(draft, found, "mode", draft.use(mention))


def _trend(draft: Draft, page: Page) -> None:
    for found in page.find(
        r"trends? (?:of|in|for) (?P<c>{C})(?: over (?:time|years|{C}))?|(?P<d>{C}) trends?(?: over time)?"
    ):
        mention = found.items("C")[0]
        if draft.numeric(mention.column):
            time = _time_column(draft)
            names = (mention.column, time) if time else (mention.column,)
            draft.use(mention)
            _measure(draft, found, "trend", *names)
            draft.plot = "line"


def _time_column(draft: Draft) -> str | None:
    dates = [column.name for column in draft.linker.columns if column.kind == "date"]
    years = [column.name for column in draft.linker.columns if column.parts == ("year",)]
    found = dates or years
    return found[0] if len(found) == 1 else None


# -- over time --------------------------------------------------------------------------------------------------------

_PERIOD = r"(?P<p>day|week|month|quarter|year|daily|weekly|monthly|quarterly|yearly|annual|annually)s?"
_EVERY = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annual": "year",
    "annually": "year",
}


def read_periods(draft: Draft, page: Page) -> None:
    """`by month`, `monthly`, `per year` with one date column: the period that rows are put together by."""
    dates = [column.name for column in draft.linker.columns if column.kind == "date"]
    if len(dates) != 1:
        return
    column = draft.column(dates[0])
    adjective = rf"{_PERIOD}(?= (?:M|C)\d)"
    for pattern in (
        rf"(?:over time )?(?:by|per|each|every|for each|in each|grouped by) {_PERIOD}(?: of (?:the )?year)?",
        adjective,
    ):
        for found in page.find(pattern):
            if draft.plain and pattern is adjective and not _periodic(page, found):
                continue
            word = found.group("p")
            every = _EVERY.get(word, word)
            before = page.elements[found.span()[0] - 1] if found.span()[0] else None
            if draft.plain and before is not None and getattr(before.item, "column", None) == dates[0]:
                before.used = True
            if (found.match.group().endswith("year") and every != "year") or every == "year":
                draft.derives.append(Derive(every, Call(every, (Col(dates[0]),))))
                draft.by.append((every, found.clause))
            elif every == "day" and column.distinct in (0, column.present) and not draft.plain:
                pass
            elif draft.period is None:
                draft.period = (dates[0], every)
            found.take()
    for found in page.find(r"over time"):
        draft.period = draft.period or (dates[0], _fitting_period(draft, dates[0]))
        found.take()


def _periodic(page: Page, found: Found) -> bool:
    """`monthly sales`, `monthly mean price`; but in `mean monthly salary` and `daily max of x` it may say of what."""
    start, end = found.span()
    after = page.elements[end]
    others = [e for e in page.elements if e.code[0] == "M" and e.code[1:].isdigit() and e is not after]
    return not others and not (after.code[0] == "M" and after.item[0] not in ("mean", "sum", "median") and start)


def _fitting_period(draft: Draft, name: str) -> str:
    """Months for some years of days, years for decades, days for a few weeks."""
    column = draft.column(name)
    values = sorted(str(value) for value, _ in column.values)
    if not values:
        return "month"
    years = int(values[-1][:4]) - int(values[0][:4])
    return "year" if years > 12 else "month" if years >= 1 or values[0][:7] != values[-1][:7] else "day"


def _over_time(draft: Draft, page: Page) -> None:
    """Every measure of a column becomes one for each period; a column without one is summed or averaged."""
    if draft.period is None:
        return
    time, every = draft.period
    if not draft.wants:
        for found in page.find(r"(?P<c>{C})"):
            mention = found.items("C", "c")[0]
            if draft.numeric(mention.column):
                _measure(draft, found, _usual(draft.column(mention.column)), draft.use(mention))
                break
    wants = [want for want in draft.wants if want.kind == "measure" and not want.by]
    measures = tuple(
        Measure(
            label=f"{want.function} {' '.join(want.names)}".strip(),
            function=want.function, columns=want.columns, options=want.options,
        )
        for want in wants
        if want.function in ("sum", "mean", "median", "min", "max", "std", "rows", "count", "unique")
    )  # fmt: skip
    if not measures or len(measures) != len(draft.wants):
        return
    draft.after.append(Resample(time=time, every=every, measures=measures))
    draft.wants = [
        Want(kind="measure", function="sum", columns=(Col(measure.label),), by=(time,), said=measure.label)
        for measure in measures
    ]  # fmt: skip
    draft.plot = "line"
    draft.timed = True


def _usual(column: Column) -> str:
    return "sum" if set(column.parts) & _ADDITIVE else "mean"


# -- without a statistic ----------------------------------------------------------------------------------------------


def _dependent(draft: Draft, page: Page) -> None:
    """`are contract and churn independent`: a test of two categories."""
    link = (
        r"(?:independent|associated|related|dependent|association|relationship|dependence|independence|"
        r"correlated|correlation|link)"
    )
    patterns = (
        rf"(?P<c>{{C}}) (?:and|vs|with|depend on|depends on|affect|related to) (?P<d>{{C}})(?: \S+)?(?: {link})?",
        rf"{link} (?:between|of) (?P<c>{{C}}) and (?P<d>{{C}})",
    )
    if not re.search(link, page.line):
        return
    for pattern in patterns:
        for found in page.find(pattern):
            first, second = found.items("C")[:2]
            if all(
                draft.column(each.column).categorical and draft.column(each.column).kind != "number"
                for each in (first, second)
            ):
                columns = (Col(draft.use(first)), Col(draft.use(second)))
                draft.want(
                    Want(
                        kind="test",
                        function="chi2",
                        columns=columns,
                        clause=found.clause,
                        said=found.said,
                        phase="post",
                    )
                )
                found.take()
                _take(page, bag("independent associated related dependent association relationship"))


def _distribution(draft: Draft, page: Page) -> None:
    show = (
        r"(?:(?:plot|show|draw|visualise|visualize|display|describe|histogram|boxplot|box|bar|chart|"
        r"summary|summarise|summarize|of|me) )*"
    )
    for found in page.find(
        rf"{show}(?:distributions?|histogram|boxplot|spread|summary|statistics|describe)(?: (?:of|for|in|"
        rf"statistics))* (?P<c>{{C}})|(?:describe|summarise|summarize|histogram|plot) (?P<d>{{C}})"
    ):
        mention = found.items("C")[0]
        column = draft.column(draft.use(mention))
        if column.kind == "number" and not (column.whole and column.distinct <= 12 and not draft.groups):
            for function in ("mean", "std", "min", "median", "max", "skew"):
                _measure(draft, found, function, column.name)
            draft.plot = "box" if draft.groups else "histogram"
        else:
            _measure(draft, found, "counts", column.name)
            draft.plot = "bars"


def _compared(draft: Draft, page: Page) -> None:
    """`compare male and female income`, `income by region`: the mean of a number for each group."""
    if not draft.groups:
        return
    compare = re.search(r"\b(?:compare|comparison|versus|vs|by|across|difference|differ)\b", page.text.lower())
    for found in page.find(r"(?:compare |comparison of )?(?P<c>{C})"):
        mention = found.items("C", "c")[0]
        if compare and draft.numeric(mention.column) and mention.column not in draft.groups:
            _measure(draft, found, "mean", draft.use(mention))
            draft.plot = "bars"
            _take(page, bag("compare comparison vs versus with"))


def _listed(draft: Draft, page: Page) -> None:
    """`rows where age > 60`: how many rows are left; `countries with …`: which they are."""
    if draft.limits and not draft.groups:
        for found in page.find(
            r"(?:(?:show|list|find|get|which|what|all) )*(?P<c>{C})(?= ~| with| where|$| have| are| \?)"
        ):
            column = draft.column(found.items("C", "c")[0].column)
            if column.kind == "text" and column.distinct >= 0.9 * max(column.present, 1):
                _measure(draft, found, "values", draft.use(found.items("C", "c")[0]), all=True)
                return
        for found in page.find(
            r"(?:show |list |find |get |which |what |all )*(?:rows|records|entries|[a-z]+s)(?= ~| with|"
            r" where|$| have| are|\?)"
        ):
            if (
                found.match.group().split(" ")[-1] in ("rows", "records", "entries")
                or stem(found.match.group().split(" ")[-1]) in _PEOPLE
            ):
                _measure(draft, found, "rows")


def read_who(draft: Draft, page: Page) -> None:
    """`which country …`, `who …`: asks for a name, so a value alone does not answer it."""
    asked = re.match(r"(?:which|who|whose)\b", page.line)
    answered = any(
        want.function in ("at_max", "at_min", "values", "mode", "counts", "correlations") for want in draft.wants
    )
    if asked and draft.wants and not answered and any(want.function in ("max", "min") for want in draft.wants):
        draft.doubts.append("the question asks which one, and no column names it")


def read_named_rows(draft: Draft, page: Page) -> None:
    """`top 5 customers by income`, `which customer has the highest income`: rows named by their identifier."""
    has = r"(?:has|have|had|with|is|of|earns|recorded|shows|the|achieved|received|whose|made|paid)"
    for found in page.find(rf"(?:which|what|who|find|identify)(?: (?P<e>[a-z]+))?(?: {has})+ (?P<x>M\d+) (?P<b>{{C}})"):
        function = page.item(found.group("x"))[0]
        name = entity_column(draft, found.group("e") or "person")
        at = found.items("C", "b")[0]
        if name and function in ("max", "min") and draft.numeric(at.column):
            _measure(draft, found, f"at_{function}", name, at=draft.use(at))
    for found in page.find(
        r"(?P<way>top|bottom) (?P<n>{N}) (?P<e>[a-z]+) (?:by|with|in terms of|based on|according to)"
        r"(?: M\d+)? (?P<b>{C})"
    ):
        name = entity_column(draft, found.group("e"))
        if name and not page.item(found.group("n"))[1]:
            at = draft.use(found.items("C", "b")[0])
            draft.after += [
                Sort(by=(at,), descending=found.group("way") == "top"),
                Limit(int(page.item(found.group("n"))[0])),
            ]
            _measure(draft, found, "values", name, all=True)
            draft.want(
                Want(kind="measure", function="values", columns=(Col(at),), options={"all": True}, said=found.said)
            )


def read_when(draft: Draft, page: Page) -> None:
    """`on which date was the price highest`: the only date column's value there."""
    dates = [column.name for column in draft.linker.columns if column.kind == "date"]
    if len(dates) != 1 or draft.wants:
        return
    asked = r"(?:(?:on )?(?:which|what) (?:date|day|time)|when|date|day)(?: (?!C\d|M\d)\S+){0,4}?"
    for pattern in (rf"{asked} (?P<x>{{M}}) (?P<b>{{C}})", rf"{asked} (?P<b>{{C}})(?: \S+){{0,4}}? (?P<x>{{M}})"):
        for found in page.find(pattern):
            function, at = page.item(found.group("x"))[0], found.items("C", "b")[0]
            if function in ("max", "min") and draft.numeric(at.column):
                _measure(draft, found, f"at_{function}", dates[0], at=draft.use(at))


def entity_column(draft: Draft, word: str) -> str | None:
    """The column that names what a row is, for a noun such as `customers`: CustomerID, country name."""
    root = stem(word)
    for column in draft.linker.columns:
        if (
            len(column.parts) > 1
            and stem(column.parts[0]) == root
            and column.parts[-1] in ("id", "name", "code", "key", "number")
        ):
            return column.name
    names = [
        c.name for c in draft.linker.columns if c.parts[-1:] == ("name",) and c.distinct >= 0.9 * max(c.present, 1)
    ]
    return names[0] if len(names) == 1 and root in _PEOPLE else None


def _take(page: Page, words: frozenset[str]) -> None:
    for element in page.elements:
        if element.code in words:
            element.used = True
