"""A team's history with 50 decisions: in the ledger, in notes of several forms, in prose, in a run's note, or nowhere.

Fifteen were superseded. Each of 60 questions says which decision, runs and documents its answer has to rest on.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from kb.records import Direction, Point, Run, State, no_history


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One decision as the team made it; `form` is where it is told, `old` what it replaced."""

    form: str
    topic: str
    choice: str
    reason: str
    stage: str = "model"
    runs: tuple[str, ...] = ()
    old: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and what its answer rests on; `choice` None: no reason is recorded."""

    question: str
    form: str
    choice: str | None
    reason: str = ""
    replaced: str = ""
    runs: tuple[str, ...] = ()
    source: str = ""


_RECORDED = (
    # form, topic, choice, reason, stage, runs, what it replaced and why that was chosen
    (
        "adr",
        "Learner",
        "We use LightGBM for the churn score.",
        "It trains in minutes because the table is small.",
        "model",
        ("lgbm-17",),
        ("We use a random forest for the churn score.", "It needed no tuning because defaults were fine."),
    ),
    (
        "adr",
        "Cross-validation folds",
        "We split folds by customer.",
        "Customers repeat, therefore plain folds leak.",
        "evaluate",
        ("folds-03",),
        ("We use five shuffled folds.", "It was quick because no grouping was needed."),
    ),
    (
        "adr",
        "Headline metric",
        "We report average precision.",
        "Positives are rare, so that accuracy says nothing.",
        "evaluate",
        (),
        ("We report accuracy.", "Everybody understood it because it is simple."),
    ),
    (
        "adr",
        "Missing income",
        "We impute income with the median.",
        "The mean was pulled up because of three millionaires.",
        "preprocess",
        ("impute-02",),
        ("We impute income with the mean.", "It was the default because nobody objected."),
    ),
    (
        "adr",
        "Learning rate",
        "We set the learning rate to 0.03.",
        "Above 0.05 training diverged because batches are small.",
        "tune",
        ("lr-sweep-5",),
        ("We set the learning rate to 0.1.", "It converged fast because the model was shallow."),
    ),
    (
        "adr",
        "Serving format",
        "We serve the model as ONNX.",
        "Latency fell below 20 ms since no Python is involved.",
        "deploy",
        (),
        ("We serve the model as a pickle.", "It was easy because the service is Python."),
    ),
    (
        "adr",
        "Postal code",
        "We drop the postal code column.",
        "It leaks the region office, because offices close accounts.",
        "features",
        (),
        None,
    ),
    (
        "label",
        "Text encoder",
        "We freeze the BERT encoder.",
        "Fine-tuning overfits since only 4,000 texts are labelled.",
        "model",
        ("bert-frozen-1",),
        ("We fine-tune the BERT encoder.", "It promised more because papers say so."),
    ),
    (
        "label",
        "Class imbalance",
        "We weight the classes.",
        "SMOTE made calibration worse because it invents neighbours.",
        "preprocess",
        ("weights-4", "smote-9"),
        ("We oversample with SMOTE.", "Recall rose because positives were repeated."),
    ),
    (
        "label",
        "Batch size",
        "We train with batches of 64.",
        "Larger ones do not fit because one card has 8 GB.",
        "tune",
        ("batch-64",),
        ("We train with batches of 256.", "It was faster because the old card was larger."),
    ),
    (
        "label",
        "Outliers",
        "We clip durations at the 99th percentile.",
        "Sensors hang, hence there are absurd durations.",
        "preprocess",
        (),
        None,
    ),
    (
        "label",
        "Calibration",
        "We calibrate with isotonic regression.",
        "Sigmoid stayed biased because the scores are bimodal.",
        "evaluate",
        ("calib-iso-2",),
        ("We calibrate with a sigmoid.", "Few points were needed because it has two parameters."),
    ),
    (
        "label",
        "Early stopping",
        "We stop after 20 rounds without gain.",
        "Longer waits only overfit since noise dominates.",
        "tune",
        (),
        ("We stop after 100 rounds without gain.", "Curves looked noisy because the set was tiny."),
    ),
    (
        "label",
        "Dropout",
        "We use dropout of 0.3 in the head.",
        "Validation loss rose after epoch 5 without it.",
        "tune",
        ("head-d3",),
        None,
    ),
    (
        "hand",
        "Tuner",
        "Optuna with TPE",
        "Grid search took a week because it has 6 axes.",
        "tune",
        ("tpe-trial-88",),
        ("Grid search", "It is reproducible."),
    ),
    (
        "hand",
        "Optimizer",
        "AdamW",
        "Weight decay works as written there.",
        "tune",
        ("adamw-11",),
        ("SGD with momentum", "It generalised better on the first set."),
    ),
    (
        "hand",
        "Decision threshold",
        "A threshold of 0.35",
        "The call centre can phone 900 people a day.",
        "deploy",
        (),
        None,
    ),
    (
        "hand",
        "Image augmentation",
        "Horizontal flips only",
        "Rotated plates are never seen.",
        "preprocess",
        ("flip-only-3",),
        ("Rotations and flips", "More variety was hoped for."),
    ),
    (
        "hand",
        "Holdout period",
        "The last three months as holdout",
        "The market drifts.",
        "evaluate",
        (),
        ("A random fifth as holdout", "It was the tutorial's way."),
    ),
    (
        "hand",
        "Target encoding",
        "Target encoding for merchants",
        "There are 80,000 merchants.",
        "features",
        ("tenc-6",),
        None,
    ),
)
_PROSE = (
    ("We moved the nightly retraining to Sundays because weekday jobs starved the database.", "retraining"),
    ("We removed the weather features since the feed stopped in May.", "weather"),
    ("We chose cosine annealing because step decay needed babysitting.", "annealing"),
    ("We capped sequences at 256 tokens because longer tickets are signatures only.", "sequences"),
    ("We kept duplicates in the training set since returning buyers are real.", "duplicates"),
)
_IN_RUNS = (
    ("warmup-7", "Raised warmup to 500 steps because the first epochs exploded."),
    ("mixup-2", "Turned mixup off since labels are soft already."),
    ("seed-avg-1", "Averaged five seeds because single runs differ by 0.01."),
    ("crop-192", "Smaller crops of 192 because of memory."),
    ("focal-5", "Focal loss instead of cross entropy because easy negatives dominated."),
)
_NOWHERE = (("gamma", 0.5), ("num_leaves", 63), ("label_smoothing", 0.1), ("pooling", "attention"), ("patience", 12))


def told() -> tuple[Told, ...]:
    """Return the decisions that are recorded somewhere, the newest of each topic."""
    recorded = [
        Told(form=f, topic=t, choice=c, reason=r, stage=s, runs=runs, old=old) for f, t, c, r, s, runs, old in _RECORDED
    ]
    prose = [Told(form="prose", topic=topic, choice=text, reason=text) for text, topic in _PROSE]
    in_runs = [Told(form="run", topic=name, choice=text, reason=text, runs=(name,)) for name, text in _IN_RUNS]
    return (*recorded, *prose, *in_runs)


def count() -> tuple[int, int]:
    """Return how many decisions there are, and how many of them were superseded."""
    replaced = sum(one.old is not None for one in told())
    return len(told()) + replaced + len(_NOWHERE), replaced


# -- notes -----------------------------------------------------------------------------------------------------------


def notes() -> dict[str, str]:
    """Return the team's notes by file name."""
    found: dict[str, str] = {}
    number = 0
    for one in told():
        slug = one.topic.lower().replace(" ", "-")
        if one.form == "adr":
            number += 1
            if one.old:
                found[f"adr/{number:04}-{slug}.md"] = _adr(
                    number, one.topic, *one.old, "", f"Superseded by ADR-{number + 1}"
                )
                number += 1
            status = f"Accepted, supersedes ADR-{number - 1}" if one.old else "Accepted"
            found[f"adr/{number:04}-{slug}.md"] = _adr(
                number, one.topic, one.choice, one.reason, ", ".join(one.runs), status
            )
        elif one.form == "label":
            if one.old:
                found[f"meetings/{slug}-old.md"] = _labels(f"{one.topic} (spring)", *one.old, "", "")
            found[f"meetings/{slug}.md"] = _labels(
                one.topic, one.choice, one.reason, ", ".join(one.runs), f"{slug}-old.md" if one.old else ""
            )
    found["weekly.md"] = "# Weekly notes\n\n" + "\n\n".join(
        f"## Week {week}\n\nA quiet week. {text} The demo went well." for week, (text, _) in enumerate(_PROSE, 12)
    )
    found["howto.md"] = "# How to log in\n\nUse the token because passwords expire. Ask Ana.\n"
    return found


