"""Answers over tables as JSON and profiles as values, made by hand: what the page has to show."""

from __future__ import annotations

from typing import Any

from assistant.dataset.types import ColumnProfile, Fact, Profile
from ui.dataset_panel import Seen

HOSTILE = (
    "<script>alert(1)</script>",
    "**bold** [link](javascript:alert(2))",
    "$\\int_0^1 x$",
    ":material/home: 🎉",
    "عمر الراكب",
    "__class__",
    "image",
    "a.b[0]'\"",
)

CODE = """import pandas as pd

df = pd.read_csv('riders.csv')
df = df[df['rides'] > 2]
print(df.groupby('sex')['age'].mean())
"""


def chip(text: str, **more: Any) -> dict[str, Any]:
    """Return a chip of a reading."""
    plain = {"kind": "column", "text": text, "said": "", "note": "", "sure": True, "drop": None, "options": []}
    return {**plain, **more}


def claim(text: str, expression: str, value: Any) -> dict[str, Any]:
    """Return a computed claim."""
    cited = {
        "kind": "dataset",
        "dataset": "riders.csv",
        "fingerprint": "f" * 64,
        "expression": expression,
        "value": value,
    }
    return {"text": text, "verdict": "computed", "probability": 1.0, "form": "text", "citations": [cited]}


def answer(**more: Any) -> dict[str, Any]:
    """Return an answer: the mean age by sex, with everything that an answer can have."""
    options = [
        {"text": "fare", "note": "numbers, 12 missing", "link": "L1"},
        {"text": "rides", "note": "numbers", "link": "L2"},
    ]
    reading = {
        "words": "mean of age by sex, where rides > 2",
        "question": "What is the average age per sex of frequent flibbers?",
        "query": {},
        "unread": [],
        "route": "dataset",
        "chips": [
            chip("mean", kind="measure", said="average", options=[{"text": "median", "note": "", "link": "L3"}]),
            chip("age", said="age", note="numbers 1 to 88, 177 missing", options=options, drop="L0"),
            chip("sex", kind="group", said="per sex", note="2 values"),
            chip("rides > 2", kind="filter", said="frequent", note="314 rows", sure=False, drop="L4"),
        ],
        "link": "LINK",
        "runs": True,
        "nearest": [],
    }
    given = {
        "question": reading["question"],
        "abstained": False,
        "missing": [],
        "confidence": 0.97,
        "text": "",
        "claims": [
            claim(
                "Mean of age by sex: female: 27.9157; male: 30.7266.",
                "df[df['rides'] > 2].groupby('sex')['age'].mean()",
                {"female": 27.915708812260537, "male": 30.72664459161148},
            )
        ],
        "reading": reading,
        "result": {"kind": "values", "value": {}, "metric": None, "runs": [], "query": {}},
        "suggestions": ["What is the median age by sex?", "How many rows miss age?"],
        "nearest": [],
        "evidence": [],
        "notes": [],
        "dataset": {"name": "riders.csv", "fingerprint": "f" * 64, "path": "riders.csv", "rows": 891, "columns": 5},
        "table": {
            "columns": ["sex", "age"],
            "rows": [["female", 27.915708812260537], ["male", 30.72664459161148]],
            "more": 0,
        },
        "plot": {
            "kind": "bars",
            "columns": ["sex", "age"],
            "rows": [["female", 27.9157], ["male", 30.7266]],
            "x": "sex",
            "y": "age",
            "color": None,
            "title": "Mean age by sex",
            "sampled": None,
        },
        "code": CODE,
        "trail": [{"words": "all rows", "rows": 891}, {"words": "rides > 2", "rows": 314}],
        "checks": ["177 rows without an age are left out of the mean"],
        "left_out": ["mean of age: from 261 of 314 rows, the others lack a value"],
    }
    return {**given, **more}


def waiting() -> dict[str, Any]:
    """Return an answer that waits to be run, with two nearest readings."""
    given = answer(
        abstained=True,
        claims=[],
        missing=["“flibbers” is not tied to a column, a value or an operation of riders.csv."],
        table=None,
        plot=None,
        code="",
        trail=[],
        checks=[],
        left_out=[],
        suggestions=[],
    )
    nearest = [{"words": "mean of fare by sex", "link": "N1"}, {"words": "mean of age by class", "link": "N2"}]
    given["reading"] = {**given["reading"], "runs": False, "unread": ["flibbers"], "nearest": nearest}
    return given


