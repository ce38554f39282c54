"""The pieces of a reading as chips: what each stands for, what else it could be, and the query without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assistant.dataset.draft import Draft
from assistant.dataset.edits import (
    YIELDS,
    added_columns,
    columns_in,
    is_sound,
    with_column,
    with_group,
    with_step,
)
from assistant.dataset.link import Column, Linker, Mention
from assistant.dataset.steps import (
    Col,
    Compare,
    Condition,
    Const,
    Decide,
    Derive,
    Encode,
    Filter,
    Fit,
    Measure,
    Query,
    Step,
    Test,
)
from assistant.dataset.types import Chip, Option
from assistant.dataset.words import TESTS, condition_words, measure_name, step_words, value_words

MOST_OPTIONS = 12
STATISTICS = ("mean", "median", "min", "max", "sum", "std", "count", "unique", "missing")
_NUMERIC = frozenset({"mean", "median", "sum", "std"})
METHODS = ("pearson", "spearman", "kendall")
BETWEEN_GROUPS = ("welch", "t", "mann_whitney", "anova", "kruskal")
TWO_GROUPS = frozenset({"t", "welch", "mann_whitney", "ks_2"})
NORMALITY = ("shapiro", "dagostino", "jarque_bera", "anderson", "ks")


def chips_of(draft: Draft, query: Query) -> tuple[Chip, ...]:
    """A chip for each piece of the query: measures, columns, groups, conditions, row steps, the plot."""
    return chips(query, draft.linker, tuple(draft.mentions))


def chips(query: Query, linker: Linker, mentions: tuple[Mention, ...] = ()) -> tuple[Chip, ...]:
    """The chips of any query over a table; `mentions` say which words its columns were read from."""
    found = [*_measures(query, linker), *_columns(query, linker, mentions), *_groups(query, linker)]
    found += [*_conditions(query, linker), *_steps(query, linker)]
    if query.plot:
        found.append(Chip(kind="plot", text=query.plot, drop=replace(query, plot="")))
    return tuple(found)


def _kept(options: Iterator[Option], linker: Linker) -> tuple[Option, ...]:
    """Only options whose query stands on real columns."""
    known = frozenset(linker.by_name)
    sound = (option for option in options if is_sound(option.query, known) and _tests_fit(option.query, linker))
    return tuple(option for option, _ in zip(sound, range(MOST_OPTIONS), strict=False))


def _tests_fit(query: Query, linker: Linker) -> bool:
    """Tell whether every test by a column has as many groups as it compares."""
    for step in query.steps:
        if isinstance(step, Test) and step.by in linker.by_name and not step.groups:
            groups = linker.by_name[step.by].distinct
            if not (groups == 2 if step.kind in TWO_GROUPS else 2 <= groups <= 20):
                return False
    return True


def _without(query: Query, step: Step, linker: Linker) -> Query | None:
    """The query without a step, where that still means something."""
    rest = with_step(query, step, None)
    return rest if is_sound(rest, frozenset(linker.by_name)) and not _referred(query, step) else None


def _referred(query: Query, step: Step) -> bool:
    label = getattr(step, "label", None)
    return label is not None and any(f"label={label!r}" in repr(other) for other in query.steps if other is not step)


# -- what is measured -------------------------------------------------------------------------------------------------


def _measures(query: Query, linker: Linker) -> Iterator[Chip]:
    for step in query.steps:
        if isinstance(step, Measure):
            others = _kept(_other_measures(query, step, linker), linker)
            yield Chip(kind="measure", text=measure_name(step), options=others,
                       drop=_without(query, step, linker))  # fmt: skip
        elif isinstance(step, Test):
            tests = _kept(_other_tests(query, step), linker)
            yield Chip(kind="test", text=TESTS.get(step.kind, step.kind), options=tests,
                       drop=_without(query, step, linker))  # fmt: skip
        elif isinstance(step, Fit):
            yield Chip(
                kind="model",
                text=f"{step.metric} of {step.model.replace('_', ' ')}",
                drop=_without(query, step, linker),
            )


def _other_measures(query: Query, step: Measure, linker: Linker) -> Iterator[Option]:
    if step.function in ("correlation", "correlations"):
        for method in METHODS:
            if step.options.get("method") != method:
                changed = replace(step, options={**step.options, "method": method})
                yield Option(text=f"{method} {step.function}", note="", query=with_step(query, step, changed))
        return
    if step.function not in STATISTICS or len(step.columns) != 1 or not isinstance(step.columns[0], Col):
        return
    column = linker.by_name.get(step.columns[0].name)
    if _referred(query, step):
        return
    for function in STATISTICS:
        numeric = column is None or column.kind == "number"
        if function != step.function and (numeric or function not in _NUMERIC):
            changed = replace(step, function=function, options={})
            yield Option(text=measure_name(changed), note="", query=with_step(query, step, changed))


def _other_tests(query: Query, step: Test) -> Iterator[Option]:
    kinds = NORMALITY if step.kind in NORMALITY else BETWEEN_GROUPS if step.kind in BETWEEN_GROUPS and step.by else ()
    if any(isinstance(other, Decide) for other in query.steps):
        return
    several = step.kind in ("anova", "kruskal")
    for kind in kinds:
        if kind != step.kind and not (several and kind in ("t", "welch", "mann_whitney")):
            yield Option(text=TESTS[kind], note="", query=with_step(query, step, replace(step, kind=kind)))


# -- columns ----------------------------------------------------------------------------------------------------------


def _columns(query: Query, linker: Linker, mentions: tuple[Mention, ...]) -> Iterator[Chip]:
    grouped = {name for step in query.steps if isinstance(step, Measure) for name in step.by}
    grouped |= {step.by for step in query.steps if isinstance(step, Test) and step.by}
    grouped |= {name for step in query.steps if isinstance(step, Measure) for name in columns_in(step.where)}
    names = dict.fromkeys(name for step in query.steps for name in columns_in(step) if not isinstance(step, Filter))
    own = added_columns(query)
    for name in names:
        if name in linker.by_name and name not in own and name not in grouped:
            mention = next((each for each in mentions if each.column == name and not each.is_value), None)
            yield Chip(
                kind="column", text=name, note=_note(linker.by_name[name]), sure=mention is None or mention.sure,
                options=_kept(_other_columns(query, name, linker, mention), linker),
            )  # fmt: skip


def _note(column: Column) -> str:
    return f"{column.kind}, {column.present:,} values"


def _other_columns(query: Query, name: str, linker: Linker, mention: Mention | None) -> Iterator[Option]:
    first = [each for each, _ in mention.others] if mention is not None else []
    kind = linker.by_name[name].kind
    alike = [column.name for column in linker.columns if column.kind == kind and column.present]
    for other in dict.fromkeys([*first, *alike]):
        column = linker.by_name[other]
        if other != name and column.kind == kind and other not in set(columns_in(query.steps)):
            yield Option(text=other, note=_note(column), query=with_column(query, name, other))


def _groups(query: Query, linker: Linker) -> Iterator[Chip]:
    grouped = dict.fromkeys(name for step in query.steps if isinstance(step, Measure) for name in step.by)
    grouped |= dict.fromkeys(step.by for step in query.steps if isinstance(step, Test) and step.by)
    tested = {step.by for step in query.steps if isinstance(step, Test)}
    for name in grouped:
        if name not in linker.by_name or name in added_columns(query) or linker.by_name[name].kind == "date":
            continue
        options = _kept(_other_groups(query, name, linker), linker)
        yield Chip(
            kind="group",
            text=name,
            note=f"{linker.by_name[name].distinct:,} values",
            options=options,
            drop=None if name in tested else _ungrouped(query, name),
        )


def _other_groups(query: Query, name: str, linker: Linker) -> Iterator[Option]:
    for column in linker.columns:
        if column.categorical and 1 < column.distinct <= 50 and column.name not in set(columns_in(query.steps)):
            yield Option(
                text=column.name, note=f"{column.distinct:,} values", query=with_group(query, name, column.name)
            )


def _ungrouped(query: Query, name: str) -> Query | None:
    """Without the group, where no name wants a group's value back."""
    if any(output.group for output in query.outputs):
        return None
    out = query
    for step in query.steps:
        if isinstance(step, Measure) and name in step.by:
            current = next(
                s
                for s in out.steps
                if isinstance(s, Measure)
                and s.columns == step.columns
                and s.function == step.function
                and s.by == step.by
            )
            out = with_step(out, current, replace(current, by=tuple(each for each in step.by if each != name)))
    return out


