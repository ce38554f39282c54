"""What to draw beside a value, aggregated here so that a face only draws."""

from __future__ import annotations

from typing import Any

from assistant.dataset.types import Outcome, Plot


def of_value(step: Any, outcome: Outcome, rows: Any, values: Any, wanted: str) -> Plot | None:
    """Return the plot that helps with a value."""
    return None


def of_rows(query: Any, rows: Any) -> Plot | None:
    """Return the plot of rows."""
    return None
