"""A column's plan as SQL, so that a large table has the types that pandas would have given it."""

from __future__ import annotations

import pyarrow as pa

from kb.table_duck import literal, name_literal
from kb.table_types import FALSE, TRUE, Plan


def typed_sql(column: str, name: str, made: Plan) -> str:
    """Return the SQL that reads a column of texts by its plan; what does not fit raises, or is missing by `force`."""
    text = _present(column, made)
    if made.kind in ("text", "empty"):
        return text if made.kind == "text" else f"CAST({text} AS DOUBLE)"
    value, what = {"integer": _whole, "float": _number, "boolean": _boolean, "date": _date}[made.kind](text, made)
    if made.force:
        # Not a bare TRY_CAST: DuckDB would move that into the CSV reader, which then fails on what does not fit.
        return f"CASE WHEN {text} IS NULL THEN NULL ELSE {value} END"
    told = literal(f"the column {name} holds a value that is not {what} (set its type to text to keep it): ")
    return f"CASE WHEN {text} IS NULL THEN NULL WHEN {value} IS NULL THEN error({told} || {column}) ELSE {value} END"


def _present(column: str, made: Plan) -> str:
    if not made.missing:
        return column
    return f"CASE WHEN {column} IN ({', '.join(map(literal, made.missing))}) THEN NULL ELSE {column} END"


def _whole(text: str, made: Plan) -> tuple[str, str]:
    number = f"TRY_CAST({text} AS BIGINT)"
    return f"CASE WHEN {number} = TRY_CAST({text} AS DOUBLE) THEN {number} END", "a whole number"


def _number(text: str, made: Plan) -> tuple[str, str]:
    if made.thousands:
        text = f"regexp_replace({text}, {literal(_class(made.thousands))}, '', 'g')"
    if made.decimal == ",":
        text = f"replace({text}, ',', '.')"
    return f"TRY_CAST({text} AS DOUBLE)", "a number"


def _class(sign: str) -> str:
    return {" ": "[ \u00a0\u202f]", "'": "['’]"}.get(sign, f"[{sign}]")


def _boolean(text: str, made: Plan) -> tuple[str, str]:
    words = (("yes", "y", "t", "1"), ("no", "n", "f", "0")) if made.force else ((), ())
    yes, no = (", ".join(map(literal, (*plain, *more))) for plain, more in zip((TRUE, FALSE), words, strict=True))
    return f"CASE WHEN trim({text}) IN ({yes}) THEN true WHEN trim({text}) IN ({no}) THEN false END", "true or false"


def _date(text: str, made: Plan) -> tuple[str, str]:
    tries = [_strptime(text, written) for written in made.formats]
    return (tries[0] if len(tries) == 1 else f"coalesce({', '.join(tries)})"), f"a date written {made.formats[0]}"


def _strptime(text: str, written: str) -> str:
    if written in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        return f"TRY_CAST({text} AS TIMESTAMP)"
    if "%z" in written:
        text = f"regexp_replace({text}, 'Z$', '+00:00')"
    return f"CAST(try_strptime(trim({text}), {literal(written)}) AS TIMESTAMP)"


def dtype_of(made: Plan, sample: pa.ChunkedArray) -> str:
    """Return the name of the dtype that pandas would have for a column of this plan."""
    gaps = bool(sample.null_count) or bool(made.missing)
    return {
        "integer": "float64" if gaps else "int64",
        "float": "float64",
        "boolean": "object" if gaps else "bool",
        "date": "datetime64[us]",
        "text": "str",
        "empty": "float64",
    }[made.kind]


__all__ = ["dtype_of", "name_literal", "typed_sql"]
