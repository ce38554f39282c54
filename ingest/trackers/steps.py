"""Tables with a row per step or epoch: one run's history (Keras' CSVLogger, Lightning, Ultralytics, home-made logs)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from ingest.trackers.files import MAX_LINE, Unreadable, as_text, parse_json, read_json, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.values import moment, number, points_of, whole
from ingest.trackers.words import is_metric
from kb.records import History, Point, Problem, Run, split_of

STEPS = (
    "step",
    "global_step",
    "_step",
    "current_steps",
    "total_timesteps",
    "timesteps_total",
    "timestep",
    "iteration",
    "iterations",
    "training_iteration",
    "iter",
    "epoch",
    "epochs",
    "round",
    "episode",
    "generation",
)
TIMES = ("timestamp", "wall_time", "time", "_timestamp", "date", "datetime")
SPLITS = {"split", "phase", "subset", "set", "mode", "stage"}
_TEXT = ("elapsed_time", "remaining_time", "percentage")
# Frames that read no faster when longer
_HEAD = 64 * 1024


def header(path: Path) -> tuple[list[str], str]:
    """Return the column names of a CSV file and its delimiter. Raises Unreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror}") from error
    text = as_text(head)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = "\t" if path.suffix == ".tsv" else max(",;\t|", key=first.count)
    names = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True), [])
    return [name.strip() for name in names], delimiter


def csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str] | Unreadable]]:
    """Yield (line, row) of a CSV file of any size; a row that does not fit its header is an Unreadable."""
    names, delimiter = header(path)
    names = unique(names)
    csv.field_size_limit(MAX_LINE)
    with path.open("rb") as file:
        lines = (as_text(line).replace("\0", "") for line in file)
        rows = csv.reader((line for line in lines if line.strip()), delimiter=delimiter, skipinitialspace=True)
        first = True
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield rows.line_num, Unreadable(str(error))
                continue
            if first or [cell.strip() for cell in row] == names:
                first = False
            elif len(row) > len(names) or (len(row) < len(names) and len(row) < 2):
                yield rows.line_num, Unreadable(f"it has {len(row)} cells where the header has {len(names)}")
            else:
                yield rows.line_num, {name: cell.strip() for name, cell in zip(names, row, strict=False)}


def unique(names: Sequence[str]) -> list[str]:
    """Return column names without repetitions: the second `loss` becomes `loss_2`."""
    found: dict[str, int] = {}
    made = []
    for name in names:
        found[name] = found.get(name, 0) + 1
        made.append(name if found[name] == 1 else f"{name}_{found[name]}")
    return made


def step_column(names: Sequence[str]) -> str | None:
    """Return the column that counts the steps, the finest of several."""
    by_name = {name.lower().rpartition("/")[2]: name for name in reversed(names)}
    return next((by_name[step] for step in STEPS if step in by_name), None)


def is_history(path: Path) -> bool:
    """Tell whether a CSV file is one run's history: a step that rises from row to row beside metrics."""
    try:
        names, _ = header(path)
        step = step_column(names)
        if step is None or not any(is_metric(name) for name in names if name.lower() not in STEPS):
            return False
        counts = list(_steps(path, step))
    except (Unreadable, OSError):
        return False
    known = [count for count in counts if count is not None]
    rising = sum(1 for before, after in pairwise(known) if after >= before)
    return len(known) * 10 >= len(counts) * 9 and bool(known) and rising >= 0.8 * (len(known) - 1)


def _steps(path: Path, step: str, most: int = 200) -> Iterator[float | None]:
    for count, (_, row) in enumerate(csv_rows(path)):
        if count >= most:
            return
        if isinstance(row, dict):
            yield number(row.get(step, ""))


def csv_history(
    path: Path, source: str, *, splits: Mapping[str, str | None] | None = None
) -> Iterator[Point | Problem]:
    """Yield the points of a CSV file with a row per step; `splits` says more than the names do."""
    names, _ = header(path)
    step_name = step_column(names)
    time_name = next((name for name in names if name.lower() in TIMES), None)
    splits = splits if splits is not None else {name: split_of(name) for name in names}
    split_name = next((name for name in names if name.lower() in SPLITS), None)
    apart = {step_name, time_name, split_name}
    last: float | None = None
    for line, row in csv_rows(path):
        if isinstance(row, Unreadable):
            yield Problem(source=source, place=f"line {line}", reason=str(row))
            continue
        step = number(row.get(step_name, "")) if step_name else None
        last = step if step is not None and step == step else last
        at = int(last) if last is not None and abs(last) < 2**53 else None
        time = moment(row[time_name])[0] if time_name and row.get(time_name) else None
        told = split_of(row.get(split_name) or "") if split_name else None
        for name, cell in row.items():
            value = number(cell) if cell and name not in apart else None
            if value is not None:
                yield Point(name, value, at, time, told or splits.get(name) or split_of(name))


def json_history(rows: Sequence[Mapping[str, Any]], renamed: Mapping[str, str]) -> Iterator[Point | Problem]:
    """Yield the points of rows that carry their step under one of the usual names."""
    for row in rows:
        step_name = step_column(tuple(row))
        time_name = next((name for name in row if name.lower() in TIMES), None)
        values = {name: item for name, item in row.items() if name not in (step_name, time_name, *_TEXT)}
        step = whole(row[step_name]) if step_name else None
        time = moment(row[time_name])[0] if time_name else None
        for point in points_of(values, step, time):
            yield point._replace(split=renamed.get(point.name, point.split))


