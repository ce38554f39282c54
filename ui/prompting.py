"""The prompt of a conversation: completes commands, real columns and values, and keeps earlier questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory

from kb import conversations
from kb.datasets import is_table

if TYPE_CHECKING:
    from kb.tables import Table
    from ui.talk import Session

COMMANDS = (
    "alias", "code", "columns", "data", "drop", "facts", "help", "open", "quit", "readings", "run", "save", "set",
    "sources", "unalias",
)  # fmt: skip
RECALLED = 5
"""Conversations whose questions the arrow keys bring back."""
MOST_VALUES = 200
"""Values of a column that are completed; a column with more is no list of names."""
LONGEST = 60
PHRASE = 4
"""Words before the cursor that may be the beginning of one name."""


def prompt(session: Session, **more: Any) -> Callable[[], str]:
    """Return what reads a line from the terminal; `more` goes to prompt_toolkit."""
    reader: PromptSession[str] = PromptSession(
        history=history(session),
        completer=ThreadedCompleter(Names(session)),
        complete_while_typing=True,
        auto_suggest=AutoSuggestFromHistory(),
        **more,
    )

    def read() -> str:
        name = session.table.name if session.table is not None else ""
        return reader.prompt(f"\n{name}? ")

    return read


def history(session: Session) -> InMemoryHistory:
    """Return the questions of the latest conversations, for the arrow keys."""
    catalogue = session.assistant.kb.catalogue
    earlier = [
        turn.question
        for conversation in reversed(conversations.recent(catalogue, RECALLED))
        for turn in conversations.turns(catalogue, conversation.id)
    ]
    return InMemoryHistory(earlier)


class Names(Completer):
    """Completes `:commands` with what they take, and in a question the columns and values of the table at hand."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files = PathCompleter(expanduser=True, file_filter=_leads_to_table)
        self._known: tuple[str, tuple[tuple[str, str], ...]] = ("", ())

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        """Yield what the text before the cursor may become."""
        text = document.text_before_cursor.lstrip()
        if not text.startswith(":"):
            yield from self._named(text)
        elif " " not in text:
            yield from _begins(text[1:], [(name, "") for name in COMMANDS], whole=False)
        else:
            command, _, rest = text[1:].partition(" ")
            yield from self._taken(command, rest.lstrip(), event)

    def _taken(self, command: str, rest: str, event: CompleteEvent) -> Iterator[Completion]:
        if command == "data":
            yield from self._files.get_completions(Document(rest, len(rest)), event)
        elif command == "columns" and self._session.table is not None:
            yield from _begins(rest, [(name, "column") for name in self._session.table.columns])
        elif command in ("set", "drop", "open", "run", "readings"):
            yield from _begins(*self._numbered(command, rest))

    def _numbered(self, command: str, rest: str) -> tuple[str, Sequence[tuple[str, str]]]:
        """Return what is being typed, and what it may be: a chip's number or option, a claim, a nearest reading."""
        reading = self._session.latest.get("reading") or {}
        chips = reading.get("chips") or ()
        number, space, value = rest.partition(" ")
        if command == "set" and space and number.isdecimal() and 0 < int(number) <= len(chips):
            return value, [(one["text"], one.get("note", "")) for one in chips[int(number) - 1].get("options") or ()]
        offered = {
            "set": [chip["text"] for chip in chips],
            "drop": [chip["text"] for chip in chips],
            "open": [claim["text"] for claim in self._session.latest.get("claims") or ()],
            "run": [one["words"] for one in reading.get("nearest") or ()],
            "readings": [],
        }[command]
        return rest, [(str(n), text) for n, text in enumerate(offered, 1)]

    def _named(self, text: str) -> Iterator[Completion]:
        """Yield the names that begin with the last words before the cursor, those with more of them first."""
        words = text.split(" ")
        seen = set()
        for count in range(min(PHRASE, len(words)), 0, -1):
            phrase = " ".join(words[-count:]).lstrip("\"'“‘(")
            if len(phrase) < 2:
                continue
            for found in _begins(phrase, self._names()):
                if found.text not in seen:
                    seen.add(found.text)
                    yield found

    def _names(self) -> tuple[tuple[str, str], ...]:
        table = self._session.table
        if table is None:
            return ()
        if self._known[0] != table.fingerprint:
            self._known = (table.fingerprint, tuple(names(table)))
        return self._known[1]


def names(table: Table) -> Iterator[tuple[str, str]]:
    """Yield the columns of a table and the values of its short lists of names, each with what it is."""
    yield from ((name, "column") for name in table.columns)
    frame = table.sample(5_000)
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind not in "OSU" and str(column.dtype) not in ("str", "string", "category"):
            continue
        values = [value for value in column.dropna().unique().tolist() if isinstance(value, str) and value.strip()]
        if len(values) <= MOST_VALUES:
            yield from ((value, name) for value in sorted(values) if len(value) <= LONGEST)


def _begins(typed: str, names: Sequence[tuple[str, str]], *, whole: bool = True) -> Iterator[Completion]:
    """Yield the names that begin as typed, without regard to case; with `whole` not the one typed already."""
    start = typed.casefold()
    for name, said in names:
        if name.casefold().startswith(start) and not (whole and name == typed):
            yield Completion(name, start_position=-len(typed), display_meta=said)


def _leads_to_table(path: str) -> bool:
    return Path(path).is_dir() or is_table(path)
