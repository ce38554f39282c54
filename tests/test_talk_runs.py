"""Runs and decisions in the terminal: values with where they are stored, readings that are run, aliases, one run."""

from __future__ import annotations

import pytest
from run_answers import put
from talking import Talk

from kb.decisions import Decision, append
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase


@pytest.fixture
def talk(kb: KnowledgeBase) -> Talk:
    """A conversation with a small history of runs at hand."""
    put(kb)
    return Talk(kb, None)


def test_a_value_stands_with_the_run_it_is_stored_in(talk: Talk) -> None:
    shown = talk.say("which run has the best val_auc?")
    assert " 1 Best val_auc" in shown
    assert "“Best" not in shown
    assert "mlruns/1/anna › churn › run anna0001, val_auc = 0.91 at step 2" in shown
    assert "Read as  best val_auc" in shown
    assert "Values   computed from stored values" in shown
    assert "word for word" not in shown
    assert shown.index("0.91") < shown.index("Read as") < shown.index("computed from")


def test_no_line_is_wider_than_the_terminal(talk: Talk) -> None:
    for question in ("which run has the best val_auc?", "how many runs failed?", "list all runs", ":open 1"):
        assert max(map(len, talk.say(question).splitlines())) <= 80


def test_a_citation_opens_its_run(talk: Talk) -> None:
    shown = talk.say("which run has the best val_auc?", ":open 1")
    assert shown.startswith("mlruns/1/anna › churn › run anna0001")
    assert "took 60.0 s" in shown
    for said in ("test_auc", "lr = 0.091", "model = forest", "Files"):
        assert said in shown
    with pytest.raises(BadInput, match="no citation '9'"):
        talk.say(":open 1 9")


def test_a_citation_of_a_forgotten_run_says_so(talk: Talk, kb: KnowledgeBase) -> None:
    talk.say("which run has the best val_auc?")
    kb.forget("mlruns")
    with pytest.raises(BadInput, match="not stored any more"):
        talk.say(":open 1")


def test_what_is_not_understood_waits_and_runs_when_told(talk: Talk) -> None:
    shown = talk.say("how many zorkish runs failed?")
    assert "(!) “zorkish”" in shown
    assert "Run this reading: :run" in shown
    assert "Number of failed runs: 1." in talk.say(":run")


def test_a_chip_is_changed_and_dropped(talk: Talk) -> None:
    talk.say("which run has the best val_auc?")
    assert "test_auc" in talk.say(":run", ":set 1")
    assert "Best test_auc" in talk.say(":set 1 test_auc")
    talk.say("how many runs failed?")
    assert "Number of runs: 4." in talk.say(f":drop {talk.chip('failed')}")


def test_a_word_of_the_team_is_kept_used_and_taken_back(talk: Talk) -> None:
    assert "no answer yet" in talk.say("which run has the best auc?").lower()
    assert "“auc” is val_auc" in talk.say(":alias AUC val_auc")
    assert "Best val_auc" in talk.say("which run has the best auc?")
    assert "your team" in talk.chips[0]["note"]
    assert "auc = val_auc" in talk.say(":alias")
    talk.say(":unalias auc")
    assert "no answer yet" in talk.say("which run has the best auc?").lower()


@pytest.mark.parametrize(
    ("line", "said"), [(":alias auc", "a logged name"), (":alias auc val_oc", "val_auc"), (":unalias x", "lists them")]
)
def test_what_is_no_alias_says_what_is_wrong(talk: Talk, line: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        talk.say(line)
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_a_decision_is_quoted_with_what_stands_and_what_it_replaced(talk: Talk, kb: KnowledgeBase) -> None:
    old = append(kb.catalogue, Decision(stage="model", choice="Use a boosted forest for churn"), ("it was quick",))
    new = Decision(stage="model", choice="Use a plain forest for churn", supersedes=(old.id,))
    append(kb.catalogue, new, ("the boosted forest overfits",))
    shown = talk.say("why did we choose the plain forest for churn?")
    assert "“Use a plain forest for churn”" in shown
    assert "[current]" in shown
    assert "[superseded]" in shown
    assert "replaced" in shown
    assert "replaced" in talk.say(":open 1")


def test_that_no_reason_was_recorded_comes_with_the_command_that_records_one(talk: Talk, kb: KnowledgeBase) -> None:
    append(kb.catalogue, Decision(stage="model", choice="Use a plain forest for churn"))
    shown = talk.say("why did we choose the plain forest for churn?")
    assert shown.startswith("No answer. No reason was recorded")
    assert "citewise decide --stage model" in " ".join(shown.split())
