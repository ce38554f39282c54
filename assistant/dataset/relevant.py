"""Which earlier steps a value depends on: its shown expression leaves the others out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assistant.dataset.checked import reads, reads_all
from assistant.dataset.steps import Derive, DropColumns, Encode, Impute, Outliers, Resample, Scale, Summarise

CHANGES_VALUES = ("mean", "median", "clip")


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was done, with the kinds of the columns before it and, for an imputation, what it fills."""

    step: Any
    kinds: Mapping[str, str]
    names: tuple[str, ...]


def relevant(done: Iterable[Done], step: Any) -> tuple[Done, ...]:
    """Return those of the steps done that a yielding step depends on, in order, narrowed to the columns it needs."""
    wanted = None if reads_all(step) else reads(step)
    kept: list[Done] = []
    for one in reversed(tuple(done)):
        narrowed = one if wanted is None else narrow(one, wanted)
        if narrowed is None:
            continue
        kept.append(narrowed)
        wanted = before(narrowed.step, wanted)
    return tuple(reversed(kept))


def narrow(one: Done, wanted: set[str]) -> Done | None:
    """Return a step as far as the wanted columns depend on it, None where they do not."""
    step = one.step
    match step:
        case Derive():
            return one if step.name in wanted else None
        case DropColumns():
            return None
        case Impute():
            names = tuple(name for name in one.names if name in wanted)
            return Done(step, one.kinds, names) if names else None
        case Scale():
            columns = tuple(name for name in step.columns if name in wanted)
            return Done(replace(step, columns=columns), one.kinds, one.names) if columns else None
        case Encode() if step.method == "codes":
            columns = tuple(name for name in step.columns if name in wanted)
            return Done(replace(step, columns=columns), one.kinds, one.names) if columns else None
        case Outliers() if step.action == "flag":
            return one if (step.name or f"{step.column}_outlier") in wanted else None
        case Outliers() if step.action in CHANGES_VALUES:
            return one if step.column in wanted else None
    return one


def before(step: Any, wanted: set[str] | None) -> set[str] | None:
    """Return the columns that are needed before a step, None for all."""
    if isinstance(step, Summarise | Resample):
        return None if reads_all(step) else reads(step)
    if wanted is None or (reads_all(step) and not isinstance(step, Impute | DropColumns)):
        return None
    return (wanted - {step.name} if isinstance(step, Derive) else wanted) | reads(step)
