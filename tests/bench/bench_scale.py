"""Measure a large generated base: warm `search` and `ask`, filters, memory, disk, and `citewise search` from cold.

The base is generated (see `generated.py`): its passages' vectors are made up around real ones, while each question pays
for the real model. Building and measuring run in processes of their own, so that memory is that of asking alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import figures
import numpy as np
from generated import Language, build

from assistant.assistant import Assistant
from ingest.split import FINGERPRINT
from kb.embed import MiniLM
from kb.filters import Filters
from kb.knowledge import KnowledgeBase

SMALL = 2000
NOTE = (
    "The base is generated: passages are random words by real frequencies, their vectors lie around real ones.\n"
    "Times of a question hold its real embedding; answers of generated text say nothing about quality."
)
FILTERS = {
    "one collection of a tenth": Filters(collections=("notes",)),
    "one folder of a hundredth": Filters(sources=("area-07",)),
    "nine tenths": Filters(collections=("manual",)),
    "by kind, all pass": Filters(kinds=("markdown",)),
}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds and the result of `work`."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak() -> int:
    """Return the largest resident memory of this process so far in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def searched(kb: KnowledgeBase, questions: Sequence[str], filters: Filters | None = None) -> dict[str, Any]:
    """Return the milliseconds of searches, and of each of their stages."""
    results = [timed(lambda q=q: kb.search(q, filters=filters)) for q in questions]
    return {**figures.spread([seconds for seconds, _ in results]), "stages": stages([r.timings for _, r in results])}


def asked(assistant: Assistant, questions: Sequence[str]) -> dict[str, Any]:
    """Return the milliseconds of answers, of each of their stages, and how many abstained."""
    results = [timed(lambda q=q: assistant.ask(q)) for q in questions]
    found = {**figures.spread([seconds for seconds, _ in results]), "abstained": sum(a.abstained for _, a in results)}
    return {**found, "stages": stages([answer.timings for _, answer in results])}


def stages(timings: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return p50 and p95 of each stage."""
    taken = defaultdict(list)
    for laps in timings:
        for name, seconds in laps.items():
            taken[name].append(seconds)
    return {name: figures.spread(found) for name, found in taken.items()}


def measure_warm(home: Path, count: int) -> dict[str, Any]:
    """Return latency and memory of a process that keeps the home open."""
    language = replace(Language.learn(), random=np.random.default_rng(7))
    questions = [language.question() for _ in range(count + 8)]
    with KnowledgeBase(home, embedder=MiniLM(), splitter=FINGERPRINT) as kb:
        assistant = Assistant(kb=kb)
        for question in questions[count:]:
            assistant.ask(question)
        found: dict[str, Any] = {"search": searched(kb, questions[:count]), "ask": asked(assistant, questions[:count])}
        never = Assistant(kb=kb, abstain_below=0.0)
        found["ask, never abstaining"] = asked(never, questions[:count])
        few = questions[: max(1, count // 4)]
        found["filters"] = {name: searched(kb, few, filters) for name, filters in FILTERS.items()}
        found["chunks"] = kb.catalogue.count("chunks")
        found["resident_mb"], found["peak_mb"] = resident() >> 20, peak() >> 20
    return found


def cold(homes: Mapping[str, Path], rounds: int) -> dict[str, dict[str, float]]:
    """Return the wall seconds of `citewise search` in a fresh process by home, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in homes}
    program = Path(sys.executable).with_name("citewise")
    for number in range(rounds):
        for name, home in homes.items():
            call = [str(program), "--home", str(home), "search", f"stop early when the metric is worse {number}"]
            taken[name].append(timed(lambda call=call: subprocess.run(call, check=True, capture_output=True))[0])
    return {name: figures.range_of(found) for name, found in taken.items()}


def disk(home: Path) -> dict[str, int]:
    """Return the megabytes of each thing in the home."""
    return {
        part.name: sum(p.stat().st_size for p in ([part] if part.is_file() else part.rglob("*")) if p.is_file()) >> 20
        for part in sorted(home.iterdir())
        if part.is_dir() or part.suffix == ".db"
    }


