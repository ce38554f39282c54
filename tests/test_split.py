"""Splitting loses no text, keeps spans exact and disjoint, and bounds the size of chunks, whatever the structure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.loaders.build import DocumentBuilder
from ingest.split import MAX_CHARS, MAX_WORDS, count_words, split
from kb.types import BlockKind, Document, SourceKey

KEY = SourceKey(collection="c", root="/r", source="s.md")
PLAIN = st.text(st.sampled_from("abc .!?\n-`_XYZ019é"), max_size=400)
CJK = st.text(st.sampled_from("机器学习模型。的一是了！ \n"), min_size=1, max_size=3000)
LONG = st.integers(1, 6000).map(lambda n: "x" * n)
PROSE = st.integers(1, 500).map(lambda n: " ".join(f"word{i}{'.' if i % 9 == 0 else ''}" for i in range(n)))
ROWS = st.integers(1, 300).map(lambda n: "\n".join(f"row {i} | value {i * i}" for i in range(n)))
BODY = st.one_of(PLAIN, CJK, LONG, PROSE, ROWS, st.text(max_size=200))
BODY_KINDS = st.sampled_from([BlockKind.PARAGRAPH, BlockKind.CODE, BlockKind.LIST, BlockKind.TABLE])
HEADING = st.tuples(st.just(BlockKind.HEADING), st.text("ABC def", max_size=12), st.integers(1, 4))
BLOCK = st.one_of(HEADING, st.tuples(BODY_KINDS, BODY, st.just(0)))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw a document of any block structure."""
    builder = DocumentBuilder()
    for kind, text, level in draw(st.lists(BLOCK, max_size=14)):
        if kind is BlockKind.HEADING:
            builder.heading(text, level)
        else:
            builder.add(kind, text)
    return builder.build("markdown", "Title")


@given(documents())
def test_spans_are_exact_ordered_and_disjoint(document: Document) -> None:
    chunks, end = split(document, KEY), 0
    for chunk in chunks:
        assert chunk.span.of(document.text) == chunk.text
        assert chunk.text.strip()
        assert chunk.span.start >= end
        end = chunk.span.end


@given(documents())
def test_no_text_is_lost(document: Document) -> None:
    chunks = split(document, KEY)
    covered = {i for chunk in chunks for i in range(chunk.span.start, chunk.span.end)}
    named = {path[: depth + 1] for chunk in chunks for path in chunk.headings for depth in range(len(path))}
    for block in document.blocks:
        if block.kind is BlockKind.HEADING and block.headings in named:
            continue
        lost = [i for i in range(block.span.start, block.span.end) if i not in covered]
        assert all(document.text[i].isspace() for i in lost), (block, document.text[lost[0] : lost[0] + 40])


@given(documents())
def test_chunks_are_bounded(document: Document) -> None:
    for chunk in split(document, KEY):
        assert len(chunk.text) <= MAX_CHARS + 100  # a heading that is on the path may stand between two pieces
        assert count_words(chunk.text) <= MAX_WORDS + 40


@given(documents())
def test_splitting_again_gives_the_same_ids_and_other_places_others(document: Document) -> None:
    ids = [chunk.id for chunk in split(document, KEY)]
    assert ids == [chunk.id for chunk in split(document, KEY)]
    assert len(set(ids)) == len(ids)
    other = SourceKey(collection="c", root="/r", source="t.md")
    assert not {chunk.id for chunk in split(document, other)} & set(ids)


@given(documents())
def test_each_chunk_names_the_headings_that_it_touches(document: Document) -> None:
    for chunk in split(document, KEY):
        bodies = [b for b in document.blocks if b.span.overlaps(chunk.span) and b.kind is not BlockKind.HEADING]
        assert {block.headings for block in bodies} <= set(chunk.headings)


def built(*parts: tuple[BlockKind, str]) -> Document:
    """Return a document of these blocks under one heading."""
    builder = DocumentBuilder()
    builder.heading("Top", 1)
    for kind, text in parts:
        builder.add(kind, text)
    return builder.build("markdown", "")


def prose(words: int, name: str = "w") -> str:
    """Return running text of so many words."""
    return " ".join(f"{name}{i}" for i in range(words - 1)) + " end."


@pytest.mark.parametrize("kind", [BlockKind.CODE, BlockKind.LIST, BlockKind.TABLE])
def test_what_fits_stays_whole_and_with_its_lead_in(kind: BlockKind) -> None:
    body = "\n".join(f"line {i} of it" for i in range(MAX_WORDS // 8))
    document = built(
        (BlockKind.PARAGRAPH, prose(MAX_WORDS - 5)), (BlockKind.PARAGRAPH, "Do it like this:"), (kind, body)
    )
    assert any(f"Do it like this:\n\n{body}" in chunk.text for chunk in split(document, KEY))


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    text = " ".join(f"Sentence number {i} says a thing." for i in range(100))
    chunks = split(built((BlockKind.PARAGRAPH, text)), KEY)
    assert len(chunks) > 3
    assert all(chunk.text.startswith("Sentence number") and chunk.text.endswith("thing.") for chunk in chunks)


def test_long_code_is_cut_between_lines() -> None:
    text = "\n".join(f"call_{i}(a, b, c)" for i in range(200))
    chunks = split(built((BlockKind.CODE, text)), KEY)
    assert len(chunks) > 2
    assert all(line in text.split("\n") for chunk in chunks for line in chunk.text.split("\n"))


def test_a_heading_without_a_body_is_found_too() -> None:
    builder = DocumentBuilder()
    builder.heading("Only this", 1)
    [chunk] = split(builder.build("markdown", ""), KEY)
    assert chunk.text == "Only this"


def test_a_lead_in_stays_apart_from_code_that_fills_a_chunk() -> None:
    document = built((BlockKind.PARAGRAPH, "x" * 119), (BlockKind.CODE, "y" * (MAX_CHARS - 20)))
    assert [len(chunk.text) for chunk in split(document, KEY)] == [119, MAX_CHARS - 20]


def test_an_empty_document_has_no_chunks() -> None:
    assert split(DocumentBuilder().build("text", "t"), KEY) == ()


def test_pages_and_cells_come_from_the_anchors() -> None:
    builder = DocumentBuilder()
    for page in (3, 4):
        builder.anchor("page", page)
        builder.add(BlockKind.PARAGRAPH, prose(MAX_WORDS - 5, f"p{page}w"))
    assert [chunk.page for chunk in split(builder.build("pdf", "t"), KEY)] == [3, 4]
