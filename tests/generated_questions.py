"""Generated tables and questions about them, each with its answer by plain pandas, written without a look at ours."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

NUMBERS = (
    "price", "unit cost", "weight", "age", "height", "income", "distance", "duration", "score", "temperature",
    "pressure", "speed", "rainfall", "monthly rent", "account balance", "heart rate", "page views", "fuel use",
    "net profit", "tax paid",
)  # fmt: skip
CATEGORIES: dict[str, tuple[str, ...]] = {
    "region": ("north", "south", "east", "west"),
    "colour": ("red", "green", "blue"),
    "plan": ("basic", "plus", "premium"),
    "department": ("sales", "support", "finance", "legal", "research"),
    "vehicle type": ("truck", "sedan", "van"),
    "sex": ("female", "male"),
    "weather": ("sunny", "cloudy", "rainy", "snowy"),
    "payment method": ("cash", "card", "transfer"),
}
DATES = ("order date", "signup date", "visit date")


@dataclass(frozen=True)
class Made:
    """A table, and the names of its columns by what they hold."""

    frame: pd.DataFrame
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    date: str


@dataclass(frozen=True)
class Asked:
    """A question and its answer: a number, text, list, or mapping from group to number; or several, in order."""

    question: str
    answer: tuple[Any, ...]
    kind: str


def styled(words: str, style: int) -> str:
    parts = words.split()
    if style == 0:
        return "_".join(parts)
    if style == 1:
        return "".join(part.capitalize() for part in parts)
    return parts[0] + "".join(part.capitalize() for part in parts[1:]) if style == 2 else words


def table(rng: random.Random, rows: int) -> Made:
    """Return a table of random columns in one style of naming; a tenth of some columns is missing."""
    style, noise = rng.randrange(4), np.random.default_rng(rng.randrange(2**32))
    made: dict[str, Any] = {}
    numbers = [styled(name, style) for name in rng.sample(NUMBERS, 4)]
    for at, name in enumerate(numbers):
        values = noise.normal(50, 12, rows) if at % 2 else noise.gamma(2.0, 30.0, rows)
        made[name] = np.where(noise.random(rows) < 0.1, np.nan, values.round(2)) if at < 2 else values.round(1)
    made[numbers[3]] = noise.integers(0, 40, rows)
    categories = rng.sample(sorted(CATEGORIES), 2)
    for name in categories:
        made[styled(name, style)] = noise.choice(CATEGORIES[name], rows)
    date = styled(rng.choice(DATES), style)
    made[date] = pd.Timestamp("2018-01-01") + pd.to_timedelta(noise.integers(0, 1500, rows), "D")
    return Made(pd.DataFrame(made), tuple(numbers), tuple(styled(name, style) for name in categories), date)


def spoken(rng: random.Random, name: str) -> str:
    """Return a column as a person may write it: as it stands, or quoted."""
    return rng.choice([name, name, f"'{name}'", f'"{name}"'])


Template = Callable[[random.Random, Made], Asked]
SIMPLE: tuple[tuple[Sequence[str], Callable[[pd.Series], Any]], ...] = (
    (("mean of {}", "what is the average {}?", "average of {}", "What is the mean {}?"), lambda s: s.mean()),
    (("median of {}", "what is the median {}?", "median {}"), lambda s: s.median()),
    (("standard deviation of {}", "what is the standard deviation of {}?", "std of {}"), lambda s: s.std()),
    (("variance of {}", "what is the variance of {}?"), lambda s: s.var()),
    (("maximum {}", "what is the highest {}?", "largest {}", "max of {}"), lambda s: s.max()),
    (("minimum {}", "what is the lowest {}?", "smallest {}", "min of {}"), lambda s: s.min()),
    (("sum of {}", "total {}", "what is the sum of {}?"), lambda s: s.sum()),
    (("skewness of {}", "how skewed is {}?"), lambda s: s.skew()),
    (("kurtosis of {}",), lambda s: s.kurt()),
    (("range of {}", "what is the range of {}?"), lambda s: s.max() - s.min()),
    (("how many missing values are in {}?", "number of missing values in {}"), lambda s: int(s.isna().sum())),
    (("how many distinct values does {} have?", "number of unique values of {}"), lambda s: int(s.nunique())),
    (("90th percentile of {}", "what is the 90th percentile of {}?"), lambda s: s.quantile(0.9)),
    (("first quartile of {}", "25th percentile of {}"), lambda s: s.quantile(0.25)),
    (("interquartile range of {}", "IQR of {}"), lambda s: s.quantile(0.75) - s.quantile(0.25)),
)


def simple(rng: random.Random, made: Made) -> Asked:
    forms, answer = rng.choice(SIMPLE)
    name = rng.choice(made.numbers)
    return Asked(rng.choice(forms).format(spoken(rng, name)), (answer(made.frame[name]),), "simple")


def several(rng: random.Random, made: Made) -> Asked:
    name = rng.choice(made.numbers)
    series, said = made.frame[name], spoken(rng, name)
    form, answers = rng.choice(
        [
            (f"mean and standard deviation of {said}", (series.mean(), series.std())),
            (f"calculate the mean, median and maximum of {said}", (series.mean(), series.median(), series.max())),
            (f"minimum and maximum of {said}", (series.min(), series.max())),
        ]
    )
    return Asked(form, answers, "several")


AGGREGATES: tuple[tuple[str, str], ...] = (
    ("mean", "mean"), ("average", "mean"), ("median", "median"), ("total", "sum"), ("maximum", "max"),
    ("minimum", "min"),
)  # fmt: skip


def grouped(rng: random.Random, made: Made) -> Asked:
    word, function = rng.choice(AGGREGATES)
    name, group = rng.choice(made.numbers), rng.choice(made.categories)
    form = rng.choice(["{w} {n} by {g}", "{w} {n} for each {g}", "what is the {w} {n} per {g}?", "{w} of {n} by {g}"])
    found = made.frame.groupby(group)[name].agg(function)
    text = form.format(w=word, n=spoken(rng, name), g=spoken(rng, group))
    return Asked(text, (found.to_dict(),), "grouped")


def grouped_twice(rng: random.Random, made: Made) -> Asked:
    name, (first, second) = rng.choice(made.numbers), made.categories
    found = made.frame.groupby([first, second])[name].mean()
    return Asked(f"mean {name} by {first} and {second}", (found.to_dict(),), "grouped by two")


def filtered(rng: random.Random, made: Made) -> Asked:
    group = rng.choice(made.categories)
    value, name = rng.choice(sorted(made.frame[group].unique())), rng.choice(made.numbers)
    word, function = rng.choice(AGGREGATES[:2])
    form = rng.choice(["{w} {n} where {g} is {v}", "{w} of {n} for rows where {g} = {v}", "{w} {n} when {g} is '{v}'"])
    found = made.frame.loc[made.frame[group] == value, name].agg(function)
    return Asked(form.format(w=word, n=name, g=group, v=value), (found,), "filter by value")


BOUNDS: tuple[tuple[str, Callable[[pd.Series, float], pd.Series]], ...] = (
    ("greater than", pd.Series.gt), ("above", pd.Series.gt), ("less than", pd.Series.lt), ("below", pd.Series.lt),
    ("at least", pd.Series.ge), ("at most", pd.Series.le), (">", pd.Series.gt), ("<=", pd.Series.le),
)  # fmt: skip


def bounded(rng: random.Random, made: Made) -> Asked:
    word, holds = rng.choice(BOUNDS)
    name, other = rng.sample(made.numbers, 2)
    limit = float(np.round(made.frame[name].quantile(rng.uniform(0.2, 0.8)), 1))
    rows = made.frame[holds(made.frame[name], limit)]
    if rng.random() < 0.5:
        text = rng.choice(
            [f"how many rows have {name} {word} {limit:g}?", f"number of rows where {name} is {word} {limit:g}"]
        )
        return Asked(text.replace("is >", ">").replace("is <", "<"), (len(rows),), "count by bound")
    text = f"mean {other} where {name} is {word} {limit:g}".replace("is >", ">").replace("is <", "<")
    return Asked(text, (rows[other].mean(),), "filter by bound")


def between(rng: random.Random, made: Made) -> Asked:
    name, other = rng.sample(made.numbers, 2)
    low, high = sorted(
        float(np.round(made.frame[name].quantile(q), 0)) for q in (rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.9))
    )
    rows = made.frame[made.frame[name].between(low, high)]
    return Asked(f"median {other} where {name} is between {low:g} and {high:g}", (rows[other].median(),), "between")


def dated(rng: random.Random, made: Made) -> Asked:
    year, name = rng.choice([2018, 2019, 2020, 2021]), rng.choice(made.numbers)
    years = made.frame[made.date].dt.year
    form, rows = rng.choice(
        [
            (f"mean {name} in {year}", made.frame[years == year]),
            (f"mean {name} where {made.date} is in {year}", made.frame[years == year]),
            (
                f"mean {name} where {made.date} is after {year}-06-30",
                made.frame[made.frame[made.date] > f"{year}-06-30"],
            ),
        ]
    )
    return Asked(form, (rows[name].mean(),), "dates")


def counted(rng: random.Random, made: Made) -> Asked:
    group = rng.choice(made.categories)
    counts = made.frame[group].value_counts()
    if rng.random() < 0.5:
        form = rng.choice(
            ["how many rows per {}?", "count of rows by {}", "counts of {}", "number of rows for each {}"]
        )
        return Asked(form.format(group), (counts.to_dict(),), "counts")
    value = rng.choice(sorted(counts.index))
    form = rng.choice(
        ["how many rows have {g} {v}?", "how many rows where {g} is {v}?", "number of rows with {g} = {v}"]
    )
    return Asked(form.format(g=group, v=value), (int(counts[value]),), "count of value")


def shared(rng: random.Random, made: Made) -> Asked:
    group = rng.choice(made.categories)
    value = rng.choice(sorted(made.frame[group].unique()))
    form = rng.choice(["what share of rows has {g} {v}?", "proportion of rows where {g} is {v}"])
    return Asked(form.format(g=group, v=value), (float((made.frame[group] == value).mean()),), "share")


def correlated(rng: random.Random, made: Made) -> Asked:
    first, second = rng.sample(made.numbers, 2)
    pairs = made.frame[[first, second]].dropna()
    word, compute = rng.choice(
        [
            ("correlation", stats.pearsonr),
            ("Pearson correlation", stats.pearsonr),
            ("Spearman correlation", stats.spearmanr),
        ]
    )
    form = rng.choice(["{w} between {a} and {b}", "what is the {w} of {a} and {b}?"])
    found = compute(pairs[first], pairs[second])
    return Asked(form.format(w=word, a=first, b=second), (float(found.statistic),), "correlation")


def extreme(rng: random.Random, made: Made) -> Asked:
    word, function = rng.choice([("highest", "idxmax"), ("lowest", "idxmin")])
    name, group = rng.choice(made.numbers), rng.choice(made.categories)
    means = made.frame.groupby(group)[name].mean()
    return Asked(f"which {group} has the {word} mean {name}?", (getattr(means, function)(),), "extreme group")


def whole(rng: random.Random, made: Made) -> Asked:
    form, answer = rng.choice(
        [
            ("how many rows are there?", len(made.frame)),
            ("number of rows", len(made.frame)),
            ("how many columns does the table have?", made.frame.shape[1]),
            ("how many rows have a missing value?", int(made.frame.isna().any(axis=1).sum())),
        ]
    )
    return Asked(form, (answer,), "whole")


def derived(rng: random.Random, made: Made) -> Asked:
    first, second = rng.sample(made.numbers, 2)
    a, b = made.frame[first], made.frame[second]
    form, series = rng.choice(
        [
            (f"create a new column gap as the difference between {first} and {second}, then the mean of gap", a - b),
            (f"create a new feature both as the sum of {first} and {second} and calculate the mean of both", a + b),
            (
                f"make a column ratio by dividing {first} by {second}; what is the mean of ratio?",
                (a / b).replace([np.inf, -np.inf], np.nan),
            ),
        ]
    )
    return Asked(form, (series.mean(),), "derived")


def outlying(rng: random.Random, made: Made) -> Asked:
    name = rng.choice(made.numbers)
    series = made.frame[name].dropna()
    if rng.random() < 0.5:
        low, high = series.quantile(0.25), series.quantile(0.75)
        fence = 1.5 * (high - low)
        found = int(((series < low - fence) | (series > high + fence)).sum())
        return Asked(f"how many outliers does {name} have by the IQR method?", (found,), "outliers")
    found = int((((series - series.mean()) / series.std(ddof=0)).abs() > 3).sum())
    return Asked(f"number of outliers in {name} using the z-score method with a threshold of 3", (found,), "outliers")


def tested(rng: random.Random, made: Made) -> Asked:
    name, group = rng.choice(made.numbers[2:]), made.categories[0]
    samples = [part.dropna() for _, part in made.frame.groupby(group)[name]]
    if rng.random() < 0.5:
        return Asked(
            f"Shapiro-Wilk test of normality for {name}",
            (float(stats.shapiro(made.frame[name].dropna()).pvalue),),
            "test",
        )
    return Asked(f"one-way ANOVA of {name} by {group}", (float(stats.f_oneway(*samples).pvalue),), "test")


def imputed(rng: random.Random, made: Made) -> Asked:
    name = rng.choice(made.numbers[:2])
    how = rng.choice(["mean", "median"])
    series = made.frame[name]
    filled = series.fillna(series.agg(how))
    return Asked(
        f"fill missing values of {name} with the {how}, then the standard deviation of {name}",
        (filled.std(),),
        "imputed",
    )


def topped(rng: random.Random, made: Made) -> Asked:
    name, group, n = rng.choice(made.numbers), rng.choice(made.categories), rng.choice([2, 3])
    means = made.frame.groupby(group)[name].mean().sort_values(ascending=False).head(n)
    return Asked(f"top {n} {group} by mean {name}", (list(means.index),), "top")


TEMPLATES: tuple[Template, ...] = (
    simple, simple, simple, several, grouped, grouped, grouped_twice, filtered, filtered, bounded, bounded, between,
    dated, counted, counted, shared, correlated, extreme, whole, derived, outlying, tested, imputed, topped,
)  # fmt: skip


def questions(seed: int, tables: int, each: int) -> Iterator[tuple[Made, list[Asked]]]:
    """Yield tables with their questions; the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(tables):
        made = table(rng, rng.choice([60, 250, 900]))
        yield made, [rng.choice(TEMPLATES)(rng, made) for _ in range(each)]
