"""Saved readings show where their answer changed, and questions that nothing could answer are collected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kb import conversations, readings
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.readings import Change, Saved, Unanswered
from kb.store import Catalogue


@pytest.fixture
def catalogue(kb: KnowledgeBase) -> Catalogue:
    """The catalogue of an empty knowledge base."""
    return kb.catalogue


def save(catalogue: Catalogue, name: str = "Mean age", **values: Any) -> Saved:
    """Save a reading with the values that it gave."""
    told = {"question": "What is the mean age?", "query": {"steps": []}, "fingerprint": "before"}
    return readings.save(catalogue, name=name, dataset="d1", values=values or {"mean": 29.7}, **told)  # type: ignore[arg-type]


# -- saved readings ------------------------------------------------------------------------------------------------


def test_a_reading_is_saved_renamed_and_removed(catalogue: Catalogue) -> None:
    saved = save(catalogue)
    assert (saved.name, saved.dataset, saved.values, saved.changes) == ("Mean age", "d1", {"mean": 29.7}, ())
    assert readings.rename(catalogue, saved.id, "  Age,\n mean ").name == "Age, mean"
    readings.remove(catalogue, saved.id)
    assert readings.list_of(catalogue) == ()
    assert readings.get(catalogue, saved.id) is None


def test_readings_are_listed_latest_first_and_by_table(catalogue: Catalogue) -> None:
    first, second = save(catalogue, "first"), save(catalogue, "second")
    assert [one.name for one in readings.list_of(catalogue)] == ["second", "first"]
    assert readings.list_of(catalogue, dataset="d1") == (second, first)
    assert readings.list_of(catalogue, dataset="other") == ()


@pytest.mark.parametrize("name", ["", "  \n "])
def test_a_reading_without_a_name_is_refused(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(BadInput, match="name"):
        save(catalogue, name)


def test_a_run_marks_what_changed_until_that_is_accepted(catalogue: Catalogue) -> None:
    saved = save(catalogue, mean=29.7, n=891)
    ran = readings.mark(catalogue, saved.id, {"mean": 30.1, "n": 891}, "after")
    assert ran.changes == (Change(name="mean", before=29.7, after=30.1),)
    assert (ran.values, ran.fingerprint, ran.last_fingerprint) == ({"mean": 29.7, "n": 891}, "before", "after")
    accepted = readings.accept(catalogue, saved.id)
    assert (accepted.changes, accepted.values["mean"], accepted.fingerprint) == ((), 30.1, "after")


def test_accepting_what_never_ran_changes_nothing(catalogue: Catalogue) -> None:
    saved = save(catalogue)
    assert readings.accept(catalogue, saved.id) == saved


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (1, 1.0),
        (0.1 + 0.2, 0.3),
        (float("nan"), float("nan")),
        (None, None),
        ([1, "a"], (1, "a")),
        ({"x": 1.0}, {"x": 1}),
        (True, True),
    ],
)
def test_what_is_the_same_is_no_change(catalogue: Catalogue, before: Any, after: Any) -> None:
    assert readings.changed(save(catalogue, v=before), {"v": after}) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [(1, 1.001), (1, True), (1, None), ("a", "b"), ([1], [1, 2]), ({"x": 1}, {"y": 1}), (0, float("nan")), (1, "1")],
)
def test_what_differs_is_a_change(catalogue: Catalogue, before: Any, after: Any) -> None:
    assert [one.name for one in readings.changed(save(catalogue, v=before), {"v": after})] == ["v"]


def test_names_that_came_and_went_are_changes(catalogue: Catalogue) -> None:
    found = readings.changed(save(catalogue, a=1, b=2), {"b": 2, "c": 3})
    assert found == (Change(name="a", before=1, after=None), Change(name="c", before=None, after=3))


def test_a_reading_that_was_removed_says_so(catalogue: Catalogue) -> None:
    for act in (
        readings.accept,
        lambda c, id: readings.mark(c, id, {}, "f"),
        lambda c, id: readings.rename(c, id, "x"),
    ):
        with pytest.raises(BadInput, match="nothing"):
            act(catalogue, "nothing")


# -- what could not be answered ------------------------------------------------------------------------------------


def refused(**more: Any) -> dict[str, Any]:
    """Return an answer that abstains."""
    return {"abstained": True, "missing": ["“Spark” is in nothing ingested."], "reading": {}, **more}


def answered() -> dict[str, Any]:
    """Return an answer, which tells of abstaining only in its text."""
    return {"abstained": False, "text": 'It said {"abstained": true}.', "missing": []}


def ask(catalogue: Catalogue, *turns: tuple[str, Mapping[str, Any]]) -> str:
    """Store a conversation of questions and answers and return its id."""
    chat = conversations.start(catalogue, "a chat")
    for question, answer in turns:
        conversations.append(catalogue, chat, question, dict(answer))
    return chat


def told(found: tuple[Unanswered, ...]) -> list[tuple[str, int]]:
    """Return questions with how often they were asked."""
    return [(one.question, one.times) for one in found]


def test_refused_questions_are_collected_once_with_counts_newest_first(catalogue: Catalogue) -> None:
    ask(catalogue, ("Why Spark?", refused()), ("What is recall?", answered()), ("Who wrote this?", refused()))
    chat = ask(catalogue, ("why  spark", refused(dataset={"name": "people.csv"})))
    found = readings.unanswered(catalogue)
    assert told(found) == [("why  spark", 2), ("Who wrote this?", 1)]
    assert found[0].conversation == chat
    assert found[0].missing == ("“Spark” is in nothing ingested.",)
    assert found[0].dataset == "people.csv"


def test_what_was_answered_later_is_left_out_and_what_was_refused_later_is_not(catalogue: Catalogue) -> None:
    ask(catalogue, ("Why Spark?", refused()), ("Who wrote this?", answered()))
    ask(catalogue, ("WHY SPARK", answered()), ("who wrote this", refused()))
    assert told(readings.unanswered(catalogue)) == [("who wrote this", 1)]


def test_an_answer_that_waits_to_be_run_is_none_that_is_missing(catalogue: Catalogue) -> None:
    ask(catalogue, ("Mean of 7?", refused(reading={"runs": False, "link": "abc"})))
    assert readings.unanswered(catalogue) == ()


def test_deleted_conversations_leave_no_question(catalogue: Catalogue) -> None:
    chat = ask(catalogue, ("Why Spark?", refused()))
    conversations.remove(catalogue, chat)
    assert readings.unanswered(catalogue) == ()


def test_it_is_told_when_the_list_may_have_changed(catalogue: Catalogue) -> None:
    before = readings.asked_so_far(catalogue)
    chat = ask(catalogue, ("Why Spark?", refused()))
    asked = readings.asked_so_far(catalogue)
    conversations.remove(catalogue, chat)
    assert len({before, asked}) == 2
    assert readings.asked_so_far(catalogue) != asked
