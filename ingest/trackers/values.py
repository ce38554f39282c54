"""Logged text and nested configurations as typed, flat values; times as seconds since 1970."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingest.trackers.files import Unreadable
from kb.records import Point, Scalar, split_of

# MLflow cannot store infinities in a database and writes the greatest number instead.
_GREATEST = 1.7976931348623157e308
MAX_NODES = 50_000
MAX_TEXT = 20_000
_INT = re.compile(r"[-+]?(?:0|[1-9]\d{0,17})")
_FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d{1,3})?")
_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_MEASURED = re.compile(rf"({_NUMBER})\s*(?:%|(?:±|\+/-|\+-)\s*{_NUMBER}\s*%?)")
_ODD = {"nan": math.nan, "inf": math.inf, "infinity": math.inf, "-inf": -math.inf, "-infinity": -math.inf}
_BOOLS = {"true": True, "false": False, "True": True, "False": False}
_DATASETS = (
    "dataset",
    "dataset_name",
    "data_name",
    "data.name",
    "datasets",
    "dataset_path",
    "data_path",
    "data",
    "datapath",
)


def typed(text: str) -> Scalar:
    """Return the number or truth value that a logged text spells, else the text; 007 and None stay text."""
    bare = text.strip()
    if bare in _BOOLS:
        return _BOOLS[bare]
    if _INT.fullmatch(bare):
        return int(bare)
    if _FLOAT.fullmatch(bare):
        return float(bare)
    return text


def typed_params(texts: Mapping[str, str]) -> tuple[dict[str, Scalar], dict[str, str]]:
    """Return the typed values of logged texts, and the texts that read differently from their value."""
    params = {name: typed(text) for name, text in texts.items()}
    return params, {name: text for name, text in texts.items() if str(params[name]) != text}


def number(value: Any) -> float | None:
    """Return a number, truth value or spelt number (nan and inf too) as a float, else None."""
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if not isinstance(value, str) or not value or len(value) > 40:
        return None
    bare = value.strip()
    if bare.lower() in _ODD:
        return _ODD[bare.lower()]
    try:
        return float(bare) if "_" not in bare else None
    except ValueError:
        return None


def mlflow_value(value: Any, nan: Any = False) -> float:
    """Return a metric's value as MLflow's databases and servers give it: NaN where `nan` says so or nothing is told."""
    found = math.nan if nan else number(value)
    if found is None or math.isnan(found):
        return math.nan
    return math.copysign(math.inf, found) if abs(found) >= _GREATEST else found


def measured(cell: Any) -> float | None:
    """Return the number in a cell of results, also of `85.3 %` (85.3) and `0.85 ± 0.02` (0.85), else None."""
    found = number(cell)
    if found is None and isinstance(cell, str):
        match = _MEASURED.fullmatch(cell.strip())
        return float(match[1]) if match else None
    return found


def whole(value: Any) -> int | None:
    """Return a number that is whole as an int, else None."""
    found = number(value)
    return int(found) if found is not None and math.isfinite(found) and found == int(found) else None


def flat(value: Any, *, separator: str = ".") -> dict[str, Scalar]:
    """Return a nested mapping with dotted names; lists become JSON text. Raises Unreadable past MAX_NODES values."""
    return dict(_flat("", value, separator, [MAX_NODES], 0))


def _flat(name: str, value: Any, separator: str, budget: list[int], depth: int) -> Iterator[tuple[str, Scalar]]:
    _spend(budget, depth)
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(f"{name}{separator}{key}" if name else str(key), item, separator, budget, depth + 1)
    elif isinstance(value, str | int | float | bool | None):
        yield name, value[:MAX_TEXT] if isinstance(value, str) else value
    elif isinstance(value, Mapping | list | tuple | set):
        if name and (value or not isinstance(value, Mapping)):
            yield name, as_json(value, budget)
    else:
        yield name, str(value)[:MAX_TEXT]


def _spend(budget: list[int], depth: int) -> None:
    budget[0] -= 1
    if budget[0] < 0 or depth > 100:
        raise Unreadable(f"its values unfold to more than {MAX_NODES:,}")


def as_json(value: Any, budget: list[int] | None = None) -> str:
    """Return compact JSON of a list or mapping; what JSON does not know is written as text. Raises Unreadable."""
    return json.dumps(_plain(value, budget or [MAX_NODES], 0), ensure_ascii=False)[:MAX_TEXT]


def _plain(value: Any, budget: list[int], depth: int) -> Any:
    _spend(budget, depth)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, budget, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item, budget, depth + 1) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def scalars(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the flat values of a mapping as text, for tags; what is unset is left out."""
    return {name: str(item) for name, item in flat(value).items() if item is not None}


def points_of(
    values: Mapping[str, Any], step: int | None, time: float | None = None, *, separator: str = "/"
) -> Iterator[Point]:
    """Yield a point for each numeric value of one logged row, nested names joined with `separator`."""
    for name, item in flat(values, separator=separator).items():
        if isinstance(item, bool):
            continue
        value = number(item) if not isinstance(item, str) or item.strip().lower() in _ODD else None
        if value is not None:
            yield Point(name, value, step, time, split_of(name))


def dataset_of(params: Mapping[str, Scalar]) -> str | None:
    """Return the parameter that names the data of a run, or None."""
    by_name = {name.lower(): value for name, value in params.items()}
    for wanted in _DATASETS:
        value = by_name.get(wanted)
        if isinstance(value, str) and 0 < len(value) <= 300:
            return value
    return None


def milliseconds(value: Any) -> float | None:
    """Return a time in milliseconds (or, of old stores, seconds) since 1970 as seconds."""
    found = number(value)
    if found is None or not math.isfinite(found) or found <= 0:
        return None
    return found / 1000 if found > 1e11 else found


def moment(value: Any) -> tuple[float | None, bool]:
    """Return a date and time (text, datetime or seconds) as seconds since 1970, and whether its zone was told."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None, True
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp(), value.tzinfo is not None
    found = number(value)
    return (found if found is not None and 1e8 < found < 1e11 else milliseconds(found)), True
