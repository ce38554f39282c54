"""Questions about runs that a small history answers, and those that it must not."""

from __future__ import annotations

import pytest
from run_oracle import Oracle

from assistant.runs.answer_values import answered_values
from assistant.runs.build import Linker
from assistant.runs.reading import read
from assistant.runs.types import RunReading
from kb.records import Point, Run, State


def a_run(number: int, *, lr: float, optimizer: str, accuracies: list[float], seed: int = 0, **over: object) -> Run:
    points = [Point("val_acc", value, step, split="valid") for step, value in enumerate(accuracies)]
    points += [Point("train_loss", 1 - value, step, split="train") for step, value in enumerate(accuracies)]
    params = {"learning_rate": lr, "optimizer": optimizer, "seed": seed, "batch_size": 32}
    return Run(
        tracker="mlflow", run_id=f"run{number:02d}abcdef", name=f"brave-owl-{number}", source="birds/mlruns",
        place=str(number), experiment="songbirds", status="FINISHED", state=State.FINISHED, params=params,
        started=1_700_000_000.0 + number, ended=1_700_000_100.0 + 2 * number, history=lambda: iter(points), **over,
    )  # type: ignore[arg-type] # fmt: skip


@pytest.fixture(scope="module")
def known() -> tuple[Oracle, Linker]:
    runs = [
        a_run(1, lr=0.1, optimizer="sgd", accuracies=[0.5, 0.6, 0.7]),
        a_run(2, lr=0.01, optimizer="sgd", accuracies=[0.5, 0.8, 0.75]),
        a_run(3, lr=0.01, optimizer="adam", accuracies=[0.6, 0.9, 0.85]),
        a_run(4, lr=0.1, optimizer="adam", accuracies=[0.4, float("nan")]),
        Run(
            tracker="mlflow", run_id="run05abcdef", name="brave-owl-5", source="birds/mlruns", place="5",
            experiment="songbirds", status="FAILED", state=State.FAILED, params={"optimizer": "rmsprop"},
        ),
    ]  # fmt: skip
    oracle = Oracle(runs)
    return oracle, Linker(oracle.vocabulary())


def asked(known: tuple[Oracle, Linker], question: str) -> tuple[RunReading, object, list[str]]:
    oracle, linker = known
    reading = read(question, linker)
    result = answered_values(reading, oracle.run) if reading.runs else None
    return reading, None if result is None else result.value, [] if result is None else [r.run_id for r in result.runs]


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("best final val acc in the birds project?", 0.85),
        ("whats the highest validation accuracy ever in the birds runs", 0.9),
        ("how many runs failed in birds?", 1),
        ("how many birds runs per optimizer?", {"sgd": 2, "adam": 2, "rmsprop": 1}),
        ("birds: status counts?", {"FINISHED": 4, "FAILED": 1}),
        ("which birds runs have NaN val acc at the end?", ["run04abcdef"]),
        ("what lr and optimizer did brave-owl-3 use?", {"learning_rate": 0.01, "optimizer": "adam"}),
        ("birds: mean final val_acc of the runs with lr 0.01", 0.8),
        ("at what step did brave-owl-2 hit its highest val_acc?", {"step": 1, "value": 0.8}),
        ("of sgd, adam and lion, which optimizer did birds never use?", ["lion"]),
        ("brave-owl-2: train loss first vs last", {"first": 0.5, "last": 0.25, "direction": "down"}),
        ("what changed between brave-owl-1 and brave-owl-2?", {"learning_rate": [0.1, 0.01]}),
        ("what optimizer did the best birds run by val acc use?", {"optimizer": "adam"}),
        ("birds: which learning rates were tried? list the distinct values of lr", [0.1, 0.01]),
        ("what is the val_acc of brave-owl-3 at step 1?", 0.9),
        ("how many birds runs have lr below 0.05?", 2),
        ("how many different optimizers were used in birds?", 3),
        ("birds with lr 0.01: did adam beat sgd on final val acc?", {"difference": 0.1, "n_with": 1, "n_without": 1}),
        ("brave-owl-3 vs brave-owl-2: final val acc gap", {"first": 0.85, "second": 0.75, "difference": 0.1}),
    ],
)
def test_a_question_gives_its_value(known: tuple[Oracle, Linker], question: str, value: object) -> None:
    reading, given, _ = asked(known, question)
    assert reading.runs, reading.unread
    if isinstance(value, dict) and "difference" in value:
        assert given == pytest.approx(value)
    else:
        assert given == (pytest.approx(value) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    "question",
    [
        "best rouge score in the birds project?",
        "why did brave-owl-4 diverge?",
        "val acc of the vgg19 run in birds?",
        "which dropout did brave-owl-3 use?",
        "best val acc of the birds runs on imagenet?",
        "val acc of brave-owl-77?",
        "exploitability of brave-owl-3?",
        "how many gpus did birds use?",
        "test accuracy of brave-owl-3?",
    ],
)
def test_what_was_never_logged_is_refused(known: tuple[Oracle, Linker], question: str) -> None:
    reading, given, _ = asked(known, question)
    assert given is None, reading.query


def test_a_best_run_is_named(known: tuple[Oracle, Linker]) -> None:
    assert asked(known, "best final val acc in birds, which run?")[2] == ["run03abcdef"]
