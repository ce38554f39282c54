"""The project keeps its own rules: who may import what, every version pinned, every file shipped, README up to date."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kb.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PACKAGES = ("kb", "ingest", "assistant", "ui")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SHIPPED = PROJECT["tool"]["setuptools"]["package-data"]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def ruff(source: str, name: str) -> str:
    call = [sys.executable, "-m", "ruff", "check", "--stdin-filename", name, "--output-format", "concise", "-"]
    return subprocess.run(call, cwd=ROOT, input=source, capture_output=True, text=True, check=False).stdout


def copy_of_the_code(folder: Path) -> Path:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.css"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_imports_go_from_the_faces_down_to_the_knowledge_base() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("kb/fuse.py", "import ingest.sync"),
        ("ingest/report.py", "import assistant.types"),
        ("assistant/types.py", "import ui"),
        ("kb/types.py", "import kb.text"),
    ],
)
def test_an_import_against_the_direction_is_refused(tmp_path: Path, file: str, line: str) -> None:
    code = copy_of_the_code(tmp_path)
    with (code / file).open("a", encoding="utf-8") as out:
        out.write(f"\n{line}\n")
    done = lint_imports(code)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize(
    ("package", "door"),
    [
        ("chromadb", "kb/dense.py"),
        ("sentence_transformers", "kb/embed.py"),
        ("openai", "assistant/providers.py"),
        ("streamlit", "ui/app.py"),
    ],
)
def test_a_heavy_package_comes_in_by_its_own_door_only(package: str, door: str) -> None:
    source = f"import {package}\n\nprint({package})\n"
    assert "TID251" in ruff(source, "kb/other.py")
    assert "TID251" not in ruff(source, door)


def pinned() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def wanted() -> Iterator[Requirement]:
    """Yield what the project asks for with all extras, and what that asks for in turn, where it is installed."""
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    waiting, seen = [*map(Requirement, [*project["dependencies"], *extras])], set[str]()
    while waiting:
        requirement = waiting.pop()
        yield requirement
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        waiting += [r for r in below(requirement) if not r.marker or applies(r, requirement.extras)]


def below(requirement: Requirement) -> list[Requirement]:
    try:
        return [Requirement(line) for line in requires(requirement.name) or ()]
    except PackageNotFoundError:
        return []


def applies(requirement: Requirement, extras: set[str]) -> bool:
    assert requirement.marker is not None
    return any(requirement.marker.evaluate({"extra": extra}) for extra in (*extras, ""))


def is_of_torch_for_gpus(name: str) -> bool:
    """Tell whether a package comes only with PyTorch's CUDA build, whose own metadata pins it."""
    return name == "triton" or name.startswith(("nvidia-", "cuda-"))


def test_every_package_that_can_be_installed_is_pinned() -> None:
    versions = pinned()
    missing = {r.name for r in wanted() if canonicalize_name(r.name) not in versions}
    assert {name for name in missing if not is_of_torch_for_gpus(name)} == set()


def test_every_pin_is_a_version_that_the_project_allows() -> None:
    versions = pinned()
    assert versions["torch"] == "2.13.0"
    assert all("+" not in version and "/" not in version for version in versions.values())
    direct = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    assert [str(r) for r in direct if not r.specifier.contains(versions[canonicalize_name(r.name)])] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_beside_the_code_is_shipped(package: str) -> None:
    folder = ROOT / package
    there = {path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    shipped = {path for pattern in SHIPPED.get(package, ()) for path in folder.glob(pattern)}
    assert there - shipped == set()


@pytest.mark.xfail(not README.exists(), reason="there is no README.md yet", strict=False)
@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_readme_names_every_setting(name: str) -> None:
    assert f"`{name}`" in README.read_text("utf-8")


def test_a_question_to_the_documents_loads_nothing_that_only_tables_need() -> None:
    code = "import sys, assistant.assistant, assistant.wire; print({'pandas', 'scipy', 'duckdb'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
