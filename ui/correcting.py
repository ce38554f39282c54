"""The dialog in which a person says how a table's file is to be read, where what was detected is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from kb import datasets
from kb.datasets import Dataset
from ui import render, state
from ui.nodes import el

AUTO = "As detected"
_DELIMITERS = {"Comma": ",", "Semicolon": ";", "Tab": "\t", "Vertical bar": "|", "Space": " "}
_DECIMALS = {"Point": ".", "Comma": ","}
_ENCODINGS = ("utf-8", "cp1252", "latin-1", "utf-16", "shift_jis", "gb18030", "big5", "cp1251")
_HEADERS = {"First row": True, "There are none": False}
_TYPES = {"Number": "number", "Text": "text", "Date": "date", "Yes or no": "boolean"}
_DATES = {
    "Day first, 31/03/2024": "%d/%m/%Y",
    "Month first, 03/31/2024": "%m/%d/%Y",
    "Year first, 2024-03-31": "%Y-%m-%d",
    "Day first, 31.03.2024": "%d.%m.%Y",
    "Several forms": "mixed",
}
_EMPTY = "(empty)"


def _leave() -> None:
    st.session_state.pop("correcting", None)


@st.dialog("How is this file to be read?", width="medium", on_dismiss=_leave)
def dialog(dataset: Dataset, columns: Sequence[str], layout: Mapping[str, Any]) -> None:
    """Ask how `dataset` is to be read; `layout` is what was detected, empty where it could not be read at all."""
    state.show(el("p", "cw-path cw-name", dataset.name))
    with st.form("correcting_form", border=False):
        given = _file(dataset.corrections, layout)
        given |= _column(dataset.corrections, columns)
        back, done = st.columns(2)
        reset = back.form_submit_button("Forget my corrections", width="stretch", disabled=not dataset.corrections)
        read = done.form_submit_button("Read it like this", type="primary", width="stretch")
    if reset or read:
        state.guarded(lambda: _keep(dataset, {} if reset else given))


def _keep(dataset: Dataset, given: Mapping[str, Any]) -> None:
    datasets.correct(state.knowledge().catalogue, dataset.id, given)
    _leave()
    st.rerun()


def _file(before: Mapping[str, Any], layout: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for what holds of the whole file; what is left as detected is not in what is returned."""
    one, two, three = st.columns(3)
    with one:
        delimiter = _choice("Delimiter", _DELIMITERS, before, layout, "delimiter")
        header = _choice("Column names", _HEADERS, before, layout, "header")
    with two:
        decimal = _choice("Decimal mark", _DECIMALS, before, layout, "decimal")
        skip = st.number_input(
            "Lines above the column names", 0, 10_000, int(before.get("skip", layout.get("skip", 0)))
        )
    with three:
        encoding = _choice("Encoding", {name: name for name in _ENCODINGS}, before, layout, "encoding")
        sheet = st.text_input("Sheet", str(before.get("sheet", "")), placeholder="the first one")
    tokens = st.text_input(
        "Also read as missing, separated by commas",
        ", ".join(str(token) or _EMPTY for token in before.get("missing", layout.get("missing", ()))),
        placeholder="for example -, unknown, 999",
    )
    given = {"delimiter": delimiter, "decimal": decimal, "encoding": encoding, "header": header, "sheet": sheet or None}
    found = {name: value for name, value in given.items() if value is not None}
    if int(skip) != int(layout.get("skip", 0)) or "skip" in before:
        found["skip"] = int(skip)
    missing = split_tokens(tokens)
    if missing != [str(token) for token in layout.get("missing", ())] or "missing" in before:
        found["missing"] = missing
    return found


def split_tokens(text: str) -> list[str]:
    """Return the tokens that a person listed, each once."""
    parts = (part.strip() for part in text.split(","))
    return list(dict.fromkeys("" if part == _EMPTY else part for part in parts if part))


def _choice(
    label: str, options: Mapping[str, Any], before: Mapping[str, Any], layout: Mapping[str, Any], field: str
) -> Any:
    """Ask for one field of the layout; None where it is left as detected."""
    names, said = list(options), next((n for n, value in options.items() if value == layout.get(field)), None)
    auto = f"{AUTO}: {said.lower()}" if said and field not in before else AUTO
    at = next((number for number, name in enumerate(names, 1) if options[name] == before.get(field)), 0)
    return options.get(st.selectbox(label, [auto, *names], index=at))


def _column(before: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Ask for the type or the dates of one column; what was said of others before stays."""
    types, dates = dict(before.get("types", {})), dict(before.get("dates", {}))
    if columns:
        one, two, three = st.columns(3)
        column = one.selectbox("A column", ["–", *columns], help="Correct one column at a time")
        kind = two.selectbox("holds", [AUTO, *_TYPES])
        form = three.selectbox("Its dates are written", [AUTO, *_DATES])
        if column != "–":
            types, dates = _said(types, column, _TYPES.get(kind)), _said(dates, column, _DATES.get(form))
    said = ", ".join(f"{name}: {value}" for name, value in {**types, **dates}.items())
    if said:
        state.show(el("p", "cw-note cw-name", f"Said so far: {render.snippet(said, 300)}"))
    return {name: values for name, values in (("types", types), ("dates", dates)) if values}


def _said(before: dict[str, Any], column: str, value: str | None) -> dict[str, Any]:
    kept = {name: said for name, said in before.items() if name != column}
    return kept if value is None else {**kept, column: value}
