"""What a folder with runs holds before it is ingested, and afterwards the best run of its largest experiment."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.runs_found import History
    from kb.run_listing import Listing
    from kb.store import Catalogue

SECONDS = 5.0
"""How long runs are looked at to say how many experiments they belong to."""
SHOWN = 4
_SPLITS = {"valid": 3, "test": 2, None: 1, "train": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One history in a folder; `experiments` is None where there was no time to count them."""

    source: str
    kind: str
    runs: int
    experiments: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """What could be ingested in a folder."""

    histories: tuple[Found, ...]
    documents: dict[str, int]

    def json(self) -> dict[str, Any]:
        """Return it as `citewise --json` says it."""
        names = ("source", "kind", "runs", "experiments")
        found = [{name: getattr(one, name) for name in names} for one in self.histories]
        return {"found": self.documents, **({"histories": found} if found else {})}

    def words(self) -> str:
        """Return it as one line."""
        return "; ".join([*_places(self.histories), *(f"{n:,} {kind}" for kind, n in self.documents.items())])


def here(folder: Path) -> Here:
    """Look for runs in a folder, and for the documents beside them."""
    from ingest.sync import plan_over

    planned = plan_over((), [str(folder)])
    until = time.monotonic() + SECONDS
    histories = tuple(_looked(history, until) for history in planned.runs.todo)
    documents = Counter(item.kind for item in planned.adds if item.problem is None)
    return Here(histories=tuple(one for one in histories if one.runs), documents=dict(documents.most_common()))


def _looked(history: History, until: float) -> Found:
    """Count runs and experiments without reading the points of a metric."""
    from itertools import chain

    from ingest.trackers import READERS
    from kb.records import Run

    experiments, runs = set[str | None](), 0
    for item in chain.from_iterable(READERS[part.kind](part) for part in history.parts):
        if time.monotonic() > until:
            return Found(source=history.key.source, kind=history.kind, runs=history.count or runs, experiments=None)
        if isinstance(item, Run) and not item.loose:
            runs += 1
            experiments.add(item.experiment)
    return Found(source=history.key.source, kind=history.kind, runs=runs, experiments=len(experiments))


def _places(histories: Sequence[Found]) -> Iterator[str]:
    studies = [one for one in histories if one.kind.startswith("optuna")]
    others = sorted((one for one in histories if one not in studies), key=lambda one: -one.runs)
    for one in others[:SHOWN]:
        within = f" in {_plural(one.experiments, 'experiment')}" if (one.experiments or 0) > 1 else ""
        yield f"{one.source}: {_plural(one.runs, 'run')}{within}"
    if rest := others[SHOWN:]:
        yield f"{_plural(sum(one.runs for one in rest), 'run')} in {_plural(len(rest), 'other place')}"
    if studies:
        known = sum(one.experiments or 0 for one in studies)
        named = "1 Optuna study" if known == 1 else f"{known:,} Optuna studies" if known else "Optuna studies"
        yield f"{named} ({_plural(sum(one.runs for one in studies), 'trial')})"


def _plural(n: int | None, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


# -- after the ingest ----------------------------------------------------------------------------------------------


def best_lines(catalogue: Catalogue) -> list[str]:
    """Return the best run of the largest experiment in words, with where its value stands; [] where there is none."""
    from kb.run_listing import Asked, listing

    largest = _largest(catalogue)
    if largest is None or (metric := _telling(catalogue, largest)) is None:
        return []
    experiment, source, runs, _ = largest
    place = f"source = {json.dumps(source, ensure_ascii=False)}"
    where = f"experiment = none and {place}" if experiment is None else f"experiment = {_quoted(experiment)}"
    found = listing(catalogue, Asked(where=where, metric=metric[0], split=metric[1], limit=5))
    return [f"Largest experiment: {experiment or source} ({_plural(runs, 'run')}). {_best(found)}", *_citation(found)]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


Largest = tuple[str | None, str, int, int]


def _largest(catalogue: Catalogue) -> Largest | None:
    """Return experiment, source, number of runs and source id of what most runs belong to."""
    from sqlalchemy import func, select

    from kb import schema

    r, s = schema.runs, schema.sources
    query = (
        select(r.c.experiment, s.c.source, func.count().label("n"), s.c.id)
        .join(s, s.c.id == r.c.source_id)
        .where(r.c.deleted == 0, r.c.loose == 0)
        .group_by(r.c.experiment, s.c.id, s.c.source)
        .order_by(func.count().desc(), s.c.id)
    )
    with catalogue.read() as conn:
        row = conn.execute(query.limit(1)).first()
    return None if row is None else (row.experiment, row.source, row.n, row.id)


def _telling(catalogue: Catalogue, largest: Largest) -> tuple[str, str | None] | None:
    """Return the metric that tells best how good its runs are: one that many have, on data they did not see."""
    from sqlalchemy import func, select

    from kb import schema

    experiment, _, runs, source_id = largest
    m, r = schema.run_metrics, schema.runs
    query = (
        select(m.c.name, m.c.split, func.count().label("n"), func.min(m.c.id).label("first"))
        .join(r, r.c.id == m.c.run_id)
        .where(r.c.experiment.is_not_distinct_from(experiment), r.c.source_id == source_id, r.c.deleted == 0)
        .where(m.c.direction.is_not(None), m.c.last.is_not(None))
        .group_by(m.c.name, m.c.split)
    )
    with catalogue.read() as conn:
        rows = conn.execute(query).all()
    common = [row for row in rows if 2 * row.n >= runs] or rows
    if not common:
        return None
    best = max(common, key=lambda row: (_SPLITS.get(row.split, 0), row.n, -row.first))
    return best.name, best.split


def _best(found: Listing) -> str:
    from ui.run_table import number

    values = [metric.last for row in found.rows if (metric := found.value(row)) is not None]
    tied = sum(place == 1 for place in found.places)
    more = "at least " if tied == len(found.rows) < found.total else ""
    with_others = f", tied by {more}{tied:,} runs" if tied > 1 else ""
    name = found.metric.name if found.metric else ""
    return f"Best {name}: {number(values[0])}{with_others}"


def _citation(found: Listing) -> Iterable[str]:
    row = found.rows[0]
    metric = found.value(row)
    step = f", step {metric.figures.last_step}" if metric and metric.figures.last_step is not None else ""
    named = f" {row.name}" if row.name and row.name != row.run_id else ""
    yield f"  run {row.run_id} ({row.main_source}, metrics.{metric.name if metric else ''}{step}){named}"
