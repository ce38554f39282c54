"""Optuna's journal file: one JSON record a line, replayed into studies and trials.

A record that cannot be read is told and passed over; a last line without its end is a writer that was killed.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ingest.report import Step
from ingest.trackers.files import Unreadable, lines_of
from ingest.trackers.found import Found, Stop, Watch, never, quiet
from ingest.trackers.optuna_values import STATES, Spaces, Study, Trial, attribute, direction_of, metric_names, run_of
from kb.records import Problem, Run

_FINISHED = frozenset({"COMPLETE", "PRUNED", "FAIL"})


def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield every trial that the journal tells of, in the order of their making."""
    journal = Journal()
    try:
        for number, line in lines_of(found.path):
            if number % 10_000 == 0:
                if stop():
                    return
                watch(Step(stage="read", done=number, total=0, current=found.source))
            reason = journal.add(line)
            if reason:
                yield Problem(source=found.source, place=f"line {number}", reason=reason)
    except Unreadable as error:
        yield Problem(source=found.source, reason=str(error))
    spaces = Spaces()
    for study_id, trial in journal.trials:
        study = journal.studies[study_id]
        if study is not None:
            yield run_of(study, trial, found.source, spaces)


class Journal:
    """The studies and trials that the records so far describe; a deleted study leaves None at its place."""

    def __init__(self) -> None:
        self.studies: list[Study | None] = []
        self.trials: list[tuple[int, Trial]] = []
        self._counts: Counter[int] = Counter()
        self._does: tuple[Callable[[dict[str, Any]], None], ...] = (
            self._create_study,
            self._delete_study,
            self._study_user_tag,
            self._study_system_tag,
            self._create_trial,
            self._param,
            self._state,
            self._step,
            self._user_tag,
            self._system_tag,
        )

    def add(self, line: str) -> str | None:
        """Apply one record; return why it could not be applied."""
        if not line.strip():
            return None
        try:
            record = json.loads(line)
            self._does[record["op_code"]](record)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            cut = "" if line.endswith("\n") else " (the file ends in the middle of it)"
            return f"this record cannot be read{cut}: {type(error).__name__} {error}"
        return None

    def _create_study(self, record: dict[str, Any]) -> None:
        directions = [direction_of(told) for told in record.get("directions") or [0]]
        self.studies.append(Study(name=str(record["study_name"]), directions=directions))

    def _delete_study(self, record: dict[str, Any]) -> None:
        self.studies[record["study_id"]] = None

    def _study_user_tag(self, record: dict[str, Any]) -> None:
        self._tag_study(record["study_id"], record["user_attr"])

    def _study_system_tag(self, record: dict[str, Any]) -> None:
        self._tag_study(record["study_id"], record["system_attr"])

    def _tag_study(self, study_id: int, tags: dict[str, Any]) -> None:
        study = self.studies[study_id]
        if study is None:
            return
        if "study:metric_names" in tags:
            study.names = metric_names({"study:metric_names": json.dumps(tags["study:metric_names"])})
            return
        study.tags.update({f"study.{key}": attribute(json.dumps(value)) for key, value in tags.items()})

    def _create_trial(self, record: dict[str, Any]) -> None:
        study = record["study_id"]
        trial = Trial(
            number=self._counts[study], state=STATES[record.get("state", 0)], started=record.get("datetime_start")
        )
        trial.ended = record.get("datetime_complete")
        distributions = record.get("distributions") or {}
        for name, value in (record.get("params") or {}).items():
            trial.params[name] = (value, str(distributions.get(name, "{}")))
        self._set_values(trial, record)
        for step, value in (record.get("intermediate_values") or {}).items():
            trial.steps.append((int(step), _float(value)))
        for tags in (record.get("system_attrs"), record.get("user_attrs")):
            trial.tags.update({key: attribute(json.dumps(value)) for key, value in (tags or {}).items()})
        self._counts[study] += 1
        self.trials.append((study, trial))

    def _param(self, record: dict[str, Any]) -> None:
        trial = self._open(record)
        if trial is not None:
            trial.params[record["param_name"]] = (record["param_value_internal"], str(record["distribution"]))

    def _state(self, record: dict[str, Any]) -> None:
        trial = self._open(record)
        if trial is None:
            return
        trial.state = STATES[record["state"]]
        trial.started = record.get("datetime_start") or trial.started
        trial.ended = record.get("datetime_complete") or trial.ended
        self._set_values(trial, record)

    def _set_values(self, trial: Trial, record: dict[str, Any]) -> None:
        values = record.get("values")
        if values is None and record.get("value") is not None:
            values = [record["value"]]
        if values is not None:
            trial.values = [_float(value) for value in values]

    def _step(self, record: dict[str, Any]) -> None:
        trial = self._open(record)
        if trial is not None:
            trial.steps = [item for item in trial.steps if item[0] != record["step"]]
            trial.steps.append((int(record["step"]), _float(record["intermediate_value"])))

    def _user_tag(self, record: dict[str, Any]) -> None:
        self._tag(record, "user_attr")

    def _system_tag(self, record: dict[str, Any]) -> None:
        self._tag(record, "system_attr")

    def _tag(self, record: dict[str, Any], key: str) -> None:
        trial = self._open(record)
        if trial is not None:
            trial.tags.update({name: attribute(json.dumps(value)) for name, value in record[key].items()})

    def _open(self, record: dict[str, Any]) -> Trial | None:
        """Return the trial of a record; Optuna ignores what a worker writes to a finished one."""
        trial = self.trials[record["trial_id"]][1]
        return None if trial.state in _FINISHED else trial


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)
