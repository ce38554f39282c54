"""Facts of the target: which column it seems to be and why, its task, and its balance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from assistant.dataset.basis import Basis, after
from assistant.dataset.findings import make
from assistant.dataset.names import TARGET, TARGET_WORDS, words_of
from assistant.dataset.types import Fact

CLASSES = 30
"""More different values than these are not taken for classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A column taken for the target, its task, why, and whether its name says so."""

    name: str
    task: str
    why: str
    named: bool
    given: bool = False

    @property
    def said(self) -> str:
        """Return what to call it in a sentence."""
        return "the target" if self.named else "the guessed target"

    @property
    def trust(self) -> float:
        """Return by how much to weigh what follows from it: a wrong guess makes false alarms."""
        return 1.0 if self.named else 0.7


def guess(basis: Basis, named: str | None = None) -> Guess | None:
    """Return the named target, or the column that looks most like one: by its name first, else the last one."""
    names = list(basis.seen)
    if named is not None:
        task = task_of(basis, named)
        return Guess(name=named, task=task, why="it was named as the target", named=True, given=True) if task else None
    scored = [(_by_name(name), place, name) for place, name in enumerate(names)]
    best = max((s for s in scored if s[0] and task_of(basis, s[2])), default=None)
    if best:
        exact = best[0] == 2
        why = "it is named like one" if exact else "a word of its name is often one"
        return Guess(name=best[2], task=task_of(basis, best[2]), why=why, named=exact)
    if len(names) > 1 and basis.rows > 1 and basis.kinds[names[-1]] != "date" and task_of(basis, names[-1]):
        return Guess(name=names[-1], task=task_of(basis, names[-1]), why="it is the last column", named=False)
    return None


def _by_name(name: str) -> int:
    """Return 2 for a name that says target alone, 1 for one that has such a word, else 0."""
    words = words_of(name)
    if not words:
        return 0
    if len(words) == 1 or words[0] in ("is", "target", "label"):
        return 2 if words[0] in TARGET or words[-1] in TARGET else int(words[-1] in TARGET_WORDS)
    return int(words[-1] in TARGET_WORDS - {"y"})


def task_of(basis: Basis, name: str) -> str:
    """Return binary, multiclass or regression, an empty text where a column cannot be a target."""
    seen, kind = basis.seen[name], basis.kinds[name]
    if seen.holds in ("nested", "mixed", "nothing") or kind in ("empty", "constant", "identifier", "date", "text"):
        return ""
    if seen.unique == 2:
        return "binary"
    if kind == "number":
        return "regression" if basis.computable(name) else ""
    return "multiclass" if 2 < seen.unique <= CLASSES else ""


def target(basis: Basis, found: Guess) -> Iterator[Fact]:
    """Say which column is taken as the target, for which task, and why; and how its classes are spread."""
    classes = (
        f"with {{value}} classes, {found.task}"
        if found.task != "regression"
        else "with {value} different values, regression"
    )
    sure = (
        ""
        if found.given
        else " Say so if it is another."
        if found.named
        else " That is a guess; name the target to be sure."
    )
    verb = "is" if found.given else "looks like" if found.named else "may be"
    yield make(
        "target", "{0} " + verb + " the target because " + found.why + ": " + classes + "." + sure,
        after(found.name, ".nunique()"), basis.whole, columns=(found.name,),
        strength=0.1 if found.given else 0.2 if found.named else 0.4, ask=f"which metric should I use for {found.task}?"
    )  # fmt: skip
    if basis.missing[found.name]:
        yield _missing_target(basis, found)
    if found.task != "regression":
        yield from imbalance(basis, found)


def _missing_target(basis: Basis, found: Guess) -> Fact:
    name, count = found.name, basis.missing[found.name]
    return make(
        "missing_target",
        found.said + " {0} is missing in {value} of {rows} rows ({share:%}): these rows cannot be learnt from.",
        after(name, ".isna().sum()"), basis.whole, known=count, columns=(name,), strength=2 * basis.share(count),
        rows=basis.rows, share=basis.share(count), trust=found.trust,
        ask="what should I do with rows where the target is missing?",
    )  # fmt: skip


def imbalance(basis: Basis, found: Guess) -> Iterator[Fact]:
    """Say how rare the rarest class is, where one is less than half as frequent as an even share."""
    codes, values = pd.factorize(basis.whole.frame[found.name])
    counts = np.bincount(codes[codes >= 0])
    least, most, rows = int(counts.min()), int(counts.max()), int(counts.sum())
    if rows < 20 or least * len(counts) >= 0.6 * rows:
        return
    yield make(
        "imbalance",
        "the classes of {0} are uneven: the rarest, {rarest}, has {value} of {rows} rows ({share:%}), the most "
        "frequent {most} ({most_share:%}).", after(found.name, ".astype(object).value_counts().min()"),
        basis.whole, columns=(found.name,), strength=1 - least * len(counts) / rows, rows=rows, share=least / rows,
        rarest=str(values[int(np.argmin(counts))]), most=most, most_share=most / rows, trust=found.trust,
        ask="how do I handle imbalanced classes?",
    )  # fmt: skip
