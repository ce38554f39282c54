"""Statistical tests over a pandas frame, with their assumptions checked and said."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import stats

from assistant.dataset.expr import numbers, series
from assistant.dataset.pairs import cells
from assistant.dataset.samples import Sample, only_two, sample, samples, sizes
from assistant.dataset.scope import Scope, column
from assistant.dataset.steps import Test
from assistant.dataset.values import MOST_VALUES, Found, tidy
from assistant.dataset.walk import said
from kb.errors import BadInput

SHAPIRO_MOST = 5000
"""Above this size the p-value of Shapiro and Wilk is not exact (scipy says so too)."""
EXPECTED = 5
CRITICAL = {0.15: 0.561, 0.10: 0.631, 0.05: 0.752, 0.025: 0.873, 0.01: 1.035}
"""Of the modified statistic: D'Agostino and Stephens (1986), Goodness-of-Fit Techniques, table 4.7."""
LEAST = {"shapiro": 3, "anderson": 8, "ks": 2, "dagostino": 8, "jarque_bera": 2}


def tested(test: Test, scope: Scope) -> Found:
    """Return p with the statistic, n, and what was checked; BadInput where the test cannot be asked so."""
    run = TESTS.get(test.kind)
    if run is None:
        raise BadInput(f"there is no test {test.kind!r}", hint=f"known: {', '.join(TESTS)}")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return judged(run(test, scope), test)


def tested_table(table: Any, test: Test) -> Found:
    """Return the chi-square test of a table of counts that was made elsewhere."""
    return judged(independence(table, test), test)


def judged(found: Found, test: Test) -> Found:
    """Return what a test gave, with alpha and whether p is below it."""
    p = found.value
    parts = {"p": p, **found.parts, "alpha": test.alpha}
    if p is not None:
        parts["significant"] = p < test.alpha
    return Found(value=p, rows=found.rows, parts=parts, checks=found.checks)


def result(outcome: Any, found: tuple[Sample, ...], *checks: str, **parts: Any) -> Found:
    """Return p and statistic of what scipy gave."""
    n, p = sum(one.n for one in found), tidy(outcome.pvalue)
    why = () if p is not None else ("the test is not defined here: the values do not vary",)
    shown = {"statistic": tidy(outcome.statistic), "n": n, **{name: tidy(part) for name, part in parts.items()}}
    return Found(value=p, rows=n, parts=shown, checks=(*sizes(found), *checks, *why))


def too_few(found: tuple[Sample, ...], least: int, test: Test) -> Found | None:
    """Return a result without a value where a group is too small or nothing varies."""
    small = [one for one in found if one.n < least]
    rows = sum(one.n for one in found)
    if small:
        why = f"{test.kind} needs {least} values in a group; {small[0].name!r} has {small[0].n}"
    elif all(one.n == 0 or np.ptp(one.values) == 0 for one in found):
        why = f"{test.kind} is not defined: all values of {found[0].name!r} are equal"
    else:
        return None
    return Found(value=None, rows=rows, parts={"n": rows}, checks=(*sizes(found), why))


# -- one sample -------------------------------------------------------------------------------------------------------


def normality(test: Test, scope: Scope) -> Found:
    """Return a test of whether one column is normal."""
    found = samples(test, scope)
    if len(found) != 1:
        raise BadInput(f"{test.kind} tests one column, got {len(found)}", hint="name one column")
    bad = too_few(found, LEAST[test.kind], test)
    return bad or NORMALITY[test.kind](found, test)


def shapiro(found: tuple[Sample, ...], test: Test) -> Found:
    """Return the test of Shapiro and Wilk."""
    large = (f"with more than {SHAPIRO_MOST:,} values its p is not exact",) if found[0].n > SHAPIRO_MOST else ()
    return result(stats.shapiro(found[0].values), found, *large)


def kolmogorov(found: tuple[Sample, ...], test: Test) -> Found:
    """Return the test of Kolmogorov and Smirnov against the fitted normal distribution."""
    values = found[0].values
    outcome = stats.kstest(values, "norm", args=(values.mean(), values.std(ddof=1)))
    return result(outcome, found, "mean and deviation were estimated from the same values, so p is too large")


def anderson(found: tuple[Sample, ...], test: Test) -> Found:
    """Return the test of Anderson and Darling, p by D'Agostino and Stephens (1986), table 4.9."""
    n = found[0].n
    squared = float(stats.anderson(found[0].values, "norm").statistic)
    factor = 1 + 0.75 / n + 2.25 / n**2
    p = anderson_p(squared * factor)
    critical = CRITICAL[test.alpha] / factor if test.alpha in CRITICAL else None
    parts = {"statistic": squared, "n": n, "critical": critical}
    return Found(value=p, rows=n, parts=parts, checks=tuple(sizes(found)))


