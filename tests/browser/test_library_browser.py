"""The library in a real browser: states and reasons, filters, search, forgetting."""

from __future__ import annotations

import pytest
from running import Browser, overflow

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
