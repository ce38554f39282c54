"""What a question about runs asks for: rules on its page, the first that fits decides.

A rule takes the words it reads, sets the draft's parts, and tells whether it fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistant.dataset.tokens import stem
from assistant.runs.draft import Draft, Filters, run_filter, wanted
from assistant.runs.lexicon import BEST, HIGH, LOW, RUN_NOUNS, WORST
from assistant.runs.named import RunLink
from assistant.runs.names import NameLink
from assistant.runs.page import Element, Found
from assistant.runs.tokens import plain_words
from kb.history import RunFilter, Wanted, Window

Rule = Callable[[Draft], bool]

_NOUN = "(?:" + "|".join(sorted(RUN_NOUNS, key=len, reverse=True)) + ")"
_RUNS = "(?:runs?|trials?|experiments?|jobs?|trainings?|backtests?|attempts?|versions?|commits?|models?)"
_STEP = r"(?:steps?|epochs?|iterations?|rounds?|batch(?:es)?|generations?|it)"
_SUP = "(?:" + "|".join(sorted(HIGH | LOW | BEST | WORST, key=len, reverse=True)) + ")"
_DEEP = r"(?:deepest|steepest|heaviest)"
_AGGREGATES = {
    "mean": "mean", "average": "mean", "avg": "mean", "median": "median", "total": "sum", "sum": "sum", "std": "std",
    "deviation": "std", "spread": "std", "min": "min", "minimum": "min", "max": "max", "maximum": "max",
}  # fmt: skip
_AGG = r"(?:mean|average|avg|median|total|sum|std|standard deviation)"
_FIELDS: dict[str, Any] = {
    "status": "status", "statuses": "status", "state": "status", "states": "status", "experiment": "experiment",
    "study": "experiment", "studies": "experiment", "tracker": "tracker", "dataset": "dataset", "outcome": "status",
    "folder": "source", "source": "source", "sweep": "experiment", "name": "name",
}  # fmt: skip
_FIELD = "(?:" + "|".join(_FIELDS) + ")"


_KINDS = frozenset(
    map(stem, ("model", "estimator", "classifier", "algorithm", "architecture", "method", "regressor", "net"))
)

# -- pieces -----------------------------------------------------------------------------------------------------------


def pick_metric(draft: Draft, element: Element | None = None) -> bool:
    """Take the metric that the question names; the only or the objective one where it names none."""
    if draft.metric is not None:
        return True
    found = [element] if element is not None else [e for e in draft.page.elements if e.code == "M" and not e.used]
    if found:
        names = {e.item.logged.name for e in found}
        if len(names) > 1:
            return False
        for each in found:
            draft.metric = draft.use(each)
        return True
    return _objective(draft)


def _objective(draft: Draft) -> bool:
    """The metric that a study optimises, where trackers say so and the question asks for it by that word or by none."""
    if not draft.linked.scope_links and not draft.page.of("R"):
        return False
    metrics = draft.linked.names.metrics
    told = [each for each in metrics if each.direction]
    names = {each.name for each in told}
    if len(names) == 1 and not [e for e in draft.page.elements if e.code in ("P", "T") and not e.used]:
        draft.page.take(r"objectives?(?: values?)?|target(?: values?)?")
        draft.metric = NameLink(0, 0, told[0], 1.0)
        return True
    return False


def figure(draft: Draft) -> None:
    """Which of a metric's points: final, first, ever."""
    page = draft.page
    last = [
        r"at (?:the )?(?:very )?end(?: of (?:the )?(?:training|run|runs|search))?",
        rf"(?:in|at|on|after|from) (?:the|its|their) (?:very )?(?:final|last) {_STEP}",
        (
            rf"(?:final|last|ending)(?: (?:logged|recorded|reported|"
            rf"seen))?(?: (?:value|values|{_STEP}|score))?(?: of)?(?: "
            rf"the)?"
        ),
        r"(?:did|do|does)? ?(?:we|it|they)? ?end(?:ed|s)?(?: up)?(?: with| at| on)?",
    ]
    if [1 for pattern in last if page.take(pattern)]:
        draft.figure = "last"
    elif page.take(
        rf"(?:first|initial|starting)(?: logged| recorded)?(?: {_STEP})?(?: values?)?|at the (?:start|beginning)"
    ):
        draft.figure = "first"
    elif page.take(
        rf"ever|peak|at any (?:point|time|{_STEP})|during (?:the |its )?(?:run|training)"
        rf"|(?:over|across|in|of) (?:all|any|every) (?:its |the )?{_STEP}|anywhere"
    ):
        draft.figure = "best"


def superlative(draft: Draft) -> str:
    """Take a superlative: best, worst, maximize or minimize; empty where there is none."""
    page = draft.page
    spread = page.take(
        r"(?:varied|varies|vary|fluctuated|scattered|differed) (least|most)|(?:most|least) (stable|consistent|variable)"
    )
    if spread:
        least = spread.text(1) == "least" or ("most" in spread.text(0) and spread.text(2) in ("stable", "consistent"))
        page.take(r"across (?:the )?(?:folds?|seeds?|splits?)")
        page.take(r"std|standard deviation|variance")
        return "minimize" if least else "maximize"
    found = page.take(rf"{_SUP}|{_DEEP}|fastest|quickest|shortest|longest|slowest")
    if not found:
        return ""
    word = found.text(0)
    page.take(_SUP) if word in BEST | WORST else None
    if word in BEST:
        return "best"
    if word in WORST:
        return "worst"
    if word in LOW or word in ("fastest", "quickest", "shortest"):
        return "minimize"
    return "deep" if word in ("deepest", "steepest", "heaviest") else "maximize"


def apply_superlative(draft: Draft, word: str) -> None:
    """Set select and direction by a superlative."""
    draft.select = "worst" if word == "worst" else "best"
    if word in ("maximize", "minimize"):
        draft.fields["direction"] = word
    elif word == "deep" and draft.metric is not None:
        highs = [each.high for each in (draft.metric.logged, *draft.metric.same) if each.high is not None]
        high = max(highs, default=None)
        draft.fields["direction"] = "minimize" if high is not None and high <= 0 else "maximize"


