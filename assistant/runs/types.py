"""Values of a reading over runs: the query, its other spellings, its chips, and what was not read."""

from __future__ import annotations

from dataclasses import dataclass

from kb.history import RunQuery, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOption:
    """What a chip could stand for instead: its text, a note with its count, and the query that it leads to."""

    text: str
    note: str
    query: RunQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChip:
    """A piece of a reading: `kind` is metric, param, tag, value, run, scope, filter, figure or ask.

    `said` are the question's words that it was read from; `sure` is False where others fit as well.
    """

    kind: str
    text: str
    said: str = ""
    note: str = ""
    sure: bool = True
    options: tuple[RunOption, ...] = ()
    drop: RunQuery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReading:
    """What a question was taken to ask of the runs.

    `query` is None where nothing could be read. `variants` are the same query under other spellings of one name
    (`Sharpe Ratio`, `sharpe_ratio`): an answer is over all of them. `runs` tells whether it may run unconfirmed: every
    number and content word was used and no name was a guess. `extract` says what of a text is wanted (exception,
    module). `shift` is added to every value (epochs that were counted from 0). `label` is the parameter whose value a
    best run is known by, `of_best` are the parameters that are asked for of it. `why` marks a question after reasons,
    which runs do not record. `absent` are words that look like a name that was never logged, each with the nearest
    that was. `named` tells whether the question names a place, a run or something logged at all,
    `which` whether it asks for a run.
    """

    query: RunQuery | None
    variants: tuple[RunQuery, ...] = ()
    chips: tuple[RunChip, ...] = ()
    unread: tuple[str, ...] = ()
    runs: bool = False
    confidence: float = 0.0
    extract: str = ""
    why: bool = False
    shift: int = 0
    label: str = ""
    of_best: tuple[Wanted, ...] = ()
    absent: tuple[tuple[str, tuple[str, ...]], ...] = ()
    nearest: tuple[RunQuery, ...] = ()
    notes: tuple[str, ...] = ()
    named: bool = False
    which: bool = False
