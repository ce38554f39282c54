"""Which runs lie in a folder, a file or a database URI: found by what the files hold, before any run is read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ingest.detect import IGNORED_DIRS
from ingest.trackers import (
    access,
    columns,
    dvc,
    folders,
    mlflow_files,
    mlflow_rest,
    plain,
    steps,
    store,
    tables,
    tensorboard,
    wandb,
)
from ingest.trackers.database import Database, is_sqlite
from ingest.trackers.files import Unreadable, as_text
from ingest.trackers.folder import Folder, listed
from ingest.trackers.found import EVERYTHING, Found, Options
from ingest.trackers.mlflow_sql import is_mlflow
from ingest.trackers.optuna_sql import is_optuna
from ingest.trackers.rows import SUFFIXES
from kb.errors import BadInput

_DATABASES = frozenset({".db", ".db3", ".sqlite", ".sqlite3"})
_JOURNALS = frozenset({".log", ".journal", ".jsonl", ".txt"})
_MARKS = ("license", "licence", "pyproject.toml", "setup.py", "setup.cfg", "dvc.yaml", "requirements", "environment.y")
_STORES = {"mlflow-postgres": (is_mlflow, "runs"), "optuna-postgres": (is_optuna, "trials")}
_MAX_TABLE = 50 * 2**20
_MAX_DEPTH = 30


def detect(path: Path | str, *, root: Path | None = None, options: Options = EVERYTHING) -> list[Found]:
    """Return the runs that lie at `path`: a folder, a file, or the URI of a database, a file store or a server.

    Sources and ids are relative to `root`, by default the folder itself; of servers the source is their address, and
    `options` say what of them is wanted. Raises BadInput where nothing is there, LoadFailed for a server that does
    not answer as it should.
    """
    if is_server(str(path)):
        is_http = str(path).lower().startswith("http")
        return [mlflow_rest.found_at(str(path), options)] if is_http else store.found_at(str(path), _STORES, options)
    path = _local(str(path))
    if not path.exists():
        raise BadInput(f"there is nothing at {str(path)!r}", hint="name a folder, a file, or sqlite:///PATH")
    path = path.resolve()
    root = root.resolve() if root is not None else path if path.is_dir() else path.parent
    walk = _Walk(root)
    if path.is_dir():
        walk.folder(path, 0)
    else:
        walk.file(path)
    return _settled(walk)


def is_server(source: str) -> bool:
    """Tell whether a source is the address of a tracking server or of a database on a server."""
    return re.match(rf"(?:https?|(?:{'|'.join(store.SCHEMES)})(?:\+\w+)?)://", source, re.IGNORECASE) is not None


def address(source: str) -> str:
    """Return a server's address without credentials, as it is kept and shown. Raises BadInput."""
    try:
        return access.plain(source) if source.lower().startswith("http") else store.shown(source)
    except Unreadable as error:
        raise BadInput(str(error), hint="name http://HOST:PORT or postgresql://USER@HOST/DATABASE") from error


def _local(uri: str) -> Path:
    """Return the path that a URI of a local store names."""
    for scheme in ("sqlite:///", "file://", "file:"):
        if uri.startswith(scheme):
            return Path(uri.removeprefix(scheme))
    if "://" in uri:
        hint = "name sqlite:///PATH, postgresql://USER@HOST/DATABASE, or an MLflow server as http://HOST:PORT"
        raise BadInput(f"{uri.split('://')[0]}:// is nothing that runs are read from", hint=hint)
    return Path(uri).expanduser()


