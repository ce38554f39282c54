"""The figures of an evaluation as readable terminal text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from ui import terminal
from ui.terminal import Hanging, clean

Json = Mapping[str, Any]


def show_figures(result: Json) -> None:
    """Print the parts that were measured, then which questions were not answered rightly."""
    out = terminal.console()
    for part in ("retrieval", "answers", "abstention", "runs", "latency"):
        if result[part].get("n", 1):
            out.print(Hanging("", [Text(f"{part}: {_figures(result[part])}")]), end="")
    _show_tables(out, result)
    rows = result["by_question"]
    wrong = [str(row["id"]) for row in rows if not row["right"]]
    said = f"{result['n']} questions, {result['n'] - len(wrong)} right; not right: {' '.join(wrong) or 'none'}"
    out.print(Hanging("", [Text(said)]), end="")


def _figures(values: Json) -> str:
    shown = (f"({_figures(v)})" if isinstance(v, dict) else "not known" if v is None else v for v in values.values())
    return ", ".join(f"{name} {value}" for name, value in zip(values, shown, strict=True))


def _show_tables(out: Console, result: Json) -> None:
    figures = result["tables"]
    if not figures["n"]:
        return
    if not figures["supported"]:
        out.print(f"tables: {figures['n']} questions, counted only; name the folder of their tables with --data DIR")
        return
    out.print(Text(f"tables: {_counted(figures)}", style="bold"))
    out.print(f"  single values right: {_share(figures['values_right'])} of {figures['values']:,}")
    for level, counts in figures["by_level"].items():
        out.print(f"  {level}: {_counted(counts)}")
    rows = [row for row in result["by_question"] if row.get("part") == "tables" and row.get("supported")]
    _show_wrong(out, [row for row in rows if not row["right"] and not row["abstained"]])
    _show_errors(out, [row for row in rows if row.get("error")])


def _counted(counts: Json) -> str:
    of_answered = f", {_share(counts['right_of_answered'])} of those answered" if counts["answered"] else ""
    right = f"{counts['right']:,} of {counts['n']:,} right ({_share(counts['share_right'])}{of_answered})"
    return f"{right}, {counts['answered']:,} answered, {counts['refusals']:,} refused"


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1%}"


def _show_wrong(out: Console, rows: Sequence[Json]) -> None:
    """Print wrong answers with what was answered and what was right."""
    if rows:
        out.print("  answered otherwise than expected:")
    for row in rows:
        given = row["answered"]
        pairs = [f"{name} {given.get(name, 'nothing')} (expected {value})" for name, value in row["expected"].items()]
        out.print(Hanging(f"    {row['id']}  ", [Text(clean("; ".join(pairs)))]), end="")


def _show_errors(out: Console, rows: Sequence[Json]) -> None:
    errors: dict[str, list[str]] = {}
    for row in rows:
        errors.setdefault(row["error"], []).append(str(row["id"]))
    for error, ids in errors.items():
        out.print(Hanging("  error  ", [Text(clean(f"{error} ({' '.join(ids)})"), style="red")]), end="")
