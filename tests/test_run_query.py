"""Questions about runs: what each kind gives, what is left out and said; every cited value is the stored one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import BadInput, DirectionUnknown, NameAmbiguous, NameUnknown, SeveralFit
from kb.history import RunFilter, RunQuery, Wanted, Window
from kb.records import Point, Run, State, split_of
from kb.run_query import RunResult, run, verify_run, vocabulary, words
from kb.run_wire import link, query_from_link, query_json, query_of
from kb.runs import put_runs
from kb.store import Catalogue, set_source
from kb.types import SourceKey

LR = Wanted(field="param", name="lr")


def made(run_id: str, params: dict[str, Any], metrics: dict[str, Sequence[float]] | None = None, **more: Any) -> Run:
    """Return a run whose metrics have one value a step."""
    points = [
        Point(name, value, step, split=split_of(name))
        for name, values in (metrics or {}).items()
        for step, value in enumerate(values)
    ]
    given_: dict[str, Any] = {"state": State.FINISHED, "status": "FINISHED", "source": "logs/x.csv", **more}
    return Run(tracker="test", run_id=run_id, params=params, history=lambda: iter(points), **given_)


RUNS = [
    made(
        "a", {"lr": 0.1, "seed": 1, "opt": "Adam"}, {"val_acc": [0.5, 0.9, 0.8]}, name="one", started=100.0, ended=160.0
    ),
    made("b", {"lr": 0.1, "seed": 2, "opt": "Adam"}, {"val_acc": [0.4, 0.7]}, name="two", started=200.0, ended=230.0),
    made("c", {"lr": 0.01, "seed": 1, "opt": "SGD", "wd": 0.5}, {"val_acc": [0.3, 0.8]}, started=300.0),
    made("d", {"lr": 0.01, "opt": "SGD"}, {"val_acc": [math.nan]}, started=400.0),
    made("e", {"lr": 0.001, "opt": "adam"}, state=State.FAILED, status="CRASHED", started=500.0),
    made("f", {"lr": 9.0, "opt": "Adam"}, {"val_acc": [0.99]}, deleted=True),
    made(
        "g", {"lr": 0.001, "model.depth": 3, "opt": "SGD"}, {"val_acc": [0.2], "train_acc": [0.4], "odd_thing": [1.0]}
    ),
]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue with seven small runs."""
    opened = stored(tmp_path_factory.mktemp("runs"), RUNS)
    yield opened
    opened.close()


def stored(folder: Path, runs: Sequence[Run]) -> Catalogue:
    """Return a catalogue in a folder that holds runs of one source."""
    opened = Catalogue.open(folder / "catalogue.db")
    key = SourceKey(collection="default", root="history", source="logs")
    with opened.write() as conn:
        source = set_source(conn, key, kind="runs", hash="1", state="lexical", updated=0.0)
    put_runs(opened, source, runs)
    return opened


def asked(catalogue: Catalogue, select: Any, **more: Any) -> RunResult:
    """Return the result of a query, of which every citation must hold."""
    result = run(RunQuery(select=select, **more), catalogue)
    assert all(verify_run(citation, catalogue) for citation in result.cited)
    assert len(result.rows.rows) <= 200
    return result


def where(field: Any, value: Any = None, op: Any = "eq", name: str | None = None, **more: Any) -> RunFilter:
    """Return a filter."""
    return RunFilter(field=field, op=op, name=name, value=value, **more)


def ids(result: RunResult) -> list[str]:
    """Return the ids of the runs of a result."""
    return [ref.run_id for ref in result.runs]


# -- best and worst ----------------------------------------------------------------------------------------------


def test_the_best_run_is_told_with_its_ties_and_what_was_left_out(catalogue: Catalogue) -> None:
    result = asked(catalogue, "best", metric="val_acc")
    assert (result.kind, result.value, ids(result), result.ties) == ("best_run", 0.8, ["a", "c"], 2)
    assert result.left_out == {"deleted": 1, "failed": 1, "odd values": 1}
    assert (result.considered, result.direction, result.split) == (4, "maximize", "valid")


