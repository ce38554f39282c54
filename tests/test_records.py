"""Runs and the figures kept of their metrics."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.records import Direction, Point, Problem, Run, State, merged, split_of, state_of, summarise

FINITE = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train_loss", "train"),
        ("training/acc", "train"),
        ("val_loss", "valid"),
        ("valLoss", "valid"),
        ("eval_f1", "valid"),
        ("dev-accuracy", "valid"),
        ("testAUC", "test"),
        ("metrics/test/acc", "test"),
        ("validation RMSE", "valid"),
        ("loss", None),
        ("constrain_loss", None),
        ("value", None),
        ("interval", None),
        ("latest_score", None),
        ("train_test_gap", None),
    ],
)
def test_the_split_is_read_from_the_words_of_a_name(name: str, split: str | None) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("FINISHED", State.FINISHED),
        ("COMPLETE", State.FINISHED),
        ("FAIL", State.FAILED),
        ("INTERRUPTED", State.KILLED),
        ("PRUNED", State.PRUNED),
        ("crashed", State.FAILED),
        (None, State.UNKNOWN),
        ("whatever", State.UNKNOWN),
    ],
)
def test_every_trackers_word_for_how_a_run_ended_has_one_meaning(status: str | None, state: State) -> None:
    assert state_of(status) is state


def test_the_last_value_is_the_one_at_the_greatest_step_and_the_latest_of_several() -> None:
    points = [Point("a", 1.0, 3), Point("a", 2.0, 7), Point("a", 3.0, 7), Point("a", 4.0, 5)]
    (metric,) = summarise(points)
    assert (metric.last, metric.last_step, metric.first, metric.low, metric.high) == (3.0, 7, 1.0, 1.0, 4.0)


def test_nan_and_infinities_are_counted_and_are_no_extremes() -> None:
    (metric,) = summarise([Point("a", math.nan, 0), Point("a", 2.0, 1), Point("a", math.inf, 2)])
    assert (metric.count, metric.odd, metric.low, metric.high, metric.last) == (3, 2, 2.0, 2.0, math.inf)
    (never,) = summarise([Point("a", math.nan)])
    assert never.low is None
    assert math.isnan(never.last)


def test_problems_in_a_history_are_passed_over_and_splits_kept_apart() -> None:
    points = [Point("a", 1.0, 0, None, "train"), Problem(source="x", reason="cut"), Point("a", 2.0, 0, None, "test")]
    assert [(metric.split, metric.last) for metric in summarise(points)] == [("train", 1.0), ("test", 2.0)]


@given(st.lists(st.tuples(st.integers(0, 20), FINITE), min_size=1))
def test_extremes_and_last_are_those_of_the_points(pairs: list[tuple[int, float]]) -> None:
    (metric,) = summarise(Point("a", value, step) for step, value in pairs)
    values = [value for _, value in pairs]
    assert (metric.low, metric.high, metric.count) == (min(values), max(values), len(values))
    assert metric.last == [value for step, value in pairs if step == max(step for step, _ in pairs)][-1]


def test_of_two_records_of_one_training_the_first_stands_and_the_second_completes() -> None:
    def curve(name: str, value: float) -> Run:
        params = {"lr": value, name: 1}
        points = [Point("loss", value), Point(name, value)]
        return Run(tracker=name, run_id=name, source=name, params=params, history=lambda: iter(points))

    both = merged(curve("a", 1.0), curve("b", 2.0))
    assert (both.run_id, both.aliases, both.sources) == ("a", ("b",), ("a", "b"))
    assert both.params == {"lr": 1.0, "a": 1, "b": 1}
    assert [(point.name, point.value) for point in both.history()] == [("loss", 1.0), ("a", 1.0), ("b", 2.0)]  # type: ignore[union-attr]


def test_directions_are_words_that_json_can_hold() -> None:
    assert str(Direction.MAXIMIZE) == "maximize"
