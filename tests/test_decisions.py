"""The ledger: decisions are appended, superseded and found; notes become decisions with exact spans."""

from __future__ import annotations

import pytest
from decision_stories import NOTES

from ingest.loaders import markdown, notes
from ingest.split import split
from kb import decisions
from kb.decision_links import documents_of, runs_named, runs_of
from kb.decision_notes import decisions_of
from kb.decisions import Decision, append, ledger
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.records import Run
from kb.run_put import put_runs
from kb.types import Citation, DecisionCitation, Document, SourceKey


def key(name: str) -> SourceKey:
    return SourceKey(collection="default", root="team", source=name)


def read(name: str, text: str) -> Document:
    data = text.encode()
    return notes.load(data, name) if notes.is_note(data) else markdown.load(data, name)


def add(kb: KnowledgeBase, name: str, text: str) -> None:
    document = read(name, text)
    kb.add(key(name), document, split(document, key(name)), hash=str(hash(text)))


def by_hand(choice: str, **more: object) -> Decision:
    return Decision(stage="model", choice=choice, **more)  # type: ignore[arg-type]


def put(kb: KnowledgeBase, *runs: Run) -> None:
    from kb import store

    with kb.catalogue.write() as conn:
        source = store.set_source(conn, key("mlruns"), kind="runs", hash="")
    put_runs(kb.catalogue, source, runs)


# -- notes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(NOTES))
def test_a_note_becomes_its_decisions(name: str) -> None:
    text, expected = NOTES[name]
    found = decisions_of(read(name, text), key(name))
    told = [(one.choice, one.status, one.supersedes, one.superseded_by) for one in found]
    assert told == [(e["choice"], e["status"], e.get("supersedes", ()), e.get("by", ())) for e in expected]


@pytest.mark.parametrize("name", sorted(NOTES))
def test_every_reason_of_a_note_stands_at_its_span(name: str) -> None:
    text, expected = NOTES[name]
    document = read(name, text)
    for decision, told in zip(decisions_of(document, key(name)), expected, strict=True):
        assert decision.span is not None
        for claim in decision.reasons:
            (cited,) = claim.citations
            assert isinstance(cited, Citation)
            assert cited.span.of(document.text) == cited.quote == claim.text
        assert [claim.text for claim in decision.reasons][: len(told["reasons"])] == told["reasons"]


@pytest.mark.parametrize(
    "text",
    [
        "# Decision trees\n\nA decision tree splits. Status: fine print.\n",
        "# Guide\n\n## Decision\n",
        "# Notes\n\nNo decision was taken. We wait.\n",
        "---\nstatus: draft\n---\n# Plan\n\nSome text.\n",
    ],
)
def test_text_that_records_no_decision_gives_none(text: str) -> None:
    assert decisions_of(read("a.md", text), key("a.md")) == ()


def test_a_date_in_a_note_is_when_it_was_made() -> None:
    text = "# Use trees\n\nDate: 3 March 2024\n\nDecision: Use trees.\n"
    (found,) = decisions_of(read("a.md", text), key("a.md"))
    assert found.made == 1709424000.0


# -- storing ---------------------------------------------------------------------------------------------------------


def test_a_note_read_again_replaces_its_decisions_and_forgetting_removes_them(kb: KnowledgeBase) -> None:
    add(kb, "a.md", "# Model\n\nDecision: Use trees.\nReason: They are fast.\n")
    (before,) = ledger(kb.catalogue).decisions
    add(kb, "a.md", "# Model\n\nDecision: Use linear models.\nReason: They are small.\n")
    (after,) = ledger(kb.catalogue).decisions
    assert (after.id, after.choice) == (before.id, "Use linear models.")
    kb.forget("a.md")
    assert ledger(kb.catalogue).decisions == ()


def test_what_is_recorded_by_hand_comes_back_as_it_was(kb: KnowledgeBase) -> None:
    kept = append(kb.catalogue, by_hand("LightGBM", by="Ana", runs=("r1",), columns=("age",)), ("It is fast.",))
    (found,) = ledger(kb.catalogue).decisions
    assert found == kept
    (cited,) = found.reasons[0].citations
    assert isinstance(cited, DecisionCitation)
    assert decisions.verify(kb.catalogue, cited)


def test_a_superseded_decision_is_never_current(kb: KnowledgeBase) -> None:
    first = append(kb.catalogue, by_hand("trees", made=1.0))
    second = append(kb.catalogue, by_hand("boosting", made=2.0, supersedes=(first.id,)))
    third = append(kb.catalogue, by_hand("stacking", made=3.0, supersedes=(second.id[:8],)))
    known = ledger(kb.catalogue)
    assert [known.status(one) for one in known.decisions] == ["superseded", "superseded", "current"]
    assert known.standing(first) == known.standing(third) == (third,)
    assert known.chain(second) == (first, second, third)


def test_a_reason_cited_as_current_fails_once_the_decision_is_replaced(kb: KnowledgeBase) -> None:
    first = append(kb.catalogue, by_hand("trees"), ("They are fast.",))
    (cited,) = first.reasons[0].citations
    append(kb.catalogue, by_hand("boosting", supersedes=(first.id,)))
    assert isinstance(cited, DecisionCitation)
    assert not decisions.verify(kb.catalogue, cited)


