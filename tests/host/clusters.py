"""Dask clusters of real processes for tests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """A scheduler and worker processes of one thread each, without nannies: what is killed stays away."""
    distributed = pytest.importorskip("distributed", reason="the extra [scale]")
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=":0", processes=True, host="127.0.0.1"
    ) as found:
        yield found


def kill(found: Any, which: int) -> None:
    """A worker and its nanny, as when its machine is lost."""
    nanny = found.workers[which]
    process = nanny.process.process
    nanny.auto_restart = False
    os.kill(process.pid, signal.SIGKILL)
    for _ in range(100):
        if not process.is_alive():
            return
        time.sleep(0.05)
    raise AssertionError("the worker lives on")
