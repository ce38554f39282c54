"""Words of a question linked to the columns and values of a table: exact, split, abbreviated, then fuzzy or embedded.

A value index reads at most `MOST_VALUES` distinct values of a column, so a text with millions of them costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from rapidfuzz import fuzz

from assistant.dataset.lexicon import ABBREVIATIONS, COMMON, GLUE, LIGHT, NAMELESS, PLAIN_WORDS, SEXES, STATISTIC_WORDS
from assistant.dataset.tokens import Word, bag, identifier_words, joined, quoted_spans, stem, words_of

if TYPE_CHECKING:
    from assistant.dataset.steps import Scalar

Embed = Callable[[Sequence[str]], np.ndarray]
MOST_VALUES = 1000
MOST_WORDS = 7
MOST_CACHED = 20_000
_SURE = 0.7
_KEYS = bag("id ids key code uuid guid index")
_JOINTS = bag("and or to from with by between on is are was were")
_CUES_AFTER = bag("column columns feature features variable variables field values price prices attribute")
_BEFORE = bag(
    """smallest largest where when have has mean average median maximum minimum max min total std deviation variance
    skewness range unique
    distinct different missing which what highest lowest of sum and or fill impute does do in greatest least biggest"""
)
_AFTER = bag(
    "is are was were by above below over under between greater less more at > < = >= <= != equal equals and or for when"
)
_CUES_BEFORE = bag("column by of per each between and in on versus vs to with feature variable predict")


class Rows(Protocol):
    """What of a table the reading needs."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> int: ...
    @property
    def large(self) -> bool: ...
    @property
    def frame(self) -> pd.DataFrame: ...
    def sample(self, n: int = 50_000) -> pd.DataFrame: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as the reading sees it: `kind` number, text, date or boolean; `values` with counts, most frequent first.

    `values` is empty where there are more than `MOST_VALUES`; `yes` is the value that says so in a two-valued column.
    """

    name: str
    kind: str
    parts: tuple[str, ...]
    values: tuple[tuple[Any, int], ...] = ()
    distinct: int = 0
    present: int = 0
    whole: bool = False
    low: float | None = None
    high: float | None = None
    yes: Any = None
    no: Any = None

    @property
    def categorical(self) -> bool:
        """Tell whether grouping by it makes sense at a glance."""
        return self.kind in ("text", "boolean") or (self.whole and self.distinct <= 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Words `start` to `end` that name a column, or a value of one; `others` are equally good readings."""

    start: int
    end: int
    column: str
    value: Any = None
    is_value: bool = False
    score: float = 1.0
    sure: bool = True
    literal: bool = False
    others: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Linker:
    """The columns and values of one table, indexed for linking; `aliases` are names that a text gave to columns."""

    columns: tuple[Column, ...]
    name: str = ""
    fingerprint: str = ""
    embed: Embed | None = None
    aliases: tuple[tuple[str, str], ...] = ()
    cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def signature(self) -> int:
        """Tells linkers of one table with different added columns apart."""
        return hash(tuple(column.name for column in self.columns))

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def value_index(self) -> dict[tuple[str, ...], tuple[tuple[str, Any], ...]]:
        """Stemmed words of a value -> where it occurs."""
        if "#values" not in self.cache:
            self.cache["#values"] = self._index_values()
        found: dict[tuple[str, ...], tuple[tuple[str, Any], ...]] = self.cache["#values"]
        return found

    def _index_values(self) -> dict[tuple[str, ...], tuple[tuple[str, Any], ...]]:
        index: dict[tuple[str, ...], list[tuple[str, Any]]] = {}
        for column in self.columns:
            if column.kind == "text":
                for value, _ in column.values:
                    for key in _value_keys(column, str(value)):
                        index.setdefault(key, []).append((column.name, value))
        return {key: tuple(dict.fromkeys(places)) for key, places in index.items()}

    @cached_property
    def entity_stems(self) -> frozenset[str]:
        """Stems that may name what a row is: of the file's name, and of identifier-like columns (PassengerId)."""
        found = set(identifier_words(self.name.rsplit("/", 1)[-1].split(".")[0]))
        for column in self.columns:
            parts = column.parts
            if len(parts) > 1 and parts[-1] in ("id", "name", "no", "number", "code", "key"):
                found.update(parts[:-1])
        return frozenset(stem(part) for part in found if len(part) > 2 and not part.isdigit())

    def with_columns(self, *names: str) -> Linker:
        """The same with columns that steps of the question add."""
        known = {column.name for column in self.columns}
        new = tuple(
            Column(name=name, kind="number", parts=identifier_words(name)) for name in names if name not in known
        )
        return Linker(self.columns + new, self.name, self.fingerprint, self.embed, self.aliases, self.cache)

    def with_aliases(self, aliases: Sequence[tuple[str, str]]) -> Linker:
        """The same knowing other names of its columns."""
        return Linker(self.columns, self.name, self.fingerprint, self.embed, (*self.aliases, *aliases), self.cache)

    # -- finding ------------------------------------------------------------------------------------------------------

    def mentions(self, text: str, words: Sequence[Word]) -> tuple[Mention, ...]:
        """Every column and value that the words name, no word used twice, the longest and surest first."""
        found = [*self._literal(text, words), *self._alias(words), *self._split(words), *self._values(words)]
        return self._beside(_without_overlap(found, words), words)

    def _beside(self, found: tuple[Mention, ...], words: Sequence[Word]) -> tuple[Mention, ...]:
        """Common words that are a value of the column beside them: `four doors` of num-of-doors."""
        more = []
        taken = {index for mention in found for index in range(mention.start, mention.end)}
        for mention in found:
            if mention.is_value:
                continue
            for start, end in _around(mention, len(words)):
                if taken & set(range(start, end)) or any(word.is_mark for word in words[start:end]):
                    continue
                places = self.value_index.get(tuple(stem(word.lower) for word in words[start:end]), ())
                value = next((value for name, value in places if name == mention.column), None)
                if value is not None and words[start].lower not in GLUE:
                    more.append(Mention(start=start, end=end, column=mention.column, value=value, is_value=True))
                    taken.update(range(start, end))
        return tuple(sorted((*found, *more), key=lambda mention: mention.start))

    def _literal(self, text: str, words: Sequence[Word]) -> list[Mention]:
        found = []
        quotes = quoted_spans(text)
        for column in self.columns:
            name = column.name.strip()
            if not name:
                continue
            for match in re.finditer(_bounded(name), text, re.IGNORECASE):
                span = _word_span(words, *match.span())
                if span is None:
                    continue
                exact = match.group() == name
                quoted = match.span() in quotes
                if len(name) == 1 and not (quoted or exact):
                    continue
                if quoted or name == NAMELESS or _stands_for_column(words, *span, exact=exact):
                    score = 1.0 if quoted or (exact and not name.islower()) else 0.98
                    found.append(_column(span, name=column.name, score=score, literal=quoted or exact))
        return found

    def _alias(self, words: Sequence[Word]) -> list[Mention]:
        found = []
        for alias, name in self.aliases:
            wanted = [stem(word.lower) for word in words_of(alias) if not word.is_mark]
            for start, end in _runs(words, wanted):
                found.append(_column((start, end), name=name, score=0.99))
        return found

    def _split(self, words: Sequence[Word]) -> list[Mention]:
        found = []
        for start, word in enumerate(words):
            if word.is_mark or word.lower in GLUE or word.lower == "the":
                continue
            for end in range(start + 1, min(start + MOST_WORDS, len(words)) + 1):
                last = words[end - 1]
                if last.is_mark and last.text not in "/&":
                    break
                if last.lower in GLUE or last.is_mark:
                    continue
                mention = self._window(words, start, end)
                if mention is not None:
                    found.append(mention)
        return found

    def _window(self, words: Sequence[Word], start: int, end: int) -> Mention | None:
        texts = tuple(word.lower for word in words[start:end] if not word.is_mark)
        if end - start > 1 and not self._runs_on(words, start, end):
            return None
        scored = self.scored(texts)
        if scored and all(text in PLAIN_WORDS for text in texts) and scored[0][0] < 0.96:
            return None
        if not scored or (end - start == 1 and not _stands_for_column(words, start, end, exact=False)):
            return None
        best = scored[0][0]
        if best < 0.62:
            return None
        near = tuple((name, None) for score, name in scored[1:6] if best - score < 0.05)
        sure = best >= _SURE and not near
        return Mention(start=start, end=end, column=scored[0][1], score=best, sure=sure, others=near)

    def _runs_on(self, words: Sequence[Word], start: int, end: int) -> bool:
        """Tell whether words may be one name: no column's own name, quotes' edge or `and` stands inside."""
        inner = words[start:end]
        if len({word.quoted for word in inner}) > 1:
            return False
        for word in inner:
            if word.lower in self.own_names or (word.lower in _JOINTS and word.lower not in self.joints):
                return False
        return True

    @cached_property
    def own_names(self) -> frozenset[str]:
        """Names of one word, in lower case."""
        names = (column.name.lower() for column in self.columns)
        return frozenset(name for name in names if len(name) > 3 and ("_" in name or name not in PLAIN_WORDS))

    @cached_property
    def joints(self) -> frozenset[str]:
        """Joining words that names of columns hold."""
        return frozenset(part for column in self.columns for part in column.parts if part in _JOINTS)

    def scored(self, texts: tuple[str, ...]) -> list[tuple[float, str]]:
        """Columns that these words may name, best first."""
        key = f"{self.signature} {' '.join(texts)}"
        if key not in self.cache:
            if len(self.cache) > MOST_CACHED:
                self.cache.clear()
            scores = ((_score(texts, column), column.name) for column in self.columns)
            self.cache[key] = sorted(((s, n) for s, n in scores if s > 0.4), key=lambda pair: -pair[0])
        found: list[tuple[float, str]] = self.cache[key]
        return found

    def _values(self, words: Sequence[Word]) -> list[Mention]:
        found = []
        for start, word in enumerate(words):
            if word.is_mark:
                continue
            for end in range(start + 1, min(start + 6, len(words)) + 1):
                key = tuple(stem(each.lower) for each in words[start:end] if not each.is_mark)
                places = self.value_index.get(key)
                if places and _value_stands(words, start, end):
                    found.append(_value(start, end, places, words))
        return found


