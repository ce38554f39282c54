"""The names that a question wants back, bound to what was read: by statistic, column, group, phase."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant.dataset.asks import Ask
from assistant.dataset.draft import Draft, Want
from assistant.dataset.lexicon import METRICS
from assistant.dataset.steps import Call, Col, Compare, Const, Output
from assistant.dataset.tokens import bag, identifier_words, stem

_FUNCTIONS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (name, frozenset(words.split()))
    for name, words in (
        ("std", "std stdev stddev sd deviation dev"), ("median", "median med"), ("mean", "mean avg averag average"),
        ("var", "var varianc variance"), ("min", "min minimum lowest smallest least"), ("max", "max maximum highest "
                                                                                               "largest greatest"),
        ("skew", "skew skewnes skewness"), ("kurtosis", "kurtosi kurtosis kurt"), ("mode", "mode"), ("iqr", "iqr"),
        ("q1", "q1"), ("q3", "q3"), ("rmse", "rmse"), ("mse", "mse"), ("mae", "mae"), ("r2", "r2"),
        ("accuracy", "accuracy"),
        ("precision", "precision"), ("recall", "recall"), ("f1", "f1"), ("roc_auc", "auc"),
        ("correlation", "correlation corr correlat r coefficient pearson spearman kendall"),
        ("share", "proportion share fraction"), ("percent", "percentag percentage percent pct"), 
        ("range", "rang range"), ("sum", "sum total"),
        ("unique", "unique distinct"), ("missing", "missing null nan"), ("outliers", "outlier"),
        ("count", "count number num frequency"),
    )
)  # fmt: skip
_PLAIN = bag("mean median std var min max")
_STATISTIC = bag("statistic stat statistics chi2 chi tstat fstat")
TEXTUAL = frozenset({"at_max", "at_min", "mode", "values", "first", "last"})
OUTLYING = "is an outlier"
_PRE = bag("before pre original initial prior")
_POST = bag(
    "after post new cleaned without removed remaining transformed final preprocessed normalized fill"
    "ed imputed excluding"
)
_COUNTS = frozenset(
    {"rows", "counts", "count", "unique", "missing", "outliers", "duplicates", "missing_rows", "columns"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense:
    """What a wanted name says of itself."""

    function: str = ""
    part: str | None = None
    columns: tuple[str, ...] = ()
    phase: str = ""
    words: frozenset[str] = frozenset()
    order: tuple[str, ...] = ()


def sense_of(draft: Draft, ask: Ask) -> Sense:
    """Read a name: first the columns in it, then the statistic among what is left."""
    words = ask.words
    columns, rest = _columns_in(draft, words)
    stems = [stem(word) for word in rest]
    part = _part(stems, ask)
    function = "" if part == "p" else _metric(words) or _function(stems)
    if not function and part is None and not ask.text:
        value = [stem(w) for piece in ask.value.replace(" ", "_").split("_") for w in identifier_words(piece)]
        part = _part(value, ask)
        function = "" if part == "p" else _function([word for word in value if word not in ("number", "value", "valu")])
    low = {word.lower() for word in words}
    phase = "pre" if low & _PRE else "post" if low & _POST else ""
    every = frozenset(stem(word) for word in words)
    return Sense(function=function, part=part, columns=columns, phase=phase, words=every, order=tuple(words))


def _metric(words: Sequence[str]) -> str:
    """A model's metric spelt out: `mean_squared_error`."""
    text = " ".join(words).lower()
    return next((metric for pattern, metric in METRICS if re.search(rf"\b(?:{pattern})\b", text)), "")


def _part(stems: Sequence[str], ask: Ask) -> str | None:
    found = set(stems)
    if found & {"pvalue", "pval"} or ("p" in found and found & {"value", "val", "valu"}) or found == {"p"}:
        return "p"
    if found & _STATISTIC or (
        {"t", "value"} <= found or {"f", "value"} <= found or {"f", "valu"} <= found or {"t", "valu"} <= found
    ):
        return "statistic"
    if "intercept" in found:
        return "intercept"
    return None


def _function(stems: Sequence[str]) -> str:
    found = set(stems)
    ranked = [name for name, words in _FUNCTIONS if found & words]
    plain = [name for name in ranked if name in _PLAIN]
    if len(plain) > 1 and plain[0] == ranked[0]:
        return next(name for each in stems for name in plain if each in dict(_FUNCTIONS)[name])
    return ranked[0] if ranked else ""


