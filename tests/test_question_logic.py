"""Plain questions with not, or, shares, differences and rounding are read whole, or what is not read is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assistant.dataset.compute import compute
from assistant.dataset.question import read
from kb.tables import Table, open_table


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Table:
    rng = np.random.default_rng(4)
    n = 240
    frame = pd.DataFrame(
        {
            "staff_id": range(n),
            "team": rng.choice(["Sales", "Support", "Legal"], n),
            "sex": rng.choice(["F", "M"], n),
            "age": rng.integers(20, 66, n),
            "salary": rng.normal(52_000, 9_000, n).round(0),
            "bonus": np.where(rng.random(n) < 0.2, np.nan, rng.gamma(2, 900, n).round(0)),
            "target": rng.normal(52_000, 9_000, n).round(0),
            "children": rng.integers(0, 4, n),
            "hire_date": pd.Timestamp("2014-01-01") + pd.to_timedelta(rng.integers(0, 2000, n), "D"),
            "remote": rng.choice(["yes", "no"], n),
            "left_firm": rng.choice([0, 1], n),
        }
    )
    path = tmp_path_factory.mktemp("tables") / "staff.csv"
    frame.to_csv(path, index=False)
    return open_table(path)


def answer(question: str, table: Table) -> Any:
    """The value that a question which is read whole ends in."""
    reading = read(question, table)
    assert reading.runs, (question, reading.words, reading.unread)
    assert reading.query is not None
    return compute(reading.query, table).outcomes[-1].value


def test_what_is_excluded_is_left_out_however_it_is_said(staff: Table) -> None:
    d = staff.frame
    expected = d[d.team != "Sales"].salary.mean()
    for question in (
        "mean salary except for Sales",
        "average salary excluding the Sales team",
        "mean salary where team is not Sales",
        "mean salary of people who are not in Sales",
        "mean salary for all teams except Sales",
        "mean salary other than Sales",
    ):
        assert answer(question, staff) == pytest.approx(expected), question


def test_or_between_conditions_holds_either(staff: Table) -> None:
    d = staff.frame
    either = d[(d.age < 30) | (d.age > 60)]
    assert answer("mean salary of people younger than 30 or older than 60", staff) == pytest.approx(
        either.salary.mean()
    )
    teams = d[d.team.isin(["Sales", "Legal"])]
    assert answer("mean salary where team is Sales or Legal", staff) == pytest.approx(teams.salary.mean())


def test_an_or_that_could_join_in_two_ways_is_not_read(staff: Table) -> None:
    reading = read("mean salary where team is Sales and age > 60 or remote is yes", staff)
    assert not reading.runs
    assert "or" in reading.unread


def test_a_group_and_a_yes_or_no_condition_go_together(staff: Table) -> None:
    d = staff.frame
    expected = d[d.remote == "yes"].groupby("team").salary.mean().to_dict()
    assert answer("mean salary by team where remote is yes", staff) == pytest.approx(expected)


def test_a_column_named_by_its_verb_is_a_condition(staff: Table) -> None:
    d = staff.frame
    assert answer("how many people left?", staff) == (d.left_firm == 1).sum()
    assert answer("median age of people hired before 2016", staff) == d[d.hire_date < "2016"].age.median()


def test_columns_are_compared_with_each_other(staff: Table) -> None:
    d = staff.frame
    assert answer("how many people have salary above target?", staff) == (d.salary > d.target).sum()


def test_a_share_is_of_the_rows_that_are_said(staff: Table) -> None:
    d = staff.frame
    among_remote = (d[d.remote == "yes"].sex == "M").mean()
    assert answer("what share of remote people are male?", staff) == pytest.approx(among_remote)
    assert answer("percentage of men among remote people", staff) == pytest.approx(100 * among_remote)


def test_a_difference_of_means_is_computed(staff: Table) -> None:
    d = staff.frame
    expected = d[d.sex == "M"].salary.mean() - d[d.sex == "F"].salary.mean()
    assert answer("difference in mean salary between men and women", staff) == pytest.approx(expected)


def test_ages_and_numbers_said_behind_are_bounds(staff: Table) -> None:
    d = staff.frame
    assert answer("number of people aged 30 to 40", staff) == d.age.between(30, 40).sum()
    assert answer("number of people aged 60 or over", staff) == (d.age >= 60).sum()
    assert answer("mean salary of people with no children", staff) == pytest.approx(d[d.children == 0].salary.mean())


def test_rounding_to_thousands_rounds_the_value(staff: Table) -> None:
    reading = read("mean salary rounded to the nearest thousand", staff)
    assert reading.runs
    assert reading.query is not None
    assert "rounded to the nearest 1,000" in reading.words
    assert list(compute(reading.query, staff).values.values()) == [round(staff.frame.salary.mean(), -3)]


@pytest.mark.parametrize(
    "question",
    [
        "average salary in euros",
        "mean monthly salary",
        "mean salary in thousands",
        "mean salary of people with dogs",
        "mean salary per child",
        "median instead of mean of salary",
        "mean salary for the median age",
        "geometric mean of salary",
        "mean salary of the last hires",
    ],
)
def test_what_the_reading_cannot_say_is_unread(question: str, staff: Table) -> None:
    assert not read(question, staff).runs
