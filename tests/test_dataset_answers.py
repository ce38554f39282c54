"""Answers over a dataset: computed claims cite what gives them, facts and documents meet, and nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assistant.assistant import Assistant, turn
from assistant.dataset.steps import Col, Measure, Query
from assistant.dataset.wire import link
from assistant.types import Answer
from assistant.wire import answer_json
from ingest.sync import sync
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.tables import Table, open_table
from kb.types import DatasetCitation, Verdict

ROWS = 120


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table of orders, a fifth of its weights missing."""
    noise = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "weight": np.where(noise.random(ROWS) < 0.2, np.nan, noise.normal(20, 4, ROWS).round(1)),
            "price": noise.gamma(2, 30, ROWS).round(2),
            "region": noise.choice(["north", "south"], ROWS),
        }
    )
    frame.to_csv(tmp_path / "orders.csv", index=False)
    return open_table(tmp_path / "orders.csv")


@pytest.fixture
def assistant(kb: KnowledgeBase, tmp_path: Path) -> Assistant:
    """An assistant whose documents say how to fill missing values."""
    notes = tmp_path / "notes"
    notes.mkdir()
    text = "# Missing values\n\nImpute missing values in a numeric column with the median, fitted on training rows.\n"
    (notes / "missing.md").write_text(text)
    sync(kb, [str(notes)])
    return Assistant(kb=kb, abstain_below=0.0)


def cited(answer: Answer) -> list[DatasetCitation]:
    return [c for claim in answer.claims for c in claim.citations if isinstance(c, DatasetCitation)]


def evaluated(expression: str, table: Table) -> Any:
    return eval(expression, {"df": table.frame, "pd": pd, "np": np})


def test_a_computed_claim_cites_the_expression_that_gives_its_value(assistant: Assistant, table: Table) -> None:
    answer = assistant.ask("mean of price by region", dataset=table)
    [citation] = cited(answer)
    assert [claim.verdict for claim in answer.claims] == [Verdict.COMPUTED]
    assert citation.value == pytest.approx(table.frame.groupby("region")["price"].mean().to_dict())
    assert evaluated(citation.expression, table) == pytest.approx(citation.value)
    assert citation.fingerprint == table.fingerprint


def test_the_stream_ends_with_the_claims_it_yielded(assistant: Assistant, table: Table) -> None:
    reading, *claims, answer = assistant.stream("median of price", dataset=table)
    assert isinstance(answer, Answer)
    assert tuple(claims) == answer.claims
    assert reading == answer.reading


def test_names_asked_for_are_in_the_result_rounded_as_asked(assistant: Assistant, table: Table) -> None:
    answer = assistant.ask(
        "Calculate the mean of price.", dataset=table, format="@mean_price[value] rounded to two decimal places"
    )
    made = answer_json(answer)["result"]
    assert made["kind"] == "values"
    assert made["value"] == {"mean_price": round(float(table.frame["price"].mean()), 2)}


def test_the_json_of_an_answer_is_json_and_links_run_again(assistant: Assistant, table: Table) -> None:
    said = json.loads(json.dumps(answer_json(assistant.ask("mean of price by region", dataset=table))))
    again = assistant.ask("mean of price by region", dataset=table, link=said["reading"]["link"])
    assert [claim["text"] for claim in said["claims"]] == [claim.text for claim in again.claims]
    assert again.reading.table is not None
    assert again.reading.table.chips
    assert said["dataset"]["name"] == "orders.csv"
    assert said["trail"] is not None
    assert "pd.read_csv" in said["code"]


def test_rows_that_lack_a_value_are_said_to_be_left_out(assistant: Assistant, table: Table) -> None:
    answer = assistant.ask("mean of weight", dataset=table)
    present = int(table.frame["weight"].notna().sum())
    assert answer.left_out == (f"mean of weight: from {present} of {ROWS} rows, the others lack a value.",)


def test_what_cannot_be_read_waits_and_says_which_words(assistant: Assistant, table: Table) -> None:
    answer = assistant.ask("mean of price for gizmos above 17.3", dataset=table)
    assert answer.abstained
    assert not answer.claims
    assert "gizmos" in " ".join(answer.missing)


def test_every_suggestion_of_an_answer_works(assistant: Assistant, table: Table) -> None:
    for question in ("mean of price by region", "how many rows are there?", "what is wrong with this data?"):
        answer = assistant.ask(question, dataset=table)
        for suggestion in answer.suggestions:
            assert not assistant.ask(suggestion, dataset=table).abstained, suggestion


def test_what_to_do_about_a_column_has_its_fact_and_the_documents(assistant: Assistant, table: Table) -> None:
    answer = assistant.ask("weight has missing values, what should I do?", dataset=table)
    assert [claim.verdict for claim in answer.claims[:1]] == [Verdict.COMPUTED]
    assert str(int(table.frame["weight"].isna().sum())) in answer.claims[0].text
    assert any(claim.verdict is Verdict.QUOTED and "median" in claim.text for claim in answer.claims)


@pytest.mark.parametrize(
    "question",
    ["what is wrong with this data?", "what should I look at first?", "describe the data", "summarize weight"],
)
def test_questions_about_the_whole_are_answered_by_facts(assistant: Assistant, table: Table, question: str) -> None:
    answer = assistant.ask(question, dataset=table)
    assert answer.claims
    assert all(claim.verdict is Verdict.COMPUTED for claim in answer.claims)
    for citation in cited(answer):
        assert evaluated(citation.expression, table) == pytest.approx(citation.value)


def test_a_question_that_names_no_column_goes_to_the_documents(assistant: Assistant, table: Table) -> None:
    answer = assistant.ask("How do I impute missing values?", dataset=table)
    assert any(claim.verdict is Verdict.QUOTED for claim in answer.claims)


def test_a_link_that_does_not_fit_the_table_is_refused(assistant: Assistant, table: Table) -> None:
    stray = link(Query(steps=(Measure(label="m", function="mean", columns=(Col("nowhere"),)),)))
    with pytest.raises(BadInput, match="nowhere"):
        assistant.ask("mean of nowhere", dataset=table, link=stray)


def test_an_earlier_reading_is_kept_for_a_follow_up(assistant: Assistant, table: Table) -> None:
    first = turn(assistant.ask("mean of price", dataset=table))
    assert first.query is not None
    answer = assistant.ask("and by region?", dataset=table, history=(first,))
    assert cited(answer)[0].value == pytest.approx(table.frame.groupby("region")["price"].mean().to_dict())
