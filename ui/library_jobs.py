"""Jobs on the library page: those at work follow themselves, with stop and resume; all of them are listed in a tab."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import streamlit as st

from kb import jobs
from kb.jobs import Job, JobState
from kb.store import Catalogue
from ui import library_trees as trees
from ui import state

EVERY = 1.0
"""Seconds between two looks at jobs at work."""
_REFRESH = 6.0
_FRESH = 24 * 3600.0
_STRIP = 4


def strip() -> None:
    """Show the jobs at work and those whose end a person may want to know of, live while there is one at work."""
    catalogue = state.knowledge().catalogue
    listed = _of_interest(jobs.recent(catalogue))
    at_work = any(job.is_active for job in listed)
    st.session_state["jobs_at_work"] = at_work
    st.session_state["library_seen"] = (catalogue.generation, time.monotonic())
    st.fragment(_follow, run_every=EVERY if at_work else None)()


def _follow() -> None:
    state.guarded(_strip)


def _strip() -> None:
    catalogue = state.knowledge().catalogue
    listed = _of_interest(jobs.recent(catalogue))
    for job in listed[:_STRIP]:
        _card(catalogue, job, where="strip")
    if _is_news(catalogue, any(job.is_active for job in listed)):
        st.rerun()


def _is_news(catalogue: Catalogue, at_work: bool) -> bool:
    """Tell whether the rest of the page is out of date: a job began or ended, or there is more to be found."""
    if at_work != st.session_state.get("jobs_at_work"):
        return True
    generation, when = st.session_state.get("library_seen", (0, 0.0))
    return at_work and time.monotonic() - when > _REFRESH and catalogue.generation != generation


def _of_interest(recent: Sequence[Job]) -> list[Job]:
    """Return jobs at work, then those that ended lately; one that went well only until the next began."""
    hidden = st.session_state.get("jobs_hidden", set())
    active = [job for job in reversed(recent) if job.is_active]
    fresh = time.time() - _FRESH
    ended = [job for job in recent if not job.is_active and job.updated > fresh and _mark(job) not in hidden]
    well = {job.id for job in ended[1:] if job.state is JobState.DONE}
    return active + [job for job in ended if job.id not in well]


def _mark(job: Job) -> str:
    return f"{job.id}/{job.attempt}"


def _card(catalogue: Catalogue, job: Job, *, where: str) -> None:
    with st.container(key=f"job_{where}_{job.id}", border=True, gap="small"):
        state.show(trees.job(job))
        with st.container(horizontal=True, key=f"job_acts_{where}_{job.id}", gap="small", vertical_alignment="top"):
            with st.expander("Log", key=f"job_log_{where}_{job.id}"):
                state.show(trees.log(job))
            for label, act in _acts(catalogue, job, where):
                st.button(label, key=f"{label}_{where}_{job.id}", on_click=_guarded(act), type="secondary")


def _acts(catalogue: Catalogue, job: Job, where: str) -> list[tuple[str, Callable[[], object]]]:
    if job.is_active:
        label = "Stop at once" if job.stopping else "Stop"
        return [(label, lambda: jobs.stop(catalogue, job.id))]
    found: list[tuple[str, Callable[[], object]]] = []
    if job.can_resume:
        found.append(("Resume", lambda: jobs.resume(catalogue, job.id)))
    if where == "strip":
        found.append(("Hide", lambda: st.session_state.setdefault("jobs_hidden", set()).add(_mark(job))))
    return found


def _guarded(act: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        act()

    return lambda: state.guarded(run)


def history() -> None:
    """Show every job that is kept."""
    catalogue = state.knowledge().catalogue
    listed = jobs.recent(catalogue, jobs.KEPT)
    ended = [job for job in listed if not job.is_active]
    if not ended:
        state.show(trees.no_jobs())
    for job in ended:
        _card(catalogue, job, where="list")
