"""The commands of the ledger: `decide` records a decision by hand, `why` tells what stands and for which reasons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.errors import BadInput
from ui.running import Json, asking, command, emit, note, one_question, opened

if TYPE_CHECKING:
    from assistant.why import WhyAnswer, WhyDecision
    from kb.types import Claim

Many = list[str] | None


@command("decide")
def decide_command(
    ctx: typer.Context,
    stage: Annotated[str, typer.Option("--stage", metavar="S", help="Stage of the workflow: model, features, tune…")],
    choice: Annotated[str, typer.Option("--choice", metavar="TEXT", help="What was chosen.")],
    because: Annotated[Many, typer.Option("--because", metavar="TEXT", help="A reason; may be repeated.")] = None,
    run: Annotated[Many, typer.Option("--run", metavar="RUN", help="A run behind it, by id or name; repeat.")] = None,
    instead_of: Annotated[Many, typer.Option("--instead-of", metavar="TEXT", help="An alternative; repeat.")] = None,
    supersedes: Annotated[Many, typer.Option("--supersedes", metavar="ID", help="A decision that it replaces.")] = None,
    column: Annotated[Many, typer.Option("--column", metavar="COL", help="A column it is about; repeat.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decided.")] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", metavar="FILE", help="The table it was made on.")] = None,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="A short name.")] = "",
    as_json: Json = False,
) -> None:
    """Record a decision by hand; nothing recorded is ever changed, only superseded."""
    from kb.decisions import Decision, append

    with opened(ctx, make=True) as (kb, _):
        decision = Decision(
            stage=stage.strip().lower(),
            title=title.strip(),
            choice=choice.strip(),
            alternatives=tuple(instead_of or ()),
            runs=tuple(_run_id(kb, name) for name in run or ()),
            columns=tuple(column or ()),
            by=by,
            dataset=_fingerprint(dataset),
            supersedes=tuple(supersedes or ()),
        )
        kept = append(kb.catalogue, decision, tuple(because or ()))
    if as_json:
        emit({"id": kept.id, "stage": kept.stage, "choice": kept.choice, "supersedes": list(kept.supersedes)})
    else:
        print(f"Recorded {kept.id[:8]}: {kept.choice}")
    if not because:
        note("No reason was given: --because would keep it for those who ask why.")


def _run_id(kb: Any, name: str) -> str:
    """Return the id of the one run that is meant. Raises BadInput where none or several are."""
    from kb.runs import find

    found = find(kb.catalogue, name)
    if len(found) == 1:
        return found[0].run_id
    if not found:
        raise BadInput(f"there is no run {name!r}", hint="`citewise runs` lists what is known")
    ids = ", ".join(run.run_id for run in found[:5])
    raise BadInput(f"{len(found)} runs are meant by {name!r}", hint=f"name one by its id: {ids}")


def _fingerprint(dataset: str | None) -> str | None:
    if dataset is None:
        return None
    from kb.table_bytes import fingerprint

    path = Path(dataset).expanduser()
    if not path.is_file():
        raise BadInput(f"there is no table at {dataset!r}", hint="name the file that the decision was made on")
    return fingerprint(path)[0]


@command("why")
def why_command(
    ctx: typer.Context,
    question: Annotated[list[str], typer.Argument(metavar="QUESTION", help="Why was something chosen?")],
    as_json: Json = False,
) -> None:
    """Tell which decision stands, its reasons, the runs behind it and what it replaced, or that none was recorded."""
    asked = one_question(question, None)
    with asking(ctx) as (_, assistant):
        answer = assistant.why(asked)
    if as_json:
        from assistant.why import why_json

        emit(why_json(answer))
        return
    from ui.terminal import clean

    for line in _lines(answer):
        print(clean(line))


def _lines(answer: WhyAnswer) -> Iterator[str]:
    yield f"Understood as {answer.words}"
    if answer.unread:
        yield f"Not understood: {', '.join(answer.unread)}"
    for one in answer.decisions:
        yield f"\n{_headline(one)}"
    if answer.missing:
        yield f"\n{' '.join(answer.missing)}"
    for number, claim in enumerate(answer.claims, 1):
        yield f"\n{number}. {claim.text}"
        yield from (f"   {where}" for where in _places(claim))
    for said in (*answer.notes, *answer.suggestions):
        yield f"\n{said}"


def _headline(one: WhyDecision) -> str:
    from assistant.why import day

    decision = one.decision
    told = ", ".join(part for part in (day(decision), decision.by or "", decision.place) if part)
    title = f"{decision.title}: " if decision.title and decision.title != decision.choice else ""
    return f"[{one.status}] {title}{decision.choice} ({told}; {decision.id[:8]})"


def _places(claim: Claim) -> Iterator[str]:
    """Yield where each citation of a claim stands."""
    from kb.types import Citation, DecisionCitation, RunCitation

    for cited in claim.citations:
        if isinstance(cited, Citation):
            yield " › ".join((cited.key.source, *cited.headings[-1:]))
        elif isinstance(cited, RunCitation):
            step = "" if cited.step is None else f", step {cited.step}"
            yield f"{cited.source}: {cited.field}{step}"
        elif isinstance(cited, DecisionCitation):
            yield f"decision {cited.decision_id[:8]}, {cited.status} ({cited.source})"
