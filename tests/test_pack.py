"""A pack is the whole home as one file: the same answers come out, and nothing unsound is let in."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import HashingEmbedder
from states import complaints, state

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb import conversations
from kb.errors import BadInput, CitewiseError, HomeUnwritable
from kb.knowledge import KnowledgeBase
from kb.pack import CATALOGUE, MANIFEST, pack, unpack


def opened(home: Path) -> KnowledgeBase:
    """Open a home."""
    return KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT)


@pytest.fixture
def packed(kb: KnowledgeBase, pages: Path, tmp_path: Path) -> Path:
    """A pack file of a knowledge base with four pages."""
    sync(kb, [str(pages)])
    pack(kb, tmp_path / "base.pack")
    return tmp_path / "base.pack"


def rewritten(path: Path, change: Callable[[dict[str, Any]], None], extra: dict[str, bytes] | None = None) -> Path:
    """Write a pack again with a changed manifest and more members."""
    with zipfile.ZipFile(path) as archive:
        manifest, catalogue = json.loads(archive.read(MANIFEST)), archive.read(CATALOGUE)
    change(manifest)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))
        archive.writestr(CATALOGUE, catalogue)
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return path


def test_an_unpacked_base_is_the_same_and_answers_the_same(kb: KnowledgeBase, packed: Path, tmp_path: Path) -> None:
    conversations.start(kb.catalogue, "a chat")
    pack(kb, packed)
    made = unpack(packed, tmp_path / "copy" / "home")
    with opened(tmp_path / "copy" / "home") as copy:
        assert state(copy) == state(kb)
        for query in ("max_depth", "which scaler for outliers"):
            assert copy.search(query).hits == kb.search(query).hits
        assert [chat.title for chat in conversations.recent(copy.catalogue)] == ["a chat"]
        assert complaints(copy) == []
        assert (made.sources, made.chunks) == (4, kb.catalogue.count("chunks"))


def test_unpacking_embeds_nothing_and_the_base_goes_on(packed: Path, pages: Path, tmp_path: Path) -> None:
    unpack(packed, tmp_path / "copy")
    embedder = HashingEmbedder()
    with KnowledgeBase(tmp_path / "copy", embedder=embedder, splitter=FINGERPRINT) as copy:
        report = sync(copy, [str(pages)])
        assert (report.unchanged, report.embedded, embedder.embedded) == (4, 0, 0)


def test_what_waits_for_its_vectors_still_waits_after_unpacking(kb: KnowledgeBase, pages: Path, tmp_path: Path) -> None:
    sync(kb, [str(pages)], stop=_Later(2))
    waiting = kb.catalogue.count_waiting()
    pack(kb, tmp_path / "base.pack")
    unpack(tmp_path / "base.pack", tmp_path / "copy")
    with opened(tmp_path / "copy") as copy:
        assert copy.catalogue.count_waiting() == waiting > 0
        copy.embed_waiting()
        assert complaints(copy) == []


class _Later:
    """Says stop from the n-th time it is asked."""

    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_a_pack_holds_the_catalogue_alone(kb: KnowledgeBase, packed: Path) -> None:
    (kb.home / "citewise.toml").write_text('embedding_key = "sk-verysecret"', encoding="utf-8")
    (kb.home / ".env").write_text("CITEWISE_EMBEDDING_KEY=sk-verysecret", encoding="utf-8")
    pack(kb, packed)
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == [MANIFEST, CATALOGUE]
        assert all(b"verysecret" not in archive.read(name) for name in archive.namelist())


def test_packing_leaves_nothing_beside_the_file_and_replaces_an_old_one(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "base.pack").write_bytes(b"old")
    made = pack(kb, folder / "base.pack")
    assert [path.name for path in folder.iterdir()] == ["base.pack"]
    assert made.bytes == (folder / "base.pack").stat().st_size > 3


def test_packing_into_a_place_that_cannot_be_written_is_a_clear_error(kb: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(HomeUnwritable):
        pack(kb, tmp_path / "file" / "base.pack")


def refused(path: Path, home: Path) -> str:
    """Unpack what must be refused, see that nothing was left, and return why."""
    with pytest.raises(CitewiseError) as caught:
        unpack(path, home)
    assert not home.exists()
    assert not [p for p in home.parent.iterdir() if p.name.startswith(f".{home.name}.")]
    assert caught.value.hint
    return caught.value.message


def test_any_changed_byte_is_noticed(packed: Path, tmp_path: Path) -> None:
    data = bytearray(packed.read_bytes())
    for at in range(0, len(data), max(1, len(data) // 25)):
        changed = bytearray(data)
        changed[at] ^= 0x10
        packed.write_bytes(changed)
        try:
            unpack(packed, tmp_path / f"copy{at}")
        except CitewiseError:
            continue
        # A byte of the archive's own time stamps or flags: what came out is whole all the same.
        with opened(tmp_path / f"copy{at}") as copy:
            assert copy.catalogue.count("sources") == 4


def test_a_truncated_pack_is_refused(packed: Path, tmp_path: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-100])
    assert "not a sound pack" in refused(packed, tmp_path / "copy")


def test_contents_that_do_not_fit_the_manifest_are_refused(packed: Path, tmp_path: Path) -> None:
    rewritten(packed, lambda m: m["members"][CATALOGUE].update(sha256="0" * 64))
    assert "not what was packed" in refused(packed, tmp_path / "copy")


def test_more_bytes_than_the_manifest_says_are_refused(packed: Path, tmp_path: Path) -> None:
    rewritten(packed, lambda m: m["members"][CATALOGUE].update(bytes=1000))
    assert "not what was packed" in refused(packed, tmp_path / "copy")


@pytest.mark.parametrize("name", ["../outside", "/outside", "..\\outside", "chroma/x", "catalogue.db-wal"])
def test_a_member_that_no_pack_has_is_refused(packed: Path, tmp_path: Path, name: str) -> None:
    rewritten(packed, lambda m: m["members"].update({name: {"bytes": 1, "sha256": "x"}}), {name: b"x"})
    assert "members that no pack has" in refused(packed, tmp_path / "copy")
    rewritten(packed, lambda m: m["members"].pop(name), {name: b"x"})
    assert "members that no pack has" in refused(packed, tmp_path / "copy")
    assert not (tmp_path / "outside").exists()


def test_a_newer_format_is_refused_with_the_way_out(packed: Path, tmp_path: Path) -> None:
    rewritten(packed, lambda m: m.update(format=2))
    assert "format 2" in refused(packed, tmp_path / "copy")


@pytest.mark.parametrize("damage", ["format", "members", "dim", "sources"])
def test_a_manifest_without_a_field_is_refused(packed: Path, tmp_path: Path, damage: str) -> None:
    rewritten(packed, lambda m: m.pop(damage))
    assert "not a sound pack" in refused(packed, tmp_path / "copy")


def test_vectors_of_another_length_than_the_manifest_says_are_refused(packed: Path, tmp_path: Path) -> None:
    rewritten(packed, lambda m: m.update(dim=7))
    assert "vectors cannot be used" in refused(packed, tmp_path / "copy")


def test_what_is_no_zip_and_what_is_missing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    assert "not a sound pack" in refused(tmp_path / "text", tmp_path / "copy")
    assert "no file" in refused(tmp_path / "missing", tmp_path / "copy")


def test_a_home_that_is_not_empty_is_left_alone(packed: Path, tmp_path: Path) -> None:
    home = tmp_path / "taken"
    home.mkdir()
    (home / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match="not empty"):
        unpack(packed, home)
    assert [path.name for path in home.iterdir()] == ["file"]


def test_an_empty_folder_may_become_the_home(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    unpack(packed, tmp_path / "empty")
    with opened(tmp_path / "empty") as copy:
        assert copy.catalogue.count("sources") == 4


def test_an_empty_base_can_be_packed(kb: KnowledgeBase, tmp_path: Path) -> None:
    pack(kb, tmp_path / "base.pack")
    assert unpack(tmp_path / "base.pack", tmp_path / "copy").chunks == 0
