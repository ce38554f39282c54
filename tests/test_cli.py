"""The commands of the contract, run for real: their JSON field by field, exit codes, streams, signals."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ingest.loaders import LOADERS
from ingest.report import Step
from kb.types import Span
from ui import demo, serving
from ui.batches import clean_input
from ui.cli import app
from ui.follow import Lines, clock, pace
from ui.terminal import clean, context_span, snippet

HIT = {"rank", "chunk_id", "collection", "root", "source", "title", "headings", "start", "end", "page", "text", "score"}
CITATION = {"kind", "collection", "root", "source", "headings", "page", "start", "end", "quote"}
CLAIM = {"text", "verdict", "probability", "citations"}
ASK = {"question", "abstained", "missing", "confidence", "text", "claims", "reading", "result", "suggestions"}
SOURCE = {"collection", "root", "source", "kind", "state", "reason", "documents", "chunks", "runs", "hash"}
QUESTION = "Why did we lower the decision threshold for malignant samples?"
UNKNOWN = "Which Zyxomma database holds the Qwertz invoices of Frankfurt?"


def call(*arguments: str, home: Path | None = None, stdin: str | None = None) -> Result:
    named = ("--home", str(home)) if home else ()
    return CliRunner().invoke(app, [*named, *arguments], input=stdin)


def spawn(*arguments: str, cwd: Path, **more: Any) -> subprocess.Popen[str]:
    # A shell without job control starts what runs in its background with Ctrl-C ignored.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ui.cli import main; main()"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=cwd, env=env, **{**pipes, **more})


def one_object(result: Result) -> dict[str, Any]:
    """Return the only object on standard output."""
    lines = result.stdout.splitlines()
    assert len(lines) == 1, lines
    value: dict[str, Any] = json.loads(lines[0])
    return value


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the demo's notes."""
    home = tmp_path_factory.mktemp("cli") / "home"
    result = call("ingest", str(demo.NOTES), "--collection", "notes", home=home)
    assert result.exit_code == 0, result.output
    return home


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CITEWISE_HOME", raising=False)
    return tmp_path


# -- search and ask ------------------------------------------------------------------------------------------------


def test_search_prints_the_contract_and_names_the_home_on_stderr(home: Path) -> None:
    result = call("search", QUESTION, "-k", "3", "--json", home=home)
    found = one_object(result)
    assert found["query"] == QUESTION
    assert 0 < len(found["hits"]) <= 3
    assert found["timings"]["total"] > 0
    assert all(hit.keys() >= HIT for hit in found["hits"])
    assert [hit["rank"] for hit in found["hits"]] == list(range(1, len(found["hits"]) + 1))
    assert isinstance(found["hits"][0]["headings"][0], list)
    assert f"home: {home}" in result.stderr


def test_text_of_hits_is_the_documents_text_at_its_span(home: Path) -> None:
    for hit in one_object(call("search", "accuracy of folds", "--json", home=home))["hits"]:
        text = one_object(call("sources", "--text", hit["source"], "--json", home=home))["text"]
        assert text[hit["start"] : hit["end"]] == hit["text"]


def test_ask_prints_the_contract_and_every_quote_stands(home: Path) -> None:
    answer = one_object(call("ask", QUESTION, "--json", home=home))
    assert ASK | {"evidence", "usage", "timings"} <= answer.keys()
    assert {"words", "query", "unread"} <= answer["reading"].keys()
    assert {"kind", "value", "metric", "runs", "query"} == answer["result"].keys()
    assert answer["abstained"] is False
    for claim in answer["claims"]:
        assert claim.keys() >= CLAIM
        for citation in claim["citations"]:
            assert citation.keys() >= CITATION
            text = call("sources", "--text", citation["source"], home=home).stdout
            assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_ask_in_words_shows_reading_quotes_sources_and_confidence(home: Path) -> None:
    result = call("ask", *QUESTION.split(), home=home)
    assert result.exit_code == 0
    assert f"Looked up: {QUESTION}" in result.stdout
    assert "“" in result.stdout
    assert "breast-cancer-recall.md › Breast cancer" in result.stdout
    assert "confidence" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_an_abstention_says_what_is_missing_and_what_was_nearest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWISE_ABSTAIN_BELOW", "1.0")
    answer = one_object(call("ask", UNKNOWN, "--json", home=home))
    assert answer["abstained"] is True
    assert answer["claims"] == []
    assert answer["missing"]
    shown = call("ask", UNKNOWN, home=home).stdout
    assert "No answer." in shown
    assert "Nearest, not taken as an answer:" in shown
    assert "“Zyxomma”" in shown


