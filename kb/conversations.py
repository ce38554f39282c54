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

from kb import schema
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
    """Take everything that stems from the sources `keys` out of stored answers; return how many answers changed."""
    t, changed = schema.turns, 0
    for row in conn.execute(select(t.c.id, t.c.answer)).all():
        answer = json.loads(row.answer)
        if _scrubbed(answer, keys):
            changed += 1
            text = json.dumps(answer, ensure_ascii=False)
            conn.execute(update(t).where(t.c.id == row.id).values(answer=text))
    return changed


def _scrubbed(answer: dict[str, Any], keys: set[SourceKey]) -> bool:
    claims = [c for c in answer.get("claims", []) if not any(_is_from(x, keys) for x in c.get("citations", []))]
    evidence = [hit for hit in answer.get("evidence", []) if not _is_from(hit, keys)]
    if len(claims) == len(answer.get("claims", [])) and len(evidence) == len(answer.get("evidence", [])):
        return False
    text = "\n".join(claim["text"] for claim in claims) or FORGOTTEN
    answer.update(claims=claims, evidence=evidence, text=text, missing=[], suggestions=[], nearest=[])
    return True


def _is_from(place: dict[str, Any], keys: set[SourceKey]) -> bool:
    if not all(name in place for name in ("collection", "root", "source")):
        return False
    return SourceKey(collection=place["collection"], root=place["root"], source=place["source"]) in keys
