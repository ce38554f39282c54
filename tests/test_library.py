"""What is added in the library is told apart, and jobs, tables, readings and gaps are shown with the next step."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from assistant.assistant import Assistant
from assistant.wire import answer_json
from ingest.split import FINGERPRINT
from kb import datasets, jobs, readings
from kb.datasets import Dataset
from kb.embed import MiniLM
from kb.errors import BadInput
from kb.jobs import Job, JobState
from kb.knowledge import KnowledgeBase
from kb.readings import Saved, Unanswered
from kb.store import Catalogue
from kb.tables import open_table
from kb.types import SourceInfo, SourceKey, SourceState
from ui import library_add, shelf
from ui import library_trees as trees
from ui.library_add import Named
from ui.nodes import Node, text_of

NOW = 1_800_000_000.0


class File(io.BytesIO):
    """An upload under a name."""

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__(data)
        self.name = name


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with documents, a table and an image."""
    for name in ("docs/a.md", "docs/b.md", "train.csv", "my notes.md", "picture.png"):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG\0" if name.endswith("png") else b"# Title\n\nText.")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "project"


# -- adding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "sources", "tables"),
    [
        ("docs", ["docs"], []),
        ("docs/", ["docs"], []),
        ("~/project/docs/*.md", ["docs/a.md", "docs/b.md"], []),
        ("train.csv", [], ["train.csv"]),
        ("*", ["docs", "my notes.md"], ["train.csv"]),
        ('"my notes.md"', ["my notes.md"], []),
        ("  docs/a.md \n\n./docs/a.md\ntrain.csv", ["docs/a.md"], ["train.csv"]),
        ("", [], []),
    ],
)
def test_what_is_typed_is_told_apart(here: Path, typed: str, sources: list[str], tables: list[str]) -> None:
    found = library_add.named(typed)
    assert found.sources == tuple(str(here / name) for name in sources)
    assert found.tables == tuple(here / name for name in tables)


def test_a_package_is_named_as_it_is(here: Path) -> None:
    assert library_add.named("package:json").sources == ("package:json",)


