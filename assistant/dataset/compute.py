"""Run a query: each step in order, on pandas or on DuckDB, with the rows after it and the code that gives each value.

Values are computed here directly; the shown code is written apart from them, so that tests can hold one to the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from assistant.dataset import duck, fits, measures, plots, rows, stats
from assistant.dataset.checked import needed, problems, reads
from assistant.dataset.code import Script, program
from assistant.dataset.conditions import map_leaves, plain
from assistant.dataset.expr import evaluate
from assistant.dataset.scope import ORDER, Scope, text_holds
from assistant.dataset.steps import Decide, Expr, Fit, Impute, Measure, Output, Query, Test
from assistant.dataset.trail import done
from assistant.dataset.types import Computation, Grid, Outcome, Trail
from assistant.dataset.values import Found, rounded, tidy
from assistant.dataset.walk import Values, picked
from kb.errors import BadInput, CitewiseError

GRID_ROWS = 200
YIELDS = (Measure, Test, Fit, Decide)


class Stopped(CitewiseError):
    """The computation was stopped by the person who asked."""

    def __init__(self) -> None:
        super().__init__("stopped", hint="ask again to run it")


class Rows(Protocol):
    """The rows as they are after some steps, in memory or in DuckDB."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kind of each column."""

    def count(self) -> int:
        """Return the number of rows."""

    def changed(self, step: Any, values: Values) -> Rows:
        """Return the rows after a step."""

    def found(self, step: Any, values: Values) -> Found:
        """Return what a yielding step gives."""

    def head(self, n: int) -> pd.DataFrame:
        """Return the first rows."""

    def only(self, names: set[str]) -> Rows:
        """Return the same rows with only these columns."""

    def pull(self, names: set[str], *, most: int | None = None) -> pd.DataFrame:
        """Return columns as a frame, of a sample of at most `most` rows where that is given."""

    def close(self) -> None:
        """Let go of what holds the rows."""


