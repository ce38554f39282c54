"""What the columns of a table of results are: identifiers, names, parameters, metrics, told by name and behaviour.

A person corrects it with a file `citewise-runs.toml` beside the data (or in a folder above), a table per pattern:

    ["results/*.csv"]
    kind = "runs"                  # runs: a run per row; history: one run, a row per step; ignore: no runs
    id = "Id"                      # also: name, time, status, step, split, experiment
    metrics = ["R2 Score"]         # also: params, tags, ignore
    direction = { "R2 Score" = "maximize" }
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from ingest.trackers.files import Unreadable, read_text
from ingest.trackers.steps import SPLITS, STEPS, TIMES
from ingest.trackers.values import measured, moment
from ingest.trackers.words import is_id, is_measured, is_metric, is_name, is_param, words
from kb.records import NOTHING, split_of

MAPPING = "citewise-runs.toml"
_PREFIX = re.compile(r"(metrics?|params?|parameters|tags?|config|hparams|hyperparameters)[./](.+)", re.IGNORECASE)
_STATUS = frozenset({"status", "state"})
_TIMES = frozenset({*TIMES, "created", "created_at", "started", "start_time", "datetime_start", "run_date"})
_LONG = 120
MISSING = frozenset({"", "none", "null", "na", "n/a", "-", "--", "?"})


class Role(StrEnum):
    """What a column is to a run."""

    ID = "id"
    NAME = "name"
    PARAM = "param"
    METRIC = "metric"
    STEP = "step"
    TIME = "time"
    STATUS = "status"
    EXPERIMENT = "experiment"
    SPLIT = "split"
    TAG = "tag"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What a person said of a table: its kind, roles of columns, directions of metrics."""

    kind: str = ""
    roles: Mapping[str, Role] = field(default_factory=lambda: NOTHING)
    directions: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(slots=True)
class Column:
    """What a column held in the rows that were looked at."""

    name: str
    cells: int = 0
    numbers: int = 0
    fractions: int = 0
    moments: int = 0
    characters: int = 0
    distinct: set[str] = field(default_factory=set)

    def add(self, cell: Any) -> None:
        """Take one cell into account."""
        text = "" if cell is None else str(cell)
        if text.strip().lower() in MISSING:
            return
        self.cells += 1
        self.characters += len(text)
        self.distinct.add(text[:200])
        found = None if isinstance(cell, bool) else measured(cell)
        if found is not None:
            self.numbers += 1
            self.fractions += found != found or found % 1 != 0
        elif not isinstance(cell, bool) and len(text) < 40 and moment(cell)[0] is not None:
            self.moments += 1

    @property
    def numeric(self) -> bool:
        """Tell whether nearly all cells are numbers."""
        return self.cells > 0 and self.numbers >= 0.9 * self.cells

    @property
    def mixed(self) -> bool:
        """Tell whether there are numbers among the cells, not only here and there."""
        return self.fractions > 0 and self.numbers >= 0.2 * self.cells


def columns_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Column]:
    """Return the columns of rows in the order of their first cells."""
    found: dict[str, Column] = {}
    for row in rows:
        for name, cell in row.items():
            if name not in found:
                found[name] = Column(name)
            found[name].add(cell)
    return found


def roles_of(columns: Mapping[str, Column], mapped: Mapped) -> dict[str, Role]:
    """Return the role of each column: a person's word, else what name and behaviour tell."""
    names = list(columns)
    roles = {name: mapped.roles.get(name) or _role(columns[name], at) for at, name in enumerate(names)}
    _keep_one(roles, Role.ID, columns)
    _keep_one(roles, Role.TIME, columns)
    return roles


def _keep_one(roles: dict[str, Role], role: Role, columns: Mapping[str, Column]) -> None:
    """Leave a role to the column that tells most apart; the others describe the run."""
    having = sorted((name for name in roles if roles[name] is role), key=lambda name: -len(columns[name].distinct))
    for name in having[1:]:
        roles[name] = Role.TAG


def _role(column: Column, at: int) -> Role:
    prefixed = _PREFIX.fullmatch(column.name)
    if prefixed:
        kind = prefixed[1].lower()
        if kind.startswith("tag"):
            return Role.TAG
        return Role.METRIC if kind.startswith("metric") and column.numeric else Role.PARAM
    lower = column.name.lower().strip()
    if lower in _STATUS and not column.numeric:
        return Role.STATUS
    if lower in _TIMES and (column.moments or column.numeric):
        return Role.TIME
    if column.name in ("", "Unnamed: 0", "index") or lower.startswith("unnamed"):
        return Role.IGNORE if column.numeric or not column.cells else Role.NAME
    if is_id(column.name) and column.characters <= 64 * max(column.cells, 1):
        return Role.ID
    if lower in STEPS:
        return Role.STEP
    if lower in SPLITS and all(split_of(value) for value in column.distinct) and column.cells:
        return Role.SPLIT
    if column.mixed and (is_metric(column.name) or is_measured(column.name)):
        return Role.METRIC
    return _numeric(column) if column.numeric else _text(column, at)


