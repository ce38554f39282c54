"""The tables that a home knows: where each lies, how a person said it is to be read, and what it was when last opened.

A table named by its path stays where it is; an uploaded one is copied to `uploads`. Nothing is read here: that is
`kb.tables`.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kb import schema, uploads
from kb.errors import BadInput
from kb.jobs import home_of
from kb.store import Catalogue

ENDINGS = frozenset({".csv", ".tsv", ".tab", ".psv", ".xlsx", ".xlsm", ".parquet", ".pq", ".jsonl", ".ndjson", ".json"})
PACKED = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})
_ID_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A table that is known; `is_there` tells whether its file still is.

    `corrections` are a person's, for `kb.tables.open_table`. `fingerprint`, `rows`, `columns` and `notes` (how it was
    read, in words) are of the last time it was opened, None and empty before.
    """

    id: str
    name: str
    path: Path
    uploaded: bool
    is_there: bool
    fingerprint: str | None
    corrections: Mapping[str, Any]
    rows: int | None
    columns: int | None
    notes: tuple[str, ...]
    added: float
    opened: float | None


def is_table(name: str) -> bool:
    """Tell by a file's name whether it is a table; `x.csv.gz` is one, `x.zip` is not."""
    stem, ending = os.path.splitext(name.lower())
    return (os.path.splitext(stem)[1] if ending in PACKED else ending) in ENDINGS


def list_of(catalogue: Catalogue) -> tuple[Dataset, ...]:
    """Return the tables known, those last opened or added first."""
    d = schema.datasets
    with catalogue.read() as conn:
        rows = conn.execute(select(d)).mappings().all()
    found = [_dataset(catalogue, row) for row in rows]
    return tuple(sorted(found, key=lambda one: (-max(one.opened or 0, one.added), one.name)))


def get(catalogue: Catalogue, id: str) -> Dataset | None:
    """Return a table by its id, or None."""
    d = schema.datasets
    with catalogue.read() as conn:
        row = conn.execute(select(d).where(d.c.id == id)).mappings().first()
    return None if row is None else _dataset(catalogue, row)


def add_path(catalogue: Catalogue, path: str | Path) -> Dataset:
    """Know the table at `path`, which stays where it is; `~` is expanded. Raises BadInput where no file is there."""
    place = Path(os.path.abspath(os.path.expanduser(path)))
    if place.is_dir():
        raise BadInput(f"{place} is a folder", hint="name one table in it")
    if not place.is_file():
        raise BadInput(f"there is no file {place}", hint="name a table on this machine, or upload it")
    try:
        str(place).encode()
    except UnicodeEncodeError:
        hint = "rename the file, or upload it"
        raise BadInput("the file has a name that is no text in this system's encoding", hint=hint) from None
    return _add(catalogue, place, place.name, uploaded=uploads.is_kept(home_of(catalogue), place))


def add_upload(catalogue: Catalogue, name: str, stream: uploads.Stream) -> Dataset:
    """Copy an uploaded table into the home and know it; the same bytes under the same name are known once.

    Raises BadInput for an empty one and one of more than 1 GB, HomeUnwritable.
    """
    place = uploads.keep(home_of(catalogue), name, stream)
    return _add(catalogue, place, place.name, uploaded=True)


def _add(catalogue: Catalogue, path: Path, name: str, *, uploaded: bool) -> Dataset:
    stored, d = _stored(catalogue, path, uploaded=uploaded), schema.datasets
    id = hashlib.sha256(stored.encode()).hexdigest()[:_ID_DIGITS]
    row = {"id": id, "name": name, "path": stored, "uploaded": int(uploaded), "added": time.time()}
    try:
        with catalogue.write() as conn:
            if not conn.execute(update(d).where(d.c.id == id).values(added=row["added"])).rowcount:
                conn.execute(insert(d).values(**row))
    except IntegrityError:  # another process added it at the same moment
        pass
    return _known(catalogue, id)


def _stored(catalogue: Catalogue, path: Path, *, uploaded: bool) -> str:
    """Return the path as it is kept: a copy's place in the home, so that the home can be moved."""
    return path.relative_to(home_of(catalogue)).as_posix() if uploaded else str(path)


def correct(catalogue: Catalogue, id: str, corrections: Mapping[str, Any]) -> Dataset:
    """Keep how a person says that the table is to be read, in place of what they said before."""
    return _change(catalogue, id, corrections=json.dumps(dict(corrections), ensure_ascii=False))


def opened(
    catalogue: Catalogue, id: str, *, fingerprint: str, rows: int, columns: int, notes: Sequence[str] = ()
) -> Dataset:
    """Keep what the table was when it was opened just now."""
    said = json.dumps(list(notes), ensure_ascii=False)
    return _change(catalogue, id, fingerprint=fingerprint, rows=rows, columns=columns, notes=said, opened=time.time())


def forget(catalogue: Catalogue, id: str) -> None:
    """Forget a table, and remove its copy where it was uploaded; a file named by its path is not touched."""
    dataset = get(catalogue, id)
    if dataset is None:
        return
    with catalogue.write() as conn:
        conn.execute(delete(schema.datasets).where(schema.datasets.c.id == id))
    if dataset.uploaded:
        uploads.remove(home_of(catalogue), dataset.path)


def _change(catalogue: Catalogue, id: str, **values: Any) -> Dataset:
    with catalogue.write() as conn:
        conn.execute(update(schema.datasets).where(schema.datasets.c.id == id).values(**values))
    return _known(catalogue, id)


def _known(catalogue: Catalogue, id: str) -> Dataset:
    dataset = get(catalogue, id)
    if dataset is None:
        raise BadInput(f"there is no dataset {id!r}", hint="it was forgotten; add the table again")
    return dataset


def _dataset(catalogue: Catalogue, row: RowMapping) -> Dataset:
    path = home_of(catalogue) / row["path"] if row["uploaded"] else Path(row["path"])
    return Dataset(
        id=row["id"],
        name=row["name"],
        path=path,
        uploaded=bool(row["uploaded"]),
        is_there=path.is_file(),
        fingerprint=row["fingerprint"],
        corrections=json.loads(row["corrections"]),
        rows=row["rows"],
        columns=row["columns"],
        notes=tuple(json.loads(row["notes"])),
        added=row["added"],
        opened=row["opened"],
    )
