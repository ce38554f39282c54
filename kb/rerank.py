"""A second look at the best passages: cross-encoders behind a protocol; none is used unless a setting names one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

from kb.errors import ModelUnavailable


class Reranker(Protocol):
    """Scores how well each text answers a question."""

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return a score per text, higher is better."""


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder, by name or folder; importing the library takes seconds."""

    def __init__(self, model: str) -> None:
        self.model = model

    @cached_property
    def _encoder(self) -> Any:
        from sentence_transformers import CrossEncoder

        try:
            return CrossEncoder(self.model)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                self.model, str(error).splitlines()[0], hint="name a folder or a model that is on this machine"
            ) from error

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """Score each (question, text) pair with the model. Raises ModelUnavailable."""
        if not texts:
            return []
        scores = self._encoder.predict([(question, text) for text in texts], show_progress_bar=False)
        return [float(score) for score in scores]
