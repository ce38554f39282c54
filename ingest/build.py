"""Builds what the settings name: the models, and the knowledge base of a home with them.

Shared by the faces and by the workers of jobs. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import CitewiseError

if TYPE_CHECKING:
    import numpy as np

    from kb.embed import Embedder
    from kb.knowledge import KnowledgeBase
    from kb.rerank import Reranker
    from kb.settings import Settings


def open_knowledge_base(home: Path, settings: Settings, *, warm: bool = False) -> KnowledgeBase:
    """Open the knowledge base in `home` with the models that `settings` name.

    With `warm`, the built-in model loads in the background, ready for the first question.
    """
    embedder = make_embedder(settings)
    if warm and not _is_remote_or_slow(settings):
        embedder = WarmingEmbedder(embedder)
    from ingest.split import FINGERPRINT
    from kb.knowledge import KnowledgeBase

    return KnowledgeBase(home, embedder=embedder, splitter=FINGERPRINT, reranker=make_reranker(settings))


def make_embedder(settings: Settings) -> Embedder:
    """Return the embedder that `settings` name: behind a URL, the built-in one, or one of sentence-transformers."""
    from kb.embed import MINILM, MiniLM, OpenAIEmbedder, SentenceTransformerEmbedder

    if settings.embedding_url:
        key = settings.embedding_key.get_secret_value()
        return OpenAIEmbedder(settings.embedding_model, url=settings.embedding_url, key=key)
    if settings.embedding_model == MINILM:
        return MiniLM()
    return SentenceTransformerEmbedder(settings.embedding_model)


def make_reranker(settings: Settings) -> Reranker | None:
    """Return the cross-encoder that `settings` name, or None."""
    if not settings.reranker_model:
        return None
    from kb.rerank import CrossEncoderReranker

    return CrossEncoderReranker(settings.reranker_model)


def _is_remote_or_slow(settings: Settings) -> bool:
    from kb.embed import MINILM

    return bool(settings.embedding_url) or settings.embedding_model != MINILM


class WarmingEmbedder:
    """Loads an embedder in a thread from the moment it is made; whoever embeds first waits for that."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        # No daemon: Python would end under native code that is still loading, which aborts the process.
        self._thread = threading.Thread(target=self._warm, name="citewise-warm")
        self._thread.start()

    def _warm(self) -> None:
        # What goes wrong here goes wrong again in `embed`, where somebody can be told.
        with contextlib.suppress(CitewiseError, OSError, ImportError, RuntimeError):
            self._inner.embed(["warm"])

    @property
    def fingerprint(self) -> str:
        """The inner embedder's."""
        return self._inner.fingerprint

    @property
    def dim(self) -> int:
        """The inner embedder's."""
        return self._inner.dim

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embed with the inner embedder once it is loaded."""
        self._thread.join()
        return self._inner.embed(texts)
