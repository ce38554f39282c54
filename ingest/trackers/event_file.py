"""TensorBoard event files: records with masked CRC-32C checksums (TFRecord), each a protobuf `Event`.

Scalars of either form (`simple_value` and tensors of one number) are read, and the hparams plugin; images, histograms
and graphs are passed over. A file that is cut in the middle is read up to there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ingest.trackers import wire
from ingest.trackers.files import Unreadable

_MAX_RECORD = 256 * 2**20
# Checksums in pure Python are slow: of long records, which hold images or graphs, only the length's is verified.
_CHECKED = 1024


def _table() -> tuple[int, ...]:
    """Return the table of the CRC-32C (Castagnoli) polynomial, reflected: RFC 3720, appendix B.4."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _table()


def masked_crc(data: bytes) -> int:
    """Return the masked CRC-32C that TFRecord stores."""
    value, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    value ^= 0xFFFFFFFF
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def events(path: Path) -> Iterator[tuple[int, wire.Message | Unreadable]]:
    """Yield (offset, event); what cannot be read is an Unreadable that says why, and the last one ends the file."""
    try:
        file = path.open("rb")
    except OSError as error:
        yield 0, Unreadable(f"it cannot be opened: {error.strerror}")
        return
    with file:
        for offset, data in _records(file):
            if isinstance(data, Unreadable):
                yield offset, data
                continue
            try:
                yield offset, wire.message(data)
            except Unreadable as error:
                yield offset, error


def _records(file: BinaryIO) -> Iterator[tuple[int, bytes | Unreadable]]:
    offset = 0
    while head := file.read(12):
        if len(head) < 12:
            yield offset, Unreadable("the file ends in the middle of a record")
            return
        size, checksum = struct.unpack("<QI", head)
        if masked_crc(head[:8]) != checksum or size > _MAX_RECORD:
            yield offset, Unreadable("a record's length has a wrong checksum: nothing after it can be read")
            return
        data, tail = file.read(size), file.read(4)
        if len(data) < size or len(tail) < 4:
            yield offset, Unreadable("the file ends in the middle of a record")
            return
        if size <= _CHECKED and masked_crc(data) != struct.unpack("<I", tail)[0]:
            yield offset, Unreadable("a record's checksum is wrong: it is left out")
        else:
            yield offset, data
        offset += size + 16


def scalars(event: wire.Message) -> Iterator[tuple[str, float]]:
    """Yield the (tag, number) pairs of an event's summary."""
    for raw in wire.inner(event, 5).get(1, ()) if 5 in event else ():
        value = wire.message(raw)
        number = wire.double(value, 2) if 2 in value else _one_number(value)
        if number is not None:
            yield wire.text(value, 1), number


def _one_number(value: wire.Message) -> float | None:
    """Return the number of a tensor that holds one, None of everything else."""
    if 8 not in value or _plugin(value) not in ("", "scalars"):
        return None
    tensor = wire.inner(value, 8)
    kind, content = wire.integer(tensor, 1), tensor.get(4, [b""])[-1]
    shape = wire.inner(tensor, 2) if 2 in tensor else {}
    if any(wire.integer(wire.message(size), 1) != 1 for size in shape.get(2, ())):
        return None
    layout = {1: "f", 2: "d", 3: "i", 9: "q", 19: "e"}.get(kind)
    if layout is None:
        return None
    if content:
        return float(struct.unpack("<" + layout, content)[0]) if len(content) == struct.calcsize(layout) else None
    packed = tensor.get({1: 5, 2: 6, 3: 7, 9: 10}.get(kind, 0), [None])[-1]
    if kind in (1, 2) and isinstance(packed, bytes):
        return float(struct.unpack("<" + layout, packed)[0]) if len(packed) == struct.calcsize(layout) else None
    if isinstance(packed, bytes):
        packed = wire.varint(packed, 0)[0]
    return float(packed) if isinstance(packed, int) else None


def _plugin(value: wire.Message) -> str:
    return wire.text(wire.inner(wire.inner(value, 9), 1), 1) if 9 in value else ""


def hparams(event: wire.Message) -> dict[str, Any]:
    """Return what the hparams plugin wrote in an event: `params`, `group`, `status`, `started`, `ended` as told."""
    told: dict[str, Any] = {}
    for raw in wire.inner(event, 5).get(1, ()) if 5 in event else ():
        value = wire.message(raw)
        if _plugin(value) != "hparams":
            continue
        content = wire.inner(wire.inner(wire.inner(value, 9), 1), 2)
        if 3 in content:
            start = wire.inner(content, 3)
            told["params"] = dict(_param(wire.message(entry)) for entry in start.get(1, ()))
            told["group"], told["started"] = wire.text(start, 4), wire.double(start, 5)
        if 4 in content:
            end = wire.inner(content, 4)
            told["status"] = {1: "SUCCESS", 2: "FAILURE", 3: "RUNNING"}.get(wire.integer(end, 1), "UNKNOWN")
            told["ended"] = wire.double(end, 2)
    return told


def _param(entry: wire.Message) -> tuple[str, Any]:
    """Return a (name, value) of the map of hyperparameters, whose values are google.protobuf.Value."""
    value = wire.inner(entry, 2)
    if 2 in value:
        number = wire.double(value, 2)
        whole = number is not None and number == number // 1 and abs(number) < 2**53
        return wire.text(entry, 1), int(number) if number is not None and whole else number
    if 4 in value:
        return wire.text(entry, 1), bool(wire.integer(value, 4))
    return wire.text(entry, 1), wire.text(value, 3) if 3 in value else None
