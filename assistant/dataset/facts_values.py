"""Facts of single columns of numbers and dates: constants, outliers, shape, infinite and impossible values, units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assistant.dataset.basis import Basis, after, after_num, col, listed, literal, num
from assistant.dataset.columns import Seen
from assistant.dataset.findings import LISTED, Express, make
from assistant.dataset.names import range_of, unit_of
from assistant.dataset.types import Fact

SKEWED = 1.0
"""|skewness| from which a distribution is called skewed (Bulmer 1979, Principles of Statistics: highly skewed)."""


def _first(found: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return the strongest of found columns, as many as are listed."""
    return sorted(found, key=lambda f: -f[0])[:LISTED]


# -- constants --------------------------------------------------------------------------------------------------------


def constants(basis: Basis) -> Iterator[Fact]:
    """Say which columns hold one value, or nearly always one."""
    for name in basis.of_kind("constant")[:LISTED]:
        code = "map(repr).nunique()" if basis.seen[name].holds in ("nested", "mixed") else "nunique()"
        some = basis.seen[name].missing > 0
        said = "{0} holds only {value} value where it is not missing: being missing may be what it says."
        yield make(
            "constant", said if some else "{0} holds only {value} value in all {rows} rows: it says nothing.",
            after(name, f".dropna().{code}"), basis.whole, columns=(name,), strength=0.3 if some else 0.8,
            ask="should I remove constant features?", more={} if some else {"rows": basis.seen[name].rows},
        )  # fmt: skip
    yield from _near_constant(basis)


def _near_constant(basis: Basis) -> Iterator[Fact]:
    found = (
        (seen.most / seen.present, name)
        for name, seen in basis.seen.items()
        if seen.unique > 1 and seen.present >= 50 and seen.most >= 0.98 * seen.present
        and seen.holds not in ("nested", "mixed")
    )  # fmt: skip
    for share, name in _first(found):
        yield make(
            "near_constant", "{0} holds the same value in {value} of {rows} rows ({share:%}).",
            after(name, ".value_counts().max()"), basis.whole, columns=(name,), strength=share,
            rows=basis.seen[name].present, share=share, ask="should I remove features of low variance?",
        )  # fmt: skip


# -- spread -----------------------------------------------------------------------------------------------------------


def outliers(basis: Basis) -> Iterator[Fact]:
    """Say how many values lie beyond the fences of Tukey (1977): 1.5 interquartile ranges from the quartiles."""
    found = ((seen.outside / seen.present, n) for n in basis.of_kind("number") if (seen := basis.seen[n]).outside)
    for share, name in _first(found):
        seen = basis.seen[name]
        count = basis.whole.run(_outside(seen))
        if count:
            low, high = _fences(seen)
            yield make(
                "outliers",
                "{0} has {value} of {rows} values ({share:%}) outside {low} to {high}, {factor} IQR from the "
                "quartiles.",
                _outside(seen), basis.whole, columns=(name,), strength=4 * share, low=low,
                high=high,
                rows=seen.present, share=count / seen.present, factor=1.5, ask="how should I handle outliers?",
            )  # fmt: skip


def _fences(seen: Seen) -> tuple[float, float]:
    spread = 1.5 * (seen.stats["q3"] - seen.stats["q1"])
    return seen.stats["q1"] - spread, seen.stats["q3"] + spread


def _outside(seen: Seen) -> Express:
    low, high = _fences(seen)
    return lambda d: f"(({num(d, seen)} < {low!r}) | ({num(d, seen)} > {high!r})).sum()"


def shapes(basis: Basis) -> Iterator[Fact]:
    """Say which numbers are skewed, and which are mostly zero."""
    numbers = [name for name in basis.of_kind("number") if basis.computable(name)]
    found = []
    for name in _varied(basis, numbers):
        skewness = basis.part.run(after_num(basis.seen[name], ".skew()"))
        if skewness == skewness and abs(skewness) >= SKEWED:
            found.append((abs(skewness), name))
    for size, name in _first(found):
        where = "right" if basis.part.run(after_num(basis.seen[name], ".skew()")) > 0 else "left"
        yield make(
            "skew", "{0} is skewed to the " + where + ": skewness {value}, median {median}, mean {mean}.",
            after_num(basis.seen[name], ".skew()"), basis.part, columns=(name,), strength=size / 10,
            median=basis.seen[name].stats["median"], mean=basis.seen[name].stats["mean"],
            ask="how do I transform a skewed feature?",
        )  # fmt: skip
    yield from _zeros(basis, numbers)


def _varied(basis: Basis, numbers: list[str]) -> list[str]:
    """Return the columns whose mean and median lie furthest apart, in standard deviations."""
    return sorted(numbers, key=lambda n: -_apart(basis.seen[n]))[: 2 * LISTED]