def test_the_best_value_over_the_steps_is_another_figure(catalogue: Catalogue) -> None:
    result = asked(catalogue, "best", metric="val_acc", figure="best")
    assert (result.value, ids(result), result.cited[0].step) == (0.9, ["a"], 1)


def test_the_worst_run_goes_the_other_way(catalogue: Catalogue) -> None:
    assert ids(asked(catalogue, "worst", metric="val_acc")) == ["g"]
    assert ids(asked(catalogue, "worst", metric="val_acc", direction="minimize")) == ["a", "c"]


def test_a_metric_without_a_direction_asks_for_one(catalogue: Catalogue) -> None:
    with pytest.raises(DirectionUnknown, match="odd_thing"):
        asked(catalogue, "best", metric="odd_thing")
    assert asked(catalogue, "best", metric="odd_thing", direction="minimize").value == 1.0


def test_deleted_runs_take_part_where_they_are_asked_for(catalogue: Catalogue) -> None:
    assert ids(asked(catalogue, "best", metric="val_acc", deleted=True)) == ["f"]


def test_repeats_with_other_seeds_tell_the_spread(catalogue: Catalogue) -> None:
    spread = asked(catalogue, "best", metric="val_acc").spread
    assert spread is not None
    assert (spread.n, spread.low, spread.high) == (2, 0.7, 0.8)
    assert spread.mean == pytest.approx(0.75)
    assert spread.std == pytest.approx(math.sqrt(0.005))


def test_the_best_group_is_named_with_its_value(catalogue: Catalogue) -> None:
    by_run = asked(catalogue, "best", metric="val_acc", group_by=Wanted(field="param", name="opt"), aggregate="best")
    assert by_run.value == {"label": "Adam", "value": 0.8}
    by_mean = asked(catalogue, "best", metric="val_acc", group_by=LR)
    assert by_mean.value == {"label": "0.01", "value": 0.8}


def test_runs_can_be_compared_by_how_long_they_took(catalogue: Catalogue) -> None:
    result = asked(catalogue, "best", wanted=(Wanted(field="duration"),), direction="maximize")
    assert (result.value, ids(result), result.cited[0].field) == (60.0, ["a"], "duration")


# -- names -------------------------------------------------------------------------------------------------------


def test_a_name_is_found_by_its_last_part(catalogue: Catalogue) -> None:
    assert asked(catalogue, "list", filters=(where("param", 3, name="depth"),)).value == ["g"]


def test_several_metrics_of_one_name_are_listed_with_counts(tmp_path: Path) -> None:
    runs = [made("a", {}, {"train/auc": [0.1], "val/auc": [0.2]}), made("b", {}, {"val/auc": [0.3]})]
    catalogue = stored(tmp_path, runs)
    with pytest.raises(NameAmbiguous, match=r"val/auc \(valid\): 2 runs, train/auc \(train\): 1 runs"):
        asked(catalogue, "best", metric="auc")
    assert asked(catalogue, "best", metric="auc", split="train").value == 0.1


def test_a_name_that_was_never_logged_names_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(NameUnknown) as error:
        asked(catalogue, "best", metric="val_ac")
    assert error.value.nearest[0] == "val_acc"


def test_a_name_is_looked_up_among_the_runs_that_fit(tmp_path: Path) -> None:
    runs = [made("a", {"lr": 1}, experiment="x"), made("b", {"optim.lr": 2}, experiment="y")]
    catalogue = stored(tmp_path, runs)
    result = asked(catalogue, "params", wanted=(LR,), filters=(where("experiment", "y"),))
    assert result.value == {"optim.lr": 2}


# -- lists, counts, groups ---------------------------------------------------------------------------------------


def test_failed_runs_count_where_the_question_is_not_about_a_metric(catalogue: Catalogue) -> None:
    assert asked(catalogue, "count").value == 6
    assert asked(catalogue, "count", filters=(where("state", "failed"),)).value == 1
    assert asked(catalogue, "count", metric="val_acc").value == 5


def test_texts_compare_without_case_and_numbers_by_size(catalogue: Catalogue) -> None:
    assert asked(catalogue, "count", filters=(where("param", " ADAM ", name="opt"),)).value == 3
    assert asked(catalogue, "count", filters=(where("param", "0.10", name="lr"),)).value == 2
    assert asked(catalogue, "list", filters=(where("param", 0.1, "lt", name="lr"),)).value == ["c", "d", "e", "g"]
    assert asked(catalogue, "list", filters=(where("param", op="missing", name="seed"),)).value == ["d", "e", "g"]


