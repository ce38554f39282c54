"""Answers, passages and reports as readable terminal text, 80 columns and up.

What comes from documents is printed as plain text: never as markup, and without control characters, so that no file can
steer the terminal.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from assistant.types import Answer, Reading
from kb.text import normalise_spaces
from kb.types import Citation, Claim, Document, Hit, SourceInfo, SourceKey, SourceState, Span

if TYPE_CHECKING:
    from ingest.report import SyncReport
    from ingest.sync import SyncPlan
    from kb.knowledge import KnowledgeBase
    from ui.terminal_tables import Ways

WIDEST = 100
"""Lines longer than this are hard to read."""
SNIPPET = 280
LINES = 6
CONTEXT = 700
"""Characters shown on either side of a quote."""
SHOWN = 12
WHOLE = ("dataset", "advice", "runs", "decisions")
"""Routes whose answers are shown when all of them is there."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_STATES = {
    SourceState.SEARCHABLE: "searchable",
    SourceState.LEXICAL: "found by words",
    SourceState.PENDING: "pending",
    SourceState.FAILED: "failed",
}


def console() -> Console:
    """Return the console for standard output; it honours NO_COLOR and pipes."""
    made = Console(markup=False, emoji=False, highlight=False)
    if made.width > WIDEST:
        made.width = WIDEST
    return made


def clean(text: str) -> str:
    """Return `text` without characters that steer a terminal."""
    return _CONTROL.sub("\ufffd", text)


def place(key: SourceKey, headings: Sequence[str], page: int | None = None) -> str:
    """Return where a passage stands: source › headings (page)."""
    path = [key.source, *(heading for heading in headings if heading != key.source)]
    where = " › ".join(normalise_spaces(part) for part in path)
    return clean(f"{where} (page {page})" if page is not None else where)


# -- answers -------------------------------------------------------------------------------------------------------


def show_reading(out: Console, reading: Reading) -> None:
    """Print what the question was taken to mean, and the words that nobody knows."""
    out.print(Text(clean(reading.words[:1].upper() + reading.words[1:]), style="dim"))
    if reading.unread:
        named = ", ".join(f"“{clean(word)}”" for word in reading.unread)
        out.print(Text(f"Not in anything ingested: {named}", style="yellow"))
    out.print()


Origin = Callable[[SourceKey], str]


def origins(kb: KnowledgeBase) -> Origin:
    """Return what tells of a source's header: a note's status, date and author."""

    def origin(key: SourceKey) -> str:
        infos = kb.catalogue.sources(list(kb.catalogue.source_ids([key]).values()))
        return header(infos[0].metadata) if infos else ""

    return origin


def header(metadata: Mapping[str, str]) -> str:
    """Return a note's status, date and author in words, "" where it has none of them."""
    known = [metadata[name] for name in ("status", "date", "author") if metadata.get(name)]
    return clean(f" [{', '.join(known)}]") if known else ""


def _unknown(key: SourceKey) -> str:
    return ""


def show_claim(out: Console, claim: Claim, number: int, origin: Origin = _unknown) -> None:
    """Print a claim: its quote, or its code, and where that stands."""
    body = code(out, claim.text) if claim.form == "code" else Text(f"“{clean(normalise_spaces(claim.text))}”")
    sources = [
        Text.assemble((place(c.key, c.headings, c.page), "cyan"), (origin(c.key), "dim")) for c in claim.passages
    ]
    out.print(_numbered(number, body, *sources, *_recorded(claim)))
    out.print()


def _recorded(claim: Claim) -> Sequence[Text]:
    """Return where a claim stands in the ledger or a history of runs."""
    from assistant.wire import citation_json
    from ui.terminal_runs import places

    return list(places([citation_json(cited) for cited in claim.citations]))