def _apart(seen: Seen) -> float:
    std = seen.stats.get("std", 0.0)
    return abs(seen.stats["mean"] - seen.stats["median"]) / std if std > 1e-300 else 0.0


def _zeros(basis: Basis, numbers: list[str]) -> Iterator[Fact]:
    found = ((seen.zeros / seen.present, n) for n in numbers if (seen := basis.seen[n]).zeros >= 0.3 * seen.present)
    for share, name in _first(found):
        if basis.seen[name].zeros:
            yield make(
                "zeros", "{0} is zero in {value} of {rows} rows ({share:%}).", after(name, ".eq(0).sum()"), basis.whole,
                columns=(name,), strength=share, rows=basis.seen[name].present, share=share,
            )  # fmt: skip


# -- values that cannot be --------------------------------------------------------------------------------------------


def strange(basis: Basis) -> Iterator[Fact]:
    """Say which columns hold infinite, huge or impossible values, or dates that have not come yet."""
    for name, seen in basis.seen.items():
        if seen.holds == "number":
            yield from _infinite(basis, seen)
            yield from _huge(basis, seen)
            yield from _impossible(basis, seen)
        elif seen.holds == "date":
            yield from _future(basis, name)


def _infinite(basis: Basis, seen: Seen) -> Iterator[Fact]:
    if seen.infinite and seen.dtype[0] == "f":
        yield make(
            "infinite", "{0} holds {value} infinite values in {rows} rows.",
            lambda d: f"np.isinf({col(d, seen.name)}).sum()", basis.whole, columns=(seen.name,),
            strength=0.5 + seen.infinite / seen.rows, rows=seen.rows,
            ask="how do I handle infinite values before fitting?",
        )  # fmt: skip


def _huge(basis: Basis, seen: Seen) -> Iterator[Fact]:
    if seen.huge:
        yield make(
            "huge_values", "{0} holds values up to {value} in size: sums and squares of them overflow.",
            after_num(seen, ".abs().max()"), basis.whole, columns=(seen.name,), strength=0.5,
        )  # fmt: skip


def _impossible(basis: Basis, seen: Seen) -> Iterator[Fact]:
    allowed = range_of(seen.name)
    if allowed is None or not seen.stats or (seen.stats["min"] >= allowed[0] and seen.stats["max"] <= allowed[1]):
        return
    low, high = allowed
    tests = [f"({{c}} < {literal(low)})"] + ([f"({{c}} > {literal(high)})"] if high < float("inf") else [])

    def express(d: str) -> str:
        return "(" + " | ".join(test.replace("{c}", num(d, seen)) for test in tests) + ").sum()"

    count = basis.whole.run(express)
    if not count or count > 0.2 * seen.present:
        return
    limits = {"low": literal_part(low), **({"high": literal_part(high)} if high < float("inf") else {})}
    said = "outside {low} to {high}" if "high" in limits else "below {low}"
    yield make(
        "impossible", "{0} is " + said + " in {value} of {rows} rows ({share:%}), which its name does not allow.",
        express,
        basis.whole, columns=(seen.name,), strength=0.3 + 4 * count / seen.rows, rows=seen.rows,
        share=count / seen.rows,
        more=limits,
    )  # fmt: skip


def literal_part(value: float) -> int | float:
    """Return a whole float as an integer."""
    return int(value) if float(value).is_integer() else value


def _future(basis: Basis, name: str) -> Iterator[Fact]:
    day = basis.today.isoformat()
    if basis.seen[name].stats["max"][:10] <= day or not str(basis.seen[name].dtype).startswith("datetime"):
        return

    def express(d: str) -> str:
        return f"{col(d, name)}.dt.strftime('%Y-%m-%d').gt({day!r}).sum()"

    count = basis.whole.run(express)
    if count:
        yield make(
            "future_dates", "{0} lies after {day} in {value} of {rows} rows.", express, basis.whole, columns=(name,),
            strength=count / basis.seen[name].rows, day=day, rows=basis.seen[name].rows,
        )  # fmt: skip


# -- units ------------------------------------------------------------------------------------------------------------


def units(basis: Basis) -> Iterator[Fact]:
    """Say which units the names give."""
    found = {name: unit for name in basis.of_kind("number", "ordinal") if (unit := unit_of(name))}
    some = dict(list(found.items())[:LISTED])
    if not some:
        return
    said = ", ".join(f"{{{place}}} in {{unit_{place}:raw}}" for place in range(min(len(some), 8)))
    parts = {f"unit_{place}": unit for place, unit in enumerate(list(some.values())[:8])}
    yield make(
        "units", "by their names, " + said + (", …" if len(some) > 8 else "") + " ({value} named so).",
        lambda d: f"{d}[{listed(some)}].shape[1]", basis.whole, known=len(some), columns=tuple(some), strength=0.5,
        more=parts,
    )  # fmt: skip
