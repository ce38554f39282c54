"""A plain way to answer a `RunQuery` over runs in memory, one run after the other: what readings are tried on."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from kb.directions import infer
from kb.history import RunFilter, RunQuery, Wanted, Window
from kb.records import Metric, Point, Run, summarise
from kb.vocabulary import Vocabulary, scope_source, vocabulary


@dataclass(frozen=True)
class Kept:
    """A run with the summaries of its metrics."""

    run: Run
    metrics: tuple[Metric, ...]
    scope: str = ""

    def metric(self, name: str, split: str | None) -> Metric | None:
        found = [m for m in self.metrics if m.name.lower() == name.lower() and split in (None, m.split)]
        found = found or [
            m for m in self.metrics if m.name.rsplit(".", 1)[-1].lower() == name.lower() and split in (None, m.split)
        ]
        return found[0] if found else None

    @cached_property
    def points(self) -> list[Point]:
        return [p for p in self.run.history() if isinstance(p, Point)]

    def steps(self, name: str, split: str | None = None) -> list[Point]:
        found = [p for p in self.points if p.name.lower() == name.lower() and split in (None, p.split)]
        return sorted(found, key=lambda p: -1 if p.step is None else p.step)


@dataclass(frozen=True)
class Ref:
    """A run in a result."""

    run_id: str
    source: str


@dataclass(frozen=True)
class Result:
    """What came of a query; `value` None where there is no answer."""

    kind: str
    value: Any
    runs: tuple[Ref, ...] = ()
    considered: int = 0
    notes: tuple[str, ...] = field(default=())


class Oracle:
    """Runs in memory that queries are answered over."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self.all = [
            Kept(run, summarise(run.history()), scope_source(run.source, run.run_id, run.place)) for run in runs
        ]

    def vocabulary(self) -> Vocabulary:
        return vocabulary(((kept.run, kept.metrics) for kept in self.all), version=str(len(self.all)))

    def run(self, query: RunQuery) -> Result:
        runs = [k for k in self.all if query.deleted or not k.run.deleted]
        fit = [k for k in runs if all(holds(k, f) for f in query.filters)]
        if query.select not in ("value", "params", "best_step", "trend", "distinct", "compare"):
            fit = [k for k in fit if not k.run.loose]
        if query.limit and query.order_by:
            fit = sorted(fit, key=lambda k: order(k, query.order_by), reverse=query.descending)[: query.limit]
        if query.group_by and query.select == "count":
            return counted(query, fit)
        made: Callable[[RunQuery, list[Kept]], Result] = SELECTS.get(query.select, aggregated)
        return made(query, fit)


def order(k: Kept, wanted: Wanted | None) -> Any:
    value = field_value(k, wanted) if wanted else None
    return (value is not None, value)


def field_value(k: Kept, wanted: Wanted) -> Any:
    run = k.run
    match wanted.field:
        case "param":
            return named(run.params, wanted.name)
        case "tag":
            return named(run.tags, wanted.name)
        case "metric":
            m = k.metric(wanted.name or "", None)
            return None if m is None else m.last
        case "duration":
            return None if run.started is None or run.ended is None else run.ended - run.started
        case "status":
            return run.status or str(run.state)
        case "state":
            return str(run.state)
        case "name":
            return run.name or run.run_id
        case "id":
            return run.run_id
        case "experiment":
            return run.experiment
        case "source":
            return k.scope
        case "dataset":
            return run.dataset
        case "tracker":
            return run.tracker
        case "started":
            return run.started
        case "ended":
            return run.ended
        case "text":
            return " ".join(run.tags.values())
        case "finished_epochs":
            return None
    return None


def named(values: Mapping[str, Any], name: str | None) -> Any:
    if name is None:
        return next(iter(values.values()), None) if values else None
    low = name.lower()
    for key, value in values.items():
        if key.lower() == low:
            return value
    for key, value in values.items():
        if key.rsplit(".", 1)[-1].lower() == low.rsplit(".", 1)[-1]:
            return value
    return None


def same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    try:
        return float(a) == float(b)
    except (TypeError, ValueError):
        return str(a).strip().lower() == str(b).strip().lower()