def child(*arguments: str) -> str:
    """Run this file in a process of its own and return what it printed."""
    call = [sys.executable, __file__, *arguments]
    return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout


def build_here(home: Path, chunks: int) -> None:
    """Build a home in this process and print what that took as JSON."""

    def tell(done: int, total: int) -> None:
        if done == total or done % 12_800 == 0:
            print(f"{done:,} of {total:,} in the dense index", file=sys.stderr, flush=True)

    seconds, _ = timed(lambda: build(home, chunks, progress=tell))
    print(json.dumps({"seconds": round(seconds, 1), "peak_mb": peak() >> 20}))


def measure(work: Path, chunks: int, *, questions: int, rounds: int) -> dict[str, Any]:
    """Build what is not there yet in `work` and return all figures."""
    homes = {"small": (work / f"home-{SMALL}", SMALL), "large": (work / f"home-{chunks}", chunks)}
    found: dict[str, Any] = {"build": {}, "disk_mb": {}}
    for name, (home, size) in homes.items():
        if not (home / "done").exists():
            found["build"][name] = json.loads(child("--build", str(home), "--chunks", str(size)))
            (home / "done").touch()
        found["disk_mb"][name] = disk(home)
        found[name] = json.loads(child("--measure", str(home), "--questions", str(questions)))
    return {**found, "cold_s": cold({name: home for name, (home, _) in homes.items()}, rounds)}


def rows_of(found: Mapping[str, Any], name: str) -> list[tuple[str, object]]:
    """Return the table's rows of one home."""
    part, made = found[name], found["build"].get(name)
    rows: list[tuple[str, object]] = [(f"{name} base", f"{part['chunks']:,} chunks")]
    for what in ("search", "ask", "ask, never abstaining"):
        said = f"p50 {part[what]['p50']}, p95 {part[what]['p95']} ({part[what]['n']} questions)"
        rows.append((f"  {what}, ms", said))
    for title, taken in part["filters"].items():
        rows.append((f"  search, {title}, ms", f"p50 {taken['p50']}, p95 {taken['p95']}"))
    rows.append(("  memory while asking, MB", f"resident {part['resident_mb']}, peak {part['peak_mb']}"))
    rows.append(("  disk, MB", ", ".join(f"{file} {size}" for file, size in found["disk_mb"][name].items())))
    start = found["cold_s"][name]
    rows.append(("  citewise search from cold, s", f"{start['min']} / {start['median']} / {start['max']}"))
    if made:
        rows.append(("  built in, s", f"{made['seconds']} (peak {made['peak_mb']} MB)"))
    return rows


def options() -> argparse.Namespace:
    """Read the command line."""
    made = figures.parser(__doc__ or "")
    made.add_argument("--chunks", type=int, default=100_000, metavar="N", help="size of the large base")
    made.add_argument("--questions", type=int, default=200, metavar="N", help="how many questions")
    made.add_argument("--rounds", type=int, default=7, metavar="N", help="how many cold starts of each")
    made.add_argument("--work", type=Path, metavar="DIR", help="keep the bases here, and use those that are there")
    made.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    made.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    return made.parse_args()


def run(given: argparse.Namespace) -> None:
    """Measure both bases and print."""
    before = figures.machine()
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        os.makedirs(work, exist_ok=True)
        found = measure(work, given.chunks, questions=given.questions, rounds=given.rounds)
    rows = rows_of(found, "small") + rows_of(found, "large")
    figures.show("Search and ask over generated bases (cold: min / median / max)", before, rows, [NOTE])
    figures.write(given.json, before, found)


def main() -> None:
    """Run and print."""
    given = options()
    if given.build:
        build_here(given.build, given.chunks)
    elif given.measure:
        print(json.dumps(measure_warm(given.measure, given.questions)))
    else:
        run(given)


if __name__ == "__main__":
    main()
