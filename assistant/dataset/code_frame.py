"""Pieces of pandas code over a frame: a link of a chain, a mask, new columns, the fences of outliers."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping

Template = Callable[[str], str]
FACTORS: Mapping[str, float] = {"iqr": 1.5, "z": 3.0, "percentile": 5.0}


def over(frame: str, template: Template, name: str = "d") -> str:
    """Return code that applies a template to a frame: in place where short or used once, else through `pipe`."""
    mark = "\0"
    if short(frame) or template(mark).count(mark) == 1:
        return template(frame)
    return f"{frame}.pipe(lambda {name}: {template(name)})"


def short(code: str) -> bool:
    """Tell whether code is a name, or a column of one, that may be repeated."""
    return code.isidentifier() or (len(code) < 24 and code.endswith("']") and code.count("[") == 1)


def filtered(frame: str, mask: Template) -> str:
    """Return code that keeps the rows where a mask holds."""
    return f"{frame}[{mask(frame)}]" if frame.isidentifier() else f"{frame}.loc[lambda d: {mask('d')}]"


def assigned(frame: str, columns: dict[str, Template]) -> str:
    """Return code that adds columns, or puts others in their place."""
    plain = all(name.isidentifier() and not keyword.iskeyword(name) and name != "self" for name in columns)
    if frame.isidentifier():
        written = {name: template(frame) for name, template in columns.items()}
    else:
        written = {name: f"lambda d: {template('d')}" for name, template in columns.items()}
    if plain:
        return f"{frame}.assign({', '.join(f'{name}={code}' for name, code in written.items())})"
    return f"{frame}.assign(**{{{', '.join(f'{name!r}: {code}' for name, code in written.items())}}})"


def bounds(values: str, method: str = "iqr", factor: float | None = None, ddof: int = 0) -> tuple[str, str]:
    """Return code for the lower and the upper fence of values."""
    factor = FACTORS[method] if factor is None else factor
    if method == "iqr":
        q1, q3 = f"{values}.quantile(0.25)", f"{values}.quantile(0.75)"
        return f"{q1} - {factor} * ({q3} - {q1})", f"{q3} + {factor} * ({q3} - {q1})"
    if method == "z":
        middle, spread = f"{values}.mean()", f"{factor} * {values}.std(ddof={ddof})"
        return f"{middle} - {spread}", f"{middle} + {spread}"
    return f"{values}.quantile({factor / 100!r})", f"{values}.quantile({1 - factor / 100!r})"
