"""A vocabulary as bytes: what the catalogue keeps, so that a process need not count all runs before its first question.

`VERSION` moves with what `kb.run_vocabulary` reads or how it is packed, so that older bytes are never read as newer.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select

from kb import schema
from kb.store import get_meta
from kb.vocabulary import NOTHING, Logged, Named, Scope, Vocabulary

VERSION = 1


def kept(conn: Connection, version: str) -> Vocabulary | None:
    """Return the vocabulary that was kept in a generation of the catalogue, None where there is none."""
    k = schema.run_vocabulary
    if not inspect(conn).has_table(k.name):  # an older catalogue on a read-only disk is not migrated
        return None
    packed = conn.scalar(select(k.c.packed).where(k.c.generation == version, k.c.code == VERSION))
    return None if packed is None else replace(unpack(packed), version=version)


def keep(conn: Connection, vocabulary: Vocabulary) -> None:
    """Keep a vocabulary in a write transaction, unless the catalogue has moved on since it was read."""
    if get_meta(conn, "generation", "0") != vocabulary.version:
        return
    k = schema.run_vocabulary
    conn.execute(delete(k))
    conn.execute(insert(k).values(generation=vocabulary.version, code=VERSION, packed=pack(vocabulary)))


def pack(vocabulary: Vocabulary) -> bytes:
    """Return a vocabulary as compressed JSON."""
    parts = {
        "scopes": [_scope(one) for one in vocabulary.scopes],
        "params": [_logged(one) for one in vocabulary.params],
        "metrics": [_logged(one) for one in vocabulary.metrics],
        "tags": [_logged(one) for one in vocabulary.tags],
        "runs": [
            (one.scope, one.run_id, one.name, one.aliases, one.source, one.started, one.loose)
            for one in vocabulary.runs
        ],
    }
    return zlib.compress(json.dumps(parts, separators=(",", ":")).encode("ascii"), 1)


def unpack(packed: bytes) -> Vocabulary:
    """Return the vocabulary that was packed, without its version."""
    parts = json.loads(zlib.decompress(packed))
    return Vocabulary(
        scopes=tuple(Scope(**{**one, "datasets": tuple(one["datasets"])}) for one in parts["scopes"]),
        params=tuple(map(_relogged, parts["params"])),
        metrics=tuple(map(_relogged, parts["metrics"])),
        tags=tuple(map(_relogged, parts["tags"])),
        runs=tuple(
            Named(
                scope=scope, run_id=run_id, name=name, aliases=tuple(aliases), source=source, started=started,
                loose=loose,
            )
            for scope, run_id, name, aliases, source, started, loose in parts["runs"]
        ),
    )  # fmt: skip


def _scope(one: Scope) -> dict[str, Any]:
    return {
        "tracker": one.tracker, "experiment": one.experiment, "source": one.source, "root": one.root,
        "runs": one.runs, "loose": one.loose, "deleted": one.deleted, "timed": one.timed,
        "datasets": one.datasets, "states": dict(one.states),
    }  # fmt: skip


def _logged(one: Logged) -> dict[str, Any]:
    """Return a logged name as JSON can hold it, which has only texts for keys."""
    return {
        "kind": one.kind, "name": one.name, "split": one.split, "whole": one.whole, "low": one.low, "high": one.high,
        "points": one.points, "direction": one.direction, "scopes": list(one.scopes.items()),
        "values": [(value, list(places.items())) for value, places in one.values.items()],
    }  # fmt: skip


def _relogged(one: dict[str, Any]) -> Logged:
    values = {value: dict(places) for value, places in one["values"]}
    return Logged(**{**one, "scopes": dict(one["scopes"]), "values": values or NOTHING})
