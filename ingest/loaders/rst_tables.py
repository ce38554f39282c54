"""Tables of reStructuredText, grid and simple, to rows of cells; a cell is the list of its source lines."""

from __future__ import annotations

import re

Lines = list[tuple[int, str]]
Row = list[Lines]

GRID_TOP = re.compile(r"\+[-=]+(?:\+[-=]+)*\+\Z")
SIMPLE_TOP = re.compile(r"=+(?: +=+)+\Z")
_SIMPLE_RULE = re.compile(r"[=\-]+(?: +[=\-]+)*\Z")
_GRID_RULE = re.compile(r"[-=+]+\Z")


def grid_end(lines: Lines, start: int) -> int:
    """Return the index after the grid table that starts at `start`."""
    end = start
    while end < len(lines) and lines[end][1][:1] in ("+", "|"):
        end += 1
    return end


def grid_rows(lines: Lines) -> list[Row]:
    """Return the rows of a grid table; a cell that spans columns stands in the first of them."""
    edges = sorted({i for _, line in lines if line.startswith("+") for i, c in enumerate(line) if c == "+"})[:500]
    rows: list[Row] = []
    row: dict[int, Lines] = {}
    for number, line in lines:
        if line.startswith("+") and set(line) <= set("+-= "):
            rows.append([row[edge] for edge in sorted(row)])
            row = {}
        else:
            _split_grid(number, line, edges, row)
    rows.append([row[edge] for edge in sorted(row)])
    return [cells for cells in rows if cells]


def _split_grid(number: int, line: str, edges: list[int], row: dict[int, Lines]) -> None:
    cuts = [edge for edge in edges if edge < len(line) and line[edge] in "|+"]
    for left, right in zip(cuts, [*cuts[1:], len(line)], strict=True):
        cell = line[left + 1 : right]
        if left + 1 >= len(line):
            continue
        rule = bool(cell) and _GRID_RULE.match(cell.strip() or " ") is not None and len(cell.strip()) > 2
        row.setdefault(left, []).append((number, "" if rule else cell[1:].rstrip() if cell[:1] == " " else cell))


def simple_end(lines: Lines, start: int) -> int:
    """Return the index after the simple table that starts at `start`."""
    found = 0
    for i in range(start + 1, len(lines)):
        if set(lines[i][1]) <= {"=", " "} and lines[i][1].startswith("="):
            found += 1
            if found == 2 or i + 1 == len(lines) or not lines[i + 1][1]:
                return i + 1
    return len(lines)


def simple_rows(lines: Lines) -> list[Row]:
    """Return the rows of a simple table; a line with an empty first column goes on with the row above."""
    starts = [m.start() for m in re.finditer(r"=+", lines[0][1])][:500]
    rows: list[Row] = []
    for number, line in lines:
        if not line or _SIMPLE_RULE.match(line):
            continue
        cells = _split_simple(line, starts)
        if cells[0] or not rows:
            rows.append([[(number, cell)] for cell in cells])
        else:
            for cell, more in zip(rows[-1], cells, strict=True):
                cell.append((number, more))
    return rows


def _split_simple(line: str, starts: list[int]) -> list[str]:
    """Return one text per column; text that crosses into the next column stays in the first that it touches."""
    cells = [""] * len(starts)
    held, first = "", 0
    for column, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
        held += line[start:end]
        if end is None or line[end - 1 : end] in ("", " "):
            cells[first] = held.strip()
            held, first = "", column + 1
    return cells
