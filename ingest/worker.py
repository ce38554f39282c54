"""The process that ingests as a job: `python -m ingest.worker --home HOME --job ID`, started by `start` below.

Models and other settings come from the environment and `citewise.toml`, as for the command line.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.report import Step, SyncReport
from ingest.trackers import address, is_server
from kb import jobs
from kb.errors import BadInput
from kb.jobs import Job
from kb.store import Catalogue
from kb.work import Work, main

INGEST = "ingest"
_NAMED = 50
_STAGES = {
    "scan": ("Looking at", "sources"),
    "read": ("Reading", "sources"),
    "runs": ("Reading", "runs"),
    "embed": ("Embedding", "passages"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Sources (files, folders, globs, `package:NAME`) for one collection, read as `kind` where one is given."""

    sources: tuple[str, ...]
    collection: str = "default"
    kind: str | None = None


def start(catalogue: Catalogue, batches: Sequence[Batch], *, title: str, missing: int = 0) -> Job:
    """Ingest `batches` in a process of its own; `title` names the job in lists.

    Paths must be absolute; of servers only the address is kept, without credentials. `missing` is how many sources
    were left out because they are not there. Raises BadInput where there is nothing to ingest, HomeUnwritable.
    """
    if not any(batch.sources for batch in batches):
        raise BadInput("there is nothing to ingest", hint="name a file, a folder, a glob or package:NAME")
    listed = [_listed(batch) for batch in batches]
    request = {"title": title, "batches": listed, "missing": missing}
    return jobs.start(catalogue, INGEST, request, worker="ingest.worker")


def _listed(batch: Batch) -> dict[str, Any]:
    """Return a batch as a job keeps it."""
    sources = [address(source) if is_server(source) else source for source in batch.sources]
    return {"sources": sources, "collection": batch.collection, "kind": batch.kind}


def ingest(home: Path, request: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    """Sync every batch of the request into `home` and return the counts as JSON values.

    What is done stays done, so that a job which was stopped or killed goes on where it was.
    """
    from ingest.build import open_knowledge_base
    from kb.settings import load

    work.report("Opening the knowledge base")
    told = _Told(work)
    with open_knowledge_base(home, load()) as kb:
        from ingest.sync import sync

        reports = []
        for batch in _there(request["batches"], work):
            reports.append(
                sync(kb, batch.sources, collection=batch.collection, kind=batch.kind, watch=told, stop=work.stop)
            )
            if work.stop():
                break
        waiting = kb.catalogue.count_waiting()
    result = _summary(reports, waiting, int(request.get("missing", 0)))
    for failure in result["failed"]:
        work.log(f"Could not read {failure['source']}: {failure['reason']}")
    work.log(_last_line(result))
    return result


def _there(listed: Sequence[Mapping[str, Any]], work: Work) -> list[Batch]:
    """Return the batches without what is gone. Raises BadInput where nothing is left."""
    kept = []
    for batch in listed:
        named = [source for source in batch["sources"] if exists(source)]
        for gone in sorted(set(batch["sources"]) - set(named)):
            work.log(f"There is nothing at {gone} any more")
        if named:
            kept.append(Batch(sources=tuple(named), collection=batch["collection"], kind=batch["kind"]))
    if not kept:
        raise BadInput("nothing is there any more of what was to be ingested", hint="name it again where it lies now")
    return kept


def exists(source: str) -> bool:
    """Tell whether a source is something: an installed package is looked for only when it is read."""
    return (
        source.startswith("package:")
        or is_server(source)
        or os.path.lexists(source)
        or bool(glob.glob(source, recursive=True))
    )


@dataclass
class _Told:
    """Turns steps of a sync into the job's progress, with a line of log for each source read."""

    work: Work

    def __call__(self, step: Step) -> None:
        verb, unit = _STAGES.get(step.stage, (step.stage.capitalize(), ""))
        self.work.report(f"{verb} {step.done:,} of {step.total:,} {unit}", step.done, step.total)
        if step.stage == "read":
            self.work.log(f"Read {step.current}")
        elif step.stage == "embed" and step.done >= step.total:
            self.work.log(f"Embedded {step.done:,} passages")


def _summary(reports: Sequence[SyncReport], waiting: int, missing: int) -> dict[str, Any]:
    names = ("added", "updated", "deleted", "unchanged", "skipped", "embedded")
    failed = [failure for report in reports for failure in report.failed]
    return {
        **{name: sum(getattr(report, name) for report in reports) for name in names},
        "failures": len(failed),
        "failed": [{"source": one.key.source, "reason": one.reason} for one in failed[:_NAMED]],
        "missing": missing,
        "waiting": waiting,
        "seconds": round(sum(report.seconds for report in reports), 1),
        "stopped": any(report.stopped for report in reports),
    }


def _last_line(result: Mapping[str, Any]) -> str:
    if result["stopped"]:
        return f"Stopped; {result['waiting']:,} passages still wait to be embedded"
    return f"Done in {result['seconds']} s"


if __name__ == "__main__":
    sys.exit(main({INGEST: ingest}))
