"""Errors that a person or a calling program can act on.

    CitewiseError
    ├── HomeNotFound         no home here or above
    ├── HomeUnwritable       the home cannot be written (read-only, disk full)
    ├── CatalogueTooNew      written by a newer Citewise
    ├── CatalogueBroken      the catalogue file is damaged
    ├── IndexMismatch        indexes were made with other settings
    ├── IndexUnavailable     the vector index is gone or damaged
    ├── WriterBusy           another process holds the write lock for too long
    ├── SourceNotFound       nothing stored under that name
    ├── SettingsInvalid      a setting has a value that cannot be used
    ├── ModelUnavailable     embedding or reranking weights are missing or damaged
    ├── BadInput             a question file, a query or an option that cannot be read
    ├── NameUnknown          a parameter, metric or tag that no run logged
    ├── NameAmbiguous        a name that several logged ones could be meant by
    ├── DirectionUnknown     nothing says which values of a metric are better
    ├── SeveralFit           more runs fit than a question is about
    ├── TableUnreadable      a file that cannot be read as a table
    ├── TableTooLarge        a table that does not fit in memory was asked for as a frame
    └── LoadFailed           one source could not be read (kept as its reason)

Each constructor takes facts, keeps them as attributes and builds the message: what was wrong, then what to do (`hint`).
"""

from __future__ import annotations

from pathlib import Path


class CitewiseError(Exception):
    """The root of the tree; `hint` says what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class HomeNotFound(CitewiseError):
    """No home was named and none stands here or above."""

    def __init__(self, start: Path) -> None:
        super().__init__(
            f"no knowledge base in {start} or above it",
            hint="run `citewise ingest SOURCE` to make one here, `citewise demo` to see one, or name one with --home",
        )
        self.start = start


class HomeUnwritable(CitewiseError):
    """The home exists but cannot be written."""

    def __init__(self, home: Path, reason: str) -> None:
        super().__init__(
            f"cannot write the knowledge base in {home}: {reason}",
            hint="free some space or fix the permissions, then run the command again; what is stored is unchanged",
        )
        self.home = home
        self.reason = reason


class CatalogueTooNew(CitewiseError):
    """The catalogue's schema is newer than this program knows."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the catalogue has schema {found}, this program knows {known}",
            hint="upgrade citewise (`pip install -U citewise`); the catalogue was not touched",
        )
        self.found = found
        self.known = known


class CatalogueBroken(CitewiseError):
    """The catalogue cannot be read as a database."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"the catalogue {path} cannot be read: {reason}",
            hint="restore it from a pack file with `citewise unpack FILE`, or move it away and ingest again",
        )
        self.path = path
        self.reason = reason


class IndexMismatch(CitewiseError):
    """What shaped the stored index differs from the settings in force."""

    def __init__(self, what: str, stored: str, current: str) -> None:
        super().__init__(
            f"the index was made with {what} {stored!r}, the settings say {current!r}",
            hint=f"set {what} back to {stored!r}, or run `citewise rebuild` to re-make the indexes with {current!r}",
        )
        self.what = what
        self.stored = stored
        self.current = current


class IndexUnavailable(CitewiseError):
    """The vector index was replaced by another process, or its files are damaged."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"the vector index in {folder} cannot be used: {reason}",
            hint="run `citewise rebuild` to make it anew from the catalogue; nothing is embedded again",
        )
        self.folder = folder
        self.reason = reason


class WriterBusy(CitewiseError):
    """Another process kept the write lock for longer than we wait."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(
            f"another process has held the write lock {path} for {seconds:.0f} s",
            hint="wait for the other ingest to end, or stop it; this one can be run again and goes on where it was",
        )
        self.path = path
        self.seconds = seconds


class SourceNotFound(CitewiseError):
    """Nothing is stored under that name."""

    def __init__(self, source: str, nearest: tuple[str, ...] = ()) -> None:
        near = f"; nearest: {', '.join(nearest)}" if nearest else ""
        super().__init__(f"no source {source!r}{near}", hint="`citewise sources` lists what is stored")
        self.source = source
        self.nearest = nearest


class SettingsInvalid(CitewiseError):
    """A setting cannot be used as it stands."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(
            f"setting {name} is {value!r}, expected {expected}",
            hint="change it in citewise.toml or in the environment",
        )
        self.name = name
        self.value = value
        self.expected = expected


class ModelUnavailable(CitewiseError):
    """Weights that the settings name are missing, damaged or unreachable."""

    def __init__(self, model: str, reason: str, *, hint: str) -> None:
        super().__init__(f"the model {model!r} cannot be used: {reason}", hint=hint)
        self.model = model
        self.reason = reason


class BadInput(CitewiseError):
    """Something handed in cannot be read or makes no sense."""

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what, hint=hint)


class NameUnknown(CitewiseError):
    """No run logged a parameter, metric or tag (`kind`) of that name; `nearest` are names that were logged."""

    def __init__(self, kind: str, name: str, nearest: tuple[str, ...] = ()) -> None:
        near = f"nearest: {', '.join(nearest)}" if nearest else "`citewise runs` shows what is logged"
        super().__init__(f"no run logged a {kind} {name!r}", hint=near)
        self.kind = kind
        self.name = name
        self.nearest = nearest


class NameAmbiguous(CitewiseError):
    """Several logged names could be meant; `options` are (name, split, number of runs), most frequent first."""

    def __init__(self, kind: str, name: str, options: tuple[tuple[str, str | None, int], ...]) -> None:
        said = ", ".join(f"{one}{f' ({split})' if split else ''}: {runs:,} runs" for one, split, runs in options[:8])
        super().__init__(f"{name!r} could be {len(options)} {kind}s: {said}", hint="name one of them in full")
        self.kind = kind
        self.name = name
        self.options = options


class DirectionUnknown(CitewiseError):
    """Neither the tracker nor the metric's name says which values are better, or they contradict each other."""

    def __init__(self, metric: str) -> None:
        super().__init__(f"it is not known which values of {metric!r} are better", hint="say highest or lowest")
        self.metric = metric


class SeveralFit(CitewiseError):
    """A question about one run fits several that differ; `runs` are the ids of the first ones."""

    def __init__(self, count: int, what: str, runs: tuple[str, ...]) -> None:
        shown = ", ".join(runs[:5]) + (", …" if count > 5 else "")
        super().__init__(f"{count:,} runs fit and differ in {what}: {shown}", hint="name one run, or ask for all")
        self.count = count
        self.what = what
        self.runs = runs


class TableUnreadable(CitewiseError):
    """A file cannot be read as a table; `why` says what is wrong with it."""

    def __init__(self, path: Path, why: str, *, hint: str) -> None:
        super().__init__(f"{path.name} cannot be read as a table: {why}", hint=hint)
        self.path = path
        self.why = why


class TableTooLarge(CitewiseError):
    """A table is too large for what was asked of it; `why` says which limit it passes."""

    def __init__(self, path: Path, why: str, *, hint: str) -> None:
        super().__init__(f"{path.name} is too large: {why}", hint=hint)
        self.path = path
        self.why = why


class LoadFailed(CitewiseError):
    """One source could not be turned into a document; `reason` is kept with the source."""

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.reason = reason
