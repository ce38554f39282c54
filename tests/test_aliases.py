"""A team's own words: kept, replaced, taken back, and shown in the reading that rests on one."""

from __future__ import annotations

import pytest
from run_answers import put

from assistant.runs.answer import RunAnswers
from kb import aliases
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase


def test_an_alias_is_kept_replaced_and_taken_back(kb: KnowledgeBase) -> None:
    aliases.choose(kb.catalogue, "AUC", "val_auc")
    aliases.choose(kb.catalogue, "auc", "test_auc", by="ana")
    [kept] = aliases.listed(kb.catalogue)
    assert (kept.word, kept.meaning, kept.by) == ("auc", "test_auc", "ana")
    assert [aliases.remove(kb.catalogue, "Auc"), aliases.remove(kb.catalogue, "auc")] == [True, False]


@pytest.mark.parametrize(("word", "meaning"), [("", "val_auc"), ("…", "val_auc"), ("auc", " "), ("auc", "x" * 201)])
def test_what_is_no_alias_is_refused(kb: KnowledgeBase, word: str, meaning: str) -> None:
    with pytest.raises(BadInput):
        aliases.choose(kb.catalogue, word, meaning)


def test_a_reading_tells_of_the_alias_it_rests_on(kb: KnowledgeBase) -> None:
    put(kb)
    aliases.choose(kb.catalogue, "auc", "val_auc")
    answer = RunAnswers(catalogue=kb.catalogue).ask("which run has the best auc")
    read = answer.reading.runs
    assert not answer.abstained
    assert read is not None
    assert any("your team" in chip.note and chip.text == "val_auc" for chip in read.chips)
