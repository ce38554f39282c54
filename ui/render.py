"""Trees of what the chat shows: questions, readings, claims, answers, refusals, and a passage in its document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kb.conversations import Conversation, Turn
from kb.types import Block, BlockKind, Document, SourceInfo, SourceState, Span
from ui.nodes import Child, Node, button, el

Json = Mapping[str, Any]

PLACE = ("collection", "root", "source", "start", "end")
STATES = {
    SourceState.PENDING: ("Waiting", "planned, not read yet; it cannot be found so far"),
    SourceState.LEXICAL: ("Found by words", "its words are found already; meaning follows as embedding goes on"),
    SourceState.SEARCHABLE: ("Searchable", "found by words and by meaning"),
    SourceState.FAILED: ("Failed", "could not be read; the reason stands beside it"),
}
_LIKELY = ((0.95, "Almost certainly"), (0.8, "Very likely"), (0.6, "Probably"), (0.4, "Perhaps"))
_SHOWN = frozenset({"quoted", "computed", "supported"})
_CHIPS = 6
_BULLET = re.compile(r"^\s*(?:[-*•+]|\d+[.)])\s+")


def notice(message: str, hint: str = "") -> Node:
    """Return an error as a person should read it: what happened, then what to do."""
    return el(
        "section", "cw-notice", el("p", "", sentence(message)), el("p", "cw-hint", sentence(hint)) if hint else None
    )


def sentence(text: str) -> str:
    """Return a message as a sentence: a capital first, unless it begins with a file's name, and a stop last."""
    is_name = any(mark in text.split(" ", 1)[0].rstrip(".:,") for mark in "._/\\")
    return stopped(text if is_name else text[:1].upper() + text[1:])


def stopped(text: str) -> str:
    """Return a message with a stop; its first word stays as it is, for it may be the name of a column."""
    return text if text.endswith((".", "!", "?", "…", "`")) else f"{text}."


# -- a turn ----------------------------------------------------------------------------------------------------


def turn(made: Turn, *, is_new: bool = False) -> Node:
    """Return a whole turn: the question, its reading and the answer; a new one is brought into view."""
    return el("article", "cw-turn", question(made.question, focus=is_new), *answer(made.answer))


def question(text: str, *, focus: bool = False) -> Node:
    """Return the question as asked."""
    return el("h2", "cw-question", text, focus=focus)


def answer(given: Json) -> Iterator[Node]:
    """Yield the parts of an answer below its question."""
    if given.get("reading"):
        yield reading(given["reading"])
    if given["abstained"]:
        yield refusal(given)
    else:
        yield from claims(given["claims"])
        if not given["claims"]:
            yield el("p", "cw-own", given.get("text", ""))
        yield footer(given)
    yield from (el("p", "cw-note", sentence(note)) for note in given.get("notes", ()))
    if given["suggestions"]:
        lead = "You could ask instead" if given["abstained"] else "Ask next"
        yield suggestions(lead, given["suggestions"])


def reading(read: Json) -> Node:
    """Return the line that says what was looked up, with the words that nothing ingested knows marked."""
    follow_up = str(read["words"]).startswith("follow-up")
    unread = list(read["unread"])
    return el(
        "p",
        "cw-reading",
        el("span", "cw-lead", "Follow-up, looked up as " if follow_up else "Looked up "),
        "“",
        *_marked(read["question"], unread),
        "”",
        *(_unread(unread) if unread else ()),
    )


def _marked(text: str, words: Sequence[str]) -> Iterator[Child]:
    if not words:
        yield text
        return
    known = set(words)
    parts = re.split(r"(?<!\w)(" + "|".join(re.escape(word) for word in words) + r")(?!\w)", text)
    yield from (el("em", "cw-unread", part) if part in known else part for part in parts if part)


def _unread(words: Sequence[str]) -> Iterator[Child]:
    yield el("span", "cw-lead", " · not found in anything ingested: ")
    for at, word in enumerate(words):
        yield el("em", "cw-unread", word)
        if at + 1 < len(words):
            yield ", "


