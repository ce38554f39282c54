"""Harder generated questions with their answers by plain pandas: or, not, two conditions, shares, ranks, follow-ups."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NUMBERS = (
    "price", "unit cost", "weight", "age", "height", "income", "distance", "duration", "temperature", "pressure",
    "speed", "rainfall", "monthly rent", "account balance", "heart rate", "fuel use", "net profit", "tax paid",
)  # fmt: skip
CATEGORIES: dict[str, tuple[str, ...]] = {
    "region": ("north", "south", "east", "west"),
    "colour": ("red", "green", "blue"),
    "plan": ("basic", "plus", "premium"),
    "department": ("sales", "support", "finance", "legal"),
    "weather": ("sunny", "cloudy", "rainy", "snowy"),
    "city": ("Oslo", "Lima", "Quito", "Porto"),
}
FLAGS = ("active", "insured", "returned", "member", "verified")
DATES = ("order date", "signup date", "visit date")
FUNCTIONS = (("mean", "mean"), ("average", "mean"), ("median", "median"), ("total", "sum"), ("highest", "max"),
             ("lowest", "min"))  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A table, and the names of its columns by what they hold."""

    frame: pd.DataFrame
    numbers: tuple[str, ...]
    groups: tuple[str, str]
    flag: str
    date: str


@dataclass(frozen=True)
class Hard:
    """A question with its answers by plain pandas; `names` are wanted back, `before` is the question it follows up."""

    question: str
    answer: Any
    kind: str
    names: tuple[str, ...] = ()
    before: str = ""


def named(words: str, style: int) -> str:
    return words.replace(" ", "_") if style == 0 else words.title().replace(" ", "") if style == 1 else words


def table(rng: random.Random, rows: int) -> Made:
    """Return a table of random columns; some numbers are missing, the flag is yes and no, 0 and 1, or a boolean."""
    style, noise = rng.randrange(3), np.random.default_rng(rng.randrange(2**32))
    numbers = tuple(named(name, style) for name in rng.sample(NUMBERS, 3))
    first, second = rng.sample(sorted(CATEGORIES), 2)
    flag, date = named(rng.choice(FLAGS), style), named(rng.choice(DATES), style)
    made: dict[str, Any] = {
        numbers[0]: np.where(noise.random(rows) < 0.1, np.nan, noise.normal(60, 15, rows).round(2)),
        numbers[1]: noise.gamma(2.0, 30.0, rows).round(1),
        numbers[2]: noise.normal(50, 12, rows).round(1),
        named(first, style): noise.choice(CATEGORIES[first], rows),
        named(second, style): noise.choice(CATEGORIES[second], rows),
        flag: noise.choice(rng.choice([["yes", "no"], [1, 0], [True, False]]), rows),
        date: pd.Timestamp("2018-01-01") + pd.to_timedelta(noise.integers(0, 1500, rows), "D"),
    }
    groups = (named(first, style), named(second, style))
    return Made(pd.DataFrame(made), numbers, groups, flag, date)


def yes(made: Made) -> pd.Series:
    return made.frame[made.flag].map(lambda value: str(value).lower() in ("yes", "1", "true"))


def values(rng: random.Random, made: Made, group: str, n: int) -> list[str]:
    return rng.sample(sorted(made.frame[group].unique()), n)


def limit(rng: random.Random, made: Made, name: str) -> float:
    return float(np.round(made.frame[name].quantile(rng.uniform(0.2, 0.8)), 1))


def excluded(rng: random.Random, made: Made) -> Hard:
    name, group = rng.choice(made.numbers), rng.choice(made.groups)
    one, two = values(rng, made, group, 2)
    word, function = rng.choice(FUNCTIONS[:4])
    held = made.frame[group]
    form, rows = rng.choice(
        [
            (f"{word} {name} excluding {one}", held != one),
            (f"{word} {name} except for {one}", held != one),
            (f"{word} {name} where {group} is not {one}", held != one),
            (f"{word} {name} other than {one}", held != one),
            (f"{word} {name} without {one} and {two}", ~held.isin([one, two])),
            (f"{word} {name} where {group} is not {one} or {two}", ~held.isin([one, two])),
            (f"{word} {name} where {group} is neither {one} nor {two}", ~held.isin([one, two])),
            (f"{word} {name} for all {group}s except {one}", held != one),
        ]
    )
    return Hard(form, made.frame.loc[rows, name].agg(function), "not")


