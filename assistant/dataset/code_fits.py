"""Code for simple models with scikit-learn; `fits` computes the same without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistant.dataset.fit_models import class_of, parameters_of
from assistant.dataset.fits import SCORERS
from assistant.dataset.steps import Fit

Kinds = Mapping[str, str]
Parts = Mapping[str, Any]
REGRESSION: Mapping[str, str] = {
    "rmse": "mean_squared_error({y}, {p}) ** 0.5",
    "mse": "mean_squared_error({y}, {p})",
    "mae": "mean_absolute_error({y}, {p})",
    "r2": "r2_score({y}, {p})",
}
CLASSIFICATION: Mapping[str, str] = {
    "accuracy": "accuracy_score({y}, {p})",
    "precision": "precision_score({y}, {p}, {how}zero_division=0)",
    "recall": "recall_score({y}, {p}, {how}zero_division=0)",
    "f1": "f1_score({y}, {p}, {how}zero_division=0)",
}
FUNCTIONS: Mapping[str, str] = {
    "rmse": "mean_squared_error", "mse": "mean_squared_error", "mae": "mean_absolute_error", "r2": "r2_score",
    "accuracy": "accuracy_score", "precision": "precision_score", "recall": "recall_score", "f1": "f1_score",
    "roc_auc": "roc_auc_score",
}  # fmt: skip


def categories(fit: Fit, kinds: Kinds) -> list[str]:
    """Return the features that are one-hot encoded."""
    return [name for name in fit.features if kinds[name] in ("text", "mixed")]


def model(fit: Fit, kinds: Kinds) -> str:
    """Return code for the model, behind the preparation of its columns where they need one."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in parameters_of(fit).items())
    bare = f"{class_of(fit)[1]}({arguments})"
    texts = categories(fit, kinds)
    if not texts and not fit.scale:
        return bare
    parts = []
    numbers = [name for name in fit.features if name not in texts]
    if numbers:
        parts.append(f"('numbers', {'StandardScaler()' if fit.scale else repr('passthrough')}, {numbers!r})")
    if texts:
        drop = "drop='first', " if fit.options.get("drop_first") else ""
        encoder = f"OneHotEncoder({drop}handle_unknown='ignore', sparse_output=False)"
        parts.append(f"('categories', {encoder}, {texts!r})")
    return f"make_pipeline(ColumnTransformer([{', '.join(parts)}]), {bare})"


def imports(fit: Fit, kinds: Kinds) -> frozenset[str]:
    """Return the import lines that a fit needs."""
    module, name = class_of(fit)
    found = {f"from sklearn.{module} import {name}"}
    if fit.model == "kmeans":
        found.add("from sklearn.metrics import silhouette_score")
    elif fit.folds > 1:
        found.add("from sklearn.model_selection import cross_val_score")
        found.add(f"from sklearn.metrics import {FUNCTIONS[fit.metric]}, make_scorer")
    else:
        names = REGRESSION if fit.task == "regression" else [*CLASSIFICATION, "roc_auc"]
        found.add("from sklearn.metrics import " + ", ".join(dict.fromkeys(FUNCTIONS[metric] for metric in names)))
        if fit.test_size:
            found.add("from sklearn.model_selection import train_test_split")
    return frozenset(found | preparations(fit, kinds))


def preparations(fit: Fit, kinds: Kinds) -> set[str]:
    """Return the import lines for the preparation of columns."""
    texts = categories(fit, kinds)
    if not texts and not fit.scale:
        return set()
    steps = ", ".join((["OneHotEncoder"] if texts else []) + (["StandardScaler"] if fit.scale else []))
    return {
        "from sklearn.compose import ColumnTransformer",
        "from sklearn.pipeline import make_pipeline",
        f"from sklearn.preprocessing import {steps}",
    }


def metrics(fit: Fit, found: Parts, y: str, model: str, test: str) -> dict[str, str]:
    """Return code for each metric of a fitted model."""
    predicted = f"{model}.predict({test})"
    if fit.task == "regression":
        return {name: code.format(y=y, p=predicted) for name, code in REGRESSION.items()}
    positive = found.get("positive")
    how = "average='macro', " if positive is None else f"pos_label={positive!r}, "
    shown = {name: code.format(y=y, p=predicted, how=how) for name, code in CLASSIFICATION.items()}
    if "roc_auc" in found:
        shown["roc_auc"] = area(fit, positive, y, model, test)
    return shown


def area(fit: Fit, positive: Any, y: str, model: str, test: str) -> str:
    """Return code for the area under the ROC curve."""
    if positive is None:
        return f"roc_auc_score({y}, {model}.predict_proba({test}), multi_class='ovr', average='macro')"
    if class_of(fit)[1] in ("SVC", "RidgeClassifier"):
        sign = f"(1 if {model}.classes_[1] == {positive!r} else -1)"
        return f"roc_auc_score({y} == {positive!r}, {sign} * {model}.decision_function({test}))"
    chance = f"{model}.predict_proba({test})[:, list({model}.classes_).index({positive!r})]"
    return f"roc_auc_score({y} == {positive!r}, {chance})"


def rows_of(fit: Fit, frame: str) -> str:
    """Return code for the rows that miss nothing."""
    names = [*fit.features, *([] if fit.model == "kmeans" else [fit.target])]
    return f"{frame}[{names!r}].dropna()"