def code(out: Console, text: str) -> RenderableType:
    """Return code with its syntax coloured; as it stands where there is no colour."""
    shown = clean(text)
    if not out.is_terminal or out.no_color:
        return Text(shown)
    from rich.syntax import Syntax

    lexer = "pycon" if shown.lstrip().startswith(">>>") else "console" if shown.startswith("$ ") else "python"
    return Syntax(shown, lexer, theme="ansi_dark", background_color="default", word_wrap=True)


@dataclass(frozen=True)
class Hanging:
    """Things printed below each other under a number, indented, without spaces at the ends of lines."""

    mark: str
    body: Sequence[RenderableType]

    def __rich_console__(self, out: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the segments of each line behind the mark or the indent."""
        indent, mark = len(self.mark), self.mark
        narrow = options.update_width(max(20, options.max_width - indent))
        for part in self.body:
            for line in out.render_lines(part, narrow, pad=False):
                yield Segment(mark)
                yield from _stripped(line)
                yield Segment.line()
                mark = " " * indent


def _stripped(line: Sequence[Segment]) -> Sequence[Segment]:
    """Return a line without the white space that wrapping leaves at its end."""
    if not line or (line[-1].style is not None and line[-1].style.reverse):
        return line
    return [*line[:-1], Segment(line[-1].text.rstrip(), line[-1].style)]


def _numbered(number: int, *body: RenderableType) -> Hanging:
    return Hanging(f"{number:>2} ", body)


def _listed(text: str, style: str = "") -> Hanging:
    return Hanging("  ", [Text(text, style=style)])


def show_end(out: Console, answer: Answer) -> None:
    """Print what comes after the claims: confidence and follow-ups, or why there are none and what was nearest."""
    if answer.abstained:
        _show_abstention(out, answer)
    else:
        out.print(Text(confidence(answer), style="dim"))
    for note in answer.notes:
        out.print(Text(f"Note: {clean(note)}", style="yellow"))
    show_suggestions(out, "You could ask:" if answer.abstained else "Ask next:", answer.suggestions)


def _show_abstention(out: Console, answer: Answer) -> None:
    out.print(Text("No answer.", style="bold yellow"), Text(clean(" ".join(answer.missing))))
    if answer.nearest:
        out.print()
        out.print(Text("Nearest, not taken as an answer:"))
        for where in dict.fromkeys(place(hit.key, _path(hit), hit.page) for hit in answer.nearest):
            out.print(_listed(where, "cyan"), end="")


def confidence(answer: Answer) -> str:
    """Return the confidence in words."""
    return f"{sureness(answer.confidence)} Each line is quoted word for word from its source."


def sureness(probability: float) -> str:
    """Return in words how sure it is that what is quoted answers the question."""
    word = "High" if probability >= 0.8 else "Fair" if probability >= 0.5 else "Low"
    percent = f"{probability:.0%}" if probability < 0.995 else "over 99%"
    return f"{word} confidence ({percent}) that this answers the question."


def show_suggestions(out: Console, title: str, questions: Sequence[str]) -> None:
    """Print questions that work here, under a title; nothing where there are none."""
    if questions:
        out.print()
        out.print(Text(title))
        for question in questions:
            out.print(Hanging("  · ", [Text(clean(question))]), end="")


def show_answer(
    out: Console, items: Iterable[Reading | Claim | Answer], *, origin: Origin = _unknown, ways: Ways | None = None
) -> Answer:
    """Print an answer as its parts arrive and return it; `origin` tells of each source's header.

    An answer over a table, runs or decisions is shown whole, in the order of `terminal_tables`; `ways` says how its
    readings are run.
    """
    number, whole = 0, False
    for item in items:
        if isinstance(item, Reading):
            whole = item.route in WHOLE
            if not whole:
                show_reading(out, item)
        elif isinstance(item, Claim):
            number += 1
            if not whole:
                show_claim(out, item, number, origin)
        elif whole:
            from ui.terminal_tables import ON_THE_LINE, show_table_answer

            show_table_answer(out, item, origin=origin, ways=ways or ON_THE_LINE)
            return item
        else:
            show_end(out, item)
            return item
    raise AssertionError("a stream ends with its answer")


# -- passages ------------------------------------------------------------------------------------------------------


def _path(hit: Hit) -> Sequence[str]:
    return hit.headings[0] if hit.headings else ()


def show_hits(out: Console, hits: Sequence[Hit], notes: Sequence[str]) -> None:
    """Print ranked passages, each with its place and its beginning."""
    if not hits:
        out.print("No passage was found.")
    for rank, hit in enumerate(hits, 1):
        short = snippet(hit.text)
        head = Text.assemble((place(hit.key, _path(hit), hit.page), "cyan"), (f"  {hit.score:.2f}", "dim"))
        out.print(_numbered(rank, head, Text(clean(short))))
        out.print()
    for note in notes:
        out.print(Text(f"Note: {clean(note)}", style="yellow"))


def snippet(text: str) -> str:
    """Return the beginning of a passage, its lines kept."""
    lines = [line for line in text.split("\n") if line.strip()]
    kept = "\n".join(lines[:LINES])
    if len(kept) > SNIPPET:
        kept = kept[:SNIPPET].rsplit(" ", 1)[0]
    return kept if kept == "\n".join(lines) else f"{kept} …"


def show_context(out: Console, document: Document, citation: Citation) -> None:
    """Print the passage around a citation with the quote marked."""
    around = context_span(document, citation.span)
    before = Span(start=around.start, end=citation.span.start).of(document.text)
    after = Span(start=citation.span.end, end=around.end).of(document.text)
    left, right = ("", "") if out.color_system else ("»", "«")
    marked = Text.assemble(
        "" if around.start == 0 else "… ",
        clean(before),
        (f"{left}{clean(citation.quote)}{right}", "reverse"),
        clean(after),
        "" if around.end == len(document.text) else " …",
    )
    out.print(Text(place(citation.key, citation.headings, citation.page), style="cyan"))
    out.print()
    out.print(Hanging("  ", [marked]))


def context_span(document: Document, span: Span) -> Span:
    """Return `span` widened by whole blocks on either side, as far as they are near."""
    near = Span(start=max(0, span.start - CONTEXT), end=min(len(document.text), span.end + CONTEXT))
    inside = [block.span for block in document.blocks if near.covers(block.span) or block.span.overlaps(span)]
    start = min((s.start for s in inside), default=span.start)
    end = max((s.end for s in inside), default=span.end)
    return Span(start=max(min(start, span.start), near.start), end=min(max(end, span.end), near.end))


# -- sources and reports -------------------------------------------------------------------------------------------


def show_sources(out: Console, sources: Sequence[SourceInfo]) -> None:
    """Print each source with its state, grouped by collection and root, and why some failed."""
    from rich.table import Table

    if not sources:
        out.print("Nothing is ingested yet. Try: citewise ingest FOLDER")
    for (collection, root), group in _by_root(sources).items():
        out.print(Text(clean(f"{collection}: {root}"), style="bold"))
        table = Table(box=None, padding=(0, 1), show_header=True, header_style="dim")
        for name in ("state", "kind"):
            table.add_column(name, no_wrap=True)
        table.add_column("passages", justify="right", no_wrap=True)
        with_runs = any(source.runs for source in group)
        if with_runs:
            table.add_column("runs", justify="right", no_wrap=True)
        table.add_column("source", overflow="fold")
        for source in group:
            row = (
                _STATES[source.state],
                source.kind,
                f"{source.chunks:,}",
                *([f"{source.runs:,}"] if with_runs else []),
                clean(source.key.source) + header(source.metadata),
            )
            table.add_row(*(Text(cell) for cell in row), style=_colour(source.state))
        out.print(table)
        show_reasons(out, [(s.key.source, s.reason) for s in group if s.reason])
        out.print()
    out.print(Text(counted(sources))) if sources else None


def _by_root(sources: Sequence[SourceInfo]) -> Mapping[tuple[str, str], list[SourceInfo]]:
    groups: dict[tuple[str, str], list[SourceInfo]] = {}
    for source in sources:
        groups.setdefault((source.key.collection, source.key.root), []).append(source)
    return groups


def _colour(state: SourceState) -> str:
    return {SourceState.FAILED: "red", SourceState.LEXICAL: "yellow", SourceState.PENDING: "yellow"}.get(state, "")


def counted(sources: Sequence[SourceInfo]) -> str:
    """Return how many sources and passages there are, and in which states."""
    states = Counter(source.state for source in sources)
    named = ", ".join(f"{n:,} {_STATES[state]}" for state, n in states.most_common())
    runs = sum(source.runs for source in sources)
    with_runs = f", {plural(runs, 'run')}" if runs else ""
    return f"{plural(len(sources), 'source')}, {plural(sum(s.chunks for s in sources), 'passage')}{with_runs} ({named})"


def plural(n: int, word: str) -> str:
    """Return a count with its noun."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def show_reasons(out: Console, failed: Sequence[tuple[str, str | None]]) -> None:
    """Print sources that could not be read with their reasons."""
    for name, reason in failed:
        out.print(_listed(f"{clean(name)}: {clean(reason or '')}", "red"), end="")


def show_report(out: Console, report: SyncReport) -> None:
    """Print what an ingest did."""
    bad = len(report.failed)
    done = report.added + report.updated - bad
    out.print(Text(f"{plural(done, 'source')} read", style="bold"), end="")
    rest = [
        (report.unchanged, "unchanged"),
        (report.deleted, "removed"),
        (report.skipped, "of other kinds left out"),
        (bad, "failed"),
    ]
    out.print("".join(f", {n:,} {what}" for n, what in rest if n), end="")
    out.print(
        f"; {plural(report.chunks, 'passage')} known, {report.embedded:,} texts embedded now ({report.seconds:.1f} s)"
    )
    _show_runs(out, report)
    if report.failed:
        out.print(f"{plural(bad, 'source')} could not be read:")
        show_reasons(out, [(failure.key.source, failure.reason) for failure in report.failed])


def _show_runs(out: Console, report: SyncReport) -> None:
    """Print what became of runs, and what of them could not be read."""
    ran = report.runs
    counts = (
        (ran.added, "new"),
        (ran.updated, "changed"),
        (ran.unchanged, "unchanged"),
        (ran.removed, "removed"),
        (ran.left_out, "not wanted"),
    )
    if told := [f"{n:,} {what}" for n, what in counts if n]:
        linked = f"; {plural(report.mentions, 'mention')} of runs in documents" if report.mentions else ""
        out.print(f"Runs: {', '.join(told)}{linked}")
    if report.partial:
        out.print(f"Of {plural(len(report.partial), 'source')} some could not be read:")
        show_reasons(out, [(failure.key.source, failure.reason) for failure in report.partial])


def show_plan(out: Console, plan: SyncPlan) -> None:
    """Print what an ingest would do."""
    for title, keys in (
        ("would add", [item.key for item in plan.adds]),
        ("would update", [item.key for item in plan.updates]),
        ("would remove", list(plan.deletes)),
    ):
        if keys:
            out.print(Text(f"{plural(len(keys), 'source')} it {title}:"))
            for key in keys[:SHOWN]:
                out.print(_listed(clean(key.source)), end="")
            if len(keys) > SHOWN:
                out.print(f"  … and {len(keys) - SHOWN:,} more")
    out.print(f"{plan.unchanged:,} unchanged, {plan.skipped:,} files of other kinds left out. Nothing was changed.")


def is_interactive() -> bool:
    """Tell whether a person sits at standard input and output."""
    return sys.stdin.isatty() and sys.stdout.isatty()
