"""A configuration file as parameters: YAML or JSON, nested names joined with dots, values typed as runs' are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from kb.errors import BadInput
from kb.records import Scalar

LARGEST = 1_000_000
MOST = 2_000
DEEPEST = 20
LONGEST_LIST = 10_000
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")
_HINT = "name a YAML or JSON file of parameters: learning_rate: 0.1"


def read_config(path: Path) -> dict[str, Scalar]:
    """Return the parameters of a configuration file. Raises BadInput for one that cannot be read or has none."""
    try:
        data = path.expanduser().read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", hint=_HINT) from None
    return config_in(data, path.name)


def config_in(data: bytes, name: str = "the configuration") -> dict[str, Scalar]:
    """Return the parameters in the content of a file: JSON where its name says so, else YAML. Raises BadInput."""
    if len(data) > LARGEST:
        raise BadInput(f"{name} has more than {LARGEST:,} bytes, too many for a configuration", hint=_HINT)
    return config_of(_parsed(name, data), name)


def _parsed(name: str, data: bytes) -> Any:
    suffix = Path(name).suffix
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{name} is no text", hint=_HINT) from None
    try:
        return json.loads(text) if suffix.lower() == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise BadInput(f"{name} cannot be read as {suffix.lstrip('.') or 'YAML'}: {said}", hint=_HINT) from None


def config_of(value: Any, name: str = "the configuration") -> dict[str, Scalar]:
    """Return nested values as parameters. Raises BadInput for what is no mapping, is empty, or does not end."""
    if not isinstance(value, Mapping):
        raise BadInput(f"{name} holds no parameters by name", hint=_HINT)
    found: dict[str, Scalar] = {}
    for key, one in _flat(value, "", 0):
        found[key] = one
        if len(found) > MOST:
            raise BadInput(f"{name} has more than {MOST:,} parameters", hint=_HINT)
    if not found:
        raise BadInput(f"{name} is empty", hint=_HINT)
    return found


def _flat(value: Mapping[Any, Any], above: str, depth: int) -> Iterator[tuple[str, Scalar]]:
    if depth > DEEPEST:
        raise BadInput(f"the configuration is nested more than {DEEPEST} deep", hint=_HINT)
    for key, one in value.items():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(one, Mapping) and "value" in one and set(one) <= {"value", "desc"}:
            one = one["value"]  # as W&B writes its configuration
        if isinstance(one, Mapping):
            yield from _flat(one, name, depth + 1)
        else:
            yield name, typed(one)


def typed(value: Any) -> Scalar:
    """Return a value as a parameter: numbers written as text are numbers, lists are JSON text."""
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.match(text):
            number = float(text)
            return int(text) if re.fullmatch(r"[-+]?\d{1,15}", text) else number
        return text
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (list, tuple)):
        _check_size(value)
        return json.dumps(value, default=str)[:2_000]
    return str(value)


def _check_size(value: Any) -> None:
    """Raise BadInput for a list that aliases make too large to write out."""
    waiting, seen = [value], 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if seen > LONGEST_LIST:
            raise BadInput(f"a list of more than {LONGEST_LIST:,} values", hint=_HINT)
        if isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, (list, tuple)):
            waiting += one
