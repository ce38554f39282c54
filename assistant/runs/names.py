"""Words of a question tied to what was logged: metrics, parameters, tags and values, within the scopes it is about.

A word ties to a name if every word of it has its match there: the same stem, a shortening, a synonym, or one slip.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rapidfuzz import fuzz

from assistant.dataset.lexicon import GLUE
from assistant.dataset.tokens import bag, stem
from assistant.runs.lexicon import (
    BEST,
    FUNCTION_WORDS,
    HARMLESS,
    HIGH,
    LOW,
    RUN_NOUNS,
    STATE_OF,
    SYNONYMS,
    TASK_WORDS,
    TRACKERS,
    WEAK_SCOPE,
    WORK_NOUNS,
    WORST,
)  # fmt: skip
from assistant.runs.tokens import Token, key_of, plain_words
from kb.history import Scalar
from kb.vocabulary import Logged, Vocabulary

MOST_WORDS = 7
LEAST = 0.62
CLOSE = 0.045
_SPLITS = frozenset({"train", "valid", "test"})
_LIGHT = frozenset(
    stem(word)
    for word in bag(
        """score value metric mean total final last ratio rate param arg args config train valid test number max min
        path name type b epoch size m n model step data logged percent"""
    )
)
_SYNONYMS = {stem(said): frozenset(map(stem, meant)) for said, meant in SYNONYMS.items()}
_PLACES = frozenset(map(stem, WEAK_SCOPE))
_EVERYDAY = bag(
    """early late time source split show mode format task half profile boxes classes output reports done seconds when
    step steps epoch epochs iteration deviation mean average sum total std first last objective change text dir lines
    state status exit reason fold folds plot date day dropping falling rising improving decreasing increasing growing
    drop fall rise scheduled constant detected"""
)
COMMON = (
    HARMLESS | RUN_NOUNS | WORK_NOUNS | GLUE | HIGH | LOW | BEST | WORST | FUNCTION_WORDS | TASK_WORDS
    | frozenset(STATE_OF) | _EVERYDAY
)  # fmt: skip
"""Words that are a name only where something beside them says so."""


@dataclass(frozen=True, slots=True)
class NameLink:
    """Tokens that name something logged, or with `value` a value of it; `others` fit as well or nearly."""

    start: int
    end: int
    logged: Logged
    score: float
    value: Scalar = None
    is_value: bool = False
    contains: bool = False
    literal: bool = False
    weak: bool = False
    same: tuple[Logged, ...] = ()
    others: tuple[Logged, ...] = ()

    @property
    def sure(self) -> bool:
        """Tell whether nothing else fits as well."""
        return not self.others


@dataclass(frozen=True)
class NameIndex:
    """What was logged in some scopes; `aliases` are a team's own words for names."""

    vocabulary: Vocabulary
    scopes: frozenset[int]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def count(self, logged: Logged) -> int:
        """In how many runs of these scopes something was logged."""
        return sum(count for scope, count in logged.scopes.items() if scope in self.scopes)

    @cached_property
    def logged(self) -> tuple[Logged, ...]:
        return tuple(each for each in self.vocabulary.logged if self.count(each))

    @cached_property
    def metrics(self) -> tuple[Logged, ...]:
        return tuple(each for each in self.logged if each.kind == "metric")

    @cached_property
    def params(self) -> tuple[Logged, ...]:
        return tuple(each for each in self.logged if each.kind == "param")

    @cached_property
    def _scored(self) -> dict[str, list[tuple[float, Logged]]]:
        return {}

    def scored(self, text: str) -> list[tuple[float, Logged]]:
        """Return what a phrase may name, best first."""
        if text not in self._scored:
            said = tuple(word for word in plain_words(text) if word not in GLUE)
            meant = self.aliases.get(key_of(text))
            found = []
            for each in self.logged:
                score = 1.1 if meant and meant.lower() == each.name.lower() else _score(said, text, each)
                if score >= 0.5:
                    found.append((score, each))
            kinds = {"metric": 0, "param": 0, "tag": 1}
            self._scored[text] = sorted(found, key=lambda p: (-p[0], kinds[p[1].kind], -self.count(p[1])))
        return self._scored[text]

    # -- names --------------------------------------------------------------------------------------------------------

    def links(self, text: str, tokens: Sequence[Token], taken: set[int]) -> Iterator[NameLink]:
        """Yield every span that may name something logged."""
        for start, token in enumerate(tokens):
            if not _opens(token) or start in taken:
                continue
            for end in range(start + 1, min(start + MOST_WORDS, len(tokens)) + 1):
                last = tokens[end - 1]
                if end - 1 in taken or (last.mark and last.text not in "-/_.&"):
                    break
                if last.mark or last.lower in GLUE or (end - start > 1 and not self._runs_on(tokens, start, end)):
                    continue
                link = self._span(text, tokens, start, end)
                if link is not None:
                    yield link

    def _runs_on(self, tokens: Sequence[Token], start: int, end: int) -> bool:
        """Tell whether tokens may be one name: joining words only where names hold them."""
        return not any(t.lower in GLUE and t.lower not in ("of", "no", "by") for t in tokens[start:end])

    def _span(self, text: str, tokens: Sequence[Token], start: int, end: int) -> NameLink | None:
        said = text[tokens[start].start : tokens[end - 1].end]
        found = self.scored(said)
        if not found or found[0][0] < LEAST:
            return None
        score, best = found[0]
        if score > 1.0:  # a team's own word: nothing else is meant by it
            return NameLink(start, end, best, 1.0, literal=True)
        near = [each for other, each in found[1:] if score - other < CLOSE]
        same = tuple(each for each in near if _alike(each, best))
        same += self._elsewhere(best, found, same) if best.kind == "metric" else ()
        others = tuple(
            each for each in near if not _alike(each, best) and not (best.kind != "tag" and each.kind == "tag")
        )
        literal = said.lower() in (best.name.lower(), best.leaf.lower()) and (len(said) < 3 or not said.isalpha())
        inside = [t.lower for t in tokens[start:end] if not t.mark]
        everyday = all(word in COMMON or word in TRACKERS for word in inside)
        weak = not literal and everyday and (len(inside) == 1 or score < 0.97 or best.kind != "metric")
        return NameLink(start, end, best, min(score, 1.0), literal=literal, weak=weak, same=same, others=others[:11])

    def _elsewhere(
        self, best: Logged, found: Sequence[tuple[float, Logged]], same: tuple[Logged, ...]
    ) -> tuple[Logged, ...]:
        """What fits less well but is all that fits in scopes where the best was not logged."""
        covered = {scope for each in (best, *same) for scope in each.scopes}
        more = []
        for score, each in found[1:]:
            here = each.scopes.keys() & self.scopes
            if score >= LEAST and each.kind == "metric" and each not in same and not here & covered:
                more.append(each)
                covered |= here
        return tuple(more)

    # -- values -------------------------------------------------------------------------------------------------------

    @cached_property
    def value_keys(self) -> dict[str, tuple[tuple[Logged, Scalar], ...]]:
        """Whole values of texts as words -> where they occur."""
        found: dict[str, list[tuple[Logged, Scalar]]] = {}
        for each in self.logged:
            for value, places in each.values.items():
                if isinstance(value, str) and len(value) <= 80 and self.scopes & places.keys():
                    for key in _value_keys(value):
                        found.setdefault(key, []).append((each, value))
        return {key: tuple(dict.fromkeys(places)) for key, places in found.items()}

    @cached_property
    def value_words(self) -> dict[str, tuple[Logged, ...]]:
        """Single words inside values of texts -> of what."""
        found: dict[str, dict[Logged, None]] = {}
        for each in self.logged:
            inside = [v for v, places in each.values.items() if isinstance(v, str) and self.scopes & places.keys()]
            for value in inside if len(inside) <= 60 else ():
                if len(value) <= 120:
                    for word in key_of(value).split():
                        found.setdefault(stem(word), {})[each] = None
        return {word: tuple(places) for word, places in found.items()}

    def values(self, text: str, tokens: Sequence[Token], taken: set[int]) -> Iterator[NameLink]:
        """Yield every span that is a value of a parameter or tag, or a word of one."""
        for start, token in enumerate(tokens):
            if token.mark or start in taken:
                continue
            for end in range(start + 1, min(start + MOST_WORDS, len(tokens)) + 1):
                if end - 1 in taken:
                    break
                while (
                    end < len(tokens)
                    and tokens[end].mark
                    and tokens[end].text in "+#"
                    and (tokens[end].start == tokens[end - 1].end)
                ):
                    end += 1
                said = text[tokens[start].start : tokens[end - 1].end]
                link = self._value(said, tokens, start, end)
                if link is not None:
                    yield link
            yield from self._word(token, start)

    def _value(self, said: str, tokens: Sequence[Token], start: int, end: int) -> NameLink | None:
        places = [p for p in self.value_keys.get(key_of(said), ()) if p[0].kind == "param"] or list(
            self.value_keys.get(key_of(said), ())
        )
        if not places or (end - start == 1 and tokens[start].lower in COMMON) or tokens[start].number is not None:
            return None
        exact = [p for p in places if str(p[1]).lower() == said.lower()] or places
        first = exact[0]
        others = tuple(each for each, value in exact[1:] if self._runs_of(each, value) != self._runs_of(*first))
        weight = 0.97 if str(first[1]).lower() == said.lower() else 0.9
        return NameLink(start, end, first[0], weight, value=first[1], is_value=True, others=others[:11])

    def _runs_of(self, logged: Logged, value: Scalar) -> tuple[tuple[int, int], ...]:
        return tuple(sorted((s, n) for s, n in logged.values.get(value, {}).items() if s in self.scopes))

    def _word(self, token: Token, at: int) -> Iterator[NameLink]:
        word = token.lower
        if len(word) < 3 or word in COMMON or token.number is not None or stem(word) in _PLACES:
            return
        places = self.value_words.get(stem(word), ())
        params = [each for each in places if each.kind == "param"] or list(places)
        if params:
            best = max(params, key=self.count)
            counts = {self._containing(each, word) for each in params}
            others = tuple(each for each in params if each is not best) if len(counts) > 1 else ()
            yield NameLink(at, at + 1, best, 0.66, value=word, is_value=True, contains=True, others=others[:11])

    def _containing(self, logged: Logged, word: str) -> int:
        return sum(
            count
            for value, places in logged.values.items()
            if word in str(value).lower()
            for scope, count in places.items()
            if scope in self.scopes
        )

    def adjective(self, word: str) -> tuple[Logged, bool] | None:
        """Return the parameter that a word says is set (`frozen`: freeze) or, with un- or non-, is not."""
        negated = re.match(r"(?:un|non-?|not-)(?=\w{4})", word)
        bare = word[negated.end() :] if negated else word
        if not bare.endswith(("ed", "en", "ing")) or len(bare) < 5:
            return None
        for each in self.params:
            if _same_verb(bare, each.leaf.lower()):
                return each, negated is None
        return None


