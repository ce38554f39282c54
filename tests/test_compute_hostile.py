"""Tables that hurt (no rows, one row, constants, infinities, odd names, mixed values) give a value or say why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assistant.dataset import steps
from assistant.dataset.compute import compute
from assistant.dataset.stats import TESTS
from assistant.dataset.steps import (
    FUNCTIONS,
    MEASURES,
    Call,
    Col,
    Compare,
    Const,
    Derive,
    Filter,
    Limit,
    Measure,
    Query,
    Ref,
    Sort,
    Step,
)
from assistant.dataset.types import Computation
from assistant.dataset.values import tidy
from kb.errors import BadInput, CitewiseError
from kb.tables import open_table

FRAMES: dict[str, pd.DataFrame] = {
    "no rows": pd.DataFrame(
        {"a": pd.Series(dtype="float64"), "b": pd.Series(dtype="float64"), "t": pd.Series(dtype="str")}
    ),
    "one row": pd.DataFrame({"a": [1.5], "b": [2], "t": ["x"]}),
    "two rows": pd.DataFrame({"a": [1.5, 2.5], "b": [2, 3], "t": ["x", "y"]}),
    "constants": pd.DataFrame({"a": [2.0] * 9, "b": [3] * 9, "t": ["x"] * 9}),
    "nothing there": pd.DataFrame({"a": [np.nan] * 9, "b": [np.nan] * 9, "t": [None] * 9}),
    "infinite": pd.DataFrame({"a": [np.inf, -np.inf, 1.0, 2.0], "b": [1, 2, 3, 4], "t": list("xyxy")}),
    "huge": pd.DataFrame({"a": [1e308, 1e308, -1e308, 1.0], "b": [2**62, 2**62, 2**62, 1], "t": list("xyxy")}),
    "nullable": pd.DataFrame(
        {
            "a": pd.array([1, None, 3, 4], dtype="Int64"),
            "b": pd.array([1.5, 2, None, 4], dtype="Float64"),
            "t": list("xyxy"),
        }
    ),
    "truths with gaps": pd.DataFrame(
        {"a": pd.Series([True, None, False, True], dtype=object), "b": [True, False, True, True], "t": list("xyxy")}
    ),
    "mixed": pd.DataFrame(
        {"a": [1, 2, 3, 4], "b": [1.0, 2.0, 3.0, 4.0], "t": pd.Series([1, "x", None, 2.5], dtype=object)}
    ),
    "text only": pd.DataFrame({"a": ["1", "2"], "b": ["x", "y"], "t": ["x", "y"]}),
}
A, B, T = Col("a"), Col("b"), Col("t")
TWO = ("add", "sub", "mul", "div", "mod", "pow", "mean_of", "min_of", "max_of", "concat", "group_mean", "days_between")
NAMES = [
    "it's",
    'say "hi"',
    "💥 boom",
    "__class__",
    "mean",
    "self",
    "df",
    "a\nb",
    "{x}",
    "lambda",
    "$cw0_",
    "מחיר",
    " ",
    "%",
    "d['x']",
]


def safe(frame: pd.DataFrame, *given: Step) -> Computation | None:
    """Compute; a refusal is in words, and a missing value must have a check that says why."""
    try:
        found = compute(Query(steps=given), frame)
    except CitewiseError:
        return None
    for outcome in found.outcomes:
        json.dumps(
            [outcome.value if not isinstance(outcome.value, dict) else list(outcome.value.values())], allow_nan=False
        )
        if outcome.value is None:
            assert outcome.checks, outcome
    return found


def columns_of(function: str) -> tuple[Any, ...]:
    """Return as many columns as a measure takes."""
    if function in ("correlation", "covariance", "crosstab", "correlations"):
        return (A, B)
    return () if function in ("rows", "columns", "shape", "names", "types", "missing_rows", "share") else (A,)


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("function", MEASURES)
@pytest.mark.parametrize("by", [(), ("t",)])
def test_every_measure_gives_a_value_or_words(name: str, function: str, by: tuple[str, ...]) -> None:
    options: dict[str, Any] = {
        "at_max": {"at": "b"},
        "at_min": {"at": "b"},
        "share": {"of": Compare("gt", A, Const(1))},
    }.get(function, {})
    safe(FRAMES[name], Measure(label="m", function=function, columns=columns_of(function), by=by, options=options))


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("kind", TESTS)
def test_every_test_gives_a_value_or_words(name: str, kind: str) -> None:
    columns = (A, B) if kind in ("paired_t", "wilcoxon", "chi2") else (A,)
    by = (
        None
        if len(columns) == 2 or kind in ("shapiro", "anderson", "ks", "dagostino", "jarque_bera", "one_sample_t")
        else "t"
    )
    safe(FRAMES[name], steps.Test(label="t", kind=kind, columns=columns, by=by))


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_gives_a_value_or_words(name: str, function: str) -> None:
    two = function in (
        "add",
        "sub",
        "mul",
        "div",
        "mod",
        "pow",
        "mean_of",
        "min_of",
        "max_of",
        "concat",
        "group_mean",
        "days_between",
    )
    args = (A, B) if two else (A, Const(2)) if function in ("round", "shift", "rolling_mean") else (A,)
    found = safe(
        FRAMES[name], Derive("new", Call(function, args)), Measure(label="m", function="count", columns=(Col("new"),))
    )
    assert found is None or found.outcomes[0].value <= len(FRAMES[name])


@pytest.mark.parametrize("name", NAMES)
def test_any_name_works_for_a_column_a_group_and_a_label(name: str) -> None:
    frame = pd.DataFrame({name: [1.0, 2.0, 4.0, None], "g": list("xxyy"), "x": [1, 2, 3, 4]})
    given = (
        Filter(Compare("gt", Col(name), Const(0))),
        Derive(f"{name} twice", Call("mul", (Col(name), Const(2)))),
        Sort(by=(name,), descending=True),
        Measure(label=name, function="mean", columns=(Col(f"{name} twice"),), by=("g",)),
        Measure(label="sum", function="sum", columns=(Col(name),), by=(name,)),
    )
    found = compute(Query(steps=given), frame)
    for outcome in found.outcomes:
        assert tidy(eval(outcome.expression, {"df": frame, "pd": pd, "np": np, "stats": stats})) == outcome.value
    compile(found.code, "shown", "exec")


def test_any_name_works_in_a_large_table(tmp_path: Path) -> None:
    frame = pd.DataFrame({name: [1.0, 2.0, 4.0, np.nan] for name in NAMES if name.strip() and "\n" not in name})
    frame["g"] = list("xxyy")
    frame.to_csv(tmp_path / "odd.csv", index=False)
    table = open_table(tmp_path / "odd.csv", large_from=1)
    for name in frame.columns.drop("g"):
        given = (
            Filter(Compare("gt", Col(name), Const(1))),
            Measure(label="m", function="mean", columns=(Col(name),), by=("g",)),
        )
        assert compute(Query(steps=given), table).outcomes[0].value == {"x": 2.0, "y": 4.0}


def test_text_of_a_person_never_becomes_code() -> None:
    frame = pd.DataFrame({"t": ["a", "'] + boom() + ['"]})
    found = compute(
        Query(steps=(Filter(Compare("eq", T, Const("'] + boom() + ['"))), Measure(label="m", function="rows"))), frame
    )
    assert eval(found.outcomes[0].expression, {"df": frame, "pd": pd}) == found.outcomes[0].value == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((Filter(Compare("gt", T, Const(3))),), "'t'|t holds text, so it cannot be greater"),
        ((Filter(Compare("eq", A, Const("blue"))),), "a holds numbers, so it cannot be compared with 'blue'"),
        ((Filter(Compare("between", A, (1,))),), "between needs two values"),
        ((Measure(label="m", function="value", columns=(Ref("x"),)),), "no earlier value 'x'"),
        ((Measure(label="m", function="mode2", columns=(A,)),), "no measure 'mode2'"),
        ((Derive("n", Call("evil", (A,))),), "no function 'evil'"),
        ((Limit(-1),), "keeps -1 rows"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(given: tuple[Step, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        compute(Query(steps=given), FRAMES["two rows"])


def test_sums_too_large_for_integers_do_not_wrap_round() -> None:
    found = compute(Query(steps=(Measure(label="m", function="sum", columns=(B,)),)), FRAMES["huge"])
    assert found.outcomes[0].value == pytest.approx(3 * 2.0**62)
