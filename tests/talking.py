"""A conversation about a small table that tests talk through."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from rich.console import Console

from assistant.assistant import Assistant
from kb.knowledge import KnowledgeBase
from ui.asking import Over
from ui.opening import open_dataset
from ui.prompting import Names
from ui.talk import Session

HOMES = "town,price,living area\nUlm,100,20\nUlm,300,30\nBonn,200,25\nBonn,,41\nKiel,900,55\n"


class Talk:
    """A session over a table and what it prints."""

    def __init__(self, kb: KnowledgeBase, file: Path | None) -> None:
        over = Over(table=open_dataset(str(file))) if file else Over()
        self.session = Session(Assistant(kb=kb), over)

    def say(self, *lines: str) -> str:
        """Take lines and return what the last of them printed."""
        for line in lines:
            out = Console(file=io.StringIO(), width=80, markup=False, emoji=False, highlight=False)
            self.session.take(line, out)
        assert isinstance(out.file, io.StringIO)
        return out.file.getvalue()

    @property
    def chips(self) -> list[dict[str, Any]]:
        """The chips of the latest reading."""
        found: list[dict[str, Any]] = self.session.latest["reading"]["chips"]
        return found

    def chip(self, text: str) -> int:
        """Return the number of the first chip that holds `text`."""
        return next(number for number, chip in enumerate(self.chips, 1) if text in chip["text"])

    def value(self) -> Any:
        """Return the first value of the latest answer."""
        return self.session.latest["claims"][0]["citations"][0]["value"]


def completed(talk: Talk, text: str) -> list[str]:
    """Return the whole lines that `text` may become."""
    found = Names(talk.session).get_completions(Document(text, len(text)), CompleteEvent())
    return [text[: len(text) + one.start_position] + one.text for one in found]