def _around(mention: Mention, n: int) -> list[tuple[int, int]]:
    """Stretches of up to three words right before and right after a mention, the longest first."""
    before = [(mention.start - size, mention.start) for size in (3, 2, 1) if mention.start - size >= 0]
    return before + [(mention.end, mention.end + size) for size in (3, 2, 1) if mention.end + size <= n]


def _column(span: tuple[int, int], *, name: str, score: float, literal: bool = False) -> Mention:
    return Mention(start=span[0], end=span[1], column=name, score=score, literal=literal)


def _value(start: int, end: int, places: tuple[tuple[str, Any], ...], words: Sequence[Word]) -> Mention:
    said = " ".join(word.text for word in words[start:end])
    exact = [place for place in places if str(place[1]) == said] or list(places)
    rest = tuple(exact[1:6])
    quoted = words[start].quoted
    score = 0.97 if quoted or len(exact) == 1 else 0.9
    return Mention(
        start=start, end=end, column=exact[0][0], value=exact[0][1], is_value=True, score=score, sure=not rest,
        literal=quoted, others=rest,
    )  # fmt: skip


def _without_overlap(found: list[Mention], words: Sequence[Word]) -> tuple[Mention, ...]:
    def weight(mention: Mention) -> tuple[float, float, bool, int]:
        inner = [word for word in words[mention.start : mention.end] if word.lower not in GLUE and not word.is_mark]
        content = sum(0.3 if word.lower in LIGHT and len(inner) > 1 else 1.0 for word in inner)
        strong = mention.literal and words[mention.start].quoted
        return (strong, content * mention.score**2, not mention.is_value, -mention.start)

    taken: set[int] = set()
    kept = []
    for mention in sorted(found, key=weight, reverse=True):
        span = range(mention.start, mention.end)
        if taken.isdisjoint(span):
            taken.update(span)
            kept.append(mention)
    return tuple(sorted(kept, key=lambda mention: mention.start))


