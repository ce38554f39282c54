"""Trees of the panel beside the chat: what a table is, what is wrong with it, its columns and how it was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.dataset.types import ColumnProfile, Fact, Profile
from ui.figures import exact, figure, number, share
from ui.nodes import Child, Node, bar, button, el
from ui.render import counted, notice, snippet, stopped

FIRST = 3
"""Facts that are shown at once; the others are folded."""
_COLUMNS = 200
_FACTS = 60
_REPEATED = frozenset({"duplicates", "duplicate_rows"})
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space", "": "none"}
_STATS = ("min", "q1", "median", "mean", "q3", "max", "std")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a table as soon as it is open; `layout` is how its file was read, `notes` what was mended."""

    name: str
    fingerprint: str
    rows: int
    columns: int
    layout: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    large: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedReading:
    """A saved reading as the panel lists it; `changed` says how its answer differs from the one it was saved with."""

    id: str
    name: str
    words: str
    changed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A profile with the facts to look at first and those that are wrong with the table."""

    profile: Profile
    first: Sequence[Fact]
    wrong: Sequence[Fact] = ()


def panel(
    about: About,
    seen: Seen | None,
    saved: Sequence[SavedReading] = (),
    *,
    column: str = "",
    is_looking: bool = True,
) -> Node:
    """Return the panel; without what was seen it says that this goes on, or failed. `column` is brought into view."""
    parts: list[Child] = [_tab(about, seen), _head(about, seen.profile if seen else None)]
    first = _unseen(about, is_looking) if seen is None else _facts(seen, about)
    body = [*first, _saved(saved), *(_columns(seen.profile, column) if seen else ())]
    parts.append(el("div", "cw-panel-body cw-data-body cw-scroll", *body, _how_read(about)))
    return el("aside", "cw-panel cw-data-panel", *parts)


def broken(name: str, message: str, hint: str) -> Node:
    """Return the panel of a table that cannot be read: why, and what can be done about it."""
    tab = button(
        "cw-tab", {"do": "fold"}, el("span", "cw-tab-name cw-name", name), el("span", "cw-tab-worry", "not read")
    )
    shut = button("cw-close-table", {"do": "close-table"}, "×", label="Close the table")
    return el(
        "aside",
        "cw-panel cw-data-panel",
        tab,
        el("header", "cw-panel-head", el("div", "cw-panel-bar", el("h3", "cw-name", name), shut)),
        el(
            "div",
            "cw-panel-body cw-data-body",
            notice(message, hint),
            el("div", "cw-actions", button("cw-quiet", {"do": "correct"}, "Say how to read it …")),
        ),
    )


# -- the head --------------------------------------------------------------------------------------------------


def _tab(about: About, seen: Seen | None) -> Node:
    """Return the bar that opens and closes the panel where it lies over the page's foot."""
    size = f"{about.rows:,} × {about.columns:,}"
    warnings = len(seen.wrong) if seen else 0
    worry = el("span", "cw-tab-worry", counted(warnings, "warning")) if warnings else None
    name = el("span", "cw-tab-name cw-name", about.name)
    return button(
        "cw-tab", {"do": "fold"}, name, el("span", "cw-tab-size", size), worry, label="Show or hide the table"
    )


def _head(about: About, profile: Profile | None) -> Node:
    shut = button("cw-close-table", {"do": "close-table"}, "×", label="Close the table")
    size = f"{counted(about.rows, 'row')} × {counted(about.columns, 'column')}"
    return el(
        "header",
        "cw-panel-head",
        el("div", "cw-panel-bar", el("h3", "cw-name", about.name), shut),
        el("p", "cw-size", size),
        el("p", "cw-facts", *_tags(about, profile)),
    )


def _tags(about: About, profile: Profile | None) -> Iterator[Node]:
    if about.large:
        label = "Too large for memory: it is counted where it lies, and slow figures come from a sample"
        yield el("span", "cw-tag", "read where it lies", label=label)
    if profile is None:
        return
    missing, cells = sum(one.missing for one in profile.columns), profile.rows * len(profile.columns)
    gone = f"{missing:,} of {cells:,} cells"
    yield el("span", "cw-tag", f"{share(missing, cells)} missing" if missing else "nothing missing", label=gone)
    repeated = next((fact for fact in profile.facts if fact.kind in _REPEATED), None)
    yield el(
        "span", "cw-tag", "duplicate rows" if repeated else "no duplicate rows", label=repeated.text if repeated else ""
    )
    if profile.target:
        yield el("span", "cw-tag cw-name", f"target: {profile.target}", label=f"task: {profile.task or 'not clear'}")
    if profile.sampled is not None:
        label = "Slow figures were taken from a sample; counts are exact"
        yield el("span", "cw-tag", f"a sample of {profile.sampled:,} rows", label=label)


