"""What the rules have read so far of one question: row steps, conditions, groups, and what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assistant.dataset.asks import Ask
from assistant.dataset.link import Column, Linker, Mention
from assistant.dataset.page import Page
from assistant.dataset.steps import NO_OPTIONS, Col, Compare, Condition, Derive, Expr, Measure, Step


@dataclass(slots=True, kw_only=True)
class Want:
    """A value that the question asks for, before it has a label: `kind` is measure, test or fit.

    `phase` is pre, post or "" relative to the steps that change rows; `clause` is the sentence it stands in.
    """

    kind: str
    function: str
    columns: tuple[Expr, ...] = ()
    by: tuple[str, ...] = ()
    where: Condition | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    phase: str = ""
    clause: int = 0
    said: str = ""
    label: str = ""
    extra: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    source: str = "question"

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns' names."""
        return tuple(column.name for column in self.columns if isinstance(column, Col))

    @property
    def key(self) -> tuple[Any, ...]:
        """Two wants of the same key are the same."""
        return (self.kind, self.function, self.columns, self.by, repr(self.where), 
                tuple(sorted(self.options.items(), key=str)),
                self.phase, repr(sorted(self.extra.items())))  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Limits:
    """A condition read from the question, with the sentence it stands in."""

    condition: Condition
    clause: int
    said: str
    mention: Mention | None = None
    at: int = 0
    end: int = 0


@dataclass(slots=True, kw_only=True)
class Settings:
    """What constraints say about how to compute."""

    method: str = ""
    alpha: float = 0.05
    ddof: int | None = None
    biased: bool | None = None
    seed: int | None = None
    test_size: float | None = None
    folds: int = 0
    normality: str = ""
    compare: str = ""
    equal_var: bool | None = None
    outlier_method: str = ""
    outlier_factor: float | None = None
    outlier_action: str = ""
    metrics: tuple[str, ...] = ()
    digits: int | None = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """The reading under construction: rules add to it, `question.read` turns it into a `Query`."""

    linker: Linker
    page: Page
    notes: Page
    asks: tuple[Ask, ...] = ()
    settings: Settings = field(default_factory=Settings)
    derives: list[Derive] = field(default_factory=list)
    rows: list[tuple[Step, str]] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)
    by: list[tuple[str, int]] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    after: list[Step] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    plot: str = ""
    rounding: int | None = None
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    encoded: list[str] = field(default_factory=list)
    period: tuple[str, str] | None = None
    timed: bool = False
    focus: tuple[str, ...] = ()
    outlying: list[str] = field(default_factory=list)
    edges: list[Measure] = field(default_factory=list)
    in_place: list[str] = field(default_factory=list)
    bins: tuple[str, str, tuple[int, ...], tuple[str, ...], tuple[str, str]] | None = None

    @property
    def plain(self) -> bool:
        """Tell whether nothing but the question says what is wanted: then each of its words has to be read."""
        return not self.asks

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns to group by."""
        return tuple(dict.fromkeys(name for name, _ in self.by))

    @property
    def derived(self) -> tuple[str, ...]:
        """The columns that the question adds."""
        return tuple(step.name for step in self.derives)

    def column(self, name: str) -> Column:
        """A column by name."""
        return self.linker.by_name[name]

    def use(self, mention: Mention) -> str:
        """Take a mention into the reading, and give its column's name."""
        if mention not in self.mentions:
            self.mentions.append(mention)
        return mention.column

    def want(self, want: Want) -> None:
        """Add what is wanted, once."""
        if all(other.key != want.key for other in self.wants):
            self.wants.append(want)

    def limit(self, condition: Condition, clause: int, said: str, at: int = 0, end: int = 0) -> None:
        """Add a condition on the rows, once."""
        for other in self.limits:
            if _loosely_same(other.condition, condition):
                other.condition = condition
        if all(other.condition != condition for other in self.limits):
            self.limits.append(Limits(condition=condition, clause=clause, said=said, at=at, end=end))

    def numeric(self, name: str) -> bool:
        """Tell whether a column holds numbers."""
        if name in self.encoded:
            return True
        return name in self.linker.by_name and self.column(name).kind in ("number", "boolean")


def _loosely_same(one: Condition, other: Condition) -> bool:
    """Tell whether two conditions differ only in whether the bound itself is in; the later text decides."""
    if not (isinstance(one, Compare) and isinstance(other, Compare)):
        return False
    same = one.left == other.left and one.right == other.right
    return same and ({one.op, other.op} in ({"gt", "ge"}, {"lt", "le"}))
