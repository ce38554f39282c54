"""A job is done by a process of its own: watched, stopped, killed and resumed through its row, whoever looks at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from corpora import write_generated, write_pages
from fakes import HashingEmbedder
from sqlalchemy import select, update
from states import complaints, state

from ingest import worker
from ingest.split import FINGERPRINT
from ingest.sync import sync
from ingest.worker import Batch
from kb import jobs, schema, work
from kb.embed import MiniLM
from kb.errors import BadInput
from kb.jobs import Job, JobState
from kb.knowledge import KnowledgeBase
from kb.store import Catalogue
from ui.library_add import named, titled

WAIT = 60.0


@pytest.fixture(autouse=True)
def _worker_is_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue; what is still at work at the end is ended."""
    opened = Catalogue.open(tmp_path / "home" / "catalogue.db")
    yield opened
    for job in jobs.recent(opened):
        while jobs.stop(opened, job.id).is_active:
            time.sleep(0.05)
    opened.close()


def begin(catalogue: Catalogue, kind: str, **request: Any) -> Job:
    """Start a job of the tests' worker."""
    return jobs.start(catalogue, kind, request, worker="job_worker")


def until(catalogue: Catalogue, id: str, holds: Callable[[Job], bool]) -> Job:
    """Wait until something holds for a job and return it."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        job = jobs.get(catalogue, id)
        assert job is not None
        if holds(job):
            return job
        time.sleep(0.05)
    pytest.fail(f"waited for {WAIT} s; now {job}")


def ended(job: Job) -> bool:
    """Tell whether a job is over, one way or another."""
    return not job.is_active


def counting(job: Job) -> bool:
    """Tell whether a job has come some way."""
    return job.state is JobState.RUNNING and job.done > 0


# -- from start to end ---------------------------------------------------------------------------------------------


def test_a_job_is_done_elsewhere_and_leaves_its_result_progress_and_log(catalogue: Catalogue) -> None:
    job = begin(catalogue, "count", n=3)
    assert job.state in (JobState.WAITING, JobState.RUNNING)
    done = until(catalogue, job.id, ended)
    assert (done.state, done.result, done.done, done.total) == (JobState.DONE, {"counted": 3}, 3, 3)
    assert [line.split(" ", 1)[1] for line in done.log] == ["number 1", "number 2", "number 3"]
    assert done.pid not in (None, os.getpid())


def test_progress_is_seen_while_it_works(catalogue: Catalogue) -> None:
    job = begin(catalogue, "count", n=1000, seconds=0.05)
    seen = until(catalogue, job.id, counting)
    assert seen.stage.startswith("Counted ")
    assert seen.total == 1000


def test_the_log_keeps_the_latest_lines_only(catalogue: Catalogue) -> None:
    job = until(catalogue, begin(catalogue, "count", n=5000).id, ended)
    assert len(job.log) == work.LOG_LINES
    assert job.log[-1].endswith("number 5000")


@pytest.mark.parametrize(
    ("kind", "message", "hint"), [("fail", "the well is dry", "dig another"), ("crash", "ZeroDivisionError", "resume")]
)
def test_an_error_ends_in_the_row(catalogue: Catalogue, kind: str, message: str, hint: str) -> None:
    job = until(catalogue, begin(catalogue, kind).id, ended)
    assert job.state is JobState.FAILED
    assert job.can_resume
    assert message in job.error
    assert job.result is not None
    assert hint in job.result["hint"]


def test_a_worker_that_cannot_even_begin_is_lost_with_its_last_words(catalogue: Catalogue) -> None:
    job = until(catalogue, jobs.start(catalogue, "x", {}, worker="no_such_worker").id, ended)
    assert job.state is JobState.LOST
    assert "No module named no_such_worker" in job.log[-1]


def test_a_job_outlives_the_process_that_started_it(catalogue: Catalogue) -> None:
    program = (
        "import sys; from pathlib import Path; from kb import jobs; from kb.store import Catalogue;"
        "c = Catalogue.open(Path(sys.argv[1]));"
        "print(jobs.start(c, 'count', {'n': 40, 'seconds': 0.05}, worker='job_worker').id)"
    )
    called = subprocess.run(
        [sys.executable, "-c", program, str(catalogue.path)], capture_output=True, text=True, check=True, timeout=WAIT
    )
    job = until(catalogue, called.stdout.strip(), ended)
    assert (job.state, job.result) == (JobState.DONE, {"counted": 40})


# -- stopping ------------------------------------------------------------------------------------------------------


def test_a_job_asked_to_stop_ends_after_what_is_at_hand_and_can_be_resumed(catalogue: Catalogue) -> None:
    job = begin(catalogue, "count", n=2000, seconds=0.02)
    until(catalogue, job.id, counting)
    assert jobs.stop(catalogue, job.id).stopping
    stopped = until(catalogue, job.id, ended)
    assert stopped.state is JobState.STOPPED
    assert stopped.result is not None
    assert 0 < stopped.result["counted"] < 2000
    again = jobs.resume(catalogue, job.id)
    assert (again.id, again.attempt, again.stopping) == (job.id, 2, False)
    until(catalogue, job.id, counting)


def test_a_second_stop_ends_a_process_that_does_not_listen(catalogue: Catalogue) -> None:
    job = begin(catalogue, "deaf")
    until(catalogue, job.id, lambda job: job.stage == "Deaf")
    assert jobs.stop(catalogue, job.id).is_active
    began = time.monotonic()
    assert jobs.stop(catalogue, job.id).state is JobState.STOPPED
    assert time.monotonic() - began < 10
    assert jobs.stop(catalogue, job.id).state is JobState.STOPPED


def test_a_signal_to_end_stops_a_job_as_a_person_does(catalogue: Catalogue) -> None:
    job = until(catalogue, begin(catalogue, "count", n=2000, seconds=0.02).id, counting)
    assert job.pid is not None
    os.kill(job.pid, signal.SIGTERM)
    assert until(catalogue, job.id, ended).state is JobState.STOPPED


def test_an_unknown_job_is_said_to_be_unknown(catalogue: Catalogue) -> None:
    assert jobs.get(catalogue, "nothing") is None
    for act in (jobs.stop, jobs.resume):
        with pytest.raises(BadInput, match="nothing"):
            act(catalogue, "nothing")


def test_a_job_that_is_done_is_not_done_again(catalogue: Catalogue) -> None:
    job = until(catalogue, begin(catalogue, "count", n=1).id, ended)
    assert jobs.resume(catalogue, job.id) == job


# -- turns ---------------------------------------------------------------------------------------------------------


def test_jobs_of_one_kind_take_turns_and_others_do_not_wait(catalogue: Catalogue) -> None:
    first = begin(catalogue, "count", n=2000, seconds=0.02)
    until(catalogue, first.id, counting)
    second, third, other = (begin(catalogue, kind, n=1) for kind in ("count", "count", "fail"))
    assert until(catalogue, other.id, ended).state is JobState.FAILED
    waiting = until(catalogue, second.id, lambda job: bool(job.stage))
    assert (waiting.state, waiting.stage) == (JobState.WAITING, "Waiting for another job to end")
    jobs.stop(catalogue, third.id)
    assert until(catalogue, third.id, ended).state is JobState.STOPPED
    jobs.stop(catalogue, first.id)
    assert until(catalogue, second.id, ended).state is JobState.DONE


def test_a_dead_job_holds_up_nobody(catalogue: Catalogue) -> None:
    first = until(catalogue, begin(catalogue, "deaf").id, lambda job: job.stage == "Deaf")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    until(catalogue, first.id, lambda job: job.state is JobState.LOST)
    second = until(catalogue, begin(catalogue, "deaf").id, lambda job: job.stage == "Deaf")
    assert second.state is JobState.RUNNING


# -- lost ----------------------------------------------------------------------------------------------------------


def test_a_number_that_another_process_has_by_now_is_not_taken_for_the_worker(catalogue: Catalogue) -> None:
    job = until(catalogue, begin(catalogue, "deaf").id, lambda job: job.stage == "Deaf")
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    until(catalogue, job.id, ended)
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    change(catalogue, job.id, pid=innocent.pid)
    assert jobs.get(catalogue, job.id).state is JobState.LOST  # type: ignore[union-attr]
    assert jobs.stop(catalogue, job.id).state is JobState.STOPPED
    assert innocent.poll() is None
    innocent.kill()
    innocent.wait()


def test_a_worker_that_was_put_to_sleep_is_lost_and_its_job_is_taken_from_it(catalogue: Catalogue) -> None:
    job = until(catalogue, begin(catalogue, "deaf").id, lambda job: job.stage == "Deaf")
    assert job.pid is not None
    os.kill(job.pid, signal.SIGSTOP)
    change(catalogue, job.id, heartbeat=time.time() - 2 * jobs.STALE_SECONDS)
    assert jobs.get(catalogue, job.id).state is JobState.LOST  # type: ignore[union-attr]
    jobs.resume(catalogue, job.id)
    again = until(catalogue, job.id, lambda job: job.stage == "Deaf")
    assert (again.state, again.attempt) == (JobState.RUNNING, 2)
    assert again.pid != job.pid


def test_only_one_of_two_takes_up_a_lost_job(catalogue: Catalogue) -> None:
    job = until(catalogue, begin(catalogue, "fail").id, ended)
    taken = [jobs.resume(catalogue, job.id) for _ in range(2)]
    assert {one.attempt for one in taken} <= {2, 3}
    last = until(catalogue, job.id, ended)
    assert last.state is JobState.FAILED


def change(catalogue: Catalogue, id: str, **values: Any) -> None:
    """Change a job's row behind its worker's back."""
    with catalogue.write() as conn:
        conn.execute(update(schema.jobs).where(schema.jobs.c.id == id).values(**values))


def test_old_jobs_are_cleared_away(catalogue: Catalogue) -> None:
    with catalogue.write() as conn:
        for number in range(jobs.KEPT + 9):
            conn.execute(schema.jobs.insert().values(id=f"old{number}", **old_row(number)))
    job = until(catalogue, begin(catalogue, "count", n=1).id, ended)
    listed = jobs.recent(catalogue, limit=1000)
    assert listed[0].id == job.id
    assert len(listed) == jobs.KEPT + 1
    assert listed[-1].id == "old9"


def test_forgetting_a_source_leaves_its_name_in_no_job(kb: KnowledgeBase, pages: Path) -> None:
    sync(kb, [str(pages)])
    with kb.catalogue.write() as conn:
        conn.execute(schema.jobs.insert().values(id="old", **old_row(1), log="Read guide/scaling.md", result="{}"))
    kb.forget("guide/scaling.md")
    [job] = jobs.recent(kb.catalogue)
    assert (job.state, job.log, job.result) == (JobState.DONE, (), None)


def old_row(number: int) -> Mapping[str, Any]:
    """Return a job's row that ended long ago."""
    times = {"created": number, "queued": number, "updated": number, "heartbeat": number}
    return {"kind": "count", "worker": "job_worker", "request": json.dumps({}), "state": JobState.DONE, **times}


