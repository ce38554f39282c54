"""Relations and tests: correlations, normality, differences between groups, independence, and simple models."""

from __future__ import annotations

import re

from assistant.dataset.draft import Draft, Want
from assistant.dataset.lexicon import ERROR_METRICS
from assistant.dataset.link import Mention
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import Col
from assistant.dataset.tokens import bag

_RELATION = (
    r"(?:(?:pearson|spearman|kendall|linear|significant|statistically|rank|nonlinear|or|~|\( r \)|strong) )*"
    r"(?:correlations?|correlate|relationships?|relations?|associations?|association|"
    r"patterns or relationships|dependence|dependency)"
    r"(?: (?:coefficients?|matrix|analysis|strength|\( r \)|~|\( ~ \)|value|values|or|patterns?|exist|exists))*"
)
_BETWEEN = r"(?:between|of|among|for|with)"
_AND = (
    r"(?:(?:, and|and|,|with|to|vs|versus|&)"
    r"(?: (?:also|number|of|their|its|that|closing|value|values|price|prices|total))*)"
)


def read_relations(draft: Draft, page: Page, source: str = "question") -> None:
    """Correlations of two columns, of a column with all others, and of every pair of several."""
    gap = r"(?: (?!C\d|\.|\?|;|and |with )\S+){0,7}?"
    for found in page.find(
        rf"{_RELATION} (?:of )?(?:everything|all (?:\S+ )?|other \S+|each \S+|every \S+)+(?: \S+)"
        rf"? ?(?:with|and|to|against) (?P<c>{{C}})|(?:what|which)(?: \S+){{0,3}}? (?:correlates?|"
        rf"correlated)(?: (?:most|strongly|strongest|best|M\d+))*(?: with| to) (?P<d>{{C}})"
    ):
        _want(draft, found, "correlations", [found.items("C")[0].column], source)
    for found in page.find(
        rf"{_RELATION} {_BETWEEN}{gap} (?P<c>{{C}}){gap} {_AND}{gap} (?P<d>{{C}})(?: {_AND}{gap} (?P<e>{{C}}))*"
    ):
        names = [mention.column for mention in found.items("C")]
        if len(set(names)) == len(names) and all(_related(draft, name) for name in names):
            _pairs(draft, found, names, source)
    for found in page.find(
        r"(?:is|are|does|do) (?P<c>{C})(?: \S+){0,3}? (?:related to|correlated with|correlate with|"
        r"associated with|correlated to|depend on|affect|influence) (?P<d>{C})|(?P<g>{C})"
        r" and (?P<h>{C}) (?:are|is|were) (?:\S+ )?(?:correlated|related|associated)|(?:are|is) (?P<e>{C})"
        r" and (?P<f>{C}) (?:\S+ )?(?:correlated|related|associated)"
    ):
        names = [mention.column for mention in found.items("C")]
        if all(_related(draft, name) for name in names):
            _pairs(draft, found, names, source)
    for found in page.find(rf"(?P<c>{{C}}) (?:vs|versus|and|against) (?P<d>{{C}}) {_RELATION}"):
        names = [mention.column for mention in found.items("C")]
        if all(_related(draft, name) for name in names):
            _pairs(draft, found, names, source)
    if len(draft.focus) == 1:
        for found in page.find(rf"{_RELATION} (?:with|to) (?P<c>{{C}})"):
            names = [draft.focus[0], found.items("C", "c")[0].column]
            if all(_related(draft, name) for name in names) and len(set(names)) == 2:
                _pairs(draft, found, names, source)
    if len(draft.focus) == 2:
        for found in page.find(
            rf"{_RELATION} {_BETWEEN} (?:these|two|both|them)(?: (?:these|two|columns?|variables?|features?))*"
        ):
            _pairs(draft, found, list(draft.focus), source)
    for found in page.find(rf"{_RELATION}(?: {_BETWEEN}| \S+){{0,3}}? (?P<c>{{CS}})"):
        names = [mention.column for mention in found.items("C", "c")]
        if len(names) >= 2 and all(_related(draft, name) for name in names):
            _pairs(draft, found, names, source)


def _related(draft: Draft, name: str) -> bool:
    return draft.numeric(name) or name in draft.derived


def _pairs(draft: Draft, found: Found, names: list[str], source: str) -> None:
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            _want(draft, found, "correlation", [first, second], source)
    draft.plot = draft.plot or "scatter"


