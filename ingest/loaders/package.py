"""Docstrings of installed packages: every public object is a source of its own, for exactly the version installed.

A child process imports the package, so that its crashes, prints and hangs stay there; `load` needs no import at all.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import json
import os
import platform
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.loaders import numpydoc
from ingest.loaders.build import DocumentBuilder
from kb.errors import LoadFailed
from kb.types import BlockKind, Document

TIMEOUT = 600.0
MAX_CRASHES = 5
LONG_SIGNATURE = 88

_CHILD = "import sys; sys.path.append(sys.argv.pop()); from ingest.loaders.package_child import main; main()"
_INSTALL = "install it in the environment that runs citewise: `pip install {}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageItem:
    """One public object: its qualified name, what `load` reads (the same bytes while it is unchanged), the version."""

    source: str
    data: bytes
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A package's public objects and, as (submodule, reason), the submodules that could not be imported."""

    items: tuple[PackageItem, ...]
    failed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    modules: tuple[str, ...]
    distribution: str
    version: str


def discover(name: str) -> Iterator[PackageItem]:
    """Yield the public objects of an installed package, named by its import or distribution name.

    Raises LoadFailed where it is not installed or cannot be imported.
    """
    yield from inspect_package(name).items


def inspect_package(name: str, *, timeout: float = TIMEOUT) -> Inspection:
    """Import the package in a child process and return its public objects, ordered by qualified name."""
    package = _find(name)
    deadline = time.monotonic() + timeout
    skip: list[str] = []
    crashes: list[tuple[str, str]] = []
    while True:
        records, failed, crashed = _run(package.modules, skip, deadline)
        if crashed is None:
            break
        module, reason = crashed
        crashes.append(crashed)
        skip.append(module)
        if module in package.modules or len(crashes) > MAX_CRASHES:
            raise LoadFailed(f"importing {module} {reason}", hint=f"check that `python -c 'import {module}'` works")
    problems = (*crashes, *failed)
    if not records:
        reason = problems[0][1] if problems else "it has no public documented objects"
        raise LoadFailed(f"nothing could be read from the package {name!r}: {reason}")
    return Inspection(items=tuple(_item(record, package) for record in records), failed=problems)


def _item(record: Mapping[str, Any], package: _Package) -> PackageItem:
    full = {**record, "package": package.distribution, "version": package.version}
    data = json.dumps(full, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")
    return PackageItem(source=record["name"], data=data, version=package.version)


def _find(name: str) -> _Package:
    """Return what `name` stands for: a distribution's modules, or an importable module with its distribution."""
    name = name.strip()
    by_import = importlib.metadata.packages_distributions()
    top = name.partition(".")[0]
    if top in by_import or _importable(top):
        distribution = _closest(top, by_import.get(top, []))
        if _importable(name):
            return _Package(modules=(name,), distribution=distribution, version=_version(distribution, top))
    wanted = _canonical(name)
    modules = sorted(
        module
        for module, owners in by_import.items()
        if any(_canonical(owner) == wanted for owner in owners) and not module.startswith("_") and module.isidentifier()
    )
    if modules:
        return _Package(modules=tuple(modules), distribution=name, version=_version(name, modules[0]))
    known = {*by_import, *(owner for owners in by_import.values() for owner in owners)}
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.6)
    nearest = f"; nearest installed: {', '.join(near)}" if near else ""
    raise LoadFailed(
        f"the package {name!r} is not installed in this Python environment{nearest}", hint=_INSTALL.format(name)
    )


def _closest(module: str, owners: Sequence[str]) -> str:
    """Return the distribution that a module is named by; several may share a namespace package."""
    same = [owner for owner in owners if _canonical(owner) == _canonical(module)]
    return (same or sorted(owners) or [module])[0]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _importable(name: str) -> bool:
    """Tell whether a top-level module is there, or a dotted one might be, without importing it."""
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _version(distribution: str, module: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return platform.python_version() if module in sys.stdlib_module_names else ""


Crash = tuple[str, str] | None


def _run(
    modules: Sequence[str], skip: Sequence[str], deadline: float
) -> tuple[list[dict[str, Any]], list[tuple[str, str]], Crash]:
    """Run the child once; return its records, failed submodules, and (submodule, how) where it died."""
    records: list[dict[str, Any]] = []
    failed: list[tuple[str, str]] = []
    current = modules[0]
    process = _start(modules, skip)
    try:
        for line in _lines(process, deadline):
            message = json.loads(line)
            current = message.get("importing", current)
            if "item" in message:
                records.append(message["item"])
            elif "failed" in message:
                failed.append((message["failed"], message["reason"]))
            elif "done" in message:
                return records, failed, None
    except TimeoutError as error:
        raise LoadFailed(
            f"importing the package took too long (it was at {current})",
            hint=f"name a part of it, for example package:{current.rpartition('.')[0] or current}",
        ) from error
    finally:
        process.kill()
        process.communicate()
    return records, failed, (current, "ended the Python process")


def _start(modules: Sequence[str], skip: Sequence[str]) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[2])
    request = json.dumps({"modules": list(modules), "skip": list(skip)})
    # A fixed hash seed gives sets in signatures one order; -P keeps the working folder from shadowing the package
    environment = {**os.environ, "PYTHONHASHSEED": "0", "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _CHILD, request, root],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
        encoding="utf-8",
    )


