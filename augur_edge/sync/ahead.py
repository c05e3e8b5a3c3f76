"""Batches read by a second process while this one stores what is in them: both take about as long."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Callable

from augur_edge.errors import AugurError
from augur_edge.store.lines import Record
from augur_edge.store.quick import known_layer
from augur_edge.store.rows import Columns
from augur_edge.sync.batch import records_of

_WORTH_IT = 1 << 20  # bytes of batches, some 12 000 measurements: a process costs as much as reading 1000
_AT_ONCE = 500

Reader = Callable[[Path], Iterator[Record]]


@contextmanager
def reader(paths: Sequence[Path]) -> Iterator[Reader]:
    """A function like `records_of`, to be called for each of `paths` in this order."""
    if (os.cpu_count() or 1) < 2 or sum(map(_size, paths)) < _WORTH_IT:
        yield records_of
        return
    # fork, not spawn: nothing is imported again, and the store's connection is neither used nor closed over there
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_read, args=(paths, here, there), daemon=True)
    child.start()
    there.close()
    try:
        yield _Ahead(here).records_of
    finally:
        here.close()
        child.kill()
        child.join()


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # what is wrong with it, who reads it says
        return 0


class _Ahead:
    """This process's end; batches that nobody asked for, or not to their end, are skipped."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def records_of(self, path: Path) -> Iterator[Record]:
        while self._next() != path:
            pass
        while found := self._next():
            if isinstance(found, Exception):
                raise found
            for record in found:
                yield _unpacked(record) if isinstance(record, tuple) else record

    def _next(self) -> Any:
        """What the other process has sent; see `_read`."""
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as err:
            raise AugurError("the process that reads batches was killed; free some memory and run again") from err


def _read(paths: Sequence[Path], here: Connection, pipe: Connection) -> None:
    """The other process: each batch's path, then blocks of its records and an empty one, or the error that it ends in.

    here: the first process's end, of which a fork has a copy: left open, a pipe whose reader was killed looks read.
    """
    here.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who stores
    for path in paths:
        block: list[Any] = []
        try:
            pipe.send(path)
            for record in records_of(path):
                block.append(_packed(record) if isinstance(record, Columns) else record)
                if len(block) >= _AT_ONCE:
                    pipe.send(block)
                    block = []
            if block:
                pipe.send(block)
            pipe.send([])
        except BrokenPipeError:
            return
        except AugurError as err:
            pipe.send(err)


def _packed(m: Columns) -> tuple[Any, ...]:
    """Without its layer's object, of which a copy would be made for each row."""
    return (m.place, None if m.spec is None else m.spec.packed, m.outcome, m.samples)


def _unpacked(values: tuple[Any, ...]) -> Columns:
    place, spec, outcome, samples = values
    return Columns(place, None if spec is None else known_layer(spec), outcome, samples)
