"""The home is found as git finds its folder, and models are built as the settings say."""

from pathlib import Path

import numpy as np
import pytest

from kb.embed import MiniLM, OpenAIEmbedder, SentenceTransformerEmbedder
from kb.errors import BadInput, HomeNotFound, HomeUnwritable
from kb.rerank import CrossEncoderReranker
from kb.settings import Settings
from ui import workspace


def test_nearest_home_upwards_answers(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".citewise").mkdir()
    assert workspace.find_home(start=deep) == tmp_path / ".citewise"
    (tmp_path / "a" / ".citewise").mkdir()
    assert workspace.find_home(start=deep) == tmp_path / "a" / ".citewise"


def test_a_file_of_that_name_is_no_home(tmp_path: Path) -> None:
    (tmp_path / ".citewise").write_text("")
    assert workspace.nearest_home(tmp_path) is None


def test_no_home_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeNotFound) as caught:
        workspace.find_home(start=tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "citewise ingest" in caught.value.hint


def test_a_named_folder_without_a_catalogue_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        workspace.find_home(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_make_home_makes_one_in_the_working_folder_only_where_none_is_above(tmp_path: Path) -> None:
    made = workspace.make_home(start=tmp_path)
    assert made == tmp_path / ".citewise"
    assert made.is_dir()
    below = tmp_path / "below"
    below.mkdir()
    assert workspace.make_home(start=below) == made


def test_a_home_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeUnwritable):
        workspace.make_home(tmp_path / "file" / "home")


def test_settings_choose_the_embedder_and_the_reranker() -> None:
    assert isinstance(workspace.make_embedder(Settings()), MiniLM)
    assert isinstance(workspace.make_embedder(Settings(embedding_model="other")), SentenceTransformerEmbedder)
    remote = workspace.make_embedder(Settings(embedding_model="m", embedding_url="http://127.0.0.1:9"))
    assert isinstance(remote, OpenAIEmbedder)
    assert workspace.make_reranker(Settings()) is None
    assert isinstance(workspace.make_reranker(Settings(reranker_model="cross")), CrossEncoderReranker)


def test_a_warming_embedder_gives_the_vectors_of_the_one_inside() -> None:
    inner = MiniLM()
    warming = workspace.WarmingEmbedder(inner)
    assert (warming.fingerprint, warming.dim) == (inner.fingerprint, inner.dim)
    assert np.array_equal(warming.embed(["a text"]), inner.embed(["a text"]))


def test_settings_reach_the_assistant(tmp_path: Path) -> None:
    settings = Settings(max_claims=2, abstain_below=0.9)
    with workspace.open_knowledge_base(tmp_path / "home", settings) as kb:
        assistant = workspace.open_assistant(kb, settings)
        assert (assistant.max_claims, assistant.abstain_below) == (2, 0.9)
        assert (tmp_path / "home" / ".gitignore").read_text() == "*\n"
