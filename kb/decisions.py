"""The decision ledger: append, supersede, find; what stands and what was replaced is worked out when it is read.

A decision is never edited. Notes refer to each other by number, title or file, and may be ingested in any order, so
references are kept as written and resolved by `Ledger`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from kb import schema, store
from kb.decision_claims import claim_of, claim_row
from kb.errors import BadInput
from kb.ledger import Ledger
from kb.store import Catalogue
from kb.types import Claim, DecisionCitation, SourceKey, Span, Verdict

STAGES = ("understand", "preprocess", "features", "model", "tune", "evaluate", "deploy", "other")
CURRENT, SUPERSEDED, PROPOSED, REJECTED = "current", "superseded", "proposed", "rejected"
_LONGEST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A choice that was made, and why.

    `status` is what was said when it was recorded; whether a later one replaced it, `Ledger` tells. `made` is in
    seconds since 1970, 0 where no date is known. `supersedes` and `superseded_by` refer to others by id, number, title
    or file, as written. `runs` are names or ids as written. `key` and `span` say where in a note it stands.
    """

    stage: str
    choice: str
    id: str = ""
    title: str = ""
    status: str = CURRENT
    alternatives: tuple[str, ...] = ()
    reasons: tuple[Claim, ...] = ()
    runs: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    by: str | None = None
    made: float = 0.0
    dataset: str | None = None
    supersedes: tuple[str, ...] = ()
    superseded_by: tuple[str, ...] = ()
    key: SourceKey | None = None
    span: Span | None = None

    @property
    def place(self) -> str:
        """Where it is recorded: the note's source, or the ledger itself."""
        return self.key.source if self.key else "ledger"


def append(catalogue: Catalogue, decision: Decision, because: Sequence[str] = ()) -> Decision:
    """Record a decision and return it with its id; `because` are reasons in the words of whoever records it.

    Raises BadInput for an empty choice, an unknown stage, and for a decision to supersede that is not there, is not
    one, or does not stand any more.
    """
    _check(decision, because)
    made = decision.made or time.time()
    id = decision.id or _new_id(decision, made)
    with catalogue.write() as conn:
        ledger = Ledger(_all(conn))
        replaced = [_meant(ledger, name) for name in decision.supersedes]
        kept = replace(
            decision,
            id=id,
            made=made,
            supersedes=tuple(dict.fromkeys(one.id for one in replaced)),
            reasons=(*decision.reasons, *(_said(id, decision.status, reason) for reason in because)),
        )
        if ledger.get(id) is not None:
            raise BadInput(f"a decision {id!r} is recorded already", hint="record a new one that supersedes it")
        conn.execute(insert(schema.decisions).values(**_row(kept)))
        store.touch(conn)
    return kept


def _check(decision: Decision, because: Sequence[str]) -> None:
    if not decision.choice.strip():
        raise BadInput("a decision needs a choice", hint='say what was chosen: --choice "LightGBM"')
    if decision.stage not in STAGES:
        raise BadInput(f"there is no stage {decision.stage!r}", hint=f"one of {', '.join(STAGES)}")
    if max(len(text) for text in (decision.choice, decision.title, *because)) > _LONGEST:
        raise BadInput(f"a text of more than {_LONGEST:,} characters", hint="keep it in a note and ingest that")
    if any(not reason.strip() for reason in because):
        raise BadInput("an empty reason", hint="leave --because out where there is none")


def _meant(ledger: Ledger, name: str) -> Decision:
    found = ledger.named(name)
    if not found:
        near = ", ".join(f"{one.id[:8]} ({one.title or one.choice})" for one in ledger.like(name)[:3])
        hint = f"nearest: {near}" if near else "`citewise why` shows what is recorded, with ids"
        raise BadInput(f"there is no decision {name!r} to supersede", hint=hint)
    if len(found) > 1:
        ids = ", ".join(one.id[:8] for one in found[:5])
        raise BadInput(f"{len(found)} decisions are meant by {name!r}", hint=f"name one by its id: {ids}")
    after = ledger.superseded_by(found[0])
    if after:
        said = after[0]
        hint = f"supersede what replaced it: {said.id[:8]} ({said.choice})"
        raise BadInput(f"{name!r} was superseded already", hint=hint)
    return found[0]


