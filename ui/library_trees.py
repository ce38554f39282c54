"""Trees of what the library shows beside its sources: jobs, tables, saved readings, and what could not be answered."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kb.datasets import Dataset
from kb.jobs import Job, JobState
from kb.readings import Change, Saved, Unanswered
from ui.nodes import Node, bar, button, el
from ui.render import counted, sentence, snippet

JOB_STATES = {
    JobState.WAITING: ("Waiting", "its turn has not come"),
    JobState.RUNNING: ("At work", "a process of its own does it; this page may be closed"),
    JobState.DONE: ("Done", "ended well"),
    JobState.FAILED: ("Failed", "ended by an error"),
    JobState.STOPPED: ("Stopped", "ended because it was asked to; what was done is kept"),
    JobState.LOST: ("Lost", "its process is gone; what was done is kept"),
}
_LOST = "Its process ended without a word: it was killed, ran out of memory, or the machine went down."
_VALUES = 6
_NOTES = 3


def ago(when: float, now: float | None = None) -> str:
    """Return how long ago something was, in words; a date from a week on."""
    seconds = (time.time() if now is None else now) - when
    if seconds < 45:
        return "just now"
    for unit, size, most in (("minute", 60, 60), ("hour", 3600, 24), ("day", 86400, 7)):
        if (number := max(1, round(seconds / size))) < most:
            return f"{counted(number, unit)} ago"
    return time.strftime("%d %b %Y", time.localtime(when)).lstrip("0")


def lasted(seconds: float) -> str:
    """Return a duration: `0:07`, `12:30`, `1:02:03`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


# -- jobs ----------------------------------------------------------------------------------------------------------


def title(job: Job) -> str:
    """Return what a job does, in words."""
    return str(job.request.get("title") or job.kind)


def job(one: Job) -> Node:
    """Return a job as a card: what it does, how far it is or how it ended, and what to do then."""
    name, meaning = JOB_STATES[one.state]
    return el(
        "div",
        f"cw-job cw-job-{one.state.value}",
        el(
            "div",
            "cw-job-head",
            el("span", "cw-job-title cw-name", title(one), label=title(one)),
            el("span", "cw-job-state", "Stopping" if one.stopping and one.is_active else name, label=meaning),
        ),
        el("p", "cw-job-stage", *_stage(one)) if one.is_active else None,
        _progress(one) if one.state is JobState.RUNNING else None,
        *_end(one),
    )


def _stage(one: Job) -> tuple[Node, ...]:
    words = "Stopping after the batch at hand" if one.stopping else one.stage or "Starting"
    clock = lasted(time.time() - one.created) if one.attempt == 1 else ago(one.created)
    return el("span", "", words), el("span", "cw-job-clock", clock, label="since it was started")


def _progress(one: Job) -> Node:
    if not one.total:
        return el("span", "cw-job-bar cw-job-unknown")
    return bar("cw-job-bar", one.done / one.total, label=f"{one.done:,.0f} of {one.total:,.0f}")


def _end(one: Job) -> tuple[Node, ...]:
    if one.state is JobState.FAILED:
        hint = str((one.result or {}).get("hint", ""))
        why = sentence(one.error or "it could not be done")
        return el("p", "cw-reason", why), el("p", "cw-hint", sentence(hint) if hint else "")
    if one.state is JobState.LOST:
        return (el("p", "cw-reason", _LOST), el("p", "cw-hint", "What it had done is kept: resume it, and it goes on."))
    if one.state in (JobState.DONE, JobState.STOPPED):
        return (el("p", "cw-job-stage", el("span", "", outcome(one)), el("span", "cw-job-clock", ago(one.updated))),)
    return ()


def outcome(one: Job) -> str:
    """Return what a job did, in a sentence."""
    result = one.result or {}
    if one.state is JobState.STOPPED and not result:
        return "Stopped at once; what was done is kept."
    if "added" not in result:
        return JOB_STATES[one.state][0] + "."
    read = result["added"] + result["updated"] - result["failures"]
    counts = (
        (read, f"{counted(read, 'source')} read"),
        (result["embedded"], f"{counted(result['embedded'], 'passage')} embedded"),
        (result["unchanged"], f"{result['unchanged']:,} unchanged"),
        (result["deleted"], f"{result['deleted']:,} gone"),
        (result["failures"], f"{result['failures']:,} failed"),
        (result["missing"], f"{result['missing']:,} no longer there (forget them, or put them back)"),
        (result["waiting"], f"{counted(result['waiting'], 'passage')} still to embed"),
    )
    said = ", ".join(words for number, words in counts if number) or "Nothing to read was found"
    return f"{said}; it took {lasted(result['seconds'])}."


