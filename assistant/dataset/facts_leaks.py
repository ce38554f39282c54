"""Facts of leaks: single columns that nearly determine the target, are known only after it, or order the rows by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from assistant.dataset.associate import (
    Floats,
    codes_of,
    cramers_v,
    eta,
    eta_code,
    number_array,
    pearson,
    pearson_code,
    table_of,
    v_code,
)  # fmt: skip
from assistant.dataset.basis import PAIRED, Basis, after, col, num
from assistant.dataset.facts_pairs import measured, strength_with
from assistant.dataset.facts_target import Guess
from assistant.dataset.findings import LISTED, Express, make
from assistant.dataset.names import AFTER_WORDS, words_of
from assistant.dataset.types import Fact

ALMOST = 0.97
"""Share of what is left to predict, from which a single column is said to determine the target."""
BINS = 20
ORDERED = 0.3
"""Cramér's V of the place of a row with its target, from which the order is said to tell it."""
ASK = "what is target leakage and how do I avoid it?"


def leaks(basis: Basis, found: Guess) -> Iterator[Fact]:
    """Say what leaks the target."""
    if basis.seen[found.name].present < 20:
        return
    names = [name for name in basis.seen if name != found.name]
    told = {name: gain for name in names[: 10 * PAIRED] if (gain := _gain(basis, found, name)) >= ALMOST}
    for name in sorted(told, key=lambda name: -told[name])[:LISTED]:
        yield _leak(basis, found, name, told[name])
    after = [name for name in names if name not in told and AFTER_WORDS & set(words_of(name))]
    for name in after[:LISTED]:
        yield _known_after(basis, found, name)
    yield from _order(basis, found)
    yield from _identified(basis, found, told)


# -- a column that tells ----------------------------------------------------------------------------------------------


def _gain(basis: Basis, found: Guess, name: str) -> float:
    """Return how much of what is to predict a column alone gives, 0 to 1."""
    if found.task == "regression":
        return _gain_of_number(basis, found.name, name)
    codes = codes_of(basis.part.frame[found.name])
    if _binned(basis, name):
        values = number_array(basis, name)
        return (
            abs(2 * auc(codes, values) - 1) if found.task == "binary" else gain_of_table(table_of(bins(values), codes))
        )
    return gain_of_table(table_of(codes_of(basis.part.frame[name]), codes)) if _repeats(basis, name) else 0.0


def _gain_of_number(basis: Basis, target: str, name: str) -> float:
    """Return the share of the variance of a numeric target that a column alone explains."""
    if basis.computable(name):
        r, n = pearson(number_array(basis, name), number_array(basis, target))
        return r * r if n >= 20 else 0.0
    return eta(codes_of(basis.part.frame[name]), number_array(basis, target))[0] ** 2 if _repeats(basis, name) else 0.0


def _binned(basis: Basis, name: str) -> bool:
    return basis.computable(name) and basis.seen[name].unique > BINS


def _repeats(basis: Basis, name: str) -> bool:
    """Return whether each value of a column has rows enough to say something."""
    seen = basis.seen[name]
    return (
        seen.holds in ("text", "labels", "boolean", "number")
        and not seen.huge
        and 2 <= seen.unique <= min(200, seen.present // 5)
    )


def gain_of_table(table: NDArray[np.int64]) -> float:
    """Return how much less the most frequent class by value errs than that of all: λ (Goodman and Kruskal 1954)."""
    n = int(table.sum())
    base = int(table.sum(axis=0).max()) if n else 0
    return (int(table.max(axis=1).sum()) - base) / (n - base) if n > base and n >= 20 else 0.0


def auc(codes: NDArray[np.intp], values: Floats) -> float:
    """Return the area under the ROC curve of a number for the second of two classes, by ranks (Mann and Whitney)."""
    both = (codes >= 0) & ~np.isnan(values)
    ones = codes[both] == 1
    positives, negatives = int(ones.sum()), int((~ones).sum())
    if min(positives, negatives) < 5:
        return 0.5
    return float((rankdata(values[both])[ones].sum() - positives * (positives + 1) / 2) / positives / negatives)


def bins(values: Floats, n: int = BINS) -> NDArray[np.intp]:
    """Return the bin of each value, of `n` bins of about equal size; -1 where missing."""
    present = values[~np.isnan(values)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, n + 1)[1:-1])) if present.size else present
    return np.where(np.isnan(values), -1, np.searchsorted(edges, values)).astype(np.intp)