def _lines(process: subprocess.Popen[str], deadline: float) -> Iterator[str]:
    """Yield the child's lines until it ends; raise TimeoutError at the deadline."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    while True:
        try:
            line = lines.get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            process.kill()
            thread.join(5)
            raise TimeoutError from None
        if line is None:
            thread.join()
            return
        yield line


def load(data: bytes, name: str) -> Document:
    """Return the document of one public object, as `discover` described it."""
    try:
        record = json.loads(data)
        return _document(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadFailed(f"{name} is no description of a package's object: {error}") from error


def _document(record: Mapping[str, Any]) -> Document:
    builder = DocumentBuilder()
    builder.heading(record["name"], 1)
    short = record["name"].rpartition(".")[2]
    if record["type"] != "module" and record["signature"]:
        builder.add(BlockKind.CODE, _wrapped(record["name"] + record["signature"]))
    numpydoc.render(builder, _without_signature(record["doc"], record["signature"]), level=2)
    if record["type"] == "module":
        _contents(builder, record["members"])
    else:
        for member in record["members"]:
            _member(builder, short, member)
    return builder.build("package", record["name"], _metadata(record))


def _metadata(record: Mapping[str, Any]) -> dict[str, str]:
    name, module = record["name"], record["module"]
    line = f"import {name}" if name == module else f"from {module} import {name.rpartition('.')[2]}"
    found = {
        "package": record["package"],
        "version": record["version"],
        "type": record["type"],
        "import": line,
    }
    return {key: value for key, value in found.items() if value}


def _member(builder: DocumentBuilder, owner: str, member: Mapping[str, str]) -> None:
    builder.heading(member["name"], 2)
    if member["signature"]:
        builder.add(BlockKind.CODE, _wrapped(f"{owner}.{member['name']}{member['signature']}"))
    numpydoc.render(builder, _without_signature(member["doc"], member["signature"]), level=3)


def _contents(builder: DocumentBuilder, members: Sequence[Mapping[str, str]]) -> None:
    """List a module's public objects, one a line, each with what it is for."""
    if not members:
        return
    builder.heading("Contents", 2)
    rows = (f"{entry['name']} — {numpydoc.summary(entry['doc'])}" for entry in members)
    builder.add(BlockKind.LIST, "\n".join(row.removesuffix(" — ") for row in rows))


def _without_signature(doc: str, signature: str) -> str:
    """Drop a first line that only repeats the signature, as C extensions write it."""
    first, _, rest = doc.partition("\n")
    repeated = bool(signature) and bool(re.fullmatch(r"[\w.]+\(.*\)(?:\s*->.*)?", first.strip()))
    return rest if repeated and rest.strip() else doc


def _wrapped(call: str) -> str:
    """Put each parameter of a long signature on a line of its own."""
    opening = call.find("(")
    if len(call) <= LONG_SIGNATURE or opening < 0:
        return call
    parts, closing = _arguments(call, opening)
    body = "".join(f"    {part},\n" for part in parts)
    return f"{call[: opening + 1]}\n{body}{call[closing:]}" if parts else call


def _arguments(call: str, opening: int) -> tuple[list[str], int]:
    """Split the arguments after `opening` at their top-level commas; return them and where the bracket closes."""
    depth, start, quote = 0, opening + 1, ""
    parts: list[str] = []
    for at in range(opening, len(call)):
        char = call[at]
        if quote:
            quote = "" if char == quote and call[at - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        if (depth == 1 and char == "," and not quote) or depth == 0:
            parts.append(call[start:at].strip())
            start = at + 1
            if depth == 0:
                return [part for part in parts if part], at
    return [], len(call)
