"""Bring stored runs in line with the histories that were found: source by source, run by run, resumable.

A history whose files did not change is not opened. Of another one every run is looked at, and those whose version
stayed the same cost nothing more.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import chain

from ingest.report import Failure, RunCounts, Step
from ingest.runs_found import Histories, History, is_history, looked_at, moved
from ingest.sources import Scan
from ingest.trackers import READERS
from kb import runs, store
from kb.errors import BadInput, CitewiseError
from kb.knowledge import KnowledgeBase
from kb.records import Problem, Run
from kb.types import SourceInfo, SourceKey, SourceState

Watch = Callable[[Step], None]
Stop = Callable[[], bool]
_EVERY = 25
_TOLD = 5
_READ = frozenset({SourceState.LEXICAL, SourceState.SEARCHABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs to take: of experiments whose name fits a pattern, started at or after a time; None: all.

    Runs without a time are not taken where a time is wanted.
    """

    experiment: str | None = None
    since: float | None = None

    @property
    def all(self) -> bool:
        """Tell whether nothing is left out."""
        return self.experiment is None and self.since is None

    def takes(self, run: Run) -> bool:
        """Tell whether a run is wanted."""
        if self.experiment is not None:
            name, pattern = (run.experiment or "").lower(), self.experiment.lower()
            if name != pattern and not fnmatchcase(name, pattern):
                return False
        at = run.started if run.started is not None else run.ended
        return self.since is None or (at is not None and at >= self.since)


ALL = Wanted()


def wanted(experiment: str | None, since: str | None) -> Wanted:
    """Return which runs `--experiment` and `--since` mean. Raises BadInput for what is no date."""
    return Wanted(experiment=experiment, since=None if since is None else _moment(since))


