"""`citewise runs`, the ingest of trackers on the command line, and what is said in a folder with runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runs_of import write
from typer.testing import CliRunner, Result

from kb.errors import BadInput, NameUnknown
from kb.history import RunFilter
from kb.run_names import Name, Names
from kb.run_where import where
from ui.cli import app

RUN = {"source", "tracker", "experiment", "run_id", "name", "state", "params", "metrics"}
KNOWN = {
    "param": Names("param", [Name(name="opt.lr", split=None, runs=3), Name(name="model", split=None, runs=3)]),
    "metric": Names("metric", [Name(name="val_auc", split="valid", runs=3), Name(name="lr", split=None, runs=1)]),
    "tag": Names("tag", [Name(name="team", split=None, runs=1)]),
}


def call(*arguments: str, home: Path | None = None) -> Result:
    named = ("--home", str(home)) if home else ()
    return CliRunner().invoke(app, [*named, *arguments])


def one_object(result: Result) -> dict[str, Any]:
    """Return the only object on standard output."""
    (line,) = result.stdout.splitlines()
    value: dict[str, Any] = json.loads(line)
    return value


def store(folder: Path) -> Path:
    """Write an MLflow store with five runs in two experiments, one of them deleted, two of them equal."""
    rows = [("a", "1", "0.1", "xgb", 0.9), ("b", "1", "0.01", "xgb", 0.8), ("c", "1", "0.01", "cat", 0.9),
            ("d", "2", "0.2", "cat", float("nan")), ("e", "2", "0.3", "cat", 0.99)]  # fmt: skip
    for letter, experiment, lr, model, auc in rows:
        run = folder / "mlruns" / experiment / (letter * 32)
        head = f"experiment_id: '{experiment}'\nname: exp{experiment}\n"
        write(run.parent / "meta.yaml", f"artifact_location: x\n{head}")
        stage = "deleted" if letter == "e" else "active"
        meta = f"run_id: {letter * 32}\nrun_name: run {letter}\nstatus: 3\nlifecycle_stage: {stage}\n"
        write(run / "meta.yaml", f"{meta}start_time: 17000{ord(letter)}00000\nend_time: 17001{ord(letter)}00000\n")
        write(run / "params" / "lr", lr)
        write(run / "params" / "model", model)
        write(run / "params" / "seed", "7")
        write(run / "metrics" / "val_auc", f"1700000000000 {auc} 1\n")
    write(folder / "note.md", "# Note\n\nWe try boosting.\n")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the runs of `store`."""
    place = tmp_path_factory.mktemp("runs")
    result = call("ingest", str(store(place / "p")), home=place / "home")
    assert result.exit_code == 0, result.output
    return place / "home"


def ids(result: Result) -> list[str]:
    """Return the first letters of the runs listed."""
    assert result.exit_code == 0, result.output
    return [run["run_id"][0] for run in one_object(result)["runs"]]


def test_runs_are_listed_newest_first_with_what_is_hidden(home: Path) -> None:
    found = one_object(call("runs", "--json", home=home))
    assert [run["run_id"][0] for run in found["runs"]] == ["d", "c", "b", "a"]
    assert all(run.keys() >= RUN for run in found["runs"])
    assert found["hidden"] == {"deleted": 1}
    assert found["runs"][0]["metrics"] == {"val_auc": "nan"}
    assert found["runs"][3]["params"] == {"lr": 0.1, "model": "xgb", "seed": 7}
    assert ids(call("runs", "--deleted", "--json", home=home)) == ["e", "d", "c", "b", "a"]


def test_a_metric_puts_the_best_first_with_ties_together(home: Path) -> None:
    found = one_object(call("runs", "--metric", "val_auc", "--json", home=home))
    assert [(run["rank"], run["run_id"][0]) for run in found["runs"]] == [(1, "a"), (1, "c"), (3, "b"), (4, "d")]
    assert found["metric"] == {"name": "val_auc", "split": "valid", "direction": "maximize"}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("lr<0.1", "cb"), ("lr<=0.1 and model=xgb", "ba"), ("model in (cat, none)", "dc"), ("model != xgb", "dc"),
        ("params.lr = 1e-1", "a"), ("val_auc>=0.9", "ca"), ("experiment=exp2", "d"), ('name = "run b"', "b"),
        ("state=finished, model~G", "ba"), ("id=cccccccc" + "c" * 24, "c"),
    ],
)  # fmt: skip
def test_conditions_choose_runs(home: Path, conditions: str, expected: str) -> None:
    assert "".join(ids(call("runs", "--where", conditions, "--json", home=home))) == expected


def test_runs_are_sorted_by_a_parameter_or_a_field(home: Path) -> None:
    assert ids(call("runs", "--sort", "-lr", "--json", home=home)) == ["d", "a", "b", "c"]
    assert ids(call("runs", "--sort", "name", "--limit", "2", "--json", home=home)) == ["a", "b"]


