"""What the Experiments page shows, as trees: the chip of a run, the table, what is hidden, runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.check import Checked, Finding
from assistant.tried import tried
from assistant.wire import citation_json
from kb.errors import BadInput
from kb.history import RunFilter, RunQuery
from kb.records import Point, Run, State, split_of
from kb.run_listing import Asked, listing
from kb.run_points import Gathered
from kb.run_query import run
from kb.run_verify import cited_runs
from kb.runs import put_runs, runs
from kb.store import Catalogue, set_source
from kb.types import SourceKey
from ui import experiments_charts as charts
from ui import experiments_columns as columns
from ui import experiments_report as report
from ui import experiments_trees as trees
from ui import experiments_tried as held
from ui.nodes import text_of
from ui.render import chip


def made(n: int, params: dict[str, Any], value: float, **more: Any) -> Run:
    """Return a run with one metric."""
    points = [Point("val_auc", value, step, split=split_of("val_auc")) for step in range(3)]
    return Run(
        tracker="csv", run_id=f"id{n}", name="same name", source=f"log{n}.csv", experiment="churn", params=params,
        state=State.FINISHED, history=lambda: iter(points), **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue of three runs, one of them deleted."""
    folder: Path = tmp_path_factory.mktemp("experiments")
    opened = Catalogue.open(folder / "catalogue.db")
    with opened.write() as conn:
        key = SourceKey(collection="default", root="/team", source="logs")
        source = set_source(conn, key, kind="table", hash="1", state="searchable", updated=0.0)
    put_runs(
        opened,
        source,
        [made(1, {"lr": 1e-05, "d": 1}, 0.8), made(2, {"lr": 0.1, "d": 1}, 0.9), made(3, {"lr": 1}, 0.1, deleted=True)],
    )
    yield opened
    opened.close()


def test_a_run_is_cited_by_a_chip_that_opens_it(catalogue: Catalogue) -> None:
    result = run(RunQuery(select="best", metric="val_auc"), catalogue)
    told = citation_json(result.cited[0])
    assert (told["kind"], told["field"], told["value"], told["split"]) == ("run", "metrics.val_auc", 0.9, "valid")
    node = chip(told, 1)
    assert text_of(node) == "1 id2 › val_auc"
    assert node.event is not None
    assert node.event["do"] == "run"
    assert cited_runs(result.cited[0], catalogue) == (2,)


def test_the_table_shows_parameters_as_logged_and_says_what_is_hidden(catalogue: Catalogue) -> None:
    found = listing(catalogue, Asked(metric="val_auc"))
    shown = text_of(trees.table(found, ["lr"], picked=[], sort=None, first=0, size=50))
    assert "1e-05" in shown
    banner = trees.banner(found, deleted=False)
    assert banner is not None
    assert text_of(banner) == "1 deleted of 3 runs, hidden Show deleted runs"


def test_only_what_differs_is_compared_and_names_that_repeat_are_told_apart(catalogue: Catalogue) -> None:
    shown = text_of(trees.compared(runs(catalogue, pks=[1, 2])))
    assert "same name (id1) same name (id2)" in shown
    assert "lr 1e-05 0.1" in shown
    assert "not shown: 1 parameter." in shown


def test_a_file_named_as_a_source_means_its_runs(catalogue: Catalogue) -> None:
    found = run(RunQuery(select="count", filters=(RunFilter(field="source", value="log1.csv"),)), catalogue)
    assert found.value == 1


def test_a_long_curve_is_thinned_and_keeps_its_last_point() -> None:
    gathered = Gathered()
    for step in range(10_001):
        gathered.add(Point("loss", float(step), step))
    chart = charts.curves("loss", "step", [("run", gathered.sorted())]).to_dict()
    (values,) = chart["datasets"].values()
    assert len(values) <= charts.MOST_POINTS + 2
    assert values[-1]["step"] == 10_000


def test_parallel_coordinates_need_two_columns_that_move(catalogue: Catalogue) -> None:
    found = listing(catalogue, Asked(metric="val_auc"))
    assert charts.parallel(found, ["d"]) is None
    assert charts.parallel(found, ["lr"]) is not None


def test_columns_that_nobody_chose_differ_and_are_not_empty(catalogue: Catalogue) -> None:
    found = listing(catalogue, Asked())
    assert columns.default(found, 0, 50) == ("lr",)
    assert columns.choices(found)[:5] == ("state", "started", "experiment", "lr", "d")


def test_a_pasted_configuration_may_be_yaml_or_json(catalogue: Catalogue) -> None:
    assert held.parsed(b"a: 1\nb: {c: x}") == {"a": 1, "b.c": "x"}
    assert held.parsed(b'{"a":\t1}') == {"a": 1}
    assert held.parsed(b"{a: 1}") == {"a": 1}
    with pytest.raises(BadInput):
        held.parsed(b"[1, 2]")
    shown = text_of(held.result(tried(catalogue, held.parsed(b"lr: 0.1\nd: 1"))))
    assert shown.startswith("Run before 1 of 2 runs that log any of these parameters had exactly this")


def test_a_claim_marks_its_value_and_a_long_one_is_cut_around_it() -> None:
    claim = f"{'before ' * 60}it reached 0.93 at last.{' after' * 60}"
    found = Finding(line=7, claim=claim, value="0.93", status="contradicts", said="it is 0.9")
    shown = text_of(report.claims(Checked(findings=(found,)).findings))
    assert shown.startswith("Line 7 contradicts 0.93 … before")
    assert "it reached  0.93  at last." in shown
    assert text_of(report.counts(Checked(findings=(found,)))) == "1 claim 1 contradicts"


def test_a_report_that_is_no_text_is_told() -> None:
    with pytest.raises(BadInput):
        report.decoded(b"PK\x00\x01")
