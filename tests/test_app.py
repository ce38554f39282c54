"""The app without a browser: what its trees hold, how a page runs, and what it does when something goes wrong."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some
from streamlit import config
from streamlit.testing.v1 import AppTest

from assistant.assistant import Assistant
from assistant.wire import answer_json
from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb import conversations, jobs
from kb.conversations import Turn
from kb.embed import MiniLM
from kb.knowledge import KnowledgeBase
from kb.types import SourceState
from ui import render, shelf
from ui.nodes import TAGS, button, el, html, plain, text_of
from ui.state import is_local
from ui.views.library import arguments

ROOT = Path(__file__).resolve().parent.parent
APP = str(ROOT / "ui" / "app.py")


@pytest.fixture
def filled(tmp_path: Path, pages: Path) -> Iterator[KnowledgeBase]:
    """A knowledge base of four pages and one that cannot be read, with the model the app uses."""
    (pages / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is cut off")
    with KnowledgeBase(tmp_path / "home", embedder=MiniLM(), splitter=FINGERPRINT) as opened:
        sync(opened, [str(pages)])
        yield opened


@pytest.fixture
def bare() -> Iterator[AppTest]:
    """The app with nothing left over from another test, served to this machine."""
    config.set_option("server.address", "127.0.0.1")
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file(APP, default_timeout=60)
    st.cache_resource.clear()
    st.cache_data.clear()
    config.set_option("server.address", None)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, filled: KnowledgeBase, bare: AppTest) -> AppTest:
    """The app over `filled`."""
    monkeypatch.setenv("CITEWISE_HOME", str(filled.home))
    return bare


@pytest.fixture
def library(app: AppTest) -> AppTest:
    """The library page over `filled`."""
    return AppTest.from_function(_library_page, default_timeout=60)


def _library_page() -> None:
    from ui.views import library

    library.page()


def trees(app: AppTest) -> str:
    """Return everything that the app's trees and escaped HTML hold, as one text."""
    surfaces = [json.dumps(json.loads(e.proto.json), ensure_ascii=False) for e in app.get("bidi_component")]
    return "\n".join([*surfaces, *(e.proto.body for e in app.get("html"))])


# -- trees -----------------------------------------------------------------------------------------------------


@given(some.text())
def test_no_text_becomes_markup(text: str) -> None:
    made = html(el("p", text, text, label=text))
    assert made.count("<") == 2
    assert made.count(">") == 2
    assert '"' not in made.removeprefix('<p class="').replace('" title="', "", 1).replace('">', "", 1)


def test_only_tags_that_load_nothing_can_be_made() -> None:
    assert TAGS.isdisjoint({"a", "img", "script", "style", "iframe", "svg", "form", "input", "link", "object"})
    with pytest.raises(ValueError, match="img"):
        el("img")


def test_the_browser_knows_the_same_tags_as_the_tree() -> None:
    script = (ROOT / "ui" / "assets" / "surface.js").read_text("utf-8")
    named = script.split("new Set(", 1)[1].split(".split", 1)[0]
    assert frozenset(named.replace('"', " ").replace("+", " ").replace("(", " ").replace(")", " ").split()) == TAGS
    assert "innerHTML" not in script


def test_a_button_keeps_its_event_and_loses_it_as_html() -> None:
    made = button("cw-quiet", {"do": "ask", "question": "why?"}, "Ask")
    assert plain(made)["event"] == {"do": "ask", "question": "why?"}
    assert "disabled" in html(made)


@pytest.mark.parametrize(("probability", "said"), [(0.999, "over 99 %"), (0.004, "under 1 %"), (0.734, "73 %")])
def test_confidence_never_claims_to_be_certain(probability: float, said: str) -> None:
    assert render.percent(probability) == said


def test_unread_words_are_marked_where_they_stand() -> None:
    made = render.reading({"words": "looked up: x", "question": "Does Spark sparkle in Spark?", "unread": ["Spark"]})
    assert html(made).count('<em class="cw-unread">Spark</em>') == 3
    assert "“Does " in html(made)


def test_unsupported_sentences_are_folded_away() -> None:
    claim = {"text": "It flies.", "verdict": "unsupported", "probability": 0.1, "citations": []}
    assert [node.tag for node in render.claims([claim])] == ["details"]