def split(fit: Fit, rows: str) -> str:
    """Return code for the split into training and test rows."""
    stratify = f", stratify={rows}[{fit.target!r}]" if fit.options.get("stratify") else ""
    pair = f"{rows}[{list(fit.features)!r}], {rows}[{fit.target!r}]"
    return f"train_test_split({pair}, test_size={fit.test_size!r}, random_state={fit.seed}{stratify})"


def folded(fit: Fit, kinds: Kinds, found: Parts, rows: str) -> str:
    """Return code for the scores across folds."""
    scoring, sign = repr(SCORERS[fit.metric]), "-" if SCORERS[fit.metric].startswith("neg_") else ""
    if fit.metric in ("precision", "recall", "f1") and found.get("positive") is not None:
        scoring = f"make_scorer({FUNCTIONS[fit.metric]}, pos_label={found['positive']!r}, zero_division=0)"
    elif fit.metric == "roc_auc" and found.get("positive") is None:
        scoring = repr("roc_auc_ovr")
    pair = f"{rows}[{list(fit.features)!r}], {rows}[{fit.target!r}]"
    return f"({sign}cross_val_score({model(fit, kinds)}, {pair}, cv={fit.folds}, scoring={scoring}))"


def clusters(fit: Fit, model: str, rows: str) -> dict[str, str]:
    """Return code for the figures of k-means, whose pipeline or bare form is called `model`."""
    silhouette = (
        f"(lambda m: silhouette_score(m[:-1].transform({rows}) if hasattr(m, 'steps') else {rows},"
        f" m.predict({rows}), sample_size=min(len({rows}), 10_000), random_state={fit.seed}))({model})"
    )
    last = f"(lambda m: m[-1] if hasattr(m, 'steps') else m)({model})"
    return {"inertia": f"{last}.inertia_", "clusters": f"{last}.n_clusters", "silhouette": silhouette}


def expressions(fit: Fit, frame: str, kinds: Kinds, found: Parts) -> tuple[str, dict[str, str]]:
    """Return one expression for the metric, and one for each other metric."""
    if fit.model == "kmeans":
        shown = clusters(fit, f"{model(fit, kinds)}.fit(rows)", "rows")
        parts = {name: f"(lambda rows: {code})({rows_of(fit, frame)})" for name, code in shown.items()}
    elif fit.folds > 1:
        scores = folded(fit, kinds, found, "rows")
        rows = rows_of(fit, frame)
        parts = {fit.metric: f"(lambda rows: {scores}.mean())({rows})"}
        parts["std"] = f"(lambda rows: {scores}.std(ddof=1))({rows})"
    elif fit.test_size == 0:
        shown = metrics(fit, found, f"rows[{fit.target!r}]", "model", f"rows[{list(fit.features)!r}]")
        trained = f"{model(fit, kinds)}.fit(rows[{list(fit.features)!r}], rows[{fit.target!r}])"
        parts = {n: f"(lambda rows: (lambda model: {c})({trained}))({rows_of(fit, frame)})" for n, c in shown.items()}
    else:
        shown = metrics(fit, found, "y_test", "model", "X_test")
        trained = f"{model(fit, kinds)}.fit(X_train, y_train)"
        inner = "(lambda X_train, X_test, y_train, y_test: (lambda model: {0})({1}))(*{2})"
        parts = {
            name: f"(lambda rows: {inner.format(code, trained, split(fit, 'rows'))})({rows_of(fit, frame)})"
            for name, code in shown.items()
        }
    return parts[fit.metric], parts


def program(fit: Fit, variable: str, kinds: Kinds, found: Parts) -> tuple[tuple[str, ...], str, dict[str, str]]:
    """Return the lines that fit and score a model, the value's variable, and code for its parts."""
    rows = f"rows = {rows_of(fit, 'df')}"
    name = f"{variable}_model"
    if fit.model == "kmeans":
        lines = (rows, f"{name} = {model(fit, kinds)}.fit(rows)")
        shown = clusters(fit, name, "rows")
    elif fit.folds > 1:
        lines = (rows, f"{variable}_folds = {folded(fit, kinds, found, 'rows')}")
        shown = {fit.metric: f"{variable}_folds.mean()", "std": f"{variable}_folds.std(ddof=1)"}
    else:
        features, target = f"rows[{list(fit.features)!r}]", f"rows[{fit.target!r}]"
        parted = f"X_train, X_test, y_train, y_test = {split(fit, 'rows')}"
        same = f"X_train = X_test = {features}", f"y_train = y_test = {target}"
        lines = (rows, *((parted,) if fit.test_size else same), f"{name} = {model(fit, kinds)}.fit(X_train, y_train)")
        shown = metrics(fit, found, "y_test", name, "X_test")
        shown |= {"n_train": "len(X_train)", "n_test": "len(X_test)"}
    scores = [f"{variable}_scores = {{", *(f"    {part!r}: {code}," for part, code in shown.items()), "}"]
    parts = {part: f"{variable}_scores[{part!r}]" for part in shown} | coefficients(fit, kinds, name)
    return (*lines, *scores, f"{variable} = {variable}_scores[{fit.metric!r}]"), variable, parts


def coefficients(fit: Fit, kinds: Kinds, name: str) -> dict[str, str]:
    """Return code for intercept and coefficients of a linear model of plain columns."""
    if fit.model not in ("linear_regression", "ridge", "lasso", "logistic_regression") or fit.folds > 1:
        return {}
    if categories(fit, kinds) or fit.scale:
        return {}
    weights = {f"coef:{feature}": f"np.ravel({name}.coef_)[{n}]" for n, feature in enumerate(fit.features)}
    return {"intercept": f"np.ravel({name}.intercept_)[0]", **weights}
