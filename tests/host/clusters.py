"""Dask clusters of real processes for tests."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

START_S = 60.0

Workers = list["subprocess.Popen[bytes]"]


@contextmanager
def cluster(count: int) -> Iterator[tuple[str, Workers]]:
    """A scheduler's address, and worker processes of one thread each; one that is killed stays away."""
    distributed = pytest.importorskip("distributed", reason="the extra [scale]")
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0", host="127.0.0.1") as found:
        address = found.scheduler_address
        words = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
        workers = [subprocess.Popen([*words, "--no-dashboard"], stderr=subprocess.DEVNULL) for _ in range(count)]
        try:
            with distributed.Client(address, set_as_default=False) as client:
                client.wait_for_workers(count, timeout=START_S)
            yield address, workers
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


def kill(worker: subprocess.Popen[bytes]) -> None:
    """As when its machine is lost."""
    worker.kill()
    worker.wait()
    time.sleep(0.1)  # until the scheduler has seen it
