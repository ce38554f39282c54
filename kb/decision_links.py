"""What a decision names: runs by id or unique name, and documents by file name. Found when read, so that it holds
whichever was ingested first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import or_, select

from kb import runs as run_store
from kb import schema
from kb.decisions import Decision
from kb.runs import RunRow
from kb.store import Catalogue, batches
from kb.types import SourceKey

_TOKEN = re.compile(r"[^\W_](?:[\w./#:@-]*\w)?")
_FILE = re.compile(r"[\w./-]+\.(?:md|rst|txt|ipynb|pdf|docx|html?|csv|json|ya?ml)\b", re.IGNORECASE)
_WHOSE = r"\b(?:runs?|trials?|experiments?|ids?|jobs?|trainings?|models?)\b[\s:#'\"`(]{1,4}"
_OTHERS = r"(?:[\w./#:@-]+[`'\"]?(?:,\s*(?:and\s+)?|\s+(?:and|or|vs)\s+)[`'\"]?){0,6}"
MOST = 400
"""Names that are looked up in one text at most."""


def runs_named(catalogue: Catalogue, text: str) -> tuple[RunRow, ...]:
    """Return the runs that a text names by their ids or by names that only one run has, in the text's order.

    A name that could be an ordinary word or number counts only after *run*, *trial* or the like.
    """
    tokens = list(dict.fromkeys(piece for match in _TOKEN.finditer(text) for piece in _pieces(match[0])))[:MOST]
    telling = [token for token in tokens if _is_telling(token) or _is_announced(token, text)]
    found = {**_by(catalogue, "name", telling), **_by(catalogue, "run_id", telling)}
    pks = [pks[0] for token in telling if len(pks := found.get(token, ())) == 1]
    return run_store.runs(catalogue, pks=list(dict.fromkeys(pks)))


def runs_of(catalogue: Catalogue, decision: Decision, text: str) -> tuple[tuple[RunRow, ...], tuple[str, ...]]:
    """Return the runs behind a decision, those given first, then those in its `text`; and names that mean no run."""
    found: dict[int, RunRow] = {}
    unknown = []
    for name in decision.runs:
        rows = run_store.find(catalogue, name)
        rows = rows if len(rows) == 1 else runs_named(catalogue, f"run {name}")
        if not rows:
            unknown.append(name)
        found |= {row.pk: row for row in rows}
    found |= {row.pk: row for row in runs_named(catalogue, text)}
    return tuple(found.values()), tuple(unknown)


def documents_of(catalogue: Catalogue, text: str) -> tuple[SourceKey, ...]:
    """Return the stored sources whose file names a text mentions."""
    names = list(dict.fromkeys(match[0].lower().lstrip("./") for match in _FILE.finditer(text)))[:MOST]
    if not names:
        return ()
    sources = [source.key for source in catalogue.sources() if source.documents]
    return tuple(key for name in names for key in sources if _ends(key.source.lower(), name))


def _ends(source: str, name: str) -> bool:
    return source == name or source.endswith(f"/{name}")


def _pieces(token: str) -> Iterable[str]:
    yield token
    if bare := token.rstrip(".:/"):
        yield bare


def _is_telling(token: str) -> bool:
    """Tell whether a token looks like a name somebody made: letters with digits or joints, or a long hexadecimal id."""
    letters = any(c.isalpha() for c in token)
    joined = any(c in "_-/#" for c in token[1:-1])
    return letters and len(token) >= 4 and (joined or any(c.isdigit() for c in token))


def _is_announced(token: str, text: str) -> bool:
    return re.search(_WHOSE + _OTHERS + re.escape(token) + r"(?![\w-])", text, re.IGNORECASE) is not None


def _by(catalogue: Catalogue, column: str, tokens: Sequence[str]) -> dict[str, tuple[int, ...]]:
    r = schema.runs
    of = r.c[column]
    found: dict[str, tuple[int, ...]] = {}
    with catalogue.read() as conn:
        for part in batches(tokens):
            query = select(r.c.id, of.label("of")).where(or_(of.in_(part)), r.c.loose == 0).order_by(r.c.id)
            for row in conn.execute(query):
                found[row.of] = (*found.get(row.of, ()), row.id)
    return found
