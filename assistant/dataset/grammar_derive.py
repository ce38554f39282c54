"""New columns: sums, differences, ratios, products, averages, row changes, logs, bins, dates, formulas."""

from __future__ import annotations

import re

from assistant.dataset.draft import Draft, Want
from assistant.dataset.lexicon import NAMELESS
from assistant.dataset.link import Linker
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import Call, Case, Col, Compare, Condition, Const, Derive, Expr
from assistant.dataset.tokens import bag, joined, number_value

_NAMED = re.compile(
    r"(?:new |a |an |the )*(?:feature|column|variable|attribute|metric|field)s?(?: which is| that is)"
    r"?,? (?:called|named|titled|labelled|labeled|as|by the name(?: of)?)\s+"
    r"(?:[\"'“`](?P<a>[^\"'”`\n]{1,60})[\"'”`]|(?P<b>[A-Za-z_]\w*))",
    re.IGNORECASE,
)
_QUOTED_NEW = re.compile(
    r"(?:new |create |creating |add |adding |generate |derive |calculate )(?:a |an |the )?(?:new )"
    r"?[\"'“`](?P<a>[^\"'”`\n]{1,60})[\"'”`](?: (?:feature|column|variable))?"
    r"|(?:new (?:feature|column|variable)),? [\"'“`]?(?P<b>[A-Za-z][\w /%-]{1,40}?)[\"'”`]?,? (?:by|"
    r"as|that|which|representing|equal|computed|defined|calculated|with|for|is|by)",
    re.IGNORECASE,
)
_BARE_NEW = re.compile(
    r"(?:make|create|add|compute|define|build|derive)s?(?:ing)? (?:a |an |the )?(?:new )?(?:column|feature|variable) "
    r"(?P<a>[A-Za-z_]\w*)(?P<b>)(?= (?:by|as|=|that|which|from|with|of|equal))",
    re.IGNORECASE,
)
_SPOKEN_NEW = re.compile(
    r"(?:make|create|add|define|build|derive)(?:s|ing)? (?:a |an )(?:new )"
    r"?(?P<a>[A-Za-z][a-z]+(?: [a-z]+){0,2}?)(?P<b>) "
    r"(?:column|feature|variable)\b(?! (?:called|named|titled))",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"\bnew(?:ly created)? (?:feature|column|variable|metric)|create (?:a|an) (?:feature|column)|newly created",
    re.IGNORECASE,
)


def new_names(text: str, linker: Linker) -> tuple[str, ...]:
    """Names that the text gives to columns it adds."""
    found: list[str] = []
    for pattern in (_NAMED, _QUOTED_NEW, _BARE_NEW, _SPOKEN_NEW):
        for match in pattern.finditer(text):
            name = (match.group("a") or match.group("b") or "").strip()
            if name and name not in found and not any(joined(name) == joined(each) for each in found):
                found.append(name)
    known = {column.name for column in linker.columns}
    fresh = tuple(
        name
        for name in found
        if name not in known
        and name.lower()
        not in ("by", "that", "which", "as", "the", "representing", "new", "single", "binary", "categorical", "numeric")
    )
    return fresh if fresh or not _NEW.search(text) else (NAMELESS,)


def read_derived(draft: Draft, page: Page, names: tuple[str, ...]) -> None:
    """Read how each new column is computed; where a text names one, the first expression after it is its value."""
    for name in names:
        _flagged(draft, page, name)
        _named(draft, page, name)
    _formulas(draft, page, names)


