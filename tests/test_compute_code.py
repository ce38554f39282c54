"""The shown program reads a file as it was read here, whatever its layout, and prints the shown values."""

from __future__ import annotations

import contextlib
import gzip
import io
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assistant.dataset.compute import compute
from assistant.dataset.steps import Measure, Output, Query
from assistant.dataset.values import tidy
from kb.tables import open_table

ROWS = "".join(f"{n},{n / 4},name {n},2020-01-{n + 1:02d}\n" for n in range(20))
TEXTS: dict[str, tuple[str, bytes]] = {
    "plain": ("a.csv", b"id,x,t,d\n" + ROWS.encode()),
    "tabs": ("a.tsv", b"id,x,t,d\n".replace(b",", b"\t") + ROWS.replace(",", "\t").encode()),
    "decimal commas": ("a.csv", ("id;x\n" + "".join(f"{n};{n},25\n" for n in range(20))).encode()),
    "thousands": ("a.csv", ('id;x\n' + "".join(f'{n};"1,{n:03d}"\n' for n in range(20))).encode()),
    "latin-1": ("a.csv", "id,t\n1,café\n2,naïve\n3,über\n".encode("latin-1")),
    "missing tokens": ("a.csv", ("id,x\n" + "".join(f"{n},{'?' if n % 5 == 0 else n}\n" for n in range(40))).encode()),
    "repeated headers": ("a.csv", b"x,x,y\n" + b"1,2,3\n" * 9),
    "spaces around headers": ("a.csv", b" x , y\n" + b"1,2\n3,4\n" * 9),
    "no header": ("a.csv", "".join(f"{n},{n * 2},{n * 3}\n" for n in range(30)).encode()),
    "other dates": ("a.csv", ("id,d\n" + "".join(f"{n},{n + 1:02d}/02/2020\n" for n in range(20))).encode()),
    "packed": ("a.csv.gz", gzip.compress(b"id,x,t,d\n" + ROWS.encode())),
    "json lines": ("a.jsonl", "".join(f'{{"id": {n}, "x": {n / 4}, "t": "n{n}"}}\n' for n in range(20)).encode()),
}  # fmt: skip


def held(path: Path) -> None:
    """Hold what the shown program prints to the shown values."""
    table = open_table(path)
    measures = tuple(Measure(label=name, function=name) for name in ("shape", "names", "missing", "unique", "count"))
    found = compute(Query(steps=measures), table)
    names: dict[str, Any] = {}
    with contextlib.chdir(path.parent), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        exec(found.code, names)
    assert {name: tidy(value) for name, value in names["answers"].items()} == {o.label: o.value for o in found.outcomes}
    for name in table.columns:
        assert names["df"][name].dtype.kind == table.frame[name].dtype.kind, (name, found.code)
        assert list(map(tidy, names["df"][name])) == list(map(tidy, table.frame[name])), (name, found.code)


@pytest.mark.parametrize("name", TEXTS)
def test_the_shown_program_reads_the_file_as_it_was_read(name: str, tmp_path: Path) -> None:
    file, content = TEXTS[name]
    (tmp_path / file).write_bytes(content)
    held(tmp_path / file)


@pytest.mark.parametrize("format", ["parquet", "xlsx"])
def test_the_shown_program_reads_other_formats(format: str, tmp_path: Path) -> None:
    frame = pd.read_csv(io.StringIO("id,x,t,d\n" + ROWS), parse_dates=["d"])
    path = tmp_path / f"a.{format}"
    frame.to_parquet(path) if format == "parquet" else frame.to_excel(path, index=False)
    held(path)


def test_the_shown_program_prints_rounded_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("x,g\n1,a\n2,b\n4,b\n")
    from assistant.dataset.steps import Col

    steps = (
        Measure(label="m", function="mean", columns=(Col("x"),)),
        Measure(label="g", function="mean", columns=(Col("x"),), by=("g",)),
    )
    outputs = (Output(name="mean_x", label="m", digits=2), Output(name="mean_b", label="g", group=("B",), digits=1))
    found = compute(Query(steps=steps, outputs=outputs), open_table(tmp_path / "a.csv"))
    with contextlib.chdir(tmp_path):
        exec(found.code, {})
    assert capsys.readouterr().out == "mean_x: 2.33\nmean_b: 3.0\n"
    assert found.values == {"mean_x": 2.33, "mean_b": 3.0}
