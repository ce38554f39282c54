"""A worker for tests: jobs that count, fail, hang, or ingest with an embedder that takes its time."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from driver import SlowEmbedder

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.work import Work, main


def count(home: Path, request: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    """Count to `n`, a little each `seconds`, and name each number in the log."""
    counted = 0
    for counted in range(1, request["n"] + 1):
        if work.stop():
            break
        work.report(f"Counted {counted}", counted, request["n"])
        work.log(f"number {counted}")
        time.sleep(request.get("seconds", 0))
    return {"counted": counted}


def fail(home: Path, request: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    """End by an error that says what to do."""
    raise BadInput("the well is dry", hint="dig another")


def crash(home: Path, request: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    """End by an error that nobody foresaw."""
    raise ZeroDivisionError("by zero")


def deaf(home: Path, request: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    """Never look whether to stop."""
    work.report("Deaf")
    time.sleep(120)
    return {}


def slow_ingest(home: Path, request: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    """Ingest `folder` with `seconds` for each text."""
    with KnowledgeBase(home, embedder=SlowEmbedder(request["seconds"]), splitter=FINGERPRINT) as kb:
        report = sync(
            kb,
            [request["folder"]],
            watch=lambda step: work.report(step.stage, step.done, step.total),
            stop=work.stop,
        )
    return {**asdict(report), "failed": len(report.failed)}


FUNCTIONS = {"count": count, "fail": fail, "crash": crash, "deaf": deaf, "slow_ingest": slow_ingest}

if __name__ == "__main__":
    sys.exit(main(FUNCTIONS))
