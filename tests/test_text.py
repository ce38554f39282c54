"""Decoding, normalising, sentences, words and identifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.text import (
    decode,
    identifier_parts,
    is_identifier,
    normalise,
    query_terms,
    sentences,
    shingles,
    terms,
    trimmed,
)
from kb.types import Span


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_read_in_any_unicode_encoding(encoding: str) -> None:
    assert decode("Größe: 3 µm, 学习\n".encode(encoding))[0] == "Größe: 3 µm, 学习\n"


def test_latin_text_is_detected_and_lone_bad_bytes_are_replaced() -> None:
    german = "Die Größe des Trainingsdatensatzes überschätzt die Güte des Modells für kleine Zahlen. " * 5
    assert decode(german.encode("latin-1"))[0] == german
    text, encoding = decode(b"plain words " * 500 + b"\xff" + b" and more")
    assert (text.count("\ufffd"), encoding) == (1, "utf-8")


@pytest.mark.parametrize(
    "text", ["name;wert\nMüller;1\nGröße;2\n", "café – “x”\n", "São Paulo,ação\n", "price\n5 €\n", "temp\n5°C\n", "é"]
)
def test_a_short_western_text_is_read_as_windows_1252(text: str) -> None:
    assert decode(text.encode("windows-1252")) == (text, "windows-1252")


def test_a_text_of_another_alphabet_is_not_read_as_a_western_one() -> None:
    russian, polish = "Съешь ещё этих мягких булок. " * 5, "Łódź, Wrocław i Kraków"
    assert decode(russian.encode("cp1251"))[0] == russian
    assert decode(polish.encode("cp1250"))[1] != "windows-1252"


@given(st.binary(max_size=300))
def test_any_bytes_become_text(data: bytes) -> None:
    assert isinstance(decode(data)[0], str)


@given(st.text())
def test_normalising_twice_changes_nothing_and_leaves_no_control_characters(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert not set(once) & set("\r\x00\x07\ufeff\u200b\ud800")


def test_names_are_split_at_case_and_underscore() -> None:
    assert identifier_parts("HistGradientBoostingClassifier") == ("Hist", "Gradient", "Boosting", "Classifier")
    assert identifier_parts("GridSearchCV") == ("Grid", "Search", "CV")
    assert identifier_parts("max_depth") == ("max", "depth")
    assert not is_identifier("Word")
    assert is_identifier("n_jobs")


@pytest.mark.parametrize("query", ["max_depth", "maxDepth", "MaxDepth", "max depth"])
def test_a_name_is_found_however_it_is_written(query: str) -> None:
    assert set(terms(query)) & {"maxdepth", "depth"} <= set(terms("max_depth"))
    assert {"max", "depth"} <= set(terms(query))


def test_a_setting_with_a_value_is_found_by_both() -> None:
    assert {"class", "weight", "classweight", "balanced"} <= set(terms('class_weight="balanced"'))


def test_a_question_keeps_its_topic_or_all_of_its_words() -> None:
    assert query_terms("How do I scale the features?") == ["scale", "features"]
    assert query_terms("what is it") == ["what", "is", "it"]


@given(st.text())
def test_sentences_cover_all_but_white_space_in_order(text: str) -> None:
    end = 0
    for span in sentences(text):
        assert span.start >= end
        assert not text[end : span.start].strip()
        assert span.of(text) == span.of(text).strip() != ""
        end = span.end
    assert not text[end:].strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One thing. Another thing.", ["One thing.", "Another thing."]),
        ("Use e.g. trees. Then stop.", ["Use e.g. trees.", "Then stop."]),
        ("Smith et al. (2020) say so. We agree.", ["Smith et al. (2020) say so.", "We agree."]),
        ("The rate is 0.05 or less. Fine.", ["The rate is 0.05 or less.", "Fine."]),
        ("Call np.mean. It averages.", ["Call np.mean.", "It averages."]),
        ("Really? Yes! Good.", ["Really?", "Yes!", "Good."]),
        ("模型过拟合。需要正则化。", ["模型过拟合。", "需要正则化。"]),
        ("First\n\nsecond", ["First", "second"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert [span.of(text) for span in sentences(text)] == expected


@given(st.text(), st.text())
def test_a_trimmed_span_has_no_white_space_at_its_ends(before: str, after: str) -> None:
    text = f"{before} {after}"
    kept = trimmed(Span(start=0, end=len(text)), text)
    assert (kept is None) == (not text.strip())
    assert kept is None or kept.of(text) == text.strip()


def test_texts_that_say_the_same_share_their_shingles() -> None:
    text = "scale the features before you fit a distance based estimator on them"
    assert shingles(text) == shingles(text.upper() + "!")
    assert not shingles(text) & shingles("trees do not need any of that because they only compare within one column")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("机器学习", ["机器", "器学", "学习"]),
        ("使用SMOTE方法", ["使用", "smote", "方法"]),
        ("树", ["树"]),
        ("max_depth が深い", ["max", "depth", "maxdepth", "が深", "深い"]),
    ],
)
def test_words_written_without_spaces_are_found_by_their_parts(text: str, found: list[str]) -> None:
    assert terms(text) == found