class _Walk:
    """A walk through a folder that gathers what it finds; run folders of one kind side by side go together."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stores: list[Found] = []
        # The members are keys, to be found at once in folders of many thousand runs.
        self.groups: dict[tuple[str, Path], dict[Path, None]] = defaultdict(dict)
        self.why: dict[str, str] = {"wandb": "W&B run folders", "folder": "settings beside metrics"}
        self.loose: list[Path] = []
        self.projects: set[Path] = set()
        self.nested: set[Path] = set()
        self.taken: set[Path] = set()

    def folder(self, path: Path, depth: int) -> None:
        """Look at a folder and, where it is not claimed as a whole, at those below."""
        here = listed(path, self.root)
        if any(name.lower().startswith(_MARKS) for name in here.files) or ".git" in here.folders:
            self.projects.add(path)
        if wandb.is_run_folder(path, here.files, here.folders):
            self._member("wandb", path, self.why["wandb"])
            return
        claimed = self._mlflow(here)
        if claimed is None:
            return
        try:
            claimed |= self._run_folder(here)
        except (Unreadable, OSError, ValueError) as error:
            self._store("unreadable", path, f"its files cannot be looked at: {error}", 0)
        for name in here.folders:
            skipped = name in IGNORED_DIRS or name.startswith(".") or name in claimed
            if not skipped and depth < _MAX_DEPTH:
                self.folder(path / name, depth + 1)

    def _mlflow(self, here: Folder) -> set[str] | None:
        """Add a file store; return the folders it claims, None where the folder is one of its experiments or runs."""
        path = here.path
        if here.has("meta.yaml") and (mlflow_files.is_experiment(path) or mlflow_files.is_experiment(path.parent)):
            count = len(mlflow_files.run_folders(path)) if mlflow_files.is_experiment(path) else 1
            self._store("mlflow", path, "an MLflow experiment's meta.yaml", count)
            return None
        stored = [name for name in here.folders if mlflow_files.is_experiment(path / name)]
        if not stored and not (".trash" in here.folders and path.name == "mlruns"):
            return set()
        count = sum(len(mlflow_files.run_folders(folder)) for folder in mlflow_files.experiments(path))
        self._store("mlflow", path, f"MLflow file store with {len(stored)} experiments", count)
        return {*stored, ".trash", "models"}

    def _run_folder(self, here: Folder) -> set[str]:
        """Add the run in a folder, then the files that are runs of their own; return the folders that belong to it."""
        kinds = folders.kinds(here)
        if kinds == ["huggingface"] and here.path.name.startswith("checkpoint-") and self._is_run(here.path.parent):
            return set()
        plain_run = not kinds and folders.is_plain_run(here)
        if kinds:
            self._member(kinds[0], here.path, folders.FACETS[kinds[0]].why)
        elif plain_run:
            self._member("folder", here.path, self.why["folder"])
        self._git(here, kinds)
        for name in here.files:
            self.file(here.path / name, inside=bool(kinds) or plain_run)
        return self._claimed(here, kinds)

    def _is_run(self, path: Path) -> bool:
        return any(path in members for members in self.groups.values())

    def _claimed(self, here: Folder, kinds: list[str]) -> set[str]:
        claimed: set[str] = set()
        if "dvc" in kinds:
            live = dvc.live_folder(here)
            claimed |= {"dvclive"} if live == "dvclive" else set()
            self.taken |= {here.path / name for name in dvc.State(dvc.Disk(here.path), live).metric_files()}
        if "tensorboard" in kinds:
            claimed |= set(tensorboard.belongs(here))
        if "hydra" in kinds:
            below = folders.nested(here)
            if below is not None:
                self.nested.add(below)
        return claimed

    def _git(self, here: Folder, kinds: list[str]) -> None:
        """Add the history of a DVC project that lies in a git repository under the root."""
        if "dvc" not in kinds:
            return
        for folder in (here.path, *here.path.parents):
            if (folder / ".git").exists():
                self._store("dvc-git", here.path, "a DVC project's git history", None)
                return
            if folder == self.root:
                return

    def file(self, path: Path, *, inside: bool = False) -> None:
        """Add the runs in a file; `inside` a run's folder, its histories and metrics are that run's."""
        try:
            if path.suffix in _DATABASES:
                self._database(path)
            elif path.name == columns.MAPPING:
                columns.read_mapping_file(path)
            elif path.suffix in _JOURNALS and _is_journal(path):
                self._store("optuna-journal", path, "Optuna's journal", None)
            elif path.suffix in SUFFIXES or path.suffix in (".yaml", ".yml"):
                self._data(path, inside)
            elif path.suffix == ".wandb" and not inside:
                self._member("wandb", path.parent, self.why["wandb"])
            elif ".tfevents." in path.name and not inside:
                self._member("tensorboard", path.parent, "event files")
        except Unreadable as error:
            if path.suffix in _DATABASES or path.name == columns.MAPPING:
                self._store("unreadable", path, str(error), 0)
        except (OSError, UnicodeError, ValueError):
            return

    def _database(self, path: Path) -> None:
        if not is_sqlite(path):
            return
        database = Database(path)
        names = database.tables()
        if is_mlflow(names):
            self._store("mlflow-sqlite", path, "MLflow's tables", _count(database, "runs"))
        elif is_optuna(names):
            why = f"Optuna's tables with {_count(database, 'studies')} studies"
            self._store("optuna-sqlite", path, why, _count(database, "trials"))

    def _data(self, path: Path, inside: bool) -> None:
        mapped = columns.mapping_for(path, self.root)
        if mapped.kind == "ignore" or path in self.taken:
            return
        known = mapped.kind == "runs"
        if not known and (mapped.kind == "history" or steps.history_of(path, "")) and not self._is_long(path):
            if not inside:
                self._member("history", path, "a row per step")
        elif not known and plain.is_result(path):
            if not inside:
                self.loose.append(path)
        elif not known and path.name == "adapter_config.json" and not inside:
            self.loose.append(path)
        elif path.suffix in SUFFIXES and path.stat().st_size <= _MAX_TABLE:
            how = tables.plan(path, self.root)
            if how is not None:
                self._store("table", path, f"{how.tracker}: a run per row; {how.words()}", how.rows)

    def _is_long(self, path: Path) -> bool:
        """Tell whether a table with steps holds several runs, which its rows name."""
        if path.suffix not in SUFFIXES or path.stat().st_size > _MAX_TABLE:
            return False
        try:
            how = tables.plan(path, self.root)
        except Unreadable:
            return False
        return how is not None and how.kind == "histories" and how.rows != 1

    def _store(self, kind: str, path: Path, why: str, count: int | None) -> None:
        self.stores.append(Found(kind=kind, path=path, root=self.root, why=why, count=count))

    def _member(self, kind: str, path: Path, why: str) -> None:
        self.why[kind] = why
        self.groups[kind, path.parent if path != self.root else path][path] = None


def _count(database: Database, table: str) -> int | None:
    try:
        return database.count(table)
    except Unreadable:
        return None


def _is_journal(path: Path) -> bool:
    with path.open("rb") as file:
        head = as_text(file.readline(100_000))
    return head.lstrip().startswith("{") and '"op_code"' in head


def _settled(walk: _Walk) -> list[Found]:
    """Return what was found in order, with results that do not say their run given to the only run beside them."""
    found = list(walk.stores)
    for (kind, parent), members in walk.groups.items():
        kept = tuple(sorted(path for path in members if path not in walk.nested))
        if kind == "folder":
            continue
        if kept:
            count = len(wandb.by_id(kept)) if kind == "wandb" else len(kept)
            path = kept[0] if len(kept) == 1 and kind != "wandb" else parent
            why = walk.why.get(kind, kind)
            found.append(Found(kind=kind, path=path, root=walk.root, why=why, count=count, members=kept))
    found += _plain(walk, found)
    found.sort(key=lambda item: (item.path.as_posix(), item.kind))
    loose = _loose(walk, found)
    return [*found, *loose]


def _plain(walk: _Walk, found: list[Found]) -> list[Found]:
    """Return folders with settings beside metrics: runs, or at the top of a project with other runs one of those."""
    made = []
    for (kind, _), members in walk.groups.items():
        for path in sorted(members) if kind == "folder" else ():
            top = path == walk.root or path in walk.projects
            loose = top and bool(_beside(path, walk, found))
            why = "settings and metrics that do not say of which run" if loose else walk.why["folder"]
            count = 0 if loose else 1
            made.append(Found(kind=kind, path=path, root=walk.root, why=why, count=count, members=(path,), loose=loose))
    return made


def _loose(walk: _Walk, found: list[Found]) -> list[Found]:
    """Place the files of metrics: runs of their own where no run lies beside, else values of one of those runs."""
    made = []
    for parent, paths in _by_parent(walk.loose).items():
        beside = _beside(parent, walk, found)
        only = beside[0] if len(beside) == 1 and beside[0].count == 1 and beside[0].kind in folders.FACETS else None
        if only is not None:
            found[found.index(only)] = replace(only, beside=(*only.beside, *paths))
            continue
        loose = bool(beside) and len(paths) == 1
        kept = tuple(paths) if loose or not beside else tuple(path for path in paths if not plain.is_config(path.name))
        if loose or any(not plain.is_config(path.name) for path in kept):
            why = "metrics that do not say of which run" if loose else "files of metrics"
            count = 0 if loose else len(kept)
            made.append(
                Found(kind="results", path=parent, root=walk.root, why=why, count=count, members=kept, loose=loose)
            )
    return made


def _by_parent(paths: Iterable[Path]) -> dict[Path, list[Path]]:
    found: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(paths):
        found[path.parent].append(path)
    return found


def _beside(folder: Path, walk: _Walk, found: list[Found]) -> list[Found]:
    """Return what was found in the same project as a folder."""
    project = _project(folder, walk)
    return [item for item in found if _project(item.path, walk) == project]


def _project(path: Path, walk: _Walk) -> Path:
    """Return the nearest folder at or above a path that looks like a project's, else the root."""
    above = (path, *path.parents)
    return next((folder for folder in above if folder in walk.projects or folder == walk.root), walk.root)