_NAME = r"(?:C\d+ )"
_OPERATIONS: tuple[tuple[str, str], ...] = (
    (r"percentage change(?:s)?(?: (?:in|of|from|for|between|daily|price))* (?P<c>{C})(?: (?:price|"
     r"prices|from|compared|to|with|of|between|over|previous|preceding|prior|day|row|consecutive|days|"
     r"rows|period|entry|each|last|one|next|and|current))*", "pct"),
    (r"(?:daily |day to day )?(?:returns?|change) (?:in|of) (?P<c>{C})(?: (?:price|from|previous|day|"
     r"row|compared|to))+", "diff"),
    (r"(?:difference|gap|spread|differenc\w+)(?: in \S+)? (?:between|of)(?: (?!C\d)\S+)"
     r"{0,2}? (?P<c>{C}) (?:and|from|to)"
     r" (?:(?:their|its|that|of|on) )*(?P<d>{C})", "sub"),
    (r"subtract(?:ing|ed|s)?(?: (?!C\d)\S+){0,3}? (?P<d>{C})(?: (?:value|values|of))"
     r"* from (?:their |its |each )?(?P<c>{C})", "sub"),
    (r"(?P<c>{C})(?: value)? (?:minus|-|−|–) (?P<d>{C})", "sub"),
    (r"(?:ratio|quotient) (?:of|between) (?P<c>{C}) (?:to|and|over|by|divided by|with) (?P<d>{C})", "div"),
    (r"(?:divid(?:e|ing|ed)) (?:values? of )?(?P<c>{C})(?: values?)? by (?:values? of )?(?P<d>{C})", "div"),
    (r"(?P<c>{C}) (?:divided by|/|over|per) (?P<d>{C})", "div"),
    (r"(?:multipl(?:y|ying|ied|ication)|product)(?: (?:directly|of|between|values|together|by))"
     r"* (?P<cs>{CS})(?: (?:by|with) (?P<d>{C}))?", "mul"),
    (r"(?P<c>{C}) (?:multiplied by|times|\*) (?P<d>{C})", "mul"),
    (r"(?:sum|add(?:ing|ition)?|M_sum|total|combin(?:e|ing|ation)|summing)(?: (?!C\d|\.|\?|by )\S+){0,8}?"
     r" (?P<cs>{CS})(?: (?:to|with) (?P<d>{C}))?", "add"),
    (r"(?P<c>{C}) (?:plus|\+) (?P<d>{C})", "add"),
    (r"(?:M_mean|average|mean)(?: (?:\S+)){0,6}? (?P<cs>{CS})", "mean_of"),
    (r"(?:natural )?(?:log|logarithm|logarithmic)(?: (?:transformation|transform|transformed|values?|"
     r"base))*(?: (?:of|to|on|for))*(?: values?)?(?: of)? (?P<c>{C})", "log"),
    (r"(?:square root|sqrt)(?: (?:of|transformation|to|on))* (?P<c>{C})", "sqrt"),
    (r"(?:square|squaring|squared)(?: (?:of|value|values))* (?P<c>{C})", "square"),
    (r"(?:year|month|day|weekday|hour|quarter)(?: (?:of|from|in|part|component|extracted))+ (?P<c>{C})", "part"),
)  # fmt: skip


def _named(draft: Draft, page: Page, name: str) -> None:
    start = _place(page, name)
    if start is None:
        start = 0
        if name not in draft.derived:
            return
    best: tuple[int, Found, str] | None = None
    for pattern, operation in _OPERATIONS:
        for found in page.find(_words(page, pattern)):
            position = found.span()[0]
            sentence_gap = page.clause(position) - page.clause(start)
            names = [mention.column for mention in found.items("C")]
            if name in names or not 0 <= sentence_gap <= 1:
                continue
            rank = position if position > start else position + 1000
            if best is None or rank < best[0]:
                best = (rank, found, operation)
    if best is not None:
        expression = _expression(draft, best[1], best[2])
        if expression is not None and (name not in draft.derived or _restates(draft, name, best[1])):
            if name not in draft.derived:
                draft.derives.append(Derive(name, expression))
            best[1].take()
            _take_name(page, name, start)


def _flagged(draft: Draft, page: Page, name: str) -> None:
    """`1 if the size is 1, otherwise 0`: a number or another by one comparison."""
    if name in draft.derived or _place(page, name) is None:
        return
    test = (
        r"(?P<a>N\d+) (?:if|when|where|for)(?: \S+){0,2}? (?P<c>C\d+)(?: (?:is|was|are|value))"
        r"* (?P<o>O\d+|is|are) (?P<n>N\d+)"
    )
    for found in page.find(rf"{test}(?: \S+){{0,4}}? (?P<b>{{N}})(?: otherwise| for others| if not)?"):
        mention = found.items("C", "c")[0]
        yes, limit, no = (number_value(page.item(found.group(key))[0]) for key in "anb")
        op = page.item(found.group("o")) if found.group("o").startswith("O") else "eq"
        said = page.said(*found.span()).lower()
        if draft.numeric(mention.column) and ("otherwise" in said or "else" in said):
            condition = Compare(op, Col(draft.use(mention)), Const(limit))
            draft.derives.append(Derive(name, Case(branches=((condition, Const(yes)),), otherwise=Const(no))))
            found.take()
            _take_name(page, name, _place(page, name) or 0)
            return


