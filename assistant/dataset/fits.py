"""Simple models over a pandas frame."""

from __future__ import annotations

from assistant.dataset.expr import Scope
from assistant.dataset.steps import Fit
from assistant.dataset.values import Found
from kb.errors import BadInput


def fitted(fit: Fit, scope: Scope) -> Found:
    """Return what a fit gives."""
    raise BadInput(f"the model {fit.model} cannot be fitted yet", hint="ask for a measure")
