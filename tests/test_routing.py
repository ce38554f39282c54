"""A question goes where its answer is: to the runs, the documents, the decisions, or the dataset at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.assistant import Assistant, turn
from assistant.wire import answer_json
from ingest.sync import sync
from kb.knowledge import KnowledgeBase
from kb.tables import Table, open_table
from kb.types import RunCitation, Verdict


@pytest.fixture
def assistant(kb: KnowledgeBase, tmp_path: Path) -> Assistant:
    """An assistant that knows a note and three runs of a CSV history."""
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "note.md").write_text(
        "# Early stopping\n\nStop training when the validation metric is worse five times.\n"
    )
    lines = ["run_id,learning_rate,model,val_accuracy", "r1,0.1,cnn,0.81", "r2,0.01,cnn,0.9", "r3,0.01,mlp,0.7"]
    (folder / "results.csv").write_text("\n".join(lines) + "\n")
    sync(kb, [str(folder)])
    assert kb.catalogue.count("runs") == 3
    return Assistant(kb=kb, abstain_below=0.0)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A small table of another subject."""
    (tmp_path / "fruit.csv").write_text("fruit,weight\napple,3\npear,5\n")
    return open_table(tmp_path / "fruit.csv")


def test_a_question_read_as_one_about_runs_cites_them(assistant: Assistant) -> None:
    answer = assistant.ask("best val_accuracy?")
    [citation] = [c for c in answer.claims[0].citations if isinstance(c, RunCitation)]
    assert (citation.run_id, citation.value) == ("r2", 0.9)
    made = json.loads(json.dumps(answer_json(answer)))
    assert made["result"]["kind"] == "best_run"
    assert made["result"]["value"] == 0.9
    assert [run["run_id"] for run in made["result"]["runs"]] == ["r2"]
    assert made["reading"]["route"] == "runs"


def test_its_link_gives_the_same_again(assistant: Assistant) -> None:
    said = answer_json(assistant.ask("how many runs per model?"))
    again = answer_json(assistant.ask("", link=said["reading"]["link"]))
    assert again["result"] == said["result"]
    assert again["result"]["value"] == {"cnn": 2, "mlp": 1}


def test_a_follow_up_leans_on_the_runs_asked_before(assistant: Assistant) -> None:
    first = assistant.ask("best val_accuracy?")
    answer = assistant.ask("and the worst?", history=(turn(first),))
    assert answer_json(answer)["result"]["value"] == 0.7


def test_other_questions_go_to_the_documents(assistant: Assistant) -> None:
    answer = assistant.ask("When should training stop early?")
    assert [claim.verdict for claim in answer.claims][:1] == [Verdict.QUOTED]


def test_what_was_never_logged_waits_or_is_left_to_the_documents(assistant: Assistant) -> None:
    answer = assistant.ask("best test_auc of the cnn runs?")
    assert all(claim.verdict is Verdict.QUOTED for claim in answer.claims)


def test_runs_are_asked_beside_a_dataset_too(assistant: Assistant, table: Table) -> None:
    answer = assistant.ask("which run has the best val_accuracy?", dataset=table)
    assert answer_json(answer)["result"]["value"] == 0.9
    assert answer_json(assistant.ask("mean weight", dataset=table))["result"]["kind"] == "values"
