"""The profile of a table: its kinds, its facts by what they find, their order, and what it suggests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from profiles import FileTable, check, facts, kinds, of, people

from assistant.dataset.profile import about_column, first_looks, problems, profile, questions, similarity
from assistant.dataset.types import Fact

R = np.random.default_rng


def one(frame: pd.DataFrame, kind: str) -> Fact:
    found = facts(frame, kind)
    assert len(found) == 1, found
    return found[0]


def test_every_fact_of_a_table_of_people_holds() -> None:
    frame = people()
    found = of(frame)
    check(found, frame)
    assert len({fact.kind for fact in found.facts}) > 15


def test_the_same_table_gives_the_same_profile() -> None:
    first, second = of(people()), of(people())
    assert first.facts == second.facts
    assert (first.columns, first.meta) == (second.columns, second.meta)


# -- kinds ------------------------------------------------------------------------------------------------------------


def test_kinds_are_read_off_values_and_general_names() -> None:
    r, n = R(0), 200
    frame = pd.DataFrame(
        {
            "customer_id": r.integers(0, 60, n), "length": r.normal(size=n), "stars": r.integers(1, 6, n),
            "zone": r.integers(1, 5, n), "won": r.integers(0, 2, n), "answer": r.choice(["Yes", "no"], n),
            "size": r.choice(["small", "medium", "large"], n), "colour": r.choice(["red", "blue", "green"], n),
            "when": pd.date_range("2020-01-01", periods=n), "day": [f"{d:02d}/03/2020" for d in r.integers(1, 28, n)],
            "review": [f"I bought {k} of these and would again" for k in range(n)],
            "code": [f"AX{k:04d}" for k in range(n)],
            "one": 1, "none": [None] * n, "n": range(n),
        }
    )  # fmt: skip
    assert kinds(frame) == {
        "customer_id": "identifier", "length": "number", "stars": "ordinal", "zone": "category", "won": "boolean",
        "answer": "boolean", "size": "ordinal", "colour": "category", "when": "date", "day": "date", "review": "text",
        "code": "identifier", "one": "constant", "none": "empty", "n": "identifier",
    }  # fmt: skip


def test_a_year_that_rises_by_one_is_a_number_and_not_an_identifier() -> None:
    assert kinds(pd.DataFrame({"year": range(1970, 2012), "x": np.arange(42.0)}))["year"] == "number"


def test_stats_of_a_column_are_those_of_pandas() -> None:
    series = pd.Series(R(3).exponential(size=777)).where(R(4).random(777) > 0.1)
    (column,) = of(pd.DataFrame({"x": series})).columns
    expected = series.describe()
    names = {"min": "min", "q1": "25%", "median": "50%", "q3": "75%", "max": "max", "mean": "mean", "std": "std"}
    assert dict(column.stats) == pytest.approx({name: expected[there] for name, there in names.items()})
    assert sum(count for _, count in column.bars) == series.notna().sum()
    assert len(column.bars) == 12


def test_bars_of_categories_are_counts_with_the_rest_as_one() -> None:
    values = [f"v{n}" for n in range(20) for _ in range(20 - n)]
    (column,) = of(pd.DataFrame({"c": values})).columns
    assert column.bars[0] == ("v0", 20)
    assert column.bars[-1] == ("other values", 45)
    assert len(column.bars) == 12


@pytest.mark.parametrize(
    ("name", "unit"),
    [("price_usd", "USD"), ("weight (kg)", "kg"), ("speed [m/s]", "m/s"), ("growth_pct", "%"), ("ageYears", "years"),
     ("temp_m", ""), ("min", ""), ("discount %", "%"), ("country (region)", "")],
)  # fmt: skip
def test_a_unit_is_read_out_of_a_name(name: str, unit: str) -> None:
    (column, _) = of(pd.DataFrame({name: R(0).normal(size=50), "b": R(1).normal(size=50)})).columns
    assert column.unit == unit


# -- missing ----------------------------------------------------------------------------------------------------------


def test_missing_values_are_counted_and_ranked_by_share() -> None:
    frame = pd.DataFrame({"a": [1.5, None, 2, 5] * 25, "b": [None, None, None, "x"] * 25, "c": range(100)})
    found = facts(frame, "missing")
    assert [(fact.columns, fact.value) for fact in found] == [(("b",), 75), (("a",), 25)]
    assert found[1].text == "a is missing in 25 of 100 rows (25%)."
    assert "numeric" in found[1].ask
    assert facts(frame.dropna(), "missing") == []


def test_words_and_numbers_that_stand_for_missing_are_found() -> None:
    r = R(0)
    frame = pd.DataFrame({"job": ["clerk", "N/A", "nurse", "cook"] * 50, "dose": r.integers(0, 40, 200)})
    frame.loc[:19, "dose"] = -999
    frame["seen"] = pd.to_datetime(["2021-05-01", "2021-06-01", "2021-07-03", "1900-01-01"] * 50)
    assert one(frame, "missing_token").value == 50
    assert {fact.columns: fact.value for fact in facts(frame, "sentinel")} == {("dose",): 20, ("seen",): 50}


def test_values_near_the_others_are_not_called_stand_ins() -> None:
    frame = pd.DataFrame(
        {"x": R(0).integers(0, 100, 2000), "y": R(0).choice([-1, 1], 2000), "z": R(0).normal(size=2000)}
    )
    assert facts(frame, "sentinel") == []


def test_columns_missing_together_and_missing_by_another_column_are_found() -> None:
    r = R(2)
    gone = r.random(500) < 0.3
    frame = pd.DataFrame({"a": r.normal(size=500), "b": r.normal(size=500), "age": r.normal(40, 10, 500)})
    frame.loc[gone, ["a", "b"]] = np.nan
    frame["age"] += np.where(gone, 15, 0)
    frame["other"] = r.normal(size=500)
    assert one(frame, "missing_together").columns == ("a", "b")
    assert {fact.columns for fact in facts(frame, "missing_depends")} == {("a", "age"), ("b", "age")}


def test_what_is_missing_at_random_is_not_said_to_depend() -> None:
    r = R(7)
    frame = pd.DataFrame(r.normal(size=(1000, 8)), columns=list("abcdefgh")).mask(r.random((1000, 8)) < 0.2)
    assert facts(frame, "missing_depends") == []


# -- values -----------------------------------------------------------------------------------------------------------


def test_outliers_skew_and_zeros_are_found() -> None:
    frame = pd.DataFrame({"x": [*R(0).normal(size=297), 50, 60, -40], "spent": [0, 0, 0, 1.5, 12.25, 90] * 50})
    assert facts(frame, "outliers")[-1].parts["factor"] == 1.5
    assert [fact.value for fact in facts(frame, "zeros")] == [150]
    assert "to the right" in next(fact for fact in facts(frame, "skew") if fact.columns == ("spent",)).text


def test_impossible_values_by_name_and_dates_to_come_are_found() -> None:
    r = R(1)
    frame = pd.DataFrame({"age": r.integers(1, 80, 200), "share_pct": r.uniform(0, 100, 200), "x": r.normal(size=200)})
    frame.loc[[3, 4], "age"] = [-4, 300]
    frame.loc[7, "share_pct"] = 140.0
    frame["due"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(range(200), unit="D")
    frame.loc[9, "due"] = pd.Timestamp("2199-01-01")
    assert {fact.columns: fact.value for fact in facts(frame, "impossible")} == {("age",): 2, ("share_pct",): 1}
    assert one(frame, "future_dates").value == 1


def test_standardised_ages_are_not_called_impossible() -> None:
    assert facts(pd.DataFrame({"age": R(0).normal(size=300)}), "impossible") == []


def test_constant_and_nearly_constant_columns_are_found() -> None:
    frame = pd.DataFrame({"c": ["x"] * 200, "d": [0.0] * 199 + [1.0], "e": range(200)})
    assert one(frame, "constant").columns == ("c",)
    assert one(frame, "near_constant").value == 199


# -- texts ------------------------------------------------------------------------------------------------------------


def test_texts_that_hold_numbers_spaces_and_spellings_are_found() -> None:
    frame = people()
    assert one(frame, "numbers_as_text").columns == ("price",)
    assert one(frame, "whitespace").value == int((frame["city"] == "Oslo ").sum())
    assert one(frame, "spelling").parts["folded"] == 4
    assert one(frame, "booleans_as_text").columns == ("smoker",)


def test_mixed_types_rare_and_many_categories_are_found() -> None:
    frame = pd.DataFrame(
        {
            "m": pd.Series([1, "a", 2.5] * 100, dtype=object),
            "c": [f"k{n % 97}" for n in range(300)],
            "r": ["a"] * 299 + ["b"],
        }
    )
    assert one(frame, "mixed_types").value == {"int": 100, "str": 100, "float": 100}
    assert one(frame, "high_cardinality").value == 97
    assert ("r",) in {fact.columns for fact in facts(frame, "rare_categories")}


# -- rows -------------------------------------------------------------------------------------------------------------


def test_duplicate_rows_and_columns_are_found() -> None:
    frame = pd.DataFrame({"a": R(0).normal(size=100), "b": R(1).normal(size=100)}).assign(copy=lambda f: f["a"])
    frame = pd.concat([frame, frame.iloc[:9]], ignore_index=True)
    assert one(frame, "duplicate_rows").value == 9
    assert one(frame, "duplicate_columns").columns == ("a", "copy")


def test_repeating_identifiers_and_time_say_how_to_split() -> None:
    days = pd.date_range("2021-01-01", periods=40)
    frame = pd.DataFrame([(d, f"shop{s:02d}") for d in days for s in range(30)], columns=["date", "shop_id"])
    frame["sales"] = R(0).normal(100, 5, len(frame))
    assert one(frame, "groups").value == 30
    assert one(frame, "time_order").columns == ("date",)
    assert one(frame, "panel").value == 1200


def test_a_column_that_counts_the_rows_is_told_from_an_identifier() -> None:
    frame = pd.DataFrame({"k": range(100), "order_id": R(0).permutation(100), "x": R(1).normal(size=100)})
    assert one(frame, "index_column").columns == ("k",)
    assert one(frame, "identifier").columns == ("order_id",)


# -- target -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "values", "task"),
    [("label", ["spam", "ham"] * 50, "binary"), ("class", list("abcd") * 25, "multiclass"),
     ("y", R(0).normal(size=100), "regression")],
)  # fmt: skip
def test_a_target_is_guessed_by_its_name_with_its_task(target: str, values: list[object], task: str) -> None:
    frame = pd.DataFrame({target: values, "x": R(1).normal(size=100), "z": R(2).normal(size=100)})
    found = of(frame)
    assert (found.target, found.task) == (target, task)
    assert "looks like the target because it is named like one" in one(frame, "target").text


def test_a_target_that_is_only_the_last_column_is_said_to_be_a_guess() -> None:
    frame = pd.DataFrame({"a": R(0).normal(size=100), "b": R(1).normal(size=100)})
    assert "That is a guess" in one(frame, "target").text
    assert of(frame, target="a").target == "a"


def test_identifiers_dates_and_texts_are_no_targets() -> None:
    frame = pd.DataFrame({"a": R(0).normal(size=100), "target_id": range(100)})
    assert of(frame).target is None
    assert of(pd.DataFrame({"a": range(50), "d": pd.date_range("2020-01-01", periods=50)})).target is None


def test_imbalance_and_missing_targets_weigh_more_than_missing_features() -> None:
    frame = pd.DataFrame({"x": R(0).normal(size=400), "target": ["no"] * 380 + ["yes"] * 10 + [None] * 10})
    frame.loc[:40, "x"] = np.nan
    found = {fact.kind: fact for fact in of(frame.sample(frac=1, random_state=0)).facts}
    assert found["imbalance"].value == 10
    assert found["missing_target"].weight > found["missing"].weight
    assert found["imbalance"].weight > found["missing"].weight


def test_leaks_come_first() -> None:
    r = R(0)
    frame = pd.DataFrame({"age": r.normal(size=600), "target": r.integers(0, 2, 600)})
    frame["noise"] = r.normal(size=600)
    frame["closed"] = np.where(frame["target"] == 1, "won", "lost")
    frame["score"] = frame["target"] * 10 + r.normal(size=600)
    frame["final_step"] = r.integers(0, 9, 600)
    found = facts(frame, "leak")
    assert {fact.columns[0] for fact in found} == {"closed", "score"}
    assert of(frame).facts[0].kind == "leak"
    assert one(frame, "known_after").columns == ("final_step", "target")
    assert next(fact for fact in found if fact.columns[0] == "closed").value == 1.0


def test_a_strong_but_honest_feature_is_no_leak() -> None:
    r = R(0)
    x = r.normal(size=1000)
    frame = pd.DataFrame({"x": x, "z": r.normal(size=1000), "target": (x + r.normal(size=1000) > 0).astype(int)})
    assert facts(frame, "leak") == []


def test_sorted_rows_tell_the_target() -> None:
    frame = pd.DataFrame({"x": R(0).normal(size=300), "target": ["a"] * 100 + ["b"] * 100 + ["c"] * 100})
    assert one(frame, "order_leak").value > 0.9
    assert facts(frame.sample(frac=1, random_state=0), "order_leak") == []


def test_an_identifier_that_goes_with_the_target_is_found() -> None:
    r = R(0)
    frame = pd.DataFrame({"ticket_id": r.permutation(400), "x": r.normal(size=400)})
    frame["target"] = np.where(frame["ticket_id"] + r.normal(0, 150, 400) > 200, "late", "early")
    assert one(frame, "order_leak").columns == ("ticket_id", "target")


# -- pairs ------------------------------------------------------------------------------------------------------------


def test_strong_pairs_are_found_by_the_measure_that_fits() -> None:
    r = R(0)
    x = r.normal(size=500)
    frame = pd.DataFrame(
        {"x": x, "line": 2 * x + r.normal(size=500), "curve": np.exp(4 * x), "c": np.where(x > 0, "p", "q")}
    )
    frame["d"] = np.where(r.random(500) < 0.1, "q", frame["c"])
    frame["last"] = r.normal(size=500)
    said = {fact.columns: fact.text for kind in ("correlation", "association") for fact in facts(frame, kind)}
    assert "Pearson's" in said["x", "line"]
    assert "Spearman's" in said["x", "curve"]
    assert "Cramér's V" in said["c", "d"]
    assert "correlation ratio" in said["c", "x"]


def test_noise_has_no_strong_pairs() -> None:
    r = R(0)
    frame = pd.DataFrame(r.normal(size=(300, 8)), columns=list("abcdefgh")).assign(k=r.choice(list("uvw"), 300))
    assert [fact for kind in ("correlation", "association", "target_relation") for fact in facts(frame, kind)] == []


# -- what to show -----------------------------------------------------------------------------------------------------


def test_first_looks_are_five_of_different_sorts_and_problems_are_wrong() -> None:
    found = of(people())
    assert len({fact.kind for fact in first_looks(found)}) == len(first_looks(found)) == 5
    assert first_looks(found)[0] == found.facts[0]
    assert {"missing", "spelling", "numbers_as_text"} <= {fact.kind for fact in problems(found)}
    assert not {"shape", "target", "correlation"} & {fact.kind for fact in problems(found)}


def test_facts_about_a_column_name_it() -> None:
    found = about_column(of(people()), "age_years")
    assert {"missing"} <= {fact.kind for fact in found}
    assert all("age_years" in fact.columns for fact in found)


def test_questions_name_columns_that_are_there() -> None:
    asked = questions(of(people()))
    assert len(asked) >= 5
    assert "how many missing values in age_years?" in asked
    assert len(set(asked)) == len(asked)


# -- meta-features ----------------------------------------------------------------------------------------------------


def test_similarity_is_symmetric_one_for_equal_and_higher_for_a_sample_of_the_same() -> None:
    whole, half = of(people(800)), of(people(800).sample(frac=0.5, random_state=1))
    other = of(pd.DataFrame(R(0).normal(size=(60, 40))).rename(columns=str))
    assert similarity(whole.meta, whole.meta) == 1.0
    assert similarity(whole.meta, half.meta) == similarity(half.meta, whole.meta)
    assert similarity(whole.meta, half.meta) > 0.7 > similarity(whole.meta, other.meta) > 0


def test_meta_features_are_plain_floats_with_landmarks() -> None:
    meta = of(people()).meta
    assert all(type(value) is float and np.isfinite(value) for value in meta.values())
    assert meta["landmark_stump"] > 0.95
    assert {"landmark_bayes", "landmark_nearest", "class_entropy", "log_rows", "missing"} <= set(meta)


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_table_of_a_file_is_profiled_under_its_name(tmp_path: Path) -> None:
    people().to_parquet(tmp_path / "people.parquet")
    found = profile(FileTable(path=tmp_path / "people.parquet"))
    assert (found.name, found.fingerprint, found.rows, found.sampled) == ("people.parquet", "f", 407, None)


def test_a_large_table_counts_all_rows_and_says_what_is_of_a_sample(tmp_path: Path) -> None:
    frame = people(5000)
    frame.to_parquet(tmp_path / "people.parquet")
    table = FileTable(path=tmp_path / "people.parquet", large=True)
    found = profile(table)
    assert (found.rows, found.sampled) == (5007, 1000)
    (missing,) = [fact for fact in found.facts if fact.kind == "missing"]
    assert missing.value == frame["age_years"].isna().sum() == eval(missing.expression, {"df": frame})
    exact = {"shape", "missing", "kinds", "missing_target"}
    sampled = [fact for fact in found.facts if fact.kind not in exact and "sample" not in fact.parts]
    assert [fact.kind for fact in sampled if fact.kind != "units"] == []
    assert all(fact.text.startswith("In a sample of 1,000 rows, ") for fact in found.facts if "sample" in fact.parts)


def test_slow_figures_of_many_rows_are_of_a_seeded_sample_that_their_expression_draws() -> None:
    r = R(0)
    frame = pd.DataFrame({"x": r.exponential(size=60_000), "g": r.choice(list("ab"), 60_000)})
    found = of(frame)
    check(found, frame)
    (skew,) = [fact for fact in found.facts if fact.kind == "skew"]
    assert skew.expression == "df.sample(n=50000, random_state=0)['x'].skew()"
    assert skew.text.startswith("In a sample of 50,000 rows, x is skewed")