_IRREGULAR = {"frozen": "freeze", "freezing": "freeze", "froze": "freeze", "chosen": "choose", "given": "give"}


def _same_verb(said: str, name: str) -> bool:
    verb = _IRREGULAR.get(said, said)
    return verb == name or (stem(verb) == stem(name) and len(name) >= 4)


def _alike(one: Logged, other: Logged) -> bool:
    """Tell whether two names are spellings of one: the same words in the same order."""
    return one.kind == other.kind and (
        sorted(plain_words(one.name)) == sorted(plain_words(other.name)) or one.leaf.lower() == other.leaf.lower()
    )


def _opens(token: Token) -> bool:
    return not token.mark and token.lower not in GLUE and token.number is None


def _value_keys(value: str) -> Iterator[str]:
    yield key_of(value)
    base = value.rsplit("/", 1)[-1]
    yield key_of(base)
    if re.search(r"\.\w{1,5}$", base):
        yield key_of(base.rsplit(".", 1)[0])


def _score(said: tuple[str, ...], text: str, logged: Logged) -> float:
    """How well words name something: 1 for the same words, less for words left unsaid, 0 for a word without match."""
    if not said:
        return 0.0
    if text.lower() in (logged.name.lower(), logged.leaf.lower()):
        return 1.0
    if len(said) == 1 and len(logged.leaf) == 1 and said[0] != logged.leaf.lower():
        return 0.93 if logged.leaf.lower() in _SYNONYMS.get(said[0], ()) else 0.0
    if "".join(said) == "".join(plain_words(logged.leaf)):
        return 0.99
    return max(
        _covered(said, plain_words(logged.leaf), logged), 0.99 * _covered(said, plain_words(logged.name), logged)
    )


