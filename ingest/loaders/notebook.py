"""Jupyter notebooks to documents: Markdown cells as prose, code and text outputs as code, anchored by cell number.

The JSON is read leniently (formats 3 to 4, missing fields); images, HTML and widget outputs are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from ingest.loaders import markdown
from ingest.loaders.build import DocumentBuilder
from kb.errors import LoadFailed
from kb.text import decode, normalise
from kb.types import BlockKind, Document

MAX_BYTES = 256 << 20
MAX_OUTPUT = 20_000

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_PLACEHOLDER = re.compile(r"<(?:Figure size [^>]*|IPython\.core\.display\.\w+ object|Axes:?[^>]*)>")


def load(data: bytes, name: str) -> Document:
    """Return the notebook's cells in order; metadata names the kernel's language."""
    notebook = _parse(data)
    builder = DocumentBuilder()
    for number, cell in enumerate(_cells(notebook), start=1):
        builder.anchor("cell", number)
        _write(builder, cell)
    document = builder.build("notebook", _title(notebook), _metadata(notebook))
    if not document.blocks:
        raise LoadFailed("the notebook is empty", hint="add cells and save it, or leave it out")
    return document if document.title else replace(document, title=PurePath(name).stem)


def _parse(data: bytes) -> Mapping[str, Any]:
    if not data.strip():
        raise LoadFailed("the file is empty")
    if len(data) > MAX_BYTES:
        raise LoadFailed("the notebook is too large", hint="clear its outputs (`jupyter nbconvert --clear-output`)")
    try:
        notebook = json.loads(decode(data)[0])
    except (ValueError, RecursionError) as error:
        raise LoadFailed(f"the notebook is not valid JSON: {error}", hint="save it again from Jupyter") from error
    if not isinstance(notebook, dict) or not ({"cells", "worksheets"} & notebook.keys()):
        raise LoadFailed("the file is JSON but no notebook: it has no cells")
    return notebook


def _cells(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    sheets = _list(notebook.get("worksheets")) if "cells" not in notebook else [notebook]
    for sheet in sheets:
        for cell in _list(sheet.get("cells")) if isinstance(sheet, dict) else ():
            yield cell if isinstance(cell, dict) else {}


def _write(builder: DocumentBuilder, cell: Mapping[str, Any]) -> None:
    source = _joined(cell.get("source", cell.get("input")))
    kind = cell.get("cell_type")
    if kind == "markdown":
        _write_markdown(builder, source)
    elif kind == "heading":
        level = cell.get("level")
        builder.heading(source, level if isinstance(level, int) and 1 <= level <= 6 else 1)
    else:
        builder.add(BlockKind.CODE, source)
    for output in _list(cell.get("outputs")):
        if isinstance(output, dict):
            builder.add(BlockKind.CODE, _clean(_output_text(output)))


def _write_markdown(builder: DocumentBuilder, source: str) -> None:
    for piece in markdown.pieces(normalise(source)):
        if piece.kind is BlockKind.HEADING:
            builder.heading(piece.text, piece.level)
        elif piece.kind is None:
            builder.close(piece.level)
        else:
            builder.add(piece.kind, piece.text)


def _output_text(output: Mapping[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _joined(output.get("text"))
    if kind in ("error", "pyerr"):
        trace = "\n".join(line for line in _list(output.get("traceback")) if isinstance(line, str))
        return trace or f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"
    data = output.get("data")
    text = _joined(data.get("text/plain") if isinstance(data, dict) else output.get("text"))
    return "" if _PLACEHOLDER.fullmatch(text.strip()) else text


def _clean(text: str) -> str:
    """Drop colours and overwritten progress lines, and cut what is too long to read."""
    plain = _ANSI.sub("", text[: 20 * MAX_OUTPUT]).replace("\r\n", "\n")
    shown = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
    return shown if len(shown) <= MAX_OUTPUT else f"{shown[:MAX_OUTPUT]}\n…"


def _title(notebook: Mapping[str, Any]) -> str:
    metadata = notebook.get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else None
    return " ".join(title.split()) if isinstance(title, str) else ""


def _metadata(notebook: Mapping[str, Any]) -> dict[str, str]:
    metadata = notebook.get("metadata")
    for key, field in (("language_info", "name"), ("kernelspec", "language")):
        part = metadata.get(key) if isinstance(metadata, dict) else None
        language = part.get(field) if isinstance(part, dict) else None
        if isinstance(language, str) and language:
            return {"language": language}
    return {}


def _joined(value: object) -> str:
    """Return a field that may be a string or a list of its lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
