"""Profiles of tables that nobody would wish for: empty, one cell, infinite, mixed, nested, oddly named, very wide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profiles import check, facts, kinds, of, people

from assistant.dataset.looks import about_column, first_looks, problems, questions

LONG = 60
TABLES: dict[str, pd.DataFrame] = {
    "no rows": pd.DataFrame({"a": pd.Series([], dtype=float), "b": pd.Series([], dtype=object)}),
    "no columns": pd.DataFrame(index=range(3)),
    "nothing": pd.DataFrame(),
    "one row": pd.DataFrame({"id": [1], "x": [2.5], "y": ["a"], "when": pd.to_datetime(["2020-01-01"])}),
    "one column": pd.DataFrame({"x": np.arange(50.0)}),
    "one cell": pd.DataFrame({"target": ["a"]}),
    "all missing": pd.DataFrame({"a": [np.nan] * 30, "b": [None] * 30, "target": [None] * 30}),
    "infinite": pd.DataFrame(
        {"x": [np.inf, -np.inf, 1.0, 2.0] * 15, "z": [np.inf] * LONG, "target": [0, 1, 1, 0] * 15}
    ),
    "huge": pd.DataFrame({"x": [1e308, -1e308, 1e307] * 20, "z": [1e-308, 5e-324, 0.0] * 20, "y": [1, 0, 1] * 20}),
    "huge target": pd.DataFrame({"x": np.arange(LONG), "target": np.linspace(0, 1e308, LONG) - 5e307}),
    "mixed": pd.DataFrame({"a": [1, "two", 3.0, None] * 15, "b": [True, "x", 5] * 20, "target": ["p", 1] * 30}),
    "nested": pd.DataFrame(
        {"a": [[1, 2], {"k": 1}, None] * 20, "t": [(1,), (2,), (3,)] * 20, "target": [0, 1, 0] * 20}
    ),
    "odd names": pd.DataFrame(
        {
            "__class__": range(LONG),
            "a \"quoted\" 'name'": [1.5, 2.5, 4.5] * 20,
            "emoji 🎉 {0} {value}": list("abc") * 20,
            "": [0, 1] * 30,
            " ": [0, 1] * 30,
            "שלום": ["x", "y"] * 30,
            "a\nb\\": [0.5, 7] * 30,
            "%d{}": [3.3, 4.4] * 30,
        }
    ),
    "names alike": pd.DataFrame({"a": range(40), "a.1": range(40), "A": range(40), "a ": range(40)}),
    "booleans with gaps": pd.DataFrame(
        {"b": [True, False, None] * 20, "c": pd.array([True, None, False] * 20, "boolean")}
    ),
    "nullable": pd.DataFrame(
        {"i": pd.array([1, None, 300] * 20, "Int64"), "f": pd.array([1.5, None, 2] * 20, "Float64")}
    ),
    "time zones": pd.DataFrame(
        {"t": pd.date_range("2020-01-01", periods=LONG, tz="Europe/Rome"), "u": pd.date_range("1900", periods=LONG)}
    ),
    "far dates": pd.DataFrame(
        {"d": pd.Series(["0001-01-01", "9999-12-31"] * 30).astype("datetime64[s]"), "n": range(LONG)}
    ),
    "categories": pd.DataFrame(
        {
            "c": pd.Categorical(["a", "b", None] * 20, categories=["a", "b", "unused"]),
            "n": pd.Categorical([1, 2, 3] * 20),
        }
    ),
    "big integers": pd.DataFrame({"n": [10**30, 10**25, 5] * 20, "m": np.array([2**63 - 1, -(2**63)] * 30)}),
    "spans": pd.DataFrame(
        {"s": pd.to_timedelta([1, 2, 3] * 20, unit="D"), "p": pd.period_range("2020", periods=LONG, freq="M")}
    ),
    "bytes and complex": pd.DataFrame({"b": [b"a", b"b", b"c"] * 20, "c": [1 + 2j, 3j, 1] * 20}),
    "surrogates": pd.DataFrame({"s": pd.Series(["a\ud800", "b", "c\x00"] * 20, dtype=object)}),
    "index of texts": people(80).set_index(pd.Index([f"r{n}" for n in range(87)])),
    "index twice": people(80).set_index(pd.Index([0] * 87)),
    "negative zero": pd.DataFrame({"z": [0.0, -0.0] * 30, "w": [0.0, -0.0, 1] * 20}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_hostile_table_is_profiled_and_every_fact_holds(name: str) -> None:
    frame = TABLES[name]
    found = of(frame)
    check(found, frame)
    assert len(found.columns) == frame.shape[1]
    assert found.rows == len(frame)
    assert all(sum(count for _, count in column.bars) <= found.rows for column in found.columns)
    assert problems(found) + first_looks(found) + tuple(questions(found)) is not None


def test_names_are_quoted_so_that_they_cannot_run_code() -> None:
    name = "x'] ; __import__('os').getcwd() #"
    frame = pd.DataFrame({name: [1.0, np.nan, 2.0] * 20, "y": [0, 1, 1] * 20})
    check(of(frame), frame)
    assert about_column(of(frame), name)


def test_a_table_of_sixteen_thousand_columns_is_compared_in_pairs_only_so_far() -> None:
    r = np.random.default_rng(0)
    wide = pd.DataFrame(r.normal(size=(50, 12_000)), columns=[f"n{k}" for k in range(12_000)])
    texts = pd.DataFrame({f"c{k}": r.choice(["a", "b", None], 50) for k in range(4000)})
    frame = pd.concat([wide, texts], axis=1)
    found = of(frame)
    assert any(fact.kind == "note" and "compared in pairs" in fact.text for fact in found.facts)
    assert len(found.facts) < 400
    check(found, frame)


# -- generated tables -------------------------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**6), 10**6).map(float), st.just(0.0)
)
WORDS = st.one_of(st.sampled_from(["yes", "no", "NA", "?", " a", "A", "a", "1,5", "2020-01-05"]), st.text(max_size=6))
COLUMNS = st.one_of(
    st.lists(NUMBERS, min_size=30, max_size=30).map(np.array),
    st.lists(st.integers(0, 3), min_size=30, max_size=30).map(np.array),
    st.lists(st.one_of(st.none(), WORDS), min_size=30, max_size=30).map(lambda v: pd.Series(v, dtype=object)),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=30, max_size=30).map(lambda v: pd.Series(v, dtype=object)),
    st.lists(st.one_of(st.none(), st.integers(), WORDS), min_size=30, max_size=30).map(
        lambda v: pd.Series(v, dtype=object)
    ),
    st.lists(st.datetimes(), min_size=30, max_size=30).map(lambda v: pd.Series(v, dtype="datetime64[us]")),
)
NAMES = st.one_of(st.text(max_size=8), st.sampled_from(["target", "age", "user_id", "weight_kg", "y", "share_pct"]))
FRAMES = st.tuples(st.dictionaries(NAMES, COLUMNS, min_size=1, max_size=5), st.integers(0, 30), st.integers(1, 3))


def frame_of(parts: tuple[dict[str, Any], int, int]) -> pd.DataFrame:
    columns, rows, times = parts
    frame = pd.DataFrame({name: pd.Series(column) for name, column in columns.items()}).iloc[:rows]
    return pd.concat([frame] * times, ignore_index=True)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(FRAMES)
def test_every_fact_of_any_table_holds_and_the_profile_is_the_same_again(
    parts: tuple[dict[str, Any], int, int],
) -> None:
    frame = frame_of(parts)
    found, again = of(frame), of(frame)
    check(found, frame)
    assert (found.facts, found.columns, found.meta) == (again.facts, again.columns, again.meta)


def test_kinds_of_hostile_columns() -> None:
    assert kinds(TABLES["all missing"]) == {"a": "empty", "b": "empty", "target": "empty"}
    assert kinds(TABLES["booleans with gaps"]) == {"b": "boolean", "c": "boolean"}
    assert {fact.value for fact in facts(TABLES["infinite"], "infinite")} == {30, 60}
