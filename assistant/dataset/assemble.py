"""From what was read to one query: the order of the steps, the labels, and the names wanted back."""

from __future__ import annotations

from dataclasses import replace

from assistant.dataset.asks import Ask
from assistant.dataset.bind import OUTLYING, Place, bind, output, sense_of, synthesise
from assistant.dataset.decide import decision
from assistant.dataset.draft import Draft, Want
from assistant.dataset.edits import repointed
from assistant.dataset.steps import (
    Case,
    Col,
    Compare,
    Const,
    Decide,
    Derive,
    DropDuplicates,
    DropMissing,
    Encode,
    Filter,
    Fit,
    Impute,
    Measure,
    Outliers,
    Output,
    Query,
    Ref,
    Scale,
    Step,
    Test,
    Yields,
)
from assistant.dataset.words import yield_words


def assemble(draft: Draft) -> tuple[Query | None, list[str]]:
    """Return the query, and the names that nothing answers."""
    _bins(draft)
    _settle_options(draft)
    _doubt_seed(draft)
    _phases(draft)
    _ungroup_for_decisions(draft)
    bound, unbound = bind(draft)
    if unbound and synthesise(draft, unbound):
        _settle_options(draft)
        _phases(draft)
        bound, unbound = bind(draft)
    bound = _without_unasked(draft, bound)
    if not draft.wants:
        return None, [ask.name for ask in draft.asks]
    _label(draft)
    decides, undecided = _decisions(draft)
    steps = _steps(draft) + decides
    outputs = [
        output(ask, place, draft.wants[place.want].label, draft.wants[place.want].function) for ask, place in bound
    ]
    outputs += [Output(name=decide.label, label=decide.label) for decide in decides if isinstance(decide, Decide)]
    if draft.rounding is not None:
        measured = [want.label for want in draft.wants if want.kind == "measure"]
        outputs += [Output(name=label, label=label, digits=draft.rounding) for label in measured]
    order = {ask.name: index for index, ask in enumerate(draft.asks)}
    outputs.sort(key=lambda each: order.get(each.name, 0))
    missing = [ask.name for ask in (*unbound, *undecided)]
    return Query(steps=tuple(steps), outputs=tuple(outputs), plot=_plot(draft)), missing


def _without_unasked(draft: Draft, bound: list[tuple[Ask, Place]]) -> list[tuple[Ask, Place]]:
    """Leave out what only the constraints mention and no name wants back."""
    if not draft.asks:
        return bound
    needed = {place.want for _, place in bound}
    decides = any(ask.text for ask in draft.asks)
    kept = [index for index, want in enumerate(draft.wants) if index in needed or _decides(want, decides)]
    moved = {old: new for new, old in enumerate(kept)}
    draft.wants = [draft.wants[index] for index in kept]
    return [(ask, replace(place, want=moved[place.want])) for ask, place in bound]


def _decides(want: Want, decides: bool) -> bool:
    """Tell whether a word may be decided on a want; such stay, as do what a question asks beyond its names."""
    if want.kind in ("test", "fit"):
        return decides or want.source == "question"
    return decides and want.function in DECIDING


DECIDING = frozenset({"correlation", "skew"})


def _doubt_seed(draft: Draft) -> None:
    """A held-out score that names want back depends on the seed of the split: without one it waits."""
    fits = any(want.kind == "fit" for want in draft.wants)
    if draft.asks and fits and draft.settings.seed is None and not draft.settings.folds:
        draft.doubts.append("no seed for the split is stated")


def _plot(draft: Draft) -> str:
    return draft.plot


def _bins(draft: Draft) -> None:
    """Labels by percentile become a case over quantiles; what is counted by label is wanted."""
    if draft.bins is None:
        return
    name, column, quantiles, labels, (above, below) = draft.bins
    names = [f"{q}th percentile of {column}" for q in quantiles]
    for q, label in zip(quantiles, names, strict=True):
        draft.edges.append(Measure(label=label, function="quantile", columns=(Col(column),), options={"q": q / 100}))
    high = (Compare(above, Col(column), Ref(names[-1])), Const(labels[-1]))
    rest = [
        (Compare(below, Col(column), Ref(edge)), Const(label)) for edge, label in zip(names[:-1], labels, strict=False)
    ]
    draft.derives.append(Derive(name, Case(branches=(high, *rest), otherwise=Const(labels[-2]))))
    for function in ("counts", "shares"):
        draft.want(Want(kind="measure", function=function, columns=(Col(name),), phase="post"))


def _settle_options(draft: Draft) -> None:
    settings = draft.settings
    for want in draft.wants:
        if want.function in ("std", "var") and settings.ddof is not None:
            want.options = {**want.options, "ddof": settings.ddof}
        if want.function in ("skew", "kurtosis") and settings.biased is not None:
            want.options = {**want.options, "biased": settings.biased}
        if want.function in ("correlation", "correlations") and settings.method:
            want.options = {**want.options, "method": settings.method}
    kept: list[Want] = []
    for want in draft.wants:
        if all(other.key != want.key for other in kept):
            kept.append(want)
    draft.wants = kept


def _phases(draft: Draft) -> None:
    """Where the names wanted back speak of before and after, each statistic is wanted twice."""
    changing = [step for step, _ in draft.rows if isinstance(step, (Outliers, Impute, Scale))]
    senses = [sense_of(draft, ask) for ask in draft.asks if not ask.text]
    if not changing or not any(sense.phase == "pre" for sense in senses):
        return
    for want in list(draft.wants):
        if want.kind == "measure" and not want.phase and want.function != "outliers":
            want.phase = "post"
            draft.want(replace(want, phase="pre"))


