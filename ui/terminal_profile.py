"""What is known of a table, in the terminal: its columns with small distributions, and what to look at first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from assistant.dataset.say import show
from assistant.dataset.types import ColumnProfile, Fact, Profile
from ui.terminal import Hanging, clean, code, plural, show_suggestions
from ui.terminal_plots import bars, heights, is_unicode, share

MOST_COLUMNS = 60
MOST_FACTS = 10
LONGEST_NAME = 28
_SMALL = 8
_DRAWN = ("number", "date")
"""Kinds whose values have an order, so that a row of heights says something."""


def show_columns(out: Console, profile: Profile) -> None:
    """Print each column with its kind, what is missing, how many values differ, and its small distribution."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim", pad_edge=False)
    for name, justify in (("column", "left"), ("kind", "left"), ("missing", "right"), ("different", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column("values", no_wrap=True)
    rows = [_row(column, profile) for column in profile.columns[:MOST_COLUMNS]]
    left = [max(cell_len(row[i].plain) for row in rows) for i in range(4)] if rows else []
    room = out.width - sum(max(width, least) + 2 for width, least in zip(left, (6, 4, 7, 9), strict=False)) - 2
    for column, row in zip(profile.columns, rows, strict=False):
        values = _values(out, column)
        values.truncate(max(room, _SMALL), overflow="ellipsis")
        table.add_row(*row, *([values] if room >= _SMALL else []))
    out.print(Hanging("  ", [table]), end="")
    more = len(profile.columns) - MOST_COLUMNS
    if more > 0:
        out.print(Text(f"  … and {plural(more, 'more column')}; :columns NAME tells of one", style="dim"))
    if profile.sampled:
        out.print(Text(f"  from a sample of {profile.sampled:,} of {profile.rows:,} rows", style="dim"))


def _row(column: ColumnProfile, profile: Profile) -> list[Text]:
    name = Text(clean(column.name))
    name.truncate(LONGEST_NAME, overflow="ellipsis")
    return [name, Text(_kind(column, profile)), _missing(column, profile), Text(f"{column.unique:,}")]


def _kind(column: ColumnProfile, profile: Profile) -> str:
    kind = f"{column.kind} ({column.unit})" if column.unit else column.kind
    return f"{kind}, target" if column.name == profile.target else kind


def _missing(column: ColumnProfile, profile: Profile) -> Text:
    if not column.missing:
        return Text("–", style="dim")
    return Text(share(column.missing, profile.rows), style="yellow")


def _values(out: Console, column: ColumnProfile) -> Text:
    """Return a row of heights with least and greatest for what has an order, else the most frequent values."""
    low, high = column.stats.get("min"), column.stats.get("max")
    if column.kind in _DRAWN and low is not None and high is not None:
        drawn = heights([count for _, count in column.bars], _SMALL) if column.bars and is_unicode(out) else ""
        return Text.assemble((f"{drawn:<{_SMALL}} ", "cyan"), clean(f"{show(low)} – {show(high)}"))
    if column.bars and column.kind not in ("text", "identifier"):
        return Text(clean(", ".join(f"{label} {count:,}" for label, count in column.bars[:4])))
    return Text(clean(", ".join(column.examples)), style="dim")


def show_column(out: Console, profile: Profile, name: str) -> None:
    """Print all that is known of a column: its figures, its distribution, and the facts about it."""
    column = next(column for column in profile.columns if column.name == name)
    out.print(Text.assemble((clean(column.name), "bold"), f"  {_kind(column, profile)}, {column.dtype}"))
    counted = f"{plural(column.unique, 'different value')}, {column.missing:,} of {profile.rows:,} missing"
    out.print(Hanging("  ", [Text(counted)]), end="")
    if column.stats:
        figures = ", ".join(f"{key} {show(value)}" for key, value in column.stats.items() if value is not None)
        out.print(Hanging("  ", [Text(clean(figures))]), end="")
    if column.examples:
        out.print(Hanging("  ", [Text(clean(f"for example {', '.join(column.examples)}"), style="dim")]), end="")
    if column.bars:
        out.print()
        for line in bars(out, [clean(label) for label, _ in column.bars], [count for _, count in column.bars]):
            out.print(line)
    about = [fact for fact in profile.facts if name in fact.columns][:MOST_FACTS]
    if about:
        out.print()
    for fact in about:
        out.print(Hanging("  · ", [Text(clean(fact.text))]), end="")


def show_facts(out: Console, profile: Profile) -> None:
    """Print what to look at first, each fact with the beginning of the expression that gives it."""
    shown = first_facts(profile)
    width = len(str(len(shown))) + 1
    for number, fact in enumerate(shown, 1):
        expression = Text(clean(fact.expression), style="dim")
        expression.truncate(max(20, out.width - width - 1), overflow="ellipsis")
        out.print(Hanging(f"{number:>{width}} ", [Text(clean(fact.text)), expression]), end="")
    more = len(profile.facts) - len(shown)
    tells = ":facts N tells more of one"
    stands = f"; {plural(more, 'more fact')} with the columns, :columns NAME" if more > 0 else ""
    out.print(Text(f"{tells}{stands}", style="dim"))
    asks = list(dict.fromkeys(fact.ask for fact in shown if fact.ask))[:3]
    show_suggestions(out, "What to do about it; ask:", asks)


def first_facts(profile: Profile) -> Sequence[Fact]:
    """Return the facts to look at first, as they are numbered."""
    from assistant.dataset.profile import first_looks

    return tuple(first_looks(profile))[:MOST_FACTS]


def show_fact(out: Console, fact: Fact) -> None:
    """Print a fact with its whole expression and value, and what to ask about it."""
    out.print(Text(clean(fact.text), style="bold"))
    out.print(Hanging("expression  ", [code(out, fact.expression)]), end="")
    out.print(Hanging("value       ", [Text(clean(show(fact.value)))]), end="")
    show_suggestions(out, "Ask:", [fact.ask] if fact.ask else [])
