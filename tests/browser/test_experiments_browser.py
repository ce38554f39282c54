"""The Experiments page in a real browser: filter, compare, open a run, and what is hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from running import Browser, overflow, serve

from assistant.types import Answer, Reading
from assistant.wire import answer_json
from ingest.split import FINGERPRINT
from kb import conversations
from kb.embed import MiniLM
from kb.history import RunQuery
from kb.knowledge import KnowledgeBase
from kb.records import Point, Run, State, split_of
from kb.run_query import run
from kb.runs import put_runs
from kb.store import Catalogue, set_source
from kb.types import Claim, SourceKey, Verdict

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=alert(1)> :smile: $x$"


def made(n: int, params: dict[str, Any], values: Sequence[float], **more: Any) -> Run:
    """Return a run with one metric over its steps."""
    points = [Point(name, value, step, split=split_of(name)) for name in ("val_auc", "loss")
              for step, value in enumerate(values)]  # fmt: skip
    given: dict[str, Any] = {"name": f"run {n}", "state": State.FINISHED, "status": "FINISHED", **more}
    return Run(
        tracker="mlflow", run_id=f"{n:08x}abcd", source="mlruns/1", experiment="churn", started=1.7e9 + 3600 * n,
        ended=1.7e9 + 3600 * n + 90, params=params, tags={"note": HOSTILE}, history=lambda: iter(points), **given,
    )  # fmt: skip


def swept(n: int) -> Run:
    """Return a run of another experiment, with other parameters and metrics."""
    return Run(
        tracker="table", run_id=f"s{n}", source="sweep.csv", experiment="sweep", params={"width": 2**n},
        state=State.FINISHED, history=lambda: iter([Point("rmse", 0.25, 0)]),
    )  # fmt: skip


def store(catalogue: Catalogue) -> None:
    """Store six runs, one of them deleted, one failed, two that tie."""
    runs = [
        made(1, {"lr": 0.1, "depth": 3, "opt": "adam"}, [0.5, 0.7, 0.81]),
        made(2, {"lr": 0.01, "depth": 3, "opt": "adam"}, [0.5, 0.8, 0.93]),
        made(3, {"lr": 0.01, "depth": 8, "opt": "sgd"}, [0.4, 0.6, 0.93]),
        made(4, {"lr": 0.001, "depth": 8, "opt": "sgd", "name": HOSTILE}, [0.3, 0.5, 0.6], name=HOSTILE),
        made(5, {"lr": 0.001, "depth": 5, "opt": "adam"}, [], state=State.FAILED, status="FAILED"),
        made(6, {"lr": 0.5, "depth": 2, "opt": "sgd"}, [0.2], deleted=True),
    ]
    with catalogue.write() as conn:
        key = SourceKey(collection="default", root="/team", source="mlruns")
        source = set_source(conn, key, kind="mlflow", hash="1", state="searchable", updated=0.0)
    put_runs(catalogue, source, runs)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app over six runs."""
    folder: Path = tmp_path_factory.mktemp("lab")
    with KnowledgeBase(folder / "home", embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        store(kb.catalogue)
    yield from serve(folder / "home", folder)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app over those runs and three more of another experiment, with an answer that cites one."""
    folder: Path = tmp_path_factory.mktemp("team")
    with KnowledgeBase(folder / "home", embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        store(kb.catalogue)
        with kb.catalogue.write() as conn:
            key = SourceKey(collection="default", root="/team", source="sweeps")
            source = set_source(conn, key, kind="mlflow", hash="2", state="searchable", updated=0.0)
        put_runs(kb.catalogue, source, [swept(n) for n in range(3)])
        cited = run(RunQuery(select="max", metric="val_auc"), kb.catalogue).cited[0]
        claim = Claim(text="run 2 reached 0.93.", verdict=Verdict.COMPUTED, citations=(cited,))
        reading = Reading(route="chat", question="Which run was best?", words="the best run")
        answer = Answer(
            question="Which run was best?", reading=reading, abstained=False, confidence=0.9, claims=(claim,)
        )
        chat = conversations.start(kb.catalogue, "Best")
        conversations.append(kb.catalogue, chat, answer.question, answer_json(answer))
    yield from serve(folder / "home", folder)


def tab(page: Any, name: str) -> None:
    """Open a tab."""
    page.locator(".cw-exp-table tbody tr").first.wait_for()
    page.get_by_role("tab", name=name).click()


def submit(page: Any, label: str, text: str, button: str) -> None:
    """Paste a text into a tab's form and send it."""
    page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name=button).click()


