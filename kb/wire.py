"""Frozen values as JSON and as links: a value and its fields, strict on the way back, small enough to be read safely.

`is` names the class of each value; fields that hold their default are left out. What is unknown, missing, too deep or
too large is refused with a BadInput that says where.
"""

from __future__ import annotations

import base64
import binascii
import json
import types
import typing
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar, Union

from kb.errors import BadInput

LINK_BYTES = 16_384
"""A link longer than this is refused unread; browsers and proxies cut them off earlier."""
JSON_BYTES = 262_144
DEPTH = 40
MOST_ITEMS = 2_000
MOST_TEXT = 10_000
MOST_DIGITS = 400

T = TypeVar("T")


@dataclass(frozen=True)
class Wire(Generic[T]):
    """The wire form of the values of class `kind`, called `name` in errors.

    `space` holds the names that the fields' types are written with; `options` are the classes that stand in a field
    of type Any or a Mapping.
    """

    kind: type[T]
    name: str
    space: Mapping[str, Any]
    options: tuple[Any, ...] = ()

    def json(self, value: T) -> dict[str, Any]:
        """Return a value as plain JSON values."""
        return dict(_out(value))

    def of(self, data: Any) -> T:
        """Return the value that JSON values stand for; BadInput names what is unknown, missing or too large."""
        found = self._read(data, self.kind, self.name, 0)
        if not isinstance(found, self.kind):
            raise _bad(self.name, "a query", data)
        return found

    def link(self, value: T) -> str:
        """Return a value as a compact text that can stand in a URL."""
        text = json.dumps(self.json(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        packed = base64.urlsafe_b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 9)).decode("ascii")
        found = packed.rstrip("=")
        if len(found) > LINK_BYTES:
            reason = f"the reading is too long for a link ({len(found):,} characters)"
            raise BadInput(reason, hint="save it under a name")
        return found

    def from_link(self, text: str) -> T:
        """Return the value of a link; BadInput where it was cut off, changed, or is too long."""
        if len(text) > LINK_BYTES:
            raise BadInput(
                f"the link has {len(text):,} characters, at most {LINK_BYTES:,} are read", hint="copy it anew"
            )
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            unpack = zlib.decompressobj()
            raw = unpack.decompress(packed, JSON_BYTES)
            if not unpack.eof or unpack.unused_data:
                raise ValueError("it is cut off or too large")
            data = json.loads(raw.decode("utf-8", "surrogatepass"))
        except (ValueError, binascii.Error, zlib.error, RecursionError) as error:
            raise BadInput(
                f"the link cannot be read: {error}", hint="it was changed or cut off; copy it anew"
            ) from error
        return self.of(data)

    @cached_property
    def _types(self) -> dict[Any, dict[str, Any]]:
        return {}

    def _hints(self, wanted: Any) -> dict[str, Any]:
        """Return the types of a dataclass's fields."""
        if wanted not in self._types:
            self._types[wanted] = typing.get_type_hints(wanted, dict(self.space))
        return self._types[wanted]

    def _read(self, data: Any, wanted: Any, where: str, depth: int) -> Any:
        """Return the value of the wanted type that JSON values stand for."""
        if depth > DEPTH:
            raise BadInput(f"{where} is nested more than {DEPTH} deep", hint="ask a simpler question")
        origin = typing.get_origin(wanted)
        if wanted is Any:
            return self._option(data, where, depth)
        if origin in (Union, types.UnionType):
            return self._one_of(data, typing.get_args(wanted), where, depth)
        if origin is tuple:
            return self._tuple(data, typing.get_args(wanted), where, depth)
        if origin is Literal:
            return _literal(data, typing.get_args(wanted), where)
        if origin is Mapping:
            return self._mapping(data, where, depth)
        if is_dataclass(wanted) and isinstance(wanted, type):
            return self._value(data, wanted, where, depth)
        return _scalar(data, wanted, where)

    def _one_of(self, data: Any, choices: tuple[Any, ...], where: str, depth: int) -> Any:
        """Return the value as the one of several types that its kind names, or as the first scalar that fits."""
        classes = {choice.__name__: choice for choice in choices if isinstance(choice, type) and is_dataclass(choice)}
        if isinstance(data, Mapping) and "is" in data and data["is"] != "infinity":
            if data["is"] not in classes:
                raise _bad(f"the kind of {where}", f"one of {', '.join(sorted(classes))}", data["is"])
            return self._value(data, classes[data["is"]], where, depth)
        if isinstance(data, list):
            for choice in choices:
                if typing.get_origin(choice) is tuple:
                    return self._tuple(data, typing.get_args(choice), where, depth)
        for choice in (choice for choice in choices if choice in (str, int, float, bool, type(None))):
            try:
                return _scalar(data, choice, where)
            except BadInput:
                if isinstance(data, str) and choice is str:
                    raise
        raise _bad(where, " or ".join(sorted(classes)) or "a plain value", data)

    def _tuple(self, data: Any, parts: tuple[Any, ...], where: str, depth: int) -> tuple[Any, ...]:
        """Return a tuple, of any length or of a fixed one."""
        if not isinstance(data, list):
            raise _bad(where, "a list", data)
        if len(data) > MOST_ITEMS:
            raise BadInput(f"{where} has {len(data):,} items, at most {MOST_ITEMS:,} are read", hint="ask in parts")
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(self._read(item, parts[0], f"{where}[{n}]", depth + 1) for n, item in enumerate(data))
        if len(data) != len(parts):
            raise _bad(where, f"a list of {len(parts)}", data)
        return tuple(self._read(item, part, f"{where}[{n}]", depth + 1)
                     for n, (item, part) in enumerate(zip(data, parts, strict=True)))  # fmt: skip

    def _mapping(self, data: Any, where: str, depth: int) -> Mapping[str, Any]:
        """Return options by name."""
        if not isinstance(data, Mapping) or len(data) > MOST_ITEMS:
            raise _bad(where, "options by name", data)
        return {str(key): self._option(item, f"{where}[{key!r}]", depth + 1) for key, item in data.items()}

    def _option(self, data: Any, where: str, depth: int) -> Any:
        """Return an option: a plain value, a list of them, a condition or an expression."""
        if depth > DEPTH:
            raise BadInput(f"{where} is nested more than {DEPTH} deep", hint="ask a simpler question")
        if isinstance(data, Mapping):
            return self._one_of(data, (*self.options, float), where, depth)
        if isinstance(data, list):
            return self._tuple(data, (Any, ...), where, depth + 1)
        return self._one_of(data, (str, bool, int, float, type(None)), where, depth)

    def _value(self, data: Any, wanted: Any, where: str, depth: int) -> Any:
        """Return a dataclass of the vocabulary from its fields."""
        if not isinstance(data, Mapping):
            raise _bad(where, f"a {wanted.__name__}", data)
        if data.get("is") != wanted.__name__:
            raise _bad(f"the kind of {where}", wanted.__name__, data.get("is"))
        known, hints = {one.name: one for one in fields(wanted)}, self._hints(wanted)
        unknown = sorted(map(str, set(data) - set(known) - {"is"}))
        if unknown:
            raise BadInput(f"{where} has unknown fields: {', '.join(unknown)}"[:200], hint=f"known: {', '.join(known)}")
        lacking = [name for name, one in known.items()
                   if name not in data and one.default is MISSING and one.default_factory is MISSING]  # fmt: skip
        if lacking:
            raise BadInput(f"{where} lacks {', '.join(lacking)}", hint=f"a {wanted.__name__} needs it")
        given = {name: data[name] for name in known if name in data}
        return wanted(
            **{name: self._read(one, hints[name], f"{where}.{name}", depth + 1) for name, one in given.items()}
        )


