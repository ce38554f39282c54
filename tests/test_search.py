"""Search: every hit is exact, filters hold, what is stored is found by words and by meaning, fusion has no order."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from corpora import write_generated, write_pages
from fakes import HashingEmbedder
from hypothesis import given
from hypothesis import strategies as st

from ingest.sync import sync
from kb.filters import Filters
from kb.fuse import convex
from kb.knowledge import KnowledgeBase

RANKING = st.dictionaries(st.integers(0, 30), st.floats(-10, 10, allow_nan=False), max_size=12)
WEIGHED = st.lists(st.tuples(st.floats(0, 1), RANKING), min_size=1, max_size=4)


@given(WEIGHED, st.randoms())
def test_fusion_ignores_the_order_of_its_input(
    rankings: list[tuple[float, dict[int, float]]], rng: random.Random
) -> None:
    shuffled = [(weight, dict(rng.sample(list(scores.items()), len(scores)))) for weight, scores in rankings]
    rng.shuffle(shuffled)
    assert convex(shuffled) == convex(rankings)


def test_a_worked_example_of_fusion() -> None:
    found = convex([(0.7, {1: 1.0, 2: 0.5, 3: 0.0}), (0.3, {2: 1.0, 4: 0.2})])
    assert found == pytest.approx({1: 0.7, 2: 0.35 + 0.3, 3: 0.0, 4: 0.06})


@pytest.fixture
def filled(kb: KnowledgeBase, tmp_path: Path, pages: Path) -> KnowledgeBase:
    """A knowledge base that knows the four pages in one collection and generated ones in another."""
    sync(kb, [str(pages)])
    sync(kb, [str(write_generated(tmp_path / "made", 15))], collection="made")
    return kb


QUESTIONS = ("scaler outliers", "max_depth", "kalo minu vize", "How is churn measured?", "zzz unknown", "", "?!", "的")


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_hit_stands_at_its_span_in_falling_order(filled: KnowledgeBase, question: str) -> None:
    hits = filled.search(question, k=20).hits
    for hit in hits:
        document = filled.catalogue.document(hit.key)
        assert document is not None
        assert hit.span.of(document.text) == hit.text != ""
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.chunk_id for hit in hits}) == len(hits)


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("HistGradientBoostingClassifier", "guide/trees.rst"),
        ("hist gradient boosting", "guide/trees.rst"),
        ("maxDepth of trees", "guide/trees.rst"),
        ('class_weight="balanced"', "guide/scaling.md"),
        ("RobustScaler", "guide/scaling.md"),
        ("account_age leaks", "notes/churn.txt"),
    ],
)
def test_names_are_found_whole_and_in_parts(filled: KnowledgeBase, question: str, source: str) -> None:
    assert filled.search(question, filters=Filters(collections=("default",))).hits[0].key.source == source


def test_filters_keep_what_they_name(filled: KnowledgeBase) -> None:
    for filters, kept in (
        (Filters(collections=("made",)), lambda hit: hit.key.collection == "made"),
        (Filters(kinds=("rst", "html")), lambda hit: hit.kind in ("rst", "html")),
        (Filters(sources=("guide",)), lambda hit: hit.key.source.startswith("guide/")),
        (Filters(sources=("notes/churn.txt",)), lambda hit: hit.key.source == "notes/churn.txt"),
    ):
        hits = filled.search("features trees kalo minu page", k=50, filters=filters).hits
        assert hits
        assert all(kept(hit) for hit in hits)
    assert filled.search("trees", filters=Filters(collections=("none",))).hits == ()


def test_a_search_again_gives_the_same(filled: KnowledgeBase) -> None:
    assert filled.search("scale features", k=20).hits == filled.search("scale features", k=20).hits


def test_at_most_k_hits_come_back(filled: KnowledgeBase) -> None:
    assert [len(filled.search("kalo minu page trees", k=k).hits) for k in (0, 1, 3)] == [0, 1, 3]


def test_an_empty_base_finds_nothing_and_says_nothing(kb: KnowledgeBase) -> None:
    result = kb.search("anything")
    assert (result.hits, result.notes) == ((), ())


def test_the_same_text_twice_is_shown_once(kb: KnowledgeBase, tmp_path: Path) -> None:
    text = "# Same\n\n" + "The very same long paragraph about learning rates and their schedules stands here. " * 4
    sync(kb, [str(write_pages(tmp_path / "twice", {"a.md": text, "b.md": text}))])
    assert len(kb.search("learning rates schedules").hits) == 1


def test_what_has_no_vector_yet_is_found_by_words(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)], stop=_StopsAfter(4))
    assert kb.catalogue.count_waiting() == kb.catalogue.count("chunks") > 0
    assert kb.search("interquartile range").hits[0].key.source == "guide/scaling.md"


class _StopsAfter:
    """Says stop once it was asked more than `n` times."""

    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0


class Backwards:
    """A `Reranker` that likes short passages."""

    def score(self, query: str, texts: list[str]) -> list[float]:
        """Return higher scores for shorter texts."""
        return [1.0 / len(text) for text in texts]


def test_a_reranker_has_the_last_word(filled: KnowledgeBase, embedder: HashingEmbedder) -> None:
    with KnowledgeBase(filled.home, embedder=embedder, splitter=filled.splitter, reranker=Backwards()) as kb:  # type: ignore[arg-type]
        lengths = [len(hit.text) for hit in kb.search("features trees", k=5).hits]
    assert lengths == sorted(lengths)