def _said(id: str, status: str, reason: str) -> Claim:
    text = reason.strip()
    cited = DecisionCitation(decision_id=id, status=status, source="ledger", quote=text)
    return Claim(text=text, verdict=Verdict.QUOTED, citations=(cited,))


def _new_id(decision: Decision, made: float) -> str:
    parts = (decision.stage, decision.title, decision.choice, decision.by or "", repr(made))
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


# -- reading -------------------------------------------------------------------------------------------------------


def ledger(catalogue: Catalogue) -> Ledger:
    """Return all decisions as they stand now."""
    with catalogue.read() as conn:
        return Ledger(_all(conn))


def renew(conn: Connection, source_id: int, found: Iterable[Decision]) -> None:
    """Put the decisions that a note records in the place of those that it recorded before."""
    d = schema.decisions
    conn.execute(delete(d).where(d.c.source_id == source_id))
    if rows := [{**_row(decision), "source_id": source_id} for decision in found]:
        conn.execute(insert(d), rows)


def verify(catalogue: Catalogue, citation: DecisionCitation) -> bool:
    """Tell whether the cited words still stand in the ledger, under the status that is cited."""
    known = ledger(catalogue)
    decision = known.get(citation.decision_id)
    if decision is None or known.status(decision) != citation.status:
        return False
    texts = (decision.choice, decision.title, *decision.alternatives, *(claim.text for claim in decision.reasons))
    return citation.quote != "" and citation.quote in texts


def _all(conn: Connection) -> tuple[Decision, ...]:
    d, s, r, c = schema.decisions, schema.sources, schema.roots, schema.collections
    query = (
        select(d, s.c.source, r.c.uri, c.c.name.label("collection"))
        .outerjoin(s, s.c.id == d.c.source_id)
        .outerjoin(r, r.c.id == s.c.root_id)
        .outerjoin(c, c.c.id == r.c.collection_id)
        .order_by(d.c.made, d.c.source_id, d.c.start, d.c.id)
    )
    return tuple(_decision(row) for row in conn.execute(query).mappings())


_AS_IS = ("id", "stage", "title", "choice", "status", "by", "made", "dataset")


def _row(decision: Decision) -> dict[str, Any]:
    replaced: list[Any] = [*decision.supersedes, *({"by": name} for name in decision.superseded_by)]
    return {
        **{name: getattr(decision, name) for name in _AS_IS},
        "alternatives": json.dumps(decision.alternatives),
        "reasons": json.dumps([claim_row(claim) for claim in decision.reasons]),
        "runs": json.dumps(decision.runs),
        "columns": json.dumps(decision.columns),
        "supersedes": json.dumps(replaced),
        "start": decision.span.start if decision.span else None,
        "end": decision.span.end if decision.span else None,
    }


def _decision(row: Any) -> Decision:
    replaced = json.loads(row["supersedes"])
    key = None
    if row["source_id"] is not None:
        key = SourceKey(collection=row["collection"], root=row["uri"], source=row["source"])
    return Decision(
        **{name: row[name] for name in _AS_IS},
        alternatives=tuple(json.loads(row["alternatives"])),
        reasons=tuple(claim_of(one, key) for one in json.loads(row["reasons"])),
        runs=tuple(json.loads(row["runs"])),
        columns=tuple(json.loads(row["columns"])),
        supersedes=tuple(name for name in replaced if isinstance(name, str)),
        superseded_by=tuple(name["by"] for name in replaced if isinstance(name, dict)),
        key=key,
        span=None if row["start"] is None else Span(start=row["start"], end=row["end"]),
    )
