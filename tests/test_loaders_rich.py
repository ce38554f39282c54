"""HTML, PDF, DOCX, notebooks and installed packages: structure and exact spans, and hostile files end with a reason."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document as WordFile
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from ingest.loaders import LOADERS, docx, html, notebook, numpydoc, package, pdf
from ingest.loaders.build import DocumentBuilder
from kb.errors import LoadFailed
from kb.types import Block, BlockKind, Document


def assert_sound(document: Document) -> None:
    end = 0
    for block in document.blocks:
        assert not document.text[end : block.span.start].strip()
        assert block.span.start >= end
        assert block.span.of(document.text).strip()
        end = block.span.end
    assert not document.text[end:].strip()
    offsets = [anchor.offset for anchor in document.anchors]
    assert offsets == sorted(offsets)
    assert all(offset <= len(document.text) for offset in offsets)


def texts(document: Document, kind: BlockKind) -> list[str]:
    return [block.span.of(document.text) for block in document.blocks if block.kind is kind]


def block_of(document: Document, text: str) -> Block:
    return next(block for block in document.blocks if text in block.span.of(document.text))


def reason(load: Callable[[bytes, str], Document], data: bytes) -> str:
    with pytest.raises(LoadFailed) as failure:
        load(data, "file")
    return failure.value.reason


def assert_sound_or_refused(load: Callable[[bytes, str], Document], data: bytes) -> None:
    try:
        document = load(data, "file")
    except LoadFailed:
        return
    assert_sound(document)


# HTML


def read_html(body: str) -> Document:
    document = html.load(f"<html><body>{body}</body></html>".encode(), "page.html")
    assert_sound(document)
    return document


def test_html_keeps_the_main_content_only() -> None:
    page = read_html(
        "<nav>Menu</nav><header>Site</header><main><h1>Title</h1><p>Kept.</p><aside>Ad</aside>"
        "<script>run()</script><style>p{}</style><!-- note --><p hidden>Secret</p>"
        "<p style='display: none'>Hidden</p></main><footer>Legal</footer>"
    )
    assert page.text == "Title\n\nKept."


def test_html_text_after_a_dropped_element_stays_in_its_sentence() -> None:
    assert read_html("<p>one <script>x</script>two<!-- c --> three</p>").text == "one two three"


def test_html_headings_lose_their_permalinks() -> None:
    page = read_html('<h1>Grid search<a class="headerlink" href="#x">¶</a></h1><h2>Use<a href="#y">#</a></h2><p>x</p>')
    assert page.blocks[2].headings == ("Grid search", "Use")


def test_html_code_is_kept_verbatim() -> None:
    page = read_html("<pre><span>&gt;&gt;&gt; </span>for x in y:\n        print(x)\n\n    done</pre>")
    assert texts(page, BlockKind.CODE) == [">>> for x in y:\n        print(x)\n\n    done"]


def test_html_lists_nest_by_two_spaces() -> None:
    page = read_html("<ul><li><p>one</p><ul><li>inner</li></ul></li><li>two</li></ul><ol><li>a</li><li>b</li></ol>")
    assert texts(page, BlockKind.LIST) == ["- one\n  - inner\n- two", "1. a\n2. b"]


def test_html_tables_are_rows_of_cells() -> None:
    page = read_html("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2<br>3</td></tr></table>")
    assert texts(page, BlockKind.TABLE) == ["a | b\n1 | 2 3"]


def test_html_api_entries_have_their_signature_as_heading() -> None:
    page = read_html(
        '<h1>API</h1><dl class="py function"><dt class="sig">fit(<em>X</em>, <em>y</em>)</dt><dd><p>Fit it.</p>'
        '<dl class="field-list"><dt>Parameters</dt><dd><dl><dt>X<span class="classifier">array</span></dt>'
        "<dd>The data.</dd></dl></dd></dl></dd></dl><p>After.</p>"
    )
    assert block_of(page, "Fit it.").headings == ("API", "fit(X, y)")
    assert texts(page, BlockKind.LIST) == ["- X : array — The data."]
    assert block_of(page, "The data.").headings == ("API", "fit(X, y)", "Parameters")
    assert block_of(page, "After.").headings == ("API",)


def test_html_notes_and_footnotes_read_with_what_they_say() -> None:
    page = read_html(
        '<p>Text.</p><div class="admonition note"><p class="admonition-title">Note</p><p>Mind it.</p></div>'
        '<aside class="footnote"><span class="label">[1]</span><p>The source.</p></aside>'
    )
    assert texts(page, BlockKind.PARAGRAPH) == ["Text.", "Note: Mind it.", "[1] The source."]


def test_html_side_matter_beside_the_one_article_is_dropped() -> None:
    page = read_html("<main><article><h1>T</h1><p>The long text.</p></article><div>On this page</div></main>")
    assert page.text == "T\n\nThe long text."


def test_html_title_is_the_heading_without_the_sites_name() -> None:
    data = b"<html><head><title>Trees \xe2\x80\x94 the site</title></head><body><h1>Trees</h1><p>x</p></body></html>"
    assert html.load(data, "x.html").title == "Trees"


def test_html_is_read_in_its_declared_encoding() -> None:
    data = '<html><head><meta charset="iso-8859-2"></head><body><p>žluťoučký</p></body></html>'.encode("iso-8859-2")
    assert html.load(data, "x.html").text == "žluťoučký"


def test_html_with_invalid_bytes_is_still_read() -> None:
    assert "fine" in html.load(b"<p>\xff\xfe\xfa fine</p>" * 3, "x.html").text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x00\x00", "binary"),
        (b"<html><body><script>draw()</script></body></html>", "no text"),
        (b"<div>" * 100_000 + b"deep", "too deeply"),
        (b"<ul><li>" * 5_000 + b"deep", "too deeply"),
        (b"<b>x</b>" * 1_500_000, "too large"),
    ],
)
def test_html_that_is_no_document_says_why(data: bytes, said: str) -> None:
    assert said in reason(html.load, data)


def test_html_of_one_huge_line_is_read() -> None:
    document = html.load(b"<p>" + b"word " * 2_000_000, "x.html")
    assert len(document.text) == 9_999_999


def test_html_entities_fetch_and_expand_nothing() -> None:
    data = b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/hostname">]><html><body><p>a &x; b</p></body></html>'
    assert "&x;" in html.load(data, "x.html").text


OPENED = ("<p>", "<ul>", "<li>", "<dl>", "<dt>", "<dd>", "<table>", "<tr>", "<td>", "<pre>", "<h2>", "<div>", "<b>")
OTHERS = ("</p>", "</ul>", "</div>", "</b>", "<br>", "<script>", "<aside>", "<main>", "x", "&", "é", "\n", "word", " ")
FRAGMENTS = st.sampled_from([*OPENED, *OTHERS])


@given(st.lists(FRAGMENTS, max_size=60))
@settings(max_examples=150, deadline=None)
def test_html_of_any_tags_gives_a_sound_document_or_a_reason(fragments: list[str]) -> None:
    assert_sound_or_refused(html.load, " ".join(fragments).encode())


# PDF

Row = tuple[int, int, int, str, str]
FONTS = {"F": "Helvetica", "B": "Helvetica-Bold", "C": "Courier"}


def make_pdf(pages: Sequence[Sequence[Row]]) -> bytes:
    """Return a PDF whose pages show rows of (x, y, size, font, text)."""
    fonts = " ".join(f"/{key} << /Type /Font /Subtype /Type1 /BaseFont /{name} >>" for key, name in FONTS.items())
    kids = " ".join(f"{3 + 2 * index} 0 R" for index in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    for index, rows in enumerate(pages):
        shown = "\n".join(f"BT /{font} {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET" for x, y, size, font, text in rows)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {4 + 2 * index} 0 R"
            f" /Resources << /Font << {fonts} >> >> >>"
        )
        objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream")
    return _assembled(objects)


def _assembled(objects: Sequence[str]) -> bytes:
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("latin-1")


def prose(*lines: str, top: int = 700) -> list[Row]:
    return [(72, top - 14 * index, 11, "F", line) for index, line in enumerate(lines)]


def read_pdf(*pages: Sequence[Row]) -> Document:
    document = pdf.load(make_pdf(pages), "paper.pdf")
    assert_sound(document)
    return document


def test_pdf_lines_become_paragraphs_and_broken_words_are_mended() -> None:
    page = prose("The learning rate shrinks the contri-", "bution of each tree in the ensemble", "by that factor.")
    document = read_pdf([*page, *prose("A second paragraph stands apart.", top=600)])
    assert texts(document, BlockKind.PARAGRAPH) == [
        "The learning rate shrinks the contribution of each tree in the ensemble by that factor.",
        "A second paragraph stands apart.",
    ]


def test_pdf_keeps_the_hyphen_of_a_word_that_has_one() -> None:
    lines = prose("We use cross-validation in all that follows, and by cross-", "validation we mean five folds.")
    assert "by cross-validation we mean" in read_pdf(lines).text


def test_pdf_passages_know_their_page() -> None:
    document = read_pdf(prose("First page text."), prose("Second page text."))
    assert document.locate(document.text.index("First"), "page") == "1"
    assert document.locate(document.text.index("Second"), "page") == "2"


def test_pdf_paragraph_over_a_page_break_is_joined_and_both_pages_are_known() -> None:
    document = read_pdf(prose("This sentence begins on one page and"), prose("ends on the next one."))
    assert document.text == "This sentence begins on one page and ends on the next one."
    assert document.locate(document.text.index("begins"), "page") == "1"
    assert document.locate(document.text.index("ends"), "page") == "2"


def test_pdf_running_headers_and_page_numbers_go() -> None:
    pages = [
        [(72, 780, 9, "F", "A Report"), *prose(f"Body number {word}."), (300, 20, 9, "F", f"Page {n} of 5")]
        for n, word in enumerate(("one", "two", "three", "four", "five"), start=1)
    ]
    text = read_pdf(*pages).text
    assert "A Report" not in text
    assert "Page" not in text
    assert "Body number three." in text


def test_pdf_headings_come_from_larger_fonts() -> None:
    body = prose(*("Plain text of the body that goes on for a while and says little." for _ in range(12)))
    document = read_pdf([(72, 760, 20, "F", "Methods"), (72, 730, 14, "F", "Data used"), *body])
    assert document.title == "Methods"
    assert block_of(document, "Plain text").headings == ("Methods", "Data used")


def test_pdf_headings_come_from_bookmarks_where_there_are_any() -> None:
    plain = make_pdf([prose("Introduction", "Text of the introduction."), prose("Results", "Text of the results.")])
    writer = PdfWriter(clone_from=PdfReader(BytesIO(plain)))
    writer.add_outline_item(title="1 Introduction", page_number=0)
    writer.add_outline_item(title="Results", page_number=1)
    document = pdf.load(_written(writer), "x.pdf")
    assert texts(document, BlockKind.HEADING) == ["Introduction", "Results"]
    assert block_of(document, "Text of the results").headings == ("Results",)


def test_pdf_monospaced_lines_are_code_with_their_indent() -> None:
    code = [(72, 600, 10, "C", "def f\\(x\\):"), (96, 586, 10, "C", "return x")]
    assert texts(read_pdf([*prose("As follows:"), *code]), BlockKind.CODE) == ["def f(x):\n    return x"]


def test_pdf_bullets_are_a_list() -> None:
    rows = [(72, 700, 11, "F", "We do:"), (80, 680, 11, "F", "- scale"), (80, 666, 11, "F", "- fit")]
    assert texts(read_pdf(rows), BlockKind.LIST) == ["- scale\n- fit"]


def _written(writer: PdfWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _encrypted(user: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(make_pdf([prose("Secret text.")]))))
    writer.encrypt(user, "owner", algorithm="RC4-128")
    return _written(writer)


def test_pdf_that_only_restricts_printing_is_read() -> None:
    assert pdf.load(_encrypted(""), "x.pdf").text == "Secret text."


def test_pdf_that_cannot_be_read_says_why() -> None:
    whole = make_pdf([prose("Text.")])
    assert "empty" in reason(pdf.load, b"")
    assert "not a PDF" in reason(pdf.load, b"PK\x03\x04 something else")
    assert "cut off" in reason(pdf.load, whole[:-150])
    assert "encrypted" in reason(pdf.load, _encrypted("secret"))
    assert "damaged" in reason(pdf.load, b"%PDF-1.4\nnonsense\nstartxref\n9\n%%EOF")


def test_pdf_without_text_hints_at_ocr() -> None:
    with pytest.raises(LoadFailed) as failure:
        pdf.load(make_pdf([[]]), "scan.pdf")
    assert "scanned" in failure.value.reason
    assert "OCR" in failure.value.hint


def test_pdf_logs_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    damaged = make_pdf([prose("Text.")]).replace(b"startxref\n", b"startxref\n7")
    assert_sound_or_refused(pdf.load, damaged)
    assert capfd.readouterr().err == ""


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_pdf_with_broken_bytes_gives_a_sound_document_or_a_reason(changes: list[tuple[int, int]]) -> None:
    data = bytearray(make_pdf([prose("Some text that stands here.", "And more.")]))
    for at, value in changes:
        data[at % len(data)] = value
    assert_sound_or_refused(pdf.load, bytes(data))


# DOCX


def word_file() -> bytes:
    file = WordFile()
    file.core_properties.title = "Churn report"
    file.core_properties.author = "Ada"
    file.add_heading("Data", 1)
    file.add_paragraph("We use  two tables.")
    for text, style in (("first", "List Bullet"), ("inner", "List Bullet 2"), ("step", "List Number")):
        file.add_paragraph(text, style=style)
    table = file.add_table(2, 2)
    for index, text in enumerate(("a", "b", "1", "2")):
        table.cell(index // 2, index % 2).text = text
    file.add_heading("Model", 2)
    file.add_paragraph().add_run("x = 1\n  y = 2").font.name = "Courier New"
    out = BytesIO()
    file.save(out)
    return out.getvalue()


def with_part(name: str, change: Callable[[bytes], bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(word_file())) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change(content) if info.filename == name else content)
    return out.getvalue()


def test_docx_blocks_stand_in_document_order() -> None:
    document = docx.load(word_file(), "x.docx")
    assert_sound(document)
    assert document.text.split("\n\n") == [
        "Data",
        "We use two tables.",
        "- first\n  - inner\n1. step",
        "a | b\n1 | 2",
        "Model",
        "x = 1\n  y = 2",
    ]
    assert document.blocks[-1].kind is BlockKind.CODE
    assert document.blocks[-1].headings == ("Data", "Model")


def test_docx_properties_are_title_and_metadata() -> None:
    document = docx.load(word_file(), "x.docx")
    assert document.title == "Churn report"
    assert document.metadata["author"] == "Ada"


def test_docx_deleted_text_is_not_read() -> None:
    tracked = b"<w:body><w:p><w:moveFrom><w:r><w:t>gone</w:t></w:r></w:moveFrom><w:r><w:t>kept</w:t></w:r></w:p>"
    text = docx.load(with_part("word/document.xml", lambda xml: xml.replace(b"<w:body>", tracked)), "x.docx").text
    assert "kept" in text
    assert "gone" not in text


def test_docx_bomb_is_refused_before_it_unpacks() -> None:
    began = time.monotonic()
    said = reason(docx.load, with_part("word/document.xml", lambda _: b"<a>" + b" " * 60_000_000))
    assert "zip bomb" in said
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/image.png", b"\0" * 210_000_000)
    assert "zip bomb" in reason(docx.load, out.getvalue())
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_docx_with_entities_is_refused(encoding: str) -> None:
    xml = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'.encode(encoding)
    assert "entities" in reason(docx.load, with_part("word/document.xml", lambda _: xml))


def test_docx_that_is_none_says_why() -> None:
    assert "empty" in reason(docx.load, b"")
    assert "no readable DOCX" in reason(docx.load, b"just text")
    assert "no readable DOCX" in reason(docx.load, word_file()[:-40])
    assert "encrypted" in reason(docx.load, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 rest")
    assert "damaged" in reason(docx.load, with_part("word/document.xml", lambda xml: xml[:500]))
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("data.txt", "x")
    assert "no Word file" in reason(docx.load, out.getvalue())


# Notebooks


def read_notebook(*cells: dict[str, object], **rest: object) -> Document:
    document = notebook.load(json.dumps({"cells": cells, "nbformat": 4, **rest}).encode(), "study.ipynb")
    assert_sound(document)
    return document


def test_notebook_cells_are_prose_code_and_outputs() -> None:
    document = read_notebook(
        {"cell_type": "markdown", "source": ["# Study\n", "We fit a **tree**."]},
        {
            "cell_type": "code",
            "source": "tree.score(X, y)",
            "outputs": [{"output_type": "execute_result", "data": {"text/plain": ["0.9"], "text/html": "<b>0.9</b>"}}],
        },
        metadata={"kernelspec": {"language": "python"}},
    )
    assert document.text == "Study\n\nWe fit a tree.\n\ntree.score(X, y)\n\n0.9"
    assert document.title == "Study"
    assert document.metadata["language"] == "python"
    assert document.locate(document.text.index("0.9"), "cell") == "2"


def test_notebook_tracebacks_lose_their_colours_and_progress_bars_their_steps() -> None:
    outputs = [
        {"output_type": "error", "traceback": ["\x1b[0;31mValueError\x1b[0m: bad"]},
        {"output_type": "stream", "text": "10%\r50%\r100%\ndone\n"},
    ]
    document = read_notebook({"cell_type": "code", "source": "f()", "outputs": outputs})
    assert texts(document, BlockKind.CODE) == ["f()", "ValueError: bad", "100%\ndone"]


def test_notebook_outputs_are_cut_and_figures_left_out() -> None:
    outputs = [
        {"output_type": "stream", "text": "x" * 50_000},
        {
            "output_type": "display_data",
            "data": {"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": "i"},
        },
    ]
    document = read_notebook({"cell_type": "code", "source": "plot()", "outputs": outputs})
    assert len(document.text) < 21_000
    assert "Figure" not in document.text


def test_notebook_of_format_3_is_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "input": "1 + 1", "outputs": [{"output_type": "pyout", "text": ["2"]}]},
    ]
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    assert notebook.load(data, "old.ipynb").text == "Old\n\n1 + 1\n\n2"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"{", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "no cells"),
        (b'{"a": 1}', "no cells"),
        (b'{"cells": []}', "notebook is empty"),
        (b'{"cells": [{"cell_type": "code", "source": " "}, 7, null]}', "notebook is empty"),
    ],
)
def test_notebook_that_cannot_be_read_says_why(data: bytes, said: str) -> None:
    assert said in reason(notebook.load, data)


# Docstrings


def rendered(docstring: str) -> Document:
    builder = DocumentBuilder()
    builder.heading("f", 1)
    numpydoc.render(builder, docstring, level=2)
    document = builder.build("package", "f")
    assert_sound(document)
    return document


NUMPY_STYLE = """Fit a ``tree``.

    Parameters
    ----------
    max_depth : int, default=None
        The maximum depth, see :class:`Tree`.

        - None: no limit
    *args
        Passed on.

    Returns
    -------
    self : object

    See Also
    --------
    prune : Cut it back
        afterwards.

    References
    ----------
    .. [1] Ada, "Trees",
       1984.

    Examples
    --------
    >>> fit(1)
    2

    >>> fit(2)
    3
    """


def test_numpy_sections_are_headings_and_each_parameter_an_entry() -> None:
    document = rendered(NUMPY_STYLE)
    assert texts(document, BlockKind.HEADING)[1:] == ["Parameters", "Returns", "See Also", "References", "Examples"]
    assert texts(document, BlockKind.LIST) == [
        "max_depth : int, default=None — The maximum depth, see Tree.\n  - None: no limit",
        "*args — Passed on.",
        "self : object",
        "prune : Cut it back afterwards.",
        '[1] Ada, "Trees", 1984.',
    ]
    assert texts(document, BlockKind.CODE) == [">>> fit(1)\n2\n\n>>> fit(2)\n3"]
    assert texts(document, BlockKind.PARAGRAPH) == ["Fit a tree."]


def test_google_sections_read_the_same() -> None:
    document = rendered(
        "Tune.\n\nArgs:\n    trials (int): How many.\n    seed:\n        The seed\n        to use.\n\n"
        "Returns:\n    The best value.\n\nRaises:\n    ValueError: If none."
    )
    assert texts(document, BlockKind.HEADING)[1:] == ["Parameters", "Returns", "Raises"]
    assert texts(document, BlockKind.LIST) == [
        "trials : int — How many.",
        "seed — The seed to use.",
        "ValueError — If none.",
    ]
    assert "The best value." in texts(document, BlockKind.PARAGRAPH)


def test_sphinx_fields_read_the_same() -> None:
    document = rendered("Run.\n\n:param x: The input.\n:type x: int\n:returns: A number.\n:rtype: float")
    assert texts(document, BlockKind.LIST) == ["x : int — The input.", "float — A number."]


@given(st.text(alphabet="ab:-\n =>.`*_[]()", max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_docstring_gives_a_sound_document(docstring: str) -> None:
    rendered(docstring)


# Packages

SOURCES = {
    "__init__.py": '"""A toy."""\nimport sys\nprint("loud")\nprint("loud", file=sys.stderr)\n'
    'from ._impl import Model, run\n__all__ = ["Model", "run"]\n',
    "_impl.py": "import json\n\nclass _Base:\n"
    '    def fit(self, X, *, depth=3):\n        """Fit it."""\n'
    '    def hidden(self):\n        pass\n\nclass Model(_Base):\n    """A model."""\n\n'
    '    def predict(self, X):\n        """Predict it."""\n\n'
    'def run(x=1):\n    """Run it.\n\n    Parameters\n    ----------\n    x : int\n        The input.\n    """\n',
    "typed.py": '"""Typed."""\nfrom __future__ import annotations\n\n\nclass Box:\n'
    '    def __init__(self, size: int | None = None) -> None:\n        """Make it of `size`."""\n',
    "extra.py": '"""More."""\nfrom ._impl import Model, run\n\ndef helper():\n    """Help."""\n',
    "broken.py": "raise SystemExit(3)\n",
    "tests/__init__.py": 'raise RuntimeError("imported")\n',
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `toypackage`."""
    root = tmp_path / "toypackage"
    for name, source in SOURCES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return root


