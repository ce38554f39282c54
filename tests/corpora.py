"""Small corpora that tests ingest: a few hand-written pages, and any number of generated ones."""

from __future__ import annotations

import random
from pathlib import Path

PAGES = {
    "guide/scaling.md": """# Scaling features

Distance-based estimators need features on one scale. Standardise them inside the pipeline.

## StandardScaler

StandardScaler removes the mean and divides by the standard deviation of each feature. It is fitted on the training
folds only, so that nothing leaks from the validation fold.

```python
make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
```

## RobustScaler

RobustScaler uses the median and the interquartile range, which outliers hardly move.
""",
    "guide/trees.rst": """Tree ensembles
==============

Gradient boosting
-----------------

:class:`HistGradientBoostingClassifier` bins the features and handles missing values natively. Its parameter
``max_depth`` bounds the depth of each tree.

Random forests
--------------

A random forest averages trees that were grown on bootstrap samples. The out-of-bag error needs no validation set.
""",
    "notes/churn.txt": """Churn notes

The column account_age leaks the label, so it must never be used as a feature.

We report average precision because only three percent of the customers churn.
""",
    "index.html": "<html><head><title>Start</title></head><body><h1>Start</h1><p>Where the team's pages begin: "
    "cross-validation, calibration and imbalance are explained below.</p></body></html>",
}
"""File name to text: four formats, each with words that no other page holds."""

_SYLLABLES = ("ka", "lo", "mi", "nu", "re", "sa", "to", "vi", "ze", "pha", "dor", "lin", "mar", "ost", "ul", "gra")


def write_pages(folder: Path, pages: dict[str, str] | None = None) -> Path:
    """Write pages below `folder`, made where it is missing, and return it."""
    for name, text in (PAGES if pages is None else pages).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def generated_page(seed: int, *, sections: int = 4) -> str:
    """Return a Markdown page of invented words under `sections` headings, the same for the same seed."""
    rng = random.Random(seed)
    parts = [f"# Page {seed} {word(rng)}"]
    for _ in range(sections):
        parts.append(f"## {word(rng).capitalize()} {word(rng)}")
        parts += [sentence(rng) + " " + sentence(rng) + " " + sentence(rng) for _ in range(2)]
    return "\n\n".join(parts) + "\n"


def word(rng: random.Random) -> str:
    """Return an invented word of two to four syllables."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4)))


def sentence(rng: random.Random) -> str:
    """Return a sentence of invented words."""
    found = [word(rng) for _ in range(rng.randint(8, 16))]
    return " ".join(found).capitalize() + "."


def write_generated(folder: Path, n: int, *, first: int = 0) -> Path:
    """Write `n` generated pages into `folder` and return it."""
    return write_pages(folder, {f"part{i % 5}/page{i:03d}.md": generated_page(i) for i in range(first, first + n)})
