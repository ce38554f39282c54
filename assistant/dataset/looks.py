"""Which facts to show: what is wrong, what to look at first, what concerns a column; and questions worth asking."""

from __future__ import annotations

import re

from assistant.dataset.types import Fact, Profile

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

ASKED = 10
PLAIN = re.compile(r"\S(.{0,58}\S)?")


def questions(profile: Profile) -> tuple[str, ...]:
    """Return questions over the table worth asking, in plain words with its own column names."""
    if not profile.rows:
        return ()
    found = [*_of_target(profile), *_of_facts(profile), *_of_columns(profile)]
    return tuple(dict.fromkeys(found))[:ASKED]


def _named(profile: Profile, *kinds: str, most: int | None = None) -> list[str]:
    """Return the names of columns of these kinds that vary, fit into a question, and have at most so many values."""
    return [
        column.name for column in profile.columns
        if column.kind in kinds and column.unique > 1 and (most is None or column.unique <= most)
        and PLAIN.fullmatch(column.name)
    ]  # fmt: skip


def _of_target(profile: Profile) -> list[str]:
    target = profile.target
    if target is None or not PLAIN.fullmatch(target):
        return []
    if profile.task == "regression":
        groups = _named(profile, "category", "boolean", "ordinal", most=20)
        return [f"mean of {target} by {group}" for group in groups if group != target][:2]
    numbers = [name for name in _named(profile, "number") if name != target]
    return [f"how many rows by {target}?", *(f"mean of {number} by {target}" for number in numbers[:2])]


ABOUT = {
    "missing": "how many missing values in {0}?", "outliers": "how many outliers in {0}?",
    "correlation": "correlation between {0} and {1}", "duplicate_rows": "how many duplicate rows are there?",
    "high_cardinality": "how many different values in {0}?", "skew": "skewness of {0}",
}  # fmt: skip


def _of_facts(profile: Profile) -> list[str]:
    """Return one question for the strongest fact of each sort."""
    found: dict[str, str] = {}
    for fact in profile.facts:
        if fact.kind in ABOUT and all(PLAIN.fullmatch(name) for name in fact.columns):
            found.setdefault(fact.kind, ABOUT[fact.kind].format(*fact.columns))
    return list(found.values())


def _of_columns(profile: Profile) -> list[str]:
    numbers, groups = _named(profile, "number"), _named(profile, "category", "boolean", most=50)
    found = [f"mean of {number} by {group}" for number, group in zip(numbers, groups, strict=False)][:2]
    found += [f"median of {number}" for number in numbers[:1]] + [f"distribution of {number}" for number in numbers[:1]]
    found += [f"correlation between {numbers[0]} and {numbers[1]}"] if len(numbers) > 1 else []
    return [*found, *(f"how many rows by {group}?" for group in groups[:1]), "how many rows are there?"]