@dataclass(frozen=True, slots=True)
class FrameRows:
    """Rows in a pandas frame."""

    frame: pd.DataFrame
    scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scope", Scope(self.frame))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.frame.columns)

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kind of each column."""
        return self.scope.kinds

    def count(self) -> int:
        """Return the number of rows."""
        return len(self.frame)

    def changed(self, step: Any, values: Values) -> Rows:
        """Return the rows after a step."""
        try:
            return FrameRows(rows.changed(step, Scope(self.frame, values)))
        except TypeError as error:
            raise self.mixed(step) from error

    def found(self, step: Any, values: Values) -> Found:
        """Return what a yielding step gives."""
        scope = Scope(self.frame, values)
        try:
            match step:
                case Measure():
                    return measures.measured(step, scope)
                case Test():
                    return stats.tested(step, scope)
                case Fit():
                    return fits.fitted(step, scope)
        except TypeError as error:
            raise self.mixed(step) from error
        raise BadInput(f"{type(step).__name__} gives no value", hint="see steps.py")

    def mixed(self, step: Any) -> Exception:
        """Return the error that names a column of mixed values, which cannot be ordered or compared."""
        names = [name for name in sorted(reads(step)) if name in self.frame.columns and self.kinds[name] == "mixed"]
        if not names:
            return TypeError(f"{type(step).__name__} over {', '.join(sorted(reads(step)))}")
        hint = "correct the column's type, or make texts or numbers of it first"
        return BadInput(f"the column {names[0]!r} mixes kinds of values, which have no order", hint=hint)

    def head(self, n: int) -> pd.DataFrame:
        """Return the first rows."""
        return self.frame.head(n)

    def only(self, names: set[str]) -> Rows:
        """Return the same rows with only these columns."""
        kept = [name for name in self.frame.columns if name in names]
        return self if len(kept) == self.frame.shape[1] else FrameRows(self.frame[kept])

    def pull(self, names: set[str], *, most: int | None = None) -> pd.DataFrame:
        """Return columns as a frame, of a sample of at most `most` rows where that is given."""
        frame = self.frame[[name for name in self.frame.columns if name in names]]
        if most is None or len(frame) <= most:
            return frame
        return frame.iloc[np.sort(np.random.default_rng(0).choice(len(frame), most, replace=False, shuffle=False))]

    def close(self) -> None:
        """Let go of nothing: the frame belongs to its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A computation on its way."""

    rows: Rows
    script: Script = field(default_factory=Script)
    outcomes: tuple[Outcome, ...] = ()
    trail: tuple[Trail, ...] = ()
    plot: Any = None

    @property
    def values(self) -> Values:
        """The outcomes so far by label."""
        return {outcome.label: outcome for outcome in self.outcomes}


def compute(query: Query, table: Any, *, stop: Callable[[], bool] | None = None) -> Computation:
    """Return all that a query gives over a table or a frame; BadInput says in words what it cannot do.

    `stop` is asked between steps; once it is true, `Stopped` is raised.
    """
    began = time.perf_counter()
    names = tuple(table.columns)
    wrong = next(problems(query, names), None)
    if wrong is not None:
        shown = ", ".join(map(str, names[:12])) + (", …" if len(names) > 12 else "")
        raise BadInput(wrong, hint=f"columns: {shown}")
    with np.errstate(all="ignore"), closing(opened(table, query)) as start:
        state = State(rows=start)
        for number, step in enumerate(query.steps):
            if stop is not None and stop():
                raise Stopped
            state = yielded(state, number, step, query) if isinstance(step, YIELDS) else changed(state, step)
        return finished(query, table, state, began)


def finished(query: Query, table: Any, state: State, began: float) -> Computation:
    """Return what a query gave, once its last step is done."""
    values = state.values
    return Computation(
        query=query,
        outcomes=state.outcomes,
        values={output.name: answer(output, values) for output in query.outputs},
        trail=state.trail,
        code=program(state.script, table, query.outputs, values),
        grid=grid(query, state),
        plot=state.plot or plots.of_rows(query, state.rows),
        seconds=time.perf_counter() - began,
    )


def opened(table: Any, query: Query) -> Rows:
    """Return the rows of a table or a frame, with the columns that a query reads."""
    wanted = needed(query)
    if not isinstance(table, pd.DataFrame) and table.large:
        return duck.opened(table, query, wanted, FrameRows)
    rows = FrameRows(table if isinstance(table, pd.DataFrame) else table.frame)
    return rows if wanted is None else rows.only(wanted)


def changed(state: State, step: Any) -> State:
    """Return the state after a step that changes rows or columns."""
    values, before = state.values, state.rows
    after = before.changed(step, values)
    names = imputed(step, before) if isinstance(step, Impute) else before.names
    script = state.script.after(step, before.kinds, values, names)
    trail = Trail(words=done(step), rows=after.count())
    return replace(state, rows=after, script=script, trail=(*state.trail, trail))


def imputed(step: Impute, before: Rows) -> tuple[str, ...]:
    """Return the columns that an imputation fills, for its code."""
    if step.columns:
        return step.columns
    numeric = step.how in ("mean", "median", "interpolate")
    gaps = before.found(Measure(label="", function="missing"), {}).value
    return tuple(name for name in before.names if gaps[name] and (before.kinds[name] == "number" or not numeric))


def yielded(state: State, number: int, step: Any, query: Query) -> State:
    """Return the state after a step that yields a value."""
    values = state.values
    found = decided(step, values) if isinstance(step, Decide) else state.rows.found(step, values)
    script = state.script.yielding(step, state.rows.kinds, values, found.parts)
    outcome = Outcome(
        label=step.label,
        step=number,
        value=found.value,
        expression=script.expressions[step.label],
        rows=found.rows,
        parts=found.parts,
        checks=found.checks,
    )
    plot = state.plot or plots.of_value(step, outcome, state.rows, values, query.plot)
    return replace(state, script=script, outcomes=(*state.outcomes, outcome), plot=plot)


def decided(step: Decide, values: Values) -> Found:
    """Return the text of the first case that holds."""
    for condition, text in step.cases:
        if holds(condition, values):
            return Found(value=text, rows=0)
    return Found(value=step.otherwise, rows=0)


def holds(condition: Any, values: Values) -> bool:
    """Tell whether a condition over earlier values holds; one over a value that is missing does not."""
    scope = Scope(pd.DataFrame(), values)

    def leaf(found: Any) -> bool:
        left = tidy(evaluate(found.left, scope))
        if found.op in ("missing", "present"):
            return (left is None) is (found.op == "missing")
        right = tidy(evaluate(found.right, scope)) if isinstance(found.right, Expr) else found.right
        if left is None or right is None:
            return False
        if isinstance(left, str) or found.kind in ("text", "mixed"):
            return text_holds(found.op, str(left).strip().lower(), right)
        if found.op in ("in", "not_in"):
            return (left in right) is (found.op == "in")
        if found.op in ("between", "not_between"):
            return (right[0] <= left <= right[1]) is (found.op == "between")
        return bool(ORDER[found.op](left, right))

    form = plain(condition, {}, values)
    return bool(map_leaves(form, leaf, lambda every, parts: all(parts) if every else any(parts)))


def answer(output: Output, values: Values) -> Any:
    """Return what a name asks for, rounded half-even as asked."""
    return rounded(picked(values[output.label], output.part, output.group), output.digits)


# -- tables to show ---------------------------------------------------------------------------------------------------


def grid(query: Query, state: State) -> Grid | None:
    """Return the small table behind the values: the last rows where nothing is measured, or the groups."""
    if not query.steps or not isinstance(query.steps[-1], YIELDS):
        return of_frame(state.rows)
    wide = [step for step in query.steps if isinstance(step, Measure)]
    shown = [(m, o) for m, o in ((m, state.values[m.label]) for m in wide) if isinstance(o.value, Mapping)]
    if not shown:
        return None
    first = shown[0][0]
    alike = [(m, o) for m, o in shown if m.by == first.by and groups_alike(m, first)]
    return of_groups(first, [outcome for _, outcome in alike])


def groups_alike(measure: Measure, first: Measure) -> bool:
    """Tell whether two grouped measures share their rows in a table."""
    keyed = {"counts", "shares", "crosstab", "correlations"}
    if measure.function in keyed or first.function in keyed:
        return {measure.function, first.function} <= {"counts", "shares"} and measure.columns == first.columns
    return bool(measure.by) == bool(first.by)


def of_frame(found: Rows) -> Grid:
    """Return the first rows as a table."""
    head = found.head(GRID_ROWS)
    shown = tuple(tuple(tidy(value) for value in row) for row in head.itertuples(index=False, name=None))
    return Grid(columns=tuple(map(str, head.columns)), rows=shown, more=max(found.count() - len(shown), 0))


def of_groups(measure: Measure, outcomes: list[Outcome]) -> Grid:
    """Return grouped values as a table: the groups, then a column for each value."""
    keys = list(dict.fromkeys(key for outcome in outcomes for key in outcome.value))
    width = len(keys[0]) if keys and isinstance(keys[0], tuple) else 1
    heads = heading(measure, width)
    shown = tuple(
        (*(key if isinstance(key, tuple) else (key,)), *(outcome.value.get(key) for outcome in outcomes))
        for key in keys[:GRID_ROWS]
    )
    return Grid(columns=(*heads, *(o.label for o in outcomes)), rows=shown, more=max(len(keys) - GRID_ROWS, 0))


def heading(measure: Measure, width: int) -> tuple[str, ...]:
    """Return the names of the columns that hold a group's key."""
    from assistant.dataset.walk import said

    known = (*measure.by, *(said(expr) for expr in measure.columns))
    if measure.function == "correlations":
        return ("column",) if width == 1 else ("column", "other")
    if not known or (not measure.by and measure.function not in ("counts", "shares", "crosstab")):
        return ("column",) if width == 1 else tuple(f"key {n + 1}" for n in range(width))
    extra = tuple("column" if len(measure.columns) > 1 else "value" for _ in range(width - len(known)))
    return (*known[:width], *extra)[:width]
