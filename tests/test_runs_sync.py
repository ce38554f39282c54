"""A sync takes runs and the documents beside them: run by run, resumable, with what could not be read said."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import HashingEmbedder
from runs_of import write

from ingest.report import Step
from ingest.runs_sync import wanted
from ingest.split import FINGERPRINT
from ingest.sync import plan, sync
from kb import mentions, runs
from kb.audit import audit
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.pack import pack, unpack
from kb.runs import RunRow
from kb.types import SourceState

HERE = Path(__file__).parent


def mlflow_run(store: Path, run_id: str, *, experiment: str = "1", lr: str = "0.1", auc: float = 0.8) -> Path:
    """Write a run of an MLflow file store with one parameter and one metric of two steps."""
    folder = store / experiment
    write(folder / "meta.yaml", f"artifact_location: x\nexperiment_id: '{experiment}'\nname: exp{experiment}\n")
    run = folder / run_id
    meta = f"run_id: {run_id}\nrun_name: name-{run_id[:4]}\nstatus: 3\nlifecycle_stage: active\n"
    write(run / "meta.yaml", f"{meta}start_time: 1700000000000\nend_time: 1700000060000\n")
    write(run / "params" / "lr", lr)
    write(run / "metrics" / "val_auc", f"1700000000000 0.5 1\n1700000001000 {auc} 2\n")
    write(run / "artifacts" / "README.md", "# Artifact\n\nNobody reads this.\n")
    return run


def project(folder: Path, count: int = 3) -> Path:
    """Write a project with an MLflow store, a table of results and a note."""
    for number in range(count):
        mlflow_run(folder / "mlruns", f"{number:032x}".replace("0", "a", 4), auc=0.8 + number / 100)
    write(folder / "notes" / "baseline.md", "# Baseline\n\nWe kept run name-aaaa of the first week.\n")
    write(folder / "README.md", "# The project\n\nIt predicts churn.\n")
    return folder.resolve()


def stored(kb: KnowledgeBase) -> dict[str, RunRow]:
    """Return the stored runs by id."""
    return {row.run_id: row for row in runs.runs(kb.catalogue)}


def kinds(kb: KnowledgeBase) -> dict[str, tuple[str, int]]:
    """Return kind and number of runs of each source."""
    return {info.key.source: (info.kind, info.runs) for info in kb.catalogue.sources()}


def test_runs_and_the_documents_beside_them_are_sources_of_their_own(kb: KnowledgeBase, tmp_path: Path) -> None:
    report = sync(kb, [str(project(tmp_path / "p"))])
    assert kinds(kb) == {"mlruns": ("mlflow", 3), "README.md": ("markdown", 0), "notes/baseline.md": ("markdown", 0)}
    assert (report.added, report.runs.added, report.failed, report.partial) == (3, 3, (), ())
    assert {info.state for info in kb.catalogue.sources()} == {SourceState.SEARCHABLE}
    assert not kb.search("Nobody reads this artifact").hits[0].text.startswith("Nobody")


def test_ingesting_again_reads_only_what_changed(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    sync(kb, [str(folder)])
    pks = {id: row.pk for id, row in stored(kb).items()}
    again = sync(kb, [str(folder)])
    assert (again.added, again.updated, again.unchanged, again.runs.unchanged) == (0, 0, 3, 3)
    first = next(iter(pks))
    write(folder / "mlruns" / "1" / first / "metrics" / "val_auc", "1700000000000 0.5 1\n1700000001000 0.99 2\n")
    changed = sync(kb, [str(folder)])
    assert (changed.updated, changed.runs.updated, changed.runs.unchanged) == (1, 1, 2)
    assert {id: row.pk for id, row in stored(kb).items()} == pks
    metric = stored(kb)[first].metric("val_auc")
    assert metric is not None
    assert (metric.last, metric.best, metric.best_step) == (0.99, 0.99, 2)


def test_a_run_that_vanished_is_removed_and_so_is_a_whole_history(kb: KnowledgeBase, tmp_path: Path) -> None:
    import shutil

    folder = project(tmp_path / "p")
    sync(kb, [str(folder)])
    shutil.rmtree(folder / "mlruns" / "1" / min(stored(kb)))
    assert sync(kb, [str(folder)]).runs.removed == 1
    shutil.rmtree(folder / "mlruns")
    report = sync(kb, [str(folder)])
    assert (report.deleted, stored(kb)) == (1, {})
    assert runs.directions(kb.catalogue) == ()


def test_forgetting_a_history_removes_its_runs(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    sync(kb, [str(folder)])
    kb.forget(str(folder / "mlruns"))
    assert stored(kb) == {}
    with kb.catalogue.read() as conn:
        for table in ("run_params", "run_metrics", "metric_points", "run_directions", "run_mentions"):
            assert conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
    assert b"val_auc" not in (kb.home / "catalogue.db").read_bytes()


def test_only_wanted_runs_are_taken_and_the_others_stay(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    mlflow_run(folder / "mlruns", "b" * 32, experiment="2")
    report = sync(kb, [str(folder)], want=wanted("exp2", None))
    assert (list(stored(kb)), report.runs.left_out) == (["b" * 32], 3)
    assert sync(kb, [str(folder)], want=wanted(None, "2030-01-01")).runs.left_out == 4
    assert list(stored(kb)) == ["b" * 32]
    assert sync(kb, [str(folder)], want=wanted(None, "2023-01-01T00:00:00+02:00")).runs.added == 3
    with pytest.raises(BadInput, match="is no date"):
        wanted(None, "yesterday")


def test_a_table_of_runs_named_alone_or_as_a_uri_is_read(kb: KnowledgeBase, tmp_path: Path) -> None:
    rows = "".join(f"run{n},0.{n},{n},0.9{n}\n" for n in range(1, 9))
    path = write(tmp_path / "results.csv", f"run_id,learning_rate,max_depth,accuracy\n{rows}")
    assert sync(kb, [str(path)]).runs.added == 8
    again = sync(kb, [f"file://{path}"])
    assert (again.unchanged, again.runs.unchanged) == (1, 0)


def test_a_database_that_was_cut_keeps_its_runs_and_says_so(kb: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path.resolve() / "study.db"
    optuna_study(path, 5)
    sync(kb, [str(path)])
    path.write_bytes(path.read_bytes()[:9000])
    report = sync(kb, [str(path)])
    (info,) = kb.catalogue.sources()
    assert (len(stored(kb)), info.runs) == (5, 5)
    assert info.reason
    assert report.partial or report.failed


def optuna_study(path: Path, trials: int) -> None:
    """Write an Optuna storage with the real library."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="s", direction="minimize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=trials)
    del study


