"""Each figure against a worked example and a reference implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score, roc_auc_score

from kb.metrics import (
    auroc,
    comparable,
    mean,
    mrr,
    ndcg_at_k,
    percentile,
    quote_within_words,
    recall_at_k,
    reciprocal_rank,
)

scores = st.floats(-5, 5, allow_nan=False).map(lambda x: round(x, 1))


def test_recall_counts_the_relevant_among_the_first_k() -> None:
    assert recall_at_k({"a", "b", "c", "d"}, ["x", "a", "b", "y", "c"], 3) == 0.5
    assert recall_at_k({"a"}, [], 3) == 0.0
    assert recall_at_k(set(), ["a"], 3) == 0.0


def test_ndcg_of_a_worked_example() -> None:
    dcg = 3 / math.log2(2) + 0 / math.log2(3) + 2 / math.log2(4)
    best = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert ndcg_at_k({"a": 3, "b": 2, "c": 1}, ["a", "x", "b"], 3) == pytest.approx(dcg / best)


def test_ndcg_counts_a_repeated_id_once_and_no_gain_as_nothing() -> None:
    assert ndcg_at_k({"a": 1}, ["a", "a", "a"], 3) == 1.0
    assert ndcg_at_k({}, ["a"], 3) == 0.0


@given(st.lists(st.tuples(st.integers(0, 3), scores), min_size=2, max_size=12, unique_by=lambda pair: pair[1]))
def test_ndcg_equals_scikit_learns(pairs: list[tuple[int, float]]) -> None:
    gains = {i: float(gain) for i, (gain, _) in enumerate(pairs)}
    ranking = sorted(gains, key=lambda i: -pairs[i][1])
    if any(gains.values()):
        expected = ndcg_score([[g for g, _ in pairs]], [[s for _, s in pairs]], k=5)
        assert ndcg_at_k(gains, ranking, 5) == pytest.approx(expected)


def test_the_reciprocal_rank_is_that_of_the_first_hit() -> None:
    assert reciprocal_rank([False, True, True]) == 0.5
    assert reciprocal_rank([False, True], k=1) == 0.0
    assert mrr([[True], [False, True], [False]]) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.booleans(), scores), min_size=2, max_size=40))
def test_auroc_equals_scikit_learns_ties_included(pairs: list[tuple[bool, float]]) -> None:
    labels, values = [label for label, _ in pairs], [value for _, value in pairs]
    if len(set(labels)) == 1:
        assert auroc(labels, values) is None
    else:
        assert auroc(labels, values) == pytest.approx(roc_auc_score(labels, values))


@given(st.lists(scores, min_size=1, max_size=30), st.floats(0, 100))
def test_percentiles_equal_numpys(values: list[float], q: float) -> None:
    assert percentile(values, q) == pytest.approx(float(np.percentile(values, q)), abs=1e-9)


def test_nothing_has_the_mean_and_percentile_zero() -> None:
    assert mean([]) == percentile([], 95) == 0.0


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Thus, :func:`cross_val_predict` is not", "Thus, cross_val_predict is not"),
        ("see :class:`~sklearn.svm.SVC` now", "see SVC now"),
        ("see :ref:`the guide <user_guide>`.", "see the guide."),
        ("see :py:meth:`fit <a.B.fit>`", "see fit"),
        ("a `link <https://x.org/a_b>`_ here", "a link here"),
        ("``max_depth=3`` is **not** *enough*", "max_depth=3 is not enough"),
        ("[the docs](https://x.org) and `code`", "the docs and code"),
        ("![alt](a.png) text", "alt text"),
        ('<a href="x">Bold</a> <b>words</b>', "Bold words"),
        (".. note:: Use folds.", "Use folds."),
        ("Café—naïve", "Caf na ve"),
    ],
)
def test_markup_makes_no_difference(source: str, shown: str) -> None:
    assert comparable(source) == comparable(shown)


def test_comparing_keeps_comparisons_and_generics() -> None:
    assert comparable("if a < b and c > d: List<int>") == "if a b and c d list int" or "b and c" in comparable(
        "if a < b and c > d"
    )


@given(st.text())
def test_what_is_comparable_holds_only_words_and_single_spaces(text: str) -> None:
    found = comparable(text)
    assert found == " ".join(found.split())
    assert all(c.isascii() and (c.isalnum() or c == " ") for c in found)


WORDS = [(True, "one two three"), (False, "four five six"), (True, "seven eight nine ten")]


@pytest.mark.parametrize(
    ("quote", "width", "stands"),
    [
        ("two three", 3, True),
        ("two three", 2, False),
        ("five six", 100, False),
        ("seven eight", 8, True),
        ("eight nine", 8, False),
        ("three four", 100, False),
        ("wo thre", 100, False),
        ("Seven, EIGHT!", 8, True),
        ("", 100, False),
    ],
)
def test_a_quote_stands_within_the_words_of_ranked_passages(quote: str, width: int, stands: bool) -> None:
    assert quote_within_words(quote, WORDS, width) is stands


@given(st.integers(1, 12), st.integers(1, 6))
def test_how_passages_are_cut_makes_no_difference_to_a_quote_inside_one(width: int, first: int) -> None:
    words = [f"w{i}" for i in range(12)]
    whole = [(True, " ".join(words))]
    cut = [(True, " ".join(words[:first])), (True, " ".join(words[first:]))]
    assert quote_within_words("w7 w8", whole, width) == quote_within_words("w7 w8", cut, width) == (width >= 9)
