"""Which strptime formats the texts of a column are written in, with day and month told apart by the values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_LONG = r"(?:january|february|march|april|june|july|august|september|october|november|december)"
_DAY = r"(?P<weekday>(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)(?P<after>,? )"
_DATES = (
    r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})",
    r"(?P<y>\d{4})(?P<s>-)(?P<m>\d{2})",
    r"(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})",
    rf"(?P<d>\d{{1,2}})(?P<s>[-/. ]?)(?P<M>{_LONG}|{_MONTH})(?P<s2>[-/ ]?|, )(?P<y>\d{{4}}|\d{{2}})",
    rf"(?P<M>{_LONG}|{_MONTH})(?P<s>[- ])(?P<d>\d{{1,2}})(?P<s2>, | |-)(?P<y>\d{{4}})",
    rf"(?P<M>{_LONG}|{_MONTH})(?P<s>[- /])(?P<y>\d{{4}})",
)
_TIME = (
    r"(?P<sep> |T|, )(?P<H>\d{1,2}):(?P<min>\d\d)(?P<sec>:\d\d)?(?P<frac>\.\d{1,9})?(?P<space> ?)(?P<p>[ap]m)?"
    r"(?P<gap> ?)(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_SHAPES = tuple(re.compile(rf"(?:{_DAY})?{date}(?:{_TIME})?\Z", re.IGNORECASE) for date in _DATES)
DAY, MONTH = "%d", "%m"
_FIRST, _SECOND = "%1", "%2"
"""Stand for the two leading numbers of a date while it is open which of them is the day."""
_NONE = "%!"
HEAD = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFit:
    """The formats that all texts are written in (counts in `times`), and whether day and month could be swapped."""

    formats: tuple[str, ...]
    times: tuple[int, ...] = ()
    ambiguous: bool = False

    @property
    def written(self) -> str:
        """Return the one format, or "mixed"."""
        return self.formats[0] if len(self.formats) == 1 else "mixed"


def looks_like_dates(texts: Sequence[str]) -> bool:
    """Tell whether most of `texts` have the shape of a date."""
    some = texts[:HEAD]
    return sum(open_format(text) is not None for text in some) > len(some) / 2


def open_format(text: str) -> str | None:
    """Return the format of one text, with %1 and %2 where day and month are open, or None where it is no date."""
    text = text.strip()
    if not 6 <= len(text) <= 45 or not any(c.isdigit() for c in text):
        return None
    for shape in _SHAPES:
        if found := shape.match(text):
            written = _date_format(found)
            return None if written == _NONE else written + _time_format(found.groupdict())
    return None


def _date_format(found: re.Match[str]) -> str:
    g = found.groupdict()
    day = "" if not g.get("weekday") else ("%A" if len(g["weekday"]) > 4 else "%a") + g["after"]
    year = "%Y" if len(g["y"]) == 4 else "%y"
    sep, sep2 = g["s"], g.get("s2") or ""
    if g.get("a"):
        if year == "%y" and sep != "/" and not len(g["a"]) == len(g["b"]) == 2:
            return _NONE  # 3.1.12 is a version rather than a date
        return f"{day}{_FIRST}{sep}{_SECOND}{sep}{year}"
    if not (word := g.get("M")):
        return f"{day}%Y{sep}%m{sep}%d" if g.get("d") else f"%Y{sep}%m"
    month = "%b" if len(word) == 3 else "%B"
    if not g.get("d"):
        return f"{month}{sep}{year}"
    return (
        f"{day}%d{sep}{month}{sep2}{year}"
        if found.start("d") < found.start("M")
        else f"{day}{month}{sep}%d{sep2}{year}"
    )


def _time_format(g: dict[str, str | None]) -> str:
    if not g.get("H"):
        return ""
    hour = "%I" if g["p"] else "%H"
    parts = [g["sep"] or "", hour, ":%M", ":%S" if g["sec"] else "", ".%f" if g["frac"] else ""]
    parts += [
        f"{g['space']}%p" if g["p"] else "",
        f"{g['gap'] or ('' if g['p'] else g['space'])}%z" if g["zone"] else "",
    ]
    return "".join(parts)


def closed(written: str, *, day_first: bool) -> str:
    """Return an open format with the day put first or second."""
    first, second = (DAY, MONTH) if day_first else (MONTH, DAY)
    return written.replace(_FIRST, first).replace(_SECOND, second)


def parsed(texts: pd.Series, written: str) -> pd.Series:
    """Return `texts` as naive timestamps (UTC where they name a zone), NaT where they do not fit the format."""
    found = pd.to_datetime(texts.str.strip(), format=written, errors="coerce", utc="%z" in written or None)
    return found.dt.tz_localize(None) if "%z" in written else found


def fit(texts: pd.Series, *, day_first: bool | None = None) -> DateFit | None:
    """Return the formats that all the distinct `texts` are written in, or None where one of them is no date.

    Where the values leave day and month open, `day_first` decides, and month first where that is None.
    """
    seen = Counter(open_format(text) for text in texts.head(HEAD))
    if None in seen or not seen:
        return None
    if len(seen) == 1 and (found := _fit_one(texts, next(iter(seen)) or "", day_first)):
        return found
    every = Counter(open_format(text) for text in texts)
    if None in every or len(every) > 20:
        return None
    return _fit_many(texts, [str(written) for written, _ in every.most_common()], every, day_first)


def _fit_one(texts: pd.Series, written: str, day_first: bool | None) -> DateFit | None:
    if _FIRST not in written:
        return DateFit(formats=(written,), times=(len(texts),)) if parsed(texts, written).notna().all() else None
    works = [first for first in (True, False) if parsed(texts, closed(written, day_first=first)).notna().all()]
    if not works:
        return None
    chosen = bool(day_first) if len(works) == 2 else works[0]
    return DateFit(
        formats=(closed(written, day_first=chosen),),
        times=(len(texts),),
        ambiguous=len(works) == 2 and day_first is None,
    )


def _fit_many(
    texts: pd.Series, formats: Sequence[str], times: Counter[str | None], day_first: bool | None
) -> DateFit | None:
    """Fit formats one by one; each must account for all texts of its own shape."""
    parts = {written: texts[[open_format(text) == written for text in texts]] for written in formats}
    fits = {written: _fit_one(part, written, day_first) for written, part in parts.items()}
    settled = {
        one.formats[0].index(DAY) < one.formats[0].index(MONTH)
        for w, one in fits.items()
        if one and _FIRST in w and not one.ambiguous
    }
    if len(settled) == 1 and day_first is None:
        fits = {written: _fit_one(part, written, settled.copy().pop()) for written, part in parts.items()}
    if any(one is None for one in fits.values()):
        return None
    formats_found = [one.formats[0] for one in fits.values() if one]
    long = {written.replace("%b", "%B") for written in formats_found}
    if len(long) == 1 and parsed(texts, written := long.pop()).notna().all():
        return DateFit(formats=(written,), times=(len(texts),))
    unsure = any(one.ambiguous for one in fits.values() if one)
    return DateFit(formats=tuple(formats_found), times=tuple(times[w] for w in formats), ambiguous=unsure)


def parsed_by(texts: pd.Series, formats: Sequence[str]) -> pd.Series:
    """Return `texts` as timestamps, each by the first of `formats` that it fits."""
    found = parsed(texts, formats[0])
    for written in formats[1:]:
        open_ = found.isna()
        if not open_.any():
            break
        found = found.where(~open_, parsed(texts, written))
    return found
