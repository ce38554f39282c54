"""The shape of delimited text: which character parts the fields, where the header stands, whether there is one."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

DELIMITERS = (",", "\t", ";", "|", ":", "^", "~", "\x01", "\x1f", " ")
"""In order of preference where two part the lines equally well."""
LOOK = 400
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:[.,]\d*)*|\.\d+)(?:[eE][+-]?\d+)?\s*%?\s*\Z")
_DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T][\d:.]+.*)?\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What was detected: `fields` is the usual number of fields, `unnamed_first` that the header lacks one name."""

    delimiter: str
    skip: int
    header: bool
    names: tuple[str, ...]
    fields: int
    unnamed_first: bool = False
    empty_last: bool = False
    units: bool = False


def shape(lines: Sequence[str], *, suffix: str, quote: str, given: dict[str, object]) -> Shape:
    """Return the shape of the first `lines` of a file; what `given` fixes is taken from there."""
    some = list(lines[:LOOK])
    fixed = given.get("skip")
    comments = int(fixed) if isinstance(fixed, int) else _comments(some)
    delimiter = str(given.get("delimiter") or best_delimiter(some[comments:], suffix=suffix, quote=quote))
    rows = fields_of(some[comments:], delimiter, quote)
    usual = Counter(len(row) for row in rows[:LOOK] if row).most_common(1)[0][0] if any(rows) else 1
    above = 0 if isinstance(fixed, int) else _above(rows, usual)
    return _shaped(rows, delimiter, given, skip=comments + above, above=above, usual=usual)


def _shaped(
    rows: list[list[str]], delimiter: str, given: dict[str, object], *, skip: int, above: int, usual: int
) -> Shape:
    table = [row for row in rows[above:] if row]
    first, body = (table[0], table[1:]) if table else ([], [])
    said = given.get("header")
    header = said if isinstance(said, bool) else has_header(first, body)
    widths = Counter(len(row) for row in body)
    body_width = widths.most_common(1)[0][0] if widths else len(first)
    over = header and len(body) > 0 and body_width == len(first) + 1 and widths[body_width] == len(body)
    blank = over and all(not row[-1].strip() for row in body)
    names = tuple(first) if header else ()
    if over and not blank:
        names = ("", *names)
    return Shape(
        delimiter=delimiter,
        skip=skip,
        header=header,
        names=names,
        fields=max(len(names), 1) if header else max(usual, 1),
        unnamed_first=over and not blank,
        empty_last=blank,
        units=header and has_units(body),
    )


def shape_of_cells(rows: Sequence[list[str]], given: dict[str, object]) -> Shape:
    """Return the shape of a sheet's first rows of cells."""
    usual = Counter(len(row) for row in rows if row).most_common(1)[0][0]
    fixed = given.get("skip")
    above = fixed if isinstance(fixed, int) else _above([*rows], usual)
    return _shaped([*rows], "", given, skip=above, above=above, usual=usual)


def fields_of(lines: Sequence[str], delimiter: str, quote: str) -> list[list[str]]:
    """Return the fields of lines; a quoted field may run over several of them."""
    if delimiter == " ":
        lines = [" ".join(line.split()) for line in lines]
    style = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    try:
        return list(csv.reader((line + "\n" for line in lines), delimiter=delimiter, **style))
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _comments(lines: Sequence[str]) -> int:
    """Count leading lines that are comments or blank; a header that starts with # is no comment."""
    at = 0
    while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith(("#", "%", "//"))):
        at += 1
    if at == 0 or at >= len(lines) or not lines[at - 1].strip():
        return at
    last, following = lines[at - 1], lines[at]
    alike = any(d in last and last.count(d) == following.count(d) for d in ",;\t|")
    return at - 1 if alike else at