def test_odd_values_are_found_and_can_be_skipped(catalogue: Catalogue) -> None:
    assert asked(catalogue, "list", filters=(where("metric", op="odd", name="val_acc"),)).value == ["d"]
    assert asked(catalogue, "list", metric="val_acc").value == ["a", "c", "b", "g", "d"]
    assert asked(catalogue, "list", metric="val_acc", skip_odd=True, limit=2).value == ["a", "c"]


def test_a_list_can_be_of_values_and_in_an_order(catalogue: Catalogue) -> None:
    result = asked(catalogue, "list", wanted=(LR,), order_by=Wanted(field="started"), descending=False)
    assert result.value == [0.1, 0.01, 0.001]
    assert {"run", "name", "state", "lr", "started"} == set(result.rows.columns)


def test_runs_are_counted_and_averaged_by_value(catalogue: Catalogue) -> None:
    assert asked(catalogue, "count", group_by=LR).value == {"0.1": 2, "0.01": 2, "0.001": 2}
    result = asked(catalogue, "group", metric="val_acc", group_by=LR)
    assert result.value == {"0.1": pytest.approx(0.75), "0.01": 0.8, "0.001": 0.2}
    assert (
        asked(catalogue, "group", metric="val_acc", group_by=Wanted(field="param", name="seed")).left_out[
            "without seed"
        ]
        == 1
    )


def test_aggregates_leave_odd_values_out_and_say_so(catalogue: Catalogue) -> None:
    result = asked(catalogue, "mean", metric="val_acc")
    assert result.value == pytest.approx((0.8 + 0.7 + 0.8 + 0.2) / 4)
    assert result.left_out["odd values"] == 1
    assert asked(catalogue, "std", metric="odd_thing").kind == "none"


def test_one_value_needs_one_run_or_runs_that_agree(catalogue: Catalogue) -> None:
    assert asked(catalogue, "value", metric="val_acc", filters=(where("id", "b"),)).value == 0.7
    assert asked(catalogue, "value", metric="val_acc", filters=(where("id", "d"),)).value == "nan"
    assert asked(catalogue, "value", metric="val_acc", filters=(where("id", ("a", "c"), "in"),)).value == 0.8
    with pytest.raises(SeveralFit, match="5 runs fit"):
        asked(catalogue, "value", metric="val_acc")
    best = asked(catalogue, "value", metric="val_acc", figure="best", wanted=(LR,))
    assert (best.value, ids(best)) == (0.1, ["a"])


def test_dates_are_spans_of_time(catalogue: Catalogue) -> None:
    assert asked(catalogue, "count", filters=(where("started", "1970-01-01"),)).value == 5
    assert asked(catalogue, "count", filters=(where("started", "1970", "gt"),)).value == 0
    assert asked(catalogue, "list", filters=(where("started", (150, 300), "between"),)).value == ["b", "c"]


# -- steps, sides, parameters ------------------------------------------------------------------------------------


def test_the_best_step_is_the_first_that_reaches_the_value(tmp_path: Path) -> None:
    catalogue = stored(tmp_path, [made("a", {}, {"loss": [3.0, 1.0, math.nan, 1.0, 2.0]})])
    assert asked(catalogue, "best_step", metric="loss").value == {"step": 1, "value": 1.0}
    assert asked(catalogue, "best_step", metric="loss", figure="first", below=2.5).value == 1
    assert asked(catalogue, "best_step", metric="loss", window=Window(low=2)).value == {"step": 3, "value": 1.0}


def test_a_trend_has_two_ends_and_a_direction(catalogue: Catalogue, tmp_path: Path) -> None:
    result = asked(catalogue, "trend", metric="val_acc", filters=(where("id", "a"),))
    assert result.value == {"first": 0.5, "last": 0.8, "direction": "up"}
    with pytest.raises(SeveralFit):
        asked(catalogue, "trend", metric="val_acc")
    other = stored(tmp_path, [made("a", {}, {"loss": [1.0, 2.0, 3.0, 3.0009]})])
    late = {"window": Window(first_n=2), "second_window": Window(last_n=2)}
    assert asked(other, "trend", metric="loss", **late).value["first"] == 1.5
    assert asked(other, "trend", metric="loss", window=Window(low=2)).value["direction"] == "flat"


