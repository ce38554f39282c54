"""The reading line: what a question about a table or runs was taken to mean, as chips that can be changed.

A chip opens a list of what else it could have meant, each with its count; a choice runs the changed reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from ui.nodes import Child, Node, button, el

Json = Mapping[str, Any]
_KINDS = {
    "model": "model",
    "test": "test",
    "plot": "plot",
    "step": "step",
    "group": "grouped by",
    "filter": "only where",
}
_NAMED = frozenset({"metric", "param", "tag"})
_MOST, _KEPT = 40, 4


def line(given: Json, *, dataset: str | None = None, asked: float | None = None) -> Node:
    """Return the reading of an answer; `dataset` is the id that its link names, `asked` its turn.

    Of a question about runs the words stand first: its chips are the parts of them that can be changed.
    """
    read = given["reading"]
    runs = {"question": read["question"], **_source(given)}
    chips = [chip(one, runs, team=is_of_runs(read)) for one in read.get("chips", ())]
    words = [el("span", "cw-said cw-name", read["words"])] if read["words"] else []
    said = [*words, *chips] if is_of_runs(read) else chips or words
    lead = el("span", "cw-lead", "Read as") if said else None
    return el("div", "cw-line", lead, *said, *unread(read), *_keep(given, dataset, asked))


def _source(given: Json) -> dict[str, Any]:
    """Return what tells later which table an answer was over."""
    return {"fingerprint": given.get("dataset", {}).get("fingerprint")}


def is_of_runs(read: Json) -> bool:
    """Tell whether a reading is of a question about runs."""
    return read.get("route") == "runs"


def chip(one: Json, runs: Json, *, team: bool = False) -> Node:
    """Return a piece of a reading; where it can be changed it opens, and one that is a guess is dotted.

    With `team` a word that may mean several names can be given one of them for good.
    """
    css = f"cw-piece cw-is-{one['kind']}" + ("" if one.get("sure", True) else " cw-unsure")
    choices = [*_options(one, runs), *(_always(one, runs) if team else ()), *_drop(one, runs)]
    if not choices and not one.get("note") and one.get("sure", True):
        return el("span", css, el("span", "cw-name", one["text"]), label=_role(one))
    summary = el("summary", css, el("span", "cw-name", one["text"]), label=_hint(one))
    return el("details", "cw-pop", summary, el("div", "cw-menu", *_head(one, team=team), *choices))


def _role(one: Json) -> str:
    return _KINDS.get(one["kind"], str(one["kind"]))


def _hint(one: Json) -> str:
    unsure = "" if one.get("sure", True) else ", a guess"
    return f"{_role(one)}: {one['text']}{unsure}"


def _head(one: Json, *, team: bool) -> Iterator[Node]:
    said = f" read from “{one['said']}”" if one.get("said") else ""
    yield el("p", "cw-menu-head", f"{_role(one).capitalize()}{said}")
    if one.get("note"):
        yield el("p", "cw-note", one["note"])
    if not one.get("sure", True):
        why = "other names fit as well" if team and one.get("options") else "the words do not match exactly"
        yield el("p", "cw-guess", f"This is a guess: {why}.")


def _options(one: Json, runs: Json) -> Iterator[Node]:
    options = list(one.get("options", ()))
    if options:
        yield el("p", "cw-label", "Change to")
    for option in options[:_MOST]:
        note = el("span", "cw-option-note", option["note"]) if option.get("note") else None
        yield button("cw-option", run(option["link"], runs), el("span", "cw-name", option["text"]), note)


def _always(one: Json, runs: Json) -> Iterator[Node]:
    """Yield what a word of the question can always be taken as from now on."""
    word, options = one.get("said"), list(one.get("options", ()))
    if not word or not options or one["kind"] not in _NAMED:
        return
    yield el("p", "cw-label", f"Always take “{word}” as")
    for name in list(dict.fromkeys([one["text"], *(option["text"] for option in options)]))[:_KEPT]:
        event = {"do": "alias", "word": word, "meaning": name, "question": runs["question"]}
        yield button("cw-option cw-always", event, el("span", "cw-name", name), label=f"Always take {word} as {name}")


def _drop(one: Json, runs: Json) -> Iterator[Node]:
    if one.get("drop"):
        yield button("cw-option cw-drop", run(one["drop"], runs), "Leave this out")


def run(link: str, runs: Json) -> dict[str, Any]:
    """Return the event that runs a reading under the question that it came from."""
    return {"do": "run-reading", "link": link, **runs}


def unread(read: Json) -> Iterator[Node]:
    """Yield the words of a question that nothing in the table or the runs stands for."""
    words = list(read.get("unread", ()))
    if words:
        listed: list[Child] = []
        for word in words:
            listed += [el("em", "cw-unread cw-name", word), ", "]
        yield el("span", "cw-not-read", el("span", "cw-lead", "not understood: "), *listed[:-1])


def _keep(given: Json, dataset: str | None, asked: float | None) -> Iterator[Node]:
    link = given["reading"].get("link")
    if not link or given["abstained"]:
        return
    of_runs = is_of_runs(given["reading"])
    copy = {"do": "copy", "address": address(None if of_runs else dataset, link)}
    save = {"do": "save", "asked": asked, "words": given["reading"]["words"]}
    yield el(
        "span",
        "cw-keep",
        None if of_runs else button("cw-link", save, "Save …"),
        button("cw-link", copy, "Copy link") if dataset or of_runs else None,
    )


def address(dataset: str | None, link: str) -> str:
    """Return the query of the address that runs a reading: over a dataset, which it opens, or over runs."""
    return "?" + urlencode({"d": dataset, "r": link} if dataset else {"r": link})


def confirm(given: Json) -> Iterator[Node]:
    """Yield what a question that did not run offers: its own reading, and the nearest ones, each to be run."""
    read = given["reading"]
    runs = {"question": read["question"], **_source(given)}
    if read.get("link") and not read.get("runs", True):
        go = button("cw-run", run(read["link"], runs), "Run this reading")
        yield el("div", "cw-confirm", go, el("span", "cw-name", read["words"]))
    others = [one for one in read.get("nearest", ()) if not _is_same(one, read)]
    yield from _nearest(others, runs, other=bool(read.get("link")))


def _is_same(one: Json, read: Json) -> bool:
    return bool(read.get("link")) and (one["link"] == read["link"] or one["words"] == read["words"])


def _nearest(nearest: Sequence[Json], runs: Json, *, other: bool) -> Iterator[Node]:
    if nearest:
        yield el("p", "cw-label", "Or one of these" if other else "The nearest that can be computed")
    for one in nearest[:3]:
        yield button("cw-suggestion", run(one["link"], runs), el("span", "cw-name", one["words"]))
