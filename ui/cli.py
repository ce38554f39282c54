"""The command line: one function per command of the contract.

Whatever is heavy is imported by the command that uses it, so that a search from a cold start stays quick.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.errors import BadInput, CitewiseError, HomeNotFound
from ui import workspace
from ui.running import (
    AGAIN,
    STOPPED,
    Call,
    Failed,
    app,
    asking,
    command,
    emit,
    filters_of,
    guarded,
    home_named,
    load_settings,
    main,
    not_yet,
    note,
    one_question,
    opened,
    run_batch,
)

if TYPE_CHECKING:
    from ingest.report import SyncReport
    from kb.knowledge import KnowledgeBase
    from kb.types import SourceInfo

__all__ = ["app", "main"]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
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


# -- before any command --------------------------------------------------------------------------------------------


@app.callback(invoke_without_command=True)
def start(
    ctx: typer.Context,
    home: Annotated[Path | None, typer.Option("--home", metavar="DIR", help="Folder of the knowledge base.")] = None,
    as_json: Json = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Checked, cited answers from an ML team's documentation and notes.

    Without --home and CITEWISE_HOME, the nearest .citewise from the working folder upwards answers. Without a command:
    what is known, or what could be ingested here.
    """
    ctx.obj = Call(home=home, as_json=as_json)
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"citewise {installed('citewise')}")
    elif ctx.invoked_subcommand is None:
        guarded(lambda: overview(ctx), as_json=as_json)


def overview(ctx: typer.Context) -> None:
    """Say what is known, or in a folder without a home what could be ingested."""
    try:
        with asking(ctx) as (kb, assistant):
            _say_known(kb, assistant.openers(), ctx.obj.as_json)
    except HomeNotFound:
        _say_possible(ctx.obj.as_json)


def _say_known(kb: KnowledgeBase, questions: Sequence[str], as_json: bool) -> None:
    sources = kb.catalogue.sources()
    kinds = _counts([source.kind for source in sources])
    if as_json:
        states = _counts([source.state.value for source in sources])
        known = {"home": str(kb.home), "sources": len(sources), "chunks": kb.catalogue.count("chunks")}
        emit({**known, "kinds": kinds, "states": states, "suggestions": list(questions)})
        return
    from ui import terminal

    out = terminal.console()
    if not sources:
        out.print("Nothing is ingested yet. Start with: citewise ingest FOLDER", soft_wrap=True)
        return
    out.print(f"Known: {terminal.counted(sources)}")
    out.print(f"Kinds: {', '.join(f'{n:,} {kind}' for kind, n in kinds.items())}")
    out.print("Ask, for example:")
    for question in questions:
        out.print(f"  citewise ask {json.dumps(question, ensure_ascii=False)}", soft_wrap=True)
    out.print("More: citewise chat, citewise ui, citewise --help")


def _say_possible(as_json: bool) -> None:
    from ingest.sources import suggest

    found = suggest(Path.cwd())
    listed = ", ".join(f"{n:,} {kind}" for kind, n in found.items())
    hint = "citewise ingest ." if found else "citewise demo"
    if as_json:
        emit({"home": None, "found": found, "suggestion": hint})
    elif found:
        print(f"No knowledge base here yet. {Path.cwd().name}: {listed}; ingest?\n  {hint}")
    else:
        print(f"No knowledge base here yet, and no documents to ingest. See one at work:\n  {hint}")


def _counts(names: Sequence[str]) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(names).most_common())


# -- ingest and what is stored -------------------------------------------------------------------------------------