def test_a_trend_over_runs_goes_by_their_start(catalogue: Catalogue) -> None:
    windows = {"window": Window(unit="run", first_n=1), "second_window": Window(unit="run", last_n=1)}
    started = (where("started", op="present"),)
    assert asked(catalogue, "trend", metric="val_acc", over="runs", filters=started).value["last"] == 0.8
    value = asked(
        catalogue, "trend", metric="val_acc", over="runs", filters=(where("id", ("b", "c"), "in"),), **windows
    ).value
    assert value == {"first": 0.7, "last": 0.8, "direction": "up"}


def test_two_runs_are_compared_in_the_order_given(catalogue: Catalogue) -> None:
    result = asked(catalogue, "compare", metric="val_acc", first=(where("id", "b"),), second=(where("name", "one"),))
    assert result.value == {"first": 0.7, "second": 0.8, "difference": 0.7 - 0.8}


def test_only_parameters_that_differ_are_changes_and_unset_is_null(catalogue: Catalogue) -> None:
    pair = {"first": (where("id", "a"),), "second": (where("id", "c"),)}
    assert asked(catalogue, "changed", **pair).value == {"lr": [0.1, 0.01], "opt": ["Adam", "SGD"], "wd": [None, 0.5]}
    assert "lr" not in asked(catalogue, "changed", wanted=(LR,), **pair).value


def test_an_effect_has_an_interval_and_tells_what_moved_along(catalogue: Catalogue) -> None:
    result = asked(catalogue, "effect", metric="val_acc", first=(where("param", "adam", name="opt"),))
    assert result.value["difference"] == pytest.approx(0.75 - 0.5)
    assert (result.value["n_with"], result.value["n_without"]) == (2, 2)
    assert result.value["low"] < result.value["difference"] < result.value["high"]
    assert [one.name for one in result.confounders if one.apart] == ["lr"]


def test_the_interval_is_that_of_scipy(catalogue: Catalogue) -> None:
    from scipy import stats

    value = asked(catalogue, "effect", metric="val_acc", first=(where("param", "adam", name="opt"),)).value
    interval = stats.ttest_ind([0.8, 0.7], [0.8, 0.2], equal_var=False).confidence_interval()
    assert (value["low"], value["high"]) == pytest.approx((interval.low, interval.high))


def test_runs_on_both_sides_are_refused(catalogue: Catalogue) -> None:
    both = (where("param", op="present", name="lr"),)
    with pytest.raises(BadInput, match="both sides"):
        asked(catalogue, "effect", metric="val_acc", first=both, second=both)


def test_parameters_of_several_runs_are_those_they_agree_in(catalogue: Catalogue) -> None:
    result = asked(catalogue, "params", filters=(where("name", ("one", "two"), "in"),))
    assert result.value == {"lr": 0.1, "opt": "Adam"}
    assert result.notes == ("seed differs between the 2 runs that fit",)


def test_values_that_were_never_tried_are_found_in_candidates_or_the_space(tmp_path: Path) -> None:
    space = {"depth": json.dumps({"name": "IntDistribution", "attributes": {"low": 2, "high": 6, "step": 2}})}
    catalogue = stored(tmp_path, [made("a", {"depth": 4, "lr": 0.1}, space=space), made("b", {"depth": 2, "lr": 1})])
    depth = (Wanted(field="param", name="depth"),)
    assert asked(catalogue, "never_tried", wanted=depth).value == [6]
    assert asked(catalogue, "never_tried", wanted=depth, candidates=(1, "2", 4.0)).value == [1]


def test_metrics_that_never_moved_are_found(tmp_path: Path) -> None:
    catalogue = stored(tmp_path, [made("a", {}, {"r": [1.0], "p": [1.0]}), made("b", {}, {"r": [1.0], "p": [2.0]})])
    assert asked(catalogue, "unchanged").value == ["r"]


