"""Bring the knowledge base in line with what is there: plan adds, updates and deletes as a value, then apply it.

Each source is one transaction, so a sync that was stopped or killed goes on where it was when it runs again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ingest.loaders import LOADERS
from ingest.report import Failure, Step, SyncReport
from ingest.sources import Found, Scan, scan
from ingest.split import split
from kb.errors import CitewiseError, LoadFailed
from kb.knowledge import KnowledgeBase
from kb.types import Document, SourceKey, SourceState

Watch = Callable[[Step], None]
Stop = Callable[[], bool]
_READ = frozenset({SourceState.LEXICAL, SourceState.SEARCHABLE})
MAX_TEXT = 10_000_000
"""Characters that a document may have, a few thousand pages; what has more is data that somebody named as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What would change: sources to add, to update, to delete; how many stay as they are."""

    adds: tuple[Found, ...] = ()
    updates: tuple[Found, ...] = ()
    deletes: tuple[SourceKey, ...] = ()
    unchanged: int = 0
    skipped: int = 0


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
    watch: Watch = _quiet,
    stop: Stop = _never,
) -> SyncReport:
    """Ingest `sources` (files, folders, globs, `package:NAME`), then embed what waits.

    Unchanged sources cost a hash; a source that fails is kept with its reason and stops nothing. Raises BadInput for a
    source that is not there, IndexMismatch, HomeUnwritable.
    """
    began = time.perf_counter()
    kb.check_fingerprints()
    planned = plan(kb, sources, collection=collection, kind=kind, watch=watch)
    report = apply(kb, planned, watch=watch, stop=stop)
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
    watch: Watch = _quiet,
) -> SyncPlan:
    """Return what a sync of `sources` would change. Raises BadInput for a source that is not there."""
    roots = [uri for name, uri in kb.catalogue.roots() if name == collection]
    scans = [s for source in sources for s in scan(source, collection=collection, kind=kind, roots=roots)]
    stored = {info.key: info.hash if info.state in _READ else "" for info in kb.catalogue.sources()}
    return compare(scans, stored, watch=watch)


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


def apply(kb: KnowledgeBase, planned: SyncPlan, *, watch: Watch = _quiet, stop: Stop = _never) -> SyncReport:
    """Carry out a plan source by source, found by words from then on; `stop` is asked between sources."""
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