def either(rng: random.Random, made: Made) -> Hard:
    name, other = rng.sample(made.numbers, 2)
    group, second = made.groups
    one, two = values(rng, made, group, 2)
    three = values(rng, made, second, 1)[0]
    low, high = sorted(limit(rng, made, other) for _ in range(2))
    d = made.frame
    form, rows = rng.choice(
        [
            (f"mean {name} where {group} is {one} or {two}", d[group].isin([one, two])),
            (f"mean {name} for {one} or {two}", d[group].isin([one, two])),
            (f"mean {name} where {group} is {one} or {second} is {three}", (d[group] == one) | (d[second] == three)),
            (f"mean {name} where {other} is below {low:g} or above {high:g}", (d[other] < low) | (d[other] > high)),
            (
                f"mean {name} where {other} is below {low:g} or {other} is above {high:g}",
                (d[other] < low) | (d[other] > high),
            ),
            (
                f"mean {name} where {group} is {one} or {other} is above {high:g}",
                (d[group] == one) | (d[other] > high),
            ),
        ]
    )
    return Hard(form, d.loc[rows, name].mean(), "or")


def mixed(rng: random.Random, made: Made) -> Hard:
    """Ands beside an or: right where it is read one way only, else it has to stay open."""
    name, other = rng.sample(made.numbers, 2)
    group, second = made.groups
    one, two = values(rng, made, group, 2)
    three, bound, d = values(rng, made, second, 1)[0], limit(rng, made, other), made.frame
    rows = (d[second] == three) & d[group].isin([one, two]) & (d[other] > bound)
    form = f"mean {name} where {second} is {three} and {group} is {one} or {two} and {other} is above {bound:g}"
    return Hard(form, d.loc[rows, name].mean(), "and with or")


def two_conditions(rng: random.Random, made: Made) -> Hard:
    name, other = rng.sample(made.numbers, 2)
    group, second = rng.sample(made.groups, 2)
    one, bound, d = values(rng, made, group, 1)[0], limit(rng, made, other), made.frame
    (word, function), (again, more) = rng.sample(FUNCTIONS[1:4], 2)
    rows = d[(d[group] == one) & (d[other] >= bound)]
    found = rows.groupby(second)[name].agg([function, more])
    form = rng.choice(
        [
            f"{word} and {again} {name} by {second} where {group} is {one} and {other} is at least {bound:g}",
            f"{word} and {again} {name} per {second} for {one} with {other} of at least {bound:g}",
        ]
    )
    return Hard(form, [found[function].to_dict(), found[more].to_dict()], "two conditions, group, two measures")


def flagged(rng: random.Random, made: Made) -> Hard:
    name, group, holds = rng.choice(made.numbers), rng.choice(made.groups), yes(made)
    d, flag = made.frame, made.flag
    form, found = rng.choice(
        [
            (f"mean {name} by {group} where {flag} is yes", d[holds].groupby(group)[name].mean().to_dict()),
            (f"mean {name} by {group} where {flag} is no", d[~holds].groupby(group)[name].mean().to_dict()),
            (f"how many rows are not {flag}?", int((~holds).sum())),
            (f"share of {flag} rows by {group}", holds.groupby(d[group]).mean().to_dict()),
            (f"mean {name} of {flag} customers", d.loc[holds, name].mean()),
            (f"mean {name} of customers who are not {flag}", d.loc[~holds, name].mean()),
            (f"number of {flag} customers per {group}", d.loc[holds, group].value_counts().to_dict()),
        ]
    )
    return Hard(form, found, "flags")


def columns(rng: random.Random, made: Made) -> Hard:
    one, two, three = rng.sample(made.numbers, 3)
    d = made.frame
    form, found = rng.choice(
        [
            (f"how many rows have {one} above {two}?", int((d[one] > d[two]).sum())),
            (f"number of rows where {one} exceeds {two}", int((d[one] > d[two]).sum())),
            (f"mean {three} where {one} is less than {two}", d.loc[d[one] < d[two], three].mean()),
            (f"mean of {one} minus {two}", (d[one] - d[two]).mean()),
            (f"median of {one} plus {two}", (d[one] + d[two]).median()),
            (f"mean {one} minus mean {two}", d[one].mean() - d[two].mean()),
            (f"mean difference between {one} and {two}", (d[one] - d[two]).mean()),
        ]
    )
    return Hard(form, found, "columns against each other")


def share(rng: random.Random, made: Made) -> Hard:
    group, second = rng.sample(made.groups, 2)
    one, two = values(rng, made, group, 1)[0], values(rng, made, second, 1)[0]
    name, d = rng.choice(made.numbers), made.frame
    bound = limit(rng, made, name)
    form, found = rng.choice(
        [
            (f"what share of {one} rows are {two}?", (d.loc[d[group] == one, second] == two).mean()),
            (f"percentage of {two} among {one}", 100 * (d.loc[d[group] == one, second] == two).mean()),
            (
                f"share of rows with {name} above {bound:g} by {group}",
                (d[name] > bound).groupby(d[group]).mean().to_dict(),
            ),
            (
                f"percentage of {one} rows with {name} above {bound:g}",
                100 * (d.loc[d[group] == one, name] > bound).mean(),
            ),
        ]
    )
    return Hard(form, found, "shares")


