"""The library in a real browser: adding, jobs, states and reasons, filters, search, tables, readings, forgetting."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from corpora import write_generated
from running import WAIT, Browser, ask, overflow, serve

from ingest.split import FINGERPRINT
from kb import datasets, jobs, readings, schema
from kb.embed import MiniLM
from kb.knowledge import KnowledgeBase
from kb.store import Catalogue

pytestmark = pytest.mark.browser


def test_a_failed_source_stands_first_with_its_reason_and_what_to_do(app: str, window: Browser) -> None:
    page, seen = window.open(f"{app}/library")
    failed = page.locator(".cw-failure")
    failed.wait_for()
    assert "report.pdf" in failed.inner_text()
    assert "cut off" in failed.locator(".cw-reason").inner_text()
    assert "copy it again" in failed.locator(".cw-hint").inner_text()
    assert failed.get_by_role("button", name="Read again").is_enabled()
    first = page.locator(".cw-source").first
    assert "report.pdf" in first.inner_text()
    assert "Failed" in first.inner_text()
    assert page.locator(".cw-source", has_text="scaling.md").locator(".cw-is-searchable").inner_text() == "Searchable"
    assert seen.errors == []


def test_sources_are_filtered_by_name_and_state(app: str, window: Browser) -> None:
    page, _ = window.open(f"{app}/library")
    page.locator(".cw-source").first.wait_for()
    page.get_by_label("Name", exact=True).fill("scaling")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.cw-source').length === 1")
    assert "scaling.md" in page.locator(".cw-source").inner_text()


def test_a_passage_is_found_and_opened(app: str, window: Browser) -> None:
    page, _ = window.open(f"{app}/library")
    page.get_by_role("tab", name="Search passages").click()
    page.get_by_label("Search passages").locator("visible=true").last.fill("train on the past only")
    page.keyboard.press("Enter")
    page.locator(".cw-hit .cw-chip").first.click()
    panel = page.locator(".cw-panel")
    panel.locator("mark").first.wait_for()
    assert "TimeSeriesSplit" in panel.inner_text()


def test_a_hostile_name_is_shown_as_text(app: str, window: Browser) -> None:
    page, seen = window.open(f"{app}/library")
    row = page.locator(".cw-source", has_text="onerror=alert(6)")
    row.wait_for()
    row.locator("summary").click()
    assert "<img src=x onerror=alert(1)>" in row.inner_text()
    row.get_by_role("button", name="Forget …").click()
    page.get_by_role("dialog").get_by_text("The file itself is not touched.").wait_for()
    assert page.get_by_role("dialog").locator("img").count() == 0
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    assert page.locator(".stMain img, .stMain .cw-root b").count() == 0
    assert not any("evil" in url for url in seen.requests)
    assert seen.errors == []


def test_a_hostile_collection_is_a_plain_choice(app: str, window: Browser) -> None:
    page, seen = window.open(f"{app}/library")
    page.get_by_role("combobox", name="Collection").click()
    choice = page.get_by_role("option").filter(has_text="<b>c</b>")
    choice.wait_for()
    assert "![c](http://evil.example/c.png) :tada: $c$" in choice.inner_text()
    choice.click()
    page.wait_for_function("document.querySelectorAll('.cw-source').length === 1")
    assert page.locator(".stMain img, .stMain .katex").count() == 0
    assert not any("evil" in url for url in seen.requests)


@pytest.mark.parametrize("width", [1280, 420])
def test_the_library_is_not_wider_than_the_window(app: str, window: Browser, width: int) -> None:
    page, _ = window.open(f"{app}/library", width=width)
    page.locator(".cw-source").first.wait_for()
    assert overflow(page) <= 0


# -- adding, jobs --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents that take a while to embed."""
    return write_generated(tmp_path_factory.mktemp("corpus"), 120)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A home in which nothing is."""
    KnowledgeBase(tmp_path / "home", embedder=MiniLM(), splitter=FINGERPRINT).close()
    return tmp_path / "home"


@pytest.fixture
def own(fresh: Path, tmp_path: Path) -> Iterator[str]:
    """The address of an app of its own over `fresh`, whose jobs are ended with it."""
    yield from serve(fresh, tmp_path)
    end_jobs(fresh)


def end_jobs(home: Path) -> None:
    """End every job of a home."""
    with closing(Catalogue.open(home / "catalogue.db")) as catalogue:
        for job in jobs.recent(catalogue):
            while jobs.stop(catalogue, job.id).is_active:
                time.sleep(0.1)


def add(page: Any, *, files: Sequence[Path] = (), names: str = "") -> None:
    """Choose files, type names, and add them."""
    if not page.locator("[class*=st-key-adding_] details[open]").count():
        page.get_by_text("Add documents and tables").click()
    box = page.get_by_role("textbox", name="Or name what lies on this machine")
    box.wait_for()
    if files:
        page.locator("input[type=file]").first.set_input_files([str(file) for file in files])
        page.locator("[data-testid=stFileUploader]").get_by_text(files[-1].name).first.wait_for()
    box.fill(names)
    page.get_by_role("button", name="Add", exact=True).click()


def test_uploads_and_folders_are_read_with_progress_stopped_resumed_and_found(
    own: str, corpus: Path, tmp_path: Path, window: Browser
) -> None:
    guide, table = tmp_path / "guide.md", tmp_path / "people.csv"
    guide.write_text("# Guide\n\nQuokka imputation fills every gap with a smile.", "utf-8")
    table.write_text("name,age\nada,36\nalan,41\n", "utf-8")
    page, seen = window.open(f"{own}/library")
    add(page, files=[guide, table], names=str(corpus))
    page.locator(".cw-lib-added", has_text="people.csv: 2 rows × 2 columns").wait_for()
    page.locator(".st-key-jobs .cw-job-running .cw-job-stage", has_text="Embedding").wait_for()
    assert page.locator(".st-key-jobs .cw-job-running .cw-job-bar").count() == 1
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".st-key-jobs .cw-job-stopped", has_text="still to embed").wait_for()
    page.reload()
    page.locator(".st-key-jobs .cw-job-stopped").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.locator(".st-key-jobs .cw-job-done").wait_for(timeout=4 * WAIT)
    page.locator(".cw-count", has_text="searchable").get_by_text("121", exact=True).wait_for()
    page.get_by_role("tab", name="Search passages").click()
    page.get_by_label("Search passages").locator("visible=true").last.fill("quokka smile")
    page.keyboard.press("Enter")
    page.locator(".cw-hit", has_text="Quokka imputation").wait_for()
    assert seen.errors == []


def test_an_ingest_goes_on_without_its_page_and_without_the_server(
    fresh: Path, corpus: Path, tmp_path: Path, window: Browser
) -> None:
    for url in serve(fresh, tmp_path):
        page, _ = window.open(f"{url}/library")
        add(page, names=str(corpus))
        page.locator(".st-key-jobs .cw-job-running").wait_for()
        page.close()
    for url in serve(fresh, tmp_path):
        page, _ = window.open(f"{url}/library")
        page.locator(".st-key-jobs .cw-job-running, .st-key-jobs .cw-job-done").first.wait_for()
        page.locator(".st-key-jobs .cw-job-done", has_text="120 sources read").wait_for(timeout=4 * WAIT)


def test_a_job_whose_process_was_killed_is_said_to_be_lost_and_resumed(
    own: str, fresh: Path, corpus: Path, window: Browser
) -> None:
    page, _ = window.open(f"{own}/library")
    add(page, names=str(corpus))
    page.locator(".st-key-jobs .cw-job-running .cw-job-stage", has_text="Embedding").wait_for()
    with closing(Catalogue.open(fresh / "catalogue.db")) as catalogue:
        [job] = jobs.recent(catalogue)
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    page.locator(".st-key-jobs .cw-job-lost", has_text="ended without a word").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.locator(".st-key-jobs .cw-job-running .cw-job-stage", has_text="Embedding").wait_for()


def test_a_name_that_stands_for_nothing_is_said_and_what_was_typed_stays(own: str, window: Browser) -> None:
    page, _ = window.open(f"{own}/library")
    add(page, names="nowhere.md")
    page.locator(".cw-notice", has_text="There is nothing at 'nowhere.md'").wait_for()
    assert page.get_by_role("textbox", name="Or name what lies on this machine").input_value() == "nowhere.md"


def test_a_table_is_opened_in_the_chat_and_forgotten(own: str, tmp_path: Path, window: Browser) -> None:
    table = tmp_path / "people.csv"
    table.write_text("name,age\nada,36\nalan,41\n", "utf-8")
    page, _ = window.open(f"{own}/library")
    add(page, names=str(table))
    page.get_by_role("tab", name="Tables").click()
    page.locator(".cw-lib-card", has_text="people.csv").get_by_role("button", name="Open in chat").click()
    page.locator("[data-testid=stChatInputTextArea]").wait_for()
    page.get_by_text("people.csv").first.wait_for()
    page.goto(f"{own}/library")
    page.get_by_role("tab", name="Tables").click()
    page.locator(".cw-lib-card").get_by_role("button", name="Forget …").click()
    page.get_by_role("dialog").get_by_text("The file itself is not touched.").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Forget it").click()
    page.locator(".cw-lib-empty", has_text="No table yet").wait_for()
    assert table.exists()


def test_what_could_not_be_answered_is_collected_and_asked_again(own: str, window: Browser) -> None:
    page, _ = window.open(own)
    turn = ask(page, "Who won the Eurovision contest in Malmö?")
    turn.locator(".cw-refusal").wait_for()
    page.goto(f"{own}/library")
    page.get_by_role("tab", name="Unanswered").click()
    page.locator(".cw-lib-asked").get_by_role("button").click()
    page.locator(".cw-root .cw-turn", has_text="Eurovision").locator(".cw-refusal").wait_for()
    page.goto(f"{own}/library")
    page.get_by_role("tab", name="Unanswered").click()
    page.locator(".cw-lib-asked", has_text="asked 2 times").wait_for()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app over tables, a saved reading whose answer changed, and jobs that ended in every way."""
    folder = tmp_path_factory.mktemp("told")
    long = folder / f"{'a_rather_long_name_' * 5}.csv"
    long.write_text("a,b\n1,2\n", "utf-8")
    with KnowledgeBase(folder / "home", embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        table = datasets.add_path(kb.catalogue, long)
        datasets.opened(kb.catalogue, table.id, fingerprint="f", rows=1, columns=2, notes=["a note"] * 6)
        saved = readings.save(
            kb.catalogue,
            name="Mean of a",
            dataset=table.id,
            question="What is the mean of a?",
            query={"steps": []},
            values={"mean": 1.0, "a_name_without_any_space_" * 4: 1},
            fingerprint="f",
        )
        readings.mark(kb.catalogue, saved.id, {"mean": 2.5}, "g")
        for number, state in enumerate(jobs.RESUMABLE):
            put_job(kb.catalogue, f"job{number}", state)
    yield from serve(folder / "home", folder)


def put_job(catalogue: Catalogue, id: str, state: jobs.JobState) -> None:
    """Store a job that ended just now."""
    now = time.time()
    times = {"created": now, "queued": now, "updated": now, "heartbeat": now}
    request = json.dumps({"title": "a/very/long/place/" * 8})
    row = {"id": id, "kind": "ingest", "worker": "x", "request": request, "state": state, "log": "12:00 read\n" * 50}
    with catalogue.write() as conn:
        conn.execute(schema.jobs.insert().values(**row, **times, result=json.dumps({"error": "it burns " * 30})))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_no_tab_of_the_library_is_wider_than_the_window(told: str, window: Browser, width: int, scheme: str) -> None:
    page, seen = window.open(f"{told}/library", width=width, scheme=scheme)
    page.locator(".st-key-jobs .cw-job").first.wait_for()
    page.get_by_text("Add documents and tables").click()
    for name in ("Sources", "Tables", "Unanswered", "Saved readings", "Places", "Jobs"):
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(200)
        assert overflow(page) <= 0, name
    assert seen.errors == []


def test_a_saved_reading_whose_answer_changed_is_marked_until_it_is_kept(told: str, window: Browser) -> None:
    page, _ = window.open(f"{told}/library")
    page.get_by_role("tab", name="Saved readings").click()
    card = page.locator(".cw-lib-card", has_text="Mean of a")
    card.locator(".cw-lib-changed").wait_for()
    card.get_by_role("button", name="Rename …").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("The mean")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    card = page.locator(".cw-lib-card", has_text="The mean")
    card.get_by_role("button", name="Keep the new answer").click()
    card.locator(".cw-lib-changed").wait_for(state="detached")
