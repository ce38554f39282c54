"""Measure opening tables: seconds against pandas.read_csv, peak memory, and exact figures over a file past memory.

All files are generated. Each measurement of memory runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import figures
import numpy as np
import pandas as pd

from kb.tables import open_table

SIZES = (1, 1_000, 100_000, 1_000_000)
COLUMNS = 20
PIECE = 250_000
ASKED = {
    "mean": "SELECT avg(x0) FROM data",
    "count by group": "SELECT c0, count(*) FROM data GROUP BY 1",
    "quantile": "SELECT quantile_cont(x1, 0.9) FROM data",
}
NOTE = (
    "Ratios are medians over rounds of open_table, which also detects the layout and hashes the file, to\n"
    "pandas.read_csv of the same file, in turn. Files are in the system's cache; memory is that of a whole process."
)


def rows_of(n: int, seed: int = 0) -> pd.DataFrame:
    """Return `n` generated rows of 20 columns: decimals, whole numbers, categories, a date and a text."""
    random = np.random.default_rng(seed)
    made: dict[str, Any] = {f"x{at}": random.normal(size=n).round(4) for at in range(8)}
    made |= {f"k{at}": random.integers(0, 10_000, n) for at in range(6)}
    made |= {f"c{at}": random.choice(["red", "green", "blue", "yellow"], n) for at in range(4)}
    made["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, n), unit="D")
    made["text"] = [f"name {number}" for number in random.integers(0, n + 1, n)]
    return pd.DataFrame(made)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds and the result of `work`."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def peak() -> int:
    """Return the largest resident memory of this process so far in bytes."""
    status = Path("/proc/self/status")
    lines = status.read_text("ascii").splitlines() if status.is_file() else []
    for line in lines:
        if line.startswith("VmHWM:"):  # unlike ru_maxrss it does not start from the parent's memory
            return int(line.split()[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def child(*arguments: str) -> Any:
    """Run this file in a process of its own and return the JSON that it printed."""
    call = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout)


def compared(path: Path, rounds: int) -> dict[str, Any]:
    """Return the seconds of open_table and of pandas.read_csv in turn, and of their ratio."""
    open_table(path)
    pairs = [(timed(lambda: open_table(path))[0], timed(lambda: pd.read_csv(path))[0]) for _ in range(rounds)]
    ours, theirs = zip(*pairs, strict=True)
    ratio = float(np.median([a / b for a, b in pairs]))
    return {"open_s": figures.range_of(ours), "pandas_s": figures.range_of(theirs), "ratio": round(ratio, 2)}


def small_tables(folder: Path, rounds: int) -> dict[str, Any]:
    """Return the figures of files of 1 to 1,000,000 rows."""
    found: dict[str, Any] = {}
    for size in SIZES:
        path = folder / f"{size}.csv"
        rows_of(size).to_csv(path, index=False)
        found[f"{size:,} rows"] = {
            **compared(path, rounds if size > 100_000 else rounds * 4),
            "mb": round(path.stat().st_size / (1 << 20), 2),
            "peak_mb": child("--open", str(path)) >> 20,
            "pandas_peak_mb": child("--pandas", str(path)) >> 20,
        }
    return found


def write_large(path: Path, gigabytes: float) -> None:
    """Write a CSV of that size, its rows repeating after a while."""
    head, _, body = rows_of(PIECE).to_csv(index=False).partition("\n")
    piece = body.encode()
    with path.open("wb") as written:
        written.write(head.encode() + b"\n")
        while written.tell() < gigabytes * 1e9:
            written.write(piece)


def measure_large(path: Path) -> dict[str, Any]:
    """Return the seconds from opening to the first fact and to exact figures, and this process's memory."""
    began = time.perf_counter()
    table = open_table(path)
    facts: dict[str, Any] = {"rows": table.rows, "first_fact_s": round(time.perf_counter() - began, 2)}
    facts["peak_mb_open"] = peak() >> 20
    for name, query in ASKED.items():
        with table.duck() as duck:
            facts[f"{name}_s"] = round(timed(lambda q=query, d=duck: d.execute(q).fetchall())[0], 2)
    facts["sample_s"] = round(timed(table.sample)[0], 2)
    facts["peak_mb"] = peak() >> 20
    return facts


def shown(found: Mapping[str, Any]) -> Sequence[tuple[str, object]]:
    """Return the table's rows."""
    rows: list[tuple[str, object]] = []
    for name, part in found["tables"].items():
        ours, theirs = part["open_s"], part["pandas_s"]
        rows.append((f"{name} × {COLUMNS}, MB", part["mb"]))
        rows.append(("  open, s (min / median / max)", f"{ours['min']} / {ours['median']} / {ours['max']}"))
        rows.append(("  pandas.read_csv, s", f"{theirs['min']} / {theirs['median']} / {theirs['max']}"))
        rows.append(("  ratio", part["ratio"]))
        rows.append(("  peak memory, MB (pandas)", f"{part['peak_mb']} ({part['pandas_peak_mb']})"))
    large = found.get("large", {})
    rows += [(f"large: {name.replace('_', ' ')}", value) for name, value in large.items()]
    return rows


def options() -> argparse.Namespace:
    """Read the command line."""
    made = figures.parser(__doc__ or "")
    made.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each large file is opened")
    made.add_argument("--large-gb", type=float, default=0.0, metavar="GB", help="also measure one CSV of this size")
    for hidden in ("--open", "--pandas", "--large"):
        made.add_argument(hidden, type=Path, help=argparse.SUPPRESS)
    return made.parse_args()


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    before = figures.machine()
    with tempfile.TemporaryDirectory() as temporary:
        found: dict[str, Any] = {"tables": small_tables(Path(temporary), given.rounds)}
        if given.large_gb:
            write_large(Path(temporary) / "large.csv", given.large_gb)
            found["large"] = {"gb": given.large_gb, **child("--large", str(Path(temporary) / "large.csv"))}
    figures.show("Opening tables", before, shown(found), [NOTE])
    figures.write(given.json, before, found)


def main() -> None:
    """Run and print."""
    given = options()
    if given.open:
        open_table(given.open)
        print(peak())
    elif given.pandas:
        pd.read_csv(given.pandas)
        print(peak())
    elif given.large:
        print(json.dumps(measure_large(given.large)))
    else:
        run(given)


if __name__ == "__main__":
    main()
