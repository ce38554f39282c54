"""Questions after means and sums of a metric, by group or over all, and after how long runs took."""

from __future__ import annotations

from assistant.runs.draft import Draft
from assistant.runs.pieces import AGG, AGGREGATES, FIELD, FIELDS, RUNS, figure, group_of, pick_metric
from kb.history import Wanted


def aggregate_by(draft: Draft) -> bool:
    """An aggregate of a metric by the value of a parameter."""
    page = draft.page
    found = page.find(
        rf"(?P<agg>{AGG}|best|highest|lowest|max|min)(?: of(?: the)?)?(?: (?:final|last|best|the))* (?P<m>M)"
    )
    objective = page.find(rf"(?P<agg>{AGG}) (?P<m>objectives?)")
    at = found or objective
    if at is None:
        return False
    names = page.of("PT")
    if (
        not page.has(
            rf"(?:per|by|for each|for every|grouped by|split by|in each|"
            rf"each|depending on|across) (?:the |values? of )*(?:P|T|"
            rf"{FIELD}|run|version)"
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
    draft.fields["aggregate"] = AGGREGATES.get(
        word, {"best": "best", "highest": "max", "lowest": "min"}.get(word, "mean")
    )
    page.take(rf"{AGG}|best|highest|lowest|max|min")
    draft.fields["group_by"] = group
    draft.select = "group"
    page.take(
        r",? ?over (?:only )?(?:the |all )?(?:runs |ones )?(?:that|"
        r"which) (?:have|has|had|logged) (?:one|it|any|a value)"
    )
    return True


def aggregate_named(draft: Draft) -> bool:
    """`average CV AUC over all models`, where the metric's own name holds a mean."""
    page = draft.page
    found = page.find(r"(?P<m>M) (?:over|across|of) (?:all|every) S")
    found = found or page.find(rf"(?P<m>M) (?:over|across|of) (?:all|every)(?: (?:the|our|of))* (?:S|{RUNS}|C)")
    element = found.one("m") if found else None
    if found is None or element is None or page.of("R"):
        return False
    word = page.said(element).split()[0].lower()
    if word not in AGGREGATES or not pick_metric(draft, element):
        return False
    figure(draft)
    draft.select = AGGREGATES[word]
    return True


def aggregates(draft: Draft) -> bool:
    """An aggregate of a metric over runs."""
    found = draft.page.find(rf"(?P<agg>{AGG})(?: of(?: the)?)?(?: (?:final|last|best|the|value|values))* (?P<m>M)")
    element = found.one("m") if found else None
    if found is None or element is None or not pick_metric(draft, element):
        return False
    figure(draft)
    draft.page.take(AGG)
    draft.select = AGGREGATES[found.text("agg").split()[-1]]
    return True


def longest(draft: Draft) -> bool:
    """The longest or shortest run by time."""
    found = draft.page.find(
        rf"(?P<way>longest|shortest|fastest|slowest|quickest)(?: "
        rf"running| lasting)?(?: (?:S|C|[a-z0-9]+))? (?:{RUNS})|"
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
        draft.fields["wanted"] = (Wanted(field=FIELDS[asked.text("f")]),)
    else:
        return False
    draft.select = "value"
    return True
