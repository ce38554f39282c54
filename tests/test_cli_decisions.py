"""`citewise decide` and `why`: recorded by hand, told again, errors with exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ui.cli import app


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), *arguments])


def told(result: Result) -> dict[str, Any]:
    (line,) = result.stdout.splitlines()
    value: dict[str, Any] = json.loads(line)
    return value


def test_a_decision_recorded_by_hand_is_told_again(tmp_path: Path) -> None:
    done = call(tmp_path, "decide", "--stage", "model", "--choice", "LightGBM", "--because", "It is quick.", "--json")
    assert done.exit_code == 0
    answer = told(call(tmp_path, "why", "why", "LightGBM?", "--json"))
    assert answer["decisions"][0]["id"] == told(done)["id"]
    assert [claim["text"] for claim in answer["claims"]] == ["LightGBM", "It is quick."]


def test_what_was_superseded_is_shown_as_such(tmp_path: Path) -> None:
    call(tmp_path, "decide", "--stage", "model", "--choice", "Trees", "--because", "They are simple.")
    call(
        tmp_path, "decide", "--stage", "model", "--choice", "Boosting", "--because", "It won.", "--supersedes", "Trees"
    )
    shown = call(tmp_path, "why", "why trees?").stdout
    assert "[current] Boosting" in shown
    assert "[superseded] Trees" in shown
    assert "replaced “Trees”" in shown


def test_no_reason_recorded_is_an_answer(tmp_path: Path) -> None:
    call(tmp_path, "decide", "--stage", "model", "--choice", "Trees")
    done = call(tmp_path, "why", "why is gamma 7?", "--json")
    assert done.exit_code == 0
    assert told(done)["abstained"]
    assert told(done)["missing"] == ["No reason was recorded for gamma."]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stage", "cooking", "--choice", "x"), "no stage 'cooking'"),
        (("--stage", "model", "--choice", " "), "needs a choice"),
        (("--stage", "model", "--choice", "x", "--run", "nope"), "no run 'nope'"),
        (("--stage", "model", "--choice", "x", "--supersedes", "nope"), "no decision 'nope'"),
        (("--stage", "model", "--choice", "x", "--dataset", "nope.csv"), "no table at 'nope.csv'"),
    ],
)
def test_what_cannot_be_recorded_is_told_with_exit_code_1(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = call(tmp_path, "decide", *arguments, "--json")
    assert done.exit_code == 1
    assert said in told(done)["error"]
    assert told(done)["hint"]


def test_a_missing_option_is_bad_usage(tmp_path: Path) -> None:
    assert call(tmp_path, "decide", "--choice", "x").exit_code == 2
    assert call(tmp_path, "why").exit_code == 2


def test_without_a_home_why_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITEWISE_HOME", "")
    done = CliRunner().invoke(app, ["why", "why x?", "--json"])
    assert done.exit_code == 1
    assert "no knowledge base" in told(done)["error"]
