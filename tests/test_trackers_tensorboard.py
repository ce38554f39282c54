"""TensorBoard's event files: scalars of both forms, hyperparameters, folders that belong together, and damage."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from runs_of import metric, only_run, points, read_all, runs_in, write
from test_trackers_wandb import field, varint

from ingest.trackers.event_file import masked_crc


def record(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked_crc(head)) + data + struct.pack("<I", masked_crc(data))


def fixed(number: int, value: float, layout: str = "d") -> bytes:
    return varint(number << 3 | (1 if layout == "d" else 5)) + struct.pack("<" + layout, value)


def event(step: int, *values: bytes) -> bytes:
    return record(fixed(1, 1.7e9 + step) + field(2, step) + field(5, b"".join(field(1, value) for value in values)))


def scalar(tag: str, value: float) -> bytes:
    return field(1, tag) + fixed(2, value, "f")


def tensor(tag: str, value: float) -> bytes:
    content = field(1, 1) + field(2, b"") + field(4, struct.pack("<f", value))
    return field(1, tag) + field(8, content) + field(9, field(1, field(1, "scalars")))


def hparams(values: dict[str, bytes]) -> bytes:
    started = b"".join(field(1, field(1, name) + field(2, value)) for name, value in values.items())
    plugin = field(1, "hparams") + field(2, field(3, started))
    return field(1, "_hparams_/session_start_info") + field(9, field(1, plugin))


def write_events(folder: Path, *events: bytes, name: str = "events.out.tfevents.1.host") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    version = record(fixed(1, 1.7e9) + field(3, "brain.Event:2"))
    (folder / name).write_bytes(version + b"".join(events))
    return folder / name


def test_the_checksum_is_the_castagnoli_one() -> None:
    # RFC 3720, B.4: 32 bytes of zeros have CRC-32C 0x8A9136AA
    value = 0x8A9136AA
    assert masked_crc(bytes(32)) == ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_scalars_of_both_forms_are_read_with_step_and_time(tmp_path: Path) -> None:
    events = [event(step, scalar("train/loss", step / 2), tensor("acc", step / 4)) for step in range(4)]
    write_events(tmp_path / "runs" / "first", *events)
    run = only_run(tmp_path)
    assert (run.run_id, run.tracker, run.started) == ("runs/first", "tensorboard", 1.7e9)
    assert points(run, "train/loss") == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]
    assert points(run, "acc") == [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75)]
    assert (metric(run, "train/loss").split, metric(run, "acc").last_time) == ("train", 1.7e9 + 3)


def test_hyperparameters_come_from_the_plugin_and_its_folder_is_the_same_run(tmp_path: Path) -> None:
    values = {"lr": fixed(2, 0.1), "n": fixed(2, 8.0), "opt": field(3, "adam"), "flag": field(4, 1)}
    write_events(tmp_path / "r", event(0, scalar("loss", 1.0)))
    write_events(tmp_path / "r" / "1700000000.123", event(0, hparams(values), scalar("hparam/acc", 0.5)))
    run = only_run(tmp_path)
    assert run.params == {"lr": 0.1, "n": 8, "opt": "adam", "flag": True}
    assert points(run, "hparam/acc") == [(0, 0.5)]


@pytest.mark.parametrize("folder", ["loss_a", "loss/a"])
def test_the_folders_of_add_scalars_are_series_of_one_run(tmp_path: Path, folder: str) -> None:
    write_events(tmp_path / "r", event(0, scalar("other", 1.0)))
    write_events(tmp_path / "r" / folder, event(0, scalar("loss", 2.0)))
    assert points(only_run(tmp_path), "loss/a") == [(0, 2.0)]


def test_folders_of_train_and_validation_are_splits_of_one_run(tmp_path: Path) -> None:
    for name, value in (("train", 1.0), ("validation", 2.0)):
        write_events(tmp_path / "logs" / "fit" / name, event(0, scalar("epoch_loss", value)))
    run = only_run(tmp_path)
    assert run.run_id == "logs/fit"
    assert [(p.split, p.value) for p in run.history()] == [("train", 1.0), ("valid", 2.0)]  # type: ignore[union-attr]


def test_runs_below_a_folder_with_a_stray_event_file_stay_runs_of_their_own(tmp_path: Path) -> None:
    write_events(tmp_path / "runs", event(0, scalar("loss", 1.0)))
    for name in ("lr01", "lr02"):
        write_events(tmp_path / "runs" / name, event(0, scalar("loss", 2.0)))
    assert set(runs_in(tmp_path)) == {"runs", "runs/lr01", "runs/lr02"}


def test_images_and_odd_values_do_no_harm(tmp_path: Path) -> None:
    image = field(1, "img") + field(4, b"\x89PNG" * 5000)
    write_events(tmp_path / "r", event(0, image), event(1, scalar("loss", math.nan), scalar("loss2", -math.inf)))
    run = only_run(tmp_path)
    assert math.isnan(metric(run, "loss").last)
    assert metric(run, "loss2").last == -math.inf


@pytest.mark.parametrize("cut", [2, 6, 20])
def test_a_file_cut_in_the_middle_is_read_up_to_there(tmp_path: Path, cut: int) -> None:
    path = write_events(tmp_path / "r", *(event(step, scalar("loss", step)) for step in range(5)))
    path.write_bytes(path.read_bytes()[:-cut])
    (run,), (problem,) = read_all(tmp_path)
    assert points(run, "loss") == [(step, float(step)) for step in range(4)]
    assert (problem.source, "ends in the middle" in problem.reason) == ("r/events.out.tfevents.1.host", True)


def test_a_flipped_bit_costs_one_record_and_a_wrong_length_the_rest(tmp_path: Path) -> None:
    events = [event(step, scalar("loss", step)) for step in range(5)]
    flipped = bytearray(events[2])
    flipped[20] ^= 1
    write_events(tmp_path / "a", *events[:2], bytes(flipped), *events[3:])
    broken = bytearray(events[2])
    broken[0] ^= 1
    write_events(tmp_path / "b", *events[:2], bytes(broken), *events[3:])
    runs, problems = read_all(tmp_path)
    assert [len(points(run, "loss")) for run in runs] == [4, 2]
    assert len(problems) == 2


def test_sacred_and_tensorboard_in_one_folder_are_one_run_with_two_sources(tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "4"
    write(folder / "run.json", '{"status": "COMPLETED", "start_time": "2021-01-01T00:00:00"}')
    write(folder / "config.json", '{"seed": 3}')
    write(folder / "metrics.json", '{"score": {"steps": [1], "timestamps": ["2021-01-01T00:00:01"], "values": [0.5]}}')
    write_events(folder, event(1, scalar("score", 0.5), scalar("score_50", 0.25)))
    run = only_run(tmp_path)
    assert (run.tracker, run.run_id, run.params) == ("sacred", "4", {"seed": 3})
    assert points(run, "score") == [(1, 0.5)]
    assert points(run, "score_50") == [(1, 0.25)]
    assert run.sources == ("logs/4", "logs/4/events.out.tfevents.1.host")
