"""What a report's words name: runs, metrics with their split, and parameters, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz import fuzz, process
from sqlalchemy import ColumnElement, Connection, func, or_, select

from kb import runs as run_store
from kb import schema
from kb.records import split_of
from kb.runs import RunMetric, RunRow
from kb.store import Catalogue, batches
from kb.text import identifier_parts

_SPLIT_WORDS = {
    "train": "training|train",
    "valid": "validation|valid|val|dev|eval|evaluation|cross-validation|cv|oof",
    "test": "testing|test|held-out|heldout|hold-out|holdout|unseen",
}
_SPLIT_OF = {word: split for split, words in _SPLIT_WORDS.items() for word in words.split("|")}
_SPLIT = "|".join(sorted(_SPLIT_OF, key=len, reverse=True))
_SET = r"(?:[\s_-]*(?:set|data|dataset|split|fold|folds|samples|images|part))?"
_FILLER = frozenset({"score", "metrics", "metric", "value", "final", "epoch", "roc", "avg"})
_SAME = {
    "acc": "accuracy", "auroc": "auc", "rocauc": "auc", "fscore": "f1", "f1score": "f1", "prec": "precision",
    "rec": "recall", "ppl": "perplexity", "err": "error", "pr": "pr",
}  # fmt: skip
_SPELLED = {
    "accuracy": r"accuracy|acc",
    "auc": r"(?:roc[\s_-]*)?auc(?:[\s_-]*roc)?|auroc|area under the (?:roc )?curve",
    "f1": r"f1(?:[\s_-]*score)?|f1[\s_-]*measure|f[\s_-]*score",
    "rmse": r"rmse|root[\s-]mean[\s-]squared?[\s-]error",
    "mse": r"mse|mean[\s-]squared?[\s-]error",
    "mae": r"mae|mean[\s-]absolute[\s-]error",
    "mape": r"mape|mean[\s-]absolute[\s-]percentage[\s-]error",
    "precision": r"precision|prec",
    "recall": r"recall|sensitivity",
    "perplexity": r"perplexity|ppl",
    "error": r"error(?:[\s_-]*rate)?|err",
    "map": r"map|mean[\s-]average[\s-]precision",
    "r2": r"r2|r\^2|r²|r-squared|coefficient of determination",
    "logloss": r"log[\s_-]*loss|cross[\s-]entropy",
    "iou": r"iou|jaccard(?:[\s_-]*index)?",
    "loss": r"loss",
}
_LONG = {
    ("mean", "absolute", "error"): ("mae",), ("root", "mean", "squared", "error"): ("rmse",),
    ("mean", "squared", "error"): ("mse",), ("mean", "absolute", "percentage", "error"): ("mape",),
    ("mean", "average", "precision"): ("map",), ("log", "loss"): ("logloss",), ("error", "rate"): ("error",),
}  # fmt: skip
_TOKEN = re.compile(r"[^\W_](?:[\w./#:@+-]*[\w+])?")
_WHOSE = re.compile(r"\b(?:runs?|trials?|models?|experiments?|version)\b[\s:#'\"`*(]{1,5}\Z", re.IGNORECASE)
_COMMON_WORDS = "test train training validation valid eval best last final model models run runs base small large"
_COMMON = frozenset(_COMMON_WORDS.split())
_PARAM_SAME = {"lr": "learning_rate", "learning_rate": "lr", "bs": "batch_size", "batch_size": "bs"}

ALIKE = 60
"""How much, of 100, a name must resemble a run's to be taken for one that is not stored."""

_CASE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
MOST_NAMES = 20_000

