"""Commands on chips whatever made them: a scripted reading stands before the real computation of its links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from talking import HOMES, Talk

from assistant.assistant import Assistant
from assistant.dataset.steps import Col, Compare, Const, Filter, Measure, Query
from assistant.dataset.types import Chip, Option, TableReading
from assistant.types import Answer, Reading
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.types import Claim


def mean(town: str | None = None) -> Query:
    """Return the query for the mean price (of a town)."""
    kept = () if town is None else (Filter(Compare("eq", Col("town"), Const(town))),)
    return Query(steps=(*kept, Measure(label="m", function="mean", columns=(Col("price"),))))


OPTIONS = tuple(Option(text=town, note=f"{n} rows", query=mean(town)) for town, n in (("Bonn", 2), ("Kiel", 1)))
CHIPS = (
    Chip(kind="measure", text="mean", said="mean"),
    Chip(kind="column", text="price", said="cost", sure=False),
    Chip(kind="filter", text="town is Ulm", said="in Ulm", note="2 rows", options=OPTIONS, drop=mean()),
    Chip(kind="filter", text="price > 150", said="over 150"),
)
QUESTION = "mean cost in Ulm over 150"


class Scripted:
    """Reads a question as scripted chips, and keeps the questions; a link is run for real."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._real = Assistant(kb=kb)
        self.kb = kb
        self.asked: list[str] = []

    def stream(self, question: str, **over: Any) -> Iterator[Reading | Claim | Answer]:
        """Yield what the real assistant does for a link, else a reading that waits."""
        if over.get("link"):
            yield from self._real.stream(question, **over)
            return
        self.asked.append(question)
        read = TableReading(words="mean of price", query=mean("Ulm"), chips=CHIPS, unread=("blorbs",))
        waits = Reading(route="dataset", question=question, words=read.words, unread=read.unread, table=read)
        yield waits
        yield Answer(question=question, reading=waits, abstained=True, confidence=0.0, missing=("“blorbs” is unread.",))


@pytest.fixture
def talk(kb: KnowledgeBase, tmp_path: Path) -> Talk:
    """A conversation whose latest answer has the scripted chips."""
    file = tmp_path / "homes.csv"
    file.write_text(HOMES, encoding="utf-8")
    talk = Talk(kb, file)
    talk.session.assistant = Scripted(kb)  # type: ignore[assignment]
    talk.say(QUESTION)
    return talk


def asked(talk: Talk) -> list[str]:
    scripted = talk.session.assistant
    assert isinstance(scripted, Scripted)
    return scripted.asked


def test_the_options_of_a_chip_are_listed_with_their_counts(talk: Talk) -> None:
    said = talk.say(":set 3")
    assert "1  Bonn  2 rows" in said
    assert ":set 3 N or :set 3 VALUE or :drop 3" in said
    assert "(2 rows), read from “in Ulm”" in said


@pytest.mark.parametrize("value", ["Bonn", "bonn", "1", "#1", "Bo"])
def test_an_option_is_taken_by_its_text_its_number_or_its_beginning(talk: Talk, value: str) -> None:
    talk.say(f":set 3 {value}")
    assert talk.value() == 200.0
    assert talk.session.latest["abstained"] is False


def test_another_value_is_put_into_the_question(talk: Talk) -> None:
    talk.say(":set 2 rooms")
    talk.say(":set 4 2,500")
    assert asked(talk)[1:] == ["mean rooms in Ulm over 150", "mean rooms in Ulm over 2,500"]


def test_dropping_and_running_use_the_links(talk: Talk) -> None:
    talk.say(":drop 3")
    assert talk.value() == 375.0
    talk.say(QUESTION, ":run")
    assert talk.value() == 200.0


def test_a_chip_that_cannot_go_or_is_not_there_is_said(talk: Talk) -> None:
    with pytest.raises(BadInput, match="nothing would be left"):
        talk.say(":drop 1")
    with pytest.raises(BadInput, match="no chip 9"):
        talk.say(":set 9 x")


def test_the_chips_are_numbered_and_a_guess_says_where_it_comes_from(talk: Talk) -> None:
    said = talk.say(QUESTION)
    assert "[1] mean" in said
    assert "[2] price? (from “cost”)" in said
    assert "(!) “blorbs” is unread." in said