def test_an_answer_becomes_quotes_chips_and_suggestions(filled: KnowledgeBase) -> None:
    answer = Assistant(kb=filled).ask("What does RobustScaler use?")
    made = render.turn(Turn(question=answer.question, answer=answer_json(answer), asked=0.0))
    assert "RobustScaler uses the median" in text_of(made)
    assert "scaling.md" in text_of(made)


def test_a_passage_shows_the_quote_in_its_section_and_a_moved_quote_is_found(filled: KnowledgeBase) -> None:
    hit = filled.search("RobustScaler median").hits[0]
    document = filled.catalogue.document(hit.key)
    source = filled.catalogue.sources(list(filled.catalogue.source_ids([hit.key]).values()))[0]
    assert document is not None
    cited = {"start": hit.span.start + 3, "end": hit.span.end + 3, "quote": hit.text, "source": hit.key.source}
    assert render.find(document.text, cited) == hit.span
    marks = [node for node in _walk(render.passage(document, source, cited, 500)) if node["tag"] == "mark"]
    assert marks[0]["focus"]
    assert " ".join(mark["children"][0] for mark in marks).split() == hit.text.split()


def test_a_quote_that_is_gone_is_said_to_be_gone(filled: KnowledgeBase) -> None:
    hit = filled.search("RobustScaler median").hits[0]
    document = filled.catalogue.document(hit.key)
    source = filled.catalogue.sources()[0]
    assert document is not None
    made = render.passage(document, source, {"start": 0, "end": 5, "quote": "never written"}, 500)
    assert "The document has changed since" in text_of(made)


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    values = plain(node) if not isinstance(node, dict) else node
    yield values
    for child in values["children"]:
        if isinstance(child, dict):
            yield from _walk(child)


# -- the library's values --------------------------------------------------------------------------------------


def test_failed_sources_come_first_with_reason_and_fix(filled: KnowledgeBase) -> None:
    sources = shelf.ordered(filled.catalogue.sources())
    assert sources[0].state is SourceState.FAILED
    why, what = shelf.cause(sources[0])
    assert why.endswith(".")
    assert what
    assert "broken.pdf" in text_of(shelf.failures(sources))


def test_filters_keep_what_fits(filled: KnowledgeBase) -> None:
    sources = filled.catalogue.sources()
    assert [s.key.source for s in sources if shelf.Wanted(state=SourceState.FAILED).fits(s)] == ["broken.pdf"]
    assert all("scaling" in s.key.source for s in sources if shelf.Wanted(text="SCALING guide").fits(s))
    assert not any(shelf.Wanted(kind="docx").fits(s) for s in sources)


def test_reading_again_names_known_files_only(filled: KnowledgeBase, pages: Path) -> None:
    (pages / "unasked.md").write_text("# Never ingested", "utf-8")
    (pages / "broken.pdf").unlink()
    batches, missing = arguments(filled.catalogue.sources())
    named = [name for batch in batches for name in batch.sources]
    assert missing == 1
    assert len(named) == 4
    assert not any("unasked" in name for name in named)


# -- pages -----------------------------------------------------------------------------------------------------


