"""A question as a line of symbols that the grammar's rules match: C0 a column, V1 a value, N2 a number, M3 a measure …

Rules take what they have read; what nobody took and is not harmless is unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from assistant.dataset.lexicon import (
    COMPARISON_PHRASES,
    ENTITIES,
    HARMLESS,
    MEASURE_PHRASES,
    METRICS,
    MODELS,
    PARTICIPLES,
)
from assistant.dataset.link import Linker, Mention
from assistant.dataset.tokens import Word, bag, identifier_words, stem, words_of

_FILLERS = bag("the a an their his her its respective my our")
_NEAR_COLUMN = bag(
    "column columns feature features variable variables field fields attribute attributes values"
    " value data price prices"
)
_SCALES = {"thousand": 1e3, "million": 1e6, "millions": 1e6, "billion": 1e9, "billions": 1e9, "hundred": 1e2}
_MONTHS = {
    name: index + 1
    for index, name in enumerate(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ]
    )
}


@dataclass(slots=True)
class Element:
    """A word or a phrase: its symbol, the words it covers, what it means, and whether a rule has used it."""

    code: str
    start: int
    end: int
    item: Any = None
    used: bool = False


@dataclass(slots=True)
class Page:
    """The elements of one text; `line` is what patterns are matched against."""

    text: str
    words: tuple[Word, ...]
    elements: list[Element]
    fillers: list[Element] = field(default_factory=list)
    strict: bool = False
    """Whether words that a pattern lets through without naming them stay unread."""

    @property
    def line(self) -> str:
        return " ".join("~" if element.used else element.code for element in self.elements)

    def find(self, pattern: str) -> Iterator[Found]:
        """Matches from left to right; a match that its reader took is not met again."""
        compiled = rx(pattern)
        position = 0
        while True:
            match = compiled.search(self.line, position)
            if match is None:
                return
            found = Found(self, match)
            yield found
            position = match.end() if not found.taken else match.start()
            if match.end() == match.start():
                position += 1
            elif found.taken:
                position = match.start() + 1

    def first(self, pattern: str) -> Found | None:
        """The first match."""
        return next(self.find(pattern), None)

    def item(self, code: str) -> Any:
        """What a symbol means."""
        return self.elements[int(code[1:])].item

    def clause(self, index: int) -> int:
        """The number of sentence ends before an element."""
        return sum(1 for element in self.elements[:index] if element.code in (".", "?", "!", ";"))

    def said(self, start: int, end: int) -> str:
        """The words of the question under some elements."""
        if start >= end:
            return ""
        low, high = self.words[self.elements[start].start], self.words[self.elements[end - 1].end - 1]
        return self.text[low.start : high.end]


@dataclass(slots=True)
class Found:
    """A match of a pattern on a page."""

    page: Page
    match: re.Match[str]
    taken: bool = False

    def span(self, group: int | str = 0) -> tuple[int, int]:
        """First and last-but-one element of a group."""
        low, high = self.match.span(group)
        line = self.match.string
        first = line.count(" ", 0, low)
        return first, first + line.count(" ", low, high) + 1 if high > low else first

    def codes(self, kind: str, group: int | str = 0) -> list[str]:
        """The symbols of a kind inside a group, in order."""
        return re.findall(rf"\b{kind}\d+\b", self.match.group(group) or "")

    def items(self, kind: str, group: int | str = 0) -> list[Any]:
        """What those symbols mean."""
        return [self.page.item(code) for code in self.codes(kind, group)]

    def group(self, name: int | str) -> str:
        return self.match.group(name) or ""

    def take(self, group: int | str = 0) -> None:
        """Mark the elements of a group as used."""
        if self.match.group(group) is None:
            return
        start, end = self.span(group)
        for element in self.page.elements[start:end]:
            if element.code not in (".", "?", "!", ";") and not (self.page.strict and self._swallowed(element)):
                element.used = True
        self.taken = True

    def _swallowed(self, element: Element) -> bool:
        """Tell whether a word was only let through by the pattern, which does not name it."""
        word = element.code
        return word.isalpha() and word[:5] not in self.match.re.pattern

    @property
    def clause(self) -> int:
        return self.page.clause(self.span()[0])

    @property
    def said(self) -> str:
        return self.page.said(*self.span())


_MACROS = {
    "{CS}": r"(?:C\d+(?:(?: ,)?(?: and| or| &| ,| as well as| along with| plus) (?:of )?(?=C)C\d+)*)",
    "{VS}": r"(?:V\d+(?:(?: ,)?(?: and| or| &| ,| vs| versus) V\d+)*)",
    "{NS}": r"(?:N\d+(?:(?: ,)?(?: and| or| &| ,) N\d+)*)",
    "{MS}": r"(?:M\d+(?:(?: ,)?(?: and| &| ,| as well as| along with|) (?=M)M\d+)*)",
    "{C}": r"C\d+", "{V}": r"V\d+", "{N}": r"N\d+", "{M}": r"M\d+", "{O}": r"O\d+", "{D}": r"D\d+", "{L}": r"L\d+",
    "{K}": r"K\d+",
}  # fmt: skip


@lru_cache(maxsize=1000)
def rx(pattern: str) -> re.Pattern[str]:
    """Compile a rule: {C}, {V}, {N}, {M}, {O}, {D} are symbols, {CS} and so on lists of them."""
    for macro, expansion in _MACROS.items():
        pattern = pattern.replace(macro, expansion)
    return re.compile(rf"(?<!\S)(?:{pattern})(?!\S)")


@lru_cache(maxsize=1)
def _phrases() -> tuple[tuple[re.Pattern[str], str, Any], ...]:
    found: list[tuple[str, str, Any]] = [(pattern, "M", (name, options)) for pattern, name, options in MEASURE_PHRASES]
    found += [(pattern, "O", op) for pattern, op in COMPARISON_PHRASES]
    found += [(pattern, "L", (model, task)) for pattern, model, task in MODELS]
    found += [(pattern, "K", metric) for pattern, metric in METRICS]
    return tuple((re.compile(rf"(?<!\S)(?:{pattern})(?!\S)"), kind, item) for pattern, kind, item in found)


def page_of(text: str, linker: Linker) -> Page:
    """Cut a text into elements: linked columns and values first, then the grammar's phrases, numbers and dates."""
    words = words_of(text)
    found = linker.mentions(text, words)
    mentions = {mention.start: mention for mention in found if not _possessor(text, words, mention, linker)}
    pieces = _without_asides(_with_verbs(_pieces(words, mentions), linker), words, linker)
    elements: list[Element] = []
    fillers: list[Element] = []
    for position, piece in enumerate(pieces):
        if _is_filler(pieces, position):
            piece.used = True
            fillers.append(piece)
        else:
            elements.append(piece)
    for index, element in enumerate(elements):
        if element.code in "CVMOLKND":
            element.code = f"{element.code}{index}"
    return Page(text, words, elements, fillers)