def test_package_objects_are_reported_once_under_their_shortest_public_path(toy: Path) -> None:
    found = package.inspect_package("toypackage")
    assert [item.source for item in found.items] == [
        "toypackage",
        "toypackage.Model",
        "toypackage.run",
        "toypackage.extra",
        "toypackage.extra.helper",
        "toypackage.typed",
        "toypackage.typed.Box",
    ]
    assert [name for name, _ in found.failed] == ["toypackage.broken"]


def test_package_documents_hold_signature_docstring_and_methods(toy: Path) -> None:
    items = {item.source: item for item in package.discover("toypackage")}
    document = LOADERS["package"](items["toypackage.Model"].data, "toypackage.Model")
    assert_sound(document)
    assert document.text.split("\n\n") == [
        "toypackage.Model",
        "toypackage.Model()",
        "A model.",
        "fit",
        "Model.fit(X, *, depth=3)",
        "Fit it.",
        "predict",
        "Model.predict(X)",
        "Predict it.",
    ]
    assert document.metadata["import"] == "from toypackage import Model"
    run = LOADERS["package"](items["toypackage.run"].data, "toypackage.run")
    assert block_of(run, "x : int").headings == ("toypackage.run", "Parameters")


def test_package_signatures_show_annotations_unquoted_and_documented_constructors(toy: Path) -> None:
    items = {item.source: item for item in package.discover("toypackage")}
    text = package.load(items["toypackage.typed.Box"].data, "x").text
    assert "toypackage.typed.Box(size: int | None = None)" in text
    assert "Make it of size." in text