def _adr(number: int, topic: str, choice: str, reason: str, runs: str, status: str) -> str:
    evidence = f"\n## Runs\n\n{runs}\n" if runs else ""
    return (
        f"# {number}. {topic}\n\nDate: 2024-{1 + number % 12:02}-10\n\n## Status\n\n{status}\n\n"
        f"## Decision\n\n{choice}\n\n## Rationale\n\n{reason}\n{evidence}"
    )


def _labels(topic: str, choice: str, reason: str, runs: str, old: str) -> str:
    lines = [f"# {topic}", "", "We met in the small room.", "", f"- *Decision:* {choice}", f"- *Reason:* {reason}"]
    lines += [f"- *Runs:* {runs}"] if runs else []
    lines += [f"- *Supersedes:* {old}"] if old else []
    return "\n".join([*lines, "- *Date:* 2024-05-02", ""])


# -- runs ------------------------------------------------------------------------------------------------------------


def runs() -> Iterator[Run]:
    """Yield the runs: those that decisions name, those that carry a note, and those that only show a choice."""
    names = dict.fromkeys(name for one in told() if one.form != "run" for name in one.runs)
    for at, name in enumerate(names):
        yield _run(name, 0.80 + at / 1000, {"depth": at})
    for at, (name, note) in enumerate(_IN_RUNS):
        yield _run(name, 0.85 + at / 1000, {"depth": 3}, {"mlflow.note.content": note})
    for at, (param, value) in enumerate(_NOWHERE):
        other = "mean" if isinstance(value, str) else value * 2
        yield _run(f"plain-{param}-a", 0.90 + at / 1000, {param: value})
        yield _run(f"plain-{param}-b", 0.70 + at / 1000, {param: other})


