"""The vector index: one contract for Chroma and the fake, then what only files and processes can get wrong."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import MemoryIndex
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.dense import GENERATION, SETTLE, ChromaIndex, Vector, VectorIndex, VectorItem, destroy
from kb.errors import CitewiseError, HomeUnwritable, IndexMismatch, IndexUnavailable, WriterBusy
from kb.locks import write_lock
from kb.seal import read_seal

DIM = 32
SPAWN = multiprocessing.get_context("spawn")


def unit_vectors(n: int, seed: int = 0, dim: int = DIM) -> Vector:
    """Return `n` random vectors of unit length, the same for the same seed."""
    raw = np.random.default_rng(seed).standard_normal((n, dim))
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def items(n: int, seed: int = 0, first: int = 0, dim: int = DIM) -> list[VectorItem]:
    """Return `n` items with ids from `first` on and three filter fields."""
    return [
        VectorItem(
            id=f"{first + i:08x}",
            vector=vector,
            fields={"collection": "ab"[i % 2], "kind": ("md", "py", "pdf")[i % 3], "source": i // 4},
        )
        for i, vector in enumerate(unit_vectors(n, seed, dim))
    ]


def unfound(index: VectorIndex, expected: list[VectorItem]) -> list[str]:
    """Return the ids of items that their own vector does not find first."""
    return [item.id for item in expected if [hit[0] for hit in index.search(item.vector, 1)] != [item.id]]


class IndexContract:
    """What every `VectorIndex` promises; a subclass gives the fixture `index`, empty."""

    def test_an_empty_index_finds_nothing(self, index: VectorIndex) -> None:
        assert index.search(unit_vectors(1)[0], 5) == []
        assert index.search(unit_vectors(1)[0], 5, {"kind": ["md"]}) == []
        assert index.ids() == set()
        assert index.count() == 0

    def test_every_item_is_found_first_by_its_own_vector(self, index: VectorIndex) -> None:
        index.add(items(60))
        assert unfound(index, items(60)) == []
        assert index.search(items(60)[7].vector, 1)[0][1] == pytest.approx(1.0, abs=1e-5)

    def test_adding_twice_changes_nothing(self, index: VectorIndex) -> None:
        index.add(items(30))
        before = index.search(items(30)[3].vector, 30)
        index.add(items(30) + items(30))
        assert index.count() == 30
        assert [id_ for id_, _ in index.search(items(30)[3].vector, 30)] == [id_ for id_, _ in before]

    def test_adding_again_replaces_vector_and_fields(self, index: VectorIndex) -> None:
        index.add(items(30))
        changed = VectorItem(id=items(30)[0].id, vector=unit_vectors(1, seed=9)[0], fields={"kind": "new"})
        index.add([changed])
        assert unfound(index, [changed]) == []
        assert [id_ for id_, _ in index.search(changed.vector, 5, {"kind": ["new"]})] == [changed.id]
        assert changed.id not in {id_ for id_, _ in index.search(changed.vector, 30, {"kind": ["md"]})}

    def test_what_was_removed_is_not_found_and_unknown_ids_are_no_error(self, index: VectorIndex) -> None:
        index.add(items(30))
        index.remove([items(30)[0].id, "never stored"])
        assert index.ids() == {item.id for item in items(30)[1:]}
        assert items(30)[0].id not in {id_ for id_, _ in index.search(items(30)[0].vector, 30)}

    def test_scores_fall_and_ties_go_by_id(self, index: VectorIndex) -> None:
        same = unit_vectors(1)[0]
        index.add([VectorItem(id=id_, vector=same, fields={"kind": "md"}) for id_ in ("c", "a", "b")] + items(20, 5))
        found = index.search(same, 23)
        assert [id_ for id_, _ in found[:3]] == ["a", "b", "c"]
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)

    def test_k_may_be_zero_or_more_than_there_is(self, index: VectorIndex) -> None:
        index.add(items(5))
        assert index.search(unit_vectors(1)[0], 0) == []
        assert len(index.search(unit_vectors(1)[0], 1000)) == 5

    def test_no_allowed_value_matches_nothing(self, index: VectorIndex) -> None:
        index.add(items(5))
        assert index.search(unit_vectors(1)[0], 5, {"kind": []}) == []

    def test_nothing_to_add_or_remove_is_no_error(self, index: VectorIndex) -> None:
        index.add([])
        index.remove([])
        assert index.count() == 0


class TestMemoryIndex(IndexContract):
    @pytest.fixture
    def index(self) -> MemoryIndex:
        return MemoryIndex()


class TestChromaIndex(IndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[ChromaIndex]:
        index = ChromaIndex.create(tmp_path / "index", DIM)
        yield index
        index.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index folder that is made and closed."""
    ChromaIndex.create(tmp_path / "index", DIM).close()
    return tmp_path / "index"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaIndex]:
    index = ChromaIndex.create(tmp_path_factory.mktemp("filled") / "index", DIM)
    index.add(items(150))
    yield index
    index.close()


