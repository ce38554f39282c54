"""The team's notes to a `Document`: Markdown or plain text under a header.

The header, with any of author, date, dataset, status and supersedes, becomes metadata and is not part of the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.loaders import markdown, plain
from ingest.loaders.front import NOTE_KEYS, front_matter, leading_pairs
from ingest.loaders.reading import read_text
from kb.errors import LoadFailed
from kb.types import Document

_HEADER_BYTES = 30_000
_MARKDOWN = re.compile(r"^(?: {0,3}#{1,6} \S| {0,3}(?:```|~~~)| {0,3}[-*+] \S|\|.*\|)|\*\*\S|\]\(|`\S", re.MULTILINE)
_TEXT_ENDINGS = (".txt", ".text", ".log")


def load(data: bytes, name: str) -> Document:
    """Return the document of a note; its header becomes metadata, a header that cannot be read stays text."""
    text = read_text(data, name, "text")
    metadata, skip = _header(text)
    lines = text.split("\n")
    if not any(line.strip() for line in lines[skip:]):
        raise LoadFailed(f"{name}: the note has a header but no text", hint="write the note below its header")
    build = plain.build if _is_plain(name, text) else markdown.build
    return build(text, skip, name, kind="note", metadata=metadata)


def is_note(data: bytes) -> bool:
    """Tell whether `data` opens with a header that names an author, date, dataset, status or predecessor."""
    try:
        # The header stands at the start; a character cut in two there does no harm.
        text = read_text(data[:_HEADER_BYTES], "", "text")
    except LoadFailed:
        return False
    metadata, skip = _header(text)
    return bool(skip) and bool(metadata.keys() & NOTE_KEYS)


def _header(text: str) -> tuple[Mapping[str, str], int]:
    metadata, skip = front_matter(text)
    return (metadata, skip) if skip else leading_pairs(text)


def _is_plain(name: str, text: str) -> bool:
    return name.lower().endswith(_TEXT_ENDINGS) and not _MARKDOWN.search(text[:_HEADER_BYTES])