def _run(name: str, auc: float, params: dict[str, object], tags: dict[str, str] | None = None) -> Run:
    points = (Point("val_auc", auc, step=1),)
    return Run(
        tracker="mlflow",
        run_id=f"id{zlib.crc32(name.encode()):012d}",
        name=name,
        source=f"mlruns/{name}",
        experiment="churn",
        state=State.FINISHED,
        params=params,  # type: ignore[arg-type]
        tags=tags or {},
        directions={"val_auc": Direction.MAXIMIZE},
        history=lambda: iter(points) if points else no_history(),
    )


# -- questions -------------------------------------------------------------------------------------------------------

_QUESTIONS: dict[str, tuple[str, ...]] = {
    "Learner": ("Why did we choose LightGBM?", "why not a random forest for the churn score?"),
    "Cross-validation folds": (
        "Why are the folds split by customer?",
        "what was the reason for grouping folds by customer",
    ),
    "Headline metric": ("Why do we report average precision?", "Why did the team stop reporting accuracy?"),
    "Missing income": ("Why is income imputed with the median?", "why no mean imputation of income"),
    "Learning rate": ("Why is the learning rate 0.03?", "why was the learning rate lowered from 0.1"),
    "Serving format": ("Why do we serve ONNX?", "Why was the pickle replaced?"),
    "Postal code": ("Why was the postal code dropped?", "What made us drop the postal code column?"),
    "Text encoder": ("Why is the BERT encoder frozen?", "What is the rationale for freezing BERT?"),
    "Class imbalance": ("Why don't we use SMOTE any more?", "What is behind the class weights?"),
    "Batch size": ("why a batch size of 64?", "Why did we go down from batches of 256?"),
    "Outliers": ("Why do we clip durations?",),
    "Calibration": ("How come we calibrate with isotonic regression?", "Why is sigmoid calibration gone?"),
    "Early stopping": ("Why do we stop after 20 rounds?", "Why not wait 100 rounds before stopping?"),
    "Dropout": ("Why dropout 0.3 in the head?",),
    "Tuner": ("Why do we tune with Optuna?", "Why did we give up grid search?"),
    "Optimizer": ("why adamw and not sgd", "Explain why AdamW was chosen as the optimizer."),
    "Decision threshold": (
        "Why is the threshold 0.35?",
        "Why does the decision threshold stand at 0.35 and not at 0.5?",
    ),
    "Image augmentation": ("Why do we only use horizontal flips?", "Why are images not rotated?"),
    "Holdout period": (
        "Why are the last three months the holdout?",
        "For what reason is the holdout not random any more?",
    ),
    "Target encoding": ("Why target encoding for merchants?",),
    "retraining": ("Why does the nightly retraining run on Sundays?",),
    "weather": ("Why were the weather features removed?", "what happened that we dropped weather features, and why?"),
    "annealing": ("Why did we choose cosine annealing?",),
    "sequences": ("Why are sequences capped at 256 tokens?", "why 256 tokens?"),
    "duplicates": ("Why did we keep duplicates in the training set?",),
    "warmup-7": ("Why was warmup raised to 500 steps?",),
    "mixup-2": ("Why is mixup off?", "Why did somebody turn off mixup?"),
    "seed-avg-1": ("Why do we average five seeds?",),
    "crop-192": ("Why smaller crops?",),
    "focal-5": ("Why focal loss instead of cross entropy?", "Why the focal loss?"),
}
_NOT_RECORDED = {
    "gamma": ("Why is gamma 0.5?",),
    "num_leaves": ("Why did we set num_leaves to 63?", "Why 63 leaves?"),
    "label_smoothing": ("Why do we use label smoothing of 0.1?",),
    "pooling": ("Why attention pooling?",),
    "patience": ("Why was patience set to 12?",),
}


