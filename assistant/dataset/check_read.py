"""Was all of a question used? What no rule took, no kind of value implies and no other text confirms is unread."""

from __future__ import annotations

import re

from assistant.dataset.bind import sense_of
from assistant.dataset.draft import Draft
from assistant.dataset.leftover import leftovers
from assistant.dataset.page import Page
from assistant.dataset.steps import Impute, Query, Scale
from assistant.dataset.tokens import bag, stem

_SYMBOL = re.compile(r"[CVMOLKND]\d+")
_IMPLIED = {
    "correlation": bag(
        """relationship relationships tau rho linear nonlinear correlation correlations correlated coefficient
        coefficients significant significance strength direction type positive negative positively
        negatively tailed test r p value values how corr differ differs linearity association associated
        exist strong weak patterns pattern related highly matrix pearson or"""
    ),
    "test": bag(
        """significant significance difference differences differ test tests p value statistic normal normality
        normally distribution distributed follows follow hypothesis null two sample tailed way one type
        whether groups group reject different association associated independence independent
        relationship related dependent"""
    ),
    "outliers": bag(
        """outlier outliers counts below above detection detect identify identified removing remove removed z score
        scores method after without threshold interquartile iqr rule defined located outside whiskers
        box plot point considered data new recalculate before replaced replace handling treat excluding
        any exist"""
    ),
    "rows": bag(
        """handling handle missing fill filling filled replacing replace impute imputing imputed removing remove
        after before normalized normalised standardized standardised scaled encoded cleaning strategies
        strategy different null nan values preprocess normalizing normalize normalization standardize
        scaling transformed transforming transform data transformation respective columns each apply
        applying mean median"""
    ),
    "skew": bag("distribution skewed skewness positively negatively positive negative right left type asymmetric"
                " symmetric"),
    "shape": bag("distribution distributions compare compared comparison comparing"),
}  # fmt: skip
_GUARDED = re.compile(
    r"^(?:not?|nor|without|exclud\w*|except|only|before|after|above|below|over|under|top|bottom|"
    r"first|last|per|each|weighted|"
    r"outliers?|missing|null|normali[sz]\w*|standardi[sz]\w*|scal\w*|encod\w*|log\w*|remov\w*|"
    r"drop\w*|fill\w*|replac\w*|imput\w*|"
    r"unique|distinct|duplicat\w*|rank\w*|sort\w*|difference|ratio|change|cumulative|rolling|moving|"
    r"group\w*|correlat\w*|"
    r"percent\w*|share|proportion|predict\w*|classif\w*|regress\w*|cluster\w*|forecast\w*|test\w*|"
    r"differ\w*|highest|lowest)$"
)


def unread_words(draft: Draft, query: Query | None) -> list[str]:
    """The words of the question and its constraints that may change the result and were not used."""
    _imply(draft)
    _take_entities(draft)
    entities = draft.linker.entity_stems
    if query is not None and (confirmed(draft) or any(want.kind == "fit" for want in draft.wants)):
        _take_confirmed(draft, repr(query))
    left = leftovers(draft.page, entities, plain=draft.plain)
    if left and query is not None and confirmed(draft):
        left = [word for word in left if not _forgiven(draft, word)]
    return left + note_leftovers(draft, query)


def _imply(draft: Draft) -> None:
    """Mark words that the kinds of what is wanted imply."""
    kinds = set()
    for want in draft.wants:
        kinds.add("correlation" if want.function in ("correlation", "correlations") else want.kind)
        kinds.add("skew" if want.function in ("skew", "kurtosis") else "")
    kinds.add("outliers" if draft.outlying else "")
    kinds.add("rows" if any(isinstance(step, (Impute, Scale)) for step, _ in draft.rows) else "")
    kinds.add("shape" if len(draft.wants) > 1 or draft.groups else "")
    words = frozenset().union(*(_IMPLIED.get(kind, frozenset()) for kind in kinds))
    for page in (draft.page, draft.notes):
        for element in page.elements:
            if element.code in words:
                element.used = True


def _take_confirmed(draft: Draft, query: str) -> None:
    """Columns spoken of again, and weak links beside exact ones, need no second use."""
    for index, element in enumerate(draft.page.elements):
        if element.code[0] == "C" and element.code[1:].isdigit() and not element.used:
            element.used = repr(element.item.column) in query or element.item.score < 0.8
        names = [part for part in _single_names(query, draft) if stem(element.code) == stem(part)]
        element.used = element.used or bool(names)
        if element.code in ("percentage", "over") and index and not element.used:
            around = draft.page.elements[index - 1 : index + 2]
            element.used = (
                around[0].used
                if element.code == "percentage"
                else (around[-1].used or around[-1].code in ("years", "time"))
            )


def _single_names(query: str, draft: Draft) -> list[str]:
    """The names of one word of the columns in use."""
    return [c.parts[0] for c in draft.linker.columns if len(c.parts) == 1 and repr(c.name) in query]


def _take_entities(draft: Draft) -> None:
    """A noun that a column of names stands for (`of the countries`) restricts nothing."""
    for element in draft.page.elements:
        if element.code[0] == "C" and element.code[1:].isdigit() and not element.used:
            column = draft.linker.by_name.get(element.item.column)
            word = draft.page.words[element.start]
            named = column is not None and column.kind == "text" and 0 < column.distinct == column.present
            element.used = named and word.lower == word.text and not word.quoted and word.lower.endswith("s")


def confirmed(draft: Draft) -> bool:
    """Tell whether constraints or the names wanted back name every column that is measured."""
    if not draft.asks or not draft.wants:
        return False
    said = {
        element.item.column
        for element in draft.notes.elements
        if element.code[0] == "C" and element.code[1:].isdigit() and element.item.score >= 0.9
    }
    for ask in draft.asks:
        said.update(sense_of(draft, ask).columns)
    said.update(draft.derived)
    wanted = {name for want in draft.wants for name in (*want.names, *want.extra.get("features", ()))}
    return wanted <= said


def _forgiven(draft: Draft, word: str) -> bool:
    """A plain word that qualifies nothing, where columns and statistics are confirmed elsewhere."""
    texts = word.split()
    if len(texts) != 1 or _GUARDED.match(word.lower()) or not word.isalpha():
        return False
    root = stem(word)
    return not any(root == stem(part) for column in draft.linker.columns for part in column.parts)


def note_leftovers(draft: Draft, query: Query | None) -> list[str]:
    """Numbers, comparisons, values and columns of the constraints that nothing has used."""
    found = []
    text = repr(query)
    for index, element in enumerate(draft.notes.elements):
        if element.used or not _SYMBOL.fullmatch(element.code):
            continue
        kind = element.code[0]
        if kind == "C" and repr(element.item.column) in text:
            continue
        if kind == "V" and (repr(element.item.value) in text or element.item.column in draft.groups):
            continue
        if kind == "N" and _number_used(element.item, text):
            continue
        if kind == "M" or (kind == "O" and _only_words(draft.notes, index)):
            continue
        found.append(draft.notes.said(index, index + 1))
    return found


def _number_used(item: tuple[float, bool], text: str) -> bool:
    value = item[0]
    forms = {repr(value), repr(value / 100)}
    if value == int(value):
        forms.add(str(int(value)))
    return any(re.search(rf"(?<![\d.]){re.escape(form)}(?![\d.])", text) for form in forms)


def _only_words(page: Page, index: int) -> bool:
    """A comparison without a number after it says nothing by itself."""
    return not any(
        each.code[:1] in "ND" and each.code[1:].isdigit() and not each.used
        for each in page.elements[index + 1 : index + 3]
    )