def _pieces(words: Sequence[Word], mentions: dict[int, Mention]) -> list[Element]:
    pieces: list[Element] = []
    index = 0
    while index < len(words):
        mention = mentions.get(index)
        if mention is not None:
            pieces.append(Element("V" if mention.is_value else "C", mention.start, mention.end, mention))
            index = mention.end
            continue
        free = next((at for at in range(index, len(words)) if at in mentions), len(words))
        pieces += _stretch(words, index, free)
        index = free
    return pieces


def _stretch(words: Sequence[Word], start: int, end: int) -> list[Element]:
    """The elements of words that name no column: the longest phrase at each place, else the word."""
    texts = [word.lower for word in words[start:end]]
    line = " ".join(texts)
    offsets = {0: 0}
    for index, text in enumerate(texts):
        offsets[offsets_at(texts, index) + len(text) + 1] = index + 1
    best: dict[int, tuple[int, str, Any]] = {}
    for pattern, kind, item in _phrases():
        for match in pattern.finditer(line):
            first, last = offsets[match.start()], offsets[match.end() + 1]
            if last - first > best.get(first, (0, "", None))[0] and _phrase_stands(
                words, start + first, start + last, kind
            ):
                best[first] = (last - first, kind, item)
    found, index = [], 0
    while index < len(texts):
        length, kind, item = best.get(index, (0, "", None))
        if length:
            found.append(Element(kind, start + index, start + index + length, item))
            index += length
        else:
            piece = _single(words, start + index, start + len(texts))
            found.append(piece)
            index = piece.end - start
    return found


def offsets_at(texts: Sequence[str], index: int) -> int:
    """Where a word starts in the joined line."""
    return sum(len(text) + 1 for text in texts[:index])


def _phrase_stands(words: Sequence[Word], start: int, end: int, kind: str) -> bool:
    """A comparison such as `over` counts only before something to compare with."""
    if kind == "M" and words[start].lower == "total" and end < len(words) and words[end].lower in ("number", "count"):
        return False
    if kind != "O":
        return True
    text = " ".join(word.lower for word in words[start:end])
    if text in ("<", ">", "=", "==", "!=", ">=", "<=", "≥", "≤", "≠"):
        return True
    for word in words[end : end + 3]:
        if word.number is not None or word.date is not None or word.quoted or word.text == "$":
            return True
        if word.lower in ("mean", "median", "average", "zero"):
            return True
        if word.lower not in ("the", "or", "a", "to", "its", "their", "overall", "equal"):
            break
    return text.endswith(("than", "least", "most")) or "equal" in text


