"""Bytes to text for the text-format loaders: what cannot be text is refused with its reason."""

from __future__ import annotations

from kb.errors import LoadFailed
from kb.text import decode, normalise

_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27}) + b"\x7f"
_TAB_STOP = 8


def read_text(data: bytes, name: str, form: str) -> str:
    """Return the normalised text of `data`; raise `LoadFailed` where it is empty or binary.

    `form` is the format's name as a person says it ("Markdown"), for the message.
    """
    if not data.strip():
        raise LoadFailed(f"{name}: the file is empty", hint="write something into it, or leave it out")
    _refuse_binary(data, name, form)
    text = normalise(decode(data)[0])
    if not text.strip():
        raise LoadFailed(f"{name}: the file is empty", hint="write something into it, or leave it out")
    return text


def _refuse_binary(data: bytes, name: str, form: str) -> None:
    """Raise `LoadFailed` for NUL bytes or many control characters; a few, as a crashed logger leaves, are read."""
    if data.startswith(_BOMS):
        return
    nul = data.count(0)
    control = len(data) - len(data.translate(None, _CONTROL))
    if nul * 1000 > len(data) or control * 20 > len(data):
        raise LoadFailed(
            f"{name}: looks binary, not {form}",
            hint="give the file the ending of its real format, or leave it out",
        )


def expand(text: str) -> list[str]:
    """Return the lines of `text` with tabs expanded and no white space at their ends."""
    return [line.expandtabs(_TAB_STOP).rstrip() if "\t" in line else line.rstrip() for line in text.split("\n")]