def _leak(basis: Basis, found: Guess, name: str, gain: float) -> Fact:
    said, express = _measured(basis, found, name)
    return make(
        "leak",
        "{0} alone nearly determines " + found.said + " {1} (" + said + "): a leak, unless it is known before the "
        "outcome.",
        express, basis.part, columns=(name, found.name), ask=ASK,
        strength=(gain - ALMOST) / (1 - ALMOST), trust=found.trust,
        more={"bins": BINS} if "{bins}" in said else {},
    )  # fmt: skip


def _measured(basis: Basis, found: Guess, name: str) -> tuple[str, Express]:
    """Return how the strength is said, and its expression."""
    if found.task == "regression" and basis.computable(name):
        return "Pearson's r {value}", lambda d: pearson_code(d, basis, name, found.name)
    if found.task == "regression":
        return "correlation ratio {value}", lambda d: eta_code(col(d, name), num(d, basis.seen[found.name]))
    if _binned(basis, name):
        return "in {bins} bins it tells the class of {value:%} of the rows", lambda d: _told(
            f"pd.qcut({num(d, basis.seen[name])}, {BINS}, duplicates='drop')", col(d, found.name)
        )
    return "its values tell the class of {value:%} of the rows", lambda d: _told(col(d, name), col(d, found.name))


def _told(value: str, goal: str) -> str:
    """Return the code of the share of rows whose class is the most frequent one for their value."""
    return f"(lambda t: t.max(axis=1).sum() / t.sum())(pd.crosstab({value}, {goal}).to_numpy())"


def _known_after(basis: Basis, found: Guess, name: str) -> Fact:
    return make(
        "known_after",
        "{0} may be known only after " + found.said + " {1}, by its name: check when it is written ({value} rows "
        "have it).",
        after(name, ".notna().sum()"), basis.whole, columns=(name, found.name), strength=0.5, ask=ASK,
        trust=found.trust,
    )  # fmt: skip


# -- an order that tells ----------------------------------------------------------------------------------------------


def _order(basis: Basis, found: Guess) -> Iterator[Fact]:
    """Say that the place of a row tells its target, by ten equal blocks of rows; not where there are dates."""
    frame = basis.whole.frame
    if len(frame) < 100 or basis.whole.sampled or basis.of_kind("date"):
        return
    blocks = (np.arange(len(frame)) * 10 // len(frame)).astype(np.intp)
    regress = found.task == "regression"
    goal = bins(frame[found.name].to_numpy(np.float64, na_value=np.nan), 10) if regress else codes_of(frame[found.name])
    v, p, _ = cramers_v(table_of(blocks, goal))
    if v < ORDERED or p > 1e-6:
        return

    def express(d: str) -> str:
        place = f"pd.Series(np.arange({d}.shape[0]) * 10 // {d}.shape[0], index={d}.index)"
        value = num(d, basis.seen[found.name]) if regress else col(d, found.name)
        return v_code(place, f"pd.qcut({value}, 10, labels=False, duplicates='drop')" if regress else value)

    yield make(
        "order_leak",
        "the order of the rows tells " + found.said + " {0}: Cramér's V of {blocks} blocks of rows with it is {value}; "
        "shuffle before splitting, and keep row numbers out.", express, basis.whole, columns=(found.name,), strength=v,
        blocks=10, trust=found.trust, ask="should I shuffle the data before splitting?",
    )  # fmt: skip


def _identified(basis: Basis, found: Guess, told: Mapping[str, float]) -> Iterator[Fact]:
    """Say that a number which only identifies goes with the target: it was given in an order that tells it."""
    for name in basis.of_kind("identifier")[:PAIRED]:
        if name in told or name == found.name or not basis.computable(name):
            continue
        size, how = strength_with(basis, found.name, found.task, name)
        if size >= ORDERED:
            said, express = measured(basis, how, name, found.name)
            yield make(
                "order_leak",
                "{0} only identifies, yet it goes with " + found.said + " {1}: " + said + " {value}; keep it "
                "out of the features.", express, basis.part, columns=(name, found.name), strength=size, ask=ASK,
                trust=found.trust,
            )  # fmt: skip
