"""The points of one metric as bytes: steps, values and times as numpy arrays, compressed; NaN and infinities kept.

A metric of a single point has no packed points: its summary says all of it.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kb.records import Point

NO_STEP = np.iinfo(np.int64).min
_HEAD = struct.Struct("<BBI")
_FORMAT, _TIMED = 1, 1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A metric's points in the order of their steps, those of one step as they were logged.

    `steps` holds NO_STEP and `times` (seconds since 1970, UTC) NaN where none was logged.
    """

    steps: Ints
    values: Floats
    times: Floats

    def __len__(self) -> int:
        return len(self.values)

    def points(self, name: str, split: str | None = None) -> Iterator[Point]:
        """Yield the points as values."""
        for step, value, time in zip(self.steps.tolist(), self.values.tolist(), self.times.tolist(), strict=True):
            yield Point(name, value, None if step == NO_STEP else step, None if time != time else time, split)


class Gathered:
    """Points of one metric as they come, eight bytes a figure."""

    __slots__ = ("steps", "times", "values")

    def __init__(self) -> None:
        self.steps, self.values, self.times = array("q"), array("d"), array("d")

    def add(self, point: Point) -> None:
        """Take one point more."""
        self.steps.append(NO_STEP if point.step is None else point.step)
        self.values.append(point.value)
        self.times.append(float("nan") if point.time is None else point.time)

    def sorted(self) -> Points:
        """Return the points in the order of their steps."""
        steps = np.frombuffer(self.steps, np.int64)
        values, times = np.frombuffer(self.values, np.float64), np.frombuffer(self.times, np.float64)
        if len(steps) > 1 and (steps[1:] < steps[:-1]).any():
            order = np.argsort(steps, kind="stable")
            return Points(steps[order], values[order], times[order])
        return Points(steps, values, times)


def pack(points: Points) -> bytes:
    """Return the points as bytes; steps as differences, which compress to almost nothing."""
    timed = bool(np.isfinite(points.times).any())
    steps = points.steps.astype("<i8")
    steps[1:] -= points.steps[:-1]
    body = steps.tobytes() + points.values.astype("<f8").tobytes()
    if timed:
        body += points.times.astype("<f8").tobytes()
    return _HEAD.pack(_FORMAT, _TIMED if timed else 0, len(points)) + zlib.compress(body, 1)


def unpack(data: bytes) -> Points:
    """Return the points in `data`. Raises ValueError where they are damaged."""
    try:
        form, flags, count = _HEAD.unpack_from(data)
        body = zlib.decompress(data[_HEAD.size :])
    except (struct.error, zlib.error) as error:
        raise ValueError(f"points that cannot be read: {error}") from error
    if form != _FORMAT or len(body) != count * 8 * (3 if flags & _TIMED else 2):
        raise ValueError(f"points of format {form} with {len(body)} bytes for {count} points")
    steps = np.cumsum(np.frombuffer(body, "<i8", count), dtype=np.int64)
    values = np.frombuffer(body, "<f8", count, count * 8).astype(np.float64)
    times = np.frombuffer(body, "<f8", count, count * 16).astype(np.float64) if flags & _TIMED else _no_times(count)
    return Points(steps, values, times)


def single(value: float, step: int | None, time: float | None) -> Points:
    """Return the points of a metric that has only one."""
    return Points(
        np.array([NO_STEP if step is None else step], np.int64),
        np.array([value], np.float64),
        np.array([np.nan if time is None else time], np.float64),
    )


def _no_times(count: int) -> Floats:
    return np.full(count, np.nan)