Base = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMention:
    """A place that names runs: one, or several that share the name; none where the name only looks like a run's."""

    start: int
    end: int
    text: str
    runs: tuple[RunRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricMention:
    """A place that names a metric: its words without the split, and the split where it is told."""

    start: int
    end: int
    base: Base
    split: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamMention:
    """A place that names a parameter by the last part of its name."""

    start: int
    end: int
    leaf: str


@lru_cache(maxsize=20_000)
def base_of(name: str) -> Base:
    """Return a metric's words without split and filler, each in its common form: `val_acc` → accuracy."""
    pieces = [part.lower() for piece in re.findall(r"[A-Za-z0-9]+", name) for part in _parts(piece)]
    kept = [_SAME.get(piece, piece) for piece in pieces if piece not in _SPLIT_OF and piece not in _FILLER]
    base = tuple(kept) or tuple(pieces)
    return _LONG.get(base, base)


def _parts(piece: str) -> Iterable[str]:
    # mAP50, F1 and R2 stay whole; testAuc comes apart.
    found = identifier_parts(piece)
    return found if len(found) > 1 and all(len(part) > 2 and part.isalpha() for part in found) else (piece,)


def split_of_metric(metric: RunMetric) -> str | None:
    """Return the split a metric was measured on, from its record or its name."""
    return metric.split or split_of(metric.name)


def metrics_of(run: RunRow, mention: MetricMention) -> tuple[RunMetric, ...]:
    """Return the metrics of a run that a mention means: same words and split, else names that hold its words."""
    same = [m for m in run.metrics if base_of(m.name) == mention.base]
    if not same:
        same = [m for m in run.metrics if set(mention.base) <= set(base_of(m.name))]
    return tuple(m for m in same if mention.split in (None, split_of_metric(m)))


@dataclass(kw_only=True)
class Names:
    """The names that a report may use: those of its runs, and all metrics and parameters."""

    by_name: Mapping[str, tuple[RunRow, ...]]
    metrics: Mapping[Base, frozenset[str]]
    leaves: frozenset[str]
    unknown: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        self._metric = _metric_pattern(self.metrics)
        self._leading = re.compile(
            rf"\b(?:on|for|over|in|at)\s+(?:the\s+|our\s+)?({_SPLIT})[\s_-]+(?:set|data|split|fold)s?\b", re.I
        )
        self._param = _param_pattern(self.leaves)

    # -- runs ------------------------------------------------------------------------------------------------

    def runs_in(self, text: str) -> tuple[RunMention, ...]:
        """Return the places that name runs, in their order."""
        found: list[RunMention] = []
        for match in _TOKEN.finditer(text):
            token = match[0].rstrip(".:/")
            rows = self._meant(token, text, match.start())
            if rows:
                end = match.start() + len(token)
                found.append(RunMention(start=match.start(), end=end, text=token, runs=rows))
            elif token in self.unknown:
                found.append(RunMention(start=match.start(), end=match.start() + len(token), text=token, runs=()))
        return tuple(found)

    def _meant(self, token: str, text: str, at: int) -> tuple[RunRow, ...]:
        rows = self.by_name.get(token.lower(), ())
        if not rows:
            return ()
        plain = token.isalpha() or token.isdigit()
        if not plain:
            return rows
        announced = _WHOSE.search(text, 0, at) is not None or text[at - 1 : at] == "`"
        ordinary = token.isdigit() or len(token) < 4 or token.lower() in _COMMON or base_of(token) in self.metrics
        return rows if announced or not ordinary else ()

    def run_of(self, cell: str) -> RunMention | None:
        """Return the run that a table's cell is, as a whole or by the one name in it."""
        text = cell.strip("`*_ ")
        rows = self.by_name.get(text.lower(), ())
        if rows and base_of(text) not in self.metrics:
            return RunMention(start=0, end=len(text), text=text, runs=rows)
        found = self.runs_in(cell)
        return found[0] if len(found) == 1 else None

    # -- metrics and parameters ------------------------------------------------------------------------------

    def metrics_in(self, text: str) -> tuple[MetricMention, ...]:
        """Return the places that name metrics; a split told for the whole sentence counts for those without one."""
        if self._metric is None:
            return ()
        lead = self._leading.search(text)
        whole = _SPLIT_OF[lead[1].lower()] if lead else None
        return tuple(self._mention(match, whole) for match in self._metric[0].finditer(text))

    def _mention(self, match: re.Match[str], whole: str | None) -> MetricMention:
        assert self._metric is not None
        group = next(name for name, value in match.groupdict().items() if value and name in self._metric[1])
        said = match["before"] or match["after"]
        split = _SPLIT_OF[said.lower()] if said else whole
        return MetricMention(start=match.start(), end=match.end(), base=self._metric[1][group], split=split)

    def params_in(self, text: str) -> tuple[ParamMention, ...]:
        """Return the places that name parameters."""
        if self._param is None:
            return ()
        found = []
        for match in self._param.finditer(text):
            leaf = re.sub(r"[\s-]+", "_", match[0].lower())
            known = next(
                (one for one in (leaf, leaf.replace("_", ""), _PARAM_SAME.get(leaf, "")) if one in self.leaves), None
            )
            if known:
                found.append(ParamMention(start=match.start(), end=match.end(), leaf=known))
        return tuple(found)


def _metric_pattern(metrics: Mapping[Base, Iterable[str]]) -> tuple[re.Pattern[str], dict[str, Base]] | None:
    ordered = sorted((base for base in metrics if base), key=lambda base: (-len(" ".join(base)), base))
    if not ordered:
        return None
    groups = {f"m{at}": base for at, base in enumerate(ordered)}
    spelled = [f"(?P<{name}>{'|'.join(_forms(base, metrics[base]))})" for name, base in groups.items()]
    pattern = (
        rf"(?<![A-Za-z0-9])(?:(?P<before>{_SPLIT}){_SET}[\s_/.-]*)?(?:{'|'.join(spelled)})(?![A-Za-z0-9])(?:[\s_-]score)?"
        rf"(?:[`*]*\s+(?:on|over|for|of)\s+(?:the\s+|our\s+|all\s+)?(?P<after>{_SPLIT})(?:[\s_-]+(?:set|data|split|fold)s?|\b))?"
    )
    return re.compile(pattern, re.IGNORECASE), groups


def _forms(base: Base, names: Iterable[str]) -> list[str]:
    """Return patterns for a metric's words, the longest first: in either order, apart where its names change case."""
    orders = [base, base[::-1]] if len(base) == 2 else [base]
    forms = {r"[\s_/.-]*".join(_spelled(piece) for piece in order) for order in orders}
    for name in names:
        pieces = [piece for piece in re.findall(r"[A-Za-z0-9]+", name) if piece.lower() not in _SPLIT_OF]
        pieces = [piece for piece in pieces if piece.lower() not in _FILLER] or pieces
        parts = [part.lower() for piece in pieces for part in _CASE.findall(piece)]
        parts = [part for part in parts if part not in _SPLIT_OF] or parts
        forms.add(r"[\s_/.-]*".join(map(re.escape, parts)))
    return sorted(forms, key=lambda form: (-len(form), form))


def _spelled(piece: str) -> str:
    return f"(?:{_SPELLED.get(piece, re.escape(piece))})"


def _param_pattern(leaves: Iterable[str]) -> re.Pattern[str] | None:
    forms = {leaf for leaf in leaves if len(leaf) > 1}
    forms |= {_PARAM_SAME[leaf] for leaf in forms if leaf in _PARAM_SAME}
    if not forms:
        return None
    spelled = (re.escape(form).replace("_", r"[\s_-]?") for form in sorted(forms, key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(spelled)})(?![A-Za-z0-9])", re.IGNORECASE)


def shape(token: str) -> str:
    """Return the make of a name: letters and digits as one sign each, joints as they are; "" for plain words."""
    made = re.sub(r"[A-Za-z]+", "a", re.sub(r"\d+", "9", token))
    return made if "9" in made and "a" in made and len(made) > 2 else ""


# -- from the catalogue ----------------------------------------------------------------------------------------------


def names_for(catalogue: Catalogue, text: str) -> Names:
    """Return the names that a report uses: its runs by lower-case name and id, and all metrics and parameters."""
    tokens = {match[0].rstrip(".:/").lower() for match in _TOKEN.finditer(text)}
    cells = {cell.strip("`*_ ").lower() for line in text.split("\n") if "|" in line for cell in line.split("|")}
    by_name = _runs(catalogue, sorted(tokens | {cell for cell in cells if 0 < len(cell) < 200}))
    metrics: dict[Base, set[str]] = {}
    with catalogue.read() as conn:
        for name in distinct(conn, schema.run_metrics.c.name):
            metrics.setdefault(base_of(name), set()).add(name)
        leaves = frozenset(distinct(conn, schema.run_params.c.leaf))
        unknown = _unknown(conn, text, by_name, metrics)
    return Names(
        by_name=by_name,
        metrics={base: frozenset(found) for base, found in metrics.items()},
        leaves=leaves,
        unknown=unknown,
    )


def _unknown(
    conn: Connection, text: str, known: Mapping[str, object], metrics: Mapping[Base, object]
) -> frozenset[str]:
    """Return the words of a report that are made like the runs' names, resemble one, and are none."""
    r, p = schema.runs, schema.run_params
    stored = [row.name or row.run_id for row in conn.execute(select(r.c.name, r.c.run_id).limit(MOST_NAMES))]
    shapes = {shape(name) for name in stored} - {""}
    tokens = {match[0].rstrip(".:/") for match in _TOKEN.finditer(text)}
    like = {
        token
        for token in tokens
        if len(token) >= 4 and shape(token) in shapes and token.lower() not in known and base_of(token) not in metrics
    }
    lowered = [name.lower() for name in dict.fromkeys(stored)]
    like = {one for one in like if process.extractOne(one.lower(), lowered, scorer=fuzz.ratio, score_cutoff=ALIKE)}
    values = {
        value for part in batches(sorted(like)) for value in conn.scalars(select(p.c.text).where(p.c.text.in_(part)))
    }
    return frozenset(like - values)


def _runs(catalogue: Catalogue, tokens: Sequence[str]) -> dict[str, tuple[RunRow, ...]]:
    r = schema.runs
    pks: dict[str, list[int]] = {}
    with catalogue.read() as conn:
        for part in batches(tokens):
            name, id = func.lower(r.c.name), func.lower(r.c.run_id)
            query = select(r.c.id, name.label("name"), id.label("run_id")).where(or_(name.in_(part), id.in_(part)))
            for row in conn.execute(query.where(r.c.loose == 0, r.c.deleted == 0)):
                for said in {row.name, row.run_id} & set(part):
                    pks.setdefault(said, []).append(row.id)
    rows = {
        row.pk: row for row in run_store.runs(catalogue, pks=sorted({pk for found in pks.values() for pk in found}))
    }
    return {name: tuple(rows[pk] for pk in found) for name, found in pks.items()}


def distinct(conn: Connection, column: ColumnElement[str]) -> Iterator[str]:
    """Yield the different values of an indexed column, one look-up each."""
    value = conn.scalar(select(func.min(column)))
    while value is not None:
        yield value
        value = conn.scalar(select(func.min(column)).where(column > value))
