"""Was it tried: exact and near configurations, what came of them, and what nobody tried nearby."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from assistant.tried import in_words, tried, tried_json
from assistant.tried_config import config_of, read_config
from assistant.tried_values import near_values
from kb import store
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.records import Direction, Point, Run, Scalar, State
from kb.run_put import put_runs
from kb.types import SourceKey
from ui.cli import app

LOSS = {"val_loss": Direction.MINIMIZE}


def run(name: str, loss: float, **params: Scalar) -> Run:
    point = Point("val_loss", loss, step=3, split="valid")
    return Run(
        tracker="t",
        run_id=name,
        source=name,
        experiment="e",
        state=State.FINISHED,
        params=params,
        directions=LOSS,
        history=lambda: iter((point,)),
    )


def put(kb: KnowledgeBase, *runs: Run) -> None:
    with kb.catalogue.write() as conn:
        key = SourceKey(collection="default", root="team", source="runs")
        source = store.set_source(conn, key, kind="runs", hash="")
    put_runs(kb.catalogue, source, runs)


@pytest.fixture
def history(kb: KnowledgeBase) -> KnowledgeBase:
    """Five runs over learning rate, depth and model."""
    put(
        kb,
        run("a", 0.50, **{"opt.lr": 0.1, "max_depth": 6, "model": "lgbm", "seed": 1}),
        run("b", 0.40, **{"opt.lr": 0.01, "max_depth": 6, "model": "lgbm", "seed": 1}),
        run("c", 0.45, **{"opt.lr": 0.01, "max_depth": 6, "model": "lgbm", "seed": 2}),
        run("d", 0.60, **{"opt.lr": 0.001, "max_depth": 9, "model": "xgb", "seed": 1}),
        run("other", 0.1, alpha=1),
    )
    return kb


def test_an_exact_configuration_is_found_with_what_came_of_it(history: KnowledgeBase) -> None:
    found = tried(history.catalogue, {"lr": 0.01, "max_depth": "6", "model": "LGBM", "seed": 1})
    assert (found.times, found.considered) == (2, 4)
    told = [(match.run.run_id, match.outcome.metric.last, match.outcome.rank) for match in found.exact if match.outcome]
    assert told == [("b", 0.40, 2), ("c", 0.45, 3)]
    assert [(d.param, d.wanted, d.had, d.repeat) for d in found.exact[1].differences] == [("seed", 1, 2, True)]


def test_numbers_written_as_text_are_numbers(history: KnowledgeBase) -> None:
    assert tried(history.catalogue, config_of({"opt": {"lr": "1e-2"}, "max_depth": 6.0, "model": "lgbm"})).times == 2


def test_the_nearest_come_in_order_with_what_differs(history: KnowledgeBase) -> None:
    found = tried(history.catalogue, {"lr": 0.02, "max_depth": 6, "model": "lgbm"})
    assert found.times == 0
    assert [match.run.run_id for match in found.near] == ["b", "c", "a"]
    assert found.near[0].distance == pytest.approx(math.log(2) / math.log(100) / 3)
    assert [(d.param, d.wanted, d.had) for d in found.near[0].differences] == [("lr", 0.02, 0.01)]


def test_what_a_run_did_not_log_keeps_it_from_being_the_same(kb: KnowledgeBase) -> None:
    put(kb, run("a", 0.3, lr=0.01, depth=6), run("b", 0.3, lr=0.01, depth=6, model="lgbm"))
    found = tried(kb.catalogue, {"lr": 0.01, "depth": 6, "model": "lgbm"})
    assert [match.run.run_id for match in found.exact] == ["b"]
    assert [(match.run.run_id, match.unlogged) for match in found.near] == [("a", ("model",))]


def test_what_nobody_logged_is_told(history: KnowledgeBase) -> None:
    found = tried(history.catalogue, {"lr": 0.01, "warmup": 5, "output_dir": "x"})
    assert found.unknown == ("warmup",)
    assert found.idle == ("output_dir",)


def test_nothing_in_common_is_an_answer(history: KnowledgeBase) -> None:
    found = tried(history.catalogue, {"warmup": 5})
    assert (found.considered, found.exact, found.near) == (0, (), ())
    assert list(in_words(found)) == ["No stored run logs any of these parameters."]


def test_of_two_parameters_with_one_last_part_the_right_one_is_compared(kb: KnowledgeBase) -> None:
    put(kb, run("a", 0.1, **{"enc.lr": 0.1, "dec.lr": 0.2}), run("b", 0.2, **{"enc.lr": 0.2, "dec.lr": 0.1}))
    found = tried(kb.catalogue, config_of({"enc": {"lr": 0.1}, "dec": {"lr": 0.2}}))
    assert [match.run.run_id for match in found.exact] == ["a"]


def test_a_metric_can_be_named(history: KnowledgeBase) -> None:
    with pytest.raises(BadInput, match="no run logged a metric 'nope'"):
        tried(history.catalogue, {"lr": 0.01}, metric="nope")
    assert tried(history.catalogue, {"lr": 0.1}, metric="val_loss").exact[0].outcome is not None


# -- near values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "tried_", "expected"),
    [
        (6.0, (3.0, 6.0, 9.0), (5.0, 7.0)),
        (1.0, (1.0, 2.0), ()),
        (0.01, (0.001, 0.01, 0.1), (0.0032, 0.032)),
        (0.1, (0.001, 0.01, 0.1), (0.032, 1.0)),
        (0.3, (0.1, 0.2, 0.3), (0.25, 0.4)),
        (256.0, (64.0, 128.0, 256.0), (181.0, 512.0)),
    ],
)
def test_near_values_are_those_between_and_beyond(
    value: float, tried_: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    assert near_values("p", value, tried_).values == expected


@given(st.floats(1e-6, 1e6), st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20))
@settings(max_examples=100)
def test_near_values_were_never_tried(value: float, tried_: list[float]) -> None:
    found = near_values("p", value, sorted(tried_))
    assert not any(math.isclose(one, other, rel_tol=1e-9) for one in found.values for other in (*tried_, value))


# -- against a naive oracle ------------------------------------------------------------------------------------------

PARAMS = st.fixed_dictionaries(
    {"lr": st.sampled_from([0.1, 0.01, 0.001]), "depth": st.integers(1, 4), "kind": st.sampled_from(["a", "b"])}
)


@given(st.lists(PARAMS, min_size=1, max_size=12), PARAMS)
@settings(max_examples=25)
def test_exact_runs_are_those_a_naive_comparison_finds(
    tmp_path_factory: pytest.TempPathFactory, runs: list[dict[str, Any]], wanted: dict[str, Any]
) -> None:
    from fakes import HashingEmbedder

    with KnowledgeBase(tmp_path_factory.mktemp("t") / "home", embedder=HashingEmbedder()) as kb:
        put(kb, *(run(f"r{at}", float(at), **params) for at, params in enumerate(runs)))
        found = tried(kb.catalogue, wanted)
    same = {f"r{at}" for at, params in enumerate(runs) if params == wanted}
    assert {match.run.run_id for match in found.exact} == same
    assert found.times == len(same)
    assert all(a.distance <= b.distance for a, b in zip(found.near, found.near[1:], strict=False))


# -- files and the command -------------------------------------------------------------------------------------------


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{n}: &{n} [*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.yaml", "- 1\n- 2\n", "no parameters by name"),
        ("c.yaml", "", "no parameters by name"),
        ("c.yaml", "{}", "is empty"),
        ("c.yaml", "a: [1\n", "cannot be read as yaml"),
        ("c.json", "{", "cannot be read as json"),
        ("c.yaml", BOMB, "a list of more than"),
        ("c.yaml", "!!python/object/apply:os.system ['true']", "cannot be read"),
        ("c.json", '{"a":' * 30 + "1" + "}" * 30, "nested more than"),
        ("c.yaml", "".join(f"p{n}: 1\n" for n in range(3000)), "more than 2,000"),
    ],
)
def test_a_file_that_is_no_configuration_is_a_clear_error(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_config(written(tmp_path, name, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "lr: 1e-3\nopt:\n  name: adam\n  betas: [0.9, 0.99]\n",
            {"lr": 0.001, "opt.name": "adam", "opt.betas": "[0.9, 0.99]"},
        ),
        ("lr:\n  desc: null\n  value: 0.1\n", {"lr": 0.1}),
        ("on: true\nx: null\n", {"True": True, "x": None}),
    ],
)
def test_configurations_are_flattened_and_typed(tmp_path: Path, text: str, expected: Mapping[str, Scalar]) -> None:
    assert read_config(written(tmp_path, "c.yaml", text)) == expected


@pytest.fixture
def home(history: KnowledgeBase) -> Path:
    return history.home


def test_the_command_prints_one_object(home: Path, tmp_path: Path) -> None:
    config = written(tmp_path, "c.yaml", "lr: 0.01\nmax_depth: 6\nmodel: lgbm\n")
    done = CliRunner().invoke(app, ["--home", str(home), "tried", str(config), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["times"], told["exact"][0]["run_id"], told["exact"][0]["value"]) == (2, "b", 0.4)
    assert told["exact"][0]["citations"][0]["field"] == "metrics.val_loss"
    assert {"param": "max_depth", "value": 6, "tried": True, "values": [5.0, 7.0]} in told["not_tried"]


def test_the_command_says_it_in_words(home: Path, tmp_path: Path) -> None:
    config = written(tmp_path, "c.json", '{"lr": 0.02, "max_depth": 6, "model": "lgbm"}')
    shown = CliRunner().invoke(app, ["--home", str(home), "tried", str(config)]).stdout
    assert "Not run before, among 4 runs" in shown
    assert "lr was 0.01 (not 0.02)" in shown


def test_a_file_that_is_not_there_is_a_clear_error(home: Path) -> None:
    done = CliRunner().invoke(app, ["--home", str(home), "tried", "nope.yaml", "--json"])
    assert done.exit_code == 1
    assert "cannot be read" in json.loads(done.stdout)["error"]


def test_json_of_odd_values_is_json(kb: KnowledgeBase) -> None:
    put(kb, run("a", math.nan, lr=0.1))
    json.dumps(tried_json("c", tried(kb.catalogue, {"lr": 0.1})), allow_nan=False)
