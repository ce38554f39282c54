"""Simple models with scikit-learn: split, fit, score on the held-out rows, with everything that was decided said."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset.fit_models import MODELS, Plan, model_of, plan_of
from assistant.dataset.scope import Scope, column
from assistant.dataset.steps import Fit
from assistant.dataset.values import Found, counted, tidy
from kb.errors import BadInput

MOST_ROWS = 200_000
"""Models are fitted here on at most this many rows."""


def fitted(fit: Fit, scope: Scope) -> Found:
    """Return the metric of a model, its other metrics and coefficients as parts; BadInput where it cannot be fitted."""
    rows = complete(fit, scope)
    plan = plan_of(fit, rows)
    gone = len(scope.frame) - len(rows)
    checks = [f"{counted(gone, 'row')} that miss a value left out"] if gone else []
    checks += plan.notes
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parts = clustered(fit, plan, rows) if fit.model == "kmeans" else scored(fit, plan, rows)
        except ValueError as error:
            raise BadInput(f"{fit.model} cannot be fitted: {first_line(error)}", hint="name other columns") from error
    checks += [f"scikit-learn warned: {text}" for text in dict.fromkeys(first_line(w.message) for w in caught)]
    if fit.metric not in parts:
        known = ", ".join(name for name in parts if not name.startswith(("coef:", "importance:")))
        raise BadInput(f"{fit.model} gives no {fit.metric!r} here", hint=f"it gives {known}")
    shown = tidy(parts | ({} if plan.positive is None else {"positive": plan.positive}))
    return Found(value=shown[fit.metric], rows=len(rows), parts=shown, checks=tuple(checks))


def first_line(what: Any) -> str:
    """Return the first sentence of an error or a warning."""
    return str(what).strip().split("\n")[0][:200]


def complete(fit: Fit, scope: Scope) -> pd.DataFrame:
    """Return the rows that have every feature and the target, in their order."""
    if fit.model not in MODELS:
        raise BadInput(f"there is no model {fit.model!r}", hint=f"known: {', '.join(MODELS)}")
    if not fit.features:
        raise BadInput("a model needs features", hint="name the columns to predict from")
    if fit.target in fit.features:
        raise BadInput(f"{fit.target!r} cannot predict itself", hint="leave it out of the features")
    names = [*fit.features, *([fit.target] if fit.target and fit.model != "kmeans" else [])]
    for name in names:
        column(scope.frame, name)
    rows = scope.frame[list(dict.fromkeys(names))].dropna()
    if len(rows) < 4:
        raise BadInput(
            f"{counted(len(rows), 'row')} with all values are too few to fit on", hint="fill missing values first"
        )
    if len(rows) > MOST_ROWS:
        raise BadInput(f"{len(rows):,} rows are more than the {MOST_ROWS:,} fitted here", hint="filter or sample first")
    return rows


def scored(fit: Fit, plan: Plan, rows: pd.DataFrame) -> dict[str, Any]:
    """Return metrics on the held-out rows, or across folds."""
    from sklearn.model_selection import cross_val_score

    features, target = rows[list(fit.features)], rows[fit.target]
    if fit.folds > 1:
        scorer, sign = scorer_of(fit, plan)
        found = sign * cross_val_score(model_of(fit, plan), features, target, cv=fit.folds, scoring=scorer)
        return {fit.metric: found.mean(), "std": found.std(ddof=1), "folds": fit.folds, "n": len(rows)}
    train, test, y_train, y_test = split(fit, features, target)
    model = model_of(fit, plan).fit(train, y_train)
    predicted = model.predict(test)
    parts = {"n_train": len(train), "n_test": len(test), "n": len(rows)}
    if fit.task == "regression":
        return regression(y_test, predicted) | parts | dict(weights(model, fit))
    probability = chances(model, test, plan, fit)
    return classification(y_test, predicted, probability, plan) | parts | dict(weights(model, fit))


SCORERS: Mapping[str, str] = {
    "rmse": "neg_root_mean_squared_error",
    "mse": "neg_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "r2": "r2",
    "accuracy": "accuracy",
    "precision": "precision_macro",
    "recall": "recall_macro",
    "f1": "f1_macro",
    "roc_auc": "roc_auc",
}


def scorer_of(fit: Fit, plan: Plan) -> tuple[Any, int]:
    """Return the scorer of a metric for cross-validation, and the sign that makes its result the metric."""
    from sklearn import metrics

    if fit.metric not in SCORERS:
        raise BadInput(f"there is no metric {fit.metric!r}", hint=f"known: {', '.join(SCORERS)}")
    if plan.positive is not None and fit.metric in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{fit.metric}_score")
        return metrics.make_scorer(score, pos_label=plan.positive, zero_division=0), 1
    name = SCORERS[fit.metric]
    if fit.metric == "roc_auc" and plan.positive is None:
        name = "roc_auc_ovr"
    return name, -1 if name.startswith("neg_") else 1


def split(fit: Fit, features: pd.DataFrame, target: pd.Series) -> tuple[Any, Any, Any, Any]:
    """Return features and target of training and test rows; the same rows twice where `test_size` is 0."""
    from sklearn.model_selection import train_test_split

    if fit.test_size == 0:
        return features, features, target, target
    stratify = target if fit.options.get("stratify") else None
    found = train_test_split(features, target, test_size=fit.test_size, random_state=fit.seed, stratify=stratify)
    return found[0], found[1], found[2], found[3]


def regression(known: Any, predicted: Any) -> dict[str, Any]:
    """Return the metrics of predicted numbers."""
    from sklearn import metrics

    mse = float(metrics.mean_squared_error(known, predicted))
    r2 = float(metrics.r2_score(known, predicted)) if len(known) > 1 else None
    return {"rmse": mse**0.5, "mse": mse, "mae": float(metrics.mean_absolute_error(known, predicted)), "r2": r2}


def classification(known: Any, predicted: Any, probability: Any, plan: Plan) -> dict[str, Any]:
    """Return the metrics of predicted classes: of the positive one where there are two, else macro averages."""
    from sklearn import metrics

    how: dict[str, Any] = {"average": "macro", "zero_division": 0}
    if plan.positive is not None:
        how = {"pos_label": plan.positive, "zero_division": 0}
    found: dict[str, Any] = {
        "accuracy": float(metrics.accuracy_score(known, predicted)),
        "precision": float(metrics.precision_score(known, predicted, **how)),
        "recall": float(metrics.recall_score(known, predicted, **how)),
        "f1": float(metrics.f1_score(known, predicted, **how)),
    }
    if probability is not None:
        found["roc_auc"] = area(known, probability, plan)
    return found


def area(known: Any, probability: Any, plan: Plan) -> float | None:
    """Return the area under the ROC curve, one against the rest and macro where there are several classes."""
    from sklearn import metrics

    if len(set(known)) < 2:
        return None
    if plan.positive is not None:
        return float(metrics.roc_auc_score(known == plan.positive, probability))
    return float(metrics.roc_auc_score(known, probability, multi_class="ovr", average="macro"))


def chances(model: Any, test: pd.DataFrame, plan: Plan, fit: Fit) -> Any:
    """Return the probability of the positive class, or of every class; None where the model has none."""
    if plan.positive is None:
        return model.predict_proba(test) if hasattr(model, "predict_proba") else None
    if hasattr(model, "predict_proba"):
        return model.predict_proba(test)[:, list(model.classes_).index(plan.positive)]
    scores = model.decision_function(test)
    return scores if model.classes_[1] == plan.positive else -scores


def weights(model: Any, fit: Fit) -> Iterator[tuple[str, Any]]:
    """Yield intercept and coefficients of a linear model, or importances of trees."""
    last = model[-1] if hasattr(model, "steps") else model
    names = list(fit.features)
    if hasattr(model, "steps"):
        names = [str(name).partition("__")[2] for name in model[:-1].get_feature_names_out()]
    if hasattr(last, "feature_importances_"):
        yield from ((f"importance:{n}", float(v)) for n, v in zip(names, last.feature_importances_, strict=True))
    if (hasattr(last, "coef_") and np.ndim(last.coef_) == 1) or (hasattr(last, "coef_") and len(last.coef_) == 1):
        yield "intercept", float(np.ravel(last.intercept_)[0])
        yield from ((f"coef:{n}", float(v)) for n, v in zip(names, np.ravel(last.coef_), strict=True))


def clustered(fit: Fit, plan: Plan, rows: pd.DataFrame) -> dict[str, Any]:
    """Return inertia and silhouette of k-means over all rows."""
    from sklearn.metrics import silhouette_score

    features = rows[list(fit.features)]
    model = model_of(fit, plan)
    labels = model.fit_predict(features)
    last, prepared = (model[-1], model[:-1].transform(features)) if hasattr(model, "steps") else (model, features)
    sizes = {f"size:{k}": int(n) for k, n in enumerate(np.bincount(labels))}
    parts: dict[str, Any] = {"inertia": float(last.inertia_), "clusters": int(last.n_clusters), "n": len(rows), **sizes}
    if fit.metric == "silhouette" or len(rows) <= 5000:
        most = min(len(rows), 10_000)
        parts["silhouette"] = float(silhouette_score(prepared, labels, sample_size=most, random_state=fit.seed))
    return parts