def test_an_answer_says_which_of_its_sources_is_superseded(home: Path) -> None:
    shown = call("ask", "What bothered us about accuracy?", "--source", "breast-cancer-metric.md", home=home).stdout
    assert "[superseded, 2026-03-02," in shown.replace("\n   ", " ")


def test_max_claims_comes_from_the_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWISE_MAX_CLAIMS", "1")
    assert len(one_object(call("ask", QUESTION, "--json", home=home))["claims"]) == 1


def test_filters_keep_other_sources_out(home: Path) -> None:
    options = ("--source", "wine-scaling.md", "--collection", "notes", "--kind", "note", "--json")
    hits = one_object(call("search", "threshold", *options, home=home))["hits"]
    assert {hit["source"] for hit in hits} == {"wine-scaling.md"}
    assert one_object(call("search", "threshold", "--collection", "no", "--json", home=home))["hits"] == []


@pytest.mark.parametrize("arguments", [("search",), ("ask",), ("ask", "q", "--batch", "f"), ("search", "x", "-k", "0")])
def test_bad_usage_is_exit_2(arguments: tuple[str, ...], home: Path) -> None:
    assert call(*arguments, home=home).exit_code == 2


# -- batches -------------------------------------------------------------------------------------------------------


def test_a_batch_answers_in_order_and_a_bad_line_stops_no_other(home: Path, tmp_path: Path) -> None:
    lines = ['{"id": "a", "question": "threshold?"}', "", "{broken", '{"id": "c"}', '{"id": 4, "question": "wine?"}']
    file = tmp_path / "batch.jsonl"
    file.write_text("\n".join([*lines, "[1]", '{"id": "t", "question": "mean?", "dataset": "x.csv"}']))
    result = call("ask", "--batch", str(file), home=home)
    got = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [line["id"] for line in got] == ["a", None, "c", 4, None, "t"]
    assert ["claims" in line for line in got] == [True, False, False, True, False, False]
    assert all({"error", "hint", "line"} <= line.keys() for line in got if "claims" not in line)
    assert got[1]["line"] == 3


def test_search_takes_a_batch_from_standard_input(home: Path) -> None:
    result = call("search", "--batch", "-", "-k", "1", home=home, stdin='{"id": 1, "question": "wine"}\n')
    [line] = [json.loads(line) for line in result.stdout.splitlines()]
    assert line["id"] == 1
    assert line["query"] == "wine"
    assert len(line["hits"]) == 1


