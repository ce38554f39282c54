"""Inline markup of reStructuredText to the text that a reader sees.

Recognition follows docutils' rules for start- and end-strings, a little more leniently; every search for an end looks
into a list made once, so that no input takes more than n log n.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Sequence

_MARKUP = re.compile(r"[\\`*|_]")
_START = re.compile(
    r"\\(?P<escape>[\s\S])"
    r"|(?P<literal>``)"
    r"|:(?P<role>[A-Za-z][\w.+:-]{0,60}):(?=`)"
    r"|(?P<strong>\*\*)|(?P<emphasis>\*)"
    r"|_?(?P<tick>`)"
    r"|(?P<substitution>\|)"
    r"|\[(?P<note>\#?[A-Za-z0-9_.:+-]{0,80}|\*)\]_(?!\w)"
    r"|(?<![\w.+-])(?P<reference>[A-Za-z0-9](?:[\w.+-]{0,80}[A-Za-z0-9])?)__?(?!\w)"
)
_ENDS = {
    "literal": re.compile(r"(?<!\s)``(?!`)"),
    "strong": re.compile(r"(?<!\s)\*\*(?!\w)"),
    "emphasis": re.compile(r"(?<![\s*\\])\*(?![\w*])"),
    "tick": re.compile(r"(?<![\s\\])`(?!`)"),
    "substitution": re.compile(r"(?<!\s)\|(?!_*[^\W_])"),
}
_TAIL = re.compile(r"__?(?!\w)|:[A-Za-z][\w.+:-]{0,60}:(?=\W|$)")
_TITLED = re.compile(r"(?s)(.*?)\s*<([^<>]*)>\s*\Z")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_TARGET = re.compile(r"^ *\.\. _(`[^`\n]{1,300}`|[^:\n]{1,300}):", re.MULTILINE)
_SUBSTITUTION = re.compile(r"^( *)\.\. \|([^|\n]{1,200})\| +([\w-]+):: ?(.*(?:\n\1 +\S.*){0,8})", re.MULTILINE)
_RAW_ROLE = re.compile(r"^ *\.\. role:: *([\w-]+) *\( *raw *\)", re.MULTILINE)
_ALT = re.compile(r":alt: *(.*)")
_NAME = re.compile(r"[A-Za-z][\w.-]+(?: \w[\w.-]*)*\Z")
_NUMBERED = frozenset({"pr", "issue", "gh", "pull"})
_PREFIXED = {"pep": "PEP ", "rfc": "RFC "}
_VERBATIM = frozenset({"math", "code", "literal", "samp", "kbd", "file", "command"})
_LONGEST = 200_000
_LONGEST_SUBSTITUTION = 200
_BUDGET = 1_000_000


class Inline:
    """Shows inline markup as display text, with the substitutions, targets and raw roles that one file defines."""

    def __init__(self, source: str) -> None:
        self._targets = frozenset(" ".join(t.strip("`").lower().split()) for t in _TARGET.findall(source))
        self._anonymous = ".. __:" in source or "\n__ " in source
        self._raw = frozenset(_RAW_ROLE.findall(source))
        self._substitutions: dict[str, str] = {}
        self._budget = _BUDGET
        defined = {m[2]: _definition(m[3], m[4]) for m in _SUBSTITUTION.finditer(source)}
        shown = {name: self.show(text)[:_LONGEST_SUBSTITUTION] for name, text in defined.items()}
        self._substitutions = shown

    def show(self, text: str, depth: int = 0) -> str:
        """Return `text` as a reader sees it; line breaks and runs of white space become one space."""
        text = " ".join(text.split())
        if len(text) > _LONGEST or not _MARKUP.search(text):
            return text
        shown = self._scan(text, depth)
        return " ".join(shown.split())

    def _scan(self, text: str, depth: int) -> str:
        ends: dict[str, list[int]] = {}
        out: list[str] = []
        position = 0
        while match := _START.search(text, position):
            out.append(text[position : match.start()])
            kind = match.lastgroup or ""
            piece, position = self._piece(text, match, kind, ends, depth)
            if piece is None:
                _drop(out, text[position : position + 1])
            else:
                out.append(piece)
        out.append(text[position:])
        return "".join(out)

    def _piece(
        self, text: str, match: re.Match[str], kind: str, ends: dict[str, list[int]], depth: int
    ) -> tuple[str | None, int]:
        """Return what `match` shows and where to go on; None shows nothing and takes a space before it away."""
        if kind == "escape":
            return ("" if match["escape"].isspace() else match["escape"]), match.end()
        if kind == "note":
            return f"[{match['note'].lstrip('#') or '#'}]", match.end()
        if kind == "reference":
            return self._reference(match), match.end()
        mark = "tick" if kind == "role" else kind
        start = match.end() + (kind == "role")
        end = _end(text, mark, start, ends)
        if end < 0 or not _starts(text, match, kind, start):
            return match[0], match.end()
        inner, after = text[start:end], end + (2 if mark in ("literal", "strong") else 1)
        if mark == "tick":
            return self._ticked(text, match["role"], inner, after)
        if kind == "literal":
            return inner, after
        if kind == "substitution":
            tail = _TAIL.match(text, after)
            return self._substitute(inner), tail.end() if tail else after
        return (self._scan(inner, depth + 1) if depth < 3 else inner), after

    def _reference(self, match: re.Match[str]) -> str:
        name, marked = match["reference"], match[0]
        known = name.lower() in self._targets or (marked.endswith("__") and self._anonymous)
        return name if known else marked

    def _substitute(self, name: str) -> str:
        value = self._substitutions.get(name)
        if value is None or len(value) > self._budget:
            return name if _NAME.match(name) else f"|{name}|"
        self._budget -= len(value)
        return value

    def _ticked(self, text: str, role: str | None, inner: str, after: int) -> tuple[str | None, int]:
        tail = _TAIL.match(text, after)
        after = tail.end() if tail else after
        inner = inner.strip("`")
        if role is None and tail and tail[0].startswith(":"):
            role = tail[0].strip(":")
        if role is None:
            return (_titled(inner) if tail else inner), after
        if role in self._raw or role.startswith("raw"):
            return _raw_text(inner), after
        return role_text(role, inner), after


def role_text(role: str, text: str) -> str:
    """Return what a role of reStructuredText or MyST displays for `text`."""
    name = role.rsplit(":", 1)[-1].lower()
    if name in _VERBATIM:
        return text
    if name in _NUMBERED and text.isdigit():
        return f"#{text}"
    if name in _PREFIXED and text[:1].isdigit():
        return _PREFIXED[name] + text
    return _titled(text)


def _raw_text(text: str) -> str | None:
    """Return the words of raw HTML, or None where it has none."""
    bare = html.unescape(_TAG.sub(" ", text)).strip()
    return bare if any(c.isalnum() for c in bare) else None


def _titled(text: str) -> str:
    """Return the title of `title <target>`, else the target as it is displayed: `~a.b.C` is C, `!a.b` is a.b."""
    if match := _TITLED.match(text):
        return _unescape(match[1] or match[2])
    if text.startswith("~"):
        return text[1:].rsplit(".", 1)[-1]
    return _unescape(text.lstrip("!") if not text.startswith(".") else text[1:])


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text else text


def _end(text: str, mark: str, start: int, ends: dict[str, list[int]]) -> int:
    """Return where the markup opened before `start` ends, or -1."""
    if mark not in ends:
        ends[mark] = [m.start() for m in _ENDS[mark].finditer(text)]
    places: Sequence[int] = ends[mark]
    # At least one character stands between a start-string and its end.
    found = bisect_left(places, start + 1)
    return places[found] if found < len(places) else -1


def _starts(text: str, match: re.Match[str], kind: str, start: int) -> bool:
    """Tell whether the start-string of `match` opens markup here."""
    if text[start : start + 1].isspace():
        return kind == "role"
    before = text[match.start() - 1 : match.start()] if match.start() else ""
    if kind in ("literal", "tick", "role"):
        return True
    quoted = before in ("'", '"') and before == text[start : start + 1]
    return not before.isalnum() and not quoted


def _drop(out: list[str], following: str) -> None:
    """Take the white space away that stood before a piece that shows nothing, where punctuation follows."""
    if out and following in (",", ".", ";", ":", ")"):
        out[-1] = out[-1].rstrip()


def _definition(directive: str, body: str) -> str:
    """Return a substitution's text: a replacement, an image's alternative text, or nothing."""
    if directive == "replace":
        return body
    if directive == "unicode":
        return "".join(_character(word) for word in body.split("..")[0].split())
    alt = _ALT.search(body)
    return alt[1] if alt else ""


def _character(word: str) -> str:
    code = re.fullmatch(r"(?:0x|x|\\x|U\+|u|\\u|&#x)([0-9A-Fa-f]{1,6});?", word)
    if code and int(code[1], 16) < 0x110000:
        return chr(int(code[1], 16))
    return word
