"""Reports held against what is stored: planted errors are found, true claims are left in peace."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import report_cases
import report_wordings
from fakes import HashingEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st
from report_cases import Report
from typer.testing import CliRunner

from assistant.check import Checked, check
from assistant.check_numbers import agrees, numbers
from ingest.loaders import markdown
from ingest.split import FINGERPRINT, split
from kb import store
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.records import Direction, Point, Run
from kb.run_put import put_runs
from kb.types import RunCitation, SourceKey
from ui.cli import app

FLAGGED = frozenset({"contradicts", "rounded_wrong", "no_record"})


def put(kb: KnowledgeBase, source: str, runs: Iterator[Run]) -> None:
    with kb.catalogue.write() as conn:
        key = SourceKey(collection="default", root="team", source=source)
        found = store.set_source(conn, key, kind="runs", hash="")
    put_runs(kb.catalogue, found, runs)


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """A knowledge base with the histories of thirty generated reports."""
    home = tmp_path_factory.mktemp("reports") / "home"
    with KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        for history in report_cases.histories():
            put(kb, history.experiment, report_cases.stored(history))
        yield kb


# -- generated reports -----------------------------------------------------------------------------------------------


def flagged(checked: Checked) -> set[int]:
    return {one.line for one in checked.findings if one.status in FLAGGED}


def test_planted_errors_are_found_and_true_claims_pass(histories: KnowledgeBase) -> None:
    reports = report_cases.reports()
    planted = found = claims = alarms = 0
    for report in reports:
        checked = check(histories, report.text)
        planted += len(report.planted)
        found += len(flagged(checked) & report.planted.keys())
        true = [one for one in checked.findings if one.line not in report.planted]
        claims += len(true)
        alarms += sum(one.status in FLAGGED for one in true)
    assert (len(reports), planted) == (30, 150)
    assert found / planted >= 0.98, f"{found} of {planted}"
    assert alarms / claims <= 0.02, f"{alarms} of {claims}"


@pytest.mark.parametrize("report", report_cases.reports()[:4], ids=lambda report: report.history.experiment)
def test_what_is_cited_is_what_is_stored(histories: KnowledgeBase, report: Report) -> None:
    values = {run.run_id: run for run in report.history.runs}
    for one in check(histories, report.text).findings:
        for cited in one.citations:
            assert isinstance(cited, RunCitation)
            made, (kind, name) = values[cited.run_id], cited.field.split(".", 1)
            if kind == "params":
                assert made.params[name] == cited.value
            else:
                assert cited.step is not None
                assert made.points[name][cited.step - 1] == cited.value


def test_without_errors_a_report_is_in_order(histories: KnowledgeBase) -> None:
    for report in report_cases.reports():
        kept = [line for at, line in enumerate(report.lines, 1) if at not in report.planted]
        assert check(histories, "\n".join(kept)).wrong == ()


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """A knowledge base with runs of several trackers."""
    home = tmp_path_factory.mktemp("worded") / "home"
    with KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        put(kb, "runs", report_wordings.runs())
        yield kb


@pytest.mark.parametrize("text", report_wordings.TRUE)
def test_a_true_claim_passes_however_it_is_worded(worded: KnowledgeBase, text: str) -> None:
    assert [one for one in check(worded, text).findings if one.status in FLAGGED] == []


@pytest.mark.parametrize("text", report_wordings.FALSE)
def test_a_false_claim_is_found_however_it_is_worded(worded: KnowledgeBase, text: str) -> None:
    assert any(one.status in FLAGGED for one in check(worded, text).findings)


# -- by hand ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """A knowledge base with three runs and a note."""
    home = tmp_path_factory.mktemp("small") / "home"
    with KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        put(kb, "runs", made_by_hand())
        text = "# Data\n\nThe churn table holds 7043.5 weighted customers.\n"
        key = SourceKey(collection="default", root="team", source="data.md")
        document = markdown.load(text.encode(), "data.md")
        kb.add(key, document, split(document, key), hash="1")
        kb.embed_waiting()
        yield kb


def made_by_hand() -> Iterator[Run]:
    for name, auc, accuracy, depth in (
        ("amber-1", 0.87654, 0.9012, 6),
        ("birch-2", 0.86, 0.9155, 8),
        ("baseline", 0.7, 0.8, 3),
    ):
        points = (
            Point("val_auc", auc - 0.1, step=1, split="valid"),
            Point("val_auc", auc, step=2, split="valid"),
            Point("test_accuracy", accuracy, step=2, split="test"),
        )
        up = {"val_auc": Direction.MAXIMIZE, "test_accuracy": Direction.MAXIMIZE}
        yield Run(
            tracker="mlflow",
            run_id=f"id-{name}",
            name=name,
            source=f"mlruns/{name}",
            experiment="churn",
            params={"max_depth": depth},
            directions=up,
            history=lambda points=points: iter(points),  # type: ignore[misc]
        )


def statuses(kb: KnowledgeBase, text: str) -> list[str]:
    return [one.status for one in check(kb, text).findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amber-1 reached a val AUC of 0.87654.", ["matches"]),
        ("amber-1 reached a val AUC of 0.877.", ["rounded"]),
        ("amber-1 reached a val AUC of 0.876.", ["rounded_wrong"]),
        ("amber-1 reached a val AUC of 0.91.", ["contradicts"]),
        ("amber-1 reached a test AUC of 0.877.", ["no_record"]),
        ("amber-9 reached a val AUC of 0.877, amber-1 came second.", ["no_record"]),
        ("The test accuracy of birch-2 is 91.55 %.", ["matches"]),
        ("The test accuracy of birch-2 is 91.6%.", ["rounded"]),
        ("The test accuracy of birch-2 is 90.1%.", ["contradicts"]),
        ("At step 1, amber-1 had a val AUC of 0.777.", ["rounded"]),
        ("At step 2, amber-1 had a val AUC of 0.777.", ["contradicts"]),
        ("amber-1 beats birch-2 in val AUC.", ["matches"]),
        ("birch-2 beats amber-1 in val AUC.", ["contradicts"]),
        ("amber-1 was outperformed by birch-2 in test accuracy.", ["matches"]),
        ("birch-2 has a lower val AUC than amber-1.", ["matches"]),
        ("amber-1 is the best run by val AUC.", ["matches"]),
        ("amber-1 is the best run by test accuracy.", ["contradicts"]),
        ("The baseline run is the worst in val AUC.", ["matches"]),
        ("The best step of amber-1 by val AUC was 2.", ["matches"]),
        ("The best epoch of amber-1 by val AUC was 1.", ["contradicts"]),
        ("amber-1 used max_depth=6 and birch-2 used max_depth=7.", ["matches", "contradicts"]),
        ("We reached a val AUC of 0.86.", ["matches"]),
        ("We reached a val AUC of 0.99.", ["no_record"]),
        ("The churn table holds 7043.5 weighted customers.", []),
        ("", []),
        ("On 2024-05-12 we met with Python 3.11; see Table 3, p. 4 and v1.2 of 0.5.1.", []),
    ],
)
def test_a_claim_is_judged(small: KnowledgeBase, text: str, expected: list[str]) -> None:
    assert statuses(small, text) == expected


def test_code_and_links_are_left_alone(small: KnowledgeBase) -> None:
    text = "# amber-1\n\n```\nval_auc 0.1\n```\n\n[amber-1 val AUC](http://x.org/0.99)\n\n    amber-1 val_auc 0.2\n"
    assert statuses(small, text) == []


def test_a_heading_tells_which_run_is_meant(small: KnowledgeBase) -> None:
    text = "## amber-1\n\nThe val AUC is 0.877.\nTest accuracy: 0.95\n"
    found = check(small, text).findings
    assert [(one.line, one.status) for one in found] == [(3, "rounded"), (4, "contradicts")]


def test_a_contradiction_shows_the_stored_value_and_what_the_number_is(small: KnowledgeBase) -> None:
    (one,) = check(small, "amber-1 has a val AUC of 0.901.").findings
    assert one.said == "val_auc of amber-1 (id-amber-1) is 0.87654 (last at step 2); 0.901 is its test_accuracy"


def test_percent_tables_and_unknown_runs_in_tables_are_read(small: KnowledgeBase) -> None:
    text = "| run | test accuracy (%) |\n|---|---|\n| amber-1 | 90.1 |\n| birch-2 | 91.5 |\n| cedar | 88.0 |\n"
    assert statuses(small, text) == ["rounded", "rounded_wrong", "no_record"]


# -- numbers ---------------------------------------------------------------------------------------------------------


@given(st.floats(min_value=-1e6, max_value=1e6, allow_nan=False), st.integers(0, 6))
@settings(max_examples=200)
def test_a_value_rounded_to_any_places_agrees(value: float, places: int) -> None:
    (number,) = numbers(f"{value:.{places}f}")
    assert agrees(number, value)


@given(st.floats(min_value=0.01, max_value=0.98), st.integers(2, 5))
@settings(max_examples=200)
def test_a_value_off_in_its_last_place_does_not_agree(value: float, places: int) -> None:
    (number,) = numbers(f"{round(value, places) + 1.2 * 10**-places:.{places}f}")
    assert not agrees(number, value)


@given(st.text(max_size=300))
@settings(max_examples=100)
def test_any_text_can_be_checked(small: KnowledgeBase, text: str) -> None:
    if "\x00" in text:
        text = text.replace("\x00", "")
    check(small, text)


@pytest.mark.parametrize("text", ["0.5 " * 5_000, "amber-1 0.5, " * 1_000 + "val AUC", "a (b " * 5_000])
def test_a_sentence_without_end_is_checked_in_time(small: KnowledgeBase, text: str) -> None:
    began = time.perf_counter()
    check(small, text)
    assert time.perf_counter() - began < 60


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_command_exits_1_where_something_contradicts(small: KnowledgeBase, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    report.write_text("amber-1 reached a val AUC of 0.877.\n\namber-1 reached a val AUC of 0.99.\n", "utf-8")
    done = CliRunner().invoke(app, ["--home", str(small.home), "check", str(report), "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["ok"], told["counts"]) == (False, {"rounded": 1, "contradicts": 1})
    assert told["claims"][1]["line"] == 3
    assert told["hint"].startswith("line 3: ")


def test_the_command_exits_0_where_nothing_does(small: KnowledgeBase, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    report.write_text("amber-1 reached a val AUC of 0.877.\n", "utf-8")
    done = CliRunner().invoke(app, ["--home", str(small.home), "check", str(report)])
    assert done.exit_code == 0
    assert "1 claims: 1 match" in done.stdout


@pytest.mark.parametrize("content", [None, b"\x00\x01binary"])
def test_a_file_that_is_no_report_is_a_clear_error(small: KnowledgeBase, tmp_path: Path, content: bytes | None) -> None:
    report = tmp_path / "report.md"
    if content is not None:
        report.write_bytes(content)
    done = CliRunner().invoke(app, ["--home", str(small.home), "check", str(report), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["hint"]


def test_a_report_without_end_is_refused(small: KnowledgeBase) -> None:
    with pytest.raises(BadInput, match="5,000,000"):
        check(small, "x" * 5_000_001)
