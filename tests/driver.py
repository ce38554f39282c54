"""A process of its own that tests start, kill and restrict: `driver.py ingest HOME FOLDER [SECONDS_PER_TEXT]`.

It says `go` when it is about to work, and prints one JSON object at the end.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from fakes import HashingEmbedder

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb.dense import Vector
from kb.errors import CitewiseError
from kb.knowledge import KnowledgeBase


class SlowEmbedder(HashingEmbedder):
    """Takes its time for each text, as a model does."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def embed(self, texts: Sequence[str]) -> Vector:
        """Return the same vectors, later."""
        time.sleep(self._seconds * len(texts))
        return super().embed(texts)


def ingest(home: str, folder: str, seconds: str = "0") -> dict[str, object]:
    """Ingest `folder` and return the report."""
    with KnowledgeBase(Path(home), embedder=SlowEmbedder(float(seconds)), splitter=FINGERPRINT) as kb:
        print("go", flush=True)
        report = asdict(sync(kb, [folder]))
        return {**report, "failed": len(report["failed"])}


def bounded(home: str, folder: str, kilobytes: str) -> dict[str, object]:
    """Ingest while no file may grow past `kilobytes`, which is what a full disk looks like to a program."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(kilobytes) * 1024, int(kilobytes) * 1024))
    return ingest(home, folder)


def main() -> int:
    """Run the command that the arguments name."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        print(json.dumps({"ingest": ingest, "bounded": bounded}[sys.argv[1]](*sys.argv[2:])))
    except CitewiseError as error:
        print(json.dumps({"error": error.message, "hint": error.hint, "type": type(error).__name__}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