# -- ingesting -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_an_ingest_whose_process_is_killed_ends_as_if_undisturbed_once_resumed(tmp_path: Path, share: float) -> None:
    folder = write_pages(write_generated(tmp_path / "corpus", 40))
    with KnowledgeBase(tmp_path / "whole", embedder=HashingEmbedder(), splitter=FINGERPRINT) as whole:
        sync(whole, [str(folder)])
        expected = state(whole)
    with KnowledgeBase(tmp_path / "home", embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        job = begin(kb.catalogue, "slow_ingest", folder=str(folder), seconds=0.01)
        running = until(kb.catalogue, job.id, lambda job: job.stage == "embed" and job.done >= share * (job.total or 0))
        assert running.pid is not None
        os.kill(running.pid, signal.SIGKILL)
        assert until(kb.catalogue, job.id, ended).state is JobState.LOST
        assert kb.catalogue.count_waiting() > 0
        jobs.resume(kb.catalogue, job.id)
        assert until(kb.catalogue, job.id, ended).state is JobState.DONE
        assert complaints(kb) == []
        assert state(kb) == expected


@pytest.mark.slow
def test_an_ingest_is_a_job_that_tells_what_it_read_and_what_it_could_not(tmp_path: Path, pages: Path) -> None:
    (pages / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is cut off")
    with KnowledgeBase(tmp_path / "home", embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        batches = [Batch(sources=(str(pages), str(tmp_path / "nowhere")))]
        job = until(kb.catalogue, worker.start(kb.catalogue, batches, title="pages").id, ended)
        assert job.state is JobState.DONE
        assert job.result is not None
        assert (job.result["added"], job.result["failures"], job.result["waiting"]) == (5, 1, 0)
        assert job.result["failed"][0]["source"] == "broken.pdf"
        said = "\n".join(job.log)
        assert "Read guide/scaling.md" in said
        assert "Could not read broken.pdf: " in said
        assert f"There is nothing at {tmp_path / 'nowhere'} any more" in said
        assert kb.search("RobustScaler median").hits[0].key.source == "guide/scaling.md"


@pytest.mark.parametrize("server", ["http://ana:geheim@127.0.0.1:9/x", "postgresql://ana:geheim@127.0.0.1:9/runs"])
def test_no_password_of_a_server_is_kept_with_a_job(catalogue: Catalogue, server: str) -> None:
    places = named(server).sources
    job = worker.start(catalogue, [Batch(sources=(server, *places))], title=titled(places))
    with catalogue.read() as conn:
        rows = conn.execute(select(schema.jobs)).all()
    assert "127.0.0.1:9" in str(rows)
    assert "geheim" not in str(rows)
    jobs.stop(catalogue, job.id)


def test_an_ingest_of_what_is_gone_fails_with_words(catalogue: Catalogue, tmp_path: Path) -> None:
    job = worker.start(catalogue, [Batch(sources=(str(tmp_path / "nowhere"),))], title="nowhere")
    assert "nothing is there any more" in until(catalogue, job.id, ended).error
    with pytest.raises(BadInput, match="nothing to ingest"):
        worker.start(catalogue, [Batch(sources=())], title="")
