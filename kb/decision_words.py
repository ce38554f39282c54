"""The words of decision notes: labels, statuses, dates, references and stages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime

from kb.text import normalise_spaces, words

_LABELS = {
    "decision": "decision; decisions; decision outcome; decided; we decided; choice; chosen option; the decision; "
    "resolution",
    "status": "status; state",
    "date": "date; decided on; decision date; when",
    "by": "by; decider; deciders; decided by; author; authors; owner; decision maker; decision makers",
    "context": "context; problem; background; motivation; problem statement; context and problem statement; "
    "situation",
    "reasons": "reason; reasons; rationale; why; because; justification; decision drivers; reasoning; argument; "
    "arguments",
    "consequences": "consequences; consequence; impact; implications; trade-offs; tradeoffs",
    "alternatives": "alternatives; alternative; considered options; options considered; alternatives considered; "
    "options; rejected alternatives; rejected; instead of; considered alternatives",
    "supersedes": "supersedes; replaces; supersede; overrides",
    "superseded by": "superseded by; replaced by",
    "runs": "runs; run; evidence runs; run ids; run id; supporting runs; experiments",
    "stage": "stage; area; workflow stage",
    "dataset": "dataset; data set; data",
    "columns": "columns; column; features used; columns affected",
}  # fmt: skip
_LABEL_OF = {name: label for label, names in _LABELS.items() for name in names.split("; ")}
_NOT_HEADINGS = frozenset({"by", "data", "when", "state", "rejected", "run", "because", "problem", "column", "owner"})

_STATUSES = {
    "superseded": "superseded replaced deprecated obsolete withdrawn retired reverted outdated",
    "rejected": "rejected declined",
    "proposed": "proposed proposal pending suggested",
    "current": "accepted adopted approved decided agreed current active final implemented done valid",
}
_STATUS_OF = {word: status for status, found in _STATUSES.items() for word in found.split()}

_DATE_FORMS = ("%Y-%m-%d", "%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d")
_DATE = re.compile(
    r"\b(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4}|\d{1,2}(?:st|nd|rd|th)? [A-Z][a-z]{2,8},? \d{4}"
    r"|[A-Z][a-z]{2,8} \d{1,2}(?:st|nd|rd|th)?,? \d{4})\b"
)

_STAGES = {
    "deploy": "deploy deployment deployed serve serving onnx docker latency rollout endpoint monitor monitoring drift",
    "evaluate": "evaluate evaluation metric validation cross-validation cv fold folds kfold holdout score scoring "
    "test benchmark threshold",
    "tune": "tune tuning hyperparameter hyperparameters learning rate optuna search sweep trials depth epochs batch "
    "seed scheduler dropout regularisation regularization lr estimators patience",
    "features": "feature features encode encoding encoder embedding embeddings column columns interaction interactions "
    "target-encoding one-hot binning",
    "preprocess": "preprocess preprocessing impute imputation imputer scale scaling scaler normalise normalize "
    "clean cleaning outlier outliers missing clip clipping resample resampling smote augmentation balance imbalance "
    "dedupe duplicates tokenise tokenize",
    "model": "model models classifier regressor network architecture forest xgboost lightgbm catboost boosting bert "
    "resnet transformer lstm svm logistic linear tree trees ensemble backbone",
    "understand": "dataset data label labels labelling source sampling sample snapshot",
}  # fmt: skip
_STAGE_OF = {word: stage for stage, found in _STAGES.items() for word in found.split()}


def label_of(text: str, *, heading: bool = False) -> str | None:
    """Return which part of a decision a label or a heading names, None for none."""
    name = re.sub(r"^\d+(?:\.\d+)*[.)]?\s+", "", normalise_spaces(text)).strip(" :*_").lower()
    if heading and name in _NOT_HEADINGS:
        return None
    return _LABEL_OF.get(name)


def status_of(text: str) -> str | None:
    """Return the status that a text says: current, superseded, proposed, rejected; None for none that is known."""
    for word in words(text)[:4]:
        if (found := _STATUS_OF.get(word.lower())) is not None:
            return found
    return None


def dated(text: str) -> date | None:
    """Return the first date in a text, None where there is none that exists."""
    for match in _DATE.finditer(text):
        said = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|,", "", match[1])
        for form in _DATE_FORMS:
            try:
                return datetime.strptime(said, form).date()
            except ValueError:
                continue
    return None


def listed(text: str) -> Iterator[str]:
    """Yield the items of a list in text: lines with bullets, else parts between commas, semicolons and *and*."""
    lines = [re.sub(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+", "", line).strip() for line in text.split("\n")]
    lines = [line for line in lines if line]
    parts = lines if len(lines) > 1 else [part for line in lines for part in re.split(r"[,;]\s+|\s+and\s+", line)]
    for part in parts:
        if kept := part.strip().strip("[]").rstrip(".").strip("`\"' "):
            yield normalise_spaces(kept)


def references(status: str, *, after: str) -> tuple[str, ...]:
    """Return what a status line refers to: `Superseded by ADR-7` (by), `Accepted, supersedes ADR-3` (supersedes)."""
    verbs = r"(?:superseded|replaced|overridden|deprecated)\s+by" if after == "by" else r"(?:supersedes|replaces)"
    match = re.search(rf"\b{verbs}\b:?\s*([^\n;()]+)", status, re.IGNORECASE)
    if match is None:
        return ()
    said = re.split(r"(?<!\bno)\.(?:\s|$)|\s+(?:on|since|in)\s+(?=\d{4}|[A-Z][a-z]+ \d)", match[1])[0]
    return tuple(listed(said))


def stage_of(said: str, text: str) -> str:
    """Return the stage that is said, else the one whose words occur most in `text`, else other."""
    told = said.strip().lower()
    if told in _STAGES:
        return told
    counts: dict[str, int] = {}
    for word in (told, *words(text.lower())):
        if (stage := _STAGE_OF.get(word)) is not None:
            counts[stage] = counts.get(stage, 0) + 1
    return max(counts, key=lambda stage: counts[stage]) if counts else "other"
