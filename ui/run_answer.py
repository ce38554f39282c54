"""What an answer over runs or decisions shows otherwise than one over a table: citations once, notes with a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ui import render
from ui.nodes import Node, button, el

Json = Mapping[str, Any]
REST = "the Experiments page lists all runs"
_COMMAND = "citewise decide"


def once(claims: Sequence[Json]) -> list[Json]:
    """Return claims without the runs that an earlier one cites already; the values are the same."""
    seen: list[Json] = []
    kept: list[Json] = []
    for claim in claims:
        new = [one for one in claim["citations"] if one.get("kind") != "run" or one not in seen]
        seen += new
        kept.append({**claim, "citations": new})
    return kept


def over(given: Json) -> str:
    """Return what the values of an answer were computed from."""
    return "stored values" if given["reading"].get("route") in ("runs", "decisions") else "the table"


def notes(given: Json) -> Iterator[Node]:
    """Yield the notes of an answer over decisions; a command among them can be copied."""
    if given["reading"].get("route") != "decisions":
        return
    for note in given.get("notes", ()):
        before, found, after = str(note).partition(_COMMAND)
        yield el("p", "cw-note", render.stopped(before.strip().removesuffix(":") if found else note))
        if found:
            command = found + after
            copy = button("cw-quiet cw-copy", {"do": "copy", "text": command}, "Copy command")
            yield el("div", "cw-listing", copy, el("pre", "cw-code", el("code", "", command)))