@command("ingest")
def ingest_command(
    ctx: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, globs, package:NAME.")],
    kind: Annotated[str | None, typer.Option("--kind", metavar="K", help="Read files as this kind.")] = None,
    collection: Annotated[
        str, typer.Option("--collection", metavar="C", help="Collection to put them in.")
    ] = "default",
    experiment: Annotated[str | None, typer.Option("--experiment", metavar="E", help="Not yet.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help="Not yet.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Read sources into the knowledge base; run again, it takes up what changed."""
    not_yet(experiment=experiment, since=since)
    if dry_run:
        _plan(ctx, sources, collection, kind, as_json)
        return
    _check_there(sources)
    with opened(ctx, make=True) as (kb, _):
        report = follow_sync(kb, sources, collection=collection, kind=kind)
        _finish(kb, report, as_json)


def _check_there(sources: Sequence[str]) -> None:
    """Raise BadInput for a source that is not there, before a home is made for nothing."""
    import glob

    for source in sources:
        path = os.path.expanduser(source)
        if not source.startswith("package:") and not os.path.lexists(path) and not glob.glob(path, recursive=True):
            hint = "name a file, a folder, a glob in quotes, or an installed package as package:NAME"
            raise BadInput(f"there is nothing at {source!r}", hint=hint)


def follow_sync(
    kb: KnowledgeBase, sources: Sequence[str], *, collection: str = "default", kind: str | None = None
) -> SyncReport:
    """Sync with progress on standard error; the first Ctrl-C or SIGTERM stops it after the batch at hand."""
    from ingest.report import Step
    from ingest.sync import sync
    from ui.follow import Interrupts, follower

    packages = [source.removeprefix("package:") for source in sources if source.startswith("package:")]
    if packages:
        note(f"Importing {', '.join(packages)} in a process of its own to read the docstrings")
    try:
        with Interrupts() as signals, follower() as watch:
            watching = signals.watching(watch)
            if packages:
                watch(Step(stage="import", done=0, total=0))
            return sync(kb, sources, collection=collection, kind=kind, watch=watching, stop=signals.stop)
    except KeyboardInterrupt:
        raise Failed({"stopped": True}, CitewiseError("stopped at once", hint=AGAIN), STOPPED) from None


def _finish(kb: KnowledgeBase, report: SyncReport, as_json: bool) -> None:
    """Print what an ingest did; exit 130 where it was stopped, 1 where every source failed."""
    failed = len(report.failed)
    result = report_json(kb, report)
    if not as_json:
        from ui import terminal

        terminal.show_report(terminal.console(), report)
    if report.stopped:
        waiting = kb.catalogue.count_waiting()
        raise Failed(
            result,
            CitewiseError(f"stopped; {waiting:,} of the passages read still wait to be embedded", hint=AGAIN),
            STOPPED,
        )
    if failed and failed == report.added + report.updated and not report.unchanged:
        hint = "the reasons stand with each source; `citewise sources` shows them again"
        raise Failed(result, CitewiseError(f"none of the {failed} sources could be read", hint=hint))
    if as_json:
        emit(result)
    if failed:
        note(f"Warning: {failed} of {report.added + report.updated} new or changed sources could not be read")


def report_json(kb: KnowledgeBase, report: SyncReport) -> dict[str, Any]:
    """Return the object that `ingest` prints."""
    failed = [
        {"collection": f.key.collection, "root": f.key.root, "source": f.key.source, "reason": f.reason}
        for f in report.failed
    ]
    numbers = ("added", "updated", "deleted", "unchanged", "skipped", "chunks", "embedded", "stopped")
    counts = {name: getattr(report, name) for name in numbers}
    return {"home": str(kb.home), **counts, "failed": failed, "seconds": round(report.seconds, 3)}


def _plan(ctx: typer.Context, sources: Sequence[str], collection: str, kind: str | None, as_json: bool) -> None:
    from ingest.sources import scan
    from ingest.sync import compare, plan

    try:
        with opened(ctx) as (kb, _):
            planned = plan(kb, sources, collection=collection, kind=kind)
    except (HomeNotFound, BadInput) as error:
        if isinstance(error, BadInput) and "no knowledge base" not in error.message:
            raise
        planned = compare([s for source in sources for s in scan(source, collection=collection, kind=kind)], {})
    if as_json:
        adds, updates = ([item.key.source for item in items] for items in (planned.adds, planned.updates))
        deletes = [key.source for key in planned.deletes]
        counts = {"unchanged": planned.unchanged, "skipped": planned.skipped}
        emit({"dry_run": True, "adds": adds, "updates": updates, "deletes": deletes, **counts})
        return
    from ui import terminal

    terminal.show_plan(terminal.console(), planned)


@command("sources")
def sources_command(
    ctx: typer.Context,
    text: Annotated[
        str | None, typer.Option("--text", metavar="SOURCE", help="Print the normalised text of this document.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what is known and in which state."""
    with opened(ctx) as (kb, _):
        if text is not None:
            _print_text(kb, text, as_json)
            return
        found = kb.catalogue.sources()
    if as_json:
        from assistant.wire import source_json

        emit({"sources": [source_json(source) for source in found]})
        return
    from ui import terminal

    terminal.show_sources(terminal.console(), found)


def _print_text(kb: KnowledgeBase, name: str, as_json: bool) -> None:
    source = _one_source(kb, name)
    document = kb.catalogue.document(source.key)
    if document is None:
        raise BadInput(f"{name!r} has no text: {source.reason or source.state.value}", hint="mend it and ingest again")
    if as_json:
        key = {"collection": source.key.collection, "root": source.key.root, "source": source.key.source}
        emit({**key, "kind": document.kind, "title": document.title, "text": document.text})
    else:
        print(document.text)


def _one_source(kb: KnowledgeBase, name: str) -> SourceInfo:
    """Return the one source meant by `name`. Raises SourceNotFound, and BadInput where several are meant."""
    from kb.errors import SourceNotFound

    found = kb.find_sources(name)
    exact = [source for source in found if source.key.source == name]
    found = tuple(exact) or found
    if not found:
        import difflib

        names = [source.key.source for source in kb.catalogue.sources()]
        raise SourceNotFound(name, tuple(difflib.get_close_matches(name, names, n=3, cutoff=0.5)))
    if len(found) > 1:
        some = ", ".join(f"{source.key.root}/{source.key.source}" for source in found[:3])
        raise BadInput(f"{len(found)} sources are meant by {name!r}", hint=f"name one in full: {some}")
    return found[0]


@command("forget")
def forget_command(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source, folder, root, package or collection.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a source, or all under a root or collection, without a trace."""
    from ui.follow import counted, follower

    with opened(ctx) as (kb, _):
        found = kb.find_sources(source)
        if found and not (yes or as_json or not sys.stdin.isatty()):
            _confirm(found)
        with follower() as watch:
            gone = kb.forget(source, progress=counted(watch, "forget"))
    if as_json:
        emit({"forgotten": [{"collection": k.collection, "root": k.root, "source": k.source} for k in gone]})
    else:
        print(f"Forgot {len(gone)} source{'' if len(gone) == 1 else 's'}.")


def _confirm(found: Sequence[SourceInfo]) -> None:
    for item in found[:5]:
        note(f"  {item.key.collection}: {item.key.root}/{item.key.source} ({item.chunks} passages)")
    if len(found) > 5:
        note(f"  … and {len(found) - 5} more")
    if not typer.confirm(f"Remove {len(found)} source(s) for good?", err=True):
        note("Nothing was removed.")
        raise typer.Exit(1)


@command("rebuild")
def rebuild_command(ctx: typer.Context, as_json: Json = False) -> None:
    """Make every index anew from the catalogue; nothing is embedded again unless model or splitter changed."""
    from ingest.split import split
    from ui.follow import counted, follower

    with opened(ctx) as (kb, _), follower() as watch:
        done = kb.rebuild(counted(watch, "rebuild"), split=split)
    if as_json:
        emit({"chunks": done.chunks, "embedded": done.embedded, "seconds": round(done.seconds, 3)})
    else:
        print(f"Rebuilt from {done.chunks:,} passages, {done.embedded:,} embedded, in {done.seconds:.1f} s.")


@command("doctor")
def doctor_command(ctx: typer.Context, as_json: Json = False) -> None:
    """Audit the knowledge base; say what is wrong and how to mend it. Exit 1 where something is."""
    from kb.audit import audit
    from ui.follow import counted, follower

    with opened(ctx) as (kb, _), follower() as watch:
        checks = audit(kb, progress=counted(watch, "check"))
    wrong = [check for check in checks if not check.ok]
    result = {
        "ok": not wrong,
        "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail, "fix": c.fix} for c in checks],
    }
    if not as_json:
        for check in checks:
            print(f"{'ok   ' if check.ok else 'WRONG'} {check.name}: {check.detail}")
            if not check.ok and check.fix:
                print(f"      mend it: {check.fix}")
    if wrong:
        names = ", ".join(check.name for check in wrong)
        raise Failed(result, CitewiseError(f"not in order: {names}", hint=wrong[0].fix))
    if as_json:
        emit(result)


# -- questions -----------------------------------------------------------------------------------------------------


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
    collection: Collections = None,
    kind: Kinds = None,
    source: Places = None,
    dataset: Annotated[str | None, typer.Option("--dataset", metavar="FILE", help="Not yet.")] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="COL", help="Not yet.")] = None,
    as_json: Json = False,
) -> None:
    """Answer a question with checked citations, or say what is missing."""
    not_yet(dataset=dataset, target=target)
    asked = one_question(question, batch)
    with asking(ctx) as (kb, assistant):
        from assistant.wire import answer_json

        filters = filters_of(collection, kind, source)
        if batch is not None:
            run_batch(batch, lambda line: answer_json(assistant.ask(_docs_question(line), filters=filters)))
        elif as_json:
            emit(answer_json(assistant.ask(asked, filters=filters)))
        else:
            from ui import terminal

            out, origin = terminal.console(), terminal.origins(kb)
            terminal.show_answer(out, assistant.stream(asked, filters=filters), origin=origin)


def _docs_question(line: dict[str, Any]) -> str:
    from ui.batches import question_of

    if line.get("dataset") is not None:
        hint = "leave `dataset` out; what is ingested can be asked"
        raise BadInput("questions about a dataset cannot be answered yet", hint=hint)
    return question_of(line)


@command("chat")
def chat_command(ctx: typer.Context, as_json: Json = False) -> None:
    """Talk: follow-ups lean on what was asked before; :help lists what else can be typed."""
    with asking(ctx) as (_, assistant):
        from ui import talk

        if as_json:
            emit(talk.as_object(assistant))
        else:
            talk.talk(assistant)


@command("eval")
def eval_command(
    ctx: typer.Context,
    questions: Annotated[Path, typer.Argument(metavar="QUESTIONS.jsonl", help="The question file.")],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Where the tables asked about lie.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval, answers, abstention and latency over a question file."""
    if data is not None:
        note("Questions over tables are counted, but not answered yet: --data is not used")
    from ui.follow import follower

    with asking(ctx) as (kb, assistant), follower() as watch:
        from assistant.evaluate import evaluate, read_questions
        from ui.evaluating import Counting

        total = sum(line.gold is not None for line in read_questions(questions))
        result = evaluate(Counting(assistant, watch, total), kb, questions)
    if as_json:
        emit(result)
        return
    _say_figures(result)


def _say_figures(result: dict[str, Any]) -> None:
    for part in ("retrieval", "answers", "abstention", "runs", "tables", "latency"):
        if result[part].get("n", 1):
            print(f"{part}: {_figures(result[part])}")
    wrong = [str(row["id"]) for row in result["by_question"] if not row["right"]]
    print(f"{result['n']} questions, {result['n'] - len(wrong)} right; not right: {' '.join(wrong) or 'none'}")


def _figures(values: dict[str, Any]) -> str:
    shown = (f"({_figures(v)})" if isinstance(v, dict) else "not known" if v is None else v for v in values.values())
    return ", ".join(f"{name} {value}" for name, value in zip(values, shown, strict=True))


# -- the whole home ------------------------------------------------------------------------------------------------


@command("pack")
def pack_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    as_json: Json = False,
) -> None:
    """Write the whole home as one verified file."""
    from kb.pack import pack

    with opened(ctx) as (kb, _):
        done = pack(kb, file)
    _say_packed(done, "Packed", f"into {done.path}", as_json)


@command("unpack")
def unpack_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `pack` wrote.")],
    as_json: Json = False,
) -> None:
    """Make a home from a packed file: the one named, or .citewise in the working folder."""
    from kb.pack import unpack
    from ui.follow import counted, follower

    named = home_named(ctx.obj, load_settings())
    home = (named or Path(workspace.HOME)).expanduser().absolute()
    note(f"home: {home}")
    with follower() as watch:
        done = unpack(file, home, progress=counted(watch, "unpack"))
    _say_packed(done, "Unpacked", f"into {home}", as_json, home=str(home))


def _say_packed(done: Any, verb: str, where: str, as_json: bool, **more: str) -> None:
    if as_json:
        size = {"bytes": done.bytes, "sources": done.sources, "chunks": done.chunks}
        emit({"file": str(done.path), **size, **more})
    else:
        print(f"{verb} {done.sources:,} sources, {done.chunks:,} passages ({done.bytes / 2**20:.1f} MB) {where}")


# -- the app and the demo ------------------------------------------------------------------------------------------


@command("ui")
def ui_command(
    ctx: typer.Context,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: Json = False,
) -> None:
    """Serve the app on 127.0.0.1 until Ctrl-C."""
    from ui import serving

    settings = load_settings()
    home = workspace.find_home(home_named(ctx.obj, settings))
    note(f"home: {home}")
    tell = (lambda url: emit({"url": url, "home": str(home)})) if as_json else _say_url
    serving.serve(home, port=port or settings.port, tell=tell, open_browser=open_browser)


def _say_url(url: str) -> None:
    print(f"Citewise is at {url} (Ctrl-C ends it)", flush=True)


@command("demo")
def demo_command(
    ctx: typer.Context,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Do not start the app afterwards.")] = False,
    as_json: Json = False,
) -> None:
    """Build a small knowledge base from real inputs, show it at work here, then start the app."""
    from ui import demo, serving

    with opened(ctx, make=True, warm=True) as (kb, settings):
        assistant = workspace.open_assistant(kb, settings)
        result = demo.run(assistant, sync=follow_sync, quiet=as_json)
        home = kb.home
    if result["stopped"]:
        raise Failed(result, CitewiseError("stopped", hint=AGAIN), STOPPED)
    if as_json:
        emit(result)
    if not no_ui:
        serving.serve(home, port=settings.port, tell=note if as_json else _say_url)
