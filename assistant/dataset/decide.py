"""Decision rules of a question: which word follows from a p-value, a correlation or a skewness."""

from __future__ import annotations

import re

from assistant.dataset.asks import Ask
from assistant.dataset.draft import Draft, Want
from assistant.dataset.grammar_settings import consume
from assistant.dataset.lexicon import COMPARISON_PHRASES
from assistant.dataset.steps import All, Call, Compare, Condition, Const, Decide, Ref
from assistant.dataset.tokens import stem

_OPERATORS = "|".join(f"(?P<o{index}>{pattern})" for index, (pattern, _) in enumerate(COMPARISON_PHRASES))
_SUBJECT = (
    r"(?P<p>p ?-?values?|\bp\b)|(?P<a>absolute (?:value of )?(?:the )?(?:pearson )?(?:r\b|"
    r"correlation(?: coefficient)?(?: \(r\))?|coefficient|value)|\|\s*r\s*\|)"
    r"|(?P<r>(?:the )?(?:\br\b|correlation(?: coefficient)?(?: value)?|coefficient)|"
    r"skewness(?: value| coefficient)?|value)"
)
_TRIPLE = re.compile(
    rf"(?:{_SUBJECT})(?: \([^)]*\))?(?: (?:obtained|of|is|was|from|the|test|that|value|associated|"
    rf"with))*\s*(?:{_OPERATORS})\s*(?P<n>[±+-]?\d*\.?\d+|alpha|the significance level|significance level|zero)",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"\b(?:no|not|none|isn't|nor|without|neither|fail\w*)\b", re.IGNORECASE)


def decision(draft: Draft, ask: Ask, want: Want) -> Decide | None:
    """The word that `ask` wants, as cases over the results of `want`; None where no rule was stated or implied."""
    options = ask.options or (_own_options(ask) if ask.text else ())
    if len(options) < 2:
        return None
    cases = _stated(draft, options, want)
    if not cases:
        cases = _implied(draft, ask, options, want)
    if not cases:
        return None
    named = {option for _, option in cases}
    rest = [option for option in options if option not in named]
    if len(rest) > 1:
        return None
    otherwise = rest[0] if rest else cases[-1][1]
    return Decide(label=ask.name, cases=tuple(cases if rest else cases[:-1] or cases), otherwise=otherwise)


def take_rules(draft: Draft) -> None:
    """Mark the words of stated decision rules as used."""
    for page in (draft.notes, draft.page):
        for match in _TRIPLE.finditer(page.text):
            related = any(want.function in ("correlation", "skew", "kurtosis") for want in draft.wants)
            if (
                match.group("p")
                or match.group("a")
                or (match.group("r") and (related or match.group("r").lower() != "value"))
            ):
                consume(page, match)


def _own_options(ask: Ask) -> tuple[str, ...]:
    return ("yes", "no") if re.search(r"\byes\b.*\bno\b", ask.value + ask.about, re.IGNORECASE) else ()


def _stated(draft: Draft, options: tuple[str, ...], want: Want) -> list[tuple[Condition, str]]:
    cases: list[tuple[Condition, str]] = []
    for sentence in re.split(
        r"(?<=[a-z\d)])[.;]\s|\n|,? (?:else|otherwise|while|whereas)\b", draft.notes.text + "\n" + draft.page.text
    ):
        conditions = _conditions(draft, sentence, want)
        option = _option(sentence, options)
        if conditions and option and option not in {named for _, named in cases}:
            cases.append((conditions[0] if len(conditions) == 1 else All(tuple(conditions)), option))
    return cases


def _conditions(draft: Draft, sentence: str, want: Want) -> list[Condition]:
    found: list[Condition] = []
    for match in _TRIPLE.finditer(sentence):
        op = next(COMPARISON_PHRASES[i][1] for i in range(len(COMPARISON_PHRASES)) if match.group(f"o{i}") is not None)
        number = match.group("n").lower()
        value = (
            draft.settings.alpha
            if "alpha" in number or "significance" in number
            else 0.0
            if number == "zero"
            else float(number)
        )
        if match.group("p"):
            left: Ref | Call = Ref(want.label, "p")
        elif match.group("a"):
            left = Call("abs", (Ref(want.label),))
        else:
            left = Ref(want.label)
        if want.kind == "test" and not match.group("p"):
            continue
        found.append(Compare(op, left, Const(value)))
    return found


def _option(sentence: str, options: tuple[str, ...]) -> str:
    """The option that a sentence speaks of: a negative one where it negates, else the longest whose words it has."""
    negative = bool(_NEGATIVE.search(_TRIPLE.sub(" ", sentence)))
    said = {stem(word) for word in re.findall(r"\w+", _TRIPLE.sub(" ", sentence).lower())}
    best: tuple[int, str] = (-1, "")
    for option in options:
        words = {stem(word) for word in re.findall(r"\w+", option.lower())}
        content = words - {"no", "not", "none"}
        if bool(words & {"no", "not", "none"}) != negative:
            continue
        shared = len(content & said)
        if content and shared < len(content) and option.lower() not in ("yes", "no"):
            continue
        if shared > best[0]:
            best = (shared, option)
    return best[1]


def _implied(draft: Draft, ask: Ask, options: tuple[str, ...], want: Want) -> list[tuple[Condition, str]]:
    """What follows without being said: the sign of a coefficient, significance at alpha, normality."""
    low = {option.lower(): option for option in options}
    positive = next((option for text, option in low.items() if "positive" in text), "")
    negative = next((option for text, option in low.items() if "negative" in text), "")
    if positive and negative and (want.function in ("correlation", "skew")):
        return [
            (Compare("gt", Ref(want.label), Const(0)), positive),
            (Compare("lt", Ref(want.label), Const(0)), negative),
        ]
    if len(options) != 2 or not (want.kind == "test" or want.function == "correlation"):
        return []
    no = next((option for text, option in low.items() if _NEGATIVE.search(text) or text in ("false", "none")), "")
    yes = next((option for option in options if option != no), "")
    if not no or not yes:
        return []
    normal = want.function in ("shapiro", "anderson", "ks", "dagostino", "jarque_bera")
    return [(Compare("gt" if normal else "lt", Ref(want.label, "p"), Const(draft.settings.alpha)), yes)]
