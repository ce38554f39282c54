"""What was forgotten cannot answer, and no byte of it stays below the home."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpora import write_generated, write_pages
from fakes import HashingEmbedder
from sqlalchemy import select

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb import conversations, schema
from kb.errors import SourceNotFound
from kb.knowledge import KnowledgeBase
from kb.types import SourceInfo, SourceKey

SECRET = "# Qzkanary\n\nThe Zwölfquibblex endpoint ÄÖÜvexil answers only to Drömmelfrotz and max_quuxdepth.\n"
CANARIES = ("qzkanary", "zwölfquibblex", "zwolfquibblex", "äöüvexil", "aouvexil", "drömmelfrotz", "frotz", "quuxdepth")
"""Words of the secret page, in lower case, also without the marks that the index of words takes off."""


def found_in(home: Path, traces: list[bytes]) -> list[str]:
    """Return which traces stand in which file below `home`, upper and lower case alike, and in which file's name."""
    return [
        f"{trace!r} in {path.relative_to(home)}"
        for path in sorted(home.rglob("*"))
        if path.is_file()
        for data in [path.read_bytes() + path.name.encode()]
        for trace in traces
        if trace in data or trace in data.lower() or trace.decode("latin-1").encode("utf-16-le") in data.lower()
    ]


def traces(kb: KnowledgeBase, source: SourceInfo) -> list[bytes]:
    """Return what would give the source away: its words, name, ids, hash, and the bytes of its vectors."""
    [row] = [r for r in kb.catalogue.chunks_numbered(kb.catalogue.chunk_numbers()).values() if r.key == source.key]
    with kb.catalogue.read() as conn:
        rows = conn.execute(select(schema.vectors.c.key, schema.vectors.c.vector))
        stored = {found.key: found.vector for found in rows}
    keys = [key for key in (row.vector_key, row.heading_key) if key is not None]
    ends = [piece for key in keys for piece in (stored[key][:32], stored[key][-32:])]
    names = (*CANARIES, "secret.md", row.chunk.id, *keys, source.hash)
    return [*(name.encode() for name in names), *ends]


def cite(key: SourceKey, text: str) -> dict[str, object]:
    """Return the JSON of a citation."""
    return {"collection": key.collection, "root": key.root, "source": key.source, "quote": text}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve harmless pages and a secret one."""
    return write_pages(write_generated(tmp_path / "corpus", 12), {"private/secret.md": SECRET}).resolve()


@pytest.fixture
def filled(kb: KnowledgeBase, folder: Path) -> tuple[KnowledgeBase, list[bytes]]:
    """A knowledge base that knows the secret in every place where it can be: index, cache, chat and backup."""
    sync(kb, [str(folder)])
    [secret] = kb.find_sources("private/secret.md")
    chat = conversations.start(kb.catalogue, "How is it reached?")
    claim = {"text": "Zwölfquibblex answers only to Drömmelfrotz.", "citations": [cite(secret.key, "Zwölfquibblex")]}
    answer = {"claims": [claim], "text": claim["text"], "evidence": [], "suggestions": ["Qzkanary?"]}
    conversations.append(kb.catalogue, chat, "How is it reached?", answer)
    (kb.home / "backups").mkdir()
    (kb.home / "backups" / "old.db").write_text(SECRET, encoding="utf-8")
    return kb, traces(kb, secret)


def test_the_search_for_traces_finds_them_before(filled: tuple[KnowledgeBase, list[bytes]]) -> None:
    kb, signs = filled
    found = found_in(kb.home, signs)
    assert {sign for sign in signs if any(line.startswith(f"{sign!r} in") for line in found)} >= set(signs[8:])
    assert any("chroma" in line for line in found)


def test_what_was_forgotten_leaves_no_byte_behind(filled: tuple[KnowledgeBase, list[bytes]]) -> None:
    kb, signs = filled
    kb.forget("private/secret.md")
    assert found_in(kb.home, signs) == []
    kb.close()
    assert found_in(kb.home, signs) == []


def test_what_was_forgotten_does_not_answer_here_or_after_a_restart(
    filled: tuple[KnowledgeBase, list[bytes]], folder: Path
) -> None:
    kb, signs = filled
    assert kb.search("Zwölfquibblex endpoint").hits[0].key.source == "private/secret.md"
    kb.forget("private/secret.md")
    assert all(hit.key.source != "private/secret.md" for hit in kb.search("Zwölfquibblex endpoint").hits)
    kb.close()
    with KnowledgeBase(kb.home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as again:
        assert all(hit.key.source != "private/secret.md" for hit in again.search("Zwölfquibblex endpoint").hits)
        (folder / "private" / "secret.md").unlink()
        sync(again, [str(folder)])
    assert found_in(kb.home, signs) == []


def test_a_reader_that_was_open_before_does_not_answer_either(filled: tuple[KnowledgeBase, list[bytes]]) -> None:
    kb, _ = filled
    with KnowledgeBase(kb.home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as other:
        assert other.search("Zwölfquibblex endpoint").hits[0].key.source == "private/secret.md"
        kb.forget("private/secret.md")
        assert all(hit.key.source != "private/secret.md" for hit in other.search("Zwölfquibblex endpoint").hits)


def test_stored_answers_lose_what_stems_from_it(filled: tuple[KnowledgeBase, list[bytes]]) -> None:
    kb, _ = filled
    kb.forget("private/secret.md")
    [chat] = conversations.recent(kb.catalogue)
    [turn] = conversations.turns(kb.catalogue, chat.id)
    assert turn.answer["claims"] == []
    assert turn.answer["text"] == conversations.FORGOTTEN


def test_the_rest_is_still_found_and_nothing_is_embedded_again(
    filled: tuple[KnowledgeBase, list[bytes]], embedder: HashingEmbedder
) -> None:
    kb, _ = filled
    before, chunks = embedder.embedded, kb.catalogue.count("chunks")
    kb.forget("private/secret.md")
    assert embedder.embedded == before
    assert kb.catalogue.count("chunks") == chunks - 1 == len(kb.index().ids())
    assert kb.search("page", k=5).hits


def test_a_folder_and_a_root_are_forgotten_by_name(kb: KnowledgeBase, folder: Path) -> None:
    sync(kb, [str(folder)])
    assert {key.source for key in kb.forget("part1")} == {f"part1/page{i:03d}.md" for i in (1, 6, 11)}
    kb.forget(str(folder))
    assert kb.catalogue.count("sources") == kb.catalogue.count("roots") == kb.catalogue.count("vectors") == 0


def test_an_unknown_name_is_refused_with_the_nearest(kb: KnowledgeBase, folder: Path) -> None:
    sync(kb, [str(folder)])
    with pytest.raises(SourceNotFound) as caught:
        kb.forget("private/secrets.md")
    assert caught.value.nearest[0] == "private/secret.md"
