"""Whether what a report says of runs is what is stored: values, differences, parameters, steps, and who is better."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.check_names import MetricMention, RunMention, metrics_of, split_of_metric
from assistant.check_numbers import Number, agrees, exact, nearly, scales
from assistant.run_cite import called, cite, figure
from kb import runs as run_store
from kb.records import Direction
from kb.runs import RunMetric, RunRow
from kb.store import Catalogue
from kb.types import RunCitation

MATCHES, ROUNDED, WRONGLY, CONTRADICTS, NO_RECORD = "matches", "rounded", "rounded_wrong", "contradicts", "no_record"
WRONG = frozenset({WRONGLY, CONTRADICTS})
_ORDER = {MATCHES: 0, ROUNDED: 1, WRONGLY: 2, CONTRADICTS: 3, NO_RECORD: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was found about one claim: its status, in words why, and the stored values it was held against."""

    status: str
    said: str
    cited: tuple[RunCitation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """A stored value of a metric that a number may be: last or best."""

    run: RunRow
    metric: RunMetric
    kind: str
    value: float
    step: int | None


def value(
    number: Number, mention: RunMention, metric: MetricMention | None, step: int | None, catalogue: Catalogue
) -> Judged:
    """Judge a number that is said to be a metric of a run, at a step where one is told."""
    if not mention.runs:
        return Judged(status=NO_RECORD, said=f"no run {mention.text!r} is stored")
    found = [figure for run in mention.runs for figure in _figures(run, metric, step, catalogue)]
    if not found:
        return _not_logged(number, mention.runs, metric, step)
    judged = [_held(number, one) for one in found]
    best = min(judged, key=lambda one: _ORDER[one.status])
    if best.status != CONTRADICTS:
        return best
    near = min(found, key=lambda one: abs(one.value - float(number.value)))
    hint = _instead(number, mention.runs, near)
    return Judged(
        status=CONTRADICTS,
        said=f"{near.metric.name} of {called(near.run)} is {figure(near.value)}{_at(near)}{hint}",
        cited=(_cited(near),),
    )


def _figures(run: RunRow, metric: MetricMention | None, step: int | None, catalogue: Catalogue) -> Iterator[_Figure]:
    metrics = metrics_of(run, metric) if metric else run.metrics
    for one in metrics:
        if step is not None:
            yield from _at_step(run, one, step, catalogue)
            continue
        f = one.figures
        if math.isfinite(one.last):
            yield _Figure(run=run, metric=one, kind="last", value=one.last, step=f.last_step)
        if one.best is not None:
            yield _Figure(run=run, metric=one, kind="best", value=one.best, step=one.best_step)
        elif one.direction is None and f.high is not None and f.low is not None:
            yield _Figure(run=run, metric=one, kind="highest", value=f.high, step=f.high_step)
            yield _Figure(run=run, metric=one, kind="lowest", value=f.low, step=f.low_step)


def _at_step(run: RunRow, metric: RunMetric, step: int, catalogue: Catalogue) -> Iterator[_Figure]:
    points = run_store.history(catalogue, run.pk, metric.name, metric.split)
    if points is None:
        return
    for at, stored in zip(points.steps, points.values, strict=True):
        if at == step and math.isfinite(stored):
            yield _Figure(run=run, metric=metric, kind="step", value=float(stored), step=step)


def _held(number: Number, one: _Figure) -> Judged:
    where = f"{one.metric.name} of {called(one.run)}{_at(one)}"
    if agrees(number, one.value):
        if exact(number, one.value):
            return Judged(status=MATCHES, said=where, cited=(_cited(one),))
        return Judged(status=ROUNDED, said=f"{where}: {figure(one.value)}, rounded right", cited=(_cited(one),))
    status = WRONGLY if nearly(number, one.value) else CONTRADICTS
    return Judged(status=status, said=f"{where} is {figure(one.value)}", cited=(_cited(one),))


def _at(one: _Figure) -> str:
    step = "" if one.step is None else f" at {one.run.step_unit} {one.step}"
    return f" ({one.kind}{step})" if one.kind != "step" else step


def _cited(one: _Figure) -> RunCitation:
    return cite(one.run, f"metrics.{one.metric.name}", one.value, step=one.step, split=split_of_metric(one.metric))


def _not_logged(number: Number, runs: Sequence[RunRow], metric: MetricMention | None, step: int | None) -> Judged:
    name = " ".join((*((metric.split,) if metric and metric.split else ()), *(metric.base if metric else ("metric",))))
    at = f" at step {step}" if step is not None else ""
    run = runs[0]
    logged = ", ".join(dict.fromkeys(m.name for m in run.metrics)) or "no metric"
    return Judged(status=NO_RECORD, said=f"{called(run)} logged no {name}{at}; it logged {logged}")


def _instead(number: Number, runs: Sequence[RunRow], near: _Figure) -> str:
    """Say which other stored value of the same run the number is, where it is one."""
    for run in runs:
        for metric in run.metrics:
            if metric.name == near.metric.name and metric.split == near.metric.split:
                continue
            if math.isfinite(metric.last) and agrees(number, metric.last):
                return f"; {number.text} is its {metric.name}"
    return ""


# -- two runs --------------------------------------------------------------------------------------------------------


def difference(number: Number, first: RunMention, second: RunMention, metric: MetricMention | None) -> Judged:
    """Judge the difference of a metric between two runs, absolute or in percent of the second."""
    pairs = _pairs(first, second, metric)
    if not pairs:
        return Judged(status=NO_RECORD, said=f"{first.text} and {second.text} have no such metric in common")
    found = []
    for a, b in pairs:
        gap = abs(a.value - b.value)
        share = max(abs(a.value), abs(b.value)) <= 1
        wanted = [gap]
        if share and (number.percent or number.value > 1):
            wanted.append(gap * 100)
        if number.percent:
            wanted += [gap / abs(one.value) * 100 for one in (a, b) if one.value]
        cited = (_cited(a), _cited(b))
        said = f"{a.metric.name}: {figure(a.value)} and {figure(b.value)} differ by {gap:.6g}"
        found.append(
            Judged(status=min((_gap(number, one) for one in wanted), key=_ORDER.__getitem__), said=said, cited=cited)
        )
    return min(found, key=lambda one: _ORDER[one.status])


def _gap(number: Number, gap: float) -> str:
    size = abs(float(number.value))
    tolerance = float(number.step) / 2
    # The difference of two rounded values may be off by one unit; that is no error of the report.
    if abs(size - gap) <= tolerance * 1.0001:
        return MATCHES if number.places > 6 else ROUNDED
    return WRONGLY if abs(size - gap) < tolerance * 2 else CONTRADICTS


def order(better: RunMention, worse: RunMention, metric: MetricMention, sense: str) -> Judged:
    """Judge that one run is better (`sense` better), higher or lower than another."""
    pairs = _pairs(better, worse, metric)
    if not pairs:
        return Judged(status=NO_RECORD, said=f"{better.text} and {worse.text} have no such metric in common")
    found = [(_is_ordered(a, b, sense), a, b) for a, b in pairs]
    known = [one for one in found if one[0] is not None]
    if not known:
        a, b = found[0][1:]
        return Judged(status=NO_RECORD, said=f"it is not known which values of {a.metric.name} are better")
    holds, a, b = next((one for one in known if one[0]), known[0])
    said = f"{a.metric.name}: {called(a.run)} has {figure(a.value)}, {called(b.run)} has {figure(b.value)}"
    return Judged(status=MATCHES if holds else CONTRADICTS, said=said, cited=(_cited(a), _cited(b)))


def _is_ordered(a: _Figure, b: _Figure, sense: str) -> bool | None:
    direction = {"higher": Direction.MAXIMIZE, "lower": Direction.MINIMIZE}.get(sense, a.metric.direction)
    if direction is None:
        return None
    return a.value > b.value if direction is Direction.MAXIMIZE else a.value < b.value


def _pairs(first: RunMention, second: RunMention, metric: MetricMention | None) -> list[tuple[_Figure, _Figure]]:
    """Return the values of one metric in two runs, last with last and best with best."""
    return [
        (a, b)
        for one in first.runs
        for other in second.runs
        if one.pk != other.pk
        for a in _plain(one, metric)
        for b in _plain(other, metric)
        if (a.metric.name, a.metric.split, a.kind) == (b.metric.name, b.metric.split, b.kind)
    ]


def _plain(run: RunRow, metric: MetricMention | None) -> Iterator[_Figure]:
    for one in metrics_of(run, metric) if metric else ():
        if math.isfinite(one.last):
            yield _Figure(run=run, metric=one, kind="last", value=one.last, step=one.figures.last_step)
        if one.best is not None:
            yield _Figure(run=run, metric=one, kind="best", value=one.best, step=one.best_step)


# -- among all -------------------------------------------------------------------------------------------------------


def extreme(mention: RunMention, metric: MetricMention, sense: str, rivals: Sequence[RunRow]) -> Judged:
    """Judge that a run is the best (`sense` best, worst, highest, lowest) of its experiment by a metric."""
    told = [judged for run in mention.runs for judged in _extreme(run, metric, sense, rivals)]
    if not told:
        return Judged(status=NO_RECORD, said=f"{mention.text} has no such metric, or its direction is not known")
    return min(told, key=lambda one: _ORDER[one.status])


def _extreme(run: RunRow, metric: MetricMention, sense: str, rivals: Sequence[RunRow]) -> Iterator[Judged]:
    for mine in _plain(run, metric):
        up = _wants_high(mine.metric, sense)
        if up is None:
            continue
        others = [
            one
            for other in rivals
            if other.experiment == run.experiment and not other.deleted
            for one in _plain(other, metric)
            if (one.metric.name, one.metric.split, one.kind) == (mine.metric.name, mine.metric.split, mine.kind)
        ]
        top = max([mine, *others], key=lambda one: one.value if up else -one.value)
        if top.value == mine.value:
            said = f"{called(run)} is {sense} of {len(others) or 1} by {mine.metric.name} ({figure(mine.value)})"
            yield Judged(status=MATCHES, said=said, cited=(_cited(mine),))
        else:
            said = (
                f"{called(top.run)} has {figure(top.value)}, {called(run)} {figure(mine.value)} by {mine.metric.name}"
            )
            yield Judged(status=CONTRADICTS, said=said, cited=(_cited(top), _cited(mine)))


def _wants_high(metric: RunMetric, sense: str) -> bool | None:
    if sense in ("highest", "lowest"):
        return sense == "highest"
    if metric.direction is None:
        return None
    return (metric.direction is Direction.MAXIMIZE) == (sense == "best")


def any_run(number: Number, metric: MetricMention, runs: Sequence[RunRow]) -> Judged:
    """Judge a value said of no one run: it is recorded where any run of those at hand has it."""
    found = [_held(number, one) for run in runs for one in _plain(run, metric)]
    right = [one for one in found if one.status in (MATCHES, ROUNDED)]
    if right:
        return min(right, key=lambda one: _ORDER[one.status])
    name = " ".join((metric.split or "", *metric.base)).strip()
    return Judged(status=NO_RECORD, said=f"no run has {name} = {number.text}")


def best_step(number: Number, mention: RunMention, metric: MetricMention) -> Judged:
    """Judge the step at which a run is said to have been best."""
    found = [one for run in mention.runs for one in _plain(run, metric) if one.kind == "best"]
    if not found:
        return Judged(status=NO_RECORD, said=f"{mention.text} has no best value of such a metric")
    right = next((one for one in found if one.step == int(number.value)), None)
    one = right or found[0]
    said = f"{one.metric.name} of {called(one.run)} is best{_at(one).replace('best ', '')}"
    return Judged(status=MATCHES if right else CONTRADICTS, said=said, cited=(_cited(one),))


# -- parameters ------------------------------------------------------------------------------------------------------


def param(number: Number, mention: RunMention, leaf: str) -> Judged:
    """Judge a parameter's value of a run."""
    if not mention.runs:
        return Judged(status=NO_RECORD, said=f"no run {mention.text!r} is stored")
    told = []
    for run in mention.runs:
        logged = [one for one in run.params.values() if base_leaf(one.name) == leaf]
        for one in logged:
            stored = one.number
            cited = (cite(run, f"params.{one.name}", one.value),)
            said = f"{one.name} of {called(run)} is {one.text}"
            if stored is None:
                continue
            same = exact(number, stored) or (agrees(number, stored) and number.places >= 2)
            told.append(Judged(status=MATCHES if same else CONTRADICTS, said=said, cited=cited))
    if not told:
        return Judged(status=NO_RECORD, said=f"{called(mention.runs[0])} logged no number for {leaf}")
    return min(told, key=lambda one: _ORDER[one.status])


def base_leaf(name: str) -> str:
    """Return the last part of a parameter's name in lower case."""
    return name.replace("/", ".").rsplit(".", 1)[-1].lower()


def moved_from(number: Number, mention: RunMention, metric: MetricMention | None, catalogue: Catalogue) -> Judged:
    """Judge the value that a metric of a run is said to have come from: any that it had on its way."""
    plain = value(number, mention, metric, None, catalogue)
    if plain.status != CONTRADICTS or metric is None:
        return plain
    for run in mention.runs:
        for one in metrics_of(run, metric):
            points = run_store.history(catalogue, run.pk, one.name, one.split)
            for point in points.points(one.name, one.split) if points is not None else ():
                if math.isfinite(point.value) and agrees(number, point.value):
                    on_way = _Figure(run=run, metric=one, kind="step", value=point.value, step=point.step)
                    return _held(number, on_way)
    return plain


def bounded(number: Number, mention: RunMention, metric: MetricMention | None, up: bool) -> Judged | None:
    """Judge that a metric of a run lies above (`up`) or below a number."""
    found = [one for run in mention.runs for one in _plain(run, metric)]
    for one in found:
        for stored in scales(number, one.value):
            if (stored > number.value) if up else (stored < number.value):
                return Judged(status=MATCHES, said=f"{one.metric.name} is {figure(one.value)}", cited=(_cited(one),))
    if not found:
        return None
    one = found[0]
    said = f"{one.metric.name} of {called(one.run)} is {figure(one.value)}"
    return Judged(status=CONTRADICTS, said=said, cited=(_cited(one),))