def test_the_same_store_named_from_further_out_is_one_history(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    sync(kb, [str(folder / "mlruns")])
    report = sync(kb, [str(folder)])
    assert (len(stored(kb)), report.deleted) == (3, 1)
    assert kinds(kb)["mlruns"] == ("mlflow", 3)
    assert sync(kb, [str(folder / "mlruns")]).runs.unchanged == 3


def test_documents_that_mention_a_run_are_linked_to_it(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", count=1)
    id = min((folder / "mlruns" / "1").glob("*/meta.yaml")).parent.name
    mlflow_run(folder / "mlruns", "3f9ab2c4" * 4)
    note = write(folder / "why.md", f"# Why\n\nRun {id} was best; 3f9ab2c was worse, 3f9ab2d is none.\n")
    sync(kb, [str(folder)])
    (info,) = kb.find_sources("why.md")
    document = kb.catalogue.document(info.key)
    assert document is not None
    text = document.text
    rows = stored(kb)
    named, short = (mentions.mentions(kb.catalogue, rows[x].pk) for x in (id, "3f9ab2c4" * 4))
    told = {(m.key.source, m.span.of(text)) for m in (*named, *short) if m.key.source == "why.md"}
    assert told == {("why.md", id), ("why.md", "3f9ab2c")}
    assert [m.key.source for m in named] == ["notes/baseline.md", "why.md"]
    note.write_text("# Why\n\nNothing.\n", "utf-8")
    sync(kb, [str(folder)])
    assert mentions.mentions(kb.catalogue, rows["3f9ab2c4" * 4].pk) == ()


def test_progress_is_told_by_runs_and_a_stop_goes_on_later(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", count=6)
    steps: list[Step] = []
    asked = [0]

    def stop() -> bool:
        asked[0] += 1
        return asked[0] > 8

    report = sync(kb, [str(folder)], watch=steps.append, stop=stop)
    assert report.stopped
    assert 0 < len(stored(kb)) < 6
    assert any(step.stage == "runs" and step.total == 6 for step in steps)
    again = sync(kb, [str(folder)])
    assert (len(stored(kb)), again.runs.removed) == (6, 0)
    assert again.runs.unchanged > 0


def test_a_killed_ingest_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    rows = "".join(f"run{n},{n / 7000},{n % 9},{(n % 97) / 97}\n" for n in range(6000))
    write(folder / "results.csv", f"run_id,learning_rate,max_depth,accuracy\n{rows}")
    home = tmp_path / "home"
    command = [sys.executable, str(HERE / "driver.py"), "ingest", str(home), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(HERE)}) as process:
        _wait_for_runs(home / "catalogue.db")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
        before = runs.count(kb.catalogue)
        report = sync(kb, [str(folder.resolve())])
        assert 0 < before <= 6000
        assert (runs.count(kb.catalogue), report.runs.unchanged, report.runs.added) == (6000, before, 6000 - before)
        assert [check.detail for check in audit(kb) if not check.ok] == []


def _wait_for_runs(path: Path) -> None:
    import time

    for _ in range(600):
        if path.exists():
            try:
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as conn:
                    if conn.execute("SELECT count(*) FROM runs").fetchone()[0]:
                        return
            except sqlite3.OperationalError:
                pass
        time.sleep(0.05)


def test_a_plan_says_what_would_be_read_and_changes_nothing(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    planned = plan(kb, [str(folder)])
    assert [(h.key.source, h.kind, h.count) for h in planned.runs.todo] == [("mlruns", "mlflow", 3)]
    assert kb.catalogue.sources() == ()


def test_a_kind_of_tracker_reads_only_its_runs(kb: KnowledgeBase, tmp_path: Path) -> None:
    sync(kb, [str(project(tmp_path / "p"))], kind="mlflow")
    assert kinds(kb) == {"mlruns": ("mlflow", 3)}


def test_a_pack_carries_the_runs(kb: KnowledgeBase, tmp_path: Path) -> None:
    sync(kb, [str(project(tmp_path / "p"))])
    pack(kb, tmp_path / "all.pack")
    unpack(tmp_path / "all.pack", tmp_path / "other")
    with KnowledgeBase(tmp_path / "other", embedder=HashingEmbedder(), splitter=FINGERPRINT) as other:
        assert stored(other) == stored(kb)
        row = min(stored(other).values(), key=lambda row: row.pk)
        points = runs.history(other.catalogue, row.pk, "val_auc")
        assert points is not None
        assert points.values.tolist() == [0.5, row.metrics[0].last]


def test_the_audit_finds_points_that_cannot_be_read(kb: KnowledgeBase, tmp_path: Path) -> None:
    sync(kb, [str(project(tmp_path / "p"))])
    said = [check.detail for check in audit(kb) if check.name == "runs"]
    assert said == ["all 3 runs are whole, 6 points of metrics"]
    with kb.catalogue.write() as conn:
        conn.exec_driver_sql("UPDATE metric_points SET points = x'00' WHERE metric_id = 1")
    (check,) = (check for check in audit(kb) if check.name == "runs")
    assert not check.ok
    assert "val_auc" in check.detail


@pytest.mark.shared_data
def test_every_real_history_is_stored_with_the_runs_that_its_collector_counted(
    kb: KnowledgeBase, shared_data: Path
) -> None:
    folder = shared_data / "runs"
    if not folder.is_dir():
        pytest.skip(f"there are no experiment histories at {folder}")
    report = sync(kb, [str(folder)])
    told = {p.parent.name: json.loads(p.read_text("utf-8"))["distinct_runs"] for p in folder.glob("*/SOURCE.json")}
    found = dict.fromkeys(told, 0)
    for row in runs.runs(kb.catalogue, loose=False):
        found[row.main_source.split("/")[0]] += 1
    assert sum(info.runs for info in kb.catalogue.sources()) == sum(told.values())
    assert found == told
    assert report.failed == ()
    again = sync(kb, [str(folder)])
    assert (again.runs.added, again.runs.updated, again.runs.removed) == (0, 0, 0)