def claims(given: Sequence[Json], *, asked: float | None = None) -> Iterator[Node]:
    """Yield claims with their citations numbered through; those that no source supports are folded away.

    `asked` names the stored turn, so that a computed value can be opened with the code that gave it.
    """
    at, folded = 1, []
    for one in given:
        if one["verdict"] in _SHOWN:
            yield claim(one, at, asked=asked)
        else:
            folded.append(claim(one, at, asked=asked))
        at += len(one["citations"])
    if folded:
        lead = (
            "1 sentence that its source does not support"
            if len(folded) == 1
            else f"{len(folded)} unsupported sentences"
        )
        yield el("details", "cw-folded", el("summary", "", lead), *folded)


def claim(one: Json, at: int, *, asked: float | None = None) -> Node:
    """Return a claim, its quote set apart from our own words, with chips numbered from `at`."""
    chips = [chip(citation, at + number, asked=asked) for number, citation in enumerate(one["citations"])]
    if one.get("form") == "code":
        body = el("pre", "cw-code", el("code", "", one["text"]))
    elif one["verdict"] == "quoted":
        body = el("blockquote", "cw-quote", _BULLET.sub("", one["text"]))
    else:
        body = el("p", "cw-own", one["text"])
    doubt = None
    if one["verdict"] == "supported":
        doubt = el("span", "cw-note", f"supported with {percent(one['probability'])}")
    return el("div", "cw-claim", body, el("div", "cw-chips", *chips[:_CHIPS], doubt, _rest(chips[_CHIPS:])))


def _rest(chips: Sequence[Node]) -> Node | None:
    """Return the citations that would crowd a claim, folded."""
    if not chips:
        return None
    lead = el("summary", "", f"{counted(len(chips), 'more citation')}")
    return el("details", "cw-folded cw-more-chips", lead, el("div", "cw-chips", *chips))


def chip(citation: Json, number: int | None = None, *, asked: float | None = None) -> Node:
    """Return a citation as a button that opens the passage, the computation of a dataset's value, or the run."""
    if citation.get("kind") == "dataset":
        return _computed(citation, number, asked)
    if citation.get("kind") == "run":
        return _of_run(citation, number)
    if citation.get("kind") == "decision":
        return _decided(citation, number)
    if "source" not in citation or "start" not in citation:
        return el("span", "cw-chip", str(citation.get("quote", "")))
    headings = list(citation.get("headings") or ())
    page = citation.get("page")
    where = [el("span", "cw-sep", "›"), el("span", "cw-chip-heading", headings[-1])] if headings else []
    return button(
        "cw-chip",
        place(citation),
        el("span", "cw-number", str(number)) if number is not None else None,
        el("span", "cw-chip-source", short(citation["source"])),
        *where,
        el("span", "cw-chip-page", f"p. {page}") if page is not None else None,
        label=" › ".join([citation["source"], *headings]),
    )


def _computed(citation: Json, number: int | None, asked: float | None) -> Node:
    expression = str(citation["expression"])
    shown = el("span", "cw-chip-code", snippet(expression, 60))
    count = el("span", "cw-number", str(number)) if number is not None else None
    event = {"do": "value", "asked": asked, "citation": dict(citation)}
    return button("cw-chip cw-chip-value", event, count, shown, label=f"Show how it was computed: {expression}")


def _of_run(citation: Json, number: int | None) -> Node:
    """Return the citation of a run's stored value as a button that opens the run."""
    name = str(citation["field"]).removeprefix("metrics.").removeprefix("params.").removeprefix("tags.")
    at = f" at step {citation['step']}" if citation.get("step") is not None else ""
    return button(
        "cw-chip cw-chip-run",
        {"do": "run", "citation": dict(citation)},
        el("span", "cw-number", str(number)) if number is not None else None,
        el("span", "cw-chip-source", snippet(str(citation["run_id"]), 24)),
        el("span", "cw-sep", "›"),
        el("span", "cw-chip-heading", name),
        label=f"{citation['source']}: run {citation['run_id']}, {citation['field']} = {citation['value']}{at}",
    )