def best_delimiter(lines: Sequence[str], *, suffix: str, quote: str) -> str:
    """Return the character that parts most lines into the same number (two or more) of fields; a comma for none."""
    scored = [(_agreement(lines, d, quote), d) for d in DELIMITERS]
    if suffix in (".tsv", ".tab"):
        scored = [
            ((score[0] + 0.2, score[1]), d) if d == "\t" and score[0] > 0.5 else (score, d) for score, d in scored
        ]
    good = [(score, d) for score, d in scored if score[0] > 0.5]
    if not good:
        return "\t" if suffix in (".tsv", ".tab") else ","
    return max(good, key=lambda pair: (round(pair[0][0], 2), pair[0][1], -DELIMITERS.index(pair[1])))[1]


_RARE = {":": 0.7, "^": 0.95, "~": 0.95, " ": 0.6}


def _agreement(lines: Sequence[str], delimiter: str, quote: str) -> tuple[float, int]:
    if not any(delimiter in line for line in lines):
        return (0.0, 0)
    rows = [row for row in fields_of(lines, delimiter, quote) if row and any(cell.strip() for cell in row)]
    widths = Counter(len(row) for row in rows)
    if not widths:
        return (0.0, 0)
    usual, times = max(widths.items(), key=lambda item: (item[1], item[0]))
    if usual < 2:
        rest = {width: n for width, n in widths.items() if width > 1}
        usual, times = max(rest.items(), key=lambda item: (item[1], item[0])) if rest else (1, 0)
    share = times / max(len(rows), 1)
    starts = bool(rows) and len(rows[0]) in (usual, usual - 1)
    return (share * (1.0 if starts else 0.9) * _RARE.get(delimiter, 1.0), min(usual, 50) if starts else 0)


def _above(rows: Sequence[Sequence[str]], usual: int) -> int:
    """Count the rows of a title block: those above the first row that is as wide as the usual one."""
    if usual < 2:
        return 0
    for at, row in enumerate(rows[:50]):
        filled = sum(bool(cell.strip()) for cell in row)
        if len(row) in (usual, usual - 1) and filled > max(1, usual // 2):
            return _lines_of(rows[:at])
        if len(row) > usual or filled > max(2, usual // 2):
            return 0
    return 0


def _lines_of(rows: Sequence[Sequence[str]]) -> int:
    return len(rows) + sum(cell.count("\n") for row in rows for cell in row)


def is_value(text: str) -> bool:
    """Tell whether a cell looks like a number or a date rather than a name."""
    return bool(_NUMBER.match(text) or _DATE.match(text))


def has_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Tell whether `first` names the columns: it does unless it looks like one more row of values."""
    values = [is_value(cell) for cell in first if cell.strip()]
    if not values or not any(values):
        return True
    if _counts_up([cell for cell in first if cell.strip()]):
        return True
    for at, cell in enumerate(first):
        below = [row[at] for row in body[:50] if at < len(row) and row[at].strip()]
        if below and cell.strip() and not is_value(cell) and sum(map(is_value, below)) > len(below) / 2:
            return True
    return not body and not all(values)


def _counts_up(cells: Sequence[str]) -> bool:
    """Tell whether the numbers among header cells are 0, 1, 2… or years in order."""
    numbers = [int(cell) for cell in cells if cell.strip().isascii() and cell.strip().isdigit()]
    if len(numbers) < 2 or sum(map(is_value, cells)) != len(numbers):
        return False
    steps = {b - a for a, b in pairwise(numbers)}
    years = 1000 < numbers[0] < 2200 and len(numbers) < len(cells)
    return len(steps) == 1 and (years or (numbers[0] in (0, 1) and steps == {1}))


def has_units(body: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row under the header looks like units: text or blank over columns of numbers."""
    if len(body) < 3:
        return False
    first, below = body[0], body[1:50]
    over = 0
    for at, cell in enumerate(first):
        rest = [row[at] for row in below if at < len(row) and row[at].strip()]
        if len(rest) > 2 and all(map(is_value, rest)):
            if is_value(cell):
                return False
            over += bool(cell.strip()) and len(cell) < 20 and cell.strip().lower() not in MISSING_WORDS
    return over > 0


MISSING_WORDS = frozenset(("na", "n/a", "n.a.", "nan", "null", "none", "missing", "?", "-", "--", "unknown"))