def _numeric(column: Column) -> Role:
    if is_metric(column.name) or is_measured(column.name):
        return Role.METRIC
    if is_param(column.name) or (not column.fractions and len(column.distinct) <= max(2, column.cells // 2)):
        return Role.PARAM
    several = len(column.distinct) * 2 > column.cells
    return Role.METRIC if column.fractions * 2 > column.cells and several else Role.PARAM


def _text(column: Column, at: int) -> Role:
    if not column.cells:
        return Role.IGNORE
    if column.characters > _LONG * column.cells or lower_starts(column.name, ("note", "comment", "description")):
        return Role.TAG
    if column.moments == column.cells or set(words(column.name)) & {"path", "file", "url", "plot"}:
        return Role.TAG
    if is_name(column.name):
        return Role.NAME
    return Role.PARAM if len(column.distinct) <= max(20, column.cells // 2) else Role.TAG


def lower_starts(name: str, starts: tuple[str, ...]) -> bool:
    """Tell whether a name begins with one of `starts`, ignoring case."""
    return name.lower().startswith(starts)


def bare(name: str) -> str:
    """Return a column's name without the prefix by which exports mark parameters, metrics and tags."""
    prefixed = _PREFIX.fullmatch(name)
    return prefixed[2] if prefixed else name


def likelihood(path: Path, roles: Mapping[str, Role], columns: Mapping[str, Column], rows: int) -> int:
    """Return how much speaks for a table of runs; from 3 on it is taken for one."""
    metrics = [name for name, role in roles.items() if role is Role.METRIC and (is_metric(name) or _PREFIX.match(name))]
    if not metrics or rows == 0 or _is_report(columns) or _is_predictions(columns):
        return 0
    if max(columns[name].cells for name in metrics) * 2 < rows:
        return 0
    stem = set(words(path.stem)) | set(words(path.parent.name))
    points = min(2, len(metrics)) + 2 * bool(stem & _STEMS)
    points += any(role is Role.NAME for role in roles.values()) + any(role is Role.ID for role in roles.values())
    points += any(role is Role.PARAM and is_param(bare(name)) for name, role in roles.items())
    points += any(len(words(name)) > 1 for name in metrics)
    return points - 2 * (rows > 2_000) - 3 * (rows > 50_000) - 2 * (not _sparse(metrics, columns))


_STEMS = frozenset(
    """
    result results metric metrics experiment experiments run runs leaderboard benchmark benchmarks trial trials score
    scores eval evaluation cv grid sweep log logs ablation comparison compare performance history summary tuning search
    """.split()  # noqa: SIM905
)


def _sparse(metrics: Sequence[str], columns: Mapping[str, Column]) -> bool:
    """Tell whether a metric takes fractions, as measured values do; ratings and counts of a data set do not."""
    return any(columns[name].fractions for name in metrics)


def _is_report(columns: Mapping[str, Column]) -> bool:
    """Tell a classification report, whose rows are classes."""
    names = {name.lower() for name in columns}
    return "support" in names and bool(names & {"precision", "recall", "f1-score", "f1"})


def _is_predictions(columns: Mapping[str, Column]) -> bool:
    names = {word for name in columns for word in words(name)}
    return bool(names & {"prediction", "predictions", "predicted", "pred", "proba"}) and bool(
        names & {"label", "target", "true", "actual", "y"}
    )


def mapping_for(path: Path, root: Path) -> Mapped:
    """Return what the nearest citewise-runs.toml between a file and the root says of it; a broken one says nothing."""
    for folder in (path.parent, *path.parent.parents):
        file = folder / MAPPING
        if file.is_file():
            try:
                found = _mapped(read_mapping_file(file), path.relative_to(folder).as_posix())
            except Unreadable:
                found = None
            if found is not None:
                return found
        if folder == root or folder == root.parent:
            break
    return Mapped()


def read_mapping_file(file: Path) -> dict[str, Any]:
    """Return what a citewise-runs.toml holds. Raises Unreadable."""
    try:
        return tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"it is no TOML: {error}") from error


def _mapped(told: Mapping[str, Any], name: str) -> Mapped | None:
    for pattern, about in told.items():
        if isinstance(about, dict) and (PurePosixPath(name).match(pattern) or name == pattern):
            return _parsed(about)
    return None


def _parsed(about: Mapping[str, Any]) -> Mapped:
    roles: dict[str, Role] = {}
    for role in (Role.ID, Role.NAME, Role.TIME, Role.STATUS, Role.STEP, Role.SPLIT, Role.EXPERIMENT):
        if about.get(role.value):
            roles[str(about[role.value])] = role
    for key, role in (("params", Role.PARAM), ("metrics", Role.METRIC), ("tags", Role.TAG), ("ignore", Role.IGNORE)):
        roles.update({str(name): role for name in about.get(key) or ()})
    directions = about.get("direction")
    return Mapped(
        kind=str(about.get("kind") or ""), roles=roles, directions=directions if isinstance(directions, dict) else {}
    )
