"""What the texts of a column are: whole numbers, numbers, booleans, dates or text, and that column as such.

A column is planned first, from all of its values (or from a sample of a large file), then converted by its plan; the
same plan makes the SQL of a large table. Unsure cases stay text, with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kb import table_dates as dates
from kb.table_layout import Layout
from kb.table_missing import SYMBOLS, TOKENS, WORDS

HEAD = 500
_SIGN = r"^[+-]?"
STYLES: Mapping[tuple[str, str], str] = {
    (".", ""): _SIGN + r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$",
    (".", ","): _SIGN + r"\d{1,3}(,\d{3})*(\.\d*)?$",
    (",", ""): _SIGN + r"(\d+(,\d+)?|,\d+)([eE][+-]?\d+)?$",
    (",", "."): _SIGN + r"\d{1,3}(\.\d{3})*(,\d+)?$",
    (".", " "): _SIGN + r"\d{1,3}([ \x{00A0}\x{202F}]\d{3})*(\.\d+)?$",
    (",", " "): _SIGN + r"\d{1,3}([ \x{00A0}\x{202F}]\d{3})*(,\d+)?$",
    (".", "'"): _SIGN + r"\d{1,3}(['’]\d{3})*(\.\d+)?$",
}
"""How numbers are written, as (decimal sign, thousands sign)."""
TRUE, FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")
YES, NO = ("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")
"""Read as booleans, lower-case, where a person says that a column is one."""
MOSTLY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a column of texts is read: `kind` is integer, float, boolean, date, text or empty.

    `missing` are tokens read as missing in this column, `styles` other ways that its numbers could be written, `stray`
    the values that keep it from being numbers or dates (`almost`), `swapped` that day and month
    stand in both orders, `words` values of text that could stand for missing
    ones, `force` that what does not fit becomes missing.
    """

    kind: str
    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    times: tuple[int, ...] = ()
    ambiguous: bool = False
    styles: tuple[tuple[str, str], ...] = ()
    almost: str = ""
    swapped: bool = False
    stray: tuple[str, ...] = ()
    strays: int = 0
    words: tuple[str, ...] = ()
    force: bool = False
    long: bool = False


def plan(
    column: pa.ChunkedArray, given: Mapping[str, Any], name: str, *, day_first: bool | None = None, numbers: bool = True
) -> Plan:
    """Return the plan of a column of texts; `given` are a person's corrections by field of the layout.

    Without `numbers`, texts that look like numbers stay text: the file tells the two apart.
    """
    tokens = tuple(given.get("missing", ()))
    if tokens:
        column = without(column, tokens)
    said = given.get("types", {}).get(name, "")
    written = given.get("dates", {}).get(name, "")
    if said == "text" or (not numbers and not said and not written and len(column) == column.null_count):
        return Plan(kind="text", missing=tokens)
    if written and written != "mixed":
        return replace(_given_date(column, written), missing=tokens)
    found = _forced(column, said, given) if said else _plan(column, given, day_first, numbers)
    return replace(found, missing=tuple(dict.fromkeys((*tokens, *found.missing))))


def without(column: pa.ChunkedArray, tokens: Sequence[str]) -> pa.ChunkedArray:
    """Return `column` with the texts in `tokens` missing."""
    return pc.if_else(pc.is_in(column, value_set=pa.array(tokens, column.type)), pa.scalar(None, column.type), column)


def _plan(column: pa.ChunkedArray, given: Mapping[str, Any], day_first: bool | None, numbers: bool) -> Plan:
    if len(column) == 0 or column.null_count == len(column):
        return Plan(kind="empty" if len(column) else "text")
    if numbers and plainly_read(given) and (found := plain_number(column)):
        return found[0]
    head = pc.unique(column.drop_null().slice(0, HEAD * 4)).to_pylist()[:HEAD]
    rest = [text for text in head if text.strip().lower() not in TOKENS]
    if numbers and (not rest or _numeric(rest) * 2 > len(rest)):
        return _number(column, given)
    if numbers and rest and set(rest) <= {*TRUE, *FALSE}:
        return _boolean(column)
    if dates.looks_like_dates(rest):
        return _date(column, day_first)
    return _text(column)


def leading_zeros(column: pa.ChunkedArray) -> bool:
    """Tell whether one of the first texts is like 007, which is no number where texts are marked as such."""
    return bool(pc.any(pc.match_substring_regex(column.slice(0, 1000), r"^\s*0\d+$")).as_py())


def plainly_read(given: Mapping[str, Any]) -> bool:
    """Tell whether numbers may be read with a decimal point and no thousands sign."""
    return given.get("decimal", ".") == "." and given.get("thousands", "") in ("", ",")


