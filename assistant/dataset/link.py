"""Words of a question linked to the columns and values of a table: exact, split, abbreviated, then fuzzy or embedded.

A value index reads at most `MOST_VALUES` distinct values of a column, so a text with millions of them costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.dataset.lexicon import ABBREVIATIONS, COMMON, GLUE, LIGHT, NAMELESS, PLAIN_WORDS, SEXES, STATISTIC_WORDS
from assistant.dataset.link_score import score
from assistant.dataset.link_table import Column, Held, Rows, columns_of
from assistant.dataset.tokens import Word, bag, identifier_words, joined, quoted_spans, stem, words_of

if TYPE_CHECKING:
    pass

__all__ = ["Column", "Embed", "Linker", "Mention", "Rows", "linker", "neighbours"]

Embed = Callable[[Sequence[str]], np.ndarray]
MOST_WORDS = 7
MOST_CACHED = 20_000
WIDE = 200
MOST_NEAR = 300
_SURE = 0.7
_JOINTS = bag("and or to from with by between on is are was were")
_CUES_AFTER = bag("column columns feature features variable variables field values price prices attribute")
_BEFORE = bag(
    """smallest largest where when have has mean average median maximum minimum max min total std deviation variance
    skewness range unique
    distinct different missing which what highest lowest of sum and or fill impute does do in greatest least biggest"""
)
_AFTER = bag(
    "is are was were by above below over under between greater less more at > < = >= <= != equal equals and or for when"
    " exceeds exceed exceeded exceeding minus plus"
)
_CUES_BEFORE = bag(
    "column by of per each between and in on versus vs to with feature variable predict than above below exceeds exceed"
    " exceeded exceeding minus plus"
)


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
    guesses: tuple[tuple[str, str], ...] = ()
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
        return Linker(
            self.columns + new, self.name, self.fingerprint, self.embed, self.aliases, self.guesses, self.cache
        )

    def with_aliases(self, aliases: Sequence[tuple[str, str]]) -> Linker:
        """The same knowing other names of its columns."""
        return replace(self, aliases=(*self.aliases, *aliases))

    def with_guesses(self, guesses: Sequence[tuple[str, str]]) -> Linker:
        """The same taking words for columns that mean nearly the same; such a link is never sure."""
        return replace(self, guesses=tuple(guesses))

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
        low = text.lower()
        for column in self.columns:
            name = column.name.strip()
            if not name or name.lower() not in low:
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
        for alias, name in (*self.aliases, *self.guesses):
            wanted = [stem(word.lower) for word in words_of(alias) if not word.is_mark]
            sure = (alias, name) not in self.guesses
            for start, end in _runs(words, wanted):
                found.append(replace(_column((start, end), name=name, score=0.99 if sure else 0.6), sure=sure))
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
        if "".join(word.lower for word in inner) in self.joined_names:
            return True
        for word in inner:
            if word.lower in self.own_names or (word.lower in _JOINTS and word.lower not in self.joints):
                return False
        return True

    @cached_property
    def joined_names(self) -> frozenset[str]:
        """All names without spaces and marks, in lower case."""
        return frozenset(joined(column.name) for column in self.columns)

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
            scores = ((score(texts, column), column.name) for column in self._near(texts))
            self.cache[key] = sorted(((s, n) for s, n in scores if s > 0.4), key=lambda pair: -pair[0])
        found: list[tuple[float, str]] = self.cache[key]
        return found

    def _near(self, texts: tuple[str, ...]) -> Sequence[Column]:
        """The columns worth scoring: all, or in a wide table those that share the start of a word."""
        if len(self.columns) <= WIDE:
            return self.columns
        forms = [form[:3] for text in texts for form in (text, *ABBREVIATIONS.get(stem(text), ()))]
        found: dict[str, Column] = {}
        for near in sorted((self._starts.get(form, []) for form in forms), key=len):
            found.update((column.name, column) for column in near[: MOST_NEAR - len(found)])
        return tuple(found.values())

    @cached_property
    def _starts(self) -> dict[str, list[Column]]:
        """The first three letters of each part of a name, and of the name -> its columns."""
        if "#starts" not in self.cache:
            starts: dict[str, list[Column]] = {}
            for column in self.columns:
                for part in {*(part[:3] for part in column.parts), joined(column.name)[:3]}:
                    starts.setdefault(part, []).append(column)
            self.cache["#starts"] = starts
        known: dict[str, list[Column]] = self.cache["#starts"]
        return known

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


def linker(table: Rows, embed: Embed | None = None) -> Linker:
    """The linker of a table; what it reads of the columns is kept for the last 32 tables."""
    columns, cache = columns_of(table.fingerprint, table.columns, Held(table.fingerprint, table))
    return Linker(columns, table.name, table.fingerprint, embed, (), (), cache)


def neighbours(linker: Linker, phrase: str, kinds: Sequence[str] = ()) -> list[tuple[float, str]]:
    """Columns whose meaning is nearest to a phrase, by cosine; nothing without an embedder."""
    names = [column.name for column in linker.columns if not kinds or column.kind in kinds]
    if linker.embed is None or not names or not phrase:
        return []
    key = f"#vectors {linker.signature} {' '.join(kinds)}"
    if key not in linker.cache:
        linker.cache[key] = linker.embed([" ".join(linker.by_name[name].parts) or name for name in names])
    cosines = linker.cache[key] @ linker.embed([phrase])[0]
    return sorted(zip((float(c) for c in cosines), names, strict=True), reverse=True)[:5]
