"""Bring the knowledge base in line with what is there: plan adds, updates and deletes as a value, then apply it.

Each source is one transaction, so a sync that was stopped or killed goes on where it was when it runs again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingest.loaders import LOADERS
from ingest.report import Failure, Step, SyncReport
from ingest.runs_found import Histories, documents_of, histories_in, is_history, local
from ingest.runs_sync import ALL, RunsDone, RunsPlan, Wanted, apply_runs, plan_runs
from ingest.server_sync import sync_server
from ingest.sources import Found, Scan, scan
from ingest.split import split
from ingest.trackers import is_server
from kb import mentions, runs
from kb.errors import CitewiseError, LoadFailed
from kb.knowledge import KnowledgeBase
from kb.types import Document, SourceInfo, SourceKey, SourceState

Watch = Callable[[Step], None]
Stop = Callable[[], bool]
_READ = frozenset({SourceState.LEXICAL, SourceState.SEARCHABLE})
MAX_TEXT = 10_000_000
"""Characters that a document may have, a few thousand pages; what has more is data that somebody named as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What would change: sources to add, to update, to delete; how many stay as they are; and what of the runs."""

    adds: tuple[Found, ...] = ()
    updates: tuple[Found, ...] = ()
    deletes: tuple[SourceKey, ...] = ()
    unchanged: int = 0
    skipped: int = 0
    runs: RunsPlan = field(default_factory=RunsPlan)
    collection: str = "default"
    servers: tuple[str, ...] = ()


def _quiet(_: Step) -> None:
    """Watch nothing."""


def _never() -> bool:
    return False


def sync(
    kb: KnowledgeBase,
    sources: Sequence[str],
    *,
    collection: str = "default",
    kind: str | None = None,
    want: Wanted = ALL,
    watch: Watch = _quiet,
    stop: Stop = _never,
) -> SyncReport:
    """Ingest `sources` (files, folders, globs, URIs of stores and servers, `package:NAME`), then embed what waits.

    Unchanged sources cost a hash; a source that fails is kept with its reason and stops nothing. Of experiment
    histories only the runs that `want` takes are stored. Raises BadInput for a source that is not there, IndexMismatch,
    HomeUnwritable.
    """
    began = time.perf_counter()
    kb.check_fingerprints()
    planned = plan(kb, sources, collection=collection, kind=kind, want=want, watch=watch)
    report = apply(kb, planned, want=want, watch=watch, stop=stop)
    embedded = kb.embed_waiting(lambda done, total: watch(Step(stage="embed", done=done, total=total)), stop=stop)
    return replace(
        report,
        embedded=embedded,
        chunks=kb.catalogue.count("chunks"),
        seconds=time.perf_counter() - began,
        stopped=stop(),
    )


def plan(
    kb: KnowledgeBase,
    sources: Sequence[str],
    *,
    collection: str = "default",
    kind: str | None = None,
    want: Wanted = ALL,
    watch: Watch = _quiet,
) -> SyncPlan:
    """Return what a sync of `sources` would change. Raises BadInput for a source that is not there."""
    return plan_over(kb.catalogue.sources(), sources, collection=collection, kind=kind, want=want, watch=watch)


def plan_over(
    infos: Sequence[SourceInfo],
    sources: Sequence[str],
    *,
    collection: str = "default",
    kind: str | None = None,
    want: Wanted = ALL,
    watch: Watch = _quiet,
) -> SyncPlan:
    """Return what a sync would change where `infos` are stored. Raises BadInput for a source that is not there."""
    roots = sorted({info.key.root for info in infos if info.key.collection == collection})
    of_runs = kind is not None and is_history(kind)
    reading = None if of_runs else kind
    servers = tuple(dict.fromkeys(name for name in sources if is_server(name)))
    paths = [name for name in sources if not is_server(name)]
    scans = [s for name in paths for s in scan(local(name), collection=collection, kind=reading, roots=roots)]
    found = [Histories() if reading is not None else histories_in(s, kind) for s in scans]
    documents = [_without(s) if of_runs else documents_of(s, h.found) for s, h in zip(scans, found, strict=True)]
    stored = {i.key: i.hash if i.state in _READ else "" for i in infos if not is_history(i.kind)}
    ran = plan_runs(found, scans, {info.key: info for info in infos}, want) if reading is None else RunsPlan()
    planned = compare(documents, stored, watch=watch)
    histories = {history.key for one in found for history in one.found}
    return replace(
        planned,
        runs=ran,
        collection=collection,
        servers=servers,
        deletes=tuple(key for key in planned.deletes if key not in histories),
        unchanged=planned.unchanged + ran.unchanged,
    )


def _without(scan: Scan) -> Scan:
    """Return a scan that holds no documents and says nothing of those that are stored."""
    return replace(scan, found=(), whole=None)


def compare(scans: Sequence[Scan], stored: Mapping[SourceKey, str], *, watch: Watch = _quiet) -> SyncPlan:
    """Compare what was found with what is stored: `stored` maps keys to content hashes, "" to read again."""
    found = {item.key: item for s in scans for item in s.found}
    adds, updates, unchanged = [], [], 0
    for number, item in enumerate(found.values(), 1):
        watch(Step(stage="scan", done=number, total=len(found), current=item.key.source))
        if item.key not in stored:
            adds.append(item)
        elif item.problem is None and content_hash(item) == stored[item.key]:
            unchanged += 1
        else:
            updates.append(item)
    deletes = tuple(sorted((k for k in stored if k not in found and _looked_at(k, scans)), key=_order))
    skipped = sum(s.skipped for s in scans)
    return SyncPlan(adds=tuple(adds), updates=tuple(updates), deletes=deletes, unchanged=unchanged, skipped=skipped)


def _order(key: SourceKey) -> tuple[str, str, str]:
    return key.collection, key.root, key.source


def _looked_at(key: SourceKey, scans: Sequence[Scan]) -> bool:
    """Tell whether a scan covered the place of `key` completely, so that not finding it means it is gone."""
    return any(
        s.whole is not None
        and (key.collection, key.root) == (s.collection, s.root)
        and key.source.startswith(s.whole)
        and not any(f.problem and key.source.startswith(f"{f.key.source}/") for f in s.found)
        for s in scans
    )


def content_hash(item: Found) -> str:
    """Return the hash of a source's kind and bytes: 64 hexadecimal digits; "" where it cannot be read."""
    try:
        return _hash(item, item.read())
    except OSError:
        return ""


