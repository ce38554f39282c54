"""Why: the decision that stands with its reasons, runs and documents, or that no reason was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import team_history
from fakes import HashingEmbedder
from team_history import Asked

from assistant.assistant import Assistant
from assistant.why import Why, WhyAnswer, why_json
from assistant.wire import answer_json
from ingest.loaders import markdown
from ingest.split import FINGERPRINT, split
from kb import store
from kb.decisions import Decision, append, verify
from kb.knowledge import KnowledgeBase
from kb.run_put import put_runs
from kb.types import Citation, DecisionCitation, RunCitation, SourceKey, Verdict


def key(name: str) -> SourceKey:
    return SourceKey(collection="default", root="team", source=name)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """A knowledge base with the history of a team."""
    home = tmp_path_factory.mktemp("team") / "home"
    with KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        for name, text in team_history.notes().items():
            document = markdown.load(text.encode(), name)
            kb.add(key(name), document, split(document, key(name)), hash=name)
        kb.embed_waiting()
        with kb.catalogue.write() as conn:
            source = store.set_source(conn, key("mlruns"), kind="runs", hash="")
        put_runs(kb.catalogue, source, team_history.runs())
        record_by_hand(kb)
        yield kb


def record_by_hand(kb: KnowledgeBase) -> None:
    for at, one in enumerate(team_history.told()):
        if one.form != "hand":
            continue
        replaced: tuple[str, ...] = ()
        if one.old:
            choice, reason = one.old
            first = Decision(stage=one.stage, title=one.topic, choice=choice, made=1.7e9 + at)
            replaced = (append(kb.catalogue, first, (reason,)).id,)
        second = Decision(
            stage=one.stage, title=one.topic, choice=one.choice, made=1.71e9 + at, runs=one.runs, supersedes=replaced
        )
        append(kb.catalogue, second, (one.reason,))


def wrong_with(answer: WhyAnswer, asked: Asked) -> list[str]:
    """Return what an answer says that is not so, or leaves out."""
    found = []
    texts = [claim.text for claim in answer.claims]
    if asked.form in ("nowhere", "never"):
        found += [] if answer.abstained and "No reason was recorded" in answer.missing[0] else ["not abstained"]
        names = {run.name for run in answer.runs}
        found += [] if set(asked.runs) <= names and (asked.runs or not names) else [f"runs {names}"]
        return found
    if answer.abstained:
        return ["abstained"]
    if asked.form in ("prose", "run"):
        found += [] if texts and texts[0] == asked.choice else [f"told {texts[:1]}"]
        cited = answer.claims[0].citations[0]
        found += [] if isinstance(cited, Citation if asked.form == "prose" else RunCitation) else ["cited"]
        return found
    first = answer.decisions[0]
    found += [] if (first.decision.choice, first.status) == (asked.choice, "current") else [first.decision.choice]
    found += [] if asked.reason in texts else ["reason"]
    found += [] if tuple(run.name for run in first.runs) == asked.runs else [f"runs {[r.name for r in first.runs]}"]
    sources = [document.source for document in first.documents]
    found += [] if sources[:1] == ([asked.source] if asked.source else []) else [f"documents {sources}"]
    olds = [one.decision.choice for one in answer.decisions if one.status == "superseded"]
    found += [] if olds == ([asked.replaced] if asked.replaced else []) else [f"replaced {olds}"]
    return found


def test_the_history_is_as_large_as_it_is_said_to_be() -> None:
    assert team_history.count() == (50, 15)
    assert len(team_history.questions()) == 60


@pytest.mark.parametrize("asked", team_history.questions(), ids=lambda asked: asked.question)
def test_why_is_answered_from_ledger_notes_and_runs(team: KnowledgeBase, asked: Asked) -> None:
    assert wrong_with(Why(kb=team).ask(asked.question), asked) == []


def test_every_claim_stands_where_it_is_cited(team: KnowledgeBase) -> None:
    for asked in team_history.questions():
        for claim in Why(kb=team).ask(asked.question).claims:
            assert claim.citations
            for cited in claim.citations:
                if isinstance(cited, Citation):
                    assert team.verify(cited)
                    assert cited.quote == claim.text
                elif isinstance(cited, DecisionCitation):
                    assert verify(team.catalogue, cited)


def test_numbers_of_runs_are_stored_values(team: KnowledgeBase) -> None:
    answer = Why(kb=team).ask("Why is gamma 0.5?")
    told = [claim.text for claim in answer.claims]
    assert told[0] == "1 run logged gamma = 0.5: val_auc is 0.9 (plain-gamma-a (" + answer.runs[0].run_id + "))."
    values = [cited.value for claim in answer.claims for cited in claim.citations if isinstance(cited, RunCitation)]
    assert values == [0.5, 0.9, 1.0, 0.7]
    assert all(claim.verdict is Verdict.COMPUTED for claim in answer.claims)


def test_an_offer_to_record_the_reason_is_made(team: KnowledgeBase) -> None:
    (offer,) = Why(kb=team).ask("Why is gamma 0.5?").suggestions
    assert "citewise decide" in offer


def test_the_json_is_that_of_the_contract(team: KnowledgeBase) -> None:
    told = why_json(Why(kb=team).ask("Why did we choose LightGBM?"))
    assert {"question", "abstained", "decisions", "claims"} <= told.keys()
    first = told["decisions"][0]
    assert {"id", "stage", "choice", "status", "superseded_by", "date", "by", "reasons", "runs"} <= first.keys()
    assert told["decisions"][1]["superseded_by"] == first["id"]
    assert {"run_id", "source"} <= first["runs"][0].keys()


@pytest.mark.parametrize("question", ["", "why", "why?", "why " + "so " * 5000, "why 0.1e999 and \x00?", "¿por qué?"])
def test_questions_without_a_subject_are_no_error(team: KnowledgeBase, question: str) -> None:
    assert Why(kb=team).ask(question).abstained


def test_an_empty_knowledge_base_has_no_reason(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "home", embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        answer = Why(kb=kb).ask("Why LightGBM?")
    assert answer.abstained
    assert answer.claims == ()


def test_a_decision_without_a_reason_says_so_and_stays_named(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "home", embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        kept = append(kb.catalogue, Decision(stage="model", choice="CatBoost"))
        answer = Why(kb=kb).ask("Why CatBoost?")
    assert answer.abstained
    assert answer.missing[0] == "No reason was recorded with this decision."
    assert answer.decisions[0].decision == kept
    assert f"--supersedes {kept.id[:8]}" in answer.suggestions[0]


def test_what_ends_in_a_circle_is_not_presented_as_current(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "home", embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        for name, other in (("1-trees.md", "2-boosting.md"), ("2-boosting.md", "1-trees.md")):
            text = f"# {name}\n\nDecision: Use {name[2:-3]}.\nReason: It is good.\nSupersedes: {other}\n"
            document = markdown.load(text.encode(), name)
            kb.add(key(name), document, split(document, key(name)), hash=name)
        answer = Why(kb=kb).ask("Why boosting?")
    assert [one.status for one in answer.decisions] == ["superseded", "superseded"]
    assert any("circle" in note for note in answer.notes)


def test_a_why_in_conversation_is_answered_from_the_ledger(team: KnowledgeBase) -> None:
    answer = Assistant(kb=team).ask("Why did we choose LightGBM?")
    assert answer.reading.route == "decisions"
    assert answer.claims[0].text == "We use LightGBM for the churn score."
    assert answer_json(answer)["claims"][0]["citations"][0]["status"] == "current"


def test_a_why_that_nobody_recorded_is_refused_in_conversation(team: KnowledgeBase) -> None:
    answer = Assistant(kb=team).ask("Why was patience set to 12?")
    assert answer.abstained
    assert answer.text.startswith("No reason was recorded")
    assert answer.claims


def test_a_why_about_how_things_are_goes_to_the_documents(team: KnowledgeBase) -> None:
    assert Assistant(kb=team).ask("Why do passwords expire?").reading.route != "decisions"


def test_a_forgotten_note_leaves_stored_answers_too(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "home", embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        document = markdown.load(b"# Model\n\nDecision: Use stacking.\nReason: It won.\n", "a.md")
        kb.add(key("a.md"), document, split(document, key("a.md")), hash="1")
        cited = answer_json(Assistant(kb=kb).ask("Why stacking?"))["claims"][0]["citations"][0]
    assert (cited["collection"], cited["root"], cited["source"]) == ("default", "team", "a.md")
