"""What a person adds in the library: uploads and names, told apart into documents to ingest and tables to know."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingest import worker
from ingest.detect import SUPPORTED, detect_kind
from ingest.sources import PACKAGE
from ingest.trackers import address, is_server
from ingest.worker import Batch
from kb import datasets, uploads
from kb.datasets import Dataset
from kb.errors import BadInput
from kb.jobs import Job, home_of
from kb.store import Catalogue
from ui.render import counted

_HEAD = 8192
_QUOTES = "\"'"


class Upload(Protocol):
    """An uploaded file, as Streamlit hands it over."""

    @property
    def name(self) -> str:
        """The name that the file had."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to an offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Names told apart: `sources` (absolute) to ingest, `tables` to know."""

    sources: tuple[str, ...]
    tables: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What adding came to: the job that reads the documents (None without any), the tables, and what was refused."""

    job: Job | None
    tables: tuple[Dataset, ...]
    refused: tuple[str, ...]


def named(text: str) -> Named:
    """Tell apart what a person typed, one name a line: files, folders, globs and `package:NAME`.

    `~` stands for the home folder, other names are relative to the working folder. A folder is ingested, tables in
    it are left where they are. Raises BadInput for what is not there.
    """
    sources: list[str] = []
    tables: list[Path] = []
    for line in filter(None, map(_cleaned, text.splitlines())):
        for place in _places(line):
            if place.startswith(PACKAGE) or is_server(place) or os.path.isdir(place) or not datasets.is_table(place):
                sources.append(place)
            else:
                tables.append(Path(place))
    return Named(sources=tuple(dict.fromkeys(sources)), tables=tuple(dict.fromkeys(tables)))


def _cleaned(line: str) -> str:
    """Return a line without the quotes that come with a pasted path."""
    bare = line.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in _QUOTES:
        bare = bare[1:-1].strip()
    return bare


def _places(line: str) -> list[str]:
    if line.startswith(PACKAGE):
        return [line]
    if is_server(line):
        return [address(line)]  # what is typed may hold a password, and a job is stored
    path = os.path.abspath(os.path.expanduser(line))
    if os.path.lexists(path):
        return [path]
    found = sorted(glob.glob(path, recursive=True))
    if not found:
        hint = f"names are relative to {os.getcwd()}; name a file, a folder, a glob, or package:NAME"
        raise BadInput(f"there is nothing at {line!r}", hint=hint)
    kept = [one for one in found if os.path.isdir(one) or datasets.is_table(one) or _is_document(one)]
    if not kept:
        raise BadInput(f"{line!r} fits no document and no table", hint=f"kinds are: {', '.join(sorted(SUPPORTED))}")
    return kept


def _is_document(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return detect_kind(os.path.basename(path), file.read(_HEAD)) is not None
    except OSError:
        return True  # ingested, so that its reason stands in the list


def add(catalogue: Catalogue, files: Sequence[Upload], names: Named, *, collection: str = "default") -> Added:
    """Keep uploads, know tables, and begin to ingest documents in a job.

    Raises BadInput where there is nothing to add or an upload is too large, HomeUnwritable.
    """
    if not files and not names.sources and not names.tables:
        raise BadInput("nothing was chosen", hint="choose files, or name what lies on this machine")
    known, sources, refused = [], list(names.sources), []
    for file in files:
        if datasets.is_table(file.name):
            known.append(datasets.add_upload(catalogue, file.name, file))
        elif _kind(file) is not None:
            sources.append(str(uploads.keep(home_of(catalogue), file.name, file)))
        else:
            refused.append(file.name)
    known += [datasets.add_path(catalogue, path) for path in names.tables]
    job = None
    if sources:
        batch = Batch(sources=tuple(sources), collection=collection.strip() or "default")
        job = worker.start(catalogue, [batch], title=titled(sources))
    return Added(job=job, tables=tuple(known), refused=tuple(refused))


def _kind(file: Upload) -> str | None:
    head = file.read(_HEAD)
    file.seek(0)
    return detect_kind(file.name, head)


def titled(sources: Iterable[str]) -> str:
    """Return what a job that ingests `sources` is called."""
    names = [_short(source) for source in sources]
    return names[0] if len(names) == 1 else f"{names[0]} and {counted(len(names) - 1, 'more source')}"


def _short(source: str) -> str:
    if source.startswith(PACKAGE) or is_server(source):
        return source
    return f"{os.path.basename(source)}{'/' * os.path.isdir(source)}"
