"""A small knowledge base from real inputs, shown at work: a team's notes, a table, then scikit-learn's docstrings.

The notes come first, so that the first cited answer stands there within seconds; a second run skips what is done.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from assistant.assistant import Assistant
from assistant.types import Answer
from assistant.wire import answer_json
from ingest.report import SyncReport
from kb import datasets
from kb.knowledge import KnowledgeBase
from kb.tables import Table, open_table
from ui import terminal

NOTES = Path(__file__).with_name("demo_notes")
PACKAGE = "package:sklearn"
COLLECTION = "demo"
DONE = "demo:package"
NOTE_QUESTION = "Why did we lower the decision threshold for malignant samples?"
TABLE = "wine.csv"
TABLE_QUESTIONS = ("mean proline by cultivar", "should I scale proline?")
PACKAGE_QUESTIONS = (
    "What happens to unknown categories in OneHotEncoder with handle_unknown='ignore'?",
    "What does the class_weight parameter of LogisticRegression do?",
)
REFUSED = "How many nodes does our Spark cluster in Frankfurt have?"
NEXT = """Next:
  citewise chat                      a conversation, with :open N to see a quote in its context
  citewise ask QUESTION --dataset F  a question about your own table
  citewise ingest FOLDER             your own documentation, notes and experiment history
  citewise ui                        the same in the browser
  citewise forget demo               take this demo out again"""

Sync = Callable[..., SyncReport]


def run(assistant: Assistant, *, sync: Sync, package: str = PACKAGE, quiet: bool = False) -> dict[str, Any]:
    """Build and ask; return the answers as JSON values and whether it was stopped.

    `sync(kb, sources, collection=…)` ingests with progress; `quiet` prints no answers.
    """
    kb = assistant.kb
    out = terminal.console()
    out.quiet = quiet
    answers: list[Answer] = []

    def ask(question: str, dataset: Table | None = None) -> None:
        out.print(Text(f"\n? {question}\n", style="bold"))
        items = assistant.stream(question, dataset=dataset)
        answers.append(terminal.show_answer(out, items, origin=terminal.origins(kb)))

    out.print(Text("1. A team's notes about three public datasets", style="bold"))
    report = sync(kb, [str(NOTES)], collection=COLLECTION)
    _told(out, report)
    if not report.stopped:
        ask(NOTE_QUESTION)
        table = _table(kb, out)
        for question in TABLE_QUESTIONS:
            ask(question, table)
        report = _read_package(kb, out, sync, package)
    if not report.stopped:
        for question in (*PACKAGE_QUESTIONS, REFUSED):
            ask(question)
        out.print(f"\n{NEXT}", soft_wrap=True)
    return {
        "home": str(kb.home),
        "stopped": report.stopped,
        "sources": kb.catalogue.count("sources"),
        "chunks": kb.catalogue.count("chunks"),
        "answers": [answer_json(answer) for answer in answers],
        "seconds": round(report.seconds, 3),
    }


def _table(kb: KnowledgeBase, out: Console) -> Table:
    """Return scikit-learn's wine data as a table in the home, made once and known to the app."""
    path = kb.home / "demo" / TABLE
    if not path.exists():
        from sklearn.datasets import load_wine

        wine = load_wine(as_frame=True)
        frame = wine.frame.drop(columns="target")
        path.parent.mkdir(exist_ok=True)
        frame.assign(cultivar=wine.target.map(dict(enumerate(wine.target_names)))).to_csv(path, index=False)
    table = open_table(path)
    known = datasets.add_path(kb.catalogue, path).id
    datasets.opened(kb.catalogue, known, fingerprint=table.fingerprint, rows=table.rows, columns=len(table.columns))
    out.print(Text(f"\n2. A table: {table.rows} wines of three cultivars", style="bold"))
    return table


def _read_package(kb: KnowledgeBase, out: Console, sync: Sync, package: str) -> SyncReport:
    """Ingest the package unless exactly this version of it is in already."""
    name = package.removeprefix("package:")
    known = f"{name} {_version(name)}".strip()
    lead = f"\n3. The docstrings of the installed {known}, about two minutes on two cores"
    out.print(Text(lead, style="bold"))
    if kb.catalogue.get(DONE) == _mark(kb, package) and not kb.catalogue.count_waiting():
        out.print("Already here.")
        return SyncReport()
    report = sync(kb, [package], collection=COLLECTION)
    _told(out, report)
    if not report.stopped:
        kb.catalogue.put(DONE, _mark(kb, package))
    return report


def _mark(kb: KnowledgeBase, package: str) -> str:
    """Return what tells a complete ingest of the package from a part of it, and from another version."""
    stored = sum(source.key.root == package for source in kb.catalogue.sources())
    return f"{package} {_version(package.removeprefix('package:'))}: {stored} sources" if stored else "none"


def _version(name: str) -> str:
    for distribution in (name, {"sklearn": "scikit-learn"}.get(name, name)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return ""


def _told(out: Console, report: SyncReport) -> None:
    if report.added or report.updated or report.deleted or report.failed:
        terminal.show_report(out, report)
    else:
        out.print("Already here.")
