"""From a question's text to its page: scopes, runs, names and values are linked, the surest and longest first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz import process

from assistant.dataset.lexicon import GLUE
from assistant.runs.lexicon import FUNCTION_WORDS, HARMLESS, STATE_OF, WORK_NOUNS
from assistant.runs.named import RunIndex, RunLink
from assistant.runs.names import COMMON, NameIndex, NameLink
from assistant.runs.page import Element, Page
from assistant.runs.scope import ScopeIndex, ScopeLink, resolve
from assistant.runs.tokens import Token, quoted_spans, tokens_of
from kb.vocabulary import Vocabulary


@dataclass(frozen=True)
class Linker:
    """The indexes of one vocabulary, kept between questions; `aliases` are a team's own words."""

    vocabulary: Vocabulary
    aliases: Mapping[str, str] = field(default_factory=dict)
    _names: dict[frozenset[int], NameIndex] = field(default_factory=dict, compare=False, repr=False)
    _kept: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def scopes(self) -> ScopeIndex:
        found = self._kept.setdefault("scopes", ScopeIndex(self.vocabulary.scopes))
        assert isinstance(found, ScopeIndex)
        return found

    @property
    def runs(self) -> RunIndex:
        found = self._kept.setdefault("runs", RunIndex(self.vocabulary.runs))
        assert isinstance(found, RunIndex)
        return found

    @property
    def logged_words(self) -> dict[str, frozenset[int]]:
        """Words of logged names -> the scopes that logged them."""
        if "words" not in self._kept:
            found: dict[str, set[int]] = {}
            for each in (*self.vocabulary.params, *self.vocabulary.metrics):
                for word in re.split(r"[\W_]+", each.name.lower()):
                    found.setdefault(word, set()).update(each.scopes)
            self._kept["words"] = {word: frozenset(at) for word, at in found.items()}
        words: Any = self._kept["words"]
        kept: dict[str, frozenset[int]] = words
        return kept

    def names(self, scopes: frozenset[int]) -> NameIndex:
        """Return the index of what was logged in some scopes."""
        if scopes not in self._names:
            if len(self._names) > 200:
                self._names.clear()
            self._names[scopes] = NameIndex(self.vocabulary, scopes, self.aliases)
        return self._names[scopes]


@dataclass(slots=True)
class Linked:
    """A question with everything that it names: `scopes` is what it is about, `left` what may still be of it."""

    page: Page
    linker: Linker
    scopes: frozenset[int]
    names: NameIndex
    scope_links: list[ScopeLink]


def linked(question: str, linker: Linker) -> Linked:
    """Link a question's words."""
    tokens = tokens_of(question)
    quotes = quoted_spans(question)
    found_scopes = list(linker.scopes.links(tokens))
    outside = [link for link in found_scopes if _excluded(tokens, link.start)]
    scope_links, scopes = resolve([link for link in found_scopes if link not in outside], linker.scopes.everything)
    for link in outside:
        if scopes - link.scopes:
            scope_links.append(link)
            scopes -= link.scopes
    scope_links, scopes = _described(tokens, scope_links, scopes, linker)
    scopes |= _beside(tokens, scopes, linker)
    runs = _longest(list(linker.runs.links(tokens, scopes)))
    if runs and not scope_links:
        scopes = _of_runs(runs, linker) or scopes
        runs = _longest(list(linker.runs.links(tokens, scopes)))
    taken = {at for link in runs for at in range(link.start, link.end)}
    shortened = _longest(list(linker.runs.shortened(tokens, scopes, taken)))
    names = linker.names(scopes)
    found = [*names.links(question, tokens, taken), *names.values(question, tokens, taken)]
    placed = _placed(tokens, [*runs, *shortened], scope_links, found, quotes)
    return Linked(_page(question, tokens, placed), linker, scopes, names, scope_links)


_OUT = frozenset({"not", "except", "excluding", "without", "ignoring", "besides"})


