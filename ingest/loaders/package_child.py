"""Reads a package's public API by importing it; runs as a process of its own and needs the standard library only.

`python -c … main()` with a JSON object as argument prints one JSON object a line: what is being imported, each public
object, each submodule that failed. Whatever the package itself prints goes nowhere.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import pkgutil
import re
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TextIO

MODULE_SECONDS = 60
BOILERPLATE_CLASSES = 8
MAX_DOC = 200_000
MAX_MEMBERS = 1_000

_SKIPPED = frozenset(
    {
        "benchmarks",
        "conftest",
        "examples",
        "extern",
        "externals",
        "setup",
        "test",
        "tests",
        "third_party",
        "vendor",
        "vendored",
    }
)
# In many packages the objects live in such a part and the documented place is above it
_INTERNAL = frozenset({"compat", "core", "internal", "internals", "lib", "libs", "src"})
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SIGNATURE_LINE = re.compile(r"[\w.]+(\(.*\)(?:\s*->.*)?)\s*\Z")


class _TooLong(Exception):
    """A submodule does not finish importing."""


@dataclass(slots=True, kw_only=True)
class _Candidate:
    """A public object and its best public path so far; lower rank is better."""

    value: Any
    name: str
    module: str
    rank: tuple[object, ...]
    is_module: bool = False
    record: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Read the request from the command line and print the package's API to what was standard output."""
    request = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    warnings.simplefilter("ignore")
    _inspect(request["modules"], frozenset(request.get("skip", ())), out)
    out.flush()
    os._exit(0)  # threads and exit hooks of the imported package must not keep the process


def _inspect(names: list[str], skip: frozenset[str], out: TextIO) -> None:
    def say(message: dict[str, Any]) -> None:
        out.write(json.dumps(message, sort_keys=True) + "\n")
        out.flush()

    modules: list[ModuleType] = []
    for name in names:
        modules += _walk(name, skip, say)
    found = _collect(modules, frozenset(name.partition(".")[0] for name in names))
    for record in _records(_described(found, say)):
        say({"item": record})
    say({"done": True})


def _walk(name: str, skip: frozenset[str], say: Callable[[dict[str, Any]], None]) -> Iterator[ModuleType]:
    """Import a module and its public submodules, outermost first; one that fails is told and left out."""
    if name in skip:
        return
    say({"importing": name})
    try:
        with _limit(MODULE_SECONDS):
            module = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - anything can happen in foreign code, SystemExit included
        say({"failed": name, "reason": f"{type(error).__name__}: {error}"[:300]})
        return
    yield module
    flat = _exports(module) if "." not in name else 0
    for info in sorted(pkgutil.iter_modules(getattr(module, "__path__", [])), key=lambda info: info.name):
        part = info.name
        if part.startswith(("_", "test_")) or part in _SKIPPED or (flat >= 20 and part in _INTERNAL):
            continue
        yield from _walk(f"{name}.{part}", skip, say)


def _exports(module: ModuleType) -> int:
    """Count what the package offers at its top: with many classes and functions there, its inner parts are not API."""
    values = (value for key, value in vars(module).items() if not key.startswith("_"))
    return sum(1 for value in values if inspect.isclass(value) or callable(value))