def figure(k: Kept, name: str, split: str | None, figure: str, direction: str | None = None) -> float | None:
    m = k.metric(name, split)
    if m is None:
        return None
    match figure:
        case "last":
            return m.last
        case "first":
            return m.first
        case "count":
            return m.count
        case "low":
            return m.low
        case "high":
            return m.high
        case "steps":
            return len({p.step for p in k.steps(m.name, m.split)})
        case "mean":
            return statistics.fmean(p.value for p in k.steps(m.name, m.split))
    up = (direction or way(m.name, k)) == "maximize"
    return m.high if up == (figure == "best") else m.low


def way(name: str, k: Kept | None = None) -> str:
    told = k.run.directions.get(name) if k else None
    if told:
        return str(told)
    inferred = infer(name)
    return str(inferred.direction) if inferred else "maximize"


def holds(k: Kept, f: RunFilter) -> bool:
    if f.field == "id":
        return (f.op == "in" and k.run.run_id in (f.value or ())) or (f.op == "eq" and k.run.run_id == f.value)
    if f.field == "started" and isinstance(f.value, str):
        return k.run.started is not None and datetime.fromtimestamp(k.run.started, UTC).date().isoformat() == f.value
    if f.field == "finished_epochs":
        return epochs_done(k)
    if f.field == "metric":
        if f.name is None:
            return bool(k.metrics) == (f.op == "present")
        m = k.metric(f.name, None)
        if f.op in ("missing", "present"):
            return (m is not None) == (f.op == "present")
        if m is None:
            return False
        if f.op == "odd":
            return not math.isfinite(m.last)
        value: Any = figure(k, f.name, None, f.figure)
    elif f.field == "param" and f.name is None:
        return bool(k.run.params) == (f.op == "present")
    else:
        value = field_value(k, Wanted(field=f.field, name=f.name))
    return compares(value, f)


def epochs_done(k: Kept) -> bool:
    target = named(k.run.params, "epochs") or named(k.run.params, "max_epochs")
    if target is None:
        return False
    steps = max((m.last_step or 0 for m in k.metrics), default=0)
    return bool(k.run.state == "finished" or steps + 1 >= float(target))


def compares(value: Any, f: RunFilter) -> bool:
    if f.op == "missing":
        return value is None
    if f.op == "present":
        return value is not None
    wanted = f.value
    if wanted is None:
        return (value is None) == (f.op == "eq")
    if value is None:
        return False
    if f.op == "in":
        return any(same(value, w) for w in wanted)  # type: ignore[union-attr]
    if f.op == "not_in":
        return not any(same(value, w) for w in wanted)  # type: ignore[union-attr]
    if f.op in ("eq", "ne"):
        return same(value, wanted) == (f.op == "eq")
    if f.op == "contains":
        return str(wanted).lower() in str(value).lower()
    number = float(value)
    if f.op == "between":
        return wanted[0] <= number <= wanted[1]  # type: ignore[index, operator]
    return {"lt": number < wanted, "le": number <= wanted, "gt": number > wanted, "ge": number >= wanted}[f.op]  # type: ignore[operator]


def refs(runs: Iterable[Kept]) -> tuple[Ref, ...]:
    return tuple(Ref(k.run.run_id, k.run.source) for k in runs)


def valued(query: RunQuery, fit: list[Kept]) -> list[tuple[Kept, float]]:
    if query.metric is None:
        if not query.wanted:
            return []
        pairs = [(k, field_value(k, query.wanted[0])) for k in fit]
        return [(k, float(v)) for k, v in pairs if isinstance(v, (int, float))]
    pairs = [(k, figure(k, query.metric, query.split, query.figure, query.direction)) for k in fit]
    return [(k, v) for k, v in pairs if v is not None and math.isfinite(v)]


def extreme(query: RunQuery, fit: list[Kept]) -> Result:
    pairs = valued(query, fit)
    kind = f"{query.select}_run"
    if not pairs:
        return Result(kind, None)
    up = (query.direction or way(query.metric or "", pairs[0][0])) == "maximize"
    best = (max if up == (query.select == "best") else min)(v for _, v in pairs)
    ties = [k for k, v in pairs if v == best]
    if query.labels:
        label = named(ties[0].run.params, query.labels[0])
        return Result("best_model", {"label": label, "value": best}, refs(ties), len(fit))
    return Result(kind, best, refs(ties), len(fit))


