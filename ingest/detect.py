"""Which kind of document a file is: by its extension first, then by its first bytes.

What is no document (images, archives, weights, source code, tables) has no kind, so that a scan of a folder skips it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType

from ingest.loaders.notes import is_note
from kb.text import decode

SUPPORTED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "markdown": (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"),
        "rst": (".rst", ".rest"),
        "text": (".txt", ".text"),
        "html": (".html", ".htm", ".xhtml"),
        "pdf": (".pdf",),
        "docx": (".docx", ".docm"),
        "notebook": (".ipynb",),
        "note": (),
        "package": (),
    }
)
IGNORED_DIRS = frozenset(
    {
        ".bzr",
        ".cache",
        ".citewise",
        ".eggs",
        ".git",
        ".hg",
        ".hypothesis",
        ".idea",
        ".import_linter_cache",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        ".vscode",
        "__MACOSX",
        "__pycache__",
        "node_modules",
        "site-packages",
        "venv",
    }
)

_BY_EXTENSION = {extension: kind for kind, extensions in SUPPORTED.items() for extension in extensions}
_MAY_BE_NOTES = frozenset({"markdown", "text"})
# Names without an extension that are prose by custom; others must look like marked-up text to be read
_PROSE_NAMES = re.compile(
    r"(?:readme|changelog|changes|history|news|notes?|authors|contributing|contributors|todo|faq|install|model_?card)",
    re.IGNORECASE,
)
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ZIP = b"PK\x03\x04"
_HTML = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_NOTEBOOK = re.compile(r'\s*\{.*"(?:cells|worksheets|nbformat)"\s*:', re.DOTALL)
_RST = re.compile(
    r"^\.\. [\w-]+::|^\.\. _[^:\n]+:|:\w+:`[^`\n]+`|^[^\s.`#*-][^\n]{2,}\n([=~^\"'-])\1{3,}\s*$"
    r"|``[^`\n]+``|`[^`\n]+`_\b",
    re.MULTILINE,
)
_MARKDOWN = re.compile(
    r"^#{1,6} \S|^```|^~~~|\[[^\]\n]+\]\([^)\s]+\)|^\s*[-*] \[[ x]\] |\*\*[^*\n]+\*\*|(?<!`)`[^`\n]+`(?![`_])",
    re.MULTILINE,
)


def detect_kind(name: str, head: bytes) -> str | None:
    """Return the kind of the file `name` that begins with `head`, or None where it is no document."""
    extension = PurePath(name.lower()).suffix
    kind = _BY_EXTENSION.get(extension)
    if kind is not None:
        return "note" if kind in _MAY_BE_NOTES and is_note(head) else kind
    return _sniff(name, head) if not extension or _is_number(extension) else None


def _is_number(extension: str) -> bool:
    """Tell whether what follows the last dot is part of a name such as `notes-2024.05`."""
    return extension[1:].isdigit()


def _sniff(name: str, head: bytes) -> str | None:
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(_ZIP):
        return "docx" if b"word/" in head else None
    if not head.strip() or _is_binary(head):
        return None
    text = _decoded(head)
    if _HTML.match(text):
        return "html"
    if _NOTEBOOK.match(text):
        return "notebook"
    if is_note(head):
        return "note"
    return _prose(PurePath(name).name, text)


def _prose(name: str, text: str) -> str | None:
    """Tell reStructuredText from Markdown from plain text by which markup occurs more; scripts and data are neither."""
    if name.startswith(".") or text.startswith(("#!", "<?xml", "{", "[")):
        return None
    rst, markdown = len(_RST.findall(text)), len(_MARKDOWN.findall(text))
    if rst > markdown:
        return "rst"
    if markdown and (markdown > 1 or _PROSE_NAMES.match(name)):
        return "markdown"
    return "text" if _PROSE_NAMES.match(name) else None


def _is_binary(head: bytes) -> bool:
    if head.startswith(_BOMS):
        return False
    control = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    return b"\0" in head or control * 20 > len(head)


def _decoded(head: bytes) -> str:
    """Return the text of `head`; a character cut in two at its end is no sign of another encoding."""
    if head.startswith(_BOMS):
        return decode(head)[0]
    return head.decode("utf-8", "replace")