def _single(words: Sequence[Word], index: int, end: int) -> Element:
    word = words[index]
    if word.date is not None:
        return Element("D", index, index + 1, word.date)
    if word.number is not None:
        scale = _SCALES.get(words[index + 1].lower) if index + 1 < end else None
        if scale is not None:
            return Element("N", index, index + 2, (word.number * scale, False))
        percent = word.percent or (index + 1 < end and words[index + 1].lower in ("percent", "%"))
        last = index + 2 if percent and not word.percent else index + 1
        return Element("N", index, last, (word.number, percent))
    month = _MONTHS.get(word.lower)
    if month is not None and (word.text[0].isupper()):
        return _month(words, index, end, month)
    negated = word.lower.endswith(("n't", "n’t")) or word.lower == "cannot"
    return Element("not" if negated else word.lower, index, index + 1, word)


def _month(words: Sequence[Word], index: int, end: int, month: int) -> Element:
    numbers = words[index + 1 : min(end, index + 4)]
    day = year = None
    last = index + 1
    for offset, word in enumerate(numbers):
        if word.number is None and word.text != ",":
            break
        if word.number is not None and word.number >= 1000:
            year, last = int(word.number), index + offset + 2
            break
        if word.number is not None and word.number <= 31:
            day, last = int(word.number), index + offset + 2
    if year is None:
        return Element(words[index].lower, index, index + 1, words[index])
    text = f"{year}-{month:02d}" + (f"-{day:02d}" if day else "")
    return Element("D", index, last, text)


def _possessor(text: str, words: Sequence[Word], mention: Mention, linker: Linker) -> bool:
    """Tell whether a mention only says whose the next column is: `the boat's length` beside a column BoatName."""
    column = linker.by_name[mention.column]
    end = words[mention.end - 1].start + len(words[mention.end - 1].text)
    named = column.kind == "text" and 0 < column.distinct == column.present
    return named and not mention.literal and text[end : end + 2] in ("'s", "’s")


def _without_asides(pieces: list[Element], words: Sequence[Word], linker: Linker) -> list[Element]:
    """Join what says the same twice: `Apple Inc (AAPL)`, `pressure (PRS)`, `graduate education`."""
    kept: list[Element] = []
    index = 0
    while index < len(pieces):
        piece = pieces[index]
        after = [each.code for each in pieces[index + 1 : index + 3]]
        if piece.code == "(" and after == ["C", ")"]:
            start = _aside_start(kept, pieces[index + 1], words)
            if start < len(kept) or not kept:
                merged = Element(
                    "C",
                    kept[start].start if start < len(kept) else piece.start,
                    pieces[index + 2].end,
                    pieces[index + 1].item,
                )
                kept = [*kept[:start], merged]
                index += 3
                continue
        if kept and _same_column(kept[-1], piece):
            value = kept[-1] if kept[-1].code == "V" else piece
            kept[-1] = Element("V", kept[-1].start, piece.end, value.item)
            index += 1
            continue
        if (
            kept
            and (kept[-1].code in ("C", "V") or stem(kept[-1].code) in ENTITY_STEMS)
            and _verb(piece, words, linker)
        ):
            piece = Element(words[piece.start].lower, piece.start, piece.end, words[piece.start])
        if kept and kept[-1].code == "V" and _part_of_name(kept[-1], piece, words):
            kept[-1] = Element("V", kept[-1].start, piece.end, kept[-1].item)
            index += 1
            continue
        kept.append(piece)
        index += 1
    return kept


def _part_of_name(value: Element, piece: Element, words: Sequence[Word]) -> bool:
    """Tell whether a plain word after a value is a part of its column's name: `diesel fuel` of fuel-type."""
    if piece.code != words[piece.start].lower or not piece.code.isalpha():
        return False
    return stem(piece.code) in {stem(part) for part in identifier_words(value.item.column)}


def _verb(piece: Element, words: Sequence[Word], linker: Linker) -> bool:
    """Tell whether a weakly linked word after a column, value or noun is a participle: `doubles hit by`."""
    text = words[piece.start].lower
    if piece.code == "C" and _dated_verb(piece, words, linker):
        return False
    if piece.code != "C" or piece.end - piece.start > 1 or piece.item.literal or words[piece.start].quoted:
        return False
    return (
        (text in PARTICIPLES and not piece.item.literal)
        or (text.endswith("ed") and piece.item.score < 0.9)
        or piece.item.score < 0.7
    )


