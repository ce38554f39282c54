"""Was a configuration, or a near one, run before: what came of it, what was different, what nearby was not tried.

Two configurations are compared in the parameters that both name: numbers by their distance in the range that was tried,
on a logarithmic scale where that spans a factor of ten; anything else is the same or not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from assistant.run_cite import called, figure, main_metrics, metric_citation
from assistant.tried_values import NearValues, near_values
from kb import runs as run_store
from kb import schema
from kb.errors import BadInput
from kb.records import Direction, Scalar
from kb.runs import RunMetric, RunRow
from kb.store import Catalogue, batches

MOST_EXACT, MOST_NEAR = 20, 5
UNLOGGED = 0.5
"""What a parameter adds to the distance that a run did not log."""
FAR = 0.5
_WIDE = 10.0
_REPEATS = frozenset({"seed", "random_state", "random_seed", "rng_seed", "fold", "fold_id", "cv_fold"})
_IDLE_NAMES = """
name run_name experiment experiment_name project group notes tags output_dir save_dir log_dir logdir out_dir work_dir
data_dir data_path path device gpu gpus num_workers n_jobs nthread workers verbose verbosity wandb resume entity user
"""
_IDLE = frozenset(_IDLE_NAMES.split())
_SAME = {"lr": "learning_rate", "learning_rate": "lr", "bs": "batch_size", "batch_size": "bs", "wd": "weight_decay",
         "weight_decay": "wd", "epochs": "num_epochs", "num_epochs": "epochs"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A parameter that a run had otherwise; `repeat` for seeds and the like, which make it a repeat of the same."""

    param: str
    wanted: Scalar
    had: Scalar
    repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to: a metric's last value, and its place among the runs of its experiment (1 is best)."""

    metric: RunMetric
    rank: int | None
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A run with how far it is from the configuration (0: the same), what differs, and what it did not log."""

    run: RunRow
    distance: float
    same: int
    differences: tuple[Difference, ...]
    unlogged: tuple[str, ...]
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the history says of a configuration; `times` is how many runs had exactly it.

    `unknown` are parameters that no run ever logged; `idle` those that make no difference to a training.
    """

    config: Mapping[str, Scalar]
    considered: int
    times: int
    exact: tuple[Match, ...]
    near: tuple[Match, ...]
    not_tried: tuple[NearValues, ...]
    unknown: tuple[str, ...]
    idle: tuple[str, ...]


def tried(catalogue: Catalogue, config: Mapping[str, Scalar], *, metric: str | None = None) -> Tried:
    """Return the runs with this configuration, best first, and the nearest. Raises BadInput for an unknown metric."""
    if metric is not None:
        _check_metric(catalogue, metric)
    comparing = _Comparing(catalogue, config)
    ranked = comparing.ranked()
    exact = [pk for distance, pk in ranked if distance == 0]
    near = [(distance, pk) for distance, pk in ranked if 0 < distance <= FAR][:MOST_NEAR]
    pks = [*exact[:MOST_EXACT], *(pk for _, pk in near)]
    rows = run_store.runs(catalogue, pks=pks)
    wanted = (metric, None) if metric else next(iter(main_metrics(rows, most=1)), None)
    matches = [comparing.match(run, wanted) for run in rows]
    first = matches[: len(exact[:MOST_EXACT])]
    return Tried(
        config=config,
        considered=comparing.considered,
        times=len(exact),
        exact=tuple(sorted(first, key=_goodness)),
        near=tuple(matches[len(first) :]),
        not_tried=tuple(comparing.not_tried()),
        unknown=comparing.unknown,
        idle=tuple(name for name in config if _leaf(name) in _IDLE | _REPEATS),
    )


def _goodness(match: Match) -> tuple[bool, float, int]:
    rank = match.outcome.rank if match.outcome else None
    return (rank is None, float(rank or 0), match.run.pk)