def _unseen(about: About, is_looking: bool) -> Iterator[Node]:
    if is_looking:
        yield el("p", "cw-note cw-waiting", f"Looking at {counted(about.columns, 'column')} …")
    else:
        yield el("p", "cw-note", "The columns could not be looked at. Questions about them work all the same.")


# -- facts -----------------------------------------------------------------------------------------------------


def _columns(profile: Profile, column: str) -> Iterator[Node]:
    yield el("p", "cw-label cw-part", f"Columns ({len(profile.columns):,})")
    most = max(_COLUMNS, next((at for at, one in enumerate(profile.columns, 1) if one.name == column), 0))
    for one in profile.columns[:most]:
        yield _column(one, profile.rows, focus=one.name == column)
    more = len(profile.columns) - most
    if more > 0:
        yield el("p", "cw-note", f"and {more:,} more; find one with Ctrl+K")


def _facts(seen: Seen, about: About) -> Iterator[Node]:
    first = list(seen.first)
    others = [fact for fact in seen.wrong if fact not in first]
    yield el("p", "cw-label cw-part", "What to look at first")
    yield el("ul", "cw-fact-list", *(_fact(fact, about) for fact in first[:FIRST]))
    others = [*first[FIRST:], *others]
    if others:
        lead = el("summary", "", f"{len(others):,} more")
        rows = (_fact(fact, about) for fact in others[:_FACTS])
        yield el("details", "cw-folded", lead, el("ul", "cw-fact-list", *rows))


def _fact(fact: Fact, about: About) -> Node:
    cited = {
        "kind": "dataset",
        "dataset": about.name,
        "fingerprint": about.fingerprint,
        "expression": fact.expression,
        "value": shown_value(fact.value),
        "text": fact.text,
    }
    ask = button("cw-link", {"do": "ask", "question": fact.ask}, "Ask what to do", label=fact.ask) if fact.ask else None
    how = button("cw-link", {"do": "value", "asked": None, "citation": cited}, "How computed")
    css = "cw-fact cw-fact-heavy" if fact.weight >= 0.6 else "cw-fact"
    return el("li", css, el("p", "cw-name", stopped(fact.text)), el("p", "cw-fact-do", ask, how))


def shown_value(value: Any) -> Any:
    """Return a value as JSON can carry it: numbers, texts and booleans as they are, others in words."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else figure(value)


# -- columns ---------------------------------------------------------------------------------------------------


def _column(one: ColumnProfile, rows: int, *, focus: bool) -> Node:
    summary = el(
        "summary",
        "cw-col-row",
        el("span", "cw-col-name cw-name", one.name, label=one.name),
        distribution(one),
        el("span", "cw-col-kind", one.kind if not one.unit else f"{one.kind}, {one.unit}"),
        _missing(one, rows),
        focus=focus,
    )
    return el("details", "cw-col cw-open" if focus else "cw-col", summary, *_inside(one, rows))


def distribution(one: ColumnProfile) -> Node:
    """Return a column's small distribution; each bar says what it counts."""
    most = max((count for _, count in one.bars), default=0)
    bars = (bar("cw-spark", count / most if most else 0, label=f"{name}: {count:,}") for name, count in one.bars)
    return el("span", "cw-sparks", *bars)


def _missing(one: ColumnProfile, rows: int) -> Node:
    if not one.missing:
        return el("span", "cw-col-missing")
    said = f"{share(one.missing, rows)} missing"
    gone = bar("cw-gone", one.missing / rows if rows else 0)
    return el("span", "cw-col-missing", gone, said, label=f"{one.missing:,} of {rows:,} values are missing")


def _inside(one: ColumnProfile, rows: int) -> Iterator[Node]:
    listed: list[tuple[str, Child]] = [("Kind", f"{one.kind} ({one.dtype})"), ("Different", f"{one.unique:,}")]
    listed += [("Missing", f"{one.missing:,} of {rows:,}")] if one.missing else []
    listed += [(name.capitalize(), number(one.stats[name])) for name in _STATS if one.stats.get(name) is not None]
    listed += [("Examples", ", ".join(snippet(text, 40) for text in one.examples[:5]))] if one.examples else []
    pairs = (part for name, value in listed for part in (el("dt", "", name), el("dd", "cw-name", value)))
    yield el("dl", "cw-col-facts", *pairs)
    if len(one.bars) > 0 and one.kind not in ("number", "date"):
        yield _counts(one)
    yield el("p", "cw-fact-do", button("cw-link", {"do": "describe", "column": one.name}, "Describe in the chat"))


