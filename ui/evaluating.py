"""An assistant that counts what it was asked, so that a long evaluation shows how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from assistant.assistant import Assistant
from assistant.types import Answer
from ingest.report import Step


@dataclass(frozen=True)
class Counting:
    """Asks `assistant` and tells `watch` how many of `total` questions were asked."""

    assistant: Assistant
    watch: Callable[[Step], None]
    total: int
    _asked: count[int] = field(default_factory=lambda: count(0))  # the first question warms up and is asked twice

    def ask(self, question: str) -> Answer:
        """Return the assistant's answer."""
        answer = self.assistant.ask(question)
        self.watch(Step(stage="eval", done=next(self._asked), total=self.total))
        return answer