def _check_metric(catalogue: Catalogue, metric: str) -> None:
    m = schema.run_metrics
    with catalogue.read() as conn:
        if conn.scalar(select(m.c.id).where(m.c.name == metric).limit(1)) is None:
            raise BadInput(f"no run logged a metric {metric!r}", hint="`citewise runs` shows what was logged")


class _Comparing:
    """A configuration against all runs that log any of its parameters."""

    def __init__(self, catalogue: Catalogue, config: Mapping[str, Scalar]) -> None:
        self.catalogue = catalogue
        self.config = {name: value for name, value in config.items() if _leaf(name) not in _IDLE | _REPEATS}
        self.given = config
        self.logged = self._logged()
        self.unknown = tuple(name for name in self.config if name not in self.logged)
        self.numbers = {name: self._tried_numbers(name) for name in self.logged}
        self.spans = {name: _span(self.numbers[name], self.config[name]) for name in self.logged}
        self.considered = 0

    def _logged(self) -> dict[str, str]:
        """Return the leaf under which runs log each parameter of the configuration, without those that none logs."""
        p = schema.run_params
        forms = {name: (_leaf(name), _SAME.get(_leaf(name), "")) for name in self.config}
        wanted = sorted({form for pair in forms.values() for form in pair if form})
        with self.catalogue.read() as conn:
            known = {
                leaf for leaf in wanted if conn.scalar(select(p.c.id).where(p.c.leaf == leaf).limit(1)) is not None
            }
        return {name: next(f for f in pair if f in known) for name, pair in forms.items() if known & set(pair)}

    def _tried_numbers(self, name: str) -> tuple[float, ...]:
        p, r = schema.run_params, schema.runs
        query = (
            select(p.c.number)
            .join(r, r.c.id == p.c.run_id)
            .where(p.c.leaf == self.logged[name], p.c.number.is_not(None), r.c.deleted == 0, r.c.loose == 0)
            .distinct()
        )
        with self.catalogue.read() as conn:
            return tuple(sorted(n for n in conn.scalars(query) if math.isfinite(n)))

    # -- all runs --------------------------------------------------------------------------------------------

    def ranked(self) -> list[tuple[float, int]]:
        """Return distance and key of the runs that share half of the known parameters, nearest first."""
        if not self.logged:
            return []
        near: dict[int, dict[str, float]] = defaultdict(dict)
        for name, pk, distance in self._distances():
            kept = near[pk]
            kept[name] = min(distance, kept.get(name, math.inf))
        self.considered = len(near)
        known = len(self.logged)
        scored = [
            ((math.fsum(found.values()) + UNLOGGED * (known - len(found))) / known, pk)
            for pk, found in near.items()
            if 2 * len(found) >= known
        ]
        return sorted(scored)

    def _distances(self) -> Iterator[tuple[str, int, float]]:
        """Yield parameter, run and distance for each parameter logged; of several with one leaf those that fit best."""
        p, r = schema.run_params, schema.runs
        by_leaf: dict[str, list[str]] = defaultdict(list)
        for name, leaf in self.logged.items():
            by_leaf[leaf].append(name)
        query = select(p.c.run_id, p.c.leaf, p.c.name, p.c.text, p.c.number, p.c.kind).where(p.c.kind != "unset")
        seen: dict[tuple[str, str, str | None, str], float] = {}
        with self.catalogue.read() as conn:
            left_out = set(conn.scalars(select(r.c.id).where(or_(r.c.deleted != 0, r.c.loose != 0))))
            for part in batches(sorted(by_leaf)):
                for pk, leaf, logged, text, number, kind in conn.execute(query.where(p.c.leaf.in_(part))):
                    if pk in left_out:
                        continue
                    names = by_leaf[leaf]
                    for name in names if len(names) == 1 else _fitting(names, logged):
                        key = (name, leaf, text, kind)
                        if key not in seen:
                            seen[key] = self._distance(name, text, number, kind)
                        yield name, pk, seen[key]

    def _distance(self, name: str, text: str | None, number: float | None, kind: str) -> float:
        wanted = self.config[name]
        value = _number(wanted)
        if value is not None and number is not None and kind != "bool":
            return _numeric(value, number, self.spans[name])
        return 0.0 if _plain(wanted) == _stored(text, kind) else 1.0

    # -- single runs -----------------------------------------------------------------------------------------

    def match(self, run: RunRow, wanted: tuple[str, str | None] | None) -> Match:
        """Return a run compared parameter by parameter."""
        total, same, differences, unlogged = 0.0, 0, list[Difference](), list[str]()
        for name in self.logged:
            found = self._of(run, name)
            if found is None:
                unlogged.append(name)
                total += UNLOGGED
                continue
            distance = self._distance(name, found.text, found.number, found.kind)
            total += distance
            same += distance == 0
            if distance:
                differences.append(Difference(param=name, wanted=self.config[name], had=found.value))
        metric = _metric(run, wanted)
        return Match(
            run=run,
            distance=total / len(self.logged),
            same=same,
            differences=(*differences, *self._repeats(run)),
            unlogged=tuple(unlogged),
            outcome=self._outcome(run, metric) if metric else None,
        )

    def _of(self, run: RunRow, name: str) -> run_store.Param | None:
        leaf = self.logged[name]
        found = [one for one in run.params.values() if _leaf(one.name) == leaf and one.kind != "unset"]
        names = [other for other, logged in self.logged.items() if logged == leaf]
        if len(names) > 1:
            found = [one for one in found if name in _fitting(names, one.name)]
        return min(found, key=lambda one: self._distance(name, one.text, one.number, one.kind), default=None)

    def _repeats(self, run: RunRow) -> Iterator[Difference]:
        for name, wanted in self.given.items():
            if _leaf(name) not in _REPEATS:
                continue
            had = next((one for one in run.params.values() if _leaf(one.name) == _leaf(name)), None)
            if had is not None and _plain(wanted) != _plain(had.value):
                yield Difference(param=name, wanted=wanted, had=had.value, repeat=True)

    def _outcome(self, run: RunRow, metric: RunMetric) -> Outcome:
        m, r = schema.run_metrics, schema.runs
        of = (
            select(func.count())
            .join(r, r.c.id == m.c.run_id)
            .where(m.c.name == metric.name, m.c.last.is_not(None), r.c.deleted == 0, r.c.loose == 0)
            .where(m.c.split.is_(None) if metric.split is None else m.c.split == metric.split)
            .where(r.c.experiment.is_(None) if run.experiment is None else r.c.experiment == run.experiment)
        )
        with self.catalogue.read() as conn:
            n = int(conn.scalar(of) or 0)
            if metric.direction is None or not math.isfinite(metric.last):
                return Outcome(metric=metric, rank=None, of=n)
            up = metric.direction is Direction.MAXIMIZE
            better = conn.scalar(of.where(m.c.last > metric.last if up else m.c.last < metric.last))
        return Outcome(metric=metric, rank=1 + int(better or 0), of=n)

    # -- values nobody tried ---------------------------------------------------------------------------------

    def not_tried(self) -> Iterator[NearValues]:
        """Yield near values of each number of the configuration that no run had."""
        for name in self.logged:
            value = self.config[name]
            if isinstance(value, (int, float)) and not isinstance(value, bool) and self.numbers[name]:
                yield near_values(name, value, self.numbers[name])


