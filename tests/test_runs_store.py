"""What is put into the catalogue of a run comes out of it again: parameters, every point, best and last, directions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb import runs
from kb.directions import infer
from kb.records import Direction, Point, Problem, Run, Scalar, State, summarise
from kb.run_points import Gathered, pack, unpack
from kb.store import Catalogue, set_source
from kb.types import SourceKey

NUMBERS = st.floats(allow_nan=True, allow_infinity=True).map(lambda number: number + 0.0)  # SQL knows no minus zero
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), NUMBERS, st.text(max_size=12))
POINTS = st.lists(
    st.builds(
        Point,
        st.sampled_from(["loss", "val/acc", "ω"]),
        NUMBERS,
        st.one_of(st.none(), st.integers(-(2**62), 2**62)),
        st.one_of(st.none(), st.floats(0, 2e9)),
        st.sampled_from([None, "train", "valid"]),
    ),
    max_size=12,
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue."""
    opened = Catalogue.open(tmp_path / "catalogue.db")
    yield opened
    opened.close()


def source(catalogue: Catalogue, name: str = "mlruns") -> int:
    """Return the id of a source to put runs under."""
    key = SourceKey(collection="default", root="/data", source=name)
    with catalogue.write() as conn:
        return set_source(conn, key, kind="mlflow", state="lexical")


def made(run_id: str = "a1b2c3d4", points: tuple[Point, ...] = (), **values: object) -> Run:
    """Return a run with these points."""
    run = Run(tracker="mlflow", run_id=run_id, source=f"mlruns/{run_id}", history=lambda: iter(points))
    return replace(run, **values)  # type: ignore[arg-type]


def same(first: object, second: object) -> bool:
    """Tell whether two values are the same, NaN like NaN, and of one type."""
    if isinstance(first, float) and isinstance(second, float) and math.isnan(first):
        return math.isnan(second)
    return first == second and type(first) is type(second)


@settings(max_examples=25)
@given(st.dictionaries(st.text(min_size=1, max_size=8), SCALARS, max_size=6), POINTS)
def test_what_goes_in_comes_out(params: dict[str, Scalar], points: list[Point]) -> None:
    opened = _fresh()
    run = made(points=tuple(points), params=params, state=State.FAILED, status="crashed", tags={"who": "me"})
    stored = runs.put_runs(opened, source(opened), [run])
    (row,) = runs.runs(opened)
    assert (stored.added, row.run_id, row.state, row.status) == (1, run.run_id, State.FAILED, "crashed")
    assert row.tags == {"who": "me"}
    assert row.params.keys() == params.keys()
    assert all(same(row.params[name].value, value) for name, value in params.items())
    expected = summarise(points)
    assert [repr(metric.figures) for metric in row.metrics] == [repr(metric) for metric in expected]
    for metric in row.metrics:
        own = [p for p in points if (p.name, p.split) == (metric.name, metric.split)]
        own.sort(key=lambda p: -math.inf if p.step is None else p.step)
        found = runs.history(opened, row.pk, metric.name, metric.split) if metric.split else None
        if found is not None:
            assert repr(list(found.points(metric.name, metric.split))) == repr(own)
    opened.close()


def _fresh() -> Catalogue:
    import tempfile

    return Catalogue.open(Path(tempfile.mkdtemp()) / "catalogue.db")


@given(POINTS)
def test_packed_points_are_unpacked_as_they_were(points: list[Point]) -> None:
    gathered = Gathered()
    for point in points:
        gathered.add(point)
    told = [p._replace(name="m", split=None) for p in points]
    told.sort(key=lambda p: -math.inf if p.step is None else p.step)
    assert repr(list(unpack(pack(gathered.sorted())).points("m"))) == repr(told)


def test_damaged_points_are_told() -> None:
    gathered = Gathered()
    gathered.add(Point("m", 1.0, 1))
    for data in (b"", b"\x01", pack(gathered.sorted())[:-3], b"\x07" + pack(gathered.sorted())[1:]):
        with pytest.raises(ValueError, match="points"):
            unpack(data)


def test_the_logged_text_of_a_parameter_stays_beside_its_value(catalogue: Catalogue) -> None:
    run = made(params={"opt.lr": 0.001, "deep": True}, raw_params={"opt.lr": "1e-3"}, space={"opt.lr": "[0, 1]"})
    runs.put_runs(catalogue, source(catalogue), [run])
    (row,) = runs.runs(catalogue)
    lr, deep = row.params["opt.lr"], row.params["deep"]
    assert (lr.value, lr.text, lr.number, lr.kind, lr.space) == (0.001, "1e-3", 0.001, "float", "[0, 1]")
    assert (deep.value, deep.text, deep.number, deep.kind) == (True, "True", None, "bool")


