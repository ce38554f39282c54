"""Computed sentences: values read as a person reads them, and no number that its outcome does not hold."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.dataset import steps
from assistant.dataset.say import checked, claims, sentence, show
from assistant.dataset.steps import Col, Query
from assistant.dataset.types import Computation, Outcome
from kb.types import DatasetCitation, Verdict

VALUES = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.lists(st.integers(0, 10**6), max_size=40),
    st.dictionaries(st.text("abcxyz", min_size=1, max_size=5), st.floats(-1e6, 1e6), max_size=20),
    st.none(),
)


def outcome(value: Any, **more: Any) -> Outcome:
    return Outcome(label="x", step=0, value=value, expression="df", rows=3, **more)


def cited(value: Any) -> DatasetCitation:
    return DatasetCitation(dataset="t.csv", fingerprint="f", expression="df", value=value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1338, "1,338"),
        (39.20702541106129, "39.207"),
        (0.00012345678, "0.000123"),
        (1.5e-9, "1.5e-09"),
        (True, "yes"),
        (None, "not defined"),
        (math.nan, "not defined"),
        (math.inf, "infinite"),
        (22607406.188, "22,607,406"),
        ({"male": 1.5, ("a", 2): 2}, "male: 1.5; a, 2: 2"),
        (["a", 2.0], "a, 2"),
    ],
)
def test_values_read_as_a_person_reads_them(value: object, shown: str) -> None:
    assert show(value) == shown


@pytest.mark.parametrize(("value", "digits", "shown"), [(39.20702, 2, "39.21"), (1.0, 2, "1.00"), (12, 2, "12")])
def test_asked_digits_are_shown(value: float, digits: int, shown: str) -> None:
    assert show(value, digits) == shown


@given(VALUES)
def test_every_sentence_of_an_outcome_passes_its_own_check(value: Any) -> None:
    made = outcome(value)
    text = sentence(made, "mean of price, where year is at least 2,015")
    assert checked(text, made, "mean of price, where year is at least 2,015", cited(value)).verdict is Verdict.COMPUTED


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_another_number_fails_the_check(value: float, other: float) -> None:
    made = outcome(value)
    text = sentence(outcome(other), "mean of price")
    numbers = re.findall(r"[\d.]+", show(value))
    if any(number not in numbers for number in re.findall(r"[\d.]+", show(other))) and round(value, 0) != other:
        claim = checked(text, made, "mean of price", cited(value))
        assert claim.verdict is Verdict.UNSUPPORTED or show(other) in {show(value, digits) for digits in range(11)}


def test_a_test_is_said_with_its_parts() -> None:
    made = outcome(0.03, parts={"statistic": 2.5, "p": 0.03, "n": 40})
    assert sentence(made, "t-test of wage by sex") == "T-test of wage by sex: statistic = 2.5, p = 0.03, n = 40."


def test_what_has_no_value_says_why() -> None:
    made = outcome(None, checks=("all values are the same",))
    assert sentence(made, "correlation of a and b") == "Correlation of a and b is not defined: all values are the same."


def test_many_groups_are_cut_short_and_counted() -> None:
    made = outcome({f"g{n}": n for n in range(20)})
    text = sentence(made, "rows by group")
    assert text.endswith("; and 8 more in the table.")
    assert checked(text, made, "rows by group", cited(made.value)).verdict is Verdict.COMPUTED


@pytest.mark.parametrize(
    ("kind", "significant", "said"),
    [
        ("shapiro", True, "not normally distributed at alpha 0.05"),
        ("shapiro", False, "no departure from a normal distribution found at alpha 0.05"),
        ("welch", False, "no significant difference at alpha 0.05"),
        ("chi2", True, "the two are associated at alpha 0.05"),
        ("levene", True, "the variances differ at alpha 0.05"),
    ],
)
def test_a_test_ends_with_what_its_p_says(kind: str, significant: bool, said: str) -> None:
    step = steps.Test(label="t", kind=kind, columns=(Col("x"),))
    parts = {"p": 0.01, "significant": significant, "alpha": 0.05}
    made = Computation(query=Query(steps=(step,)), outcomes=(outcome(0.01, parts=parts),), values={}, trail=(), code="")
    [claim] = claims(made, ["test of x"], "t.csv", "f")
    assert claim.text == f"Test of x: p = 0.01: {said}."
    assert claim.verdict is Verdict.COMPUTED
