"""What can be typed in a conversation about runs: the words that a team always takes for a logged name."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from kb import aliases
from kb.errors import BadInput
from ui.terminal import Hanging, clean

if TYPE_CHECKING:
    from kb.store import Catalogue
    from ui.talk import Session

Json = Mapping[str, Any]


def chosen(citations: Sequence[Json], which: str) -> Json:
    """Return the citation of a number, by default the first. Raises BadInput where there is none of it."""
    if not which:
        return citations[0]
    if not which.isdecimal() or not 0 < int(which) <= len(citations):
        raise BadInput(f"there is no citation {which!r}", hint=f"the claim has 1 to {len(citations)}")
    return citations[int(which) - 1]


def alias(session: Session, given: str, out: Console) -> None:
    """Have a word always stand for a logged name, or list what was said so."""
    catalogue = session.assistant.kb.catalogue
    if not given:
        _list(catalogue, out)
        return
    try:
        word, *rest = shlex.split(given)
    except ValueError:  # an odd quote: the words as they stand
        word, *rest = given.split()
    if not rest:
        raise BadInput("an alias takes a word and a logged name", hint=":alias auc val_auc")
    made = aliases.choose(catalogue, word, known_name(catalogue, " ".join(rest)), by=author())
    out.print(Text(clean(f"From now on “{made.word}” is {made.meaning}; :unalias {made.word} takes it back.")))


def author() -> str | None:
    """Return who sits here, None where the system does not tell."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def known_name(catalogue: Catalogue, name: str) -> str:
    """Return a logged name as it was logged. Raises BadInput with the nearest where there is none."""
    from rapidfuzz import process

    from kb.run_query import vocabulary

    names = {logged.name.casefold(): logged.name for logged in vocabulary(catalogue).logged}
    if name.casefold() in names:
        return names[name.casefold()]
    near = [names[one[0]] for one in process.extract(name.casefold(), list(names), limit=3, score_cutoff=50)]
    said = f"nearest: {', '.join(near)}" if near else "`citewise runs` lists what was logged"
    raise BadInput(f"nothing was logged as {name!r}", hint=said)


def unalias(session: Session, given: str, out: Console) -> None:
    """Take an alias back."""
    if not aliases.remove(session.assistant.kb.catalogue, given):
        raise BadInput(f"there is no alias {given!r}", hint=":alias lists them")
    out.print(Text(clean(f"“{given}” has no fixed meaning any more.")))


def _list(catalogue: Catalogue, out: Console) -> None:
    found = aliases.listed(catalogue)
    if not found:
        out.print("No word has a fixed meaning yet; :alias auc val_auc gives it one.")
    for one in found:
        by = f"  by {clean(one.by)}" if one.by else ""
        out.print(Hanging("  ", [Text.assemble(f"{clean(one.word)} = {clean(one.meaning)}", (by, "dim"))]), end="")


COMMANDS: Mapping[str, Callable[[Session, str, Console], None]] = MappingProxyType({"alias": alias, "unalias": unalias})
