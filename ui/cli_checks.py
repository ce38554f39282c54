"""The commands that hold something against the history: `check` a report, `tried` a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.errors import BadInput, CitewiseError
from ui.running import Failed, Json, command, emit, note, opened

if TYPE_CHECKING:
    from assistant.check import Checked, Finding

_SIGNS = {"matches": "ok", "rounded": "ok", "rounded_wrong": "WRONG", "contradicts": "WRONG", "no_record": "?"}
_SAID = {
    "matches": "matches",
    "rounded": "matches, rounded",
    "rounded_wrong": "rounded wrongly",
    "contradicts": "contradicts",
    "no_record": "no record",
}


@command("check")
def check_command(
    ctx: typer.Context,
    report: Annotated[Path, typer.Argument(metavar="REPORT.md", help="The report, in Markdown or plain text.")],
    every: Annotated[bool, typer.Option("--all", help="Show what matches too.")] = False,
    as_json: Json = False,
) -> None:
    """Check the numbers and comparisons of a report against the runs and documents; exit 1 where one contradicts."""
    text = _read(report)
    with opened(ctx) as (kb, _):
        from assistant.check import check, check_json

        checked = check(kb, text)
    result = check_json(str(report), checked)
    if not as_json:
        _show(checked, every)
    if checked.wrong:
        said = f"{len(checked.wrong)} of {len(checked.findings)} claims contradict what is stored"
        raise Failed(result, CitewiseError(said, hint=f"line {checked.wrong[0].line}: {checked.wrong[0].said}"))
    if as_json:
        emit(result)


def _read(path: Path) -> str:
    from kb.text import decode

    try:
        data = path.expanduser().read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", hint="name a text or Markdown file") from None
    if b"\x00" in data[:10_000] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(f"{path.name} is no text", hint="check takes Markdown or plain text")
    return decode(data)[0]


def _show(checked: Checked, every: bool) -> None:
    from ui.terminal import clean

    shown = [one for one in checked.findings if every or _SIGNS[one.status] != "ok"]
    for one in shown:
        print(clean(_line(one)))
    right = sum(_SIGNS[one.status] == "ok" for one in checked.findings)
    print(f"{len(checked.findings)} claims: {right} match, {len(checked.wrong)} contradict, "
          f"{sum(one.status == 'no_record' for one in checked.findings)} without a record")  # fmt: skip
    if not checked.findings:
        note("No number was found that names a run or a metric that is stored.")


def _line(one: Finding) -> str:
    value = f"{one.value}: " if one.value else ""
    return f"{_SIGNS[one.status]:5} line {one.line}: {value}{_SAID[one.status]}: {one.said}\n      “{one.claim[:160]}”"


@command("tried")
def tried_command(
    ctx: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Parameters in YAML or JSON.")],
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="M", help="The metric that tells what came of it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell whether a configuration, or a near one, was run before, and what came of it."""
    from assistant.tried_config import read_config

    wanted = read_config(config)
    with opened(ctx) as (kb, _):
        from assistant.tried import in_words, tried, tried_json

        found = tried(kb.catalogue, wanted, metric=metric)
    if as_json:
        emit(tried_json(str(config), found))
        return
    from ui.terminal import clean

    for line in in_words(found):
        print(clean(line))
