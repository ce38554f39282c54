"""The names that a question wants back: `@name[value]`, with the digits, options and words said about each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.dataset.tokens import identifier_words, stem

_NAME = re.compile(r"@([\w.%/&' -]*?\w[\w.%/&'-]*)\s*\[([^\]\n]*)\]")
_DIGIT_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "1": 1,
    "2": 2,
    "3": 3,
    "4": 4,
    "5": 5,
    "6": 6,
}
_DIGITS = re.compile(
    r"(?:(one|two|three|four|five|six|\d)(?: \(\d\))? (?:decimal|digit)|(?:nearest|closest) (integer|"
    r"whole)|\binteger\b|"
    r"whole number|(\d)f\b)",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\"([^\"]{1,60})\"|'([^']{1,60})'|“([^”]{1,60})”")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A name wanted back: `value` is what stands in its brackets, `about` what is said of it, `options` its words.

    `digits` is None where no rounding is asked; `listed` where several values are wanted.
    """

    name: str
    value: str
    about: str = ""
    digits: int | None = None
    integer: bool = False
    options: tuple[str, ...] = ()
    listed: bool = False
    text: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the name."""
        parts = [word for part in self.name.split("_") for word in identifier_words(part)]
        joined = re.sub(r"\b(r|f|q|chi) (?=\d\b)", r"\1", " ".join(parts))
        return tuple(joined.split())

    @property
    def stems(self) -> frozenset[str]:
        """Stems of the name's and the value's words."""
        value = tuple(word for part in re.split(r"\W+|_", self.value) for word in identifier_words(part))
        return frozenset(stem(word) for word in (*self.words, *value))


def asks_of(form: str, constraints: str = "") -> tuple[Ask, ...]:
    """Read the names wanted back, in order."""
    form = form.replace("\\n", "\n")
    found = list(_NAME.finditer(form))
    if not found:
        return ()
    explained = _explained(
        _NAME.sub(" ", form), {match.group(2) for match in found} | {match.group(1) for match in found}
    )
    general = _digits(_NAME.sub(" ", form)) if len(_all_digits(form)) == 1 else None
    if general is None and not _all_digits(form):
        general = _digits(constraints)
    seen: dict[str, Ask] = {}
    for match in found:
        name, value = match.group(1).strip(), match.group(2).strip()
        about = explained.get(value) or explained.get(name) or ""
        if not _digits(about) and (loose := _loosely(form, value)):
            about = f"{about} {loose}"
        if name not in seen and not (_is_example(form, match) and seen):
            seen[name] = _ask(name, value, about, general)
    return tuple(seen.values())


def _loosely(form: str, value: str) -> str:
    """Digits said without quotes: `p to 4 decimals`."""
    match = re.search(
        rf"(?<![\w@\[]){re.escape(value)}(?![\w\]])(?: \w+){{0,2}} to (?:\d|two|three|four) decimals?", form
    )
    return match.group() if match else ""


def _is_example(form: str, match: re.Match[str]) -> bool:
    return "example" in form[max(0, match.start() - 40) : match.start()].lower()


def _ask(name: str, value: str, about: str, general: tuple[int | None, bool] | None) -> Ask:
    own = _digits(about)
    digits, integer = own if own is not None else (general or (None, False))
    about = re.split(r"\.\s+(?=[\"'“][^\"'“]+[\"'”] (?:or|and|is|are|signif|represent))", about)[0]
    options = tuple(dict.fromkeys(a or b or c for a, b, c in _CHOICE.findall(about)))
    options = tuple(option for option in options if option not in (value, name))
    if not options and re.search(r"[A-Za-z]\w*\s*/\s*[A-Za-z]", value):
        options = tuple(part.strip() for part in value.split("/"))
    elif not options and " or " in value:
        options = tuple(part.strip() for part in value.split(" or "))
    said = re.search(r"\bstrings?\b|\bstr\b|\beither\b|[\"'”] or [\"'“]|\bboolean\b", about + " " + value)
    number = re.search(r"\b(?:number|float|decimal|integer|floating)\b", about)
    wordy = bool(said and (len(options) > 1 or not number)) or (not about and len(options) > 1)
    listed = (
        "," in value
        or "list" in value.lower()
        or bool(re.search(r"\blists?\b|separated by commas|comma separated", about))
    )
    return Ask(
        name=name, value=value, about=about, digits=digits, integer=integer,
        options=options if wordy else (), listed=listed, text=wordy,
    )  # fmt: skip


def _all_digits(text: str) -> list[tuple[str, ...]]:
    return [found for found in _DIGITS.findall(text) if any(found)]


def _digits(text: str) -> tuple[int | None, bool] | None:
    """(digits, whole number) as a text asks, None where it asks for neither."""
    match = _DIGITS.search(text)
    if match is None:
        return None
    if match.group(1):
        return _DIGIT_WORDS[match.group(1).lower()], False
    if match.group(3):
        return int(match.group(3)), False
    return None, True


def _explained(text: str, values: set[str]) -> dict[str, str]:
    """What is said about each bracketed word: the text from the words named together to the next that are named."""
    text = re.sub(r"\s+", " ", text)
    alternatives = "|".join(sorted((re.escape(value) for value in values if value), key=len, reverse=True))
    if not alternatives:
        return {}
    marked = rf"[\"'“]({alternatives})[\"'”](?! columns?\b)()"
    bare = rf"(?<![\w\"'])({alternatives})(?= (?:is|are|represents|should)\b)()"
    quoted = re.compile(marked if re.search(marked, text) else bare)
    spots = [(m.start(), m.end(), m.group(1) or m.group(2)) for m in quoted.finditer(text)]
    found: dict[str, str] = {}
    for groups in _together(text, spots):
        for name in groups[0]:
            found.setdefault(name, groups[1])
    return found


def _together(text: str, spots: list[tuple[int, int, str]]) -> list[tuple[list[str], str]]:
    groups: list[tuple[list[str], str]] = []
    names: list[str] = []
    for index, (_, end, name) in enumerate(spots):
        names.append(name)
        following = spots[index + 1][0] if index + 1 < len(spots) else len(text)
        between = text[end:following]
        if re.fullmatch(r"[\s,&]*(?:and|or)?\s*", between) and index + 1 < len(spots):
            continue
        groups.append((names, between))
        names = []
    both = re.search(
        r"\b(?:both|all|each|results?|values?)\b[^.]*(?:rounded|decimal)[^.]*",
        text[spots[-1][1] :] if spots else "",
        re.I,
    )
    return [(named, about if _digits(about) or both is None else f"{about} {both.group()}") for named, about in groups]
