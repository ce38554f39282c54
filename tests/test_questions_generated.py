"""A thousand generated questions: what is claimed to be read in full is exactly what plain pandas gives."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from generated_questions import Asked, questions

from assistant.dataset.compute import compute
from assistant.dataset.question import read
from assistant.dataset.types import Outcome
from kb.tables import open_table

TABLES, EACH = 40, 25


def same(found: Any, wanted: Any) -> bool:
    """Tell whether a value is the wanted one, numbers within 1e-9 of their size."""
    if isinstance(wanted, Mapping):
        return (
            isinstance(found, Mapping)
            and len(found) == len(wanted)
            and all(key in found and same(found[key], value) for key, value in wanted.items())
        )
    if isinstance(wanted, list):
        names = list(found) if isinstance(found, (Mapping, list, tuple)) else [found]
        return [str(name) for name in names] == [str(name) for name in wanted]
    if isinstance(wanted, str):
        names = list(found) if isinstance(found, (Mapping, list, tuple)) else [found]
        return names[:1] == [wanted]
    if wanted is None or pd.isna(wanted):
        return found is None
    return isinstance(found, (int, float, np.number)) and math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)


def given(outcome: Outcome, kind: str) -> Any:
    return outcome.parts["p"] if kind == "test" else outcome.value


def verdict(asked: Asked, path: Path) -> str:
    """Return whether a question was answered right, answered wrong, or left open."""
    table = open_table(path)
    made = read(asked.question, table)
    if not made.runs or made.query is None:
        return "open"
    outcomes = compute(made.query, table).outcomes
    answered = len(outcomes) >= len(asked.answer) and all(
        same(given(outcome, asked.kind), wanted) for outcome, wanted in zip(outcomes, asked.answer, strict=False)
    )
    return "right" if answered else "wrong"


@pytest.mark.slow
def test_no_question_that_is_read_in_full_is_answered_wrongly(tmp_path: Path) -> None:
    counts, wrong = Counter[str](), []
    for number, (made, asked) in enumerate(questions(20261125, TABLES, EACH)):
        path = tmp_path / f"table{number}.csv"
        made.frame.to_csv(path, index=False)
        for one in asked:
            found = verdict(one, path)
            counts[found] += 1
            if found == "wrong":
                wrong.append((path.name, one.question))
    assert counts.total() == TABLES * EACH
    assert not wrong
    assert counts["right"] >= 0.8 * counts.total()
