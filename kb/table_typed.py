"""From columns of texts to a typed frame, and what was detected on the way in words."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kb.table_layout import Found, Layout, changed
from kb.table_missing import suspect
from kb.table_types import Plan, convert, layout_with, leading_zeros, plain_number, plainly_read, plan, settled

EXACT = 2**53
MOST_NOTES = 8


def planned(
    columns: Mapping[str, pa.ChunkedArray], given: Mapping[str, Any], layout: Layout
) -> tuple[dict[str, Plan], dict[str, Any]]:
    """Return the plan of each column of texts, and the fields of the layout that they decide."""
    numbers = {name: _may_be_numbers(column, layout) for name, column in columns.items()}
    plans = {name: plan(column, given, name, numbers=numbers[name]) for name, column in columns.items()}
    plans, decimal, thousands = settled(plans, given, layout.delimiter if layout.format == "csv" else "")
    plans = _same_order(columns, plans, given)
    return plans, {"decimal": decimal, "thousands": thousands}


def _may_be_numbers(column: pa.ChunkedArray, layout: Layout) -> bool:
    """Tell whether texts may be read as numbers: never in Parquet, which has types; elsewhere not those like 007."""
    return layout.format == "csv" or (layout.format != "parquet" and not leading_zeros(column))


def _same_order(
    columns: Mapping[str, pa.ChunkedArray], plans: dict[str, Plan], given: Mapping[str, Any]
) -> dict[str, Plan]:
    """Read dates that leave day and month open as the other date columns of the table are written."""
    sure = [made.formats[0] for made in plans.values() if made.kind == "date" and not made.ambiguous]
    found = {written.startswith("%d") for written in sure if re.match(r"%d\W%m|%m\W%d", written)}
    if len(found) != 1:
        return plans
    day_first = found.pop()
    return {
        name: plan(columns[name], given, name, day_first=day_first) if made.ambiguous else made
        for name, made in plans.items()
    }


def typed(
    columns: Mapping[str, pa.ChunkedArray], layout: Layout, given: Mapping[str, Any], notes: Sequence[str]
) -> Found:
    """Return the frame of columns: those of texts by their plans, the others as their own type."""
    texts = {name: column for name, column in columns.items() if pa.types.is_string(column.type)}
    quick = _plain_numbers(texts, given) if layout.format == "csv" else {}
    rest = {name: column for name, column in texts.items() if name not in quick}
    plans, fields = planned(rest, given, layout)
    slow = dict(zip(plans, _each(convert, rest.values(), plans.values()), strict=True))
    made = {name: quick[name][1] if name in quick else slow.get(name, column) for name, column in columns.items()}
    plans = {name: quick[name][0] if name in quick else plans[name] for name in texts}
    frame = frame_of(made)
    layout = changed(layout, **fields, **layout_with(layout, plans))
    told = (*notes, *limited(plan_notes(texts, plans)), *limited(value_notes(frame, texts, made, plans)))
    return Found(
        layout=layout, rows=len(frame), columns=tuple(frame.columns), dtypes=dtypes_of(frame), notes=told, frame=frame
    )


def _plain_numbers(
    columns: Mapping[str, pa.ChunkedArray], given: Mapping[str, Any]
) -> dict[str, tuple[Plan, pa.ChunkedArray]]:
    """Return the plan and the numbers of the columns that hold nothing else and of which nothing was said."""
    said = {*given.get("types", {}), *given.get("dates", {})}
    if not plainly_read(given) or given.get("missing"):
        return {}
    some = {name: column for name, column in columns.items() if name not in said}
    found = zip(some, _each(plain_number, some.values()), strict=True)
    return {name: pair for name, pair in found if pair is not None}


def _each(work: Callable[..., Any], *columns: Iterable[Any]) -> list[Any]:
    """Return what `work` makes of each column; Arrow leaves other threads their turn."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(work, *columns))


def dtypes_of(frame: pd.DataFrame) -> dict[str, str]:
    """Return the name of each column's pandas dtype."""
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def frame_of(columns: Mapping[str, pa.ChunkedArray]) -> pd.DataFrame:
    """Return a frame of Arrow columns; whole numbers with gaps become floats, or Int64 where a float is not exact."""
    table = pa.table(dict(columns))
    frame = table.to_pandas(date_as_object=False)
    for at, name in enumerate(table.column_names):
        column = table.column(at)
        if pa.types.is_integer(column.type) and column.null_count and (pc.max(pc.abs(column)).as_py() or 0) > EXACT:
            frame[name] = pd.array(column.to_pandas(integer_object_nulls=True), dtype="Int64")
    return frame


