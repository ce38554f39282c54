"""The profile of a table: every expression of a fact gives its value, and its numbers stand in value or parts."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset.findings import Shown, plain, shown_name
from assistant.dataset.profile import profile_frame
from assistant.dataset.types import Fact, Profile

TODAY = date(2025, 6, 1)


def of(frame: pd.DataFrame, **options: Any) -> Profile:
    return profile_frame(frame, today=TODAY, **options)


def facts(frame: pd.DataFrame, kind: str, **options: Any) -> list[Fact]:
    return [fact for fact in of(frame, **options).facts if fact.kind == kind]


def values(frame: pd.DataFrame, kind: str) -> dict[tuple[str, ...], Any]:
    return {fact.columns: fact.value for fact in facts(frame, kind)}


def kinds(frame: pd.DataFrame) -> dict[str, str]:
    return {column.name: column.kind for column in of(frame).columns}


# -- what holds for every fact ----------------------------------------------------------------------------------------


def check(found: Profile, frame: pd.DataFrame) -> None:
    for fact in found.facts:
        value = plain(eval(fact.expression, {"pd": pd, "np": np, "df": frame}))
        assert value == fact.value, fact
        assert type(value) is type(fact.value), fact
        assert 0 <= fact.weight <= 1
        assert set(fact.columns) <= set(frame.columns)
        assert numbers_accounted(fact), fact
    assert [fact.weight for fact in found.facts] == sorted((fact.weight for fact in found.facts), reverse=True)


def numbers_accounted(fact: Fact) -> bool:
    """Return whether each number of the text is the value or a part, as rendered."""
    text = fact.text
    for name in sorted(fact.columns, key=len, reverse=True):
        text = text.replace(shown_name(name), " ")
    stated = [fact.value, *fact.parts.values()]
    said = {format(Shown(v), spec) for v in stated for spec in specs(v)}
    for one in sorted(said, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.]){re.escape(one)}(?![\w%]|\.\d)", " ", text)
    return not re.search(r"\d", text)


def specs(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool | list | dict):
        return ()
    return ("raw", "") if isinstance(value, str) else ("", "%", "p") if isinstance(value, float) else ("",)


def people(n: int = 400) -> pd.DataFrame:
    r = np.random.default_rng(1)
    age = np.round(r.normal(40, 12, n).clip(1, 90))
    income = np.exp(r.normal(10, 1, n)).round(2)
    frame = pd.DataFrame(
        {
            "person_id": np.arange(1, n + 1),
            "age_years": np.where(r.random(n) < 0.2, np.nan, age),
            "income_usd": income,
            "tax": income * 0.3 + r.normal(0, 10, n),
            "city": r.choice(["Rome", "rome", "Oslo ", "Lima", "?"], n),
            "smoker": r.choice(["yes", "no"], n),
            "level": r.choice(["low", "medium", "high"], n),
            "site": ["north"] * n,
            "joined": pd.to_datetime("2020-01-01") + pd.to_timedelta(r.integers(0, 1000, n), unit="D"),
            "score": np.where(r.random(n) < 0.05, -999, r.integers(0, 50, n)),
            "price": r.choice(["1,200", "950", "80"], n),
        }
    )
    frame["target"] = np.where(frame["income_usd"] > 40_000, "rich", "other")
    return pd.concat([frame, frame.iloc[:7]], ignore_index=True)


def test_every_fact_of_a_table_of_people_holds() -> None:
    frame = people()
    found = of(frame)
    check(found, frame)
    assert len({fact.kind for fact in found.facts}) > 15


def test_the_same_table_gives_the_same_profile() -> None:
    first, second = of(people()), of(people())
    assert first.facts == second.facts
    assert (first.columns, first.meta) == (second.columns, second.meta)
