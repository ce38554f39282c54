"""Questions about the steps of a run: when a metric was best or passed a limit, how it went, how long it lasted."""

from __future__ import annotations

from typing import Any

from assistant.dataset.tokens import stem
from assistant.runs.draft import Draft
from assistant.runs.names import NameLink
from assistant.runs.pieces import AGG, RUNS, STEP, SUP, pick_metric, superlative
from kb.history import Wanted, Window


def limit_step(draft: Draft) -> bool:
    """The first step at which a metric passed a limit."""
    page = draft.page
    limit = page.find(
        rf"first {STEP} (?:[^\s]+ )*?(?P<m>M) (?:(?:that|which|was|"
        rf"is|went|fell|dropped|got|of|value|a|the) )*(?P<way>under|"
        rf"below|above|over|<|>|less than|greater than|exceeds?|exceeding)"
        rf" (?P<n>N)"
    )
    limit = limit or page.find(
        rf"(?:when|(?:which|what) {STEP}) (?:[^\s]+ )*?(?P<m>M) (?:[^\s]+ "
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
        rf"(?:(?:at|in|on|after) )?(?:which|what) {STEP}(?: number)?(?: (?:did|was|is|had|does|do))?"
        rf"|(?:and )?when(?: was that| did that happen)?|(?:and |"
        rf"\+ |with |plus )?(?:its|the|at which|at what|which) {STEP}"
    )
    if not page.has(asks) or not page.has(SUP):
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
        rf"first|peaked?|reach(?:ed)?|during (?:the |its )?(?:run|training)|peak|(?:min|max)imum|logged|{SUP}"
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
        rf"{first_last}|{moving}|first|last|logged|values?|{STEP}|"
        rf"up|down|over (?:the )?training|over time|over|going|go|"
        rf"{STEP}"
    ):
        pass
    return True


def windows(draft: Draft) -> bool:
    """Two stretches compared: of steps (`steps 125-180 vs steps 185-240`) or of runs (`first 50 vs the last 50`)."""
    page = draft.page
    stretch = rf"(?:the )?(?:{STEP} )?(?P<%sa>N) (?:-|–|to) (?P<%sb>N)(?: {STEP})?"
    joint = r"(?:and|vs|versus|against|compared (?:to|with)|to|or|,|than|/|with)"
    found = page.find(
        rf"{STEP} {(stretch % ('x', 'x'))[len('(?:the )?(?:' + STEP + ' )?') :]} (?:{joint} )+{stretch % ('y', 'y')}"
    )
    if found:
        numbers = [found.one(group) for group in ("xa", "xb", "ya", "yb")]
        bounds = [each.number for each in numbers if each is not None]
        if len(bounds) == 4 and pick_metric(draft):
            draft.fields["window"] = Window(low=bounds[0], high=bounds[1])
            draft.fields["second_window"] = Window(low=bounds[2], high=bounds[3])
            found.use()
            return _windowed(draft, "steps")
    noun = rf"(?:(?:completed|complete|finished|logged|C) )?(?:{RUNS}|{STEP})"
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
        rf"{AGG}|trend|still|dropping|falling|rising|improving|improved?|"
        rf"at the end|over time|did|logged|going|up|down|end|get "
        rf"better|got better|better|worse"
    ):
        pass
    return True


def epochs_by_run(draft: Draft) -> bool:
    """How long each run went on."""
    page = draft.page
    found = page.find(
        rf"how many (?P<unit>{STEP}) (?:did|has|have|was|were) (?:each|"
        rf"every|the|all)(?: of the)?(?: S)*(?: {RUNS})?(?: S)*(?: "
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


def at_step(draft: Draft) -> None:
    """`at step 100`: the value there; epochs only where steps are not counted beside them."""
    found = draft.page.find(rf"(?:at|in|on|after) (?P<unit>{STEP}) (?P<n>N)")
    element = found.one("n") if found else None
    if found is None or element is None or element.number is None:
        return
    counted = any(each.leaf.lower() in ("epoch", "epochs") for each in draft.linked.names.metrics)
    if found.text("unit").startswith("epoch") and counted:
        return
    found.use()
    draft.fields["window"] = Window(low=element.number, high=element.number)
