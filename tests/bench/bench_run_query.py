"""Time questions over 50,000 runs with 2 million metric points: `python tests/bench/bench_run_query.py [RUNS]`."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kb.history import RunFilter, RunQuery, Wanted, Window
from kb.records import Point, Run, State, split_of
from kb.run_query import run, verify_run, vocabulary
from kb.runs import put_runs
from kb.store import Catalogue, set_source
from kb.types import SourceKey

REPEATS = 15
METRICS = ("val_auc", "val_loss", "train_loss", "test_auc")
STEPS = 10


def runs(count: int) -> Iterator[Run]:
    """Yield runs with eight parameters and four metrics of ten steps."""
    dice = random.Random(1)
    for n in range(count):
        points = [Point(name, dice.random(), step, split=split_of(name)) for name in METRICS for step in range(STEPS)]
        params = {
            "lr": dice.choice([0.1, 0.01, 0.001]),
            "model.depth": dice.randint(1, 12),
            "model.dropout": dice.choice([0.0, 0.1, 0.5]),
            "optimizer": dice.choice(["adam", "sgd", "lamb"]),
            "batch_size": dice.choice([16, 32, 64]),
            "seed": n % 5,
            "weight_decay": dice.random(),
            "data.path": f"s3://bucket/{n % 40}.parquet",
        }
        yield Run(
            tracker="mlflow", run_id=f"{n:032x}", source="mlflow.db", experiment=f"exp {n % 20}", name=f"run-{n}",
            status="FINISHED", state=State.FAILED if n % 17 == 0 else State.FINISHED, params=params, started=1e9 + n,
            ended=1e9 + n + 60, tags={"user": f"u{n % 9}"}, place=str(n), history=lambda points=points: iter(points),  # type: ignore[misc]
        )  # fmt: skip


def questions() -> dict[str, RunQuery]:
    """Return one question of each kind."""
    lr = RunFilter(field="param", name="lr", value=0.01)
    deep = RunFilter(field="param", name="depth", op="ge", value=8)
    adam, sgd = (RunFilter(field="param", name="optimizer", value=one) for one in ("adam", "sgd"))
    one = RunFilter(field="id", value=f"{1234:032x}")
    auc = {"metric": "val_auc"}
    return {
        "best": RunQuery(select="best", **auc),  # type: ignore[arg-type]
        "best of its steps": RunQuery(select="best", figure="best", **auc),  # type: ignore[arg-type]
        "best where": RunQuery(select="best", filters=(lr, deep), **auc),  # type: ignore[arg-type]
        "best by metric and param": RunQuery(
            select="best", metric="val_auc",
            filters=(lr, RunFilter(field="metric", name="val_loss", op="lt", value=0.5)),
        ),
        "count": RunQuery(select="count", filters=(lr,)),
        "count by": RunQuery(select="count", group_by=Wanted(field="param", name="optimizer")),
        "mean by": RunQuery(select="group", group_by=Wanted(field="param", name="depth"), **auc),  # type: ignore[arg-type]
        "list": RunQuery(select="list", filters=(deep, adam), limit=20, **auc),  # type: ignore[arg-type]
        "median": RunQuery(select="median", **auc),  # type: ignore[arg-type]
        "effect": RunQuery(select="effect", first=(adam,), second=(sgd,), **auc),  # type: ignore[arg-type]
        "changed": RunQuery(select="changed", metric="val_auc"),
        "distinct": RunQuery(select="distinct", wanted=(Wanted(field="param", name="data.path"),)),
        "never tried": RunQuery(
            select="never_tried", wanted=(Wanted(field="param", name="depth"),), candidates=(1, 13), filters=(adam,)
        ),
        "experiment": RunQuery(select="best", filters=(RunFilter(field="experiment", value="exp 3"),), **auc),  # type: ignore[arg-type]
        "text": RunQuery(select="count", filters=(RunFilter(field="text", op="contains", value="lamb"),)),
        "params": RunQuery(select="params", filters=(one,)),
        "trend": RunQuery(select="trend", metric="val_loss", filters=(one,)),
        "window": RunQuery(
            select="mean", metric="val_loss", window=Window(low=5),
            filters=(RunFilter(field="experiment", value="exp 3"), lr),
        ),
    }  # fmt: skip


def main() -> None:
    """Print the median and the longest time of each question in milliseconds of processor time."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue.open(Path(folder) / "catalogue.db")
        with catalogue.write() as conn:
            key = SourceKey(collection="default", root="bench", source="mlflow.db")
            source = set_source(conn, key, kind="runs", hash="1", state="lexical", updated=0.0)
        start = time.perf_counter()
        put_runs(catalogue, source, runs(count))
        print(f"stored {count:,} runs in {time.perf_counter() - start:.1f} s")
        start = time.perf_counter()
        vocabulary(catalogue)
        print(f"vocabulary in {time.perf_counter() - start:.2f} s")
        every = []
        for name, query in questions().items():
            seconds = []
            for _ in range(REPEATS):
                start = time.process_time()  # what a busy machine adds is no part of it
                result = run(query, catalogue)
                seconds.append(time.process_time() - start)
            assert all(verify_run(citation, catalogue) for citation in result.cited[:5])
            seconds.sort()
            every += seconds
            print(
                f"{name:26}{seconds[len(seconds) // 2] * 1e3:8.0f}{seconds[-1] * 1e3:8.0f} ms  {str(result.value)[:60]}"
            )
        every.sort()
        print(f"{'all':26}{every[len(every) // 2] * 1e3:8.0f}{every[int(len(every) * 0.95)] * 1e3:8.0f} ms (p50, p95)")
        catalogue.close()


if __name__ == "__main__":
    main()