def _columns_in(draft: Draft, words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns named by runs of a name's words, longest first, and the words that are left."""
    names: list[str] = []
    left = list(words)
    for size in range(min(6, len(words)), 0, -1):
        for start in range(len(words) - size + 1):
            window = tuple(words[start : start + size])
            if not all(word in left for word in window) or (
                size == 1 and (len(window[0]) < 2 or _function([stem(window[0])]))
            ):
                continue
            scored = draft.linker.scored(window)
            if scored and scored[0][0] >= 0.8 and (len(scored) == 1 or scored[0][0] - scored[1][0] > 0.02):
                names.append(scored[0][1])
                for word in window:
                    left.remove(word)
    return tuple(names), tuple(left)


# -- candidates -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a name may get its value, and how well it fits."""

    want: int
    part: str | None = None
    group: tuple[Any, ...] = ()
    score: float = 0.0


def bind(draft: Draft) -> tuple[list[tuple[Ask, Place]], list[Ask]]:
    """Give every name that asks for a number or list its place; return those bound and those not."""
    bound: list[tuple[Ask, Place]] = []
    unbound: list[Ask] = []
    used: set[tuple[Any, ...]] = set()
    numbers = [ask for ask in draft.asks if not ask.text or len(ask.options) < 2]
    for ask in numbers:
        place = _best(draft, ask, used)
        if place is None:
            unbound.append(ask)
        else:
            used.add((place.want, place.part, place.group))
            bound.append((ask, place))
    return bound, unbound


def _best(draft: Draft, ask: Ask, used: set[tuple[Any, ...]]) -> Place | None:
    sense = sense_of(draft, ask)
    places = [p for index, want in enumerate(draft.wants) for p in _places(draft, ask, sense, index, want)]
    free = [p for p in places if (p.want, p.part, p.group) not in used]
    free.sort(key=lambda place: -place.score)
    if not free or free[0].score <= 0:
        return None
    if len(free) > 1 and free[0].score - free[1].score < 0.05:
        same_want = free[0].want == free[1].want
        return free[0] if not same_want and (sense.function or sense.part or _in_order(draft)) else None
    return free[0]


def _in_order(draft: Draft) -> bool:
    """Tell whether names may be bound by their order alone: as many values are measured as numbers are wanted."""
    numbers = [ask for ask in draft.asks if not ask.text]
    return len(numbers) == len([want for want in draft.wants if want.phase != "flag"])


def _places(draft: Draft, ask: Ask, sense: Sense, index: int, want: Want) -> list[Place]:
    if ask.text and want.function not in TEXTUAL:
        return []
    if (
        want.function in ("missing", "missing_share", "names", "types", "values")
        and not want.columns
        and not ask.listed
    ):
        return []
    parts = _parts(sense, want) if want.phase != "flag" else (None, 3.0)
    if parts is None or not _flagged(ask, want):
        return []
    if want.kind == "fit" and not sense.function and parts[0] is None and len(draft.asks) > 1:
        slope = {"slope", "slop", "coef", "coefficient", "beta"} & sense.words
        features = want.extra.get("features", ())
        return [Place(want=index, part=f"coef:{features[0]}", score=1.0)] if slope and len(features) == 1 else []
    part, score = parts
    if sense.columns and want.names:
        overlap = len(
            set(sense.columns)
            & {
                *want.names,
                want.extra.get("of", ""),
                *want.by,
                *want.extra.get("features", ()),
                want.extra.get("target", ""),
            }
        )
        grouped = replace_by(want) if want.function in ("counts", "shares") else want
        if not overlap and len(sense.columns) == 1 and not (grouped.by and _groups(draft, ask, sense, grouped)):
            return []
        score += 1.0 * overlap - (0.0 if overlap else 0.6)
    score += _phase_score(sense, want)
    if want.extra.get("variant"):
        score += 0.8 if set(want.extra["variant"]) & sense.words else -0.2
    elif want.kind == "fit" and any(w.extra.get("variant") for w in draft.wants):
        score += 0.3
    if want.function == "rows" and any(other.function in ("counts", "crosstab") for other in draft.wants):
        score -= 0.9
    if want.where is not None and want.phase != "flag":
        score += 0.7 if _value_words(want.where) & sense.words else -0.4
    if want.by and want.kind == "measure" and not ask.listed:
        return [Place(want=index, part=part, group=g, score=score + s) for g, s in _groups(draft, ask, sense, want)]
    if want.function in ("counts", "shares") and not ask.listed:
        return [
            Place(want=index, part=part, group=g, score=score + s)
            for g, s in _groups(draft, ask, sense, replace_by(want))
        ]
    return [Place(want=index, part=part, score=score)]


def replace_by(want: Want) -> Want:
    """Counts and shares are by the values of their own column."""
    return replace(want, by=want.names[:1])


def _value_words(condition: Any) -> set[str]:
    if isinstance(condition, Compare) and condition.right is not None and hasattr(condition.right, "value"):
        return {stem(word) for word in identifier_words(str(condition.right.value))}
    return set()


def _phase_score(sense: Sense, want: Want) -> float:
    if not want.phase or not sense.phase:
        return 0.0
    return 0.6 if want.phase == sense.phase else -1.5


def _flagged(ask: Ask, want: Want) -> bool:
    return want.phase != "flag" or (ask.listed and want.said == ask.name)


def _parts(sense: Sense, want: Want) -> tuple[str | None, float] | None:
    """The part of a want that a name means, with a score; None where it cannot be meant."""
    function = want.extra.get("metric") or want.function
    testing = want.kind == "test" or want.function == "correlation"
    if sense.part == "p":
        return ("p", 1.0) if testing else None
    if sense.part == "statistic":
        return ("statistic", 1.0) if want.kind == "test" else None
    if sense.part == "intercept":
        return ("intercept", 1.0) if want.kind == "fit" else None
    if want.kind == "test":
        return (None, 0.2) if not sense.function else None
    if not sense.function:
        return (None, 0.4 if want.kind != "fit" else 0.3)
    same = {
        "q1": want.function == "quantile" and want.options.get("q") == 0.25,
        "q3": want.function == "quantile" and want.options.get("q") == 0.75,
        "count": function in _COUNTS,
        "share": function in ("share", "shares", "missing_share"),
        "percent": (function == "mean" and "of" not in want.options) or function in ("shares",),
        "max": function in ("max", "at_max"),
        "min": function in ("min", "at_min"),
        "missing": function in ("missing", "missing_rows", "missing_share"),
        "mode": function in ("mode", "at_max"),
        "sum": function == "sum" or function in ("rows", "outliers", "unique", "missing"),
    }.get(sense.function, function == sense.function) or sense.function == want.extra.get("as")
    if not same:
        return None
    return None, 1.0


def _groups(draft: Draft, ask: Ask, sense: Sense, want: Want) -> list[tuple[tuple[Any, ...], float]]:
    """The groups that a name's words pick out; nothing where it picks none or several."""
    chosen: list[Any] = []
    score = 0.0
    for name in want.by:
        value, fit = _group_value(draft, ask, sense, name)
        if value is None:
            return []
        chosen.append(value)
        score += fit
    return [(tuple(chosen), score)]


def _group_value(draft: Draft, ask: Ask, sense: Sense, name: str) -> tuple[Any, float]:
    if draft.bins is not None and name == draft.bins[0]:
        values: list[Any] = list(draft.bins[3])
    elif name in draft.labels:
        values = list(draft.labels[name])
    elif name == "year" and name in draft.derived:
        values = [int(word) for word in sense.order if re.fullmatch(r"\d{4}", word)]
    elif name in draft.derived or name not in draft.linker.by_name:
        return None, 0.0
    else:
        values = [value for value, _ in draft.column(name).values]
    column = draft.linker.by_name.get(name)
    words = [stem(word) for word in sense.order]
    negated = any(word in ("not", "non", "no") for word in sense.order)
    if column is not None and column.yes is not None and not any(str(value).lower() in sense.order for value in values):
        shared = {stem(part) for part in column.parts} & set(words)
        prefix = any(a[:5] == b[:5] for a in words for b in map(stem, column.parts) if len(a) > 4 and len(b) > 4)
        return ((column.no if negated else column.yes), 0.5) if shared or prefix else (None, 0.0)
    fits = []
    for value in values:
        parts = [stem(part) for part in identifier_words(str(value))]
        if parts and _inside(parts, words):
            fits.append((len(parts), value))
        elif str(value).lower() in ("m", "f") and {"m": "male", "f": "female"}[str(value).lower()] in sense.order:
            fits.append((1, value))
    fits.sort(key=lambda pair: -pair[0])
    if not fits or (len(fits) > 1 and fits[0][0] == fits[1][0]):
        return None, 0.0
    return fits[0][1], 0.5


def _inside(parts: list[str], words: list[str]) -> bool:
    return any(words[start : start + len(parts)] == parts for start in range(len(words) - len(parts) + 1))


def synthesise(draft: Draft, unbound: list[Ask]) -> bool:
    """Want what a name alone asks for: a statistic of the column that it names, or of the one in focus."""
    added = False
    simple = {
        "mean",
        "std",
        "median",
        "var",
        "min",
        "max",
        "sum",
        "skew",
        "kurtosis",
        "mode",
        "iqr",
        "range",
        "q1",
        "q3",
    }
    for ask in unbound:
        sense = sense_of(draft, ask)
        names = [name for name in sense.columns if draft.numeric(name) or name in draft.derived]
        if not names and len(draft.focus) == 1:
            names = list(draft.focus)
        if ask.listed and draft.outlying:
            added = _listed(draft, ask, sense) or added
        if sense.function in ("missing", "count", "sum") and "missing" in sense.order and not sense.columns:
            added = _all_missing(draft, ask) or added
        pair = [name for name in sense.columns if draft.numeric(name)]
        if sense.function == "correlation" and len(pair) == 2 and "correlat" in draft.page.text.lower():
            method = {"method": draft.settings.method or "pearson"}
            columns = (Col(pair[0]), Col(pair[1]))
            draft.want(Want(kind="measure", function="correlation", columns=columns, options=method, said=ask.name))
            added = True
        if sense.function in simple and len(names) == 1 and sense.part is None:
            options = {"q1": {"q": 0.25}, "q3": {"q": 0.75}}.get(sense.function, {})
            function = "quantile" if options else sense.function
            before = len(draft.wants)
            by = tuple(g for g in draft.groups if g not in names and _group_value(draft, ask, sense, g)[0] is not None)
            draft.want(
                Want(
                    kind="measure",
                    function=function,
                    columns=(Col(names[0]),),
                    by=by,
                    options=options,
                    said=ask.name,
                    phase=sense.phase,
                )
            )
            added = added or len(draft.wants) > before
    return added


def _all_missing(draft: Draft, ask: Ask) -> bool:
    """Missing values of the whole table: their sum over all columns."""
    gaps = tuple(Call("is_missing", (Col(name),)) for name in draft.linker.by_name if name not in draft.derived)
    if not any(want.function == "missing" for want in draft.wants) or not gaps:
        return False
    total = Call("add", gaps) if len(gaps) > 1 else gaps[0]
    draft.want(Want(kind="measure", function="sum", columns=(total,), said=ask.name, extra={"as": "missing"}))
    return True


def _listed(draft: Draft, ask: Ask, sense: Sense) -> bool:
    """A list of which rows stay: the values of the column that the name or its explanation speaks of."""
    said = [column.name for column in draft.linker.columns if re.search(rf"\b{re.escape(column.name)}", ask.about)]
    names = said or [name for name in sense.columns if name not in draft.outlying]
    if not names:
        names = [c.name for c in draft.linker.columns if c.name.lower() in {word.rstrip("s") for word in sense.order}]
    if len(names) != 1:
        return False
    flagged = Compare("eq", Col(OUTLYING), Const(True))
    draft.want(
        Want(
            kind="measure",
            function="values",
            columns=(Col(names[0]),),
            where=flagged,
            options={"all": True},
            said=ask.name,
            phase="flag",
        )
    )
    return True


def output(ask: Ask, place: Place, label: str, value: str) -> Output:
    """A bound name; a list of several is not rounded away, a whole number is."""
    digits = ask.digits if not ask.integer else (0 if value not in _COUNTS else None)
    return Output(name=ask.name, label=label, part=place.part, group=place.group, digits=digits)