# -- conditions and steps ---------------------------------------------------------------------------------------------


def _conditions(query: Query, linker: Linker) -> Iterator[Chip]:
    for step in query.steps:
        if isinstance(step, Filter):
            options = _kept(_other_values(query, step, linker), linker)
            yield Chip(
                kind="filter", text=condition_words(step.where), options=options, drop=_without(query, step, linker)
            )


def _other_values(query: Query, step: Filter, linker: Linker) -> Iterator[Option]:
    where = step.where
    if not (isinstance(where, Compare) and isinstance(where.left, Col) and where.left.name in linker.by_name):
        return
    column = linker.by_name[where.left.name]
    if where.op in ("eq", "ne") and isinstance(where.right, Const):
        for value, count in column.values[: MOST_OPTIONS + 1]:
            if value != where.right.value:
                changed: Condition = replace(where, right=Const(value))
                yield Option(
                    text=value_words(value), note=f"{count:,} rows", query=with_step(query, step, Filter(changed))
                )
    if where.op in ("lt", "le", "gt", "ge"):
        for op in ("lt", "le", "gt", "ge"):
            if op != where.op:
                other = replace(where, op=op)
                yield Option(text=condition_words(other), note="", query=with_step(query, step, Filter(other)))


def _steps(query: Query, linker: Linker) -> Iterator[Chip]:
    for step in query.steps:
        if not isinstance(step, (*YIELDS, Decide, Filter)):
            fixed = isinstance(step, Encode) or (isinstance(step, Derive) and not _in_place(query, step))
            drop = None if fixed else _without(query, step, linker)
            yield Chip(kind="step", text=step_words(step), drop=drop)


def _in_place(query: Query, step: Derive) -> bool:
    return step.name in set(columns_in(step.value))
