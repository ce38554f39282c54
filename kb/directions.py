"""Which values of a metric are better: what the tracker says, else what the metric's name says, else unknown.

Every direction in use stands in the catalogue with its reason; a person's correction stands above both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from kb import schema
from kb.records import Direction
from kb.store import Catalogue

_SMALLER_WORDS = (
    "loss losses error errors err rmse mse mae mape smape rmsle msle medae nll perplexity ppl bpc bpb wer cer ter fid "
    "time duration latency runtime seconds ms regret cost deviance brier ece logloss divergence kld crossentropy bce "
    "bouldin distance fpr fnr eer misclassification residual residuals mad rmsd rse violations aic bic"
)
_GREATER_WORDS = (
    "acc accuracy auc auroc auprc prauc rocauc roc ap map mar f1 f2 fbeta fscore precision recall sensitivity "
    "specificity r2 score return returns reward rewards sharpe sortino calmar silhouette iou miou dice jaccard bleu "
    "rouge meteor chrf ndcg mrr kappa mcc hit hits hitrate psnr ssim likelihood elbo loglik profit pnl winrate gini "
    "top1 top5 correlation pearson spearman kendall purity ari nmi ami homogeneity completeness calinski harabasz "
    "throughput fps tpr tnr coherence gain lift evidence"
)
_SMALLER, _GREATER = frozenset(_SMALLER_WORDS.split()), frozenset(_GREATER_WORDS.split())
_TOO_PLAIN = frozenset({"time", "cost", "gain", "lift", "hits", "return", "evidence", "distance"})
_ENDINGS = tuple(sorted(word for word in (_SMALLER | _GREATER) - _TOO_PLAIN if len(word) > 3))
_CHUNK = re.compile(r"[A-Za-z]+\d*")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NEGATED = frozenset({"neg", "negative", "minus"})

Known = Mapping[tuple[str | None, str], Direction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A metric's direction and why it is taken for that; `experiment` None: in all experiments."""

    metric: str
    direction: Direction
    reason: str
    experiment: str | None = None
    corrected: bool = False


def infer(metric: str) -> Told | None:
    """Return the direction that a metric's name tells by its last telling word; None where it tells none."""
    chunks = _CHUNK.findall(metric)
    told = [word for chunk in reversed(chunks) if (word := _telling(chunk)) is not None]
    if not told:
        return None
    # "score" is said of errors too: another word tells more.
    word = next((word for word in told if word != "score"), told[0])
    direction = Direction.MINIMIZE if word in _SMALLER else Direction.MAXIMIZE
    if direction is Direction.MINIMIZE and _NEGATED & {chunk.lower() for chunk in chunks}:
        return Told(metric=metric, direction=Direction.MAXIMIZE, reason=f"its name says a negated {word!r}")
    return Told(metric=metric, direction=direction, reason=f"its name says {word!r}")


def _telling(chunk: str) -> str | None:
    return next((word for word in _readings(chunk) if word in _SMALLER or word in _GREATER), None)


def _readings(chunk: str) -> Iterator[str]:
    """Yield the words that a piece of a name may be read as: whole, without its number, its parts, its ending."""
    lower = chunk.lower()
    yield lower
    yield lower.rstrip("0123456789")
    yield from (part.lower() for part in reversed(_CAMEL.findall(chunk)))
    bare = lower.rstrip("0123456789")
    yield from (word for word in _ENDINGS if bare.endswith(word))


def corrections(conn: Connection) -> dict[tuple[str | None, str], Direction]:
    """Return what persons corrected, by experiment (None: all) and metric."""
    d = schema.run_directions
    rows = conn.execute(select(d.c.experiment, d.c.metric, d.c.direction).where(d.c.corrected == 1))
    return {(row.experiment, row.metric): Direction(row.direction) for row in rows}


def decide(metric: str, experiment: str | None, tracker: str, told: Direction | None, known: Known) -> Told | None:
    """Return a metric's direction: a person's word stands above the tracker's, and that above the name's."""
    corrected = known.get((experiment, metric)) or known.get((None, metric))
    if corrected is not None:
        return Told(metric=metric, direction=corrected, reason="corrected", corrected=True)
    if told is not None:
        reason = f"{tracker} says so"
        return Told(metric=metric, direction=told, reason=reason, experiment=experiment)
    return infer(metric)


def keep(conn: Connection, found: Iterable[Told]) -> None:
    """Store directions with their reasons; what a person corrected stays."""
    for told in found:
        if not told.corrected:
            _put(conn, told)


def _put(conn: Connection, told: Told) -> None:
    d = schema.run_directions
    same = _where(told.metric, told.experiment)
    row = conn.execute(select(d.c.id, d.c.direction, d.c.corrected).where(*same)).first()
    values = {"direction": told.direction.value, "reason": told.reason, "corrected": int(told.corrected)}
    if row is None:
        conn.execute(insert(d).values(metric=told.metric, experiment=told.experiment, **values))
    elif told.corrected or (not row.corrected and row.direction != told.direction.value):
        conn.execute(update(d).where(d.c.id == row.id).values(**values))


def _where(metric: str, experiment: str | None) -> tuple[Any, ...]:
    d = schema.run_directions
    return d.c.metric == metric, d.c.experiment.is_(None) if experiment is None else d.c.experiment == experiment


def directions(catalogue: Catalogue, metric: str | None = None) -> tuple[Told, ...]:
    """Return the directions in use with their reasons, of all metrics or of one."""
    d = schema.run_directions
    query = select(d).order_by(d.c.metric, d.c.experiment)
    if metric is not None:
        query = query.where(d.c.metric == metric)
    with catalogue.read() as conn:
        rows = conn.execute(query).all()
    return tuple(
        Told(
            metric=row.metric,
            direction=Direction(row.direction),
            reason=row.reason,
            experiment=row.experiment,
            corrected=bool(row.corrected),
        )
        for row in rows
    )


def correct_direction(
    catalogue: Catalogue, metric: str, direction: Direction, *, experiment: str | None = None, reason: str = "corrected"
) -> int:
    """Say which values of a metric are better, in one experiment or in all; return how many runs have the metric."""
    m, r = schema.run_metrics, schema.runs
    told = Told(metric=metric, direction=direction, reason=reason, experiment=experiment, corrected=True)
    with catalogue.write() as conn:
        _put(conn, told)
        meant = [m.c.name == metric]
        if experiment is not None:
            meant.append(m.c.run_id.in_(select(r.c.id).where(r.c.experiment == experiment)))
        else:
            kept = select(schema.run_directions.c.experiment).where(
                schema.run_directions.c.metric == metric,
                schema.run_directions.c.corrected == 1,
                schema.run_directions.c.experiment.is_not(None),
            )
            inside = or_(r.c.experiment.is_(None), r.c.experiment.not_in(kept))
            meant.append(m.c.run_id.in_(select(r.c.id).where(inside)))
        return conn.execute(update(m).where(*meant).values(direction=direction.value)).rowcount


def prune(conn: Connection, *, corrected: bool = False) -> None:
    """Remove directions of metrics that no run has any more; those that a person gave only where `corrected`."""
    d = schema.run_directions
    gone = delete(d).where(d.c.metric.not_in(select(schema.run_metrics.c.name)))
    conn.execute(gone if corrected else gone.where(d.c.corrected == 0))
