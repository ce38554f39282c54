"""Tables that a home knows: by their path or by a copy, corrected, opened, moved with the home, forgotten."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from fakes import HashingEmbedder
from hypothesis import given
from hypothesis import strategies as some

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb import datasets, uploads
from kb.errors import BadInput, HomeUnwritable
from kb.knowledge import KnowledgeBase
from kb.pack import pack, unpack
from kb.store import Catalogue

CSV = b"name,age\nada,36\n"


@pytest.fixture
def catalogue(kb: KnowledgeBase) -> Catalogue:
    """The catalogue of an empty knowledge base."""
    return kb.catalogue


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A small table on disk."""
    path = tmp_path / "data" / "people.csv"
    path.parent.mkdir()
    path.write_bytes(CSV)
    return path


class Endless(io.RawIOBase):
    """A stream that goes on for `size` bytes of nothing."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next piece."""
        self.largest = max(self.largest, size)
        piece = min(size, self.left)
        self.left -= piece
        return bytes(piece)


# -- known by path -------------------------------------------------------------------------------------------------


def test_a_table_named_by_its_path_stays_where_it_is(kb: KnowledgeBase, catalogue: Catalogue, people: Path) -> None:
    known = datasets.add_path(catalogue, people)
    assert (known.name, known.path, known.uploaded, known.is_there) == ("people.csv", people, False, True)
    assert datasets.list_of(catalogue) == (known,)
    assert datasets.get(catalogue, known.id) == known
    datasets.forget(catalogue, known.id)
    assert datasets.list_of(catalogue) == ()
    assert people.read_bytes() == CSV
    assert not (kb.home / "uploads").exists()


def test_a_path_is_read_as_a_person_types_it(
    catalogue: Catalogue, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(people.parent.parent))
    monkeypatch.chdir(people.parent)
    ids = {
        datasets.add_path(catalogue, typed).id for typed in ("people.csv", "~/data/people.csv", "../data/people.csv")
    }
    assert len(ids) == len(datasets.list_of(catalogue)) == 1


@pytest.mark.parametrize("typed", ["nowhere.csv", "~/nowhere.csv", "."])
def test_a_path_without_a_file_is_refused(catalogue: Catalogue, typed: str) -> None:
    with pytest.raises(BadInput) as caught:
        datasets.add_path(catalogue, typed)
    assert caught.value.hint
    assert datasets.list_of(catalogue) == ()


def test_a_file_that_went_is_still_listed_and_said_to_be_gone(catalogue: Catalogue, people: Path) -> None:
    id = datasets.add_path(catalogue, people).id
    people.unlink()
    assert [(one.id, one.is_there) for one in datasets.list_of(catalogue)] == [(id, False)]


def test_what_a_person_corrected_and_what_was_found_is_kept(catalogue: Catalogue, people: Path) -> None:
    id = datasets.add_path(catalogue, people).id
    datasets.correct(catalogue, id, {"delimiter": ";", "types": {"age": "text"}})
    datasets.opened(catalogue, id, fingerprint="f", rows=1, columns=2, notes=["delimiter ;"])
    again = datasets.add_path(catalogue, people)
    assert again.corrections == {"delimiter": ";", "types": {"age": "text"}}
    assert (again.fingerprint, again.rows, again.columns, again.notes) == ("f", 1, 2, ("delimiter ;",))
    assert again.opened is not None


