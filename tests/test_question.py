"""Questions about small made-up tables are read into the right queries, and what is not understood is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assistant.dataset.compute import compute
from assistant.dataset.question import read
from kb.tables import Table, open_table


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Two hundred rows of shops with categories, numbers, gaps and dates."""
    rng = np.random.default_rng(5)
    n = 200
    frame = pd.DataFrame(
        {
            "shop_id": range(1, n + 1),
            "City": rng.choice(["Oslo", "Lima", "Quito"], n, p=[0.5, 0.3, 0.2]),
            "Gender": rng.choice(["male", "female"], n),
            "MonthlyRevenue": rng.gamma(2.0, 500.0, n).round(2),
            "staff_count": rng.integers(1, 30, n),
            "rent": np.where(rng.random(n) < 0.1, np.nan, rng.normal(900, 200, n).round(1)),
            "Closed": rng.choice(["Yes", "No"], n, p=[0.3, 0.7]),
            "year": rng.integers(1998, 2012, n),
        }
    )
    path = tmp_path_factory.mktemp("tables") / "shops.csv"
    frame.to_csv(path, index=False)
    return open_table(path)


def answer(question: str, table: Table, **more: str) -> Any:
    """The value of a question that must be read fully: the first outcome's."""
    reading = read(question, table, **more)
    assert reading.runs, (question, reading.words, reading.unread)
    assert reading.query is not None
    return compute(reading.query, table).outcomes[0].value


def test_a_mean_is_read_whatever_the_column_is_called(shops: Table) -> None:
    expected = shops.frame["MonthlyRevenue"].mean()
    for question in (
        "What is the mean monthly revenue?",
        "average MonthlyRevenue",
        "mean of the 'MonthlyRevenue' column",
    ):
        assert answer(question, shops) == pytest.approx(expected)


def test_rows_are_counted(shops: Table) -> None:
    assert answer("how many rows?", shops) == 200


def test_a_group_by_is_read(shops: Table) -> None:
    got = answer("average rent by city", shops)
    expected = shops.frame.groupby("City")["rent"].mean().to_dict()
    assert {key: pytest.approx(value) for key, value in got.items()} == expected


def test_a_word_that_is_no_column_is_unread(shops: Table) -> None:
    reading = read("what is the mean happiness?", shops)
    assert not reading.runs
    assert "happiness" in reading.unread


def test_names_wanted_back_are_bound(shops: Table) -> None:
    reading = read(
        "Calculate the mean and standard deviation of rent.",
        shops,
        format='@rent_mean[m] @rent_std[s] where "m" and "s" are numbers rounded to two decimal places.',
    )
    assert reading.runs
    assert reading.query is not None
    rent = shops.frame["rent"]
    assert dict(compute(reading.query, shops).values) == {
        "rent_mean": round(rent.mean(), 2),
        "rent_std": round(rent.std(), 2),
    }


def test_a_column_whose_name_is_a_pattern_is_only_a_name(tmp_path: Path) -> None:
    names = ["**bold** [x](y)", "$\\int_0^1$", "(", "fare"]
    frame = pd.DataFrame({name: range(10) for name in names} | {"city": ["Oslo", "Bergen"] * 5})
    frame.to_csv(tmp_path / "odd.csv", index=False)
    table = open_table(tmp_path / "odd.csv")
    for name in names:
        assert read(f"mean of fare by {name}", table).query is not None
    assert read("how many rows have city Oslo?", table).runs
