"""How a question wants things computed: method, significance level, seed, split, rounding, outliers."""

from __future__ import annotations

import re
from collections.abc import Callable

from assistant.dataset.draft import Settings
from assistant.dataset.lexicon import METRICS, NORMALITY
from assistant.dataset.page import Page

_WORDS = {"one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0}
_NUMBER = r"(\d+(?:\.\d+)?|\.\d+|one|two|three|four)"

BOILERPLATE = re.compile(
    r"^\s*(?:question\s*)?\d+\s*[.:)]\s+|\bquestion \d+\s*[:.]|^\s*[{}]|[{}]\s*$|^\s*constraints?:|"
    r"^\s*\d+\.\s(?=[A-Z])|^\s*-\s"
    r"|(?:using|use|with|from|by|in)? ?(?:the )?(?:built[- ]in )?(?:\w+ )?(?:functions? )?(?:of |"
    r"from |in |available in )?(?:the )?"
    r"(?:python|pandas|numpy|scipy|sklearn|scikit-learn|panda)(?:['’]s)?(?: dataframe)?(?: built-in)?(?: \w+\(\))?"
    r"(?: and \w+\(\))?(?: (?:library|libraries|module|package|functions?|methods?|respectively|distinctively))*"
    r"|\b\w+\.(?:csv|xlsx?|tsv|parquet|jsonl?)\b(?: (?:file|dataset))?",
    re.IGNORECASE | re.MULTILINE,
)
ROUNDING = re.compile(
    r"(?:,? ?(?:and )?(?:be )?(?:please )?(?:round(?:ed|ing)?|calculated|reported?|correct|accurate|"
    r"precise|up)(?: \w+){0,6}? )?(?:off )?"
    r"(?:up )?(?:to|with|of|at)? ?(?:a maximum of |up to |the nearest |exactly )?"
    r"(?:one|two|three|four|five|six|\d)(?: \(\d\))? (?:decimal(?: places?| points?| digits?)?|"
    r"digits? after the decimal(?: point)?)"
    r"|round(?:ed)? (?:off )?to (?:the )?nearest (?:integer|whole number)",
    re.IGNORECASE,
)


def settle(settings: Settings, page: Page) -> None:
    """Read the settings of one text into `settings`, and mark the words they stand in as used."""
    text = page.text
    for pattern in (BOILERPLATE, ROUNDING):
        for match in pattern.finditer(text):
            consume(page, match)
    for rule, apply in _RULES:
        for match in re.finditer(rule, text, re.IGNORECASE):
            if apply(settings, match):
                consume(page, match)


def consume(page: Page, match: re.Match[str]) -> None:
    """Mark the elements under a match of the raw text as used."""
    start, end = match.span()
    for element in page.elements:
        low, high = page.words[element.start].start, page.words[element.end - 1].end
        if start <= low and high <= end and element.code not in (".", "?", "!", ";"):
            element.used = True


def _number(text: str) -> float:
    return _WORDS.get(text.lower(), 0.0) or float(text)


def _method(settings: Settings, match: re.Match[str]) -> bool:
    settings.method = match.group(1).lower()
    return True


def _alpha(settings: Settings, match: re.Match[str]) -> bool:
    value = float(match.group(1))
    settings.alpha = value / 100 if value >= 1 else value
    return 0 < settings.alpha < 1


def _confidence(settings: Settings, match: re.Match[str]) -> bool:
    settings.alpha = round(1 - float(match.group(1)) / 100, 6)
    return True


def _ddof(value: int) -> Callable[[Settings, re.Match[str]], bool]:
    def apply(settings: Settings, match: re.Match[str]) -> bool:
        settings.ddof = value
        return True

    return apply


def _seed(settings: Settings, match: re.Match[str]) -> bool:
    settings.seed = int(match.group(1))
    return True


def _split(settings: Settings, match: re.Match[str]) -> bool:
    train, test = float(match.group(1)), float(match.group(2))
    if train <= 0 or test <= 0 or (train + test) not in (1.0, 10.0, 100.0):
        return False
    settings.test_size = round(min(train, test) / (train + test), 6)
    return True


def _test_part(settings: Settings, match: re.Match[str]) -> bool:
    value = float(match.group(1))
    settings.test_size = round(value / 100 if value >= 1 else value, 6)
    return 0 < settings.test_size < 1


def _train_part(settings: Settings, match: re.Match[str]) -> bool:
    value = float(match.group(1))
    if settings.test_size is None:
        settings.test_size = round(1 - (value / 100 if value >= 1 else value), 6)
    return 0 < settings.test_size < 1


def _folds(settings: Settings, match: re.Match[str]) -> bool:
    settings.folds = int(_number(match.group(1)))
    return settings.folds > 1


def _equal(value: bool) -> Callable[[Settings, re.Match[str]], bool]:
    def apply(settings: Settings, match: re.Match[str]) -> bool:
        settings.equal_var = value
        return True

    return apply


def _iqr(settings: Settings, match: re.Match[str]) -> bool:
    settings.outlier_method, settings.outlier_factor = "iqr", _number(match.group(1))
    return True


def _z(settings: Settings, match: re.Match[str]) -> bool:
    if settings.outlier_method == "iqr" and settings.outlier_factor is not None:
        return False
    settings.outlier_method, settings.outlier_factor = "z", _number(match.group("n"))
    return True


def _named(method: str) -> Callable[[Settings, re.Match[str]], bool]:
    def apply(settings: Settings, match: re.Match[str]) -> bool:
        settings.outlier_method = settings.outlier_method or method
        return True

    return apply


def _spoken(method: str) -> Callable[[Settings, re.Match[str]], bool]:
    """The same without using up the words between."""

    def apply(settings: Settings, match: re.Match[str]) -> bool:
        settings.outlier_method = settings.outlier_method or method
        return False

    return apply


def _normality(settings: Settings, match: re.Match[str]) -> bool:
    text = re.sub(r"[-’']", " ", match.group(1).lower()).strip()
    text = re.sub(r" s$| s(?= )| k ?squared?", "", text)
    for pattern, kind in NORMALITY:
        if re.fullmatch(pattern, text):
            settings.normality = kind
            return True
    return False


def _metric(settings: Settings, match: re.Match[str]) -> bool:
    text = re.sub(r"[-’']", " ", match.group(1).lower()).strip()
    found = next((metric for pattern, metric in METRICS if re.fullmatch(pattern, text)), None)
    if found is not None and found not in settings.metrics:
        settings.metrics = (*settings.metrics, found)
    return False


def _biased(value: bool) -> Callable[[Settings, re.Match[str]], bool]:
    def apply(settings: Settings, match: re.Match[str]) -> bool:
        settings.biased = value
        return True

    return apply


_Z = r"z[- ]?scores?\)?"
_RULES: tuple[tuple[str, Callable[[Settings, re.Match[str]], bool]], ...] = (
    (r"\b(pearson|spearman|kendall)(?:['’]?s)?\b(?:[- ](?:rank|product[- ]moment|tau))"
     r"*(?: correlation(?: method)?(?=[.,]))?", _method),
    (r"(?:with |at |using |under )?(?:a |an |the )?(?:significance level|level of significance|alpha)"
     r"(?: \(?(?:alpha|α)(?: level)?\)?)?"
     r"(?: for the \w+ test| should be| set| value)*(?: of| =| is| at| to)*\s*(0?\.\d+)", _alpha),
    (r"(?:alpha|α)\)?\s*(?:=|of|is)\s*(0?\.\d+)", _alpha),
    (r"(\d+(?:\.\d+)?)\s?% (?:significance level|level of significance)", _alpha),
    (r"(\d+(?:\.\d+)?)\s?% confidence(?: level)?", _confidence),
    (r"(?<!not the )(?<!not )\bpopulation (?:standard deviation|variance|std|formula)(?: formula)?"
     r"(?:,? (?:not|instead of|rather than)(?: the)? sample (?:standard deviation|variance)"
     r"?(?: formula)?)?|ddof ?= ?0\b", _ddof(0)),
    (r"(?<!not the )(?<!not )\bsample (?:standard deviation|variance|std)(?: formula)?"
     r"(?:,? (?:not|instead of|rather than)(?: the)? population (?:standard deviation|variance)"
     r"?(?: formula)?)?|ddof ?= ?1\b", _ddof(1)),
    (r"(?:the |a )?(?:random[ _-]?(?:state|seed)|\bseed\b)(?: (?:number|value|parameter))"
     r"?(?: (?:should be|must be|of|is|to|as|set|equal|for \w+))*\s*[=:]?\s*(\d+)",
     _seed),
    (r"\b(?:use|set|with)? ?(\d+) as (?:the )?(?:random[ _-]?(?:state|seed)|seed)", _seed),
    (r"\b(\d+(?:\.\d+)?)\s?%?\s?(?:/|:|-|–)\s?(\d+(?:\.\d+)?)\s?%?(?= |\.|,|;|\)|$)"
     r"(?:\s?(?:train|training)[-/ ](?:and |set and |to )?test(?:ing)?)?(?: (?:split|ratio|data))*", _split),
    (r"\b(\d+(?:\.\d+)?)\s?%\s?(?:to|and)\s?(\d+(?:\.\d+)?)\s?%(?: (?:split|ratio|data))*", _split),
    (r"(?:test[ _]?size|test(?:ing)? (?:set|data)(?: size)?)(?: should be| set| size| ratio)*(?: of|"
     r" is| to| =|=|:)+\s*(\d+(?:\.\d+)?)\s?%?", _test_part),
    (r"(?:the remaining |remaining )?(\d+(?:\.\d+)?)\s?%(?: of the (?:data|dataset|samples|"
     r"observations))?(?: is| was| will be| be)?(?: (?:used|reserved|kept|allocated|held out))?"
     r"(?: for| as| to| in)?(?: a| the| model)? ?(?:test(?:ing)?|validation|evaluation)(?: (?:set|"
     r"data|purposes))?", _test_part),
    (r"(\d+(?:\.\d+)?)\s?%(?: of the (?:data|dataset|samples|observations))?(?: is| was| will be| be)"
     r"?(?: (?:used|reserved|kept|allocated))?"
     r"(?: for| as| to| in)?(?: a| the| model)? ?train(?:ing)?(?: (?:set|data|purposes))"
     r"?(?: and the rest for test(?:ing)?)?", _train_part),
    (rf"{_NUMBER}[- ]fold(?: cross[- ]validation)?", _folds),
    (r"(?:assum\w+ |with |under |of )?(?:an? )?(?:unequal|different|non[- ]?equal) (?:population )"
     r"?variances?|\bwelch(?:['’]s)?|equal_var ?= ?false", _equal(False)),
    (r"(?:assum\w+ |with |under )(?:the )?equal(?:ity of)? (?:population )?variances?|equal_var ?= ?true",
     _equal(True)),
    (rf"{_NUMBER}\s*(?:x|\*|×|times)?\s*(?:the )?(?:iqr|inter ?-?quartile[- ]range)(?: \(iqr\))?", _iqr),
    (r"\b(?:method|rule|outliers?)\b[^.]{0,30}\b(?:iqr|inter ?-?quartile[- ]range)\b", _spoken("iqr")),
    (r"(?:using |by |with |based on )?(?:the )?\b(?:iqr|inter ?-?quartile[- ]range)(?: \(iqr\))"
     r"? (?:method|rule|criterion)\b",
     _named("iqr")),
    (rf"{_Z}[^.\n]{{0,60}}?(?:greater than|more than|larger than|above|exceeds?|exceeding|over|beyond|"
     r"threshold(?: value)? (?:of|is|=|to)|outside(?: of)?|>|less than|lower than|lesser than|≥)"
     r"(?: the| range| of| a| threshold| -| or| equal| to|(?:(?<=less than )| less than)-?\d+(?:\.\d+)"
     r"? or greater than)*\s*[±+−-]?\s*(?P<n>\d+(?:\.\d+)?|two|three)(?: (?:or|and) (?:less|lower|"
     r"lesser|smaller) than -?\d+(?:\.\d+)?"
     r"| (?:or|and) (?:below|under) [-−]?\d+(?:\.\d+)?"
     r"| (?:or|and) (?:greater|more) than \d+(?:\.\d+)?| to \d+(?:\.\d+)?(?: range)?)?", _z),
    (r"(?:threshold|cut ?-?off)(?: value)?(?: of| is| =| to| as)? (?:±|\+/-)?(?P<n>\d+(?:\.\d+)?)"
     r"(?= for outlier| for z|[^.\n]{0,40}z[- ]?score)", _z),
    (r"(?P<n>\d+(?:\.\d+)?|two|three|four) (?:times the )?(?:standard deviations?|std|sigmas?|σ)"
     r"(?: away)?(?: from)?(?: the mean)?", _z),
    (rf"\b{_Z}(?: method)?(?: with a threshold of 3)?", _named("z")),
    (r"\b(shapiro[- ]?wilks?|shapiro|anderson[- ]darling|anderson|kolmogorov[- ]smirnov|"
     r"d['’]agostino(?:['’]s)?(?:[- ]pearson)?(?: k[- ]?squared?)?|jarque[- ]bera|ks(?= test))\b", _normality),
    (r"\b(root mean squared? error|rmse|mean squared? error|mse|mean absolute error|mae|r[- ]squared|"
     r"r2(?: score)?|coefficient of determination|accuracy(?: score)?"
     r"|precision(?: score)?|recall(?: score)?|f1(?:[- ]score)?|roc[- ]auc|auc)\b", _metric),
    (r"\bunbiased\b|\bbias ?= ?false\b|adjusted fisher[- ]pearson", _biased(False)),
    (r"\bbias(?:ed)? ?= ?true\b", _biased(True)),
)  # fmt: skip
