"""Questions with constraints and names wanted back; the public questions where they are at hand."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assistant.dataset.asks import asks_of
from assistant.dataset.compute import compute
from assistant.dataset.question import read
from kb.errors import BadInput
from kb.tables import Table, open_table

SHARED = Path(os.environ.get("CITEWISE_SHARED_DATA", Path(__file__).parents[1].parent / "shared" / "data"))


@pytest.fixture(scope="module")
def boats(tmp_path_factory: pytest.TempPathFactory) -> Table:
    rng = np.random.default_rng(23)
    n = 180
    frame = pd.DataFrame(
        {
            "BoatName": [f"boat {number}" for number in range(n)],
            "HullType": rng.choice(["steel", "wood", "fibre"], n),
            "insured": rng.choice(["Yes", "No"], n),
            "length_m": rng.normal(12, 3, n).round(2),
            "enginePower": np.where(rng.random(n) < 0.08, np.nan, rng.gamma(3, 40, n).round(1)),
            "asking_price": rng.lognormal(10, 0.6, n).round(0),
        }
    )
    path = tmp_path_factory.mktemp("tables") / "boats.csv"
    frame.to_csv(path, index=False)
    return open_table(path)


def values(table: Table, question: str, constraints: str, form: str) -> dict[str, Any]:
    reading = read(question, table, constraints=constraints, format=form)
    assert reading.runs, (reading.words, reading.unread)
    assert reading.query is not None
    return dict(compute(reading.query, table).values)


def test_names_digits_and_options_are_read_from_the_format() -> None:
    mean, kind = asks_of(
        '@mean_x[m] @kind[k] where "m" is rounded to three decimal places, "k" is either "good" or "bad".'
    )
    assert (mean.name, mean.digits, mean.options) == ("mean_x", 3, ())
    assert kind.options == ("good", "bad")


def test_a_correlation_comes_with_its_p_value_and_a_stated_rule(boats: Table) -> None:
    got = values(
        boats,
        "Is there a correlation between the boat's length and the asking price?",
        "Calculate the Pearson correlation coefficient. If the p-value is less than 0.05 and the absolute value of r "
        "is at least 0.5, the relation is strong. If the p-value is less than 0.05 and the absolute value of r is less "
        "than 0.5, the relation is weak. If the p-value is greater than or equal to 0.05, there is no relation.",
        '@r[r] @p_value[p] @relation[kind] where "r" and "p" are rounded to four decimal places and "kind" is a string '
        'that can be "strong", "weak" or "none".',
    )  # fmt: skip
    r, p = stats.pearsonr(boats.frame["length_m"], boats.frame["asking_price"])
    assert got == {
        "r": round(r, 4),
        "p_value": round(p, 4),
        "relation": "none" if p >= 0.05 else "strong" if abs(r) >= 0.5 else "weak",
    }


def test_groups_are_found_by_the_words_of_the_names(boats: Table) -> None:
    got = values(
        boats,
        "What is the average engine power for each hull type?",
        "",
        "@mean_power_steel[v] @mean_power_wood[v] where v is rounded to two decimal places",
    )
    means = boats.frame.groupby("HullType")["enginePower"].mean().round(2)
    assert got == {"mean_power_steel": means["steel"], "mean_power_wood": means["wood"]}


def test_a_new_column_is_made_and_measured(boats: Table) -> None:
    got = values(
        boats,
        'Create a new feature called "PricePerMeter" by dividing the asking price by the length. '
        "Calculate its mean and standard deviation.",
        "Use the population standard deviation.",
        '@mean_ppm[m] @std_ppm[s] where "m" and "s" are rounded to two decimal places.',
    )  # fmt: skip
    ratio = boats.frame["asking_price"] / boats.frame["length_m"]
    assert got == {"mean_ppm": round(ratio.mean(), 2), "std_ppm": round(ratio.std(ddof=0), 2)}


def test_values_before_and_after_filling_are_told_apart(boats: Table) -> None:
    got = values(
        boats,
        "Replace the missing values of engine power with the median. What is its mean before and after?",
        "",
        '@mean_before[a] @mean_after[b] where "a" and "b" are rounded to two decimal places.',
    )
    power = boats.frame["enginePower"]
    assert got == {"mean_before": round(power.mean(), 2), "mean_after": round(power.fillna(power.median()).mean(), 2)}


def test_a_name_that_nothing_answers_keeps_the_question_from_running(boats: Table) -> None:
    reading = read("What is the mean length?", boats, format="@mean_length[v] @crew_size[v]")
    assert not reading.runs
    assert "crew_size" in reading.unread


def test_a_split_without_a_seed_is_not_run_unasked(boats: Table) -> None:
    question = "Train a linear regression to predict asking_price from length_m and report the RMSE on a 20% test set."
    assert not read(question, boats, format="@rmse[v]").runs
    assert read(question, boats, constraints="Use a random state of 3.", format="@rmse[v]").runs


@pytest.mark.parametrize(
    "question",
    [
        "weighted average of asking price by length",
        "mean asking price of the first 20 boats",
        "mean asking price of red boats",
        "mean of asking price / length",
        "average asking price excluding the top 10%",
    ],
)
def test_what_is_not_understood_does_not_run(question: str, boats: Table) -> None:
    assert not read(question, boats).runs


def right(found: Any, wanted: str) -> bool:
    try:
        return abs(float(found) - float(wanted)) <= 1e-6
    except (TypeError, ValueError):
        return str(found).strip().lower() == wanted.strip().lower()


@pytest.mark.shared_data
@pytest.mark.slow
def test_of_the_public_questions_that_are_answered_most_are_right() -> None:
    path = SHARED / "questions" / "tables_dev.jsonl"
    if not path.exists():
        pytest.skip("the shared data is not at hand")
    counts = Counter[bool]()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        table = open_table(SHARED / "tables" / line["file_name"])
        reading = read(line["question"], table, constraints=line["constraints"], format=line["format"])
        if reading.runs and reading.query is not None:
            try:
                got = compute(reading.query, table).values
            except BadInput:
                got = {}
            counts[all(right(got.get(name), wanted) for name, wanted in line["answers"])] += 1
    assert counts[True] >= 0.6 * len(lines)
    assert counts[True] >= 0.9 * counts.total()
