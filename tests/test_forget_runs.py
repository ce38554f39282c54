"""A forgotten history leaves stored answers: what cites its runs, counts them or lists them goes."""

from __future__ import annotations

from typing import Any

from run_answers import put

from assistant.assistant import Assistant
from assistant.wire import answer_json
from kb import conversations
from kb.knowledge import KnowledgeBase


def answers(kb: KnowledgeBase) -> list[dict[str, Any]]:
    """Return the answers of the only conversation."""
    [chat] = conversations.recent(kb.catalogue)
    return [turn.answer for turn in conversations.turns(kb.catalogue, chat.id)]


def asked(kb: KnowledgeBase, *questions: str) -> None:
    """Ask and store."""
    chat = conversations.start(kb.catalogue, "runs")
    for question in questions:
        answer = Assistant(kb=kb).ask(question)
        assert not answer.abstained, question
        conversations.append(kb.catalogue, chat, question, answer_json(answer))


def test_answers_that_stand_on_forgotten_runs_go(kb: KnowledgeBase) -> None:
    put(kb)
    asked(kb, "which run has the best val_auc?", "how many runs failed?", "what is the mean val_auc?")
    kb.forget("mlruns")
    for answer in answers(kb):
        assert answer["text"] == conversations.FORGOTTEN
        assert (answer["claims"], answer["table"], answer["result"]["value"]) == ([], None, None)


def test_answers_that_stand_on_other_runs_stay(kb: KnowledgeBase) -> None:
    put(kb, "mlruns")
    asked(kb, "which run has the best val_auc?")
    put(kb, "newer")
    kb.forget("newer")
    [answer] = answers(kb)
    assert answer["claims"][0]["citations"][0]["run_id"] == "anna0001"
    assert answer["table"]["rows"]