def _excluded(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether `not the …`, `excluding …` stands before a place."""
    at -= 1
    while at >= 0 and tokens[at].lower in ("the", "in", "from", "those", "of", "ones", "for", "any"):
        at -= 1
    return at >= 0 and tokens[at].lower in _OUT


def _described(
    tokens: Sequence[Token], links: list[ScopeLink], scopes: frozenset[int], linker: Linker
) -> tuple[list[ScopeLink], frozenset[int]]:
    """A word before a place's name that tells of what was logged there: `the word2vec spam project`."""
    named = {at for link in links for at in range(link.start, link.end)}
    for at, token in enumerate(tokens[:-1]):
        after = tokens[at + 1].lower
        if at in named or token.mark or token.lower in COMMON or not (at + 1 in named or after in WORK_NOUNS):
            continue
        found = linker.logged_words.get(token.lower, frozenset()) & scopes
        if found:
            links.append(ScopeLink(at, at + 1, found, token.lower, kind="logged"))
            scopes = found
    return sorted(links, key=lambda link: link.start), scopes


def _beside(tokens: Sequence[Token], scopes: frozenset[int], linker: Linker) -> frozenset[int]:
    """Scopes of runs named by a long id that lie in the same places: their own experiment may not be known."""
    places = {linker.vocabulary.scopes[at].source for at in scopes}
    found = set()
    for link in linker.runs.links(tokens, linker.scopes.everything):
        if link.by == "id" and len(link.text) >= 6 and len(link.runs) == 1 and not link.text.isalpha():
            scope = linker.vocabulary.runs[link.runs[0]].scope
            if linker.vocabulary.scopes[scope].source in places:
                found.add(scope)
    return frozenset(found)


def _of_runs(runs: Sequence[RunLink], linker: Linker) -> frozenset[int]:
    """The scopes that all named runs share or lie in, where each is named for good."""
    found: frozenset[int] = frozenset()
    for link in runs:
        if link.text.isdigit() or len(link.text) < 4:
            continue
        found |= frozenset(linker.vocabulary.runs[at].scope for at in link.runs)
    return found


def _longest(links: list[RunLink]) -> list[RunLink]:
    taken: set[int] = set()
    kept = []
    for link in sorted(links, key=lambda one: (-(one.end - one.start), len(one.runs))):
        if taken.isdisjoint(range(link.start, link.end)):
            taken.update(range(link.start, link.end))
            kept.append(link)
    return kept


Link = RunLink | ScopeLink | NameLink


def _placed(
    tokens: Sequence[Token], runs: Sequence[RunLink], scopes: Sequence[ScopeLink], names: Sequence[NameLink],
    quotes: Sequence[tuple[int, int]],
) -> list[Link]:  # fmt: skip
    """Choose among overlapping links: more words, then the better fit; a quoted name is whole."""

    def weight(link: Link) -> tuple[bool, float, int]:
        span = (tokens[link.start].start, tokens[link.end - 1].end)
        words = sum(1 for t in tokens[link.start : link.end] if not t.mark and t.lower not in GLUE)
        if isinstance(link, RunLink):
            score = 0.95 if link.by == "id" else 0.93 if link.by == "name" else 0.8
        elif isinstance(link, ScopeLink):
            score = 0.985 if link.whole else 0.98 if link.exact else 0.85
        else:
            score = 1.05 if link.literal else 0.2 if link.weak else link.score
            if link.is_value and link.logged.kind == "tag":
                score *= 0.5
        return (span in quotes, words * score, -link.start)

    taken: set[int] = set()
    kept: list[Link] = []
    every: list[Link] = [*runs, *scopes, *names]
    for link in sorted(every, key=weight, reverse=True):
        if taken.isdisjoint(range(link.start, link.end)):
            taken.update(range(link.start, link.end))
            kept.append(link)
    return sorted(kept, key=lambda link: link.start)


_CODES = {"metric": "M", "param": "P", "tag": "T"}


def _page(text: str, tokens: Sequence[Token], links: Sequence[Link]) -> Page:
    page = Page(text, tokens)
    by_start = {link.start: link for link in links}
    at = 0
    while at < len(tokens):
        link = by_start.get(at)
        if link is None or (isinstance(link, NameLink) and link.weak and not link.is_value):
            page.elements.append(_plain(tokens[at], link))
            at += 1
            continue
        start, end = tokens[link.start].start, tokens[link.end - 1].end
        page.elements.append(Element(_code(link), start, end, link))
        at = link.end
    return page


def _code(link: Link) -> str:
    if isinstance(link, RunLink):
        return "R"
    if isinstance(link, ScopeLink):
        return "S"
    return "V" if link.is_value else _CODES[link.logged.kind]


def _plain(token: Token, weak: NameLink | None) -> Element:
    if token.number is not None:
        return Element("N", token.start, token.end, None, number=token.number, percent=token.percent)
    return Element(_mended(token.lower) if not token.mark else token.text, token.start, token.end, weak)


def _mended(word: str) -> str:
    """A word that rules look for, where this is one slip away from it and no word of its own."""
    if len(word) < 4 or word in COMMON or word in HARMLESS or word in FUNCTION_WORDS or word in STATE_OF:
        return word
    best = process.extractOne(word, FUNCTION_WORDS, score_cutoff=86)
    return best[0] if best and abs(len(best[0]) - len(word)) <= 2 and best[0][0] == word[0] else word