def test_the_table_shows_what_differs_and_says_what_it_hides(home: Path) -> None:
    result = call("runs", "--metric", "val_auc", home=home)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["#", "run", "name", "experiment", "val_auc", "lr", "model"]
    assert lines[1].split() == ["1=", "aaaaaaaa", "run", "a", "exp1", "0.9", "0.1", "xgb"]
    assert "1 of 5 deleted, hidden" in lines
    assert "seed" not in result.stdout
    assert all(len(line) <= 100 for line in lines)


def test_what_cannot_be_read_or_was_never_logged_is_said(home: Path) -> None:
    unread = call("runs", "--where", "lr <", "--json", home=home)
    unknown = call("runs", "--where", "modell=xgb", "--json", home=home)
    none = call("runs", "--where", "lr>5", home=home)
    assert (unread.exit_code, unknown.exit_code, none.exit_code) == (1, 1, 0)
    assert "no comparison" in one_object(unread)["error"]
    assert "model" in one_object(unknown)["hint"]
    assert "No run fits" in none.stdout


def test_a_condition_is_read_into_filters() -> None:
    text = "opt.lr <= 1e-3 and metrics.lr > 2, tags.team = 'a and b' and `model` in (xgb, 3) and started >= 2024-01-02"
    assert where(text, KNOWN) == (
        RunFilter(field="param", op="le", name="opt.lr", value=0.001),
        RunFilter(field="metric", op="gt", name="lr", value=2),
        RunFilter(field="tag", name="team", value="a and b"),
        RunFilter(field="param", op="in", name="model", value=("xgb", 3)),
        RunFilter(field="started", op="ge", value="2024-01-02"),
    )
    assert where("", KNOWN) == where("  ", KNOWN) == ()


@pytest.mark.parametrize(
    "text", ["lr", "= 3", "lr = ", "lr < 1 or lr > 2", "lr < 1 < 2", "lr in a", "and", "lr=1 and", "'"]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises((BadInput, NameUnknown)):
        where(text, KNOWN)


def test_a_dry_run_counts_the_runs_and_reads_none(tmp_path: Path, home: Path) -> None:
    folder = store(tmp_path / "p")
    found = one_object(call("ingest", str(folder), "--dry-run", "--json", home=tmp_path / "none"))
    assert [(h["source"], h["kind"], h["runs"], h["new"]) for h in found["histories"]] == [
        ("mlruns", "mlflow", 5, True)
    ]
    some = one_object(
        call("ingest", str(folder), "--dry-run", "--experiment", "exp2", "--json", home=tmp_path / "none")
    )
    assert [h["runs"] for h in some["histories"]] == [2]
    assert not (tmp_path / "none").exists()
    assert "5 runs" in call("ingest", str(folder), "--dry-run", home=tmp_path / "none").stdout


def test_ingest_takes_only_an_experiment_and_says_so(tmp_path: Path) -> None:
    found = one_object(
        call("ingest", str(store(tmp_path / "p")), "--experiment", "exp1", "--json", home=tmp_path / "home")
    )
    assert found["runs"] == {"added": 3, "updated": 0, "unchanged": 0, "removed": 0, "left_out": 2}
    sources = one_object(call("sources", "--json", home=tmp_path / "home"))["sources"]
    assert {s["source"]: (s["kind"], s["runs"]) for s in sources} == {
        "mlruns": ("mlflow", 3),
        "note.md": ("markdown", 0),
    }


def test_a_wrong_date_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    result = call("ingest", str(store(tmp_path / "p")), "--since", "soon", "--json", home=tmp_path / "home")
    assert result.exit_code == 1
    assert "is no date" in one_object(result)["error"]
    assert not (tmp_path / "home").exists()


def test_a_folder_with_runs_says_what_could_be_ingested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store(tmp_path / "p"))
    monkeypatch.delenv("CITEWISE_HOME", raising=False)
    found = one_object(call("--json"))
    assert found["histories"] == [{"source": "mlruns", "kind": "mlflow", "runs": 5, "experiments": 2}]
    assert found["suggestion"] == "citewise ingest ."
    said = call().stdout
    assert "mlruns: 5 runs in 2 experiments; 1 markdown; ingest?" in said


def test_after_ingest_the_best_run_of_the_largest_experiment_is_shown(tmp_path: Path) -> None:
    said = call("ingest", str(store(tmp_path / "p")), home=tmp_path / "home").stdout
    assert "Largest experiment: exp1 (3 runs). Best val_auc: 0.9, tied by 2 runs" in said
    assert f"run {'a' * 32} (mlruns/1/{'a' * 32}, metrics.val_auc, step 1)" in " ".join(said.split())
