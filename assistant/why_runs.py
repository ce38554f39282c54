"""What runs tell about a choice: a reason that somebody wrote into a run, else what the values tried came to."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from assistant.run_cite import called, cite, figure, metric_citation
from assistant.why_subject import Subject, part
from kb import runs as run_store
from kb import schema
from kb.decision_notes import causal
from kb.records import Direction
from kb.runs import RunRow
from kb.store import Catalogue, batches
from kb.text import kin, sentences, terms
from kb.types import Claim, Verdict

MOST_NOTES = 5_000
MOST_VALUES = 4
_SHORTEST_NOTE = 12
_CAUSES = ("because", "since", "due to", "owing to", "so that", "in order to", "reason", "therefore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A sentence of a document, or of the tag of a `run`, that gives a reason; `share` of the subject it speaks of."""

    claim: Claim
    share: float
    run: RunRow | None = None


def notes_in_runs(catalogue: Catalogue, subject: Subject) -> tuple[Written, ...]:
    """Return the sentences in runs' tags that give a reason for the subject, best first."""
    t, r = schema.run_tags, schema.runs
    spoken = or_(*(t.c.value.ilike(f"%{cause}%") for cause in _CAUSES))
    query = (
        select(t.c.run_id, t.c.name, t.c.value)
        .join(r, r.c.id == t.c.run_id)
        .where(spoken, func.length(t.c.value) >= _SHORTEST_NOTE, r.c.deleted == 0)
        .limit(MOST_NOTES)
    )
    with catalogue.read() as conn:
        rows = conn.execute(query).all()
    scored = [
        (subject.share([part(1.0, said), part(0.5, row.value)]), row, said)
        for row in rows
        for span in sentences(row.value)
        if causal(said := span.of(row.value))
    ]
    best = sorted((one for one in scored if one[0] > 0), key=lambda one: (-one[0], one[1].run_id))[:MOST_VALUES]
    runs = {run.pk: run for run in run_store.runs(catalogue, pks=list(dict.fromkeys(row.run_id for _, row, _ in best)))}
    return tuple(
        Written(run=runs[row.run_id], claim=_quoted(runs[row.run_id], row.name, row.value, said), share=share)
        for share, row, said in best
    )


def _quoted(run: RunRow, name: str, value: str, said: str) -> Claim:
    return Claim(text=said, verdict=Verdict.QUOTED, citations=(cite(run, f"tags.{name}", value),))


# -- what the values tried came to -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What runs show of a choice: claims, the runs behind them, and which words of the subject they account for."""

    claims: tuple[Claim, ...]
    runs: tuple[RunRow, ...]
    words: frozenset[str]


def shown_by_runs(catalogue: Catalogue, subject: Subject) -> Shown:
    """Return what the runs show of the parameters that the subject names, value by value."""
    with catalogue.read() as conn:
        named = [(leaf, words) for leaf in _leaves(conn) if (words := _named(leaf, subject))]
        named += _valued(conn, subject, {leaf for leaf, _ in named})
        named.sort(key=lambda one: -len(one[1]))
        found = [_values(conn, leaf) for leaf, _ in named[:1]]
    claims: list[Claim] = []
    runs: dict[int, RunRow] = {}
    for one in found:
        for claim, run in _told(catalogue, one, subject):
            claims.append(claim)
            runs[run.pk] = run
    words = frozenset(word for _, found_words in named[:1] for word in found_words)
    return Shown(claims=tuple(claims), runs=tuple(runs.values()), words=words if claims else frozenset())


def _leaves(conn: Connection) -> Iterator[str]:
    """Yield the different last parts of parameter names, one look-up in the index each."""
    p = schema.run_params
    leaf = conn.scalar(select(func.min(p.c.leaf)))
    while leaf is not None:
        yield leaf
        leaf = conn.scalar(select(func.min(p.c.leaf)).where(p.c.leaf > leaf))


def _named(leaf: str, subject: Subject) -> frozenset[str]:
    """Return the words of the subject that name a parameter; all parts of its name, or its last one with its number."""
    parts = [term for term in terms(leaf) if len(term) > 1]
    pairs = {word for word in subject.words if any(word == one or kin(word, one) for one in parts)}
    whole = "".join(parts[:-1]) if len(parts) > 1 else leaf
    hit = sum(any(word == one or kin(word, one) for word in subject.words) for one in parts)
    enough = bool(parts) and (hit >= len([one for one in parts if one != whole]) or (hit and bool(subject.numbers)))
    return frozenset(pairs) if enough else frozenset()


def _valued(conn: Connection, subject: Subject, known: set[str]) -> list[tuple[str, frozenset[str]]]:
    """Return parameters that have a value of the subject's words where no name matches."""
    if known or not subject.words:
        return []
    p = schema.run_params
    spelled = [form for word in subject.words for form in (word, word.capitalize(), word.upper())]
    rows = [row for part in batches(spelled) for row in conn.execute(
        select(p.c.leaf, p.c.text).where(p.c.text.in_(part), p.c.kind == "text").distinct().limit(50))]  # fmt: skip
    return [(row.leaf, frozenset({row.text.lower()})) for row in rows]