def _counts(one: ColumnProfile) -> Node:
    most = max(count for _, count in one.bars)
    rows = (
        el("li", "", el("span", "cw-name", name), bar("cw-count-bar", count / most if most else 0), number(count))
        for name, count in one.bars
    )
    return el("ul", "cw-value-counts", *rows)


# -- saved readings, and how the file was read -------------------------------------------------------------------


def _saved(saved: Sequence[SavedReading]) -> Node | None:
    if not saved:
        return None
    rows = [_saved_row(one) for one in saved]
    return el("section", "cw-saved", el("p", "cw-label cw-part", "Saved readings"), *rows)


def _saved_row(one: SavedReading) -> Node:
    mark = el("span", "cw-changed", "changed", label=one.changed) if one.changed else None
    name = el("span", "cw-name", one.name)
    run = button("cw-saved-run", {"do": "run-saved", "id": one.id}, name, mark, label=one.words)
    forget = button("cw-chat-delete", {"do": "forget-reading", "id": one.id}, "×", label="Forget this reading")
    was = el("p", "cw-note cw-name", one.changed) if one.changed else None
    keep = button("cw-link", {"do": "accept-reading", "id": one.id}, "Take the new values") if one.changed else None
    return el("div", "cw-saved-one", el("div", "cw-saved-row", run, forget), was, keep)


def _how_read(about: About) -> Node:
    pairs = (
        part for name, said in layout_words(about.layout) for part in (el("dt", "", name), el("dd", "cw-name", said))
    )
    notes = el("ul", "cw-notes", *(el("li", "cw-name", stopped(note)) for note in about.notes)) if about.notes else None
    return el(
        "section",
        "cw-how-read",
        el("p", "cw-label cw-part", "How the file was read"),
        el("dl", "cw-col-facts", *pairs),
        notes,
        button("cw-quiet", {"do": "correct"}, "Correct this …"),
    )


def layout_words(layout: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what was detected of a file as a name and words; what does not matter for its format is left out."""
    yield "Format", " ".join(filter(None, (str(layout.get("format", "")), str(layout.get("compression") or ""))))
    if layout.get("format") == "csv":
        yield "Delimiter", _DELIMITERS.get(str(layout.get("delimiter", "")), str(layout.get("delimiter", "")))
        yield "Encoding", str(layout.get("encoding", ""))
        yield "Decimal mark", "comma" if layout.get("decimal") == "," else "point"
        yield "Header", "first row" if layout.get("header", True) else "none"
    if layout.get("sheet"):
        yield "Sheet", exact(layout["sheet"])
    if layout.get("missing"):
        yield "Missing is", ", ".join(str(one) or "(empty)" for one in layout["missing"])
    for column, form in (layout.get("dates") or {}).items():
        yield "Dates", f"{column}: {form}"
    for column, kind in (layout.get("types") or {}).items():
        yield "Set by you", f"{column}: {kind}"


# -- the panel of a computed value -----------------------------------------------------------------------------


def value(cited: Mapping[str, Any], inside: Sequence[Node], *, stale: bool = False) -> Node:
    """Return the panel of a citation of a computed value; `inside` are its rows, steps and code."""
    shut = button("cw-close", {"do": "close"}, "×", label="Close the computation")
    old = "The file has changed since: this value was computed from an earlier state of it."
    return el(
        "aside",
        "cw-panel",
        el(
            "header",
            "cw-panel-head",
            el("div", "cw-panel-bar", el("h3", "", "How it was computed"), shut),
            el("p", "cw-path cw-name", str(cited["dataset"])),
            el(
                "p",
                "cw-facts",
                el("span", "cw-tag", f"content {str(cited['fingerprint'])[:12]}", label=str(cited["fingerprint"])),
            ),
        ),
        el(
            "div",
            "cw-panel-body cw-value-body cw-scroll",
            el("p", "cw-guess", old) if stale else None,
            el("p", "cw-own cw-name", str(cited["text"])) if cited.get("text") else None,
            el("p", "cw-label", "Value"),
            _value(cited["value"]),
            el("p", "cw-label", "Expression"),
            el("pre", "cw-code", el("code", "", str(cited["expression"]))),
            *inside,
        ),
    )


def _value(value: Any) -> Node:
    if not isinstance(value, Mapping):
        return el("p", "cw-value cw-name", _whole(value))
    pairs = (
        part for name, one in value.items() for part in (el("dt", "cw-name", str(name)), el("dd", "", _whole(one)))
    )
    return el("dl", "cw-col-facts cw-values", *pairs)


def _whole(value: Any) -> str:
    """Return a value with all its digits."""
    return exact(value) if isinstance(value, (float, str)) else figure(value)
