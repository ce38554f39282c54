"""Bad input and bad places: a clear error or a failed source with its reason, and nothing stored is lost."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from corpora import write_generated, write_pages
from fakes import HashingEmbedder
from pypdf import PdfWriter
from states import complaints, state

from ingest.report import SyncReport
from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb.errors import BadInput, CatalogueBroken, CitewiseError, HomeUnwritable
from kb.knowledge import KnowledgeBase
from kb.types import SourceInfo, SourceState

DRIVER = Path(__file__).with_name("driver.py")
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(*, password: str = "") -> bytes:
    """Return a PDF with an empty page."""
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


def docx(body: bytes) -> bytes:
    """Return a DOCX file whose document part is `body`."""
    types = (
        b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        b'<Override PartName="/word/document.xml" ContentType='
        b'"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    rels = (
        b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        b'officeDocument" Target="word/document.xml"/></Relationships>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("_rels/.rels", rels)
        archive.writestr("word/document.xml", body)
    return out.getvalue()


def bomb() -> bytes:
    """Return a DOCX of 300 kB that unpacks to 300 MB."""
    return docx(b"<w:document>" + b" " * (300 * 2**20))


def xxe(target: Path) -> bytes:
    """Return a DOCX whose text would be the contents of the file `target`."""
    text = (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{target.as_uri()}">]>'
        f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>seen: &e;</w:t></w:r></w:p></w:body></w:document>'
    )
    return docx(text.encode())


def ingested(kb: KnowledgeBase, folder: Path, name: str, data: bytes) -> SourceInfo:
    """Put a file beside the good pages, ingest the folder, and return the file's source; the others must be there."""
    (folder / name).write_bytes(data)
    report = sync(kb, [str(folder)])
    assert {s.key.source for s in kb.catalogue.sources() if s.state is SourceState.SEARCHABLE} >= set(GOOD)
    assert report.added == len(kb.catalogue.sources())
    [source] = [s for s in kb.catalogue.sources() if s.key.source == name]
    return source


GOOD = ("guide/scaling.md", "guide/trees.rst", "notes/churn.txt", "index.html")
FAILING: dict[str, Callable[[], bytes]] = {
    "empty.md": lambda: b"",
    "blank.rst": lambda: b" \n\t\n",
    "binary.md": lambda: bytes(range(256)) * 40,
    "image.md": lambda: b"\x89PNG\r\n\x1a\n" + bytes(2000),
    "truncated.pdf": lambda: pdf()[:120],
    "notpdf.pdf": lambda: b"hello",
    "encrypted.pdf": lambda: pdf(password="secret"),
    "scanned.pdf": pdf,
    "notzip.docx": lambda: b"PK\x03\x04 no archive",
    "broken.docx": lambda: docx(b"<w:document"),
    "empty.ipynb": lambda: json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}).encode(),
    "zero.ipynb": lambda: b"",
    "broken.ipynb": lambda: b'{"cells": [',
}


@pytest.mark.parametrize("name", FAILING)
def test_what_cannot_be_read_fails_with_a_reason_and_stops_nothing(kb: KnowledgeBase, pages: Path, name: str) -> None:
    source = ingested(kb, pages, name, FAILING[name]())
    assert source.state is SourceState.FAILED
    assert source.reason
    assert not source.reason.startswith(("TypeError", "AttributeError", "KeyError", "IndexError", "RecursionError"))
    assert source.chunks == 0


def test_a_zip_bomb_is_refused_without_unpacking_it(kb: KnowledgeBase, pages: Path) -> None:
    began = time.monotonic()
    data = bomb()
    made = time.monotonic() - began
    source = ingested(kb, pages, "bomb.docx", data)
    assert source.state is SourceState.FAILED
    assert time.monotonic() - began - made < 5


