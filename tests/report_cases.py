"""Reports as people write them over generated histories, with planted errors, each at a known line.

Written before the rules that check reports. A history is an experiment of runs with parameters and metrics over steps;
a report speaks of it in sentences, lists and tables, between dates, versions, figures and code that are no claims.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from kb.records import Direction, Point, Run, State, split_of

KINDS = ("swapped", "rounded", "metric", "split", "outdated", "invented", "reversed")
REPORTS, ERRORS = 30, 5

_WORDS = {
    "val_auc": ("validation AUC", "val AUC", "`val_auc`", "AUC on the validation set", "ROC AUC on validation data"),
    "test_auc": ("test AUC", "`test_auc`", "AUC on the test set", "held-out AUC"),
    "val_loss": ("validation loss", "val loss", "`val_loss`", "loss on the validation set"),
    "train_loss": ("training loss", "train loss", "`train_loss`"),
    "val_accuracy": ("validation accuracy", "val accuracy", "accuracy on the validation split"),
    "test_accuracy": ("test accuracy", "accuracy on the test set", "test-set accuracy", "`test_accuracy`"),
    "val_f1": ("validation F1", "val F1 score", "F1 on validation data", "`val_f1`"),
    "test_f1": ("test F1", "F1 score on the test set", "`test_f1`"),
    "val_rmse": ("validation RMSE", "`val_rmse`", "root mean squared error on the validation set"),
    "test_rmse": ("test RMSE", "`test_rmse`", "RMSE on held-out data"),
}
_SETS = (
    ("val_auc", "test_auc", "val_loss", "train_loss"),
    ("val_accuracy", "test_accuracy", "val_loss", "train_loss"),
    ("val_f1", "test_f1", "val_accuracy", "train_loss"),
    ("val_rmse", "test_rmse", "train_loss"),
)
_SMALLER = ("loss", "rmse")
_NAMES = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "iris", "jade", "kite", "lotus")
_STYLES = ("{w}-{n}", "{w}_{n:02}", "{w}-lgbm-{n}", "exp{n}-{w}", "{w}{n}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A run of a history with the points of its metrics."""

    name: str
    run_id: str
    params: dict[str, object]
    points: dict[str, list[float]]

    def last(self, metric: str) -> float:
        return self.points[metric][-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An experiment: its runs and what they logged."""

    experiment: str
    metrics: tuple[str, ...]
    runs: tuple[Made, ...]

    def best(self, metric: str) -> Made:
        sign = 1 if smaller(metric) else -1
        return min(self.runs, key=lambda run: sign * run.last(metric))


@dataclass(slots=True)
class Report:
    """A report's lines, and the kind of error planted on a line (counted from 1)."""

    history: History
    lines: list[str] = field(default_factory=list)
    planted: dict[int, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def smaller(metric: str) -> bool:
    return any(word in metric for word in _SMALLER)


# -- histories -------------------------------------------------------------------------------------------------------


def histories(seed: int = 0) -> tuple[History, ...]:
    """Return one history per report."""
    return tuple(_history(random.Random(seed * 1000 + at), at) for at in range(REPORTS))


def _history(rng: random.Random, at: int) -> History:
    metrics = _SETS[at % len(_SETS)]
    style = _STYLES[at % len(_STYLES)]
    words = rng.sample(_NAMES, 9)
    runs = []
    for place, word in enumerate(words):
        name = style.format(w=word, n=at * 10 + place)
        params: dict[str, object] = {
            "learning_rate": rng.choice([0.1, 0.03, 0.01, 0.003]),
            "max_depth": rng.randint(3, 12),
            "batch_size": rng.choice([32, 64, 128, 256]),
        }
        points = {metric: _curve(rng, metric) for metric in metrics}
        runs.append(Made(name=name, run_id=f"{rng.getrandbits(48):012x}", params=params, points=points))
    return History(experiment=f"project-{_NAMES[at % 12]}-{at}", metrics=metrics, runs=tuple(runs))


def _curve(rng: random.Random, metric: str) -> list[float]:
    """Return ten values that come closer to a last one, which is the best."""
    end = rng.uniform(0.2, 0.9) if smaller(metric) else rng.uniform(0.65, 0.97)
    sign = 1 if smaller(metric) else -1
    return [end + sign * (0.3 * (0.6**step) - 0.3 * 0.6**9) + (0.0 if step == 9 else sign * rng.uniform(0, 0.004))
            for step in range(10)]  # fmt: skip


def stored(history: History) -> Iterator[Run]:
    """Yield the runs of a history as a tracker would give them."""
    for run in history.runs:
        points = [
            Point(metric, value, step=step, split=split_of(metric))
            for metric, values in run.points.items()
            for step, value in enumerate(values, 1)
        ]
        yield Run(
            tracker="mlflow",
            run_id=run.run_id,
            name=run.name,
            source=f"mlruns/{run.run_id}",
            experiment=history.experiment,
            state=State.FINISHED,
            params=run.params,  # type: ignore[arg-type]
            directions={m: Direction.MINIMIZE if smaller(m) else Direction.MAXIMIZE for m in history.metrics},
            history=lambda points=points: iter(points),  # type: ignore[misc]
        )


# -- reports ---------------------------------------------------------------------------------------------------------


def reports(seed: int = 0) -> tuple[Report, ...]:
    """Return thirty reports with five errors each, over the histories of the same seed."""
    return tuple(_Writer(history, random.Random(seed * 77 + at)).report() for at, history in enumerate(histories(seed)))


class _Writer:
    """Writes one report: sentences that are true, and five that are not."""

    def __init__(self, history: History, rng: random.Random) -> None:
        self.history, self.rng = history, rng
        self.out = Report(history=history)

    def report(self) -> Report:
        kinds = [self.rng.choice(KINDS) for _ in range(ERRORS)]
        self._head()
        writers: list[Callable[[str | None], str]] = [
            self._reached, self._was, self._got, self._pair, self._respectively, self._beat, self._at_step,
            self._params, self._better, self._best, self._rose, self._item, self._parenthesis, self._brackets,
        ]  # fmt: skip
        plan: list[tuple[Callable[[str | None], str], str | None]] = [
            (self.rng.choice(writers), None) for _ in range(12)
        ]
        plan += [(one, None) for one in writers]
        plan += [(self.rng.choice(self._fitting(kind)), kind) for kind in kinds[:3]]
        self.rng.shuffle(plan)
        for at, (write, kind) in enumerate(plan):
            self._say(write(kind), kind)
            if at % 5 == 4:
                self.out.lines += ["", *self._distraction().split("\n"), ""]
        for kind in kinds[3:]:
            self._table(kind)
        self._tail()
        return self.out

    def _fitting(self, kind: str) -> list[Callable[[str | None], str]]:
        if kind == "reversed":
            return [self._better, self._beat]
        if kind == "outdated":
            return [self._reached, self._was, self._got, self._best, self._item]
        return [self._reached, self._was, self._got, self._pair, self._item, self._parenthesis, self._brackets]

    def _say(self, text: str, kind: str | None) -> None:
        self.out.lines.append(text)
        if kind:
            self.out.planted[len(self.out.lines)] = kind
        self.out.lines.append("")

    # -- values ----------------------------------------------------------------------------------------------

    def _pick(self) -> tuple[Made, str]:
        return self.rng.choice(self.history.runs), self.rng.choice(self.history.metrics)

    def _other(self, run: Made) -> Made:
        return self.rng.choice([one for one in self.history.runs if one is not run])

    def _words(self, metric: str) -> str:
        return self.rng.choice(_WORDS[metric])

    def _value(self, run: Made, metric: str, kind: str | None) -> str:
        """Return the value of a run's metric as written, or what stands there by an error of `kind`."""
        places = self.rng.choice([3, 3, 4])
        right = _rounded(run.last(metric), places)
        wrong = {
            "swapped": lambda: _rounded(self._other(run).last(metric), places),
            "metric": lambda: _rounded(run.last(self._another(metric)), places),
            "split": lambda: _rounded(run.last(self._sibling(metric)), places),
            "outdated": lambda: _rounded(run.points[metric][self.rng.choice([1, 2, 3])], places),
            "invented": lambda: _rounded(self.rng.uniform(0.1, 0.99), places),
        }
        if kind is None or kind == "reversed":
            return right
        if kind == "rounded":
            return _rounded_wrongly(run.last(metric), places)
        found = wrong[kind]()
        while abs(float(found) - float(right)) < 2.5 * 10**-places:
            found = _rounded(float(found) + 0.017, places)
        return found

    def _another(self, metric: str) -> str:
        return self.rng.choice([one for one in self.history.metrics if one != metric])

    def _sibling(self, metric: str) -> str:
        base = metric.split("_", 1)[1]
        same = [one for one in self.history.metrics if one != metric and one.endswith(base)]
        return same[0] if same else self._another(metric)

    # -- sentences -------------------------------------------------------------------------------------------

    def _reached(self, kind: str | None) -> str:
        run, metric = self._pick()
        verb = self.rng.choice(["reached", "achieved", "ended at", "finished with", "came to", "got to"])
        article = self.rng.choice(["a", "an overall", "a final"])
        if verb in ("ended at", "came to", "got to"):
            return f"{run.name} {verb} {article} {self._words(metric)} of {self._value(run, metric, kind)}."
        return f"Run `{run.name}` {verb} {article} {self._words(metric)} of {self._value(run, metric, kind)}."

    def _was(self, kind: str | None) -> str:
        run, metric = self._pick()
        how = self.rng.choice(["was", "is", "stands at", "came out at", "ended up at"])
        return f"The {self._words(metric)} of {run.name} {how} {self._value(run, metric, kind)}, as expected."

    def _got(self, kind: str | None) -> str:
        run, metric = self._pick()
        value = self._value(run, metric, kind)
        return self.rng.choice([
            f"With {run.name} we got {value} {self._words(metric)}.",
            f"Using {run.name}, the {self._words(metric)} improved to {value}.",
            f"A {self._words(metric)} of {value} was obtained by {run.name}.",
            f"We measured {value} ({self._words(metric)}) for {run.name} last week.",
        ])  # fmt: skip

    def _pair(self, kind: str | None) -> str:
        first, metric = self._pick()
        second = self._other(first)
        words = self._words(metric)
        a, b = self._value(first, metric, None), self._value(second, metric, kind)
        return self.rng.choice([
            f"{words[0].upper()}{words[1:]} for {first.name} came out at {a}, while {second.name} had {b}.",
            f"{first.name} has a {words} of {a}; {second.name} only got {b}.",
            f"Where {first.name} gave {a} in {words}, {second.name} gave {b}.",
            f"{first.name} reached {a} {words}, compared to {b} for {second.name}.",
        ])  # fmt: skip

    def _respectively(self, kind: str | None) -> str:
        first, metric = self._pick()
        second = self._other(first)
        a, b = self._value(first, metric, None), self._value(second, metric, None)
        return f"{first.name} and {second.name} ended with a {self._words(metric)} of {a} and {b}, respectively."

    def _beat(self, kind: str | None) -> str:
        better, worse, metric = self._ordered()
        if kind == "reversed":
            better, worse = worse, better
        gap = _rounded(abs(better.last(metric) - worse.last(metric)), 4)
        verb = self.rng.choice(["beat", "outperformed", "beats", "is ahead of", "surpassed"])
        return f"On {self._words(metric)}, {better.name} {verb} {worse.name} by {gap}."

    def _ordered(self) -> tuple[Made, Made, str]:
        first, metric = self._pick()
        second = self._other(first)
        swap = (first.last(metric) < second.last(metric)) != smaller(metric)
        return (second, first, metric) if swap else (first, second, metric)

    def _at_step(self, kind: str | None) -> str:
        run, metric = self._pick()
        step = self.rng.randint(3, 9)
        value = _rounded(run.points[metric][step - 1], 4)
        return self.rng.choice([
            f"At step {step} the {self._words(metric)} of {run.name} was still {value}.",
            f"After {step} steps, {run.name} had a {self._words(metric)} of {value}.",
        ])  # fmt: skip

    def _params(self, kind: str | None) -> str:
        run = self.rng.choice(self.history.runs)
        rate, depth, batch = (run.params[name] for name in ("learning_rate", "max_depth", "batch_size"))
        return self.rng.choice([
            f"{run.name} used a learning rate of {rate} and a max depth of {depth}.",
            f"For {run.name} we set `learning_rate={rate}` and `batch_size={batch}`.",
            f"The batch size of {run.name} was {batch}.",
        ])  # fmt: skip

    def _better(self, kind: str | None) -> str:
        better, worse, metric = self._ordered()
        if kind == "reversed":
            better, worse = worse, better
        words = self._words(metric)
        return self.rng.choice([
            f"{better.name} is better than {worse.name} in {words}.",
            f"In terms of {words}, {worse.name} is worse than {better.name}.",
            f"{better.name} has a {'lower' if smaller(metric) else 'higher'} {words} than {worse.name}.",
        ])  # fmt: skip

    def _best(self, kind: str | None) -> str:
        metric = self.rng.choice(self.history.metrics)
        run = self.history.best(metric)
        if kind == "outdated":
            run = self._other(run)
        value = _rounded(run.last(metric), 4)
        word = self.rng.choice(["best", "lowest" if smaller(metric) else "highest"])
        return self.rng.choice([
            f"The {word} {self._words(metric)} of all runs is {value} ({run.name}).",
            f"{run.name} is our best run by {self._words(metric)} ({value}).",
            f"Overall, the {word} {self._words(metric)} was reached by {run.name} with {value}.",
        ])  # fmt: skip

    def _rose(self, kind: str | None) -> str:
        first, metric = self._pick()
        second = self._other(first)
        a, b = self._value(first, metric, None), self._value(second, metric, None)
        return f"The {self._words(metric)} went from {a} ({first.name}) to {b} ({second.name}) within two weeks."

    def _item(self, kind: str | None) -> str:
        run, metric = self._pick()
        value = self._value(run, metric, kind)
        return self.rng.choice([
            f"- **{run.name}**: {self._words(metric)} {value}",
            f"- {run.name} — {self._words(metric)} = {value}, seed 42",
            f"* {self._words(metric)}: {value} ({run.name})",
        ])  # fmt: skip

    def _parenthesis(self, kind: str | None) -> str:
        run, metric = self._pick()
        value = self._value(run, metric, kind)
        return f"We kept {run.name} ({self._words(metric)} {value}) for the 3 pilots in Q2."

    def _brackets(self, kind: str | None) -> str:
        run, metric = self._pick()
        base = metric.split("_", 1)[1]
        part = {"val": "validation", "test": "test", "train": "training"}[metric.split("_", 1)[0]]
        value = self._value(run, metric, kind)
        return f"On the {part} set, {run.name} scored {value} in {'RMSE' if base == 'rmse' else base}."

    # -- tables ----------------------------------------------------------------------------------------------

    def _table(self, kind: str) -> None:
        runs = self.rng.sample(self.history.runs, 4)
        metrics = list(self.history.metrics[:3])
        bad_run, bad_metric = self.rng.choice(runs), self.rng.choice(metrics)
        cell_kind = "swapped" if kind == "reversed" else kind
        cells = {
            (run.name, metric): self._value(run, metric, cell_kind if (run, metric) == (bad_run, bad_metric) else None)
            for run in runs
            for metric in metrics
        }
        heads = {metric: self.rng.choice(_WORDS[metric][:2]) for metric in metrics}
        self.out.lines += ["", f"Table {self.rng.randint(1, 9)}: results of {len(runs)} models.", ""]
        if self.rng.random() < 0.6:
            self._across(runs, metrics, heads, cells, (bad_run.name, bad_metric), kind)
        else:
            self._down(runs, metrics, heads, cells, (bad_run.name, bad_metric), kind)
        self.out.lines.append("")

    def _across(self, runs, metrics, heads, cells, bad, kind) -> None:  # type: ignore[no-untyped-def]
        lines = self.out.lines
        lines += [f"| Run | {' | '.join(heads[m] for m in metrics)} | lr |", "|---" * (len(metrics) + 2) + "|"]
        for run in runs:
            values = [cells[run.name, metric] for metric in metrics]
            lines.append(f"| {run.name} | {' | '.join(values)} | {run.params['learning_rate']} |")
            if run.name == bad[0]:
                self.out.planted[len(lines)] = kind

    def _down(self, runs, metrics, heads, cells, bad, kind) -> None:  # type: ignore[no-untyped-def]
        lines = self.out.lines
        lines += [f"| Metric | {' | '.join(run.name for run in runs)} |", "|:--" + "|--:" * len(runs) + "|"]
        for metric in metrics:
            lines.append(f"| {heads[metric]} | {' | '.join(cells[run.name, metric] for run in runs)} |")
            if metric == bad[1]:
                self.out.planted[len(lines)] = kind

    # -- what is no claim ------------------------------------------------------------------------------------

    def _head(self) -> None:
        n = len(self.history.runs)
        self.out.lines += [
            "---", "date: 2024-05-17", "version: 1.4", "---",
            f"# 1. Results of {self.history.experiment}", "",
            f"We looked at {n} runs of {self.history.experiment} on 12 May 2024 with Python 3.11 (Figure 2, p. 14).",
            "",
            "## 1.2 What we found", "",
        ]  # fmt: skip

    def _distraction(self) -> str:
        return self.rng.choice([
            "The meeting at 10:30 had 4 people; ticket #481 stays open until 2024-06-01.",
            "See https://example.org/v2/runs?page=3 and section 4.2 for details.",
            "Libraries: scikit-learn 1.5.2, numpy>=1.26, CUDA 12.1 on an A100-80GB.",
            "```python\nmodel.fit(x, y, epochs=12, lr=0.5)\nassert score > 0.99\n```",
            "1. First of all, 2 of us will be away in week 23.",
            "The 3rd draft of chapter 7 is due in 5 days [12].",
        ])  # fmt: skip

    def _tail(self) -> None:
        self.out.lines += ["", "## 2. Next", "", "We plan 20 more runs by Q3 2024 and a budget of 1,500 EUR.", ""]


def _rounded(value: float, places: int) -> str:
    return str(Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def _rounded_wrongly(value: float, places: int) -> str:
    """Return a value cut off where it has to be rounded up, else one too high in its last place."""
    step = Decimal(1).scaleb(-places)
    cut = Decimal(repr(value)).quantize(step, ROUND_DOWN)
    return str(cut if str(cut) != _rounded(value, places) else cut + step)
