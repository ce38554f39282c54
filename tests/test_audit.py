"""The audit finds each kind of damage, names what mends it, and what it names does mend it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import HashingEmbedder
from sqlalchemy import delete, select, update
from states import complaints

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb import lexical, schema
from kb.audit import audit
from kb.knowledge import KnowledgeBase


@pytest.fixture
def filled(kb: KnowledgeBase, pages: Path) -> KnowledgeBase:
    """A knowledge base that knows the four pages."""
    sync(kb, [str(pages)])
    return kb


def failing(kb: KnowledgeBase) -> dict[str, str]:
    """Return the names of the checks that fail with their fix; each must say what is wrong and name a fix."""
    wrong = [check for check in audit(kb) if not check.ok and check.name != "disk"]
    assert all(check.detail and check.fix for check in wrong)
    return {check.name: check.fix for check in wrong}


def test_a_sound_base_has_nothing_to_mend(filled: KnowledgeBase) -> None:
    checks = audit(filled)
    assert complaints(filled) == []
    assert all(check.detail and not check.fix for check in checks if check.ok)
    assert len({check.name for check in checks}) == len(checks) > 10


def test_an_empty_base_has_nothing_to_mend(kb: KnowledgeBase) -> None:
    assert complaints(kb) == []


def test_an_audit_changes_nothing_and_says_how_far_it_is(filled: KnowledgeBase) -> None:
    before, seen = filled.catalogue.generation, list[tuple[int, int]]()
    audit(filled, progress=lambda done, total: seen.append((done, total)))
    assert filled.catalogue.generation == before
    assert seen[-1][0] == seen[-1][1] == 2 * filled.catalogue.count("chunks")


def first_chunk(kb: KnowledgeBase) -> int:
    """Return the number of a chunk."""
    return kb.catalogue.chunk_numbers()[0]


def lose_words(kb: KnowledgeBase) -> None:
    """Take a chunk out of the index of words."""
    with kb.catalogue.write() as conn:
        lexical.remove(conn, [first_chunk(kb)])


def leave_words(kb: KnowledgeBase) -> None:
    """Leave words of a chunk behind that is not stored."""
    with kb.catalogue.write() as conn:
        lexical.add(conn, [(99_999, "", "", "orphan words")])


def lose_vector(kb: KnowledgeBase) -> None:
    """Take a chunk out of the dense index."""
    kb.index().remove([next(iter(kb.index().ids()))])


def swap_vectors(kb: KnowledgeBase) -> None:
    """Give a cached vector to another text."""
    v = schema.vectors
    with kb.catalogue.write() as conn:
        key = conn.scalar(select(schema.chunks.c.vector_key).where(schema.chunks.c.n == first_chunk(kb)))
        odd = HashingEmbedder().embed(["nothing of the kind zzz"])[0].tobytes()
        conn.execute(update(v).where(v.c.key == key).values(vector=odd))


def lose_cache(kb: KnowledgeBase) -> None:
    """Empty the vector cache."""
    with kb.catalogue.write() as conn:
        conn.execute(delete(schema.vectors))


def shorten_vector(kb: KnowledgeBase) -> None:
    """Cut a cached vector short."""
    with kb.catalogue.write() as conn:
        conn.execute(update(schema.vectors).values(vector=b"1234"))


def leave_folder(kb: KnowledgeBase) -> None:
    """Leave an index folder of before."""
    (kb.home / "chroma" / "before").mkdir()


def lose_place(kb: KnowledgeBase) -> None:
    """Forget that a chunk is in the dense index, as a killed ingest does."""
    with kb.catalogue.write() as conn:
        conn.execute(update(schema.chunks).where(schema.chunks.c.n == first_chunk(kb)).values(dense=0))


def half_forget(kb: KnowledgeBase) -> None:
    """Stop a forget before the files were rewritten."""
    kb.catalogue.put("uncompacted", "1")


MENDED_BY_REBUILD: dict[str, tuple[Callable[[KnowledgeBase], None], str]] = {
    "words lost": (lose_words, "words"),
    "words left": (leave_words, "word index"),
    "vector lost": (lose_vector, "vectors"),
    "vectors swapped": (swap_vectors, "vectors"),
    "cache lost": (lose_cache, "vector cache"),
    "folder left": (leave_folder, "leftovers"),
    "place lost": (lose_place, "waiting"),
    "half forgotten": (half_forget, "forgotten"),
}


@pytest.mark.parametrize("damage", MENDED_BY_REBUILD)
def test_damage_is_found_and_a_rebuild_mends_it(filled: KnowledgeBase, damage: str) -> None:
    make, name = MENDED_BY_REBUILD[damage]
    make(filled)
    assert failing(filled)[name] == "citewise rebuild"
    filled.rebuild()
    assert failing(filled) == {}


def test_vectors_of_the_wrong_length_are_told(filled: KnowledgeBase) -> None:
    shorten_vector(filled)
    assert "vector cache" in failing(filled)


def test_a_document_that_changed_under_its_chunks_is_found(filled: KnowledgeBase, pages: Path) -> None:
    with filled.catalogue.write() as conn:
        conn.execute(update(schema.documents).values(text="short"))
    assert "ingest" in failing(filled)["spans"]


def test_chunks_out_of_place_are_found(filled: KnowledgeBase) -> None:
    k = schema.chunks
    with filled.catalogue.write() as conn:
        conn.execute(update(k).where(k.c.n == first_chunk(filled)).values(start=k.c.start + 1))
    assert "spans" in failing(filled)


def test_a_failed_source_is_told_with_its_reason(filled: KnowledgeBase, pages: Path) -> None:
    (pages / "bad.pdf").write_bytes(b"%PDF-1.7 cut")
    sync(filled, [str(pages)])
    [check] = [check for check in audit(filled) if not check.ok and check.name != "disk"]
    assert check.name == "sources"
    assert "bad.pdf" in check.detail
    assert "citewise forget" in check.fix


def test_other_settings_are_told(filled: KnowledgeBase) -> None:
    with KnowledgeBase(filled.home, embedder=HashingEmbedder(name="other"), splitter=FINGERPRINT) as other:
        assert failing(other)["settings"] == "citewise rebuild"


def test_a_lost_index_is_told(filled: KnowledgeBase) -> None:
    for path in sorted((filled.home / "chroma").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with KnowledgeBase(filled.home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as other:
        assert failing(other)["vectors"] == "citewise rebuild"


def test_a_damaged_file_is_told(filled: KnowledgeBase) -> None:
    filled.close()
    path = filled.home / "catalogue.db"
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    with KnowledgeBase(filled.home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as other:
        assert "unpack" in failing(other)["catalogue"]


def test_equal_texts_are_found_by_the_vector_that_they_share(kb: KnowledgeBase, tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / "same").mkdir(exist_ok=True)
        (tmp_path / "same" / f"{i}.md").write_text("# One\n\nThe same text everywhere.\n", encoding="utf-8")
    sync(kb, [str(tmp_path / "same")])
    assert complaints(kb) == []