def _decided(citation: Json, number: int | None) -> Node:
    """Return the citation of a decision, with whether it still stands, as a button that opens it."""
    status = str(citation["status"])
    return button(
        "cw-chip cw-chip-decision",
        {"do": "decision", "id": citation["decision_id"]},
        el("span", "cw-number", str(number)) if number is not None else None,
        el("span", "cw-chip-source", short(str(citation["source"]))),
        el("span", "cw-sep", "›"),
        el("span", f"cw-chip-heading cw-is-{'standing' if status == 'current' else 'past'}", status),
        label=f"{citation['source']}: {citation['quote']} ({status})",
    )


def place(citation: Json) -> Json:
    """Return the event that opens a citation's passage."""
    return {"do": "open", **{name: citation[name] for name in PLACE}, "quote": citation.get("quote", "")}


def short(source: str) -> str:
    """Return a source's last part."""
    return source.rstrip("/").rsplit("/", 1)[-1]


def footer(given: Json) -> Node:
    """Return how the claims were checked and, apart from it, how likely they answer the question."""
    return el(
        "footer", "cw-footer", el("span", "cw-verdict", verdict(given["claims"])), confidence(given["confidence"])
    )


def verdict(given: Sequence[Json], *, over: str = "the table") -> str:
    """Return how the claims of an answer are known, in words; `over` is what values were computed from."""
    quoted = sum(one["verdict"] == "quoted" for one in given)
    computed = sum(one["verdict"] == "computed" for one in given)
    if computed and computed == len(given):
        return f"{counted(computed, 'value')}, computed from {over}"
    if quoted and quoted == len(given):
        return "1 quote, checked word for word" if quoted == 1 else f"{quoted} quotes, each checked word for word"
    if computed and computed + quoted == len(given):
        return f"{counted(computed, 'computed value')} and {counted(quoted, 'quote')}, each checked"
    what = "computed values or word-for-word quotes" if computed else "word-for-word quotes"
    return f"{computed + quoted} of {len(given)} sentences are {what}"


def confidence(probability: float) -> Node:
    """Return the confidence in words and as a number, with a meter of five bars."""
    filled = max(1, round(probability * 5))
    bars = (el("span", "cw-bar cw-on" if number < filled else "cw-bar") for number in range(5))
    words = f"{likely(probability)} answers the question"
    meter = el("span", "cw-meter", *bars)
    return el("span", "cw-confidence", meter, f"{words} ({percent(probability)})", label="Confidence in relevance")


def likely(probability: float) -> str:
    """Return a probability as an adverb."""
    return next((word for least, word in _LIKELY if probability >= least), "Unlikely")


def percent(probability: float) -> str:
    """Return a probability as a percentage that never claims to be certain."""
    if probability > 0.99:
        return "over 99 %"
    return "under 1 %" if probability < 0.01 else f"{probability:.0%}".replace("%", " %")


def refusal(given: Json) -> Node:
    """Return what is missing for an answer, and the nearest passages."""
    near = [_nearest(hit) for hit in given.get("nearest", ())]
    return el(
        "section",
        "cw-refusal",
        el("p", "cw-refusal-title", "Not answered: the evidence is not there"),
        *(el("p", "", sentence) for sentence in given["missing"]),
        el("p", "cw-label", "Nearest passages") if near else None,
        *near,
    )


def _nearest(hit: Json) -> Node:
    return el("div", "cw-near", chip(citation_of(hit)), el("p", "cw-snippet", snippet(hit["text"])))


def citation_of(hit: Json) -> Json:
    """Return a hit as a citation of its whole passage."""
    paths = hit["headings"]
    return {**hit, "headings": paths[0] if paths else [], "quote": hit["text"]}