@pytest.mark.parametrize(
    ("typed", "said"), [("nowhere.md", "nothing at 'nowhere.md'"), ("*.png", "no document and no")]
)
def test_a_name_that_stands_for_nothing_is_refused(here: Path, typed: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        library_add.named(typed)
    assert caught.value.hint


def test_uploads_are_kept_and_those_that_are_neither_are_named(kb: KnowledgeBase) -> None:
    files = [File("people.csv", b"a,b\n1,2\n"), File("logo.png", b"\x89PNG\0\0")]
    added = library_add.add(kb.catalogue, files, Named(sources=(), tables=()))
    assert added.job is None
    assert [table.name for table in added.tables] == ["people.csv"]
    assert added.refused == ("logo.png",)
    assert added.tables[0].path.read_bytes() == b"a,b\n1,2\n"


def test_documents_are_ingested_by_a_job(kb: KnowledgeBase, here: Path) -> None:
    files = [File("guide.md", b"# Guide\n\nQuokkas smile.")]
    added = library_add.add(kb.catalogue, files, library_add.named("docs"), collection=" team ")
    assert added.job is not None
    [batch] = added.job.request["batches"]
    assert batch["collection"] == "team"
    assert batch["sources"][0] == str(here / "docs")
    assert Path(batch["sources"][1]).is_relative_to(kb.home / "uploads")
    assert trees.title(added.job) == "docs/ and 1 more source"
    while jobs.stop(kb.catalogue, added.job.id).is_active:
        time.sleep(0.05)


def test_adding_nothing_is_refused(kb: KnowledgeBase) -> None:
    with pytest.raises(BadInput, match="nothing was chosen"):
        library_add.add(kb.catalogue, [], Named(sources=(), tables=()))


# -- shown ---------------------------------------------------------------------------------------------------------

JOB = Job(
    id="1",
    kind="ingest",
    worker="ingest.worker",
    request={"title": "docs/"},
    state=JobState.RUNNING,
    stage="Embedding 30 of 120 passages",
    done=30,
    total=120,
    log=("12:00:00 Read a.md", "12:00:01 Read b.md"),
    result=None,
    created=NOW,
    updated=NOW,
    heartbeat=NOW,
    attempt=1,
    stopping=False,
    pid=None,
)
RESULT = {
    "added": 3,
    "updated": 0,
    "deleted": 0,
    "unchanged": 2,
    "skipped": 0,
    "embedded": 40,
    "failures": 1,
    "failed": [],
    "missing": 0,
    "waiting": 0,
    "seconds": 75.2,
    "stopped": False,
}
TABLE = Dataset(
    id="t",
    name="people.csv",
    path=Path("data/people.csv"),
    uploaded=False,
    is_there=True,
    fingerprint="f",
    corrections={},
    rows=891,
    columns=1,
    notes=(),
    added=NOW,
    opened=None,
)
SAVED = Saved(
    id="r",
    name="Mean age",
    dataset="t",
    question="What is the mean age?",
    query={},
    values={"mean": 29.7},
    fingerprint="f",
    saved=NOW,
    last_values=None,
    last_fingerprint=None,
    last_run=None,
)


def events(node: Node | str) -> list[str]:
    """Return what the buttons of a tree do."""
    if isinstance(node, str):
        return []
    own = [str(node.event["do"])] if node.event else []
    return [*own, *(event for child in node.children for event in events(child))]


def shares(node: Node | str) -> list[float | None]:
    """Return how far the bars of a tree are."""
    if isinstance(node, str):
        return []
    return [*([node.share] if "cw-job-bar" in node.css else []), *(s for c in node.children for s in shares(c))]


def test_a_job_at_work_shows_its_stage_and_a_bar() -> None:
    assert "Embedding 30 of 120 passages" in text_of(trees.job(JOB))
    assert shares(trees.job(JOB)) == [0.25]
    assert shares(trees.job(replace(JOB, total=None))) == [None]
    assert "Stopping after the batch" in text_of(trees.job(replace(JOB, stopping=True)))


WELL = "2 sources read, 40 passages embedded, 2 unchanged, 1 failed; it took 1:15."
BURNT = {"error": "it burns", "hint": "put it out"}


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (replace(JOB, state=JobState.DONE, result=RESULT), WELL),
        (replace(JOB, state=JobState.STOPPED, result={**RESULT, "waiting": 9}), "9 passages still to embed"),
        (replace(JOB, state=JobState.STOPPED), "Stopped at once"),
        (replace(JOB, state=JobState.FAILED, result=BURNT), "It burns. Put it out."),
        (replace(JOB, state=JobState.LOST), "resume it"),
        (replace(JOB, state=JobState.DONE, result=dict.fromkeys(RESULT, 0)), "Nothing to read was found"),
    ],
)
def test_a_job_that_ended_says_how(job: Job, said: str) -> None:
    assert said in text_of(trees.job(job))


def test_a_log_shows_the_last_line_first() -> None:
    assert text_of(trees.log(JOB)).startswith("12:00:01")


def test_a_table_can_be_opened_and_one_that_is_gone_only_forgotten() -> None:
    assert "891 rows × 1 column" in text_of(trees.tables([TABLE]))
    assert events(trees.tables([TABLE])) == ["dataset", "lib-forget-table"]
    gone = trees.tables([replace(TABLE, is_there=False)])
    assert events(gone) == ["lib-forget-table"]
    assert "There is no file" in text_of(gone)


def test_how_a_table_was_read_is_shown_with_what_was_corrected() -> None:
    read = replace(TABLE, corrections={"delimiter": ";"}, notes=("missing are “?”",))
    assert "Delimiter set by hand to “;”; missing are “?”." in text_of(trees.tables([read]))
    many = replace(TABLE, notes=tuple("abcdef"))
    assert "How it was read: 6 notes" in text_of(trees.tables([many]))


def test_a_saved_reading_whose_answer_changed_comes_first_with_a_mark() -> None:
    changed = replace(SAVED, name="Moved", last_values={"mean": 30.1}, last_fingerprint="g", last_run=NOW)
    shown = text_of(trees.saved([SAVED, changed], {"t": TABLE}))
    assert shown.index("Moved") < shown.index("Mean age")
    assert "Answer changed" in shown
    assert "29.7  →  30.1" in shown
    assert "accept-reading" in events(trees.saved([changed], {"t": TABLE}))
    assert "accept-reading" not in events(trees.saved([SAVED], {"t": TABLE}))


