"""The tab *Check a report*: the claims of a report, each with its line, its verdict and the stored value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from assistant.check import Checked, Finding, check, check_json
from assistant.check_judge import CONTRADICTS, MATCHES, NO_RECORD, ROUNDED, WRONGLY
from assistant.wire import citation_json
from kb.errors import BadInput
from kb.knowledge import KnowledgeBase
from kb.text import decode
from kb.vocabulary import Vocabulary
from ui import state
from ui.figures import exact, figure
from ui.nodes import Node, el
from ui.render import chip, counted, snippet

EXAMPLE = "Run baseline reached a validation AUC of 0.93.\n\n| run | val_auc |\n|---|---|\n| wide | 0.95 |"
WORDS: Mapping[str, tuple[str, str]] = {
    MATCHES: ("matches", "cw-right"),
    ROUNDED: ("matches, rounded", "cw-right"),
    WRONGLY: ("rounded wrongly", "cw-wrong"),
    CONTRADICTS: ("contradicts", "cw-wrong"),
    NO_RECORD: ("no record", "cw-none"),
}
MOST = 200
_MOST_MB = 20
_CITED = 3
_CLAIM = 280
_AROUND = 140
_RIGHT = frozenset({MATCHES, ROUNDED})


def tab(kb: KnowledgeBase, known: Vocabulary) -> None:
    """Show the form, and the claims of the report that was last checked, against what is stored now."""
    state.show(
        el("p", "cw-note", "Every number and comparison of a report, held against the runs and documents stored here.")
    )
    if (given := _form()) is not None:
        st.session_state["exp_report"] = given
    if "exp_report" not in st.session_state:
        state.show(_nothing_yet())
        return
    name, text = st.session_state["exp_report"]
    _show(_checked(kb, known, text), name)


def _form() -> tuple[str, str] | None:
    """Show the form; return name and text once something was given. Raises BadInput for nothing."""
    with st.form("exp_report_form", border=False):
        left, right = st.columns([3, 2], gap="medium")
        text = left.text_area("Report", key="exp_report_text", placeholder=EXAMPLE, height=180, help="Markdown or text")
        file = right.file_uploader(
            "Or a file", type=["md", "markdown", "txt", "rst"], max_upload_size=_MOST_MB, key="exp_report_file"
        )
        if not st.form_submit_button("Check it", type="primary"):
            return None
    if file is not None:
        return str(file.name), decoded(bytes(file.getvalue()))
    if not text.strip():
        st.session_state.pop("exp_report", None)
        raise BadInput("no report was given", hint="paste its Markdown, or choose a file")
    return "report.md", text


def decoded(data: bytes) -> str:
    """Return an uploaded report as text. Raises BadInput for what is none."""
    if b"\x00" in data[:10_000] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput("the report is no text", hint="write it as Markdown or plain text")
    return decode(data)[0]


def _checked(kb: KnowledgeBase, known: Vocabulary, text: str) -> Checked:
    """Return the report's claims, judged anew only when the text or what is stored has changed."""
    asked = (known.version, text)
    kept = st.session_state.get("exp_checked")
    if kept is None or kept[0] != asked:
        with st.spinner("Checking the report …"):
            kept = st.session_state["exp_checked"] = (asked, check(kb, text))
    found: Checked = kept[1]
    return found


def _show(checked: Checked, name: str) -> None:
    state.show(counts(checked))
    if not checked.findings:
        return
    shown = checked.findings
    with st.container(horizontal=True, vertical_alignment="center", key="exp_report_row"):
        told = json.dumps(check_json(name, checked), ensure_ascii=False, indent=2)
        st.download_button("Download as JSON", told, f"{name.rsplit('.', 1)[0]}-checked.json", "application/json")
        right = sum(one.status in _RIGHT for one in shown)
        if 0 < right < len(shown) and st.toggle("Only what does not match", key="exp_report_only"):
            shown = tuple(one for one in shown if one.status not in _RIGHT)
    state.surface(claims(shown), key="exp_report_claims")


# -- trees -------------------------------------------------------------------------------------------------------


def _nothing_yet() -> Node:
    return el(
        "div",
        "cw-exp-empty",
        el("h3", "", "Paste a report"),
        el("p", "cw-note", "It should name runs and metrics as they were logged, for example:"),
        el("pre", "", el("code", "", EXAMPLE)),
    )


def counts(checked: Checked) -> Node:
    """Return how many claims there are and how many of each verdict."""
    if not checked.findings:
        hint = "It names no run or metric that is stored, beside a number."
        return el("div", "cw-exp-empty", el("h3", "", "No claim was found"), el("p", "cw-note", hint))
    words = [
        el("span", f"cw-exp-word {css}", f"{checked.counts[status]:,} {word}")
        for status, (word, css) in WORDS.items()
        if status in checked.counts
    ]
    total = el("strong", "", counted(len(checked.findings), "claim"))
    return el("p", "cw-exp-verdict cw-exp-counts", total, *words)


def claims(found: Sequence[Finding]) -> Node:
    """Return claims in the order of their lines, as many as a page holds."""
    more = len(found) - MOST
    note = f"{more:,} more are not shown; all are in the download." if more > 0 else ""
    listed = el("ul", "cw-exp-cards", *(_claim(one) for one in found[:MOST]))
    return el("div", "", listed, el("p", "cw-note", note) if note else None)


def _claim(one: Finding) -> Node:
    word, css = WORDS[one.status]
    value = el("span", "cw-exp-value", one.value) if one.value else None
    head = el(
        "div",
        "cw-exp-card-head",
        el("span", "cw-exp-at", f"Line {one.line}"),
        el("strong", f"cw-exp-word {css}", word),
        value,
    )
    return el(
        "li", f"cw-exp-card {css}", head, _quoted(one.claim, one.value),
        el("p", "cw-note", one.said), _stored([citation_json(cited) for cited in one.citations]),
    )  # fmt: skip


def _quoted(claim: str, value: str | None) -> Node:
    """Return the claim, of a long one the part around its value, with the value marked where it stands once."""
    line = " ".join(claim.split())
    places = [found.start() for found in re.finditer(rf"(?<![\w.]){re.escape(value)}(?!\w)", line)] if value else []
    if len(places) != 1 or value is None:
        return el("blockquote", "cw-exp-said", snippet(line, _CLAIM))
    at, end = places[0], places[0] + len(value)
    before = line[max(0, at - _AROUND) : at]
    if at > _AROUND:
        before = "… " + before.split(" ", 1)[-1]
    return el("blockquote", "cw-exp-said", before, el("mark", "", value), _rest(line[end:]))


def _rest(text: str) -> str:
    return text if len(text) <= _AROUND else text[:_AROUND].rsplit(" ", 1)[0] + " …"


def _stored(citations: Sequence[Mapping[str, Any]]) -> Node | None:
    """Return the stored values with the runs or passages that hold them."""
    if not citations:
        return None
    return el("ul", "cw-exp-stored", *(_cited(one) for one in citations[:_CITED]))


def _cited(citation: Mapping[str, Any]) -> Node:
    if citation.get("kind") != "run":
        return el("li", "", chip(citation))
    value = citation["value"]
    told = el("strong", "", figure(value), label=exact(value))
    return el("li", "", el("span", "cw-note", "stored "), told, chip(citation))
