"""Where runs lie, which place is shown first, what a listing of one place holds, and which answers cite a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.wire import citation_json
from kb import conversations
from kb.cited_by import citing
from kb.history import RunQuery
from kb.records import Point, Run, State
from kb.run_listing import Asked, listing
from kb.run_places import first_place, place_metrics, run_places
from kb.run_query import run
from kb.runs import put_runs, runs
from kb.store import Catalogue, set_source
from kb.types import SourceKey


def made(id: str, experiment: str | None, metrics: dict[str, float], **more: Any) -> Run:
    """Return a run with one value of each metric."""
    points = [Point(name, value, 0) for name, value in metrics.items()]
    return Run(
        tracker="csv", run_id=id, source=f"{id}.csv", experiment=experiment, params={"lr": len(id)},
        state=State.FINISHED, history=lambda: iter(points), **more,
    )  # fmt: skip


def store(catalogue: Catalogue, root: str, source: str, found: list[Run]) -> None:
    """Store runs as those of a source."""
    with catalogue.write() as conn:
        key = SourceKey(collection="default", root=root, source=source)
        id = set_source(conn, key, kind="table", hash="1", state="searchable", updated=0.0)
    put_runs(catalogue, id, found)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue of two teams' runs: one experiment in two sources, one name in both teams, and runs of none."""
    folder: Path = tmp_path_factory.mktemp("places")
    opened = Catalogue.open(folder / "catalogue.db")
    first = [made("a", "churn", {"auc": 0.8}), made("b", "churn", {"auc": 0.9, "speed": 1.0})]
    store(opened, "/team", "one", [*first, made("x", None, {"f1": 0.5})])
    store(opened, "/team", "two", [made("c", "churn", {"auc": 0.7}), made("d", "churn", {"auc": 1.0}, deleted=True)])
    store(opened, "/other", ".", [made(f"o{n}", "churn", {}) for n in range(7)])
    store(opened, "/other/deep", ".", [made("y", None, {"loss": 0.5})])
    yield opened
    opened.close()


def test_places_are_experiments_or_sources_with_counts_and_names_apart(catalogue: Catalogue) -> None:
    told = [(one.title, one.runs, one.measured) for one in run_places(catalogue)]
    assert told == [("churn in other", 7, 0), ("churn in team", 3, 3), ("deep", 1, 1), ("one", 1, 1)]


def test_the_first_place_is_the_largest_with_metrics(catalogue: Catalogue) -> None:
    place = first_place(run_places(catalogue))
    assert place is not None
    assert place.title == "churn in team"
    assert first_place([]) is None


def test_a_listing_of_a_place_holds_its_runs_only(catalogue: Catalogue) -> None:
    place = first_place(run_places(catalogue))
    found = listing(catalogue, Asked(within=place, metric="auc"))
    assert [row.run_id for row in found.rows] == ["b", "a", "c"]
    assert found.hidden == {"deleted": 1}
    assert listing(catalogue, Asked(within=place, where="auc<0.85")).total == 2


def test_the_metrics_of_a_place_come_with_the_most_logged_first(catalogue: Catalogue) -> None:
    assert place_metrics(catalogue, first_place(run_places(catalogue))) == ("auc", "speed")
    assert set(place_metrics(catalogue, None)) == {"auc", "speed", "f1", "loss"}


def test_answers_that_cite_a_run_are_found_and_others_are_not(catalogue: Catalogue) -> None:
    by_id = {row.run_id: row for row in runs(catalogue)}
    cited = run(RunQuery(select="max", metric="speed"), catalogue).cited[0]
    claim = {"text": "b is quickest.", "verdict": "computed", "citations": [citation_json(cited)]}
    chat = conversations.start(catalogue, "Speed")
    conversations.append(catalogue, chat, "Which is quickest?", {"claims": [claim], "text": "b"})
    conversations.append(catalogue, chat, "And b?", {"claims": [], "text": 'It says "b".'})
    (found,) = citing(catalogue, by_id["b"])
    assert (found.conversation, found.title, found.question) == (chat, "Speed", "Which is quickest?")
    assert found.claims == ("b is quickest.",)
    assert citing(catalogue, by_id["a"]) == ()


def test_a_metric_that_a_program_keeps_to_itself_is_not_the_main_one(tmp_path: Path) -> None:
    opened = Catalogue.open(tmp_path / "catalogue.db")
    store(opened, "/team", "w", [made(f"w{n}", "e", {"_loss": 1.0, **({"loss": 0.5} if n else {})}) for n in range(3)])
    found = listing(opened, Asked())
    assert found.metric is not None
    assert found.metric.name == "loss"
    assert place_metrics(opened, None) == ("loss", "_loss")
    opened.close()