wheres = st.fixed_dictionaries(
    {},
    optional={
        "collection": st.lists(st.sampled_from(["a", "b", "none"]), max_size=3),
        "kind": st.lists(st.sampled_from(["md", "py", "pdf", 3]), max_size=3),
        "source": st.lists(st.integers(0, 45), max_size=6),
        "unknown": st.just(["x"]),
    },
)


@settings(deadline=None, max_examples=80)
@given(where=wheres, k=st.integers(1, 60), seed=st.integers(0, 99))
def test_filters_match_a_naive_oracle(
    filled: ChromaIndex, where: dict[str, list[str | int]], k: int, seed: int
) -> None:
    oracle = MemoryIndex()
    oracle.add(items(150))
    query = unit_vectors(1, seed=seed + 1000)[0]
    expected, found = oracle.search(query, k, where), filled.search(query, k, where)
    assert [id_ for id_, _ in found] == [id_ for id_, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-5)


def test_everything_is_found_after_reopening(folder: Path) -> None:
    writer = ChromaIndex.create(folder, DIM)
    writer.add(items(1300))
    writer.close()
    reader = ChromaIndex(folder, DIM)
    assert unfound(reader, items(1300)) == []
    assert reader.missing({"absent", items(1)[0].id}) == {"absent"}
    reader.close()


def test_removing_many_unknown_ids_does_not_slow_adding_down(folder: Path) -> None:
    index = ChromaIndex(folder, DIM)
    index.add(items(10))
    index.remove([f"unknown {i}" for i in range(1500)])
    before = (folder / GENERATION).stat().st_size
    index.add(items(900, seed=1, first=100))
    assert (folder / GENERATION).stat().st_size - before < 20
    index.close()


@pytest.mark.parametrize("n", [1, 30, 1300])
def test_a_settled_index_has_nothing_to_replay(folder: Path, n: int) -> None:
    index, reader = ChromaIndex(folder, DIM), ChromaIndex(folder, DIM)
    index.add(items(n))
    index.settle()
    index.settle()
    assert read_seal(folder).unsynced == (1 if n == 1 else 0)
    index.add(items(400, seed=1, first=5000))
    assert read_seal(folder).unsynced >= 400
    reader.refresh()
    for each in (index, reader):
        assert unfound(each, items(n) + items(400, seed=1, first=5000)) == []
        each.close()


def test_changed_vectors_are_found_after_reopening(folder: Path) -> None:
    index = ChromaIndex(folder, DIM)
    index.add(items(1300))
    index.reopen()
    index.add(items(1300, seed=1))
    index.reopen()
    assert unfound(index, items(1300, seed=1)) == []
    index.close()


def test_two_indexes_in_one_process_see_each_other(folder: Path) -> None:
    one, two = ChromaIndex(folder, DIM), ChromaIndex(folder, DIM)
    one.add(items(20))
    two.add(items(20, seed=1, first=100))
    one.add(items(20, seed=2, first=200))
    assert two.refresh()
    assert not two.refresh()
    everything = items(20) + items(20, seed=1, first=100) + items(20, seed=2, first=200)
    assert unfound(one, everything) == unfound(two, everything) == []
    one.close()
    two.close()


