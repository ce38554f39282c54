"""The knowledge base: what is added is found, what changed is changed everywhere, and rebuilding embeds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import HashingEmbedder
from states import complaints, state

from ingest.split import FINGERPRINT, split
from ingest.sync import sync
from kb.errors import IndexMismatch
from kb.knowledge import KnowledgeBase
from kb.types import Citation, SourceState, Span


@pytest.fixture
def filled(kb: KnowledgeBase, pages: Path) -> KnowledgeBase:
    """A knowledge base that knows the four pages."""
    sync(kb, [str(pages)])
    return kb


def citation(kb: KnowledgeBase) -> Citation:
    """Return a citation of the best passage about outliers."""
    hit = kb.search("outliers").hits[0]
    return Citation(key=hit.key, headings=hit.headings[0], span=hit.span, quote=hit.text)


def test_a_citation_holds_as_long_as_its_text_stands(filled: KnowledgeBase, pages: Path) -> None:
    cited = citation(filled)
    assert filled.verify(cited)
    assert not filled.verify(replace(cited, quote=cited.quote + "."))
    assert not filled.verify(replace(cited, span=Span(start=cited.span.start + 1, end=cited.span.end)))
    assert not filled.verify(replace(cited, span=Span(start=0, end=0), quote=""))
    path = pages / cited.key.source
    path.write_text("Another opening.\n\n" + path.read_text("utf-8"), encoding="utf-8")
    sync(filled, [str(pages)])
    assert not filled.verify(cited)


def test_a_rebuild_embeds_nothing_and_changes_nothing(filled: KnowledgeBase, embedder: HashingEmbedder) -> None:
    before, embedded = state(filled), embedder.embedded
    rebuilt = filled.rebuild()
    assert rebuilt.embedded == 0
    assert embedder.embedded == embedded
    assert state(filled) == before


def test_another_model_is_refused_until_a_rebuild(filled: KnowledgeBase) -> None:
    other = HashingEmbedder(dim=24, name="other")
    with KnowledgeBase(filled.home, embedder=other, splitter=FINGERPRINT) as kb:
        with pytest.raises(IndexMismatch):
            kb.search("outliers")
        assert kb.rebuild().embedded > 0
        assert any("interquartile" in hit.text for hit in kb.search("outliers interquartile", k=4).hits)
        assert complaints(kb) == []


class Failing(HashingEmbedder):
    """A model that goes away while it is needed."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        raise ConnectionError("the model is gone")


def test_a_rebuild_with_another_model_that_breaks_off_leaves_no_passage_marked_as_found(filled: KnowledgeBase) -> None:
    with (
        KnowledgeBase(filled.home, embedder=Failing(dim=24, name="other"), splitter=FINGERPRINT) as kb,
        pytest.raises(ConnectionError),
    ):
        kb.rebuild()
    with KnowledgeBase(filled.home, embedder=HashingEmbedder(dim=24, name="other"), splitter=FINGERPRINT) as kb:
        assert kb.catalogue.count_waiting() == kb.catalogue.count("chunks")
        kb.rebuild()
        assert kb.catalogue.count_waiting() == 0
        assert complaints(kb) == []


def test_another_splitter_is_refused_until_a_rebuild(filled: KnowledgeBase) -> None:
    with KnowledgeBase(filled.home, embedder=HashingEmbedder(), splitter="other") as kb:
        with pytest.raises(IndexMismatch):
            kb.search("outliers")
        kb.rebuild(split=split)
        assert kb.search("outliers").hits
        assert complaints(kb) == []


def test_a_failure_keeps_what_was_read_before(filled: KnowledgeBase) -> None:
    [source] = filled.find_sources("index.html")
    filled.fail(source.key, kind="html", hash="", reason="gone bad")
    [after] = filled.find_sources("index.html")
    assert after.state is SourceState.SEARCHABLE
    assert "gone bad" in (after.reason or "")
    assert filled.search("team's pages begin").hits[0].key == source.key


@pytest.mark.parametrize("name", ["guide", "guide/", "guide/scaling.md", "default"])
def test_sources_are_meant_by_name_folder_or_collection(filled: KnowledgeBase, name: str) -> None:
    assert "guide/scaling.md" in {source.key.source for source in filled.find_sources(name)}


def test_sources_are_meant_by_path(filled: KnowledgeBase, pages: Path) -> None:
    assert len(filled.find_sources(str(pages))) == 4
    assert [s.key.source for s in filled.find_sources(str(pages / "index.html"))] == ["index.html"]
    assert filled.find_sources("guid") == ()


def test_a_home_ignores_itself_in_git(kb: KnowledgeBase) -> None:
    assert (kb.home / ".gitignore").read_text("utf-8") == "*\n"


def test_stopping_while_embedding_leaves_the_rest_waiting(kb: KnowledgeBase, pages: Path) -> None:
    asked = iter([False] * 5 + [True] * 9)
    sync(kb, [str(pages)], stop=lambda: next(asked))
    waiting = kb.catalogue.count_waiting()
    kb.embed_waiting()
    assert kb.catalogue.count_waiting() == 0 <= waiting
    assert complaints(kb) == []


def test_an_opened_home_finds_what_another_instance_stored(filled: KnowledgeBase) -> None:
    expected = filled.search("max_depth").hits
    filled.close()
    with KnowledgeBase(filled.home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        assert kb.search("max_depth").hits == expected
