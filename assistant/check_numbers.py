"""Numbers as written: what they say, to how many places, and whether a stored value agrees with them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation

_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[-+−–]?)(?P<body>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<exp>[eE][-+]?\d+)?"
    r"(?P<percent>\s?(?:%|percent\b|pp\b))?(?![\w])(?!\.\d)"
)
_UNIT = re.compile(
    r"\A\s?(?:ms|s|sec|seconds?|min|minutes?|h|hours?|days?|weeks?|months?|years?|GB|MB|kB|KB|TB|GiB|MiB|EUR|USD|people|"
    r"rows|columns|features|samples|images|texts|parameters|GPUs?|CPUs?|cores|layers|classes|folds|patients|users|"
    r"customers|tokens|°C|€|\$|M|k|B)\b",
)
_MONEY = re.compile(r"[€$£]\s?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number at `start`…`end` of a text: its value as written, the places after the point, and whether in percent."""

    start: int
    end: int
    text: str
    value: Decimal
    places: int
    percent: bool
    unit: bool = False

    @property
    def decimal(self) -> bool:
        """Tell whether it is written with a point or in percent, as figures are and counts are not."""
        return self.percent or self.places > 0 or "e" in self.text.lower()

    @property
    def step(self) -> Decimal:
        """One unit in its last place."""
        return Decimal(1).scaleb(-self.places)


def numbers(text: str) -> Iterator[Number]:
    """Yield the numbers of a text in their order."""
    for match in _NUMBER.finditer(text):
        sign = match["sign"].replace("−", "-").replace("–", "")
        # A hyphen after a word or number joins; it is no sign.
        if sign and match.start() > 0 and (text[match.start() - 1].isalnum() or text[match.start() - 1] == ")"):
            sign = ""
        body = match["body"].replace(",", "")
        try:
            value = Decimal(f"{sign}{body}{match['exp'] or ''}")
        except InvalidOperation:
            continue
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or abs(exponent) > 300:
            continue
        unit = _UNIT.match(text, match.end()) is not None if not match["percent"] else False
        unit = unit or _UNIT.match(text[match.end() :]) is not None or _MONEY.search(text, 0, match.start()) is not None
        yield Number(
            start=match.start(),
            end=match.end(),
            text=match[0].strip(),
            value=value,
            places=max(0, -exponent),
            percent=match["percent"] is not None,
            unit=unit and not match["percent"],
        )


def scales(number: Number, stored: float) -> tuple[Decimal, ...]:
    """Return the stored value as the number may mean it: itself, or in percent."""
    if not math.isfinite(stored):
        return ()
    plain = Decimal(repr(stored))
    if number.percent:
        return (plain * 100, plain) if abs(stored) > 1 else (plain * 100,)
    if 0 <= stored <= 1 and abs(number.value) > Decimal("1.5"):
        return (plain, plain * 100)
    return (plain,)


def agrees(number: Number, stored: float) -> bool:
    """Tell whether the number is the stored value, rounded rightly to the places it is written with."""
    return any(_rounded(number, value) for value in scales(number, stored))


def exact(number: Number, stored: float) -> bool:
    """Tell whether the number is the stored value to the last digit."""
    return any(number.value == value for value in scales(number, stored))


def nearly(number: Number, stored: float) -> bool:
    """Tell whether the stored value lies less than one unit of the number's last place away."""
    return any(abs(number.value - value) < number.step for value in scales(number, stored))


def _rounded(number: Number, value: Decimal) -> bool:
    if value.adjusted() > 20:
        return number.value == value
    return any(value.quantize(number.step, rule) == number.value for rule in (ROUND_HALF_UP, ROUND_HALF_EVEN))


def around(number: Number) -> tuple[float, float]:
    """Return the range that a stored value must lie in for the number to be it."""
    value, step = float(number.value), float(number.step)
    scale = 100 if number.percent else 1
    return (value - step) / scale, (value + step) / scale
