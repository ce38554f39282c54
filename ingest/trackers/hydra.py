"""Hydra's output folders: `.hydra` with the composed configuration and the overrides; single runs and multiruns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ingest.trackers.files import Unreadable, read_mapping, read_yaml, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.values import dataset_of, flat, moment
from kb.records import Problem, Run

_WHEN = re.compile(r"(\d{4}-\d\d-\d\d)[/_](\d\d)-(\d\d)-(\d\d)(?:/(\d+|[^/]*=[^/]*))?$")


def _settings(folder: Folder) -> Folder | None:
    """Return the folder in this one where Hydra keeps what it composed; `.hydra` unless it was told otherwise."""
    for name in sorted(folder.folders, key=lambda name: name != ".hydra"):
        if name.startswith(".") or "hydra" in name:
            below = folder.below(name)
            if below.has("config.yaml", "overrides.yaml") or below.has("config.yaml", "hydra.yaml"):
                return below
    return None


def _read(folder: Folder) -> Iterator[Run | Problem]:
    settings = _settings(folder)
    assert settings is not None
    told: dict[str, Any] = {}
    for name in ("config.yaml", "hydra.yaml"):
        try:
            told[name] = read_mapping(settings.path / name) if settings.has(name) else {}
        except Unreadable as error:
            told[name] = {}
            yield Problem(source=settings.of(name), reason=str(error))
    try:
        overrides = read_yaml(settings.path / "overrides.yaml") if settings.has("overrides.yaml") else []
    except Unreadable as error:
        overrides = []
        yield Problem(source=settings.of("overrides.yaml"), reason=str(error))
    params = flat(told["config.yaml"])
    job = _inner(_inner(told["hydra.yaml"], "hydra"), "job")
    when = _WHEN.search(folder.source)
    yield Run(
        tracker="hydra",
        run_id=folder.source,
        source=folder.source,
        experiment=str(job.get("name") or "") or None,
        params=params,
        tags=_tags(overrides, told["hydra.yaml"], job),
        dataset=dataset_of(params),
        started=moment(f"{when[1]} {when[2]}:{when[3]}:{when[4]}")[0] if when else None,
        zoned=when is None,
        parent=folder.source.rpartition("/")[0] or None if when and when[5] else None,
        aliases=_aliases(folder.source, when),
        version=version_of(settings.path / name for name in settings.files),
    )


def _aliases(source: str, when: re.Match[str] | None) -> tuple[str, ...]:
    """Return the shorter names of a run: date and time, and the time alone."""
    if when is None:
        return ()
    short = source[when.start() :]
    return tuple(name for name in (short, short.partition("/")[2]) if name and name != source)


def _tags(overrides: Any, hydra: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, str]:
    tags = {}
    if isinstance(overrides, list) and overrides:
        tags["hydra.overrides"] = " ".join(map(str, overrides))
    if job.get("config_name"):
        tags["hydra.config_name"] = str(job["config_name"])
    choices = _inner(_inner(_inner(hydra, "hydra"), "runtime"), "choices")
    own = {str(k): str(v) for k, v in choices.items() if not str(k).startswith("hydra/") and v}
    return tags | {f"hydra.choices.{key}": value for key, value in own.items()}


def _inner(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


FACET = Facet(
    is_here=lambda folder: _settings(folder) is not None,
    read=_read,
    why="a .hydra folder",
    also=frozenset({"results", "steps"}),
)
