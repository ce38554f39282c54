"""Reading small text files that nobody vouches for: YAML and JSON with limits, nothing executed.

YAML tags that stand for Python objects are read as the text, list or mapping that they mark; aliases that would unfold
to more than a configuration ever holds end the reading with an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 20 * 2**20
MAX_YAML = 4 * 2**20
MAX_LINE = 32 * 2**20
_MAX_MERGED = 20_000
_DEEP = 200


class Unreadable(Exception):
    """A file's content cannot be used; the message says why."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader that reads unknown tags as plain values and bounds what merge keys unfold to."""

    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        self.merged += len(node.value)
        if self.merged > _MAX_MERGED:
            raise Unreadable("its merge keys unfold to too much")
        super().flatten_mapping(node)
        self.merged += len(node.value)


def _plain(loader: _Loader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return node.value


_Loader.add_multi_constructor("", _plain)
# A float without a dot (1e-3) is text in YAML 1.1 and a number to everybody who writes configurations.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(?:\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text. Raises Unreadable where it is malformed, too deep or too large."""
    if len(text) > MAX_YAML:
        raise Unreadable(f"it has {len(text):,} characters, more than the {MAX_YAML:,} of a configuration")
    _refuse_deep(text)
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, AttributeError, OverflowError) as error:
        raise Unreadable(f"it is no YAML: {_first_line(error)}") from error


def _refuse_deep(text: str) -> None:
    """Refuse flow collections and indentation so deep that a recursive parser would run out of stack."""
    depth = deepest = 0
    for mark in re.findall(r"[\[{\]}]", text):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > _DEEP or re.search(r"(?:^|\n)[ ]{1000}|(?:[-?] ){200}", text):
        raise Unreadable("it is nested too deeply")


def read_yaml(path: Path) -> Any:
    """Return the value of a YAML file. Raises Unreadable."""
    return parse_yaml(read_text(path, MAX_YAML))


def parse_json(text: str) -> Any:
    """Return the value of a JSON text; NaN and Infinity are read as numbers. Raises Unreadable."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no JSON: {_first_line(error)}") from error


def read_json(path: Path) -> Any:
    """Return the value of a JSON file. Raises Unreadable."""
    return parse_json(read_text(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping in a JSON or YAML file; an empty file is an empty mapping. Raises Unreadable."""
    value = read_json(path) if path.suffix == ".json" else read_yaml(path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"it holds {type(value).__name__} where a mapping was expected")
    return {str(key): item for key, item in value.items()}


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """Return the text of a file of at most `limit` bytes. Raises Unreadable."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror}") from error
    if len(data) > limit:
        raise Unreadable(f"it is larger than {limit / 2**20:.0f} MB, the most that is read of such a file")
    return as_text(data)


def as_text(data: bytes) -> str:
    """Return the text of bytes: UTF-8 or UTF-16 by its mark, else every byte a character of Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a text file that may be large, cut at MAX_LINE. Raises Unreadable."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror}") from error
    with file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            yield number, as_text(line)


def version_of(paths: Iterable[Path]) -> str:
    """Return a short hash of the sizes and times of files: it changes when one of them changes."""
    parts = []
    for path in paths:
        try:
            stat = os.stat(path)
        except OSError:
            continue
        parts.append(f"{path.name}:{stat.st_size}:{stat.st_mtime_ns}")
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:200] or type(error).__name__