def group_of(draft: Draft) -> Wanted | None:
    """Take what results are grouped by."""
    found = draft.page.take(
        rf"(?:per|by|for each|for every|grouped by|split by|in each|"
        rf"each|broken down by|depending on|across) (?:the )?(?:different "
        rf"|values? of )?"
        rf"(?:(?P<name>[PT])(?: (?:value|values|setting|settings|"
        rf"param|parameter|file|files|name))?|(?P<field>{_FIELD}|"
        rf"run|runs|version|trial|model))"
    )
    if not found:
        return None
    element = found.one("name")
    if element is not None:
        return wanted(draft.use(element))
    word = found.text("field")
    return Wanted(field=_FIELDS.get(word, "id"))


def side(draft: Draft, element: Element) -> Filters:
    """The runs that a condition or a run's name stands for."""
    element.used = True
    if element.code == "R":
        link: RunLink = element.item
        return (run_filter(draft, link),)
    filters: Filters = element.item
    return filters


def _shared(draft: Draft, first: Filters, second: Filters) -> tuple[Filters, Filters]:
    """What is said of the first side alone but holds for both: `yolov5m frozen vs unfrozen`."""
    named = {(one.field, one.name) for one in second}
    if len(first) <= len(second) or not named <= {(one.field, one.name) for one in first}:
        return first, second
    draft.filters += [one for one in first if (one.field, one.name) not in named]
    return tuple(one for one in first if (one.field, one.name) in named), second


def two_sides(draft: Draft, found: Found, *groups: str) -> bool:
    """Set first and second from two groups of conditions."""
    sides = []
    for group in groups:
        filters: list[RunFilter] = []
        for at in found.at(group):
            element = draft.page.elements[at]
            if element.code in "CR" and len(element.code) == 1:
                filters += side(draft, element)
        sides.append(tuple(dict.fromkeys(filters)))
    if not all(sides) or sides[0] == sides[1]:
        return False
    sides = list(_shared(draft, sides[0], sides[1]))
    draft.fields["first"], draft.fields["second"] = sides
    found.use()
    return True


_SIDE = (
    r"(?:(?:the|a|an|run|runs|plain|using|with|of|S|trials?)"
    r" )*(?:[CR](?: (?:and )?[C])*)(?: (?:runs?|trials?|ones?|"
    r"side|init|model|models|S|hydra run))*"
)


# -- asks -------------------------------------------------------------------------------------------------------------


def why(draft: Draft) -> bool:
    """Reasons are not recorded with runs."""
    if draft.page.has(r"why|how come|reasons?|rationale|motivation|motivated|what made us|what for|justification"):
        draft.why = True
        return True
    return False


def traces(draft: Draft) -> bool:
    """What a traceback says."""
    found = draft.page.take(
        r"(?:what|which) (?:exception|error)(?: type| class| message)"
        r"? (?:killed|stopped|ended|crashed|made|did|was|broke|terminated|"
        r"caused|hit|brought)(?: (?:down|raised|by|in|the|crash|"
        r"fail|of))*"
        r"|(?:what|which) (?:exception|error) (?:was|did)"
    )
    kind = "exception" if found else ""
    if draft.page.take(
        r"(?:(?:died|failed|crashed|stopped|C) )?(?:on|with|because "
        r"of|due to|for|by|over)? ?(?:a|an|the)? ?missing (?:(?:python|"
        r"T|P) )?(?:module|package|library|import)(?: ,? ?which)"
        r"?"
    ):
        kind = "module"
    if not kind:
        return False
    tags = [t for t in draft.linked.names.logged if t.kind == "tag" and any("Traceback" in str(v) for v in t.values)]
    if len(tags) != 1:
        return False
    for element in draft.page.elements:
        if element.code == "C" and all(f.field == "state" for f in element.item):
            element.used, element.item = True, ()
    draft.select, draft.extract = "value", kind
    draft.fields["wanted"] = (Wanted(field="tag", name=tags[0].name),)
    return True


def changed(draft: Draft) -> bool:
    """Parameters that differ between two runs."""
    page = draft.page
    runs = page.of("R")
    if len(runs) != 2 or [e for e in page.elements if e.code == "M"]:
        return False
    words = (
        r"(?:what|which) (?:did (?:we|they|you) )?(?:changed?|differs?|"
        r"differed)|(?:config|configs|settings?|params?|parameters|"
        r"args|hyperparameters?) (?:diffs?|differences?)"
        r"|differ(?:s|ed|ence|ences|ent)?|diff|changed?|changes"
    )
    if not page.take(words):
        return False
    while page.take(
        rf"{words}|(?:config|configuration|params?|parameters|settings?|"
        rf"args|hyperparameters?|hparams)(?: (?:yaml|\. yaml|file|"
        rf"values?))?|values?|between|vs|versus|from|to"
    ):
        pass
    aside = page.take(
        r"(?:(?:,|apart from|except(?: for)?|besides|ignoring|other "
        r"than|not counting) )?((?:(?:the )?[\w]+|P|T|,|and|&)(?: "
        r"(?:[a-z_]+|P|T|,|and|&))*?) aside|(?:apart from|except(?: "
        r"for)?|besides|ignoring|other than|not counting) ((?:(?:[a-z_]+|"
        r"P|T|,|and|&) ?)+)"
    )
    if aside:
        draft.fields["wanted"] = _left_aside(draft, aside)
    draft.fields["first"], draft.fields["second"] = (side(draft, each) for each in runs)
    draft.select = "changed"
    return True


def _left_aside(draft: Draft, found: Found) -> tuple[Wanted, ...]:
    """Parameters that a comparison is to leave out; each word must be the start of one."""
    names = []
    for at in found.at(1) or found.at(2):
        element = draft.page.elements[at]
        if isinstance(element.item, NameLink):
            names.append(element.item.logged.name)
            element.used = True
    return tuple(Wanted(field="param", name=name) for name in names)


def never(draft: Draft) -> bool:
    """What no run has: of candidates, of a range, or of what others have."""
    page = draft.page
    cue = (
        r"(?:never|skip(?:ped|s)?|untried|untested|not (?:yet )?(?:been "
        r")?(?:tried|tested|used|run|evaluated|cross - validated)"
        r"|(?:haven't|didn't|hasn't) (?:we )?(?:yet )?(?:tried|try|"
        r"tested|test|used|use|run)|missing|no run)"
    )
    if not page.has(cue):
        return False
    return _never_range(draft) or _never_of(draft, cue) or _never_state(draft)


