"""The Experiments page in a real browser: filter, compare, open a run, and what is hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from running import Browser, overflow, serve

from ingest.split import FINGERPRINT
from kb.embed import MiniLM
from kb.knowledge import KnowledgeBase
from kb.records import Point, Run, State, split_of
from kb.runs import put_runs
from kb.store import Catalogue, set_source
from kb.types import SourceKey

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
