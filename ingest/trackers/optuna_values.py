"""What Optuna's storages share: states, the values that a distribution's numbers stand for, and a trial as a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ingest.trackers.files import Unreadable, parse_json
from ingest.trackers.values import MAX_TEXT, as_json, dataset_of, moment, number
from kb.records import Direction, Point, Problem, Run, Scalar, state_of

STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")


@dataclass(slots=True, kw_only=True)
class Study:
    """A study: its name, the direction of each objective, and what its users attached to it."""

    name: str
    directions: list[Direction | None]
    names: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    def objectives(self) -> tuple[str, ...]:
        """Return the names of the objectives: the study's own, else `value` (`value_0`, … of several)."""
        if len(self.names) == len(self.directions) and self.names:
            return self.names
        return ("value",) if len(self.directions) < 2 else tuple(f"value_{n}" for n in range(len(self.directions)))


@dataclass(slots=True, kw_only=True)
class Trial:
    """A trial as a storage keeps it: parameters as numbers with the JSON of their distributions."""

    number: int
    state: str
    started: Any = None
    ended: Any = None
    values: list[float] = field(default_factory=list)
    params: dict[str, tuple[Any, str]] = field(default_factory=dict)
    steps: list[tuple[int, float]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


class Spaces:
    """The distributions met so far, each text parsed once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def value(self, internal: Any, text: str) -> Scalar:
        """Return the parameter that an internal number of a distribution stands for."""
        if text not in self._known:
            self._known[text] = _distribution(text)
        about = self._known[text]
        kind, attributes = about["name"], about["attributes"]
        found = number(internal)
        if found is None:
            return None if internal is None else str(internal)
        if kind == "CategoricalDistribution":
            choices = attributes.get("choices") or []
            choice = choices[int(found)] if 0 <= found < len(choices) else found
            return choice if isinstance(choice, str | int | float | bool | None) else as_json(choice)
        return int(found) if kind.startswith("Int") and abs(found) < 2**63 else found


def _distribution(text: str) -> dict[str, Any]:
    try:
        about = parse_json(text)
    except Unreadable:
        about = None
    if not isinstance(about, dict) or not isinstance(about.get("attributes"), dict):
        return {"name": "", "attributes": {}}
    return {"name": str(about.get("name", "")), "attributes": about["attributes"]}


def direction_of(told: Any) -> Direction | None:
    """Return the direction that a storage writes as a word or a number, None where it was not set."""
    known = {"MINIMIZE": Direction.MINIMIZE, "MAXIMIZE": Direction.MAXIMIZE, "1": Direction.MINIMIZE}
    return {**known, "2": Direction.MAXIMIZE}.get(str(told).upper())


def attribute(text: Any) -> str:
    """Return a stored attribute (JSON) as the text that its user would write."""
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return str(text)[:MAX_TEXT]
    return value[:MAX_TEXT] if isinstance(value, str) else as_json(value)


def run_of(study: Study, trial: Trial, source: str, spaces: Spaces) -> Run:
    """Return a trial as a run with the id `<study>#<number>`."""
    params = {name: spaces.value(internal, text) for name, (internal, text) in trial.params.items()}
    names = study.objectives()
    started, zoned = moment(trial.started)
    return Run(
        tracker="optuna",
        run_id=f"{study.name}#{trial.number}",
        source=source,
        experiment=study.name,
        name=f"trial {trial.number}",
        status=trial.state,
        state=state_of(trial.state),
        params=params,
        space={name: text for name, (_, text) in trial.params.items()},
        tags={**study.tags, **trial.tags},
        dataset=dataset_of(params),
        started=started,
        ended=moment(trial.ended)[0],
        zoned=zoned,
        place=f"trial {trial.number}",
        directions={name: way for name, way in zip(names, study.directions, strict=False) if way},
        history=partial(_history, names, tuple(trial.values), tuple(trial.steps)),
    )


def _history(names: tuple[str, ...], values: tuple[float, ...], steps: tuple[Any, ...]) -> Iterator[Point | Problem]:
    """Yield the objectives, without a step, and the intermediate values that were reported on the way."""
    for name, value in zip(names, values, strict=False):
        yield Point(name, value)
    for step, value in steps:
        yield Point("intermediate_value", value, step)


def metric_names(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names that a study's users gave to its objectives."""
    try:
        told = json.loads(tags.get("study:metric_names", "[]"))
    except ValueError:
        return ()
    return tuple(map(str, told)) if isinstance(told, list) else ()
