"""How fast runs are stored, and how much memory that takes: `python tests/bench/bench_runs.py [RUNS]`.

A table of RUNS / 10 runs is ingested from CSV; then RUNS runs of 4 metrics with 10 points each are put, put again
unchanged, read back and listed.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes import HashingEmbedder

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb import runs
from kb.knowledge import KnowledgeBase
from kb.records import Point, Run, State
from kb.run_listing import Asked, listing
from kb.store import set_source
from kb.types import SourceKey

METRICS = ("train_loss", "val_loss", "val_acc", "val_auc")


def history(number: int) -> Iterator[Point]:
    """Yield ten points of each metric."""
    for step in range(10):
        for place, name in enumerate(METRICS):
            yield Point(name, ((number * 31 + step * 7 + place) % 997) / 997, step, 1.7e9 + number + step)


def made(number: int) -> Run:
    """Return a run with eight parameters."""
    params = {
        "lr": 10.0 ** -(number % 5),
        "depth": number % 12,
        "model": ("xgb", "cat", "mlp")[number % 3],
        "opt.name": "adam",
        "dropout": (number % 10) / 10,
        "seed": number,
        "batch": 2 ** (number % 8),
        "deep": number % 2 == 0,
    }
    return Run(
        tracker="mlflow",
        run_id=f"{number:032x}",
        source=f"mlruns/{number}",
        experiment=f"exp{number % 20}",
        name=f"run-{number}",
        state=State.FINISHED,
        params=params,
        tags={"team": "a"},
        started=1.7e9 + number,
        version="1",
        history=partial(history, number),
    )


def timed(figures: dict[str, float], name: str, count: int, began: float) -> None:
    """Keep seconds and rate of a step."""
    seconds = time.perf_counter() - began
    figures[f"{name}_seconds"] = round(seconds, 3)
    figures[f"{name}_per_second"] = round(count / seconds)


def from_csv(kb: KnowledgeBase, folder: Path, count: int) -> None:
    """Ingest a table of runs."""
    rows = "".join(f"run{n},{n % 7 / 100},{n % 12},{'ab'[n % 2]},{n % 97 / 97},{n % 89 / 89}\n" for n in range(count))
    folder.mkdir()
    (folder / "results.csv").write_text(f"run_id,learning_rate,max_depth,model,accuracy,val_loss\n{rows}", "utf-8")
    assert sync(kb, [str(folder)]).runs.added == count


def main(count: int) -> None:
    """Print the figures as one JSON object."""
    figures: dict[str, float] = {"runs": count, "points": count * 10 * len(METRICS)}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        with KnowledgeBase(home, embedder=HashingEmbedder(), splitter=FINGERPRINT) as kb:
            began = time.perf_counter()
            from_csv(kb, Path(place) / "csv", count // 10)
            timed(figures, "csv", count // 10, began)
            key = SourceKey(collection="default", root="/data", source="mlruns")
            with kb.catalogue.write() as conn:
                source = set_source(conn, key, kind="mlflow", state="searchable")
            for name in ("put", "unchanged"):
                began = time.perf_counter()
                runs.put_runs(kb.catalogue, source, map(made, range(count)))
                timed(figures, name, count, began)
            figures["peak_mb_of_putting"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            for name, asked in (
                ("list_by_metric", Asked(metric="val_auc", limit=30)),
                ("list_where", Asked(where="lr<0.01 and model=xgb", metric="val_loss", limit=30)),
            ):
                for attempt in ("first", "again"):
                    began = time.perf_counter()
                    listing(kb.catalogue, asked)
                    figures[f"{name}_{attempt}_seconds"] = round(time.perf_counter() - began, 3)
        figures["catalogue_mb"] = round((home / "catalogue.db").stat().st_size / 2**20)
        figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