def _hash(item: Found, data: bytes) -> str:
    return hashlib.sha256(f"{item.kind}\x1f{item.version or ''}\x1f".encode() + data).hexdigest()


def apply(
    kb: KnowledgeBase, planned: SyncPlan, *, want: Wanted = ALL, watch: Watch = _quiet, stop: Stop = _never
) -> SyncReport:
    """Carry out a plan source by source, found by words from then on; `stop` is asked between sources and runs."""
    stale = _mark_mentions(kb, planned)
    adding = {item.key for item in planned.adds}
    if turned := [key for key in planned.runs.deletes if key in adding]:  # no history any more, but a document
        kb.drop(turned)
    report = _apply_documents(kb, planned, watch=watch, stop=stop)
    done = apply_runs(kb, planned.runs, want, watch=watch, stop=stop)
    for server in planned.servers:
        if not stop():
            sync_server(kb, server, planned.collection, want, done, watch=watch, stop=stop)
    gone = [key for key in planned.runs.deletes if key not in adding]
    if gone and not stop():
        kb.drop(gone)
    linked = 0 if stop() else _link(kb, planned, done, stale)
    return _with_runs(report, planned.runs, done, linked)


def _mark_mentions(kb: KnowledgeBase, planned: SyncPlan) -> bool:
    """Note that mentions of runs are to be looked for; return whether that was left undone before."""
    stale = kb.catalogue.get(mentions.STALE, "0") == "1"
    ran = planned.runs.todo or planned.runs.deletes or planned.servers
    if not stale and (ran or ((planned.adds or planned.updates) and runs.count(kb.catalogue, deleted=True))):
        kb.catalogue.put(mentions.STALE, "1")
    return stale


def _link(kb: KnowledgeBase, planned: SyncPlan, done: RunsDone, stale: bool) -> int:
    """Link documents and the runs they mention, as far as either changed."""
    if kb.catalogue.get(mentions.STALE, "0") != "1":
        return 0
    counts, linked = done.counts, 0
    if stale or counts.added or counts.updated or counts.removed or planned.runs.deletes:
        linked = mentions.link(kb.catalogue)
    elif changed := [item.key for item in (*planned.adds, *planned.updates)]:
        linked = mentions.link(kb.catalogue, changed)
    kb.catalogue.put(mentions.STALE, "0")
    return linked


def _with_runs(report: SyncReport, planned: RunsPlan, done: RunsDone, linked: int) -> SyncReport:
    return replace(
        report,
        added=report.added + done.added,
        updated=report.updated + done.updated,
        unchanged=report.unchanged + done.unchanged,
        deleted=report.deleted + len(planned.deletes),
        failed=(*report.failed, *done.failed),
        partial=tuple(done.partial),
        runs=done.counts,
        mentions=linked,
    )


def _apply_documents(kb: KnowledgeBase, planned: SyncPlan, *, watch: Watch, stop: Stop) -> SyncReport:
    todo, failed, done = (*planned.adds, *planned.updates), [], 0
    for number, item in enumerate(todo, 1):
        if stop():
            break
        reason = ingest_one(kb, item)
        if reason is not None:
            failed.append(Failure(key=item.key, reason=reason))
        done = number
        watch(Step(stage="read", done=number, total=len(todo), current=item.key.source))
    if planned.deletes or planned.updates:
        # Last, so that a renamed file takes its vectors over; what no chunk needs any more leaves the cache.
        kb.drop(planned.deletes)
    return SyncReport(
        added=min(done, len(planned.adds)),
        updated=max(0, done - len(planned.adds)),
        deleted=len(planned.deletes),
        unchanged=planned.unchanged,
        skipped=planned.skipped,
        failed=tuple(failed),
    )


def ingest_one(kb: KnowledgeBase, item: Found) -> str | None:
    """Read, split and store one source; return why it failed, or None."""
    try:
        if item.problem is not None:
            raise LoadFailed(item.problem)
        data = item.read()
        document = LOADERS[item.kind](data, item.key.source.rsplit("/", 1)[-1])
        _refuse_endless(document)
        chunks = split(document, item.key)
    except LoadFailed as error:
        reason = f"{error.reason}; {error.hint}" if error.hint else error.reason
    except CitewiseError:
        raise
    except Exception as error:  # noqa: BLE001 - the border: one source's failure must not stop the others
        reason = f"{type(error).__name__}: {error}"[:500]
    else:
        kb.add(item.key, document, chunks, hash=_hash(item, data), version=_version(item, document.metadata))
        return None
    kb.fail(item.key, kind=item.kind, hash="", reason=reason)
    return reason


def _refuse_endless(document: Document) -> None:
    if len(document.text) > MAX_TEXT:
        raise LoadFailed(
            f"it has {len(document.text):,} characters of text, more than the {MAX_TEXT:,} that a document may have",
            hint="split it into several files, or leave it out if it is data",
        )


def _version(item: Found, metadata: Mapping[str, str]) -> str | None:
    return item.version or metadata.get("version")