def test_the_chat_offers_questions_about_what_is_ingested(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert "What would you like to know?" in trees(app)
    assert trees(app).count('"do": "ask"') == 3


def test_a_question_is_answered_and_kept(app: AppTest, filled: KnowledgeBase) -> None:
    app.run()
    app.chat_input[0].set_value("What does RobustScaler use?").run()
    assert not app.exception
    assert "cw-quote" in trees(app)
    kept = conversations.recent(filled.catalogue)
    assert [chat.title for chat in kept] == ["What does RobustScaler use?"]
    assert app.query_params["c"] in ([kept[0].id], kept[0].id)


def test_a_follow_up_leans_on_the_stored_turn(app: AppTest, filled: KnowledgeBase) -> None:
    app.run()
    app.chat_input[0].set_value("Which scaler is used for outliers?").run()
    app.chat_input[0].set_value("and for training folds?").run()
    turns = conversations.turns(filled.catalogue, conversations.recent(filled.catalogue)[0].id)
    assert turns[1].answer["reading"]["question"] == "Which scaler is used for training folds?"


def test_only_a_window_of_a_long_conversation_is_shown(app: AppTest, filled: KnowledgeBase) -> None:
    answer = answer_json(Assistant(kb=filled).ask("What does RobustScaler use?"))
    chat = conversations.start(filled.catalogue, "long")
    for number in range(30):
        conversations.append(filled.catalogue, chat, f"Question {number}", answer)
    app.query_params["c"] = chat
    app.run()
    assert "Question 29" in trees(app)
    assert "Question 5" not in trees(app)
    assert "Show earlier turns" in trees(app)


def test_a_deleted_conversation_in_the_address_is_a_new_chat(app: AppTest, filled: KnowledgeBase) -> None:
    app.query_params["c"] = "0" * 32
    app.run()
    assert "What would you like to know?" in trees(app)
    app.chat_input[0].set_value("What does RobustScaler use?").run()
    assert len(conversations.recent(filled.catalogue)) == 1


def test_the_library_shows_states_and_reasons(library: AppTest) -> None:
    library.run()
    assert not library.exception
    assert "cw-is-failed" in trees(library)
    assert "broken.pdf" in trees(library)
    assert [tab.label for tab in library.tabs][:4] == ["Sources", "Tables", "Search passages", "Unanswered"]


def test_forgetting_asks_first_and_then_leaves_nothing(library: AppTest, filled: KnowledgeBase) -> None:
    key = next(s.key for s in filled.catalogue.sources() if s.key.source == "guide/scaling.md")
    library.session_state["forget"] = {"collection": key.collection, "root": key.root, "source": key.source}
    library.run()
    assert filled.catalogue.document(key) is not None
    next(b for b in library.button if b.label == "Forget it").click().run()
    assert filled.catalogue.document(key) is None


def test_reading_again_takes_up_what_was_mended(library: AppTest, filled: KnowledgeBase, pages: Path) -> None:
    (pages / "guide" / "scaling.md").write_text(
        "# Scaling features\n\nPowerTransformer makes features Gaussian.", "utf-8"
    )
    library.session_state["update"] = {"do": "update", "source": "guide/scaling.md"}
    library.run()
    assert "Read scaling.md again" in trees(library)
    [job] = jobs.recent(filled.catalogue)
    while job.is_active:
        time.sleep(0.1)
        [job] = jobs.recent(filled.catalogue)
    library.run()
    assert "1 source read, 1 passage embedded" in trees(library)
    assert "PowerTransformer" in filled.search("PowerTransformer").hits[0].text


def test_an_error_is_shown_with_its_hint_and_the_app_lives_on(app: AppTest, filled: KnowledgeBase) -> None:
    filled.catalogue.put("fingerprint:splitter", "another/1")
    app.run()
    app.chat_input[0].set_value("What does RobustScaler use?").run()
    assert not app.exception
    assert "citewise rebuild" in trees(app)
    filled.catalogue.put("fingerprint:splitter", FINGERPRINT)
    app.chat_input[0].set_value("What does RobustScaler use?").run()
    assert "cw-verdict" in trees(app)


def test_no_knowledge_base_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bare: AppTest) -> None:
    monkeypatch.delenv("CITEWISE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    bare.run()
    assert not bare.exception
    assert "citewise ingest" in trees(bare)


def test_nothing_is_shown_where_others_could_reach_the_app(app: AppTest) -> None:
    config.set_option("server.address", "0.0.0.0")
    app.run()
    assert "must listen on 127.0.0.1 only" in trees(app)
    assert not app.chat_input


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "192.168.0.4", "::", "example.org"])
def test_an_address_that_others_can_reach_is_not_local(address: str | None) -> None:
    assert not is_local(address)


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "::1"])
def test_an_address_of_this_machine_is_local(address: str) -> None:
    assert is_local(address)


def test_the_app_serves_this_machine_only_and_sends_no_statistics() -> None:
    told = tomllib.loads((ROOT / "ui" / ".streamlit" / "config.toml").read_text("utf-8"))
    assert told["server"]["address"] == "127.0.0.1"
    assert told["browser"]["gatherUsageStats"] is False
    assert not any("http" in json.dumps(value) for value in told.values())