@contextlib.contextmanager
def _limit(seconds: int) -> Iterator[None]:
    """Interrupt an import that hangs, where the system can."""

    def stop(*_: object) -> None:
        raise _TooLong(f"still importing after {seconds} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _collect(modules: list[ModuleType], roots: frozenset[str]) -> list[_Candidate]:
    """Return each public object once, under its best path, ordered by qualified name."""
    best: dict[int, _Candidate] = {}
    for module in modules:
        best.setdefault(
            id(module),
            _Candidate(value=module, name="", module=module.__name__, rank=(), is_module=True),
        )
        for candidate in _candidates(module, roots):
            known = best.get(id(candidate.value))
            if known is None or (not known.is_module and candidate.rank < known.rank):
                best[id(candidate.value)] = candidate
    return sorted(best.values(), key=lambda found: (found.module, found.name))


def _candidates(module: ModuleType, roots: frozenset[str]) -> Iterator[_Candidate]:
    listed = getattr(module, "__all__", None)
    exported = {name for name in listed if isinstance(name, str)} if isinstance(listed, list | tuple) else None
    for name in sorted(exported if exported is not None else vars(module)):
        if name.startswith("_"):
            continue
        try:
            value = getattr(module, name)
        except Exception:  # noqa: BLE001 - a lazy attribute may need a package that is not installed
            continue
        if isinstance(value, ModuleType) or not _belongs(value, module, roots, exported is not None):
            continue
        own = getattr(value, "__name__", name) != name
        path = module.__name__
        rank = (exported is None, own, path.count("."), len(path), path, name)
        yield _Candidate(value=value, name=name, module=path, rank=rank)


def _belongs(value: Any, module: ModuleType, roots: frozenset[str], exported: bool) -> bool:
    """Tell whether a value is API of this package and documented; without `__all__`, helpers imported are not."""
    if not _documented(value):
        return False
    home = _text(getattr(value, "__module__", None) or getattr(type(value), "__module__", ""))
    if not (inspect.isclass(value) or inspect.isroutine(value) or callable(value)):
        return home.partition(".")[0] in roots
    if home and home.partition(".")[0] not in roots:
        return False
    return exported or hasattr(module, "__path__") or home == module.__name__


def _documented(value: Any) -> bool:
    try:
        doc = value.__doc__
    except Exception:  # noqa: BLE001 - foreign attribute access
        return False
    if not isinstance(doc, str) or not doc.strip():
        return inspect.isclass(value) or inspect.isfunction(value)
    return inspect.isclass(value) or inspect.isroutine(value) or doc != type(value).__doc__


def _described(found: list[_Candidate], say: Callable[[dict[str, Any]], None]) -> list[_Candidate]:
    """Fill in each candidate's record; return those whose objects could be looked into."""
    public = {id(one.value) for one in found if inspect.isclass(one.value)}
    for one in found:
        try:
            one.record = _record(one, public)
        except Exception as error:  # noqa: BLE001 - foreign objects may raise at any look
            say({"failed": f"{one.module}.{one.name}", "reason": f"{type(error).__name__}: {error}"[:300]})
    return [one for one in found if one.record]


def _records(found: list[_Candidate]) -> list[dict[str, Any]]:
    contents: dict[str, list[dict[str, str]]] = {}
    for one in found:
        if not one.is_module:
            entry = {"name": one.name, "type": one.record["type"], "doc": one.record["doc"].split("\n\n")[0][:300]}
            contents.setdefault(one.module, []).append(entry)
    seen = Counter((m["name"], m["doc"]) for one in found for m in one.record["members"] if not one.is_module)
    for one in found:
        members = contents.get(one.module, []) if one.is_module else one.record["members"]
        if not one.is_module:
            members = [m for m in members if seen[(m["name"], m["doc"])] < BOILERPLATE_CLASSES]
        one.record["members"] = members[:MAX_MEMBERS]
    return [one.record for one in found if one.record["doc"] or one.record["members"]]


def _record(one: _Candidate, public: set[int]) -> dict[str, Any]:
    name = one.module if one.is_module else f"{one.module}.{one.name}"
    return {
        "name": name,
        "type": _type(one.value),
        "module": one.module,
        "signature": "" if one.is_module else _signature(one.value),
        "doc": _doc(one.value),
        "members": _members(one.value, public) if inspect.isclass(one.value) else [],
    }


def _type(value: Any) -> str:
    if isinstance(value, ModuleType):
        return "module"
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if callable(value) else "constant"


def _members(value: type, public: set[int]) -> list[dict[str, str]]:
    """Return public methods and properties with a docstring of their own, private bases' included.

    What a public base documents stands in that base's own document.
    """
    root = value.__module__.partition(".")[0]
    found: dict[str, dict[str, str]] = {}
    hidden: set[str] = set()
    for base in value.__mro__:
        if base is not value and (id(base) in public or base.__module__.partition(".")[0] != root):
            continue
        for name, member in sorted(vars(base).items()):
            constructor = name == "__init__" and base is value and inspect.isfunction(member) and _doc(member)
            if (name.startswith("_") and not constructor) or name in hidden or inspect.isclass(member):
                continue
            hidden.add(name)
            record = _member(value, name, member)
            if record:
                found[name] = record
    return [found[name] for name in sorted(found)]


def _member(owner: type, name: str, member: Any) -> dict[str, str] | None:
    plain = member.__func__ if isinstance(member, classmethod | staticmethod) else member
    attribute = isinstance(member, property) or not callable(plain)
    try:
        target = plain if attribute else getattr(owner, name, plain)
    except Exception:  # noqa: BLE001 - foreign descriptors may refuse
        target = plain
    doc = _doc(plain) or ("" if attribute else _doc(target))
    if not doc or doc == _doc(type(plain)):
        return None
    kind = "property" if attribute else "method"
    return {"name": name, "type": kind, "signature": "" if attribute else _method_signature(target), "doc": doc}


def _doc(value: Any) -> str:
    """Return an object's own docstring, dedented; not the one that a class inherits."""
    try:
        doc = value.__doc__
        return inspect.cleandoc(doc).strip()[:MAX_DOC] if isinstance(doc, str) else ""
    except Exception:  # noqa: BLE001 - foreign attribute access
        return ""


def _method_signature(value: Any) -> str:
    """Return a method's signature as it is called, without `self` or `cls`."""
    signature = _signature(value)
    return re.sub(r"^\((?:self|cls)(?:, (?:/, )?|(?=\)))", "(", signature)


def _signature(value: Any) -> str:
    """Return `(…)` with defaults, the first docstring line where C code documents it there, or nothing."""
    try:
        return _ADDRESS.sub("", str(_plain(inspect.signature(value), inspect.isclass(value))))
    except Exception:  # noqa: BLE001 - builtins have none, and foreign `__signature__` may raise anything
        first = _doc(value).split("\n", 1)[0]
        match = _SIGNATURE_LINE.match(first)
        return match[1] if match and len(first) < 500 else ""


class _Bare:
    """An annotation that was written as a string, shown without its quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _plain(signature: inspect.Signature, is_class: bool) -> inspect.Signature:
    """Return the signature as a person writes it: unquoted annotations, and no `-> None` behind a constructor."""
    parameters = [one.replace(annotation=_bare(one.annotation)) for one in signature.parameters.values()]
    returned = inspect.Signature.empty if is_class else _bare(signature.return_annotation)
    return signature.replace(parameters=parameters, return_annotation=returned)


def _bare(annotation: object) -> object:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
