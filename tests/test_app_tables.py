"""The chat page over a table without a browser: what the address opens, what is asked once, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest
from test_app import APP, trees

from assistant.dataset.steps import Col, Measure, Query
from assistant.dataset.wire import link, query_json
from ingest.split import FINGERPRINT
from kb import conversations, datasets, readings
from kb.embed import MiniLM
from kb.knowledge import KnowledgeBase

RIDES = "city,fare,__class__\n" + "".join(f"{'Oslo' if n % 2 else 'Bergen'},{n},<b>{n % 3}</b>\n" for n in range(40))
MEAN = Query(steps=(Measure(label="mean of fare", function="mean", columns=(Col("fare"),)),))


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    """An empty knowledge base."""
    with KnowledgeBase(tmp_path / "home", embedder=MiniLM(), splitter=FINGERPRINT) as opened:
        yield opened


@pytest.fixture
def table(base: KnowledgeBase, tmp_path: Path) -> datasets.Dataset:
    """A table that the knowledge base knows."""
    path = tmp_path / "rides.csv"
    path.write_text(RIDES, "utf-8")
    return datasets.add_path(base.catalogue, path)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, base: KnowledgeBase) -> Iterator[AppTest]:
    """The app over `base`, with nothing left over from another test."""
    monkeypatch.setenv("CITEWISE_HOME", str(base.home))
    config.set_option("server.address", "127.0.0.1")
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file(APP, default_timeout=90)
    st.cache_resource.clear()
    st.cache_data.clear()
    config.set_option("server.address", None)


def asked(base: KnowledgeBase) -> list[str]:
    """Return the questions of the latest conversation."""
    return [made.question for made in conversations.turns(base.catalogue, conversations.recent(base.catalogue)[0].id)]


def test_the_address_opens_a_table_beside_the_chat(app: AppTest, table: datasets.Dataset, base: KnowledgeBase) -> None:
    app.query_params["d"] = table.id
    app.run()
    assert not app.exception
    assert "Ask about rides.csv" in trees(app)
    assert "40 rows × 3 columns" in trees(app)
    known = datasets.get(base.catalogue, table.id)
    assert known is not None
    assert (known.rows, known.columns) == (40, 3)


def test_a_question_over_the_table_is_computed_and_kept_with_it(
    app: AppTest, table: datasets.Dataset, base: KnowledgeBase
) -> None:
    app.query_params["d"] = table.id
    app.run()
    app.chat_input[0].set_value("What is the mean of fare?").run()
    assert not app.exception
    assert "19.5" in trees(app)
    assert "df['fare'].mean()" in trees(app)
    app.run()
    assert asked(base) == ["What is the mean of fare?"]
    turn = conversations.turns(base.catalogue, conversations.recent(base.catalogue)[0].id)[0]
    assert turn.answer["dataset"]["path"] == str(table.path)


def test_a_link_runs_its_reading_once(app: AppTest, table: datasets.Dataset, base: KnowledgeBase) -> None:
    app.query_params["d"], app.query_params["r"] = table.id, link(MEAN)
    app.run()
    app.run()
    assert not app.exception
    assert "19.5" in trees(app)
    assert "r" not in app.query_params
    assert len(asked(base)) == 1


@pytest.mark.parametrize("damage", ["x", "eNp", "<script>"])
def test_a_damaged_link_is_told_and_asked_no_more(app: AppTest, table: datasets.Dataset, damage: str) -> None:
    app.query_params["d"], app.query_params["r"] = table.id, damage
    app.run()
    assert not app.exception
    assert 'class="cw-notice"' in trees(app)
    app.run()
    assert 'class="cw-notice"' not in trees(app)


def test_a_conversation_brings_its_table_back(app: AppTest, table: datasets.Dataset, base: KnowledgeBase) -> None:
    app.query_params["d"] = table.id
    app.run()
    app.chat_input[0].set_value("What is the mean of fare?").run()
    chat = conversations.recent(base.catalogue)[0].id
    later = AppTest.from_file(APP, default_timeout=90)
    later.query_params["c"] = chat
    later.run()
    assert later.session_state["dataset"] == table.id


def test_an_unknown_table_in_the_address_is_none(app: AppTest) -> None:
    app.query_params["d"] = "nothing"
    app.run()
    assert not app.exception
    assert "Ask a table, or your documentation" in trees(app)


def test_a_table_whose_file_is_gone_says_so(app: AppTest, table: datasets.Dataset) -> None:
    table.path.unlink()
    app.query_params["d"] = table.id
    app.run()
    assert not app.exception
    assert "put the file back" in trees(app).lower()


def test_a_saved_reading_of_a_table_that_changed_is_marked(
    app: AppTest, table: datasets.Dataset, base: KnowledgeBase
) -> None:
    saved = {"name": "mean", "question": "mean fare", "query": query_json(MEAN), "fingerprint": "before"}
    readings.save(base.catalogue, dataset=table.id, values={"mean of fare": 1.0}, **saved)
    app.query_params["d"] = table.id
    app.run()
    for _ in range(40):
        if readings.list_of(base.catalogue)[0].changes:
            break
        app.run()
    app.run()
    assert "mean of fare: 19.50, was 1" in trees(app)
