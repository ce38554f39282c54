"""New columns: sums, differences, ratios, products, averages, row changes, logs, bins, dates, formulas."""

from __future__ import annotations

import re

from assistant.dataset.draft import Draft
from assistant.dataset.link import Linker
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import Call, Col, Const, Derive, Expr
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
    r"as|that|which|representing)",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"\bnew(?:ly created)? (?:feature|column|variable|metric)|create (?:a|an) (?:feature|column)|newly created",
    re.IGNORECASE,
)
NAMELESS = "new feature"


def new_names(text: str, linker: Linker) -> tuple[str, ...]:
    """Names that the text gives to columns it adds."""
    found: list[str] = []
    for pattern in (_NAMED, _QUOTED_NEW):
        for match in pattern.finditer(text):
            name = (match.group("a") or match.group("b") or "").strip()
            if name and name not in found and not any(joined(name) == joined(each) for each in found):
                found.append(name)
    known = {column.name for column in linker.columns}
    fresh = tuple(
        name
        for name in found
        if name not in known and name.lower() not in ("by", "that", "which", "as", "the", "representing")
    )
    return fresh if fresh or not _NEW.search(text) else (NAMELESS,)


def read_derived(draft: Draft, page: Page, names: tuple[str, ...]) -> None:
    """Read how each new column is computed; where a text names one, the first expression after it is its value."""
    for name in names:
        if name not in draft.derived:
            _named(draft, page, name)
    _formulas(draft, page, names)


_NAME = r"(?:C\d+ )"
_GAP = r"(?:(?! \.|\?|!|;)\S+ ){0,14}?"
_OPERATIONS: tuple[tuple[str, str], ...] = (
    (r"percentage change(?:s)?(?: (?:in|of|from|for|between|daily|price))* (?P<c>{C})(?: (?:price|"
     r"prices|from|compared|to|with|of|between|over|previous|preceding|prior|day|row|consecutive|days|"
     r"rows|period|entry|each|last|one|next|and|current))*", "pct"),
    (r"(?:daily |day to day )?(?:returns?|change) (?:in|of) (?P<c>{C})(?: (?:price|from|previous|day|"
     r"row|compared|to))+", "diff"),
    (r"(?:difference|gap|spread|differenc\w+)(?: in \S+)? (?:between|of) (?P<c>{C}) (?:and|from|to)"
     r" (?:(?:their|its|that|of) )*(?P<d>{C})", "sub"),
    (r"subtract(?:ing|ed|s)? (?:each \S+ |values? of )?(?P<d>{C})(?: (?:value|values|of))"
     r"* from (?:their |its |each )?(?P<c>{C})", "sub"),
    (r"(?P<c>{C})(?: value)? (?:minus|-|−|–) (?P<d>{C})", "sub"),
    (r"(?:ratio|quotient) (?:of|between) (?P<c>{C}) (?:to|and|over|by|divided by|with) (?P<d>{C})", "div"),
    (r"(?:divid(?:e|ing|ed)) (?:values? of )?(?P<c>{C})(?: values?)? by (?:values? of )?(?P<d>{C})", "div"),
    (r"(?P<c>{C}) (?:divided by|/|over|per) (?P<d>{C})", "div"),
    (r"(?:multipl(?:y|ying|ied|ication)|product)(?: (?:directly|of|between|values|together|by))"
     r"* (?P<cs>{CS})(?: (?:by|with) (?P<d>{C}))?", "mul"),
    (r"(?P<c>{C}) (?:multiplied by|times|\*) (?P<d>{C})", "mul"),
    (r"(?:sum|add(?:ing|ition)?|M_sum|total|combin(?:e|ing|ation)|summing)(?: (?:up|of|together|"
     r"values|percentages|percentage|number|numbers|both|graduates|fields|in|for|across))"
     r"* (?P<cs>{CS})(?: (?:to|with) (?P<d>{C}))?", "add"),
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
        if expression is not None:
            draft.derives.append(Derive(name, expression))
            best[1].take()
            _take_name(page, name, start)


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
        if element.code in _INTRODUCING:
            element.used = True


_INTRODUCING = bag(
    "perform feature engineering by creating create new called named that represents represent i"
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
    for found in page.find(
        r"(?:\S+ )?(?:log|logarithm|logarithmic) (?:transformation|transformed|transform)|transformed"
    ):
        if draft.in_place:
            found.take()


def read_bins(draft: Draft, page: Page, names: tuple[str, ...]) -> None:
    """Labels by percentile: `High at or above the 75th percentile of x, Low at or below the 25th`."""
    text = page.text
    labels = [match.group(1) for match in re.finditer(r"['\"“]([A-Za-z][\w -]{0,30})['\"”]", text)]
    quantiles = sorted(
        {
            int(match)
            for match in re.findall(r"(\d{1,2})(?:st|nd|rd|th)? percentile", text)
            + re.findall(r"(\d{1,2})(?:st|nd|rd|th) (?:to|and) ", text)
        }
    )
    if not names or not quantiles or not re.search(r"categor|bin|group|label|class", text, re.IGNORECASE):
        return
    name = names[0]
    columns = [
        e.item.column for e in page.elements if e.code[0] == "C" and e.code[1:].isdigit() and e.item.column != name
    ]
    order = _by_level(
        [label for label in dict.fromkeys(labels) if label != name and label not in columns], len(quantiles) + 1
    )
    if name in draft.derived or not columns or order is None or len(set(columns)) != 1 or not draft.numeric(columns[0]):
        return
    draft.bins = (name, columns[0], tuple(quantiles), order)
    for element in page.elements:
        if page.clause(page.elements.index(element)) >= 0 and _in_bins(element, columns[0], order, name):
            element.used = True


def _by_level(labels: list[str], n: int) -> tuple[str, ...] | None:
    """Labels from least to greatest, by what they mean."""
    ranks = {"very low": 0, "low": 1, "lower": 1, "cheap": 1, "small": 1, "short": 1, "poor": 1, "young": 1,
             "below average": 2,
             "medium": 3, "moderate": 3, "middle": 3,
             "average": 3, "mid": 3, "normal": 3, "above average": 4, "high": 5, "upper": 5, "large": 5, "expensive": 5,
             "long": 5, "old": 5, "rich": 5, "very high": 6}  # fmt: skip
    known = [label for label in labels if label.lower() in ranks]
    distinct = list({label.lower(): label for label in known}.values())
    if len(distinct) != n:
        return None
    return tuple(sorted(distinct, key=lambda label: ranks[label.lower()]))


def _in_bins(element: object, column: str, order: tuple[str, ...], name: str) -> bool:
    code, item = getattr(element, "code", ""), getattr(element, "item", None)
    if code[:1] in ("N", "O") and code[1:].isdigit():
        return True
    if code[:1] == "M" and code[1:].isdigit():
        return item is not None and item[0] == "quantile"
    words = {
        "categorizes",
        "categorize",
        "categories",
        "category",
        "represented",
        "percentile",
        "percentiles",
        "between",
        "prices",
        "greater",
        "equal",
        "less",
        "create",
        "new",
        "called",
        "creating",
        "defined",
    }
    return (
        code in words
        or code in {label.lower() for label in order}
        or (
            code[:1] == "C"
            and code[1:].isdigit()
            and item is not None
            and getattr(item, "column", "") in (column, name)
        )
    )


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
