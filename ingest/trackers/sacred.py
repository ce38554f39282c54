"""Sacred's file observer: a numbered folder per run with run.json, config.json and metrics.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ingest.trackers.files import Unreadable, parse_json, read_mapping, read_text, version_of
from ingest.trackers.folder import Facet, Folder
from ingest.trackers.values import MAX_TEXT, dataset_of, flat, moment, number, points_of, scalars, whole
from kb.records import Point, Problem, Run, split_of, state_of

_MAX = 400 * 2**20


def _is_here(folder: Folder) -> bool:
    return folder.has("run.json") and any(name in folder.files for name in ("config.json", "cout.txt", "metrics.json"))


def _read(folder: Folder) -> Iterator[Run | Problem]:
    told: dict[str, dict[str, Any]] = {}
    for name in ("run.json", "config.json"):
        try:
            told[name] = read_mapping(folder.path / name) if folder.has(name) else {}
        except Unreadable as error:
            told[name] = {}
            yield Problem(source=folder.of(name), reason=str(error))
    run, config = told["run.json"], _without_pickles(told["config.json"])
    params = flat(config)
    started, zoned = moment(run.get("start_time"))
    experiment = run.get("experiment")
    status = str(run.get("status") or "") or None
    yield Run(
        tracker="sacred",
        run_id=folder.path.name,
        source=folder.source,
        experiment=str(experiment.get("name") or "") or None if isinstance(experiment, Mapping) else None,
        status=status,
        state=state_of(status),
        params=params,
        tags=_tags(run),
        dataset=dataset_of(params),
        started=started,
        ended=moment(run.get("stop_time") or run.get("heartbeat"))[0],
        zoned=zoned,
        aliases=(folder.source,),
        version=version_of(folder.path / name for name in ("run.json", "config.json", "metrics.json", "info.json")),
        history=partial(_history, folder, run.get("result")),
    )


def _without_pickles(value: Any, depth: int = 0) -> Any:
    """Leave out the marks of jsonpickle, which say how a Python object would be made."""
    if depth > 100:
        return None
    if isinstance(value, Mapping):
        kept = {key: _without_pickles(item, depth + 1) for key, item in value.items() if not str(key).startswith("py/")}
        return kept["value"] if "py/object" in value and "value" in kept else kept
    return [_without_pickles(item, depth + 1) for item in value] if isinstance(value, list) else value


def _tags(run: Mapping[str, Any]) -> dict[str, str]:
    trace = run.get("fail_trace")
    told = {key: run[key] for key in ("command", "captured_out_cutoff") if run.get(key)}
    for key in ("host", "experiment"):
        value = run.get(key)
        if isinstance(value, Mapping):
            kept = {k: v for k, v in value.items() if k not in ("sources", "ENV") and v}
            told[key] = kept
    tags = scalars(told)
    meta = run.get("meta")
    if isinstance(meta, Mapping) and meta.get("comment"):
        tags["comment"] = str(meta["comment"])
    if trace:
        tags["fail_trace"] = ("".join(map(str, trace)) if isinstance(trace, list) else str(trace))[-MAX_TEXT:]
    if run.get("result") is not None and number(run["result"]) is None and not isinstance(run["result"], Mapping):
        tags["result"] = str(run["result"])[:MAX_TEXT]
    return tags


def _history(folder: Folder, result: Any) -> Iterator[Point | Problem]:
    try:
        metrics = parse_json(read_text(folder.path / "metrics.json", _MAX)) if folder.has("metrics.json") else {}
    except Unreadable as error:
        metrics = {}
        yield Problem(source=folder.of("metrics.json"), reason=str(error))
    for name, series in metrics.items() if isinstance(metrics, Mapping) else ():
        if not isinstance(series, Mapping) or not isinstance(series.get("values"), list):
            continue
        values, steps, times = series["values"], series.get("steps") or [], series.get("timestamps") or []
        for at, raw in enumerate(values):
            value = number(_without_pickles(raw))
            if value is None:
                yield Problem(
                    source=folder.of("metrics.json"), place=f"{name}[{at}]", reason=f"{raw!r:.80} is no number"
                )
                continue
            time = moment(times[at])[0] if at < len(times) else None
            yield Point(name, value, whole(steps[at]) if at < len(steps) else None, time, split_of(name))
    value = _without_pickles(result)
    yield from points_of(value if isinstance(value, Mapping) else {"result": value}, None)


FACET = Facet(is_here=_is_here, read=_read, why="run.json beside config.json", also=frozenset({"results"}))
