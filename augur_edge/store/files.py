"""Files of other people opened, and files of ours written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Callable, TextIO

from augur_edge.errors import AugurError, UsageError


def opened(path: Path) -> BinaryIO:
    """The file for reading bytes. Raises UsageError where it cannot be opened."""
    try:
        return path.open("rb")
    except OSError as err:
        raise UsageError(f"{path}: {err.strerror or err}") from err


@contextmanager
def text_output(path: Path | None) -> Iterator[TextIO]:
    """A stream for UTF-8 text into `path`, or stdout for None; see `write_whole`."""
    if path is None:
        yield sys.stdout
        return
    with _replaced(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file that becomes `path` when it is complete; until then what was there stays."""
    with _replaced(path) as temporary:
        write(temporary)


def write_bytes(path: Path, data: bytes) -> None:
    """All of `data` into `path`; see `write_whole`."""
    with _replaced(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    target = path.resolve()  # a link stays a link
    if target.exists() and not target.is_file():  # /dev/null, a pipe
        yield target
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as err:
        raise AugurError(f"{path}: cannot be written: {err.strerror or err}") from err
    finally:
        temporary.unlink(missing_ok=True)
