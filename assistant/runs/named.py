"""Runs that a question names: by id, a start of it, display name, folder or commit, or a shortened name."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from assistant.dataset.lexicon import GLUE
from assistant.runs.lexicon import HARMLESS, RUN_NOUNS, TRACKERS, WEAK_SCOPE
from assistant.runs.tokens import Token, is_code, key_of
from kb.vocabulary import Named, Vocabulary

MOST_WORDS = 10
_CUE = RUN_NOUNS | {"#", "id", "number", "no", "seed", "fold"}
_HEX = re.compile(r"[0-9a-f]{6,40}")
_COMMON = HARMLESS | RUN_NOUNS | WEAK_SCOPE | GLUE


@dataclass(frozen=True, slots=True)
class RunLink:
    """Tokens that name runs (places in `Vocabulary.runs`); `by` is id, name or short."""

    start: int
    end: int
    runs: tuple[int, ...]
    text: str
    by: str = "id"


@dataclass(frozen=True)
class RunIndex:
    """The names of all runs."""

    runs: tuple[Named, ...]

    @cached_property
    def keys(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """A name as words -> by what it names, and whom."""
        found: dict[str, tuple[str, list[int]]] = {}
        for at, run in enumerate(self.runs):
            for by, text in _texts(run):
                key = key_of(text)
                if key:
                    places = found.setdefault(key, (by, []))[1]
                    if not places or places[-1] != at:
                        places.append(at)
        return {key: (by, tuple(places)) for key, (by, places) in found.items()}

    @cached_property
    def starts(self) -> list[tuple[str, int]]:
        """Long ids of hexadecimal digits in order, to be found by how they start."""
        return sorted((run.run_id.lower(), at) for at, run in enumerate(self.runs) if len(run.run_id) >= 16)

    def links(self, tokens: Sequence[Token], scopes: frozenset[int]) -> Iterator[RunLink]:
        """Yield every span that names runs in `scopes`."""
        for start, token in enumerate(tokens):
            if token.mark:
                continue
            yield from self._numbered(tokens, start, scopes)
            key = ""
            for end in range(start + 1, min(start + 2 * MOST_WORDS, len(tokens)) + 1):
                if tokens[end - 1].mark:
                    continue
                key = f"{key} {key_of(tokens[end - 1].text)}".strip()
                found = self.keys.get(key)
                if found is None:
                    continue
                kept = tuple(at for at in found[1] if self.runs[at].scope in scopes)
                if kept and self._stands(tokens, start, end, key):
                    yield RunLink(start, end, kept, key, found[0])
            yield from self._started(start, token, scopes)

    def _started(self, at: int, token: Token, scopes: frozenset[int]) -> Iterator[RunLink]:
        text = token.lower
        if not _HEX.fullmatch(text) or not any(c.isdigit() for c in text):
            return
        low = bisect_left(self.starts, (text, -1))
        found = []
        for known, run in self.starts[low : low + 20]:
            if known.startswith(text) and self.runs[run].scope in scopes:
                found.append(run)
        if len(found) == 1:
            yield RunLink(at, at + 1, (found[0],), text)

    def _numbered(self, tokens: Sequence[Token], start: int, scopes: frozenset[int]) -> Iterator[RunLink]:
        """A number after the word that its runs' names hold: `versions 6 and 7`."""
        if not tokens[start].text.isdecimal():
            return
        at = start - 1
        while at > 0 and (tokens[at].number is not None or tokens[at].lower in (",", "and", "&", "or", "(", "/", "vs")):
            at -= 1
        if at < 0 or tokens[at].lower not in _CUE:
            return
        for word in (tokens[at].lower, tokens[at].lower.removesuffix("s")):
            found = self.keys.get(f"{word} {tokens[start].text}")
            kept = tuple(run for run in found[1] if self.runs[run].scope in scopes) if found else ()
            if kept:
                yield RunLink(start, start + 1, kept, tokens[start].text, "id")
                return

    def _stands(self, tokens: Sequence[Token], start: int, end: int, key: str) -> bool:
        """Tell whether a common word or a bare number stands where a run is named."""
        before = tokens[start - 1].lower if start else ""
        if key.isdigit():
            listed = before in (",", "and", "&", "(", "or", "/") and start > 1
            return before in _CUE or (listed and self._listed(tokens, start))
        if end - start > 1 or key not in _COMMON:
            return True
        after = tokens[end].lower if end < len(tokens) else ""
        return before in ("run", "runs", "folder", "/", "'", '"', "`") or (
            before in ("vs", "and") and after in ("run",)
        )

    def _listed(self, tokens: Sequence[Token], start: int) -> bool:
        at = start - 1
        while at > 0 and (tokens[at].number is not None or tokens[at].lower in (",", "and", "&", "or", "(", "/")):
            at -= 1
        return tokens[at].lower in _CUE

    def shortened(self, tokens: Sequence[Token], scopes: frozenset[int], taken: set[int]) -> Iterator[RunLink]:
        """Names said by the starts of their words (`log reg`), or by their initials."""
        names = self._names(scopes)
        for start, token in enumerate(tokens):
            if start in taken or token.mark or len(token.text) < 2:
                continue
            for words, places in names.items():
                end = start + len(words)
                if len(words) < 2 or end > len(tokens):
                    pass
                elif all(_begins(t.lower, w) for t, w in zip(tokens[start:end], words, strict=False)) and (
                    not all(t.lower in _COMMON for t in tokens[start:end])
                ):
                    yield RunLink(start, end, places, " ".join(words), "short")
                if len(words) > 1 and token.text.isupper() and token.lower == "".join(w[0] for w in words):
                    yield RunLink(start, start + 1, places, " ".join(words), "short")

    def _names(self, scopes: frozenset[int]) -> dict[tuple[str, ...], tuple[int, ...]]:
        found: dict[tuple[str, ...], list[int]] = {}
        for at, run in enumerate(self.runs):
            if run.scope in scopes and run.name and any(c.isalpha() for c in run.name):
                found.setdefault(tuple(key_of(run.name).split()), []).append(at)
                if len(found) > 300:
                    return {}
        return {words: tuple(places) for words, places in found.items()}


def _begins(said: str, word: str) -> bool:
    return said == word or (len(said) >= 3 and word.startswith(said))


def _texts(run: Named) -> Iterator[tuple[str, str]]:
    """Yield what a run may be called: its id, name and other names; of a path also its last parts, and each part."""
    yield "id", run.run_id
    if run.name:
        yield "name", run.name
    for alias in run.aliases:
        yield "id", alias
    for path in (run.run_id, *run.aliases):
        parts = path.split("/")
        if len(parts) < 2:
            continue
        for low in range(1, len(parts)):
            if low < len(parts) - 1 or parts[low].lower() not in TRACKERS:
                yield "id", "/".join(parts[low:])
        for part in parts[:-1]:
            if is_code(part):
                yield "part", part
                yield "id", f"{part}/{parts[-1]}"
    if "/" not in run.run_id:
        yield from (("part", part) for part in run.source.split("/") if is_code(part) and part != run.run_id)


def run_index(vocabulary: Vocabulary) -> RunIndex:
    """Return the index of a vocabulary's runs."""
    return RunIndex(vocabulary.runs)
