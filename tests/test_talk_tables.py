"""A conversation about a table: its commands, its readings that can be changed, and what the prompt completes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from talking import HOMES, Talk, completed

from kb import datasets, readings
from kb.errors import BadInput, CitewiseError
from kb.knowledge import KnowledgeBase
from ui.prompting import prompt
from ui.talk_tables import reworded


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


# -- the table -----------------------------------------------------------------------------------------------------


def test_data_opens_a_table_and_says_what_it_is(kb: KnowledgeBase, file: Path) -> None:
    talk = Talk(kb, None)
    with pytest.raises(BadInput, match="no table is at hand"):
        talk.say(":columns")
    assert "homes.csv: 5 rows, 3 columns" in talk.say(f":data '{file}'")
    assert "homes.csv: 5 rows" in talk.say(":data")
    assert talk.session.table is not None


def test_data_takes_corrections(kb: KnowledgeBase, file: Path) -> None:
    assert "6 rows" in Talk(kb, None).say(f":data '{file}' header=no")


def test_columns_lists_them_and_tells_more_of_one(talk: Talk) -> None:
    listed = talk.say(":columns")
    assert all(name in listed for name in ("town", "price", "living area"))
    assert "different value" in talk.say(":columns living")
    with pytest.raises(BadInput, match="no column"):
        talk.say(":columns nothing")


def test_facts_say_what_to_look_at_first_with_their_expressions(talk: Talk) -> None:
    assert "df" in talk.say(":facts")


def test_help_names_every_command(talk: Talk) -> None:
    from ui.talk_tables import COMMANDS

    said = talk.say(":what")
    assert all(f":{name}" in said for name in (*COMMANDS, "open", "sources", "quit", "help"))


# -- the reading ---------------------------------------------------------------------------------------------------


def test_a_reading_that_waits_runs_when_told_to_and_so_does_each_nearest(talk: Talk) -> None:
    question = "what is the mean price of the zyxomma?"
    assert "(!) “zyxomma” is not tied to" in talk.say(question)
    assert ":run" in talk.say(question)
    for number in range(1, len(talk.session.latest["reading"]["nearest"]) + 1):
        talk.say(question, f":{number}")
        assert talk.session.latest["abstained"] is False
    talk.say(question, ":run")
    assert talk.value() == 375.0


@pytest.mark.parametrize("line", [":set 99", ":set", ":drop x", ":run 99", ":1", ":run", ":code", ":save a"])
def test_what_cannot_be_done_is_said(talk: Talk, line: str) -> None:
    with pytest.raises(CitewiseError) as caught:
        talk.say(line)
    assert caught.value.hint


def test_open_shows_how_a_value_was_computed_and_code_the_program(talk: Talk) -> None:
    talk.say("what is the mean price?")
    opened = talk.say(":open 1")
    assert "expression" in opened
    assert "375" in opened
    assert "fingerprint" in opened
    assert "read_csv" in talk.say(":code")
    assert "There is no claim 9" in talk.say(":open 9")


def test_words_of_a_chip_are_replaced_in_the_question() -> None:
    assert reworded("Mean of AGE by sex", {"text": "age", "said": "age"}, "fare") == "Mean of fare by sex"
    assert reworded("rows over 1,500 euro", {"text": "price > 1500", "said": ""}, "20") == "rows over 20 euro"
    assert reworded("price in ulm?", {"text": "town = Ulm"}, "Bonn") == "price in Bonn?"
    with pytest.raises(BadInput, match="none of the options"):
        reworded("mean age", {"text": "fare", "said": "fare"}, "x")
    with pytest.raises(BadInput):
        reworded("rows over 5 and 5", {"text": "price > 5", "said": ""}, "7")


# -- saved readings ------------------------------------------------------------------------------------------------


def test_a_saved_reading_is_run_again_and_says_what_changed(talk: Talk, file: Path) -> None:
    assert "Saved as prices" in talk.say("what is the mean price?", ":save prices")
    assert "1  prices" in talk.say(":readings")
    assert "The same as when it was saved." in talk.say(":readings 1")
    file.write_text(HOMES + "Ulm,5000,9\n", encoding="utf-8")
    assert "Changed: " in talk.say(f":data '{file}'", ":readings prices")
    assert "changed since" in talk.say(":readings")
    [saved] = readings.list_of(talk.session.assistant.kb.catalogue)
    assert [change.before for change in saved.changes] == [375.0]


def test_how_a_table_is_to_be_read_is_kept_with_its_saved_readings(talk: Talk, file: Path) -> None:
    talk.say(f":data '{file}' types.price=number", "what is the mean price?", ":save prices")
    [known] = datasets.list_of(talk.session.assistant.kb.catalogue)
    assert known.corrections == {"types": {"price": "number"}}


def test_an_unknown_saved_reading_is_named(talk: Talk) -> None:
    assert "No reading is saved yet" in talk.say(":readings")
    with pytest.raises(BadInput, match="no saved reading"):
        talk.say(":readings x")


def test_nothing_is_saved_where_there_is_no_home(file: Path, tmp_path: Path) -> None:
    from fakes import HashingEmbedder

    from ingest.split import FINGERPRINT
    from ui.running import PASSING

    with KnowledgeBase(tmp_path / f"{PASSING}x", embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        talk = Talk(kb, file)
        talk.say("what is the mean price?")
        with pytest.raises(BadInput, match="no home to save it in"):
            talk.say(":save x")


# -- the prompt ----------------------------------------------------------------------------------------------------


def test_commands_columns_and_values_are_completed(talk: Talk) -> None:
    assert completed(talk, ":co") == [":code", ":columns"]
    assert completed(talk, ":columns p") == [":columns price"]
    assert completed(talk, "mean pr") == ["mean price"]
    assert completed(talk, "mean price in bo") == ["mean price in Bonn"]
    assert completed(talk, "mean living a") == ["mean living area"]
    assert completed(talk, "mean price") == []
    assert completed(talk, "xyz") == []


def test_files_that_are_tables_are_completed(talk: Talk, file: Path) -> None:
    (file.parent / "home.txt").touch()
    assert completed(talk, f":data {file.parent}/home")[-1] == f":data {file.parent}/homes.csv"
    assert "home.txt" not in str(completed(talk, f":data {file.parent}/"))


@pytest.fixture
def keys() -> Iterator[Any]:
    """A keyboard that tests type on."""
    with create_pipe_input() as made:
        yield made


def test_the_prompt_reads_lines_and_recalls_earlier_questions(talk: Talk, keys: Any) -> None:
    talk.say("what is the mean price?")
    read = prompt(talk.session, input=keys, output=DummyOutput())
    keys.send_text("median price\r")
    assert read() == "median price"
    keys.send_text("\x1b[A\x1b[A\r")
    assert read() == "what is the mean price?"
    keys.send_text("\x04")
    with pytest.raises(EOFError):
        read()