def test_a_batch_without_one_good_line_fails(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("nothing\n")
    assert call("ask", "--batch", str(tmp_path / "bad.jsonl"), home=home).exit_code == 1
    missing = call("ask", "--batch", str(tmp_path / "missing.jsonl"), "--json", home=home)
    assert missing.exit_code == 1
    assert "missing.jsonl" in one_object(missing)["error"]


def test_questions_that_no_database_can_hold_are_cleaned() -> None:
    assert clean_input("a\udcffb").encode("utf-8")
    assert clean_input("größe") == "größe"


# -- ingest, sources, forget ---------------------------------------------------------------------------------------


def write_docs(folder: Path) -> Path:
    docs = folder / "docs"
    docs.mkdir()
    (docs / "one.md").write_text("# One\n\nThe first document is about alpha particles.\n")
    (docs / "two.md").write_text("# Two\n\nThe second document is about beta testing.\n")
    return docs


def test_ingest_makes_a_home_and_a_second_run_embeds_nothing(in_tmp: Path) -> None:
    write_docs(in_tmp)
    first = one_object(call("ingest", "docs", "--json"))
    assert (first["added"], first["failed"], first["stopped"]) == (2, [], False)
    assert first["chunks"] > 0
    assert first["embedded"] > 0
    assert (in_tmp / ".citewise" / ".gitignore").exists()
    again = one_object(call("ingest", "docs", "--json"))
    assert (again["added"], again["unchanged"], again["embedded"]) == (0, 2, 0)


def test_dry_run_prints_the_plan_and_makes_nothing(in_tmp: Path) -> None:
    write_docs(in_tmp)
    planned = one_object(call("ingest", "docs", "--dry-run", "--json"))
    assert planned["adds"] == ["one.md", "two.md"]
    assert not (in_tmp / ".citewise").exists()
    assert "would add" in call("ingest", "docs", "--dry-run").stdout


def test_failed_sources_are_listed_with_their_reason(in_tmp: Path) -> None:
    docs = write_docs(in_tmp)
    (docs / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    result = call("ingest", "docs")
    assert result.exit_code == 0
    assert "1 source could not be read" in result.stdout
    assert "bad.pdf: " in result.stdout
    listed = one_object(call("sources", "--json"))["sources"]
    assert all(source.keys() >= SOURCE for source in listed)
    assert {s["source"]: s["state"] for s in listed}["bad.pdf"] == "failed"


def test_ingest_fails_where_every_source_fails(in_tmp: Path) -> None:
    (in_tmp / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    result = call("ingest", "bad.pdf", "--json")
    assert result.exit_code == 1
    got = one_object(result)
    assert got["failed"][0]["reason"]
    assert {"error", "hint"} <= got.keys()


def test_ingest_of_nothing_makes_no_home(in_tmp: Path) -> None:
    result = call("ingest", "missing", "--json")
    assert result.exit_code == 1
    assert "missing" in one_object(result)["error"]
    assert not (in_tmp / ".citewise").exists()


def test_sources_prints_a_documents_text(in_tmp: Path) -> None:
    call("ingest", str(write_docs(in_tmp)))
    assert call("sources", "--text", "one.md").stdout == "One\n\nThe first document is about alpha particles.\n"
    unknown = call("sources", "--text", "onne.md", "--json")
    assert unknown.exit_code == 1
    assert "one.md" in one_object(unknown)["error"]


def test_what_was_forgotten_does_not_answer(in_tmp: Path) -> None:
    call("ingest", str(write_docs(in_tmp)))
    gone = one_object(call("forget", "one.md", "--json"))["forgotten"]
    assert [source["source"] for source in gone] == ["one.md"]
    assert "alpha" not in call("search", "alpha particles", "--json").stdout.replace('"query": "alpha particles"', "")
    assert call("forget", "one.md", "--json").exit_code == 1


def test_rebuild_embeds_nothing_and_doctor_finds_all_in_order(in_tmp: Path) -> None:
    call("ingest", str(write_docs(in_tmp)))
    rebuilt = one_object(call("rebuild", "--json"))
    assert rebuilt["embedded"] == 0
    assert rebuilt["chunks"] > 0
    audited = one_object(call("doctor", "--json"))
    assert audited["ok"] is True
    assert all({"name", "ok", "detail", "fix"} <= check.keys() for check in audited["checks"])


def test_doctor_exits_1_and_names_the_fix_where_something_is_wrong(in_tmp: Path) -> None:
    docs = write_docs(in_tmp)
    (docs / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    call("ingest", "docs")
    result = call("doctor", "--json")
    audited = one_object(result)
    assert result.exit_code == 1
    assert audited["ok"] is False
    assert [check["fix"] for check in audited["checks"] if not check["ok"]]


def test_pack_and_unpack_bring_the_whole_home_back(in_tmp: Path) -> None:
    call("ingest", str(write_docs(in_tmp)))
    packed = one_object(call("pack", "all.pack", "--json"))
    assert packed["sources"] == 2
    other = in_tmp / "other"
    assert one_object(call("unpack", "all.pack", "--json", home=other))["home"] == str(other)
    assert one_object(call("search", "alpha", "--json", home=other))["hits"]
    assert call("unpack", "all.pack", home=other).exit_code == 1


def test_eval_prints_the_contract(home: Path, tmp_path: Path) -> None:
    gold = [{"file": "breast-cancer-recall.md", "section": "Threshold", "quote": "We lowered the decision threshold"}]
    lines = [{"id": "q1", "question": QUESTION, "gold": gold}, {"id": "q2", "question": UNKNOWN, "gold": []}]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    got = one_object(call("eval", str(file), "--json", home=home))
    parts = {"file", "n", "retrieval", "answers", "abstention", "runs", "tables", "latency", "by_question"}
    assert parts <= got.keys()
    assert got["n"] == 2
    assert {"p50", "p95"} <= got["latency"].keys()
    assert {"id", "right"} <= got["by_question"][0].keys()


# -- chat and no command -------------------------------------------------------------------------------------------


def test_chat_answers_opens_a_quote_and_keeps_the_conversation(home: Path) -> None:
    result = call("chat", home=home, stdin=f"{QUESTION}\n:open 1\n:open 99\n:sources\n:help\n:quit\n")
    assert result.exit_code == 0
    assert "»" in result.stdout
    assert "There is no claim 99" in result.stdout
    assert "wine-scaling.md" in result.stdout
    assert ":open N" in result.stdout


def test_chat_as_json_is_one_object_with_its_turns(home: Path) -> None:
    got = one_object(call("chat", "--json", home=home, stdin=f"{QUESTION}\nand for wine?\n"))
    assert [turn["question"] for turn in got["turns"]] == [QUESTION, "and for wine?"]
    assert got["conversation"]


def test_without_a_command_what_is_known_is_said(home: Path) -> None:
    known = one_object(call("--json", home=home))
    assert known["sources"] == 4
    assert known["suggestions"]
    assert "4 sources" in call(home=home).stdout


def test_without_a_home_what_could_be_ingested_is_said(in_tmp: Path) -> None:
    write_docs(in_tmp)
    assert one_object(call("--json")) == {"home": None, "found": {"markdown": 2}, "suggestion": "citewise ingest ."}
    assert "2 markdown; ingest?" in call().stdout
    assert not (in_tmp / ".citewise").exists()


def test_an_empty_citewise_home_names_no_home(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWISE_HOME", "")
    assert one_object(call("--json"))["home"] is None


def test_citewise_home_names_the_home(in_tmp: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWISE_HOME", str(home))
    assert one_object(call("--json"))["home"] == str(home)


def test_a_command_without_a_home_says_how_to_get_one(in_tmp: Path) -> None:
    result = call("search", "x", "--json")
    assert result.exit_code == 1
    assert "citewise ingest" in one_object(result)["hint"]


def test_a_home_of_other_settings_is_an_error_with_its_fix(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWISE_EMBEDDING_MODEL", "other-model")
    result = call("search", "x", "--json", home=home)
    assert result.exit_code == 1
    assert "citewise rebuild" in one_object(result)["hint"]


def test_a_setting_that_cannot_be_used_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWISE_MAX_CLAIMS", "many")
    assert "max_claims" in one_object(call("ask", "x", "--json", home=home))["error"]


# -- as a process --------------------------------------------------------------------------------------------------


def test_standard_output_holds_json_only_and_the_nearest_home_answers(home: Path, tmp_path: Path) -> None:
    below = home.parent / "project" / "deep"
    below.mkdir(parents=True)
    (home.parent / "project" / ".citewise").symlink_to(home)
    process = spawn("search", "wine", "--json", cwd=below)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["query"] == "wine"
    assert "home: " in err


def test_a_closed_pipe_is_quiet(home: Path) -> None:
    process = spawn("--home", str(home), "sources", "--text", "wine-scaling.md", cwd=home.parent)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(120) in (0, 141)
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX here")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_an_ingest_which_goes_on_when_run_again(number: int, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for i in range(300):
        (docs / f"{i}.md").write_text(
            "\n".join(f"# Part {i} {j}\n\n{'words and numbers ' * 30} {i} {j}\n" for j in range(5))
        )
    process = spawn("ingest", "docs", "--json", cwd=tmp_path)
    catalogue = tmp_path / ".citewise" / "catalogue.db"
    for _ in _until(lambda: catalogue.exists() and stored(tmp_path) > 5):
        process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "goes on from here" in err
    assert json.loads(out)["error"].startswith("stopped")
    before = stored(tmp_path)
    again = spawn("ingest", "docs", "--json", cwd=tmp_path)
    out, err = again.communicate(timeout=280)
    report = json.loads(out)
    assert report["unchanged"] == before
    assert report["added"] == 300 - before


def stored(folder: Path) -> int:
    import sqlite3
    from contextlib import closing

    try:
        with closing(sqlite3.connect(folder / ".citewise" / "catalogue.db", timeout=30)) as conn:
            return int(conn.execute("select count(*) from sources").fetchone()[0])
    except sqlite3.Error:
        return 0


def _until(ready: Any, seconds: float = 120) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.05)
    yield


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX here")
def test_the_app_answers_at_the_url_that_is_printed_and_ends_with_ctrl_c(home: Path) -> None:
    process = spawn("--home", str(home), "ui", "--port", "18501", "--json", cwd=home.parent, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert told["home"] == str(home)
    with urllib.request.urlopen(told["url"], timeout=30) as page:
        assert page.status == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()


# -- parts ---------------------------------------------------------------------------------------------------------


def test_plain_progress_prints_a_line_every_two_seconds_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 0.5, 1.0, 2.5, 3.0, 5.0])
    lines = Lines(now=lambda: next(times))
    for done in range(1, 6):
        lines(Step(stage="read", done=done, total=100))
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_pace_tells_rate_and_remaining_time() -> None:
    assert pace(Step(stage="embed", done=50, total=100), 10) == "Embedding 50/100 passages · 5.0/s · 0:10 left"
    assert pace(Step(stage="read", done=5, total=5), 1) == "Reading 5/5 sources"
    assert clock(3725) == "1:02:05"


def test_a_quote_is_shown_in_its_context_of_whole_blocks() -> None:
    document = LOADERS["markdown"](b"# Title\n\nOne here.\n\nThe quote. More.\n\n" + b"far " * 400, "x.md")
    at = document.text.index("The quote.")
    around = context_span(document, Span(start=at, end=at + 10)).of(document.text)
    assert around.startswith("Title")
    assert around.rstrip().endswith("More.")


def test_a_snippet_keeps_its_lines_and_says_where_it_was_cut() -> None:
    assert snippet("a\n\nb") == "a\nb"
    assert snippet("word " * 200).endswith("word …")


def test_no_text_can_steer_the_terminal() -> None:
    assert clean("a\x1b[31mb\u202ec\x9bd\n") == "a\ufffd[31mb\ufffdc\ufffdd\n"


def test_the_app_is_served_locally_without_statistics_on_a_free_port() -> None:
    import socket

    options = serving.command(8600)
    assert "--server.address=127.0.0.1" in options
    assert "--browser.gatherUsageStats=false" in options
    assert "--server.headless=true" in options
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serving.free_port(port) != port
