"""How well words name a column: the same, split, abbreviated, misspelt, or naming only its noun."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from rapidfuzz import fuzz

from assistant.dataset.lexicon import ABBREVIATIONS, GLUE, LIGHT
from assistant.dataset.link_table import Column
from assistant.dataset.tokens import bag, joined, stem

_KEYS = bag("id ids key code uuid guid index")


def score(texts: tuple[str, ...], column: Column) -> float:
    """How surely words name a column, 0 to 1: exact, split, abbreviated or misspelt."""
    parts = column.parts
    content = _united(tuple(text for text in texts if text not in GLUE))
    if not content or not parts or (len(joined(column.name)) <= 2 and "".join(content) != joined(column.name)):
        return 0.0
    said, name = "".join(content), "".join(parts)
    whole = "".join(texts)
    if whole in (name, joined(column.name)) or said == name:
        return 0.97
    if "".join(map(stem, content)) == "".join(map(stem, parts)):
        return 0.96
    aligned = _aligned(content, parts)
    if aligned >= 0.62:
        return aligned
    if _abbreviates(name, content):
        return 0.8
    if (
        not set(content) & (set(parts) | _TIMES)
        and len(said) >= 5
        and abs(len(said) - len(name)) <= 2
        and said[0] == name[0]
        and fuzz.ratio(said, name) >= 86
    ):
        return 0.66
    return aligned


_UNITED = {
    ("square", "foot"): "sqft",
    ("square", "feet"): "sqft",
}


def _united(content: tuple[str, ...]) -> tuple[str, ...]:
    """Two words that names write as one."""
    for pair, one in _UNITED.items():
        for index, found in enumerate(pairwise(content)):
            if found == pair:
                return (*content[:index], one, *content[index + 2 :])
    return content


def _weight(word: str) -> float:
    return 0.2 if word in LIGHT or len(word) == 1 or word.isdigit() else 1.0


def _aligned(content: tuple[str, ...], parts: tuple[str, ...]) -> float:
    """How well each word finds its own part of the name, and how much of the name they cover."""
    free = list(range(len(parts)))
    matched = said = 0.0
    covered: set[int] = set()
    for position, text in enumerate(content):
        best = max(((_alike(text, parts[index]), index) for index in free), default=(0.0, -1))
        said += _weight(text)
        if best[0] >= 0.6:
            free.remove(best[1])
            covered.add(best[1])
            matched += _weight(text) * best[0]
        elif position in (0, len(content) - 1) or (not text.endswith(("ed", "ing")) and _weight(text) == 1.0):
            return 0.0
        else:
            said -= _weight(text) * 0.9
    if not covered or said == 0:
        return 0.0
    total = sum(_weight(part) for part in parts)
    cover = sum(_weight(parts[index]) for index in covered) / total
    if any(part in _KEYS and index not in covered for index, part in enumerate(parts)):
        return 0.0
    head = _head(parts)
    if cover < 0.75 and head not in covered:
        return 0.0
    quality = min(1.0, matched / said)
    return quality * (0.95 if cover > 0.75 else 0.62 + 0.3 * cover)


def _head(parts: tuple[str, ...]) -> int:
    """The place of the noun in a name: before in, per, of … else the last part that is no unit."""
    for index, part in enumerate(parts):
        if part in ("in", "per", "for", "at", "from") and index:
            return index - 1
    heavy = [index for index, part in enumerate(parts) if _weight(part) == 1.0]
    return heavy[-1] if heavy else len(parts) - 1


_LOGIC = bag(
    """except without excluding exclude not only but other than and or per each for from over under above below before
    after since unless neither nor minus plus where when which who with ignoring"""
)
_TIMES = bag("after before since until during over under above below")
_COMPARING = bag(
    """lower lowest higher highest closer closest opener newer newest older oldest later latest larger largest longer
    longest greater greatest smaller smallest heavier heaviest shorter shortest lowered"""
)
"""Comparatives, which name no column they happen to begin like."""


@lru_cache(maxsize=100_000)
def _alike(text: str, part: str) -> float:
    if text == part:
        return 1.0
    if stem(text) == stem(part):
        return 0.98
    if part in ABBREVIATIONS.get(stem(text), ()) or text in ABBREVIATIONS.get(stem(part), ()):
        return 0.95
    if text in _COMPARING:
        return 0.0
    if len(part) >= 3 and text.startswith(part) and len(text) > len(part) + 1:
        return 0.85 if len(part) >= 4 or len(text) <= 9 else 0.75
    common = len(_common_prefix(text, part))
    if common >= 5 and common >= 0.52 * max(len(text), len(part)):
        return 0.8
    if len(part) <= 2 and text.startswith(part):
        return 0.7
    if min(len(text), len(part)) >= 5 and text[0] == part[0] and fuzz.ratio(text, part) >= 87:
        return 0.68
    return 0.0


def _common_prefix(a: str, b: str) -> str:
    length = next((index for index, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:length]


@lru_cache(maxsize=50_000)
def _abbreviates(name: str, content: tuple[str, ...]) -> bool:
    """Tell whether a name is made of beginnings of all the words in order: Vtype of vehicle type."""
    if not _LOGIC.isdisjoint(content):
        return False
    if name in content or len(name) < 4 or len(content) < 2 or sum(map(len, content)) <= len(name):
        return False
    return _chops(name, tuple(stem(word) if word != content[-1] else word for word in content), 0)


def _chops(name: str, content: tuple[str, ...], longest: int) -> bool:
    if not content:
        return not name and longest >= 3
    top = len(_common_prefix(name, content[0]))
    return any(_chops(name[cut:], content[1:], max(longest, cut)) for cut in range(top, 0, -1))