def _values(conn: Connection, leaf: str) -> dict[str, list[int]]:
    """Return the runs by the value that they logged for a parameter, deleted ones left out."""
    p, r = schema.run_params, schema.runs
    query = (
        select(p.c.text, p.c.run_id, p.c.name)
        .join(r, r.c.id == p.c.run_id)
        .where(p.c.leaf == leaf, p.c.text.is_not(None), r.c.deleted == 0, r.c.loose == 0)
    )
    found: dict[str, list[int]] = defaultdict(list)
    for row in conn.execute(query):
        found[row.text].append(row.run_id)
    found["\0name"] = [leaf]  # type: ignore[list-item]
    return found


def _told(catalogue: Catalogue, values: dict[str, list[int]], subject: Subject) -> Iterator[tuple[Claim, RunRow]]:
    leaf: Any = values.pop("\0name")[0]
    metric = _metric(catalogue, [pk for pks in values.values() for pk in pks])
    best = {value: _best(catalogue, pks, metric) for value, pks in values.items()}
    asked = {value: _is_asked(value, subject) for value in values}
    order = sorted(values, key=lambda value: (not asked[value], _rank(best[value], metric), value))
    runs = {run.pk: run for run in run_store.runs(catalogue, pks=[best[value][0] for value in order[:MOST_VALUES]])}
    for value in order[:MOST_VALUES]:
        run = runs[best[value][0]]
        yield _claim(run, leaf, len(values[value]), metric), run


def _claim(run: RunRow, leaf: str, n: int, metric: tuple[str, str | None, Direction | None] | None) -> Claim:
    param = next(one for one in run.params.values() if one.name.lower().endswith(leaf))
    cited = [cite(run, f"params.{param.name}", param.value)]
    counted = f"{n} run{'' if n == 1 else 's'} logged {param.name} = {param.text}"
    reached = run.metric(metric[0], metric[1]) if metric else None
    if reached is None or not math.isfinite(reached.last):
        return Claim(text=f"{counted}, such as {called(run)}.", verdict=Verdict.COMPUTED, citations=tuple(cited))
    cited.append(metric_citation(run, reached))
    told = "best" if metric and metric[2] and n > 1 else "value of"
    text = f"{counted}; the {told} {reached.name} is {figure(reached.last)} ({called(run)})."
    if n == 1:
        text = f"{counted}: {reached.name} is {figure(reached.last)} ({called(run)})."
    return Claim(text=text, verdict=Verdict.COMPUTED, citations=tuple(cited))


def _is_asked(value: str, subject: Subject) -> bool:
    try:
        return float(value) in subject.numbers
    except ValueError:
        return any(word in subject.words for word in terms(value))


def _metric(catalogue: Catalogue, pks: Sequence[int]) -> tuple[str, str | None, Direction | None] | None:
    """Return the metric that most of the runs logged, one with a known direction first."""
    m = schema.run_metrics
    counts: Counter[tuple[str, str | None, str | None]] = Counter()
    query = select(m.c.name, m.c.split, m.c.direction, func.count().label("n")).group_by(
        m.c.name, m.c.split, m.c.direction
    )
    with catalogue.read() as conn:
        for part_ in batches(pks):
            for row in conn.execute(query.where(m.c.run_id.in_(part_), m.c.last.is_not(None))):
                counts[row.name, row.split, row.direction] += row.n
    if not counts:
        return None
    name, split, direction = max(
        counts, key=lambda one: (one[2] is not None, one[1] in ("valid", "test"), counts[one], one[0])
    )
    return name, split, Direction(direction) if direction else None


def _best(
    catalogue: Catalogue, pks: Sequence[int], metric: tuple[str, str | None, Direction | None] | None
) -> tuple[int, float | None]:
    """Return the run with the best last value of the metric and that value; the first run where none has it."""
    if metric is None:
        return min(pks), None
    name, split, direction = metric
    m = schema.run_metrics
    query = select(m.c.run_id, m.c.last).where(
        m.c.name == name, m.c.split == split if split else m.c.split.is_(None), m.c.last.is_not(None)
    )
    with catalogue.read() as conn:
        rows = [row for part_ in batches(pks) for row in conn.execute(query.where(m.c.run_id.in_(part_)))]
    if not rows:
        return min(pks), None
    sign = 1 if direction is Direction.MINIMIZE else -1
    best = min(rows, key=lambda row: (sign * row.last, row.run_id))
    return best.run_id, best.last


def _rank(best: tuple[int, float | None], metric: tuple[str, str | None, Direction | None] | None) -> float:
    if best[1] is None or metric is None:
        return math.inf
    return best[1] if metric[2] is Direction.MINIMIZE else -best[1]
