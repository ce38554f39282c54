"""Conversations as rows: they survive a reload, and what is forgotten leaves them too.

An answer is kept as the JSON object that `citewise ask` prints, so that an old turn reads as it did when it was given.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from kb import schema, store
from kb.store import Catalogue
from kb.types import SourceKey

FORGOTTEN = "The source of this answer was forgotten."


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question and the answer it got, as JSON values."""

    question: str
    answer: dict[str, Any]
    asked: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation's row in the list of chats."""

    id: str
    title: str
    updated: float


def start(catalogue: Catalogue, title: str) -> str:
    """Begin a conversation and return its id, random so that a link to it cannot be guessed."""
    id, now = secrets.token_hex(16), time.time()
    with catalogue.write() as conn:
        conn.execute(insert(schema.conversations).values(id=id, title=title[:80], created=now, updated=now))
    return id


def append(catalogue: Catalogue, conversation: str, question: str, answer: dict[str, Any]) -> None:
    """Add a turn to a conversation; one that was deleted meanwhile stays deleted."""
    c, now = schema.conversations, time.time()
    with catalogue.write() as conn:
        if conn.execute(update(c).where(c.c.id == conversation).values(updated=now)).rowcount:
            row = {"conversation_id": conversation, "question": question, "asked": now}
            conn.execute(insert(schema.turns).values(answer=json.dumps(answer, ensure_ascii=False), **row))


def turns(catalogue: Catalogue, conversation: str, *, last: int | None = None) -> tuple[Turn, ...]:
    """Return a conversation's turns in order, or its `last` ones."""
    t = schema.turns
    query = select(t).where(t.c.conversation_id == conversation).order_by(t.c.id.desc())
    with catalogue.read() as conn:
        rows = conn.execute(query.limit(last) if last is not None else query).mappings().all()
    return tuple(Turn(question=r["question"], answer=json.loads(r["answer"]), asked=r["asked"]) for r in reversed(rows))


def recent(catalogue: Catalogue, limit: int = 20) -> tuple[Conversation, ...]:
    """Return the latest conversations, newest first."""
    c = schema.conversations
    with catalogue.read() as conn:
        rows = conn.execute(select(c).order_by(c.c.updated.desc()).limit(limit)).mappings()
        return tuple(Conversation(id=r["id"], title=r["title"], updated=r["updated"]) for r in rows)


def remove(catalogue: Catalogue, conversation: str) -> None:
    """Delete a conversation with its turns."""
    with catalogue.write() as conn:
        conn.execute(delete(schema.conversations).where(schema.conversations.c.id == conversation))


def scrub(conn: Connection, keys: set[SourceKey]) -> int:
    """Take everything that stems from the sources `keys` out of stored answers; return how many answers changed.

    Call it while the sources' runs are still stored: by them it tells whose values an answer over runs holds.
    """
    t, changed, runs = schema.turns, 0, _runs_of(conn, keys)
    for row in conn.execute(select(t.c.id, t.c.answer)).all():
        answer = json.loads(row.answer)
        if _scrubbed(answer, keys, runs):
            changed += 1
            text = json.dumps(answer, ensure_ascii=False)
            conn.execute(update(t).where(t.c.id == row.id).values(answer=text))
    return changed


_Runs = frozenset[tuple[str, str]]


def _runs_of(conn: Connection, keys: set[SourceKey]) -> _Runs:
    """Return the runs of sources by the file that tells of them and their id, as answers name them."""
    ids = [found for key in keys if (found := store.source_id(conn, key)) is not None]
    r = schema.runs
    query = select(r.c.main_source, r.c.run_id)
    parts = (conn.execute(query.where(r.c.source_id.in_(part))) for part in store.batches(ids))
    return frozenset((row.main_source, row.run_id) for part in parts for row in part)


def _scrubbed(answer: dict[str, Any], keys: set[SourceKey], runs: _Runs) -> bool:
    told, evidence = answer.get("claims", []), answer.get("evidence", [])
    claims = [claim for claim in told if not any(_is_from(cited, keys, runs) for cited in claim.get("citations", []))]
    kept = [hit for hit in evidence if not _is_from(hit, keys, runs)]
    result = answer.get("result") or {}
    over_runs = any((one.get("source"), one.get("run_id")) in runs for one in result.get("runs") or ())
    if len(claims) == len(told) and len(kept) == len(evidence) and not over_runs:
        return False
    if over_runs:  # a count or a mean cites no run and still stands on them
        claims = [claim for claim in claims if claim.get("verdict") != "computed"]
    if over_runs or len(claims) < len(told):
        _without_runs(answer)
    text = "\n".join(claim["text"] for claim in claims) or FORGOTTEN
    answer.update(claims=claims, evidence=kept, text=text, missing=[], suggestions=[], nearest=[])
    return True


def _without_runs(answer: dict[str, Any]) -> None:
    """Take the table and the value out of an answer over runs, which may show any of them."""
    if (answer.get("reading") or {}).get("route") != "runs":
        return
    answer["result"] = {"kind": "none", "value": None, "metric": None, "runs": [], "query": None}
    answer.update(table=None, left_out=[], notes=[])


def _is_from(place: dict[str, Any], keys: set[SourceKey], runs: _Runs) -> bool:
    if place.get("kind") == "run":
        return (place.get("source"), place.get("run_id")) in runs
    if not all(name in place for name in ("collection", "root", "source")):
        return False
    return SourceKey(collection=place["collection"], root=place["root"], source=place["source"]) in keys