def test_the_table_used_last_comes_first(catalogue: Catalogue, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.csv").write_bytes(CSV)
        datasets.add_path(catalogue, tmp_path / f"{name}.csv")
    oldest = datasets.list_of(catalogue)[-1]
    datasets.opened(catalogue, oldest.id, fingerprint="f", rows=1, columns=2)
    assert [one.name for one in datasets.list_of(catalogue)] == ["a.csv", "c.csv", "b.csv"]


def test_an_unknown_table_is_said_to_be_unknown(catalogue: Catalogue) -> None:
    assert datasets.get(catalogue, "nothing") is None
    datasets.forget(catalogue, "nothing")
    with pytest.raises(BadInput, match="nothing"):
        datasets.correct(catalogue, "nothing", {})


@pytest.mark.parametrize("name", ["a.csv", "A.TSV", "b.xlsx", "c.parquet", "d.jsonl", "e.csv.gz", "f.json.zst"])
def test_tables_are_told_by_their_names(name: str) -> None:
    assert datasets.is_table(name)


@pytest.mark.parametrize("name", ["a.md", "b.pdf", "c.zip", "d.ipynb", "csv", "notes.csv.md", "e.gz"])
def test_other_files_are_no_tables(name: str) -> None:
    assert not datasets.is_table(name)


# -- uploaded ------------------------------------------------------------------------------------------------------


def test_an_uploaded_table_is_copied_once_and_gone_once_forgotten(kb: KnowledgeBase, catalogue: Catalogue) -> None:
    known, again = (datasets.add_upload(catalogue, "people.csv", io.BytesIO(CSV)) for _ in range(2))
    assert known.id == again.id
    assert known.uploaded
    assert known.path.read_bytes() == CSV
    assert known.path.parent.parent == kb.home / "uploads"
    datasets.forget(catalogue, known.id)
    assert list((kb.home / "uploads").iterdir()) == []


def test_the_same_bytes_under_two_names_are_two_tables(catalogue: Catalogue) -> None:
    one, other = (datasets.add_upload(catalogue, name, io.BytesIO(CSV)) for name in ("a.csv", "b.csv"))
    datasets.forget(catalogue, one.id)
    assert [left.name for left in datasets.list_of(catalogue)] == ["b.csv"]
    assert other.path.read_bytes() == CSV


def test_an_upload_is_copied_in_pieces_and_refused_where_it_is_too_large(
    kb: KnowledgeBase, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 5_000_000)
    stream = Endless(6_000_000)
    with pytest.raises(BadInput, match="more than the 1 GB") as caught:
        datasets.add_upload(catalogue, "big.csv", stream)
    assert "path" in caught.value.hint
    assert stream.largest <= 2**20
    assert list((kb.home / "uploads").iterdir()) == []
    assert datasets.list_of(catalogue) == ()


def test_an_empty_upload_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(BadInput, match="empty"):
        datasets.add_upload(catalogue, "empty.csv", io.BytesIO())


def test_a_home_without_room_for_uploads_says_so(kb: KnowledgeBase, catalogue: Catalogue) -> None:
    (kb.home / "uploads").write_text("in the way")
    with pytest.raises(HomeUnwritable):
        datasets.add_upload(catalogue, "a.csv", io.BytesIO(CSV))


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\sales 2024.CSV", "sales_2024.CSV"),
        ("Umsätze.csv", "Umsätze.csv"),
        ("...", "upload"),
        ("", "upload"),
        ("con.csv", "_con.csv"),
        ("a\0b\n$(rm -rf).csv", "ab$(rm_-rf).csv"),
        ("x" * 400 + ".csv", "x" * 150 + ".csv"),
        (".hidden.csv", "hidden.csv"),
    ],
)
def test_names_of_uploads_mean_nothing_to_a_path(given_name: str, kept: str) -> None:
    assert uploads.safe_name(given_name) == kept


@given(some.text())
def test_any_name_becomes_one_that_can_be_a_file_and_stays_itself(name: str) -> None:
    safe = uploads.safe_name(name)
    assert safe not in ("", ".", "..")
    assert not set(safe) & set('/\\\0\n<>:"|?*')
    assert len(safe.encode("utf-8", "surrogatepass")) < 200
    assert uploads.safe_name(safe) == safe


# -- forgetting uploaded documents ---------------------------------------------------------------------------------


def test_a_forgotten_document_leaves_no_uploaded_copy(kb: KnowledgeBase, people: Path) -> None:
    place = uploads.keep(kb.home.absolute(), "notes.md", io.BytesIO(b"# Notes\n\nZebras have stripes."))
    other = people.with_name("kept.md")
    other.write_text("# Kept\n\nHorses have none.")
    sync(kb, [str(place), str(other)])
    kb.forget("notes.md")
    kb.forget("kept.md")
    assert not place.exists()
    assert other.exists()


# -- a home that moves ---------------------------------------------------------------------------------------------


def test_a_pack_carries_uploaded_tables_and_a_moved_home_finds_them(
    kb: KnowledgeBase, people: Path, tmp_path: Path
) -> None:
    datasets.add_upload(kb.catalogue, "up.csv", io.BytesIO(CSV))
    datasets.add_path(kb.catalogue, people)
    pack(kb, tmp_path / "base.pack")
    people.unlink()
    unpack(tmp_path / "base.pack", tmp_path / "copy")
    with KnowledgeBase(tmp_path / "copy", embedder=HashingEmbedder(), splitter=FINGERPRINT) as copy:
        there = {one.name: (one.is_there, one.uploaded) for one in datasets.list_of(copy.catalogue)}
        assert there == {"up.csv": (True, True), "people.csv": (False, False)}
        [moved] = [one for one in datasets.list_of(copy.catalogue) if one.uploaded]
        assert moved.path.is_relative_to(tmp_path / "copy")
        assert moved.path.read_bytes() == CSV


@pytest.mark.parametrize("name", ["uploads/../evil.csv", "uploads/0000000000000000/up.csv", "other/up.csv"])
def test_a_pack_with_an_upload_of_another_name_is_refused(kb: KnowledgeBase, tmp_path: Path, name: str) -> None:
    datasets.add_upload(kb.catalogue, "up.csv", io.BytesIO(CSV))
    pack(kb, tmp_path / "base.pack")
    with zipfile.ZipFile(tmp_path / "base.pack") as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    [upload] = [member for member in members if member.startswith("uploads/")]
    with zipfile.ZipFile(tmp_path / "bad.pack", "w") as archive:
        for member, data in members.items():
            archive.writestr(name if member == upload else member, data.replace(upload.encode(), name.encode()))
    with pytest.raises(BadInput, match="no pack has"):
        unpack(tmp_path / "bad.pack", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