def rows(page: Any, count: int) -> Any:
    """Return the table's rows once there are so many and the page has come to rest."""
    page.wait_for_function(f"document.querySelectorAll('.cw-exp-table tbody tr').length === {count}")
    page.locator("[data-test-script-state=notRunning]").first.wait_for()
    return page.locator(".cw-exp-table tbody tr")


def filtered(page: Any, text: str) -> None:
    """Type a filter."""
    page.get_by_label("Filter", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_runs_are_filtered_compared_and_opened(lab: str, window: Browser) -> None:
    page, seen = window.open(f"{lab}/experiments")
    rows(page, 5)
    filtered(page, "lr<0.05 and state=finished")
    rows(page, 3)
    page.get_by_role("button", name="Compare run 2").click()
    page.get_by_text("pick another one").wait_for()
    page.get_by_role("button", name="Compare run 3").click()
    page.get_by_role("button", name="Compare 2 runs").click()
    compared = page.locator(".cw-exp-compared")
    compared.wait_for()
    lines = compared.locator("tbody th").all_inner_texts()
    assert lines == ["Parameters", "depth", "opt"]
    assert "not shown: 1 parameter and 2 metrics" in compared.inner_text()
    compared.get_by_role("button", name="Open run 00000002abcd").click()
    page.locator(".cw-exp-run").wait_for()
    assert "finished (FINISHED)" in page.locator(".cw-exp-run").inner_text()
    page.locator("[data-testid=stVegaLiteChart]").first.wait_for()
    assert "0.93" in page.locator(".stHtml .cw-exp-table", has_text="val_auc").inner_text()
    assert seen.errors == []


def test_what_is_hidden_is_said_and_can_be_shown(lab: str, window: Browser) -> None:
    page, _ = window.open(f"{lab}/experiments")
    rows(page, 5)
    assert "1 deleted of 6 runs, hidden" in page.locator(".cw-exp-banner").inner_text()
    page.get_by_role("button", name="Show deleted runs").click()
    rows(page, 6)
    assert page.locator(".cw-exp-banner").count() == 0


def test_a_metric_ranks_the_runs_and_ties_are_marked(lab: str, window: Browser) -> None:
    page, _ = window.open(f"{lab}/experiments")
    rows(page, 5)
    page.get_by_role("combobox", name="Best by").click()
    page.get_by_role("option", name="val_auc").click()
    shown = rows(page, 4)
    assert "ties at 1" in shown.nth(0).inner_text()
    assert "ties at 1" in shown.nth(1).inner_text()
    assert "1 without val_auc" in page.locator(".cw-exp-banner").inner_text()


def test_columns_sort_the_table(lab: str, window: Browser) -> None:
    page, _ = window.open(f"{lab}/experiments")
    rows(page, 5)
    page.get_by_role("button", name="Sort by depth, greatest first").click()
    page.get_by_role("button", name="Sort by depth, least first").wait_for()
    assert "run 3" in page.locator(".cw-exp-table tbody tr").first.inner_text()


def test_a_filter_that_cannot_be_read_says_how_to_write_one(lab: str, window: Browser) -> None:
    page, _ = window.open(f"{lab}/experiments")
    rows(page, 5)
    filtered(page, "lr >")
    page.get_by_text("for example: lr<0.01").wait_for()


def test_hostile_names_are_shown_as_text(lab: str, window: Browser) -> None:
    page, seen = window.open(f"{lab}/experiments")
    rows(page, 5)
    page.get_by_role("button", name="Open run 00000004abcd").click()
    page.locator(".cw-exp-run h2").wait_for()
    assert HOSTILE in page.locator(".cw-exp-run h2").inner_text()
    assert page.locator(".stMain img, .stMain .katex").count() == 0
    assert seen.errors == []


def test_without_runs_the_next_step_is_told(empty_app: str, window: Browser) -> None:
    page, _ = window.open(f"{empty_app}/experiments")
    page.get_by_role("button", name="Add an experiment history").click()
    page.get_by_role("heading", name="Library").wait_for()


@pytest.mark.parametrize("width", [1280, 420])
def test_the_page_is_not_wider_than_the_window(lab: str, window: Browser, width: int) -> None:
    page, _ = window.open(f"{lab}/experiments", width=width)
    rows(page, 5)
    assert overflow(page) == 0
    page.get_by_role("button", name="Open run 00000002abcd").click()
    page.locator(".cw-exp-run").wait_for()
    assert overflow(page) == 0


@pytest.mark.parametrize("width", [1280, 420])
def test_the_largest_experiment_is_shown_first_and_another_can_be_picked(
    team: str, window: Browser, width: int
) -> None:
    page, seen = window.open(f"{team}/experiments", width=width)
    rows(page, 5)
    heads = page.locator(".cw-exp-table thead th").all_inner_texts()
    assert "lr" in " ".join(heads)
    assert "width" not in " ".join(heads)
    page.get_by_role("combobox", name="Experiment").click()
    assert page.get_by_role("option").all_inner_texts() == [
        "All experiments · 8 runs", "churn · 5 runs", "sweep · 3 runs",
    ]  # fmt: skip
    page.get_by_role("option", name="sweep").click()
    rows(page, 3)
    heads = page.locator(".cw-exp-table thead th").all_inner_texts()
    assert [head.strip() for head in heads if head.strip()] == ["run", "rmse", "width"]
    page.get_by_role("combobox", name="Best by").click()
    assert page.get_by_role("option").all_inner_texts() == ["Newest first", "rmse"]
    assert overflow(page) == 0
    assert seen.errors == []


def test_the_filter_and_the_experiment_stay_while_a_run_is_looked_at(team: str, window: Browser) -> None:
    page, _ = window.open(f"{team}/experiments")
    rows(page, 5)
    filtered(page, "lr<0.05 and state=finished")
    rows(page, 3)
    page.get_by_role("button", name="Open run 00000002abcd").click()
    page.locator(".cw-exp-run").wait_for()
    page.get_by_role("button", name="Back to the runs").click()
    rows(page, 3)
    assert page.get_by_label("Filter", exact=True).input_value() == "lr<0.05 and state=finished"


def test_plots_follow_the_runs_that_are_filtered_and_picked(team: str, window: Browser) -> None:
    page, _ = window.open(f"{team}/experiments")
    rows(page, 5)
    filtered(page, "lr<0.05 and state=finished")
    rows(page, 3)
    page.get_by_text("Curves", exact=True).click()
    page.get_by_text("The 3 runs shown").locator("visible=true").wait_for()
    page.get_by_role("button", name="Compare run 2").click()
    page.get_by_role("button", name="Compare run 3").click()
    page.get_by_text("The 2 runs you picked.").locator("visible=true").first.wait_for()


def test_a_run_shows_the_answers_that_cite_it(team: str, window: Browser) -> None:
    page, _ = window.open(f"{team}/experiments")
    rows(page, 5)
    page.get_by_role("button", name="Open run 00000002abcd").click()
    page.get_by_text("Answers that cite it").wait_for()
    page.locator("[data-test-script-state=notRunning]").first.wait_for()
    assert "run 2 reached 0.93." in page.locator(".cw-exp-cards").inner_text()
    page.get_by_role("button", name="Open the conversation Best").click()
    page.get_by_role("heading", name="Which run was best?").wait_for()


@pytest.mark.parametrize("width", [1280, 420])
def test_a_configuration_is_looked_up(team: str, window: Browser, width: int) -> None:
    page, seen = window.open(f"{team}/experiments", width=width)
    tab(page, "Tried?")
    page.get_by_text("Paste what you are about to run").wait_for()
    submit(page, "Configuration", "lr: 0.01\ndepth: 3\nopt: adam", "Look it up")
    page.get_by_text("1 of 5 runs").wait_for()
    assert "val_auc 0.9300, 1 of 4" in page.locator(".cw-exp-card").first.inner_text().replace("\n", " ")
    submit(page, "Configuration", '{"lr": 0.02, "depth": 3, "opt": "adam", "zeta": 1}', "Look it up")
    page.get_by_text("Not run before").wait_for()
    shown = page.locator(".cw-exp-held").inner_text()
    assert "lr was 0.01, not 0.02" in shown
    assert "No run ever logged: zeta." in shown
    assert overflow(page) == 0
    page.locator(".cw-exp-card").first.get_by_role("button", name="Open run").click()
    page.locator(".cw-exp-run").wait_for()
    page.get_by_role("button", name="Back to the runs").click()
    page.get_by_text("No run ever logged: zeta.").wait_for()
    assert seen.errors == []


def test_a_configuration_that_cannot_be_read_is_told_in_words(team: str, window: Browser) -> None:
    page, _ = window.open(f"{team}/experiments")
    tab(page, "Tried?")
    submit(page, "Configuration", "lr: [0.1", "Look it up")
    page.locator(".cw-notice", has_text="cannot be read as YAML").wait_for()
    submit(page, "Configuration", "", "Look it up")
    page.locator(".cw-notice", has_text="No configuration was given").wait_for()


REPORT = f"""# Churn

- `00000002abcd` reached a val_auc of 0.93.
- `00000003abcd` reached a val_auc of 0.95.
- `00000001abcd` reached a val_auc of 0.8.
- A val_auc of 0.123 {HOSTILE}.
"""


@pytest.mark.parametrize("width", [1280, 420])
def test_a_report_is_checked_claim_by_claim(team: str, window: Browser, width: int, tmp_path: Path) -> None:
    page, seen = window.open(f"{team}/experiments", width=width)
    tab(page, "Check a report")
    page.get_by_text("Paste a report").wait_for()
    submit(page, "Report", REPORT, "Check it")
    page.locator(".cw-exp-counts").wait_for()
    cards = page.locator(".cw-exp-card")
    cards.filter(has_text="Line 6").wait_for()
    told = [card.locator(".cw-exp-card-head").inner_text().split("\n")[:2] for card in cards.all()]
    assert ["Line 3", "matches"] in told
    assert ["Line 4", "contradicts"] in told
    assert "1 contradicts" in page.locator(".cw-exp-counts").inner_text()
    assert "0.9300" in cards.filter(has_text="Line 4").inner_text()
    assert page.locator(".stMain img").count() == 0
    assert overflow(page) == 0
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as JSON").click()
    waiting.value.save_as(tmp_path / "checked.json")
    assert json.loads((tmp_path / "checked.json").read_text("utf-8"))["ok"] is False
    cards.filter(has_text="Line 4").get_by_role("button").first.click()
    page.locator(".cw-exp-run").wait_for()
    page.get_by_role("button", name="Back to the runs").click()
    page.locator(".cw-exp-counts").wait_for()
    assert seen.errors == []


def test_a_report_can_be_uploaded_and_one_without_claims_says_so(team: str, window: Browser) -> None:
    page, _ = window.open(f"{team}/experiments")
    tab(page, "Check a report")
    page.locator("input[type=file]").set_input_files(
        {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"Hi."}
    )
    page.get_by_text("notes.md").wait_for()
    page.get_by_role("button", name="Check it").click()
    page.get_by_text("No claim was found").wait_for()
