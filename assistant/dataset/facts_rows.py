"""Facts of the table as a whole: shape, duplicates, groups, order in time, identifiers, and what was not looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from assistant.dataset.basis import PAIRED, Basis, after, col, listed
from assistant.dataset.columns import Seen
from assistant.dataset.findings import LISTED, Express, Source, make
from assistant.dataset.names import TIME_WORDS, is_id_name, says
from assistant.dataset.types import Fact

WIDE = 300
CELLS = 5_000_000
"""With more cells than this, duplicates are looked for only where a cheap look at some rows leaves them possible."""


def shape(basis: Basis) -> Iterator[Fact]:
    """Say how large the table is, and when it is too small or too wide."""
    columns = len(basis.seen)
    source = basis.whole
    yield make(
        "shape", "the table has {value} rows and {columns_n} columns.", lambda d: f"{d}.shape[0]", source,
        known=basis.rows, columns_n=columns,
    )  # fmt: skip
    if 0 < basis.rows < max(50, columns):
        why = "fewer than its columns" if basis.rows < columns else "too few to judge a model by one split"
        yield make(
            "few_rows", "the table has only {value} rows and {columns_n} columns: " + why + ".",
            lambda d: f"{d}.shape[0]", source, known=basis.rows, columns_n=columns,
            strength=1 - basis.rows / max(50, columns),
            ask="how should I evaluate a model on a small dataset?",
        )  # fmt: skip
    if columns > WIDE:
        yield make(
            "note",
            "with {value} columns, at most {paired} of a kind were compared in pairs and {listed} findings of each "
            "sort are listed.",
            lambda d: f"{d}.shape[1]", source, known=columns, paired=PAIRED, listed=LISTED,
        )  # fmt: skip


# -- duplicates -------------------------------------------------------------------------------------------------------


def duplicates(basis: Basis) -> Iterator[Fact]:
    """Say how many rows repeat an earlier one, and which columns repeat another."""
    yield from _duplicate_rows(basis)
    yield from _duplicate_columns(basis)


def _duplicate_rows(basis: Basis) -> Iterator[Fact]:
    full = any(seen.unique == seen.rows and seen.rows for seen in basis.seen.values())
    if basis.rows < 2 or full or not basis.seen:
        return
    source = basis.whole if len(basis.seen) * len(basis.whole.frame) <= CELLS * 10 else basis.part
    odd = [name for name, seen in basis.seen.items() if seen.holds in ("nested", "mixed")]

    def express(d: str) -> str:
        made = ", ".join(f"{name!r}: {col(d, name)}.map(repr)" for name in odd)
        return f"{d}.assign(**{{{made}}}).duplicated().sum()" if odd else f"{d}.duplicated().sum()"

    count = source.run(express) if _may_repeat(basis, source) else 0
    if count:
        rows = len(source.frame)
        yield make(
            "duplicate_rows", "{value} of {rows} rows ({share:%}) repeat an earlier row.", express, source,
            strength=2 * count / rows, rows=rows, share=count / rows,
            ask="should I drop duplicate rows before splitting into train and test?",
        )  # fmt: skip


def _may_repeat(basis: Basis, source: Source) -> bool:
    """Return whether rows can repeat: they cannot where the three columns of most values never repeat together."""
    frame = source.frame
    ranked = sorted(basis.seen.values(), key=lambda seen: -seen.unique)[:3]
    keys = [seen.name for seen in ranked if seen.holds in ("number", "date", "text", "boolean")]
    return not keys or len(frame) < 10_000 or bool(frame.duplicated(subset=keys).any())


def _duplicate_columns(basis: Basis) -> Iterator[Fact]:
    found = list(_equal_pairs(basis))[:LISTED]
    for first, second in found:
        yield make(
            "duplicate_columns", "{1} repeats {0}: they are equal in all {rows} rows.",
            _equal(first, second), basis.whole, columns=(first, second),
            strength=0.5, rows=len(basis.whole.frame),
            ask="should I remove duplicated or perfectly correlated features?",
        )  # fmt: skip


def _equal(first: str, second: str) -> Express:
    return lambda d: f"{col(d, first)}.equals({col(d, second)})"


def _equal_pairs(basis: Basis) -> Iterator[tuple[str, str]]:
    """Yield pairs of columns that hold the same in every row, through their figures first."""
    alike: dict[object, list[Seen]] = {}
    for seen in basis.seen.values():
        if seen.unique > 1 and seen.holds not in ("nested", "mixed"):
            key = (seen.dtype, seen.missing, seen.unique, seen.bars, tuple(seen.stats.values()))
            alike.setdefault(key, []).append(seen)
    for group in alike.values():
        first = basis.whole.frame[group[0].name] if len(group) > 1 else None
        for other in group[1 : PAIRED + 1]:
            if first is not None and first.equals(basis.whole.frame[other.name]):
                yield group[0].name, other.name


# -- groups and time --------------------------------------------------------------------------------------------------


def groups(basis: Basis) -> Iterator[Fact]:
    """Say which identifiers repeat, so that rows of one entity must not be split apart."""
    for name in basis.of_kind("identifier")[:LISTED]:
        seen = basis.seen[name]
        if not seen.unique or seen.present < 1.1 * seen.unique or seen.unique < 2:
            yield from _alone(basis, name)
            continue
        yield make(
            "groups", "{0} repeats: {value} different ones over {rows} rows, {each} rows each on average; "
            "keep the rows of one {0} in the same fold.", after(name, ".nunique()"), basis.whole,
            columns=(name,), strength=min(1.0, seen.present / seen.unique / 10), rows=seen.present,
            each=round(seen.present / seen.unique, 2), ask="how do I split data so that a group stays in one fold?",
        )  # fmt: skip


def _alone(basis: Basis, name: str) -> Iterator[Fact]:
    seen = basis.seen[name]
    if seen.unique < 2:
        return
    if seen.rising and seen.holds == "number" and not is_id_name(name):
        said = "{0} only counts the rows: it rises in each of {rows} rows; leave it out of the features."
        yield make(
            "index_column", said, after(name, ".is_monotonic_increasing"), basis.whole, columns=(name,),
            strength=1.0, rows=seen.present,
        )  # fmt: skip
        return
    yield make(
        "identifier", "{0} is different in {value} of {rows} rows: it identifies rows and says nothing about new ones.",
        after(name, ".nunique()"), basis.whole, columns=(name,), strength=0.5, rows=seen.present,
        ask="should I drop identifier columns before training?",
    )  # fmt: skip


def time_order(basis: Basis) -> Iterator[Fact]:
    """Say that rows are in the order of a date, or follow entities through time."""
    timed = [name for name in basis.kinds if _is_time(basis, name)]
    for name in timed[:3]:
        seen = basis.seen[name]
        if seen.rising and seen.present >= 10:
            yield make(
                "time_order", "the {rows} rows are in the order of {0}: test on the latest rows, not on random ones.",
                after(name, ".dropna().is_monotonic_increasing"), basis.whole, columns=(name,),
                strength=0.8, rows=seen.present, ask="how do I cross-validate a time series?",
            )  # fmt: skip
    if timed and (entities := [n for n in basis.of_kind("identifier") if basis.seen[n].unique < basis.seen[n].present]):
        yield from _panel(basis, entities[0], timed[0])


def _is_time(basis: Basis, name: str) -> bool:
    seen = basis.seen[name]
    return seen.holds == "date" or (seen.holds == "number" and seen.rising and says(name, TIME_WORDS))


def _panel(basis: Basis, entity: str, moment: str) -> Iterator[Fact]:
    keys = listed((entity, moment))
    pairs = len(basis.whole.frame[[entity, moment]].drop_duplicates())
    if pairs < 0.98 * len(basis.whole.frame) or basis.seen[moment].unique < 2:
        return
    yield make(
        "panel",
        "the table follows {entities} values of {0} over {moments} values of {1}: {value} different pairs in {rows} "
        "rows.",
        lambda d: f"{d}[{keys}].drop_duplicates().shape[0]", basis.whole, columns=(entity, moment), strength=0.6,
        entities=basis.seen[entity].unique, moments=basis.seen[moment].unique, rows=len(basis.whole.frame),
        ask="how do I split panel data by time and group?",
    )  # fmt: skip


def kinds(basis: Basis) -> Iterator[Fact]:
    """Say how many columns there are of each kind."""
    counted = Counter(basis.kinds.values())
    if counted:
        said = ", ".join(f"{{{kind}_n}} {kind}" for kind, _ in counted.most_common())
        yield make(
            "kinds", "columns by kind: " + said + " (of {value}).", lambda d: f"{d}.shape[1]", basis.whole,
            known=len(basis.kinds), more={f"{kind}_n": count for kind, count in counted.items()},
        )  # fmt: skip
