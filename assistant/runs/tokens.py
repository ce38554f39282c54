"""A question cut into tokens, and names and questions brought to the same plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from assistant.dataset.tokens import identifier_words, stem
from assistant.runs.lexicon import NUMBER_WORDS, SHORT

_TOKEN = re.compile(
    r"(?P<number>(?<![\w.])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w])(?:\s?%)?|(?<![\w.])\.\d+)"
    r"|(?P<word>\w+(?:['’](?:s|t|re|ve|ll|d)\b)?)"
    r"|(?P<mark>[^\w\s])"
)
_THOUSANDS = re.compile(r"^(\d+(?:\.\d+)?)([kKmM])$")
_CROSS = re.compile(r"cross[\s_-]?val(?:idat(?:ion|ed))?", re.IGNORECASE)
_QUOTED = re.compile(r"\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|`([^`\n]{1,80})`|(?<!\w)'([^'\n]{1,80})'(?!\w)")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or mark, and where it stands; `number` is what it says as a number."""

    text: str
    start: int
    end: int
    number: float | None = None
    percent: bool = False
    mark: bool = False

    @property
    def lower(self) -> str:
        return self.text.lower()


def tokens_of(text: str) -> tuple[Token, ...]:
    """Cut a text into tokens; a minus counts as a number's sign only where nothing stands before it."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        raw, start, end = match.group(), *match.span()
        if match.lastgroup == "number":
            found += _number(raw, start, end, text)
        elif match.lastgroup == "mark":
            found.append(Token(raw, start, end, mark=True))
        else:
            found.append(_word(raw, start, end))
    return tuple(found)


def _word(raw: str, start: int, end: int) -> Token:
    short = _THOUSANDS.match(raw)
    if short:
        return Token(raw, start, end, number=float(short[1]) * (1e3 if short[2] in "kK" else 1e6))
    for ending in ("'s", "’s"):
        raw = raw.removesuffix(ending)
    return Token(raw, start, end, number=float(raw) if raw.isdecimal() else NUMBER_WORDS.get(raw.lower()))


def _number(raw: str, start: int, end: int, text: str) -> list[Token]:
    marks = []
    if raw[0] in "-−" and start and not text[start - 1].isspace() and text[start - 1] not in "(=<>":
        marks.append(Token(raw[0], start, start + 1, mark=True))
        raw, start = raw[1:], start + 1
    bare = raw.rstrip("% ").replace(",", "").replace("−", "-")
    return [*marks, Token(raw, start, end, number=float(bare), percent=raw.endswith("%"))]


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Where quoted stretches stand, without their quotes."""
    return [m.span(next(g for g in range(1, 5) if m.group(g) is not None)) for m in _QUOTED.finditer(text)]


@lru_cache(maxsize=50_000)
def key_of(text: str) -> str:
    """A text as words: lower case, everything that is neither letter nor digit as one blank."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


@lru_cache(maxsize=50_000)
def plain_words(text: str) -> tuple[str, ...]:
    """The stems of a name's or phrase's words, with shortenings written out."""
    found: list[str] = []
    for word in _pieces(_CROSS.sub("valid", text)):
        found += [stem(part) for part in SHORT.get(word, word).split()]
    return tuple(found)


def _pieces(text: str) -> list[str]:
    """Words of an identifier; digits stay with the letters before them where they are one name (`mAP50`, `f1`)."""
    found: list[str] = []
    for part in re.split(r"[\W_]+", text):
        if part.lower() in SHORT or re.fullmatch(r"[A-Za-z]{1,3}\d+|\d+|m[Aa][Pp]\d*", part):
            found.append(part.lower())
            continue
        found += identifier_words(part)
    return found


def is_code(part: str) -> bool:
    """Tell whether a folder's name is made up for one commit or time rather than a word."""
    made_up = re.fullmatch(r"[0-9a-f]{6,40}|\d{4}-\d{2}-\d{2}.*|\d{2}-\d{2}-\d{2}", part)
    return bool(made_up) and any(c.isdigit() for c in part)
