"""Facts of two columns: strongest correlations of numbers, associations of categories, and of one with the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from assistant.dataset.associate import (
    Floats,
    codes_of,
    cramers_v,
    eta,
    eta_code,
    number_array,
    p_of_r,
    pearson,
    pearson_code,
    pearsons,
    spearman_code,
    table_of,
    v_code,
)  # fmt: skip
from assistant.dataset.basis import PAIRED, Basis, col, num
from assistant.dataset.facts_target import Guess
from assistant.dataset.findings import Express, make
from assistant.dataset.types import Fact

STRONG = 0.5
SHOWN = 8
REDUNDANT = "should I remove highly correlated features?"


def ranks(array: Floats) -> Floats:
    """Return the mean ranks, NaN where missing."""
    found = np.full(array.shape, np.nan)
    present = ~np.isnan(array)
    found[present] = rankdata(array[present])
    return found


def correlations(basis: Basis, target: str | None = None) -> Iterator[Fact]:
    """Say which pairs of numbers go together, by Pearson's r, and by rank where that is clearly stronger.

    What goes with the target is said by `with_target`.
    """
    names = [name for name in basis.numbers() if name != target][:PAIRED]
    arrays = {name: number_array(basis, name) for name in names}
    by_value = pearsons(arrays)
    by_rank = pearsons({name: ranks(array) for name, array in arrays.items()})
    found = []
    for (a, b), (r, n) in by_value.items():
        rho = by_rank[a, b][0]
        if n >= 10 and max(abs(r), abs(rho)) >= STRONG and p_of_r(max(abs(r), abs(rho)), n) < 0.001:
            found.append((max(abs(r), abs(rho) - 0.1), a, b, abs(rho) > abs(r) + 0.1, n))
    for _, a, b, rank, n in sorted(found, key=lambda f: -f[0])[:SHOWN]:
        yield _correlation(basis, a, b, rank, n)


def _correlation(basis: Basis, a: str, b: str, by_rank: bool, n: int) -> Fact:
    code, said = (spearman_code, "by rank, Spearman's") if by_rank else (pearson_code, "Pearson's")
    r = basis.part.run(lambda d: code(d, basis, a, b))
    how = "rise together" if r > 0 else "move against each other"
    return make(
        "correlation", "{0} and {1} " + how + ": " + said + " r {value} over {n} rows.", lambda d: code(d, basis, a, b),
        basis.part, columns=(a, b), strength=abs(r) ** 4, n=n, ask=REDUNDANT if abs(r) > 0.9 else "",
    )  # fmt: skip


def associations(basis: Basis, target: str | None = None) -> Iterator[Fact]:
    """Say which categories go together (Cramér's V), and which divide a number (correlation ratio)."""
    groups = [name for name in basis.groups() if name != target][:PAIRED]
    numbers = [name for name in basis.of_kind("number") if basis.computable(name) and name != target][:PAIRED]
    codes = {name: codes_of(basis.part.frame[name]) for name in groups}
    arrays = {name: number_array(basis, name) for name in numbers}
    found: list[tuple[float, str, str, str, int]] = []
    for a, b in combinations(groups, 2):
        if basis.computable(a) and basis.computable(b):
            continue
        v, p, n = cramers_v(table_of(codes[a], codes[b]))
        found.append((v if p < 0.001 else 0.0, "v", a, b, n))
    for a in groups:
        for b in numbers if not basis.computable(a) else ():
            ratio, p, n = eta(codes[a], arrays[b])
            found.append((ratio if p < 0.001 else 0.0, "eta", a, b, n))
    strong = sorted((f for f in found if f[0] >= STRONG), key=lambda f: -f[0])[:SHOWN]
    yield from (_association(basis, *f) for f in strong)


def _association(basis: Basis, size: float, how: str, a: str, b: str, n: int) -> Fact:
    if how == "v":
        return make(
            "association", "{0} and {1} go together: Cramér's V {value} over {n} rows.",
            lambda d: v_code(col(d, a), col(d, b)), basis.part, columns=(a, b), strength=size**4, n=n,
        )  # fmt: skip
    return make(
        "association", "{1} differs by {0}: correlation ratio {value} over {n} rows.",
        lambda d: eta_code(col(d, a), num(d, basis.seen[b])), basis.part, columns=(a, b), strength=size**4, n=n,
    )  # fmt: skip


def strength_with(basis: Basis, target: str, task: str, name: str) -> tuple[float, str]:
    """Return how strongly a column goes with the target, 0 to 1, and by which measure: r, v, eta or eta_of."""
    frame = basis.part.frame
    regress = task == "regression"
    if basis.computable(name) and regress:
        r, n = pearson(number_array(basis, name), number_array(basis, target))
        return (abs(r), "r") if p_of_r(r, n) < 0.001 else (0.0, "r")
    if basis.computable(name) and basis.kinds[name] not in ("boolean",):
        ratio, p, _ = eta(codes_of(frame[target]), number_array(basis, name))
        return (ratio, "eta") if p < 0.001 else (0.0, "eta")
    if not basis.grouping(name):
        return 0.0, ""
    if regress:
        ratio, p, _ = eta(codes_of(frame[name]), number_array(basis, target))
        return (ratio, "eta_of") if p < 0.001 else (0.0, "eta_of")
    v, p, _ = cramers_v(table_of(codes_of(frame[name]), codes_of(frame[target])))
    return (v, "v") if p < 0.001 else (0.0, "v")


def with_target(basis: Basis, guess: Guess) -> Iterator[Fact]:
    """Say which columns go most strongly with the target."""
    target, task = guess.name, guess.task
    names = [name for name in (*basis.numbers(), *basis.groups()) if name != target]
    found = [(*strength_with(basis, target, task, name), name) for name in dict.fromkeys(names[: 4 * PAIRED])]
    for size, how, name in sorted((f for f in found if f[0] >= 0.1), key=lambda f: -f[0])[:5]:
        said, express = measured(basis, how, name, target)
        yield make(
            "target_relation", "{0} goes with " + guess.said + " {1}: " + said + " {value}.", express, basis.part,
            columns=(name, target), strength=size, trust=guess.trust,
        )  # fmt: skip


def measured(basis: Basis, how: str, name: str, target: str) -> tuple[str, Express]:
    """Return what a measure is called, and its expression."""
    seen = basis.seen
    if how == "r":
        return "Pearson's r", lambda d: pearson_code(d, basis, name, target)
    if how == "v":
        return "Cramér's V", lambda d: v_code(col(d, name), col(d, target))
    if how == "eta":
        return "correlation ratio", lambda d: eta_code(col(d, target), num(d, seen[name]))
    return "correlation ratio", lambda d: eta_code(col(d, name), num(d, seen[target]))
