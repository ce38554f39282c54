"""Code for statistical tests."""

from __future__ import annotations

from assistant.dataset.code_expr import Writer
from assistant.dataset.steps import Test


def tested(test: Test, frame: str, w: Writer) -> tuple[str, dict[str, str]]:
    """Return code for p and for the other parts."""
    return "None", {}
