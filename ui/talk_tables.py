"""What can be typed in a conversation about a table: its columns and facts, and commands that change a reading."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from kb import datasets, readings
from kb.errors import BadInput
from ui.asking import over
from ui.terminal import Hanging, clean, plural
from ui.terminal_profile import first_facts, show_column, show_columns, show_fact, show_facts
from ui.terminal_tables import NUMBER, has_number, show_code, show_options

if TYPE_CHECKING:
    from assistant.dataset.types import Profile
    from kb.tables import Table
    from ui.talk import Session

Json = Mapping[str, Any]


def welcome(session: Session, out: Console) -> None:
    """Say which table is at hand, how it was read, and what can be typed."""
    table = _table(session)
    size = f"{plural(table.rows, 'row')}, {plural(len(table.columns), 'column')}"
    out.print(Text.assemble((clean(table.name), "bold"), f": {size}"))
    for note in table.notes:
        out.print(Hanging("  ", [Text(clean(note), style="dim")]), end="")
    out.print("Ask about it, or see :facts and :columns; :help says what else can be typed.")


def _table(session: Session) -> Table:
    if session.table is None:
        raise BadInput("no table is at hand", hint=":data FILE opens one")
    return session.table


def _profile(session: Session) -> Profile:
    """Return the profile of the table at hand, made once."""
    return session.assistant.profile(_table(session), session.over.target)


# -- the table -----------------------------------------------------------------------------------------------------


def data(session: Session, given: str, out: Console) -> None:
    """Open a table with corrections to how it is read; without a file say which one is at hand."""
    if given:
        try:
            file, *corrections = shlex.split(given)
        except ValueError:  # an odd quote: the name as it stands
            file, corrections = given, []
        session.over = over(file, correct=corrections)
    welcome(session, out)


def columns(session: Session, given: str, out: Console) -> None:
    """Show the columns, or more of the one named."""
    known = _profile(session)
    if not given:
        show_columns(out, known)
        return
    name = _match(given.strip("\"'"), [column.name for column in known.columns])
    if name is None:
        raise BadInput(f"{known.name} has no column {given!r}", hint=":columns lists them")
    show_column(out, known, name)


def facts(session: Session, given: str, out: Console) -> None:
    """Show what to look at first, or more of the fact that is named by its number."""
    known = _profile(session)
    if not given:
        show_facts(out, known)
        return
    shown = first_facts(known)
    if not given.isdecimal() or not 0 < int(given) <= len(shown):
        raise BadInput(f"there is no fact {given!r}", hint=f":facts lists 1 to {len(shown)}")
    show_fact(out, shown[int(given) - 1])


# -- the reading ---------------------------------------------------------------------------------------------------


def change(session: Session, given: str, out: Console) -> None:
    """List what a chip could stand for instead, or put another value in its place."""
    number, _, value = given.partition(" ")
    chip = _chip(session, number)
    if not value.strip():
        show_options(out, int(number), chip)
        return
    link = _option(chip, value.strip())
    if link is not None:
        session.ask(session.latest["question"], out, link=link)
        return
    session.ask(reworded(session.latest["question"], chip, value.strip()), out)


def _option(chip: Json, value: str) -> str | None:
    """Return the link of the option meant: by its text, by `#3`, by its number, or by the beginning of its text."""
    options = chip.get("options") or ()
    texts = [option["text"] for option in options]
    if value.casefold() in (lower := [text.casefold() for text in texts]):
        return str(options[lower.index(value.casefold())]["link"])
    number = value.removeprefix("#")
    is_number = number.isdecimal() and (value.startswith("#") or not has_number(chip))
    if is_number and 0 < int(number) <= len(options):
        return str(options[int(number) - 1]["link"])
    name = _match(value, texts)
    return None if name is None else str(options[texts.index(name)]["link"])


def reworded(question: str, chip: Json, value: str) -> str:
    """Return the question with `value` in place of what a chip was read from: its words, its number, or its value.

    Raises BadInput where none of them stands in the question, or a number stands there twice.
    """
    said, numbers = chip.get("said") or "", NUMBER.findall(chip["text"])
    if len(numbers) == 1 and NUMBER.fullmatch(value):
        same = [found for found in NUMBER.finditer(question) if _plain(found.group()) == _plain(numbers[0])]
        if len(same) == 1:
            return question[: same[0].start()] + value + question[same[0].end() :]
    for words in (said, chip["text"].rpartition(" = ")[2]):
        at = question.casefold().find(words.casefold()) if words else -1
        if at >= 0:
            return question[:at] + value + question[at + len(words) :]
    hint = f"{chip['text']} can be changed to what :set lists; or ask the question in other words"
    raise BadInput(f"{value!r} is none of the options", hint=hint)


def _plain(number: str) -> float:
    return float(number.replace(",", ""))


def drop(session: Session, given: str, out: Console) -> None:
    """Run the reading without a chip."""
    chip = _chip(session, given)
    if not chip.get("drop"):
        raise BadInput(
            f"nothing would be left of the reading without {chip['text']!r}", hint=f":set {given} changes it"
        )
    session.ask(session.latest["question"], out, link=chip["drop"])


def run(session: Session, given: str, out: Console) -> None:
    """Run the reading that waits, or the nearest reading that is named by its number."""
    if given:
        if not given.isdecimal():
            raise BadInput(f"there is no reading {given!r}", hint=":run, or :run N for the nearest reading N")
        session.run_nearest(int(given), out)
        return
    link = (session.latest.get("reading") or {}).get("link")
    if not link:
        raise BadInput("no reading waits", hint="ask a question about a table or runs first")
    session.ask(session.latest["question"], out, link=link)


def _chip(session: Session, number: str) -> Json:
    chips: Sequence[Json] = (session.latest.get("reading") or {}).get("chips") or ()
    if not number.isdecimal() or not 0 < int(number) <= len(chips):
        known = (
            f"the reading has 1 to {len(chips)}" if chips else "the latest answer has no chips; ask its question again"
        )
        raise BadInput(f"there is no chip {number or 'without a number'}", hint=known)
    return chips[int(number) - 1]


def _match(given: str, names: Sequence[str]) -> str | None:
    """Return the one name meant: the same but for case, else the only one that begins so, else a near one."""
    wanted = given.casefold()
    same = [name for name in names if name.casefold() == wanted]
    begins = [name for name in names if name.casefold().startswith(wanted)]
    if same or len(begins) == 1:
        return (same or begins)[0]
    from rapidfuzz import process

    near = process.extractOne(wanted, [name.casefold() for name in names], score_cutoff=85)
    return names[near[2]] if near else None


# -- code and saved readings ---------------------------------------------------------------------------------------


def code(session: Session, given: str, out: Console) -> None:
    """Show the program that gives the latest values."""
    if not session.latest.get("code"):
        raise BadInput("the latest answer has no program", hint="ask a question about the table first")
    show_code(out, session.latest["code"])


def save(session: Session, given: str, out: Console) -> None:
    """Keep the latest reading under a name, with the values that it gave."""
    table, latest = _table(session), session.latest
    if not latest.get("dataset") or latest["result"]["kind"] != "values":
        raise BadInput("the latest answer has no values to save", hint="ask a question about the table first")
    if not session.has_home:
        raise BadInput("there is no home to save it in", hint="`citewise ingest SOURCE` makes one; start again there")
    if not given:
        raise BadInput("a saved reading needs a name", hint=":save NAME")
    saved = readings.save(
        session.assistant.kb.catalogue,
        name=given,
        dataset=_known(session, table),
        question=latest["question"],
        query=latest["reading"]["query"],
        values=latest["result"]["value"],
        fingerprint=table.fingerprint,
    )
    out.print(f"Saved as {clean(saved.name)}; :readings lists what is saved.")


def _known(session: Session, table: Table) -> str:
    """Return the id under which the home knows a table, which it then does."""
    catalogue = session.assistant.kb.catalogue
    known = datasets.add_path(catalogue, table.path)
    if session.over.corrections:
        datasets.correct(catalogue, known.id, session.over.corrections)
    counts = {"rows": table.rows, "columns": len(table.columns)}
    return datasets.opened(catalogue, known.id, fingerprint=table.fingerprint, notes=table.notes, **counts).id


def saved_readings(session: Session, given: str, out: Console) -> None:
    """List the saved readings of the table at hand, or run one of them again and say what changed."""
    found = _saved(session)
    if given:
        _again(session, _named(found, given), out)
        return
    if not found:
        out.print("No reading is saved yet; :save NAME keeps the latest one.")
    for number, one in enumerate(found, 1):
        mark = ("  changed since", "yellow") if one.changes else ""
        out.print(
            Hanging(f"{number:>3}  ", [Text.assemble((clean(one.name), "bold"), f"  {clean(one.question)}", mark)])
        )


def _saved(session: Session) -> Sequence[readings.Saved]:
    table, catalogue = _table(session), session.assistant.kb.catalogue
    ids = [one.id for one in datasets.list_of(catalogue) if one.path == table.path.absolute()]
    return [one for id in ids for one in readings.list_of(catalogue, dataset=id)]


def _named(found: Sequence[readings.Saved], given: str) -> readings.Saved:
    if given.isdecimal() and 0 < int(given) <= len(found):
        return found[int(given) - 1]
    name = _match(given, [one.name for one in found]) if found else None
    if name is None:
        raise BadInput(f"no saved reading is called {given!r}", hint=":readings lists them")
    return next(one for one in found if one.name == name)


def _again(session: Session, saved: readings.Saved, out: Console) -> None:
    from assistant.dataset.wire import link, query_of

    session.ask(saved.question, out, link=link(query_of(dict(saved.query))))
    values = session.latest["result"]["value"]
    if not isinstance(values, dict):
        return
    marked = readings.mark(session.assistant.kb.catalogue, saved.id, values, _table(session).fingerprint)
    out.print()
    if not marked.changes:
        out.print(Text("The same as when it was saved.", style="dim"))
    for one in marked.changes:
        out.print(Text(f"Changed: {clean(one.name)} was {one.before}, is {one.after}", style="yellow"))


COMMANDS: Mapping[str, Callable[[Session, str, Console], None]] = MappingProxyType(
    {
        "data": data,
        "columns": columns,
        "facts": facts,
        "set": change,
        "drop": drop,
        "run": run,
        "code": code,
        "save": save,
        "readings": saved_readings,
    }
)
