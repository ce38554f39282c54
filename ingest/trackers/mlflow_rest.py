"""An MLflow tracking server over REST: what is there, then its runs page by page; only reads are sent.

Everything but the histories comes with the search for runs, so a run's version (a hash of it) tells whether anything
changed before its histories are asked for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ingest.report import Step
from ingest.trackers.access import Refused, access_of
from ingest.trackers.files import Unreadable
from ingest.trackers.found import EVERYTHING, Found, Options, Stop, Watch, never, quiet
from ingest.trackers.mlflow_history import Asked, Histories, point_of
from ingest.trackers.mlflow_sql import told
from ingest.trackers.rest import Patience, Server, patience_of
from ingest.trackers.values import dataset_of, milliseconds, typed_params
from kb.errors import BadInput, LoadFailed
from kb.records import Point, Problem, Run, split_of, state_of

API = "api/2.0/mlflow"
_PAGE = 1000
_COUNTED_PAGES = 20
_TOGETHER = 100  # experiments in one question
_LAST_ONLY = "~last"
Experiment = dict[str, Any]


def found_at(
    uri: str,
    options: Options = EVERYTHING,
    *,
    environ: Mapping[str, str] = os.environ,
    patience: Patience | None = None,
) -> Found:
    """Return what an MLflow server holds, counted. Raises LoadFailed where it cannot be asked, BadInput."""
    try:
        access = access_of(environ, uri)
        server = Server(uri, access, patience=patience or patience_of(environ))
        known = list(_experiments(server))
        wanted = [item for item in known if options.has_experiment(item["name"], item["experiment_id"])]
        count, whole = _counted(server, wanted, options)
    except Refused as error:
        raise LoadFailed(error.reason, hint=error.hint) from error
    if known and not wanted:
        names = ", ".join(item["name"] for item in known[:10]) + (" …" if len(known) > 10 else "")
        raise BadInput(f"{server.uri} has no experiment {options.experiment!r}", hint=f"it has: {names}")
    runs = f"{count:,} runs" if whole else f"more than {count:,} runs"
    why = f"MLflow tracking server: {runs} in {len(wanted):,} experiments"
    here = Path()
    return Found(
        kind="mlflow-server",
        path=here,
        root=here,
        why=why,
        count=count if whole else None,
        uri=server.uri,
        access=access,
        options=options,
    )


def _experiments(server: Server) -> Iterator[Experiment]:
    """Yield all experiments, deleted ones too; servers before `experiments/search` have a list."""
    body: dict[str, Any] = {"max_results": _PAGE, "view_type": "ALL"}
    try:
        yield from _paged(server, "experiments/search", body, "experiments")
    except Refused as error:
        if error.status not in (404, 405):
            raise
        answer = server.get(f"{API}/experiments/list", {"view_type": "ALL"})
        yield from (_experiment(item) for item in _list(answer, "experiments"))


def _paged(server: Server, verb: str, body: dict[str, Any], name: str) -> Iterator[Experiment]:
    seen = set()
    while True:
        answer = server.post(f"{API}/{verb}", body)
        yield from map(_experiment, _list(answer, name))
        token = answer.get("next_page_token")
        if not token or token in seen:
            return
        seen.add(token)
        body = {**body, "page_token": token}


def _list(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = answer.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Refused(f"the {name} came in an unknown form", status=200, hint="is it an MLflow tracking server?")
    return found


def _experiment(item: Mapping[str, Any]) -> Experiment:
    number = str(item.get("experiment_id", ""))
    return {**item, "experiment_id": number, "name": str(item.get("name") or number)}


def _counted(server: Server, experiments: list[Experiment], options: Options) -> tuple[int, bool]:
    """Return how many runs there are and whether all were counted: there is no cheaper way than to go through them."""
    count, pages = 0, 0
    for start in range(0, len(experiments), _TOGETHER):
        ids = [item["experiment_id"] for item in experiments[start : start + _TOGETHER]]
        for page in _pages(server, ids, options):
            count += sum(_is_since(run, options) for run in page)
            pages += 1
            if pages == _COUNTED_PAGES and len(page) >= _PAGE:
                return count, False
    return count, True


def _pages(server: Server, experiments: list[str], options: Options) -> Iterator[list[dict[str, Any]]]:
    """Yield pages of runs, deleted ones too, the oldest first: runs that start meanwhile come last and shift none."""
    body: dict[str, Any] = {
        "experiment_ids": experiments,
        "max_results": _PAGE,
        "run_view_type": "ALL",
        "order_by": ["attributes.start_time ASC"],
    }
    if options.since is not None:
        body["filter"] = f"attributes.start_time >= {int(options.since * 1000)}"
    seen = set()
    while True:
        answer = _searched(server, body)
        yield _list(answer, "runs")
        token = answer.get("next_page_token")
        if not token or token in seen:
            return
        seen.add(token)
        body = {**body, "page_token": token}


def _searched(server: Server, body: dict[str, Any]) -> dict[str, Any]:
    """Return one page; a server that does not know the filter is asked without it, and runs are chosen here."""
    try:
        return server.post(f"{API}/runs/search", body)
    except Refused as error:
        if error.status != 400 or "filter" not in body:
            raise
        del body["filter"]
        return server.post(f"{API}/runs/search", body)


def _is_since(run: Mapping[str, Any], options: Options) -> bool:
    if options.since is None:
        return True
    started = milliseconds(_mapping(run.get("info")).get("start_time"))
    return started is not None and started >= options.since


def read(
    found: Found, *, watch: Watch = quiet, stop: Stop = never, patience: Patience | None = None
) -> Iterator[Run | Problem]:
    """Yield the wanted runs of a server; where it fails for good, a Problem in place of the rest."""
    reading = _Reading(found, watch, stop)
    try:
        access, patience = found.access or access_of(os.environ), patience or patience_of(os.environ)
        server = Server(found.uri, access, patience=patience, stop=stop)
        histories = Histories(server)
        for experiment in list(_experiments(server)):
            if found.options.has_experiment(experiment["name"], experiment["experiment_id"]):
                yield from reading.experiment(histories, experiment)
            if stop() or server.gone is not None:
                return
    except Unreadable as error:
        yield Problem(source=found.uri, reason=f"{reading.done:,} runs were read, then: {error}")


class _Reading:
    """One pass over a server's runs."""

    def __init__(self, found: Found, watch: Watch, stop: Stop) -> None:
        self.found, self.watch, self.stop = found, watch, stop
        self.done = 0

    def experiment(self, histories: Histories, experiment: Experiment) -> Iterator[Run | Problem]:
        """Yield the runs of an experiment; one that cannot be read does not stop the others."""
        seen: set[str] = set()
        try:
            for page in _pages(histories.server, [experiment["experiment_id"]], self.found.options):
                yield from self._page(histories, page, experiment, seen)
                if self.stop():
                    return
                histories.server.check()
        except Refused as error:
            reason = f"{self.done:,} runs were read, then: {error}"
            yield Problem(source=self.found.uri, place=f"experiment {experiment['name']}", reason=reason)

    def _page(
        self, histories: Histories, page: list[dict[str, Any]], experiment: Experiment, seen: set[str]
    ) -> Iterator[Run | Problem]:
        options, runs = self.found.options, list[Run]()
        for item in page:
            run = _run(item, experiment, self.found.uri) if _is_since(item, options) else None
            if run is not None and run.run_id not in seen:
                seen.add(run.run_id)
                runs.append(run)
        asked = histories.page([Asked(run_id=run.run_id, lasts=_points(run)) for run in runs])
        for index, run in enumerate(runs):
            if self.stop():
                return
            histories.server.check()
            whole = not options.lasts or run.version in options.known
            yield replace(run, history=partial(asked.points, index)) if whole else _lasts(run)
            self.done += 1
            if self.done % 100 == 0:
                self.watch(Step(stage="read", done=self.done, total=self.found.count or 0, current=self.found.uri))