def limited(notes: Iterator[str]) -> tuple[str, ...]:
    """Return notes, the last ones counted where there are too many to read."""
    every = list(notes)
    more = len(every) - MOST_NOTES
    return (*every[:MOST_NOTES], f"and {more:,} more notes of this kind") if more > 1 else tuple(every)


def plan_notes(columns: Mapping[str, pa.ChunkedArray], plans: Mapping[str, Plan]) -> Iterator[str]:
    """Say what was detected in columns, and what could not be decided."""
    for name, made in plans.items():
        if made.kind == "float" and (made.decimal, made.thousands) != (".", "") and made.styles:
            yield _number_note(name, made)
        if made.kind == "date":
            yield from _date_notes(name, made)
        if made.almost:
            what = f"{made.strays:,} values that are no {made.almost}s (such as {', '.join(map(repr, made.stray))})"
            how = f"kept as text; set its type to {made.almost} to read those as missing"
            yield f"{name!r} is mostly {made.almost}s but holds {what}: {how}"
        if made.swapped:
            yield f"{name!r} holds dates with the day first and others with the month first: kept as text"
        if made.kind == "integer" and leading_zeros(columns[name]):
            yield f"{name!r}: numbers lost their leading zeros; set its type to text to keep them"
        if made.long:
            yield f"{name!r} holds whole numbers too long to keep exactly: kept as text"
        if made.missing:
            count = pc.sum(pc.is_in(columns[name], value_set=pa.array(made.missing))).as_py() or 0
            if count:
                yield f"{name!r}: {count:,} values {', '.join(map(repr, made.missing[:4]))} read as missing"


def _number_note(name: str, made: Plan) -> str:
    signs = [f"decimal sign {made.decimal!r}"] if made.decimal == "," else []
    signs += [f"thousands sign {made.thousands!r}"] if made.thousands else []
    open_ = len({style[0] for style in made.styles}) > 1
    return f"{name!r}: numbers with {' and '.join(signs)}" + (
        "; this could also be read the other way" if open_ else ""
    )


def _date_notes(name: str, made: Plan) -> Iterator[str]:
    if len(made.formats) > 1 and not made.force:
        parts = ", ".join(f"{written} ({times:,})" for written, times in zip(made.formats, made.times, strict=False))
        yield f"{name!r}: dates in {len(made.formats)} formats: {parts} different values"
    elif made.formats[0] not in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        yield f"{name!r}: dates written {made.formats[0]}"
    if made.ambiguous:
        first = "month" if made.formats[0].startswith("%m") else "day"
        yield f"{name!r}: every date could be day/month or month/day; read with the {first} first"
    if any("%z" in written for written in made.formats):
        yield f"{name!r}: times are in UTC"


def value_notes(
    frame: pd.DataFrame,
    texts: Mapping[str, pa.ChunkedArray],
    made: Mapping[str, pa.ChunkedArray],
    plans: Mapping[str, Plan],
) -> Iterator[str]:
    """Say which values are suspected to stand for missing ones, and what a forced type cost."""
    for name, done in made.items():
        one = plans.get(name)
        if one is not None and one.force:
            tokens = sum(pc.sum(pc.equal(texts[name], token)).as_py() or 0 for token in one.missing)
            if lost := done.null_count - texts[name].null_count - tokens:
                what = "number" if one.kind == "float" else one.kind
                yield f"{name!r}: {lost:,} values are no {what}s and read as missing"
        if pa.types.is_integer(done.type) or pa.types.is_floating(done.type):
            if (value := suspect(frame[name])) is not None:
                yield f"{name!r}: {value:g} may stand for a missing value; it was kept"
        elif one is not None and one.words:
            count = pc.sum(pc.is_in(done, value_set=pa.array(one.words, done.type))).as_py()
            shown = ", ".join(map(repr, one.words[:3]))
            yield f"{name!r}: {count:,} values {shown} may stand for missing ones; they were kept"