def _never_range(draft: Draft) -> bool:
    page = draft.page
    found = page.find(r"(?:in|from|between|of)? ?(?P<low>N) (?:\. \.|-|–|to|and|through|until|\. \. \.) (?P<high>N)")
    names = [e for e in page.elements if e.code == "P"]
    low, high = (found.one("low"), found.one("high")) if found else (None, None)
    if found is None or len(names) != 1 or low is None or high is None or low.number is None or high.number is None:
        return False
    if high.number - low.number > 1000 or low.number != int(low.number) or high.number != int(high.number):
        return False
    found.use()
    draft.fields["candidates"] = tuple(range(int(low.number), int(high.number) + 1))
    return _never_named(draft, wanted(draft.use(names[0])))


def _never_named(draft: Draft, what: Wanted) -> bool:
    draft.select = "never_tried"
    draft.fields["wanted"] = (what,)
    draft.page.take(
        r"(?:which|what|did|does|do|has|have|any|ones|values?|of|"
        r"never|skip(?:ped)?|miss(?:ing)?|not|been|tried|tested|"
        r"used?|ran?|run|yet)(?: [a-z]+)*? (?:skip|miss)"
    )
    while draft.page.take(
        r"never|skip(?:ped|s)?|untried|untested|missing|tried|tested|"
        r"used|use|never|evaluated|cross (?:- )?validated|validated|"
        r"cross|yet"
    ):
        pass
    return True


def _never_of(draft: Draft, cue: str) -> bool:
    """`of A, B and C, which were never used`: at least one of them must be known, so that it is clear what they are."""
    page = draft.page
    found = page.find(
        r"(?:of|among|from|out of|between|:) (?P<list>(?:[^\s]+ "
        r")+?(?:and|or|&) [^\s]+) (?:, )?(?:which|what|is|was|are|"
        r"did|were|any)"
    )
    if not found:
        found = page.find(
            r"(?:which|what) (?:of|among|from|out of) (?P<list>(?:[^\s]+ "
            r")+?(?:and|or|&) [^\s]+) (?:was|were|did|is|has|have|never)"
        )
    if not found:
        return False
    names = _listed(draft, found)
    what = _kind_of(draft, names)
    if what is None:
        return False
    for at in found.at(0):
        element = page.elements[at]
        element.used = True
        if element.code == "C":
            element.item = ()
        elif element.code in "RMP":
            element.item = None
            element.code = "x"
    draft.fields["candidates"] = tuple(names)
    _modifiers(draft)
    return _never_named(draft, what)


def _listed(draft: Draft, found: Found) -> list[str]:
    """The candidates as they were written."""
    places = found.at("list")
    text = draft.page.text[draft.page.elements[places[0]].start : draft.page.elements[places[-1]].end]
    parts = text.replace(" and ", ",").replace(" or ", ",").replace("&", ",").split(",")
    return [part.strip().strip("'\"") for part in parts if part.strip()]


def _kind_of(draft: Draft, names: list[str]) -> Wanted | None:
    """What candidates are of: the named parameter, the parameter that has one of them as value, or the runs' names."""
    page, index = draft.page, draft.linked.names
    known = {name.lower() for name in names}
    holders = [
        each for each in index.params
        if any(str(v).lower() in known and index.scopes & places.keys() for v, places in each.values.items())
    ]  # fmt: skip
    said = [e for e in page.elements if e.code == "P"]
    for element in said:
        if element.item.logged in holders or not holders:
            return wanted(draft.use(element))
    if len(holders) == 1:
        return Wanted(field="param", name=holders[0].name)
    runs = [run for run in draft.linked.linker.vocabulary.runs if run.scope in draft.linked.scopes]
    if any((run.name or "").lower() in known for run in runs):
        return Wanted(field="name")
    return Wanted(field="id") if any(run.run_id.lower() in known for run in runs) else None


def _modifiers(draft: Draft) -> None:
    """Words that only describe the candidates, between `which` and what they are."""
    page = draft.page
    for at, element in enumerate(page.elements):
        after = page.elements[at + 1] if at + 1 < len(page.elements) else None
        before = page.elements[at - 1] if at else None
        if before is not None and before.code in ("which", "what") and after is not None and after.code == "P":
            element.used = True


def _never_state(draft: Draft) -> bool:
    """`Which entry points never had a finished run`: those that occur, without those that occur in such runs."""
    page = draft.page
    found = page.find(r"(?:which|what) (?P<name>[PT])(?: values?)? (?:[^\s]+ )*?never (?:[^\s]+ )*?(?P<c>C)")
    element, condition = (found.one("name"), found.one("c")) if found else (None, None)
    if found is None or element is None or condition is None:
        return False
    link = draft.use(element)
    scopes = draft.linked.scopes
    values = [v for v, places in link.logged.values.items() if scopes & places.keys()]
    if not values or not link.logged.whole:
        return False
    found.use("c")
    while page.take(r"never|had|got|one|single|a"):
        pass
    draft.fields["candidates"] = tuple(values)
    return _never_named(draft, wanted(link))


def limit_step(draft: Draft) -> bool:
    """The first step at which a metric passed a limit."""
    page = draft.page
    limit = page.find(
        rf"first {_STEP} (?:[^\s]+ )*?(?P<m>M) (?:(?:that|which|was|"
        rf"is|went|fell|dropped|got|of|value|a|the) )*(?P<way>under|"
        rf"below|above|over|<|>|less than|greater than|exceeds?|exceeding)"
        rf" (?P<n>N)"
    )
    limit = limit or page.find(
        rf"(?:when|(?:which|what) {_STEP}) (?:[^\s]+ )*?(?P<m>M) (?:[^\s]+ "
        rf")*?(?:first )?(?:drop|fall|go|went|get|got|fell|dropped|"
        rf"rise|rose)?(?: first)? ?(?P<way>under|below|above|over|"
        rf"exceed|<|>|less than|greater than) (?P<n>N)"
    )
    if limit:
        element, number = limit.one("m"), limit.one("n")
        if element is None or number is None or not pick_metric(draft, element):
            return False
        low = limit.text("way") in ("under", "below", "<", "less than")
        draft.fields["below" if low else "above"] = number.number
        limit.use()
        draft.select, draft.figure = "best_step", "first"
        return True
    return False


