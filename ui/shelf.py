"""Trees of what the library shows: counts, sources that failed, the table of sources, places, and passages found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.types import Hit, SourceInfo, SourceKey, SourceState
from ui.nodes import Node, button, el
from ui.render import STATES, chip, counted, sentence, short, snippet

PAGE = 50
"""Sources on one page of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which sources the table shows; None and "" stand for all."""

    state: SourceState | None = None
    kind: str | None = None
    collection: str | None = None
    text: str = ""

    def fits(self, source: SourceInfo) -> bool:
        """Tell whether a source is to be shown."""
        named = f"{source.key.source} {source.title} {source.reason or ''}".lower()
        return (
            self.state in (None, source.state)
            and self.kind in (None, source.kind)
            and self.collection in (None, source.key.collection)
            and all(word in named for word in self.text.lower().split())
        )


def failing(sources: Sequence[SourceInfo]) -> list[SourceInfo]:
    """Return the sources whose latest version could not be read."""
    return [source for source in sources if source.state is SourceState.FAILED or source.reason]


def ordered(sources: Sequence[SourceInfo]) -> list[SourceInfo]:
    """Return sources with those that failed first, then by place."""
    return sorted(sources, key=lambda s: (not (s.state is SourceState.FAILED or s.reason), _place(s.key)))


def _place(key: SourceKey) -> tuple[str, str, str]:
    return key.collection, key.root, key.source


def counts(sources: Sequence[SourceInfo], *, tables: int = 0) -> Node:
    """Return the counts at the head of the page."""
    failed = len(failing(sources))
    passages = sum(source.chunks for source in sources)
    words = sum(source.state is SourceState.LEXICAL for source in sources)
    cards = [
        _card(len(sources), "source", "sources"),
        _card(passages, "passage", "passages"),
        _card(sum(source.state is SourceState.SEARCHABLE for source in sources), "searchable", "searchable"),
        _card(words, "found by words only", "found by words only") if words else None,
        _card(failed, "failed", "failed", "cw-bad" if failed else ""),
        _card(tables, "table", "tables") if tables else None,
    ]
    return el("div", "cw-counts", *cards)


def _card(number: int, one: str, many: str, css: str = "") -> Node:
    name = one if number == 1 else many
    return el("div", f"cw-count {css}".strip(), el("strong", "", f"{number:,}"), el("span", "", name))


def failures(sources: Sequence[SourceInfo], most: int = 20) -> Node:
    """Return the sources that could not be read, each with its reason and what to do about it."""
    failed = failing(sources)
    more = len(failed) - most
    return el(
        "section",
        "cw-failures",
        el("p", "cw-failures-title", f"{counted(len(failed), 'source')} could not be read"),
        el("p", "cw-hint", "Everything else answers as usual. Mend what is named here, then read it again."),
        *(_failure(source) for source in failed[:most]),
        el("p", "cw-note", f"and {more:,} more in the table below") if more > 0 else None,
    )


def _failure(source: SourceInfo) -> Node:
    why, what = cause(source)
    return el(
        "div",
        "cw-failure",
        el("p", "cw-path", source.key.source),
        el("p", "cw-reason", why),
        el("p", "cw-hint", what),
        el("div", "cw-actions", _try_again(source), _forget(source)),
    )


def cause(source: SourceInfo) -> tuple[str, str]:
    """Return why a source failed and what to do about it; a reason names its fix after a semicolon."""
    said = (source.reason or "no reason was kept").removeprefix(f"{short(source.key.source)}: ")
    why, _, what = said.partition("; ")
    return sentence(why), sentence(what or "mend the file, or forget it")


def _try_again(source: SourceInfo) -> Node:
    return button("cw-quiet", _event("update", source.key), "Read again")


def _forget(source: SourceInfo) -> Node:
    return button("cw-quiet cw-danger", _event("forget", source.key), "Forget …")


def _event(what: str, key: SourceKey) -> dict[str, str]:
    return {"do": what, "collection": key.collection, "root": key.root, "source": key.source}


# -- the table -------------------------------------------------------------------------------------------------


def table(sources: Sequence[SourceInfo], page: int) -> Node:
    """Return one page of the table; a row opens to show all that is known of its source."""
    page = max(0, min(page, (len(sources) - 1) // PAGE))
    rows = sources[page * PAGE : (page + 1) * PAGE]
    head = ("Source", "State", "Kind", "Passages", "Version")
    return el(
        "div",
        "cw-table",
        el("div", "cw-row cw-row-head", *(el("span", f"cw-cell-{name.lower()}", name) for name in head)),
        *(_row(source) for source in rows),
        el("p", "cw-note", "No source fits these filters.") if not rows else None,
        _pages(len(sources), page) if len(sources) > PAGE else None,
    )


def _row(source: SourceInfo) -> Node:
    return el(
        "details",
        "cw-source",
        el(
            "summary",
            "cw-row",
            el("span", "cw-cell-source", source.key.source, label=source.key.source),
            el("span", "cw-cell-state", state_tag(source)),
            el("span", "cw-cell-kind", source.kind),
            el("span", "cw-cell-passages", f"{source.chunks:,}"),
            el("span", "cw-cell-version", source.version or "–"),
        ),
        _details(source),
    )


def state_tag(source: SourceInfo) -> Node:
    """Return a source's state as a coloured word."""
    name, meaning = STATES[source.state]
    if source.reason and source.state is not SourceState.FAILED:
        return el("span", "cw-state cw-is-stale", "Older version", label=source.reason)
    return el("span", f"cw-state cw-is-{source.state.value}", name, label=meaning)


