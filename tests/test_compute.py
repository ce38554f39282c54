"""A typed query over a frame gives exact values, each with code that gives the same one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assistant.dataset.compute import Stopped, compute
from assistant.dataset.steps import (
    Call,
    Col,
    Compare,
    Const,
    Decide,
    Derive,
    Filter,
    Impute,
    Measure,
    Not,
    Outliers,
    Output,
    Query,
    Ref,
    Step,
)
from assistant.dataset.types import Computation
from assistant.dataset.values import tidy
from kb.errors import BadInput

FRAME = pd.DataFrame(
    {
        "age": [22.0, 38.0, None, 35.0, 54.0, 2.0, 27.0, 14.0],
        "sex": ["male", "Female ", "female", "female", "male", "male", None, "female"],
        "fare": [7.25, 71.28, 7.92, 53.1, 51.86, 21.07, 11.13, 30.07],
        "siblings": [1, 1, 0, 1, 0, 3, 0, 1],
        "sold": pd.to_datetime(
            ["2015-01-03", "2015-02-01", "2015-03-31", "2016-01-01", None, "2016-02-01", "2014-01-01", "2014-01-01"]
        ),
        "alive": [False, True, True, True, False, False, True, True],
        "it's 💥": [1, 2, 3, 4, 5, 6, 7, 8],
        "__class__": list("aabbccdd"),
        "mean": [0.5] * 8,
    }
)  # fmt: skip
AGE, FARE, SEX, SOLD = Col("age"), Col("fare"), Col("sex"), Col("sold")


def run(*steps: Step, frame: pd.DataFrame = FRAME, outputs: tuple[Output, ...] = ()) -> Computation:
    """Compute, and hold every expression and the whole program to the values."""
    found = compute(Query(steps=steps, outputs=outputs), frame)
    for outcome in found.outcomes:
        if outcome.value is not None:
            shown = eval(outcome.expression, {"df": frame, "pd": pd, "np": np, "stats": stats})
            assert close(tidy(shown), outcome.value), (outcome.expression, shown, outcome.value)
    return found


def close(a: Any, b: Any) -> bool:
    """Tell whether two values are equal, floats to nine digits."""
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float | int) and isinstance(b, float | int):
        return bool(a == pytest.approx(b, rel=1e-9, abs=1e-12))
    return bool(a == b)


def one(*steps: Step, frame: pd.DataFrame = FRAME) -> Any:
    """Return the value of the last step."""
    return run(*steps, frame=frame).outcomes[-1].value


def measure(function: str, *columns: Any, **options: Any) -> Measure:
    """Return a measure labelled m."""
    return Measure(label="m", function=function, columns=columns, options=options)


def rows_where(where: Any) -> int:
    """Return how many rows a condition keeps."""
    return int(one(Filter(where), measure("rows")))


def test_a_mean_leaves_missing_values_out_and_says_so() -> None:
    outcome = run(measure("mean", AGE)).outcomes[0]
    assert outcome.value == FRAME["age"].mean()
    assert outcome.rows == 7
    assert outcome.checks == ("1 row without a value in 'age' left out",)


def test_texts_compare_without_case_and_outer_space() -> None:
    assert rows_where(Compare("eq", SEX, Const("FEMALE"))) == 4
    assert rows_where(Compare("ne", SEX, Const("female"))) == 3


def test_a_missing_value_never_holds_not_even_negated() -> None:
    assert rows_where(Not(Compare("gt", AGE, Const(30)))) == 4


@pytest.mark.parametrize(
    ("op", "date", "kept"),
    [("eq", "2015", 3), ("eq", "2015-03", 1), ("le", "2015-03-31", 5), ("gt", "2015", 2), ("ne", "2015", 4)],
)
def test_a_partial_date_means_its_period(op: str, date: str, kept: int) -> None:
    assert rows_where(Compare(op, SOLD, Const(date))) == kept


def test_dates_lie_between_whole_periods() -> None:
    assert rows_where(Compare("between", SOLD, ("2015-02", "2016-01"))) == 3


def test_a_filter_can_refer_to_an_earlier_value() -> None:
    whole = Measure(label="all", function="mean", columns=(FARE,))
    assert one(whole, Filter(Compare("gt", FARE, Ref("all"))), measure("rows")) == 3


def test_groups_come_in_order_and_name_what_they_leave_out() -> None:
    outcome = run(Measure(label="m", function="mean", columns=(AGE,), by=("sex",))).outcomes[0]
    assert list(outcome.value) == ["Female ", "female", "male"]
    assert "1 row without a value in 'sex' left out" in outcome.checks


def test_a_derived_column_can_be_measured() -> None:
    family = Derive("family", Call("add", (Col("siblings"), Const(1))))
    assert one(family, measure("max", Col("family"))) == 4


def test_a_division_by_zero_is_missing() -> None:
    outcome = run(measure("mean", Call("div", (FARE, Col("siblings"))))).outcomes[0]
    assert outcome.rows == 5


@pytest.mark.parametrize("name", ["it's 💥", "mean"])
def test_any_name_of_a_column_works(name: str) -> None:
    assert one(measure("mean", Col(name))) == FRAME[name].mean()


def test_a_column_named_like_an_attribute_can_be_grouped_by() -> None:
    assert one(Measure(label="m", function="rows", by=("__class__",))) == {"a": 2, "b": 2, "c": 2, "d": 2}


def test_filling_with_the_median_keeps_the_rows() -> None:
    found = run(Impute(columns=("age",), how="median"), measure("mean", AGE))
    assert found.trail[0].rows == 8
    assert found.outcomes[0].value == FRAME["age"].fillna(27.0).mean()


def test_outliers_are_kept_or_removed() -> None:
    assert one(Outliers(column="age", factor=0.5), measure("rows")) + one(
        Outliers(column="age", factor=0.5, action="remove"), measure("rows")
    ) == len(FRAME)


def test_a_correlation_has_p_n_and_a_strength() -> None:
    outcome = run(measure("correlation", AGE, FARE)).outcomes[0]
    known = FRAME[["age", "fare"]].dropna()
    assert outcome.parts["p"] == pytest.approx(stats.pearsonr(known["age"], known["fare"]).pvalue)
    assert outcome.parts["n"] == 7


def test_a_measure_of_text_names_the_column_and_what_it_holds() -> None:
    with pytest.raises(BadInput, match=r"'sex' holds text \('male', 'Female ', 'female'\); mean needs numbers"):
        compute(Query(steps=(measure("mean", SEX),)), FRAME)


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(BadInput, match="no column 'fair'; nearest: fare"):
        compute(Query(steps=(measure("mean", Col("fair")),)), FRAME)


def test_no_rows_give_no_value_and_say_why() -> None:
    outcome = run(Filter(Compare("gt", AGE, Const(99))), measure("mean", AGE)).outcomes[0]
    assert outcome.value is None
    assert outcome.checks == ("'age' has no values here, so it has no mean",)


def test_a_word_can_follow_from_a_value() -> None:
    sure = Compare("lt", Ref("m", "p"), Const(0.05))
    word = Decide(label="w", cases=((sure, "linear"),), otherwise="none")
    assert one(measure("correlation", AGE, FARE), word) == "none"


def test_names_wanted_back_are_rounded() -> None:
    found = run(measure("mean", AGE), outputs=(Output(name="mean_age", label="m", digits=2),))
    assert found.values == {"mean_age": 27.43}


def test_a_sorted_table_is_shown_where_nothing_is_measured() -> None:
    found = compute(Query(steps=(Filter(Compare("present", SEX)),)), FRAME)
    assert found.grid is not None
    assert len(found.grid.rows) == 7


def test_an_expression_leaves_out_what_its_value_does_not_depend_on() -> None:
    steps = (
        Derive("double", Call("mul", (AGE, Const(2)))),
        Impute(columns=("age", "fare"), how="mean"),
        measure("mean", FARE),
    )
    assert run(*steps).outcomes[0].expression == "df.assign(fare=df['fare'].fillna(df['fare'].mean()))['fare'].mean()"


def test_a_stopped_computation_says_so() -> None:
    with pytest.raises(Stopped, match="stopped"):
        compute(Query(steps=(measure("mean", AGE),)), FRAME, stop=lambda: True)
