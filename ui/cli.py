"""The command line: one function per command of the contract; those that ask stand in `questions`.

Whatever is heavy is imported by the command that uses it, so that a search from a cold start stays quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.errors import BadInput, CitewiseError
from ui import cli_checks, cli_decisions, ingesting, questions, run_table, workspace
from ui.ingesting import follow_sync
from ui.running import (
    AGAIN,
    STOPPED,
    Call,
    Failed,
    Json,
    app,
    command,
    emit,
    guarded,
    home_named,
    load_settings,
    main,
    note,
    opened,
)

if TYPE_CHECKING:
    from kb.knowledge import KnowledgeBase
    from kb.types import SourceInfo

# importing them registers their commands
__all__ = ["app", "cli_checks", "cli_decisions", "ingesting", "main", "questions", "run_table"]

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
        from ui.overview import overview

        guarded(lambda: overview(ctx), as_json=as_json)


# -- what is stored --------------------------------------------------------------------------------------------------


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
