"""Text that every part agrees on: decoding, normalising, sentences, words and identifiers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from charset_normalizer import from_bytes

from kb.types import Chunk, Span

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u200b\u2060\ud800-\udfff]")
_BOMS = (("utf-8-sig", b"\xef\xbb\xbf"), ("utf-32", b"\xff\xfe\x00\x00"), ("utf-32", b"\x00\x00\xfe\xff"))
_BOMS16 = (("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff"))


def decode(data: bytes) -> tuple[str, str]:
    """Return the text of `data` and the encoding it was read with; undecodable bytes become U+FFFD."""
    for encoding, bom in _BOMS + _BOMS16:
        if data.startswith(bom):
            return data.decode(encoding, "replace"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        bad = error
    lone = data.decode("utf-8", "replace").count("\ufffd")
    nearly = lone <= 3 + len(data) // 10_000 and bad.start > 1000
    if not nearly and _is_western(data):
        return data.decode("cp1252"), "windows-1252"
    best = None if nearly else from_bytes(data[: 1 << 20]).best()
    if best is None:
        return data.decode("utf-8", "replace"), "utf-8"
    return data.decode(best.encoding, "replace"), best.encoding


_LETTERS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœ")
_SIGNS = frozenset("€‚„…‘’“”•–—™«»°±²³µ·¿¡§©®£¥¢´×¼½¾ªº¹\xa0")
_HUNGARIAN, _ROMANCE = frozenset("õûÕÛ"), frozenset("ãçèêàâîôÃÇÈÊÀÂÎÔ")
_ODD = re.compile(r"[^\W\d_][€•™±²³¿¡§©£¥¢×¼½¾¹][^\W\d_]|[£¹³][^\W\d_]|[^\x00-\x7f]{3}")
"""Other encodings read as Windows-1252 look like this: signs inside words, and runs of marked letters."""


def _is_western(data: bytes) -> bool:
    """Tell whether `data` read as Windows-1252 holds Western letters and signs only, where such text has them.

    A short text gives a detector too little to go on; õ and û without other marks of Romance languages are left to it.
    """
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    marks = frozenset(text) - frozenset(map(chr, range(128)))
    if not marks <= _LETTERS | _SIGNS or (marks & _HUNGARIAN and not marks & _ROMANCE):
        return False
    return _ODD.search(text) is None


def normalise(text: str) -> str:
    """Return `text` in NFC with `\\n` line ends and without control and zero-width characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").replace("\u2028", "\n")
    return unicodedata.normalize("NFC", _CONTROL.sub("", lines))


_WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*", re.UNICODE)
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")

_HAN = re.compile(r"([\u3040-\u30ff\u3400-\u9fff]+)")


def words(text: str) -> list[str]:
    """Return the words of `text` in order; `max_depth` and `HistGradientBoostingClassifier` are one word each."""
    return _WORD.findall(text)


def identifier_parts(word: str) -> tuple[str, ...]:
    """Split an identifier at underscores and at changes of case: `GridSearchCV` → Grid, Search, CV."""
    return tuple(part for piece in word.split("_") if piece for part in _CAMEL.findall(piece))


def is_identifier(word: str) -> bool:
    """Tell whether a word looks like a name from code: an inner underscore, or an inner change of case."""
    return len(identifier_parts(word)) > 1 and ("_" in word or any(c.isupper() for c in word[1:]))


def terms(text: str) -> list[str]:
    """Return the lower-case index terms of `text`: each word, and for an identifier its parts and the whole.

    `max_depth` gives max, depth, maxdepth, so that each is found by `max_depth`, `maxDepth`, `max depth` and `depth`.
    Chinese and Japanese are written without spaces: their runs give overlapping pairs of characters.
    """
    found: list[str] = []
    for word in words(text):
        if _HAN.search(word):
            found += _pairs(word)
            continue
        parts = identifier_parts(word) if not word.islower() or "_" in word else ()
        if len(parts) > 1:
            found += [part.lower() for part in parts]
            found.append(word.replace("_", "").lower())
        else:
            found.append(word.lower())
    return found


def _pairs(word: str) -> Iterator[str]:
    """Yield the pairs of characters of a word's Chinese and Japanese runs, and the terms of what stands between."""
    for part in _HAN.split(word):
        if not _HAN.match(part):
            yield from terms(part)
        elif len(part) == 1:
            yield part
        else:
            yield from (part[at : at + 2] for at in range(len(part) - 1))


