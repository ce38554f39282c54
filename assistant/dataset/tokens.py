"""A question's text as words: where each stands, its stem, its number, and whether quotes name it outright."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(
    r"(?P<date>\d{4}[-/]\d{1,2}(?:[-/]\d{1,2})?(?![\d.])|\d{1,2}/\d{1,2}/\d{4})"
    r"|(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?(?:\s?%|(?:st|nd|rd|th)\b|[kKmM]\b)?|\.\d+)"
    r"|(?P<word>[^\W\d_][\w]*(?:['’](?:s|t|ll|re|ve)\b)?|_\w+)"
    r"|(?P<mark><=|>=|!=|==|[()\[\]{},.;:?!/=<>+*&@#$%^≥≤≠−–—-])"
)
_QUOTED = re.compile("\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|`([^`\n]{1,80})`|(?<!\\w)'([^'\n]{1,80})'(?!\\w)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_IRREGULAR = {
    "children": "child", "people": "person", "men": "man", "women": "woman", "feet": "foot", "mice": "mouse",
    "indices": "index", "criteria": "criterion", "diagnoses": "diagnosis", "analyses": "analysis", "wives": "wife",
    "is": "is", "was": "was", "has": "has", "this": "this", "its": "its", "series": "series", "status": "status",
    "species": "species", "paid": "pay", "made": "make", "sold": "sold", "less": "less", "bought": "buy",
    "being": "being", "red": "red", "bed": "bed", "speed": "speed", "need": "need", "us": "us",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A word, number or mark; `start` and `end` are its code points; `quoted` where quotes stand around it."""

    text: str
    start: int
    end: int
    quoted: bool = False
    number: float | None = None
    percent: bool = False
    date: str | None = None

    @property
    def lower(self) -> str:
        return self.text.lower()

    @property
    def is_mark(self) -> bool:
        return self.number is None and self.date is None and not any(character.isalnum() for character in self.text)


def bag(text: str) -> frozenset[str]:
    """The words of a line as a set."""
    return frozenset(text.split())


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Strip plural, -ing, -ed and a final e, so that forms of a word agree; not a linguist's stem."""
    word = word.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def identifier_words(name: str) -> tuple[str, ...]:
    """Split a column's name at case, digits and everything that is neither letter nor digit; lower case."""
    parts = re.split(r"[^\w]+|_+", name)
    return tuple(piece.lower() for part in parts for piece in _CAMEL.split(part) if piece)


def joined(text: str) -> str:
    """Only the letters and digits, lower case."""
    return "".join(character for character in text.lower() if character.isalnum())


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Where quoted stretches stand, without their quotes."""
    spans = []
    for match in _QUOTED.finditer(text):
        group = next(index for index in range(1, 5) if match.group(index) is not None)
        spans.append(match.span(group))
    return spans


def words_of(text: str) -> tuple[Word, ...]:
    """Cut a text into words, numbers and marks; a possessive loses its 's, words joined by a hyphen are two."""
    quotes = quoted_spans(text)
    found = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        quoted = any(low <= start and end <= high for low, high in quotes)
        found.append(_word(match, start, end, quoted))
    return tuple(
        word
        for index, word in enumerate(found)
        if not (word.text in ("-", "–", "—") and _hyphen(text, word))
        and not (word.text == "." and _inner_dot(text, word, found[index - 1].lower if index else ""))
    )


_SHORTENED = bag("inc corp co ltd vs etc eg ie no st dr mr mrs approx std dev e.g i.e")


def _inner_dot(text: str, word: Word, before: str) -> bool:
    """Tell a dot inside a name or after a shortened word from the end of a sentence."""
    after = text[word.end : word.end + 1]
    return (bool(after) and not after.isspace() and after not in "\"')]}") or (
        before in _SHORTENED and bool(text[word.end :].strip())
    )


def _hyphen(text: str, word: Word) -> bool:
    before, after = text[word.start - 1 : word.start], text[word.end : word.end + 1]
    return before.isalpha() and after.isalpha()


def _word(match: re.Match[str], start: int, end: int, quoted: bool) -> Word:
    raw = match.group()
    if match.lastgroup == "date":
        return Word(raw, start, end, quoted, date=_iso(raw))
    if match.lastgroup == "number":
        bare = re.match(r"[\d.,]+(?:e[+-]?\d+)?", raw)
        value = float(bare.group().replace(",", "")) if bare else 0.0
        value *= {"k": 1e3, "m": 1e6}.get(raw[-1].lower(), 1.0)
        return Word(raw, start, end, quoted, number=value, percent=raw.endswith("%"))
    if raw[-2:] in ("'s", "’s"):
        return Word(raw[:-2], start, end, quoted)
    return Word(raw, start, end, quoted)


def _iso(raw: str) -> str:
    if raw[2:3] == "/" or raw[1:2] == "/":
        month, day, year = raw.split("/")
        return f"{year}-{int(month):02d}-{int(day):02d}"
    parts = re.split("[-/]", raw)
    return "-".join([parts[0], *(f"{int(part):02d}" for part in parts[1:])])


def number_value(number: float) -> int | float:
    """A whole number as int."""
    return int(number) if number == int(number) and abs(number) < 1e15 else number
