"""Which stored answers cite a run: turns of conversations, found by the claims that were given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from kb import schema
from kb.runs import RunRow
from kb.store import Catalogue

MOST = 20
LOOKED_AT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CitingAnswer:
    """A turn of a conversation whose answer cites a run, with the claims that do."""

    conversation: str
    title: str
    question: str
    asked: float
    claims: tuple[str, ...]


def citing(catalogue: Catalogue, run: RunRow, *, most: int = MOST) -> tuple[CitingAnswer, ...]:
    """Return the latest answers that cite a run, newest first, among the last 500 that name its id."""
    t, c = schema.turns, schema.conversations
    named = json.dumps(run.run_id, ensure_ascii=False)
    query = (
        select(t.c.conversation_id, c.c.title, t.c.question, t.c.asked, t.c.answer)
        .join(c, c.c.id == t.c.conversation_id)
        .where(func.instr(t.c.answer, named) > 0)
        .order_by(t.c.id.desc())
        .limit(LOOKED_AT)
    )
    found: list[CitingAnswer] = []
    with catalogue.read() as conn:
        for row in conn.execute(query):
            claims = _claims(row.answer, run)
            if claims:
                found.append(
                    CitingAnswer(
                        conversation=row.conversation_id,
                        title=row.title,
                        question=row.question,
                        asked=row.asked,
                        claims=claims,
                    )
                )
            if len(found) == most:
                break
    return tuple(found)


def _claims(answer: str, run: RunRow) -> tuple[str, ...]:
    told: list[dict[str, Any]] = json.loads(answer).get("claims") or []
    return tuple(
        str(claim.get("text", "")) for claim in told if any(_is(one, run) for one in claim.get("citations") or ())
    )


def _is(citation: dict[str, Any], run: RunRow) -> bool:
    """Tell whether a citation names the run as `kb.run_verify.cited_runs` finds it."""
    return (
        citation.get("kind") == "run"
        and citation.get("run_id") == run.run_id
        and citation.get("source") == run.main_source
        and citation.get("tracker") == run.tracker
        and citation.get("experiment") == run.experiment
        and citation.get("copy", 0) == run.copy
        and citation.get("root") in (None, "", run.source.root)
    )