def anderson_p(a: float) -> float:
    """Return p of the modified statistic: D'Agostino and Stephens (1986), table 4.9, normal with both estimated."""
    if a >= 0.6:
        return float(np.exp(1.2937 - 5.709 * a + 0.0186 * a**2)) if a < 153 else 0.0
    if a >= 0.34:
        return float(np.exp(0.9177 - 4.279 * a - 1.38 * a**2))
    if a >= 0.2:
        return float(1 - np.exp(-8.318 + 42.796 * a - 59.938 * a**2))
    return float(1 - np.exp(-13.436 + 101.14 * a - 223.73 * a**2))


NORMALITY: Mapping[str, Callable[[tuple[Sample, ...], Test], Found]] = {
    "shapiro": shapiro,
    "anderson": anderson,
    "ks": kolmogorov,
    "dagostino": lambda found, test: result(stats.normaltest(found[0].values), found),
    "jarque_bera": lambda found, test: result(stats.jarque_bera(found[0].values), found),
}


def one_sample_t(test: Test, scope: Scope) -> Found:
    """Return the t-test of a mean against options["mu"]."""
    found = samples(test, scope)
    mu, values = float(test.options.get("mu", 0.0)), found[0].values
    bad = too_few(found[:1], 2, test)
    if bad:
        return bad
    outcome = stats.ttest_1samp(values, mu, alternative=side(test))
    effect = (values.mean() - mu) / values.std(ddof=1)
    return result(outcome, found[:1], *normal(found[:1], test), df=outcome.df, mean=values.mean(), effect=effect)


# -- assumptions ------------------------------------------------------------------------------------------------------


def side(test: Test) -> str:
    """Return the alternative of a test: two-sided unless told."""
    return str(test.options.get("alternative", "two-sided"))


def normal(found: tuple[Sample, ...], test: Test) -> Iterator[str]:
    """Yield for each group whether Shapiro and Wilk speak against a normal distribution."""
    for one in found[:8]:
        if one.n < 3 or np.ptp(one.values) == 0:
            continue
        held, note = one.values, ""
        if one.n > SHAPIRO_MOST:
            held = np.random.default_rng(0).choice(one.values, SHAPIRO_MOST, replace=False)
            note = f" (on {SHAPIRO_MOST:,} of its values)"
        p = float(stats.shapiro(held).pvalue)
        word = "looks normal" if p >= test.alpha else "is not normal"
        yield f"{one.name} {word}: Shapiro-Wilk p = {p:.3g}{note}"


def variances(found: tuple[Sample, ...], test: Test) -> Iterator[str]:
    """Yield whether Levene's test speaks against equal variances."""
    if all(one.n >= 2 for one in found):
        p = tidy(stats.levene(*(one.values for one in found)).pvalue)
        if p is not None:
            word = "look equal" if p >= test.alpha else "differ"
            hint = "" if p >= test.alpha or test.kind == "welch" else "; Welch's test does not need equal ones"
            yield f"the variances {word}: Levene p = {p:.3g}{hint}"


# -- two and more samples ---------------------------------------------------------------------------------------------


def middles(found: tuple[Sample, ...], word: str = "mean") -> dict[str, Any]:
    """Return the mean or median of each group as parts."""
    work = np.mean if word == "mean" else np.median
    shown = {f"{word}:{one.name}": float(work(one.values)) for one in found[:50] if one.n}
    return shown | {f"n:{one.name}": one.n for one in found[:50]}


def t_test(test: Test, scope: Scope) -> Found:
    """Return the t-test of two means, with equal variances or Welch's."""
    found = samples(test, scope)
    only_two(found, test)
    a, b = found
    bad = too_few(found, 2, test)
    if bad:
        return bad
    outcome = stats.ttest_ind(a.values, b.values, equal_var=test.kind == "t", alternative=side(test))
    pooled = ((a.n - 1) * a.values.var(ddof=1) + (b.n - 1) * b.values.var(ddof=1)) / (a.n + b.n - 2)
    difference = a.values.mean() - b.values.mean()
    checks = (*normal(found, test), *variances(found, test))
    parts = {"df": outcome.df, "difference": difference, "effect": difference / np.sqrt(pooled), **middles(found)}
    return result(outcome, found, *checks, **parts)


def mann_whitney(test: Test, scope: Scope) -> Found:
    """Return the two-sided test of Mann and Whitney; the effect is the rank-biserial correlation."""
    found = samples(test, scope)
    only_two(found, test)
    a, b = found
    bad = too_few(found, 1, test)
    if bad:
        return bad
    outcome = stats.mannwhitneyu(a.values, b.values, alternative=side(test))
    effect = 2 * outcome.statistic / (a.n * b.n) - 1
    return result(outcome, found, effect=effect, **middles(found, "median"))


def two_distributions(test: Test, scope: Scope) -> Found:
    """Return the test of Kolmogorov and Smirnov for two groups."""
    found = samples(test, scope)
    only_two(found, test)
    return too_few(found, 1, test) or result(stats.ks_2samp(*(one.values for one in found)), found)


