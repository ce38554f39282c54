"""Table files as the command line names them: what lies in a folder, and corrections to how a file is read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.errors import BadInput

if TYPE_CHECKING:
    from kb.tables import Table

JSON = ".json"
"""Far more of these are settings than tables."""
MOST = 200
"""Tables counted in a folder."""
SPELLED = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_FIELDS = ("delimiter", "quote", "decimal", "thousands")


def corrections_of(given: Sequence[str] | None) -> dict[str, Any]:
    """Return corrections from `name=value` texts: `delimiter=;`, `header=no`, `missing=?,-`, `types.age=number`.

    Raises BadInput for one that is not of that form.
    """
    made: dict[str, Any] = {}
    for text in given or ():
        name, value = _correction(text)
        field, dot, column = name.partition(".")
        if not dot:
            made[name] = value
        else:
            made[field] = {**made.get(field, {}), column: value}
    return made


def _correction(text: str) -> tuple[str, Any]:
    name, mark, value = text.partition("=")
    name = name.strip()
    if not mark or not name:
        hint = "for example 'delimiter=;', decimal=, encoding=cp1252 header=no types.age=number"
        raise BadInput(f"a correction is NAME=VALUE, got {text!r}", hint=hint)
    return name, _value(name, value)


def _value(name: str, text: str) -> Any:
    plain = text.strip()
    if name in _FIELDS:
        return SPELLED.get(plain.lower(), text)
    if plain.lower() in ("yes", "true", "no", "false") and name == "header":
        return plain.lower() in ("yes", "true")
    if name == "missing" and not plain.startswith("["):
        return tuple(part.strip() for part in text.split(","))
    if name == "skip" and plain.isdecimal():
        return int(plain)
    if plain[:1] in ("[", "{"):
        return _json(name, plain)
    return plain


def _json(name: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        hint = 'for example missing=["?", "-"], or by column types.age=number and dates.day=%d.%m.%Y'
        raise BadInput(f"the correction {name!r} is no JSON: {error}", hint=hint) from error
    return tuple(value) if isinstance(value, list) else value


def open_dataset(file: str, corrections: Mapping[str, Any] | None = None) -> Table:
    """Open a table file. Raises BadInput where there is none, TableUnreadable where it cannot be read as one."""
    path = Path(file).expanduser()
    if not path.exists():
        raise BadInput(f"there is no file {file!r}", hint=_near(path))
    from kb.tables import open_table  # here, for it takes pandas with it

    return open_table(path, corrections=dict(corrections) if corrections else None)


def _near(path: Path) -> str:
    import difflib

    folder = path.parent
    names = [str(found) for found in tables_in(folder)] if folder.is_dir() else []
    near = difflib.get_close_matches(str(path), names, n=3, cutoff=0.5) or names[:3]
    return f"tables near it: {', '.join(near)}" if near else "name a CSV, TSV, Parquet, Excel or JSON lines file"


def tables_in(folder: Path) -> tuple[Path, ...]:
    """Return the table files in a folder and in the folders right below it, at most `MOST`, those nearest first."""
    found = [path for _, path in zip(range(MOST), _tables(folder), strict=False)]
    return tuple(found)


def _tables(folder: Path) -> Iterator[Path]:
    from ingest.detect import IGNORED_DIRS
    from kb.datasets import is_table

    files, below = _listed(folder)
    yield from (path for path in files if is_table(path.name) and path.suffix != JSON)
    for inner in below:
        if inner.name not in IGNORED_DIRS and not inner.name.startswith("."):
            yield from (path for path in _listed(inner)[0] if is_table(path.name) and path.suffix != JSON)


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    try:
        with os.scandir(folder) as entries:
            items = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return [], []
    files = [folder / entry.name for entry in items if entry.is_file()]
    return files, [folder / entry.name for entry in items if entry.is_dir(follow_symlinks=False)]
