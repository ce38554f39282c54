"""The commands that ask: `search`, `ask`, `chat` and `eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.running import Json, asking, command, emit, filters_of, one_question, opened, run_batch

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from kb.filters import Filters
    from ui.asking import Over

Batch = Annotated[
    Path | None, typer.Option("--batch", metavar="FILE", help="A JSONL file of id and question; one answer a line.")
]
Collections = Annotated[
    list[str] | None, typer.Option("--collection", metavar="C", help="Only this collection; may be repeated.")
]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", metavar="K", help="Only this kind of source; may be repeated.")
]
Places = Annotated[
    list[str] | None, typer.Option("--source", metavar="S", help="Only this source or folder; may be repeated.")
]
Dataset = Annotated[
    str | None, typer.Option("--dataset", metavar="FILE", help="A table to ask about: CSV, Parquet, Excel, JSON lines.")
]
Target = Annotated[str | None, typer.Option("--target", metavar="COL", help="The column that is to be predicted.")]
Corrections = Annotated[
    list[str] | None,
    typer.Option("--correct", metavar="NAME=VALUE", help="How to read the table: delimiter=;, types.age=number."),
]


@command("search")
def search_command(
    ctx: typer.Context,
    query: Annotated[list[str] | None, typer.Argument(metavar="QUERY", help="Words or a question.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many passages.")] = 10,
    batch: Batch = None,
    collection: Collections = None,
    kind: Kinds = None,
    source: Places = None,
    as_json: Json = False,
) -> None:
    """Find ranked passages."""
    from ui.batches import question_of

    asked = one_question(query, batch)
    with opened(ctx, warm=True) as (kb, _):
        from assistant.wire import search_json

        filters = filters_of(collection, kind, source)

        def look_up(question: str) -> dict[str, Any]:
            found = kb.search(question, k=k, filters=filters)
            return search_json(question, found.hits, found.timings, found.notes)

        if batch is not None:
            run_batch(batch, lambda line: look_up(question_of(line)))
        elif as_json:
            emit(look_up(asked))
        else:
            from ui import terminal

            found = kb.search(asked, k=k, filters=filters)
            terminal.show_hits(terminal.console(), found.hits, found.notes)


@command("ask")
def ask_command(
    ctx: typer.Context,
    question: Annotated[list[str] | None, typer.Argument(metavar="QUESTION", help="The question.")] = None,
    batch: Batch = None,
    dataset: Dataset = None,
    target: Target = None,
    correct: Corrections = None,
    constraints: Annotated[
        str | None, typer.Option("--constraints", metavar="TEXT", help="How the values are to be computed.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="TEXT", help="Values wanted back by name: @mean_age[value].")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Run the reading although some words were not understood.")
    ] = False,
    nearest: Annotated[
        int | None, typer.Option("--nearest", min=1, metavar="N", help="Run the nearest reading N that was offered.")
    ] = None,
    collection: Collections = None,
    kind: Kinds = None,
    source: Places = None,
    as_json: Json = False,
) -> None:
    """Answer a question with checked citations, about a table or runs with computed values, or say what is missing."""
    from ui import asking as tables

    asked = one_question(question, batch)
    options = {"--target": target, "--correct": correct, "--constraints": constraints, "--format": format_}
    tables.need_dataset(dataset or batch, options)
    filters = filters_of(collection, kind, source)
    if batch is not None:
        defaults = {"dataset": dataset, "target": target, "constraints": constraints, "format": format_}
        with asking(ctx, table_alone=tables.mentions_dataset(batch, dataset)) as (_, assistant):
            answer = tables.line_answers(assistant, batch, defaults, correct, filters)
            run_batch(batch, answer)
        return
    over = tables.over(dataset, target=target, correct=correct, constraints=constraints, format=format_)
    tables.say_notes(over)
    with asking(ctx, table_alone=over.table is not None) as (_, assistant):
        _answer(assistant, asked, over, tables.Choice(anyway=anyway, nearest=nearest), filters, as_json)


def _answer(assistant: Assistant, asked: str, over: Over, choice: Any, filters: Filters, as_json: bool) -> None:
    from assistant.wire import answer_json
    from ui.asking import chosen

    options = {**over.options, "filters": filters, **chosen(assistant, asked, over, choice, filters)}
    if as_json:
        emit(answer_json(assistant.ask(asked, **options)))
        return
    from ui import terminal

    out, origin = terminal.console(), terminal.origins(assistant.kb)
    terminal.show_answer(out, assistant.stream(asked, **options), origin=origin)


@command("chat")
def chat_command(
    ctx: typer.Context,
    dataset: Dataset = None,
    target: Target = None,
    correct: Corrections = None,
    as_json: Json = False,
) -> None:
    """Talk: follow-ups lean on what was asked before; :help lists what else can be typed."""
    from ui import asking as tables

    tables.need_dataset(dataset, {"--target": target, "--correct": correct})
    over = tables.over(dataset, target=target, correct=correct)
    with asking(ctx, table_alone=over.table is not None) as (_, assistant):
        from ui import talk

        if as_json:
            emit(talk.as_object(assistant, over))
        else:
            talk.talk(assistant, over)


@command("eval")
def eval_command(
    ctx: typer.Context,
    questions: Annotated[Path, typer.Argument(metavar="QUESTIONS.jsonl", help="The question file.")],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Where the tables asked about lie.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval, answers, abstention, answers over tables and latency over a question file."""
    from assistant.evaluate import evaluate, read_questions
    from ui.asking import folder_of_tables
    from ui.follow import counted, follower

    lines = read_questions(questions)
    over_tables = data is not None and all(line.gold is None for line in lines)
    with asking(ctx, table_alone=over_tables) as (kb, assistant), follower() as watch:
        result = evaluate(assistant, kb, questions, data=folder_of_tables(data), progress=counted(watch, "eval"))
    if as_json:
        emit(result)
    else:
        from ui.terminal_figures import show_figures

        show_figures(result)