def _points(run: Run) -> tuple[Point, ...]:
    return tuple(item for item in run.history() if isinstance(item, Point))


def _lasts(run: Run) -> Run:
    return replace(run, version=f"{run.version}{_LAST_ONLY}")


def _run(item: Mapping[str, Any], experiment: Experiment, uri: str) -> Run | None:
    """Return a run with the last values as its history; None for one without an id."""
    info, data = _mapping(item.get("info")), _mapping(item.get("data"))
    run_id = info.get("run_id") or info.get("run_uuid")
    if not run_id:
        return None
    tags = _pairs(data.get("tags"))
    texts = _pairs(data.get("params"))
    params, raw = typed_params(texts)
    names, data_tags = _inputs(item)
    metrics = [entry for entry in data.get("metrics") or () if isinstance(entry, dict) and "key" in entry]
    lasts = tuple(point_of(entry, str(entry["key"]), split_of(str(entry["key"]))) for entry in metrics)
    status = str(info.get("status") or "") or None
    gone = experiment.get("lifecycle_stage") == "deleted"
    return Run(
        tracker="mlflow",
        run_id=str(run_id),
        source=uri,
        experiment=experiment["name"],
        name=tags.get("mlflow.runName") or str(info.get("run_name") or info.get("name") or "") or None,
        status=status,
        state=state_of(status),
        params=params,
        raw_params=raw,
        tags={**told(dict(info)), **tags, **data_tags},
        dataset=names or dataset_of(params),
        started=milliseconds(info.get("start_time")),
        ended=milliseconds(info.get("end_time")),
        parent=tags.get("mlflow.parentRunId"),
        deleted=gone or info.get("lifecycle_stage") == "deleted",
        version=_version(info, texts, tags, data_tags, sorted(map(str, metrics)), experiment["name"], gone),
        history=partial(iter, lasts),
    )


def _version(info: Mapping[str, Any], *parts: Any) -> str:
    """Return a hash of all that a search tells of a run, in an order that does not depend on the server's."""
    ordered = [sorted(part.items()) if isinstance(part, dict) else part for part in (dict(info), *parts)]
    return hashlib.sha256(repr(ordered).encode()).hexdigest()[:20]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _pairs(items: Any) -> dict[str, str]:
    """Return the keys and values of a list of pairs in the order of their keys, as a database gives them."""
    found = {str(item["key"]): str(item.get("value", "")) for item in items or () if _mapping(item).get("key")}
    return dict(sorted(found.items()))


def _inputs(item: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """Return the names of the data sets that a run used, and what is known of each as tags."""
    names, tags = [], dict[str, str]()
    for entry in _mapping(item.get("inputs")).get("dataset_inputs") or ():
        data = _mapping(_mapping(entry).get("dataset"))
        name = str(data.get("name") or data.get("digest") or "")
        if name:
            names.append(name)
            about = {"digest": data.get("digest"), "source": data.get("source"), **_pairs(entry.get("tags"))}
            tags.update({f"dataset.{name}.{key}": str(value) for key, value in about.items() if value})
    return ", ".join(dict.fromkeys(sorted(names))) or None, tags
