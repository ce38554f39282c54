"""`citewise ingest`: sources with progress, a stop that loses nothing, and a report; or a plan that changes nothing."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.errors import BadInput, CitewiseError, HomeNotFound
from ui.running import AGAIN, STOPPED, Failed, Json, command, emit, note, opened

if TYPE_CHECKING:
    from ingest.report import Failure, SyncReport
    from ingest.runs_sync import Wanted
    from ingest.sync import SyncPlan
    from kb.knowledge import KnowledgeBase


@command("ingest")
def ingest_command(
    ctx: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, globs, URIs, package:NAME.")
    ],
    kind: Annotated[str | None, typer.Option("--kind", metavar="K", help="Read files as this kind.")] = None,
    collection: Annotated[
        str, typer.Option("--collection", metavar="C", help="Collection to put them in.")
    ] = "default",
    experiment: Annotated[
        str | None, typer.Option("--experiment", metavar="E", help="Of runs, only those of this experiment or pattern.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Of runs, only those that started then or later.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Read sources into the knowledge base; run again, it takes up what changed."""
    from ingest.runs_sync import wanted

    want = wanted(experiment, since)
    if dry_run:
        _plan(ctx, sources, collection, kind, want, as_json)
        return
    _check_there(sources)
    with opened(ctx, make=True) as (kb, _):
        report = follow_sync(kb, sources, collection=collection, kind=kind, want=want)
        _finish(kb, report, as_json)


def ingest_here(ctx: typer.Context) -> None:
    """Ingest the working folder, as `citewise ingest .` does."""
    with opened(ctx, make=True) as (kb, _):
        _finish(kb, follow_sync(kb, ["."]), as_json=False)


def _check_there(sources: Sequence[str]) -> None:
    """Raise BadInput for a source that is not there, before a home is made for nothing."""
    from ingest.runs_found import local
    from ingest.trackers import is_server

    for source in (source for source in sources if not is_server(source)):
        path = os.path.expanduser(local(source))
        if not source.startswith("package:") and not os.path.lexists(path) and not glob.glob(path, recursive=True):
            hint = "name a file, a folder, a glob in quotes, or an installed package as package:NAME"
            raise BadInput(f"there is nothing at {source!r}", hint=hint)


def follow_sync(
    kb: KnowledgeBase,
    sources: Sequence[str],
    *,
    collection: str = "default",
    kind: str | None = None,
    want: Wanted | None = None,
) -> SyncReport:
    """Sync with progress on standard error; the first Ctrl-C or SIGTERM stops it after the batch at hand."""
    from ingest.report import Step
    from ingest.runs_sync import ALL
    from ingest.sync import sync
    from ui.follow import Interrupts, follower

    packages = [source.removeprefix("package:") for source in sources if source.startswith("package:")]
    if packages:
        note(f"Importing {', '.join(packages)} in a process of its own to read the docstrings")
    try:
        with Interrupts() as signals, follower() as watch:
            watching = signals.watching(watch)
            if packages:
                watch(Step(stage="import", done=0, total=0))
            return sync(
                kb, sources, collection=collection, kind=kind, want=want or ALL, watch=watching, stop=signals.stop
            )
    except KeyboardInterrupt:
        raise Failed({"stopped": True}, CitewiseError("stopped at once", hint=AGAIN), STOPPED) from None


def _finish(kb: KnowledgeBase, report: SyncReport, as_json: bool) -> None:
    """Print what an ingest did; exit 130 where it was stopped, 1 where every source failed."""
    failed = len(report.failed)
    result = report_json(kb, report)
    if not as_json:
        from ui import terminal

        terminal.show_report(terminal.console(), report)
        if report.runs.added or report.runs.updated:
            from ui.first_contact import best_lines

            for line in best_lines(kb.catalogue):
                print(terminal.clean(line))
    if report.stopped:
        waiting = kb.catalogue.count_waiting()
        raise Failed(
            result,
            CitewiseError(f"stopped; {waiting:,} of the passages read still wait to be embedded", hint=AGAIN),
            STOPPED,
        )
    if failed and failed == report.added + report.updated and not report.unchanged:
        hint = "the reasons stand with each source; `citewise sources` shows them again"
        raise Failed(result, CitewiseError(f"none of the {failed} sources could be read", hint=hint))
    if as_json:
        emit(result)
    if failed:
        note(f"Warning: {failed} of {report.added + report.updated} new or changed sources could not be read")


def report_json(kb: KnowledgeBase, report: SyncReport) -> dict[str, Any]:
    """Return the object that `ingest` prints."""
    failed, partial = [_failure_json(f) for f in report.failed], [_failure_json(f) for f in report.partial]
    numbers = ("added", "updated", "deleted", "unchanged", "skipped", "chunks", "embedded", "stopped")
    counts = {name: getattr(report, name) for name in numbers}
    ran = {name: getattr(report.runs, name) for name in ("added", "updated", "unchanged", "removed", "left_out")}
    told = {"runs": ran, "mentions": report.mentions, "failed": failed, "partial": partial}
    return {"home": str(kb.home), **counts, **told, "seconds": round(report.seconds, 3)}


def _failure_json(failure: Failure) -> dict[str, str]:
    key = failure.key
    return {"collection": key.collection, "root": key.root, "source": key.source, "reason": failure.reason}


def _plan(
    ctx: typer.Context, sources: Sequence[str], collection: str, kind: str | None, want: Wanted, as_json: bool
) -> None:
    from ingest.sync import plan, plan_over

    try:
        with opened(ctx) as (kb, _):
            planned = plan(kb, sources, collection=collection, kind=kind, want=want)
    except (HomeNotFound, BadInput) as error:
        if isinstance(error, BadInput) and "no knowledge base" not in error.message:
            raise
        planned = plan_over((), sources, collection=collection, kind=kind, want=want)
    histories = _counted(planned, want)
    if as_json:
        adds, updates = ([item.key.source for item in items] for items in (planned.adds, planned.updates))
        deletes = [key.source for key in (*planned.deletes, *planned.runs.deletes)]
        counts = {"unchanged": planned.unchanged, "skipped": planned.skipped}
        emit({"dry_run": True, "adds": adds, "updates": updates, "deletes": deletes, **counts, "histories": histories})
        return
    from ui import terminal

    for one in histories:
        said = f"{terminal.plural(one['runs'], 'run')} ({one['kind']}: {one['why']})"
        print(terminal.clean(f"{one['source']}: {said}, {'new' if one['new'] else 'to be looked through'}"))
    terminal.show_plan(terminal.console(), planned)


def _counted(planned: SyncPlan, want: Wanted) -> list[dict[str, Any]]:
    """Return the histories of a plan with their runs, counted without reading a point of a metric."""
    from ingest.runs_sync import count_runs
    from ingest.server_sync import count_of

    servers = [
        {"source": url, "kind": "mlflow-server", "why": "a server", "runs": count_of(url, want), "new": True}
        for url in planned.servers
    ]
    return servers + [
        {
            "source": history.key.source,
            "kind": history.kind,
            "why": history.why,
            "runs": count_runs(history, want),
            "new": history.key in planned.runs.new,
        }
        for history in planned.runs.todo
    ]