def questions() -> tuple[Asked, ...]:
    """Return the 60 questions with what their answers have to rest on."""
    sources = {one.topic: _source(one) for one in told()}
    known = {one.topic: one for one in told()}
    found = [
        Asked(
            question=question,
            form=known[topic].form,
            choice=known[topic].choice,
            reason=known[topic].reason,
            replaced=known[topic].old[0] if known[topic].old else "",  # type: ignore[index]
            runs=known[topic].runs,
            source=sources[topic],
        )
        for topic, asked in _QUESTIONS.items()
        for question in asked
    ]
    nowhere = [
        Asked(question=question, form="nowhere", choice=None, runs=(f"plain-{param}-a",))
        for param, asked in _NOT_RECORDED.items()
        for question in asked
    ]
    never = (
        "Why did we switch to quantum annealers?",
        "why are invoices archived in Berlin?",
        "Why is the beta column signed?",
    )
    return (*found, *nowhere, *(Asked(question=one, form="never", choice=None) for one in never))


def _source(one: Told) -> str:
    slug = one.topic.lower().replace(" ", "-")
    if one.form == "adr":
        return next(name for name, text in notes().items() if name.endswith(f"-{slug}.md") and one.choice in text)
    return {"label": f"meetings/{slug}.md", "prose": "weekly.md"}.get(one.form, "")