def plain_number(column: pa.ChunkedArray) -> tuple[Plan, pa.ChunkedArray] | None:
    """Return the plan and the numbers of a column that holds nothing else, or None.

    Whole numbers past what a float holds exactly, such as long identifiers, are planned as text.
    """
    if column.null_count == len(column):
        return None
    if len(column) > HEAD and plain_number(column.slice(0, HEAD)) is None and column.slice(0, HEAD).null_count < HEAD:
        return None
    for kind, wanted in (("integer", pa.int64()), ("float", pa.float64())):
        try:
            found = pc.cast(column, wanted)
        except pa.ArrowInvalid:
            continue
        if kind == "float" and (pc.max(pc.abs(found)).as_py() or 0) >= 2**63:
            digits = pc.match_substring_regex(column, r"^\s*[+-]?\d+\s*$")
            if pc.all(digits).as_py():
                return Plan(kind="text", long=True), column
        return Plan(kind=kind), found
    return None


def _numeric(texts: Sequence[str]) -> int:
    some = pa.array(texts, pa.string())
    fits = [pc.match_substring_regex(pc.utf8_trim_whitespace(some), pattern) for pattern in STYLES.values()]
    together = fits[0]
    for one in fits[1:]:
        together = pc.or_(together, one)
    return int(pc.sum(together).as_py() or 0)


def _number(column: pa.ChunkedArray, given: Mapping[str, Any]) -> Plan:
    """Plan a column that seems to hold numbers: find its way of writing them and its missing tokens."""
    missing = _tokens_in(column)
    trimmed = pc.utf8_trim_whitespace(without(column, missing) if missing else column)
    total = len(trimmed) - trimmed.null_count
    if not total:
        return _text(column)
    shares = {style: _share(trimmed, style, total) for style in _styles(given)}
    full = tuple(style for style, share in shares.items() if share == 1)
    if full:
        decimal, thousands = full[0]
        return Plan(kind="float", decimal=decimal, thousands=thousands, missing=missing, styles=full)
    best = max(shares, key=lambda style: shares[style])
    found = _text(column)
    if shares[best] >= MOSTLY:
        bad = trimmed.filter(pc.invert(pc.match_substring_regex(trimmed, STYLES[best]))).drop_null()
        return replace(found, almost="number", stray=tuple(pc.unique(bad).to_pylist()[:3]), strays=len(bad))
    return found


def _styles(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    decimal, thousands = given.get("decimal"), given.get("thousands")
    fitting = [s for s in STYLES if decimal in (None, s[0]) and (not thousands or thousands == s[1])]
    return tuple(fitting or STYLES)


def _share(column: pa.ChunkedArray, style: tuple[str, str], total: int) -> float:
    if style == (".", ""):
        try:
            pc.cast(column, pa.float64())
            return 1.0
        except pa.ArrowInvalid:
            pass
    return (pc.sum(pc.match_substring_regex(column, STYLES[style])).as_py() or 0) / total


def _tokens_in(column: pa.ChunkedArray) -> tuple[str, ...]:
    distinct = pc.unique(column.drop_null())
    lowered = pc.utf8_lower(pc.utf8_trim_whitespace(distinct))
    return tuple(distinct.filter(pc.is_in(lowered, value_set=pa.array(sorted(TOKENS)))).to_pylist())


def _boolean(column: pa.ChunkedArray) -> Plan:
    missing = _tokens_in(column)
    kept = pc.unique(without(column, missing) if missing else column).drop_null().to_pylist()
    return Plan(kind="boolean", missing=missing) if set(kept) <= {*TRUE, *FALSE} else _text(column)


def _date(column: pa.ChunkedArray, day_first: bool | None) -> Plan:
    missing = _tokens_in(column)
    kept = pc.unique(without(column, missing) if missing else column).drop_null()
    texts = pd.Series(kept.to_pylist(), dtype=object)
    if found := dates.fit(texts, day_first=day_first):
        return Plan(kind="date", missing=missing, formats=found.formats, times=found.times, ambiguous=found.ambiguous)
    if all(dates.open_format(text) for text in texts):
        return replace(_text(column), swapped=True)
    bad = [text for text in texts.head(100_000) if dates.open_format(text) is None]
    return replace(_text(column), almost="date", stray=tuple(bad[:3]), strays=len(bad))


def _text(column: pa.ChunkedArray) -> Plan:
    """Plan a column of text; only tokens that are no words or signs of their own are read as missing."""
    there = pc.is_in(column, value_set=pa.array((*SYMBOLS, *WORDS), column.type))
    found = pc.unique(column.filter(there)).to_pylist() if pc.any(there).as_py() else []
    missing, words = (tuple(one for one in found if (one in SYMBOLS) == wanted) for wanted in (True, False))
    return Plan(kind="text", missing=missing, words=words)


def _forced(column: pa.ChunkedArray, said: str, given: Mapping[str, Any]) -> Plan:
    """Plan a column whose type a person gave: what does not fit becomes missing and is counted."""
    if said == "number":
        found = _number(column, given)
        shares = {style: _share(pc.utf8_trim_whitespace(column), style, 1) for style in _styles(given)}
        decimal, thousands = max(shares, key=lambda style: shares[style])
        return Plan(kind="float", decimal=decimal, thousands=thousands, missing=found.missing, force=True)
    if said == "boolean":
        return Plan(kind="boolean", force=True)
    found = _date(column, None)
    if found.kind == "date":
        return found
    texts = pc.unique(column.drop_null()).to_pylist()
    shapes = dict.fromkeys(written for text in texts[:100_000] if (written := dates.open_format(text)))
    formats = tuple(dates.closed(w, day_first=first) for w in shapes for first in (False, True))
    return Plan(kind="date", formats=tuple(dict.fromkeys(formats)) or ("%Y-%m-%d",), force=True)


def _given_date(column: pa.ChunkedArray, written: str) -> Plan:
    return Plan(kind="date", formats=(written,), times=(len(column) - column.null_count,), force=True)


def convert(column: pa.ChunkedArray, made: Plan) -> pa.ChunkedArray:
    """Return a column of texts as its plan says: int64, float64, bool, timestamp or string."""
    if made.missing:
        column = without(column, made.missing)
    return _CONVERT[made.kind](column, made)


def _to_number(column: pa.ChunkedArray, made: Plan) -> pa.ChunkedArray:
    plain = (made.decimal, made.thousands) == (".", "")
    if plain and not made.force:
        for wanted in (pa.int64(), pa.float64()):
            try:
                return pc.cast(column, wanted)
            except pa.ArrowInvalid:
                continue
    column = pc.utf8_trim_whitespace(column)
    if made.force:
        fits = pc.match_substring_regex(column, STYLES[made.decimal, made.thousands])
        column = pc.if_else(fits, column, pa.scalar(None, column.type))
    column = _plainly(column, made)
    whole = not pc.any(pc.match_substring_regex(column, r"[.eEn]")).as_py()
    column = pc.replace_substring_regex(column, r"^\+", "")
    try:
        return pc.cast(column, pa.int64() if whole else pa.float64())
    except pa.ArrowInvalid:
        return pc.cast(column, pa.float64())


def _plainly(column: pa.ChunkedArray, made: Plan) -> pa.ChunkedArray:
    if made.thousands:
        signs = {" ": r"[ \x{00A0}\x{202F}]", "'": "['’]"}.get(made.thousands)
        column = pc.replace_substring_regex(column, signs or "[" + made.thousands + "]", "")
    return pc.replace_substring(column, ",", ".") if made.decimal == "," else column


def _to_boolean(column: pa.ChunkedArray, made: Plan) -> pa.ChunkedArray:
    lowered = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    yes, no = (
        (("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")) if made.force else (("true",), ("false",))
    )
    true, false = (pc.is_in(lowered, value_set=pa.array(words, lowered.type)) for words in (yes, no))
    return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))


