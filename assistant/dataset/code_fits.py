"""Code for fits."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.dataset.code_expr import Writer
from assistant.dataset.steps import Fit


def expression(fit: Fit, frame: str, w: Writer) -> str:
    """Return one expression for the metric."""
    return "None"


def parts(fit: Fit, frame: str, w: Writer) -> dict[str, str]:
    """Return expressions for the parts."""
    return {}


def imports(fit: Fit) -> frozenset[str]:
    """Return the imports."""
    return frozenset()


def program(fit: Fit, variable: str, kinds: Mapping[str, str]) -> tuple[tuple[str, ...], str, dict[str, str]]:
    """Return lines, the value's variable and the parts."""
    return (), variable, {}
