"""A team's own words for what was logged: `auc` always means `val_auc` here, until somebody says otherwise."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from kb import schema
from kb.errors import BadInput
from kb.store import Catalogue

_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A word that means a logged name, who said so, and when, in seconds since 1970."""

    word: str
    meaning: str
    by: str | None
    made: float


def key_of(word: str) -> str:
    """Return a word as it is compared: lower case, with one blank for all that is neither letter nor digit."""
    return " ".join(re.findall(r"[^\W_]+", word.lower()))


def choose(catalogue: Catalogue, word: str, meaning: str, *, by: str | None = None) -> Alias:
    """Have `word` always mean `meaning`, in place of what it meant before. Raises BadInput for an empty or long one."""
    made = Alias(word=key_of(word), meaning=meaning.strip(), by=by, made=time.time())
    if not made.word or not made.meaning or max(len(made.word), len(made.meaning)) > _LONGEST:
        raise BadInput(
            f"an alias takes a word and a name of up to {_LONGEST} characters", hint="for example: auc val_auc"
        )
    a, values = schema.team_aliases, {"meaning": made.meaning, "by": made.by, "made": made.made}
    put = insert(a).values(word=made.word, **values).on_conflict_do_update(index_elements=[a.c.word], set_=values)
    with catalogue.write() as conn:
        conn.execute(put)
    return made


def listed(catalogue: Catalogue) -> tuple[Alias, ...]:
    """Return all aliases by their words."""
    a = schema.team_aliases
    with catalogue.read() as conn:
        rows = conn.execute(select(a).order_by(a.c.word)).mappings().all()
    return tuple(Alias(**row) for row in rows)


def remove(catalogue: Catalogue, word: str) -> bool:
    """Take an alias back; tell whether there was one."""
    a = schema.team_aliases
    with catalogue.write() as conn:
        return bool(conn.execute(delete(a).where(a.c.word == key_of(word))).rowcount)