def _want(draft: Draft, found: Found, function: str, names: list[str], source: str) -> None:
    for mention in found.items("C"):
        draft.use(mention)
    method = draft.settings.method or "pearson"
    draft.want(
        Want(
            kind="measure", function=function, columns=tuple(Col(name) for name in names), by=draft.groups,
            options={"method": method}, clause=found.clause, said=found.said, source=source,
        )
    )  # fmt: skip
    draft.focus = tuple(names)
    found.take()


# -- tests ------------------------------------------------------------------------------------------------------------

_NORMAL = re.compile(
    r"normality|normal distribution|normally distributed|follow\w* (?:a )?normal|normalcy|gaussian", re.IGNORECASE
)


def read_normality(draft: Draft, page: Page, text: str) -> None:
    """Is a column normally distributed: by the test that the text names, else Shapiro-Wilk."""
    if not _NORMAL.search(text) and not draft.settings.normality:
        return
    kind = draft.settings.normality or "shapiro"
    columns = r"(?P<c>{CS})"
    words = r"(?:normal|normality|normally|normalcy|gaussian|distribution|distributed|shapiro|anderson)"
    for pattern in (rf"{words}(?: (?!\.|\?)\S+){{0,8}}? {columns}", rf"{columns}(?: (?!\.|\?)\S+){{0,6}}? {words}"):
        for found in page.find(pattern):
            names = [draft.use(mention) for mention in found.items("C", "c")]
            if all(_related(draft, name) for name in names):
                _normality(draft, found, kind, names)
    if not any(want.kind == "test" for want in draft.wants) and draft.focus:
        for name in draft.focus:
            draft.want(Want(kind="test", function=kind, columns=(Col(name),), phase="post"))
    _take_words(page, _TEST_WORDS)


def _normality(draft: Draft, found: Found, kind: str, names: list[str]) -> None:
    for name in names:
        draft.want(
            Want(kind="test", function=kind, columns=(Col(name),), clause=found.clause, said=found.said, phase="post")
        )
    draft.focus = tuple(names)
    found.take()


_TEST_WORDS = bag("normal normality normally distribution distributed follows follow following test normalcy gaussian")
_GROUP_TESTS = (
    (r"welch", "welch"),
    (r"\bt[- ]?tests?\b|student['’]?s? t", "t"),
    (r"mann[- ]whitney", "mann_whitney"),
    (r"\banova\b|analysis of variance", "anova"),
    (r"kruskal", "kruskal"),
    (r"levene", "levene"),
    (r"bartlett", "bartlett"),
    (r"kolmogorov[- ]smirnov|two[- ]sample ks", "ks_2"),
    (r"chi[- ]?squared?", "chi2"),
)
_DIFFERENCE = re.compile(
    r"significant(?:ly)? differen\w+|differ\w* significantly|statistically differen\w+", re.IGNORECASE
)


def read_group_tests(draft: Draft, page: Page, text: str) -> None:
    """Tests of a difference between groups, or of independence of two categories."""
    kind = next((kind for pattern, kind in _GROUP_TESTS if re.search(pattern, text, re.IGNORECASE)), "")
    if kind == "ks_2" and draft.settings.normality == "ks" and not draft.groups:
        return
    if not kind and not _DIFFERENCE.search(text):
        return
    mentioned = list(dict.fromkeys(m.column for m in _columns(page)))
    if kind == "chi2" or (not kind and len(mentioned) == 2 and not any(draft.numeric(name) for name in mentioned)):
        _independence(draft, page, mentioned)
        return
    _difference(draft, page, kind, mentioned)


def _columns(page: Page) -> list[Mention]:
    return [element.item for element in page.elements if element.code[0] == "C" and element.code[1:].isdigit()]


def _independence(draft: Draft, page: Page, mentioned: list[str]) -> None:
    names = [name for name in mentioned if name in draft.linker.by_name and draft.column(name).categorical]
    if len(names) == 2:
        _test(draft, page, "chi2", tuple(names), None)


def _difference(draft: Draft, page: Page, kind: str, mentioned: list[str]) -> None:
    group = (
        draft.groups[0]
        if draft.groups
        else next((n for n in mentioned if n in draft.linker.by_name and _grouping(draft, n)), None)
    )
    measured = [name for name in mentioned if name != group and _related(draft, name)]
    if group is None and len(measured) == 2:
        _test(draft, page, kind or "welch", tuple(measured), None)
        return
    if group is None or len(measured) != 1:
        return
    two = draft.column(group).distinct == 2 or any(
        limit.said and group in repr(limit.condition) for limit in draft.limits
    )
    if kind in ("t", "welch", ""):
        default = "t" if draft.settings.equal_var is not False else "welch"
        kind = (default if kind else "welch") if two else "anova"
        kind = "welch" if kind == "t" and draft.settings.equal_var is False else kind
    _test(draft, page, kind, (measured[0],), group)