def log(one: Job) -> Node:
    """Return a job's latest lines, the last one first."""
    lines = "\n".join(reversed(one.log[-200:]))
    return el("pre", "cw-code cw-job-log", el("code", "", lines or "Nothing was said so far."))


def no_jobs() -> Node:
    """Return what stands where no job ever was."""
    return _empty("No job was started yet", "What you add above is read by a process of its own and is listed here.")


# -- tables --------------------------------------------------------------------------------------------------------


def tables(known: Sequence[Dataset]) -> Node:
    """Return the tables known, each with its size, how it was read, and what can be done with it."""
    if not known:
        return _empty(
            "No table yet", "Add a CSV, Excel, Parquet or JSON lines file above; then ask about it in the chat."
        )
    return el("div", "cw-lib-cards", *(_table(one) for one in known))


def _table(one: Dataset) -> Node:
    opening = button("cw-quiet cw-lib-main", {"do": "dataset", "id": one.id}, "Open in chat") if one.is_there else None
    forgetting = button("cw-quiet cw-danger", {"do": "lib-forget-table", "id": one.id}, "Forget …")
    where = el("span", "", "uploaded") if one.uploaded else el("span", "cw-path", str(one.path))
    used = f"opened {ago(one.opened)}" if one.opened else f"added {ago(one.added)}"
    return el(
        "div",
        "cw-lib-card",
        el(
            "div",
            "cw-lib-body",
            el("p", "cw-lib-title cw-name", one.name),
            el("p", "cw-lib-facts", el("span", "", size(one)), el("span", "", used), where if one.is_there else None),
            el("p", "cw-reason", f"There is no file {one.path} any more.") if not one.is_there else None,
            el("p", "cw-hint", "Put it back, or forget it.") if not one.is_there else None,
            *_how(one),
        ),
        el("div", "cw-actions", opening, forgetting),
    )


def size(one: Dataset) -> str:
    """Return a table's rows and columns."""
    if one.rows is None or one.columns is None:
        return "not opened yet"
    return f"{counted(one.rows, 'row')} × {counted(one.columns, 'column')}"


def _how(one: Dataset) -> tuple[Node, ...]:
    said = [f"{name} set by hand to “{_value(value)}”" for name, value in one.corrections.items()]
    notes = [*said, *one.notes]
    if not notes:
        return ()
    if len(notes) <= _NOTES:
        return (el("p", "cw-hint", sentence("; ".join(notes))),)
    more = el("ul", "cw-lib-notes", *(el("li", "", note) for note in notes))
    return (el("details", "cw-lib-how", el("summary", "", f"How it was read: {counted(len(notes), 'note')}"), more),)


def forget_table(one: Dataset, saved: int) -> Node:
    """Return what forgetting a table means."""
    lost = f"With it go {counted(saved, 'saved reading')}." if saved else ""
    kept = "The uploaded copy is removed." if one.uploaded else "The file itself is not touched."
    return el("div", "", el("p", "cw-path", one.name), el("p", "", lost) if lost else None, el("p", "cw-hint", kept))


# -- what could not be answered ------------------------------------------------------------------------------------


def unanswered(asked: Sequence[Unanswered]) -> Node:
    """Return the questions that got no answer, each of which asks again."""
    if not asked:
        return _empty(
            "Nothing is left unanswered",
            "A question that nothing ingested answers is kept here until it is answered: a list of what to add next.",
        )
    lead = "Asked, and nothing known could answer. Add what is missing, then click to ask again."
    return el("div", "", el("p", "cw-note", lead), el("div", "cw-lib-list", *(_unanswered(one) for one in asked)))


def _unanswered(one: Unanswered) -> Node:
    event = {"do": "lib-ask", "question": one.question, "table": one.dataset}
    often = f"asked {one.times:,} times, last {ago(one.last)}" if one.times > 1 else f"asked {ago(one.last)}"
    about = f" · about {one.dataset}" if one.dataset else ""
    return el(
        "div",
        "cw-lib-asked",
        button("cw-suggestion", event, el("span", "", one.question), label="Ask again"),
        el("p", "cw-note", often + about),
        el("p", "cw-hint", snippet(" ".join(one.missing), 200)) if one.missing else None,
    )


