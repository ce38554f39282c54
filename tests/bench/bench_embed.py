"""Measure the built-in embedding engine against SentenceTransformer in float32, the same weights, in one run.

How near the vectors are (cosine), texts a second on passages as ingest makes them, milliseconds for one question, and
seconds from a fresh process to the first vector. The two take turns batch by batch.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import figures
import numpy as np

from ingest.loaders import LOADERS
from ingest.sources import scan
from ingest.split import split
from kb.embed import MiniLM
from kb.text import embedding_text

BATCH = 128
QUESTIONS = (
    "How do I stop a scaler from learning from the test folds?",
    "What does class_weight='balanced' do?",
    "early stopping with a custom metric",
    "How can I merge two frames on their nearest key?",
)
COLD = {
    "citewise": "from kb.embed import MiniLM; MiniLM().embed(['a question'])",
    "reference": "from sentence_transformers import SentenceTransformer as S; S({model!r}, device='cpu').encode('a')",
}

Encode = Callable[[Sequence[str]], np.ndarray]


def passages(folder: Path, count: int) -> list[str]:
    """Return `count` passages spread over the folder, as they are embedded."""
    found = [item for s in scan(str(folder), collection="default") for item in s.found if item.problem is None]
    texts = []
    for item in found:
        document = LOADERS[item.kind](item.read(), item.key.source)
        texts += [embedding_text(document.title, chunk) for chunk in split(document, item.key)]
    return texts[:: max(1, len(texts) // count)][:count]


def reference() -> Encode:
    """Return the float32 model's encoder; rows of unit length."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(figures.reference_model()), device="cpu", local_files_only=True)
    return lambda texts: np.asarray(model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False))


def timed(encode: Encode, texts: Sequence[str]) -> tuple[float, np.ndarray]:
    """Return the seconds and the vectors."""
    began = time.perf_counter()
    rows = encode(texts)
    return time.perf_counter() - began, rows


def throughput(engines: dict[str, Encode], texts: Sequence[str]) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Embed all texts by each engine, in turn batch by batch; return seconds and vectors by engine."""
    seconds, rows = dict.fromkeys(engines, 0.0), {name: list[np.ndarray]() for name in engines}
    for number, at in enumerate(range(0, len(texts), BATCH)):
        order = list(engines.items())
        for name, encode in order if number % 2 == 0 else reversed(order):
            took, vectors = timed(encode, texts[at : at + BATCH])
            seconds[name] += took
            rows[name].append(vectors)
    return seconds, {name: np.concatenate(parts) for name, parts in rows.items()}


def one_question(engines: dict[str, Encode], rounds: int) -> dict[str, dict[str, float]]:
    """Return the milliseconds of one short question by engine, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(rounds):
        for name, encode in engines.items():
            taken[name].append(timed(encode, [f"{QUESTIONS[number % len(QUESTIONS)]} {number}"])[0])
    return {name: figures.spread(found) for name, found in taken.items()}


def cold(rounds: int) -> dict[str, dict[str, float]]:
    """Return the seconds from a fresh process to its first vector by engine, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in COLD}
    for _ in range(rounds):
        for name, code in COLD.items():
            began = time.perf_counter()
            program = code.format(model=str(figures.reference_model()))
            subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)
            taken[name].append(time.perf_counter() - began)
    return {name: figures.range_of(found) for name, found in taken.items()}


def measure(texts: Sequence[str], *, rounds: int) -> dict[str, Any]:
    """Return all figures over `texts`."""
    engines = {"citewise": MiniLM().embed, "reference": reference()}
    for encode in engines.values():
        encode(texts[:8])
    seconds, rows = throughput(engines, texts)
    near = np.einsum("ij,ij->i", rows["citewise"], rows["reference"])
    rates = {name: round(len(texts) / took, 1) for name, took in seconds.items()}
    return {
        "texts": len(texts),
        "cosine": {"min": round(float(near.min()), 4), "p1": round(float(np.percentile(near, 1)), 4)},
        "texts_per_s": rates,
        "ratio": round(seconds["reference"] / seconds["citewise"], 2),
        "question_ms": one_question(engines, 200),
        "cold_s": cold(rounds),
    }


def options() -> argparse.Namespace:
    """Read the command line."""
    made = figures.parser(__doc__ or "")
    made.add_argument("--data", type=Path, metavar="DIR", help="a folder of documentation to take passages from")
    made.add_argument("--texts", type=int, default=1024, metavar="N", help="how many passages")
    made.add_argument("--rounds", type=int, default=5, metavar="N", help="how many cold starts of each")
    return made.parse_args()


def main() -> None:
    """Run and print."""
    given = options()
    source, before = figures.documentation(given.data), figures.machine()
    found = measure(passages(source, given.texts), rounds=given.rounds)
    rate, question, start = found["texts_per_s"], found["question_ms"], found["cold_s"]
    rows: list[tuple[str, object]] = [
        ("passages", found["texts"]),
        ("cosine to float32", f"min {found['cosine']['min']}, 1st percentile {found['cosine']['p1']}"),
        ("passages a second", f"{rate['citewise']} (float32 {rate['reference']}), ratio {found['ratio']}"),
        ("one question, ms", f"p50 {question['citewise']['p50']} (float32 {question['reference']['p50']})"),
        ("cold start, s", f"median {start['citewise']['median']} (float32 {start['reference']['median']})"),
    ]
    figures.show("Embedding engine: int8 all-MiniLM-L6-v2 against SentenceTransformer in float32", before, rows)
    figures.write(given.json, before, found)


if __name__ == "__main__":
    main()
