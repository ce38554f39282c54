"""Decision notes in the forms that teams write, each with the decisions it records."""

from __future__ import annotations

from typing import Any

ADR = """# 3. Use gradient boosting

Date: 2024-03-01

## Status

Accepted

## Context

Linear models stopped at 0.81. Labels are scarce.

## Decision

We will use gradient boosting. It trains in minutes because the table is small.

## Consequences

Serving needs a new image.
"""
REPLACED = """# ADR-002: Scale with min-max

**Status:** Superseded by [ADR-7](0007-scale.md)

## Context and problem statement

Distances need one scale.

## Considered options

- no scaling
- standard scaling

## Decision outcome

Scale with min-max.
"""
LABELS = """# Meeting 12 May

We met at ten.

*Decision:* Drop the column zip_code.
*Status:* accepted
*Reason:* It leaks the target. It changes every year.
*Supersedes:* Keep zip_code

The rest was about lunch.
"""
LOG = """# Decision log

## 2024-01-05 Folds

- **Decision:** Five folds grouped by customer.
- **Why:** Customers repeat, so that plain folds leak.

## 2024-02-01 Metric

- **Decision:** Report average precision.
- **Because:** Positives are rare.
- **Alternatives:** accuracy, ROC AUC
- **Status:** proposed
"""
HEADER = """---
title: Early stopping
status: accepted
date: 2024-04-02
author: Ben
supersedes: old-stopping.md
---

We stop after 20 rounds without gain, since longer runs only overfit.

That is all.
"""
FRONT = """---
decision: Batch size 64
status: superseded
superseded_by: ADR-12
---

# Batch size

64 fills the memory of one card. Because of that we took it.
"""
DECIDED = """# Imputer

Decision: Median imputation

Context: Three columns have holes.
Consequences: Rows are kept.
"""

NOTES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "adr.md": (
        ADR,
        [
            {
                "choice": "We will use gradient boosting.",
                "status": "current",
                "reasons": ["It trains in minutes because the table is small.", "Linear models stopped at 0.81."],
            }
        ],
    ),
    "replaced.md": (
        REPLACED,
        [
            {
                "choice": "Scale with min-max.",
                "status": "superseded",
                "by": ("ADR-7",),
                "reasons": ["Distances need one scale."],
            }
        ],
    ),
    "labels.md": (
        LABELS,
        [
            {
                "choice": "Drop the column zip_code.",
                "status": "current",
                "supersedes": ("Keep zip_code",),
                "reasons": ["It leaks the target.", "It changes every year."],
            }
        ],
    ),
    "log.md": (
        LOG,
        [
            {
                "choice": "Five folds grouped by customer.",
                "status": "current",
                "reasons": ["Customers repeat, so that plain folds leak."],
            },
            {"choice": "Report average precision.", "status": "proposed", "reasons": ["Positives are rare."]},
        ],
    ),
    "header.md": (
        HEADER,
        [
            {
                "choice": "Early stopping",
                "status": "current",
                "supersedes": ("old-stopping.md",),
                "reasons": ["We stop after 20 rounds without gain, since longer runs only overfit."],
            }
        ],
    ),
    "front.md": (
        FRONT,
        [
            {
                "choice": "Batch size 64",
                "status": "superseded",
                "by": ("ADR-12",),
                "reasons": ["Because of that we took it."],
            }
        ],
    ),
    "decided.md": (
        DECIDED,
        [{"choice": "Median imputation", "status": "current", "reasons": ["Three columns have holes."]}],
    ),
}
