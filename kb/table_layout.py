"""How a table file is laid out: what was detected, what a person corrected, and both as JSON.

Detection itself is left to the readers; here stand the values, their checks, and what a reader hands back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from kb.errors import BadInput

FORMATS = ("csv", "excel", "parquet", "jsonl", "json")
TYPES = ("number", "text", "date", "boolean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a file becomes columns and rows. Its mappings are plain dicts, so that it can be sent to another process.

    `skip` is the number of lines (rows of a sheet) above the header. `missing` holds tokens read as missing beyond
    those of pandas. `dates` gives each date column's strptime format, or "mixed". `types` are a person's corrections.
    """

    format: str = "csv"
    compression: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    thousands: str = ""
    header: bool = True
    skip: int = 0
    missing: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a reader made of a file: a `frame`, or for a large file `source`, the SQL that yields its typed rows.

    `sampler` gives a large file's sample of so many rows.
    """

    layout: Layout
    rows: int
    columns: tuple[str, ...]
    dtypes: Mapping[str, str]
    notes: tuple[str, ...] = ()
    frame: Any = None
    source: str = ""
    sampler: Callable[[int], Any] | None = None


def layout_json(layout: Layout) -> dict[str, Any]:
    """Return a layout as plain JSON values."""
    plain = {entry.name: getattr(layout, entry.name) for entry in fields(layout)}
    return {name: _plain(value) for name, value in plain.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def layout_of(data: Mapping[str, Any]) -> Layout:
    """Return the layout that `layout_json` gave `data` for; fields not named keep their defaults.

    Raises BadInput for an unknown field or a value that cannot be.
    """
    return Layout(**checked(data))


def checked(corrections: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return corrections as values of `Layout` by field. Raises BadInput for what a layout cannot hold."""
    known = {entry.name for entry in fields(Layout)}
    if corrections is not None and not isinstance(corrections, Mapping):
        raise BadInput(f"a layout is an object, got {corrections!r}", hint=f"its fields are {', '.join(sorted(known))}")
    for name in corrections or {}:
        if name not in known:
            raise BadInput(f"a layout has no {name!r}", hint=f"its fields are {', '.join(sorted(known))}")
    return {name: _CHECKS[name](name, value) for name, value in (corrections or {}).items()}


def changed(layout: Layout, **values: Any) -> Layout:
    """Return `layout` with some fields changed and its mappings copied."""
    return Layout(**{**{entry.name: getattr(layout, entry.name) for entry in fields(layout)}, **_frozen(values)})


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: dict(v) if isinstance(v, Mapping) else v for name, v in values.items()}


def _refuse(name: str, value: Any, expected: str) -> BadInput:
    return BadInput(f"a layout's {name} is {value!r}", hint=f"give {expected}")


def _one_of(choices: Iterable[str]) -> Callable[[str, Any], str]:
    allowed = tuple(choices)

    def check(name: str, value: Any) -> str:
        if value not in allowed:
            raise _refuse(name, value, "one of " + ", ".join(repr(choice) for choice in allowed))
        return str(value)

    return check


def _character(empty: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        value = {"\\t": "\t", "tab": "\t", None: ""}.get(value, value)
        fine = isinstance(value, str) and len(value) <= 1 and value not in ("\r", "\n") and bool(value or empty)
        if not fine:
            raise _refuse(name, value, f"one character{empty}")
        return str(value)

    return check


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse(name, value, "true or false")
    return value


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _refuse(name, value, "a whole number from 0")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse(name, value, "text")
    return value


def _encoding(name: str, value: Any) -> str:
    try:
        "".encode(value)
    except (LookupError, TypeError, ValueError):
        raise _refuse(name, value, "an encoding that Python knows, such as utf-8 or windows-1252") from None
    return str(value)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable) or not all(isinstance(one, str) for one in value):
        raise _refuse(name, value, "a list of texts")
    return tuple(value)


def _dates(name: str, value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(v, str) and ("%" in v or v == "mixed") for v in value.values()
    ):
        raise _refuse(name, value, "a strptime format (such as %d/%m/%Y) or 'mixed' by column")
    return {str(column): text for column, text in value.items()}


def _types(name: str, value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(v in TYPES for v in value.values()):
        raise _refuse(name, value, f"one of {', '.join(TYPES)} by column")
    return {str(column): text for column, text in value.items()}


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "format": _one_of(FORMATS),
    "compression": _one_of(("", "gzip", "bz2", "xz", "zip", "zstd")),
    "encoding": _encoding,
    "delimiter": _character(""),
    "quote": _character(" or nothing"),
    "decimal": _one_of((".", ",")),
    "thousands": _character(" or nothing"),
    "header": _flag,
    "skip": _count,
    "missing": _texts,
    "dates": _dates,
    "sheet": _text,
    "types": _types,
}
