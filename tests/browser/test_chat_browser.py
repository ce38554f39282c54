"""The chat in a real browser: ask, open a citation, be refused, come back later."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from running import Browser, ask, overflow

pytestmark = pytest.mark.browser
SPARSE = "How do I scale sparse data with StandardScaler?"


def test_an_answer_shows_its_reading_its_quotes_and_its_confidence(app: str, window: Browser) -> None:
    page, seen = window.open(app)
    turn = ask(page, SPARSE)
    assert turn.locator(".cw-reading").inner_text().startswith("Looked up")
    assert any("sparse" in quote for quote in turn.locator("blockquote.cw-quote").all_inner_texts())
    assert "with_mean=False" in turn.locator("pre.cw-code").inner_text()
    assert "checked word for word" in turn.locator(".cw-verdict").inner_text()
    assert re.search(r"answers the question \(.*%\)", turn.locator(".cw-confidence").inner_text())
    assert seen.errors == []


def test_a_long_answer_is_read_from_its_question_on(app: str, window: Browser) -> None:
    page, _ = window.open(app, width=420, height=500)
    turn = ask(page, SPARSE)
    page.wait_for_timeout(1500)
    assert 0 <= turn.locator(".cw-question").bounding_box()["y"] <= 150


def test_a_citation_opens_with_its_quote_highlighted_and_closes(app: str, window: Browser) -> None:
    page, _ = window.open(app)
    turn = ask(page, SPARSE)
    quote = turn.locator("blockquote.cw-quote").first.inner_text()
    turn.locator(".cw-chip").first.click()
    panel = page.locator(".cw-panel")
    panel.wait_for()
    assert panel.locator("mark").inner_text() == quote
    assert "scaling.md" in panel.locator(".cw-panel-head").inner_text()
    assert "Searchable" in panel.inner_text()
    panel.get_by_role("button", name="Close the passage").click()
    panel.wait_for(state="detached")
    turn.locator(".cw-chip").last.click()
    panel.locator("mark").first.wait_for()
    page.keyboard.press("Escape")
    panel.wait_for(state="detached")


def test_a_refusal_says_what_is_missing_and_its_suggestion_is_answered(app: str, window: Browser) -> None:
    page, _ = window.open(app)
    turn = ask(page, "Who won the Eurovision contest in Malmö?")
    refusal = turn.locator(".cw-refusal")
    assert "“Eurovision”" in refusal.inner_text()
    assert refusal.locator(".cw-near .cw-chip").count() > 0
    assert "Eurovision" in turn.locator(".cw-unread").all_inner_texts()
    suggestion = turn.locator(".cw-suggestion").first
    asked = suggestion.inner_text()
    suggestion.click()
    follow = page.locator(".cw-root .cw-turn").nth(1)
    follow.locator(".cw-quote, .cw-code").first.wait_for()
    assert follow.locator(".cw-question").inner_text() == asked


def test_a_follow_up_suggestion_is_answered(app: str, window: Browser) -> None:
    page, _ = window.open(app)
    ask(page, SPARSE).locator(".cw-suggestion").first.click()
    page.locator(".cw-root .cw-turn").nth(1).locator(".cw-quote, .cw-code").first.wait_for()


def test_a_chat_survives_a_reload_and_can_be_deleted(app: str, window: Browser) -> None:
    page, _ = window.open(app)
    ask(page, "What does RobustScaler use?")
    assert "c=" in urlsplit(page.url).query
    page.reload()
    turn = page.locator(".cw-root .cw-turn")
    turn.locator("blockquote.cw-quote").first.wait_for()
    assert turn.locator(".cw-question").inner_text() == "What does RobustScaler use?"
    page.locator(".cw-chat.cw-current").hover()
    page.locator(".cw-chat.cw-current .cw-chat-delete").click()
    page.locator(".cw-doubted").get_by_role("button", name="Delete").click()
    page.locator(".cw-welcome").wait_for()
    assert "c=" not in urlsplit(page.url).query


def test_a_follow_up_is_completed_from_the_turn_before(app: str, window: Browser) -> None:
    page, _ = window.open(app)
    ask(page, "Which folds are used for classification?")
    turn = ask(page, "and for time series?")
    assert "Follow-up, looked up as “Which folds are used for time series?”" in turn.locator(".cw-reading").inner_text()


def test_an_opener_is_answered(app: str, window: Browser) -> None:
    page, _ = window.open(app)
    openers = page.locator(".cw-welcome .cw-suggestion")
    openers.first.wait_for()
    assert openers.count() == 3
    openers.first.click()
    page.locator(".cw-root .cw-turn blockquote.cw-quote, .cw-root .cw-turn pre.cw-code").first.wait_for()


def test_an_empty_knowledge_base_says_how_to_fill_it(empty_app: str, window: Browser) -> None:
    page, _ = window.open(empty_app)
    assert "citewise ingest docs/" in page.locator(".cw-welcome").inner_text()


def test_document_text_loads_nothing_and_becomes_no_element(app: str, window: Browser) -> None:
    page, seen = window.open(app)
    for question in ("How does zebrafish imputation of striped values work?", "What does zebrafish imputation cost?"):
        ask(page, question)
    page.locator(".cw-root .cw-turn .cw-chip").first.click()
    page.locator(".cw-panel mark").first.wait_for()
    page.wait_for_timeout(300)
    assert "<script>" in page.locator(".cw-panel").inner_text()
    assert ":material/home:" in page.locator(".cw-panel").inner_text()
    assert alien(page) == []
    assert seen.errors == []
    assert outside(seen.requests, app) == []


def test_nothing_outside_this_machine_is_asked_for(app: str, window: Browser) -> None:
    page, seen = window.open(app)
    ask(page, SPARSE)
    page.wait_for_timeout(500)
    assert len(seen.requests) > 5
    assert outside(seen.requests, app) == []


@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(app: str, window: Browser, width: int, scheme: str) -> None:
    page, _ = window.open(app, width=width, scheme=scheme)
    assert overflow(page) <= 0
    turn = ask(page, SPARSE)
    assert overflow(page) <= 0
    turn.locator(".cw-chip").first.click()
    page.locator(".cw-panel mark").wait_for()
    assert overflow(page) <= 0
    box = page.locator(".st-key-passage_panel").bounding_box()
    assert 300 <= box["width"] <= width
    assert box["x"] + box["width"] <= width


def alien(page: Any) -> list[str]:
    """Return what no document may put on a page: images, frames, links, formulas and handlers within our trees."""
    script = """() => [...document.querySelectorAll('.cw-root *, .stHtml *')]
        .filter(e => /^(img|iframe|script|a|svg|math|object|embed|link|form|input|video|audio|b)$/i.test(e.tagName)
            || e.className.includes?.('katex') || [...e.attributes].some(a => a.name.startsWith('on')))
        .map(e => e.outerHTML)"""
    return list(page.evaluate(script))


def outside(requests: list[str], app: str) -> list[str]:
    """Return the addresses that are not the app's own."""
    own = urlsplit(app).netloc
    return [url for url in requests if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own]