def _dated_verb(piece: Element, words: Sequence[Word], linker: Linker) -> bool:
    """`hired in 2016`, `built before 1950`: the verb of a date or year column, before a word of time."""
    column = linker.by_name[piece.item.column]
    after = words[piece.end].lower if piece.end < len(words) else ""
    dated = column.kind == "date" or "year" in column.parts
    return dated and after in (
        "in",
        "before",
        "after",
        "since",
        "during",
        "between",
        "from",
        "until",
        "on",
        "each",
        "per",
    )


_WHEN = bag("in before after since during between from until on each per")
VERB = 0.905
"""The score of a column that a verb names."""
_SUBJECTS = bag("who that which do does did not never have has had are were was is and but")


def _with_verbs(pieces: list[Element], linker: Linker) -> list[Element]:
    """`employees who left`, `do not smoke`: a verb that a yes-or-no column is named by."""
    flags = [column for column in linker.columns if column.yes is not None or column.kind == "boolean"]
    dates = [column for column in linker.columns if column.kind == "date"]
    for index, piece in enumerate(pieces):
        before = pieces[index - 1].code if index else ""
        after = pieces[index + 1].code if index + 1 < len(pieces) else ""
        told = [column.name for column in dates if any(_past(piece.code, part) for part in column.parts[:-1])]
        if len(told) == 1 and after in _WHEN and piece.code.isalpha() and len(piece.code) > 3:
            item = Mention(start=piece.start, end=piece.end, column=told[0], score=0.96)
            pieces[index] = Element("C", piece.start, piece.end, item)
            continue
        acted = before in _SUBJECTS or stem(before) in ENTITY_STEMS | linker.entity_stems
        if not acted or not piece.code.isalpha() or len(piece.code) < 4 or piece.code in HARMLESS | ENTITIES:
            continue
        named = [column.name for column in flags if any(_said_of(piece.code, part) for part in column.parts)]
        if len(named) == 1:
            item = Mention(start=piece.start, end=piece.end, column=named[0], score=VERB)
            pieces[index] = Element("C", piece.start, piece.end, item)
    return pieces


def _past(word: str, part: str) -> bool:
    """Tell whether a word is a verb's form of a date column's word: hired of hire_date."""
    return stem(word) == stem(part) or word in (f"{part}d", f"{part}ed", f"{part}n")


def _said_of(word: str, part: str) -> bool:
    """Tell whether a verb is a column's word: left of left_company, smoke of smoker."""
    verb, root = stem(word), stem(part)
    near = root == verb or (root.startswith(verb) and len(root) - len(verb) <= 3)
    return near and len(verb) >= 4


def _aside_start(kept: Sequence[Element], column: Element, words: Sequence[Word]) -> int:
    """Where the words start that a column in parentheses explains: the same column, or names with capitals."""
    at = len(kept)
    while at and kept[at - 1].code in (
        "column",
        "columns",
        "feature",
        "variable",
        "index",
        "price",
        "prices",
        "values",
        "value",
    ):
        at -= 1
    if at and kept[at - 1].code == "C" and kept[at - 1].item.column == column.item.column:
        return at - 1
    at = len(kept)
    while at and (
        kept[at - 1].code == "com"
        or _capital(kept[at - 1], words)
        or (kept[at - 1].code in ("&", ",") and at > 1 and _short(kept, at, words))
    ):
        at -= 1
    return at


def _capital(piece: Element, words: Sequence[Word]) -> bool:
    text = words[piece.start].text
    return (text[:1].isupper() and piece.start > 0 and piece.code not in ("C", "V")) or (
        piece.code == "N" and words[piece.start - 1].text[:1].isupper()
    )


def _short(kept: Sequence[Element], at: int, words: Sequence[Word]) -> bool:
    """A comma inside a name: `Amazon, Inc`."""
    after = words[kept[at].start].lower if at < len(kept) else ""
    return kept[at - 1].code == "&" or after in ("inc", "corp", "ltd", "co")


def _same_column(left: Element, right: Element) -> bool:
    if {left.code, right.code} != {"C", "V"}:
        return False
    value, column = (left, right) if left.code == "V" else (right, left)
    return column.item.column in {value.item.column, *(name for name, _ in value.item.others)} and not value.item.others


def _is_filler(pieces: Sequence[Element], position: int) -> bool:
    code = pieces[position].code
    if code in _FILLERS:
        return True
    if code not in _NEAR_COLUMN:
        return False
    before = pieces[position - 1].code if position else ""
    after = pieces[position + 1].code if position + 1 < len(pieces) else ""
    if before == "C" or (before in _NEAR_COLUMN and position > 1 and pieces[position - 2].code == "C"):
        return True
    return after == "C" and code in ("column", "columns", "feature", "variable", "variables", "features")


ENTITY_STEMS = frozenset(stem(word) for word in ENTITIES)
