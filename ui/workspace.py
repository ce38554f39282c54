"""Finds the home and opens what the faces need: shared by the command line and the app.

Nothing heavy is imported before it is used, so that `citewise --help` and a search from a cold start stay quick.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.build import WarmingEmbedder, make_embedder, make_reranker, open_knowledge_base
from kb.errors import BadInput, HomeNotFound, HomeUnwritable

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from kb.knowledge import KnowledgeBase
    from kb.settings import Settings

__all__ = [
    "WarmingEmbedder",
    "find_home",
    "in_debug",
    "make_embedder",
    "make_home",
    "make_reranker",
    "nearest_home",
    "open_assistant",
    "open_knowledge_base",
]

HOME = ".citewise"
CATALOGUE = "catalogue.db"


def find_home(named: Path | None = None, *, start: Path | None = None) -> Path:
    """Return the home: the one named, or the nearest `.citewise` from the working folder upwards.

    Raises HomeNotFound, and BadInput for a named folder that is no home.
    """
    if named is not None:
        home = named.expanduser().absolute()
        if not (home / CATALOGUE).is_file():
            hint = f"make one there with `citewise --home {named} ingest SOURCE`, or name another folder"
            raise BadInput(f"there is no knowledge base in {home}", hint=hint)
        return home
    found = nearest_home(start)
    if found is None:
        raise HomeNotFound(_folder(start))
    return found


def nearest_home(start: Path | None = None) -> Path | None:
    """Return the nearest `.citewise` folder from `start` (the working folder) upwards, or None."""
    folder = _folder(start)
    return next((place / HOME for place in (folder, *folder.parents) if (place / HOME).is_dir()), None)


def make_home(named: Path | None = None, *, start: Path | None = None) -> Path:
    """Return the home as `find_home` does, but make one in the working folder (or as named) where there is none.

    Raises HomeUnwritable.
    """
    home = named.expanduser().absolute() if named is not None else nearest_home(start) or _folder(start) / HOME
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeUnwritable(home, error.strerror or str(error)) from error
    return home


def _folder(start: Path | None) -> Path:
    try:
        return (start or Path.cwd()).absolute()
    except FileNotFoundError as error:
        raise BadInput("the working folder no longer exists", hint="change to a folder that does") from error


def open_assistant(kb: KnowledgeBase, settings: Settings) -> Assistant:
    """Return the assistant that answers from `kb` as `settings` say."""
    from assistant.assistant import Assistant

    return Assistant(kb=kb, max_claims=settings.max_claims, abstain_below=settings.abstain_below)


def in_debug() -> bool:
    """Tell whether the person wants tracebacks (`CITEWISE_DEBUG`)."""
    return os.environ.get("CITEWISE_DEBUG", "") not in ("", "0")
