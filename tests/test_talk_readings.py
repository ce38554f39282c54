"""Readings that are changed by their chips in the terminal: options, values, numbers, and what is dropped."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from talking import HOMES, Talk, completed

from kb.knowledge import KnowledgeBase


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small table."""
    path = tmp_path / "homes.csv"
    path.write_text(HOMES, encoding="utf-8")
    return path


@pytest.fixture
def talk(kb: KnowledgeBase, file: Path) -> Talk:
    """A conversation about the table."""
    return Talk(kb, file)


def test_an_answer_shows_its_reading_as_numbered_chips(talk: Talk) -> None:
    said = talk.say("what is the mean price where town is Ulm?")
    assert talk.value() == 200.0
    assert "[1]" in said
    assert f"[{len(talk.chips)}]" in said


def test_set_lists_the_options_and_changes_a_value(talk: Talk) -> None:
    talk.say("what is the mean price where town is Ulm?")
    number = talk.chip("Ulm")
    assert "Bonn" in talk.say(f":set {number}")
    talk.say(f":set {number} Kiel")
    assert talk.value() == 900.0


def test_set_puts_another_number_in_its_place(talk: Talk) -> None:
    talk.say("how many rows have price over 150?")
    assert talk.value() == 3
    number = talk.chip("150")
    talk.say(f":set {number} 250")
    assert talk.value() == 2


def test_drop_runs_the_reading_without_a_chip(talk: Talk) -> None:
    talk.say("what is the mean price where town is Ulm?")
    number = talk.chip("Ulm")
    talk.say(f":drop {number}")
    assert talk.value() == 375.0


def test_every_option_and_drop_that_is_offered_runs(talk: Talk) -> None:
    question = "what is the mean price where town is Ulm?"
    talk.say(question)
    links = [chip["drop"] for chip in talk.chips if chip["drop"]]
    links += [option["link"] for chip in talk.chips for option in chip["options"]]
    assert links
    out = Console(file=io.StringIO())
    for link in links:
        assert not talk.session.ask(question, out, link=link).abstained


def test_chips_and_their_options_are_completed(talk: Talk) -> None:
    talk.say("what is the mean price where town is Ulm?")
    number = talk.chip("Ulm")
    assert f":set {number}" in completed(talk, ":set ")
    assert len(completed(talk, f":set {number} ")) == len(talk.chips[number - 1]["options"])