def best_step(draft: Draft) -> bool:
    """At which step a run's metric was best."""
    page = draft.page
    asks = (
        rf"(?:(?:at|in|on|after) )?(?:which|what) {_STEP}(?: number)?(?: (?:did|was|is|had|does|do))?"
        rf"|(?:and )?when(?: was that| did that happen)?|(?:and |"
        rf"\+ |with |plus )?(?:its|the|at which|at what|which) {_STEP}"
    )
    if not page.has(asks) or not page.has(_SUP):
        return False
    single = page.of("R") or _single_run(draft)
    if not single:
        return False
    elements = page.of("M")
    if elements and not pick_metric(draft, elements[0]):
        return False
    word = superlative(draft)
    if not word or not pick_metric(draft):
        return False
    page.take(asks)
    while page.take(
        rf"first|peaked?|reach(?:ed)?|during (?:the |its )?(?:run|training)|peak|(?:min|max)imum|logged|{_SUP}"
    ):
        pass
    draft.select = "best_step"
    draft.figure = "worst" if word == "worst" else "best"
    if word in ("maximize", "minimize"):
        # A peak is the best value of its metric; highest and lowest are what they say.
        draft.fields["direction"] = word
    return True


def _single_run(draft: Draft) -> bool:
    """Tell whether the scopes hold a single run."""
    scopes = draft.linked.linker.vocabulary.scopes
    return sum(scopes[at].runs or scopes[at].loose for at in draft.linked.scopes) == 1


def trend(draft: Draft) -> bool:
    """How a metric went: over a run's steps, between two stretches, or over runs in their order."""
    page = draft.page
    first_last = (
        r"first (?:and|to|vs|versus|against|,|/|or) (?:the )?last|"
        r"last (?:and|vs|versus|against) (?:the )?first|from (?:the "
        r")?(?:first|start|beginning) to (?:the )?(?:last|end|final)"
        r"|start (?:to|vs|versus) (?:finish|end)"
    )
    moving = (
        r"go(?:es|ing)? (?:up|down)|went (?:up|down)|(?:still )?(?:dropping|"
        r"falling|rising|improving|decreasing|increasing|growing|"
        r"converging)|(?:drop|fall|rise|decrease|increase|improve|"
        r"falls|drops|rises) (?:over|during|through|across|with)"
        r"|how did|trend|evolve[ds]?|develop(?:ed)?|change over|"
        r"over training|over time|over the (?:run|epochs|steps)"
    )
    if not (page.has(first_last) or page.has(moving)):
        return False
    if not page.of("M") or not (page.of("R") or _single_run(draft)):
        return False
    about = page.find(r"(?:but )?(?:what|how) about (?:[a-z]+ )*?(?P<m>M)")
    element = about.one("m") if about else None
    if element is not None and about is not None:
        for other in page.of("M"):
            if other is not element:
                other.used = True
        for found in list(page.all(r"(?:falls?|drops?|rises?|goes (?:up|down)|improves?|decreases?)")):
            found.use()
        about.use()
    if not pick_metric(draft, element):
        return False
    draft.select = "trend"
    while page.take(
        rf"{first_last}|{moving}|first|last|logged|values?|{_STEP}|"
        rf"up|down|over (?:the )?training|over time|over|going|go|"
        rf"{_STEP}"
    ):
        pass
    return True


def windows(draft: Draft) -> bool:
    """Two stretches compared: of steps (`steps 125-180 vs steps 185-240`) or of runs (`first 50 vs the last 50`)."""
    page = draft.page
    stretch = rf"(?:the )?(?:{_STEP} )?(?P<%sa>N) (?:-|–|to) (?P<%sb>N)(?: {_STEP})?"
    joint = r"(?:and|vs|versus|against|compared (?:to|with)|to|or|,|than|/|with)"
    found = page.find(
        rf"{_STEP} {(stretch % ('x', 'x'))[len('(?:the )?(?:' + _STEP + ' )?') :]} (?:{joint} )+{stretch % ('y', 'y')}"
    )
    if found:
        numbers = [found.one(group) for group in ("xa", "xb", "ya", "yb")]
        bounds = [each.number for each in numbers if each is not None]
        if len(bounds) == 4 and pick_metric(draft):
            draft.fields["window"] = Window(low=bounds[0], high=bounds[1])
            draft.fields["second_window"] = Window(low=bounds[2], high=bounds[3])
            found.use()
            return _windowed(draft, "steps")
    noun = rf"(?:(?:completed|complete|finished|logged|C) )?(?:{_RUNS}|{_STEP})"
    found = page.find(rf"(?:the )?first (?P<a>N)(?: (?P<noun>{noun}))? (?:{joint} )+(?:the )?last (?P<b>N)(?: {noun})?")
    if found:
        first, last = found.one("a"), found.one("b")
        if first is not None and last is not None and first.number and last.number and pick_metric(draft):
            over = "steps" if any(w in found.text("noun") for w in ("step", "epoch", "iter")) else "runs"
            unit: Any = "step" if over == "steps" else "run"
            draft.fields["window"] = Window(unit=unit, first_n=int(first.number))
            draft.fields["second_window"] = Window(unit=unit, last_n=int(last.number))
            found.use()
            return _windowed(draft, over)
    return False


def _windowed(draft: Draft, over: str) -> bool:
    page = draft.page
    draft.select = "trend"
    draft.fields["over"] = over
    while page.take(
        rf"{_AGG}|still|dropping|falling|rising|improving|improved?|"
        rf"at the end|over time|did|logged|going|up|down|end|get "
        rf"better|got better|better|worse"
    ):
        pass
    return True


def effect(draft: Draft) -> bool:
    """What a setting did to a metric: the mean with it minus the mean without."""
    page = draft.page
    verb = (
        r"(?:help(?:ed|s)?|hurt(?:s)?|improved?|harm(?:ed)?|matter(?:ed)"
        r"?|boost(?:ed)?|lower(?:ed)?|raised?|reduced?|increased?|"
        r"affect(?:ed)?|make|made|pay off|worsen(?:ed)?|better|worse)"
    )
    if not page.has(
        rf"(?:did|does|do|is|was|were|are|has|effect of|impact of|influence of) (?:[^\s]+ )*?(?:{verb}|on)"
    ):
        return False
    if not pick_metric(draft, page.of("M")[0] if page.of("M") else None):
        return False
    minus = page.find(rf"(?P<a>{_SIDE}) minus (?P<b>{_SIDE})")
    over = page.find(
        rf"(?:did|does|is|was|were|are|do) (?P<a>{_SIDE}) (?:[^\s]+ "
        rf")*?{verb} (?:[^\s]+ )*?(?:over|than|compared (?:to|with)"
        rf"|versus|vs|against|relative to) (?P<b>{_SIDE})"
    )
    for found in (minus, over):
        if found is not None and _effect_sides(draft, found):
            return True
    alone = page.find(rf"(?:did|does|do|effect of|impact of|influence of) (?P<a>{_SIDE}) (?:[^\s]+ )*?(?:{verb}|on)")
    return alone is not None and _effect_alone(draft, alone)


