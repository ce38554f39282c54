"""A sync brings the knowledge base in line with what is there, whatever happened to the files, and repeats no work."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from corpora import generated_page, write_generated, write_pages
from fakes import HashingEmbedder
from hypothesis import example, given, settings
from hypothesis import strategies as st
from states import State, complaints, state

from ingest.report import Step
from ingest.split import FINGERPRINT
from ingest.sync import plan, sync
from kb.errors import IndexMismatch
from kb.knowledge import KnowledgeBase
from kb.types import SourceState

NAMES = st.sampled_from(["a.md", "b.md", "sub/c.md", "sub/d.md", "e.txt"])
EDITS = st.one_of(
    st.tuples(st.just("write"), NAMES, st.integers(0, 30)),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("delete"), NAMES, st.just(0)),
    st.tuples(st.just("sync"), NAMES, st.just(0)),
)


def opened(home: Path, embedder: HashingEmbedder | None = None) -> KnowledgeBase:
    """Open a home."""
    return KnowledgeBase(home, embedder=embedder or HashingEmbedder(), splitter=FINGERPRINT)


def edit(folder: Path, what: str, name: str, value: str | int) -> None:
    """Change one file below `folder`."""
    path = folder / name
    if what == "write":
        write_pages(folder, {name: generated_page(int(value), sections=2)})
    elif what == "delete":
        path.unlink(missing_ok=True)
    elif what == "rename" and path.exists():
        (folder / str(value)).parent.mkdir(exist_ok=True)
        path.replace(folder / str(value))


def fresh(folder: Path) -> State:
    """Return the state of a new knowledge base over `folder`."""
    with tempfile.TemporaryDirectory() as home, opened(Path(home) / "home") as kb:
        sync(kb, [str(folder)])
        return state(kb)


@settings(max_examples=12)
@example([("write", "a.md", 0), ("sync", "a.md", 0), ("write", "a.md", 24)])
@example([("write", "a.md", 1), ("sync", "a.md", 0), ("rename", "a.md", "sub/c.md"), ("write", "b.md", 1)])
@given(st.lists(EDITS, min_size=3, max_size=14))
def test_after_any_changes_the_state_is_that_of_a_fresh_ingest(edits: list[tuple[str, str, str | int]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = write_pages(Path(place).resolve() / "docs", {"keep.md": generated_page(99)})
        with opened(Path(place) / "home") as kb:
            for what, name, value in edits:
                if what == "sync":
                    sync(kb, [str(folder)])
                else:
                    edit(folder, what, name, value)
            sync(kb, [str(folder)])
            assert state(kb) == fresh(folder)
            assert complaints(kb) == []


def test_ingesting_twice_changes_nothing_and_embeds_nothing(
    kb: KnowledgeBase, pages: Path, embedder: HashingEmbedder
) -> None:
    first = sync(kb, [str(pages)])
    before, embedded, generation = state(kb), embedder.embedded, kb.catalogue.generation
    again = sync(kb, [str(pages)])
    assert (first.added, first.failed) == (4, ())
    assert first.embedded > 0
    assert (again.added, again.updated, again.deleted, again.unchanged, again.embedded) == (0, 0, 0, 4, 0)
    assert embedder.embedded == embedded
    assert state(kb) == before
    assert kb.catalogue.generation - generation <= 1


def test_a_changed_file_embeds_only_its_changed_chunks(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "docs", {"long.md": generated_page(1, sections=12)}).resolve()
    first = sync(kb, [str(folder)])
    text = (folder / "long.md").read_text("utf-8")
    (folder / "long.md").write_text(f"{text}\n## Added later\n\nOne more sentence at the very end.\n", "utf-8")
    again = sync(kb, [str(folder)])
    assert (again.updated, again.added) == (1, 0)
    assert 0 < again.embedded <= 4 < first.embedded


def test_the_same_bytes_at_two_paths_are_two_sources_and_one_embedding(
    kb: KnowledgeBase, pages: Path, embedder: HashingEmbedder
) -> None:
    sync(kb, [str(pages)])
    embedded, chunks = embedder.embedded, kb.catalogue.count("chunks")
    shutil.copytree(pages / "guide", pages / "copy")
    report = sync(kb, [str(pages)])
    assert (report.added, report.embedded, embedder.embedded) == (2, 0, embedded)
    assert kb.catalogue.count("chunks") > chunks


def test_a_renamed_file_is_found_under_its_new_name_without_embedding(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    (pages / "guide" / "scaling.md").rename(pages / "notes" / "scale.md")
    report = sync(kb, [str(pages)])
    assert (report.added, report.deleted, report.updated, report.embedded) == (1, 1, 0, 0)
    assert kb.search("interquartile range outliers").hits[0].key.source == "notes/scale.md"


def test_naming_one_file_of_a_known_root_deletes_nothing(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    report = sync(kb, [str(pages / "index.html")])
    assert (report.unchanged, report.deleted) == (1, 0)
    assert kb.catalogue.roots() == (("default", str(pages)),)


def test_a_folder_inside_a_known_root_deletes_only_there(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    for name in ("guide/trees.rst", "index.html"):
        (pages / name).unlink()
    assert sync(kb, [str(pages / "guide")]).deleted == 1
    assert {s.key.source for s in kb.catalogue.sources()} == {"guide/scaling.md", "notes/churn.txt", "index.html"}


def test_collections_keep_apart(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)], collection="one")
    assert sync(kb, [str(pages)], collection="two").added == 4
    assert kb.catalogue.count("sources") == 8


def test_found_by_words_at_once_and_by_meaning_as_vectors_land(kb: KnowledgeBase, pages: Path) -> None:
    seen: list[tuple[str, int]] = []

    def watch(step: Step) -> None:
        if step.stage == "read" and step.done == step.total:
            seen.append(("read", len(kb.search("interquartile range").hits)))
            assert {s.state for s in kb.catalogue.sources()} == {SourceState.LEXICAL}

    sync(kb, [str(pages)], watch=watch)
    assert seen[0][1] > 0
    assert {s.state for s in kb.catalogue.sources()} == {SourceState.SEARCHABLE}


def test_progress_counts_up_to_its_total_in_each_stage(kb: KnowledgeBase, pages: Path) -> None:
    steps: list[Step] = []
    sync(kb, [str(pages)], watch=steps.append)
    assert list(dict.fromkeys(step.stage for step in steps)) == ["scan", "read", "embed"]
    assert all(0 < step.done <= step.total for step in steps)


def test_a_stopped_sync_goes_on_where_it_was(kb: KnowledgeBase, tmp_path: Path, embedder: HashingEmbedder) -> None:
    folder = write_generated(tmp_path / "docs", 12).resolve()
    asked = iter([False] * 5 + [True] * 100)
    first = sync(kb, [str(folder)], stop=lambda: next(asked))
    assert first.stopped
    assert first.added == 5
    second = sync(kb, [str(folder)])
    assert (second.unchanged, second.added) == (5, 7)
    assert state(kb) == fresh(folder)


def test_a_plan_changes_nothing(kb: KnowledgeBase, pages: Path) -> None:
    planned = plan(kb, [str(pages)])
    assert len(planned.adds) == 4
    assert kb.catalogue.count("sources") == 0


def test_a_failed_source_is_tried_again_and_a_mended_one_is_read(kb: KnowledgeBase, pages: Path) -> None:
    (pages / "bad.ipynb").write_text("{", "utf-8")
    assert len(sync(kb, [str(pages)]).failed) == 1
    assert len(sync(kb, [str(pages)]).failed) == 1
    (pages / "bad.ipynb").rename(pages / "good.md")
    (pages / "good.md").write_text("# Good\n\nNow it can be read.\n", "utf-8")
    report = sync(kb, [str(pages)])
    assert (report.failed, report.added, report.deleted) == ((), 1, 1)


def test_another_model_or_splitter_is_refused_with_the_fix(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    with (
        opened(kb.home, HashingEmbedder(name="other")) as other,
        pytest.raises(IndexMismatch) as caught,
    ):
        sync(other, [str(pages)])
    assert "citewise rebuild" in caught.value.hint


def test_shared_documentation_is_ingested_without_a_failure(kb: KnowledgeBase, shared_data: Path) -> None:
    report = sync(kb, [str(shared_data / "mldocs" / "imbalanced-learn")])
    assert report.failed == ()
    assert report.added > 5
    assert complaints(kb) == []
    assert sync(kb, [str(shared_data / "mldocs" / "imbalanced-learn")]).embedded == 0
