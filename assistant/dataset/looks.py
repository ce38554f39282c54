"""Which facts to show: what is wrong, what to look at first, what concerns a column; and questions worth asking."""

from __future__ import annotations

from assistant.dataset.findings import shown_name
from assistant.dataset.types import ColumnProfile, Fact, Profile

WRONG = frozenset(
    {"leak", "order_leak", "missing_target", "imbalance", "known_after", "duplicate_rows", "few_rows",
     "numbers_as_text",
     "missing_token", "sentinel", "impossible", "infinite", "mixed_types", "missing", "missing_depends",
     "missing_together",
     "spelling", "dates_as_text", "future_dates", "duplicate_columns", "constant", "whitespace", "huge_values",
     "near_constant", "high_cardinality", "nested", "index_column", "outliers", "rare_categories"}
)  # fmt: skip
"""Kinds of facts that say that something is wrong."""
FAMILIES = {
    "leak": "leak", "order_leak": "order", "known_after": "leak", "target": "target", "imbalance": "target",
    "missing_target": "target", "groups": "split", "panel": "split", "time_order": "split", "missing": "missing",
    "missing_token": "hidden", "sentinel": "hidden", "missing_depends": "missing", "missing_together": "missing",
    "correlation": "pair", "association": "pair", "target_relation": "relation", "identifier": "rows",
    "index_column": "rows", "constant": "constant", "near_constant": "constant",
}  # fmt: skip
FIRST = 5
NEVER_FIRST = frozenset({"note", "shape", "kinds", "whole", "units"})


def problems(profile: Profile) -> tuple[Fact, ...]:
    """Return what is wrong with the data, worst first."""
    return tuple(fact for fact in profile.facts if fact.kind in WRONG)


def first_looks(profile: Profile) -> tuple[Fact, ...]:
    """Return what to look at first: at most five facts by weight, each of another family."""
    found: list[Fact] = []
    families: set[str] = set()
    for fact in profile.facts:
        family = FAMILIES.get(fact.kind, fact.kind)
        if family not in families and fact.kind not in NEVER_FIRST and len(found) < FIRST:
            found.append(fact)
            families.add(family)
    return tuple(found) or profile.facts[:1]


def about_column(profile: Profile, name: str) -> tuple[Fact, ...]:
    """Return the facts that concern a column, by weight."""
    return tuple(fact for fact in profile.facts if name in fact.columns)


# -- questions --------------------------------------------------------------------------------------------------------

ASKED = 12


def questions(profile: Profile) -> tuple[str, ...]:
    """Return questions over the table worth asking, in plain words with its own column names."""
    if not profile.rows:
        return ()
    found = [*_of_target(profile), *_of_facts(profile), *_of_columns(profile)]
    return tuple(dict.fromkeys(found))[:ASKED]


def _named(profile: Profile, *kinds: str) -> list[ColumnProfile]:
    return [c for c in profile.columns if c.kind in kinds and len(c.name) <= 60 and c.unique > 1]


def _of_target(profile: Profile) -> list[str]:
    target = profile.target
    groups = [c.name for c in _named(profile, "category", "boolean", "ordinal") if c.unique <= 20 and c.name != target]
    numbers = [c.name for c in _named(profile, "number") if c.name != target]
    if target is None:
        return []
    said = shown_name(target)
    if profile.task == "regression":
        return [f"mean of {said} by {shown_name(g)}" for g in groups[:2]]
    return [f"share of rows by {said}"] + [f"mean of {shown_name(n)} by {said}" for n in numbers[:2]]


def _of_facts(profile: Profile) -> list[str]:
    found = []
    for fact in profile.facts:
        names = [shown_name(name) for name in fact.columns]
        if fact.kind == "missing":
            found.append(f"how many missing values in {names[0]}?")
        elif fact.kind == "outliers":
            found.append(f"how many outliers in {names[0]}?")
        elif fact.kind == "correlation" and not any(said.startswith("correlation") for said in found):
            found.append(f"correlation between {names[0]} and {names[1]}")
        elif fact.kind == "duplicate_rows":
            found.append("how many duplicate rows are there?")
    return list(dict.fromkeys(found))[:5]


def _of_columns(profile: Profile) -> list[str]:
    numbers = [shown_name(c.name) for c in _named(profile, "number")]
    groups = [shown_name(c.name) for c in _named(profile, "category", "boolean") if c.unique <= 50]
    found = [f"mean of {number} by {group}" for number, group in zip(numbers, groups, strict=False)][:2]
    found += [f"distribution of {number}" for number in numbers[:1]]
    found += [f"correlation between {numbers[0]} and {numbers[1]}"] if len(numbers) > 1 else []
    found += [f"how many rows by {group}?" for group in groups[:1]]
    return [*found, *(f"median of {number}" for number in numbers[:2]), "how many rows are there?"]
