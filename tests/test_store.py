"""The catalogue: rows to values and back, whole transactions, and clear errors."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from ingest.sync import sync
from kb import schema, store
from kb.errors import CatalogueBroken, HomeUnwritable
from kb.knowledge import KnowledgeBase
from kb.store import Catalogue
from kb.types import Anchor, Block, BlockKind, Document, SourceKey, Span


@pytest.fixture
def catalogue(kb: KnowledgeBase) -> Catalogue:
    """An empty catalogue."""
    return kb.catalogue


def key(name: str) -> SourceKey:
    """Return a key in one root."""
    return SourceKey(collection="c", root="/r", source=name)


def test_a_document_comes_back_as_it_was_stored(catalogue: Catalogue) -> None:
    document = Document(
        kind="pdf",
        title="Größe 📏",
        text="Head\n\nBody 📏 of it",
        blocks=(
            Block(kind=BlockKind.HEADING, span=Span(start=0, end=4), headings=("Head",), level=1),
            Block(kind=BlockKind.PARAGRAPH, span=Span(start=6, end=18), headings=("Head",)),
        ),
        anchors=(Anchor(offset=6, unit="page", value="2"),),
        metadata={"author": "Ada"},
    )
    with catalogue.write() as conn:
        source = store.set_source(conn, key("a"))
        store.put_document(conn, source, "a", document, ())
    assert catalogue.document(key("a")) == document
    assert catalogue.document(key("b")) is None


def _write_and_fail(catalogue: Catalogue) -> None:
    with catalogue.write() as conn:
        store.set_source(conn, key("a"))
        raise ZeroDivisionError


def test_a_failed_write_leaves_nothing_behind(catalogue: Catalogue) -> None:
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(catalogue)
    assert catalogue.count("sources") == catalogue.count("roots") == 0


def test_a_reader_sees_one_consistent_state(catalogue: Catalogue) -> None:
    with catalogue.read() as conn:
        conn.scalar(select(schema.meta.c.value))
        catalogue.put("later", "1")
        assert store.get_meta(conn, "later") == ""
    assert catalogue.get("later") == "1"


def test_writers_in_threads_wait_for_each_other(catalogue: Catalogue) -> None:
    def count() -> None:
        for _ in range(20):
            with catalogue.write() as conn:
                store.touch(conn)

    before, threads = catalogue.generation, [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert catalogue.generation == before + 80


def test_vectors_are_kept_exactly_and_never_replaced(catalogue: Catalogue) -> None:
    first, second = np.arange(4, dtype=np.float32), np.ones(4, dtype=np.float32)
    catalogue.put_vectors({"a": first})
    catalogue.put_vectors({"a": second, "b": second})
    found = catalogue.vectors(["a", "b", "c"])
    assert np.array_equal(found["a"], first)
    assert np.array_equal(found["b"], second)
    assert "c" not in found


def test_more_values_than_fit_one_statement_are_found(catalogue: Catalogue) -> None:
    items = {f"{i:04d}": np.full(2, i, dtype=np.float32) for i in range(1300)}
    catalogue.put_vectors(items)
    assert len(catalogue.vectors(list(items))) == 1300


@given(st.lists(st.integers(), max_size=1300))
def test_batches_lose_nothing(values: list[int]) -> None:
    assert [value for part in store.batches(values) for value in part] == values


def test_chunks_of_one_document_and_of_many_have_their_texts(kb: KnowledgeBase, pages: Path) -> None:
    long = "\n\n".join(f"## Part {i}\n\n" + f"Sentence 📏 number {i} is here. " * 12 for i in range(40))
    (pages / "long.md").write_text(long, encoding="utf-8")
    sync(kb, [str(pages)])
    rows = kb.catalogue.chunks_numbered(kb.catalogue.chunk_numbers())
    alone = {n: kb.catalogue.chunks_numbered([n])[n] for n in rows}
    assert alone == rows
    for row in rows.values():
        document = kb.catalogue.document(row.key)
        assert document is not None
        assert row.chunk.text == row.chunk.span.of(document.text)


def test_dropping_a_source_leaves_no_row_of_it(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    kb.drop([source.key for source in kb.catalogue.sources()])
    for table in ("sources", "roots", "collections", "documents", "chunks", "vectors"):
        assert kb.catalogue.count(table) == 0
    assert store.defects(kb.catalogue) == []


def test_a_damaged_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    with pytest.raises(CatalogueBroken):
        Catalogue.open(tmp_path / "catalogue.db")


def test_a_place_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(HomeUnwritable):
        Catalogue.open(tmp_path / "file" / "sub" / "catalogue.db")


def test_a_snapshot_is_one_consistent_file_of_its_own(kb: KnowledgeBase, pages: Path, tmp_path: Path) -> None:
    sync(kb, [str(pages)])
    store.snapshot(kb.catalogue, tmp_path / "copy.db")
    kb.drop([source.key for source in kb.catalogue.sources()])
    copy = Catalogue.open(tmp_path / "copy.db")
    assert copy.count("sources") == 4
    assert store.defects(copy) == []
    copy.close()


OTHER_PROCESS = """
import sys
from pathlib import Path
from kb.store import Catalogue
catalogue = Catalogue.open(Path(sys.argv[1]))
catalogue.put("other", "1")
catalogue.close()
"""


def test_a_second_opening_in_one_process_leaves_the_first_its_locks(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with closing(Catalogue.open(path)) as first, closing(Catalogue.open(path)) as second:
        first.put("mine", "1")
        # Its last connection would remove the write-ahead log, were it not for the locks of ours.
        subprocess.run([sys.executable, "-c", OTHER_PROCESS, str(path)], check=True, timeout=60)
        assert path.with_name("catalogue.db-wal").exists()
        first.put("mine", "2")
        assert (second.get("mine"), second.get("other")) == ("2", "1")
