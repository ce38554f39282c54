"""What holds for every profile, a table with one of each problem, and a stand-in for a table of a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
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


def kinds(frame: pd.DataFrame) -> dict[str, str]:
    return {column.name: column.kind for column in of(frame).columns}


def check(found: Profile, frame: pd.DataFrame) -> None:
    """Evaluate every expression, and look for numbers of the text among value and parts."""
    for fact in found.facts:
        value = plain(eval(fact.expression, {"pd": pd, "np": np, "df": frame}))
        assert value == fact.value, fact
        assert type(value) is type(fact.value), fact
        assert 0 <= fact.weight <= 1, fact
        assert set(fact.columns) <= set(frame.columns), fact
        assert unaccounted(fact) == [], fact
    assert [fact.weight for fact in found.facts] == sorted((fact.weight for fact in found.facts), reverse=True)


def unaccounted(fact: Fact) -> list[str]:
    """Return the numbers of the text that are neither the value nor a part, as rendered."""
    text = fact.text
    for name in sorted(fact.columns, key=lambda name: -len(name)):
        text = text.replace(shown_name(name), " ")
    said = {
        format(Shown(v), spec).split("p = ")[-1].split("p < ")[-1]
        for v in (fact.value, *fact.parts.values())
        for spec in _specs(v)
    }
    for one in sorted(said, key=lambda one: -len(one)):
        text = re.sub(rf"(?<![\w.]){re.escape(one)}(?![\w%]|\.\d)", " ", text)
    return re.findall(r"\d\S*", text)


def _specs(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool | list | dict):
        return ()
    return ("raw", "") if isinstance(value, str) else ("", "%", "p") if isinstance(value, float) else ("",)


def people(n: int = 400) -> pd.DataFrame:
    """Return a table with many problems: hidden missing values, spellings, a leak, numbers as text, duplicates."""
    r = np.random.default_rng(1)
    income = np.exp(r.normal(10, 1, n)).round(2)
    frame = pd.DataFrame(
        {
            "person_id": np.arange(1, n + 1),
            "age_years": np.where(r.random(n) < 0.2, np.nan, np.round(r.normal(40, 12, n).clip(1, 90))),
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


@dataclass(frozen=True, kw_only=True)
class FileTable:
    """A table as a file's reader gives it; a large one has its rows in DuckDB alone."""

    path: Path
    name: str = "people.parquet"
    fingerprint: str = "f"
    large: bool = False

    @property
    def frame(self) -> pd.DataFrame:
        assert not self.large
        return pd.read_parquet(self.path)

    def sample(self, n: int = 50_000) -> pd.DataFrame:
        return pd.read_parquet(self.path).sample(n=min(n, 1000), random_state=7).sort_index().reset_index(drop=True)

    def duck(self) -> duckdb.DuckDBPyConnection:
        made = duckdb.connect()
        made.execute(f"CREATE VIEW data AS SELECT * FROM read_parquet('{self.path}')")
        return made
