"""The earlier states of a DVC project: each commit of its git history that changed them is a run.

Git is asked read-only, with everything off that a repository's own configuration could start (file system monitors,
hooks, filters, fetching of missing objects). Without git, or in a folder that git refuses, a note says what is missing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ingest.trackers.dvc import Disk, State, live_folder
from ingest.trackers.files import MAX_BYTES, Unreadable, as_text
from ingest.trackers.folder import listed
from ingest.trackers.found import Found, Stop, Watch, never, quiet
from kb.records import Problem, Run, summarise

_WATCHED = ("dvc.lock", "params.yaml", "metrics.json", "dvclive/metrics.json", "dvclive/params.yaml")
_OFF = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never", "log.showSignature=false")
_MOST = 2_000


class Refused(Exception):
    """Git is not there or will not read the repository; the message says why."""


def git(folder: Path, *arguments: str) -> bytes:
    """Return what git prints. Raises Refused."""
    settings = [part for setting in _OFF for part in ("-c", setting)]
    quiet_git = {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    call = ["git", "--no-pager", *settings, "-C", str(folder), *arguments]
    try:
        # What a caller set for its own repository (GIT_DIR, …) must not lead to another one here.
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(call, capture_output=True, env={**own, **quiet_git}, timeout=60, check=False)
    except FileNotFoundError as error:
        raise Refused("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Refused("git took more than a minute") from error
    if done.returncode:
        raise Refused(as_text(done.stderr).strip().splitlines()[0][:200] if done.stderr else "git failed")
    return done.stdout


class Commit:
    """The files of a folder as they were at a commit."""

    def __init__(self, folder: Path, commit: str, prefix: str) -> None:
        self.folder, self.commit, self.prefix = folder, commit, prefix
        listing = git(folder, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).split(b"\0")
        self.names = {as_text(name) for name in listing if name}

    def text(self, name: str) -> str | None:
        """Return the text of a file at the commit. Raises Unreadable."""
        path = self.prefix + name
        if path not in self.names:
            return None
        try:
            data = git(self.folder, "cat-file", "blob", f"{self.commit}:{path}")
        except Refused as error:
            raise Unreadable(str(error)) from error
        if len(data) > MAX_BYTES:
            raise Unreadable("it is too large")
        return as_text(data)


def read(found: Found, *, watch: Watch = quiet, stop: Stop = never) -> Iterator[Run | Problem]:
    """Yield the states of the commits that changed the DVC files, the newest first, without the one at work now."""
    folder = listed(found.path, found.root)
    live = live_folder(folder)
    try:
        prefix = as_text(git(found.path, "rev-parse", "--show-prefix")).strip()
        watched = {*_WATCHED, *State(Disk(found.path), live).metric_files()}
        told = git(found.path, "log", f"-{_MOST}", "--format=%H %ct", "--no-ext-diff", "--no-textconv", "--", *watched)
        current: object = _content(State(Disk(found.path), live))
        for line in as_text(told).splitlines():
            if stop():
                return
            commit, _, when = line.partition(" ")
            tree = Commit(found.path, commit, prefix)
            state = State(tree, "dvclive" if f"{prefix}dvclive/metrics.json" in tree.names else live)
            run = state.run(folder, run_id=commit)
            if _content(state) == current:
                current = None
                continue
            yield replace(
                run,
                ended=float(when),
                aliases=(commit[:7],),
                sources=(f"{found.source}@{commit[:7]}",),
                place=f"commit {commit[:7]}",
                version=commit,
                history=state.finals,
            )
    except Refused as error:
        yield Problem(source=found.source, reason=f"the git history was not read: {error}")


def _content(state: State) -> object:
    """Return what a state says, to tell the newest commit from a working folder that has changed since."""
    return dict(state.params), state.tags(), summarise(state.finals())
