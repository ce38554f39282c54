"""A question as a line of codes for grammar rules: M metric, P parameter, T tag, V value, R run, S scope, N number.

Rules take stretches of the line and mark them used; a condition that was read becomes one element C. What is left over
in the end was not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from assistant.runs.tokens import Token


@dataclass(slots=True)
class Element:
    """A word or something linked: its code in the line, what it is linked to, and where in the question it stands."""

    code: str
    start: int
    end: int
    item: Any = None
    used: bool = False
    number: float | None = None
    percent: bool = False


@dataclass(slots=True)
class Found:
    """A stretch of the line that a rule matched: elements by group."""

    page: Page
    match: re.Match[str]

    def at(self, group: int | str = 0) -> list[int]:
        """Return the places of a group's elements."""
        start, end = self.match.span(group)
        return self.page.places(start, end)

    def one(self, group: int | str) -> Element | None:
        """Return a group's only or first linked element."""
        places = self.at(group) if self.match.group(group) else []
        return self.page.elements[places[0]] if places else None

    def text(self, group: int | str) -> str:
        return self.match.group(group) or ""

    def use(self, group: int | str = 0) -> None:
        """Mark all elements of a group used."""
        for at in self.at(group):
            self.page.elements[at].used = True


@dataclass(slots=True)
class Page:
    """The elements of one question."""

    text: str
    tokens: Sequence[Token]
    elements: list[Element] = field(default_factory=list)

    @property
    def line(self) -> str:
        return " ".join(element.code for element in self.elements)

    def places(self, start: int, end: int) -> list[int]:
        """Return the elements that lie in a stretch of the line."""
        found, at = [], 0
        for index, element in enumerate(self.elements):
            if at >= start and at + len(element.code) <= end:
                found.append(index)
            at += len(element.code) + 1
        return found

    def find(self, pattern: str) -> Found | None:
        """Return the first match on whole elements."""
        match = _compiled(pattern).search(self.line)
        return Found(self, match) if match else None

    def all(self, pattern: str) -> Iterator[Found]:
        """Yield matches one after the other; the line may change between them."""
        for match in list(_compiled(pattern).finditer(self.line)):
            yield Found(self, match)

    def take(self, pattern: str) -> Found | None:
        """Return the first match with something unused in it, marked used."""
        for found in self.all(pattern):
            if any(not self.elements[at].used for at in found.at()):
                found.use()
                return found
        return None

    def has(self, pattern: str) -> bool:
        return self.find(pattern) is not None

    def merge(self, places: Sequence[int], code: str, item: Any) -> None:
        """Put one element in place of several neighbours."""
        low, high = places[0], places[-1]
        start, end = self.elements[low].start, self.elements[high].end
        self.elements[low : high + 1] = [Element(code, start, end, item)]

    def said(self, element: Element) -> str:
        return self.text[element.start : element.end]

    def of(self, codes: str) -> list[Element]:
        """Return the elements with one of these codes, in order."""
        return [element for element in self.elements if element.code in codes and len(element.code) == 1]


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:(?<=\s)|^)(?:{pattern})(?=\s|$)")
