"""Fit the confidence model and write assistant/confidence.json; print nested figures only.

Trains on the dev questions, on questions of our own (confidence_questions.jsonl, over the same documentation) and on
SQuAD 2.0 questions over their paragraphs. Every figure printed is leave-one-out over the dev questions: scaling and
coefficients never see the question that they score. Needs the shared data folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from assistant.features import NAMES, measure
from ingest.loaders import LOADERS
from ingest.split import FINGERPRINT, split
from ingest.sync import sync
from kb.embed import MiniLM
from kb.knowledge import KnowledgeBase
from kb.types import SourceKey

HERE = Path(__file__).parent
WEIGHTS = {"dev": 3.0, "own": 1.0, "squad": 0.02}
"""Per question: 1,500 of SQuAD together weigh as much as 10 of the dev questions."""
C = 0.3
KEEP = 0.9
"""Share of the answerable dev questions that the threshold keeps, on nested scores."""


def main() -> None:
    """Fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the shared data folder")
    parser.add_argument("--home", type=Path, help="a home that holds mldocs already; by default a new one is made")
    parser.add_argument("--write", action="store_true", help="write assistant/confidence.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        groups = _gather(args.data, args.home or Path(folder) / "docs", Path(folder) / "squad")
    x = np.array([row for _, rows, _ in groups for row in rows])
    y = np.array([label for _, _, labels in groups for label in labels])
    weights = np.array([WEIGHTS[name] for name, rows, _ in groups for _ in rows])
    dev = np.arange(len(groups[0][1]))
    _report(x, y, weights, dev)
    scores = nested(x, y, weights, dev)
    threshold = float(np.quantile(scores[y[dev] == 1], 1 - KEEP))
    values = _values(x, y, weights, round(threshold, 3))
    print(json.dumps(values, indent=2))
    if args.write:
        target = HERE.parent.parent / "assistant" / "confidence.json"
        target.write_text(json.dumps(values, indent=2) + "\n", "utf-8")


def _gather(data: Path, docs: Path, squad: Path) -> list[tuple[str, list[list[float]], list[int]]]:
    with KnowledgeBase(docs, embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        sync(kb, [str(data / "mldocs")])
        dev = _lines(data / "questions" / "retrieval_dev.jsonl")
        own = _lines(HERE / "confidence_questions.jsonl")
        found = [
            ("dev", [_row(kb, q["question"]) for q in dev], [int(bool(q["gold"])) for q in dev]),
            ("own", [_row(kb, q["question"]) for q in own], [int(q["answerable"]) for q in own]),
        ]
    asked = _lines(data / "grounding" / "abstain_squad2_dev.jsonl")
    with KnowledgeBase(squad, embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        for number, paragraph in enumerate(dict.fromkeys(q["paragraph"] for q in asked)):
            key = SourceKey(collection="squad", root="squad", source=f"{number}.txt")
            document = LOADERS["text"](paragraph.encode(), key.source)
            kb.add(key, document, split(document, key), hash=str(number))
        kb.embed_waiting()
        found.append(("squad", [_row(kb, q["question"]) for q in asked], [int(q["answerable"]) for q in asked]))
    return found


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def _row(kb: KnowledgeBase, question: str) -> list[float]:
    hits = kb.search(question, k=10).hits
    found = measure(question, hits, frequency=kb.term_frequency, size=kb.catalogue.count("chunks"))
    return [found[name] for name in NAMES]


def fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, LogisticRegression]:
    """Return the means and scales of the features and the fitted model."""
    means = np.average(x, axis=0, weights=weights)
    scales = np.sqrt(np.average((x - means) ** 2, axis=0, weights=weights)) + 1e-9
    model = LogisticRegression(C=C).fit((x - means) / scales, y, sample_weight=weights)
    return means, scales, model


def nested(x: np.ndarray, y: np.ndarray, weights: np.ndarray, dev: Iterable[int]) -> np.ndarray:
    """Return a probability per dev question from a model that never saw it."""
    scores = []
    for left_out in dev:
        rest = np.arange(len(y)) != left_out
        means, scales, model = fit(x[rest], y[rest], weights[rest])
        scores.append(model.predict_proba((x[[left_out]] - means) / scales)[0, 1])
    return np.array(scores)


def _report(x: np.ndarray, y: np.ndarray, weights: np.ndarray, dev: np.ndarray) -> None:
    sets = {
        "dev + own + squad": np.ones(len(y), bool),
        "dev + own": weights != WEIGHTS["squad"],
        "dev + squad": weights != WEIGHTS["own"],
        "dev": weights == WEIGHTS["dev"],
    }
    subsets: Sequence[tuple[int, ...]] = [(0,), (0, 1), (0, 2), (0, 1, 2)]
    for name, kept in sets.items():
        for columns in subsets:
            scores = nested(x[kept][:, columns], y[kept], weights[kept], dev)
            area = roc_auc_score(y[dev], scores)
            print(f"{name:18s} {'+'.join(NAMES[c] for c in columns):26s} nested AUROC {area:.3f}")
    scores = nested(x, y, weights, dev)
    for keep in (0.95, 0.9, 0.85, 0.8):
        threshold = np.quantile(scores[y[dev] == 1], 1 - keep)
        refused = float(np.mean(scores[y[dev] == 0] < threshold))
        print(f"threshold {threshold:.3f}: keeps {keep:.2f} of the answerable, refuses {refused:.2f} of the others")


def _values(x: np.ndarray, y: np.ndarray, weights: np.ndarray, threshold: float) -> dict[str, Any]:
    means, scales, model = fit(x, y, weights)
    return {
        "names": list(NAMES),
        "means": means.round(5).tolist(),
        "scales": scales.round(5).tolist(),
        "weights": model.coef_[0].round(5).tolist(),
        "bias": round(float(model.intercept_[0]), 5),
        "threshold": threshold,
    }


if __name__ == "__main__":
    main()
