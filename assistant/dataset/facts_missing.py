"""Facts of missing values: how many, written as words or as odd numbers, together, and depending on other columns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assistant.dataset.associate import Relation, related
from assistant.dataset.basis import PAIRED, Basis, after, listed, literal
from assistant.dataset.columns import Seen
from assistant.dataset.facts_target import Guess
from assistant.dataset.findings import LISTED, TINY, Express, make
from assistant.dataset.types import Fact

TOKENS = frozenset(
    {"", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "-", "--", "?", ".", "missing", "unknown", "undefined",
     "not available", "not applicable", "#n/a", "#null!", "(null)", "<na>", "unspecified", "no data", "tbd"}
)  # fmt: skip
SENTINELS = frozenset(
    float(n)
    for n in (-1, -9, -99, -999, -9999, -99999, 99, 999, 9999, 99999, 999999, -88, -77, 777, 888, -32768, 32767)
)
ODD_DATES = ("1900-01-01", "1970-01-01", "1899-12-30", "1899-12-31", "2099-12-31", "2999-12-31", "9999-12-31")
HOW_NUMBER = "how should I impute missing values in a numeric column?"
PLACEHOLDER = "how do I mark placeholder values as missing?"
HOW_CATEGORY = "how should I impute missing values in a categorical column?"


def missing(basis: Basis) -> Iterator[Fact]:
    """Say which columns miss how many values, or that none does."""
    found = sorted((name for name, n in basis.missing.items() if n), key=lambda name: -basis.missing[name])
    if basis.rows and basis.seen and not found:
        yield make(
            "whole", "no value is missing in {rows} rows.", lambda d: f"{d}.isna().sum().sum()", basis.whole, known=0,
            rows=basis.rows,
        )  # fmt: skip
    for name in found[:LISTED]:
        yield _missing_in(basis, name)
    if len(found) > LISTED:
        yield make(
            "note", "{value} columns miss values; the {listed} that miss most are listed.",
            lambda d: f"{d}.isna().any().sum()", basis.whole, known=len(found), listed=LISTED,
        )  # fmt: skip


def _missing_in(basis: Basis, name: str) -> Fact:
    count, share = basis.missing[name], basis.share(basis.missing[name])
    empty = count == basis.rows
    numeric = basis.kinds[name] in ("number", "ordinal", "date")
    said = (
        "{0} is empty: all {value} values are missing."
        if empty
        else "{0} is missing in {value} of {rows} rows ({share:%})."
    )
    parts = {} if empty else {"rows": basis.rows, "share": share}
    return make(
        "missing", said, after(name, ".isna().sum()"), basis.whole, known=count, columns=(name,),
        strength=0.8 if empty else 2 * share if share < 0.5 else 1.0,
        ask="" if empty else (HOW_NUMBER if numeric else HOW_CATEGORY), more=parts,
    )  # fmt: skip


# -- missing in disguise ----------------------------------------------------------------------------------------------


def disguised(basis: Basis) -> Iterator[Fact]:
    """Say which texts and numbers probably stand for a missing value."""
    for seen in basis.seen.values():
        if seen.holds in ("text", "mixed"):
            yield from _tokens(basis, seen)
        elif seen.holds == "number" and seen.stats:
            yield from _sentinels(basis, seen)
        elif seen.holds == "date":
            yield from _odd_dates(basis, seen)


def _tokens(basis: Basis, seen: Seen) -> Iterator[Fact]:
    tokens = [v for v in seen.values if isinstance(v, str) and v.strip().lower() in TOKENS]
    if not tokens or len(tokens) == seen.unique or seen.holds == "mixed":
        return
    count = sum(n for v, n in zip(seen.values, seen.counts, strict=True) if v in set(tokens))
    parts = {f"token_{n}": token for n, token in enumerate(tokens[:4])}
    said = ", ".join(f"{{{part}}}" for part in parts)
    yield make(
        "missing_token", "{0} holds " + said + " in {value} of {rows} rows ({share:%}), which may mean missing.",
        after(seen.name, f".isin({listed(tokens)}).sum()"), basis.whole,
        columns=(seen.name,), strength=2 * count / seen.rows, rows=seen.rows, share=count / seen.rows,
        ask=PLACEHOLDER, more=parts,
    )  # fmt: skip


def _sentinels(basis: Basis, seen: Seen) -> Iterator[Fact]:
    for end in sorted({seen.stats["min"], seen.stats["max"]} & SENTINELS):
        array = basis.whole.frame[seen.name].to_numpy(dtype=np.float64, na_value=np.nan)
        count, rest = int((array == end).sum()), array[np.isfinite(array) & (array != end)]
        if seen.unique > 3 and count >= max(2, 0.001 * seen.rows) and _apart(end, rest, seen):
            yield make(
                "sentinel",
                "{0} is {sentinel} in {value} of {rows} rows ({share:%}), far from its other values: it may stand "
                "for missing.",
                after(seen.name, f".eq({literal(end)}).sum()"), basis.whole, columns=(seen.name,),
                strength=4 * count / seen.rows, sentinel=int(end), rows=seen.rows, share=count / seen.rows,
                ask=PLACEHOLDER,
            )  # fmt: skip


def _apart(end: float, rest: NDArray[np.float64], seen: Seen) -> bool:
    """Return whether a value stands alone: a -1 below values of zero and more, others by as much as the rest spans."""
    if not rest.size or (not seen.whole and end == -1):
        return False
    low, high = float(rest.min()), float(rest.max())
    gap = low - end if end < low else end - high
    return (end == -1 and low >= 0 and high > 10) or (abs(end) > 1 and gap > 0.5 * max(high - low, 1.0))


def _odd_dates(basis: Basis, seen: Seen) -> Iterator[Fact]:
    for day in ODD_DATES:
        if day not in (seen.stats["min"][:10], seen.stats["max"][:10]) or seen.unique < 3:
            continue
        on_day = after(seen.name, f".dt.strftime('%Y-%m-%d').eq({day!r}).sum()")
        count = basis.whole.run(on_day)
        if count >= 2:
            yield make(
                "sentinel", "{0} is {day} in {value} of {rows} rows ({share:%}): it may stand for missing.",
                on_day, basis.whole, columns=(seen.name,),
                strength=4 * count / seen.rows, day=day, rows=seen.rows, share=count / seen.rows,
                ask=PLACEHOLDER,
            )  # fmt: skip


# -- missing for a reason ---------------------------------------------------------------------------------------------


def together(basis: Basis) -> Iterator[Fact]:
    """Say which columns miss values in the same rows."""
    some = [name for name, n in basis.missing.items() if 0 < n < basis.rows][:PAIRED]
    masks = {name: basis.part.frame[name].isna().to_numpy() for name in some}
    found = []
    for first, second in combinations(some, 2):
        both, either = int((masks[first] & masks[second]).sum()), int((masks[first] | masks[second]).sum())
        if both >= 5 and both >= 0.8 * either:
            found.append((both / either, first, second, both, either))
    for share, first, second, _, either in sorted(found, key=lambda f: -f[3])[:5]:
        yield make(
            "missing_together",
            "{0} and {1} are missing together in {value} of the {either} rows where one of them is ({share:%}).",
            _both_missing(first, second), basis.part, columns=(first, second),
            strength=either / len(basis.part.frame), either=either, share=share,
        )  # fmt: skip


def _both_missing(first: str, second: str) -> Express:
    return lambda d: f"{d}[{listed((first, second))}].isna().all(axis=1).sum()"


def depends(basis: Basis, guess: Guess | None) -> Iterator[Fact]:
    """Say where a value is missing more often for some values of another column (the target first): tests with p.

    A missing value that depends on others is not missing completely at random (Rubin 1976).
    """
    some = [n for n, count in basis.missing.items() if 0.01 <= basis.share(count) <= 0.99 and count >= 10][:PAIRED]
    target = guess.name if guess else None
    others = [name for name in (*basis.numbers(), *basis.groups()) if name != target][:PAIRED]
    tests = max(1, len(some) * (len(others) + (target is not None)))
    found = []
    for name in some:
        mask = basis.part.frame[name].isna()
        for other in (*((target,) if target else ()), *others):
            relation = None if other == name else related(basis, mask, other)
            if relation and relation.p * tests < 0.001 and relation.effect >= 0.1:
                found.append((other == target, relation.effect, name, other, relation))
    yield from (_depends(basis, guess if f[0] else None, *f[1:]) for f in _best_each(found))


def _best_each(found: list[tuple[bool, float, str, str, Relation]]) -> list[tuple[bool, float, str, str, Relation]]:
    """Return the strongest relation of each column that misses values, the target before others; at most eight."""
    best: dict[str, tuple[bool, float, str, str, Relation]] = {}
    for one in sorted(found, key=lambda f: (not f[0], -f[1])):
        best.setdefault(one[2], one)
    return list(best.values())[:8]


def _depends(basis: Basis, guess: Guess | None, effect: float, name: str, other: str, relation: Relation) -> Fact:
    what = f"{guess.said} {{1}}" if guess else "{1}"
    return make(
        "missing_depends",
        "whether {0} is missing depends on " + what + " (" + relation.said + " {value}, {p:p}, {n} rows): "
        "it is not missing completely at random.",
        relation.express(basis, name, other), basis.part, columns=(name, other),
        strength=effect + (0.3 * guess.trust if guess else 0), p=relation.p, n=relation.n, p_below=TINY,
        ask="how do I handle values that are not missing at random?",
    )  # fmt: skip
