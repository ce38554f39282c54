"""Text that every part agrees on: decoding, normalising, sentences, words and identifiers."""

from __future__ import annotations

import re
import unicodedata

from charset_normalizer import from_bytes

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
    best = from_bytes(data[: 1 << 20]).best()
    lone = data.decode("utf-8", "replace").count("\ufffd")
    if best is None or lone <= 3 + len(data) // 10_000 and bad.start > 1000:
        return data.decode("utf-8", "replace"), "utf-8"
    return data.decode(best.encoding, "replace"), best.encoding


def normalise(text: str) -> str:
    """Return `text` in NFC with `\\n` line ends and without control and zero-width characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").replace("\u2028", "\n")
    return unicodedata.normalize("NFC", _CONTROL.sub("", lines))