@pytest.mark.parametrize(
    ("decision", "because", "said"),
    [
        (by_hand(" "), (), "needs a choice"),
        (by_hand("x", supersedes=("nothing",)), (), "no decision 'nothing'"),
        (Decision(stage="cooking", choice="x"), (), "no stage 'cooking'"),
        (by_hand("x"), (" ",), "empty reason"),
        (by_hand("x" * 30_000), (), "20,000 characters"),
    ],
)
def test_what_cannot_be_recorded_is_told(
    kb: KnowledgeBase, decision: Decision, because: tuple[str, ...], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        append(kb.catalogue, decision, because)
    assert ledger(kb.catalogue).decisions == ()


def test_what_was_replaced_cannot_be_replaced_once_more(kb: KnowledgeBase) -> None:
    first = append(kb.catalogue, by_hand("trees"))
    append(kb.catalogue, by_hand("boosting", supersedes=(first.id,)))
    with pytest.raises(BadInput, match="superseded already"):
        append(kb.catalogue, by_hand("linear", supersedes=(first.id,)))


# -- references ------------------------------------------------------------------------------------------------------


def adr(number: int, title: str, status: str) -> tuple[str, str]:
    text = f"# {number}. {title}\n\n## Status\n\n{status}\n\n## Context\n\nWe need it.\n\n## Decision\n\n{title}.\n"
    return f"adr/{number:04}-{title.lower().replace(' ', '-')}.md", text


@pytest.mark.parametrize("newer_first", [True, False])
@pytest.mark.parametrize("link", ["ADR-1", "ADR 0001", "[1. Use trees](0001-use-trees.md)", "0001-use-trees.md", "#1"])
def test_notes_find_each_other_in_any_order(kb: KnowledgeBase, link: str, newer_first: bool) -> None:
    written = [adr(1, "Use trees", "Accepted"), adr(2, "Use boosting", f"Accepted. Supersedes {link}")]
    for name, text in reversed(written) if newer_first else written:
        add(kb, name, text)
    known = ledger(kb.catalogue)
    status = {one.title: known.status(one) for one in known.decisions}
    assert status == {"1. Use trees": "superseded", "2. Use boosting": "current"}
    assert known.problems == ()


def test_a_status_that_names_the_successor_is_enough(kb: KnowledgeBase) -> None:
    add(kb, *adr(1, "Use trees", "Superseded by ADR-2"))
    add(kb, *adr(2, "Use boosting", "Accepted"))
    known = ledger(kb.catalogue)
    first = next(one for one in known.decisions if one.title.startswith("1"))
    assert [one.title for one in known.standing(first)] == ["2. Use boosting"]


def test_a_successor_that_is_not_there_is_told_and_nothing_stands(kb: KnowledgeBase) -> None:
    add(kb, *adr(1, "Use trees", "Superseded by ADR-9"))
    known = ledger(kb.catalogue)
    (only,) = known.decisions
    assert known.standing(only) == ()
    assert known.status(only) == "superseded"
    assert "'ADR-9', which is not in the ledger" in known.problems[0]


def test_a_circle_is_told_and_none_of_it_stands(kb: KnowledgeBase) -> None:
    add(kb, *adr(1, "Use trees", "Accepted. Supersedes ADR-2"))
    add(kb, *adr(2, "Use boosting", "Accepted. Supersedes ADR-1"))
    known = ledger(kb.catalogue)
    assert [known.standing(one) for one in known.decisions] == [(), ()]
    assert len(known.problems) == 1
    assert "in a circle" in known.problems[0]


# -- links -----------------------------------------------------------------------------------------------------------


def test_runs_are_linked_by_id_and_by_unique_name_whenever_they_come(kb: KnowledgeBase) -> None:
    text = "# Model\n\nDecision: Keep bold-sun-12.\nReason: It beat run 7 and abc12345; twin-1 was the same.\n"
    add(kb, "a.md", text)
    put(
        kb,
        Run(tracker="t", run_id="f00", source="a", name="bold-sun-12"),
        Run(tracker="t", run_id="7", source="b"),
        Run(tracker="t", run_id="12", source="b"),
        Run(tracker="t", run_id="abc12345", source="c"),
        Run(tracker="t", run_id="x1", source="d", name="twin-1"),
        Run(tracker="t", run_id="x2", source="e", name="twin-1"),
    )
    assert [run.run_id for run in runs_named(kb.catalogue, text)] == ["f00", "7", "abc12345"]


def test_runs_that_are_given_come_first_and_unknown_ones_are_told(kb: KnowledgeBase) -> None:
    put(kb, Run(tracker="t", run_id="a1b2c3d4", source="a"), Run(tracker="t", run_id="e5f6a7b8", source="a"))
    rows, unknown = runs_of(kb.catalogue, by_hand("x", runs=("e5f6a7b8", "gone")), "as a1b2c3d4 showed")
    assert [row.run_id for row in rows] == ["e5f6a7b8", "a1b2c3d4"]
    assert unknown == ("gone",)


def test_documents_are_linked_by_file_name(kb: KnowledgeBase) -> None:
    add(kb, "notes/churn.md", "# Churn\n\nText.\n")
    assert documents_of(kb.catalogue, "as churn.md says, and gone.md") == (key("notes/churn.md"),)


def test_a_long_text_of_names_is_read_in_time(kb: KnowledgeBase) -> None:
    assert runs_named(kb.catalogue, "runs " + "and a, or " * 20_000) == ()
