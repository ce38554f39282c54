"""Loaders: from a file's bytes to a `Document`, one function per kind.

A loader is `load(data, name) -> Document`; `name` is the file's name, for messages and a title to fall back on. It
raises `LoadFailed` for what cannot be read. Each module is imported when its kind is first used, so that reading a
note does not pay for PDF or DOCX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from kb.types import Document

Loader = Callable[[bytes, str], Document]


def _markdown(data: bytes, name: str) -> Document:
    from ingest.loaders import markdown

    return markdown.load(data, name)


def _rst(data: bytes, name: str) -> Document:
    from ingest.loaders import rst

    return rst.load(data, name)


def _text(data: bytes, name: str) -> Document:
    from ingest.loaders import plain

    return plain.load(data, name)


def _html(data: bytes, name: str) -> Document:
    from ingest.loaders import html

    return html.load(data, name)


def _pdf(data: bytes, name: str) -> Document:
    from ingest.loaders import pdf

    return pdf.load(data, name)


def _docx(data: bytes, name: str) -> Document:
    from ingest.loaders import docx

    return docx.load(data, name)


def _notebook(data: bytes, name: str) -> Document:
    from ingest.loaders import notebook

    return notebook.load(data, name)


def _note(data: bytes, name: str) -> Document:
    from ingest.loaders import notes

    return notes.load(data, name)


def _package(data: bytes, name: str) -> Document:
    from ingest.loaders import package

    return package.load(data, name)


LOADERS: Mapping[str, Loader] = MappingProxyType(
    {
        "markdown": _markdown,
        "rst": _rst,
        "text": _text,
        "html": _html,
        "pdf": _pdf,
        "docx": _docx,
        "notebook": _notebook,
        "note": _note,
        "package": _package,
    }
)