def ranked(rng: random.Random, made: Made) -> Hard:
    name, group, d = rng.choice(made.numbers), rng.choice(made.groups), made.frame
    means = d.groupby(group)[name].mean()
    ordered = d[name].dropna().sort_values()
    one, two = values(rng, made, group, 2)
    gap = d.loc[d[group] == one, name].mean() - d.loc[d[group] == two, name].mean()
    form, found = rng.choice(
        [
            (f"second highest {name}", ordered.iloc[-2]),
            (f"third lowest {name}", ordered.iloc[2]),
            (f"which {group} has the second highest mean {name}?", means.nlargest(2).index[1]),
            (f"difference in mean {name} between {one} and {two}", gap),
            (f"how much higher is the mean {name} in {one} than in {two}?", gap),
            (f"average of the highest {name} per {group}", d.groupby(group)[name].max().mean()),
            (f"maximum minus minimum {name}", d[name].max() - d[name].min()),
        ]
    )
    return Hard(form, found, "ranks and differences")


def dated(rng: random.Random, made: Made) -> Hard:
    name, d, year = rng.choice(made.numbers), made.frame, rng.choice([2018, 2019, 2020])
    held, verb = d[made.date], made.date
    form, rows = rng.choice(
        [
            (f"mean {name} where {verb} is before {year + 1}", held < f"{year + 1}"),
            (f"mean {name} since March {year}", held >= f"{year}-03-01"),
            (
                f"mean {name} between {year}-02-01 and {year}-08-31",
                (held >= f"{year}-02-01") & (held <= f"{year}-08-31"),
            ),
            (f"mean {name} until {year}-06-30", held <= f"{year}-06-30"),
            (f"mean {name} in {year} or {year + 1}", held.dt.year.isin([year, year + 1])),
            (f"mean {name} from {year} to {year + 1}", held.dt.year.isin([year, year + 1])),
            (f"mean {name} after March 5, {year}", held > f"{year}-03-05"),
        ]
    )
    return Hard(form, d.loc[rows, name].mean(), "dates")


def unanswerable(rng: random.Random, made: Made) -> Hard:
    """What nothing in the table or the vocabulary answers: it may never run."""
    name, group = rng.choice(made.numbers), rng.choice(made.groups)
    one = values(rng, made, group, 1)[0]
    forms = (
        f"mean {name} in euros", f"mean {name} rounded up", f"geometric mean of {name}",
        f"mean {name} of left-handed rows",
        f"mean {name} next year", f"mean {name} per dog", f"weighted mean of {name}",
        f"mean {name} by {group} in percent",
        f"mean {name} of the other rows", f"mean {name} after taxes", f"mean {name} of {one} or better",
        f"mean {name} instead of the median", f"mean {name} for the first 20 rows", f"trimmed mean of {name}",
        f"mean {name} excluding the top 5%", f"forecast {name}", f"mean {name} in thousands", f"mean squared {name}",
        f"mean {name} by {group} and shoe size", f"mean {name} unless {group} is {one}", f"mean {name} with dogs",
        f"cumulative mean of {name}", f"running total of {name}", f"mean {name} twice", f"half the mean {name}",
    )  # fmt: skip
    return Hard(rng.choice(forms), None, "unanswerable")


def wanted_back(rng: random.Random, made: Made) -> Hard:
    """Names wanted back, rounded to two decimals."""
    name, group, d = rng.choice(made.numbers), rng.choice(made.groups), made.frame
    one = values(rng, made, group, 1)[0]
    rows = d.loc[d[group] == one, name]
    form = f"Calculate the mean and the standard deviation of {name} for rows where {group} is {one}."
    return Hard(form, [round(rows.mean(), 2), round(rows.std(), 2)], "names wanted back", names=("mean", "std"))


def followed(rng: random.Random, made: Made) -> Hard:
    name, other = rng.sample(made.numbers, 2)
    group, d = rng.choice(made.groups), made.frame
    one = values(rng, made, group, 1)[0]
    first = f"mean of {name}"
    form, found = rng.choice(
        [
            (f"and by {group}?", d.groupby(group)[name].mean().to_dict()),
            (f"only for {one}", d.loc[d[group] == one, name].mean()),
            ("what about the median?", d[name].median()),
            (f"same for {other}", d[other].mean()),
            (f"and without {one}?", d.loc[d[group] != one, name].mean()),
        ]
    )
    return Hard(form, found, "follow-ups", before=first)


TEMPLATES: tuple[Callable[[random.Random, Made], Hard], ...] = (
    excluded, excluded, either, either, mixed, two_conditions, two_conditions, flagged, flagged, columns, columns,
    share, ranked, ranked, dated, dated, unanswerable, unanswerable, wanted_back, followed,
)  # fmt: skip


def questions(seed: int, tables: int, each: int) -> Iterator[tuple[Made, list[Hard]]]:
    """Yield tables with their questions; the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(tables):
        made = table(rng, rng.choice([60, 250, 700]))
        yield made, [rng.choice(TEMPLATES)(rng, made) for _ in range(each)]
