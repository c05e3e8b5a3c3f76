"""Evolution over FBNet's 9^22 architectures with real predictors, from Python in batches and from C, one core each.

Both search for worth within a limit of cost that half of all random architectures keep. An evaluation is a
different architecture within the limit whose worth was asked of the kernel; its cost was asked before, as were
those of all beyond the limit ("looked at"). Peers, in the same run: the same loop with numpy in place of the
kernel, and a loop in plain Python with one kernel call an architecture. The floor is the kernel's calls alone: what
is above it is the search.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from augur_edge import spaces
from augur_edge.predict import Predictor
from augur_edge.predict.format import loads
from augur_edge.search import Figure, Found, Limit, evolve, from_predictor

ROOT = Path(__file__).parents[2]
SPACE = spaces.get("fbnet")
PYTHON_RATE, C_RATE = 300_000, 3_000_000
TURNS = 5
EVALUATIONS, BATCH, POPULATION = 300_000, 16384, 4000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    words = [sys.executable, str(ROOT / "examples/search/make_predictors.py"), "-o", str(folder), "--check", "1"]
    subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": path})
    return folder


def limit_of(folder: Path) -> float:
    vectors = np.array(SPACE.sample(2000, random.Random(0)), np.uint8)
    return float(np.median(Predictor.load(folder / "cost.augpred").predict_many(vectors)))


def in_numpy(path: Path) -> Figure:
    """The predictor's tables without the kernel."""
    model = loads(path.read_bytes())
    table, places = np.array([t.values for t in model.tables]), np.arange(22)
    return Figure(model.target, model.unit, lambda v: table[places, v].sum(axis=1) + model.bias)


# Time of the process, as the figures are for a core: the loop has one thread.
def searched(worth: Figure, cost: Figure, bound: float) -> tuple[float, Found]:
    start = time.process_time()
    found = evolve(
        SPACE, worth, [Limit(cost, bound)], evaluations=EVALUATIONS, batch=BATCH, population=POPULATION, seed=1
    )
    return time.process_time() - start, found


def plain_python(worth: Predictor, cost: Predictor, bound: float, evaluations: int) -> float:
    """Seconds of the same search an architecture at a time."""
    rng, people, seen, n = random.Random(1), [], set(), 0
    start = time.process_time()
    while n < evaluations:
        if len(people) < 200:
            child = [rng.randrange(9) for _ in range(22)]
        else:
            mother, father = (max(rng.sample(people, 3)) for _ in range(2))
            child = [rng.choice(pair) for pair in zip(mother[1], father[1])]
            child[rng.randrange(22)] = rng.randrange(9)
        if tuple(child) in seen:
            continue
        seen.add(tuple(child))
        if cost.predict(*child) <= bound:
            people.append((worth.predict(*child), child))
            n += 1
            if len(people) > 200:
                people.remove(min(rng.sample(people, 3)))
    return time.process_time() - start


def test_evolution_from_python(made: Path) -> None:
    worth, cost = (from_predictor(made / f"{name}.augpred", SPACE) for name in ("worth", "cost"))
    plain = [Predictor.load(made / f"{name}.augpred") for name in ("worth", "cost")]
    bound = limit_of(made)
    times: dict[str, list[float]] = {"kernel": [], "numpy": [], "floor": []}
    for _ in range(TURNS):
        took, found = searched(worth, cost, bound)
        times["kernel"].append(took)
        times["numpy"].append(searched(in_numpy(made / "worth.augpred"), in_numpy(made / "cost.augpred"), bound)[0])
        vectors = np.random.default_rng(0).integers(0, 9, (BATCH, 22)).astype(np.uint8)
        start = time.process_time()
        for predictor, count in ((plain[1], found.asked), (plain[0], found.evaluations)):
            for _ in range(count // BATCH):
                predictor.predict_many(vectors)
        times["floor"].append(time.process_time() - start)
    one = 2000 / plain_python(*plain, bound, 2000)
    rates = {name: found.evaluations / min(took) for name, took in times.items()}
    print(f"\n{found.evaluations} evaluated of {found.asked} looked at, one thread, the best of {TURNS} turns")
    for name, rate in (*rates.items(), ("plain Python", one)):
        print(f"{name:>12}: {rate:12.0f} evaluated a second, {1e9 / rate:7.0f} ns each")
    print(f"the kernel alone is {rates['kernel'] / rates['floor']:.0%} of the search's time")
    assert rates["kernel"] >= PYTHON_RATE


def test_evolution_from_c(made: Path, tmp_path: Path) -> None:
    if not shutil.which("cc"):
        pytest.skip("no C compiler here")
    folder = tmp_path / "c"
    shutil.copytree(ROOT / "examples/search/c", folder, ignore=shutil.ignore_patterns("build", "search"))
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    prefix = f"PREFIX={tmp_path / 'prefix'}"
    quietly = ["make", "-s"]
    subprocess.run([*quietly, "install-c", prefix, f"BUILD={tmp_path / 'o'}"], cwd=ROOT, check=True, env=clean)
    subprocess.run([*quietly, prefix], cwd=folder, check=True, env=clean)
    words = ["./search", str(made / "worth.augpred"), str(made / "cost.augpred"), str(limit_of(made)), "2000000"]
    said = [subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout for _ in range(TURNS)]
    rates = [int(re.search(r"(\d+) evaluated a second", text)[1]) for text in said]  # type: ignore[index]
    print(f"\n{said[0].splitlines()[0]}; the best of {TURNS} turns {max(rates)}, {1e9 / max(rates):.0f} ns each")
    assert max(rates) >= C_RATE