def _restates(draft: Draft, name: str, found: Found) -> bool:
    """Tell whether the same columns are spoken of as in what the other text said of a new column."""
    text = repr(next(step.value for step in draft.derives if step.name == name))
    return all(repr(mention.column) in text for mention in found.items("C"))


def without_aside(text: str, names: tuple[str, ...]) -> str:
    """Blank what stands in parentheses right after a new column's name; offsets stay."""
    for name in names:
        pattern = rf"({re.escape(name)}[\"'”`]?\s*)(\([^()]*\))"
        text = re.sub(pattern, lambda match: match.group(1) + " " * len(match.group(2)), text)
    return text


def _words(page: Page, pattern: str) -> str:
    """Measures inside a definition are symbols by now: `sum` and `mean` of the patterns become theirs."""
    for name in ("sum", "mean"):
        codes = [e.code for e in page.elements if e.code[0] == "M" and e.code[1:].isdigit() and e.item[0] == name]
        pattern = pattern.replace(f"M_{name}", "|".join(codes) or "sum_" + name)
    return pattern


def _place(page: Page, name: str) -> int | None:
    for index, element in enumerate(page.elements):
        if element.code[0] == "C" and element.code[1:].isdigit() and element.item.column == name and not element.used:
            return index
    if name == NAMELESS:
        words = [element.code for element in page.elements]
        return next(
            (index for index, word in enumerate(words) if word in ("new", "create", "creating", "newly", "generate")),
            None,
        )
    return None


def _take_name(page: Page, name: str, start: int) -> None:
    """The words around a new column's name say only that there is one."""
    for element in page.elements[max(0, start - 6) : start + 1]:
        if element.code in _INTRODUCING or (
            element.code[0] == "C" and element.item is not None and getattr(element.item, "column", None) == name
        ):
            element.used = True
    for element in page.elements:
        equal = element.code[0] == "O" and element.code[1:].isdigit() and element.item == "eq"
        if element.code in _INTRODUCING or (equal and page.elements[start + 1 : start + 2] == [element]):
            element.used = True


_INTRODUCING = bag(
    "perform feature engineering by creating equal defined computed create make makes making define "
    "build compute new calle"
    "d named that represents represent i"
    "s calculated as which generate adding add column newly created engineer"
)


def _expression(draft: Draft, found: Found, operation: str) -> Expr | None:
    groups = found.match.groupdict()
    names = [draft.use(mention) for key in ("cs", "c", "d") if groups.get(key) for mention in found.items("C", key)]
    columns: tuple[Expr, ...] = tuple(Col(name) for name in names)
    if not columns or not all(draft.numeric(name) or name in draft.derived or operation == "part" for name in names):
        return None
    if operation == "pct":
        return Call("mul", (Call("pct_change", columns[:1]), Const(100)))
    if operation == "part":
        return Call(found.match.group().split(" ")[0], columns[:1])
    if operation == "log":
        return Call(_log(found.page.text), columns[:1])
    if operation in ("diff", "sqrt", "square"):
        return Call(operation, columns[:1])
    return Call(operation, columns) if len(columns) > 1 else None


def _log(text: str) -> str:
    lower = text.lower()
    if re.search(r"base[- ]?10|log10", lower):
        return "log10"
    if re.search(r"log1p|log\s?\(\s?(?:1 ?\+|x ?\+ ?1)|plus one|add(?:ing)? 1", lower):
        return "log1p"
    return "log2" if re.search(r"base[- ]?2\b|log2", lower) else "log"


# -- in place ---------------------------------------------------------------------------------------------------------


def read_transforms(draft: Draft, page: Page) -> None:
    """Transformations of a column in place: `log transform the price column`."""
    apply = r"(?:(?:apply|applying|perform|performing|transform|transforming|by|a|of|natural|using) )*"
    for found in page.find(
        rf"(?:transform|transforming|log transform) (?P<c>{{C}})(?: \S+){{0,4}}? (?:log|logarithm|"
        r"logarithmic|natural)(?: (?:log|logarithm|transformation|transform))*|"
        rf"{apply}log (?:transformation|transform|scale)(?: (?:of|to|on|in|for))* (?P<d>{{C}})"
    ):
        mention = found.items("C")[0]
        name = draft.use(mention)
        if draft.numeric(name) and name not in draft.derived:
            draft.derives.append(Derive(name, Call(_log(page.text), (Col(name),))))
            found.take()
            draft.in_place.append(name)
            draft.focus = draft.focus or (name,)
    for found in page.find(
        r"(?:\S+ )?(?:log|logarithm|logarithmic) (?:transformation|transformed|transform)|transformed"
    ):
        if draft.in_place:
            found.take()


