"""What stands under an answer over runs or decisions in the terminal: where each value is stored, and one run whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from assistant.dataset.say import show
from kb.errors import BadInput
from kb.types import RunCitation
from ui.terminal import Hanging, clean, plural

if TYPE_CHECKING:
    from kb.decisions import Decision
    from kb.ledger import Ledger
    from kb.runs import RunRow
    from kb.store import Catalogue

Json = Mapping[str, Any]
MOST_PLACES = 6
"""Citations printed under one claim; the JSON holds all."""
MOST_LINES = 40
_RUN = ("source", "tracker", "experiment", "run_id", "field", "value", "step", "split", "root", "copy")


# -- citations -----------------------------------------------------------------------------------------------------


def places(citations: Sequence[Json]) -> Iterator[Text]:
    """Yield where each cited value of a run or decision stands, as many as are read at a glance."""
    told = [cited for cited in citations if cited["kind"] in ("run", "decision")]
    for cited in told[:MOST_PLACES]:
        yield _decided(cited) if cited["kind"] == "decision" else _stored(cited)
    if len(told) > MOST_PLACES:
        yield Text(f"… and {plural(len(told) - MOST_PLACES, 'more value')}", style="dim")


def _stored(cited: Json) -> Text:
    path = " › ".join(clean(str(part)) for part in path_of(cited))
    if cited["field"] == "run_id":
        return Text(path, style="cyan")
    split = f" ({clean(cited['split'])})" if cited.get("split") else ""
    return Text.assemble((path, "cyan"), (f", {clean(name_of(cited))}{split} = {value_of(cited)}", "dim"))


def path_of(cited: Json) -> tuple[str, ...]:
    """Return source, experiment and run of a citation, each once."""
    return _path(cited["source"], cited.get("experiment"), cited["run_id"])


def _path(source: str, experiment: str | None, run_id: str) -> tuple[str, ...]:
    parts = dict.fromkeys(part for part in (source, experiment) if part and part != run_id)
    return (*parts, f"run {run_id}")


def name_of(cited: Json) -> str:
    """Return what a cited value was logged as."""
    kind, _, name = str(cited["field"]).partition(".")
    return name if name and kind in ("metrics", "params", "tags") else str(cited["field"])


def value_of(cited: Json) -> str:
    """Return a cited value with the step it stands at."""
    value = "not set" if cited.get("value") is None else clean(show(cited["value"]))
    return value if cited.get("step") is None else f"{value} at step {cited['step']:,}"


def _decided(cited: Json) -> Text:
    style = "green" if cited["status"] == "current" else "yellow"
    place = f"decision {clean(cited['decision_id'][:8])} › {clean(cited['source'])}"
    return Text.assemble((place, "cyan"), (f" [{clean(cited['status'])}]", style))


# -- what a citation opens -----------------------------------------------------------------------------------------


def open_cited(out: Console, catalogue: Catalogue, cited: Json) -> None:
    """Print the run or the decision of a citation. Raises BadInput where it is gone."""
    if cited["kind"] == "decision":
        _show_decision(out, catalogue, cited)
    else:
        show_run(out, cited_run(catalogue, cited), marked=name_of(cited))


def cited_run(catalogue: Catalogue, cited: Json) -> RunRow:
    """Return the run that a citation names. Raises BadInput where it is not stored any more."""
    from kb import runs
    from kb.run_verify import cited_runs

    found = cited_runs(RunCitation(**{name: cited[name] for name in _RUN if name in cited}), catalogue)
    rows = runs.runs(catalogue, pks=found[:1]) if found else ()
    if not rows:
        raise BadInput(f"run {cited['run_id']} is not stored any more", hint="its history was forgotten; ask again")
    return rows[0]


def show_run(out: Console, row: RunRow, *, marked: str = "") -> None:
    """Print a run: where it stands, its metrics with their best, its parameters and its files; `marked` stands out."""
    where = _path(row.main_source, row.experiment, row.run_id)
    out.print(Text(clean(" › ".join(where)), style="cyan"))
    out.print(Text(clean(", ".join(_facts(row)))))
    if row.metrics:
        out.print()
        _show_metrics(out, row, marked)
    params = [(name, param.value) for name, param in row.params.items()]
    for title, pairs in (("Parameters", params), ("Tags", list(row.tags.items()))):
        _show_pairs(out, title, pairs, marked)
    if row.files:
        _show_pairs(out, "Files", [(file, "") for file in row.files], marked)


def _facts(row: RunRow) -> Iterator[str]:
    if row.name and row.name != row.run_id:
        yield row.name
    yield "deleted" if row.deleted else row.state.value
    yield row.tracker
    if row.started is not None and row.ended is not None:
        yield f"took {row.ended - row.started:,.1f} s"
    if row.dataset:
        yield f"on {row.dataset}"


def _show_metrics(out: Console, row: RunRow, marked: str) -> None:
    from rich.table import Table

    out.print(Text("Metrics", style="bold"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("metric", "last", "at", "best", "at"):
        table.add_column(name, justify="left" if name == "metric" else "right", overflow="fold")
    for one in row.metrics[:MOST_LINES]:
        name = f"{one.name} ({one.split})" if one.split else one.name
        best = "" if one.best is None else show(one.best)
        cells = (clean(name), show(one.last), _step(one.figures.last_step), best, _step(one.best_step))
        table.add_row(*(Text(cell) for cell in cells), style="bold" if one.name == marked else "")
    out.print(Hanging("  ", [table]), end="")
    _more(out, len(row.metrics))


def _step(step: int | None) -> str:
    return "" if step is None else f"{step:,}"


def _show_pairs(out: Console, title: str, pairs: Sequence[tuple[str, Any]], marked: str) -> None:
    if not pairs:
        return
    out.print()
    out.print(Text(title, style="bold"))
    for name, value in pairs[:MOST_LINES]:
        said = clean(" ".join(show(value).split()))[:200] if value != "" else ""
        line = f"{clean(name)} = {said}" if said else clean(name)
        out.print(Hanging("  ", [Text(line, style="bold" if name == marked else "")]), end="")
    _more(out, len(pairs))


def _more(out: Console, count: int) -> None:
    if count > MOST_LINES:
        out.print(Text(f"  … and {count - MOST_LINES:,} more", style="dim"))


def _show_decision(out: Console, catalogue: Catalogue, cited: Json) -> None:
    from kb.decisions import ledger

    known = ledger(catalogue)
    found = known.get(cited["decision_id"])
    if found is None:
        raise BadInput("this decision is not recorded any more", hint="its note was forgotten or changed; ask again")
    out.print(Text.assemble((clean(found.choice), "bold"), f" [{known.status(found)}]"))
    for title, said in _told(known, found):
        out.print(Hanging(f"{title:<13}", [Text(clean(said))]), end="")


def _told(known: Ledger, found: Decision) -> Iterator[tuple[str, str]]:
    from assistant.why import day

    about = (day(found), found.by or "", found.place, found.id[:8])
    yield "recorded", ", ".join(part for part in about if part)
    yield from (("because", claim.text) for claim in found.reasons)
    yield from (("instead of", one) for one in found.alternatives)
    yield from (("run", one) for one in found.runs)
    yield from (("replaced", one.choice) for one in known.replaced(found))
    yield from (("replaced by", one.choice) for one in known.superseded_by(found))
