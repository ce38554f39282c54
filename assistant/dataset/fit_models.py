"""Which scikit-learn model a fit means, with which parameters, and how its columns are prepared."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd

from assistant.dataset.scope import series_kind
from assistant.dataset.steps import Fit
from kb.errors import BadInput

MODELS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "linear_regression": {"regression": ("linear_model", "LinearRegression")},
    "ridge": {"regression": ("linear_model", "Ridge"), "classification": ("linear_model", "RidgeClassifier")},
    "lasso": {"regression": ("linear_model", "Lasso")},
    "logistic_regression": {"classification": ("linear_model", "LogisticRegression")},
    "decision_tree": {
        "regression": ("tree", "DecisionTreeRegressor"),
        "classification": ("tree", "DecisionTreeClassifier"),
    },
    "random_forest": {
        "regression": ("ensemble", "RandomForestRegressor"),
        "classification": ("ensemble", "RandomForestClassifier"),
    },
    "gradient_boosting": {
        "regression": ("ensemble", "GradientBoostingRegressor"),
        "classification": ("ensemble", "GradientBoostingClassifier"),
    },
    "knn": {
        "regression": ("neighbors", "KNeighborsRegressor"),
        "classification": ("neighbors", "KNeighborsClassifier"),
    },
    "naive_bayes": {"classification": ("naive_bayes", "GaussianNB")},
    "svm": {"regression": ("svm", "SVR"), "classification": ("svm", "SVC")},
    "kmeans": {"clustering": ("cluster", "KMeans")},
}
OURS = frozenset({"stratify", "drop_first", "positive"})
"""Options that are not the model's own parameters."""
RENAMED: Mapping[str, str] = {
    "k": "n_neighbors",
    "trees": "n_estimators",
    "clusters": "n_clusters",
    "depth": "max_depth",
}
YES = ("1", "1.0", "true", "yes", "y", "positive", "t")
MOST_CLASSES = 100
MOST_CATEGORIES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a fit is done: its class and parameters, the columns by kind, the positive label, and what to say of it."""

    module: str
    name: str
    parameters: Mapping[str, Any]
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    positive: Any = None
    drop_first: bool = False
    scale: bool = False
    notes: tuple[str, ...] = ()

    @property
    def bare(self) -> bool:
        """Tell whether the model takes the columns as they are."""
        return not self.categories and not self.scale


def class_of(fit: Fit) -> tuple[str, str]:
    """Return the module and the name of the class of a model for its task."""
    tasks = MODELS[fit.model]
    task = "clustering" if fit.model == "kmeans" else fit.task
    if task not in tasks:
        raise BadInput(f"{fit.model} does {' and '.join(tasks)}, not {task}", hint="name another model")
    return tasks[task]


def parameters_of(fit: Fit) -> dict[str, Any]:
    """Return the parameters of the model: those asked for, and the seed; BadInput names one that it lacks."""
    module, name = class_of(fit)
    known = inspect.signature(getattr(import_module(f"sklearn.{module}"), name).__init__).parameters
    given: dict[str, Any] = {}
    for option, value in fit.options.items():
        parameter = RENAMED.get(option, option)
        if option in OURS:
            continue
        if parameter not in known or not isinstance(value, int | float | str | None):
            raise BadInput(f"{name} has no parameter {option!r} = {value!r}", hint=f"it has {', '.join(known)}"[:300])
        given[parameter] = value
    if name == "LogisticRegression":
        given.setdefault("max_iter", 1000)
    if name == "KMeans":
        given = {"n_clusters": 3, "n_init": 10, **given}
    if "random_state" in known and name not in ("LogisticRegression", "Ridge", "RidgeClassifier", "Lasso", "SVC"):
        given.setdefault("random_state", fit.seed)
    return given


def plan_of(fit: Fit, rows: pd.DataFrame) -> Plan:
    """Return how a fit is done over its complete rows."""
    module, name = class_of(fit)
    kinds = {feature: series_kind(rows[feature]) for feature in fit.features}
    dates = [feature for feature, kind in kinds.items() if kind == "date"]
    if dates:
        raise BadInput(f"the feature {dates[0]!r} holds dates", hint="take its year or month as a feature")
    categories = tuple(feature for feature, kind in kinds.items() if kind in ("text", "mixed"))
    for feature in categories:
        if rows[feature].nunique() > MOST_CATEGORIES:
            raise BadInput(
                f"the feature {feature!r} has more than {MOST_CATEGORIES} different values", hint="leave it out"
            )
    positive = target_of(fit, rows)
    notes = []
    if categories:
        notes.append(f"one-hot encoded: {', '.join(categories)}" + (", first level dropped" if drops(fit) else ""))
    if fit.scale:
        notes.append("numbers scaled to mean 0 and deviation 1 of the training rows")
    notes.append(how(fit))
    if positive is not None:
        notes.append(f"the positive class is {positive!r}")
    return Plan(
        module=module, name=name, parameters=parameters_of(fit), categories=categories, positive=positive,
        numbers=tuple(feature for feature in fit.features if feature not in categories),
        drop_first=drops(fit), scale=fit.scale, notes=tuple(notes),
    )  # fmt: skip


def how(fit: Fit) -> str:
    """Return how the rows are split, in words."""
    if fit.model == "kmeans":
        return f"clustered over all rows, seed {fit.seed}"
    if fit.folds > 1:
        return f"cross-validated over {fit.folds} folds"
    if fit.test_size == 0:
        return "scored on the rows it was trained on, so it looks better than it is"
    stratified = ", stratified" if fit.options.get("stratify") else ""
    return f"{fit.test_size:.0%} of the rows held out for the test, seed {fit.seed}{stratified}"


def drops(fit: Fit) -> bool:
    """Tell whether the first level of each category is dropped."""
    return bool(fit.options.get("drop_first"))


def target_of(fit: Fit, rows: pd.DataFrame) -> Any:
    """Return the positive label of a target with two classes, else None; BadInput where it cannot be predicted."""
    if fit.model == "kmeans":
        return None
    target = rows[fit.target]
    kind = series_kind(target)
    if fit.task == "regression":
        if kind not in ("number", "boolean"):
            raise BadInput(
                f"the target {fit.target!r} holds {kind}, so it is no number to predict",
                hint="ask for a classification",
            )
        return None
    classes = sorted(target.unique().tolist(), key=str)
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise BadInput(
            f"the target {fit.target!r} has {len(classes)} different values", hint="name one with 2 to 100 classes"
        )
    if len(classes) > 2:
        return None
    wanted = fit.options.get("positive")
    asked = [label for label in classes if str(label).strip().lower() == str(wanted).strip().lower()]
    yes = [label for label in classes if str(label).strip().lower() in YES]
    return (asked or yes or classes[-1:])[0]


def model_of(fit: Fit, plan: Plan) -> Any:
    """Return the model, behind the preparation of its columns where they need one."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    model = getattr(import_module(f"sklearn.{plan.module}"), plan.name)(**plan.parameters)
    if plan.bare:
        return model
    parts: list[Any] = []
    if plan.numbers:
        parts.append(("numbers", StandardScaler() if plan.scale else "passthrough", list(plan.numbers)))
    if plan.categories:
        drop = "first" if plan.drop_first else None
        encoder = OneHotEncoder(drop=drop, handle_unknown="ignore", sparse_output=False)
        parts.append(("categories", encoder, list(plan.categories)))
    return make_pipeline(ColumnTransformer(parts), model)
