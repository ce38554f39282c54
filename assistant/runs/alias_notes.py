"""Readings that rest on a team's own word say so on the piece that does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assistant.runs.types import RunChip, RunReading
from kb.aliases import key_of

NOTE = "as your team always takes it"


def cited(read: RunReading, aliases: Mapping[str, str]) -> RunReading:
    """Return a reading with the note of the alias on each piece that was read by one."""
    return replace(read, chips=tuple(_cited(chip, aliases) for chip in read.chips)) if aliases else read


def _cited(chip: RunChip, aliases: Mapping[str, str]) -> RunChip:
    meant = aliases.get(key_of(chip.said)) if chip.said else None
    if meant is None or meant.lower() != chip.text.lower():
        return chip
    return replace(chip, note=", ".join(part for part in (chip.note, NOTE) if part), sure=True)
