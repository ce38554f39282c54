"""Generated histories and questions, answered by an independent reference in pandas: both must give the same."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kb.errors import DirectionUnknown, SeveralFit
from kb.history import RunFilter, RunQuery, Wanted, Window
from kb.records import Point, Run, State, split_of
from kb.run_query import RunResult, run, verify_run
from kb.runs import put_runs
from kb.store import Catalogue, set_source
from kb.types import SourceKey

HISTORIES = 300
QUESTIONS = 12
METRICS = {"val_acc": "maximize", "loss": "minimize"}
PARAMS = ("lr", "opt", "model.depth", "flag", "seed")


@dataclass(frozen=True)
class History:
    """A history twice: as runs to store, and as frames for the reference."""

    runs: tuple[Run, ...]
    frame: pd.DataFrame
    points: pd.DataFrame


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue that each history replaces the runs of."""
    opened = Catalogue.open(tmp_path_factory.mktemp("generated") / "catalogue.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("part", range(10))
def test_answers_equal_the_reference_and_every_cited_value_is_stored(catalogue: Catalogue, part: int) -> None:
    for seed in range(part, HISTORIES, 10):
        dice = random.Random(seed)
        history = drawn(dice, seed)
        store(catalogue, history.runs)
        for _ in range(QUESTIONS):
            query = question(dice, history)
            compare(query, history, catalogue, seed)


def store(catalogue: Catalogue, runs: tuple[Run, ...]) -> None:
    """Make these the runs of the catalogue."""
    key = SourceKey(collection="default", root="generated", source="history")
    with catalogue.write() as conn:
        source = set_source(conn, key, kind="runs", hash="1", state="lexical", updated=0.0)
    put_runs(catalogue, source, runs)


# -- drawing -----------------------------------------------------------------------------------------------------


def drawn(dice: random.Random, seed: int) -> History:
    """Draw a history of 2 to 24 runs; the first has everything, so that every name is known."""
    rows, points, runs = [], [], []
    for n in range(dice.randint(2, 24)):
        row = drawn_run(dice, n) | {"id": f"run{n}-of-{seed}"}
        mine = [(n, name, step, value) for name in METRICS for step, value in enumerate(drawn_values(dice, n))]
        rows.append(row)
        points += mine
        runs.append(as_run(row, mine))
    frame = pd.DataFrame(rows).set_index("n", drop=False)
    return History(tuple(runs), frame, pd.DataFrame(points, columns=["n", "metric", "step", "value"]))


def drawn_run(dice: random.Random, n: int) -> dict[str, Any]:
    """Draw what a run is and its parameters; None is not set."""

    def maybe(value: Any) -> Any:
        return value if n == 0 or dice.random() < 0.8 else None

    started = maybe(float(dice.randint(0, 1000)))
    return {
        "n": n,
        "state": "finished" if n == 0 else dice.choice(["finished", "finished", "failed", "running"]),
        "experiment": dice.choice(["x", "y"]),
        "deleted": n > 0 and dice.random() < 0.1,
        "started": started,
        "ended": None if started is None else maybe(started + dice.randint(1, 50)),
        "lr": maybe(dice.choice([0.1, 0.01, 0.001])),
        "opt": maybe(dice.choice(["Adam", "SGD", "RMS prop"])),
        "model.depth": maybe(dice.randint(1, 5)),
        "flag": maybe(dice.random() < 0.5),
        "seed": maybe(dice.randint(0, 3)),
    }


def drawn_values(dice: random.Random, n: int) -> list[float]:
    """Draw the values of a metric: coarse, so that they tie, and sometimes NaN or infinite."""
    if n > 0 and dice.random() < 0.2:
        return []
    odd = [math.nan, math.inf, -math.inf]
    return [dice.choice(odd) if dice.random() < 0.07 else dice.randint(0, 12) / 8 for _ in range(dice.randint(1, 9))]


def as_run(row: dict[str, Any], mine: list[tuple[int, str, int, float]]) -> Run:
    """Return a drawn run as a value to store."""
    points = [Point(name, value, step, split=split_of(name)) for _, name, step, value in mine]
    return Run(
        tracker="generated",
        run_id=row["id"],
        source=f"logs/{row['id']}.csv",
        experiment=row["experiment"],
        status=row["state"].upper(),
        state=State(row["state"]),
        deleted=row["deleted"],
        started=row["started"],
        ended=row["ended"],
        params={name: row[name] for name in PARAMS if row[name] is not None},
        history=lambda: iter(points),
    )


def question(dice: random.Random, history: History) -> RunQuery:
    """Draw a question about the history."""
    select: Any = dice.choice(sorted(ANSWERS))
    metric = dice.choice(sorted(METRICS))
    filters = tuple(condition(dice, history) for _ in range(dice.choice([0, 0, 1, 1, 2])))
    more: dict[str, Any] = {}
    if select in ("group", "count") and dice.random() < 0.8:
        more["group_by"] = Wanted(field="param", name=dice.choice(["lr", "opt", "depth", "flag"]))
    if select in ("compare", "effect", "changed"):
        more |= dict(zip(("first", "second"), sides(dice, select, history), strict=True))
    if select in ("best_step", "trend"):
        filters = (RunFilter(field="id", value=dice.choice(history.frame["id"].tolist())),)
        more["window"] = dice.choice([None, Window(low=1), Window(low=1, high=4), Window(first_n=3)])
    if select in ("distinct", "never_tried", "params"):
        more["wanted"] = (Wanted(field="param", name=dice.choice(["lr", "opt", "depth"])),)
        more["candidates"] = (0.1, 0.5, "adam", "LBFGS", 3, 9) if select == "never_tried" else ()
    about = select not in ("distinct", "never_tried", "params", "changed") and (
        select != "count" or dice.random() < 0.5
    )
    figure = dice.choice(["last", "last", "first", "best", "low", "high", "mean", "count", "steps"])
    figure = "last" if select in ("trend", "best_step") or not about else figure
    return RunQuery(
        select=select,
        metric=metric if about else None,
        figure=figure,
        filters=filters,
        deleted=dice.random() < 0.2,
        skip_odd=dice.random() < 0.2,
        limit=dice.choice([None, 3]) if select == "list" else None,
        aggregate=dice.choice(["mean", "median", "min", "max", "sum", "std", "count"]) if select == "group" else "mean",
        **more,
    )


def sides(dice: random.Random, select: str, history: History) -> tuple[tuple[RunFilter, ...], tuple[RunFilter, ...]]:
    """Draw the two sides of a comparison."""
    if select == "changed":
        first, second = dice.choices(history.frame["id"].tolist(), k=2)
        return (RunFilter(field="id", value=first),), (RunFilter(field="id", value=second),)
    one, two = dice.choice([("ADAM", "sgd"), ("SGD", "rms prop")])
    second = () if select == "effect" and dice.random() < 0.5 else (RunFilter(field="param", name="opt", value=two),)
    return (RunFilter(field="param", name="opt", value=one),), second


def condition(dice: random.Random, history: History) -> RunFilter:
    """Draw a condition on runs."""
    ids = history.frame["id"].tolist()
    return dice.choice(
        [
            RunFilter(
                field="param", name="lr", op=dice.choice(["eq", "ne", "lt", "ge"]), value=dice.choice([0.1, 0.01])
            ),
            RunFilter(field="param", name="lr", op="in", value=("0.1", 0.001)),
            RunFilter(field="param", name="opt", op=dice.choice(["eq", "ne"]), value=dice.choice(["adam ", "SGD"])),
            RunFilter(field="param", name="opt", op="contains", value=dice.choice(["a", "PROP"])),
            RunFilter(field="param", name="depth", op="between", value=(2, 4)),
            RunFilter(field="param", name="flag", value=dice.random() < 0.5),
            RunFilter(field="param", name="model.depth", op=dice.choice(["missing", "present"])),
            RunFilter(field="state", op=dice.choice(["eq", "ne"]), value=dice.choice(["finished", "failed"])),
            RunFilter(field="experiment", value="X"),
            RunFilter(field="id", op=dice.choice(["in", "not_in"]), value=tuple(dice.choices(ids, k=3))),
            RunFilter(field="started", op=dice.choice(["lt", "ge"]), value=dice.randint(0, 1000)),
            RunFilter(field="duration", op="gt", value=dice.randint(0, 50)),
            RunFilter(field="metric", name="loss", op=dice.choice(["lt", "ge", "eq"]), value=dice.randint(0, 12) / 8),
            RunFilter(field="metric", name="val_acc", op="ge", figure="high", value=dice.randint(0, 12) / 8),
            RunFilter(field="metric", name="loss", op=dice.choice(["missing", "present", "odd"])),
        ]
    )


# -- the reference -----------------------------------------------------------------------------------------------


def fits(one: RunFilter, history: History) -> pd.Series:
    """Return which runs a condition holds for."""
    frame = history.frame
    name = {"depth": "model.depth"}.get(one.name or "", one.name)
    if one.field == "metric":
        return metric_fits(one, history)
    column = {"duration": frame["ended"] - frame["started"]}.get(one.field, frame.get(name or one.field))
    assert column is not None
    if one.op in ("missing", "present"):
        return column.isna() if one.op == "missing" else column.notna()
    return column.map(lambda value: value is not None and value == value and holds(one, value))


def metric_fits(one: RunFilter, history: History) -> pd.Series:
    """Return which runs a condition on a metric holds for."""
    have = figures(history, str(one.name), "high" if one.figure == "high" else "last", None)
    there = pd.Series(history.frame.index.isin(have.index), index=history.frame.index)
    if one.op in ("missing", "present"):
        return ~there if one.op == "missing" else there
    inside = have.map(
        lambda value: not math.isfinite(value) if one.op == "odd" else math.isfinite(value) and holds(one, value)
    )
    return there & inside.reindex(history.frame.index, fill_value=False).astype(bool)


def holds(one: RunFilter, value: Any) -> bool:
    """Tell whether a comparison holds for a value that is there."""
    wanted = one.value if isinstance(one.value, tuple) else (one.value,)
    if one.op in ("eq", "in", "ne", "not_in"):
        return any(alike(value, other) for other in wanted) == (one.op in ("eq", "in"))
    if one.op == "contains":
        return str(one.value).lower() in str(value).lower()
    if one.op == "between":
        return float(wanted[0] or 0) <= value <= float(wanted[1] or 0)
    bound = float(wanted[0] or 0)
    return {"lt": value < bound, "ge": value >= bound, "gt": value > bound}[one.op]


def alike(value: Any, other: Any) -> bool:
    """Tell whether a stored value is meant by another: numbers by size, texts without case, true only by true."""
    if isinstance(value, (bool, np.bool_)) or isinstance(other, bool):
        return str(bool(value)) == str(other)
    try:
        return float(value) == float(other)
    except ValueError:
        return str(value).strip().lower() == str(other).strip().lower()


def figures(history: History, metric: str, figure: str, window: Window | None) -> pd.Series:
    """Return a figure of the metric by run, for runs that have it."""
    points = history.points[history.points["metric"] == metric]
    if window is not None:
        inside = points["step"].between(
            -math.inf if window.low is None else window.low, math.inf if window.high is None else window.high
        )
        points = points[inside]
        points = points.groupby("n").head(window.first_n) if window.first_n else points
    values = points.groupby("n")["value"]
    finite = points[np.isfinite(points["value"])].groupby("n")["value"]
    if figure == "best":
        figure = "high" if METRICS[metric] == "maximize" else "low"
    found = {
        "last": values.agg(lambda one: one.iloc[-1]),
        "first": values.agg(lambda one: one.iloc[0]),
        "low": finite.min(),
        "high": finite.max(),
        "mean": finite.mean(),
        "count": values.size(),
        "steps": values.size(),
    }[figure]
    return found.reindex(values.size().index)


def chosen(query: RunQuery, history: History) -> pd.DataFrame:
    """Return the runs that fit."""
    keep = pd.Series(True, index=history.frame.index) if query.deleted else ~history.frame["deleted"]
    for one in query.filters:
        keep &= fits(one, history).astype(bool)
    return history.frame[keep]


def valued(query: RunQuery, history: History, frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the runs' values of the metric that are finite, and all of them."""
    have = figures(history, str(query.metric), query.figure, query.window)
    have = have[have.index.isin(frame.index)]
    return have[np.isfinite(have.astype(float))], have


def ranking(query: RunQuery, history: History) -> Any:
    frame = chosen(query, history)
    finite, _ = valued(query, history, frame)
    if finite.empty:
        return None
    largest = (METRICS[str(query.metric)] == "maximize") == (query.select == "best")
    value = finite.max() if largest else finite.min()
    return value, set(frame.loc[finite[finite == value].index, "id"])


def listed(query: RunQuery, history: History) -> Any:
    frame = chosen(query, history)
    finite, have = valued(query, history, frame)
    order = finite.sort_values(ascending=METRICS[str(query.metric)] == "minimize", kind="stable")
    rest = [] if query.skip_odd else [n for n in have.index if n not in finite.index]
    return frame.loc[[*order.index, *rest], "id"].tolist()[: query.limit]


def counted(query: RunQuery, history: History) -> Any:
    frame = chosen(query, history)
    if query.metric is not None:
        finite, have = valued(query, history, frame)
        odd_too = query.group_by is None and not query.skip_odd
        frame = frame.loc[have.index if odd_too else finite.index]
    if query.group_by is None:
        return len(frame)
    return {label(key): len(rows) for key, rows in frame.groupby(column_of(query.group_by))}


def column_of(wanted: Wanted) -> str:
    return {"depth": "model.depth"}.get(str(wanted.name), str(wanted.name))


def label(value: Any) -> str:
    """Return a group's label as the value was logged."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def grouped(query: RunQuery, history: History) -> Any:
    if query.group_by is None:
        return None
    frame = chosen(query, history)
    finite, _ = valued(query, history, frame)
    keys = frame.loc[finite.index, column_of(query.group_by)]
    groups = {label(key): finite.loc[ns.index] for key, ns in keys.groupby(keys)}
    found = {key: getattr(values.astype(float), query.aggregate)() for key, values in groups.items()}
    return {key: value for key, value in found.items() if value == value}


def aggregated(query: RunQuery, history: History) -> Any:
    finite, _ = valued(query, history, chosen(query, history))
    value = getattr(finite.astype(float), query.select)() if len(finite) else math.nan
    return None if value != value else value


def by_side(query: RunQuery, history: History) -> list[pd.Series]:
    frame = chosen(query, history)
    found = []
    for filters in (query.first, query.second):
        keep = pd.Series(True, index=frame.index)
        for one in filters or query.first:
            keep &= fits(one, history).astype(bool).loc[frame.index]
        found.append(valued(query, history, frame[keep if filters else ~keep])[0].astype(float))
    return found


def compared(query: RunQuery, history: History) -> Any:
    first, second = by_side(query, history)
    if first.empty or second.empty:
        return None
    return {"first": first.mean(), "second": second.mean(), "difference": first.mean() - second.mean()}


def effect(query: RunQuery, history: History) -> Any:
    first, second = by_side(query, history)
    if first.empty or second.empty:
        return None
    return {"difference": first.mean() - second.mean(), "n_with": len(first), "n_without": len(second)}


def changed(query: RunQuery, history: History) -> Any:
    frame = chosen(query, history)
    ends = [frame[frame["id"] == side[0].value] for side in (query.first, query.second)]
    if ends[0].empty or ends[1].empty:
        return None
    pairs = {name: [plain(end.iloc[0][name]) for end in ends] for name in PARAMS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def plain(value: Any) -> Any:
    """Return a value of a frame as the typed value that was logged, None for what is not set."""
    if value is None or value != value:
        return None
    return value.item() if hasattr(value, "item") else value


def best_step(query: RunQuery, history: History) -> Any:
    points = course(query, history)
    if points is None or points.empty:
        return None
    at = points["value"].idxmax() if METRICS[str(query.metric)] == "maximize" else points["value"].idxmin()
    return {"step": points.loc[at, "step"], "value": points.loc[at, "value"]}


def trend(query: RunQuery, history: History) -> Any:
    points = course(query, history)
    if points is None or len(points) < 2:
        return None
    first, last = points["value"].iloc[0], points["value"].iloc[-1]
    near = abs(last - first) <= 1e-3 * max(abs(first), abs(last))
    return {"first": first, "last": last, "direction": "flat" if near else "up" if last > first else "down"}


def course(query: RunQuery, history: History) -> pd.DataFrame | None:
    """Return the finite points of the one run in the window."""
    frame, window = chosen(query, history), query.window or Window()
    points = history.points[(history.points["metric"] == query.metric) & history.points["n"].isin(frame.index)]
    low = -math.inf if window.low is None else window.low
    points = points[points["step"].between(low, math.inf if window.high is None else window.high)]
    points = points.head(window.first_n) if window.first_n else points
    return points[np.isfinite(points["value"])]


def distinct(query: RunQuery, history: History) -> Any:
    return {plain(one) for one in chosen(query, history)[column_of(query.wanted[0])].dropna()}


def never_tried(query: RunQuery, history: History) -> Any:
    seen = chosen(query, history)[column_of(query.wanted[0])].dropna().tolist()
    return [one for one in query.candidates if not any(alike(value, one) for value in seen)]


def params(query: RunQuery, history: History) -> Any:
    found = distinct(query, history)
    if len(found) > 1:
        return SeveralFit
    return {column_of(query.wanted[0]): found.pop()} if found else None


ANSWERS = {
    "best": ranking, "worst": ranking, "list": listed, "count": counted, "group": grouped, "mean": aggregated,
    "median": aggregated, "std": aggregated, "sum": aggregated, "min": aggregated, "max": aggregated,
    "compare": compared, "effect": effect, "changed": changed, "best_step": best_step, "trend": trend,
    "distinct": distinct, "never_tried": never_tried, "params": params,
}  # fmt: skip


# -- comparing ---------------------------------------------------------------------------------------------------


def compare(query: RunQuery, history: History, catalogue: Catalogue, seed: int) -> None:
    """Check an answer against the reference, and each of its citations against the catalogue."""
    if query.select == "group" and query.group_by is None:
        return
    expected = ANSWERS[query.select](query, history)
    try:
        result = run(query, catalogue)
    except SeveralFit:
        assert expected is SeveralFit, (seed, query)
        return
    except DirectionUnknown:
        return
    assert same(given(query, result), expected), (seed, query, result.value, expected)
    for citation in result.cited:
        assert verify_run(citation, catalogue), (seed, query, citation)


def given(query: RunQuery, result: RunResult) -> Any:
    """Return an answer in the shape of the reference's."""
    if result.kind == "none":
        return None
    if query.select in ("best", "worst"):
        return result.value, {ref.run_id for ref in result.runs}
    if query.select == "effect":
        return {name: result.value[name] for name in ("difference", "n_with", "n_without")}
    return set(result.value) if query.select == "distinct" else result.value


def same(first: Any, second: Any) -> bool:
    """Tell whether two answers are the same: aggregates to twelve digits, all else exactly."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, (int, float)) and isinstance(second, (int, float, np.number)):
        return math.isclose(first, float(second), rel_tol=1e-12, abs_tol=1e-12)
    if query_empty(first) and query_empty(second):
        return True
    return bool(first == second)


def query_empty(value: Any) -> bool:
    """Tell whether an answer has nothing in it: no group, or none at all."""
    return value is None or value == {}