def listed(query: RunQuery, fit: list[Kept]) -> Result:
    if query.wanted and query.wanted[0].field != "id":
        values = {field_value(k, query.wanted[0]): None for k in fit}
        return Result("list", [v for v in values if v is not None], refs(fit), len(fit))
    return Result("list", [k.run.run_id for k in fit], refs(fit), len(fit))


def counted(query: RunQuery, fit: list[Kept]) -> Result:
    if query.wanted:
        return Result("count", len({field_value(k, query.wanted[0]) for k in fit} - {None}), refs(fit), len(fit))
    if not query.group_by:
        return Result("count", len(fit), refs(fit), len(fit))
    groups: dict[str, int] = {}
    for k in fit:
        value = field_value(k, query.group_by)
        if value is not None:
            groups[str(value)] = groups.get(str(value), 0) + 1
    return Result("group", groups, refs(fit), len(fit))


def valued_one(query: RunQuery, fit: list[Kept]) -> Result:
    if query.metric is None:
        found = {field_value(k, query.wanted[0]): k for k in fit}
        found.pop(None, None)
    else:
        found = {}
        for k in fit:
            value = figure(k, query.metric, query.split, query.figure, query.direction)
            if query.window is not None and value is not None:
                value = windowed([(p.step, p.value) for p in k.steps(query.metric, query.split)], query.window)
            if value is not None and not any(same(value, v) for v in found):
                found[value] = k
    if len(found) != 1:
        return Result("value", None, notes=("several",) if found else ())
    value, k = next(iter(found.items()))
    return Result("value", value, refs([k]), len(fit))


def grouped(query: RunQuery, fit: list[Kept]) -> Result:
    groups: dict[str, list[float]] = {}
    for k, value in valued(query, fit):
        key = field_value(k, query.group_by) if query.group_by else None
        if key is not None:
            groups.setdefault(str(key), []).append(value)
    if not groups:
        return Result("group", None)
    return Result("group", {key: aggregate(query.aggregate, v) for key, v in groups.items()}, refs(fit), len(fit))


def aggregate(how: str, values: list[float]) -> float:
    table: dict[str, Callable[[list[float]], float]] = {
        "mean": statistics.fmean, "median": statistics.median, "min": min, "max": max, "sum": math.fsum,
        "std": statistics.stdev, "count": len, "best": max,
    }  # fmt: skip
    return table[how](values)


def aggregated(query: RunQuery, fit: list[Kept]) -> Result:
    values = [v for _, v in valued(query, fit)]
    return Result("value", aggregate(query.select, values) if values else None, refs(fit), len(fit))


def params(query: RunQuery, fit: list[Kept]) -> Result:
    fit = [k for k in fit if k.run.params or query.wanted]
    rows = []
    for k in fit:
        if not query.wanted:
            rows.append(dict(k.run.params))
            continue
        row = {(w.name or w.field): field_value(k, w) for w in query.wanted}
        rows.append({key: v for key, v in row.items() if v is not None})
    rows = [row for row in rows if row]
    most = max((len(row) for row in rows), default=0)
    distinct = {json.dumps(row, sort_keys=True, default=str): row for row in rows if len(row) == most}
    if len(distinct) != 1:
        return Result("run_params", None)
    row = next(iter(distinct.values()))
    if query.wanted and len(row) < len(query.wanted):
        return Result("run_params", None)
    return Result("run_params", row, refs(fit), len(fit))


def sides(query: RunQuery, fit: list[Kept]) -> tuple[list[Kept], list[Kept]]:
    first = [k for k in fit if all(holds(k, f) for f in query.first)]
    return first, [k for k in fit if all(holds(k, f) for f in query.second)]


def compared(query: RunQuery, fit: list[Kept]) -> Result:
    values = []
    for side in sides(query, fit):
        found = {v for _, v in valued(query, side)}
        if len(found) != 1:
            return Result("compare_runs", None)
        values.append(found.pop())
    return Result("compare_runs", {"first": values[0], "second": values[1], "difference": values[0] - values[1]})