def _out(value: Any) -> Any:
    """Return a value of a query as JSON values; fields that hold their default are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        given = {
            f.name: _out(getattr(value, f.name)) for f in fields(value) if not _is_default(f, getattr(value, f.name))
        }
        return {"is": type(value).__name__, **given}
    if isinstance(value, tuple | list):
        return [_out(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _out(item) for key, item in value.items()}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return {"is": "infinity", "sign": 1 if value > 0 else -1}
    return value


def _is_default(one: Any, value: Any) -> bool:
    """Tell whether a field holds what it would hold by itself."""
    if one.default_factory is not MISSING:
        return bool(value == one.default_factory())
    return one.default is not MISSING and type(value) is type(one.default) and bool(value == one.default)


def _bad(where: str, expected: str, got: Any) -> BadInput:
    """Return the error that says what was expected where."""
    return BadInput(f"{where} should be {expected}, got {repr(got)[:80]}", hint="take a reading's own JSON or link")


def _scalar(data: Any, wanted: Any, where: str) -> Any:
    """Return a text, a number, true, false or nothing."""
    if wanted is float and isinstance(data, Mapping) and data.get("is") == "infinity":
        return float("inf") if data.get("sign") == 1 else float("-inf")
    if wanted is type(None) and data is None:
        return None
    if wanted is float and isinstance(data, int) and not isinstance(data, bool):
        return data
    if wanted in (str, int, float, bool) and type(data) is wanted:
        return _limited(data, where)
    raise _bad(where, getattr(wanted, "__name__", str(wanted)), data)


def _limited(data: Any, where: str) -> Any:
    """Return a scalar that is not too large."""
    if isinstance(data, str) and len(data) > MOST_TEXT:
        raise BadInput(f"{where} has {len(data):,} characters, at most {MOST_TEXT:,} are read", hint="shorten it")
    if isinstance(data, float) and data != data:
        raise _bad(where, "a number", data)
    if isinstance(data, int) and abs(data) >= 10**MOST_DIGITS:
        raise _bad(where, "a number of a sane size", "a huge one")
    return data


def _literal(data: Any, choices: tuple[Any, ...], where: str) -> Any:
    """Return one of the words that may stand here."""
    if isinstance(data, str) and data in choices:
        return data
    raise _bad(where, f"one of {', '.join(map(str, choices))}", data)