# -- scoring words against a name -------------------------------------------------------------------------------------


def _score(texts: tuple[str, ...], column: Column) -> float:
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
        not set(content) & set(parts)
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
    ("miles", "gallon"): "mpg",
    ("horse", "power"): "horsepower",
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


@lru_cache(maxsize=100_000)
def _alike(text: str, part: str) -> float:
    if text == part:
        return 1.0
    if stem(text) == stem(part):
        return 0.98
    if part in ABBREVIATIONS.get(stem(text), ()) or text in ABBREVIATIONS.get(stem(part), ()):
        return 0.95
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
    """Tell whether a name is made of beginnings of all the words in order: Pclass of passenger class."""
    if name in content or len(name) < 4 or len(content) < 2 or sum(map(len, content)) <= len(name):
        return False
    return _chops(name, tuple(stem(word) if word != content[-1] else word for word in content), 0)


def _chops(name: str, content: tuple[str, ...], longest: int) -> bool:
    if not content:
        return not name and longest >= 3
    top = len(_common_prefix(name, content[0]))
    return any(_chops(name[cut:], content[1:], max(longest, cut)) for cut in range(top, 0, -1))


# -- where words stand ------------------------------------------------------------------------------------------------


def _bounded(name: str) -> str:
    left = r"(?<![\w])" if name[0].isalnum() or name[0] == "_" else ""
    right = r"(?![\w])" if name[-1].isalnum() or name[-1] == "_" else ""
    return left + re.escape(name) + right


