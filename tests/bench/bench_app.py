"""Measure the app in Chromium: from Enter to the first painted claim, over a table and over documents, ingest running.

The home is made here: a generated table of `--rows` × 20 columns, the documents of `--data`, and, unless `--quiet`, an
ingest of them into another home that goes on in a process of its own all the while.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import figures
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))
from running import FLAGS, serve

TABLE_QUESTIONS = (
    "What is the mean of amount?",
    "How many rows have region north?",
    "maximum of amount by region",
    "median of amount where segment is b",
    "standard deviation of score",
    "correlation between amount and score",
    "mean of amount by segment",
    "number of missing values in score",
    "minimum of amount",
    "sum of amount by region",
)
WAIT_MS = 60_000
PAINTED = """
(number) => new Promise((done) => {
  const claims = () => document.querySelectorAll('.cw-claim, .cw-refusal').length
  const look = () => claims() > number ? requestAnimationFrame(() => done(performance.now() - window.entered))
    : setTimeout(look, 4)
  look()
})
"""
ENTERED = (
    "window.addEventListener('keydown', (key) => key.key === 'Enter' && (window.entered = performance.now()), true)"
)


def table(path: Path, rows: int) -> Path:
    """Write a generated table and return its path."""
    made = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "amount": made.lognormal(3, 1, rows).round(2),
            "score": np.where(made.random(rows) < 0.1, np.nan, made.normal(0, 1, rows)),
            "region": made.choice(["north", "south", "east", "west"], rows),
            "segment": made.choice(["a", "b", "c"], rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(made.integers(0, 365, rows), unit="D"),
            **{f"x{number}": made.normal(size=rows) for number in range(15)},
        }
    )
    frame.to_parquet(path)
    return path


@contextmanager
def ingesting(docs: Path, folder: Path) -> Iterator[None]:
    """Ingest the documents over and over, each time into a new home, while the block runs."""
    stop = threading.Event()

    def go_on() -> None:
        for number in itertools.count():
            home = folder / f"ingest-{number}"
            process = subprocess.Popen(
                _cite(home, "ingest", str(docs)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while process.poll() is None and not stop.wait(0.2):
                pass
            process.terminate()
            process.wait()
            shutil.rmtree(home, ignore_errors=True)
            if stop.is_set():
                return

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _cite(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-c", "from ui.cli import main; main()", "--home", str(home), *words]


def known(home: Path, path: Path) -> str:
    """Know a table in the home and return its id."""
    from kb import datasets
    from kb.store import Catalogue

    catalogue = Catalogue.open(home / "catalogue.db")
    try:
        return datasets.add_path(catalogue, path).id
    finally:
        catalogue.close()


def entered(page: Any, question: str) -> float:
    """Ask and return the milliseconds from Enter to the first painted claim or refusal."""
    number = page.locator(".cw-claim, .cw-refusal").count()
    page.locator("[data-testid=stChatInputTextArea]").fill(question)
    page.keyboard.press("Enter")
    taken = float(page.evaluate(PAINTED, number))
    page.locator("[data-testid=stSpinner], .st-key-live").first.wait_for(state="detached")
    page.wait_for_timeout(300)
    return taken


def measured(url: str, id: str, questions: list[str], rounds: int) -> dict[str, Any]:
    """Ask every question in a real browser and return the spread of times, over the table and over documents."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {"table": [], "documents": []}
    chromium = os.environ.get("CITEWISE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name, address, asked in (("table", f"{url}/?d={id}", TABLE_QUESTIONS), ("documents", url, questions)):
            page = browser.new_page()
            page.set_default_timeout(WAIT_MS)
            page.add_init_script(ENTERED)
            page.goto(address)
            page.locator(".cw-welcome").wait_for()
            if name == "table":
                page.locator(".cw-data-panel .cw-col").first.wait_for(state="attached")
            entered(page, asked[0])  # the first also loads what all others use
            found[name] = [entered(page, question) for _ in range(rounds) for question in asked]
        browser.close()
    return {name: figures.spread([ms / 1000 for ms in taken]) for name, taken in found.items()}


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = figures.parser(str(__doc__))
    parser.add_argument("--data", type=Path, help="folder of documents")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the table")
    parser.add_argument("--rounds", type=int, default=3, help="how often each question is asked")
    parser.add_argument("--quiet", action="store_true", help="without an ingest beside it")
    return parser.parse_args()


def run(given: argparse.Namespace, docs: Path, folder: Path) -> dict[str, Any]:
    """Make the home, serve the app and measure."""
    home, path = folder / "home", table(folder / "table.parquet", given.rows)
    subprocess.run(_cite(home, "ingest", str(docs)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    said = subprocess.run(_cite(home, "--json"), check=True, capture_output=True, text=True).stdout
    id, served = known(home, path), serve(home, folder)
    beside = nullcontext() if given.quiet else ingesting(docs, folder)
    try:
        with beside:
            return measured(next(served), id, json.loads(said)["suggestions"], given.rounds)
    finally:
        served.close()


def main() -> None:
    """Run and print."""
    given = options()
    docs, on = figures.documentation(given.data), figures.machine()
    with tempfile.TemporaryDirectory() as folder:
        found = run(given, docs, Path(folder))
    report = {"machine": on, "rows": given.rows, "ingest": not given.quiet, "enter to first painted claim": found}
    print(json.dumps(report, indent=2))
    if given.json:
        given.json.write_text(json.dumps(report, indent=2), "utf-8")


if __name__ == "__main__":
    main()
