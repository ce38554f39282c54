"""Words are linked to columns and values: split names, plurals, abbreviations, typos, and no further."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.dataset.link import Column, Linker, Mention, linker
from assistant.dataset.tokens import identifier_words, stem, words_of


def columns(*names: str) -> Linker:
    return Linker(tuple(Column(name=name, kind="number", parts=identifier_words(name)) for name in names))


def linked(link: Linker, text: str) -> list[str]:
    return [mention.column for mention in link.mentions(text, words_of(text))]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("coapplicant income", "CoapplicantIncome"),
        ("the number of goals", "number_of_goals"),
        ("goals scored", "number_of_goals"),
        ("maximum wind speed", "max_wind_speed"),
        ("room class", "Rclass"),
        ("price per square foot", "PricePerSqft"),
        ("salaries", "salary_in_thousands_of_dollars"),
        ("unemployment", "Unemployment Rate (%)"),
        ("number of photos", "#photo"),
        ("body mass", "bodyMass"),
    ],
)
def test_a_name_is_found_however_it_is_written(said: str, name: str) -> None:
    assert linked(columns("zzz", name, "quux"), f"the mean of {said} overall") == [name]


def test_a_typo_is_linked_but_not_surely() -> None:
    link = columns("temperature", "rain")
    [mention] = link.mentions("mean temperatur", words_of("mean temperatur")) or [None]
    assert mention is not None
    assert mention.column == "temperature"
    [typo] = link.mentions("mean temprature", words_of("mean temprature"))
    assert typo.column == "temperature"
    assert not typo.sure


def test_a_noun_that_two_columns_share_is_not_sure() -> None:
    link = columns("monthly_charges", "total_charges")
    [mention] = link.mentions("mean charges", words_of("mean charges"))
    assert not mention.sure
    assert mention.others


def test_words_of_the_grammar_are_no_columns_unless_they_stand_as_one() -> None:
    link = columns("count", "weight")
    assert linked(link, "count the rows by weight") == ["weight"]
    assert linked(link, "mean of the 'count' column") == ["count"]


def test_an_identifier_is_not_what_its_noun_names() -> None:
    assert linked(columns("PassengerId", "fare"), "fare of each passenger") == ["fare"]


class Cities:
    """A table of one category and one text with too many values."""

    name = "cities.csv"
    fingerprint = "made for this test"
    columns = ("City", "note", "sex")
    rows = 1500
    large = False

    @property
    def frame(self) -> pd.DataFrame:
        cities = ["New York", "Paris"] * 750
        return pd.DataFrame({"City": cities, "note": [f"note {n}" for n in range(1500)], "sex": ["M", "F"] * 750})

    def sample(self, n: int = 50_000) -> pd.DataFrame:
        return self.frame


def test_values_are_linked_to_their_columns() -> None:
    link = linker(Cities())
    text = "how many women live in new york?"
    found = {(mention.column, mention.value) for mention in link.mentions(text, words_of(text)) if mention.is_value}
    assert found == {("City", "New York"), ("sex", "F")}


def test_a_column_with_too_many_values_is_not_indexed() -> None:
    assert not linker(Cities()).by_name["note"].values


@given(st.text(alphabet="abc ABC.,_-'\"0123 of", max_size=60))
def test_mentions_never_overlap(text: str) -> None:
    found: tuple[Mention, ...] = columns("ab", "abc_count", "C", "a of b").mentions(text, words_of(text))
    assert all(first.end <= second.start for first, second in pairwise(found))


@pytest.mark.parametrize(
    ("one", "other"), [("graduates", "graduate"), ("prices", "price"), ("cities", "city"), ("children", "child")]
)
def test_forms_of_a_word_share_their_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)
