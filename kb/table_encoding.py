"""The bytes of a text table as UTF-8: which encoding they are in, and whether they are text at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kb.errors import TableUnreadable
from kb.table_bytes import File
from kb.text import decode

SAMPLE = 1 << 20
_MARKS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_WRONG_BYTES = bytes(set(range(32)) - {0, 1, 9, 10, 11, 12, 13, 26, 27, 28, 29, 30, 31})


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The content of a file as UTF-8 without byte order mark and NUL bytes."""

    data: bytes
    encoding: str
    notes: tuple[str, ...] = ()


def as_utf8(file: File, data: bytes, given: Mapping[str, Any]) -> Text:
    """Return the text of `data` in UTF-8. Raises TableUnreadable where it is no text."""
    encoding = given.get("encoding") or _wide(data)
    if encoding is None and not _valid_utf8(data):
        refuse_binary(file, data)
        encoding = decode(data[: SAMPLE * 4])[1]
    notes: list[str] = []
    if encoding in (None, "utf-8", "utf8", "ascii") and _valid_utf8(data):
        encoding, data = "utf-8", data.removeprefix(b"\xef\xbb\xbf")
    else:
        text = data.decode(encoding or "utf-8", "replace").removeprefix("\ufeff")
        data = text.encode("utf-8", "replace")
        notes.append(f"read as {encoding}")
        if lost := text.count("\ufffd"):
            notes.append(f"{lost:,} bytes are not valid {encoding}; they show as \ufffd")
    return _without_nul(file, data, str(encoding), notes)


def _wide(data: bytes) -> str | None:
    """Return UTF-16 or UTF-32 by byte order mark, or by the zero bytes of every other place."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    some = data[:4096]
    even, odd = some[::2].count(0), some[1::2].count(0)
    if len(some) >= 8 and max(even, odd) > 0.4 * len(some) / 2 and min(even, odd) * 10 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _valid_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without_nul(file: File, data: bytes, encoding: str, notes: list[str]) -> Text:
    refuse_binary(file, data)
    if count := data.count(0):
        data = data.replace(b"\0", b"")
        notes.append(f"{count:,} NUL bytes were left out")
    return Text(data=data, encoding=encoding, notes=tuple(notes))


def refuse_binary(file: File, data: bytes) -> None:
    """Raise TableUnreadable where the bytes are those of a program or an image rather than of text."""
    some = data[: SAMPLE // 4]
    wrong = len(some) - len(some.translate(None, _WRONG_BYTES))
    if wrong * 100 > len(some) or some.count(0) * 10 > len(some):
        why = "its bytes are not text (control characters throughout)"
        raise TableUnreadable(file.path, why, hint="export it as CSV, Parquet, Excel or JSON lines")
