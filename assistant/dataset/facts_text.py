"""Facts of columns of texts: numbers and dates kept as text, spellings, spaces, rare and many categories, types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from assistant.dataset.basis import Basis, after, col
from assistant.dataset.columns import DISTINCT, Seen
from assistant.dataset.facts_missing import TOKENS
from assistant.dataset.findings import LISTED, make
from assistant.dataset.kinds import LOOKED, looks_like_dates, number_in
from assistant.dataset.types import Fact

RARE = 0.01
"""Share of the rows below which a category is called rare."""
MANY = 50


def texts(basis: Basis) -> Iterator[Fact]:
    """Say what is wrong with the texts of the columns."""
    looked = 0
    for seen in basis.seen.values():
        if seen.holds in ("mixed", "nested"):
            yield from _mixed(basis, seen)
        elif seen.holds == "text" and looked < 50 * LISTED:
            looked += 1
            yield from _kept_as_text(basis, seen)
            yield from _spaces(basis, seen)
            yield from _spellings(basis, seen)
            yield from _categories(basis, seen)


def _mixed(basis: Basis, seen: Seen) -> Iterator[Fact]:
    if seen.holds == "nested":
        said = "{0} holds lists or other nested values in {value} of {rows} rows."
        code = "map(lambda v: v.__class__.__name__).isin(['list', 'dict', 'set', 'tuple', 'ndarray']).sum()"
        yield make(
            "nested", said, lambda d: f"{col(d, seen.name)}.{code}", basis.whole, columns=(seen.name,), strength=0.5,
            rows=seen.rows,
        )  # fmt: skip
        return
    names = basis.whole.run(lambda d: _types(d, seen.name) + ".value_counts()")
    if len(names) > 1:
        first = next(iter(names))
        said = ", ".join(f"{{kind_{n}:raw}} in {{count_{n}}}" for n in range(min(len(names), 5)))
        parts = {f"kind_{n}": kind for n, kind in enumerate(list(names)[:5])}
        parts |= {f"count_{n}": count for n, count in enumerate(list(names.values())[:5])}
        yield make(
            "mixed_types", "{0} mixes types: " + said + " rows.", lambda d: _types(d, seen.name) + ".value_counts()",
            basis.whole, columns=(seen.name,), strength=2 * (1 - names[first] / seen.present),
            ask="how do I handle a column of mixed types?", more=parts,
        )  # fmt: skip


def _types(d: str, name: str) -> str:
    return f"{col(d, name)}.dropna().map(lambda v: v.__class__.__name__)"


# -- kept as text -----------------------------------------------------------------------------------------------------

_STRIP = r"[\s,$€£%]"


def _kept_as_text(basis: Basis, seen: Seen) -> Iterator[Fact]:
    if _mostly_numbers(seen):
        yield from _numbers(basis, seen)
    elif looks_like_dates(_words(seen)):
        yield make(
            "dates_as_text", "{0} holds dates as text: {value} different ones in {rows} rows.",
            after(seen.name, ".nunique()"), basis.whole, columns=(seen.name,), strength=0.5, rows=seen.present,
            ask="how do I parse dates?",
        )  # fmt: skip
    elif basis.kinds[seen.name] == "boolean":
        yield make(
            "booleans_as_text", "{0} is yes or no as text: {value} values.",
            after(seen.name, ".nunique()"), basis.whole, columns=(seen.name,), strength=0.5,
        )  # fmt: skip


def _words(seen: Seen) -> list[str]:
    return [value for value in seen.values[:LOOKED] if value.strip().lower() not in TOKENS]


def _mostly_numbers(seen: Seen) -> bool:
    sample = _words(seen)
    return len(sample) >= 2 and sum(number_in(value) is not None for value in sample) >= 0.8 * len(sample)


def _numbers(basis: Basis, seen: Seen) -> Iterator[Fact]:
    def express(d: str) -> str:
        stripped = f"{col(d, seen.name)}.astype(object).str.replace({_STRIP!r}, '', regex=True)"
        return f"pd.to_numeric({stripped}, errors='coerce').notna().sum()"

    count = basis.part.run(express)
    rows = len(basis.part.frame)
    if count >= 2:
        yield make(
            "numbers_as_text", "{0} holds numbers as text in {value} of {rows} rows ({share:%}).", express, basis.part,
            columns=(seen.name,), strength=count / rows, rows=rows, share=count / rows,
            ask="how do I convert text to numbers?",
        )  # fmt: skip


# -- spelling ---------------------------------------------------------------------------------------------------------


_PADDED = "lambda v: v.strip() not in ('', v)"


def _spaces(basis: Basis, seen: Seen) -> Iterator[Fact]:
    odd = [n for v, n in zip(seen.values, seen.counts, strict=True) if v.strip() != v and v.strip()]
    if odd:
        yield make(
            "whitespace", "{0} has spaces before or after its text in {value} of {rows} rows.",
            after(seen.name, f".astype(object).map({_PADDED}, na_action='ignore').eq(True).sum()"),
            basis.whole, columns=(seen.name,), strength=sum(odd) / seen.rows, rows=seen.rows,
        )  # fmt: skip


def _spellings(basis: Basis, seen: Seen) -> Iterator[Fact]:
    if basis.kinds[seen.name] in ("text", "identifier") or seen.unique > DISTINCT:
        return
    forms: dict[str, list[str]] = defaultdict(list)
    for value in seen.values:
        forms[_folded(value)].append(value)
    several = {key: found for key, found in forms.items() if len(found) > 1}
    if several:
        found = max(several.values(), key=len)
        parts = {f"form_{n}": value for n, value in enumerate(found[:3])}
        said = " and ".join(f"{{{part}}}" for part in parts)
        yield make(
            "spelling",
            "{0} spells the same category differently: {value} values, {folded} when case and spaces are ignored, "
            "such as "
            + said + ".", after(seen.name, ".nunique()"), basis.whole, columns=(seen.name,),
            strength=0.4 + (seen.unique - len(forms)) / seen.unique, folded=len(forms), more=parts,
            ask="how do I clean inconsistent categories?",
        )  # fmt: skip


def _folded(value: str) -> str:
    return " ".join(value.replace("_", " ").replace("-", " ").split()).casefold()


# -- categories -------------------------------------------------------------------------------------------------------


def _categories(basis: Basis, seen: Seen) -> Iterator[Fact]:
    if basis.kinds[seen.name] not in ("category", "ordinal") or _mostly_numbers(seen):
        return
    if seen.unique > MANY:
        yield make(
            "high_cardinality",
            "{0} has {value} categories in {rows} rows: one-hot encoding would add as many columns.",
            after(seen.name, ".nunique()"), basis.whole, columns=(seen.name,), strength=seen.unique / 1000,
            rows=seen.present, ask="how do I encode a categorical feature with many categories?",
        )  # fmt: skip
        return
    rare = sum(count < RARE * seen.present for count in seen.counts)
    if rare and seen.present >= 200:
        yield make(
            "rare_categories", "{0} has {value} of {unique} categories that each fill less than {limit:%} of the rows.",
            lambda d: f"({_plain(d, seen)}.value_counts() < {RARE} * {col(d, seen.name)}.notna().sum()).sum()",
            basis.whole,
            columns=(seen.name,), strength=rare / seen.unique, unique=seen.unique, limit=RARE,
            ask="how do I group rare categories?",
        )  # fmt: skip


def _plain(d: str, seen: Seen) -> str:
    """Return the code of a column whose counts leave out categories that no row has."""
    return f"{col(d, seen.name)}.astype(object)" if seen.dtype == "category" else col(d, seen.name)
