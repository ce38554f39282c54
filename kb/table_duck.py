"""DuckDB over a table file where it lies: a connection that can read that one file and nothing else."""

from __future__ import annotations

import os
import re
import tempfile
import uuid
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

MEMORY = "600MB"
SEED = 7


def literal(text: str) -> str:
    """Return `text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """Return a path as the SQL string that names just this file, with the signs of a pattern taken literally."""
    return literal(re.sub(r"([\[*?])", r"[\1]", str(path)))


def name_literal(name: str) -> str:
    """Return a column name as a quoted SQL name."""
    return '"' + name.replace('"', '""') + '"'


def connection(path: Path, source: str, frame: Any = None, *, threads: int = 0) -> duckdb.DuckDBPyConnection:
    """Return a connection with the view `data`: the rows of `source` over the file at `path`, or of `frame`."""
    made = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    made.execute(
        f"SET memory_limit='{MEMORY}'; SET python_enable_replacements=false; SET preserve_insertion_order=true"
    )
    if threads:
        made.execute(f"SET threads={threads}")
    # DuckDB may read all that lies in its folder for temporary files, so that has to be one of its own.
    made.execute(f"SET temp_directory={literal(os.path.join(tempfile.gettempdir(), f'duckdb-{uuid.uuid4().hex}'))}")
    made.execute(f"SET allowed_paths=[{literal(str(path))}, {file_literal(path)}]")
    made.execute("SET enable_external_access=false")
    if frame is not None:
        made.register("data", frame)
    else:
        made.execute(f"CREATE VIEW data AS {source}")
    made.execute("SET lock_configuration=true")
    return made


def sampled(path: Path, source: str, n: int, *, rows: int) -> pd.DataFrame:
    """Return `n` of `rows` rows of a large table, the same ones each time."""
    with connection(path, source, threads=1) as made:
        if n >= rows:
            return made.execute("SELECT * FROM data").df()
        made.execute(f"SELECT * FROM data USING SAMPLE reservoir({n} ROWS) REPEATABLE ({SEED})")
        return made.df()
