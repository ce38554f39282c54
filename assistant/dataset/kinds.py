"""What kind a column is: number, category, ordinal, date, text, identifier, constant, boolean or empty.

A kind is read off what the column holds, how often values repeat, and general words in its name.
"""

from __future__ import annotations

import re
from typing import Any

from assistant.dataset.columns import Seen
from assistant.dataset.names import CODE_WORDS, TIME_WORDS, is_id_name, says

PAIRS = tuple(
    frozenset(pair.split("/"))
    for pair in (
        "yes/no",
        "y/n",
        "true/false",
        "t/f",
        "on/off",
        "0/1",
        "1.0/0.0",
        "ja/nein",
        "oui/non",
        "si/no",
        "sí/no",
    )
)
SCALES = tuple(
    tuple(scale.split("/"))
    for scale in (
        "very low/low/medium/moderate/high/very high",
        "none/mild/moderate/severe/critical",
        "tiny/small/medium/large/huge",
        "xxs/xs/s/m/l/xl/xxl/xxxl",
        "never/rarely/sometimes/often/usually/always",
        "strongly disagree/disagree/neutral/agree/strongly agree",
        "very poor/poor/fair/average/good/very good/excellent",
        "very bad/bad/ok/okay/good/very good",
        "beginner/intermediate/advanced/expert",
        "junior/mid/senior/lead",
        "bronze/silver/gold/platinum",
        "first/second/third/fourth/fifth",
        "mon/tue/wed/thu/fri/sat/sun",
        "monday/tuesday/wednesday/thursday/friday/saturday/sunday",
        "jan/feb/mar/apr/may/jun/jul/aug/sep/oct/nov/dec",
        "january/february/march/april/may/june/july/august/september/october/november/december",
    )
)
"""Words that have an order, in it."""

_DATE = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})|\d{1,2}[ -][A-Za-z]{3,9}\.?[ -,]+\d{2,4}"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{4})([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([AaPp][Mm]|Z|[+-]\d{2}:?\d{2})?)?\s*"
)
_HASH = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|[0-9a-f]{24,64}", re.IGNORECASE)
LOOKED = 300
"""So many different texts decide what a column of texts is."""


def kind_of(seen: Seen) -> str:
    """Return the kind of a column."""
    if seen.holds == "nothing":
        return "empty"
    if seen.unique == 1 and seen.present > 1:
        return "constant"
    if seen.holds == "boolean":
        return "boolean"
    if seen.holds == "date":
        return "date"
    return _kind_of_numbers(seen) if seen.holds == "number" else _kind_of_texts(seen)


# -- numbers ----------------------------------------------------------------------------------------------------------


def _kind_of_numbers(seen: Seen) -> str:
    if not seen.stats or not seen.whole:
        return "number"
    low, high = seen.stats["min"], seen.stats["max"]
    if (low, high) == (0, 1) and seen.unique == 2 and not seen.infinite:
        return "boolean"
    if _numbers_identify(seen, low, high):
        return "identifier"
    if seen.unique <= 10 and seen.present >= 3 * seen.unique and high - low <= 2 * seen.unique:
        return "category" if says(seen.name, CODE_WORDS) else "ordinal"
    return "number"


def _numbers_identify(seen: Seen, low: float, high: float) -> bool:
    if is_id_name(seen.name):
        return seen.unique > 20 or seen.unique == seen.present >= 5
    alone = seen.unique == seen.present >= 10
    return alone and high - low + 1 == seen.present and seen.rising and not says(seen.name, TIME_WORDS)


# -- texts ------------------------------------------------------------------------------------------------------------


def _kind_of_texts(seen: Seen) -> str:
    if seen.holds == "nested":
        return "text"
    sample = [str(value) for value in seen.values[:LOOKED]]
    lowered = {value.strip().lower() for value in sample}
    if len(lowered) == 2 and lowered in PAIRS:
        return "boolean"
    if looks_like_dates(sample):
        return "date"
    if scale_of(seen.values):
        return "ordinal"
    return _by_words(seen, sample)


def _by_words(seen: Seen, sample: list[str]) -> str:
    spaced = sum(" " in value.strip() for value in sample) / len(sample)
    words = sum(len(value.split()) for value in sample) / len(sample)
    alone = seen.unique == seen.present
    if is_id_name(seen.name) and spaced < 0.1 and (seen.unique > 20 or (alone and seen.unique >= 5)):
        return "identifier"
    if sum(bool(_HASH.fullmatch(value)) for value in sample) >= 0.95 * len(sample):
        return "identifier"
    if alone and seen.unique >= 20 and spaced < 0.1 and seen.holds == "text" and not _mostly_numbers(sample):
        return "identifier"
    if words >= 5 or (seen.unique > 20 and seen.unique > 0.5 * seen.present and not _mostly_numbers(sample)):
        return "text"
    return "category"


def _mostly_numbers(sample: list[str]) -> bool:
    return sum(number_in(value) is not None for value in sample) >= 0.8 * len(sample)


def looks_like_dates(sample: list[str]) -> bool:
    """Return whether nearly all of some texts are dates."""
    return len(sample) > 1 and sum(bool(_DATE.fullmatch(value)) for value in sample) >= 0.95 * len(sample)


def scale_of(values: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the scale whose words all of three or more values are, else nothing."""
    lowered = {str(value).strip().lower() for value in values[:13]}
    if not 3 <= len(lowered) <= 12:
        return ()
    return next((scale for scale in SCALES if lowered <= set(scale)), ())


_NUMBER = re.compile(r"\s*[-+(]?\s*[$€£]?\s*[-+]?(\d+([.,]\d{3})*([.,]\d+)?|[.,]\d+)([eE][-+]?\d+)?\s*[%$€£)]?\s*")


def number_in(text: str) -> str | None:
    """Return a text that is a number, perhaps with a currency, a percent sign or separated thousands, else None."""
    return text if any(c.isdigit() for c in text) and _NUMBER.fullmatch(text) else None
