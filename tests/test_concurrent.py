"""Two processes ingest into one home while a third asks: nothing is lost, and it sees what they add."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from corpora import generated_page, write_generated, write_pages
from fakes import HashingEmbedder
from states import complaints

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb.knowledge import KnowledgeBase

DRIVER = Path(__file__).with_name("driver.py")
SEEN_SECONDS = 5.0


def opened(home: Path) -> KnowledgeBase:
    """Open a home with the embedder of the driver."""
    return KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT)


def start(home: Path, folder: Path) -> subprocess.Popen[str]:
    """Start an ingest in a process of its own."""
    command = [sys.executable, str(DRIVER), "ingest", str(home), str(folder), "0.003"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> dict[str, object]:
    """Wait for an ingest and return its report."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    return dict(json.loads(out.splitlines()[-1]))


@pytest.mark.slow
def test_two_processes_ingest_while_a_third_asks_and_nothing_is_lost(tmp_path: Path) -> None:
    first = write_generated(tmp_path / "first", 40)
    second = write_generated(tmp_path / "second", 40, first=100)
    writers = [start(tmp_path / "home", folder) for folder in (first, second)]
    sizes = []
    with opened(tmp_path / "home") as reader:
        while any(writer.poll() is None for writer in writers):
            found = reader.search("kalo minu vize", k=50).hits
            assert all(hit.span.of(document(reader, hit.key)) == hit.text for hit in found)
            sizes.append(len(found))
            time.sleep(0.02)
        assert [finished(writer)["added"] for writer in writers] == [40, 40]
        assert reader.catalogue.count("sources") == 80
        assert reader.index().missing({row.chunk.id for row in rows(reader)}) == set()
        assert complaints(reader) == []
    assert len(set(sizes)) > 1


def document(kb: KnowledgeBase, key: object) -> str:
    """Return a stored document's text."""
    found = kb.catalogue.document(key)  # type: ignore[arg-type]
    assert found is not None
    return found.text


def rows(kb: KnowledgeBase) -> list[object]:
    """Return all stored chunks."""
    return list(kb.catalogue.chunks_numbered(kb.catalogue.chunk_numbers()).values())


@pytest.mark.slow
def test_a_reader_sees_by_meaning_within_seconds_what_another_process_adds(tmp_path: Path) -> None:
    folder = write_generated(tmp_path / "pages", 10)
    with opened(tmp_path / "home") as reader:
        sync(reader, [str(folder)])
        reader.search("warm", k=1)
        write_pages(folder, {"new.md": generated_page(999, sections=1)})
        finished(start(tmp_path / "home", folder))
        done = time.monotonic()
        [new] = [row for row in rows(reader) if row.key.source == "new.md"][:1]
        vector = reader.catalogue.vectors([new.vector_key])[new.vector_key]
        while new.chunk.id not in {id_ for id_, _ in reader.index().search(vector, 3)}:
            assert time.monotonic() - done < SEEN_SECONDS
            time.sleep(0.05)


@pytest.mark.slow
def test_two_processes_that_ingest_the_same_folder_store_it_once(tmp_path: Path) -> None:
    folder = write_generated(tmp_path / "pages", 20)
    for writer in [start(tmp_path / "home", folder) for _ in range(2)]:
        finished(writer)
    with opened(tmp_path / "home") as kb:
        assert kb.catalogue.count("sources") == kb.catalogue.count("documents") == 20
        assert len(kb.index().ids()) == kb.catalogue.count("chunks")
        assert complaints(kb) == []


def test_threads_share_a_knowledge_base_while_one_of_them_adds(kb: KnowledgeBase, tmp_path: Path) -> None:
    sync(kb, [str(write_generated(tmp_path / "pages", 5))])
    writer = threading.Thread(target=sync, args=(kb, [str(write_generated(tmp_path / "more", 15, first=50))]))
    writer.start()
    while writer.is_alive():
        assert kb.search("kalo minu", k=5).hits
    writer.join()
    assert kb.catalogue.count("sources") == 20
    assert complaints(kb) == []
