"""The binary log of a W&B run (`run-<id>.wandb`): checksummed records in blocks of 32 KB, each a protobuf message.

A log is read up to where it can be; a run that was killed leaves one that ends in the middle of a record.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ingest.trackers import wire
from ingest.trackers.files import Unreadable

_BLOCK = 32768
_HEAD = struct.Struct("<IHB")
_START = b":W&B"
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_MAX_RECORD = 64 * 2**20
# Fields of Record
HISTORY, SUMMARY, CONFIG, METRIC, RUN, EXIT = 2, 3, 5, 12, 17, 18


def records(path: Path) -> Iterator[tuple[int, wire.Message | Unreadable]]:
    """Yield (offset, record); what cannot be read is an Unreadable that says where, and the last one ends the log."""
    try:
        file = path.open("rb")
    except OSError as error:
        yield 0, Unreadable(f"it cannot be opened: {error.strerror}")
        return
    with file:
        head = file.read(7)
        if head[:4] != _START:
            yield 0, Unreadable("the file is empty" if not head else "it does not begin like a W&B log")
            return
        for offset, data in _frames(file):
            yield offset, data if isinstance(data, Unreadable) else _message(data)


def _message(data: bytes) -> wire.Message | Unreadable:
    try:
        return wire.message(data)
    except Unreadable as error:
        return error


def _frames(file: BinaryIO) -> Iterator[tuple[int, bytes | Unreadable]]:
    """Yield the data of whole records; a frame with a wrong checksum is told and its record left out."""
    parts: list[bytes] | None = None
    while True:
        left = _BLOCK - file.tell() % _BLOCK
        if left < _HEAD.size:
            file.seek(left, 1)
        offset = file.tell()
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            if head.strip(b"\0") or parts:
                yield offset, Unreadable("the log ends in the middle of a record")
            return
        checksum, size, kind = _HEAD.unpack(head)
        if not (checksum or size or kind):
            return
        data = file.read(size)
        if len(data) < size:
            yield offset, Unreadable("the log ends in the middle of a record")
            return
        if zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
            yield offset, Unreadable("a record's checksum is wrong")
            if not _FULL <= kind <= _LAST:
                return
            parts = None
        elif kind == _FULL:
            yield offset, data
        elif kind == _FIRST:
            parts = [data]
        elif kind in (_MIDDLE, _LAST) and parts is not None:
            parts.append(data)
            if sum(map(len, parts)) > _MAX_RECORD:
                yield offset, Unreadable(f"a record is larger than {_MAX_RECORD / 2**20:.0f} MB")
                parts = None
            elif kind == _LAST:
                yield offset, b"".join(parts)
                parts = None


def items(data: wire.Message, number: int = 1) -> Iterator[tuple[str, Any]]:
    """Yield the (key, value) items of a history, summary or config record; nested keys are joined with dots."""
    for raw in data.get(number, ()):
        item = wire.message(raw)
        nested = [part.decode("utf-8", "replace") for part in item.get(2, ())]
        try:
            value = json.loads(wire.text(item, 16) or "null")
        except (ValueError, RecursionError):
            value = wire.text(item, 16)
        yield ".".join(nested) or wire.text(item, 1), value
