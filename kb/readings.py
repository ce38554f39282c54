"""Readings saved under a name, to be run again when their data changes; and the questions that nothing could answer."""

from __future__ import annotations

import json
import math
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, select, update

from kb import schema
from kb.errors import BadInput
from kb.store import Catalogue

MOST = 200
"""Unanswered questions that are listed."""
_NAME = 120
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value that is not what it was; None stands for a name that one side lacks."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A reading that was saved: its query as JSON values, and what it gave then and when it last ran.

    `fingerprint` is the table's at that time. `last_values` and what goes with it are None until it ran again.
    """

    id: str
    name: str
    dataset: str
    question: str
    query: Mapping[str, Any]
    values: Mapping[str, Any]
    fingerprint: str
    saved: float
    last_values: Mapping[str, Any] | None
    last_fingerprint: str | None
    last_run: float | None

    @property
    def changes(self) -> tuple[Change, ...]:
        """What its last run gave otherwise than when it was saved."""
        return () if self.last_values is None else changed(self, self.last_values)


def save(
    catalogue: Catalogue,
    *,
    name: str,
    dataset: str,
    question: str,
    query: Mapping[str, Any],
    values: Mapping[str, Any],
    fingerprint: str,
) -> Saved:
    """Save a reading of the table with id `dataset`, with the values that it gave. Raises BadInput for no name."""
    row = {"id": secrets.token_hex(8), "name": _named(name), "dataset": dataset, "question": question}
    told = {"query": _json(query), "answer": _json(values), "fingerprint": fingerprint, "saved": time.time()}
    with catalogue.write() as conn:
        conn.execute(insert(schema.readings).values(**row, **told))
    return _known(catalogue, row["id"])


def list_of(catalogue: Catalogue, *, dataset: str | None = None) -> tuple[Saved, ...]:
    """Return the saved readings (of one table), latest first."""
    r = schema.readings
    query = select(r).order_by(r.c.saved.desc(), r.c.id)
    with catalogue.read() as conn:
        rows = conn.execute(query if dataset is None else query.where(r.c.dataset == dataset)).mappings().all()
    return tuple(_saved(row) for row in rows)


def get(catalogue: Catalogue, id: str) -> Saved | None:
    """Return a saved reading, or None."""
    r = schema.readings
    with catalogue.read() as conn:
        row = conn.execute(select(r).where(r.c.id == id)).mappings().first()
    return None if row is None else _saved(row)


def rename(catalogue: Catalogue, id: str, name: str) -> Saved:
    """Give a saved reading another name. Raises BadInput for no name."""
    return _change(catalogue, id, name=_named(name))


def remove(catalogue: Catalogue, id: str) -> None:
    """Remove a saved reading."""
    with catalogue.write() as conn:
        conn.execute(delete(schema.readings).where(schema.readings.c.id == id))


def mark(catalogue: Catalogue, id: str, values: Mapping[str, Any], fingerprint: str) -> Saved:
    """Keep what a run just gave; `changes` of what is returned says where that differs from what was saved."""
    return _change(catalogue, id, last_answer=_json(values), last_fingerprint=fingerprint, last_run=time.time())


def accept(catalogue: Catalogue, id: str) -> Saved:
    """Take what the last run gave for what is expected from now on, so that its mark goes."""
    saved = _known(catalogue, id)
    if saved.last_values is None:
        return saved
    return _change(catalogue, id, answer=_json(saved.last_values), fingerprint=saved.last_fingerprint)


def changed(saved: Saved, values: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what `values` say otherwise than the saved ones, in the saved order; numbers to 9 digits."""
    names = dict.fromkeys((*saved.values, *_plain(values)))
    now = _plain(values)
    pairs = ((name, saved.values.get(name), now.get(name)) for name in names)
    return tuple(Change(name=n, before=b, after=a) for n, b, a in pairs if not _same(b, a))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or (math.isnan(one) and math.isnan(other)) or _close(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=1e-12)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they come back from the catalogue, so that a tuple equals the list it was stored as."""
    made: dict[str, Any] = json.loads(_json(values))
    return made


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), ensure_ascii=False)


def _named(name: str) -> str:
    kept = " ".join(name.split())[:_NAME]
    if not kept:
        raise BadInput("a saved reading needs a name", hint="type a few words")
    return kept


def _change(catalogue: Catalogue, id: str, **values: Any) -> Saved:
    with catalogue.write() as conn:
        conn.execute(update(schema.readings).where(schema.readings.c.id == id).values(**values))
    return _known(catalogue, id)


def _known(catalogue: Catalogue, id: str) -> Saved:
    saved = get(catalogue, id)
    if saved is None:
        raise BadInput(f"there is no saved reading {id!r}", hint="it was removed; save it again")
    return saved


def _saved(row: RowMapping) -> Saved:
    last = row["last_answer"]
    return Saved(
        id=row["id"],
        name=row["name"],
        dataset=row["dataset"],
        question=row["question"],
        query=json.loads(row["query"]),
        values=json.loads(row["answer"]),
        fingerprint=row["fingerprint"],
        saved=row["saved"],
        last_values=None if last is None else json.loads(last),
        last_fingerprint=row["last_fingerprint"],
        last_run=row["last_run"],
    )


# -- what could not be answered ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A question that got no answer: how often it was asked, when last, in which conversation, and what was missing."""

    question: str
    times: int
    last: float
    conversation: str
    missing: tuple[str, ...] = ()
    dataset: str = ""


