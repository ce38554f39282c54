"""Runs of a tracking server into the catalogue: what runs there are and their last values first, histories behind.

From the first pass on, last values can be asked for. The second one fills in the points of each metric, run by run, so
that it can be stopped and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from sqlalchemy import select

from ingest.mlflow_server import Experiment, Server, ServerFailed, address, digest, run_of
from ingest.report import Failure, Step
from ingest.runs_found import SERVER
from ingest.runs_sync import RunsDone, Wanted, runs_of, told
from kb import runs, schema, store
from kb.knowledge import KnowledgeBase
from kb.records import Problem, Run
from kb.types import SourceKey, SourceState

Watch = Callable[[Step], None]
Stop = Callable[[], bool]
_LAST, _FULL = "last", "full"


def sync_server(
    kb: KnowledgeBase, url: str, collection: str, want: Wanted, done: RunsDone, *, watch: Watch, stop: Stop
) -> None:
    """Store the runs of the server at `url`; what went wrong is kept as the source's reason and told in `done`."""
    key = SourceKey(collection=collection, root=address(url), source=address(url))
    known = kb.catalogue.source_ids([key]).get(key)
    with kb.catalogue.write() as conn:
        source = store.set_source(conn, key, kind=SERVER, state=SourceState.PENDING.value, title=key.source)
    syncing = _Syncing(kb, source, want, done, watch, stop)
    reason = syncing.run(key.source)
    if reason is not None:
        reason = reason.removeprefix(f"{key.source}: ")
    failed = reason is not None and not runs_of(kb, source)
    state = SourceState.FAILED if failed else SourceState.PENDING if stop() else SourceState.SEARCHABLE
    with kb.catalogue.write() as conn:
        store.set_source(conn, key, state=state.value, reason=reason)
    if known is None:
        done.added += 1
    elif syncing.changed or failed:
        done.updated += 1
    else:
        done.unchanged += 1
    if reason is not None:
        (done.failed if failed else done.partial).append(Failure(key=key, reason=reason))


def count_of(url: str, want: Wanted) -> int:
    """Return how many runs of a server are wanted. Raises ServerFailed."""
    with Server(url) as server:
        return sum(1 for experiment in _wanted(server, want) for _ in server.runs(experiment, want.since))


def _wanted(server: Server, want: Wanted) -> list[Experiment]:
    pattern = (want.experiment or "*").lower()
    return [e for e in server.experiments() if e.name.lower() == pattern or fnmatchcase(e.name.lower(), pattern)]


class _Syncing:
    """The two passes over one server."""

    def __init__(self, kb: KnowledgeBase, source: int, want: Wanted, done: RunsDone, watch: Watch, stop: Stop) -> None:
        self.kb, self.source, self.want, self.done, self.watch, self.stop = kb, source, want, done, watch, stop
        self.changed, self.total, self.seen = False, 0, 0

    def run(self, url: str) -> str | None:
        """Make both passes and return what went wrong in words."""
        problems: list[Problem] = []
        with Server(url) as server:
            for full in (False, True):
                stored = self._put(server, full=full)
                problems += stored.problems
                self.changed |= bool(stored.added or stored.updated or stored.removed)
                self._count(stored, full=full)
                if not stored.complete or any(not problem.place for problem in stored.problems):
                    break
        return told(problems)

    def _put(self, server: Server, *, full: bool) -> runs.Stored:
        versions = self._versions()
        self.total, self.seen = (self.seen, 0) if full else (0, 0)
        return runs.put_runs(
            self.kb.catalogue,
            self.source,
            self._items(server, versions, full=full),
            watch=self._step,
            stop=self.stop,
            whole=self.want.all,
        )

    def _items(self, server: Server, versions: dict[str, str], *, full: bool) -> Iterator[Run | Problem]:
        """Yield every run; one whose points are stored as the server tells it now is not asked for again."""
        try:
            for experiment in _wanted(server, self.want):
                for one in server.runs(experiment, self.want.since):
                    now = digest(one)
                    id = str(one.get("info", {}).get("run_id"))
                    kept = versions.get(id, "").startswith(f"{_FULL}-{now}")
                    version = f"{_FULL}-{now}" if full or kept else f"{_LAST}-{now}"
                    yield run_of(server, experiment, one, version, full=full or kept)
        except ServerFailed as error:
            yield Problem(source=server.url, reason=f"{error.message.removeprefix(f'{server.url}: ')}; {error.hint}")

    def _versions(self) -> dict[str, str]:
        """Return the versions of the stored runs as they were given."""
        r = schema.runs
        with self.kb.catalogue.read() as conn:
            rows = conn.execute(select(r.c.run_id, r.c.version).where(r.c.source_id == self.source)).all()
        return {row.run_id: (row.version or "").split(":", 1)[-1] for row in rows}

    def _step(self, seen: int) -> None:
        self.seen = seen
        if seen == 1 or seen % 25 == 0 or seen == self.total:
            self.watch(Step(stage="runs", done=seen, total=max(self.total, seen), current="server"))

    def _count(self, stored: runs.Stored, *, full: bool) -> None:
        """Count what became of the runs; in the second pass those of the first one are not counted again."""
        counts = self.done.counts
        if full:
            return
        self.done.counts = replace(
            counts,
            added=counts.added + stored.added,
            updated=counts.updated + stored.updated,
            unchanged=counts.unchanged + stored.unchanged,
            removed=counts.removed + stored.removed,
        )