def _word_span(words: Sequence[Word], start: int, end: int) -> tuple[int, int] | None:
    inside = [index for index, word in enumerate(words) if word.start < end and word.end > start]
    if not inside or words[inside[0]].start < start - 1 or words[inside[-1]].end > end + 1:
        return None
    return inside[0], inside[-1] + 1


def _stands_for_column(words: Sequence[Word], start: int, end: int, *, exact: bool) -> bool:
    """Tell whether words that the grammar also uses (mean, count, high, close) name a column here."""
    inner = words[start:end]
    if any(word.lower not in PLAIN_WORDS for word in inner if not word.is_mark):
        return True
    if inner[0].quoted or (exact and not inner[0].text.islower() and start > 0 and words[start - 1].text != "."):
        return True
    after = words[end].lower if end < len(words) else ""
    before = words[start - 1].lower if start else ""
    if exact and not all(word.lower in STATISTIC_WORDS for word in inner):
        return before in _BEFORE or after in _AFTER or after in _CUES_AFTER or before in _CUES_BEFORE
    return after in _CUES_AFTER or (exact and before in _CUES_BEFORE and after not in ("of", "number", "value"))


def _value_stands(words: Sequence[Word], start: int, end: int) -> bool:
    inner = words[start:end]
    if inner[0].quoted:
        return True
    texts = [word.lower for word in inner if not word.is_mark]
    if all(text in PLAIN_WORDS or text in GLUE for text in texts):
        return any(word.text[0].isupper() for word in inner) and start > 0 and words[start - 1].text not in ".?!:"
    lower = all(word.text.islower() for word in inner if not word.is_mark)
    if lower and all(text in COMMON for text in texts):
        return False
    if sum(map(len, texts)) <= 2:
        return inner[0].text.isupper() and inner[0].text not in ("A", "I") and start > 0
    return not all(word.number is not None for word in inner)


