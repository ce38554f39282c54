"""The figures of an evaluation as readable terminal text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from assistant.evaluate_tables import found, same
from ui import terminal
from ui.terminal import Hanging, clean

Json = Mapping[str, Any]
LEVELS = ("easy", "medium", "hard")


def show_figures(result: Json) -> None:
    """Print the parts that were measured, then which questions were not answered rightly."""
    out = terminal.console()
    asked = result["abstention"]["answerable"] + result["abstention"]["unanswerable"]
    for part in ("retrieval", "answers", "abstention", "runs"):
        if result[part].get("n", asked):
            _say(out, f"{part}: {_figures(result[part])}")
    _show_tables(out, result)
    latency = result["latency"]
    _say(out, f"latency: p50 {latency['p50']:.3f} s, p95 {latency['p95']:.3f} s")
    right = sum(row["right"] for row in result["by_question"])
    rest = [str(row["id"]) for row in result["by_question"] if not row["right"] and not _is_shown(row)]
    _say(out, f"{result['n']} questions, {right} right{f'; not right: {chr(32).join(rest)}' if rest else ''}")


def _is_shown(row: Json) -> bool:
    """Tell whether a question stands already under the figures of tables."""
    return bool(row.get("part") == "tables" and row.get("supported"))


def _say(out: Console, text: str, *, indent: str = "", style: str = "") -> None:
    out.print(Hanging(indent, [Text(clean(text), style=style)]), end="")


def _figures(values: Json) -> str:
    shown = (f"({_figures(v)})" if isinstance(v, dict) else "not known" if v is None else v for v in values.values())
    return ", ".join(f"{name} {value}" for name, value in zip(values, shown, strict=True))


def _show_tables(out: Console, result: Json) -> None:
    figures = result["tables"]
    if not figures["n"]:
        return
    if not figures["supported"]:
        _say(out, f"tables: {figures['n']} questions, counted only; name the folder of their tables with --data DIR")
        return
    _say(out, f"tables: {_counted(figures)}", style="bold")
    _say(out, f"single values right: {_share(figures['values_right'])} of {figures['values']:,}", indent="  ")
    for level in sorted(figures["by_level"], key=_order):
        _say(out, f"{level}: {_counted(figures['by_level'][level])}", indent="  ")
    rows = [row for row in result["by_question"] if _is_shown(row)]
    _show_wrong(out, [row for row in rows if not row["right"] and not row["abstained"]])
    refused = [str(row["id"]) for row in rows if row["abstained"]]
    if refused:
        out.print(Hanging("  refused: ", [Text(clean(" ".join(refused)))]), end="")
    _show_errors(out, [row for row in rows if row.get("error")])


def _order(level: str) -> tuple[int, str]:
    return (LEVELS.index(level) if level in LEVELS else len(LEVELS), level)


def _counted(counts: Json) -> str:
    of_answered = f", {_share(counts['right_of_answered'])} of those answered" if counts["answered"] else ""
    right = f"{counts['right']:,} of {counts['n']:,} right ({_share(counts['share_right'])}{of_answered})"
    return f"{right}, {counts['answered']:,} answered, {counts['refusals']:,} refused"


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1%}"


def _show_wrong(out: Console, rows: Sequence[Json]) -> None:
    """Print the values that are not right with what was expected in their place."""
    if rows:
        out.print("  answered otherwise than expected:")
    for row in rows:
        given = {name: found(row["answered"], name) for name in row["expected"]}
        wrong = [
            f"{name} {'nothing' if given[name] is None else given[name]} (expected {expected})"
            for name, expected in row["expected"].items()
            if not same(expected, given[name])
        ]
        out.print(Hanging(f"    {row['id']}  ", [Text(clean("; ".join(wrong)))]), end="")


def _show_errors(out: Console, rows: Sequence[Json]) -> None:
    errors: dict[str, list[str]] = {}
    for row in rows:
        errors.setdefault(row["error"], []).append(str(row["id"]))
    for error, ids in errors.items():
        out.print(Hanging("  error  ", [Text(clean(f"{error} ({' '.join(ids)})"), style="red")]), end="")
