"""How every command runs: errors are messages with a hint and an exit code, results text or one JSON object.

Standard output carries results only; the home that answers, logs and errors go to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.errors import CitewiseError, HomeNotFound
from ui import workspace

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from kb.filters import Filters
    from kb.knowledge import KnowledgeBase
    from kb.settings import Settings

PASSING = "citewise-alone-"
"""How the folder begins that stands in for a home where a table alone is asked."""
STOPPED = 130
PIPE_CLOSED = 141
AGAIN = "What is done stays done: run the same command again and it goes on from here."

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

app = typer.Typer(
    name="citewise",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass(frozen=True, slots=True)
class Call:
    """What stands before the command: the home that was named, and whether JSON was asked for."""

    home: Path | None = None
    as_json: bool = False


class Failed(Exception):
    """A command could not be done, although it has something to print: `result` goes out with the error."""

    def __init__(self, result: dict[str, Any], error: CitewiseError, code: int = 1) -> None:
        super().__init__(error.message)
        self.result = result
        self.error = error
        self.code = code


def command(name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command whose errors are messages, and as JSON where that was asked for."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def run(ctx: typer.Context, **options: Any) -> None:
            call: Call = ctx.obj
            if "as_json" in options:
                options["as_json"] = options["as_json"] or call.as_json
            guarded(lambda: function(ctx, **options), as_json=bool(options.get("as_json")))

        app.command(name)(run)
        return run

    return register


def guarded(work: Callable[[], None], *, as_json: bool) -> None:
    """Do `work`; turn what is raised into a message with a hint and an exit code, never into a traceback."""
    try:
        work()
        sys.stdout.flush()
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except BrokenPipeError:
        _close_quietly()
        raise typer.Exit(PIPE_CLOSED) from None
    except KeyboardInterrupt:
        fail(CitewiseError("stopped", hint="nothing that was stored is lost"), as_json=as_json)
        raise typer.Exit(STOPPED) from None
    except Failed as failed:
        fail(failed.error, as_json=as_json, result=failed.result)
        raise typer.Exit(failed.code) from None
    except Exception as error:  # noqa: BLE001 - the border: no traceback reaches a person
        if workspace.in_debug():
            traceback.print_exc()
        fail(explained(error), as_json=as_json)
        raise typer.Exit(1) from None


def explained(error: Exception) -> CitewiseError:
    """Return an error as one with a message and a hint."""
    if isinstance(error, CitewiseError):
        return error
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return CitewiseError(f"{where}{error.strerror}", hint="mend that, then run the command again")
    said = f"{type(error).__name__}: {error}".split("\n", 1)[0][:300]
    return CitewiseError(f"unexpected {said}", hint="CITEWISE_DEBUG=1 shows where it happened; please report it")


def fail(error: CitewiseError, *, as_json: bool, result: dict[str, Any] | None = None) -> None:
    """Print an error with its hint to standard error, and as JSON to standard output where that was asked for."""
    note(f"Error: {error.message}")
    if error.hint:
        note(f"Hint: {error.hint}")
    if as_json:
        emit({**(result or {}), "error": error.message, "hint": error.hint})


def emit(value: dict[str, Any]) -> None:
    """Print one JSON object as one line, at once."""
    print(json.dumps(value), flush=True)


def note(text: str) -> None:
    """Print a line to standard error, without characters that steer a terminal."""
    shown = "".join(c if c == "\n" or c == "\t" or c.isprintable() else "\ufffd" for c in text)
    print(shown, file=sys.stderr, flush=True)


def _close_quietly() -> None:
    # Python flushes standard output once more at its end, which would fail again.
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())


def load_settings() -> Settings:
    """Read the settings; pydantic is only imported by commands that need them."""
    from kb.settings import load

    return load()


def home_named(call: Call, settings: Settings) -> Path | None:
    """Return the home named by --home, CITEWISE_HOME or citewise.toml, or None."""
    if call.home is not None:
        return call.home
    return None if os.environ.get("CITEWISE_HOME") == "" else settings.home


@contextmanager
def opened(ctx: typer.Context, *, make: bool = False, warm: bool = False) -> Iterator[tuple[KnowledgeBase, Settings]]:
    """Open the knowledge base that answers, and say on standard error which one that is."""
    settings = load_settings()
    named = home_named(ctx.obj, settings)
    home = workspace.make_home(named) if make else workspace.find_home(named)
    note(f"home: {home}")
    with workspace.open_knowledge_base(home, settings, warm=warm) as kb:
        yield kb, settings


@contextmanager
def asking(ctx: typer.Context, *, table_alone: bool = False) -> Iterator[tuple[KnowledgeBase, Assistant]]:
    """Open the knowledge base and the assistant, its model warming up meanwhile.

    With `table_alone` an empty one that is gone afterwards answers where there is no home: a table needs none.
    """
    settings = load_settings()
    home = _home(home_named(ctx.obj, settings), table_alone)
    with tempfile.TemporaryDirectory(prefix=PASSING) if home is None else nullcontext(str(home)) as folder:
        note(f"home: {home or 'none, the table alone is asked'}")
        with workspace.open_knowledge_base(Path(folder), settings, warm=home is not None) as kb:
            yield kb, workspace.open_assistant(kb, settings)


def _home(named: Path | None, table_alone: bool) -> Path | None:
    """Return the home that answers, None where a table alone is asked and there is no home. Raises HomeNotFound."""
    try:
        return workspace.find_home(named)
    except HomeNotFound:
        if not table_alone:
            raise
        return None


def is_passing(home: Path) -> bool:
    """Tell whether a home stands in for none and is gone when the command ends."""
    return home.name.startswith(PASSING)


def filters_of(
    collections: Sequence[str] | None, kinds: Sequence[str] | None, sources: Sequence[str] | None
) -> Filters:
    """Return the filters that the options name."""
    from kb.filters import Filters

    return Filters(collections=tuple(collections or ()), kinds=tuple(kinds or ()), sources=tuple(sources or ()))


def one_question(words: Sequence[str] | None, batch: Path | None) -> str:
    """Return the question typed, or "" for a batch; exactly one of both must be there."""
    from ui.batches import clean_input

    if bool(words) == (batch is not None):
        raise typer.BadParameter("give either a question or --batch FILE")
    return clean_input(" ".join(words or ()))


def run_batch(path: Path, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer a batch file line by line; exit 1 where not one line could be answered."""
    from ui import batches

    done, failed = batches.run(path, answer, emit)
    note(f"{done} answered, {failed} failed" if failed else f"{done} answered")
    if failed and not done:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line as the console script does."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except BrokenPipeError:
        _close_quietly()
        sys.exit(PIPE_CLOSED)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