def test_values_of_an_unknown_run_answer_only_where_no_run_does(tmp_path: Path) -> None:
    runs = [made("a", {}, {"acc": [0.5]}), made("m", {}, {"acc": [0.9], "auc": [0.7]}, loose=True)]
    catalogue = stored(tmp_path, runs)
    assert asked(catalogue, "best", metric="acc").value == 0.5
    assert asked(catalogue, "value", metric="auc").notes[-1].startswith("these values stand in a file")
    assert asked(catalogue, "count").value == 1


# -- words, links, citations, vocabulary -------------------------------------------------------------------------

QUERIES = st.builds(
    RunQuery,
    select=st.sampled_from(("best", "list", "count", "effect", "trend", "changed", "never_tried", "group", "value")),
    metric=st.none() | st.text(max_size=5),
    figure=st.sampled_from(("last", "best", "steps")),
    filters=st.lists(
        st.builds(
            RunFilter,
            field=st.sampled_from(("param", "state", "text", "started")),
            op=st.sampled_from(("eq", "in", "missing", "between")),
            name=st.none() | st.text(max_size=5),
            value=st.none()
            | st.integers(-9, 9)
            | st.floats(allow_nan=False)
            | st.tuples(st.text(max_size=3), st.booleans()),
        ),
        max_size=3,
    ).map(tuple),
    wanted=st.lists(
        st.builds(Wanted, field=st.sampled_from(("param", "id")), name=st.none() | st.text(max_size=3))
    ).map(tuple),
    window=st.none()
    | st.builds(Window, low=st.none() | st.floats(allow_nan=False), first_n=st.none() | st.integers(0, 9)),
    below=st.none() | st.floats(allow_nan=False),
    deleted=st.booleans(),
)


@given(QUERIES)
def test_a_question_comes_back_from_its_json_and_its_link_and_can_be_said(query: RunQuery) -> None:
    assert query_of(json.loads(json.dumps(query_json(query)))) == query
    assert query_from_link(link(query)) == query
    assert words(query)


NO_QUESTIONS = (
    None,
    {},
    {"is": "RunQuery"},
    {"is": "RunQuery", "select": "drop"},
    {"is": "RunQuery", "select": "best", "sql": ""},
    {"is": "RunQuery", "select": "best", "limit": "many"},
)


@pytest.mark.parametrize("data", NO_QUESTIONS)
def test_what_is_no_question_is_refused(data: Any) -> None:
    with pytest.raises(BadInput):
        query_of(data)


def test_a_question_is_said_in_plain_words() -> None:
    query = RunQuery(select="best", metric="val_auc", direction="maximize", filters=(where("state", "finished"),))
    assert words(query) == "highest val_auc (last value), over finished runs"


def test_a_changed_value_is_not_verified(catalogue: Catalogue) -> None:
    (citation, *_) = asked(catalogue, "best", metric="val_acc").cited
    assert not verify_run(replace(citation, value=0.81), catalogue)
    assert not verify_run(replace(citation, step=0), catalogue)
    assert not verify_run(replace(citation, run_id="b"), catalogue)
    assert not verify_run(replace(citation, split="test"), catalogue)


def test_the_vocabulary_counts_what_was_logged_and_moves_with_the_catalogue(tmp_path: Path) -> None:
    catalogue = stored(tmp_path, RUNS)
    first = vocabulary(catalogue)
    assert vocabulary(catalogue) is first
    lr = next(one for one in first.params if one.name == "lr")
    assert (lr.runs, {value: sum(n.values()) for value, n in lr.values.items()}) == (
        7,
        {0.1: 2, 0.01: 2, 0.001: 2, 9.0: 1},
    )
    stored(tmp_path, [*RUNS, made("h", {"new": 1})])
    assert "new" in {one.name for one in vocabulary(catalogue).params}


def test_hostile_names_and_values_stay_values(catalogue: Catalogue) -> None:
    for text in ("'; DROP TABLE runs; --", "%", "_", "!", '"', "\x00"):
        assert asked(catalogue, "count", filters=(where("param", text, name="opt"),)).value == 0
        assert asked(catalogue, "count", filters=(where("name", text, "contains"),)).value == 0
        with pytest.raises(NameUnknown):
            asked(catalogue, "best", metric=text)