def test_an_external_entity_is_never_read(kb: KnowledgeBase, pages: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("Geheimnisquux", encoding="utf-8")
    ingested(kb, pages, "xxe.docx", xxe(tmp_path / "outside"))
    assert all("Geheimnisquux" not in hit.text for hit in kb.search("Geheimnisquux seen", k=50).hits)


def test_a_line_of_fifty_megabytes_ends_in_bounded_time(kb: KnowledgeBase, pages: Path) -> None:
    began = time.monotonic()
    source = ingested(kb, pages, "line.txt", b"x" * 50_000_000)
    assert source.state is SourceState.FAILED
    assert source.reason
    assert time.monotonic() - began < 60


def test_invalid_utf8_is_read_with_replacement(kb: KnowledgeBase, pages: Path) -> None:
    data = b"# Notes\n\n" + b"The learning rate was too high. " * 50 + b"\xff\xfe\x80 and the loss was nan.\n"
    source = ingested(kb, pages, "latin.md", data)
    assert source.state is SourceState.SEARCHABLE
    assert kb.search("loss was nan").hits[0].key.source == "latin.md"


def test_a_loop_of_links_ends(kb: KnowledgeBase, pages: Path) -> None:
    (pages / "guide" / "loop").symlink_to(pages, target_is_directory=True)
    (pages / "self.md").symlink_to(pages / "self.md")
    report = sync(kb, [str(pages)])
    assert report.added == len(GOOD)


def test_a_missing_source_is_a_clear_error(kb: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is nothing at"):
        sync(kb, [str(tmp_path / "nowhere")])


def test_a_file_that_goes_away_while_it_is_read_fails_alone(kb: KnowledgeBase, pages: Path) -> None:
    from ingest.sync import apply, plan

    planned = plan(kb, [str(pages)])
    (pages / "index.html").unlink()
    report = apply(kb, planned)
    assert [failure.key.source for failure in report.failed] == ["index.html"]
    assert kb.catalogue.count("documents") == len(GOOD) - 1


def binds() -> bool:
    """Tell whether permissions bind this user: they do not bind root."""
    return os.geteuid() != 0


@pytest.mark.skipif(not binds(), reason="permissions do not bind root")
def test_an_unreadable_folder_is_reported_and_loses_nothing(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    (pages / "guide").chmod(0)
    try:
        report = sync(kb, [str(pages)])
    finally:
        (pages / "guide").chmod(0o755)
    assert [failure.key.source for failure in report.failed] == ["guide"]
    assert report.deleted == 0


def test_a_file_that_became_a_folder_is_replaced(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    (pages / "index.html").unlink()
    write_pages(pages, {"index.html/inner.md": "# Inner\n\nNow a folder.\n"})
    report = sync(kb, [str(pages)])
    assert (report.added, report.deleted, report.failed) == (1, 1, ())


def test_a_version_that_cannot_be_read_leaves_the_one_of_before(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    (pages / "guide" / "scaling.md").write_bytes(bytes(range(256)) * 40)
    report = sync(kb, [str(pages)])
    assert [failure.key.source for failure in report.failed] == ["guide/scaling.md"]
    assert kb.search("interquartile range outliers").hits[0].key.source == "guide/scaling.md"
    [source] = kb.find_sources("guide/scaling.md")
    assert "version of before" in (source.reason or "")


def test_a_name_that_is_no_text_can_be_stored_and_shown(kb: KnowledgeBase, pages: Path) -> None:
    name = os.fsencode(pages) + b"/caf\xe9.md"
    Path(os.fsdecode(name)).write_text("# Coffee\n\nBeans are roasted.\n", encoding="utf-8")
    sync(kb, [str(pages)])
    assert kb.search("beans roasted").hits[0].key.source.encode("utf-8")


# -- the home ------------------------------------------------------------------------------------------------------


def opened(home: Path) -> KnowledgeBase:
    """Open a home with the embedder of the driver."""
    return KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT)


def driver(*arguments: str) -> tuple[int, dict[str, object]]:
    """Run the driver and return its exit status and what it printed."""
    command = [sys.executable, str(DRIVER), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_a_home_below_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(HomeUnwritable):
        opened(tmp_path / "file" / "home")


def test_a_catalogue_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").write_bytes(b"no database at all, only text " * 100)
    with pytest.raises(CatalogueBroken) as caught:
        opened(tmp_path)
    assert "unpack" in caught.value.hint
    assert (tmp_path / "catalogue.db").read_bytes().startswith(b"no database")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A closed home that knows the small pages."""
    with opened(tmp_path / "home") as kb:
        sync(kb, [str(write_pages(tmp_path / "pages"))])
    return tmp_path / "home"


def mounted(kind: str, *arguments: str) -> bool:
    """Mount something; tell whether that is allowed here."""
    return subprocess.run(["mount", "-t", kind, *arguments], capture_output=True).returncode == 0


@pytest.fixture
def read_only(stored: Path, tmp_path: Path) -> Iterator[Path]:
    """The same home where nothing can be written: by permissions, or by a read-only mount for root."""
    if binds():
        for path in [stored, *stored.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield stored
        for path in [stored, *stored.rglob("*")]:
            path.chmod(0o755)
        return
    place = tmp_path / "mount"
    place.mkdir()
    if subprocess.run(["mount", "--bind", str(stored), str(place)], capture_output=True).returncode != 0:
        pytest.skip("permissions do not bind root, and mounting is not allowed here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True, capture_output=True)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_read_only_home_answers_and_refuses_to_write(read_only: Path, tmp_path: Path) -> None:
    with opened(read_only) as kb:
        assert kb.search("interquartile range outliers").hits[0].key.source == "guide/scaling.md"
        write_pages(tmp_path / "pages", {"new.md": "# New\n\nMore text.\n"})
        with pytest.raises(HomeUnwritable):
            sync(kb, [str(tmp_path / "pages")])
        assert len(kb.catalogue.sources()) == len(GOOD)


@pytest.mark.parametrize("kilobytes", [60, 300])
def test_a_disk_that_is_full_is_a_clear_error_and_loses_nothing(stored: Path, tmp_path: Path, kilobytes: int) -> None:
    with opened(stored) as kb:
        before = {s.key.source for s in kb.catalogue.sources()}
    more = write_generated(tmp_path / "more", 60)
    status, said = driver("bounded", str(stored), str(more), str(kilobytes))
    assert status == 1
    assert said["type"] in {"HomeUnwritable", "IndexUnavailable"}, said
    with opened(stored) as kb:
        assert {s.key.source for s in kb.catalogue.sources()} >= before
        assert kb.search("interquartile range outliers").hits[0].key.source == "guide/scaling.md"
        sync(kb, [str(more)])
        assert complaints(kb) == []


def test_a_tiny_disk_is_a_clear_error(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    if not mounted("tmpfs", "-o", "size=2m", "tmpfs", str(place)):
        pytest.skip("mounting is not allowed here")
    try:
        status, said = driver("ingest", str(place / "home"), str(write_generated(tmp_path / "many", 200)))
        assert status == 1
        assert said["type"] == "HomeUnwritable", said
        with opened(place / "home") as kb:
            assert kb.catalogue.count("sources") > 0
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_lost_index_is_told_and_mended_by_a_rebuild(stored: Path) -> None:
    for path in sorted((stored / "chroma").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with opened(stored) as kb:
        result = kb.search("interquartile range outliers")
        assert result.hits[0].key.source == "guide/scaling.md"
        assert "by words only" in result.notes[0]
        embedder = kb.embedder
        assert isinstance(embedder, HashingEmbedder)
        embedder.embedded = 0
        assert kb.rebuild().embedded == embedder.embedded == 0
        assert complaints(kb) == []


def test_every_error_says_what_to_do(kb: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(CitewiseError) as caught:
        sync(kb, [str(tmp_path / "nowhere")])
    assert caught.value.hint


def test_a_sync_reports_what_it_did_not_read(kb: KnowledgeBase, pages: Path) -> None:
    (pages / "weights.bin").write_bytes(bytes(1000))
    report: SyncReport = sync(kb, [str(pages)])
    assert (report.added, report.skipped) == (len(GOOD), 1)
    assert state(kb).sources
