"""W&B runs on disk: the binary log, the files of newer and older clients, and logs that end too early."""

from __future__ import annotations

import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from runs_of import metric, only_run, points, read_all, runs_in, write

from kb.records import Direction, State

BLOCK = 32768


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def items(values: dict[str, Any], number: int = 1) -> bytes:
    return b"".join(field(number, field(1, key) + field(16, json.dumps(value))) for key, value in values.items())


def history(step: int, **values: Any) -> bytes:
    return field(2, items({**values, "_step": step, "_timestamp": 1.7e9 + step}) + field(2, field(1, step)))


def run_record(run: str, config: dict[str, Any]) -> bytes:
    told = field(1, run) + field(3, "proj") + field(4, items(config)) + field(8, "brave-sun-1") + field(10, "base")
    return field(17, told + field(17, field(1, 1_700_000_000)))


def log(*records: bytes) -> bytes:
    """Return the bytes of a log: a header, then frames that no block's end cuts."""
    out = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        kind_first, rest = True, record
        while rest or kind_first:
            left = BLOCK - len(out) % BLOCK
            if left < 7:
                out += b"\0" * left
                left = BLOCK
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = (1 if not rest else 2) if kind_first else (4 if not rest else 3)
            out += struct.pack("<IHB", zlib.crc32(part, zlib.crc32(bytes([kind]))), len(part), kind) + part
            kind_first = False
    return bytes(out)


def write_log(folder: Path, data: bytes, run: str = "abc12345", day: str = "20240102_030405") -> Path:
    target = folder / "wandb" / f"offline-run-{day}-{run}" / f"run-{run}.wandb"
    target.parent.mkdir(parents=True)
    target.write_bytes(data)
    return target


def test_the_binary_log_of_a_run_is_read_without_wandb(tmp_path: Path) -> None:
    rows = [history(step, loss=1 / (step + 1), odd="NaN", **{"val/acc": step}) for step in range(3)]
    goal = field(12, field(1, "val/acc") + field(8, 2))
    ended = field(18, field(1, 0))
    write_log(tmp_path, log(run_record("abc12345", {"lr": 0.1, "net": {"act": "relu"}}), goal, *rows, ended))
    run = only_run(tmp_path)
    assert (run.run_id, run.name, run.experiment, run.started) == ("abc12345", "brave-sun-1", "proj", 1.7e9)
    assert run.params == {"lr": 0.1, "net.act": "relu"}
    assert points(run, "loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert math.isnan(metric(run, "odd").last)
    assert (metric(run, "val/acc").split, metric(run, "val/acc").last_time) == ("valid", 1.7e9 + 2)
    assert run.directions == {"val/acc": Direction.MAXIMIZE}
    assert (run.state, run.tags["exitcode"], run.tags["tags"]) == (State.FINISHED, "0", "base")


def test_records_longer_than_a_block_are_put_together(tmp_path: Path) -> None:
    text = "x" * (3 * BLOCK)
    write_log(tmp_path, log(run_record("abc12345", {"text": text}), history(0, loss=1.0)))
    run = only_run(tmp_path)
    assert str(run.params["text"]).startswith("xxx")
    assert points(run, "loss") == [(0, 1.0)]


@pytest.mark.parametrize("cut", [3, 9, 40])
def test_the_log_of_a_killed_run_is_read_up_to_its_end(tmp_path: Path, cut: int) -> None:
    data = log(run_record("abc12345", {"lr": 1}), *(history(step, loss=step) for step in range(20)))
    write_log(tmp_path, data[:-cut])
    (run,), (problem,) = read_all(tmp_path)
    assert points(run, "loss") == [(step, float(step)) for step in range(19)]
    assert "ends in the middle" in problem.reason
    assert problem.place.startswith("byte ")


def test_a_record_with_a_wrong_checksum_is_told_and_passed_over(tmp_path: Path) -> None:
    data = bytearray(log(history(0, loss=0.0), history(1, loss=1.0), history(2, loss=2.0)))
    place = data.index(b'{"') if b'{"' in data else len(data) // 2
    data[place] ^= 0xFF
    write_log(tmp_path, bytes(data))
    (run,), (problem,) = read_all(tmp_path)
    assert len(points(run, "loss")) == 2
    assert "checksum" in problem.reason


def test_an_empty_log_is_a_run_all_the_same(tmp_path: Path) -> None:
    write_log(tmp_path, b"")
    (run,), (problem,) = read_all(tmp_path)
    assert (run.run_id, problem.reason) == ("abc12345", "the file is empty")


def test_wrapped_configuration_summary_and_metadata_are_read(tmp_path: Path) -> None:
    files = tmp_path / "wandb" / "run-20221003_004337-87okmoym" / "files"
    write(files / "config.yaml", "wandb_version: 1\n_wandb:\n  value: {t: 1}\nlr:\n  desc: null\n  value: 0.01\n")
    summary = {"loss": 0.5, "best": {"acc": 0.9}, "_step": 7, "h": {"_type": "histogram"}, "_wandb": {"runtime": 12}}
    write(files / "wandb-summary.json", json.dumps(summary))
    write(files / "wandb-metadata.json", '{"state": "killed", "startedAt": "2022-10-03T00:43:37", "program": "t.py"}')
    run = only_run(tmp_path)
    assert (run.params, run.status, run.state) == ({"lr": 0.01}, "killed", State.KILLED)
    assert points(run, "loss") == [(7, 0.5)]
    assert points(run, "best.acc") == [(7, 0.9)]
    assert points(run, "_runtime") == [(7, 12.0)]
    assert (run.tags["program"], run.zoned) == ("t.py", False)


def test_the_json_lines_of_older_clients_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "wandb" / "run-20190306_221046-77g4xz7y"
    write(folder / "wandb-history.jsonl", '{"loss": 2, "_step": 0}\n{"loss": 1, "_step": 1}\n{"loss": ')
    write(folder / "wandb-metadata.json", '{"exitcode": 255, "email": "x@example.org"}')
    (run,), (problem,) = read_all(tmp_path)
    assert points(run, "loss") == [(0, 2.0), (1, 1.0)]
    assert run.tags["exitcode"] == "255"
    assert "email" not in run.tags
    assert problem.place == "line 3"


def test_a_copy_named_latest_run_is_no_second_run_and_a_resumed_run_is_one(tmp_path: Path) -> None:
    write_log(tmp_path, log(history(0, loss=0.0)), day="20240101_000000")
    write_log(tmp_path, log(history(1, loss=1.0)), day="20240102_000000")
    latest = tmp_path / "wandb" / "latest-run" / "run-abc12345.wandb"
    latest.parent.mkdir()
    latest.write_bytes(log(history(1, loss=1.0)))
    run = only_run(tmp_path)
    assert points(run, "loss") == [(0, 0.0), (1, 1.0)]
    assert len(run.sources) == 2


def test_a_run_folder_and_a_log_can_be_named_themselves(tmp_path: Path) -> None:
    path = write_log(tmp_path, log(run_record("abc12345", {"lr": 1})))
    assert runs_in(path.parent)["abc12345"].params == {"lr": 1}
    assert runs_in(path)["abc12345"].params == {"lr": 1}
