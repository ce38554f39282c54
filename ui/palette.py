"""What the palette of Ctrl+K offers: a list of providers, each a function from what is at hand to items.

An item is what `assets/palette.js` shows and the event that choosing it sends; later rooms add providers of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from assistant.dataset.steps import Col, Compare, Const, Expr, Filter, Measure, Query
from assistant.dataset.types import ColumnProfile, Profile
from kb.types import SourceInfo
from ui.dataset_panel import SavedReading

MOST = 400
"""Items of one provider: more would weigh on every page that is drawn."""
_BY_VALUE = frozenset({"category", "ordinal", "boolean"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of the palette: a kind, a text, a note and an event."""

    kind: str
    text: str
    event: Mapping[str, Any]
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the item as JSON."""
        return {"kind": self.kind, "text": self.text, "note": self.note, "event": dict(self.event)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """What the page has: the open table's profile, saved readings, known tables (id, name), sources, and runs."""

    profile: Profile | None = None
    saved: Sequence[SavedReading] = ()
    tables: Sequence[tuple[str, str]] = ()
    sources: Sequence[SourceInfo] = ()
    runs: Sequence[Item] = ()
    table_is_open: bool = False
    commands: Sequence[Item] = field(default_factory=tuple)


def items(hand: AtHand) -> list[dict[str, Any]]:
    """Return all items, commands first."""
    return [item.plain() for provide in PROVIDERS for item in islice(provide(hand), MOST)]


def _commands(hand: AtHand) -> Iterator[Item]:
    yield Item(kind="command", text="New chat", event={"do": "new-chat"})
    yield Item(kind="command", text="Open a table …", event={"do": "open-table"})
    if hand.table_is_open:
        yield Item(kind="command", text="Correct how the file was read …", event={"do": "correct"})
        yield Item(kind="command", text="Close the table", event={"do": "close-table"})
    yield Item(kind="command", text="Open the experiments", event={"do": "go", "to": "experiments"})
    yield Item(kind="command", text="Open the library", event={"do": "go", "to": "library"})
    yield Item(kind="command", text="Open the chat", event={"do": "go", "to": "chat"})
    yield from hand.commands


def _columns(hand: AtHand) -> Iterator[Item]:
    for one in hand.profile.columns if hand.profile else ():
        note = f"{one.kind}, {one.unique:,} different"
        yield Item(kind="column", text=one.name, note=note, event={"do": "column", "column": one.name})


def _values(hand: AtHand) -> Iterator[Item]:
    for one in hand.profile.columns if hand.profile else ():
        for text, count in one.bars if one.kind in _BY_VALUE else ():
            event = {"do": "rows-with", "column": one.name, "value": text}
            yield Item(kind="value", text=text, note=f"{one.name}, {count:,} rows", event=event)


def _saved(hand: AtHand) -> Iterator[Item]:
    for one in hand.saved:
        yield Item(kind="saved reading", text=one.name, note=one.words, event={"do": "run-saved", "id": one.id})


def _tables(hand: AtHand) -> Iterator[Item]:
    for id, name in hand.tables:
        yield Item(kind="table", text=name, event={"do": "open-dataset", "id": id})


def _sources(hand: AtHand) -> Iterator[Item]:
    for source in hand.sources:
        key = source.key
        event = {"do": "open", "collection": key.collection, "root": key.root, "source": key.source}
        note = source.title if source.title != key.source else ""
        yield Item(kind="source", text=key.source, note=note, event={**event, "start": 0, "end": 0, "quote": ""})


def _runs(hand: AtHand) -> Iterator[Item]:
    yield from hand.runs


PROVIDERS: list[Callable[[AtHand], Iterable[Item]]] = [_commands, _columns, _values, _saved, _tables, _runs, _sources]


# -- readings that a click stands for --------------------------------------------------------------------------------


def describe(one: ColumnProfile) -> Query:
    """Return the reading that describes a column: its figures, or its values with their counts, and a plot."""
    column = (Col(one.name),)
    if one.kind == "number":
        return _measured(column, "count missing mean median std min max", "histogram")
    if one.kind == "date":
        return _measured(column, "count missing min max")
    return _measured(column, "count missing unique counts", "bars" if one.unique <= 50 else "")


def _measured(column: tuple[Expr, ...], names: str, plot: str = "") -> Query:
    steps = tuple(Measure(label=name, function=name, columns=column) for name in names.split())
    return Query(steps=steps, plot=plot)


def rows_with(column: ColumnProfile, value: str) -> Query:
    """Return the reading that counts the rows with a value in a column."""
    where = Compare("eq", Col(column.name), Const(_typed(column, value)))
    return Query(steps=(Filter(where), Measure(label="rows", function="rows")))


def _typed(column: ColumnProfile, text: str) -> str | float | bool:
    if column.dtype == "bool":
        return text.lower() == "true"
    if column.dtype.lower().startswith(("int", "float")):
        try:
            return float(text)
        except ValueError:
            return text
    return text
