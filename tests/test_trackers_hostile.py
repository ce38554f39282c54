"""Histories that nobody vouches for: nothing in them is executed, nothing makes the reading endless or end it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_of import fingerprint, points, read_all, runs_in, write
from test_trackers_folders import hydra
from test_trackers_tensorboard import event, scalar, write_events
from test_trackers_wandb import history, log, run_record, write_log

from ingest.trackers import READERS, detect
from ingest.trackers.files import Unreadable, parse_yaml
from kb.errors import BadInput
from kb.records import Run

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
MERGES = "b0: &b0 {x: 1}\n" + "".join(f"b{n}: &b{n}\n  <<: [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, 12))


def test_python_tags_are_read_as_text_and_never_executed(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    text = f"""
run: !!python/object/apply:os.system ["touch {trap}"]
new: !!python/object/new:os.system ["touch {trap}"]
name: !!python/name:os.system ''
pair: !!python/tuple [1, 2]
thing: !!python/object:m.Net {{depth: 3}}
own: !mine {{a: 1}}
plain: 0.1
"""
    run = runs_in(hydra(tmp_path / "r", text))["."]
    assert not trap.exists()
    assert (run.params["pair"], run.params["thing.depth"], run.params["own.a"]) == ("[1, 2]", 3, 1)
    assert run.params["plain"] == 0.1


@pytest.mark.parametrize("bomb", [BOMB, "[" * 100_000, "- " * 5_000 + "x", "{a: " * 20_000])
def test_a_yaml_bomb_costs_its_own_run_only(tmp_path: Path, bomb: str) -> None:
    hydra(tmp_path / "a", bomb)
    hydra(tmp_path / "b", "lr: 0.1\n")
    began = time.perf_counter()
    runs, problems = read_all(tmp_path)
    assert time.perf_counter() - began < 20
    assert {"b"} <= {run.run_id for run in runs}
    assert problems
    assert problems[0].source.startswith("a")


def test_merge_keys_that_unfold_without_end_are_read_or_refused_at_once() -> None:
    began = time.perf_counter()
    with contextlib.suppress(Unreadable):
        assert parse_yaml(MERGES)["b11"] == {"x": 1}
    assert time.perf_counter() - began < 10


def test_a_recursive_alias_is_refused() -> None:
    value = parse_yaml("a: &a [*a]\n")
    from ingest.trackers.values import flat

    with pytest.raises(Unreadable):
        flat(value)


def test_a_huge_configuration_is_refused_with_its_size(tmp_path: Path) -> None:
    hydra(tmp_path / "a", "x: 1\n" * 2_000_000)
    _, problems = read_all(tmp_path)
    assert "larger than" in problems[0].reason


def test_deep_json_and_endless_numbers_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path / "deep.json", "[" * 200_000)
    write(tmp_path / "metrics.json", '{"accuracy": 1e999, "loss": ' + "9" * 5000 + "}")
    write(tmp_path / "results.json", '{"f1": NaN, "auc": -Infinity}')
    runs, _ = read_all(tmp_path)
    assert {value for run in runs for _, value in points(run, "auc")} == {-float("inf")}


def test_links_that_lead_round_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "lightning_logs" / "version_0" / "metrics.csv", "epoch,step,loss\n0,1,0.5\n")
    (tmp_path / "lightning_logs" / "round").symlink_to(tmp_path)
    assert len(runs_in(tmp_path)) == 1


def test_a_metrics_path_that_leads_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "secret.json", '{"auc": 0.5}')
    project = tmp_path / "p"
    write(project / "dvc.yaml", "metrics:\n- ../secret.json\n- /etc/hostname.json\n")
    write(project / "dvc.lock", "schema: '2.0'\nstages: {}\n")
    (run,) = runs_in(project).values()
    assert points(run, "auc") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    hydra(tmp_path / "a", "lr: 1\n")
    (tmp_path / "a" / ".hydra" / "config.yaml").chmod(0)
    _, problems = read_all(tmp_path)
    assert problems


def test_other_encodings_and_zero_bytes_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "version_0"
    write(folder / "hparams.yaml", "{}")
    (folder / "metrics.csv").write_bytes("step,l\xf6ss,loss\n1,0.5,0.25\n\x002,0.5,0.5\n".encode("latin-1"))
    (run,) = runs_in(tmp_path).values()
    assert points(run, "löss") == [(1, 0.5), (2, 0.5)]


def test_what_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing at"):
        detect(tmp_path / "missing")
    with pytest.raises(BadInput, match="nothing that runs are read from"):
        detect("s3://bucket/mlflow")


def test_a_folder_that_goes_away_while_it_is_read_is_told(tmp_path: Path) -> None:
    write(tmp_path / "lightning_logs" / "version_0" / "metrics.csv", "epoch,step,loss\n0,1,0.5\n")
    (found,) = detect(tmp_path)
    (run,) = READERS[found.kind](found)
    shutil.rmtree(tmp_path / "lightning_logs")
    assert isinstance(run, Run)
    (problem,) = run.history()
    assert "metrics.csv" in str(problem)
    assert list(READERS[found.kind](found)) == []


def mixed(folder: Path) -> Path:
    """Write one small history of many kinds."""
    hydra(folder / "outputs" / "2024-01-02" / "03-04-05", "lr: 0.1\nnet: {layers: [1, 2]}\n", "- lr=0.1\n")
    write(folder / "lightning_logs" / "version_0" / "metrics.csv", "epoch,step,loss\n0,1,0.5\n0,2,0.4\n")
    write(folder / "lightning_logs" / "version_0" / "hparams.yaml", "lr: 0.1\n")
    write(folder / "logs" / "1" / "run.json", '{"status": "COMPLETED", "result": 0.5, "experiment": {"name": "x"}}')
    write(folder / "logs" / "1" / "config.json", '{"lr": 0.1}')
    write(folder / "logs" / "1" / "metrics.json", '{"loss": {"steps": [1], "values": [0.5], "timestamps": []}}')
    write(folder / "hf" / "trainer_state.json", '{"log_history": [{"step": 1, "loss": 0.5}], "max_steps": 3}')
    write(folder / "results" / "cv.csv", "model,lr,accuracy\nrf,0.1,0.5\nsvm,0.2,0.75\n")
    write(folder / "mlruns" / "0" / "meta.yaml", "artifact_location: x\nexperiment_id: '0'\nname: Default\n")
    write(folder / "mlruns" / "0" / "abc" / "meta.yaml", "run_id: abc\nstatus: 3\nstart_time: 1700000000000\n")
    write(folder / "mlruns" / "0" / "abc" / "metrics" / "loss", "1700000000000 0.5 1\n")
    write(folder / "p" / "dvc.lock", "schema: '2.0'\nstages: {a: {params: {params.yaml: {lr: 0.1}}}}\n")
    write_events(folder / "tb" / "r", *(event(step, scalar("loss", step)) for step in range(3)))
    write_log(folder, log(run_record("abc12345", {"lr": 0.1}), *(history(step, loss=step) for step in range(3))))
    return folder


def test_a_mixed_folder_is_told_apart(tmp_path: Path) -> None:
    kinds = {found.kind for found in detect(mixed(tmp_path))}
    assert kinds == {"hydra", "lightning", "sacred", "huggingface", "table", "mlflow", "dvc", "tensorboard", "wandb"}
    assert len(runs_in(tmp_path)) == 10


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_damage_anywhere_never_raises_and_changes_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = mixed(tmp_path_factory.mktemp("mixed"))
    chance = random.Random(seed)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = bytearray(path.read_bytes())
        for _ in range(chance.choice([0, 0, 1, 3, 20])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.choice([len(data), len(data), chance.randrange(len(data))])])
    before = fingerprint(folder)
    read_all(folder)
    assert fingerprint(folder) == before
