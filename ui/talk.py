"""A conversation in the terminal: questions that lean on earlier ones, and passages to open in their context."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from assistant import types
from assistant.assistant import Assistant, turn
from assistant.wire import answer_json
from kb import conversations
from kb.types import Citation
from ui import terminal
from ui.batches import clean_input
from ui.running import explained, fail

PROMPT = "\n? "
HELP = """Type a question; a follow-up may lean on the one before (“and for regression?”).
  :open N    show the passage of claim N in its context, its quote marked
  :sources   list what is ingested
  :help      show this
  :quit      leave (Ctrl-D does too)"""


def talk(assistant: Assistant) -> None:
    """Ask and answer until :quit or the end of input; the conversation is stored."""
    out = terminal.console()
    session = _Session(assistant)
    if terminal.is_interactive():
        _recall(assistant)
        session.welcome(out)
    for line in _lines():
        if line in (":quit", ":q", ":exit"):
            return
        try:
            session.take(line, out)
        except Exception as error:  # noqa: BLE001 - the border: one turn's failure must not end the conversation
            fail(explained(error), as_json=False)


def as_object(assistant: Assistant) -> dict[str, Any]:
    """Read questions from standard input to its end; return the conversation as one JSON value."""
    session = _Session(assistant)
    answers = []
    for line in _lines():
        if not line.startswith(":"):
            answer = assistant.ask(line, history=session.history)
            session.keep(answer)
            answers.append(answer_json(answer))
    return {"conversation": session.id, "turns": answers}


def _lines() -> Iterator[str]:
    """Yield what is typed, without empty lines; Ctrl-C drops the line at hand."""
    prompt = PROMPT if terminal.is_interactive() else ""
    while True:
        try:
            line = input(prompt).strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            if not prompt:
                raise
            print("\n:quit leaves", file=sys.stderr)
            continue
        if line:
            yield clean_input(line)


def _recall(assistant: Assistant) -> None:
    """Give the arrow keys the questions of the latest conversations, and a history for this one."""
    try:
        import readline
    except ImportError:  # not every Python has it; the prompt works without
        return
    catalogue = assistant.kb.catalogue
    for conversation in reversed(conversations.recent(catalogue, 5)):
        for earlier in conversations.turns(catalogue, conversation.id):
            readline.add_history(earlier.question)


class _Session:
    """One conversation: what was asked, and the citations of the latest answer."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.history: tuple[types.Turn, ...] = ()
        self.citations: Sequence[Citation | None] = ()
        self.id: str | None = None

    def welcome(self, out: Console) -> None:
        """Say what can be asked here."""
        out.print("Ask about what is ingested; :help says what else can be typed.")
        for question in self.assistant.openers():
            out.print(Text(f"  · {terminal.clean(question)}", style="dim"))

    def take(self, line: str, out: Console) -> None:
        """Carry out a `:command`, or answer a question."""
        if not line.startswith(":"):
            items, origin = self.assistant.stream(line, history=self.history), terminal.origins(self.assistant.kb)
            self.keep(terminal.show_answer(out, items, origin=origin))
        elif line == ":sources":
            terminal.show_sources(out, self.assistant.kb.catalogue.sources())
        elif line.split()[0] == ":open":
            self._open(line.removeprefix(":open").strip(), out)
        else:
            out.print(HELP)

    def keep(self, answer: types.Answer) -> None:
        """Remember a turn for the next question, and store it with the conversation."""
        catalogue = self.assistant.kb.catalogue
        self.history = (*self.history, turn(answer))
        self.citations = [claim.passages[0] if claim.passages else None for claim in answer.claims]
        if self.id is None:
            self.id = conversations.start(catalogue, answer.question)
        conversations.append(catalogue, self.id, answer.question, answer_json(answer))

    def _open(self, number: str, out: Console) -> None:
        if not number.isdecimal() or not 0 < int(number) <= len(self.citations):
            known = f"1 to {len(self.citations)}" if self.citations else "none yet"
            out.print(f"There is no claim {number or 'without a number'}; the latest answer has {known}.")
            return
        citation = self.citations[int(number) - 1]
        document = self.assistant.kb.catalogue.document(citation.key) if citation else None
        if citation is None or document is None or not self.assistant.kb.verify(citation):
            out.print("The source changed or was forgotten since; ask again.")
            return
        terminal.show_context(out, document, citation)
