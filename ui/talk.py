"""A conversation in the terminal: questions that lean on earlier ones, passages and computed values to look into."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from assistant import types
from assistant.assistant import Assistant, turn
from assistant.wire import answer_json
from kb import conversations
from kb.types import Citation
from ui import terminal
from ui.asking import Over, nearest_link
from ui.batches import clean_input
from ui.running import explained, fail
from ui.talk_runs import chosen
from ui.terminal_runs import open_cited
from ui.terminal_tables import IN_CHAT, is_computed, show_computation

if TYPE_CHECKING:
    from kb.tables import Table

HELP = """Type a question; a follow-up may lean on the one before (“and for regression?”).
  :open N        show claim N: its quote in its context, its run, or how its value was computed; :open N K its
                 citation K
  :sources       list what is ingested
  :data FILE     ask about a table (CSV, Parquet, Excel, JSON lines)
  :help          show this
  :quit          leave (Ctrl-D does too)"""
HELP_READING = """About the reading of a question over a table or runs:
  :set N         what chip N of the reading could stand for instead; :set N VALUE changes it
  :drop N        the reading without chip N
  :run           run a reading that waits; :run N, or :N, the nearest reading N
  :alias W NAME  always take the word W as NAME in questions over runs; :alias lists, :unalias W takes back"""
HELP_TABLE = """About the table at hand:
  :columns       its columns; :columns NAME tells more of one
  :facts         what to look at first; :facts N tells more of one
  :code          the program that gives the latest values
  :save NAME     keep the latest reading; :readings lists them, :readings N runs one again
  :data          which table this is, and how it was read"""
_LEAVE = (":quit", ":q", ":exit")


def talk(assistant: Assistant, over: Over | None = None) -> None:
    """Ask and answer until :quit or the end of input; the conversation is stored."""
    out = terminal.console()
    session = Session(assistant, over)
    if terminal.is_interactive():
        session.welcome(out)
        lines = _prompted(session)
    else:
        lines = _lines()
    for line in lines:
        if line in _LEAVE:
            return
        try:
            session.take(line, out)
        except Exception as error:  # noqa: BLE001 - the border: one turn's failure must not end the conversation
            fail(explained(error), as_json=False)


def as_object(assistant: Assistant, over: Over | None = None) -> dict[str, Any]:
    """Read questions from standard input to its end; return the conversation as one JSON value."""
    session = Session(assistant, over)
    answers = []
    for line in _lines():
        if not line.startswith(":"):
            answer = assistant.ask(line, history=session.history, **session.options)
            session.keep(answer)
            answers.append(session.latest)
    return {"conversation": session.id, "turns": answers}


def _lines() -> Iterator[str]:
    """Yield the lines of standard input, without empty ones."""
    while True:
        try:
            line = input().strip()
        except EOFError:
            return
        if line:
            yield clean_input(line)


def _prompted(session: Session) -> Iterator[str]:
    """Yield what a person types, without empty lines; Ctrl-C drops the line at hand."""
    from ui.prompting import prompt

    read = prompt(session)
    while True:
        try:
            line = read().strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            print(":quit leaves", file=sys.stderr)
            continue
        if line:
            yield clean_input(line)


class Session:
    """One conversation: the table it is about, what was asked, and the latest answer as its JSON and citations."""

    def __init__(self, assistant: Assistant, over: Over | None = None) -> None:
        self.assistant = assistant
        self.over = over or Over()
        self.history: tuple[types.Turn, ...] = ()
        self.citations: tuple[Citation | None, ...] = ()
        self.latest: Mapping[str, Any] = {}
        self.id: str | None = None

    @property
    def table(self) -> Table | None:
        """The table at hand."""
        return self.over.table

    @property
    def options(self) -> dict[str, Any]:
        """The assistant's options for a question in this conversation."""
        return self.over.options

    @property
    def has_home(self) -> bool:
        """Tell whether what is stored stays: a table alone is asked from a home that is gone afterwards."""
        from ui.running import is_passing

        return not is_passing(self.assistant.kb.home)

    def welcome(self, out: Console) -> None:
        """Say what can be asked here."""
        if self.table is not None:
            from ui.talk_tables import welcome

            welcome(self, out)
            return
        out.print("Ask about what is ingested; :help says what else can be typed.")
        for question in self.assistant.openers():
            out.print(Text(f"  · {terminal.clean(question)}", style="dim"))

    def take(self, line: str, out: Console) -> None:
        """Carry out a `:command`, or answer a question."""
        if not line.startswith(":"):
            self.ask(line, out)
            return
        from ui.talk_runs import COMMANDS as OF_RUNS
        from ui.talk_tables import COMMANDS

        name, _, rest = line[1:].partition(" ")
        if re.fullmatch(r"\d+", name):
            name, rest = "run", name
        if name == "sources":
            terminal.show_sources(out, self.assistant.kb.catalogue.sources())
        elif name == "open":
            self._open(rest.strip(), out)
        elif (command := COMMANDS.get(name) or OF_RUNS.get(name)) is not None:
            command(self, rest.strip(), out)
        else:
            out.print(f"{HELP}\n{HELP_READING}\n{HELP_TABLE}")

    def ask(self, question: str, out: Console, *, link: str | None = None) -> types.Answer:
        """Answer a question, or with `link` run a reading of it, and remember the turn."""
        options = {**self.options, **self._running(link)}
        items = self.assistant.stream(question, history=self.history, **options)
        answer = terminal.show_answer(out, items, origin=terminal.origins(self.assistant.kb), ways=IN_CHAT)
        self.keep(answer)
        return answer

    def _running(self, link: str | None) -> dict[str, Any]:
        """Return the options that run a reading of the latest answer: one over runs takes no table."""
        if link is None:
            return {}
        of_runs = (self.latest.get("reading") or {}).get("route") == "runs"
        return {"dataset": None, "link": link} if of_runs else {"link": link}

    def keep(self, answer: types.Answer) -> None:
        """Remember a turn for the next question, and store it with the conversation."""
        catalogue = self.assistant.kb.catalogue
        self.history = (*self.history, turn(answer))
        self.citations = tuple(claim.passages[0] if claim.passages else None for claim in answer.claims)
        self.latest = answer_json(answer)
        if self.id is None:
            self.id = conversations.start(catalogue, answer.question)
        conversations.append(catalogue, self.id, answer.question, dict(self.latest))

    def run_nearest(self, number: int, out: Console) -> None:
        """Run the nearest reading `number` of the latest answer. Raises BadInput where it was not offered."""
        link = nearest_link(self.latest.get("reading") or {}, number)
        self.ask(self.latest["question"], out, link=link)

    def _open(self, given: str, out: Console) -> None:
        number, _, which = given.partition(" ")
        if not number.isdecimal() or not 0 < int(number) <= len(self.citations):
            known = f"1 to {len(self.citations)}" if self.citations else "none yet"
            out.print(f"There is no claim {number or 'without a number'}; the latest answer has {known}.")
            return
        claim, citation = self.latest["claims"][int(number) - 1], self.citations[int(number) - 1]
        if recorded := [cited for cited in claim["citations"] if cited["kind"] in ("run", "decision")]:
            open_cited(out, self.assistant.kb.catalogue, chosen(recorded, which.strip()))
        elif is_computed(claim):
            show_computation(out, claim, self.latest.get("code") or "")
        else:
            self._open_passage(citation, out)

    def _open_passage(self, citation: Citation | None, out: Console) -> None:
        document = self.assistant.kb.catalogue.document(citation.key) if citation else None
        if citation is None or document is None or not self.assistant.kb.verify(citation):
            out.print("The source changed or was forgotten since; ask again.")
            return
        terminal.show_context(out, document, citation)
