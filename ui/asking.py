"""What a question is asked over: a table with its target, constraints and wanted values, from options or a line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kb.errors import BadInput
from ui.batches import Line, question_of
from ui.opening import corrections_of, open_dataset
from ui.running import note

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from kb.filters import Filters
    from kb.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """A table, how a person said it is to be read, and what is demanded of the answer; no table: ask the documents."""

    table: Table | None = None
    corrections: Mapping[str, Any] = field(default_factory=dict)
    target: str | None = None
    constraints: str = ""
    format: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """The assistant's options; none where there is no table."""
        if self.table is None:
            return {}
        wanted = {"constraints": self.constraints, "format": self.format}
        return {"dataset": self.table, "target": self.target, **wanted}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which reading to run instead of asking back: the one that waits, or the nearest one number `nearest`."""

    anyway: bool = False
    nearest: int | None = None


def need_dataset(dataset: object, options: Mapping[str, object]) -> None:
    """Refuse options that say something about a table where none is named."""
    for name, value in options.items():
        if value is not None and dataset is None:
            raise typer.BadParameter(f"{name} says something about a table: name it with --dataset FILE")


def over(
    dataset: str | None,
    *,
    target: str | None = None,
    correct: Sequence[str] | None = None,
    constraints: str | None = None,
    format: str | None = None,
) -> Over:
    """Open the table that the options name. Raises what opening it raises, and BadInput for an unknown target."""
    if dataset is None:
        return Over()
    corrections = corrections_of(correct)
    table = open_dataset(dataset, corrections)
    check_target(table, target)
    wanted = {"constraints": constraints or "", "format": format or ""}
    return Over(table=table, corrections=corrections, target=target, **wanted)


def say_notes(over: Over) -> None:
    """Say on standard error how the table was read: what was detected, mended or left out."""
    if over.table is not None:
        for said in over.table.notes:
            note(f"{over.table.name}: {said}")


def check_target(table: Table, target: str | None) -> None:
    """Raise BadInput where `target` is no column of the table."""
    if target is not None and target not in table.columns:
        near = difflib.get_close_matches(target, table.columns, n=3, cutoff=0.5) or table.columns[:8]
        raise BadInput(f"{table.name} has no column {target!r}", hint=f"its columns: {', '.join(near)}")


# -- running a reading that waits ----------------------------------------------------------------------------------


def chosen(assistant: Assistant, asked: str, over: Over, choice: Choice, filters: Filters) -> dict[str, Any]:
    """Return the option that runs the reading chosen; none where the question runs as it is.

    Raises BadInput where there is no such nearest reading.
    """
    if not (choice.anyway or choice.nearest):
        return {}
    from assistant.wire import answer_json

    reading = answer_json(assistant.ask(asked, **over.options, filters=filters))["reading"]
    link = reading.get("link") if choice.nearest is None else nearest_link(reading, choice.nearest)
    return {"link": link} if link else {}


def nearest_link(reading: Mapping[str, Any], number: int) -> str:
    """Return the link of the nearest reading `number`. Raises BadInput where it was not offered."""
    offered = reading.get("nearest") or ()
    if not 0 < number <= len(offered):
        known = f"1 to {len(offered)} were offered" if offered else "none was offered"
        raise BadInput(f"there is no nearest reading {number}", hint=f"{known} for this question")
    return str(offered[number - 1]["link"])


# -- batches -------------------------------------------------------------------------------------------------------

FIELDS = ("dataset", "target", "constraints", "format")


def mentions_dataset(batch: Path, dataset: str | None) -> bool:
    """Tell whether a batch may ask about tables, so that no home is needed; standard input always may."""
    if dataset is not None or str(batch) == "-":
        return True
    try:
        with batch.open(encoding="utf-8-sig", errors="replace") as file:
            return any('"dataset"' in line for line in file)
    except OSError:
        return False


def line_answers(
    assistant: Assistant,
    batch: Path,
    defaults: Mapping[str, str | None],
    correct: Sequence[str] | None,
    filters: Filters,
) -> Callable[[Line], Line]:
    """Return what answers a batch line, over its own dataset or the default one; each table is opened once."""
    from assistant.tables import OpenTables
    from assistant.wire import answer_json

    opened, corrections = OpenTables(opener=_checked_open), corrections_of(correct)

    def answer(line: Line) -> Line:
        question = question_of(line)
        wanted = {name: _text(line, name) or defaults[name] for name in FIELDS}
        options: dict[str, Any] = {}
        if (file := wanted["dataset"]) is not None:
            table = opened.get(_placed(file, batch), corrections or None)
            check_target(table, wanted["target"])
            options = Over(
                table=table,
                target=wanted["target"],
                constraints=wanted["constraints"] or "",
                format=wanted["format"] or "",
            ).options
        return answer_json(assistant.ask(question, **options, filters=filters))

    return answer


def _checked_open(path: Path, *, corrections: Mapping[str, Any] | None = None) -> Table:
    return open_dataset(str(path), corrections)


def _text(line: Mapping[str, Any], name: str) -> str | None:
    value = line.get(name)
    if value is not None and not isinstance(value, str):
        raise BadInput(f"`{name}` of the line is no text, got {value!r}", hint=f'write {{"{name}": "…"}}')
    return value or None


def _placed(file: str, batch: Path) -> str:
    """Return where a line's table lies: as named from the working folder, else beside the batch file."""
    path = Path(file).expanduser()
    beside = batch.parent / path
    return str(beside if not path.exists() and beside.exists() else path)


def folder_of_tables(data: Path | None) -> Path | None:
    """Return the folder of tables. Raises BadInput where it is none."""
    if data is not None and not data.is_dir():
        raise BadInput(
            f"there is no folder {str(data)!r}", hint="name the folder that holds the tables with --data DIR"
        )
    return data
