"""A question about a table as a value: steps that change the rows, and measures of what the rows then are, in order.

Nothing here computes: `compute` runs a `Query` on a frame or on DuckDB, `question` reads one out of a sentence, `say`
puts its results into words, and `wire` (below) is its JSON, which links, saved readings and `reading.query` carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Scalar = str | int | float | bool | None
"""Dates are ISO 8601 strings."""
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})

# -- expressions: a column of values, or one value --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Col:
    """A column by its exact name."""

    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of an earlier measure by its label; `part` picks out of a test's or a fit's results (`p`, `r`)."""

    label: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `FUNCTIONS` over expressions."""

    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The value of the first branch whose condition holds, else `otherwise`."""

    branches: tuple[tuple[Condition, Expr], ...]
    otherwise: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Values binned at `edges`, or into `n` bins: `how` is edges, width or quantiles; `right` closes bins right."""

    value: Expr
    how: str
    n: int = 0
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    right: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """Values put in place of others; what `pairs` lacks becomes `otherwise`, or stays where that is None."""

    value: Expr
    pairs: tuple[tuple[Scalar, Scalar], ...]
    otherwise: Expr | None = None


Expr = Col | Const | Ref | Call | Case | Cut | Replace

FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "add": "a + b (+ …)",
        "sub": "a - b",
        "mul": "a * b (* …)",
        "div": "a / b; by zero is missing",
        "mod": "a % b",
        "pow": "a ** b",
        "abs": "|a|",
        "neg": "-a",
        "sqrt": "square root; of a negative is missing",
        "square": "a ** 2",
        "log": "natural logarithm; of what is not positive is missing",
        "log10": "logarithm to base 10",
        "log2": "logarithm to base 2",
        "log1p": "ln(1 + a)",
        "exp": "e ** a",
        "round": "a rounded to b digits",
        "mean_of": "mean of the arguments by row",
        "min_of": "least argument by row",
        "max_of": "greatest argument by row",
        "year": "year of a date",
        "quarter": "quarter of a date, 1 to 4",
        "month": "month of a date, 1 to 12",
        "day": "day of the month",
        "weekday": "day of the week, Monday 0 to Sunday 6",
        "weekday_name": "Monday to Sunday",
        "hour": "hour of a time",
        "days_between": "b - a in days",
        "lower": "lower case",
        "length": "number of characters",
        "concat": "texts joined",
        "number": "the number that a text holds, else missing",
        "date": "the date that a text holds, else missing",
        "is_missing": "1 where missing, else 0",
        "diff": "a minus the value of the row before",
        "pct_change": "change from the row before as a fraction",
        "shift": "the value b rows before",
        "cumsum": "running sum",
        "rolling_mean": "mean of the last b rows",
        "rank": "rank, least first, ties share their mean rank",
        "zscore": "(a - mean) / standard deviation (population)",
        "minmax": "(a - min) / (max - min)",
        "share_of_sum": "a / sum of a",
        "group_mean": "mean of a over the rows that share b",
        "code": "the place of a category among its sorted values, from 0",
    }
)

# -- conditions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compare:
    """`op` of `COMPARISONS`; `right` is an expression, several values for in, not_in and between, None for missing."""

    op: str
    left: Expr
    right: Expr | tuple[Scalar, ...] | None = None


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold (a missing value never holds)."""

    part: Condition


Condition = Compare | All | AnyOf | Not
COMPARISONS = (
    "eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "between", "contains", "starts", "ends", "missing", "present",
)  # fmt: skip
"""Texts compare without regard to case and outer white space; a comparison with a missing value does not hold."""

# -- steps that change the rows or columns ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep the rows where the condition holds."""

    where: Condition


