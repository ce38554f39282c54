"""Figures over a question file: worked examples with scripted answers, and lines that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from assistant.dataset.steps import Query
from assistant.dataset.types import Computation
from assistant.evaluate import evaluate, read_questions
from assistant.evaluate_tables import same
from assistant.tables import OpenTables
from assistant.types import Answer, Reading
from ingest.sync import sync
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.types import Citation, Claim, Verdict

SCALE = {
    "id": "q1",
    "question": "Which scaler do outliers hardly move?",
    "gold": [
        {"file": "guide/scaling.md", "section": "RobustScaler", "quote": "the *median* and the interquartile range"}
    ],
}
MISSING = {"id": "q2", "question": "How do I bake bread?", "gold": []}
LEAK = {
    "id": "q3",
    "question": "Which column leaks the label?",
    "gold": [{"file": "notes/churn.txt", "section": "nowhere", "quote": "no such words"}],
}


class Scripted:
    """Answers from a script and keeps what it was asked; a question without a line is refused."""

    def __init__(self, script: Mapping[str, Answer]) -> None:
        self._script = script
        self.asked: list[str] = []

    def ask(self, question: str) -> Answer:
        """Return the scripted answer."""
        self.asked.append(question)
        return self._script.get(question) or answer(question, (), 0.1)


def answer(question: str, claims: Sequence[Claim], confidence: float) -> Answer:
    """Return an answer with these claims, a refusal without any."""
    reading = Reading(route="docs", question=question, words=question)
    return Answer(question=question, reading=reading, abstained=not claims, confidence=confidence, claims=tuple(claims))


def quoted(kb: KnowledgeBase, query: str, *, wrong: bool = False) -> Claim:
    """Return a claim that quotes the best passage for `query`."""
    hit = kb.search(query).hits[0]
    quote = "never written" if wrong else hit.text
    citation = Citation(key=hit.key, headings=hit.headings[-1], span=hit.span, quote=quote)
    return Claim(text=quote, verdict=Verdict.QUOTED, citations=(citation,))


def write(path: Path, *lines: object) -> Path:
    """Write a question file."""
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def filled(kb: KnowledgeBase, pages: Path) -> KnowledgeBase:
    """A knowledge base that knows the four pages."""
    sync(kb, [str(pages)])
    return kb


def test_the_figures_of_a_worked_example(filled: KnowledgeBase, tmp_path: Path) -> None:
    script = Scripted(
        {
            SCALE["question"]: answer(str(SCALE["question"]), [quoted(filled, "median interquartile range")], 0.9),
            LEAK["question"]: answer(str(LEAK["question"]), [quoted(filled, "account_age", wrong=True)], 0.6),
        }  # type: ignore[dict-item]
    )
    found = evaluate(script, filled, write(tmp_path / "q.jsonl", SCALE, MISSING, LEAK))
    assert (found["n"], found["retrieval"]["n"]) == (3, 2)
    assert found["retrieval"]["quote_within"]["2000"] == 0.5
    assert found["retrieval"]["section_hit@5"] == 0.5
    assert 0 < found["retrieval"]["mrr@10"] <= 0.5
    assert found["answers"] == {"n": 2, "answered": 2, "hit": 0.5, "citations": 2, "quotes_at_span": 0.5}
    assert found["abstention"] == {
        "answerable": 2, "unanswerable": 1, "auroc": 1.0, "true_refusals": 1, "false_refusals": 0,
    }  # fmt: skip
    assert [(row["id"], row["right"]) for row in found["by_question"]] == [("q1", True), ("q2", True), ("q3", False)]
    assert 0 <= found["latency"]["p50"] <= found["latency"]["p95"]
    json.dumps(found)


def test_the_first_question_warms_up_and_is_timed_afterwards(filled: KnowledgeBase, tmp_path: Path) -> None:
    script = Scripted({})
    found = evaluate(script, filled, write(tmp_path / "q.jsonl", SCALE, MISSING))
    assert script.asked == [SCALE["question"], SCALE["question"], MISSING["question"]]
    assert found["abstention"]["false_refusals"] == 1
    assert found["answers"]["quotes_at_span"] is None


def test_runs_and_tables_are_counted_and_none_is_called_right(filled: KnowledgeBase, tmp_path: Path) -> None:
    lines = (
        {"id": "r1", "question": "Best run?", "kind": "best_run", "answer": 0.9},
        {"id": "r2", "question": "Why?", "answer": None, "scope": "beyond_run"},
        {"id": 7, "question": "Mean age?", "answers": [["mean_age", "39"]], "file_name": "a.csv"},
    )
    found = evaluate(Scripted({}), filled, write(tmp_path / "q.jsonl", *lines))
    assert found["runs"] == {"n": 1, "not_scored": 1, "supported": False, "right": 0, "refusals": 0}
    assert found["tables"] == {"n": 1, "not_scored": 0, "supported": False, "right": 0, "refusals": 0}
    assert [row["id"] for row in found["by_question"]] == ["r1", "r2", "7"]
    assert found["abstention"]["auroc"] is None


@pytest.mark.parametrize("root", [".", "guide"])
def test_a_gold_file_is_found_from_any_root(kb: KnowledgeBase, pages: Path, tmp_path: Path, root: str) -> None:
    sync(kb, [str(pages / root)])
    found = evaluate(Scripted({}), kb, write(tmp_path / "q.jsonl", SCALE))
    assert found["retrieval"]["section_hit@5"] == 1.0


def test_a_file_with_the_same_last_name_is_another_file(filled: KnowledgeBase, tmp_path: Path) -> None:
    other = {**SCALE, "gold": [{**SCALE["gold"][0], "file": "other/scaling.md"}]}  # type: ignore[index,dict-item]
    found = evaluate(Scripted({}), filled, write(tmp_path / "q.jsonl", other))
    assert found["retrieval"]["section_hit@5"] == 0.0


BROKEN: tuple[Any, ...] = (
    "{",
    "[1]",
    "{}",
    '{"question": 3, "gold": []}',
    '{"question": "  ", "gold": []}',
    '{"question": "x"}',
    '{"question": "x", "gold": "y"}',
    '{"question": "x", "gold": [1]}',
    '{"question": "x", "gold": [{"section": "s"}]}',
    '{"question": "x", "gold": [{"file": "f", "quote": 1}]}',
)


@pytest.mark.parametrize("line", BROKEN)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(SCALE) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match="line 3") as caught:
        read_questions(path)
    assert caught.value.hint


def test_a_file_that_is_missing_or_no_text_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", "binary"):
        with pytest.raises(BadInput, match="cannot read"):
            read_questions(tmp_path / name)


def test_an_empty_file_has_no_questions(filled: KnowledgeBase, tmp_path: Path) -> None:
    found = evaluate(Scripted({}), filled, write(tmp_path / "q.jsonl"))
    assert (found["n"], found["latency"]) == (0, {"p50": 0.0, "p95": 0.0})


def test_the_shared_questions_can_be_read(shared_data: Path) -> None:
    parts = {name: read_questions(shared_data / "questions" / f"{name}_dev.jsonl") for name in ("retrieval", "runs")}
    assert {question.part for question in parts["retrieval"]} == {"docs"}
    assert {question.part for question in parts["runs"]} == {"runs"}


@pytest.mark.shared_data
def test_every_gold_quote_and_section_stands_in_what_the_loader_reads(shared_data: Path) -> None:
    from ingest.loaders import LOADERS
    from kb.metrics import comparable

    golds = {g for q in read_questions(shared_data / "questions" / "retrieval_dev.jsonl") for g in q.gold or ()}
    for name in sorted({gold.file for gold in golds}):
        path = shared_data / "mldocs" / name
        document = LOADERS["rst"](path.read_bytes(), path.name)
        text, headings = comparable(document.text), {comparable(h) for b in document.blocks for h in b.headings}
        for gold in (gold for gold in golds if gold.file == name):
            assert comparable(gold.quote) in text
            assert comparable(gold.section) in headings


# -- tables --------------------------------------------------------------------------------------------------------


class OverTables:
    """Answers questions over tables from a script of values by question, and keeps what it was asked with."""

    def __init__(self, script: Mapping[str, Any]) -> None:
        self._script = script
        self.asked: list[dict[str, Any]] = []

    def ask(self, question: str, *args: Any, **over: Any) -> Answer:
        """Return an answer whose values are scripted, a refusal without any; raise a scripted error."""
        self.asked.append(over)
        values = self._script.get(question)
        if isinstance(values, Exception):
            raise values
        reading = Reading(route="dataset", question=question, words="read", unread=() if values else ("blorbs",))
        made = computed(values) if values else None
        return Answer(question=question, reading=reading, abstained=not values, confidence=1.0, computation=made)


def computed(values: Mapping[str, Any]) -> Computation:
    """Return a computation that gave `values`."""
    return Computation(query=Query(steps=()), outcomes=(), values=values, trail=(), code="")


def line(id: str, question: str, *answers: list[Any], **more: str) -> dict[str, Any]:
    """Return a line of a question file over the table a.csv."""
    return {"id": id, "question": question, "answers": list(answers), "file_name": "a.csv", **more}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one table."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "a.csv").write_text("age,town\n1,Ulm\n2,Bonn\n", encoding="utf-8")
    return folder


def test_the_figures_over_tables_of_a_worked_example(kb: KnowledgeBase, data: Path, tmp_path: Path) -> None:
    lines = (
        line(
            "1",
            "right",
            ["mean_age", "1.50"],
            ["top", "ulm"],
            level="easy",
            constraints="Drop missing.",
            format="@x[y]",
        ),
        line("2", "half", ["a", "1"], ["b", "2"], level="easy"),
        line("3", "refused", ["a", "1"], level="hard"),
        line("4", "broken", ["a", "1"]),
        {**line("5", "right", ["a", "1"]), "file_name": "missing.csv"},
    )
    script = OverTables(
        {"right": {"Mean_Age": 1.5, "top": "Ulm "}, "half": {"a": 1, "b": 3}, "broken": ValueError("x")}
    )
    steps: list[tuple[int, int]] = []
    found = evaluate(script, kb, write(tmp_path / "q.jsonl", *lines), data=data, progress=lambda *s: steps.append(s))
    tables = found["tables"]
    assert (tables["n"], tables["answered"], tables["right"], tables["refusals"], tables["errors"]) == (5, 2, 1, 3, 2)
    assert (tables["share_right"], tables["right_of_answered"]) == (0.2, 0.5)
    assert (tables["values"], tables["values_right"]) == (7, 0.4286)
    assert {level: (c["n"], c["right"]) for level, c in tables["by_level"].items()} == {"easy": (2, 1), "hard": (1, 0)}
    assert steps == [(done, 5) for done in range(1, 6)]
    assert script.asked[0]["constraints"] == "Drop missing."
    assert script.asked[0]["format"] == "@x[y]"
    assert script.asked[0]["dataset"].rows == 2
    json.dumps(found)


def test_a_row_tells_what_was_answered_and_what_was_expected(kb: KnowledgeBase, data: Path, tmp_path: Path) -> None:
    lines = (line("1", "half", ["a", "1"], ["b", "2"]), {**line("2", "half", ["a", "1"]), "file_name": "missing.csv"})
    found = evaluate(OverTables({"half": {"a": 1, "b": 3}}), kb, write(tmp_path / "q.jsonl", *lines), data=data)
    half, missing = found["by_question"]
    assert half["answered"] == {"a": 1, "b": 3}
    assert half["expected"] == {"a": "1", "b": "2"}
    assert (half["right"], half["abstained"], half["values_right"]) == (False, False, 1)
    assert missing["abstained"] is True
    assert missing["answered"] is None
    assert "missing.csv" in missing["error"]


def test_a_table_is_opened_once_for_all_its_questions(kb: KnowledgeBase, data: Path, tmp_path: Path) -> None:
    script = OverTables({})
    evaluate(script, kb, write(tmp_path / "q.jsonl", *(line(str(i), "q", ["a", "1"]) for i in range(3))), data=data)
    assert len({id(over["dataset"]) for over in script.asked}) == 1


@pytest.mark.parametrize(
    ("expected", "given", "equal"),
    [
        ("39.21", 39.21, True),
        ("39.21", 39.2100004, True),
        ("39.21", 39.2101, False),
        ("1,234", 1234, True),
        ("12.5%", 12.5, True),
        ("5", "5.0", True),
        ("Yes", " yes", True),
        ("True", True, True),
        ("1", True, False),
        ("nan", None, True),
        ("0", None, False),
        ("nan", float("nan"), True),
        ("[1, 2]", [1, 2.0], True),
        ("['a', 'B']", ("A", "b"), True),
        ("[1, 2]", [2, 1], False),
        ("a", ["a"], True),
        ("[]", [], True),
        ([1, "x"], [1, "X"], True),
        ("1", [1, 2], False),
    ],
)
def test_values_are_equal_as_numbers_lists_and_texts(expected: Any, given: Any, equal: bool) -> None:
    assert same(expected, given) is equal


BROKEN_TABLES: tuple[dict[str, Any], ...] = (
    {"question": "x", "answers": []},
    {"question": "x", "answers": [["a"]], "file_name": "a.csv"},
    {"question": "x", "answers": [["a", 1]]},
    {"question": "x", "answers": [["a", 1]], "file_name": "a.csv", "constraints": 3},
)


@pytest.mark.parametrize("broken", BROKEN_TABLES)
def test_a_malformed_line_over_a_table_is_named_by_its_number(tmp_path: Path, broken: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="line 2"):
        read_questions(write(tmp_path / "q.jsonl", SCALE, broken))


def test_tables_are_kept_only_while_they_fit(data: Path) -> None:
    (data / "b.csv").write_text("x\n1\n", encoding="utf-8")
    tables = OpenTables(data, keep=1)
    first = tables.get("a.csv")
    assert tables.get("a.csv") is first
    tables.get("b.csv")
    assert tables.get("a.csv") is not first


def test_a_table_that_changed_is_opened_again_and_corrections_tell_apart(data: Path) -> None:
    tables = OpenTables(data)
    first = tables.get("a.csv")
    assert tables.get("a.csv", {"header": False}).rows == 3
    (data / "a.csv").write_text("age,town\n1,Ulm\n2,Bonn\n3,Köln\n", encoding="utf-8")
    assert tables.get("a.csv").rows == first.rows + 1
