"""The real app over a small real knowledge base, in a real browser; skipped where there is no Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import FLAGS, HOSTILE, HOSTILE_COLLECTION, HOSTILE_NAME, PAGES, WAIT, Browser, serve

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb.embed import MiniLM
from kb.knowledge import KnowledgeBase


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser's context, made once."""
    named = os.environ.get("CITEWISE_CHROMIUM")
    path = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    playwright = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if path is None:
        pytest.skip("Chromium is not installed; name one with CITEWISE_CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        context = browser.new_context()
        context.set_default_timeout(WAIT)
        yield context
        browser.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base of three pages, a hostile one and one that cannot be read."""
    folder = tmp_path_factory.mktemp("docs")
    for name, text in PAGES.items():
        (folder / name).write_text(text, "utf-8")
    hostile = tmp_path_factory.mktemp("hostile") / HOSTILE_NAME
    hostile.write_text(HOSTILE, "utf-8")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7\nthis is cut off")
    made = tmp_path_factory.mktemp("home")
    with KnowledgeBase(made, embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        sync(kb, [str(folder)])
        sync(kb, [str(hostile)], collection=HOSTILE_COLLECTION)
    return made


@pytest.fixture(scope="session")
def app(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running app."""
    yield from serve(home, tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="session")
def empty_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app over an empty knowledge base."""
    made = tmp_path_factory.mktemp("empty")
    KnowledgeBase(made, embedder=MiniLM(), splitter=FINGERPRINT).close()
    yield from serve(made, tmp_path_factory.mktemp("log"))


@pytest.fixture
def window(chromium: Any) -> Iterator[Browser]:
    """Opens pages and closes them after the test."""
    opened = Browser(chromium)
    yield opened
    opened.close()
