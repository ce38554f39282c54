"""A stored run in words and in citations, for answers that show single stored values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kb.records import Split
from kb.runs import RunMetric, RunRow
from kb.types import Claim, RunCitation, Verdict


def cite(run: RunRow, field: str, value: Any, *, step: int | None = None, split: str | None = None) -> RunCitation:
    """Return the citation of a stored value of a run."""
    return RunCitation(
        source=run.main_source,
        tracker=run.tracker,
        experiment=run.experiment,
        run_id=run.run_id,
        field=field,
        value=value,
        step=step,
        split=split,
        root=run.source.root,
        copy=run.copy,
    )


def called(run: RunRow) -> str:
    """Return what a run is called: its name with its id, or its id."""
    return f"{run.name} ({run.run_id})" if run.name and run.name != run.run_id else run.run_id


def figure(value: float) -> str:
    """Return a number so that it reads back as the same number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def main_metrics(runs: Sequence[RunRow], text: str = "", most: int = 2) -> tuple[tuple[str, str | None], ...]:
    """Return the metrics that tell most of runs: named in `text`, else on validation or test data, logged by most."""
    counts: dict[tuple[str, str | None], float] = {}
    lowered = text.lower()
    for run in runs:
        for metric in run.metrics:
            key = (metric.name, metric.split)
            counts[key] = counts.get(key, 0.0) + 1 + _weight(metric, lowered)
    ranked = sorted(counts, key=lambda key: (-counts[key], key[0], key[1] or ""))
    return tuple(ranked[:most])


def _weight(metric: RunMetric, text: str) -> float:
    named = 4.0 if metric.name.lower() in text else 0.0
    measured = {Split.VALID: 0.6, Split.TEST: 0.5}.get(Split(metric.split), 0.0) if metric.split else 0.0
    return named + measured + (0.25 if metric.direction else 0.0) - (5.0 if not math.isfinite(metric.last) else 0.0)


def value_claim(run: RunRow, metrics: Sequence[tuple[str, str | None]]) -> Claim | None:
    """Return what a run reached as one claim with a citation for each number; None where it has none of the metrics."""
    told = [metric for name, split in metrics if (metric := run.metric(name, split)) is not None]
    if not told:
        return None
    said = ", ".join(f"{metric.name} = {figure(metric.last)}" for metric in told)
    cited = tuple(metric_citation(run, metric) for metric in told)
    return Claim(text=f"Run {called(run)}: {said}.", verdict=Verdict.COMPUTED, citations=cited)


def metric_citation(run: RunRow, metric: RunMetric) -> RunCitation:
    """Return the citation of a metric's last value."""
    step = metric.figures.last_step
    return cite(run, f"metrics.{metric.name}", metric.last, step=step, split=metric.split)