def _metric(run: RunRow, wanted: tuple[str, str | None] | None) -> RunMetric | None:
    return run.metric(*wanted) if wanted else None


def _leaf(name: str) -> str:
    return name.rstrip("./").replace("/", ".").rsplit(".", 1)[-1].strip().lower()


def _fitting(names: Sequence[str], logged: str) -> list[str]:
    """Return those of the configuration's names that share most of their last parts with the logged one."""
    parts = logged.lower().replace("/", ".").split(".")[::-1]
    shared = {name: _common(name.lower().replace("/", ".").split(".")[::-1], parts) for name in names}
    most = max(shared.values())
    return [name for name in names if shared[name] == most]


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    n = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        n += 1
    return n


def _number(value: Scalar) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _plain(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(float(value))
    return "none" if value is None else " ".join(str(value).split()).strip("\"'").lower()


def _stored(text: str | None, kind: str) -> str:
    return "none" if kind == "none" or text is None else " ".join(text.split()).strip("\"'").lower()


def _span(tried_: Sequence[float], value: Scalar) -> tuple[float, float]:
    number = _number(value)
    all_ = [*tried_, *([number] if number is not None else [])]
    return (min(all_), max(all_)) if all_ else (0.0, 0.0)


def _numeric(a: float, b: float, span: tuple[float, float]) -> float:
    if math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-300):
        return 0.0
    low, high = span
    if low > 0 and high / low >= _WIDE and a > 0 and b > 0:
        return min(1.0, abs(math.log(a / b)) / math.log(high / low))
    return min(1.0, abs(a - b) / (high - low)) if high > low else 1.0


