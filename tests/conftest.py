"""Fixtures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpora import write_pages
from fakes import HashingEmbedder
from hypothesis import HealthCheck, settings

from ingest.split import FINGERPRINT
from kb.knowledge import KnowledgeBase

# A busy machine is slow, which is no finding. The same examples each time: a landing is no place to search for new ones
# (`pytest --hypothesis-profile=default` searches on).
settings.register_profile("citewise", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("citewise")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def embedder() -> HashingEmbedder:
    """An embedder without a model that counts what it embeds."""
    return HashingEmbedder()


@pytest.fixture
def kb(tmp_path: Path, embedder: HashingEmbedder) -> Iterator[KnowledgeBase]:
    """An empty knowledge base in a folder of its own."""
    with KnowledgeBase(tmp_path / "home", embedder=embedder, splitter=FINGERPRINT) as opened:
        yield opened


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder with four small pages in four formats."""
    return write_pages(tmp_path / "pages").resolve()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The shared data folder; a test that asks for it is skipped where the folder is missing."""
    named = os.environ.get("CITEWISE_SHARED_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the shared data is not at {folder}; set CITEWISE_SHARED_DATA")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in a browser last: while Playwright is open, its event loop counts as running in this thread."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
