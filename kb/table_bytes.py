"""The bytes of a table file: what kind they are, unpacked within a limit, and their fingerprint."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from kb.errors import TableTooLarge, TableUnreadable

BLOCK = 1 << 20
BOMB = 200
"""A packed file that unpacks to more than this many times its size, and past the limit, is refused."""
PACKED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
BINARY = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x7fELF", "a program"),
    (b"ARROW1", "an Arrow (Feather) file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
)
CONVERT = "export it as CSV, Parquet, Excel or JSON lines and open that"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file on disk: `container` is parquet, excel, or text, `compression` how it is packed, `size` in bytes."""

    path: Path
    size: int
    container: str
    compression: str = ""
    member: str = ""

    @property
    def suffix(self) -> str:
        """Return the lower-case ending of the name under any packing: `.csv` of `a.csv.gz`."""
        named = Path(self.member or self.path.name)
        return Path(named.stem).suffix.lower() if self.compression and not self.member else named.suffix.lower()


def identify(path: Path) -> File:
    """Return what the file at `path` is, by its first bytes. Raises TableUnreadable."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise TableUnreadable(path, "it is not a file", hint="name a file, not a folder or a device")
        with path.open("rb") as opened:
            head = opened.read(512)
    except OSError as error:
        raise TableUnreadable(path, error.strerror or str(error), hint="check the path and its permissions") from None
    if not size:
        raise TableUnreadable(path, "it is empty (0 bytes)", hint="check that the export or download was finished")
    return _identified(path, size, head)


def _identified(path: Path, size: int, head: bytes) -> File:
    if head.startswith(b"PAR1"):
        return File(path=path, size=size, container="parquet")
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path, size)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise _old_office(path)
    for magic, name in PACKED:
        if head.startswith(magic):
            return File(path=path, size=size, container="text", compression=name)
    for magic, what in BINARY:
        if head.startswith(magic):
            raise TableUnreadable(path, f"it is {what}", hint=CONVERT)
    return File(path=path, size=size, container="text")


def _old_office(path: Path) -> TableUnreadable:
    with path.open("rb") as opened:
        locked = "EncryptedPackage".encode("utf-16-le") in opened.read(1 << 26)
    if locked:
        return TableUnreadable(path, "it is protected by a password", hint="save it without a password and open that")
    return TableUnreadable(path, "it is an old Excel file (.xls)", hint="save it as .xlsx or CSV and open that")


def _zipped(path: Path, size: int) -> File:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise TableUnreadable(path, f"the zip file is broken ({error})", hint="download or export it again") from None
    if any(entry.filename in ("xl/workbook.xml", "xl/workbook.bin") for entry in entries):
        return File(path=path, size=size, container="excel")
    kept = [entry for entry in entries if not entry.filename.startswith("__MACOSX/")]
    if len(kept) != 1:
        named = ", ".join(entry.filename for entry in kept[:5]) or "nothing"
        raise TableUnreadable(path, f"the zip file holds {len(kept)} files ({named})", hint="unpack it and name one")
    if kept[0].flag_bits & 1:
        raise TableUnreadable(path, "the zip file is protected by a password", hint="unpack it and name the table")
    return File(path=path, size=size, container="text", compression="zip", member=kept[0].filename)


@contextmanager
def reading(file: File) -> Iterator[IO[bytes]]:
    """Open a file for reading unpacked bytes."""
    if file.compression == "zip":
        with zipfile.ZipFile(file.path) as archive, archive.open(file.member) as opened:
            yield opened
        return
    with _OPEN[file.compression](file.path) as opened:
        yield opened


def _zstd(path: Path) -> Any:
    return pa.input_stream(str(path), compression="zstd")


_OPEN: dict[str, Any] = {
    "": lambda path: path.open("rb"),
    "gzip": gzip.open,
    "bz2": bz2.open,
    "xz": lzma.open,
    "zstd": _zstd,
}


def unpacked(file: File, limit: int) -> bytes:
    """Return all bytes of `file`, unpacked. Raises TableTooLarge past `limit`, TableUnreadable for a broken file."""
    data = start_of(file, limit + 1)
    if len(data) > limit:
        raise past_limit(file, limit)
    return data


def past_limit(file: File, limit: int) -> TableTooLarge:
    """Return the error for a packed file that unpacks past `limit`."""
    size = f"it unpacks to more than {f'{limit >> 20:,} MB' if limit >> 20 else f'{limit:,} bytes'}"
    if is_bomb(file, limit):
        return TableTooLarge(
            file.path, f"{size}, over {BOMB} times its size", hint="unpack it, if you trust its source"
        )
    return TableTooLarge(file.path, f"{size}, the limit for {file.compression} files", hint="unpack it and open that")


def is_bomb(file: File, limit: int) -> bool:
    """Tell whether the first `limit` unpacked bytes come from less than one in `BOMB` of them."""
    if not file.compression or limit > file.size * BOMB or file.compression == "zip":
        return bool(file.compression) and limit > file.size * BOMB
    with file.path.open("rb") as raw:
        opened = _STREAMS[file.compression](raw)
        left = limit
        while left > 0 and (part := opened.read(BLOCK)):
            left -= len(part)
        return limit - left > raw.tell() * BOMB


_STREAMS: dict[str, Any] = {
    "gzip": lambda raw: gzip.GzipFile(fileobj=raw),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "zstd": lambda raw: pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd"),
}
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError)


def start_of(file: File, count: int) -> bytes:
    """Return up to `count` first bytes of `file`, unpacked. Raises TableUnreadable for a broken file."""
    parts, left = [], count
    try:
        if not file.compression and count >= file.size:
            return file.path.read_bytes()
        with reading(file) as opened:
            while left > 0 and (part := opened.read(min(BLOCK * 8, left))):
                parts.append(part)
                left -= len(part)
    except (
        EOFError,
        OSError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:
        so_far = f" after {count - left:,} bytes" if left < count else ""
        why = f"it cannot be unpacked: {file.compression or 'reading'} breaks off{so_far} ({error})"
        raise TableUnreadable(
            file.path, why, hint="the file is cut short or damaged; download or export it again"
        ) from None
    return b"".join(parts)


def fingerprint(path: Path, *, whole_below: int = 512 << 20) -> tuple[str, bool]:
    """Return the SHA-256 of a file's content, and whether all of it was read.

    Of a file of `whole_below` bytes or more, and 64 MB at least, it is that of the size and of 64 blocks of 1 MB.
    """
    size = path.stat().st_size
    with path.open("rb") as opened:
        if size < max(whole_below, 64 * BLOCK):
            return hashlib.file_digest(opened, "sha256").hexdigest(), True
        made = hashlib.sha256(str(size).encode())
        for number in range(64):
            opened.seek((size - BLOCK) * number // 63)
            made.update(opened.read(BLOCK))
        return made.hexdigest(), False


def available_memory() -> int:
    """Return the bytes of memory that this process may still take, as far as the system tells."""
    info = Path("/proc/meminfo")
    lines = info.read_text("ascii").splitlines() if info.is_file() else []
    free = next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)
    if not free:
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if hasattr(os, "sysconf") else 4 << 30
    return min(free, *_cgroup_room(free))


def _cgroup_room(free: int) -> tuple[int, ...]:
    folder = Path("/sys/fs/cgroup")
    try:
        most, used = ((folder / name).read_text("ascii").strip() for name in ("memory.max", "memory.current"))
        return (max(0, int(most) - int(used)),)
    except (OSError, ValueError):
        return (free,)