def test_an_unchanged_run_is_not_read_again(catalogue: Catalogue) -> None:
    read: list[str] = []

    def history(name: str) -> Iterator[Point]:
        read.append(name)
        yield Point("loss", 1.0, 1)

    id = source(catalogue)
    listed = [made(name, version="1", history=lambda name=name: history(name)) for name in ("aaaa", "bbbb")]
    runs.put_runs(catalogue, id, listed)
    pks = [row.pk for row in runs.runs(catalogue)]
    again = runs.put_runs(catalogue, id, [listed[0], replace(listed[1], version="2")])
    assert (again.added, again.updated, again.unchanged, read) == (0, 1, 1, ["aaaa", "bbbb", "bbbb"])
    assert [row.pk for row in runs.runs(catalogue)] == pks


def test_runs_without_a_version_are_compared_by_what_they_hold(catalogue: Catalogue) -> None:
    id = source(catalogue)
    runs.put_runs(catalogue, id, [made(points=(Point("loss", 1.0, 1), Point("loss", 0.5, 2)))])
    same_again = runs.put_runs(catalogue, id, [made(points=(Point("loss", 1.0, 1), Point("loss", 0.5, 2)))])
    other = runs.put_runs(catalogue, id, [made(points=(Point("loss", 1.0, 1), Point("loss", 0.4, 2)))])
    assert (same_again.unchanged, other.updated) == (1, 1)


def test_a_run_that_is_gone_is_removed_unless_a_problem_may_hide_it(catalogue: Catalogue) -> None:
    id = source(catalogue)
    runs.put_runs(catalogue, id, [made("aaaa"), made("bbbb"), made("cccc")])
    broken = Problem(source="mlruns/bbbb", reason="it is cut in the middle")
    stored = runs.put_runs(catalogue, id, [made("aaaa"), broken])
    assert (stored.removed, [row.run_id for row in runs.runs(catalogue)]) == (1, ["aaaa", "bbbb"])
    whole = runs.put_runs(catalogue, id, [Problem(source="mlruns", reason="it cannot be opened")])
    assert (whole.removed, runs.count(catalogue)) == (0, 2)


def test_stopping_keeps_what_was_done_and_removes_nothing(catalogue: Catalogue) -> None:
    id = source(catalogue)
    runs.put_runs(catalogue, id, [made("old1")])
    asked = iter([False, True])
    stored = runs.put_runs(catalogue, id, [made("new1"), made("new2"), made("new3")], stop=lambda: next(asked))
    assert (stored.complete, stored.added, runs.count(catalogue)) == (False, 2, 3)


def test_runs_of_one_id_are_copies(catalogue: Catalogue) -> None:
    runs.put_runs(catalogue, source(catalogue), [made("aaaa", name="x"), made("aaaa", name="y")])
    assert [(row.run_id, row.copy, row.name) for row in runs.runs(catalogue)] == [("aaaa", 0, "x"), ("aaaa", 1, "y")]


def test_the_points_of_a_run_with_a_problem_are_read_again(catalogue: Catalogue) -> None:
    id = source(catalogue)
    cut = made(version="1", points=(Point("loss", 1.0, 1), Problem(source="f", reason="cut")))  # type: ignore[arg-type]
    first, again = (runs.put_runs(catalogue, id, [cut]) for _ in range(2))
    assert [len(first.problems), len(again.problems), again.unchanged] == [1, 1, 1]


def test_points_that_are_stored_stay_where_reading_them_again_ends_in_a_problem(catalogue: Catalogue) -> None:
    id, whole = source(catalogue), tuple(Point("loss", 1.0 / step, step) for step in range(1, 6))
    lost = Problem(source="f", reason="the server went away")
    cut = (*whole[:2], Point("auc", 0.5, 1), lost)
    runs.put_runs(catalogue, id, [made(version="1", points=(*whole, Point("acc", 0.9, 1)))])
    stored = runs.put_runs(catalogue, id, [made(version="2", points=cut)])  # type: ignore[arg-type]
    [row] = runs.runs(catalogue)
    points = runs.history(catalogue, row.pk, "loss")
    assert stored.problems == (lost,)
    assert points is not None
    assert points.steps.tolist() == [1, 2, 3, 4, 5]
    assert sorted(metric.name for metric in row.metrics) == ["acc", "auc", "loss"]
    runs.put_runs(catalogue, id, [made(version="2", points=whole[:2])])
    [row] = runs.runs(catalogue)
    assert [(metric.name, metric.figures.count) for metric in row.metrics] == [("loss", 2)]


