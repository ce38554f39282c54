"""Chips, nearest readings and follow-ups: every query that is offered runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pytest

from assistant.dataset.compute import compute
from assistant.dataset.question import read
from assistant.dataset.steps import Query
from assistant.dataset.types import TableReading
from kb.tables import Table, open_table

QUESTIONS = (
    "average rent by city",
    "median revenue of closed shops in Oslo",
    "how many shops have more than 10 staff?",
    "correlation between rent and revenue",
    "is rent normally distributed?",
    "t-test of revenue between male and female",
    "outliers in revenue",
    "remove outliers from revenue and compute the mean",
    "which city has the highest mean rent?",
    "top 3 shops by revenue",
    "distribution of rent",
    "share of shops in each city",
    "mean happiness by city",
    "rent of the shop with the best smell",
    "anything",
)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Table:
    rng = np.random.default_rng(11)
    n = 150
    frame = pd.DataFrame(
        {
            "ShopID": [f"S{number}" for number in range(n)],
            "city": rng.choice(["Oslo", "Lima", "Quito"], n),
            "gender": rng.choice(["male", "female"], n),
            "revenue": rng.gamma(2.0, 500.0, n).round(2),
            "staff": rng.integers(1, 30, n),
            "rent": rng.normal(900, 200, n).round(1),
            "closed": rng.choice(["Yes", "No"], n),
        }
    )
    path = tmp_path_factory.mktemp("tables") / "shops.csv"
    frame.to_csv(path, index=False)
    return open_table(path)


def offered(reading: TableReading) -> Iterator[Query]:
    """Every query that a reading holds."""
    if reading.query is not None:
        yield reading.query
    yield from (query for _, query in reading.nearest)
    for chip in reading.chips:
        yield from (option.query for option in chip.options)
        if chip.drop is not None:
            yield chip.drop


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_query_that_is_offered_runs(question: str, shops: Table) -> None:
    for query in offered(read(question, shops)):
        assert compute(query, shops).outcomes


def test_a_refusal_names_what_it_did_not_read_and_offers_what_is_near(shops: Table) -> None:
    reading = read("mean happiness by city", shops)
    assert not reading.runs
    assert "happiness" in reading.unread
    assert 1 <= len(reading.nearest) <= 3


def test_a_chip_offers_real_values_with_their_counts(shops: Table) -> None:
    reading = read("average rent in Oslo", shops)
    [chip] = [chip for chip in reading.chips if chip.kind == "filter"]
    counts = shops.frame["city"].value_counts()
    assert {option.text: option.note for option in chip.options} == {
        city: f"{counts[city]:,} rows" for city in ("Lima", "Quito")
    }


def test_a_dropped_condition_leaves_the_rest(shops: Table) -> None:
    reading = read("average rent in Oslo", shops)
    [chip] = [chip for chip in reading.chips if chip.kind == "filter"]
    assert chip.drop is not None
    [outcome] = compute(chip.drop, shops).outcomes
    assert outcome.value == pytest.approx(shops.frame["rent"].mean())


def asked(shops: Table, *questions: str) -> object:
    """The value after a question and its follow-ups."""
    previous = None
    for question in questions:
        reading = read(question, shops, previous=previous)
        assert reading.runs, (question, reading.unread)
        previous = reading.query
    assert previous is not None
    return compute(previous, shops).outcomes[0].value


def test_a_follow_up_adds_a_group_and_a_condition(shops: Table) -> None:
    frame = shops.frame
    expected = frame[frame["gender"] == "female"].groupby("city")["rent"].mean().to_dict()
    assert asked(shops, "average rent", "and by city?", "only for female") == pytest.approx(expected)


def test_a_follow_up_changes_the_statistic_and_the_column(shops: Table) -> None:
    assert asked(shops, "average rent", "what about the median?") == pytest.approx(shops.frame["rent"].median())
    assert asked(shops, "average rent", "same for revenue") == pytest.approx(shops.frame["revenue"].mean())


def meanings(texts: Sequence[str]) -> np.ndarray:
    """Texts about money share a direction; every other text has one of its own."""
    money = {"revenue", "earnings", "turnover"}
    vectors = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in enumerate(texts):
        vectors[row, 0 if text in money else 1 + sum(map(ord, text)) % 63] = 1.0
    return vectors


def test_a_column_found_by_meaning_waits_to_be_confirmed(shops: Table) -> None:
    reading = read("mean earnings by city", shops, embed=meanings)
    assert reading.words == "mean of revenue by city"
    assert not reading.runs
    assert [chip.sure for chip in reading.chips if chip.text == "revenue"] == [False]
