"""Questions from a JSONL file to one JSON object a line, in order, from one process; a bad line stops no other."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kb.errors import BadInput, CitewiseError

Line = dict[str, Any]


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a JSONL file (`-` is standard input) with their numbers; blank ones are left out.

    Raises BadInput where it cannot be opened.
    """
    if str(path) == "-":
        yield from _numbered(sys.stdin)
        return
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            yield from _numbered(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput(f"cannot read {path}: {reason}", hint="name a JSONL file, or - for standard input") from error


def _numbered(lines: Any) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line


def parse(line: str) -> Line:
    """Return a line's object. Raises BadInput where it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"not a JSON object: {error}", hint="each line is an object with id and question") from error
    if not isinstance(value, dict):
        raise BadInput(f"not a JSON object but {type(value).__name__}", hint="each line is an object with a question")
    return value


def question_of(line: Mapping[str, Any]) -> str:
    """Return the question of a batch line. Raises BadInput where there is none."""
    question = line.get("question", line.get("query"))
    if not isinstance(question, str) or not question.strip():
        raise BadInput(f"the line has no question, got {question!r}", hint='write {"id": …, "question": "…"}')
    return clean_input(question)


def clean_input(text: str) -> str:
    """Return `text` with what no file and no database can hold (lone surrogates) as U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if not _encodes(text) else text


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def run(path: Path, answer: Callable[[Line], Line], emit: Callable[[Line], None]) -> tuple[int, int]:
    """Answer each line of `path` and emit the object with the line's `id`; return how many were done and failed."""
    done = failed = 0
    for number, raw in read_lines(path):
        line: Line = {}
        try:
            line = parse(raw)
            result = answer(line)
            done += 1
        except CitewiseError as error:
            result = {"error": error.message, "hint": error.hint, "line": number}
            failed += 1
        except Exception as error:  # noqa: BLE001 - the border: one line's failure must not stop the others
            result = {"error": f"{type(error).__name__}: {error}", "hint": "", "line": number}
            failed += 1
        emit({"id": line.get("id"), **result})
    return done, failed