def asked_so_far(catalogue: Catalogue) -> tuple[int, int, int]:
    """Return a value that moves whenever `unanswered` may have changed."""
    t = schema.turns
    with catalogue.read() as conn:
        number, last = conn.execute(select(func.count(), func.max(t.c.id)).select_from(t)).one()
    return catalogue.generation, number, last or 0


def unanswered(catalogue: Catalogue) -> tuple[Unanswered, ...]:
    """Return the questions of stored conversations that got no answer and were not answered later, newest first.

    The same question in other capitals, spaces or end marks counts as the same. An answer that waits for *Run this
    reading* is none that is missing.
    """
    t = schema.turns
    # As `json.dumps` writes it; only those answers are read whole, for the others hold much.
    refused = t.c.answer.like('%"abstained": true%')
    with catalogue.read() as conn:
        asked = conn.execute(select(t.c.question, t.c.asked).where(~refused)).all()
        rows = conn.execute(select(t).where(refused).order_by(t.c.asked)).mappings().all()
    answered: dict[str, float] = {}
    for question, when in asked:
        answered[_key(question)] = max(when, answered.get(_key(question), 0.0))
    found: dict[str, Unanswered] = {}
    for row in rows:
        key, answer = _key(row["question"]), json.loads(row["answer"])
        if not answer.get("abstained") or _waits(answer):
            answered[key] = max(row["asked"], answered.get(key, 0.0))
            continue
        times = found[key].times + 1 if key in found else 1
        found[key] = _unanswered(row, answer, times)
    left = [one for key, one in found.items() if one.last > answered.get(key, 0.0)]
    return tuple(sorted(left, key=lambda one: -one.last)[:MOST])


def _key(question: str) -> str:
    return re.sub(r"\s+", " ", question).strip(" ?!.…").casefold()


def _waits(answer: Mapping[str, Any]) -> bool:
    reading = answer.get("reading") or {}
    return bool(reading.get("link")) and reading.get("runs") is False


def _unanswered(row: RowMapping, answer: Mapping[str, Any], times: int) -> Unanswered:
    return Unanswered(
        question=row["question"],
        times=times,
        last=row["asked"],
        conversation=row["conversation_id"],
        missing=tuple(str(line) for line in answer.get("missing", ())),
        dataset=str((answer.get("dataset") or {}).get("name", "")),
    )
