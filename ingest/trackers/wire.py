"""The protobuf wire format, as far as records of metrics need it: fields by number, nothing generated.

A message is read into `{field number: [values]}`; values are ints (varint), bytes (length-delimited) or the raw bytes
of fixed-size numbers. Raises Unreadable where a message ends in the middle of a field.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from ingest.trackers.files import Unreadable

Message = dict[int, list[Any]]


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (field number, value) in the order in which they stand."""
    place, end = 0, len(data)
    while place < end:
        key, place = varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = varint(data, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = varint(data, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise Unreadable(f"a message has a field of the unknown wire type {kind}")
        if place + size > end:
            raise Unreadable("a message ends in the middle of a field")
        yield key >> 3, data[place : place + size]
        place += size


def message(data: bytes) -> Message:
    """Return all fields of a message by their numbers."""
    found: Message = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value)
    return found


def varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the varint at `place`, and the place after it."""
    value = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise Unreadable("a message ends in the middle of a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def text(found: Message, number: int) -> str:
    """Return the last string of a field, empty where it is not set."""
    value = found.get(number, [b""])[-1]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def integer(found: Message, number: int, default: int = 0) -> int:
    """Return the last signed 64-bit integer of a field."""
    value = found.get(number, [default])[-1]
    if not isinstance(value, int):
        raise Unreadable("a field has another type than its format says")
    return value - (1 << 64) if value >= 1 << 63 else value


def double(found: Message, number: int) -> float | None:
    """Return the last double or float of a field, None where it is not set."""
    value = found.get(number, [None])[-1]
    if not isinstance(value, bytes) or len(value) not in (4, 8):
        return None
    return float(struct.unpack("<d" if len(value) == 8 else "<f", value)[0])


def inner(found: Message, number: int) -> Message:
    """Return the last message of a field, empty where it is not set."""
    value = found.get(number, [b""])[-1]
    if not isinstance(value, bytes):
        raise Unreadable("a field has another type than its format says")
    return message(value)
