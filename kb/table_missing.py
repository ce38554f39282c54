"""Which texts stand for a missing value, and which numbers are suspected to."""

from __future__ import annotations

import numpy as np
import pandas as pd

PANDAS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""What pandas.read_csv reads as missing."""
SYMBOLS = ("?", "n.a.", "N.A.", "\\N", "(null)", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!")
"""Read as missing in columns of text too."""
_TOKENS = """
? ?? - -- --- . .. ... … — – * # n.a. n.a na n/a none null nan nat missing unknown undefined nil void empty blank
(null) (none) \\n <null> #n/a #div/0! #ref! #value! #name? #num! #null!
"""
TOKENS = frozenset(_TOKENS.split())
"""Lower-case; read as missing in columns whose other values are all numbers, dates or booleans."""
_WORDS = ("none", "missing", "unknown", "n/a.", "undefined", "nil")
WORDS = (
    "-",
    "--",
    *(written for word in _WORDS for written in (word, word.title(), word.upper()) if written != "None"),
)
"""Told, and kept, in columns of text."""
SENTINELS = (-99999, -9999, -999, -99, 999, 9999, 99999, 999999)


def suspect(values: pd.Series) -> float | None:
    """Return an extreme value such as -999 that stands for missing by its look: repeated and far from the others."""
    found = values.to_numpy(dtype=float, na_value=np.nan)
    found = found[np.isfinite(found)]
    if found.size < 4:
        return None
    for extreme, sign in ((found.min(), -1), (found.max(), 1)):
        if extreme not in SENTINELS or np.sign(extreme) != sign:
            continue
        rest = found[found != extreme]
        if rest.size < 2 or found.size - rest.size < 2:
            continue
        low, high = rest.min(), rest.max()
        gap = low - extreme if sign < 0 else extreme - high
        if gap > 2 * max(high - low, 1):
            return float(extreme)
    return None
