"""Rows in DuckDB, over a table file where it lies: the steps of a query as SQL, exact over all rows.

Steps that SQL cannot say as pandas does take the needed columns into memory, where they fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from assistant.dataset import duck_measures, stats
from assistant.dataset.checked import reads, reads_all
from assistant.dataset.duck_expr import ORDERED, ROW, NotInDuck, Sql, quoted
from assistant.dataset.rows import PERIODS
from assistant.dataset.steps import (
    Call,
    Col,
    Derive,
    DropColumns,
    DropDuplicates,
    DropMissing,
    Encode,
    Filter,
    Impute,
    Limit,
    Measure,
    Outliers,
    Query,
    Resample,
    Scale,
    Sort,
    Summarise,
    Test,
)
from assistant.dataset.values import Found
from assistant.dataset.walk import Values, inside
from kb.errors import BadInput

MOST_CELLS = 5_000_000
"""What is taken into memory for a step that DuckDB cannot do."""
MOST_KEPT = 40_000_000
"""Cells of the columns that a query with several steps reads, up to which they are read from the file once."""
NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
BOUND = re.compile(r"\$(cw\d+_)")
MakeRows = Callable[[pd.DataFrame], Any]


def kind_of_type(name: str) -> str:
    """Return the kind of values of a DuckDB type."""
    if name in NUMBERS or name in ("DOUBLE", "FLOAT") or name.startswith("DECIMAL"):
        return "number"
    if name == "BOOLEAN":
        return "boolean"
    if name == "DATE" or name.startswith("TIMESTAMP"):
        return "date"
    return "text" if name == "VARCHAR" or name.startswith("ENUM") else "mixed"


def clean(name: str, type_: str) -> str:
    """Return a column of the file as pandas would hold it: NaN missing, dates as timestamps, decimals as floats."""
    column = quoted(name)
    if type_ in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isnan({column}) THEN NULL ELSE CAST({column} AS DOUBLE) END AS {column}"
    if type_.startswith("DECIMAL") or type_ in ("HUGEINT", "UHUGEINT"):
        return f"CAST({column} AS DOUBLE) AS {column}"
    if type_ == "DATE" or type_.startswith(("TIMESTAMP_", "TIMESTAMP WITH")):
        return f"CAST({column} AS TIMESTAMP) AS {column}"
    return f"CAST({column} AS VARCHAR) AS {column}" if type_.startswith("ENUM") else column


def ordered(query: Query) -> bool:
    """Tell whether a query depends on the order of the rows."""
    for step in query.steps:
        if isinstance(step, Sort | Limit | DropDuplicates | Resample) or not isinstance(
            step, Measure | Filter | Derive
        ):
            return True
        if isinstance(step, Measure) and step.function not in duck_measures.UNORDERED:
            return True
        if isinstance(step, Derive) and any(isinstance(e, Call) and e.function in ORDERED for e in inside(step.value)):
            return True
    return not query.steps or not isinstance(query.steps[-1], Measure)


@dataclass(frozen=True, slots=True)
class DuckRows:
    """Rows as SQL over a connection: `sql` selects them, `params` are bound in it."""

    db: Any
    sql: str
    kinds: Mapping[str, str]
    make: MakeRows
    params: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    numbered: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.kinds)

    def run(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return what a statement gives; BadInput says what DuckDB could not do."""
        wanted = set(BOUND.findall(sql))
        given = {name: value for name, value in (self.params if params is None else params).items() if name in wanted}
        try:
            return self.db.execute(sql, given) if given else self.db.execute(sql)
        except duckdb.Error as error:
            why = str(error).strip().split("\n")[0][:200]
            raise BadInput(f"the table cannot be computed over: {why}", hint="correct the column's type") from error

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def count(self) -> int:
        """Return the number of rows."""
        return self.size if self.size is not None else int(self.run(f"SELECT count(*) FROM ({self.sql})").fetchone()[0])

    def head(self, n: int) -> pd.DataFrame:
        """Return the first rows."""
        order = f" ORDER BY {quoted(ROW)}" if self.numbered else ""
        return self.run(f"SELECT {listed(self.names)} FROM ({self.sql}){order} LIMIT {int(n)}").df()

    def only(self, names: set[str]) -> DuckRows:
        """Return the same rows with only these columns."""
        return replace(self, kinds={name: kind for name, kind in self.kinds.items() if name in names})

    def pull(self, names: Iterable[str], *, most: int | None = None) -> pd.DataFrame:
        """Return columns as a frame, of a sample of at most `most` rows where that is given."""
        kept = [name for name in self.names if name in set(names)] or list(self.names[:1])
        rows = self.count()
        if most is not None and rows > most:
            chosen = f"SELECT * FROM ({self.sql}) USING SAMPLE reservoir({int(most)} ROWS) REPEATABLE (7)"
        elif rows * len(kept) > MOST_CELLS:
            what = f"{rows:,} rows of {len(kept)} columns"
            hint = "filter the rows first, or ask for a mean, a count or a quantile, which need no copy"
            raise BadInput(f"this needs {what} in memory, more than {MOST_CELLS:,} cells", hint=hint)
        else:
            chosen = self.sql
        order = f" ORDER BY {quoted(ROW)}" if self.numbered else ""
        return self.run(f"SELECT {listed(kept)} FROM ({chosen}){order}").df()

    def found(self, step: Any, values: Values) -> Found:
        """Return what a yielding step gives: in DuckDB, or in memory with the columns that it reads."""
        if isinstance(step, Measure):
            try:
                return duck_measures.measured(step, self, values)
            except NotInDuck:
                pass
        if isinstance(step, Test) and step.kind == "chi2":
            return self.independence(step, values)
        names = set(self.names) if reads_all(step) else reads(step)
        if isinstance(step, Measure) and step.function == "correlations" and len(step.columns) < 2:
            names = {name for name in self.names if self.kinds[name] == "number"}
        return self.make(self.pull(names)).found(step, values)  # type: ignore[no-any-return]

    def independence(self, step: Test, values: Values) -> Found:
        """Return the chi-square test of two columns, from counts that DuckDB makes."""
        columns = (*step.columns, *((Col(step.by),) if step.by else ()))
        counted = self.found(Measure(label="", function="crosstab", columns=columns), values).value
        first, second = (sorted({key[side] for key in counted}) for side in (0, 1))
        table = np.array([[counted[a, b] for b in second] for a in first], dtype="int64")
        return stats.tested_table(table.reshape(len(first), len(second)), step)

    def changed(self, step: Any, values: Values) -> Any:
        """Return the rows after a step: in DuckDB, or in memory with all columns that are still needed."""
        try:
            return self.stepped(step, values)
        except NotInDuck:
            return self.make(self.pull(self.names)).changed(step, values)

    # -- steps --------------------------------------------------------------------------------------------------------

    def writer(self, values: Values) -> Sql:
        """Return a writer of SQL whose literals join those bound so far."""
        return Sql(self.kinds, values, dict(self.params))

    def where(self, condition: str, params: Mapping[str, Any]) -> DuckRows:
        """Return the rows where SQL holds."""
        return replace(self, sql=f"SELECT * FROM ({self.sql}) WHERE {condition}", params=params, size=None)

    def columns(self, new: Mapping[str, str], params: Mapping[str, Any]) -> DuckRows:
        """Return the rows with columns added, or others put in their place."""
        old = {name: code for name, code in new.items() if name in self.kinds}
        swap = f" REPLACE ({', '.join(f'{code} AS {quoted(name)}' for name, code in old.items())})" if old else ""
        more = "".join(f", {code} AS {quoted(name)}" for name, code in new.items() if name not in old)
        return self.typed(
            f"SELECT *{swap}{more} FROM ({self.sql})", (*self.names, *(n for n in new if n not in old)), params
        )

    def typed(self, sql: str, names: tuple[str, ...], params: Mapping[str, Any], size: int | None = -1) -> DuckRows:
        """Return rows by new SQL, with the kinds of their columns as DuckDB says them."""
        found = {row[0]: row[1] for row in self.run(f"DESCRIBE {sql}", params).fetchall()}
        kinds = {name: kind_of_type(found[name]) for name in names}
        return replace(self, sql=sql, kinds=kinds, params=params, size=self.size if size == -1 else size)

    def stepped(self, step: Any, values: Values) -> DuckRows:
        """Return the rows after a step, in DuckDB."""
        w = self.writer(values)
        match step:
            case Filter():
                return self.where(w.mask(step.where), w.params)
            case Derive():
                return self.columns({step.name: w.column(step.value)}, w.params)
            case DropMissing():
                names = step.columns or self.names
                return self.where(" AND ".join(f"{quoted(name)} IS NOT NULL" for name in names) or "TRUE", w.params)
            case DropDuplicates():
                keys = listed(step.columns or self.names)
                unique = f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {quoted(ROW)}) = 1"
                return replace(self, sql=f"SELECT * FROM ({self.sql}) {unique}", size=None)
            case DropColumns():
                return self.only(set(self.names) - set(step.columns))
            case Sort():
                return self.sorted(step)
            case Limit():
                order = f"ORDER BY {quoted(ROW)} LIMIT {max(int(step.n), 0)}"
                return replace(self, sql=f"SELECT * FROM ({self.sql}) {order}", size=None)
            case Summarise():
                return self.summarised(step.by, step.measures, values)
            case Resample():
                return self.resampled(step, values)
            case Impute() | Outliers() | Scale() | Encode():
                return self.filled(step, values)
        raise NotInDuck

    def sorted(self, step: Sort) -> DuckRows:
        """Return the rows in another order, stable, missing last."""
        way = "DESC" if step.descending else "ASC"
        keys = ", ".join(f"{quoted(name)} {way} NULLS LAST" for name in step.by)
        number = f"row_number() OVER (ORDER BY {keys}, {quoted(ROW)}) AS {quoted(ROW)}"
        return replace(self, sql=f"SELECT * REPLACE ({number}) FROM ({self.sql})")

    def summarised(self, by: tuple[str, ...], measures: tuple[Measure, ...], values: Values) -> DuckRows:
        """Return one row for each group."""
        w = self.writer(values)
        columns = [f"{duck_measures.aggregate(m, self, w)} AS {quoted(m.label)}" for m in measures]
        keys, present = listed(by), " AND ".join(f"{quoted(name)} IS NOT NULL" for name in by)
        number = f"row_number() OVER (ORDER BY {keys}) AS {quoted(ROW)}"
        chosen = ", ".join([keys, *columns, number])
        sql = f"SELECT {chosen} FROM ({self.sql}) WHERE {present} GROUP BY {keys}"
        return self.typed(sql, (*by, *(m.label for m in measures)), w.params, None)

    def resampled(self, step: Resample, values: Values) -> DuckRows:
        """Return one row for each period."""
        if self.kinds[step.time] != "date" or step.every not in PERIODS:
            raise NotInDuck
        starts = f"date_trunc('{step.every}', {quoted(step.time)})::TIMESTAMP"
        return self.columns({step.time: starts}, self.params).summarised((step.time,), step.measures, values)

    def filled(self, step: Any, values: Values) -> DuckRows:
        """Return the rows with values of columns replaced by what the column's own figures say."""
        w = self.writer(values)
        match step:
            case Impute():
                return self.imputed(step, w)
            case Outliers():
                return self.fenced(step, w)
            case Scale():
                return self.columns({name: self.scaled(name, step.method, w) for name in step.columns}, w.params)
            case Encode() if step.method == "codes":
                place = "CASE WHEN {0} IS NOT NULL THEN dense_rank() OVER (ORDER BY {0}) - 1 END"
                return self.columns({name: place.format(quoted(name)) for name in step.columns}, w.params)
        raise NotInDuck

    def figures(self, name: str, *aggregates: str) -> list[Any]:
        """Return aggregates over a numeric column, which {0} stands for."""
        if self.kinds[name] not in ("number", "boolean"):
            raise NotInDuck
        column = f"CAST({quoted(name)} AS DOUBLE)"
        chosen = ", ".join(aggregate.format(column) for aggregate in aggregates)
        return list(self.run(f"SELECT {chosen} FROM ({self.sql})").fetchone())

    def imputed(self, step: Impute, w: Sql) -> DuckRows:
        """Return the rows with missing values filled."""
        if step.how not in ("mean", "median", "mode", "constant") or not (
            step.columns or step.how in ("mean", "median")
        ):
            raise NotInDuck
        names = step.columns or tuple(name for name in self.names if self.kinds[name] == "number")
        new = {}
        for name in names:
            value = self.filling(step, name)
            if value is not None:
                column = f"CAST({quoted(name)} AS DOUBLE)" if self.kinds[name] == "number" else quoted(name)
                new[name] = f"coalesce({column}, {w.bind(value)})"
        return self.columns(new, w.params) if new else self

    def filling(self, step: Impute, name: str) -> Any:
        """Return what fills the gaps of a column."""
        if step.how == "constant":
            if self.kinds[name] == "text" and step.value is not None:
                return str(step.value)
            if self.kinds[name] == "number" and isinstance(step.value, int | float):
                return step.value
            raise NotInDuck
        if step.how == "mode":
            order = f"GROUP BY ALL ORDER BY count(*) DESC, {quoted(name)} LIMIT 1"
            row = self.run(
                f"SELECT {quoted(name)} FROM ({self.sql}) WHERE {quoted(name)} IS NOT NULL {order}"
            ).fetchone()
            return row[0] if row else None
        return self.figures(name, "avg({0})" if step.how == "mean" else "median({0})")[0]

    def fences(self, name: str, method: str, factor: float, ddof: int) -> tuple[float, float] | None:
        """Return the bounds outside which values are outliers, None where there are none."""
        if method == "iqr":
            q1, q3 = self.figures(name, "quantile_cont({0}, 0.25)", "quantile_cont({0}, 0.75)")
            return None if q1 is None else (q1 - factor * (q3 - q1), q3 + factor * (q3 - q1))
        if method == "z":
            mean, var, n = self.figures(name, "avg({0})", "var_pop({0})", "count({0})")
            if n <= ddof:
                return None
            width = factor * (var * n / (n - ddof)) ** 0.5
            return mean - width, mean + width
        if method == "percentile" and 0 <= factor < 50:
            ends = self.figures(
                name, f"quantile_cont({{0}}, {factor / 100!r})", f"quantile_cont({{0}}, {1 - factor / 100!r})"
            )
            return None if ends[0] is None else (ends[0], ends[1])
        raise NotInDuck

    def fenced(self, step: Outliers, w: Sql) -> DuckRows:
        """Return what becomes of the rows outside the fences."""
        ends = self.fences(step.column, step.method, step.factor, step.ddof)
        if ends is None:
            raise NotInDuck
        column = f"CAST({quoted(step.column)} AS DOUBLE)"
        low, high = map(w.bind, ends)
        outside = f"coalesce({column} < {low} OR {column} > {high}, FALSE)"
        match step.action:
            case "keep":
                return self.where(outside, w.params)
            case "remove":
                return self.where(f"NOT {outside}", w.params)
            case "flag":
                return self.columns({step.name or f"{step.column}_outlier": outside}, w.params)
            case "clip":
                clipped = f"CASE WHEN {column} IS NULL THEN NULL ELSE least(greatest({column}, {low}), {high}) END"
                return self.columns({step.column: clipped}, w.params)
            case "mean" | "median":
                middle = self.figures(step.column, "avg({0})" if step.action == "mean" else "median({0})")[0]
                return self.columns(
                    {step.column: f"CASE WHEN {outside} THEN {w.bind(middle)} ELSE {column} END"}, w.params
                )
        raise NotInDuck

    def scaled(self, name: str, method: str, w: Sql) -> str:
        """Return SQL for a column scaled; missing where it has no spread."""
        column = f"CAST({quoted(name)} AS DOUBLE)"
        if method == "log":
            self.figures(name, "count({0})")
            return f"CASE WHEN {column} > 0 THEN ln({column}) END"
        pairs = {
            "standard": ("avg({0})", "stddev_pop({0})"),
            "minmax": ("min({0})", "max({0}) - min({0})"),
            "robust": ("median({0})", "quantile_cont({0}, 0.75) - quantile_cont({0}, 0.25)"),
            "maxabs": ("0.0", "max(abs({0}))"),
        }
        if method not in pairs:
            raise NotInDuck
        middle, spread = self.figures(name, *pairs[method])
        return "CAST(NULL AS DOUBLE)" if not spread else f"(({column} - {w.bind(middle)}) / {w.bind(spread)})"


def listed(names: Iterable[str]) -> str:
    """Return names as a list in SQL."""
    return ", ".join(map(quoted, names))


def opened(table: Any, query: Query, wanted: set[str] | None, make: MakeRows) -> DuckRows:
    """Return the rows of a table in DuckDB, with only the columns that a query reads.

    Where the query has several steps and the columns are not too many they are read from the file once.
    """
    db = table.duck()
    types = {row[0]: row[1] for row in db.execute("DESCRIBE data").fetchall()}
    names = [name for name in types if wanted is None or name in wanted] or list(types)[:1]
    kinds = {name: kind_of_type(types[name]) for name in names}
    columns = ", ".join(clean(name, types[name]) for name in names)
    if len(query.steps) > 1 and table.rows * len(names) <= MOST_KEPT:
        db.execute(f"CREATE TEMP TABLE kept AS SELECT {columns} FROM data")
        sql = f"SELECT *, rowid AS {quoted(ROW)} FROM kept"
        return DuckRows(db, sql, kinds, make, size=table.rows)
    numbered = ordered(query)
    number = f", row_number() OVER () AS {quoted(ROW)}" if numbered else ""
    return DuckRows(db, f"SELECT {columns}{number} FROM data", kinds, make, size=table.rows, numbered=numbered)
