"""Claims in many wordings over runs of several trackers: ids that are numbers, names with signs, bare metrics.

Each stands for itself: those of `TRUE` are so, those of `FALSE` are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kb.records import Direction, Point, Run, Scalar, State

UP, DOWN = Direction.MAXIMIZE, Direction.MINIMIZE
_DIRECTIONS = {
    "accuracy": UP,
    "f1_macro": UP,
    "loss": DOWN,
    "metrics/mAP50-95": UP,
    "metrics/precision": UP,
    "eval/rougeL": UP,
    "mean_absolute_error": DOWN,
    "throughput": UP,
}
Curves = Mapping[tuple[str, str | None], list[float]]


def _run(id: str, experiment: str, curves: Curves, params: Mapping[str, Scalar], name: str | None = None) -> Run:
    points = [Point(m, v, step=at, split=s) for (m, s), values in curves.items() for at, v in enumerate(values, 1)]
    return Run(
        tracker="t",
        run_id=id,
        name=name,
        source=f"{experiment}/{id}",
        experiment=experiment,
        state=State.FINISHED,
        params=params,
        directions=_DIRECTIONS,
        history=lambda: iter(points),
    )


def runs() -> Iterator[Run]:
    """Yield the runs that the claims speak of."""
    yield _run(
        "17",
        "sacred",
        {
            ("accuracy", "valid"): [0.61, 0.7034, 0.7512],
            ("loss", "train"): [1.2, 0.9, 0.71234],
            ("f1_macro", "test"): [0.6891],
        },
        {"optimizer.lr": 0.001, "batch_size": 32, "dropout": 0.2},
    )
    yield _run(
        "18",
        "sacred",
        {
            ("accuracy", "valid"): [0.60, 0.72, 0.7846],
            ("loss", "train"): [1.1, 0.8, 0.64871],
            ("f1_macro", "test"): [0.7123],
        },
        {"optimizer.lr": 0.0005, "batch_size": 64, "dropout": 0.3},
    )
    yield _run(
        "exp/yolo/train2",
        "yolo",
        {("metrics/mAP50-95", "valid"): [0.5, 0.6, 0.83493], ("metrics/precision", "valid"): [0.7, 0.8, 0.9021]},
        {"epochs": 100, "imgsz": 640},
        "train2",
    )
    yield _run(
        "exp/yolo/train3",
        "yolo",
        {("metrics/mAP50-95", "valid"): [0.5, 0.62, 0.84016], ("metrics/precision", "valid"): [0.7, 0.8, 0.8874]},
        {"epochs": 150, "imgsz": 640},
        "train3",
    )
    yield _run(
        "abc123def456",
        "summaries",
        {("eval/rougeL", "valid"): [30.1, 35.22, 41.377], ("throughput", None): [1234.5]},
        {"lr": 3e-5, "warmup_steps": 500},
        "bart-large-ft",
    )
    yield _run(
        "fff999aaa111",
        "summaries",
        {("eval/rougeL", "valid"): [28.1, 33.2, 38.951], ("throughput", None): [4021.75]},
        {"lr": 1e-4, "warmup_steps": 1000},
        "t5-small-ft",
    )
    for id, error, leaves, depth in (
        ("tpe#12", 12.4417, 63, 7),
        ("tpe#31", 11.0873, 127, 9),
        ("baseline", 19.5021, 31, 5),
    ):
        params = {"num_leaves": leaves, "max_depth": depth}
        yield _run(id, "price", {("mean_absolute_error", "valid"): [error]}, params, id)


TRUE = (
    "Run 17 hit 75.1% validation accuracy.",
    "Validation accuracy climbed to 75.12 % in run 17 and 78.46 % in run 18.",
    "Compared with run 17, run 18 has a validation accuracy that is 3.3 points higher.",
    "Macro F1 on the test set: 0.689 (run 17), 0.712 (run 18).",
    "The training loss of run 18 fell from 1.1 to 0.649.",
    "We used dropout 0.3 in run 18.",
    "Run 18 was trained with a batch size of 64 and lr=5e-4.",
    "train3 gets an mAP50-95 of 0.840, slightly more than train2 (0.835).",
    "In contrast to mAP50-95, precision is higher for train2 (0.902) than for train3 (0.887).",
    "`train2`: precision=0.9021, mAP50-95=0.83493",
    "ROUGE-L of bart-large-ft is 41.4, that of t5-small-ft 39.0.",
    "bart-large-ft beat t5-small-ft by 2.4 ROUGE-L points.",
    "t5-small-ft is faster: its throughput of 4,021.75 is above the 1,234.5 of bart-large-ft.",
    "With 500 warmup steps, bart-large-ft reached 41.377 ROUGE-L.",
    "The MAE went down from 19.5 (baseline) to 11.09 (tpe#31).",
    "Trial tpe#31 has the lowest mean absolute error, 11.0873.",
    "The lowest mean absolute error we saw is 11.09.",
    "tpe#12 (num_leaves=63, max_depth=7) gives an MAE of 12.44.",
    "Our baseline has a mean absolute error of 19.50.",
    "baseline is not as good as tpe#31 by MAE.",
    "Compared to the baseline run (19.5), tpe#31 cut the MAE to 11.1.",
    "tpe#31 reduces the MAE of the baseline run by 43%.",
    "After epoch 2, validation accuracy of run 18 was 0.72.",
    "Run 18 peaked at epoch 3 with a validation accuracy of 0.785.",
    "Both train2 and train3 stay below 0.85 mAP50-95.",
    "Accuracy improved by 3.34 percentage points from run 17 to run 18.",
    "The gap between train2 and train3 in mAP50-95 is only 0.005.",
    "train2 and train3 were run for 100 and 150 epochs.",
    "Neither run 17 nor run 18 passed 80% validation accuracy.",
    "Our target is an mAP50-95 of 0.9.",
    "About 84% mAP50-95 were reached by train3.",
    "More than 0.8 mAP50-95 in train3 surprised us.",
    "The MAE of tpe#12 is roughly 12.",
    "run 17's f1_macro is .689",
    "bart-large-ft has the best ROUGE-L (41.4); t5-small-ft follows with 38.95.",
    "ROUGE-L is 41.38 for bart-large-ft\nand 38.95 for t5-small-ft.",
    "Of the two, train3 is the stronger model with 0.84016 mAP50-95.",
    "mAP50-95: train2 0.835 / train3 0.840",
    "The precision we saw for train2 was ninety percent (0.902).",
    "train2 ended with precision 0.9021 and mAP50-95 0.8349; train3 ended with 0.8874 and 0.8402.",
    "## train3\n\nPrecision came to 0.8874 at the end.\nThe mAP50-95 is 0.840.",
    "Results for run 18:\n\n- accuracy (validation): 0.785\n- macro F1: 0.712\n- final loss: 0.649",
    (
        "| model | ROUGE-L | throughput |\n"
        "|---|---|---|\n"
        "| bart-large-ft | 41.4 | 1,234.5 |\n"
        "| **t5-small-ft** | 38.95 | 4,021.75 |"
    ),
    (
        "| | run 17 | run 18 |\n"
        "|---|---|---|\n"
        "| accuracy (%) | 75.1 | 78.5 |\n"
        "| training loss | 0.712 | 0.649 |\n"
        "| lr | 0.001 | 0.0005 |"
    ),
    "tpe#12 and tpe#31 have MAEs of 12.44 and 11.09.",
    "While baseline has an error of 19.5 (MAE), tpe#31 brings that down to 11.1.",
    "tpe#31 is the clear winner: MAE 11.09, against 12.44 for tpe#12.",
    "An MAE of 12.4 for tpe#12 is 1.35 worse than tpe#31.",
    "We tuned num_leaves (63 in tpe#12, 127 in tpe#31).",
    "tpe#31 went deeper: max_depth 9 instead of 7.",
    "Learning rate for bart-large-ft: 3e-5.",
    "bart-large-ft reached a rouge_l of 41.4 (t5-small-ft: 39.0).",
    "Validation accuracy, run 18: 0.6 after one epoch, 0.72 after two and 0.785 at the end.",
    "By epoch 2 the validation accuracy of run 17 was at 70.3%.",
    "Run 18's validation accuracy (0.7846) exceeds that of run 17 (0.7512).",
    "Run 18 is superior to run 17 in validation accuracy.",
    "Of run 17 and run 18, the latter has the higher validation accuracy.",
    "Run 17 lags 3.34 points behind run 18 in validation accuracy.",
    "The loss on train data of run 17 is 0.71.",
    "Version 2.3 of the pipeline, used since March 2024, gave train2 a precision of 0.902.",
    "train2 (2024-03-01, 12 GB, seed 3) has precision 0.902.",
    "The throughput of t5-small-ft is 3.26 times that of bart-large-ft.",
    "t5-small-ft is 2,787.25 faster in throughput than bart-large-ft.",
    "No run was better than run 18 in validation accuracy.",
    "Precision of train2 = 0.9021 > 0.8874 = precision of train3.",
    "We report precision at 0.902 for train2, with mAP50-95 at 0.835.",
    "The final figures are as follows. train2: 0.902 precision. train3: 0.887 precision.",
    "It took 3 hours and 20 minutes on 2 GPUs to get run 18 to 0.785 validation accuracy.",
)

FALSE = (
    "Run 17 hit 78.5% validation accuracy.",
    "Validation accuracy climbed to 78.46 % in run 17 and 75.12 % in run 18.",
    "Compared with run 17, run 18 has a validation accuracy that is 5.1 points higher.",
    "Macro F1 on the test set: 0.712 (run 17), 0.689 (run 18).",
    "The training loss of run 18 fell from 1.1 to 0.712.",
    "We used dropout 0.2 in run 18.",
    "Run 18 was trained with a batch size of 32 and lr=5e-4.",
    "train3 gets an mAP50-95 of 0.835, slightly more than train2 (0.835).",
    "Precision is higher for train3 (0.902) than for train2 (0.887).",
    "`train2`: precision=0.9021, mAP50-95=0.84016",
    "ROUGE-L of bart-large-ft is 41.4, that of t5-small-ft 39.9.",
    "bart-large-ft beat t5-small-ft by 3.4 ROUGE-L points.",
    "t5-small-ft is faster: its throughput of 4,201.75 is above the 1,234.5 of bart-large-ft.",
    "With 1000 warmup steps, bart-large-ft reached 41.377 ROUGE-L.",
    "The MAE went down from 19.5 (baseline) to 12.09 (tpe#31).",
    "Trial tpe#12 has the lowest mean absolute error, 12.4417.",
    "The lowest mean absolute error we saw is 12.44.",
    "tpe#12 (num_leaves=31, max_depth=7) gives an MAE of 12.44.",
    "Our baseline has a mean absolute error of 17.50.",
    "tpe#31 is not as good as baseline by MAE.",
    "tpe#31 reduces the MAE of the baseline run by 53%.",
    "After epoch 2, validation accuracy of run 18 was 0.75.",
    "The gap between train2 and train3 in mAP50-95 is only 0.015.",
    "run 17's f1_macro is .699",
    "tpe#99 has an MAE of 10.2.",
    "t5-small-ft has the best ROUGE-L.",
    "mAP50-95: train2 0.840 / train3 0.835",
    "train2 ended with precision 0.9021 and mAP50-95 0.8349; train3 ended with 0.8402 and 0.8874.",
    "## train3\n\nPrecision came to 0.8874 at the end.\nThe mAP50-95 is 0.835.",
    "Results for run 18:\n\n- accuracy (validation): 0.785\n- macro F1: 0.689\n- final loss: 0.649",
    (
        "| model | ROUGE-L | throughput |\n"
        "|---|---|---|\n"
        "| bart-large-ft | 41.4 | 1,234.5 |\n"
        "| **t5-small-ft** | 38.59 | 4,021.75 |"
    ),
    (
        "| | run 17 | run 18 |\n"
        "|---|---|---|\n"
        "| accuracy (%) | 75.1 | 78.5 |\n"
        "| training loss | 0.649 | 0.712 |\n"
        "| lr | 0.001 | 0.0005 |"
    ),
    "| | run 17 | run 18 |\n|---|---|---|\n| lr | 0.01 | 0.0005 |",
    "tpe#12 and tpe#31 have MAEs of 11.09 and 12.44.",
    "While baseline has an error of 19.5 (MAE), tpe#31 brings that down to 12.4.",
    "An MAE of 12.4 for tpe#12 is 2.35 worse than tpe#31.",
    "tpe#31 went deeper: max_depth 8.",
    "Learning rate for bart-large-ft: 1e-4.",
    "bart-large-ft reached a rouge_l of 41.4 (t5-small-ft: 39.6).",
    "By epoch 2 the validation accuracy of run 17 was at 75.1%.",
    "Run 17's validation accuracy (0.7512) exceeds that of run 18 (0.7846).",
    "Run 17 is superior to run 18 in validation accuracy.",
    "Run 17 lags 6.34 points behind run 18 in validation accuracy.",
    "The loss on train data of run 17 is 0.65.",
    "We report precision at 0.902 for train2, with mAP50-95 at 0.840.",
    "The final figures are as follows. train2: 0.902 precision. train3: 0.897 precision.",
)
