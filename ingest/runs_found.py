"""Where experiment histories lie among what was named: each place is a source, and its files are no documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.sources import PACKAGE, Scan
from ingest.trackers import READERS, Found, detect, mlflow_files
from ingest.trackers.columns import MAPPING
from ingest.trackers.files import version_of
from kb.errors import BadInput
from kb.types import SourceKey

SERVER = "mlflow-server"
FORMAT = "1"  # moves when readers read the same files differently, so that unchanged files are read again


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The runs at one place of a root; of several kinds where folders hold results beside another tracker's runs."""

    key: SourceKey
    parts: tuple[Found, ...]

    @property
    def kind(self) -> str:
        """The kinds of tracker, joined by `+`."""
        return "+".join(dict.fromkeys(part.kind for part in self.parts))

    @property
    def count(self) -> int | None:
        """How many runs there are, where that is known before they are read."""
        counts = [part.count for part in self.parts]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def why(self) -> str:
        """By what the runs were told."""
        return "; ".join(part.why for part in self.parts)

    def version(self) -> str | None:
        """Return what changes when a file changes; None where the runs have to be looked through."""
        versions = [part.version() for part in self.parts]
        if None in versions:
            return None
        beside = [path for part in self.parts for path in part.beside]
        told = [FORMAT, self.kind, *(v for v in versions if v), version_of([*beside, *self._mappings()])]
        return ":".join(told)

    def _mappings(self) -> Iterator[Path]:
        for part in self.parts:
            for folder in (part.path, *part.path.parents):
                yield folder / MAPPING
                if folder == part.root:
                    break


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """What a scan holds besides documents. `whole` is False where it could not be looked through."""

    found: tuple[History, ...] = ()
    whole: bool = True


def local(source: str) -> str:
    """Return the path that the URI of a local store names; anything else as it is."""
    for scheme in ("sqlite:///", "file://", "file:"):
        if source.startswith(scheme):
            return source.removeprefix(scheme)
    return source


def is_history(kind: str) -> bool:
    """Tell whether a stored source of this kind is an experiment history."""
    return kind == SERVER or kind.split("+")[0] in READERS


def histories_in(scan: Scan, kind: str | None = None) -> Histories:
    """Return the histories in what was named; only those of one `kind` where one is given."""
    if scan.root.startswith(PACKAGE):
        return Histories()
    root, parts, whole = Path(scan.root), list[Found](), True
    places = [root / scan.whole] if scan.whole is not None else [root / item.key.source for item in scan.found]
    for place in places:
        try:
            parts += detect(place, root=root)
        except (OSError, BadInput):
            whole = False
    grouped: dict[str, list[Found]] = defaultdict(list)
    for part in parts:
        if kind is None or part.kind == kind:
            grouped[part.source].append(part)
    made = (
        History(key=SourceKey(collection=scan.collection, root=scan.root, source=source), parts=tuple(own))
        for source, own in grouped.items()
    )
    return Histories(found=tuple(made), whole=whole)


def documents_of(scan: Scan, histories: Iterable[History]) -> Scan:
    """Return the scan without the files that trackers wrote."""
    own = _Own([part for history in histories for part in history.parts])
    kept = tuple(item for item in scan.found if not own.has(Path(scan.root) / item.key.source))
    return replace(scan, found=kept, skipped=scan.skipped + len(scan.found) - len(kept))


class _Own:
    """The files and folders that belong to trackers: stores and run folders as a whole, else the files themselves."""

    def __init__(self, parts: Sequence[Found]) -> None:
        self.files: set[Path] = set()
        self.folders: set[Path] = set()
        for part in parts:
            self._add(part)

    def _add(self, part: Found) -> None:
        if part.kind == "mlflow":
            self.folders |= {*mlflow_files.experiments(part.path), part.path / ".trash", part.path / "models"}
        for path in (part.path, *part.members, *part.beside):
            if path.is_file():
                self.files.add(path)
            elif part.kind == "wandb" and "run-" in path.name:
                self.folders.add(path)
            elif part.kind != "mlflow":
                # People's notes may lie in a run's folder too: only what is known to be written by a program is left.
                self.files.add(path / "cout.txt")
                self.folders.add(path / ".hydra")

    def has(self, path: Path) -> bool:
        """Tell whether a file belongs to a tracker."""
        return path in self.files or any(folder in self.folders for folder in path.parents)


def looked_at(key: SourceKey, scans: Sequence[Scan]) -> bool:
    """Tell whether a scan covered the place of a stored history, so that not finding it means it is gone."""
    return any(
        s.whole is not None
        and (key.collection, key.root) == (s.collection, s.root)
        and (s.whole == "" or f"{key.source}/".startswith(s.whole))
        and not any(f.problem and f"{key.source}/".startswith(f"{f.key.source}/") for f in s.found)
        for s in scans
    )


def moved(found: Iterable[History], stored: Mapping[SourceKey, str]) -> tuple[SourceKey, ...]:
    """Return stored histories that now stand under another root: the same place, found from a folder further out."""
    places = {(h.key.collection, _place(h.key)): h.key for h in found}
    return tuple(
        key
        for key, kind in stored.items()
        if is_history(kind) and (new := places.get((key.collection, _place(key)))) is not None and new != key
    )


def _place(key: SourceKey) -> Path:
    root = Path(key.root)
    return root if key.source == "." else root / key.source