_LABEL = re.compile(r"['\"“]([A-Za-z][\w -]{0,30})['\"”]")
_BINNING = re.compile(r"categor|\bbins?\b|\bbinn|group|label|class|segment", re.IGNORECASE)
_RANKS = {
    rank: bag(words)
    for rank, words in enumerate(
        (
            "low lower cheap small short poor young light slow cold weak bad",
            "medium moderate middle average mid normal fair",
            "high upper large expensive long old rich heavy fast hot strong good big",
        )
    )
}


def read_bins(draft: Draft, page: Page, names: tuple[str, ...]) -> None:
    """Labels by percentile (`High at or above the 75th percentile of x`) or by numbers (`'Young' below 30`)."""
    if not names or names[0] in draft.derived or draft.bins is not None or not _BINNING.search(page.text):
        return
    name = names[0]
    labels = tuple(dict.fromkeys(m.group(1) for m in _LABEL.finditer(page.text) if m.group(1) != name))
    elements = [e for e in page.elements if e.code[0] == "C" and e.code[1:].isdigit()]
    others = {e.item.column for e in elements} - {name}
    columns = others - {label for label in labels if _rank(label) is not None} or others
    if len(columns) != 1 or not draft.numeric(column := columns.pop()):
        return
    labels = tuple(label for label in labels if label != column)
    if _by_percentile(draft, page, name, column, labels) or _by_number(draft, page, name, column, labels):
        _take_bins(page, {column, name, *labels})


def _by_percentile(draft: Draft, page: Page, name: str, column: str, labels: tuple[str, ...]) -> bool:
    quantiles = sorted({int(n) for n in re.findall(r"(\d{1,2})(?:st|nd|rd|th)\b", page.text) if 0 < int(n) < 100})
    order = _by_level(labels, len(quantiles) + 1)
    if not quantiles or order is None:
        return False
    strict = (
        not re.search(r"greater than or|at least|or above|>=|≥", page.text),
        not re.search(r"less than or|at most|or below|<=|≤", page.text),
    )
    draft.bins = (name, column, tuple(quantiles), order, ("gt" if strict[0] else "ge", "lt" if strict[1] else "le"))
    return True


def _rank(label: str) -> int | None:
    """How much a label says, None where it is no word of degree."""
    return next((rank for rank, words in _RANKS.items() if words & set(label.lower().split())), None)


def _by_level(labels: tuple[str, ...], n: int) -> tuple[str, ...] | None:
    """Labels from least to greatest, by what they mean."""
    ranked = {}
    for label in labels:
        if (rank := _rank(label)) is not None:
            ranked[label] = rank
    if len(ranked) != n or len(set(ranked.values())) != n:
        return None
    return tuple(sorted(ranked, key=lambda label: ranked[label]))


def _by_number(draft: Draft, page: Page, name: str, column: str, labels: tuple[str, ...]) -> bool:
    """Each label with its own comparison behind it; one label may be what is left."""
    places = [(index, _label_at(page, index, labels)) for index in range(len(page.elements))]
    spots = [(index, label) for index, label in places if label]
    branches: list[tuple[Condition, Expr]] = []
    for order, (index, label) in enumerate(spots):
        end = spots[order + 1][0] if order + 1 < len(spots) else len(page.elements)
        condition = _range_of(page, index, end, column)
        if condition is not None and all(value != Const(label) for _, value in branches):
            branches.append((condition, Const(label)))
    rest = [label for label in labels if all(value != Const(label) for _, value in branches)]
    if len(branches) < 2 - len(rest) or len(rest) > 1 or not branches:
        return False
    draft.derives.append(Derive(name, Case(branches=tuple(branches), otherwise=Const(rest[0] if rest else None))))
    draft.labels[name] = labels
    if re.search(
        r"(?:each|every|per|by)(?: \w+)? (?:group|category|bin|label|class|segment)", page.text, re.IGNORECASE
    ):
        for function in ("counts", "shares"):
            draft.want(Want(kind="measure", function=function, columns=(Col(name),), phase="post"))
    return True


