"""All decisions at once: who replaced whom, which one stands, which references lead nowhere or in a circle."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from kb.text import normalise_spaces

if TYPE_CHECKING:
    from kb.decisions import Decision

_NUMBER = re.compile(r"(?:\b(?:adr|decision|no|dr)\b[\s.#:_-]*|^#?\s*)0*(\d{1,5})(?![\d.]*\d)", re.IGNORECASE)
_STEM_NUMBER = re.compile(r"(?:^|[/_-])(?:adr[-_]?|dr[-_]?)?0*(\d{1,5})(?:[-_ ]|$)", re.IGNORECASE)
_STAMP = re.compile(r"\d{4}[-_]?\d{2}[-_]?\d{2}[-_ ]*")
_ENDING = re.compile(r"\.[a-z]{1,8}\Z", re.IGNORECASE)
_SHORTEST_ID = 6


class Ledger:
    """The decisions in the order of their dates, and how they hang together."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.decisions = tuple(decisions)
        self._by_id = {decision.id: decision for decision in decisions}

    def get(self, id: str) -> Decision | None:
        """Return the decision with this id."""
        return self._by_id.get(id)

    # -- what stands -----------------------------------------------------------------------------------------

    def status(self, decision: Decision) -> str:
        """Return the status as of now: what a later decision replaced is superseded, whatever its note says."""
        return "superseded" if self._after[decision.id] else decision.status

    def superseded_by(self, decision: Decision) -> tuple[Decision, ...]:
        """Return the decisions that replaced this one directly."""
        return tuple(self._by_id[id] for id in self._after[decision.id])

    def replaced(self, decision: Decision) -> tuple[Decision, ...]:
        """Return the decisions that this one replaced directly, newest first."""
        return tuple(self._by_id[id] for id in reversed(self._before[decision.id]))

    def standing(self, decision: Decision) -> tuple[Decision, ...]:
        """Return what stands at the end of the chain of `decision`; nothing where it ends in a circle."""
        ends = [one for one in self._reached(decision, self._after) if not self._after[one.id]]
        return tuple(one for one in ends if self.status(one) == "current")

    def chain(self, decision: Decision) -> tuple[Decision, ...]:
        """Return all that hangs together with `decision` by superseding, oldest first."""
        both = {id: [*self._after[id], *self._before[id]] for id in self._by_id}
        found = {one.id for one in self._reached(decision, both)}
        return tuple(one for one in self._ordered if one.id in found)

    def _reached(self, start: Decision, edges: dict[str, list[str]]) -> Iterator[Decision]:
        waiting, seen = [start.id], {start.id}
        while waiting:
            id = waiting.pop()
            yield self._by_id[id]
            fresh = [other for other in edges[id] if other not in seen]
            seen.update(fresh)
            waiting += fresh

    @cached_property
    def _ordered(self) -> tuple[Decision, ...]:
        """The decisions, the replaced ones before what replaced them, else by date."""
        done: dict[str, None] = {}
        for decision in self.decisions:
            stack = [decision.id]
            path: set[str] = set()
            while stack:
                id = stack[-1]
                path.add(id)
                ahead = [one for one in self._before[id] if one not in done and one not in path]
                if ahead:
                    stack.append(ahead[0])
                else:
                    done.setdefault(stack.pop())
        return tuple(self._by_id[id] for id in done)

    # -- references ------------------------------------------------------------------------------------------

    @cached_property
    def _links(self) -> tuple[dict[str, list[str]], dict[str, list[str]], tuple[str, ...]]:
        after: dict[str, list[str]] = defaultdict(list)
        before: dict[str, list[str]] = defaultdict(list)
        told: list[str] = []
        for decision in self.decisions:
            for older in self._meant(decision, decision.supersedes, "supersedes", told):
                after[older].append(decision.id)
                before[decision.id].append(older)
            for newer in self._meant(decision, decision.superseded_by, "superseded by", told):
                after[decision.id].append(newer)
                before[newer].append(decision.id)
        for edges in (after, before):
            for id in edges:
                edges[id] = list(dict.fromkeys(edges[id]))
        return after, before, tuple(told)

    @property
    def _after(self) -> dict[str, list[str]]:
        return self._links[0]

    @property
    def _before(self) -> dict[str, list[str]]:
        return self._links[1]

    def _meant(self, decision: Decision, names: Sequence[str], verb: str, told: list[str]) -> Iterator[str]:
        for name in names:
            found = [one for one in self.named(name, near=decision) if one.id != decision.id]
            groups = {one.key for one in found}
            if not found:
                told.append(f"{_called(decision)}: {verb} {name!r}, which is not in the ledger")
            elif len(found) > 1 and (len(groups) > 1 or None in groups):
                told.append(f"{_called(decision)}: {verb} {name!r}, which may mean any of {len(found)} decisions")
            else:
                yield from (one.id for one in found)

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the references: unknown and ambiguous targets, circles."""
        return (*self._links[2], *self._circles())

    def _circles(self) -> Iterator[str]:
        told: set[frozenset[str]] = set()
        for decision in self.decisions:
            members = self._circle(decision)
            if members and members not in told:
                told.add(members)
                names = ", ".join(_called(self._by_id[id]) for id in sorted(members))
                yield f"these supersede each other in a circle, so none of them stands: {names}"

    def _circle(self, decision: Decision) -> frozenset[str]:
        """Return the ids that lie on circles through `decision`: those it reaches and that reach it."""
        ahead = {one.id for next in self.superseded_by(decision) for one in self._reached(next, self._after)}
        if decision.id not in ahead:
            return frozenset()
        back = {one.id for one in self._reached(decision, self._before)}
        return frozenset(ahead & back)

    def named(self, name: str, *, near: Decision | None = None) -> tuple[Decision, ...]:
        """Return the decisions that `name` means: by id or its beginning, title, number, file or choice.

        Of several, those in the folder of `near`, else in its root, are meant.
        """
        wanted = normalise_spaces(name).strip("\"'`[]()").lower()
        if not wanted:
            return ()
        for meaning in (_is_id, _is_title, _is_file, _is_number, _is_choice):
            found = tuple(one for one in self.decisions if meaning(one, wanted) and one is not near)
            if found:
                return _nearest(found, near)
        return ()

    def like(self, name: str) -> tuple[Decision, ...]:
        """Return decisions whose title or choice resembles `name`, best first."""
        scored = [(fuzz.token_set_ratio(name.lower(), f"{d.title} {d.choice}".lower()), d) for d in self.decisions]
        return tuple(d for score, d in sorted(scored, key=lambda pair: -pair[0]) if score >= 50)


def _called(decision: Decision) -> str:
    return f"{decision.title or decision.choice!r} ({decision.place})"


def _nearest(found: tuple[Decision, ...], near: Decision | None) -> tuple[Decision, ...]:
    if near is None or near.key is None or len(found) == 1:
        return found
    folder = near.key.source.rpartition("/")[0]
    roots = tuple(one for one in found if one.key and one.key.root == near.key.root)
    folders = tuple(one for one in roots if one.key and one.key.source.rpartition("/")[0] == folder)
    return folders or roots or found


def _is_id(decision: Decision, wanted: str) -> bool:
    return decision.id == wanted or (len(wanted) >= _SHORTEST_ID and decision.id.startswith(wanted))


def _is_title(decision: Decision, wanted: str) -> bool:
    title = normalise_spaces(decision.title).lower()
    return title != "" and (wanted == title or _bare(wanted) == _bare(title) != "")


def _bare(title: str) -> str:
    """Return a title without its number: `ADR-003: use trees`, `3. Use trees` → use trees."""
    return re.sub(r"^(?:adr|decision|dr)?[\s.#:_-]*\d{1,5}[\s.:)_-]+", "", title).strip(" .")


def _is_file(decision: Decision, wanted: str) -> bool:
    if decision.key is None:
        return False
    source = decision.key.source.lower()
    wanted = wanted.removeprefix("./").lstrip("/").split("#")[0]
    while wanted.startswith("../"):
        wanted = wanted[3:]
    names = (source, _ENDING.sub("", source))
    return bool(wanted) and any(name == wanted or name.endswith(f"/{wanted}") for name in names)


def _is_number(decision: Decision, wanted: str) -> bool:
    match = _NUMBER.search(wanted)
    return match is not None and int(match[1]) in _numbers(decision)


def _numbers(decision: Decision) -> Iterator[int]:
    """Yield the numbers that a decision goes by, from its title and its file; dates are none."""
    match = _NUMBER.search(_STAMP.sub("", decision.title))
    if match:
        yield int(match[1])
        return
    stem = _ENDING.sub("", decision.key.source.rpartition("/")[2]) if decision.key else ""
    if match := _STEM_NUMBER.search(_STAMP.sub("", stem)):
        yield int(match[1])


def _is_choice(decision: Decision, wanted: str) -> bool:
    return normalise_spaces(decision.choice).lower().strip(" .") == wanted.strip(" .")