def _covered(said: tuple[str, ...], name: tuple[str, ...], logged: Logged) -> float:
    left = list(name)
    quality = covered = 0.0
    for word in said:
        match = max(((_match(word, part), part) for part in left), default=(0.0, ""))
        if match[0] == 0.0:
            if word in _SPLITS and logged.split == word:
                quality += 1.0
                continue
            return 0.0
        left.remove(match[1])
        quality += match[0]
        covered += _weight(match[1])
    unsaid = sum(_weight(part) for part in left)
    if not covered or (covered < 0.5 and left) or (quality < len(said) and covered < 0.6 * (covered + unsaid)):
        return 0.0
    return quality / len(said) * (0.55 + 0.45 * covered / (covered + unsaid))


def _weight(word: str) -> float:
    return 0.3 if word in _LIGHT else 1.0


def _match(said: str, part: str) -> float:
    if said == part:
        return 1.0
    if part in _SYNONYMS.get(said, ()):
        return 0.95
    if said.isdigit() or part.isdigit():
        return 0.0
    if part in GLUE:
        return 0.0
    short, long = sorted((said, part), key=len)
    if len(short) >= 3 and long.startswith(short) and not any(c.isdigit() for c in long) and short not in _SPLITS:
        return 0.93
    if len(short) >= 5 and said[0] == part[0] and said.isalpha() and part.isalpha() and fuzz.ratio(said, part) >= 84:
        return 0.9
    return 0.0
