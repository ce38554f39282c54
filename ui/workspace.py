"""Finds the home and builds what the faces need from the settings: shared by the command line and the app.

Nothing heavy is imported before it is used, so that `citewise --help` and a search from a cold start stay quick.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import BadInput, CitewiseError, HomeNotFound, HomeUnwritable

if TYPE_CHECKING:
    import numpy as np

    from assistant.assistant import Assistant
    from kb.embed import Embedder
    from kb.knowledge import KnowledgeBase
    from kb.rerank import Reranker
    from kb.settings import Settings

HOME = ".citewise"
CATALOGUE = "catalogue.db"


def find_home(named: Path | None = None, *, start: Path | None = None) -> Path:
    """Return the home: the one named, or the nearest `.citewise` from the working folder upwards.

    Raises HomeNotFound, and BadInput for a named folder that is no home.
    """
    if named is not None:
        home = named.expanduser().absolute()
        if not (home / CATALOGUE).is_file():
            hint = f"make one there with `citewise --home {named} ingest SOURCE`, or name another folder"
            raise BadInput(f"there is no knowledge base in {home}", hint=hint)
        return home
    found = nearest_home(start)
    if found is None:
        raise HomeNotFound(_folder(start))
    return found


def nearest_home(start: Path | None = None) -> Path | None:
    """Return the nearest `.citewise` folder from `start` (the working folder) upwards, or None."""
    folder = _folder(start)
    return next((place / HOME for place in (folder, *folder.parents) if (place / HOME).is_dir()), None)


def make_home(named: Path | None = None, *, start: Path | None = None) -> Path:
    """Return the home as `find_home` does, but make one in the working folder (or as named) where there is none.

    Raises HomeUnwritable.
    """
    home = named.expanduser().absolute() if named is not None else nearest_home(start) or _folder(start) / HOME
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeUnwritable(home, error.strerror or str(error)) from error
    return home


def _folder(start: Path | None) -> Path:
    try:
        return (start or Path.cwd()).absolute()
    except FileNotFoundError as error:
        raise BadInput("the working folder no longer exists", hint="change to a folder that does") from error


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


def open_assistant(kb: KnowledgeBase, settings: Settings) -> Assistant:
    """Return the assistant that answers from `kb` as `settings` say."""
    from assistant.assistant import Assistant

    return Assistant(kb=kb, max_claims=settings.max_claims, abstain_below=settings.abstain_below)


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


def in_debug() -> bool:
    """Tell whether the person wants tracebacks (`CITEWISE_DEBUG`)."""
    return os.environ.get("CITEWISE_DEBUG", "") not in ("", "0")