def test_a_saved_reading_says_when_its_data_changed_or_went() -> None:
    assert "the data changed since" in text_of(trees.saved([SAVED], {"t": replace(TABLE, fingerprint="other")}))
    forgotten = trees.saved([SAVED], {})
    assert "its table was forgotten" in text_of(forgotten)
    assert "lib-run-reading" not in events(forgotten)


def test_a_question_without_an_answer_asks_again() -> None:
    gap = Unanswered(question="Why Spark?", times=3, last=time.time(), conversation="c", missing=("It is nowhere.",))
    shown = trees.unanswered([gap])
    assert "asked 3 times, last just now" in text_of(shown)
    assert events(shown) == ["lib-ask"]


def test_empty_lists_say_the_next_step() -> None:
    for shown, said in (
        (trees.tables([]), "Add a CSV"),
        (trees.saved([], {}), "Save an answer"),
        (trees.unanswered([]), "kept here"),
        (trees.no_jobs(), "What you add"),
        (shelf.no_sources(), "citewise ingest PATH"),
        (trees.nothing_yet(), "Add documentation"),
    ):
        assert said in text_of(shown)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "just now"), (50, "1 minute ago"), (3000, "50 minutes ago"), (3590, "1 hour ago"), (86400, "1 day ago")],
)
def test_times_are_told_in_words(seconds: float, said: str) -> None:
    assert trees.ago(NOW - seconds, NOW) == said
    assert trees.ago(NOW - 30 * 86400, NOW)[-4:].isdigit()


def test_uploaded_files_are_one_place() -> None:
    keys = [SourceKey(collection="default", root=f"/h/uploads/{n}", source=f"{n}.md") for n in "ab"]
    keys.append(SourceKey(collection="default", root="/docs", source="c.md"))
    infos = [SourceInfo(key=key, kind="markdown", state=SourceState.SEARCHABLE, reason=None, hash="") for key in keys]
    shown = text_of(shelf.places(infos, uploaded="/h/uploads"))
    assert "Uploaded files 2 sources in default" in shown
    assert "/docs 1 source in default" in shown


def test_tables_known_in_the_terminal_and_the_library_are_the_same() -> None:
    assert all(datasets.is_table(f"x{ending}") for ending in (".csv", ".tsv", ".parquet", ".xlsx", ".jsonl", ".ndjson"))


# -- run again -----------------------------------------------------------------------------------------------------


def library_page() -> None:
    """The library, run by Streamlit's tester."""
    from ui.views import library

    library.page()


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The library page over a home of its own, with nothing left over from another test."""
    monkeypatch.setenv("CITEWISE_HOME", str(tmp_path / "home"))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_function(library_page, default_timeout=60)
    st.cache_resource.clear()
    st.cache_data.clear()


def test_a_saved_reading_is_run_on_changed_data_and_says_what_changed(page: AppTest, tmp_path: Path) -> None:
    ages = tmp_path / "ages.csv"
    ages.write_text("age\n10\n20\n", "utf-8")
    question = "What is the mean of age?"
    with KnowledgeBase(tmp_path / "home", embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        dataset = datasets.add_path(kb.catalogue, ages)
        answer = answer_json(Assistant(kb=kb).ask(question, dataset=open_table(ages)))
        told = {"query": answer["reading"]["query"], "values": answer["result"]["value"], "fingerprint": "f"}
        saved = readings.save(kb.catalogue, name="Mean", dataset=dataset.id, question=question, **told)
        ages.write_text("age\n10\n30\n", "utf-8")
        page.session_state["run_reading"] = saved.id
        page.run()
        assert not page.exception
        [ran] = readings.list_of(kb.catalogue)
        assert [(change.before, change.after) for change in ran.changes] == [(15.0, 20.0)]
        ages.unlink()
        page.session_state["run_reading"] = saved.id
        page.run()
        assert not page.exception
        assert readings.list_of(kb.catalogue) == (ran,)


def test_adding_where_there_is_no_home_makes_one(page: AppTest, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITEWISE_HOME")
    (here / "train.csv").write_text("age\n10\n20\n", "utf-8")
    page.run()
    assert not page.exception
    page.text_area[0].set_value("train.csv")
    page.button(key="add").click().run()
    assert not page.exception
    assert (here / ".citewise" / "catalogue.db").is_file()
    with closing(Catalogue.open(here / ".citewise" / "catalogue.db")) as catalogue:
        [known] = datasets.list_of(catalogue)
    assert (known.path, known.rows, known.columns) == (here / "train.csv", 2, 1)