@dataclass(frozen=True, slots=True)
class Derive:
    """Add the column `name`, or put another in its place."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Impute:
    """Fill missing values: `how` is mean, median, mode, constant, forward, backward or interpolate; no columns: all."""

    columns: tuple[str, ...] = ()
    how: str = "mean"
    value: Scalar = None


@dataclass(frozen=True, slots=True)
class DropMissing:
    """Drop the rows that miss a value in one of the columns; no columns: in any."""

    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DropDuplicates:
    """Keep the first of rows that agree in the columns; no columns: in all."""

    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DropColumns:
    """Leave columns out."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outliers:
    """Rows that lie outside, and what becomes of them.

    `method` iqr: below q1 - factor * iqr or above q3 + factor * iqr; z: |x - mean| > factor * sd, `ddof` that of sd;
    percentile: outside the `factor` and 100 - `factor` percentiles. `action` keep (only the outliers stay), remove,
    mean, median (put in place), clip (to the fence) or flag (adds the boolean column `name`).
    """

    column: str
    method: str = "iqr"
    factor: float = 1.5
    action: str = "keep"
    ddof: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Scale columns: standard (population sd), minmax, robust (median, iqr), maxabs or log."""

    columns: tuple[str, ...]
    method: str = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encode:
    """Make numbers of categories: codes (sorted order from 0) or onehot (columns `name_value`)."""

    columns: tuple[str, ...]
    method: str = "codes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Order the rows, stable; missing last."""

    by: tuple[str, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """Keep the first n rows."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summarise:
    """Put one row for each group in place of the rows: the group columns, then a column for each measure's label."""

    by: tuple[str, ...]
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resample:
    """Put one row for each period of a date column in place of the rows; `every` is day, week, month, quarter, year."""

    time: str
    every: str
    measures: tuple[Measure, ...]


# -- steps that yield values ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number, text or list under a label; with `by`, one for each group (`{group: value}`, tuples for several).

    `function` is one of `MEASURES`; `where` restricts the rows of this measure only. `options`: quantile {"q": 0.9},
    std and var {"ddof": 0}, top {"n": 5}, skew {"biased": bool}, share {"of": Condition}, at_max {"at": column}; shares
    {"percent": true}; correlations {"pairs": true} for all pairs. Several columns give `{column: value}`.
    """

    label: str
    function: str
    columns: tuple[Expr, ...] = ()
    by: tuple[str, ...] = ()
    where: Condition | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)


MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "rows": "number of rows",
        "columns": "number of columns",
        "shape": "rows and columns",
        "names": "the columns' names",
        "types": "each column's type",
        "count": "values that are not missing",
        "missing": "missing values; without a column: by column",
        "missing_share": "share of missing values",
        "missing_rows": "rows with at least one missing value",
        "duplicates": "rows that repeat an earlier one",
        "unique": "number of different values",
        "values": "the different values, or all of them with {'all': true}",
        "counts": "rows by value, most frequent first; {'n': most}",
        "shares": "share of rows by value, of the rows that are not missing",
        "share": "share of rows where {'of': condition} holds",
        "min": "least value",
        "max": "greatest value",
        "range": "max - min",
        "sum": "sum",
        "mean": "arithmetic mean",
        "median": "median",
        "mode": "most frequent value, the least of ties",
        "std": "standard deviation, ddof 1 unless told",
        "var": "variance, ddof 1 unless told",
        "sem": "standard error of the mean",
        "skew": "adjusted Fisher-Pearson skewness, as pandas; {'biased': true} as scipy's default",
        "kurtosis": "excess kurtosis, as pandas; {'biased': true} as scipy's default",
        "quantile": "linear interpolation, as numpy",
        "iqr": "q3 - q1",
        "mad": "mean absolute deviation around the mean",
        "cv": "std / mean",
        "first": "value of the first row",
        "last": "value of the last row",
        "at_max": "value of the column in the first row where {'at': column} is greatest",
        "at_min": "the same where it is least",
        "outliers": "number of outliers: {'method', 'factor', 'ddof'} as in Outliers",
        "outlier_bounds": "the two fences",
        "correlation": "of two columns, {'method': 'pearson' | 'spearman' | 'kendall'}: r, p, n as parts",
        "correlations": "of the first column with the others, strongest first; {'n': most}",
        "covariance": "sample covariance of two columns",
        "crosstab": "rows by two columns",
        "trend": "slope of the least-squares line over time or row number, with first, last, direction as parts",
        "histogram": "counts in {'bins': n} bins of equal width; parts edges",
        "top": "the {'n': 5} greatest values, greatest first",
        "bottom": "the {'n': 5} least values, least first",
        "value": "what an expression over earlier values (`Ref`s) gives, such as a difference of two means",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A statistical test under a label; its value is p, its parts `statistic`, `p`, `n`, `significant` (p < alpha) and
    by kind `df`, `difference`, `effect`, `critical`, and of each group `n:NAME` and `mean:NAME` or `median:NAME`.
    options: {"alternative": "less" | "greater"}, levene {"center": "mean"}, one_sample_t {"mu": number}.

    `kind`: shapiro, anderson, ks, dagostino, jarque_bera (one column); t, welch, mann_whitney, ks_2 (two groups);
    paired_t, wilcoxon (two columns); anova, kruskal, levene, bartlett (groups or several columns); chi2 (two
    categorical columns); one_sample_t (against options["mu"]); adf is out. Groups: the values of `by` (only those of
    `groups` where given), or one group for each column, or for each condition of `samples`.
    """

    label: str
    kind: str
    columns: tuple[Expr, ...]
    by: str | None = None
    groups: tuple[Scalar, ...] = ()
    samples: tuple[Condition, ...] = ()
    alpha: float = 0.05
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A simple model, scored on the held-out rows; parts by metric: rmse, mse, mae, r2, accuracy, precision, recall,
    f1, roc_auc, n_train, n_test; for linear models also `intercept` and `coef:NAME`.

    `model`: linear_regression, ridge, lasso, logistic_regression, decision_tree, random_forest, knn, naive_bayes, svm,
    gradient_boosting, kmeans. Categorical features are one-hot encoded, rows that miss a value are dropped first, and
    both are said. `test_size` 0 scores on the training rows. Split by scikit-learn's `train_test_split`. `folds` above
    1 cross-validates instead (parts: the metric's mean, `std`). options: the model's own parameters (also k, trees,
    depth, clusters), {"stratify": true}, {"drop_first": true}, {"positive": label}. kmeans: inertia, silhouette.
    """

    label: str
    model: str
    features: tuple[str, ...]
    target: str
    metric: str
    task: str = "regression"
    test_size: float = 0.2
    seed: int = 42
    scale: bool = False
    folds: int = 0
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """A word that follows from earlier values: the text of the first case that holds (its expressions are `Ref`s)."""

    label: str
    cases: tuple[tuple[Condition, str], ...]
    otherwise: str


Yields = Measure | Test | Fit | Decide
Step = (
    Filter | Derive | Impute | DropMissing | DropDuplicates | DropColumns | Outliers | Scale | Encode | Sort | Limit
    | Summarise | Resample | Yields
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A name that the question wants back (`@name[value]`): which label, part and group, rounded to `digits`."""

    name: str
    label: str
    part: str | None = None
    group: tuple[Scalar, ...] = ()
    digits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A whole question: steps in order, the names wanted back, and the plot that helps (a kind of `PLOTS`, or "")."""

    steps: tuple[Step, ...]
    outputs: tuple[Output, ...] = ()
    plot: str = ""


PLOTS = ("histogram", "bars", "box", "scatter", "line", "heatmap")
