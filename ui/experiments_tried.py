"""The tab *Tried?*: a configuration is held against the history: who ran it, what came of it, what is near."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from assistant.run_cite import figure as in_full
from assistant.tried import Match, Tried, tried
from assistant.tried_config import config_in
from assistant.tried_values import NearValues
from kb.errors import BadInput
from kb.records import Scalar
from kb.store import Catalogue
from ui import state
from ui.experiments_trees import name_of
from ui.figures import exact, figure
from ui.nodes import Node, button, el
from ui.render import counted

EXAMPLE = "learning_rate: 0.05\nmodel:\n  max_depth: 6"
_MOST_MB = 1
_HINT = "paste the parameters as YAML or JSON, or choose a file"


def tab(catalogue: Catalogue) -> None:
    """Show the form, and what was found for the configuration that was last looked up."""
    state.show(
        el("p", "cw-note", "Before you train: was this configuration, or a near one, run before, and what came of it?")
    )
    if (asked := _form()) is not None:
        st.session_state["exp_tried"] = asked
    if "exp_tried" not in st.session_state:
        state.show(_nothing_yet())
        return
    name, data = st.session_state["exp_tried"]
    state.surface(result(tried(catalogue, parsed(data, name)), name), key="exp_tried_result")


def _form() -> tuple[str, bytes] | None:
    """Show the form; return name and content once something was given. Raises BadInput for nothing."""
    with st.form("exp_tried_form", border=False):
        left, right = st.columns([3, 2], gap="medium")
        text = left.text_area(
            "Configuration", key="exp_tried_text", placeholder=EXAMPLE, height=150, help="YAML or JSON"
        )
        file = right.file_uploader(
            "Or a file", type=["yaml", "yml", "json"], max_upload_size=_MOST_MB, key="exp_tried_file"
        )
        if not st.form_submit_button("Look it up", type="primary"):
            return None
    if file is not None:
        return str(file.name), bytes(file.getvalue())
    if not text.strip():
        st.session_state.pop("exp_tried", None)
        raise BadInput("no configuration was given", hint=_HINT)
    return "", text.encode("utf-8")


def parsed(data: bytes, name: str = "") -> Mapping[str, Scalar]:
    """Return the parameters of what was uploaded or pasted; JSON may be pasted too. Raises BadInput."""
    if not name and data.lstrip().startswith(b"{"):
        try:
            json.loads(data)
        except ValueError:
            return config_in(data)
        return config_in(data, "configuration.json")
    return config_in(data, name or "the configuration")


# -- what was found ----------------------------------------------------------------------------------------------


def _nothing_yet() -> Node:
    return el(
        "div",
        "cw-exp-empty",
        el("h3", "", "Paste what you are about to run"),
        el("p", "cw-note", "For example, in YAML (nested names are joined with dots, JSON does as well):"),
        el("pre", "", el("code", "", EXAMPLE)),
    )


def result(found: Tried, name: str = "") -> Node:
    """Return what the history says of a configuration."""
    parts = [
        _matches("Runs with exactly this", found.exact, found.times),
        _matches("Nearest runs", found.near, len(found.near)),
        _not_tried(found.not_tried),
        *_left_out(found),
    ]
    return el("section", "cw-exp-held", _verdict(found, name), *parts)


def _verdict(found: Tried, name: str) -> Node:
    if not found.considered:
        word, css, said = "Unknown", "cw-none", "no stored run logs any of these parameters"
    elif found.times:
        said = f"{found.times:,} of {found.considered:,} runs that log any of these parameters had exactly this"
        word, css = "Run before", "cw-right"
    else:
        said = f"none of the {counted(found.considered, 'run')} that log any of these parameters had exactly this"
        word, css = "Not run before", "cw-fresh"
    told = f"{said}, in {name}" if name and not found.considered else said
    return el("p", "cw-exp-verdict", el("strong", f"cw-exp-word {css}", word), el("span", "", told))


def _matches(title: str, matches: Sequence[Match], total: int) -> Node | None:
    if not matches:
        return None
    more = f" ({len(matches)} of {total:,})" if total > len(matches) else ""
    return el(
        "div", "", el("h3", "cw-exp-title", title + more), el("ul", "cw-exp-cards", *(_match(one) for one in matches))
    )


def _match(match: Match) -> Node:
    run = match.run
    opened = button("cw-exp-open", {"do": "exp-open", "run": run.pk}, name_of(run), label=f"Open run {run.run_id}")
    where = " · ".join(filter(None, (run.experiment, run.state.value)))
    head = el("div", "cw-exp-card-head", opened, el("span", "cw-note", where), _outcome(match))
    differs = [
        el(
            "li", "", el("span", "cw-exp-line", one.param), " was ", el("strong", "", _shown(one.had)), ", not ",
            _shown(one.wanted), " (a repeat)" if one.repeat else "",
        )
        for one in match.differences
    ]  # fmt: skip
    if match.unlogged:
        differs.append(el("li", "cw-note", f"did not log {', '.join(match.unlogged)}"))
    return el("li", "cw-exp-card", head, el("ul", "cw-exp-differs", *differs) if differs else None)


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


def _outcome(match: Match) -> Node:
    if match.outcome is None:
        return el("span", "cw-exp-came cw-note", "logged no metric")
    metric, rank = match.outcome.metric, match.outcome.rank
    place = f", {rank:,} of {match.outcome.of:,}" if rank else ""
    return el(
        "span",
        "cw-exp-came",
        f"{metric.name} ",
        el("strong", "", figure(metric.last), label=exact(metric.last)),
        el("span", "cw-note", place),
    )


def _not_tried(found: Sequence[NearValues]) -> Node | None:
    rows = [
        el(
            "tr", "", el("th", "cw-exp-line", one.param),
            el("td", "", in_full(one.value)), el("td", "cw-note", "tried" if one.tried else "never tried"),
            el("td", "", ", ".join(map(in_full, one.values)) or "–"),
        )
        for one in found
        if one.values or not one.tried
    ]  # fmt: skip
    if not rows:
        return None
    head = el("tr", "", *(el("th", "", text) for text in ("Parameter", "Yours", "", "Never tried nearby")))
    table = el("table", "cw-exp-table", el("thead", "", head), el("tbody", "", *rows))
    return el("div", "", el("h3", "cw-exp-title", "Near values nobody tried"), el("div", "cw-exp-scroll", table))


def _left_out(found: Tried) -> Iterator[Node]:
    if found.unknown:
        yield el("p", "cw-note", f"No run ever logged: {', '.join(found.unknown)}.")
    if found.idle:
        yield el("p", "cw-note", f"Not compared, since they make no other training: {', '.join(found.idle)}.")
