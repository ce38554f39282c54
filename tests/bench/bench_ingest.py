"""Time the ingest of a documentation folder by Citewise and by the usual LangChain pipeline, in one run.

Both have their model loaded before the clock starts and read the same files, cut into parts that they take in turn, the
one that goes first changing from part to part, so that what else the machine does hits both alike. LangChain:
RecursiveCharacterTextSplitter (1000 characters, 200 overlap), HuggingFaceEmbeddings with the same MiniLM weights,
langchain-chroma on disk. Citewise does more in its time: exact spans, a lexical index, heading vectors.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import figures

from ingest.split import FINGERPRINT
from ingest.sync import sync
from kb.embed import MiniLM
from kb.knowledge import KnowledgeBase

TEXT = {".rst", ".md", ".txt"}


@dataclass(slots=True)
class Tally:
    """What one pipeline did so far."""

    seconds: float = 0.0
    chunks: int = 0
    parts: list[float] = field(default_factory=list)

    def add(self, seconds: float, chunks: int) -> None:
        """Add one part."""
        self.seconds += seconds
        self.chunks += chunks
        self.parts.append(round(seconds, 2))

    def figures(self, size: int) -> dict[str, Any]:
        """Return seconds and rates; `size` is in bytes."""
        return {
            "seconds": round(self.seconds, 2),
            "chunks": self.chunks,
            "mb_per_s": round(size / 1e6 / self.seconds, 4),
            "chunks_per_s": round(self.chunks / self.seconds, 1),
            "seconds_by_part": self.parts,
        }


def cut(folder: Path, into: Path, *, parts: int, limit: int | None) -> tuple[list[Path], int, int]:
    """Copy the text files of `folder` into `parts` folders of like size; return these, the files and their bytes."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in TEXT and path.is_file())
    if limit is not None:
        files = files[:: max(1, len(files) // limit)][:limit]
    folders = [into / f"part-{number}" for number in range(min(parts, len(files)))]
    for number, path in enumerate(sorted(files, key=lambda path: -path.stat().st_size)):
        copy = folders[number % len(folders)] / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return folders, len(files), sum(path.stat().st_size for path in files)


class Citewise:
    """Citewise with its built-in model."""

    def __init__(self, home: Path) -> None:
        self.kb = KnowledgeBase(home, embedder=MiniLM(), splitter=FINGERPRINT)
        self.kb.embedder.embed(["warm"])

    def ingest(self, folder: Path) -> int:
        """Ingest one part and return how many chunks came of it."""
        before = self.kb.catalogue.count("chunks")
        report = sync(self.kb, [str(folder)])
        if report.failed:
            raise SystemExit(f"{report.failed[0].key.source}: {report.failed[0].reason}")
        return self.kb.catalogue.count("chunks") - before

    def again(self, folders: Sequence[Path]) -> dict[str, Any]:
        """Ingest what is in already, then rebuild every index; neither has anything to embed."""
        began = time.perf_counter()
        report = sync(self.kb, [str(folder) for folder in folders])
        second = {"seconds": round(time.perf_counter() - began, 2), "embedded": report.embedded}
        rebuilt = self.kb.rebuild()
        return {"again": second, "rebuild": {"seconds": round(rebuilt.seconds, 2), "embedded": rebuilt.embedded}}


class LangChain:
    """The pipeline that LangChain's own tutorials show."""

    def __init__(self, folder: Path) -> None:
        from langchain_chroma import Chroma
        from langchain_huggingface import HuggingFaceEmbeddings
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        embeddings = HuggingFaceEmbeddings(
            model_name=str(figures.reference_model()), model_kwargs={"device": "cpu", "local_files_only": True}
        )
        embeddings.embed_query("warm")
        self.splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
        self.store = Chroma("documents", embeddings, persist_directory=str(folder))

    def ingest(self, folder: Path) -> int:
        """Ingest one part and return how many chunks came of it."""
        from langchain_core.documents import Document

        files = sorted(path for path in folder.rglob("*") if path.is_file())
        documents = [Document(path.read_text("utf-8"), metadata={"source": str(path)}) for path in files]
        chunks = self.splitter.split_documents(documents)
        self.store.add_documents(chunks)
        return len(chunks)


def timed(work: Callable[[Path], int], folder: Path) -> tuple[float, int]:
    """Return the seconds and the chunks of one part."""
    began = time.perf_counter()
    chunks = work(folder)
    return time.perf_counter() - began, chunks


def measure(source: Path, work: Path, *, parts: int, limit: int | None) -> dict[str, Any]:
    """Ingest all parts by both pipelines in turn and return the figures."""
    folders, files, size = cut(source, work / "files", parts=parts, limit=limit)
    ours, usual = Citewise(work / "home"), LangChain(work / "langchain")
    tallies = {"citewise": Tally(), "langchain": Tally()}
    for number, folder in enumerate(folders):
        order = [("citewise", ours.ingest), ("langchain", usual.ingest)]
        for name, ingest in order if number % 2 == 0 else reversed(order):
            tallies[name].add(*timed(ingest, folder))
        print(f"part {number + 1} of {len(folders)}: {[tally.parts[-1] for tally in tallies.values()]} s", flush=True)
    found = {name: tally.figures(size) for name, tally in tallies.items()}
    ratio = round(tallies["langchain"].seconds / tallies["citewise"].seconds, 2)
    by_part = [b / a for a, b in zip(tallies["citewise"].parts, tallies["langchain"].parts, strict=True)]
    spread = {"ratio_min": round(min(by_part), 2), "ratio_max": round(max(by_part), 2)}
    return {"files": files, "bytes": size, **found, "ratio": ratio, **spread, **ours.again(folders)}


def options() -> argparse.Namespace:
    """Read the command line."""
    made = figures.parser(__doc__ or "")
    made.add_argument("--data", type=Path, metavar="DIR", help="a folder of .rst, .md or .txt files")
    made.add_argument("--files", type=int, metavar="N", help="take only N files, for a quick look")
    made.add_argument("--parts", type=int, default=6, metavar="N", help="in how many parts the two take turns")
    return made.parse_args()


def main() -> None:
    """Run and print."""
    given = options()
    source, before = figures.documentation(given.data), figures.machine()
    with tempfile.TemporaryDirectory() as work:
        found = measure(source, Path(work), parts=given.parts, limit=given.files)
    rows: list[tuple[str, object]] = [("files", f"{found['files']}, {found['bytes'] / 1e6:.2f} MB")]
    for name in ("citewise", "langchain"):
        f = found[name]
        said = f"{f['seconds']:.1f} s, {f['mb_per_s']:.3f} MB/s, {f['chunks']} chunks, {f['chunks_per_s']:.1f}/s"
        rows.append((name, said))
    rows.append(("langchain / citewise", f"{found['ratio']:.2f} (by part {found['ratio_min']}–{found['ratio_max']})"))
    for name, title in (("again", "the same again"), ("rebuild", "rebuild")):
        rows.append((title, f"{found[name]['seconds']:.2f} s, {found[name]['embedded']} texts embedded"))
    figures.show("Ingest of documentation", before, rows)
    figures.write(given.json, before, found)


if __name__ == "__main__":
    main()