def _effect_sides(draft: Draft, found: Found) -> bool:
    if not two_sides(draft, found, "a", "b"):
        return False
    first, second = draft.fields["first"], draft.fields["second"]
    for element in draft.page.elements:  # the same conditions said again, or named only in part
        if element.code == "C" and not element.used and set(element.item) & {*first, *second}:
            element.used, element.item = True, ()
        elif element.code == "C" and element.used:
            element.item = ()
    _finish_effect(draft)
    return True


def _effect_alone(draft: Draft, found: Found) -> bool:
    """With it against all others that do not have it."""
    element = next((draft.page.elements[at] for at in found.at("a") if draft.page.elements[at].code == "C"), None)
    if element is None or len(element.item) != 1:
        return False
    condition: RunFilter = element.item[0]
    opposite: dict[str, Any] = {
        "ne": "eq",
        "eq": "ne",
        "present": "missing",
        "missing": "present",
        "gt": "le",
        "lt": "ge",
        "ge": "lt",
        "le": "gt",
    }
    if condition.op not in opposite:
        return False
    draft.fields["first"] = (condition,)
    draft.fields["second"] = (
        RunFilter(field=condition.field, op=opposite[condition.op], name=condition.name, value=condition.value),
    )
    found.use()
    element.item = ()
    for other in draft.page.of("C"):
        if not other.used and other.item and other.item[0].name == condition.name:
            other.used, other.item = True, ()
    _finish_effect(draft)
    return True


def _finish_effect(draft: Draft) -> None:
    verb = (
        r"help(?:ed|s)?|hurts?|improved?|harm(?:ed)?|matter(?:ed)"
        r"?|boost(?:ed)?|lower(?:ed)?|raised?|reduced?|increased?|"
        r"better|worse|worsen(?:ed)?"
    )
    draft.select = "effect"
    figure(draft)
    while draft.page.take(
        rf"{verb}|did|effect of|impact of|(?:mean |average )?differences?(?: "
        rf"(?:of|in) (?:the )?(?:means?|averages?))?|n(?: (?:per|"
        rf"on each|for each|of each|in each) (?:side|group|arm))?|"
        rf"{_AGG}|with n|minus|over|than|per side|compared (?:to|"
        rf"with)|on"
    ):
        pass


def compare(draft: Draft) -> bool:
    """One metric of two runs, or of two kinds of runs."""
    page = draft.page
    cue = (
        r"vs|versus|compared? (?:to|with)|difference|gap|how close|"
        r"by how much|how much|minus|against|higher|lower|better|"
        r"worse|between"
    )
    if not page.has(cue) or not pick_metric(draft, page.of("M")[0] if page.of("M") else None):
        return False
    found = page.find(
        rf"(?P<a>{_SIDE}) (?:, )?(?:vs|versus|minus|against|and|compare[sd]? "
        rf"(?:to|with)|(?:lower|higher|better|worse|smaller|larger|"
        rf"greater|less) than|than|over|or|to|,)(?: \.)? (?:(?:that|"
        rf"of|the|"
        rf"to) )*(?P<b>{_SIDE})"
    )
    if found is None or not two_sides(draft, found, "a", "b"):
        return False
    for element in page.of("C"):
        if element.used:
            element.item = ()
    draft.select = "compare"
    for other in page.of("M"):
        if other.item.logged.name == (draft.metric.logged.name if draft.metric else ""):
            other.used = True
    figure(draft)
    flip = page.take(r"(?:of )?(?:the )?(second|latter)(?: one)?")
    if flip:
        draft.fields["first"], draft.fields["second"] = draft.fields["second"], draft.fields["first"]
    while page.take(
        rf"{cue}|big|large|(?:the )?(?:first|former)(?: one)?|how|gap|close|far apart|apart|differ(?:ence)?"
    ):
        pass
    return True


def unchanged(draft: Draft) -> bool:
    """Metrics that are the same in all runs."""
    found = draft.page.take(
        r"(?:which|what) (?:[a-z]+ )*?(?:S )?metrics?(?: \( s \))"
        r"? (?:never|did not|didn't|have not|haven't) (?:moved?|"
        r"changed?|var(?:y|ied)|budged?)|(?:which|what) (?:[a-z]+ "
        r")*?(?:S )?metrics?(?: \( s \))? (?:stayed|remained|were|"
        r"was|is|are) (?:the same|constant|identical|unchanged)"
    )
    found = found or draft.page.take(
        r"(?:which|what) S metrics?(?: \( s \))? (?:never|did not|didn't) (?:moved?|changed?|var(?:y|ied)|budged?)"
    )
    if found:
        draft.select = "unchanged"
    return found is not None


def distinct(draft: Draft) -> bool:
    """Different values of a parameter, a tag, or of a metric over the steps."""
    page = draft.page
    found = page.find(
        r"(?:distinct|different|unique|various) (?:values? (?:of|"
        r"for) )?(?:the )?(?P<n>[PTM])(?: values?)?|(?:which|what)"
        r" (?:values? (?:of|for) )(?:the )?(?P<o>[PT])|(?:which|"
        r"what) (?P<p>[PT]) values|(?:values? )(?:of|for) (?:the "
        r")?(?P<q>[PT]) (?:were|have been|did we|was|are)|list (?:all "
        r")?(?:the )?(?P<r>[PT])(?= (?:in|of|used|that|S|for|from)"
        r")"
    )
    if not found or page.has(r"how many (?:distinct|different|unique)"):
        return False
    element = next((e for e in map(found.one, ("n", "o", "p", "q", "r")) if e is not None), None)
    if element is None:
        return False
    if element.code == "M":
        draft.metric = draft.use(element)
    else:
        draft.fields["wanted"] = (wanted(draft.use(element)),)
    found.use()
    for other in page.elements:  # the same thing, named before
        if other.code in ("P", "T", "M") and not other.used and _same_thing(other.item, element.item):
            other.used = True
    while page.take(
        r"list|constant (?:or|vs) (?:scheduled|varying|decayed)|"
        r"scheduled (?:or|vs) constant|constant|tried|tested|used|"
        r"explored|swept"
    ):
        pass
    draft.select = "distinct"
    return True


