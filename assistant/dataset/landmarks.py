"""Landmarks: how far very simple models get on a sample (Pfahringer, Bensusan and Giraud-Carrier 2000, ICML).

Accuracy of a decision stump, naive Bayes and the nearest neighbour in 3 folds for classes; R², at least 0, of a stump,
linear regression and the nearest neighbour for numbers. They describe a dataset; they judge no model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from assistant.dataset.associate import Floats, codes_of, number_array
from assistant.dataset.basis import Basis
from assistant.dataset.facts_target import Guess

ROWS = 1000
FEATURES = 30
FOLDS = 3
SEED = 0
LEAST = 30
"""With fewer rows there is nothing to learn from."""


def landmarks(basis: Basis, found: Guess) -> dict[str, float]:
    """Return the scores by landmark; none where rows, features or classes are too few."""
    features = _features(basis, found.name)
    goal = _goal(basis, found)
    if not features or goal.size < LEAST:
        return {}
    rows = _rows(goal, found.task)
    x = _scaled(np.column_stack([feature[rows] for feature in features])) if rows.size >= LEAST else np.empty((0, 0))
    y = goal[rows]
    return _scores(x, y, found.task) if x.size and np.unique(y).size > 1 else {}


def _features(basis: Basis, target: str) -> list[Floats]:
    numbers = [name for name in basis.numbers() if name != target][:FEATURES]
    groups = [name for name in basis.groups() if not basis.computable(name) and name != target]
    coded = [codes_of(basis.part.frame[name]).astype(np.float64) for name in groups[: FEATURES - len(numbers)]]
    return [number_array(basis, name) for name in numbers] + coded


def _goal(basis: Basis, found: Guess) -> Floats:
    """Return the target as numbers, NaN where missing."""
    if found.task == "regression":
        return number_array(basis, found.name)
    codes = codes_of(basis.part.frame[found.name]).astype(np.float64)
    return np.where(codes < 0, np.nan, codes)


def _rows(goal: Floats, task: str) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return the rows to learn from: a seeded sample that has the target, of classes that reach each fold."""
    rows = np.flatnonzero(~np.isnan(goal))
    if rows.size > ROWS:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, ROWS, replace=False))
    if task != "regression":
        values, counts = np.unique(goal[rows], return_counts=True)
        rows = rows[np.isin(goal[rows], values[counts >= FOLDS])]
    return rows


def _scaled(x: Floats) -> Floats:
    """Return features of mean 0 and deviation 1, medians for what is missing, without those that do not vary."""
    filled = pd.DataFrame(x)
    filled = filled.fillna(filled.median()).fillna(0.0)
    array = filled.to_numpy(dtype=np.float64)
    array = array - array.mean(axis=0)
    spread = array.std(axis=0)
    scaled: Floats = array[:, spread > 1e-12] / spread[spread > 1e-12]
    return scaled


def _scores(x: Floats, y: Floats, task: str) -> dict[str, float]:
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

    regress = task == "regression"
    split = KFold if regress else StratifiedKFold
    folds = split(n_splits=FOLDS, shuffle=True, random_state=SEED)
    y = (y - y.mean()) / spread if regress and (spread := float(y.std())) > 0 else y
    found = {}
    for name, model in _models(regress).items():
        score = float(cross_val_score(model, x, y, cv=folds).mean())
        found[f"landmark_{name}"] = max(0.0, score)
    return found


def _models(regress: bool) -> dict[str, Any]:
    from sklearn.linear_model import LinearRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if regress:
        stump: Any = DecisionTreeRegressor(max_depth=1, random_state=SEED)
        return {"stump": stump, "linear": LinearRegression(), "nearest": KNeighborsRegressor(n_neighbors=1)}
    stump = DecisionTreeClassifier(max_depth=1, random_state=SEED)
    return {"stump": stump, "bayes": GaussianNB(), "nearest": KNeighborsClassifier(n_neighbors=1)}
