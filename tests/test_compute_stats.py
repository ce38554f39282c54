"""Tests of hypotheses give scipy's numbers, with their assumptions checked and the same from the shown code."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assistant.dataset import steps
from assistant.dataset.compute import compute
from assistant.dataset.steps import Col, Compare, Const, Filter, Query
from assistant.dataset.types import Outcome
from kb.errors import BadInput

RANDOM = np.random.default_rng(3)
N = 120
FRAME = pd.DataFrame(
    {
        "x": RANDOM.normal(10, 3, N),
        "y": RANDOM.exponential(4, N),
        "two": RANDOM.choice(["a", "b"], N),
        "three": RANDOM.choice(["p", "q", "r"], N),
        "flat": np.ones(N),
    }
)
FRAME.loc[3, "x"] = np.nan
X, Y = Col("x"), Col("y")
A, B = (FRAME.loc[FRAME["two"] == name, "x"].dropna() for name in "ab")
THREE = [FRAME.loc[FRAME["three"] == name, "x"].dropna() for name in "pqr"]
BOTH = FRAME[["x", "y"]].dropna()


def ask(kind: str, *columns: Any, filtered: bool = False, **fields: Any) -> Outcome:
    """Run a test and hold its shown code to its value."""
    test = steps.Test(label="t", kind=kind, columns=columns, **fields)
    first = (Filter(Compare("gt", X, Const(5))),) if filtered else ()
    outcome = compute(Query(steps=(*first, test)), FRAME).outcomes[0]
    if outcome.value is not None:
        shown = eval(outcome.expression, {"df": FRAME, "pd": pd, "np": np, "stats": stats})
        assert shown == pytest.approx(outcome.value, rel=1e-9, abs=1e-300)
    return outcome


ONE = {
    "shapiro": lambda s: stats.shapiro(s),
    "ks": lambda s: stats.kstest(s, "norm", args=(s.mean(), s.std())),
    "dagostino": lambda s: stats.normaltest(s),
    "jarque_bera": lambda s: stats.jarque_bera(s),
}
TWO = {
    "t": lambda a, b: stats.ttest_ind(a, b),
    "welch": lambda a, b: stats.ttest_ind(a, b, equal_var=False),
    "mann_whitney": lambda a, b: stats.mannwhitneyu(a, b),
    "ks_2": lambda a, b: stats.ks_2samp(a, b),
}
MANY = {
    "anova": stats.f_oneway,
    "kruskal": stats.kruskal,
    "levene": stats.levene,
    "bartlett": stats.bartlett,
}


@pytest.mark.parametrize("kind", ONE)
def test_a_test_of_one_column_is_scipys(kind: str) -> None:
    outcome, known = ask(kind, X), ONE[kind](FRAME["x"].dropna())
    assert (outcome.value, outcome.parts["statistic"]) == pytest.approx((known.pvalue, known.statistic))
    assert "1 missing value left out" in outcome.checks


@pytest.mark.parametrize("kind", TWO)
@pytest.mark.parametrize("fields", [{"by": "two"}, {"by": "two", "groups": ("A", "b ")}])
def test_a_test_of_two_groups_is_scipys(kind: str, fields: dict[str, Any]) -> None:
    outcome, known = ask(kind, X, **fields), TWO[kind](A, B)
    assert (outcome.value, outcome.parts["statistic"]) == pytest.approx((known.pvalue, known.statistic))


@pytest.mark.parametrize("kind", MANY)
def test_a_test_of_several_groups_is_scipys(kind: str) -> None:
    outcome, known = ask(kind, X, by="three"), MANY[kind](*THREE)
    assert (outcome.value, outcome.parts["statistic"]) == pytest.approx((known.pvalue, known.statistic))


@pytest.mark.parametrize("kind", ["shapiro", "anderson", "ks", "t", "anova", "paired_t", "chi2"])
def test_the_code_of_a_test_holds_after_other_steps(kind: str) -> None:
    columns = {"paired_t": (X, Y), "chi2": (Col("two"), Col("three"))}.get(kind, (X,))
    assert ask(kind, *columns, filtered=True, **({"by": "two"} if kind in ("t", "anova") else {})).value is not None


def test_groups_can_be_conditions_or_columns() -> None:
    samples = (Compare("lt", Y, Const(2)), Compare("ge", Y, Const(2)))
    low, high = FRAME["x"][FRAME["y"] < 2].dropna(), FRAME["x"][FRAME["y"] >= 2].dropna()
    assert ask("welch", X, samples=samples).value == pytest.approx(stats.ttest_ind(low, high, equal_var=False).pvalue)
    assert ask("t", X, Y).value == pytest.approx(stats.ttest_ind(FRAME["x"].dropna(), FRAME["y"]).pvalue)


def test_paired_tests_use_the_rows_that_have_both() -> None:
    assert ask("paired_t", X, Y).value == pytest.approx(stats.ttest_rel(BOTH["x"], BOTH["y"]).pvalue)
    assert ask("wilcoxon", X, Y).value == pytest.approx(stats.wilcoxon(BOTH["x"], BOTH["y"]).pvalue)


def test_a_mean_can_be_held_to_a_number() -> None:
    outcome = ask("one_sample_t", X, options={"mu": 9.5})
    assert outcome.value == pytest.approx(stats.ttest_1samp(FRAME["x"].dropna(), 9.5).pvalue)


def test_chi_square_says_df_and_expected_counts() -> None:
    outcome, known = (
        ask("chi2", Col("two"), Col("three")),
        stats.chi2_contingency(pd.crosstab(FRAME["two"], FRAME["three"])),
    )
    assert (outcome.value, outcome.parts["df"]) == (pytest.approx(known.pvalue), 2)
    assert outcome.checks == ("0% of the expected counts are below 5",)


def test_anderson_and_darling_agree_with_their_published_example() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = stats.anderson(FRAME["y"], "norm").statistic
    outcome = ask("anderson", Y)
    assert outcome.parts["statistic"] == pytest.approx(known)
    assert outcome.value == pytest.approx(
        np.exp(1.2937 - 5.709 * (a := known * (1 + 0.75 / N + 2.25 / N**2)) + 0.0186 * a**2)
    )
    assert outcome.parts["critical"] == pytest.approx(0.752 / (1 + 0.75 / N + 2.25 / N**2), abs=2e-3)


def test_a_test_says_whether_its_assumptions_hold() -> None:
    checks = " ".join(ask("t", Y, by="two").checks)
    assert "values by group: a" in checks
    assert "a is not normal: Shapiro-Wilk p" in checks
    assert "Levene p" in checks


def test_two_groups_are_wanted_and_the_others_named() -> None:
    with pytest.raises(BadInput, match="'three' has 3: p, q, r"):
        ask("t", X, by="three")


@pytest.mark.parametrize("kind", ["shapiro", "anderson", "ks", "dagostino", "jarque_bera"])
def test_a_constant_column_has_no_p_and_says_why(kind: str) -> None:
    outcome = ask(kind, Col("flat"))
    assert outcome.value is None
    assert "all values of 'flat' are equal" in outcome.checks[-1]


def test_more_than_5000_values_are_said_to_be_too_many_for_shapiro() -> None:
    frame = pd.DataFrame({"x": RANDOM.normal(size=6000)})
    test = steps.Test(label="t", kind="shapiro", columns=(X,))
    assert "5,000" in compute(Query(steps=(test,)), frame).outcomes[0].checks[0]


def test_a_group_that_does_not_occur_is_named() -> None:
    with pytest.raises(BadInput, match="'two' is never 'z' here"):
        ask("t", X, by="two", groups=("a", "z"))
