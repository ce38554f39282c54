"""Runs of a tracking server into the catalogue: what runs there are and their last values first, histories behind.

From the first pass on, last values can be asked for. The second one fills in the points of each metric, run by run, so
that it can be stopped and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import select

from ingest.report import Failure, Step
from ingest.runs_found import SERVER
from ingest.runs_sync import RunsDone, Wanted, runs_of, told
from ingest.trackers import READERS, Found, Options, address, detect
from kb import runs, schema, store
from kb.errors import CitewiseError
from kb.knowledge import KnowledgeBase
from kb.records import Problem, Run
from kb.types import SourceKey, SourceState

Watch = Callable[[Step], None]
Stop = Callable[[], bool]


def sync_server(
    kb: KnowledgeBase, url: str, collection: str, want: Wanted, done: RunsDone, *, watch: Watch, stop: Stop
) -> None:
    """Store the runs of the server at `url`; what went wrong is kept as the source's reason and told in `done`."""
    key = SourceKey(collection=collection, root=address(url), source=address(url))
    known = kb.catalogue.source_ids([key]).get(key)
    with kb.catalogue.write() as conn:
        source = store.set_source(conn, key, kind=SERVER, state=SourceState.PENDING.value, title=key.source)
    syncing = _Syncing(kb, source, want, done, watch, stop)
    reason = syncing.run(url)
    failed = reason is not None and not runs_of(kb, source)
    state = SourceState.FAILED if failed else SourceState.PENDING if stop() else SourceState.SEARCHABLE
    with kb.catalogue.write() as conn:
        store.set_source(conn, key, kind=syncing.kind, state=state.value, reason=reason)
    if known is None:
        done.added += 1
    elif syncing.changed or failed:
        done.updated += 1
    else:
        done.unchanged += 1
    if reason is not None:
        (done.failed if failed else done.partial).append(Failure(key=key, reason=reason))


def count_of(url: str, want: Wanted) -> int:
    """Return how many runs of a server are wanted, as far as they are counted. Raises LoadFailed, BadInput."""
    return sum(part.count or 0 for part in detect(url, options=_options(want)))


def _options(want: Wanted) -> Options:
    return Options(experiment=want.experiment, since=want.since)


class _Syncing:
    """The two passes over one server."""

    def __init__(self, kb: KnowledgeBase, source: int, want: Wanted, done: RunsDone, watch: Watch, stop: Stop) -> None:
        self.kb, self.source, self.want, self.done, self.watch, self.stop = kb, source, want, done, watch, stop
        self.changed, self.total, self.seen, self.kind = False, 0, 0, SERVER

    def run(self, url: str) -> str | None:
        """Make both passes and return what went wrong in words."""
        try:
            parts = detect(url, options=_options(self.want))
        except CitewiseError as error:
            return f"{error.message}; {error.hint}" if error.hint else error.message
        self.kind = parts[0].kind if parts else SERVER
        problems: list[Problem] = []
        for full in (False, True):
            stored = self._put(parts, full=full)
            problems += stored.problems
            self.changed |= bool(stored.added or stored.updated or stored.removed)
            self._count(stored, full=full)
            if not stored.complete or stored.problems:
                break
        return told(problems)

    def _put(self, parts: Sequence[Found], *, full: bool) -> runs.Stored:
        self.total, self.seen = (self.seen, 0) if full else (0, 0)
        return runs.put_runs(
            self.kb.catalogue,
            self.source,
            self._items(parts, self._versions(), full=full),
            watch=self._step,
            stop=self.stop,
            whole=self.want.all,
        )

    def _items(self, parts: Sequence[Found], known: frozenset[str], *, full: bool) -> Iterator[Run | Problem]:
        """Yield every run; one whose points are stored as the server tells it now is not asked for again."""
        for part in parts:
            options = replace(part.options, lasts=not full, known=known)
            for item in READERS[part.kind](replace(part, options=options), stop=self.stop):
                if not isinstance(item, Run) or self.want.takes(item):
                    yield item

    def _versions(self) -> frozenset[str]:
        """Return the versions of the stored runs as they were given."""
        r = schema.runs
        with self.kb.catalogue.read() as conn:
            rows = conn.execute(select(r.c.version).where(r.c.source_id == self.source)).scalars()
            return frozenset((version or "").split(":", 1)[-1] for version in rows)

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