def _ungroup_for_decisions(draft: Draft) -> None:
    """A correlation by group that names or decisions refer to becomes one correlation for each group."""
    if not draft.asks:
        return
    for want in list(draft.wants):
        if want.function == "correlation" and len(want.by) == 1 and want.by[0] in draft.linker.by_name:
            place = draft.wants.index(want)
            values = [value for value, _ in draft.column(want.by[0]).values][:20]
            each = [
                replace(want, by=(), where=Compare("eq", Col(want.by[0]), Const(value)))
                for value in sorted(values, key=str)
            ]
            draft.wants[place : place + 1] = each


def _label(draft: Draft) -> None:
    seen: dict[str, int] = {}
    keys: dict[str, str] = {}
    for want in draft.wants:
        if want.function == "value":
            want.columns = repointed(want.columns, keys)
        text = yield_words(_step(draft, replace(want, label="x")))
        if want.phase == "pre" and any(
            other.phase == "post" and other.function == want.function for other in draft.wants
        ):
            text += " before"
        if want.extra.get("variant"):
            text += " with " + " ".join(want.extra["variant"])
        seen[text] = seen.get(text, 0) + 1
        want.label = text if seen[text] == 1 else f"{text} ({seen[text]})"
        keys[str(want.extra.get("key", ""))] = want.label


def _step(draft: Draft, want: Want) -> Measure | Test | Fit:
    settings = draft.settings
    if want.kind == "test":
        groups = _only(draft, want.by[0]) if want.by else ()
        return Test(
            label=want.label,
            kind=want.function,
            columns=want.columns,
            by=want.by[0] if want.by else None,
            groups=groups,
            alpha=settings.alpha,
            options=want.options,
        )
    if want.kind == "fit":
        extra = want.extra
        size = settings.test_size if settings.test_size is not None else (0.0 if settings.folds else 0.2)
        return Fit(
            label=want.label, model=want.function, features=extra["features"], target=extra["target"],
            metric=extra["metric"], task=extra["task"], test_size=size, folds=settings.folds,
            seed=settings.seed if settings.seed is not None else 42,
        )  # fmt: skip
    return Measure(
        label=want.label,
        function=want.function,
        columns=want.columns,
        by=want.by,
        where=want.where,
        options=want.options,
    )


def _only(draft: Draft, name: str) -> tuple[str | int | float | bool | None, ...]:
    for limit in draft.limits:
        condition = limit.condition
        if (
            isinstance(condition, Compare)
            and condition.op == "in"
            and condition.left == Col(name)
            and isinstance(condition.right, tuple)
        ):
            return condition.right
    return ()


def _steps(draft: Draft) -> list[Step]:
    """Filled and dropped rows, new columns, conditions, measures before, outliers and scaling, then measures after."""
    early: list[Step] = [step for step, _ in draft.rows if isinstance(step, (DropMissing, DropDuplicates, Impute))]
    late: list[Step] = [step for step, _ in draft.rows if isinstance(step, (Outliers, Scale, Encode))]
    pre_impute = [want for want in draft.wants if want.phase == "pre"]
    consumed = [part for want in draft.wants for part in want.extra.get("consumed", ())]
    filters: list[Step] = [Filter(limit.condition) for limit in draft.limits if limit.condition not in consumed]
    before: list[Yields] = [_step(draft, want) for want in pre_impute]
    after: list[Yields] = [_step(draft, want) for want in draft.wants if want.phase not in ("pre", "flag")]
    derives: list[Step] = list(draft.derives)
    edges: list[Step] = list(draft.edges)
    flags = [want for want in draft.wants if want.phase == "flag"]
    if flags:
        outliers = [replace(step, action="flag", name=OUTLYING) for step in late if isinstance(step, Outliers)]
        late = [*outliers, *(_step(draft, want) for want in flags), *late]
    return [
        *filters_first(draft, filters),
        *before,
        *early,
        *edges,
        *derives,
        *filters_last(draft, filters),
        *late,
        *draft.after,
        *after,
    ]


def filters_first(draft: Draft, filters: list[Step]) -> list[Step]:
    """Conditions on columns of the file stand first only where measures before the row steps are wanted."""
    return [step for step in filters if _early(draft, step)]


def filters_last(draft: Draft, filters: list[Step]) -> list[Step]:
    """The other conditions."""
    return [step for step in filters if not _early(draft, step)]


def _early(draft: Draft, step: Step) -> bool:
    return any(want.phase == "pre" for want in draft.wants) and not any(name in repr(step) for name in draft.derived)


def _decisions(draft: Draft) -> tuple[list[Step], list[Ask]]:
    decides: list[Step] = []
    missed: list[Ask] = []
    for ask in draft.asks:
        if not ask.text or len(ask.options) < 2:
            continue
        want = _decided(draft, ask)
        decide = decision(draft, ask, want) if want is not None else None
        if decide is None:
            missed.append(ask)
        else:
            decides.append(decide)
    return decides, missed


def _decided(draft: Draft, ask: Ask) -> Want | None:
    """What a word is decided on: a test or correlation, that of the group or column which the name speaks of."""
    sense = sense_of(draft, ask)
    fitting = [want for want in draft.wants if want.kind == "test" or want.function in ("correlation", "skew")]
    if len(fitting) <= 1:
        return fitting[0] if fitting else None
    scored = sorted(fitting, key=lambda want: -_closeness(want, sense.words, sense.columns))
    best, second = (_closeness(want, sense.words, sense.columns) for want in scored[:2])
    return scored[0] if best > second else next((want for want in scored if want.kind == "test"), None)


def _closeness(want: Want, said: frozenset[str], columns: tuple[str, ...]) -> float:
    from assistant.dataset.bind import _value_words

    score = float(len(set(columns) & set(want.names)))
    if want.where is not None:
        score += 2 * len(_value_words(want.where) & said)
    return score
