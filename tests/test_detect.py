"""Which files a scan of a folder reads, and as what."""

from __future__ import annotations

import pytest

from ingest.detect import IGNORED_DIRS, SUPPORTED, detect_kind
from ingest.loaders import LOADERS

NOTE = b"---\nauthor: Ada\ndate: 2024-05-01\nstatus: final\n---\n\nWe drop the id column.\n"
MARKDOWN = b"# Title\n\nSome [link](http://example.org) and **bold** text.\n"
RST = b"Title\n=====\n\nSee :func:`fit` and ``code``.\n\n.. note:: Mind this.\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.md", "markdown"),
        ("A.MARKDOWN", "markdown"),
        ("a.rst", "rst"),
        ("a.txt", "text"),
        ("a.html", "html"),
        ("a.htm", "html"),
        ("a.pdf", "pdf"),
        ("a.docx", "docx"),
        ("a.ipynb", "notebook"),
    ],
)
def test_the_extension_decides_first(name: str, kind: str) -> None:
    assert detect_kind(name, b"anything") == kind


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("a.zip", b"PK\x03\x04"),
        ("a.pkl", b"\x80\x04\x95"),
        ("a.py", b"import os\n"),
        ("a.csv", b"a,b\n1,2\n"),
        ("a.json", b'{"a": 1}'),
        ("weights", b"\x00\x01\x02"),
        ("Makefile", b"all:\n\tmake test\n"),
        ("run", b"#!/bin/sh\necho `date`\necho `date`\n"),
        (".gitignore", b"*.pyc\n"),
        ("archive", b"PK\x03\x04 sheets xl/workbook.xml"),
        ("empty", b""),
    ],
)
def test_what_is_no_document_has_no_kind(name: str, head: bytes) -> None:
    assert detect_kind(name, head) is None


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("report", b"%PDF-1.7\n", "pdf"),
        ("report", b"PK\x03\x04...word/document.xml", "docx"),
        ("page", b"<!DOCTYPE html>\n<html>", "html"),
        ("page", b"<!-- saved -->\n<html lang='en'>", "html"),
        ("nb", b'{"cells": [], "nbformat": 4}', "notebook"),
        ("README", MARKDOWN, "markdown"),
        ("README", RST, "rst"),
        ("README", b"This is how to install it.\n", "text"),
        ("notes-2024.05", MARKDOWN, "markdown"),
    ],
)
def test_without_an_extension_the_content_decides(name: str, head: bytes, kind: str) -> None:
    assert detect_kind(name, head) == kind


@pytest.mark.parametrize("name", ["decision.md", "decision.txt", "decision"])
def test_a_note_is_known_by_its_header(name: str) -> None:
    assert detect_kind(name, NOTE) == "note"


def test_a_character_cut_at_the_end_of_the_head_does_no_harm() -> None:
    assert detect_kind("README", MARKDOWN + "é".encode()[:1]) == "markdown"


def test_each_supported_kind_has_a_loader() -> None:
    assert set(SUPPORTED) == set(LOADERS)


def test_folders_of_tools_are_ignored() -> None:
    assert {".git", "node_modules", "__pycache__", ".venv", ".citewise"} <= IGNORED_DIRS
