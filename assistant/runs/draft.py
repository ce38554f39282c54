"""What grammar rules gather of one question, until it becomes a `RunQuery`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assistant.runs.build import Linked
from assistant.runs.named import RunLink
from assistant.runs.names import NameLink
from assistant.runs.page import Element, Page
from kb.history import RunFilter, Wanted
from kb.vocabulary import Named

Filters = tuple[RunFilter, ...]


@dataclass(slots=True)
class Draft:
    """The parts of a query as they are found; `fields` are those of `RunQuery` that rules set outright."""

    linked: Linked
    select: str = ""
    metric: NameLink | None = None
    figure: str = ""
    filters: list[RunFilter] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mentions: list[NameLink] = field(default_factory=list)
    extract: str = ""
    why: bool = False
    shift: int = 0
    label: str = ""
    of_best: tuple[Wanted, ...] = ()

    @property
    def page(self) -> Page:
        return self.linked.page

    def use(self, element: Element) -> NameLink:
        """Take an element's name as read."""
        element.used = True
        link: NameLink = element.item
        self.mentions.append(link)
        if not link.sure:
            self.doubts.append(self.page.said(element))
        return link

    def limited(self, element: Element) -> str:
        """Take a metric's name for a condition: it must be the one name in all places that are asked about."""
        link = self.use(element)
        here = self.linked.scopes
        if any(each.scopes.keys() & here - link.logged.scopes.keys() for each in link.same):
            self.doubts.append(self.page.said(element))
        return link.logged.name

    def runs(self, link: RunLink) -> tuple[Named, ...]:
        return tuple(self.linked.linker.vocabulary.runs[at] for at in link.runs)


def wanted(link: NameLink) -> Wanted:
    """Return what a name asks for."""
    return Wanted(field=link.logged.kind, name=link.logged.name)  # type: ignore[arg-type]


def run_filter(draft: Draft, link: RunLink) -> RunFilter:
    """Return the condition that a run is one of those named."""
    named = draft.runs(link)
    names = {run.name for run in named}
    if link.by == "name" and len(named) > 1 and len(names) == 1 and None not in names:
        return RunFilter(field="name", value=named[0].name)
    ids = tuple(dict.fromkeys(run.run_id for run in named))
    return RunFilter(field="id", op="in", value=ids)


def value_filter(link: NameLink) -> RunFilter:
    """Return the condition that a parameter or tag has a value, or holds a word."""
    kind: Any = link.logged.kind
    if link.contains:
        return RunFilter(field=kind, op="contains", name=link.logged.name, value=link.value)
    return RunFilter(field=kind, name=link.logged.name, value=link.value)
