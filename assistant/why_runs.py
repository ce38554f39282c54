"""What runs tell about a choice: a reason that somebody wrote into a run, else what the values tried came to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

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
SAMPLE = 500
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
class _Metric:
    """Which metric tells what values came to."""

    name: str
    split: str | None
    direction: Direction | None


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
        if not named:
            return Shown(claims=(), runs=(), words=frozenset())
        leaf, words = named[0]
        metric = _metric(conn, leaf)
        values = _values(conn, leaf, metric)
    told = tuple(_told(catalogue, leaf, values, metric, subject))
    runs = {run.pk: run for _, run in told}
    return Shown(claims=tuple(claim for claim, _ in told), runs=tuple(runs.values()), words=words)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A value of a parameter: how many runs logged it, one of them, and the best that the metric came to."""

    runs: int
    one: int
    figure: float | None


def _of_leaf(leaf: str) -> Any:
    p, r = schema.run_params, schema.runs
    kept = (p.c.leaf == leaf, p.c.text.is_not(None), r.c.deleted == 0, r.c.loose == 0)
    return select(p.c.run_id).join(r, r.c.id == p.c.run_id).where(*kept)


def _values(conn: Connection, leaf: str, metric: _Metric | None) -> dict[str, _Value]:
    """Return the values that runs logged for a parameter, each with the best that the metric came to."""
    p, m = schema.run_params, schema.run_metrics
    up = metric is not None and metric.direction is Direction.MAXIMIZE
    extreme = func.max(m.c.last) if up else func.min(m.c.last)
    query = (
        _of_leaf(leaf)
        .outerjoin(m, _is_metric(metric, p.c.run_id))
        .with_only_columns(p.c.text, func.count(), func.min(p.c.run_id), extreme)
        .group_by(p.c.text)
    )
    return {text: _Value(runs=n, one=pk, figure=best) for text, n, pk, best in conn.execute(query)}


def _is_metric(metric: _Metric | None, run: Any) -> Any:
    m = schema.run_metrics
    same = m.c.split.is_(None) if metric is None or metric.split is None else m.c.split == metric.split
    return and_(m.c.run_id == run, m.c.name == (metric.name if metric else ""), same)


def _best_run(conn: Connection, leaf: str, text: str, value: _Value, metric: _Metric | None) -> int:
    """Return the first run with a value of the parameter whose metric is the best among them."""
    p, m = schema.run_params, schema.run_metrics
    if value.figure is None:
        return value.one
    query = _of_leaf(leaf).join(m, _is_metric(metric, p.c.run_id)).where(p.c.text == text, m.c.last == value.figure)
    return int(conn.scalar(query.order_by(p.c.run_id).limit(1)) or value.one)


def _metric(conn: Connection, leaf: str) -> _Metric | None:
    """Return the metric that most of some runs logged, one with a known direction first."""
    m = schema.run_metrics
    some = _of_leaf(leaf).limit(SAMPLE)
    query = (
        select(m.c.name, m.c.split, m.c.direction, func.count().label("n"))
        .where(m.c.run_id.in_(some), m.c.last.is_not(None))
        .group_by(m.c.name, m.c.split, m.c.direction)
    )
    rows = conn.execute(query).all()
    if not rows:
        return None
    best = max(rows, key=lambda row: (row.direction is not None, row.split in ("valid", "test"), row.n, row.name))
    return _Metric(name=best.name, split=best.split, direction=Direction(best.direction) if best.direction else None)


def _told(
    catalogue: Catalogue, leaf: str, values: dict[str, _Value], metric: _Metric | None, subject: Subject
) -> Iterator[tuple[Claim, RunRow]]:
    """Yield what the values came to: those asked for first, then the best."""
    sign = -1 if metric is not None and metric.direction is Direction.MAXIMIZE else 1

    def place(text: str) -> tuple[bool, float, str]:
        reached = values[text].figure
        return (not _is_asked(text, subject), math.inf if reached is None else sign * reached, text)

    shown = sorted(values, key=place)[:MOST_VALUES]
    with catalogue.read() as conn:
        pks = {text: _best_run(conn, leaf, text, values[text], metric) for text in shown}
    runs = {run.pk: run for run in run_store.runs(catalogue, pks=list(dict.fromkeys(pks.values())))}
    for text in shown:
        run = runs[pks[text]]
        yield _claim(run, leaf, values[text].runs, metric), run


def _claim(run: RunRow, leaf: str, n: int, metric: _Metric | None) -> Claim:
    param = next(one for one in run.params.values() if one.name.lower().endswith(leaf))
    cited = [cite(run, f"params.{param.name}", param.value)]
    counted = f"{n} run{'' if n == 1 else 's'} logged {param.name} = {param.text}"
    reached = run.metric(metric.name, metric.split) if metric else None
    if reached is None or not math.isfinite(reached.last):
        return Claim(text=f"{counted}, such as {called(run)}.", verdict=Verdict.COMPUTED, citations=tuple(cited))
    cited.append(metric_citation(run, reached))
    best = "; the best" if metric and metric.direction and n > 1 else ":"
    text = f"{counted}{best} {reached.name} is {figure(reached.last)} ({called(run)})."
    return Claim(text=text, verdict=Verdict.COMPUTED, citations=tuple(cited))


def _is_asked(value: str, subject: Subject) -> bool:
    try:
        return float(value) in subject.numbers
    except ValueError:
        return any(word in subject.words for word in terms(value))
