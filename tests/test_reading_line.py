"""The reading line: chips with what else they could mean, unread words, and readings that can be run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import table_answers as given

from ui import reading_line
from ui.nodes import Node, plain, text_of


def walk(node: Node | str) -> Iterator[Node]:
    """Yield the elements of a tree."""
    if isinstance(node, Node):
        yield node
        for child in node.children:
            yield from walk(child)


def events(*nodes: Node) -> list[dict[str, Any]]:
    """Return the events of all buttons in order."""
    return [dict(one.event) for node in nodes for one in walk(node) if one.event is not None]


def test_a_chip_lists_what_else_it_could_mean_with_its_count() -> None:
    age = given.answer()["reading"]["chips"][1]
    made = reading_line.chip(age, {"question": "q"})
    assert made.tag == "details"
    assert "numbers, 12 missing" in text_of(made)
    assert [event["link"] for event in events(made)] == ["L1", "L2", "L0"]
    assert all(event["do"] == "run-reading" and event["question"] == "q" for event in events(made))


def test_a_guess_is_dotted_and_said_to_be_one() -> None:
    made = reading_line.line(given.answer())
    dotted = [node for node in walk(made) if "cw-unsure" in node.css]
    assert [text_of(node) for node in dotted] == ["rides > 2"]
    assert "a guess" in dotted[0].label
    assert "This is a guess" in text_of(made)


def test_a_piece_that_cannot_be_changed_is_no_button() -> None:
    made = reading_line.chip(given.chip("rows"), {})
    assert (made.tag, events(made)) == ("span", [])


def test_unread_words_are_named() -> None:
    made = reading_line.line(given.waiting())
    assert [text_of(node) for node in walk(made) if node.css.startswith("cw-unread")] == ["flibbers"]


def test_the_reading_is_a_link_that_can_be_saved() -> None:
    save, copy = events(reading_line.line(given.answer(), dataset="a b", asked=2.5))[-2:]
    assert (save["do"], save["asked"]) == ("save", 2.5)
    assert copy["address"] == "?d=a+b&r=LINK"


def test_a_reading_that_waits_can_be_run_and_so_can_the_nearest() -> None:
    made = list(reading_line.confirm(given.waiting()))
    assert [event["link"] for event in events(*made)] == ["LINK", "N1", "N2"]
    assert "Run this reading" in text_of(made[0])


def test_a_reading_without_chips_is_told_in_words() -> None:
    answer = given.answer()
    answer["reading"] = {"words": "facts about riders.csv", "question": "?", "unread": [], "route": "dataset"}
    assert "facts about riders.csv" in text_of(reading_line.line(answer))


def test_hostile_words_stay_text() -> None:
    for node in walk(reading_line.line(given.hostile())):
        assert set(plain(node)) <= {"tag", "css", "children", "event", "label"}
    assert given.HOSTILE[0] in text_of(reading_line.line(given.hostile()))


def test_the_waiting_reading_is_not_offered_twice() -> None:
    answer = given.waiting()
    answer["reading"]["nearest"] = [
        {"words": answer["reading"]["words"], "link": "other"},
        *answer["reading"]["nearest"],
    ]
    assert [event["link"] for event in events(*reading_line.confirm(answer))] == ["LINK", "N1", "N2"]