def paired(test: Test, scope: Scope) -> Found:
    """Return a test of the differences of two columns over the rows that have both."""
    if len(test.columns) != 2:
        raise BadInput(f"{test.kind} compares two columns row by row", hint="name two columns")
    a, b = (numbers(expr, scope, "a test").astype("float64") for expr in test.columns)
    found = (sample("the difference", a - b),)
    bad = too_few(found, 2, test)
    if bad:
        return bad
    both = np.isfinite((a - b).to_numpy())
    first, second = a.to_numpy()[both], b.to_numpy()[both]
    if test.kind == "wilcoxon":
        return result(stats.wilcoxon(first, second, alternative=side(test)), found)
    outcome = stats.ttest_rel(first, second, alternative=side(test))
    values = found[0].values
    parts = {"df": outcome.df, "difference": values.mean(), "effect": values.mean() / values.std(ddof=1)}
    return result(outcome, found, *normal(found, test), **parts)


def several(test: Test, scope: Scope) -> Found:
    """Return a test of two or more groups."""
    found = samples(test, scope)
    if len(found) < 2:
        raise BadInput(f"{test.kind} compares groups; there is {len(found)}", hint="name a column to group by")
    bad = too_few(found, 1 if test.kind == "kruskal" else 2, test)
    return bad or SEVERAL[test.kind](found, test)


def anova(found: tuple[Sample, ...], test: Test) -> Found:
    """Return the one-way analysis of variance; the effect is eta squared."""
    outcome = stats.f_oneway(*(one.values for one in found))
    everything = np.concatenate([one.values for one in found])
    between = sum(one.n * (one.values.mean() - everything.mean()) ** 2 for one in found)
    effect = between / ((everything - everything.mean()) ** 2).sum()
    checks = (*normal(found, test), *variances(found, test))
    return result(outcome, found, *checks, df=len(found) - 1, effect=effect, **middles(found))


def kruskal(found: tuple[Sample, ...], test: Test) -> Found:
    """Return the test of Kruskal and Wallis; the effect is eta squared of H."""
    outcome, n = stats.kruskal(*(one.values for one in found)), sum(one.n for one in found)
    effect = max(0.0, (outcome.statistic - len(found) + 1) / (n - len(found))) if n > len(found) else None
    return result(outcome, found, df=len(found) - 1, effect=effect, **middles(found, "median"))


def levene(found: tuple[Sample, ...], test: Test) -> Found:
    """Return Levene's test around the median unless options["center"] says mean or trimmed."""
    center = str(test.options.get("center", "median"))
    return result(stats.levene(*(one.values for one in found), center=center), found, df=len(found) - 1)


def bartlett(found: tuple[Sample, ...], test: Test) -> Found:
    """Return Bartlett's test, which needs normal groups."""
    outcome = stats.bartlett(*(one.values for one in found))
    return result(outcome, found, *normal(found, test), df=len(found) - 1)


SEVERAL: Mapping[str, Callable[[tuple[Sample, ...], Test], Found]] = {
    "anova": anova,
    "kruskal": kruskal,
    "levene": levene,
    "bartlett": bartlett,
}


def chi_square(test: Test, scope: Scope) -> Found:
    """Return the test of whether two categories are independent; Yates' correction for 2 by 2, as scipy does."""
    columns = [series(expr, scope) for expr in test.columns]
    columns += [column(scope.frame, test.by)] if test.by else []
    if len(columns) != 2:
        raise BadInput("chi2 compares two categorical columns", hint="name two columns")
    if columns[0].nunique() * columns[1].nunique() > MOST_VALUES:
        name = said(test.columns[0])
        raise BadInput(f"{name!r} has too many different values for a chi-square test", hint="bin it first")
    return independence(cells(*columns).to_numpy(), test)


def independence(table: Any, test: Test) -> Found:
    """Return the chi-square test of a table of counts."""
    n = int(table.sum())
    if table.ndim != 2 or min(table.shape) < 2:
        why = "a chi-square test needs at least two values in each column"
        return Found(value=None, rows=n, parts={"n": n}, checks=(why,))
    outcome = stats.chi2_contingency(table)
    low = float((outcome.expected_freq < EXPECTED).mean())
    word = f"{low:.0%} of the expected counts are below {EXPECTED}"
    checks = (word + ("; the test wants at most 20%" if low > 0.2 else ""),)
    effect = np.sqrt(stats.chi2_contingency(table, correction=False).statistic / n / (min(table.shape) - 1))
    parts = {"statistic": outcome.statistic, "df": outcome.dof, "n": n, "effect": effect}
    return Found(value=tidy(outcome.pvalue), rows=n, parts={k: tidy(v) for k, v in parts.items()}, checks=checks)


TESTS: Mapping[str, Callable[[Test, Scope], Found]] = {
    **dict.fromkeys(NORMALITY, normality),
    **dict.fromkeys(SEVERAL, several),
    "t": t_test,
    "welch": t_test,
    "mann_whitney": mann_whitney,
    "ks_2": two_distributions,
    "paired_t": paired,
    "wilcoxon": paired,
    "chi2": chi_square,
    "one_sample_t": one_sample_t,
}