def _runs(words: Sequence[Word], wanted: list[str]) -> list[tuple[int, int]]:
    found = []
    for start in range(len(words)):
        index, at = 0, start
        while at < len(words) and index < len(wanted):
            if words[at].is_mark and index:
                at += 1
                continue
            if stem(words[at].lower) != wanted[index]:
                break
            index += 1
            at += 1
        if wanted and index == len(wanted):
            found.append((start, at))
    return found


def _value_keys(column: Column, value: str) -> list[tuple[str, ...]]:
    words = tuple(stem(word.lower) for word in words_of(value) if not word.is_mark)
    keys = [words] if words and len(words) <= 5 else []
    if value.lower() in SEXES and column.distinct <= 4:
        keys += [(stem(other),) for other in SEXES[value.lower()]]
    return keys


# -- reading a table --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _columns_of(fingerprint: str, names: tuple[str, ...], table: _Held) -> tuple[tuple[Column, ...], dict[str, Any]]:
    frame = table.rows.sample() if table.rows.large else table.rows.frame
    return tuple(_describe(name, frame[name]) for name in names), {}


@dataclass(frozen=True)
class _Held:
    """A table as a cache's argument: two of the same fingerprint are one."""

    fingerprint: str
    rows: Rows = field(compare=False)


def linker(table: Rows, embed: Embed | None = None) -> Linker:
    """The linker of a table; what it reads of the columns is kept for the last 32 tables."""
    columns, cache = _columns_of(table.fingerprint, table.columns, _Held(table.fingerprint, table))
    return Linker(columns, table.name, table.fingerprint, embed, (), cache)


def _describe(name: str, values: pd.Series) -> Column:
    kind = _kind(values)
    present = int(values.notna().sum())
    distinct = int(values.nunique())
    counts = values.value_counts() if 0 < distinct <= MOST_VALUES else None
    pairs = tuple((_plain(key), int(n)) for key, n in counts.items()) if counts is not None else ()
    yes, no = _yes_no([value for value, _ in pairs]) if distinct == 2 else (None, None)
    low = high = None
    if kind == "number" and present:
        low, high = float(values.min()), float(values.max())
    return Column(
        name=name, kind=kind, parts=identifier_words(name), values=pairs, distinct=distinct, present=present,
        whole=kind == "number" and _whole(values), low=low, high=high, yes=yes, no=no,
    )  # fmt: skip


def _kind(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "date"
    return "number" if pd.api.types.is_numeric_dtype(values) else "text"


def _whole(values: pd.Series) -> bool:
    finite = values.dropna()
    return bool(len(finite)) and bool(np.all(np.mod(finite.to_numpy(dtype=float)[:10_000], 1) == 0))


def _plain(value: Any) -> Scalar:
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return str(pd.Timestamp(value).isoformat())
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _yes_no(values: list[Any]) -> tuple[Any, Any]:
    for yes, no in (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("1", "0")):
        found = {str(value).lower(): value for value in values}
        if set(found) == {yes, no}:
            return found[yes], found[no]
    return None, None


def neighbours(linker: Linker, phrase: str, kinds: Sequence[str] = ()) -> list[tuple[float, str]]:
    """Columns whose meaning is nearest to a phrase, by cosine; nothing without an embedder."""
    names = [column.name for column in linker.columns if not kinds or column.kind in kinds]
    if linker.embed is None or not names or not phrase:
        return []
    texts = [" ".join(linker.by_name[name].parts) or name for name in names]
    vectors = linker.embed([phrase, *texts])
    cosines = vectors[1:] @ vectors[0]
    return sorted(zip((float(c) for c in cosines), names, strict=True), reverse=True)[:5]


def spans_agree(mentions: Sequence[Mention]) -> bool:
    """Tell whether mentions stand in order without overlap (held by a property test)."""
    return all(a.end <= b.start for a, b in pairwise(mentions))
