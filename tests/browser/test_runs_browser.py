"""Questions over runs in a real browser: the answer, its run, a changed chip, a kept word, a shared link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from run_answers import put
from running import Browser, ask, overflow, serve

from ingest.split import FINGERPRINT
from kb.decisions import Decision, append
from kb.embed import MiniLM
from kb.knowledge import KnowledgeBase

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [1280, 420])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app over a small history and two decisions."""
    folder: Path = tmp_path_factory.mktemp("lab")
    with KnowledgeBase(folder / "home", embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        put(kb)
        old = append(kb.catalogue, Decision(stage="model", choice="Use a boosted forest for churn"), ("it was quick",))
        new = Decision(stage="model", choice="Use a plain forest for churn", supersedes=(old.id,))
        append(kb.catalogue, new, ("the boosted forest overfits",))
    yield from serve(folder / "home", folder)


@WIDTHS
def test_an_answer_over_runs_opens_its_run_and_is_changed(lab: str, window: Browser, width: int) -> None:
    page, seen = window.open(lab, width=width)
    turn = ask(page, "how many runs failed?")
    assert "Number of failed runs: 1." in turn.inner_text()
    assert "computed from stored values" in turn.inner_text()
    turn.locator(".cw-pop > summary", has_text="failed").click()
    turn.locator(".cw-pop[open] .cw-drop").click()
    changed = page.locator(".cw-root .cw-turn").nth(1)
    changed.wait_for()
    assert "Number of runs: 4." in changed.inner_text()
    best = ask(page, "which run has the best val_auc?")
    assert overflow(page) == 0
    best.locator(".cw-chip-run").first.click()
    page.locator(".st-key-experiments", has_text="anna0001").wait_for()
    assert seen.errors == []


def test_a_word_is_kept_and_the_question_asked_again(lab: str, window: Browser) -> None:
    page, seen = window.open(lab)
    turn = ask(page, "which run has the best auc?")
    assert "Not run yet" in turn.inner_text()
    turn.locator(".cw-pop > summary.cw-unsure").click()
    turn.locator(".cw-pop[open] .cw-always", has_text="val_auc").click()
    again = page.locator(".cw-root .cw-turn").nth(1)
    again.wait_for()
    assert "Best val_auc" in again.inner_text()
    assert seen.errors == []


def test_a_decision_is_opened_with_what_it_replaced(lab: str, window: Browser) -> None:
    page, seen = window.open(lab, width=420)
    turn = ask(page, "why did we choose the plain forest for churn?")
    turn.locator(".cw-chip-decision").first.click()
    panel = page.locator(".cw-panel")
    panel.wait_for()
    assert "the boosted forest overfits" in panel.inner_text()
    panel.locator(".cw-suggestion").click()
    panel.get_by_text("it was quick").wait_for()
    assert (overflow(page), seen.errors) == (0, [])