def embedding_text(title: str, chunk: Chunk) -> str:
    """Return what is embedded for a chunk: its two innermost headings (or the document's title), then its text."""
    path = next((path for path in chunk.headings if path), (title,) if title else ())
    return "\n".join(part for part in (" > ".join(path[-2:]), chunk.text) if part)


def leaf_heading(title: str, chunk: Chunk) -> str:
    """Return a chunk's innermost heading, or the document's title."""
    return next((path[-1] for path in chunk.headings if path), title)


_STOP_WORDS = """
a about after all also am an and any are as at be because been before being between both but by can cannot could
did do does doing don done down during each else ever few for from further get gets getting go got had has have
having he help her here hers him his how i if in into is it its itself just know like me might more most my need
no nor not of off on once one only or other our ours out over own please possible properly really s same she
should so some such t than that the their them then there these they thing this those through to too trying
tried try under until up use used using vs want wants was way we well were what when where whether which while
who whom why will with within without won would you your yours
"""
_STOP = frozenset(_STOP_WORDS.split())


def query_terms(question: str) -> list[str]:
    """Return the index terms of a question without the words that carry no topic; all of them where none is left."""
    found = terms(question)
    kept = [term for term in found if term not in _STOP and (len(term) > 1 or not term.isascii())]
    return kept or found


def shingles(text: str, size: int = 5) -> frozenset[int]:
    """Return the hashes of the word sequences of length `size`; texts that share most of them say the same."""
    found = [word.lower() for word in words(text)]
    if len(found) <= size:
        return frozenset({hash(tuple(found))})
    return frozenset(hash(tuple(found[at : at + size])) for at in range(len(found) - size + 1))


_SENTENCE_GAP = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')\]”’]))\s+|(?<=[。！？])\s*|\n{2,}")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:e\.g|i\.e|etc|vs|cf|al|resp|approx|fig|figs|eq|eqs|sec|ch|no|vol|pp?|ref|refs|dr|mr|mrs|ms|prof|st"
    r"|jr|sr|inc|ltd|dept|est|aka|w\.r\.t|viz|[A-Za-z])\.$",
    re.IGNORECASE,
)
_OPENS = re.compile(r"[\"'“‘(\[`<*\-–—•]*(?:[A-Z0-9À-Þ一-鿿぀-ヿ]|[a-z][\w]*[_.(]\w*)")


def sentences(text: str) -> list[Span]:
    """Return the spans of the sentences of running text, in order, without the white space between them.

    Abbreviations (`e.g.`, `et al.`), initials, decimals and dotted names do not end a sentence.
    """
    spans, start = [], 0
    for gap in _SENTENCE_GAP.finditer(text):
        if gap.start() > start and _ends_sentence(text, start, gap):
            spans.append(Span(start=start, end=gap.start()))
            start = gap.end()
    spans.append(Span(start=start, end=len(text)))
    return [kept for span in spans if (kept := trimmed(span, text)) is not None]


def _ends_sentence(text: str, start: int, gap: re.Match[str]) -> bool:
    if "\n\n" in gap.group() or text[gap.start() - 1] in "。！？":
        return True
    before = text[max(start, gap.start() - 12) : gap.start()]
    if _ABBREVIATION.search(before):
        return bool(re.search(r"\betc\.$", before)) and text[gap.end() : gap.end() + 1].isupper()
    return _OPENS.match(text, gap.end()) is not None


def trimmed(span: Span, text: str) -> Span | None:
    """Return `span` without white space at its ends, or None where nothing else is in it."""
    body = span.of(text)
    kept = body.strip()
    start = span.start + len(body) - len(body.lstrip())
    return Span(start=start, end=start + len(kept)) if kept else None


def normalise_spaces(text: str) -> str:
    """Return `text` with each run of white space as one space, none at the ends."""
    return " ".join(text.split())


def kin(a: str, b: str) -> bool:
    """Tell whether two lower-case words differ in their ending only: scale, scaling, scaled."""
    short = min(len(a), len(b))
    if short < 4 or abs(len(a) - len(b)) > 4:
        return False
    return a[: max(4, short - 2)] == b[: max(4, short - 2)]
