"""The chat page over runs and decisions without a browser: computed answers, links, aliases, panels and the palette."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from run_answers import put
from streamlit import config
from streamlit.testing.v1 import AppTest
from test_app import APP, trees

from assistant.assistant import Assistant
from assistant.wire import answer_json
from ingest.split import FINGERPRINT
from kb import aliases, conversations
from kb.decisions import Decision, append, ledger
from kb.embed import MiniLM
from kb.history import RunFilter, RunQuery
from kb.knowledge import KnowledgeBase
from kb.run_wire import link
from ui import decision_panel, palette_runs, table_answer
from ui.nodes import Node, el, text_of

FAILED = RunQuery(select="count", filters=(RunFilter(field="state", value="failed"),))


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    """A knowledge base with a small history of runs."""
    with KnowledgeBase(tmp_path / "home", embedder=MiniLM(), splitter=FINGERPRINT) as opened:
        put(opened)
        yield opened


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, base: KnowledgeBase) -> Iterator[AppTest]:
    """The app over `base`, with nothing left over from another test."""
    monkeypatch.setenv("CITEWISE_HOME", str(base.home))
    config.set_option("server.address", "127.0.0.1")
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file(APP, default_timeout=90)
    st.cache_resource.clear()
    st.cache_data.clear()
    config.set_option("server.address", None)


def given(base: KnowledgeBase, question: str, **more: Any) -> dict[str, Any]:
    """Return an answer as it is stored."""
    return answer_json(Assistant(kb=base).ask(question, **more))


def shown(answer: dict[str, Any]) -> Node:
    """Return the whole tree of an answer."""
    return el("div", "", *table_answer.above(answer), *table_answer.below(answer))


def events(node: Node | str) -> list[dict[str, Any]]:
    """Return what the buttons of a tree send."""
    if isinstance(node, str):
        return []
    own = [dict(node.event)] if node.event else []
    return [*own, *(event for child in node.children for event in events(child))]


def test_a_question_over_runs_is_answered_and_kept(app: AppTest, base: KnowledgeBase) -> None:
    app.run()
    app.chat_input[0].set_value("which run has the best val_auc?").run()
    assert not app.exception
    said = trees(app)
    assert "cw-answer-first" in said
    assert "computed from stored values" in said
    assert "word for word" not in said
    [turn] = conversations.turns(base.catalogue, conversations.recent(base.catalogue)[0].id)
    assert turn.answer["claims"][0]["citations"][0]["run_id"] == "anna0001"


def test_a_link_of_a_reading_over_runs_runs_without_a_table(app: AppTest, base: KnowledgeBase) -> None:
    app.query_params["r"] = link(FAILED)
    app.run()
    app.run()
    assert not app.exception
    assert "Number of failed runs: 1." in trees(app)
    [turn] = conversations.turns(base.catalogue, conversations.recent(base.catalogue)[0].id)
    assert turn.question == "number of failed runs"


@pytest.mark.parametrize("damage", ["x", "eNp", "<script>"])
def test_a_damaged_link_is_told(app: AppTest, damage: str) -> None:
    app.query_params["r"] = damage
    app.run()
    assert not app.exception
    assert 'class="cw-notice"' in trees(app)


def test_the_answer_comes_first_then_its_reading_with_a_link_that_names_no_table(base: KnowledgeBase) -> None:
    tree = shown(given(base, "how many runs failed?"))
    said = text_of(tree)
    assert said.index("Number of failed runs: 1.") < said.index("Read as") < said.index("computed from stored values")
    sent = events(tree)
    assert [event["address"].startswith("?r=") for event in sent if event["do"] == "copy"] == [True]
    assert not [event for event in sent if event["do"] == "save"]
    dropped = [event for event in sent if event["do"] == "run-reading"]
    assert [given(base, "", link=event["link"])["result"]["value"] for event in dropped] == [4]


def test_an_ambiguous_word_waits_with_its_meanings_and_a_way_to_keep_one(base: KnowledgeBase) -> None:
    tree = shown(given(base, "which run has the best auc?"))
    said, sent = text_of(tree), events(tree)
    assert "Not run yet" in said
    assert "Always take “auc” as" in said
    assert {event["meaning"] for event in sent if event["do"] == "alias"} == {"val_auc", "test_auc"}
    assert [event for event in sent if event["do"] == "run-reading"]
    aliases.choose(base.catalogue, "auc", "test_auc")
    again = given(base, "which run has the best auc?")
    assert not again["abstained"]
    assert "your team" in text_of(shown(again))


def test_what_runs_cite_twice_stands_once(base: KnowledgeBase) -> None:
    put(base, "copies")
    answer = given(base, "which run has the best val_auc?")
    cited = [event for event in events(shown(answer)) if event["do"] == "run"]
    assert len(cited) == len({str(event["citation"]) for event in cited}) == 2


def test_a_decision_shows_what_stands_and_what_it_replaced(base: KnowledgeBase) -> None:
    old = append(base.catalogue, Decision(stage="model", choice="Use a boosted forest for churn"), ("it was quick",))
    new = Decision(stage="model", choice="Use a plain forest for churn", supersedes=(old.id,))
    kept = append(base.catalogue, new, ("the boosted forest overfits",))
    tree = shown(given(base, "why did we choose the plain forest for churn?"))
    said = text_of(tree)
    assert "current" in said
    assert "superseded" in said
    assert {event["id"] for event in events(tree) if event["do"] == "decision"} == {old.id, kept.id}
    panel = decision_panel.panel(ledger(base.catalogue), kept)
    assert "the boosted forest overfits" in text_of(panel)
    assert "Use a boosted forest" in text_of(panel)
    assert "not recorded any more" in text_of(decision_panel.panel(ledger(base.catalogue), None))


def test_a_missing_reason_comes_with_the_command_that_records_it(base: KnowledgeBase) -> None:
    append(base.catalogue, Decision(stage="model", choice="Use a plain forest for churn"))
    tree = shown(given(base, "why did we choose the plain forest for churn?"))
    assert "No reason was recorded" in text_of(tree)
    [copied] = [event["text"] for event in events(tree) if event["do"] == "copy"]
    assert copied.startswith("citewise decide --stage model")


def test_the_palette_finds_experiments_and_their_best_runs(base: KnowledgeBase) -> None:
    found = palette_runs.found(base.catalogue)
    assert [(item.kind, item.text) for item in found][:2] == [("experiment", "churn"), ("run", "anna")]
    assert "anna0001" in found[1].note
    assert len(found) == 1 + palette_runs.BEST


def test_a_home_with_runs_alone_offers_questions_about_them(app: AppTest) -> None:
    app.run()
    said = trees(app)
    assert "4 runs are ready to answer" in said
    assert "Which run has the best" in said
