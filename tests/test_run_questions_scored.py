"""How answers over runs are scored, follow-ups, what an answer says, and the shared development questions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from run_oracle import Oracle
from test_run_questions import a_run

from assistant.evaluate_runs import RunGiven, ask_run, is_right, run_figures, run_question
from assistant.runs.answer import RunAnswers
from assistant.runs.build import Linker
from assistant.runs.follow import followed
from assistant.runs.reading import read
from ingest.trackers import READERS, detect
from kb import store
from kb.run_put import put_runs
from kb.types import SourceKey

SHARED = Path(os.environ.get("CITEWISE_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


def asked(answer: object, kind: str = "value_lookup", **over: object) -> object:
    return run_question({"kind": kind, "answer": answer, "tolerance": 0.01, **over})


@pytest.mark.parametrize(
    ("question", "given", "right"),
    [
        (asked(0.5), RunGiven(value=0.509), True),
        (asked(0.5), RunGiven(value=0.52), False),
        (asked("RMSProp"), RunGiven(value=" rmsprop "), True),
        (asked(None), RunGiven(), True),
        (asked(None), RunGiven(value=0), False),
        (asked([], "list"), RunGiven(value=[]), True),
        (asked(["a", "b"], "list"), RunGiven(value=["B", "a"]), True),
        (asked(["a"], "list"), RunGiven(value=["a", "c"]), False),
        (asked({"rf.depth": 7}, "run_params"), RunGiven(value={"model.rf.depth": 7, "x": 1}), True),
        (asked({"a.pt": 2}, "count_by"), RunGiven(value={"pt": 2}), False),
        (asked({"lr": [0.1, None]}, "compare_params"), RunGiven(value={"lr": [0.1, None]}), True),
        (asked({"difference": 0.3}, "compare_runs", sign="open"), RunGiven(value={"difference": -0.3}), True),
        (asked({"difference": 0.3}, "compare_runs"), RunGiven(value={"difference": -0.3}), False),
        (asked(1, "best_run", run_ids=["x", "y"]), RunGiven(value=1, run_ids=("y",)), True),
        (asked(1, "best_run", run_ids=["x"]), RunGiven(value=1, run_ids=("z",)), False),
        (asked([".", "b"], "list", aliases={".": ["root"]}), RunGiven(value=["b", "root"]), True),
    ],
)
def test_an_answer_is_right_by_its_kind(question: object, given: RunGiven, right: bool) -> None:
    assert is_right(question, given) is right  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> RunAnswers:
    catalogue = store.Catalogue.open(tmp_path_factory.mktemp("home") / "catalogue.db")
    runs = [
        a_run(1, lr=0.1, optimizer="sgd", accuracies=[0.5, 0.6, 0.7]),
        a_run(2, lr=0.01, optimizer="sgd", accuracies=[0.5, 0.8, 0.75]),
        a_run(3, lr=0.01, optimizer="adam", accuracies=[0.6, 0.9, 0.85]),
    ]
    with catalogue.write() as conn:
        key = SourceKey(collection="default", root="birds", source="birds/mlruns")
        source = store.set_source(conn, key, kind="mlflow", hash="", state="searchable", updated=0.0)
    put_runs(catalogue, source, runs)
    return RunAnswers(catalogue=catalogue)


def test_an_answer_names_and_cites_its_run(birds: RunAnswers) -> None:
    answer = birds.ask("best final val acc in birds, which run?")
    assert not answer.abstained
    assert "0.85" in answer.text
    assert "run03abcdef" in answer.text
    assert answer.claims[0].citations[0].run_id == "run03abcdef"  # type: ignore[union-attr]


def test_a_refusal_says_which_word_and_what_is_nearest(birds: RunAnswers) -> None:
    answer = birds.ask("best val accurracy on the birdnet test split of birds?")
    assert answer.abstained
    assert "birdnet" in answer.text


def test_a_why_is_left_to_what_was_recorded(birds: RunAnswers) -> None:
    answer = birds.ask("why did we use adam in brave-owl-3?")
    assert answer.abstained
    assert answer.reading.runs is not None
    assert answer.reading.runs.why


def test_the_worst_follows_the_best() -> None:
    oracle = Oracle([a_run(n, lr=0.1 / n, optimizer="sgd", accuracies=[0.1 * n]) for n in (1, 2, 3)])
    linker = Linker(oracle.vocabulary())
    first = read("best val acc in birds?", linker).query
    assert first is not None
    second = followed("and the worst?", linker, first)
    assert second is not None
    assert second.runs
    assert second.query is not None
    assert oracle.run(second.query).value == pytest.approx(0.1)


@pytest.mark.skipif(not (SHARED / "runs").is_dir(), reason="the shared data is not here")
def test_the_development_questions_are_answered_and_rarely_wrong(tmp_path: Path) -> None:
    catalogue = store.Catalogue.open(tmp_path / "catalogue.db")
    for found in detect(SHARED / "runs"):
        with catalogue.write() as conn:
            key = SourceKey(collection="default", root=str(SHARED), source=found.source)
            source = store.set_source(conn, key, kind=found.kind, hash="", state="searchable", updated=0.0)
        put_runs(catalogue, source, READERS[found.kind](found))
    answers = RunAnswers(catalogue=catalogue)
    lines = map(json.loads, (SHARED / "questions" / "runs_dev.jsonl").read_text("utf-8").splitlines())
    figures = run_figures([ask_run(one["id"], one["question"], run_question(one), answers.ask) for one in lines])
    assert figures["share_right"] >= 0.85
    assert figures["right_of_answered"] >= 0.97
    assert figures["null_refused"] == figures["null"]