# -- as JSON and in words --------------------------------------------------------------------------------------------


def tried_json(file: str, found: Tried) -> dict[str, Any]:
    """Return the object that `tried` prints."""
    return {
        "file": file,
        "config": dict(found.config),
        "considered": found.considered,
        "times": found.times,
        "exact": [_match_json(match) for match in found.exact],
        "near": [_match_json(match) for match in found.near],
        "not_tried": [
            {"param": one.param, "value": one.value, "tried": one.tried, "values": list(one.values)}
            for one in found.not_tried
        ],
        "unknown": list(found.unknown),
        "idle": list(found.idle),
    }


def _match_json(match: Match) -> dict[str, Any]:
    from assistant.wire import citation_json

    outcome = match.outcome
    told: dict[str, Any] = {"metric": None, "split": None, "value": None, "step": None, "rank": None, "of": None}
    cited = []
    if outcome is not None:
        metric = outcome.metric
        cited = [citation_json(metric_citation(match.run, metric))]
        value = metric.last if math.isfinite(metric.last) else None
        told = {"metric": metric.name, "split": metric.split, "value": value, "step": metric.figures.last_step,
                "rank": outcome.rank, "of": outcome.of}  # fmt: skip
    return {
        "run_id": match.run.run_id,
        "source": match.run.main_source,
        "name": match.run.name,
        "state": match.run.state.value,
        "distance": round(match.distance, 6),
        "same": match.same,
        "differences": [
            {"param": d.param, "wanted": d.wanted, "had": d.had, "repeat": d.repeat} for d in match.differences
        ],
        "unlogged": list(match.unlogged),
        **told,
        "citations": cited,
    }


def in_words(found: Tried) -> Iterator[str]:
    """Yield the answer line by line."""
    if not found.considered:
        yield "No stored run logs any of these parameters."
        return
    if found.times:
        yield f"Run before: {found.times} of {found.considered} runs had exactly this."
    else:
        yield f"Not run before, among {found.considered} runs that log any of these parameters."
    for match in found.exact:
        yield f"  {_said(match)}"
    if found.near:
        yield "Nearest:"
    for match in found.near:
        yield f"  {_said(match)}"
    for one in found.not_tried:
        if one.values or not one.tried:
            never = "" if one.tried else f" ({figure(one.value)} itself never)"
            yield f"{one.param}: not tried nearby: {', '.join(map(figure, one.values)) or 'nothing'}{never}"
    if found.unknown:
        yield f"Never logged: {', '.join(found.unknown)}"


def _said(match: Match) -> str:
    outcome = match.outcome
    came = ""
    if outcome is not None:
        place = f", {outcome.rank} of {outcome.of}" if outcome.rank else ""
        came = f": {outcome.metric.name} = {figure(outcome.metric.last)}{place}"
    differs = "; ".join(f"{d.param} was {d.had} (not {d.wanted})" for d in match.differences)
    left = f"; did not log {', '.join(match.unlogged)}" if match.unlogged else ""
    return f"{called(match.run)} [{match.run.state.value}]{came}{'; ' if differs else ''}{differs}{left}"
