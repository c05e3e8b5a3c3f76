"""Searches on a Dask cluster of real processes: the same as here, whatever is lost meanwhile."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clusters import cluster, kill

from augur_edge.errors import RemoteError
from augur_edge.search import Found, ObjectiveError, evolve, random_search
from augur_edge.search.recipe import Recipe

pytest.importorskip("distributed", reason="the extra [scale]")
from augur_edge.host.cluster import Cluster

CODE = """
import time
def cost(vectors):
    time.sleep(0.002 * len(vectors))
    return vectors.sum(axis=1) + 0.1 * vectors[:, 0]
def picky(vectors):
    if (vectors[:, 0] == 4).any() and (vectors[:, 1] == 4).any():
        raise ValueError("no fours")
    return vectors.sum(axis=1)
"""


def recipe(folder: Path, function: str = "cost") -> Recipe:
    path = folder / "mine.py"
    path.write_text(CODE)
    return Recipe("nasbench201", ("mine",), calls=(f"mine={path}:{function}",))


def same(a: Found, b: Found) -> bool:
    return np.array_equal(a.vectors, b.vectors) and (a.asked, a.evaluations) == (b.asked, b.evaluations)


def test_a_cluster_finds_the_same_and_a_worker_that_is_killed_changes_nothing(tmp_path: Path) -> None:
    mine = recipe(tmp_path)
    job = mine.job()
    figure = job.problem.objectives[0]
    with cluster(2) as found, Cluster(found.scheduler_address, mine) as workers:
        islands: dict[str, Any] = {"evaluations": 120, "islands": 3, "population": 8}
        assert same(evolve(job.space, figure, **islands), evolve(job.space, figure, workers=workers, **islands))
        killed: list[int] = []

        def progress(so_far: Found) -> None:
            if so_far.evaluations > 50 and not killed:
                killed.append(so_far.evaluations)
                kill(found, 0)

        whole = random_search(job.space, figure, evaluations=600, seed=3)
        cut = random_search(job.space, figure, evaluations=600, seed=3, workers=workers, progress=progress)
        assert killed and killed[0] < 600
        assert same(whole, cut)


def test_an_objective_that_raises_on_a_worker_is_named_and_all_workers_lost_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augur_edge.host.cluster.WORKERS_S", 2.0)
    latest: list[Found] = []
    with cluster(1) as found:
        mine = recipe(tmp_path, "picky")
        job = mine.job()
        with (
            Cluster(found.scheduler_address, mine) as workers,
            pytest.raises(ObjectiveError, match="no fours, for nasb"),
        ):
            random_search(job.space, job.problem.objectives[0], workers=workers, progress=latest.append)
        assert latest[-1].evaluations == len(latest[-1].vectors) > 0
        mine = recipe(tmp_path)
        job = mine.job()
        latest.clear()

        def progress(so_far: Found) -> None:
            if not latest:
                kill(found, 0)
            latest.append(so_far)

        with Cluster(found.scheduler_address, mine) as workers, pytest.raises(RemoteError, match="has no workers"):
            random_search(job.space, job.problem.objectives[0], workers=workers, progress=progress)
        assert latest[-1].evaluations > 0


def test_a_scheduler_that_is_not_there_is_told_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augur_edge.host.cluster.CONNECT_S", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    start = time.monotonic()
    with pytest.raises(RemoteError, match="no Dask scheduler answers") as error:
        Cluster(address, recipe(tmp_path))
    assert "\n" not in str(error.value)
    assert time.monotonic() - start < 60
