"""Run folders of Lightning, Hydra, Sacred, DVC, Ultralytics, Hugging Face, Keras, and several in one folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from runs_of import fingerprint, metric, only_run, points, read_all, runs_in, write
from test_trackers_tensorboard import event, scalar, write_events
from test_trackers_wandb import history, log, run_record

from ingest.trackers import detect
from kb.records import Direction, Problem, State

NEEDS_GIT = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def test_lightning_keeps_its_version_as_id_and_blank_cells_are_no_points(tmp_path: Path) -> None:
    folder = tmp_path / "lightning_logs" / "version_3"
    write(folder / "hparams.yaml", "lr: 1e-3\nmodel:\n  layers: [1, 2]\nact: !!python/name:torch.nn.ReLU ''\n")
    write(folder / "metrics.csv", "epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.75\n1,19,0.25,nan\n")
    run = only_run(tmp_path)
    assert (run.run_id, run.experiment, run.aliases) == ("version_3", "lightning_logs", ("lightning_logs/version_3",))
    assert run.params == {"lr": 0.001, "model.layers": "[1, 2]", "act": ""}
    assert points(run, "train_loss") == [(9, 0.5), (19, 0.25)]
    assert (metric(run, "val_loss").split, metric(run, "val_loss").odd) == ("valid", 1)


def test_lightnings_tensorboard_logger_is_one_run_with_its_hparams(tmp_path: Path) -> None:
    folder = tmp_path / "lightning_logs" / "version_0"
    write(folder / "hparams.yaml", "lr: 0.1\n")
    write_events(folder, event(5, scalar("loss", 1.0)))
    run = only_run(tmp_path)
    assert (run.params, points(run, "loss")) == ({"lr": 0.1}, [(5, 1.0)])


def hydra(folder: Path, config: str, overrides: str = "[]\n", job: str = "train") -> Path:
    write(folder / ".hydra" / "config.yaml", config)
    write(folder / ".hydra" / "overrides.yaml", overrides)
    write(folder / ".hydra" / "hydra.yaml", f"hydra:\n  job:\n    name: {job}\n    config_name: base\n")
    return folder


def test_hydra_runs_keep_configuration_overrides_and_the_time_in_their_path(tmp_path: Path) -> None:
    hydra(tmp_path / "outputs" / "2024-01-02" / "03-04-05", "db: {lr: 0.1}\nout: ${now:%Y}\n", "- db.lr=0.1\n")
    run = only_run(tmp_path)
    assert run.run_id == "outputs/2024-01-02/03-04-05"
    assert run.aliases == ("2024-01-02/03-04-05", "03-04-05")
    assert run.params == {"db.lr": 0.1, "out": "${now:%Y}"}
    assert (run.tags["hydra.overrides"], run.experiment, run.zoned) == ("db.lr=0.1", "train", False)
    assert run.started == 1704164645.0


def test_the_jobs_of_a_hydra_multirun_name_their_sweep(tmp_path: Path) -> None:
    for number in range(3):
        hydra(tmp_path / "multirun" / "2024-01-02" / "03-04-05" / str(number), f"lr: {number}\n")
    runs = runs_in(tmp_path)
    assert len(runs) == 3
    assert {run.parent for run in runs.values()} == {"multirun/2024-01-02/03-04-05"}


def test_a_run_of_another_tracker_inside_a_hydra_folder_is_the_same_training(tmp_path: Path) -> None:
    first = hydra(tmp_path / "outputs" / "2024-01-02" / "03-04-05", "lr: 0.1\n")
    wandb = first / "wandb" / "run-20240102_030405-abc12345" / "run-abc12345.wandb"
    wandb.parent.mkdir(parents=True)
    wandb.write_bytes(log(run_record("abc12345", {"lr": 0.2}), history(0, loss=1.0)))
    second = hydra(tmp_path / "outputs" / "2024-01-02" / "04-00-00", "lr: 0.3\n")
    write(second / "lightning_logs" / "version_0" / "metrics.csv", "epoch,step,loss\n0,1,0.5\n")
    write(second / "lightning_logs" / "version_0" / "hparams.yaml", "dim: 4\n")
    runs = runs_in(tmp_path)
    assert set(runs) == {"abc12345", "outputs/2024-01-02/04-00-00"}
    assert runs["abc12345"].params == {"lr": 0.2}
    assert "outputs/2024-01-02/03-04-05" in runs["abc12345"].aliases
    assert runs["outputs/2024-01-02/04-00-00"].params == {"lr": 0.3, "dim": 4}
    assert points(runs["outputs/2024-01-02/04-00-00"], "loss") == [(1, 0.5)]


def test_sacred_keeps_status_traceback_and_values_that_were_pickled_as_json(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "7"
    told = {"status": "FAILED", "start_time": "2021-01-01T00:00:00", "fail_trace": ["Trace\n", "ImportError: x\n"]}
    write(folder / "run.json", json.dumps({**told, "experiment": {"name": "exp"}, "result": {"acc": 0.5}}))
    write(folder / "config.json", '{"lr": 0.1, "seed": 3, "net": {"py/object": "m.Net", "depth": 2}}')
    values = [{"py/object": "numpy.float64", "dtype": "float64", "value": 0.25}, 0.5, float("nan")]
    write(folder / "metrics.json", json.dumps({"loss": {"steps": [0, 1, 2], "timestamps": [], "values": values}}))
    run = only_run(tmp_path)
    assert (run.run_id, run.experiment, run.state) == ("7", "exp", State.FAILED)
    assert run.params == {"lr": 0.1, "seed": 3, "net.depth": 2}
    assert points(run, "loss")[:2] == [(0, 0.25), (1, 0.5)]
    assert (metric(run, "loss").odd, metric(run, "acc").last) == (1, 0.5)
    assert run.tags["fail_trace"].endswith("ImportError: x\n")


def dvc(folder: Path, lr: float, auc: float) -> Path:
    write(folder / "params.yaml", f"train:\n  lr: {lr}\n")
    write(
        folder / "dvc.yaml", "stages:\n  eval:\n    cmd: x\n    metrics:\n    - reports/m.json:\n        cache: false\n"
    )
    stage = f"    params:\n      params.yaml:\n        train.lr: {lr}\n    outs:\n    - path: m.pkl\n      md5: h{lr}\n"
    write(folder / "dvc.lock", f"schema: '2.0'\nstages:\n  eval:\n    cmd: x\n{stage}")
    write(folder / "reports" / "m.json", json.dumps({"auc": auc, "train": {"auc": 1.0}}))
    return folder


def test_the_state_of_a_dvc_project_is_one_run(tmp_path: Path) -> None:
    run = only_run(dvc(tmp_path, 0.1, 0.8))
    assert (run.run_id, run.params) == (".", {"train.lr": 0.1})
    assert (points(run, "auc"), points(run, "train/auc")) == ([(None, 0.8)], [(None, 1.0)])
    assert run.tags["dvc.eval.outs.m.pkl"] == "h0.1"


def test_dvclive_gives_a_dvc_run_its_steps(tmp_path: Path) -> None:
    dvc(tmp_path / "a", 0.1, 0.8)
    write(tmp_path / "a" / "dvclive" / "metrics.json", '{"loss": 0.5, "step": 1}')
    write(tmp_path / "a" / "dvclive" / "plots" / "metrics" / "train" / "acc.tsv", "step\tacc\n0\t0.5\n1\t0.75\n")
    run = only_run(tmp_path)
    assert (run.tracker, run.run_id, run.aliases) == ("dvc", "a", ("a/dvclive",))
    assert points(run, "train/acc") == [(0, 0.5), (1, 0.75)]
    assert points(run, "loss") == [(1, 0.5)]


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)


@NEEDS_GIT
def test_each_commit_that_changed_a_dvc_project_is_a_run(tmp_path: Path) -> None:
    git(dvc(tmp_path, 0.1, 0.8), "init", "-q")
    for lr, auc in ((0.1, 0.8), (0.2, 0.7), (0.3, 0.9)):
        dvc(tmp_path, lr, auc)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", f"lr {lr}")
    before = fingerprint(tmp_path)
    runs = list(runs_in(tmp_path).values())
    assert sorted((run.params["train.lr"], metric(run, "auc").last) for run in runs) == [
        (0.1, 0.8),
        (0.2, 0.7),
        (0.3, 0.9),
    ]
    assert [run.run_id for run in runs if run.params["train.lr"] == 0.3] == ["."]
    assert all(run.ended for run in runs if run.run_id != ".")
    assert fingerprint(tmp_path) == before


@NEEDS_GIT
def test_a_repository_cannot_start_programs_of_its_own(tmp_path: Path) -> None:
    git(dvc(tmp_path, 0.1, 0.8), "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    script = write(tmp_path / "evil", f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "core.pager", "core.sshCommand"):
        git(tmp_path, "config", name, str(script))
    read_all(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_a_git_history_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(dvc(tmp_path, 0.1, 0.8) / ".git" / "HEAD", "nothing")
    (run,), (problem,) = read_all(tmp_path)
    assert run.run_id == "."
    assert "git history was not read" in problem.reason


def test_ultralytics_headers_are_stripped_and_its_metrics_are_of_the_validation_set(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "detect" / "train2"
    write(
        folder / "args.yaml",
        "task: detect\nmodel: yolov5n.pt\ndata: coco.yaml\nimgsz: 640\nname: train2\nfreeze: null\n",
    )
    write(
        folder / "results.csv",
        "      epoch,  train/box_loss,  metrics/mAP50(B)\n      1,  1.5,  0.25\n      2,  1.0,  0.5\n",
    )
    run = only_run(tmp_path)
    assert (run.run_id, run.name, run.dataset, run.step_unit) == ("runs/detect/train2", "train2", "coco.yaml", "epoch")
    assert points(run, "metrics/mAP50(B)") == [(1, 0.25), (2, 0.5)]
    assert (metric(run, "metrics/mAP50(B)").split, metric(run, "train/box_loss").split) == ("valid", "train")
    assert run.params["freeze"] is None


def test_yolov5_folders_with_opt_and_hyp_are_read_too(tmp_path: Path) -> None:
    folder = tmp_path / "exp"
    write(folder / "opt.yaml", "weights: yolov5s.pt\nepochs: 3\n")
    write(folder / "hyp.yaml", "lr0: 0.01\n")
    write(folder / "results.csv", "  epoch, train/box_loss, metrics/precision, x/lr0\n 0, 1, 0.5, 0.1\n")
    assert only_run(tmp_path).params == {"weights": "yolov5s.pt", "epochs": 3, "lr0": 0.01}


def trainer_state(*rows: dict[str, float], **told: object) -> str:
    return json.dumps({"log_history": list(rows), "max_steps": 20, "train_batch_size": 8, **told})


def test_hugging_face_keeps_the_log_and_the_direction_of_its_best_metric(tmp_path: Path) -> None:
    rows = [{"step": 5, "epoch": 0.5, "loss": 2.0}, {"step": 5, "eval_acc": 0.5}, {"step": 10, "eval_acc": 0.75}]
    write(tmp_path / "out" / "trainer_state.json", trainer_state(*rows, best_metric=0.75, best_model_checkpoint="c-10"))
    write(tmp_path / "out" / "eval_results.json", '{"eval_acc": 0.75, "eval_runtime": 3.5}')
    (tmp_path / "out" / "training_args.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    run = only_run(tmp_path)
    assert (run.run_id, run.params["train_batch_size"]) == ("out", 8)
    assert (points(run, "loss"), metric(run, "loss").split) == ([(5, 2.0)], "train")
    assert (points(run, "eval_acc"), metric(run, "eval_acc").split) == ([(5, 0.5), (10, 0.75)], "valid")
    assert points(run, "eval_runtime") == [(None, 3.5)]
    assert run.directions == {"eval_acc": Direction.MAXIMIZE}


def test_checkpoints_are_the_run_above_them(tmp_path: Path) -> None:
    for step in (5, 10):
        rows = [{"step": at, "loss": float(at)} for at in range(5, step + 1, 5)]
        write(tmp_path / "out" / f"checkpoint-{step}" / "trainer_state.json", trainer_state(*rows))
    run = only_run(tmp_path)
    assert (run.run_id, points(run, "loss")) == ("out", [(5, 5.0), (10, 10.0)])


def test_llama_factory_logs_complete_the_trainer_state(tmp_path: Path) -> None:
    write(tmp_path / "r" / "trainer_state.json", trainer_state({"step": 5, "loss": 2.0}))
    write(tmp_path / "r" / "trainer_log.jsonl", '{"current_steps": 5, "loss": 2.0, "lr": 0.1}\n{"current_steps": 6}\n')
    write(tmp_path / "model" / "adapter_config.json", '{"r": 16, "base_model_name_or_path": "phi"}')
    run = only_run(tmp_path)
    assert (points(run, "loss"), points(run, "lr")) == ([(5, 2.0)], [(5, 0.1)])
    assert (run.params["r"], run.params["base_model_name_or_path"]) == (16, "phi")


def test_keras_logs_are_runs_and_settings_beside_them_their_parameters(tmp_path: Path) -> None:
    text = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.25,2.0\n1,0.75,0.5,NA,1.5\n"
    write(tmp_path / "logs" / "training.log.csv", text)
    write(tmp_path / "exp1" / "history.csv", text)
    write(tmp_path / "exp1" / "config.json", '{"lr": 0.1}')
    runs = runs_in(tmp_path)
    assert set(runs) == {"logs/training.log.csv", "exp1"}
    assert runs["exp1"].params == {"lr": 0.1}
    assert runs["logs/training.log.csv"].tracker == "keras"
    assert points(runs["exp1"], "val_loss") == [(0, 2.0), (1, 1.5)]
    assert points(runs["exp1"], "val_accuracy") == [(0, 0.25)]
    assert metric(runs["exp1"], "val_accuracy").split == "valid"


def test_histories_as_json_lines_and_as_lists_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a" / "log.jsonl", '{"step": 0, "loss": 2}\n{"step": 10, "loss": 1, "note": "x"}\n')
    write(tmp_path / "b" / "history.json", '{"loss": [2, 1], "val_loss": [3, 2]}')
    write(tmp_path / "c" / "epochs.json", '[{"epoch": 1, "val_acc": 0.5}, {"epoch": 2, "val_acc": 0.75}]')
    write(tmp_path / "d" / "rl.csv", "episode,phase,reward\n1,train,-10.5\n1,eval,-9\n2,train,-8.5\n")
    runs = runs_in(tmp_path)
    assert points(runs["c/epochs.json"], "val_acc") == [(1, 0.5), (2, 0.75)]
    assert [(p.step, p.split) for p in runs["d/rl.csv"].history()] == [(1, "train"), (1, "valid"), (2, "train")]  # type: ignore[union-attr]
    assert points(runs["a/log.jsonl"], "loss") == [(0, 2.0), (10, 1.0)]
    assert points(runs["b/history.json"], "val_loss") == [(0, 3.0), (1, 2.0)]


def test_logs_of_reinforcement_learning_and_of_detection_trainers_are_read(tmp_path: Path) -> None:
    text = "rollout/ep_rew_mean,time/total_timesteps\n-10.5,2048\n-8.5,4096\n"
    write(tmp_path / "ppo" / "progress.csv", text)
    write(
        tmp_path / "det" / "scalars.json",
        '{"loss": 2.0, "iter": 50}\n{"loss": 1.0, "iter": 100}\n{"coco/bbox_mAP": 0.5}\n',
    )
    runs = runs_in(tmp_path)
    assert points(runs["ppo/progress.csv"], "rollout/ep_rew_mean") == [(2048, -10.5), (4096, -8.5)]
    assert points(runs["det/scalars.json"], "loss") == [(50, 2.0), (100, 1.0)]


def test_a_file_of_metrics_beside_several_runs_is_theirs_and_alone_a_run(tmp_path: Path) -> None:
    for number in range(2):
        hydra(tmp_path / "p" / "outputs" / "2024-01-02" / f"03-04-0{number}", "lr: 1\n")
    write(tmp_path / "p" / "reports" / "metrics.json", '{"silhouette": 0.5, "n_clusters": 3}')
    write(tmp_path / "p" / "requirements.txt", "torch")
    write(tmp_path / "q" / "metrics.json", '{"params": {"lr": 0.1}, "metrics": {"acc": 0.5}}')
    runs = runs_in(tmp_path)
    assert {run.run_id: run.loose for run in runs.values() if run.tracker == "results"} == {
        "p/reports/metrics.json": True,
        "q/metrics.json": False,
    }
    assert runs["p/reports/metrics.json"].params == {"n_clusters": 3}
    assert (runs["q/metrics.json"].params, points(runs["q/metrics.json"], "acc")) == ({"lr": 0.1}, [(None, 0.5)])


def test_settings_and_metrics_at_the_top_of_a_project_with_runs_are_of_one_of_them(tmp_path: Path) -> None:
    write(tmp_path / "config.yaml", "lr: 0.1\n")
    write(tmp_path / "metrics.json", '{"accuracy": 0.5}')
    assert only_run(tmp_path).loose is False
    write(tmp_path / "lightning_logs" / "version_0" / "metrics.csv", "epoch,step,loss\n0,1,0.5\n")
    assert {run.run_id: run.loose for run in runs_in(tmp_path).values()} == {".": True, "version_0": False}


def test_detecting_says_what_is_there_and_why(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "lightning_logs" / f"version_{number}" / "metrics.csv", "epoch,step,loss\n0,1,0.5\n")
    (found,) = detect(tmp_path)
    assert (found.kind, found.source, found.count) == ("lightning", "lightning_logs", 3)
    assert found.why


def test_a_run_folder_named_itself_is_read(tmp_path: Path) -> None:
    folder = hydra(tmp_path / "2024-01-02" / "03-04-05", "lr: 1\n")
    assert only_run(folder).run_id == "."


def test_a_row_that_does_not_fit_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path / "version_0" / "hparams.yaml", "{}")
    write(tmp_path / "version_0" / "metrics.csv", "epoch,step,loss\n0,1,0.5\n0,2,0.4,9,9\n0,3,0.3\n")
    (run,), (problem,) = read_all(tmp_path)
    assert points(run, "loss") == [(1, 0.5), (3, 0.3)]
    assert problem == Problem(source="version_0/metrics.csv", place="line 3", reason=problem.reason)