def _to_date(column: pa.ChunkedArray, made: Plan) -> pa.ChunkedArray:
    coded = column.combine_chunks().dictionary_encode()
    texts = pd.Series(coded.dictionary.to_pylist(), dtype=object)
    if texts.empty:
        return pa.chunked_array([pa.nulls(len(column), pa.timestamp("us"))])
    found = dates.parsed_by(texts, made.formats)
    stamps = pa.array(found, from_pandas=True)
    return pa.chunked_array([stamps.take(coded.indices)])


_CONVERT: Mapping[str, Callable[[pa.ChunkedArray, Plan], Any]] = {
    "integer": _to_number,
    "float": _to_number,
    "boolean": _to_boolean,
    "date": _to_date,
    "text": lambda column, _: column,
    "empty": lambda column, _: pc.cast(column, pa.float64()),
}


def settled(plans: Mapping[str, Plan], given: Mapping[str, Any], delimiter: str) -> tuple[dict[str, Plan], str, str]:
    """Return plans that agree on how numbers are written where a column leaves it open, and that way."""
    open_ = [made for made in plans.values() if made.kind == "float" and made.styles]
    only = {made.styles[0] for made in open_ if len({s[0] for s in made.styles}) == 1}
    comma = any(decimal == "," for decimal, _ in only) or (not only and delimiter == ";")
    wanted = "," if comma and given.get("decimal") != "." else "."
    agreed = {name: _agree(made, wanted) for name, made in plans.items()}
    used = [m for m in agreed.values() if m.kind == "float" and (m.decimal, m.thousands) != (".", "")]
    decimal = given.get("decimal") or next((m.decimal for m in used if m.decimal == ","), ".")
    return agreed, decimal, given.get("thousands") or next((m.thousands for m in used if m.thousands), "")


def _agree(made: Plan, wanted: str) -> Plan:
    fitting = [style for style in made.styles if style[0] == wanted]
    if not fitting or (made.styles and made.styles[0] == (".", "")):
        return made
    return replace(made, decimal=fitting[0][0], thousands=fitting[0][1])


def layout_with(layout: Layout, plans: Mapping[str, Plan]) -> dict[str, Any]:
    """Return the layout's fields that the plans decide: missing tokens and dates."""
    tokens = dict.fromkeys(token for made in plans.values() for token in made.missing)
    formats = {n: m.formats[0] if len(m.formats) == 1 else "mixed" for n, m in plans.items() if m.kind == "date"}
    return {"missing": tuple(tokens) or layout.missing, "dates": formats}
