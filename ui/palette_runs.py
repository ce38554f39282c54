"""What the palette offers of runs: each experiment, and the best few of its runs by the metric most of them have."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import streamlit as st

from kb.errors import CitewiseError
from kb.jobs import home_of
from kb.run_listing import Asked, listing
from kb.run_places import RunPlace, place_metrics, run_places
from kb.store import Catalogue
from ui import opened
from ui.figures import figure
from ui.palette import Item
from ui.render import counted

MOST_PLACES = 40
BEST = 3


def items(catalogue: Catalogue) -> tuple[Item, ...]:
    """Return experiments and their best runs; nothing yet while a thread works them out for what is stored now."""
    made = _working(str(home_of(catalogue)), catalogue.generation, catalogue)
    return made.result() if made.done() and made.exception() is None else ()


@st.cache_resource(show_spinner=False, max_entries=2)
def _working(home: str, generation: int, _catalogue: Catalogue) -> Future[tuple[Item, ...]]:
    del home, generation  # the key
    return opened.threads().submit(found, _catalogue)


def found(catalogue: Catalogue) -> tuple[Item, ...]:
    """Return the experiments with most runs, and the best runs of each."""
    places = run_places(catalogue)[:MOST_PLACES]
    return (*map(_place, places), *(item for place in places for item in _best(catalogue, place)))


def _place(place: RunPlace) -> Item:
    event = {"do": "palette-experiment", "place": place.key}
    return Item(kind="experiment", text=place.title, note=counted(place.runs, "run"), event=event)


def _best(catalogue: Catalogue, place: RunPlace) -> Iterator[Item]:
    metric = next(iter(place_metrics(catalogue, place)), None)
    try:
        found = listing(catalogue, Asked(metric=metric, within=place, limit=BEST))
    except CitewiseError:  # no direction is known: the latest then
        found = listing(catalogue, Asked(within=place, limit=BEST))
    for row in found.rows:
        value = found.value(row) if found.metric else None
        best = f", {value.name} {figure(value.last)}" if value is not None else ""
        name = row.name if row.name and row.name != row.run_id else row.run_id
        note = f"{place.title}{best}" + (f", {row.run_id}" if name != row.run_id else "")
        yield Item(kind="run", text=name, note=note, event={"do": "palette-run", "run": row.pk})