def _details(source: SourceInfo) -> Node:
    facts = [
        ("Title", source.title),
        ("Reason", source.reason or ""),
        ("Collection", source.key.collection),
        ("Ingested from", source.key.root),
        *((name.replace("_", " ").capitalize(), value) for name, value in source.metadata.items()),
    ]
    listed = [part for name, value in facts if value for part in (el("dt", "", name), el("dd", "", value))]
    read = button("cw-quiet", {**_event("open", source.key), "start": 0, "end": 0, "quote": ""}, "Open")
    actions = el("div", "cw-actions", read if source.documents else None, _try_again(source), _forget(source))
    return el("div", "cw-details", el("dl", "", *listed), actions)


def _pages(total: int, page: int) -> Node:
    last = (total - 1) // PAGE
    shown = f"{page * PAGE + 1:,}–{min(total, (page + 1) * PAGE):,} of {total:,}"
    back = button("cw-quiet", {"do": "page", "to": page - 1}, "Previous") if page > 0 else None
    on = button("cw-quiet", {"do": "page", "to": page + 1}, "Next") if page < last else None
    return el("div", "cw-pages", back, el("span", "cw-note", shown), on)


def legend() -> Node:
    """Return what each state means."""
    rows = [(f"cw-state cw-is-{state.value}", name, meaning) for state, (name, meaning) in STATES.items()]
    rows.append(
        (
            "cw-state cw-is-stale",
            "Older version",
            "its file changed and could not be read; what was read before answers",
        )
    )
    listed = [el("p", "cw-legend", el("span", css, name), f" {meaning}") for css, name, meaning in rows]
    return el("details", "cw-folded", el("summary", "", "What the states mean"), *listed)


def no_sources() -> Node:
    """Return what stands where no source is."""
    return el(
        "div",
        "cw-lib-empty",
        el("p", "cw-lib-title", "No documents yet"),
        el("p", "cw-note", "Add documentation and notes above, or run ", el("code", "", "citewise ingest PATH"), "."),
    )


# -- places and passages ---------------------------------------------------------------------------------------


def places(sources: Sequence[SourceInfo], *, uploaded: str) -> Node:
    """Return the roots that sources came from, each with a button that reads its known sources again.

    Roots below the folder `uploaded`, of single files, are shown as one.
    """
    if not sources:
        return el("p", "cw-note", "Nothing was ingested yet.")
    roots: dict[tuple[str, str], int] = {}
    for source in sources:
        root = uploaded if source.key.root.startswith(f"{uploaded}/") else source.key.root
        place = source.key.collection, root
        roots[place] = roots.get(place, 0) + 1
    return el("div", "cw-places", *(_root(*place, number, uploaded) for place, number in roots.items()))


def _root(collection: str, root: str, number: int, uploaded: str) -> Node:
    name = "under" if root == uploaded else "root"
    event = {"do": "update", "collection": collection, name: root}
    shown = "Uploaded files" if root == uploaded else root
    return el(
        "div",
        "cw-place",
        el("div", "", el("p", "cw-path", shown), el("p", "cw-note", f"{counted(number, 'source')} in {collection}")),
        button("cw-quiet", event, "Read changes"),
    )


def hits(found: Sequence[Hit]) -> Node:
    """Return passages found, best first, each with a chip that opens it."""
    if not found:
        return el("p", "cw-note", "No passage was found. Try other words, or fewer.")
    return el("div", "cw-hits", *(_hit(hit, rank) for rank, hit in enumerate(found, 1)))


def _hit(hit: Hit, rank: int) -> Node:
    cited = {
        "collection": hit.key.collection,
        "root": hit.key.root,
        "source": hit.key.source,
        "start": hit.span.start,
        "end": hit.span.end,
        "quote": hit.text,
        "headings": list(hit.headings[0]) if hit.headings else [],
        "page": hit.page,
    }
    return el("div", "cw-hit", chip(cited, rank), el("p", "cw-snippet", snippet(hit.text, 320)))


def doubt(key: SourceKey, passages: int) -> Node:
    """Return what forgetting a source means."""
    kept = f"Its {counted(passages, 'passage')} will answer no more, and its text leaves the stored chats and files."
    return el(
        "div",
        "",
        el("p", "cw-path", key.source),
        el("p", "", kept if passages else "Nothing of it is stored but its name and why it could not be read."),
        el("p", "cw-hint", "The file itself is not touched."),
    )
