"""The line of pandas code that reads a table as it was read here."""

from __future__ import annotations

from typing import Any

import pandas as pd


def reading(table: Any) -> tuple[str, ...]:
    """Return the lines that read a table by its layout; a bare frame stands for a file that pandas reads as it is."""
    if isinstance(table, pd.DataFrame):
        return ("df = pd.read_csv('data.csv')",)
    layout, name = table.layout, str(table.path)
    if layout.format == "parquet":
        return (f"df = pd.read_parquet({name!r})",)
    if layout.format == "excel":
        return (f"df = pd.read_excel({name!r}{excel(layout)})", *dates(layout))
    if layout.format in ("json", "jsonl"):
        lines = ", lines=True" if layout.format == "jsonl" else ""
        return (f"df = pd.read_json({name!r}{lines})", *dates(layout))
    return (f"df = pd.read_csv({name!r}{options(layout)})", *renamed(table), *dates(layout))


def excel(layout: Any) -> str:
    """Return the arguments that read a sheet."""
    sheet = f", sheet_name={layout.sheet!r}" if layout.sheet is not None else ""
    skip = f", skiprows={layout.skip}" if layout.skip else ""
    return sheet + skip + ("" if layout.header else ", header=None")


def options(layout: Any) -> str:
    """Return the arguments that read a text file, those alone that pandas does not take by itself."""
    usual = {"delimiter": ",", "encoding": "utf-8", "quote": '"', "decimal": ".", "thousands": None, "skip": 0}
    names = {"delimiter": "sep", "quote": "quotechar", "skip": "skiprows"}
    written = [
        f", {names.get(field, field)}={getattr(layout, field)!r}"
        for field, value in usual.items()
        if getattr(layout, field) not in (value, "", None)
    ]
    missing = [token for token in layout.missing if token not in USUAL_MISSING]
    return (
        "".join(written) + (f", na_values={missing!r}" if missing else "") + ("" if layout.header else ", header=None")
    )


def renamed(table: Any) -> tuple[str, ...]:
    """Return the line that names the columns, where the file does not name them so."""
    return () if table.layout.header and not table.notes else (f"df.columns = {list(table.columns)!r}",)


def dates(layout: Any) -> tuple[str, ...]:
    """Return the lines that make dates of texts."""
    return tuple(
        f"df[{name!r}] = pd.to_datetime(df[{name!r}], format={form!r}, errors='coerce')"
        for name, form in layout.dates.items()
    )


USUAL_MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
     "NULL", "NaN", "None", "n/a", "nan", "null"}
)  # fmt: skip
"""What pandas.read_csv takes for missing by itself."""
