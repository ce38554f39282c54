"""The demo builds from real inputs, answers with citations, refuses once, and skips what is done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from ingest.loaders import LOADERS
from ingest.report import SyncReport
from ingest.sync import sync
from kb import datasets
from kb.settings import Settings
from kb.types import Verdict
from ui import demo, workspace

PART = "package:sklearn.preprocessing"


@pytest.fixture
def assistant(tmp_path: Path) -> Iterator[Assistant]:
    settings = Settings()
    with workspace.open_knowledge_base(tmp_path / "home", settings) as kb:
        yield workspace.open_assistant(kb, settings)


def test_the_notes_have_headers_and_one_supersedes_another() -> None:
    notes = {path.name: LOADERS["note"](path.read_bytes(), path.name) for path in demo.NOTES.glob("*.md")}
    assert len(notes) == 4
    for note in notes.values():
        assert {"author", "date", "dataset", "status"} <= note.metadata.keys()
    successors = {n.metadata["supersedes"]: n.metadata["status"] for n in notes.values() if "supersedes" in n.metadata}
    assert [notes[old].metadata["status"] for old in successors] == ["superseded"]


@pytest.mark.slow
def test_the_demo_answers_with_citations_and_a_second_run_embeds_nothing(
    assistant: Assistant, capsys: pytest.CaptureFixture[str]
) -> None:
    reports: list[SyncReport] = []

    def kept(*arguments: object, **options: object) -> SyncReport:
        reports.append(sync(*arguments, **options))  # type: ignore[arg-type]
        return reports[-1]

    first = demo.run(assistant, sync=kept, package=PART)
    shown = capsys.readouterr().out
    assert "breast-cancer-recall.md" in shown
    assert "Next:" in shown
    assert first["answers"][0]["abstained"] is False
    assert all(claim["verdict"] == Verdict.QUOTED for claim in first["answers"][0]["claims"])
    means, scaling = first["answers"][1:3]
    assert [claim["verdict"] for claim in means["claims"]] == [Verdict.COMPUTED]
    assert {claim["verdict"] for claim in scaling["claims"]} == {Verdict.COMPUTED, Verdict.QUOTED}
    assert any(c.get("source") == "wine-scaling.md" for claim in scaling["claims"] for c in claim["citations"])
    assert [table.name for table in datasets.list_of(assistant.kb.catalogue)] == [demo.TABLE]
    assert sum(report.embedded for report in reports) > 0
    reports.clear()
    second = demo.run(assistant, sync=kept, package=PART, quiet=True)
    assert capsys.readouterr().out == ""
    assert len(reports) == 1  # the package was not even looked at
    assert reports[0].embedded == 0
    assert second["chunks"] == first["chunks"]


def test_a_stopped_demo_asks_nothing(assistant: Assistant) -> None:
    result = demo.run(assistant, sync=lambda *_, **__: SyncReport(stopped=True), quiet=True)
    assert result["stopped"] is True
    assert result["answers"] == []