def jsonl_rows(path: Path, source: str) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield the numbered mappings of a JSON-lines file, and a Problem for each line that is none."""
    from ingest.trackers.files import lines_of

    for line, text in lines_of(path):
        if not text.strip():
            continue
        try:
            row = parse_json(text)
        except Unreadable as error:
            yield line, Problem(source=source, place=f"line {line}", reason=str(error))
            continue
        yield line, row if isinstance(row, dict) else Problem(source=source, place=f"line {line}", reason="no mapping")


def is_jsonl_history(path: Path) -> bool:
    """Tell whether a JSON-lines file is one run's history."""
    rows = []
    for count, (_, row) in enumerate(jsonl_rows(path, "")):
        if isinstance(row, dict):
            rows.append(row)
        if count > 20:
            break
    names = {name for row in rows for name in row}
    steps = [number(row[name]) for row in rows for name in [step_column(tuple(row))] if name]
    known = [step for step in steps if step is not None]
    rising = sum(1 for before, after in pairwise(known) if after >= before)
    enough = len(known) > 1 and rising >= 0.8 * (len(known) - 1)
    return enough and any(is_metric(name) for name in names if name not in STEPS)


def jsonl_history(path: Path, source: str) -> Iterator[Point | Problem]:
    """Yield the points of a JSON-lines file with a row per step."""
    for _, row in jsonl_rows(path, source):
        yield from (row,) if isinstance(row, Problem) else json_history((row,), {})


def is_lists(value: Any) -> bool:
    """Tell whether a JSON value is a history as lists of one length per metric (Keras' `History.history`)."""
    if not isinstance(value, dict) or not value or not all(isinstance(item, list) for item in value.values()):
        return False
    sizes = {len(item) for item in value.values()}
    numeric = all(isinstance(x, int | float) for item in value.values() for x in item[:5])
    return len(sizes) == 1 and sizes.pop() > 0 and numeric and any(is_metric(name) for name in value)


def is_rows(value: Any) -> bool:
    """Tell whether a JSON value is a history as a list of rows: steps that rise, and metrics."""
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(row, dict) and row for row in value[:200]):
        return False
    steps = [number(row.get(name)) for row in value[:200] for name in [step_column(tuple(row))] if name]
    known = [step for step in steps if step is not None]
    if len(known) < len(value[:200]) or any(after < before for before, after in pairwise(known)):
        return False
    return any(is_metric(name) for name in value[0] if name not in STEPS)


def rows_history(path: Path) -> Iterator[Point | Problem]:
    """Yield the points of a JSON file that lists rows."""
    yield from json_history([row for row in read_json(path) if isinstance(row, dict)], {})


def lists_history(path: Path) -> Iterator[Point | Problem]:
    """Yield the points of a JSON file of lists."""
    value = read_json(path)
    steps = value.get(step_column(tuple(value)) or "") or range(len(next(iter(value.values()))))
    for name, items in value.items():
        if name not in STEPS:
            for step, item in zip(steps, items, strict=False):
                found = number(item)
                if found is not None:
                    yield Point(name, found, whole(step), None, split_of(name))


def history_of(path: Path, source: str) -> History | None:
    """Return the history that a file holds, None where it is none."""
    try:
        if path.suffix in (".csv", ".tsv"):
            return partial(csv_history, path, source) if is_history(path) else None
        if path.suffix in (".jsonl", ".ndjson"):
            return partial(jsonl_history, path, source) if is_jsonl_history(path) else None
        if path.suffix == ".json" and _is_lines(path):
            return partial(jsonl_history, path, source) if is_jsonl_history(path) else None
        if path.suffix == ".json" and path.stat().st_size < 2**22:
            value = read_json(path)
            return (
                partial(lists_history, path)
                if is_lists(value)
                else partial(rows_history, path)
                if is_rows(value)
                else None
            )
    except (Unreadable, OSError):
        return None
    return None


def _is_lines(path: Path) -> bool:
    """Tell whether a .json file holds a mapping a line, as several trainers write their logs."""
    with path.open("rb") as file:
        first, second = file.readline(_HEAD).strip(), file.readline(_HEAD).strip()
    return first[:1] == b"{" and first[-1:] == b"}" and second[:1] == b"{"


def histories(folder: Folder) -> Iterator[tuple[str, History]]:
    """Yield the names and histories of the files in a folder that hold one."""
    for name in folder.files:
        history = history_of(folder.path / name, folder.of(name))
        if history is not None:
            yield name, history


def unit_of(path: Path) -> str:
    """Return what the steps of a CSV history count."""
    names = header(path)[0] if path.suffix in (".csv", ".tsv") else []
    found = (step_column(names) or "step").lower().rpartition("/")[2]
    known = {"epochs": "epoch", "iter": "iteration", "iterations": "iteration", "training_iteration": "iteration"}
    return known.get(found, found if found in ("epoch", "round", "episode", "generation", "iteration") else "step")


def run_of(path: Path, history: History, folder: Folder, run_id: str) -> Run:
    """Return a history file as a run."""
    return Run(
        tracker=tracker_of(path),
        run_id=run_id,
        source=folder.of(path.name),
        step_unit=unit_of(path),
        version=version_of([path]),
        history=history,
    )


def tracker_of(path: Path) -> str:
    """Tell Keras' CSVLogger, which writes `epoch` first and then metrics by name, from other logs."""
    names = header(path)[0] if path.suffix == ".csv" else []
    rest = names[1:]
    sorted_by_name = rest == sorted(rest) and any(name.startswith("val_") for name in rest)
    return "keras" if names[:1] == ["epoch"] and "loss" in rest and sorted_by_name else "history"


def _read(folder: Folder) -> Iterator[Run | Problem]:
    for name, history in histories(folder):
        yield run_of(folder.path / name, history, folder, folder.source)


FACET = Facet(is_here=lambda folder: next(histories(folder), None) is not None, read=_read, why="a row per step")
