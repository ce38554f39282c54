"""The library page: add documents and tables, follow what reads them, see what is known and what is missing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from ingest import worker
from ingest.detect import SUPPORTED
from ingest.worker import Batch
from kb import datasets, uploads
from kb.errors import BadInput, CitewiseError, HomeNotFound
from kb.filters import Filters
from kb.store import Catalogue
from kb.types import SourceInfo, SourceKey
from ui import library_add, library_jobs, library_tables, opened, render, shelf, state
from ui import library_trees as trees
from ui.nodes import el
from ui.workspace import make_home, open_knowledge_base

_ALL = "All"
_HELP = "One a line: files, folders, globs such as docs/**/*.md, or package:NAME for the docstrings of a package."
_UPLOAD_HELP = "Markdown, reStructuredText, HTML, PDF, Word, notebooks, notes; CSV, Excel, Parquet, JSON lines."

state.listen(library_tables.ACTIONS)


def page() -> None:
    """Show the library."""
    with st.container(key="library"):
        state.guarded(_library)


def _library() -> None:
    st.title("Library", anchor=False)
    try:
        kb = state.knowledge()
    except HomeNotFound:
        state.show(trees.nothing_yet())
        _adding(expanded=True)
        return
    with st.container(key="done"):  # always there, so that what comes below keeps its place and its open tab
        _update()
    sources = shelf.ordered(kb.catalogue.sources())
    known = datasets.list_of(kb.catalogue)
    _confirm_forgetting(sources)
    state.show(shelf.counts(sources, tables=len(known)) if sources or known else trees.nothing_yet())
    _adding(expanded=not sources and not known)
    with st.container(key="jobs"):
        state.guarded(library_jobs.strip)
    _tabs(sources, known)


def _tabs(sources: Sequence[SourceInfo], known: Sequence[datasets.Dataset]) -> None:
    shown = {
        "Sources": lambda: _sources(sources),
        "Tables": lambda: library_tables.tables(known),
        "Search passages": lambda: _search(sources),
        "Unanswered": library_tables.unanswered,
        "Saved readings": library_tables.saved,
        "Places": lambda: _places(sources),
        "Jobs": library_jobs.history,
    }
    for tab, show in zip(st.tabs(list(shown)), shown.values(), strict=True):
        with tab:
            state.guarded(show)


# -- adding --------------------------------------------------------------------------------------------------------


def _adding(*, expanded: bool) -> None:
    with st.container(key="added"):
        if lines := st.session_state.get("added"):
            state.surface(trees.added(lines), key="added_lines")
    turn = st.session_state.setdefault("add_turn", 0)  # another key empties what was typed and chosen, and folds it
    with (
        st.expander("Add documents and tables", expanded=expanded, icon=":material/add:", key=f"adding_{turn}"),
        st.container(key="adding"),
    ):
        state.guarded(lambda: _form(turn))


def _form(turn: int) -> None:
    left, right = st.columns(2, gap="medium")
    files = left.file_uploader("Upload files", accept_multiple_files=True, key=f"upload_{turn}", help=_UPLOAD_HELP)
    text = right.text_area(
        "Or name what lies on this machine",
        key=f"names_{turn}",
        placeholder="docs/\n~/notes/*.md\ndata/train.csv\npackage:sklearn",
        help=f"{_HELP} Names are relative to {Path.cwd()}.",
        height=128,
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="adding_row"):
        collection = st.text_input("Collection", value="default", key=f"collection_{turn}", width=180)
        wanted = st.button("Add", type="primary", key="add")
    if wanted:
        _add(files, text or "", collection)


def _add(files: Sequence[library_add.Upload], text: str, collection: str) -> None:
    try:
        names = library_add.named(text)
    except BadInput as error:
        state.show(render.notice(error.message, error.hint))
        return
    with st.spinner("Adding …"):
        catalogue = _catalogue()
        added = library_add.add(catalogue, files, names, collection=collection)
        st.session_state["added"] = _told(added)
    st.session_state["add_turn"] += 1
    st.rerun()


def _catalogue() -> Catalogue:
    """Return the catalogue, in a home made now where there is none."""
    try:
        return state.knowledge().catalogue
    except HomeNotFound:
        settings = state.settings()
        open_knowledge_base(make_home(settings.home), settings).close()
        return state.knowledge().catalogue


def _told(added: library_add.Added) -> list[tuple[str, Mapping[str, Any] | None]]:
    lines: list[tuple[str, Mapping[str, Any] | None]] = []
    for table in added.tables:
        try:
            known = opened.open_now(table).dataset
        except CitewiseError as error:
            lines.append((f"{table.name}: {error.message}; {error.hint}", None))
        else:
            lines.append((f"{table.name}: {trees.size(known)}", {"do": "dataset", "id": table.id}))
    lines += [(f"{name} is neither a document nor a table that can be read", None) for name in added.refused]
    return lines


# -- sources -------------------------------------------------------------------------------------------------------


def _sources(sources: Sequence[SourceInfo]) -> None:
    if not sources:
        state.show(shelf.no_sources())
        return
    if shelf.failing(sources):
        state.surface(shelf.failures(sources), key="failures")
    wanted = _filters(sources)
    fitting = [source for source in sources if wanted.fits(source)]
    state.surface(shelf.table(fitting, st.session_state.get("page", 0)), key="sources")
    state.show(shelf.legend())


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
    home = state.knowledge().home.absolute()
    state.surface(shelf.places(sources, uploaded=str(home / uploads.FOLDER)), key="places")


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
    """Read known sources again where their files changed; new files are for adding."""
    asked = st.session_state.pop("update", None)
    if asked is not None:
        state.guarded(lambda: _read_again(asked))


def _read_again(asked: Mapping[str, Any]) -> None:
    catalogue = state.knowledge().catalogue
    chosen = [source for source in catalogue.sources() if _is_asked(source.key, asked)]
    batches, missing = arguments(chosen)
    if not batches:
        why = "nothing of it is there any more" if missing else "it is not in the library any more"
        raise BadInput(why, hint="forget it, or put it back")
    named = render.short(chosen[0].key.source) if len(chosen) == 1 else render.counted(len(chosen), "source")
    worker.start(catalogue, batches, title=f"Read {named} again", missing=missing)


def _is_asked(key: SourceKey, asked: Mapping[str, Any]) -> bool:
    under = asked.get("under")
    if under is not None and not key.root.startswith(f"{under}/"):
        return False
    return all(getattr(key, name) == asked[name] for name in ("collection", "root", "source") if name in asked)


def arguments(chosen: Sequence[SourceInfo]) -> tuple[list[Batch], int]:
    """Return what to ingest by collection and kind, and how many files are not there any more.

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
        kind = None if whole or source.kind not in SUPPORTED else source.kind
        names = groups.setdefault((source.key.collection, kind), [])
        if name not in names:
            names.append(name)
    return [Batch(sources=tuple(names), collection=c, kind=k) for (c, k), names in groups.items()], missing
