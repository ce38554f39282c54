"""Answers to questions about runs: `run` takes a `RunQuery` to a `RunResult`, and `verify_run` reads a citation again.

A question is SQL over the summaries of runs and a little arithmetic in Python; every value in a result is a stored
one, or follows from those it cites. Deleted runs are left out unless asked for; runs that failed count where they have
the metric, and where the question is not about one. Names are looked up whole, then by their last dotted parts, among
the runs that fit. What each kind of question gives is said where it is answered:

    best, worst, min, max, mean, median, sum, std, group      kb.run_plain
    count, list, distinct, value                              kb.run_lists
    best_step, trend                                          kb.run_steps
    compare, effect                                           kb.run_compare
    params, changed                                           kb.run_params
    never_tried, unchanged                                    kb.run_tried
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from kb.history import RunQuery
from kb.run_compare import compare, effect
from kb.run_lists import count, distinct, listing, value
from kb.run_params import changed, params
from kb.run_plain import aggregate, best, extreme, group
from kb.run_result import Confounder, RunRef, RunResult, RunTable, Spread
from kb.run_steps import best_step, trend
from kb.run_tried import never_tried, unchanged
from kb.run_values import Asking
from kb.run_verify import verify_run
from kb.run_vocabulary import vocabulary
from kb.run_words import words
from kb.store import Catalogue

__all__ = ["Confounder", "RunRef", "RunResult", "RunTable", "Spread", "run", "verify_run", "vocabulary", "words"]

SELECTS: Mapping[str, Callable[[Asking], RunResult]] = MappingProxyType(
    {
        "best": best,
        "worst": best,
        "list": listing,
        "count": count,
        "value": value,
        "mean": aggregate,
        "median": aggregate,
        "min": extreme,
        "max": extreme,
        "sum": aggregate,
        "std": aggregate,
        "group": group,
        "params": params,
        "compare": compare,
        "changed": changed,
        "best_step": best_step,
        "trend": trend,
        "effect": effect,
        "distinct": distinct,
        "never_tried": never_tried,
        "unchanged": unchanged,
    }
)


def run(query: RunQuery, catalogue: Catalogue) -> RunResult:
    """Answer a question about the runs of a catalogue; `kind` none where no run has what is asked for.

    Raises NameUnknown, NameAmbiguous, DirectionUnknown, SeveralFit, and BadInput for a question that makes no sense.
    """
    with catalogue.read() as conn:
        return SELECTS[query.select](Asking(catalogue, conn, query))