def _label_at(page: Page, index: int, labels: tuple[str, ...]) -> str:
    element = page.elements[index]
    text = page.said(index, index + 1).strip("'\"“” ")
    quoted = page.words[element.start].quoted
    return text if quoted and text in labels else ""


def _range_of(page: Page, start: int, end: int, column: str) -> Condition | None:
    line = " ".join(element.code for element in page.elements[start:end])
    between = re.search(r"(N\d+) (?:and|to|-|–) (N\d+)", line)
    if between:
        low, high = (number_value(page.item(code)[0]) for code in between.groups())
        return Compare("between", Col(column), (low, high))
    single = re.search(r"(O\d+) (N\d+)", line)
    if single:
        return Compare(page.item(single.group(1)), Col(column), Const(number_value(page.item(single.group(2))[0])))
    return None


def _take_bins(page: Page, names: set[str]) -> None:
    """Mark what the definition of labels says."""
    words = bag(
        """categorizes categorize categorizing categories category represented percentile percentiles between prices
        greater equal less create new called creating defined define three two four based specified into
        group groups divide divided bin bins binning"""
    )
    for index, element in enumerate(page.elements):
        code = element.code
        inside = code[:1] in "NO" and code[1:].isdigit()
        inside = inside or (code[:1] == "M" and code[1:].isdigit() and element.item[0] == "quantile")
        inside = inside or (
            code[:1] == "C" and code[1:].isdigit() and element.item.column in names and not _counted(page, index)
        )
        if inside or code in words or code in {name.lower() for name in names}:
            element.used = True


def _counted(page: Page, index: int) -> bool:
    """Tell whether a column stands where something is counted by it."""
    return index > 0 and page.elements[index - 1].code in ("each", "by", "per", "every")


# -- formulas ---------------------------------------------------------------------------------------------------------

_TOKENS = re.compile(r"C\d+|N\d+|[()+*/^-]|−|–|×|÷")


def _formulas(draft: Draft, page: Page, names: tuple[str, ...]) -> None:
    """`Daily Return = (Close - Open) / Open * 100` with columns and numbers only."""
    for found in page.find(
        r"(?P<t>C\d+) (?:=|O\d+|is calculated as|calculated as|as) (?P<f>[(CN](?:\S* )*?\S*)(?= \.| \?|$|"
        r" where| \S*,|\n)"
    ):
        target = found.items("C", "t")[0].column
        tokens = found.group("f").split(" ")
        if target in names and target not in draft.derived and all(_TOKENS.fullmatch(token) for token in tokens):
            expression = parse_formula(page, tokens)
            if expression is not None:
                draft.derives.append(Derive(target, expression))
                found.take()


def parse_formula(page: Page, tokens: list[str]) -> Expr | None:
    """Arithmetic over columns and numbers by precedence; None where the tokens are no formula."""
    stack = list(reversed(tokens))
    try:
        expression = _sum(page, stack)
    except (IndexError, ValueError):
        return None
    return expression if not stack else None


def _sum(page: Page, stack: list[str]) -> Expr:
    left = _product(page, stack)
    while stack and stack[-1] in ("+", "-", "−", "–"):
        operator = stack.pop()
        left = Call("add" if operator == "+" else "sub", (left, _product(page, stack)))
    return left


def _product(page: Page, stack: list[str]) -> Expr:
    left = _power(page, stack)
    while stack and stack[-1] in ("*", "/", "×", "÷"):
        operator = stack.pop()
        left = Call("mul" if operator in ("*", "×") else "div", (left, _power(page, stack)))
    return left


def _power(page: Page, stack: list[str]) -> Expr:
    left = _atom(page, stack)
    if stack and stack[-1] == "^":
        stack.pop()
        return Call("pow", (left, _atom(page, stack)))
    return left


def _atom(page: Page, stack: list[str]) -> Expr:
    token = stack.pop()
    if token == "(":
        inner = _sum(page, stack)
        if stack.pop() != ")":
            raise ValueError(token)
        return inner
    if token in ("-", "−"):
        return Call("neg", (_atom(page, stack),))
    if token.startswith("C") and token[1:].isdigit():
        return Col(page.item(token).column)
    if token.startswith("N") and token[1:].isdigit():
        return Const(number_value(page.item(token)[0]))
    raise ValueError(token)
