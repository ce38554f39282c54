"""Measure profiles of generated tables: ten of 1 to 1,000,000 rows, one of 16,000 columns, one read where it lies.

Every table has the same sorts of columns: numbers, counts, categories, texts, identifiers, dates, missing values and a
target. Each is profiled in a process that has profiled a small one before; the first of all is shown apart.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import figures
import numpy as np
import pandas as pd

from assistant.dataset.profile import profile, profile_frame
from assistant.dataset.types import Profile
from kb.tables import open_table

ROWS = (1, 10, 100, 1000, 5000, 20_000, 50_000, 100_000, 300_000, 1_000_000)
NOTE = (
    "Tables are generated, 20 columns each; the frame is in memory before the clock starts. Above 50,000 rows slow\n"
    "figures are of a seeded sample of that size; counts, missing values, extremes and quartiles are of all rows."
)


def table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return a table of 20 columns of all sorts."""
    r = np.random.default_rng(seed)
    made: dict[str, Any] = {f"measure_{n}": r.normal(n, 1 + n, rows) for n in range(7)}
    made["gaps"] = np.where(r.random(rows) < 0.1, np.nan, r.exponential(size=rows))
    made["count"] = r.poisson(3, rows)
    made["amount"] = r.integers(0, 1000, rows)
    made["user_id"] = r.integers(0, max(1, rows // 20), rows)
    made["row"] = np.arange(rows)
    made["city"] = r.choice([f"city {n}" for n in range(40)], rows)
    made["sort"] = r.choice(list("abcdef"), rows)
    made["many"] = r.choice([f"v{n}" for n in range(5000)], rows)
    made["flag"] = r.random(rows) < 0.3
    made["comment"] = [f"text number {n} of some words" for n in r.integers(0, max(1, rows), rows)]
    made["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.sort(r.integers(0, 10**8, rows)), unit="s")
    made["answer"] = r.choice(["yes", "no"], rows)
    made["target"] = (made["measure_0"] + r.normal(0, 1, rows) > 0).astype(int)
    return pd.DataFrame(made)


def wide(columns: int, rows: int = 50) -> pd.DataFrame:
    """Return a table of very many columns, three quarters of them numbers."""
    r = np.random.default_rng(0)
    numbers = r.normal(size=(rows, columns * 3 // 4))
    frame = pd.DataFrame(numbers, columns=[f"n{n}" for n in range(numbers.shape[1])])
    rest = {f"c{n}": r.choice(["a", "b", None], rows) for n in range(columns - numbers.shape[1])}
    return pd.concat([frame, pd.DataFrame(rest)], axis=1)


def timed(work: Callable[[], Profile], rounds: int) -> dict[str, Any]:
    """Return min, median and max seconds of some rounds, the least processor seconds, and the number of facts."""
    taken, used, facts = [], [], 0
    for _ in range(rounds):
        began, before = perf_counter(), process_time()
        facts = len(work().facts)
        taken.append(perf_counter() - began)
        used.append(process_time() - before)
    return {**figures.range_of(taken), "processor": round(min(used), 2), "facts": facts}


def in_place(rows: int, rounds: int) -> dict[str, Any]:
    """Return the seconds of a CSV file that is read where it lies, after it was opened."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        table(rows).to_csv(path, index=False)
        opened = open_table(path, large_from=1)
        return {**timed(lambda: profile(opened), rounds), "megabytes": path.stat().st_size >> 20}


def measure(most: int, rounds: int) -> dict[str, Any]:
    """Return all figures by table."""
    found = {"first of all, 100 rows": timed(lambda: profile_frame(table(100)), 1)}
    for rows in (n for n in ROWS if n <= most):
        frame = table(rows)
        found[f"{rows:,} rows × {frame.shape[1]}"] = timed(lambda frame=frame: profile_frame(frame), rounds)
    frame = wide(16_000)
    found["50 rows × 16,000"] = timed(lambda: profile_frame(frame), rounds)
    found[f"{most:,} rows × 20, a CSV read where it lies"] = in_place(most, rounds)
    return found


def options() -> argparse.Namespace:
    """Read the command line."""
    made = figures.parser(__doc__ or "")
    made.add_argument("--rows", type=int, default=ROWS[-1], metavar="N", help="rows of the largest table")
    made.add_argument("--rounds", type=int, default=3, metavar="N", help="how many profiles of each")
    return made.parse_args()


def main() -> None:
    """Measure and print."""
    given, before = options(), figures.machine()
    found = measure(given.rows, given.rounds)
    rows = [
        (name, f"{f['min']} / {f['median']} / {f['max']}, processor {f['processor']}, {f['facts']} facts")
        for name, f in found.items()
    ]
    figures.show("Profiles of generated tables, seconds (min / median / max)", before, rows, [NOTE])
    figures.write(given.json, before, found)


if __name__ == "__main__":
    main()