def test_package_bytes_are_the_same_each_time(toy: Path) -> None:
    assert list(package.discover("toypackage")) == list(package.discover("toypackage"))


def test_package_submodule_that_kills_python_is_skipped(toy: Path) -> None:
    (toy / "deadly.py").write_text("import os\nos._exit(9)\n", encoding="utf-8")
    found = package.inspect_package("toypackage")
    assert "toypackage.deadly" in dict(found.failed)
    assert "toypackage.run" in {item.source for item in found.items}


def test_package_that_hangs_is_given_up(toy: Path) -> None:
    (toy / "slow.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    with pytest.raises(LoadFailed, match="too long"):
        package.inspect_package("toypackage", timeout=3)


def test_package_that_is_not_installed_names_the_nearest() -> None:
    with pytest.raises(LoadFailed, match="not installed in this Python environment") as failure:
        list(package.discover("scikit-lern"))
    assert "scikit-learn" in failure.value.reason
    assert "pip install scikit-lern" in failure.value.hint


@pytest.mark.slow
def test_package_scikit_learn_is_read_by_either_name() -> None:
    items = {item.source: item for item in package.discover("scikit-learn")}
    assert items.keys() == {item.source for item in package.discover("sklearn")}
    assert not any(part.startswith("_") for source in items for part in source.split("."))
    document = package.load(items["sklearn.ensemble.RandomForestClassifier"].data, "x")
    assert_sound(document)
    assert document.metadata["import"] == "from sklearn.ensemble import RandomForestClassifier"
    assert block_of(document, "max_depth : int").headings[-1] == "Parameters"
    assert block_of(document, "RandomForestClassifier.fit(").headings[-1] == "fit"
    assert "set_params" not in document.text.split("Examples")[-1]


def test_package_data_that_is_no_description_says_so() -> None:
    assert "no description" in reason(package.load, b"[]")