# -- saved readings ------------------------------------------------------------------------------------------------


def saved(listed: Sequence[Saved], known: Mapping[str, Dataset]) -> Node:
    """Return the saved readings, those whose answer changed first; `known` are the tables by id."""
    if not listed:
        return _empty(
            "No reading is saved yet",
            "Save an answer about a table under a name, and run it again here when the data changes.",
        )
    ordered = sorted(listed, key=lambda one: not one.changes)
    return el("div", "cw-lib-cards", *(_saved(one, known.get(one.dataset)) for one in ordered))


def _saved(one: Saved, table: Dataset | None) -> Node:
    changes = one.changes
    return el(
        "div",
        "cw-lib-card cw-lib-tall",
        el(
            "div",
            "cw-lib-body",
            el(
                "p",
                "cw-lib-title",
                el("span", "cw-name", one.name),
                el("span", "cw-lib-changed", "Answer changed") if changes else None,
            ),
            el("p", "cw-lib-question", one.question) if one.question != one.name else None,
            el("p", "cw-lib-facts", *(el("span", "", fact) for fact in _facts(one, table))),
            _changes(changes) if changes else _values(one.last_values or one.values),
        ),
        el("div", "cw-actions", *_doing(one, table, changes)),
    )


def _facts(one: Saved, table: Dataset | None) -> list[str]:
    run = f"saved {ago(one.saved)}" if one.last_run is None else f"run {ago(one.last_run)}"
    facts = [table.name if table else "its table was forgotten", run]
    if table is not None and not table.is_there:
        facts.append("the file is not there any more")
    elif table is not None and table.fingerprint not in (None, one.last_fingerprint or one.fingerprint):
        facts.append("the data changed since")
    return facts


def _doing(one: Saved, table: Dataset | None, changes: Sequence[Change]) -> list[Node]:
    act = []
    if table is not None and table.is_there:
        act.append(button("cw-quiet cw-lib-main", {"do": "lib-run-reading", "id": one.id}, "Run again"))
        act.append(button("cw-quiet", {"do": "run-saved", "id": one.id}, "Show in chat"))
    if changes:
        act.append(button("cw-quiet", {"do": "accept-reading", "id": one.id}, "Keep the new answer"))
    return [
        *act,
        button("cw-quiet", {"do": "lib-rename-reading", "id": one.id}, "Rename …"),
        button("cw-quiet cw-danger", {"do": "forget-reading", "id": one.id}, "Remove"),
    ]


def _values(values: Mapping[str, Any]) -> Node:
    shown = list(values.items())[:_VALUES]
    pairs = [part for name, value in shown for part in (el("dt", "", name), el("dd", "", _value(value)))]
    more = len(values) - len(shown)
    return el(
        "div", "cw-lib-values", el("dl", "", *pairs), el("p", "cw-note", f"and {more:,} more") if more > 0 else None
    )


def _changes(changes: Sequence[Change]) -> Node:
    rows = [
        part
        for one in changes[:_VALUES]
        for part in (
            el("dt", "", one.name),
            el("dd", "", el("span", "cw-lib-before", _value(one.before)), " → ", el("strong", "", _value(one.after))),
        )
    ]
    more = len(changes) - _VALUES
    rest = el("p", "cw-note", f"and {more:,} more") if more > 0 else None
    return el("div", "cw-lib-values cw-lib-new", el("dl", "", *rows), rest)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e15 else f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return snippet(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 120)


def _empty(lead: str, then: str) -> Node:
    return el("div", "cw-lib-empty", el("p", "cw-lib-title", lead), el("p", "cw-note", then))


# -- adding --------------------------------------------------------------------------------------------------------


def nothing_yet() -> Node:
    """Return the head of a library in which nothing is."""
    return el(
        "p",
        "cw-note",
        "Nothing here yet. Add documentation and notes to ask about, and tables to compute with.",
    )


def added(lines: Sequence[tuple[str, Mapping[str, Any] | None]]) -> Node:
    """Return what was added just now: lines, each with the event of a button to open it in the chat, or None."""
    rows = (
        el("li", "", el("span", "", text), button("cw-quiet cw-lib-main", event, "Open in chat") if event else None)
        for text, event in lines
    )
    shut = button("cw-close", {"do": "lib-seen"}, "×", label="Hide this")
    return el("div", "cw-lib-added", el("ul", "", *rows), shut)
