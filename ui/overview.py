"""What `citewise` says without a command: what is known here, what could be ingested, and which tables can be asked."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.errors import HomeNotFound
from ui.opening import tables_in
from ui.running import asking, emit

if TYPE_CHECKING:
    import typer

    from kb.knowledge import KnowledgeBase

SHOWN = 5
OPENER = "what should I look at first?"
"""A question that every table answers."""


def overview(ctx: typer.Context) -> None:
    """Say what is known, or in a folder without a home what could be ingested; and which tables lie here."""
    try:
        with asking(ctx) as (kb, assistant):
            _say_known(kb, assistant.openers(), ctx.obj.as_json)
    except HomeNotFound:
        if _say_possible(ctx.obj.as_json):
            from ui.ingesting import ingest_here

            ingest_here(ctx)


def _say_known(kb: KnowledgeBase, questions: Sequence[str], as_json: bool) -> None:
    sources, tables = kb.catalogue.sources(), table_names(Path.cwd())
    kinds = _counts([source.kind for source in sources])
    if as_json:
        states = _counts([source.state.value for source in sources])
        known = {"home": str(kb.home), "sources": len(sources), "chunks": kb.catalogue.count("chunks")}
        emit({**known, "kinds": kinds, "states": states, "suggestions": list(questions), **tables_json(tables)})
        return
    from ui import terminal

    out = terminal.console()
    if not sources:
        out.print("Nothing is ingested yet. Start with: citewise ingest FOLDER", soft_wrap=True)
        _print_tables(tables)
        return
    out.print(f"Known: {terminal.counted(sources)}")
    out.print(f"Kinds: {', '.join(f'{n:,} {kind}' for kind, n in kinds.items())}")
    out.print("Ask, for example:")
    for question in questions:
        out.print(f"  citewise ask {json.dumps(question, ensure_ascii=False)}", soft_wrap=True)
    _print_tables(tables)
    out.print("More: citewise chat, citewise ui, citewise --help")


def _print_tables(names: Sequence[str]) -> None:
    from ui.terminal import clean

    if names:
        print(clean(tables_text(names)))


def _say_possible(as_json: bool) -> bool:
    """Say what could be ingested here; return whether a person at the terminal wants it."""
    from ui.first_contact import here as looked_at

    here = Path.cwd()
    possible, tables = looked_at(here), table_names(here)
    found = bool(possible.documents or possible.histories)
    hint = "citewise ingest ." if found else ask_command(tables[0]) if tables else "citewise demo"
    if as_json:
        emit({"home": None, **possible.json(), "suggestion": hint, **tables_json(tables)})
        return False
    if found:
        from ui.terminal import clean

        print(clean(f"No knowledge base here yet. {possible.words()}; ingest?\n  {hint}"))
    elif not tables:
        print(f"No knowledge base here yet, and no documents to ingest. See one at work:\n  {hint}")
    _print_tables(tables)
    return found and _wanted()


def _wanted() -> bool:
    from ui.terminal import is_interactive

    if not is_interactive():
        return False
    import typer

    return typer.confirm("Ingest it now?", err=True, default=True)


def _counts(names: Sequence[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


# -- tables --------------------------------------------------------------------------------------------------------


def table_names(folder: Path) -> list[str]:
    """Return the table files in `folder` and right below it, as they are named from there."""
    return [path.relative_to(folder).as_posix() for path in tables_in(folder)]


def tables_json(names: Sequence[str]) -> dict[str, Any]:
    """Return what `citewise --json` says of the tables here; nothing where there are none."""
    return {"tables": list(names), "ask": ask_command(names[0])} if names else {}


def ask_command(name: str) -> str:
    """Return the command that asks a first question about a table."""
    return f"citewise ask {json.dumps(OPENER)} --dataset {shlex.quote(name)}"


def tables_text(names: Sequence[str]) -> str:
    """Return which tables are here and how one is asked about; "" where there are none."""
    if not names:
        return ""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    noun = "table" if len(names) == 1 else "tables"
    listed = f"{len(names):,} {noun} here: {', '.join(names[:SHOWN])}{more}. Ask about one:"
    return f"{listed}\n  {ask_command(names[0])}\n  citewise chat --dataset {shlex.quote(names[0])}"