def _moment(text: str) -> float:
    try:
        at = datetime.datetime.fromisoformat(text.strip())
    except ValueError as error:
        hint = "write it as 2024-05-31 or 2024-05-31T14:30; without a zone it is taken as UTC"
        raise BadInput(f"{text!r} is no date", hint=hint) from error
    return (at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPlan:
    """Histories to look through, those that did not change, and stored ones that are gone."""

    todo: tuple[History, ...] = ()
    new: frozenset[SourceKey] = frozenset()
    unchanged: int = 0
    deletes: tuple[SourceKey, ...] = ()


def plan_runs(
    found: Sequence[Histories], scans: Sequence[Scan], stored: Mapping[SourceKey, SourceInfo], want: Wanted = ALL
) -> RunsPlan:
    """Compare the histories found with those stored."""
    known = {key: info for key, info in stored.items() if is_history(info.kind)}
    here = {history.key: history for histories in found for history in histories.found}
    todo = tuple(h for h in here.values() if not want.all or not _is_same(h, known.get(h.key)))
    whole = [scan for scan, histories in zip(scans, found, strict=True) if histories.whole]
    gone = [key for key in known if key not in here and looked_at(key, whole)]
    old = moved(here.values(), {key: info.kind for key, info in known.items()})
    return RunsPlan(
        todo=todo,
        new=frozenset(h.key for h in todo if h.key not in known),
        unchanged=len(here) - len(todo),
        deletes=tuple(dict.fromkeys((*gone, *old))),
    )


def _is_same(history: History, info: SourceInfo | None) -> bool:
    return info is not None and info.state in _READ and info.hash != "" and info.hash == history.version()


@dataclass(slots=True, kw_only=True)
class RunsDone:
    """What was done so far with the histories of a plan."""

    counts: RunCounts = field(default_factory=RunCounts)
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: list[Failure] = field(default_factory=list)
    partial: list[Failure] = field(default_factory=list)


def apply_runs(kb: KnowledgeBase, planned: RunsPlan, want: Wanted, *, watch: Watch, stop: Stop) -> RunsDone:
    """Store the runs of every history to be looked through; `stop` is asked after each run."""
    done = RunsDone()
    total, before = sum(history.count or 0 for history in planned.todo), 0
    for history in planned.todo:
        if stop():
            break
        step = _Progress(watch, history.key.source, before, total)
        try:
            seen = _store(kb, history, want, done, is_new=history.key in planned.new, step=step, stop=stop)
        except CitewiseError:
            raise
        except Exception as error:  # noqa: BLE001 - the border: one history's failure must not stop the others
            reason = f"{type(error).__name__}: {error}"[:500]
            kb.fail(history.key, kind=history.kind, hash="", reason=reason)
            done.failed.append(Failure(key=history.key, reason=reason))
            continue
        before += max(seen, history.count or 0)
    return done


@dataclass(slots=True)
class _Progress:
    watch: Watch
    source: str
    before: int
    total: int

    def __call__(self, seen: int) -> None:
        if seen == 1 or seen % _EVERY == 0:
            done = self.before + seen
            self.watch(Step(stage="runs", done=done, total=max(self.total, done), current=self.source))


def _store(
    kb: KnowledgeBase, history: History, want: Wanted, done: RunsDone, *, is_new: bool, step: _Progress, stop: Stop
) -> int:
    version = history.version()
    source = _begin(kb, history)
    taking = _Taking(want)
    items = chain.from_iterable(READERS[part.kind](part, stop=stop) for part in history.parts)
    stored = runs.put_runs(kb.catalogue, source, taking(items), watch=step, stop=stop, whole=want.all)
    reason = told(stored.problems)
    finished = stored.complete and want.all
    empty = not runs_of(kb, source)
    state = SourceState.FAILED if empty and reason else SourceState.SEARCHABLE
    if not stored.complete:
        state = SourceState.PENDING
    with kb.catalogue.write() as conn:
        store.set_source(conn, history.key, state=state.value, reason=reason, hash=version or "" if finished else "")
    _count(done, history, stored, taking.left_out, is_new=is_new, failed=state is SourceState.FAILED, reason=reason)
    return taking.seen


def runs_of(kb: KnowledgeBase, source_id: int) -> int:
    """Return how many runs of a source are stored."""
    from sqlalchemy import func, select

    from kb import schema

    with kb.catalogue.read() as conn:
        query = select(func.count()).select_from(schema.runs).where(schema.runs.c.source_id == source_id)
        return int(conn.scalar(query) or 0)


def count_runs(history: History, want: Wanted) -> int:
    """Return how many runs of a history are wanted, without reading the points of their metrics."""
    if want.all and history.count is not None:
        return history.count
    items = chain.from_iterable(READERS[part.kind](part) for part in history.parts)
    return sum(isinstance(item, Run) and not item.loose and want.takes(item) for item in items)


def _begin(kb: KnowledgeBase, history: History) -> int:
    """Return the id of the history's source; what was a document before is one no more."""
    with kb.catalogue.write() as conn:
        row = conn.execute(store.source_row(history.key)).mappings().first()
        if row is not None and not is_history(row["kind"]):
            store.drop_source(conn, row["id"])
            row = None
        state = row["state"] if row is not None else SourceState.PENDING.value
        return store.set_source(conn, history.key, kind=history.kind, hash="", state=state, title=history.key.source)


class _Taking:
    """Lets wanted runs and problems through and counts the others."""

    def __init__(self, want: Wanted) -> None:
        self.want, self.left_out, self.seen = want, 0, 0

    def __call__(self, items: Iterable[Run | Problem]) -> Iterator[Run | Problem]:
        for item in items:
            if isinstance(item, Run):
                self.seen += 1
                if not self.want.takes(item):
                    self.left_out += 1
                    continue
            yield item


def told(problems: Sequence[Problem]) -> str | None:
    """Return problems in words, each reason once with the first places where it was met; None where there are none."""
    if not problems:
        return None
    places: dict[str, list[str]] = {}
    for problem in problems:
        place = f"{problem.source} ({problem.place})" if problem.place else problem.source
        places.setdefault(problem.reason, []).append(place)
    lines = []
    for reason, at in list(places.items())[:_TOLD]:
        more = f" and {len(at) - 2:,} more" if len(at) > 2 else ""
        lines.append(f"{', '.join(at[:2])}{more}: {reason}")
    rest = f"; and {len(places) - _TOLD:,} other problems" if len(places) > _TOLD else ""
    return "; ".join(lines) + rest


def _count(
    done: RunsDone, history: History, stored: runs.Stored, left_out: int, *, is_new: bool, failed: bool,
    reason: str | None,
) -> None:  # fmt: skip
    counts = done.counts
    done.counts = replace(
        counts,
        added=counts.added + stored.added,
        updated=counts.updated + stored.updated,
        unchanged=counts.unchanged + stored.unchanged,
        removed=counts.removed + stored.removed,
        left_out=counts.left_out + left_out,
    )
    if is_new:
        done.added += 1
    elif stored.added or stored.updated or stored.removed or failed:
        done.updated += 1
    else:
        done.unchanged += 1
    if reason is not None:
        (done.failed if failed else done.partial).append(Failure(key=history.key, reason=reason))
