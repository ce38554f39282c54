"""A thousand harder generated questions: none is answered wrongly, and how many stay open is printed by kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from harder_questions import Hard, questions
from test_questions_generated import same

from assistant.dataset.compute import compute
from assistant.dataset.question import read
from kb.tables import open_table

TABLES, EACH = 40, 25


def alike(found: Any, wanted: Any) -> bool:
    """Tell whether a value is the wanted one; groups without a number count as not there."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        found = {key: value for key, value in found.items() if value is not None}
        wanted = {key: value for key, value in wanted.items() if value == value}
    return same(found, wanted)


def verdict(asked: Hard, path: Path) -> str:
    """Return whether a question was answered right, answered wrong, or left open."""
    table = open_table(path)
    layout = "\n".join(
        f"@{name}[{name}] where {name} is a number rounded to two decimal places" for name in asked.names
    )
    before = read(asked.before, table).query if asked.before else None
    made = read(asked.question, table, format=layout, previous=before)
    if not made.runs or made.query is None:
        return "open"
    computed = compute(made.query, table)
    if asked.names:
        return "right" if [computed.values[name] for name in asked.names] == asked.answer else "wrong"
    found = [outcome.value for outcome in computed.outcomes]
    wanted = asked.answer if isinstance(asked.answer, list) else [asked.answer]
    answered = asked.answer is not None and all(any(alike(value, each) for value in found) for each in wanted)
    return "right" if answered else "wrong"


@pytest.mark.slow
def test_no_harder_question_that_is_read_in_full_is_answered_wrongly(tmp_path: Path) -> None:
    counts, wrong = Counter[tuple[str, str]](), []
    for number, (made, asked) in enumerate(questions(20261126, TABLES, EACH)):
        path = tmp_path / f"table{number}.csv"
        made.frame.to_csv(path, index=False)
        for one in asked:
            found = verdict(one, path)
            counts[one.kind, found] += 1
            if found == "wrong":
                wrong.append((path.name, one.question))
    for kind in sorted({kind for kind, _ in counts}):
        print(kind, {found: counts[kind, found] for found in ("right", "wrong", "open")})
    answered = sum(n for (kind, found), n in counts.items() if found == "right")
    asked_for = sum(n for (kind, _), n in counts.items() if kind != "unanswerable")
    print(f"answered {answered} of {asked_for} that have an answer: {answered / asked_for:.0%}")
    assert counts.total() == TABLES * EACH
    assert not wrong
    assert answered >= 0.5 * asked_for