def _grouping(draft: Draft, name: str) -> bool:
    column = draft.column(name)
    return column.kind in ("text", "boolean") and 2 <= column.distinct <= 20


def _test(draft: Draft, page: Page, kind: str, names: tuple[str, ...], by: str | None) -> None:
    draft.want(
        Want(
            kind="test",
            function=kind,
            columns=tuple(Col(name) for name in names),
            by=(by,) if by else (),
            phase="post",
        )
    )
    for mention in _columns(page):
        if mention.column in (*names, by):
            draft.use(mention)
    _take_words(
        page,
        bag(
            "significant significantly difference differences differ statistically test t anova analysis var"
            "iance mann whitney u chi square squared kruskal wallis levene group groups one way two sample tailed"
        ),
    )
    for element in page.elements:
        if element.code[0] == "C" and element.code[1:].isdigit() and element.item.column in (*names, by):
            element.used = True


def _take_words(page: Page, words: frozenset[str]) -> None:
    for element in page.elements:
        if element.code in words:
            element.used = True


# -- models -----------------------------------------------------------------------------------------------------------

_FEATURES = (
    r"(?:based on|using|with|on|from|by|given|as (?:input|independent|predictor) \S+|(?:predictor|"
    r"independent|input|explanatory)s?(?: variables?| features?)?(?: (?:are|is|:|being))*|"
    r"features?(?: (?:are|is|:|such|as|like|being|include|including))*|predictors?(?: (?:are|is|:))*)"
)


def read_fits(draft: Draft, page: Page, notes: Page) -> None:
    """A model, its target and features, and how it is scored."""
    codes = [(p, e) for p in (page, notes) for e in p.elements if e.code[0] == "L" and e.code[1:].isdigit()]
    if not codes:
        return
    model, task = codes[0][1].item
    target = _target(draft, page) or _target(draft, notes)
    if target is None:
        return
    features = _features(draft, page, target) or _features(draft, notes, target)
    if not features:
        return
    metrics = draft.settings.metrics
    if not task:
        task = (
            "regression"
            if metrics and metrics[0] in ERROR_METRICS
            else "classification"
            if metrics
            else _task(draft, target)
        )
    for metric in metrics or (("r2",) if task == "regression" else ("accuracy",)):
        draft.want(
            Want(
                kind="fit",
                function=model,
                phase="post",
                extra={"features": features, "target": target, "metric": metric, "task": task},
            )
        )
    for each in (page, notes):
        for element in each.elements:
            if element.code[0] in "LK" and element.code[1:].isdigit():
                element.used = True
        _take_words(each, _FIT_WORDS)


_FIT_WORDS = bag(
    """machine learning train training trained trains testing test predict predicting prediction predictive
    predicts model models algorithm performance performing evaluate evaluation split splits splitting set
    sets ratio target feature predictor predictors independent dependent fit fitting random state
    regression classification classifier size metric score rest remaining used build develop implement
    implementation error square root reproducibility"""
)


def _task(draft: Draft, target: str) -> str:
    column = draft.column(target)
    return "regression" if column.kind == "number" and column.distinct > 20 else "classification"


def _target(draft: Draft, page: Page) -> str | None:
    for pattern in (
        r"L\d+ (?:of|for) (?P<c>{C})",
        r"(?:predict|predicting|predicts|prediction of|estimate|estimating|forecast|classify)(?: \S+){0,4}? (?P<c>{C})",
        r"(?:target|dependent|response|outcome)(?: (?:variable|is|feature|column|:|as))* (?P<c>{C})",
        r"(?P<c>{C})(?: (?:as|is|being))+ (?:target|dependent|response|outcome)(?: variable)?",
    ):
        found = page.first(pattern)
        if found is not None:
            return draft.use(found.items("C", "c")[0])
    return None


def _features(draft: Draft, page: Page, target: str) -> tuple[str, ...]:
    for found in page.find(rf"{_FEATURES}(?: \S+){{0,5}}? (?P<c>{{CS}})"):
        names = [draft.use(m) for m in found.items("C", "c") if m.column != target]
        if names and "." not in found.match.group().split(" "):
            found.take()
            return tuple(dict.fromkeys(names))
    for found in page.find(r"(?P<c>{CS})(?: (?:as|are|is|being))+ (?:input|independent|predictor|features?)\S*"):
        names = [draft.use(m) for m in found.items("C", "c") if m.column != target]
        if names:
            found.take()
            return tuple(dict.fromkeys(names))
    return ()