def test_a_reader_sees_additions_within_five_seconds_without_being_told(folder: Path) -> None:
    reader, writer = ChromaIndex(folder, DIM), ChromaIndex(folder, DIM)
    writer.add(items(20))
    deadline = time.monotonic() + 5
    while unfound(reader, items(20)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert unfound(reader, items(20)) == []
    reader.close()
    writer.close()


def test_reopening_again_and_again_leaks_no_files_and_no_threads(folder: Path) -> None:
    index = ChromaIndex(folder, DIM)
    index.add(items(50))
    index.reopen()
    before = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    for _ in range(200):
        index.reopen()
    after = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    assert after[0] <= before[0] + 4
    assert after[1] <= before[1] + 2
    index.close()


def test_threads_search_while_another_writes(folder: Path) -> None:
    index = ChromaIndex(folder, DIM)
    index.add(items(50))
    failures: list[list[str]] = []
    threads = [threading.Thread(target=lambda: failures.append(unfound(index, items(50) * 4))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for start in range(100, 400, 50):
        index.add(items(50, seed=start, first=start))
        index.reopen()
    for thread in threads:
        thread.join()
    assert failures == [[], [], []]
    index.close()


def test_vectors_of_another_size_are_refused(folder: Path) -> None:
    index = ChromaIndex(folder, DIM)
    index.add(items(3))
    index.close()
    with pytest.raises(IndexMismatch) as caught:
        ChromaIndex(folder, DIM + 1)
    assert "rebuild" in caught.value.hint


def test_a_refused_item_leaves_the_index_usable(folder: Path) -> None:
    index = ChromaIndex(folder, DIM)
    index.add(items(3))
    with pytest.raises(ValueError, match="shape"):
        index.add([VectorItem(id="short", vector=unit_vectors(1, dim=DIM - 1)[0], fields={"kind": "md"})])
    index.reopen()
    assert unfound(index, items(3)) == []
    index.close()


def test_a_removed_folder_is_unavailable_to_who_has_it_open(folder: Path) -> None:
    index = ChromaIndex(folder, DIM)
    index.add(items(3))
    destroy(folder)
    destroy(folder)
    assert not folder.exists()
    for use in (lambda: index.search(items(1)[0].vector, 1), lambda: index.add(items(1)), lambda: index.missing({"x"})):
        with pytest.raises(IndexUnavailable):
            use()
    with pytest.raises(IndexUnavailable):
        ChromaIndex(folder, DIM)
    assert not folder.exists()
    index.close()


@pytest.mark.parametrize(
    "name", ["data_level0.bin", "header.bin", "length.bin", "link_lists.bin", "index_metadata.pickle", "chroma.sqlite3"]
)
@pytest.mark.parametrize("share", [0, 0.5, 0.99, None])
def test_a_shortened_or_lost_file_is_a_clear_error(folder: Path, name: str, share: float | None) -> None:
    index = ChromaIndex(folder, DIM)
    index.add(items(1300))
    index.close()
    path = next(folder.rglob(name))
    if share is None:
        path.unlink()
    else:
        os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(IndexUnavailable) as caught:
        ChromaIndex(folder, DIM)
    assert "citewise rebuild" in caught.value.hint


def test_a_half_written_batch_is_a_clear_error(folder: Path) -> None:
    with (folder / GENERATION).open("ab") as file:
        file.write(b".")
    with pytest.raises(IndexUnavailable, match="not finished"):
        ChromaIndex(folder, DIM)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_unwritable(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o500 if path.is_dir() else 0o400)
    with pytest.raises(HomeUnwritable):
        ChromaIndex(folder, DIM).add(items(1))
    folder.chmod(0o700)


def _add_with_little_room(folder: Path) -> None:
    """Exit with 7 when adding more than fits is reported as unwritable."""
    index = ChromaIndex(folder, DIM)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    try:
        index.add(items(5000))
    except HomeUnwritable:
        os._exit(7)


def test_a_full_disk_is_unwritable(folder: Path) -> None:
    process = SPAWN.Process(target=_add_with_little_room, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode == 7


def _add_in_batches(folder: Path, first: int, n: int, size: int) -> None:
    index = ChromaIndex(folder, DIM)
    everything = items(n, seed=first + 1, first=first)
    for start in range(0, n, size):
        index.add(everything[start : start + size])


@pytest.mark.slow
def test_two_writers_and_a_reader_lose_nothing(folder: Path) -> None:
    firsts = (0, 100_000)
    writers = [SPAWN.Process(target=_add_in_batches, args=(folder, first, 2000, 50)) for first in firsts]
    for writer in writers:
        writer.start()
    reader = ChromaIndex(folder, DIM)
    while any(writer.is_alive() for writer in writers):
        reader.search(unit_vectors(1)[0], 10)
        reader.search(unit_vectors(1)[0], 10, {"kind": ["md"]})
        reader.search(unit_vectors(1)[0], 10, {"source": [3, 4]})
    assert [writer.exitcode for writer in writers] == [0, 0]
    everything = [item for first in firsts for item in items(2000, seed=first + 1, first=first)]
    time.sleep(SETTLE)
    reader.search(unit_vectors(1)[0], 1)
    fresh = ChromaIndex(folder, DIM)
    assert fresh.count() == 4000
    assert unfound(fresh, everything) == []
    reader.refresh()
    assert unfound(reader, everything[::10]) == []
    reader.close()
    fresh.close()


def _add_until_killed(folder: Path, report: Path) -> None:
    index = ChromaIndex(folder, DIM)
    have = index.ids()
    todo = [item for item in items(60_000) if item.id not in have]
    for start in range(0, len(todo), 200):
        index.add(todo[start : start + 200])
        with report.open("a") as file:
            file.write("".join(f"{item.id}\n" for item in todo[start : start + 200]))


def _refilled(folder: Path, ids: set[str]) -> ChromaIndex:
    destroy(folder)
    index = ChromaIndex.create(folder, DIM)
    index.add([item for item in items(60_000) if item.id in ids])
    return index


@pytest.mark.slow
def test_a_killed_writer_leaves_an_index_that_is_whole_or_says_that_it_is_not(folder: Path, tmp_path: Path) -> None:
    report, moments = tmp_path / "added", random.Random(4)
    report.touch()
    for _ in range(10):
        size = report.stat().st_size
        writer = SPAWN.Process(target=_add_until_killed, args=(folder, report))
        writer.start()
        while report.stat().st_size == size and writer.is_alive():
            time.sleep(0.01)
        time.sleep(moments.random() * 0.5)
        writer.kill()
        writer.join()
        added = set(report.read_text().split())
        try:
            index = ChromaIndex(folder, DIM)
        except IndexUnavailable:
            index = _refilled(folder, added)
        assert index.missing(added) == set()
        stored = index.ids()
        assert unfound(index, [item for item in items(60_000) if item.id in stored][-1500:]) == []
        index.close()


def _hold(path: Path, taken: Path) -> None:
    with write_lock(path, 5):
        taken.touch()
        time.sleep(60)


def test_a_held_lock_is_busy_until_its_holder_is_killed(tmp_path: Path) -> None:
    path, taken = tmp_path / "lock", tmp_path / "taken"
    holder = SPAWN.Process(target=_hold, args=(path, taken))
    holder.start()
    while not taken.exists():
        time.sleep(0.01)
    with pytest.raises(WriterBusy), write_lock(path, 0.1):
        pass
    holder.kill()
    holder.join()
    with write_lock(path, 1):
        pass


def test_who_takes_the_lock_again_and_again_lets_others_in(tmp_path: Path) -> None:
    path, stop, turns = tmp_path / "lock", threading.Event(), []

    def hog() -> None:
        while not stop.is_set():
            with write_lock(path, 5):
                time.sleep(0.05)
            turns.append(1)

    thread = threading.Thread(target=hog)
    thread.start()
    time.sleep(0.2)
    before = len(turns)
    with write_lock(path, 5):
        between = len(turns) - before
    stop.set()
    thread.join()
    assert between <= 2


def test_a_lock_where_nothing_can_be_written_is_an_unwritable_home(tmp_path: Path) -> None:
    with pytest.raises(HomeUnwritable), write_lock(tmp_path / "absent" / "lock", 1):
        pass


_OFFLINE = """
import sys
from pathlib import Path
calls = []
sys.addaudithook(lambda event, args: calls.append(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
from kb.dense import ChromaIndex
assert "chromadb" not in sys.modules
index = ChromaIndex.create(Path("index"), 4)
index.search([1.0, 0.0, 0.0, 0.0], 1)
assert not calls, calls
"""


@pytest.mark.parametrize("lines", ["ANONYMIZED_TELEMETRY=true\nCHROMA_API_IMPL=chromadb.api.fastapi.FastAPI\n", ""])
def test_nothing_is_sent_whatever_the_env_file_says(tmp_path: Path, lines: str) -> None:
    (tmp_path / ".env").write_text(lines)
    subprocess.run([sys.executable, "-c", _OFFLINE], cwd=tmp_path, check=True)


def test_an_env_file_that_chroma_cannot_read_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHROMA_SERVER_HTTP_PORT=eight\n")
    done = subprocess.run([sys.executable, "-c", _OFFLINE], cwd=tmp_path, capture_output=True, text=True)
    assert "BadInput" in done.stderr


def test_errors_are_citewise_errors() -> None:
    assert issubclass(IndexUnavailable, CitewiseError)
