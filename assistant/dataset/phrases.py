"""What each value of a query is, in words that are true by themselves: `mean of age by sex, where floor = 1`."""

from __future__ import annotations

from assistant.dataset.steps import Decide, Filter, Fit, Measure, Query, Step, Test
from assistant.dataset.words import condition_words, step_words, yield_words


def phrases(query: Query) -> tuple[str, ...]:
    """Return what each yielding step of `query` gives, in order, with the steps before that it rests on."""
    context: tuple[str, ...] = ()
    found = []
    for step in query.steps:
        if isinstance(step, Decide):
            found.append(step.label.replace("_", " "))
        elif isinstance(step, (Measure, Test, Fit)):
            found.append(", ".join([_with_split(step), *context]))
        else:
            context = (*context, _context(step))
    return tuple(found)


def _context(step: Step) -> str:
    return f"where {condition_words(step.where)}" if isinstance(step, Filter) else step_words(step)


def _with_split(step: Measure | Test | Fit) -> str:
    """Return what a step gives; a fit with how it was scored."""
    if not isinstance(step, Fit):
        return yield_words(step)
    if step.folds:
        return f"{yield_words(step)}, {step.folds}-fold cross-validated, seed {step.seed}"
    if not step.test_size:
        return f"{yield_words(step)}, on the training rows"
    return f"{yield_words(step)}, on {100 * step.test_size:g} % of the rows held out, seed {step.seed}"
