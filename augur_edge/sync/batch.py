"""Batches: runs as gzipped JSON Lines in a file named by its content, written and read in bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from augur_edge.errors import AugurError, DataError, NewerDataError
from augur_edge.store import RunRecord, Store
from augur_edge.store.ledger import Unsent
from augur_edge.store.lines import Record, Records, write_lines
from augur_edge.sync.names import BatchName, device_name, printable

# A measurement's line is some 600 bytes, with 100 000 samples 1 MiB; parsed, a hostile one takes 25 times its bytes.
LONGEST_LINE = 2 << 20
LARGEST_FILE = 512 << 20
MOST_BYTES = 2 << 30
_ENOUGH_BYTES = 8 << 20  # then a batch is full: what a lost connection costs is at most so much
_ENOUGH_TEXT = 256 << 20
_LEVEL = 3
_BLOCK = 1 << 20


class BadBatchError(DataError):
    """A batch that is not what its name says, or no batch at all."""


class _TooLargeError(DataError):
    """A run that no reader would take."""


class _Lines(io.TextIOWrapper):
    """Counts what it takes, and takes no line that a reader would refuse."""

    total = 0

    def write(self, text: str) -> int:
        self.total += len(text)
        if len(text) > LONGEST_LINE:
            raise _TooLargeError(f"a record of {len(text)} bytes; a batch takes {LONGEST_LINE}, some 190000 samples")
        if self.total > MOST_BYTES:
            raise _TooLargeError(f"more than {MOST_BYTES} bytes in all")
        return super().write(text)


class Packed(NamedTuple):
    """A batch and the runs in it, None and none where no run fits; refused: why some that came up do not."""

    path: Path | None
    runs: list[Unsent]
    refused: dict[Unsent, str]


def pack(store: Store, unsent: Sequence[Unsent], folder: Path) -> Packed:
    """Write a batch of the first of these runs, until it is full; one that is too large for any is left out.

    All runs are of one device. Raises AugurError where `folder` cannot be written, DataError where their device has a
    name that cannot stand in a file's.
    """
    device = device_name(unsent[0].device)
    refused: dict[Unsent, str] = {}
    temporary = folder / ".packing"
    try:
        while left := [one for one in unsent if one not in refused]:
            packed: list[Unsent] = []
            try:
                _write(store, left, temporary, packed)
            except _TooLargeError as err:  # a part of it is in the file: again, without it
                refused[left[len(packed)]] = str(err)
                continue
            with temporary.open("rb") as file:
                name = BatchName(device, packed[0].run, packed[-1].run, digest_of(file))
            return Packed(temporary.replace(folder / str(name)), packed, refused)
        temporary.unlink(missing_ok=True)
    except OSError as err:
        raise AugurError(f"{folder}: cannot pack a batch here: {err.strerror}; set TMPDIR to another folder") from err
    return Packed(None, [], refused)


def _write(store: Store, unsent: Sequence[Unsent], path: Path, packed: list[Unsent]) -> None:
    """Until the batch is full; notes in `packed` what is in it."""
    with path.open("wb") as file:
        zipped = gzip.GzipFile("", "wb", _LEVEL, file, mtime=0)
        with zipped, _Lines(zipped, "utf-8", newline="\n") as lines:
            for one in unsent:
                write_lines(store.load(one.run), lines)
                packed.append(one)
                if file.tell() >= _ENOUGH_BYTES or lines.total >= _ENOUGH_TEXT:
                    return


def digest_of(file: BinaryIO) -> str:
    """SHA-256 of the rest of a file, in hex digits."""
    hasher = hashlib.sha256()
    for block in iter(lambda: file.read(_BLOCK), b""):
        hasher.update(block)
    return hasher.hexdigest()


def records_of(path: Path) -> Iterator[Record]:
    """The records of a batch, after its digest was checked; each run's device is the one in the name.

    Raises BadBatchError for anything wrong with the batch, NewerDataError where a newer program wrote it, and
    AugurError where the file cannot be read.
    """
    name = BatchName.parse(path.name)
    runs: list[str] = []
    with _opened(path) as file:
        if digest_of(file) != name.sha256:
            raise BadBatchError(f"{path.name}: its SHA-256 is not the one in its name: damaged or cut short")
        file.seek(0)
        try:
            for record in Records(_lines(file), path.name):
                if isinstance(record, RunRecord):
                    _demand_device(record.device, name)
                    runs.append(record.id)
                yield record
        except NewerDataError:
            raise
        except DataError as err:
            raise BadBatchError(str(err)) from err
        except (EOFError, zlib.error, gzip.BadGzipFile) as err:
            raise BadBatchError(f"{path.name}: not a gzip file, or a damaged one: {err}") from err
    if (runs[0], runs[-1]) != (name.first, name.last):
        raise BadBatchError(f"{path.name}: holds runs {runs[0]} to {runs[-1]}")


def _demand_device(device: str, name: BatchName) -> None:
    if device != name.device:
        raise BadBatchError(f"{name}: has a run of {printable(device)}, another device than its name says")


def _opened(path: Path) -> BinaryIO:
    """A plain file of bearable size; never through a link, and no pipe or device that would block or never end."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as err:
        if path.is_symlink():
            raise BadBatchError(f"{path.name}: a link, not a file") from err
        raise AugurError(f"{path}: {err.strerror}") from err
    file = os.fdopen(number, "rb")
    state = os.fstat(number)
    if not stat.S_ISREG(state.st_mode) or state.st_size > LARGEST_FILE:
        file.close()
        what = f"{state.st_size} bytes, more than {LARGEST_FILE}" if stat.S_ISREG(state.st_mode) else "not a plain file"
        raise BadBatchError(f"{path.name}: {what}")
    return file


def _lines(file: BinaryIO) -> Iterator[bytes]:
    total = 0
    with gzip.GzipFile(fileobj=file, mode="rb") as zipped, io.BufferedReader(zipped, _BLOCK) as lines:
        while line := lines.readline(LONGEST_LINE + 1):
            total += len(line)
            if len(line) > LONGEST_LINE or total > MOST_BYTES:
                raise DataError(f"a line above {LONGEST_LINE} bytes, or above {MOST_BYTES} bytes unpacked")
            yield line
