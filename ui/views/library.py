"""The library page: what is ingested and in which state, what failed and why, and a search over passages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ingest.detect import SUPPORTED
from ingest.report import Step, SyncReport
from ingest.sync import sync
from kb.errors import HomeNotFound
from kb.filters import Filters
from kb.types import SourceInfo, SourceKey
from ui import render, shelf, state
from ui.nodes import el

_ALL = "All"
_STAGES = {"scan": "Looking at", "read": "Reading", "embed": "Embedding"}


def page() -> None:
    """Show the library."""
    with st.container(key="library"):
        state.guarded(_library)


def _library() -> None:
    st.title("Library", anchor=False)
    try:
        kb = state.knowledge()
    except HomeNotFound:
        state.show(render.nothing_yet(0))
        return
    with st.container(key="done"):  # always there, so that what comes below keeps its place and its open tab
        _update()
    sources = shelf.ordered(kb.catalogue.sources())
    _confirm_forgetting(sources)
    if not sources:
        state.show(render.nothing_yet(0))
        return
    state.show(shelf.counts(sources))
    listed, found, places = st.tabs(["Sources", "Search passages", "Places"])
    with listed:
        _sources(sources)
    with found:
        state.guarded(lambda: _search(sources))
    with places:
        _places(sources)


def _sources(sources: Sequence[SourceInfo]) -> None:
    if shelf.failing(sources):
        state.surface(shelf.failures(sources), key="failures")
    wanted = _filters(sources)
    fitting = [source for source in sources if wanted.fits(source)]
    state.surface(shelf.table(fitting, st.session_state.get("page", 0)), key="sources")
    state.show(shelf.legend())
    state.show(shelf.more_sources())


def _filters(sources: Sequence[SourceInfo]) -> shelf.Wanted:
    names = {name: which for which, (name, _) in render.STATES.items()}
    kinds = sorted({source.kind for source in sources})
    collections = sorted({source.key.collection for source in sources})
    columns = st.columns([3, 2, 2, 2] if len(collections) > 1 else [3, 2, 2])
    text = columns[0].text_input("Name", placeholder="Part of a name, title or reason", on_change=_first_page)
    chosen = columns[1].selectbox("State", [_ALL, *names], on_change=_first_page)
    kind = columns[2].selectbox("Kind", [_ALL, *kinds], on_change=_first_page)
    collection = _ALL
    if len(collections) > 1:
        collection = columns[3].selectbox("Collection", [_ALL, *collections], on_change=_first_page)
    return shelf.Wanted(
        state=names.get(chosen),
        kind=None if kind == _ALL else kind,
        collection=None if collection == _ALL else collection,
        text=text or "",
    )


def _first_page() -> None:
    st.session_state["page"] = 0


def _search(sources: Sequence[SourceInfo]) -> None:
    query = st.text_input(
        "Search passages", placeholder="Words, or the meaning in a sentence", label_visibility="collapsed"
    )
    if not query or not query.strip():
        state.show(el("p", "cw-note", "Finds passages by their words and by their meaning, in every source."))
        return
    began = time.perf_counter()
    result = state.knowledge().search(query, k=12, filters=Filters())
    said = f"{render.counted(len(result.hits), 'passage')}, best first, in {time.perf_counter() - began:.2f} s"
    state.show(el("p", "cw-note", said))
    for note in result.notes:
        state.show(el("p", "cw-note", note))
    state.surface(shelf.hits(result.hits), key="hits")


def _places(sources: Sequence[SourceInfo]) -> None:
    lead = "Where the sources came from. Reading changes costs a hash for each file that stayed the same."
    state.show(el("p", "cw-note", lead))
    state.surface(shelf.places(sources), key="places")
    state.show(shelf.more_sources())


# -- forgetting ------------------------------------------------------------------------------------------------


def _confirm_forgetting(sources: Sequence[SourceInfo]) -> None:
    asked = st.session_state.get("forget")
    if asked is None:
        return
    source = next((one for one in sources if one.key == SourceKey(**asked)), None)
    if source is None:
        _keep()
    else:
        _dialog(source)


def _keep() -> None:
    st.session_state.pop("forget", None)


@st.dialog("Forget this source?", on_dismiss=_keep)
def _dialog(source: SourceInfo) -> None:
    state.show(shelf.doubt(source.key, source.chunks))
    yes, no = st.columns(2)
    if no.button("Keep it", width="stretch"):
        _keep()
        st.rerun()
    if yes.button("Forget it", type="primary", width="stretch"):
        state.guarded(lambda: _forget(source.key))


def _forget(key: SourceKey) -> None:
    with st.spinner("Removing every trace …"):
        state.knowledge().forget(f"{key.root}/{key.source}")
    _keep()
    st.session_state.pop("place", None)
    st.rerun()


# -- reading again ---------------------------------------------------------------------------------------------


def _update() -> None:
    """Read known sources again where their files changed; new files are for `citewise ingest`."""
    asked = st.session_state.pop("update", None)
    if asked is None:
        return
    known = state.knowledge().catalogue.sources()
    chosen = [s for s in known if all(getattr(s.key, name) == asked[name] for name in asked if name != "do")]
    state.guarded(lambda: _read_again(chosen))


def _read_again(chosen: Sequence[SourceInfo]) -> None:
    bar = st.progress(0.0, text="Looking at what changed …")

    def watch(step: Step) -> None:
        share = min(1.0, step.done / max(step.total, 1))
        bar.progress(share, text=f"{_STAGES.get(step.stage, 'Working')} {step.done:,} of {step.total:,}")

    groups, missing = arguments(chosen)
    reports = [
        sync(state.knowledge(), names, collection=collection, kind=kind, watch=watch)
        for (collection, kind), names in groups.items()
    ]
    bar.empty()
    state.show(el("p", "cw-done", summary(reports, missing)))


def arguments(chosen: Sequence[SourceInfo]) -> tuple[dict[tuple[str, str | None], list[str]], int]:
    """Return what to hand to `sync` by collection and kind, and how many files are not there any more.

    Files are named one by one: a folder's root may hold much that nobody asked to ingest.
    """
    groups: dict[tuple[str, str | None], list[str]] = {}
    missing = 0
    for source in chosen:
        root = source.key.root
        whole = root.startswith("package:")
        name = root if whole else str(Path(root) / source.key.source)
        if not whole and not Path(name).exists():
            missing += 1
            continue
        names = groups.setdefault(
            (source.key.collection, None if whole or source.kind not in SUPPORTED else source.kind), []
        )
        if name not in names:
            names.append(name)
    return groups, missing


def summary(reports: Sequence[SyncReport], missing: int) -> str:
    """Return what reading again did, in a sentence."""
    read = sum(report.added + report.updated - len(report.failed) for report in reports)
    failed = sum(len(report.failed) for report in reports)
    same = sum(report.unchanged for report in reports)
    parts = [f"{render.counted(read, 'source')} read again", f"{same:,} unchanged"]
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{missing:,} no longer there (forget them, or put them back)"] if missing else []
    return ", ".join(parts) + "."