def snippet(text: str, most: int = 180) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most].rsplit(" ", 1)[0] + " …"


def suggestions(lead: str, asked: Sequence[str]) -> Node:
    """Return questions as buttons that ask them."""
    rows = (button("cw-suggestion", {"do": "ask", "question": text}, el("span", "", text)) for text in asked)
    return el("div", "cw-suggestions", el("p", "cw-label", lead), *rows)


def earlier() -> Node:
    """Return the button that shows earlier turns."""
    return el("div", "cw-earlier", button("cw-quiet", {"do": "earlier"}, "Show earlier turns"))


# -- around the turns ------------------------------------------------------------------------------------------


def welcome(questions: Sequence[str] | None, sources: int, passages: int, runs: int = 0) -> Node:
    """Return the page of a chat in which nothing was asked yet; None while its questions are still being tried."""
    ready = [counted(sources, "source"), counted(passages, "passage")] if passages else []
    ready += [counted(runs, "run")] if runs else []
    known = f"{', '.join(ready[:-1])}{' and ' * (len(ready) > 1)}{ready[-1]} are ready to answer."
    lede = "Citewise answers from your own documentation, in quotes that it has checked word for word."
    if runs:
        lede = "Citewise answers from your documentation in quotes, and about your runs with values it cites."
    return el(
        "section",
        "cw-welcome",
        el("h1", "", "What would you like to know?"),
        el("p", "cw-lede", lede),
        suggestions("Try one of these", questions) if questions else None,
        el("p", "cw-label", "Looking for questions that work …") if questions is None else None,
        el("p", "cw-note", known),
    )


def nothing_yet(failed: int) -> Node:
    """Return the page of a chat over an empty knowledge base: how to fill it."""
    why = f"{counted(failed, 'source')} could not be read; the Library says why." if failed else ""
    library = button("cw-suggestion", {"do": "go", "to": "library"}, el("span", "", "Add documentation in the Library"))
    return el(
        "section",
        "cw-welcome",
        el("h1", "", "Ask a table, or your documentation"),
        el("p", "cw-lede", "Open a table above and ask about it: every number is computed and cited."),
        el("p", "", "To ask documentation and notes too, give Citewise something to read:"),
        el("div", "cw-suggestions", library),
        el("p", "", "or in a terminal, in your project's folder:"),
        el(
            "pre",
            "cw-code",
            el("code", "", "citewise ingest docs/\ncitewise ingest notes.md\ncitewise ingest package:sklearn"),
        ),
        el("p", "cw-note", "This page finds what is new by itself; ask as soon as the first source is read."),
        el("p", "cw-note", why) if why else None,
    )


def counted(number: int, what: str) -> str:
    """Return a number with its noun: `1 source`, `2,400 sources`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def chats(recent: Sequence[Conversation], current: str | None, doubted: str | None) -> Node:
    """Return the sidebar's list of chats."""
    rows = [_doubted(chat) if chat.id == doubted else _chat(chat, chat.id == current) for chat in recent]
    return el(
        "div",
        "cw-chats",
        button("cw-new", {"do": "new-chat"}, "New chat"),
        button("cw-quiet cw-find", {"do": "palette"}, "Find …", el("span", "cw-keys", "Ctrl K")),
        el("p", "cw-label", "Recent") if rows else None,
        *rows,
    )


def _chat(chat: Conversation, is_current: bool) -> Node:
    return el(
        "div",
        "cw-chat cw-current" if is_current else "cw-chat",
        button("cw-chat-open", {"do": "open-chat", "id": chat.id}, chat.title),
        button("cw-chat-delete", {"do": "doubt-chat", "id": chat.id}, "×", label="Delete this chat"),
    )


def _doubted(chat: Conversation) -> Node:
    return el(
        "div",
        "cw-chat cw-doubted",
        el("span", "", "Delete this chat?"),
        button("cw-quiet cw-danger", {"do": "delete-chat", "id": chat.id}, "Delete"),
        button("cw-quiet", {"do": "doubt-chat", "id": None}, "Keep"),
    )


