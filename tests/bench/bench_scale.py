"""A scoring job by one and by two Dask workers: 1.8 times as fast, and the very same found.

`pytest -s tests/bench/bench_scale.py` on a quiet machine with two processors or more. The job: random architectures of
FBNet, as many as one worker scores in about ten seconds. One and two workers take turns, three times; the best counts.
"""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from augur_edge.predict.format import dumps
from augur_edge.predict.model import Feature, Model, Table
from augur_edge.search import Found, random_search
from augur_edge.search.recipe import Recipe
from augur_edge.search.work import Job

distributed = pytest.importorskip("distributed", reason="the extra [scale]")
from augur_edge.host.cluster import Cluster  # noqa: E402 - without the extra there is nothing to import

JOB_S, TURNS, WANTED = 10.0, 3, 1.8


def recipe() -> Recipe:
    """A predictor with a value for each answer, limited to its cheaper half."""
    rng = np.random.default_rng(0)
    tables = tuple(Table(slot, rng.uniform(1e5, 1e6, 9).astype(np.float32)) for slot in range(22))
    model = Model((Feature("macs", 207),), (), encoder="fbnet/1", tables=tables)
    return Recipe("fbnet", ("latency",), ("latency_ms<=12.1",), predictors=(("bench", dumps(model)),))


def timed(job: Job, mine: Recipe, address: str, evaluations: int) -> tuple[float, Found]:
    """Seconds, and what was found."""
    with Cluster(address, mine) as workers:
        random_search(job.space, job.problem.objectives[0], job.problem.limits, evaluations=1000, workers=workers)
        start = time.perf_counter()
        found = random_search(
            job.space, job.problem.objectives[0], job.problem.limits, evaluations=evaluations, workers=workers
        )
        return time.perf_counter() - start, found


def test_two_workers_score_faster_than_one() -> None:
    mine = recipe()
    job = mine.job()
    seconds: dict[int, list[float]] = {1: [], 2: []}
    kind = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=1, **kind) as one, distributed.LocalCluster(n_workers=2, **kind) as two:
        trial = 2_000_000
        spent, _ = timed(job, mine, one.scheduler_address, trial)
        evaluations = int(trial * JOB_S / spent)
        found = {}
        for _ in range(TURNS):
            for n, cluster in ((1, one), (2, two)):
                spent, found[n] = timed(job, mine, cluster.scheduler_address, evaluations)
                seconds[n].append(spent)
    best = {n: min(s) for n, s in seconds.items()}
    rate = {n: found[n].asked / best[n] / 1e6 for n in best}
    text = ", ".join(f"{n}: {best[n]:.2f} s ({rate[n]:.2f} million looked at a second)" for n in best)
    print(f"\n{evaluations} evaluations by workers {text}; {best[1] / best[2]:.2f} times as fast")
    assert np.array_equal(found[1].vectors, found[2].vectors)
    assert found[1].asked == found[2].asked
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one processor")
    assert best[1] / best[2] >= WANTED