def _same_thing(one: NameLink, other: NameLink) -> bool:
    return (
        one.logged == other.logged
        or one.logged in other.others
        or other.logged in one.others
        or (one.logged.leaf.lower() == other.logged.leaf.lower())
    )


def counts_by(draft: Draft) -> bool:
    """Runs by the value of something."""
    page = draft.page
    many = r"(?:how many|number of|count of|nr of|no of|how often)"
    also = page.find(rf"{many} (?:[^\s]+ )*?(?:, )?(?:and )?(?:in|for|at|from|by) (?:which|what) (?P<f>{_FIELD})")
    if also:
        draft.fields["group_by"] = Wanted(field=_FIELDS[also.text("f")])
        for found in (page.take(many), page.take(rf"(?:and )?(?:in|for|at|from|by) (?:which|what) {_FIELD}")):
            del found
        draft.select = "count"
        return True
    each = page.find(
        r"how often (?:was|were|did|is|has|have) (?:we )?(?:each|"
        r"every) (?P<n>[PT])(?: (?:file|value|setting|option|name)"
        r"s?)?(?: (?:been )?(?:used|tried|chosen|run|picked))?(?: "
        r"as (?:the )?[a-z]+)?"
    )
    if each:
        element = each.one("n")
        assert element is not None
        draft.fields["group_by"] = wanted(draft.use(element))
        each.use()
        draft.select = "count"
        return True
    field_counts = page.take(
        rf"(?P<f>{_FIELD}) (?:counts?|distribution|breakdown)|(?:counts?|"
        rf"breakdown|distribution|numbers?) (?:by|per|of) (?P<g>{_FIELD})"
    )
    if field_counts:
        name = field_counts.text("f") or field_counts.text("g")
        draft.fields["group_by"] = Wanted(field=_FIELDS[name])
        draft.select = "count"
        return True
    if not page.has(rf"(?:{many}|counts?|breakdown|distribution)") or page.of("M"):
        return False
    group = group_of(draft)
    if group is None:
        return False
    page.take(many)
    _spelled(draft)
    draft.fields["group_by"] = group
    draft.select = "count"
    return True


def _spelled(draft: Draft) -> None:
    """`as the strategy param was spelled`: says again what runs are grouped by."""
    found = draft.page.find(
        r",? ?(?:exactly )?as (?:the )?(?P<n>[PT]) (?:param |parameter "
        r"|value |tag )?(?:was|is|were) (?:spelled|spelt|written|"
        r"logged|named)"
    )
    if found:
        found.use()


def epochs_by_run(draft: Draft) -> bool:
    """How long each run went on."""
    page = draft.page
    found = page.find(
        rf"how many (?P<unit>{_STEP}) (?:did|has|have|was|were) (?:each|"
        rf"every|the|all)(?: of the)?(?: S)*(?: {_RUNS})?(?: S)*(?: "
        rf"(?:run|runs|train|trained|go|get|last|do|reach|complete|"
        rf"run for|train for))*"
    )
    if not found:
        return False
    metrics = draft.linked.names.metrics
    counted = [m for m in metrics if stem(m.leaf.lower()) == stem(found.text("unit"))]
    if len(counted) != 1:
        return False
    draft.metric = NameLink(0, 0, counted[0], 1.0)
    draft.select, draft.figure = "group", "last"
    draft.shift = int(counted[0].low == 0)
    draft.fields["group_by"], draft.fields["aggregate"] = Wanted(field="id"), "max"
    found.use()
    return True


def aggregate_by(draft: Draft) -> bool:
    """An aggregate of a metric by the value of a parameter."""
    page = draft.page
    found = page.find(
        rf"(?P<agg>{_AGG}|best|highest|lowest|max|min)(?: of(?: the)?)?(?: (?:final|last|best|the))* (?P<m>M)"
    )
    objective = page.find(rf"(?P<agg>{_AGG}) (?P<m>objectives?)")
    at = found or objective
    if at is None:
        return False
    names = page.of("PT")
    if (
        not page.has(
            rf"(?:per|by|for each|for every|grouped by|split by|in each|"
            rf"each|depending on|across) (?:the |values? of )*(?:P|T|"
            rf"{_FIELD}|run|version)"
        )
        and not names
    ):
        return False
    group = group_of(draft)
    if group is None:
        return False
    if not pick_metric(draft, found.one("m") if found else None):
        return False
    figure(draft)
    word = at.text("agg").split()[-1]
    draft.fields["aggregate"] = _AGGREGATES.get(
        word, {"best": "best", "highest": "max", "lowest": "min"}.get(word, "mean")
    )
    page.take(rf"{_AGG}|best|highest|lowest|max|min")
    draft.fields["group_by"] = group
    draft.select = "group"
    page.take(
        r",? ?over (?:only )?(?:the |all )?(?:runs |ones )?(?:that|"
        r"which) (?:have|has|had|logged) (?:one|it|any|a value)"
    )
    return True


_COUNTING = frozenset(
    ["how", "many", "number", "of", "count", "nr", "no", "total", "the", "these", "our", "different", "distinct"]
)


def counted(draft: Draft) -> bool:
    """How many runs there are, or how many studies."""
    page = draft.page
    if page.take(r"(?:how many|number of)(?: [a-z]+| S| different| distinct)? (?:studies|sweeps)"):
        draft.select = "count"
        draft.fields["wanted"] = (Wanted(field="experiment"),)
        return True
    found = page.find(
        rf"(?:how many|number of|count(?: of)?|nr of|no of|total "
        rf"number of)(?: (?:of the N|of the|of these|of our|of|different|"
        rf"distinct|single|actual|individual|separate|total|stored|"
        rf"N|S|C|[a-z]+) ?)*? ?(?:{_RUNS}|S|C|ones)"
    )
    if not found or page.has(r"(?:how many|number of) (?:different |distinct )?[PTM](?! C)"):
        return False
    for at in found.at():
        element = page.elements[at]
        element.used = element.used or element.code in _COUNTING or element.code == "N"
    draft.select = "count"
    while page.take(r"at|different|distinct|stored|values"):
        pass
    return True