# -- a passage in its document ---------------------------------------------------------------------------------


def passage(document: Document, source: SourceInfo, cited: Json, around: int) -> Node:
    """Return a citation in its document: `around` characters on each side, the quote highlighted where it stands."""
    span = find(document.text, cited)
    shown = _window(document, span or Span(start=0, end=0), around)
    headings = next((b.headings for b in document.blocks if span and b.span.overlaps(span)), ())
    page = document.locate(span.start, "page") if span else None
    whole = not shown or (shown[0] is document.blocks[0] and shown[-1] is document.blocks[-1])
    return el(
        "aside",
        "cw-panel",
        _panel_head(document, source, headings, page),
        el(
            "div",
            "cw-panel-body cw-scroll",
            None
            if span
            else el("p", "cw-note", "The document has changed since: the quoted words are not in it any more."),
            *_blocks(document, shown, span),
            None if whole else button("cw-quiet", {"do": "more"}, "Show more of the document"),
        ),
    )


def gone(cited: Json) -> Node:
    """Return the panel of a citation whose source is not stored any more."""
    text = "This source is not in the knowledge base any more; it was forgotten, or its file is gone."
    return el("aside", "cw-panel", _bar(short(cited["source"])), el("div", "cw-panel-body", el("p", "cw-note", text)))


def find(text: str, cited: Json) -> Span | None:
    """Return where the cited words stand now: at their span, else where they moved to; None where they are gone."""
    quote, start, end = str(cited["quote"]), int(cited["start"]), int(cited["end"])
    if text[start:end] == quote:
        return Span(start=start, end=end)
    moved = text.find(quote)
    return Span(start=moved, end=moved + len(quote)) if moved >= 0 else None


def _bar(title: str) -> Node:
    shut = button("cw-close", {"do": "close"}, "×", label="Close the passage")
    return el("div", "cw-panel-bar", el("h3", "", title), shut)


def _panel_head(document: Document, source: SourceInfo, headings: Sequence[str], page: str | None) -> Node:
    facts = [source.kind, f"version {source.version}" if source.version else "", f"page {page}" if page else ""]
    facts += [source.metadata.get(name, "") for name in ("status", "date", "author")]
    state, meaning = STATES[source.state]
    return el(
        "header",
        "cw-panel-head",
        _bar(document.title or short(source.key.source)),
        el("p", "cw-path", source.key.source),
        el("p", "cw-crumbs", " › ".join(headings)) if headings else None,
        el(
            "p",
            "cw-facts",
            *(el("span", "cw-tag", fact) for fact in facts if fact),
            el("span", "cw-tag", state, label=meaning),
        ),
    )


def _window(document: Document, span: Span, around: int) -> list[Block]:
    low, high = max(0, span.start - around), span.end + around
    return [block for block in document.blocks if block.span.start < high and block.span.end > low]


def _blocks(document: Document, shown: Sequence[Block], span: Span | None) -> Iterator[Node]:
    started = False
    for block in shown:
        hit = span is not None and len(span) > 0 and block.span.overlaps(span)
        yield _block(document.text, block, span if hit else None, focus=hit and not started)
        started = started or hit


def _block(text: str, block: Block, span: Span | None, *, focus: bool) -> Node:
    if span is None:
        inner: list[Child] = [block.span.of(text)]
    else:
        low, high = max(span.start, block.span.start), min(span.end, block.span.end)
        inner = [text[block.span.start : low], el("mark", "", text[low:high], focus=focus), text[high : block.span.end]]
    kept = [part for part in inner if part != ""]
    if block.kind is BlockKind.HEADING:
        return el("p", "cw-heading", *kept)
    if block.kind in (BlockKind.CODE, BlockKind.TABLE):
        return el("pre", "cw-code", *kept)
    return el("p", "cw-list" if block.kind is BlockKind.LIST else "", *kept)
