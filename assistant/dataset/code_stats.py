"""Code for statistical tests with scipy; `stats` computes the same without it."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.dataset.code_expr import Writer
from assistant.dataset.code_frame import over
from assistant.dataset.steps import Col, Compare, Const, Test

CALLS: Mapping[str, str] = {
    "shapiro": "shapiro({0})",
    "dagostino": "normaltest({0})",
    "jarque_bera": "jarque_bera({0})",
    "t": "ttest_ind({0}{side})",
    "welch": "ttest_ind({0}, equal_var=False{side})",
    "mann_whitney": "mannwhitneyu({0}{side})",
    "ks_2": "ks_2samp({0})",
    "anova": "f_oneway({0})",
    "kruskal": "kruskal({0})",
    "levene": "levene({0}{center})",
    "bartlett": "bartlett({0})",
    "one_sample_t": "ttest_1samp({0}, {mu}{side})",
}
SQUARED = "-len(z) - np.mean((2 * np.arange(1, len(z) + 1) - 1) * (stats.norm.logcdf(z) + stats.norm.logsf(z[::-1])))"
"""The statistic of Anderson and Darling over sorted z-scores."""
ANDERSON_P = (
    "(lambda a: np.exp(1.2937 - 5.709 * a + 0.0186 * a**2) if a >= 0.6"
    " else np.exp(0.9177 - 4.279 * a - 1.38 * a**2) if a >= 0.34"
    " else 1 - np.exp(-8.318 + 42.796 * a - 59.938 * a**2) if a >= 0.2"
    " else 1 - np.exp(-13.436 + 101.14 * a - 223.73 * a**2))({0})"
)
"""D'Agostino and Stephens (1986), Goodness-of-Fit Techniques, table 4.9."""


def tested(test: Test, frame: str, w: Writer) -> tuple[str, dict[str, str]]:
    """Return code for p, and for the parts of a test."""
    if test.kind == "anderson":
        return anderson(test, frame, w)
    call = over(frame, lambda d: called(test, d, w))
    parts = {"p": f"{call}.pvalue", "statistic": f"{call}.statistic"}
    if test.kind == "chi2":
        parts["df"] = f"{call}.dof"
    if test.kind in ("t", "welch", "paired_t", "one_sample_t"):
        parts["df"] = f"{call}.df"
    return parts["p"], parts


def called(test: Test, d: str, w: Writer) -> str:
    """Return code for what scipy gives."""
    if test.kind == "chi2":
        columns = [w.series(expr, d) for expr in test.columns]
        columns += [w.series(Col(test.by), d)] if test.by else []
        second = f"{columns[1]}.rename('second')" if columns[0] == columns[1] else columns[1]
        return f"stats.chi2_contingency(pd.crosstab({columns[0]}, {second}))"
    if test.kind in ("paired_t", "wilcoxon"):
        a, b = (w.number(expr, d) for expr in test.columns)
        function = "ttest_rel" if test.kind == "paired_t" else "wilcoxon"
        pairs = f"pd.DataFrame({{'a': {a}, 'b': {b}}}).dropna()"
        return f"{pairs}.pipe(lambda d: stats.{function}(d['a'], d['b']{side(test)}))"
    if test.kind == "ks":
        fitted = "stats.kstest(x, 'norm', args=(x.mean(), x.std()))"
        return f"{groups(test, d, w)}.pipe(lambda x: {fitted})"
    center = test.options.get("center", "median")
    return "stats." + CALLS[test.kind].format(
        groups(test, d, w),
        side=side(test),
        mu=test.options.get("mu", 0.0),
        center="" if center == "median" else f", center={center!r}",
    )


def side(test: Test) -> str:
    """Return the argument for a one-sided test."""
    alternative = test.options.get("alternative", "two-sided")
    return "" if alternative == "two-sided" else f", alternative={alternative!r}"


def groups(test: Test, d: str, w: Writer) -> str:
    """Return code for the groups as arguments."""
    if test.samples:
        value = w.number(test.columns[0], d)
        return ", ".join(f"{value}[{w.mask(condition, d)}].dropna()" for condition in test.samples)
    if test.by is not None and test.groups:
        by, value = Col(test.by), w.number(test.columns[0], d)
        return ", ".join(f"{value}[{w.mask(Compare('eq', by, Const(g)), d)}].dropna()" for g in test.groups)
    if test.by is not None:
        value = w.number(test.columns[0], d)
        return f"*[group.dropna() for _, group in {value}.groupby({d}[{test.by!r}], observed=True)]"
    return ", ".join(f"{w.number(expr, d)}.dropna()" for expr in test.columns)


def anderson(test: Test, frame: str, w: Writer) -> tuple[str, dict[str, str]]:
    """Return code for Anderson and Darling's p and statistic."""
    values = over(frame, lambda d: f"{w.number(test.columns[0], d)}.dropna().sort_values()")
    scores = f"{values}.pipe(lambda s: (s - s.mean()) / s.std())"
    statistic = f"{scores}.pipe(lambda z: {SQUARED})"
    modified = f"{scores}.pipe(lambda z: ({SQUARED}) * (1 + 0.75 / len(z) + 2.25 / len(z) ** 2))"
    p = ANDERSON_P.replace("{0}", modified)
    return p, {"p": p, "statistic": statistic}
