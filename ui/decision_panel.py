"""The panel of a decision: what was chosen, whether it stands, its reasons, and what it replaced."""

from __future__ import annotations

from collections.abc import Iterator

from assistant.why import day
from kb.decisions import Decision
from kb.ledger import Ledger
from kb.types import Citation
from ui import render
from ui.nodes import Node, button, el


def panel(known: Ledger, found: Decision | None) -> Node:
    """Return the panel of a decision, or that it is not recorded any more."""
    shut = button("cw-close", {"do": "close"}, "×", label="Close the decision")
    if found is None:
        gone = "This decision is not recorded any more: its note changed or was forgotten."
        bar = el("div", "cw-panel-bar", el("h3", "", "Decision"), shut)
        return el("aside", "cw-panel", bar, el("div", "cw-panel-body", el("p", "cw-note", gone)))
    status = known.status(found)
    tags = [status, found.stage, day(found), found.by or ""]
    head = el(
        "header",
        "cw-panel-head",
        el("div", "cw-panel-bar", el("h3", "", found.title or "Decision"), shut),
        el("p", "cw-path cw-name", found.place),
        el("p", "cw-facts", *(el("span", "cw-tag", one) for one in tags if one)),
    )
    return el("aside", "cw-panel", head, el("div", "cw-panel-body cw-scroll", *_body(known, found)))


def _body(known: Ledger, found: Decision) -> Iterator[Node]:
    yield el("blockquote", "cw-quote", found.choice)
    if found.reasons:
        yield el("p", "cw-label", "Because")
        for reason in found.reasons:
            passages = [render.chip(_place(one)) for one in reason.citations if isinstance(one, Citation)]
            yield el("div", "cw-claim", el("p", "cw-own", reason.text), el("div", "cw-chips", *passages))
    else:
        yield el("p", "cw-note", "No reason was recorded with it.")
    yield from _listed("Instead of", found.alternatives)
    yield from _listed("Runs behind it", found.runs)
    yield from _others("Replaced", known.replaced(found))
    yield from _others("Replaced by", known.superseded_by(found))


def _place(cited: Citation) -> dict[str, object]:
    from assistant.wire import citation_json

    return citation_json(cited)


def _listed(title: str, texts: tuple[str, ...]) -> Iterator[Node]:
    if texts:
        yield el("p", "cw-label", title)
        yield el("ul", "cw-checks", *(el("li", "cw-name", text) for text in texts))


def _others(title: str, decisions: tuple[Decision, ...]) -> Iterator[Node]:
    if decisions:
        yield el("p", "cw-label", title)
    for one in decisions:
        yield button("cw-suggestion", {"do": "decision", "id": one.id}, el("span", "", one.choice))
