"""What a column's name says: its words, a unit of measure, and general hints such as identifier, target or percentage.

The hints are words of the trade. None stands for a table, a project or a subject.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

TARGET = frozenset({"target", "label", "labels", "class", "outcome", "response", "y", "dependent"})
"""Names that say alone that a column is to be predicted."""
TARGET_WORDS = TARGET | {"result", "output", "predict", "truth"}
ID_WORDS = frozenset({"id", "ids", "uid", "uuid", "guid", "key", "index", "idx", "identifier", "serial", "ssn", "isbn"})
ORDER_WORDS = frozenset({"index", "idx", "rownum", "rowid", "row", "unnamed", "serial", "nr", "no", "number"})
TIME_WORDS = frozenset(
    {"year", "month", "day", "date", "week", "time", "timestamp", "quarter", "period", "step", "epoch", "hour", "t"}
)
CODE_WORDS = frozenset({"code", "class", "type", "zone", "category", "group", "cluster", "region", "label", "segment"})
AFTER_WORDS = frozenset(
    {"outcome", "result", "final", "after", "post", "closed", "closing", "resolved", "resolution", "actual",
     "predicted", "prediction", "settled", "cancelled", "canceled", "returned", "exit", "ended", "terminated"}
)  # fmt: skip
NOT_NEGATIVE = frozenset(
    {"age", "count", "quantity", "qty", "price", "weight", "height", "length", "width", "distance", "duration",
     "population", "area", "size", "salary", "income", "wage", "volume", "total"}
)  # fmt: skip

RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "percent": (0, 100), "percentage": (0, 100), "pct": (0, 100), "probability": (0, 1), "prob": (0, 1),
        "latitude": (-90, 90), "lat": (-90, 90), "longitude": (-180, 180), "lon": (-180, 180), "lng": (-180, 180),
        "month": (1, 12), "hour": (0, 24), "minute": (0, 60), "age": (0, 125), "humidity": (0, 100), "ph": (0, 14),
    }
)  # fmt: skip
"""What a value can be by a word of its column's name: lowest and highest."""

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "%": "%", "pct": "%", "percent": "%", "percentage": "%",
        "usd": "USD", "eur": "EUR", "gbp": "GBP", "jpy": "JPY", "inr": "INR", "chf": "CHF", "dollars": "USD",
        "euros": "EUR", "$": "$", "€": "€", "£": "£",
        "kg": "kg", "kgs": "kg", "g": "g", "mg": "mg", "lb": "lb", "lbs": "lb", "oz": "oz", "grams": "g",
        "cm": "cm", "mm": "mm", "m": "m", "km": "km", "ft": "ft", "feet": "ft", "inch": "in", "inches": "in",
        "miles": "miles", "mi": "miles", "sqft": "sq ft", "sqm": "m²", "m2": "m²", "km2": "km²", "acres": "acres",
        "years": "years", "yrs": "years", "months": "months", "weeks": "weeks", "days": "days", "hours": "hours",
        "hrs": "hours", "minutes": "minutes", "mins": "minutes", "seconds": "seconds", "secs": "seconds",
        "sec": "seconds",
        "ms": "ms", "us": "µs", "celsius": "°C", "fahrenheit": "°F", "kelvin": "K", "°c": "°C", "°f": "°F",
        "mph": "mph", "kmh": "km/h", "kph": "km/h", "hpa": "hPa", "kpa": "kPa", "psi": "psi", "hz": "Hz", "khz": "kHz",
        "mhz": "MHz", "ghz": "GHz", "kb": "kB", "mb": "MB", "gb": "GB", "tb": "TB", "bytes": "bytes",
        "w": "W", "kw": "kW", "mw": "MW", "kwh": "kWh", "mwh": "MWh", "v": "V", "mv": "mV", "db": "dB", "ml": "ml",
        "litres": "l", "liters": "l", "ppm": "ppm", "ppb": "ppb", "rpm": "rpm", "bpm": "bpm", "degrees": "°",
    }
)  # fmt: skip
SHORT_UNITS = frozenset({"g", "m", "w", "v", "mi", "us", "mb", "mv", "mw"})
"""Units that are ordinary letters as well: believed only in brackets."""

_SPLIT = re.compile(r"[^\W\d_]+|\d+|[%$€£]")
_CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BRACKETS = re.compile(r"[(\[]\s*([^()\[\]]{1,12}?)\s*[)\]]\s*$")


def words_of(name: str) -> tuple[str, ...]:
    """Return the lower-case words of a name, split at case, digits and punctuation."""
    return tuple(word.lower() for word in _SPLIT.findall(_CAMEL.sub("_", name[:200])))


def unit_of(name: str) -> str:
    """Return the unit that a name ends in, in brackets or as its last word, else an empty text."""
    if bracketed := _BRACKETS.search(name):
        inner = bracketed.group(1)
        return UNITS.get(inner.lower(), inner if re.fullmatch(r"[^\W\d_]{1,4}(/[^\W\d_]{1,4}\d?)", inner) else "")
    words = re.split(r"[\s_.\-]+", _CAMEL.sub("_", name[:200]).strip().lower())
    last = words[-1] if len(words) > 1 else ""
    return "" if last in SHORT_UNITS else UNITS.get(last, "%" if name.rstrip().endswith("%") else "")


def says(name: str, hints: frozenset[str]) -> bool:
    """Return whether a word of the name is one of the hints."""
    return not hints.isdisjoint(words_of(name))


def is_id_name(name: str) -> bool:
    """Return whether a name says identifier: `user_id`, `ID`, `customerId`, but not `paid`."""
    words = words_of(name)
    return bool(words) and (words[-1] in ID_WORDS or words[0] in {"id", "uuid", "guid", "unnamed"})


def range_of(name: str) -> tuple[float, float] | None:
    """Return the lowest and highest value that a name allows, infinity for an open end; None where it says nothing."""
    words = words_of(name)
    if {"diff", "difference", "change", "delta", "log", "growth", "z", "scaled", "norm"} & set(words):
        return None
    for word in words[-2:] if len(words) > 1 else words:
        if word in RANGES:
            return RANGES[word]
    return (0.0, float("inf")) if words and words[-1] in NOT_NEGATIVE else None
