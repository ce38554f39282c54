"""Questions over tables on the command line: options, batches, evaluations, with and without a home."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kb.errors import BadInput
from ui.cli import app
from ui.opening import corrections_of, tables_in

ASK = {"question", "abstained", "missing", "confidence", "text", "claims", "reading", "result", "suggestions"}
HOMES = "town,price,rooms\nUlm,100,2\nUlm,300,3\nBonn,200,2\nBonn,,4\nKiel,900,5\n"


def call(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [*arguments], input=stdin)


def one_object(result: Result) -> dict[str, Any]:
    """Return the only object on standard output."""
    lines = result.stdout.splitlines()
    assert len(lines) == 1, (lines, result.stderr)
    value: dict[str, Any] = json.loads(lines[0])
    return value


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def write_lines(path: Path, *lines: Mapping[str, Any]) -> str:
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return str(path)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, without a home, with one small table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CITEWISE_HOME", raising=False)
    (tmp_path / "homes.csv").write_text(HOMES, encoding="utf-8")
    return tmp_path


# -- one question --------------------------------------------------------------------------------------------------


def test_a_table_is_asked_without_any_home_and_leaves_none_behind(folder: Path) -> None:
    result = call("ask", "what is the mean price?", "--dataset", "homes.csv", "--json")
    answer = one_object(result)
    assert result.exit_code == 0
    assert answer.keys() >= ASK
    assert answer["abstained"] is False
    [cited] = answer["claims"][0]["citations"]
    assert (cited["kind"], cited["dataset"], cited["value"]) == ("dataset", "homes.csv", 375.0)
    assert "home: none" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["homes.csv"]


def test_values_are_given_back_under_the_names_asked_for() -> None:
    options = ("--constraints", "Round to one decimal place.", "--format", "@mean_price[value], a number")
    answer = one_object(call("ask", "what is the mean price?", "--dataset", "homes.csv", "--json", *options))
    assert answer["result"]["kind"] == "values"
    assert answer["result"]["value"] == {"mean_price": 375.0}


def test_in_words_the_value_its_expression_and_the_reading_are_shown() -> None:
    result = call("ask", "what is the mean price by town?", "--dataset", "homes.csv")
    assert result.exit_code == 0
    assert "900" in result.stdout
    assert "groupby" in result.stdout
    assert "Read as" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert "\x1b" not in result.stdout


def test_a_reading_that_waits_is_run_when_told_to() -> None:
    asked = ("ask", "what is the mean price of the zyxomma?", "--dataset", "homes.csv")
    waits = one_object(call(*asked, "--json"))
    assert waits["abstained"] is True
    assert waits["reading"]["unread"] == ["zyxomma"]
    assert "--anyway" in call(*asked).stdout
    runs = one_object(call(*asked, "--anyway", "--json"))
    assert runs["abstained"] is False
    assert runs["claims"][0]["citations"][0]["value"] == 375.0


def test_every_nearest_reading_that_is_offered_runs() -> None:
    asked = ("ask", "what is the mean price of the zyxomma?", "--dataset", "homes.csv", "--json")
    offered = one_object(call(*asked))["reading"]["nearest"]
    for number in range(1, len(offered) + 1):
        assert one_object(call(*asked, "--nearest", str(number)))["abstained"] is False
    beyond = call(*asked, "--nearest", "99")
    assert beyond.exit_code == 1
    assert "no nearest reading 99" in one_object(beyond)["error"]


def test_corrections_change_how_a_file_is_read(folder: Path) -> None:
    (folder / "odd.txt").write_text("a|b\n1|2\n3|4\n", encoding="utf-8")
    answer = one_object(call("ask", "sum of b", "--dataset", "odd.txt", "--correct", "delimiter=pipe", "--json"))
    assert answer["claims"][0]["citations"][0]["value"] == 6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dataset", "hoems.csv"), "no file 'hoems.csv'"),
        (("--dataset", "homes.csv", "--target", "prise"), "no column 'prise'"),
        (("--dataset", "homes.csv", "--correct", "delimiter"), "NAME=VALUE"),
        (("--dataset", "homes.csv", "--correct", "colour=red"), "'colour'"),
        (("--dataset", "."), "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_asked_is_an_error_with_a_hint(options: tuple[str, ...], said: str) -> None:
    result = call("ask", "mean price?", *options, "--json")
    failed = one_object(result)
    assert result.exit_code == 1
    assert said in failed["error"]
    assert failed["hint"]
    assert "Hint: " in result.stderr


def test_a_table_with_a_near_name_is_in_the_hint() -> None:
    assert "homes.csv" in one_object(call("ask", "mean?", "--dataset", "hoems.csv", "--json"))["hint"]


def test_options_about_a_table_need_one() -> None:
    for option in (("--target", "x"), ("--format", "@x[y]"), ("--constraints", "y")):
        assert call("ask", "mean?", *option).exit_code == 2
    assert call("ask", "mean?").exit_code == 1


# -- batches -------------------------------------------------------------------------------------------------------


def test_a_batch_asks_each_line_over_its_own_table(folder: Path) -> None:
    (folder / "other.csv").write_text("price\n1\n3\n", encoding="utf-8")
    lines = (
        {"id": "a", "question": "mean price?", "dataset": "homes.csv", "target": "rooms"},
        {"id": "b", "question": "mean price?", "dataset": "other.csv", "format": "@m[value]"},
        {"id": "c", "question": "mean price?", "dataset": "none.csv"},
        {"id": "d", "question": "mean price?", "dataset": 3},
        {"id": "e", "question": "mean price?", "dataset": "homes.csv", "target": "nothing"},
        {"id": "f", "question": "mean price?", "dataset": "homes.csv"},
    )
    result = call("ask", "--batch", write_lines(folder / "batch.jsonl", *lines))
    got = objects(result)
    assert result.exit_code == 0
    assert [line["id"] for line in got] == list("abcdef")
    assert ["error" in line for line in got] == [False, False, True, True, True, False]
    assert all(line["hint"] for line in got if "error" in line)
    assert got[0]["claims"][0]["citations"][0]["value"] == 375.0
    assert got[1]["result"]["value"] == {"m": 2.0}


def test_a_table_lies_beside_its_batch_or_comes_from_the_option(folder: Path) -> None:
    below = folder / "below"
    below.mkdir()
    (below / "near.csv").write_text("price\n5\n", encoding="utf-8")
    lines = ({"question": "max price?", "dataset": "near.csv"}, {"question": "max price?"})
    got = objects(call("ask", "--dataset", "homes.csv", "--batch", write_lines(below / "b.jsonl", *lines)))
    assert [line["claims"][0]["citations"][0]["value"] for line in got] == [5, 900.0]


def test_a_batch_without_tables_still_needs_a_home(folder: Path) -> None:
    result = call("ask", "--batch", write_lines(folder / "b.jsonl", {"question": "why?"}))
    assert result.exit_code == 1
    assert "no knowledge base" in result.stderr


# -- evaluations ---------------------------------------------------------------------------------------------------


def test_eval_over_tables_needs_no_home_and_reports_its_part(folder: Path) -> None:
    mean = {"question": "what is the mean price?", "file_name": "homes.csv", "format": "@m[value]"}
    lines = (
        {**mean, "id": 1, "answers": [["m", "375"]], "level": "easy"},
        {**mean, "id": 2, "answers": [["m", "1"]], "question": "what is the mean zyxomma?"},
        {**mean, "id": 3, "answers": [["m", "1"]], "file_name": "none.csv"},
        {**mean, "id": 4, "answers": [["M", "375"], ["n", "1"]]},
    )
    file = write_lines(folder / "q.jsonl", *lines)
    got = one_object(call("eval", file, "--data", str(folder), "--json"))
    assert (got["tables"]["n"], got["tables"]["right"], got["tables"]["refusals"]) == (4, 1, 2)
    assert [row["right"] for row in got["by_question"]] == [True, False, False, False]
    shown = call("eval", file, "--data", str(folder)).stdout
    assert "tables: 1 of 4 right (25.0%, 50.0% of those answered), 2 answered, 2 refused" in shown
    assert "4  n nothing (expected 1)" in shown
    assert "easy: 1 of 1 right" in shown
    assert "none.csv" in shown


def test_eval_without_the_folder_of_its_tables_counts_them_only(folder: Path) -> None:
    file = write_lines(folder / "q.jsonl", {"question": "x", "answers": [["m", "1"]], "file_name": "homes.csv"})
    assert call("eval", file).exit_code == 1
    missing = call("eval", file, "--data", "nowhere", "--json")
    assert missing.exit_code == 1
    assert "nowhere" in one_object(missing)["error"]


# -- what lies here ------------------------------------------------------------------------------------------------


def test_without_a_command_the_tables_here_are_named_with_a_question_that_works(folder: Path) -> None:
    shown = call().stdout
    assert "1 table here: homes.csv" in shown
    assert "citewise chat --dataset homes.csv" in shown
    told = one_object(call("--json"))
    assert told["tables"] == ["homes.csv"]
    assert told["suggestion"] == 'citewise ask "what should I look at first?" --dataset homes.csv'
    assert one_object(call("ask", "what should I look at first?", "--dataset", "homes.csv", "--json"))["claims"]


def test_tables_are_found_here_and_one_folder_below(tmp_path: Path) -> None:
    for name in (
        "b.parquet",
        "data/a.csv.gz",
        "data/deep/x.csv",
        "node_modules/y.csv",
        ".hidden/z.csv",
        "package.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in tables_in(tmp_path)]
    assert found == ["b.parquet", "homes.csv", "data/a.csv.gz"]
    assert tables_in(tmp_path / "nowhere") == ()


# -- corrections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (["delimiter=;", "decimal=,"], {"delimiter": ";", "decimal": ","}),
        (["delimiter=tab"], {"delimiter": "\t"}),
        (["header=no", "skip=2"], {"header": False, "skip": 2}),
        (["missing=?,-"], {"missing": ("?", "-")}),
        (["types.age=number", "types.id=text"], {"types": {"age": "number", "id": "text"}}),
        (["dates.day=%d.%m.%Y"], {"dates": {"day": "%d.%m.%Y"}}),
        (['missing=["a,b"]'], {"missing": ("a,b",)}),
        (["delimiter=="], {"delimiter": "="}),
        (None, {}),
    ],
)
def test_corrections_are_read_from_what_is_typed(given: list[str] | None, made: dict[str, Any]) -> None:
    assert corrections_of(given) == made


def test_a_correction_that_is_no_json_is_named() -> None:
    with pytest.raises(BadInput, match="types"):
        corrections_of(["types={"])


# -- chat ----------------------------------------------------------------------------------------------------------


def test_chat_about_a_table_reads_commands_from_a_pipe_and_needs_no_home() -> None:
    said = call("chat", "--dataset", "homes.csv", stdin="mean price\n:open 1\n:columns\n:drop 99\nmax price\n:quit\n")
    assert said.exit_code == 0
    assert "375" in said.stdout
    assert "expression" in said.stdout
    assert "900" in said.stdout
    assert "there is no chip 99" in said.stderr
    assert "\x1b" not in said.stdout


def test_chat_as_json_holds_each_turn_over_the_table() -> None:
    told = one_object(call("chat", "--dataset", "homes.csv", "--json", stdin="mean price\n:columns\nmax price\n"))
    assert [turn["result"]["kind"] for turn in told["turns"]] == ["values", "values"]
    assert [turn["claims"][0]["citations"][0]["value"] for turn in told["turns"]] == [375.0, 900.0]


def test_a_target_of_a_chat_must_be_a_column() -> None:
    assert call("chat", "--dataset", "homes.csv", "--target", "nothing").exit_code == 1
    assert call("chat", "--target", "price").exit_code == 2
