"""What the power sampler costs the loop that is measured: the same loop with it and without, taking turns.

`make bench` prints the figures; for a quiet run put `chrt -f 20 taskset -c 1` before the command: the sampler's thread
then goes to another processor, as under `measure`.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from augur_edge import timing, zoo
from augur_edge.measure.energy import cpus_for_sampling
from augur_edge.measure.targets import write
from augur_edge.runtime import RuntimeOptions, get
from augur_edge.runtime.base import Task
from augur_edge.stats import median_ci

TURNS = 60  # of each, in pairs whose order is drawn
TURN_NS = 50_000_000
MOST = 0.01

pytestmark = pytest.mark.skipif(timing.native is None, reason="the native timing module is not built")


def tasks() -> dict[str, Task]:
    """A loop that only computes in its caches, and one that moves memory, too."""
    made: dict[str, Task] = {}
    for name in ("squeezenet1_0", "mobilenet_v3_small"):
        model = write(zoo.build(name), "onnxruntime", "float32")
        made[name] = get("onnxruntime").deploy(model, RuntimeOptions()).whole
    return made


def turn_ns(task: Task, passes: int) -> float:
    """Median ns of a call."""
    out = np.zeros(passes, np.int64)
    timing.replay([task], out)
    return float(np.median(out))


def test_the_sampler_costs_the_loop_less_than_one_percent(tmp_path: Path) -> None:
    path = tmp_path / "power1_input"
    path.write_text("005000\n")
    cpus = cpus_for_sampling(tuple(timing.get_affinity()))
    sampler = timing.FileSampler([str(path)] * 2, 1_000_000, 600_000)
    for name, task in tasks().items():
        passes = max(3, int(TURN_NS / turn_ns(task, 5)))
        ratios = []
        for _ in range(TURNS):
            found = {}
            for on in random.sample([False, True], 2):
                if on:
                    sampler.start(cpus)
                found[on] = turn_ns(task, passes)
                sampler.stop()
            ratios.append(found[True] / found[False])
        rows = np.frombuffer(sampler.take(), np.int64).reshape(-1, 3)
        steps_ns = np.diff(rows[:, 0])
        within = steps_ns[steps_ns < 20_000_000]  # a longer step is the turn without
        low, high = median_ci(np.array(ratios)) or (np.nan, np.nan)
        cost = float(np.median(ratios)) - 1
        print(
            f"\n{name}: {100 * cost:+.2f} % (95 % interval {100 * (low - 1):+.2f} to {100 * (high - 1):+.2f}), "
            f"{1e9 / within.mean():.0f} samples in a second, jitter {within.std() / 1000:.0f} us, "
            f"loop on {timing.get_affinity()}, sampler on {list(cpus) or 'any'} of {os.cpu_count()}"
        )
        assert cost < MOST
