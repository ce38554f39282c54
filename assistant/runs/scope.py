"""Which runs a question is about: words tied to folders, files, experiments, trackers and datasets.

Scopes are places in `Vocabulary.scopes`. A word that fits several projects narrows them together with the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rapidfuzz import fuzz

from assistant.dataset.tokens import identifier_words, stem
from assistant.runs.lexicon import METRIC_WORDS, TRACKERS, WEAK_SCOPE
from assistant.runs.tokens import Token, is_code, key_of
from kb.vocabulary import Scope, Vocabulary

MOST_WORDS = 8
_ALIASED = {
    "weights and biases": "wandb",
    "w b": "wandb",
    "hugging face": "huggingface",
    "llama factory": "huggingface",
}


@dataclass(frozen=True, slots=True)
class ScopeLink:
    """Tokens `start` to `end` that name scopes; `whole` where they are a whole name, `exact` where not by likeness."""

    start: int
    end: int
    scopes: frozenset[int]
    text: str
    whole: bool = False
    kind: str = "source"
    exact: bool = True


@dataclass(frozen=True)
class ScopeIndex:
    """The words of all scopes."""

    scopes: tuple[Scope, ...]
    cache: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def wholes(self) -> dict[str, tuple[str, frozenset[int]]]:
        """Whole names of experiments, folders and files, as words -> which field, which scopes."""
        found: _Found = {}
        for at, scope in enumerate(self.scopes):
            for kind, text in _names(scope):
                key = key_of(text)
                if key and key not in WEAK_SCOPE and not key.isdigit():
                    _add(found, key, kind, at)
        return _settled(found)

    @cached_property
    def weak(self) -> dict[str, frozenset[int]]:
        """Folders and files with everyday names."""
        found: dict[str, set[int]] = {}
        for at, scope in enumerate(self.scopes):
            for part in scope.source.split("/"):
                if key_of(part) in WEAK_SCOPE:
                    found.setdefault(key_of(part), set()).add(at)
        return {key: frozenset(at) for key, at in found.items()}

    @cached_property
    def words(self) -> dict[str, tuple[str, frozenset[int]]]:
        """Single words of those names, their stems and acronyms -> which field, which scopes."""
        found: _Found = {}
        for at, scope in enumerate(self.scopes):
            for kind, text in _names(scope):
                for word in _words(text):
                    if word not in WEAK_SCOPE and stem(word) not in METRIC_WORDS and not word.isdigit():
                        _add(found, stem(word), kind, at)
            for word in _tracker_words(scope.tracker):
                _add(found, stem(word), "tracker", at)
        return _settled(found)

    @cached_property
    def everything(self) -> frozenset[int]:
        return frozenset(range(len(self.scopes)))

    def links(self, tokens: Sequence[Token]) -> Iterator[ScopeLink]:
        """Yield every span that may name scopes."""
        for start, token in enumerate(tokens):
            if token.mark:
                continue
            key = ""
            for end in range(start + 1, min(start + MOST_WORDS * 2, len(tokens)) + 1):
                if tokens[end - 1].mark:
                    continue
                key = f"{key} {key_of(tokens[end - 1].text)}".strip()
                found = self.wholes.get(key)
                if found and end - start == 1 and found[0] == "dataset" and stem(key) in self.words:
                    found = None  # a place or an experiment with this word tells more
                if found and (end - start > 1 or len(key) > 2):
                    yield ScopeLink(start, end, found[1], key, whole=True, kind=found[0])
                if key in _ALIASED and (at := self._tracked(_ALIASED[key])):
                    yield ScopeLink(start, end, at, key, whole=True, kind="tracker")
            yield from self._single(start, token)
            yield from self._cued(tokens, start)

    def _tracked(self, tracker: str) -> frozenset[int]:
        return frozenset(at for at, scope in enumerate(self.scopes) if tracker in _tracker_words(scope.tracker))

    def _single(self, at: int, token: Token) -> Iterator[ScopeLink]:
        word = token.lower
        if word in WEAK_SCOPE or len(word) < 2 or stem(word) in METRIC_WORDS or token.number is not None:
            return
        found = self.words.get(stem(word))
        if found:
            yield ScopeLink(at, at + 1, found[1], word, kind=found[0])
        elif len(word) >= 4:
            found = self._alike(stem(word))
            if found:
                yield ScopeLink(at, at + 1, found[1], word, kind=found[0], exact=False)

    def _cued(self, tokens: Sequence[Token], at: int) -> Iterator[ScopeLink]:
        """A folder with an everyday name, where it is called one: `under outputs`, `in the logs folder`."""
        word = tokens[at].lower
        before = tokens[at - 1].lower if at else ""
        after = tokens[at + 1].lower if at + 1 < len(tokens) else ""
        if word in self.weak and (before == "under" or after in ("folder", "directory", "dir", "/")):
            yield ScopeLink(at, at + 1, self.weak[word], word, whole=True)

    def _alike(self, word: str) -> tuple[str, frozenset[int]] | None:
        """Words that begin alike (`optimiser`, `optim`) or are one slip away."""
        for known, found in self.words.items():
            if min(len(known), len(word)) >= 5 and (known.startswith(word) or word.startswith(known)):
                return found
        for known, found in self.words.items():
            if len(word) >= 6 and known[0] == word[0] and word.isalpha() and fuzz.ratio(known, word) >= 88:
                return found
        return None


_Found = dict[str, dict[str, set[int]]]
_RANKS = (("source", "experiment"), ("tracker",), ("dataset",))


def _add(found: _Found, key: str, kind: str, at: int) -> None:
    found.setdefault(key, {}).setdefault(kind, set()).add(at)


def _settled(found: _Found) -> dict[str, tuple[str, frozenset[int]]]:
    """Of places and experiments with a name where there are any, else of trackers, else of datasets."""
    settled = {}
    for key, kinds in found.items():
        ranks = (("source", "experiment", "tracker"), ("dataset",)) if key in TRACKERS else _RANKS
        rank = next(rank for rank in ranks if any(kind in kinds for kind in rank))
        kind = next(kind for kind in rank if kind in kinds)
        settled[key] = (kind, frozenset().union(*(kinds[each] for each in rank if each in kinds)))
    return settled


def _names(scope: Scope) -> Iterator[tuple[str, str]]:
    if scope.experiment and "/" not in scope.experiment:
        yield "experiment", scope.experiment
    for part in (scope.root, *scope.source.split("/")):
        if is_code(part) or not part:
            continue
        yield "source", part
        if "__" in part:
            yield from (("source", piece) for piece in part.split("__"))
    for dataset in scope.datasets[:20]:
        if len(dataset) < 80:
            yield "dataset", dataset
            yield from (("dataset", piece) for piece in dataset.split("/"))


def _words(text: str) -> Iterator[str]:
    for part in (text, *text.split("__")):
        words = [w for w in identifier_words(part) if w]
        yield from (word for word in words if len(word) > 1)
        loose = [w for w in re.split(r"[\W_]+", part.lower()) if w]
        yield from loose
        initials = "".join(word[0] for word in loose if word.isalpha())
        for low in range(len(initials)):
            for high in range(low + 2, len(initials) + 1):
                if high - low >= 3 or (low > 0 and high == len(initials)):
                    yield initials[low:high]


def _tracker_words(tracker: str) -> frozenset[str]:
    bare = tracker.split("-")[0].lower()
    return frozenset({bare, *(word for word, name in TRACKERS.items() if name == bare)})


def resolve(links: Sequence[ScopeLink], everything: frozenset[int]) -> tuple[list[ScopeLink], frozenset[int]]:
    """Return the links that hold together, none overlapping, and the scopes that they leave.

    Whole names come first, then exact words, the most telling ones before the others.
    """
    kept: list[ScopeLink] = []
    left = everything
    taken: set[int] = set()
    order = sorted(
        links, key=lambda one: (not one.whole, not one.exact, -(one.end - one.start), len(one.scopes), one.start)
    )
    for link in order:
        span = range(link.start, link.end)
        if taken.isdisjoint(span) and link.scopes & left:
            kept.append(link)
            left &= link.scopes
            taken.update(span)
    return sorted(kept, key=lambda link: link.start), left


def vocabulary_scopes(vocabulary: Vocabulary) -> ScopeIndex:
    """Return the index of a vocabulary's scopes."""
    return ScopeIndex(vocabulary.scopes)
