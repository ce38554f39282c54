"""The text-format loaders: structure, display text, exact spans, real documentation and hostile input."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.loaders import LOADERS, markdown, notes, plain, rst
from kb.errors import LoadFailed
from kb.types import BlockKind, Document

LOADS = {"markdown": markdown.load, "rst": rst.load, "text": plain.load, "note": notes.load}
WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyzäöé", min_size=2, max_size=9), min_size=1, max_size=30)


def shown(kind: str, source: str) -> Document:
    return LOADS[kind](source.encode(), "sample")


def kinds(document: Document) -> list[tuple[str, str]]:
    return [(block.kind.value, block.span.of(document.text)) for block in document.blocks]


def paths(document: Document) -> list[tuple[str, ...]]:
    return [block.headings for block in document.blocks if block.kind is BlockKind.HEADING]


def check_shape(document: Document) -> None:
    end = 0
    for block in document.blocks:
        assert block.span.start >= end
        assert not document.text[end : block.span.start].strip()
        assert block.span.of(document.text).strip()
        end = block.span.end
    assert not document.text[end:].strip()
    offsets = [anchor.offset for anchor in document.anchors]
    assert offsets == sorted(offsets)


def words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


# What holds for every loader.


@pytest.mark.parametrize("kind", LOADS)
@given(source=st.text(st.characters(codec="utf-8"), max_size=400))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_blocks_are_ordered_and_only_white_space_stands_outside(kind: str, source: str) -> None:
    try:
        document = shown(kind, source)
    except LoadFailed:
        return
    check_shape(document)


TOKENS = (
    *("word", "`", "``", "*", "**", "_", "__", "\\", "[", "](", ")", "<", ">", ":", "::", ":class:`", "|", "$", "\f"),
    *("\n.. note::", "\n.. code-block:: python", "\n.. [1]", "\n.. |x| replace::", "\n.. list-table::"),
    *("\n-", "\n- -", "\n1.", "\n#.", "\n>>>", "\n>", "\n#", "\n```", "\n~~~", "\n---", "\n:field:", "\n-o, --opt  x"),
    *("\n+---+", "\n+===+", "\n=====", "\n===== ====", "\n| a | b |", "\n|---|---|", "\n!!! note", "\n:::{tip}"),
    *("<div>", "<!--", "-->", "\n", "\n\n", "\n  ", "\n    ", "\n\n      "),
)
MARKUP = st.lists(st.sampled_from(TOKENS), max_size=60).map(" ".join)


@pytest.mark.parametrize("kind", LOADS)
@given(source=MARKUP)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_mix_of_markup_gives_a_sound_document(kind: str, source: str) -> None:
    try:
        document = shown(kind, source)
    except LoadFailed:
        return
    check_shape(document)


@pytest.mark.parametrize("kind", LOADS)
@given(paragraphs=st.lists(WORDS, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_every_word_of_a_paragraph_survives_on_one_line(kind: str, paragraphs: list[list[str]]) -> None:
    source = "\n\n".join("\n".join(" ".join(p[i : i + 6]) for i in range(0, len(p), 6)) for p in paragraphs)
    document = shown(kind, source)
    assert document.text == "\n\n".join(" ".join(p) for p in paragraphs)


@pytest.mark.parametrize("kind", ["markdown", "rst"])
@given(levels=st.lists(st.integers(1, 4), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_heading_paths_follow_the_levels(kind: str, levels: list[int]) -> None:
    levels = [min(level, max([1, *(n + 1 for n in levels[:i])])) for i, level in enumerate(levels)]
    seen: list[int] = []
    for level in levels:
        seen.append(min(level, max(seen, default=0) + 1))
    titles = [f"title {i}" for i in range(len(seen))]
    marks = "=-~^"
    lines = [
        f"{'#' * level} {title}\n" if kind == "markdown" else f"{title}\n{marks[level - 1] * len(title)}\n"
        for level, title in zip(seen, titles, strict=True)
    ]
    expected: list[tuple[str, ...]] = []
    stack: list[tuple[int, str]] = []
    for level, title in zip(seen, titles, strict=True):
        stack = [entry for entry in stack if entry[0] < level] + [(level, title)]
        expected.append(tuple(name for _, name in stack))
    assert paths(shown(kind, "\n".join(lines))) == expected


@pytest.mark.parametrize("kind", LOADS)
@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(kind: str, data: bytes) -> None:
    with pytest.raises(LoadFailed, match="empty"):
        LOADS[kind](data, "sample")


@pytest.mark.parametrize(("kind", "form"), [("markdown", "Markdown"), ("rst", "reStructuredText"), ("text", "text")])
def test_a_binary_file_is_refused_by_name(kind: str, form: str) -> None:
    with pytest.raises(LoadFailed, match=f"looks binary, not {form}"):
        LOADS[kind](bytes(range(256)) * 50, "sample")


@pytest.mark.parametrize("kind", LOADS)
def test_other_encodings_are_read(kind: str) -> None:
    text = "Größe über alles, ein Café, schöne Wörter. " * 5
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        assert "über alles, ein Café, schöne" in LOADS[kind](text.encode(encoding), "sample").text


HOSTILE = {
    "one long line": b"a" * 50_000_000,
    "deep quotes": b">" * 10_000 + b" x",
    "deep bullets": b"- " * 10_000 + b"x",
    "deep numbers": b"1. " * 10_000 + b"x",
    "deep indents": b"\n".join(b" " * i + b"- x" for i in range(2_000)),
    "deep directives": b"\n".join(b" " * i + b".. note::\n" for i in range(1_000)),
    "invalid utf-8": b"caf\xe9 \xff\xfe word " * 20_000,
    "huge pipe table": b"| a | b |\n|---|---|\n" + b"| 1 | 2 |\n" * 20_000,
    "huge grid table": b"+---+---+\n" + b"| 1 | 2 |\n+---+---+\n" * 20_000,
    "huge simple table": b"== ==\n" + b"a  b\n" * 50_000 + b"== ==\n",
    "wide table": b"|a" * 20_000 + b"|\n" + b"|-" * 20_000 + b"|\n",
    "unclosed stars": b"**a " * 45_000,
    "unclosed backquotes": b"``a " * 45_000,
    "unclosed brackets": b"[" * 90_000,
    "unclosed links": b"[a](" * 45_000,
    "unclosed comments": b"<!-- " * 20_000,
    "unclosed tags": b"<a " * 60_000,
    "many colons": b":a" * 90_000,
    "many underscores": b"a_" * 90_000,
    "blank lines": b"x" + b"\n" * 1_000_000 + b"y",
    "open fences": b"```\n" * 50_001,
    "growing substitutions": b".. |a| replace:: %b\n\n.. |b| replace:: %b\n\n%b"
    % (b"|b|" * 60, b"xy" * 90, b"|a| " * 20_000),
    "yaml that grows": b'---\na: &a ["x","x"]\nb: &b [*a,*a]\nc: &c [*b,*b]\n---\nhi',
    "yaml that nests": b"---\nb: " + b"[" * 9_000 + b"\n---\nx",
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("kind", LOADS)
def test_hostile_input_is_read_in_bounded_time(kind: str, case: str) -> None:
    start = time.monotonic()
    document = LOADS[kind](HOSTILE[case], "sample")
    assert time.monotonic() - start < 30
    assert len(document.text) < 200 * len(HOSTILE[case])


# reStructuredText.


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (":class:`~pipeline.Pipeline` fits", "Pipeline fits"),
        ("use :func:`make_scorer`.", "use make_scorer."),
        ("call :meth:`!x.y` once", "call x.y once"),
        ("see :ref:`the text <target>` or :ref:`target`", "see the text or target"),
        (":external+pyarrow:py:class:`~pa.Table` reads", "Table reads"),
        ("given :math:`P(y|X)` only", "given P(y|X) only"),
        ("fixed in :pr:`123` and :issue:`a b`", "fixed in #123 and a b"),
        ("a `link\n<https://x.org/a_b>`_ and `anonymous <b>`__", "a link and anonymous"),
        ("``a_literal`` and `handle_unknown='x'`", "a_literal and handle_unknown='x'"),
        ("**bold ``code``** and *emphasis*", "bold code and emphasis"),
        ("2 * 3 * 4, **kwargs and *args", "2 * 3 * 4, **kwargs and *args"),
        ("cited [1]_ and [Foo2001]_ and [#note]_", "cited [1] and [Foo2001] and [note]"),
        (r"an escaped \*star\* and :class:`X`\ s", "an escaped *star* and Xs"),
        ("attributes like coef_ stay", "attributes like coef_ stay"),
        ("|name| is known\n\n.. |name| replace:: Long ``name``", "Long name is known"),
        ("|unknown| and |x - y|", "unknown and |x - y|"),
        ("a page_ here\n\n.. _page: https://x.org", "a page here"),
        ("gone :raw-html:`<a id='x'>&#x1F517;</a>`, kept", "gone, kept"),
        ("a\n\n.. a comment\n   of two lines\n\nb", "a\n\nb"),
        ("{{ header }}\n\ntext", "text"),
    ],
)
def test_rst_inline_markup_reads_as_display_text(source: str, text: str) -> None:
    assert shown("rst", source).text == text


def test_rst_sections_take_their_level_from_the_order_of_styles() -> None:
    source = "====\nTop\n====\n\nA\n=\n\ntext\n\nA ``b``\n-----\n\nC\n=\n"
    assert paths(shown("rst", source)) == [("Top",), ("Top", "A"), ("Top", "A", "A b"), ("Top", "C")]


def test_rst_a_dropdown_ends_with_its_indent_and_a_rubric_at_the_next_heading() -> None:
    source = (
        "A\n=\n\n.. dropdown:: Details of :func:`f`\n\n  inner\n\nafter\n\n.. rubric:: More\n\nbelow\n\nB\n=\n\nlast\n"
    )
    document = shown("rst", source)
    found = {block.span.of(document.text): block.headings for block in document.blocks}
    assert found["inner"] == ("A", "Details of f")
    assert found["after"] == ("A",)
    assert found["below"] == ("A", "More")
    assert found["last"] == ("B",)


def test_rst_admonitions_begin_with_a_lead_word() -> None:
    source = (
        ".. note::\n\n   One\n   two.\n\n   Three.\n\n.. warning:: Hot\n\n.. versionadded:: 1.2\n"
        "   The ``x``.\n\n.. deprecated:: 2.0\n"
    )
    texts = [text for _, text in kinds(shown("rst", source))]
    assert texts == [
        "Note: One two.",
        "Three.",
        "Warning: Hot",
        "Added in version 1.2: The x.",
        "Deprecated since version 2.0.",
    ]


def test_rst_code_is_verbatim_and_dedented() -> None:
    source = (
        "Text::\n\n    def f():\n\n        return `1`\n\n.. code-block:: python\n   :linenos:\n\n"
        "   x = **y\n\n>>> 1\n1\n\nend\n"
    )
    assert kinds(shown("rst", source)) == [
        ("paragraph", "Text:"),
        ("code", "def f():\n\n    return `1`"),
        ("code", "x = **y"),
        ("code", ">>> 1\n1"),
        ("paragraph", "end"),
    ]


def test_rst_lists_are_one_item_a_line_and_split_at_code() -> None:
    source = (
        "- one\n  more\n\n  - inner::\n\n      x = 1\n\n- two\n\n3. c\n#. d\n\nterm : type\n"
        "    Meaning\n    of it.\n\n:name: value\n"
    )
    assert kinds(shown("rst", source)) == [
        ("list", "- one more\n  - inner:"),
        ("code", "x = 1"),
        ("list", "- two"),
        ("list", "3. c\n2. d"),
        ("list", "term : type: Meaning of it."),
        ("list", "name: value"),
    ]


TABLES = [
    "+-----+-----+\n| a   | b   |\n+=====+=====+\n| one | x   |\n| two | y   |\n+-----+-----+\n",
    '.. csv-table::\n   :header: "a", "b"\n\n   "one two", "x y"\n',
    ".. list-table::\n   :header-rows: 1\n\n   * - a\n     - b\n   * - one\n       two\n     - x y\n",
]


@pytest.mark.parametrize("source", TABLES)
def test_rst_tables_are_rows_of_cells(source: str) -> None:
    document = shown("rst", source)
    assert kinds(document) == [("table", "a | b\none two | x y")]


def test_rst_simple_tables_join_continuation_lines_and_spans() -> None:
    source = (
        "=====  =====  ===\nfirst two     b\n-----------   ---\na      b      c\n=====  =====  ===\n"
        "*one*  x      y\n       more\n=====  =====  ===\n"
    )
    assert kinds(shown("rst", source)) == [("table", "first two |  | b\na | b | c\none | x more | y")]


def test_rst_glossary_terms_are_headings_over_their_definitions() -> None:
    source = (
        "Methods\n=======\n\n.. glossary::\n\n    fit\n    fitted\n        Learns.\n\n    predict\n"
        "        Guesses :term:`y`.\n"
    )
    document = shown("rst", source)
    assert paths(document)[1:] == [("Methods", "fit, fitted"), ("Methods", "predict")]
    assert document.blocks[-1].headings == ("Methods", "predict")


def test_rst_pages_keep_captions_names_and_content_and_drop_the_rest() -> None:
    source = (
        ".. toctree::\n   a\n\n.. include:: x.rst\n\n.. figure:: a.png\n   :alt: An ROC\n\n   The caption.\n\n"
        ".. autosummary::\n   :nosignatures:\n\n   ~a.B\n   c\n\n.. autoclass:: d.E\n   :members:\n\n"
        ".. only:: html\n\n   inside\n\n.. unheard-of:: arg\n\n   content\n\n.. math::\n\n   a &= b \\\\\n   c\n"
    )
    texts = [text for _, text in kinds(shown("rst", source))]
    assert texts == ["An ROC", "The caption.", "- a.B\n- c", "d.E", "inside", "arg", "content", "a &= b \\\\ c"]


def test_rst_containers_keep_their_titles_and_fields_in_content_are_no_options() -> None:
    source = (
        ".. tab-set::\n\n   .. tab-item:: Linux\n      :sync: a\n\n      Use apt.\n\n"
        ".. note::\n\n   :param x: kept\n\n.. figure:: a.png\n   :alt: seen\n   :width: 3\n"
    )
    assert [text for _, text in kinds(shown("rst", source))] == ["Linux", "Use apt.", "Note:", "param x: kept", "seen"]


def test_rst_blocks_know_their_lines() -> None:
    document = shown("rst", "\nA\n=\n\nfirst\nsecond\n\n* x\n\n.. note::\n\n   y\n")
    assert [document.locate(block.span.start, "line") for block in document.blocks] == ["2", "5", "8", "10"]


@pytest.mark.parametrize("kind", ["rst", "markdown"])
def test_items_of_a_list_know_their_lines(kind: str) -> None:
    document = shown(kind, "Text.\n\n- one\n  goes on\n\n  - two\n\n- three\n")
    lines = {word: document.locate(document.text.index(word), "line") for word in ("one", "two", "three")}
    assert lines == {"one": "3", "two": "6", "three": "8"}


# Markdown.


def test_markdown_shows_display_text() -> None:
    source = "A *b* **c** `d_e` [text](http://x) ![alt](y.png) <b>bold</b> &amp; {ref}`more <x>`\nwrapped"
    assert shown("markdown", source).text == "A b c d_e text alt bold & more wrapped"


def test_markdown_blocks_keep_their_kinds() -> None:
    source = (
        "# A `b`\n\nSetext\n------\n\n- one\n  - two\n\n    ```py\n    x = 1\n\n    ```\n- three\n\n"
        "2. n\n\n| a | b |\n|---|---|\n| *1* | 2 |\n\n"
        "> quoted\n\n<details>More</details>\n"
    )
    assert kinds(shown("markdown", source)) == [
        ("heading", "A b"),
        ("heading", "Setext"),
        ("list", "- one\n  - two"),
        ("code", "x = 1"),
        ("list", "- three"),
        ("list", "2. n"),
        ("table", "a | b\n1 | 2"),
        ("paragraph", "quoted"),
        ("paragraph", "More"),
    ]


def test_markdown_directives_and_admonitions_read_as_text() -> None:
    source = (
        '```{note}\n:class: x\n\nHello *you*\n```\n\n:::{tip}\nBe `brief`\n:::\n\n!!! warning "Hot"\n'
        "    Do not touch\n\n> [!NOTE]\n> Alert\n\n```{code-cell} python\nx = 1\n```\n"
    )
    assert [text for _, text in kinds(shown("markdown", source))] == [
        "Note: Hello you",
        "Tip: Be brief",
        "Warning: Hot Do not touch",
        "Note: Alert",
        "x = 1",
    ]


def test_markdown_tabs_titles_and_labels_of_documentation_tools_read_as_text() -> None:
    source = (
        '<h1 align="center">Proj</h1>\n\n(label)=\n## Sec\n\n:::{admonition} Title\n:class: tip\n\nBody\n:::\n\n'
        '=== "R"\n\n    ```r\n    y\n    ```\n\n'
        "```{versionadded} 1.2\n```\n\n"
        "```{eval-rst}\n.. note:: Hi :class:`~a.B`\n```\n"
    )
    document = shown("markdown", source)
    assert [text for _, text in kinds(document)] == [
        *("Proj", "Sec", "Title", "Body", "R", "y"),
        *("Added in version 1.2", "Note: Hi B"),
    ]
    assert paths(document) == [("Proj",), ("Proj", "Sec")]


def test_markdown_front_matter_is_metadata_and_not_text() -> None:
    document = shown("markdown", "---\ntitle: T\ntags: [a, b]\nnested: {x: y}\n---\n\n# H\n\ntext\n")
    assert dict(document.metadata) == {"title": "T", "tags": "a, b"}
    assert document.title == "T"
    assert document.text == "H\n\ntext"
    assert document.locate(0, "line") == "7"


def test_markdown_takes_its_title_from_the_first_heading_or_the_name() -> None:
    assert shown("markdown", "# One\n").title == "One"
    assert shown("markdown", "words\n").title == "sample"


# Plain text.


def test_plain_text_unwraps_prose_and_keeps_lines_of_code_and_logs() -> None:
    source = (
        "MODEL NOTES\n\nSome prose that is\nwrapped here.\n\nData\n----\nMore.\n\n- a\n  b\n- c\n\n"
        "2024-05-01 10:00:01 INFO start\n2024-05-01 10:00:02 INFO end\n\n    x = 1\n    y = 2\n\n"
        "name   value\nlr     0.1\n"
    )
    assert kinds(shown("text", source)) == [
        ("heading", "MODEL NOTES"),
        ("paragraph", "Some prose that is wrapped here."),
        ("heading", "Data"),
        ("paragraph", "More."),
        ("list", "- a b\n- c"),
        ("code", "2024-05-01 10:00:01 INFO start\n2024-05-01 10:00:02 INFO end"),
        ("code", "x = 1\ny = 2"),
        ("code", "name   value\nlr     0.1"),
    ]


# Notes.

YAML_NOTE = "---\nauthor: Mira\ndate: 5 May 2024\nDataset: churn\nsupersedes: note-3\n---\n# Leak\n\nDrop it.\n"
PAIR_NOTE = "Author: Mira\nDate: 2024-05-05\n**Status**: accepted\n\nWe drop the column.\n"


def test_a_note_has_its_header_as_metadata() -> None:
    document = shown("note", YAML_NOTE)
    assert document.kind == "note"
    assert document.title == "Leak"
    assert document.text == "Leak\n\nDrop it."
    expected = {"author": "Mira", "date": "2024-05-05", "dataset": "churn", "supersedes": "note-3"}
    assert dict(document.metadata) == expected


def test_leading_pairs_are_a_header_too() -> None:
    document = shown("note", PAIR_NOTE)
    assert dict(document.metadata) == {"author": "Mira", "date": "2024-05-05", "status": "accepted"}
    assert document.text == "We drop the column."


@pytest.mark.parametrize(
    ("source", "is_note"),
    [
        (YAML_NOTE, True),
        (PAIR_NOTE, True),
        ("---\ntitle: T\nlayout: page\n---\ntext", False),
        ("Note: this matters\n\ntext", False),
        ("Date: today\nFoo: bar\n\ntext", False),
        ("# Heading\n\nAuthor: me\n", False),
        ("", False),
        ("\0\0\0", False),
    ],
)
def test_a_note_is_known_by_its_header(source: str, is_note: bool) -> None:
    assert notes.is_note(source.encode()) is is_note


@pytest.mark.parametrize("header", ["author: [x\n  - : {", "date: 2024-13-45\nauthor: a: b", "\t- x: [", "just words"])
def test_a_bad_header_never_fails_a_note(header: str) -> None:
    document = shown("note", f"---\n{header}\n---\n\nThe text.\n")
    assert document.text.endswith("The text.")
    everything = words(document.text) + " " + words(" ".join(f"{k} {v}" for k, v in document.metadata.items()))
    assert all(word in everything for word in words(header).split())


# Real documentation.


@pytest.fixture(scope="module")
def documentation() -> dict[str, Document]:
    root = Path(os.environ.get("CITEWISE_SHARED_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
    if not (root / "mldocs").is_dir():
        pytest.skip("the shared documentation is not here; set CITEWISE_SHARED_DATA")
    files = sorted((root / "mldocs").rglob("*.rst"))
    return {str(path.relative_to(root / "mldocs").as_posix()): rst.load(path.read_bytes(), path.name) for path in files}


@pytest.mark.shared_data
def test_real_documentation_has_the_shape_of_documents(documentation: dict[str, Document]) -> None:
    for document in documentation.values():
        check_shape(document)
        assert document.title


def stripped(markup: str) -> str:
    bare = re.sub(
        r":[\w:+-]+:`~?([^`<]*?)(?:\s*<[^`]*>)?`", lambda m: m[1].split(".")[-1] if "`~" in m[0] else m[1], markup
    )
    return words(bare.replace("`", "").replace("*", ""))


@pytest.mark.shared_data
def test_quotes_and_sections_of_real_questions_stand_in_the_text(documentation: dict[str, Document]) -> None:
    root = Path(os.environ.get("CITEWISE_SHARED_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
    lines = (root / "questions" / "retrieval_dev.jsonl").read_text("utf-8").splitlines()
    golds = [gold for line in lines for gold in json.loads(line)["gold"]]
    for gold in golds:
        document = documentation[gold["file"]]
        assert stripped(gold["quote"]) in words(document.text), gold
        sections = {words(heading) for block in document.blocks for heading in block.headings}
        assert stripped(gold["section"]) in sections, gold


def test_every_kind_has_a_loader() -> None:
    assert set(LOADERS) == {"markdown", "rst", "text", "html", "pdf", "docx", "notebook", "note", "package"}
    assert LOADERS["rst"](b"A\n=\n", "a.rst").title == "A"