def aggregate_named(draft: Draft) -> bool:
    """`average CV AUC over all models`, where the metric's own name holds a mean."""
    page = draft.page
    found = page.find(r"(?P<m>M) (?:over|across|of) (?:all|every) S")
    found = found or page.find(rf"(?P<m>M) (?:over|across|of) (?:all|every)(?: (?:the|our|of))* (?:S|{_RUNS}|C)")
    element = found.one("m") if found else None
    if found is None or element is None or page.of("R"):
        return False
    word = page.said(element).split()[0].lower()
    if word not in _AGGREGATES or not pick_metric(draft, element):
        return False
    figure(draft)
    draft.select = _AGGREGATES[word]
    return True


def aggregates(draft: Draft) -> bool:
    """An aggregate of a metric over runs."""
    found = draft.page.find(rf"(?P<agg>{_AGG})(?: of(?: the)?)?(?: (?:final|last|best|the|value|values))* (?P<m>M)")
    element = found.one("m") if found else None
    if found is None or element is None or not pick_metric(draft, element):
        return False
    figure(draft)
    draft.page.take(_AGG)
    draft.select = _AGGREGATES[found.text("agg").split()[-1]]
    return True


def longest(draft: Draft) -> bool:
    """The longest or shortest run by time."""
    found = draft.page.find(
        rf"(?P<way>longest|shortest|fastest|slowest|quickest)(?: "
        rf"running| lasting)?(?: (?:S|C|[a-z0-9]+))? (?:{_RUNS})|"
        rf"(?:took|lasted|ran) (?:the )?(?P<too>longest|shortest)"
        rf"|(?P<three>longest|shortest)"
    )
    if not found or draft.page.of("M"):
        return False
    way = found.text("way") or found.text("too") or found.text("three")
    draft.page.take(r"(?:took|lasted|ran)? ?(?:the )?(?:longest|shortest|fastest|slowest|quickest)")
    draft.select = "max" if way in ("longest", "slowest") else "min"
    draft.fields["wanted"] = (Wanted(field="duration"),)
    while draft.page.take(r"(?:how many |in )?(?:seconds|minutes)|how long|duration|long|took|take|lasted"):
        pass
    return True


def extremes(draft: Draft) -> bool:
    """The run with the best, worst, highest or lowest value of a metric."""
    page = draft.page
    if not page.has(
        rf"{_SUP}|{_DEEP}|(?:varied|varies|vary) (?:least|most)|(?:most|least) (?:stable|consistent)|fastest|slowest"
    ):
        return False
    label = page.find(
        r"(?:and )?(?:the |its |which |what )?(?P<n>[PT])(?: \?|"
        r" of it|$)|(?:which|what) (?P<o>[PT]) (?:had|has|gave|got|"
        r"reached|was|is|achieved|performed|did|works?|worked)|best "
        r"(?:(?:[a-z]+|S) )*?(?P<p>P) (?:for|of|in)"
    )
    word = superlative(draft)
    if not word:
        return False
    if not pick_metric(draft) or draft.metric is None:
        spread = [m for m in draft.linked.names.metrics if stem("std") in m.name.lower()] if word else []
        if word not in ("minimize", "maximize") or len(spread) != 1:
            if not _objective_labelled(draft, label):
                return False
        else:
            draft.metric = NameLink(0, 0, spread[0], 1.0)
    if label:
        element = next((e for e in map(label.one, ("n", "o", "p")) if e is not None and not e.used), None)
        if element is not None and element is label.one("p") and not _value_too(draft):
            draft.of_best = (wanted(draft.use(element)),)
            _described(draft, element)
        elif element is not None:
            name = draft.use(element).logged.name
            _described(draft, element)
            draft.fields["labels"] = (name,)
            if set(plain_words(name)) & _KINDS or element is label.one("o"):
                draft.label = name
    figure(draft)
    apply_superlative(draft, word)
    while page.take(rf"how (?:deep|high|low|much|good|bad|big|large|far)|the|{_SUP}"):
        pass
    return True


def _value_too(draft: Draft) -> bool:
    """Tell whether the best value is asked for beside what had it: `and its objective`."""
    return draft.page.has(
        r"and (?:its|the|what|how)(?: (?:the|final|best|much|high|"
        r"low|objective|value|score|it|was|is))* ?(?:M|value|score|"
        r"objective)?"
    )


def _described(draft: Draft, element: Element) -> None:
    """Words before a bare symbol describe it: `window width h`."""
    elements = draft.page.elements
    at = elements.index(element)
    while at and len(element.item.logged.leaf) <= 2 and not elements[at - 1].used:
        at -= 1
        if elements[at].code in ("S", "C", "R", ",", "the"):
            break
        elements[at].used = True


def _objective_labelled(draft: Draft, label: Found | None) -> bool:
    """`best h for the study`: by the study's objective, naming a parameter."""
    if label is None:
        return False
    element = next((e for e in map(label.one, ("n", "o", "p")) if e is not None), None)
    told = [each for each in draft.linked.names.metrics if each.direction]
    if element is None or len({each.name for each in told}) != 1:
        return False
    draft.metric = NameLink(0, 0, told[0], 1.0)
    draft.page.take(r"(?:and )?(?:its |the )?objectives?(?: values?)?")
    element.used = True
    draft.of_best = (wanted(element.item),)
    _described(draft, element)
    return True


def listed(draft: Draft) -> bool:
    """Runs that meet conditions."""
    page = draft.page
    conditions = [e for e in page.elements if e.code == "C"]
    if not conditions or page.of("MPT"):
        return False
    if not page.has(r"which|list|any|what|show|are there|is there|name|give"):
        return False
    draft.select = "list"
    draft.fields["wanted"] = (Wanted(field="id"),)
    return True