def test_more_points_before_a_problem_are_taken(catalogue: Catalogue) -> None:
    id, points = source(catalogue), tuple(Point("loss", 1.0, step) for step in range(4))
    lost = Problem(source="f", reason="cut")
    runs.put_runs(catalogue, id, [made(version="1", points=points[:2])])
    runs.put_runs(catalogue, id, [made(version="2", points=(*points, lost))])  # type: ignore[arg-type]
    assert runs.runs(catalogue)[0].metrics[0].figures.count == 4


# -- directions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val_loss", "minimize"), ("testAUC", "maximize"), ("neg_log_loss", "maximize"), ("f1_score", "maximize"),
        ("mse_score", "minimize"), ("metrics/mAP50(B)", "maximize"), ("score_time", "minimize"), ("lr", None),
        ("valLoss", "minimize"), ("perplexity", "minimize"), ("sharpe_ratio", "maximize"), ("epoch", None),
        ("max_depth", None), ("timestep", None), ("map", "maximize"), ("error_rate", "minimize"),
        ("R2 score", "maximize"),
    ],
)  # fmt: skip
def test_a_direction_is_told_by_the_name(name: str, direction: str | None) -> None:
    told = infer(name)
    assert (told.direction.value if told else None) == direction


def test_the_tracker_tells_better_than_the_name_and_a_person_better_than_both(catalogue: Catalogue) -> None:
    id = source(catalogue)
    loss, value = Point("loss", 2.0, 1), Point("value", 3.0, 1)
    run = made(experiment="e", points=(loss, value), directions={"value": Direction.MAXIMIZE}, version="1")
    runs.put_runs(catalogue, id, [run])
    told = {one.metric: (one.direction, one.experiment, one.reason) for one in runs.directions(catalogue)}
    assert told["value"] == (Direction.MAXIMIZE, "e", "mlflow says so")
    assert told["loss"] == (Direction.MINIMIZE, None, "its name says 'loss'")
    assert runs.correct_direction(catalogue, "loss", Direction.MAXIMIZE, reason="it is a gain") == 1
    runs.put_runs(catalogue, id, [replace(run, version="2")])
    (row,) = runs.runs(catalogue)
    metric = row.metric("loss")
    assert metric is not None
    assert metric.direction is Direction.MAXIMIZE
    assert [(d.reason, d.corrected) for d in runs.directions(catalogue, "loss")] == [("it is a gain", True)]


# -- finding ---------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_id_alias_name_path_and_the_beginning_of_its_id(catalogue: Catalogue) -> None:
    listed = [
        made("0a1b2c3d4e5f", name="baseline", aliases=("first",)),
        made("0a1b9999", name="baseline"),
        made("outputs/2024-01-02/train", source="outputs/2024-01-02/train"),
    ]
    runs.put_runs(catalogue, source(catalogue), listed)

    def ids(text: str) -> list[str]:
        return [row.run_id for row in runs.find(catalogue, text)]

    assert ids("0A1B2C3D4E5F") == ids("first") == ids("0a1b2c") == ["0a1b2c3d4e5f"]
    assert ids("Baseline") == ids("0a1b") == ["0a1b2c3d4e5f", "0a1b9999"]
    assert ids("2024-01-02/train") == ids("train") == ids("repo/outputs/2024-01-02/train") == [listed[2].run_id]
    assert ids("%") == ids("") == ids("nothing") == []


def test_deleted_and_loose_runs_are_counted_only_where_asked(catalogue: Catalogue) -> None:
    listed = [made("aaaa"), made("bbbb", deleted=True), made("cccc", loose=True)]
    runs.put_runs(catalogue, source(catalogue), listed)
    assert [runs.count(catalogue), runs.count(catalogue, deleted=True)] == [1, 2]
    assert [row.run_id for row in runs.runs(catalogue, deleted=False, loose=False)] == ["aaaa"]


def test_names_that_are_no_valid_text_are_stored_as_their_escapes(catalogue: Catalogue) -> None:
    points = (Point("a\udc80", 1.0, 1), Point("a\\udc80", 2.0, 2))
    run = made("\udcff", points=points, params={"\ud800": "\udfff"}, tags={"t": "\ud800"}, name="\ud800")
    runs.put_runs(catalogue, source(catalogue), [run])
    (row,) = runs.runs(catalogue)
    assert (row.run_id, row.name, row.params["\\ud800"].value) == ("\\udcff", "\\ud800", "\\udfff")
    assert [(metric.name, metric.figures.count) for metric in row.metrics] == [("a\\udc80", 2)]