def hostile() -> dict[str, Any]:
    """Return an answer in which every text tries to be something else."""
    one, *others = HOSTILE
    given = answer(
        claims=[claim(" ".join(HOSTILE), f"df[{one!r}].mean()", 1.5)],
        table={"columns": list(HOSTILE), "rows": [list(HOSTILE), list(range(len(HOSTILE)))], "more": 3},
        trail=[{"words": text, "rows": 1} for text in HOSTILE],
        checks=list(HOSTILE),
        left_out=list(HOSTILE),
        code=f"print({one!r})",
    )
    options = [{"text": text, "note": text, "link": "L"} for text in others]
    chips = [chip(text, said=text, note=text, options=options, drop="D") for text in HOSTILE]
    given["reading"] = {**given["reading"], "chips": chips, "unread": list(HOSTILE), "words": one, "question": one}
    given["dataset"] = {**given["dataset"], "name": one}
    given["plot"] = {
        "kind": "bars",
        "columns": ["image", one],
        "rows": [[text, at + 1.5] for at, text in enumerate(HOSTILE)],
        "x": "image",
        "y": one,
        "color": None,
        "title": one,
        "sampled": 10,
    }
    return given


def profile(**more: Any) -> Profile:
    """Return a profile of a small table with a bit of everything."""
    columns = (
        ColumnProfile(
            name="age",
            kind="number",
            dtype="float64",
            missing=177,
            unique=88,
            bars=tuple((f"{n * 10}–{n * 10 + 10}", c) for n, c in enumerate((62, 102, 220, 167, 89, 48, 19, 6))),
            stats={
                "min": 0.42,
                "mean": 29.69911764705882,
                "median": 28.0,
                "max": 80.0,
                "std": 14.526497,
                "q1": 20.125,
                "q3": 38.0,
            },
            unit="years",
        ),
        ColumnProfile(
            name="sex",
            kind="category",
            dtype="object",
            missing=0,
            unique=2,
            bars=(("male", 577), ("female", 314)),
            examples=("male", "female"),
        ),
        ColumnProfile(
            name="a very long column name that does not fit beside its distribution",
            kind="text",
            dtype="object",
            missing=891,
            unique=0,
        ),
        *(
            ColumnProfile(
                name=name,
                kind="category",
                dtype="object",
                missing=3,
                unique=2,
                bars=((name, 5), ("b", 2)),
                examples=(name,),
            )
            for name in HOSTILE
        ),
    )
    facts = (
        Fact(
            kind="missing",
            text="177 of 891 values of age (19.9 %) are missing",
            value=177,
            expression="df['age'].isna().sum()",
            columns=("age",),
            weight=0.8,
            ask="How do I impute missing values?",
        ),
        Fact(
            kind="duplicates",
            text="2 rows repeat an earlier one",
            value=2,
            expression="df.duplicated().sum()",
            weight=0.6,
            ask="How do I handle duplicate rows?",
        ),
        Fact(
            kind="skew",
            text="fare is skewed to the right (4.79)",
            value=4.79,
            expression="df['fare'].skew()",
            weight=0.4,
        ),
        Fact(
            kind="constant", text=f"{HOSTILE[0]} holds one value", value=1, expression="1", weight=0.3, ask=HOSTILE[1]
        ),
        Fact(kind="shape", text="891 rows and 5 columns", value=891, expression="len(df)", weight=0.0),
    )
    return Profile(
        **{
            "name": "riders.csv",
            "fingerprint": "f" * 64,
            "rows": 891,
            "columns": columns,
            "facts": facts,
            "target": "sex",
            "task": "classification",
            **more,
        }
    )


def seen(**more: Any) -> Seen:
    """Return what a look at the table gave."""
    made = profile(**more)
    return Seen(profile=made, first=made.facts[:4], wrong=made.facts[:2])
