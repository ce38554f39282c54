"""Simple models give scikit-learn's numbers on the same split, and the shown program gives them again."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score, mean_squared_error, roc_auc_score
from sklearn.model_selection import train_test_split

from assistant.dataset.code_fits import imports
from assistant.dataset.compute import compute
from assistant.dataset.scope import Kinds
from assistant.dataset.steps import Col, Compare, Const, Filter, Fit, Output, Query
from assistant.dataset.types import Computation
from kb.errors import BadInput

RANDOM = np.random.default_rng(5)
N = 200
X = RANDOM.normal(size=(N, 2))
FRAME = pd.DataFrame(
    {
        "a": X[:, 0],
        "b": X[:, 1],
        "town": RANDOM.choice(["Rome", "Oslo", "Lima"], N),
        "price": 3 * X[:, 0] - X[:, 1] + RANDOM.normal(size=N),
        "sold": np.where(X[:, 0] + RANDOM.normal(size=N) > 0, "yes", "no"),
        "kind": RANDOM.choice(["p", "q", "r"], N),
        "empty": np.nan,
    }
)
FRAME.loc[7, "a"] = np.nan
ROWS = FRAME[["a", "b", "price", "sold"]].dropna()


def ask(tmp_path: Path, filtered: bool = False, **fields: Any) -> Computation:
    """Fit, and hold the shown expression and the shown program to the value."""
    given = {
        "label": "score",
        "model": "linear_regression",
        "features": ("a", "b"),
        "target": "price",
        "metric": "rmse",
    }
    fit = Fit(**(given | fields))
    first = (Filter(Compare("gt", Col("b"), Const(-2))),) if filtered else ()
    query = Query(steps=(*first, fit), outputs=(Output(name="score", label="score"),))
    found = compute(query, FRAME)
    names: dict[str, Any] = {"df": FRAME, "pd": pd, "np": np, "stats": stats}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec("\n".join(imports(fit, Kinds(FRAME))), names)
        shown = eval(found.outcomes[0].expression, names)
        assert shown == pytest.approx(found.values["score"], rel=1e-9)
        assert run(found.code, tmp_path) == pytest.approx(found.values, rel=1e-9)
    return found


def run(program: str, folder: Path) -> Any:
    """Run a shown program on the frame as a file and return its answers."""
    FRAME.to_csv(folder / "data.csv", index=False)
    names: dict[str, Any] = {}
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        exec(program, names)
    return names["answers"]


def test_linear_regression_is_scored_on_the_held_out_rows(tmp_path: Path) -> None:
    train, test, y_train, y_test = train_test_split(ROWS[["a", "b"]], ROWS["price"], test_size=0.2, random_state=42)
    model = LinearRegression().fit(train, y_train)
    outcome = ask(tmp_path).outcomes[0]
    assert outcome.value == pytest.approx(mean_squared_error(y_test, model.predict(test)) ** 0.5)
    assert (outcome.parts["n_train"], outcome.parts["n_test"]) == (159, 40)
    assert outcome.parts["coef:a"] == pytest.approx(model.coef_[0])
    assert outcome.checks[0] == "1 row that miss a value left out"


def test_a_class_is_predicted_with_its_positive_label_said(tmp_path: Path) -> None:
    split = train_test_split(ROWS[["a", "b"]], ROWS["sold"], test_size=0.3, random_state=1)
    model = LogisticRegression(max_iter=1000).fit(split[0], split[2])
    fields = {"model": "logistic_regression", "target": "sold", "task": "classification", "test_size": 0.3, "seed": 1}
    outcome = ask(tmp_path, metric="f1", **fields).outcomes[0]
    assert outcome.value == pytest.approx(f1_score(split[3], model.predict(split[1]), pos_label="yes"))
    area = roc_auc_score(split[3] == "yes", model.predict_proba(split[1])[:, 1])
    assert outcome.parts["roc_auc"] == pytest.approx(area)
    assert "the positive class is 'yes'" in outcome.checks


REGRESSORS = [
    "linear_regression",
    "ridge",
    "lasso",
    "decision_tree",
    "random_forest",
    "knn",
    "svm",
    "gradient_boosting",
]
CLASSIFIERS = ["logistic_regression", "ridge", "decision_tree", "random_forest", "knn", "naive_bayes", "svm"]


@pytest.mark.parametrize("model", REGRESSORS)
@pytest.mark.parametrize("metric", ["rmse", "r2"])
def test_every_regressor_is_what_its_code_gives(model: str, metric: str, tmp_path: Path) -> None:
    ask(tmp_path, model=model, metric=metric, features=("a", "town"), scale=True, filtered=True)


@pytest.mark.parametrize("model", CLASSIFIERS)
@pytest.mark.parametrize("target", ["sold", "kind"])
def test_every_classifier_is_what_its_code_gives(model: str, target: str, tmp_path: Path) -> None:
    ask(tmp_path, model=model, metric="recall", target=target, task="classification", features=("a", "b", "town"))


@pytest.mark.parametrize("fields", [
    {"test_size": 0.0}, {"folds": 4}, {"folds": 3, "metric": "r2"},
    {"options": {"drop_first": True}, "features": ("b", "town")},
    {"model": "kmeans", "metric": "inertia"}, {"model": "kmeans", "metric": "silhouette", "scale": True},
    {"model": "knn", "options": {"k": 3}}, {"model": "random_forest", "options": {"n_estimators": 7, "max_depth": 3}},
    {"model": "logistic_regression", "target": "sold", "task": "classification", "metric": "roc_auc"},
    {"model": "svm", "target": "sold", "task": "classification", "metric": "roc_auc"},
    {"model": "logistic_regression", "target": "kind", "task": "classification", "metric": "roc_auc"},
    {"model": "logistic_regression", "target": "sold", "task": "classification", "metric": "f1", "folds": 3},
    {"model": "naive_bayes", "target": "sold", "task": "classification", "metric": "f1", "options": {"stratify": True}},
])  # fmt: skip
def test_every_way_to_fit_is_what_its_code_gives(fields: dict[str, Any], tmp_path: Path) -> None:
    assert ask(tmp_path, **fields).outcomes[0].value is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"features": ("a", "empty")}, "0 rows with all values are too few"),
        ({"target": "sold"}, "holds text, so it is no number to predict"),
        ({"features": ("price",)}, "cannot predict itself"),
        ({"options": {"wings": 2}}, "has no parameter 'wings'"),
        ({"model": "magic"}, "no model 'magic'"),
        ({"metric": "accuracy"}, "gives no 'accuracy' here"),
        ({"model": "logistic_regression"}, "does classification, not regression"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_words(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        ask(tmp_path, **fields)
