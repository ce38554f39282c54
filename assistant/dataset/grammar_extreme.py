"""Extremes: which group leads, the first rows by an order, and the value of one column where another is greatest."""

from __future__ import annotations

from assistant.dataset.draft import Draft, Want
from assistant.dataset.grammar_measure import want_measure
from assistant.dataset.link import Mention
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import Col, Limit, Measure, Sort, Step, Summarise


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
    want_measure(draft, found, f"at_{kind}", (name,), options={"at": measure.label}, by=())
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
    want_measure(draft, found, "values", (shown,), options={"all": True}, by=())
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
    want_measure(draft, found, "values", (shown,), options={"all": True}, by=())
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
        want_measure(draft, found, f"at_{kind}", (name,), options={"at": at}, by=())
    draft.want(Want(kind="measure", function=kind, columns=(Col(at),), clause=found.clause, said=found.said))
    draft.focus = tuple(names)