def changed(query: RunQuery, fit: list[Kept]) -> Result:
    first, second = sides(query, fit)
    if len(first) != 1 or len(second) != 1:
        return Result("compare_params", None)
    a, b = first[0].run.params, second[0].run.params
    left_out = {name for w in query.wanted for name in [w.name]}
    differ = {
        key: [a.get(key), b.get(key)]
        for key in dict.fromkeys([*a, *b])
        if not same(a.get(key), b.get(key)) and key not in left_out
    }
    return Result("compare_params", differ, refs([*first, *second]), 2)


def best_step(query: RunQuery, fit: list[Kept]) -> Result:
    found = [k for k in fit if query.metric and k.metric(query.metric, query.split)]
    if len(found) != 1 or query.metric is None:
        return Result("best_step", None)
    points = [p for p in found[0].steps(query.metric, query.split) if math.isfinite(p.value)]
    if query.figure == "first":
        low, high = query.below, query.above
        points = [p for p in points if (low is not None and p.value < low) or (high is not None and p.value > high)]
        return Result("value", points[0].step if points else None, refs(found))
    up = (query.direction or way(query.metric, found[0])) == "maximize"
    best = (max if up == (query.figure != "worst") else min)(points, key=lambda p: p.value)
    return Result("best_step", {"step": best.step, "value": best.value}, refs(found))


def trend(query: RunQuery, fit: list[Kept]) -> Result:
    if query.metric is None:
        return Result("trend", None)
    if query.over == "runs":
        rows = [(k, v) for k, v in valued(query, fit) if k.run.state == "finished" or k.run.state == "unknown"]
        rows.sort(key=lambda pair: int(pair[0].run.run_id.rsplit("#", 1)[-1]) if "#" in pair[0].run.run_id else 0)
        values: list[tuple[float | None, float]] = [(i, v) for i, (_, v) in enumerate(rows)]
    else:
        found = [k for k in fit if k.metric(query.metric, query.split)]
        if len(found) != 1:
            return Result("trend", None)
        values = [(p.step, p.value) for p in found[0].steps(query.metric, query.split)]
    if not values:
        return Result("trend", None)
    first = windowed(values, query.window) if query.window else values[0][1]
    last = windowed(values, query.second_window) if query.second_window else values[-1][1]
    way_ = "flat" if first == last else "up" if last > first else "down"
    return Result("trend", {"first": first, "last": last, "direction": way_})


def windowed(values: list[tuple[float | None, float]], window: Window) -> float:
    if window.first_n:
        return statistics.fmean(v for _, v in values[: window.first_n])
    if window.last_n:
        return statistics.fmean(v for _, v in values[-window.last_n :])
    low, high = window.low or -math.inf, window.high or math.inf
    return statistics.fmean(v for s, v in values if s is not None and low <= s <= high)


def effect(query: RunQuery, fit: list[Kept]) -> Result:
    first, second = ([v for _, v in valued(query, side)] for side in sides(query, fit))
    if not first or not second:
        return Result("effect", None)
    difference = statistics.fmean(first) - statistics.fmean(second)
    return Result("effect", {"difference": difference, "n_with": len(first), "n_without": len(second)})


def distinct(query: RunQuery, fit: list[Kept]) -> Result:
    if query.metric is not None:
        values = {p.value: None for k in fit for p in k.steps(query.metric, query.split)}
    else:
        values = {field_value(k, query.wanted[0]): None for k in fit}
    values.pop(None, None)
    return Result("list", list(values))


def never_tried(query: RunQuery, fit: list[Kept]) -> Result:
    tried = {str(field_value(k, query.wanted[0])).lower() for k in fit}
    return Result("never_tried", [c for c in query.candidates if str(c).lower() not in tried])


def unchanged(query: RunQuery, fit: list[Kept]) -> Result:
    values: dict[str, set[float]] = {}
    for k in fit:
        for m in k.metrics:
            values.setdefault(m.name, set()).add(m.last)
    return Result("list", [name for name, seen in values.items() if len(seen) == 1])


SELECTS: Mapping[str, Callable[[RunQuery, list[Kept]], Result]] = {
    "best": extreme, "worst": extreme, "list": listed, "count": counted, "value": valued_one, "group": grouped,
    "params": params, "compare": compared, "changed": changed, "best_step": best_step, "trend": trend,
    "effect": effect, "distinct": distinct, "never_tried": never_tried, "unchanged": unchanged,
}  # fmt: skip
