"""The bounds outside which a value counts as an outlier."""

from __future__ import annotations

import pandas as pd

from kb.errors import BadInput


def fences(values: pd.Series, method: str = "iqr", factor: float | None = None, ddof: int = 0) -> tuple[float, float]:
    """Return the lower and upper bound by quartiles, by standard deviations or by percentiles."""
    factor = {"iqr": 1.5, "z": 3.0, "percentile": 5.0}.get(method, 0.0) if factor is None else factor
    if method == "iqr":
        q1, q3 = values.quantile(0.25), values.quantile(0.75)
        return q1 - factor * (q3 - q1), q3 + factor * (q3 - q1)
    if method == "z":
        middle, width = values.mean(), factor * values.std(ddof=ddof)
        return middle - width, middle + width
    if method == "percentile" and 0 <= factor < 50:
        return values.quantile(factor / 100), values.quantile(1 - factor / 100)
    raise BadInput(f"there is no outlier method {method!r} with {factor}", hint="iqr, z, or percentile below 50")