def parameters(draft: Draft) -> bool:
    """Parameters of a run: those named, or all."""
    page = draft.page
    names = [e for e in page.of("PTM") if not e.used]
    everything = page.find(
        r"(?:all|every|full|whole|complete)(?: the| its| of the)"
        r"? (?:values?|params?|parameters|settings?|hyperparameters?|"
        r"config(?:uration)?|args)|(?:params?|config|configuration|"
        r"settings|hyperparameters|args|hparams)(?: \. yaml| yaml|"
        r" file)?"
    )
    if not names and everything:
        page.take(r"all (?:the )?values")
        while page.take(
            r"(?:what )?(?:in )?(?:params?|parameters|config|configuration|"
            r"settings|hyperparameters|args|hparams)(?: (?:\. )?(?:yaml|"
            r"json|file))?|values?|all|every|full|whole|yaml|\."
        ):
            pass
        draft.select = "params"
        return True
    if not names or any(e.code == "M" and not _is_setting(draft, e) for e in names):
        return False
    if page.has(rf"(?:which|what)(?: of)?(?: (?:the|our|these|those))* (?:S )*{_RUNS}"):
        return False  # runs are asked for, by a condition that was not read
    draft.fields["wanted"] = tuple(dict.fromkeys(wanted(draft.use(e)) for e in names))
    draft.select = "params"
    page.take(r"how many|with")
    while page.take(r"settings?|config|params?|parameters|values?"):
        pass
    colon = page.find(
        r"(?P<w>[a-z]+) (?:settings|config|params|parameters|hyperparameters|"
        r"setup)(?: (?:in|of|for) [^:]*?)? :"
    )
    if colon and len(names) > 1:
        colon.use()
    return True


def _is_setting(draft: Draft, element: Element) -> bool:
    """A metric's name that is a parameter's as well: the parameter is asked for."""
    link: NameLink = element.item
    params = [each for each in (*link.same, *link.others) if each.kind == "param"]
    if len(params) != 1:
        return False
    element.item = NameLink(link.start, link.end, params[0], link.score)
    return True


def value(draft: Draft) -> bool:
    """One value of a metric."""
    page = draft.page
    figure(draft)
    elements = [e for e in page.of("M") if not e.used]
    if not elements or not pick_metric(draft):
        return False
    if len({e.item.runs for e in page.of("R")}) > 1:  # one value for each run that is named
        draft.select, draft.fields["group_by"] = "group", Wanted(field="id")
        return True
    draft.select = "value"
    return True


def objectives(draft: Draft) -> None:
    """`the objective` of trials: the one metric that a study optimises."""
    metrics = draft.linked.names.metrics
    told = [each for each in metrics if each.direction]
    if len({each.name for each in told}) != 1 or any(each.name.lower() == "objective" for each in metrics):
        return
    for element in draft.page.elements:
        if element.code in ("objective", "objectives"):
            element.code, element.item = "M", NameLink(0, 0, told[0], 1.0)


def duration(draft: Draft) -> bool:
    """How long a run took, and how it ended."""
    page = draft.page
    if not page.of("R") or page.of("M"):
        return False
    if page.take(r"how long|duration(?: of)?|run ?time"):
        while page.take(r"take|took|run|last|lasted|(?:in )?(?:seconds|minutes|hours)|for"):
            pass
        draft.fields["wanted"] = (Wanted(field="duration"),)
    elif not page.of("PT") and (asked := page.take(r"(?P<f>status|experiment)(?: of)?")):
        draft.fields["wanted"] = (Wanted(field=_FIELDS[asked.text("f")]),)
    else:
        return False
    draft.select = "value"
    return True


def at_step(draft: Draft) -> None:
    """`at step 100`: the value there; epochs only where steps are not counted beside them."""
    found = draft.page.find(rf"(?:at|in|on|after) (?P<unit>{_STEP}) (?P<n>N)")
    element = found.one("n") if found else None
    if found is None or element is None or element.number is None:
        return
    counted = any(each.leaf.lower() in ("epoch", "epochs") for each in draft.linked.names.metrics)
    if found.text("unit").startswith("epoch") and counted:
        return
    found.use()
    draft.fields["window"] = Window(low=element.number, high=element.number)


def of_best(draft: Draft) -> bool:
    """Parameters of the best run: `what lr did the best trial use`, `batch size of the run with the lowest loss`."""
    page = draft.page
    names = [e for e in page.of("PT") if not e.used]
    lead = page.find(
        rf"(?:what|which) (?:(?:P|T|,|and|&) )+(?:did|does|was|were)"
        rf" (?:[^\s]+ )*?(?:{_SUP})|(?:P|T) (?:of|for|in|used by)"
        rf" (?:[^\s]+ )*?(?:run|runs|trial|model|version|one|S|C)"
        rf" (?:with|that had|having) (?:the )?(?:{_SUP})|(?:P|T) "
        rf"(?:of|for|in) (?:the |our )?(?:{_SUP}) (?:[a-zS]+ ){{0,2}}(?:run|"
        rf"trial|model|version)"
    )
    if not names or lead is None:
        return False
    word = superlative(draft)
    metrics = [e for e in page.of("M") if not e.used]
    if not word:
        return False
    if not metrics:
        told = [each for each in draft.linked.names.metrics if each.direction]
        if len({each.name for each in told}) != 1:
            return False
        draft.metric = NameLink(0, 0, told[0], 1.0)
    elif not pick_metric(draft):
        return False
    draft.of_best = tuple(dict.fromkeys(wanted(draft.use(e)) for e in names))
    figure(draft)
    apply_superlative(draft, word)
    return True


def not_that(draft: Draft) -> None:
    """`(not the averaged train_loss)`: a metric that is not meant."""
    for found in list(draft.page.all(r"(?:not|rather than|instead of) (?:the )?(?:[a-z]+ )?(?P<m>[MPT])")):
        found.use()
        for at in found.at():
            draft.page.elements[at].code = (
                "x" if draft.page.elements[at].code in "MPT" else draft.page.elements[at].code
            )
    for found in list(draft.page.all(r"(?:[a-z]+ ){1,3}\( (?P<m>[MP]) \)")):
        element = found.one("m")
        if element is not None and element.item.literal:  # words before a name in brackets explain it
            for at in found.at():
                other = draft.page.elements[at]
                other.used = other.used or (other is not element and other.code not in ("the", "of"))


FIRST_ASKS: tuple[Rule, ...] = (why, traces, windows, limit_step)
"""Asks whose words and numbers would be taken for conditions."""
ASKS: tuple[Rule, ...] = (
    changed, never, best_step, unchanged, effect, trend, compare, epochs_by_run, distinct,
    aggregate_by, counts_by, counted, duration, longest, aggregate_named, aggregates, of_best, extremes, listed,
    parameters, value,
)  # fmt: skip
